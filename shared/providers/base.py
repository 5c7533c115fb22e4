"""The port that every provider fills: three small protocols and the values they exchange.

`Authorizer` turns a person's consent into a grant and ends it. `CalendarApi` reads and writes one account's
calendars. `PushApi` subscribes to changes; a provider (or an account) without push has None. `Provider` bundles them
under a name; what is common to all lives in the use cases, so a provider's folder holds nothing but translation.

All calls are synchronous and raise only the errors of `shared.errors`. A `secret` is opaque bytes that only the
provider can read; it is stored encrypted and never logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from shared.errors import ConnectFailed, SyncError
from shared.model import (
    Account,
    Cancelled,
    OriginalStart,
    Page,
    Policy,
    Privacy,
    RemoteCalendar,
    RemoteEvent,
    RemoteOverride,
    Series,
    Subscription,
)

if TYPE_CHECKING:
    from shared.providers.organizations import OrganizationApi

# --- this app at the provider --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Password:
    """A client secret; `expires_at` as its operator noted it, None where nobody did."""

    value: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and the key that signs for it, both PEM; its end is read from the certificate itself."""

    certificate: str
    private_key: str = field(repr=False)


Credential = Password | Certificate


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """What this app proves itself with at a provider; the same for every connection. `credentials`: what is live
    besides `client_secret` ("" for none); while one is replaced by the next both are, and the first that is accepted
    is used."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    credentials: tuple[Credential, ...] = ()
    expires_at: datetime | None = None
    """When `client_secret` ends, if somebody noted it."""

    def live(self) -> tuple[Credential, ...]:
        """All of them, the plain secret first."""
        plain = (Password(self.client_secret, self.expires_at),) if self.client_secret else ()
        return (*plain, *self.credentials)


# --- consent -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the person, and what `complete` needs back later (secret: it holds the PKCE verifier)."""

    authorization_url: str
    flow: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    account: Account
    secret: bytes


class GrantIncomplete(ConnectFailed):
    """Something that is needed was left out. The caller gives `grant` back, unless another connection of the same
    account still lives by it (a revocation ends them all)."""

    def __init__(self, code: str, sentence: str, grant: Grant) -> None:
        super().__init__(code, sentence)
        self.grant = grant


class Revocation(StrEnum):
    """What became of the grant at the provider when it was given up."""

    REVOKED = "revoked"
    FAILED = "failed"
    NOT_SUPPORTED = "not_supported"


class Authorizer(Protocol):
    def begin(self, *, redirect_uri: str, state: str, login_hint: str) -> Begun:
        """Start a code flow with PKCE and offline access. Makes no call to the provider if it can be avoided."""

    def complete(self, flow: bytes, query: Mapping[str, str]) -> Grant:
        """Redeem the callback's query. Raises `ConnectFailed` (denied, code refused), `GrantIncomplete` (a scope was
        left out), `RetryLater`."""

    def aside(self, query: Mapping[str, str]) -> str:
        """What a callback says that belongs to no sign-in, as a sentence for whoever sent it; "" for anything else."""

    def revoke(self, secret: bytes) -> Revocation:
        """End the grant at the provider, as far as the provider offers that. Never raises: a dead token is dead."""


# --- calendars -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromStart:
    """List everything that ends after `since` (series that reach past it are whole)."""

    since: datetime


@dataclass(frozen=True, slots=True)
class After:
    """Go on at a cursor that an earlier page gave."""

    cursor: str


Position = FromStart | After


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCopy:
    """A copy to be created. `key` is the same whenever the same copy is meant, so that creating twice makes one; `tag`
    comes back in `RemoteEvent.tag`."""

    tag: str
    key: str
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyChange:
    """New values for some fields of a copy: names of `SERIES_FIELDS` → value. `etag` "" writes without precondition."""

    remote_id: str
    etag: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDeletion:
    """A copy that is to go. `etag` "" deletes without precondition."""

    remote_id: str
    etag: str


CopyWrite = NewCopy | CopyChange | CopyDeletion


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceChange:
    """New values for one occurrence: fields of `CONTENT_FIELDS` → value, or `CANCELLED`. `occurrence_id` is the
    provider's id of the occurrence if it is known, else "" and the provider finds it by `original_start`."""

    remote_id: str
    original_start: OriginalStart
    occurrence_id: str
    etag: str
    change: Mapping[str, object] | Cancelled


Answer = RemoteEvent | None | SyncError
"""What came of a write: what the provider then holds, None after a deletion, or the error."""


