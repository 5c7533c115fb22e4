"""The sentences that people read when a recurrence cannot be meant, to the letter; and the bounds just inside of which
nothing is refused."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from shared.calendar.recurrence import (
    normalize,
    normalize_original_start,
    occurrence_content,
    occurrences,
    parse_original_start,
)
from shared.calendar.rules import check_line
from shared.calendar.timezones import from_utc
from shared.model import Content, Series, Span
from tests.unit.sync.memory import content, weekly

PARTS = (
    "FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSECOND, "
    "BYSETPOS"
)
NO_PLACE = "does not belong in the recurrence: the event's start and end say it. Leave this line out."
NO_LINE = "is no recurrence line; an example is RRULE:FREQ=WEEKLY;BYDAY=MO."
BROKEN_LINE = "A recurrence line holds a line break or a control character; give each line on its own."
NO_DATE = "which is no date; write 20270301, 20270301T090000 or 20270301T090000Z."
ALONE = "Exceptions alone repeat nothing: an RRULE or RDATE line is missing."
NUMBERED = "BYDAY with a number, such as 2TU, needs FREQ=MONTHLY or FREQ=YEARLY without BYWEEKNO."
TOO_OFTEN = "The rule repeats more than 96 times a day. Use a larger INTERVAL, or FREQ=DAILY with BYHOUR and BYMINUTE."


def numbers(count: int) -> str:
    return ",".join(map(str, range(count)))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", f"“” {NO_LINE}"),
        ("RRULE:", f"“RRULE:” {NO_LINE}"),
        ("A" * 24, f"“{'A' * 24}” {NO_LINE}"),
        ("A" * 25, f"“{'A' * 24}…” {NO_LINE}"),
        ("RRULE:FREQ=DAILY\n", BROKEN_LINE),
        ("X" * 40_001, "A recurrence line is too long."),
        ("X" * 40_000, f"“{'X' * 24}…” {NO_LINE}"),
        ("FOO:BAR", "“FOO” is not one of RRULE, EXRULE, RDATE and EXDATE."),
        ("dtstart:20270301", f"DTSTART {NO_PLACE}"),
        ("DTEND:20270301", f"DTEND {NO_PLACE}"),
        ("DURATION:PT1H", f"DURATION {NO_PLACE}"),
        ("RRULE;X=1:FREQ=DAILY", "The parameter “X=1” cannot be used here; only TZID and VALUE can, once."),
        ("RDATE;TZID:20270301", "The parameter “TZID” cannot be used here; only TZID and VALUE can, once."),
        ("EXRULE;TZID=UTC:FREQ=DAILY", "EXRULE takes no parameters; write EXRULE:FREQ=…"),
        ("RRULE:INTERVAL=2", "The rule lacks FREQ, such as FREQ=WEEKLY."),
        (
            "RRULE:FREQ=OFTEN",
            "FREQ is “OFTEN”; it can be YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY.",
        ),
        (
            "RRULE:FREQ=DAILY=2",
            "FREQ is “DAILY=2”; it can be YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY.",
        ),
        ("RRULE:FREQ=DAILY;FREQ=WEEKLY", "The rule gives “FREQ” twice."),
        ("RRULE:FREQ=DAILY;BYEASTER=1", f"The rule holds the unknown part “BYEASTER”. Known are {PARTS}."),
        ("RRULE:FREQ=DAILY;COUNT=", "The rule holds “COUNT=”, which is no PART=VALUE."),
        ("RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270301", "The rule gives both COUNT and UNTIL; give one of them."),
        ("RRULE:FREQ=DAILY;COUNT=0", "COUNT holds “0”; it takes whole numbers from 1 to 999999999."),
        ("RRULE:FREQ=DAILY;COUNT=1000000000", "COUNT holds “1000000000”; it takes whole numbers from 1 to 999999999."),
        ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL holds “0”; it takes whole numbers from 1 to 999999999."),
        ("RRULE:FREQ=DAILY;UNTIL=today", f"UNTIL holds “TODAY”, {NO_DATE}"),
        ("RRULE:FREQ=DAILY;UNTIL=2027030A", f"UNTIL holds “2027030A”, {NO_DATE}"),
        ("RRULE:FREQ=DAILY;UNTIL=20270301T09000A", f"UNTIL holds “20270301T09000A”, {NO_DATE}"),
        ("RRULE:FREQ=DAILY;UNTIL=20270301T0900", f"UNTIL holds “20270301T0900”, {NO_DATE}"),
        ("RRULE:FREQ=DAILY;UNTIL=20270231", "UNTIL holds “20270231”, and there is no such day or time."),
        (
            "RRULE:FREQ=MONTHLY;BYMONTHDAY=0",
            "BYMONTHDAY holds “0”; it takes whole numbers from -31 to -1 or 1 to 31.",
        ),
        ("RRULE:FREQ=YEARLY;BYMONTH=13", "BYMONTH holds “13”; it takes whole numbers from 1 to 12."),
        ("RRULE:FREQ=YEARLY;BYMONTH=1,,2", "BYMONTH holds “?”; it takes whole numbers from 1 to 12."),
        ("RRULE:FREQ=WEEKLY;BYDAY=XX", "BYDAY holds “XX”; a weekday is one of MO, TU, WE, TH, FR, SA, SU."),
        ("RRULE:FREQ=WEEKLY;WKST=1MO", "WKST holds “1MO”; a weekday is one of MO, TU, WE, TH, FR, SA, SU."),
        ("RRULE:FREQ=MONTHLY;BYDAY=54MO", "BYDAY holds “54”; it takes whole numbers from -53 to -1 or 1 to 53."),
        ("RRULE:FREQ=MONTHLY;BYDAY=-54MO", "BYDAY holds “-54”; it takes whole numbers from -53 to -1 or 1 to 53."),
        ("RRULE:FREQ=WEEKLY;BYDAY=2TU", NUMBERED),
        ("RRULE:FREQ=YEARLY;BYWEEKNO=3;BYDAY=2TU", NUMBERED),
        ("RRULE:FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY cannot be used with FREQ=WEEKLY; use FREQ=MONTHLY."),
        ("RRULE:FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO can be used with FREQ=YEARLY only."),
        *(
            (
                f"RRULE:FREQ={name};BYYEARDAY=3",
                f"BYYEARDAY cannot be used with FREQ={name}; use BYMONTH and BYMONTHDAY.",
            )
            for name in ("MONTHLY", "WEEKLY", "DAILY")
        ),
        ("RRULE:FREQ=DAILY;BYSETPOS=1", "BYSETPOS chooses among what another BY… part gives, and there is none."),
        ("RRULE:FREQ=DAILY;BYHOUR=X5", "BYHOUR holds “X5”; it takes whole numbers from 0 to 23."),
        ("RRULE:FREQ=DAILY;BYHOUR=24", "BYHOUR holds “24”; it takes whole numbers from 0 to 23."),
        ("RRULE:FREQ=MINUTELY;INTERVAL=14", TOO_OFTEN),
        ("RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9", TOO_OFTEN),
        (f"RRULE:FREQ=HOURLY;INTERVAL=5;BYMINUTE={numbers(20)}", TOO_OFTEN),
        ("RRULE:FREQ=MINUTELY;INTERVAL=30;BYSECOND=0,20,40", TOO_OFTEN),
        (f"RRULE:FREQ=MINUTELY;INTERVAL=1000;BYSECOND={numbers(60)}", TOO_OFTEN),
        ("EXDATE:20270301", ALONE),
        ("RDATE;VALUE=PERIOD:20270301T090000Z/PT1H", "RDATE can hold VALUE=DATE or VALUE=DATE-TIME, not “PERIOD”."),
        (
            "RDATE;VALUE=DATE:20270301T090000Z",
            "RDATE says VALUE=DATE, but “20270301T090000Z” is of the other kind.",
        ),
        ("RDATE;VALUE=DATE-TIME:20270301", "RDATE says VALUE=DATE-TIME, but “20270301” is of the other kind."),
        ("RDATE:09991231", "RDATE holds “09991231”; its year must lie between 1000 and 8999."),
        ("EXDATE:90000101", "EXDATE holds “90000101”; its year must lie between 1000 and 8999."),
        ("RDATE:tomorrow", f"RDATE holds “tomorrow”, {NO_DATE}"),
        (
            "RDATE;TZID=Mars/Olympus:20270301T090000",
            "RDATE names the time zone “Mars/Olympus”, which does not exist. Use an IANA name.",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_whole_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        normalize([line])


def test_too_many_lines_rules_and_dates_are_said_in_whole_sentences() -> None:
    many = "There are more than {} Use a rule for what repeats."
    with pytest.raises(
        ValueError, match=r"^There are more than 100 recurrence lines\. Put the dates of one kind in one line\.$"
    ):
        normalize(["RRULE:FREQ=DAILY"] * 101)
    with pytest.raises(
        ValueError, match=r"^There are more than 10 rules\. Combine them, or list the dates with RDATE\.$"
    ):
        normalize([f"RRULE:FREQ=DAILY;INTERVAL={number}" for number in range(1, 12)])
    with pytest.raises(ValueError, match=f"^{re.escape(many.format('2000 single dates.'))}$"):
        normalize(["RRULE:FREQ=DAILY", "EXDATE:" + ",".join(["20270301T090000Z"] * 2001)])


@pytest.mark.parametrize(
    "lines",
    [
        ["RDATE:20270301T090000Z"] * 100,
        [f"RRULE:FREQ=DAILY;INTERVAL={number}" for number in range(1, 6)]
        + [f"EXRULE:FREQ=DAILY;INTERVAL={number}" for number in range(11, 16)],
        ["RDATE:" + ",".join(["20270301T090000Z"] * 1000), "EXDATE:" + ",".join(["20270302T090000Z"] * 1000)],
        ["RRULE:FREQ=MINUTELY;INTERVAL=15"],
        [f"RRULE:FREQ=HOURLY;INTERVAL=24;BYMINUTE={numbers(48)};BYSECOND=0,30"],
        ["RDATE:10000101,89991231"],
        ["RRULE:FREQ=DAILY;INTERVAL=999999999"],
        ["RRULE:FREQ=YEARLY;BYYEARDAY=-366,366;BYSETPOS=-366,366"],
        ["RRULE:FREQ=YEARLY;BYWEEKNO=-53,53;BYMONTH=1,12;BYHOUR=0,23;BYMINUTE=0,59;BYSECOND=0,59"],
    ],
)
def test_nothing_is_refused_up_to_the_bound(lines: list[str]) -> None:
    assert normalize(lines) == normalize(normalize(lines))


def test_a_single_line_is_judged_by_itself_and_alone() -> None:
    """What is wrong only together with others is not said of it."""
    check_line("EXDATE:20270301")
    with pytest.raises(ValueError, match="lacks FREQ"):
        check_line("RRULE:COUNT=3")


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Zulu", "Etc/Zulu"])
def test_universal_time_has_one_name_whichever_was_written(zone: str) -> None:
    assert normalize([f"RDATE;TZID={zone}:20270301T090000"]) == ("RDATE:20270301T090000Z",)


def test_an_occurrence_is_named_the_same_on_a_machine_in_any_zone() -> None:
    assert normalize_original_start("2027-03-01T09:00:00+01:00") == "20270301T080000Z"


def test_what_names_no_occurrence_is_said_in_a_whole_sentence() -> None:
    sentence = "This names no occurrence. Use its original_start: 20270301T090000Z, 2027-03-01T09:00:00Z, or a date."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        normalize_original_start("next week")
    sentence = "A series of whole days names its occurrences by date, any other by instant."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        occurrence_content(weekly(), "20270301")
    assert occurrence_content(weekly(), "20270301T080000Z") == content()


@pytest.mark.parametrize("key", ["", "tomorrow", "20270301T0900Z", "2027-03-01"])
def test_a_key_that_names_nothing_is_said_in_a_whole_sentence(key: str) -> None:
    sentence = "An original start is written 20270301T090000Z, or 20270301 for a whole day."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_original_start(key)


def test_an_hourly_rule_of_many_minutes_and_seconds_is_counted_by_all_of_them() -> None:
    with pytest.raises(ValueError, match="more than 96 times a day"):
        normalize(["RRULE:FREQ=HOURLY;INTERVAL=6;BYMINUTE=0,10,20,30,40,50;BYSECOND=0,10,20,30,40"])


def test_only_the_first_colon_and_the_first_equals_sign_divide_a_line() -> None:
    with pytest.raises(ValueError, match="which is no date"):
        normalize(["RDATE;TZID=UTC:20270301T090000:20270302T090000"])
    with pytest.raises(ValueError, match="“UTC=1”, which does not exist"):
        normalize(["RDATE;TZID=UTC=1:20270301T090000"])


def test_hours_minutes_and_seconds_mean_nothing_to_whole_days() -> None:
    first = date(2027, 3, 1)
    days = Series(
        Content(span=Span(first, date(2027, 3, 2))), ("RRULE:FREQ=DAILY;COUNT=2;BYMINUTE=0,30;BYSECOND=0,30",)
    )
    found = [
        one.original_start
        for one in occurrences(days, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    ]
    assert found == ["20270301", "20270302"]


def test_an_instant_without_an_offset_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match=r"^an instant needs an offset$"):
        from_utc(datetime(2027, 3, 1), "UTC")  # noqa: DTZ001
