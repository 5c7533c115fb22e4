"""Notices on their way to the host app: signed, tried again for days, given up in the open, never sent elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.clock import now, to_text
from shared.delivery import GAPS
from shared.secret_entries import forget_entries
from shared.store.tables import DeliveryRow
from tests.handlers.people import Person, captured_log, lines, person, shared_world
from tests.world import LambdaContext, World, sqs_record

SECRET = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
OTHER = "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
HOST = {"sub": "backend", "org": "demo", "scope": "lockstep.host"}


@dataclass
class Host:
    """The host app: keeps what it gets and answers what it is told to."""

    url: str = ""
    status: int = 204
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


@pytest.fixture
def host(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    from functions.deliver_webhooks.handler import _settings

    told = Host()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            if told.location:
                self.send_header("location", told.location)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/lockstep"
    monkeypatch.setenv("HOST_WEBHOOK_URL", told.url)
    _settings.cache_clear()
    yield told
    _settings.cache_clear()
    server.shutdown()
    server.server_close()


def receive(world: World, hidden: int = 60) -> list[dict[str, Any]]:
    answer = world.sqs.receive_message(
        QueueUrl=world.notices_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=hidden,
        MessageSystemAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def run(world: World, messages: list[dict[str, Any]], attempt: int = 1) -> list[str]:
    """The function on a batch; the ids of the messages that it wants to see again."""
    from functions.deliver_webhooks.handler import lambda_handler

    records = [sqs_record(message) for message in messages]
    for record in records:
        record["attributes"]["ApproximateReceiveCount"] = str(attempt)
    answer = lambda_handler({"Records": records}, LambdaContext())
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def delivery(person: Person, index: int = 0) -> Any:
    found = person.ask("GET", "/v1/deliveries", claims=HOST)["items"]
    return [item for item in found if item["data"].get("user_id") == person.user][index]


# --- what arrives --------------------------------------------------------------------------------------------------


def test_a_notice_arrives_once_signed_and_without_the_text_of_the_event(anna, host):
    anna.book("b1", "Surgery")
    assert run(anna.world, receive(anna.world)) == []
    ((headers, body),) = host.got
    payload = Webhook(SECRET).verify(body, headers)
    assert payload["type"] == "event.created"
    assert payload["data"]["id"] == "b1"
    assert payload["data"]["user_id"] == anna.user
    assert b"Surgery" not in body
    sent = delivery(anna)
    assert (sent["id"], sent["status"], sent["attempts"]) == (headers["webhook-id"], "delivered", 1)
    assert sent["data"] == payload["data"]


def test_a_message_that_sqs_hands_out_twice_is_sent_once(anna, host):
    anna.book("b1")
    messages = receive(anna.world)
    run(anna.world, messages)
    assert run(anna.world, messages, attempt=2) == []
    assert len(host.got) == 1


def test_while_a_secret_is_rotated_the_host_may_verify_with_either(anna, host):
    secrets = boto3.client("secretsmanager")
    secrets.put_secret_value(SecretId="host-webhook", SecretString=json.dumps({"current": OTHER, "previous": SECRET}))
    forget_entries()
    try:
        anna.book("b1")
        run(anna.world, receive(anna.world))
    finally:
        secrets.put_secret_value(SecretId="host-webhook", SecretString=json.dumps({"current": SECRET, "previous": ""}))
        forget_entries()
    ((headers, body),) = host.got
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(body, headers)["data"]["id"] == "b1"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND").verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"b1", b"b2"), headers)


# --- what does not -------------------------------------------------------------------------------------------------


def test_a_notice_that_fails_is_seen_again_after_ever_longer_gaps_and_is_dead_after_the_last(anna, host, monkeypatch):
    from functions.deliver_webhooks.handler import _sqs

    hidden: list[int] = []
    monkeypatch.setattr(_sqs(), "change_message_visibility", lambda **given: hidden.append(given["VisibilityTimeout"]))
    anna.book("b1")
    messages = receive(anna.world)
    host.status = 500
    for attempt in range(1, len(GAPS) + 2):
        assert delivery(anna)["status"] == ("queued" if attempt == 1 else "retrying")
        assert run(anna.world, messages, attempt) == [messages[0]["MessageId"]]
    assert hidden == [*GAPS, 0]
    assert sorted(GAPS) == list(GAPS)
    assert 48 * 3600 < sum(GAPS) < 96 * 3600
    dead = delivery(anna)
    assert (dead["status"], dead["attempts"]) == ("dead", len(GAPS) + 1)
    assert dead["last_error"] == "The host app answered 500."


@pytest.mark.parametrize("attempt", range(1, len(GAPS) + 1))
def test_no_gap_is_longer_than_sqs_hides_a_message_that_was_received_a_while_ago(anna, host, attempt):
    anna.book("b1")
    messages = receive(anna.world)
    host.status = 500
    assert run(anna.world, messages, attempt) == [messages[0]["MessageId"]]
    assert receive(anna.world) == []
    assert GAPS[attempt - 1] + 900 < 43_200


def test_a_dead_notice_arrives_after_it_was_replayed_under_the_same_id(anna, host):
    anna.book("b1")
    messages = receive(anna.world)
    host.status = 503
    run(anna.world, messages, attempt=len(GAPS) + 1)
    before = delivery(anna)
    assert before["status"] == "dead"
    anna.world.sqs.delete_message(QueueUrl=anna.world.notices_url, ReceiptHandle=messages[0]["ReceiptHandle"])
    host.status = 204
    replayed = anna.ask("POST", "/v1/deliveries/replay", {"status": "dead"}, claims=HOST)
    assert replayed["replayed"] >= 1
    assert delivery(anna)["status"] == "queued"
    run(anna.world, receive(anna.world))
    assert delivery(anna)["status"] == "delivered"
    assert [headers["webhook-id"] for headers, _ in host.got].count(before["id"]) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_counts_as_a_failure(anna, host, status):
    host.status, host.location = status, f"{host.url}/elsewhere"
    anna.book("b1")
    assert len(run(anna.world, receive(anna.world))) == 1
    assert len(host.got) == 1
    assert delivery(anna)["last_error"] == f"The host app answered {status}."


def test_a_host_that_is_down_is_tried_again_and_the_address_is_not_in_the_log(anna, world):
    anna.book("b1")
    with captured_log() as log:
        assert len(run(world, receive(world))) == 1
    assert delivery(anna)["status"] == "retrying"
    assert delivery(anna)["last_error"].startswith("The host app could not be reached")
    assert len(lines(log, "notice")) == 1
    assert "127.0.0.1:9" not in log.getvalue()


def test_a_notice_that_fails_does_not_hold_up_its_neighbours(anna, host):
    anna.world.sqs.send_message(QueueUrl=anna.world.notices_url, MessageBody="{")
    anna.world.sqs.send_message(QueueUrl=anna.world.notices_url, MessageBody='{"org": "demo", "id": "msg_gone"}')
    anna.book("b1")
    messages = receive(anna.world)
    assert len(messages) == 3
    (failed,) = run(anna.world, messages)
    assert failed == next(message["MessageId"] for message in messages if message["Body"] == "{")
    assert delivery(anna)["status"] == "delivered"


def test_a_notice_whose_message_was_lost_is_swept_up(anna, host):
    anna.book("b1")
    for message in receive(anna.world):
        anna.world.sqs.delete_message(QueueUrl=anna.world.notices_url, ReceiptHandle=message["ReceiptHandle"])
    row = DeliveryRow.get("demo", delivery(anna)["id"])
    row.update(actions=[DeliveryRow.due_at.set(to_text(now() - timedelta(seconds=1)))])
    assert anna.world.tick()["notices swept"] >= 1
    run(anna.world, receive(anna.world))
    assert delivery(anna)["status"] == "delivered"


def test_where_no_host_app_listens_a_notice_is_given_up_at_once_and_not_swept_for_a_month(anna, monkeypatch):
    from functions.deliver_webhooks.handler import _settings

    monkeypatch.setenv("HOST_WEBHOOK_URL", "")
    _settings.cache_clear()
    anna.book("b1")
    assert run(anna.world, receive(anna.world)) == []
    given_up = delivery(anna)
    assert (given_up["status"], given_up["last_error"]) == ("dead", "This deployment has no HostWebhookUrl.")
    assert DeliveryRow.get("demo", given_up["id"]).due_at is None
    monkeypatch.undo()
    _settings.cache_clear()
