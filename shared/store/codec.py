"""Rows ↔ nouns. Nested values are compact JSON; nothing but `shared.store` knows these forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple
from datetime import datetime
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from shared.clock import from_text, to_text
from shared.event_storage import decode_series, encode_series
from shared.model import (
    Access,
    Account,
    Base,
    Brake,
    Calendar,
    Checkpoint,
    Connection,
    ConnectionStatus,
    Event,
    HistoryEntry,
    HostMessage,
    Link,
    OnExternal,
    Organization,
    OverrideLink,
    Owner,
    Policy,
    Privacy,
    Reason,
    Subscription,
    SyncPhase,
)
from shared.store.tables import (
    CalendarRow,
    ConnectionRow,
    DeliveryRow,
    EventRow,
    HistoryRow,
    LinkRow,
    shard_of,
)
from shared.sync.fingerprint import joined, split

HISTORY_DAYS = 400
TOMBSTONE_DAYS = 90
DELIVERY_DAYS = 30
RECEIPT_DAYS = 90
DAY_SECONDS = 86400


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def owner_key(owner: Owner) -> str:
    """One string for an owner: the two ids with a separator that is escaped inside them."""
    return f"{owner.org.replace('%', '%25').replace('|', '%7C')}|{owner.user_id}"


def event_key(owner: Owner, event_id: str) -> str:
    return f"{event_id}|{owner_key(owner)}"


def account_key(provider: str, account: Account) -> str:
    return f"{provider}|{account.id}"


def _instant(text: str | None) -> datetime | None:
    return from_text(text) if text else None


def _text(instant: datetime | None) -> str | None:
    return to_text(instant) if instant else None


# --- connections ---------------------------------------------------------------------------------------------------


def connection_of_row(row: ConnectionRow) -> Connection:
    return Connection(
        id=row.id,
        owner=Owner(row.org, row.user_id or ""),
        provider=row.provider,
        status=ConnectionStatus(row.status),
        created_at=from_text(row.created_at),
        updated_at=from_text(row.updated_at),
        version=int(row.version),
        account=Account(row.account_id, row.account_name or "", row.account_mailbox or "") if row.account_id else None,
        policy=policy_of(json.loads(row.policy)),
        reasons=reasons_of(row.reasons),
        return_to=row.return_to or "",
        due_at=_instant(row.due_at),
        receipt=json.loads(row.receipt) if row.receipt else None,
        organization=_organization(row.organization),
        member_of=row.member_of or "",
        mailbox=row.mailbox or "",
        enabled=row.enabled is not False,
        leaving=bool(row.leaving),
        in_step=bool(row.in_step),
    )


def connection_values(connection: Connection) -> dict[str, Any]:
    """Every attribute of a connection's row but its key, its version and its secret part."""
    account = connection.account
    closed = connection.status is ConnectionStatus.DISCONNECTED and not connection.member_of
    return {
        "owner": owner_key(connection.owner),
        "org": connection.owner.org,
        "user_id": connection.owner.user_id or None,
        "provider": connection.provider,
        "status": connection.status.value,
        "account_key": account_key(connection.provider, account) if account else None,
        "account_id": account.id if account else None,
        "account_name": account.name if account else None,
        "account_mailbox": account.mailbox or None if account else None,
        "policy": compact(asdict(connection.policy)),
        "reasons": compact([astuple(reason) for reason in connection.reasons]),
        "return_to": connection.return_to or None,
        "receipt": compact(connection.receipt) if connection.receipt is not None else None,
        "created_at": to_text(connection.created_at),
        "updated_at": to_text(connection.updated_at),
        "expires_at_s": int(connection.updated_at.timestamp()) + RECEIPT_DAYS * DAY_SECONDS if closed else None,
        "due_shard": shard_of(connection.id) if connection.due_at else None,
        "due_at": _text(connection.due_at),
        "organization": _organization_text(connection.organization),
        "member_of": connection.member_of or None,
        "mailbox": connection.mailbox or None,
        "enabled": None if connection.enabled else False,
        "leaving": connection.leaving or None,
        "in_step": connection.in_step or None,
    }


