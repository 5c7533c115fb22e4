"""What the schedule looks after: subscriptions that run out or fall silent, polls, and whatever was left lying."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.clock import now, to_text
from shared.model import Calendar
from shared.store.calendars import CalendarStore
from shared.store.tables import CalendarRow, ConnectionRow, DeliveryRow, PendingRow
from tests.world import ACCOUNT, PAGE, World, forget_functions, running_world, times

EVENTS = f"calendars/{ACCOUNT}/events"
LATER = times("2027-03-01T09:00:00", "2027-03-01T10:00:00")


@pytest.fixture
def unreachable() -> Iterator[World]:
    """A deployment without a public address: nobody can push to it."""
    with running_world() as world:
        os.environ["PUSH_URL"] = ""
        forget_functions()
        world.bind_again()
        yield world


def the_calendar() -> Calendar:
    (row,) = CalendarRow.scan()
    calendar = CalendarStore().load(row.id)
    assert calendar is not None
    return calendar


def live_channels(world: World) -> list[str]:
    return sorted(one["id"] for one in world.control("GET", "channels")["channels"] if not one["stopped"])


def calls(world: World, method: str) -> int:
    return int(world.control("GET", "calls")["by_method"].get(method, 0))


def renewal_is_due() -> None:
    calendar, past = the_calendar(), now() - timedelta(seconds=1)
    assert calendar.subscription is not None
    due = replace(calendar.subscription, renew_at=past)
    CalendarStore().change(calendar.id, lambda found: replace(found, subscription=due, due_at=past))


def test_a_subscription_that_is_due_is_replaced_and_no_change_falls_into_the_gap(world: World) -> None:
    world.connect()
    before = live_channels(world)
    renewal_is_due()
    assert world.tick()["renewals"] == 1
    world.drain()
    after = live_channels(world)
    assert len(before) == len(after) == 1
    assert before != after
    world.add_there(summary="after the renewal")
    world.drain()
    assert [event["title"] for event in world.here()] == ["after the renewal"]


def test_the_old_subscription_lives_until_the_new_one_is_stored(world: World) -> None:
    world.connect()
    (old,) = live_channels(world)
    world.control("POST", "faults", {"match": "events.watch", "kind": "server_error", "times": 1})
    renewal_is_due()
    world.tick()
    assert live_channels(world) == [old]
    assert the_calendar().subscription is not None


def test_a_calendar_that_cannot_be_watched_is_polled_and_not_asked_again(world: World) -> None:
    wanted = {"summary": "Holidays", "kind": "holiday"}
    holidays = world.control("POST", f"accounts/{ACCOUNT}/calendars", wanted)["id"]
    connection = world.connect()
    path = f"/v1/connections/{connection}/calendars"
    shown = {one["name"]: one for one in world.api("GET", path)[1]["items"]}
    world.api("PATCH", f"/v1/calendars/{shown['Holidays']['id']}", {"sync": True})
    world.drain()
    for _ in range(2):
        world.look()
    shown = {one["name"]: one for one in world.api("GET", path)[1]["items"]}
    assert shown["Holidays"]["push"] == "polling"
    assert [reason["code"] for reason in shown["Holidays"]["reasons"]] == ["not_watchable"]
    assert shown["Holidays"]["last_sync_at"] is not None
    assert calls(world, "events.watch") == 2, f"once for the account's own calendar, once for {holidays}"


def test_a_subscription_that_keeps_silent_about_a_change_is_replaced(world: World) -> None:
    world.connect()
    (silent,) = live_channels(world)
    long_ago = now() - timedelta(hours=1)
    CalendarStore().change(the_calendar().id, lambda found: replace(found, last_sync_at=long_ago))
    world.control("POST", "push", {"mode": "drop", "times": 1})
    world.google.now = lambda: now() - timedelta(minutes=30)
    world.add_there(summary="nobody said so")
    world.google.now = now
    world.look()
    assert [event["title"] for event in world.here()] == ["nobody said so"]
    world.tick()
    world.drain()
    assert live_channels(world) != [silent]


def test_where_nobody_can_push_the_calendar_is_polled_and_the_connection_says_so(unreachable: World) -> None:
    connection = unreachable.connect()
    assert unreachable.api("GET", f"/v1/connections/{connection}")[1]["push"] == "polling"
    assert calls(unreachable, "events.watch") == 0
    unreachable.add_there(summary="found by a poll")
    unreachable.look()
    assert [event["title"] for event in unreachable.here()] == ["found by a poll"]
    due = the_calendar().due_at
    assert due is not None
    assert due - now() <= timedelta(minutes=15)


def test_a_parked_calendar_is_left_alone_whoever_asks(world: World) -> None:
    connection = world.connect()
    world.control("POST", "faults", {"match": "events.list", "kind": "quota_exceeded", "times": 1})
    world.look()
    before = calls(world, "events.list")
    world.add_there(summary="pushed meanwhile")
    world.api("PUT", "/v1/events/b1", {"title": "b1", **LATER})
    world.api("POST", f"/v1/connections/{connection}/sync")
    world.drain()
    assert calls(world, "events.list") == before
    world.look()
    assert sorted(item["summary"] for item in world.there()) == ["b1", "pushed meanwhile"]


def test_a_booking_whose_job_was_never_sent_is_found_by_its_mark(world: World) -> None:
    world.connect()
    world.api("PUT", "/v1/events/b1", {"title": "b1", **LATER})
    world.sqs.purge_queue(QueueUrl=world.jobs_url)
    assert world.drain() == 0
    assert "marks swept" not in world.tick(), "a mark is given its time first"
    for row in PendingRow.scan():
        row.update(actions=[PendingRow.due_at.set(to_text(now() - timedelta(seconds=1)))])
    assert world.tick()["marks swept"] == 1
    world.drain()
    assert [item["summary"] for item in world.there()] == ["b1"]


def test_a_notice_whose_message_was_never_sent_is_sent_by_the_sweep(world: World) -> None:
    world.connect()
    world.sqs.purge_queue(QueueUrl=world.notices_url)
    for row in DeliveryRow.scan():
        row.update(actions=[DeliveryRow.due_at.set(to_text(now() - timedelta(seconds=1)))])
    assert world.tick()["notices swept"] == 2
    assert len(world.sqs.receive_message(QueueUrl=world.notices_url, MaxNumberOfMessages=10)["Messages"]) == 2


def test_a_consent_that_nobody_confirms_is_given_back_and_forgotten(world: World) -> None:
    _, begun = world.api("POST", "/v1/connections", {"provider": "google", "return_to": PAGE})
    world.callback(world.consent(begun["authorization_url"]))
    assert world.control("GET", "grants")["grants"][0]["refresh_tokens"] == 1
    for row in ConnectionRow.scan():
        row.update(actions=[ConnectionRow.due_at.set(to_text(now() - timedelta(seconds=1)))])
    assert world.tick()["abandoned"] == 1
    assert list(ConnectionRow.scan()) == []
    assert sum(grant["refresh_tokens"] for grant in world.control("GET", "grants")["grants"]) == 0


def test_one_calendar_that_fails_does_not_keep_its_neighbours_from_their_renewal(world: World) -> None:
    world.control("POST", "accounts", {"email": "ben@example.com", "timeZone": "Europe/Berlin"})
    world.connect()
    world.connect(user="ben", account="ben@example.com")
    past = now() - timedelta(seconds=1)
    for row in CalendarRow.scan():

        def due(found: Calendar) -> Calendar:
            assert found.subscription is not None
            return replace(found, due_at=past, subscription=replace(found.subscription, renew_at=past))

        CalendarStore().change(row.id, due)
    world.control("POST", "faults", {"match": "events.watch", "kind": "server_error", "times": 1})
    before = live_channels(world)
    assert world.tick()["renewals"] == 2
    world.drain()
    after = live_channels(world)
    assert len(after) == 2
    assert not set(after) & set(before)


def test_a_permission_that_a_renewal_finds_withdrawn_is_told_of_at_once(world: World) -> None:
    connection = world.connect()
    renewal_is_due()
    world.control("POST", "revoke", {"email": ACCOUNT})
    world.tick()
    world.drain()
    assert world.api("GET", f"/v1/connections/{connection}")[1]["status"] == "reconnect_required"


def overdue(world: World) -> None:
    for row in ConnectionRow.scan():
        row.update(actions=[ConnectionRow.due_at.set(to_text(now() - timedelta(seconds=1)))])


def test_a_connection_whose_first_job_was_never_sent_is_found_by_the_sweep(world: World) -> None:
    world.add_there(summary="there")
    connection = world.connect(drain=False)
    world.sqs.purge_queue(QueueUrl=world.jobs_url)
    overdue(world)
    assert world.tick()["connections swept"] == 1
    world.drain()
    assert world.api("GET", f"/v1/connections/{connection}")[1]["sync"]["state"] == "done"
    assert "connections swept" not in world.tick()


def test_a_disconnect_that_was_broken_off_is_finished_by_the_sweep(world: World) -> None:
    connection = world.connect()
    world.add_there(summary="there")
    world.drain()
    from functions.api import desk

    out_of_time = desk.RESERVE_MS
    desk.RESERVE_MS = 10**9
    try:
        assert world.api("DELETE", f"/v1/connections/{connection}")[1]["complete"] is False
    finally:
        desk.RESERVE_MS = out_of_time
    world.sqs.purge_queue(QueueUrl=world.jobs_url)
    overdue(world)
    assert world.tick()["connections swept"] == 1
    world.drain()
    shown = world.api("GET", f"/v1/connections/{connection}")[1]
    assert (shown["status"], shown["receipt"]["revoked"]) == ("disconnected", True)
