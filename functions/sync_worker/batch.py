"""What a FIFO batch needs beside the sync: attempts, and how soon a failed message is seen again.

A message that fails would otherwise stay hidden for the queue's whole visibility time-out, and its mailbox with it. So
each failed message, and each of its group that was skipped behind it, is made visible again at the time it should be.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.jobs import Attempt
from shared.observability import logger
from shared.queue import UnreadableMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FIRST_GAP, LONGEST_GAP = 5, 600


class Postponed(Exception):
    """Not a fault: the job is to be seen again after `delay` seconds."""

    def __init__(self, delay: int) -> None:
        super().__init__(f"again in {delay} s")
        self.delay = delay


class JobProcessor(SqsFifoPartialProcessor):
    """Goes on with other mailboxes when one fails, and sets when failed messages are seen again."""

    def __init__(self) -> None:
        super().__init__(skip_group_on_error=True)
        self.raise_on_entire_batch_failure = False  # a job that has to wait is no failure of the function
        self._delays: dict[str, int] = {}
        self.queue_url = ""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        message = SQSRecord(record) if isinstance(record, dict) else record
        group = message.attributes.message_group_id or ""
        skipped = exception is self.group_circuit_breaker_exc
        if not skipped:
            self._delays[group] = _delay(message, exception[1])
        _sqs().change_message_visibility(
            QueueUrl=self.queue_url,
            ReceiptHandle=message.receipt_handle,
            VisibilityTimeout=self._delays.get(group, FIRST_GAP),
        )
        return super().failure_handler(record, exception)

    def _clean(self) -> None:
        self._delays.clear()
        super()._clean()  # type: ignore[no-untyped-call]


def _delay(message: SQSRecord, error: BaseException) -> int:
    """Seconds until the next try; an unreadable message has nothing to wait for and goes to the dead letters."""
    if isinstance(error, Postponed):
        return error.delay
    logger.error("job failed", exc_info=error, extra={"message_id": message.message_id})
    if isinstance(error, UnreadableMessage):
        return 0
    return min(FIRST_GAP << (attempt_of(message).number - 1), LONGEST_GAP)


def attempt_of(record: SQSRecord) -> Attempt:
    attributes = record.attributes
    return Attempt(
        sent_ms=int(attributes.sent_timestamp),
        received_ms=int(attributes.approximate_first_receive_timestamp),
        number=int(attributes.approximate_receive_count),
    )


@cache
def _sqs() -> SQSClient:
    return boto3.client("sqs")
