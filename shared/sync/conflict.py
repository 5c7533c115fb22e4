"""Which side wins, field by field: the three-way merge of one unit (an event as a whole, or one occurrence).

`merge_fields` is given what both sides hold and what they held when last in step, and answers what must be written
to each side and what was overruled. It knows nothing of events, providers or storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shared.model import Base, Fingerprint
from shared.sync.fingerprint import fingerprint_fields, fingerprint_value

Values = Mapping[str, object]

NOTHING: Values = MappingProxyType({})


class Wins(StrEnum):
    """Who wins when both sides changed the same field to different values; with `RESTORE` the app's value also
    replaces what only the provider's side changed."""

    APP = "app"
    PROVIDER = "provider"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """`to_remote` and `to_local`: fields to write to either side. `lost`: the values that a conflict overruled, by
    field, from whichever side did not win."""

    to_remote: Values = field(default_factory=lambda: NOTHING)
    to_local: Values = field(default_factory=lambda: NOTHING)
    lost: Values = field(default_factory=lambda: NOTHING)


def merge_fields(*, local: Values, projected: Values, remote: Values, base: Base | None, wins: Wins) -> Merge:
    """Merge the fields of `remote` (fields that were not reported are left out, which says they did not change).

    `projected` is `local` as the provider can hold it: what would be written, and what a reported value is compared
    with, so that a value the provider cannot hold does not count as a difference.
    """
    base_local: Fingerprint = base.local if base else {}
    base_remote: Fingerprint = base.remote if base else {}
    local_now = fingerprint_fields(local)
    to_remote: dict[str, object] = {}
    to_local: dict[str, object] = {}
    lost: dict[str, object] = {}
    for name, mine in local.items():
        local_changed = local_now[name] != base_local.get(name)
        if name not in remote:
            if local_changed:
                to_remote[name] = projected[name]
            continue
        theirs = fingerprint_value(remote[name])
        remote_changed = theirs != base_remote.get(name)
        if theirs == fingerprint_value(projected[name]) or not (local_changed or remote_changed):
            continue
        if wins is Wins.RESTORE or (local_changed and (not remote_changed or wins is Wins.APP)):
            to_remote[name] = projected[name]
            if remote_changed:
                lost[name] = remote[name]
        else:
            to_local[name] = remote[name]
            if local_changed:
                lost[name] = mine
    return Merge(to_remote=to_remote, to_local=to_local, lost=lost)
