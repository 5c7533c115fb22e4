"""Connections, and beside each its secret part.

A connection's row also holds what a consent under way needs: the encrypted flow, the digest of its single-use state,
and later the digest of the one-time confirmation. All of it goes when the connection is confirmed or erased.

Beside the connections stand places: one row for each owner and account, naming the connection that holds it. Taking it
and becoming active are one transaction, so an owner never has two active connections with one account. In the same way
an organisation has one place for each mailbox of its staff.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from shared.clock import to_text
from shared.errors import VersionConflict
from shared.keys import account_place
from shared.model import Account, Connection, ConnectionStatus, Owner
from shared.store.codec import account_key, connection_of_row, connection_values, owner_key
from shared.store.secrets import GrantVault
from shared.store.tables import DUE_SHARDS, ConnectionRow
from shared.store.transactions import conditional, write_all

LONGEST_ID = 256
"""Characters; DynamoDB refuses to look for a key that is empty or longer than 2 kB, and ours are shorter anyway."""


class ConnectionStore:
    def __init__(self, vault: GrantVault) -> None:
        self._vault = vault

    # --- the connection itself

    def load(self, connection_id: str) -> Connection | None:
        row = _row(connection_id)
        return connection_of_row(row) if row and row.status else None

    def create(self, connection: Connection, *, flow: bytes = b"", state_digest: str = "") -> None:
        """A new pending connection, with the encrypted flow of its consent if that is under way."""
        row = ConnectionRow(
            connection.id,
            **connection_values(connection),
            version=0,
            flow=self._vault.seal(connection.id, flow) if flow else None,
            state_digest=state_digest or None,
        )
        with conditional():
            row.save(condition=ConnectionRow.id.does_not_exist())

    def save(self, connection: Connection) -> Connection:
        """Replace everything but the secret part, if nobody else did so since it was loaded (`VersionConflict`)."""
        with conditional():
            ConnectionRow(connection.id).update(
                actions=_actions(connection), condition=ConnectionRow.version == connection.version
            )
        return replace(connection, version=connection.version + 1)

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

    # --- the staff of an organisation

    def staff(self, organization_id: str, *, limit: int, after: str = "") -> list[Connection]:
        """The people on an organisation's list, by their user ids, from behind `after` on."""
        behind = ConnectionRow.user_id > after if after else None
        rows = ConnectionRow.by_organization.query(organization_id, behind, limit=limit)
        return [connection_of_row(row) for row in rows]

    def holder_of(self, place: str) -> str:
        """The connection that holds a mailbox's place, or ""."""
        row = _row(place)
        return (row.held_by or "") if row else ""

    def save_member(
        self, connection: Connection, *, new: bool = False, takes: str = "", gives_up: str = ""
    ) -> Connection:
        """Save a person's connection, or with `new` make it, and with it take one mailbox's place and give another up:
        all of it, or nothing (`VersionConflict`)."""
        expected = ConnectionRow.id.does_not_exist() if new else ConnectionRow.version == connection.version

        def save(transaction: TransactWrite) -> None:
            transaction.update(ConnectionRow(connection.id), actions=_actions(connection), condition=expected)

        def take(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(takes),
                actions=[ConnectionRow.held_by.set(connection.id), ConnectionRow.expires_at_s.remove()],
                condition=ConnectionRow.held_by.does_not_exist() | (ConnectionRow.held_by == connection.id),
            )

        def give_up(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(gives_up),
                actions=[ConnectionRow.held_by.remove(), ConnectionRow.expires_at_s.set(int(time.time()))],
                condition=ConnectionRow.held_by == connection.id,
            )

        moves = [] if takes == gives_up else [*([take] if takes else []), *([give_up] if gives_up else [])]
        write_all([save, *moves])
        return replace(connection, version=connection.version + 1)

    def take_on(self, connection: Connection, account: Account, instead_of: str) -> Connection:
        """Save a person's connection, active now, and take the place of the account, which `instead_of` held ("":
        nobody): all of it, or nothing (`VersionConflict`)."""
        place = account_place(connection.owner, connection.provider, account)
        held = ConnectionRow.held_by
        free = held == instead_of if instead_of else held.does_not_exist() | (held == connection.id)

        def save(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(connection.id),
                actions=[*_actions(connection), ConnectionRow.place.set(place)],
                condition=ConnectionRow.version == connection.version,
            )

        def take(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(place),
                actions=[held.set(connection.id), ConnectionRow.expires_at_s.remove()],
                condition=free,
            )

        write_all([save, take])
        return replace(connection, version=connection.version + 1)

    # --- the one place of an owner's account

    def holder(self, owner: Owner, provider: str, account: Account) -> str:
        """The connection that holds the place, or ""."""
        row = _row(account_place(owner, provider, account))
        return (row.held_by or "") if row else ""

    def activate(
        self, connection: Connection, account: Account, confirmation_digest: str, instead_of: str
    ) -> Connection:
        """Save the connection, spend its confirmation and take the place, which `instead_of` held ("": nobody): all of
        it, or nothing (`VersionConflict`)."""
        place = account_place(connection.owner, connection.provider, account)
        free = ConnectionRow.held_by == instead_of if instead_of else ConnectionRow.held_by.does_not_exist()

        def activate(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(connection.id),
                actions=[
                    *_actions(connection),
                    ConnectionRow.confirmation_digest.remove(),
                    ConnectionRow.place.set(place),
                ],
                condition=(ConnectionRow.version == connection.version)
                & (ConnectionRow.confirmation_digest == confirmation_digest),
            )

        def take(transaction: TransactWrite) -> None:
            transaction.update(
                ConnectionRow(place),
                actions=[ConnectionRow.held_by.set(connection.id), ConnectionRow.expires_at_s.remove()],
                condition=free,
            )

        write_all([activate, take])
        return replace(connection, version=connection.version + 1)

    def renew(self, connection: Connection, renewed_by: str, confirmation_digest: str) -> None:
        """Save the connection with the grant of a newer one, which is spent with its confirmation and gone: all of it,
        or nothing (`VersionConflict`)."""
        secret = self.secret(renewed_by)
        if secret is None:
            raise VersionConflict("This sign-in was used already.")
        grant = self._vault.seal(connection.id, secret)

        def save(transaction: TransactWrite) -> None:
            actions = [*_actions(connection), ConnectionRow.grant.set(grant)]
            condition = ConnectionRow.version == connection.version
            transaction.update(ConnectionRow(connection.id), actions=actions, condition=condition)

        def spend(transaction: TransactWrite) -> None:
            condition = ConnectionRow.confirmation_digest == confirmation_digest
            transaction.delete(ConnectionRow(renewed_by), condition=condition)

        write_all([save, spend])

    # --- its secret part

    def take_flow(self, connection_id: str, state_digest: str) -> bytes:
        """The flow of a consent under way, once: the state is spent with it. Raises `VersionConflict` if it is not
        this connection's state or was spent before."""
        row = _row(connection_id)
        if row is None or row.flow is None:
            raise VersionConflict("This sign-in was used already.")
        flow = self._vault.open(connection_id, row.flow)
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[ConnectionRow.state_digest.remove(), ConnectionRow.flow.remove()],
                condition=(ConnectionRow.state_digest == state_digest)
                & (ConnectionRow.status == ConnectionStatus.PENDING.value),
            )
        return flow

    def put_flow_back(self, connection_id: str, flow: bytes, state_digest: str) -> None:
        """Undo `take_flow`: the provider could not be asked, so the same state may be tried again."""
        with suppress(VersionConflict), conditional():
            ConnectionRow(connection_id).update(
                actions=[
                    ConnectionRow.state_digest.set(state_digest),
                    ConnectionRow.flow.set(self._vault.seal(connection_id, flow)),
                ],
                condition=(ConnectionRow.status == ConnectionStatus.PENDING.value)
                & ConnectionRow.state_digest.does_not_exist()
                & ConnectionRow.grant.does_not_exist(),
            )

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

    def erase_secret(self, connection_id: str) -> None:
        """Erase it, and give the account's place up."""
        row = _row(connection_id)
        if row is not None and row.place:
            with suppress(VersionConflict), conditional():
                ConnectionRow(row.place).update(
                    actions=[ConnectionRow.held_by.remove(), ConnectionRow.expires_at_s.set(int(time.time()))],
                    condition=ConnectionRow.held_by == connection_id,
                )
        with conditional():
            ConnectionRow(connection_id).update(
                actions=[
                    ConnectionRow.grant.remove(),
                    ConnectionRow.flow.remove(),
                    ConnectionRow.state_digest.remove(),
                    ConnectionRow.confirmation_digest.remove(),
                    ConnectionRow.place.remove(),
                ],
                condition=ConnectionRow.id.exists(),
            )


def _actions(connection: Connection) -> list[Action]:
    """What writes the connection's next version over the one it was loaded as."""
    values = {**connection_values(connection), "version": connection.version + 1}
    return [
        getattr(ConnectionRow, name).remove() if value is None else getattr(ConnectionRow, name).set(value)
        for name, value in values.items()
    ]


def _row(connection_id: str) -> ConnectionRow | None:
    if not 0 < len(connection_id) <= LONGEST_ID:
        return None
    try:
        return ConnectionRow.get(connection_id, consistent_read=True)
    except ConnectionRow.DoesNotExist:
        return None
