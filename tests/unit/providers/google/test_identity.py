"""The id_token: who signed in, and every way in which it may not be this person at this app."""

import base64
import json
from typing import Any

import pytest

from shared.model import Account
from shared.providers.google.identity import NotIdentified, read_id_token

NOW = 1_800_000_000
CLAIMS: dict[str, Any] = {
    "iss": "https://accounts.google.com",
    "aud": "client-1",
    "sub": "1234567890",
    "email": "anna@example.com",
    "exp": NOW + 3600,
    "nonce": "n-1",
}


def token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def read(claims: object, *, raw: str | None = None) -> Account:
    return read_id_token(
        raw if raw is not None else token(claims),
        client_id="client-1",
        accounts_url="http://127.0.0.1:9",
        nonce="n-1",
        now=NOW,
    )


def test_an_account_is_known_by_its_subject_and_called_by_its_address() -> None:
    assert read(CLAIMS) == Account("1234567890", "anna@example.com", "anna@example.com")


def test_an_account_without_address_is_called_by_its_subject() -> None:
    assert read({k: v for k, v in CLAIMS.items() if k != "email"}) == Account("1234567890", "1234567890", "1234567890")


@pytest.mark.parametrize("issuer", ["accounts.google.com", "https://accounts.google.com", "http://127.0.0.1:9"])
def test_each_form_of_the_issuer_is_known(issuer: str) -> None:
    assert read(CLAIMS | {"iss": issuer}).id == "1234567890"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://accounts.example.com"},
        {"iss": "https://accounts.google.com.example.com"},
        {"iss": None},
        {"aud": "client-2"},
        {"aud": ["client-2"]},
        {"aud": ["client-1", "client-2"]},
        {"aud": ["client-1", "client-2"], "azp": "client-2"},
        {"aud": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": str(NOW + 3600)},
        {"nonce": "n-2"},
        {"nonce": None},
        {"nonce": "ñ"},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_a_token_that_is_not_of_this_sign_in_identifies_nobody(change: dict[str, object]) -> None:
    with pytest.raises(NotIdentified):
        read(CLAIMS | change)


def test_clocks_may_differ_by_a_minute_and_an_audience_may_be_a_list() -> None:
    assert read(CLAIMS | {"exp": NOW - 59, "aud": ["client-1"]}).id == "1234567890"


@pytest.mark.parametrize("raw", ["", "x", "a.b", "a.!!!.c", "a.e30.c", "a.W10.c", "a.bnVsbA.c", "ä.ö.ü"])
def test_what_is_no_token_identifies_nobody(raw: str) -> None:
    with pytest.raises(NotIdentified):
        read(None, raw=raw)
