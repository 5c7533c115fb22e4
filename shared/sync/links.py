"""What the link becomes once a plan has been applied: the merge base of the next sync, pure.

The base says what each side held when they were last in step. A field whose write the provider refused keeps its old
base on the app's side, so that it still counts as unsynced when the event is next looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from shared.calendar.recurrence import is_occurrence, occurrence_content
from shared.model import (
    APP,
    CONTENT_FIELDS,
    SERIES_FIELDS,
    TEXT_FIELDS,
    Base,
    Cancelled,
    Event,
    Fingerprint,
    Link,
    OriginalStart,
    OverrideLink,
    RemoteEvent,
    RemoteOverride,
)
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, UpdateCopy, UpdateOccurrence, Write
from shared.sync.fingerprint import (
    CANCELLED_FINGERPRINT,
    fingerprint_content,
    fingerprint_override,
    fingerprint_series,
    fingerprint_value,
)
from shared.sync.situation import Situation

_TIMES = frozenset({"span", "recurrence"})
"""Written together or not: a provider that is given one may move the other."""

# --- what came of the writes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """The write was applied; `answer` is what the provider then held (None after a deletion)."""

    write: Write
    answer: RemoteEvent | RemoteOverride | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider refuses this write for good; `problem` is its sentence."""

    write: Write
    problem: str


Outcome = Written | Refused


# --- the remote side after the writes ------------------------------------------------------------------------------


def remote_after(at: Situation, outcomes: Sequence[Outcome]) -> RemoteEvent | None:
    """What the provider holds now, as far as it was reported or answered; None if it said nothing at all."""
    known = at.remote if isinstance(at.remote, RemoteEvent) else None
    for outcome in outcomes:
        match outcome:
            case Written(write=CreateCopy() | UpdateCopy() as write, answer=RemoteEvent() as answer):
                told = answer.overrides if isinstance(write, CreateCopy) else _known_before(at, known, answer)
                overrides = {**(known.overrides if known else {}), **told}
                edited = known.updated_at if known else None  # our own write is no edit of theirs
                known = replace(answer, overrides=MappingProxyType(overrides), updated_at=edited)
            case Written(write=UpdateOccurrence() as write, answer=RemoteOverride() as answer):
                known = known or RemoteEvent(remote_id=write.remote_id)
                overrides = {**known.overrides, write.original_start: answer}
                known = replace(known, overrides=MappingProxyType(overrides))
            case _:
                pass
    return known


def _known_before(
    at: Situation, known: RemoteEvent | None, answer: RemoteEvent
) -> Mapping[OriginalStart, RemoteOverride]:
    """Of the exceptions that the answer to our own write of a series shows, those that were known as they are: another
    one is somebody's edit that was never merged, and is to be news when it is reported."""
    before = {start: link.base.remote for start, link in at.link.overrides.items()} if at.link else {}
    before |= {start: fingerprint_override(item.value) for start, item in (known.overrides if known else {}).items()}
    return {
        start: item
        for start, item in answer.overrides.items()
        if start in before and fingerprint_override(item.value) == before[start]
    }


# --- the next link -------------------------------------------------------------------------------------------------


def advance_link(at: Situation, event: Event, outcomes: Sequence[Outcome]) -> Link:
    """The link after the plan's writes: `event` is the app's event as it was recorded with it."""
    old, remote = at.link, remote_after(at, outcomes)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    mine = fingerprint_series(event.series.content, event.series.recurrence)
    before = old.base.remote if old else {}
    base = Base(
        local=_unsynced(mine, old.base.local if old else {}, _whole_fields(refused)),
        remote={**(_theirs(remote, event, mine) or before), **_unmerged(at, event, remote, before, outcomes)},
    )
    whole = isinstance(at.remote, RemoteEvent) and at.remote.content is not None and at.remote.complete
    overrides = _override_links(event, old, remote, outcomes, whole=whole)
    return Link(
        calendar_id=at.calendar_id,
        remote_id=remote.remote_id if remote else old.remote_id if old else "",
        event_id=event.id,
        occurrence=at.occurrence,
        etag=remote.etag if remote and remote.content else old.etag if old else "",
        base=base,
        overrides=MappingProxyType(overrides),
        problem=refused[-1].problem if refused else _lasting_problem(event, old, base, overrides, outcomes),
        seen=old.seen if old else "",
    )


def _lasting_problem(
    event: Event,
    old: Link | None,
    base: Base,
    overrides: Mapping[OriginalStart, OverrideLink],
    outcomes: Sequence[Outcome],
) -> str:
    """What was refused stays refused as long as neither side moves, and an occurrence that a provider will not bring
    back for as long as it is to be there."""
    if old is None:
        return ""
    mine = event.series.overrides
    if any(
        link.base.remote == CANCELLED_FINGERPRINT and not isinstance(mine.get(start), Cancelled)
        for start, link in overrides.items()
    ):
        return old.problem
    if outcomes or base != old.base:
        return ""
    before = {start: link.base for start, link in old.overrides.items()}
    return old.problem if before == {start: link.base for start, link in overrides.items()} else ""


