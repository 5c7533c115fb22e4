"""Connections, and beside each its secret part.

A connection's row also holds what a consent under way needs: the encrypted flow, the digest of its single-use state,
and later the digest of the one-time confirmation. All of it goes when the connection is confirmed or erased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.clock import to_text
from shared.errors import VersionConflict
from shared.model import Account, Connection, ConnectionStatus, Owner
from shared.store.codec import account_key, connection_of_row, connection_values, owner_key
from shared.store.secrets import GrantVault
from shared.store.tables import DUE_SHARDS, ConnectionRow
from shared.store.transactions import conditional

LONGEST_ID = 256
"""Characters; DynamoDB refuses to look for a key that is empty or longer than 2 kB, and ours are shorter anyway."""


class ConnectionStore:
    def __init__(self, vault: GrantVault) -> None:
        self._vault = vault

    # --- the connection itself

    def load(self, connection_id: str) -> Connection | None:
        row = _row(connection_id)
        return connection_of_row(row) if row else None

    def create(self, connection: Connection, *, flow: bytes, state_digest: str) -> None:
        """A new pending connection with its encrypted flow."""
        row = ConnectionRow(
            connection.id,
            **connection_values(connection),
            version=0,
            flow=self._vault.seal(connection.id, flow),
            state_digest=state_digest,
        )
        with conditional():
            row.save(condition=ConnectionRow.id.does_not_exist())

    def save(self, connection: Connection) -> Connection:
        """Replace everything but the secret part, if nobody else did so since it was loaded (`VersionConflict`)."""
        values = connection_values(connection)
        actions = [
            getattr(ConnectionRow, name).remove() if value is None else getattr(ConnectionRow, name).set(value)
            for name, value in values.items()
        ]
        saved = replace(connection, version=connection.version + 1)
        with conditional():
            ConnectionRow(connection.id).update(
                actions=[*actions, ConnectionRow.version.set(saved.version)],
                condition=ConnectionRow.version == connection.version,
            )
        return saved

    def delete(self, connection_id: str) -> None:
        ConnectionRow(connection_id).delete()

    def of_owner(self, owner: Owner) -> list[Connection]:
        rows = ConnectionRow.by_owner.query(owner_key(owner))
        return [connection_of_row(row) for row in rows]

    def with_account(self, provider: str, account: Account) -> list[Connection]:
        """All connections, anybody's, that use this provider account."""
        rows = ConnectionRow.by_account.query(account_key(provider, account))
        return [connection_of_row(row) for row in rows]

    def due(self, now: datetime) -> Iterator[Connection]:
        """Connections that something is still to be done about: a consent that lapsed, work that did not go on."""
        for shard in DUE_SHARDS:
            for row in ConnectionRow.by_due.query(shard, ConnectionRow.due_at <= to_text(now)):
                yield connection_of_row(row)

    # --- its secret part

    def take_flow(self, connection_id: str, state_digest: str) -> bytes:
        """The flow of a consent under way, once: the state is spent with it. Raises `VersionConflict` if it is not
        this connection's state or was spent before."""
        row = _row(connection_id)
        if row is None or row.flow is None:
            raise VersionConflict("This sign-in was used already.")
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[ConnectionRow.state_digest.remove(), ConnectionRow.flow.remove()],
                condition=(ConnectionRow.state_digest == state_digest)
                & (ConnectionRow.status == ConnectionStatus.PENDING.value),
            )
        return self._vault.open(connection_id, row.flow)

    def hold_grant(self, connection: Connection, secret: bytes, confirmation_digest: str) -> None:
        """Keep the grant of a pending connection until the same user confirms it."""
        self.save(connection)
        ConnectionRow(connection.id).update(
            actions=[
                ConnectionRow.grant.set(self._vault.seal(connection.id, secret)),
                ConnectionRow.confirmation_digest.set(confirmation_digest),
            ],
            condition=ConnectionRow.status == ConnectionStatus.PENDING.value,
        )

    def confirmation_digest(self, connection_id: str) -> str:
        row = _row(connection_id)
        return (row.confirmation_digest or "") if row else ""

    def spend_confirmation(self, connection_id: str, digest: str) -> None:
        """The confirmation works once. Raises `VersionConflict` if it was spent."""
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[ConnectionRow.confirmation_digest.remove()],
                condition=ConnectionRow.confirmation_digest == digest,
            )

    def secret(self, connection_id: str) -> bytes | None:
        """The grant's secret, or None if there is none. Raises `GrantUnreadable`."""
        row = _row(connection_id)
        return self._vault.open(connection_id, row.grant) if row and row.grant else None

    def replace_secret(self, connection_id: str, secret: bytes) -> None:
        """Store a secret that its use changed; a connection that was erased meanwhile stays erased."""
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[ConnectionRow.grant.set(self._vault.seal(connection_id, secret))],
                condition=ConnectionRow.grant.exists(),
            )

    def adopt_secret(self, connection_id: str, secret: bytes) -> None:
        """Give a connection a (new) secret, whether or not it had one."""
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[ConnectionRow.grant.set(self._vault.seal(connection_id, secret))],
                condition=ConnectionRow.id.exists(),
            )

    def erase_secret(self, connection_id: str) -> None:
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[
                    ConnectionRow.grant.remove(),
                    ConnectionRow.flow.remove(),
                    ConnectionRow.state_digest.remove(),
                    ConnectionRow.confirmation_digest.remove(),
                ],
                condition=ConnectionRow.id.exists(),
            )


def _row(connection_id: str) -> ConnectionRow | None:
    if not 0 < len(connection_id) <= LONGEST_ID:
        return None
    try:
        return ConnectionRow.get(connection_id, consistent_read=True)
    except ConnectionRow.DoesNotExist:
        return None
