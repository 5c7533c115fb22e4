"""What the API shows of connections, calendars, history and deliveries: the contract's JSON, read-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from shared.clock import to_text
from shared.model import (
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


def connection_json(connection: Connection, calendars: Sequence[Calendar], now: datetime) -> Json:
    synced = [calendar for calendar in calendars if calendar.sync]
    reasons = [*connection.reasons, *(reason for calendar in synced for reason in calendar.reasons)]
    synced_at = [calendar.last_sync_at for calendar in synced]
    known = [at for at in synced_at if at is not None]
    pushed = bool(synced) and all(_pushed(calendar, now) for calendar in synced)
    return {
        "id": connection.id,
        "user_id": connection.owner.user_id,
        "provider": connection.provider,
        "account": connection.account.name if connection.account else None,
        "status": connection.status.value,
        "reasons": _reasons(reasons),
        "created_at": to_text(connection.created_at),
        "last_sync_at": to_text(min(known)) if known and len(known) == len(synced_at) else None,
        "push": "active" if pushed else "polling",
        "sync": _progress(connection, synced),
        **asdict(connection.policy),
        "receipt": dict(connection.receipt) if connection.receipt is not None else None,
    }


def _pushed(calendar: Calendar, now: datetime) -> bool:
    return calendar.subscription is not None and calendar.subscription.expires_at > now


def _progress(connection: Connection, synced: Sequence[Calendar]) -> Json:
    """`state`: `waiting` (nothing listed yet), `running`, `done`; `total` is null while it is not known."""
    done = sum(calendar.checkpoint.done for calendar in synced)
    totals = [calendar.checkpoint.total for calendar in synced]
    total = sum(value for value in totals if value is not None) if None not in totals else None
    if connection.status is not ConnectionStatus.ACTIVE or not synced:
        return {"state": "waiting", "done": 0, "total": None}
    finished = all(calendar.checkpoint.phase is SyncPhase.DELTA for calendar in synced)
    return {"state": "done" if finished else "running", "done": done, "total": total if finished else None}


def calendar_json(calendar: Calendar, now: datetime, problems: Iterable[Link] = ()) -> Json:
    return {
        "id": calendar.id,
        "connection_id": calendar.connection_id,
        "name": calendar.name,
        "time_zone": calendar.zone,
        "access": calendar.access.value,
        "main": calendar.main,
        "bookings": calendar.bookings,
        "busy": calendar.busy,
        "sync": calendar.sync,
        "push": "active" if _pushed(calendar, now) else "polling",
        "watchable": calendar.watchable,
        "last_sync_at": to_text(calendar.last_sync_at) if calendar.last_sync_at else None,
        "reasons": _reasons(calendar.reasons),
        "problems": [{"event_id": link.event_id or None, "sentence": link.problem} for link in problems],
    }


def _reasons(reasons: Iterable[Reason]) -> list[Json]:
    return [{"code": reason.code, "sentence": reason.sentence} for reason in dict.fromkeys(reasons)]


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
