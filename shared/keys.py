"""Identifiers: made here, so that the same thing always gets the same one.

Ids that must be unguessable are random; ids that must be the same when a step is repeated are hashes of what they
name. A calendar's id holds its mailbox's, and that its connection's, so a job needs no look-up.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime

from shared.model import Account, Owner


def new_connection_id() -> str:
    return f"con_{_short(secrets.token_bytes(15))}"


def new_event_id() -> str:
    return f"app_{_short(secrets.token_bytes(15))}"


def account_place(owner: Owner, provider: str, account: Account) -> str:
    """The one place that an owner has for a provider's account; the connection that is active holds it."""
    return f"acc_{_short(_digest('place', owner.org, owner.user_id, provider, account.id)[:20])}"


def organization_id(org: str, provider: str) -> str:
    """The connection of an organisation's own; there is one with each provider."""
    return f"org_{_short(_digest('organization', org, provider)[:15])}"


def staff_id(organization_id: str, user_id: str) -> str:
    """The connection of one person of an organisation's staff."""
    return f"con_{_short(_digest('staff', organization_id, user_id)[:15])}"


def tenant_place(provider: str, tenant: str) -> str:
    """The one place that a provider's tenant has in this deployment; the organisation that authorised it holds it."""
    return f"ten_{_short(_digest('tenant', provider, tenant.casefold())[:20])}"


def mailbox_place(organization_id: str, mailbox: str) -> str:
    """The one place that an organisation has for an address; the person whose mailbox it is holds it."""
    return f"box_{_short(_digest('mailbox', organization_id, mailbox.casefold())[:20])}"


def calendar_id(mailbox_id: str, remote_id: str) -> str:
    """The id of a mailbox's calendar, from the provider's id for it."""
    return f"{mailbox_id}.{_short(_digest('calendar', remote_id)[:10])}"


def import_id(owner: Owner, provider: str, account: Account, remote_calendar: str, remote_id: str) -> str:
    """The id of the app's event for a provider's event. It does not depend on the connection, so that what was kept
    after a disconnect is found again by a later connection of the same account."""
    parts = ("import", owner.org, owner.user_id, provider, account.mailbox or account.id, remote_calendar, remote_id)
    return f"evt_{_short(_digest(*parts)[:20])}"


def copy_key(owner: Owner, provider: str, account: Account, remote_calendar: str, event_id: str) -> str:
    """What a booking's copy in one calendar is created under; the same for every attempt and every connection."""
    parts = ("copy", owner.org, owner.user_id, provider, account.mailbox or account.id, remote_calendar, event_id)
    return _digest(*parts).hex()


def message_id(at: datetime, *parts: str) -> str:
    """A notice's id: sorts by time; the same parts at the same time give the same id."""
    millis = int(at.timestamp() * 1000)
    return f"msg_{millis:013d}_{_short(_digest('message', *parts)[:10])}"


def new_subscription_id() -> str:
    return f"sub-{_short(secrets.token_bytes(15))}"


def new_run_id() -> str:
    return _short(secrets.token_bytes(5))


def quota_user(connection_id: str) -> str:
    """An opaque name (at most 40 characters) under which a provider counts one connection's calls."""
    return _short(_digest("quota", connection_id)[:15])


def _digest(*parts: str) -> bytes:
    """SHA-256 over the parts, each with its length before it, so that no two lists run together."""
    hashed = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        hashed.update(len(raw).to_bytes(4, "big") + raw)
    return hashed.digest()


def _short(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()
