"""Another main booking calendar, and reminders brought up to date: bookings move by themselves, none is there twice,
nobody is mailed, and what is interrupted half-way goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from shared.model import SyncPhase
from shared.store.calendars import CalendarStore
from shared.sync.engine import CalendarSync
from tests.handlers.killing import Killed, Steps, watched
from tests.handlers.people import Person, person, shared_world, times
from tests.world import World

BOOKINGS = 6


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


class Moving:
    """Somebody with two accounts of their own, and bookings with attendees in the first."""

    def __init__(self, anna: Person) -> None:
        self.anna, self.world = anna, anna.world
        self.second = f"second-{anna.account}"
        anna.world.google.add_account(self.second, "Second", time_zone="Europe/Berlin")
        self.first = anna.connect()
        attendees = [{"email": "client@example.com"}]
        for number in range(BOOKINGS):
            anna.book(f"b{number}", f"Booking {number}", day=number + 2, attendees=attendees)
        anna.ask("PUT", "/v1/events/past", {"title": "Past", **times("2026-11-01T09:00:00", "2026-11-01T10:00:00")})
        anna.world.drain()
        self.old = anna.main_calendar(self.first)["id"]
        self.other = anna.world.connect(user=anna.user, account=self.second)
        self.new = anna.main_calendar(self.other)["id"]
        anna.world.control("DELETE", "mails")

    def titles(self, account: str) -> list[str]:
        return sorted(item["summary"] for item in self.world.there(account))

    def make_main(self, calendar_id: str) -> None:
        assert self.anna.ask("PATCH", f"/v1/calendars/{calendar_id}", {"main": True})["main"] is True

    def sync(self, connection_id: str) -> dict[str, Any]:
        return dict(self.anna.connection(connection_id)["sync"])

    def moved(self) -> None:
        bookings = [f"Booking {number}" for number in range(BOOKINGS)]
        assert self.titles(self.second) == bookings
        assert self.titles(self.anna.account) == ["Past"]
        assert self.world.control("GET", "mails")["count"] == 0
        mains = {item["id"] for one in (self.first, self.other) for item in self.calendars(one) if item["main"]}
        assert mains == {self.new}

    def calendars(self, connection_id: str) -> list[dict[str, Any]]:
        return list(self.anna.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"])


@pytest.fixture
def moving(anna: Person) -> Moving:
    return Moving(anna)


def test_future_bookings_move_to_the_other_account_by_themselves_and_nobody_is_mailed(moving):
    assert moving.titles(moving.second) == []
    moving.make_main(moving.new)
    moving.world.drain()
    moving.moved()
    assert moving.anna.here() == sorted(["Past", *(f"Booking {number}" for number in range(BOOKINGS))])
    moving.anna.ask("PATCH", "/v1/events/b1", {"title": "Renamed"})
    moving.world.drain()
    assert "Renamed" in moving.titles(moving.second)


def test_both_connections_show_how_far_the_bookings_are_while_they_move(moving, monkeypatch):
    monkeypatch.setattr("shared.sync.engine.CHUNK", 2)
    moving.make_main(moving.new)
    waiting = {"state": "running", "done": 0, "total": BOOKINGS}
    assert (moving.sync(moving.other), moving.sync(moving.first)) == (waiting, waiting)
    seen = watch(moving, monkeypatch)
    moving.world.drain()
    assert {(one["done"], one["total"]) for one in seen if one["state"] == "running"} == {
        (done, BOOKINGS) for done in range(0, BOOKINGS, 2)
    }
    for connection_id in (moving.first, moving.other):
        assert moving.sync(connection_id) == {"state": "done", "done": BOOKINGS, "total": BOOKINGS}


def watch(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page would see of the new connection, each time the worker has stored something."""
    seen: list[dict[str, Any]] = []
    plainly = CalendarStore.change

    def change(self: CalendarStore, calendar_id: str, how: Any) -> Any:
        seen.append(moving.sync(moving.other))
        return plainly(self, calendar_id, how)

    monkeypatch.setattr(CalendarStore, "change", change)
    return seen


def test_a_move_that_is_cut_short_at_any_point_goes_on_and_no_booking_is_there_twice(moving, monkeypatch):
    monkeypatch.setattr("shared.sync.engine.CHUNK", 2)
    moving.make_main(moving.new)
    cuts = 0
    for after in (0, 1, 2, 3, 5, 8, 13, 21):
        steps = Steps(kill_after=after)
        with watched(steps):
            moving.world.around_worker = steps.counted
            try:
                moving.world.work()
            except Killed:
                cuts += 1
        moving.world.around_worker = nullcontext
    assert cuts >= 5
    moving.world.drain()
    moving.moved()


def test_who_changes_their_mind_half_way_has_every_booking_where_it_was(moving, monkeypatch):
    """What the first calendar had given up already comes back, though its walk through the bookings was under way."""
    monkeypatch.setattr("shared.sync.engine.CHUNK", 2)
    moving.make_main(moving.new)
    cut_in_the_old_calendars_walk(moving)
    assert CalendarStore().load(moving.old).checkpoint.phase is SyncPhase.EXPORT  # type: ignore[union-attr]
    assert len(moving.titles(moving.anna.account)) < BOOKINGS + 1
    moving.make_main(moving.old)
    moving.world.drain()
    assert moving.titles(moving.second) == []
    assert moving.titles(moving.anna.account) == sorted(["Past", *(f"Booking {number}" for number in range(BOOKINGS))])


