"""What Google makes of an event that somebody sends: checked, completed, and in the form in which it is served.

`normalise` takes a whole draft (an insert or update body, or a stored event with a patch merged in) and returns the
body to store, without reminders, which belong to a person: `read_reminders` takes those.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.google import errors, recurrence_instances, times
from simulators.google.errors import ApiError
from simulators.google.wire import Json

EVENT_TYPES = frozenset({"default", "birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"})
MAX_ATTENDEES = 200
MAX_KEY, MAX_VALUE, MAX_PROPERTIES, MAX_PROPERTIES_BYTES = 44, 1024, 300, 32 * 1024
_ID = re.compile(r"^[a-v0-9]{5,1024}$")
_PLAIN = ("summary", "description", "location", "colorId", "source", "gadget", "eventLabelId")
_FLAGS = {
    "guestsCanInviteOthers": True,
    "guestsCanModify": False,
    "guestsCanSeeOtherGuests": True,
    "anyoneCanAddSelf": False,
    "endTimeUnspecified": False,
}
_TYPE_PROPERTIES = {
    "focusTimeProperties": "focusTime",
    "outOfOfficeProperties": "outOfOffice",
    "workingLocationProperties": "workingLocation",
    "birthdayProperties": "birthday",
}
_ENUMS = {
    "status": {"confirmed", "tentative", "cancelled"},
    "transparency": {"opaque", "transparent"},
    "visibility": {"default", "public", "private", "confidential"},
}
SHARED_FIELDS = (
    *("summary", "description", "location", "start", "end", "recurrence", "source", "gadget", "conferenceData"),
    *("guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "anyoneCanAddSelf", "attachments"),
)
"""What only the organizer may change."""


@dataclass(frozen=True)
class Setting:
    """Where the event is to live and whose it is."""

    calendar_zone: str
    self_email: str
    conference_version: int = 0
    attachments: bool = False


def check_id(event_id: str) -> None:
    if not _ID.match(event_id):
        raise errors.invalid("Invalid resource id value.")


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def merged(stored: Json, patch: Json) -> Json:
    """A patch by Google's rules: objects merge, arrays are replaced whole, null clears."""
    result = dict(stored)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[name] = without_nulls(value)
    return result


def normalise(draft: Json, where: Setting) -> Json:
    """The stored form of a draft, without the read-only members. Raises `ApiError` where Google refuses."""
    body: Json = {"status": _enum(draft, "status", "confirmed")}
    body |= {name: draft[name] for name in _PLAIN if draft.get(name)}
    _check_texts(body)
    body["start"], body["end"] = _times(draft, where)
    lines = draft.get("recurrence") or []
    if lines:
        recurrence_instances.check_recurrence(lines, body["start"], where.calendar_zone)
        body["recurrence"] = list(lines)
    for name, usual in (("transparency", "opaque"), ("visibility", "default")):
        value = _enum(draft, name, usual)
        if value != usual:
            body[name] = value
    body |= {name: draft[name] for name, usual in _FLAGS.items() if draft.get(name, usual) is not usual}
    attendees = _attendees(draft.get("attendees") or [], where)
    if attendees:
        body["attendees"] = attendees
    properties = _extended_properties(draft.get("extendedProperties") or {})
    if properties:
        body["extendedProperties"] = properties
    body |= _special(draft, where)
    return body


def read_reminders(given: Json | None) -> Json:
    """`{useDefault, overrides}` as served; a missing value means the calendar's defaults."""
    if given is None:
        return {"useDefault": True}
    overrides = given.get("overrides") or []
    use_default = given.get("useDefault", not overrides)
    if use_default and overrides:
        raise ApiError(
            400,
            "cannotUseDefaultRemindersAndSpecifyOverride",
            "Cannot specify both default reminders and overrides at the same time.",
            domain="calendar",
        )
    if len(overrides) > 5:
        raise errors.invalid("Too many reminder overrides.")
    for override in overrides:
        if override.get("method") not in {"popup", "email"}:
            raise errors.invalid("Invalid reminder method.")
        if not isinstance(override.get("minutes"), int) or not 0 <= override["minutes"] <= 40320:
            raise errors.invalid("Invalid value for minutes: 0 to 40320 is wanted.")
    return {"useDefault": use_default} | ({"overrides": list(overrides)} if overrides else {})


def _enum(draft: Json, name: str, usual: str) -> str:
    value = draft.get(name, usual)
    if value not in _ENUMS[name]:
        raise errors.invalid(f"Invalid value for: {value} is not a valid value for {name}")
    return str(value)


def _check_texts(body: Json) -> None:
    if "colorId" in body and not re.fullmatch(r"([1-9]|1[01])", body["colorId"]):
        raise errors.invalid("Invalid color id.")
    if "source" in body and not str(body["source"].get("url", "")).startswith(("http://", "https://")):
        raise errors.invalid("Invalid source URL.")
    if len(body.get("description", "")) > 8192:
        raise errors.invalid("The description is too long.")


