"""Rules and Graph's patterns: each row of the table, what cannot be held, and that a rule means the same afterwards."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.recurrence import occurrences
from shared.model import Content, Series, Span, ZonedTime
from shared.providers.microsoft.recurrence import (
    CannotHold,
    Kind,
    Pattern,
    PatternedRecurrence,
    canonical,
    exclusions,
    from_pattern,
    hits,
    read,
    to_pattern,
    write,
)

BERLIN = "Europe/Berlin"


def hour(day: date, zone: str = BERLIN, at: int = 9) -> Span:
    start = datetime(day.year, day.month, day.day, at)
    return Span(ZonedTime(start, zone), ZonedTime(start + timedelta(hours=1), zone))


MONDAY = hour(date(2027, 3, 1))
DAY = Span(date(2027, 3, 1), date(2027, 3, 2))


def pattern_of(rule: str, span: Span = MONDAY) -> PatternedRecurrence:
    found = to_pattern((f"RRULE:{rule}",), span)
    assert isinstance(found, PatternedRecurrence), found
    return found


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("FREQ=DAILY;INTERVAL=3", {"type": "daily", "interval": 3}),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            {"type": "weekly", "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"]},
        ),
        ("FREQ=WEEKLY", {"type": "weekly", "daysOfWeek": ["monday"]}),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
            {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "sunday"], "firstDayOfWeek": "sunday"},
        ),
        ("FREQ=MONTHLY", {"type": "absoluteMonthly", "dayOfMonth": 1}),
        ("FREQ=MONTHLY;BYMONTHDAY=1", {"type": "absoluteMonthly", "dayOfMonth": 1}),
        ("FREQ=MONTHLY;BYDAY=1MO", {"type": "relativeMonthly", "daysOfWeek": ["monday"], "index": "first"}),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1",
            {"type": "relativeMonthly", "daysOfWeek": ["monday", "tuesday"], "index": "first"},
        ),
        ("FREQ=YEARLY", {"type": "absoluteYearly", "dayOfMonth": 1, "month": 3}),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=1MO",
            {"type": "relativeYearly", "daysOfWeek": ["monday"], "index": "first", "month": 3},
        ),
    ],
)
def test_each_row_of_the_table_is_written_and_read_back(rule: str, pattern: dict[str, Any]) -> None:
    held = pattern_of(rule)
    written = write(held, "W. Europe Standard Time")
    assert written["pattern"] == {"interval": 1, "firstDayOfWeek": "monday"} | pattern
    assert written["range"] == {
        "type": "noEnd",
        "startDate": "2027-03-01",
        "recurrenceTimeZone": "W. Europe Standard Time",
    }
    assert from_pattern(read(written), MONDAY) == from_pattern(held, MONDAY)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=HOURLY;INTERVAL=8",
        "FREQ=DAILY;BYHOUR=9,17",
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
        "FREQ=YEARLY;BYYEARDAY=60",
        "FREQ=YEARLY;BYWEEKNO=9;BYDAY=MO",
        "FREQ=YEARLY;BYMONTH=3,9",
        "FREQ=YEARLY;BYMONTHDAY=1",
        "FREQ=YEARLY;BYDAY=10MO",
        "FREQ=MONTHLY;BYMONTHDAY=1,15",
        "FREQ=MONTHLY;BYMONTHDAY=-2",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=5MO",
        "FREQ=MONTHLY;BYDAY=-2MO",
        "FREQ=MONTHLY;BYDAY=1MO,3MO",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=5",
        "FREQ=MONTHLY;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTH=3",
        "FREQ=WEEKLY;BYDAY=TU",
        "FREQ=MONTHLY;BYMONTHDAY=2",
    ],
)
def test_a_rule_that_graph_would_bend_is_not_written_and_stays_as_it_is(rule: str) -> None:
    found = to_pattern((f"RRULE:{rule}",), MONDAY)
    assert isinstance(found, CannotHold)
    assert found.reason
    assert canonical(canonical((f"RRULE:{rule}",), MONDAY), MONDAY) == canonical((f"RRULE:{rule}",), MONDAY)


@pytest.mark.parametrize(
    "lines",
    [
        ("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"),
        ("RRULE:FREQ=DAILY", "RDATE:20270305T100000Z"),
        ("RDATE:20270305T100000Z",),
        ("RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY"),
    ],
)
def test_two_rules_single_dates_and_excluded_rules_are_not_dropped_in_silence(lines: tuple[str, ...]) -> None:
    assert isinstance(to_pattern(lines, MONDAY), CannotHold)


def test_the_end_is_a_local_day_that_still_holds_the_last_appointment() -> None:
    late = hour(date(2027, 3, 1), "America/New_York", at=21)
    assert pattern_of("FREQ=DAILY;UNTIL=20270305T020000Z", late).until == date(2027, 3, 4)
    assert pattern_of("FREQ=DAILY;UNTIL=20270305T015959Z", late).until == date(2027, 3, 3)
    assert canonical(("RRULE:FREQ=DAILY;UNTIL=20270305T020000Z",), late) == ("RRULE:FREQ=DAILY;UNTIL=20270305T045959Z",)
    assert canonical(("RRULE:FREQ=DAILY;UNTIL=20270305",), DAY) == ("RRULE:FREQ=DAILY;UNTIL=20270305",)


def test_a_series_that_ended_before_it_began_is_one_appointment() -> None:
    assert pattern_of("FREQ=DAILY;UNTIL=20270101T000000Z").count == 1


def test_a_pattern_without_first_day_of_the_week_begins_on_sunday() -> None:
    raw = write(pattern_of("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU"), "UTC")
    del raw["pattern"]["firstDayOfWeek"]
    assert from_pattern(read(raw), MONDAY)[1] == ("RRULE:FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=MO,SU",) or (
        "WKST=SU" in from_pattern(read(raw), MONDAY)[1][0]
    )


def test_the_first_appointment_is_where_the_pattern_first_hits_and_not_where_it_starts() -> None:
    weekly = PatternedRecurrence(pattern=Pattern(kind=Kind.WEEKLY, days=(2,)), start=date(2027, 3, 1), count=3)
    span, lines = from_pattern(weekly, MONDAY)
    assert (span, lines) == (hour(date(2027, 3, 3)), ("RRULE:FREQ=WEEKLY;COUNT=3",))


def test_the_last_day_of_a_month_is_held_and_a_pattern_that_shortens_is_read_as_what_it_does() -> None:
    end = hour(date(2027, 1, 31))
    assert pattern_of("FREQ=MONTHLY;BYMONTHDAY=-1", end).pattern.day == 31
    thirtieth = PatternedRecurrence(pattern=Pattern(kind=Kind.ABSOLUTE_MONTHLY, day=30), start=date(2027, 1, 30))
    span, lines = from_pattern(thirtieth, hour(date(2027, 1, 30)))
    found = occurrences(
        Series(Content(span=span), lines), datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)
    )
    days = [one.content.span.start.local.date() for one in found]  # type: ignore[union-attr]
    assert days == [date(2027, 1, 30), date(2027, 2, 28), date(2027, 3, 30)]
    assert to_pattern(lines, span) == thirtieth


def test_excluded_dates_are_named_by_their_original_start_in_whatever_form_they_were_written() -> None:
    lines = (
        "RRULE:FREQ=DAILY;COUNT=9",
        "EXDATE:20270302T080000Z",
        "EXDATE;TZID=Australia/Sydney:20270303T190000",
        "EXDATE:20270304T090000",
        "EXDATE:20270401T090000Z",
    )
    assert exclusions(lines, MONDAY) == ("20270302T080000Z", "20270303T080000Z", "20270304T080000Z")
    assert exclusions(("RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20270302"), DAY) == ("20270302",)


@pytest.mark.parametrize("raw", [{}, {"pattern": {"type": "lunar"}, "range": {"startDate": "2027-03-01"}}])
def test_a_pattern_of_no_known_kind_is_an_error_and_not_a_guess(raw: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read(raw)


starts = st.dates(date(2020, 1, 1), date(2030, 12, 31))
weekdays = st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(lambda days: tuple(sorted(days)))
patterns = st.one_of(
    st.builds(Pattern, kind=st.just(Kind.DAILY), interval=st.integers(1, 9)),
    st.builds(
        Pattern, kind=st.just(Kind.WEEKLY), interval=st.integers(1, 4), days=weekdays, first_day=st.integers(0, 6)
    ),
    st.builds(Pattern, kind=st.just(Kind.ABSOLUTE_MONTHLY), interval=st.integers(1, 5), day=st.integers(1, 31)),
    st.builds(
        Pattern,
        kind=st.just(Kind.RELATIVE_MONTHLY),
        interval=st.integers(1, 5),
        days=weekdays,
        index=st.sampled_from([1, 2, 3, 4, -1]),
    ),
    st.builds(
        Pattern,
        kind=st.just(Kind.ABSOLUTE_YEARLY),
        interval=st.integers(1, 3),
        day=st.integers(1, 31),
        month=st.integers(1, 12),
    ),
    st.builds(
        Pattern,
        kind=st.just(Kind.RELATIVE_YEARLY),
        interval=st.integers(1, 3),
        days=weekdays,
        month=st.integers(1, 12),
        index=st.sampled_from([1, 2, 3, 4, -1]),
    ),
)


@given(patterns, starts, st.none() | st.integers(1, 40))
def test_the_lines_of_a_pattern_give_the_days_of_the_pattern(pattern: Pattern, start: date, count: int | None) -> None:
    span, lines = from_pattern(PatternedRecurrence(pattern=pattern, start=start, count=count), hour(start))
    series = Series(Content(span=span), lines)
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    found = occurrences(series, begin, begin + timedelta(days=900))
    days = [one.content.span.start.local.date() for one in found]  # type: ignore[union-attr]
    expected = []
    for day in hits(pattern, start):
        if day >= start + timedelta(days=890) or (count and len(expected) == count):
            break
        expected.append(day)
    assert days[: len(expected)] == expected
    assert canonical(lines, span) == lines


@given(patterns, starts)
def test_what_was_read_can_be_written_again_as_it_was(pattern: Pattern, start: date) -> None:
    span, lines = from_pattern(PatternedRecurrence(pattern=pattern, start=start), hour(start))
    again = to_pattern(lines, span)
    assert isinstance(again, PatternedRecurrence)
    assert from_pattern(read(write(again, "UTC")), span) == (span, lines)
