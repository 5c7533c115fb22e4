import re
from typing import Any

import jwt
import msal
import pytest

from .conftest import ADA, BOB, CALLBACK, EVE, SCOPES, Graph, Microsoft


def signed_in(microsoft: Microsoft, app: Any, email: str = ADA, scopes: Any = SCOPES) -> Any:
    flow = app.initiate_auth_code_flow(list(scopes), redirect_uri=CALLBACK, prompt="select_account")
    return app.acquire_token_by_auth_code_flow(flow, microsoft.came_back(microsoft.decide(flow, email)))


def test_msal_signs_a_user_in_and_refreshes_silently(microsoft: Microsoft) -> None:
    cache = msal.SerializableTokenCache()
    app = microsoft.app()
    app.token_cache = cache
    result = signed_in(microsoft, app)
    assert result["id_token_claims"]["preferred_username"] == ADA
    assert result["id_token_claims"]["tid"] == microsoft.world.accounts[ADA].tenant
    account = app.get_accounts(username=ADA)[0]
    before = microsoft.world.calls["oauth.token"]
    again = app.acquire_token_silent_with_error(list(SCOPES), account=account)
    assert again["access_token"] == result["access_token"]
    assert microsoft.world.calls["oauth.token"] == before, "the echoed scopes are what MSAL caches by"
    fresh = app.acquire_token_silent_with_error(list(SCOPES), account=account, force_refresh=True)
    assert fresh["access_token"] != result["access_token"]
    assert Graph(microsoft.url, microsoft.session, fresh["access_token"])("GET", "/me")["mail"] == ADA


def test_the_id_token_is_signed_by_a_published_key(microsoft: Microsoft) -> None:
    result = signed_in(microsoft, microsoft.app())
    found = microsoft.session.get(f"{microsoft.url}/common/discovery/v2.0/keys", timeout=10).json()
    key = jwt.PyJWKSet.from_dict(found).keys[0]
    options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    claims = jwt.decode(result["id_token"], key, algorithms=["RS256"], audience="client", options=options)
    assert claims["iss"] == f"{microsoft.url}/{claims['tid']}/v2.0"


def test_scopes_that_come_back_as_urls_send_each_silent_call_to_the_network(microsoft: Microsoft) -> None:
    microsoft.world.settings.scope_form = "url"
    app = microsoft.app()
    signed_in(microsoft, app)
    account = app.get_accounts()[0]
    before = microsoft.world.calls["oauth.token"]
    app.acquire_token_silent_with_error(list(SCOPES), account=account)
    assert microsoft.world.calls["oauth.token"] == before + 1


def test_a_code_works_once(microsoft: Microsoft) -> None:
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
    answer = microsoft.came_back(microsoft.decide(flow))
    assert "access_token" in microsoft.app().acquire_token_by_auth_code_flow(dict(flow), answer)
    reused = microsoft.app().acquire_token_by_auth_code_flow(dict(flow), answer)
    assert (reused["error"], reused["error_codes"]) == ("invalid_grant", [54005])


def test_a_code_without_its_verifier_is_worth_nothing(microsoft: Microsoft) -> None:
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
    answer = microsoft.came_back(microsoft.decide(flow))
    stolen = microsoft.app().acquire_token_by_auth_code_flow({**flow, "code_verifier": "x" * 43}, answer)
    assert stolen["error_codes"] == [501481]


def test_a_code_dies_after_ten_minutes(microsoft: Microsoft) -> None:
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
    answer = microsoft.came_back(microsoft.decide(flow))
    microsoft.pass_time(minutes=11)
    assert microsoft.app().acquire_token_by_auth_code_flow(flow, answer)["error_codes"] == [70008]


def test_a_wrong_secret_and_an_expired_one_are_told_apart(microsoft: Microsoft) -> None:
    scope = ["https://graph.microsoft.com/.default"]
    wrong = microsoft.app("contoso.example", secret="wrong").acquire_token_for_client(scope)
    assert (wrong["error"], wrong["error_codes"]) == ("invalid_client", [7000215])
    microsoft.control("PATCH", "clients/client", {"secret_expired": True})
    assert microsoft.app("contoso.example").acquire_token_for_client(scope)["error_codes"] == [7000222]


def form(microsoft: Microsoft, **given: str) -> Any:
    url = f"{microsoft.url}/common/oauth2/v2.0/token"
    wanted = {"client_id": "client", "client_secret": "secret"} | given
    return microsoft.session.post(url, data=wanted, timeout=10).json()


