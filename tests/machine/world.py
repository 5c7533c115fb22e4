"""The whole product in one process, under a seed: clock, queue, schedule, store, both providers, and the person.

Real are the planner, the engine, fetch, apply, the adapters, the use cases and the simulators. In place of AWS stand a
queue and a store in memory. Nothing runs by itself: `work` does one job, `tick` one round of the schedule, `drain`
goes on until all is quiet, moving the clock to wherever something is due next.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import calendar_choice, connections, disconnect, staff
from shared.config import ProviderSettings
from shared.connections import ConsentSettings
from shared.house import House
from shared.jobs import Again, Attempt, Done, Ways, run_job
from shared.keys import new_connection_id
from shared.model import (
    Calendar,
    Connection,
    ConnectionStatus,
    HostMessage,
    Policy,
    Privacy,
)
from shared.notifications import PURPOSE as NOTIFICATION
from shared.notifications import accept
from shared.oauth_state import PURPOSE as STATE
from shared.oauth_state import digest
from shared.providers import open_provider
from shared.providers.base import CalendarApi, ClientSecret, HttpRequest, Provider
from shared.queue import CalendarJob, Job, decode_job, encode_job, group_of
from shared.signing import Keyring
from shared.subscriptions import PushSettings
from shared.sweep import Round
from simulators.common.wire import Request, Response
from tests.machine import organization
from tests.machine.memory_store import Io, Tables, memory_store
from tests.machine.model import OWNER
from tests.machine.organization import MemoryKeys, forget_tokens
from tests.machine.sides import CLIENT_ID, CLIENT_SECRET, ONLOOKER, GoogleSide, MicrosoftSide, Push, Side
from tests.machine.virtual import Clock, Paces, virtual
from tests.machine.wire import GOOGLE, MICROSOFT, wired

T = TypeVar("T")

VISIBILITY_TIMEOUT = 1800.0
MAX_RECEIVES = 10
TAKES = timedelta(milliseconds=2)
"""How long any step takes; without it, before and after would be the same moment."""
POLL = timedelta(minutes=15)

SETTINGS = ProviderSettings(
    google_client_secret="unused",
    google_accounts_url=GOOGLE,
    google_oauth_url=GOOGLE,
    google_api_url=GOOGLE,
    microsoft_client_secret="unused",
    microsoft_login_url=MICROSOFT,
    microsoft_graph_url=MICROSOFT,
)
CONSENT = ConsentSettings("https://lockstep.test", Keyring([b"state"], STATE), ("https://page.test",))


class Killed(BaseException):
    """The process is gone: nothing catches this on the way."""


class Violation(AssertionError):
    """Something that must always hold does not; the message begins with the invariant's name."""


@cache
def signing_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


# --- the steps -----------------------------------------------------------------------------------------------------


@dataclass
class Steps(Io):
    """Every call of a worker to the store, the queues and the providers. At the step `at` (counted from the moment it
    was armed) `strike` is called before or after the call."""

    clock: Clock
    armed: bool = False
    at: int = -1
    after: bool = False
    strike: Callable[[], None] | None = None
    count: int = 0
    seen: list[tuple[str, bool]] | None = None

    def step(self, name: str, effect: bool, perform: Callable[[], T]) -> T:
        self.clock.now += TAKES
        if not self.armed:
            return perform()
        number = self.count
        self.count += 1
        if self.seen is not None:
            self.seen.append((name, effect))
        if number != self.at:
            return perform()
        if not self.after:
            self._strike()
            return perform()
        answer = perform()
        self._strike()
        return answer

    def _strike(self) -> None:
        strike, self.strike, self.at = self.strike, None, -1
        if strike is not None:
            strike()

    def arm(self, at: int, after: bool, strike: Callable[[], None] | None) -> None:
        self.armed, self.at, self.after, self.strike, self.count = True, at, after, strike, 0

    def disarm(self) -> None:
        self.armed, self.at, self.strike = False, -1, None


# --- the queue -----------------------------------------------------------------------------------------------------


@dataclass
class Message:
    number: int
    body: str
    group: str
    sent_ms: int
    visible_at: datetime
    first_ms: int = 0
    received: int = 0


