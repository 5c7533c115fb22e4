"""Rules at the corners of the calendar, each against dateutil: weeks that belong to two years, weekdays counted from
the end, leap years, and periods within a day. (tests/properties tries rules at random.)"""

# ruff: noqa: DTZ001 (wall-clock times are naive on purpose)

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from shared.calendar.expansion import COUNT_LIMIT, expand
from shared.calendar.rules import parse

STARTS = (
    datetime(2023, 12, 31, 9, 5, 7),
    datetime(2024, 2, 29, 23, 59, 59),
    datetime(2026, 1, 1),
    datetime(2027, 3, 10, 13, 47, 30),
)
# Of a week counted from the end dateutil misses the days that lie in the year before (BYWEEKNO=-53).
RULES = (
    *(
        f"FREQ=YEARLY;BYWEEKNO={weeks};BYDAY=MO,TH,SU;WKST={day}"
        for weeks in ("1", "20,53", "-1", "-2,3")
        for day in ("MO", "SU", "TH")
    ),
    *("FREQ=YEARLY;BYWEEKNO=1,52;BYDAY=MO,SU", "FREQ=YEARLY;BYWEEKNO=10;BYMONTH=3;BYDAY=WE", "FREQ=YEARLY;INTERVAL=3"),
    *("FREQ=YEARLY;BYDAY=1MO,-1FR", "FREQ=YEARLY;BYDAY=20MO,-53SU,53MO", "FREQ=YEARLY;BYMONTH=2;BYDAY=-1SU,2TU"),
    *("FREQ=YEARLY;BYYEARDAY=1,100,366", "FREQ=YEARLY;BYYEARDAY=-1,-366", "FREQ=YEARLY;BYMONTHDAY=-1,15"),
    *("FREQ=YEARLY;BYMONTH=2,12;BYMONTHDAY=29,31", "FREQ=YEARLY;BYMONTH=2", "FREQ=YEARLY;BYDAY=MO;BYSETPOS=1,-1"),
    *("FREQ=YEARLY;BYMONTH=1,6;BYDAY=FR;BYMONTHDAY=13",),
    *("FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYDAY=5MO,-5MO,1TH", "FREQ=MONTHLY;BYDAY=-2WE;INTERVAL=5"),
    *("FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYMONTHDAY=-31,-1", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1,2"),
    *("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=29,-1", "FREQ=MONTHLY;INTERVAL=13", "FREQ=MONTHLY;BYDAY=SU;BYMONTHDAY=1"),
    *(f"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST={day}" for day in ("MO", "SU", "WE")),
    *("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,MO;WKST=SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SU,MO;WKST=SA"),
    *("FREQ=WEEKLY;INTERVAL=3;BYMONTH=1,2", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,17;BYMINUTE=0,30", "FREQ=WEEKLY"),
    *("FREQ=DAILY;INTERVAL=10;BYMONTH=12,1", "FREQ=DAILY;BYMONTHDAY=-1,1;BYHOUR=0,23;BYSECOND=0,59", "FREQ=DAILY"),
    *("FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;INTERVAL=7;BYMINUTE=10,50;BYSECOND=5,20", "FREQ=HOURLY;BYHOUR=0,13,23"),
    *("FREQ=HOURLY;INTERVAL=25;BYDAY=MO", "FREQ=HOURLY;BYMINUTE=0,15,45;BYSETPOS=-1", "FREQ=HOURLY;BYSECOND=30"),
    *("FREQ=MINUTELY;INTERVAL=17", "FREQ=MINUTELY;INTERVAL=90;BYHOUR=9,10", "FREQ=MINUTELY;INTERVAL=1441"),
    *("FREQ=MINUTELY;INTERVAL=15;BYMINUTE=2,17,47", "FREQ=MINUTELY;INTERVAL=30;BYSECOND=1,59;BYSETPOS=2"),
    *("FREQ=MINUTELY;INTERVAL=61;BYMONTHDAY=1,-1", "FREQ=SECONDLY;INTERVAL=3601", "FREQ=SECONDLY;INTERVAL=86399"),
    *("FREQ=SECONDLY;INTERVAL=1801;BYHOUR=1,2,14", "FREQ=SECONDLY;INTERVAL=907;BYSECOND=7,30,37"),
    *("FREQ=SECONDLY;INTERVAL=900;BYMINUTE=0,5,35,59", "FREQ=SECONDLY;INTERVAL=100000"),
)
YEARS = timedelta(days=3 * 366)


@pytest.mark.parametrize("text", RULES)
def test_a_rule_at_the_corners_of_the_calendar_gives_the_times_that_dateutil_gives(text: str) -> None:
    (rule,) = parse((f"RRULE:{text}",)).rules
    for start in STARTS:
        expected = _by_dateutil(text, start)
        found = list(islice(expand(rule, start, start, start + YEARS, with_start=False), 60))
        assert found == expected, start


def _by_dateutil(text: str, start: datetime) -> list[datetime]:
    try:
        return list(islice(rrulestr(f"RRULE:{text};UNTIL={start + YEARS:%Y%m%dT%H%M%S}", dtstart=start), 60))
    except ValueError:  # dateutil refuses what can never come round within a day
        return []


@pytest.mark.parametrize("text", RULES[::3])
def test_a_walk_may_begin_anywhere_and_misses_nothing(text: str) -> None:
    (rule,) = parse((f"RRULE:{text}",)).rules
    for start in STARTS:
        whole = list(islice(expand(rule, start, start, start + YEARS, with_start=True), 40))
        for number, after in enumerate(whole):
            if number % 7 == 0:
                tail = list(islice(expand(rule, start, after, whole[-1], with_start=True), 40))
                assert tail == whole[number:]
                just_after = expand(rule, start, after + timedelta(microseconds=1), whole[-1], with_start=True)
                assert list(just_after) == whole[number + 1 :]


def test_a_week_counted_from_the_end_of_its_year_has_the_days_that_lie_in_the_year_before() -> None:
    """With weeks from Thursday on, 2028 has 53, and its first one begins on 30 December 2027."""
    (rule,) = parse(("RRULE:FREQ=YEARLY;BYWEEKNO=-53;BYDAY=TH,SU;WKST=TH",)).rules
    start = datetime(2027, 6, 1, 9)
    found = list(expand(rule, start, start, datetime(2029, 6, 1), with_start=False))
    assert found == [datetime(2027, 12, 30, 9), datetime(2028, 1, 2, 9)]


def test_a_window_that_begins_with_the_start_holds_the_start() -> None:
    (rule,) = parse(("RRULE:FREQ=DAILY",)).rules
    start = datetime(2027, 3, 1, 9)
    assert list(expand(rule, start, start, start, with_start=True)) == [start]


def test_a_position_just_behind_the_last_is_none() -> None:
    (rule,) = parse(("RRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3",)).rules
    start = datetime(2027, 3, 1, 9)
    assert list(expand(rule, start, start, start + timedelta(days=30), with_start=False)) == []


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30,31", datetime(8998, 12, 30)),
        ("FREQ=MONTHLY;BYMONTHDAY=30,31", datetime(8999, 11, 30)),
        ("FREQ=WEEKLY;BYDAY=SU,MO,TU,WE,TH,FR,SA", datetime(8999, 12, 24)),
        ("FREQ=DAILY", datetime(8999, 12, 29)),
    ],
)
def test_a_rule_is_followed_to_the_last_day_and_no_further(text: str, start: datetime) -> None:
    (rule,) = parse((f"RRULE:{text}",)).rules
    found = list(expand(rule, start, start, datetime(9001, 1, 1), with_start=True))
    assert found == list(rrulestr(f"RRULE:{text};UNTIL=89991231T235959", dtstart=start))


@pytest.mark.parametrize("day", [1, 2])
def test_a_rule_may_begin_with_the_first_day_of_all(day: int) -> None:
    start = datetime(1, 1, day)
    (rule,) = parse(("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE;WKST=SU",)).rules
    found = list(expand(rule, start, start, datetime(1, 1, 10), with_start=False))
    assert found == [datetime(1, 1, each) for each in (1, 2, 3, 8, 9, 10) if each >= day]


def test_a_rule_is_counted_up_to_the_largest_count_that_is_counted() -> None:
    (rule,) = parse((f"RRULE:FREQ=DAILY;COUNT={COUNT_LIMIT}",)).rules
    start = datetime(2027, 3, 1, 9)
    found = list(expand(rule, start, start, datetime(2127, 3, 1), with_start=True))
    assert (len(found), found[-1]) == (COUNT_LIMIT, start + timedelta(days=COUNT_LIMIT - 1))
