"""Connecting an account: what a forged, doubled, late or unwilling sign-in leads to, and what is stored of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import boto3
import botocore.session
import pytest

from shared.clock import now
from shared.store.connections import ConnectionStore
from shared.store.secrets import CACHE_USES, GrantUnreadable, GrantVault
from shared.store.tables import ConnectionRow
from tests.handlers.people import (
    Person,
    captured_log,
    everything,
    lines,
    person,
    rows,
    rows_that_name,
    secrets_of,
    shared_world,
    stored_bytes,
)
from tests.world import PAGE, World

CALENDARS_SCOPE = "calendar.calendarlist.readonly"


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


def shown(answer: dict[str, object], status: int, code: str) -> None:
    """A page of the callback's own: the code and a way to get help, and nothing that came in."""
    assert answer["statusCode"] == status
    assert answer["headers"]["cache-control"] == "no-store"
    assert f"<code>{code}</code>" in answer["body"]
    assert 'href="https://help.example.com/' in answer["body"]
    assert "location" not in answer["headers"]


def put_off(connection_id: str, by: timedelta) -> None:
    """As if the connection had been begun that much earlier."""
    row = ConnectionRow.get(connection_id)
    late = (now() - by).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row.update(actions=[ConnectionRow.due_at.set(late)])


# --- the way back --------------------------------------------------------------------------------------------------


