"""Delivery of notifications: at once through a given function, or from one thread over HTTPS.

`Courier.post` takes a `PushRequest`; whatever is not due yet waits. With its own thread the courier delivers by itself;
without one (a test gave `send`) the caller moves the clock and calls `deliver_due`. Answers 500, 502, 503 and 504 are
tried again with backoff, any other refusal is not, as Google documents.
"""

import heapq
import http.client
import itertools
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

RETRIED = frozenset({500, 502, 503, 504})
ACCEPTED = frozenset({102, 200, 201, 202, 204})
MAX_ATTEMPTS = 6
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class PushRequest:
    """One notification: an HTTPS POST without a body."""

    url: str
    headers: Mapping[str, str]
    channel_id: str
    attempt: int = 1


@dataclass
class Delivered:
    accepted: int = 0
    refused: int = 0
    retried: int = 0
    given_up: int = 0


def https_sender(ca_file: str | None) -> Callable[[PushRequest], int]:
    """A function that posts to the address and returns the status; a broken connection counts as 503."""

    def send(push: PushRequest) -> int:
        target = urlsplit(push.url)
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(
            target.hostname or "", target.port or 443, timeout=TIMEOUT_SECONDS, context=context
        )
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        try:
            connection.request("POST", path, body=b"", headers=dict(push.headers))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 503
        finally:
            connection.close()

    return send


class Courier:
    """Sends notifications now or later, and tries again what Google would try again."""

    def __init__(
        self,
        send: Callable[[PushRequest], int],
        now: Callable[[], datetime],
        *,
        threaded: bool,
        backoff_seconds: float = 1.0,
    ) -> None:
        self._send = send
        self._now = now
        self._threaded = threaded
        self._backoff = backoff_seconds
        self._waiting: list[tuple[float, int, PushRequest]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self.delivered = Delivered()

    @property
    def waiting(self) -> int:
        with self._wake:
            return len(self._waiting)

    def post(self, push: PushRequest, delay_seconds: float = 0.0) -> None:
        """Send now, or after the delay. With a thread this returns at once."""
        if not self._threaded and delay_seconds <= 0:
            self._attempt(push)
            return
        self._hold(push, delay_seconds)

    def deliver_due(self) -> int:
        """Send what is due by the clock; the number of notifications sent."""
        sent = 0
        while (push := self._take_due()) is not None:
            self._attempt(push)
            sent += 1
        return sent

    def forget(self) -> None:
        with self._wake:
            self._waiting.clear()
            self.delivered = Delivered()

    def _hold(self, push: PushRequest, delay_seconds: float) -> None:
        with self._wake:
            due = self._now().timestamp() + delay_seconds
            heapq.heappush(self._waiting, (due, next(self._numbers), push))
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="google-push", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _take_due(self) -> PushRequest | None:
        with self._wake:
            if self._waiting and self._waiting[0][0] <= self._now().timestamp():
                return heapq.heappop(self._waiting)[2]
            return None

    def _attempt(self, push: PushRequest) -> None:
        status = self._send(push)
        if status in ACCEPTED:
            self.delivered.accepted += 1
        elif status not in RETRIED:
            self.delivered.refused += 1
        elif push.attempt >= MAX_ATTEMPTS:
            self.delivered.given_up += 1
        else:
            self.delivered.retried += 1
            self._hold(replace(push, attempt=push.attempt + 1), self._backoff * 2 ** (push.attempt - 1))

    def _run(self) -> None:
        while True:
            push = self._take_due()
            if push is not None:
                self._attempt(push)
                continue
            with self._wake:
                now = self._now().timestamp()
                if not self._waiting:
                    self._wake.wait()
                elif self._waiting[0][0] > now:
                    self._wake.wait(self._waiting[0][0] - now)
