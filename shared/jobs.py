"""What the worker does with one job: the calendar's sync, or the connection's list of calendars.

`run_job` turns every outcome into what happens to the message: `Done` takes it off the queue, `Again` gives it back
for later, and an error nobody foresaw passes through, so that the queue's own tries and dead letters apply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.connections import reconnect_required, refresh_calendars
from shared.disconnect import go_on, sweep
from shared.errors import CalendarGone, ConnectionRevoked, Held, Paced, RetryLater, VersionConflict
from shared.holding import hold
from shared.house import House
from shared.model import Brake, ConnectionStatus, Reason, connection_of
from shared.queue import CalendarJob, ConnectionJob, Job
from shared.subscriptions import PushSettings, drop_subscription, ensure_subscription
from shared.sync.engine import CalendarSync

PATIENCE = 6
"""Tries of one message before its calendar is parked and the message let go (the queue allows ten)."""

LONGEST_DELAY = 900.0
PARKED = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """When a job was sent and first received, by the queue's own clock (milliseconds), and which try this is."""

    sent_ms: int
    received_ms: int
    number: int = 1


@dataclass(frozen=True, slots=True)
class Done:
    """`rule` says how: `synced`, `collapsed`, `dropped`, `parked`, `held`, `continued`."""

    rule: str


@dataclass(frozen=True, slots=True)
class Again:
    """Back to the queue, to be seen again after `delay` seconds."""

    delay: int


@dataclass(frozen=True, slots=True)
class Ways:
    """How this deployment keeps calendars in step: by push and polls, and how far back."""

    push: PushSettings
    window_back: timedelta = timedelta(days=30)


def run_job(house: House, ways: Ways, job: Job, attempt: Attempt, out_of_time: Callable[[], bool]) -> Done | Again:
    """Do the job. Raises nothing that the sync foresees."""
    try:
        match job:
            case ConnectionJob(connection_id):
                return _connection(house, connection_id, out_of_time)
            case CalendarJob(calendar_id):
                return _calendar(house, ways, calendar_id, attempt, out_of_time)
    except ConnectionRevoked as error:
        connection_id = job.connection_id if isinstance(job, ConnectionJob) else connection_of(job.calendar_id)
        reconnect_required(house, connection_id, error.code, error.sentence)
        return Done("dropped")
    except CalendarGone as error:
        if isinstance(job, CalendarJob):
            _park(house, job.calendar_id, Reason(CalendarGone.code, error.sentence), timedelta(days=1))
        return Done("parked")
    except Held as error:
        if isinstance(job, CalendarJob):
            hold(house, job.calendar_id, error.sentence)
        return Done("held")
    except RetryLater as error:
        return _later(house, job, attempt, error)
    except VersionConflict:
        return Again(1)


def _connection(house: House, connection_id: str, out_of_time: Callable[[], bool]) -> Done:
    connection = house.store.connections.load(connection_id)
    if connection is None:
        return Done("dropped")
    match connection.status:
        case ConnectionStatus.ACTIVE:
            refresh_calendars(house, connection)
            return Done("synced")
        case ConnectionStatus.DISCONNECTING:
            if go_on(house, connection, out_of_time).status is ConnectionStatus.DISCONNECTING:
                house.jobs.send(ConnectionJob(connection_id))
                return Done("continued")
            return Done("synced")
        case ConnectionStatus.DISCONNECTED:
            sweep(house, connection)
            return Done("synced")
        case _:
            return Done("dropped")


def _calendar(house: House, ways: Ways, calendar_id: str, attempt: Attempt, out_of_time: Callable[[], bool]) -> Done:
    calendar = house.store.calendars.load(calendar_id)
    if calendar is None:
        while house.store.events.erase_calendar(calendar_id, 100):
            pass
        return Done("dropped")
    if calendar.synced_from_ms >= attempt.sent_ms:
        return Done("collapsed")
    if calendar.checkpoint.brake is Brake.HELD:
        return Done("held")
    if calendar.parked_until is not None and calendar.parked_until > house.clock():
        return Done("parked")
    connection = house.store.connections.load(calendar.connection_id)
    if connection is None or connection.status is not ConnectionStatus.ACTIVE:
        return Done("dropped")
    session = house.open(connection)
    try:
        if not calendar.sync:
            drop_subscription(house, calendar, session.push)
            return Done("dropped")
        calendar = ensure_subscription(house, connection, calendar, session.push, ways.push)
        sync = CalendarSync(house, connection, calendar, session.calendars, ways.push.next_due, ways.window_back)
        if sync.run(attempt.received_ms, out_of_time):
            return Done("synced")
    finally:
        house.keep_secret(connection, session)
    house.jobs.send(CalendarJob(calendar.id))
    return Done("continued")


def _later(house: House, job: Job, attempt: Attempt, error: RetryLater) -> Done | Again:
    """Short waits stay in the queue; long ones, and patience run out, wait at the calendar until its time comes."""
    if isinstance(error, Paced) and attempt.number >= PATIENCE:
        house.jobs.send(job)
        return Done("continued")
    if isinstance(job, CalendarJob) and (error.park or attempt.number >= PATIENCE):
        wait = timedelta(seconds=error.delay) if error.park else PARKED
        _park(house, job.calendar_id, Reason(error.code, error.sentence), wait)
        return Done("parked")
    backoff = error.delay if isinstance(error, Paced) else error.delay * 2 ** (attempt.number - 1)
    return Again(int(max(1.0, min(backoff, LONGEST_DELAY))))


def _park(house: House, calendar_id: str, reason: Reason, wait: timedelta) -> None:
    due = house.clock() + wait
    house.store.calendars.change(
        calendar_id, lambda found: replace(found, reasons=(reason,), due_at=due, parked_until=due)
    )
