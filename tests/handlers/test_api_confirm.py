"""Confirmations that meet: one account is one connection of its owner, however they fall together; and a sign-in that
met a busy provider goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.errors import RetryLater
from shared.store.connections import ConnectionStore
from shared.store.secrets import GrantVault
from tests.handlers.people import Person, person, rows, rows_that_name, shared_world
from tests.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


def came_back(who: Person) -> tuple[str, dict[str, str]]:
    """A sign-in that only waits to be confirmed: its path, and the body that confirms it."""
    connection_id, url = who.begin()
    _, confirmation = who.come_back(url)
    return f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation}


def just_before(monkeypatch: pytest.MonkeyPatch, name: str, happens: Callable[[], None]) -> None:
    """Something happens between what a confirmation has read and what it writes, once."""
    plainly = getattr(ConnectionStore, name)

    def interrupted(self: ConnectionStore, *given: Any, **named: Any) -> Any:
        monkeypatch.setattr(ConnectionStore, name, plainly)
        happens()
        return plainly(self, *given, **named)

    monkeypatch.setattr(ConnectionStore, name, interrupted)


def live(who: Person) -> list[tuple[str, str]]:
    return [(one["id"], one["status"]) for one in who.ask("GET", "/v1/connections")["items"]]


def test_two_confirmations_of_one_account_at_the_same_instant_end_up_with_one_connection(anna, monkeypatch):
    first, second = came_back(anna), came_back(anna)
    others: list[Any] = []
    just_before(monkeypatch, "activate", lambda: others.append(anna.ask("POST", *second)))
    one = anna.ask("POST", *first)
    assert one["id"] == others[0]["id"]
    assert live(anna) == [(one["id"], "active")]
    anna.world.drain()
    anna.add_there("Dentist")
    anna.world.look()
    assert anna.here() == ["Dentist"]


def test_two_renewals_of_one_connection_at_the_same_instant_both_come_about(anna, monkeypatch):
    connection_id = anna.connect()
    first, second = came_back(anna), came_back(anna)
    just_before(monkeypatch, "renew", lambda: anna.ask("POST", *second))
    assert anna.ask("POST", *first)["id"] == connection_id
    assert live(anna) == [(connection_id, "active")]


@pytest.mark.parametrize("has_one", [False, True])
def test_a_double_click_on_confirm_activates_once_and_says_so(anna, monkeypatch, has_one):
    if has_one:
        anna.connect()
    path, body = came_back(anna)
    just_before(monkeypatch, "renew" if has_one else "activate", lambda: anna.ask("POST", path, body))
    status, problem = anna.api("POST", path, body)
    assert (status, problem["code"]) == (409, "not_awaiting_confirmation")
    assert [status for _, status in live(anna)] == ["active"]


def test_an_account_that_was_disconnected_can_be_connected_anew_and_leaves_its_place(anna):
    before = anna.connect()
    anna.ask("DELETE", f"/v1/connections/{before}")
    anna.world.drain()
    assert not [row for row in rows("connections_table") if row.get("held_by") == before]
    assert not [row for row in rows("connections_table") if row["id"] == before and "place" in row]
    after = anna.connect()
    assert after != before
    assert sorted(live(anna)) == sorted([(before, "disconnected"), (after, "active")])


def test_an_account_that_is_being_disconnected_does_not_swallow_a_new_sign_in(anna):
    before = anna.connect()
    sign_in = came_back(anna)
    receipt = anna.ask("DELETE", f"/v1/connections/{before}")
    assert receipt["status"] == "disconnected"
    after = anna.ask("POST", *sign_in)
    assert (after["id"] != before, after["status"]) == (True, "active")


def test_a_place_is_no_connection_that_anybody_could_ask_for(anna):
    connection_id = anna.connect()
    (place,) = [row["id"] for row in rows("connections_table") if row.get("held_by") == connection_id]
    anna.refused(404, "not_found", "GET", f"/v1/connections/{place}")
    anna.refused(404, "not_found", "DELETE", f"/v1/connections/{place}")
    assert anna.account not in place


# --- a busy provider -----------------------------------------------------------------------------------------------


def reached(answer: dict[str, Any]) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer["headers"]["location"]).query))


def test_a_sign_in_that_met_a_busy_provider_goes_on_when_the_page_is_reloaded_and_then_works_once(anna):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    anna.fault("oauth.token", "server_error", times=1)
    busy = anna.world.callback(query)
    assert busy["statusCode"] == 503
    assert "reload this page" in busy["body"]
    assert reached(anna.world.callback(query))["status"] == "confirm"
    used = anna.world.callback(query)
    assert (used["statusCode"], "state_used" in used["body"]) == (400, True)


def test_a_sign_in_that_met_a_busy_key_service_goes_on_when_the_page_is_reloaded(anna, monkeypatch):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    plainly = GrantVault.open

    def busy(self: GrantVault, *_: object) -> bytes:
        monkeypatch.setattr(GrantVault, "open", plainly)
        raise RetryLater("The key service asks for a pause.", delay=10)

    monkeypatch.setattr(GrantVault, "open", busy)
    assert anna.world.callback(query)["statusCode"] == 503
    assert reached(anna.world.callback(query))["status"] == "confirm"


def test_a_sign_in_that_was_given_up_while_the_provider_was_busy_does_not_come_back(anna, monkeypatch):
    connection_id, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    anna.fault("oauth.token", "server_error", times=1)
    plainly = ConnectionStore.put_flow_back

    def late(self: ConnectionStore, *given: Any) -> None:
        anna.ask("DELETE", f"/v1/connections/{connection_id}")
        plainly(self, *given)

    monkeypatch.setattr(ConnectionStore, "put_flow_back", late)
    assert anna.world.callback(query)["statusCode"] == 503
    assert rows_that_name(connection_id) == {}


def test_a_callback_for_a_provider_that_does_not_exist_leads_to_a_page(world):
    for query in ({"state": "x.1.y.z"}, {}):
        answer = world.callback(query, provider="nonsense")
        assert (answer["statusCode"], "state_invalid" in answer["body"]) == (400, True)
