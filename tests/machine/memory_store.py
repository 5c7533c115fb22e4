"""The store in memory: what `shared.store` promises, without DynamoDB, and every call a step that can be cut.

`memory_store(io, clock)` is a `Store`. Each call to a table goes through `Io.step` with its name and whether it has an
effect, so that a test can kill the worker, or let somebody else in, between any two of them. `tests/store` holds this
store and the real one to the same contract.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from shared.calendar.recurrence import last_end
from shared.clock import to_text
from shared.errors import RetryLater, VersionConflict
from shared.keys import account_place
from shared.model import (
    Account,
    Calendar,
    Connection,
    ConnectionStatus,
    Event,
    HistoryEntry,
    HostMessage,
    Link,
    Owner,
)
from shared.store.codec import ENDLESS, compact, history_key
from shared.store.deliveries import Delivery
from shared.store.events import SWEEP_AFTER, Mark, Record, _chunks
from shared.store.stores import Store

T = TypeVar("T")


class Io:
    """What every step towards the outside goes through; by itself it only performs it."""

    def step(self, name: str, effect: bool, perform: Callable[[], T]) -> T:
        return perform()


@dataclass
class Secrets:
    """The encrypted part of a connection's row."""

    grant: bytes | None = None
    flow: bytes | None = None
    state_digest: str = ""
    confirmation_digest: str = ""
    place: str = ""


@dataclass
class Pending:
    version: int
    due_at: datetime


@dataclass
class Tables:
    """Everything that is stored."""

    connections: dict[str, Connection] = field(default_factory=dict)
    secrets: dict[str, Secrets] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    events: dict[tuple[Owner, str], Event] = field(default_factory=dict)
    ends: dict[tuple[Owner, str], str] = field(default_factory=dict)
    links: dict[str, dict[str, Link]] = field(default_factory=dict)
    pending: dict[str, dict[str, Pending]] = field(default_factory=dict)
    history: dict[tuple[Owner, str], dict[str, HistoryEntry]] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], tuple[Delivery, datetime | None]] = field(default_factory=dict)
    ever_linked: dict[tuple[str, str], str] = field(default_factory=dict)
    """(calendar, remote id) → event of every link that there ever was: for those who check."""


def memory_store(io: Io, clock: Callable[[], datetime], tables: Tables | None = None) -> Store:
    tables = tables if tables is not None else Tables()
    return Store(
        MemoryConnections(tables, io),  # type: ignore[arg-type]
        MemoryCalendars(tables, io),  # type: ignore[arg-type]
        MemoryEvents(tables, io, clock),  # type: ignore[arg-type]
        MemoryDeliveries(tables, io),  # type: ignore[arg-type]
    )


