"""The secret part of a connection: its tokens, and how they are renewed while they are used.

A secret is JSON: `{"refresh_token", "token", "expiry", "scopes"}`, and `refused_since` while Google refuses fresh
access tokens. Only this module and `auth` read it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httplib2
from google.oauth2.credentials import Credentials

from shared.config import GoogleSettings
from shared.errors import ConnectionRevoked, RetryLater, SyncError
from shared.providers.base import ClientSecret
from shared.providers.google.errors import retry_after, token_refused

TIMEOUT: Final = 10.0
"""Seconds after which a call to Google is given up."""

SERVICE_ACCOUNT: Final = "service_account"
"""The member of a secret that is none of a person's (see `delegation`)."""

_PATIENCE: Final = timedelta(hours=1)


def encode_secret(
    *,
    refresh_token: str,
    token: str | None,
    expiry: datetime | None,
    scopes: Sequence[str],
    refused_since: str = "",
) -> bytes:
    """The bytes to be stored; `expiry` is naive UTC, as Google's library has it."""
    fields = {
        "refresh_token": refresh_token,
        "token": token,
        "expiry": expiry.replace(microsecond=0).isoformat() if expiry else None,
        "scopes": sorted(scopes),
    }
    if refused_since:
        fields["refused_since"] = refused_since
    return json.dumps(fields, separators=(",", ":")).encode()


def is_delegation(secret: bytes) -> bool:
    """Whether a secret is a service account's, and not of somebody who signed in."""
    return SERVICE_ACCOUNT in json.loads(secret)


def open_http(settings: GoogleSettings) -> httplib2.Http:
    """One connection pool to Google. The environment's proxies and certificate bundles have no say in it."""
    return httplib2.Http(timeout=TIMEOUT, proxy_info=None, ca_certs=settings.provider_ca_file or None)


class Grant:
    """One account's tokens in use. `http` can stand where Google's client expects an `httplib2.Http`."""

    def __init__(self, secret: bytes, settings: GoogleSettings, client: ClientSecret) -> None:
        fields = json.loads(secret)
        expiry = fields.get("expiry")
        self._scopes = tuple(fields.get("scopes") or ())
        self._refused_since = str(fields.get("refused_since") or "")
        # No `scopes` here: google-auth would ask for them at each refresh; unsaid means "as they were given".
        self.credentials = Credentials(  # type: ignore[no-untyped-call]
            fields.get("token"),
            refresh_token=fields["refresh_token"],
            token_uri=f"{settings.google_oauth_url.rstrip('/')}/token",
            client_id=client.client_id,
            client_secret=client.client_secret,
            expiry=datetime.fromisoformat(expiry) if expiry else None,
        )
        if expiry is None:
            self.credentials.token = None
        self._opened = self._encode()
        self.http = SignedHttp(self.credentials, open_http(settings), token_refused)

    def secret(self) -> bytes | None:
        """The secret, if using the grant has changed it."""
        now = self._encode()
        return None if now == self._opened else now

    def accepted(self) -> None:
        """Google took the access token."""
        self._refused_since = ""

    def judged(self, error: SyncError) -> SyncError:
        """What a refusal of a call means under this grant."""
        return error

    def refused(self, now: datetime) -> SyncError:
        """Google refused even a token it had issued a moment ago.

        The refresh shows that the consent stands, so this may be Google's own trouble, as in its outage of identity
        services in December 2020, and calling it revoked would ask everybody to connect again. Only when it has
        lasted an hour is the connection given up; the secret remembers since when.
        """
        if not self._refused_since:
            self._refused_since = now.isoformat(timespec="seconds")
        if now - datetime.fromisoformat(self._refused_since) < _PATIENCE:
            return RetryLater("Google refuses a fresh access token.", delay=60.0, code="token_refused")
        return ConnectionRevoked(
            "Google has refused this account for an hour. Connect the account again.", code="token_refused"
        )

    def _encode(self) -> bytes:
        return encode_secret(
            refresh_token=self.credentials.refresh_token or "",
            token=self.credentials.token,
            expiry=self.credentials.expiry,
            scopes=self._scopes,
            refused_since=self._refused_since,
        )


@dataclass(frozen=True, slots=True)
class _TokenAnswer:
    """What google-auth expects of a transport (`google.auth.transport.Response`)."""

    status: int
    headers: Mapping[str, str]
    data: bytes


TokenRefused = Callable[[int, Mapping[str, object], float | None], SyncError]
"""What a refused token means: status, answer and `Retry-After` to an error."""


class SignedHttp:
    """Sends requests with an access token, renewing it when it is about to expire or is refused (once). `credentials`
    are those of google-auth, a person's or a service account's."""

    def __init__(self, credentials: Any, http: httplib2.Http, token_refused: TokenRefused) -> None:
        self.credentials = credentials
        self._http = http
        self._token_refused = token_refused

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> tuple[httplib2.Response, bytes]:
        """As `httplib2.Http.request`; raises errors of `shared.errors` if the token cannot be renewed."""
        for last in (False, True):
            signed = dict(headers or {})
            self.credentials.before_request(self._fetch_token, method, uri, signed)
            response, content = self._http.request(uri, method, body=body, headers=signed, **options)
            # A watch is refused with 401 too, when the address is not ours: that is not about the token.
            if last or response.status != 401 or b"webhookUrl" in content:
                break
            self.renew()
        return response, content

    def renew(self) -> None:
        """Get a new access token."""
        self.credentials.refresh(self._fetch_token)

    def close(self) -> None:
        self._http.close()

    def _fetch_token(
        self,
        url: str,
        method: str = "POST",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> _TokenAnswer:
        """A transport for google-auth. It judges refusals itself: google-auth would sleep and try again, and a job
        that waits is better off in the queue."""
        response, content = self._http.request(url, method, body=body, headers=dict(headers or {}))
        answer = _json_object(content)
        if response.status != 200 or "access_token" not in answer:
            raise self._token_refused(response.status, answer, retry_after(response))
        return _TokenAnswer(response.status, response, content)


def _json_object(content: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def utc_now() -> datetime:
    return datetime.now(UTC)
