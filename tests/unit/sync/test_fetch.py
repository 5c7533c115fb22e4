"""Reading the provider: where a page begins, what is made whole, and what is too old to be taken in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model import CANCELLED, Change, Complete, Page, RemoteEvent, RemoteOverride, Removed, Series, Unreadable
from shared.providers.base import After, FromStart
from shared.sync.fetch import complete, fetch_changes, in_window
from tests.unit.sync.memory import SECOND, THIRD, content, weekly
from tests.unit.sync.situations import LATER, report

SINCE = datetime(2027, 1, 1, tzinfo=UTC)
PAGE = Page((), Complete("c2"))


@dataclass
class Provider:
    """Knows some series; notes what it is asked for."""

    series: dict[str, RemoteEvent] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def fetch_page(self, calendar: str, position: Any) -> Page:
        self.asked.append((calendar, position))
        return PAGE

    def fetch_event(self, calendar: str, remote_id: str) -> RemoteEvent | None:
        self.asked.append((calendar, remote_id))
        return self.series.get(remote_id)


def whole(api: Provider, changes: list[Change], is_linked: Callable[[str], bool] = lambda remote_id: False) -> Any:
    return list(complete(api, "cal", changes, is_linked))  # type: ignore[arg-type]


def occurrences(**values: Any) -> RemoteEvent:
    overrides = {key: RemoteOverride(f"r1_{key}", f"o-{key}", value) for key, value in values.items()}
    return report(content=None, recurrence=(), etag="", overrides=overrides)


@pytest.mark.parametrize(("cursor", "position"), [("", FromStart(SINCE)), ("c1", After("c1"))])
def test_a_page_begins_at_the_cursor_or_without_one_at_the_window(cursor: str, position: object) -> None:
    api = Provider()
    assert fetch_changes(api, "cal", cursor, SINCE) is PAGE  # type: ignore[arg-type]
    assert api.asked == [("cal", position)]


def test_what_is_whole_or_linked_is_not_asked_for() -> None:
    api = Provider()
    changes: list[Change] = [report(), Removed("r2"), Unreadable("r3", "No."), occurrences(**{SECOND: CANCELLED})]
    assert whole(api, changes, {"r1"}.__contains__) == changes
    assert api.asked == []


def test_the_series_of_an_occurrence_that_is_not_known_is_read_and_goes_on_with_what_was_reported() -> None:
    known = report(weekly(**{SECOND: content(title="As it was"), THIRD: CANCELLED}))
    api = Provider({"r1": known})
    reported = occurrences(**{SECOND: CANCELLED})
    (found, after) = whole(api, [reported, Removed("r2")])
    assert after == Removed("r2")
    assert found == replace(known, overrides={**known.overrides, **reported.overrides})
    assert api.asked == [("cal", "r1")]


def test_an_invitation_to_some_occurrences_only_becomes_events_of_their_own() -> None:
    """With the time of the report, and as private as it was."""
    invited = replace(occurrences(**{SECOND: content(title="Guest"), THIRD: CANCELLED}), withheld=True)
    assert whole(Provider(), [invited, Removed("r2")]) == [
        RemoteEvent(
            remote_id=f"r1_{SECOND}",
            etag=f"o-{SECOND}",
            updated_at=LATER,
            content=content(title="Guest"),
            withheld=True,
        ),
        Removed(f"r1_{THIRD}"),
        Removed("r2"),
    ]


END = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "taken"), [(END - timedelta(seconds=1), True), (END, False), (END + timedelta(seconds=1), False)]
)
def test_an_event_that_has_ended_before_the_window_is_left_alone(since: datetime, taken: bool) -> None:
    assert in_window(report(), since) is taken


def test_a_series_is_in_the_window_as_long_as_it_goes_on() -> None:
    far = END + timedelta(days=36_500)
    assert in_window(report(Series(content(), ("RRULE:FREQ=WEEKLY",))), far)
    assert not in_window(report(weekly()), far)
    assert in_window(report(weekly()), END + timedelta(days=30))


def test_occurrences_without_their_series_are_never_taken_in() -> None:
    assert not in_window(occurrences(**{SECOND: content()}), SINCE)