class MemoryConnections:
    def __init__(self, tables: Tables, io: Io) -> None:
        self._rows, self._secrets, self._places, self._io = tables.connections, tables.secrets, tables.places, io

    def load(self, connection_id: str) -> Connection | None:
        return self._io.step("connections.get", False, lambda: self._rows.get(connection_id))

    def create(self, connection: Connection, *, flow: bytes = b"", state_digest: str = "") -> None:
        def put() -> None:
            if connection.id in self._rows:
                raise _conflict()
            self._rows[connection.id] = replace(connection, version=0)
            self._secrets[connection.id] = Secrets(flow=flow or None, state_digest=state_digest)

        self._io.step("connections.put", True, put)

    def save(self, connection: Connection) -> Connection:
        return self._io.step("connections.update", True, lambda: self._save(connection))

    def _save(self, connection: Connection) -> Connection:
        found = self._rows.get(connection.id)
        if found is None or found.version != connection.version:
            raise _conflict()
        receipt = json.loads(compact(connection.receipt)) if connection.receipt is not None else None
        self._rows[connection.id] = replace(connection, version=connection.version + 1, receipt=receipt)
        return replace(connection, version=connection.version + 1)

    def delete(self, connection_id: str) -> None:
        def delete() -> None:
            self._rows.pop(connection_id, None)
            self._secrets.pop(connection_id, None)

        self._io.step("connections.delete", True, delete)

    def of_owner(self, owner: Owner) -> list[Connection]:
        return self._io.step(
            "connections.query",
            False,
            lambda: sorted((one for one in self._rows.values() if one.owner == owner), key=_id),
        )

    def with_account(self, provider: str, account: Account) -> list[Connection]:
        def query() -> list[Connection]:
            same = [
                one
                for one in self._rows.values()
                if one.provider == provider and one.account is not None and one.account.id == account.id
            ]
            return sorted(same, key=_id)

        return self._io.step("connections.query", False, query)

    def due(self, now: datetime) -> Iterator[Connection]:
        rows = self._io.step(
            "connections.query", False, lambda: [one for one in self._rows.values() if one.due_at and one.due_at <= now]
        )
        yield from rows

    # --- its secret part

    def take_flow(self, connection_id: str, state_digest: str) -> bytes:
        found = self._io.step("connections.get", False, lambda: self._secrets.get(connection_id))
        if found is None or found.flow is None:
            raise VersionConflict("This sign-in was used already.")
        flow = found.flow

        def update() -> None:
            row = self._rows.get(connection_id)
            if row is None or row.status is not ConnectionStatus.PENDING or found.state_digest != state_digest:
                raise _conflict()
            found.state_digest, found.flow = "", None

        self._io.step("connections.update", True, update)
        return flow

    def put_flow_back(self, connection_id: str, flow: bytes, state_digest: str) -> None:
        def update() -> None:
            row, kept = self._rows.get(connection_id), self._secrets.get(connection_id)
            pending = row is not None and row.status is ConnectionStatus.PENDING
            if pending and kept is not None and not kept.state_digest and kept.grant is None:
                kept.flow, kept.state_digest = flow, state_digest

        self._io.step("connections.update", True, update)

    def hold_grant(self, connection: Connection, secret: bytes, confirmation_digest: str) -> None:
        self.save(connection)

        def update() -> None:
            row = self._rows.get(connection.id)
            if row is None or row.status is not ConnectionStatus.PENDING:
                raise _conflict()
            kept = self._secrets[connection.id]
            kept.grant, kept.confirmation_digest = secret, confirmation_digest

        self._io.step("connections.update", True, update)

    def confirmation_digest(self, connection_id: str) -> str:
        found = self._io.step("connections.get", False, lambda: self._secrets.get(connection_id))
        return found.confirmation_digest if found else ""

    def secret(self, connection_id: str) -> bytes | None:
        found = self._io.step("connections.get", False, lambda: self._secrets.get(connection_id))
        return found.grant if found else None

    def replace_secret(self, connection_id: str, secret: bytes) -> None:
        def update() -> None:
            found = self._secrets.get(connection_id)
            if found is None or found.grant is None:
                raise _conflict()
            found.grant = secret

        self._io.step("connections.update", True, update)

    def erase_secret(self, connection_id: str) -> None:
        found = self._io.step("connections.get", False, lambda: self._secrets.get(connection_id))
        place = found.place if found else ""

        def give_up() -> None:
            if self._places.get(place) == connection_id:
                del self._places[place]

        def update() -> None:
            if connection_id not in self._rows:
                raise _conflict()
            self._secrets[connection_id] = Secrets()

        if place:
            self._io.step("connections.update", True, give_up)
        self._io.step("connections.update", True, update)

    # --- the staff of an organisation

    def staff(self, organization_id: str, *, limit: int, after: str = "") -> list[Connection]:
        def query() -> list[Connection]:
            members = [one for one in self._rows.values() if one.member_of == organization_id]
            return sorted((one for one in members if one.owner.user_id > after), key=lambda one: one.owner.user_id)

        return self._io.step("connections.query", False, lambda: query()[:limit])

    def holder_of(self, place: str) -> str:
        return self._io.step("connections.get", False, lambda: self._places.get(place, ""))

    def save_member(
        self, connection: Connection, *, new: bool = False, takes: str = "", gives_up: str = ""
    ) -> Connection:
        takes, gives_up = ("", "") if takes == gives_up else (takes, gives_up)

        def write() -> Connection:
            taken = takes and self._places.get(takes, connection.id) != connection.id
            if taken or (gives_up and self._places.get(gives_up) != connection.id):
                raise _conflict()
            if new:
                if connection.id in self._rows:
                    raise _conflict()
                self._rows[connection.id] = connection
                self._secrets[connection.id] = Secrets()
            saved = self._save(connection)
            if takes:
                self._places[takes] = connection.id
            self._places.pop(gives_up, None)
            return saved

        return self._io.step("transaction", True, write)

    def take_on(self, connection: Connection, account: Account, instead_of: str) -> Connection:
        place = account_place(connection.owner, connection.provider, account)

        def write() -> Connection:
            holder = self._places.get(place, "")
            if holder != instead_of and (instead_of or holder != connection.id):
                raise _conflict()
            saved = self._save(connection)
            self._secrets[connection.id].place = place
            self._places[place] = connection.id
            return saved

        return self._io.step("transaction", True, write)

    # --- the one place of an owner's account

    def holder(self, owner: Owner, provider: str, account: Account) -> str:
        place = account_place(owner, provider, account)
        return self._io.step("connections.get", False, lambda: self._places.get(place, ""))

    def activate(
        self, connection: Connection, account: Account, confirmation_digest: str, instead_of: str
    ) -> Connection:
        place = account_place(connection.owner, connection.provider, account)

        def write() -> Connection:
            kept = self._secrets.get(connection.id)
            spent = kept is None or not kept.confirmation_digest or kept.confirmation_digest != confirmation_digest
            if spent or kept is None or self._places.get(place, "") != instead_of:
                raise _conflict()
            saved = self._save(connection)
            kept.confirmation_digest, kept.place = "", place
            self._places[place] = connection.id
            return saved

        return self._io.step("transaction", True, write)

    def renew(self, connection: Connection, renewed_by: str, confirmation_digest: str) -> None:
        secret = self.secret(renewed_by)
        if secret is None:
            raise VersionConflict("This sign-in was used already.")

        def write() -> None:
            kept = self._secrets.get(renewed_by)
            if kept is None or not kept.confirmation_digest or kept.confirmation_digest != confirmation_digest:
                raise _conflict()
            self._save(connection)
            self._secrets[connection.id].grant = secret
            del self._rows[renewed_by], self._secrets[renewed_by]

        self._io.step("transaction", True, write)