@dataclass
class Queue:
    """SQS FIFO: in order within a group, and a group waits while one of its messages is out."""

    clock: Clock
    io: Io
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    count: int = 0

    def send(self, job: Job) -> None:
        self.io.step("jobs.send", True, lambda: self._put(job))

    def _put(self, job: Job) -> None:
        self.count += 1
        self.messages.append(Message(self.count, encode_job(job), group_of(job), self.clock.ms, self.clock.now))

    def receive(self) -> Message | None:
        now, waiting = self.clock.now, set[str]()
        for message in list(self.messages):
            if message.group in waiting:
                continue
            if message.visible_at > now:
                waiting.add(message.group)
                continue
            if message.received >= MAX_RECEIVES:
                self.messages.remove(message)
                self.dead.append(message)
                continue
            message.received += 1
            message.first_ms = message.first_ms or self.clock.ms
            message.visible_at = now + timedelta(seconds=VISIBILITY_TIMEOUT)
            return message
        return None

    def delete(self, message: Message) -> None:
        if message in self.messages:
            self.messages.remove(message)

    def next_visible(self) -> datetime | None:
        heads: dict[str, datetime] = {}
        for message in self.messages:
            heads.setdefault(message.group, message.visible_at)
        return min(heads.values(), default=None)


@dataclass
class Notices:
    io: Io
    sent: list[HostMessage] = field(default_factory=list)

    def send(self, message: HostMessage) -> None:
        self.io.step("notices.send", True, lambda: self.sent.append(message))


# --- a worker's own ------------------------------------------------------------------------------------------------


class Process:
    """What one Lambda process keeps between jobs: opened providers and its own pace."""

    def __init__(self, clock: Clock) -> None:
        self.paces = Paces(clock)
        self._opened: dict[str, Provider] = {}

    def __call__(self, name: str) -> Provider:
        if name not in self._opened:
            self._opened[name] = open_provider(name, SETTINGS, ClientSecret(CLIENT_ID, CLIENT_SECRET))
        return self._opened[name]


