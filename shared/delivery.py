"""Notices to the host app: signed, sent, and sent again with growing gaps until they arrive or days have passed.

The signature follows the Standard Webhooks specification; during a rotation it carries one signature for each live
secret. Anything but a 2xx answer within ten seconds is a failure. Redirects are not followed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import urllib3
from standardwebhooks.webhooks import Webhook

from shared.clock import to_text
from shared.model import HostMessage
from shared.store.deliveries import DeliveryStore

GAPS: Final = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 42000, 42000, 42000, 42000, 42000)
"""Seconds to wait after each failed attempt: fifteen attempts over about three days. SQS hides a message for 12 h at
most, counted from when it was received, so a gap leaves room for the attempt before it."""

SLACK = timedelta(minutes=30)
"""How long after a planned attempt the sweep believes that its message was lost."""

TIMEOUT = urllib3.Timeout(total=10.0)


class Post(Protocol):
    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send, and give the status. Raises OSError or urllib3's HTTPError if no answer came."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where the host app listens, and the live secrets (`whsec_…`), the current one first."""

    url: str
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Delivered:
    pass


@dataclass(frozen=True, slots=True)
class Failed:
    """`retry_in` seconds, or None when the last attempt was made."""

    retry_in: int | None


def signed(message: HostMessage, host: Host, now: datetime) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of one attempt."""
    body = json.dumps({"type": message.type, "timestamp": to_text(message.at), "data": dict(message.body)})
    signatures = " ".join(Webhook(secret).sign(message.id, now, body) for secret in host.secrets)
    headers = {
        "content-type": "application/json",
        "user-agent": "Lockstep",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures,
    }
    return body.encode(), headers


def deliver(
    store: DeliveryStore, host: Host, org: str, message_id: str, *, attempt: int, now: datetime, post: Post
) -> Delivered | Failed:
    """One attempt (the first is 1). A notice that is gone, or that arrived already, counts as delivered; where no host
    app listens it is given up at once, to be replayed when one does."""
    delivery = store.load(org, message_id)
    if delivery is None or delivery.status == "delivered":
        return Delivered()
    if not host.url:
        store.failed(delivery.message, "This deployment has no HostWebhookUrl.", None)
        return Delivered()
    body, headers = signed(delivery.message, host, now)
    try:
        status = post(host.url, body, headers)
        fault = "" if 200 <= status < 300 else f"The host app answered {status}."
    except (OSError, urllib3.exceptions.HTTPError) as error:
        fault = f"The host app could not be reached ({type(error).__name__})."
    if not fault:
        store.delivered(delivery.message, now)
        return Delivered()
    gap = GAPS[attempt - 1] if attempt <= len(GAPS) else None
    store.failed(delivery.message, fault, now + timedelta(seconds=gap) + SLACK if gap is not None else None)
    return Failed(gap)


def http_post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """POST with a bounded time, without following redirects."""
    answer = urllib3.request("POST", url, body=body, headers=headers, timeout=TIMEOUT, retries=False, redirect=False)
    return answer.status
