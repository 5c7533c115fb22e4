from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from shared.calendar_choice import choose, through_bookings
from shared.errors import Problem
from shared.model import Access, Calendar, Checkpoint, ConnectionStatus, Owner, SyncPhase
from shared.queue import CalendarJob

ANNA = Owner("demo", "anna")


def calendar(name: str, **more: Any) -> Calendar:
    fields = {"connection_id": "con_a", "owner": ANNA, "remote_id": name, "name": name, "zone": "UTC"}
    return Calendar(id=f"con_a.{name}", access=Access.OWNER, **{**fields, **more})


class House:
    """As many of the stores as choosing needs."""

    def __init__(self, *calendars: Calendar) -> None:
        self.calendars = {one.id: one for one in calendars}
        self.sent: list[object] = []
        bookings = SimpleNamespace(count_ending_after=lambda *_, **__: 7)
        self.store = SimpleNamespace(calendars=self, connections=self, events=bookings)
        self.clock = lambda: None
        self.connection = SimpleNamespace(status=ConnectionStatus.ACTIVE)
        self.jobs = SimpleNamespace(send=self.sent.append)

    def of_owner(self, owner: Owner) -> list[Any]:
        return [SimpleNamespace(id="con_a")]

    def of_connection(self, connection_id: str) -> list[Calendar]:
        return list(self.calendars.values())

    def change(self, identifier: str, change: Any) -> Calendar:
        self.calendars[identifier] = change(self.calendars[identifier])
        return self.calendars[identifier]

    def choose(self, name: str, **members: object) -> Calendar:
        return choose(self, self.connection, self.calendars[f"con_a.{name}"], members)  # type: ignore[arg-type]


def test_there_is_one_main_calendar_and_both_are_looked_at_again():
    house = House(calendar("old", main=True), calendar("new", sync=False))
    house.choose("new", main=True)
    assert [(one.name, one.main, one.sync) for one in house.calendars.values()] == [
        ("old", False, True),
        ("new", True, True),
    ]
    assert house.sent == [CalendarJob("con_a.new"), CalendarJob("con_a.old")]


def test_the_new_main_calendar_is_set_before_the_old_one_is_let_go():
    house = House(calendar("old", main=True), calendar("new"))
    changed: list[str] = []
    change = house.change
    house.change = lambda identifier, how: changed.append(identifier) or change(identifier, how)  # type: ignore[method-assign]
    house.choose("new", main=True)
    assert changed == ["con_a.new", "con_a.old"]


def test_a_calendar_in_the_steady_state_goes_through_the_bookings_again_when_it_takes_them_now_or_no_more():
    steady = Checkpoint(phase=SyncPhase.DELTA, cursor="c", position="p")
    house = House(calendar("old", main=True, checkpoint=steady), calendar("new", checkpoint=steady))
    house.choose("new", main=True)
    assert {one.checkpoint.phase for one in house.calendars.values()} == {SyncPhase.EXPORT}
    assert {(one.checkpoint.cursor, one.checkpoint.position) for one in house.calendars.values()} == {("c", "")}


def test_a_first_sync_that_is_under_way_is_not_started_over():
    listing = Checkpoint(phase=SyncPhase.FIRST, cursor="page-3", run="r")
    house = House(calendar("new", checkpoint=listing))
    assert house.choose("new", bookings=True).checkpoint == listing


def test_choosing_what_is_already_chosen_moves_no_booking():
    steady = Checkpoint(phase=SyncPhase.DELTA, cursor="c")
    house = House(calendar("old", main=True, checkpoint=steady))
    assert house.choose("old", main=True, busy=True) == calendar("old", main=True, checkpoint=steady)


@pytest.mark.parametrize("phase", [SyncPhase.DELTA, SyncPhase.EXPORT])
def test_the_walk_through_the_bookings_begins_at_the_first_one_and_knows_how_many_there_are(phase):
    half_way = Checkpoint(phase=phase, cursor="c", position="p", done=3, total=4, first_completed=True)
    house = House(calendar("old", main=True, checkpoint=half_way), calendar("new", checkpoint=half_way))
    house.choose("new", main=True)
    assert {one.checkpoint for one in house.calendars.values()} == {
        Checkpoint(phase=SyncPhase.EXPORT, cursor="c", done=0, total=7, first_completed=True)
    }


@pytest.mark.parametrize("phase", SyncPhase)
def test_reminders_that_were_asked_for_are_not_forgotten_by_a_change_of_the_main_calendar(phase):
    asked = through_bookings(calendar("one", checkpoint=Checkpoint(phase=phase)), 7, reminders=True)
    assert through_bookings(asked, 7).checkpoint.reminders is True


def test_setting_the_main_calendar_again_takes_the_flag_from_any_other_that_still_has_it():
    house = House(calendar("old", main=True), calendar("new", main=True))
    house.choose("new", main=True)
    assert [(one.name, one.main) for one in house.calendars.values()] == [("old", False), ("new", True)]


def test_a_connection_that_is_not_active_takes_no_bookings():
    house = House(calendar("one", sync=False))
    house.connection.status = ConnectionStatus.RECONNECT_REQUIRED
    with pytest.raises(Problem) as refused:
        house.choose("one", bookings=True)
    assert refused.value.code == "not_active"
    assert house.choose("one", busy=True).sync is True


@pytest.mark.parametrize(
    ("before", "members", "code"),
    [
        ({"main": True}, {"main": False}, "main_needed"),
        ({"main": True}, {"sync": False}, "bookings_need_sync"),
        ({"main": True}, {"sync": False, "bookings": False}, "bookings_need_sync"),
        ({"bookings": True}, {"sync": False}, "bookings_need_sync"),
        ({}, {"sync": False, "main": True}, "bookings_need_sync"),
        ({}, {"sync": False, "busy": True}, "busy_needs_sync"),
        ({"access": Access.READER}, {"main": True}, "read_only_calendar"),
        ({"access": Access.FREE_BUSY}, {"bookings": True}, "read_only_calendar"),
        ({}, {"main": 1}, "invalid_request"),
        ({}, {"shared": True}, "invalid_request"),
    ],
)
def test_a_choice_that_makes_no_sense_changes_nothing(before, members, code):
    own = replace(calendar("one"), **before)
    house = House(own)
    with pytest.raises(Problem) as refused:
        house.choose("one", **members)
    assert refused.value.code == code
    assert (house.calendars, house.sent) == ({own.id: own}, [])


def test_a_calendar_for_bookings_can_be_let_go_in_one_step():
    house = House(calendar("one", bookings=True))
    assert house.choose("one", bookings=False, sync=False).sync is False
