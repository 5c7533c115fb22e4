"""The stage of a contract test: a simulated provider, the person who uses it, and the trouble that it can be in.

Tests speak to a stage in Lockstep's own values; an implementation per provider says them in that provider's words.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from shared.errors import SyncError
from shared.model import Access, OriginalStart, Privacy, Span, Visibility
from shared.providers.base import HttpRequest, Provider, Session
from tests.contract.schemas.wire import Witness

Trouble = Literal["throttled", "throttled_for_seconds", "parked", "outage", "cut_before", "cut_after", "garbage_after"]


@dataclass(frozen=True)
class Seen:
    """An event as the person sees it in their own app."""

    remote_id: str
    title: str
    span: Span
    visibility: Visibility
    record: Mapping[str, Any] = field(repr=False)


class Stage(Protocol):
    """What differs between providers and is no fault of theirs is data here, so that one test can be told of all."""

    name: str
    revokes: bool
    """An app can end a grant."""
    permissions: Mapping[str, str]
    """How the name of a permission ends that a person has to give → a word of the sentence that misses it."""
    told_as: Mapping[Access, Access]
    """Which access the provider calls by another's name."""
    unpassable: bool
    """An occurrence cannot be moved past its neighbour."""
    takes_ids: bool
    """A new event may be given an id."""
    brings_back: bool
    """A cancelled occurrence can be written again."""
    side_by_side: bool
    """Two subscriptions to one calendar may exist."""
    renews: bool
    """A subscription can be given a later end."""
    lists_all: bool
    """All calendars of the account are listed, and not the default one alone."""
    keeps_tokens: bool
    """A token that was renewed is a part of the secret."""
    without_scope: tuple[type[SyncError], str]
    """What a grant says that lacks the right to events, and its code."""
    witness: Witness
    """What passes between adapter and simulator."""
    redirect_uri: str
    account_id: str
    account_name: str
    main: str
    """The remote id of the person's default calendar."""

    def reset(self) -> None:
        """One client, one person with a default calendar in Berlin, nothing else."""

    def close(self) -> None: ...

    def provider(self, *, client_secret: str | None = None, reachable: bool = True) -> Provider: ...

    def secret(self, *, without_scope: bool = False) -> bytes:
        """A grant as a consent would give it, optionally one that lacks the right to events."""

    def session(
        self, *, privacy: Privacy = Privacy.FULL, secret: bytes | None = None, reachable: bool = True
    ) -> Session: ...

    # consent

    def consent(
        self,
        url: str,
        *,
        allow: bool = True,
        leave_out: tuple[str, ...] = (),
        lasting: bool = True,
        changes: Mapping[str, str | None] = {},
    ) -> dict[str, str]:
        """The person answers the page at `url`; the query that comes back. `changes` alters the address before.

        `leave_out`: permissions that the grant will lack. Not `lasting`: it ends with the visit."""

    def live_grants(self) -> int: ...

    def tokens(self) -> set[str]:
        """Everything secret that was issued and still lives."""

    # the person at work

    def add_calendar(self, name: str, *, access: Access = Access.OWNER, watchable: bool = True) -> str: ...

    def add_event(self, calendar: str, title: str, span: Span, **more: Any) -> str:
        """`more`: recurrence, visibility, description, location, guests (addresses)."""

    def retitle(self, calendar: str, remote_id: str, title: str) -> None: ...

    def move_occurrence(self, calendar: str, remote_id: str, key: OriginalStart, to: Span) -> None: ...

    def cancel_occurrence(self, calendar: str, remote_id: str, key: OriginalStart) -> None: ...

    def delete(self, calendar: str, remote_id: str) -> None: ...

    def duplicate(self, calendar: str, remote_id: str) -> str:
        """The person copies an event with everything on it."""

    def events(self, calendar: str) -> list[Seen]: ...

    # trouble

    def trouble(self, kind: Trouble) -> None:
        """Strikes the next call."""

    def sign_in_trouble(self, status: int) -> None:
        """The next code or refresh token that is redeemed is answered so."""

    def short_pages(self, *, empty: bool = False) -> None:
        """From now on listings come one by one, or first with an empty page."""

    def expire_cursors(self) -> None: ...

    def expire_access_tokens(self) -> None: ...

    def withdraw_consent(self) -> None: ...

    def lose_calendar(self, calendar: str) -> None: ...

    def forget_deleted(self) -> None: ...

    def hang(self) -> AbstractContextManager[None]:
        """The next call is not answered until the end of the block, in which our patience is short."""

    def wire_faults(self) -> list[str]:
        """What passed since the last reset and is in no document of the provider's."""

    # counts

    def calls(self) -> int: ...

    def mails(self) -> int: ...

    def notifications(self) -> Iterator[HttpRequest]:
        """Those that were sent since the last time."""
