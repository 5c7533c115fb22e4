"""The host app's own side: its events written, read and listed, each write marked for the calendars it belongs in.

A write is one transaction (event, marks, history, notice) followed by a job; if the process ends between the two, a
sweep finds the marks. What is returned is always the event as it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from shared.calendar.recurrence import Occurrence, is_occurrence, occurrences
from shared.calendar.timezones import instant
from shared.connections import LIVE
from shared.errors import FieldError, Problem, invalid, not_found
from shared.event_json import parse_occurrence_patch, parse_patch, parse_series
from shared.house import House
from shared.model import (
    APP,
    CANCELLED,
    Calendar,
    Event,
    HistoryEntry,
    OriginalStart,
    Override,
    Owner,
    Series,
)
from shared.notices import event_notice
from shared.queue import CalendarJob
from shared.store.events import Record

PAGE = 200

MOST_OCCURRENCES = 2000
"""Occurrences in one answer, so that it stays below the 6 MB that Lambda may return."""

ANY_VERSION = 0
"""`If-Match: *`: whichever version there is, but one there must be."""
_POSITION = re.compile(r"[0-9][0-9TZ:.-]* [A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: `name` goes into the history; the host app's backend is not told of what it did itself."""

    name: str
    is_host: bool


# --- reading -------------------------------------------------------------------------------------------------------


def read(house: House, owner: Owner, event_id: str) -> Event:
    event = house.store.events.load_one(owner, event_id)
    if event is None or event.deleted:
        raise not_found()
    return event


def listing(house: House, owner: Owner, start: datetime, end: datetime, after: str) -> tuple[list[Event], str]:
    """Events with an occurrence in [start, end), by their last end; where to go on, or "". Raises `Problem` (422)."""
    if after and not _POSITION.fullmatch(after):
        raise invalid([FieldError("after", "Fetch the path in `next` as it stands, or begin without this.")])
    events, position = house.store.events.ending_after(owner, start, limit=PAGE, after=after)
    return [event for event in events if any(_within(event, start, end))], position


def expanded_listing(
    house: House, owner: Owner, start: datetime, end: datetime, after: str
) -> tuple[list[tuple[Event, Occurrence]], str]:
    """The occurrences in [start, end) of as many events as fit into one answer, by start; where to go on, or "".
    Raises `Problem` (422)."""
    found: list[tuple[Event, Occurrence]] = []
    events, position = listing(house, owner, start, end, after)
    for event in events:
        items = list(islice(_within(event, start, end), MOST_OCCURRENCES + 1))
        if len(items) > MOST_OCCURRENCES:
            sentence = f"The series {event.id} has more than {MOST_OCCURRENCES} occurrences here; ask for less time."
            raise invalid([FieldError("to", sentence)])
        if found and len(found) + len(items) > MOST_OCCURRENCES:
            break
        found += [(event, item) for item in items]
        last = event
    else:
        return _by_start(found), position
    return _by_start(found), house.store.events.position_behind(last)


def _by_start(found: list[tuple[Event, Occurrence]]) -> list[tuple[Event, Occurrence]]:
    return sorted(found, key=lambda pair: (instant(pair[1].content.span.start), pair[0].id))


def _within(event: Event, start: datetime, end: datetime) -> Iterator[Occurrence]:
    return occurrences(event.series, start, end)


def history(house: House, owner: Owner, event_id: str) -> list[HistoryEntry]:
    """Newest first; also of an event that was deleted."""
    entries = house.store.events.history(owner, event_id)
    if not entries and house.store.events.load_one(owner, event_id) is None:
        raise not_found()
    return entries


# --- writing -------------------------------------------------------------------------------------------------------


def put(
    house: House, owner: Owner, event_id: str, body: object, *, if_match: int | None, writer: Writer
) -> tuple[Event, bool]:
    """Create the event or replace it whole; True if it was created. The same body again changes nothing."""
    series = parse_series(body)
    found = house.store.events.load_one(owner, event_id)
    _check(found if found is not None and not found.deleted else None, if_match)
    if found is None or found.deleted:
        version = found.version + 1 if found else 1
        event = Event(
            id=event_id, owner=owner, series=series, origin=APP, version=version, updated_at=house.clock()
        )  # fmt: skip
        return _write(house, event, writer, "created", "Created."), True
    return _change(house, found, series, writer), False


def write_new(house: House, owner: Owner, event_id: str, series: Series, writer: Writer) -> Event:
    """An event that did not exist before."""
    event = Event(id=event_id, owner=owner, series=series, origin=APP, version=1, updated_at=house.clock())
    return _write(house, event, writer, "created", "Created.")


