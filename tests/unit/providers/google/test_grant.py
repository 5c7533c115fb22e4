"""The tokens of a connection: renewed when they must be, and given up only when the consent is gone."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httplib2
import pytest

from shared.config import GoogleSettings
from shared.errors import ConnectionRevoked, RetryLater
from shared.providers.base import ClientSecret
from shared.providers.google import grant as grant_module
from shared.providers.google.grant import Grant, encode_secret

NOW = datetime.now(UTC)
API = "https://www.googleapis.com/calendar/v3/users/me/calendarList"
Answer = tuple[int, dict[str, object]]
TOKEN: Answer = (200, {"access_token": "fresh", "expires_in": 3599, "token_type": "Bearer"})


class FakeHttp:
    """Answers with prepared answers and remembers what it was asked."""

    def __init__(self, answers: Iterator[Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str | None]] = []

    def request(self, uri: str, method: str = "GET", **options: Any) -> tuple[httplib2.Response, bytes]:
        self.asked.append((uri, options["headers"].get("authorization")))
        status, body = next(self.answers)
        return httplib2.Response({"status": str(status)}), json.dumps(body).encode()


Opener = Callable[..., tuple[Grant, FakeHttp]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opener:
    def open_grant(*answers: Answer, expires_in: float = 3600, **changes: Any) -> tuple[Grant, FakeHttp]:
        fake = FakeHttp(iter(answers))
        monkeypatch.setattr(grant_module, "open_http", lambda _: fake)
        expiry = (NOW + timedelta(seconds=expires_in)).replace(tzinfo=None)
        fields: dict[str, Any] = {
            "refresh_token": "r-1",
            "token": "old",
            "expiry": expiry,
            "scopes": ["b", "a"],
        } | changes
        settings = GoogleSettings(google_client_secret="x")
        return Grant(encode_secret(**fields), settings, ClientSecret("id", "secret")), fake

    return open_grant


def test_a_living_token_is_used_as_it_is_and_the_secret_stays(opened: Opener) -> None:
    grant, http = opened((200, {}))
    grant.http.request(API)
    assert http.asked == [(API, "Bearer old")]
    assert grant.secret() is None


def test_a_token_about_to_expire_is_renewed_first_and_the_new_one_is_to_be_stored(opened: Opener) -> None:
    grant, http = opened(TOKEN, (200, {}), expires_in=60)
    grant.http.request(API)
    assert [uri for uri, _ in http.asked] == ["https://oauth2.googleapis.com/token", API]
    assert http.asked[1][1] == "Bearer fresh"
    stored = json.loads(grant.secret() or b"")
    assert (stored["refresh_token"], stored["token"], stored["scopes"]) == ("r-1", "fresh", ["a", "b"])


def test_a_secret_without_expiry_is_renewed_rather_than_trusted_for_ever(opened: Opener) -> None:
    grant, http = opened(TOKEN, (200, {}), expiry=None)
    grant.http.request(API)
    assert http.asked[1] == (API, "Bearer fresh")


def test_a_rotated_refresh_token_is_not_lost(opened: Opener) -> None:
    grant, _ = opened((200, {**TOKEN[1], "refresh_token": "r-2"}), (200, {}), expires_in=0)
    grant.http.request(API)
    assert json.loads(grant.secret() or b"")["refresh_token"] == "r-2"


def test_a_refused_token_is_renewed_once_and_the_call_made_again(opened: Opener) -> None:
    grant, http = opened((401, {}), TOKEN, (200, {}))
    response, _ = grant.http.request(API)
    assert response.status == 200
    assert [token for _, token in http.asked] == ["Bearer old", None, "Bearer fresh"]


def test_a_token_that_is_refused_twice_does_not_loop(opened: Opener) -> None:
    grant, http = opened((401, {}), TOKEN, (401, {}))
    response, _ = grant.http.request(API)
    assert response.status == 401
    assert len(http.asked) == 3


def test_a_refused_webhook_address_is_not_taken_for_a_refused_token(opened: Opener) -> None:
    grant, http = opened((401, {"error": {"errors": [{"reason": "push.webhookUrlUnauthorized"}]}}))
    grant.http.request(API)
    assert len(http.asked) == 1


def test_a_withdrawn_consent_shows_at_the_first_renewal(opened: Opener) -> None:
    grant, _ = opened((400, {"error": "invalid_grant"}), expires_in=0)
    with pytest.raises(ConnectionRevoked) as caught:
        grant.http.request(API)
    assert caught.value.code == "consent_revoked"
    assert "r-1" not in caught.value.sentence


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_endpoint_in_trouble_is_asked_later_and_not_slept_on(opened: Opener, status: int) -> None:
    grant, http = opened((status, {"error": "internal_failure"}), expires_in=0)
    with pytest.raises(RetryLater):
        grant.http.request(API)
    assert len(http.asked) == 1


def test_a_page_in_the_way_of_the_token_endpoint_is_no_token(opened: Opener) -> None:
    grant, _ = opened((200, {"login": "to this hotel"}), expires_in=0)
    with pytest.raises(RetryLater):
        grant.http.request(API)


def test_an_outage_of_googles_sign_in_does_not_ask_everybody_to_reconnect(opened: Opener) -> None:
    grant, _ = opened()
    assert isinstance(grant.refused(NOW), RetryLater)
    since = json.loads(grant.secret() or b"")["refused_since"]
    later, _ = opened(refused_since=since)
    assert isinstance(later.refused(NOW + timedelta(minutes=59)), RetryLater)
    assert isinstance(later.refused(NOW + timedelta(minutes=61)), ConnectionRevoked)


def test_one_accepted_call_forgets_the_refusals_before_it(opened: Opener) -> None:
    grant, _ = opened(refused_since=(NOW - timedelta(hours=5)).isoformat())
    grant.accepted()
    assert "refused_since" not in json.loads(grant.secret() or b"")
    assert isinstance(grant.refused(NOW), RetryLater)


def test_a_call_to_google_has_an_end_and_takes_no_orders_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    authority = str(tmp_path / "ca.pem")
    http = grant_module.open_http(GoogleSettings(google_client_secret="x", provider_ca_file=authority))
    assert (http.timeout, http.ca_certs, http.proxy_info) == (10.0, authority, None)
