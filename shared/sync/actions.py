"""What a decision consists of: writes for the provider, the app's next event, and the rule that led there.

These are values. `shared.sync.apply` performs the writes; `shared.store` records the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.model import Cancelled, Event, Fingerprint, HistoryEntry, OriginalStart, Series


class Rule(StrEnum):
    """The row of the decision table that applied."""

    NOTHING = "nothing"
    IMPORT = "import"
    EXPORT = "export"
    ADOPT = "adopt"
    PUSH = "push"
    MERGE = "merge"
    ECHO = "echo"
    DELETE_LOCAL = "delete_local"
    DELETE_REMOTE = "delete_remote"
    DELETE_STRAY = "delete_stray"
    RESTORE = "restore"
    WITHDRAW = "withdraw"
    FORGET = "forget"
    REVIVE = "revive"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCopy:
    """Create the whole series; overrides follow as writes of their own. `key` makes one copy however often tried."""

    key: str
    tag: str
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCopy:
    remote_id: str
    etag: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOccurrence:
    """`remote_id` "" means the copy that a `CreateCopy` of the same plan makes. `seen`: what the occurrence was at
    `etag`."""

    remote_id: str
    original_start: OriginalStart
    occurrence_id: str
    etag: str
    seen: Fingerprint = field(default_factory=dict)
    change: Mapping[str, object] | Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCopy:
    remote_id: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteStray:
    key: str


Write = CreateCopy | UpdateCopy | UpdateOccurrence | DeleteCopy | DeleteStray


class NextLink(StrEnum):
    KEEP = "keep"
    ADVANCE = "advance"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """The decision about one event. `save` is the app's event as it is to become (its version already raised), or None
    if it stays; `history` says why; `redact` asks for the text in the event's history to be erased. `kept_back`: writes
    that the account may not make, so that they are still to be made once it may."""

    event_id: str
    rule: Rule
    writes: tuple[Write, ...] = ()
    kept_back: tuple[Write, ...] = ()
    save: Event | None = None
    link: NextLink = NextLink.KEEP
    history: tuple[HistoryEntry, ...] = ()
    redact: bool = False
