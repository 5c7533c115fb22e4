"""Push subscriptions and what stands in for them: renewed at 4/5 of their life, probed when silent, polled beneath.

Each calendar has one time at which it is to be looked at (`due_at`): its next poll, or the renewal of its subscription
if that comes first. A provider that pushes is polled all the same, so that with every notification lost nothing is
staler than the poll interval (I12).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import NotWatchable
from shared.house import House
from shared.keys import new_subscription_id
from shared.model import Calendar, Connection, Reason, Subscription
from shared.notifications import token_for
from shared.providers.base import PushApi
from shared.signing import Keyring


@dataclass(frozen=True, slots=True)
class PushSettings:
    """`address`: the webhook address without the provider's name, or "" where this deployment has none in public."""

    address: str
    keyring: Keyring
    poll_every: timedelta

    def next_due(self, calendar: Calendar, now: datetime) -> datetime:
        """When to look at a calendar of which nothing is heard. Spread over the last tenth of the interval."""
        poll = now + self.poll_every * random.uniform(0.9, 1.0)  # noqa: S311 (spread, not a secret)
        return min(poll, calendar.subscription.renew_at) if calendar.subscription else poll


def ensure_subscription(
    house: House, connection: Connection, calendar: Calendar, push: PushApi | None, settings: PushSettings
) -> Calendar:
    """Subscribe a calendar that has no subscription, or one that is due for renewal. It is prolonged where the provider
    can do that and its token is signed with the current key; else a new one is stored before the old one is stopped.
    Where the provider refuses, that is remembered and the calendar is polled."""
    now = house.clock()
    old = calendar.subscription
    wanted = push is not None and settings.address and calendar.watchable and calendar.sync
    if push is None or not wanted or (old is not None and old.renew_at > now):
        return calendar
    if old is not None and old.key == settings.keyring.current and (prolonged := push.renew(old)):
        return _store(house, calendar, prolonged) or calendar
    identifier = new_subscription_id()
    try:
        new = push.subscribe(
            calendar.remote_id,
            subscription_id=identifier,
            address=f"{settings.address}/webhooks/{connection.provider}",
            token=token_for(calendar.id, identifier, settings.keyring),
        )
    except NotWatchable as error:
        return _note_unwatchable(house, calendar, error) or calendar
    stored = _store(house, calendar, replace(new, key=settings.keyring.current))
    if stored is None:
        push.unsubscribe(new)
        return calendar
    if old is not None:
        push.unsubscribe(old)
    return stored


def drop_subscription(house: House, calendar: Calendar, push: PushApi | None) -> Calendar:
    """Stop a calendar's subscription, if it has one."""
    if calendar.subscription is None:
        return calendar
    if push is not None:
        push.unsubscribe(calendar.subscription)
    return house.store.calendars.change(calendar.id, lambda found: replace(found, subscription=None)) or calendar


def _store(house: House, calendar: Calendar, new: Subscription) -> Calendar | None:
    return house.store.calendars.change(calendar.id, lambda found: replace(found, subscription=new, watchable=True))


def _note_unwatchable(house: House, calendar: Calendar, error: NotWatchable) -> Calendar | None:
    reason = Reason(NotWatchable.code, error.sentence)
    return house.store.calendars.change(
        calendar.id,
        lambda found: replace(found, watchable=False, subscription=None, reasons=(*found.reasons, reason)),
    )
