"""Graph's event JSON and our values, both ways. Pure: nothing here makes a call.

Reading: `read_event` for a single event or a series with its exceptions, `read_override` for one occurrence; they raise
one of `UNREADABLE` for a record that cannot be understood. The text of a private event stops here: it is left out
before anything else sees it.

Writing: `write_event` for a POST, `write_fields` for a PATCH. What can be written at all is the business of
`projection`.

Quirks and their source (Graph's resource type "event" unless said otherwise):

* Times come in UTC as each request asks (`Prefer: outlook.timezone`), a PATCH's answer always does;
  `originalStartTimeZone` is the zone they were written in, `tzone://Microsoft/Custom` for one that has no name.
* A whole day begins and ends at midnight, whatever zone it says; `end` is exclusive. `originalStart` is an instant.
* `cancelledOccurrences` holds ids `OID.<series>.<day>`; they come only with a GET that selects them.
* There is one reminder and no word for "the calendar's default": fifteen minutes are what Outlook itself sets.
* Extended properties are in no answer but that of a GET that expands them, and in no delta.
* A PATCH of the body of an online meeting without its join link ends the online meeting: such a body is left alone.
* An empty list of attendees is never written: it is what a connection that invites nobody makes of any list, and would
  send cancellations to guests whom somebody invited in Outlook.
* A cancelled meeting stays in its guests' calendars, marked `isCancelled`: nothing takes place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from shared.calendar.recurrence import is_occurrence, original_start_key
from shared.calendar.timezones import from_utc, is_zone, to_utc
from shared.errors import EventRejected
from shared.model import (
    CANCELLED,
    WITHHELD,
    Attendee,
    Content,
    OriginalStart,
    Override,
    Privacy,
    Reminder,
    Reminders,
    RemoteEvent,
    RemoteOverride,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    When,
    ZonedTime,
)
from shared.providers.microsoft import body, recurrence
from shared.providers.microsoft.zones import to_iana, to_windows

Json = Mapping[str, Any]

UNREADABLE: Final = (KeyError, ValueError, TypeError, AttributeError, OverflowError)

_NAMESPACE: Final = "{8f1d9f5e-6a4b-4c7e-9d57-3c1b6f0a2e94}"
TAG: Final = f"String {_NAMESPACE} Name lockstepEvent"
"""Our mark on a copy: which of the app's events it is of, and what Graph has no place for (see `Mark`)."""

COPY: Final = f"String {_NAMESPACE} Name lockstepCopy"
"""What a copy is found by: a hash of the key it was created under."""

INCARNATIONS: Final = 8
"""How often one copy may be deleted by hand and made anew."""

DEFAULT_REMINDER: Final = 15
LONGEST_REMINDER: Final = 40_320
_TRANSACTION: Final = "lockstep-"
_SHOW_AS: Final = {"free": ShowAs.FREE, "tentative": ShowAs.TENTATIVE}
_SENSITIVITY: Final = {
    "normal": Visibility.DEFAULT,
    "personal": Visibility.PRIVATE,
    "private": Visibility.PRIVATE,
    "confidential": Visibility.CONFIDENTIAL,
}
_SENSITIVITY_WORDS: Final = {Visibility.PRIVATE: "private", Visibility.CONFIDENTIAL: "confidential"}
_RESPONSES: Final = {
    "accepted": Response.ACCEPTED,
    "organizer": Response.ACCEPTED,
    "declined": Response.DECLINED,
    "tentativelyAccepted": Response.TENTATIVE,
}


# --- our mark ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """What our extended property says: the app's event; the IANA zones of start and end, since several share a Windows
    name; the occurrences that the series' EXDATE lines leave out, since Graph knows deleted occurrences only."""

    event: str | None = None
    zones: tuple[str, str] = ("", "")
    without: tuple[OriginalStart, ...] = ()

    def encode(self) -> str:
        fields = {"event": self.event, "zones": [*self.zones], "without": [*self.without]}
        return json.dumps(fields, separators=(",", ":"))


