"""The tag on a copy: what of the app's it was made for, and as what. Pure.

A copy whose link was never recorded, since the worker died in between, is known by its tag; and as that says what was
written when it was made, what somebody changed in it since can be told from what we wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model import Base, Fingerprint, OriginalStart, Series
from shared.sync.fingerprint import fingerprint_series, joined, split

_NONE = "-"


@dataclass(frozen=True, slots=True)
class Tag:
    """`occurrence`: the one that the copy stands for, or "" for the event as a whole. `made_as`: the fingerprint of
    what was written."""

    event_id: str
    occurrence: OriginalStart = ""
    made_as: Fingerprint = field(default_factory=dict)


def copy_name(event_id: str, occurrence: OriginalStart) -> str:
    """What a copy's key is made from; event ids hold no space."""
    return f"{event_id} {occurrence}" if occurrence else event_id


def write_tag(event_id: str, occurrence: OriginalStart, shown: Series) -> str:
    """The tag of a copy that is made from `shown`; at most 240 characters."""
    made_as = fingerprint_series(shown.content, shown.recurrence)
    return f"{event_id} {occurrence or _NONE} {joined(made_as)}"


def read_tag(text: str | None) -> Tag:
    """Any text, since people and programs may have changed it."""
    event_id, _, rest = (text or "").partition(" ")
    occurrence, _, made_as = rest.partition(" ")
    return Tag(event_id, "" if occurrence == _NONE else occurrence, split(made_as))


def base_of(tag: Tag, local: Series, shown: Series) -> Base:
    """The merge base of a copy that was made and never recorded. A field of the app counts as unchanged if it would be
    written as it was."""
    mine = fingerprint_series(local.content, local.recurrence)
    written = fingerprint_series(shown.content, shown.recurrence)
    known = {name: value for name, value in mine.items() if written[name] == tag.made_as.get(name)}
    return Base(local=known, remote=tag.made_as)
