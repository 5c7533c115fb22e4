"""What a person chooses for a calendar: the main booking calendar, further ones, busy time, two-way sync.

`choose` sets flags; where that changes which calendars take bookings, `through_bookings` begins the walk that writes
what a calendar lacks and withdraws what it is no longer to hold. Both can be repeated, and the walk goes on where it
was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.errors import FieldError, Problem, invalid
from shared.house import House
from shared.keys import new_run_id
from shared.model import APP, Calendar, Connection, ConnectionStatus, Owner, SyncPhase
from shared.queue import CalendarJob

FLAGS = ("main", "bookings", "busy", "sync")


def choose(house: House, connection: Connection, calendar: Calendar, members: Mapping[str, Any]) -> Calendar:
    """Set flags and have the calendars concerned looked at. There is one main booking calendar for each user: setting
    it here takes it from the one that was, of whatever connection. Raises `Problem` (409, 422)."""
    chosen = _checked(calendar, {name: value for name, value in members.items() if name != "user_id"})
    takes_bookings = chosen.get("main") or chosen.get("bookings")
    if takes_bookings and connection.status is not ConnectionStatus.ACTIVE:
        raise Problem(409, "not_active", "This connection is not active. Sign in to the account again.")
    if takes_bookings or chosen.get("busy"):
        chosen["sync"] = True
    previous = _main_of(house, calendar) if chosen.get("main") else []
    total = bookings_ahead(house, calendar.owner) if previous or takes_bookings or "bookings" in chosen else None
    changed = house.store.calendars.change(calendar.id, lambda found: _with(found, chosen, total)) or calendar
    if changed.sync or calendar.sync:
        house.jobs.send(CalendarJob(changed.id))
    for other in previous:
        house.store.calendars.change(other.id, lambda found: _with(found, {"main": False}, total))
        house.jobs.send(CalendarJob(other.id))
    return changed


def bookings_ahead(house: House, owner: Owner) -> int:
    """How many bookings have not ended yet; a series is one."""
    return house.store.events.count_ending_after(owner, house.clock(), origin=APP)


def through_bookings(calendar: Calendar, total: int | None, *, reminders: bool = False) -> Calendar:
    """The calendar on its way through the owner's future bookings, from the first one on. One that has not been read
    through yet goes there anyway."""
    point = calendar.checkpoint
    again = replace(point, reminders=point.reminders or reminders)
    if point.phase in (SyncPhase.DELTA, SyncPhase.EXPORT):
        again = replace(again, phase=SyncPhase.EXPORT, position="", done=0, total=total)
    return replace(calendar, checkpoint=again)


def listed_again(calendar: Calendar) -> Calendar:
    """The calendar on its way through everything that the provider holds, whatever it was at."""
    point = calendar.checkpoint
    phase = SyncPhase.SNAPSHOT if point.first_completed else SyncPhase.FIRST
    return replace(
        calendar,
        checkpoint=replace(point, phase=phase, cursor="", position="", run=new_run_id(), done=0, total=None),
    )


def _checked(calendar: Calendar, members: Mapping[str, Any]) -> dict[str, bool]:
    errors = [FieldError(name, "There is no such setting; leave it out.") for name in members if name not in FLAGS]
    errors += [
        FieldError(name, "Use true or false.")
        for name in FLAGS
        if name in members and not isinstance(members[name], bool)
    ]
    if errors:
        raise invalid(errors)
    if (members.get("main") or members.get("bookings")) and not calendar.access.writable:
        raise Problem(409, "read_only_calendar", "Bookings cannot go to a calendar that you may only read.")
    if members.get("main") is False and calendar.main:
        raise Problem(409, "main_needed", "Choose another main booking calendar instead; one is always needed.")
    takes_bookings = members.get("main", calendar.main) or members.get("bookings", calendar.bookings)
    if members.get("sync") is False and takes_bookings:
        raise Problem(
            409, "bookings_need_sync", "This calendar takes bookings, so it stays in step. Change that first."
        )
    if members.get("sync") is False and members.get("busy"):
        raise Problem(409, "busy_needs_sync", "Busy time is read from a calendar that is kept in step. Choose one.")
    return dict(members)


def _with(calendar: Calendar, chosen: Mapping[str, bool], total: int | None) -> Calendar:
    """The calendar with its flags set; if it takes bookings now, or no longer, it goes through them again."""
    flags = {name: chosen.get(name, getattr(calendar, name)) for name in FLAGS}
    changed = replace(calendar, main=flags["main"], bookings=flags["bookings"], busy=flags["busy"], sync=flags["sync"])
    return bookings_again(calendar, changed, total)


def bookings_again(before: Calendar, after: Calendar, total: int | None = None) -> Calendar:
    """The calendar as it became; if it takes bookings now, or no longer, it is to go through them again. So is one that
    was given up while it could only be read: what it holds is withdrawn once it may be written."""
    same = after.takes_bookings == before.takes_bookings and after.chosen_for_bookings == before.chosen_for_bookings
    return after if same else through_bookings(after, total)


def _main_of(house: House, calendar: Calendar) -> list[Calendar]:
    return [
        other
        for connection in house.store.connections.of_owner(calendar.owner)
        for other in house.store.calendars.of_connection(connection.id)
        if other.main and other.id != calendar.id
    ]