def cut_in_the_old_calendars_walk(moving: Moving) -> None:
    """Let the worker be killed as soon as the first account has lost some of its bookings."""
    plainly = CalendarSync._commit

    def commit(self: CalendarSync, *given: Any, **named: Any) -> None:
        plainly(self, *given, **named)
        if self.calendar.id == moving.old and len(moving.titles(moving.anna.account)) < BOOKINGS:
            raise Killed("half-way")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CalendarSync, "_commit", commit)
        with pytest.raises(Killed):
            moving.world.drain()


def test_setting_the_main_calendar_again_mends_a_change_that_was_cut_between_its_two_writes(moving, monkeypatch):
    plainly = CalendarStore.change

    def change(self: CalendarStore, calendar_id: str, how: Any) -> Any:
        if calendar_id == moving.old:
            raise Killed("between the two")
        return plainly(self, calendar_id, how)

    with monkeypatch.context() as patch:
        patch.setattr(CalendarStore, "change", change)
        with pytest.raises(Killed):
            moving.make_main(moving.new)
    moving.world.drain()
    moving.make_main(moving.new)
    moving.world.drain()
    moving.moved()


# --- reminders -----------------------------------------------------------------------------------------------------


def reminders(person: Person) -> dict[str, object]:
    """Minutes by title, as they stand in the person's own calendar."""
    return {item["summary"]: _minutes(item) for item in person.world.there(person.account)}


def _minutes(item: dict[str, Any]) -> object:
    said = item.get("reminders", {"useDefault": True})
    return "default" if said.get("useDefault") else [one["minutes"] for one in said.get("overrides", [])]


def test_existing_bookings_get_a_new_default_reminder_only_when_somebody_asks_for_it(anna):
    connection_id = anna.connect()
    path = f"/v1/connections/{connection_id}"
    anna.book("plain", "Plain", day=2)
    anna.book("own", "Own", day=3, reminders=[{"minutes": 5}])
    anna.book("none", "None", day=4, reminders=[])
    anna.ask("PUT", "/v1/events/past", {"title": "Past", **times("2026-11-01T09:00:00", "2026-11-01T10:00:00")})
    theirs = anna.book("theirs", "Theirs", day=5)
    anna.world.drain()
    (item,) = [one for one in anna.world.there(anna.account) if one["summary"] == "Theirs"]
    own = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 99}]}
    anna.world.control("PATCH", f"calendars/{anna.account}/events/{item['id']}", {"reminders": own})
    anna.add_there("Dentist", day=6)
    anna.world.drain()
    before = {"Plain": "default", "Own": [5], "None": [], "Past": "default", "Theirs": [99], "Dentist": "default"}
    assert reminders(anna) == before

    anna.ask("PATCH", path, {"default_reminder": 45})
    anna.book("later", "Later", day=7)
    anna.world.drain()
    assert reminders(anna) == {**before, "Later": [45]}

    anna.forget_calls()
    assert anna.ask("POST", f"{path}/reminders", {}) == {"bookings": 5}
    assert anna.connection(connection_id)["sync"] == {"state": "running", "done": 0, "total": 5}
    anna.world.drain()
    assert reminders(anna) == {**before, "Plain": [45], "Later": [45]}
    assert anna.calls("events.patch") == 1
    assert anna.world.control("GET", "mails")["count"] == 0
    assert anna.ask("GET", "/v1/events/plain")["version"] == 1
    assert anna.ask("GET", "/v1/events/theirs")["version"] > theirs["version"]

    anna.forget_calls()
    anna.ask("POST", f"{path}/reminders")
    anna.world.drain()
    assert anna.calls("events.patch") == 0
    assert anna.connection(connection_id)["sync"]["state"] == "done"


def test_bringing_reminders_up_to_date_goes_on_where_it_was_cut_short(anna, monkeypatch):
    monkeypatch.setattr("shared.sync.engine.CHUNK", 2)
    connection_id = anna.connect()
    for number in range(5):
        anna.book(f"b{number}", f"Booking {number}", day=number + 2)
    anna.world.drain()
    anna.ask("PATCH", f"/v1/connections/{connection_id}", {"default_reminder": None})
    anna.ask("POST", f"/v1/connections/{connection_id}/reminders")
    for after in (2, 5, 9):
        steps = Steps(kill_after=after)
        with watched(steps):
            anna.world.around_worker = steps.counted
            with pytest.raises(Killed):
                anna.world.work()
        anna.world.around_worker = nullcontext
    anna.world.drain()
    assert reminders(anna) == {f"Booking {number}": [] for number in range(5)}


def test_reminders_are_not_brought_up_to_date_where_no_bookings_go(anna):
    connection_id, _ = anna.begin()
    anna.refused(409, "not_active", "POST", f"/v1/connections/{connection_id}/reminders")
    active = anna.connect()
    calendar = anna.main_calendar(active)
    CalendarStore().change(calendar["id"], lambda found: replace(found, main=False))
    anna.refused(409, "no_booking_calendar", "POST", f"/v1/connections/{active}/reminders")
    anna.refused(422, "invalid_request", "POST", f"/v1/connections/{active}/reminders", {"minutes": 5})
