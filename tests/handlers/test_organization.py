"""An organisation from its first PUT to everybody in step, and who may see it at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers.offices import Office, domain, tenant
from tests.handlers.people import shared_world
from tests.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture(params=["application", "delegated", "google"])
def office(world: World, request: pytest.FixtureRequest) -> Office:
    names = ("ada", "bob")
    return domain(world, *names) if request.param == "google" else tenant(world, *names, access=request.param)


def test_everybody_who_is_enabled_is_in_step_both_ways_without_signing_in(office):
    office.add_there("ada", "Dentist")
    office.add_there("bob", "School")
    office.authorized("ada", "bob")
    assert office.statuses() == {"ada": "active", "bob": "active"}
    assert (office.here("ada"), office.here("bob")) == (["Dentist"], ["School"])
    office.person("ada").book("b1", "Consultation")
    office.world.drain()
    assert office.there("ada") == ["Consultation", "Dentist"]
    assert office.there("bob") == ["School"]
    view = office.view()
    assert (view["status"], view["staff"]["in_step"], view["sync"]) == (
        "active",
        2,
        {"state": "done", "done": 2, "total": 2},
    )
    assert view["authorized_by"] == "admin"


def test_a_change_is_told_at_once_where_the_provider_tells_of_it_and_mails_nobody(office):
    office.authorized("ada", "bob")
    assert office.view()["push"] == ("polling" if office.access == "delegated" else "active")
    office.add_there("ada", "Told")
    office.world.drain()
    if office.access == "delegated":
        assert office.here("ada") == []
        office.look()
    assert office.here("ada") == ["Told"]
    staff = office.staff()
    assert {one["push"] for one in staff.values()} == {office.view()["push"]}
    office.person("ada").book("b1", attendees=[{"email": "guest@example.com"}])
    office.world.drain()
    assert office.control("GET", "mails")["count"] == 0


def test_bookings_move_to_the_organisations_calendar_and_events_are_not_there_twice_after_an_own_connection(world):
    office = domain(world, "ada")
    office.add_there("ada", "Dentist")
    ada = office.person("ada")
    own = ada.connect()
    ada.book("b1", "Booking")
    world.drain()
    office.authorized("ada")
    assert office.statuses() == {"ada": "own_connection"}
    ada.ask("DELETE", f"/v1/connections/{own}?imported=keep&exported=keep")
    world.drain()
    assert office.statuses() == {"ada": "active"}
    for _ in range(2):
        office.look()
        assert (office.here("ada"), office.there("ada")) == (["Booking", "Dentist"], ["Booking", "Dentist"])
    ada.book("b2", "Later", day=5)
    world.drain()
    assert office.there("ada") == ["Booking", "Dentist", "Later"]
