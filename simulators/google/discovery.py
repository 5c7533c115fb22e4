"""What Google's own discovery document says of Calendar v3: which calls exist, what each may carry.

`find_method` names the call behind a verb and path; `check_query` and `check_body` refuse what the document does not
know, with 400. The document comes from the installed google-api-python-client, so the simulator cannot drift from it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

from simulators.google import errors, times
from simulators.google.wire import Json

SERVICE_PATH = "/calendar/v3/"
_INT32 = 2**31


@dataclass(frozen=True)
class Method:
    """One call: `name` as in `events.list`, the scopes of which one is enough, and the shape of its body."""

    name: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Json]
    request_schema: str | None
    response_schema: str | None
    scopes: frozenset[str]


@lru_cache(maxsize=1)
def document() -> Json:
    path = resources.files("googleapiclient") / "discovery_cache" / "documents" / "calendar.v3.json"
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def methods() -> tuple[Method, ...]:
    found = []
    for resource_name, resource in document()["resources"].items():
        for method_name, raw in resource["methods"].items():
            template = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", raw["path"])
            found.append(
                Method(
                    name=f"{resource_name}.{method_name}",
                    verb=raw["httpMethod"],
                    pattern=re.compile(f"^{SERVICE_PATH}{template}$"),
                    parameters=raw.get("parameters", {}),
                    request_schema=raw.get("request", {}).get("$ref"),
                    response_schema=raw.get("response", {}).get("$ref"),
                    scopes=frozenset(raw.get("scopes", [])),
                )
            )
    # A literal path ("events/import") must be tried before a template ("events/{eventId}").
    return tuple(sorted(found, key=lambda m: m.pattern.pattern.count("?P<")))


def find_method(verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
    for method in methods():
        match = method.pattern.match(path) if method.verb == verb else None
        if match:
            return method, match.groupdict()
    return None


def check_query(method: Method, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The query as typed values: bool, int, str, or a list for a parameter that may repeat."""
    known = {n: p for n, p in method.parameters.items() if p.get("location") == "query"} | document()["parameters"]
    typed: dict[str, Any] = {}
    for name, values in query.items():
        if name not in known:
            raise errors.invalid(f'Unknown name "{name}": Cannot bind query parameter.', name)
        parameter = known[name]
        if not parameter.get("repeated") and len(values) > 1:
            raise errors.invalid(f"Parameter {name} may be given once only.", name)
        read = [_query_value(name, parameter, value) for value in values]
        typed[name] = read if parameter.get("repeated") else read[0]
    for name, parameter in known.items():
        if parameter.get("required") and name not in typed:
            raise errors.required(f"Required parameter: {name}", name)
    return typed


def _query_value(name: str, parameter: Json, value: str) -> Any:
    kind = parameter["type"]
    if "enum" in parameter and value not in parameter["enum"]:
        raise errors.invalid(f"Invalid value '{value}'. Values must match one of {parameter['enum']}.", name)
    if kind == "boolean":
        if value not in {"true", "false"}:
            raise errors.invalid(f"Invalid boolean value: '{value}'.", name)
        return value == "true"
    if kind == "integer":
        if not re.fullmatch(r"-?\d{1,10}", value):
            raise errors.invalid(f"Invalid integer value: '{value}'.", name)
        number = int(value)
        if number < int(parameter.get("minimum", -_INT32)) or number > int(parameter.get("maximum", _INT32 - 1)):
            raise errors.invalid(f"Invalid value '{value}'. Value out of range.", name)
        return number
    if parameter.get("format") == "date-time" and not times.is_instant(value):
        raise errors.bad_request(f"Bad Request: {name} must be RFC 3339 with a time zone offset.")
    return value


def check_body(schema_name: str, value: Any) -> Json:
    """The body as it came; unknown members and wrong types are refused. A null is allowed anywhere."""
    if not isinstance(value, dict):
        raise parse_error()
    fault = schema_fault({"$ref": schema_name}, value, "")
    if fault:
        raise errors.invalid(fault)
    return value


def parse_error() -> errors.ApiError:
    return errors.ApiError(400, "parseError", "Parse Error")


def schema_fault(schema: Json, value: Any, where: str) -> str | None:
    """The first thing in `value` that the schema does not allow, in words, or None."""
    if "$ref" in schema:
        schema = document()["schemas"][schema["$ref"]]
    kind = schema.get("type", "object")
    if value is None or kind == "any":
        return None
    if kind == "object":
        return _object_fault(schema, value, where)
    if kind == "array":
        if not isinstance(value, list):
            return f"Invalid value at '{where}': an array is wanted."
        faults = (schema_fault(schema["items"], item, f"{where}[{i}]") for i, item in enumerate(value))
        return next((fault for fault in faults if fault), None)
    return _scalar_fault(kind, schema, value, where)


def _object_fault(schema: Json, value: Any, where: str) -> str | None:
    if not isinstance(value, dict):
        return f"Invalid value at '{where}': an object is wanted."
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for name, member in value.items():
        inner = properties.get(name, extra)
        if inner is None:
            return f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field."
        fault = schema_fault(inner, member, f"{where}.{name}" if where else name)
        if fault:
            return fault
    return None


def _scalar_fault(kind: str, schema: Json, value: Any, where: str) -> str | None:
    form = schema.get("format")
    if kind == "boolean":
        fits = isinstance(value, bool)
    elif kind == "integer":
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INT32
    elif kind == "number":
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif form == "int64":
        # The document says string, the guide shows a number; Google takes both.
        fits = re.fullmatch(r"-?\d+", str(value)) is not None and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and _text_fits(form, value)
    return None if fits else f"Invalid value at '{where}': {kind}{f' ({form})' if form else ''} is wanted."


def _text_fits(form: str | None, value: str) -> bool:
    if form == "date-time":
        return times.is_event_time(value)
    if form == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            return False
        return len(value) == 10
    return True
