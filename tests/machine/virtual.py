"""Time and chance of one seed, in place of the machine's: every run of a seed is the same run.

Within `virtual(clock, chance)` whatever the product or a library asks for the time of day, or for random bytes, it is
told by `clock` and `chance`. Nothing sleeps. What the process keeps for long (built clients, the authority's
configuration) is kept across worlds, since it does not depend on them.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import google.auth._helpers
import msal.application
import msal.oauth2cli.oidc
import msal.token_cache

import shared.connections
import shared.keys
import shared.oauth_state
import shared.providers.google.auth
import shared.providers.google.calendar
import shared.providers.google.errors
import shared.providers.google.grant
import shared.providers.google.identity
import shared.providers.google.push
import shared.providers.google.wire
import shared.providers.microsoft.calendar
import shared.providers.microsoft.errors
import shared.providers.microsoft.grant
import shared.providers.microsoft.push
import shared.providers.microsoft.records
import shared.providers.microsoft.wire
import shared.subscriptions
import simulators.microsoft.recurrence
from shared.providers.pace import Pace

BEGIN = datetime(2027, 2, 1, 8, tzinfo=UTC)


@dataclass
class Clock:
    """`now` moves only when somebody moves it."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        return self.now.timestamp()

    @property
    def ms(self) -> int:
        return int(self.now.timestamp() * 1000)


class Paces(dict[str, Pace]):
    """The paces that one worker process keeps; a fresh process begins with none."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def of(self, account: str, limit: int) -> Pace:
        if account not in self:
            self[account] = Pace(limit, self._clock.seconds)
        return self[account]


def _bytes(chance: random.Random) -> Any:
    def token_urlsafe(size: int = 32) -> str:
        return base64.urlsafe_b64encode(chance.randbytes(size)).decode().rstrip("=")

    return SimpleNamespace(
        token_bytes=chance.randbytes,
        token_urlsafe=token_urlsafe,
        token_hex=lambda size=32: chance.randbytes(size).hex(),
        compare_digest=lambda one, other: one == other,
    )


_days = simulators.microsoft.recurrence.days
_known_days: dict[tuple[str, str, str, bool], list[str]] = {}


def _days_remembered(rule: Any, first: str, last: str, *, clamp: bool) -> list[str]:
    """The simulator asks for the days of a rule again and again; they are always the same."""
    key = (json.dumps(rule, sort_keys=True), first, last, clamp)
    if key not in _known_days:
        if len(_known_days) > 50_000:
            _known_days.clear()
        _known_days[key] = _days(rule, first, last, clamp=clamp)
    return list(_known_days[key])


@contextmanager
def virtual(clock: Clock, chance: random.Random, paces: Any) -> Iterator[None]:
    class Moment(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return clock.now

    secrets = _bytes(chance)
    times = SimpleNamespace(time=clock.seconds, sleep=None)
    g, m = shared.providers.google, shared.providers.microsoft
    places: list[tuple[Any, str, Any]] = [
        (shared.keys, "secrets", secrets),
        (shared.connections, "secrets", secrets),
        (shared.oauth_state, "secrets", secrets),
        (shared.subscriptions, "random", chance),
        (g.auth, "token_urlsafe", secrets.token_urlsafe),
        (g.grant, "utc_now", clock),
        (g.wire, "utc_now", clock),
        (g.wire, "pace_of", lambda account, limit: paces().of(account, limit)),
        (g.push, "datetime", Moment),
        (m.grant, "utc_now", clock),
        (m.wire, "utc_now", clock),
        (m.wire, "pace_of", lambda account, limit: paces().of(account, limit)),
        (m.calendar, "utc_now", clock),
        (m.records, "utc_now", clock),
        (m.push, "datetime", Moment),
        (google.auth._helpers, "utcnow", lambda: clock.now.replace(tzinfo=None)),
        (simulators.microsoft.recurrence, "days", _days_remembered),
        (msal.token_cache, "time", times),
        (msal.application, "time", times),
        (msal.oauth2cli.oidc, "time", times),
        (g.identity, "time", times),
    ]
    for errors in (g.errors, m.errors):
        if hasattr(errors, "SystemRandom"):
            places.append((errors, "SystemRandom", lambda: chance))
    before = [(place, name, getattr(place, name)) for place, name, _ in places if hasattr(place, name)]
    for place, name, value in places:
        if hasattr(place, name):
            setattr(place, name, value)
    try:
        yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)
