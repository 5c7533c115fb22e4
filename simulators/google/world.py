"""`GoogleWorld`: everything the simulated Google knows, with one lock, one clock and one way out for notifications.

A test builds a world with its own `now` and `send_push`, adds a client and an account, and hands the world to
`create_app`. Without `send_push` notifications leave as real HTTPS requests from one background thread.
"""

import base64
import hashlib
import secrets
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.google import times
from simulators.google.faults import Faults
from simulators.google.model import (
    AccessToken,
    Account,
    Calendar,
    Channel,
    Client,
    Code,
    Domain,
    Grant,
    RefreshToken,
    ServiceAccount,
)
from simulators.google.push import Courier, PushRequest, https_sender
from simulators.google.wire import Json


def utc_now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=4)
def _read_key(pem: str) -> rsa.RSAPrivateKey:
    """Reading one checks its primes, which takes longer than anything else here."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the signing key is not an RSA key")
    return key


@dataclass
class Settings:
    """Knobs that a test or `POST /control/settings` may turn."""

    calls_per_minute: int = 600
    """Quota units per user in any sixty seconds; a patch costs three."""
    project_calls_per_minute: int = 10_000
    """The same for all users together."""
    default_channel_seconds: int = 604_800
    max_channel_seconds: int = 604_800
    bounded_sync_tokens: bool = False
    """True: a token from a listing with timeMin stays bounded by it. Google does not say which it is."""
    sync_token_days: float = 30.0
    refresh_token_days: float | None = None
    """7 for an app in "Testing" status."""
    refresh_token_idle_days: float = 180.0
    expansion_days: int = 730
    """How far ahead of now an endless series is expanded when a listing gives no timeMax."""


@dataclass
class Spent:
    """Quota units of the last sixty seconds, and of the fullest such span."""

    calls: deque[tuple[float, int]] = field(default_factory=deque)
    units: int = 0
    peak: int = 0


@dataclass
class PushRule:
    """What happens to the next notifications: `drop`, `double` or `delay`."""

    mode: Literal["drop", "double", "delay"]
    times: int | None = None
    seconds: float = 5.0
    channel: str | None = None


class GoogleWorld:
    """All state. Every public function of this package takes a world; `lock` guards it."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = utc_now,
        send_push: Callable[[PushRequest], int] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        ca_file: str | None = None,
        seed: str | None = None,
        settings: Settings | None = None,
        push_backoff_seconds: float = 1.0,
    ) -> None:
        self.now = now
        self.sleep = sleep
        self.lock = threading.RLock()
        self.courier = Courier(
            send_push or https_sender(ca_file),
            now,
            threaded=send_push is None,
            backoff_seconds=push_backoff_seconds,
        )
        self.outbox: deque[tuple[PushRequest, float]] = deque()
        self.seed = seed or secrets.token_hex(16)
        self.stamp_number = 0
        self.secret_number = 0
        self.signing_key_pem: str | None = None
        self.clients: dict[str, Client] = {}
        self._start_over(settings or Settings())

    def _start_over(self, settings: Settings) -> None:
        self.settings = settings
        self.accounts: dict[str, Account] = {}
        self.service_accounts: dict[str, ServiceAccount] = {}
        self.domains: dict[str, Domain] = {}
        self.calendars: dict[str, Calendar] = {}
        self.codes: dict[str, Code] = {}
        self.grants: dict[tuple[str, str], Grant] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.channels: dict[str, Channel] = {}
        self.push_rules: list[PushRule] = []
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.call_statuses: Counter[int] = Counter()
        self.recent_calls: deque[Json] = deque(maxlen=500)
        self.units: Counter[str] = Counter()
        self.spent: defaultdict[str, Spent] = defaultdict(Spent)
        """By who pays: an address, or a `quotaUser`."""
        self.project_spent = Spent()
        self.mails: list[Json] = []
        self.warnings: Counter[str] = Counter()
        self.outbox.clear()
        self.courier.forget()

    def reset(self) -> None:
        """Forget everything but the registered clients and the signing key."""
        with self.lock:
            self._start_over(Settings())

    # Names, numbers, times

    def next_stamp(self) -> int:
        """A number that only rises: etags and change numbers come from it."""
        self.stamp_number += 1
        return self.stamp_number

    def etag(self) -> str:
        return f'"{3_400_000_000_000_000 + 2000 * self.next_stamp()}"'

    def secret(self, prefix: str, length: int = 43) -> str:
        """A fresh opaque string; the same seed gives the same row of strings."""
        self.secret_number += 1
        digest = hashlib.sha512(f"{self.seed}:{self.secret_number}".encode()).digest()
        return prefix + base64.urlsafe_b64encode(digest).decode().rstrip("=")[:length]

    def new_event_id(self) -> str:
        self.secret_number += 1
        digest = hashlib.sha256(f"{self.seed}:{self.secret_number}".encode()).digest()
        return base64.b32hexencode(digest).decode().lower()[:26]

    def timestamp(self) -> str:
        return times.stamp(self.now())

    def seconds(self) -> float:
        return self.now().timestamp()

    def signing_key(self) -> rsa.RSAPrivateKey:
        with self.lock:
            if self.signing_key_pem is None:
                made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                self.signing_key_pem = made.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode()
            return _read_key(self.signing_key_pem)

    # Setting the stage

    def add_client(self, client_id: str, secret: str, redirect_uris: list[str]) -> Client:
        with self.lock:
            self.clients[client_id] = Client(client_id, secret, list(redirect_uris))
            return self.clients[client_id]

    def add_account(self, email: str, name: str = "", *, time_zone: str = "UTC") -> Account:
        """An account with its primary calendar, whose id is the address."""
        with self.lock:
            if email in self.accounts:
                raise ValueError(f"account {email} exists")
            if not times.is_zone(time_zone):
                raise ValueError(f"unknown time zone {time_zone}")
            sub = str(10**20 + int.from_bytes(hashlib.sha256(email.encode()).digest()[:7], "big"))
            account = Account(email, name or email.split("@", maxsplit=1)[0], sub, time_zone)
            self.accounts[email] = account
            self.add_calendar(email, calendar_id=email, summary=email, kind="primary", time_zone=time_zone)
            return account

    def domain(self, name: str) -> Domain:
        """The domain of that name; every address makes its own."""
        return self.domains.setdefault(name.lower(), Domain(name.lower()))

    def add_calendar(
        self,
        owner: str,
        *,
        summary: str,
        calendar_id: str | None = None,
        kind: Literal["primary", "secondary", "holiday"] = "secondary",
        time_zone: str | None = None,
        role: str = "owner",
        watchable: bool | None = None,
        **texts: Any,
    ) -> Calendar:
        """A calendar in the list of `owner`, who has `role` on it. Holiday calendars are read-only, not watchable."""
        with self.lock:
            account = self.accounts[owner]
            if calendar_id is None:
                calendar_id = f"{self.new_event_id()}@group.calendar.google.com"
            if calendar_id in self.calendars:
                raise ValueError(f"calendar {calendar_id} exists")
            zone_name = time_zone or account.time_zone
            if not times.is_zone(zone_name):
                raise ValueError(f"unknown time zone {zone_name}")
            calendar = Calendar(
                id=calendar_id,
                summary=summary,
                time_zone=zone_name,
                owner=owner,
                kind=kind,
                roles={owner: "reader" if kind == "holiday" else role},
                watchable=(kind != "holiday") if watchable is None else watchable,
                updated=self.timestamp(),
                etag=self.etag(),
                list_change=self.next_stamp(),
                **texts,
            )
            self.calendars[calendar_id] = calendar
            return calendar

    def flush_pushes(self) -> None:
        """Send what calls have queued; called once the lock is free, so that a receiver may call back."""
        while True:
            try:
                push, delay = self.outbox.popleft()
            except IndexError:
                return
            self.courier.post(push, delay)

    def deliver_due(self) -> int:
        """For a world with its own `send_push`: send delayed and retried notifications that the clock has reached."""
        return self.courier.deliver_due()
