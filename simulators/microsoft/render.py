"""Events as JSON: `full` for everything but delta's occurrences, `thin` for those.

Times are on the clock that `Prefer: outlook.timezone` names; an all-day event is at midnight whatever it names.
"""

from urllib.parse import quote

from simulators.common.wire import Json
from simulators.microsoft import bodies, items, odata, zones
from simulators.microsoft.call import Call
from simulators.microsoft.items import Item
from simulators.microsoft.model import Calendar, EventRecord

NO_TIME = "0001-01-01T00:00:00Z"


def change_key(number: int) -> str:
    return f"Z47/STUbYkukHy6K{number:012d}=="


def etag(number: int) -> str:
    return f'W/"{change_key(number)}"'


def times_of(item: Item, zone: str) -> tuple[Json, Json]:
    if item.record.all_day:
        return zones.midnight(item.start, zone), zones.midnight(item.end, zone)
    return zones.shown(item.starts_at, zone), zones.shown(item.ends_at, zone)


def thin(call: Call, calendar: Calendar, item: Item) -> Json:
    """An occurrence in a delta page: no subject, no body, nothing of its series."""
    start, end = times_of(item, call.zone)
    return {
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(item.change),
        "id": call.id_of(calendar, item.record, item.day),
        "seriesMasterId": call.id_of(calendar, item.record),
        "type": "occurrence",
        "start": start,
        "end": end,
    }


def full(call: Call, calendar: Calendar, item: Item, *, zone: str | None = None) -> Json:
    record, fields = item.record, item.fields
    start, end = times_of(item, zone or call.zone)
    detail = call.detail(calendar, fields)
    masked = detail in {"private", "busy"}
    content = fields["body"] if detail == "all" else ""
    found: Json = {
        "@odata.etag": etag(item.change),
        "id": call.id_of(calendar, record, item.day),
        "createdDateTime": zones.stamp(record.created),
        "lastModifiedDateTime": zones.stamp(item.modified),
        "changeKey": change_key(item.change),
        "categories": fields["categories"],
        "transactionId": record.transaction_id,
        "originalStartTimeZone": record.start_zone,
        "originalEndTimeZone": record.end_zone,
        "iCalUId": uid_of(record, item.day),
        "reminderMinutesBeforeStart": fields["reminderMinutesBeforeStart"],
        "isReminderOn": fields["isReminderOn"],
        "hasAttachments": False,
        "subject": {"private": "Private Appointment", "busy": "Busy"}.get(detail, fields["subject"]),
        "bodyPreview": bodies.preview(content),
        "importance": fields["importance"],
        "sensitivity": fields["sensitivity"],
        "isAllDay": record.all_day,
        "isCancelled": record.cancelled,
        "isOrganizer": record.own,
        "responseRequested": fields["responseRequested"],
        "seriesMasterId": call.id_of(calendar, record) if item.day else None,
        "showAs": fields["showAs"],
        "type": item.kind,
        "webLink": f"https://outlook.office365.com/owa/?itemid={quote(call.id_of(calendar, record, item.day))}",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": fields["isOnlineMeeting"],
        "onlineMeetingProvider": fields["onlineMeetingProvider"],
        "allowNewTimeProposals": fields["allowNewTimeProposals"],
        "hideAttendees": fields["hideAttendees"],
        "isDraft": False,
        "responseStatus": {"response": "organizer" if record.own else "notResponded", "time": NO_TIME},
        "body": bodies.shown(content, text=call.text_bodies),
        "start": start,
        "end": end,
        "location": {"displayName": ""} if masked else fields["location"],
        "locations": [] if masked else fields["locations"] or _as_list(fields["location"]),
        "recurrence": record.recurrence if item.kind == "seriesMaster" else None,
        "attendees": fields.get("attendees", []) if detail == "all" else [],
        "organizer": record.organizer,
        "onlineMeeting": fields["onlineMeeting"],
    }
    if record.transaction_id is None:
        del found["transactionId"]
    if item.day:
        found["originalStart"] = zones.plain_stamp(
            zones.seconds_of(items.usual_times(record, item.day)[0], record.zone)
        )
    return found


def shaped(call: Call, calendar: Calendar, item: Item, *, zone: str | None = None) -> Json:
    """`full`, with what `$expand` adds and `$select` leaves."""
    found = full(call, calendar, item, zone=zone)
    for name, inner in odata.expansions(call.query.get("$expand")):
        if name == "singleValueExtendedProperties":
            wanted = odata.property_ids(inner)
            held = [{"id": k, "value": v} for k, v in item.extended.items() if k in wanted]
            if held:
                found[name] = held
        elif name == "exceptionOccurrences":
            days = sorted(set(item.record.exceptions) - set(item.record.dropped))
            found[name] = [full(call, calendar, items.occurrence(item.record, day), zone=zone) for day in days]
    selected = odata.names(call.query.get("$select"))
    if "cancelledOccurrences" in selected:
        master = call.id_of(calendar, item.record)
        found["cancelledOccurrences"] = [f"OID.{master}.{day}" for day in sorted(item.record.dropped)]
    return odata.selected(found, selected)


def uid_of(record: EventRecord, day: str) -> str:
    """An occurrence's own: the day stands in the middle of the series' one."""
    if not day:
        return record.uid
    year, month, date = (int(part) for part in day.split("-"))
    return f"{record.uid[:32]}{year:04X}{month:02X}{date:02X}{record.uid[40:]}"


def _as_list(location: Json) -> list[Json]:
    return [location] if location.get("displayName") else []
