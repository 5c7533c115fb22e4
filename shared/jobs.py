"""What the worker does with one job: the calendar's sync, or the connection's list of calendars.

`run_job` turns every outcome into what happens to the message: `Done` takes it off the queue, `Again` gives it back
for later, and an error nobody foresaw passes through, so that the queue's own tries and dead letters apply.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared import organization_disconnect, staff
from shared.connections import pause_of, reconnect_required, refresh_calendars
from shared.disconnect import go_on, sweep
from shared.errors import CalendarGone, ConnectionRevoked, Held, Paced, RetryLater, VersionConflict
from shared.holding import hold
from shared.house import House
from shared.model import Brake, Connection, ConnectionStatus, Reason, connection_of
from shared.organization_health import look_after, refused
from shared.providers.organizations import MailboxRefused
from shared.queue import CalendarJob, ConnectionJob, Job
from shared.subscriptions import PushSettings, drop_subscription, ensure_subscription
from shared.sync.engine import CalendarSync

PATIENCE = 6
"""Tries of one message before its calendar is parked and the message let go (the queue allows ten)."""

LONGEST_DELAY = 900.0

STEPS_AT_ONCE = 8
"""Pages that one job takes; then the calendar queues up behind the others again, so that a long one delays nobody."""

CHECKED = (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE, ConnectionStatus.RECONNECT_REQUIRED)
"""A person of an organisation's staff who is, or may be, kept in step."""

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
        return _refused(house, job, attempt, error)
    except MailboxRefused as error:
        return _mailbox_refused(house, job, error)
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
    if connection.is_organization:
        return _organization(house, connection, out_of_time)
    if connection.status is ConnectionStatus.ACTIVE and (pause := pause_of(house, connection)):
        house.store.connections.save(replace(connection, due_at=pause))
        return Done("parked")
    if connection.member_of and connection.status in CHECKED:
        staff.check(house, connection, out_of_time)
        return Done("synced")
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


def _organization(house: House, organization: Connection, out_of_time: Callable[[], bool]) -> Done:
    match organization.status:
        case ConnectionStatus.ACTIVE | ConnectionStatus.RECONNECT_REQUIRED:
            finished = look_after(house, organization, out_of_time)
        case ConnectionStatus.DISCONNECTING:
            closed = organization_disconnect.go_on(house, organization, out_of_time)
            finished = closed.status is ConnectionStatus.DISCONNECTED
        case ConnectionStatus.DISCONNECTED:
            organization_disconnect.erase(house, organization)
            finished = True
        case _:
            return Done("dropped")
    if not finished:
        house.jobs.send(ConnectionJob(organization.id))
    return Done("synced" if finished else "continued")


def _calendar(house: House, ways: Ways, calendar_id: str, attempt: Attempt, out_of_time: Callable[[], bool]) -> Done:
    calendar = house.store.calendars.load(calendar_id)
    if calendar is None:
        while house.store.events.erase_calendar(calendar_id, 100):
            pass
        return Done("dropped")
    if calendar.synced_from_ms >= attempt.sent_ms:
        return Done("collapsed")
    if calendar.parked_until is not None and calendar.parked_until > house.clock():
        return Done("parked")
    connection = house.store.connections.load(calendar.connection_id)
    if connection is None or connection.status is not ConnectionStatus.ACTIVE:
        return Done("dropped")
    organization = house.organization_of(connection) if connection.member_of else None
    if organization is not None and organization.status is not ConnectionStatus.ACTIVE:
        return Done("dropped")
    session = house.open(connection, organization)
    try:
        if not calendar.sync:
            drop_subscription(house, calendar, session.push)
            return Done("dropped")
        calendar = ensure_subscription(house, connection, calendar, session.push, ways.push)
        if calendar.checkpoint.brake is Brake.HELD:
            return Done("held")
        sync = CalendarSync(house, connection, calendar, session.calendars, ways.push.next_due, ways.window_back)
        if sync.run(attempt.received_ms, _a_share(out_of_time)):
            if connection.member_of and not connection.in_step:
                staff.note_first_sync(house, connection)
            return Done("synced")
    finally:
        house.keep_secret(connection, session)
    house.jobs.send(CalendarJob(calendar.id))
    return Done("continued")


def _a_share(out_of_time: Callable[[], bool]) -> Callable[[], bool]:
    """Out of time after so many steps, too."""
    asked = itertools.count()
    return lambda: next(asked) >= STEPS_AT_ONCE or out_of_time()


def _mailbox_refused(house: House, job: Job, error: MailboxRefused) -> Done | Again:
    """One mailbox of an organisation's: this person waits, the others go on."""
    connection = house.store.connections.load(_connection_id(job))
    try:
        if connection is not None and connection.status in CHECKED:
            staff.pause(house, connection, Reason(error.code, error.sentence))
    except VersionConflict:
        return Again(1)
    return Done("parked")


def _connection_id(job: Job) -> str:
    return job.connection_id if isinstance(job, ConnectionJob) else connection_of(job.calendar_id)


def _refused(house: House, job: Job, attempt: Attempt, error: ConnectionRevoked) -> Done | Again:
    """A permission is refused: of one person's mailbox only, or of the connection."""
    connection_id = _connection_id(job)
    connection = house.store.connections.load(connection_id)
    try:
        if connection is not None and connection.is_organization:
            refused(house, connection_id, error)
        elif connection is not None and connection.member_of:
            staff.doubt(house, connection, error)
        else:
            reconnect_required(house, connection_id, error.code, error.sentence)
    except RetryLater as later:
        return _later(house, job, attempt, later)
    except VersionConflict:
        return Again(1)
    return Done("dropped")


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
