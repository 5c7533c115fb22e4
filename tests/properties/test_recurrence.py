# ruff: noqa: DTZ001  (wall-clock times are naive on purpose)
"""Recurrence against two oracles that others wrote: dateutil for one rule, recurring-ical-events for a whole series."""

from __future__ import annotations

import datetime as real_datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from unittest import mock

import icalendar
import recurring_ical_events
from dateutil import rrule as dateutil_rrule
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.expansion import expand
from shared.calendar.recurrence import (
    is_occurrence,
    last_end,
    normalize,
    occurrences,
    original_start_key,
    prune,
    shift_overrides,
)
from shared.calendar.rules import parse
from shared.calendar.timezones import from_utc, instant, to_utc
from shared.model import CANCELLED, Content, Series, Span, ZonedTime
from tests.properties.generated import ZONES, effort, first_of, rules, series_of_times, walls


@contextmanager
def dateutil_until(year: int) -> Iterator[None]:
    """dateutil tries a rule that never comes round up to the year 9999; here it stops earlier."""
    names = ("datetime", "date", "time", "timedelta")
    bounded = SimpleNamespace(MAXYEAR=year, **{name: getattr(real_datetime, name) for name in names})
    with mock.patch.object(dateutil_rrule, "datetime", bounded):
        yield


@effort(120)
@given(rule=rules(), start=walls)
def test_a_rule_gives_the_times_that_dateutil_gives(rule: str, start: datetime) -> None:
    with dateutil_until(start.year + 12):
        try:
            text = ";".join(part for part in rule.split(";") if not part.startswith("COUNT"))
            oracle = dateutil_rrule.rrulestr(f"RRULE:{text}", dtstart=start)
            expected = list(islice(oracle, 40))
        except ValueError:  # dateutil refuses what can never come round within a day
            expected = []
    endless = replace(parse((f"RRULE:{rule}",)).rules[0], count=None)
    before = min(datetime(start.year + 12, 12, 20), start + timedelta(days=4300))
    found = list(islice(expand(endless, start, start, before, with_start=False), 40))
    assert found == [moment for moment in expected if moment <= before]


@effort(60)
@given(rule=rules(), start=walls, days=st.integers(0, 2000))
def test_a_walk_that_begins_late_gives_the_tail_of_one_that_begins_at_the_start(
    rule: str, start: datetime, days: int
) -> None:
    read = parse((f"RRULE:{rule}",)).rules[0]
    after = start + timedelta(days=days)
    before = after + timedelta(days=700)
    later = (each for each in expand(read, start, start, before, with_start=True) if each >= after)
    whole = list(islice(later, 200))
    assert list(islice(expand(read, start, after, before, with_start=True), 200)) == whole


@effort(60)
@given(lines=st.lists(rules(), min_size=1, max_size=3))
def test_a_canonical_form_is_its_own_canonical_form(lines: list[str]) -> None:
    once = normalize(f"RRULE:{line}" for line in lines)
    assert normalize(once) == once
    assert normalize(f"rrule:{line.lower()};" for line in reversed(lines)) == once


@effort(50)
@given(rule=rules(), start=walls)
def test_the_canonical_form_means_what_was_written(rule: str, start: datetime) -> None:
    written = parse((f"RRULE:{rule}",)).rules[0]
    canonical = parse(normalize([f"RRULE:{rule}"])).rules[0]
    before = start + timedelta(days=3000)
    assert list(islice(expand(written, start, start, before, with_start=True), 50)) == list(
        islice(expand(canonical, start, start, before, with_start=True), 50)
    )


# --- whole series ----------------------------------------------------------------------------------------------------


