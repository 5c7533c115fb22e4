"""The `state` of a consent: signed, short-lived, single-use, bound to one connection and one user.

It is unguessable, says nothing about anybody, and is worth nothing without the row it belongs to: that row keeps its
digest, and taking the flow out of the row spends it (`ConnectionStore.take_flow`).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import ConnectFailed
from shared.model import Owner
from shared.signing import Keyring

PURPOSE = "oauth-state"


@dataclass(frozen=True, slots=True)
class State:
    """`text` travels through the provider, `digest` stays in the row."""

    text: str
    digest: str


def make_state(connection_id: str, owner: Owner, expires_at: datetime, keyring: Keyring) -> State:
    body = f"{connection_id}.{int(expires_at.timestamp())}.{secrets.token_urlsafe(16)}"
    text = f"{body}.{keyring.sign(_message(body, owner))}"
    return State(text, digest(text))


def connection_in(state: str) -> str:
    """Which connection a state claims to belong to; nothing is verified yet."""
    return state.partition(".")[0]


def verify_state(state: str, owner: Owner, now: datetime, keyring: Keyring) -> str:
    """The state's digest, if it was made here for this owner and has not expired. Raises `ConnectFailed`."""
    body, _, mac = state.rpartition(".")
    if not keyring.recognises(_message(body, owner), mac):
        raise ConnectFailed("state_invalid", "This sign-in was not started here. Start again from the page.")
    expires = datetime.fromtimestamp(int(body.split(".")[1]), UTC)
    if now >= expires:
        raise ConnectFailed("state_expired", "This sign-in took too long. Start again from the page.")
    return digest(state)


def digest(secret: str) -> str:
    """What is stored of a secret that only needs to be recognised."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _message(body: str, owner: Owner) -> str:
    return f"{body}\0{owner.org}\0{owner.user_id}"
