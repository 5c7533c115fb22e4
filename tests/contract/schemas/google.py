"""Google's wire, by the discovery document that google-api-python-client brings along.

Closed objects: a member or parameter that the document does not name is a fault. What the document says in prose only
is said here once more: a PATCH may hold null, which clears; a channel's `expiration` is text (page "Push
notifications") and of its `params` there is `ttl` alone; errors are those of the page "Handle API errors".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from jsonschema import Draft202012Validator

from tests.contract.schemas import sign_in
from tests.contract.schemas.wire import Exchange, Schema, closed, misfits, misnamed, parsed

_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_LOCAL: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$"
"""An event's time may lack the offset if its zone is named (discovery document, `EventDateTime.dateTime`)."""
_FORMATS: Final[Mapping[str, Schema]] = {
    "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    "date-time": {"type": "string", "pattern": _INSTANT},
    "int64": {"type": "string", "pattern": r"^-?\d+$"},
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
}
_TEXT: Final[Schema] = {"type": "string"}
_ERROR: Final = closed(
    {
        "error": closed(
            {
                "code": {"type": "integer"},
                "message": _TEXT,
                "status": _TEXT,
                "errors": {
                    "type": "array",
                    "minItems": 1,
                    "items": closed(
                        dict.fromkeys(("domain", "reason", "message", "locationType", "location"), _TEXT),
                        required=["domain", "reason", "message"],
                    ),
                },
            },
            required=["code", "message"],
        )
    },
    required=["error"],
)
_TOKEN: Final = sign_in.token_answer(refresh_token_expires_in={"type": "integer"})
_KEYS: Final = closed({"keys": {"type": "array", "minItems": 1, "items": {"type": "object"}}}, required=["keys"])

_MARKS: Final[Schema] = {
    "type": ["object", "null"],
    "propertyNames": {"maxLength": 44},
    "additionalProperties": {"type": ["string", "null"], "maxLength": 1024},
}
"""A longer name is dropped in silence, a longer value cut (page "Extended properties")."""
_PROSE: Final[Schema] = {
    "properties": {
        "id": {"pattern": "^[A-Za-z0-9+/=_-]{1,1024}$"},
        "token": {"maxLength": 256},
        "type": {"const": "web_hook"},
        "extendedProperties": {"properties": {"private": _MARKS, "shared": _MARKS}},
        "reminders": {
            "properties": {
                "overrides": {
                    "maxItems": 5,
                    "items": {
                        "properties": {
                            "method": {"enum": ["email", "popup"]},
                            "minutes": {"minimum": 0, "maximum": 40_320},
                        }
                    },
                }
            }
        },
        "status": {"enum": ["confirmed", "tentative", "cancelled", None]},
        "transparency": {"enum": ["opaque", "transparent", None]},
        "visibility": {"enum": ["default", "public", "private", "confidential", None]},
        "attendees": {
            "items": {
                "required": ["email"],
                "properties": {"responseStatus": {"enum": ["needsAction", "declined", "tentative", "accepted", None]}},
            }
        },
    },
    # An event's own id; a channel's is looser (discovery document, `Event.id` and page "Push notifications").
    "if": {"required": ["start"]},
    "then": {"properties": {"id": {"pattern": "^[a-v0-9]{5,1024}$"}}},
    "else": {"if": {"required": ["address"]}, "then": {"properties": {"id": {"maxLength": 64}}}},
}
"""What the document says of a request in its descriptions only."""
_NOT_WITH_A_CURSOR: Final = frozenset(
    {
        *("iCalUID", "orderBy", "privateExtendedProperty", "sharedExtendedProperty", "q", "timeMin", "timeMax"),
        "updatedMin",
    }
)

_AUTHORIZE: Final = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "scope", "access_type", "state", "include_granted_scopes"),
        *("enable_granular_consent", "login_hint", "prompt", "code_challenge", "code_challenge_method", "nonce", "hd"),
    }
)
"""Page "Using OAuth 2.0 for Web Server Applications", and OpenID Connect's `nonce` and `hd`."""

_PUSH: Final = frozenset(
    {
        *("x-goog-channel-id", "x-goog-message-number", "x-goog-resource-id", "x-goog-resource-state"),
        "x-goog-resource-uri",
    }
)
_PUSH_MAY: Final = frozenset({"x-goog-channel-token", "x-goog-channel-expiration"})


