"""A series that a provider cannot repeat, as single events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from shared.model import APP, CANCELLED, Content, Event, HistoryEntry, Series, Span, ZonedTime
from shared.sync.singles import AHEAD, MOST, WHOLE, as_single, starts_ahead, taken_back, told_of
from tests.unit.sync.memory import OWNER

NOW = datetime(2027, 3, 1, tzinfo=UTC)
FIRST, SECOND, THIRD = "20270301T080000Z", "20270301T140000Z", "20270302T080000Z"


def at(hour: int, day: int = 1) -> ZonedTime:
    return ZonedTime(datetime(2027, 3, day, hour), "Europe/Berlin")  # noqa: DTZ001


def twice_a_day(rule: str = "RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=6", **overrides: object) -> Event:
    content = Content(span=Span(at(9), at(10)), title="rounds")
    series = Series(content, (rule,), MappingProxyType(overrides))  # type: ignore[arg-type]
    return Event(id="b1", owner=OWNER, series=series, origin=APP, version=3, updated_at=NOW)


def test_only_what_is_still_to_come_within_the_time_ahead_gets_a_single() -> None:
    after_two = datetime(2027, 3, 1, 15, tzinfo=UTC)
    assert starts_ahead(twice_a_day().series, NOW) is not None
    assert (starts_ahead(twice_a_day().series, after_two) or ())[0] == THIRD
    endless = starts_ahead(twice_a_day("RRULE:FREQ=WEEKLY;BYDAY=MO;BYHOUR=9").series, NOW) or ()
    assert len(endless) == (AHEAD.days + 6) // 7
    assert starts_ahead(twice_a_day().series, NOW + timedelta(days=30)) == ()


def test_a_series_of_too_many_occurrences_is_not_written_singly() -> None:
    many = starts_ahead(twice_a_day("RRULE:FREQ=HOURLY").series, NOW)
    assert many is None
    assert starts_ahead(twice_a_day(f"RRULE:FREQ=HOURLY;COUNT={MOST}").series, NOW) is not None


def test_a_single_shows_its_occurrence_moved_ones_where_they_were_moved_to() -> None:
    moved = Content(span=Span(at(20), at(21)), title="late")
    event = twice_a_day(**{SECOND: moved})
    assert as_single(event, FIRST).series == Series(replace(event.series.content))
    assert as_single(event, SECOND).series == Series(moved)
    assert as_single(event, WHOLE) is event


def test_an_occurrence_that_does_not_take_place_has_no_single() -> None:
    assert as_single(twice_a_day(**{SECOND: CANCELLED}), SECOND).deleted
    assert as_single(twice_a_day(), "20270301T090000Z").deleted
    assert as_single(replace(twice_a_day(), deleted=True), FIRST).deleted


def test_what_became_of_a_single_is_an_override_of_its_series() -> None:
    event = twice_a_day()
    single = as_single(event, SECOND)
    retitled = replace(single, series=Series(replace(single.series.content, title="late")), version=4)
    after = taken_back(event, retitled, SECOND)
    assert (after.version, set(after.series.overrides)) == (4, {SECOND})
    assert after.series.recurrence == event.series.recurrence
    back = taken_back(after, replace(single, version=5), SECOND)
    assert back.series == event.series
    gone = taken_back(event, replace(single, deleted=True, version=4), SECOND)
    assert gone.series.overrides[SECOND] == CANCELLED
    assert not gone.deleted


def test_the_history_of_a_single_says_which_occurrence_it_was() -> None:
    entry = HistoryEntry(at=NOW, actor="c", rule="merge", sentence="s", fields=("title",), lost={"title": "was"})
    told = told_of(entry, SECOND)
    assert told.fields == (f"occurrence {SECOND}: title",)
    assert told.lost == {f"occurrence {SECOND}: title": "was"}
    assert told_of(entry, WHOLE) is entry


def test_the_tombstone_of_a_single_still_says_what_it_was_and_repeats_nothing() -> None:
    event = twice_a_day(**{SECOND: CANCELLED})
    assert as_single(event, SECOND).series == Series(event.series.content)


def test_a_series_takes_over_when_its_single_was_edited() -> None:
    later = NOW + timedelta(hours=1)
    single = replace(as_single(twice_a_day(), SECOND), version=4, updated_at=later)
    assert taken_back(twice_a_day(), single, SECOND).updated_at == later


def test_a_series_is_written_singly_up_to_a_thousand_occurrences_and_not_one_more() -> None:
    """In a zone without a change of the clocks, which would take an hour away."""
    start = ZonedTime(datetime(2027, 3, 1, 9), "UTC")  # noqa: DTZ001
    content = Content(span=Span(start, start))
    for count, found in ((MOST, MOST), (MOST + 1, None)):
        ahead = starts_ahead(Series(content, (f"RRULE:FREQ=HOURLY;COUNT={count}",)), NOW)
        assert (None if ahead is None else len(ahead)) == found
