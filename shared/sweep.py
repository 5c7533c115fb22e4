"""What the schedule looks after, each minute: subscriptions, polls, and whatever was left lying.

Every round is bounded by time and safe to break off: what it did not reach is still due in the next one. It only says
what is to be looked at; the workers look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.connections import abandon
from shared.errors import SyncError
from shared.house import House
from shared.model import Calendar, Connection, ConnectionStatus
from shared.queue import CalendarJob, ConnectionJob
from shared.store.events import SWEEP_AFTER
from shared.subscriptions import PushSettings

AGAIN = timedelta(minutes=5)
"""After this a renewal that did not come about is asked for once more."""


@dataclass
class Round:
    """One round, and what it counted."""

    house: House
    push: PushSettings
    out_of_time: Callable[[], bool]
    counts: dict[str, int] = field(default_factory=dict)
    _connections: dict[str, Connection | None] = field(default_factory=dict)

    def run(self) -> dict[str, int]:
        """Ask for renewals and polls, and sweep; how much of each there was."""
        now = self.house.clock()
        for step in (self._due_calendars, self._stale_marks, self._overdue_notices, self._unfinished):
            step(now)
        return self.counts

    def _due_calendars(self, now: datetime) -> None:
        """Have them looked at. The worker of the mailbox renews what is due, so that one hand at a time asks a
        provider, and keeps to the pauses that it asks for."""
        for calendar in self.house.store.calendars.due(now):
            if self.out_of_time():
                return
            connection = self._connection(calendar.connection_id)
            if connection is None or connection.status is not ConnectionStatus.ACTIVE or not calendar.sync:
                self._postpone(calendar, None)
                continue
            renewal = calendar.subscription is not None and calendar.subscription.renew_at <= now
            due = self.push.next_due(calendar, now)
            self._postpone(calendar, due if due > now else now + AGAIN)
            self.house.jobs.send(CalendarJob(calendar.id))
            self._count("renewals" if renewal else "polls")

    def _connection(self, connection_id: str) -> Connection | None:
        if connection_id not in self._connections:
            self._connections[connection_id] = self.house.store.connections.load(connection_id)
        return self._connections[connection_id]

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
        if connection.status is ConnectionStatus.PENDING and not connection.member_of:
            abandon(self.house, connection)
            self._count("abandoned")
            return
        self.house.store.connections.save(replace(connection, due_at=now + 5 * SWEEP_AFTER))
        self.house.jobs.send(ConnectionJob(connection.id))
        self._count("connections swept")

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
