"""The app's own access to a tenant, by client credentials: nobody signs in, and nothing but the tenant's id is stored.

Tokens are kept by the process, one for a tenant however many mailboxes are used with it. What a token may do is not
read from it (it is Graph's, page "Access tokens"): a permission that is missing shows at the mailbox.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msal  # type: ignore[import-untyped]

from shared.config import MicrosoftSettings
from shared.errors import ConnectionRevoked, RetryLater, SyncError
from shared.providers.base import ClientSecret
from shared.providers.microsoft import grant
from shared.providers.microsoft.clouds import resource_of
from shared.providers.microsoft.credentials import ask
from shared.providers.microsoft.errors import app_token_refused

_MEMBER: Final = "application"
_PATIENCE: Final = timedelta(hours=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_EARLIER: Final = 300
"""Seconds before its end at which a token is renewed."""


def encode_application(tenant: str) -> bytes:
    """The bytes to be stored for an organisation that let the app itself in."""
    return json.dumps({_MEMBER: tenant}).encode()


def application_of(secret: bytes) -> str:
    """The tenant of such a secret, "" for a secret of somebody who signed in."""
    return str(json.loads(secret).get(_MEMBER) or "")


@dataclass
class _Held:
    """What a process knows of its access to one tenant."""

    token: str = ""
    good_until: datetime = _LONG_AGO
    refused_since: datetime | None = None


@lru_cache(maxsize=256)
def _held(tenant: str, login_url: str, client: ClientSecret) -> _Held:  # noqa: ARG001 (what the cache goes by)
    return _Held()


class AppGrant:
    """The app's token for a tenant in use. See `shared.providers.microsoft.wire.Tokens`."""

    def __init__(self, tenant: str, settings: MicrosoftSettings, client: ClientSecret) -> None:
        self._settings, self._client = replace(settings, microsoft_tenant=tenant), client
        self._held = _held(tenant, settings.microsoft_login_url, client)

    def secret(self) -> bytes | None:
        return None

    def token(self, *, fresh: bool = False) -> str:
        """An access token. Raises `ConnectionRevoked` if the tenant does not let the app in, `RetryLater`."""
        if fresh or grant.utc_now() >= self._held.good_until:
            answer = self._ask()
            if "access_token" not in answer:
                raise app_token_refused(answer)
            life = timedelta(seconds=max(0, int(answer.get("expires_in") or 0) - _EARLIER))
            self._held.token, self._held.good_until = str(answer["access_token"]), grant.utc_now() + life
        return self._held.token

    def accepted(self) -> None:
        self._held.refused_since = None

    def refused(self, now: datetime) -> SyncError:
        """As for somebody who signed in: Microsoft's own trouble for an hour, then the end. One process counts."""
        self._held.refused_since = self._held.refused_since or now
        if now - self._held.refused_since < _PATIENCE:
            return RetryLater("Microsoft refuses a fresh access token.", delay=60.0, code="token_refused")
        return ConnectionRevoked(
            "Microsoft has refused this app in the organisation for an hour. Authorise it again.", code="token_refused"
        )

    def _ask(self) -> dict[str, Any]:
        scopes = [f"{resource_of(self._settings)}/.default"]
        try:
            answer = ask(
                self._settings, self._client, msal.TokenCache(), lambda app: app.acquire_token_for_client(scopes)
            )
        except ValueError:
            return {"error": "invalid_tenant"}
        return answer or {}
