"""`MicrosoftWorld`: everything the simulated Microsoft knows, with one lock, one clock, one way out for pushes.

A test builds a world with its own `now` and `send_push`, adds an app and an account, and hands the world to
`create_app`. Without `send_push` notifications leave as real HTTPS requests from one background thread.
"""

import base64
import hashlib
import secrets
import threading
import time
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.common.wire import Json
from simulators.microsoft import ids, zones
from simulators.microsoft.faults import Faults
from simulators.microsoft.model import (
    CALENDAR_ROLES,
    PERSONAL_TENANT,
    AccessToken,
    Account,
    App,
    Calendar,
    Code,
    Grant,
    RefreshToken,
    Subscription,
    Tenant,
)
from simulators.microsoft.push import Courier, PushReply, PushRequest, https_sender
from simulators.microsoft.settings import PushRule, Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


@lru_cache(maxsize=4)
def _read_key(pem: str) -> rsa.RSAPrivateKey:
    """Reading one checks its primes, which takes longer than anything else here."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the signing key is not an RSA key")
    return key


class MicrosoftWorld:
    """All state. Every public function of this package takes a world; `lock` guards it."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = utc_now,
        send_push: Callable[[PushRequest], PushReply] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        ca_file: str | None = None,
        seed: str | None = None,
        settings: Settings | None = None,
        push_backoff_seconds: float = 5.0,
    ) -> None:
        self.now = now
        self.sleep = sleep
        self.lock = threading.RLock()
        self.send_push = send_push or https_sender(ca_file)
        self.courier = Courier(self.send_push, now, threaded=send_push is None, backoff_seconds=push_backoff_seconds)
        self.outbox: deque[tuple[PushRequest, float]] = deque()
        self.seed = seed or secrets.token_hex(16)
        self.change_number = 0
        self.secret_number = 0
        self.signing_key_pem: str | None = None
        self.apps: dict[str, App] = {}
        self._start_over(settings or Settings())

    def _start_over(self, settings: Settings) -> None:
        self.settings = settings
        self.last_token = ""
        self.tenants: dict[str, Tenant] = {
            PERSONAL_TENANT: Tenant(PERSONAL_TENANT, "live.com", "Personal Microsoft accounts")
        }
        self.accounts: dict[str, Account] = {}
        self.calendars: dict[str, Calendar] = {}
        self.event_index: dict[str, str] = {}
        """Token of an event, of either form: its calendar."""
        self.immutable_index: dict[str, str] = {}
        """Immutable token: usual token."""
        self.codes: dict[str, Code] = {}
        self.grants: dict[tuple[str, str], Grant] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.removed_subscriptions: dict[str, Subscription] = {}
        self.transactions: dict[tuple[str, str], str] = {}
        """(mailbox, transactionId): token of the event that was made with it."""
        self.rounds: OrderedDict[str, Any] = OrderedDict()
        self.push_rules: list[PushRule] = []
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        """Those of `calls` that came within a batch."""
        self.call_statuses: Counter[int] = Counter()
        self.recent_calls: deque[Json] = deque(maxlen=500)
        self.spent: dict[str, deque[float]] = {}
        self.running: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self.app_running: Counter[str] = Counter()
        self.app_peaks: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        """Calls refused with 429, by app and mailbox."""
        self.used_assertions: dict[str, float] = {}
        """`jti` of client assertions, and until when they are remembered."""
        self.mails: list[Json] = []
        self.warnings: Counter[str] = Counter()
        self.pending_items: list[tuple[str, Json, float]] = []
        self.outbox.clear()
        self.courier.forget()

    def reset(self) -> None:
        """Forget everything but the registered apps and the signing key."""
        with self.lock:
            self._start_over(Settings())

    # Names, numbers, times

    def next_change(self) -> int:
        """A number that only rises: change keys and delta tokens come from it."""
        self.change_number += 1
        return self.change_number

    def secret(self, prefix: str, length: int = 43) -> str:
        """A fresh opaque string; the same seed gives the same row of strings."""
        return prefix + base64.urlsafe_b64encode(self._digest()).decode().rstrip("=")[:length]

    def guid(self) -> str:
        return str(uuid.UUID(bytes=self._digest()[:16], version=4))

    def event_token(self) -> str:
        """A fresh token of an event; every second one differs from the last only by case."""
        if self.last_token:
            token, self.last_token = ids.twin_of(self.last_token), ""
            return token
        self.last_token = ids.fresh_token(self._digest())
        return self.last_token

    def _digest(self) -> bytes:
        self.secret_number += 1
        return hashlib.sha512(f"{self.seed}:{self.secret_number}".encode()).digest()

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

    def add_app(self, app_id: str, secret: str, redirect_uris: list[str], audience: str = "multi") -> App:
        with self.lock:
            self.apps[app_id] = App(app_id, secret, list(redirect_uris), audience)
            return self.apps[app_id]

    def add_tenant(self, domain: str, name: str = "", *, tenant_id: str | None = None, **more: Any) -> Tenant:
        with self.lock:
            found = self.tenant(tenant_id or domain)
            if found is not None:
                raise ValueError(f"tenant {domain} exists")
            made = Tenant(tenant_id or self._named_guid("tenant", domain), domain, name or domain, **more)
            self.tenants[made.id] = made
            return made

    def tenant(self, id_or_domain: str) -> Tenant | None:
        wanted = id_or_domain.lower()
        return next((t for t in self.tenants.values() if wanted in {t.id.lower(), t.domain.lower(), *t.domains}), None)

    def add_account(
        self,
        email: str,
        name: str = "",
        *,
        kind: Literal["work", "personal"] = "work",
        time_zone: str = "UTC",
        admin: bool = False,
        licensed: bool = True,
        enabled: bool = True,
    ) -> Account:
        """An account with its default calendar. A work account belongs to the tenant of its domain, made if need be."""
        with self.lock:
            if email in self.accounts:
                raise ValueError(f"account {email} exists")
            if not zones.is_zone(time_zone):
                raise ValueError(f"unknown time zone {time_zone}")
            domain = email.split("@", maxsplit=1)[-1]
            tenant = self.tenants[PERSONAL_TENANT] if kind == "personal" else self.tenant(domain)
            tenant = tenant or self.add_tenant(domain)
            account = Account(
                email,
                name or email.split("@", maxsplit=1)[0],
                self._named_guid("account", email),
                tenant.id,
                time_zone,
                admin,
                licensed=licensed,
                enabled=enabled,
            )
            self.accounts[email] = account
            self.add_calendar(email, "Calendar", kind="default")
            return account

    def add_calendar(
        self,
        owner: str,
        name: str,
        *,
        kind: Literal["default", "secondary", "holiday"] = "secondary",
        calendar_id: str | None = None,
        can_edit: bool | None = None,
    ) -> Calendar:
        """A calendar in the mailbox of `owner`. Holiday calendars are read-only and cannot be watched."""
        with self.lock:
            mailbox = ids.mailbox_part(self.accounts[owner].oid)
            made_id = calendar_id or f"AAMkAD{mailbox}BGAAAAAC{ids.fresh_token(self._digest())}AAA="
            if made_id in self.calendars:
                raise ValueError(f"calendar {made_id} exists")
            calendar = Calendar(
                id=made_id,
                name=name,
                owner=owner,
                kind=kind,
                can_edit=kind != "holiday" if can_edit is None else can_edit,
                change_key=self.next_change(),
            )
            self.calendars[made_id] = calendar
            return calendar

    def share_calendar(self, calendar_id: str, email: str, role: Literal["read", "write"] = "write") -> str:
        """Put somebody's calendar into the list of another account, under an id of its own there."""
        with self.lock:
            account = self.accounts[email]
            mailbox = ids.mailbox_part(account.oid)
            known = next((a for a, (c, _) in account.shared.items() if c == self.calendars[calendar_id].id), None)
            alias = known or f"AAMkAD{mailbox}BGAAAAAS{ids.fresh_token(self._digest())}AAA="
            account.shared[alias] = (calendar_id, role)
            return alias

    def permit(self, calendar_id: str, email: str, role: str) -> None:
        """What the owner lets somebody do with a calendar; `none` takes back all of it, a share in their list too."""
        with self.lock:
            calendar, account = self.calendars[calendar_id], self.accounts[email]
            if role not in CALENDAR_ROLES:
                raise ValueError(f"unknown role {role}; known: {', '.join(CALENDAR_ROLES)}")
            if role == "none":
                calendar.permissions.pop(email, None)
                account.shared = {a: (c, r) for a, (c, r) in account.shared.items() if c != calendar_id}
            else:
                calendar.permissions[email] = role

    def account_of(self, id_or_name: str) -> Account | None:
        """By address or object id, in any case, as Graph takes them."""
        wanted = id_or_name.lower()
        return next((a for a in self.accounts.values() if wanted in {a.email.lower(), a.oid}), None)

    def default_calendar(self, email: str) -> Calendar:
        return next(c for c in self.calendars.values() if c.owner == email and c.kind == "default")

    def _named_guid(self, kind: str, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}:{name}"))

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
