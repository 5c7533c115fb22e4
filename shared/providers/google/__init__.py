"""Google Calendar: the calendar API v3 behind Lockstep's port.

In reading order: `auth` (consent) · `grant` (the secret part of a connection, and refreshing it) · `wire` (one signed
call) · `errors` (what a refusal means) · `convert` (Google's JSON and our values, pure) · `calendar` and `push`. For
organisations: `organization` (the port's second part) · `delegation` (a service account in a person's name).

Nothing of Google's libraries is loaded until an authorizer or a session is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.config import GoogleSettings
from shared.model import Privacy
from shared.providers.base import Authorizer, ClientSecret, Session

if TYPE_CHECKING:
    from shared.providers.organizations import OrganizationApi


@dataclass(frozen=True, slots=True)
class GoogleProvider:
    """See `shared.providers.base.Provider`."""

    settings: GoogleSettings
    client: ClientSecret

    def authorizer(self) -> Authorizer:
        from shared.providers.google.auth import GoogleAuthorizer

        return GoogleAuthorizer(self.settings, self.client)

    def organizations(self) -> OrganizationApi:
        from shared.providers.google.organization import GoogleOrganizations

        return GoogleOrganizations(self.settings, self.client)

    def open(self, secret: bytes, *, quota_user: str, privacy: Privacy, mailbox: str = "") -> Session:
        from shared.providers.google.calendar import GoogleCalendars
        from shared.providers.google.grant import Grant, is_delegation
        from shared.providers.google.push import GooglePush
        from shared.providers.google.wire import Tokens, Wire

        grant: Tokens
        if is_delegation(secret):
            from shared.providers.google.delegation import Delegation

            grant = Delegation(secret, self.settings, mailbox)
        else:
            grant = Grant(secret, self.settings, self.client)
        wire = Wire(grant, self.settings, quota_user=quota_user)
        return Session(calendars=GoogleCalendars(wire, privacy=privacy), push=GooglePush(wire))


PROVIDER = GoogleProvider
