"""`events.list` and `events.instances`: pages, filters, and what a sync token brings.

The order is that of a hash of the ids: the same every time, but an exception may come before its series. A page may be
short or empty and still have a next one.
"""

import bisect
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.google import errors, event_store, recurrence_instances, series, sync_tokens, times
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.model import Calendar, EventRecord
from simulators.google.sync_tokens import PagePoint, SyncPoint
from simulators.google.wire import Json

Row = tuple[tuple[Any, ...], EventRecord]
"""(position in the listing, event)."""

PAGE_CAP = 2500
_UNSYNCABLE = tuple(name for name in sync_tokens.FORBIDDEN if name not in {"timeMin", "timeMax"})


def list_events(call: Call) -> Json:
    calendar = call.calendar("freeBusyReader")
    query = call.query
    if "syncToken" in query and call.fault(calendar, "sync_token"):
        raise errors.full_sync_required()
    _check_query(call)
    sync = sync_tokens.read_sync(call.world, calendar, query)
    page = sync_tokens.read_page(calendar.id, query)
    rows = single_rows(call, calendar, sync) if query.get("singleEvents") else _rows(call, calendar, sync, page)
    if query.get("orderBy"):
        rows = iter(sorted(_by_wish(rows, query["orderBy"]), key=lambda row: row[0]))
    reply = _envelope(call, calendar)
    point = page.change if page else calendar.change
    parameters = sync_tokens.page_fingerprint(query)
    items, after = _page(call, calendar, rows, page)
    reply["items"] = [_item(call, calendar, record) for record in items]
    if after is not None:
        reply["nextPageToken"] = sync_tokens.write("page", PagePoint(calendar.id, point, after, parameters))
    elif not any(name in query for name in _UNSYNCABLE):
        reply["nextSyncToken"] = _sync_token(call, calendar, point, sync)
    return reply


def instances(call: Call) -> Json:
    calendar = call.calendar("freeBusyReader")
    query = call.query
    record = event_store.find(calendar, call.path["eventId"])
    if record is None or record.series_id:
        raise errors.not_found()
    page = sync_tokens.read_page(calendar.id, query)
    rows: Iterator[Row] = iter(())
    if record.repeats and (not record.cancelled or query.get("showDeleted")):
        rows = ((((_position(r)), r.id), r) for r in _expanded(call, calendar, record))
    original = query.get("originalStart")
    kept = (row for row in rows if _instance_wanted(query, row[1], original))
    items, after = _page(call, calendar, iter(sorted(kept, key=lambda row: row[0])), page)
    reply = _envelope(call, calendar)
    reply["items"] = [event_store.shown(r, calendar, call.email, query) for r in items]
    if after is not None:
        parameters = sync_tokens.page_fingerprint(query)
        reply["nextPageToken"] = sync_tokens.write("page", PagePoint(calendar.id, 0, after, parameters))
    return reply


def _check_query(call: Call) -> None:
    query = call.query
    if query.get("orderBy") == "startTime" and not query.get("singleEvents"):
        raise errors.bad_request("The requested ordering is not available for the particular query.")
    if "timeMin" in query and "timeMax" in query and times.instant(query["timeMin"]) >= times.instant(query["timeMax"]):
        raise errors.time_range_empty()
    if query.get("timeZone") and not times.is_zone(query["timeZone"]):
        raise errors.invalid("Invalid time zone.", "timeZone")
    for name in ("privateExtendedProperty", "sharedExtendedProperty"):
        if any("=" not in pair for pair in query.get(name, [])):
            raise errors.invalid(f"Invalid value: {name} must be name=value.", name)
    if "updatedMin" in query and call.world.seconds() - times.instant(query["updatedMin"]) > 28 * 86_400:
        message = "The requested minimum modification time lies too far in the past."
        raise ApiError(410, "updatedMinTooLongAgo", message, domain="calendar", location="updatedMin")


def _envelope(call: Call, calendar: Calendar) -> Json:
    reply: Json = {
        "kind": "calendar#events",
        "etag": calendar.etag,
        "summary": calendar.summary,
        "description": calendar.description,
        "updated": calendar.updated,
        "timeZone": call.query.get("timeZone", calendar.time_zone),
        "accessRole": calendar.roles[call.email],
        "defaultReminders": calendar.default_reminders,
    }
    return reply


