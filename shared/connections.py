"""Connecting an account: begin, come back from the provider, confirm; then which calendars it has.

A person starts at the page (`begin`), consents at the provider, comes back through the callback (`finish`) and the
page, in the same signed-in session, confirms (`confirm`). Until then nothing is synced, so a link that somebody was
sent connects nothing. A consent that is not confirmed in time is given back (`abandon`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from shared.calendar_choice import bookings_again
from shared.errors import (
    CalendarGone,
    ConnectFailed,
    FieldError,
    NotWatchable,
    Problem,
    RetryLater,
    VersionConflict,
    invalid,
    not_found,
)
from shared.house import Accounts, House
from shared.keys import calendar_id, new_connection_id
from shared.model import (
    Access,
    Account,
    Calendar,
    Connection,
    ConnectionStatus,
    Owner,
    Reason,
    RemoteCalendar,
)
from shared.notices import connection_notice
from shared.oauth_state import State, connection_in, digest, make_state, verify_state
from shared.providers import PROVIDERS
from shared.providers.base import Begun, Grant, GrantIncomplete, Revocation
from shared.providers.organizations import OrganizationGrant
from shared.queue import CalendarJob, ConnectionJob
from shared.signing import Keyring
from shared.store.events import SWEEP_AFTER
from shared.store.secrets import GrantUnreadable
from shared.tenancy import organizations_of, same_mailbox, tenancy_of

CONSENT_LASTS = timedelta(minutes=15)
"""How long a sign-in may take, and then again how long its confirmation may."""

LONGEST_RETURN_TO = 2048
LONGEST_HINT = 256

REFUSED_AT_MOST = 10_000
"""Events that the provider refused, to be tried once more when the account is listed."""

ATTEMPTS = 3
"""How often a confirmation is tried again when another one of the same account was quicker."""

LIVE = (ConnectionStatus.ACTIVE, ConnectionStatus.RECONNECT_REQUIRED)


@dataclass(frozen=True, slots=True)
class ConsentSettings:
    """`public_url` is where the callback is reached; `allowed_origins` are where people may be sent back to."""

    public_url: str
    keyring: Keyring
    allowed_origins: tuple[str, ...] = ()

    def callback(self, provider: str) -> str:
        return f"{self.public_url}/oauth/callback/{provider}"


# --- begin ---------------------------------------------------------------------------------------------------------


def begin(
    house: Accounts, settings: ConsentSettings, owner: Owner, *, provider: str, return_to: str, login_hint: str
) -> tuple[Connection, str]:
    """A pending connection, and the address to send the person to. Raises `Problem` (422) for an unknown provider, a
    `return_to` that is not on an allowed origin, or a hint that is no address."""
    try:
        authorizer = house.providers(provider).authorizer()
    except KeyError:
        sentence = f"There is no such provider here. Use one of these: {', '.join(PROVIDERS)}."
        raise invalid([FieldError("provider", sentence)]) from None
    check_return_to(settings, return_to)
    if len(login_hint) > LONGEST_HINT or not login_hint.isprintable():
        raise invalid([FieldError("login_hint", "Send the address of the account that is expected, or leave it out.")])
    connection = attempt(house, owner, provider, return_to)
    state = state_of(house, settings, connection)
    begun = authorizer.begin(redirect_uri=settings.callback(provider), state=state.text, login_hint=login_hint)
    house.store.connections.create(connection, flow=begun.flow, state_digest=state.digest)
    return connection, begun.authorization_url


def attempt(house: Accounts, owner: Owner, provider: str, return_to: str) -> Connection:
    """A new pending connection, not stored yet."""
    now = house.clock()
    return Connection(
        id=new_connection_id(),
        owner=owner,
        provider=provider,
        status=ConnectionStatus.PENDING,
        created_at=now,
        updated_at=now,
        return_to=return_to,
        due_at=now + CONSENT_LASTS,
    )


def state_of(house: Accounts, settings: ConsentSettings, connection: Connection) -> State:
    return make_state(connection.id, connection.owner, house.clock() + CONSENT_LASTS, settings.keyring)


def check_return_to(settings: ConsentSettings, return_to: str) -> None:
    """Raises `Problem` (422) unless it is an address on an allowed origin."""
    if not _allowed(return_to, settings.allowed_origins):
        sentence = "This address is not on an allowed origin; ask for it to be added to AllowedOrigins."
        raise Problem(422, "return_to_not_allowed", sentence, [FieldError("return_to", sentence)])


def _allowed(return_to: str, origins: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(return_to)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False
    plain = return_to.isascii() and return_to.isprintable() and "\\" not in return_to and "@" not in parts.netloc
    return (
        plain
        and len(return_to) <= LONGEST_RETURN_TO
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and origin in origins
    )


# --- the callback --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CameBack:
    """A consent that came about: `confirmation` goes to the page in the fragment, where no server sees it."""

    connection: Connection
    confirmation: str


@dataclass(frozen=True, slots=True)
class ConsentFailed:
    """A genuine sign-in that did not come about: the person goes back to the page with the code. Why is kept with the
    connection for as long as a consent lasts, for that person alone to read."""

    connection: Connection
    code: str


@dataclass(frozen=True, slots=True)
class Onward:
    """The consent goes on at another page of the provider, under the same state."""

    connection: Connection
    authorization_url: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A callback that belongs to no sign-in, and what to tell whoever sent it. Nothing was read or written."""

    sentence: str


