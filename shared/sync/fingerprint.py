"""Short hashes of an event's fields: what the merge compares instead of keeping copies of text.

`fingerprint_series` and `fingerprint_override` give one hash per unit of the merge. Two values with equal hashes are
the same to people: line ends, the order of attendees and the case of addresses do not count. A hash has 48 bits; it
is only ever compared with the previous value of the same field, so a chance match is one in 2^48.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import date

from shared.model import (
    CONTENT_FIELDS,
    SERIES_FIELDS,
    Attendee,
    Cancelled,
    Content,
    Fingerprint,
    Override,
    Reminder,
    Span,
    ZonedTime,
)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

FOLLOWS: Fingerprint = {}
"""The fingerprint of an occurrence without override: it follows its series."""

CANCELLED_FINGERPRINT: Fingerprint = {"cancelled": "yes"}


_ABSENT = "--------"


def fingerprint_value(value: object) -> str:
    """Hash one field's value (any value a `Content` or a recurrence can hold)."""
    text = _encode(plain_value(value))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode()


def fingerprint_fields(values: Mapping[str, object]) -> Fingerprint:
    return {name: fingerprint_value(value) for name, value in values.items()}


def fingerprint_content(content: Content) -> Fingerprint:
    return {name: fingerprint_value(getattr(content, name)) for name in CONTENT_FIELDS}


def fingerprint_series(content: Content, recurrence: tuple[str, ...]) -> Fingerprint:
    """The event as a whole, without its overrides (each of those is a unit of its own)."""
    return {**fingerprint_content(content), "recurrence": fingerprint_value(recurrence)}


def fingerprint_override(override: Override | None) -> Fingerprint:
    """One occurrence: `FOLLOWS` for none, a mark for a cancelled one, else one hash per field."""
    match override:
        case None:
            return FOLLOWS
        case Cancelled():
            return CANCELLED_FINGERPRINT
        case Content():
            return fingerprint_content(override)


def joined(fingerprint: Fingerprint) -> str:
    """As one text: eight characters per field in a fixed order; a cancelled occurrence is the word, no override is
    nothing."""
    if not fingerprint or "cancelled" in fingerprint:
        return "".join(fingerprint)
    return "".join(fingerprint.get(name) or _ABSENT for name in SERIES_FIELDS)


def split(text: str) -> Fingerprint:
    """What `joined` made of it."""
    if text in ("", "cancelled"):
        return CANCELLED_FINGERPRINT if text else FOLLOWS
    parts = {name: text[at * 8 : at * 8 + 8] for at, name in enumerate(SERIES_FIELDS)}
    return {name: part for name, part in parts.items() if part != _ABSENT}


def plain_value(value: object) -> object:
    """A field's value as JSON can hold it, with what people would not notice evened out."""
    match value:
        case str():
            return value.replace("\r\n", "\n")
        case Span():
            return [plain_value(value.start), plain_value(value.end)]
        case ZonedTime():
            return [value.local.isoformat(), value.zone]
        case date():
            return value.isoformat()
        case Attendee():
            return [value.email.lower(), value.name, value.response, value.optional]
        case Reminder():
            return [value.minutes, value.method]
        case tuple():
            plain = [plain_value(item) for item in value]
            return sorted(plain, key=str) if value and isinstance(value[0], Attendee | Reminder) else plain
        case _:
            return value
