"""Delivery of notifications: at once through a given function, or from one thread over HTTPS.

`Courier.post` takes a `PushRequest`; whatever is not due yet waits. With its own thread the courier delivers by itself;
without one (a test gave `send`) the caller moves the clock and calls `deliver_due`. Any answer but a 2xx is tried again
with backoff for four hours, as Graph documents. How slow each endpoint is, is counted.
"""

import heapq
import http.client
import itertools
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from simulators.common.wire import Json

GIVE_UP_SECONDS = 4 * 3600.0
TIMEOUT_SECONDS = 10.0
SLOW_SECONDS = 3.0
LOST_SECONDS = 10.0
WINDOW_SECONDS = 600.0


@dataclass(frozen=True)
class PushRequest:
    """One POST: a handshake (`?validationToken=…`, no body), or notifications as JSON."""

    url: str
    kind: Literal["handshake", "notification", "lifecycle"]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    subscriptions: tuple[str, ...] = ()
    attempt: int = 1
    first_at: float = 0.0


@dataclass(frozen=True)
class PushReply:
    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    seconds: float = 0.0


def echo(push: PushRequest) -> PushReply:
    """How a good endpoint answers: the decoded token of a handshake, 202 for the rest."""
    if push.kind != "handshake":
        return PushReply(202)
    return PushReply(200, parse_qs(urlsplit(push.url).query)["validationToken"][0].encode())


def https_sender(ca_file: str | None) -> Callable[[PushRequest], PushReply]:
    """A function that posts to the address; a broken connection or one slower than ten seconds counts as 504."""

    def send(push: PushRequest) -> PushReply:
        target = urlsplit(push.url)
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(
            target.hostname or "", target.port or 443, timeout=TIMEOUT_SECONDS, context=context
        )
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        begun = time.monotonic()
        try:
            connection.request("POST", path, body=push.body, headers=dict(push.headers))
            answer = connection.getresponse()
            body = answer.read(65536)
            took = time.monotonic() - begun
            return PushReply(answer.status, body, answer.headers.get("Content-Type", ""), took)
        except (OSError, http.client.HTTPException):
            return PushReply(504, seconds=time.monotonic() - begun)
        finally:
            connection.close()

    return send


@dataclass
class Delivered:
    accepted: int = 0
    retried: int = 0
    given_up: int = 0
    dropped: int = 0
    posts: int = 0
    items: int = 0


@dataclass
class Endpoint:
    """The last ten minutes of one host: (time, seconds taken)."""

    recent: deque[tuple[float, float]] = field(default_factory=deque)

    def note(self, now: float, seconds: float) -> None:
        self.recent.append((now, seconds))
        while self.recent and self.recent[0][0] <= now - WINDOW_SECONDS:
            self.recent.popleft()

    def state(self) -> Literal["good", "slow", "drop"]:
        if not self.recent:
            return "good"
        share = [
            sum(took > limit for _, took in self.recent) / len(self.recent) for limit in (SLOW_SECONDS, LOST_SECONDS)
        ]
        return "drop" if share[1] > 0.15 else "slow" if share[0] > 0.10 else "good"

    def shown(self) -> Json:
        return {
            "posts": len(self.recent),
            "over_3_s": sum(took > SLOW_SECONDS for _, took in self.recent),
            "over_10_s": sum(took >= LOST_SECONDS for _, took in self.recent),
            "state": self.state(),
        }


class Courier:
    """Sends notifications now or later, and tries again what Graph would try again."""

    def __init__(
        self,
        send: Callable[[PushRequest], PushReply],
        now: Callable[[], datetime],
        *,
        threaded: bool,
        backoff_seconds: float,
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
        self.endpoints: dict[str, Endpoint] = {}

    @property
    def waiting(self) -> int:
        with self._wake:
            return len(self._waiting)

    def post(self, push: PushRequest, delay_seconds: float = 0.0) -> None:
        """Send now, or after the delay. With a thread this returns at once."""
        first = replace(push, first_at=self._now().timestamp())
        if not self._threaded and delay_seconds <= 0:
            self._attempt(first)
            return
        self._hold(first, delay_seconds)

    def deliver_due(self) -> int:
        """Send what is due by the clock; the number of posts made."""
        sent = 0
        while (push := self._take_due()) is not None:
            self._attempt(push)
            sent += 1
        return sent

    def forget(self) -> None:
        with self._wake:
            self._waiting.clear()
            self.delivered = Delivered()
            self.endpoints = {}

    def state_of(self, url: str) -> Literal["good", "slow", "drop"]:
        found = self.endpoints.get(urlsplit(url).netloc)
        return found.state() if found else "good"

    def _hold(self, push: PushRequest, delay_seconds: float) -> None:
        with self._wake:
            due = self._now().timestamp() + delay_seconds
            heapq.heappush(self._waiting, (due, next(self._numbers), push))
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="graph-push", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _take_due(self) -> PushRequest | None:
        with self._wake:
            if self._waiting and self._waiting[0][0] <= self._now().timestamp():
                return heapq.heappop(self._waiting)[2]
            return None

    def _attempt(self, push: PushRequest) -> None:
        reply = self._send(push)
        now = self._now().timestamp()
        self.delivered.posts += 1
        self.endpoints.setdefault(urlsplit(push.url).netloc, Endpoint()).note(now, reply.seconds)
        if 200 <= reply.status < 300:
            self.delivered.accepted += 1
            self.delivered.items += len(push.subscriptions)
            return
        wait = self._backoff * 2 ** (push.attempt - 1)
        if now + wait - push.first_at > GIVE_UP_SECONDS:
            self.delivered.given_up += 1
        else:
            self.delivered.retried += 1
            self._hold(replace(push, attempt=push.attempt + 1), wait)

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
