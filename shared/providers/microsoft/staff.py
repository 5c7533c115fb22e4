"""Staff mailboxes looked at: whether one can be used, and whether others can that nobody enabled.

A person's id is asked of the directory, which takes the application permission User.Read.All; without it, and with a
service account, the person is known by the calendar's address. A calendar's `canEdit` says whether the caller may write
to it (resource type "calendar"); `calendarPermissions` would say more, but is empty for everybody but the owner.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from secrets import SystemRandom
from typing import Final

from shared.errors import ConnectionRevoked, EventRejected, RetryLater, SyncError, VersionConflict
from shared.model import Account
from shared.providers.microsoft.box import SENTENCES, Reach
from shared.providers.microsoft.errors import Subject
from shared.providers.microsoft.wire import Json, Wire
from shared.providers.organizations import Mailbox, MailboxRefused, MailboxState

_PERSON: Final = "id,userPrincipalName,mail"
_TRIED: Final = 20
"""Mailboxes that are tried in search of one that should not be reached."""
_LISTED: Final = 500


def verify(wire: Wire, tenant: str) -> Mailbox:
    """See `OrganizationApi.verify`; the wire is opened for the mailbox."""
    try:
        person = _person(wire)
        calendar = wire.get(f"{wire.box.root}/calendar", Subject.ACCOUNT, _select="id,canEdit,owner")
    except MailboxRefused as refusal:
        if wire.box.reach is Reach.DELEGATED and refusal.state is MailboxState.NOT_LICENSED:
            _check_service_account(wire)
        return Mailbox(refusal.state, None, refusal.sentence)
    account = _account(person, calendar, tenant)
    if calendar.get("canEdit"):
        return Mailbox(MailboxState.REACHABLE, account)
    return Mailbox(MailboxState.READ_ONLY, account, SENTENCES[MailboxState.READ_ONLY])


def _check_service_account(wire: Wire) -> None:
    """Raise `ConnectionRevoked` if it is the service account that has no mailbox: then Graph says so of everybody."""
    with suppress(MailboxRefused, EventRejected, VersionConflict):
        wire.get("/me/calendar", Subject.EVENT, _select="id")
        return
    raise ConnectionRevoked(
        "The service account has no mailbox any more. Give it a licence that holds Exchange Online.",
        code="no_calendar_service",
    )


def may_read_directory(wire: Wire) -> bool:
    """Whether an administrator has consented for the app: its token alone comes wherever anybody has signed in, and one
    of these two is among the permissions that every registration asks for."""
    for path in ("/organization?$select=id", "/users?$select=id&$top=1"):
        try:
            wire.get(path, Subject.EVENT)
        except EventRejected:
            continue
        return True
    return False


def others_reached(open_wire: Callable[[str], Wire], enabled: Collection[str], at_most: int) -> tuple[str, ...] | None:
    """See `OrganizationApi.others_reached`; `open_wire` gives the app's calls to one mailbox. A few of the first page
    of people are tried, picked by chance."""
    try:
        listed = open_wire("").get("/users", Subject.EVENT, _select=_PERSON, _top=str(_LISTED))
    except (RetryLater, ConnectionRevoked):
        raise
    except SyncError:
        return None
    known = {address.casefold() for address in enabled}
    others = [one for one in listed.get("value") or () if one.get("mail") and not _names(one) & known]
    reached: list[str] = []
    for person in SystemRandom().sample(others, min(len(others), _TRIED)):
        wire = open_wire(str(person["id"]))
        try:
            wire.get(f"{wire.box.root}/calendar", Subject.ACCOUNT, _select="id")
        except MailboxRefused:
            continue
        reached.append(str(person["mail"]))
        if len(reached) == at_most:
            break
    return tuple(sorted(reached))


def _person(wire: Wire) -> Json:
    """Who the mailbox is of, {} where the directory does not say. Raises `MailboxRefused` if it is nobody's."""
    if wire.box.reach is Reach.DELEGATED:
        return {}
    try:
        return wire.get(wire.box.root, Subject.EVENT, _select=_PERSON)
    except (RetryLater, ConnectionRevoked, MailboxRefused):
        raise
    except SyncError:
        return {}


def _account(person: Json, calendar: Json, tenant: str) -> Account:
    """As the person's own sign-in would give it, if the directory says who it is (see `auth`)."""
    address = str((calendar.get("owner") or {}).get("address") or person.get("mail") or "")
    identifier = f"{person['id']}.{tenant}" if person.get("id") and tenant else address.lower()
    name = str(person.get("userPrincipalName") or address)
    return Account(identifier, name, name.casefold())


def _names(person: Json) -> set[str]:
    return {str(person.get(name) or "").casefold() for name in ("userPrincipalName", "mail")}