def _times(draft: Json, where: Setting) -> tuple[Json, Json]:
    for name in ("start", "end"):
        if not draft.get(name):
            raise errors.required(f"Missing {name} time.")
    repeats = bool(draft.get("recurrence"))
    start, start_at = _event_time("start", draft["start"], where, repeats=repeats)
    end, end_at = _event_time("end", draft["end"], where, repeats=repeats)
    if ("date" in start) != ("date" in end):
        raise errors.invalid("Start and end times must either both be date or both be dateTime.")
    if end_at < start_at or ("date" in start and end_at == start_at):
        raise errors.time_range_empty()
    return start, end


def _event_time(name: str, value: Json, where: Setting, *, repeats: bool) -> tuple[Json, datetime]:
    if ("date" in value) == ("dateTime" in value):
        raise errors.invalid(f"Invalid {name} time.")
    if "date" in value:
        # A date has no zone: Google drops what is sent with it.
        kept = {"date": value["date"]}
        return kept, times.moment_of(kept, where.calendar_zone)
    zone_name = value.get("timeZone")
    if zone_name is not None and not times.is_zone(zone_name):
        raise errors.invalid(f"Invalid time zone definition for {name} time.")
    if zone_name is None and repeats:
        raise errors.required(f"Missing time zone definition for {name} time.")
    moment = times.read(value["dateTime"])
    if moment.tzinfo is None:
        if zone_name is None:
            raise errors.required(f"Missing time zone definition for {name} time.")
        moment = moment.replace(tzinfo=times.zone(zone_name))
    zone_name = zone_name or where.calendar_zone
    return {"dateTime": times.render(moment, where.calendar_zone), "timeZone": zone_name}, moment


def _attendees(given: list[Json], where: Setting) -> list[Json]:
    if len(given) > MAX_ATTENDEES:
        raise errors.invalid("The event has too many attendees.")
    result: list[Json] = []
    for attendee in given:
        email = attendee.get("email")
        if not email:
            raise errors.required("Missing attendee email.")
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            raise errors.invalid("Invalid attendee email.")
        if any(email.lower() == other["email"] for other in result):
            continue
        answer = attendee.get("responseStatus", "needsAction")
        if answer not in {"needsAction", "declined", "tentative", "accepted"}:
            raise errors.invalid("Invalid response status.")
        kept = {k: v for k, v in attendee.items() if k not in {"self", "organizer", "id"} and v not in {None, False}}
        kept |= {"email": email.lower(), "responseStatus": answer}
        if email.lower() == where.self_email.lower():
            kept["self"] = True
        result.append(kept)
    return result


def _extended_properties(given: Json) -> Json:
    """Long keys vanish and long values are cut, both without a word, as at Google."""
    result: Json = {}
    for section in ("private", "shared"):
        pairs = given.get(section) or {}
        kept = {k: v[:MAX_VALUE] for k, v in pairs.items() if len(k) <= MAX_KEY and v is not None}
        if len(kept) > MAX_PROPERTIES or sum(len(k) + len(v) for k, v in kept.items()) > MAX_PROPERTIES_BYTES:
            raise errors.invalid("Too many extended properties.")
        if kept:
            result[section] = kept
    return result


def _special(draft: Json, where: Setting) -> Json:
    """Event types, conference and attachments."""
    body: Json = {"eventType": draft.get("eventType") or "default"}
    if body["eventType"] not in EVENT_TYPES:
        raise errors.invalid("Invalid event type.")
    for name, wanted_type in _TYPE_PROPERTIES.items():
        if draft.get(name) is not None:
            if body["eventType"] != wanted_type:
                raise errors.invalid(f"{name} does not fit the event type.")
            body[name] = draft[name]
    if draft.get("conferenceData"):
        body |= _conference(draft["conferenceData"], where)
    attachments = draft.get("attachments") or []
    if len(attachments) > 25:
        raise errors.invalid("Too many attachments.")
    if attachments:
        body["attachments"] = attachments
    return body


def _conference(given: Json, where: Setting) -> Json:
    wish = given.get("createRequest")
    if wish is None or where.conference_version != 1 or given.get("conferenceId"):
        link = next((e.get("uri") for e in given.get("entryPoints", []) if e.get("entryPointType") == "video"), None)
        return {"conferenceData": given} | ({"hangoutLink": link} if link else {})
    name = re.sub(r"[^a-z]", "", str(wish.get("requestId", "")).lower())[:10].ljust(10, "x")
    code = f"{name[:3]}-{name[3:7]}-{name[7:]}"
    link = f"https://meet.google.com/{code}"
    made = {
        "createRequest": wish | {"status": {"statusCode": "success"}},
        "conferenceId": code,
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
        "entryPoints": [{"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}],
    }
    return {"conferenceData": made, "hangoutLink": link}
