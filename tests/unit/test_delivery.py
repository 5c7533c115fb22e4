from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook

from shared.delivery import GAPS, SLACK, Delivered, Failed, Host, deliver, signed
from shared.model import HostMessage
from shared.store.deliveries import Delivery

NOW = datetime.now(UTC)
SECRET, OTHER = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
MESSAGE = HostMessage(id="msg_1", org="demo", type="event.created", at=NOW, body={"id": "b1", "title": "ä"})
HOST = Host("https://host.example.com/", [SECRET, OTHER])


class Deliveries:
    """The store, as far as delivering needs it."""

    def __init__(self, status: str = "queued") -> None:
        self.found: Delivery | None = Delivery(
            message=MESSAGE, status=status, attempts=0, last_error="", delivered_at=None
        )
        self.done: list[tuple[Any, ...]] = []

    def load(self, org: str, message_id: str) -> Delivery | None:
        return self.found

    def delivered(self, message: HostMessage, at: datetime) -> None:
        self.done.append(("delivered",))

    def failed(self, message: HostMessage, error: str, next_due: datetime | None) -> None:
        self.done.append(("failed", error, next_due))


def attempt(store: Deliveries, post: Any, number: int = 1, host: Host = HOST) -> Delivered | Failed:
    return deliver(store, host, "demo", "msg_1", attempt=number, now=NOW, post=post)  # type: ignore[arg-type]


def test_a_body_is_signed_with_every_live_secret():
    body, headers = signed(MESSAGE, HOST, datetime.now(UTC))
    assert len(headers["webhook-signature"].split()) == 2
    for secret in HOST.secrets:
        assert Webhook(secret).verify(body, headers) == json.loads(body)
    assert json.loads(body)["data"] == MESSAGE.body


def test_the_signature_is_made_anew_for_each_attempt_so_that_a_late_one_is_not_too_old():
    _, first = signed(MESSAGE, HOST, NOW)
    _, later = signed(MESSAGE, HOST, NOW + timedelta(days=2))
    assert first["webhook-id"] == later["webhook-id"]
    assert first["webhook-timestamp"] != later["webhook-timestamp"]
    assert first["webhook-signature"] != later["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_arrival(status):
    store = Deliveries()
    assert attempt(store, lambda *_: status) == Delivered()
    assert store.done == [("delivered",)]


@pytest.mark.parametrize("status", [100, 199, 300, 304, 400, 401, 410, 429, 500, 503])
def test_anything_else_is_not(status):
    store = Deliveries()
    assert attempt(store, lambda *_: status) == Failed(GAPS[0])
    assert store.done == [("failed", f"The host app answered {status}.", NOW + timedelta(seconds=GAPS[0]) + SLACK)]


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError("secret-host"), urllib3.exceptions.ConnectTimeoutError("secret-host"), TimeoutError()],
)
def test_no_answer_is_a_failure_whose_words_name_no_address(error):
    def post(*_: object) -> int:
        raise error

    store = Deliveries()
    assert attempt(store, post, 3) == Failed(GAPS[2])
    assert "secret-host" not in store.done[0][1]


def test_a_fault_of_our_own_is_not_taken_for_the_hosts():
    with pytest.raises(ZeroDivisionError):
        attempt(Deliveries(), lambda *_: 1 // 0)


@pytest.mark.parametrize("number", [len(GAPS) + 1, len(GAPS) + 2, 1000])
def test_after_the_last_attempt_nothing_follows(number):
    store = Deliveries()
    assert attempt(store, lambda *_: 500, number) == Failed(None)
    assert store.done[0][2] is None


@pytest.mark.parametrize("status", ["delivered", "gone"])
def test_what_arrived_or_is_gone_is_not_sent(status):
    store = Deliveries(status)
    store.found = None if status == "gone" else store.found
    assert attempt(store, lambda *_: pytest.fail("it was sent")) == Delivered()
    assert store.done == []


def test_a_notice_without_anybody_to_tell_is_given_up_not_kept_waiting():
    store = Deliveries()
    assert attempt(store, lambda *_: pytest.fail("it was sent"), host=Host("", [SECRET])) == Delivered()
    assert store.done == [("failed", "This deployment has no HostWebhookUrl.", None)]
