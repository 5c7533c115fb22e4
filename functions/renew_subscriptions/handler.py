"""Schedule, each minute → renew what is due, poll what is not heard of, sweep what was left lying."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.config import RenewSubscriptionsSettings
from shared.observability import logger
from shared.sweep import Round
from shared.tracing import tracer
from shared.wiring import make_house, make_push

RESERVE_MS = 10_000

_settings = cache(RenewSubscriptionsSettings.read)
_house = cache(lambda: make_house(_settings()))


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001
    def out_of_time() -> bool:
        return context.get_remaining_time_in_millis() < RESERVE_MS

    counts = Round(_house(), make_push(_settings()), out_of_time).run()
    logger.info("round", extra={"counts": counts})
    return counts
