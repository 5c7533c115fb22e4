"""Which side wins, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model import Base
from shared.sync.conflict import Merge, Wins, merge_fields
from shared.sync.fingerprint import fingerprint_fields

BEFORE = {"title": "Visit", "location": "Room 1"}


def merge(
    here: dict[str, Any],
    there: dict[str, Any],
    wins: Wins = Wins.APP,
    *,
    projected: dict[str, Any] | None = None,
    base: Base | None = Base(fingerprint_fields(BEFORE), fingerprint_fields(BEFORE)),  # noqa: B008
) -> Merge:
    return merge_fields(local=here, projected=projected or here, remote=there, base=base, wins=wins)


@pytest.mark.parametrize("wins", [Wins.APP, Wins.PROVIDER])
def test_what_one_side_changed_is_taken_whoever_would_win_a_conflict(wins: Wins) -> None:
    edited = {**BEFORE, "title": "Call"}
    assert merge(BEFORE, edited, wins) == Merge(to_local={"title": "Call"})
    assert merge(edited, BEFORE, wins) == Merge(to_remote={"title": "Call"})


def test_two_edits_of_two_fields_cross() -> None:
    decided = merge({**BEFORE, "title": "Call"}, {**BEFORE, "location": "Room 2"})
    assert decided == Merge(to_remote={"title": "Call"}, to_local={"location": "Room 2"})


def test_of_two_edits_of_one_field_the_loser_is_kept_whichever_it_is() -> None:
    here, there = {**BEFORE, "title": "here"}, {**BEFORE, "title": "there"}
    assert merge(here, there, Wins.APP) == Merge(to_remote={"title": "here"}, lost={"title": "there"})
    assert merge(here, there, Wins.PROVIDER) == Merge(to_local={"title": "there"}, lost={"title": "here"})


def test_the_same_edit_on_both_sides_is_no_conflict() -> None:
    same = {**BEFORE, "title": "Call"}
    for wins in Wins:
        assert merge(same, same, wins) == Merge()


def test_nothing_changed_is_nothing_whatever_the_two_sides_hold() -> None:
    """A value that the provider made its own at the last write stays there, and does not come back as an edit."""
    base = Base(fingerprint_fields(BEFORE), fingerprint_fields({**BEFORE, "title": "VISIT"}))
    for wins in Wins:
        assert merge(BEFORE, {**BEFORE, "title": "VISIT"}, wins, base=base) == Merge()


def test_a_field_that_was_not_reported_did_not_change() -> None:
    assert merge({**BEFORE, "title": "Call"}, {"location": "Room 1"}) == Merge(to_remote={"title": "Call"})
    assert merge(BEFORE, {}) == Merge()


def test_a_value_the_provider_cannot_hold_is_no_difference() -> None:
    here, shown = {"show_as": "tentative"}, {"show_as": "busy"}
    base = Base(fingerprint_fields(here), fingerprint_fields(shown))
    for wins in Wins:
        assert merge(here, shown, wins, projected=shown, base=base) == Merge()
        assert merge(here, shown, wins, projected=shown, base=None) == Merge()
    assert merge(here, {"show_as": "free"}, projected=shown, base=base) == Merge(to_local={"show_as": "free"})


def test_what_is_written_is_what_the_provider_can_hold_and_what_is_kept_is_what_was_said() -> None:
    base = Base(fingerprint_fields({"show_as": "free"}), fingerprint_fields({"show_as": "free"}))
    here, shown = {"show_as": "tentative"}, {"show_as": "busy"}
    assert merge(here, {}, projected=shown, base=base) == Merge(to_remote={"show_as": "busy"})
    there = {"show_as": "other"}
    assert merge(here, there, Wins.PROVIDER, projected=shown, base=base).lost == {"show_as": "tentative"}


def test_put_back_means_that_only_the_apps_value_counts() -> None:
    edited = {**BEFORE, "title": "there"}
    assert merge(BEFORE, edited, Wins.RESTORE) == Merge(to_remote={"title": "Visit"}, lost={"title": "there"})
    assert merge({**BEFORE, "title": "here"}, BEFORE, Wins.RESTORE) == Merge(to_remote={"title": "here"})
    both = merge({**BEFORE, "title": "here"}, edited, Wins.RESTORE)
    assert both == Merge(to_remote={"title": "here"}, lost={"title": "there"})


def test_without_a_base_every_difference_is_a_conflict() -> None:
    there = {**BEFORE, "title": "there"}
    assert merge(BEFORE, there, Wins.APP, base=None) == Merge(to_remote={"title": "Visit"}, lost={"title": "there"})
    assert merge(BEFORE, there, Wins.PROVIDER, base=None) == Merge(to_local={"title": "there"}, lost={"title": "Visit"})


def test_line_ends_and_the_case_of_an_address_are_no_edit() -> None:
    assert merge({"title": "a\nb"}, {"title": "a\r\nb"}, base=None) == Merge()
