"""RFC 5545 rules and Graph's `patternedRecurrence`, both ways. Pure.

`to_pattern` says how Graph would hold the lines of a series, or why it cannot; `from_pattern` gives the lines that a
pattern amounts to, and the span of its first appointment; `canonical` sends lines through both.

Quirks and their source ("Schedule recurring events" in Graph's Outlook concepts unless said otherwise):

* A pattern's first day may come after `range.startDate`, while the start of a series is always an appointment here.
* `firstDayOfWeek` is Sunday unless sent, WKST is Monday (RFC 5545, 3.3.10); `endDate` is a day, included.
* `relativeMonthly` with several days means one of them: BYSETPOS, not several BYDAY with a number.
* A 31st in a shorter month is its last day (Outlook says so when such a series is made), where RFC 5545 skips it. So
  only rules that mean the last day are written, and a pattern that shortens is read as what it does.
* Dates cannot be excluded in a pattern: each is an occurrence that is deleted. The calendar does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from shared.calendar.recurrence import is_occurrence, normalize, original_start_key, parse_original_start, span_at
from shared.calendar.rules import Frequency, Moment, Rule, parse
from shared.calendar.timezones import from_utc, is_zone, to_utc
from shared.model import Content, OriginalStart, Series, Span, When, ZonedTime

Json = Mapping[str, Any]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CODES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_INDEXES: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_INDEX_WORDS: Final = {number: word for word, number in _INDEXES.items()}
_SHORTEST_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST: Final = 31
_COUNTS_TO: Final = 999
"""Outlook's own bound for occurrences and intervals."""

_FARTHEST: Final = 150 * 366


