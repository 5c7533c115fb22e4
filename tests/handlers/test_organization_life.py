"""An organisation over time: its permission refused and given again, secrets that end, killed workers, long calendars,
and the end of it all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import boto3
import pytest

from shared.clock import now, to_text
from shared.secret_entries import forget_entries
from shared.store.tables import CalendarRow
from tests.handlers.killing import Killed, Steps, watched
from tests.handlers.offices import BACK, Office, domain, forget_tokens, tenant
from tests.handlers.people import everything, rows, shared_world
from tests.world import APP_ID, APP_SECRET, LambdaContext, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def office(world: World) -> Iterator[Office]:
    yield tenant(world, "ada", "bob")
    credentials(world)


@pytest.fixture
def workspace(world: World) -> Office:
    return domain(world, "ada", "bob")


def credentials(world: World, **more: object) -> None:
    """What the deployment signs with at Microsoft, as its operator puts it into Secrets Manager."""
    entry = {"client_id": APP_ID, "client_secret": APP_SECRET, **more}
    boto3.client("secretsmanager").put_secret_value(SecretId="microsoft-client", SecretString=json.dumps(entry))
    forget_entries()
    forget_tokens()


# --- the organisation's own access


def end_access(office: Office) -> None:
    if office.provider == "google":
        office.control("DELETE", f"domains/{office.host}/delegations/{office.key['client_id']}")
    elif office.access == "delegated":
        office.control("POST", "revoke", {"email": office.service_account})
    else:
        office.control("DELETE", f"tenants/{office.tenant_id}/principals/{APP_ID}")
    forget_tokens()
    office.control("POST", "expire_tokens", {})


@pytest.mark.parametrize("way", ["application", "delegated", "google"])
def test_access_that_is_taken_away_stops_everybody_at_once_and_is_said_once(world, way):
    office = domain(world, "ada", "bob") if way == "google" else tenant(world, "ada", "bob", access=way)
    office.authorized("ada", "bob")
    before = {row["id"]: row["version"] for row in rows("connections_table") if row.get("member_of")}
    end_access(office)
    office.look()
    view = office.view()
    assert view["status"] == "reconnect_required"
    assert view["reasons"][0]["sentence"]
    assert office.statuses() == {"ada": "paused", "bob": "paused"}
    assert {one["reason"]["code"] for one in office.staff().values()} == {view["reasons"][0]["code"]}
    after = {row["id"]: row["version"] for row in rows("connections_table") if row.get("member_of")}
    assert after == before, "nobody is changed one by one"
    assert office.notices("").count("connection.reconnect_required") == 1
    assert office.notices("ada").count("connection.reconnect_required") == 0
    for name in ("ada", "bob"):
        office.add_there(name, f"{name}'s")
    if way == "google":
        scopes = {"scopes": ["https://www.googleapis.com/auth/calendar.events", SCOPE_LIST]}
        office.control("PUT", f"domains/{office.host}/delegations/{office.key['client_id']}", scopes)
        office.much_later()
    else:
        office.authorize()
        office.world.drain()
    assert office.view()["status"] == "active"
    assert office.statuses() == {"ada": "active", "bob": "active"}
    assert (office.here("ada"), office.here("bob")) == (["ada's"], ["bob's"])


SCOPE_LIST = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"


def test_an_authorisation_that_is_repeated_renews_and_connects_nobody_twice(office):
    office.authorized("ada")
    office.add_there("ada", "Dentist")
    office.authorize()
    office.world.drain()
    assert office.here("ada") == ["Dentist"]
    assert len([row for row in rows("connections_table") if row.get("org") == office.org]) == 2


# --- secrets that end


@pytest.mark.parametrize(("days", "warned"), [(45, 0), (29, 30), (6, 7), (0.5, 1)])
def test_the_end_of_a_secret_is_warned_of_thirty_seven_and_one_days_before_each_once(world, office, days, warned):
    ends = now() + timedelta(days=days)
    made = world.microsoft.control("POST", f"clients/{APP_ID}/secrets", {"days": 60})
    live = [{"client_secret": made["value"], "expires_at": to_text(ends)}]
    credentials(world, client_secret="", credentials=live)
    office.authorized("ada")
    for _ in range(3):
        office.much_later()
    view = office.view()
    assert view["secret"]["days_left"] == int(days - 0.01)
    told = [one for one in view["reasons"] if one["code"] == "secret_expires"]
    assert len(told) == (1 if warned else 0)
    assert all(str(ends.year) in one["sentence"] for one in told)
    assert office.notices("").count("connection.secret_expires") == (1 if warned else 0)


def test_each_threshold_is_warned_of_as_it_comes(world, office):
    made = world.microsoft.control("POST", f"clients/{APP_ID}/secrets", {"days": 60})

    def ends_in(days: float) -> None:
        live = [{"client_secret": made["value"], "expires_at": to_text(now() + timedelta(days=days))}]
        credentials(world, client_secret="", credentials=live)
        office.much_later()

    office.authorized("ada")
    for days in (29, 20, 6, 3, 0.9, 0.1):
        ends_in(days)
    assert office.notices("").count("connection.secret_expires") == 3
    ends_in(300)
    assert "secret_expires" not in {one["code"] for one in office.view()["reasons"]}


def test_two_live_secrets_bridge_a_rotation_without_a_gap(world, office):
    office.authorized("ada")
    second = world.microsoft.control("POST", f"clients/{APP_ID}/secrets", {"days": 60})
    credentials(world, credentials=[{"client_secret": second["value"], "expires_at": to_text(now() + timedelta(60))}])
    world.microsoft.control("PATCH", f"clients/{APP_ID}", {"secret_expired": True})
    try:
        office.add_there("ada", "Dentist")
        office.look()
        assert office.here("ada") == ["Dentist"]
        assert office.view()["status"] == "active"
    finally:
        world.microsoft.control("PATCH", f"clients/{APP_ID}", {"secret_expired": False})


def test_access_that_reaches_mailboxes_nobody_enabled_is_warned_of(office):
    office.authorized("ada")
    (reason,) = [one for one in office.view()["reasons"] if one["code"] == "reaches_others"]
    assert office.address("bob") in reason["sentence"] or office.address("boss") in reason["sentence"]
    office.control("PATCH", f"tenants/{office.tenant_id}", {"mailboxes": {APP_ID: [office.address("ada")]}})
    office.much_later()
    assert [one["code"] for one in office.view()["reasons"]] == []


# --- killed, and going on


def test_the_pass_over_the_staff_comes_to_its_end_wherever_a_worker_is_killed(world):
    """At calls that change something, from the organisation's own job to the last person in step."""
    office = tenant(world, "ada", "bob")
    office.add_there("ada", "Dentist")
    office.ask("PUT", "", office.wanted())
    for name in ("ada", "bob"):
        office.enable(name)
    office.authorize()
    killed = 0
    steps = Steps()
    with watched(steps), steps.counted():
        office.world.drain()
    for at in steps.with_effect[:36:3]:
        office.ask("DELETE")
        office.world.drain()
        office.ask("PUT", "", office.wanted())
        for name in ("ada", "bob"):
            office.enable(name)
        office.authorize()
        dying = Steps(kill_after=at)
        try:
            with watched(dying), dying.counted():
                office.world.drain()
        except Killed:
            killed += 1
        office.world.drain()
        office.much_later()
        office.look()
        assert office.statuses() == {"ada": "active", "bob": "active"}, at
        assert office.here("ada") == ["Dentist"], at
    assert killed > 6


