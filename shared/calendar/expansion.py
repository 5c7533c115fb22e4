"""The wall-clock times at which one rule repeats, found at a bounded cost.

`expand` walks naive local times; zones, single dates and exclusions are `shared.calendar.recurrence`'s. Unlike
dateutil it can begin far from the rule's start without walking there, and it gives up on a rule that never comes
round (`BYMONTH=2;BYMONTHDAY=30`) instead of trying every day up to the year 9999.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap, monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import Final

from shared.calendar.rules import UNIT_SECONDS, Frequency, Rule

COUNT_LIMIT: Final = 10_000
"""A rule with a higher COUNT is taken as endless."""

DAYS_TRIED: Final = 50_000
"""How many days one walk looks at before it takes the rule as having ended: 137 years, or fewer of a sparse year.
The rarest plain date, a 29 February on a given weekday, comes round within 40."""

FIRST_WALL: Final = datetime.min  # noqa: DTZ901
LAST_WALL: Final = datetime.max  # noqa: DTZ901

_LAST_YEAR = 8999  # so that no length of an event reaches over the end of the calendar
_LAST_DAY = date(_LAST_YEAR, 12, 31).toordinal()
_DAY_SECONDS = 86_400


def expand(rule: Rule, start: datetime, after: datetime, before: datetime, *, with_start: bool) -> Iterator[datetime]:
    """The rule's times from `after` to `before` (both inclusive, naive, like `start`), ascending, none before `start`.

    `with_start`: the start counts as the first time even where the rule skips it (RFC 5545, 3.3.10). UNTIL is not
    looked at: it may be an instant, which this module knows nothing of.
    """
    if rule.count is not None and rule.count <= COUNT_LIMIT:
        times = _counted(rule, start, with_start)
        yield from times[bisect_left(times, after) : bisect_right(times, before)]
        return
    if with_start and after <= start <= before:
        yield start
    for moment in _matches(rule, start, after, before):
        if moment > start or (moment == start and not with_start):
            if moment > before:
                return
            if moment >= after:
                yield moment


@lru_cache(maxsize=16)
def _counted(rule: Rule, start: datetime, with_start: bool) -> tuple[datetime, ...]:
    """Every time of a rule with COUNT: it has to be counted from the start, so it is counted once."""
    found = (moment for moment in _matches(rule, start, start, LAST_WALL) if moment > start or not with_start)
    later = (moment for moment in found if moment >= start)
    left = (rule.count or 0) - (1 if with_start else 0)
    return (*((start,) if with_start else ()), *islice(later, left))


def _matches(rule: Rule, start: datetime, after: datetime, before: datetime) -> Iterator[datetime]:
    """The rule's times from the period of `after` on, ascending; some at the edges may lie outside of the bounds."""
    rule = _resolved(rule, start)
    matches = _day_check(rule)
    times_of = _times(rule, start)
    tried = 0
    for index in count(_index_of(rule, start.date(), max(start, after).date())):
        period = _period(rule, start.date(), index)
        if period is None or period.start > before.toordinal() or tried > DAYS_TRIED:
            return
        days = _candidates(rule, period)
        tried += max(1, len(days))
        yield from times_of([day for day in map(date.fromordinal, days) if matches(day)])


def _resolved(rule: Rule, start: datetime) -> Rule:
    """The rule with what it leaves unsaid taken from its start."""
    given: dict[str, tuple[int, ...] | tuple[tuple[int, int], ...]] = {}
    days_said = rule.by_month_day or rule.by_year_day or rule.by_day
    match rule.frequency:
        case Frequency.YEARLY if rule.by_week and not days_said:
            given["by_day"] = ((0, start.weekday()),)
        case Frequency.YEARLY if not days_said:
            given["by_month"] = rule.by_month or (start.month,)
            given["by_month_day"] = (start.day,)
        case Frequency.MONTHLY if not days_said:
            given["by_month_day"] = (start.day,)
        case Frequency.WEEKLY if not days_said:
            given["by_day"] = ((0, start.weekday()),)
    unit = UNIT_SECONDS.get(rule.frequency, _DAY_SECONDS)
    if unit > 3600 and not rule.by_hour:
        given["by_hour"] = (start.hour,)
    if unit > 60 and not rule.by_minute:
        given["by_minute"] = (start.minute,)
    if unit > 1 and not rule.by_second:
        given["by_second"] = (start.second,)
    return replace(rule, **given)  # type: ignore[arg-type]


