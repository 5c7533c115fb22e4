"""Every Windows zone against the clocks it stands for, on both sides of every change of the clocks from 2015 to 2035.

CLDR's tables (as tzlocal ships them) say which IANA zone a Windows name means. A series is written to Outlook under a
Windows name and its hours repeat on that zone's clocks, so an IANA zone with other clocks would be an hour off there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from tzlocal.windows_tz import win_tz

from shared.calendar.timezones import from_utc, to_utc
from shared.model import Content, Policy, Privacy, Series, Span, ZonedTime
from shared.providers.microsoft.convert import read_event, write_event
from shared.providers.microsoft.projection import project
from shared.providers.microsoft.zones import to_iana, to_windows
from tests.unit.providers.microsoft.held import in_utc

FIRST, LAST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

OTHER_CLOCKS_ONCE = {
    "America/Chihuahua": 2022,
    "America/Ciudad_Juarez": 2022,
    "America/Coyhaique": 2024,
    "America/Fort_Nelson": 2015,
    "America/Metlakatla": 2019,
    "America/Ojinaga": 2022,
    "America/Scoresbysund": 2024,
    "Antarctica/Casey": 2023,
    "Antarctica/Palmer": 2016,
    "Antarctica/Vostok": 2023,
    "Asia/Almaty": 2024,
    "Asia/Famagusta": 2017,
    "Asia/Qostanay": 2024,
}
"""Zones that changed over to the clocks of their Windows zone, by the last year in which they had others. What is sent
to Outlook lies ahead: a zone with a later year would be an hour off there."""


def test_every_zone_keeps_the_hours_of_its_windows_zone_at_every_change_of_the_clocks() -> None:
    apart: dict[str, int] = {}
    for zone in _zones():
        windows = to_windows(zone)
        if windows is not None and (last := _last_apart(zone, str(win_tz[windows]))) is not None:
            apart[zone] = last
    assert apart == OTHER_CLOCKS_ONCE


@pytest.mark.parametrize("windows", sorted(win_tz))
def test_what_is_written_under_a_windows_name_is_read_back_at_the_same_instant(windows: str) -> None:
    """Up to the hour that a change repeats, of which only the first can be named."""
    zone = to_iana(windows)
    assert to_windows(zone) == windows
    for change in _changes(zone) or (FIRST,):
        for far in (-SECOND, timedelta(0), timedelta(hours=1)):
            named = from_utc(change + far, zone)
            if to_utc(named) != change + far:
                continue
            span = Span(named, from_utc(change + far + timedelta(minutes=30), zone))
            series = project(Series(Content(span=span)), Policy())
            body = write_event(series, tag="ev-1", key="k", transaction_id="lockstep-1")
            read = read_event({"id": "e1", **in_utc(body)}, privacy=Privacy.FULL)
            assert read.content is not None
            assert read.content.span == series.content.span
            assert to_utc(named) == to_utc(series.content.span.start)


def test_a_time_that_a_change_skips_or_repeats_is_written_as_one_that_exists() -> None:
    """In every Windows zone: what is projected is its own projection, and Outlook is never sent a time that is none."""
    for windows in win_tz:
        zone = to_iana(windows)
        for change in _changes(zone):
            for minutes in (-90, -30, 0, 30, 90):
                local = (change + timedelta(minutes=minutes)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
                wall = ZonedTime(local + timedelta(minutes=30), zone)
                shown = project(Series(Content(span=Span(wall, wall))), Policy()).content.span.start
                assert isinstance(shown, ZonedTime)
                assert from_utc(to_utc(shown), zone) == shown
                assert to_utc(shown) == to_utc(wall)


# --- where the clocks change -----------------------------------------------------------------------------------------


def _zones() -> Iterator[str]:
    """Every IANA zone, links left out: one name for each file."""
    seen: set[str] = set()
    root = resources.files("tzdata").joinpath("zoneinfo")
    for name in resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split():
        content = root.joinpath(*name.split("/")).read_bytes()
        mark = f"{sha256(content).hexdigest()} {to_windows(name)}"
        if mark not in seen:
            seen.add(mark)
            yield name


@cache
def _changes(zone: str) -> tuple[datetime, ...]:
    """The instants at which the clocks of a zone change, looked for week by week."""
    found, clock, at = [], ZoneInfo(zone), FIRST
    while at < LAST:
        until = at + timedelta(days=7)
        if at.astimezone(clock).utcoffset() != until.astimezone(clock).utcoffset():
            found.append(_change_between(clock, at, until))
        at = until
    return tuple(found)


def _change_between(clock: ZoneInfo, before: datetime, after: datetime) -> datetime:
    was = before.astimezone(clock).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(clock).utcoffset() == was:
            before = middle
        else:
            after = middle
    return after


def _last_apart(zone: str, other: str) -> int | None:
    """The last year in which two zones show different times on one side of a change of either."""
    mine, theirs = ZoneInfo(zone), ZoneInfo(other)
    moments = sorted({*_changes(zone), *_changes(other)}) or [FIRST]
    apart = [
        moment.year
        for change in moments
        for moment in (change - SECOND, change)
        if moment.astimezone(mine).utcoffset() != moment.astimezone(theirs).utcoffset()
    ]
    return apart[-1] if apart else None
