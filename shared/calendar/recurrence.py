"""Which occurrences a series has: rules, single dates, exclusions and overrides together.

`normalize` gives recurrence lines their canonical form, `occurrences` walks a series between two instants,
`is_occurrence` and `prune` say which overrides still mean something, `shift_overrides` moves them along when the
series is moved, `last_end` tells when it is over. Occurrences repeat on the wall clock of the start's zone and keep
their wall-clock length; the start is always one (RFC 5545, 3.8.5.3). Every call has a bounded cost, whatever the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from types import MappingProxyType
from typing import Final

from shared.calendar.rules import lines_of, parse
from shared.calendar.starts import DAY, SLACK, earlier, last_stop, later, midnight_of, starts_between, wall_of
from shared.calendar.timezones import from_utc, instant, to_utc
from shared.model import Content, OriginalStart, Override, Series, Span, When, ZonedTime

_KEY = re.compile(r"[0-9]{8}(T[0-9]{6}Z)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([Zz]|[+-][0-9]{2}:[0-9]{2})")
_REACHES: Final = (40 * DAY, 1_100 * DAY, 15_000 * DAY, timedelta.max)
"""How far back the last occurrence of a series is looked for, step by step."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One appointment of a series; `content.span` is its own."""

    original_start: OriginalStart
    content: Content


# --- lines and keys ------------------------------------------------------------------------------------------------


def normalize(lines: Iterable[str]) -> tuple[str, ...]:
    """The canonical form of RRULE, EXRULE, RDATE and EXDATE lines; equal rules give equal lines.

    Raises ValueError with a sentence for people.
    """
    return lines_of(parse(tuple(lines)))


def original_start_key(when: When) -> OriginalStart:
    """What names an occurrence that begins then: `20270301T090000Z`, or `20270301` for a whole day."""
    if isinstance(when, ZonedTime):
        return _instant_key(to_utc(when))
    return f"{when.year:04}{when:%m%d}"


def parse_original_start(key: OriginalStart) -> date | datetime:
    """The day, or the instant (UTC), that a key names. Raises ValueError for anything but a canonical key."""
    if _KEY.fullmatch(key):
        read = datetime.strptime(key, "%Y%m%dT%H%M%SZ" if len(key) > 8 else "%Y%m%d").replace(tzinfo=UTC)
        return read if len(key) > 8 else read.date()
    raise ValueError("An original start is written 20270301T090000Z, or 20270301 for a whole day.")


def normalize_original_start(text: str) -> OriginalStart:
    """The key for what a client may put in a path: the key itself, RFC 3339 with an offset, or a date."""
    try:
        if _RFC3339.fullmatch(text):
            return _instant_key(datetime.fromisoformat(text.upper()).astimezone(UTC))
        if _DATE.fullmatch(text):
            return original_start_key(date.fromisoformat(text))
        parse_original_start(text)
    except (ValueError, OverflowError):
        raise ValueError(
            "This names no occurrence. Use its original_start: 20270301T090000Z, 2027-03-01T09:00:00Z, or a date."
        ) from None
    return text


def _instant_key(moment: datetime) -> OriginalStart:
    return f"{moment.year:04}{moment:%m%dT%H%M%S}Z"


# --- occurrences ---------------------------------------------------------------------------------------------------


def occurrences(series: Series, start: datetime, end: datetime, calendar_zone: str = "UTC") -> Iterator[Occurrence]:
    """Every occurrence that overlaps [start, end) (aware instants), in order of its actual start.

    Whole days are days of `calendar_zone`. An override stands where it was moved to, a cancelled occurrence is left
    out, and one without length counts where it begins. Lazy, so that a caller may stop early.
    """

    def begins(occurrence: Occurrence) -> datetime:
        return instant(occurrence.content.span.start, calendar_zone)

    def overlaps(content: Content) -> bool:
        first, last = instant(content.span.start, calendar_zone), instant(content.span.end, calendar_zone)
        return first < end and (last > start or first >= start)

    moved = [
        Occurrence(key, override)
        for key, override in series.overrides.items()
        if isinstance(override, Content) and overlaps(override) and is_occurrence(series, key)
    ]
    yield from merge(
        (found for found in _unmoved(series, start, end) if overlaps(found.content)),
        sorted(moved, key=begins),
        key=begins,
    )


def occurrence_content(series: Series, original_start: OriginalStart) -> Content:
    """The occurrence's content as the series gives it, without its override. Raises ValueError for a key that is a
    date where the series has times, or the other way round."""
    named = parse_original_start(original_start)
    start = series.content.span.start
    if isinstance(start, ZonedTime) != isinstance(named, datetime):
        raise ValueError("A series of whole days names its occurrences by date, any other by instant.")
    when = from_utc(named, start.zone) if isinstance(start, ZonedTime) and isinstance(named, datetime) else named
    return replace(series.content, span=span_at(series.content.span, when))


def _unmoved(series: Series, start: datetime, end: datetime) -> Iterator[Occurrence]:
    """The occurrences without override around [start, end), in order."""
    span = series.content.span
    length = abs(instant(span.end) - instant(span.start))
    if not series.recurs:
        yield Occurrence(original_start_key(span.start), series.content)
        return
    after, before = earlier(_naive(start), length + SLACK), later(_naive(end), SLACK)
    for when in starts_between(span.start, series.recurrence, after, before):
        key = original_start_key(when)
        if key not in series.overrides:
            yield Occurrence(key, replace(series.content, span=span_at(span, when)))


