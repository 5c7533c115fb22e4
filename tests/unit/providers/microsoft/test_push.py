"""Notifications: every item is judged on its own, and a subscription lives as long as was granted."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import NotWatchable, RetryLater
from shared.model import Span
from shared.notifications import LONGEST_TOKEN, token_for
from shared.providers.base import Handshake, HttpRequest, Notification, Notifications, PushApi, Rejected
from shared.providers.microsoft.push import granted_until, parse, renewal
from shared.signing import Keyring
from tests.contract.microsoft_stage import MicrosoftStage

ADDRESS = "https://hooks.example.com/webhooks/x"
SPAN = Span(datetime(2027, 3, 1, tzinfo=UTC).date(), datetime(2027, 3, 2, tzinfo=UTC).date())


def request(body: object = None, **query: str) -> HttpRequest:
    return HttpRequest({}, query, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def push(microsoft: MicrosoftStage) -> PushApi:
    api = microsoft.session().push
    assert api is not None
    return api


# --- reading -------------------------------------------------------------------------------------------------------


def test_a_handshake_is_answered_with_the_token_as_it_is() -> None:
    token = "Validation: Testing client application reachability for subscription Request-Id: 1 +%2B"
    assert parse(request(validationToken=token)) == Handshake(token)


def test_every_item_is_read_and_none_vouches_for_its_neighbour() -> None:
    items = [
        {"subscriptionId": "g-1", "clientState": "token-1", "changeType": "created"},
        {"subscriptionId": "g-2"},
        {"subscriptionId": "g-3", "clientState": 7},
        "x",
        {"subscriptionId": "g-4", "clientState": "token-4", "lifecycleEvent": "missed"},
    ]
    assert parse(request({"value": items})) == Notifications(
        (
            Notification("g-1", "token-1"),
            Notification("g-2", ""),
            Notification("g-3", ""),
            Notification("", ""),
            Notification("g-4", "token-4"),
        )
    )


@pytest.mark.parametrize("event", ["subscriptionRemoved", "missed", "reauthorizationRequired"])
def test_a_lifecycle_notification_says_look_and_comes_under_our_own_id(event: str) -> None:
    item = {"subscriptionId": "g-1", "clientState": "token-1", "lifecycleEvent": event}
    assert parse(request({"value": [item]}, subscription="sub-1")) == Notifications((Notification("sub-1", "token-1"),))


@pytest.mark.parametrize("body", [b"", b"\xff", b"x", b"[]", b"{}", b"null", b'{"value": {}}', b'{"value": []}', b"7"])
def test_what_is_no_notification_is_rejected_and_raises_nothing(body: bytes) -> None:
    assert isinstance(parse(request(body)), Rejected)


def test_reading_a_notification_loads_no_client_library() -> None:
    script = (
        "import sys; import shared.providers.microsoft.push as p; from shared.providers.base import HttpRequest;"
        "p.parse(HttpRequest({}, {}, b'{}'));"
        "sys.exit(bool({'msal', 'requests', 'tzlocal', 'urllib3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- subscribing ---------------------------------------------------------------------------------------------------


def test_the_token_is_the_client_state_and_fits_and_our_id_comes_back(push: PushApi, microsoft: MicrosoftStage) -> None:
    token = token_for("con_" + "a" * 24 + "." + "b" * 16, "sub-" + "c" * 24, Keyring([b"x" * 32], "notification"))
    assert len(token) <= LONGEST_TOKEN
    made = push.subscribe(microsoft.main, subscription_id="sub-1", address=ADDRESS, token=token)
    microsoft.add_event(microsoft.main, "Dentist", SPAN)
    microsoft.control("lifecycle", event="missed")
    heard = [parse(one) for one in microsoft.notifications()]
    assert heard == [Notifications((Notification("sub-1", token),))] * 2
    (kept,) = microsoft.control("subscriptions", method="GET")["subscriptions"]
    assert (kept["id"], kept["immutable_ids"]) == (made.resource_id, True)
    assert kept["lifecycle_url"] == f"{ADDRESS}/lifecycle?subscription=sub-1"


def test_a_shorter_life_than_was_asked_for_is_what_counts(push: PushApi, microsoft: MicrosoftStage) -> None:
    microsoft.world.settings.subscription_max_minutes = 1440
    microsoft.world.settings.long_subscriptions = "cap"
    made = push.subscribe(microsoft.main, subscription_id="sub-1", address=ADDRESS, token="t")
    life = made.expires_at - datetime.now(UTC)
    assert timedelta(hours=23) < life <= timedelta(hours=24)
    assert datetime.now(UTC) + life * 0.7 < made.renew_at < made.expires_at - life * 0.19


def test_a_second_subscription_to_the_same_calendar_replaces_the_first(
    push: PushApi, microsoft: MicrosoftStage
) -> None:
    first = push.subscribe(microsoft.main, subscription_id="sub-1", address=ADDRESS, token="t1")
    second = push.subscribe(microsoft.main, subscription_id="sub-2", address=ADDRESS, token="t2")
    assert push.unsubscribe(first) is False
    microsoft.add_event(microsoft.main, "Dentist", SPAN)
    assert [parse(one) for one in microsoft.notifications()] == [Notifications((Notification("sub-2", "t2"),))]
    assert push.unsubscribe(second) is True


def test_a_subscription_of_another_deployment_is_left_alone(push: PushApi, microsoft: MicrosoftStage) -> None:
    other = push.subscribe(microsoft.main, subscription_id="sub-1", address="https://other.example/x", token="t")
    with pytest.raises(NotWatchable):
        push.subscribe(microsoft.main, subscription_id="sub-2", address=ADDRESS, token="t")
    assert push.unsubscribe(other) is True


def test_a_calendar_that_may_not_be_watched_is_said_to_be_so(push: PushApi, microsoft: MicrosoftStage) -> None:
    microsoft.world.settings.calendar_subscriptions = "refuse"
    with pytest.raises(NotWatchable):
        push.subscribe(microsoft.main, subscription_id="sub-1", address=ADDRESS, token="t")
    microsoft.trouble("outage")
    with pytest.raises(RetryLater):
        push.subscribe(microsoft.main, subscription_id="sub-1", address=ADDRESS, token="t")


def test_an_answer_that_names_no_end_is_taken_at_what_was_asked_and_renewals_are_spread() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert granted_until({}, now) == now + timedelta(minutes=10_070)
    assert granted_until({"expirationDateTime": "2027-01-02T00:00:00.0000000Z"}, now) == now + timedelta(days=1)
    ends = now + timedelta(days=7)
    times = {renewal(f"sub-{number}", now, ends) for number in range(20)}
    assert len(times) == 20
    assert all(now + (ends - now) * 0.75 <= at <= now + (ends - now) * 0.8 for at in times)
