"""Reading the provider: pages of changes, made whole and cut to the window, one at a time.

`fetch_changes` gives one page ready for planning. An occurrence whose series is not known here is completed by reading
the series; one whose series cannot be read (an invitation to a single occurrence) becomes an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from shared.calendar.recurrence import last_end
from shared.model import Cancelled, Change, Page, RemoteEvent, Removed
from shared.providers.base import After, CalendarApi, FromStart
from shared.sync.values import series_of


def fetch_changes(api: CalendarApi, calendar: str, cursor: str, since: datetime) -> Page:
    """The page at `cursor`, or without one the first page of everything that ends after `since`."""
    return api.fetch_page(calendar, After(cursor) if cursor else FromStart(since))


def complete(
    api: CalendarApi, calendar: str, changes: Iterable[Change], is_linked: Callable[[str], bool]
) -> Iterator[Change]:
    """The changes with every unknown series read: occurrences alone are enough only where the series is linked."""
    for change in changes:
        if not isinstance(change, RemoteEvent) or change.content is not None or is_linked(change.remote_id):
            yield change
            continue
        series = with_series(api, calendar, change)
        if series is not None:
            yield series
        else:
            yield from _single(change)


def with_series(api: CalendarApi, calendar: str, change: RemoteEvent) -> RemoteEvent | None:
    """A report of occurrences alone, with the series as it now is; None if that cannot be read."""
    series = api.fetch_event(calendar, change.remote_id)
    return replace(series, overrides={**series.overrides, **change.overrides}) if series is not None else None


def _single(change: RemoteEvent) -> Iterator[Change]:
    """An invitation to some occurrences only: each is an event of its own."""
    for item in change.overrides.values():
        if isinstance(item.value, Cancelled):
            yield Removed(item.remote_id)
        else:
            yield RemoteEvent(
                remote_id=item.remote_id,
                etag=item.etag,
                updated_at=change.updated_at,
                content=item.value,
                withheld=change.withheld,
            )


def in_window(remote: RemoteEvent, since: datetime) -> bool:
    """Whether a report that is not linked yet is to be taken in: it ends after `since`."""
    if remote.content is None:
        return False
    end = last_end(series_of(remote))
    return end is None or end > since
