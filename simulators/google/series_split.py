"""\"This and following events\": the old series ends before an occurrence, a new one goes on from there.

As in Google's app the new id carries `_R` and the moment of the split, and exceptions after it are lost.
"""

from datetime import timedelta

from simulators.google import channels, errors, event_store, events, recurrence_instances, times
from simulators.google.call import Call
from simulators.google.event_rules import merged
from simulators.google.model import Calendar, EventRecord
from simulators.google.recurrence_instances import Occurrence
from simulators.google.wire import Json


def split(call: Call, moment: str, changes: Json) -> Json:
    """Split the series of the path at the occurrence that starts at `moment`: `{trimmed, following}`."""
    calendar = call.calendar("writer")
    found = event_store.find(calendar, call.path["eventId"])
    if found is None or not found.repeats:
        raise errors.not_found()
    key = recurrence_instances.key_of(
        {"date": moment} if len(moment) == 10 else {"dateTime": moment}, calendar.time_zone
    )
    occurrence = recurrence_instances.find_occurrence(found.body, calendar.time_zone, key)
    if occurrence is None:
        raise errors.not_found()
    local = times.local_start(occurrence.start | {"timeZone": _zone(found, calendar)}, calendar.time_zone)
    passed = recurrence_instances.count_before(found.body, calendar.time_zone, local)
    if passed == 0:
        raise errors.invalid("The first occurrence cannot be split off.")
    following = _following(found, occurrence, passed)
    call.quiet = True
    trimmed = _change(call, {"recurrence": [_ended(line, occurrence) for line in found.body["recurrence"]]})
    following = merged(following, changes)
    new_id = f"{found.id.split('_R')[0]}_R{key.rstrip('Z')}"
    record = _insert(call, calendar, following, new_id)
    channels.announce(call.world, calendar)
    return {"trimmed": trimmed, "following": record}


def _zone(found: EventRecord, calendar: Calendar) -> str:
    zone: str = found.body["start"].get("timeZone", calendar.time_zone)
    return zone


def _change(call: Call, patch: Json) -> Json:
    call.body = patch
    return events.patch(call)


def _insert(call: Call, calendar: Calendar, body: Json, new_id: str) -> Json:
    call.body = {k: v for k, v in body.items() if k not in {"id", "iCalUID", "etag", "sequence", "reminders"}}
    call.body["iCalUID"] = f"{new_id}@google.com"
    made = events.insert(call, server_id=new_id)
    return event_store.shown(calendar.events[made["id"]], calendar, call.email)


def _following(found: EventRecord, occurrence: Occurrence, passed: int) -> Json:
    lines = [_counted(line, passed) for line in found.body["recurrence"]]
    return found.body | {"start": occurrence.start, "end": occurrence.end, "recurrence": lines}


def _parts(line: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in line.partition(":")[2].split(";") if "=" in part)


def _counted(line: str, passed: int) -> str:
    if not line.startswith("RRULE"):
        return line
    parts = _parts(line)
    if "COUNT" in parts:
        parts["COUNT"] = str(max(int(parts["COUNT"]) - passed, 1))
    return "RRULE:" + ";".join(f"{k}={v}" for k, v in parts.items())


def _ended(line: str, occurrence: Occurrence) -> str:
    if not line.startswith("RRULE"):
        return line
    parts = {k: v for k, v in _parts(line).items() if k not in {"COUNT", "UNTIL"}}
    if "date" in occurrence.start:
        parts["UNTIL"] = (occurrence.begins - timedelta(days=1)).strftime("%Y%m%d")
    else:
        last = occurrence.begins - timedelta(seconds=1)
        parts["UNTIL"] = last.astimezone(times.zone("UTC")).strftime("%Y%m%dT%H%M%SZ")
    return "RRULE:" + ";".join(f"{k}={v}" for k, v in parts.items())
