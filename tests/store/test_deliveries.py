"""What every store must do with notices to the host app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.errors import VersionConflict
from shared.store.stores import Store
from tests.store.values import NOON, notice

Named = Callable[[str], str]


def test_a_notice_is_kept_until_somebody_has_taken_it_on(store: Store, named: Named) -> None:
    message = notice(named("a"))
    store.deliveries.add(message, NOON)
    found = store.deliveries.load(message.org, message.id)
    assert found is not None
    assert (found.message, found.status, found.attempts, found.last_error) == (message, "queued", 0, "")
    assert message in list(store.deliveries.overdue(NOON))
    assert message not in list(store.deliveries.overdue(NOON - timedelta(seconds=1)))
    store.deliveries.delivered(message, NOON)
    found = store.deliveries.load(message.org, message.id)
    assert found is not None
    assert (found.status, found.attempts, found.delivered_at) == ("delivered", 1, NOON)
    assert message not in list(store.deliveries.overdue(NOON + timedelta(days=1)))


def test_adding_a_notice_again_changes_nothing_that_has_begun(store: Store, named: Named) -> None:
    message = notice(named("a"))
    store.deliveries.add(message, NOON)
    store.deliveries.delivered(message, NOON)
    store.deliveries.add(message, NOON)
    found = store.deliveries.load(message.org, message.id)
    assert found is not None
    assert found.status == "delivered"


def test_a_notice_that_failed_is_due_again_or_dead(store: Store, named: Named) -> None:
    message = notice(named("a"))
    store.deliveries.add(message, NOON)
    store.deliveries.failed(message, "refused", NOON + timedelta(hours=1))
    assert message not in list(store.deliveries.overdue(NOON))
    assert message in list(store.deliveries.overdue(NOON + timedelta(hours=1)))
    store.deliveries.failed(message, "refused again", None)
    found = store.deliveries.load(message.org, message.id)
    assert found is not None
    assert (found.status, found.attempts, found.last_error) == ("dead", 2, "refused again")
    assert message not in list(store.deliveries.overdue(NOON + timedelta(days=9)))
    store.deliveries.requeue(message, NOON)
    assert message in list(store.deliveries.overdue(NOON))


def test_what_is_not_there_is_not_updated(store: Store, named: Named) -> None:
    with pytest.raises(VersionConflict):
        store.deliveries.delivered(notice(named("unknown")), NOON)
    assert store.deliveries.load(f"org {named('unknown')}", "msg_0001") is None


def test_notices_are_listed_newest_first_page_by_page(store: Store, named: Named) -> None:
    for number in range(1, 6):
        store.deliveries.add(notice(named("a"), number), NOON)
    found: list[str] = []
    after = ""
    while True:
        items, after = store.deliveries.listing(f"org {named('a')}", limit=2, after=after)
        found += [item.message.id for item in items]
        if not after:
            break
    assert found == [f"msg_{number:04d}" for number in (5, 4, 3, 2, 1)]
