"""The nouns of Lockstep: frozen values that every other module speaks in.

Nothing here does anything. Text a person wrote, times with their zones, an event in its canonical form, and the
values that travel along the pipeline: what a provider reported, what links two copies, what a person's connection
allows. Times of day are wall-clock times in an IANA zone; instants are timezone-aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

# --- a point and a span of time ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZonedTime:
    """A wall-clock time: `local` is naive, `zone` an IANA name. What the offset is follows from both."""

    local: datetime
    zone: str


When = date | ZonedTime
"""A whole day (a `date`) or a time of day in a zone. `datetime` itself is never a `When`."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, end exclusive; both whole days or both times of day."""

    start: When
    end: When

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, ZonedTime)


# --- an event's content --------------------------------------------------------------------------------------------


class Visibility(StrEnum):
    DEFAULT = "default"
    PUBLIC = "public"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


WITHHELD: Final = frozenset({Visibility.PRIVATE, Visibility.CONFIDENTIAL})
"""Visibilities whose text never enters the store when it was written in a provider's calendar (I11)."""


class ShowAs(StrEnum):
    BUSY = "busy"
    FREE = "free"
    TENTATIVE = "tentative"


class EventStatus(StrEnum):
    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"


class Response(StrEnum):
    NEEDS_ACTION = "needs_action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"


@dataclass(frozen=True, slots=True)
class Attendee:
    email: str
    name: str = ""
    response: Response = Response.NEEDS_ACTION
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Reminder:
    """`minutes` before the start (0 to 40320, Google's bound), shown as a pop-up or sent as mail."""

    minutes: int
    method: Literal["popup", "email"] = "popup"


Reminders = tuple[Reminder, ...] | None
"""`None`: nothing was said, so the calendar's default applies; `()`: no reminder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The synced fields of one appointment, or of one occurrence of a series."""

    span: Span
    title: str = ""
    description: str = ""
    location: str = ""
    visibility: Visibility = Visibility.DEFAULT
    show_as: ShowAs = ShowAs.BUSY
    status: EventStatus = EventStatus.CONFIRMED
    attendees: tuple[Attendee, ...] = ()
    reminders: Reminders = None


CONTENT_FIELDS: Final = (
    "span",
    "title",
    "description",
    "location",
    "visibility",
    "show_as",
    "status",
    "attendees",
    "reminders",
)
"""The units of the merge within one `Content`, in the order that fingerprints are written in."""

TEXT_FIELDS: Final = ("title", "description", "location", "attendees")
"""What is withheld of a private event."""

SERIES_FIELDS: Final = (*CONTENT_FIELDS, "recurrence")
"""The units of the merge for an event as a whole; each override is a unit of its own beside them."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """An occurrence that does not take place."""


CANCELLED: Final = Cancelled()

Override = Content | Cancelled
"""What replaces one occurrence of a series: its whole content, or nothing."""

OriginalStart = str
"""Which occurrence an override replaces: `20270301T090000Z` (UTC) or, for whole days, `20270301`."""

NO_OVERRIDES: Final[Mapping[OriginalStart, Override]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Series:
    """An event's whole substance. `recurrence` holds RFC 5545 lines (RRULE, RDATE, EXDATE) and is empty for a single
    event; `overrides` is keyed by original start."""

    content: Content
    recurrence: tuple[str, ...] = ()
    overrides: Mapping[OriginalStart, Override] = field(default_factory=lambda: NO_OVERRIDES)

    @property
    def recurs(self) -> bool:
        return bool(self.recurrence)


# --- the app's own event -------------------------------------------------------------------------------------------

APP: Final = "app"
"""The origin of an event that the host app made; any other origin is a calendar's id."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A user within an organisation of the host app. Both ids are the host app's own."""

    org: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The app's event in canonical form. `version` rises by one with each change; `deleted` marks a tombstone, kept
    until every copy is gone so that what was deleted stays deleted (I4)."""

    id: str
    owner: Owner
    series: Series
    origin: str
    version: int
    updated_at: datetime
    deleted: bool = False


# --- what a provider reports ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RemoteOverride:
    """One occurrence that differs from its series, as the provider holds it. `remote_id` addresses that occurrence."""

    remote_id: str
    etag: str
    value: Override


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEvent:
    """What a provider said of one event. `content` is None when only occurrences were reported, not the event itself;
    an occurrence that is not in `overrides` was not reported, which says nothing about it, unless the report is
    `complete`: then it follows its series.

    `withheld`: the text fields were left out because the event is private (or the connection is busy-only).
    `tag`: what of the app's this copy was made for, if it carries our tag (`shared.sync.tag`).
    """

    remote_id: str
    etag: str = ""
    updated_at: datetime | None = None
    content: Content | None = None
    recurrence: tuple[str, ...] = ()
    overrides: Mapping[OriginalStart, RemoteOverride] = field(default_factory=lambda: MappingProxyType({}))
    complete: bool = field(default=False, compare=False)
    withheld: bool = False
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """The provider says, and it has been proven, that the event is gone."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not be understood; `reason` is a sentence without the event's text."""

    remote_id: str
    reason: str


