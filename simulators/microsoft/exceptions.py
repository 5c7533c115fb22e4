"""One occurrence changed by itself. It may not reach the day of the occurrence before or after it."""

from simulators.common.wire import Json
from simulators.microsoft import errors, event_body, items, mails, recurrence, zones
from simulators.microsoft.call import Call
from simulators.microsoft.model import Calendar, Changed, EventRecord
from simulators.microsoft.store import put


def change(call: Call, calendar: Calendar, record: EventRecord, day: str, given: Json) -> None:
    if given.get("recurrence") is not None:
        raise errors.bad_property("The recurrence of an occurrence cannot be set.")
    if given.get("isAllDay", record.all_day) != record.all_day:
        raise errors.bad_property("One occurrence alone cannot become an all-day event or cease to be one.")
    was = items.occurrence(record, day)
    start, end, zone = _times(record, was, given)
    if (start, end) != (was.start, was.end):
        _check_neighbours(call, record, day, start, end, zone)
    held = record.exceptions.get(day)
    left_out = event_body.TIMES | {"singleValueExtendedProperties"}
    fields = (held.fields if held else {}) | {k: v for k, v in given.items() if k not in left_out}
    extended = (held.extended if held else {}) | event_body.extended_properties(
        given.get("singleValueExtendedProperties")
    )
    record.exceptions[day] = Changed(fields, start, end, zone, 0, call.world.seconds(), extended)
    mails.note(call, calendar, record, was.fields, record.fields | fields, changed=set(given))
    put(call, calendar, record, day, "updated")


def _times(record: EventRecord, was: items.Item, given: Json) -> tuple[str, str, str]:
    """(start, end, zone) of the occurrence, all on one clock."""
    start, zone = was.start, was.zone
    if "start" in given:
        start, zone = zones.read_clock(given["start"], "start")
    ends_at = was.ends_at
    end_zone = zone
    if "end" in given:
        clock, end_zone = zones.read_clock(given["end"], "end")
        ends_at = zones.seconds_of(clock, end_zone)
    if record.all_day and (zone != end_zone or not start.endswith("T00:00:00")):
        raise errors.bad_property("The Event.Start and Event.End of an all-day event must be at midnight.")
    if ends_at < zones.seconds_of(start, zone):
        raise errors.GraphError(400, "ErrorInvalidRequest", "The end date and time must be after the start.")
    return start, zones.local(ends_at, zone).isoformat(), zone


def _check_neighbours(call: Call, record: EventRecord, day: str, start: str, end: str, zone: str) -> None:
    if record.recurrence is None:
        raise errors.not_found()
    begins = zones.local(zones.seconds_of(start, zone), record.zone)
    last_second = zones.local(max(zones.seconds_of(start, zone), zones.seconds_of(end, zone) - 1), record.zone)
    clamp = call.world.settings.clamp_month_end
    before, after = recurrence.neighbours(record.recurrence, day, clamp=clamp)
    while before is not None and before in record.dropped:
        before, _ = recurrence.neighbours(record.recurrence, before, clamp=clamp)
    while after is not None and after in record.dropped:
        _, after = recurrence.neighbours(record.recurrence, after, clamp=clamp)
    if before is not None:
        seen = items.occurrence(record, before)
        ended = zones.local(max(seen.starts_at, seen.ends_at - 1), record.zone)
        if begins.date() <= ended.date():
            raise _crossing()
    if after is not None:
        seen = items.occurrence(record, after)
        if last_second.date() >= zones.local(seen.starts_at, record.zone).date():
            raise _crossing()


def _crossing() -> errors.GraphError:
    return errors.GraphError(
        400,
        "ErrorOccurrenceCrossingBoundary",
        "Modified occurrence is crossing or overlapping adjacent occurrence.",
    )
