"""Consent at Microsoft: who signed in, what stood in the way, and that no word of it holds a token."""

import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.errors import ConnectFailed, ConnectionRevoked, RetryLater
from shared.providers.base import Authorizer, Grant, GrantIncomplete, Revocation
from shared.providers.microsoft.auth import MicrosoftAuthorizer
from shared.providers.microsoft.grant import SCOPES
from tests.contract.microsoft_stage import CLIENT, MicrosoftStage


@pytest.fixture
def authorizer(microsoft: MicrosoftStage) -> Authorizer:
    return microsoft.provider().authorizer()


def connect(authorizer: Authorizer, stage: MicrosoftStage) -> Grant:
    begun = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    return authorizer.complete(begun.flow, stage.consent(begun.authorization_url))


def failed(authorizer: Authorizer, stage: MicrosoftStage, *, changes: Any = {}, allow: bool = True) -> ConnectFailed:  # noqa: B006
    begun = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    with pytest.raises(ConnectFailed) as caught:
        authorizer.complete(begun.flow, stage.consent(begun.authorization_url, allow=allow, changes=changes))
    return caught.value


def test_the_consent_asks_for_calendars_and_the_person_and_lets_them_choose_the_account(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="state-1", login_hint="anna@example.com")
    parts = urlsplit(begun.authorization_url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == "/common/oauth2/v2.0/authorize"
    assert set(asked["scope"].split()) == {*SCOPES, "openid", "profile", "offline_access"}
    assert (asked["prompt"], asked["code_challenge_method"], asked["state"]) == ("select_account", "S256", "state-1")
    assert asked["login_hint"] == "anna@example.com"
    kept = json.loads(begun.flow)
    assert kept["code_verifier"] not in begun.authorization_url


def test_a_warm_function_asks_for_no_discovery_again(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    connect(authorizer, microsoft)
    before = microsoft.world.calls["oauth.configuration"]
    other = microsoft.provider().authorizer()
    grant = connect(other, microsoft)
    microsoft.session(secret=grant.secret).calendars.list_calendars()
    assert microsoft.world.calls["oauth.configuration"] == before


def test_a_warm_function_renews_a_token_in_one_call(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    """Not in two: MSAL would ask the authority for its addresses for every account that comes along."""
    secrets = [connect(authorizer, microsoft).secret for _ in range(2)]
    microsoft.session(secret=secrets[0]).calendars.list_calendars()
    before = microsoft.world.calls.copy()
    for secret in secrets:
        microsoft.expire_access_tokens()
        microsoft.session(secret=secret).calendars.list_calendars()
    spent = microsoft.world.calls - before
    assert {name: count for name, count in spent.items() if name.startswith("oauth.")} == {
        "oauth.token": 2,
        "oauth.token.refresh_token": 2,
    }


def test_two_flows_share_no_secret(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    flows = [
        json.loads(authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="").flow)
        for _ in range(2)
    ]
    assert flows[0]["code_verifier"] != flows[1]["code_verifier"]
    assert flows[0]["nonce"] != flows[1]["nonce"]


def test_an_account_is_known_by_its_object_and_its_tenant_and_called_by_its_address(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    grant = connect(authorizer, microsoft)
    assert (grant.account.id, grant.account.name) == (microsoft.account_id, microsoft.account_name)
    session = microsoft.session(secret=grant.secret)
    assert [one.primary for one in session.calendars.list_calendars()] == [True]
    assert session.calendars.secret() is None


def test_one_tenant_by_setting_and_nobody_elses_account(microsoft: MicrosoftStage) -> None:
    authorizer = microsoft.provider(tenant="example.com").authorizer()
    assert connect(authorizer, microsoft).account.id == microsoft.account_id
    microsoft.world.add_tenant("other.example")
    elsewhere = microsoft.provider(tenant="other.example").authorizer()
    begun = elsewhere.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    with pytest.raises(ConnectFailed) as caught:
        elsewhere.complete(begun.flow, {"error": "access_denied", "error_description": "AADSTS50020: …", "state": "s"})
    assert caught.value.code in ("wrong_tenant", "consent_denied")


@pytest.mark.parametrize("number", [90094, 65001])
@pytest.mark.parametrize("error", ["consent_required", "access_denied"])
def test_a_consent_that_only_an_administrator_can_give_comes_with_the_link_for_them(
    authorizer: Authorizer, microsoft: MicrosoftStage, number: int, error: str
) -> None:
    tenant = microsoft.world.tenant("example.com")
    assert tenant is not None
    tenant.users_may_consent = False
    microsoft.world.settings.blocked_consent_code = number
    microsoft.world.settings.blocked_consent_error = error
    failure = failed(authorizer, microsoft)
    assert failure.code == "admin_consent_required"
    link = urlsplit(failure.link)
    asked = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert link.path == "/organizations/v2.0/adminconsent"
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT.client_id, microsoft.redirect_uri)
    assert asked["scope"].split() == [f"https://graph.microsoft.com/{scope}" for scope in SCOPES]
    tenant.consents[CLIENT.client_id] = list(SCOPES)
    assert connect(authorizer, microsoft).account.id == microsoft.account_id


def test_the_link_for_administrators_names_the_tenant_that_is_set(microsoft: MicrosoftStage) -> None:
    authorizer = MicrosoftAuthorizer(microsoft.settings(tenant="example.com"), CLIENT)
    assert "/example.com/v2.0/adminconsent?" in authorizer.admin_consent_url(microsoft.redirect_uri)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (
            {"error": "access_denied", "error_subcode": "cancel", "error_description": "AADSTS65004: …"},
            "consent_denied",
        ),
        ({"error": "access_denied"}, "consent_denied"),
        ({"error": "invalid_request", "error_description": "AADSTS50194: …"}, "provider_error"),
        ({"error": "invalid_request", "error_description": "AADSTS50020: …"}, "wrong_tenant"),
        ({"error": "server_error"}, "provider_error"),
        ({}, "provider_error"),
    ],
)
def test_each_way_a_sign_in_breaks_off_has_its_code_and_its_words(
    authorizer: Authorizer, microsoft: MicrosoftStage, answer: dict[str, str], code: str
) -> None:
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    with pytest.raises(ConnectFailed) as caught:
        authorizer.complete(begun.flow, answer | {"state": "s"})
    assert caught.value.code == code
    assert caught.value.sentence


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [
        (54005, "invalid_grant", "code_refused"),
        (70008, "invalid_grant", "code_refused"),
        (65001, "invalid_grant", "admin_consent_required"),
        (50076, "interaction_required", "sign_in_blocked"),
        (50079, "interaction_required", "sign_in_blocked"),
        (53003, "interaction_required", "sign_in_blocked"),
        (7000222, "invalid_client", "provider_error"),
    ],
)
def test_each_refusal_of_the_code_has_its_code_and_its_words(
    authorizer: Authorizer, microsoft: MicrosoftStage, number: int, error: str, code: str
) -> None:
    microsoft.fault(kind="aadsts", match="oauth.token", number=number, error=error)
    failure = failed(authorizer, microsoft)
    assert failure.code == code
    assert CLIENT.client_secret not in failure.sentence


