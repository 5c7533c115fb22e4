"""One authenticated call to Graph, as every operation receives it, and who may do what.

`Call.calendar` finds the calendar of the path and checks that the caller may go there; `Call.found` finds an event.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from simulators.common.wire import Json
from simulators.microsoft import access, errors, ids
from simulators.microsoft.model import Account, Calendar, EventRecord
from simulators.microsoft.world import MicrosoftWorld


@dataclass
class Call:
    world: MicrosoftWorld
    name: str
    mailbox: Account
    """Whose mailbox the path names."""
    client_id: str
    actor: str | None
    """Who is signed in; None when the app acts for itself."""
    tenant: str
    scopes: list[str]
    path: dict[str, str]
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    zone: str = "UTC"
    """From `Prefer: outlook.timezone`."""
    immutable: bool = False
    text_bodies: bool = False
    page_size: int | None = None
    if_match: str | None = None
    base_url: str = ""
    url_path: str = ""
    quiet: bool = False
    """True while many writes are to be told of by one notification, which the caller then sends."""
    as_user: bool = False
    """True when the person acts in Outlook itself (the control interface), not a client of the API."""

    @property
    def foreign(self) -> bool:
        """Whether a person looks into somebody else's mailbox."""
        return self.actor is not None and self.actor != self.mailbox.email

    def calendar(self, *, write: bool = False) -> Calendar:
        """The calendar of the path, or the mailbox's default one."""
        wanted = self.path.get("calendarId")
        if wanted is None:
            found = self.world.default_calendar(self.mailbox.email)
        else:
            shared = self.mailbox.shared.get(wanted)
            found_or_none = self.world.calendars.get(shared[0] if shared else wanted)
            if found_or_none is None or found_or_none.deleted:
                raise errors.not_found()
            if found_or_none.owner != self.mailbox.email and shared is None:
                raise errors.not_found()
            found = found_or_none
        self.allow(found, write=write)
        return found

    def allow(self, calendar: Calendar, *, write: bool) -> None:
        """Refuse what neither ownership nor sharing permits."""
        if self.as_user:
            return
        if write and not calendar.can_edit:
            raise errors.access_denied()
        if self.role_on(calendar) == "owner":
            return
        if not any(scope.endswith(".Shared") for scope in self.scopes):
            raise errors.access_denied()
        role = self.role_on(calendar)
        if role is None:
            raise access.no_permission(self.world)
        if write and not access.may_write(role):
            raise errors.access_denied()
        hidden = role in {"freeBusyRead", "limitedRead"} and self.world.settings.free_busy_events == "refused"
        if hidden and not self.name.startswith("calendars."):
            raise errors.access_denied()

    def role_on(self, calendar: Calendar) -> str | None:
        """`owner`, a calendarRoleType, or None for somebody it was not shared with."""
        if self.actor is None or calendar.owner == self.actor:
            return "owner"
        return access.role_of(self.world, calendar, self.actor)

    def found(self, *, write: bool = False) -> tuple[Calendar, EventRecord, str]:
        """The event of the path and, for an occurrence, its original day. 404 for one that is gone."""
        return self.find(self.path["eventId"], write=write)

    def find(self, event_id: str, *, write: bool = False) -> tuple[Calendar, EventRecord, str]:
        read = ids.read(event_id)
        if read is None:
            raise errors.bad_id()
        immutable, _, token, day = read
        usual = self.world.immutable_index.get(token, "") if immutable else token
        calendar = self.world.calendars.get(self.world.event_index.get(usual, ""))
        record = calendar.events.get(usual) if calendar else None
        if calendar is None or record is None or record.gone or calendar.deleted:
            raise errors.not_found()
        if calendar.owner != self.mailbox.email and not any(c == calendar.id for c, _ in self.mailbox.shared.values()):
            raise errors.not_found()
        if "calendarId" in self.path and self.calendar() is not calendar:
            raise errors.not_found()
        self.allow(calendar, write=write)
        if write and not self.as_user and self.role_on(calendar) == "custom" and record.made_by != self.actor:
            raise errors.access_denied()
        return calendar, record, day

    def id_of(self, calendar: Calendar, record: EventRecord, day: str = "") -> str:
        owner = self.world.accounts[calendar.owner].oid
        token = record.immutable if self.immutable else record.token
        return ids.write(owner, token, day, immutable=self.immutable)

    def detail(self, calendar: Calendar, fields: Json) -> Literal["all", "title", "private", "busy"]:
        """How much of an event is shown: all, title and place, that it is private, or only that it is there."""
        role = "owner" if self.as_user else self.role_on(calendar)
        if role in {"owner", "delegateWithPrivateEventAccess"}:
            return "all"
        if role == "freeBusyRead":
            return "busy"
        if fields["sensitivity"] in {"private", "confidential"}:
            return "private"
        return "title" if role == "limitedRead" else "all"
