"""A whole .ics file into a calendar, as a person would import it: `import_file`.

The answer names every component: `{imported: [{uid, id, notes}], refused: [{uid, component, reason}]}`. One that cannot
be read stops nothing else.
"""

import re
from typing import Any

from icalendar import Component

from simulators.google import channels, event_store, events, recurrence_instances, times
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.ics_event import ReadEvent, Unreadable, read_event, uid_of
from simulators.google.ics_zones import Zones
from simulators.google.model import Calendar
from simulators.google.wire import Json

_BLOCK = re.compile(r"^BEGIN:(\w[\w-]*)[ \t]*$", re.IGNORECASE)


def import_file(call: Call, content: bytes) -> Json:
    calendar = call.calendar("freeBusyReader")
    result: Json = {"imported": [], "refused": []}
    call.quiet = True
    blocks = _blocks(_text_of(content))
    if not blocks:
        _refuse(result, None, "file", "no component found: this is not an iCalendar file")
    definitions = _definitions(blocks, result)
    zones = Zones(definitions, calendar.time_zone, call.world.now())
    read: list[ReadEvent] = []
    for kind, text in blocks:
        if kind == "VEVENT":
            event = _read(text, zones, calendar, result)
            if event is not None:
                read.append(event)
        elif kind != "VTIMEZONE":
            _refuse(result, _uid_in(text), kind, f"{kind} is not an event")
    for event in sorted(read, key=lambda e: e.original is not None):
        _store(call, calendar, event, result)
    call.quiet = False
    channels.announce(call.world, calendar)
    return result


def _text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _blocks(text: str) -> list[tuple[str, str]]:
    """The components directly inside a VCALENDAR, each as its own text, so that a broken one harms no other."""
    blocks: list[tuple[str, str]] = []
    stack: list[str] = []
    lines: list[str] = []
    for line in re.split(r"\r\n|\n|\r", text):
        begin = _BLOCK.match(line)
        if begin and begin.group(1).upper() == "VCALENDAR":
            _close_open(blocks, stack, lines)
            continue
        if begin and begin.group(1).upper() == "VEVENT" and stack:
            # A VEVENT never lies inside anything: what came before has lost its end.
            _close_open(blocks, stack, lines)
        if begin:
            stack.append(begin.group(1).upper())
        if stack:
            lines.append(line)
        if stack and line.strip().upper() == f"END:{stack[-1]}":
            kind = stack.pop()
            if not stack:
                blocks.append((kind, "\r\n".join(lines) + "\r\n"))
                lines.clear()
    _close_open(blocks, stack, lines)
    return blocks


def _close_open(blocks: list[tuple[str, str]], stack: list[str], lines: list[str]) -> None:
    if stack:
        blocks.append((stack[0], "\r\n".join(lines) + "\r\n"))
    stack.clear()
    lines.clear()


def _definitions(blocks: list[tuple[str, str]], result: Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, text in blocks:
        if kind != "VTIMEZONE":
            continue
        try:
            component = Component.from_ical(text)
            found[str(component["TZID"])] = component
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            _refuse(result, None, kind, f"cannot be read: {error}")
    return found


def _read(text: str, zones: Zones, calendar: Calendar, result: Json) -> ReadEvent | None:
    uid = _uid_in(text)
    try:
        component: Any = Component.from_ical(text)
        uid = uid_of(component)
        return read_event(component, zones, calendar.time_zone)
    except Unreadable as error:
        _refuse(result, uid, "VEVENT", str(error))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        _refuse(result, uid, "VEVENT", f"cannot be read: {error}")
    return None


def _uid_in(text: str) -> str | None:
    match = re.search(r"(?im)^UID(?:;[^:]*)?:(.+?)\r?$", text)
    return match.group(1).strip() if match else None


def _store(call: Call, calendar: Calendar, event: ReadEvent, result: Json) -> None:
    try:
        stored = _override(call, calendar, event) if event.original is not None else _whole(call, calendar, event)
    except Unreadable as error:
        _refuse(result, event.uid, "VEVENT", str(error))
    except ApiError as error:
        _refuse(result, event.uid, "VEVENT", f"{error.reason}: {error.message}")
    except (ValueError, OverflowError) as error:
        _refuse(result, event.uid, "VEVENT", f"cannot be held: {error}")
    else:
        result["imported"].append({"uid": event.uid, "id": stored, "notes": event.notes})


def _whole(call: Call, calendar: Calendar, event: ReadEvent) -> str:
    if event.cancelled:
        raise Unreadable("the event is cancelled")
    if event.uid and any(not calendar.events[i].cancelled for i in calendar.by_uid.get(event.uid, [])):
        raise Unreadable("an event with this UID is already in the calendar")
    call.body = event.body | ({"iCalUID": event.uid} if event.uid else {})
    organizer = event.body.get("organizer", {}).get("email")
    made = events.insert(call)
    if organizer not in {None, calendar.id}:
        record = calendar.events[made["id"]]
        record.body = record.body | {"privateCopy": True}
    event_id: str = made["id"]
    return event_id


def _override(call: Call, calendar: Calendar, event: ReadEvent) -> str:
    parent = next((i for i in calendar.by_uid.get(event.uid or "", []) if calendar.events[i].repeats), None)
    body = {k: v for k, v in event.body.items() if k not in {"organizer", "sequence"}}
    if parent is None:
        # The series is not here: Google keeps such an occurrence as an event of its own.
        event.notes.append("RECURRENCE-ID without its series: kept as a single event")
        call.body = body
        if event.cancelled:
            raise Unreadable("a cancelled occurrence without its series")
        alone: str = events.insert(call)["id"]
        return alone
    series = calendar.events[parent]
    original = _aligned(event.original or {}, series.body, calendar)
    found = event_store.find(calendar, f"{parent}_{original}")
    if found is None:
        raise Unreadable("RECURRENCE-ID is not an occurrence of its series")
    call.path = call.path | {"eventId": found.id}
    if event.cancelled:
        events.delete(call)
    else:
        call.body = body
        events.update(call)
    return found.id


def _aligned(original: Json, series: Json, calendar: Calendar) -> str:
    """The key of the occurrence; a date names the occurrence of that day."""
    if "date" in original and "dateTime" in series["start"]:
        zone = series["start"]["timeZone"]
        clock = times.local_start(series["start"], calendar.time_zone).time().isoformat()
        original = {"dateTime": f"{original['date']}T{clock}", "timeZone": zone}
    if "dateTime" in original:
        return recurrence_instances.key_of(times.with_offset(original), calendar.time_zone)
    return recurrence_instances.key_of(original, calendar.time_zone)


def _refuse(result: Json, uid: str | None, component: str, reason: str) -> None:
    result["refused"].append({"uid": uid, "component": component, "reason": reason})