def finish(
    house: Accounts, settings: ConsentSettings, provider: str, query: Mapping[str, str]
) -> CameBack | ConsentFailed | Onward | Aside:
    """Redeem what the provider sent. Raises `ConnectFailed` if the state is not genuine: then nobody can say where the
    person came from, and nothing is touched; `RetryLater` if the provider is busy: then the same address can be opened
    again."""
    state = query.get("state", "")
    connection = house.store.connections.load(connection_in(state)) if state else None
    if (
        connection is None
        and provider in PROVIDERS
        and (sentence := house.providers(provider).authorizer().aside(query))
    ):
        return Aside(sentence)
    if connection is None or connection.provider != provider:
        raise ConnectFailed("state_invalid", "This sign-in was not started here. Start again from the page.")
    state_digest = verify_state(state, connection.owner, house.clock(), settings.keyring)
    try:
        flow = house.store.connections.take_flow(connection.id, state_digest)
    except VersionConflict:
        raise ConnectFailed("state_used", "This sign-in was used already. Start again from the page.") from None
    try:
        came = _redeem(house, connection, flow, query)
    except RetryLater:
        house.store.connections.put_flow_back(connection.id, flow, state_digest)
        raise
    except ConnectFailed as failure:
        if isinstance(failure, GrantIncomplete):
            _give_back(house, replace(connection, account=failure.grant.account), failure.grant.secret)
        why = Reason(failure.code, failure.sentence, failure.link)
        now = house.clock()
        house.store.connections.save(replace(connection, reasons=(why,), updated_at=now, due_at=now + CONSENT_LASTS))
        return ConsentFailed(connection, failure.code)
    if isinstance(came, Begun):
        house.store.connections.put_flow_back(connection.id, came.flow, state_digest)
        return Onward(connection, came.authorization_url)
    now = house.clock()
    confirmation = secrets.token_urlsafe(32)
    held = replace(connection, account=came.account, updated_at=now, due_at=now + CONSENT_LASTS)
    house.store.connections.hold_grant(held, came.secret, digest(confirmation))
    return CameBack(held, confirmation)


def _redeem(
    house: Accounts, connection: Connection, flow: bytes, query: Mapping[str, str]
) -> Grant | OrganizationGrant | Begun:
    provider = house.providers(connection.provider)
    if connection.organization is None:
        return provider.authorizer().complete(flow, query)
    return organizations_of(provider).complete(tenancy_of(connection.organization), flow, query)


# --- confirm -------------------------------------------------------------------------------------------------------


def confirm(house: House, owner: Owner, connection_id: str, confirmation: str) -> Connection:
    """Activate, if it is the same user and the confirmation is the one the callback gave. A second connection of the
    same account renews the first one. Raises `Problem`."""
    connection, expected = awaiting(house, owner, connection_id, confirmation)
    active = _become_active(house, connection, expected)
    house.tell(connection_notice(active, "active", house.clock()))
    house.jobs.send(ConnectionJob(active.id))
    return active


def awaiting(house: Accounts, owner: Owner, connection_id: str, confirmation: str) -> tuple[Connection, str]:
    """The connection that this confirmation belongs to, and the digest that spends it. Raises `Problem`."""
    connection = house.store.connections.load(connection_id)
    if connection is None or connection.owner != owner:
        raise not_found()
    expected = house.store.connections.confirmation_digest(connection_id)
    if connection.status is not ConnectionStatus.PENDING or not expected:
        raise Problem(409, "not_awaiting_confirmation", "This connection is not waiting to be confirmed.")
    if connection.due_at is not None and connection.due_at <= house.clock():
        raise Problem(409, "confirmation_expired", "This sign-in took too long. Sign in again.")
    if not hmac.compare_digest(digest(confirmation), expected):
        raise Problem(403, "confirmation_wrong", "This confirmation does not belong to this sign-in. Sign in again.")
    return connection, expected


