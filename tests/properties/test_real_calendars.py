"""The calendars that the icalendar package ships for its own tests, broken ones included: each event in them has the
occurrences that recurring-ical-events finds, or is left out for a reason that is named here."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
import recurring_ical_events

from shared.calendar.recurrence import normalize, occurrences, original_start_key
from shared.calendar.timezones import instant, is_zone, to_utc
from shared.model import Content, OriginalStart, Override, Series, Span, When, ZonedTime

FILES = sorted((Path(icalendar.__file__).parent / "tests").rglob("*.ics"))
WIDTH = timedelta(days=5 * 366)
COMPARED_AT_LEAST = 85
"""Events that both sides understand, of those in the version that requirements/ pins."""

BROKEN = (KeyError, ValueError, AttributeError, TypeError, icalendar.error.BrokenCalendarProperty)


class LeftOut(Exception):
    """The event is not compared; the text says why."""


def test_every_event_of_the_calendars_takes_place_when_others_say_it_does() -> None:
    compared, left_out, apart = 0, Counter[str](), list[str]()
    for path in FILES:
        for number, components in enumerate(_events(path)):
            try:
                mine, theirs = _both(components)
            except LeftOut as reason:
                left_out[str(reason)] += 1
                continue
            compared += 1
            if mine != theirs:
                difference = sorted({*mine} ^ {*theirs})[:4]
                apart.append(f"{path.name}, event {number}: {difference}")
    assert not apart
    assert compared >= COMPARED_AT_LEAST
    assert set(left_out) <= REASONS


REASONS = {
    "it has no start, or a broken one",
    "it repeats in a zone of its own",
    "it names periods",
    "its rule is none",
    "its rule counts in another calendar than Gregory's",
}


@pytest.mark.parametrize("name", ["rfc_7529.ics", "issue_1081_invalid_rrule_freq.ics"])
def test_a_rule_that_cannot_be_read_is_refused_and_not_bent(name: str) -> None:
    (path,) = [path for path in FILES if path.name == name]
    for components in _events(path):
        with pytest.raises(LeftOut, match="its rule"):
            _both(components)


def _events(path: Path) -> Iterator[list[icalendar.Component]]:
    """The components of each event: itself, and the occurrences that are changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            roots = icalendar.Component.from_ical(path.read_bytes(), multiple=True)
        except BROKEN:
            return  # not even the package itself reads it
    for root in roots:
        masters: dict[str, list[icalendar.Component]] = {}
        changed: dict[str, list[icalendar.Component]] = {}
        for component in root.walk("VEVENT"):
            uid = str(component.get("UID", ""))
            (changed if "RECURRENCE-ID" in component and uid else masters).setdefault(uid, []).append(component)
        for uid, found in masters.items():
            for master in found:
                yield [master, *(changed.pop(uid, []) if uid else [])]
        yield from ([component] for rest in changed.values() for component in rest)


def _both(components: list[icalendar.Component]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Starts and ends as the two sides have them, in the years around the first."""
    series = _series(components)
    begin = instant(series.content.span.start) - timedelta(days=400)
    found = occurrences(series, begin, begin + WIDTH)
    mine = [(original_start_key(one.content.span.start), original_start_key(one.content.span.end)) for one in found]
    calendar = icalendar.Calendar()
    for component in components:
        calendar.add_component(component)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = recurring_ical_events.of(calendar).between(begin, begin + WIDTH)
    return sorted(mine), sorted((_key(one.start), _key(one.end)) for one in theirs)


# --- one event as a series -------------------------------------------------------------------------------------------


def _series(components: list[icalendar.Component]) -> Series:
    master, *changed = components
    repeats = any(name in master for name in ("RRULE", "RDATE"))
    content = Content(span=_span(master, repeats=repeats))
    overrides: dict[OriginalStart, Override] = {
        original_start_key(_when(one["RECURRENCE-ID"].dt, repeats=True)): Content(span=_span(one, repeats=True))
        for one in changed
    }
    if not repeats:
        return Series(content)
    try:
        return Series(content, normalize(_lines(master)), overrides)
    except ValueError:
        rules = [rule.to_ical() for rule in _listed(master.get("RRULE"))]
        if any(b"RSCALE" in rule for rule in rules):
            raise LeftOut("its rule counts in another calendar than Gregory's") from None
        raise LeftOut("its rule is none") from None


def _span(component: icalendar.Component, *, repeats: bool) -> Span:
    try:
        begins, ends = component.start, component.end
    except (*BROKEN, icalendar.error.InvalidCalendar):
        raise LeftOut("it has no start, or a broken one") from None
    start, end = _when(begins, repeats=repeats), _when(ends, repeats=repeats)
    if isinstance(start, ZonedTime) != isinstance(end, ZonedTime) or instant(end) < instant(start):
        raise LeftOut("it has no start, or a broken one")
    return Span(start, end)


def _when(value: Any, *, repeats: bool) -> When:
    if not isinstance(value, datetime):
        return value if isinstance(value, date) else _refuse("it has no start, or a broken one")
    if value.tzinfo is None:
        return ZonedTime(value, "UTC")
    zone = str(getattr(value.tzinfo, "key", ""))
    if is_zone(zone):
        return ZonedTime(value.replace(tzinfo=None, fold=0), zone)
    if repeats:
        raise LeftOut("it repeats in a zone of its own")
    return ZonedTime(value.astimezone(UTC).replace(tzinfo=None), "UTC")


def _refuse(reason: str) -> When:
    raise LeftOut(reason)


def _lines(component: icalendar.Component) -> Iterator[str]:
    for name in ("RRULE", "EXRULE"):
        for rule in _listed(component.get(name)):
            yield f"{name}:{rule.to_ical().decode()}"
    for name in ("RDATE", "EXDATE"):
        for dates in _listed(component.get(name)):
            try:
                moments = [one.dt for one in dates.dts]
            except BROKEN:
                raise LeftOut("its rule is none") from None
            if any(isinstance(moment, tuple) for moment in moments):
                raise LeftOut("it names periods")
            if not all(isinstance(moment, date) for moment in moments):
                raise LeftOut("its rule is none")
            for moment in moments:
                yield (
                    f"{name};VALUE=DATE:{moment:%Y%m%d}"
                    if not isinstance(moment, datetime)
                    else f"{name}:{_key(moment)}"
                )


def _listed(value: Any) -> Iterable[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _key(value: date | datetime) -> str:
    if not isinstance(value, datetime):
        return original_start_key(value)
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return original_start_key(ZonedTime(aware.astimezone(UTC).replace(tzinfo=None), "UTC"))


def test_the_keys_that_are_compared_are_instants() -> None:
    assert _key(to_utc(ZonedTime(datetime(2027, 3, 1, 9), "Europe/Berlin"))) == "20270301T080000Z"  # noqa: DTZ001
