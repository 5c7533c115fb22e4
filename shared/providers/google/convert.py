"""Google's JSON and our values, both ways. Pure: nothing here makes a call.

Reading: `read_page` for the items of a listing, `read_event` and `read_override` for single records; they raise
`ValueError` for a record that cannot be understood (`read_page` reports it as `Unreadable` instead). The text of a
private event stops here: it is left out before anything else sees it.

Writing: `write_event` for an insert, `write_fields` for a patch, in which None clears a value. What can be written at
all is the business of `projection`.

Quirks and their source (Google's "Events" resource unless said otherwise):

* `end` is exclusive; a whole day has `date` only, and its zone means nothing. A series must have a `timeZone` (IANA).
* A cancelled record with `recurringEventId` is an occurrence that does not take place; any other is a deleted event
  and carries little more than its id.
* `dateTime` always has an offset, `timeZone` may be missing: then the calendar's zone holds (events.list, `timeZone`).
* `confidential` "is provided for compatibility reasons" and shown as private.
* Patching replaces arrays as a whole (page "Patch semantics"), so attendees are merged into what Google holds.
* A person's own `declined` frees the time (as in free/busy), although `transparency` stays opaque.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.calendar.recurrence import normalize, original_start_key
from shared.calendar.timezones import from_utc, is_zone, to_utc
from shared.errors import EventRejected
from shared.model import (
    CANCELLED,
    WITHHELD,
    Attendee,
    Change,
    Content,
    EventStatus,
    OriginalStart,
    Override,
    Privacy,
    Reminder,
    Reminders,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Response,
    Series,
    ShowAs,
    Span,
    Unreadable,
    Visibility,
    When,
    ZonedTime,
)

Json = Mapping[str, Any]

TAG: Final = "lockstepEvent"
"""The private extended property that names the app's event; it lies on this calendar's copy alone."""

MOST_REMINDERS: Final = 5

UNREADABLE: Final = (KeyError, ValueError, TypeError, AttributeError, OverflowError)
_RESPONSES: Final = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentative": Response.TENTATIVE,
}
_RESPONSE_WORDS: Final = {ours: theirs for theirs, ours in _RESPONSES.items()}


# --- reading -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """The records of one page that belong to one event."""

    master: Json | None = None
    exceptions: list[Json] = field(default_factory=list)


def read_page(items: Iterable[Any], *, zone: str, privacy: Privacy) -> tuple[Change, ...]:
    """The changes in a listing, exceptions under their series whichever of them came first. `zone`: the calendar's."""
    groups: dict[str, _Group] = {}
    changes: list[Change] = []
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            changes.append(Unreadable("", "Google listed something that has no id."))
            continue
        master_id = item.get("recurringEventId")
        group = groups.setdefault(str(master_id or item["id"]), _Group())
        if master_id:
            group.exceptions.append(item)
        else:
            group.master = item
    for remote_id, group in groups.items():
        changes.extend(_read_group(remote_id, group, zone, privacy))
    return tuple(changes)


def _read_group(remote_id: str, group: _Group, zone: str, privacy: Privacy) -> list[Change]:
    if group.master is not None and is_cancelled(group.master):
        return [Removed(remote_id)]
    readable: list[Json] = []
    changes: list[Change] = []
    for exception in group.exceptions:
        try:
            read_override(exception, zone=zone, withhold=True)
            readable.append(exception)
        except UNREADABLE as error:
            reason = f"An occurrence could not be read: {type(error).__name__} in {_where(exception)}."
            changes.append(Unreadable(remote_id, reason))
    try:
        if group.master is not None:
            changes.insert(0, read_event(group.master, zone=zone, privacy=privacy, exceptions=readable))
        elif readable:
            changes.insert(0, read_occurrences(remote_id, readable, zone=zone, privacy=privacy))
    except UNREADABLE as error:
        return [Unreadable(remote_id, f"The event could not be read: {type(error).__name__}.")]
    return changes


def _where(exception: Json) -> str:
    """Which occurrence, without any of its text."""
    start = exception.get("originalStartTime")
    return "its original start" if not isinstance(start, Mapping) or not start else "its fields"


