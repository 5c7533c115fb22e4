"""How this app proves to Microsoft who it is: by a client secret, or by a certificate that signs an assertion.

While one is replaced by the next, several live beside each other. The one that was accepted last is tried first, and
the next one when Microsoft does not know it or it has expired: both are `invalid_client` (AADSTS7000215, 7000222,
700027; Microsoft asks that nobody go by the numbers), and neither spends the code or the refresh token that came with
it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msal  # type: ignore[import-untyped]

from shared.config import MicrosoftSettings
from shared.providers.base import Certificate, ClientSecret, Credential, Password
from shared.providers.microsoft.sessions import DISCOVERY, open_sign_in

_REFUSED: Final = "invalid_client"


@dataclass
class _Turn:
    """Which of the credentials was accepted last."""

    at: int = 0


@lru_cache(maxsize=8)
def _turn(client: ClientSecret) -> _Turn:  # noqa: ARG001 (what the cache goes by)
    return _Turn()


def ask(
    settings: MicrosoftSettings,
    client: ClientSecret,
    cache: msal.TokenCache,
    call: Callable[[msal.ConfidentialClientApplication], dict[str, Any] | None],
) -> dict[str, Any] | None:
    """What MSAL answers to `call`, signed with the first credential that Microsoft accepts; the last refusal if it
    accepts none. Raises as `open_app`."""
    live, turn = client.live(), _turn(client)
    answer: dict[str, Any] | None = {"error": _REFUSED}
    for step in range(len(live)):
        at = (turn.at + step) % len(live)
        signed = _signing(live[at])
        if signed is None:
            continue
        answer = call(_open(settings, client.client_id, signed, cache))
        if answer is None or answer.get("error") != _REFUSED:
            turn.at = at
            return answer
    return answer


def open_app(
    settings: MicrosoftSettings, client: ClientSecret, cache: msal.TokenCache
) -> msal.ConfidentialClientApplication:
    """MSAL's client for this app, for what needs no proof of it. Makes a call if this process has not met the authority
    yet; raises `RetryLater`, or `ValueError` if there is no such authority."""
    return _open(settings, client.client_id, client.client_secret or "unused", cache)


def expires_at(client: ClientSecret, now: datetime) -> datetime | None:
    """When the last live credential ends, as far as ends are known; the last end if all are over."""
    ends = [_end(credential) for credential in client.live()]
    known = [end for end in ends if end is not None]
    live = [end for end in known if end > now]
    return max(live or (known if len(known) == len(ends) else []), default=None)


def _open(
    settings: MicrosoftSettings, client_id: str, signing: str | dict[str, str], cache: msal.TokenCache
) -> msal.ConfidentialClientApplication:
    login_url = settings.microsoft_login_url.rstrip("/")
    logging.getLogger("msal").setLevel(logging.INFO)  # at DEBUG it logs whom it finds tokens for
    return msal.ConfidentialClientApplication(
        client_id,
        client_credential=signing,
        authority=f"{login_url}/{settings.microsoft_tenant}",
        instance_discovery=False,
        token_cache=cache,
        http_client=open_sign_in(login_url, settings.provider_ca_file),
        http_cache=DISCOVERY,
    )


def _signing(credential: Credential) -> str | dict[str, str] | None:
    """The credential as MSAL takes it; None for one that cannot be used. MSAL names a certificate by its SHA-256."""
    match credential:
        case Password(value):
            return value or None
        case Certificate(certificate, private_key):
            usable = _end_of(certificate) is not None and _is_key(private_key)
            return {"private_key": private_key, "public_certificate": certificate} if usable else None


def _end(credential: Credential) -> datetime | None:
    match credential:
        case Password(expires_at=end):
            return end
        case Certificate(certificate):
            return _end_of(certificate)


@lru_cache(maxsize=8)
def _end_of(certificate: str) -> datetime | None:
    """The last moment of a certificate; None for what is none."""
    from cryptography import x509  # costs tens of milliseconds, which only who has a certificate pays

    try:
        return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    except ValueError:
        return None


@lru_cache(maxsize=8)
def _is_key(private_key: str) -> bool:
    """Whether it is an RSA key without a passphrase: Microsoft takes no other (page "Certificate credentials")."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return isinstance(load_pem_private_key(private_key.encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError):
        return False
