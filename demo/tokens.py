"""The demo's identity provider: `Issuer` hands out the tokens that a host app's own sign-in would.

It has one RSA key, made at the first start and kept in the state directory, readable by its owner only. The deployed
API checks the tokens exactly as it would check anybody's: through the issuer's discovery document and its JWKS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE: Final = "lockstep"
LIFETIME: Final = timedelta(hours=1)
KEY_FILE: Final = "issuer-key.pem"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_WORD: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")


class TokenRefused(Exception):
    """The request for a token is wrong; `errors` maps each wrong field to a sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Claims:
    """Who the token speaks for. `scope` is a row of words separated by spaces, as in RFC 6749."""

    sub: str
    org: str
    roles: tuple[str, ...] = ()
    scope: str = ""


def parse_claims(body: bytes) -> Claims:
    """Read `{"sub", "org", "roles"?, "scope"?}`; raises `TokenRefused` naming every field that is wrong."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise TokenRefused({"body": 'Send a JSON object, for example {"sub": "ann", "org": "demo"}.'}) from None
    if not isinstance(given, dict):
        raise TokenRefused({"body": "Send a JSON object with sub and org."})
    errors: dict[str, str] = {
        name: f"There is no field {name}; sub, org, roles and scope are the ones."
        for name in given
        if name not in ("sub", "org", "roles", "scope")
    }
    for name in ("sub", "org"):
        if not (isinstance(given.get(name), str) and _NAME.fullmatch(given[name])):
            errors[name] = f"{name} must be 1 to 128 letters, digits or . _ @ + - and start with a letter or digit."
    roles = given.get("roles", [])
    if not (isinstance(roles, list) and all(isinstance(role, str) and _WORD.fullmatch(role) for role in roles)):
        errors["roles"] = "roles must be a list of words."
    scope = given.get("scope", "")
    if not (isinstance(scope, str) and all(_WORD.fullmatch(word) for word in scope.split(" ") if scope)):
        errors["scope"] = "scope must be words with one space between them."
    if errors:
        raise TokenRefused(errors)
    return Claims(sub=given["sub"], org=given["org"], roles=tuple(roles), scope=scope)


class Issuer:
    """Signs tokens (RS256) and publishes what checks them. `url` is the `iss` of every token."""

    def __init__(self, url: str, state_dir: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.url = url
        self._now = now
        self._key = _load_or_make_key(state_dir / KEY_FILE)
        self._jwk = _public_jwk(self._key.public_key())

    def discovery(self) -> dict[str, object]:
        """The OpenID Connect discovery document, as far as a verifier of tokens needs it."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "token_endpoint": f"{self.url}/dev/token",
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def jwks(self) -> dict[str, object]:
        return {"keys": [self._jwk]}

    def issue(self, claims: Claims) -> str:
        """A signed token for `claims`, good for an hour."""
        now = self._now()
        payload: dict[str, object] = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": claims.sub,
            "org": claims.org,
            "roles": list(claims.roles),
            "scope": claims.scope,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        return jwt.encode(payload, self._key, algorithm="RS256", headers={"kid": self._jwk["kid"]})


def _load_or_make_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return _make_key(path)
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path.name} holds a key that is not RSA; remove it and start again.")
    path.chmod(0o600)
    return key


def _make_key(path: Path) -> rsa.RSAPrivateKey:
    """Made complete in a file that nobody else can read, then put in place: a crash leaves no half a key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, pem)
    return key


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read (0600), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def _public_jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    """The key as a JWK whose `kid` is its RFC 7638 thumbprint."""
    numbers = key.public_numbers()
    required = {"e": _base64url_number(numbers.e), "kty": "RSA", "n": _base64url_number(numbers.n)}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    return {**required, "alg": "RS256", "use": "sig", "kid": _base64url(hashlib.sha256(canonical).digest())}


def _base64url_number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
