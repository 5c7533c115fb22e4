"""Under which name, at which version and with which fields an occurrence is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import (
    CANCELLED,
    Base,
    Content,
    Event,
    OnExternal,
    Override,
    Policy,
    Privacy,
    Reminder,
    RemoteEvent,
    Series,
    Visibility,
)
from shared.sync.actions import EventPlan, NextLink, Rule, UpdateCopy, UpdateOccurrence
from shared.sync.fingerprint import fingerprint_override
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN, Situation
from shared.sync.values import values_of
from tests.unit.sync.memory import CALENDAR, FIRST, SECOND, THIRD, booking, content, span, weekly
from tests.unit.sync.situations import EARLIER, LATER, bare, changed, link_of, linked, report, situation

RENAMED = content(span=span(day=8), title="Renamed")
MOVED = content(span=span(15, day=8))
KNOWN = (f"r1_{SECOND}", f"o-{SECOND}")


def plan(at: Situation) -> EventPlan:
    return plan_event(at, Policy())


def here(value: Override | None, **fields: Any) -> Event:
    return booking(changed(weekly() if value is None else weekly(**{SECOND: value}), **fields))


def only(value: Override, **members: Any) -> RemoteEvent:
    return report(weekly(**{SECOND: value}), content=None, recurrence=(), etag="", **members)


def newer(value: Override) -> RemoteEvent:
    """The second occurrence alone, at a version that the link does not know yet."""
    remote = only(value)
    return replace(remote, overrides={SECOND: replace(remote.overrides[SECOND], etag="o-new")})


def occurrence(decided: EventPlan) -> UpdateOccurrence:
    (write,) = [write for write in decided.writes if isinstance(write, UpdateOccurrence)]
    assert (write.remote_id, write.original_start) == ("r1", SECOND)
    return write


# --- names and versions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [CANCELLED, RENAMED])
def test_an_occurrence_below_a_new_copy_has_no_name_and_no_version_yet(value: Override) -> None:
    decided = plan(situation(here(value), UNSEEN))
    change = CANCELLED if value is CANCELLED else values_of(RENAMED)
    assert decided.writes[1:] == (
        UpdateOccurrence(remote_id="", original_start=SECOND, occurrence_id="", etag="", change=change),
    )


@pytest.mark.parametrize(
    ("now", "was"), [(CANCELLED, RENAMED), (RENAMED, CANCELLED), (None, RENAMED), (None, CANCELLED), (MOVED, RENAMED)]
)
def test_what_is_known_of_an_occurrence_goes_along_with_its_next_write(now: Override | None, was: Override) -> None:
    write = occurrence(plan(linked(here(now), UNSEEN, base=here(was))))
    assert (write.occurrence_id, write.etag) == KNOWN


@pytest.mark.parametrize(
    ("now", "reported"),
    [(CANCELLED, RENAMED), (replace(RENAMED, location="Room 7"), RENAMED)],
)
def test_a_reported_occurrence_is_written_at_the_version_that_was_reported(now: Override, reported: Override) -> None:
    write = occurrence(plan(linked(here(now), newer(reported), base=here(None))))
    assert (write.occurrence_id, write.etag) == (f"r1_{SECOND}", "o-new")


# --- fields --------------------------------------------------------------------------------------------------------


def test_an_occurrence_that_has_its_own_content_does_not_follow_a_change_of_its_series() -> None:
    decided = plan(linked(here(RENAMED, location="Room 2"), UNSEEN, base=here(RENAMED)))
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e1", fields={"location": "Room 2"}),)


def test_an_occurrence_that_was_changed_before_is_compared_with_what_it_was_and_not_with_its_series() -> None:
    mine, theirs = replace(RENAMED, title="Mine"), replace(RENAMED, location="Room 7")
    decided = plan(linked(here(mine), only(theirs), base=here(RENAMED)))
    assert occurrence(decided).change == {"title": "Mine"}
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: replace(mine, location="Room 7")}
    assert [dict(entry.lost) for entry in decided.history] == [{}]


BACK = content(span=span(day=8))


def brought_back(event: Event) -> Any:
    """The link after an occurrence was brought back to its series: an exception there, none here."""
    link = link_of(booking(weekly()), report(weekly(**{SECOND: BACK})))
    return replace(
        link, overrides={SECOND: replace(link.overrides[SECOND], base=Base({}, link.overrides[SECOND].base.remote))}
    )


def test_an_occurrence_that_was_brought_back_follows_its_series_by_what_changed_alone() -> None:
    event = booking(changed(weekly(), title="New title"))
    for remote in (UNSEEN, newer(BACK)):
        decided = plan(situation(event, remote, link=brought_back(event)))
        write = occurrence(decided)
        assert write.change == {"title": "New title"}
        assert (write.occurrence_id, write.etag) == (KNOWN if remote is UNSEEN else (f"r1_{SECOND}", "o-new"))


def test_an_occurrence_that_holds_what_its_series_became_is_not_written() -> None:
    event = booking(changed(weekly(), title="New title"))
    link = link_of(booking(weekly()), report(weekly(**{SECOND: replace(BACK, title="New title")})))
    followed = Base({}, link.overrides[SECOND].base.remote)
    link = replace(link, overrides={SECOND: replace(link.overrides[SECOND], base=followed)})
    assert [type(write) for write in plan(situation(event, UNSEEN, link=link)).writes] == [UpdateCopy]


def test_an_exception_that_a_copy_left_behind_lacks_is_written_whole() -> None:
    decided = plan(situation(here(RENAMED), report(weekly(), tag="b1"), owned=True))
    assert occurrence(decided).change == values_of(RENAMED)


def test_of_a_private_event_an_occurrence_is_brought_back_with_all_but_its_text() -> None:
    """No reminder is a value as any other, and is not left out for being nothing."""
    hidden = bare(content(visibility=Visibility.PRIVATE, reminders=None))
    private = replace(booking(Series(hidden, weekly().recurrence)), id="evt_1", origin=CALENDAR)
    was = replace(private, series=replace(private.series, overrides={SECOND: CANCELLED}))
    change = occurrence(plan(linked(private, UNSEEN, base=was))).change
    assert isinstance(change, dict)
    assert set(change) == {"span", "visibility", "show_as", "status", "reminders"}
    assert change["reminders"] is None


def test_the_text_that_is_known_of_a_private_event_is_written_with_its_occurrence() -> None:
    """A connection that reads no text, and an event that was named here."""
    named = replace(booking(Series(content(location=""), weekly().recurrence)), id="evt_1", origin=CALENDAR)
    was = replace(named, series=replace(named.series, overrides={SECOND: CANCELLED}))
    remote = report(named.series, overrides={}, withheld=True, content=None, recurrence=(), etag="")
    change = occurrence(plan(linked(named, remote, base=was))).change
    assert isinstance(change, dict)
    assert change["title"] == "Visit"
    assert not {"location", "description", "attendees"} & set(change)


@pytest.mark.parametrize(("privacy", "text"), [(Privacy.FULL, True), (Privacy.BUSY_ONLY, False)])
def test_empty_text_of_theirs_is_written_only_where_text_is_read(privacy: Privacy, text: bool) -> None:
    """Of a connection that reads no text nobody knows whether it is empty there."""
    event = replace(booking(weekly()), id="evt_1", origin=CALENDAR)
    was = replace(event, series=replace(event.series, overrides={SECOND: CANCELLED}))
    decided = plan_event(linked(event, UNSEEN, base=was), Policy(privacy=privacy))
    change = occurrence(decided).change
    assert isinstance(change, dict)
    assert ("description" in change) is text
    assert change["title"] == "Visit"


def test_a_link_that_knows_nothing_of_the_other_side_does_not_stop_the_sync() -> None:
    """As after a first write that was refused."""
    event = here(replace(RENAMED, location="Room 7"))
    link = replace(link_of(event), base=Base(link_of(event).base.local, {}), overrides={})
    decided = plan(situation(event, only(RENAMED), link=link))
    assert decided.rule is Rule.MERGE
    assert decided.save is not None


def test_an_occurrence_whose_length_changed_with_its_series_is_no_edit_of_its_own() -> None:
    longer = booking(Series(content(span=span(minutes=90)), weekly().recurrence))
    edited = replace(BACK, title="Theirs", span=span(day=8, minutes=90))
    decided = plan(linked(longer, only(edited), base=booking(weekly())))
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: edited}


# --- versions that moved on without a difference ----------------------------------------------------------------------


def test_a_version_of_an_occurrence_that_moved_on_is_recorded_and_an_old_one_is_not() -> None:
    both = here(RENAMED)
    assert plan(linked(both, only(RENAMED))).link is NextLink.KEEP
    assert plan(linked(both, newer(RENAMED))).link is NextLink.ADVANCE
    two = booking(weekly(**{SECOND: RENAMED, THIRD: CANCELLED}))
    assert plan(linked(two, only(RENAMED))).link is NextLink.KEEP


def test_a_reminder_of_one_occurrence_is_an_edit_as_any_other() -> None:
    reminded = replace(BACK, reminders=(Reminder(5),))
    decided = plan(linked(here(None), only(reminded, updated_at=LATER)))
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: reminded}


# --- exceptions that a provider dropped ------------------------------------------------------------------------------


LONGER = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;COUNT=8",))


def test_an_exception_that_a_provider_dropped_with_its_old_times_follows_its_series_here_too() -> None:
    """A complete report of a series with other times says so by leaving the exception out."""
    event = here(RENAMED)
    decided = plan(linked(event, report(LONGER, overrides={}, complete=True, etag="e2")))
    assert decided.save is not None
    assert decided.save.series == LONGER
    partial = plan(linked(event, report(LONGER, overrides={}, etag="e2")))
    assert partial.save is not None
    assert partial.save.series.overrides == {SECOND: RENAMED}


def test_an_exception_that_went_as_somebody_wrote_the_times_that_there_were_follows_its_series_here_too() -> None:
    """Outlook drops exceptions whenever times are written, be it the same ones: only their absence tells."""
    event = here(RENAMED)
    decided = plan(linked(event, report(changed(weekly(), title="New title"), overrides={}, complete=True, etag="e2")))
    assert decided.save is not None
    assert decided.save.series.overrides == {}


@pytest.mark.parametrize("held", [RENAMED, CANCELLED])
def test_what_went_with_times_that_are_put_back_is_written_again(held: Override) -> None:
    """Google reports an occurrence that the new rule does not have as cancelled, or not at all."""
    event = here(held)
    other = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=4",))
    for overrides in ({}, report(weekly(**{SECOND: CANCELLED})).overrides):
        there = report(other, overrides=overrides, etag="e2", updated_at=EARLIER)
        decided = plan_event(linked(event, there), Policy(on_external_change=OnExternal.RESTORE))
        assert [type(write) for write in decided.writes] == [UpdateCopy, UpdateOccurrence]
        assert occurrence(decided).change == (values_of(held) if isinstance(held, Content) else held)


def test_an_occurrence_that_was_cancelled_before_the_times_changed_stays_so_when_they_are_put_back() -> None:
    event, other = here(None), replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=4",))
    there = report(other, overrides=report(weekly(**{SECOND: CANCELLED})).overrides, etag="e2", updated_at=EARLIER)
    restoring = Policy(on_external_change=OnExternal.RESTORE)
    decided = plan_event(linked(event, there), restoring)
    assert occurrence(decided).change == CANCELLED
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: CANCELLED}


def test_an_exception_that_went_with_its_times_cancels_nothing_here() -> None:
    """It follows its series here by now; Google reports what it drops as cancelled."""
    other = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=4",))
    there = report(other, overrides=report(weekly(**{SECOND: CANCELLED})).overrides, etag="e2", updated_at=EARLIER)
    at = linked(here(None), there, base=here(RENAMED))
    decided = plan_event(at, Policy(on_external_change=OnExternal.RESTORE))
    assert decided.save is None
    assert not [write for write in decided.writes if isinstance(write, UpdateOccurrence)]


def test_a_complete_report_of_occurrences_alone_or_of_an_unlinked_copy_drops_nothing() -> None:
    event = here(RENAMED)
    assert plan(linked(event, only(RENAMED, complete=True))).save is None
    adopted = plan(situation(event, report(weekly(), overrides={}, complete=True, tag="b1"), owned=True))
    assert occurrence(adopted).change == values_of(RENAMED)


def test_an_edit_there_of_an_occurrence_of_a_copy_that_was_never_recorded_is_taken_over() -> None:
    left = report(weekly(**{SECOND: RENAMED}), updated_at=LATER, tag="b1")
    decided = plan(situation(here(None), left, owned=True))
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: RENAMED}


def test_an_edit_there_of_no_occurrence_that_was_never_linked_is_in_the_history() -> None:
    shorter = booking(replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;COUNT=2",)))
    third = content(span=span(day=15), title="Theirs")
    left = report(weekly(**{THIRD: third}), updated_at=EARLIER, tag="b1")
    (entry,) = plan(situation(shorter, left, owned=True)).history
    lost = entry.lost[f"occurrence {THIRD}"]
    assert isinstance(lost, dict)
    assert lost["title"] == "Theirs"


@pytest.mark.parametrize("key", [FIRST, SECOND])
def test_the_first_occurrence_keeps_its_own_time_as_any_other_when_the_series_changes_there(key: str) -> None:
    day = 1 if key == FIRST else 8
    mine = content(span=span(day=day), title="Renamed")
    there = report(Series(content(span=span(minutes=30), location="Room 7"), weekly().recurrence), etag="e2")
    decided = plan(linked(booking(weekly(**{key: mine})), there, base=booking(weekly())))
    assert decided.save is not None
    assert decided.save.series.overrides == {key: replace(mine, location="Room 7")}


def test_a_write_says_what_the_occurrence_was_at_its_version() -> None:
    linked_before = occurrence(plan(linked(here(MOVED), UNSEEN, base=here(RENAMED))))
    assert linked_before.seen == fingerprint_override(RENAMED)
    theirs = replace(RENAMED, location="Room 7")
    reported = occurrence(plan(linked(here(replace(RENAMED, title="Mine")), newer(theirs), base=here(RENAMED))))
    assert reported.seen == fingerprint_override(theirs)
    assert occurrence(plan(linked(here(CANCELLED), UNSEEN, base=here(None)))).seen == {}


def test_an_edit_here_of_an_exception_that_was_dropped_there_is_written_under_its_name_and_at_any_version() -> None:
    """What is reported is not taken for dropped, and what the series no longer has is gone."""
    mine, gone = replace(RENAMED, title="Mine"), content(span=span(day=29), title="The fifth")
    fifth = "20270329T070000Z"
    was = booking(weekly(**{SECOND: RENAMED, THIRD: CANCELLED, fifth: gone}))
    event = replace(was, series=weekly(**{SECOND: mine, THIRD: CANCELLED, fifth: gone}))
    shorter = replace(weekly(), recurrence=("RRULE:FREQ=WEEKLY;COUNT=4",))
    there = report(shorter, overrides=report(weekly(**{THIRD: CANCELLED})).overrides, complete=True, etag="e2")
    decided = plan(linked(event, replace(there, updated_at=EARLIER), base=was))
    write = occurrence(decided)
    assert (write.occurrence_id, write.etag) == (KNOWN[0], "")
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: mine, THIRD: CANCELLED}
