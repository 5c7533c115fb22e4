"""A series that a provider has no way to repeat, as the single events that stand for its occurrences. Pure.

Each single is planned like any event of its own: `as_single` is the app's event as that copy is to show it, and
`taken_back` folds what became of it into the series. The copy's tag names the occurrence (`shared.sync.tag`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Final

from shared.calendar.recurrence import is_occurrence, occurrence_content, occurrences
from shared.model import CANCELLED, Cancelled, Event, HistoryEntry, OriginalStart, Override, Series

WHOLE: Final[OriginalStart] = ""
"""Stands for the series itself, where a copy is of all of it."""

AHEAD: Final = timedelta(days=548)
"""Eighteen months: as far as singles reach. A snapshot, due every year at the latest, takes them on."""

MOST: Final = 1000
"""A series of more occurrences than this within the time ahead is not written at all."""


def starts_ahead(series: Series, now: datetime) -> tuple[OriginalStart, ...] | None:
    """The occurrences from `now` (UTC) on that get a single each; None if there are more than `MOST`."""
    found = tuple(one.original_start for one in islice(occurrences(series, now, now + AHEAD), MOST + 1))
    return found if len(found) <= MOST else None


def as_single(event: Event, occurrence: OriginalStart) -> Event:
    """The event as the copy of one occurrence is to show it: deleted where it does not take place (any more)."""
    if occurrence == WHOLE:
        return event
    override = event.series.overrides.get(occurrence)
    if event.deleted or isinstance(override, Cancelled) or not is_occurrence(event.series, occurrence):
        return replace(event, series=Series(event.series.content), deleted=True)
    return replace(event, series=Series(override or occurrence_content(event.series, occurrence)))


def taken_back(event: Event, single: Event, occurrence: OriginalStart) -> Event:
    """The series' next version, `single` being what one of its occurrences has become. That somebody made a single
    repeat is not taken over: it would be a series within a series."""
    if occurrence == WHOLE:
        return single
    series = event.series
    overrides: dict[OriginalStart, Override] = {**series.overrides}
    overrides[occurrence] = CANCELLED if single.deleted else single.series.content
    if overrides[occurrence] == occurrence_content(series, occurrence):
        del overrides[occurrence]
    changed = replace(series, overrides=MappingProxyType(overrides))
    return replace(event, series=changed, version=single.version, updated_at=single.updated_at)


def told_of(entry: HistoryEntry, occurrence: OriginalStart) -> HistoryEntry:
    """The history of a single, as that of its series."""
    if occurrence == WHOLE:
        return entry
    lost: Mapping[str, object] = {f"occurrence {occurrence}: {name}": value for name, value in entry.lost.items()}
    fields = tuple(f"occurrence {occurrence}: {name}" for name in entry.fields) or (f"occurrence {occurrence}",)
    return replace(entry, fields=fields, lost=MappingProxyType(lost))
