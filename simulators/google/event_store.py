"""Events inside a calendar: kept, found, indexed, and every change numbered.

`put` stores a record and numbers the change; `find` also finds an occurrence that nobody has touched yet and makes it
up from its series. `shown` gives the JSON that one person sees.
"""

import bisect
import hashlib
from dataclasses import replace
from typing import Any

from simulators.google import recurrence_instances, times
from simulators.google.model import Calendar, EventRecord
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

_BUSY_ONLY = ("kind", "etag", "id", "status", "start", "end", "recurrence", "recurringEventId", "originalStartTime")
_NOT_INHERITED = ("recurrence", "id", "etag")


def order_key(event_id: str) -> tuple[str, str]:
    """Listings are in this order: the same every time, and of no use to a caller."""
    return hashlib.md5(event_id.encode(), usedforsecurity=False).hexdigest()[:12], event_id


def put(world: GoogleWorld, calendar: Calendar, record: EventRecord, *, touch: bool = True) -> EventRecord:
    """Store a record as changed now. `touch=False` leaves `updated` alone, as a change of reminders does."""
    known = record.id in calendar.events
    body = record.body | {"etag": world.etag()}
    if touch or "updated" not in body:
        body["updated"] = calendar.updated = world.timestamp()
    record.body = body
    record.change = calendar.change = world.next_stamp()
    record.starts_at = times.moment_of(body["start"], calendar.time_zone).timestamp()
    record.ends_at = times.moment_of(body["end"], calendar.time_zone).timestamp()
    calendar.events[record.id] = record
    calendar.changes.append((record.change, record.id))
    calendar.etag = world.etag()
    if not known:
        bisect.insort(calendar.order, order_key(record.id))
        calendar.by_uid.setdefault(body["iCalUID"], []).append(record.id)
    if record.series_id:
        calendar.exceptions.setdefault(record.series_id, {})[record.id] = record
    return record


def put_many(world: GoogleWorld, calendar: Calendar, records: list[EventRecord]) -> None:
    """Store many new single events at once; the order is sorted one time only."""
    order, calendar.order = calendar.order, []
    for record in records:
        put(world, calendar, record)
    calendar.order = sorted([*order, *calendar.order])


def reindex(calendar: Calendar) -> None:
    """Rebuild what is derived from `events`, after loading."""
    calendar.order = sorted(order_key(event_id) for event_id in calendar.events)
    calendar.exceptions = {}
    calendar.by_uid = {}
    for record in calendar.events.values():
        calendar.by_uid.setdefault(record.body["iCalUID"], []).append(record.id)
        if record.series_id:
            calendar.exceptions.setdefault(record.series_id, {})[record.id] = record


def forget_deleted(calendar: Calendar) -> int:
    """Let deleted events vanish, as at Google after a while; a cancelled occurrence lives as long as its series."""
    gone = [r.id for r in calendar.events.values() if r.cancelled and not r.series_id]
    for series_id in gone:
        gone.extend(calendar.exceptions.get(series_id, {}))
    for event_id in dict.fromkeys(gone):
        calendar.events.pop(event_id, None)
    calendar.changes = [entry for entry in calendar.changes if entry[1] in calendar.events]
    reindex(calendar)
    return len(gone)


def find(calendar: Calendar, event_id: str) -> EventRecord | None:
    """The stored event, or an untouched occurrence made up from its series (not stored), or None."""
    record = calendar.events.get(event_id)
    if record is not None and not record.dropped:
        return record
    series_id, _, key = event_id.rpartition("_")
    series = calendar.events.get(series_id)
    if series is None or not series.repeats or series.cancelled:
        return None
    found = recurrence_instances.find_occurrence(series.body, calendar.time_zone, key)
    return None if found is None else made_up(series, found, calendar)


def made_up(series: EventRecord, found: recurrence_instances.Occurrence, calendar: Calendar) -> EventRecord:
    """An occurrence that differs from its series in nothing but the time."""
    body = {k: v for k, v in series.body.items() if k not in _NOT_INHERITED}
    body |= {
        "id": found.id,
        "etag": series.body["etag"],
        "start": found.start,
        "end": found.end,
        "recurringEventId": series.id,
        "originalStartTime": found.start,
    }
    starts = found.begins.timestamp()
    ends = times.moment_of(found.end, calendar.time_zone).timestamp()
    return EventRecord(found.id, body, series.change, starts, ends, series.reminders)


def copy_of(record: EventRecord) -> EventRecord:
    """A record to change and put: what is stored stays as it is until then."""
    return replace(record, body=dict(record.body), reminders=dict(record.reminders), retired=list(record.retired))


def stub(record: EventRecord) -> Json:
    """What a listing tells of a cancelled event: nothing but what Google guarantees."""
    body = record.body
    told: Json = {"kind": "calendar#event", "etag": body["etag"], "id": record.id, "status": "cancelled"}
    if record.series_id:
        told |= {"recurringEventId": record.series_id, "originalStartTime": body["originalStartTime"]}
    return told


def shown(record: EventRecord, calendar: Calendar, email: str, query: dict[str, Any] | None = None) -> Json:
    """The event as this person sees it here: own reminders, own zone, nothing of what is private to others."""
    role = calendar.roles.get(email, "none")
    body = record.body
    if role == "freeBusyReader":
        body = {k: body[k] for k in _BUSY_ONLY if k in body} | {"visibility": "private"}
    elif role in {"reader", "writerWithoutPrivateAccess"} and body.get("visibility") in {"private", "confidential"}:
        body = {k: body[k] for k in (*_BUSY_ONLY, "visibility", "transparency", "iCalUID") if k in body}
    else:
        body = body | {"reminders": record.reminders.get(email, {"useDefault": True})}
    if not query:
        return body
    most = query.get("maxAttendees")
    if most is not None and len(body.get("attendees", [])) > most:
        own = [a for a in body["attendees"] if a.get("self")]
        body = body | {"attendees": (own or body["attendees"])[:most], "attendeesOmitted": True}
    if query.get("timeZone"):
        body = in_zone(body, query["timeZone"])
    return body


def in_zone(body: Json, zone_name: str) -> Json:
    result = dict(body)
    for name in ("start", "end", "originalStartTime"):
        value = body.get(name)
        if value and "dateTime" in value:
            result[name] = value | {"dateTime": times.render(times.read(value["dateTime"]), zone_name)}
    return result