Change = RemoteEvent | Removed | Unreadable


@dataclass(frozen=True, slots=True)
class More:
    """There is another page; `cursor` fetches it."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Complete:
    """This was the last page; `cursor` asks, later on, for what has changed since."""

    cursor: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes. An empty page is a page: only `next` says whether more follow."""

    changes: tuple[Change, ...]
    next: More | Complete


# --- what links the two sides --------------------------------------------------------------------------------------

Fingerprint = Mapping[str, str]
"""Field name → short hash of its value; see `shared.sync.fingerprint`."""


@dataclass(frozen=True, slots=True)
class Base:
    """The merge base of one unit: the fingerprints of what each side held when both were last in step. They differ
    only where the provider cannot hold the app's value as it is."""

    local: Fingerprint
    remote: Fingerprint


@dataclass(frozen=True, slots=True)
class OverrideLink:
    remote_id: str
    etag: str
    base: Base


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One event's copy in one calendar. `occurrence`: the one that it stands for, where the provider cannot repeat the
    event (`shared.sync.singles`), else "". `seen` is the id of the last snapshot that listed the copy; `problem` is the
    sentence the provider gave when it refused a write."""

    calendar_id: str
    remote_id: str
    event_id: str
    etag: str
    base: Base
    occurrence: OriginalStart = ""
    overrides: Mapping[OriginalStart, OverrideLink] = field(default_factory=lambda: MappingProxyType({}))
    problem: str = ""
    seen: str = ""


# --- connections and calendars -------------------------------------------------------------------------------------


class ConnectionStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    RECONNECT_REQUIRED = "reconnect_required"
    DISCONNECTING = "disconnecting"
    DISCONNECTED = "disconnected"


class OnExternal(StrEnum):
    """What happens when somebody changes or deletes a booking in their own calendar."""

    APPLY = "apply"
    RESTORE = "restore"


class Privacy(StrEnum):
    FULL = "full"
    BUSY_ONLY = "busy_only"


PROVIDER_DEFAULT: Final = "provider"

DefaultReminder = int | Literal["provider"] | None
"""Minutes, the provider's own default, or None for no reminder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the person chose for a connection (`PATCH /v1/connections/{id}`)."""

    default_reminder: DefaultReminder = PROVIDER_DEFAULT
    invite_attendees: bool = False
    on_external_change: OnExternal = OnExternal.APPLY
    on_external_delete: OnExternal = OnExternal.APPLY
    privacy: Privacy = Privacy.FULL


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a stable `code`, a sentence for people, and an address where they go on ("" for
    none)."""

    code: str
    sentence: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The provider's account: `id` is stable (OIDC `sub`), `name` is what people recognise (an address). `mailbox`:
    what the ids of its events go by, where `id` depends on the way in (a person's own sign-in or an organisation's
    access); "" where it is `id`."""

    id: str
    name: str
    mailbox: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """How an administrator set an organisation up at a provider, and what is known of it since.

    `place` is what was typed (a tenant's id or domain); `access` to `cloud` are those of
    `shared.providers.organizations.Tenancy`. `has_key`: what signs for it is in Secrets Manager
    (`shared.organization_keys`); `new_key`: a newer one waits there to be tried. `walk`: the user id behind which the
    pass over the staff goes on, "" from the first one, None when there is nothing to do. `secret_ends_at`: when the
    credential that signs for it ends; `warned_days`: the last warning that was given of that. `reaches`: addresses that
    it reaches although nobody enabled them."""

    display_name: str
    place: str
    access: str
    tenant: str = ""
    service_account: str = ""
    version: str = ""
    service_address: str = ""
    cloud: str = "worldwide"
    show_titles: bool = False
    authorized_by: str = ""
    authorized_at: datetime | None = None
    has_key: bool = False
    new_key: bool = False
    walk: str | None = None
    secret_ends_at: datetime | None = None
    warned_days: int = 0
    reaches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An authorised account, without its secret part (that is in `shared.store.secrets` alone).

    `due_at`: while pending, when the consent lapses; later, while something is under way, when the schedule makes sure
    that it goes on.

    An organisation's connection has `organization`, and an owner without a user; while its administrator is away to
    authorise it, a pending connection of that administrator's own has a copy. A person of its staff has a connection
    without a secret of its own: `member_of` names the organisation's, `mailbox` is the address that was given for the
    person, `leaving` says that the person was taken off the list, `in_step` that the first sync is over."""

    id: str
    owner: Owner
    provider: str
    status: ConnectionStatus
    created_at: datetime
    updated_at: datetime
    version: int = 0
    account: Account | None = None
    policy: Policy = field(default_factory=Policy)
    reasons: tuple[Reason, ...] = ()
    return_to: str = ""
    due_at: datetime | None = None
    receipt: Mapping[str, object] | None = None
    organization: Organization | None = None
    member_of: str = ""
    mailbox: str = ""
    enabled: bool = True
    leaving: bool = False
    in_step: bool = False

    @property
    def is_organization(self) -> bool:
        """The organisation's own, not an attempt of an administrator to authorise it."""
        return self.organization is not None and not self.owner.user_id