class Kind(StrEnum):
    """The values of `recurrencePatternType`."""

    DAILY = "daily"
    WEEKLY = "weekly"
    ABSOLUTE_MONTHLY = "absoluteMonthly"
    RELATIVE_MONTHLY = "relativeMonthly"
    ABSOLUTE_YEARLY = "absoluteYearly"
    RELATIVE_YEARLY = "relativeYearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """`days`: weekdays, Monday is 0; `index`: 1 to 4, or -1 for the last."""

    kind: Kind
    interval: int = 1
    days: tuple[int, ...] = ()
    day: int = 0
    month: int = 0
    index: int = 0
    first_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternedRecurrence:
    """A pattern from `start` on, until a day (included), for a number of times, or without end."""

    pattern: Pattern
    start: date
    until: date | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class CannotHold:
    """Graph has no pattern for the rule; `reason` is for people."""

    reason: str


# --- lines to pattern ----------------------------------------------------------------------------------------------


def to_pattern(lines: tuple[str, ...], span: Span) -> PatternedRecurrence | CannotHold:
    """How Graph would hold these lines, excluded dates aside. Raises `ValueError` for lines that are none."""
    read = parse(tuple(lines))
    if read.dates or read.excluded_rules or len(read.rules) != 1:
        return CannotHold("it is more than one rule, or names single dates")
    (rule,) = read.rules
    if rule.interval > _COUNTS_TO or (rule.count or 0) > _COUNTS_TO:
        return CannotHold("it repeats more often, or at longer intervals, than Outlook counts")
    start = _day_of(span.start)
    pattern = _pattern(rule, start)
    if isinstance(pattern, CannotHold):
        return pattern
    if not _falls_on(pattern, start, start):
        return CannotHold("its first appointment is not one of those that the rule gives")
    until = None if rule.until is None else _last_day(rule.until, span.start)
    if until is not None and until < start:
        return PatternedRecurrence(pattern=pattern, start=start, count=1)
    return PatternedRecurrence(pattern=pattern, start=start, until=until, count=rule.count)


def exclusions(lines: tuple[str, ...], span: Span) -> tuple[OriginalStart, ...]:
    """The occurrences that EXDATE lines take out of the series."""
    kept = tuple(line for line in lines if not line.startswith("EXDATE"))
    if not kept or len(kept) == len(lines):
        return ()
    content = Content(span=span)
    candidates = {_excluded_key(moment, span.start) for moment in parse(tuple(lines)).excluded_dates}
    with_all, with_lines = Series(content, kept), Series(content, tuple(lines))
    return tuple(
        key for key in sorted(candidates - {""}) if is_occurrence(with_all, key) and not is_occurrence(with_lines, key)
    )


def _day_of(when: When) -> date:
    return when.local.date() if isinstance(when, ZonedTime) else when


def _last_day(until: Moment, start: When) -> date:
    """The local day of the last moment at which an occurrence may begin."""
    value = until.value
    if not isinstance(start, ZonedTime):
        return value.date() if isinstance(value, datetime) else value
    if not isinstance(value, datetime):
        return value
    zone = until.zone
    local = value
    if zone and is_zone(start.zone):
        local = from_utc(to_utc(ZonedTime(value, zone)), start.zone).local
    return local.date() if local.time() >= start.local.time() else local.date() - timedelta(days=1)


def _excluded_key(moment: Moment, start: When) -> OriginalStart:
    value = moment.value
    if not isinstance(start, ZonedTime):
        return original_start_key(value.date() if isinstance(value, datetime) else value)
    if not is_zone(start.zone):
        return ""
    if not isinstance(value, datetime):
        return original_start_key(ZonedTime(datetime.combine(value, start.local.time()), start.zone))
    return original_start_key(ZonedTime(value, moment.zone or start.zone))


def _pattern(rule: Rule, start: date) -> Pattern | CannotHold:
    if rule.by_hour or rule.by_minute or rule.by_second or rule.by_week or rule.by_year_day:
        return CannotHold("it repeats by hours, by days of the year or by numbered weeks")
    match rule.frequency:
        case Frequency.DAILY:
            return _daily(rule)
        case Frequency.WEEKLY:
            return _weekly(rule, start)
        case Frequency.MONTHLY:
            return _monthly(rule, start)
        case Frequency.YEARLY:
            return _yearly(rule, start)
        case _:
            return CannotHold("it repeats more than once a day")


def _daily(rule: Rule) -> Pattern | CannotHold:
    if rule.by_month or rule.by_month_day or rule.by_position or (rule.by_day and rule.interval > 1):
        return CannotHold("it picks days out of a daily rule")
    if rule.by_day:
        return Pattern(kind=Kind.WEEKLY, days=_weekdays(rule), first_day=rule.week_start)
    return Pattern(kind=Kind.DAILY, interval=rule.interval)


def _weekly(rule: Rule, start: date) -> Pattern | CannotHold:
    if rule.by_month or rule.by_position:
        return CannotHold("it picks weeks out of a weekly rule")
    days = _weekdays(rule) or (start.weekday(),)
    return Pattern(kind=Kind.WEEKLY, interval=rule.interval, days=days, first_day=rule.week_start)


def _monthly(rule: Rule, start: date) -> Pattern | CannotHold:
    if rule.by_month:
        return CannotHold("it leaves out months")
    if rule.by_day:
        return _relative(rule, Kind.RELATIVE_MONTHLY, 0)
    day = _day_of_month(rule, start, 28)
    if isinstance(day, CannotHold):
        return day
    return Pattern(kind=Kind.ABSOLUTE_MONTHLY, interval=rule.interval, day=day)


def _yearly(rule: Rule, start: date) -> Pattern | CannotHold:
    if len(rule.by_month) > 1 or (not rule.by_month and (rule.by_day or rule.by_month_day)):
        return CannotHold("it names several months, or days of the whole year")
    month = rule.by_month[0] if rule.by_month else start.month
    if rule.by_day:
        return _relative(rule, Kind.RELATIVE_YEARLY, month)
    day = _day_of_month(rule, start, _SHORTEST_MONTHS[month - 1])
    if isinstance(day, CannotHold):
        return day
    return Pattern(kind=Kind.ABSOLUTE_YEARLY, interval=rule.interval, day=day, month=month)


def _day_of_month(rule: Rule, start: date, always: int) -> int | CannotHold:
    """The day as Graph counts it. `always`: the last day that each such month has."""
    days = tuple(sorted(rule.by_month_day)) or (start.day,)
    if days == (-1,) and not rule.by_position:
        return _LAST
    if rule.by_position == (-1,) and days == tuple(range(28, days[-1] + 1)):
        return days[-1]
    if len(days) > 1 or rule.by_position or days[0] < 0:
        return CannotHold("it names several days of the month, or counts them from its end")
    if days[0] > always:
        return CannotHold("it leaves out months that are too short, where Outlook would take their last day")
    return days[0]


def _relative(rule: Rule, kind: Kind, month: int) -> Pattern | CannotHold:
    if rule.by_month_day or len(rule.by_position) > 1:
        return CannotHold("it combines weekdays and days of the month")
    numbers = {which for which, _ in rule.by_day}
    index = rule.by_position[0] if rule.by_position else 0
    if not index and len(rule.by_day) == 1:
        index = numbers.pop()
    elif numbers != {0}:
        return CannotHold("it names several weekdays of the month by number")
    if index not in _INDEX_WORDS:
        return CannotHold("it names a weekday of the month other than the first four or the last")
    return Pattern(kind=kind, interval=rule.interval, days=_weekdays(rule), month=month, index=index)


def _weekdays(rule: Rule) -> tuple[int, ...]:
    return tuple(sorted({day for _, day in rule.by_day}))


# --- pattern to lines ----------------------------------------------------------------------------------------------


def from_pattern(recurrence: PatternedRecurrence, span: Span) -> tuple[Span, tuple[str, ...]]:
    """The lines, and the span of the first appointment, which may come after the pattern's start. What the first
    appointment says anyway (its weekday, its day of the month) is left out of the rule. Raises `ValueError`."""
    pattern = recurrence.pattern
    first = next(hits(pattern, _day_of(span.start)), None)
    if first is None:
        raise ValueError("the pattern gives no day")
    if first != _day_of(span.start):
        span = span_at(span, _on_day(span.start, first))
    parts = [*_parts(pattern, first)]
    if recurrence.count:
        parts.append(f"COUNT={recurrence.count}")
    elif recurrence.until is not None:
        parts.append(f"UNTIL={_until(recurrence.until, span.start)}" if recurrence.until >= first else "COUNT=1")
    return span, normalize((f"RRULE:{';'.join(parts)}",))


def with_exclusions(lines: tuple[str, ...], keys: tuple[OriginalStart, ...]) -> tuple[str, ...]:
    """The lines with an EXDATE for each of the occurrences."""
    if not keys:
        return lines
    dates = [key for key in keys if "T" not in key]
    times = [key for key in keys if "T" in key]
    added = [f"EXDATE;VALUE=DATE:{','.join(dates)}"] * bool(dates) + [f"EXDATE:{','.join(times)}"] * bool(times)
    return normalize((*lines, *added))


def canonical(lines: tuple[str, ...], span: Span) -> tuple[str, ...]:
    """The lines as they come back from Graph; those that it cannot hold are left as they are."""
    if not lines:
        return ()
    pattern = to_pattern(lines, span)
    if isinstance(pattern, CannotHold):
        return normalize(lines)
    _, rule = from_pattern(pattern, span)
    return with_exclusions(rule, exclusions(lines, span))


def _parts(pattern: Pattern, first: date) -> Iterator[str]:
    match pattern.kind:
        case Kind.DAILY:
            yield "FREQ=DAILY"
        case Kind.WEEKLY:
            yield "FREQ=WEEKLY"
            if pattern.days != (first.weekday(),):
                yield f"BYDAY={','.join(_CODES[day] for day in pattern.days)}"
            if len(pattern.days) > 1 and pattern.interval > 1:
                yield f"WKST={_CODES[pattern.first_day]}"
        case Kind.ABSOLUTE_MONTHLY:
            yield "FREQ=MONTHLY"
            if pattern.day >= _LAST:
                yield "BYMONTHDAY=-1"
            elif pattern.day > 28:
                yield f"BYMONTHDAY={','.join(str(day) for day in range(28, pattern.day + 1))};BYSETPOS=-1"
        case Kind.ABSOLUTE_YEARLY:
            yield "FREQ=YEARLY"
            if pattern.day > _SHORTEST_MONTHS[pattern.month - 1]:
                yield f"BYMONTH={pattern.month};BYMONTHDAY=-1"
        case Kind.RELATIVE_MONTHLY:
            yield f"FREQ=MONTHLY;{_relative_parts(pattern)}"
        case Kind.RELATIVE_YEARLY:
            yield f"FREQ=YEARLY;BYMONTH={pattern.month};{_relative_parts(pattern)}"
    if pattern.interval > 1:
        yield f"INTERVAL={pattern.interval}"


def _relative_parts(pattern: Pattern) -> str:
    if len(pattern.days) == 1:
        return f"BYDAY={pattern.index}{_CODES[pattern.days[0]]}"
    return f"BYDAY={','.join(_CODES[day] for day in pattern.days)};BYSETPOS={pattern.index}"


def _until(day: date, start: When) -> str:
    """The last second of the day on the clocks of the series (RFC 5545 wants UTC), or the day."""
    if not isinstance(start, ZonedTime):
        return f"{day:%Y%m%d}"
    zone = start.zone if is_zone(start.zone) else "UTC"
    return original_start_key(ZonedTime(datetime.combine(day, datetime.max.time().replace(microsecond=0)), zone))


def _on_day(start: When, day: date) -> When:
    if not isinstance(start, ZonedTime):
        return day
    return replace(start, local=datetime.combine(day, start.local.time()))


# --- which days a pattern gives --------------------------------------------------------------------------------------


def hits(pattern: Pattern, start: date) -> Iterator[date]:
    """The days of a pattern that begins on `start`, for as long as anybody would look."""
    for days in range(_FARTHEST):
        day = start + timedelta(days=days)
        if _falls_on(pattern, start, day):
            yield day


def _falls_on(pattern: Pattern, start: date, day: date) -> bool:
    match pattern.kind:
        case Kind.DAILY:
            return (day - start).days % pattern.interval == 0
        case Kind.WEEKLY:
            weeks = (_week(day, pattern.first_day) - _week(start, pattern.first_day)).days // 7
            return day.weekday() in pattern.days and weeks % pattern.interval == 0
        case Kind.ABSOLUTE_MONTHLY:
            return _months(start, day) % pattern.interval == 0 and day.day == min(pattern.day, _length(day))
        case Kind.RELATIVE_MONTHLY:
            return _months(start, day) % pattern.interval == 0 and _is_nth(pattern, day)
        case _:
            if day.month != pattern.month or (day.year - start.year) % pattern.interval:
                return False
            if pattern.kind is Kind.ABSOLUTE_YEARLY:
                return day.day == min(pattern.day, _length(day))
            return _is_nth(pattern, day)


def _week(day: date, first_day: int) -> date:
    return day - timedelta(days=(day.weekday() - first_day) % 7)


def _months(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month


def _length(day: date) -> int:
    return (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day


def _is_nth(pattern: Pattern, day: date) -> bool:
    """Whether the day is the pattern's one among its weekdays in that month."""
    if day.weekday() not in pattern.days:
        return False
    others = [each for each in range(1, _length(day) + 1) if day.replace(day=each).weekday() in pattern.days]
    wanted = others[-1] if pattern.index < 0 else others[pattern.index - 1]
    return day.day == wanted


