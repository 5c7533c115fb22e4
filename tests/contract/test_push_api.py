"""Push: what was granted counts, and what cannot be watched is said to be so."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import ConnectionRevoked, NotWatchable, RetryLater
from shared.model import Span, Subscription, ZonedTime
from shared.providers import parse_notification
from shared.providers.base import Notification, Notifications, PushApi
from tests.contract.conftest import PUSHING, swept
from tests.contract.stage import Stage, Trouble

ADDRESS = "https://hooks.example.com/webhooks/x"
SPAN = Span(
    ZonedTime(datetime(2027, 3, 1, 9), "Europe/Berlin"),  # noqa: DTZ001
    ZonedTime(datetime(2027, 3, 1, 10), "Europe/Berlin"),  # noqa: DTZ001
)


@pytest.fixture(params=PUSHING)
def stage(request: pytest.FixtureRequest, built: Callable[[str], Any]) -> Iterator[Stage]:
    yield from swept(built(request.param))


@pytest.fixture
def push(stage: Stage) -> PushApi:
    api = stage.session().push
    assert api is not None
    return api


def subscribe(push: PushApi, stage: Stage, subscription_id: str = "sub-1") -> Subscription:
    return push.subscribe(stage.main, subscription_id=subscription_id, address=ADDRESS, token="token-1")


def heard(stage: Stage) -> list[Notification]:
    found: list[Notification] = []
    for request in stage.notifications():
        parsed = parse_notification(stage.name, request)
        assert isinstance(parsed, Notifications), parsed
        found.extend(parsed.items)
    return found


def test_the_granted_expiry_is_what_counts_however_long_was_asked_for(push: PushApi, stage: Stage) -> None:
    subscription = subscribe(push, stage)
    life = subscription.expires_at - datetime.now(UTC)
    assert timedelta(days=6) < life <= timedelta(days=7)
    assert datetime.now(UTC) + life * 0.7 < subscription.renew_at < subscription.expires_at - life * 0.19
    assert subscription.id == "sub-1"
    assert subscription.resource_id


def test_a_subscription_tells_of_each_change_with_our_token_and_nothing_when_it_begins(
    push: PushApi, stage: Stage
) -> None:
    subscribe(push, stage)
    assert heard(stage) == []
    event = stage.add_event(stage.main, "Dentist", SPAN)
    stage.delete(stage.main, event)
    assert heard(stage) == [Notification("sub-1", "token-1")] * 2


def test_a_new_subscription_is_heard_once_and_outlives_the_end_of_the_old_one(push: PushApi, stage: Stage) -> None:
    old = subscribe(push, stage)
    new = subscribe(push, stage, "sub-2")
    assert push.unsubscribe(old) is stage.side_by_side
    heard(stage)
    stage.add_event(stage.main, "Dentist", SPAN)
    assert heard(stage) == [Notification("sub-2", "token-1")]
    assert push.unsubscribe(new) is True


def test_a_subscription_that_the_provider_no_longer_knows_is_told_from_one_that_was_stopped(
    push: PushApi, stage: Stage
) -> None:
    subscription = subscribe(push, stage)
    assert push.unsubscribe(subscription) is True
    assert push.unsubscribe(subscription) is False


def test_a_calendar_that_cannot_be_watched_is_said_to_be_so_once_and_for_all(push: PushApi, stage: Stage) -> None:
    holidays = stage.add_calendar("Holidays", watchable=False)
    with pytest.raises(NotWatchable):
        push.subscribe(holidays, subscription_id="sub-1", address=ADDRESS, token="t")


def test_an_address_that_the_provider_does_not_take_means_polling(push: PushApi, stage: Stage) -> None:
    with pytest.raises(NotWatchable):
        push.subscribe(stage.main, subscription_id="sub-1", address="http://hooks.example.com/", token="t")


def test_subscribing_again_under_the_same_id_never_makes_two(push: PushApi, stage: Stage) -> None:
    subscribe(push, stage)
    with suppress(RetryLater):  # to be tried again, with another id
        subscribe(push, stage)
    stage.add_event(stage.main, "Dentist", SPAN)
    assert heard(stage) == [Notification("sub-1", "token-1")]


def test_trouble_while_subscribing_does_not_make_the_calendar_unwatchable(push: PushApi, stage: Stage) -> None:
    stage.trouble("outage")
    with pytest.raises(RetryLater):
        subscribe(push, stage)
    stage.withdraw_consent()
    with pytest.raises(ConnectionRevoked):
        subscribe(push, stage, "sub-2")


# --- renewing ------------------------------------------------------------------------------------------------------


def test_a_subscription_that_is_renewed_stays_the_same_and_ends_later(push: PushApi, stage: Stage) -> None:
    subscription = subscribe(push, stage)
    renewed = push.renew(subscription)
    assert (renewed is not None) is stage.renews
    assert (renewed or subscription).expires_at >= subscription.expires_at
    assert (renewed or subscription).renew_at >= subscription.renew_at
    assert (renewed or subscription).resource_id == subscription.resource_id
    stage.add_event(stage.main, "Dentist", SPAN)
    assert heard(stage) == [Notification("sub-1", "token-1")]
    assert push.unsubscribe(renewed or subscription) is True


def test_a_subscription_that_the_provider_has_forgotten_cannot_be_renewed_and_a_new_one_takes_its_place(
    push: PushApi, stage: Stage
) -> None:
    subscription = subscribe(push, stage)
    push.unsubscribe(subscription)
    assert push.renew(subscription) is None
    subscribe(push, stage, "sub-2")
    stage.add_event(stage.main, "Dentist", SPAN)
    assert heard(stage) == [Notification("sub-2", "token-1")]


@pytest.mark.parametrize("kind", ["throttled", "outage", "cut_before", "garbage_after"])
def test_trouble_while_renewing_is_not_taken_for_a_subscription_that_is_gone(
    push: PushApi, stage: Stage, kind: Trouble
) -> None:
    subscription = subscribe(push, stage)
    stage.trouble(kind)
    with pytest.raises(RetryLater) if stage.renews else nullcontext():
        assert push.renew(subscription) is None
    if stage.renews:
        assert push.renew(subscription) is not None


def test_a_withdrawn_consent_is_known_when_a_subscription_is_renewed(push: PushApi, stage: Stage) -> None:
    subscription = subscribe(push, stage)
    stage.withdraw_consent()
    with pytest.raises(ConnectionRevoked) if stage.renews else nullcontext():
        assert push.renew(subscription) is None
