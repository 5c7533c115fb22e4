"""Single events: get, insert, import, update, patch, delete, move, and the exceptions these make of occurrences.

Each function takes a `Call` and returns the JSON to answer. The control interface uses the same functions with
`as_user=True`, so that what a person does obeys the same rules and sets off the same notifications.
"""

from collections.abc import Callable
from typing import Any

from simulators.google import channels, errors, event_rules, event_store, mails, series
from simulators.google.call import Call
from simulators.google.errors import ApiError
from simulators.google.event_rules import Setting, merged, normalise, without_nulls
from simulators.google.model import Calendar, EventRecord
from simulators.google.wire import Json

_KEPT = (
    "kind",
    "id",
    "iCalUID",
    "created",
    "creator",
    "organizer",
    "htmlLink",
    "recurringEventId",
    "originalStartTime",
)


def get(call: Call) -> Json:
    calendar = call.calendar("freeBusyReader")
    record = _found(calendar, call.path["eventId"])
    body = event_store.shown(record, calendar, call.email, call.query)
    parent = calendar.events.get(record.series_id or "")
    return body | {"status": "cancelled"} if parent is not None and parent.cancelled else body


def insert(call: Call, *, server_id: str | None = None) -> Json:
    """A new event; `server_id` is for the simulator itself, whose ids need not obey the rules for clients."""
    calendar = call.calendar("writer")
    draft = without_nulls(call.body)
    event_id, uid = draft.get("id"), draft.get("iCalUID")
    if event_id:
        event_rules.check_id(event_id)
        if event_id in calendar.events:
            raise errors.duplicate()
        if uid and uid != f"{event_id}@google.com":
            raise errors.invalid("Only one of id and iCalUID may be given.")
    if uid and any(not calendar.events[other].cancelled for other in calendar.by_uid.get(uid, [])):
        raise errors.duplicate()
    if draft.get("status") == "cancelled":
        raise errors.invalid("An event cannot be created as cancelled.")
    _check_new_type(call, calendar, draft)
    record = _new_record(call, calendar, draft, server_id or event_id or call.world.new_event_id(), uid)
    record.reminders[call.email] = event_rules.read_reminders(draft.get("reminders"))
    event_store.put(call.world, calendar, record)
    mails.note(call, calendar, None, record.body)
    _tell(call, calendar)
    return event_store.shown(record, calendar, call.email, call.query)


def import_event(call: Call) -> Json:
    """A private copy of an event that lives elsewhere: known by its iCalUID, never mailed."""
    calendar = call.calendar("writer")
    draft = without_nulls(call.body)
    uid = draft.get("iCalUID")
    if not uid:
        raise errors.required("Missing iCalUID.", "iCalUID")
    if draft.get("eventType", "default") != "default":
        raise errors.invalid("Only events of type default can be imported.")
    known = [calendar.events[i] for i in calendar.by_uid.get(uid, []) if not calendar.events[i].series_id]
    record = _new_record(call, calendar, draft, known[0].id if known else call.world.new_event_id(), uid)
    if known:
        if int(draft.get("sequence", 0)) < int(known[0].body["sequence"]):
            raise errors.invalid("Invalid sequence value.")
        record.body["created"] = known[0].body["created"]
    organizer = draft.get("organizer") or {}
    if organizer.get("email") and organizer["email"] != calendar.id:
        record.body["organizer"] = {k: v for k, v in organizer.items() if k != "self"}
    record.body["privateCopy"] = True
    record.reminders[call.email] = event_rules.read_reminders(draft.get("reminders"))
    event_store.put(call.world, calendar, record)
    _tell(call, calendar)
    return event_store.shown(record, calendar, call.email, call.query)


def update(call: Call) -> Json:
    """Full replacement: what the body leaves out is cleared."""

    def draft_of(_: Json) -> Json:
        whole: Json = without_nulls(call.body)
        return whole

    return _change(call, draft_of, whole=True)


def patch(call: Call) -> Json:
    def draft_of(stored: Json) -> Json:
        return merged(stored, call.body)

    return _change(call, draft_of, whole=False)


def delete(call: Call) -> None:
    calendar = call.calendar("writer")
    found = _found(calendar, call.path["eventId"])
    if found.cancelled:
        raise errors.already_deleted()
    call.check_match(found.body["etag"])
    record = event_store.copy_of(found)
    record.body |= {"status": "cancelled", "sequence": record.body["sequence"] + 1}
    event_store.put(call.world, calendar, record)
    mails.note(call, calendar, found.body, record.body)
    _tell(call, calendar)


