"""Patterned recurrence: refuse what Outlook refuses, and give the days on which a series falls.

`check` returns the recurrence as Graph keeps it. `days` lists original days (`2027-03-01`) between two dates; clock and
zone are the series' own, so a day names an occurrence exactly.
"""

import json
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule

from simulators.common.wire import Json
from simulators.microsoft import errors, zones
from simulators.microsoft.event_body import one_of

_WEEKDAYS: dict[str, Any] = {
    "monday": MO,
    "tuesday": TU,
    "wednesday": WE,
    "thursday": TH,
    "friday": FR,
    "saturday": SA,
    "sunday": SU,
}
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_NEEDED: dict[str, tuple[str, ...]] = {
    "daily": (),
    "weekly": ("daysOfWeek",),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("dayOfMonth", "month"),
    "relativeYearly": ("daysOfWeek", "month"),
}
_PATTERN = frozenset({"type", "interval", "month", "dayOfMonth", "daysOfWeek", "firstDayOfWeek", "index"})
_RANGE = frozenset({"type", "startDate", "endDate", "numberOfOccurrences", "recurrenceTimeZone"})
LAST_DAY = "2099-12-31"


def check(value: Any, start_day: str, start_zone: str) -> Json:
    """A recurrence as it was written, made whole. `start_day` is the event's own, in its own zone."""
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("pattern"), dict)
        or not isinstance(value.get("range"), dict)
    ):
        raise _bad("A recurrence needs a pattern and a range.")
    if set(value) - {"pattern", "range"}:
        raise errors.bad_body(f"Unknown members of recurrence: {sorted(set(value) - {'pattern', 'range'})}")
    return {
        "pattern": _checked_pattern(value["pattern"]),
        "range": _checked_range(value["range"], start_day, start_zone),
    }


def _checked_pattern(pattern: Json) -> Json:
    unknown = set(pattern) - _PATTERN
    if unknown:
        raise errors.bad_body(f"Unknown members of recurrence.pattern: {sorted(unknown)}")
    kind = pattern.get("type")
    if not isinstance(kind, str) or kind not in _NEEDED:
        raise _bad(f"'{kind}' is no recurrence pattern type.")
    for name in _NEEDED[kind]:
        if not pattern.get(name):
            raise _bad(f"A {kind} pattern needs '{name}'.")
    interval = pattern.get("interval")
    if not isinstance(interval, int) or not 1 <= interval <= 999:
        raise _bad("'interval' must be a number from 1 to 999.")
    names = pattern.get("daysOfWeek") or []
    if not isinstance(names, list) or any(not one_of(name, _WEEKDAYS) for name in names):
        raise _bad("'daysOfWeek' names an unknown day.")
    first, index = pattern.get("firstDayOfWeek") or "sunday", pattern.get("index") or "first"
    if not one_of(first, _WEEKDAYS) or not one_of(index, _INDEX):
        raise _bad("'firstDayOfWeek' or 'index' is unknown.")
    day, month = pattern.get("dayOfMonth") or 0, pattern.get("month") or 0
    if not isinstance(day, int) or not isinstance(month, int) or not 0 <= day <= 31 or not 0 <= month <= 12:
        raise _bad("'dayOfMonth' or 'month' is out of range.")
    return {
        "type": kind,
        "interval": interval,
        "month": month,
        "dayOfMonth": day,
        "daysOfWeek": list(names),
        "firstDayOfWeek": first,
        "index": index,
    }


