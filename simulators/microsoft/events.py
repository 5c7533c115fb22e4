"""Create, read, change, delete and cancel events, through the API or in the person's name.

Whatever changes an event goes through `put`: a new change number, an entry in the calendar's changes, a notification.
"""

import hashlib

from simulators.common.wire import Json
from simulators.microsoft import errors, event_body, exceptions, ids, items, mails, odata, recurrence, render, zones
from simulators.microsoft.bodies import MEETING_MARK
from simulators.microsoft.call import Call
from simulators.microsoft.model import Calendar, EventRecord
from simulators.microsoft.store import put

SINGLE_QUERY = ("$select", "$expand")


def get(call: Call) -> Json:
    odata.check(call.query, SINGLE_QUERY)
    calendar, record, day = call.found()
    return render.shaped(call, calendar, _item(call, record, day))


def create(call: Call) -> Json:
    odata.check(call.query, ())
    calendar = call.calendar(write=True)
    given = event_body.check(call.body, call.world.settings, create=True)
    transaction = given.get("transactionId")
    if transaction is not None:
        _check_transaction(call, transaction)
    record = _fresh(call, calendar, given)
    record.made_by = call.actor
    if transaction is not None:
        call.world.transactions[(calendar.owner, transaction)] = record.token
        record.transaction_id = transaction
    put(call, calendar, record, "", "created")
    mails.note(call, calendar, record, {}, record.fields, changed=set(given))
    return render.full(call, calendar, items.whole(record))


def update(call: Call) -> Json:
    odata.check(call.query, SINGLE_QUERY)
    calendar, record, day = call.found(write=True)
    given = event_body.check(call.body, call.world.settings, create=False)
    item = _item(call, record, day)
    check_match(call, item.change)
    if day:
        exceptions.change(call, calendar, record, day, given)
    else:
        _change(call, calendar, record, given)
    zone = "UTC" if call.world.settings.utc_patch_replies else None
    return render.shaped(call, calendar, _item(call, record, day), zone=zone)


def delete(call: Call) -> None:
    odata.check(call.query, ())
    calendar, record, day = call.found(write=True)
    item = _item(call, record, day)
    check_match(call, item.change)
    if record.own and item.ends_at > call.world.seconds():
        mails.cancelled(call, calendar, record, item.fields)
    remove(call, calendar, record, day)


def cancel(call: Call) -> None:
    """The organiser calls it off: guests are mailed, the event goes."""
    calendar, record, day = call.found(write=True)
    item = _item(call, record, day)
    if set(call.body or {}) - {"comment", "Comment"}:
        raise errors.bad_body("'cancel' takes a comment.")
    if not record.own:
        raise errors.bad_request("You need to be an organizer to cancel a meeting.")
    mails.cancelled(call, calendar, record, item.fields)
    remove(call, calendar, record, day)


def remove(call: Call, calendar: Calendar, record: EventRecord, day: str) -> None:
    if day:
        record.exceptions.pop(day, None)
        record.dropped.append(day)
        put(call, calendar, record, day, "deleted")
        return
    record.gone = True
    put(call, calendar, record, "", "deleted")


def check_match(call: Call, change: int) -> None:
    """412 when the caller named another version; a weak or a bare change key will do."""
    if call.if_match in {None, "*"} or call.world.settings.if_match == "ignored":
        return
    if call.if_match not in {render.etag(change), f'"{render.change_key(change)}"', render.change_key(change)}:
        raise errors.stale()


def _item(call: Call, record: EventRecord, day: str) -> items.Item:
    if not day:
        return items.whole(record)
    if not items.exists(call.world, record, day):
        raise errors.not_found()
    return items.occurrence(record, day)


def _check_transaction(call: Call, transaction: object) -> None:
    if not isinstance(transaction, str):
        raise errors.bad_body("'transactionId' is a string.")
    token = call.world.transactions.get((call.mailbox.email, transaction))
    if token is None:
        return
    extra: Json = {}
    settings = call.world.settings
    calendar = call.world.calendars[call.world.event_index[token]]
    if settings.duplicate_transaction_names_event:
        extra = {"@event.existingEventId": call.id_of(calendar, calendar.events[token])}
    message = "An event with the same transactionId already exists; the duplicate was not created."
    raise errors.GraphError(settings.duplicate_transaction_status, "ErrorDuplicateTransactionId", message, extra=extra)


def _fresh(call: Call, calendar: Calendar, given: Json) -> EventRecord:
    world, now = call.world, call.world.seconds()
    if "start" not in given or "end" not in given:
        raise errors.bad_property("An event needs a start and an end.")
    fields = event_body.DEFAULTS | {k: v for k, v in given.items() if k not in event_body.TIMES}
    for name in ("transactionId", "singleValueExtendedProperties"):
        fields.pop(name, None)
    token = world.event_token()
    owner = world.accounts[calendar.owner]
    record = EventRecord(
        token=token,
        immutable=ids.immutable_token(token),
        fields=fields,
        start="",
        end="",
        start_zone="",
        end_zone="",
        starts_at=0.0,
        ends_at=0.0,
        all_day=bool(given.get("isAllDay", False)),
        recurrence=None,
        uid="040000008200E00074C5B7101A82E008" + "0" * 8 + hashlib.sha256(token.encode()).hexdigest()[:72].upper(),
        created=now,
        modified=now,
        change=0,
        organizer={"emailAddress": {"name": owner.name, "address": owner.email}},
        extended=event_body.extended_properties(given.get("singleValueExtendedProperties")),
    )
    set_times(record, given["start"], given["end"])
    if given.get("recurrence") is not None:
        record.recurrence = recurrence.check(given["recurrence"], record.start[:10], record.start_zone)
    _meeting(record.fields, {}, given)
    return record


