"""Times and zones as Graph writes them: Windows or IANA names in, seven decimals out.

A time on the wire is a wall clock beside a zone name, `{"dateTime": "2027-03-01T09:00:00.0000000", "timeZone": "UTC"}`;
inside it is text without fraction, a zone name as it was written, and seconds since 1970.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from tzlocal.windows_tz import win_tz

from simulators.common.wire import Json
from simulators.microsoft import errors

_CLOCK = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d{1,9})?(Z?)$")
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
CUSTOM = "tzone://Microsoft/Custom"


@lru_cache(maxsize=1)
def _iana() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def is_zone(name: object) -> bool:
    return isinstance(name, str) and (name in win_tz or name in _iana() or name in {"UTC", CUSTOM})


@lru_cache(maxsize=2048)
def zone(name: str) -> ZoneInfo:
    """The clock of a Windows or IANA name; a custom one is kept as UTC."""
    if name == CUSTOM:
        return ZoneInfo("UTC")
    return ZoneInfo(win_tz.get(name, name))


def zone_names() -> list[str]:
    return sorted(win_tz)


def read_clock(value: Json, member: str) -> tuple[str, str]:
    """(wall clock to the second, zone name) of a `start` or `end`. Refuses an offset, as Graph reads none."""
    text, name = value.get("dateTime"), value.get("timeZone")
    if not isinstance(text, str):
        raise errors.bad_property(f"The property '{member}.dateTime' is required.")
    found = _CLOCK.match(text)
    if found is None:
        extra = " It carries an offset; the zone belongs in timeZone." if _OFFSET.search(text) else ""
        raise errors.bad_property(f"The value '{text}' of '{member}.dateTime' is not a date and time.{extra}")
    if not is_zone(name):
        raise errors.GraphError(
            400, "TimeZoneNotSupportedException", f"A valid TimeZone value must be specified. The value was '{name}'."
        )
    clock = f"{found.group(1)}T{found.group(2)}{found.group(3) or ':00'}"
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError as error:
        raise errors.bad_property(f"The value '{text}' of '{member}.dateTime' is not a date and time.") from error
    if found.group(5):
        clock = moment.replace(tzinfo=UTC).astimezone(zone(str(name))).replace(tzinfo=None).isoformat()
    return clock, str(name)


@lru_cache(maxsize=65536)
def seconds_of(clock: str, name: str) -> float:
    return datetime.fromisoformat(clock).replace(tzinfo=zone(name)).timestamp()


def shown(seconds: float, name: str) -> Json:
    """An instant on the clock of a zone, as it stands in an answer."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if name != "UTC":
        moment = moment.astimezone(zone(name))
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": name}


def midnight(clock: str, name: str) -> Json:
    return {"dateTime": f"{clock[:10]}T00:00:00.0000000", "timeZone": name}


def local(seconds: float, name: str) -> datetime:
    """The naive wall clock of an instant in a zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone(name)).replace(tzinfo=None)


def stamp(seconds: float) -> str:
    """`2027-03-01T09:00:00.1230000Z`, as in `createdDateTime`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z"


def plain_stamp(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"


def bound(text: str | None, member: str) -> float:
    """A bound of a calendar view: without an offset it is UTC, whatever `Prefer` says."""
    if not text:
        raise errors.GraphError(
            400,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and "
            "EndDateTime.",
        )
    try:
        moment = datetime.fromisoformat(_seven(text.strip().replace(" ", "+")))
    except ValueError as error:
        raise errors.GraphError(400, "ErrorInvalidParameter", f"'{text}' is no valid {member}.") from error
    if not 1601 <= moment.year <= 4500:
        raise errors.GraphError(400, "ErrorInvalidParameter", f"'{text}' of {member} is out of range.")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def instant(text: object, member: str) -> float:
    """A DateTimeOffset in a body: the offset is mandatory."""
    try:
        moment = datetime.fromisoformat(_seven(text)) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise errors.GraphError(400, "InvalidRequest", f"Cannot convert the literal '{text}' of {member}.")
    return moment.timestamp()


def day_after(day: str, days: int) -> str:
    return (datetime.fromisoformat(day) + timedelta(days=days)).date().isoformat()


def _seven(text: str) -> str:
    """Python reads six decimals, Graph writes seven."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def days_between(first: str, last: str) -> int:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days
