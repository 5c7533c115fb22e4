"""Keeping below a provider's quota by ourselves: a sliding minute for each account (I13).

One mailbox has one worker at a time, so counting in the worker's memory is enough; a fresh worker starts at nothing,
which the margin below the provider's own limit allows for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from shared.errors import Paced

WINDOW_SECONDS = 60.0


@dataclass
class Pace:
    """At most `limit` units within any minute."""

    limit: int
    clock: Callable[[], float] = time.monotonic
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def spend(self, units: int) -> None:
        """Take units for a call that is about to be made. Raises `Paced` with the wait if too few are left."""
        now = self.clock()
        while self._spent and self._spent[0][0] <= now - WINDOW_SECONDS:
            self._spent.popleft()
        if sum(spent for _, spent in self._spent) + units > self.limit:
            wait = self._spent[0][0] + WINDOW_SECONDS - now
            raise Paced("This calendar's calls for the minute are spent.", delay=max(1.0, wait), code="own_pace")
        self._spent.append((now, units))


@lru_cache(maxsize=10_000)
def pace_of(account: str, limit: int) -> Pace:  # noqa: ARG001 (what the cache goes by)
    """The pace of one account, the same for as long as this process lives."""
    return Pace(limit)