class MemoryCalendars:
    def __init__(self, tables: Tables, io: Io) -> None:
        self._rows, self._io = tables.calendars, io

    def load(self, calendar_id: str) -> Calendar | None:
        return self._io.step("calendars.get", False, lambda: self._rows.get(calendar_id))

    def of_connection(self, connection_id: str) -> list[Calendar]:
        def query() -> list[Calendar]:
            return sorted((one for one in self._rows.values() if one.connection_id == connection_id), key=_id)

        return self._io.step("calendars.query", False, query)

    def create(self, calendar: Calendar) -> bool:
        def put() -> bool:
            if calendar.id in self._rows:
                return False
            self._rows[calendar.id] = replace(calendar, version=0)
            return True

        return self._io.step("calendars.put", True, put)

    def change(self, calendar_id: str, change: Callable[[Calendar], Calendar]) -> Calendar | None:
        for _ in range(6):
            calendar = self.load(calendar_id)
            if calendar is None:
                return None
            wanted = change(calendar)
            if wanted == calendar:
                return calendar
            with suppress(VersionConflict):
                return self._io.step("calendars.put", True, lambda: self._put(wanted, calendar.version))  # noqa: B023
        raise RetryLater("The calendar's record is busy.", delay=2, code="store_busy")

    def _put(self, wanted: Calendar, expected: int) -> Calendar:
        found = self._rows.get(wanted.id)
        if found is None or found.version != expected:
            raise _conflict()
        self._rows[wanted.id] = replace(wanted, version=expected + 1)
        return self._rows[wanted.id]

    def delete(self, calendar: Calendar) -> None:
        self._io.step("calendars.delete", True, lambda: self._rows.pop(calendar.id, None))

    def due(self, now: datetime) -> Iterator[Calendar]:
        rows = self._io.step(
            "calendars.query", False, lambda: [one for one in self._rows.values() if one.due_at and one.due_at <= now]
        )
        yield from rows


