"""Who signed in: reading the id_token that came with the tokens. Pure."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from hmac import compare_digest
from typing import Any, Final

from shared.model import Account

_SKEW: Final = 60.0


class NotIdentified(Exception):
    """The id_token does not say, of this sign-in at this app, who it was."""


def read_id_token(id_token: str, *, client_id: str, accounts_url: str, nonce: str, now: float | None = None) -> Account:
    """The account that an id_token names. Raises `NotIdentified`.

    The token was handed over by the token endpoint itself, so that TLS stands for its signature (OpenID Connect Core,
    3.1.3.7, point 6); issuer, audience, expiry and nonce are checked. An account is known by its `sub`; addresses
    change hands (page "OpenID Connect", "ID token's payload").
    """
    claims = _claims(id_token)
    issuers = {"accounts.google.com", "https://accounts.google.com", accounts_url}
    audience = claims.get("aud")
    if claims.get("iss") not in issuers:
        raise NotIdentified("it was issued by somebody else")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise NotIdentified("it was issued for another app")
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise NotIdentified("it was issued to another app")
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float) or expiry < (time.time() if now is None else now) - _SKEW:
        raise NotIdentified("it has expired")
    if not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise NotIdentified("it belongs to another sign-in")
    subject = claims.get("sub")
    if not subject or not isinstance(subject, str):
        raise NotIdentified("it names nobody")
    email = str(claims.get("email") or subject)
    return Account(subject, email, email.casefold())


def _claims(id_token: str) -> dict[str, Any]:
    try:
        payload = id_token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        raise NotIdentified("it cannot be read") from None
    if not isinstance(claims, dict):
        raise NotIdentified("it cannot be read")
    return claims
