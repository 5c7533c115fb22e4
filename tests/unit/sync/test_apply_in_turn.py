"""A plan that writes a series and then its occurrences: what the first write does to the versions of the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.errors import EventRejected, VersionConflict
from shared.model import CANCELLED, RemoteEvent, RemoteOverride
from shared.sync.actions import EventPlan, Rule, UpdateCopy, UpdateOccurrence, Write
from shared.sync.apply import AlreadyThere, apply_plan
from shared.sync.fingerprint import (
    CANCELLED_FINGERPRINT,
    FOLLOWS,
    fingerprint_override,
    fingerprint_series,
    joined,
    split,
)
from shared.sync.links import Refused, Written
from tests.unit.sync.memory import SECOND, content, span, weekly
from tests.unit.sync.situations import report

HELD = content(span=span(day=8), title="As we know it")
SERIES = UpdateCopy(remote_id="r1", etag="e1", fields={"title": "New"})
CHANGE = UpdateOccurrence(
    remote_id="r1",
    original_start=SECOND,
    occurrence_id="o1",
    etag="old",
    seen=fingerprint_override(HELD),
    change={"location": "Room 2"},
)
ANSWER = RemoteOverride("o2", "newest", replace(HELD, location="Room 2"))


@dataclass
class Moving:
    """Takes the write of an occurrence only at the version that it has now, or refuses what it is told to refuse."""

    now: RemoteOverride | None
    refuses: type[Write] | None = None
    asked: list[Any] = field(default_factory=list)
    written: list[Any] = field(default_factory=list)

    def update(self, calendar: str, change: Any) -> RemoteEvent:
        if self.refuses is UpdateCopy:
            raise EventRejected("No.", code="no")
        return report(weekly())

    def update_occurrence(self, calendar: str, change: Any) -> RemoteOverride:
        self.written.append((calendar, change.remote_id, change.occurrence_id, change.etag, change.change))
        if self.now is not None and change.etag == self.now.etag != "old":
            return ANSWER
        raise VersionConflict("The occurrence moved on.")

    def fetch_event(self, calendar: str, remote_id: str, starts: tuple[str, ...]) -> RemoteEvent | None:
        self.asked.append((calendar, remote_id, starts))
        return None if self.now is None else RemoteEvent(remote_id=remote_id, overrides={SECOND: self.now})


def applied(api: Moving, *writes: Write) -> list[Any]:
    plan = EventPlan(event_id="b1", rule=Rule.MERGE, writes=writes)
    return apply_plan(plan, api, "cal")  # type: ignore[arg-type]


def test_an_occurrence_whose_version_only_our_own_write_moved_is_written_all_the_same() -> None:
    api = Moving(RemoteOverride("o2", "new", HELD))
    assert applied(api, SERIES, CHANGE)[1] == Written(CHANGE, ANSWER)
    assert api.asked == [("cal", "r1", (SECOND,))]
    assert api.written == [
        ("cal", "r1", "o1", "old", {"location": "Room 2"}),
        ("cal", "r1", "o2", "new", {"location": "Room 2"}),
    ]


@pytest.mark.parametrize(
    "now", [RemoteOverride("o2", "new", replace(HELD, title="Theirs")), RemoteOverride("o1", "old", HELD), None]
)
def test_an_occurrence_that_somebody_edited_meanwhile_is_merged_and_not_overwritten(now: RemoteOverride | None) -> None:
    api = Moving(now)
    with pytest.raises(VersionConflict):
        applied(api, SERIES, CHANGE)
    assert len(api.written) == 1


def test_an_occurrence_that_is_written_first_was_moved_by_somebody_else() -> None:
    api = Moving(RemoteOverride("o2", "new", HELD))
    with pytest.raises(VersionConflict):
        applied(api, CHANGE)
    assert api.asked == []


@pytest.mark.parametrize(
    ("fields", "tried"), [({"span": span(10)}, False), ({"recurrence": ()}, False), ({"title": "New"}, True)]
)
def test_where_a_series_was_not_moved_its_occurrences_are_others_than_those_that_are_meant(
    fields: dict[str, object], tried: bool
) -> None:
    api = Moving(RemoteOverride("o2", "new", HELD), refuses=UpdateCopy)
    refused = replace(SERIES, fields=fields)
    first, second = applied(api, refused, replace(CHANGE, etag="new"))
    assert first == Refused(refused, "No.")
    assert isinstance(second, Written) is tried
    if isinstance(second, Refused):
        assert second.problem == "The series itself was refused."
        assert api.written == []


def test_a_copy_that_was_there_already_says_so_and_brings_what_it_is() -> None:
    error = AlreadyThere(report())
    assert (str(error), error.remote) == ("A copy of this event was there already.", report())


@pytest.mark.parametrize(
    "fingerprint",
    [
        FOLLOWS,
        CANCELLED_FINGERPRINT,
        fingerprint_override(HELD),
        fingerprint_override(CANCELLED),
        fingerprint_series(HELD, weekly().recurrence),
        {"title": fingerprint_override(HELD)["title"]},
    ],
)
def test_a_fingerprint_that_is_stored_as_one_text_is_the_same_when_it_is_read(fingerprint: dict[str, str]) -> None:
    assert split(joined(fingerprint)) == fingerprint


def test_what_is_stored_of_an_occurrence_does_not_change_between_releases() -> None:
    assert (joined(FOLLOWS), joined(CANCELLED_FINGERPRINT)) == ("", "cancelled")
    whole = joined(fingerprint_series(HELD, weekly().recurrence))
    assert len(whole) == 80
    assert set(joined({"title": whole[8:16]})) > set(whole[8:16])
