"""What a Secrets Manager entry `{provider}_client_secret` says this app proves itself with at a provider.

    {"client_id": "…", "client_secret": "…"}
    {"client_id": "…", "credentials": [{"client_secret": "…", "expires_at": "2027-05-01"},
                                       {"certificate": "<PEM>", "private_key": "<PEM>"}]}

Both forms together are fine: whatever is there is live. `expires_at` is a day or an instant that the operator noted, as
Microsoft announces the end of a secret to nobody; a certificate's own end is read from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.providers.base import Certificate, ClientSecret, Credential, Password


class ClientEntryMalformed(Exception):
    """The entry lacks what is needed; the message says where, never a value."""


def read_client(entry: Mapping[str, Any]) -> ClientSecret:
    """The app's identity. Raises `ClientEntryMalformed`."""
    listed = entry.get("credentials") or []
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise ClientEntryMalformed("`credentials` is no list of objects")
    return ClientSecret(
        client_id=str(entry.get("client_id") or ""),
        client_secret=str(entry.get("client_secret") or ""),
        credentials=tuple(_credential(one, f"credentials[{at}]") for at, one in enumerate(listed)),
        expires_at=_instant(entry.get("expires_at"), "expires_at"),
    )


def _credential(fields: Mapping[str, Any], where: str) -> Credential:
    match fields:
        case {"client_secret": str(value)} if value:
            return Password(value, _instant(fields.get("expires_at"), f"{where}.expires_at"))
        case {"certificate": str(certificate), "private_key": str(private_key)} if certificate and private_key:
            return Certificate(certificate, private_key)
    raise ClientEntryMalformed(f"{where} holds neither `client_secret` nor `certificate` and `private_key`")


def _instant(text: object, where: str) -> datetime | None:
    """A day ends as it begins, in UTC: better a warning too early than one too late."""
    if text in (None, ""):
        return None
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        raise ClientEntryMalformed(f"{where} is no day and no instant (2027-05-01)") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
