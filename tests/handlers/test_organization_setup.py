"""Setting an organisation up and authorising it: who may, what is refused, and what is never believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tests.handlers.offices import BACK, Office, domain, tenant
from tests.handlers.people import captured_log, rows_that_name, shared_world, stored_bytes
from tests.world import APP_SECRET, REGION, World


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


@pytest.fixture
def delegated(world: World) -> Office:
    return tenant(world, "ada", "bob", access="delegated")


EVERY_ROUTE = [
    ("GET", "", None),
    ("PUT", "", {"tenant": "x.example", "display_name": "X", "access": "application"}),
    ("DELETE", "", None),
    ("POST", "/authorize", {"return_to": BACK}),
    ("POST", "/check", {}),
    ("GET", "/staff", None),
    ("GET", "/staff/ada", None),
    ("PUT", "/staff/ada", {"mailbox": "ada@x.example"}),
    ("DELETE", "/staff/ada", None),
    ("POST", "/staff/import", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY_ROUTE)
def test_somebody_who_is_no_admin_sees_what_is_there_as_if_it_were_not(world, office, method, path, body):
    office.ask("PUT", "", office.wanted())
    office.enable("ada")
    nobody = office.claims("ada", roles="[user]")
    mine = office.api(method, path, body, claims=nobody)
    nothing = office.api("GET", "/v1/connections/unknown", claims=nobody)
    assert mine == nothing
    assert mine[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body"), [one for one in EVERY_ROUTE if one[0] != "PUT" or "staff" in one[1]]
)
def test_another_organisations_admin_sees_what_is_there_as_if_it_were_not(world, office, method, path, body):
    office.ask("PUT", "", office.wanted())
    office.enable("ada")
    stranger = {**office.claims(), "org": f"not-{office.org}"}
    assert office.api(method, path, body, claims=stranger)[0] == 404
    assert office.staff().keys() == {"ada"}


def test_the_host_apps_backend_may_do_all_of_it_for_its_own_organisation(office):
    backend = {"sub": "backend", "org": office.org, "scope": "lockstep.host"}
    assert office.ask("PUT", "", office.wanted(), claims=backend)["status"] == "draft"
    begun = office.ask("POST", "/authorize", {"return_to": BACK, "user_id": "admin"}, claims=backend)
    query, confirmation = office.come_back(begun["authorization_url"])
    path = f"/v1/connections/{query['connection_id']}/confirm"
    office.ask("POST", path, {"confirmation": confirmation, "user_id": "admin"}, claims=backend)
    assert (office.view()["status"], office.view()["authorized_by"]) == ("active", "admin")


def test_what_the_tenants_own_metadata_says_is_filled_in(office):
    view = office.ask("PUT", "", office.wanted())
    assert view["tenant"] == office.host
    assert view["tenant_id"] == office.tenant_id
    assert view["version"]
    assert view["service_address"].startswith(office.world.microsoft.url)
    assert (view["cloud"], view["status"]) == ("worldwide", "draft")
    assert office.ask("PUT", "", office.wanted()) == view


def test_an_organisation_is_not_there_before_it_is_set_up(office):
    office.refused(404, "not_found", "GET")
    office.refused(404, "not_found", "GET", "/staff")
    assert office.api("GET", "/v1/organization/apple")[0] == 404
    assert office.api("PUT", "/v1/organization/apple", {})[0] == 404


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"tenant": ""}, ["tenant"]),
        ({"tenant": None}, ["tenant"]),
        ({"display_name": " "}, ["display_name"]),
        ({"display_name": "x" * 101}, ["display_name"]),
        ({"access": "impersonation"}, ["access"]),
        ({"access": "delegated"}, ["service_account"]),
        ({"show_titles": "yes"}, ["show_titles"]),
        ({"service_account_key": {}}, ["service_account_key"]),
        ({"password": "secret"}, ["password"]),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_by_its_name(office, change, fields):
    problem = office.refused(422, "invalid_request", "PUT", "", office.wanted(**change))
    assert [one["field"] for one in problem["errors"]] == fields
    office.refused(404, "not_found", "GET")


@pytest.mark.parametrize(
    ("name", "code"), [("nowhere.example", "tenant_unknown"), ("not a tenant", "tenant_malformed")]
)
def test_a_tenant_that_does_not_exist_is_named_as_such_and_nothing_is_kept(office, name, code):
    problem = office.refused(422, code, "PUT", "", office.wanted(tenant=name))
    assert [one["field"] for one in problem["errors"]] == ["tenant"]
    office.refused(404, "not_found", "GET")


@pytest.mark.parametrize("key", [{"type": "authorized_user"}, "not a key", "{}"])
def test_a_key_that_is_none_is_refused_and_never_echoed(workspace, key):
    problem = workspace.refused(422, "key_malformed", "PUT", "", workspace.wanted(service_account_key=key))
    assert [one["field"] for one in problem["errors"]] == ["service_account_key"]
    assert "authorized_user" not in json.dumps(problem)


# --- consent


def test_a_consent_for_another_tenant_than_asked_is_not_believed_whatever_the_address_says(world, office):
    other = tenant(world)
    office.ask("PUT", "", office.wanted())
    begun = office.ask("POST", "/authorize", {"return_to": BACK})
    foreign = begun["authorization_url"].replace(office.tenant_id, other.tenant_id)
    location = world.microsoft.decide(foreign, account=other.address("boss"), decision="allow")
    answer = world.callback(dict(parse_qsl(urlsplit(location).query)), "microsoft")
    back = dict(parse_qsl(urlsplit(answer["headers"]["location"]).query))
    assert (back["status"], back["code"]) == ("error", "wrong_tenant")
    assert office.view()["status"] == "draft"


def test_a_tenant_of_somebody_elses_cannot_be_used_by_those_it_let_in_once(world, office):
    """The app has a token for every tenant that ever consented, whoever asks for it: the consent's address can be
    written by anybody, and the proof is a sign-in of somebody of that tenant."""
    victim = tenant(world, "eve").authorized("eve")
    office.ask("PUT", "", office.wanted(tenant=victim.tenant_id))
    begun = office.ask("POST", "/authorize", {"return_to": BACK})
    state = dict(parse_qsl(urlsplit(begun["authorization_url"]).query))["state"]
    forged = {"admin_consent": "True", "tenant": victim.tenant_id, "state": state}
    onward = world.callback(forged, "microsoft")["headers"]["location"]
    assert world.microsoft.shown(onward, account=office.address("boss"), decision="allow").count("AADSTS50020")
    elsewhere = onward.replace(victim.tenant_id, office.tenant_id)
    back, confirmation = office.come_back(elsewhere, account=office.address("boss"))
    assert (back["status"], confirmation) == ("error", "")
    assert office.view()["status"] == "draft"


def test_another_account_than_the_service_account_leaves_nothing_behind_but_whose_it_was(delegated):
    delegated.ask("PUT", "", delegated.wanted())
    begun = delegated.ask("POST", "/authorize", {"return_to": BACK})
    back, confirmation = delegated.come_back(begun["authorization_url"], account=delegated.address("ada"))
    assert (back["status"], back["code"], confirmation) == ("error", "wrong_account", "")
    path = f"/v1/connections/{back['connection_id']}"
    (reason,) = delegated.ask("GET", path)["reasons"]
    assert delegated.address("ada") in reason["sentence"]
    assert "private window" in reason["sentence"]
    assert delegated.view()["status"] == "draft"
    assert delegated.view()["account"] is None
    assert [row for row in rows_that_name(back["connection_id"])["connections_table"] if row.get("grant")] == []


def test_a_service_account_without_licence_is_refused_with_what_to_do(delegated):
    delegated.control("PATCH", f"accounts/{delegated.service_account}", {"licensed": False})
    delegated.ask("PUT", "", delegated.wanted())
    begun = delegated.ask("POST", "/authorize", {"return_to": BACK})
    back, _ = delegated.come_back(begun["authorization_url"])
    assert (back["status"], back["code"]) == ("error", "no_calendar_service")
    (reason,) = delegated.ask("GET", f"/v1/connections/{back['connection_id']}")["reasons"]
    assert "licence" in reason["sentence"]


def test_an_administrator_who_says_no_changes_nothing(office):
    office.ask("PUT", "", office.wanted())
    begun = office.ask("POST", "/authorize", {"return_to": BACK})
    back, _ = office.come_back(begun["authorization_url"], decision="deny")
    assert (back["status"], back["code"]) == ("error", "consent_denied")
    assert office.view()["status"] == "draft"


def test_an_admin_who_has_lost_the_role_before_confirming_activates_nothing(office):
    office.ask("PUT", "", office.wanted())
    begun = office.ask("POST", "/authorize", {"return_to": BACK})
    back, confirmation = office.come_back(begun["authorization_url"])
    path, body = f"/v1/connections/{back['connection_id']}/confirm", {"confirmation": confirmation}
    office.refused(404, "not_found", "POST", path, body, claims=office.claims(roles="[user]"))
    office.refused(404, "not_found", "POST", path, body, claims=office.claims("other admin"))
    assert office.view()["status"] == "draft"
    office.ask("POST", path, body)
    assert office.view()["status"] == "active"
    office.refused(404, "not_found", "POST", path, body)


def test_settings_that_were_changed_meanwhile_do_not_get_the_permission_of_others(world, office):
    other = tenant(world)
    office.ask("PUT", "", office.wanted())
    begun = office.ask("POST", "/authorize", {"return_to": BACK})
    back, confirmation = office.come_back(begun["authorization_url"])
    office.ask("PUT", "", office.wanted(tenant=other.host))
    path = f"/v1/connections/{back['connection_id']}"
    office.refused(409, "organization_changed", "POST", f"{path}/confirm", {"confirmation": confirmation})
    assert office.view()["status"] == "draft"
    assert office.api("GET", path)[0] == 404


@pytest.mark.parametrize("return_to", ["https://elsewhere.example/", "", "/organization"])
def test_nobody_is_sent_to_an_address_that_is_not_allowed(office, return_to):
    office.ask("PUT", "", office.wanted())
    office.refused(422, "return_to_not_allowed", "POST", "/authorize", {"return_to": return_to})


def test_an_organisations_own_connection_is_nobodys_to_use_by_its_id(office):
    office.authorized("ada")
    identifier = office.view()["connection_id"]
    backend = {"sub": "backend", "org": office.org, "scope": "lockstep.host"}
    for claims in (office.claims(), backend):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/sync"), ("GET", "/calendars")):
            assert office.api(method, f"/v1/connections/{identifier}{path}", claims=claims)[0] == 404


@pytest.mark.parametrize("change", ["tenant", "access", "service_account"])
def test_what_an_authorised_organisation_is_does_not_change_under_its_staff(world, delegated, change):
    delegated.authorized("ada")
    other = {"tenant": tenant(world).host, "access": "application", "service_account": delegated.address("bob")}[change]
    wanted = delegated.wanted(**{change: other})
    delegated.refused(409, "organization_active", "PUT", "", wanted)
    assert delegated.ask("PUT", "", delegated.wanted(display_name="Other name"))["display_name"] == "Other name"
    assert delegated.view()["status"] == "active"


# --- keys


def test_a_key_is_in_no_table_no_log_no_answer_and_no_message(workspace):
    key = workspace.key["private_key"].replace("\\n", "\n")
    middle = key.splitlines()[5]
    with captured_log() as log:
        answers = [workspace.ask("PUT", "", workspace.wanted())]
        workspace.enable("ada")
        answers.append(workspace.authorize())
        workspace.world.drain()
        answers += [workspace.view(), workspace.staff()]
    assert workspace.statuses() == {"ada": "active"}
    for place in (log.getvalue().encode(), stored_bytes(), json.dumps(answers).encode()):
        assert middle.encode() not in place
        assert workspace.key["private_key_id"].encode() not in place


def queued() -> str:
    """Every message in any queue."""
    queues = get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].queues.values()
    return "\n".join(message.body for queue in queues for message in queue._messages)


@pytest.mark.parametrize("way", ["application", "delegated", "google"])
def test_no_token_of_an_organisation_stands_in_a_table_a_message_or_a_log_line(world, way):
    office = domain(world, "ada") if way == "google" else tenant(world, "ada", access=way)
    with captured_log() as log:
        office.ask("PUT", "", office.wanted())
        office.enable("ada")
        office.authorize()
        messages = queued()
        office.world.drain()
    google, microsoft = world.google, world.microsoft.world
    tokens = [*google.access_tokens, *microsoft.access_tokens, *microsoft.refresh_tokens, *microsoft.codes, APP_SECRET]
    assert len(tokens) > 2
    for place in (log.getvalue().encode(), stored_bytes(), messages.encode()):
        assert not [token for token in tokens if token.encode() in place]


def test_the_same_key_once_more_is_nothing_new(workspace):
    workspace.authorized("ada")
    assert workspace.ask("PUT", "", workspace.wanted())["reasons"] == []
    assert workspace.view() == workspace.ask("PUT", "", workspace.wanted())


def test_without_a_key_there_is_nothing_to_authorise(workspace):
    workspace.ask("PUT", "", workspace.wanted(service_account_key=None))
    workspace.refused(409, "key_missing", "POST", "/authorize", {})
    assert workspace.view()["status"] == "draft"


def test_a_key_without_delegation_is_told_of_before_anybody_waits_for_it(workspace):
    workspace.world.control("DELETE", f"domains/{workspace.host}/delegations/{workspace.key['client_id']}")
    workspace.ask("PUT", "", workspace.wanted())
    workspace.enable("ada")
    status, problem = workspace.api("POST", "/authorize", {})
    assert status == 409, problem
    assert "delegat" in problem["detail"].lower()
    assert workspace.view()["status"] == "draft"


def test_a_new_key_is_used_only_when_it_has_worked_and_the_old_one_signs_until_then(workspace):
    workspace.authorized("ada")
    account = workspace.key["client_email"]
    second = workspace.world.control("POST", f"service_accounts/{account}/keys")
    broken = {**second, "private_key_id": "unknown"}
    assert [
        one["code"] for one in workspace.ask("PUT", "", workspace.wanted(service_account_key=broken))["reasons"]
    ] == ["new_key"]
    assert workspace.api("POST", "/authorize", {})[0] == 409
    workspace.add_there("ada", "Still here")
    workspace.world.look()
    assert workspace.here("ada") == ["Still here"]
    assert workspace.view()["status"] == "active"
    workspace.ask("PUT", "", workspace.wanted(service_account_key=second))
    assert workspace.ask("POST", "/authorize", {}) == {"status": "active"}
    assert workspace.view()["reasons"] == []
    first = workspace.key["private_key_id"]
    workspace.world.control("DELETE", f"service_accounts/{account}/keys/{first}")
    workspace.world.control("POST", "expire_tokens", {})
    workspace.add_there("ada", "And now", day=3)
    workspace.world.look()
    assert workspace.here("ada") == ["And now", "Still here"]


def test_a_tenant_that_let_the_app_in_is_nobody_elses_also_when_its_organisation_is_gone(world):
    """A member of the tenant who happens to be an admin of another organisation would reach everybody's mailbox."""
    office = tenant(world, "ada").authorized("ada")
    intruder = replace(office, org=f"{office.org}-other")
    for _ in range(2):
        intruder.ask("PUT", "", intruder.wanted())
        begun = intruder.ask("POST", "/authorize", {"return_to": BACK})
        query, confirmation = intruder.come_back(begun["authorization_url"], account=office.address("ada"))
        path = f"/v1/connections/{query['connection_id']}/confirm"
        intruder.refused(409, "tenant_taken", "POST", path, {"confirmation": confirmation})
        assert intruder.view()["status"] == "draft"
        office.ask("DELETE")
        world.drain()
    office.authorized("ada")
    assert office.view()["status"] == "active"
