"""The brake, through the whole product: much that goes or comes at once waits for somebody to say yes."""

from __future__ import annotations

from typing import Any

import pytest

from shared.sync.brake import CREATIONS, DELETIONS
from tests.world import ACCOUNT, World

EVENTS = f"calendars/{ACCOUNT}/events"


def told_notices(world: World, kind: str) -> list[dict[str, Any]]:
    _, answer = world.api("GET", "/v1/deliveries", claims={"sub": "host", "org": "demo", "scope": "lockstep.host"})
    return [item for item in answer["items"] if item["type"] == kind]


@pytest.fixture
def emptied(world: World) -> str:
    """A connection whose forty events somebody has deleted at the provider; the sync has seen it."""
    connection_id = world.connect()
    for number in range(40):
        world.add_there(summary=f"event {number}")
    world.drain()
    assert len(world.here()) == 40
    for event in world.there():
        world.control("DELETE", f"{EVENTS}/{event['id']}")
    world.drain()
    world.look()
    return connection_id


def test_a_mass_deletion_there_deletes_nothing_here_until_somebody_says_yes(world: World, emptied: str) -> None:
    assert len(world.here()) == 40
    _, connection = world.api("GET", f"/v1/connections/{emptied}")
    assert connection["status"] == "active"
    assert [reason["code"] for reason in connection["reasons"]] == ["held"]
    assert "40 of 40 events" in connection["reasons"][0]["sentence"]
    assert len(told_notices(world, "connection.held")) == 1
    assert world.api("POST", f"/v1/connections/{emptied}/release", user="somebody else")[0] == 404
    assert world.api("POST", f"/v1/connections/{emptied}/release")[0] == 202
    world.drain()
    assert world.here() == []
    _, connection = world.api("GET", f"/v1/connections/{emptied}")
    assert connection["reasons"] == []


def test_what_is_held_stays_held_whatever_else_wakes_the_calendar(world: World, emptied: str) -> None:
    world.add_there(summary="late")
    world.drain()
    world.look()
    assert len(world.here()) == 40
    assert world.waiting_jobs() == 0
    assert len(told_notices(world, "connection.held")) == 1


def test_what_was_restored_there_while_it_was_held_survives_a_second_look(world: World, emptied: str) -> None:
    for number in range(30):
        world.add_there(summary=f"restored {number}")
    assert world.api("POST", f"/v1/connections/{emptied}/discard")[0] == 202
    world.drain()
    titles = {event["title"] for event in world.here()}
    assert {f"restored {number}" for number in range(30)} <= titles
    assert len([title for title in titles if title.startswith("event")]) >= 40 - DELETIONS
    _, connection = world.api("GET", f"/v1/connections/{emptied}")
    assert [reason["code"] for reason in connection["reasons"]] == ["held"]


def test_once_released_the_brake_is_on_again_for_what_comes_later(world: World, emptied: str) -> None:
    world.api("POST", f"/v1/connections/{emptied}/release")
    world.drain()
    for number in range(30):
        world.add_there(summary=f"event {number}")
    world.drain()
    for event in world.there():
        world.control("DELETE", f"{EVENTS}/{event['id']}")
    world.drain()
    assert len(world.here()) == 30


def test_a_decision_about_nothing_is_refused_with_a_sentence(world: World) -> None:
    connection_id = world.connect()
    for what in ("release", "discard"):
        status, problem = world.api("POST", f"/v1/connections/{connection_id}/{what}")
        assert (status, problem["code"]) == (409, "not_held")


def test_a_first_sync_of_many_events_is_no_flood(world: World) -> None:
    for number in range(CREATIONS + 30):
        world.add_there(summary=f"event {number}")
    connection_id = world.connect()
    world.add_there(summary="one more")
    world.drain()
    world.look()
    _, connection = world.api("GET", f"/v1/connections/{connection_id}")
    assert (connection["reasons"], connection["sync"]["state"]) == ([], "done")
