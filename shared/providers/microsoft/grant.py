"""The secret part of a connection: MSAL's token cache, and how tokens are renewed while they are used.

A secret is JSON: `{"msal": <MSAL's own cache>, "scopes": <what was granted>}`, and `refused_since` while Graph refuses
fresh access tokens. Only this module and `auth` read it.

MSAL's habits that are met here (seen in msal 1.39): it asks the authority for its configuration whenever an app is
made, unless `http_cache` has the answer; it keeps refusals of the token endpoint there too and repeats them for a
minute, which would end a connection that was just renewed; after `invalid_grant` it keeps the refresh token; an access
token that has expired is dropped when it is looked for, and with it the memory of what was granted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msal  # type: ignore[import-untyped]
import requests

from shared.config import MicrosoftSettings
from shared.errors import ConnectionRevoked, RetryLater, SyncError
from shared.providers.base import ClientSecret
from shared.providers.microsoft.errors import busy, no_token, retry_after, scope_missing, token_refused, unreachable

TIMEOUT: Final = 10.0
"""Seconds after which a call to Microsoft is given up."""

CALENDARS_SCOPE: Final = "Calendars.ReadWrite"
SCOPES: Final = (CALENDARS_SCOPE, "Calendars.ReadWrite.Shared", "MailboxSettings.Read", "User.Read")
"""Asked for, in this order: what nothing works without; calendars that others share with the account; the mailbox's
time zone; who it is. None of them takes an administrator by itself (page "Microsoft Graph permissions reference"). A
personal account's token comes without the second, which exists for work and school accounts only (seen in
MS365-Calendar's issues 48 and 72). MSAL adds `openid profile offline_access` by itself, and refuses them here."""

_SIGN_IN: Final = frozenset({"openid", "profile", "offline_access", "email"})

_PATIENCE: Final = timedelta(hours=1)


class Discovery(dict[str, Any]):
    """The `http_cache` of every MSAL app of this process: what the authority says of itself, and no refusal. A refused
    token is the queue's to try again; MSAL would answer from here for a minute, whatever has become of the grant."""

    def __setitem__(self, key: str, value: Any) -> None:
        if not key.startswith("POST "):
            super().__setitem__(key, value)


_DISCOVERY: Final = Discovery()


class Session(requests.Session):
    """A connection pool with a time limit. The environment's proxies and certificate bundles have no say in it
    (`REQUESTS_CA_BUNDLE` would override `verify`), cookies are not kept and redirects not followed."""

    def __init__(self, ca_file: str) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_file or True

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        self.cookies.clear()
        return super().request(method, url, *args, **({"timeout": TIMEOUT, "allow_redirects": False} | options))


class _SignIn(Session):
    """For MSAL: a server in trouble says nothing about a grant, so MSAL does not get to read what it says."""

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        try:
            answer = super().request(method, url, *args, **options)
        except (requests.RequestException, OSError):
            raise unreachable() from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise busy(retry_after(answer.headers))
        return answer


@lru_cache(maxsize=8)
def open_session(graph_url: str, ca_file: str) -> Session:  # noqa: ARG001 (what the cache goes by)
    """The process's connections to Graph, kept open between two jobs."""
    return Session(ca_file)


@lru_cache(maxsize=8)
def _sign_in(login_url: str, ca_file: str) -> _SignIn:  # noqa: ARG001
    return _SignIn(ca_file)


def open_app(
    settings: MicrosoftSettings, client: ClientSecret, cache: msal.SerializableTokenCache
) -> msal.ConfidentialClientApplication:
    """MSAL's client for this app. Makes a call if this process has not met the authority yet; raises `RetryLater`, or
    `ValueError` if there is no such authority."""
    login_url = settings.microsoft_login_url.rstrip("/")
    logging.getLogger("msal").setLevel(logging.INFO)  # at DEBUG it logs whom it finds tokens for
    return msal.ConfidentialClientApplication(
        client.client_id,
        client_credential=client.client_secret,
        authority=f"{login_url}/{settings.microsoft_tenant}",
        instance_discovery=False,
        token_cache=cache,
        http_client=_sign_in(login_url, settings.provider_ca_file),
        http_cache=_DISCOVERY,
    )