class CalendarApi(Protocol):
    """One account's calendars. `calendar` arguments are remote ids."""

    def list_calendars(self) -> tuple[RemoteCalendar, ...]: ...

    def fetch_page(self, calendar: str, position: Position) -> Page:
        """One page of changes. Raises `CursorExpired`, `CalendarGone`, `RetryLater`, `ConnectionRevoked`."""

    def fetch_event(
        self, calendar: str, remote_id: str, occurrences: tuple[OriginalStart, ...] = ()
    ) -> RemoteEvent | None:
        """The event as it is now, with the named occurrences; None if it is proven gone (404, 410, cancelled)."""

    def create(self, calendar: str, copy: NewCopy) -> RemoteEvent:
        """Create the copy, or return the one that an earlier attempt with the same key made. Overrides of a series
        are not written here. Raises `EventRejected`."""

    def update(self, calendar: str, change: CopyChange) -> RemoteEvent:
        """Write some fields. Raises `VersionConflict` if the copy is no longer at `etag`, `EventRejected`."""

    def update_occurrence(self, calendar: str, change: OccurrenceChange) -> RemoteOverride:
        """Write or cancel one occurrence. Raises `VersionConflict`, `EventRejected`."""

    def delete(self, calendar: str, remote_id: str, etag: str) -> None:
        """Delete the copy; one that is gone already is fine. Raises `VersionConflict`, `EventRejected`."""

    def write_all(self, calendar: str, writes: Sequence[CopyWrite]) -> list[Answer]:
        """Writes of different events in as few calls as the provider allows: to each what `create`, `update` or
        `delete` would answer or raise. Raises nothing itself."""

    def find_copy(self, calendar: str, key: str) -> str | None:
        """The remote id of the live copy that was created with `key`, if there is one."""

    def owns(self, key: str, remote: RemoteEvent) -> bool:
        """Whether `remote` is a copy that `create` made for `key` (and not somebody's duplicate of it)."""

    def gave_id(self, key: str, remote_id: str) -> bool:
        """Whether `create` chose this very id for `key`, so that no duplicate can have it, whatever is copied with one.
        Where the provider names its events, no id was given."""

    def project(self, series: Series, policy: Policy) -> Series:
        """The series as this provider can hold it, the connection's default reminder filled in."""

    def cannot_repeat(self, series: Series) -> str:
        """Why this provider has no way to repeat an event like this one, as a part of a sentence ("the rule counts
        hours"); "" if it has one. Then each occurrence is written as an event of its own."""

    def secret(self) -> bytes | None:
        """The grant's secret if using it changed it (a refreshed token), to be stored; else None."""


# --- push ----------------------------------------------------------------------------------------------------------


class PushApi(Protocol):
    def subscribe(self, calendar: str, *, subscription_id: str, address: str, token: str) -> Subscription:
        """Ask for notifications at `address`, carrying `token`. The expiry in the answer is what was granted.
        Raises `NotWatchable`, `RetryLater`, `ConnectionRevoked`."""

    def renew(self, subscription: Subscription) -> Subscription | None:
        """The same subscription with a later end; None where the provider has no such thing, or no longer knows this
        one: then a new one is made. Raises `RetryLater`, `ConnectionRevoked`."""

    def unsubscribe(self, subscription: Subscription) -> bool:
        """Stop a subscription; False if the provider no longer knows it."""


@dataclass(frozen=True, slots=True)
class Session:
    """An opened account: one set of credentials shared by both APIs."""

    calendars: CalendarApi
    push: PushApi | None


# --- notifications: parsed without any client library, since the receiver must answer at once -----------------------


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A received request: header names in lower case, `query` and `body` as sent."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """The provider checks that the address is ours: answer 200 with this text as text/plain."""

    text: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One item of a notification, not yet verified: `token` is what our subscription carries."""

    subscription_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Notifications:
    items: tuple[Notification, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not a notification of this provider; `reason` is for the log and never for the sender."""

    reason: str


ParsedRequest = Handshake | Notifications | Rejected


class Provider(Protocol):
    """One registry entry, opened with the deployment's settings."""

    def authorizer(self) -> Authorizer: ...

    def organizations(self) -> OrganizationApi | None:
        """How one account or the app itself acts for all staff of an organisation; None if there is no such way."""

    def open(self, secret: bytes, *, quota_user: str, privacy: Privacy, mailbox: str = "") -> Session:
        """Use a grant. `quota_user` is an opaque id under which a shared quota is counted; with `privacy` busy-only no
        event's text is read. `mailbox` is the address whose calendars are meant, by an organisation's grant; "" is the
        account's own. No call is made yet."""
