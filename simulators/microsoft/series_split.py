"""A series cut in two by the person: "this and following". The first part ends, a new series begins."""

import copy

from simulators.common.wire import Json
from simulators.microsoft import errors, events, items, recurrence, render, zones
from simulators.microsoft.call import Call


def split(call: Call, day: str, changes: Json) -> Json:
    """The new series, which begins on the original day `day` with `changes` made."""
    calendar, record, _ = call.found()
    if record.recurrence is None or day == record.start[:10] or not items.exists(call.world, record, day):
        raise errors.bad_request("A series is split at one of its later occurrences.")
    rule = copy.deepcopy(record.recurrence)
    clamp = call.world.settings.clamp_month_end
    before = recurrence.days(rule, record.start[:10], zones.day_after(day, -1), clamp=clamp)
    start, end = items.usual_times(record, day)
    rest = rule["range"] | {"startDate": day}
    if rest["type"] == "numbered":
        rest["numberOfOccurrences"] -= len(before)
    fresh: Json = {
        "subject": record.fields["subject"],
        "body": {"contentType": "html", "content": record.fields["body"]},
        "location": record.fields["location"],
        "showAs": record.fields["showAs"],
        "sensitivity": record.fields["sensitivity"],
        "isAllDay": record.all_day,
        "start": {"dateTime": start, "timeZone": record.start_zone},
        "end": {"dateTime": end, "timeZone": record.start_zone},
        "recurrence": {"pattern": rule["pattern"], "range": rest},
    }
    kept = {d: e for d, e in record.exceptions.items() if d < day}, [d for d in record.dropped if d < day]
    shorter = rule["range"] | {"type": "endDate", "endDate": before[-1], "numberOfOccurrences": 0}
    call.body = {"recurrence": {"pattern": rule["pattern"], "range": shorter}}
    events.update(call)
    record.exceptions, record.dropped = kept
    call.body = fresh | changes
    made = events.create(call)
    found = calendar.events[call.find(made["id"])[1].token]
    return render.full(call, calendar, items.whole(found))
