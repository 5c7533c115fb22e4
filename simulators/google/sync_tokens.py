"""Page tokens and sync tokens: opaque to the caller, checked when they come back.

A sync token remembers the change number at which its listing began, so nothing that happens while somebody pages is
lost. It also remembers the parameters: a later call with other ones is refused, where Google only says "undefined".
"""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from simulators.google import errors
from simulators.google.model import Calendar
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

FORBIDDEN = (
    *("iCalUID", "orderBy", "privateExtendedProperty", "sharedExtendedProperty"),
    *("q", "timeMin", "timeMax", "updatedMin"),
)
"""Parameters that may not come with a sync token."""
_FREE = frozenset(
    {"pageToken", "syncToken", "alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"}
)


@dataclass(frozen=True)
class SyncPoint:
    calendar: str
    change: int
    epoch: int
    issued_at: float
    parameters: str
    time_min: str | None
    time_max: str | None


@dataclass(frozen=True)
class PagePoint:
    calendar: str
    change: int
    """The change number when the first page was asked for."""
    after: tuple[Any, ...]
    parameters: str


def write(kind: str, point: SyncPoint | PagePoint) -> str:
    text = json.dumps([kind, asdict(point)], separators=(",", ":")).encode()
    sealed = zlib.crc32(text).to_bytes(4, "big") + zlib.compress(text)
    return base64.urlsafe_b64encode(sealed).decode()


def read_sync(world: GoogleWorld, calendar: Calendar, query: Mapping[str, Any]) -> SyncPoint | None:
    """The point to go on from, or None without a token. 400 for a misuse, 410 for a dead token."""
    token = query.get("syncToken")
    if token is None:
        return None
    for name in FORBIDDEN:
        if name in query:
            raise errors.bad_request(f"Sync token cannot be used with query restrictions. ({name})")
    if query.get("showDeleted") is False:
        raise errors.bad_request("showDeleted=false cannot be used with a sync token.")
    point = SyncPoint(**_read("sync", token, "syncToken"))
    if point.calendar != calendar.id:
        raise errors.invalid("Invalid sync token value.", "syncToken")
    age_days = (world.seconds() - point.issued_at) / 86_400
    if point.epoch != calendar.token_epoch or age_days > world.settings.sync_token_days:
        raise errors.full_sync_required()
    if point.parameters != fingerprint(query, without=(*FORBIDDEN, "showDeleted")):
        raise errors.bad_request(
            "The query parameters differ from those of the initial listing. (Google calls this undefined behavior; "
            "the simulator refuses it.)"
        )
    return point


def read_list_sync(world: GoogleWorld, subject: str, token: str) -> SyncPoint:
    """A token of a calendar list."""
    point = SyncPoint(**_read("sync", token, "syncToken"))
    if point.calendar != subject:
        raise errors.invalid("Invalid sync token value.", "syncToken")
    if (world.seconds() - point.issued_at) / 86_400 > world.settings.sync_token_days:
        raise errors.full_sync_required()
    return point


def read_page(calendar_id: str, query: Mapping[str, Any]) -> PagePoint | None:
    token = query.get("pageToken")
    if token is None:
        return None
    found = _read("page", token, "pageToken")
    point = PagePoint(**(found | {"after": _as_tuple(found["after"])}))
    if point.calendar != calendar_id or point.parameters != page_fingerprint(query):
        raise errors.invalid("Invalid page token value.", "pageToken")
    return point


def fingerprint(query: Mapping[str, Any], *, without: tuple[str, ...] = ()) -> str:
    """The parameters that must stay the same, in short. An explicit default counts like a missing one."""
    usual = {"singleEvents": False, "showDeleted": False, "maxResults": 250, "showHiddenInvitations": False}
    kept = {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in query.items()
        if name not in _FREE and name not in without and usual.get(name) != value
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def page_fingerprint(query: Mapping[str, Any]) -> str:
    return fingerprint(query) + hashlib.sha256(str(query.get("syncToken", "")).encode()).hexdigest()[:8]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(tuple(v) if isinstance(v, list) else v for v in value)


def _read(kind: str, token: str, location: str) -> Json:
    try:
        sealed = base64.urlsafe_b64decode(token.encode())
        text = zlib.decompress(sealed[4:])
        found_kind, point = json.loads(text)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise errors.invalid("Invalid sync token value." if kind == "sync" else "Invalid value", location) from error
    if found_kind != kind or zlib.crc32(text).to_bytes(4, "big") != sealed[:4]:
        raise errors.invalid("Invalid sync token value." if kind == "sync" else "Invalid value", location)
    fields: Json = point
    return fields