def test_an_old_refresh_token_stays_alive_after_rotation(microsoft: Microsoft) -> None:
    wanted = {"email": ADA, "client_id": "client", "scopes": list(SCOPES)}
    first = microsoft.control("POST", "tokens", wanted)["refresh_token"]
    second = form(microsoft, grant_type="refresh_token", refresh_token=first)["refresh_token"]
    assert second != first
    assert "access_token" in form(microsoft, grant_type="refresh_token", refresh_token=first)
    microsoft.pass_time(days=91)
    assert form(microsoft, grant_type="refresh_token", refresh_token=second)["error_codes"] == [700082]


@pytest.mark.parametrize(("code", "error"), [(50173, "invalid_grant"), (65001, "invalid_grant")])
def test_a_revoked_grant_is_dead_until_the_user_signs_in_again(microsoft: Microsoft, code: int, error: str) -> None:
    app = microsoft.app()
    result = signed_in(microsoft, app)
    microsoft.control("POST", "revoke", {"email": ADA, "code": code})
    old = Graph(microsoft.url, microsoft.session, result["access_token"])
    assert old.refused("GET", "/me/calendars") == (401, "InvalidAuthenticationToken")
    dead = app.acquire_token_silent_with_error(list(SCOPES), account=app.get_accounts()[0], force_refresh=True)
    assert (dead["error"], dead["error_codes"]) == (error, [code])
    assert "access_token" in signed_in(microsoft, microsoft.app())


