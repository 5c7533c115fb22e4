"""An event on its way through a provider's JSON and back, for both providers.

What can be held comes back as it was, the second trip changes nothing, and what cannot be held is refused with a reason
and never bent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.calendar.recurrence import normalize, occurrences
from shared.calendar.timezones import instant
from shared.errors import EventRejected
from shared.model import (
    TEXT_FIELDS,
    WITHHELD,
    Cancelled,
    Content,
    EventStatus,
    Policy,
    Privacy,
    RemoteEvent,
    Series,
    ShowAs,
    Visibility,
)
from shared.providers.google import convert as google_convert
from shared.providers.google import projection as google_projection
from shared.providers.microsoft import convert as microsoft_convert
from shared.providers.microsoft import projection as microsoft_projection
from tests.properties.generated import effort, events, policies
from tests.unit.providers.google.test_projection import google_holds
from tests.unit.providers.microsoft.held import held as graph_holds


@dataclass(frozen=True)
class Wire:
    """A provider's pure part. `there` is what it has once a series was written; `read` reads that."""

    project: Callable[[Series, Policy], Series]
    there: Callable[[Series], Any]
    read: Callable[[Any, Privacy], RemoteEvent]
    cannot_repeat: Callable[[Series], str]


def _read_google(held: Any, privacy: Privacy) -> RemoteEvent:
    master, exceptions = held
    return google_convert.read_event(master, zone="UTC", privacy=privacy, exceptions=exceptions)


def _read_graph(held: Mapping[str, Any], privacy: Privacy) -> RemoteEvent:
    return microsoft_convert.read_event(held, privacy=privacy)


WIRES = {
    "google": Wire(google_projection.project, google_holds, _read_google, lambda series: ""),
    "microsoft": Wire(microsoft_projection.project, graph_holds, _read_graph, microsoft_convert.cannot_repeat),
}
each_provider = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
SHOWN = tuple(one for one in Visibility if one not in WITHHELD)


def series_in(report: RemoteEvent) -> Series:
    assert report.content is not None
    return Series(report.content, report.recurrence, {key: item.value for key, item in report.overrides.items()})


@each_provider
@effort(40)
@given(events(SHOWN), policies)
def test_an_event_comes_back_as_it_was_written_or_is_refused_with_a_reason(
    wire: Wire, series: Series, policy: Policy
) -> None:
    shown = wire.project(series, policy)
    if wire.cannot_repeat(shown):
        event("refused")
        with pytest.raises(EventRejected) as refusal:
            wire.there(shown)
        assert wire.cannot_repeat(shown) in refusal.value.sentence or refusal.value.code == "unknown_time_zone"
        return
    event("series" if shown.recurs else "single")
    read = wire.read(wire.there(shown), Privacy.FULL)
    assert series_in(read) == shown
    assert (read.tag, read.withheld) == ("ev-1", False)


@each_provider
@effort(30)
@given(events(), policies)
def test_the_second_trip_changes_nothing(wire: Wire, series: Series, policy: Policy) -> None:
    """What was read is what would be written, letter by letter."""
    shown = wire.project(series, policy)
    assert wire.project(shown, policy) == shown
    if wire.cannot_repeat(shown):
        return
    there = wire.there(shown)
    once = series_in(wire.read(there, Privacy.FULL))
    again = wire.project(once, policy)
    if not any(content.visibility in WITHHELD for content in _contents(shown)):
        assert again == once
        assert wire.there(again) == there
    assert series_in(wire.read(wire.there(again), Privacy.FULL)) == once


@each_provider
@effort(30)
@given(events(), policies, st.sampled_from(Privacy))
def test_no_text_of_a_private_event_gets_past_the_reading(
    wire: Wire, series: Series, policy: Policy, privacy: Privacy
) -> None:
    shown = wire.project(series, policy)
    if wire.cannot_repeat(shown):
        return
    read = wire.read(wire.there(shown), privacy)
    private = privacy is Privacy.BUSY_ONLY or any(content.visibility in WITHHELD for content in _contents(shown))
    assert read.withheld == private
    for content in _contents(series_in(read)):
        assert not private or not any(getattr(content, name) for name in TEXT_FIELDS)


@each_provider
@effort(40)
@given(events(), policies)
def test_what_a_provider_can_hold_happens_when_the_event_does(wire: Wire, series: Series, policy: Policy) -> None:
    """The projection may say a rule in other words, and never other times; text may be cut, and never invented."""
    shown = wire.project(series, policy)
    assert _times(shown) == _times(series)
    assert set(shown.overrides) == set(series.overrides)
    for mine, theirs in zip(_contents(series), _contents(shown), strict=True):
        assert theirs.title == mine.title[: len(theirs.title)]
        assert theirs.location == mine.location
        assert len(theirs.attendees) <= len(mine.attendees)
        assert (theirs.show_as is ShowAs.FREE) == (mine.show_as is ShowAs.FREE)
        assert theirs.status in (mine.status, EventStatus.CONFIRMED)
        assert mine.visibility not in WITHHELD or theirs.visibility in WITHHELD, "made public"
    if wire.cannot_repeat(shown):
        assert shown.recurrence == normalize(series.recurrence)


def _contents(series: Series) -> list[Content]:
    return [series.content, *(value for value in series.overrides.values() if not isinstance(value, Cancelled))]


def _times(series: Series) -> list[tuple[object, object, object]]:
    begin = instant(series.content.span.start) - timedelta(days=10)
    found = islice(occurrences(series, begin, begin + timedelta(days=1500)), 60)
    return [(one.original_start, instant(one.content.span.start), instant(one.content.span.end)) for one in found]
