"""Where the occurrences of a series begin: its start, its rules and its single dates, less what is excluded.

Works on walls: naive times on the clocks of the series' own zone, a whole day being its midnight. Overrides and
contents are `shared.calendar.recurrence`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from heapq import heappop, heappush, merge
from typing import Final

from shared.calendar.expansion import COUNT_LIMIT, FIRST_WALL, LAST_WALL, expand
from shared.calendar.rules import Moment, Recurrence, Rule, parse
from shared.calendar.timezones import from_utc, to_utc
from shared.model import When, ZonedTime

DAY: Final = timedelta(days=1)
SLACK: Final = 2 * DAY
"""No zone is further from UTC than this, and no change of the clocks longer (Samoa once skipped a whole day)."""


def starts_between(start: When, lines: tuple[str, ...], after: datetime, before: datetime) -> Iterator[When]:
    """The starts between two walls, in order of time and each once, times that the clocks skip put right."""
    walls = _walls(parse(lines), start, after, before)
    if isinstance(start, ZonedTime):
        for moment in _in_order(walls, start.zone):
            yield from_utc(moment, start.zone)
    else:
        yield from (wall.date() for wall in walls)


def last_stop(start: When, lines: tuple[str, ...]) -> datetime | None:
    """A wall behind which no occurrence begins; None for an endless series."""
    recurrence = parse(lines)
    stops = [wall_of(start), *(_wall_of(moment, start) for moment in recurrence.dates)]
    for rule in recurrence.rules:
        if rule.until is not None:
            stops.append(_wall_of(rule.until, start))
        elif rule.count is None or rule.count > COUNT_LIMIT:
            return None
        else:
            stops.extend(list(expand(rule, wall_of(start), FIRST_WALL, LAST_WALL, with_start=True))[-1:])
    return later(max(stops), SLACK)


def _in_order(walls: Iterator[datetime], zone: str) -> Iterator[datetime]:
    """The instants of ascending walls, ascending: where a change of the clocks skips an hour, times within it come
    after, or fall together with, times behind it."""
    waiting: list[datetime] = []
    latest: datetime | None = None
    for wall in walls:
        settled = earlier(wall, DAY).replace(tzinfo=UTC)
        while waiting and waiting[0] < settled:
            if (moment := heappop(waiting)) != latest:
                yield (latest := moment)
        heappush(waiting, to_utc(ZonedTime(wall, zone)))
    while waiting:
        if (moment := heappop(waiting)) != latest:
            yield (latest := moment)


def _walls(recurrence: Recurrence, start: When, after: datetime, before: datetime) -> Iterator[datetime]:
    """What the lines give: the start, the rules and the dates, less what is excluded; ascending and each once."""
    singles = {wall_of(start), *(_wall_of(moment, start) for moment in recurrence.dates)}
    wanted = merge(
        sorted(wall for wall in singles if after <= wall <= before),
        *(_rule_walls(rule, start, after, before, with_start=True) for rule in recurrence.rules),
    )
    unwanted = merge(*(_rule_walls(rule, start, after, before, with_start=False) for rule in recurrence.excluded_rules))
    excluded = _excluded(recurrence.excluded_dates, start)
    previous = skipped = None
    for wall in wanted:
        if wall == previous:
            continue
        previous = wall
        while skipped is None or skipped < wall:
            skipped = next(unwanted, LAST_WALL)
        if wall != skipped and not excluded(wall):
            yield wall


def _rule_walls(rule: Rule, start: When, after: datetime, before: datetime, *, with_start: bool) -> Iterator[datetime]:
    if not isinstance(start, ZonedTime):  # hours mean nothing to whole days (RFC 5545, 3.3.10)
        rule = replace(rule, by_hour=(), by_minute=(), by_second=())
    until = rule.until
    if until is not None:
        before = min(before, later(_wall_of(until, start), SLACK))
    for wall in expand(rule, wall_of(start), after, before, with_start=with_start):
        if until is None or _reaches(until, wall, start):
            yield wall if isinstance(start, ZonedTime) else midnight_of(wall)


def _reaches(until: Moment, wall: datetime, start: When) -> bool:
    """Whether a rule that ends with `until` (inclusive) still holds `wall`; a day includes all of its hours."""
    if isinstance(start, ZonedTime) and isinstance(until.value, datetime) and until.zone:
        return to_utc(ZonedTime(wall, start.zone)) <= to_utc(ZonedTime(until.value, until.zone))
    if isinstance(start, ZonedTime) and isinstance(until.value, datetime):
        return wall <= until.value
    return wall.date() <= wall_of(until.value).date()


def _excluded(moments: Iterable[Moment], start: When) -> Callable[[datetime], bool]:
    """Whether EXDATE names a wall. A date excludes what begins on that day, also for times of day, as Google has it."""
    days = {wall_of(moment.value).date() for moment in moments if _is_day(moment, start)}
    walls = {_wall_of(moment, start) for moment in moments if not _is_day(moment, start)}
    if not isinstance(start, ZonedTime):
        return lambda wall: wall.date() in days
    zone = start.zone
    instants = {to_utc(ZonedTime(wall, zone)) for wall in walls}
    return lambda wall: wall.date() in days or (bool(instants) and to_utc(ZonedTime(wall, zone)) in instants)


def _is_day(moment: Moment, start: When) -> bool:
    return not isinstance(start, ZonedTime) or not isinstance(moment.value, datetime)


def _wall_of(moment: Moment, start: When) -> datetime:
    """Where a date of the lines stands on the series' own clocks; a mere date has the series' time of day."""
    if _is_day(moment, start) or not isinstance(start, ZonedTime):
        return datetime.combine(moment.value, wall_of(start).time())
    wall = wall_of(moment.value)
    return from_utc(to_utc(ZonedTime(wall, moment.zone)), start.zone).local if moment.zone else wall


def wall_of(when: When | datetime) -> datetime:
    if isinstance(when, ZonedTime):
        return when.local
    return when.replace(tzinfo=None) if isinstance(when, datetime) else datetime.combine(when, time.min)


def midnight_of(wall: datetime) -> datetime:
    return datetime.combine(wall, time.min)


def earlier(wall: datetime, by: timedelta) -> datetime:
    return wall - by if wall - FIRST_WALL > by else FIRST_WALL


def later(wall: datetime, by: timedelta) -> datetime:
    return wall + by if LAST_WALL - wall > by else LAST_WALL