@pytest.mark.parametrize("number", [50173, 70008, 700082, 50076, 53003, 65001])
def test_the_token_endpoint_can_be_made_to_say_no(microsoft: Microsoft, number: int) -> None:
    app = microsoft.app()
    signed_in(microsoft, app)
    microsoft.control("POST", "faults", {"match": "oauth.token", "kind": "aadsts", "number": number})
    refusal = app.acquire_token_silent_with_error(list(SCOPES), account=app.get_accounts()[0], force_refresh=True)
    assert refusal["error_codes"] == [number]
    assert refusal["error_description"].startswith(f"AADSTS{number}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= set(refusal)
    assert refusal["error"] == ("interaction_required" if number in {50076, 53003} else "invalid_grant")


def test_declining_comes_back_as_access_denied(microsoft: Microsoft) -> None:
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK, state="s")
    answer = microsoft.came_back(microsoft.decide(flow, decision="deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "s")
    assert "AADSTS65004" in answer["error_description"]


@pytest.mark.parametrize(("code", "error"), [(90094, "consent_required"), (65001, "access_denied")])
def test_where_users_may_not_consent_only_an_administrator_opens_the_door(
    microsoft: Microsoft, code: int, error: str
) -> None:
    microsoft.control("PATCH", "tenants/contoso.example", {"users_may_consent": False})
    microsoft.control("POST", "settings", {"blocked_consent_code": code, "blocked_consent_error": error})
    app = microsoft.app()
    flow = app.initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
    blocked = microsoft.came_back(microsoft.decide(flow))
    assert blocked["error"] == error
    assert f"AADSTS{code}" in blocked["error_description"]
    microsoft.world.add_account("root@contoso.example", admin=True)
    url = f"{microsoft.url}/contoso.example/v2.0/adminconsent"
    query = {"client_id": "client", "redirect_uri": CALLBACK, "state": "s", "scope": " ".join(SCOPES)}
    request = {"params": query, "allow_redirects": False, "timeout": 10}
    refused = microsoft.session.post(url, data={"account": ADA, "decision": "allow"}, **request)
    assert {"admin_consent": "True", "error": "access_denied"}.items() <= microsoft.came_back(refused).items()
    allowed = microsoft.session.post(url, data={"account": "root@contoso.example", "decision": "allow"}, **request)
    assert microsoft.came_back(allowed)["tenant"] == microsoft.world.accounts[ADA].tenant
    assert "access_token" in signed_in(microsoft, microsoft.app())


def test_an_app_acts_for_itself_only_with_roles_and_only_in_the_mailboxes_it_was_given(microsoft: Microsoft) -> None:
    microsoft.world.add_account(BOB)
    scope = ["https://graph.microsoft.com/.default"]
    assert "access_token" not in microsoft.app("common").acquire_token_for_client(scope)
    microsoft.control("PUT", "tenants/contoso.example/principals/client")
    bare = microsoft.app("contoso.example").acquire_token_for_client(scope)["access_token"]
    assert Graph(microsoft.url, microsoft.session, bare).refused("GET", f"/users/{ADA}/events")[0] == 403
    limits = {"roles": {"client": ["Calendars.ReadWrite"]}, "mailboxes": {"client": [ADA]}}
    microsoft.control("PATCH", "tenants/contoso.example", limits)
    token = microsoft.app("contoso.example").acquire_token_for_client(scope)["access_token"]
    graph = Graph(microsoft.url, microsoft.session, token)
    assert graph("GET", f"/users/{ADA}/events")["value"] == []
    assert graph.refused("GET", f"/users/{BOB}/events") == (403, "ErrorAccessDenied")
    assert graph.refused("GET", "/me/events") == (400, "BadRequest")


def test_an_unknown_tenant_and_a_single_tenant_app_on_common_are_refused(microsoft: Microsoft) -> None:
    reply = microsoft.session.get(f"{microsoft.url}/nowhere.example/v2.0/.well-known/openid-configuration", timeout=10)
    assert (reply.status_code, reply.json()["error_codes"]) == (400, [90002])
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        microsoft.app("nowhere.example")
    microsoft.control("PATCH", "clients/client", {"audience": microsoft.world.accounts[ADA].tenant})
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
    page = microsoft.decide(flow)
    assert (page.status_code, "AADSTS50194" in page.text) == (400, True)
    assert "access_token" in signed_in(microsoft, microsoft.app("contoso.example"))


def test_discovery_tells_the_tenant_and_the_cloud(microsoft: Microsoft) -> None:
    def read(tenant: str) -> Any:
        url = f"{microsoft.url}/{tenant}/v2.0/.well-known/openid-configuration"
        return microsoft.session.get(url, timeout=10).json()

    tenant = microsoft.world.accounts[ADA].tenant
    assert read("contoso.example")["issuer"] == f"{microsoft.url}/{tenant}/v2.0"
    assert read("common")["issuer"] == f"{microsoft.url}/{{tenantid}}/v2.0"
    assert read(tenant)["cloud_instance_name"] == "microsoftonline.com"
    assert read(tenant)["msgraph_host"] == microsoft.url.removeprefix("https://")


def test_work_and_personal_accounts_come_in_by_their_own_doors(microsoft: Microsoft) -> None:
    microsoft.world.add_account(EVE, kind="personal")
    assert "access_token" in signed_in(microsoft, microsoft.app("common"), EVE)
    assert "access_token" in signed_in(microsoft, microsoft.app("consumers"), EVE)
    for tenant, stranger in (("organizations", EVE), ("consumers", ADA), ("contoso.example", EVE)):
        flow = microsoft.app(tenant).initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK)
        page = microsoft.decide(flow, stranger)
        assert (page.status_code, "AADSTS50020" in page.text) == (400, True)


def test_the_account_page_offers_accounts_and_preselects_only_the_hinted_one(microsoft: Microsoft) -> None:
    microsoft.world.add_account(BOB)
    app = microsoft.app()
    flow = app.initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK, prompt="select_account", login_hint=BOB)
    page = microsoft.session.get(flow["auth_uri"], timeout=10).text
    assert page.count('type="radio"') == 2
    assert page.count("checked") == 1
    assert page.index("checked") > page.index(BOB)
    assert "Have full access to your calendars" in page
    microsoft.control("POST", "reset")
    microsoft.world.add_account(ADA)
    asked = app.initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK, prompt="select_account")
    assert "checked" not in microsoft.session.get(asked["auth_uri"], timeout=10).text, "one account is chosen, too"


def test_an_unregistered_redirect_never_gets_a_redirect(microsoft: Microsoft) -> None:
    flow = microsoft.app().initiate_auth_code_flow(list(SCOPES), redirect_uri="https://evil.example/")
    assert (microsoft.decide(flow).status_code, microsoft.decide(flow).headers.get("Location")) == (400, None)


def test_an_answer_can_be_posted_by_the_browser_instead_of_standing_in_an_address(microsoft: Microsoft) -> None:
    app = microsoft.app()
    flow = app.initiate_auth_code_flow(list(SCOPES), redirect_uri=CALLBACK, response_mode="form_post")
    page = microsoft.decide(flow)
    assert (page.status_code, f'action="{CALLBACK}"' in page.text) == (200, True)
    answer = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, answer)
