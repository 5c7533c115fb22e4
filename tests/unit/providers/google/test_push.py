"""Push: what a notification says, and how long a subscription lives."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.providers.base import HttpRequest, Notification, Notifications, Rejected
from shared.providers.google.push import granted_until, parse, renewal

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
HEADERS = {
    "x-goog-channel-id": "sub-1",
    "x-goog-channel-token": "token-1",
    "x-goog-resource-state": "exists",
    "x-goog-resource-id": "resource",
    "x-goog-message-number": "17",
}


def request(**changes: str | None) -> HttpRequest:
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    for name in (name.replace("_", "-") for name, value in changes.items() if value is None):
        del headers[name]
    return HttpRequest(headers, {}, b"")


@pytest.mark.parametrize("state", ["exists", "not_exists", "a_state_of_next_year"])
def test_whatever_happened_to_the_calendar_it_is_looked_at(state: str) -> None:
    assert parse(request(x_goog_resource_state=state)) == Notifications((Notification("sub-1", "token-1"),))


def test_the_sync_message_is_acknowledged_and_costs_no_fetch_even_before_the_subscription_is_recorded() -> None:
    assert parse(request(x_goog_resource_state="sync", x_goog_channel_token=None)) == Notifications(())


@pytest.mark.parametrize("name", ["x_goog_channel_id", "x_goog_channel_token", "x_goog_resource_state"])
def test_a_request_without_the_headers_of_a_channel_is_rejected(name: str) -> None:
    assert isinstance(parse(request(**{name: None})), Rejected)


def test_the_body_is_not_looked_at_since_a_notification_has_none() -> None:
    assert parse(HttpRequest(HEADERS, {}, b"\xff{")) == Notifications((Notification("sub-1", "token-1"),))


@pytest.mark.parametrize("expiration", ["1804000000000", 1804000000000])
def test_the_granted_expiry_is_read_as_string_and_as_number(expiration: object) -> None:
    assert granted_until({"expiration": expiration}, NOW) == datetime.fromtimestamp(1804000000, UTC)


@pytest.mark.parametrize("answer", [{}, {"expiration": None}, {"expiration": "soon"}, {"expiration": 10**30}])
def test_an_answer_without_expiry_is_taken_for_the_documented_week(answer: dict[str, object]) -> None:
    assert granted_until(answer, NOW) == NOW + timedelta(days=7)


def test_renewals_fall_before_four_fifths_of_the_life_and_not_all_at_once() -> None:
    end = NOW + timedelta(days=10)
    at = [renewal(f"sub-{n}", NOW, end) for n in range(200)]
    assert all(NOW + timedelta(days=7.5) < one <= NOW + timedelta(days=8) for one in at)
    assert max(at) - min(at) > timedelta(hours=8)
    assert at == [renewal(f"sub-{n}", NOW, end) for n in range(200)]
