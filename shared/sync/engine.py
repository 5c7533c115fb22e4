"""One calendar's sync, from where its checkpoint stands to where both sides are in step.

    fetch a page → the situations of its events → plan → apply → record (links) → checkpoint (cursor)

`CalendarSync.run` goes through the phases (see `SyncPhase`) until the calendar is in step or time is out; then it is
simply run again. Whatever stops it, at whatever point, the next run repeats at most one page: creates are keyed,
updates are preconditioned, and the checkpoint moves last. Memory holds one page at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from shared.calendar.recurrence import last_end
from shared.errors import CursorExpired, NotWatchable, RetryLater, VersionConflict
from shared.event_storage import encode_series
from shared.house import House
from shared.keys import copy_key, import_id, new_run_id
from shared.model import (
    APP,
    Account,
    Base,
    Calendar,
    Change,
    Checkpoint,
    Complete,
    Connection,
    Event,
    Link,
    More,
    Page,
    RemoteEvent,
    Removed,
    SyncPhase,
    Unreadable,
)
from shared.notices import first_sync_notice
from shared.providers.base import CalendarApi
from shared.queue import CalendarJob
from shared.store.events import Mark, Record
from shared.sync.actions import EventPlan, UpdateOccurrence
from shared.sync.apply import apply_plan
from shared.sync.fetch import complete, fetch_changes, in_window
from shared.sync.links import Outcome, remote_after
from shared.sync.plan import plan_event
from shared.sync.recording import REFUSED, record_of
from shared.sync.situation import UNSEEN, Situation, Unseen

CHUNK = 50
"""Pending marks, links or bookings looked at between two checkpoints."""

ATTEMPTS = 5
"""How often one event is planned again when either side moved on in between."""

LATE = timedelta(minutes=2)
"""A change that is found this long after it was made was not announced."""

FEW = 30

LARGEST_EVENT = 350_000
"""Bytes of a stored series; DynamoDB holds 400 kB an item."""


@dataclass
class CalendarSync:
    """`next_due` says when a calendar is to be looked at again if nothing tells of a change (poll or renewal).
    `window_back`: an event that ended longer ago than this is left alone unless it is linked already."""

    house: House
    connection: Connection
    calendar: Calendar
    api: CalendarApi
    next_due: Callable[[Calendar, datetime], datetime]
    window_back: timedelta
    _woken: set[str] = field(default_factory=set)

    # --- the phases

    def run(self, started_ms: int, out_of_time: Callable[[], bool]) -> bool:
        """Sync until the calendar is in step (True) or time is out (False: to be run again). `started_ms` is the
        queue's clock when this run was called for. Raises the errors of `shared.errors`."""
        try:
            while not out_of_time():
                match self.calendar.checkpoint.phase:
                    case SyncPhase.FIRST | SyncPhase.SNAPSHOT:
                        self._list()
                    case SyncPhase.MISSING:
                        self._ask_for_missing()
                    case SyncPhase.EXPORT:
                        self._export()
                    case SyncPhase.DELTA:
                        if self._follow(started_ms, out_of_time):
                            return True
            return False
        finally:
            self._wake_others()

    def _list(self) -> None:
        """One page of everything."""
        point = self.calendar.checkpoint
        if not point.run:
            self._commit(replace(point, run=new_run_id()))
            point = self.calendar.checkpoint
        page = self._page(point)
        if page is None:
            return
        self._take(page.changes)
        done = point.done + len(page.changes)
        match page.next:
            case More(cursor):
                self._commit(replace(point, cursor=cursor, done=done))
            case Complete(cursor):
                phase = SyncPhase.MISSING if point.phase is SyncPhase.SNAPSHOT else SyncPhase.EXPORT
                self._commit(replace(point, phase=phase, cursor=cursor, done=done, position=""))

    def _ask_for_missing(self) -> None:
        """After a snapshot: links that it did not list are asked for by id, since absence proves nothing."""
        point = self.calendar.checkpoint
        links = self.house.store.events.links_after(self.calendar.id, point.position, CHUNK)
        unlisted = [link for link in links if link.seen != point.run and not link.remote_id.startswith(REFUSED)]
        events = self.house.store.events.load(self.calendar.owner, [link.event_id for link in unlisted])
        changes: list[Change] = []
        for link in unlisted:
            event = events.get(link.event_id)
            if event is None or event.deleted or _ends_after(event, self._since):
                found = self.api.fetch_event(self.calendar.remote_id, link.remote_id)
                changes.append(found or Removed(link.remote_id))
        self._take(changes)
        if links:
            self._commit(replace(point, position=links[-1].remote_id))
        else:
            self._commit(replace(point, phase=SyncPhase.EXPORT, position=""))

    def _export(self) -> None:
        """The bookings from now on: those that this calendar lacks are written, those it no longer takes withdrawn."""
        point = self.calendar.checkpoint
        bookings, position = self.house.store.events.ending_after(
            self.calendar.owner, self.house.clock(), limit=CHUNK, after=point.position, origin=APP
        )
        for event in bookings:
            self._settle_local(event)
        done = point.done + len(bookings)
        if position:
            self._commit(replace(point, position=position, done=done))
            return
        steady = Checkpoint(
            phase=SyncPhase.DELTA, cursor=point.cursor, done=done, total=done, first_completed=True
        )  # fmt: skip
        if not point.first_completed:  # told before it is recorded: a crash in between tells twice, never not at all
            self.house.tell(first_sync_notice(replace(self.calendar, checkpoint=steady), self.house.clock()))
        self._commit(steady)

    def _follow(self, started_ms: int, out_of_time: Callable[[], bool]) -> bool:
        """One page of what changed; with the last one also what the app has for this calendar."""
        point = self.calendar.checkpoint
        page = self._page(point)
        if page is None:
            return False
        marks = self.house.store.events.pending(self.calendar.id, CHUNK)
        self._take(page.changes, marks)
        if isinstance(page.next, More):
            self._commit(replace(point, cursor=page.next.cursor))
            return False
        while marks and not out_of_time():
            self._settle_marks(marks)
            marks = self.house.store.events.pending(self.calendar.id, CHUNK)
        if marks:
            self._commit(replace(point, cursor=page.next.cursor))
            return False
        now = self.house.clock()
        silent = self._came_late(page.changes, now)
        self._commit(
            replace(point, cursor=page.next.cursor),
            lambda calendar: replace(
                calendar,
                synced_from_ms=max(started_ms, calendar.synced_from_ms),
                last_sync_at=now,
                reasons=tuple(one for one in calendar.reasons if one.code == NotWatchable.code),
                parked_until=None,
                due_at=now if silent else self.next_due(calendar, now),
                subscription=replace(calendar.subscription, renew_at=now)
                if silent and calendar.subscription
                else calendar.subscription,
            ),
        )
        return True

    def _came_late(self, changes: Sequence[Change], now: datetime) -> bool:
        """Whether a live subscription kept silent about a change that happened after the last sync: it is replaced."""
        last = self.calendar.last_sync_at
        if self.calendar.subscription is None or last is None:
            return False
        times = [change.updated_at for change in changes if isinstance(change, RemoteEvent) and change.updated_at]
        return any(last + LATE < changed < now - LATE for changed in times)

    def _page(self, point: Checkpoint) -> Page | None:
        """The page at the checkpoint; None if the cursor has expired and a snapshot was begun instead."""
        try:
            return fetch_changes(self.api, self.calendar.remote_id, point.cursor, self._since)
        except CursorExpired as error:
            if not point.cursor:
                raise RetryLater("The provider refuses to list this calendar.", delay=60, code=error.code) from error
            self._commit(replace(point, phase=SyncPhase.SNAPSHOT, cursor="", position="", run=new_run_id(), done=0))
            return None

    def _commit(self, point: Checkpoint, also: Callable[[Calendar], Calendar] = lambda calendar: calendar) -> None:
        """Move the checkpoint, unless another worker moved it since (`VersionConflict`: this run is over)."""
        decided_from = self.calendar.checkpoint

        def move(calendar: Calendar) -> Calendar:
            if calendar.checkpoint != decided_from:
                raise VersionConflict("Another run has taken this calendar on.")
            return also(replace(calendar, checkpoint=point))

        moved = self.house.store.calendars.change(self.calendar.id, move)
        if moved is None:
            raise VersionConflict("The calendar was disconnected meanwhile.")
        self.calendar = moved

    # --- events of the provider's side

    def _take(self, changes: Iterable[Change], marks: Sequence[Mark] = ()) -> None:
        """Plan, apply and record what a page reported. Plans without writes are recorded together."""
        together: list[tuple[Situation, EventPlan, Link | None]] = []
        for at, stored in self._situations(list(changes), marks):
            plan = plan_event(at, self.connection.policy)
            if plan.writes:
                self._settle(at, stored, plan)
            else:
                together.append((at, plan, stored))
        self._record_together(together)

    def _situations(self, changes: list[Change], marks: Sequence[Mark]) -> list[tuple[Situation, Link | None]]:
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
        wanted |= {change.tag for change in readable if isinstance(change, RemoteEvent) and change.tag}
        wanted |= {link.event_id for link in known.values()} | {mark.event_id for mark in marks}
        events = store.load(owner, wanted)
        unlinked = [events[mark.event_id] for mark in marks if mark.event_id in events]
        situations: list[tuple[Situation, Link | None]] = []
        for change in readable:
            link, stored = known.get(change.remote_id), links.get(change.remote_id)
            if link is not None:
                situations.append((self._situation(events.get(link.event_id), link, change), stored))
                continue
            made = self._made_here(change, events, unlinked)
            if made is not None:
                situations.append((replace(self._situation(made, None, change), owned=True), stored))
            elif isinstance(change, RemoteEvent) and in_window(change, self._since):
                local = events.get(self._import_id(change.remote_id))
                at = self._situation(local, None, change)
                situations.append((self._adopted(at) if local and not local.deleted else at, stored))
        return situations

    def _made_here(
        self, change: RemoteEvent | Removed, events: dict[str, Event], unlinked: list[Event]
    ) -> Event | None:
        """The app's event that an unlinked copy was made for, by an attempt that did not get to record it."""
        tagged = events.get(change.tag) if isinstance(change, RemoteEvent) and change.tag else None
        report = change if isinstance(change, RemoteEvent) else RemoteEvent(remote_id=change.remote_id)
        for event in [tagged] if tagged else unlinked:
            if event.origin == APP and self.api.owns(self._copy_key(event.id), report):
                links = self.house.store.events.links_of_event(self.calendar.id, event.id)
                if all(link.remote_id.startswith(REFUSED) for link in links):
                    return event
        return None

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

    # --- events of the app's side

    def _settle_marks(self, marks: Sequence[Mark]) -> None:
        events = self.house.store.events.load(self.calendar.owner, [mark.event_id for mark in marks])
        for mark in marks:
            event = events.get(mark.event_id)
            if event is not None:
                self._settle_local(event)
            self.house.store.events.clear(mark)

    def _settle_local(self, event: Event) -> None:
        links = self.house.store.events.links_of_event(self.calendar.id, event.id)
        stored = next(iter(links), None)
        link = None if stored is None or stored.remote_id.startswith(REFUSED) else stored
        self._settle(self._situation(event, link, UNSEEN), stored)

    # --- one event

    def _settle(self, at: Situation, stored: Link | None, plan: EventPlan | None = None) -> None:
        """Bring one event into step, planning again as often as one of the sides moves on in between."""
        for _ in range(ATTEMPTS):
            plan = plan or plan_event(at, self.connection.policy)
            try:
                outcomes = apply_plan(plan, self.api, self.calendar.remote_id)
            except VersionConflict:
                at, plan = self._look_again(at, plan), None
                continue
            record = self._record(at, plan, outcomes, stored)
            if record is None or not self.house.store.events.record([record]):
                self._recorded(record)
                return
            at, stored = self._reload(at, outcomes)
            plan = None
        raise RetryLater("This event keeps changing on both sides.", delay=10, code="event_busy")

    def _record_together(self, decided: list[tuple[Situation, EventPlan, Link | None]]) -> None:
        records: list[tuple[Record, Situation]] = []
        for at, plan, stored in decided:
            record = self._record(at, plan, [], stored)
            if record is not None:
                records.append((record, at))
        conflicts = {id(record) for record in self.house.store.events.record([item[0] for item in records])}
        for record, at in records:
            if id(record) not in conflicts:
                self._recorded(record)
                continue
            fresh, link = self._reload(at, [])
            self._settle(fresh, link)

    def _record(self, at: Situation, plan: EventPlan, outcomes: list[Outcome], stored: Link | None) -> Record | None:
        if plan.save is not None and _too_large(plan.save):
            remote_id = "" if isinstance(at.remote, Unseen) else at.remote.remote_id
            reason = "This event is too large to be held here: it has too many changed occurrences."
            self._note_unreadable([Unreadable(remote_id, reason)], {stored.remote_id: stored} if stored else {})
            return None
        point = self.calendar.checkpoint
        others = self._other_calendars if plan.save is not None and plan.save.origin == APP else ()
        if plan.redact:  # before the event itself is recorded: a crash in between repeats both
            self.house.store.events.redact_history(at.owner, plan.event_id)
        return record_of(
            at, plan, outcomes, run=point.run, quiet=not point.first_completed, others=others, stored=stored
        )

    def _recorded(self, record: Record | None) -> None:
        if record is None:
            return
        for notice in record.notices:
            self.house.notices.send(notice)
        self._woken.update(record.marks)

    def _look_again(self, at: Situation, plan: EventPlan) -> Situation:
        """The provider's side has moved on: read the event, with the occurrences that were to be written and those that
        were reported, so that no edit of theirs is passed over."""
        remote_id = at.remote.remote_id if isinstance(at.remote, RemoteEvent) else at.link.remote_id if at.link else ""
        starts = {write.original_start for write in plan.writes if isinstance(write, UpdateOccurrence)}
        if isinstance(at.remote, RemoteEvent):
            starts |= set(at.remote.overrides)
        found = self.api.fetch_event(self.calendar.remote_id, remote_id, tuple(sorted(starts)))
        return replace(at, remote=found or Removed(remote_id))

    def _reload(self, at: Situation, outcomes: Sequence[Outcome]) -> tuple[Situation, Link | None]:
        """The app's side has moved on: read it again, and keep what the provider is known to hold now."""
        store = self.house.store.events
        event_id = at.event.id if at.local else at.import_id
        event = store.load(at.owner, [event_id]).get(event_id)
        remote = remote_after(at, outcomes) or at.remote
        links = store.links_of_event(self.calendar.id, event_id)
        stored = next(iter(links), None)
        link = None if stored is None or stored.remote_id.startswith(REFUSED) else stored
        return replace(self._situation(event, link, remote), owned=at.owned or link is None), stored

    def _situation(self, event: Event | None, link: Link | None, remote: RemoteEvent | Removed | Unseen) -> Situation:
        remote_id = link.remote_id if link else "" if isinstance(remote, Unseen) else remote.remote_id
        live = event is not None and not event.deleted
        return Situation(
            calendar_id=self.calendar.id,
            owner=self.calendar.owner,
            key=self._copy_key(event.id) if event else "",
            import_id=self._import_id(remote_id),
            now=self.house.clock(),
            local=event,
            projected=self.api.project(event.series, self.connection.policy) if event and live else None,
            remote=remote,
            link=link,
            held=event is None or self._holds(event, link),
            writable=self.calendar.access.writable,
        )

    def _holds(self, event: Event, link: Link | None) -> bool:
        """Whether this calendar is to hold a copy: its own events, bookings, and what has ended and is here already."""
        if event.origin != APP:
            return event.origin == self.calendar.id
        return self.calendar.takes_bookings or (link is not None and not _ends_after(event, self.house.clock()))

    @property
    def _since(self) -> datetime:
        return self.house.clock() - self.window_back

    # --- names, and the owner's other calendars

    @property
    def _account(self) -> Account:
        return self.connection.account or Account(self.connection.id, "")

    def _copy_key(self, event_id: str) -> str:
        return copy_key(self.calendar.owner, self.connection.provider, self._account, self.calendar.remote_id, event_id)

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
            if calendar.takes_bookings and calendar.id != self.calendar.id
        )

    def _wake_others(self) -> None:
        for calendar_id in sorted(self._woken):
            self.house.jobs.send(CalendarJob(calendar_id))
        self._woken.clear()


def _too_large(event: Event) -> bool:
    """Only changed occurrences make an event that large, so few others are weighed."""
    return len(event.series.overrides) > FEW and len(encode_series(event.series)) > LARGEST_EVENT


def _ends_after(event: Event, instant: datetime) -> bool:
    end = last_end(event.series)
    return end is None or end > instant
