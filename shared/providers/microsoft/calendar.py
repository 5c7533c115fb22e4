"""One Microsoft account's calendars: the `CalendarApi` of the port.

Changes come from `calendarView/delta`, which shows a window of time with every series cut into occurrences. The series
is put together again: its occurrences are passed over, and the series is read by id with its exceptions and the
occurrences that were deleted. What delta calls removed is asked for by id, since it may only have left the window. All
that a page leads to is read together (`batch`). Whole copies are written in `copies`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from shared.errors import EventRejected, RetryLater, SyncError, VersionConflict
from shared.model import (
    CANCELLED,
    Access,
    Cancelled,
    Change,
    Complete,
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
from shared.providers.microsoft import convert, cursor, projection
from shared.providers.microsoft.batch import Result
from shared.providers.microsoft.box import Reach
from shared.providers.microsoft.copies import Copies, body_of, check_version
from shared.providers.microsoft.errors import Subject
from shared.providers.microsoft.grant import utc_now
from shared.providers.microsoft.reader import Reader
from shared.providers.microsoft.records import Records, deleted_keys, span_of_series, unreadable
from shared.providers.microsoft.wire import Json, Wire
from shared.providers.microsoft.zones import to_iana

PAGE_SIZE: Final = 250
"""Items per page. Lost work after a crash is a page's worth."""

_CALENDARS_A_PAGE: Final = 100

_Found = Json | VersionConflict | EventRejected
"""A record that was read by id, or what is the matter with it."""