def _checked_range(given: Json, start_day: str, start_zone: str) -> Json:
    unknown = set(given) - _RANGE
    if unknown:
        raise errors.bad_body(f"Unknown members of recurrence.range: {sorted(unknown)}")
    kind = given.get("type")
    if not one_of(kind, {"endDate", "noEnd", "numbered"}):
        raise _bad(f"'{kind}' is no recurrence range type.")
    first = _day(given.get("startDate"), "startDate")
    if first != start_day:
        raise _bad(f"The recurrence range's startDate {first} must equal the event's start date {start_day}.")
    zone_name = given.get("recurrenceTimeZone") or start_zone
    if not zones.is_zone(zone_name):
        raise _bad(f"'{zone_name}' is no time zone.")
    if zones.zone(zone_name) != zones.zone(start_zone):
        raise _bad("recurrenceTimeZone differs from the zone of the event's start. (Refused by the simulator.)")
    last = _day(given.get("endDate"), "endDate") if kind == "endDate" else "0001-01-01"
    if kind == "endDate" and last < first:
        raise _bad("The recurrence range ends before it starts.")
    count = given.get("numberOfOccurrences") or 0
    if kind == "numbered" and (not isinstance(count, int) or not 1 <= count <= 999):
        raise _bad("'numberOfOccurrences' must be a number from 1 to 999.")
    return {
        "type": kind,
        "startDate": first,
        "endDate": last,
        "recurrenceTimeZone": zone_name,
        "numberOfOccurrences": count if kind == "numbered" else 0,
    }


def days(recurrence: Json, first: str, last: str, *, clamp: bool) -> list[str]:
    """The original days from `first` to `last`, both included."""
    begin, end = datetime.fromisoformat(first), datetime.fromisoformat(min(last, LAST_DAY))
    if end < begin:
        return []
    return [
        f"{moment:%Y-%m-%d}"
        for moment in _rule(json.dumps(recurrence, sort_keys=True), clamp).between(begin, end, inc=True)
    ]


def neighbours(recurrence: Json, day: str, *, clamp: bool) -> tuple[str | None, str | None]:
    rule = _rule(json.dumps(recurrence, sort_keys=True), clamp)
    here = datetime.fromisoformat(day)
    before, after = rule.before(here), rule.after(here)
    return (f"{before:%Y-%m-%d}" if before else None), (f"{after:%Y-%m-%d}" if after else None)


@lru_cache(maxsize=4096)
def _rule(text: str, clamp: bool) -> rrule:
    recurrence: Json = json.loads(text)
    pattern, span = recurrence["pattern"], recurrence["range"]
    names = [_WEEKDAYS[name] for name in pattern["daysOfWeek"]]
    given: dict[str, Any] = {
        "dtstart": datetime.fromisoformat(span["startDate"]),
        "interval": pattern["interval"],
        "wkst": _WEEKDAYS[pattern["firstDayOfWeek"]],
    }
    if span["type"] == "numbered":
        given["count"] = span["numberOfOccurrences"]
    else:
        given["until"] = datetime.fromisoformat(span["endDate"] if span["type"] == "endDate" else LAST_DAY)
    match pattern["type"]:
        case "daily":
            return rrule(DAILY, **given)
        case "weekly":
            return rrule(WEEKLY, byweekday=names, **given)
        case "absoluteMonthly":
            return rrule(MONTHLY, **_month_day(pattern["dayOfMonth"], clamp), **given)
        case "relativeMonthly":
            return rrule(MONTHLY, byweekday=names, bysetpos=_INDEX[pattern["index"]], **given)
        case "absoluteYearly":
            return rrule(YEARLY, bymonth=pattern["month"], **_month_day(pattern["dayOfMonth"], clamp), **given)
    return rrule(YEARLY, bymonth=pattern["month"], byweekday=names, bysetpos=_INDEX[pattern["index"]], **given)


def _month_day(day: int, clamp: bool) -> dict[str, Any]:
    if day <= 28 or not clamp:
        return {"bymonthday": day}
    return {"bymonthday": list(range(28, day + 1)), "bysetpos": -1}


def _day(value: Any, member: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise _bad(f"'{value}' of recurrence.range.{member} is no date.") from error


def _bad(message: str) -> errors.GraphError:
    return errors.GraphError(400, "ErrorInvalidRecurrencePattern", message)