class MemoryEvents:
    def __init__(self, tables: Tables, io: Io, clock: Callable[[], datetime]) -> None:
        self._tables, self._io, self._clock = tables, io, clock

    # --- events

    def load(self, owner: Owner, event_ids: Iterable[str]) -> dict[str, Event]:
        wanted = list(dict.fromkeys(event_ids))
        rows = self._tables.events
        if not wanted:
            return {}
        return self._io.step(
            "events.batch_get", False, lambda: {one: rows[owner, one] for one in wanted if (owner, one) in rows}
        )

    def load_one(self, owner: Owner, event_id: str) -> Event | None:
        return self._io.step("events.get", False, lambda: self._tables.events.get((owner, event_id)))

    def ending_after(
        self, owner: Owner, instant: datetime, *, limit: int, after: str = "", origin: str = ""
    ) -> tuple[list[Event], str]:
        def query() -> tuple[list[Event], str]:
            begin = to_text(instant)
            rows = sorted(
                (ends, key[1])
                for key, ends in self._tables.ends.items()
                if key[0] == owner and ends > begin and (not after or f"{ends} {key[1]}" > after)
            )
            events = [self._tables.events[owner, event_id] for _, event_id in rows]
            found = [event for event in events if not origin or event.origin == origin]
            if len(found) <= limit:
                return found, ""
            return found[:limit], self.position_behind(found[limit - 1])

        return self._io.step("events.query", False, query)

    def count_ending_after(self, owner: Owner, instant: datetime, *, origin: str) -> int:
        def count() -> int:
            begin, rows = to_text(instant), self._tables.events
            ending = [key for key, ends in self._tables.ends.items() if key[0] == owner and ends > begin]
            return sum(rows[key].origin == origin for key in ending)

        return self._io.step("events.query", False, count)

    def position_behind(self, event: Event) -> str:
        end = last_end(event.series)
        return f"{to_text(end) if end else ENDLESS} {event.id}"

    # --- links

    def links(self, calendar_id: str, remote_ids: Iterable[str]) -> dict[str, Link]:
        wanted = list(dict.fromkeys(remote_ids))
        rows = self._tables.links.get(calendar_id, {})
        if not wanted:
            return {}
        return self._io.step("links.batch_get", False, lambda: {one: rows[one] for one in wanted if one in rows})

    def links_of_event(self, calendar_id: str, event_id: str) -> list[Link]:
        def query() -> list[Link]:
            rows = self._tables.links.get(calendar_id, {})
            return sorted((one for one in rows.values() if one.event_id == event_id), key=_remote_id)

        return self._io.step("links.query", False, query)

    def links_after(self, calendar_id: str, remote_id: str, limit: int) -> list[Link]:
        def query() -> list[Link]:
            rows = self._tables.links.get(calendar_id, {})
            return sorted((one for one in rows.values() if one.remote_id > remote_id), key=_remote_id)[:limit]

        return self._io.step("links.query", False, query)

    def problems(self, calendar_id: str, limit: int = 100) -> list[Link]:
        def query() -> list[Link]:
            rows = self._tables.links.get(calendar_id, {})
            return sorted((one for one in rows.values() if one.problem), key=_remote_id)[:limit]

        return self._io.step("links.query", False, query)

    def count_links(self, calendar_id: str) -> int:
        return self._io.step("links.query", False, lambda: len(self._tables.links.get(calendar_id, {})))

    def drop_link(self, calendar_id: str, remote_id: str) -> None:
        rows = self._tables.links.setdefault(calendar_id, {})
        self._io.step("links.delete", True, lambda: rows.pop(remote_id, None))

    # --- pending marks

    def pending(self, calendar_id: str, limit: int) -> list[Mark]:
        def query() -> list[Mark]:
            rows = sorted(self._tables.pending.get(calendar_id, {}).items())[:limit]
            return [Mark(calendar_id, event_id, row.version) for event_id, row in rows]

        return self._io.step("pending.query", False, query)

    def clear(self, mark: Mark) -> None:
        def delete() -> None:
            rows = self._tables.pending.get(mark.calendar_id, {})
            if mark.event_id in rows and rows[mark.event_id].version == mark.version:
                del rows[mark.event_id]

        self._io.step("pending.delete", True, delete)

    def mark(self, calendar_id: str, event: Event) -> None:
        self._io.step("pending.put", True, lambda: self._mark(calendar_id, event.id, event.version))

    def _mark(self, calendar_id: str, event_id: str, version: int) -> None:
        rows = self._tables.pending.setdefault(calendar_id, {})
        rows[event_id] = Pending(version, self._clock() + SWEEP_AFTER)

    def stale_marks(self, instant: datetime) -> Iterator[str]:
        def query() -> list[str]:
            return [
                calendar_id
                for calendar_id, rows in self._tables.pending.items()
                if any(row.due_at <= instant for row in rows.values())
            ]

        yield from self._io.step("pending.query", False, query)

    def postpone_marks(self, calendar_id: str, until: datetime) -> None:
        def update() -> None:
            for row in self._tables.pending.get(calendar_id, {}).values():
                row.due_at = until

        self._io.step("pending.update", True, update)

    # --- history

    def history(self, owner: Owner, event_id: str, limit: int = 200) -> list[HistoryEntry]:
        def query() -> list[HistoryEntry]:
            rows = self._tables.history.get((owner, event_id), {})
            return [rows[at] for at in sorted(rows, reverse=True)[:limit]]

        return self._io.step("history.query", False, query)

    def redact_history(self, owner: Owner, event_id: str) -> None:
        def update() -> None:
            rows = self._tables.history.get((owner, event_id), {})
            for at, entry in rows.items():
                rows[at] = replace(entry, lost={})

        self._io.step("history.update", True, update)

    # --- recording

    def record(self, records: Sequence[Record]) -> list[Record]:
        conflicts: list[Record] = []
        for chunk in _chunks(records):
            try:
                self._io.step("transaction", True, lambda: self._write(chunk))  # noqa: B023
            except VersionConflict:
                if len(chunk) == 1:
                    conflicts.extend(chunk)
                    continue
                for record in chunk:
                    conflicts.extend(self.record([record]))
        return conflicts

    def _write(self, chunk: Sequence[Record]) -> None:
        tables = self._tables
        for record in chunk:
            calendar = tables.calendars.get(record.calendar_id)
            if record.link is not None and calendar is None:
                raise _conflict()
            if record.as_of is not None and (calendar is None or calendar.version != record.as_of):
                raise _conflict()
            if record.event is not None:
                found = tables.events.get((record.owner, record.event_id))
                expected = None if record.event.version == 1 else record.event.version - 1
                if (found.version if found else None) != expected:
                    raise _conflict()
        for record in chunk:
            self._apply(record)

    def _apply(self, record: Record) -> None:
        tables, key = self._tables, (record.owner, record.event_id)
        version = record.event.version if record.event else 0
        if record.event is not None:
            event = record.event
            tables.events[key] = replace(event, series=_stored(event))
            if event.deleted:
                tables.ends.pop(key, None)
            else:
                end = last_end(event.series)
                tables.ends[key] = to_text(end) if end else ENDLESS
        rows = tables.links.setdefault(record.calendar_id, {}) if record.link or record.unlink else {}
        if record.link is not None:
            tables.links.setdefault(record.link.calendar_id, {})[record.link.remote_id] = record.link
            tables.ever_linked[record.link.calendar_id, record.link.remote_id] = record.link.event_id
        if record.unlink and (record.link is None or record.unlink != record.link.remote_id):
            rows.pop(record.unlink, None)
        for number, entry in enumerate(record.history):
            lost: Mapping[str, object] = json.loads(compact(dict(entry.lost))) if entry.lost else {}
            name = history_key(version, number, entry)
            tables.history.setdefault(key, {})[name] = replace(entry, lost=lost)
        for notice in record.notices:
            tables.deliveries[notice.org, notice.id] = (_queued(notice), notice.at + SWEEP_AFTER)
        for calendar_id in record.marks:
            self._mark(calendar_id, record.event_id, version)

    def erase(self, owner: Owner, event_id: str) -> None:
        self._io.step("history.delete", True, lambda: self._tables.history.pop((owner, event_id), None))

        def delete() -> None:
            self._tables.events.pop((owner, event_id), None)
            self._tables.ends.pop((owner, event_id), None)

        self._io.step("events.delete", True, delete)

    def erase_calendar(self, calendar_id: str, limit: int) -> int:
        return sum(
            self._erase(name, rows.get(calendar_id, {}), limit)
            for name, rows in (("links", self._tables.links), ("pending", self._tables.pending))
        )

    def _erase(self, name: str, rows: dict[str, Any], limit: int) -> int:
        found = self._io.step(f"{name}.query", False, lambda: sorted(rows)[:limit])

        def delete() -> None:
            for key in found:
                rows.pop(key, None)

        if found:
            self._io.step(f"{name}.batch_write", True, delete)
        return len(found)


