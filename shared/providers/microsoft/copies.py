"""Writing whole copies: made, changed and deleted one by one, or many in as few requests as Graph allows.

A copy is created under a `transactionId` that its key gives, so that creating twice makes one; it carries our mark, by
which it is found again. Every write looks at the version first: that `If-Match` counts for events is documented
nowhere, so it is sent, and not relied upon.

`write_all` reads what is there in one go and writes in another. Where a write takes more than its one call (a
series whose rule changed, excluded dates, a `transactionId` that was used before), it is ended on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from shared.calendar.recurrence import is_occurrence
from shared.errors import EventRejected, RetryLater, SyncError, VersionConflict
from shared.model import Content, OriginalStart, RemoteEvent, Series
from shared.providers.base import Answer, CopyChange, CopyDeletion, CopyWrite, NewCopy
from shared.providers.microsoft import convert, recurrence
from shared.providers.microsoft.batch import Batch, Result
from shared.providers.microsoft.box import Box
from shared.providers.microsoft.errors import EVENT_GONE, DuplicateTransaction, Subject
from shared.providers.microsoft.reader import Reader
from shared.providers.microsoft.records import Records, deleted_keys, span_of_series, unreadable, whole
from shared.providers.microsoft.wire import Call, Json, Wire, reading

_OF_OCCURRENCE: Final = (
    *("subject", "body", "location", "start", "end", "showAs", "isReminderOn", "reminderMinutesBeforeStart"),
    "attendees",
)
_TIMES: Final = frozenset({"start", "end", "isAllDay", "recurrence"})


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Step:
    """The call that a write comes down to, and what its result means."""

    call: Call
    finish: Callable[[Json], Answer]
    otherwise: Callable[[SyncError], Answer]


class Copies:
    """One account's copies."""

    def __init__(self, wire: Wire, records: Records, reader: Reader) -> None:
        self._wire = wire
        self._records = records
        self._reader = reader

    # --- one by one ------------------------------------------------------------------------------------------------

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        """A copy that was there first is returned as it is, and the caller brings it up to date. How long Graph
        remembers a `transactionId`, also of an event that is deleted, is not documented."""
        for body in _bodies(copy):
            try:
                raw = self._wire.send(_creation(self._wire.box, calendar, body))
            except DuplicateTransaction as error:
                existing = self._existing(calendar, copy.key, error.existing)
                if existing is None:
                    continue
                return self._reader.read(existing)
            return self._created(calendar, copy, body, raw)
        raise EventRejected("The event was deleted by hand too often to be made again.", code="deleted_too_often")

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        held = self._records.fetch(calendar, change.remote_id)
        body = self._wanted(change, held)
        if not body:
            return self._reader.read(held)
        return self._updated(
            calendar, change, held, body, self._wire.send(_patch(self._wire.box, calendar, change, body))
        )

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        deletion = CopyDeletion(remote_id=remote_id, etag=etag)
        try:
            if etag:
                check_version(self._wire.send(_version(self._wire.box, calendar, deletion)), etag)
            self._wire.send(_deletion(self._wire.box, calendar, deletion))
        except VersionConflict as error:
            if error.code != EVENT_GONE:
                raise

    # --- many ------------------------------------------------------------------------------------------------------

    def write_all(self, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
        """See the port. An error that holds for all (a pause, a grant that ended, a connection that was cut) is the
        answer to every write that is not known to be applied."""
        batch = Batch(self._wire)
        first = {_target(write): at for at, write in reversed(list(enumerate(writes)))}
        alone = [at for at, write in enumerate(writes) if first[_target(write)] != at]
        answers: dict[int, Answer] = {}
        steps: dict[int, _Step] = {}
        held = self._held(batch, calendar, {at: writes[at] for at in sorted(first.values())})
        for at in sorted(first.values()):
            prepared = _tried(self._prepared, calendar, writes[at], held.get(at, {}))
            if isinstance(prepared, _Step):
                steps[at] = prepared
            else:
                answers[at] = prepared
        results = batch.in_order([step.call for step in steps.values()])
        for (at, step), result in zip(steps.items(), results, strict=True):
            if isinstance(result, DuplicateTransaction):
                alone.append(at)
            elif isinstance(result, SyncError):
                answers[at] = step.otherwise(result)
            else:
                answers[at] = _tried(step.finish, result)
        for at in sorted(alone):
            answers[at] = batch.over or _tried(self._write, calendar, writes[at])
        return [answers[at] for at in range(len(writes))]

    def _held(self, batch: Batch, calendar: str, writes: Mapping[int, CopyWrite]) -> dict[int, Result]:
        """The records that are to be changed, whole, and the versions of those that are to be deleted."""
        calls: dict[int, Call] = {}
        for at, write in writes.items():
            match write:
                case CopyChange(remote_id=remote_id):
                    calls[at] = whole(self._wire.box, calendar, remote_id)
                case CopyDeletion(etag=etag) if etag:
                    calls[at] = _version(self._wire.box, calendar, write)
        found = dict(zip(calls, batch.in_order(list(calls.values())), strict=True))
        for at, raw in found.items():
            if isinstance(writes[at], CopyChange) and not isinstance(raw, SyncError) and batch.over is None:
                found[at] = _tried(self._records.completed, calendar, raw)
        return found

    def _prepared(self, calendar: str, write: CopyWrite, held: Result) -> _Step | Answer:
        """What is to be sent for a write, or its answer if nothing is."""
        match write:
            case NewCopy():
                body = next(_bodies(write))
                return _Step(
                    _creation(self._wire.box, calendar, body),
                    lambda raw: self._created(calendar, write, body, raw),
                    _as_it_is,
                )
            case CopyChange():
                if isinstance(held, SyncError):
                    return held
                wanted = self._wanted(write, held)
                if not wanted:
                    return self._reader.read(held)
                return _Step(
                    _patch(self._wire.box, calendar, write, wanted),
                    lambda raw: self._updated(calendar, write, held, wanted, raw),
                    _as_it_is,
                )
            case CopyDeletion(etag=etag):
                if isinstance(held, SyncError):
                    return _unless_gone(held)
                if etag:
                    check_version(held, etag)
                return _Step(_deletion(self._wire.box, calendar, write), lambda _: None, _unless_gone)

    def _write(self, calendar: str, write: CopyWrite) -> Answer:
        match write:
            case NewCopy():
                return self.create(calendar, write)
            case CopyChange():
                return self.update(calendar, write)
            case CopyDeletion(remote_id=remote_id, etag=etag):
                self.delete(calendar, remote_id, etag)
                return None

    # --- finding ---------------------------------------------------------------------------------------------------

    def find(self, calendar: str, key: str) -> str | None:
        """The id of the live copy that was made for `key`. A filter on extended properties may answer for the whole
        mailbox, and duplicates that somebody made carry the property too."""
        named = f"ep/id eq '{convert.COPY}' and ep/value eq '{convert.copy_name(key)}'"
        found = self._records.all(
            f"{self._wire.box.path(calendar)}/events",
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

    def _existing(self, calendar: str, key: str, named: str) -> Json | None:
        """The live copy that was created under the key, by the id that the refusal named or by its mark."""
        raw = self._records.get(calendar, named) if named else None
        if raw is None or convert.is_cancelled(raw):
            found = self.find(calendar, key)
            raw = self._records.get(calendar, found) if found else None
        return raw

    # --- parts of a write ------------------------------------------------------------------------------------------

    def live(self, calendar: str, remote_id: str) -> Json:
        """The record that is about to be changed. Raises `VersionConflict` if it is gone."""
        return self._alive(self._records.fetch(calendar, remote_id))

    def _alive(self, raw: Json) -> Json:
        self._reader.note(raw)
        if convert.is_cancelled(raw):
            raise VersionConflict("The event is no longer there.", code=EVENT_GONE)
        return raw

    def _wanted(self, change: CopyChange, held: Json) -> Json:
        """What is to be written, {} if all is there."""
        check_version(self._alive(held), change.etag)
        return body_of(change.fields, held)

    def _created(self, calendar: str, copy: NewCopy, body: Json, raw: Json) -> RemoteEvent:
        if not raw.get("id"):
            raise RetryLater("Microsoft's answer broke off.", delay=5.0, code="incomplete_answer")
        raw["singleValueExtendedProperties"] = body["singleValueExtendedProperties"]  # no POST echoes them
        without = recurrence.exclusions(copy.series.recurrence, copy.series.content.span)
        if without:
            self._records.delete_instances(calendar, raw, without)
            return self._reader.read(self.live(calendar, str(raw["id"])))
        return self._reader.read(raw)

    def _updated(self, calendar: str, change: CopyChange, held: Json, body: Json, raw: Json) -> RemoteEvent:
        if held.get("recurrence") and raw.get("recurrence") and _TIMES & set(body):
            return self._retimed(calendar, held, change)
        if raw.get("recurrence") and not held.get("recurrence"):
            return self._new_series(calendar, change)
        marks = body.get("singleValueExtendedProperties") or held.get("singleValueExtendedProperties") or ()
        kept = {name: held[name] for name in ("transactionId", "cancelledOccurrences") if name in held}
        return self._reader.read(kept | raw | {"singleValueExtendedProperties": marks})

    def _new_series(self, calendar: str, change: CopyChange) -> RemoteEvent:
        raw = self.live(calendar, change.remote_id)
        without = _without(change, raw)
        if without:
            self._records.delete_instances(calendar, raw, without)
            raw = self.live(calendar, change.remote_id)
        return self._reader.read(raw)

    def _retimed(self, calendar: str, held: Json, change: CopyChange) -> RemoteEvent:
        """A series whose times or rule were written. Exchange forgets all exceptions and deletions then; those of
        occurrences that the series still has are written again."""
        raw = self.live(calendar, change.remote_id)
        try:
            now = self._reader.read(raw)
            series = Series(now.content or Content(span=span_of_series(raw)), now.recurrence)
            before = {
                convert.original_key(one, span_of_series(held)): one for one in held["exceptionOccurrences"] or ()
            }
            there = {convert.original_key(one, span_of_series(raw)) for one in raw["exceptionOccurrences"] or ()}
            deleted = {key for key in deleted_keys(held) if is_occurrence(series, key)} | set(_without(change, raw))
        except convert.UNREADABLE:
            raise unreadable() from None
        wanted = deleted - set(deleted_keys(raw))
        self._records.delete_instances(calendar, raw, sorted(wanted))
        lost = {key: one for key, one in before.items() if key not in there and is_occurrence(series, key)}
        for key, record in lost.items():
            self._write_again(calendar, raw, key, record, held)
        return self._reader.read(self.live(calendar, change.remote_id) if wanted or lost else raw)

    def _write_again(self, calendar: str, series: Json, key: OriginalStart, record: Json, before: Json) -> None:
        found = self._records.find_instance(calendar, series, key)
        body: Json = {
            name: record[name] for name in _OF_OCCURRENCE if name in record and record[name] != before.get(name)
        }
        if found is None or not body:
            return
        try:
            self._wire.patch(self._wire.box.path(calendar, str(found["id"])), Subject.EVENT, body)
        except (EventRejected, VersionConflict):
            return  # it no longer fits between its neighbours


def check_version(held: Json, etag: str) -> None:
    if etag and held.get("@odata.etag") != etag:
        raise VersionConflict("The event has changed in Outlook in the meantime.")


def body_of(fields: Mapping[str, Any], held: Json) -> Json:
    """The body of a PATCH; what is there already is left out."""
    try:
        return convert.write_fields(fields, held=held)
    except convert.UNREADABLE:
        raise unreadable() from None


def _bodies(copy: NewCopy) -> Iterator[Json]:
    """The body of a POST, again under another `transactionId` in case the last one is spent."""
    for transaction_id in convert.transaction_ids(copy.key):
        yield convert.write_event(copy.series, tag=copy.tag, key=copy.key, transaction_id=transaction_id)


def _creation(box: Box, calendar: str, body: Json) -> Call:
    return Call(method="POST", path=f"{box.path(calendar)}/events", subject=Subject.NEW_EVENT, body=body)


def _patch(box: Box, calendar: str, change: CopyChange, body: Json) -> Call:
    path = box.path(calendar, change.remote_id)
    return Call(method="PATCH", path=path, subject=Subject.EVENT, body=body, if_match=change.etag)


def _version(box: Box, calendar: str, deletion: CopyDeletion) -> Call:
    return reading(box.path(calendar, deletion.remote_id), Subject.EVENT, _select="id")


def _deletion(box: Box, calendar: str, deletion: CopyDeletion) -> Call:
    path = box.path(calendar, deletion.remote_id)
    return Call(method="DELETE", path=path, subject=Subject.EVENT, if_match=deletion.etag)


def _without(change: CopyChange, raw: Json) -> tuple[OriginalStart, ...]:
    """The occurrences that the EXDATE lines of a change leave out."""
    lines = change.fields.get("recurrence", ())
    return recurrence.exclusions(tuple(lines), span_of_series(raw)) if isinstance(lines, tuple) else ()


def _target(write: CopyWrite) -> str:
    """What two writes must not have in common to be sent together."""
    return f"new {write.key}" if isinstance(write, NewCopy) else write.remote_id


def _as_it_is(error: SyncError) -> SyncError:
    return error


def _unless_gone(error: SyncError) -> SyncError | None:
    """What is gone already is deleted."""
    return None if isinstance(error, VersionConflict) and error.code == EVENT_GONE else error


def _tried(act: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | SyncError:
    try:
        return act(*given, **named)
    except SyncError as error:
        return error
