"""Disconnecting: what is stopped, given back and erased, and a receipt that says exactly what was possible.

`disconnect` always succeeds on this side, whatever state the grant is in. It goes on where it left off when it is run
again (a long calendar, a crash), first in the request that asked for it and then as a job of the mailbox, so that no
sync can write anything behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.calendar.recurrence import last_end
from shared.connections import revoke, siblings
from shared.errors import SyncError
from shared.house import House
from shared.keys import mailbox_place
from shared.model import APP, Calendar, Connection, ConnectionStatus, Event, Link
from shared.notices import connection_notice, event_notice
from shared.providers.base import Revocation, Session
from shared.queue import ConnectionJob
from shared.store.events import SWEEP_AFTER
from shared.subscriptions import drop_subscription
from shared.sync.recording import REFUSED

CHUNK = 25


class Fate(StrEnum):
    """What becomes of copies: events taken over from the provider (`imported`), bookings written to it (`exported`)."""

    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Choice:
    imported: Fate
    exported: Fate


def preview(house: House, connection: Connection) -> Mapping[str, int]:
    """How many events each choice concerns, before anything is done: `imported`, events that deleting would take out of
    the app, and `exported`, copies of bookings that it would take out of the account's calendars; and of each how many
    have not ended yet. They are the receipt's own figures: one booking in two calendars is two copies, and a copy that
    the provider refused is none."""
    counts = dict.fromkeys(("imported", "imported_future", "exported", "exported_future"), 0)
    now = house.clock()
    for calendar in house.store.calendars.of_connection(connection.id):
        after = ""
        while links := house.store.events.links_after(calendar.id, after, 200):
            events = house.store.events.load(calendar.owner, [link.event_id for link in links if link.event_id])
            for link in links:
                event = events.get(link.event_id)
                if event is None or event.deleted or link.remote_id.startswith(REFUSED):
                    continue
                kind = "exported" if event.origin == APP else "imported"
                end = last_end(event.series)
                counts[kind] += 1
                counts[f"{kind}_future"] += end is None or end > now
            after = links[-1].remote_id
    return counts


def disconnect(house: House, connection: Connection, choice: Choice, out_of_time: Callable[[], bool]) -> Connection:
    """Begin to disconnect and go as far as time allows; the rest is a job. The receipt is the connection's."""
    if connection.status is not ConnectionStatus.DISCONNECTING:
        receipt: dict[str, object] = {
            "imported": choice.imported.value,
            "exported": choice.exported.value,
            "revoked": None,
            "subscriptions_stopped": 0,
            "subscriptions_not_stopped": 0,
            "events_deleted_here": 0,
            "events_deleted_there": 0,
            "events_not_deleted_there": 0,
            "links_erased": 0,
            "complete": False,
            "notes": [],
        }
        connection = house.store.connections.save(
            replace(
                connection,
                status=ConnectionStatus.DISCONNECTING,
                receipt=receipt,
                reasons=(),
                updated_at=house.clock(),
                due_at=house.clock() + SWEEP_AFTER,
            )
        )
    connection = go_on(house, connection, out_of_time)
    house.jobs.send(ConnectionJob(connection.id))
    return connection


def go_on(house: House, connection: Connection, out_of_time: Callable[[], bool]) -> Connection:
    """Everything that is left to do, in an order in which each step may be repeated."""
    work = _Work(house, connection, dict(connection.receipt or {}), out_of_time)
    try:
        finished = work.all_calendars()
        if finished:
            work.give_back()
    finally:
        connection = house.store.connections.save(replace(work.connection, receipt=work.receipt))
    if not finished:
        return connection
    return _close(house, connection, work.receipt)


def sweep(house: House, connection: Connection) -> None:
    """After everything: erase what a sync that was still running may have left."""
    clear(house, connection)
    house.store.connections.erase_secret(connection.id)


def clear(house: House, connection: Connection) -> None:
    """Erase its calendars with their links and cursors."""
    for calendar in house.store.calendars.of_connection(connection.id):
        while house.store.events.erase_calendar(calendar.id, CHUNK * 4):
            pass
        house.store.calendars.delete(calendar)


def _close(house: House, connection: Connection, receipt: dict[str, object]) -> Connection:
    sweep(house, connection)
    notice = connection_notice(connection, "disconnected", house.clock())
    closed = replace(
        connection,
        status=ConnectionStatus.DISCONNECTED,
        account=None,
        due_at=None,
        receipt={**receipt, "complete": True},
        updated_at=house.clock(),
    )
    closed = _close_member(house, closed) if connection.member_of else house.store.connections.save(closed)
    house.tell(notice)
    if not connection.member_of:
        _wake_members(house, connection)
    return closed


