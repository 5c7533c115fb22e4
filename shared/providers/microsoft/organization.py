"""A Microsoft 365 tenant: the `OrganizationApi` of the port.

Two ways. **Delegated**: somebody signs in as a service account, whom staff calendars are shared with. **Application**:
an administrator consents for the app (page "Admin consent"), which then acts in its own name, within what Exchange's
RBAC for Applications allows it.

The consent's answer proves nothing: anybody can write an address that says `admin_consent=True&tenant=…`. Nor does a
token of the app, which it gets wherever it was let in, be it for another organisation of this deployment. So whoever
came back from the consent page signs in once, without a permission and mostly without a click: they have to be at home
in the tenant that is to be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from shared.config import MicrosoftSettings
from shared.errors import ConnectFailed, ConnectionRevoked, RetryLater, SyncError
from shared.model import Account
from shared.providers.base import Begun, ClientSecret, GrantIncomplete, Revocation
from shared.providers.base import Grant as Granted
from shared.providers.microsoft import staff, tenants
from shared.providers.microsoft.app_grant import AppGrant, application_of, encode_application
from shared.providers.microsoft.auth import MicrosoftAuthorizer, SignedIn
from shared.providers.microsoft.clouds import resource_of
from shared.providers.microsoft.credentials import expires_at
from shared.providers.microsoft.errors import Subject
from shared.providers.microsoft.grant import SCOPES, covers, encode_secret, utc_now
from shared.providers.microsoft.opening import open_wire, tenant_of
from shared.providers.microsoft.wire import Wire
from shared.providers.organizations import (
    Mailbox,
    OrganizationGrant,
    StaffAccess,
    Tenancy,
)

_SHARED_SCOPE: Final = "Calendars.ReadWrite.Shared"
_CONSENT: Final = "consent"
_PROOF: Final = "proof"


class MicrosoftOrganizations:
    """See `shared.providers.organizations.OrganizationApi`."""

    def __init__(self, settings: MicrosoftSettings, client: ClientSecret) -> None:
        self._settings, self._client = settings, client

    def discover(self, tenancy: Tenancy) -> Tenancy:
        return tenants.discover(tenancy, self._settings)

    # --- consent ---------------------------------------------------------------------------------------------------

    def begin(self, tenancy: Tenancy, *, redirect_uri: str, state: str) -> Begun:
        """See the port. A service account signs in anew (`prompt=login`), so that the browser does not go on as whoever
        is signed in already. An app that was let in is not consented to again: that would bring back every permission
        of the registration, the one to all mailboxes, too, which an administrator may have taken back."""
        tenants.check_cloud(tenancy, self._settings)
        if tenancy.access is StaffAccess.DELEGATED:
            return self._authorizer(tenancy).begin_sign_in(
                SCOPES,
                redirect_uri=redirect_uri,
                state=state,
                prompt="login",
                login_hint=tenancy.service_account,
            )
        with suppress(RetryLater):
            if self._let_in(tenancy):
                return self._proof(tenancy, redirect_uri=redirect_uri, state=state)
        asked = {
            "client_id": self._client.client_id,
            "scope": f"{resource_of(self._settings)}/.default",
            "redirect_uri": redirect_uri,
            "state": state,
        }
        login_url = self._settings.microsoft_login_url.rstrip("/")
        url = f"{login_url}/{quote(tenancy.tenant, safe='')}/v2.0/adminconsent?{urlencode(asked)}"
        return Begun(url, _flow(_CONSENT, redirect_uri=redirect_uri, state=state))

    def complete(self, tenancy: Tenancy, flow: bytes, query: Mapping[str, str]) -> OrganizationGrant | Begun:
        kept = json.loads(flow)
        if tenancy.access is StaffAccess.DELEGATED:
            return self._signed_in(tenancy, flow, query)
        if kept.get("step") == _CONSENT or "admin_consent" in query:  # the consent page may be open elsewhere, too
            return self._consented(tenancy, kept, query)
        return self._proved(tenancy, str(kept.get("sign_in") or "{}").encode(), query)

    def accept(self, tenancy: Tenancy, key: bytes) -> OrganizationGrant:  # noqa: ARG002
        raise ConnectFailed("key_malformed", "Microsoft knows no service account keys. Sign in or consent instead.")

    def _consented(self, tenancy: Tenancy, kept: Mapping[str, Any], query: Mapping[str, str]) -> Begun:
        """Back from the consent page: a refusal is believed, and nothing else."""
        authorizer = self._authorizer(tenancy)
        if query.get("error"):
            raise authorizer.refused(query, kept["redirect_uri"])
        if query.get("admin_consent") != "True":
            raise ConnectFailed("provider_error", "Microsoft's answer was incomplete. Please authorise again.")
        if query.get("tenant", tenancy.tenant).lower() != tenancy.tenant:
            raise _wrong_tenant("The consent was given for another tenant than the one that is set up here.")
        return self._proof(tenancy, redirect_uri=kept["redirect_uri"], state=kept["state"])

    def _proof(self, tenancy: Tenancy, *, redirect_uri: str, state: str) -> Begun:
        """A sign-in that asks for nothing: it shows where somebody is at home."""
        begun = self._authorizer(tenancy).begin_sign_in((), redirect_uri=redirect_uri, state=state)
        kept = {"redirect_uri": redirect_uri, "state": state, "sign_in": begun.flow.decode()}
        return Begun(begun.authorization_url, _flow(_PROOF, **kept))

    def _let_in(self, tenancy: Tenancy) -> bool:
        """Whether an administrator of the tenant has consented. Raises `RetryLater`."""
        try:
            AppGrant(tenancy.tenant, self._settings, self._client).token(fresh=True)
            return staff.may_read_directory(self._wire(encode_application(tenancy.tenant), ""))
        except ConnectionRevoked:
            return False

    def _proved(self, tenancy: Tenancy, flow: bytes, query: Mapping[str, str]) -> OrganizationGrant:
        """The app's access first: a pause must not spend the code."""
        if not self._let_in(tenancy):
            raise ConnectFailed(
                "consent_missing",
                "An administrator's consent for this app (Organization.Read.All or User.Read.All) is not there. If it "
                "was given a moment ago, wait a minute and authorise again.",
            )
        _check_home(self._authorizer(tenancy).redeem(flow, query), tenancy)
        return OrganizationGrant(encode_application(tenancy.tenant))

    def _signed_in(self, tenancy: Tenancy, flow: bytes, query: Mapping[str, str]) -> OrganizationGrant:
        signed_in = self._authorizer(tenancy).redeem(flow, query)
        _check_home(signed_in, tenancy)
        secret = encode_secret(signed_in.cache, tenant=tenancy.tenant)
        wire = open_wire(secret, self._settings, self._client, quota_user=f"tenant {tenancy.tenant}")
        self._check_account(wire, signed_in.account, tenancy.service_account)
        grant = Granted(signed_in.account, secret)
        if not all(covers(signed_in.scopes or " ".join(SCOPES), scope) for scope in SCOPES[:2]):
            raise GrantIncomplete(
                "scope_missing",
                f"The permission {_SHARED_SCOPE}, to use calendars that are shared with the service account, was left "
                "out. Authorise again and accept it.",
                grant,
            )
        if not signed_in.lasting:
            raise GrantIncomplete(
                "no_offline_access",
                "Microsoft did not allow access while the service account is away. Please authorise again.",
                grant,
            )
        _check_mailbox(wire, signed_in.account.name)
        return OrganizationGrant(wire.secret() or secret, signed_in.account)

    def _check_account(self, wire: Wire, account: Account, expected: str) -> None:
        """Whether it is the account that was named, by any of its names. Nothing is kept of another one."""
        wanted = expected.strip().casefold()
        if not wanted or account.name.casefold() == wanted:
            return
        try:
            person = wire.get("/me", Subject.EVENT, _select="userPrincipalName,mail")
        except SyncError as error:  # the code is spent, so that trying again is signing in again
            raise ConnectFailed("provider_error", f"{error.sentence} Please authorise again.") from None
        if wanted not in {str(person.get(name) or "").casefold() for name in ("userPrincipalName", "mail")}:
            raise ConnectFailed(
                "wrong_account",
                f"{account.name} signed in, and {expected.strip()} was expected. Nothing was stored. Authorise again "
                "in a private window, and sign in as the service account.",
            )

    def _authorizer(self, tenancy: Tenancy) -> MicrosoftAuthorizer:
        return MicrosoftAuthorizer(replace(self._settings, microsoft_tenant=tenancy.tenant), self._client)

    # --- staff -----------------------------------------------------------------------------------------------------

    def verify(self, secret: bytes, mailbox: str) -> Mailbox:
        return staff.verify(self._wire(secret, mailbox), tenant_of(secret))

    def others_reached(self, secret: bytes, enabled: Sequence[str], at_most: int = 5) -> tuple[str, ...] | None:
        """See the port. A service account reaches whoever let it in, so there is nothing to be looked for."""
        if not application_of(secret):
            return None
        return staff.others_reached(lambda mailbox: self._wire(secret, mailbox), enabled, at_most)

    def expires_at(self, secret: bytes) -> datetime | None:  # noqa: ARG002
        """See the port. Both ways live by the app's own credentials; a service account's sign-in has no end of its own
        as long as it is used."""
        return expires_at(self._client, utc_now())

    def revoke(self, secret: bytes) -> Revocation:  # noqa: ARG002
        """See the port. An administrator removes the enterprise application; an app cannot."""
        return Revocation.NOT_SUPPORTED

    def _wire(self, secret: bytes, mailbox: str) -> Wire:
        return open_wire(
            secret, self._settings, self._client, quota_user=f"staff {tenant_of(secret)} {mailbox}", mailbox=mailbox
        )


def _flow(step: str, **more: str) -> bytes:
    return json.dumps({"step": step} | more).encode()


def _check_home(signed_in: SignedIn, tenancy: Tenancy) -> None:
    """A guest of the tenant may sign in there, and speaks for another one."""
    if signed_in.home != tenancy.tenant:
        raise _wrong_tenant(f"{signed_in.account.name} signed in, who belongs to another tenant.")


def _wrong_tenant(what: str) -> ConnectFailed:
    return ConnectFailed(
        "wrong_tenant", f"{what} Nothing was stored. Check the tenant, or authorise again in a private window."
    )


def _check_mailbox(wire: Wire, name: str) -> None:
    """Whether the account has a mailbox; in doubt the first member of staff shows it."""
    try:
        wire.get("/me/calendar", Subject.ACCOUNT, _select="id")
    except ConnectionRevoked as error:
        if error.code != "no_calendar_service":
            raise ConnectFailed("provider_error", error.sentence) from None
        raise ConnectFailed(
            "no_calendar_service",
            f"{name} has no mailbox, and Microsoft lets an account without one use no calendars. Give it a licence "
            "that holds Exchange Online, wait until the mailbox is there, and authorise again.",
        ) from None
    except RetryLater:
        return
