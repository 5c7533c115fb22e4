"""Times as Google writes them: RFC 3339 text to aware datetimes and back, and the list of zones it knows.

Whole seconds only, as in the API. `render` shows an instant in a zone, with `Z` for UTC as Google does.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from simulators.google.wire import Json

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?$")


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def is_zone(name: str) -> bool:
    return name in _names()


def zone_names() -> list[str]:
    return sorted(_names())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def read(text: str) -> datetime:
    """An RFC 3339 time, aware if it carries an offset. Raises ValueError."""
    if not _STAMP.match(text):
        raise ValueError(f"not an RFC 3339 time: {text}")
    return datetime.fromisoformat(text.upper()).replace(microsecond=0)


def is_event_time(text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def is_instant(text: str) -> bool:
    try:
        return read(text).tzinfo is not None
    except ValueError:
        return False


def instant(text: str) -> float:
    """Seconds since 1970 of a time with an offset."""
    return read(text).timestamp()


def with_offset(value: Json) -> Json:
    """A `dateTime` on the clock of its `timeZone` as one with an offset."""
    moment = read(value["dateTime"])
    if moment.tzinfo is not None:
        return value
    return value | {"dateTime": moment.replace(tzinfo=zone(value["timeZone"])).isoformat()}


def render(moment: datetime, zone_name: str) -> str:
    shown = moment.astimezone(zone(zone_name))
    return shown.isoformat(timespec="seconds").replace("+00:00", "Z") if zone_name == "UTC" else shown.isoformat()


def stamp(moment: datetime) -> str:
    """`2027-03-01T09:00:00.000Z`, as in `created` and `updated`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def moment_of(value: Json, calendar_zone: str) -> datetime:
    """The instant of a stored `start`, `end` or `originalStartTime`; a date begins at midnight of the calendar."""
    if "date" in value:
        return datetime.combine(date.fromisoformat(value["date"]), datetime.min.time(), zone(calendar_zone))
    return read(with_offset(value)["dateTime"])


def local_start(value: Json, calendar_zone: str) -> datetime:
    """The wall-clock time at which a series repeats: naive, in the event's own zone."""
    if "date" in value:
        return datetime.combine(date.fromisoformat(value["date"]), datetime.min.time())
    return read(value["dateTime"]).astimezone(zone(value.get("timeZone", calendar_zone))).replace(tzinfo=None)


def shifted(value: Json, new_start: datetime, length: timedelta, calendar_zone: str) -> tuple[Json, Json]:
    """`start` and `end` of an occurrence of the series whose first start is `value`; `new_start` is naive and local."""
    if "date" in value:
        first = new_start.date()
        return {"date": first.isoformat()}, {"date": (first + length).isoformat()}
    zone_name = value.get("timeZone", calendar_zone)
    begins = new_start.replace(tzinfo=zone(zone_name)).astimezone(UTC)
    return (
        {"dateTime": render(begins, calendar_zone), "timeZone": zone_name},
        {"dateTime": render(begins + length, calendar_zone), "timeZone": zone_name},
    )