class MemoryDeliveries:
    def __init__(self, tables: Tables, io: Io) -> None:
        self._rows, self._io = tables.deliveries, io

    def load(self, org: str, message_id: str) -> Delivery | None:
        found = self._io.step("deliveries.get", False, lambda: self._rows.get((org, message_id)))
        return found[0] if found else None

    def add(self, message: HostMessage, due_at: datetime) -> None:
        self._io.step(
            "deliveries.put", True, lambda: self._rows.setdefault((message.org, message.id), (_queued(message), due_at))
        )

    def listing(self, org: str, *, limit: int, after: str = "") -> tuple[list[Delivery], str]:
        def query() -> tuple[list[Delivery], str]:
            ids = sorted((one for mine, one in self._rows if mine == org and (not after or one < after)), reverse=True)
            found = [self._rows[org, one][0] for one in ids[:limit]]
            return found, found[-1].message.id if len(ids) > limit else ""

        return self._io.step("deliveries.query", False, query)

    def delivered(self, message: HostMessage, at: datetime) -> None:
        self._change(message, None, status="delivered", delivered_at=at, one_more=True)

    def failed(self, message: HostMessage, error: str, next_due: datetime | None) -> None:
        self._change(message, next_due, status="retrying" if next_due else "dead", last_error=error, one_more=True)

    def requeue(self, message: HostMessage, due_at: datetime) -> None:
        self._change(message, due_at, status="queued")

    def overdue(self, now: datetime) -> Iterator[HostMessage]:
        def query() -> list[HostMessage]:
            return [delivery.message for delivery, due in self._rows.values() if due is not None and due <= now]

        yield from self._io.step("deliveries.query", False, query)

    def _change(self, message: HostMessage, due: datetime | None, *, one_more: bool = False, **members: Any) -> None:
        def update() -> None:
            found = self._rows.get((message.org, message.id))
            if found is None:
                raise _conflict()
            attempts = found[0].attempts + one_more
            self._rows[message.org, message.id] = (replace(found[0], attempts=attempts, **members), due)

        self._io.step("deliveries.update", True, update)


def _queued(message: HostMessage) -> Delivery:
    kept = replace(message, body=json.loads(compact(dict(message.body))))
    return Delivery(message=kept, status="queued", attempts=0, last_error="", delivered_at=None)


def _stored(event: Event) -> Any:
    """The overrides in the order that they are stored in."""
    series = event.series
    return replace(series, overrides=MappingProxyType({key: series.overrides[key] for key in sorted(series.overrides)}))


def _conflict() -> VersionConflict:
    return VersionConflict("The record changed meanwhile.")


def _id(row: Any) -> str:
    return str(row.id)


def _remote_id(link: Link) -> str:
    return link.remote_id
