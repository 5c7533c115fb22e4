"""What a calendar shows: single events, series, occurrences and exceptions, as values with their times.

An `Item` is one of them with everything an exception overrides already in place. `in_window` gives those of one record
that overlap a window.
"""

from dataclasses import dataclass

from simulators.common.wire import Json
from simulators.microsoft import recurrence, zones
from simulators.microsoft.model import EventRecord
from simulators.microsoft.world import MicrosoftWorld

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Item:
    record: EventRecord
    day: str
    kind: str
    """`singleInstance`, `seriesMaster`, `occurrence` or `exception`."""
    start: str
    end: str
    zone: str
    starts_at: float
    ends_at: float
    fields: Json
    change: int
    modified: float
    extended: dict[str, str]


def whole(record: EventRecord) -> Item:
    """The event itself: a single one, or a series by its first occurrence."""
    return Item(
        record=record,
        day="",
        kind="seriesMaster" if record.recurrence else "singleInstance",
        start=record.start,
        end=record.end,
        zone=record.start_zone,
        starts_at=record.starts_at,
        ends_at=record.ends_at,
        fields=record.fields,
        change=record.change,
        modified=record.modified,
        extended=record.extended,
    )


def occurrence(record: EventRecord, day: str) -> Item:
    """The occurrence of an original day, exception or not. The day is not checked against the rule."""
    exception = record.exceptions.get(day)
    if exception is not None:
        return Item(
            record=record,
            day=day,
            kind="exception",
            start=exception.start,
            end=exception.end,
            zone=exception.zone,
            starts_at=zones.seconds_of(exception.start, exception.zone),
            ends_at=zones.seconds_of(exception.end, exception.zone),
            fields=record.fields | exception.fields,
            change=max(exception.change, record.change),
            modified=max(exception.modified, record.modified),
            extended=exception.extended,
        )
    start, end = usual_times(record, day)
    return Item(
        record=record,
        day=day,
        kind="occurrence",
        start=start,
        end=end,
        zone=record.start_zone,
        starts_at=zones.seconds_of(start, record.start_zone),
        ends_at=zones.seconds_of(end, record.start_zone),
        fields=record.fields,
        change=record.change,
        modified=record.modified,
        extended={},
    )


def usual_times(record: EventRecord, day: str) -> tuple[str, str]:
    """Start and end, on the clock of the series, that the rule gives for a day."""
    if record.start[:10] == record.end[:10]:
        return f"{day}{record.start[10:]}", f"{day}{record.end[10:]}"
    nights = zones.days_between(record.start[:10], record.end[:10])
    return f"{day}{record.start[10:]}", f"{zones.day_after(day, nights)}{record.end[10:]}"


def exists(world: MicrosoftWorld, record: EventRecord, day: str) -> bool:
    """Whether the series has an occurrence of that original day, and it was not deleted."""
    if record.recurrence is None or day in record.dropped:
        return False
    return bool(recurrence.days(record.recurrence, day, day, clamp=world.settings.clamp_month_end))


def in_window(world: MicrosoftWorld, record: EventRecord, begins: float, ends: float) -> list[Item]:
    """The single event, or the occurrences and exceptions, that overlap the window; by original day."""
    if record.recurrence is None:
        return [whole(record)] if _overlaps(record.starts_at, record.ends_at, begins, ends) else []
    length = record.ends_at - record.starts_at
    first = f"{zones.local(begins - length - DAY, record.start_zone):%Y-%m-%d}"
    last = f"{zones.local(ends + DAY, record.start_zone):%Y-%m-%d}"
    found = recurrence.days(record.recurrence, first, last, clamp=world.settings.clamp_month_end)
    wanted = (
        sorted({*found, *record.exceptions} - set(record.dropped)) if record.exceptions or record.dropped else found
    )
    shown = (occurrence(record, day) for day in wanted)
    return [item for item in shown if _overlaps(item.starts_at, item.ends_at, begins, ends)]


def _overlaps(starts: float, ends: float, window_starts: float, window_ends: float) -> bool:
    return starts < window_ends and (ends > window_starts or starts == ends == window_starts)
