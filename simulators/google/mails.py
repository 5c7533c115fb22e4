"""The mails Google would have sent to guests: counted, never sent.

`note` compares an event before and after a write and adds `{to, event, calendar, kind, title}` to `world.mails` as far
as `sendUpdates` allows. A write with guests that does not say `sendUpdates` is counted as a warning, since what Google
then mails depends on the account.
"""

from simulators.google.call import Call
from simulators.google.model import Calendar
from simulators.google.wire import Json

MISSING = "sendUpdates missing on an event with guests"


def note(call: Call, calendar: Calendar, before: Json | None, after: Json) -> None:
    old = _guests(before)
    new = set() if after["status"] == "cancelled" else _guests(after)
    if not old | new:
        return
    wish = call.query.get("sendUpdates")
    if wish is None and call.query.get("sendNotifications") is not None:
        wish = "all" if call.query["sendNotifications"] else "none"
    if wish is None:
        if not call.as_user:
            call.world.warnings[MISSING] += 1
        return
    if wish == "none":
        return
    if not after["organizer"].get("self"):
        _add(call, calendar, after, after["organizer"].get("email", ""), "response")
        return
    for email in sorted(old | new):
        if wish == "externalOnly" and email in call.world.accounts:
            continue
        kind = "invitation" if email not in old else "cancellation" if email not in new else "update"
        _add(call, calendar, after, email, kind)


def _guests(body: Json | None) -> set[str]:
    if body is None:
        return set()
    return {a["email"] for a in body.get("attendees", []) if not a.get("self")}


def _add(call: Call, calendar: Calendar, body: Json, to: str, kind: str) -> None:
    title = body.get("summary", "")
    call.world.mails.append({"to": to, "event": body["id"], "calendar": calendar.id, "kind": kind, "title": title})
