"""The demo's identity provider: a token must hold exactly what was asked for, and be checkable by a stranger."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
import requests

from demo.front_door import Running
from demo.tokens import Claims, Issuer

ASKED = {"sub": "ann", "org": "demo", "roles": ["admin"], "scope": "lockstep.host"}


def verified(token: str, issuer: str) -> dict[str, object]:
    """What any verifier does: discovery, key set, signature, issuer, audience, expiry."""
    discovery = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
    assert discovery["issuer"] == issuer
    keys = jwt.PyJWKSet.from_dict(requests.get(discovery["jwks_uri"], timeout=10).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(
        token, key, algorithms=["RS256"], audience="lockstep", issuer=issuer, options={"require": ["exp"]}
    )


def test_a_stranger_can_check_the_token_with_what_the_issuer_publishes(door: Running) -> None:
    answer = requests.post(f"{door.url}/dev/token", json=ASKED, timeout=10)
    assert list(answer.json()) == ["token"]
    assert answer.headers["Cache-Control"] == "no-store"
    claims = verified(answer.json()["token"], door.url)
    assert {name: claims[name] for name in ASKED} == ASKED


def test_a_token_lives_one_hour_and_not_for_ever(tmp_path: Path) -> None:
    noon = datetime(2027, 3, 1, 12, tzinfo=UTC)
    token = Issuer("http://issuer.example", tmp_path, now=lambda: noon).issue(Claims("ann", "demo"))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["iat"] == noon.timestamp()


def test_no_role_or_scope_is_given_that_was_not_asked_for(door: Running) -> None:
    answer = requests.post(f"{door.url}/dev/token", json={"sub": "ann", "org": "demo"}, timeout=10)
    claims = verified(answer.json()["token"], door.url)
    assert (claims["roles"], claims["scope"]) == ([], "")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", {"body"}),
        (b"not json", {"body"}),
        (b"[]", {"body"}),
        (b"[" * 100_000, {"body"}),
        (b"\xff\xfe", {"body"}),
        (json.dumps({"sub": "ann"}).encode(), {"org"}),
        (json.dumps({"sub": "", "org": 7}).encode(), {"sub", "org"}),
        (json.dumps({"sub": "a b", "org": "demo"}).encode(), {"sub"}),
        (json.dumps({**ASKED, "roles": "admin"}).encode(), {"roles"}),
        (json.dumps({**ASKED, "roles": [1]}).encode(), {"roles"}),
        (json.dumps({**ASKED, "scope": ["lockstep.host"]}).encode(), {"scope"}),
        (json.dumps({**ASKED, "scope": "a\nb"}).encode(), {"scope"}),
        (json.dumps({**ASKED, "role": ["admin"]}).encode(), {"role"}),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_sentence_for_each_fault(
    door: Running, body: bytes, wrong: set[str]
) -> None:
    answer = requests.post(f"{door.url}/dev/token", data=body, timeout=10)
    said = answer.json()
    assert (answer.status_code, said["code"]) == (422, "invalid_request")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {error["field"] for error in said["errors"]} == wrong
    assert all(error["sentence"].endswith(".") for error in said["errors"])


def test_a_token_is_not_handed_out_to_a_link(door: Running) -> None:
    assert requests.get(f"{door.url}/dev/token", params={"sub": "ann", "org": "demo"}, timeout=10).status_code == 405


def test_the_signing_key_is_nobody_elses_to_read(tmp_path: Path) -> None:
    Issuer("http://issuer.example", tmp_path / "state")
    (key_file,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_restart_does_not_make_issued_tokens_worthless(tmp_path: Path) -> None:
    token = Issuer("http://issuer.example", tmp_path).issue(Claims("ann", "demo"))
    keys = jwt.PyJWKSet.from_dict(Issuer("http://issuer.example", tmp_path).jwks())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, algorithms=["RS256"], audience="lockstep")["sub"] == "ann"


def test_the_published_key_holds_no_private_part(tmp_path: Path) -> None:
    (key,) = json.loads(json.dumps(Issuer("http://issuer.example", tmp_path).jwks()))["keys"]
    assert set(key) == {"kty", "n", "e", "alg", "use", "kid"}
