"""One calendar's sync, from where its checkpoint stands to where both sides are in step.

    fetch a page → bring its events into step (`shared.sync.settle`) → checkpoint (cursor)

`CalendarSync.run` goes through the phases (see `SyncPhase`) until the calendar is in step or time is out; then it is
simply run again. Whatever stops it, at whatever point, the next run repeats at most one page: creates are keyed,
updates are preconditioned, and the checkpoint moves last. Memory holds one page at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

from shared.errors import CursorExpired, NotWatchable, RetryLater, VersionConflict
from shared.house import House
from shared.keys import new_run_id
from shared.model import (
    APP,
    Brake,
    Calendar,
    Change,
    Checkpoint,
    Complete,
    Connection,
    More,
    Page,
    RemoteEvent,
    Removed,
    SyncPhase,
)
from shared.notices import first_sync_notice
from shared.providers.base import CalendarApi
from shared.store.events import Mark
from shared.sync.brake import Tally
from shared.sync.fetch import fetch_changes
from shared.sync.recording import REFUSED
from shared.sync.settle import TOGETHER, EventSync, ends_after

CHUNK = TOGETHER
"""Pending marks, links or bookings looked at between two checkpoints."""

RECONCILE_EVERY = timedelta(days=7)
"""How long a calendar goes without being listed whole. What delta and push never told of shows then."""

LATE = timedelta(minutes=2)
"""A change that is found this long after it was made was not announced."""


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
    events: EventSync = field(init=False)

    def __post_init__(self) -> None:
        self.events = EventSync(self.house, self.connection, self.api, self.calendar, self.window_back)

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
                    case SyncPhase.DELTA if self._due_for_listing:
                        self._begin_snapshot()
                    case SyncPhase.DELTA:
                        if self._follow(started_ms, out_of_time):
                            return True
            return False
        finally:
            self.events.wake_others()

    @property
    def _due_for_listing(self) -> bool:
        """Spread over the last seventh of the interval: calendars connected together are not listed together."""
        listed_at = datetime.fromtimestamp(self.calendar.checkpoint.listed_s, UTC)
        spread = crc32(self.calendar.id.encode()) / 2**32
        return listed_at + RECONCILE_EVERY * (1 - spread / 7) <= self.house.clock()

    def _begin_snapshot(self) -> None:
        point = self.calendar.checkpoint
        begun = replace(point, phase=SyncPhase.SNAPSHOT, cursor="", position="", done=0, total=None)
        self._commit(begun)

    def _list(self) -> None:
        """One page of everything. A listing that begins anew is another run: what only the attempt before saw may be
        gone by now."""
        point = self.calendar.checkpoint
        if not point.cursor:
            self._commit(replace(point, run=new_run_id()))
            point = self.calendar.checkpoint
        page = self._page(point)
        if page is None:
            return
        self.events.take(page.changes)
        done = point.done + len(page.changes)
        match page.next:
            case More(cursor):
                self._commit(replace(point, cursor=cursor, done=done))
            case Complete(cursor):
                phase = SyncPhase.MISSING if point.phase is SyncPhase.SNAPSHOT else SyncPhase.EXPORT
                listed_s = int(self.house.clock().timestamp())
                self._commit(replace(point, phase=phase, cursor=cursor, done=done, position="", listed_s=listed_s))

    def _ask_for_missing(self) -> None:
        """After a snapshot: links that it did not list are asked for by id, since absence proves nothing."""
        point = self.calendar.checkpoint
        links = self.house.store.events.links_after(self.calendar.id, point.position, CHUNK)
        unlisted = [link for link in links if link.seen != point.run and not link.remote_id.startswith(REFUSED)]
        events = self.house.store.events.load(self.calendar.owner, [link.event_id for link in unlisted])
        changes: list[Change] = []
        for link in unlisted:
            event = events.get(link.event_id)
            if event is None or event.deleted or ends_after(event, self.events.since):
                found = self.api.fetch_event(self.calendar.remote_id, link.remote_id)
                changes.append(found or Removed(link.remote_id))
        self.events.take(changes)
        if links:
            self._commit(replace(point, position=links[-1].remote_id))
        else:
            self._commit(replace(point, phase=SyncPhase.EXPORT, position=""))

    def _export(self) -> None:
        """The bookings from now on: those that this calendar lacks are written, those it no longer takes withdrawn.
        What the provider has to tell comes first, so that no edit goes with a copy that is withdrawn."""
        if self.calendar.checkpoint.first_completed and not self.calendar.checkpoint.position and not self._caught_up():
            return
        point = self.calendar.checkpoint
        bookings, position = self.house.store.events.ending_after(
            self.calendar.owner, self.house.clock(), limit=CHUNK, after=point.position, origin=APP
        )
        self.events.settle(bookings)
        done = point.done + len(bookings)
        if position:
            self._commit(replace(point, position=position, done=done))
            return
        steady = Checkpoint(
            phase=SyncPhase.DELTA,
            cursor=point.cursor,
            done=done,
            total=done,
            first_completed=True,
            listed_s=point.listed_s,
            brake=point.brake,
        )
        if not point.first_completed:  # told before it is recorded: a crash in between tells twice, never not at all
            self.events.tally = Tally()
            self.house.tell(first_sync_notice(replace(self.calendar, checkpoint=steady), self.house.clock()))
        self._commit(steady)

    def _caught_up(self) -> bool:
        """One page of what changed; whether it was the last."""
        point = self.calendar.checkpoint
        page = self._page(point)
        if page is None:
            return False
        self.events.take(page.changes)
        self._commit(replace(point, cursor=page.next.cursor))
        return isinstance(page.next, Complete)

    def _follow(self, started_ms: int, out_of_time: Callable[[], bool]) -> bool:
        """One page of what changed; with the last one also what the app has for this calendar."""
        point = self.calendar.checkpoint
        page = self._page(point)
        if page is None:
            return False
        marks = self._pending()
        self.events.take(page.changes, marks)
        if isinstance(page.next, More):
            self._commit(replace(point, cursor=page.next.cursor))
            return False
        while marks and not out_of_time():
            self._settle_marks(marks)
            marks = self._pending()
        if marks:
            self._commit(replace(point, cursor=page.next.cursor))
            return False
        now = self.house.clock()
        self.events.tally = Tally()
        silent = self._came_late(page.changes, now)
        self._commit(
            replace(point, cursor=page.next.cursor, brake=Brake.ON),
            lambda calendar: replace(
                calendar,
                synced_from_ms=max(started_ms, calendar.synced_from_ms),
                last_sync_at=now,
                reasons=tuple(one for one in calendar.reasons if one.code == NotWatchable.code),
                parked_until=None,
                due_at=now if silent else self.next_due(calendar, now),
                subscription=replace(calendar.subscription, renew_at=now, key="")
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
            return fetch_changes(self.api, self.calendar.remote_id, point.cursor, self.events.since)
        except CursorExpired as error:
            if not point.cursor:
                raise RetryLater("The provider refuses to list this calendar.", delay=60, code=error.code) from error
            self._begin_snapshot()
            return None

    def _commit(self, point: Checkpoint, also: Callable[[Calendar], Calendar] = lambda calendar: calendar) -> None:
        """Move the checkpoint, unless another worker moved it since (`VersionConflict`: this run is over)."""
        decided_from = self.calendar.checkpoint
        point = replace(point, deleted=self.events.tally.deleted, created=self.events.tally.created)

        def move(calendar: Calendar) -> Calendar:
            if calendar.checkpoint != decided_from:
                raise VersionConflict("Another run has taken this calendar on.")
            return also(replace(calendar, checkpoint=point))

        moved = self.house.store.calendars.change(self.calendar.id, move)
        if moved is None:
            raise VersionConflict("The calendar was disconnected meanwhile.")
        self.calendar = self.events.calendar = moved

    def _settle_marks(self, marks: Sequence[Mark]) -> None:
        found = self.house.store.events.load(self.calendar.owner, [mark.event_id for mark in marks])
        self.events.settle([found[mark.event_id] for mark in marks if mark.event_id in found])
        for mark in marks:
            if mark.event_id not in self.events.left:
                self.house.store.events.clear(mark)

    def _pending(self) -> list[Mark]:
        """What the app has for this calendar, but for what waits for the next sweep."""
        found = self.house.store.events.pending(self.calendar.id, CHUNK + len(self.events.left))
        return [mark for mark in found if mark.event_id not in self.events.left]
