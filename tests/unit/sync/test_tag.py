"""The tag on a copy: what it was made for, and as what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.sync.fingerprint import fingerprint_series, fingerprint_value
from shared.sync.tag import Tag, base_of, copy_name, read_tag, write_tag
from tests.unit.sync.memory import SECOND, weekly
from tests.unit.sync.situations import changed

SERIES = weekly()


@pytest.mark.parametrize("occurrence", ["", SECOND])
def test_a_tag_says_what_the_copy_was_made_for_and_as_what(occurrence: str) -> None:
    text = write_tag("b1", occurrence, SERIES)
    made_as = fingerprint_series(SERIES.content, SERIES.recurrence)
    assert read_tag(text) == Tag("b1", occurrence, made_as)
    longest = write_tag("b" * 128, occurrence, SERIES)
    assert len(longest) <= 240
    assert read_tag(longest).event_id == "b" * 128


@pytest.mark.parametrize("text", [None, "", "b1", "b1 -", "b1 - ", "b1 - short", "  ", "b1 - " + "x" * 500])
def test_a_tag_that_somebody_changed_is_read_for_what_it_still_says(text: str | None) -> None:
    tag = read_tag(text)
    assert tag.event_id in ("", "b1")
    assert tag.occurrence == ""


def test_the_key_of_a_copy_depends_on_event_and_occurrence_alone() -> None:
    assert copy_name("b1", "") == "b1"
    assert copy_name("b1", SECOND) == f"b1 {SECOND}"


def test_what_we_wrote_ourselves_is_no_edit_of_either_side() -> None:
    tag = read_tag(write_tag("b1", "", SERIES))
    base = base_of(tag, SERIES, SERIES)
    now = fingerprint_series(SERIES.content, SERIES.recurrence)
    assert (base.local, base.remote) == (now, now)


def test_an_edit_here_since_the_copy_was_made_counts_as_one() -> None:
    tag = read_tag(write_tag("b1", "", SERIES))
    edited = changed(SERIES, title="later")
    base = base_of(tag, edited, edited)
    assert "title" not in base.local
    assert base.remote["title"] == fingerprint_value(SERIES.content.title)
    assert base.local["span"] == base.remote["span"]


def test_what_the_provider_cannot_hold_does_not_count_as_an_edit() -> None:
    shown = replace(SERIES, content=replace(SERIES.content, description=""))
    wordy = replace(SERIES, content=replace(SERIES.content, description="held here alone"))
    base = base_of(read_tag(write_tag("b1", "", shown)), wordy, shown)
    assert base.local["description"] == fingerprint_value("held here alone")
