"""The person at work in Google's own app, through `/control/calendars/{id}`: look, add, edit, delete, split, import.

Whatever is done here obeys the same rules as the API and sets off the same notifications.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, request

from simulators.google import (
    calendars,
    channels,
    discovery,
    event_listing,
    event_store,
    events,
    ics_import,
    series_split,
    times,
)
from simulators.google.call import Call
from simulators.google.model import Calendar, EventRecord
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld


def add_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.get("/calendars/<calendar_id>/events")
    def list_events(calendar_id: str) -> Json:
        with world.lock:
            return {"items": _seen(_call(world, calendar_id), world.calendars[calendar_id])}

    @blueprint.post("/calendars/<calendar_id>/events")
    def add_event(calendar_id: str) -> tuple[Json, int]:
        with world.lock:
            return events.insert(_call(world, calendar_id, body=_event_body())), 201

    @blueprint.get("/calendars/<calendar_id>/events/<event_id>")
    def get_event(calendar_id: str, event_id: str) -> Json:
        with world.lock:
            return events.get(_call(world, calendar_id, event_id))

    @blueprint.patch("/calendars/<calendar_id>/events/<event_id>")
    def patch_event(calendar_id: str, event_id: str) -> Json:
        with world.lock:
            return events.patch(_call(world, calendar_id, event_id, body=_event_body()))

    @blueprint.delete("/calendars/<calendar_id>/events/<event_id>")
    def delete_event(calendar_id: str, event_id: str) -> tuple[str, int]:
        with world.lock:
            events.delete(_call(world, calendar_id, event_id))
        return "", 204

    _add_larger_acts(blueprint, world)


def _add_larger_acts(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/calendars/<calendar_id>/events/<event_id>/split")
    def split(calendar_id: str, event_id: str) -> Json:
        given = request.get_json()
        with world.lock:
            call = _call(world, calendar_id, event_id)
            changes = discovery.check_body("Event", given.get("changes", {}))
            return series_split.split(call, given["from"], changes)

    @blueprint.post("/calendars/<calendar_id>/events/<event_id>/move")
    def move_event(calendar_id: str, event_id: str) -> Json:
        with world.lock:
            call = _call(world, calendar_id, event_id)
            call.query["destination"] = request.get_json()["destination"]
            return events.move(call)

    @blueprint.post("/calendars/<calendar_id>/import_ics")
    def import_ics(calendar_id: str) -> Json:
        with world.lock:
            return ics_import.import_file(_call(world, calendar_id), request.get_data())

    @blueprint.post("/calendars/<calendar_id>/fill")
    def fill(calendar_id: str) -> Json:
        given = request.get_json()
        with world.lock:
            call = _call(world, calendar_id)
            made = fill_calendar(call, int(given["count"]), int(given.get("seed", 0)))
            return {"count": made}

    @blueprint.delete("/calendars/<calendar_id>")
    def delete_calendar(calendar_id: str) -> tuple[str, int]:
        with world.lock:
            calendars.drop(world, world.calendars[calendar_id])
        return "", 204


def fill_calendar(call: Call, count: int, seed: int) -> int:
    """Add plain events over the coming year, the same ones for the same seed, with one notification for all."""
    calendar = call.calendar("freeBusyReader")
    chance = random.Random(seed)  # noqa: S311
    first = call.world.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    records = [_plain_event(call, calendar, first, chance, seed, number) for number in range(count)]
    event_store.put_many(call.world, calendar, records)
    channels.announce(call.world, calendar)
    return len(records)


def _plain_event(
    call: Call, calendar: Calendar, first: datetime, chance: random.Random, seed: int, number: int
) -> EventRecord:
    start = first + timedelta(minutes=15 * chance.randrange(365 * 24 * 4))
    end = start + timedelta(minutes=chance.choice([15, 30, 45, 60, 90]))
    event_id = f"fill{seed}n{number:06d}"
    while event_id in calendar.events:
        event_id += "v"
    person: Json = {"email": calendar.id, "self": True}
    body: Json = {
        "kind": "calendar#event",
        "id": event_id,
        "iCalUID": f"{event_id}@google.com",
        "status": "confirmed",
        "summary": f"Event {number}",
        "start": {"dateTime": times.render(start, calendar.time_zone), "timeZone": calendar.time_zone},
        "end": {"dateTime": times.render(end, calendar.time_zone), "timeZone": calendar.time_zone},
        "eventType": "default",
        "sequence": 0,
        "created": call.world.timestamp(),
        "creator": {"email": call.email},
        "organizer": person,
        "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
    }
    return EventRecord(event_id, body)


def _call(world: GoogleWorld, calendar_id: str, event_id: str = "", body: Json | None = None) -> Call:
    calendar = world.calendars.get(calendar_id)
    if calendar is None:
        raise ValueError(f"unknown calendar {calendar_id}")
    email = request.args.get("as", calendar.owner)
    path = {"calendarId": calendar_id, "eventId": event_id}
    wish = request.args.get("sendUpdates")
    query: dict[str, Any] = {"sendUpdates": wish} if wish else {}
    return Call(world, "control", email, "", path, query=query, body=body or {}, as_user=True)


def _event_body() -> Json:
    return discovery.check_body("Event", request.get_json())


def _seen(call: Call, calendar: Calendar) -> list[Json]:
    """What the person sees: all events, or with `expand=1` every occurrence between `from` and `to`."""
    call.query = {}
    if request.args.get("expand") not in {None, "0", "false"}:
        call.query["singleEvents"] = True
        for name, wanted in (("timeMin", "from"), ("timeMax", "to")):
            if request.args.get(wanted):
                call.query[name] = request.args[wanted]
                times.instant(call.query[name])
        records = [record for _, record in event_listing.single_rows(call, calendar, None)]
    else:
        deleted = request.args.get("deleted") not in {None, "0", "false"}
        records = [r for r in calendar.events.values() if not r.dropped and (deleted or not _hidden(calendar, r))]
    records.sort(key=lambda record: (record.starts_at, record.id))
    return [event_store.shown(record, calendar, call.email) for record in records]


def _hidden(calendar: Calendar, record: EventRecord) -> bool:
    parent = calendar.events.get(record.series_id or "")
    return record.cancelled or (parent is not None and parent.cancelled)
