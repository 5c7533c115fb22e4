"""The secret part of a connection: MSAL's token cache, and how tokens are renewed while they are used.

A secret is JSON: `{"msal": <MSAL's own cache>, "scopes": <what was granted>}`, `tenant` for an organisation's service
account, which is asked for at its own tenant, and `refused_since` while Graph refuses fresh access tokens.

MSAL's habits that are met here (seen in msal 1.39): after `invalid_grant` it keeps the refresh token; an access token
that has expired is dropped when it is looked for, and with it the memory of what was granted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msal  # type: ignore[import-untyped]

from shared.config import MicrosoftSettings
from shared.errors import ConnectionRevoked, RetryLater, SyncError
from shared.providers.base import ClientSecret
from shared.providers.microsoft.credentials import ask
from shared.providers.microsoft.errors import no_token, scope_missing, token_refused

CALENDARS_SCOPE: Final = "Calendars.ReadWrite"
SCOPES: Final = (CALENDARS_SCOPE, "Calendars.ReadWrite.Shared", "MailboxSettings.Read", "User.Read")
"""Asked for, in this order: what nothing works without; calendars that others share with the account; the mailbox's
time zone; who it is. None of them takes an administrator by itself (page "Microsoft Graph permissions reference"). A
personal account's token comes without the second, which exists for work and school accounts only (seen in
MS365-Calendar's issues 48 and 72). MSAL adds `openid profile offline_access` by itself, and refuses them here."""

_SIGN_IN: Final = frozenset({"openid", "profile", "offline_access", "email"})

_PATIENCE: Final = timedelta(hours=1)


def encode_secret(
    cache: msal.SerializableTokenCache, *, scopes: str = "", tenant: str = "", refused_since: str = ""
) -> bytes:
    """The bytes to be stored."""
    fields: dict[str, Any] = {"msal": json.loads(cache.serialize())}
    fields |= {
        name: value
        for name, value in (("scopes", scopes), ("tenant", tenant), ("refused_since", refused_since))
        if value
    }
    return json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()


def covers(granted: str, scope: str) -> bool:
    """Whether a scope is among those granted, which come with or without the resource before them."""
    return any(one.lower().rpartition("/")[2] == scope.lower() for one in granted.split())


class Grant:
    """One account's tokens in use."""

    def __init__(self, secret: bytes, settings: MicrosoftSettings, client: ClientSecret) -> None:
        fields = json.loads(secret)
        self._tenant = str(fields.get("tenant") or "")
        self._settings = replace(settings, microsoft_tenant=self._tenant) if self._tenant else settings
        self._client = client
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
            answer = ask(self._settings, self._client, self._cache, lambda app: self._renewed(app, fresh=fresh))
        except ValueError:
            raise RetryLater(
                "Microsoft does not know the organisation that this product is set up for.",
                delay=3600.0,
                park=True,
                code="client",
            ) from None
        if not answer:
            raise no_token()
        if "access_token" not in answer:
            raise self._end(token_refused(answer))
        self._check_scopes()
        self._token = answer["access_token"]
        self._good_until = utc_now() + timedelta(seconds=max(0, int(answer.get("expires_in") or 0) - 300))
        return self._token

    def account_name(self) -> str:
        """The address that signed in, as MSAL remembers it."""
        account: Mapping[str, Any] = next(iter(self._cache.search(msal.TokenCache.CredentialType.ACCOUNT)), {})
        return str(account.get("username") or "")

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

    def _renewed(self, app: msal.ConfidentialClientApplication, *, fresh: bool) -> dict[str, Any] | None:
        account = next(iter(app.get_accounts()), None)
        if account is None:
            return None
        answer: dict[str, Any] | None = app.acquire_token_silent_with_error(
            self._granted_scopes(), account=account, force_refresh=fresh
        )
        return answer

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
        return encode_secret(self._cache, scopes=self._scopes, tenant=self._tenant, refused_since=self._refused_since)


def _granted(access_tokens: Iterable[Mapping[str, Any]]) -> str:
    """The scopes of the access token that lasts longest, "" if there is none."""
    latest = max(access_tokens, key=lambda entry: int(entry.get("expires_on") or 0), default={})
    return str(latest.get("target") or "")


def utc_now() -> datetime:
    return datetime.now(UTC)
