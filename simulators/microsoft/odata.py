"""The OData query parameters, as far as Outlook knows them: `$select`, `$expand`, `$filter`, `$orderby`, paging.

Filters are clauses joined by `and`: comparisons of a member, or `singleValueExtendedProperties/Any(ep: …)`. Whatever
else is asked for is refused.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from simulators.common.wire import Json
from simulators.microsoft import errors
from simulators.microsoft.event_body import PROPERTY, property_key

_CLAUSE = re.compile(r"^\(?\s*([A-Za-z/]+)\s+(eq|ne|ge|gt|le|lt)\s+('(?:[^']|'')*'|[^\s']+)\s*\)?$")
_ANY = re.compile(
    r"^singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id\s+eq\s+'((?:[^']|'')*)'\s+and\s+\1/value\s+eq\s+"
    r"'((?:[^']|'')*)'\s*\)$",
    re.IGNORECASE,
)
_IN_EXPAND = re.compile(r"id\s+eq\s+'((?:[^']|'')*)'")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT")
_SORTED = frozenset({"start/dateTime", "end/dateTime", "subject", "lastModifiedDateTime", "createdDateTime"})
_EXPANDED = frozenset({"singleValueExtendedProperties", "exceptionOccurrences", "calendar", "instances", "extensions"})

Test = Callable[[Json, dict[str, str]], bool]
"""Takes an event as JSON in UTC and its extended properties."""


def check(query: Iterable[str], allowed: Iterable[str]) -> None:
    for name in query:
        if name not in allowed:
            raise errors.bad_query(f"The query parameter '{name}' is not supported for this request.")


def names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def selected(value: Json, wanted: list[str]) -> Json:
    if not wanted:
        return value
    kept = {"@odata.etag", "id", *wanted}
    return {name: member for name, member in value.items() if name in kept or name in {"singleValueExtendedProperties"}}


def expansions(text: str | None) -> list[tuple[str, str]]:
    """`[(name, what stands in its brackets)]`."""
    found = []
    for part in _split(text or ""):
        name, _, inner = part.partition("(")
        if name not in _EXPANDED:
            raise errors.bad_query(f"'{name}' cannot be expanded.")
        found.append((name, inner.removesuffix(")")))
    return found


def property_ids(inner: str) -> set[str]:
    """The ids in `$filter=id eq '…' or id eq '…'`."""
    if not inner.startswith("$filter="):
        raise errors.bad_query("singleValueExtendedProperties is expanded with $filter=id eq '…' only.")
    wanted = [text.replace("''", "'") for text in _IN_EXPAND.findall(inner)]
    if not wanted or any(not PROPERTY.match(text) for text in wanted):
        raise errors.GraphError(400, "ErrorInvalidProperty", "The extended property's id cannot be read.")
    return {property_key(text) for text in wanted}


def tests(text: str | None) -> list[Test]:
    if not text:
        return []
    return [_test(part) for part in _clauses(text)]


def sort(found: list[Json], text: str | None) -> list[Json]:
    if not text:
        return found
    path, _, way = text.strip().partition(" ")
    if path not in _SORTED or way.strip().lower() not in {"", "asc", "desc"}:
        raise errors.bad_query(f"Ordering by '{text}' is not supported.")
    return sorted(found, key=lambda event: str(_member(event, path)), reverse=way.strip().lower() == "desc")


def number(query: dict[str, str], name: str, usual: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return usual
    if not text.isdigit() or not (1 if name == "$top" else 0) <= int(text) <= most:
        raise errors.bad_query(f"Invalid value '{text}' for '{name}': 1 to {most}.")
    return int(text)


def _test(part: str) -> Test:
    found = _ANY.match(part)
    if found:
        key, value = property_key(found.group(2).replace("''", "'")), found.group(3).replace("''", "'").lower()
        return lambda _event, extended: extended.get(key, "\0").lower() == value
    clause = _CLAUSE.match(part)
    if clause is None:
        raise errors.bad_query(f"The filter clause is not supported: {part}")
    path, operator, literal = clause.groups()
    wanted = _literal(literal)
    return lambda event, _extended: _compare(_member(event, path), operator, wanted)


def _compare(held: Any, operator: str, wanted: Any) -> bool:
    if isinstance(held, str) and isinstance(wanted, str) and _TIME.match(held) and _TIME.match(wanted):
        try:
            held, wanted = _moment(held), _moment(wanted)
        except ValueError as error:
            raise errors.bad_query(f"'{wanted}' is no time.") from error
    if isinstance(held, str) and isinstance(wanted, str):
        held, wanted = held.lower(), wanted.lower()
    try:
        match operator:
            case "eq":
                return bool(held == wanted)
            case "ne":
                return bool(held != wanted)
            case "ge":
                return bool(held >= wanted)
            case "gt":
                return bool(held > wanted)
            case "le":
                return bool(held <= wanted)
        return bool(held < wanted)
    except TypeError:
        return False


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in {"true", "false"}:
        return text == "true"
    return None if text == "null" else int(text) if text.lstrip("-").isdigit() else text


def _member(event: Json, path: str) -> Any:
    value: Any = event
    for part in path.split("/"):
        if not isinstance(value, dict) or part not in value:
            raise errors.bad_query(f"Could not find a property named '{path}' on type 'microsoft.graph.event'.")
        value = value[part]
    return value


def _clauses(text: str) -> list[str]:
    """Split at `and` outside of brackets and quotes."""
    parts, depth, quoted, begun = [], 0, False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if not quoted and depth == 0 and text[place : place + 5].lower() == " and ":
            parts.append(text[begun:place])
            begun = place + 5
    return [part.strip() for part in [*parts, text[begun:]] if part.strip()]


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for letter in text:
        quoted ^= letter == "'"
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if letter == "," and depth == 0 and not quoted:
            parts.append(current.strip())
            current = ""
        else:
            current += letter
    return [part for part in [*parts, current.strip()] if part]
