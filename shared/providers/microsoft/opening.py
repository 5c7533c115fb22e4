"""A stored secret, opened: by whose tokens the calls go, and which mailbox they are about."""

from __future__ import annotations

import json

from shared.config import MicrosoftSettings
from shared.providers.base import ClientSecret
from shared.providers.microsoft.app_grant import AppGrant, application_of
from shared.providers.microsoft.box import OWN, Box, Reach, of_staff
from shared.providers.microsoft.grant import Grant
from shared.providers.microsoft.wire import Wire


def open_wire(
    secret: bytes, settings: MicrosoftSettings, client: ClientSecret, *, quota_user: str, mailbox: str = ""
) -> Wire:
    """Calls in the name of whoever the secret is of; `mailbox` "" is the account's own. No call is made yet."""
    if tenant := application_of(secret):
        box = of_staff(mailbox, Reach.APPLICATION) if mailbox else OWN
        return Wire(AppGrant(tenant, settings, client), settings, quota_user=quota_user, box=box)
    grant = Grant(secret, settings, client)
    return Wire(grant, settings, quota_user=quota_user, box=_delegated(grant, mailbox))


def tenant_of(secret: bytes) -> str:
    """The tenant that an organisation's secret is for, "" for a person's own."""
    return application_of(secret) or str(json.loads(secret).get("tenant") or "")


def _delegated(grant: Grant, mailbox: str) -> Box:
    """A service account that is staff itself uses its calendar as anybody does."""
    own = mailbox.casefold() in ("", grant.account_name().casefold())
    return OWN if own else of_staff(mailbox, Reach.DELEGATED)
