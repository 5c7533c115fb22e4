"""Several writes for a provider that takes them one by one."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import EventRejected, SyncError, VersionConflict
from shared.providers.base import Answer, CalendarApi, CopyChange, CopyDeletion, CopyWrite, NewCopy


def write_one_by_one(api: CalendarApi, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
    """See `CalendarApi.write_all`. An error that holds for more than one event, such as a pause that the provider asks
    for, is the answer to whatever comes behind it."""
    answers: list[Answer] = []
    for write in writes:
        over = answers[-1] if answers and isinstance(answers[-1], SyncError) else None
        if over is not None and not isinstance(over, EventRejected | VersionConflict):
            answers.append(over)
        else:
            answers.append(_write(api, calendar, write))
    return answers


def _write(api: CalendarApi, calendar: str, write: CopyWrite) -> Answer:
    try:
        match write:
            case NewCopy():
                return api.create(calendar, write)
            case CopyChange():
                return api.update(calendar, write)
            case CopyDeletion(remote_id=remote_id, etag=etag):
                api.delete(calendar, remote_id, etag)
                return None
    except SyncError as error:
        return error
