# ruff: noqa: DTZ001  (wall-clock times are naive on purpose)
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from shared.calendar.timezones import from_utc, instant, is_zone, to_utc
from shared.model import ZonedTime


@pytest.mark.parametrize("name", ["Australia/Sydney", "UTC", "US/Pacific", "Etc/GMT+5", "America/Argentina/Ushuaia"])
def test_a_zone_of_the_iana_list_is_known_aliases_too(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "UTC ", "../UTC", "Europe/../UTC", "/etc/localtime", "Europe", "Europe/", "europe/berlin", "UTC\0"),
        *("localtime", "Factory", "posixrules", "leapseconds", "zone.tab", "posix/UTC", "AUS Eastern Standard Time"),
        *("+10:00", "tzdata.zi", "Europe/Berlin\n", "A" * 5000),
    ],
)
def test_a_path_or_a_file_of_this_machine_or_a_windows_name_is_no_zone(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(ValueError, match="no such time zone"):
        to_utc(ZonedTime(datetime(2027, 1, 1), name))


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        (datetime(2027, 3, 14, 2, 30), "America/New_York", datetime(2027, 3, 14, 7, 30)),
        (datetime(2027, 10, 3, 2, 30), "Australia/Sydney", datetime(2027, 10, 2, 16, 30)),
        (datetime(2027, 10, 3, 2, 15), "Australia/Lord_Howe", datetime(2027, 10, 2, 15, 45)),
        (datetime(2011, 12, 30, 9, 0), "Pacific/Apia", datetime(2011, 12, 30, 19, 0)),
    ],
)
def test_a_time_that_the_clocks_skip_is_read_with_the_offset_from_before(
    local: datetime, zone: str, utc: datetime
) -> None:
    assert to_utc(ZonedTime(local, zone)) == utc.replace(tzinfo=UTC)
    assert to_utc(ZonedTime(local.replace(fold=1), zone)) == utc.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "zone", "utc"),
    [
        (datetime(2027, 11, 7, 1, 30), "America/New_York", datetime(2027, 11, 7, 5, 30)),
        (datetime(2027, 4, 4, 2, 30), "Australia/Sydney", datetime(2027, 4, 3, 15, 30)),
    ],
)
def test_a_time_that_comes_twice_is_the_first_of_the_two(local: datetime, zone: str, utc: datetime) -> None:
    assert to_utc(ZonedTime(local, zone)) == utc.replace(tzinfo=UTC)
    assert to_utc(ZonedTime(local.replace(fold=1), zone)) == utc.replace(tzinfo=UTC)
    again = from_utc(utc.replace(tzinfo=UTC) + timedelta(hours=1), zone)
    assert again == ZonedTime(local, zone)
    assert again.local.fold == 0


def test_a_winter_time_does_not_get_the_summer_offset() -> None:
    assert to_utc(ZonedTime(datetime(2027, 1, 15, 9), "Europe/Berlin")).hour == 8
    assert to_utc(ZonedTime(datetime(2027, 7, 15, 9), "Europe/Berlin")).hour == 7


def test_a_whole_day_begins_at_midnight_of_the_calendar_and_not_of_utc() -> None:
    assert instant(date(2027, 3, 1)) == datetime(2027, 3, 1, tzinfo=UTC)
    assert instant(date(2027, 3, 1), "Australia/Sydney") == datetime(2027, 2, 28, 13, tzinfo=UTC)
    assert instant(date(2027, 3, 1), "America/New_York") == datetime(2027, 3, 1, 5, tzinfo=UTC)
    assert instant(ZonedTime(datetime(2027, 3, 1, 9), "UTC"), "Asia/Tokyo") == datetime(2027, 3, 1, 9, tzinfo=UTC)


def test_a_naive_time_is_no_instant() -> None:
    with pytest.raises(ValueError, match="offset"):
        from_utc(datetime(2027, 3, 1), "UTC")


def test_an_instant_with_another_offset_is_the_same_instant() -> None:
    ten = timezone(timedelta(hours=10))
    assert from_utc(datetime(2027, 3, 1, 9, tzinfo=ten), "UTC") == ZonedTime(datetime(2027, 2, 28, 23), "UTC")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("local", [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)])
def test_the_ends_of_the_calendar_do_not_overflow(local: datetime, zone: str) -> None:
    there = to_utc(ZonedTime(local, zone))
    assert there.tzinfo is UTC
    assert abs(there.replace(tzinfo=None) - local) < timedelta(days=1)
    assert abs(from_utc(local.replace(tzinfo=UTC), zone).local - local) < timedelta(days=1)