def test_a_person_who_consents_and_confirms_is_connected(anna):
    connection_id, url = anna.begin()
    query, confirmation = anna.come_back(url)
    assert query == {"connection_id": connection_id, "status": "confirm"}
    assert anna.connection(connection_id)["status"] == "pending"
    active = anna.ask("POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation})
    assert (active["status"], active["account"]) == ("active", anna.account)
    assert anna.notices() == ["connection.active"]


@pytest.mark.parametrize(
    "state",
    ["", ".", ".x", "x", "con_unknown.1.2.3", "a" * 5000, "con_\u00e4.\u20ac"],
    ids=["none", "dots", "no id", "no parts", "unknown", "very long", "not ascii"],
)
def test_a_state_that_is_none_of_ours_leads_to_a_page_and_stores_nothing(world, state):
    before = everything()
    with captured_log() as log:
        shown(world.callback({"state": state, "code": "4/forged"}), 400, "state_invalid")
    assert everything() == before
    assert [line["reason"] for line in lines(log, "callback refused")] == ["state_invalid"]


def test_a_state_is_looked_for_under_no_key_that_the_database_would_refuse(world, monkeypatch):
    asked = []
    monkeypatch.setattr(ConnectionRow, "get", classmethod(lambda *a, **_: asked.append(a) or 1 / 0))
    for state in (".x", "a" * 5000):
        shown(world.callback({"state": state, "code": "c"}), 400, "state_invalid")
    assert asked == []


@pytest.mark.parametrize("change", ["mac", "expiry", "nonce", "other connection"])
def test_a_state_that_was_tampered_with_is_refused_and_the_genuine_one_still_works(anna, change):
    _connection_id, url = anna.begin()
    other, _ = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    parts = query["state"].split(".")
    at = {"other connection": 0, "expiry": 1, "nonce": 2, "mac": 3}[change]
    parts[at] = other if at == 0 else str(int(parts[1]) + 900) if at == 1 else parts[at][:-2] + "xx"
    shown(anna.world.callback({**query, "state": ".".join(parts)}), 400, "state_invalid")
    assert anna.world.callback(query)["statusCode"] == 302


def test_a_state_works_once(anna):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    assert anna.world.callback(query)["statusCode"] == 302
    before = everything()
    shown(anna.world.callback(query), 400, "state_used")
    assert everything() == before


def test_a_state_that_is_a_quarter_of_an_hour_old_is_refused(anna, monkeypatch):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    from functions.oauth_callback.handler import _accounts

    late = dataclasses.replace(_accounts(), clock=lambda: now() + timedelta(minutes=16))
    monkeypatch.setattr("functions.oauth_callback.handler._accounts", lambda: late)
    shown(anna.world.callback(query), 400, "state_expired")
    assert secrets_in_tables(anna.world) == []


def test_a_state_of_a_key_that_was_rotated_out_in_between_still_works(anna):
    from shared.secret_entries import forget_entries

    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    secrets = boto3.client("secretsmanager")
    secrets.put_secret_value(SecretId="state-keys", SecretString='{"current": "key-2", "previous": "state-key-1"}')
    forget_entries()
    try:
        assert anna.world.callback(query)["statusCode"] == 302
    finally:
        secrets.put_secret_value(SecretId="state-keys", SecretString='{"current": "state-key-1", "previous": ""}')
        forget_entries()


def test_a_callback_for_another_provider_is_refused_though_its_state_is_genuine(anna):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    for provider in ("microsoft", "../google", ""):
        shown(anna.world.callback(query, provider=provider), 400, "state_invalid")


def test_what_came_in_is_not_shown_on_the_page(world):
    answer = world.callback({"state": "<script>alert(1)</script>", "error": "<b>x</b>"})
    assert "<script>" not in answer["body"]
    assert "<b>" not in answer["body"]


# --- a consent that does not come about ----------------------------------------------------------------------------


def secrets_in_tables(world: World) -> list[str]:
    stored = stored_bytes()
    return [secret for secret in secrets_of(world) if secret.encode() in stored]


def only_a_reason_is_left_until_it_lapses(anna, code):
    """The person who tried can read why for a quarter of an hour; then even that is gone."""
    assert secrets_in_tables(anna.world) == []
    (left,) = anna.api("GET", "/v1/connections")[1]["items"]
    assert (left["status"], left["account"], [reason["code"] for reason in left["reasons"]]) == (
        "pending",
        None,
        [code],
    )
    assert anna.world.api("GET", f"/v1/connections/{left['id']}", user="somebody else")[0] == 404
    assert anna.api("GET", "/v1/integrations")[1]["items"][0]["connections"] == []
    put_off(left["id"], timedelta(seconds=1))
    anna.world.tick()
    assert rows_that_name(anna.user) == {}


def test_a_person_who_says_no_is_led_back_with_a_code_and_only_the_reason_is_left(anna):
    _, url = anna.begin()
    query, confirmation = anna.come_back(url, allow=False)
    assert (query["status"], query["code"], confirmation) == ("error", "consent_denied", "")
    only_a_reason_is_left_until_it_lapses(anna, "consent_denied")


@pytest.mark.parametrize("scope", [CALENDARS_SCOPE, "calendar.events"])
def test_a_person_who_takes_a_tick_off_is_told_and_no_permission_is_left_behind(anna, scope):
    _, url = anna.begin()
    query, confirmation = anna.come_back(url, leave_out=scope)
    assert (query["status"], query["code"], confirmation) == ("error", "scope_missing", "")
    only_a_reason_is_left_until_it_lapses(anna, "scope_missing")
    assert [grant["email"] for grant in anna.world.control("GET", "grants")["grants"]].count(anna.account) == 0


def test_a_code_that_the_provider_does_not_take_leaves_nothing(anna):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    answer = anna.world.callback({**query, "code": "4/0forged"})
    assert dict(parse_qsl(urlsplit(answer["headers"]["location"]).query))["code"] == "code_refused"
    only_a_reason_is_left_until_it_lapses(anna, "code_refused")


def test_an_administrator_who_comes_back_from_the_consent_page_is_thanked_and_nothing_depends_on_it(anna):
    answer = anna.world.callback({"admin_consent": "True", "tenant": "x", "state": "admin"}, provider="microsoft")
    assert answer["statusCode"] == 200
    assert "can connect their calendars now" in answer["body"]
    refused = {"admin_consent": "True", "error": "access_denied", "error_description": "<b>", "state": "admin"}
    answer = anna.world.callback(refused, provider="microsoft")
    assert "once more" in answer["body"]
    assert "<b>" not in answer["body"]
    assert anna.world.callback({"admin_consent": "True", "state": "admin"}, provider="google")["statusCode"] == 400
    assert rows_that_name(anna.user) == {}


def test_a_provider_in_trouble_leads_to_a_page_that_says_so(anna):
    _, url = anna.begin()
    query = anna.world.consent(url, account=anna.account)
    anna.fault("oauth.token", "server_error")
    answer = anna.world.callback(query)
    assert answer["statusCode"] == 503
    assert 'href="https://help.example.com/' in answer["body"]
    assert secrets_in_tables(anna.world) == []


# --- where people are sent back to ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example.com/",
        "http://localhost:8400@evil.example.com/",
        "http://user:pw@localhost:8400/",
        "http://localhost:8400\\@evil.example.com/",
        "http://localhost:8401/",
        "http://localhost/",
        "https://localhost:8400/",
        "http://localhost.:8400/",
        "http://localhost:8400.evil.example.com/",
        "javascript:alert(1)//http://localhost:8400/",
        "data:text/html,x",
        "//localhost:8400/",
        "/page",
        "",
        "http://localhost:8400\uff0fevil/",
        "http://\uff4cocalhost:8400/",
        "http://localhost:8400/\ud800",
        "http://localhost:8400/\u00fc",
        "http://localhost:8400/\r\nset-cookie: a=b",
        "http://local\thost:8400/",
        "http://[::1/",
        "http://localhost:8400/" + "x" * 3000,
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_on_an_allowed_origin(anna, return_to):
    body = {"provider": "google", "return_to": return_to}
    assert anna.refused(422, "return_to_not_allowed", "POST", "/v1/connections", body) == ["return_to"]
    assert rows_that_name(anna.user) == {}


def test_the_pages_own_query_comes_back_with_the_person(anna):
    _, url = anna.begin(return_to=f"{PAGE}settings?tab=calendars&empty=#old")
    query, confirmation = anna.come_back(url)
    assert query["tab"] == "calendars"
    assert confirmation


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"provider": "yahoo"}, "provider"),
        ({"provider": "../google"}, "provider"),
        ({"provider": None}, "provider"),
        ({"return_to": 5}, "return_to"),
        ({"redirect": "x"}, "redirect"),
        ({"login_hint": "half \ud800"}, "login_hint"),
        ({"login_hint": "x" * 5000}, "login_hint"),
    ],
)
def test_a_sign_in_is_not_begun_with_a_member_that_is_wrong(anna, members, field):
    body = {"provider": "google", "return_to": PAGE, **members}
    assert anna.refused(422, "invalid_request", "POST", "/v1/connections", body) == [field]
    assert rows_that_name(anna.user) == {}