# --- periods: a year, a month, a week or a day, as a range of day numbers --------------------------------------------


def _index_of(rule: Rule, start: date, day: date) -> int:
    """Which period (0 is the start's own) `day` is in, or the last one before it."""
    match rule.frequency:
        case Frequency.YEARLY:
            return (day.year - start.year) // rule.interval
        case Frequency.MONTHLY:
            return (day.year * 12 + day.month - start.year * 12 - start.month) // rule.interval
        case Frequency.WEEKLY:
            return (day.toordinal() - _week_of(rule, start)) // (7 * rule.interval)
        case Frequency.DAILY:
            return (day - start).days // rule.interval
        case _:
            return (day - start).days


def _period(rule: Rule, start: date, index: int) -> range | None:
    """The days of a period; None past the last year."""
    match rule.frequency:
        case Frequency.YEARLY:
            year = start.year + index * rule.interval
            if year > _LAST_YEAR:
                return None
            first, length = date(year, 1, 1).toordinal(), _year_length(year)
        case Frequency.MONTHLY:
            year, month = divmod(start.year * 12 + start.month - 1 + index * rule.interval, 12)
            if year > _LAST_YEAR:
                return None
            first, length = date(year, month + 1, 1).toordinal(), monthrange(year, month + 1)[1]
        case Frequency.WEEKLY:
            first, length = _week_of(rule, start) + index * 7 * rule.interval, 7
        case Frequency.DAILY:
            first, length = start.toordinal() + index * rule.interval, 1
        case _:
            first, length = start.toordinal() + index, 1
    return range(max(1, first), min(first + length, _LAST_DAY + 1)) if first <= _LAST_DAY else None


def _week_of(rule: Rule, day: date) -> int:
    return day.toordinal() - (day.weekday() - rule.week_start) % 7


def _year_length(year: int) -> int:
    return 366 if isleap(year) else 365


def _candidates(rule: Rule, period: range) -> Sequence[int]:
    """The days of a period that are worth looking at: of a year only the months and days that the rule names."""
    if rule.frequency is not Frequency.YEARLY or not (rule.by_month or rule.by_month_day):
        return period
    year = date.fromordinal(period.start).year
    days: list[int] = []
    for month in rule.by_month or range(1, 13):
        length = monthrange(year, month)[1]
        first = date(year, month, 1).toordinal()
        if rule.by_month_day:
            chosen = {day if day > 0 else length + 1 + day for day in rule.by_month_day}
            days.extend(first + day - 1 for day in sorted(chosen) if 1 <= day <= length)
        else:
            days.extend(range(first, first + length))
    return days


# --- days: which of a period's days the rule means --------------------------------------------------------------------


def _day_check(rule: Rule) -> Callable[[date], bool]:
    checks: list[Callable[[date], bool]] = []
    if rule.by_month:
        checks.append(lambda day: day.month in rule.by_month)
    if rule.by_month_day:
        checks.append(lambda day: _listed(rule.by_month_day, day.day, monthrange(day.year, day.month)[1]))
    if rule.by_year_day:
        checks.append(lambda day: _listed(rule.by_year_day, day.timetuple().tm_yday, _year_length(day.year)))
    if rule.by_week:
        checks.append(lambda day: _listed(rule.by_week, *_week_number(day, rule.week_start)))
    if rule.by_day:
        plain = {weekday for which, weekday in rule.by_day if not which}
        numbered = {day for day in rule.by_day if day[0]}
        by_year = rule.frequency is Frequency.YEARLY and not rule.by_month
        checks.append(lambda day: day.weekday() in plain or (bool(numbered) and _numbered(day, numbered, by_year)))
    return lambda day: all(check(day) for check in checks)


