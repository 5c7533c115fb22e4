"""Several writes for a provider that takes them one by one."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import SyncError
from shared.providers.base import Answer, CalendarApi, CopyChange, CopyDeletion, CopyWrite, NewCopy


def write_one_by_one(api: CalendarApi, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
    """See `CalendarApi.write_all`."""
    return [_write(api, calendar, write) for write in writes]


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
