"""One Microsoft account's calendars: the `CalendarApi` of the port.

Changes come from `calendarView/delta`, which shows a window of time with every series cut into occurrences. The series
is put together again: its occurrences are passed over, and the series is read by id with its exceptions and the
occurrences that were deleted. What delta calls removed is asked for by id, since it may only have left the window.

A copy is created under a `transactionId` that its key gives, so that creating twice makes one; it carries our mark, by
which it is found again. Every write looks at the version first: that `If-Match` counts for events is documented
nowhere, so it is sent, and not relied upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared.calendar.recurrence import is_occurrence
from shared.errors import EventRejected, RetryLater, VersionConflict
from shared.model import (
    CANCELLED,
    Access,
    Cancelled,
    Change,
    Complete,
    Content,
    More,
    OriginalStart,
    Page,
    Policy,
    Privacy,
    RemoteCalendar,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Series,
    Unreadable,
)
from shared.providers.base import Answer, CopyChange, CopyWrite, FromStart, NewCopy, OccurrenceChange, Position
from shared.providers.microsoft import convert, cursor, projection, recurrence
from shared.providers.microsoft.errors import EVENT_GONE, DuplicateTransaction, Subject
from shared.providers.microsoft.grant import utc_now
from shared.providers.microsoft.records import Json, Records, deleted_keys, path_of, span_of_series, unreadable
from shared.providers.microsoft.wire import Wire
from shared.providers.microsoft.zones import to_iana
from shared.providers.single_writes import write_one_by_one

PAGE_SIZE: Final = 250
"""Items per page. Lost work after a crash is a page's worth."""

_OF_OCCURRENCE: Final = (
    *("subject", "body", "location", "start", "end", "showAs", "isReminderOn", "reminderMinutesBeforeStart"),
    "attendees",
)
_TIMES: Final = frozenset({"start", "end", "isAllDay", "recurrence"})
_CALENDARS_A_PAGE: Final = 100


