"""The person at work in Outlook, through `/control/calendars/{id}`: look, add, edit, move, cancel, split, fill.

The id may also be an address, for that person's default calendar. Whatever is done here obeys the same rules as Graph
and sets off the same notifications.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, request

from simulators.common.wire import Json
from simulators.microsoft import (
    errors,
    events,
    ics_import,
    ids,
    items,
    notifications,
    render,
    series_split,
    store,
    zones,
)
from simulators.microsoft.call import Call
from simulators.microsoft.model import Calendar, EventRecord
from simulators.microsoft.world import MicrosoftWorld


def find(world: MicrosoftWorld, calendar_id: str) -> Calendar:
    return world.default_calendar(calendar_id) if calendar_id in world.accounts else world.calendars[calendar_id]


def add_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.get("/calendars/<calendar_id>/events")
    def list_events(calendar_id: str) -> Json:
        with world.lock:
            return {"value": _seen(_call(world, calendar_id), find(world, calendar_id))}

    @blueprint.post("/calendars/<calendar_id>/events")
    def add_event(calendar_id: str) -> tuple[Json, int]:
        with world.lock:
            return _added(_call(world, calendar_id), _body()), 201

    @blueprint.get("/calendars/<calendar_id>/events/<event_id>")
    def get_event(calendar_id: str, event_id: str) -> Json:
        with world.lock:
            call = _call(world, calendar_id, event_id)
            call.query["$select"] = request.args.get("$select", "")
            return events.get(call)

    @blueprint.patch("/calendars/<calendar_id>/events/<event_id>")
    def patch_event(calendar_id: str, event_id: str) -> Json:
        with world.lock:
            return events.update(_call(world, calendar_id, event_id, _body()))

    @blueprint.delete("/calendars/<calendar_id>/events/<event_id>")
    def delete_event(calendar_id: str, event_id: str) -> tuple[str, int]:
        with world.lock:
            events.delete(_call(world, calendar_id, event_id))
        return "", 204

    @blueprint.post("/calendars/<calendar_id>/events/<event_id>/cancel")
    def cancel_event(calendar_id: str, event_id: str) -> tuple[str, int]:
        with world.lock:
            events.cancel(_call(world, calendar_id, event_id, _body()))
        return "", 202

    _add_series_acts(blueprint, world)
    _add_larger_acts(blueprint, world)


def _add_series_acts(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    path = "/calendars/<calendar_id>/events/<event_id>/occurrences/<day>"

    def occurrence(calendar_id: str, event_id: str, day: str) -> Call:
        call = _call(world, calendar_id, event_id)
        calendar, record, _ = call.found()
        call.path["eventId"] = call.id_of(calendar, record, day)
        return call

    @blueprint.get(path)
    def get_occurrence(calendar_id: str, event_id: str, day: str) -> Json:
        with world.lock:
            return events.get(occurrence(calendar_id, event_id, day))

    @blueprint.patch(path)
    def patch_occurrence(calendar_id: str, event_id: str, day: str) -> Json:
        with world.lock:
            call = occurrence(calendar_id, event_id, day)
            call.body = _body()
            return events.update(call)

    @blueprint.delete(path)
    def delete_occurrence(calendar_id: str, event_id: str, day: str) -> tuple[str, int]:
        with world.lock:
            events.delete(occurrence(calendar_id, event_id, day))
        return "", 204

    @blueprint.post("/calendars/<calendar_id>/events/<event_id>/split")
    def split(calendar_id: str, event_id: str) -> Json:
        """`{from: original day, changes}`: "this and following"."""
        given = _body()
        with world.lock:
            return series_split.split(_call(world, calendar_id, event_id), given["from"], given.get("changes", {}))


def _add_larger_acts(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/calendars/<calendar_id>/events/<event_id>/move")
    def move_event(calendar_id: str, event_id: str) -> Json:
        """To another calendar: the usual id changes, the immutable one does not."""
        with world.lock:
            call = _call(world, calendar_id, event_id)
            calendar, record, _ = call.found()
            destination = find(world, _body()["destination"])
            moved = _moved(call, calendar, record, destination)
            call.path = {"eventId": call.id_of(destination, moved)}
            return events.get(call)

    @blueprint.post("/calendars/<calendar_id>/fill")
    def fill(calendar_id: str) -> Json:
        given = _body()
        with world.lock:
            call = _call(world, calendar_id)
            return {"count": fill_calendar(call, int(given["count"]), int(given.get("seed", 0)))}

    @blueprint.post("/calendars/<calendar_id>/import_ics")
    def import_ics(calendar_id: str) -> Json:
        with world.lock:
            return ics_import.import_file(_call(world, calendar_id), request.get_data())

    @blueprint.delete("/calendars/<calendar_id>")
    def delete_calendar(calendar_id: str) -> tuple[str, int]:
        with world.lock:
            find(world, calendar_id).deleted = True
        return "", 204


def fill_calendar(call: Call, count: int, seed: int) -> int:
    """Add plain events over the coming year, the same ones for the same seed, with one notification for all."""
    calendar = call.calendar()
    chance = random.Random(seed)  # noqa: S311
    first = call.world.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    call.quiet = True
    record: EventRecord | None = None
    for number in range(count):
        start = first + timedelta(minutes=15 * chance.randrange(365 * 24 * 4))
        end = start + timedelta(minutes=15 * chance.randrange(1, 9))
        call.body = {"subject": f"Appointment {number + 1}", "start": _time(start), "end": _time(end)}
        made = events.create(call)
        record = calendar.events[_token_of(made["id"])]
    if record is not None:
        notifications.event_changed(call.world, calendar, record, "", "created", record.change)
    return count


def _added(call: Call, body: Json) -> Json:
    """With an `organizer` of another address it is an invitation that this person has got."""
    organizer = body.pop("organizer", None)
    if organizer is None:
        call.body = body
        return events.create(call)
    attendees = body.pop("attendees", [])
    call.body = body
    made = events.create(call)
    calendar = call.calendar()
    record = calendar.events[_token_of(made["id"])]
    record.own, record.organizer = False, organizer
    record.fields = record.fields | {"attendees": attendees}
    return render.full(call, calendar, items.whole(record))


def _moved(call: Call, calendar: Calendar, record: EventRecord, destination: Calendar) -> EventRecord:
    if destination.owner != calendar.owner:
        raise errors.bad_request("Outlook moves an event within one mailbox.")
    left = EventRecord(**{name: getattr(record, name) for name in EventRecord.__slots__})
    left.gone, left.immutable = True, ids.immutable_token(record.token[::-1])
    moved = record
    moved.token = call.world.event_token()
    calendar.events.pop(left.token)
    store.put(call, calendar, left, "", "deleted")
    store.put(call, destination, moved, "", "created")
    if moved.transaction_id is not None:
        call.world.transactions[(destination.owner, moved.transaction_id)] = moved.token
    return moved


def _call(world: MicrosoftWorld, calendar_id: str, event_id: str | None = None, body: Any = None) -> Call:
    calendar = find(world, calendar_id)
    owner = world.accounts[calendar.owner]
    path = {"calendarId": calendar.id} | ({"eventId": event_id} if event_id is not None else {})
    return Call(
        world=world,
        name="control",
        mailbox=owner,
        client_id="",
        actor=owner.email,
        tenant=owner.tenant,
        scopes=[],
        path=path,
        body=body,
        zone=request.args.get("zone", "UTC"),
        immutable=request.args.get("ids") == "immutable",
        as_user=True,
    )


def _seen(call: Call, calendar: Calendar) -> list[Json]:
    """What the person sees: series and single events, or with `?expand=1` every occurrence."""
    records = [r for r in calendar.events.values() if not r.gone]
    if not request.args.get("expand"):
        return [render.full(call, calendar, items.whole(r)) for r in records]
    now = call.world.seconds()
    begins = zones.bound(request.args["from"], "from") if "from" in request.args else now - 366 * items.DAY
    ends = zones.bound(request.args["to"], "to") if "to" in request.args else now + 732 * items.DAY
    found = [item for record in records for item in items.in_window(call.world, record, begins, ends)]
    return [render.full(call, calendar, item) for item in sorted(found, key=lambda item: item.starts_at)]


def _token_of(event_id: str) -> str:
    read = ids.read(event_id)
    if read is None:
        raise ValueError("not an id")
    return read[2]


def _time(moment: datetime) -> Json:
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def _body() -> Json:
    given = request.get_json(silent=True) if request.data else {}
    if not isinstance(given, dict):
        raise ValueError("a JSON object is wanted")
    return given
