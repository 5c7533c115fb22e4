"""Where a listing of changes stands: Graph's link, and the window that is baked into it. Pure.

A window cannot be moved: the token remembers it (page "Get incremental changes to events in a calendar view"). So the
cursor remembers it too, and expires well before the window's end comes near; the snapshot that follows has a new one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from shared.errors import CursorExpired

AHEAD: Final = timedelta(days=548)
"""Eighteen months."""

NEAREST_EDGE: Final = timedelta(days=183)
"""Six months: with less than this ahead the window is rolled forward."""

LONGEST_WINDOW: Final = timedelta(days=1825)
"""What a calendar view spans at most; Graph refuses more."""

_DELTA: Final = "/calendarview/delta"


@dataclass(frozen=True, slots=True)
class Cursor:
    """`link`: path and query below `/v1.0`, "" before the first page."""

    calendar: str
    begins: str
    ends: str
    link: str = ""

    def after(self, link: str) -> Cursor:
        return Cursor(self.calendar, self.begins, self.ends, link)

    def encode(self) -> str:
        fields = {"c": _short(self.calendar), "b": self.begins, "e": self.ends, "l": self.link}
        return json.dumps(fields, separators=(",", ":"))


def first(calendar: str, since: datetime, now: datetime) -> Cursor:
    """From `since`, or as far back as Graph looks, to eighteen months ahead."""
    ends = max(now, since) + AHEAD
    return Cursor(calendar, _text(max(since, ends - LONGEST_WINDOW)), _text(ends))


def parse(text: str, calendar: str, now: datetime) -> Cursor:
    """Read what `encode` wrote. Raises `CursorExpired` for anything else, and once the window's end is near."""
    try:
        fields = json.loads(text)
        owner, begins, ends, link = (fields[name] for name in ("c", "b", "e", "l"))
        edge = datetime.fromisoformat(ends)
        fits = owner == _short(calendar) and link.startswith("/") and _DELTA in link.lower() and edge.tzinfo is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise CursorExpired("The place where the last look left off cannot be read.", code="unknown_cursor")
    if edge - now < NEAREST_EDGE:
        raise CursorExpired("The time that is looked at has moved on.", code="window_ends")
    return Cursor(calendar, begins, ends, link)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _short(calendar: str) -> str:
    return sha256(calendar.encode()).hexdigest()[:16]
