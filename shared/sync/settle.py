"""Bringing events into step: each one's situation → plan → apply → record, again where a side moved on in between.

`EventSync.take` does so for what a page reported, `EventSync.settle` for what the app has. Writes that stand alone go
to the provider together; one event that is refused, or that keeps changing, never stops its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from shared.calendar.recurrence import is_occurrence, last_end
from shared.errors import Held, RetryLater, SyncError, VersionConflict
from shared.event_storage import encode_series
from shared.house import House
from shared.keys import copy_key, import_id
from shared.model import (
    APP,
    WITHHELD,
    Account,
    Base,
    Brake,
    Calendar,
    Change,
    Connection,
    Event,
    Link,
    OriginalStart,
    RemoteEvent,
    Removed,
    SyncPhase,
    Unreadable,
)
from shared.providers.base import CalendarApi
from shared.queue import CalendarJob
from shared.store.events import Mark, Record
from shared.sync.actions import DeleteCopy, EventPlan, UpdateCopy, UpdateOccurrence
from shared.sync.apply import AlreadyThere, apply_plan, apply_together, stands_alone
from shared.sync.brake import Tally, too_much
from shared.sync.fetch import complete, in_window, with_series
from shared.sync.links import Outcome, Written, remote_after
from shared.sync.plan import goes_next, plan_event
from shared.sync.recording import REFUSED, record_of, written_singly
from shared.sync.reminders import due_again
from shared.sync.singles import WHOLE, as_single, starts_ahead, told_of
from shared.sync.situation import UNSEEN, Situation, Unseen
from shared.sync.tag import base_of, copy_name, read_tag

TOGETHER = 40
"""Writes that are sent to the provider before what came of them is recorded: two of Graph's batches."""

ATTEMPTS = 5
"""How often one event is planned again when either side moved on in between."""

FEW = 30

LARGEST_EVENT = 350_000
"""Bytes of a stored series; DynamoDB holds 400 kB an item."""

Copy = tuple[Situation, Link | None]
"""A copy's situation, and its link as stored (a refused one counts as none in the situation)."""

Decided = tuple[Situation, EventPlan, Link | None]