def move(call: Call) -> Json:
    """To another calendar, whose owner becomes the organizer; the old place keeps an id-only stub."""
    source = call.calendar("writer")
    target = call.calendar("writer", calendar_id=call.query["destination"])
    found = _found(source, call.path["eventId"])
    if found.cancelled:
        raise errors.already_deleted()
    if found.body["eventType"] != "default" or found.series_id:
        raise errors.invalid("Only whole events of type default can be moved.")
    if not _may_change_shared(found.body):
        raise ApiError(403, "cannotChangeOrganizer", "Cannot change the organizer of the event.", domain="calendar")
    if target.id == source.id or found.id in target.events:
        raise errors.duplicate()
    for record in [found, *source.exceptions.get(found.id, {}).values()]:
        moved = event_store.copy_of(record)
        moved.body = event_store.in_zone(moved.body, target.time_zone)
        moved.body["organizer"] = _calendar_as_person(target)
        event_store.put(call.world, target, moved)
        left = event_store.copy_of(record)
        left.body["status"] = "cancelled"
        event_store.put(call.world, source, left)
    _tell(call, source)
    _tell(call, target)
    return event_store.shown(target.events[found.id], target, call.email, call.query)


def _tell(call: Call, calendar: Calendar) -> None:
    if not call.quiet:
        channels.announce(call.world, calendar)


def _found(calendar: Calendar, event_id: str) -> EventRecord:
    record = event_store.find(calendar, event_id)
    if record is None:
        raise errors.not_found()
    return record


def _change(call: Call, draft_of: Callable[[Json], Json], *, whole: bool) -> Json:
    calendar = call.calendar("writer")
    found = _found(calendar, call.path["eventId"])
    call.check_match(found.body["etag"])
    old = found.body
    draft = _kept_parts(call, draft_of(old), old)
    _check_fixed(call, draft, old, is_instance=bool(found.series_id))
    fresh = normalise(draft, _setting(call, calendar))
    if not _may_change_shared(old):
        fresh = _as_guest(call, fresh, old)
    body = fresh | {name: old[name] for name in (*_KEPT, "privateCopy") if name in old}
    body["sequence"] = _next_sequence(draft, old, body)
    record = event_store.copy_of(found)
    reminders_before = found.reminders.get(call.email, {"useDefault": True})
    record.reminders[call.email] = _reminders_after(call, reminders_before, whole=whole)
    _mark_organizer(body)
    if found.series_id:
        series.spread_visibility(call.world, calendar, found, body)
    same = {k: v for k, v in body.items() if k not in {"etag", "updated"}} == {
        k: v for k, v in old.items() if k not in {"etag", "updated"}
    }
    record.body = body | ({"updated": old["updated"]} if same else {})
    record.dropped = False
    if not found.series_id:
        series.before_change(call.world, calendar, found, record)
    event_store.put(call.world, calendar, record, touch=not same or record.reminders == found.reminders)
    mails.note(call, calendar, old, record.body)
    _tell(call, calendar)
    return event_store.shown(record, calendar, call.email, call.query)


def _kept_parts(call: Call, draft: Json, old: Json) -> Json:
    """Conference data and attachments stay untouched by a caller that does not say it knows them."""
    draft = dict(draft)
    for name, understood in (
        ("conferenceData", call.query.get("conferenceDataVersion") == 1 or call.as_user),
        ("attachments", call.query.get("supportsAttachments") is True or call.as_user),
    ):
        if not understood:
            draft.pop(name, None)
            if name in old:
                draft[name] = old[name]
    draft.setdefault("eventType", old["eventType"])
    return draft


def _check_fixed(call: Call, draft: Json, old: Json, *, is_instance: bool) -> None:
    for name in ("id", "iCalUID", "eventType"):
        if draft.get(name) not in {None, old[name]}:
            raise errors.invalid(f"The {name} of an event cannot be changed.")
    if is_instance and call.body.get("recurrence"):
        raise errors.invalid("An instance cannot have a recurrence.")
    given = call.body.get("originalStartTime")
    if is_instance and given and not series.same_moment(given, old["originalStartTime"]):
        raise errors.invalid("The originalStartTime of an instance cannot be changed.")
    if call.body.get("sequence") is not None and call.body["sequence"] < old["sequence"]:
        raise errors.invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of the "
            "resource. Re-fetch the resource and use its sequence number on the following request."
        )