def _listed(numbers: tuple[int, ...], number: int, total: int) -> bool:
    """Whether the `number`-th of `total` is listed, counted from the front or (negative) from the back."""
    return number in numbers or number - total - 1 in numbers


def _numbered(day: date, numbered: set[tuple[int, int]], by_year: bool) -> bool:
    """Whether the day is, say, the second Tuesday of its month (or year)."""
    if by_year:
        number, total = day.timetuple().tm_yday, _year_length(day.year)
    else:
        number, total = day.day, monthrange(day.year, day.month)[1]
    weekday = day.weekday()
    return ((number - 1) // 7 + 1, weekday) in numbered or (-((total - number) // 7 + 1), weekday) in numbered


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """The day's week by ISO 8601's rule (the first week has four days of the year), and how many that year has."""
    ordinal = day.toordinal()
    week = ordinal - (day.weekday() - week_start) % 7
    year = date.fromordinal(max(week + 3, 1)).year
    first = _first_week(year, week_start)
    total = (_first_week(year + 1, week_start) - first) // 7
    return (week - first) // 7 + 1, total


@lru_cache(maxsize=64)
def _first_week(year: int, week_start: int) -> int:
    fourth = date(year, 1, 4)
    return fourth.toordinal() - (fourth.weekday() - week_start) % 7


# --- times: the hours of the days that are meant --------------------------------------------------------------------


def _times(rule: Rule, start: datetime) -> Callable[[Sequence[date]], Iterable[datetime]]:
    unit = UNIT_SECONDS.get(rule.frequency)
    if unit is not None:
        return lambda days: (moment for day in days for moment in _times_within(rule, start, day, unit))
    clock = [
        time(hour, minute, second) for hour in rule.by_hour for minute in rule.by_minute for second in rule.by_second
    ]

    def times_of(days: Sequence[date]) -> Iterator[datetime]:
        total = len(days) * len(clock)
        for place in _chosen(rule, total):
            yield datetime.combine(days[place // len(clock)], clock[place % len(clock)])

    return times_of


def _chosen(rule: Rule, total: int) -> Iterable[int]:
    """The places, of `total` in a period, that BYSETPOS chooses; all of them without."""
    if not rule.by_position:
        return range(total)
    places = {place - 1 if place > 0 else total + place for place in rule.by_position}
    return sorted(place for place in places if 0 <= place < total)


def _times_within(rule: Rule, start: datetime, day: date, unit: int) -> Iterator[datetime]:
    """The times of one day for a frequency finer than a day: periods of `unit` seconds, each `interval`-th from the
    start's own."""
    step = unit * rule.interval
    origin = (start.hour * 3600 + start.minute * 60 + start.second) // unit * unit
    passed = (day - start.date()).days * _DAY_SECONDS - origin
    midnight = datetime.combine(day, time.min)
    for begin in range(-passed % step if passed > 0 else -passed, _DAY_SECONDS, step):
        times = _times_from(rule, begin, unit)
        for place in _chosen(rule, len(times)):
            yield midnight + timedelta(seconds=times[place])


def _times_from(rule: Rule, begin: int, unit: int) -> list[int]:
    """The seconds of the day that one period, beginning at second `begin`, holds."""
    hour, minute, second = begin // 3600, begin // 60 % 60, begin % 60
    if rule.by_hour and hour not in rule.by_hour:
        return []
    if unit <= 60 and rule.by_minute and minute not in rule.by_minute:
        return []
    if unit == 1 and rule.by_second and second not in rule.by_second:
        return []
    minutes = rule.by_minute if unit > 60 else (minute,)
    seconds = rule.by_second if unit > 1 else (second,)
    return [hour * 3600 + each_minute * 60 + each_second for each_minute in minutes for each_second in seconds]
