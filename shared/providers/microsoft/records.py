"""Single records of Graph, whole: an event with its mark, a series with its exceptions and deleted occurrences.

Below the calendar API of the port: records go in and out as Graph's JSON; what they mean is the business of `convert`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.calendar.recurrence import is_occurrence, occurrences, parse_original_start
from shared.calendar.timezones import from_utc
from shared.errors import EventRejected, RetryLater, SyncError, VersionConflict
from shared.model import OriginalStart, Privacy, Series, Span
from shared.providers.microsoft import convert, cursor, recurrence
from shared.providers.microsoft.batch import Batch, Result
from shared.providers.microsoft.box import Box
from shared.providers.microsoft.errors import EVENT_GONE, Subject
from shared.providers.microsoft.grant import utc_now
from shared.providers.microsoft.wire import Call, Json, Wire, reading
from shared.providers.microsoft.zones import to_iana

_FIELDS: Final = (
    "id,type,seriesMasterId,transactionId,subject,body,location,start,end,isAllDay,originalStart,originalStartTimeZone,"
    "originalEndTimeZone,recurrence,sensitivity,showAs,isReminderOn,reminderMinutesBeforeStart,attendees,responseStatus,"
    "isCancelled,isOnlineMeeting,lastModifiedDateTime"
)
_WHOLE: Final[Mapping[str, Any]] = {
    "_select": f"{_FIELDS},cancelledOccurrences,exceptionOccurrences",
    "_expand": f"exceptionOccurrences,singleValueExtendedProperties($filter=id eq '{convert.TAG}')",
}
"""`cancelledOccurrences` come only when they are selected, and then so must everything else (resource type "event")."""

_BACK: Final = timedelta(days=30)
_INSTANCES_A_PAGE: Final = 250


class Records:
    """One account's records, by calendar and id."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def fetch(self, calendar: str, remote_id: str) -> Json:
        """The record with all that belongs to it. Raises `VersionConflict` (`EVENT_GONE`) if there is none."""
        return self.completed(calendar, self._wire.send(whole(self._wire.box, calendar, remote_id)))

    def fetch_all(self, calendar: str, sure: Sequence[str], doubtful: Sequence[str] = ()) -> dict[str, Result]:
        """Many records, each as `fetch` gives it, or its error: those that are likely to be there, and those that are
        likely to be gone. Raises nothing."""
        batch = Batch(self._wire)
        found = batch.in_order([whole(self._wire.box, calendar, remote_id) for remote_id in sure])
        found += batch.unordered([whole(self._wire.box, calendar, remote_id) for remote_id in doubtful])
        if batch.over is None:
            found = [self._completed_or_error(calendar, raw) for raw in found]
        return dict(zip((*sure, *doubtful), found, strict=True))

    def _completed_or_error(self, calendar: str, raw: Result) -> Result:
        try:
            return raw if isinstance(raw, SyncError) else self.completed(calendar, raw)
        except SyncError as error:
            return error

    def completed(self, calendar: str, raw: Json) -> Json:
        """A record as `whole` gives it, and what did not go into that answer."""
        if raw.get("recurrence"):
            self._complete(calendar, raw)
        return raw

    def get(self, calendar: str, remote_id: str) -> Json | None:
        """The record, None only if the calendar itself answers: lost access must not look like thousands of
        deletions."""
        try:
            return self.fetch(calendar, remote_id)
        except VersionConflict as error:
            if error.code != EVENT_GONE:
                raise
        self._wire.get(self._wire.box.path(calendar), Subject.CALENDAR, _select="id")
        return None

    def _complete(self, calendar: str, raw: Json) -> None:
        """Exceptions that fill more than a page, or that the answer leaves out altogether: then the occurrences of the
        window are compared with what the rule gives."""
        link = raw.get("exceptionOccurrences@odata.nextLink")
        while link:
            answer = self._wire.get(self._wire.path_of(link), Subject.EVENT)
            raw.setdefault("exceptionOccurrences", []).extend(answer.get("value") or ())
            link = answer.get("@odata.nextLink")
        if "exceptionOccurrences" in raw and "cancelledOccurrences" in raw:
            return
        begins, ends = utc_now() - _BACK, utc_now() + cursor.AHEAD
        found = self.instances(calendar, str(raw["id"]), begins.isoformat(), ends.isoformat())
        raw["exceptionOccurrences"] = [one for one in found if one.get("type") == "exception"]
        try:
            plain = convert.read_event(
                {**raw, "exceptionOccurrences": (), "cancelledOccurrences": ()}, privacy=Privacy.BUSY_ONLY
            )
            there = {convert.original_key(one, span_of_series(raw)) for one in found}
        except convert.UNREADABLE:
            raise unreadable() from None
        if plain.content is not None:
            series = Series(plain.content, plain.recurrence)
            raw["cancelledOccurrences"] = [self.deleted_id(raw, key) for key in _missing(series, there, begins, ends)]

    def instances(self, calendar: str, series_id: str, begins: str, ends: str) -> list[Json]:
        path = f"{self._wire.box.path(calendar, series_id)}/instances"
        return self.all(path, Subject.EVENT, page_size=_INSTANCES_A_PAGE, startDateTime=begins, endDateTime=ends)

    def find_instance(self, calendar: str, series: Json, key: OriginalStart) -> Json | None:
        """An occurrence, changed or not, by the start that its series gives it; None if it is deleted or was never."""
        try:
            span = span_of_series(series)
            for record in series.get("exceptionOccurrences") or ():
                if convert.original_key(record, span) == key:
                    return dict(record)
            if key in deleted_keys(series):
                return None
            begins, ends = (moment.isoformat().replace("+00:00", "Z") for moment in recurrence.around(key))
            for record in self.instances(calendar, str(series["id"]), begins, ends):
                if convert.original_key(record, span) == key:
                    return record
        except convert.UNREADABLE:
            raise unreadable() from None
        return None

    def deleted_id(self, series: Json, key: OriginalStart) -> str:
        """What Graph calls a deleted occurrence: it names the day on the clocks of the series."""
        named = parse_original_start(key)
        zone = to_iana(series.get("originalStartTimeZone"))
        day = from_utc(named, zone).local.date() if len(key) > 8 else named  # type: ignore[arg-type]
        return convert.deleted_id(str(series["id"]), day)

    def all(self, path: str, subject: Subject, *, page_size: int = 0, **query: str) -> list[Json]:
        """Every page of a listing."""
        answer = self._wire.get(path, subject, page_size=page_size, **query)
        found = list(answer.get("value") or ())
        while link := answer.get("@odata.nextLink"):
            answer = self._wire.get(self._wire.path_of(link), subject, page_size=page_size)
            found.extend(answer.get("value") or ())
        if "value" not in answer:
            raise RetryLater("Microsoft's answer broke off.", delay=60.0, code="incomplete_answer")
        return found

    def delete_instances(self, calendar: str, series: Json, keys: Iterable[OriginalStart]) -> None:
        for key in keys:
            found = self.find_instance(calendar, series, key)
            if found is not None:
                try:
                    self._wire.delete(self._wire.box.path(calendar, str(found["id"])), Subject.EVENT)
                except VersionConflict as error:
                    if error.code != EVENT_GONE:
                        raise


def _missing(series: Series, there: set[OriginalStart], begins: datetime, ends: datetime) -> list[OriginalStart]:
    """The occurrences that the rule gives in a window and the server does not. The first and the last one may only have
    been moved out of it; and if the server gives one that the rule does not, the rule is not understood well enough."""
    wanted = [one.original_start for one in occurrences(series, begins, ends)]
    if not all(is_occurrence(series, key) for key in there):
        return []
    return [key for key in wanted[1:-1] if key not in there]


def whole(box: Box, calendar: str, remote_id: str) -> Call:
    """What is asked for a record with its mark and, for a series, its exceptions."""
    return reading(box.path(calendar, remote_id), Subject.EVENT, **_WHOLE)


def span_of_series(series: Json) -> Span:
    """The first appointment of a series."""
    return recurrence.from_pattern(recurrence.read(series["recurrence"]), convert.span_of(series))[0]


def deleted_keys(series: Json) -> tuple[OriginalStart, ...]:
    return convert.deleted_keys(series)


def unreadable() -> EventRejected:
    return EventRejected("Microsoft's record of the event could not be read.", code="unreadable")
