"""Perform a plan's writes at the provider, in order: the thin doing behind `shared.sync.plan`.

A write that the provider refuses for good becomes a `Refused` outcome and its neighbours go on. Everything that
concerns more than this one event (throttling, a revoked grant, a version that moved on) is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.errors import EventRejected, SyncError, VersionConflict
from shared.model import TEXT_FIELDS, RemoteEvent, RemoteOverride
from shared.providers.base import (
    Answer,
    CalendarApi,
    CopyChange,
    CopyDeletion,
    CopyWrite,
    NewCopy,
    OccurrenceChange,
)
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, EventPlan, UpdateCopy, UpdateOccurrence, Write
from shared.sync.fingerprint import fingerprint_override, fingerprint_series, fingerprint_value
from shared.sync.links import Outcome, Refused, Written
from shared.sync.values import values_of

_TIMES = frozenset({"span", "recurrence"})


def apply_plan(plan: EventPlan, api: CalendarApi, calendar: str) -> list[Outcome]:
    """The outcome of each write of `plan` in `calendar` (its remote id). Raises `VersionConflict`, `RetryLater`,
    `ConnectionRevoked`, `CalendarGone`; then some writes may have been applied, and repeating all of them is safe."""
    outcomes: list[Outcome] = []
    created = ""
    for write in plan.writes:
        if isinstance(write, UpdateOccurrence) and (not (write.remote_id or created) or _series_refused(outcomes)):
            outcomes.append(Refused(write, "The series itself was refused."))
            continue
        try:
            answer = _apply_in_turn(write, api, calendar, created, bool(outcomes))
        except EventRejected as error:
            outcomes.extend(_refused(write, error, api, calendar))
            continue
        if isinstance(write, CreateCopy) and isinstance(answer, RemoteEvent):
            created = answer.remote_id
        outcomes.append(Written(write, answer))
    return outcomes


def _series_refused(outcomes: Sequence[Outcome]) -> bool:
    """Whether the series is not where it was to be moved to, so that its occurrences are others."""
    return any(
        isinstance(item, Refused)
        and isinstance(item.write, UpdateCopy)
        and {"span", "recurrence"} & set(item.write.fields)
        for item in outcomes
    )


class AlreadyThere(VersionConflict):
    """The copy that was to be created was there, and is not what was to be written."""

    def __init__(self, remote: RemoteEvent) -> None:
        super().__init__("A copy of this event was there already.")
        self.remote = remote


def stands_alone(plan: EventPlan) -> bool:
    """Whether a plan is one write that may be sent together with those of other events."""
    return len(plan.writes) == 1 and isinstance(plan.writes[0], CreateCopy | UpdateCopy | DeleteCopy)


def apply_together(plans: Sequence[EventPlan], api: CalendarApi, calendar: str) -> list[list[Outcome] | SyncError]:
    """For each plan, all of which stand alone, its outcomes, or the error that `apply_plan` would have raised."""
    writes = [plan.writes[0] for plan in plans]
    answers = api.write_all(calendar, [_as_asked(write) for write in writes])
    return [_outcomes(write, answer, api, calendar) for write, answer in zip(writes, answers, strict=True)]


def _outcomes(write: Write, answer: Answer, api: CalendarApi, calendar: str) -> list[Outcome] | SyncError:
    try:
        match answer:
            case SyncError():
                raise answer
            case RemoteEvent() if isinstance(write, CreateCopy):
                return [Written(write, _brought_up_to_date(write, answer, api, calendar))]
            case _:
                return [Written(write, answer)]
    except EventRejected as error:
        return _refused(write, error, api, calendar)
    except SyncError as error:
        return error


def _refused(write: Write, error: EventRejected, api: CalendarApi, calendar: str) -> list[Outcome]:
    """A refused write. If it would also have moved the series, the rest is written all the same: a rule that a provider
    cannot hold must not keep a new title from it."""
    moved = _TIMES & set(write.fields) if isinstance(write, UpdateCopy) else set()
    if not isinstance(write, UpdateCopy) or not moved or moved == set(write.fields):
        return [Refused(write, error.sentence)]
    times = replace(write, fields={name: value for name, value in write.fields.items() if name in moved})
    rest = replace(write, fields={name: value for name, value in write.fields.items() if name not in moved})
    try:
        return [Written(rest, _apply(rest, api, calendar, "")), Refused(times, error.sentence)]
    except EventRejected as again:
        return [Refused(rest, again.sentence), Refused(times, error.sentence)]


def _as_asked(write: Write) -> CopyWrite:
    match write:
        case CreateCopy(tag=tag, key=key, series=series):
            return NewCopy(tag=tag, key=key, series=series)
        case UpdateCopy(remote_id=remote_id, etag=etag, fields=fields):
            return CopyChange(remote_id=remote_id, etag=etag, fields=fields)
        case DeleteCopy(remote_id=remote_id, etag=etag):
            return CopyDeletion(remote_id=remote_id, etag=etag)
        case _:
            raise ValueError("this write does not stand alone")


def _apply_in_turn(
    write: Write, api: CalendarApi, calendar: str, created: str, behind: bool
) -> RemoteEvent | RemoteOverride | None:
    """A write of a series moves its occurrences' versions on, at some providers. So one that comes behind another of
    the same plan looks whether more than the version has changed, before it counts as somebody else's edit."""
    try:
        return _apply(write, api, calendar, created)
    except VersionConflict:
        if not (behind and isinstance(write, UpdateOccurrence) and write.remote_id):
            raise
        found = api.fetch_event(calendar, write.remote_id, (write.original_start,))
        now = found.overrides.get(write.original_start) if found else None
        if now is None or now.etag == write.etag or fingerprint_override(now.value) != write.seen:
            raise
        return _apply(replace(write, etag=now.etag, occurrence_id=now.remote_id), api, calendar, created)


