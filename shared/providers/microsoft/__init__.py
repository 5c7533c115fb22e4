"""Outlook and Microsoft 365: Graph's calendar API behind Lockstep's port.

In reading order: `auth` (consent) · `grant` (the secret part of a connection, and refreshing it) · `credentials` (how
the app proves who it is) · `sessions` · `wire` (signed calls) · `batch` (several in one request) · `errors` (what a
refusal means) · `convert` with `recurrence`, `zones` and `body` (Graph's JSON and our values, pure) · `projection`
(what Outlook can hold) · `cursor` · `records` (whole records) · `reader` (records as events) · `copies` (writing them)
· `calendar` and `push`.

For organisations: `organization` (the port's second part) · `tenants` and `clouds` (what metadata says) · `staff` (one
mailbox looked at) · `app_grant` (the app's own access) · `box` (whose mailbox it is) · `opening`.

Neither MSAL nor requests is loaded until an authorizer or a session is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.config import MicrosoftSettings
from shared.model import Privacy
from shared.providers.base import Authorizer, ClientSecret, Session

if TYPE_CHECKING:
    from shared.providers.organizations import OrganizationApi


@dataclass(frozen=True, slots=True)
class MicrosoftProvider:
    """See `shared.providers.base.Provider`."""

    settings: MicrosoftSettings
    client: ClientSecret

    def authorizer(self) -> Authorizer:
        from shared.providers.microsoft.auth import MicrosoftAuthorizer

        return MicrosoftAuthorizer(self.settings, self.client)

    def organizations(self) -> OrganizationApi:
        from shared.providers.microsoft.organization import MicrosoftOrganizations

        return MicrosoftOrganizations(self.settings, self.client)

    def open(self, secret: bytes, *, quota_user: str, privacy: Privacy, mailbox: str = "") -> Session:
        from shared.providers.microsoft.box import Reach
        from shared.providers.microsoft.calendar import MicrosoftCalendars
        from shared.providers.microsoft.opening import open_wire
        from shared.providers.microsoft.push import MicrosoftPush, PolledOnly

        wire = open_wire(secret, self.settings, self.client, quota_user=quota_user, mailbox=mailbox)
        push = PolledOnly() if wire.box.reach is Reach.DELEGATED else MicrosoftPush(wire)
        return Session(calendars=MicrosoftCalendars(wire, privacy=privacy), push=push)


PROVIDER = MicrosoftProvider