def _become_active(house: House, connection: Connection, expected: str) -> Connection:
    """The connection, or the one that the owner has with this account already. Two that are confirmed at the same
    moment want the same place: one gets it, the other finds it taken and renews the first."""
    store, account = house.store.connections, connection.account
    for _ in range(ATTEMPTS):
        if account is None:
            break
        holder = store.holder(connection.owner, connection.provider, account)
        earlier = store.load(holder) if holder else None
        by_organization = earlier is not None and bool(earlier.member_of) and earlier.status is ConnectionStatus.ACTIVE
        if by_organization or _through_organization(house, connection, account):
            abandon(house, connection)
            raise Problem(
                409,
                "connected_by_organization",
                "Your organisation has connected this calendar already, so there is nothing to sign in to.",
            )
        try:
            if earlier is not None and earlier.status in LIVE and not earlier.member_of:
                return _renew(house, earlier, connection, expected)
            return store.activate(_activated(house, connection), account, expected, instead_of=holder)
        except VersionConflict:
            if store.confirmation_digest(connection.id) != expected:
                break
    raise Problem(409, "not_awaiting_confirmation", "This connection was confirmed already.")


def _through_organization(house: House, connection: Connection, account: Account) -> bool:
    """Whether the owner's organisation has this very mailbox connected, by account or by address."""
    return any(
        one.member_of
        and one.provider == connection.provider
        and one.status is ConnectionStatus.ACTIVE
        and same_mailbox(account, {one.mailbox}, one.account)
        for one in house.store.connections.of_owner(connection.owner)
    )


def _activated(house: House, connection: Connection) -> Connection:
    now = house.clock()
    return replace(
        connection,
        status=ConnectionStatus.ACTIVE,
        updated_at=now,
        due_at=now + SWEEP_AFTER,
        return_to="",
        reasons=(),
    )


def _renew(house: House, earlier: Connection, connection: Connection, expected: str) -> Connection:
    active = _activated(house, replace(earlier, account=connection.account))
    house.store.connections.renew(active, connection.id, expected)
    for calendar in house.store.calendars.of_connection(active.id):
        house.store.calendars.change(calendar.id, lambda found: _resubscribed(found, house.clock()))
    return replace(active, version=active.version + 1)


def _resubscribed(calendar: Calendar, now: datetime) -> Calendar:
    """A subscription may have died with the permission it was made under: it is due for renewal."""
    if calendar.subscription is None:
        return calendar
    return replace(calendar, subscription=replace(calendar.subscription, renew_at=now))


def abandon(house: Accounts, connection: Connection) -> Revocation | None:
    """Give back a consent that was never confirmed, and forget it. The answer is that of `revoke`."""
    outcome = revoke(house, connection)
    house.store.connections.delete(connection.id)
    return outcome


def _give_back(house: Accounts, connection: Connection, secret: bytes) -> None:
    if not siblings(house, connection):
        house.providers(connection.provider).authorizer().revoke(secret)


def siblings(house: Accounts, connection: Connection) -> list[Connection]:
    """Other connections, anybody's, that live by the same account or wait to be confirmed: revoking this grant would
    end theirs too."""
    if connection.account is None:
        return []
    same = house.store.connections.with_account(connection.provider, connection.account)
    return [
        other
        for other in same
        if other.id != connection.id and not other.member_of and other.status in (*LIVE, ConnectionStatus.PENDING)
    ]


def revoke(house: Accounts, connection: Connection) -> Revocation | None:
    """End the grant at the provider; None if a sibling still needs it or there is nothing to revoke. A grant that
    cannot be read is one that failed to be revoked."""
    if siblings(house, connection):
        return None
    try:
        secret = house.store.connections.secret(connection.id)
    except GrantUnreadable:
        return Revocation.FAILED
    if secret is None:
        return None
    provider = house.providers(connection.provider)
    if connection.organization is not None:
        return organizations_of(provider).revoke(secret)
    return provider.authorizer().revoke(secret)


# --- health --------------------------------------------------------------------------------------------------------