class Access(StrEnum):
    """What the account may do in a calendar."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"
    FREE_BUSY = "free_busy"

    @property
    def writable(self) -> bool:
        return self in (Access.OWNER, Access.WRITER)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCalendar:
    """A calendar as the provider lists it. `resource`: known to be a room's or a piece of equipment's."""

    remote_id: str
    name: str
    zone: str
    access: Access
    primary: bool
    resource: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A live push subscription. `expires_at` is what the provider granted; `renew_at` is 4/5 of the way there. `key`
    names the signing key of its token; "" is a subscription that is to be replaced, not prolonged."""

    id: str
    resource_id: str
    expires_at: datetime
    renew_at: datetime
    key: str = ""


class SyncPhase(StrEnum):
    """Where a calendar's sync stands; see `shared.sync.engine`.

    `first` and `snapshot` list everything (page by page, checkpointed), `missing` asks by id after each linked event
    that a snapshot did not list, `export` goes through the bookings that the calendar is to hold, `delta` is the steady
    state.
    """

    FIRST = "first"
    SNAPSHOT = "snapshot"
    MISSING = "missing"
    EXPORT = "export"
    DELTA = "delta"


class Brake(StrEnum):
    """Whether a sync is stopped when it would delete or create much (`shared.sync.brake`): it is; it was, and waits for
    somebody to decide; it was let go on, until both sides are in step."""

    ON = "on"
    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a sync has come. `cursor` is the provider's: of the next page while listing, else of the next delta.
    `position` is ours: the last link or event looked at in `missing` and `export`. `run` names one snapshot.
    `reminders`: on the way through the bookings, those that say nothing of their own get the reminder that the
    connection now gives. `deleted` and `created` count what was taken over from the provider since both sides were last
    in step, `listed_s` is when (in seconds since 1970) everything was last listed."""

    phase: SyncPhase = SyncPhase.FIRST
    cursor: str = ""
    position: str = ""
    run: str = ""
    done: int = 0
    total: int | None = None
    first_completed: bool = False
    reminders: bool = False
    deleted: int = 0
    created: int = 0
    listed_s: int = 0
    brake: Brake = Brake.ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One calendar of a mailbox. `primary`: the account's own default one; `resource`: a room's. `main`: the owner's
    main booking calendar; `bookings`: further calendars that bookings are added to; `busy`: read for busy time; `sync`:
    kept in step at all.

    Until `parked_until` the provider is not called, since it asked for a long pause.
    `synced_from_ms` is the queue's own clock (milliseconds) at the start of the last completed sync.
    """

    id: str
    connection_id: str
    owner: Owner
    remote_id: str
    name: str
    zone: str
    access: Access
    primary: bool = False
    resource: bool = False
    main: bool = False
    bookings: bool = False
    busy: bool = True
    sync: bool = True
    watchable: bool = True
    subscription: Subscription | None = None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    reasons: tuple[Reason, ...] = ()
    synced_from_ms: int = 0
    last_sync_at: datetime | None = None
    due_at: datetime | None = None
    parked_until: datetime | None = None
    version: int = 0

    @property
    def mailbox_id(self) -> str:
        return mailbox_of(self.id)

    @property
    def chosen_for_bookings(self) -> bool:
        return (self.main or self.bookings) and self.sync

    @property
    def takes_bookings(self) -> bool:
        return self.chosen_for_bookings and self.access.writable


def mailbox_of(calendar_id: str) -> str:
    """The mailbox a calendar lives in, which is also its queue's message group: the part before the last dot."""
    return calendar_id.rpartition(".")[0]


def connection_of(calendar_id: str) -> str:
    """The connection a calendar belongs to: there is one for each mailbox."""
    return mailbox_of(calendar_id)


# --- what leaves the house -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Who changed an event, when, why and what. `lost` holds the other side's values that a rule overruled."""

    at: datetime
    actor: str
    rule: str
    sentence: str
    fields: tuple[str, ...] = ()
    lost: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMessage:
    """A notice for the host app: `type` as in `event.updated`, `body` is the JSON of its `data` member."""

    id: str
    org: str
    type: str
    at: datetime
    body: Mapping[str, object]
