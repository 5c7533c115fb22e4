"""One authenticated call to the Calendar API, as every operation receives it.

`Call.calendar` finds the calendar of the path and checks that the caller's role reaches far enough.
"""

from dataclasses import dataclass, field
from typing import Any

from simulators.google import errors
from simulators.google.faults import Fault
from simulators.google.model import ROLES, Account, Calendar
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld


@dataclass
class Call:
    world: GoogleWorld
    name: str
    email: str
    client_id: str
    path: dict[str, str]
    query: dict[str, Any] = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    if_match: str | None = None
    url_path: str = ""
    quiet: bool = False
    """True while many writes are to be told of by one notification, which the caller then sends."""
    as_user: bool = False
    """True when the person acts in Google's own app (the control interface), not a client of the API."""

    @property
    def account(self) -> Account:
        return self.world.accounts[self.email]

    def calendar(self, needed: str, *, calendar_id: str | None = None) -> Calendar:
        """The calendar of the path, on which the caller must have at least the role `needed`."""
        wanted = calendar_id if calendar_id is not None else self.path["calendarId"]
        calendar = self.world.calendars.get(self.email if wanted == "primary" else wanted)
        role = calendar.roles.get(self.email, "none") if calendar else "none"
        if calendar is None or calendar.deleted or role == "none":
            raise errors.not_found()
        if not self.as_user and ROLES.index(role) < ROLES.index(needed):
            raise errors.access_level_needed(needed)
        return calendar

    def fault(self, calendar: Calendar, group: str) -> Fault | None:
        return self.world.faults.take(self.name, self.url_path, self.email, calendar.id, group=group)

    def check_match(self, etag: str) -> None:
        """Refuse with 412 when the caller named another version."""
        if self.if_match is not None and self.if_match not in {"*", etag}:
            raise errors.condition_not_met()
