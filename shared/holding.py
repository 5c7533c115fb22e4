"""A sync that the brake has stopped: said to everybody concerned, then let go on or begun anew.

Nothing that was held has been done, and the cursor stands where it stood, so that both ways are safe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.errors import Held, Problem
from shared.house import House
from shared.model import Brake, Calendar, Checkpoint, Connection, Reason, SyncPhase, connection_of
from shared.notices import connection_notice
from shared.queue import CalendarJob


def hold(house: House, calendar_id: str, sentence: str) -> None:
    """Stop a calendar until somebody has decided, and tell the host app."""
    reason = Reason(Held.code, sentence)
    held = house.store.calendars.change(
        calendar_id,
        lambda found: replace(
            found, checkpoint=replace(found.checkpoint, brake=Brake.HELD), reasons=(reason,), due_at=None
        ),
    )
    connection = house.store.connections.load(connection_of(calendar_id))
    if held is not None and connection is not None:
        house.tell(connection_notice(replace(connection, reasons=(reason,)), "held", house.clock()))


def release(house: House, connection: Connection) -> None:
    """Go on with what was held, without the brake until both sides are in step. Raises `Problem` (409) if nothing is
    held."""
    _decide(house, connection, lambda point: replace(point, brake=Brake.RELEASED))


def discard(house: House, connection: Connection) -> None:
    """Forget what was held and look at everything again: what the calendar has, and what is proven gone. Raises
    `Problem` (409) if nothing is held."""
    _decide(house, connection, _anew)


def _anew(point: Checkpoint) -> Checkpoint:
    return Checkpoint(phase=SyncPhase.SNAPSHOT, first_completed=point.first_completed, total=point.total)


def _decide(house: House, connection: Connection, decision: Callable[[Checkpoint], Checkpoint]) -> None:
    calendars = house.store.calendars.of_connection(connection.id)
    held = [calendar for calendar in calendars if calendar.checkpoint.brake is Brake.HELD]
    if not held:
        raise Problem(409, "not_held", "Nothing of this connection waits for a decision.")

    def decided(calendar: Calendar) -> Calendar:
        if calendar.checkpoint.brake is not Brake.HELD:
            return calendar
        return replace(calendar, checkpoint=decision(calendar.checkpoint), reasons=(), due_at=house.clock())

    for calendar in held:
        house.store.calendars.change(calendar.id, decided)
        house.jobs.send(CalendarJob(calendar.id))
