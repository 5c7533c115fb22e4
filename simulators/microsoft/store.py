"""Where a changed event is put: numbers, indexes, the calendar's list of changes, and word to the subscribers."""

from collections.abc import Iterable

from simulators.microsoft import notifications
from simulators.microsoft.call import Call
from simulators.microsoft.model import Calendar, EventRecord
from simulators.microsoft.world import MicrosoftWorld


def put(call: Call, calendar: Calendar, record: EventRecord, day: str, what: str) -> None:
    """Keep a changed record; `what` is `created`, `updated` or `deleted`, `day` names the occurrence meant."""
    number = keep(call.world, calendar, record, day)
    if call.quiet:
        return
    if day and what == "deleted":
        notifications.event_changed(call.world, calendar, record, "", "updated", number)
    notifications.event_changed(call.world, calendar, record, day, what, number)


def keep(world: MicrosoftWorld, calendar: Calendar, record: EventRecord, day: str) -> int:
    number = world.next_change()
    now = world.seconds()
    exception = record.exceptions.get(day)
    if exception is not None:
        exception.change, exception.modified = number, now
    else:
        record.change, record.modified = number, now
    calendar.events[record.token] = record
    calendar.changes.append((number, record.token, day))
    index(world, calendar, record)
    return number


def index(world: MicrosoftWorld, calendar: Calendar, record: EventRecord) -> None:
    world.event_index[record.token] = calendar.id
    world.immutable_index[record.immutable] = record.token


def reindex(world: MicrosoftWorld) -> None:
    """Build anew what is not kept in the state file."""
    world.event_index, world.immutable_index, world.transactions = {}, {}, {}
    for calendar in world.calendars.values():
        for record in calendar.events.values():
            index(world, calendar, record)
            if record.transaction_id is not None:
                world.transactions[(calendar.owner, record.transaction_id)] = record.token


def keep_all(world: MicrosoftWorld, calendar: Calendar, records: Iterable[EventRecord]) -> None:
    for record in records:
        keep(world, calendar, record, "")
