"""What the simulated Google remembers: accounts, clients, grants, calendars, events, channels.

Plain records; the rules are in the modules named after what they rule. An event's `body` is never changed in place:
every write puts a new dict, so that a listing may hand out the stored one.
"""

from dataclasses import dataclass, field
from typing import Literal

from simulators.google.wire import Json

Role = Literal["none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner"]
ROLES: tuple[str, ...] = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


@dataclass
class Client:
    """The app as registered with Google."""

    id: str
    secret: str
    redirect_uris: list[str]


@dataclass
class ServiceAccountKey:
    id: str
    public_pem: str
    enabled: bool = True


@dataclass
class ServiceAccount:
    """As a client of grants and channels it goes by its address. Whom it may act for, each domain says."""

    email: str
    client_id: str
    keys: list[ServiceAccountKey] = field(default_factory=list)


@dataclass
class Domain:
    """A Workspace domain: what its admin console allows."""

    name: str
    delegations: dict[str, list[str]] = field(default_factory=dict)
    """Client id of a service account: the scopes with which it may act for everybody here."""


@dataclass
class Account:
    email: str
    name: str
    sub: str
    time_zone: str
    unticked: list[str] = field(default_factory=list)
    """Scopes this person takes the tick off on the consent page."""
    list_change: int = 0
    """Rises with each change of the calendar list."""
    suspended: bool = False
    calendar_service: bool = True
    """False: the person has no licence for Calendar, or the administrator has turned the service off."""
    service: bool = False
    """A service account that acts for itself, with a calendar nobody looks at."""


@dataclass
class Code:
    value: str
    client_id: str
    email: str
    redirect_uri: str
    scopes: list[str]
    offline: bool
    forced_consent: bool
    challenge: str | None
    nonce: str | None
    expires_at: float
    used: bool = False


@dataclass
class RefreshToken:
    value: str
    client_id: str
    email: str
    scopes: list[str]
    issued_at: float
    used_at: float


@dataclass
class AccessToken:
    value: str
    client_id: str
    email: str
    scopes: list[str]
    expires_at: float


@dataclass
class Grant:
    """What one account has allowed one client; revoking ends all of it."""

    client_id: str
    email: str
    scopes: list[str] = field(default_factory=list)
    refresh_tokens: list[str] = field(default_factory=list)
    access_tokens: list[str] = field(default_factory=list)


@dataclass(slots=True)
class EventRecord:
    id: str
    body: Json
    change: int = 0
    starts_at: float = 0.0
    ends_at: float = 0.0
    reminders: dict[str, Json] = field(default_factory=dict)
    """By account: reminders belong to the person, not to the event."""
    dropped: bool = False
    """An exception that a change of its series took away; still told once to those who sync."""
    retired: list[str] = field(default_factory=list)
    """Instance ids that a change of this series took away, for listings of single events."""

    @property
    def cancelled(self) -> bool:
        return bool(self.body.get("status") == "cancelled")

    @property
    def series_id(self) -> str | None:
        found: str | None = self.body.get("recurringEventId")
        return found

    @property
    def repeats(self) -> bool:
        return bool(self.body.get("recurrence"))


@dataclass
class Calendar:
    id: str
    summary: str
    time_zone: str
    owner: str
    kind: Literal["primary", "secondary", "holiday"]
    roles: dict[str, str]
    watchable: bool = True
    description: str = ""
    location: str = ""
    default_reminders: list[Json] = field(default_factory=lambda: [{"method": "popup", "minutes": 10}])
    updated: str = ""
    etag: str = ""
    deleted: bool = False
    list_change: int = 0
    token_epoch: int = 0
    """Rises when all sync tokens of this calendar die."""
    change: int = 0
    events: dict[str, EventRecord] = field(default_factory=dict)
    changes: list[tuple[int, str]] = field(default_factory=list)
    """(change number, event id), rising; an id may come again."""
    order: list[tuple[str, str]] = field(default_factory=list)
    """(hash of id, id), sorted: the order in which a listing shows events."""
    exceptions: dict[str, dict[str, EventRecord]] = field(default_factory=dict)
    by_uid: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Channel:
    id: str
    client_id: str
    email: str
    resource_id: str
    resource_uri: str
    subject: str
    """`events:<calendar id>`, `calendarList:<email>` or `settings:<email>`."""
    address: str
    token: str | None
    expires_at_ms: int
    message_number: int = 0
    stopped: bool = False
