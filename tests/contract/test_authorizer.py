"""Consent: who connected, with which rights, and what is left behind when it does not come about."""

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.errors import ConnectFailed, RetryLater
from shared.providers.base import Authorizer, Begun, Grant, GrantIncomplete, Revocation
from tests.contract.conftest import STAGES, swept
from tests.contract.stage import Stage


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, built: Callable[[str], Any]) -> Iterator[Stage]:
    yield from swept(built(request.param))


@pytest.fixture
def authorizer(stage: Stage) -> Authorizer:
    return stage.provider().authorizer()


def begin(authorizer: Authorizer, stage: Stage, *, login_hint: str = "") -> Begun:
    return authorizer.begin(redirect_uri=stage.redirect_uri, state="state-1", login_hint=login_hint)


def connect(authorizer: Authorizer, stage: Stage) -> Grant:
    begun = begin(authorizer, stage)
    return authorizer.complete(begun.flow, stage.consent(begun.authorization_url))


def failed(authorizer: Authorizer, flow: bytes, query: dict[str, str]) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        authorizer.complete(flow, query)
    assert caught.value.sentence
    return caught.value


def test_beginning_makes_no_call_and_asks_for_a_choice_of_account(authorizer: Authorizer, stage: Stage) -> None:
    before = stage.calls()
    begun = begin(authorizer, stage, login_hint="anna@example.com")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.authorization_url).query).items()}
    assert stage.calls() == before
    assert (asked["state"], asked["login_hint"], asked["response_type"]) == ("state-1", "anna@example.com", "code")
    assert "select_account" in asked["prompt"]
    assert asked["code_challenge_method"] == "S256"


def test_two_flows_share_no_secret_and_neither_shows_its_own(authorizer: Authorizer, stage: Stage) -> None:
    begun = [begin(authorizer, stage) for _ in range(2)]
    asked = [parse_qs(urlsplit(each.authorization_url).query) for each in begun]
    for name in ("code_challenge", "nonce"):
        assert asked[0][name] != asked[1][name]
    for each, query in zip(begun, asked, strict=True):
        (verifier,) = (text for text in texts(json.loads(each.flow)) if challenge(text) == query["code_challenge"][0])
        assert verifier not in each.authorization_url


def texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict | list):
        return [text for inner in (value.values() if isinstance(value, dict) else value) for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def test_a_consent_gives_an_account_known_by_its_stable_id_and_a_grant_that_works(
    authorizer: Authorizer, stage: Stage
) -> None:
    grant = connect(authorizer, stage)
    assert (grant.account.id, grant.account.name) == (stage.account_id, stage.account_name)
    session = stage.session(secret=grant.secret)
    assert [one.primary for one in session.calendars.list_calendars()] == [True]


def test_connecting_again_gives_a_lasting_grant_again(authorizer: Authorizer, stage: Stage) -> None:
    connect(authorizer, stage)
    again = connect(authorizer, stage)
    stage.expire_access_tokens()
    stage.session(secret=again.secret).calendars.list_calendars()


def test_a_person_who_says_no_is_told_that_nothing_was_connected(authorizer: Authorizer, stage: Stage) -> None:
    begun = begin(authorizer, stage)
    error = failed(authorizer, begun.flow, stage.consent(begun.authorization_url, allow=False))
    assert error.code == "consent_denied"
    assert stage.live_grants() == 0


@pytest.mark.parametrize("query", [{"error": "server_error"}, {"error": "interaction_required"}, {}, {"state": "s"}])
def test_an_answer_without_a_code_connects_nothing(authorizer: Authorizer, stage: Stage, query: dict[str, str]) -> None:
    assert failed(authorizer, begin(authorizer, stage).flow, query).code == "provider_error"


def test_a_permission_that_was_left_out_is_named_and_the_useless_grant_can_be_given_back(
    authorizer: Authorizer, stage: Stage
) -> None:
    for left_out, words in stage.permissions.items():
        begun = begin(authorizer, stage)
        error = failed(authorizer, begun.flow, stage.consent(begun.authorization_url, leave_out=(left_out,)))
        assert isinstance(error, GrantIncomplete)
        assert error.code == "scope_missing"
        assert words in error.sentence
        assert error.grant.account.id == stage.account_id
        given_back(authorizer.revoke(error.grant.secret), stage)


def given_back(answer: Revocation, stage: Stage) -> None:
    """What is said of a grant's end is what happened at the provider."""
    assert answer is (Revocation.REVOKED if stage.revokes else Revocation.NOT_SUPPORTED)
    assert (stage.live_grants() == 0) is stage.revokes


def test_a_code_is_worth_one_connection(authorizer: Authorizer, stage: Stage) -> None:
    begun = begin(authorizer, stage)
    query = stage.consent(begun.authorization_url)
    authorizer.complete(begun.flow, query)
    assert failed(authorizer, begun.flow, query).code == "code_refused"


NONSENSE = ["x", "<script>alert(1)</script>", "ä\r\nSet-Cookie: a=b", "%00", "0" * 4000]


@pytest.mark.parametrize("code", NONSENSE)
def test_a_code_that_nobody_issued_connects_nothing_and_is_not_echoed(
    authorizer: Authorizer, stage: Stage, code: str
) -> None:
    error = failed(authorizer, begin(authorizer, stage).flow, {"code": code, "state": "state-1"})
    assert error.code == "code_refused"
    assert code == "x" or code not in error.sentence
    assert stage.live_grants() == 0


@pytest.mark.parametrize("text", NONSENSE)
def test_an_error_that_somebody_made_up_is_never_said_in_our_name(
    authorizer: Authorizer, stage: Stage, text: str
) -> None:
    query = {"error": text, "error_description": text, "error_uri": text, "error_subcode": text, "state": "state-1"}
    error = failed(authorizer, begin(authorizer, stage).flow, query)
    assert error.code == "provider_error"
    assert text == "x" or text not in error.sentence
    assert error.link == ""


def test_what_comes_back_from_a_sign_in_is_no_aside(authorizer: Authorizer, stage: Stage) -> None:
    """An administrator may be sent here outside of any sign-in; a sign-in must not be taken for that."""
    begun = begin(authorizer, stage)
    for query in ({}, stage.consent(begun.authorization_url), stage.consent(begun.authorization_url, allow=False)):
        assert authorizer.aside(query) == ""


def test_a_code_that_somebody_else_caught_is_worth_nothing_without_the_verifier(
    authorizer: Authorizer, stage: Stage
) -> None:
    query = stage.consent(begin(authorizer, stage).authorization_url)
    assert failed(authorizer, begin(authorizer, stage).flow, query).code == "code_refused"


def test_an_identity_of_another_sign_in_is_refused_and_its_grant_given_back_where_one_can(
    authorizer: Authorizer, stage: Stage
) -> None:
    begun = begin(authorizer, stage)
    query = stage.consent(begun.authorization_url, changes={"nonce": "somebody-elses"})
    assert failed(authorizer, begun.flow, query).code == "provider_error"
    assert (stage.live_grants() == 0) is stage.revokes


def test_a_grant_that_would_end_with_the_visit_is_refused(authorizer: Authorizer, stage: Stage) -> None:
    begun = begin(authorizer, stage)
    query = stage.consent(begun.authorization_url, lasting=False)
    assert failed(authorizer, begun.flow, query).code == "no_offline_access"


def test_wrong_credentials_of_the_product_are_not_the_persons_fault_and_are_not_shown(stage: Stage) -> None:
    authorizer = stage.provider(client_secret="expired-client-secret").authorizer()
    begun = begin(authorizer, stage)
    error = failed(authorizer, begun.flow, stage.consent(begun.authorization_url))
    assert error.code == "provider_error"
    assert "expired-client-secret" not in str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_in_trouble_is_no_refusal(authorizer: Authorizer, stage: Stage, status: int) -> None:
    begun = begin(authorizer, stage)
    query = stage.consent(begun.authorization_url)
    stage.sign_in_trouble(status)
    with pytest.raises(RetryLater):
        authorizer.complete(begun.flow, query)


def test_a_provider_that_cannot_be_reached_is_no_refusal(authorizer: Authorizer, stage: Stage) -> None:
    begun = begin(authorizer, stage)
    query = stage.consent(begun.authorization_url)
    with pytest.raises(RetryLater):
        stage.provider(reachable=False).authorizer().complete(begun.flow, query)


def test_giving_up_a_grant_says_what_became_of_it_at_the_provider_and_twice_is_told_from_once(
    authorizer: Authorizer, stage: Stage
) -> None:
    secret = connect(authorizer, stage).secret
    given_back(authorizer.revoke(secret), stage)
    assert authorizer.revoke(secret) is in_vain(stage)


def in_vain(stage: Stage) -> Revocation:
    return Revocation.FAILED if stage.revokes else Revocation.NOT_SUPPORTED


@pytest.mark.parametrize("secret", [b"", b"\xff", b"[]", b"{}", b"null", b'{"refresh_token": "?"}'])
def test_revoking_never_raises_since_disconnecting_must_always_succeed(
    authorizer: Authorizer, stage: Stage, secret: bytes
) -> None:
    assert authorizer.revoke(secret) is in_vain(stage)


def test_revoking_at_a_provider_that_cannot_be_reached_is_reported_not_raised(stage: Stage) -> None:
    assert stage.provider(reachable=False).authorizer().revoke(stage.secret()) is in_vain(stage)


def test_no_token_is_ever_logged_not_even_for_debugging(
    authorizer: Authorizer, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        grant = connect(authorizer, stage)
        session = stage.session(secret=grant.secret)
        tokens = stage.tokens()
        stage.expire_access_tokens()
        session.calendars.list_calendars()
        renewed = session.calendars.secret() or b""
        tokens |= stage.tokens()
        authorizer.revoke(renewed)
    assert len([token for token in tokens if token in (grant.secret + renewed).decode()]) >= 3
    assert [token for token in tokens if token in caplog.text] == []
