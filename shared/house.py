"""What every use case works with: the stores, the queues, the clock and the opened providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.errors import ConnectionRevoked, VersionConflict
from shared.keys import quota_user
from shared.model import Connection, HostMessage
from shared.organization_keys import NoKeys, OrganizationKeys
from shared.providers.base import Provider, Session
from shared.queue import JobQueue, NoticeQueue
from shared.store.events import SWEEP_AFTER
from shared.store.secrets import GrantUnreadable
from shared.store.stores import Store


class Providers(Protocol):
    def __call__(self, name: str) -> Provider:
        """The provider of that name. Raises KeyError if there is none."""


@dataclass(frozen=True)
class Accounts:
    """What is needed to use connected accounts."""

    store: Store
    providers: Providers
    clock: Callable[[], datetime]
    keys: OrganizationKeys = field(default_factory=NoKeys, kw_only=True)

    def open(self, connection: Connection, organization: Connection | None = None) -> Session:
        """The connection's account; for a person of an organisation's staff the person's mailbox, by the permission of
        `organization`, which is read if it is not given. Raises `ConnectionRevoked` if the secret part is gone or
        unreadable."""
        provider, quota = self.providers(connection.provider), quota_user(connection.id)
        if not connection.member_of:
            return provider.open(self.secret(connection), quota_user=quota, privacy=connection.policy.privacy)
        secret = self.secret(organization or self.organization_of(connection))
        mailbox = connection.account.name if connection.account else connection.mailbox
        return provider.open(secret, quota_user=quota, privacy=connection.policy.privacy, mailbox=mailbox)

    def secret(self, connection: Connection, *, fresh: bool = False) -> bytes:
        """The connection's own secret part. A key may have been read some minutes ago, unless it is to be `fresh`.
        Raises `ConnectionRevoked` if there is none that can be read."""
        try:
            if connection.organization is not None and connection.organization.has_key:
                secret = self.keys.current(connection.id, fresh=fresh)
            else:
                secret = self.store.connections.secret(connection.id)
        except GrantUnreadable as error:
            raise ConnectionRevoked("The stored permission cannot be read.", code="grant_unreadable") from error
        if secret is None:
            raise ConnectionRevoked("There is no stored permission.", code="grant_missing")
        return secret

    def organization_of(self, connection: Connection) -> Connection:
        """The organisation whose staff a person is of. Raises `ConnectionRevoked` if it is gone."""
        organization = self.store.connections.load(connection.member_of)
        if organization is None or organization.organization is None:
            raise ConnectionRevoked("The organisation is not connected any more.", code="organization_gone")
        return organization

    def keep_secret(self, connection: Connection, session: Session) -> None:
        """Store a token that was refreshed on the way; if the connection was erased meanwhile, it stays erased. Where a
        key signs, nothing needs to be kept."""
        secret = session.calendars.secret()
        if secret is None:
            return
        try:
            self.store.connections.replace_secret(connection.member_of or connection.id, secret)
        except VersionConflict:
            return


@dataclass(frozen=True)
class House(Accounts):
    """The accounts, and the two queues."""

    jobs: JobQueue
    notices: NoticeQueue

    def tell(self, notice: HostMessage) -> None:
        """Tell the host app: stored first, so that it is sent even if this process ends here."""
        self.store.deliveries.add(notice, notice.at + SWEEP_AFTER)
        self.notices.send(notice)