# --- Graph's JSON --------------------------------------------------------------------------------------------------


def write(recurrence: PatternedRecurrence, zone: str) -> dict[str, Any]:
    """The `patternedRecurrence` resource; `zone` is the Windows name of the series' zone."""
    pattern = recurrence.pattern
    written: dict[str, Any] = {
        "type": pattern.kind.value,
        "interval": pattern.interval,
        "firstDayOfWeek": _DAYS[pattern.first_day],
    }
    if pattern.days:
        written["daysOfWeek"] = [_DAYS[day] for day in pattern.days]
    if pattern.day:
        written["dayOfMonth"] = pattern.day
    if pattern.month:
        written["month"] = pattern.month
    if pattern.index:
        written["index"] = _INDEX_WORDS[pattern.index]
    ends: dict[str, Any] = {"type": "noEnd"}
    if recurrence.count is not None:
        ends = {"type": "numbered", "numberOfOccurrences": recurrence.count}
    elif recurrence.until is not None:
        ends = {"type": "endDate", "endDate": recurrence.until.isoformat()}
    return {"pattern": written, "range": {"startDate": recurrence.start.isoformat(), "recurrenceTimeZone": zone} | ends}


def read(raw: Json) -> PatternedRecurrence:
    """The value of a `patternedRecurrence`. Raises `ValueError`, `KeyError`, `TypeError` for one of no known kind."""
    pattern, ends = raw["pattern"], raw["range"]
    kind = Kind(pattern["type"])
    relative = kind in (Kind.RELATIVE_MONTHLY, Kind.RELATIVE_YEARLY)
    days = tuple(sorted({_DAYS.index(day.lower()) for day in pattern.get("daysOfWeek") or ()}))
    if (relative or kind is Kind.WEEKLY) and not days:
        raise ValueError("the pattern names no weekday")
    start = date.fromisoformat(ends["startDate"])
    yearly = kind in (Kind.ABSOLUTE_YEARLY, Kind.RELATIVE_YEARLY)
    return PatternedRecurrence(
        pattern=Pattern(
            kind=kind,
            interval=max(1, int(pattern.get("interval") or 1)),
            days=days if relative or kind is Kind.WEEKLY else (),
            day=int(pattern["dayOfMonth"]) if kind in (Kind.ABSOLUTE_MONTHLY, Kind.ABSOLUTE_YEARLY) else 0,
            month=int(pattern["month"]) if yearly else 0,
            index=_INDEXES[pattern.get("index") or "first"] if relative else 0,
            first_day=_DAYS.index((pattern.get("firstDayOfWeek") or "sunday").lower()) if kind is Kind.WEEKLY else 0,
        ),
        start=start,
        until=date.fromisoformat(ends["endDate"]) if ends.get("type") == "endDate" else None,
        count=int(ends["numberOfOccurrences"]) if ends.get("type") == "numbered" else None,
    )


def around(key: OriginalStart) -> tuple[datetime, datetime]:
    """A window that holds the occurrence of that original start, if it stands where its series put it."""
    named = parse_original_start(key)
    middle = named if isinstance(named, datetime) else datetime(named.year, named.month, named.day, tzinfo=UTC)
    return middle - timedelta(days=1), middle + timedelta(days=2)