def set_times(record: EventRecord, start: Json, end: Json) -> None:
    """Check and put in place start and end as they were written."""
    if not isinstance(start, dict) or not isinstance(end, dict):
        raise errors.bad_property("'start' and 'end' hold dateTime and timeZone.")
    begins, start_zone = zones.read_clock(start, "start")
    ends, end_zone = zones.read_clock(end, "end")
    check_all_day(begins, ends, start_zone, end_zone, all_day=record.all_day)
    if zones.seconds_of(ends, end_zone) < zones.seconds_of(begins, start_zone):
        raise errors.GraphError(400, "ErrorInvalidRequest", "The end date and time must be after the start.")
    record.start, record.start_zone, record.starts_at = begins, start_zone, zones.seconds_of(begins, start_zone)
    record.ends_at = zones.seconds_of(ends, end_zone)
    # Occurrences are told on the clock of the start.
    same = zones.zone(start_zone) == zones.zone(end_zone)
    record.end = ends if same else zones.local(record.ends_at, start_zone).isoformat()
    record.end_zone = end_zone


def check_all_day(begins: str, ends: str, start_zone: str, end_zone: str, *, all_day: bool) -> None:
    if not all_day:
        return
    if begins[11:] != "00:00:00" or ends[11:] != "00:00:00":
        raise errors.bad_property("The Event.Start and Event.End of an all-day event must be at midnight.")
    if start_zone != end_zone:
        raise errors.bad_property("Start and end of an all-day event must be in the same time zone.")
    if ends <= begins:
        raise errors.bad_property("The duration of an event marked as all day must be at least 24 hours.")


def _change(call: Call, calendar: Calendar, record: EventRecord, given: Json) -> None:
    before = record.fields
    fields = before | {
        k: v for k, v in given.items() if k not in event_body.TIMES and k != "singleValueExtendedProperties"
    }
    _meeting(fields, before, given)
    extended = record.extended | event_body.extended_properties(given.get("singleValueExtendedProperties"))
    exceptions_before = len(record.exceptions)
    if event_body.TIMES & set(given):
        _retime(record, given)
    record.fields, record.extended = fields, extended
    mails.note(call, calendar, record, before, fields, changed=set(given), exceptions=exceptions_before)
    put(call, calendar, record, "", "updated")


def _retime(record: EventRecord, given: Json) -> None:
    """New times or a new rule. What the rule no longer gives is forgotten: exceptions too, as Exchange does."""
    trial = EventRecord(**{name: getattr(record, name) for name in EventRecord.__slots__})
    trial.all_day = bool(given.get("isAllDay", record.all_day))
    as_it_was = {"dateTime": record.start, "timeZone": record.start_zone}
    end_as_it_was = {"dateTime": record.end, "timeZone": record.start_zone}
    set_times(trial, given.get("start", as_it_was), given.get("end", end_as_it_was))
    if "recurrence" in given:
        wanted = given["recurrence"]
        trial.recurrence = None if wanted is None else recurrence.check(wanted, trial.start[:10], trial.start_zone)
    elif record.recurrence is not None:
        span = record.recurrence["range"] | {"recurrenceTimeZone": trial.start_zone}
        kept = {"pattern": record.recurrence["pattern"], "range": span}
        trial.recurrence = recurrence.check(kept, trial.start[:10], trial.start_zone)
    moved = (trial.start, trial.end, trial.start_zone) != (record.start, record.end, record.start_zone)
    for name in ("start", "end", "start_zone", "end_zone", "starts_at", "ends_at", "all_day"):
        setattr(record, name, getattr(trial, name))
    if moved or trial.recurrence != record.recurrence:
        record.exceptions, record.dropped = {}, []
    record.recurrence = trial.recurrence


def _meeting(fields: Json, before: Json, given: Json) -> None:
    """An online meeting comes with its blob in the body, and goes only with it."""
    was = bool(before.get("isOnlineMeeting"))
    if not was and fields["isOnlineMeeting"]:
        mark = f"{MEETING_MARK}</div>"
        body = fields["body"] or "<html>\r\n<body>\r\n</body>\r\n</html>\r\n"
        fields["body"] = body.replace("\r\n</body>", f"\r\n{mark}\r\n</body>") if "</body>" in body else body + mark
        fields["onlineMeeting"] = {"joinUrl": "https://teams.example/l/meetup-join/0"}
        fields["onlineMeetingProvider"] = "teamsForBusiness"
    elif was:
        kept = "body" not in given or MEETING_MARK in fields["body"]
        fields["isOnlineMeeting"] = kept
        if not kept:
            fields["onlineMeeting"], fields["onlineMeetingProvider"] = None, "unknown"
