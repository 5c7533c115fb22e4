"""Outlook and Microsoft 365: Graph's calendar API behind Lockstep's port.

In reading order: `auth` (consent) · `grant` (the secret part of a connection, and refreshing it) · `wire` (signed
calls) · `batch` (several in one request) · `errors` (what a refusal means) · `convert` with `recurrence`, `zones` and
`body` (Graph's JSON and our values, pure) · `projection` (what Outlook can hold) · `cursor` · `records` (whole records)
· `reader` (records as events) · `copies` (writing them) · `calendar` and `push`.

Neither MSAL nor requests is loaded until an authorizer or a session is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import MicrosoftSettings
from shared.model import Privacy
from shared.providers.base import Authorizer, ClientSecret, Session


@dataclass(frozen=True, slots=True)
class MicrosoftProvider:
    """See `shared.providers.base.Provider`."""

    settings: MicrosoftSettings
    client: ClientSecret

    def authorizer(self) -> Authorizer:
        from shared.providers.microsoft.auth import MicrosoftAuthorizer

        return MicrosoftAuthorizer(self.settings, self.client)

    def open(self, secret: bytes, *, quota_user: str, privacy: Privacy) -> Session:
        from shared.providers.microsoft.calendar import MicrosoftCalendars
        from shared.providers.microsoft.grant import Grant
        from shared.providers.microsoft.push import MicrosoftPush
        from shared.providers.microsoft.wire import Wire

        wire = Wire(Grant(secret, self.settings, self.client), self.settings, quota_user=quota_user)
        return Session(calendars=MicrosoftCalendars(wire, privacy=privacy), push=MicrosoftPush(wire))


PROVIDER = MicrosoftProvider