def read_mark(raw: Json) -> Mark:
    """The mark of a record that was read with its extended properties; an empty one for anything else."""
    for item in raw.get("singleValueExtendedProperties") or ():
        if item.get("id") != TAG:
            continue
        try:
            fields = json.loads(item["value"])
            start, end = (str(zone) for zone in fields["zones"])
            return Mark(str(fields["event"]), (start, end), tuple(str(key) for key in fields["without"]))
        except UNREADABLE:
            return Mark()
    return Mark()


def transaction_ids(key: str) -> Iterator[str]:
    """The `transactionId`s that a copy has one after the other: a deleted event's may be remembered."""
    for incarnation in range(INCARNATIONS):
        yield f"{_TRANSACTION}{sha256(f'{key}/{incarnation}'.encode()).hexdigest()[:40]}"


def copy_name(key: str) -> str:
    """The value of `COPY` for a key."""
    return sha256(key.encode()).hexdigest()[:40]


def is_ours(raw: Json) -> bool:
    """Whether this app created the record. An event that somebody duplicates has no `transactionId` of ours."""
    return str(raw.get("transactionId") or "").startswith(_TRANSACTION)


def _properties(mark: Mark) -> list[dict[str, str]]:
    return [{"id": TAG, "value": mark.encode()}]


# --- reading -------------------------------------------------------------------------------------------------------


def read_event(raw: Json, *, privacy: Privacy, occurrences: Sequence[Json] = ()) -> RemoteEvent:
    """An event with its exceptions and deleted occurrences, and with `occurrences` that were read beside it. Raises one
    of `UNREADABLE`."""
    exceptions = [*occurrences, *(raw.get("exceptionOccurrences") or ())]
    withheld = privacy is Privacy.BUSY_ONLY or any(_is_private(record) for record in (raw, *exceptions))
    mark = read_mark(raw)
    kept = mark.zones if is_ours(raw) else ("", "")
    span = _read_span(raw, kept)
    lines: tuple[str, ...] = ()
    overrides: dict[OriginalStart, RemoteOverride] = {}
    if raw.get("recurrence"):
        span, lines = recurrence.from_pattern(recurrence.read(raw["recurrence"]), span)
        gone = dict(_deleted(raw, Series(Content(span=span), lines)))
        lines = recurrence.with_exclusions(lines, tuple(key for key in sorted(gone) if key in mark.without))
        overrides = {key: item for key, item in gone.items() if key not in mark.without}
        for record in exceptions:
            key, item = read_override(record, series_span=span, withhold=withheld, kept=kept)
            overrides[key] = item
    return RemoteEvent(
        remote_id=str(raw["id"]),
        etag=str(raw.get("@odata.etag") or ""),
        updated_at=_instant(raw.get("lastModifiedDateTime")),
        content=replace(_read_content(raw, kept, withhold=withheld), span=span),
        recurrence=lines,
        overrides=MappingProxyType(overrides),
        complete="exceptionOccurrences" in raw and "cancelledOccurrences" in raw,
        withheld=withheld,
        tag=mark.event,
    )


def read_override(
    raw: Json, *, series_span: Span, withhold: bool, kept: tuple[str, str]
) -> tuple[OriginalStart, RemoteOverride]:
    """One occurrence and which one it is. `series_span`: its series', which says whether it is known by day or time."""
    value: Override = CANCELLED
    if not is_cancelled(raw):
        value = _read_content(raw, kept, withhold=withhold or _is_private(raw))
    key = original_key(raw, series_span)
    return key, RemoteOverride(str(raw["id"]), str(raw.get("@odata.etag") or ""), value)


def original_key(raw: Json, series_span: Span) -> OriginalStart:
    """Which occurrence a record is. Raises one of `UNREADABLE`."""
    text = raw.get("originalStart")
    if text is None and raw.get("type") == "occurrence":
        text = f"{raw['start']['dateTime'][:19]}Z"
    instant = _instant(text)
    if instant is None:
        raise ValueError("the occurrence does not say which one it is")
    if not series_span.all_day:
        return original_start_key(ZonedTime(instant.replace(tzinfo=None, microsecond=0), "UTC"))
    if raw.get("originalStart") is None:
        return original_start_key(instant.date())
    return original_start_key(from_utc(instant, to_iana(raw.get("originalStartTimeZone"))).local.date())