def reconnect_required(house: House, connection_id: str, code: str, sentence: str) -> None:
    """The provider refuses the grant: say so at once, here and to the host app. Raises `VersionConflict` if the
    connection keeps changing meanwhile."""
    for _ in range(ATTEMPTS):
        connection = house.store.connections.load(connection_id)
        if connection is None or connection.status is not ConnectionStatus.ACTIVE:
            return
        refused = replace(
            connection,
            status=ConnectionStatus.RECONNECT_REQUIRED,
            reasons=(Reason(code, sentence),),
            updated_at=house.clock(),
            due_at=None,
        )
        try:
            changed = house.store.connections.save(refused)
        except VersionConflict:
            continue
        house.tell(connection_notice(changed, "reconnect_required", house.clock()))
        return
    raise VersionConflict("This connection keeps changing.")


# --- the calendars of a connection ---------------------------------------------------------------------------------


def refresh_calendars(house: House, connection: Connection) -> None:
    """Bring the list of calendars up to date, and have each synced one looked at. The account's default calendar is
    synced from the start, and is the main booking calendar if the user has none yet; the others wait to be chosen."""
    session = house.open(connection)
    try:
        listed = session.calendars.list_calendars()
    finally:
        house.keep_secret(connection, session)
    known = {calendar.id: calendar for calendar in house.store.calendars.of_connection(connection.id)}
    has_main = _has_main(house, connection.owner)
    for remote in listed:
        identifier = calendar_id(connection.id, remote.remote_id)
        if identifier in known:
            _update(house, identifier, remote)
            continue
        main = remote.primary and not has_main and remote.access.writable
        house.store.calendars.create(_new(connection, identifier, remote, main=main, now=house.clock()))
        has_main = has_main or main
    gone = set(known) - {calendar_id(connection.id, remote.remote_id) for remote in listed}
    for identifier in gone:
        pause(house, identifier, Reason("calendar_gone", "This calendar is no longer in the connected account."))
    for calendar in house.store.calendars.of_connection(connection.id):
        if calendar.sync and calendar.id not in gone:
            house.jobs.send(CalendarJob(calendar.id))
    if connection.due_at is not None:
        house.store.connections.save(replace(connection, due_at=None))


def _new(connection: Connection, identifier: str, remote: RemoteCalendar, *, main: bool, now: datetime) -> Calendar:
    return Calendar(
        id=identifier,
        connection_id=connection.id,
        owner=connection.owner,
        remote_id=remote.remote_id,
        name=remote.name,
        zone=remote.zone,
        access=remote.access,
        primary=remote.primary,
        resource=remote.resource,
        main=main,
        busy=remote.primary,
        sync=remote.primary and remote.access is not Access.FREE_BUSY,
        due_at=now + CONSENT_LASTS if remote.primary else None,
    )


def _update(house: House, identifier: str, remote: RemoteCalendar) -> None:
    """What was refused is tried once more: a subscription, since the webhook address may be within reach now, and
    events, since the calendar may only have been read for a while."""
    before = house.store.calendars.load(identifier)
    if before is not None and before.sync and remote.access.writable:
        refused = {link.event_id for link in house.store.events.problems(identifier, REFUSED_AT_MOST)}
        for event in house.store.events.load(before.owner, refused - {""}).values():
            house.store.events.mark(identifier, event)
    house.store.calendars.change(
        identifier,
        lambda found: bookings_again(
            found,
            replace(
                found,
                name=remote.name,
                zone=remote.zone,
                access=remote.access,
                primary=remote.primary,
                resource=remote.resource,
                watchable=True,
                parked_until=None if _was_gone(found) else found.parked_until,
                reasons=tuple(one for one in found.reasons if one.code not in (NotWatchable.code, CalendarGone.code)),
            ),
        ),
    )


def _was_gone(calendar: Calendar) -> bool:
    return any(one.code == CalendarGone.code for one in calendar.reasons)


def pause_of(house: House, connection: Connection) -> datetime | None:
    """Until when the provider does not want to be asked by this account, if it said so to one of its calendars."""
    calendars = house.store.calendars.of_connection(connection.id)
    asked = [one.parked_until for one in calendars if one.parked_until is not None and not _was_gone(one)]
    return max((until for until in asked if until > house.clock()), default=None)


def pause(house: House, identifier: str, reason: Reason) -> None:
    """Stop looking at a calendar until its account is listed again, and say why."""
    house.store.calendars.change(identifier, lambda found: replace(found, reasons=(reason,), due_at=None))


def _has_main(house: House, owner: Owner) -> bool:
    return any(
        calendar.main
        for connection in house.store.connections.of_owner(owner)
        if connection.status in LIVE
        for calendar in house.store.calendars.of_connection(connection.id)
    )