@dataclass
class EventSync:
    """The events of one calendar. `window_back`: an event that ended longer ago than this is left alone unless it is
    linked already. `calendar` is as last committed."""

    house: House
    connection: Connection
    api: CalendarApi
    calendar: Calendar
    window_back: timedelta
    tally: Tally = field(init=False)
    left: set[str] = field(default_factory=set)
    """Events that wait for the next sweep: their marks stay."""

    _woken: set[str] = field(default_factory=set)
    _ahead: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    """What was overruled of which event, as far as the history has it already."""

    _singles: dict[tuple[str, int], tuple[OriginalStart, ...] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tally = Tally(self.calendar.checkpoint.deleted, self.calendar.checkpoint.created)

    # --- the provider's side

    def take(self, changes: Iterable[Change], marks: Sequence[Mark] = ()) -> None:
        """Bring into step what the provider reported. `marks`: what the app has for this calendar, as far as known."""
        self._settle_all(self._reported(list(changes), marks))

    def _reported(self, changes: list[Change], marks: Sequence[Mark]) -> list[Copy]:
        store, owner = self.house.store.events, self.calendar.owner
        links = store.links(self.calendar.id, [change.remote_id for change in changes])
        known = {remote_id: link for remote_id, link in links.items() if link.event_id}
        whole = list(complete(self.api, self.calendar.remote_id, changes, known.__contains__))
        further = {change.remote_id for change in whole} - {change.remote_id for change in changes}
        if further:
            links |= store.links(self.calendar.id, further)
            known = {remote_id: link for remote_id, link in links.items() if link.event_id}
        readable = [change for change in whole if not isinstance(change, Unreadable)]
        self._note_unreadable([change for change in whole if isinstance(change, Unreadable)], links)
        wanted = {self._import_id(change.remote_id) for change in readable if change.remote_id not in known}
        wanted |= {
            read_tag(change.tag).event_id for change in readable if isinstance(change, RemoteEvent) and change.tag
        }
        wanted |= {link.event_id for link in known.values()} | {mark.event_id for mark in marks}
        events = store.load(owner, wanted)
        unlinked = [events[mark.event_id] for mark in marks if mark.event_id in events]
        copies: list[Copy] = []
        for change in readable:
            link, stored = known.get(change.remote_id), links.get(change.remote_id)
            if link is not None:
                event = events.get(link.event_id)
                copies.append((self._situation(event, link, self._in_time(event, change), link.occurrence), stored))
                continue
            made = self._made_here(change, events, unlinked)
            if made is not None:
                copies.extend(made)
            elif isinstance(change, RemoteEvent) and in_window(change, self.since):
                local = events.get(self._import_id(change.remote_id))
                if local is not None and local.deleted and not self._is_there(change.remote_id):
                    continue
                at = self._situation(local, None, change)
                copies.append((self._adopted(at) if local and not local.deleted else at, stored))
        return copies

    def _in_time(self, event: Event | None, change: RemoteEvent | Removed) -> RemoteEvent | Removed:
        """An occurrence that the series here does not have is one of other times, which a later page tells of: the
        series is read now, since an occurrence is reported once."""
        if event is None or event.deleted or isinstance(change, Removed) or change.content is not None:
            return change
        if all(is_occurrence(event.series, start) for start in change.overrides):
            return change
        return with_series(self.api, self.calendar.remote_id, change) or change

    def _made_here(
        self, change: RemoteEvent | Removed, events: dict[str, Event], unlinked: list[Event]
    ) -> list[Copy] | None:
        """An unlinked copy that was made for an event of the app, by an attempt that did not get to record it. One that
        comes back while another one is linked is to go, if it is ours beyond doubt. None if it is no copy of ours."""
        report = change if isinstance(change, RemoteEvent) else RemoteEvent(remote_id=change.remote_id)
        tag = read_tag(report.tag)
        for event in [events[tag.event_id]] if tag.event_id in events else unlinked:
            key = self._copy_key(copy_name(event.id, tag.occurrence))
            if event.origin == APP and self.api.owns(key, report):
                links = self.house.store.events.links_of_event(self.calendar.id, event.id)
                stored = next((link for link in links if link.occurrence == tag.occurrence), None)
                if stored is None or stored.remote_id.startswith(REFUSED):
                    at = self._recovered(self._situation(event, None, change, tag.occurrence))
                    return [(replace(at, owned=True), stored)]
                if stored.remote_id == change.remote_id:  # recorded by another worker, just now
                    return [(self._situation(event, stored, change, tag.occurrence), stored)]
                if self.api.gave_id(key, change.remote_id):
                    double = self._situation(replace(event, deleted=True), None, change, tag.occurrence)
                    return [(replace(double, owned=True), None)]
                return []
        return None

    def _recovered(self, at: Situation) -> Situation:
        """The situation of an unlinked copy of ours, with the link that its tag gives."""
        if at.local is None or not isinstance(at.remote, RemoteEvent):
            return at
        tag = read_tag(at.remote.tag)
        if tag.event_id != at.event.id or not tag.made_as:
            return at
        base = base_of(tag, at.event.series, at.projected) if at.projected else Base({}, tag.made_as)
        link = Link(
            calendar_id=at.calendar_id,
            remote_id=at.remote.remote_id,
            event_id=at.event.id,
            etag="",
            base=base,
            occurrence=at.occurrence,
        )
        return replace(at, link=link, held=self._holds(at.event, link))

    def _is_there(self, remote_id: str) -> bool:
        """Before an event that was deleted comes to life again: a worker that stalled may hold a page from before."""
        return self.api.fetch_event(self.calendar.remote_id, remote_id) is not None

    def _adopted(self, at: Situation) -> Situation:
        """An event that was kept when its calendar was disconnected is this calendar's again."""
        return replace(at, owned=True, held=True, local=replace(at.event, origin=self.calendar.id))

    def _note_unreadable(self, faults: list[Unreadable], links: dict[str, Link]) -> None:
        for fault in faults:
            blank = Link(
                calendar_id=self.calendar.id, remote_id=fault.remote_id, event_id="", etag="", base=Base({}, {})
            )
            link = replace(links.get(fault.remote_id, blank), problem=fault.reason, seen=self.calendar.checkpoint.run)
            self.house.store.events.record(
                [Record(owner=self.calendar.owner, event_id=link.event_id, calendar_id=link.calendar_id, link=link)]
            )

    # --- the app's side

    def settle(self, events: Iterable[Event]) -> None:
        """Bring into step what the app has of these events."""
        self._settle_all([copy for event in events for copy in self._copies(event)])

    def _copies(self, event: Event) -> list[Copy]:
        """Those that the calendar is to hold of the event, and those that it holds."""
        links = {link.occurrence: link for link in self.house.store.events.links_of_event(self.calendar.id, event.id)}
        singles = self._in_singles(event)
        wanted = (WHOLE,) if singles is None else singles
        if singles and self.calendar.takes_bookings and not (set(links) - {WHOLE}):
            self.house.store.events.record(
                [written_singly(event, self.calendar.id, self._why_singly(event), self._now)]
            )
        copies: list[Copy] = []
        for occurrence in dict.fromkeys((*links, *wanted)):
            stored = links.get(occurrence)
            refused = stored is not None and stored.remote_id.startswith(REFUSED)
            if stored is not None and refused and occurrence not in wanted:
                self.house.store.events.drop_link(self.calendar.id, stored.remote_id)
                continue
            at = self._situation(event, None if refused else stored, UNSEEN, occurrence)
            copies.append((due_again(at) if self.calendar.checkpoint.reminders else at, stored))
        return copies

    def _in_singles(self, event: Event) -> tuple[OriginalStart, ...] | None:
        """The occurrences that get a copy each, since the provider cannot repeat this event; None if it can, or if
        they are too many, which its refusal of the whole will say."""
        if event.deleted or event.origin != APP or not self._why_singly(event):
            return None
        key = (event.id, event.version)
        if key not in self._singles:
            self._singles[key] = starts_ahead(event.series, self._now)
        return self._singles[key]

    def _why_singly(self, event: Event) -> str:
        return self.api.cannot_repeat(event.series) if event.series.recurs else ""

    # --- many events

    def _settle_all(self, copies: Iterable[Copy]) -> None:
        """Plans without writes are recorded together, writes that stand alone sent together; what goes, goes first."""
        decided = [(at, plan_event(at, self.connection.policy), stored) for at, stored in copies]
        self._brake([plan for _, plan, _ in decided])
        self._record_all([(at, plan, [], stored) for at, plan, stored in decided if not plan.writes])
        alone = [each for each in decided if stands_alone(each[1])]
        self._settle_together([each for each in alone if isinstance(each[1].writes[0], DeleteCopy)])
        self._settle_together([each for each in alone if not isinstance(each[1].writes[0], DeleteCopy)])
        for at, plan, stored in decided:
            if plan.writes and not stands_alone(plan):
                self._settle(at, stored, plan)

    def _brake(self, plans: list[EventPlan]) -> None:
        """Count what is to be taken over. Raises `Held` before any of it is, if it is too much."""
        point = self.calendar.checkpoint
        tally = self.tally.with_plans(plans)
        if tally.may_be_much and point.first_completed and point.brake is not Brake.RELEASED:
            linked = self.house.store.events.count_links(self.calendar.id) + self.tally.deleted - self.tally.created
            if sentence := too_much(tally, linked):
                raise Held(sentence)
        self.tally = tally

    def _settle_together(self, decided: list[Decided]) -> None:
        for first in range(0, len(decided), TOGETHER):
            chunk = decided[first : first + TOGETHER]
            if len(chunk) == 1:
                at, plan, stored = chunk[0]
                self._settle(at, stored, plan)
                continue
            self._write_ahead((at, plan) for at, plan, _ in chunk)
            results = apply_together([plan for _, plan, _ in chunk], self.api, self.calendar.remote_id)
            done = [
                (at, plan, result, stored)
                for (at, plan, stored), result in zip(chunk, results, strict=True)
                if not isinstance(result, SyncError)
            ]
            self._record_all(done)
            for (at, plan, stored), result in zip(chunk, results, strict=True):
                if isinstance(result, VersionConflict):
                    self._settle(self._look_again(at, plan, result), stored)
            failed = [each for each in results if isinstance(each, SyncError) and not isinstance(each, VersionConflict)]
            if failed:
                raise failed[0]

    def _record_all(self, done: list[tuple[Situation, EventPlan, list[Outcome], Link | None]]) -> None:
        records: list[tuple[Record, Situation, EventPlan, list[Outcome]]] = []
        for at, plan, outcomes, stored in done:
            record = self._record(at, plan, outcomes, stored)
            if record is not None:
                records.append((record, at, plan, outcomes))
        conflicts = {id(record) for record in self.house.store.events.record([each[0] for each in records])}
        for record, at, plan, outcomes in records:
            if id(record) not in conflicts:
                self._recorded(record, outcomes)
                if not self._goes_on(plan, record):
                    continue
            else:
                self._check_not_overtaken()
            fresh, link = self._reload(at, outcomes)
            self._settle(fresh, link)

    # --- one event

    def _settle(self, at: Situation, stored: Link | None, plan: EventPlan | None = None) -> None:
        """Bring one event into step, planning again as often as one of the sides moves on in between."""
        for _ in range(ATTEMPTS):
            plan = plan or plan_event(at, self.connection.policy)
            self._write_ahead([(at, plan)])
            try:
                outcomes = apply_plan(plan, self.api, self.calendar.remote_id)
            except VersionConflict as error:
                at, plan = self._look_again(at, plan, error), None
                continue
            record = self._record(at, plan, outcomes, stored)
            if record is None or not self.house.store.events.record([record]):
                self._recorded(record, outcomes)
                if record is None or not self._goes_on(plan, record):
                    return
            else:
                self._check_not_overtaken()
            at, stored = self._reload(at, outcomes)
            plan = None
        self._leave_for_later(at, stored)

    def _write_ahead(self, decided: Iterable[tuple[Situation, EventPlan]]) -> None:
        """What a plan overrules is gone at the provider once it is written, whatever happens to this process then. So
        the history has it before."""
        records: list[Record] = []
        for at, plan in decided:
            told = [told_of(entry, at.occurrence) for entry in plan.history] if plan.writes and not plan.redact else []
            news = tuple(one for one in told if one.lost and (plan.event_id, one.lost) not in self._ahead)
            if news:
                self._ahead.extend((plan.event_id, one.lost) for one in news)
                records.append(Record(owner=at.owner, event_id=plan.event_id, calendar_id=at.calendar_id, history=news))
        if records:
            self.house.store.events.record(records)

    def _check_not_overtaken(self) -> None:
        """After a conflict: a worker that stalled, while another one took the calendar on, holds news that are none.
        Raises `VersionConflict`: this run is over. What else has changed of the calendar does not matter."""
        now = self.house.store.calendars.load(self.calendar.id)
        if now is None or now.checkpoint != self.calendar.checkpoint:
            raise VersionConflict("Another run has taken this calendar on.")
        self.calendar = now

    def _leave_for_later(self, at: Situation, stored: Link | None) -> None:
        """An event that keeps changing on both sides waits for the next sweep, and its neighbours do not."""
        event = at.series_event or at.local
        if event is None or stored is None:
            raise RetryLater("This event keeps changing on both sides.", delay=10, code="event_busy")
        busy = replace(stored, problem="This event keeps changing on both sides; it is tried again in a few minutes.")
        self.house.store.events.record(
            [Record(owner=at.owner, event_id=event.id, calendar_id=at.calendar_id, link=busy)]
        )
        self.house.store.events.mark(at.calendar_id, event)
        self.left.add(event.id)

    def _record(self, at: Situation, plan: EventPlan, outcomes: list[Outcome], stored: Link | None) -> Record | None:
        point = self.calendar.checkpoint
        others = self._other_calendars if plan.save is not None and plan.save.origin == APP else ()
        record = record_of(
            at, plan, outcomes, run=point.run, quiet=not point.first_completed, others=others, stored=stored
        )
        if record is None:
            return None
        history = tuple(entry for entry in record.history if (record.event_id, entry.lost) not in self._ahead)
        if not (record.event or record.link or record.unlink or history):
            return None
        record = replace(record, history=history, as_of=self.calendar.version)
        if record.event is not None and _too_large(record.event):
            remote_id = "" if isinstance(at.remote, Unseen) else at.remote.remote_id
            reason = "This event is too large to be held here: it has too many changed occurrences."
            self._note_unreadable([Unreadable(remote_id, reason)], {stored.remote_id: stored} if stored else {})
            return None
        if plan.redact:  # before the event itself is recorded: a crash in between repeats both
            self.house.store.events.redact_history(at.owner, plan.event_id)
        return record

    def _recorded(self, record: Record | None, outcomes: Sequence[Outcome]) -> None:
        if record is None:
            return
        for notice in record.notices:
            self.house.notices.send(notice)
        self._woken.update(record.marks)
        if record.link is not None and record.link.overrides and any(_opens(outcome) for outcome in outcomes):
            self._read_opened(record.link)

    def _goes_on(self, plan: EventPlan, record: Record) -> bool:
        """Whether the copy is to go now, of which the plan has only recorded what it says. That is not told again."""
        if not goes_next(plan):
            return False
        self._ahead.extend((record.event_id, entry.lost) for entry in record.history)
        return True

    def _read_opened(self, link: Link) -> None:
        """Exceptions of a series that was opened by our own write were last read without their text, and nobody reports
        them again."""
        found = self.api.fetch_event(self.calendar.remote_id, link.remote_id, tuple(sorted(link.overrides)))
        event = self.house.store.events.load(self.calendar.owner, [link.event_id]).get(link.event_id)
        if found is not None and event is not None:
            self._settle(self._situation(event, link, found, link.occurrence), link)

    def _look_again(self, at: Situation, plan: EventPlan, error: VersionConflict) -> Situation:
        """The provider's side has moved on: read the event, with the occurrences that were to be written and those that
        were reported, so that no edit of theirs is passed over."""
        if isinstance(error, AlreadyThere):
            return self._recovered(replace(at, remote=error.remote, owned=True))
        remote_id = at.remote.remote_id if isinstance(at.remote, RemoteEvent) else at.link.remote_id if at.link else ""
        starts = {write.original_start for write in plan.writes if isinstance(write, UpdateOccurrence)}
        if isinstance(at.remote, RemoteEvent):
            starts |= set(at.remote.overrides)
        if not remote_id:  # a copy that this very plan created, before something behind it went wrong
            remote_id = self.api.find_copy(self.calendar.remote_id, at.key) or ""
            if not remote_id:
                return replace(at, remote=UNSEEN)
            at = replace(at, owned=True)
        found = self.api.fetch_event(self.calendar.remote_id, remote_id, tuple(sorted(starts)))
        again = replace(at, remote=found or Removed(remote_id))
        return again if again.link else self._recovered(again)

    def _reload(self, at: Situation, outcomes: Sequence[Outcome]) -> Copy:
        """The app's side has moved on: read it again, and keep what the provider is known to hold now."""
        store = self.house.store.events
        event_id = at.event.id if at.local else at.import_id
        event = store.load(at.owner, [event_id]).get(event_id)
        remote = remote_after(at, outcomes) or at.remote
        links = store.links_of_event(self.calendar.id, event_id)
        stored = next((link for link in links if link.occurrence == at.occurrence), None)
        link = None if stored is None or stored.remote_id.startswith(REFUSED) else stored
        fresh = self._situation(event, link, remote, at.occurrence)
        return (fresh if link else self._recovered(replace(fresh, owned=True))), stored

    def _situation(
        self,
        event: Event | None,
        link: Link | None,
        remote: RemoteEvent | Removed | Unseen,
        occurrence: OriginalStart = WHOLE,
    ) -> Situation:
        local = self._shown_by(event, occurrence) if event else None
        remote_id = link.remote_id if link else "" if isinstance(remote, Unseen) else remote.remote_id
        live = local is not None and not local.deleted
        return Situation(
            calendar_id=self.calendar.id,
            owner=self.calendar.owner,
            key=self._copy_key(copy_name(event.id, occurrence)) if event else "",
            import_id=self._import_id(remote_id),
            now=self._now,
            local=local,
            projected=self.api.project(local.series, self.connection.policy) if local and live else None,
            remote=remote,
            link=link,
            held=local is None or self._holds(local, link),
            writable=self.calendar.access.writable,
            occurrence=occurrence,
            series_event=event if occurrence else None,
        )

    def _shown_by(self, event: Event, occurrence: OriginalStart) -> Event:
        """What a copy is to show; one of the whole where there are singles, or the other way round, is to go."""
        if (self._in_singles(event) is None) is (occurrence == WHOLE):
            return as_single(event, occurrence)
        return replace(event, deleted=True)

    def _holds(self, event: Event, link: Link | None) -> bool:
        """Whether this calendar is to hold a copy: its own events, bookings, and what has ended and is here already."""
        calendar = self.calendar
        if event.origin != APP:
            return event.origin == calendar.id
        if link is None:
            return calendar.takes_bookings
        return calendar.chosen_for_bookings or not ends_after(event, self._now)

    @property
    def _now(self) -> datetime:
        return self.house.clock()

    @property
    def since(self) -> datetime:
        """Where the window begins (UTC)."""
        return self._now - self.window_back

    # --- names, and the owner's other calendars

    @property
    def _account(self) -> Account:
        return self.connection.account or Account(self.connection.id, "")

    def _copy_key(self, tag: str) -> str:
        return copy_key(self.calendar.owner, self.connection.provider, self._account, self.calendar.remote_id, tag)

    def _import_id(self, remote_id: str) -> str:
        return import_id(
            self.calendar.owner, self.connection.provider, self._account, self.calendar.remote_id, remote_id
        )

    @cached_property
    def _other_calendars(self) -> tuple[str, ...]:
        store = self.house.store
        return tuple(
            calendar.id
            for connection in store.connections.of_owner(self.calendar.owner)
            for calendar in store.calendars.of_connection(connection.id)
            if calendar.id != self.calendar.id and calendar.sync
            if calendar.chosen_for_bookings or calendar.checkpoint.phase is not SyncPhase.DELTA
        )

    def wake_others(self) -> None:
        """Send a job for each other calendar that now has something to fetch."""
        for calendar_id in sorted(self._woken):
            self.house.jobs.send(CalendarJob(calendar_id))
        self._woken.clear()


def _opens(outcome: Outcome) -> bool:
    """Whether a write made an event's text open to be read."""
    match outcome:
        case Written(write=UpdateCopy(fields={"visibility": visibility})):
            return visibility not in WITHHELD
        case _:
            return False


def _too_large(event: Event) -> bool:
    """Only changed occurrences make an event that large, so few others are weighed."""
    return len(event.series.overrides) > FEW and len(encode_series(event.series)) > LARGEST_EVENT


def ends_after(event: Event, instant: datetime) -> bool:
    end = last_end(event.series)
    return end is None or end > instant