def test_the_expected_account_is_named_to_the_provider(anna):
    _, url = anna.begin(login_hint="someone@example.com")
    assert dict(parse_qsl(urlsplit(url).query))["login_hint"] == "someone@example.com"


# --- confirming ----------------------------------------------------------------------------------------------------


def test_a_link_that_was_sent_to_somebody_else_connects_nothing(anna, bert):
    connection_id, url = anna.begin()
    _, confirmation = anna.come_back(url)
    path, body = f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation}
    bert.refused(404, "not_found", "POST", path, body)
    assert anna.connection(connection_id)["status"] == "pending"
    assert anna.api("POST", path, body)[0] == 200


def test_a_wrong_confirmation_activates_nothing_and_does_not_use_up_the_right_one(anna):
    connection_id, url = anna.begin()
    _, confirmation = anna.come_back(url)
    path = f"/v1/connections/{connection_id}/confirm"
    anna.refused(403, "confirmation_wrong", "POST", path, {"confirmation": confirmation[:-1]})
    for wrong in ("", 5, None, "half \ud800"):
        assert anna.refused(422, "invalid_request", "POST", path, {"confirmation": wrong}) == ["confirmation"]
    assert anna.api("POST", path, {"confirmation": confirmation})[0] == 200


def test_a_confirmation_works_once(anna):
    connection_id, url = anna.begin()
    _, confirmation = anna.come_back(url)
    path, body = f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation}
    anna.ask("POST", path, body)
    anna.refused(409, "not_awaiting_confirmation", "POST", path, body)
    assert anna.notices() == ["connection.active"]


