"""What the host app has received: messages in order of arrival, each id once, and how often something was refused."""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


class BadSignature(Exception):
    """The message is not from Lockstep, or too old."""


@dataclass(frozen=True)
class Message:
    id: str
    timestamp: str
    body: dict[str, Any]


@dataclass
class Inbox:
    """`accept` verifies and stores a message; `secret` is the `whsec_…` value shared with Lockstep."""

    secret: str
    messages: list[Message] = field(default_factory=list)
    duplicates: int = 0
    bad_signatures: int = 0
    failed_on_purpose: int = 0
    failures_left: int = 0
    failure_status: int = 500
    _known: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail_next(self, times: int, status: int) -> None:
        with self._lock:
            self.failures_left, self.failure_status = times, status

    def take_failure(self) -> int | None:
        """The status to answer instead of accepting, if a failure was asked for."""
        with self._lock:
            if self.failures_left <= 0:
                return None
            self.failures_left -= 1
            self.failed_on_purpose += 1
            return self.failure_status

    def accept(self, headers: dict[str, str], payload: bytes) -> bool:
        """True when the message is new. Raises `BadSignature`; a message seen before is counted and dropped."""
        try:
            body = Webhook(self.secret).verify(payload, headers)
        except WebhookVerificationError as error:
            with self._lock:
                self.bad_signatures += 1
            raise BadSignature(str(error)) from error
        message_id = headers["webhook-id"]
        with self._lock:
            if message_id in self._known:
                self.duplicates += 1
                return False
            self._known.add(message_id)
            self.messages.append(Message(message_id, headers["webhook-timestamp"], body))
            return True

    def clear(self) -> None:
        with self._lock:
            self.messages.clear()
            self._known.clear()
            self.duplicates = self.bad_signatures = self.failed_on_purpose = self.failures_left = 0

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return {
                "count": len(self.messages),
                "duplicates": self.duplicates,
                "bad_signatures": self.bad_signatures,
                "failed_on_purpose": self.failed_on_purpose,
                "messages": [asdict(message) for message in self.messages],
            }
