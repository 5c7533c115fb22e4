"""Consent at Microsoft: the `Authorizer` of the port.

MSAL's authorization code flow with PKCE across two functions: what `initiate_auth_code_flow` gives is kept as the
flow's bytes, `acquire_token_by_auth_code_flow` takes it back (MSAL Python's reference). A person's refusal, a consent
that only an administrator can give, and a product that is set up wrongly are told apart by `error`, and put into words
by the AADSTS number (page "Microsoft Entra authentication and authorization error codes").

There is no way for an app to end a grant at Microsoft: `revokeSignInSessions` would end the sessions of every app and
is never called (page "user: revokeSignInSessions").
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msal  # type: ignore[import-untyped]

from shared.config import MicrosoftSettings
from shared.errors import ConnectFailed
from shared.model import Account
from shared.providers.base import Begun, ClientSecret, Grant, GrantIncomplete, Revocation
from shared.providers.microsoft.credentials import ask, open_app
from shared.providers.microsoft.errors import DECLINED, NEEDS_ADMIN, SINGLE_TENANT, WRONG_TENANT, aadsts
from shared.providers.microsoft.grant import CALENDARS_SCOPE, SCOPES, covers, encode_secret

_GRAPH: Final = "https://graph.microsoft.com"
ADMIN: Final = "admin"
"""The state of an administrator's consent, which belongs to no sign-in."""

