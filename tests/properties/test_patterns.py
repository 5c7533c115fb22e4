"""Rules and Graph's patterns, both ways: what Graph can hold falls on the same days there, all else is refused with a
reason. The days of a pattern are those that the simulated Graph gives, which reads patterns by dateutil."""

# ruff: noqa: DTZ001 (wall-clock times are naive on purpose)

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import islice

from hypothesis import event, given
from hypothesis import strategies as st

from shared.calendar.recurrence import occurrences
from shared.calendar.timezones import from_utc, instant
from shared.model import Content, Series, Span, ZonedTime
from shared.providers.microsoft import recurrence
from shared.providers.microsoft.recurrence import CannotHold, Kind, Pattern, PatternedRecurrence
from simulators.microsoft import recurrence as graph
from tests.properties.generated import ZONES, effort, likely_rules, rules, series_of_times

YEARS = 6


def days_here(series: Series, until: date) -> list[date]:
    """The local days of a series' occurrences."""
    start = series.content.span.start
    end = datetime(until.year, until.month, until.day)
    zone = start.zone if isinstance(start, ZonedTime) else "UTC"
    found = occurrences(series, instant(start), instant(ZonedTime(end, zone)))
    days = [day_of(one.content.span.start, zone) for one in found]
    return [day for day in days if day < until]


def day_of(when: date | ZonedTime, zone: str) -> date:
    return from_utc(instant(when), zone).local.date() if isinstance(when, ZonedTime) else when


def days_there(held: PatternedRecurrence, until: date) -> list[date]:
    """The days of a pattern as the simulated Graph reads what was written."""
    written = graph.check(recurrence.write(held, "UTC"), held.start.isoformat(), "UTC")
    return [
        day
        for text in graph.days(written, held.start.isoformat(), until.isoformat(), clamp=True)
        if (day := date.fromisoformat(text)) < until
    ]


any_rule = likely_rules() | likely_rules() | rules(within_a_day=False)


@effort(40)
@given(series_of_times(any_rule))
def test_a_rule_falls_on_the_same_days_in_outlook_or_is_refused_with_a_reason(given_series: Series) -> None:
    series = Series(given_series.content, tuple(x for x in given_series.recurrence if not x.startswith("EXDATE")))
    span = series.content.span
    held = recurrence.to_pattern(series.recurrence, span)
    if isinstance(held, CannotHold):
        event("refused")
        assert held.reason
        assert recurrence.canonical(series.recurrence, span) == series.recurrence
        return
    event("held")
    until = held.start + timedelta(days=366 * YEARS)
    assert days_there(held, until) == days_here(series, until)


@effort(40)
@given(series_of_times(any_rule))
def test_a_rule_comes_back_from_outlook_meaning_the_same_and_then_never_changes(series: Series) -> None:
    span = series.content.span
    held = recurrence.to_pattern(series.recurrence, span)
    if isinstance(held, CannotHold):
        return
    read = recurrence.read(recurrence.write(held, "UTC"))
    again, lines = recurrence.from_pattern(read, span)
    lines = recurrence.with_exclusions(lines, recurrence.exclusions(series.recurrence, span))
    assert again == span, "the first appointment moved"
    assert lines == recurrence.canonical(series.recurrence, span)
    assert recurrence.canonical(lines, span) == lines
    end = instant(span.start) + timedelta(days=366 * YEARS)
    before, after = (
        occurrences(Series(series.content, one), instant(span.start), end) for one in (series.recurrence, lines)
    )
    assert [one.original_start for one in before] == [one.original_start for one in after]


weekdays = st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(lambda found: tuple(sorted(found)))
indexes = st.sampled_from([1, 2, 3, 4, -1])
intervals = st.integers(1, 5)
patterns = st.one_of(
    st.builds(Pattern, kind=st.just(Kind.DAILY), interval=intervals),
    st.builds(Pattern, kind=st.just(Kind.WEEKLY), interval=intervals, days=weekdays, first_day=st.integers(0, 6)),
    st.builds(Pattern, kind=st.just(Kind.ABSOLUTE_MONTHLY), interval=intervals, day=st.integers(1, 28)),
    st.builds(Pattern, kind=st.just(Kind.RELATIVE_MONTHLY), interval=intervals, days=weekdays, index=indexes),
    st.builds(
        Pattern,
        kind=st.just(Kind.ABSOLUTE_YEARLY),
        interval=intervals,
        day=st.integers(1, 28),
        month=st.integers(1, 12),
    ),
    st.builds(
        Pattern,
        kind=st.just(Kind.RELATIVE_YEARLY),
        interval=intervals,
        days=weekdays,
        month=st.integers(1, 12),
        index=indexes,
    ),
)


@st.composite
def patterned(draw: st.DrawFn) -> tuple[PatternedRecurrence, Span]:
    """A pattern that somebody made in Outlook, with the time of its first appointment."""
    start = draw(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
    wall = datetime(start.year, start.month, start.day, draw(st.integers(5, 20)), 30)
    zone = draw(st.sampled_from(ZONES))
    timed = Span(ZonedTime(wall, zone), ZonedTime(wall + timedelta(hours=1), zone))
    span = draw(st.sampled_from([timed, Span(start, start + timedelta(days=1))]))
    count = draw(st.none() | st.integers(1, 30))
    until = None if count else draw(st.none() | st.integers(0, 3000).map(lambda far: start + timedelta(days=far)))
    return PatternedRecurrence(pattern=draw(patterns), start=start, count=count, until=until), span


@effort(40)
@given(patterned())
def test_a_pattern_made_in_outlook_falls_on_the_same_days_here(made: tuple[PatternedRecurrence, Span]) -> None:
    pattern, span = made
    until = pattern.start + timedelta(days=366 * YEARS)
    expected = days_there(pattern, until)
    first, lines = recurrence.from_pattern(pattern, span)
    found = days_here(Series(Content(span=first), lines), until)
    if expected:
        assert list(islice(found, 400)) == list(islice(expected, 400))
    else:
        event("the pattern ends before its first day: one appointment here")
        assert len(found) <= 1
    again = recurrence.to_pattern(lines, first)
    assert isinstance(again, PatternedRecurrence), "what Outlook made cannot be written back"
    assert recurrence.from_pattern(again, first) == (first, lines)
