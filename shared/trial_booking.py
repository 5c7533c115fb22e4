"""A test booking: proves the whole way to the provider, with the reminder."""

from __future__ import annotations

from datetime import timedelta

from shared.calendar.timezones import from_utc, is_zone
from shared.errors import Problem
from shared.event_json import to_json
from shared.events import Writer, write_new
from shared.house import House
from shared.keys import new_event_id
from shared.model import Connection, Content, Series, Span, ZonedTime

AHEAD = timedelta(hours=1)
LASTS = timedelta(minutes=30)


def send_test_event(house: House, connection: Connection, writer: Writer) -> dict[str, object]:
    """Write a booking for the next full hour but one; the answer is the event, to be looked for and deleted again.
    Raises `Problem` (409) if the connection has no calendar that takes bookings."""
    takers = [one for one in house.store.calendars.of_connection(connection.id) if one.takes_bookings]
    if not takers:
        raise Problem(409, "no_booking_calendar", "No calendar of this connection takes bookings. Choose one first.")
    zone = takers[0].zone if is_zone(takers[0].zone) else "UTC"
    begin = (house.clock() + AHEAD).replace(minute=0, second=0, microsecond=0) + AHEAD
    start: ZonedTime = from_utc(begin, zone)
    end = from_utc(begin + LASTS, zone)
    content = Content(
        span=Span(start, end),
        title="Test booking",
        description="Sent to show that bookings arrive in this calendar, with their reminder. You can delete it.",
    )
    return to_json(write_new(house, connection.owner, new_event_id(), Series(content), writer))
