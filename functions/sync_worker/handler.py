"""SQS FIFO batch of jobs → one sync for each record; what fails goes back, and holds up only its own mailbox."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.sync_worker.batch import JobProcessor, Postponed, attempt_of
from shared.config import SyncWorkerSettings
from shared.jobs import Again, run_job
from shared.observability import logger
from shared.queue import decode_job
from shared.tracing import tracer
from shared.wiring import make_house, make_ways

RESERVE_MS = 30_000
"""What must be left of the function's time, so that a page under way is still recorded."""

_settings = cache(SyncWorkerSettings.read)
_house = cache(lambda: make_house(_settings()))
processor = JobProcessor()


def record_handler(record: SQSRecord, lambda_context: LambdaContext) -> None:
    job, attempt = decode_job(record.body), attempt_of(record)

    def out_of_time() -> bool:
        return lambda_context.get_remaining_time_in_millis() < RESERVE_MS

    outcome = run_job(_house(), make_ways(_settings()), job, attempt, out_of_time)
    logger.info("job", extra={"job": job, "outcome": outcome, "attempt": attempt.number})
    if isinstance(outcome, Again):
        raise Postponed(outcome.delay)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    processor.queue_url = _settings().jobs_queue_url
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