def test_a_pass_that_runs_out_of_time_goes_on_where_it_stopped(world, office):
    names = [f"user{number:02}" for number in range(12)]
    office.hire(*names)
    office.ask("PUT", "", office.wanted())
    for name in names:
        office.enable(name)
    world.drain()
    office.authorize()
    with patch("shared.organization_health.PAGE", 5):
        world.remaining_ms = 0
        try:
            for _ in range(3):
                world.work()
            assert office.view()["staff"]["waiting"] == 12
        finally:
            world.remaining_ms = 300_000
        world.drain()
    assert set(office.statuses().values()) == {"active"}


# --- fairness


def test_a_mailbox_of_many_events_delays_nobody(world, office):
    """Counted in jobs: after one round of everybody's, all short calendars are in step and the long one is not."""
    for number in range(40):
        office.add_there("ada", f"Event {number}", day=number % 28 + 1)
    office.add_there("bob", "Short")
    office.ask("PUT", "", office.wanted())
    for name in ("ada", "bob"):
        office.enable(name)
    office.authorize()
    with patch("shared.providers.microsoft.calendar.PAGE_SIZE", 5), patch("shared.jobs.STEPS_AT_ONCE", 2):
        rounds = 0
        while office.statuses()["bob"] != "active":
            assert world.work()
            rounds += 1
        assert office.statuses()["ada"] == "first_sync"
        assert rounds <= 6
        world.drain()
    assert office.statuses() == {"ada": "active", "bob": "active"}
    assert len(office.here("ada")) == 40


