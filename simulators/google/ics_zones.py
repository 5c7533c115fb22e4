"""The zones of an iCalendar file as names Google knows.

`Zones.name_of(tzid)` takes an IANA name as it is, maps a Windows name, reads X-LIC-LOCATION, and for a custom VTIMEZONE
looks for a zone that keeps the same clock over the coming years. None when there is no such zone.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from simulators.google import times

_LIKELY = (
    *("UTC", "Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Halifax", "America/St_Johns", "Asia/Kolkata", "Asia/Tokyo"),
    *("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Perth", "Pacific/Auckland"),
)


class Zones:
    """Knows the VTIMEZONEs of one file; `calendar_zone` serves floating times."""

    def __init__(self, definitions: dict[str, Any], calendar_zone: str, now: datetime) -> None:
        self._definitions = definitions
        self._calendar_zone = calendar_zone
        self._now = now
        self._names: dict[str, str | None] = {}

    def name_of(self, tzid: str) -> str | None:
        if tzid not in self._names:
            self._names[tzid] = self._find(tzid)
        return self._names[tzid]

    def custom(self, tzid: str) -> tzinfo | None:
        """The clock that the file itself defines, for an instant in a zone nobody else knows."""
        definition = self._definitions.get(tzid)
        if definition is None:
            return None
        try:
            clock: tzinfo = definition.to_tz()
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None
        return clock

    def _find(self, tzid: str) -> str | None:
        plain = tzid.strip().strip('"')
        # Some programs write "/freeassociation.sourceforge.net/Europe/Berlin".
        tails = ["/".join(plain.strip("/").split("/")[-n:]) for n in (3, 2, 1)]
        definition = self._definitions.get(tzid)
        location = str(definition.get("X-LIC-LOCATION", "")) if definition is not None else ""
        for name in (plain, WINDOWS_TO_OLSON.get(plain, ""), location, *(t for t in tails if "/" in t)):
            if times.is_zone(name):
                return name
        clock = self.custom(tzid)
        return self._same_clock(clock) if clock is not None else None

    def _same_clock(self, clock: tzinfo) -> str | None:
        samples = [self._now + timedelta(days=days) for days in range(0, 3 * 365, 9)]
        try:
            wanted = [moment.astimezone(clock).utcoffset() for moment in samples]
        except (ValueError, OverflowError, IndexError):
            return None
        for name in (self._calendar_zone, *_LIKELY, *times.zone_names()):
            zone = times.zone(name)
            if all(m.astimezone(zone).utcoffset() == w for m, w in zip(samples, wanted, strict=True)):
                return name
        return None


def in_utc(local: datetime, clock: tzinfo) -> datetime:
    return local.replace(tzinfo=clock).astimezone(UTC)
