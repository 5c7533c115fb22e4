"""A provider says that something changed: verified without a read, turned into jobs.

Our subscriptions carry a token: the calendar's id and a MAC over it and the subscription's id. Nothing but that token
is believed, each item of a notification is judged on its own, and whatever is wrong gets the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.model import connection_of
from shared.providers import parse_notification
from shared.providers.base import Handshake, HttpRequest, Notification, Notifications, Rejected
from shared.signing import Keyring

PURPOSE = "notification"
LONGEST_TOKEN = 128
"""Microsoft Graph's bound for clientState; Google's channel token may have 256."""


def token_for(calendar_id: str, subscription_id: str, keyring: Keyring) -> str:
    """What a subscription to this calendar carries, at most `LONGEST_TOKEN` characters."""
    return f"{calendar_id}.{keyring.sign(f'{calendar_id} {subscription_id}')}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`calendar_ids` may differ now; `refused` counts items that did not verify; `handshake` is to be echoed."""

    calendar_ids: tuple[str, ...] = ()
    refused: int = 0
    handshake: str | None = None


def accept(provider: str, request: HttpRequest, keyring: Keyring) -> Accepted:
    """Judge a request to the webhook address. Raises KeyError for a provider that does not exist."""
    match parse_notification(provider, request):
        case Handshake(text):
            return Accepted(handshake=text)
        case Rejected():
            return Accepted(refused=1)
        case Notifications(items):
            verified = [_calendar_of(item, keyring) for item in items]
            known = tuple(dict.fromkeys(calendar_id for calendar_id in verified if calendar_id))
            return Accepted(calendar_ids=known, refused=sum(not calendar_id for calendar_id in verified))


def _calendar_of(item: Notification, keyring: Keyring) -> str:
    """The calendar that a genuine item speaks of, or ""."""
    calendar_id, _, mac = item.token.rpartition(".")
    genuine = keyring.recognises(f"{calendar_id} {item.subscription_id}", mac)
    return calendar_id if genuine and connection_of(calendar_id) else ""