class MicrosoftCalendars:
    """See `shared.providers.base.CalendarApi`. With busy-only `privacy` no event's text is read."""

    def __init__(self, wire: Wire, *, privacy: Privacy) -> None:
        self._wire = wire
        self._records = Records(wire)
        self._privacy = privacy
        self._made: dict[str, str] = {}
        """Remote id → `transactionId`, of the copies of ours that this session has met."""

    # --- reading ---------------------------------------------------------------------------------------------------

    def list_calendars(self) -> tuple[RemoteCalendar, ...]:
        entries = self._records.all("/me/calendars", Subject.ACCOUNT, page_size=_CALENDARS_A_PAGE)
        zone = self._mailbox_zone()
        mine = next((_owner(entry) for entry in entries if entry.get("isDefaultCalendar")), "")
        return tuple(_read_calendar(entry, mine, zone) for entry in entries)

    def fetch_page(self, calendar: str, position: Position) -> Page:
        now = utc_now()
        if isinstance(position, FromStart):
            at = cursor.first(calendar, position.since, now)
            answer = self._wire.get(
                f"{path_of(calendar)}/calendarView/delta",
                Subject.CALENDAR,
                page_size=PAGE_SIZE,
                startDateTime=at.begins,
                endDateTime=at.ends,
            )
        else:
            at = cursor.parse(position.cursor, calendar, now)
            answer = self._wire.get(at.link, Subject.CURSOR, page_size=PAGE_SIZE)
        following: More | Complete
        if link := answer.get("@odata.nextLink"):
            following = More(at.after(self._wire.path_of(link)).encode())
        elif link := answer.get("@odata.deltaLink"):
            following = Complete(at.after(self._wire.path_of(link)).encode())
        else:
            raise RetryLater("Microsoft's answer broke off.", delay=60.0, code="incomplete_answer")
        return Page(tuple(self._changes(calendar, answer.get("value") or ())), following)

    def fetch_event(
        self, calendar: str, remote_id: str, occurrences: tuple[OriginalStart, ...] = ()
    ) -> RemoteEvent | None:
        raw = self._records.get(calendar, remote_id)
        if raw is None or convert.is_cancelled(raw):
            return None
        if not occurrences or not raw.get("recurrence"):
            return self._read(raw)
        known = self._read(raw).overrides
        others = [
            found
            for key in occurrences
            if key not in known and (found := self._records.find_instance(calendar, raw, key)) is not None
        ]
        return self._read(raw, others)

    def find_copy(self, calendar: str, key: str) -> str | None:
        """See the port. A filter on extended properties may answer for the whole mailbox, and duplicates that somebody
        made carry the property too."""
        named = f"ep/id eq '{convert.COPY}' and ep/value eq '{convert.copy_name(key)}'"
        found = self._records.all(
            f"{path_of(calendar)}/events",
            Subject.CALENDAR,
            _filter=f"singleValueExtendedProperties/Any(ep: {named})",
            _select="id,transactionId,isCancelled",
        )
        ours = set(convert.transaction_ids(key))
        for raw in found:
            if raw.get("transactionId") in ours and not convert.is_cancelled(raw):
                remote_id = str(raw["id"])
                if self._records.get(calendar, remote_id) is not None:
                    return remote_id
        return None

    def owns(self, key: str, remote: RemoteEvent) -> bool:
        return self._made.get(remote.remote_id) in set(convert.transaction_ids(key))

    def project(self, series: Series, policy: Policy) -> Series:
        return projection.project(series, policy)

    def cannot_repeat(self, series: Series) -> str:
        return convert.cannot_repeat(series)

    def secret(self) -> bytes | None:
        return self._wire.secret()

    # --- writing ---------------------------------------------------------------------------------------------------

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        """See the port. A copy that was there first is returned as it is, and the caller brings it up to date. How long
        Graph remembers a `transactionId`, also of an event that is deleted, is not documented."""
        for transaction_id in convert.transaction_ids(copy.key):
            body = convert.write_event(copy.series, tag=copy.tag, key=copy.key, transaction_id=transaction_id)
            try:
                raw = self._wire.post(f"{path_of(calendar)}/events", Subject.NEW_EVENT, body)
            except DuplicateTransaction as error:
                existing = self._existing(calendar, copy.key, error.existing)
                if existing is None:
                    continue
                return self._read(existing)
            if not raw.get("id"):
                raise RetryLater("Microsoft's answer broke off.", delay=5.0, code="incomplete_answer")
            raw["singleValueExtendedProperties"] = body["singleValueExtendedProperties"]  # no POST echoes them
            without = recurrence.exclusions(copy.series.recurrence, copy.series.content.span)
            if without:
                self._records.delete_instances(calendar, raw, without)
                return self._read(self._held(calendar, str(raw["id"])))
            return self._read(raw)
        raise EventRejected("The event was deleted by hand too often to be made again.", code="deleted_too_often")

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        held = self._held(calendar, change.remote_id)
        _check_version(held, change.etag)
        body = self._body(change.fields, held)
        if not body:
            return self._read(held)
        raw = self._wire.patch(path_of(calendar, change.remote_id), Subject.EVENT, body, if_match=change.etag)
        if held.get("recurrence") and raw.get("recurrence") and _TIMES & set(body):
            return self._retimed(calendar, held, change)
        marks = body.get("singleValueExtendedProperties") or held.get("singleValueExtendedProperties") or ()
        kept = {name: held[name] for name in ("transactionId", "cancelledOccurrences") if name in held}
        if raw.get("recurrence") and not held.get("recurrence"):
            return self._new_series(calendar, change)
        return self._read(kept | raw | {"singleValueExtendedProperties": marks})

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> RemoteOverride:
        """See the port. An occurrence is cancelled by deleting it, and Graph has no way back from that."""
        cancels = isinstance(change.change, Cancelled)
        series = self._held(calendar, change.remote_id)
        found = (
            self._records.find_instance(calendar, series, change.original_start) if series.get("recurrence") else None
        )
        if found is None:
            if cancels:
                return RemoteOverride(self._records.deleted_id(series, change.original_start), "", CANCELLED)
            if series.get("recurrence") and change.original_start in deleted_keys(series):
                raise EventRejected(
                    "This occurrence is deleted in Outlook, which has no way to bring it back.", code="occurrence_gone"
                )
            raise EventRejected("The series has no such occurrence in Outlook.", code="no_such_occurrence")
        _check_version(found, change.etag)
        path = path_of(calendar, str(found["id"]))
        if isinstance(change.change, Cancelled):
            self._wire.delete(path, Subject.EVENT, if_match=change.etag)
            return RemoteOverride(self._records.deleted_id(series, change.original_start), "", CANCELLED)
        body = self._body(change.change, found)
        raw = self._wire.patch(path, Subject.EVENT, body, if_match=change.etag) if body else found
        try:
            kept = convert.read_mark(series).zones if convert.is_ours(series) else ("", "")
            withhold = self._privacy is Privacy.BUSY_ONLY or self._read(series).withheld
            raw = {"originalStart": found.get("originalStart"), "type": "exception"} | raw
            return convert.read_override(raw, series_span=span_of_series(series), withhold=withhold, kept=kept)[1]
        except convert.UNREADABLE:
            raise unreadable() from None

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        try:
            if etag:
                _check_version(self._wire.get(path_of(calendar, remote_id), Subject.EVENT, _select="id"), etag)
            self._wire.delete(path_of(calendar, remote_id), Subject.EVENT, if_match=etag)
        except VersionConflict as error:
            if error.code != EVENT_GONE:
                raise

    def write_all(self, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
        return write_one_by_one(self, calendar, writes)

    # --- a page of changes -----------------------------------------------------------------------------------------

    def _changes(self, calendar: str, items: Iterable[Any]) -> Iterable[Change]:
        """What a page says. An item may come again on it: the last one counts (page "Use delta query")."""
        latest: dict[str, Json] = {}
        for item in items:
            if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
                yield Unreadable("", "Microsoft listed something that has no id.")
                continue
            latest.pop(item["id"], None)
            latest[item["id"]] = dict(item)
        asked: set[str] = set()
        for item in latest.values():
            wanted = _to_be_asked(item)
            if wanted is None:
                yield self._change(item)
            elif wanted and wanted not in asked:
                asked.add(wanted)
                yield from self._asked(calendar, wanted, asked)

    def _asked(self, calendar: str, remote_id: str, asked: set[str]) -> Iterable[Change]:
        """An event read by id. That it is gone is proven by 404, as the calendar itself has just answered."""
        try:
            raw = self._records.fetch(calendar, remote_id)
            series_id = str(raw.get("seriesMasterId") or "")
            if raw.get("type") in ("occurrence", "exception") and series_id:
                if series_id in asked:
                    return
                asked.add(series_id)
                raw = self._records.fetch(calendar, series_id)
            yield self._change(raw)
        except VersionConflict:
            yield Removed(remote_id)
        except EventRejected as error:
            yield Unreadable(remote_id, error.sentence)

    def _change(self, raw: Json) -> Change:
        remote_id = str(raw["id"]) if raw.get("id") else ""
        if convert.is_cancelled(raw):
            return Removed(remote_id)
        self._note(raw)
        try:
            return convert.read_event(raw, privacy=self._privacy)
        except convert.UNREADABLE as error:
            return Unreadable(remote_id, f"The event could not be read: {type(error).__name__}.")

    # --- single records --------------------------------------------------------------------------------------------

    def _held(self, calendar: str, remote_id: str) -> Json:
        """The record that is about to be changed. Raises `VersionConflict` if it is gone."""
        raw = self._records.fetch(calendar, remote_id)
        self._note(raw)
        if convert.is_cancelled(raw):
            raise VersionConflict("The event is no longer there.", code=EVENT_GONE)
        return raw

    def _mailbox_zone(self) -> str:
        """The person's own zone, as far as the grant allows to ask (it takes MailboxSettings.Read)."""
        try:
            return to_iana(self._wire.get("/me/mailboxSettings", Subject.EVENT).get("timeZone"))
        except (EventRejected, VersionConflict):
            return "UTC"

    # --- parts of a write ------------------------------------------------------------------------------------------

    def _existing(self, calendar: str, key: str, named: str) -> Json | None:
        """The live copy that was created under the key, by the id that the refusal named or by its mark."""
        raw = self._records.get(calendar, named) if named else None
        if raw is None or convert.is_cancelled(raw):
            found = self.find_copy(calendar, key)
            raw = self._records.get(calendar, found) if found else None
        return raw

    def _body(self, fields: Mapping[str, Any], held: Json) -> Json:
        try:
            return convert.write_fields(fields, held=held)
        except convert.UNREADABLE:
            raise unreadable() from None

    def _new_series(self, calendar: str, change: CopyChange) -> RemoteEvent:
        raw = self._held(calendar, change.remote_id)
        without = self._without(change, raw)
        if without:
            self._records.delete_instances(calendar, raw, without)
            raw = self._held(calendar, change.remote_id)
        return self._read(raw)

    def _retimed(self, calendar: str, held: Json, change: CopyChange) -> RemoteEvent:
        """A series whose times or rule were written. Exchange forgets all exceptions and deletions then; those of
        occurrences that the series still has are written again."""
        raw = self._held(calendar, change.remote_id)
        try:
            now = self._read(raw)
            series = Series(now.content or Content(span=span_of_series(raw)), now.recurrence)
            before = {
                convert.original_key(one, span_of_series(held)): one for one in held["exceptionOccurrences"] or ()
            }
            there = {convert.original_key(one, span_of_series(raw)) for one in raw["exceptionOccurrences"] or ()}
            deleted = {key for key in deleted_keys(held) if is_occurrence(series, key)} | set(
                self._without(change, raw)
            )
        except convert.UNREADABLE:
            raise unreadable() from None
        wanted = deleted - set(deleted_keys(raw))
        self._records.delete_instances(calendar, raw, sorted(wanted))
        lost = {key: one for key, one in before.items() if key not in there and is_occurrence(series, key)}
        for key, record in lost.items():
            self._write_again(calendar, raw, key, record, held)
        return self._read(self._held(calendar, change.remote_id) if wanted or lost else raw)

    def _write_again(self, calendar: str, series: Json, key: OriginalStart, record: Json, before: Json) -> None:
        found = self._records.find_instance(calendar, series, key)
        body: Json = {
            name: record[name] for name in _OF_OCCURRENCE if name in record and record[name] != before.get(name)
        }
        if found is None or not body:
            return
        try:
            self._wire.patch(path_of(calendar, str(found["id"])), Subject.EVENT, body)
        except (EventRejected, VersionConflict):
            return  # it no longer fits between its neighbours

    def _without(self, change: CopyChange, raw: Json) -> tuple[OriginalStart, ...]:
        """The occurrences that the EXDATE lines of a change leave out."""
        lines = change.fields.get("recurrence", ())
        return recurrence.exclusions(tuple(lines), span_of_series(raw)) if isinstance(lines, tuple) else ()

    def _note(self, raw: Json) -> None:
        if convert.is_ours(raw) and raw.get("id"):
            self._made[str(raw["id"])] = str(raw["transactionId"])

    def _read(self, raw: Json, occurrences: list[Json] | None = None) -> RemoteEvent:
        self._note(raw)
        try:
            return convert.read_event(raw, privacy=self._privacy, occurrences=occurrences or ())
        except convert.UNREADABLE:
            raise unreadable() from None


def _to_be_asked(item: Json) -> str | None:
    """The id to be read for an item of a page, "" for an occurrence, which says nothing; None if it says it all."""
    if "@removed" in item:
        return str(item["id"])
    match item.get("type"):
        case "occurrence":
            return ""
        case "exception" if item.get("seriesMasterId"):
            return str(item["seriesMasterId"])
        case "seriesMaster":
            return str(item["id"])
        case _:
            return str(item["id"]) if convert.is_ours(item) else None


def _check_version(held: Json, etag: str) -> None:
    if etag and held.get("@odata.etag") != etag:
        raise VersionConflict("The event has changed in Outlook in the meantime.")


def _owner(entry: Json) -> str:
    return str((entry.get("owner") or {}).get("address") or "").lower()


def _read_calendar(entry: Json, mine: str, zone: str) -> RemoteCalendar:
    """Graph does not tell a calendar of which only free and busy are shown from one that may be read."""
    access = Access.READER
    if entry.get("canEdit"):
        access = Access.OWNER if _owner(entry) == mine else Access.WRITER
    return RemoteCalendar(
        remote_id=str(entry["id"]),
        name=str(entry.get("name") or entry["id"]),
        zone=zone,
        access=access,
        primary=bool(entry.get("isDefaultCalendar")),
    )
