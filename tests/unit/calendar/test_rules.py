"""Recurrence lines: their canonical form, and what is refused with which words."""

from __future__ import annotations

import re

import pytest

from shared.calendar.recurrence import normalize


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("rrule:freq=weekly;byday=we,mo", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE"),
        ("RRULE:BYDAY=MO;COUNT=3;FREQ=WEEKLY", "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO"),
        ("RRULE:FREQ=DAILY;INTERVAL=1", "RRULE:FREQ=DAILY"),
        ("RRULE:FREQ=DAILY;INTERVAL=01;", "RRULE:FREQ=DAILY"),
        ("RRULE:FREQ=WEEKLY;WKST=MO;INTERVAL=2", "RRULE:FREQ=WEEKLY;INTERVAL=2"),
        ("RRULE:FREQ=WEEKLY;WKST=SU;INTERVAL=2", "RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU"),
        ("RRULE:FREQ=WEEKLY;WKST=SU;BYDAY=MO", "RRULE:FREQ=WEEKLY;BYDAY=MO"),
        ("RRULE:FREQ=MONTHLY;BYDAY=+1MO,-1FR", "RRULE:FREQ=MONTHLY;BYDAY=-1FR,1MO"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,1,-1,1", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1,1,15"),
        ("RRULE:FREQ=DAILY;UNTIL=20270301t090000z", "RRULE:FREQ=DAILY;UNTIL=20270301T090000Z"),
        ("RRULE:FREQ=YEARLY;WKST=SU;BYWEEKNO=20;BYDAY=MO", "RRULE:FREQ=YEARLY;WKST=SU;BYWEEKNO=20;BYDAY=MO"),
        ("RDATE:20270301,20270101", "RDATE;VALUE=DATE:20270101,20270301"),
        ("RDATE;VALUE=DATE-TIME:20270301T090000Z", "RDATE:20270301T090000Z"),
        ("RDATE;TZID=Etc/UTC:20270301T090000", "RDATE:20270301T090000Z"),
        ('RDATE;TZID="Europe/Berlin":20270301T090000', "RDATE;TZID=Europe/Berlin:20270301T090000"),
    ],
)
def test_two_ways_to_write_a_line_do_not_look_like_a_change(written: str, canonical: str) -> None:
    assert normalize([written]) == (canonical,)


def test_the_order_of_lines_and_their_division_do_not_look_like_a_change() -> None:
    lines = ["EXDATE:20270303T090000Z", "RDATE:20270302", "EXRULE:FREQ=YEARLY", "RRULE:FREQ=DAILY"]
    lines += ["EXDATE:20270301T090000Z,20270303T090000Z", "EXDATE;TZID=Asia/Tokyo:20270309T090000", "RRULE:FREQ=DAILY"]
    lines += ["EXDATE:20270305T090000"]
    assert normalize(lines) == (
        "RRULE:FREQ=DAILY",
        "EXRULE:FREQ=YEARLY",
        "RDATE;VALUE=DATE:20270302",
        "EXDATE:20270305T090000",
        "EXDATE;TZID=Asia/Tokyo:20270309T090000",
        "EXDATE:20270301T090000Z,20270303T090000Z",
    )


