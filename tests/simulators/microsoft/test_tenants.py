"""Tenants as an organisation's connection meets them: metadata, clouds, consent, the enterprise application."""

from typing import Any

import pytest

from .conftest import ADA, CALLBACK, Graph, Microsoft

ROOT = "root@contoso.example"
DEFAULT = "https://graph.microsoft.com/.default"


def metadata(microsoft: Microsoft, tenant: str) -> tuple[int, Any]:
    url = f"{microsoft.url}/{tenant}/v2.0/.well-known/openid-configuration"
    reply = microsoft.session.get(url, timeout=10)
    return reply.status_code, reply.json()


def consent(
    microsoft: Microsoft, tenant: str = "contoso.example", account: str = ROOT, decision: str = "allow", **asked: str
) -> dict[str, str]:
    """What comes back from the administrator's consent page."""
    query = {"client_id": "client", "redirect_uri": CALLBACK, "state": "s", "scope": DEFAULT} | asked
    form = {"account": account, "decision": decision}
    url = f"{microsoft.url}/{tenant}/v2.0/adminconsent"
    reply = microsoft.session.post(url, params=query, data=form, allow_redirects=False, timeout=10)
    return microsoft.came_back(reply)


def app_token(microsoft: Microsoft, tenant: str = "contoso.example") -> Any:
    return microsoft.app(tenant).acquire_token_for_client([DEFAULT])


@pytest.fixture(autouse=True)
def _administrator(microsoft: Microsoft) -> None:
    microsoft.world.add_account(ROOT, "Root", admin=True)


def test_a_tenant_is_found_by_its_id_and_by_each_of_its_domains(microsoft: Microsoft) -> None:
    microsoft.control("PATCH", "tenants/contoso.example", {"domains": ["contoso.onmicrosoft.com"]})
    tenant = microsoft.world.accounts[ADA].tenant
    issuers = {
        metadata(microsoft, name)[1]["issuer"] for name in ("contoso.example", "contoso.onmicrosoft.com", tenant)
    }
    assert issuers == {f"{microsoft.url}/{tenant}/v2.0"}
    for name in ("nowhere.example", "00000000-0000-0000-0000-000000000000"):
        status, found = metadata(microsoft, name)
        assert (status, found["error"], found["error_codes"]) == (400, "invalid_tenant", [90002])


@pytest.mark.parametrize(
    ("cloud", "login", "graph", "instance"),
    [
        ("us_government", "login.microsoftonline.us", "graph.microsoft.us", "microsoftonline.us"),
        ("us_defense", "login.microsoftonline.us", "dod-graph.microsoft.us", "microsoftonline.us"),
        (
            "china",
            "login.partner.microsoftonline.cn",
            "microsoftgraph.chinacloudapi.cn",
            "partner.microsoftonline.cn",
        ),
    ],
)
def test_a_tenant_of_a_national_cloud_says_where_it_lives_and_cannot_be_served_from_here(
    microsoft: Microsoft, cloud: str, login: str, graph: str, instance: str
) -> None:
    tenant = microsoft.control("POST", "tenants", {"domain": "far.example", "cloud": cloud})["id"]
    found = metadata(microsoft, "far.example")[1]
    assert (found["msgraph_host"], found["cloud_instance_name"]) == (graph, instance)
    assert found["token_endpoint"] == f"https://{login}/{tenant}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": DEFAULT}
    refused = microsoft.session.post(f"{microsoft.url}/far.example/oauth2/v2.0/token", data=form, timeout=10)
    assert refused.json()["error_codes"] == [90038]


def test_a_simulator_of_a_national_cloud_wants_that_clouds_scope(microsoft: Microsoft) -> None:
    microsoft.control("POST", "settings", {"cloud": "us_government"})
    microsoft.control("PATCH", "tenants/contoso.example", {"cloud": "us_government", "roles": {"client": []}})
    assert metadata(microsoft, "contoso.example")[1]["msgraph_host"] == microsoft.url.removeprefix("https://")
    assert app_token(microsoft)["error_codes"] == [500011]
    scope = ["https://graph.microsoft.us/.default"]
    assert "access_token" in microsoft.app("contoso.example").acquire_token_for_client(scope)


def test_no_token_before_an_administrator_has_consented_and_none_after_the_app_was_removed(
    microsoft: Microsoft,
) -> None:
    before = app_token(microsoft)
    assert (before["error"], before["error_codes"]) == ("unauthorized_client", [7000229])
    answer = consent(microsoft)
    assert answer == {
        "admin_consent": "True",
        "tenant": microsoft.world.accounts[ADA].tenant,
        "scope": DEFAULT,
        "state": "s",
    }
    token = app_token(microsoft)["access_token"]
    graph = Graph(microsoft.url, microsoft.session, token)
    assert graph("GET", f"/users/{ADA}/events")["value"] == []
    microsoft.control("DELETE", "tenants/contoso.example/principals/client")
    assert app_token(microsoft)["error_codes"] == [7000229]
    assert graph("GET", f"/users/{ADA}/events")["value"] == [], "a token that is out lives to its end"


