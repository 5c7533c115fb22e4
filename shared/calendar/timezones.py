"""Wall-clock times and instants: what a time in an IANA zone is in UTC, and back.

A time that a spring change skips is read with the offset from before the change (RFC 5545, 3.3.5): 02:30 becomes
03:30. A time that an autumn change repeats means the first of the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from shared.model import When, ZonedTime

_NOT_PLACES = frozenset({"Factory"})


def is_zone(name: str) -> bool:
    """Whether `name` is in the IANA list, aliases such as `US/Pacific` included, letter by letter.

    The list is the one that tzdata ships, so a path, a file of this machine (`localtime`) or a Windows name is none.
    """
    return name in _names()


def to_utc(time: ZonedTime) -> datetime:
    """The instant (UTC) of a wall-clock time. Raises ValueError for a zone that does not exist."""
    return _utc(time.local.replace(tzinfo=_zone(time.zone), fold=0))


def from_utc(instant: datetime, zone: str) -> ZonedTime:
    """What the clocks of `zone` show at an instant. Which of two equal hours it was is not kept."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    try:
        local = instant.astimezone(_zone(zone))
    except OverflowError:
        local = instant
    return ZonedTime(local.replace(tzinfo=None, fold=0), zone)


def instant(when: When, calendar_zone: str = "UTC") -> datetime:
    """The instant (UTC) at which a day or a time begins; a whole day begins at midnight in `calendar_zone`."""
    return to_utc(when if isinstance(when, ZonedTime) else ZonedTime(_midnight(when), calendar_zone))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)


def _utc(aware: datetime) -> datetime:
    try:
        return aware.astimezone(UTC)
    except OverflowError:  # the first and the last day that a datetime can hold
        return aware.replace(tzinfo=UTC)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(listed.split()) - _NOT_PLACES


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise ValueError("There is no such time zone. Use an IANA name such as Australia/Sydney.")
    return ZoneInfo(name)
