"""The occurrences of a series: what `events.instances` lists, and the ids that Google gives to them.

`occurrences` walks a stored series between two instants; `find_occurrence` answers whether an id names one.
Times repeat on the wall clock of the event's own zone. `check_recurrence` refuses lines that Google would refuse.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from dateutil.rrule import rrule, rruleset, rrulestr

from simulators.google import errors, times
from simulators.google.wire import Json

ENDLESS_YEARS = 100
_BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001
_LINE = re.compile(r"^(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:;]+)*):(.+)$")
_STAMP = re.compile(r"^\d{8}(T\d{6}Z?)?$")


@dataclass(frozen=True)
class Occurrence:
    id: str
    start: Json
    end: Json
    begins: datetime
    """Aware instant of the start."""


def length_of(body: Json, calendar_zone: str) -> timedelta:
    if "date" in body["start"]:
        return times.local_start(body["end"], calendar_zone) - times.local_start(body["start"], calendar_zone)
    return times.moment_of(body["end"], calendar_zone) - times.moment_of(body["start"], calendar_zone)


def occurrences(body: Json, calendar_zone: str, after: datetime | None, before: datetime) -> Iterator[Occurrence]:
    """Occurrences that end after `after` and start before `before` (aware), by time, exceptions not applied."""
    length = length_of(body, calendar_zone)
    rules = _rules_of(body, calendar_zone)
    margin = timedelta(days=2)
    first = _BEGINNING if after is None else (after.astimezone(UTC) - length - margin).replace(tzinfo=None)
    last = (before.astimezone(UTC) + margin).replace(tzinfo=None)
    for local in rules.between(first, last, inc=True):
        found = _occurrence(body, calendar_zone, local, length)
        ends = times.moment_of(found.end, calendar_zone)
        if found.begins < before and (after is None or ends > after):
            yield found


def find_occurrence(body: Json, calendar_zone: str, key: str) -> Occurrence | None:
    """The occurrence whose id ends in `key` (`20270301T090000Z`, `20270301`), or None when the rules have no such."""
    local = _local_of_key(body, calendar_zone, key)
    if local is None or not _rules_of(body, calendar_zone).between(local, local, inc=True):
        return None
    return _occurrence(body, calendar_zone, local, length_of(body, calendar_zone))


def key_of(start: Json, calendar_zone: str) -> str:
    if "date" in start:
        return str(start["date"]).replace("-", "")
    return times.moment_of(start, calendar_zone).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def count_before(body: Json, calendar_zone: str, local: datetime) -> int:
    """How many occurrences the rules give before a wall-clock time."""
    return len(_rules_of(body, calendar_zone).between(_BEGINNING, local, inc=False))


def _occurrence(body: Json, calendar_zone: str, local: datetime, length: timedelta) -> Occurrence:
    start, end = times.shifted(body["start"], local, length, calendar_zone)
    return Occurrence(f"{body['id']}_{key_of(start, calendar_zone)}", start, end, times.moment_of(start, calendar_zone))


def _local_of_key(body: Json, calendar_zone: str, key: str) -> datetime | None:
    all_day = "date" in body["start"]
    form = "%Y%m%d" if all_day else "%Y%m%dT%H%M%SZ"
    try:
        read = datetime.strptime(key, form)  # noqa: DTZ007
    except ValueError:
        return None
    if all_day:
        return read
    zone = times.zone(body["start"].get("timeZone", calendar_zone))
    return read.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def _rules_of(body: Json, calendar_zone: str) -> rruleset:
    start = times.local_start(body["start"], calendar_zone)
    zone_name = "" if "date" in body["start"] else body["start"].get("timeZone", calendar_zone)
    return _rules(start, zone_name, tuple(body["recurrence"]))


@lru_cache(maxsize=4096)
def _rules(start: datetime, zone_name: str, lines: tuple[str, ...]) -> rruleset:
    """All lines as one set, in naive wall-clock time. `zone_name` is empty for all-day events."""
    rules = rruleset(cache=False)
    rules.rdate(start)  # Google counts the start as an occurrence whether or not the rule would.
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"not a recurrence line: {line}")
        kind, parameters, value = match.groups()
        if kind in {"RRULE", "EXRULE"}:
            rule = _rule(start, zone_name, value)
            if kind == "RRULE":
                rules.rrule(rule)
            else:
                rules.exrule(rule)
            continue
        for moment in _dates(parameters, value, zone_name, all_day=not zone_name):
            if kind == "RDATE":
                rules.rdate(moment)
            else:
                rules.exdate(moment)
    return rules


def _rule(start: datetime, zone_name: str, value: str) -> rrule:
    parts = dict(part.split("=", 1) for part in value.upper().split(";") if "=" in part)
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other")
    if "UNTIL" in parts:
        parts["UNTIL"] = _local_until(parts["UNTIL"], zone_name).strftime("%Y%m%dT%H%M%S")
    elif "COUNT" not in parts:
        parts["UNTIL"] = start.replace(year=min(start.year + ENDLESS_YEARS, 9990), day=1).strftime("%Y%m%dT%H%M%S")
    read = rrulestr("RRULE:" + ";".join(f"{k}={v}" for k, v in parts.items()), dtstart=start)
    if not isinstance(read, rrule):
        raise ValueError("one rule a line")
    if "COUNT" in parts and not read.between(start, start, inc=True):
        # The start counts as the first even where the rule skips it (RFC 5545, 3.3.10).
        return read.replace(count=max(int(parts["COUNT"]) - 1, 0))
    return read


def _local_until(text: str, zone_name: str) -> datetime:
    if not _STAMP.match(text):
        raise ValueError(f"UNTIL={text}")
    if len(text) == 8:
        return datetime.strptime(text, "%Y%m%d") + timedelta(days=1, seconds=-1)  # noqa: DTZ007
    read = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
    if text.endswith("Z") and zone_name:
        return read.replace(tzinfo=UTC).astimezone(times.zone(zone_name)).replace(tzinfo=None)
    return read


def _dates(parameters: str, value: str, zone_name: str, *, all_day: bool) -> list[datetime]:
    given = dict(part.split("=", 1) for part in parameters.strip(";").split(";") if "=" in part)
    source = given.get("TZID", zone_name)
    if given.get("VALUE", "").upper() == "PERIOD" or (source and not times.is_zone(source)):
        raise ValueError(f"cannot read {parameters}")
    found = []
    for text in value.split(","):
        if not _STAMP.match(text):
            raise ValueError(f"not a date: {text}")
        if all_day:
            found.append(datetime.strptime(text[:8], "%Y%m%d"))  # noqa: DTZ007
        elif len(text) > 8:
            read = datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007
            zone = UTC if text.endswith("Z") else times.zone(source)
            found.append(read.replace(tzinfo=zone).astimezone(times.zone(zone_name)).replace(tzinfo=None))
    return found


def check_recurrence(lines: list[str], start: Json, calendar_zone: str) -> None:
    """Refuse what Google refuses: no such line, DTSTART or DTEND, a rule that cannot be read, no rule at all."""
    kinds = set()
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            raise errors.invalid("Invalid recurrence rule.")
        kinds.add(match.group(1))
    if not kinds & {"RRULE", "RDATE"}:
        raise errors.invalid("Invalid recurrence rule.")
    zone_name = "" if "date" in start else start.get("timeZone", calendar_zone)
    try:
        _rules(times.local_start(start, calendar_zone), zone_name, tuple(lines))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.invalid("Invalid recurrence rule.") from error
