"""What the simulated Microsoft remembers: tenants, accounts, apps, grants, calendars, events, subscriptions.

Plain records; the rules are in the modules named after what they rule. `fields` of an event is never changed in place:
every write puts a new dict.
"""

from dataclasses import dataclass, field
from typing import Literal

from simulators.common.wire import Json

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
CALENDAR_ROLES = (
    "none",
    "freeBusyRead",
    "limitedRead",
    "read",
    "custom",
    "write",
    "delegateWithoutPrivateEventAccess",
    "delegateWithPrivateEventAccess",
)
"""`calendarRoleType`, the least first (Graph reference, calendarPermission). `custom` is Exchange's Author here: adds
events, and changes and deletes only what it added."""


@dataclass
class Assignment:
    """RBAC for Applications: what an app may do in some mailboxes, apart from its application permissions."""

    role: str
    """`Application Calendars.ReadWrite` and the like."""
    mailboxes: list[str] | None
    """The scope; None is every mailbox."""
    since: float = 0.0
    until: float | None = None


@dataclass
class Tenant:
    id: str
    domain: str
    name: str
    users_may_consent: bool = True
    cloud: str = "worldwide"
    """A key of `clouds.CLOUDS`."""
    domains: list[str] = field(default_factory=list)
    """Verified ones beside `domain`."""
    principals: list[str] = field(default_factory=list)
    """Apps that the tenant knows: enterprise applications, made by the first consent."""
    consents: dict[str, list[str]] = field(default_factory=dict)
    """By app: delegated scopes an administrator has consented to for everybody."""
    roles: dict[str, list[str]] = field(default_factory=dict)
    """By app: application permissions."""
    mailboxes: dict[str, list[str]] = field(default_factory=dict)
    """By app: an application access policy, the only mailboxes that its application permissions reach."""
    assignments: dict[str, list[Assignment]] = field(default_factory=dict)
    """By app: RBAC for Applications, which adds to its application permissions."""


@dataclass
class Secret:
    id: str
    value: str
    expires_at: float
    name: str = ""


@dataclass
class Certificate:
    id: str
    sha1: str
    sha256: str
    """Thumbprints as an assertion's header names them, base64url."""
    public_key_pem: str
    expires_at: float


REQUIRED_SCOPES = ("Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "MailboxSettings.Read", "User.Read")
REQUIRED_ROLES = ("Calendars.ReadWrite", "Organization.Read.All", "User.Read.All")


@dataclass
class App:
    """The registration. `audience` is `multi` (work and personal), `work`, or the id of its only tenant."""

    id: str
    secret: str
    redirect_uris: list[str]
    audience: str = "multi"
    name: str = "Lockstep"
    secret_expired: bool = False
    secrets: list[Secret] = field(default_factory=list)
    """Beside `secret`, each with its expiry."""
    certificates: list[Certificate] = field(default_factory=list)
    required_scopes: list[str] = field(default_factory=lambda: list(REQUIRED_SCOPES))
    required_roles: list[str] = field(default_factory=lambda: list(REQUIRED_ROLES))
    """What an administrator consents to with `.default`."""


@dataclass
class Account:
    email: str
    name: str
    oid: str
    tenant: str
    time_zone: str
    admin: bool = False
    shared: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Id in this person's list: (the real calendar's id, `read` or `write`)."""
    licensed: bool = True
    """False: a user without a mailbox."""
    enabled: bool = True
    """False: may not sign in; the mailbox stays."""

    @property
    def personal(self) -> bool:
        return self.tenant == PERSONAL_TENANT


@dataclass
class Code:
    value: str
    client_id: str
    email: str
    redirect_uri: str
    scopes: list[str]
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
    used_at: float


@dataclass
class AccessToken:
    value: str
    client_id: str
    email: str | None
    """None: the app itself, with `scopes` its roles."""
    tenant: str
    scopes: list[str]
    expires_at: float


@dataclass
class Grant:
    client_id: str
    email: str
    scopes: list[str] = field(default_factory=list)
    revoked: int | None = None
    """The AADSTS number that its refresh tokens now answer with."""


@dataclass(slots=True)
class Changed:
    """One occurrence of a series that is not as the rule has it: only what differs."""

    fields: Json
    start: str
    end: str
    zone: str
    change: int
    modified: float
    extended: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class EventRecord:
    token: str
    """The part of the usual id that tells events apart; a move to another calendar changes it."""
    immutable: str
    fields: Json
    start: str
    """Wall clock, to the second, in `start_zone`."""
    end: str
    start_zone: str
    end_zone: str
    starts_at: float
    ends_at: float
    all_day: bool
    recurrence: Json | None
    uid: str
    created: float
    modified: float
    change: int
    organizer: Json
    made_by: str | None = None
    """Who added it; None: an app."""
    own: bool = True
    cancelled: bool = False
    transaction_id: str | None = None
    extended: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, Changed] = field(default_factory=dict)
    """By original day."""
    dropped: list[str] = field(default_factory=list)
    """Days of occurrences that were deleted."""
    gone: bool = False

    @property
    def zone(self) -> str:
        return self.start_zone


@dataclass
class Calendar:
    id: str
    name: str
    owner: str
    kind: Literal["default", "secondary", "holiday"]
    can_edit: bool = True
    color: str = "auto"
    change_key: int = 0
    deleted: bool = False
    epoch: int = 0
    """Rises when all delta tokens of this calendar die."""
    permissions: dict[str, str] = field(default_factory=dict)
    """By address: what its owner lets people do (`calendarRoleType`), whether or not it is in their list."""
    events: dict[str, EventRecord] = field(default_factory=dict)
    """By token, those that are gone included."""
    changes: list[tuple[int, str, str]] = field(default_factory=list)
    """(change number, event token, original day or empty), rising."""


@dataclass
class Subscription:
    id: str
    client_id: str
    email: str | None
    """Who made it; None: the app itself."""
    tenant: str
    mailbox: str
    calendar: str | None
    """None: `/events` of the mailbox."""
    resource: str
    change_types: list[str]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires_at: float
    immutable_ids: bool
    renewed_at: float = -1e9
    reauthorized_at: float = -1e9
    notified: int = 0