# --- the end


def secret_entries() -> list[str]:
    listed = boto3.client("secretsmanager").list_secrets()["SecretList"]
    return [one["Name"] for one in listed]


@pytest.mark.parametrize("way", ["application", "delegated", "google"])
@pytest.mark.parametrize("fate", ["keep", "delete"])
def test_after_the_end_no_table_holds_anything_of_an_organisation_but_its_receipt(world, way, fate):
    office = domain(world, "ada", "bob") if way == "google" else tenant(world, "ada", "bob", access=way)
    for name in ("ada", "bob"):
        office.add_there(name, f"{name}'s")
    office.authorized("ada", "bob")
    office.person("ada").book("b1", "Booking")
    office.world.drain()
    ids = [one["connection_id"] for one in (*office.staff().values(), office.view())]
    receipt = office.ask("DELETE", f"?imported={fate}&exported={fate}")
    assert (receipt["status"], receipt["complete"]) == ("disconnected", True)
    assert receipt["events_deleted_here"] == (2 if fate == "delete" else 0)
    office.world.drain()
    kept = fate == "keep"
    assert office.here("ada") == (["Booking", "ada's"] if kept else ["Booking"])
    assert office.there("ada") == (["Booking", "ada's"] if kept else ["ada's"])
    tables = everything()
    for table in ("calendars_table", "links_table", "pending_table"):
        assert not [row for row in tables[table] if any(one in str(row) for one in ids)], table
    mine = [row for row in tables["connections_table"] if row.get("org") == office.org]
    assert len(mine) == 3
    for row in mine:
        assert not {"grant", "flow", "place", "mailbox", "member_of", "account_id", "due_at"} & set(row)
        assert "expires_at_s" in row
    text = "\n".join(str(row) for row in tables["connections_table"])
    for address in (office.address("ada"), office.address("bob"), office.service_account):
        assert address not in text
    held = [row["id"] for row in tables["connections_table"] if row.get("held_by") in ids]
    assert [place[:4] for place in held] == (["ten_"] if way == "application" else [])
    assert not [name for name in secret_entries() if any(one in name for one in ids)]
    if way != "delegated":
        assert live_subscriptions(office) == []
    view = office.view()
    assert (view["status"], view["staff"]["total"], view["receipt"]["complete"]) == ("disconnected", 0, True)
    office.refused(409, "organization_disconnected", "PUT", "/staff/ada", {"mailbox": office.address("ada")})
    office.refused(409, "organization_disconnected", "POST", "/authorize", {"return_to": BACK})


def live_subscriptions(office: Office) -> list[str]:
    if office.provider == "google":
        found = office.control("GET", "channels")["channels"]
        return [one["id"] for one in found if not one["stopped"] and office.host in str(one)]
    return [one["id"] for one in office.control("GET", "subscriptions")["subscriptions"] if office.host in str(one)]


def test_an_end_that_runs_out_of_time_goes_on_as_a_job_and_can_be_asked_for_again(world, office):
    office.authorized("ada", "bob")
    receipt = office.ask("DELETE", "", context=LambdaContext(remaining_ms=0))
    assert (receipt["status"], receipt["complete"]) == ("disconnecting", False)
    assert office.view()["status"] == "disconnecting"
    office.refused(409, "organization_disconnecting", "PUT", "", office.wanted())
    world.drain()
    assert office.view()["status"] == "disconnected"
    again = office.ask("DELETE")
    assert (again["status"], again["complete"]) == ("disconnected", True)


def test_an_organisation_that_comes_back_finds_what_was_kept(office):
    office.add_there("ada", "Dentist")
    office.authorized("ada")
    office.person("ada").book("b1", "Booking")
    office.world.drain()
    office.ask("DELETE")
    office.world.drain()
    office.authorized("ada")
    assert office.here("ada") == ["Booking", "Dentist"]
    assert office.there("ada") == ["Booking", "Dentist"]


def test_a_draft_is_simply_gone(office):
    office.ask("PUT", "", office.wanted())
    office.enable("ada")
    assert office.ask("DELETE")["complete"] is True
    assert office.view()["status"] == "disconnected"
    assert office.staff() == {}
    assert not list(CalendarRow.scan(CalendarRow.org == office.org))
