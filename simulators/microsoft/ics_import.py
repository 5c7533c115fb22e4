"""A whole .ics file into a calendar, as a person would import it: `import_file`.

The answer names every event: `{imported: [{uid, id, notes}], refused: [{uid, component, reason}]}`. Each is read by
what reads them for the simulated Google too, and then written as Graph would have it.
"""

from datetime import UTC, date, datetime
from typing import Any

from icalendar import Component

from simulators.common.wire import Json
from simulators.google.ics_event import ReadEvent, Unreadable, read_event, uid_of
from simulators.google.ics_zones import Zones
from simulators.microsoft import events, ics_rule, items, notifications, zones
from simulators.microsoft.call import Call
from simulators.microsoft.errors import GraphError

_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


def import_file(call: Call, content: bytes) -> Json:
    result: Json = {"imported": [], "refused": []}
    calendar = call.calendar()
    zone = str(zones.zone(call.mailbox.time_zone))
    try:
        file: Any = Component.from_ical(content.decode("utf-8-sig", errors="replace"))
    except _UNREADABLE as error:
        result["refused"].append({"uid": None, "component": "file", "reason": f"cannot be read: {error}"})
        return result
    known = Zones({str(z["TZID"]): z for z in file.walk("VTIMEZONE")}, zone, call.world.now())
    call.quiet = True
    made: dict[str, str] = {}
    components = sorted(file.walk("VEVENT"), key=lambda c: "RECURRENCE-ID" in c)
    for component in components:
        uid = uid_of(component)
        try:
            event = read_event(component, known, zone)
            event_id = _store(call, event, made, zone)
        except Unreadable as error:
            _refuse(result, uid, str(error))
        except GraphError as error:
            _refuse(result, uid, f"{error.code}: {error.message}")
        except _UNREADABLE as error:
            _refuse(result, uid, f"cannot be read: {error}")
        else:
            result["imported"].append({"uid": uid, "id": event_id, "notes": event.notes})
    if result["imported"]:
        last = call.find(result["imported"][-1]["id"])[1]
        notifications.event_changed(call.world, calendar, last, "", "created", last.change)
    return result


def _store(call: Call, event: ReadEvent, made: dict[str, str], zone: str) -> str:
    body = _body(event.body, zone)
    if event.original is not None:
        return _override(call, event, body, made.get(event.uid or ""), zone)
    if event.cancelled:
        raise Unreadable("the event is cancelled")
    dropped: list[str] = []
    lines = event.body.get("recurrence", [])
    if lines:
        start_zone = body["start"]["timeZone"]
        start = datetime.fromisoformat(body["start"]["dateTime"])
        rules = [line for line in lines if line.startswith("RRULE:")]
        if len(rules) != 1 or any(line.startswith(("RDATE", "EXRULE")) for line in lines):
            raise Unreadable("only one RRULE, and no RDATE, has a counterpart")
        body["recurrence"] = ics_rule.recurrence_of(rules[0].removeprefix("RRULE:"), start, start_zone)
        dropped = [day for line in lines if line.startswith("EXDATE") for day in _days(line, start_zone)]
    call.path, call.body = {"calendarId": call.calendar().id}, body
    event_id: str = events.create(call)["id"]
    calendar, record, _ = call.find(event_id)
    if record.recurrence is not None and not items.exists(call.world, record, record.start[:10]):
        event.notes.append("the first date is none of the rule's: Outlook leaves it out")
    for day in dropped:
        if items.exists(call.world, record, day):
            events.remove(call, calendar, record, day)
    if event.uid:
        made[event.uid] = event_id
        record.uid = event.uid if len(event.uid) < 40 else record.uid
    return event_id


def _override(call: Call, event: ReadEvent, body: Json, master: str | None, zone: str) -> str:
    if master is None or event.original is None:
        raise Unreadable("RECURRENCE-ID without its series")
    calendar, record, _ = call.find(master)
    day = _local(event.original, record.zone, zone)[:10]
    if not items.exists(call.world, record, day):
        raise Unreadable("RECURRENCE-ID is not an occurrence of its series")
    call.path = {"calendarId": calendar.id, "eventId": call.id_of(calendar, record, day)}
    if event.cancelled:
        events.delete(call)
    else:
        call.body = {name: value for name, value in body.items() if name != "isAllDay"}
        events.update(call)
    return call.path["eventId"]


def _body(given: Json, zone: str) -> Json:
    """What was read for Google, in Graph's words."""
    body: Json = {"subject": given.get("summary", "")[:255], "isAllDay": "date" in given["start"]}
    if "description" in given:
        body["body"] = {"contentType": "text", "content": given["description"]}
    if "location" in given:
        body["location"] = {"displayName": given["location"]}
    if given.get("visibility") in {"private", "confidential"}:
        body["sensitivity"] = given["visibility"]
    free, tentative = given.get("transparency") == "transparent", given.get("status") == "tentative"
    body["showAs"] = "free" if free else "tentative" if tentative else "busy"
    minutes = [o["minutes"] for o in given.get("reminders", {}).get("overrides", []) if o["method"] == "popup"]
    body["isReminderOn"] = bool(minutes)
    if minutes:
        body["reminderMinutesBeforeStart"] = min(minutes)
    people = [
        {"emailAddress": {"address": p["email"], "name": p.get("displayName", p["email"])}}
        for p in given.get("attendees", [])
    ]
    if people:
        body["attendees"] = people
    name = given["start"].get("timeZone", zone)
    for member in ("start", "end"):
        body[member] = {"dateTime": _local(given[member], name, zone), "timeZone": name}
    return body


def _local(value: Json, name: str, zone: str) -> str:
    """A start, end or original start on the clock of the zone `name`."""
    if "date" in value:
        return f"{date.fromisoformat(value['date'])}T00:00:00"
    moment = datetime.fromisoformat(value["dateTime"])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zones.zone(value.get("timeZone", zone)))
    return moment.astimezone(zones.zone(name)).replace(tzinfo=None).isoformat()


def _days(line: str, name: str) -> list[str]:
    """The local days of an EXDATE line."""
    found = []
    for text in line.rpartition(":")[2].split(","):
        moment = datetime.strptime(text[:15].rstrip("Z"), "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")  # noqa: DTZ007
        if text.endswith("Z"):
            moment = moment.replace(tzinfo=UTC).astimezone(zones.zone(name))
        found.append(f"{moment:%Y-%m-%d}")
    return found


def _refuse(result: Json, uid: str | None, reason: str) -> None:
    result["refused"].append({"uid": uid, "component": "VEVENT", "reason": reason})
