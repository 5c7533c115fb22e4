"""A new default reminder reaches the copies that left the choice to the connection, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model import CANCELLED, Event, Policy, Reminder, Reminders, Series
from shared.sync.actions import EventPlan, UpdateCopy, UpdateOccurrence
from shared.sync.plan import plan_event
from shared.sync.reminders import due_again
from shared.sync.situation import UNSEEN, Situation
from tests.unit.sync.memory import SECOND, THIRD, booking, content, span, weekly
from tests.unit.sync.situations import changed, link_of, report, situation

TEN, THIRTY = (Reminder(10),), (Reminder(30),)
PLAIN = content(span=span(day=8), title="Other")


def at(event: Event, there: Reminders, now: Reminders, **members: Any) -> Situation:
    """A booking whose copy holds `there`, on a connection that gives `now` where the booking says nothing."""
    link = link_of(event, report(_reminded(event.series, there)))
    return situation(event, UNSEEN, link=link, projected=_reminded(event.series, now), **members)


def _reminded(series: Series, given: Reminders) -> Series:
    """The series as the copy shows it: what it leaves open is filled in."""

    def filled(one: Any) -> Any:
        return one if one is CANCELLED or one.reminders is not None else replace(one, reminders=given)

    return replace(
        series, content=filled(series.content), overrides={key: filled(one) for key, one in series.overrides.items()}
    )


def decided(at: Situation) -> EventPlan:
    return plan_event(due_again(at), Policy())


def test_a_copy_that_left_its_reminder_to_the_connection_gets_the_new_one() -> None:
    (write,) = decided(at(booking(), TEN, THIRTY)).writes
    assert write == UpdateCopy(remote_id="r1", etag="e1", fields={"reminders": THIRTY})
    assert plan_event(at(booking(), TEN, THIRTY), Policy()).writes == (), "a merge alone sees no difference"


def test_a_copy_that_holds_the_new_one_already_is_left_alone() -> None:
    already = at(booking(), THIRTY, THIRTY)
    assert due_again(already) == already
    assert decided(already).writes == ()


@pytest.mark.parametrize("own", [TEN, ()])
def test_a_booking_that_says_its_reminder_itself_keeps_it(own: Reminders) -> None:
    event = booking(changed(booking().series, reminders=own))
    assert decided(at(event, TEN, THIRTY)).writes == ()


def test_an_occurrence_of_its_own_gets_the_new_one_and_one_that_does_not_take_place_gets_none() -> None:
    event = booking(weekly(**{SECOND: PLAIN, THIRD: CANCELLED}))
    whole, second = decided(at(event, TEN, THIRTY)).writes
    assert isinstance(whole, UpdateCopy)
    assert whole.fields == {"reminders": THIRTY}
    assert isinstance(second, UpdateOccurrence)
    assert (second.original_start, second.change) == (SECOND, {"reminders": THIRTY})


def test_an_occurrence_that_has_a_reminder_of_its_own_keeps_it() -> None:
    event = booking(weekly(**{SECOND: replace(PLAIN, reminders=TEN)}))
    (write,) = decided(at(event, TEN, THIRTY)).writes
    assert isinstance(write, UpdateCopy)


def test_an_occurrence_that_was_brought_back_here_is_no_reason_to_stop() -> None:
    event = booking(weekly())
    link = link_of(event, report(weekly(**{SECOND: PLAIN})))
    situation_ = situation(event, UNSEEN, link=link, projected=_reminded(event.series, THIRTY))
    assert due_again(situation_).link is not None


def test_only_the_reminders_count_as_changed() -> None:
    """An edit of the same copy, and one that nobody has sent yet, go their own ways."""
    event = booking(changed(weekly(), title="New title"))
    before = at(booking(weekly()), TEN, THIRTY)
    (write,) = decided(replace(before, local=event, projected=_reminded(event.series, THIRTY))).writes
    assert isinstance(write, UpdateCopy)
    assert write.fields == {"title": "New title", "reminders": THIRTY}


@pytest.mark.parametrize("missing", ["link", "local", "projected"])
def test_where_there_is_no_copy_or_no_live_event_there_is_nothing_to_bring_up_to_date(missing: str) -> None:
    without = replace(at(booking(), TEN, THIRTY), **{missing: None})
    assert due_again(without) is without


def test_a_copy_of_which_nothing_is_known_is_left_to_the_next_report() -> None:
    known = at(booking(), TEN, THIRTY)
    assert known.link is not None
    unknown = replace(known, link=replace(known.link, base=replace(known.link.base, remote={})))
    assert due_again(unknown) == unknown
