"""A provider and an app in memory: the port's promises and the engine's loop for one event, without any I/O.

`MemoryCalendar` keeps what `CalendarApi` says and no more: one etag for each record, an edit of a series leaves its
exceptions alone, a changed rule drops those that it does not hold (told once, as cancelled) until it holds them again.
With `lossy` it cannot hold tentative time. `Pair` is one event on both sides with its link; `drain` syncs until
nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from shared.calendar.recurrence import is_occurrence, occurrence_content, occurrences, shift_overrides
from shared.errors import VersionConflict
from shared.model import (
    APP,
    CANCELLED,
    Cancelled,
    Change,
    Content,
    Event,
    HistoryEntry,
    Link,
    OriginalStart,
    Override,
    Owner,
    Policy,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Series,
    ShowAs,
    Span,
    ZonedTime,
)
from shared.providers.base import CopyChange, NewCopy, OccurrenceChange
from shared.sync.actions import EventPlan, UpdateOccurrence
from shared.sync.apply import apply_plan
from shared.sync.plan import plan_event
from shared.sync.recording import REFUSED, record_of
from shared.sync.situation import UNSEEN, Situation, Unseen
from shared.sync.values import series_of, with_values

OWNER = Owner("org", "ada")
CALENDAR = "con_1.cal"
DAWN = datetime(2027, 1, 1, tzinfo=UTC)


class Crashed(Exception):
    """The worker was killed."""


def at(minute: int) -> datetime:
    return DAWN + timedelta(minutes=minute)


@dataclass
class Differing:
    value: Override
    etag: str
    changed: int
    dropped: bool = False


@dataclass
class Record:
    key: str
    tag: str | None
    content: Content
    recurrence: tuple[str, ...]
    etag: str
    changed: int
    updated_at: datetime
    exceptions: dict[OriginalStart, Differing] = field(default_factory=dict)
    gone: bool = False

    @property
    def series(self) -> Series:
        kept = {key: item.value for key, item in self.exceptions.items() if not item.dropped}
        return Series(self.content, self.recurrence, MappingProxyType(kept))


@dataclass
class MemoryCalendar:
    lossy: bool = False
    minute: int = 0
    records: dict[str, Record] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    around: Callable[[int, str], None] = lambda number, moment: None
    """Called with the number of the write and "before" or "after": where a test edits in between, or kills."""
    _count: int = 0

    # --- the port

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        with_key = [name for name, record in self.records.items() if record.key == copy.key and not record.gone]
        if with_key:
            return self._told(with_key[0])

        def make() -> RemoteEvent:
            remote_id = f"{copy.key}-{sum(record.key == copy.key for record in self.records.values())}"
            stamp = self._stamp()
            self.records[remote_id] = Record(
                copy.key,
                copy.tag,
                copy.series.content,
                copy.series.recurrence,
                f"e{stamp}",
                stamp,
                at(self.minute),
            )
            return self._told(remote_id)

        return self._write("create", make)

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        def write() -> RemoteEvent:
            self._check(change.remote_id, change.etag)
            self.edit(change.remote_id, **change.fields)
            return self._told(change.remote_id)

        return self._write("update", write)

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> RemoteOverride:
        def write() -> RemoteOverride:
            record = self._live(change.remote_id)
            known = record.exceptions.get(change.original_start)
            if change.etag and (known is None or known.etag != change.etag):
                raise VersionConflict("The occurrence moved on.")
            if isinstance(change.change, Cancelled):
                self.cancel_occurrence(change.remote_id, change.original_start)
            else:
                self.edit_occurrence(change.remote_id, change.original_start, **change.change)
            return self._override(change.remote_id, change.original_start)

        return self._write("update_occurrence", write)

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        def write() -> None:
            if remote_id in self.records and not self.records[remote_id].gone:
                self._check(remote_id, etag)
                self.remove(remote_id)

        self._write("delete", write)

    def find_copy(self, calendar: str, key: str) -> str | None:
        return next((name for name, record in self.records.items() if record.key == key and not record.gone), None)

    def fetch_event(self, calendar: str, remote_id: str, starts: tuple[OriginalStart, ...] = ()) -> RemoteEvent | None:
        record = self.records.get(remote_id)
        return None if record is None or record.gone else self._told(remote_id, starts)

    def project(self, series: Series, policy: Policy) -> Series:
        def hold(content: Content) -> Content:
            busy = self.lossy and content.show_as is ShowAs.TENTATIVE
            return replace(content, show_as=ShowAs.BUSY) if busy else content

        overrides = {k: v if isinstance(v, Cancelled) else hold(v) for k, v in series.overrides.items()}
        return Series(hold(series.content), series.recurrence, MappingProxyType(overrides))

    # --- what changed

    @property
    def now(self) -> int:
        return self._count

    def change_of(self, remote_id: str, cursor: int) -> Change | None:
        """What a listing tells of one event: the records that changed behind `cursor`."""
        record = self.records[remote_id]
        if record.gone:
            return Removed(remote_id) if record.changed > cursor else None
        changed = tuple(key for key, item in record.exceptions.items() if item.changed > cursor)
        if record.changed > cursor:
            return self._told(remote_id, changed)
        if changed:
            return replace(self._told(remote_id, changed), content=None, recurrence=(), etag="")
        return None

    def whole(self, remote_id: str) -> Change:
        """What a snapshot tells: everything there is."""
        record = self.records[remote_id]
        return Removed(remote_id) if record.gone else self._told(remote_id, tuple(record.series.overrides))

    # --- the person's own edits

    def edit(self, remote_id: str, **fields: object) -> None:
        record = self._live(remote_id)
        edited = with_values(record.series, self._held(fields))
        record.content, record.recurrence = edited.content, edited.recurrence
        self._touch(record)
        for key, item in record.exceptions.items():
            if item.dropped == is_occurrence(edited, key):
                stamp = self._stamp()
                record.exceptions[key] = Differing(item.value, f"e{stamp}", stamp, dropped=not item.dropped)

    def edit_occurrence(self, remote_id: str, start: OriginalStart, **fields: object) -> None:
        record = self._live(remote_id)
        held = record.exceptions.get(start)
        content = held.value if held and isinstance(held.value, Content) else occurrence_content(record.series, start)
        self._put(record, start, with_values(Series(content), self._held(fields)).content)

    def cancel_occurrence(self, remote_id: str, start: OriginalStart) -> None:
        self._put(self._live(remote_id), start, CANCELLED)

    def remove(self, remote_id: str) -> None:
        record = self._live(remote_id)
        record.gone = True
        self._touch(record)

    # --- within

    def _held(self, fields: Mapping[str, object]) -> Mapping[str, object]:
        tentative = self.lossy and fields.get("show_as") is ShowAs.TENTATIVE
        return {**fields, "show_as": ShowAs.BUSY} if tentative else fields

    def _put(self, record: Record, start: OriginalStart, value: Override) -> None:
        stamp = self._stamp()
        record.exceptions[start] = Differing(value, f"e{stamp}", stamp)
        record.updated_at = max(record.updated_at, at(self.minute))

    def _touch(self, record: Record) -> None:
        record.changed = self._stamp()
        record.etag = f"e{record.changed}"
        record.updated_at = at(self.minute)

    def _stamp(self) -> int:
        self._count += 1
        return self._count

    def _live(self, remote_id: str) -> Record:
        record = self.records.get(remote_id)
        if record is None or record.gone:
            raise VersionConflict("The event is gone.")
        return record

    def _check(self, remote_id: str, etag: str) -> None:
        if etag and self._live(remote_id).etag != etag:
            raise VersionConflict("The event moved on.")

    def _write(self, name: str, write: Callable[[], Any]) -> Any:
        number = len(self.writes)
        self.writes.append(name)
        self.around(number, "before")
        answer = write()
        self.around(number, "after")
        return answer

    def _told(self, remote_id: str, starts: tuple[OriginalStart, ...] = ()) -> RemoteEvent:
        record = self.records[remote_id]
        return RemoteEvent(
            remote_id=remote_id,
            etag=record.etag,
            updated_at=record.updated_at,
            content=record.content,
            recurrence=record.recurrence,
            overrides={key: self._override(remote_id, key) for key in starts if key in record.exceptions},
            tag=record.tag,
        )

    def _override(self, remote_id: str, start: OriginalStart) -> RemoteOverride:
        item = self.records[remote_id].exceptions[start]
        return RemoteOverride(f"{remote_id}_{start}", item.etag, CANCELLED if item.dropped else item.value)


@dataclass
class Pair:
    """One event of the app and its copy; `sync` is the engine's loop for it."""

    api: MemoryCalendar
    event: Event | None
    key: str = "k"
    policy: Policy = field(default_factory=Policy)
    link: Link | None = None
    pending: bool = True
    cursor: int = 0
    history: list[HistoryEntry] = field(default_factory=list)
    plans: list[EventPlan] = field(default_factory=list)
    between: Callable[[], None] = lambda: None
    """Called between the writes and the record of each plan."""

    @property
    def remote_id(self) -> str:
        live = [name for name, record in self.api.records.items() if record.key == self.key]
        return live[-1] if live else ""

    @property
    def there(self) -> Record:
        return self.api.records[self.remote_id]

    # --- the app's own edits

    def edit(self, minute: int, **fields: object) -> None:
        event = self._live()
        series = with_values(event.series, fields)
        overrides = event.series.overrides
        if {"span", "recurrence"} & set(fields):
            overrides = shift_overrides(event.series, series.content.span, series.recurrence)
        self._save(replace(series, overrides=overrides), minute)

    def edit_occurrence(self, minute: int, start: OriginalStart, **fields: object) -> None:
        series = self._live().series
        held = series.overrides.get(start)
        content = held if isinstance(held, Content) else occurrence_content(series, start)
        self._override(start, with_values(Series(content), fields).content, minute)

    def cancel_occurrence(self, minute: int, start: OriginalStart) -> None:
        self._override(start, CANCELLED, minute)

    def restore_occurrence(self, minute: int, start: OriginalStart) -> None:
        series = self._live().series
        kept = {key: value for key, value in series.overrides.items() if key != start}
        self._save(replace(series, overrides=MappingProxyType(kept)), minute)

    def delete(self, minute: int) -> None:
        event = self._live()
        self.event = replace(event, version=event.version + 1, updated_at=at(minute), deleted=True)
        self.pending = True

    # --- syncing

    def drain(self, rounds: int = 12) -> None:
        for _ in range(rounds):
            if not self.sync():
                return
        raise AssertionError("the two sides never come to rest")

    def sync(self) -> bool:
        """One round: what the provider tells, then the app's own mark. False if there was nothing to look at."""
        until = self.api.now
        change = self.api.change_of(self.remote_id, self.cursor) if self.remote_id else None
        pending = self.pending
        if change is not None:
            self.take(change)
        if self.pending:
            self.take(UNSEEN)
            self.pending = False
        self.cursor = until
        return change is not None or pending

    def take(self, remote: RemoteEvent | Removed | Unseen | Change) -> None:
        """Bring the event into step with a report, as `CalendarSync._settle` does."""
        for _ in range(5):
            situation = self.situation(remote)
            plan = plan_event(situation, self.policy)
            self.plans.append(plan)
            try:
                outcomes = apply_plan(plan, self.api, "cal")  # type: ignore[arg-type]
            except VersionConflict:
                remote_id = self.link.remote_id if self.link else self.remote_id
                found = self.api.fetch_event("cal", remote_id, self._starts(plan, remote))
                remote = found or Removed(remote_id)
                continue
            self.between()
            record = record_of(situation, plan, outcomes, run="", quiet=False, others=(), stored=self.link)
            if record is not None:
                self.event = record.event or self.event
                if record.link or record.unlink:
                    self.link = record.link
                self.history.extend(record.history)
            return
        raise AssertionError("the event keeps changing")

    def plan(self, remote: Any) -> EventPlan:
        return plan_event(self.situation(remote), self.policy)

    def situation(self, remote: Any) -> Situation:
        refused = self.link is not None and self.link.remote_id.startswith(REFUSED)
        link = None if refused else self.link
        live = self.event is not None and not self.event.deleted
        return Situation(
            calendar_id=CALENDAR,
            owner=OWNER,
            key=self.key,
            import_id="evt_1",
            now=at(100_000),
            local=self.event,
            projected=self.api.project(self.event.series, self.policy) if self.event and live else None,
            remote=remote,
            link=link,
            owned=link is None and getattr(remote, "tag", None) is not None,
        )

    # --- within

    def _starts(self, plan: EventPlan, remote: Any) -> tuple[OriginalStart, ...]:
        written = {write.original_start for write in plan.writes if isinstance(write, UpdateOccurrence)}
        return tuple(written | set(remote.overrides if isinstance(remote, RemoteEvent) else ()))

    def _live(self) -> Event:
        assert self.event is not None
        return self.event

    def _override(self, start: OriginalStart, value: Override, minute: int) -> None:
        series = self._live().series
        self._save(replace(series, overrides=MappingProxyType({**series.overrides, start: value})), minute)

    def _save(self, series: Series, minute: int) -> None:
        event = self._live()
        self.event = replace(event, series=series, version=event.version + 1, updated_at=at(minute))
        self.pending = True


