"""Events, their links, the pending marks and the history: what one sync records together.

`record` writes everything that one decision about one event changes in a single transaction; a crash leaves all of it
or none. Reads are strongly consistent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from shared.calendar.recurrence import last_end
from shared.clock import now as clock_now
from shared.clock import to_text
from shared.errors import VersionConflict
from shared.model import Content, Event, HistoryEntry, HostMessage, Link, Owner, connection_of
from shared.store.codec import (
    ENDLESS,
    delivery_row,
    event_key,
    event_of_row,
    event_row,
    history_of_row,
    history_row,
    link_of_row,
    link_row,
    owner_key,
)
from shared.store.tables import (
    DUE_SHARDS,
    CalendarRow,
    EventRow,
    HistoryRow,
    LinkRow,
    PendingRow,
    shard_of,
)
from shared.store.transactions import LIMIT, Write, conditional, write_all

HEAVIEST = 2_000_000
"""Bytes in one transaction by our own estimate; DynamoDB takes 4 MB."""

SWEEP_AFTER = timedelta(minutes=2)
"""How long a mark or a notice may lie without a job before the sweep sends one."""


SIFTED = 1000
"""Events that DynamoDB looks through in one call for those of one origin; what it leaves out does not travel."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An event has something for a calendar, as of the event's `version`."""

    calendar_id: str
    event_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one decision changes. `event` is written if the stored version is one below its own. `link` is put, the
    link at `unlink` deleted; `calendar_id` is the calendar that must still exist for links to be written, and still be
    at the version `as_of` if one is given: a worker that was overtaken records nothing. `marks` are calendars that now
    have something to fetch from this event."""

    owner: Owner
    event_id: str
    calendar_id: str = ""
    event: Event | None = None
    link: Link | None = None
    unlink: str = ""
    history: tuple[HistoryEntry, ...] = ()
    notices: tuple[HostMessage, ...] = ()
    marks: tuple[str, ...] = ()
    as_of: int | None = None


class EventStore:
    # --- events

    def load(self, owner: Owner, event_ids: Iterable[str]) -> dict[str, Event]:
        keys = [(owner_key(owner), event_id) for event_id in dict.fromkeys(event_ids)]
        return {row.id: event_of_row(row) for row in EventRow.batch_get(keys, consistent_read=True)}

    def load_one(self, owner: Owner, event_id: str) -> Event | None:
        try:
            return event_of_row(EventRow.get(owner_key(owner), event_id, consistent_read=True))
        except EventRow.DoesNotExist:
            return None

    def ending_after(
        self, owner: Owner, instant: datetime, *, limit: int, after: str = "", origin: str = ""
    ) -> tuple[list[Event], str]:
        """Live events (of one origin) whose last occurrence ends after `instant`, by that end; the position to go on
        at, or ""."""
        start_key = _position(owner, after) if after else None
        found = EventRow.by_end.query(
            owner_key(owner),
            EventRow.ends_at > to_text(instant),
            consistent_read=True,
            filter_condition=EventRow.origin == origin if origin else None,
            limit=limit,
            page_size=SIFTED if origin else limit,
            last_evaluated_key=start_key,
        )
        events = [event_of_row(row) for row in found]
        last = found.last_evaluated_key
        return events, f"{last['ends_at']['S']} {last['id']['S']}" if last else ""

    def count_ending_after(self, owner: Owner, instant: datetime, *, origin: str) -> int:
        """How many live events of one origin have an occurrence that ends after `instant`."""
        return EventRow.by_end.count(
            owner_key(owner),
            EventRow.ends_at > to_text(instant),
            consistent_read=True,
            filter_condition=EventRow.origin == origin,
        )

    def position_behind(self, event: Event) -> str:
        """Where `ending_after` goes on behind this event."""
        end = last_end(event.series)
        return f"{to_text(end) if end else ENDLESS} {event.id}"

    # --- links

    def links(self, calendar_id: str, remote_ids: Iterable[str]) -> dict[str, Link]:
        keys = [(calendar_id, remote_id) for remote_id in dict.fromkeys(remote_ids)]
        return {row.remote_id: link_of_row(row) for row in LinkRow.batch_get(keys, consistent_read=True)}

    def links_of_event(self, calendar_id: str, event_id: str) -> list[Link]:
        rows = LinkRow.by_event.query(calendar_id, LinkRow.event_id == event_id, consistent_read=True)
        return [link_of_row(row) for row in rows]

    def links_after(self, calendar_id: str, remote_id: str, limit: int) -> list[Link]:
        """Links of a calendar in the order of their remote ids, from behind `remote_id` on."""
        condition = LinkRow.remote_id > remote_id if remote_id else None
        rows = LinkRow.query(calendar_id, condition, consistent_read=True, limit=limit)
        return [link_of_row(row) for row in rows]

    def problems(self, calendar_id: str, limit: int = 100) -> list[Link]:
        """Links whose last write was refused, or whose record could not be read."""
        rows = LinkRow.query(calendar_id, filter_condition=LinkRow.problem.exists(), consistent_read=True)
        return [link_of_row(row) for row in islice(rows, limit)]

    def count_links(self, calendar_id: str) -> int:
        return int(LinkRow.count(calendar_id, consistent_read=True))

    def drop_link(self, calendar_id: str, remote_id: str) -> None:
        LinkRow(calendar_id, remote_id).delete()

    # --- pending marks

    def pending(self, calendar_id: str, limit: int) -> list[Mark]:
        rows = PendingRow.query(calendar_id, consistent_read=True, limit=limit)
        return [_mark(row) for row in rows]

    def clear(self, mark: Mark) -> None:
        """Take the mark away, unless the event was marked again since."""
        try:
            with conditional():
                PendingRow(mark.calendar_id, mark.event_id).delete(condition=PendingRow.version == mark.version)
        except VersionConflict:
            return

    def mark(self, calendar_id: str, event: Event) -> None:
        _pending_row(calendar_id, event.id, event.version).save()

    def stale_marks(self, instant: datetime) -> Iterator[str]:
        """Calendars with marks that nobody has looked at in time; each once."""
        seen: set[str] = set()
        for shard in DUE_SHARDS:
            for row in PendingRow.by_due.query(shard, PendingRow.due_at <= to_text(instant)):
                if row.calendar_id not in seen:
                    seen.add(row.calendar_id)
                    yield row.calendar_id

    def postpone_marks(self, calendar_id: str, until: datetime) -> None:
        for row in PendingRow.query(calendar_id, consistent_read=True):
            row.update(actions=[PendingRow.due_at.set(to_text(until))], condition=PendingRow.version.exists())

    # --- history

    def history(self, owner: Owner, event_id: str, limit: int = 200) -> list[HistoryEntry]:
        rows = HistoryRow.query(event_key(owner, event_id), consistent_read=True, scan_index_forward=False, limit=limit)
        return [history_of_row(row) for row in rows]

    def redact_history(self, owner: Owner, event_id: str) -> None:
        """Erase what the history remembers of an event's text (it has become private)."""
        for row in HistoryRow.query(event_key(owner, event_id), consistent_read=True):
            if row.lost != "{}":
                row.update(actions=[HistoryRow.lost.set("{}")])

    # --- recording

    def record(self, records: Sequence[Record]) -> list[Record]:
        """Write the records, several in one transaction where they fit. Returns those that met a conflict, unwritten;
        their neighbours are written."""
        conflicts: list[Record] = []
        for chunk in _chunks(records):
            try:
                write_all(_writes(chunk))
            except VersionConflict:
                if len(chunk) == 1:
                    conflicts.extend(chunk)
                    continue
                for record in chunk:
                    conflicts.extend(self.record([record]))
        return conflicts

    def erase(self, owner: Owner, event_id: str) -> None:
        """Remove an event and its history without a trace (its calendar was disconnected and it is not kept)."""
        rows = list(HistoryRow.query(event_key(owner, event_id), consistent_read=True))
        with HistoryRow.batch_write() as batch:
            for row in rows:
                batch.delete(row)
        EventRow(owner_key(owner), event_id).delete()

    def erase_calendar(self, calendar_id: str, limit: int) -> int:
        """Delete links and marks of a calendar, at most `limit`; how many were found (0: nothing is left)."""
        links = list(LinkRow.query(calendar_id, consistent_read=True, limit=limit))
        with LinkRow.batch_write() as batch:
            for row in links:
                batch.delete(row)
        marks = list(PendingRow.query(calendar_id, consistent_read=True, limit=limit))
        with PendingRow.batch_write() as batch:
            for mark in marks:
                batch.delete(mark)
        return len(links) + len(marks)


