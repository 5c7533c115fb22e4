"""Guests of an event at a provider that is not told of them, since it would mail them. Pure.

The guests of a booking stay in the app then, and those whom somebody invites in the provider's own calendar are added
to them: neither side knows all of them, so neither side's list stands for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.model import Attendee, Base, Content
from shared.sync.conflict import Merge
from shared.sync.fingerprint import fingerprint_value

GUESTS = "attendees"

Guests = tuple[Attendee, ...]


def keep_guests(
    merged: Merge, mine: Content, shown: Content, reported: Mapping[str, object], base: Base | None
) -> Merge:
    """The merge of one unit (`merge_fields`), with nobody left out: if the list has changed there, and here there are
    guests whom the provider was never told of (`shown` is `mine` as it can be written)."""
    theirs = reported.get(GUESTS)
    before = base.remote.get(GUESTS) if base else None
    if not isinstance(theirs, tuple) or before == fingerprint_value(theirs):
        return merged
    joined = join(mine, shown, theirs, before)
    if joined == theirs:
        return merged
    to_remote, lost = ({n: v for n, v in values.items() if n != GUESTS} for values in (merged.to_remote, merged.lost))
    return replace(merged, to_remote=to_remote, to_local={**merged.to_local, GUESTS: joined}, lost=lost)


def join(mine: Content, shown: Content, theirs: Guests, before: str | None) -> Guests:
    """Theirs, if they held all of ours (`before`: the fingerprint of what they held) or were told of them; else ours,
    and who else is on their list. What they say of somebody who is on both stands."""
    told = {one.email.lower() for one in shown.attendees}
    if before == fingerprint_value(mine.attendees) or all(one.email.lower() in told for one in mine.attendees):
        return theirs
    found = {one.email.lower(): one for one in theirs}
    ours = tuple(found.pop(one.email.lower(), one) for one in mine.attendees)
    return (*ours, *found.values())
