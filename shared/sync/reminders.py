"""Bringing existing copies to a connection's present default reminder, when somebody asked for that. Pure.

A copy of a booking that says nothing about reminders holds what the connection gave when it was written. That choice is
not part of the event, so a merge sees no difference when it changes. `due_again` makes the difference visible.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from shared.model import Base, Cancelled, Content, Fingerprint, Override, OverrideLink
from shared.sync.fingerprint import fingerprint_value
from shared.sync.situation import Situation

REMINDERS = "reminders"


def due_again(at: Situation) -> Situation:
    """The situation as if the reminders had just been changed here, wherever the booking leaves them to the connection
    and its copy holds others than the connection gives now. What the person chose in the copy is the booking's own."""
    if at.link is None or at.local is None or at.projected is None:
        return at
    whole = _due(at.local.series.content, at.projected.content, at.link.base)
    overrides: dict[str, OverrideLink] = {}
    for start, linked in at.link.overrides.items():
        mine, shown = at.local.series.overrides.get(start), at.projected.overrides.get(start)
        overrides[start] = replace(linked, base=_due(mine, shown, linked.base))
    return replace(at, link=replace(at.link, base=whole, overrides=MappingProxyType(overrides)))


def _due(mine: Override | None, shown: Override | None, base: Base) -> Base:
    """The merge base without the reminders of the app's side, if they are to be written again."""
    if mine is None or shown is None or isinstance(mine, Cancelled) or isinstance(shown, Cancelled):
        return base
    if mine.reminders is not None or base.remote.get(REMINDERS) in (None, _hash(shown)):
        return base
    local: Fingerprint = {name: value for name, value in base.local.items() if name != REMINDERS}
    return replace(base, local=local)


def _hash(content: Content) -> str:
    return fingerprint_value(content.reminders)
