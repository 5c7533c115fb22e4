"""A service account that acts for everybody of a Workspace domain: its key, and tokens in a person's name.

Page "Using OAuth 2.0 for server to server applications", "Delegating domain-wide authority". The secret is JSON:
`{"service_account": {client_email, client_id, private_key_id, private_key}, "domain"}`. Of a key file nothing else is
used: the address of the token endpoint is that of this deployment, whatever the file says.

Google refuses in words that fit several causes. `invalid_grant` is a person who is suspended or not there, or a key
that is gone: a token for the service account itself, which needs no delegation, tells the two apart.
`unauthorized_client` is a delegation that is missing or lacks a scope, or a person of another domain: there the domain
of the address tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from google.auth.crypt import RSASigner
from google.oauth2.service_account import Credentials

from shared.config import GoogleSettings
from shared.errors import ConnectionRevoked, RetryLater, SyncError
from shared.providers.google.errors import token_refused
from shared.providers.google.grant import SERVICE_ACCOUNT, SignedHttp, open_http
from shared.providers.organizations import MailboxRefused, MailboxState

SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
)
"""What the administrator delegates, letter by letter; one more would be refused together with these."""

SENTENCES: Final = {
    MailboxState.OUT_OF_SCOPE: "Google does not let the service account act for this person: they belong to another "
    "domain, or their part of the organisation does not allow it.",
    MailboxState.NOT_LICENSED: "Google Calendar is switched off for this person. Switch it on under Apps, Google "
    "Workspace, Calendar, or switch this person off here.",
    MailboxState.NOT_FOUND: "Nobody in the domain has this address, or the person is suspended; Google does not tell "
    "which. Check the address in the admin console.",
}
"""What an administrator does about it."""

_CLOSED: Final = {"no_calendar_service": MailboxState.NOT_LICENSED, "admin_policy": MailboxState.OUT_OF_SCOPE}
_PATIENCE: Final = timedelta(hours=1)


class KeyMalformed(Exception):
    """Not the JSON file of a service account's key; the message says what is missing, never what is there."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is used of a key file."""

    client_email: str
    client_id: str
    private_key_id: str
    private_key: str = field(repr=False)


def read_key(text: bytes) -> Key:
    """Read a key file. Raises `KeyMalformed`."""
    try:
        fields = json.loads(text)
    except ValueError:
        raise KeyMalformed("it is no JSON") from None
    if not isinstance(fields, dict) or fields.get("type") != "service_account":
        raise KeyMalformed('it is no key of a service account ("type")')
    names = ("client_email", "client_id", "private_key_id", "private_key")
    for name in names:
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise KeyMalformed(f"{name} is missing")
    key = Key(**{name: fields[name] for name in names})
    try:
        _signer(key)
    except (ValueError, TypeError):
        raise KeyMalformed("private_key cannot be read") from None
    return key


def encode_secret(key: Key, domain: str) -> bytes:
    """The bytes to be stored."""
    return json.dumps({SERVICE_ACCOUNT: asdict(key), "domain": domain}).encode()


@dataclass
class _Held:
    """The service account's credentials in one person's name, as long as this process lives."""

    credentials: Credentials
    refused_since: datetime | None = None


@lru_cache(maxsize=1024)
def _held(key: Key, token_uri: str, subject: str) -> _Held:
    made = Credentials(  # type: ignore[no-untyped-call]
        _signer(key), key.client_email, token_uri, scopes=list(SCOPES), subject=subject or None
    )
    return _Held(made)


@lru_cache(maxsize=8)
def _signer(key: Key) -> RSASigner:
    return RSASigner.from_string(key.private_key, key.private_key_id)  # type: ignore[no-untyped-call, no-any-return]


class Delegation:
    """The service account in use for one mailbox. See `shared.providers.google.wire.Tokens`."""

    def __init__(self, secret: bytes, settings: GoogleSettings, mailbox: str) -> None:
        fields = json.loads(secret)
        self.account = Key(**fields[SERVICE_ACCOUNT])
        self._domain = str(fields.get("domain") or "").lower()
        self._mailbox = mailbox.strip().lower()  # as Google writes addresses, whatever was typed
        self._token_uri = f"{settings.google_oauth_url.rstrip('/')}/token"
        self._held = _held(self.account, self._token_uri, self._mailbox)
        self._settings = settings
        self.http = SignedHttp(self._held.credentials, open_http(settings), self._token_refused)

    def secret(self) -> bytes | None:
        return None

    def accepted(self) -> None:
        self._held.refused_since = None

    def refused(self, now: datetime) -> SyncError:
        """As for somebody who signed in: Google's own trouble for an hour, then the end. One process counts."""
        self._held.refused_since = self._held.refused_since or now
        if now - self._held.refused_since < _PATIENCE:
            return RetryLater("Google refuses a fresh access token.", delay=60.0, code="token_refused")
        return ConnectionRevoked("Google has refused the service account for an hour.", code="token_refused")

    def judged(self, error: SyncError) -> SyncError:
        """What would end a person's own connection ends nothing but this mailbox."""
        state = _CLOSED.get(error.code) if isinstance(error, ConnectionRevoked) else None
        return error if state is None else refused(state)

    def _token_refused(self, status: int, answer: Mapping[str, object], wait: float | None) -> SyncError:
        match answer.get("error") if status < 500 and status != 429 else None:
            case "invalid_grant" if self._mailbox and self._key_works():
                return refused(MailboxState.NOT_FOUND)
            case "invalid_grant":
                return ConnectionRevoked(
                    "Google no longer takes the service account's key: it was deleted or switched off. Put in a new "
                    "one."
                )
            case "unauthorized_client" | "access_denied" if self._is_foreign():
                return refused(MailboxState.OUT_OF_SCOPE)
            case "unauthorized_client" | "access_denied":
                return ConnectionRevoked(
                    f"Google's delegation for the client id {self.account.client_id} is missing, or lacks a scope. "
                    "Check it in the admin console under Manage Domain Wide Delegation; a change may take a day."
                )
        return token_refused(status, answer, wait)

    def _key_works(self) -> bool:
        """Whether the key still gives a token for the service account itself. Raises `RetryLater`."""
        own = _held(self.account, self._token_uri, "")
        try:
            SignedHttp(own.credentials, open_http(self._settings), token_refused).renew()
        except ConnectionRevoked:
            return False
        return True

    def _is_foreign(self) -> bool:
        return bool(self._domain) and self._mailbox.rpartition("@")[2] != self._domain


def refused(state: MailboxState) -> MailboxRefused:
    return MailboxRefused(state, SENTENCES[state])
