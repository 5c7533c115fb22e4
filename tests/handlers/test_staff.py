"""The people of an organisation: what is wrong with one touches nobody else, and what is one person's is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from shared.event_storage import decode_series
from shared.model import Account
from shared.store.connections import ConnectionStore
from shared.store.secrets import GrantVault
from shared.store.tables import CalendarRow, EventRow
from shared.tenancy import same_mailbox
from tests.handlers.offices import Office, domain, forget_tokens, tenant
from tests.handlers.people import rows, rows_that_name, shared_world
from tests.world import APP_ID, REGION, LambdaContext, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def office(world: World) -> Office:
    return tenant(world, "ada", "bob")


@pytest.fixture
def workspace(world: World) -> Office:
    return domain(world, "ada", "bob")


WAYS = ("application", "delegated", "google")


@pytest.fixture(params=WAYS)
def any_office(world: World, request: pytest.FixtureRequest) -> Office:
    names = ("ada", "bob")
    return domain(world, *names) if request.param == "google" else tenant(world, *names, access=request.param)


def store() -> ConnectionStore:
    return ConnectionStore(GrantVault("unused"))


def shut_out(office: Office, name: str) -> str:
    """This person's mailbox is out of reach from now on; the reason's code."""
    address = office.address(name)
    match office.provider, office.access:
        case "google", _:
            office.control("PATCH", f"accounts/{address}", {"suspended": True})
            return "not_found"
        case _, "delegated":
            office.control("PUT", f"calendars/{address}/permissions", {"email": office.service_account, "role": "none"})
            return "no_rights"
    others = [office.address(one) for one in ("ada", "bob", "eve") if one != name]
    office.control("PATCH", f"tenants/{office.tenant_id}", {"mailboxes": {APP_ID: others}})
    return "out_of_scope"


def let_in(office: Office, name: str) -> None:
    address = office.address(name)
    match office.provider, office.access:
        case "google", _:
            office.control("PATCH", f"accounts/{address}", {"suspended": False})
        case _, "delegated":
            office.control(
                "PUT", f"calendars/{address}/permissions", {"email": office.service_account, "role": "write"}
            )
        case _:
            office.control("PATCH", f"tenants/{office.tenant_id}", {"mailboxes": {}})


# --- one person's trouble


def test_rights_that_are_removed_later_pause_that_person_and_the_others_go_on(any_office):
    office = any_office.authorized("ada", "bob")
    code = shut_out(office, "ada")
    office.add_there("ada", "Missed")
    office.add_there("bob", "Seen")
    office.look()
    ada, bob = (office.staff()[name] for name in ("ada", "bob"))
    assert (ada["status"], ada["reason"]["code"], bob["status"]) == ("paused", code, "active")
    assert ada["reason"]["sentence"]
    assert office.here("bob") == ["Seen"]
    assert (office.view()["status"], office.view()["staff"]["paused"]) == ("active", 1)
    let_in(office, "ada")
    office.much_later()
    assert office.statuses() == {"ada": "active", "bob": "active"}
    assert office.here("ada") == ["Missed"]


def test_a_mailbox_that_cannot_be_used_says_why_and_holds_up_nobody(office):
    office.control("PATCH", f"accounts/{office.address('ada')}", {"licensed": False})
    office.authorized("ada", "bob")
    office.enable("eve", "nobody-of-that-name@" + office.host)
    office.world.drain()
    staff = office.staff()
    told = {name: (one["status"], (one["reason"] or {}).get("code")) for name, one in staff.items()}
    assert told == {"ada": ("paused", "not_licensed"), "bob": ("active", None), "eve": ("paused", "not_found")}
    office.control("PATCH", f"accounts/{office.address('ada')}", {"licensed": True})
    office.ask("POST", "/check", {})
    office.world.drain()
    assert office.statuses()["ada"] == "active"


def test_somebody_who_is_paused_is_told_of_to_the_host_app_once(office):
    office.authorized("ada")
    shut_out(office, "ada")
    for _ in range(3):
        office.look()
        office.much_later()
    assert office.notices("ada").count("connection.reconnect_required") == 1


def test_busy_time_of_somebody_who_is_paused_says_that_it_may_be_wrong_and_why(office):
    office.authorized("ada")
    path = "/v1/busy?from=2027-03-02T00:00:00Z&to=2027-03-04T00:00:00Z"
    assert office.person("ada").ask("GET", path)["complete"] is True
    code = shut_out(office, "ada")
    office.look()
    busy = office.person("ada").ask("GET", path)
    assert (busy["complete"], busy["reasons"][0]["code"]) == (False, code)


def test_somebody_whom_the_pass_overlooked_is_found_by_the_next_look(office):
    office.authorized("ada")
    office.enable("bob")
    for queue in get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].queues.values():
        queue._messages.clear()
    bob = store().load(office.staff()["bob"]["connection_id"])
    store().save(replace(bob, due_at=None))
    office.much_later()
    assert office.statuses() == {"ada": "active", "bob": "active"}


def test_a_service_account_that_may_only_read_a_calendar_says_so_and_reads(world):
    office = tenant(world, "ada", access="delegated")
    permissions = {"email": office.service_account, "role": "read"}
    office.control("PUT", f"calendars/{office.address('ada')}/permissions", permissions)
    office.add_there("ada", "Dentist")
    office.authorized("ada")
    ada = office.staff()["ada"]
    assert (ada["status"], ada["reason"]["code"]) == ("active", "read_only")
    assert office.here("ada") == ["Dentist"]


# --- one mailbox, one person


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
def test_an_address_that_is_on_the_list_is_not_given_to_a_second_person(office, spelling):
    office.ask("PUT", "", office.wanted())
    office.enable("ada")
    body = {"mailbox": spelling(office.address("ada"))}
    problem = office.refused(409, "mailbox_taken", "PUT", "/staff/bob", body)
    assert "ada" in problem["detail"]
    assert office.staff().keys() == {"ada"}
    office.ask("DELETE", "/staff/ada")
    assert office.ask("PUT", "/staff/bob", body)["status"] == "waiting"


def test_an_address_moves_from_one_person_to_another_and_back(office):
    office.authorized("ada")
    office.enable("ada", office.address("bob"))
    office.enable("bob", office.address("ada"))
    office.world.drain()
    staff = office.staff()
    assert {name: one["mailbox"] for name, one in staff.items()} == {
        "ada": office.address("bob"),
        "bob": office.address("ada"),
    }
    assert office.statuses() == {"ada": "active", "bob": "active"}


def test_an_address_that_turns_out_to_be_another_mailbox_takes_the_first_ones_events_away(any_office):
    office = any_office
    office.add_there("bob", "Bob's")
    office.add_there("ada", "Ada's")
    office.ask("PUT", "", office.wanted())
    office.enable("ada", office.address("bob"))
    office.authorize()
    office.world.drain()
    office.person("ada").book("b1", "Booking")
    office.world.drain()
    assert (office.here("ada"), office.there("bob")) == (["Bob's", "Booking"], ["Bob's", "Booking"])
    office.enable("ada")
    office.world.drain()
    assert office.statuses() == {"ada": "active"}
    assert (office.here("ada"), office.there("bob")) == (["Ada's", "Booking"], ["Bob's"])
    assert office.there("ada") == ["Ada's", "Booking"]


def test_somebody_of_whom_the_provider_tells_less_from_today_is_still_the_same(office):
    """Without the permission to read the directory a person is known by the address alone."""
    office.add_there("ada", "Dentist")
    office.authorized("ada")
    roles = ["Calendars.ReadWrite", "MailboxSettings.Read"]
    office.control("PATCH", f"tenants/{office.tenant_id}", {"roles": {APP_ID: roles}})
    forget_tokens()
    office.ask("POST", "/check", {})
    office.world.drain()
    office.add_there("ada", "Later", day=5)
    office.look()
    assert office.statuses() == {"ada": "active"}
    assert office.here("ada") == ["Dentist", "Later"]
    assert "connection.disconnected" not in office.notices("ada")


@pytest.mark.parametrize(
    ("user", "body", "fields"),
    [
        ("ada", {"mailbox": "no address"}, ["mailbox"]),
        ("ada", {"mailbox": 7}, ["mailbox"]),
        ("ada", {}, ["mailbox"]),
        ("ada", {"mailbox": "ada@x.example", "enabled": "yes"}, ["enabled"]),
        ("ada", {"mailbox": "ada@x.example", "role": "admin"}, ["role"]),
        ("ada", {"mailbox": "=cmd@x.example\n"}, ["mailbox"]),
        ("ada", {"mailbox": f"{'a' * 250}@x.example"}, ["mailbox"]),
    ],
)
def test_what_is_wrong_with_a_person_is_said_by_its_name(office, user, body, fields):
    office.ask("PUT", "", office.wanted())
    problem = office.refused(422, "invalid_request", "PUT", f"/staff/{user}", body)
    assert [one["field"] for one in problem["errors"]] == fields
    assert office.staff() == {}


def test_repeating_what_was_said_of_a_person_changes_nothing(office):
    office.authorized("ada")
    before = rows("connections_table")
    office.enable("ada")
    assert rows("connections_table") == before
    assert office.world.waiting_jobs() == 0


def test_people_are_listed_page_by_page_with_what_their_ids_hold(office):
    names = [f"user {number:03} & co/ü" for number in range(53)]
    office.ask("PUT", "", office.wanted())
    for number, name in enumerate(names):
        office.enable(name, f"person{number}@{office.host}")
    assert list(office.staff()) == names
    assert office.ask("GET", "/staff")["next"]
    assert office.view()["staff"]["waiting"] == 53


# --- leaving


def traces(connection_id: str) -> dict[str, int]:
    """How many rows of each table name a connection, or a calendar of it."""
    return {table: len(found) for table, found in rows_that_name(connection_id).items()}


@pytest.mark.parametrize("way", ["remove", "disable"])
def test_one_person_leaves_and_only_what_is_theirs_is_cleaned(any_office, way):
    office = any_office
    for name in ("ada", "bob"):
        office.add_there(name, f"{name}'s")
    office.authorized("ada", "bob")
    office.person("ada").book("b1", "Booking")
    office.world.drain()
    ids = {name: one["connection_id"] for name, one in office.staff().items()}
    bob_before = traces(ids["bob"])
    if way == "remove":
        receipt = office.ask("DELETE", "/staff/ada?imported=delete&exported=delete")
        assert (receipt["complete"], receipt["revoked"]) == (True, "not_supported")
    else:
        office.ask(
            "PUT", "/staff/ada?imported=delete&exported=delete", {"mailbox": office.address("ada"), "enabled": False}
        )
    office.world.drain()
    assert (office.here("ada"), office.there("ada")) == (["Booking"], ["ada's"])
    found = rows_that_name(ids["ada"])
    assert set(found) <= {"connections_table", "deliveries_table", "history_table"}
    (row,) = [one for one in found["connections_table"] if one["id"] == ids["ada"]]
    assert not {"grant", "flow", "place", "account_id"} & set(row)
    assert ("mailbox" in row) == (way == "disable")
    assert office.statuses() == ({"bob": "active"} if way == "remove" else {"ada": "disabled", "bob": "active"})
    assert traces(ids["bob"]) == bob_before
    office.add_there("bob", "Later", day=5)
    office.look()
    assert office.here("bob") == ["Later", "bob's"]


def test_somebody_whose_removal_takes_longer_is_shown_as_leaving_until_it_is_done(office):
    office.add_there("ada", "Dentist")
    office.authorized("ada")
    receipt = office.ask("DELETE", "/staff/ada", context=LambdaContext(remaining_ms=0))
    assert receipt["status"] == "disconnecting"
    assert office.ask("GET", "/staff/ada")["status"] == "removing"
    office.world.drain()
    office.refused(404, "not_found", "GET", "/staff/ada")


def test_somebody_who_comes_back_is_in_step_again_without_doubles(any_office):
    office = any_office
    office.add_there("ada", "Dentist")
    office.authorized("ada")
    office.person("ada").book("b1", "Booking")
    office.world.drain()
    for _ in range(2):
        office.ask("DELETE", "/staff/ada")
        office.world.drain()
        office.refused(404, "not_found", "GET", "/staff/ada")
        office.enable("ada")
        office.world.drain()
    assert office.statuses() == {"ada": "active"}
    assert office.here("ada") == ["Booking", "Dentist"]
    assert office.there("ada") == ["Booking", "Dentist"]


# --- what the person sees


def test_a_person_sees_who_connected_them_and_what_they_may_choose(office):
    office.authorized("ada")
    ada = office.person("ada")
    (mine,) = [one for each in ada.ask("GET", "/v1/integrations")["items"] for one in each["connections"]]
    assert (mine["managed_by"], mine["status"]) == ("Office", "active")
    path = f"/v1/connections/{mine['id']}"
    assert ada.ask("PATCH", path, {"default_reminder": 30})["default_reminder"] == 30
    ada.refused(409, "managed_by_organization", "DELETE", path)
    ada.refused(409, "managed_by_organization", "PATCH", path, {"privacy": "busy_only"})
    assert ada.ask("PATCH", path, {"privacy": "full"})["privacy"] == "full"
    (calendar,) = [one for one in ada.ask("GET", f"{path}/calendars")["items"] if one["main"]]
    assert calendar["sync"]
    assert office.person("bob").api("GET", path)[0] == 404
    assert office.api("GET", path)[0] == 404, "an admin is not everybody"


def test_somebody_whom_the_organisation_no_longer_keeps_sees_no_dead_entry(office):
    office.authorized("ada")
    office.ask("PUT", "/staff/ada", {"mailbox": office.address("ada"), "enabled": False})
    shown = office.person("ada").ask("GET", "/v1/integrations")["items"]
    assert [one for each in shown for one in each["connections"]] == []


# --- a connection of their own


def own_google(office: Office, name: str) -> str:
    return office.person(name).connect()


def test_a_person_with_a_connection_of_their_own_keeps_it_and_nothing_is_there_twice(workspace):
    workspace.add_there("ada", "Dentist")
    own = own_google(workspace, "ada")
    workspace.authorized("ada", "bob")
    assert workspace.statuses() == {"ada": "own_connection", "bob": "active"}
    workspace.person("ada").book("b1", "Booking")
    workspace.look()
    assert workspace.here("ada") == ["Booking", "Dentist"]
    assert workspace.there("ada") == ["Booking", "Dentist"]
    assert workspace.view()["staff"]["own_connection"] == 1
    assert workspace.view()["sync"] == {"state": "done", "done": 1, "total": 1}
    workspace.person("ada").ask("DELETE", f"/v1/connections/{own}?imported=delete&exported=delete")
    workspace.world.drain()
    assert workspace.statuses() == {"ada": "active", "bob": "active"}
    assert workspace.here("ada") == ["Booking", "Dentist"]
    assert workspace.there("ada") == ["Booking", "Dentist"]


def test_an_own_connection_under_another_spelling_of_the_address_is_recognised():
    own = Account("104", "Ada@Example.com")
    assert same_mailbox(Account("ada@example.com", "ada@example.com"), {"ADA@example.com"}, own)
    assert same_mailbox(Account("104", "ada@example.com"), set(), own)
    assert not same_mailbox(Account("105", "bob@example.com"), {"bob@example.com"}, own)
    assert not same_mailbox(own, {"ada@example.com"}, None)


def test_somebody_who_signs_in_although_their_organisation_connected_them_gets_the_permission_back(workspace):
    workspace.authorized("ada")
    ada = workspace.person("ada")
    connection_id, url = ada.begin()
    _, confirmation = ada.come_back(url)
    path = f"/v1/connections/{connection_id}/confirm"
    ada.refused(409, "connected_by_organization", "POST", path, {"confirmation": confirmation})
    assert ada.api("GET", f"/v1/connections/{connection_id}")[0] == 404
    assert workspace.statuses() == {"ada": "active"}
    grants = workspace.world.control("GET", "grants")["grants"]
    assert [one for one in grants if one["email"] == ada.account and one["refresh_tokens"]] == []


def test_a_paused_person_may_sign_in_themselves_and_then_that_counts(workspace):
    workspace.authorized("ada")
    workspace.world.control("PATCH", f"accounts/{workspace.address('ada')}", {"calendar_service": False})
    workspace.look()
    assert workspace.statuses() == {"ada": "paused"}
    workspace.world.control("PATCH", f"accounts/{workspace.address('ada')}", {"calendar_service": True})
    workspace.person("ada").connect()
    workspace.much_later()
    assert workspace.statuses() == {"ada": "own_connection"}
    workspace.person("ada").book("b1", "Once")
    workspace.look()
    assert workspace.there("ada") == ["Once"]


# --- text


def withheld(office: Office) -> dict[str, object]:
    return {"visibility": "private"} if office.provider == "google" else {"sensitivity": "private"}


def stored_texts(office: Office) -> bytes:
    found = [repr(decode_series(row.series)) for row in EventRow.scan() if row.owner.startswith(f"{office.org}|")]
    return "\n".join(found).encode()


def test_private_titles_are_neither_stored_nor_shown_with_the_switch_on_or_off(any_office):
    office = any_office
    office.add_there("ada", "Open")
    office.add_there("ada", "Secret", day=3, **withheld(office))
    office.authorized("ada", show_titles=True)
    assert office.here("ada") == ["", "Open"]
    office.ask("PUT", "", office.wanted(show_titles=False))
    office.world.drain()
    assert office.here("ada") == ["", ""]
    for text in (b"Secret", b"Open"):
        assert text not in stored_texts(office)
    office.ask("PUT", "", office.wanted(show_titles=True))
    office.world.drain()
    assert office.here("ada") == ["", "Open"]
    busy = office.person("ada").ask("GET", "/v1/busy?from=2027-03-02T00:00:00Z&to=2027-03-04T00:00:00Z")
    assert (len(busy["busy"]), busy["complete"]) == (2, True)


def test_an_event_that_turns_private_loses_what_was_stored_of_it(any_office):
    office = any_office
    event = office.add_there("ada", "Checkup")
    office.authorized("ada", show_titles=True)
    assert office.here("ada") == ["Checkup"]
    office.control("PATCH", f"calendars/{office.address('ada')}/events/{event}", withheld(office))
    office.look()
    assert office.here("ada") == [""]
    assert b"Checkup" not in stored_texts(office)


def test_titles_that_are_shown_again_belong_to_everybody_and_cost_one_listing_each(office):
    for name in ("ada", "bob"):
        office.add_there(name, f"{name}'s")
    office.authorized("ada", "bob", show_titles=False)
    assert (office.here("ada"), office.here("bob")) == ([""], [""])
    office.ask("PUT", "", office.wanted(show_titles=True))
    office.world.drain()
    assert (office.here("ada"), office.here("bob")) == (["ada's"], ["bob's"])
    assert [row.checkpoint.count('"phase":"delta"') for row in CalendarRow.scan() if row.org == office.org and row.sync]


def test_somebody_enabled_before_the_switch_was_turned_gets_what_it_says_now(office):
    office.ask("PUT", "", office.wanted(show_titles=False))
    office.enable("ada")
    office.add_there("ada", "Dentist")
    office.ask("PUT", "", office.wanted(show_titles=True))
    office.authorize()
    office.world.drain()
    assert office.here("ada") == ["Dentist"]


def test_own_privacy_takes_effect_at_once(workspace):
    """Not only at the next weekly listing."""
    connection = own_google(workspace, "ada")
    workspace.add_there("ada", "Dentist")
    workspace.look()
    ada = workspace.person("ada")
    assert ada.here() == ["Dentist"]
    ada.ask("PATCH", f"/v1/connections/{connection}", {"privacy": "busy_only"})
    workspace.world.drain()
    assert ada.here() == [""]
    assert b"Dentist" not in stored_texts(workspace)
    ada.ask("PATCH", f"/v1/connections/{connection}", {"privacy": "full"})
    workspace.world.drain()
    assert ada.here() == ["Dentist"]
