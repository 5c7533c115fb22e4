"""What the host app is told: notices that name what changed and leave the text to be fetched.

A notice carries ids, versions and reasons, never a title or an address: it crosses another network, is kept for a
month, and a title that becomes private must not remain in it. The host app fetches the event by its id.
"""

from __future__ import annotations

from datetime import datetime

from shared.keys import message_id
from shared.model import Calendar, Connection, Event, HistoryEntry, HostMessage

NEW_AGAIN = ("created", "revive")
"""Rules by which an event that was deleted is there again."""


def event_notice(event: Event, at: datetime, history: tuple[HistoryEntry, ...]) -> HostMessage:
    """`event.created`, `event.updated` or `event.deleted`, by the event as it now is."""
    new = event.version == 1 or any(entry.rule in NEW_AGAIN for entry in history)
    kind = "deleted" if event.deleted else "created" if new else "updated"
    return HostMessage(
        id=message_id(at, event.owner.org, event.owner.user_id, event.id, str(event.version)),
        org=event.owner.org,
        type=f"event.{kind}",
        at=at,
        body={
            "id": event.id,
            "user_id": event.owner.user_id,
            "version": event.version,
            "origin": event.origin,
            "reasons": [
                {"rule": entry.rule, "sentence": entry.sentence, "fields": list(entry.fields)} for entry in history
            ],
        },
    )


def connection_notice(connection: Connection, kind: str, at: datetime) -> HostMessage:
    """`connection.active`, `connection.reconnect_required`, `connection.disconnected` or `connection.held`."""
    return HostMessage(
        id=message_id(at, connection.id, kind, str(connection.version)),
        org=connection.owner.org,
        type=f"connection.{kind}",
        at=at,
        body={
            "id": connection.id,
            "user_id": connection.owner.user_id,
            "provider": connection.provider,
            "reasons": [{"code": reason.code, "sentence": reason.sentence} for reason in connection.reasons],
        },
    )


def first_sync_notice(calendar: Calendar, at: datetime) -> HostMessage:
    """`sync.completed`: one notice for a whole first sync, in place of one for each event it took in."""
    return HostMessage(
        id=message_id(at, calendar.id, "sync.completed"),
        org=calendar.owner.org,
        type="sync.completed",
        at=at,
        body={
            "connection_id": calendar.connection_id,
            "calendar_id": calendar.id,
            "user_id": calendar.owner.user_id,
            "events": calendar.checkpoint.done,
        },
    )
