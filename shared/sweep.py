"""What the schedule looks after, each minute: subscriptions, polls, and whatever was left lying.

Every round is bounded by time and safe to break off: what it did not reach is still due in the next one. One calendar
that fails does not stop its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.connections import abandon, reconnect_required
from shared.errors import ConnectionRevoked, SyncError
from shared.house import House
from shared.model import Calendar, Connection, ConnectionStatus
from shared.providers.base import Session
from shared.queue import CalendarJob, ConnectionJob
from shared.store.events import SWEEP_AFTER
from shared.subscriptions import PushSettings, ensure_subscription


@dataclass
class Round:
    """One round, and what it counted."""

    house: House
    push: PushSettings
    out_of_time: Callable[[], bool]
    counts: dict[str, int] = field(default_factory=dict)
    _sessions: dict[str, tuple[Connection, Session | None]] = field(default_factory=dict)

    def run(self) -> dict[str, int]:
        """Renew, poll and sweep; how much of each was done."""
        now = self.house.clock()
        for step in (self._due_calendars, self._stale_marks, self._overdue_notices, self._unfinished):
            step(now)
        return self.counts

    def _due_calendars(self, now: datetime) -> None:
        for calendar in self.house.store.calendars.due(now):
            if self.out_of_time():
                return
            try:
                self._look_after(calendar, now)
            except SyncError as error:
                self._count(f"failed: {error.code}")
                self._postpone(calendar, now + timedelta(minutes=5))
        for connection, session in self._sessions.values():
            if session is not None:
                self.house.keep_secret(connection, session)

    def _look_after(self, calendar: Calendar, now: datetime) -> None:
        """Renew the subscription if it is time, and have the calendar looked at."""
        connection, session = self._open(calendar)
        if connection is None or connection.status is not ConnectionStatus.ACTIVE or not calendar.sync:
            self._postpone(calendar, None)
            return
        if session is not None and calendar.subscription and calendar.subscription.renew_at <= now:
            calendar = ensure_subscription(self.house, connection, calendar, session.push, self.push)
            self._count("renewed")
        self._postpone(calendar, self.push.next_due(calendar, now))
        self.house.jobs.send(CalendarJob(calendar.id))
        self._count("polled")

    def _open(self, calendar: Calendar) -> tuple[Connection | None, Session | None]:
        """The connection, and its account only if a subscription has to be renewed."""
        if calendar.connection_id not in self._sessions:
            connection = self.house.store.connections.load(calendar.connection_id)
            if connection is None:
                return None, None
            self._sessions[connection.id] = (connection, None)
        connection, session = self._sessions[calendar.connection_id]
        due = calendar.subscription is not None and calendar.subscription.renew_at <= self.house.clock()
        if session is None and due and connection.status is ConnectionStatus.ACTIVE:
            try:
                session = self.house.open(connection)
            except ConnectionRevoked as error:
                reconnect_required(self.house, connection.id, error.code, error.sentence)
                raise
            self._sessions[connection.id] = (connection, session)
        return connection, session

    def _postpone(self, calendar: Calendar, due: datetime | None) -> None:
        self.house.store.calendars.change(calendar.id, lambda found: replace(found, due_at=due))

    def _stale_marks(self, now: datetime) -> None:
        for calendar_id in self.house.store.events.stale_marks(now):
            if self.out_of_time():
                return
            self.house.store.events.postpone_marks(calendar_id, now + 5 * SWEEP_AFTER)
            self.house.jobs.send(CalendarJob(calendar_id))
            self._count("marks swept")

    def _overdue_notices(self, now: datetime) -> None:
        for notice in self.house.store.deliveries.overdue(now):
            if self.out_of_time():
                return
            self.house.store.deliveries.requeue(notice, now + 5 * SWEEP_AFTER)
            self.house.notices.send(notice)
            self._count("notices swept")

    def _unfinished(self, now: datetime) -> None:
        """Consents that lapsed are given back; what a process that ended early had begun goes on."""
        for connection in self.house.store.connections.due(now):
            if self.out_of_time():
                return
            try:
                self._finish(connection, now)
            except SyncError as error:
                self._count(f"failed: {error.code}")

    def _finish(self, connection: Connection, now: datetime) -> None:
        if connection.status is ConnectionStatus.PENDING:
            abandon(self.house, connection)
            self._count("abandoned")
            return
        self.house.store.connections.save(replace(connection, due_at=now + 5 * SWEEP_AFTER))
        self.house.jobs.send(ConnectionJob(connection.id))
        self._count("connections swept")

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
