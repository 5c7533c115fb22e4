"""What a person chooses for a calendar: the main booking calendar, further ones, busy time, two-way sync."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.errors import FieldError, Problem, invalid
from shared.house import House
from shared.model import Calendar, Checkpoint, SyncPhase
from shared.queue import CalendarJob

FLAGS = ("main", "bookings", "busy", "sync")


def choose(house: House, calendar: Calendar, members: Mapping[str, Any]) -> Calendar:
    """Set flags and have the calendars concerned looked at. There is one main booking calendar for each user: setting
    it here takes it from the one that was. Raises `Problem` (409, 422)."""
    chosen = _checked(calendar, {name: value for name, value in members.items() if name != "user_id"})
    if chosen.get("main") or chosen.get("bookings"):
        chosen["sync"] = True
    previous = _main_of(house, calendar) if chosen.get("main") and not calendar.main else []
    changed = house.store.calendars.change(calendar.id, lambda found: _with(found, chosen)) or calendar
    if changed.sync or calendar.sync:
        house.jobs.send(CalendarJob(changed.id))
    for other in previous:
        house.store.calendars.change(other.id, lambda found: _with(found, {"main": False}))
        house.jobs.send(CalendarJob(other.id))
    return changed


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
    return dict(members)


def _with(calendar: Calendar, chosen: Mapping[str, bool]) -> Calendar:
    """The calendar with its flags set; if it takes bookings now, or no longer, it goes through them again."""
    flags = {name: chosen.get(name, getattr(calendar, name)) for name in FLAGS}
    changed = replace(calendar, main=flags["main"], bookings=flags["bookings"], busy=flags["busy"], sync=flags["sync"])
    if changed.takes_bookings != calendar.takes_bookings and calendar.checkpoint.phase is SyncPhase.DELTA:
        again: Checkpoint = replace(calendar.checkpoint, phase=SyncPhase.EXPORT, position="")
        return replace(changed, checkpoint=again)
    return changed


def _main_of(house: House, calendar: Calendar) -> list[Calendar]:
    return [
        other
        for connection in house.store.connections.of_owner(calendar.owner)
        for other in house.store.calendars.of_connection(connection.id)
        if other.main and other.id != calendar.id
    ]
