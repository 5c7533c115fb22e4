"""What the API shows of connections, calendars, history and deliveries: the contract's JSON, read-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from shared.busy import BusyTime, CalendarBehind
from shared.clock import to_text
from shared.config import ApiSettings
from shared.errors import CalendarGone, NotWatchable
from shared.model import (
    Access,
    Calendar,
    Connection,
    ConnectionStatus,
    HistoryEntry,
    Link,
    Reason,
    SyncPhase,
)
from shared.store.deliveries import Delivery

Json = dict[str, object]


def connection_json(
    connection: Connection, calendars: Sequence[Calendar], now: datetime, managed_by: str | None = None
) -> Json:
    """`managed_by`: the organisation through which a person of its staff is connected."""
    chosen = [calendar for calendar in calendars if calendar.sync]
    synced = [calendar for calendar in chosen if not _is_gone(calendar)] or chosen
    reasons = [*connection.reasons, *(reason for calendar in chosen for reason in calendar.reasons)]
    synced_at = [calendar.last_sync_at for calendar in synced]
    known = [at for at in synced_at if at is not None]
    pushed = bool(synced) and all(_pushed(calendar, now) for calendar in synced)
    return {
        "id": connection.id,
        "user_id": connection.owner.user_id,
        "provider": connection.provider,
        "account": connection.account.name if connection.account else None,
        "status": connection.status.value,
        "reasons": reasons_json(reasons),
        "created_at": to_text(connection.created_at),
        "last_sync_at": to_text(min(known)) if known and len(known) == len(synced_at) else None,
        "push": "active" if pushed else "polling",
        "sync": _progress(connection, synced),
        **asdict(connection.policy),
        "managed_by": managed_by,
        "receipt": dict(connection.receipt) if connection.receipt is not None else None,
    }


def _is_gone(calendar: Calendar) -> bool:
    """One that the provider no longer shows keeps no connection from being in step."""
    return any(reason.code == CalendarGone.code for reason in calendar.reasons)


def _pushed(calendar: Calendar, now: datetime) -> bool:
    return calendar.subscription is not None and calendar.subscription.expires_at > now


def _progress(connection: Connection, synced: Sequence[Calendar]) -> Json:
    """`state`: `waiting` (nothing listed yet), `running`, `done`. While it runs, the figures are those of the calendars
    that are under way; `total` is null while it is not known, as it is until a first sync has read everything."""
    if connection.status is not ConnectionStatus.ACTIVE or not synced:
        return {"state": "waiting", "done": 0, "total": None}
    running = [calendar for calendar in synced if calendar.checkpoint.phase is not SyncPhase.DELTA]
    points = [calendar.checkpoint for calendar in running or synced]
    countable = all(point.phase in (SyncPhase.EXPORT, SyncPhase.DELTA) and point.first_completed for point in points)
    totals = [max(point.total, point.done) for point in points if point.total is not None]
    return {
        "state": "running" if running else "done",
        "done": sum(point.done for point in points),
        "total": sum(totals) if countable and len(totals) == len(points) else None,
    }


def help_json(settings: ApiSettings) -> Json:
    """Where people find help: the page of codes, whom to ask, and what this installation wants to say to that."""
    return {
        "url": settings.help_url,
        "address": settings.help_address or None,
        "content": settings.help_content or None,
    }


def calendar_json(calendar: Calendar, now: datetime, *, can_push: bool, problems: Iterable[Link] = ()) -> Json:
    """`can_push`: whether this deployment has an address that providers can notify."""
    return {
        "id": calendar.id,
        "connection_id": calendar.connection_id,
        "name": calendar.name,
        "time_zone": calendar.zone,
        "primary": calendar.primary,
        "kind": _kind(calendar),
        "access": calendar.access.value,
        "main": calendar.main,
        "bookings": calendar.bookings,
        "busy": calendar.busy,
        "sync": calendar.sync,
        "push": "active" if _pushed(calendar, now) else "polling",
        "watchable": calendar.watchable,
        "push_reason": reason_json(_why_polled(calendar, now, can_push)),
        "last_sync_at": to_text(calendar.last_sync_at) if calendar.last_sync_at else None,
        "reasons": reasons_json(calendar.reasons),
        "problems": [{"event_id": link.event_id or None, "sentence": link.problem} for link in problems],
    }


def _kind(calendar: Calendar) -> str:
    if calendar.primary:
        return "default"
    if calendar.resource:
        return "resource"
    return "own" if calendar.access is Access.OWNER else "shared"


def _why_polled(calendar: Calendar, now: datetime, can_push: bool) -> Reason | None:
    if _pushed(calendar, now):
        return None
    if not calendar.sync:
        return Reason("not_synced", "This calendar is not kept in step, so nothing needs to tell of its changes.")
    if not calendar.watchable:
        sentence = "The provider does not tell of changes of this calendar, so it is looked at again and again."
        said = [reason for reason in calendar.reasons if reason.code == NotWatchable.code]
        return said[0] if said else Reason(NotWatchable.code, sentence)
    if not can_push:
        return Reason("no_push_address", "This installation has no public address at which providers could notify it.")
    return Reason("not_subscribed", "The provider has not been asked yet to tell of changes, or has to be asked again.")


def busy_json(found: BusyTime) -> Json:
    return {
        "user_id": found.owner.user_id,
        "busy": [{"start": to_text(each.start), "end": to_text(each.end)} for each in found.intervals],
        "as_of": to_text(found.as_of) if found.as_of else None,
        "complete": found.complete,
        "reasons": reasons_json(found.reasons),
        "calendars": [_behind_json(each) for each in found.calendars],
    }


def _behind_json(behind: CalendarBehind) -> Json:
    calendar = behind.calendar
    return {
        "id": calendar.id,
        "connection_id": calendar.connection_id,
        "provider": behind.provider,
        "name": calendar.name,
        "last_sync_at": to_text(calendar.last_sync_at) if calendar.last_sync_at else None,
        "complete": behind.reason is None,
        "reason": reason_json(behind.reason),
    }


def reasons_json(reasons: Iterable[Reason]) -> list[Json]:
    return [
        {"code": reason.code, "sentence": reason.sentence, "link": reason.link or None}
        for reason in dict.fromkeys(reasons)
    ]


def reason_json(reason: Reason | None) -> Json | None:
    return reasons_json([reason])[0] if reason else None


def history_json(entry: HistoryEntry) -> Json:
    return {
        "at": to_text(entry.at),
        "actor": entry.actor,
        "rule": entry.rule,
        "sentence": entry.sentence,
        "fields": list(entry.fields),
        "lost": dict(entry.lost),
    }


def delivery_json(delivery: Delivery) -> Json:
    message = delivery.message
    return {
        "id": message.id,
        "type": message.type,
        "at": to_text(message.at),
        "data": dict(message.body),
        "status": delivery.status,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error or None,
        "delivered_at": to_text(delivery.delivered_at) if delivery.delivered_at else None,
    }


def items(found: Iterable[Json], following: str | None = None) -> Json:
    """A listing: `next` is a path to fetch as it stands, or null."""
    return {"items": list(found), "next": following}
