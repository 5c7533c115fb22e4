"""Occurrences of a series: moved, cancelled and brought back on either side and on both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import (
    CANCELLED,
    Content,
    Event,
    EventStatus,
    OnExternal,
    Override,
    Policy,
    RemoteEvent,
    RemoteOverride,
    Series,
    Visibility,
)
from shared.sync.actions import EventPlan, NextLink, Rule, UpdateCopy, UpdateOccurrence
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN, Situation
from shared.sync.values import values_of
from tests.unit.sync.memory import SECOND, THIRD, at, booking, both, content, in_step, span, weekly
from tests.unit.sync.situations import EARLIER, LATER, changed, linked, report

MOVED = content(span=span(15, day=8))
RENAMED = content(span=span(day=8), title="Renamed")


def plan(at: Situation) -> EventPlan:
    return plan_event(at, Policy())


def only(value: Override, **members: Any) -> RemoteEvent:
    """A report of the second occurrence alone."""
    return report(weekly(**{SECOND: value}), content=None, recurrence=(), etag="", **members)


def here(value: Override | None, **members: Any) -> Event:
    return booking(weekly() if value is None else weekly(**{SECOND: value}), **members)


def written(decided: EventPlan) -> Any:
    """What the one write says of the second occurrence."""
    (write,) = decided.writes
    assert isinstance(write, UpdateOccurrence)
    assert write.original_start == SECOND
    assert write.remote_id == "r1"
    return write.change if write.change is CANCELLED else dict(write.change)  # type: ignore[arg-type]


def kept(decided: EventPlan) -> Any:
    assert decided.save is not None
    return decided.save.series.overrides.get(SECOND)


# --- one side ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [MOVED, CANCELLED])
def test_an_occurrence_changed_there_is_changed_here_alone(value: Override) -> None:
    decided = plan(linked(here(None), only(value)))
    assert (decided.rule, decided.writes, kept(decided)) == (Rule.MERGE, (), value)
    assert decided.save is not None
    assert decided.save.series.content == content()
    assert decided.history[0].fields == (f"occurrence {SECOND}",)


def test_an_occurrence_moved_here_is_moved_there_and_nothing_else_of_it_is_written() -> None:
    decided = plan(linked(here(MOVED), UNSEEN, base=here(None)))
    assert written(decided) == {"span": span(15, day=8)}
    assert decided.save is None


def test_an_occurrence_cancelled_here_is_cancelled_there() -> None:
    assert written(plan(linked(here(CANCELLED), UNSEEN, base=here(None)))) is CANCELLED


def test_a_second_change_of_an_occurrence_is_written_at_its_own_version() -> None:
    decided = plan(linked(here(replace(MOVED, title="Renamed")), UNSEEN, base=here(MOVED)))
    assert written(decided) == {"title": "Renamed"}
    (write,) = decided.writes
    assert isinstance(write, UpdateOccurrence)
    assert (write.occurrence_id, write.etag) == (f"r1_{SECOND}", f"o-{SECOND}")


def test_an_occurrence_brought_back_here_is_written_as_its_series_gives_it() -> None:
    for before in (MOVED, CANCELLED):
        assert written(plan(linked(here(None), UNSEEN, base=here(before)))) == values_of(content(span=span(day=8)))


def test_an_occurrence_brought_back_there_takes_place_here_again() -> None:
    decided = plan(linked(here(CANCELLED), only(content(span=span(day=8)))))
    assert kept(decided) == content(span=span(day=8))
    assert decided.writes == ()


def test_an_occurrence_brought_back_here_follows_what_the_series_has_become_there_meanwhile() -> None:
    remote = report(changed(weekly(), title="New title"), overrides={}, etag="e2")
    decided = plan(linked(here(None), remote, base=here(MOVED)))
    assert written(decided)["title"] == "New title"


def test_an_occurrence_is_not_addressed_by_a_start_that_only_the_other_kind_of_series_has() -> None:
    """The app made the whole-day series timed, the person moved it by a day, later: the person's days stand, and an
    override of the old days is no reason to stop."""
    days = weekly()
    first = replace(content(), span=replace(span(), start=span().start.local.date(), end=span(day=2).end.local.date()))  # type: ignore[union-attr]
    was = booking(Series(first, days.recurrence, {"20270308": CANCELLED}))
    there = replace(first, span=replace(first.span, end=span(day=3).end.local.date()))  # type: ignore[union-attr]
    now = booking(Series(content(), days.recurrence, {SECOND: CANCELLED}))
    decided = plan(linked(now, report(Series(there, days.recurrence), overrides={}), base=was))
    assert decided.save is not None
    assert decided.save.series.content.span == there.span


# --- both sides ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_two_people_who_change_two_fields_of_one_occurrence_for_the_first_time_both_keep_their_change(
    edited_there: Any,
) -> None:
    decided = plan(linked(here(MOVED), only(RENAMED, updated_at=edited_there), base=here(None)))
    assert written(decided) == {"span": span(15, day=8)}
    assert kept(decided) == replace(MOVED, title="Renamed")
    assert [dict(entry.lost) for entry in decided.history] == [{}]


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_of_two_edits_of_one_field_of_one_occurrence_the_later_stands(edited_there: Any) -> None:
    mine = replace(MOVED, title="Mine")
    decided = plan(linked(here(mine), only(RENAMED, updated_at=edited_there), base=here(None)))
    later_there = edited_there is LATER
    assert kept(decided).title == "Renamed" if later_there else decided.save is None
    lost = {f"occurrence {SECOND}: title": "Mine" if later_there else "Renamed"}
    assert dict(decided.history[0].lost) == lost


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_a_cancelled_occurrence_stays_cancelled_although_the_other_side_edited_it(edited_there: Any) -> None:
    cancelled_here = plan(linked(here(CANCELLED), only(MOVED, updated_at=edited_there), base=here(None)))
    assert written(cancelled_here) is CANCELLED
    assert cancelled_here.save is None
    assert list(cancelled_here.history[0].lost) == [f"occurrence {SECOND}"]
    cancelled_there = plan(linked(here(MOVED), only(CANCELLED, updated_at=edited_there), base=here(None)))
    assert (cancelled_there.writes, kept(cancelled_there)) == ((), CANCELLED)
    assert list(cancelled_there.history[0].lost) == [f"occurrence {SECOND}"]


@pytest.mark.parametrize("value", [MOVED, CANCELLED])
def test_the_same_change_on_both_sides_is_only_linked(value: Override) -> None:
    decided = plan(linked(here(value), only(value), base=here(None)))
    assert (decided.writes, decided.save, decided.history, decided.link) == ((), None, (), NextLink.ADVANCE)


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_brought_back_here_and_edited_there_the_later_stands(edited_there: Any) -> None:
    decided = plan(linked(here(None), only(RENAMED, updated_at=edited_there), base=here(MOVED)))
    if edited_there is LATER:
        assert (decided.writes, kept(decided)) == ((), RENAMED)
        assert dict(decided.history[0].lost) == {f"occurrence {SECOND}": "as the series"}
    else:
        assert written(decided)["title"] == "Visit"
        assert decided.save is None


def test_two_people_who_change_two_occurrences_never_meet() -> None:
    remote = report(weekly(**{THIRD: CANCELLED}), content=None, etag="")
    decided = plan(linked(here(MOVED), remote, base=here(None)))
    assert written(decided) == {"span": span(15, day=8)}
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: MOVED, THIRD: CANCELLED}
    assert not decided.history[0].lost


def test_the_series_and_an_occurrence_changed_on_two_sides_both_keep_their_change() -> None:
    remote = report(changed(weekly(), location="Room 2"), overrides={}, etag="e2")
    decided = plan(linked(here(RENAMED), remote, base=here(None)))
    assert written(decided) == {"title": "Renamed"}
    assert decided.save is not None
    moved = content(location="Room 2")
    kept_there = replace(RENAMED, location="Room 2")
    assert decided.save.series == Series(moved, weekly().recurrence, {SECOND: kept_there})


def test_an_occurrence_edited_here_is_as_private_as_its_series_was_made_there() -> None:
    private = report(changed(weekly(), visibility=Visibility.PRIVATE), overrides={}, etag="e2", withheld=True)
    decided = plan(linked(here(RENAMED), private, base=here(None)))
    assert "visibility" not in written(decided)
    assert decided.save is not None
    override = decided.save.series.overrides[SECOND]
    assert isinstance(override, Content)
    assert override.visibility is Visibility.PRIVATE


# --- exceptions that equal their series ----------------------------------------------------------------------------


def test_our_own_bringing_back_is_no_edit_when_it_comes_back() -> None:
    """Also if it was never recorded: the link still knows the occurrence as it was before."""
    brought_back = only(content(span=span(day=8)))
    decided = plan(linked(here(None), brought_back, base=here(MOVED)))
    assert (decided.writes, decided.save, decided.history) == ((), None, ())


def test_an_exception_that_equals_its_series_there_is_one_here_since_it_will_not_follow() -> None:
    decided = plan(linked(here(None), only(content(span=span(day=8)))))
    assert kept(decided) == content(span=span(day=8))


def test_an_exception_that_equals_its_series_there_is_not_put_back_as_it_stands_already() -> None:
    at = linked(here(None), only(content(span=span(day=8))))
    decided = plan_event(at, Policy(on_external_change=OnExternal.RESTORE))
    assert (decided.writes, decided.save, decided.history) == ((), None, ())


@pytest.mark.parametrize("side", ["here", "there"])
def test_an_occurrence_brought_back_here_is_not_left_behind_when_the_series_changes(side: str) -> None:
    pair = in_step(weekly(**{SECOND: MOVED}))
    pair.restore_occurrence(5, SECOND)
    pair.drain()
    if side == "here":
        pair.edit(6, title="New title")
    else:
        pair.api.edit(pair.remote_id, title="New title")
    pair.drain()
    mine, theirs = both(pair)
    assert mine == theirs
    assert mine[SECOND].title == "New title"


# --- a series that moves -------------------------------------------------------------------------------------------


def test_occurrences_that_the_series_no_longer_has_are_dropped_and_never_written() -> None:
    shorter = replace(weekly(**{THIRD: CANCELLED}), recurrence=("RRULE:FREQ=WEEKLY;COUNT=2",))
    remote = report(shorter, overrides={}, etag="e2")
    decided = plan(linked(booking(weekly(**{THIRD: CANCELLED, SECOND: MOVED})), remote))
    assert decided.writes == ()
    assert decided.save is not None
    assert set(decided.save.series.overrides) == {SECOND}
    assert not decided.history[0].lost


def test_an_edit_of_an_occurrence_that_a_move_there_took_away_is_in_the_history() -> None:
    moved = replace(weekly(), content=content(span=span(10)))
    decided = plan(linked(here(MOVED), report(moved, etag="e2"), base=here(None)))
    assert decided.save is not None
    assert decided.save.series.overrides == {}
    assert list(decided.history[0].lost) == [f"occurrence {SECOND}"]


def test_an_edit_of_an_occurrence_that_a_move_here_took_away_is_in_the_history() -> None:
    moved = replace(weekly(), content=content(span=span(10)))
    decided = plan(linked(booking(moved), only(RENAMED), base=here(None)))
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e1", fields={"span": span(10)}),)
    assert list(decided.history[0].lost) == [f"occurrence {SECOND}"]
    told_as_dropped = plan(linked(booking(moved), only(CANCELLED), base=here(None)))
    assert told_as_dropped.history == ()


def test_the_exceptions_of_a_series_moved_here_are_written_under_their_new_starts() -> None:
    pair = in_step(weekly(**{SECOND: MOVED, THIRD: CANCELLED}))
    pair.edit(5, span=span(10))
    pair.drain()
    mine, theirs = both(pair)
    assert mine == theirs
    assert mine["20270308T090000Z"] == MOVED
    assert "20270315T090000Z" not in theirs
    assert pair.link is not None
    assert set(pair.link.overrides) == {"20270308T090000Z", "20270315T090000Z"}


def test_a_series_that_becomes_a_single_event_there_has_no_overrides_here() -> None:
    decided = plan(linked(here(MOVED), report(Series(content()), etag="e2")))
    assert decided.save is not None
    assert decided.save.series == Series(content())


# --- keys ----------------------------------------------------------------------------------------------------------


def test_whole_day_series_name_their_occurrences_by_date() -> None:
    days = replace(content(), span=replace(span(), start=span().start.local.date(), end=span(day=2).end.local.date()))  # type: ignore[union-attr]
    series = Series(days, weekly().recurrence)
    remote = RemoteEvent(remote_id="r1", overrides={"20270308": RemoteOverride("r1_2", "o2", CANCELLED)})
    decided = plan(linked(booking(series), remote))
    assert decided.save is not None
    assert decided.save.series.overrides == {"20270308": CANCELLED}


def test_an_occurrence_after_the_clocks_change_is_found_by_its_instant() -> None:
    in_summer = "20270329T070000Z"
    decided = plan(linked(booking(weekly()), report(weekly(**{in_summer: CANCELLED}), content=None)))
    assert decided.save is not None
    assert set(decided.save.series.overrides) == {in_summer}


@pytest.mark.parametrize("key", ["20270308", "20270308T090000Z", "20270308t080000z", "tomorrow", ""])
def test_a_start_that_names_no_occurrence_changes_nothing(key: str) -> None:
    remote = RemoteEvent(remote_id="r1", updated_at=at(5), overrides={key: RemoteOverride("x", "o", CANCELLED)})
    decided = plan(linked(booking(weekly()), remote))
    assert (decided.writes, decided.save, decided.history) == ((), None, ())


def test_an_occurrence_of_a_booking_edited_where_its_text_is_withheld_keeps_its_text_and_what_its_series_has_here() -> (
    None
):
    tentative = changed(weekly(), status=EventStatus.TENTATIVE)
    shown = changed(weekly(), status=EventStatus.CONFIRMED)
    before = linked(booking(tentative), report(shown), base_there=report(shown))
    hidden = Content(span=span(15, day=8), status=EventStatus.CONFIRMED)
    remote = only(hidden, withheld=True)
    value = kept(plan(replace(before, projected=shown, remote=remote)))
    assert value == content(span=span(15, day=8), status=EventStatus.TENTATIVE)


def test_a_cancellation_that_stays_although_the_times_are_put_back_is_told_of() -> None:
    moved_there = changed(weekly(**{SECOND: CANCELLED}), span=span(15))
    cancelled_too = report(moved_there, etag="e2")
    asked = Policy(on_external_change=OnExternal.RESTORE)
    decided = plan_event(linked(booking(weekly()), cancelled_too), asked)
    (entry,) = decided.history
    assert entry.fields == (f"occurrence {SECOND}",)
    assert kept(decided) is CANCELLED