_MANY_TENANTS: Final = frozenset({"common", "consumers"})
_INTERACTION: Final = frozenset({"interaction_required", "login_required", "account_selection_required"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in that came about. `lasting`: it can be renewed. `scopes`: those that the answer names."""

    account: Account
    cache: msal.SerializableTokenCache
    scopes: str
    lasting: bool

    @property
    def home(self) -> str:
        """The tenant that the account is at home in, whose guest it may not be."""
        return self.account.id.rpartition(".")[2]


class MicrosoftAuthorizer:
    """See `shared.providers.base.Authorizer`."""

    def __init__(self, settings: MicrosoftSettings, client: ClientSecret) -> None:
        self._settings = settings
        self._client = client

    def begin(self, *, redirect_uri: str, state: str, login_hint: str) -> Begun:
        """See the port. `select_account` lets the person see which account it will be."""
        return self.begin_sign_in(
            SCOPES, redirect_uri=redirect_uri, state=state, prompt="select_account", login_hint=login_hint
        )

    def begin_sign_in(
        self, scopes: Sequence[str], *, redirect_uri: str, state: str, prompt: str | None = None, login_hint: str = ""
    ) -> Begun:
        """A sign-in that asks for these scopes. The first call of a process asks the authority for its addresses; later
        ones make no call."""
        try:
            app = open_app(self._settings, self._client, msal.SerializableTokenCache())
        except ValueError:
            raise _no_authority() from None
        with warnings.catch_warnings():  # MSAL recommends form_post; the callback is a GET, so that it may redirect
            warnings.simplefilter("ignore")
            flow = app.initiate_auth_code_flow(
                list(scopes),
                redirect_uri=redirect_uri,
                state=state,
                prompt=prompt,
                login_hint=login_hint or None,
                response_mode="query",
            )
        return Begun(flow["auth_uri"], json.dumps(flow).encode())

    def complete(self, flow: bytes, query: Mapping[str, str]) -> Grant:
        signed_in = self.redeem(flow, query)
        grant = Grant(signed_in.account, encode_secret(signed_in.cache))
        if not covers(signed_in.scopes or " ".join(SCOPES), CALENDARS_SCOPE):
            raise GrantIncomplete(
                "scope_missing",
                "The permission to read and write your calendars was left out. Connect again and accept it.",
                grant,
            )
        if not signed_in.lasting:
            raise GrantIncomplete(
                "no_offline_access", "Microsoft did not allow access while you are away. Please connect again.", grant
            )
        return grant

    def redeem(self, flow: bytes, query: Mapping[str, str]) -> SignedIn:
        """Who signed in, and what came of it. Raises `ConnectFailed`, `RetryLater`."""
        kept = json.loads(flow)
        redirect_uri = str(kept.get("redirect_uri") or "")
        if query.get("error"):
            raise self.refused(query, redirect_uri)
        if not query.get("code"):
            raise ConnectFailed("provider_error", "Microsoft's answer was incomplete. Please connect again.")
        cache = msal.SerializableTokenCache()
        try:
            answer = ask(
                self._settings,
                self._client,
                cache,
                lambda app: _redeemed(app, dict(kept), query),
            )
        except ValueError:
            raise _no_authority() from None
        if answer is None or "access_token" not in answer:
            raise self.refused(answer or {}, redirect_uri, redeeming=True)
        return SignedIn(
            account=_account(cache, answer),
            cache=cache,
            scopes=str(answer.get("scope") or ""),
            lasting=bool(answer.get("refresh_token")),
        )

    def aside(self, query: Mapping[str, str]) -> str:
        """See the port. An administrator comes back from the consent page with `admin_consent=True`, errors included
        (page "Admin consent"); what else the query says is not to be trusted, and nothing here depends on it."""
        if query.get("admin_consent") != "True":
            return ""
        if query.get("error"):
            return "Microsoft did not record the permission for the organisation. Open the link once more."
        return "Microsoft has recorded the permission. People of the organisation can connect their calendars now."

    def revoke(self, secret: bytes) -> Revocation:  # noqa: ARG002
        """See the port. Erasing the tokens is all that an app can do."""
        return Revocation.NOT_SUPPORTED

    def refused(self, answer: Mapping[str, Any], redirect_uri: str, *, redeeming: bool = False) -> ConnectFailed:
        """Why a sign-in did not come about; `answer` is the callback's query or the token endpoint's answer."""
        error = str(answer.get("error") or "")
        number = aadsts(str(answer.get("error_description") or ""), answer.get("error_codes") or ())
        words = {error, str(answer.get("suberror") or ""), str(answer.get("error_subcode") or "")}
        if "consent_required" in words or (number in NEEDS_ADMIN and error in ("access_denied", "invalid_grant")):
            return self._needs_admin(redirect_uri)
        if error == "access_denied":
            if number in (0, DECLINED):
                return ConnectFailed("consent_denied", "You did not allow the access. Nothing was connected.")
            return ConnectFailed(
                "consent_denied", f"Microsoft did not allow the access (AADSTS{number}). Nothing was connected."
            )
        if number in WRONG_TENANT:
            return ConnectFailed(
                "wrong_tenant",
                "This account does not belong to the organisation that this product is set up for. Choose another "
                "account.",
            )
        if number == SINGLE_TENANT:
            return ConnectFailed(
                "provider_error",
                "This product is registered at Microsoft for one organisation only, but asks accounts of any. Its "
                "operator has to name the organisation in MICROSOFT_TENANT.",
            )
        if (number and number in _BLOCKED) or (redeeming and error in _INTERACTION):
            return ConnectFailed("sign_in_blocked", _BLOCKED.get(number, _BLOCKED[0]))
        if redeeming and error == "invalid_grant":
            return ConnectFailed("code_refused", "The sign-in took too long or was used twice. Please connect again.")
        what = f" ({error})" if error.isidentifier() else ""
        return ConnectFailed("provider_error", f"Microsoft broke off the sign-in{what}. Please connect again.")

    def _needs_admin(self, redirect_uri: str) -> ConnectFailed:
        """Since November 2025 people of most organisations cannot allow an app to use their calendars themselves."""
        return ConnectFailed(
            "admin_consent_required",
            "Your organisation lets only an administrator allow apps to use calendars. Send your administrator the "
            "link, and connect again once it is done.",
            link=self.admin_consent_url(redirect_uri),
        )

    def admin_consent_url(self, redirect_uri: str) -> str:
        """Where an administrator allows this app for everybody (page "Admin consent"; `common` is not taken there)."""
        tenant = self._settings.microsoft_tenant
        tenant = "organizations" if tenant in _MANY_TENANTS else tenant
        asked = {
            "client_id": self._client.client_id,
            "scope": " ".join(f"{_GRAPH}/{scope}" for scope in SCOPES),
            "redirect_uri": redirect_uri,
            "state": ADMIN,
        }
        return f"{self._settings.microsoft_login_url.rstrip('/')}/{tenant}/v2.0/adminconsent?{urlencode(asked)}"


_BLOCKED: Final = {
    0: "Your organisation asks for something more before this sign-in counts. Sign in to Outlook first, then connect "
    "again.",
    50076: "Your organisation asks for a second factor. Connect again and confirm it.",
    50079: "Your organisation asks you to set up a second factor first. Do so, then connect again.",
    53003: "A rule of your organisation (Conditional Access) blocks this app. Ask your administrator.",
}


def _no_authority() -> ConnectFailed:
    return ConnectFailed("provider_error", "Microsoft does not know the organisation that this product is set up for.")


def _redeemed(
    app: msal.ConfidentialClientApplication, flow: dict[str, Any], query: Mapping[str, str]
) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, dict(query))
    except (ValueError, RuntimeError):  # another state; an id_token of another sign-in, app or time
        raise ConnectFailed(
            "provider_error", "Microsoft's answer does not belong to this sign-in. Please connect again."
        ) from None
    return answer


def _account(cache: msal.TokenCache, answer: Mapping[str, Any]) -> Account:
    """Who signed in. MSAL's `home_account_id` is the object id and the tenant of the account at home, the same
    wherever it is a guest; addresses change hands (page "ID token claims reference")."""
    claims = answer.get("id_token_claims") or {}
    account: Mapping[str, Any] = next(iter(cache.search(msal.TokenCache.CredentialType.ACCOUNT)), {})
    identifier = str(account.get("home_account_id") or "")
    if not identifier.strip("."):
        identifier = f"{claims.get('oid') or claims.get('sub') or ''}.{claims.get('tid') or ''}"
    if not identifier.strip("."):
        raise ConnectFailed("provider_error", "Microsoft's answer does not say who signed in. Please connect again.")
    name = claims.get("preferred_username") or account.get("username") or claims.get("email") or identifier
    return Account(identifier, str(name), str(name).casefold())
