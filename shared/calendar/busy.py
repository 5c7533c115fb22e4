"""When an event keeps a person busy, and several such times as one. Pure.

`busy_times` gives the times that one event takes, occurrence by occurrence; `merged` joins what overlaps or touches.
Free time is what `show_as` says, not whether an event lasts all day: an all-day `free` event blocks nothing, an
all-day `busy` one its whole days in the calendar's zone. Tentative time counts as busy: two people may not get it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.calendar.recurrence import occurrences
from shared.calendar.timezones import instant
from shared.model import Content, Series, ShowAs


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` to `end` (UTC), end exclusive."""

    start: datetime
    end: datetime


def busy_times(series: Series, start: datetime, end: datetime, calendar_zone: str) -> Iterator[Interval]:
    """The times within [start, end) that the event takes. What began earlier and still runs is cut at `start`, what
    runs on at `end`. Whole days are days of `calendar_zone`."""
    contents = [series.content, *(value for value in series.overrides.values() if isinstance(value, Content))]
    if all(content.show_as is ShowAs.FREE for content in contents):
        return
    for occurrence in occurrences(series, start, end, calendar_zone):
        span = occurrence.content.span
        first, last = max(start, instant(span.start, calendar_zone)), min(end, instant(span.end, calendar_zone))
        if occurrence.content.show_as is not ShowAs.FREE and first < last:
            yield Interval(first, last)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time in as few intervals as it takes, in order."""
    joined: list[Interval] = []
    for interval in sorted(intervals):
        if joined and interval.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, interval.end))
        else:
            joined.append(interval)
    return joined
