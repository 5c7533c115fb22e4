"""`freebusy.query`: when the calendars named are busy. A calendar that cannot be read says so in its own `errors`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from simulators.google import errors, event_store, recurrence_instances, times
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.model import Calendar, EventRecord
from simulators.google.wire import Json

MAX_CALENDARS = 50


def query(call: Call) -> Json:
    body = call.body
    for name in ("timeMin", "timeMax"):
        if not body.get(name):
            raise errors.required(f"Missing {name}.")
        if not times.is_instant(body[name]):
            raise errors.bad_request("Bad Request")
    low, high = times.read(body["timeMin"]), times.read(body["timeMax"])
    if low >= high:
        raise errors.time_range_empty()
    zone_name = body.get("timeZone") or "UTC"
    if not times.is_zone(zone_name):
        raise errors.invalid("Invalid time zone.")
    items = body.get("items") or []
    if len(items) > min(body.get("calendarExpansionMax") or MAX_CALENDARS, MAX_CALENDARS):
        raise ApiError(400, "tooManyCalendarsRequested", "Too many calendars requested.", domain="calendar")
    reply: Json = {
        "kind": "calendar#freeBusy",
        "timeMin": times.render(low, "UTC"),
        "timeMax": times.render(high, "UTC"),
    }
    reply["calendars"] = {item["id"]: _one(call, item["id"], low, high, zone_name) for item in items if item.get("id")}
    return reply


def _one(call: Call, calendar_id: str, low: datetime, high: datetime, zone_name: str) -> Json:
    try:
        calendar = call.calendar("freeBusyReader", calendar_id=calendar_id)
    except ApiError:
        return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
    merged: list[list[float]] = []
    for start, end in sorted(_busy(calendar, low, high)):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    shown = [[times.render(datetime.fromtimestamp(t, UTC), zone_name) for t in pair] for pair in merged]
    return {"busy": [{"start": start, "end": end} for start, end in shown]}


def _busy(calendar: Calendar, low: datetime, high: datetime) -> Iterator[tuple[float, float]]:
    floor, ceiling = low.timestamp(), high.timestamp()
    for record in calendar.events.values():
        if record.cancelled or record.dropped:
            continue
        parent = calendar.events.get(record.series_id or "")
        if parent is not None and parent.cancelled:
            continue
        for occurrence in _times_of(calendar, record, low, high):
            if _counts(occurrence) and occurrence.starts_at < ceiling and occurrence.ends_at > floor:
                yield max(occurrence.starts_at, floor), min(occurrence.ends_at, ceiling)


def _times_of(calendar: Calendar, record: EventRecord, low: datetime, high: datetime) -> Iterator[EventRecord]:
    if not record.repeats:
        yield record
        return
    exceptions = calendar.exceptions.get(record.id, {})
    for found in recurrence_instances.occurrences(record.body, calendar.time_zone, low, high):
        exception = exceptions.get(found.id)
        if exception is None or exception.dropped:
            yield event_store.made_up(record, found, calendar)


def _counts(record: EventRecord) -> bool:
    body = record.body
    if body.get("transparency") == "transparent" or body["eventType"] in {"workingLocation", "birthday"}:
        return False
    own = next((a for a in body.get("attendees", []) if a.get("self")), None)
    return own is None or own.get("responseStatus") != "declined"
