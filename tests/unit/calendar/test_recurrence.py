# ruff: noqa: DTZ001  (wall-clock times are naive on purpose)
"""Occurrences of a series: the hazards by name. Agreement with other implementations is in tests/properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from shared.calendar.recurrence import (
    is_occurrence,
    last_end,
    normalize,
    normalize_original_start,
    occurrence_content,
    occurrences,
    original_start_key,
    parse_original_start,
    prune,
    shift_overrides,
    span_at,
)
from shared.model import CANCELLED, Content, Series, Span, ZonedTime

FAR = datetime(2040, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


def timed(start: str, *lines: str, zone: str = "America/New_York", minutes: int = 60, **overrides: Any) -> Series:
    local = datetime.fromisoformat(start)
    span = Span(ZonedTime(local, zone), ZonedTime(local + timedelta(minutes=minutes), zone))
    return Series(Content(span=span, title="Visit"), normalize(lines), overrides)


def days(start: str, *lines: str, length: int = 1) -> Series:
    first = date.fromisoformat(start)
    return Series(Content(span=Span(first, first + timedelta(days=length))), normalize(lines))


def keys(series: Series, start: datetime = LONG_AGO, end: datetime = FAR, zone: str = "UTC") -> list[str]:
    return [found.original_start for found in islice(occurrences(series, start, end, zone), 50)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moved(series: Series, start: str, minutes: int = 60) -> Content:
    return replace(timed(start, zone="America/New_York", minutes=minutes).content, title="moved")


# --- the clocks change ---


@pytest.mark.parametrize(
    ("start", "zone", "expected"),
    [
        ("2027-03-07T09:00", "America/New_York", ["20270307T140000Z", "20270314T130000Z", "20270321T130000Z"]),
        ("2027-10-31T09:00", "America/New_York", ["20271031T130000Z", "20271107T140000Z", "20271114T140000Z"]),
        ("2027-03-28T09:00", "Australia/Sydney", ["20270327T220000Z", "20270403T230000Z", "20270410T230000Z"]),
        ("2027-09-26T09:00", "Australia/Sydney", ["20270925T230000Z", "20271002T220000Z", "20271009T220000Z"]),
        ("2027-03-21T09:00", "UTC", ["20270321T090000Z", "20270328T090000Z", "20270404T090000Z"]),
    ],
)
def test_nine_o_clock_stays_nine_o_clock_when_the_clocks_change(start: str, zone: str, expected: list[str]) -> None:
    series = timed(start, "RRULE:FREQ=WEEKLY;COUNT=3", zone=zone)
    assert keys(series) == expected
    for found in occurrences(series, LONG_AGO, FAR):
        assert isinstance(found.content.span.start, ZonedTime)
        assert found.content.span.start.local.hour == 9


def test_an_occurrence_in_the_skipped_hour_takes_place_an_hour_later_and_keeps_its_length() -> None:
    series = timed("2027-03-13T02:30", "RRULE:FREQ=DAILY;COUNT=3")
    spans = [found.content.span for found in occurrences(series, LONG_AGO, FAR)]
    assert keys(series) == ["20270313T073000Z", "20270314T073000Z", "20270315T063000Z"]
    new_york = "America/New_York"
    skipped = Span(ZonedTime(datetime(2027, 3, 14, 3, 30), new_york), ZonedTime(datetime(2027, 3, 14, 4, 30), new_york))
    assert spans[1] == skipped
    assert occurrence_content(series, "20270314T073000Z").span == skipped
    assert is_occurrence(series, "20270314T073000Z")
    assert not is_occurrence(series, "20270314T063000Z")


def test_hourly_occurrences_that_fall_together_in_the_skipped_hour_are_one_and_in_order() -> None:
    series = timed("2027-03-14T00:30", "RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=8", minutes=10)
    found = keys(series)
    assert found == sorted(set(found))
    assert found == [f"20270314T{clock}00Z" for clock in ("0530", "0600", "0630", "0700", "0730", "0800")]


def test_a_day_that_a_zone_never_had_is_not_told_twice() -> None:
    found = keys(timed("2011-12-28T09:00", "RRULE:FREQ=DAILY;COUNT=5", zone="Pacific/Apia"))
    assert found == ["20111228T190000Z", "20111229T190000Z", "20111230T190000Z", "20111231T190000Z"]


def test_a_night_shift_keeps_its_wall_clock_end_when_the_clocks_change() -> None:
    series = timed("2027-03-12T22:00", "RRULE:FREQ=DAILY;COUNT=3", minutes=8 * 60)
    ends = [found.content.span.end for found in occurrences(series, LONG_AGO, FAR)]
    assert [end.local.hour for end in ends if isinstance(end, ZonedTime)] == [6, 6, 6]


def test_a_flight_between_two_zones_keeps_the_time_it_takes() -> None:
    start = ZonedTime(datetime(2027, 3, 1, 9), "Australia/Sydney")
    end = ZonedTime(datetime(2027, 3, 1, 5), "America/Los_Angeles")
    series = Series(Content(span=Span(start, end)), ("RRULE:FREQ=MONTHLY;COUNT=3",))
    found = [each.content.span.end for each in occurrences(series, LONG_AGO, FAR)]
    assert [each.local.hour for each in found if isinstance(each, ZonedTime)] == [5, 6, 7]


# --- windows -------------------------------------------------------------------------------------------------------


def test_what_began_before_the_window_and_still_runs_is_in_it() -> None:
    series = timed("2027-03-01T22:00", "RRULE:FREQ=WEEKLY", zone="UTC", minutes=8 * 60)
    assert keys(series, at("2027-03-02T05:00"), at("2027-03-02T09:00")) == ["20270301T220000Z"]
    assert keys(series, at("2027-03-02T06:00"), at("2027-03-02T09:00")) == []
    assert keys(series, at("2027-03-01T20:00"), at("2027-03-01T22:00")) == []


def test_a_stay_of_weeks_is_in_a_window_far_from_its_start() -> None:
    series = days("2027-01-04", "RRULE:FREQ=YEARLY", length=120)
    assert keys(series, at("2029-04-20T00:00"), at("2029-04-21T00:00")) == ["20290104"]


def test_a_single_event_is_one_occurrence_if_it_overlaps() -> None:
    single = timed("2027-03-01T09:00", zone="UTC")
    assert keys(single) == ["20270301T090000Z"]
    assert keys(single, at("2027-03-01T10:00")) == []
    assert not is_occurrence(single, "20270301T090000Z")


def test_an_appointment_without_length_counts_where_it_begins() -> None:
    series = timed("2027-03-01T09:00", "RRULE:FREQ=DAILY;COUNT=1", zone="UTC", minutes=0)
    assert keys(series, at("2027-03-01T09:00"), at("2027-03-01T10:00")) == ["20270301T090000Z"]
    assert keys(series, at("2027-03-01T08:00"), at("2027-03-01T09:00")) == []


def test_a_whole_day_is_a_day_of_the_calendar_and_is_not_shifted() -> None:
    series = days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=3")
    found = list(occurrences(series, LONG_AGO, FAR, "Australia/Sydney"))
    assert [each.content.span for each in found][1] == Span(date(2027, 3, 2), date(2027, 3, 3))
    # Midnight of 2 March in Sydney is 13:00 UTC of 1 March.
    assert keys(series, at("2027-03-01T13:00"), at("2027-03-01T14:00"), "Australia/Sydney") == ["20270302"]
    assert keys(series, at("2027-03-01T13:00"), at("2027-03-01T14:00"), "America/New_York") == ["20270301"]


def test_a_long_running_series_is_not_walked_from_its_start() -> None:
    series = timed("1000-01-01T09:00", "RRULE:FREQ=MINUTELY;INTERVAL=15", zone="UTC", minutes=5)
    assert len(keys(series, at("2027-03-01T09:00"), at("2027-03-01T10:00"))) == 4


# --- rules ----------------------------------------------------------------------------------------------------------


def test_the_start_is_an_occurrence_even_where_the_rule_skips_it_and_counts_as_the_first() -> None:
    series = days("2027-03-02", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3")
    assert keys(series) == ["20270302", "20270308", "20270315"]
    assert keys(days("2027-03-02", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=1")) == ["20270302"]


def test_the_start_can_be_excluded() -> None:
    assert keys(days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20270301")) == ["20270302", "20270303"]


def test_the_31st_skips_short_months_and_leap_day_skips_common_years() -> None:
    assert keys(days("2027-01-31", "RRULE:FREQ=MONTHLY;COUNT=3")) == ["20270131", "20270331", "20270531"]
    assert keys(days("2028-02-29", "RRULE:FREQ=YEARLY;COUNT=2")) == ["20280229", "20320229"]


def test_one_of_two_weekdays_is_not_both() -> None:
    first = days("2027-04-01", "RRULE:FREQ=MONTHLY;BYDAY=TH,FR;BYSETPOS=1;COUNT=3")
    assert keys(first) == ["20270401", "20270506", "20270603"]
    both = days("2027-04-01", "RRULE:FREQ=MONTHLY;BYDAY=1TH,1FR;COUNT=4")
    assert keys(both) == ["20270401", "20270402", "20270506", "20270507"]


def test_positions_in_the_first_week_are_counted_from_its_beginning_and_not_from_the_start() -> None:
    series = days("2027-03-02", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=3")
    assert keys(series) == ["20270302", "20270308", "20270315"]


def test_plain_and_numbered_weekdays_add_up() -> None:
    series = days("2027-03-01", "RRULE:FREQ=MONTHLY;BYDAY=MO,1TU;BYMONTH=3;COUNT=6")
    assert keys(series) == ["20270301", "20270302", "20270308", "20270315", "20270322", "20270329"]


def test_a_week_number_alone_means_the_weekday_of_the_start() -> None:
    assert keys(days("2027-05-19", "RRULE:FREQ=YEARLY;BYWEEKNO=20;COUNT=2")) == ["20270519", "20280517"]


def test_the_last_week_of_the_year_is_found_from_its_end() -> None:
    series = days("2026-12-28", "RRULE:FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO;COUNT=3")
    assert keys(series) == ["20261228", "20271227", "20281225"]


def test_the_day_a_week_begins_decides_every_other_week() -> None:
    rule = "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU"
    assert keys(days("1997-08-05", rule)) == ["19970805", "19970810", "19970819", "19970824"]
    assert keys(days("1997-08-05", f"{rule};WKST=SU")) == ["19970805", "19970817", "19970819", "19970831"]


def test_two_rules_and_extra_dates_give_each_occurrence_once() -> None:
    lines = ["RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3", "RDATE:20270302,20270304"]
    assert keys(days("2027-03-01", *lines)) == ["20270301", "20270302", "20270303", "20270304", "20270305"]


def test_an_excluding_rule_takes_away_what_it_names_and_not_the_start() -> None:
    series = days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=DAILY;BYDAY=TU,TH")
    assert keys(series) == ["20270301", "20270303", "20270305"]


@pytest.mark.parametrize(
    ("until", "number"),
    [
        *(("20270303T140000Z", 3), ("20270303T135959Z", 2), ("20270303", 3), ("20270302", 2)),
        *(("20270303T090000", 3), ("20270303T085959", 2), ("20200101", 1)),
    ],
)
def test_until_includes_its_last_instant_in_each_of_its_forms(until: str, number: int) -> None:
    assert len(keys(timed("2027-03-01T09:00", f"RRULE:FREQ=DAILY;UNTIL={until}"))) == number


def test_until_as_a_date_means_the_day_of_the_series_and_not_of_utc() -> None:
    series = timed("2027-03-01T22:00", "RRULE:FREQ=DAILY;UNTIL=20270303")
    assert keys(series)[-1] == "20270304T030000Z"


def test_until_as_an_instant_ends_a_series_of_whole_days() -> None:
    assert keys(days("2027-03-01", "RRULE:FREQ=DAILY;UNTIL=20270303T000000Z"))[-1] == "20270303"


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20270302T140000Z",
        "EXDATE;TZID=America/New_York:20270302T090000",
        "EXDATE;TZID=Europe/Berlin:20270302T150000",
        "EXDATE:20270302T090000",
        "EXDATE;VALUE=DATE:20270302",
    ],
)
def test_an_excluded_date_is_recognised_however_it_is_written(line: str) -> None:
    series = timed("2027-03-01T09:00", "RRULE:FREQ=DAILY;COUNT=3", line)
    assert keys(series) == ["20270301T140000Z", "20270303T140000Z"]


def test_an_extra_date_in_another_zone_is_shown_in_the_zone_of_the_series() -> None:
    series = timed("2027-03-01T09:00", "RDATE;TZID=Europe/Berlin:20270305T150000", "RDATE;VALUE=DATE:20270306")
    spans = [found.content.span.start for found in occurrences(series, LONG_AGO, FAR)]
    assert [each.local.day for each in spans if isinstance(each, ZonedTime)] == [1, 5, 6]
    assert {each.local.hour for each in spans if isinstance(each, ZonedTime)} == {9}


def test_hours_mean_nothing_to_whole_days() -> None:
    assert keys(days("2027-03-01", "RRULE:FREQ=DAILY;BYHOUR=9,10;COUNT=2")) == ["20270301", "20270302"]
    assert keys(days("2027-03-01", "RRULE:FREQ=HOURLY;UNTIL=20270302")) == ["20270301", "20270302"]


@pytest.mark.parametrize("frequency", ["YEARLY", "MONTHLY", "DAILY", "HOURLY", "MINUTELY;INTERVAL=15"])
@pytest.mark.parametrize("ends", ["", ";COUNT=10000", ";UNTIL=89991231T000000Z"])
@pytest.mark.parametrize("never", ["BYMONTH=2;BYMONTHDAY=30", "BYMONTH=2;BYMONTHDAY=31;BYDAY=MO"])
def test_a_rule_that_never_comes_round_costs_little(frequency: str, ends: str, never: str) -> None:
    series = timed("2027-03-01T09:00", f"RRULE:FREQ={frequency};{never}{ends}", zone="UTC")
    assert keys(series) == ["20270301T090000Z"]
    assert not is_occurrence(series, "20280230T090000Z")
    assert last_end(series) == (at("2027-03-01T10:00") if ends else None)


def test_the_search_for_rare_days_gives_up_after_some_lifetimes() -> None:
    """Without a bound, this would look at every day up to the last year there is."""
    end = last_end(timed("2027-03-01T09:00", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;COUNT=10000"))
    assert end is not None
    assert 2100 < end.year < 2200


# --- overrides -------------------------------------------------------------------------------------------------------


def weekly(**overrides: Any) -> Series:
    """Mondays in March 2027 at 09:00 UTC."""
    return timed("2027-03-01T09:00", "RRULE:FREQ=WEEKLY;COUNT=5", zone="UTC", **overrides)


def moved_to(start: str) -> Content:
    return replace(timed(start, zone="UTC").content, title="moved")


def test_a_cancelled_occurrence_stays_away_and_a_moved_one_stands_where_it_was_moved() -> None:
    series = weekly(**{"20270308T090000Z": CANCELLED, "20270315T090000Z": moved_to("2027-03-24T11:00")})
    found = list(occurrences(series, LONG_AGO, FAR))
    assert [each.original_start[4:8] for each in found] == ["0301", "0322", "0315", "0329"]
    assert found[2].content.title == "moved"


def test_an_occurrence_moved_out_of_the_window_is_not_in_it_and_one_moved_into_it_is() -> None:
    series = weekly(**{"20270308T090000Z": moved_to("2027-06-01T09:00")})
    assert keys(series, at("2027-03-08T00:00"), at("2027-03-09T00:00")) == []
    assert keys(series, at("2027-06-01T00:00"), at("2027-06-02T00:00")) == ["20270308T090000Z"]


def test_an_override_of_what_is_no_occurrence_is_not_shown_and_is_pruned() -> None:
    series = weekly(
        **{"20270309T090000Z": moved_to("2027-03-09T11:00"), "20270308": CANCELLED, "x": CANCELLED},
        **{"20270308T090000Z": CANCELLED},
    )
    assert len(keys(series)) == 4
    assert dict(prune(series).overrides) == {"20270308T090000Z": CANCELLED}
    assert dict(prune(replace(series, recurrence=())).overrides) == {}
    assert prune(prune(series)) == prune(series)


def test_overrides_of_an_excluded_date_are_pruned() -> None:
    series = replace(weekly(**{"20270308T090000Z": CANCELLED}), recurrence=("RRULE:FREQ=DAILY", "EXDATE:20270308"))
    assert dict(prune(series).overrides) == {}


def test_moving_a_series_by_an_hour_keeps_the_cancelled_cancelled_and_the_moved_where_it_is() -> None:
    series = weekly(
        **{
            "20270308T090000Z": CANCELLED,
            "20270315T090000Z": moved_to("2027-03-16T17:00"),
            "20270322T090000Z": moved_to("2027-03-22T09:00"),
        }
    )
    after = shift_overrides(series, moved_to("2027-03-01T10:00").span)
    assert dict(after) == {
        "20270308T100000Z": CANCELLED,
        "20270315T100000Z": moved_to("2027-03-16T17:00"),
        "20270322T100000Z": moved_to("2027-03-22T10:00"),
    }


def test_moving_a_series_to_another_weekday_takes_its_cancelled_occurrences_along() -> None:
    series = weekly(**{"20270308T090000Z": CANCELLED})
    assert list(shift_overrides(series, moved_to("2027-03-02T09:00").span)) == ["20270309T090000Z"]


def test_letting_a_series_begin_a_week_later_does_not_move_its_cancelled_occurrences() -> None:
    series = replace(weekly(**{"20270315T090000Z": CANCELLED}), recurrence=("RRULE:FREQ=WEEKLY;BYDAY=MO",))
    assert list(shift_overrides(series, moved_to("2027-03-08T09:00").span)) == ["20270315T090000Z"]


def test_moving_a_series_over_midnight_takes_each_occurrence_along_and_not_its_neighbour() -> None:
    series = timed("2027-03-01T23:00", "RRULE:FREQ=DAILY", zone="UTC")
    series = replace(series, overrides={"20270305T230000Z": CANCELLED})
    assert list(shift_overrides(series, moved_to("2027-03-02T01:00").span)) == ["20270306T010000Z"]


def test_moving_a_series_to_another_zone_keeps_overrides_on_the_wall_clock() -> None:
    series = replace(timed("2027-03-01T09:00", "RRULE:FREQ=WEEKLY"), overrides={"20270315T130000Z": CANCELLED})
    assert is_occurrence(series, "20270315T130000Z")
    span = timed("2027-03-01T09:00", zone="Europe/Berlin").content.span
    assert list(shift_overrides(series, span)) == ["20270315T080000Z"]


def test_a_series_turned_into_whole_days_and_back_keeps_its_cancelled_occurrences() -> None:
    series = weekly(**{"20270308T090000Z": CANCELLED})
    whole = shift_overrides(series, Span(date(2027, 3, 1), date(2027, 3, 2)))
    assert list(whole) == ["20270308"]
    as_days = replace(days("2027-03-01", "RRULE:FREQ=WEEKLY"), overrides=whole)
    assert list(shift_overrides(as_days, weekly().content.span)) == ["20270308T090000Z"]


def test_a_series_with_another_rule_keeps_only_what_still_is_an_occurrence() -> None:
    series = weekly(**{"20270308T090000Z": CANCELLED, "20270315T090000Z": CANCELLED})
    after = shift_overrides(series, series.content.span, ("RRULE:FREQ=WEEKLY;INTERVAL=2",))
    assert list(after) == ["20270315T090000Z"]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_the_end_of_a_series_counts_overrides_and_leaves_out_what_is_cancelled() -> None:
    assert last_end(weekly()) == at("2027-03-29T10:00")
    assert last_end(weekly(**{"20270329T090000Z": CANCELLED})) == at("2027-03-22T10:00")
    assert last_end(weekly(**{"20270308T090000Z": moved_to("2027-09-01T09:00")})) == at("2027-09-01T10:00")
    assert last_end(timed("2027-03-01T09:00", zone="UTC")) == at("2027-03-01T10:00")


def test_an_endless_series_has_no_end_and_neither_has_one_too_long_to_count() -> None:
    assert last_end(timed("2027-03-01T09:00", "RRULE:FREQ=WEEKLY")) is None
    assert last_end(timed("2027-03-01T09:00", "RRULE:FREQ=WEEKLY;COUNT=999999999")) is None
    assert last_end(timed("2027-03-01T09:00", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=YEARLY")) is None


def test_the_end_of_a_series_with_only_dates_is_the_last_of_them() -> None:
    series = timed("2027-03-01T09:00", "RDATE:20280301T090000Z", zone="UTC")
    assert last_end(series) == at("2028-03-01T10:00")


def test_the_end_of_a_sparse_series_is_found_long_before_its_until() -> None:
    series = days("2028-02-29", "RRULE:FREQ=YEARLY;UNTIL=20470101")
    assert last_end(series) == at("2044-03-01T00:00")


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_names_the_same_instant_whatever_the_zone() -> None:
    sydney = ZonedTime(datetime(2027, 3, 1, 20), "Australia/Sydney")
    assert original_start_key(sydney) == original_start_key(ZonedTime(datetime(2027, 3, 1, 9), "UTC"))
    assert parse_original_start("20270301T090000Z") == at("2027-03-01T09:00")
    assert parse_original_start("20270301") == date(2027, 3, 1)
    assert original_start_key(date(987, 3, 1)) == "09870301"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("20270301T090000Z", "20270301T090000Z"),
        ("20270301", "20270301"),
        ("2027-03-01", "20270301"),
        ("2027-03-01T09:00:00Z", "20270301T090000Z"),
        ("2027-03-01t20:00:00+11:00", "20270301T090000Z"),
    ],
)
def test_a_path_may_name_an_occurrence_in_each_common_form(text: str, key: str) -> None:
    assert normalize_original_start(text) == key


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "2027-03-01T09:00:00",
            "20270301T090000",
            "2027-02-30",
            "20270230",
            "20270301T250000Z",
            "2027-W09-1",
        ),
        *(
            "２０２７-03-01",
            "20270301T090000Z\n",
            "2027-03-01T09:00:00+25:00",
            "0001-01-01T00:00:00+10:00",
            "2027 3 1 ",
        ),
    ],
)
def test_anything_else_names_no_occurrence(text: str) -> None:
    with pytest.raises(ValueError, match="names no occurrence"):
        normalize_original_start(text)
    assert not is_occurrence(weekly(), text)


def test_a_key_of_the_other_kind_gives_no_content() -> None:
    with pytest.raises(ValueError, match="whole days"):
        occurrence_content(weekly(), "20270301")
    with pytest.raises(ValueError, match="whole days"):
        occurrence_content(days("2027-03-01", "RRULE:FREQ=DAILY"), "20270301T000000Z")


# --- single dates, and days of a calendar in another zone ---


def test_a_single_date_stands_at_its_own_time_and_not_at_that_of_the_series() -> None:
    series = timed("2027-03-01T09:00", "RDATE:20270302T200000Z", "RDATE;TZID=Europe/Berlin:20270303T090000")
    assert keys(series) == ["20270301T140000Z", "20270302T200000Z", "20270303T080000Z"]
    assert keys(timed("2027-03-01T09:00", "RDATE;VALUE=DATE:20270302")) == ["20270301T140000Z", "20270302T140000Z"]


def test_of_several_times_on_a_day_only_the_one_that_is_named_is_excluded() -> None:
    lines = ("RRULE:FREQ=HOURLY;COUNT=4", "EXDATE:20270301T150000Z")
    assert keys(timed("2027-03-01T09:00", *lines)) == ["20270301T140000Z", "20270301T160000Z", "20270301T170000Z"]


@pytest.mark.parametrize("until", ["99991231", "99991231T235959Z", "99991231T235959"])
def test_a_rule_that_ends_with_the_last_day_there_is_can_be_read(until: str) -> None:
    assert keys(timed("2027-03-01T09:00", f"RRULE:FREQ=DAILY;UNTIL={until}"))[:2] == [
        "20270301T140000Z",
        "20270302T140000Z",
    ]


def test_a_span_of_days_is_not_moved_to_a_time() -> None:
    with pytest.raises(ValueError, match=r"^Start and end must both be days or both be times\.$"):
        span_at(days("2027-03-01").content.span, ZonedTime(datetime(2027, 3, 2, 9), "UTC"))
    with pytest.raises(ValueError, match="both be days"):
        span_at(timed("2027-03-01T09:00").content.span, date(2027, 3, 2))


def test_moving_a_series_of_early_hours_counts_its_days_by_its_own_clock_and_not_by_utc() -> None:
    series = timed("2027-03-01T00:30", "RRULE:FREQ=DAILY", zone="Europe/Berlin", **{"20270302T233000Z": CANCELLED})
    later = Span(*(ZonedTime(datetime(2027, 3, 1, hour, 30), "Europe/Berlin") for hour in (2, 3)))
    assert list(shift_overrides(series, later)) == ["20270303T013000Z"]


def test_a_series_that_moves_by_a_whole_day_keeps_what_was_said_of_a_day_on_that_day() -> None:
    series = timed("2027-03-01T09:00", "RRULE:FREQ=DAILY;COUNT=9", **{"20270303T140000Z": CANCELLED})
    later = Span(*(ZonedTime(datetime(2027, 3, 2, hour), "America/New_York") for hour in (9, 10)))
    assert shift_overrides(series, later) == {"20270303T140000Z": CANCELLED}


def test_whole_days_end_when_they_end_in_their_calendar() -> None:
    """Also those of an override, and of a series of which nothing is left but its own day."""
    sydney = "Australia/Sydney"
    assert last_end(days("2027-03-01"), sydney) == at("2027-03-01T13:00")
    assert last_end(days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=3"), sydney) == at("2027-03-03T13:00")
    moved_on = replace(days("2027-03-09").content, title="moved")
    series = replace(days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=3"), overrides={"20270302": moved_on})
    assert last_end(series, sydney) == at("2027-03-09T13:00")
    nothing = days("2027-03-01", "RRULE:FREQ=DAILY;COUNT=1", "EXDATE;VALUE=DATE:20270301")
    assert keys(nothing) == []
    assert last_end(nothing, sydney) == at("2027-03-01T13:00")
    assert last_end(days("2027-03-01")) == at("2027-03-02T00:00")