def test_a_connection_cannot_be_confirmed_before_the_person_came_back(anna):
    connection_id, _ = anna.begin()
    anna.refused(
        409, "not_awaiting_confirmation", "POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": "x"}
    )


def test_a_consent_that_nobody_confirms_in_time_is_given_back_and_forgotten(anna):
    connection_id, url = anna.begin()
    _, confirmation = anna.come_back(url)
    put_off(connection_id, timedelta(seconds=1))
    path = f"/v1/connections/{connection_id}/confirm"
    anna.refused(409, "confirmation_expired", "POST", path, {"confirmation": confirmation})
    assert anna.world.tick()["abandoned"] == 1
    assert rows_that_name(anna.user) == {}
    assert [grant["email"] for grant in anna.world.control("GET", "grants")["grants"]].count(anna.account) == 0


def test_giving_a_sign_in_up_says_what_became_of_the_permission(anna):
    connection_id, url = anna.begin()
    anna.come_back(url)
    receipt = anna.ask("DELETE", f"/v1/connections/{connection_id}")
    assert (receipt["status"], receipt["revoked"], receipt["complete"]) == ("disconnected", True, True)
    assert rows_that_name(anna.user) == {}


def test_a_sign_in_whose_grant_cannot_be_read_is_forgotten_all_the_same(anna):
    connection_id, url = anna.begin()
    anna.come_back(url)
    ConnectionRow(connection_id).update(actions=[ConnectionRow.grant.set(b"damaged")])
    put_off(connection_id, timedelta(seconds=1))
    assert anna.world.tick()["abandoned"] == 1
    assert rows_that_name(anna.user) == {}


# --- the same account twice ----------------------------------------------------------------------------------------


def test_two_tabs_that_connect_the_same_account_end_up_with_one_connection(anna):
    (first, url_1), (second, url_2) = anna.begin(), anna.begin()
    _, confirmation_1 = anna.come_back(url_1)
    _, confirmation_2 = anna.come_back(url_2)
    one = anna.ask("POST", f"/v1/connections/{first}/confirm", {"confirmation": confirmation_1})
    two = anna.ask("POST", f"/v1/connections/{second}/confirm", {"confirmation": confirmation_2})
    assert one["id"] == two["id"]
    assert [(item["id"], item["status"]) for item in anna.ask("GET", "/v1/connections")["items"]] == [
        (one["id"], "active")
    ]
    assert set(rows_that_name(second)) <= {"deliveries_table"}
    anna.world.drain()
    assert len(anna.ask("GET", f"/v1/connections/{one['id']}/calendars")["items"]) == 1


def test_connecting_again_heals_the_connection_that_the_person_has_and_keeps_its_settings(anna):
    connection_id = anna.connect()
    anna.ask("PATCH", f"/v1/connections/{connection_id}", {"default_reminder": 45})
    anna.book("b1")
    anna.world.drain()
    anna.world.control("POST", "revoke", {"email": anna.account})
    anna.ask("POST", f"/v1/connections/{connection_id}/sync")
    anna.world.drain()
    assert anna.connection(connection_id)["status"] == "reconnect_required"
    anna.refused(409, "not_active", "POST", f"/v1/connections/{connection_id}/sync")
    anna.book("b2", day=3)

    assert anna.connect() == connection_id
    healed = anna.connection(connection_id)
    assert (healed["status"], healed["reasons"], healed["default_reminder"]) == ("active", [], 45)
    assert len(anna.there()) == 2


def test_a_second_account_becomes_a_second_connection(anna):
    first = anna.connect()
    anna.world.google.add_account(f"second.{anna.account}", "Second", time_zone="UTC")
    second = dataclasses.replace(anna, account=f"second.{anna.account}").connect()
    assert first != second
    provider, _ = anna.ask("GET", "/v1/integrations")["items"]
    assert {one["id"]: one["account"] for one in provider["connections"]} == {
        first: anna.account,
        second: f"second.{anna.account}",
    }


