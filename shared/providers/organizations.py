"""The port's second part: one account, or the app itself, that acts for all the staff of an organisation.

A provider that offers this has `organizations()`; what comes of it is opened by `Provider.open` with the address of the
mailbox that is meant. The secret is one for the whole organisation, and only the provider's folder reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.errors import CalendarGone
from shared.model import Account
from shared.providers.base import Begun, Revocation


class StaffAccess(StrEnum):
    """In whose name staff calendars are used: a service account's that signed in, or the app's own."""

    DELEGATED = "delegated"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """What an administrator said, and what the provider's metadata added.

    `place` is what was typed (a tenant's id or domain); `tenant` the provider's own id for it. `service_account` is the
    address that is expected to sign in, or the service account that a key belongs to; "" if none was named.
    `service_address` is where the calendars are asked for, `cloud` one of `worldwide`, `us_government`, `china`."""

    place: str
    access: StaffAccess
    tenant: str = ""
    service_account: str = ""
    version: str = ""
    service_address: str = ""
    cloud: str = "worldwide"


class MailboxState(StrEnum):
    """What came of asking for one mailbox."""

    REACHABLE = "reachable"
    READ_ONLY = "read_only"
    NO_RIGHTS = "no_rights"
    OUT_OF_SCOPE = "out_of_scope"
    NOT_LICENSED = "not_licensed"
    NOT_FOUND = "not_found"


class MailboxRefused(CalendarGone):
    """Raised by a session that was opened for one mailbox: that mailbox refuses, the organisation's access stands and
    the others go on. `code` is a `MailboxState`. Whatever ends the organisation's access is a `ConnectionRevoked`."""

    def __init__(self, state: MailboxState, sentence: str) -> None:
        super().__init__(sentence, code=state.value)
        self.state = state


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox as the verifier found it. `account` is None unless it can be used; its id is that which the person's
    own sign-in would give, as far as the provider tells, so that both ways lead to the same events. A mailbox that is
    read-only can be used, as far as that goes. `sentence` says what is wrong and what the administrator does about it,
    "" if nothing is."""

    state: MailboxState
    account: Account | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class OrganizationGrant:
    """An authorised organisation. `account` is the service account that signed in, or None for the app's own access."""

    secret: bytes
    account: Account | None = None


class OrganizationApi(Protocol):
    def discover(self, tenancy: Tenancy) -> Tenancy:
        """The tenancy with everything filled in that the provider's own metadata says. Raises `ConnectFailed` with code
        `tenant_unknown` (there is none of that name), `tenant_malformed`, `RetryLater`."""

    def begin(self, tenancy: Tenancy, *, redirect_uri: str, state: str) -> Begun | None:
        """Where the administrator goes: a sign-in as the service account, or the consent for the app. None where the
        provider's own console is all there is to it (`accept`). Raises `ConnectFailed` with code `other_cloud` (this
        deployment is set up for another one), `RetryLater`."""

    def complete(self, tenancy: Tenancy, flow: bytes, query: Mapping[str, str]) -> OrganizationGrant | Begun:
        """Redeem the callback: the grant, or one more page that the administrator has to see first, under the same
        `state`; its flow takes the place of this one.

        Nothing the query says of a tenant is trusted. An app that another organisation's administrator let in gets its
        tokens whoever asks, so a token for `tenancy.tenant` proves the consent and a sign-in that somebody of that
        tenant asks. Raises `ConnectFailed` with code `wrong_account` (another account signed in; the sentence says
        whose), `wrong_tenant`, `no_calendar_service` (the service account has no mailbox), and those of
        `Authorizer.complete`; `RetryLater`."""

    def accept(self, tenancy: Tenancy, key: bytes) -> OrganizationGrant:
        """Check a service account's key by its form, without a call; what it may do shows with the first mailbox.
        Raises `ConnectFailed` with code `key_malformed`. The secret holds the key."""

    def verify(self, secret: bytes, mailbox: str) -> Mailbox:
        """Whether this mailbox can be used, with at most three calls. Raises `ConnectionRevoked` if it is the
        organisation's own access that is refused, `RetryLater`."""

    def others_reached(self, secret: bytes, enabled: Sequence[str], at_most: int = 5) -> tuple[str, ...] | None:
        """Addresses in the tenant that nobody enabled and that the access reaches all the same, as found by trying a
        few; None if the provider does not let us look. Never raises for a mailbox that refuses."""

    def expires_at(self, secret: bytes) -> datetime | None:
        """When the credential that signs for this organisation ends (the last of those that are live), if it is known
        and ends at all."""

    def revoke(self, secret: bytes) -> Revocation:
        """See `Authorizer.revoke`."""