def test_an_app_that_was_removed_takes_the_consent_of_people_with_it(microsoft: Microsoft) -> None:
    wanted = {"email": ADA, "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    held = microsoft.control("POST", "tokens", wanted)
    microsoft.control("DELETE", "tenants/contoso.example/principals/client")
    form = {"client_id": "client", "client_secret": "secret", "grant_type": "refresh_token"}
    form["refresh_token"] = held["refresh_token"]
    dead = microsoft.session.post(f"{microsoft.url}/common/oauth2/v2.0/token", data=form, timeout=10).json()
    assert (dead["error"], dead["error_codes"], dead["suberror"]) == ("invalid_grant", [65001], "consent_required")


def test_consent_to_named_scopes_gives_no_application_permission(microsoft: Microsoft) -> None:
    consent(microsoft, scope="https://graph.microsoft.com/Calendars.ReadWrite.Shared")
    graph = Graph(microsoft.url, microsoft.session, app_token(microsoft)["access_token"])
    assert graph.refused("GET", f"/users/{ADA}/events") == (403, "ErrorAccessDenied")


def test_consent_is_to_what_the_registration_asks_for(microsoft: Microsoft) -> None:
    microsoft.control("PATCH", "clients/client", {"required_roles": ["Organization.Read.All"]})
    consent(microsoft)
    graph = Graph(microsoft.url, microsoft.session, app_token(microsoft)["access_token"])
    assert graph("GET", "/organization")["value"][0]["displayName"] == "Contoso"
    assert graph.refused("GET", "/users") == (403, "Authorization_RequestDenied")
    assert graph.refused("GET", f"/users/{ADA}/events") == (403, "ErrorAccessDenied")


def test_a_refused_consent_says_admin_consent_true_as_well(microsoft: Microsoft) -> None:
    nobody = consent(microsoft, account=ADA)
    assert (nobody["admin_consent"], nobody["error"]) == ("True", "access_denied")
    denied = consent(microsoft, decision="deny")
    assert (denied["admin_consent"], denied["error"], denied["state"]) == ("True", "access_denied", "s")
    assert "tenant" not in denied
    assert app_token(microsoft)["error_codes"] == [7000229]


def test_the_tenant_of_the_answer_may_be_another_than_the_one_that_was_asked(microsoft: Microsoft) -> None:
    microsoft.world.add_account("chief@fabrikam.example", admin=True)
    fabrikam = microsoft.world.accounts["chief@fabrikam.example"].tenant
    assert consent(microsoft, "organizations", "chief@fabrikam.example")["tenant"] == fabrikam
    assert app_token(microsoft)["error_codes"] == [7000229], "another organisation's administrator opens no door here"
    microsoft.control("POST", "settings", {"consent_answers_tenant": fabrikam})
    assert consent(microsoft)["tenant"] == fabrikam, "the answer passes through a browser: it proves nothing"


def test_the_consent_page_is_of_one_tenant_and_never_of_common(microsoft: Microsoft) -> None:
    query = {"client_id": "client", "redirect_uri": CALLBACK, "scope": DEFAULT}
    url = f"{microsoft.url}/common/v2.0/adminconsent"
    assert microsoft.session.get(url, params=query, allow_redirects=False, timeout=10).status_code == 400
    microsoft.world.add_account("chief@fabrikam.example", admin=True)
    page = microsoft.session.get(f"{microsoft.url}/contoso.example/v2.0/adminconsent", params=query, timeout=10).text
    assert (ROOT in page, "chief@fabrikam.example" in page) == (True, False)


def test_application_tokens_name_one_tenant_and_one_resource(microsoft: Microsoft) -> None:
    consent(microsoft)
    app = microsoft.app("contoso.example")
    for scopes, number in (
        (["https://graph.microsoft.com/Calendars.Read"], 1002012),
        ([DEFAULT, "https://outlook.office365.com/.default"], 1002012),
        (["https://outlook.office365.com/.default"], 500011),
    ):
        assert app.acquire_token_for_client(scopes)["error_codes"] == [number]
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret", "scope": DEFAULT}
    for name in ("common", "organizations"):
        refused = microsoft.session.post(f"{microsoft.url}/{name}/oauth2/v2.0/token", data=form, timeout=10)
        assert refused.json()["error_codes"] == [50059]


def test_a_user_who_was_disabled_can_neither_sign_in_nor_refresh(microsoft: Microsoft) -> None:
    wanted = {"email": ADA, "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    form = {"client_id": "client", "client_secret": "secret", "grant_type": "refresh_token"}
    form["refresh_token"] = microsoft.control("POST", "tokens", wanted)["refresh_token"]
    microsoft.control("PATCH", f"accounts/{ADA}", {"enabled": False})
    dead = microsoft.session.post(f"{microsoft.url}/common/oauth2/v2.0/token", data=form, timeout=10).json()
    assert (dead["error"], dead["error_codes"]) == ("invalid_grant", [50057])
    flow = microsoft.app().initiate_auth_code_flow(["Calendars.ReadWrite"], redirect_uri=CALLBACK)
    page = microsoft.decide(flow)
    assert (page.status_code, "AADSTS50057" in page.text) == (400, True)