def read_event(raw: Json, *, zone: str, privacy: Privacy, exceptions: Sequence[Json] = ()) -> RemoteEvent:
    """An event with those of its occurrences that were reported. Raises `ValueError` and its like."""
    withheld = privacy is Privacy.BUSY_ONLY or any(_is_private(record) for record in (raw, *exceptions))
    return RemoteEvent(
        remote_id=raw["id"],
        etag=raw.get("etag", ""),
        updated_at=_instant(raw.get("updated")),
        content=_read_content(raw, zone, withhold=withheld),
        recurrence=normalize(raw.get("recurrence") or ()),
        overrides=_read_overrides(exceptions, zone, withheld),
        withheld=withheld,
        tag=_tag(raw),
    )


def read_occurrences(remote_id: str, exceptions: Sequence[Json], *, zone: str, privacy: Privacy) -> RemoteEvent:
    """Occurrences of a series that was not itself reported."""
    withheld = privacy is Privacy.BUSY_ONLY or any(_is_private(record) for record in exceptions)
    return RemoteEvent(
        remote_id=remote_id,
        updated_at=max((at for record in exceptions if (at := _instant(record.get("updated")))), default=None),
        overrides=_read_overrides(exceptions, zone, withheld),
        withheld=withheld,
        tag=next((tag for record in exceptions if (tag := _tag(record))), None),
    )


def read_override(raw: Json, *, zone: str, withhold: bool) -> tuple[OriginalStart, RemoteOverride]:
    """One occurrence and which one it is. A cancelled one carries only its ids and its original start."""
    key = original_start_key(_read_when(raw["originalStartTime"], zone))
    value: Override = CANCELLED
    if not is_cancelled(raw):
        value = _read_content(raw, zone, withhold=withhold or _is_private(raw))
    return key, RemoteOverride(raw["id"], raw.get("etag", ""), value)


def is_cancelled(raw: Json) -> bool:
    return raw.get("status") == "cancelled"


def needs_zone(raw: Json) -> bool:
    """Whether a time in the record has no zone of its own, so that the calendar's must be known."""
    times = (raw.get(name) for name in ("start", "end", "originalStartTime"))
    return any(isinstance(time, Mapping) and "dateTime" in time and not time.get("timeZone") for time in times)


def _read_overrides(exceptions: Iterable[Json], zone: str, withheld: bool) -> Mapping[OriginalStart, RemoteOverride]:
    return MappingProxyType(dict(read_override(record, zone=zone, withhold=withheld) for record in exceptions))


def _read_content(raw: Json, zone: str, *, withhold: bool) -> Content:
    content = Content(
        span=Span(_read_when(raw["start"], zone), _read_when(raw["end"], zone)),
        visibility=_read_visibility(raw),
        show_as=ShowAs.FREE if raw.get("transparency") == "transparent" or _declined(raw) else ShowAs.BUSY,
        status=EventStatus.TENTATIVE if raw.get("status") == "tentative" else EventStatus.CONFIRMED,
        reminders=_read_reminders(raw.get("reminders")),
    )
    if withhold:
        return content
    return replace(
        content,
        title=str(raw.get("summary") or ""),
        description=str(raw.get("description") or ""),
        location=str(raw.get("location") or ""),
        attendees=in_order(_read_attendee(one) for one in raw.get("attendees") or () if one.get("email")),
    )


def _read_when(raw: Json, zone: str) -> When:
    if raw.get("date"):
        return date.fromisoformat(raw["date"])
    parsed = datetime.fromisoformat(raw["dateTime"]).replace(microsecond=0)
    name = raw.get("timeZone") or zone
    if parsed.tzinfo is None:
        return from_utc(to_utc(ZonedTime(parsed, name)), name)
    # A custom zone of an imported calendar: the instant is certain, the zone is not.
    return from_utc(parsed, name if is_zone(name) else "UTC")


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _read_visibility(raw: Json) -> Visibility:
    """A visibility that is not known here is taken as private: rather too little is read than too much."""
    try:
        return Visibility(raw.get("visibility") or "default")
    except ValueError:
        return Visibility.PRIVATE


def _is_private(raw: Json) -> bool:
    return _read_visibility(raw) in WITHHELD


def _declined(raw: Json) -> bool:
    return any(one.get("self") and one.get("responseStatus") == "declined" for one in raw.get("attendees") or ())


def _read_attendee(raw: Json) -> Attendee:
    return Attendee(
        email=str(raw["email"]).lower(),
        name=str(raw.get("displayName") or ""),
        response=_RESPONSES.get(raw.get("responseStatus", ""), Response.NEEDS_ACTION),
        optional=bool(raw.get("optional")),
    )


def _read_reminders(raw: Json | None) -> Reminders:
    if raw is None or raw.get("useDefault"):
        return None
    return soonest_first(
        Reminder(int(one["minutes"]), one["method"])
        for one in raw.get("overrides") or ()
        if one.get("method") in ("popup", "email")
    )