# --- how a record becomes writes -----------------------------------------------------------------------------------


def _chunks(records: Sequence[Record]) -> Iterator[list[Record]]:
    """As many records as fit into one transaction by count and by size; no row of an event twice in one."""
    chunk: list[Record] = []
    items, weight, seen = 1, 0, set[tuple[Owner, str]]()
    for record in records:
        size, heavy = _size(record), _weight(record)
        key = (record.owner, record.event_id)
        more_than_links = bool(record.event or record.history or record.marks)
        full = items + size > LIMIT - 4 or weight + heavy > HEAVIEST
        if chunk and (full or (more_than_links and key in seen)):
            yield chunk
            chunk, items, weight, seen = [], 1, 0, set()
        chunk.append(record)
        items += size
        weight += heavy
        if more_than_links:
            seen.add(key)
    if chunk:
        yield chunk


def _size(record: Record) -> int:
    return (
        (record.event is not None)
        + (record.link is not None)
        + bool(record.unlink)
        + len(record.history)
        + len(record.notices)
        + len(record.marks)
    )


def _weight(record: Record) -> int:
    """About how many bytes a record takes, rather more than less."""
    series = record.event.series if record.event else None
    contents = [series.content, *series.overrides.values()] if series else []
    texts = sum(
        len(one.title) + len(one.description) + len(one.location) for one in contents if isinstance(one, Content)
    )
    return 3 * texts + 2000 + 300 * (len(contents) + (len(record.link.overrides) if record.link else 0))


