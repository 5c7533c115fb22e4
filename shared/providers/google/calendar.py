"""One Google account's calendars: the `CalendarApi` of the port.

Every write says `sendUpdates=none`, so that nobody is mailed. A copy's id is derived from its key, so that creating
twice makes one copy; as Google never gives a deleted id free, a copy that is made anew takes the key's next
*incarnation*. A cursor is our own JSON: Google's tokens and what has to be repeated beside them.
"""

from __future__ import annotations

import json
from base64 import b32hexencode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from shared.calendar.recurrence import parse_original_start
from shared.errors import CursorExpired, EventRejected, RetryLater, VersionConflict
from shared.model import (
    CANCELLED,
    Access,
    Cancelled,
    Complete,
    More,
    OriginalStart,
    Page,
    Policy,
    Privacy,
    RemoteCalendar,
    RemoteEvent,
    RemoteOverride,
    Series,
)
from shared.providers.base import Answer, CopyChange, CopyWrite, FromStart, NewCopy, OccurrenceChange, Position
from shared.providers.google import convert, projection
from shared.providers.google.errors import DUPLICATE, EVENT_GONE, Subject
from shared.providers.google.wire import Wire
from shared.providers.single_writes import write_one_by_one

PAGE_SIZE: Final = 250
"""Events per page: Google's default. A larger page is hardly cheaper, and lost work after a crash is a page's worth."""

INCARNATIONS: Final = 8
"""How often one copy may be deleted by hand and made anew."""

_MAIL_NOBODY: Final = {"sendUpdates": "none"}
_EVENT_TYPES: Final = ["default", "focusTime", "fromGmail", "outOfOffice"]
_ACCESS: Final = {
    "owner": Access.OWNER,
    "writer": Access.WRITER,
    "writerWithoutPrivateAccess": Access.WRITER,
    "reader": Access.READER,
}


_OF_RESOURCES: Final = "@resource.calendar.google.com"
"""How the addresses of rooms and equipment end (Directory API, `resources.calendars`: `resourceEmail`)."""