_INSTANTS = ("authorized_at", "secret_ends_at")


def _organization(text: str | None) -> Organization | None:
    if not text:
        return None
    members = json.loads(text)
    instants = {name: _instant(members[name]) for name in _INSTANTS}
    return Organization(**{**members, **instants, "reaches": tuple(members["reaches"])})


def _organization_text(organization: Organization | None) -> str | None:
    if organization is None:
        return None
    instants = {name: _text(getattr(organization, name)) for name in _INSTANTS}
    return compact({**asdict(organization), **instants})


def policy_of(members: Mapping[str, Any]) -> Policy:
    return Policy(
        default_reminder=members["default_reminder"],
        invite_attendees=members["invite_attendees"],
        on_external_change=OnExternal(members["on_external_change"]),
        on_external_delete=OnExternal(members["on_external_delete"]),
        privacy=Privacy(members["privacy"]),
    )


def reasons_of(text: str) -> tuple[Reason, ...]:
    return tuple(Reason(*members) for members in json.loads(text))


# --- calendars -----------------------------------------------------------------------------------------------------


def calendar_of_row(row: CalendarRow) -> Calendar:
    checkpoint = json.loads(row.checkpoint)
    return Calendar(
        id=row.id,
        connection_id=row.connection_id,
        owner=Owner(row.org, row.user_id),
        remote_id=row.remote_id,
        name=row.name,
        zone=row.zone,
        access=Access(row.access),
        primary=bool(row.primary),
        resource=bool(row.resource),
        main=row.main,
        bookings=row.bookings,
        busy=row.busy,
        sync=row.sync,
        watchable=row.watchable,
        subscription=_subscription(row.subscription),
        checkpoint=Checkpoint(
            **{**checkpoint, "phase": SyncPhase(checkpoint["phase"]), "brake": Brake(checkpoint.get("brake", Brake.ON))}
        ),
        reasons=reasons_of(row.reasons),
        synced_from_ms=int(row.synced_from_ms),
        last_sync_at=_instant(row.last_sync_at),
        due_at=_instant(row.due_at),
        parked_until=_instant(row.parked_until),
        version=int(row.version),
    )


def calendar_row(calendar: Calendar, version: int) -> CalendarRow:
    subscription = calendar.subscription
    return CalendarRow(
        calendar.connection_id,
        calendar.id,
        org=calendar.owner.org,
        user_id=calendar.owner.user_id,
        remote_id=calendar.remote_id,
        name=calendar.name,
        zone=calendar.zone,
        access=calendar.access.value,
        primary=calendar.primary,
        resource=calendar.resource,
        main=calendar.main,
        bookings=calendar.bookings,
        busy=calendar.busy,
        sync=calendar.sync,
        watchable=calendar.watchable,
        subscription=compact(
            [
                subscription.id,
                subscription.resource_id,
                to_text(subscription.expires_at),
                to_text(subscription.renew_at),
                subscription.key,
            ]
        )
        if subscription
        else None,
        checkpoint=compact(asdict(calendar.checkpoint)),
        reasons=compact([astuple(reason) for reason in calendar.reasons]),
        synced_from_ms=calendar.synced_from_ms,
        last_sync_at=_text(calendar.last_sync_at),
        parked_until=_text(calendar.parked_until),
        due_shard=shard_of(calendar.id) if calendar.due_at else None,
        due_at=_text(calendar.due_at),
        version=version,
    )


def _subscription(text: str | None) -> Subscription | None:
    if not text:
        return None
    identifier, resource_id, expires_at, renew_at, *key = json.loads(text)
    return Subscription(
        id=identifier,
        resource_id=resource_id,
        expires_at=from_text(expires_at),
        renew_at=from_text(renew_at),
        key=key[0] if key else "",
    )


# --- events, links -------------------------------------------------------------------------------------------------


def event_of_row(row: EventRow) -> Event:
    org, _, user_id = row.owner.partition("|")
    return Event(
        id=row.id,
        owner=Owner(org.replace("%7C", "|").replace("%25", "%"), user_id),
        series=decode_series(row.series),
        origin=row.origin,
        version=int(row.version),
        updated_at=from_text(row.updated_at),
        deleted=row.deleted,
    )