# --- who may see it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("GET", "", None), ("PATCH", "", {"privacy": "full"}), ("DELETE", "", None), ("POST", "/sync", None),
     ("POST", "/test-event", None), ("GET", "/calendars", None), ("GET", "/disconnect-preview", None),
     ("POST", "/confirm", {"confirmation": "x"})],
)  # fmt: skip
def test_somebody_elses_connection_is_answered_exactly_as_one_that_does_not_exist(anna, bert, method, suffix, body):
    connection_id, _ = anna.begin()
    theirs = bert.raw(method, f"/v1/connections/{connection_id}{suffix}", body)
    assert theirs["statusCode"] == 404
    assert theirs == bert.raw(method, f"/v1/connections/con_unknown{suffix}", body)
    assert theirs == bert.raw(method, f"/v1/connections/{'x' * 3000}{suffix}", body)
    assert anna.connection(connection_id)["status"] == "pending"


def test_a_pending_connection_is_not_drawn_among_the_integrations(anna):
    anna.begin()
    provider, _ = anna.ask("GET", "/v1/integrations")["items"]
    assert (provider["provider"], provider["connections"]) == ("google", [])
    assert [one["status"] for one in anna.ask("GET", "/v1/connections")["items"]] == ["pending"]


# --- what is stored of it ------------------------------------------------------------------------------------------


