"""Time zones by Windows' names and by IANA's. Pure.

Graph takes Windows names everywhere and only some IANA names (resource type `dateTimeTimeZone`), so Windows names are
written. Several IANA zones share one Windows name: the original name is kept in our mark (`convert`), and read back as
long as it still means the same Windows zone. The tables are CLDR's, as tzlocal ships them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from tzlocal.windows_tz import tz_win, win_tz

from shared.calendar.timezones import is_zone

_ALIASES: Final = MappingProxyType(
    {
        "Europe/Uzhgorod": "Europe/Kyiv",
        "Europe/Zaporozhye": "Europe/Kyiv",
        "US/East-Indiana": "America/Indiana/Indianapolis",
        "GMT": "Etc/GMT",
        "CST6CDT": "America/Chicago",
        "EST5EDT": "America/New_York",
        "MST7MDT": "America/Denver",
        "PST8PDT": "America/Los_Angeles",
    }
)
"""Names that IANA lists and CLDR's table lacks, by what they are links to."""

_MOVED: Final = MappingProxyType({"America/Scoresbysund": "Greenland Standard Time"})
"""Zones whose clocks have changed since CLDR's table was made (tzdata 2024a: Ittoqqortoormiit keeps Nuuk's time)."""

_UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"})


def to_windows(zone: str) -> str | None:
    """The Windows name of an IANA zone; None if Windows has no zone of these clocks (`Antarctica/Troll`)."""
    if not is_zone(zone):
        return None
    found: str | None = _MOVED.get(zone) or tz_win.get(zone) or tz_win.get(_ALIASES.get(zone, zone))
    return found or None


def to_iana(name: str | None, kept: str = "") -> str:
    """The IANA zone of a name that Graph gives. `kept`, the zone that we once wrote, is preferred if it means the same
    clocks to Windows. A name that is neither (`tzone://Microsoft/Custom`) leaves only the instant certain: UTC."""
    name = name or "UTC"
    if kept and is_zone(kept) and to_windows(kept) == (to_windows(name) or name):
        return kept
    if name in _UTC_NAMES:
        return "UTC"
    if is_zone(name):
        return name
    return str(win_tz.get(name, "UTC"))
