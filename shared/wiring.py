"""Where the parts of a function are put together: settings in, the use cases' `House` out. Nothing here decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.clock import now
from shared.config import (
    ApiSettings,
    OauthCallbackSettings,
    ProviderSettings,
    RenewSubscriptionsSettings,
    SyncWorkerSettings,
)
from shared.connections import ConsentSettings
from shared.house import Accounts, House
from shared.notifications import PURPOSE as NOTIFICATION
from shared.oauth_state import PURPOSE as STATE
from shared.organization_keys import KeysInSecretsManager, NoKeys
from shared.providers import PROVIDERS, UnknownProvider, open_provider
from shared.providers.base import ClientSecret, Provider
from shared.providers.client_entry import read_client
from shared.queue import JobQueue, NoticeQueue
from shared.secret_entries import read_entry, read_keyring
from shared.store.stores import open_store
from shared.subscriptions import PushSettings

if TYPE_CHECKING:
    from shared.jobs import Ways


@dataclass
class OpenedProviders:
    """Providers by name, opened when first asked for; again when their client secret was rotated."""

    settings: ProviderSettings
    _opened: dict[str, tuple[ClientSecret, Provider]] = field(default_factory=dict)

    def __call__(self, name: str) -> Provider:
        if name not in PROVIDERS:
            raise UnknownProvider(name)
        entry = read_entry(getattr(self.settings, f"{name}_client_secret"))
        client = read_client(entry)
        known, provider = self._opened.get(name, (None, None))
        if provider is None or known != client:
            provider = open_provider(name, self.settings, client)
            self._opened[name] = (client, provider)
        return provider


def make_accounts(settings: OauthCallbackSettings) -> Accounts:
    return Accounts(open_store(settings, settings.grant_key_arn), OpenedProviders(settings), now)


def make_house(settings: ApiSettings | SyncWorkerSettings | RenewSubscriptionsSettings) -> House:
    return House(
        store=open_store(settings, settings.grant_key_arn),
        providers=OpenedProviders(settings),
        clock=now,
        jobs=JobQueue(settings.jobs_queue_url),
        notices=NoticeQueue(settings.notices_queue_url),
        keys=NoKeys()
        if isinstance(settings, RenewSubscriptionsSettings)
        else KeysInSecretsManager(settings.organization_secrets_prefix),
    )


def make_push(settings: SyncWorkerSettings | RenewSubscriptionsSettings) -> PushSettings:
    return PushSettings(
        address=settings.push_url,
        keyring=read_keyring(settings.notification_keys_secret, NOTIFICATION),
        poll_every=timedelta(minutes=settings.poll_minutes),
    )


def make_ways(settings: SyncWorkerSettings) -> Ways:
    from shared.jobs import Ways  # with the whole pipeline behind it, which no other function needs

    return Ways(make_push(settings), timedelta(days=settings.window_back_days))


def make_consent(settings: ApiSettings | OauthCallbackSettings) -> ConsentSettings:
    origins = settings.allowed_origins if isinstance(settings, ApiSettings) else ""
    return ConsentSettings(
        public_url=settings.public_url,
        keyring=read_keyring(settings.state_keys_secret, STATE),
        allowed_origins=tuple(origin.strip() for origin in origins.split(",") if origin.strip()),
    )