class GoogleCalendars:
    """See `shared.providers.base.CalendarApi`. With busy-only `privacy` no event's text is read."""

    def __init__(self, wire: Wire, *, privacy: Privacy) -> None:
        self._wire = wire
        self._privacy = privacy
        self._zones: dict[str, str] = {}

    # --- reading ---------------------------------------------------------------------------------------------------

    def list_calendars(self) -> tuple[RemoteCalendar, ...]:
        calendars: list[RemoteCalendar] = []
        token: str | None = None
        while True:
            answer = self._wire.calendars("list", Subject.ACCOUNT, showHidden=False, pageToken=token)
            calendars.extend(_read_calendar(entry) for entry in answer.get("items", ()) if not entry.get("deleted"))
            token = answer.get("nextPageToken")
            if not token:
                return tuple(calendars)

    def fetch_page(self, calendar: str, position: Position) -> Page:
        """See the port. `singleEvents` is false, so that a series is one record; its cancelled occurrences are listed
        even without `showDeleted`, and with a sync token deletions always are (events.list reference)."""
        cursor = _Cursor(since=_rfc3339(position.since)) if isinstance(position, FromStart) else _parse(position.cursor)
        answer = self._wire.events(
            "list",
            Subject.CALENDAR if isinstance(position, FromStart) else Subject.CURSOR,
            calendarId=calendar,
            singleEvents=False,
            maxResults=PAGE_SIZE,
            eventTypes=_EVENT_TYPES,
            timeMin=cursor.since,
            syncToken=cursor.sync_token,
            pageToken=cursor.page_token,
        )
        zone = self._zones[calendar] = answer.get("timeZone") or "UTC"
        changes = convert.read_page(answer.get("items", ()), zone=zone, privacy=self._privacy)
        return Page(changes, cursor.after(answer))

    def fetch_event(
        self, calendar: str, remote_id: str, occurrences: tuple[OriginalStart, ...] = ()
    ) -> RemoteEvent | None:
        raw = self._get(calendar, remote_id)
        if raw is None or convert.is_cancelled(raw):
            return None
        exceptions = [found for key in occurrences if (found := self._find_occurrence(calendar, remote_id, key))]
        return self._read(calendar, raw, exceptions)

    def find_copy(self, calendar: str, key: str) -> str | None:
        for remote_id in _incarnations(key):
            raw = self._get(calendar, remote_id)
            if raw is None:
                return None
            if not convert.is_cancelled(raw):
                return remote_id
        return None

    def owns(self, key: str, remote: RemoteEvent) -> bool:
        return self.gave_id(key, remote.remote_id)

    def gave_id(self, key: str, remote_id: str) -> bool:
        return remote_id in _incarnations(key)

    def project(self, series: Series, policy: Policy) -> Series:
        return projection.project(series, policy)

    def cannot_repeat(self, series: Series) -> str:  # noqa: ARG002 (Google keeps recurrence lines as they are)
        return ""

    def secret(self) -> bytes | None:
        return self._wire.secret()

    # --- writing ---------------------------------------------------------------------------------------------------

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        """See the port. A 409 applies nothing of the body (events.insert reference), so the copy that was there first
        is returned as it is, and the caller brings it up to date."""
        for remote_id in _incarnations(copy.key):
            body = convert.write_event(copy.series, remote_id=remote_id, event_id=copy.tag)
            try:
                raw: dict[str, Any] | None = self._wire.events(
                    "insert", Subject.NEW_EVENT, calendarId=calendar, body=body, **_MAIL_NOBODY
                )
            except EventRejected as error:
                if error.code != DUPLICATE:
                    raise
                raw = self._get(calendar, remote_id)
            if raw is not None and not convert.is_cancelled(raw):
                return self._read(calendar, raw)
        raise EventRejected("The event was deleted by hand too often to be made again.", code="deleted_too_often")

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        raw = self._patch(calendar, change.remote_id, change.etag, dict(change.fields))
        return self._read(calendar, raw)

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> RemoteOverride:
        """See the port. An occurrence is cancelled by its status (page "Recurring events"), and taken back likewise."""
        cancels = isinstance(change.change, Cancelled)
        occurrence_id, found = change.occurrence_id, None
        if not occurrence_id:
            found = self._find_occurrence(calendar, change.remote_id, change.original_start)
            if found is None and cancels:
                return RemoteOverride("", "", CANCELLED)
            if found is None:
                raise EventRejected("The series has no such occurrence at Google.", code="no_such_occurrence")
            occurrence_id = found["id"]
        if isinstance(change.change, Cancelled):
            raw = self._send_patch(calendar, occurrence_id, change.etag, {"status": "cancelled"})
        else:
            raw = self._patch(calendar, occurrence_id, change.etag, dict(change.change), held=found)
        try:
            zone = self._zone_for(calendar, raw)
            return convert.read_override(raw, zone=zone, withhold=self._privacy is Privacy.BUSY_ONLY)[1]
        except convert.UNREADABLE:
            raise _unreadable() from None

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        try:
            self._wire.events(
                "delete", Subject.EVENT, if_match=etag, calendarId=calendar, eventId=remote_id, **_MAIL_NOBODY
            )
        except VersionConflict as error:
            if error.code != EVENT_GONE:
                raise

    def write_all(self, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
        """See the port. Google counts each part of a batch as a call of its own."""
        return write_one_by_one(self, calendar, writes)

    # --- single records --------------------------------------------------------------------------------------------

    def _get(self, calendar: str, remote_id: str) -> dict[str, Any] | None:
        """The record, also of a deleted event as long as Google keeps it. None only if the calendar itself answers:
        404 means "never existed or no access", and lost access must not look like thousands of deletions."""
        try:
            return self._wire.events("get", Subject.EVENT, calendarId=calendar, eventId=remote_id)
        except VersionConflict as error:
            if error.code != EVENT_GONE:
                raise
        self._wire.events("list", Subject.CALENDAR, calendarId=calendar, maxResults=1, fields="timeZone")
        return None

    def _find_occurrence(self, calendar: str, remote_id: str, key: OriginalStart) -> dict[str, Any] | None:
        """An occurrence, changed or not, by the start that its series gives it."""
        asked = {"calendarId": calendar, "eventId": remote_id, "originalStart": _original_start(key)}
        page: dict[str, str] = {}
        while True:
            try:
                answer = self._wire.events("instances", Subject.EVENT, showDeleted=True, **asked, **page)
            except EventRejected:
                return None  # the series has become a single event
            if answer.get("items"):
                found: dict[str, Any] = answer["items"][0]
                return found
            if not answer.get("nextPageToken"):
                return None
            page = {"pageToken": answer["nextPageToken"]}

    def _patch(
        self, calendar: str, event_id: str, etag: str, fields: dict[str, Any], held: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """`held`: the record as it was just read, if it was."""
        if held is None and "attendees" in fields:  # a patch replaces the whole list, with what guests wrote into it
            held = self._wire.events("get", Subject.EVENT, calendarId=calendar, eventId=event_id)
        raw = self._send_patch(calendar, event_id, etag, convert.write_fields(fields, held=held or {}))
        if convert.is_cancelled(raw):
            raise VersionConflict("The event is no longer there.", code=EVENT_GONE)
        return raw

    def _send_patch(self, calendar: str, event_id: str, etag: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._wire.events(
            "patch", Subject.EVENT, if_match=etag, calendarId=calendar, eventId=event_id, body=body, **_MAIL_NOBODY
        )

    def _read(self, calendar: str, raw: dict[str, Any], exceptions: list[dict[str, Any]] | None = None) -> RemoteEvent:
        try:
            zone = self._zone_for(calendar, raw, *(exceptions or ()))
            return convert.read_event(raw, zone=zone, privacy=self._privacy, exceptions=exceptions or ())
        except convert.UNREADABLE:
            raise _unreadable() from None

    def _zone_for(self, calendar: str, *records: dict[str, Any]) -> str:
        """The calendar's zone, asked for only if a record leaves its own out and no listing has named it yet."""
        if calendar not in self._zones and any(convert.needs_zone(record) for record in records):
            answer = self._wire.events("list", Subject.CALENDAR, calendarId=calendar, maxResults=1, fields="timeZone")
            self._zones[calendar] = answer.get("timeZone") or "UTC"
        return self._zones.get(calendar, "UTC")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a listing stands. `timeMin` belongs to each page of the first listing and to no later call: it may not
    stand beside a sync token, and everything else must stay as it was (events.list reference)."""

    since: str | None = None
    sync_token: str | None = None
    page_token: str | None = None

    def after(self, answer: dict[str, Any]) -> More | Complete:
        """Only the last page has a sync token; until then an incremental listing repeats the one it began with."""
        if page_token := answer.get("nextPageToken"):
            return More(_Cursor(self.since, self.sync_token, page_token).encode())
        if sync_token := answer.get("nextSyncToken"):
            return Complete(_Cursor(sync_token=sync_token).encode())
        raise RetryLater("Google's answer broke off.", delay=60.0, code="incomplete_answer")

    def encode(self) -> str:
        fields = {"t": self.since, "s": self.sync_token, "p": self.page_token}
        return json.dumps({k: v for k, v in fields.items() if v}, separators=(",", ":"))


def _parse(cursor: str) -> _Cursor:
    try:
        fields = json.loads(cursor)
        tokens = [fields.get(name) for name in ("t", "s", "p")]
    except (ValueError, AttributeError):
        raise CursorExpired("The place where the last look left off cannot be read.", code="unknown_cursor") from None
    if not any(tokens[1:]) or not all(token is None or isinstance(token, str) for token in tokens):
        raise CursorExpired("The place where the last look left off cannot be read.", code="unknown_cursor")
    return _Cursor(*tokens)


def _incarnations(key: str) -> Iterator[str]:
    """The ids that a copy has one after the other: base32hex of a hash, as the Events resource demands of ids."""
    for incarnation in range(INCARNATIONS):
        digest = sha256(f"{key}/{incarnation}".encode()).digest()
        yield b32hexencode(digest).decode().lower().rstrip("=")


def _original_start(key: OriginalStart) -> str:
    start = parse_original_start(key)
    return _rfc3339(start) if isinstance(start, datetime) else start.isoformat()


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_calendar(entry: dict[str, Any]) -> RemoteCalendar:
    return RemoteCalendar(
        remote_id=entry["id"],
        name=entry.get("summaryOverride") or entry.get("summary") or entry["id"],
        zone=entry.get("timeZone") or "UTC",
        access=_ACCESS.get(entry.get("accessRole", ""), Access.FREE_BUSY),
        primary=bool(entry.get("primary")),
        resource=str(entry["id"]).endswith(_OF_RESOURCES),
    )


def _unreadable() -> EventRejected:
    return EventRejected("Google's record of the event could not be read.", code="unreadable")