def is_cancelled(raw: Json) -> bool:
    return bool(raw.get("isCancelled"))


def deleted_id(series_id: str, key_day: date) -> str:
    """What Graph calls an occurrence that was deleted (`occurrenceId`)."""
    return f"OID.{series_id}.{key_day.isoformat()}"


def deleted_keys(raw: Json) -> tuple[OriginalStart, ...]:
    """The occurrences that are deleted of a series, as far as the record says. Raises one of `UNREADABLE`."""
    span, lines = recurrence.from_pattern(recurrence.read(raw["recurrence"]), span_of(raw))
    return tuple(key for key, _ in _deleted(raw, Series(Content(span=span), lines)))


def span_of(raw: Json) -> Span:
    """The record's own time. Raises one of `UNREADABLE`."""
    return _read_span(raw, read_mark(raw).zones if is_ours(raw) else ("", ""))


def _deleted(raw: Json, series: Series) -> Iterator[tuple[OriginalStart, RemoteOverride]]:
    for identifier in raw.get("cancelledOccurrences") or ():
        day = date.fromisoformat(str(identifier).rpartition(".")[2])
        keys = [_key_on(series.content.span.start, day + timedelta(days=off)) for off in (0, -1, 1)]
        key = next((each for each in keys if is_occurrence(series, each)), None)
        if key is not None:
            yield key, RemoteOverride(str(identifier), "", CANCELLED)


def _key_on(start: When, day: date) -> OriginalStart:
    if not isinstance(start, ZonedTime):
        return original_start_key(day)
    return original_start_key(ZonedTime(datetime.combine(day, start.local.time()), start.zone))


def _read_content(raw: Json, kept: tuple[str, str], *, withhold: bool) -> Content:
    content = Content(
        span=_read_span(raw, kept),
        visibility=_read_visibility(raw),
        show_as=ShowAs.FREE if _declined(raw) else _SHOW_AS.get(str(raw.get("showAs")), ShowAs.BUSY),
        reminders=_read_reminders(raw),
    )
    if withhold:
        return content
    text = raw.get("body") or {}
    return replace(
        content,
        title=str(raw.get("subject") or ""),
        description=body.to_text(str(text.get("content") or ""), str(text.get("contentType") or "html")),
        location=str((raw.get("location") or {}).get("displayName") or ""),
        attendees=in_order(_read_attendee(one) for one in raw.get("attendees") or () if _address(one)),
    )


def _read_span(raw: Json, kept: tuple[str, str]) -> Span:
    if raw.get("isAllDay"):
        first, last = (date.fromisoformat(raw[name]["dateTime"][:10]) for name in ("start", "end"))
        return Span(first, max(last, first + timedelta(days=1)))
    return Span(
        _read_time(raw["start"], raw.get("originalStartTimeZone"), kept[0]),
        _read_time(raw["end"], raw.get("originalEndTimeZone"), kept[1]),
    )


def _read_time(raw: Json, original: str | None, kept: str) -> ZonedTime:
    local = datetime.fromisoformat(raw["dateTime"].removesuffix("Z")[:19])
    instant = to_utc(ZonedTime(local, to_iana(raw.get("timeZone"))))
    return from_utc(instant, to_iana(original or raw.get("timeZone"), kept))


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _read_visibility(raw: Json) -> Visibility:
    """A sensitivity that is not known here is taken as private: rather too little is read than too much."""
    return _SENSITIVITY.get(str(raw.get("sensitivity") or "normal"), Visibility.PRIVATE)


def _is_private(raw: Json) -> bool:
    return _read_visibility(raw) in WITHHELD


def _declined(raw: Json) -> bool:
    return (raw.get("responseStatus") or {}).get("response") == "declined"


def _address(raw: Json) -> str:
    return str((raw.get("emailAddress") or {}).get("address") or "").lower()