def _calendar(series: Series) -> icalendar.Calendar:
    def written(when: object) -> str:
        if isinstance(when, ZonedTime):
            return f";TZID={when.zone}:{when.local:%Y%m%dT%H%M%S}"
        return f";VALUE=DATE:{when:%Y%m%d}"

    def event(span: Span, *more: str) -> list[str]:
        own = [f"DTSTART{written(span.start)}", f"DTEND{written(span.end)}"]
        return ["BEGIN:VEVENT", "UID:1", "DTSTAMP:20270101T000000Z", *own, *more, "END:VEVENT"]

    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//", *event(series.content.span, *series.recurrence)]
    for key, override in series.overrides.items():
        form = "" if "T" in key else ";VALUE=DATE"
        assert isinstance(override, Content)
        lines += event(override.span, f"RECURRENCE-ID{form}:{key}")
    return icalendar.Calendar.from_ical("\r\n".join([*lines, "END:VCALENDAR", ""]))


def _plain(when: date | datetime) -> str:
    if isinstance(when, datetime):
        return original_start_key(ZonedTime(when.astimezone(UTC).replace(tzinfo=None), "UTC"))
    return original_start_key(when)


@effort(60)
@given(series=series_of_times(single_dates=True), days=st.integers(-10, 900), width=st.integers(1, 400))
def test_a_series_gives_the_occurrences_that_recurring_ical_events_gives(series: Series, days: int, width: int) -> None:
    begin = instant(series.content.span.start).replace(hour=0, minute=0) + timedelta(days=days)
    end = begin + timedelta(days=width)
    with dateutil_until(end.year + 2):
        found = recurring_ical_events.of(_calendar(series)).between(begin, end)
    expected = sorted((_plain(event.start), _plain(event.end)) for event in found)
    mine = [each.content.span for each in occurrences(series, begin, end)]
    assert sorted((original_start_key(span.start), original_start_key(span.end)) for span in mine) == expected
    assert mine == sorted(mine, key=lambda span: instant(span.start))


@effort(60)
@given(series=series_of_times())
def test_every_occurrence_is_one_and_its_neighbour_is_not(series: Series) -> None:
    for found in first_of(series, 20):
        key = found.original_start
        assert is_occurrence(series, key)
        if "T" in key:
            assert not is_occurrence(series, f"{key[:13]}11Z")
    assert prune(series) == series


@effort(30)
@given(series=series_of_times(), hours=st.integers(-60, 60))
def test_moving_a_series_and_moving_it_back_keeps_every_override(series: Series, hours: int) -> None:
    """With a rule that names no days of its own, so that the occurrences all move along."""
    plain = Series(series.content, ("RRULE:FREQ=DAILY;INTERVAL=7",))
    keys = [found.original_start for found in first_of(plain, 6)]
    plain = replace(plain, overrides={keys[1]: CANCELLED, keys[3]: replace(series.content, title="renamed")})
    moved = _moved(series.content.span, timedelta(hours=hours))
    there = shift_overrides(plain, moved)
    after = Series(replace(series.content, span=moved), plain.recurrence, there)
    assert len(there) == 2
    assert prune(after) == after
    assert dict(shift_overrides(after, series.content.span)) == dict(plain.overrides)


def _moved(span: Span, by: timedelta) -> Span:
    def moved(when: date | ZonedTime) -> date | ZonedTime:
        return replace(when, local=when.local + by) if isinstance(when, ZonedTime) else when + timedelta(days=by.days)

    return Span(moved(span.start), moved(span.end))


@effort(60)
@given(series=series_of_times())
def test_nothing_happens_after_the_last_end_and_something_right_before(series: Series) -> None:
    last = last_end(series)
    if "COUNT" not in series.recurrence[0]:
        assert last is None
        return
    assert last is not None
    assert list(occurrences(series, last, last + timedelta(days=20_000))) == []
    begin = instant(series.content.span.start) - timedelta(days=10)
    every = list(occurrences(series, begin, last))
    assert not every or max(instant(each.content.span.end) for each in every) == last


@effort(100)
@given(wall=walls, zone=st.sampled_from(ZONES))
def test_an_instant_survives_its_wall_clock_unless_the_hour_was_repeated(wall: datetime, zone: str) -> None:
    moment = wall.replace(tzinfo=UTC)
    back = to_utc(from_utc(moment, zone))
    assert back == moment or timedelta(0) < moment - back <= timedelta(hours=1)
