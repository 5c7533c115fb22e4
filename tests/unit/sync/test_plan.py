"""The decision table, row by row, and what the person chose for a connection."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import MappingProxyType

import pytest

from shared.model import (
    CANCELLED,
    Content,
    Event,
    OnExternal,
    Policy,
    Reminder,
    Removed,
    Series,
    Visibility,
)
from shared.sync.actions import (
    CreateCopy,
    DeleteCopy,
    DeleteStray,
    EventPlan,
    NextLink,
    Rule,
    UpdateCopy,
    UpdateOccurrence,
)
from shared.sync.links import advance_link
from shared.sync.plan import goes_next, plan_event
from shared.sync.situation import UNSEEN, Situation
from shared.sync.tag import write_tag
from shared.sync.values import values_of
from tests.unit.sync.memory import CALENDAR, SECOND, THIRD, at, booking, content, span, weekly
from tests.unit.sync.situations import (
    EARLIER,
    LATER,
    bare,
    changed,
    edited,
    link_of,
    linked,
    report,
    situation,
    withheld,
)

GONE = Removed("r1")
PRIVATE = Visibility.PRIVATE
RESTORE_CHANGES = Policy(on_external_change=OnExternal.RESTORE)
RESTORE_DELETED = Policy(on_external_delete=OnExternal.RESTORE)


def plan(at: Situation, policy: Policy | None = None) -> EventPlan:
    return plan_event(at, policy or Policy())


def dead(**members: object) -> Event:
    return replace(booking(), deleted=True, **members)  # type: ignore[arg-type]


def theirs(series: Series | None = None) -> Event:
    """An event that the person made in the calendar."""
    return booking(series, id="evt_1", origin=CALENDAR)


# --- no event here -------------------------------------------------------------------------------------------------


def test_what_the_person_made_is_taken_into_the_app_with_the_time_of_its_edit() -> None:
    series = weekly(**{SECOND: CANCELLED})
    decided = plan(situation(None, report(series)))
    assert (decided.rule, decided.link, decided.writes) == (Rule.IMPORT, NextLink.ADVANCE, ())
    assert decided.save == Event(
        id="evt_1", owner=booking().owner, series=series, origin=CALENDAR, version=1, updated_at=LATER
    )
    assert len(decided.history) == 1


def test_an_exception_of_no_occurrence_is_not_taken_in() -> None:
    stray = Series(content(), weekly().recurrence, {"20270302T080000Z": CANCELLED})
    decided = plan(situation(None, report(stray)))
    assert decided.save is not None
    assert decided.save.series.overrides == {}


def test_occurrences_of_an_unknown_series_are_no_event() -> None:
    assert plan(situation(None, report(weekly(**{SECOND: CANCELLED}), content=None))).rule is Rule.NOTHING


def test_occurrences_of_a_series_that_was_erased_here_do_not_stop_the_sync() -> None:
    remote = report(weekly(**{SECOND: CANCELLED}), content=None)
    assert plan(situation(None, remote, link=link_of(booking(weekly())))).rule is Rule.NOTHING


def test_a_removal_of_what_was_never_here_is_nothing() -> None:
    assert plan(situation(None, GONE)).rule is Rule.NOTHING


def test_a_link_without_event_is_forgotten_when_the_copy_is_gone() -> None:
    decided = plan(situation(None, GONE, link=link_of(booking())))
    assert (decided.rule, decided.link, decided.event_id) == (Rule.FORGET, NextLink.DROP, "b1")


# --- export and adoption -------------------------------------------------------------------------------------------


def test_a_booking_becomes_a_copy_and_then_its_occurrences() -> None:
    moved = content(span=span(15, day=8))
    decided = plan(situation(booking(weekly(**{THIRD: CANCELLED, SECOND: moved})), UNSEEN))
    create, second, third = decided.writes
    assert (decided.rule, decided.link, decided.save) == (Rule.EXPORT, NextLink.ADVANCE, None)
    assert create == CreateCopy(key="k", tag=write_tag("b1", "", weekly()), series=weekly())
    assert isinstance(second, UpdateOccurrence)
    assert (second.remote_id, second.original_start, second.change) == ("", SECOND, values_of(moved))
    assert isinstance(third, UpdateOccurrence)
    assert third.change is CANCELLED


def test_what_is_created_is_what_the_provider_can_hold() -> None:
    shown = Series(content(title="As the provider holds it"))
    decided = plan(situation(booking(), UNSEEN, projected=shown))
    assert decided.writes == (CreateCopy(key="k", tag=write_tag("b1", "", shown), series=shown),)


@pytest.mark.parametrize("members", [{"held": False}, {"writable": False}])
def test_no_copy_is_created_where_none_is_held_or_may_be_written(members: dict[str, bool]) -> None:
    decided = plan(situation(booking(), UNSEEN, **members))
    assert (decided.rule, decided.writes, decided.link) == (Rule.NOTHING, (), NextLink.KEEP)


def test_a_copy_left_by_an_interrupted_attempt_is_linked_and_not_made_twice() -> None:
    decided = plan(situation(booking(), report(tag="b1"), owned=True))
    assert (decided.rule, decided.writes, decided.save) == (Rule.ADOPT, (), None)
    assert decided.link is NextLink.ADVANCE


def test_a_copy_left_behind_is_brought_up_to_date_with_its_missing_occurrences() -> None:
    event = replace(booking(weekly(**{SECOND: CANCELLED})), updated_at=at(20))
    left = report(changed(weekly(), title="As it was then"), tag="b1")
    decided = plan(situation(event, left, owned=True))
    whole, second = decided.writes
    assert whole == UpdateCopy(remote_id="r1", etag="e1", fields={"title": "Visit"})
    assert isinstance(second, UpdateOccurrence)
    assert second.change is CANCELLED


def test_an_edit_of_a_copy_left_behind_is_taken_over() -> None:
    decided = plan(situation(booking(), report(changed(booking().series, location="Room 9"), tag="b1"), owned=True))
    assert decided.save is not None
    assert decided.save.series.content.location == "Room 9"


def test_an_event_kept_after_a_disconnect_is_taken_over_again_and_the_history_does_not_say_otherwise() -> None:
    decided = plan(situation(theirs(), report(), owned=True))
    assert (decided.rule, decided.writes) == (Rule.ADOPT, ())
    assert decided.save is not None
    assert [entry.sentence for entry in decided.history] == ["Found again in the connected calendar."]


def test_a_copy_removed_before_its_link_was_recorded_counts_as_deleted() -> None:
    decided = plan(situation(booking(), GONE, owned=True))
    assert decided.rule is Rule.DELETE_LOCAL
    assert decided.save is not None
    assert decided.save.deleted


# --- both sides hold it --------------------------------------------------------------------------------------------


def test_our_own_write_coming_back_does_nothing() -> None:
    decided = plan(linked(booking(), report(booking().series)))
    assert decided == EventPlan(event_id="b1", rule=Rule.ECHO)


def test_a_version_that_moved_on_without_a_difference_is_recorded_and_nothing_else() -> None:
    decided = plan(linked(booking(), report(booking().series, etag="e2")))
    assert (decided.rule, decided.link, decided.save, decided.writes) == (Rule.ECHO, NextLink.ADVANCE, None, ())


def test_only_what_the_app_changed_is_written_at_the_version_that_was_seen() -> None:
    decided = plan(linked(edited(booking(), title="Call"), UNSEEN, base=booking()))
    assert decided.rule is Rule.PUSH
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e1", fields={"title": "Call"}),)
    assert (decided.save, decided.link, decided.history) == (None, NextLink.ADVANCE, ())


def test_nothing_changed_and_nothing_reported_is_nothing() -> None:
    assert plan(linked(booking(), UNSEEN)) == EventPlan(event_id="b1", rule=Rule.NOTHING)


def test_two_edits_of_different_fields_both_survive() -> None:
    remote = report(changed(booking().series, location="Room 2"), etag="e2")
    decided = plan(linked(edited(booking(), title="Call"), remote, base=booking()))
    assert decided.rule is Rule.MERGE
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e2", fields={"title": "Call"}),)
    assert decided.save is not None
    assert decided.save.series.content == content(title="Call", location="Room 2")
    assert (decided.save.version, decided.save.updated_at) == (2, LATER)


@pytest.mark.parametrize(
    ("edited_there", "winner"), [(LATER, "there"), (EARLIER, "here"), (at(0), "here"), (None, "here")]
)
def test_of_two_edits_of_one_field_the_later_stands_and_the_other_is_in_the_history(
    edited_there: object, winner: str
) -> None:
    remote = report(changed(booking().series, title="there"), updated_at=edited_there)
    decided = plan(linked(edited(booking(), title="here"), remote, base=booking()))
    title = decided.save.series.content.title if decided.save else "here"
    assert title == winner
    assert [dict(entry.lost) for entry in decided.history] == [{"title": "there" if winner == "here" else "here"}]
    assert bool(decided.writes) == (winner == "here")


def test_an_edit_taken_over_never_sets_the_apps_clock_back() -> None:
    remote = report(changed(booking().series, title="there"), updated_at=EARLIER)
    decided = plan(linked(booking(), remote))
    assert decided.save is not None
    assert decided.save.updated_at == booking().updated_at


# --- deletion ------------------------------------------------------------------------------------------------------


def test_a_booking_deleted_in_the_calendar_is_deleted_here() -> None:
    decided = plan(linked(booking(), GONE))
    assert (decided.rule, decided.link, decided.writes) == (Rule.DELETE_LOCAL, NextLink.DROP, ())
    assert decided.save is not None
    assert (decided.save.deleted, decided.save.version) == (True, 2)


def test_a_deletion_there_outweighs_an_edit_here_and_the_history_says_so() -> None:
    decided = plan(linked(edited(booking(), title="Call"), GONE, base=booking()))
    assert decided.save is not None
    assert decided.save.deleted
    assert "outweighs" in decided.history[0].sentence


def test_a_cancelled_appointment_stays_cancelled_although_the_other_side_edited_it() -> None:
    remote = report(changed(booking().series, title="there"), etag="e2")
    decided = plan(linked(dead(), remote, base=booking()))
    assert (decided.rule, decided.link, decided.save) == (Rule.DELETE_REMOTE, NextLink.DROP, None)
    assert decided.writes == (DeleteCopy(remote_id="r1", etag="e2"),)
    assert "dropped" in decided.history[0].sentence


def test_what_was_deleted_here_is_deleted_there_and_its_echo_needs_no_history() -> None:
    for remote in (UNSEEN, report()):
        decided = plan(linked(dead(), remote, base=booking()))
        assert decided.writes == (DeleteCopy(remote_id="r1", etag="e1"),)
        assert decided.history == ()


def test_an_edited_occurrence_does_not_save_a_deleted_series() -> None:
    event = booking(weekly())
    remote = report(weekly(**{SECOND: CANCELLED}), content=None, etag="")
    decided = plan(linked(replace(event, deleted=True), remote, base=event))
    assert decided.writes == (DeleteCopy(remote_id="r1", etag=""),)
    assert len(decided.history) == 1


def test_what_is_gone_on_both_sides_is_forgotten() -> None:
    decided = plan(linked(dead(), GONE, base=booking()))
    assert (decided.rule, decided.link, decided.writes) == (Rule.FORGET, NextLink.DROP, ())


def test_a_copy_of_a_deleted_booking_left_by_an_interrupted_attempt_is_deleted() -> None:
    decided = plan(situation(dead(), report(tag="b1"), owned=True))
    assert decided.rule is Rule.DELETE_REMOTE
    assert decided.writes == (DeleteCopy(remote_id="r1", etag="e1"),)


def test_a_copy_whose_link_was_never_recorded_is_asked_for_by_its_key() -> None:
    decided = plan(situation(dead(), UNSEEN))
    assert (decided.rule, decided.writes) == (Rule.DELETE_STRAY, (DeleteStray(key="k"),))


def test_an_event_that_the_person_brought_back_lives_again() -> None:
    tombstone = replace(theirs(), deleted=True, version=4)
    decided = plan(situation(tombstone, report(changed(booking().series, title="Back"))))
    assert (decided.rule, decided.link, decided.writes) == (Rule.REVIVE, NextLink.ADVANCE, ())
    assert decided.save is not None
    assert (decided.save.deleted, decided.save.version) == (False, 5)
    assert decided.save.series.content.title == "Back"


@pytest.mark.parametrize("at", [situation(dead(), GONE), situation(None, UNSEEN), situation(booking(), GONE)])
def test_anything_else_is_nothing(at: Situation) -> None:
    decided = plan(at)
    assert (decided.rule, decided.writes, decided.save, decided.link) == (Rule.NOTHING, (), None, NextLink.KEEP)


def test_every_situation_has_an_answer() -> None:
    events = (None, booking(weekly()), dead(series=weekly()), theirs(weekly(**{SECOND: CANCELLED})))
    reports = (UNSEEN, GONE, report(weekly()), report(weekly(**{THIRD: CANCELLED}), content=None), withheld(weekly()))
    link = link_of(booking(weekly()))
    flags = (True, False)
    policies = (Policy(), RESTORE_CHANGES, RESTORE_DELETED)
    for event, remote, tie, held, writable, owned, policy in product(
        events, reports, (None, link), flags, flags, flags, policies
    ):
        decided = plan(situation(event, remote, link=tie, held=held, writable=writable, owned=owned), policy)
        assert writable or not decided.writes
        assert decided.save is None or event is None or decided.save.version == event.version + 1


# --- a calendar that is to hold no copy any more -------------------------------------------------------------------


def test_a_copy_is_withdrawn_where_the_calendar_takes_no_bookings_any_more() -> None:
    decided = plan(linked(booking(), UNSEEN, held=False))
    assert (decided.rule, decided.link, decided.save) == (Rule.WITHDRAW, NextLink.DROP, None)
    assert decided.writes == (DeleteCopy(remote_id="r1", etag="e1"),)


def test_an_edit_at_the_moment_of_withdrawal_is_recorded_before_the_copy_goes() -> None:
    remote = report(changed(booking().series, location="Room 2"), etag="e2")
    at = linked(booking(), remote, held=False)
    decided = plan(at)
    assert (decided.rule, decided.link, decided.writes) == (Rule.WITHDRAW, NextLink.KEEP, ())
    assert goes_next(decided)
    assert decided.save is not None
    then = plan(replace(at, local=decided.save, projected=decided.save.series))
    assert (then.rule, then.link, then.save) == (Rule.WITHDRAW, NextLink.DROP, None)
    assert then.writes == (DeleteCopy(remote_id="r1", etag="e2"),)
    assert not goes_next(then)
    assert decided.save.series.content.location == "Room 2"
    assert not decided.save.deleted
    assert decided.history[0].fields == ("location",)


def test_a_withdrawn_copy_that_is_gone_does_not_delete_the_booking() -> None:
    decided = plan(linked(booking(), GONE, held=False))
    assert (decided.rule, decided.link, decided.save) == (Rule.FORGET, NextLink.DROP, None)


# --- what the person chose -----------------------------------------------------------------------------------------


def test_a_changed_booking_is_put_back_where_the_connection_asks_for_it() -> None:
    remote = report(changed(booking().series, title="there"), etag="e2")
    decided = plan(linked(booking(), remote), RESTORE_CHANGES)
    assert decided.writes == (UpdateCopy(remote_id="r1", etag="e2", fields={"title": "Visit"}),)
    assert decided.save is None
    assert [dict(entry.lost) for entry in decided.history] == [{"title": "there"}]


def test_a_cancelled_occurrence_is_put_back_where_the_connection_asks_for_it() -> None:
    event = booking(weekly())
    decided = plan(linked(event, report(weekly(**{SECOND: CANCELLED}))), RESTORE_CHANGES)
    (write,) = decided.writes
    assert isinstance(write, UpdateOccurrence)
    assert isinstance(write.change, MappingProxyType | dict)
    assert write.change["span"] == span(day=8)
    assert decided.save is None


def test_a_value_the_provider_made_its_own_is_not_put_back_for_ever() -> None:
    event = booking(weekly())
    coerced = report(weekly(**{SECOND: content(span=span(day=8), title="Visit (edited by a robot)")}))
    decided = plan(linked(event, coerced, base_there=coerced), RESTORE_CHANGES)
    assert (decided.writes, decided.save, decided.history) == ((), None, ())


def test_what_the_person_made_is_theirs_whatever_the_connection_asks_for_bookings() -> None:
    remote = report(changed(booking().series, title="there"))
    decided = plan(linked(theirs(), remote), RESTORE_CHANGES)
    assert decided.writes == ()
    assert decided.save is not None
    assert plan(linked(theirs(), GONE), RESTORE_DELETED).rule is Rule.DELETE_LOCAL


def test_a_deleted_booking_is_made_anew_where_the_connection_asks_for_it() -> None:
    decided = plan(linked(booking(), GONE), RESTORE_DELETED)
    assert (decided.rule, decided.link, decided.save) == (Rule.RESTORE, NextLink.ADVANCE, None)
    assert decided.writes == (CreateCopy(key="k", tag=write_tag("b1", "", booking().series), series=booking().series),)
    assert "put back" in decided.history[0].sentence


# --- calendars that may only be read -------------------------------------------------------------------------------


def test_what_changes_in_a_read_only_calendar_is_taken_over_and_never_written_back() -> None:
    remote = report(changed(booking().series, title="there"), updated_at=EARLIER)
    decided = plan(linked(edited(theirs(), title="here", location="Room 2"), remote, base=theirs(), writable=False))
    assert decided.writes == ()
    assert decided.save is not None
    assert decided.save.series.content == content(title="there", location="Room 2")


@pytest.mark.parametrize("remote", [UNSEEN, report()])
def test_nothing_is_deleted_in_a_read_only_calendar(remote: object) -> None:
    decided = plan(linked(dead(), remote, base=booking(), writable=False))
    assert (decided.writes, decided.link) == ((), NextLink.DROP)


# --- private text --------------------------------------------------------------------------------------------------


def test_a_booking_made_private_in_the_calendar_keeps_its_own_text() -> None:
    made_private = withheld(changed(booking().series, visibility=PRIVATE), etag="e2")
    decided = plan(linked(booking(), made_private))
    assert decided.writes == ()
    assert decided.save is not None
    assert decided.save.series.content == content(visibility=PRIVATE)
    assert not decided.redact


def test_a_private_occurrence_of_a_booking_keeps_the_bookings_text() -> None:
    event = booking(weekly())
    moved = weekly(**{SECOND: content(span=span(15, day=8), title="unseen")})
    decided = plan(linked(event, withheld(moved)))
    assert decided.save is not None
    assert decided.save.series.overrides == {SECOND: content(span=span(15, day=8))}


def test_the_text_of_a_persons_event_is_erased_when_it_becomes_private() -> None:
    event = theirs(weekly(**{SECOND: content(span=span(15, day=8))}))
    made_private = withheld(changed(event.series, visibility=PRIVATE), etag="e2")
    decided = plan(linked(event, made_private))
    assert decided.save is not None
    held = decided.save.series
    assert held.content == bare(content(visibility=PRIVATE))
    assert held.overrides == {SECOND: bare(content(span=span(15, day=8)))}
    assert decided.writes == ()
    assert decided.redact


def test_text_that_lost_against_its_being_withdrawn_does_not_live_on_in_the_history() -> None:
    event = edited(theirs(weekly(**{SECOND: content(span=span(15, day=8), title="Secret")})), title="Secret")
    made_private = withheld(changed(weekly(**{SECOND: CANCELLED}), visibility=PRIVATE), etag="e2")
    decided = plan(linked(event, made_private, base=theirs(weekly())))
    assert decided.redact
    assert "Secret" not in str(decided.history)


def test_the_history_is_redacted_too_when_text_is_withdrawn_without_a_word_about_visibility() -> None:
    decided = plan(linked(theirs(), withheld(booking().series, etag="e2")))
    assert decided.save is not None
    assert decided.save.series.content == bare(content())
    assert decided.redact


def test_text_kept_from_before_a_reconnect_does_not_outlive_its_event_becoming_private() -> None:
    kept = theirs(weekly(**{SECOND: content(span=span(15, day=8))}))
    decided = plan(situation(kept, withheld(changed(kept.series, visibility=PRIVATE), updated_at=EARLIER), owned=True))
    assert decided.save is not None
    texts = [held.title + held.location for held in _contents(decided.save.series)]
    assert texts == ["", ""]
    assert decided.redact
    for write in decided.writes:
        assert isinstance(write, UpdateCopy | UpdateOccurrence)
        fields = write.fields if isinstance(write, UpdateCopy) else write.change
        assert isinstance(fields, dict)
        assert not {"title", "location"} & set(fields)


def test_an_occurrence_of_a_private_event_is_moved_without_wiping_its_text_there() -> None:
    private = theirs(Series(bare(content(visibility=PRIVATE)), weekly().recurrence))
    moved = replace(private.series.content, span=span(15, day=8))
    here = replace(private, series=replace(private.series, overrides={SECOND: moved}))
    decided = plan(linked(here, UNSEEN, base=private))
    (write,) = decided.writes
    assert isinstance(write, UpdateOccurrence)
    assert write.change == {"span": span(15, day=8)}


def test_an_occurrence_of_a_private_event_is_brought_back_without_wiping_its_text_there() -> None:
    hidden = bare(content(visibility=PRIVATE))
    private = theirs(Series(hidden, weekly().recurrence, {SECOND: CANCELLED}))
    here = replace(private, series=replace(private.series, overrides={}))
    decided = plan(linked(here, UNSEEN, base=private))
    (write,) = decided.writes
    assert isinstance(write, UpdateOccurrence)
    assert not isinstance(write.change, type(CANCELLED))
    assert not {"title", "description", "location", "attendees"} & set(write.change)


def _contents(series: Series) -> list[Content]:
    return [series.content, *(value for value in series.overrides.values() if isinstance(value, Content))]


def test_an_edit_in_a_copy_that_is_to_go_and_may_only_be_read_leaves_it_to_go() -> None:
    remote = report(changed(booking().series, location="Their room"), etag="e2")
    decided = plan(linked(booking(), remote, held=False, writable=False))
    assert decided.save is not None
    assert decided.kept_back == (DeleteCopy(remote_id="r1", etag=""),)
    quiet = linked(booking(), report(), held=False, writable=False)
    assert plan(quiet).link is NextLink.ADVANCE
    assert quiet.link is not None
    told = replace(quiet, link=replace(quiet.link, problem="The calendar may only be read now."))
    assert plan(told).link is NextLink.KEEP


def test_a_change_here_into_what_the_provider_shows_anyway_is_in_step_and_not_written_by_a_later_look() -> None:
    public = edited(booking(), visibility=Visibility.PUBLIC)
    before = linked(booking(), report(booking().series, etag="e1"))
    shown = replace(before, local=public, projected=booking().series)
    decided = plan(shown)
    assert (decided.rule, decided.writes, decided.link) == (Rule.ECHO, (), NextLink.ADVANCE)
    again = replace(shown, link=advance_link(shown, public, []), remote=UNSEEN)
    assert (plan(again).rule, plan(again).writes) == (Rule.NOTHING, ())
    assert plan(linked(booking(), report(booking().series))).link is NextLink.KEEP


def test_a_reader_s_view_says_nothing_of_reminders_and_the_owner_s_own_edit_does() -> None:
    seen = theirs(Series(bare(content(visibility=PRIVATE)), ()))
    now = changed(seen.series, reminders=(Reminder(5),))
    assert plan(linked(seen, withheld(now, updated_at=None, etag="e2"))).save is None
    edited_there = plan(linked(seen, withheld(now, updated_at=LATER, etag="e2"))).save
    assert edited_there is not None
    assert edited_there.series.content.reminders == (Reminder(5),)
    reported = plan(
        linked(booking(), report(changed(booking().series, reminders=(Reminder(5),)), updated_at=None))
    ).save
    assert reported is not None
    assert reported.series.content.reminders == (Reminder(5),)
