"""The mails Exchange would have sent to guests: counted, never sent. Graph has no way to write without them.

`note` compares an event before and after a write and adds `{to, event, calendar, kind, title}` to `world.mails`.
"""

from simulators.common.wire import Json
from simulators.microsoft.call import Call
from simulators.microsoft.event_body import PERSONAL
from simulators.microsoft.model import Calendar, EventRecord


def note(
    call: Call,
    calendar: Calendar,
    record: EventRecord,
    before: Json,
    after: Json,
    *,
    changed: set[str],
    exceptions: int = 0,
) -> None:
    """A write of `changed` members. Guests new or gone are told so; the others too, unless only guests changed.

    A changed series is told once more for each of its `exceptions`.
    """
    if not record.own:
        return
    old, new = _guests(before, calendar), _guests(after, calendar)
    for email in sorted(old | new):
        if email not in old:
            _add(call, calendar, record, email, "invitation", after)
        elif email not in new:
            _add(call, calendar, record, email, "cancellation", before)
        elif changed != {"attendees"} and _worth_a_mail(call, changed):
            for _ in range(1 + exceptions):
                _add(call, calendar, record, email, "update", after)


def cancelled(call: Call, calendar: Calendar, record: EventRecord, fields: Json) -> None:
    if record.own:
        for email in sorted(_guests(fields, calendar)):
            _add(call, calendar, record, email, "cancellation", fields)


def _worth_a_mail(call: Call, changed: set[str]) -> bool:
    return call.world.settings.any_write_mails or bool(changed - PERSONAL - {"singleValueExtendedProperties"})


def _guests(fields: Json, calendar: Calendar) -> set[str]:
    addresses = {a["emailAddress"]["address"] for a in fields.get("attendees", [])}
    return addresses - {calendar.owner}


def _add(call: Call, calendar: Calendar, record: EventRecord, to: str, kind: str, fields: Json) -> None:
    call.world.mails.append(
        {
            "to": to,
            "event": call.id_of(calendar, record),
            "calendar": calendar.id,
            "kind": kind,
            "title": fields["subject"],
            "by": "user" if call.as_user else "app",
        }
    )