def patch(house: House, owner: Owner, event_id: str, body: object, *, if_match: int | None, writer: Writer) -> Event:
    """Change some members of the event."""
    event = read(house, owner, event_id)
    _check(event, if_match)
    return _change(house, event, parse_patch(body, event.series), writer)


def delete(house: House, owner: Owner, event_id: str, *, if_match: int | None, writer: Writer) -> None:
    event = read(house, owner, event_id)
    _check(event, if_match)
    _write(house, replace(_next(house, event), deleted=True), writer, "deleted", "Deleted.")


def patch_occurrence(
    house: House,
    owner: Owner,
    event_id: str,
    start: OriginalStart,
    body: object,
    *,
    if_match: int | None,
    writer: Writer,
) -> Event:
    """Change one occurrence of a series; `if_match` is the version of the series."""
    event = _series(house, owner, event_id, start, if_match)
    return _override(house, event, start, parse_occurrence_patch(body, event.series, start), writer)


def delete_occurrence(
    house: House, owner: Owner, event_id: str, start: OriginalStart, *, if_match: int | None, writer: Writer
) -> Event:
    """Cancel one occurrence of a series."""
    return _override(house, _series(house, owner, event_id, start, if_match), start, CANCELLED, writer)


def _series(house: House, owner: Owner, event_id: str, start: OriginalStart, if_match: int | None) -> Event:
    event = read(house, owner, event_id)
    if not event.series.recurs or not is_occurrence(event.series, start):
        raise not_found()
    _check(event, if_match)
    return event


def _override(house: House, event: Event, start: OriginalStart, value: Override, writer: Writer) -> Event:
    overrides = {**event.series.overrides, start: value}
    return _change(house, event, replace(event.series, overrides=MappingProxyType(overrides)), writer)


def _change(house: House, event: Event, series: Series, writer: Writer) -> Event:
    if series == event.series:
        return event
    return _write(house, replace(_next(house, event), series=series), writer, "updated", "Changed.")


def _next(house: House, event: Event) -> Event:
    return replace(event, version=event.version + 1, updated_at=house.clock())


def _check(event: Event | None, if_match: int | None) -> None:
    if if_match is not None and (event is None or if_match not in (event.version, ANY_VERSION)):
        raise Problem(412, "version_conflict", "The event has changed since you read it. Read it again, then write.")


def _write(house: House, event: Event, writer: Writer, rule: str, sentence: str) -> Event:
    """Record the event with its marks, then wake the calendars. Raises `Problem` (409, 412)."""
    targets = _targets(house, event)
    entry = HistoryEntry(at=event.updated_at, actor=writer.name, rule=rule, sentence=sentence)
    record = Record(
        owner=event.owner,
        event_id=event.id,
        event=event,
        history=(entry,),
        notices=() if writer.is_host else (event_notice(event, event.updated_at, (entry,)),),
        marks=tuple(calendar.id for calendar in targets),
    )
    if house.store.events.record([record]):
        raise Problem(409, "changed_meanwhile", "Somebody else changed the event at the same moment. Try again.")
    for notice in record.notices:
        house.notices.send(notice)
    for calendar in targets:
        house.jobs.send(CalendarJob(calendar.id))
    return event


def _targets(house: House, event: Event) -> list[Calendar]:
    """The calendars that have something to fetch from this event."""
    if event.origin != APP:
        home = house.store.calendars.load(event.origin)
        if home is not None and not home.access.writable:
            raise Problem(409, "read_only_calendar", "This event belongs to a calendar that you may only read.")
        return [home] if home is not None and home.sync else []
    return [
        calendar
        for connection in house.store.connections.of_owner(event.owner)
        if connection.status in LIVE
        for calendar in house.store.calendars.of_connection(connection.id)
        if calendar.chosen_for_bookings or (calendar.sync and _is_still_in(house, calendar, event))
    ]


def _is_still_in(house: House, calendar: Calendar, event: Event) -> bool:
    """Whether a calendar that takes no bookings has a copy: one that has ended, or that is on its way out."""
    return event.version > 1 and bool(house.store.events.links_of_event(calendar.id, event.id))


# --- what callers send ---------------------------------------------------------------------------------------------


def is_event_id(text: str) -> bool:
    """Whether an event can have this id: up to 128 letters, digits, `-` and `_`."""
    plain = text.replace("-", "").replace("_", "")
    return text.isascii() and plain.isalnum() and len(text) <= 128


def check_event_id(event_id: str) -> None:
    """Raise `Problem` (422) for an id that a host app may not choose."""
    if not is_event_id(event_id):
        raise invalid([FieldError("id", "An event's id has 1 to 128 letters, digits, hyphens and underscores.")])
