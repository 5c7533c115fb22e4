"""POST /webhooks/{provider}[/lifecycle]: verify, queue, answer. No provider call, no table read."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from shared.config import WebhookReceiverSettings
from shared.notifications import PURPOSE, accept
from shared.observability import logger
from shared.providers.base import HttpRequest
from shared.queue import CalendarJob, JobQueue
from shared.secret_entries import read_keyring

_settings = cache(WebhookReceiverSettings.read)
_queue = cache(lambda: JobQueue(_settings().jobs_queue_url))


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """2xx as soon as the jobs are queued; 403 without detail if nothing in the request verified."""
    keyring = read_keyring(_settings().notification_keys_secret, PURPOSE)
    try:
        accepted = accept(event["pathParameters"]["provider"], _request(event), keyring)
    except KeyError:
        return {"statusCode": 404, "body": ""}
    if accepted.handshake is not None:
        headers = {"content-type": "text/plain", "x-content-type-options": "nosniff"}
        return {"statusCode": 200, "headers": headers, "body": accepted.handshake}
    for calendar_id in accepted.calendar_ids:
        _queue().send(CalendarJob(calendar_id))
    if accepted.refused:
        logger.warning("notification refused", extra={"refused": accepted.refused})
    return {"statusCode": 403 if accepted.refused and not accepted.calendar_ids else 202, "body": ""}


def _request(event: dict[str, Any]) -> HttpRequest:
    body = event.get("body") or ""
    return HttpRequest(
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        query=event.get("queryStringParameters") or {},
        body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
    )