def encode_secret(cache: msal.SerializableTokenCache, *, scopes: str = "", refused_since: str = "") -> bytes:
    """The bytes to be stored."""
    fields: dict[str, Any] = {"msal": json.loads(cache.serialize())}
    if scopes:
        fields["scopes"] = scopes
    if refused_since:
        fields["refused_since"] = refused_since
    return json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()


def covers(granted: str, scope: str) -> bool:
    """Whether a scope is among those granted, which come with or without the resource before them."""
    return any(one.lower().rpartition("/")[2] == scope.lower() for one in granted.split())


class Grant:
    """One account's tokens in use."""

    def __init__(self, secret: bytes, settings: MicrosoftSettings, client: ClientSecret) -> None:
        fields = json.loads(secret)
        self._settings, self._client = settings, client
        self._refused_since = str(fields.get("refused_since") or "")
        self._scopes = _granted(fields["msal"].get("AccessToken", {}).values()) or str(fields.get("scopes") or "")
        self._cache = msal.SerializableTokenCache()
        self._cache.deserialize(json.dumps(fields["msal"]))
        self._opened = self._encode()
        self._token = ""
        self._good_until = datetime.min.replace(tzinfo=UTC)

    def secret(self) -> bytes | None:
        """The secret, if using the grant has changed it."""
        now = self._encode()
        return None if now == self._opened else now

    def token(self, *, fresh: bool = False) -> str:
        """An access token; with `fresh` one that was not used before. Raises `ConnectionRevoked`, `RetryLater`."""
        if not fresh and self._token and utc_now() < self._good_until:
            return self._token
        self._check_scopes()
        try:
            app = open_app(self._settings, self._client, self._cache)
        except ValueError:
            raise RetryLater(
                "Microsoft does not know the organisation that this product is set up for.",
                delay=3600.0,
                park=True,
                code="client",
            ) from None
        account = next(iter(app.get_accounts()), None)
        if account is None:
            raise no_token()
        answer = app.acquire_token_silent_with_error(self._granted_scopes(), account=account, force_refresh=fresh)
        if not answer:
            raise no_token()
        if "access_token" not in answer:
            raise self._end(token_refused(answer))
        self._check_scopes()
        self._token = answer["access_token"]
        self._good_until = utc_now() + timedelta(seconds=max(0, int(answer.get("expires_in") or 0) - 300))
        return self._token

    def accepted(self) -> None:
        """Graph took the access token."""
        self._refused_since = ""

    def refused(self, now: datetime) -> SyncError:
        """Graph refused even a token that was issued a moment ago.

        The refresh shows that the consent stands, so this may be Microsoft's own trouble. Only when it has lasted an
        hour is the connection given up; the secret remembers since when.
        """
        if not self._refused_since:
            self._refused_since = now.isoformat(timespec="seconds")
        if now - datetime.fromisoformat(self._refused_since) < _PATIENCE:
            return RetryLater("Microsoft refuses a fresh access token.", delay=60.0, code="token_refused")
        return ConnectionRevoked(
            "Microsoft has refused this account for an hour. Connect the account again.", code="token_refused"
        )

    def _granted_scopes(self) -> list[str]:
        """What is asked for again: exactly what was granted, as it was written. Asking for more than that would be
        refused as a missing consent; asking in other words would miss MSAL's cache at each use."""
        return [scope for scope in self._scopes.split() if scope not in _SIGN_IN] or [CALENDARS_SCOPE]

    def _check_scopes(self) -> None:
        """What was granted is what the last access token says."""
        kind = msal.TokenCache.CredentialType.ACCESS_TOKEN
        self._scopes = _granted(self._cache.search(kind)) or self._scopes
        if self._scopes and not covers(self._scopes, CALENDARS_SCOPE):
            raise scope_missing()

    def _end(self, error: SyncError) -> SyncError:
        """A refresh token that was refused for good is thrown away."""
        if isinstance(error, ConnectionRevoked):
            for entry in list(self._cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)):
                self._cache.remove_rt(entry)
            self._token = ""
        return error

    def _encode(self) -> bytes:
        return encode_secret(self._cache, scopes=self._scopes, refused_since=self._refused_since)


def _granted(access_tokens: Iterable[Mapping[str, Any]]) -> str:
    """The scopes of the access token that lasts longest, "" if there is none."""
    latest = max(access_tokens, key=lambda entry: int(entry.get("expires_on") or 0), default={})
    return str(latest.get("target") or "")


def utc_now() -> datetime:
    return datetime.now(UTC)
