"""What the properties are tried on: recurrence rules, series, contents and policies at random, and how many of them.

`effort` says how many examples a property gets; EXAMPLES_TIMES=20 in the environment makes them twenty times as many.
Under mutmut they are fewer and the same each time, so that a score can be had again.
"""

# ruff: noqa: DTZ001 (wall-clock times are naive on purpose)

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from shared.calendar.expansion import expand
from shared.calendar.recurrence import Occurrence, normalize, occurrence_content, occurrences, parse_original_start
from shared.calendar.rules import Recurrence, lines_of, parse
from shared.calendar.timezones import from_utc, instant
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    EventStatus,
    OriginalStart,
    Override,
    Policy,
    Reminder,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)

MUTATED = "MUTANT_UNDER_TEST" in os.environ
TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Asia/Kolkata", "UTC")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def effort(examples: int, *, repeatable: bool = False) -> Callable[[Any], Any]:
    """`repeatable`: the same examples in every run, for what is known to need more than a few to be looked at."""
    return settings(
        max_examples=max(20, examples // 3) if MUTATED else examples * TIMES,
        deadline=None,
        derandomize=MUTATED or (repeatable and TIMES == 1),
        database=None,
    )


# --- rules -----------------------------------------------------------------------------------------------------------


def subsets(values: range | tuple[str, ...], most: int = 3) -> st.SearchStrategy[str]:
    chosen = st.lists(
        st.sampled_from([value for value in values if value != 0]), min_size=1, max_size=most, unique=True
    )
    return chosen.map(lambda items: ",".join(str(item) for item in items))


@st.composite
def rules(draw: st.DrawFn, *, within_a_day: bool = True, ends: bool = False) -> str:
    """An RRULE that RFC 5545 allows and on whose meaning dateutil and the RFC agree."""
    fine = ["HOURLY", "MINUTELY", "SECONDLY"] if within_a_day else []
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", *fine]))
    unit = {"HOURLY": 1, "MINUTELY": 60, "SECONDLY": 3600}.get(frequency, 1)
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 5)) * unit)}
    if draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(WEEKDAYS))
    if draw(st.booleans()):
        parts["BYMONTH"] = draw(subsets(range(1, 13)))
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = draw(subsets(range(-31, 32)))
    if frequency not in ("MONTHLY", "WEEKLY", "DAILY") and draw(st.integers(0, 3)) == 0:
        parts["BYYEARDAY"] = draw(subsets(range(-366, 367)))
    by_week = frequency == "YEARLY" and draw(st.integers(0, 3)) == 0
    if by_week:
        parts["BYWEEKNO"] = draw(subsets(range(2, 52)))
    if by_week or draw(st.booleans()):
        numbered = frequency in ("MONTHLY", "YEARLY") and not by_week and draw(st.booleans())
        numbers = range(-5, 6) if frequency == "MONTHLY" or "BYMONTH" in parts else range(-53, 54)
        days = draw(subsets(WEEKDAYS))
        parts["BYDAY"] = f"{draw(subsets(numbers, 1))}{days[:2]}" if numbered else days
    if within_a_day:
        for name, most in (("BYHOUR", 24), ("BYMINUTE", 60), ("BYSECOND", 60)):
            if draw(st.integers(0, 4)) == 0:
                parts[name] = draw(subsets(range(1, most), 2))
    # Of the first week dateutil sees only what follows the start, so that it counts positions from there.
    positions = frequency != "WEEKLY" and set(parts) & {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR"}
    if positions and draw(st.integers(0, 3)) == 0:
        parts["BYSETPOS"] = draw(subsets(range(-4, 5), 2))
    if ends or draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 20)))
    return ";".join(f"{name}={value}" for name, value in parts.items())


@st.composite
def likely_rules(draw: st.DrawFn) -> str:
    """Rules as people make them, most of which every provider can hold; some of them just about not."""
    number, day = draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2])), draw(st.sampled_from(WEEKDAYS))
    month, days = draw(st.integers(1, 12)), draw(subsets(WEEKDAYS, 5))
    of_month = draw(st.integers(1, 31) | st.sampled_from([-1, -2]))
    position = draw(st.sampled_from([1, 2, 3, 4, 5, -1, -2]))
    first = draw(
        st.sampled_from(
            [
                *("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", f"FREQ=WEEKLY;BYDAY={days}"),
                *(
                    f"FREQ=DAILY;BYDAY={days}",
                    f"FREQ=MONTHLY;BYMONTHDAY={of_month}",
                    f"FREQ=MONTHLY;BYDAY={number}{day}",
                ),
                f"FREQ=MONTHLY;BYDAY={days};BYSETPOS={position}",
                f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={of_month}",
                f"FREQ=YEARLY;BYMONTH={month};BYDAY={number}{day}",
                f"FREQ=YEARLY;BYMONTH={month};BYDAY={days};BYSETPOS={position}",
            ]
        )
    )
    parts = [first]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 4))}")
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    ends = st.sampled_from(["", f"COUNT={draw(st.integers(1, 20))}", "UNTIL=20310301T220000Z", "UNTIL=20290715"])
    return ";".join([*parts, *filter(None, [draw(ends)])])


walls = st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1)).map(lambda wall: wall.replace(microsecond=0))


# --- series ----------------------------------------------------------------------------------------------------------


