"""SQS → one signed POST to the host app for each notice; what fails is seen again after a growing gap."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.clock import now
from shared.config import DeliverWebhooksSettings
from shared.delivery import Failed, Host, deliver, http_post
from shared.observability import logger
from shared.queue import decode_notice
from shared.secret_entries import live_values
from shared.store.deliveries import DeliveryStore
from shared.store.tables import DeliveryRow, bind_table
from shared.tracing import tracer


class Undelivered(Exception):
    """The host app did not take the notice; the message stays in the queue."""


@cache
def _settings() -> DeliverWebhooksSettings:
    settings = DeliverWebhooksSettings.read()
    bind_table(DeliveryRow, settings.deliveries_table)
    return settings


_sqs = cache(lambda: boto3.client("sqs"))
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def record_handler(record: SQSRecord) -> None:
    settings, notice = _settings(), decode_notice(record.body)
    host = Host(settings.host_webhook_url, live_values(settings.host_webhook_secret))
    attempt = int(record.attributes.approximate_receive_count)
    outcome = deliver(DeliveryStore(), host, notice.org, notice.message_id, attempt=attempt, now=now(), post=http_post)
    logger.info("notice", extra={"notice": notice.message_id, "outcome": outcome, "attempt": attempt})
    if isinstance(outcome, Failed):
        _sqs().change_message_visibility(
            QueueUrl=settings.notices_queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=outcome.retry_in or 0,
        )
        raise Undelivered(notice.message_id)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