def _close_member(house: House, closed: Connection) -> Connection:
    """A person of an organisation's staff: off the list, or on it and not enabled, or enabled and to be looked at
    again, since the mailbox turned out to be another one, or was given to them anew meanwhile."""
    closed = replace(closed, in_step=False)
    if closed.leaving:
        gone = replace(closed, member_of="", mailbox="", leaving=False)
        return house.store.connections.save_member(gone, gives_up=mailbox_place(closed.member_of, closed.mailbox))
    if not closed.enabled:
        return house.store.connections.save(closed)
    due = house.clock() + SWEEP_AFTER
    again = house.store.connections.save(replace(closed, status=ConnectionStatus.PENDING, receipt=None, due_at=due))
    house.jobs.send(ConnectionJob(again.id))
    return again


def _wake_members(house: House, connection: Connection) -> None:
    """Somebody's own connection is gone: an organisation that stood aside for it may take them on now."""
    for one in house.store.connections.of_owner(connection.owner):
        if one.member_of and one.provider == connection.provider and one.status is ConnectionStatus.PENDING:
            house.jobs.send(ConnectionJob(one.id))


class _Work:
    """One go at disconnecting, counting what it does into the receipt."""

    def __init__(
        self, house: House, connection: Connection, receipt: dict[str, object], out_of_time: Callable[[], bool]
    ) -> None:
        self.house, self.connection, self.receipt, self.out_of_time = house, connection, receipt, out_of_time
        self._session: Session | None = None
        self._unusable = False

    def all_calendars(self) -> bool:
        for calendar in self.house.store.calendars.of_connection(self.connection.id):
            self._stop(calendar)
            while links := self.house.store.events.links_after(calendar.id, "", CHUNK):
                if self.out_of_time():
                    return False
                self._undo(calendar, links)
            while self.house.store.events.erase_calendar(calendar.id, CHUNK * 4):
                pass
            self.house.store.calendars.delete(calendar)
        return True

    def give_back(self) -> None:
        if self.receipt.get("revoked") is not None:
            return
        if self.connection.member_of:
            self.receipt["revoked"] = Revocation.NOT_SUPPORTED.value
            self._note("The permission is the organisation's and was left as it is.")
            return
        outcome = revoke(self.house, self.connection)
        self.receipt["revoked"] = _REVOKED.get(outcome, False)
        if siblings(self.house, self.connection):
            self._note("Another connection uses the same account, so its permission was left as it is.")
        elif outcome is not Revocation.REVOKED:
            self._note("The permission could not be revoked from here; remove it in the account's own security page.")

    def _stop(self, calendar: Calendar) -> None:
        if calendar.subscription is None:
            return
        session = self._open()
        try:
            drop_subscription(self.house, calendar, session.push if session else None)
        except SyncError:
            self._unusable = True
        self._count("subscriptions_stopped" if session and not self._unusable else "subscriptions_not_stopped")

    def _undo(self, calendar: Calendar, links: list[Link]) -> None:
        events = self.house.store.events.load(calendar.owner, [link.event_id for link in links if link.event_id])
        for link in links:
            event = events.get(link.event_id)
            if event is not None and not event.deleted:
                written = event.origin == APP and not link.remote_id.startswith(REFUSED)
                if written and self.receipt["exported"] == Fate.DELETE:
                    self._delete_there(calendar, link)
                elif event.origin != APP and self.receipt["imported"] == Fate.DELETE:
                    self._delete_here(event)
            self.house.store.events.drop_link(calendar.id, link.remote_id)
            self._count("links_erased")

    def _delete_there(self, calendar: Calendar, link: Link) -> None:
        session = self._open()
        try:
            if session is None:
                raise SyncError("The account cannot be used any more.")
            session.calendars.delete(calendar.remote_id, link.remote_id, "")
        except SyncError:
            self._count("events_not_deleted_there")
        else:
            self._count("events_deleted_there")

    def _delete_here(self, event: Event) -> None:
        self.house.store.events.erase(event.owner, event.id)
        gone = replace(event, deleted=True, version=event.version + 1)
        self.house.tell(event_notice(gone, self.house.clock(), ()))
        self._count("events_deleted_here")

    def _open(self) -> Session | None:
        if self._session is None and not self._unusable:
            try:
                self._session = self.house.open(self.connection)
            except SyncError:
                self._unusable = True
        return None if self._unusable else self._session

    def _count(self, name: str) -> None:
        self.receipt[name] = int(str(self.receipt.get(name, 0))) + 1

    def _note(self, sentence: str) -> None:
        self.receipt["notes"] = [*list(self.receipt.get("notes") or []), sentence]  # type: ignore[call-overload]


_REVOKED: Mapping[Revocation | None, object] = {
    Revocation.REVOKED: True,
    Revocation.FAILED: False,
    Revocation.NOT_SUPPORTED: Revocation.NOT_SUPPORTED.value,
}