class World:
    """See the module. `skew` is how far each provider's clock is ahead of ours, in seconds; the providers in
    `organized` are connected through an organisation that the person is of the staff of."""

    def __init__(
        self, seed: str, *, skew: dict[str, float] | None = None, organized: frozenset[str] = frozenset()
    ) -> None:
        self.organized = set(organized)
        self.has_organization = bool(organized)
        forget_tokens()
        self.clock = Clock()
        self.chance = random.Random(f"machine:{seed}")
        self.io = Steps(self.clock)
        self.tables = Tables()
        self.queue, self.notices = Queue(self.clock, self.io), Notices(self.io)
        self.process = Process(self.clock)
        self.keyring = Keyring([b"notification"], NOTIFICATION)
        self.ways = Ways(PushSettings("https://hooks.test", self.keyring, POLL))
        self.store = memory_store(self.io, self.clock, self.tables)
        self.house = self._house()
        self.pushes: list[Push] = []
        skews = skew or {}

        def clock_of(name: str) -> Callable[[], datetime]:
            ahead = timedelta(seconds=skews.get(name, 0.0))
            return lambda: self.clock.now + ahead

        key = signing_key()
        self.google = GoogleSide(clock_of("google"), seed, self.pushes.append, key)
        self.microsoft = MicrosoftSide(clock_of("microsoft"), seed, self.pushes.append, key)
        self.sides: dict[str, Side] = {"google": self.google, "microsoft": self.microsoft}
        self.outcomes: Counter[str] = Counter()
        self.synced: Counter[str] = Counter()
        """How often the job with this body came to a sync."""
        self.calls: list[tuple[str, str, str, int]] = []
        """(provider, method, path, status) of every call since the list was last cleared."""
        self.looks: int | None = None
        """How often a worker looks at its watch before its time is out (None: as often as it likes)."""
        self.consent = CONSENT
        self.quiet_until: dict[str, datetime] = {}
        """By provider, Graph's directory apart from its mailboxes: each has limits of its own."""
        self.impatient: list[str] = []

    def _house(self) -> House:
        return House(
            store=self.store,
            providers=lambda name: self.process(name),  # noqa: PLW0108 (whichever process it is then)
            clock=self.clock,
            jobs=self.queue,  # type: ignore[arg-type]
            notices=self.notices,  # type: ignore[arg-type]
            keys=MemoryKeys(),
        )

    # --- the wire

    def answer(self, host: str, request: Request) -> Response:
        side = self.sides[host.partition(".")[0]]

        def call() -> Response:
            service = f"{side.name} directory" if request.path == "/v1.0/users" else side.name
            until = self.quiet_until.get(service)
            if until is not None and self.clock.now < until:
                self.impatient.append(f"{side.name} {request.method} {request.path} before {until}")
            response = side.answer(request)
            self.calls.append((side.name, request.method, request.path, response.status))
            wait = response.headers.get("Retry-After")
            if wait and wait.isdecimal() and response.status == 429:
                self.quiet_until[service] = self.clock.now + timedelta(seconds=int(wait))
            return response

        read = request.method == "GET"
        return self.io.step(f"{side.name} {request.method} {request.path}", not read, call)

    # --- connecting

    def connect(self, name: str, policy: Policy | None = None) -> Connection:
        """The person consents and confirms; what the page between would do is left out."""
        if name in self.organized:
            with self.looking():
                return organization.connect(self, name)
        side, now = self.sides[name], self.clock.now
        pending = Connection(
            id=new_connection_id(),
            owner=OWNER,
            provider=name,
            status=ConnectionStatus.PENDING,
            created_at=now,
            updated_at=now,
            due_at=now + timedelta(minutes=15),
            policy=policy or Policy(),
        )
        store = self.store.connections
        store.create(pending, flow=b"{}", state_digest="state")
        store.take_flow(pending.id, "state")
        held = replace(pending, account=side.known_as)
        store.hold_grant(held, side.secret(), digest("yes"))
        return connections.confirm(self.house, OWNER, pending.id, "yes")

    def connection(self, name: str) -> Connection | None:
        """The live connection to a provider."""
        found = [
            one
            for one in self.tables.connections.values()
            if one.provider == name and one.status in (ConnectionStatus.ACTIVE, ConnectionStatus.RECONNECT_REQUIRED)
            if one.organization is None
        ]
        return found[0] if found else None

    def refused(self, name: str) -> bool:
        """Whether somebody has to consent again."""
        ended = ConnectionStatus.RECONNECT_REQUIRED
        return any(
            one.provider == name and one.status is ended and (one.organization is None or name in self.organized)
            for one in self.tables.connections.values()
        )

    def calendar(self, name: str) -> Calendar | None:
        """The calendar of a side, if it is connected and known."""
        connection, side = self.connection(name), self.sides[name]
        return next(
            (
                one
                for one in self.tables.calendars.values()
                if connection and one.connection_id == connection.id and one.remote_id == side.calendar
            ),
            None,
        )

    def choose(self, name: str, **flags: bool) -> None:
        calendar, connection = self.calendar(name), self.connection(name)
        if calendar is not None and connection is not None:
            calendar_choice.choose(self.house, connection, calendar, flags)

    def disconnect(self, name: str, *, imported: str, exported: str) -> None:
        connection = self.connection(name)
        if connection is not None:
            choice = disconnect.Choice(disconnect.Fate(imported), disconnect.Fate(exported))
            end = staff.remove if connection.member_of else disconnect.disconnect
            end(self.house, connection, choice, lambda: False)

    # --- the worker

    def work(self, *, twice: bool = False) -> str | None:
        """One job, as Lambda would run it; how it ended, or None if there was none. With `twice` the message comes
        back although the worker is done with it."""
        message = self.queue.receive()
        if message is None:
            return None
        return self.run(message, keep=twice)

    def run(self, message: Message, *, keep: bool = False) -> str:
        """Run the worker on a message that was received."""
        attempt = Attempt(message.sent_ms, message.first_ms, message.received)
        try:
            outcome = run_job(self.house, self.ways, decode_job(message.body), attempt, self._watch())
        except Killed:
            self.process = Process(self.clock)
            forget_tokens()
            self.outcomes["killed"] += 1
            return "killed"
        rule = outcome.rule if isinstance(outcome, Done) else "again"
        if rule == "synced":
            self.synced[message.body] += 1
        self.outcomes[rule] += 1
        if isinstance(outcome, Again):
            message.visible_at = self.clock.now + timedelta(seconds=outcome.delay)
        elif keep:
            message.visible_at = self.clock.now
        else:
            self.queue.delete(message)
        return rule

    def _watch(self) -> Callable[[], bool]:
        looks = itertools.count()
        return lambda: self.looks is not None and next(looks) >= self.looks

    def tick(self) -> dict[str, int]:
        """One round of the schedule, and of the deliverer behind it."""
        before, self.process = self.process, Process(self.clock)  # another function, another process
        try:
            counts = Round(self.house, self.ways.push, lambda: False).run()
        except Killed:
            counts = {"killed": 1}
        self.process = before
        self._deliver()
        return counts

    def _deliver(self) -> None:
        while self.notices.sent:
            notice = self.notices.sent.pop()
            key = (notice.org, notice.id)
            delivery, _ = self.tables.deliveries.get(key, (None, None))
            if delivery is not None:
                self.tables.deliveries[key] = (replace(delivery, status="delivered"), None)

    # --- notifications

    def deliver_pushes(self) -> int:
        count = 0
        while self.pushes:
            self.notify(self.pushes.pop(0))
            count += 1
        return count

    def notify(self, push: Push) -> None:
        """What the webhook function does with a notification."""
        provider, headers, query, body = push
        accepted = accept(provider, HttpRequest(headers=headers, query=query, body=body), self.keyring)
        for calendar_id in accepted.calendar_ids:
            self.queue.send(CalendarJob(calendar_id))

    # --- until all is quiet

    def settle(self, most: int = 400) -> int:
        """Deliver what is under way and run every job that may run now, or within the hour; how many jobs ran."""
        jobs = 0
        while jobs < most:
            self.deliver_pushes()
            if self.work() is not None:
                jobs += 1
                continue
            if not self.pushes:
                return jobs
        raise Violation("rest: the jobs do not come to an end")

    def next_due(self) -> datetime | None:
        """When something is due next by itself."""
        times = [self.queue.next_visible()]
        times += [one.due_at for one in self.tables.calendars.values()]
        times += [one.due_at for one in self.tables.connections.values()]
        times += [row.due_at for rows in self.tables.pending.values() for row in rows.values()]
        return min((one for one in times if one is not None), default=None)

    def drain(self, span: timedelta = timedelta(minutes=16)) -> None:
        """Let time pass, until `span` is over, doing whatever falls due."""
        end = self.clock.now + span
        rounds = 0
        while True:
            self.google.deliver_due()
            self.microsoft.deliver_due()
            self.settle()
            due = self.next_due()
            if due is None or due > end:
                break
            self.clock.now = max(due, self.clock.now + timedelta(seconds=1))
            self.tick()
            rounds += 1
            if rounds > 600:
                raise Violation("rest: the schedule does not come to an end")
        self.clock.now = max(self.clock.now, end)

    # --- looking behind the scenes

    def api_of(self, name: str) -> CalendarApi:
        """The provider's calendar as its adapter reads it, with a permission of its own."""
        provider = open_provider(name, SETTINGS, ClientSecret(ONLOOKER, CLIENT_SECRET))
        secret = self.sides[name].secret(ONLOOKER)
        return provider.open(secret, quota_user="onlooker", privacy=Privacy.FULL).calendars

    @contextmanager
    def looking(self) -> Iterator[None]:
        """What is called within changes nothing of the story: no fault strikes, nothing is counted."""
        waiting = {name: list(side.world.faults.waiting) for name, side in self.sides.items()}
        calls, until, armed = list(self.calls), dict(self.quiet_until), self.io.armed
        for side in self.sides.values():
            side.world.faults.waiting.clear()
        self.quiet_until.clear()
        self.io.armed = False
        try:
            yield
        finally:
            self.calls, self.quiet_until, self.io.armed = calls, until, armed
            for name, side in self.sides.items():
                side.world.faults.waiting[:] = waiting[name]

    @contextmanager
    def killing(self, at: int, after: bool) -> Iterator[None]:
        def kill() -> None:
            raise Killed

        self.io.arm(at, after, kill)
        try:
            yield
        finally:
            self.io.disarm()


@contextmanager
def running(seed: str, **more: Any) -> Iterator[World]:
    """A fresh world under a seed, with time and chance of its own."""
    world = World(seed, **more)
    with ExitStack() as stack:
        stack.enter_context(virtual(world.clock, world.chance, lambda: world.process.paces))
        stack.enter_context(wired(world.answer))
        yield world