def _tag(raw: Json) -> str | None:
    tag = ((raw.get("extendedProperties") or {}).get("private") or {}).get(TAG)
    return tag if isinstance(tag, str) else None


# --- writing -------------------------------------------------------------------------------------------------------


def write_event(series: Series, *, remote_id: str, event_id: str) -> dict[str, Any]:
    """The body of an insert: the series without its overrides, marked as the copy of the app's event."""
    content = series.content
    body: dict[str, Any] = {
        "id": remote_id,
        "start": _write_when(content.span.start),
        "end": _write_when(content.span.end),
        "summary": content.title,
        "status": content.status.value,
        "visibility": content.visibility.value,
        "transparency": _write_show_as(content.show_as),
        "reminders": _write_reminders(content.reminders),
        "extendedProperties": {"private": {TAG: event_id}},
    }
    if content.description:
        body["description"] = content.description
    if content.location:
        body["location"] = content.location
    if content.attendees:
        body["attendees"] = merge_attendees((), content.attendees)
    if series.recurrence:
        body["recurrence"] = list(series.recurrence)
    return body


def write_fields(fields: Mapping[str, Any], *, held: Json = MappingProxyType({})) -> dict[str, Any]:
    """The body of a patch of some of `SERIES_FIELDS`. `held`: the record as Google has it, needed for attendees."""
    body: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "span":
                body["start"], body["end"] = (_patch_when(when) for when in (value.start, value.end))
            case "title":
                body["summary"] = value or None
            case "description" | "location":
                body[name] = value or None
            case "visibility" | "status":
                body[name] = value.value
            case "show_as":
                body["transparency"] = _write_show_as(value)
            case "attendees":
                body["attendees"] = merge_attendees(held.get("attendees") or (), value)
            case "reminders":  # objects are merged: overrides that stay beside `useDefault` are refused
                body["reminders"] = {"overrides": []} | _write_reminders(value)
            case "recurrence":
                body["recurrence"] = list(value)
            case _:
                raise ValueError(f"There is no field {name!r}.")
    return body


def merge_attendees(held: Sequence[Json], wanted: Iterable[Attendee]) -> list[dict[str, Any]]:
    """The whole list to write: what we own of each attendee over what Google holds of the same address, so that a
    guest's comment and additional guests outlive our edit. `self` and `organizer` are read-only and left out."""
    known = {str(one.get("email", "")).lower(): one for one in held}
    merged = []
    for attendee in wanted:
        kept = {k: v for k, v in known.get(attendee.email.lower(), {}).items() if k not in ("self", "organizer")}
        ours = {
            "email": attendee.email,
            "displayName": attendee.name,
            "responseStatus": _RESPONSE_WORDS[attendee.response],
            "optional": attendee.optional,
        }
        merged.append(kept | {k: v for k, v in ours.items() if v or k in kept})
    return merged


def _write_when(when: When) -> dict[str, str]:
    if not isinstance(when, ZonedTime):
        return {"date": when.isoformat()}
    if not is_zone(when.zone):
        raise EventRejected("The event's time zone is not known.", code="unknown_time_zone")
    instant = to_utc(when).astimezone(ZoneInfo(when.zone))
    return {"dateTime": instant.isoformat(timespec="seconds"), "timeZone": when.zone}


def _patch_when(when: When) -> dict[str, str | None]:
    """With the other form's members cleared, since a patch would leave them standing beside the new ones."""
    return {"date": None, "dateTime": None, "timeZone": None} | _write_when(when)


def _write_show_as(show_as: ShowAs) -> str:
    return "transparent" if show_as is ShowAs.FREE else "opaque"


def _write_reminders(reminders: Reminders) -> dict[str, Any]:
    if reminders is None:
        return {"useDefault": True}
    return {"useDefault": False, "overrides": [{"method": one.method, "minutes": one.minutes} for one in reminders]}


# --- normal forms: Google promises no order, so two equal lists must read the same -----------------------------------


def in_order(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    by_address: dict[str, Attendee] = {}
    for attendee in attendees:
        by_address.setdefault(attendee.email, attendee)
    return tuple(by_address[email] for email in sorted(by_address))


def soonest_first(reminders: Iterable[Reminder]) -> tuple[Reminder, ...]:
    return tuple(sorted(set(reminders), key=lambda one: (one.minutes, one.method))[:MOST_REMINDERS])
