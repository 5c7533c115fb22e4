"""What a person chooses for a connection and its calendars, and what is left when it is disconnected."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared import clock
from shared.store.calendars import CalendarStore
from shared.store.tables import ConnectionRow
from tests.handlers.people import (
    Person,
    google_times,
    person,
    rows_that_name,
    setting,
    shared_world,
    stored_bytes,
    times,
)
from tests.world import LambdaContext, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


@pytest.fixture
def bert(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


HOST = {"sub": "backend", "org": "demo", "scope": "lockstep.host"}


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reminder", ["provider", None, 0, 30, 40320])
def test_a_default_reminder_that_was_chosen_is_shown_again(anna, reminder):
    connection_id, _ = anna.begin()
    changed = anna.ask("PATCH", f"/v1/connections/{connection_id}", {"default_reminder": reminder})
    assert changed["default_reminder"] == reminder
    assert anna.connection(connection_id) == changed


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"default_reminder": -1}, ["default_reminder"]),
        ({"default_reminder": 40321}, ["default_reminder"]),
        ({"default_reminder": True}, ["default_reminder"]),
        ({"default_reminder": 10.5}, ["default_reminder"]),
        ({"default_reminder": "10"}, ["default_reminder"]),
        ({"invite_attendees": "yes"}, ["invite_attendees"]),
        ({"on_external_change": "ignore", "on_external_delete": None}, ["on_external_change", "on_external_delete"]),
        ({"privacy": ["full"]}, ["privacy"]),
        ({"status": "active", "account": "me"}, ["status", "account"]),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_nothing_is_changed(anna, members, fields):
    connection_id, _ = anna.begin()
    before = anna.connection(connection_id)
    body = {"privacy": "busy_only", **members}
    assert anna.refused(422, "invalid_request", "PATCH", f"/v1/connections/{connection_id}", body) == fields
    assert anna.connection(connection_id) == before


def test_every_rule_that_a_person_may_choose_is_kept(anna):
    connection_id, _ = anna.begin()
    chosen = {
        "invite_attendees": True,
        "on_external_change": "restore",
        "on_external_delete": "restore",
        "privacy": "busy_only",
    }
    assert anna.ask("PATCH", f"/v1/connections/{connection_id}", chosen).items() >= chosen.items()


def test_a_test_booking_arrives_in_the_calendar_with_the_reminder_that_was_chosen(anna):
    connection_id = anna.connect()
    anna.ask("PATCH", f"/v1/connections/{connection_id}", {"default_reminder": 25})
    event = anna.ask("POST", f"/v1/connections/{connection_id}/test-event")
    anna.world.drain()
    (item,) = anna.world.there(anna.account)
    assert item["summary"] == event["title"] == "Test booking"
    assert item["reminders"] == {"useDefault": False, "overrides": [{"method": "popup", "minutes": 25}]}
    assert anna.api("DELETE", f"/v1/events/{event['id']}")[0] == 204
    anna.world.drain()
    assert anna.there() == []


def test_a_backend_looks_after_a_connection_of_its_own_organisation_only(anna):
    connection_id = anna.connect()
    path = f"/v1/connections/{connection_id}"
    assert anna.ask("GET", path, claims=HOST)["user_id"] == anna.user
    assert anna.ask("PATCH", path, {"privacy": "full", "user_id": anna.user}, claims=HOST)["id"] == connection_id
    assert anna.api("POST", f"{path}/sync", claims=HOST)[0] == 202
    anna.refused(404, "not_found", "GET", path, claims={**HOST, "org": "another"})
    found = anna.ask("GET", f"/v1/connections?user_id={anna.user}", claims=HOST)["items"]
    assert [one["id"] for one in found] == [connection_id]
    assert anna.refused(422, "invalid_request", "GET", "/v1/connections", claims=HOST) == ["user_id"]


def test_an_admin_who_is_not_the_backend_does_not_see_other_peoples_connections(anna, bert):
    connection_id, _ = anna.begin()
    claims = {"sub": bert.user, "org": "demo", "roles": ["admin"]}
    anna.refused(404, "not_found", "GET", f"/v1/connections/{connection_id}", claims=claims)


# --- calendars -----------------------------------------------------------------------------------------------------


def with_two_calendars(person: Person, **second: object) -> tuple[str, dict[str, dict[str, object]]]:
    person.world.control("POST", f"accounts/{person.account}/calendars", {"summary": "Second", **second})
    connection_id = person.connect()
    items = person.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"]
    return connection_id, {item["name"]: item for item in items}


def test_choosing_another_main_calendar_takes_it_from_the_first_and_moves_the_bookings(anna):
    _, calendars = with_two_calendars(anna, id=f"second-{anna.account}")
    anna.book("b1")
    anna.world.drain()
    second = calendars["Second"]
    assert (second["main"], second["sync"]) == (False, False)
    chosen = anna.ask("PATCH", f"/v1/calendars/{second['id']}", {"main": True})
    assert (chosen["main"], chosen["sync"]) == (True, True)
    anna.world.drain()
    shown = anna.ask("GET", f"/v1/connections/{chosen['connection_id']}/calendars")["items"]
    assert [(item["name"], item["main"]) for item in shown] == [("Second", True), (anna.account, False)]
    assert anna.there() == []
    assert [item["summary"] for item in anna.world.there(f"second-{anna.account}")] == ["Consultation"]


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"main": False}, 409, "main_needed"),
        ({"sync": False}, 409, "bookings_need_sync"),
        ({"sync": False, "bookings": False}, 409, "bookings_need_sync"),
        ({"sync": False, "main": True}, 409, "bookings_need_sync"),
        ({"sync": "no"}, 422, "invalid_request"),
        ({"colour": "red"}, 422, "invalid_request"),
    ],
)
def test_a_choice_that_would_leave_bookings_nowhere_is_refused_and_changes_nothing(anna, members, status, code):
    connection_id = anna.connect()
    before = anna.main_calendar(connection_id)
    anna.refused(status, code, "PATCH", f"/v1/calendars/{before['id']}", members)
    assert anna.main_calendar(connection_id) == before


def test_bookings_cannot_go_to_a_calendar_that_the_person_may_only_read(anna):
    _, calendars = with_two_calendars(anna, role="reader")
    for flag in ("main", "bookings"):
        path = f"/v1/calendars/{calendars['Second']['id']}"
        anna.refused(409, "read_only_calendar", "PATCH", path, {flag: True})


def test_a_calendar_that_is_no_longer_synced_loses_its_subscription_at_the_provider(anna):
    _, calendars = with_two_calendars(anna)
    path = f"/v1/calendars/{calendars['Second']['id']}"
    anna.ask("PATCH", path, {"sync": True})
    anna.world.drain()
    assert anna.ask("PATCH", path, {"sync": False})["push"] == "active"
    anna.world.drain()
    assert anna.ask("PATCH", path, {"busy": False})["push"] == "polling"


@pytest.mark.parametrize("calendar_id", ["nonsense", ".", "con_unknown.calendar", "x" * 3000, "~."])
def test_a_calendar_that_does_not_exist_is_unknown(anna, calendar_id):
    anna.refused(404, "not_found", "PATCH", f"/v1/calendars/{calendar_id}", {"busy": True})


def test_somebody_elses_calendar_is_unknown(anna, bert):
    calendar = anna.main_calendar(anna.connect())
    bert.refused(404, "not_found", "PATCH", f"/v1/calendars/{calendar['id']}", {"busy": False})


def test_a_calendar_says_whose_it_is_and_why_it_is_polled(anna):
    for role in ("reader", "writer", "owner"):
        anna.world.control("POST", f"accounts/{anna.account}/calendars", {"summary": role, "role": role})
    connection_id = anna.connect()
    items = {item["name"]: item for item in anna.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"]}
    assert {name: (item["kind"], item["primary"], item["access"]) for name, item in items.items()} == {
        anna.account: ("default", True, "owner"),
        "reader": ("shared", False, "reader"),
        "writer": ("shared", False, "writer"),
        "owner": ("own", False, "owner"),
    }
    assert items[anna.account]["push_reason"] is None
    assert items["reader"]["push_reason"]["code"] == "not_synced"
    chosen = anna.ask("PATCH", f"/v1/calendars/{items['owner']['id']}", {"sync": True})
    assert (chosen["push"], chosen["push_reason"]["code"]) == ("polling", "not_subscribed")
    with setting("PUSH_URL", ""):
        anna.world.bind_again()
        unreachable = anna.ask("PATCH", f"/v1/calendars/{chosen['id']}", {"sync": True})
    anna.world.bind_again()
    assert unreachable["push_reason"]["code"] == "no_push_address"
    CalendarStore().change(chosen["id"], lambda found: dataclasses.replace(found, watchable=False))
    refused = anna.ask("PATCH", f"/v1/calendars/{chosen['id']}", {"sync": True})
    assert refused["push_reason"]["code"] == "not_watchable"


def test_a_calendar_that_busy_time_is_read_from_is_kept_in_step(anna):
    _, calendars = with_two_calendars(anna)
    path = f"/v1/calendars/{calendars['Second']['id']}"
    assert anna.ask("PATCH", path, {"busy": True})["sync"] is True
    anna.refused(409, "busy_needs_sync", "PATCH", path, {"busy": True, "sync": False})


def test_bookings_do_not_move_to_an_account_that_has_to_be_signed_in_again(anna):
    connection_id, calendars = with_two_calendars(anna)
    anna.book("b1")
    anna.world.drain()
    ConnectionRow(connection_id).update(actions=[ConnectionRow.status.set("reconnect_required")])
    for flag in ("main", "bookings"):
        path = f"/v1/calendars/{calendars['Second']['id']}"
        anna.refused(409, "not_active", "PATCH", path, {flag: True})
    assert anna.main_calendar(connection_id)["name"] == anna.account


# --- help ----------------------------------------------------------------------------------------------------------


def test_the_page_learns_where_people_find_help_and_nothing_that_was_not_set(anna):
    assert anna.ask("GET", "/v1/integrations")["help"] == {
        "url": "https://help.example.com/",
        "address": None,
        "content": None,
    }
    with setting("HELP_ADDRESS", "help@example.com"):
        anna.world.bind_again()
        assert anna.ask("GET", "/v1/integrations")["help"]["address"] == "help@example.com"
    anna.world.bind_again()


# --- disconnecting -------------------------------------------------------------------------------------------------


def with_one_of_each(person: Person) -> str:
    connection_id = person.connect()
    person.book("b1", "Booking")
    person.add_there("Dentist")
    person.world.drain()
    assert (person.here(), person.there()) == (["Booking", "Dentist"], ["Booking", "Dentist"])
    return connection_id


@pytest.mark.parametrize(
    ("imported", "exported", "here", "there"),
    [
        ("keep", "keep", ["Booking", "Dentist"], ["Booking", "Dentist"]),
        ("delete", "keep", ["Booking"], ["Booking", "Dentist"]),
        ("keep", "delete", ["Booking", "Dentist"], ["Dentist"]),
        ("delete", "delete", ["Booking"], ["Dentist"]),
    ],
)
def test_disconnecting_deletes_what_was_chosen_on_each_side_and_nothing_else(anna, imported, exported, here, there):
    connection_id = with_one_of_each(anna)
    preview = anna.ask("GET", f"/v1/connections/{connection_id}/disconnect-preview")
    assert preview == {"imported": 1, "imported_future": 1, "exported": 1, "exported_future": 1}
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}?imported={imported}&exported={exported}")
    assert (anna.here(), anna.there()) == (here, there)
    assert (receipt["status"], receipt["revoked"], receipt["complete"], receipt["notes"]) == (
        "disconnected",
        True,
        True,
        [],
    )
    assert (receipt["subscriptions_stopped"], receipt["links_erased"]) == (1, 2)
    assert receipt["events_deleted_here"] == (imported == "delete")
    assert receipt["events_deleted_there"] == (exported == "delete")


def test_a_preview_tells_past_from_future_and_counts_as_the_receipt_will(anna):
    connection_id, calendars = with_two_calendars(anna)
    anna.ask("PATCH", f"/v1/calendars/{calendars['Second']['id']}", {"bookings": True})
    recent, soon = (clock.now() + timedelta(days=days) for days in (-3, 3))
    for name, day in (("past", recent), ("future", soon)):
        when = times(f"{day:%Y-%m-%dT09:00:00}", f"{day:%Y-%m-%dT10:00:00}")
        anna.ask("PUT", f"/v1/events/{name}", {"title": name, **when})
    endless = {"title": "endless", **times("2026-03-02T09:00:00", "2026-03-02T10:00:00")}
    anna.ask("PUT", "/v1/events/endless", {**endless, "recurrence": ["RRULE:FREQ=WEEKLY"]})
    for day in (recent, soon):
        when = google_times(f"{day:%Y-%m-%dT12:00:00}", f"{day:%Y-%m-%dT13:00:00}")
        anna.world.add_there(anna.account, summary="Lunch", **when)
    anna.world.drain()
    anna.book("gone", day=9)
    anna.world.drain()
    anna.api("DELETE", "/v1/events/gone")
    anna.fault("events.insert", "refuse", times=2, status=400, reason="invalid", message="No.")
    anna.book("refused", day=10)
    anna.world.drain()
    preview = anna.ask("GET", f"/v1/connections/{connection_id}/disconnect-preview")
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}?imported=delete&exported=delete")
    assert preview == {"imported": 2, "imported_future": 1, "exported": 6, "exported_future": 4}
    assert (receipt["events_deleted_here"], receipt["events_deleted_there"]) == (2, 6)
    assert receipt["events_not_deleted_there"] == 0


def test_after_disconnecting_no_table_holds_a_token_a_link_a_cursor_or_a_subscription(anna):
    connection_id = with_one_of_each(anna)
    stored_before = rows_that_name(connection_id)
    assert {"connections_table", "calendars_table", "links_table"} <= set(stored_before)
    grant = ConnectionRow.get(connection_id).grant
    anna.book("b2", "Not written any more", day=5)
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}")
    anna.world.drain()

    left = rows_that_name(connection_id)
    assert set(left) <= {"connections_table", "deliveries_table", "events_table", "history_table"}
    (row,) = left["connections_table"]
    assert {
        "grant",
        "flow",
        "state_digest",
        "confirmation_digest",
        "account_id",
        "account_name",
        "account_key",
    }.isdisjoint(row)
    assert grant not in stored_bytes()
    assert not [row for row in left.get("deliveries_table", []) if anna.account in str(row)]
    assert anna.account.encode() not in stored_bytes()
    connection = anna.connection(connection_id)
    assert (connection["status"], connection["account"]) == ("disconnected", None)
    assert connection["receipt"] == {name: value for name, value in receipt.items() if name not in ("id", "status")}
    assert anna.notices()[-1] == "connection.disconnected"


def test_disconnecting_twice_shows_the_same_receipt_and_tells_the_host_once(anna):
    connection_id = anna.connect()
    path = f"/v1/connections/{connection_id}"
    assert anna.ask("DELETE", path) == anna.ask("DELETE", f"{path}?imported=delete")
    anna.world.drain()
    assert anna.notices().count("connection.disconnected") == 1
    anna.refused(409, "not_active", "POST", f"{path}/sync")


def test_a_choice_that_is_none_disconnects_nothing(anna):
    connection_id = anna.connect()
    path = f"/v1/connections/{connection_id}?imported=maybe"
    assert anna.refused(422, "invalid_request", "DELETE", path) == ["imported"]
    assert anna.connection(connection_id)["status"] == "active"


def test_a_dead_permission_is_disconnected_all_the_same_and_the_receipt_says_what_was_not_possible(anna):
    connection_id = with_one_of_each(anna)
    anna.world.control("POST", "revoke", {"email": anna.account})
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}?imported=delete&exported=delete")
    assert (receipt["status"], receipt["complete"], receipt["revoked"]) == ("disconnected", True, False)
    assert (receipt["subscriptions_not_stopped"], receipt["events_not_deleted_there"]) == (1, 1)
    assert len(receipt["notes"]) == 1
    assert "security page" in receipt["notes"][0]
    anna.world.drain()
    assert set(rows_that_name(connection_id)) <= {"connections_table", "deliveries_table"}


def test_a_permission_that_cannot_be_read_is_disconnected_all_the_same(anna):
    connection_id = anna.connect()
    ConnectionRow(connection_id).update(actions=[ConnectionRow.grant.set(b"damaged")])
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}")
    assert (receipt["status"], receipt["complete"], receipt["revoked"]) == ("disconnected", True, False)
    assert len(receipt["notes"]) == 1
    assert "Another connection" not in receipt["notes"][0]


def test_the_permission_of_somebody_elses_connection_to_the_same_account_is_left_alone(anna, bert):
    mine = anna.connect()
    theirs = dataclasses.replace(bert, account=anna.account).connect()
    receipt = anna.ask("DELETE", f"/v1/connections/{mine}")
    assert receipt["revoked"] is False
    assert receipt["notes"] == ["Another connection uses the same account, so its permission was left as it is."]
    anna.add_there("Still told of")
    anna.world.drain()
    assert (bert.here(), bert.connection(theirs)["status"]) == (["Still told of"], "active")
    assert bert.ask("DELETE", f"/v1/connections/{theirs}")["revoked"] is True


def test_a_long_disconnection_goes_on_by_itself_and_the_receipt_waits_for_it(anna):
    connection_id = with_one_of_each(anna)
    short = LambdaContext(remaining_ms=1_000)
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}", context=short)
    assert (receipt["status"], receipt["complete"], receipt["revoked"]) == ("disconnecting", False, None)
    anna.add_there("After it was asked for", day=9)
    anna.world.drain()
    after = anna.connection(connection_id)
    assert (after["status"], after["receipt"]["complete"], after["receipt"]["revoked"]) == ("disconnected", True, True)
    assert anna.here() == ["Booking", "Dentist"]


def test_what_was_kept_is_found_again_by_the_next_connection_and_not_doubled(anna):
    connection_id = with_one_of_each(anna)
    anna.ask("DELETE", f"/v1/connections/{connection_id}")
    anna.world.drain()
    assert anna.connect() != connection_id
    assert (anna.here(), anna.there()) == (["Booking", "Dentist"], ["Booking", "Dentist"])
