"""When a person is busy, as far as their synced calendars and the app's own bookings tell, and how far that can be
trusted.

It fails closed: whenever a calendar behind the answer may know more than the app does, the answer is not `complete` and
says why. Every figure is of the store; no provider is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.calendar.busy import Interval, busy_times, merged
from shared.calendar.timezones import is_zone
from shared.connections import LIVE
from shared.errors import NotWatchable
from shared.house import House
from shared.model import APP, Calendar, Connection, ConnectionStatus, Owner, Reason
from shared.providers import SEES_AHEAD

PAGE: Final = 1000
"""Events read at once."""

A_DAY: Final = timedelta(days=1)
"""More than whole days in a zone can end after those of UTC, by which events are kept in order."""

FIRST_SYNC: Final = Reason("first_sync", "This calendar has not been read through for the first time yet.")
NOT_LISTED: Final = Reason("first_sync", "The calendars of a connected account have not been listed yet.")
NOT_SYNCED: Final = Reason("not_synced", "This calendar is to be read for busy time but is not kept in step.")
RECONNECT: Final = Reason("reconnect_required", "The account has to be signed in again.")
STALE: Final = Reason("stale", "This calendar was last read too long ago.")
TOO_EARLY: Final = Reason("too_early", "Calendars are not read so far back; what lies before may be missing.")
TOO_LATE: Final = Reason("too_late", "This calendar is not read so far ahead; what lies behind may be missing.")


@dataclass(frozen=True, slots=True)
class Trust:
    """`stale_after`: a calendar that was last read longer ago no longer counts. `window_back`: how far back calendars
    are read at all."""

    stale_after: timedelta
    window_back: timedelta


@dataclass(frozen=True, slots=True)
class CalendarBehind:
    """A calendar that was looked into. `reason` says why it may know more than the app does, if so."""

    calendar: Calendar
    provider: str
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class BusyTime:
    """`as_of`: the oldest last sync of the calendars behind it, None if one has had none; without any calendar, now."""

    owner: Owner
    intervals: tuple[Interval, ...]
    as_of: datetime | None
    reasons: tuple[Reason, ...]
    calendars: tuple[CalendarBehind, ...]

    @property
    def complete(self) -> bool:
        return not self.reasons


def busy_time(house: House, trust: Trust, owner: Owner, start: datetime, end: datetime) -> BusyTime:
    """When the owner is busy within [start, end): the calendars with the flag `busy`, and the app's own bookings.

    Reads: the owner's connections, the calendars of each, and the events that end after `start`, a thousand at a time.
    """
    now = house.clock()
    mine = [one for one in house.store.connections.of_owner(owner) if one.status in LIVE]
    listed = [(one, house.store.calendars.of_connection(one.id)) for one in mine]
    behind = [
        CalendarBehind(calendar, connection.provider, _doubt(connection, calendar, trust, (start, end), now))
        for connection, calendars in listed
        for calendar in calendars
        if calendar.busy
    ]
    doubts = [NOT_LISTED for _, calendars in listed if not calendars]
    doubts += [one.reason for one in behind if one.reason is not None]
    synced = [one.calendar.last_sync_at for one in behind]
    known = [at for at in synced if at is not None]
    whole = len(known) == len(synced) and all(calendars for _, calendars in listed)
    zones = _zones([calendar for _, calendars in listed for calendar in calendars])
    return BusyTime(
        owner=owner,
        intervals=tuple(merged(_intervals(house, owner, (start, end), zones))),
        as_of=min(known, default=now) if whole else None,
        reasons=tuple(dict.fromkeys(doubts)),
        calendars=tuple(behind),
    )


def _doubt(
    connection: Connection, calendar: Calendar, trust: Trust, window: tuple[datetime, datetime], now: datetime
) -> Reason | None:
    """Why the calendar may hold more than the app knows of, or None."""
    start, end = window
    held = [reason for reason in calendar.reasons if reason.code != NotWatchable.code]
    ahead = SEES_AHEAD.get(connection.provider)
    if connection.status is not ConnectionStatus.ACTIVE:
        return connection.reasons[0] if connection.member_of and connection.reasons else RECONNECT
    if not calendar.sync:
        return NOT_SYNCED
    if held:
        return held[0]
    if calendar.last_sync_at is None or not calendar.checkpoint.first_completed:
        return FIRST_SYNC
    if calendar.last_sync_at < now - trust.stale_after:
        return STALE
    if start < now - trust.window_back:
        return TOO_EARLY
    return TOO_LATE if ahead is not None and end > calendar.last_sync_at + ahead else None


def _zones(calendars: Iterable[Calendar]) -> Mapping[str, str]:
    """By an event's origin, the zone of its whole days, for the origins that count. The app's own bookings have the
    zone of the main booking calendar."""
    zones = {APP: "UTC"}
    for calendar in calendars:
        zone = calendar.zone if is_zone(calendar.zone) else "UTC"
        if calendar.main:
            zones[APP] = zone
        if calendar.busy:
            zones[calendar.id] = zone
    return zones


def _intervals(
    house: House, owner: Owner, window: tuple[datetime, datetime], zones: Mapping[str, str]
) -> Iterator[Interval]:
    start, end = window
    position = ""
    while True:
        events, position = house.store.events.ending_after(owner, start - A_DAY, limit=PAGE, after=position)
        for event in events:
            if event.origin in zones:
                yield from busy_times(event.series, start, end, zones[event.origin])
        if not position:
            return
