"""Calendars of connections: flags, cursor, subscription, health."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from shared.clock import to_text
from shared.errors import RetryLater, VersionConflict
from shared.model import Calendar, connection_of
from shared.store.codec import calendar_of_row, calendar_row
from shared.store.tables import DUE_SHARDS, CalendarRow
from shared.store.transactions import conditional

_ATTEMPTS = 6


class CalendarStore:
    def load(self, calendar_id: str) -> Calendar | None:
        try:
            row = CalendarRow.get(connection_of(calendar_id), calendar_id, consistent_read=True)
        except CalendarRow.DoesNotExist:
            return None
        return calendar_of_row(row)

    def of_connection(self, connection_id: str) -> list[Calendar]:
        return [calendar_of_row(row) for row in CalendarRow.query(connection_id, consistent_read=True)]

    def create(self, calendar: Calendar) -> bool:
        """False if it is there already."""
        try:
            with conditional():
                calendar_row(calendar, 0).save(condition=CalendarRow.id.does_not_exist())
        except VersionConflict:
            return False
        return True

    def change(self, calendar_id: str, change: Callable[[Calendar], Calendar]) -> Calendar | None:
        """Apply `change` to the calendar as it now is, again if somebody else wrote meanwhile; None if it is gone.

        `change` may raise `VersionConflict` itself when what it finds is not what it was decided from.
        """
        for _ in range(_ATTEMPTS):
            calendar = self.load(calendar_id)
            if calendar is None:
                return None
            wanted = change(calendar)
            if wanted == calendar:
                return calendar
            row = calendar_row(wanted, calendar.version + 1)
            try:
                with conditional():
                    row.save(condition=CalendarRow.version == calendar.version)
            except VersionConflict:
                continue
            return calendar_of_row(row)
        raise RetryLater("The calendar's record is busy.", delay=2, code="store_busy")

    def delete(self, calendar: Calendar) -> None:
        CalendarRow(calendar.connection_id, calendar.id).delete()

    def due(self, now: datetime) -> Iterator[Calendar]:
        """Calendars that are to be polled, renewed or probed by now."""
        for shard in DUE_SHARDS:
            for row in CalendarRow.by_due.query(shard, CalendarRow.due_at <= to_text(now)):
                yield calendar_of_row(row)
