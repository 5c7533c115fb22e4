"""The stored form of an event's substance: one byte that names the format, then compressed JSON.

`decode_series(encode_series(series)) == series`, whatever its texts hold. What is at its default is left out.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from shared.model import (
    CANCELLED,
    Attendee,
    Cancelled,
    Content,
    EventStatus,
    Override,
    Reminder,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    When,
    ZonedTime,
)

_FORMAT: Final = b"\x01"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_series(series: Series) -> bytes:
    stored = {
        "content": _content(series.content),
        "recurrence": list(series.recurrence),
        "overrides": {key: _override(series.overrides[key]) for key in sorted(series.overrides)},
    }
    text = _encode({name: value for name, value in stored.items() if value})
    return _FORMAT + zlib.compress(text.encode("utf-8", "surrogatepass"))


def decode_series(stored: bytes) -> Series:
    """Raises ValueError for a format that this version does not know."""
    if stored[:1] != _FORMAT:
        raise ValueError("The event is stored in a format that this version does not know.")
    read = json.loads(zlib.decompress(stored[1:]).decode("utf-8", "surrogatepass"))
    overrides = {key: _read_override(value) for key, value in read.get("overrides", {}).items()}
    return Series(_read_content(read["content"]), tuple(read.get("recurrence", ())), MappingProxyType(overrides))


def _content(content: Content) -> Mapping[str, object]:
    plain = Content(span=content.span)
    stored: dict[str, object] = {"start": _when(content.span.start), "end": _when(content.span.end)}
    for name in ("title", "description", "location", "visibility", "show_as", "status"):
        if getattr(content, name) != getattr(plain, name):
            stored[name] = getattr(content, name)
    if content.attendees:
        stored["attendees"] = [[each.email, each.name, each.response, each.optional] for each in content.attendees]
    if content.reminders is not None:
        stored["reminders"] = [[each.minutes, each.method] for each in content.reminders]
    return stored


def _when(when: When) -> str | list[str]:
    return [when.local.isoformat(), when.zone] if isinstance(when, ZonedTime) else when.isoformat()


def _override(override: Override) -> object:
    return None if isinstance(override, Cancelled) else _content(override)


def _read_content(stored: Mapping[str, Any]) -> Content:
    reminders = stored.get("reminders")
    return Content(
        span=Span(_read_when(stored["start"]), _read_when(stored["end"])),
        title=stored.get("title", ""),
        description=stored.get("description", ""),
        location=stored.get("location", ""),
        visibility=Visibility(stored.get("visibility", Visibility.DEFAULT)),
        show_as=ShowAs(stored.get("show_as", ShowAs.BUSY)),
        status=EventStatus(stored.get("status", EventStatus.CONFIRMED)),
        attendees=tuple(
            Attendee(email, name, Response(response), optional)
            for email, name, response, optional in stored.get("attendees", ())
        ),
        reminders=None if reminders is None else tuple(Reminder(minutes, method) for minutes, method in reminders),
    )


def _read_when(stored: str | list[str]) -> When:
    if isinstance(stored, str):
        return date.fromisoformat(stored)
    local, zone = stored
    return ZonedTime(datetime.fromisoformat(local), zone)


def _read_override(stored: Mapping[str, Any] | None) -> Override:
    return CANCELLED if stored is None else _read_content(stored)
