"""Google's push channels: reading a notification (pure, no client library), and subscribing.

A notification has no body: its headers name the channel and carry our token (page "Push notifications").
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from shared.errors import NotWatchable
from shared.model import Subscription
from shared.providers.base import HttpRequest, Notification, Notifications, ParsedRequest, Rejected

if TYPE_CHECKING:
    from shared.providers.google.wire import Wire

_TTL_ASKED: Final = timedelta(days=30)
"""More than Google is known to grant: there is no published maximum, and the granted expiry comes back."""

_TTL_UNSAID: Final = timedelta(days=7)
"""What holds if an answer does not say (page "Push notifications": the default is 604800 seconds)."""


def parse(request: HttpRequest) -> ParsedRequest:
    """What a request to our webhook says. The first message of a channel, `sync`, is about no change at all; it may
    arrive before the subscription is recorded, and needs nothing but a 2xx."""
    channel = request.headers.get("x-goog-channel-id", "")
    state = request.headers.get("x-goog-resource-state", "")
    token = request.headers.get("x-goog-channel-token", "")
    if not channel or not state:
        return Rejected("the headers X-Goog-Channel-ID and X-Goog-Resource-State are missing")
    if state == "sync":
        return Notifications(())
    if not token:
        return Rejected("the header X-Goog-Channel-Token is missing")
    return Notifications((Notification(channel, token),))


class GooglePush:
    """See `shared.providers.base.PushApi`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def subscribe(self, calendar: str, *, subscription_id: str, address: str, token: str) -> Subscription:
        from shared.providers.google.errors import Subject

        channel = {
            "id": subscription_id,
            "type": "web_hook",
            "address": address,
            "token": token,
            "params": {"ttl": str(int(_TTL_ASKED.total_seconds()))},
        }
        asked_at = datetime.now(UTC)
        granted = self._wire.events("watch", Subject.SUBSCRIPTION, calendarId=calendar, body=channel)
        expires_at = granted_until(granted, asked_at)
        return Subscription(
            id=subscription_id,
            resource_id=str(granted.get("resourceId", "")),
            expires_at=expires_at,
            renew_at=renewal(subscription_id, asked_at, expires_at),
        )

    def renew(self, subscription: Subscription) -> Subscription | None:  # noqa: ARG002
        """See the port. A channel ends when it ends; another one takes its place."""
        return None

    def unsubscribe(self, subscription: Subscription) -> bool:
        """See the port. Only the account and client that subscribed can stop a channel: stop before revoking."""
        try:
            self._wire.stop_channel({"id": subscription.id, "resourceId": subscription.resource_id})
        except NotWatchable as error:
            if error.code in ("notFound", "channelUnknown", "refused_404"):
                return False
            raise
        return True


def granted_until(granted: dict[str, Any], asked_at: datetime) -> datetime:
    """When a channel ends: milliseconds since 1970, a string in the reference and a number in the guide."""
    try:
        return datetime.fromtimestamp(int(granted["expiration"]) / 1000, UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return asked_at + _TTL_UNSAID


def renewal(subscription_id: str, begins_at: datetime, ends_at: datetime) -> datetime:
    """Four fifths of the way, less up to a twentieth that depends on the id, so that renewals are spread out."""
    spread = int.from_bytes(sha256(subscription_id.encode()).digest()[:4]) / 2**32
    return begins_at + (ends_at - begins_at) * (0.8 - spread / 20)
