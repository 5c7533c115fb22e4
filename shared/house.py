"""What every use case works with: the stores, the queues, the clock and the opened providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.errors import ConnectionRevoked, VersionConflict
from shared.keys import quota_user
from shared.model import Connection, HostMessage
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

    def open(self, connection: Connection) -> Session:
        """The connection's account. Raises `ConnectionRevoked` if its secret part is gone or unreadable."""
        try:
            secret = self.store.connections.secret(connection.id)
        except GrantUnreadable as error:
            raise ConnectionRevoked("The stored permission cannot be read.", code="grant_unreadable") from error
        if secret is None:
            raise ConnectionRevoked("There is no stored permission.", code="grant_missing")
        provider = self.providers(connection.provider)
        return provider.open(secret, quota_user=quota_user(connection.id), privacy=connection.policy.privacy)

    def keep_secret(self, connection: Connection, session: Session) -> None:
        """Store a token that was refreshed on the way; if the connection was erased meanwhile, it stays erased."""
        secret = session.calendars.secret()
        if secret is None:
            return
        try:
            self.store.connections.replace_secret(connection.id, secret)
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