def _next_sequence(draft: Json, old: Json, body: Json) -> int:
    moved = any(body.get(name) != old.get(name) for name in ("start", "end", "recurrence", "status"))
    given: int = draft.get("sequence") or 0
    return max(given, int(old["sequence"]) + (1 if moved else 0))


def _reminders_after(call: Call, before: Json, *, whole: bool) -> Json:
    if whole:
        return event_rules.read_reminders(without_nulls(call.body).get("reminders"))
    if "reminders" not in call.body:
        return before
    given = call.body["reminders"]
    return event_rules.read_reminders(None if given is None else merged(before, given))


def _may_change_shared(body: Json) -> bool:
    return bool(body["organizer"].get("self") or body.get("guestsCanModify") or body.get("privateCopy"))


def _as_guest(call: Call, fresh: Json, old: Json) -> Json:
    """A guest may answer, and keep private things on the own copy; anything shared is refused."""
    if any(fresh.get(name) != old.get(name) for name in event_rules.SHARED_FIELDS):
        raise errors.not_organizer()
    if fresh.get("extendedProperties", {}).get("shared") != old.get("extendedProperties", {}).get("shared"):
        raise errors.not_organizer()
    own = next((a for a in fresh.get("attendees", []) if a.get("self")), None)
    if call.body.get("attendeesOmitted"):
        others = [a if not a.get("self") else (own or a) for a in old.get("attendees", [])]
        return fresh | {"attendees": others}
    if _others(fresh) != _others(old):
        raise errors.not_organizer()
    return fresh


def _others(body: Json) -> list[Any]:
    return [
        {k: v for k, v in a.items() if k != "organizer"} if not a.get("self") else a["email"]
        for a in body.get("attendees", [])
    ]


def _mark_organizer(body: Json) -> None:
    for attendee in body.get("attendees", []):
        if attendee["email"] == body["organizer"].get("email"):
            attendee["organizer"] = True


def _setting(call: Call, calendar: Calendar) -> Setting:
    return Setting(
        calendar_zone=calendar.time_zone,
        self_email=calendar.owner if calendar.kind == "primary" else calendar.id,
        conference_version=1 if call.as_user else call.query.get("conferenceDataVersion", 0),
        attachments=call.as_user or call.query.get("supportsAttachments") is True,
    )


def _check_new_type(call: Call, calendar: Calendar, draft: Json) -> None:
    kind = draft.get("eventType", "default")
    if kind == "fromGmail" and not call.as_user:
        raise errors.invalid("Events of type fromGmail cannot be created.")
    if kind not in {"default", "fromGmail"} and calendar.kind != "primary":
        raise errors.invalid(f"Events of type {kind} belong on a primary calendar.")


def _new_record(call: Call, calendar: Calendar, draft: Json, event_id: str, uid: str | None) -> EventRecord:
    if not (call.as_user or call.query.get("conferenceDataVersion") == 1):
        draft.pop("conferenceData", None)
    if not (call.as_user or call.query.get("supportsAttachments") is True):
        draft.pop("attachments", None)
    body = normalise(draft, _setting(call, calendar))
    body |= {
        "kind": "calendar#event",
        "id": event_id,
        "iCalUID": uid or f"{event_id}@google.com",
        "sequence": int(draft.get("sequence", 0)),
        "created": call.world.timestamp(),
        "creator": {"email": call.email} | ({"self": True} if calendar.id == call.email else {}),
        "organizer": _calendar_as_person(calendar),
        "htmlLink": f"https://www.google.com/calendar/event?eid={event_id}",
    }
    if call.as_user and (draft.get("organizer") or {}).get("email", calendar.id) != calendar.id:
        body["organizer"] = {k: v for k, v in draft["organizer"].items() if k != "self"}
        body["creator"] = {"email": body["organizer"]["email"]}
    _mark_organizer(body)
    return EventRecord(event_id, body)


def _calendar_as_person(calendar: Calendar) -> Json:
    if calendar.kind == "primary":
        return {"email": calendar.id, "self": True}
    return {"email": calendar.id, "displayName": calendar.summary, "self": True}
