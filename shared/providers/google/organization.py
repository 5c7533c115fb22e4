"""A Google Workspace domain: the `OrganizationApi` of the port.

There is nothing to sign in to. An administrator makes a service account and a key in the Cloud console, delegates two
scopes to it in the admin console, and hands over the key; what it may do shows with the first mailbox (page "Using
OAuth 2.0 for server to server applications").

Somebody's id is their address here: the `sub` that their own sign-in gives takes the scope `openid`, which is not
delegated. Whether it is the same person is told by the address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.config import GoogleSettings
from shared.errors import CalendarGone, ConnectFailed
from shared.model import Account
from shared.providers.base import Begun, ClientSecret, Revocation
from shared.providers.google.delegation import SENTENCES, Delegation, KeyMalformed, encode_secret, read_key
from shared.providers.google.errors import Subject
from shared.providers.google.wire import Wire
from shared.providers.organizations import Mailbox, MailboxRefused, MailboxState, OrganizationGrant, Tenancy

VERSION: Final = "Google Calendar API v3"

_DOMAIN: Final = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PERSONAL: Final = frozenset({"gmail.com", "googlemail.com"})


class GoogleOrganizations:
    """See `shared.providers.organizations.OrganizationApi`."""

    def __init__(self, settings: GoogleSettings, client: ClientSecret) -> None:  # noqa: ARG002
        self._settings = settings

    def discover(self, tenancy: Tenancy) -> Tenancy:
        """See the port. Google has no metadata of a domain, so no call is made and none is unknown."""
        domain = tenancy.place.strip().lower()
        if not _DOMAIN.fullmatch(domain) or domain in _PERSONAL:
            raise ConnectFailed(
                "tenant_malformed", "Name the domain of your Google Workspace, such as example.com, and no address."
            )
        address = f"{self._settings.google_api_url.rstrip('/')}/calendar/v3"
        return replace(tenancy, tenant=domain, version=VERSION, service_address=address)

    def begin(self, tenancy: Tenancy, *, redirect_uri: str, state: str) -> Begun | None:  # noqa: ARG002
        return None

    def complete(self, tenancy: Tenancy, flow: bytes, query: Mapping[str, str]) -> OrganizationGrant:  # noqa: ARG002
        raise ConnectFailed("provider_error", "A Google Workspace is connected by a service account's key.")

    def accept(self, tenancy: Tenancy, key: bytes) -> OrganizationGrant:
        """See the port. The account is the service account; its id is the client id that the admin console asks for."""
        try:
            read = read_key(key)
        except KeyMalformed as error:
            raise ConnectFailed(
                "key_malformed", f"This is not the JSON file of a service account's key: {error}. Send the whole file."
            ) from None
        expected = tenancy.service_account.strip()
        if expected and expected.casefold() != read.client_email.casefold():
            raise ConnectFailed(
                "wrong_account",
                f"This is a key of {read.client_email}, and {expected} was expected. Nothing was stored.",
            )
        return OrganizationGrant(encode_secret(read, tenancy.tenant), Account(read.client_id, read.client_email))

    def verify(self, secret: bytes, mailbox: str) -> Mailbox:
        """See the port. The default calendar's id is the person's first address, whichever was asked for."""
        wire = Wire(Delegation(secret, self._settings, mailbox), self._settings, quota_user=mailbox)
        try:
            calendar = wire.calendars("get", Subject.CALENDAR, calendarId="primary")
        except MailboxRefused as refusal:
            return Mailbox(refusal.state, None, refusal.sentence)
        except CalendarGone:
            return Mailbox(MailboxState.NOT_FOUND, None, SENTENCES[MailboxState.NOT_FOUND])
        address = str(calendar.get("id") or mailbox).lower()
        return Mailbox(MailboxState.REACHABLE, Account(address, address, address.casefold()))

    def others_reached(
        self,
        secret: bytes,  # noqa: ARG002
        enabled: Sequence[str],  # noqa: ARG002
        at_most: int = 5,  # noqa: ARG002
    ) -> tuple[str, ...] | None:
        """See the port. Delegation reaches the whole domain, and its directory is not among the delegated scopes."""
        return None

    def expires_at(self, secret: bytes) -> datetime | None:  # noqa: ARG002
        """See the port. A key has no end of its own (page "Best practices for managing service account keys")."""
        return None

    def revoke(self, secret: bytes) -> Revocation:  # noqa: ARG002
        """See the port. The administrator deletes the delegation; a key cannot take itself back."""
        return Revocation.NOT_SUPPORTED