# --- values to start from ------------------------------------------------------------------------------------------


def span(hour: int = 9, day: int = 1, minutes: int = 60) -> Span:
    start = datetime(2027, 3, day, hour)  # noqa: DTZ001
    return Span(ZonedTime(start, "Europe/Berlin"), ZonedTime(start + timedelta(minutes=minutes), "Europe/Berlin"))


def content(**fields: Any) -> Content:
    return Content(**{"span": span(), "title": "Visit", "location": "Room 1", **fields})


def weekly(**overrides: Override) -> Series:
    """Six Mondays at nine in Berlin (eight o'clock UTC, seven from the fifth on)."""
    return Series(content(), ("RRULE:FREQ=WEEKLY;COUNT=6",), MappingProxyType(overrides))


FIRST, SECOND, THIRD = "20270301T080000Z", "20270308T080000Z", "20270315T080000Z"


def booking(series: Series | None = None, **members: Any) -> Event:
    given = {"id": "b1", "owner": OWNER, "origin": APP, "version": 1, "updated_at": at(0), **members}
    return Event(series=series or Series(content()), **given)


def in_step(series: Series | None = None, *, lossy: bool = False, policy: Policy | None = None) -> Pair:
    """A booking and its copy, synced."""
    pair = Pair(MemoryCalendar(lossy=lossy), booking(series), policy=policy or Policy())
    pair.drain()
    pair.history.clear()
    pair.plans.clear()
    pair.api.writes.clear()
    return pair


def taking_place(series: Series) -> Mapping[OriginalStart, Content]:
    """What happens and when, whichever way it is written down: every occurrence with its content."""
    if not series.recurs:
        return {"": series.content}
    far = datetime(2040, 1, 1, tzinfo=UTC)
    return {item.original_start: item.content for item in occurrences(series, DAWN, far)}


def both(pair: Pair) -> tuple[Mapping[OriginalStart, Content], Mapping[OriginalStart, Content]]:
    """What takes place on the app's side, as the provider can hold it, and on the provider's."""
    assert pair.event is not None
    return taking_place(pair.api.project(pair.event.series, pair.policy)), taking_place(series_of(told(pair)))


def told(pair: Pair) -> RemoteEvent:
    whole = pair.api.whole(pair.remote_id)
    assert isinstance(whole, RemoteEvent)
    return whole
