"""Messages that were given up on: looked at, and sent again.

Replaying receives from the dead-letter queue, sends to the queue it came from, and only then deletes, so that a
message is at worst sent twice (jobs may be repeated) and never lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from shared.house import House
from shared.store.events import SWEEP_AFTER

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LOOK_SECONDS = 2
REPLAY_SECONDS = 60

ALL_SERVERS = 1
"""Seconds of long polling: without it SQS asks some of its servers only, and may overlook letters."""

AFTER_A_LOOK = LOOK_SECONDS + 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    message_id: str
    body: str
    group: str
    sent_ms: int

    def shown(self) -> dict[str, object]:
        return {"id": self.message_id, "body": self.body, "mailbox": self.group, "sent_at_ms": self.sent_ms}


@dataclass(frozen=True)
class DeadLetters:
    """One dead-letter queue and the queue it belongs to."""

    dead_url: str
    live_url: str

    def peek(self, most: int) -> list[DeadLetter]:
        """The letters, left where they are (hidden for two seconds); of each mailbox ten at most."""
        found: dict[str, DeadLetter] = {}
        while len(found) < most:
            letters = [_letter(message) for message in self._receive(most - len(found), LOOK_SECONDS, ALL_SERVERS)]
            new = {letter.message_id: letter for letter in letters if letter.message_id not in found}
            if not new:
                break
            found |= new
        return list(found.values())

    def replay(self, most: int, mine: Callable[[DeadLetter], bool] = lambda _: True) -> int:
        """Send up to `most` letters again; how many. Waits for letters that somebody has just looked at; those that
        are not `mine` stay, hidden for a minute."""
        count = 0
        wait = AFTER_A_LOOK
        while batch := self._receive(most - count, REPLAY_SECONDS, wait):
            for message in batch:
                if not mine(_letter(message)):
                    continue
                group = message.get("Attributes", {}).get("MessageGroupId", "")
                fifo = {"MessageGroupId": group, "MessageDeduplicationId": uuid.uuid4().hex} if group else {}
                self._sqs.send_message(QueueUrl=self.live_url, MessageBody=message["Body"], **fifo)  # type: ignore[arg-type]
                self._sqs.delete_message(QueueUrl=self.dead_url, ReceiptHandle=message["ReceiptHandle"])
                count += 1
            wait = ALL_SERVERS
        return count

    def _receive(self, most: int, hidden: int, wait: int) -> list[MessageTypeDef]:
        """At most ten; a mailbox's further letters come once these are deleted."""
        if most <= 0:
            return []
        answer = self._sqs.receive_message(
            QueueUrl=self.dead_url,
            MaxNumberOfMessages=min(10, most),
            VisibilityTimeout=hidden,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    @cached_property
    def _sqs(self) -> SQSClient:
        return boto3.client("sqs")


def _letter(message: MessageTypeDef) -> DeadLetter:
    attributes = message.get("Attributes", {})
    return DeadLetter(
        message["MessageId"],
        message["Body"],
        attributes.get("MessageGroupId", ""),
        int(attributes.get("SentTimestamp", "0")),
    )


def owner_org(house: House, letter: DeadLetter) -> str | None:
    """The organisation whose connection a dead job was for, by its mailbox; None if there is no such connection."""
    connection = house.store.connections.load(letter.group) if letter.group else None
    return connection.owner.org if connection else None


def replay_deliveries(house: House, org: str, ids: Sequence[str] | None, status: str | None) -> int:
    """Send notices again: those named, or all with a status; how many."""
    count, after = 0, ""
    store = house.store.deliveries
    if ids is not None:
        found = [delivery for one in ids if (delivery := store.load(org, one)) is not None]
    else:
        found = []
        while True:
            page, after = store.listing(org, limit=200, after=after)
            found += [delivery for delivery in page if delivery.status == status]
            if not after:
                break
    for delivery in found:
        store.requeue(delivery.message, house.clock() + SWEEP_AFTER)
        house.notices.send(delivery.message)
        count += 1
    return count
