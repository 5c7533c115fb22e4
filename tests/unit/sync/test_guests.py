"""Guests of a booking at a provider that is not told of them, and those whom somebody invites there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from shared.model import Attendee, Content, Event, EventStatus, OnExternal, Policy, RemoteEvent, Response, Series
from shared.providers.microsoft.projection import project
from shared.sync.actions import EventPlan, NextLink, UpdateCopy, UpdateOccurrence
from shared.sync.conflict import Merge
from shared.sync.fingerprint import fingerprint_value
from shared.sync.guests import join, keep_guests
from shared.sync.links import advance_link
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN, Situation
from shared.sync.values import values_of
from tests.unit.sync.memory import SECOND, THIRD, booking, content, span, weekly
from tests.unit.sync.situations import EARLIER, LATER, edited, report, situation

CLIENT, COLLEAGUE, OTHER = (Attendee(f"{name}@example.com") for name in ("client", "colleague", "other"))
INVITING = Policy(invite_attendees=True)


def booked(*guests: Attendee, series: Series | None = None, **members: Any) -> Event:
    """A booking with guests, synced to a calendar in Outlook."""
    plain = series or Series(content())
    return booking(replace(plain, content=replace(plain.content, attendees=guests)), **members)


def there(event: Event, *guests: Attendee, **fields: Any) -> Series:
    """Its copy, with the guests that were invited there."""
    shown = project(event.series, Policy())
    return replace(shown, content=replace(shown.content, attendees=guests, **fields))


def synced(event: Event, series: Series, **members: Any) -> Situation:
    """The copy as it was reported when both sides were last in step."""
    at = seen(event, report(series), **members)
    return replace(at, link=advance_link(at, event, []))


def seen(event: Event, remote: Any, **members: Any) -> Situation:
    return situation(event, remote, **{"projected": project(event.series, Policy()), **members})


def reported(before: Situation, event: Event, series: Series | None, **members: Any) -> EventPlan:
    """What is planned for the event as it is now and the copy as it is reported now (None: no report)."""
    remote: Any = UNSEEN if series is None else report(series, etag="e2", **members)
    return plan_event(replace(before, local=event, projected=project(event.series, Policy()), remote=remote), Policy())


def guests_kept(decided: EventPlan) -> set[str]:
    assert decided.save is not None
    return addresses(decided.save.series.content.attendees)


def addresses(guests: Iterable[Attendee]) -> set[str]:
    return {one.email.partition("@")[0] for one in guests}


# --- a booking -----------------------------------------------------------------------------------------------------


def test_whoever_is_invited_there_joins_the_guests_that_the_provider_was_never_told_of() -> None:
    event = booked(CLIENT)
    decided = reported(synced(event, there(event)), event, there(event, COLLEAGUE))
    assert guests_kept(decided) == {"client", "colleague"}
    assert not decided.writes
    (entry,) = decided.history
    assert not entry.lost


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_guests_of_both_sides_are_kept_whoever_was_the_later_to_invite(edited_there: Any) -> None:
    event = booked(CLIENT)
    before = synced(event, there(event))
    decided = reported(before, booked(CLIENT, OTHER), there(event, COLLEAGUE), updated_at=edited_there)
    assert guests_kept(decided) == {"client", "colleague", "other"}
    assert not decided.writes


def test_what_a_guest_answers_there_is_taken_and_nobody_is_left_out() -> None:
    event = booked(CLIENT, COLLEAGUE)
    coming = replace(COLLEAGUE, email="Colleague@example.com", response=Response.ACCEPTED)
    decided = reported(synced(event, there(event, COLLEAGUE)), event, there(event, coming))
    assert decided.save is not None
    assert decided.save.series.content.attendees == (CLIENT, coming)


def test_a_report_that_names_the_same_guests_again_changes_nothing() -> None:
    event = booked(CLIENT, COLLEAGUE)
    before = synced(event, there(event, COLLEAGUE))
    decided = reported(before, event, there(event, COLLEAGUE))
    assert decided.save is None
    assert not decided.writes


def test_a_guest_who_was_put_off_the_list_here_does_not_come_back_with_the_next_report() -> None:
    event = booked(CLIENT, COLLEAGUE)
    decided = reported(synced(event, there(event, COLLEAGUE)), booked(CLIENT), there(event, COLLEAGUE, location="Hall"))
    assert decided.save is not None
    assert decided.save.series.content.location == "Hall"
    assert guests_kept(decided) == {"client"}


def test_guests_that_are_invited_here_only_are_not_written_there() -> None:
    event = booked()
    decided = reported(synced(event, there(event)), booked(CLIENT), None)
    assert [write.fields for write in decided.writes if isinstance(write, UpdateCopy)] == [{"attendees": ()}]
    assert decided.save is None


def test_guests_of_the_provider_s_own_event_that_are_uninvited_there_are_uninvited_here() -> None:
    event = booked(COLLEAGUE, OTHER, origin="cal_1")
    before = synced(event, there(event, COLLEAGUE, OTHER))
    assert guests_kept(reported(before, event, there(event, COLLEAGUE))) == {"colleague"}


def test_what_is_invited_there_is_put_out_where_the_connection_asks_for_it() -> None:
    event = booked(CLIENT)
    before = synced(event, there(event))
    remote = report(there(event, COLLEAGUE), etag="e2")
    asked = Policy(on_external_change=OnExternal.RESTORE)
    decided = plan_event(replace(before, remote=remote), asked)
    assert decided.save is None
    (entry,) = decided.history
    assert set(entry.lost) == {"attendees"}


def test_where_guests_are_told_of_the_list_is_one_and_the_later_edit_stands() -> None:
    event, shown = booked(CLIENT), project(booked(CLIENT).series, INVITING)
    before = synced(event, shown, projected=shown)
    now = replace(shown, content=replace(shown.content, attendees=(COLLEAGUE,)))
    decided = plan_event(replace(before, remote=report(now, etag="e2")), INVITING)
    assert guests_kept(decided) == {"colleague"}


# --- an occurrence -------------------------------------------------------------------------------------------------


def test_an_occurrence_that_is_changed_there_keeps_what_its_series_has_here_and_not_there() -> None:
    event = booked(CLIENT, series=weekly())
    event = edited(event, status=EventStatus.TENTATIVE)
    before = synced(event, there(event))
    moved = replace(before.shown.content, span=span(15, day=8))
    remote = RemoteEvent(remote_id="r1", updated_at=LATER, overrides=report(weekly(**{SECOND: moved})).overrides)
    decided = plan_event(replace(before, remote=remote), Policy())
    assert decided.save is not None
    kept = decided.save.series.overrides[SECOND]
    assert isinstance(kept, Content)
    assert kept == replace(event.series.content, span=span(15, day=8))


def test_whoever_is_invited_to_an_occurrence_there_joins_the_guests_of_the_series() -> None:
    event = booked(CLIENT, series=weekly())
    before = synced(event, there(event))
    invited = replace(before.shown.content, span=span(day=8), attendees=(COLLEAGUE,))
    remote = RemoteEvent(remote_id="r1", updated_at=LATER, overrides=report(weekly(**{SECOND: invited})).overrides)
    decided = plan_event(replace(before, remote=remote), Policy())
    assert decided.save is not None
    kept = decided.save.series.overrides[SECOND]
    assert isinstance(kept, Content)
    assert addresses(kept.attendees) == {"client", "colleague"}


def test_a_guest_put_off_one_occurrence_of_the_provider_s_own_series_is_put_off_it_here() -> None:
    event = booked(COLLEAGUE, OTHER, series=weekly(), origin="cal_1")
    before = synced(event, there(event, COLLEAGUE, OTHER))
    fewer = content(span=span(day=8), attendees=(COLLEAGUE,))
    remote = RemoteEvent(remote_id="r1", updated_at=LATER, overrides=report(weekly(**{SECOND: fewer})).overrides)
    decided = plan_event(replace(before, remote=remote), Policy())
    assert decided.save is not None
    kept = decided.save.series.overrides[SECOND]
    assert isinstance(kept, Content)
    assert addresses(kept.attendees) == {"colleague"}


@pytest.mark.parametrize("edited_there", [EARLIER, LATER])
def test_guests_of_an_occurrence_that_both_sides_changed_are_kept(edited_there: Any) -> None:
    here, shown = (content(span=span(15, day=8), attendees=guests) for guests in ((CLIENT,), ()))
    event = booked(CLIENT, series=weekly(**{SECOND: here}))
    before = synced(event, replace(there(event), overrides=MappingProxyType({SECOND: shown})))
    invited = replace(shown, attendees=(COLLEAGUE,))
    overrides = report(weekly(**{SECOND: invited})).overrides
    decided = plan_event(
        replace(before, remote=RemoteEvent(remote_id="r1", updated_at=edited_there, overrides=overrides)), Policy()
    )
    assert decided.save is not None
    kept = decided.save.series.overrides[SECOND]
    assert isinstance(kept, Content)
    assert addresses(kept.attendees) == {"client", "colleague"}


def test_a_guest_put_off_an_occurrence_here_does_not_come_back_with_the_next_report() -> None:
    both, client = (content(span=span(15, day=8), attendees=guests) for guests in ((CLIENT, COLLEAGUE), (CLIENT,)))
    event = booked(CLIENT, series=weekly(**{SECOND: both}))
    shown = content(span=span(15, day=8), attendees=(COLLEAGUE,))
    before = synced(event, replace(there(event), overrides=MappingProxyType({SECOND: shown})))
    now = replace(event, series=replace(event.series, overrides=MappingProxyType({SECOND: client})))
    overrides = report(weekly(**{SECOND: replace(shown, location="Hall")})).overrides
    at = replace(before, local=now, projected=project(now.series, Policy()))
    decided = plan_event(replace(at, remote=RemoteEvent(remote_id="r1", overrides=overrides)), Policy())
    assert decided.save is not None
    kept = decided.save.series.overrides[SECOND]
    assert isinstance(kept, Content)
    assert (addresses(kept.attendees), kept.location) == ({"client"}, "Hall")


def test_guests_that_the_series_has_here_are_not_written_into_its_occurrences_there() -> None:
    event = booked(CLIENT, series=weekly())
    shown = there(event)
    changed = replace(event, series=replace(event.series, overrides={THIRD: content(span=span(15, day=15))}))
    at = seen(changed, report(replace(shown, content=replace(shown.content, attendees=(COLLEAGUE,)))))
    decided = plan_event(replace(at, owned=True), Policy())
    named = [write.change for write in decided.writes if isinstance(write, UpdateOccurrence)]
    assert named
    for change in named:
        assert CLIENT not in dict(change)["attendees"]  # type: ignore[arg-type]


# --- the words -----------------------------------------------------------------------------------------------------


def test_a_list_that_was_told_of_is_replaced_and_one_that_was_not_is_added_to() -> None:
    capital = replace(CLIENT, email="Client@Example.com")
    ours, known = content(attendees=(CLIENT, OTHER)), fingerprint_value((OTHER, CLIENT))
    assert join(content(attendees=(CLIENT,)), content(attendees=(capital,)), (COLLEAGUE,), None) == (COLLEAGUE,)
    assert join(content(attendees=(capital,)), content(attendees=(CLIENT,)), (), None) == ()
    assert join(content(), content(), (COLLEAGUE,), None) == (COLLEAGUE,)
    assert join(ours, content(attendees=(CLIENT,)), (COLLEAGUE,), None) == (CLIENT, OTHER, COLLEAGUE)
    assert join(ours, content(), (COLLEAGUE,), known) == (COLLEAGUE,)
    assert join(content(attendees=(CLIENT,)), content(), (capital, COLLEAGUE), known) == (capital, COLLEAGUE)


def test_a_merge_that_says_nothing_of_guests_is_left_as_it_is() -> None:
    mine, shown = content(attendees=(CLIENT,)), content()
    merged = Merge(to_local={"title": "New"})
    assert keep_guests(merged, mine, shown, {"title": "New"}, None) is merged
    same = {**values_of(shown), "attendees": (CLIENT,)}
    assert keep_guests(merged, mine, mine, same, None) is merged


def test_guests_found_without_a_common_past_join_ours() -> None:
    mine, shown = content(attendees=(CLIENT,)), content()
    conflict = Merge(to_remote={"attendees": (), "title": "x"}, lost={"attendees": (COLLEAGUE,), "title": "y"})
    kept = keep_guests(conflict, mine, shown, {"attendees": (COLLEAGUE,)}, None)
    assert kept == Merge(to_remote={"title": "x"}, to_local={"attendees": (CLIENT, COLLEAGUE)}, lost={"title": "y"})


def test_in_step_again_after_guests_have_joined() -> None:
    event = booked(CLIENT)
    decided = reported(synced(event, there(event)), event, there(event, COLLEAGUE))
    assert decided.save is not None
    assert decided.link is NextLink.ADVANCE
    again = synced(decided.save, there(event, COLLEAGUE))
    quiet = reported(again, decided.save, there(event, COLLEAGUE))
    assert (quiet.save, quiet.writes, quiet.history) == (None, (), ())
