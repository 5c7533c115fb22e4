"""Busy time: what blocks a person's time and what does not, and that no time is told twice or left out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.busy import Interval, busy_times, merged
from shared.model import CANCELLED, Content, EventStatus, Series, ShowAs, Span, Visibility, ZonedTime

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(start: str, end: str, zone: str = BERLIN, **more: object) -> Content:
    span = Span(ZonedTime(datetime.fromisoformat(start), zone), ZonedTime(datetime.fromisoformat(end), zone))
    return Content(span=span, **more)  # type: ignore[arg-type]


def days(first: str, last: str, **more: object) -> Content:
    return Content(span=Span(date.fromisoformat(first), date.fromisoformat(last)), **more)  # type: ignore[arg-type]


def found(series: Series, start: str, end: str, zone: str = BERLIN) -> list[tuple[str, str]]:
    """The busy times as `03-01 08:00` pairs (UTC)."""
    times = merged(busy_times(series, utc(start), utc(end), zone))
    return [(f"{one.start:%m-%d %H:%M}", f"{one.end:%m-%d %H:%M}") for one in times]


MARCH = ("2027-03-01", "2027-04-01")


@pytest.mark.parametrize(
    ("members", "busy"),
    [
        ({}, True),
        ({"show_as": ShowAs.FREE}, False),
        ({"show_as": ShowAs.TENTATIVE}, True),
        ({"status": EventStatus.TENTATIVE}, True),
        ({"visibility": Visibility.PRIVATE}, True),
    ],
    ids=["plain", "free", "tentative time", "tentative event", "private"],
)
@pytest.mark.parametrize("all_day", [False, True], ids=["an hour", "a day"])
def test_what_is_shown_as_free_and_nothing_else_leaves_the_time_free(members, busy, all_day):
    content = (
        days("2027-03-02", "2027-03-03", **members)
        if all_day
        else at("2027-03-02T09:00", "2027-03-02T10:00", **members)
    )
    assert bool(found(Series(content), *MARCH)) is busy


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "03-01 23:00", "03-02 23:00"),
        ("Australia/Sydney", "03-01 13:00", "03-02 13:00"),
        ("America/Los_Angeles", "03-02 08:00", "03-03 08:00"),
    ],
)
def test_a_whole_day_is_a_day_of_the_calendars_zone(zone, start, end):
    assert found(Series(days("2027-03-02", "2027-03-03")), *MARCH, zone) == [(start, end)]


def test_a_whole_day_on_which_the_clocks_change_is_as_long_as_that_day():
    assert found(Series(days("2027-03-28", "2027-03-29")), *MARCH) == [("03-27 23:00", "03-28 22:00")]


@pytest.mark.parametrize(
    ("window", "busy"),
    [
        (("2027-03-02 08:30", "2027-03-02 12:00"), [("03-02 08:30", "03-02 09:00")]),
        (("2027-03-02 00:00", "2027-03-02 08:30"), [("03-02 08:00", "03-02 08:30")]),
        (("2027-03-02 08:10", "2027-03-02 08:20"), [("03-02 08:10", "03-02 08:20")]),
        (("2027-03-02 09:00", "2027-03-02 12:00"), []),
        (("2027-03-02 00:00", "2027-03-02 08:00"), []),
    ],
    ids=["began before", "runs on", "within it", "just over", "not yet begun"],
)
def test_an_event_that_began_before_the_window_and_still_runs_counts_and_is_cut_to_it(window, busy):
    assert found(Series(at("2027-03-02T09:00", "2027-03-02T10:00")), *window) == busy


def test_an_event_without_length_takes_no_time():
    assert found(Series(at("2027-03-02T09:00", "2027-03-02T09:00")), *MARCH) == []


def test_of_a_series_moved_occurrences_count_where_they_are_and_cancelled_ones_not_at_all():
    weekly = Series(
        at("2027-03-01T09:00", "2027-03-01T10:00"),
        ("RRULE:FREQ=WEEKLY;COUNT=4",),
        MappingProxyType(
            {
                "20270308T080000Z": CANCELLED,
                "20270315T080000Z": at("2027-03-17T14:00", "2027-03-17T15:00"),
                "20270322T080000Z": at("2027-03-22T09:00", "2027-03-22T10:00", show_as=ShowAs.FREE),
            }
        ),
    )
    assert found(weekly, *MARCH) == [("03-01 08:00", "03-01 09:00"), ("03-17 13:00", "03-17 14:00")]


def test_one_busy_occurrence_of_a_series_that_is_free_counts():
    busy = at("2027-03-08T09:00", "2027-03-08T10:00")
    free = Series(
        at("2027-03-01T09:00", "2027-03-01T10:00", show_as=ShowAs.FREE),
        ("RRULE:FREQ=WEEKLY;COUNT=4",),
        MappingProxyType({"20270308T080000Z": busy}),
    )
    assert found(free, *MARCH) == [("03-08 08:00", "03-08 09:00")]


def test_a_series_keeps_its_wall_clock_time_when_the_clocks_change():
    daily = Series(at("2027-03-27T09:00", "2027-03-27T10:00"), ("RRULE:FREQ=DAILY;COUNT=2",))
    assert found(daily, *MARCH) == [("03-27 08:00", "03-27 09:00"), ("03-28 07:00", "03-28 08:00")]


minutes = st.integers(0, 300)
intervals = st.lists(st.tuples(minutes, st.integers(1, 60)))


@given(intervals)
def test_merging_tells_every_minute_once_in_order_and_with_a_gap_between_any_two(pairs):
    base = utc("2027-03-01")
    single = [Interval(base + start * MINUTE, base + (start + length) * MINUTE) for start, length in pairs]
    joined = merged(single)
    told = {minute for one in single for minute in _each(one)}
    again = [minute for one in joined for minute in _each(one)]
    assert again == sorted(told)
    assert all(one.end < other.start for one, other in pairwise(joined))


def _each(one: Interval) -> list[datetime]:
    return [one.start + number * MINUTE for number in range((one.end - one.start) // MINUTE)]


@pytest.mark.parametrize(
    ("zone", "hour"), [("Pacific/Auckland", "2027-03-01T11"), ("Pacific/Honolulu", "2027-03-03T09")]
)
def test_a_whole_day_far_from_utc_blocks_its_first_and_its_last_hour(zone: str, hour: str) -> None:
    day = Series(days("2027-03-02", "2027-03-03"))
    assert found(day, f"{hour}:00", f"{hour}:59", zone) == [
        (f"{hour[5:10]} {hour[11:]}:00", f"{hour[5:10]} {hour[11:]}:59")
    ]
    assert found(day, f"{hour}:00", f"{hour}:59", "UTC") == []
