"""GET /oauth/callback/{provider}: redeem the consent and send the person back to the page."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.oauth_callback.answers import failure_page, onward, redirect, thanks_page
from shared.config import OauthCallbackSettings
from shared.connections import Aside, CameBack, ConsentFailed, Onward, finish
from shared.errors import ConnectFailed, RetryLater
from shared.observability import logger
from shared.tracing import tracer
from shared.wiring import make_accounts, make_consent

_settings = cache(OauthCallbackSettings.read)
_accounts = cache(lambda: make_accounts(_settings()))


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    provider, query = event["pathParameters"]["provider"], event.get("queryStringParameters") or {}
    try:
        outcome = finish(_accounts(), make_consent(_settings()), provider, query)
    except (ConnectFailed, RetryLater) as failure:
        logger.warning("callback refused", extra={"reason": failure.code})
        return failure_page(failure, _settings())
    match outcome:
        case CameBack(connection, confirmation):
            logger.info("came back", extra={"connection_id": connection.id})
            return redirect(connection, {"status": "confirm"}, f"confirmation={confirmation}")
        case Onward(connection, address):
            logger.info("onward", extra={"connection_id": connection.id})
            return onward(address)
        case Aside(sentence):
            return thanks_page(sentence, _settings())
        case ConsentFailed(connection, code):
            logger.info("consent failed", extra={"connection_id": connection.id, "reason": code})
            return redirect(connection, {"status": "error", "code": code}, "")