def _apply(write: Write, api: CalendarApi, calendar: str, created: str) -> RemoteEvent | RemoteOverride | None:
    match write:
        case CreateCopy():
            return _create(write, api, calendar)
        case UpdateCopy():
            return api.update(calendar, CopyChange(remote_id=write.remote_id, etag=write.etag, fields=write.fields))
        case UpdateOccurrence():
            return api.update_occurrence(
                calendar,
                OccurrenceChange(
                    remote_id=write.remote_id or created,
                    original_start=write.original_start,
                    occurrence_id=write.occurrence_id,
                    etag=write.etag,
                    change=write.change,
                ),
            )
        case DeleteCopy():
            api.delete(calendar, write.remote_id, write.etag)
        case DeleteStray():
            stray = api.find_copy(calendar, write.key)
            if stray is not None:
                api.delete(calendar, stray, "")
    return None


def _create(write: CreateCopy, api: CalendarApi, calendar: str) -> RemoteEvent:
    answer = api.create(calendar, NewCopy(tag=write.tag, key=write.key, series=write.series))
    return _brought_up_to_date(write, answer, api, calendar)


def _brought_up_to_date(write: CreateCopy, answer: RemoteEvent, api: CalendarApi, calendar: str) -> RemoteEvent:
    """The copy as it is to be. Text that comes back withheld cannot be compared, so it is written once more. Raises
    `AlreadyThere` for a copy that an interrupted attempt left behind and that differs: somebody may have edited it."""
    if answer.content is None:
        return answer
    values = {**values_of(write.series.content), "recurrence": write.series.recurrence}
    found = fingerprint_series(answer.content, answer.recurrence)
    stale = {
        name: value
        for name, value in values.items()
        if (value if answer.withheld and name in TEXT_FIELDS else fingerprint_value(value) != found[name])
    }
    if not stale:
        return answer
    if not (answer.withheld and set(stale) <= set(TEXT_FIELDS)):
        raise AlreadyThere(answer)
    return api.update(calendar, CopyChange(remote_id=answer.remote_id, etag=answer.etag, fields=stale))
