"""Graph's change notifications: reading one (pure, no client library), and subscribing.

Graph gives a subscription an id of its own, while our token is bound to ours (`shared.notifications`); so our id goes
into the address that Graph is to notify, and comes back with each request.

Quirks and their source (page "Receive change notifications through webhooks" unless said otherwise):

* Both addresses are checked when a subscription is made: a POST with `validationToken`, to be echoed as plain text.
* Events live at most 10,080 minutes (resource type "subscription"); asking for more is an error, not a shorter life.
* A lifecycle address cannot be added later (page "Lifecycle notifications"); whatever it says (subscriptionRemoved,
  missed, reauthorizationRequired) means: look, and renew what is due.
* Ids are immutable only if the subscription was made with that preference (page "Obtain immutable identifiers").
* The same resource and kind of change twice is refused with 409.
* Shared calendars cannot be watched with a person's own permission (page "Outlook change notifications").
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from shared.errors import NotWatchable
from shared.model import Subscription
from shared.providers.base import Handshake, HttpRequest, Notification, Notifications, ParsedRequest, Rejected

if TYPE_CHECKING:
    from shared.providers.microsoft.wire import Wire

OWN_ID: Final = "subscription"
"""The query parameter of the notified address that holds our subscription's id."""

SHARED_CALENDAR: Final = "shared_calendar"

_ASKED: Final = timedelta(minutes=10_070)
_CHANGES: Final = "created,updated,deleted"


def parse(request: HttpRequest) -> ParsedRequest:
    """What a request to our webhook says; `query` is decoded, as the receiver's platform gives it. Each item is judged
    by its own token. A lifecycle notification says no more than the other kind: look."""
    token = request.query.get("validationToken")
    if token:
        return Handshake(token)
    try:
        items = json.loads(request.body)["value"]
    except (ValueError, KeyError, TypeError):
        return Rejected("the body is no collection of notifications")
    if not isinstance(items, list) or not items:
        return Rejected("the body holds no notification")
    own_id = request.query.get(OWN_ID, "")
    return Notifications(tuple(_read(item, own_id) for item in items))


def _read(item: Any, own_id: str) -> Notification:
    if not isinstance(item, dict):
        return Notification("", "")
    token = item.get("clientState")
    return Notification(own_id or str(item.get("subscriptionId") or ""), token if isinstance(token, str) else "")


class MicrosoftPush:
    """See `shared.providers.base.PushApi`. `resource_id` of a subscription is Graph's own id of it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def subscribe(self, calendar: str, *, subscription_id: str, address: str, token: str) -> Subscription:
        asked_at = datetime.now(UTC)
        query = urlencode({OWN_ID: subscription_id})
        wanted = {
            "changeType": _CHANGES,
            "resource": f"{self._wire.box.resource}/calendars/{calendar}/events",
            "notificationUrl": f"{address}?{query}",
            "lifecycleNotificationUrl": f"{address}/lifecycle?{query}",
            "expirationDateTime": _text(asked_at + _ASKED),
            "clientState": token,
        }
        granted = self._create(wanted, address)
        expires_at = granted_until(granted, asked_at)
        return Subscription(
            id=subscription_id,
            resource_id=str(granted.get("id", "")),
            expires_at=expires_at,
            renew_at=renewal(subscription_id, asked_at, expires_at),
        )

    def renew(self, subscription: Subscription) -> Subscription | None:
        """See the port. A PATCH of the end renews and reauthorises (page "Lifecycle notifications"). Whatever Graph has
        against it, a new subscription shows."""
        from shared.providers.microsoft.box import segment
        from shared.providers.microsoft.errors import Subject

        asked_at = datetime.now(UTC)
        wanted = {"expirationDateTime": _text(asked_at + _ASKED)}
        try:
            granted = self._wire.patch(
                f"/subscriptions/{segment(subscription.resource_id)}", Subject.SUBSCRIPTION, wanted
            )
        except NotWatchable:
            return None
        expires_at = granted_until(granted, asked_at)
        return replace(subscription, expires_at=expires_at, renew_at=renewal(subscription.id, asked_at, expires_at))

    def unsubscribe(self, subscription: Subscription) -> bool:
        return self._drop(subscription.resource_id)

    def _drop(self, granted_id: str) -> bool:
        from shared.providers.microsoft.box import segment
        from shared.providers.microsoft.errors import GONE_SUBSCRIPTION, Subject

        try:
            self._wire.delete(f"/subscriptions/{segment(granted_id)}", Subject.SUBSCRIPTION)
        except NotWatchable as error:
            if error.code == GONE_SUBSCRIPTION:
                return False
            raise
        return True

    def _create(self, wanted: dict[str, Any], address: str) -> dict[str, Any]:
        """Where Graph knows the same subscription already, ours is replaced."""
        from shared.providers.microsoft.errors import DUPLICATE_SUBSCRIPTION, Subject

        try:
            return self._wire.post("/subscriptions", Subject.SUBSCRIPTION, wanted)
        except NotWatchable as error:
            if error.code != DUPLICATE_SUBSCRIPTION or not self._drop_own(wanted, address):
                raise
        return self._wire.post("/subscriptions", Subject.SUBSCRIPTION, wanted)

    def _drop_own(self, wanted: dict[str, Any], address: str) -> bool:
        """Delete the subscriptions to the same calendar that lead to this deployment; whether there was one."""
        from shared.providers.microsoft.errors import Subject

        found = False
        path = "/subscriptions"
        while path:
            answer = self._wire.get(path, Subject.SUBSCRIPTION)
            for one in answer.get("value") or ():
                leads_here = _without_query(str(one.get("notificationUrl") or "")) == address
                if leads_here and str(one.get("resource") or "").strip("/") == wanted["resource"].strip("/"):
                    self._drop(str(one["id"]))
                    found = True
            path = self._wire.path_of(answer["@odata.nextLink"]) if answer.get("@odata.nextLink") else ""
        return found


class PolledOnly:
    """The `PushApi` of staff calendars that a service account uses: nobody may watch somebody else's calendar in their
    own name (page "Outlook change notifications"), so nothing is asked."""

    def subscribe(self, calendar: str, *, subscription_id: str, address: str, token: str) -> Subscription:  # noqa: ARG002
        raise NotWatchable(
            "Microsoft lets a service account watch nobody's calendar but its own, so this one is looked at every few "
            "minutes.",
            code=SHARED_CALENDAR,
        )

    def renew(self, subscription: Subscription) -> Subscription | None:  # noqa: ARG002
        return None

    def unsubscribe(self, subscription: Subscription) -> bool:  # noqa: ARG002
        return False


def granted_until(granted: dict[str, Any], asked_at: datetime) -> datetime:
    """When a subscription ends, as the answer says; without a word of it what was asked for holds."""
    try:
        read = datetime.fromisoformat(granted["expirationDateTime"])
    except (KeyError, ValueError, TypeError):
        return asked_at + _ASKED
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def renewal(subscription_id: str, begins_at: datetime, ends_at: datetime) -> datetime:
    """Four fifths of the way, less up to a twentieth that depends on the id, so that renewals are spread out."""
    spread = int.from_bytes(sha256(subscription_id.encode()).digest()[:4]) / 2**32
    return begins_at + (ends_at - begins_at) * (0.8 - spread / 20)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_query(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()
