"""Settings: one small typed class per function, read once from the environment when the function first runs.

A name here is an environment variable of the same name in upper case; `tests/infra` ties each class to the variables
that the template sets. Secrets are never settings: a setting holds the name of a Secrets Manager entry.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self


class MissingSetting(Exception):
    """A setting without default is not in the environment; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings classes; fields are `str`, or `float` where the template passes a number."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read every field from the variable of its name; an empty variable counts as absent.

        Raises `MissingSetting` naming all that lack a value, `ValueError` for a number that is none.
        """
        values: dict[str, str | float] = {}
        missing: list[str] = []
        for field in fields(cls):
            text = environment.get(field.name.upper(), "")
            if text:
                values[field.name] = float(text) if field.type == "float" else text
            elif field.default is MISSING:
                missing.append(field.name.upper())
        if missing:
            raise MissingSetting(f"Set these environment variables: {', '.join(missing)}.")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class WebhookReceiverSettings(Settings):
    jobs_queue_url: str
    notification_keys_secret: str


@dataclass(frozen=True, kw_only=True)
class StoreSettings(Settings):
    connections_table: str
    calendars_table: str
    events_table: str
    links_table: str
    pending_table: str
    history_table: str
    deliveries_table: str


@dataclass(frozen=True, kw_only=True)
class GoogleSettings(Settings):
    """Where Google is. The defaults are the real one; a simulator of its wire can be put behind each."""

    google_client_secret: str
    google_accounts_url: str = "https://accounts.google.com"
    google_oauth_url: str = "https://oauth2.googleapis.com"
    google_api_url: str = "https://www.googleapis.com"
    provider_ca_file: str = ""


@dataclass(frozen=True, kw_only=True)
class MicrosoftSettings(Settings):
    """Where Microsoft is, and whose accounts may sign in: `common` (work, school and personal), `organizations`,
    `consumers`, or one tenant's id or domain."""

    microsoft_client_secret: str
    microsoft_login_url: str = "https://login.microsoftonline.com"
    microsoft_graph_url: str = "https://graph.microsoft.com"
    microsoft_tenant: str = "common"
    provider_ca_file: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderSettings(GoogleSettings, MicrosoftSettings):
    """What a function that uses accounts is told of all providers."""


@dataclass(frozen=True, kw_only=True)
class OauthCallbackSettings(ProviderSettings):
    connections_table: str
    grant_key_arn: str
    state_keys_secret: str
    public_url: str
    allowed_origins: str
    help_url: str


@dataclass(frozen=True, kw_only=True)
class SyncWorkerSettings(StoreSettings, ProviderSettings):
    grant_key_arn: str
    organization_secrets_prefix: str
    notification_keys_secret: str
    jobs_queue_url: str
    notices_queue_url: str
    push_url: str = ""
    poll_minutes: float = 15.0
    window_back_days: float = 30.0


@dataclass(frozen=True, kw_only=True)
class RenewSubscriptionsSettings(StoreSettings, ProviderSettings):
    grant_key_arn: str
    notification_keys_secret: str
    jobs_queue_url: str
    notices_queue_url: str
    push_url: str = ""
    poll_minutes: float = 15.0


@dataclass(frozen=True, kw_only=True)
class ApiSettings(StoreSettings, ProviderSettings):
    grant_key_arn: str
    organization_secrets_prefix: str
    state_keys_secret: str
    jobs_queue_url: str
    jobs_dlq_url: str
    notices_queue_url: str
    notices_dlq_url: str
    public_url: str
    allowed_origins: str
    help_url: str
    help_address: str = ""
    help_content: str = ""
    push_url: str = ""
    poll_minutes: float = 15.0
    window_back_days: float = 30.0


@dataclass(frozen=True, kw_only=True)
class DeliverWebhooksSettings(Settings):
    deliveries_table: str
    notices_queue_url: str
    host_webhook_secret: str
    host_webhook_url: str = ""