def _sync_token(call: Call, calendar: Calendar, change: int, sync: SyncPoint | None) -> str:
    query = call.query
    point = SyncPoint(
        calendar=calendar.id,
        change=change,
        epoch=calendar.token_epoch,
        issued_at=call.world.seconds(),
        parameters=sync_tokens.fingerprint(query, without=(*sync_tokens.FORBIDDEN, "showDeleted")),
        time_min=sync.time_min if sync else query.get("timeMin"),
        time_max=sync.time_max if sync else query.get("timeMax"),
    )
    return sync_tokens.write("sync", point)


def _page(
    call: Call, calendar: Calendar, rows: Iterator[Row], page: PagePoint | None
) -> tuple[list[EventRecord], tuple[Any, ...] | None]:
    """The events of this page and the position after which the next one begins, None when this is the last."""
    size = min(call.query.get("maxResults", 250), PAGE_CAP)
    if call.fault(calendar, "empty_page"):
        return [], page.after if page else ()
    cap = call.fault(calendar, "page_size")
    if cap is not None:
        size = min(size, max(cap.size, 1))
    items: list[EventRecord] = []
    last: tuple[Any, ...] = ()
    for position, record in rows:
        if page is not None and position <= page.after:
            continue
        if len(items) == size:
            return items, last
        items.append(record)
        last = position
    return items, None


def _rows(call: Call, calendar: Calendar, sync: SyncPoint | None, page: PagePoint | None) -> Iterator[Row]:
    """Series and exceptions as they are stored, those that the caller asked for."""
    keys: Iterable[tuple[str, str]]
    if sync is None:
        begin = bisect.bisect_left(calendar.order, page.after) if page and not call.query.get("orderBy") else 0
        keys = (calendar.order[i] for i in range(begin, len(calendar.order)))
    else:
        keys = sorted(event_store.order_key(event_id) for event_id in _changed_ids(calendar, sync))
    wanted = _Filter(call, calendar, sync)
    for key in keys:
        record = calendar.events[key[1]]
        if wanted.takes(record):
            yield key, record


def _changed_ids(calendar: Calendar, sync: SyncPoint) -> set[str]:
    begin = bisect.bisect_right(calendar.changes, (sync.change, "\uffff"))
    return {event_id for _, event_id in calendar.changes[begin:] if event_id in calendar.events}


class _Filter:
    """Decides for one listing which events belong to it."""

    def __init__(self, call: Call, calendar: Calendar, sync: SyncPoint | None) -> None:
        query = call.query
        self.calendar = calendar
        self.incremental = sync is not None
        bounded = sync is not None and call.world.settings.bounded_sync_tokens
        low = sync.time_min if sync and bounded else query.get("timeMin")
        high = sync.time_max if sync and bounded else query.get("timeMax")
        self.low = times.instant(low) if low else None
        self.high = times.instant(high) if high else None
        self.deleted = self.incremental or query.get("showDeleted", False) or "updatedMin" in query
        self.types = frozenset(query.get("eventTypes", ()))
        self.uid = query.get("iCalUID")
        self.text = (query.get("q") or "").lower()
        self.updated_min = times.instant(query["updatedMin"]) if "updatedMin" in query else None
        self.properties = [
            (section, *pair.split("=", 1))
            for section, name in (("private", "privateExtendedProperty"), ("shared", "sharedExtendedProperty"))
            for pair in query.get(name, [])
        ]
        self.horizon = series.horizon(call.world)

    def takes(self, record: EventRecord) -> bool:
        if record.series_id:
            parent = self.calendar.events.get(record.series_id)
            if parent is None or parent.cancelled:
                return False
            if record.dropped:
                return self.incremental
        elif record.cancelled:
            return self.deleted and self.matches(record)
        return self.matches(record) and (record.cancelled or self.in_window(record))

    def matches(self, record: EventRecord) -> bool:
        body = record.body
        if self.types and body["eventType"] not in self.types:
            return False
        if self.uid is not None and body["iCalUID"] != self.uid:
            return False
        if self.updated_min is not None and times.instant(body["updated"]) < self.updated_min:
            return False
        if self.properties and not self._has_properties(body):
            return False
        if not self.text:
            return True
        texts = [str(body.get(name, "")) for name in ("summary", "description", "location")]
        texts += [f"{a.get('displayName', '')} {a['email']}" for a in body.get("attendees", [])]
        return self.text in " ".join(texts).lower()

    def in_window(self, record: EventRecord) -> bool:
        """timeMin bounds the end, timeMax the start, both exclusive."""
        if self.low is None and self.high is None:
            return True
        if record.repeats:
            after = None if self.low is None else datetime.fromtimestamp(self.low, UTC)
            before = self.horizon if self.high is None else datetime.fromtimestamp(self.high, UTC)
            before = max(before, after + timedelta(days=3660)) if after and self.high is None else before
            found = recurrence_instances.occurrences(record.body, self.calendar.time_zone, after, before)
            if next(found, None) is not None:
                return True
            return any(self.in_window(e) for e in self.calendar.exceptions.get(record.id, {}).values())
        return self.overlaps(record.starts_at, record.ends_at)

    def overlaps(self, starts: float, ends: float) -> bool:
        if self.low is not None and ends <= self.low and not (starts == ends > self.low):
            return False
        return self.high is None or starts < self.high

    def _has_properties(self, body: Json) -> bool:
        given = body.get("extendedProperties", {})
        return all(given.get(section, {}).get(key) == value for section, key, value in self.properties)


