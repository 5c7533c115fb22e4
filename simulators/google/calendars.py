"""Calendars, the list of calendars a person has, and the person's settings."""

from typing import Any

from simulators.google import channels, errors, sync_tokens, times
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.event_rules import without_nulls
from simulators.google.model import ROLES, Calendar
from simulators.google.sync_tokens import PagePoint, SyncPoint
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld


def list_calendars(call: Call) -> Json:
    query, world = call.query, call.world
    subject = f"calendarList:{call.email}"
    sync = _list_sync(call, subject)
    page = sync_tokens.read_page(subject, query)
    change = page.change if page else max((c.list_change for c in _of(world, call.email)), default=0)
    entries = [c for c in _of(world, call.email) if _listed(c, call, sync)]
    entries.sort(key=lambda c: (c.list_change, c.id))
    if page is not None:
        entries = [c for c in entries if (c.list_change, c.id) > tuple(page.after)]
    size = min(query.get("maxResults", 100), 250)
    reply: Json = {"kind": "calendar#calendarList", "etag": f'"p{change}"'}
    reply["items"] = [entry(c, call.email) for c in entries[:size]]
    if len(entries) > size:
        last = (entries[size - 1].list_change, entries[size - 1].id)
        parameters = sync_tokens.page_fingerprint(query)
        reply["nextPageToken"] = sync_tokens.write("page", PagePoint(subject, change, last, parameters))
    else:
        point = SyncPoint(subject, change, 0, world.seconds(), "", None, None)
        reply["nextSyncToken"] = sync_tokens.write("sync", point)
    return reply


def get_entry(call: Call) -> Json:
    return entry(call.calendar("freeBusyReader"), call.email)


def get_calendar(call: Call) -> Json:
    return resource(call.calendar("freeBusyReader"))


def insert_calendar(call: Call) -> Json:
    body = without_nulls(call.body)
    if not body.get("summary"):
        raise errors.required("Missing title.")
    zone_name = body.get("timeZone", call.account.time_zone)
    if not times.is_zone(zone_name):
        raise errors.invalid("Invalid time zone.")
    calendar = call.world.add_calendar(
        call.email,
        summary=body["summary"],
        time_zone=zone_name,
        description=body.get("description", ""),
        location=body.get("location", ""),
    )
    channels.announce_list(call.world, call.email)
    return resource(calendar)


def delete_calendar(call: Call) -> None:
    calendar = call.calendar("owner")
    if calendar.kind == "primary":
        message = "Cannot delete a primary calendar."
        raise ApiError(403, "forbidden", message)
    drop(call.world, calendar)


def drop(world: GoogleWorld, calendar: Calendar) -> None:
    """Delete a calendar for everybody who has it."""
    calendar.deleted = True
    calendar.list_change = world.next_stamp()
    for email in calendar.roles:
        channels.announce_list(world, email)


def list_settings(call: Call) -> Json:
    if "syncToken" in call.query or "pageToken" in call.query:
        raise errors.full_sync_required()
    items = [_setting(name, value) for name, value in _settings(call).items()]
    point = SyncPoint(f"settings:{call.email}", 0, 0, call.world.seconds(), "", None, None)
    token = sync_tokens.write("sync", point)
    return {"kind": "calendar#settings", "etag": '"s1"', "items": items, "nextSyncToken": token}


def get_setting(call: Call) -> Json:
    value = _settings(call).get(call.path["setting"])
    if value is None:
        raise errors.not_found()
    return _setting(call.path["setting"], value)


def entry(calendar: Calendar, email: str) -> Json:
    """A row of a person's calendar list."""
    if calendar.deleted:
        return {"kind": "calendar#calendarListEntry", "etag": _list_etag(calendar), "id": calendar.id, "deleted": True}
    row: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": _list_etag(calendar),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": calendar.roles[email],
        "defaultReminders": calendar.default_reminders if calendar.kind != "holiday" else [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    if calendar.description:
        row["description"] = calendar.description
    if calendar.kind == "primary" and calendar.owner == email:
        row["primary"] = True
    return row


def resource(calendar: Calendar) -> Json:
    shown: Json = {
        "kind": "calendar#calendar",
        "etag": _list_etag(calendar),
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    texts = {"description": calendar.description, "location": calendar.location}
    return shown | {name: text for name, text in texts.items() if text}


def _list_etag(calendar: Calendar) -> str:
    return f'"{calendar.list_change}000"'


def _of(world: GoogleWorld, email: str) -> list[Calendar]:
    return [c for c in world.calendars.values() if c.roles.get(email, "none") != "none"]


def _listed(calendar: Calendar, call: Call, sync: SyncPoint | None) -> bool:
    if sync is not None:
        return calendar.list_change > sync.change
    least = call.query.get("minAccessRole", "none")
    if ROLES.index(calendar.roles[call.email]) < ROLES.index(least):
        return False
    return not calendar.deleted or call.query.get("showDeleted", False)


def _list_sync(call: Call, subject: str) -> SyncPoint | None:
    query = call.query
    if "syncToken" not in query:
        return None
    if "minAccessRole" in query or "showOwnOrganizationOnly" in query:
        raise errors.bad_request("Sync token cannot be used with query restrictions.")
    if query.get("showDeleted") is False or query.get("showHidden") is False:
        raise errors.bad_request("showDeleted=false cannot be used with a sync token.")
    return sync_tokens.read_list_sync(call.world, subject, query["syncToken"])


def _settings(call: Call) -> dict[str, str]:
    return {
        "autoAddHangouts": "false",
        "dateFieldOrder": "DMY",
        "defaultEventLength": "60",
        "format24HourTime": "true",
        "locale": "en",
        "timezone": call.account.time_zone,
        "weekStart": "1",
    }


def _setting(name: str, value: str) -> dict[str, Any]:
    return {"kind": "calendar#setting", "etag": '"s1"', "id": name, "value": value}
