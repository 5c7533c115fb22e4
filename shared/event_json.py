"""The Event JSON of the API, both ways: `to_json` and `occurrence_json` write it, the `parse_…` functions read it.

A body may hold again whatever an answer held: `origin`, `version` and the like are read past. Everything that is
wrong with a body is told at once, as a `Problem` (422) with one sentence per member.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from shared import event_fields as fields
from shared.calendar.recurrence import (
    Occurrence,
    is_occurrence,
    normalize_original_start,
    occurrence_content,
    original_start_key,
    parse_original_start,
    prune,
    shift_overrides,
    span_at,
)
from shared.calendar.timezones import from_utc
from shared.clock import to_text
from shared.errors import invalid
from shared.event_fields import Faults
from shared.model import (
    CANCELLED,
    CONTENT_FIELDS,
    Cancelled,
    Content,
    Event,
    EventStatus,
    OriginalStart,
    Override,
    Series,
    ShowAs,
    Span,
    Visibility,
    When,
    ZonedTime,
)

MOST_OVERRIDES: Final = 1_000

_CONTENT = (
    "title",
    "description",
    "location",
    "start",
    "end",
    "visibility",
    "show_as",
    "status",
    "attendees",
    "reminders",
)
_READ_ONLY = ("id", "user_id", "origin", "version", "updated_at")
_EVENT = (*_CONTENT, "recurrence", "overrides", *_READ_ONLY)
_OCCURRENCE = (*_CONTENT, "series_id", "original_start", *_READ_ONLY)
_OVERRIDE = (*_CONTENT, "original_start")

_NOTHING: Final = Content(span=Span(fields.NO_DAY, fields.NO_DAY))


# --- out -----------------------------------------------------------------------------------------------------------


def to_json(event: Event) -> dict[str, object]:
    """The event as the API shows it. A deleted one has the status `cancelled`."""
    series = event.series
    return {
        "id": event.id,
        "user_id": event.owner.user_id,
        **_content_json(series.content),
        "recurrence": list(series.recurrence),
        "overrides": [_override_json(series, key) for key in sorted(series.overrides)],
        **_record_json(event),
    }


def occurrence_json(event: Event, occurrence: Occurrence) -> dict[str, object]:
    """One occurrence, as `expand=true` lists them. `original_start` is a text that can stand in an occurrence's path:
    an instant (RFC 3339) or, for whole days, a date."""
    start = parse_original_start(occurrence.original_start)
    return {
        "id": event.id,
        "user_id": event.owner.user_id,
        "series_id": event.id if event.series.recurs else None,
        "original_start": start.isoformat().replace("+00:00", "Z"),
        **_content_json(occurrence.content),
        **_record_json(event),
    }


def _record_json(event: Event) -> dict[str, object]:
    status = {"status": "cancelled"} if event.deleted else {}
    return {**status, "origin": event.origin, "version": event.version, "updated_at": to_text(event.updated_at)}


def _content_json(content: Content) -> dict[str, object]:
    return {
        "title": content.title,
        "description": content.description,
        "location": content.location,
        "start": _when_json(content.span.start),
        "end": _when_json(content.span.end),
        "visibility": str(content.visibility),
        "show_as": str(content.show_as),
        "status": str(content.status),
        "attendees": [
            {"email": each.email, "name": each.name, "response": str(each.response), "optional": each.optional}
            for each in content.attendees
        ],
        "reminders": "default"
        if content.reminders is None
        else [{"minutes": each.minutes, "method": each.method} for each in content.reminders],
    }


def _when_json(when: When) -> dict[str, object]:
    if isinstance(when, ZonedTime):
        return {"date_time": when.local.isoformat(timespec="seconds"), "time_zone": when.zone}
    return {"date": when.isoformat()}


def _override_json(series: Series, key: OriginalStart) -> dict[str, object]:
    start = {"original_start": _when_json(_original_when(series, key))}
    override = series.overrides[key]
    return start | ({"status": "cancelled"} if isinstance(override, Cancelled) else _content_json(override))


def _original_when(series: Series, key: OriginalStart) -> When:
    named, start = parse_original_start(key), series.content.span.start
    if isinstance(named, datetime):
        return from_utc(named, start.zone if isinstance(start, ZonedTime) else "UTC")
    return named


# --- in: a whole event ---------------------------------------------------------------------------------------------


def _read_body(body: object, known: Collection[str], faults: Faults) -> fields.Json:
    members = fields.read_object(body, "", known, faults)
    if members is None:
        raise invalid(faults.found)
    return members


def parse_series(body: object) -> Series:
    """The complete event of a PUT: what is left out is at its default. Raises `Problem` (422)."""
    faults = Faults()
    members = _read_body(body, _EVENT, faults)
    for name in ("start", "end"):
        if name not in members:
            faults.add(name, "This is missing; send date_time with time_zone, or date for whole days.")
    content = _read_content(members, _NOTHING, "", faults)
    recurrence = fields.read_recurrence(members.get("recurrence"), "recurrence", faults)
    fields.check_span(content.span, recurs=bool(recurrence), path="", faults=faults)
    series = Series(content, recurrence)
    series = replace(series, overrides=_read_overrides(members.get("overrides"), series, faults))
    faults.check()
    return series


def parse_patch(body: object, current: Series) -> Series:
    """The event with the members of a PATCH; null puts a member back to its default. Raises `Problem` (422).

    A start without an end moves the whole event. What changes here also changes in the overrides that held the old
    value, and the overrides move along with their series.
    """
    faults = Faults()
    members = _read_body(body, _EVENT, faults)
    content = _read_content(members, current.content, "", faults)
    recurrence = current.recurrence
    if "recurrence" in members:
        recurrence = fields.read_recurrence(members["recurrence"], "recurrence", faults)
    if content.span != current.content.span or recurrence != current.recurrence:
        fields.check_span(content.span, recurs=bool(recurrence), path="", faults=faults)
    changed = Series(content, recurrence)
    if "overrides" in members:
        overrides = _read_overrides(members["overrides"], changed, faults)
        faults.check()
        return replace(changed, overrides=overrides)
    faults.check()
    return prune(replace(changed, overrides=_followed(current, changed)))


def _followed(before: Series, after: Series) -> Mapping[OriginalStart, Override]:
    """The overrides of `before` for the series `after`."""
    overrides = before.overrides
    if (before.content.span, before.recurrence) != (after.content.span, after.recurrence):
        overrides = shift_overrides(before, after.content.span, after.recurrence)
    names = [name for name in CONTENT_FIELDS if name != "span" and _differs(name, before.content, after.content)]

    def follow(override: Override) -> Override:
        if isinstance(override, Cancelled):
            return override
        taken = {name: getattr(after.content, name) for name in names if not _differs(name, override, before.content)}
        return replace(override, **taken)

    return MappingProxyType({key: follow(override) for key, override in overrides.items()})


def _differs(name: str, one: Content, other: Content) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


# --- in: one occurrence --------------------------------------------------------------------------------------------


def parse_occurrence_patch(body: object, series: Series, original_start: OriginalStart) -> Content:
    """The content of one occurrence after a PATCH. Raises `Problem` (422).

    A cancelled occurrence comes back only if the body says its status.
    """
    faults = Faults()
    members = _read_body(body, _OCCURRENCE, faults)
    override = series.overrides.get(original_start)
    base = override if isinstance(override, Content) else occurrence_content(series, original_start)
    content = _read_content(members, base, "", faults)
    if isinstance(override, Cancelled) and "status" not in members:
        faults.add("status", "This occurrence is cancelled; send the status confirmed as well to bring it back.")
    if content.span != base.span:
        fields.check_span(content.span, recurs=True, path="", faults=faults)
    faults.check()
    return content


def _read_overrides(value: object, series: Series, faults: Faults) -> Mapping[OriginalStart, Override]:
    items = fields.read_list(value, "overrides", MOST_OVERRIDES, faults)
    if items and not series.recurs and not faults.within("recurrence"):
        faults.add("overrides", "Only an event with recurrence has occurrences; leave the overrides out.")
    overrides: dict[OriginalStart, Override] = {}
    for index, item in enumerate(items):
        path = f"overrides[{index}]"
        members = fields.read_object(item, path, _OVERRIDE, faults)
        if members is None:
            continue
        key = _read_original_start(members.get("original_start"), f"{path}.original_start", faults)
        if key in overrides:
            faults.add(f"{path}.original_start", "There is another override for this occurrence; keep one of them.")
        elif key and _is_known(series, key, f"{path}.original_start", faults):
            overrides[key] = _read_override(members, occurrence_content(series, key), path, faults)
    return MappingProxyType(overrides)


def _read_override(members: fields.Json, base: Content, path: str, faults: Faults) -> Override:
    """What is left out follows the series."""
    if members.get("status") == "cancelled":
        return CANCELLED
    content = _read_content(members, base, path, faults)
    fields.check_span(content.span, recurs=True, path=path, faults=faults)
    return content


def _is_known(series: Series, key: OriginalStart, path: str, faults: Faults) -> bool:
    """Whether the series has that occurrence; unsaid while the series itself is at fault."""
    if any(faults.within(name) for name in ("start", "end", "recurrence")) or not series.recurs:
        return False
    if is_occurrence(series, key):
        return True
    faults.add(path, "The recurrence gives no occurrence that begins then; name the start it had before it was moved.")
    return False


def _read_original_start(value: object, path: str, faults: Faults) -> OriginalStart:
    """The key; the form of `start` is read, and the text that a path would take."""
    if isinstance(value, str):
        try:
            return normalize_original_start(value)
        except ValueError as fault:
            faults.add(path, str(fault))
            return ""
    when = fields.read_when(value, path, faults)
    return "" if faults.within(path) else original_start_key(when)


# --- in: content ---------------------------------------------------------------------------------------------------


def _read_content(members: fields.Json, base: Content, path: str, faults: Faults) -> Content:
    """`base` with the given members."""
    prefix = f"{path}." if path else ""
    given: dict[str, object] = {}
    for name, most in (
        ("title", fields.MOST_TITLE),
        ("description", fields.MOST_DESCRIPTION),
        ("location", fields.MOST_LOCATION),
    ):
        if name in members:
            given[name] = fields.read_text(members[name], f"{prefix}{name}", most, faults)
    for name, default in (
        ("visibility", Visibility.DEFAULT),
        ("show_as", ShowAs.BUSY),
        ("status", EventStatus.CONFIRMED),
    ):
        if name in members:
            given[name] = fields.read_choice(members[name], f"{prefix}{name}", default, faults)
    if "attendees" in members:
        given["attendees"] = fields.read_attendees(members["attendees"], f"{prefix}attendees", faults)
    if "reminders" in members:
        given["reminders"] = fields.read_reminders(members["reminders"], f"{prefix}reminders", faults)
    given["span"] = _read_span(members, base.span, prefix, faults)
    return replace(base, **given)  # type: ignore[arg-type]


def _read_span(members: fields.Json, base: Span, prefix: str, faults: Faults) -> Span:
    """A start alone moves the span, an end alone lengthens it."""
    start = fields.read_when(members["start"], f"{prefix}start", faults) if "start" in members else base.start
    if "end" in members:
        return Span(start, fields.read_when(members["end"], f"{prefix}end", faults))
    if "start" not in members or faults.within(f"{prefix}start"):
        return base
    if isinstance(start, ZonedTime) == isinstance(base.start, ZonedTime):
        return span_at(base, start)
    return Span(start, base.end)