def single_rows(call: Call, calendar: Calendar, sync: SyncPoint | None) -> Iterator[Row]:
    """Every occurrence on its own, the series themselves hidden."""
    wanted = _Filter(call, calendar, sync)
    ids = _changed_ids(calendar, sync) if sync else calendar.events.keys()
    found: dict[str, EventRecord] = {}
    for event_id in ids:
        record = calendar.events[event_id]
        if record.repeats and not record.series_id:
            for instance in _expanded(call, calendar, record, wanted):
                found[instance.id] = instance
            if sync:
                found |= {i: r for i in record.retired if (r := _gone(record, i, calendar)) is not None}
        elif not record.dropped or sync:
            found[event_id] = record
    for record in sorted(found.values(), key=lambda r: event_store.order_key(r.id)):
        if record.cancelled and not wanted.deleted:
            continue
        parent = calendar.events.get(record.series_id or "")
        hidden = parent is not None and parent.cancelled and not record.cancelled
        if not hidden and wanted.matches(record) and (record.cancelled or wanted.in_window(record)):
            yield event_store.order_key(record.id), record


def _gone(record: EventRecord, instance_id: str, calendar: Calendar) -> EventRecord | None:
    if instance_id in calendar.events:
        return None
    key = instance_id.rpartition("_")[2]
    start = {"date": f"{key[:4]}-{key[4:6]}-{key[6:]}"}
    if "T" in key:
        moment = datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        start = {"dateTime": times.render(moment, calendar.time_zone)}
    body = record.body | {"id": instance_id, "status": "cancelled", "recurringEventId": record.id}
    body |= {"originalStartTime": start, "start": start}
    body.pop("recurrence", None)
    return EventRecord(instance_id, body, record.change)


def _expanded(
    call: Call, calendar: Calendar, record: EventRecord, wanted: _Filter | None = None
) -> Iterator[EventRecord]:
    """The instances of a series, with its exceptions in their places, moved ones included."""
    query = call.query
    low, high = (wanted.low, wanted.high) if wanted else (_instant(query, "timeMin"), _instant(query, "timeMax"))
    after = None if low is None else datetime.fromtimestamp(low, UTC)
    before = series.horizon(call.world) if high is None else datetime.fromtimestamp(high, UTC)
    exceptions = {i: e for i, e in calendar.exceptions.get(record.id, {}).items() if not e.dropped}
    for found in recurrence_instances.occurrences(record.body, calendar.time_zone, after, before):
        if found.id not in exceptions:
            yield event_store.made_up(record, found, calendar)
    for exception in exceptions.values():
        if record.cancelled and not exception.cancelled:
            exception = event_store.copy_of(exception)  # noqa: PLW2901
            exception.body["status"] = "cancelled"
        if (low is None or exception.ends_at > low) and exception.starts_at < before.timestamp():
            yield exception


def _instant(query: dict[str, Any], name: str) -> float | None:
    return times.instant(query[name]) if name in query else None


def _instance_wanted(query: dict[str, Any], record: EventRecord, original: str | None) -> bool:
    if record.cancelled and not query.get("showDeleted"):
        return False
    if original is None:
        return True
    started = record.body["originalStartTime"]
    if "date" in started:
        return bool(started["date"] == original[:10])
    try:
        return times.instant(started["dateTime"]) == times.instant(original)
    except (ValueError, TypeError):
        return False


def _position(record: EventRecord) -> float:
    return record.starts_at


def _by_wish(rows: Iterator[Row], wish: str) -> Iterator[Row]:
    for position, record in rows:
        yield ((record.starts_at if wish == "startTime" else record.body["updated"]), position[-1]), record


def _item(call: Call, calendar: Calendar, record: EventRecord) -> Json:
    if record.cancelled:
        return event_store.stub(record)
    return event_store.shown(record, calendar, call.email, call.query)
