"""Instants as text: the one form that every row, message and answer uses. Sorts as it reads."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def to_text(instant: datetime) -> str:
    """`2027-03-01T09:00:00.000000Z` for an aware datetime of any zone."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    """The aware UTC datetime of `to_text`'s form. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
