from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from shared.dead_letters import DeadLetters, replay_deliveries
from shared.model import HostMessage
from shared.store.deliveries import Delivery

NOW = datetime(2027, 3, 1, tzinfo=UTC)


class Sqs:
    """A queue that hands out the letters of a mailbox only when nothing of it is in flight."""

    def __init__(self, *letters: tuple[str, str]) -> None:
        self.letters = [(str(number), *letter) for number, letter in enumerate(letters)]
        self.in_flight: set[str] = set()
        self.done: list[tuple[Any, ...]] = []

    def receive_message(self, **given: Any) -> dict[str, Any]:
        ready = [letter for letter in self.letters if letter[1] not in self.in_flight][: given["MaxNumberOfMessages"]]
        self.in_flight |= {group for _, group, _ in ready}
        return {
            "Messages": [
                {
                    "MessageId": number,
                    "Body": body,
                    "ReceiptHandle": number,
                    "Attributes": {"SentTimestamp": "5", **({"MessageGroupId": group} if group else {})},
                }
                for number, group, body in ready
            ]
        }

    def send_message(self, **given: Any) -> None:
        self.done.append(("send", given["QueueUrl"], given.get("MessageGroupId"), given["MessageBody"]))

    def delete_message(self, **given: Any) -> None:
        (gone,) = [letter for letter in self.letters if letter[0] == given["ReceiptHandle"]]
        self.letters.remove(gone)
        self.in_flight.discard(gone[1])
        self.done.append(("delete", given["QueueUrl"], gone[1], gone[2]))


def queue(*letters: tuple[str, str]) -> tuple[DeadLetters, Sqs]:
    sqs, dead = Sqs(*letters), DeadLetters("dead", "live")
    dead.__dict__["_sqs"] = sqs
    return dead, sqs


def test_a_letter_is_sent_before_it_is_deleted_and_stays_in_its_mailboxs_order():
    dead, sqs = queue(("con_a", "1"))
    assert dead.replay(10) == 1
    assert sqs.done == [("send", "live", "con_a", "1"), ("delete", "dead", "con_a", "1")]


def test_a_notice_has_no_mailbox_and_is_sent_without_one():
    dead, sqs = queue(("", "n"))
    dead.replay(10)
    assert sqs.done[0] == ("send", "live", None, "n")


def test_no_more_is_sent_than_was_asked_for():
    dead, sqs = queue(*[(f"con_{number}", "x") for number in range(15)])
    assert dead.replay(12) == 12
    assert len(sqs.letters) == 3


def test_a_look_shows_each_letter_once_and_takes_none_away():
    dead, sqs = queue(("con_a", "1"), ("con_b", "2"))
    assert [letter.shown() for letter in dead.peek(10)] == [
        {"id": "0", "body": "1", "mailbox": "con_a", "sent_at_ms": 5},
        {"id": "1", "body": "2", "mailbox": "con_b", "sent_at_ms": 5},
    ]
    assert len(sqs.letters) == 2


def test_a_notice_is_queued_again_in_the_store_before_its_message_is_sent():
    order: list[str] = []
    message = HostMessage(id="msg_1", org="demo", type="event.created", at=NOW, body={})

    def delivery(status: str) -> Delivery:
        return Delivery(message=message, status=status, attempts=1, last_error="", delivered_at=None)

    store = SimpleNamespace(
        listing=lambda org, limit, after: (
            ([delivery("dead"), delivery("retrying")], "") if after else ([delivery("dead")], "p")
        ),
        load=lambda org, one: delivery("delivered") if one == "msg_1" else None,
        requeue=lambda found, due: order.append("stored"),
    )
    house: Any = SimpleNamespace(
        store=SimpleNamespace(deliveries=store),
        notices=SimpleNamespace(send=lambda one: order.append("sent")),
        clock=lambda: NOW,
    )
    assert replay_deliveries(house, "demo", None, "dead") == 2
    assert order == ["stored", "sent"] * 2
    assert replay_deliveries(house, "demo", ["msg_1", "msg_2"], None) == 1


def test_every_letter_of_a_mailbox_is_replayed_though_its_queue_hands_them_out_in_parts():
    dead, sqs = queue(*[("con_a", str(number)) for number in range(25)])
    assert dead.replay(100) == 25
    assert [body for kind, *_, body in sqs.done if kind == "send"] == [str(number) for number in range(25)]
