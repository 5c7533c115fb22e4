"""Which calendars somebody sees, and when people are busy."""

from simulators.common.wire import Json
from simulators.microsoft import access, errors, items, odata, zones
from simulators.microsoft.call import Call
from simulators.microsoft.errors import GraphError
from simulators.microsoft.event_list import link
from simulators.microsoft.model import Account, Calendar
from simulators.microsoft.render import change_key


def mailbox_settings(call: Call) -> Json:
    return {"timeZone": call.mailbox.time_zone, "dateFormat": "dd/MM/yyyy", "timeFormat": "HH:mm"}


def list_calendars(call: Call) -> Json:
    odata.check(call.query, ("$top", "$skip", "$select"))
    listed = _shared_with(call) if call.foreign else _listed(call, call.mailbox)
    top = odata.number(call.query, "$top", call.page_size or call.world.settings.default_page_size, 1000)
    skip = odata.number(call.query, "$skip", 0, 10**6)
    wanted = odata.names(call.query.get("$select"))
    value = [odata.selected(entry(call, c, shown), wanted) for shown, c in listed[skip : skip + top]]
    page: Json = {"@odata.context": f"{call.base_url}/v1.0/$metadata#calendars", "value": value}
    if len(listed) > skip + top:
        page["@odata.nextLink"] = link(call, {**call.query, "$skip": str(skip + top)})
    return page


def get_calendar(call: Call) -> Json:
    odata.check(call.query, ("$select",))
    calendar = call.calendar()
    found = entry(call, calendar, call.path.get("calendarId", calendar.id))
    return odata.selected(found, odata.names(call.query.get("$select")))


def create_calendar(call: Call) -> Json:
    _own_mailbox(call)
    name = _name(call)
    if any(c.name == name for _, c in _listed(call, call.mailbox)):
        raise GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.")
    calendar = call.world.add_calendar(call.mailbox.email, name)
    return entry(call, calendar, calendar.id)


def rename_calendar(call: Call) -> Json:
    calendar = call.calendar(write=True)
    calendar.name, calendar.change_key = _name(call), call.world.next_change()
    return entry(call, calendar, calendar.id)


def delete_calendar(call: Call) -> None:
    calendar = call.calendar(write=True)
    if calendar.kind == "default" or calendar.owner != call.mailbox.email:
        raise GraphError(400, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
    calendar.deleted = True


def entry(call: Call, calendar: Calendar, shown_id: str) -> Json:
    owner = call.world.accounts[calendar.owner]
    shared = call.mailbox.shared.get(shown_id)
    role = call.role_on(calendar)
    can_edit = calendar.can_edit and access.may_write(role)
    online = [] if owner.personal else ["teamsForBusiness"]
    return {
        "id": shown_id,
        "name": calendar.name if shared is None else f"{owner.name}",
        "color": calendar.color,
        "hexColor": "",
        "isDefaultCalendar": calendar.kind == "default" and shared is None,
        "changeKey": change_key(calendar.change_key),
        "canShare": can_edit and role == "owner",
        "canViewPrivateItems": role in {"owner", "delegateWithPrivateEventAccess"},
        "canEdit": can_edit,
        "allowedOnlineMeetingProviders": online,
        "defaultOnlineMeetingProvider": online[0] if online else "unknown",
        "isTallyingResponses": calendar.kind == "default",
        "isRemovable": calendar.kind != "default",
        "owner": {"name": owner.name, "address": owner.email},
    }


def get_schedule(call: Call) -> Json:
    body = call.body if isinstance(call.body, dict) else {}
    people, interval = body.get("schedules"), body.get("availabilityViewInterval", 30)
    if not isinstance(people, list) or not people:
        raise errors.bad_request("'schedules' is a list of addresses.")
    if not isinstance(interval, int) or not 5 <= interval <= 1440:
        raise errors.bad_request("'availabilityViewInterval' is 5 to 1440 minutes.")
    begins, ends = (_moment(body, name) for name in ("startTime", "endTime"))
    return {"value": [_schedule(call, str(email), begins, ends, interval) for email in people]}


def _schedule(call: Call, email: str, begins: float, ends: float, interval: int) -> Json:
    account = call.world.accounts.get(email)
    if account is None or account.tenant != call.tenant:
        failure = {"message": "Unable to resolve e-mail address to an Active Directory object.", "responseCode": "5009"}
        return {"scheduleId": email, "availabilityView": "", "scheduleItems": [], "error": failure}
    calendar = call.world.default_calendar(email)
    found = [
        item
        for record in calendar.events.values()
        if not record.gone
        for item in items.in_window(call.world, record, begins, ends)
    ]
    found.sort(key=lambda item: item.starts_at)
    slots = []
    for number in range(int((ends - begins) // (interval * 60))):
        at = begins + number * interval * 60
        marks = [_MARKS[i.fields["showAs"]] for i in found if i.starts_at < at + interval * 60 and i.ends_at > at]
        slots.append(max(marks, default="0"))
    shown = [
        {
            "status": item.fields["showAs"],
            "start": zones.shown(item.starts_at, "UTC"),
            "end": zones.shown(item.ends_at, "UTC"),
            "isPrivate": item.fields["sensitivity"] == "private",
        }
        for item in found
    ]
    return {"scheduleId": email, "availabilityView": "".join(slots), "scheduleItems": shown}


_MARKS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4", "unknown": "0"}


def _moment(body: Json, name: str) -> float:
    value = body.get(name)
    if not isinstance(value, dict):
        raise errors.bad_request(f"'{name}' is missing.")
    return zones.seconds_of(*zones.read_clock(value, name))


def _listed(call: Call, account: Account) -> list[tuple[str, Calendar]]:
    """(id in this person's list, calendar); what others share comes last."""
    calendars = call.world.calendars
    own = [(c.id, c) for c in calendars.values() if c.owner == account.email and not c.deleted]
    return own + [(a, calendars[c]) for a, (c, _) in account.shared.items() if not calendars[c].deleted]


def _shared_with(call: Call) -> list[tuple[str, Calendar]]:
    """Of somebody else's calendars those that the caller was let into."""
    found = [(c.id, c) for _, c in _listed(call, call.mailbox) if c.owner == call.mailbox.email and call.role_on(c)]
    if not any(scope.endswith(".Shared") for scope in call.scopes):
        raise errors.access_denied()
    if not found:
        raise access.no_permission(call.world)
    return found


def _own_mailbox(call: Call) -> None:
    if call.foreign:
        raise errors.access_denied()


def _name(call: Call) -> str:
    body = call.body if isinstance(call.body, dict) else {}
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise errors.bad_property("A calendar needs a name.")
    return str(body["name"])