def test_a_person_who_says_no_is_told_that_nothing_was_connected(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    assert failed(authorizer, microsoft, allow=False).code == "consent_denied"
    assert microsoft.live_grants() == 0


def test_a_refused_code_is_not_refused_again_from_memory(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    """MSAL would repeat an answer of 400 for a minute, and one of 503 for five seconds."""
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    query = microsoft.consent(begun.authorization_url)
    microsoft.fault(kind="aadsts", match="oauth.token", number=90033, error="temporarily_unavailable")
    with pytest.raises(ConnectFailed):
        authorizer.complete(begun.flow, query)
    microsoft.sign_in_trouble(503)
    with pytest.raises(RetryLater):
        authorizer.complete(begun.flow, query)
    assert authorizer.complete(begun.flow, query).account.id == microsoft.account_id


def test_an_identity_of_another_sign_in_connects_nothing(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    assert failed(authorizer, microsoft, changes={"nonce": "somebody-elses"}).code == "provider_error"


def test_another_state_connects_nothing(authorizer: Authorizer, microsoft: MicrosoftStage) -> None:
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    query = microsoft.consent(begun.authorization_url) | {"state": "other"}
    with pytest.raises(ConnectFailed):
        authorizer.complete(begun.flow, query)


@pytest.mark.parametrize(
    ("left_out", "code"), [("Calendars.ReadWrite", "scope_missing"), ("offline_access", "no_offline_access")]
)
def test_a_grant_that_lacks_something_is_named_and_handed_over(
    authorizer: Authorizer, microsoft: MicrosoftStage, left_out: str, code: str
) -> None:
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    flow = json.loads(begun.flow)
    flow["scope"] = [scope for scope in flow["scope"] if scope != left_out]
    query = microsoft.consent(begun.authorization_url, leave_out=(left_out,))
    with pytest.raises(GrantIncomplete) as caught:
        authorizer.complete(json.dumps(flow).encode(), query)
    assert caught.value.code == code
    assert caught.value.grant.account.id == microsoft.account_id


def test_a_withdrawn_consent_ends_the_connection_and_a_new_one_revives_it(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    grant = connect(authorizer, microsoft)
    microsoft.control("revoke", email=microsoft.account_name, code=65001)
    with pytest.raises(ConnectionRevoked):
        microsoft.session(secret=grant.secret).calendars.list_calendars()
    microsoft.session(secret=connect(authorizer, microsoft).secret).calendars.list_calendars()


@pytest.mark.parametrize("secret", [b"", b"[]", b"null", b"\xff"])
def test_microsoft_offers_no_way_to_end_a_grant_and_that_is_what_is_said(
    authorizer: Authorizer, microsoft: MicrosoftStage, secret: bytes
) -> None:
    before = microsoft.world.calls.copy()
    assert authorizer.revoke(secret) is Revocation.NOT_SUPPORTED
    assert authorizer.revoke(microsoft.secret()) is Revocation.NOT_SUPPORTED
    assert microsoft.world.calls == before


def test_an_unknown_tenant_is_the_operators_fault_and_revokes_nobody(microsoft: MicrosoftStage) -> None:
    provider = microsoft.provider(tenant="nowhere.example")
    with pytest.raises(ConnectFailed):
        provider.authorizer().begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")


def test_no_token_is_ever_logged_not_even_for_debugging(
    authorizer: Authorizer, microsoft: MicrosoftStage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        grant = connect(authorizer, microsoft)
        calendars = microsoft.session(secret=grant.secret).calendars
        microsoft.expire_access_tokens()
        calendars.list_calendars()
        renewed = calendars.secret() or b""
    tokens = [token for secret in (grant.secret, renewed) for token in _secrets(json.loads(secret))]
    assert len(tokens) >= 4
    assert [token for token in tokens if token in caplog.text] == []


def _secrets(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["secret"]] if isinstance(value.get("secret"), str) else []
        return own + [token for inner in value.values() for token in _secrets(inner)]
    return []