def event_row(event: Event, ends_at: datetime | None) -> EventRow:
    """`ends_at` None: the series is endless."""
    expires = int(event.updated_at.timestamp()) + TOMBSTONE_DAYS * DAY_SECONDS if event.deleted else None
    return EventRow(
        owner_key(event.owner),
        event.id,
        series=encode_series(event.series),
        origin=event.origin,
        ends_at=None if event.deleted else to_text(ends_at) if ends_at else ENDLESS,
        deleted=event.deleted,
        updated_at=to_text(event.updated_at),
        expires_at_s=expires,
        version=event.version,
    )


ENDLESS = "9999"
UNREAD = "-"
"""Stands in a link for the event of a record that could not be read; no event has this id."""


def link_of_row(row: LinkRow) -> Link:
    overrides = json.loads(row.overrides) if row.overrides else {}
    return Link(
        calendar_id=row.calendar_id,
        remote_id=row.remote_id,
        event_id="" if row.event_id == UNREAD else row.event_id,
        occurrence=row.occurrence or "",
        etag=row.etag or "",
        base=_base(*json.loads(row.base)),
        overrides=MappingProxyType(
            {start: OverrideLink(item[0], item[1], _base(*item[2:])) for start, item in overrides.items()}
        ),
        problem=row.problem or "",
        seen=row.seen or "",
    )


def link_row(link: Link) -> LinkRow:
    overrides = {
        start: [item.remote_id, item.etag, joined(item.base.local), joined(item.base.remote)]
        for start, item in link.overrides.items()
    }
    return LinkRow(
        link.calendar_id,
        link.remote_id,
        event_id=link.event_id or UNREAD,
        occurrence=link.occurrence or None,
        etag=link.etag or None,
        base=compact([joined(link.base.local), joined(link.base.remote)]),
        overrides=compact(overrides) if overrides else None,
        problem=link.problem or None,
        seen=link.seen or None,
    )


def _base(local: str, remote: str) -> Base:
    return Base(split(local), split(remote))


# --- history, notices ----------------------------------------------------------------------------------------------


def history_row(owner: Owner, event_id: str, version: int, number: int, entry: HistoryEntry) -> HistoryRow:
    return HistoryRow(
        event_key(owner, event_id),
        history_key(version, number, entry),
        actor=entry.actor,
        rule=entry.rule,
        sentence=entry.sentence,
        fields=compact(entry.fields),
        lost=compact(dict(entry.lost)),
        version=version,
        expires_at_s=int(entry.at.timestamp()) + HISTORY_DAYS * DAY_SECONDS,
    )


def history_key(version: int, number: int, entry: HistoryEntry) -> str:
    """Sorts by time. Entries of one instant, such as those of two occurrences, are told apart; the same entry has the
    same key."""
    said = compact([entry.actor, entry.rule, entry.sentence, entry.fields, dict(entry.lost)])
    return f"{to_text(entry.at)}#{version:08d}.{number}.{blake2b(said.encode(), digest_size=4).hexdigest()}"


def history_of_row(row: HistoryRow) -> HistoryEntry:
    return HistoryEntry(
        at=from_text(row.at.partition("#")[0]),
        actor=row.actor,
        rule=row.rule,
        sentence=row.sentence,
        fields=tuple(json.loads(row.fields)),
        lost=json.loads(row.lost),
    )


def delivery_row(message: HostMessage, due_at: datetime) -> DeliveryRow:
    return DeliveryRow(
        message.org,
        message.id,
        type=message.type,
        at=to_text(message.at),
        body=compact(dict(message.body)),
        status="queued",
        attempts=0,
        due_shard=shard_of(message.id),
        due_at=to_text(due_at),
        expires_at_s=int(message.at.timestamp()) + DELIVERY_DAYS * DAY_SECONDS,
    )


def message_of_row(row: DeliveryRow) -> HostMessage:
    return HostMessage(id=row.id, org=row.org, type=row.type, at=from_text(row.at), body=json.loads(row.body))