def span_at(span: Span, start: When) -> Span:
    """The span moved to another start of its kind. Its wall-clock length stays, and between two zones the time that
    passes. Raises ValueError if one is a day and the other a time."""
    match span.start, span.end, start:
        case ZonedTime(), ZonedTime(), ZonedTime():
            if span.start.zone == span.end.zone:
                return Span(start, ZonedTime(start.local + (span.end.local - span.start.local), start.zone))
            passes = to_utc(span.end) - to_utc(span.start)
            return Span(start, from_utc(to_utc(start) + passes, span.end.zone))
        case date(), date(), date():
            return Span(start, start + (span.end - span.start))
        case _:
            raise ValueError("Start and end must both be days or both be times.")


# --- what is an occurrence --------------------------------------------------------------------------------------------


def is_occurrence(series: Series, original_start: OriginalStart) -> bool:
    """Whether the series' lines (overrides aside) give an occurrence with this original start; never for a single
    event, which has no occurrences to address."""
    try:
        named = parse_original_start(original_start)
    except ValueError:
        return False
    if not series.recurs:
        return False
    around = _naive(named) if isinstance(named, datetime) else datetime.combine(named, time.min)
    after, before = earlier(around, SLACK), later(around, SLACK)
    starts = starts_between(series.content.span.start, series.recurrence, after, before)
    return any(original_start_key(when) == original_start for when in starts)


def prune(series: Series) -> Series:
    """The series without overrides of what is no occurrence of it (any more)."""
    kept = {key: value for key, value in series.overrides.items() if is_occurrence(series, key)}
    return series if len(kept) == len(series.overrides) else replace(series, overrides=MappingProxyType(kept))


def shift_overrides(
    before: Series, span_after: Span, recurrence: tuple[str, ...] | None = None
) -> Mapping[OriginalStart, Override]:
    """The overrides of `before`, keyed for the same series once it stands at `span_after` (and has other lines).

    Each goes to the occurrence as far from the new start as it was from the old one or, where there is none, to the
    one of the same day. A cancelled occurrence stays cancelled, one that was moved keeps its own span, any other
    gets the series' new one. What finds no occurrence keeps its key if that is one, and is left out otherwise.
    """
    lines = before.recurrence if recurrence is None else recurrence
    after = Series(replace(before.content, span=span_after), lines)
    shifted: dict[OriginalStart, Override] = {}
    for key, override in sorted(before.overrides.items()):
        candidates = dict.fromkeys((*_shifted_keys(before.content.span.start, span_after.start, key), key))
        new_key = next((each for each in candidates if each not in shifted and is_occurrence(after, each)), None)
        if new_key is None:
            continue
        if isinstance(override, Content) and override.span == occurrence_content(before, key).span:
            shifted[new_key] = replace(override, span=occurrence_content(after, new_key).span)
        else:
            shifted[new_key] = override
    return MappingProxyType(shifted)


def _shifted_keys(old: When, new: When, key: OriginalStart) -> list[OriginalStart]:
    """Where the occurrence may have gone, likeliest first: as far as the start went, or the same day at the new time.

    A start that moves by less than a day carries its occurrences along; one that moves by days more likely begins
    later or earlier, while the rule still names the days it did.
    """
    named = parse_original_start(key)
    local = from_utc(named, old.zone).local if isinstance(old, ZonedTime) else wall_of(named)  # type: ignore[arg-type]
    far = wall_of(new) - wall_of(old)
    if isinstance(old, ZonedTime) != isinstance(new, ZonedTime):
        local, far = midnight_of(local), wall_of(new) - midnight_of(wall_of(old))
    same_day = datetime.combine(local, wall_of(new).time())
    places = [local + far, same_day] if abs(far) < DAY else [same_day, local + far]
    return [
        original_start_key(ZonedTime(place, new.zone) if isinstance(new, ZonedTime) else place.date())
        for place in places
    ]


# --- the end of a series ----------------------------------------------------------------------------------------------


def last_end(series: Series, calendar_zone: str = "UTC") -> datetime | None:
    """The instant (UTC) at which the last occurrence ends, overrides included; None for an endless series.

    A COUNT too high to be counted is endless. If no occurrence is left, the end is the series' own.
    """
    own = instant(series.content.span.end, calendar_zone)
    if not series.recurs:
        return own
    stop = last_stop(series.content.span.start, series.recurrence)
    if stop is None:
        return None
    ends = [
        instant(override.span.end, calendar_zone)
        for key, override in series.overrides.items()
        if isinstance(override, Content) and is_occurrence(series, key)
    ]
    latest = _latest_plain(series, stop)
    if latest is not None:
        ends.append(instant(span_at(series.content.span, latest).end, calendar_zone))
    return max(ends, default=own)


def _latest_plain(series: Series, stop: datetime) -> When | None:
    """The start of the last occurrence without override, looked for backwards from where the lines stop."""
    for reach in _REACHES:
        found = None
        for when in starts_between(series.content.span.start, series.recurrence, earlier(stop, reach), stop):
            if original_start_key(when) not in series.overrides:
                found = when
        if found is not None:
            return found
    return None


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
