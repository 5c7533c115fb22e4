"""Change and lifecycle notifications: from an event that changed to POSTs for the endpoints.

`event_changed` and `lifecycle` note items while the lock is held; `gather` turns them into requests, one for each
address however many subscriptions it serves. The caller flushes `world.outbox` once it has let go of the lock.
"""

import json

from simulators.common.wire import Json
from simulators.microsoft import access, ids, render, zones
from simulators.microsoft.errors import GraphError
from simulators.microsoft.model import Calendar, EventRecord, Subscription
from simulators.microsoft.push import PushRequest
from simulators.microsoft.settings import PushRule
from simulators.microsoft.world import MicrosoftWorld


def live(world: MicrosoftWorld) -> list[Subscription]:
    now = world.seconds()
    return [s for s in world.subscriptions.values() if s.expires_at > now]


def event_changed(
    world: MicrosoftWorld, calendar: Calendar, record: EventRecord, day: str, what: str, number: int
) -> None:
    owner = world.accounts[calendar.owner]
    for subscription in live(world):
        if what not in subscription.change_types or not _covers(world, subscription, calendar):
            continue
        if not _authorised(world, subscription):
            continue
        token = record.immutable if subscription.immutable_ids else record.token
        event_id = ids.write(owner.oid, token, day, immutable=subscription.immutable_ids)
        path = f"Users/{owner.oid}/Events/{event_id}"
        item = _head(subscription) | {
            "changeType": what,
            "resource": path,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Event",
                "@odata.id": path,
                "@odata.etag": render.etag(number),
                "id": event_id,
            },
        }
        _note(world, subscription, item)


def lifecycle(world: MicrosoftWorld, subscription: Subscription, event: str) -> bool:
    """`reauthorizationRequired`, `subscriptionRemoved` or `missed`; False when it gave no address for those."""
    if subscription.lifecycle_url is None:
        return False
    _note(world, subscription, _head(subscription) | {"lifecycleEvent": event})
    return True


def gather(world: MicrosoftWorld) -> None:
    """Put what was noted into as few POSTs as there are addresses."""
    batches: dict[tuple[str, float, int], list[tuple[str, Json]]] = {}
    for subscription_id, item, delay in world.pending_items:
        found = world.subscriptions.get(subscription_id) or world.removed_subscriptions.get(subscription_id)
        if found is None:
            continue
        about_life = "lifecycleEvent" in item
        url = (found.lifecycle_url or "") if about_life else found.notification_url
        copies = 2 if delay < 0 else 1
        for copy in range(copies):
            batches.setdefault((url, max(delay, 0.0), copy), []).append((subscription_id, item))
    world.pending_items.clear()
    for (url, delay, _), noted in batches.items():
        state = world.courier.state_of(url) if world.settings.punish_slow_endpoints else "good"
        if state == "drop":
            world.courier.delivered.dropped += len(noted)
            continue
        push = PushRequest(
            url=url,
            kind="lifecycle" if "lifecycleEvent" in noted[0][1] else "notification",
            headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "Microsoft-Graph-Webhooks"},
            body=json.dumps({"value": [item for _, item in noted]}).encode(),
            subscriptions=tuple(name for name, _ in noted),
        )
        world.outbox.append((push, delay + (600.0 if state == "slow" else 0.0)))


def _head(subscription: Subscription) -> Json:
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": zones.plain_stamp(subscription.expires_at),
        "clientState": subscription.client_state,
        "tenantId": subscription.tenant,
    }


def _covers(world: MicrosoftWorld, subscription: Subscription, calendar: Calendar) -> bool:
    if subscription.mailbox != calendar.owner:
        return False
    if subscription.calendar is not None:
        return subscription.calendar == calendar.id and world.settings.calendar_subscriptions == "deliver"
    return calendar.kind == "default" or world.settings.mailbox_events_cover == "all"


def _authorised(world: MicrosoftWorld, subscription: Subscription) -> bool:
    """Delivery stops when the person, or for an app its tenant, has taken the app's rights away."""
    if subscription.email is None:
        tenant = world.tenants[subscription.tenant]
        roles = tenant.roles.get(subscription.client_id, [])
        mailbox = world.accounts[subscription.mailbox]
        try:
            access.check_app(world, subscription.client_id, tenant.id, roles, mailbox, "read")
        except GraphError:
            return False
        return mailbox.licensed
    grant = world.grants.get((subscription.client_id, subscription.email))
    return grant is not None and grant.revoked is None


def _note(world: MicrosoftWorld, subscription: Subscription, item: Json) -> None:
    rule: PushRule | None = next(
        (r for r in world.push_rules if r.times != 0 and r.subscription in {None, subscription.id}), None
    )
    if rule is not None and rule.times is not None:
        rule.times -= 1
    if rule is not None and rule.mode == "drop":
        return
    subscription.notified += 1
    delay = {"double": -1.0, "delay": rule.seconds}.get(rule.mode, 0.0) if rule is not None else 0.0
    world.pending_items.append((subscription.id, item, delay))
