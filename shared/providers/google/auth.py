"""Consent at Google: the `Authorizer` of the port.

An authorization code flow for web servers with PKCE and offline access (page "Using OAuth 2.0 for web server
applications"). People may untick single permissions on the consent page (page "Granular permissions"), so what was
granted is compared with what was asked for.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, Final

import requests
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import InvalidGrantError, OAuth2Error  # type: ignore[import-untyped]

from shared.config import GoogleSettings
from shared.errors import ConnectFailed, RetryLater, SyncError
from shared.model import Account, Privacy
from shared.providers.base import Begun, ClientSecret, Grant, GrantIncomplete, Revocation
from shared.providers.google.errors import retry_after, token_refused
from shared.providers.google.grant import encode_secret
from shared.providers.google.identity import NotIdentified, read_id_token

EVENTS_SCOPE: Final = "https://www.googleapis.com/auth/calendar.events"
CALENDARS_SCOPE: Final = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
SCOPES: Final = ("openid", "email", EVENTS_SCOPE, CALENDARS_SCOPE)

_NEEDED: Final = {
    EVENTS_SCOPE: "to view and edit events on your calendars",
    CALENDARS_SCOPE: "to see the list of your calendars",
}
_TIMEOUT: Final = 10.0
_REVOKE_TIMEOUT: Final = 5.0


class GoogleAuthorizer:
    """See `shared.providers.base.Authorizer`."""

    def __init__(self, settings: GoogleSettings, client: ClientSecret) -> None:
        self._settings = settings
        self._client = client
        self._accounts_url = settings.google_accounts_url.rstrip("/")
        self._oauth_url = settings.google_oauth_url.rstrip("/")
        # At DEBUG this library logs every token it sees.
        logging.getLogger("requests_oauthlib").setLevel(logging.INFO)
        if any(url.startswith("http://") for url in (self._oauth_url, self._accounts_url)):
            os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")  # somebody set a URL without TLS: a simulator

    def begin(self, *, redirect_uri: str, state: str, login_hint: str) -> Begun:
        """See the port. `consent` makes Google give a refresh token each time, `select_account` lets the person see
        which account it will be. Scopes granted earlier are not included: a token covers what was asked, no more."""
        flow = self._flow(list(SCOPES), redirect_uri)
        nonce = token_urlsafe(24)
        hint = {"login_hint": login_hint} if login_hint else {}
        url, _ = flow.authorization_url(
            state=state, nonce=nonce, access_type="offline", prompt="consent select_account", **hint
        )
        kept = {"verifier": flow.code_verifier, "nonce": nonce, "redirect_uri": redirect_uri}
        return Begun(url, json.dumps(kept).encode())

    def complete(self, flow: bytes, query: Mapping[str, str]) -> Grant:
        kept = json.loads(flow)
        _check_query(query)
        answer, expiry = self._redeem(kept, query["code"])
        secret = encode_secret(
            refresh_token=answer.get("refresh_token") or "",
            token=answer["access_token"],
            expiry=expiry,
            scopes=_granted(answer),
        )
        missing = [what for scope, what in _NEEDED.items() if scope not in _granted(answer)]
        grant = Grant(self._account(answer, kept["nonce"], secret), secret)
        if missing:
            raise GrantIncomplete(
                "scope_missing",
                f"The permission {' and the one '.join(missing)} was left out. Connect again and leave every box "
                "ticked on Google's page.",
                grant,
            )
        if not answer.get("refresh_token"):
            raise GrantIncomplete(
                "no_offline_access",
                "Google did not allow access while you are away. Remove this app under “Third-party access” in your "
                "Google account, then connect again.",
                grant,
            )
        return grant

    def aside(self, query: Mapping[str, str]) -> str:  # noqa: ARG002 (Google sends nobody here of its own accord)
        return ""

    def revoke(self, secret: bytes) -> Revocation:
        """See the port. Ending the refresh token ends its access tokens with it."""
        try:
            fields = json.loads(secret)
            token = fields["refresh_token"] or fields["token"]
        except (ValueError, KeyError, TypeError):
            return Revocation.FAILED
        return self._revoke_token(token)

    def _flow(self, scopes: list[str] | None, redirect_uri: str, verifier: str | None = None) -> Any:
        config = {
            "web": {
                "client_id": self._client.client_id,
                "client_secret": self._client.client_secret,
                "auth_uri": f"{self._accounts_url}/o/oauth2/v2/auth",
                "token_uri": f"{self._oauth_url}/token",
            }
        }
        return Flow.from_client_config(config, scopes, redirect_uri=redirect_uri, code_verifier=verifier)

    def _redeem(self, kept: Mapping[str, str], code: str) -> tuple[dict[str, Any], Any]:
        """The token endpoint's answer, and when its access token expires.

        The flow is opened without scopes here: given some, oauthlib raises a Warning whenever the granted ones differ,
        and with Google they always do, since `email` comes back under its long name.
        """
        flow = self._flow(None, kept["redirect_uri"], kept["verifier"])
        session = flow.oauth2session
        session.trust_env = False
        session.verify = self._settings.provider_ca_file or True
        session.register_compliance_hook("access_token_response", _stop_if_busy)
        try:
            answer = flow.fetch_token(code=code, include_client_id=True, timeout=_TIMEOUT)
        except InvalidGrantError:
            raise ConnectFailed(
                "code_refused", "The sign-in took too long or was used twice. Please connect again."
            ) from None
        except OAuth2Error as error:
            raise ConnectFailed("provider_error", f"Google refused the sign-in ({error.error}).") from None
        except requests.RequestException:
            raise RetryLater("Google cannot be reached at the moment.", delay=5.0, code="unreachable") from None
        return dict(answer), flow.credentials.expiry

    def _account(self, answer: Mapping[str, Any], nonce: str, secret: bytes) -> Account:
        if id_token := answer.get("id_token"):
            try:
                return read_id_token(
                    id_token,
                    client_id=self._client.client_id,
                    accounts_url=self._accounts_url,
                    nonce=nonce,
                )
            except NotIdentified as error:
                self._revoke_token(answer.get("refresh_token") or answer["access_token"])
                sentence = f"Google's answer does not prove who signed in: {error}."
                raise ConnectFailed("provider_error", sentence) from None
        return self._account_by_calendar(secret)

    def _account_by_calendar(self, secret: bytes) -> Account:
        """For a server that sends no id_token: the primary calendar's id is the account's address."""
        from shared.providers.google import GoogleProvider

        session = GoogleProvider(self._settings, self._client).open(secret, quota_user="", privacy=Privacy.BUSY_ONLY)
        try:
            primary = next((one for one in session.calendars.list_calendars() if one.primary), None)
        except RetryLater:
            raise
        except SyncError as error:
            raise ConnectFailed("provider_error", error.sentence) from None
        if primary is None:
            raise ConnectFailed("provider_error", "This Google account has no calendar.")
        return Account(primary.remote_id, primary.remote_id, primary.remote_id.casefold())

    def _revoke_token(self, token: str) -> Revocation:
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.verify = self._settings.provider_ca_file or True
                answer = session.post(f"{self._oauth_url}/revoke", data={"token": token}, timeout=_REVOKE_TIMEOUT)
        except (requests.RequestException, OSError):
            return Revocation.FAILED
        return Revocation.REVOKED if answer.status_code == 200 else Revocation.FAILED


def _check_query(query: Mapping[str, str]) -> None:
    match query.get("error", ""):
        case "":
            pass
        case "access_denied":
            raise ConnectFailed("consent_denied", "You did not allow the access. Nothing was connected.")
        case "admin_policy_enforced" | "org_internal":
            raise ConnectFailed(
                "provider_error", "The administrator of this Google account does not allow this app. Ask for it first."
            )
        case _:
            raise ConnectFailed("provider_error", "Google broke off the sign-in. Please connect again.")
    if not query.get("code"):
        raise ConnectFailed("provider_error", "Google's answer was incomplete. Please connect again.")


def _granted(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of a token answer; one that names none has granted all that was asked (RFC 6749, 5.1)."""
    scopes = answer.get("scope")
    if not scopes:
        return SCOPES
    return tuple(scopes.split() if isinstance(scopes, str) else scopes)


def _stop_if_busy(response: requests.Response) -> requests.Response:
    """Before oauthlib reads it: a server in trouble answers with anything, and says nothing about the code."""
    if response.status_code == 429 or response.status_code >= 500:
        raise token_refused(response.status_code, {}, retry_after(response.headers))
    return response