@dataclass(frozen=True)
class _Method:
    name: str
    pattern: re.Pattern[str]
    raw: Mapping[str, Any]


def faults_of(exchange: Exchange) -> Iterator[str]:
    """See `wire.Judge`."""
    match exchange.path:
        case "/token":
            yield from sign_in.token_faults(exchange, answers=_TOKEN)
        case "/revoke":
            yield from sign_in.revocation_faults(exchange)
        case "/oauth2/v3/certs":
            yield from sign_in.answer_faults(exchange, _KEYS)
        case _:
            yield from _call_faults(exchange)


def authorization_faults(query: Mapping[str, str]) -> Iterator[str]:
    """The address a person is sent to."""
    required = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "nonce")
    return misnamed(query.items(), _AUTHORIZE, required)


def notification_faults(headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    """A notification has headers and no body (page "Push notifications")."""
    names = {name.lower() for name in headers if name.lower().startswith("x-goog-")}
    for name in sorted(_PUSH - names):
        yield f"answer: the notification lacks {name}"
    for name in sorted(names - _PUSH - _PUSH_MAY):
        yield f"answer: the notification has {name}, which no document names"
    if body:
        yield "answer: the notification has a body"


# --- a call of the Calendar API -------------------------------------------------------------------------------------


def _call_faults(exchange: Exchange) -> Iterator[str]:
    found = _find(exchange)
    if found is None:
        yield "request is for an address that the discovery document does not name"
        return
    raw = found.raw
    yield from _parameter_faults(exchange, raw)
    if not exchange.headers.get("authorization", "").startswith("Bearer "):
        yield "request carries no access token"
    if "if-match" in exchange.headers and exchange.method not in {"PATCH", "PUT", "DELETE"}:
        yield "request has a precondition, which this method does not know"
    wrong: list[str] = []
    if "request" in raw:
        value = parsed(exchange.body, exchange.headers.get("content-type", ""), "request", wrong)
        if not wrong:
            schema = validator(raw["request"]["$ref"], raw["id"], exchange.method == "PATCH")
            wrong.extend(misfits(schema, value, "request"))
            wrong.extend(misfits(Draft202012Validator(_PROSE), value, "request"))
    elif exchange.body:
        wrong.append("request has a body, which this method does not know")
    wrong.extend(_answer_faults(exchange, raw))
    yield from wrong


def _parameter_faults(exchange: Exchange, raw: Mapping[str, Any]) -> Iterator[str]:
    own = {name: one for name, one in raw.get("parameters", {}).items() if one["location"] == "query"}
    known = own | _document()["parameters"]
    yield from misnamed(exchange.query, known, [name for name, one in own.items() if one.get("required")])
    names = [name for name, _ in exchange.query]
    for name, value in exchange.query:
        parameter = known.get(name)
        if parameter is None:
            continue
        if names.count(name) > 1 and not parameter.get("repeated"):
            yield f"request names {name!r} twice"
        if not _reads_as(parameter, value):
            yield f"request has {name!r} = {value!r}, which is no {parameter.get('format') or parameter['type']}"

    if raw["id"] == "calendar.events.list" and "syncToken" in names:
        for name in sorted(_NOT_WITH_A_CURSOR & set(names)):
            yield f"request names {name!r} together with a cursor"
    if len(dict(exchange.query).get("quotaUser", "")) > 40:
        yield "request names a quotaUser of more than 40 characters"


def _reads_as(parameter: Mapping[str, Any], value: str) -> bool:
    if "enum" in parameter:
        return value in parameter["enum"]
    match parameter["type"], parameter.get("format"):
        case "boolean", _:
            return value in {"true", "false"}
        case "integer", _:
            bounds = int(parameter.get("minimum", -(2**31))), int(parameter.get("maximum", 2**31 - 1))
            return re.fullmatch(r"-?\d+", value) is not None and bounds[0] <= int(value) <= bounds[1]
        case _, "date-time":
            return re.fullmatch(_INSTANT, value) is not None
    return True


def _answer_faults(exchange: Exchange, raw: Mapping[str, Any]) -> Iterator[str]:
    wrong: list[str] = []
    if exchange.status in (200, 204) and "response" not in raw:
        if exchange.answer:
            yield "answer has a body, which this method does not have"
        return
    value = parsed(exchange.answer, exchange.answer_headers.get("content-type", ""), "answer", wrong)
    yield from wrong
    if wrong:
        return
    if exchange.status != 200:
        yield from misfits(Draft202012Validator(_ERROR), value, "answer")
        if value.get("error", {}).get("code") != exchange.status:
            yield f"answer $.error.code is {value.get('error', {}).get('code')!r}"
        return
    yield from misfits(validator(raw["response"]["$ref"], "", False), value, "answer")
    if raw["id"] == "calendar.events.list" and "fields" not in dict(exchange.query):
        if ("nextPageToken" in value) == ("nextSyncToken" in value) and "orderBy" not in dict(exchange.query):
            yield "answer names the next page and the cursor, or neither"
        for event in value.get("items", ()):
            yield from _event_faults(event)


def _event_faults(event: Mapping[str, Any]) -> Iterator[str]:
    """What is guaranteed of a listed event (discovery document, `Event.status`)."""
    if event.get("status") != "cancelled":
        required = {"kind", "etag", "id", "status", "start", "end", "updated"}
    elif "recurringEventId" in event:
        required = {"id", "recurringEventId", "originalStartTime"}
    else:
        required = {"id"}
    for name in sorted(required - set(event)):
        yield f"answer lists an event without {name!r}"


# --- the document -----------------------------------------------------------------------------------------------------


@cache
def _document() -> dict[str, Any]:
    path = resources.files("googleapiclient") / "discovery_cache" / "documents" / "calendar.v3.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


@cache
def _methods() -> tuple[_Method, ...]:
    document = _document()
    found = [
        _Method(raw["id"], re.compile(f"/{document['servicePath']}{re.sub(r'{[^}]+}', '[^/]+', raw['path'])}"), raw)
        for resource in document["resources"].values()
        for raw in resource["methods"].values()
    ]
    return tuple(sorted(found, key=lambda one: one.pattern.pattern.count("[^/]+")))


def _find(exchange: Exchange) -> _Method | None:
    fitting = (one for one in _methods() if one.raw["httpMethod"] == exchange.method)
    return next((one for one in fitting if one.pattern.fullmatch(exchange.path)), None)


@cache
def validator(name: str, method: str, nulls: bool) -> Draft202012Validator:
    """A schema of the document; `method` adds what must be there in a request, `nulls` allows null for any member."""
    named = {each: _schema(raw, method, nulls) for each, raw in _document()["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": named})


def _schema(raw: Mapping[str, Any], method: str, nulls: bool) -> dict[str, Any]:
    """JSON Schema for a schema of the discovery document (page "Using the Google API Discovery Service")."""
    if "$ref" in raw:
        return {"$ref": f"#/$defs/{raw['$ref']}"}
    match raw.get("type"):
        case "any":
            return {}
        case "object":
            return _object(raw, method, nulls)
        case "array":
            return {"type": "array", "items": _schema(raw["items"], method, nulls)}
        case kind:
            return dict(_FORMATS.get(raw.get("format", ""), {"type": kind}))


def _object(raw: Mapping[str, Any], method: str, nulls: bool) -> dict[str, Any]:
    members = {name: _member(name, each, method, nulls) for name, each in raw.get("properties", {}).items()}
    rest = _schema(raw["additionalProperties"], method, nulls) if "additionalProperties" in raw else False
    required = [
        name
        for name, each in raw.get("properties", {}).items()
        if method and method in each.get("annotations", {}).get("required", ())
    ]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": rest}


def _member(name: str, raw: Mapping[str, Any], method: str, nulls: bool) -> dict[str, Any]:
    found = _schema(raw, method, nulls)
    if name == "kind" and "default" in raw:
        found = {"const": raw["default"]}
    elif name == "params":
        found = closed({"ttl": {"type": "string", "pattern": r"^\d+$"}})
    elif name == "dateTime":
        found = {"type": "string", "pattern": _LOCAL}
    return {"anyOf": [found, {"type": "null"}]} if nulls else found
