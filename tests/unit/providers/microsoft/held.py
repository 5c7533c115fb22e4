"""What Graph has after something was written: enough of it to read our own writing back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from shared.calendar.recurrence import parse_original_start
from shared.calendar.timezones import from_utc
from shared.model import CONTENT_FIELDS, Cancelled, Content, Series, ZonedTime
from shared.providers.microsoft.convert import deleted_id, write_event, write_fields

_UNWRITTEN: dict[str, Any] = {
    "id": "e1",
    "@odata.etag": 'W/"1"',
    "lastModifiedDateTime": "2027-01-01T08:00:00.0000000Z",
    "type": "singleInstance",
    "body": {"contentType": "html", "content": ""},
    "location": {"displayName": ""},
    "attendees": [],
    "isCancelled": False,
    "recurrence": None,
    "cancelledOccurrences": [],
    "exceptionOccurrences": [],
}


def held(series: Series) -> dict[str, Any]:
    """The series as Graph has it once the adapter has written it, its overrides and its excluded dates."""
    body = write_event(series, tag="ev-1", key="key-1", transaction_id="lockstep-1")
    raw = _UNWRITTEN | in_utc(body)
    if series.recurrence:
        raw["type"] = "seriesMaster"
    for key, value in series.overrides.items():
        if isinstance(value, Cancelled):
            raw["cancelledOccurrences"] = [*raw["cancelledOccurrences"], _deleted(series, key)]
        else:
            raw["exceptionOccurrences"] = [*raw["exceptionOccurrences"], _exception(key, value)]
    for line in series.recurrence:
        if line.startswith("EXDATE"):
            keys = line.partition(":")[2].split(",")
            raw["cancelledOccurrences"] = [*raw["cancelledOccurrences"], *(_deleted(series, key) for key in keys)]
    return raw


def in_utc(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as it comes back: times in UTC, their zones beside them; a whole day at midnight."""
    raw = dict(body)
    for name, original in (("start", "originalStartTimeZone"), ("end", "originalEndTimeZone")):
        if name not in raw:
            continue
        zone = raw[name]["timeZone"]
        raw[original] = zone
        local = datetime.fromisoformat(raw[name]["dateTime"])
        if not raw.get("isAllDay"):
            local = local.replace(tzinfo=ZoneInfo(win_tz[zone])).astimezone(UTC).replace(tzinfo=None)
        raw[name] = {"dateTime": f"{local.isoformat()}.0000000", "timeZone": "UTC"}
    return raw


def _exception(key: str, value: Content) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in CONTENT_FIELDS}
    raw = _UNWRITTEN | in_utc(write_fields(fields, held=_plain()))
    named = parse_original_start(key)
    text = f"{named:%Y-%m-%dT%H:%M:%S}Z" if isinstance(named, datetime) else f"{named.isoformat()}T00:00:00Z"
    return raw | {"id": f"e1-{key}", "type": "exception", "seriesMasterId": "e1", "originalStart": text}


def _plain() -> dict[str, Any]:
    noon = {"dateTime": "2027-01-01T12:00:00", "timeZone": "UTC"}
    return _UNWRITTEN | {"start": noon, "end": noon}


def _deleted(series: Series, key: str) -> str:
    named, start = parse_original_start(key), series.content.span.start
    if isinstance(named, datetime) and isinstance(start, ZonedTime):
        return deleted_id("e1", from_utc(named, start.zone).local.date())
    assert not isinstance(named, datetime)
    return deleted_id("e1", named)