class MicrosoftCalendars:
    """See `shared.providers.base.CalendarApi`. With busy-only `privacy` no event's text is read."""

    def __init__(self, wire: Wire, *, privacy: Privacy) -> None:
        self._wire = wire
        self._records = Records(wire)
        self._reader = Reader(privacy)
        self._copies = Copies(wire, self._records, self._reader)

    # --- reading ---------------------------------------------------------------------------------------------------

    def list_calendars(self) -> tuple[RemoteCalendar, ...]:
        box = self._wire.box
        if box.reach is Reach.DELEGATED:
            entry = self._wire.get(f"{box.root}/calendar", Subject.ACCOUNT)
            return (replace(_read_calendar(entry, "", self._mailbox_zone()), primary=True),)
        entries = self._records.all(f"{box.root}/calendars", Subject.ACCOUNT, page_size=_CALENDARS_A_PAGE)
        zone = self._mailbox_zone()
        mine = next((_owner(entry) for entry in entries if entry.get("isDefaultCalendar")), "")
        return tuple(_read_calendar(entry, mine, zone) for entry in entries)

    def fetch_page(self, calendar: str, position: Position) -> Page:
        now = utc_now()
        if isinstance(position, FromStart):
            at = cursor.first(calendar, position.since, now)
            answer = self._wire.get(
                f"{self._wire.box.path(calendar)}/calendarView/delta",
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
            return self._reader.read(raw)
        known = self._reader.read(raw).overrides
        others = [
            found
            for key in occurrences
            if key not in known and (found := self._records.find_instance(calendar, raw, key)) is not None
        ]
        return self._reader.read(raw, others)

    def find_copy(self, calendar: str, key: str) -> str | None:
        return self._copies.find(calendar, key)

    def owns(self, key: str, remote: RemoteEvent) -> bool:
        return self._reader.owns(key, remote.remote_id)

    def gave_id(self, key: str, remote_id: str) -> bool:  # noqa: ARG002 (Graph names events itself)
        return False

    def project(self, series: Series, policy: Policy) -> Series:
        return projection.project(series, policy)

    def cannot_repeat(self, series: Series) -> str:
        return convert.cannot_repeat(series)

    def secret(self) -> bytes | None:
        return self._wire.secret()

    # --- writing ---------------------------------------------------------------------------------------------------

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        return self._copies.create(calendar, copy)

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        return self._copies.update(calendar, change)

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        self._copies.delete(calendar, remote_id, etag)

    def write_all(self, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
        return self._copies.write_all(calendar, writes)

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> RemoteOverride:
        """See the port. An occurrence is cancelled by deleting it, and Graph has no way back from that. It is as
        private as its series (see `projection`), so that no copy of a stale visibility makes it less so."""
        cancels = isinstance(change.change, Cancelled)
        series = self._copies.live(calendar, change.remote_id)
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
        check_version(found, change.etag)
        path = self._wire.box.path(calendar, str(found["id"]))
        if isinstance(change.change, Cancelled):
            self._wire.delete(path, Subject.EVENT, if_match=change.etag)
            return RemoteOverride(self._records.deleted_id(series, change.original_start), "", CANCELLED)
        fields = {name: value for name, value in change.change.items() if name != "visibility"}
        body = body_of(fields, found)
        raw = self._wire.patch(path, Subject.EVENT, body, if_match=change.etag) if body else found
        try:
            kept = convert.read_mark(series).zones if convert.is_ours(series) else ("", "")
            withhold = self._reader.privacy is Privacy.BUSY_ONLY or self._reader.read(series).withheld
            raw = {"originalStart": found.get("originalStart"), "type": "exception"} | raw
            return convert.read_override(raw, series_span=span_of_series(series), withhold=withhold, kept=kept)[1]
        except convert.UNREADABLE:
            raise unreadable() from None

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
        removed = {remote_id for remote_id, item in latest.items() if "@removed" in item}
        asked = {remote_id: _to_be_asked(item) for remote_id, item in latest.items()}
        found = self._look_up(calendar, [wanted for wanted in asked.values() if wanted], removed)
        for remote_id, item in latest.items():
            wanted = asked[remote_id]
            if wanted is None:
                yield self._reader.change(item)
            elif wanted in found:
                yield self._seen(wanted, found.pop(wanted))

    def _look_up(self, calendar: str, wanted: Iterable[str], removed: Collection[str]) -> dict[str, _Found]:
        """Events read by id, each once. Where delta calls an occurrence removed that is there, its series is read."""
        ids = list(dict.fromkeys(wanted))
        sure = [remote_id for remote_id in ids if remote_id not in removed]
        doubtful = [remote_id for remote_id in ids if remote_id in removed]
        found = _of_single_events(self._records.fetch_all(calendar, sure, doubtful))
        series_of = {remote_id: series for remote_id, raw in found.items() if (series := _series_of(raw))}
        further = [series for series in dict.fromkeys(series_of.values()) if series not in found]
        more = _of_single_events(self._records.fetch_all(calendar, further))
        for remote_id, series in series_of.items():
            del found[remote_id]
            if series in more:
                found[remote_id] = more.pop(series)
        return found

    def _seen(self, remote_id: str, found: _Found) -> Change:
        """What reading an event by id has shown. That it is gone is proven by 404, as the calendar itself has just
        answered."""
        match found:
            case VersionConflict():
                return Removed(remote_id)
            case EventRejected(sentence=sentence):
                return Unreadable(remote_id, sentence)
            case _:
                return self._reader.change(found)

    def _mailbox_zone(self) -> str:
        """The person's own zone, as far as the grant allows to ask (it takes MailboxSettings.Read)."""
        try:
            return to_iana(self._wire.get(f"{self._wire.box.root}/mailboxSettings", Subject.EVENT).get("timeZone"))
        except (EventRejected, VersionConflict):
            return "UTC"


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


def _of_single_events(found: dict[str, Result]) -> dict[str, _Found]:
    """The results, if they say something of their own event only. Raises what holds for the whole page."""
    for result in found.values():
        if isinstance(result, SyncError) and not isinstance(result, VersionConflict | EventRejected):
            raise result
    return found  # type: ignore[return-value]


def _series_of(found: _Found) -> str:
    """The id of the series, if an occurrence was read."""
    if isinstance(found, SyncError) or found.get("type") not in ("occurrence", "exception"):
        return ""
    return str(found.get("seriesMasterId") or "")


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