def _writes(records: Sequence[Record]) -> list[Write]:
    writes: list[Write] = []
    fenced = {record.calendar_id: record.as_of for record in records if record.link or record.as_of is not None}
    writes.extend(_calendar_is(calendar_id, as_of) for calendar_id, as_of in fenced.items())
    for record in records:
        writes.extend(_record_writes(record))
    return writes


def _record_writes(record: Record) -> Iterator[Write]:
    version = record.event.version if record.event else 0
    if record.event is not None:
        yield _put_event(record.event)
    if record.link is not None:
        yield _put(link_row(record.link))
    if record.unlink and (record.link is None or record.unlink != record.link.remote_id):
        yield _delete(LinkRow(record.calendar_id, record.unlink))
    for number, entry in enumerate(record.history):
        yield _put(history_row(record.owner, record.event_id, version, number, entry))
    for notice in record.notices:
        yield _put(delivery_row(notice, notice.at + SWEEP_AFTER))
    for calendar_id in record.marks:
        yield _put(_pending_row(calendar_id, record.event_id, version))


def _put_event(event: Event) -> Write:
    row = event_row(event, None if event.deleted else last_end(event.series))
    condition: Condition = EventRow.id.does_not_exist() if event.version == 1 else EventRow.version == event.version - 1
    return lambda transaction: transaction.save(row, condition=condition)


def _put(row: LinkRow | HistoryRow | PendingRow | object) -> Write:
    return lambda transaction: transaction.save(row)  # type: ignore[type-var]


def _delete(row: LinkRow) -> Write:
    return lambda transaction: transaction.delete(row)


def _calendar_is(calendar_id: str, as_of: int | None) -> Write:
    condition = CalendarRow.id.exists() if as_of is None else CalendarRow.version == as_of

    def check(transaction: TransactWrite) -> None:
        transaction.condition_check(CalendarRow, connection_of(calendar_id), calendar_id, condition=condition)

    return check


def _pending_row(calendar_id: str, event_id: str, version: int) -> PendingRow:
    return PendingRow(
        calendar_id,
        event_id,
        version=version,
        due_shard=shard_of(calendar_id),
        due_at=to_text(clock_now() + SWEEP_AFTER),
    )


def _mark(row: PendingRow) -> Mark:
    return Mark(row.calendar_id, row.event_id, int(row.version))


def _position(owner: Owner, after: str) -> dict[str, dict[str, str]]:
    ends_at, _, event_id = after.partition(" ")
    return {"owner": {"S": owner_key(owner)}, "ends_at": {"S": ends_at}, "id": {"S": event_id}}