def _read_attendee(raw: Json) -> Attendee:
    address = _address(raw)
    name = str(raw["emailAddress"].get("name") or "")
    return Attendee(
        email=address,
        name="" if name.lower() == address else name,
        response=_RESPONSES.get((raw.get("status") or {}).get("response", ""), Response.NEEDS_ACTION),
        optional=raw.get("type") == "optional",
    )


def _read_reminders(raw: Json) -> Reminders:
    if not raw.get("isReminderOn"):
        return ()
    minutes = raw.get("reminderMinutesBeforeStart")
    wanted = DEFAULT_REMINDER if minutes is None else int(minutes)
    return (Reminder(min(max(wanted, 0), LONGEST_REMINDER)),)


# --- writing -------------------------------------------------------------------------------------------------------


def write_event(series: Series, *, tag: str, key: str, transaction_id: str) -> dict[str, Any]:
    """The body of a POST: the series without its overrides, marked as the copy of the app's event. Raises
    `EventRejected` for a rule or a zone that Graph cannot hold."""
    content = series.content
    mark = _mark(tag, content.span, series.recurrence)
    written: dict[str, Any] = {
        "subject": content.title,
        **_write_span(content.span),
        "showAs": content.show_as.value,
        "sensitivity": _SENSITIVITY_WORDS.get(content.visibility, "normal"),
        **_write_reminders(content.reminders),
        "transactionId": transaction_id,
        "singleValueExtendedProperties": [*_properties(mark), {"id": COPY, "value": copy_name(key)}],
    }
    if content.description:
        written["body"] = _write_body(content.description)
    if content.location:
        written["location"] = {"displayName": content.location}
    if content.attendees:
        written["attendees"] = merge_attendees((), content.attendees)
    if series.recurrence:
        written["recurrence"] = _write_recurrence(series.recurrence, content.span)
    return written


def write_fields(fields: Mapping[str, Any], *, held: Json) -> dict[str, Any]:
    """The body of a PATCH of some of `SERIES_FIELDS`; empty if nothing of it can be written. `held`: the record as
    Graph has it, with its extended properties. Raises `EventRejected`, and one of `UNREADABLE` for a bad `held`."""
    written: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "title":
                written["subject"] = value
            case "description":
                if not held.get("isOnlineMeeting"):
                    written["body"] = _write_body(value)
            case "location":
                written["location"] = {"displayName": value}
            case "visibility":
                written["sensitivity"] = _SENSITIVITY_WORDS.get(value, "normal")
            case "show_as":
                written["showAs"] = value.value
            case "attendees":
                if value:
                    written["attendees"] = merge_attendees(held.get("attendees") or (), value)
            case "reminders":
                written |= _write_reminders(value)
            case "span" | "recurrence" | "status":
                pass
            case _:
                raise ValueError(f"There is no field {name!r}.")
    return written | _write_times(fields, held)


def _write_times(fields: Mapping[str, Any], held: Json) -> dict[str, Any]:
    """Start, end and recurrence go together: a pattern names the day it starts on, weekdays that follow from it, and
    the zone of the start."""
    if not {"span", "recurrence"} & set(fields):
        return {}
    now = read_event({**held, "exceptionOccurrences": ()}, privacy=Privacy.BUSY_ONLY)
    if now.content is None:
        raise ValueError("the record holds no event")
    span: Span = fields.get("span", now.content.span)
    lines: tuple[str, ...] = tuple(fields.get("recurrence", now.recurrence))
    written = _write_span(span) if lines or "span" in fields else {}
    if lines:
        written["recurrence"] = _write_recurrence(lines, span)
    elif held.get("recurrence"):
        written["recurrence"] = None
    mark = read_mark(held)
    if mark.event is not None or recurrence.exclusions(lines, span):
        changed = _mark(mark.event or "", span, lines)
        if changed != mark:
            written["singleValueExtendedProperties"] = _properties(changed)
    return written