def _theirs(remote: RemoteEvent | None, event: Event, mine: Fingerprint) -> Fingerprint | None:
    """The fingerprint of what the provider holds, None if it said nothing; right after an import it is the app's."""
    if remote is None or remote.content is None:
        return None
    if remote.content is event.series.content and remote.recurrence == event.series.recurrence:
        return mine
    return fingerprint_series(remote.content, remote.recurrence)


def _unmerged(
    at: Situation, event: Event, after: RemoteEvent | None, before: Fingerprint, outcomes: Sequence[Outcome]
) -> Fingerprint:
    """What the answer to our own write shows of fields that it did not write was never merged: somebody's edit in
    between, or text that was withheld until then. It counts as it was read, so that it is news when it is reported.
    Text of the provider's own event that the answer withholds is erased here, and is news when it shows again."""
    written = {name for item in outcomes if isinstance(item.write, UpdateCopy) for name in item.write.fields}
    if not written:
        return {}
    kept = set(SERIES_FIELDS) - written - (_TIMES if written & _TIMES else set())
    if after is not None and after.withheld and event.origin != APP:
        kept -= set(TEXT_FIELDS)
    reported = at.remote if isinstance(at.remote, RemoteEvent) else None
    read = before
    if reported is not None and reported.content is not None:
        read = fingerprint_series(reported.content, reported.recurrence)
    return {name: read[name] for name in SERIES_FIELDS if name in kept and name in read}


def _override_links(
    event: Event, old: Link | None, remote: RemoteEvent | None, outcomes: Sequence[Outcome], *, whole: bool
) -> dict[OriginalStart, OverrideLink]:
    """`whole`: the report names every exception that the provider has; one that it dropped is linked no more."""
    links: dict[OriginalStart, OverrideLink] = dict(old.overrides) if old else {}
    held = remote.overrides if remote else {}
    writes = [(item, item.write) for item in outcomes if isinstance(item.write, UpdateOccurrence)]
    failed = {write.original_start for item, write in writes if isinstance(item, Refused)}
    asked = {write.original_start: write.change for item, write in writes if isinstance(item, Written)}
    blind = {write.original_start: write.change for _, write in writes if not write.etag}
    if whole:
        links = {start: link for start, link in links.items() if start in held or start in failed}
    for start, item in held.items():
        linked = links.get(start)
        theirs = {**fingerprint_override(item.value), **_unread(event, old, start, blind.get(start))}
        theirs |= _not_taken(event, item, asked.get(start))
        links[start] = OverrideLink(item.remote_id, item.etag, Base(linked.base.local if linked else {}, theirs))
    for start, linked in links.items():
        if start not in failed:
            mine = fingerprint_override(event.series.overrides.get(start))
            links[start] = replace(linked, base=replace(linked.base, local=mine))
    stays = {"span", "recurrence"} & _whole_fields([item for item in outcomes if isinstance(item, Refused)])
    return {start: link for start, link in links.items() if stays or is_occurrence(event.series, start)}


def _unread(
    event: Event, old: Link | None, start: OriginalStart, change: Mapping[str, object] | Cancelled | None
) -> Fingerprint:
    """For a write without precondition: the fields it left alone count as they were, so that an edit which shows in the
    answer, and was never merged, is still news when it is reported."""
    if change is None or isinstance(change, Cancelled) or not is_occurrence(event.series, start):
        return {}
    held = {name: value for name, value in old.base.remote.items() if name != "span"} if old else {}
    before = {**fingerprint_content(occurrence_content(event.series, start)), **held}
    return {name: value for name, value in before.items() if name in CONTENT_FIELDS and name not in change}


def _not_taken(
    event: Event, held: RemoteOverride, change: Mapping[str, object] | Cancelled | None
) -> Mapping[str, str]:
    """Google ignores a looser visibility of one occurrence (Events reference): that its own event is still
    private there counts as its edit, so that the app is told. A booking of the app stays what the app calls it."""
    if event.origin == APP or change is None or isinstance(change, Cancelled) or isinstance(held.value, Cancelled):
        return {}
    if "visibility" not in change or held.value.visibility == change["visibility"]:
        return {}
    return {"visibility": fingerprint_value(change["visibility"])}


def _whole_fields(refused: Sequence[Refused]) -> frozenset[str]:
    return frozenset(name for item in refused if isinstance(item.write, UpdateCopy) for name in item.write.fields)


def _unsynced(now: Fingerprint, before: Fingerprint, fields: frozenset[str]) -> Mapping[str, str]:
    return {name: before.get(name, "") if name in fields else value for name, value in now.items()}


def gone(outcomes: Sequence[Outcome]) -> bool:
    """Whether the plan's deletion took effect at the provider."""
    return all(
        isinstance(outcome, Written) for outcome in outcomes if isinstance(outcome.write, DeleteCopy | DeleteStray)
    )