@st.composite
def series_of_times(
    draw: st.DrawFn, rule_texts: st.SearchStrategy[str] | None = None, *, single_dates: bool = False
) -> Series:
    """A timed or whole-day series whose start its rule names, with exclusions, single dates and overrides."""
    text = draw(rules(within_a_day=False) if rule_texts is None else rule_texts)
    rule = parse(normalize([f"RRULE:{text}"])).rules[0]
    # At these hours no zone changes its clocks: the oracle has its own view of skipped times.
    first = datetime.combine(draw(st.dates(date(2020, 1, 1), date(2030, 1, 1))), time(draw(st.integers(5, 20)), 30))
    first = next(expand(rule, first, first, first + timedelta(days=3000), with_start=False), first)
    length = timedelta(minutes=draw(st.sampled_from([15, 60, 1440, 4000])))
    zone = draw(st.sampled_from(ZONES))
    lines = list(lines_of(Recurrence(rules=(rule,))))
    if draw(st.booleans()):
        timed = Span(ZonedTime(first, zone), ZonedTime(first + length, zone))
        series = Series(Content(span=timed), tuple(lines))
    else:
        series = Series(Content(span=Span(first.date(), first.date() + timedelta(days=1 + length.days))), tuple(lines))
    if single_dates:
        lines += draw(st.lists(_single_dates(first, all_day=series.content.span.all_day), max_size=2))
        series = replace(series, recurrence=normalize(lines))
    known = [found.original_start for found in first_of(series, 12)]
    for key in draw(st.lists(st.sampled_from(known), max_size=2, unique=True)):
        form = "" if "T" in key else ";VALUE=DATE"
        lines.append(f"EXDATE{form}:{key}")
    series = replace(series, recurrence=normalize(lines))
    known = [found.original_start for found in first_of(series, 12)]
    overrides: dict[OriginalStart, Override] = {}
    for key in draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []:
        far = draw(st.integers(-5, 5))
        overrides[key] = replace(series.content, span=_far(series.content.span, key, far), title="moved")
    return replace(series, overrides=overrides)


@st.composite
def _single_dates(draw: st.DrawFn, first: datetime, *, all_day: bool) -> str:
    """An RDATE behind the start, at any time of day at which no zone changes its clocks."""
    day = first.date() + timedelta(days=draw(st.integers(1, 300)))
    if all_day:
        return f"RDATE;VALUE=DATE:{day:%Y%m%d}"
    return f"RDATE:{datetime.combine(day, time(draw(st.integers(5, 9)), 30)):%Y%m%dT%H%M%S}Z"


def first_of(series: Series, number: int) -> list[Occurrence]:
    start = instant(series.content.span.start) - timedelta(days=1)
    return list(islice(occurrences(series, start, start + timedelta(days=2000)), number))


def _far(span: Span, key: OriginalStart, days: int) -> Span:
    named = parse_original_start(key)
    match span.start, span.end, named:
        case ZonedTime() as start, ZonedTime() as end, datetime():
            local = from_utc(named, start.zone).local + timedelta(days=days)
            return Span(ZonedTime(local, start.zone), ZonedTime(local + (end.local - start.local), start.zone))
        case date() as start, date() as end, date():
            return Span(named + timedelta(days=days), named + timedelta(days=days) + (end - start))
    raise AssertionError


# --- contents, as people fill them in --------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
reminders = st.none() | st.lists(
    st.builds(Reminder, st.integers(0, 40320), st.sampled_from(["popup", "email"])), max_size=7
).map(tuple)
guests = st.lists(
    st.builds(
        Attendee,
        st.sampled_from(["a@example.com", "A@Example.com", "b@example.com", "z+1@example.com"]),
        texts | st.just("A@example.com"),
        st.sampled_from(Response),
        st.booleans(),
    ),
    max_size=4,
).map(tuple)
policies = st.builds(
    Policy, default_reminder=st.sampled_from(["provider", None, 0, 30]), invite_attendees=st.booleans()
)


def contents(span: Span, visibilities: tuple[Visibility, ...] = tuple(Visibility)) -> st.SearchStrategy[Content]:
    return st.builds(
        Content,
        span=st.just(span),
        title=texts,
        description=texts,
        location=texts,
        visibility=st.sampled_from(visibilities),
        show_as=st.sampled_from(ShowAs),
        status=st.sampled_from(EventStatus),
        attendees=guests,
        reminders=reminders,
    )


@st.composite
def events(draw: st.DrawFn, visibilities: tuple[Visibility, ...] = tuple(Visibility)) -> Series:
    """A single event or a series, filled in at random, some occurrences of it changed and some cancelled."""
    bare = draw(series_of_times(likely_rules() | rules(within_a_day=False)))
    if draw(st.integers(0, 3)) == 0:
        return Series(draw(contents(bare.content.span, visibilities)))
    filled = replace(bare, content=draw(contents(bare.content.span, visibilities)), overrides={})
    overrides: dict[OriginalStart, Override] = {}
    for key, moved in bare.overrides.items():
        assert isinstance(moved, Content)
        span = draw(st.sampled_from([moved.span, occurrence_content(filled, key).span]))
        overrides[key] = draw(st.just(CANCELLED) | contents(span, visibilities))
    return replace(filled, overrides=overrides)
