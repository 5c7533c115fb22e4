"""The JSON of an event in a POST or PATCH, checked strictly: unknown and read-only members are refused.

`check(body, create=…)` returns the members in the form they are stored in; times and recurrence are checked by
`events`, which knows what they belong to.
"""

import re
from collections.abc import Container
from typing import Any

from simulators.common.wire import Json
from simulators.microsoft import bodies, errors
from simulators.microsoft.settings import Settings

SENSITIVITY = frozenset({"normal", "personal", "private", "confidential"})
SHOW_AS = frozenset({"free", "tentative", "busy", "oof", "workingElsewhere", "unknown"})
PROPERTY = re.compile(
    r"^(String|Integer|Boolean|SystemTime|Double|Binary|String Array|StringArray)\s+"
    r"\{[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\}\s+(Name\s+.+|Id\s+0x[0-9A-Fa-f]+)$"
    r"|^(String|Integer|Boolean|SystemTime|Binary)\s+0x[0-9A-Fa-f]{1,4}$"
)

DEFAULTS: Json = {
    "subject": "",
    "body": "",
    "categories": [],
    "importance": "normal",
    "sensitivity": "normal",
    "showAs": "busy",
    "isReminderOn": True,
    "reminderMinutesBeforeStart": 15,
    "responseRequested": True,
    "allowNewTimeProposals": True,
    "hideAttendees": False,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
    "location": {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"},
    "locations": [],
    "onlineMeeting": None,
}
_ENUMS: dict[str, frozenset[str]] = {
    "sensitivity": SENSITIVITY,
    "showAs": SHOW_AS,
    "importance": frozenset({"low", "normal", "high"}),
    "onlineMeetingProvider": frozenset({"unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"}),
}
_FLAGS = frozenset(
    {"isReminderOn", "responseRequested", "allowNewTimeProposals", "hideAttendees", "isOnlineMeeting", "isAllDay"}
)
_LOCATION = frozenset(
    {
        *("address", "coordinates", "displayName", "locationEmailAddress", "locationType", "locationUri"),
        *("uniqueId", "uniqueIdType"),
    }
)
TIMES = frozenset({"start", "end", "isAllDay", "recurrence"})
_ELSEWHERE = frozenset({"start", "end", "recurrence", "attendees", "transactionId", "singleValueExtendedProperties"})
PERSONAL = frozenset({"isReminderOn", "reminderMinutesBeforeStart", "categories", "showAs"})
"""What other people never see of an event."""


def check(body: Any, settings: Settings, *, create: bool) -> Json:
    if not isinstance(body, dict):
        raise errors.bad_body("A JSON object is wanted.")
    found: Json = {}
    for name, value in body.items():
        if "@odata." in name:
            continue
        if name == "transactionId" and not create:
            raise errors.bad_property("The property 'transactionId' cannot be changed.")
        found[name] = _checked(name, value, settings)
    return found


def _checked(name: str, value: Any, settings: Settings) -> Any:
    if name in _ENUMS:
        if not one_of(value, _ENUMS[name]):
            raise errors.bad_body(f"Cannot convert the literal '{value}' to the expected type of '{name}'.")
        return value
    if name in _FLAGS:
        return _typed(name, value, bool)
    if name == "attendees":
        return _attendees(value, settings)
    if name in _ELSEWHERE:
        return value
    match name:
        case "subject":
            text = "" if value is None else _typed(name, value, str)
            if len(text) > 255:
                raise errors.bad_property("The subject is longer than 255 characters.")
            return text
        case "body":
            return _body(value, settings)
        case "categories":
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise errors.bad_body("'categories' is a list of strings.")
            return value
        case "reminderMinutesBeforeStart":
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise errors.bad_property("'reminderMinutesBeforeStart' is no number of minutes.")
            return value
        case "location":
            return _location(value)
        case "locations":
            return [_location(item) for item in _typed(name, value, list)]
    raise errors.bad_body(
        f"The property '{name}' does not exist on type 'microsoft.graph.event' or is read-only in this request."
    )


def one_of(value: Any, words: Container[str]) -> bool:
    return isinstance(value, str) and value in words


def _typed(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise errors.bad_body(f"Cannot convert the value of '{name}' to the expected type {kind.__name__}.")
    return value


def _body(value: Any, settings: Settings) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict) or set(value) - {"contentType", "content"}:
        raise errors.bad_body("'body' holds contentType and content.")
    kind = str(value.get("contentType") or "text").lower()
    if kind not in {"text", "html"}:
        raise errors.bad_body(f"Cannot convert the literal '{kind}' to the expected type of 'contentType'.")
    return bodies.stored(str(value.get("content") or ""), kind, normalise=settings.normalise_bodies)


def _location(value: Any) -> Json:
    if value is None:
        value = {}
    if not isinstance(value, dict) or set(value) - _LOCATION:
        raise errors.bad_body("'location' holds a member that Graph does not know.")
    usual = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"}
    kept = usual | {k: v for k, v in value.items() if v is not None}
    if kept["displayName"] and "uniqueId" not in kept:
        kept |= {"uniqueId": kept["displayName"], "uniqueIdType": "private"}
    return kept


def _attendees(value: Any, settings: Settings) -> list[Json]:
    people: list[Json] = []
    for person in _typed("attendees", value or [], list):
        if not isinstance(person, dict) or set(person) - {"emailAddress", "type", "status", "proposedNewTime"}:
            raise errors.bad_body("An attendee holds a member that Graph does not know.")
        address = _typed("emailAddress", person.get("emailAddress") or {}, dict).get("address")
        if not isinstance(address, str) or "@" not in address:
            raise errors.GraphError(400, "ErrorInvalidRecipients", "At least one recipient is not valid.")
        kind = person.get("type") or "required"
        if not one_of(kind, {"required", "optional", "resource"}):
            raise errors.bad_body(f"Cannot convert the literal '{kind}' to the expected type of 'type'.")
        people.append(
            {
                "type": kind,
                "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
                "emailAddress": {"name": person["emailAddress"].get("name") or address, "address": address},
            }
        )
    if len(people) > settings.max_attendees:
        raise errors.GraphError(400, "ErrorTooManyAttendees", f"More than {settings.max_attendees} attendees.")
    return people


def extended_properties(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    found = {}
    for item in _typed("singleValueExtendedProperties", value, list):
        if not isinstance(item, dict) or set(item) != {"id", "value"} or not isinstance(item["value"], str):
            raise errors.bad_body("An extended property is an id and a value, both strings.")
        if not PROPERTY.match(str(item["id"])):
            raise errors.GraphError(400, "ErrorInvalidProperty", f"'{item['id']}' is no extended property id.")
        found[property_key(item["id"])] = item["value"]
    return found


def property_key(text: str) -> str:
    """GUIDs compare without case; the name does not."""
    parts = " ".join(text.split())
    return re.sub(r"\{[^}]*\}", lambda found: found.group(0).lower(), parts)
