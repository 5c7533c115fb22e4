from __future__ import annotations

import pytest

from shared.keys import calendar_id, new_connection_id, new_subscription_id
from shared.notifications import LONGEST_TOKEN, PURPOSE, Accepted, accept, token_for
from shared.providers.base import Handshake, HttpRequest, Notification, Notifications, Rejected
from shared.signing import Keyring

RING = Keyring([b"current", b"previous"], PURPOSE)
NOTHING = HttpRequest(headers={}, query={}, body=b"")


def genuine(calendar: str, subscription: str = "sub-1", keyring: Keyring = RING) -> Notification:
    return Notification(subscription, token_for(calendar, subscription, keyring))


def judged(monkeypatch: pytest.MonkeyPatch, parsed: object) -> Accepted:
    monkeypatch.setattr("shared.notifications.parse_notification", lambda *_: parsed)
    return accept("any", NOTHING, RING)


def test_a_token_fits_into_the_shortest_field_that_a_provider_has():
    calendar = calendar_id(f"{new_connection_id()}~staff-member-0123456789", "calendar" * 100)
    assert len(token_for(calendar_id(new_connection_id(), "x" * 1000), new_subscription_id(), RING)) <= LONGEST_TOKEN
    assert len(token_for(calendar, new_subscription_id(), RING)) <= LONGEST_TOKEN


def test_each_item_of_a_batch_is_judged_on_its_own(monkeypatch):
    items = (
        genuine("con_a.b"),
        Notification("sub-1", "con_a.b.forged"),
        genuine("con_c.d", keyring=Keyring([b"another"], PURPOSE)),
        genuine("con_e.f", keyring=Keyring([b"previous"], PURPOSE)),
    )
    assert judged(monkeypatch, Notifications(items)) == Accepted(("con_a.b", "con_e.f"), refused=2)


def test_a_calendar_that_is_named_ten_times_is_one_job(monkeypatch):
    assert judged(monkeypatch, Notifications((genuine("con_a.b"),) * 10)) == Accepted(("con_a.b",))


def test_a_token_of_another_subscription_is_worth_nothing(monkeypatch):
    stolen = Notification("sub-2", genuine("con_a.b", "sub-1").token)
    assert judged(monkeypatch, Notifications((stolen,))) == Accepted(refused=1)


def test_a_token_for_no_calendar_is_worth_nothing_though_its_mac_is_right(monkeypatch):
    items = (genuine(""), genuine("."), genuine("nodots"))
    assert judged(monkeypatch, Notifications(items)) == Accepted(refused=3)


def test_what_is_no_notification_is_one_refusal_and_a_handshake_is_none(monkeypatch):
    assert judged(monkeypatch, Rejected("for the log")) == Accepted(refused=1)
    assert judged(monkeypatch, Handshake("echo")) == Accepted(handshake="echo")
    assert judged(monkeypatch, Notifications(())) == Accepted()


def test_a_provider_that_does_not_exist_is_an_error_of_its_own():
    with pytest.raises(KeyError):
        accept("yahoo", NOTHING, RING)