def merge_attendees(held: Sequence[Json], wanted: Iterable[Attendee]) -> list[dict[str, Any]]:
    """The whole list to write, since a PATCH replaces it: what we own of each attendee over what Graph holds of the
    same address, so that answers, rooms and equipment outlive our edit."""
    known = {_address(one): one for one in held}
    merged = []
    for attendee in wanted:
        kept = dict(known.get(attendee.email.lower(), {}))
        address = {"address": attendee.email}
        if attendee.name:
            address["name"] = attendee.name
        kind = "optional" if attendee.optional else "required"
        if kept.get("type") == "resource":
            kind = "resource"
        merged.append(kept | {"emailAddress": dict(kept.get("emailAddress") or {}) | address, "type": kind})
    return merged


def _mark(event_id: str, span: Span, lines: tuple[str, ...]) -> Mark:
    zones = tuple(when.zone if isinstance(when, ZonedTime) else "" for when in (span.start, span.end))
    return Mark(event_id, (zones[0], zones[1]), recurrence.exclusions(lines, span))


def _write_span(span: Span) -> dict[str, Any]:
    return {"start": _write_when(span.start), "end": _write_when(span.end), "isAllDay": span.all_day}


def _write_when(when: When) -> dict[str, str]:
    if not isinstance(when, ZonedTime):
        return {"dateTime": f"{when.isoformat()}T00:00:00", "timeZone": "UTC"}
    zone = _windows(when)
    local = from_utc(to_utc(when), when.zone).local
    return {"dateTime": local.isoformat(timespec="seconds"), "timeZone": zone}


def _windows(when: When) -> str:
    if not isinstance(when, ZonedTime):
        return "UTC"
    zone = to_windows(when.zone) if is_zone(when.zone) else None
    if zone is None:
        raise EventRejected("Outlook has no time zone with the event's clocks.", code="unknown_time_zone")
    return zone


def cannot_repeat(series: Series) -> str:
    """Why Graph has no way to repeat an event like this one; "" if it has one, or if the lines cannot be read."""
    start = series.content.span.start
    if not series.recurs:
        return ""
    if isinstance(start, ZonedTime) and is_zone(start.zone) and to_windows(start.zone) is None:
        return "Outlook has no time zone with its clocks"
    try:
        pattern = recurrence.to_pattern(series.recurrence, series.content.span)
    except ValueError:
        return ""
    return pattern.reason if isinstance(pattern, recurrence.CannotHold) else ""


def _write_recurrence(lines: tuple[str, ...], span: Span) -> dict[str, Any]:
    try:
        pattern = recurrence.to_pattern(lines, span)
    except ValueError:
        raise EventRejected("The event's recurrence cannot be read.", code="unreadable_recurrence") from None
    if isinstance(pattern, recurrence.CannotHold):
        raise EventRejected(
            f"Outlook has no way to repeat an event like this one: {pattern.reason}. It was not written to Outlook.",
            code="unsupported_recurrence",
        )
    return recurrence.write(pattern, _windows(span.start))


def _write_body(text: str) -> dict[str, str]:
    return {"contentType": "html", "content": body.to_html(text)}


def _write_reminders(reminders: Reminders) -> dict[str, Any]:
    if reminders is None:
        return {"isReminderOn": True, "reminderMinutesBeforeStart": DEFAULT_REMINDER}
    soonest = soonest_popup(reminders)
    if not soonest:
        return {"isReminderOn": False}
    return {"isReminderOn": True, "reminderMinutesBeforeStart": soonest[0].minutes}


# --- normal forms --------------------------------------------------------------------------------------------------


def in_order(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    """One per address, by address: Graph promises no order."""
    by_address: dict[str, Attendee] = {}
    for attendee in attendees:
        by_address.setdefault(attendee.email, attendee)
    return tuple(by_address[email] for email in sorted(by_address))


def soonest_popup(reminders: Iterable[Reminder]) -> tuple[Reminder, ...]:
    """The one reminder that Outlook can have: the pop-up closest to the start."""
    return tuple(sorted((one for one in reminders if one.method == "popup"), key=lambda one: one.minutes)[:1])
