"""Perform a plan's writes at the provider, in order: the thin doing behind `shared.sync.plan`.

A write that the provider refuses for good becomes a `Refused` outcome and its neighbours go on. Everything that
concerns more than this one event (throttling, a revoked grant, a version that moved on) is raised.
"""

from __future__ import annotations

from shared.errors import EventRejected
from shared.model import TEXT_FIELDS, RemoteEvent, RemoteOverride
from shared.providers.base import CalendarApi, CopyChange, NewCopy, OccurrenceChange
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, EventPlan, UpdateCopy, UpdateOccurrence, Write
from shared.sync.fingerprint import fingerprint_series, fingerprint_value
from shared.sync.links import Outcome, Refused, Written
from shared.sync.merge import values_of


def apply_plan(plan: EventPlan, api: CalendarApi, calendar: str) -> list[Outcome]:
    """The outcome of each write of `plan` in `calendar` (its remote id). Raises `VersionConflict`, `RetryLater`,
    `ConnectionRevoked`, `CalendarGone`; then some writes may have been applied, and repeating all of them is safe."""
    outcomes: list[Outcome] = []
    created = ""
    for write in plan.writes:
        if isinstance(write, UpdateOccurrence) and not (write.remote_id or created):
            outcomes.append(Refused(write, "The series itself was refused."))
            continue
        try:
            answer = _apply(write, api, calendar, created)
        except EventRejected as error:
            outcomes.append(Refused(write, error.sentence))
            continue
        if isinstance(write, CreateCopy) and isinstance(answer, RemoteEvent):
            created = answer.remote_id
        outcomes.append(Written(write, answer))
    return outcomes


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
    """Create the copy; one that an interrupted attempt left behind is brought up to date. Text that comes back withheld
    cannot be compared, so it is written once more."""
    series = write.series
    answer = api.create(calendar, NewCopy(tag=write.event_id, key=write.key, series=series))
    if answer.content is None:
        return answer
    values = {**values_of(series.content), "recurrence": series.recurrence}
    found = fingerprint_series(answer.content, answer.recurrence)
    stale = {
        name: value
        for name, value in values.items()
        if (value if answer.withheld and name in TEXT_FIELDS else fingerprint_value(value) != found[name])
    }
    if not stale:
        return answer
    return api.update(calendar, CopyChange(remote_id=answer.remote_id, etag=answer.etag, fields=stale))
