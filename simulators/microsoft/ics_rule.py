"""An RRULE as Graph's patterned recurrence: `recurrence_of`. Raises `Unreadable` for what Outlook cannot hold."""

from datetime import UTC, datetime, timedelta

from simulators.common.wire import Json
from simulators.google.ics_event import Unreadable
from simulators.microsoft import zones

_DAYS = {
    "MO": "monday",
    "TU": "tuesday",
    "WE": "wednesday",
    "TH": "thursday",
    "FR": "friday",
    "SA": "saturday",
    "SU": "sunday",
}
_INDEX = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
_KNOWN = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST", "COUNT", "UNTIL"}


def recurrence_of(rule: str, start: datetime, zone: str) -> Json:
    """`rule` without its name, `start` on the clock of the zone."""
    parts = dict(part.split("=", 1) for part in rule.upper().split(";") if "=" in part)
    if set(parts) - _KNOWN:
        raise Unreadable(f"{', '.join(sorted(set(parts) - _KNOWN))} has no counterpart")
    return {"pattern": _pattern(parts, start), "range": _range(parts, start, zone)}


def _pattern(parts: dict[str, str], start: datetime) -> Json:
    names, index = _weekdays(parts)
    pattern: Json = {
        "interval": int(parts.get("INTERVAL", 1)),
        "firstDayOfWeek": _DAYS[parts.get("WKST", "MO")],
        "daysOfWeek": names,
    }
    month = _one(parts, "BYMONTH")
    day = _one(parts, "BYMONTHDAY")
    relative = {"daysOfWeek": names, "index": _INDEX.get(index or 0)}
    match parts.get("FREQ"):
        case "DAILY" if not names and not month and not day:
            return pattern | {"type": "daily"}
        case "DAILY" | "WEEKLY" if index is None and not month and not day:
            if parts["FREQ"] == "DAILY" and pattern["interval"] != 1:
                raise Unreadable("every so many days, on some weekdays only, has no counterpart")
            return pattern | {"type": "weekly", "daysOfWeek": names or [_DAYS[f"{start:%a}"[:2].upper()]]}
        case "MONTHLY" if not names and not month:
            return pattern | {"type": "absoluteMonthly", "dayOfMonth": day or start.day}
        case "MONTHLY" if names and index is not None and not month and not day:
            return pattern | relative | {"type": "relativeMonthly"}
        case "YEARLY" if not names and (month or not day):
            where = {"dayOfMonth": day or start.day, "month": month or start.month}
            return pattern | where | {"type": "absoluteYearly"}
        case "YEARLY" if names and index is not None and month and not day:
            return pattern | relative | {"type": "relativeYearly", "month": month}
    raise Unreadable("the rule has no counterpart")


def _weekdays(parts: dict[str, str]) -> tuple[list[str], int | None]:
    """The days, and which of them in the month: from `2TU`, or from BYSETPOS."""
    names, numbers = [], set()
    for text in parts.get("BYDAY", "").split(",") if parts.get("BYDAY") else []:
        names.append(_DAYS[text[-2:]])
        numbers.add(int(text[:-2]) if text[:-2] else None)
    position = parts.get("BYSETPOS")
    if position is not None and numbers == {None}:
        numbers = {int(position)}
    elif position is not None or (numbers - {None} and len(names) > 1):
        raise Unreadable("several numbered weekdays have no counterpart")
    number = next(iter(numbers), None)
    if number is not None and number not in _INDEX:
        raise Unreadable(f"weekday number {number} has no counterpart")
    return names, number


def _one(parts: dict[str, str], name: str) -> int | None:
    if name not in parts:
        return None
    if not parts[name].isdigit():
        raise Unreadable(f"{name}={parts[name]} has no counterpart")
    return int(parts[name])


def _range(parts: dict[str, str], start: datetime, zone: str) -> Json:
    span: Json = {"startDate": f"{start:%Y-%m-%d}", "recurrenceTimeZone": zone}
    if "COUNT" in parts:
        return span | {"type": "numbered", "numberOfOccurrences": int(parts["COUNT"])}
    if "UNTIL" not in parts:
        return span | {"type": "noEnd"}
    return span | {"type": "endDate", "endDate": _last_day(parts["UNTIL"], start, zone)}


def _last_day(text: str, start: datetime, zone: str) -> str:
    """The last local date whose occurrence begins no later than UNTIL."""
    if len(text) == 8:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    until = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
    if text.endswith("Z"):
        until = until.replace(tzinfo=UTC).astimezone(zones.zone(zone)).replace(tzinfo=None)
    reached = until.time() >= start.time()
    return f"{until - timedelta(days=0 if reached else 1):%Y-%m-%d}"