def test_no_lines_are_a_single_event() -> None:
    assert normalize([]) == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "no recurrence line"),
        ("RRULE:", "no recurrence line"),
        ("FREQ=DAILY", "no recurrence line"),
        ("FOO:BAR", "not one of RRULE"),
        ("DTSTART:20270301T090000Z", "start and end say it"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY", "line break"),
        ("RRULE:FREQ=DAILY\x00", "control character"),
        ("RRULE;X=1:FREQ=DAILY", "only TZID and VALUE"),
        ("RRULE;TZID=UTC:FREQ=DAILY", "takes no parameters"),
        ("RRULE:INTERVAL=2", "lacks FREQ"),
        ("RRULE:FREQ=OFTEN", "FREQ is “OFTEN”"),
        ("RRULE:FREQ=DAILY;FREQ=WEEKLY", "twice"),
        ("RRULE:FREQ=DAILY;BYEASTER=1", "unknown part “BYEASTER”"),
        ("RRULE:FREQ=DAILY;;", "no PART=VALUE"),
        ("RRULE:FREQ=DAILY;COUNT=", "no PART=VALUE"),
        ("RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270301", "both COUNT and UNTIL"),
        ("RRULE:FREQ=DAILY;COUNT=0", "COUNT holds “0”"),
        ("RRULE:FREQ=DAILY;COUNT=-3", "COUNT holds"),
        ("RRULE:FREQ=DAILY;COUNT=" + "9" * 5000, "COUNT holds"),
        ("RRULE:FREQ=DAILY;INTERVAL=1.5", "INTERVAL holds"),
        ("RRULE:FREQ=DAILY;INTERVAL=٣", "INTERVAL holds"),
        ("RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL holds"),
        ("RRULE:FREQ=DAILY;UNTIL=2027-03-01", "UNTIL holds “2027-03-01”, which is no date"),
        ("RRULE:FREQ=DAILY;UNTIL=20270231", "no such day"),
        ("RRULE:FREQ=DAILY;UNTIL=20270301T250000Z", "no such day or time"),
        ("RRULE:FREQ=DAILY;UNTIL=20270301Z", "no date"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=0", "-31 to -1 or 1 to 31"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=32", "-31 to -1 or 1 to 31"),
        ("RRULE:FREQ=YEARLY;BYMONTH=13", "from 1 to 12"),
        ("RRULE:FREQ=YEARLY;BYMONTH=1,,2", "BYMONTH holds"),
        ("RRULE:FREQ=WEEKLY;BYDAY=XX", "weekday"),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,", "weekday"),
        ("RRULE:FREQ=WEEKLY;BYDAY=2TU", "needs FREQ=MONTHLY"),
        ("RRULE:FREQ=YEARLY;BYWEEKNO=3;BYDAY=2TU", "without BYWEEKNO"),
        ("RRULE:FREQ=WEEKLY;BYMONTHDAY=3", "cannot be used with FREQ=WEEKLY"),
        ("RRULE:FREQ=MONTHLY;BYWEEKNO=3", "FREQ=YEARLY only"),
        ("RRULE:FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY cannot"),
        ("RRULE:FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("RRULE:FREQ=DAILY;BYHOUR=24", "from 0 to 23"),
        ("EXDATE:20270301", "Exceptions alone"),
        ("EXRULE:FREQ=DAILY", "Exceptions alone"),
        ("RDATE;VALUE=PERIOD:20270301T090000Z/PT1H", "not “PERIOD”"),
        ("RDATE;VALUE=DATE:20270301T090000Z", "other kind"),
        ("RDATE;VALUE=DATE-TIME:20270301", "other kind"),
        ("RDATE:99990101", "year must lie"),
        ("RDATE;TZID=Mars/Olympus:20270301T090000", "does not exist"),
        ("RDATE;TZID=../UTC:20270301T090000", "does not exist"),
        ("RDATE;TZID=UTC;TZID=UTC:20270301T090000", "once"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_in_words(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        normalize([line])
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    "rule",
    [
        *("FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=SECONDLY;COUNT=3", "FREQ=SECONDLY;INTERVAL=899"),
        f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE=0,12,24,36,48",
        f"FREQ=HOURLY;BYMINUTE={','.join(map(str, range(60)))}",
        f"FREQ=YEARLY;BYHOUR=1,2;BYSECOND={','.join(map(str, range(60)))}",
    ],
)
def test_a_rule_that_repeats_without_measure_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="more than 96 times a day"):
        normalize([f"RRULE:{rule}"])


@pytest.mark.parametrize("rule", ["FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=15", "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30"])
def test_a_rule_within_the_day_is_welcome(rule: str) -> None:
    assert normalize([f"RRULE:{rule}"]) == (f"RRULE:{rule}",)


def test_lines_without_end_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 100 recurrence lines"):
        normalize(["RRULE:FREQ=DAILY"] * 101)
    with pytest.raises(ValueError, match="more than 10 rules"):
        normalize([f"RRULE:FREQ=DAILY;INTERVAL={number}" for number in range(1, 12)])
    with pytest.raises(ValueError, match="more than 2000 single dates"):
        normalize(["RRULE:FREQ=DAILY", "EXDATE:" + ",".join(["20270301T090000Z"] * 2001)])
    with pytest.raises(ValueError, match="too long"):
        normalize(["RRULE:FREQ=DAILY;" + "X" * 50_000])
