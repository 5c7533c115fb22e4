"""What a change of a series does to its exceptions, and a change of one occurrence to its series.

`before_change` is called with the old and the new series; it drops the exceptions that the new rules no longer hold.
"""

from datetime import datetime, timedelta

from simulators.google import event_store, recurrence_instances, times
from simulators.google.model import Calendar, EventRecord
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

_STRICTNESS = {"public": 0, "default": 1, "private": 2, "confidential": 2}
_MOST_RETIRED = 1000


def same_moment(one: Json, other: Json) -> bool:
    if "date" in one or "date" in other:
        return one.get("date") == other.get("date")
    try:
        return times.instant(one["dateTime"]) == times.instant(other["dateTime"])
    except (KeyError, ValueError):
        return False


def horizon(world: GoogleWorld) -> datetime:
    """Where an endless series is cut off when nobody says where."""
    return world.now() + timedelta(days=world.settings.expansion_days)


def before_change(world: GoogleWorld, calendar: Calendar, old: EventRecord, new: EventRecord) -> None:
    if old.cancelled and not new.cancelled:
        for exception in calendar.exceptions.get(old.id, {}).values():
            if not exception.dropped:
                event_store.put(world, calendar, event_store.copy_of(exception), touch=False)
    if not old.repeats:
        return
    if all(old.body.get(name) == new.body.get(name) for name in ("start", "end", "recurrence")):
        return
    new.retired = _retired(world, calendar, old, new)
    for exception in list(calendar.exceptions.get(old.id, {}).values()):
        if exception.dropped or _still_occurs(calendar, new, exception):
            continue
        gone = event_store.copy_of(exception)
        gone.body["status"] = "cancelled"
        gone.dropped = True
        event_store.put(world, calendar, gone)


def spread_visibility(world: GoogleWorld, calendar: Calendar, found: EventRecord, body: Json) -> None:
    """A stricter visibility on one occurrence hits the whole series; a looser one is ignored."""
    wanted, before = body.get("visibility", "default"), found.body.get("visibility", "default")
    if wanted == before:
        return
    if _STRICTNESS[wanted] < _STRICTNESS[before]:
        body.pop("visibility", None)
        if before != "default":
            body["visibility"] = before
        return
    parent = calendar.events.get(found.series_id or "")
    if parent is None:
        return
    others = [e for e in calendar.exceptions.get(parent.id, {}).values() if e.id != found.id and not e.dropped]
    for record in [parent, *others]:
        changed = event_store.copy_of(record)
        changed.body["visibility"] = wanted
        event_store.put(world, calendar, changed)


def _still_occurs(calendar: Calendar, series: EventRecord, exception: EventRecord) -> bool:
    if not series.repeats:
        return False
    key = exception.id.rpartition("_")[2]
    return recurrence_instances.find_occurrence(series.body, calendar.time_zone, key) is not None


def _retired(world: GoogleWorld, calendar: Calendar, old: EventRecord, new: EventRecord) -> list[str]:
    """Ids of near occurrences that the new rules do not hold, for those who list single events."""
    last = horizon(world)
    first = world.now() - timedelta(days=60)

    def ids(record: EventRecord) -> list[str]:
        if not record.repeats:
            return []
        return [o.id for o in recurrence_instances.occurrences(record.body, calendar.time_zone, first, last)]

    remaining = set(ids(new))
    gone = [i for i in [*old.retired, *ids(old)] if i not in remaining]
    return list(dict.fromkeys(gone))[-_MOST_RETIRED:]