def test_no_token_stands_in_a_table_a_message_or_a_log_line(anna, monkeypatch):
    from moto.sqs.models import SQSBackend

    sent: list[str] = []
    send = SQSBackend.send_message
    monkeypatch.setattr(SQSBackend, "send_message", lambda *a, **k: sent.append(repr((a, k))) or send(*a, **k))
    with captured_log() as log:
        connection_id, url = anna.begin()
        _query, confirmation = anna.come_back(url)
        anna.ask("POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation})
        anna.world.control("POST", "expire_tokens", {"email": anna.account})
        anna.world.drain()
        anna.book("b1")
        anna.world.control("POST", "revoke", {"email": anna.account})
        anna.world.drain()
        anna.ask("DELETE", f"/v1/connections/{connection_id}")
        anna.world.drain()
    secrets = [*secrets_of(anna.world), confirmation]
    assert len(secrets) > 5
    assert len(sent) > 5
    verifier = dict(parse_qsl(urlsplit(url).query))
    assert verifier["code_challenge_method"] == "S256"
    stored = stored_bytes()
    for secret in secrets:
        assert secret.encode() not in stored, "a table holds a secret"
        assert not [message for message in sent if secret in message], "a message holds a secret"
        assert secret not in log.getvalue(), "a log line holds a secret"
    assert anna.account not in log.getvalue()


def test_a_grant_that_was_moved_to_another_connections_row_does_not_open(anna, bert):
    mine, theirs = anna.connect(), bert.connect()
    ConnectionRow(mine).update(actions=[ConnectionRow.grant.set(ConnectionRow.get(theirs).grant)])
    anna.ask("POST", f"/v1/connections/{mine}/sync")
    bert.add_there("Bert's secret")
    anna.world.drain()
    broken = anna.connection(mine)
    assert (broken["status"], broken["reasons"][0]["code"]) == ("reconnect_required", "grant_unreadable")
    assert anna.here() == []


@pytest.mark.parametrize("at", [0, 40, 200, -1], ids=["format", "header", "data key", "tag"])
def test_a_grant_of_which_one_byte_was_changed_does_not_open(world, at):
    vault = GrantVault(world_key())
    sealed = bytearray(vault.seal("con_a", b"refresh-token" * 20))
    sealed[at] ^= 1
    with pytest.raises(GrantUnreadable):
        GrantVault(world_key()).open("con_a", bytes(sealed))


def test_a_grant_opens_under_its_own_connection_and_no_other(world):
    vault = GrantVault(world_key())
    sealed = vault.seal("con_a", b"secret")
    assert b"secret" not in sealed
    assert vault.open("con_a", sealed) == b"secret"
    for cold_or_warm in (vault, GrantVault(world_key())):
        with pytest.raises(GrantUnreadable):
            cold_or_warm.open("con_b", sealed)


@pytest.mark.parametrize("code", ["ThrottlingException", "KMSInternalException", "AccessDeniedException"])
def test_a_key_service_that_refuses_does_not_make_people_sign_in_again(anna, monkeypatch, code):
    from functions.sync_worker.handler import _house

    connection_id = anna.connect()
    session = botocore.session.Session()
    refusal = SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": "Not now."}}
    session.register("before-call.kms.Decrypt", lambda **_: refusal)
    with monkeypatch.context() as patch:
        patch.setattr(_house().store.connections, "_vault", GrantVault(world_key(), session))
        anna.add_there("Dentist")
        anna.world.deliver_pushes()
        anna.world.work()
        assert (anna.connection(connection_id)["status"], anna.here()) == ("active", [])
    anna.world.drain()
    assert anna.here() == ["Dentist"]


def test_a_key_that_seals_is_asked_for_once_per_connection_and_not_for_ever(world):
    session, calls = botocore.session.Session(), []
    vault = GrantVault(world_key(), session)
    session.register("before-parameter-build.kms", lambda model, **_: calls.append(model.name))
    for connection_id in ("con_a", "con_b"):
        for _ in range(CACHE_USES):
            vault.seal(connection_id, b"secret")
    assert calls == ["GenerateDataKey"] * 2
    vault.seal("con_a", b"secret")
    assert len(calls) == 3, "a data key seals a bounded number of times"


def test_a_warm_function_opens_the_same_grant_again_without_asking(world):
    sealed = GrantVault(world_key()).seal("con_a", b"secret")
    session, calls = botocore.session.Session(), []
    session.register("before-parameter-build.kms", lambda model, **_: calls.append(model.name))
    vault = GrantVault(world_key(), session)
    for _ in range(50):
        vault.open("con_a", sealed)
    assert calls == ["Decrypt"]


def test_many_connections_do_not_let_the_cache_of_keys_grow_without_bound(world, monkeypatch):
    monkeypatch.setattr("shared.store.secrets.CACHE_ENTRIES", 3)
    vault = GrantVault(world_key())
    for number in range(8):
        vault.seal(f"con_{number}", b"secret")
    assert len(vault._materials.cache._cache) <= 3


def world_key() -> str:
    import os

    return os.environ["GRANT_KEY_ARN"]


def test_a_state_and_a_confirmation_are_stored_only_as_what_recognises_them(anna):
    connection_id, url = anna.begin()
    state = dict(parse_qsl(urlsplit(url).query))["state"]
    (row,) = [row for row in rows("connections_table") if row["id"] == connection_id]
    assert re.fullmatch("[0-9a-f]{64}", row["state_digest"])
    assert rows_that_name(state) == {}
    _, confirmation = anna.come_back(url)
    (row,) = [row for row in rows("connections_table") if row["id"] == connection_id]
    assert re.fullmatch("[0-9a-f]{64}", row["confirmation_digest"])
    assert "state_digest" not in row
    assert "flow" not in row
    assert rows_that_name(confirmation) == {}
    anna.ask("POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation})
    (row,) = [row for row in rows("connections_table") if row["id"] == connection_id]
    assert "confirmation_digest" not in row


def test_the_store_opens_a_flow_only_for_the_state_it_was_made_for(anna):
    from shared.errors import VersionConflict

    connection_id, _ = anna.begin()
    store = ConnectionStore(GrantVault(world_key()))
    with pytest.raises(VersionConflict):
        store.take_flow(connection_id, "0" * 64)
    with pytest.raises(VersionConflict):
        store.take_flow("con_unknown", "0" * 64)
