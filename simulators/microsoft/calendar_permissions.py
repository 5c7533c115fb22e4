"""`…/calendarPermissions`: whom the owner of a calendar lets do what.

Only the owner (or an app) sees them: "on behalf of a sharee or delegate" the collection is empty (Graph reference,
calendarPermission). So a service account cannot read there what it may do.
"""

import hashlib

from simulators.common.wire import Json
from simulators.microsoft import access, odata
from simulators.microsoft.call import Call
from simulators.microsoft.model import CALENDAR_ROLES, Calendar


def list_permissions(call: Call) -> Json:
    odata.check(call.query, ())
    calendar = call.calendar()
    value = [] if call.foreign or call.role_on(calendar) != "owner" else _all(call, calendar)
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#calendarPermissions", "value": value}


def _all(call: Call, calendar: Calendar) -> list[Json]:
    world = call.world
    people = [email for email in world.accounts if access.role_of(world, calendar, email)]
    rows = [_row(email, str(access.role_of(world, calendar, email)), removable=True) for email in people]
    return [*rows, _row(None, "freeBusyRead" if calendar.kind == "default" else "none", removable=False)]


def _row(email: str | None, role: str, *, removable: bool) -> Json:
    return {
        "id": hashlib.sha256((email or "").encode()).hexdigest()[:32],
        "isRemovable": removable,
        "isInsideOrganization": True,
        "role": role,
        "allowedRoles": list(CALENDAR_ROLES[1:] if removable else CALENDAR_ROLES[:4]),
        "emailAddress": {"name": email or "My Organization"} | ({"address": email} if email else {}),
    }
