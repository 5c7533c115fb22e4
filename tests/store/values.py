"""Rows to begin with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from shared.model import (
    APP,
    CANCELLED,
    Access,
    Account,
    Attendee,
    Base,
    Calendar,
    Connection,
    ConnectionStatus,
    Content,
    Event,
    HostMessage,
    Link,
    OverrideLink,
    Owner,
    Policy,
    Reason,
    Reminder,
    Series,
    Span,
    ZonedTime,
)
from shared.store.events import Record

NOON = datetime(2027, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def connection(name: str, **more: Any) -> Connection:
    given: dict[str, Any] = {
        "owner": Owner("org|%", f"user {name}"),
        "provider": "google",
        "status": ConnectionStatus.PENDING,
        "created_at": NOON,
        "updated_at": NOON,
        "account": Account(f"account {name}", f"{name}@example.com", f"mailbox of {name}"),
        "policy": Policy(default_reminder=30),
        "reasons": (Reason("code", "A sentence.", "https://help.example.com/"),),
        "return_to": "https://page.example.com/",
    }
    return Connection(id=f"con_{name}", **{**given, **more})


def calendar(key: str, **more: Any) -> Calendar:
    given: dict[str, Any] = {
        "connection_id": f"con_{key}",
        "owner": Owner("org", key),
        "remote_id": f"{key}@example.com",
        "name": "Calendar",
        "zone": "Europe/Berlin",
        "access": Access.OWNER,
    }
    return Calendar(id=f"con_{key}.cal", **{**given, **more})


def series(title: str = "Visit", day: int = 1, **more: Any) -> Series:
    start = datetime(2027, 3, day, 9)  # noqa: DTZ001
    span = Span(ZonedTime(start, "Europe/Berlin"), ZonedTime(start + timedelta(hours=1), "Europe/Berlin"))
    return Series(Content(**{"span": span, "title": title, **more}))


def rich() -> Series:
    """Something of everything."""
    plain = series(
        "Dr. Müller 🩺\u2028",
        description="line\r\nline",
        attendees=(Attendee("Anna@Example.com", "Anna"),),
        reminders=(Reminder(10), Reminder(1440, "email")),
    )
    moved = replace(plain.content, span=Span(date(2027, 3, 8), date(2027, 3, 9)), reminders=())
    overrides = {"20270308T080000Z": moved, "20270315T080000Z": CANCELLED}
    return Series(plain.content, ("RRULE:FREQ=WEEKLY;COUNT=6",), MappingProxyType(overrides))


def event(event_id: str, owner: Owner, **more: Any) -> Event:
    given: dict[str, Any] = {"series": series(), "origin": APP, "version": 1, "updated_at": NOON}
    return Event(id=event_id, owner=owner, **{**given, **more})


def link(calendar_id: str, remote_id: str, event_id: str, **more: Any) -> Link:
    given: dict[str, Any] = {
        "etag": '"1"',
        "base": Base({"title": "abcdefgh", "span": "ijklmnop"}, {"title": "abcdefgh"}),
        "overrides": MappingProxyType({"20270308T080000Z": OverrideLink("r_1", "", Base({"cancelled": "yes"}, {}))}),
    }
    return Link(calendar_id=calendar_id, remote_id=remote_id, event_id=event_id, **{**given, **more})


def record(one: Event, **more: Any) -> Record:
    return Record(owner=one.owner, event_id=one.id, event=one, **more)


def notice(name: str, number: int = 1) -> HostMessage:
    body = {"id": name, "nested": [{"rule": "created"}], "version": number}
    return HostMessage(id=f"msg_{number:04d}", org=f"org {name}", type="event.created", at=NOON, body=body)
