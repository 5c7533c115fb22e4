"""Setting an organisation up: what an administrator says, and the permission that follows.

`set_up` stores a draft, with what the provider's own metadata adds. `authorize` begins a consent, in an attempt of the
administrator's own that the callback finishes and `confirm` moves over; where a key signs it tries the key. From then
on the staff are looked after (`shared.staff`), and so is the permission (`shared.organization_health`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.connections import (
    ATTEMPTS,
    LIVE,
    ConsentSettings,
    abandon,
    attempt,
    awaiting,
    check_return_to,
    state_of,
)
from shared.errors import ConnectFailed, ConnectionRevoked, FieldError, Problem, VersionConflict, not_found
from shared.house import House
from shared.keys import organization_id, tenant_place
from shared.model import Account, Connection, ConnectionStatus, Organization, Owner
from shared.notices import connection_notice
from shared.providers import PROVIDERS
from shared.providers.organizations import OrganizationApi, StaffAccess, Tenancy
from shared.queue import ConnectionJob
from shared.store.events import SWEEP_AFTER
from shared.tenancy import organizations_of, tenancy_of, with_tenancy
from shared.verification import first_enabled

SETTLED = (*LIVE, ConnectionStatus.PENDING)
"""An organisation that can be changed and authorised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an administrator asks for. `place_name`: how the provider calls `place`, for telling what is wrong with it;
    `key`: a service account's, b"" to leave it as it is."""

    place: str
    place_name: str
    display_name: str
    access: StaffAccess
    service_account: str = ""
    show_titles: bool = False
    key: bytes = b""


def find(house: House, org: str, provider: str) -> Connection:
    """The organisation's connection. Raises `Problem` (404)."""
    found = house.store.connections.load(organization_id(org, provider)) if provider in PROVIDERS else None
    if found is None or found.organization is None:
        raise not_found()
    return found


def set_up(house: House, org: str, provider: str, wanted: Wanted) -> Connection:
    """Make or change it; repeating it changes nothing. Raises `Problem`: 422 for what the provider does not know, 409
    for a change that would make another organisation of an authorised one."""
    if provider not in PROVIDERS:
        raise not_found()
    identifier = organization_id(org, provider)
    found = house.store.connections.load(identifier)
    if found is not None and found.status is ConnectionStatus.DISCONNECTING:
        raise Problem(409, "organization_disconnecting", "This organisation is being disconnected. Try again later.")
    api = organizations_of(house.providers(provider))
    tenancy, secret = _understood(api, wanted)
    known = found.organization if found is not None and found.status in SETTLED else None
    if known is not None and not tenancy.service_account and not wanted.service_account:
        tenancy = replace(tenancy, service_account=known.service_account if known.has_key or known.new_key else "")
    if known is not None and found is not None and found.status in LIVE and _another(tenancy_of(known), tenancy):
        sentence = (
            "The organisation, the way it is accessed or its service account cannot change while it is connected. "
        )
        raise Problem(409, "organization_active", f"{sentence}Disconnect it first.")
    organization = with_tenancy(known or Organization(display_name="", place="", access=""), tenancy)
    organization = replace(organization, display_name=wanted.display_name, show_titles=wanted.show_titles)
    if known is not None and found is not None and found.status in LIVE and known.show_titles != wanted.show_titles:
        organization = replace(organization, walk="")
    if secret and not (organization.has_key and secret == house.keys.current(identifier, fresh=True)):
        house.keys.put(identifier, secret)
        organization = replace(organization, new_key=True)
    saved = _saved(house, Owner(org, ""), provider, found, organization)
    if saved.status is ConnectionStatus.ACTIVE and organization.walk is not None:
        house.jobs.send(ConnectionJob(saved.id))
    return saved


def _understood(api: OrganizationApi, wanted: Wanted) -> tuple[Tenancy, bytes]:
    """The tenancy with what the provider adds, and the secret that a key makes, b"" without one."""
    field = wanted.place_name
    try:
        tenancy = api.discover(
            Tenancy(place=wanted.place, access=wanted.access, service_account=wanted.service_account)
        )
        if not wanted.key:
            return tenancy, b""
        field = "service_account_key"
        grant = api.accept(tenancy, wanted.key)
    except ConnectFailed as failure:
        raise Problem(422, failure.code, failure.sentence, [FieldError(field, failure.sentence)]) from None
    if grant.account is not None:
        tenancy = replace(tenancy, service_account=grant.account.name)
    return tenancy, grant.secret


def _another(known: Tenancy, wanted: Tenancy) -> bool:
    """Whether this would be another organisation, or the same one in another name."""

    def key(tenancy: Tenancy) -> tuple[str, ...]:
        return (tenancy.tenant or tenancy.place, tenancy.access.value, tenancy.service_account.casefold())

    return key(known) != key(wanted)


def _saved(
    house: House, owner: Owner, provider: str, found: Connection | None, organization: Organization
) -> Connection:
    now = house.clock()
    if found is None:
        draft = Connection(
            id=organization_id(owner.org, provider),
            owner=owner,
            provider=provider,
            status=ConnectionStatus.PENDING,
            created_at=now,
            updated_at=now,
            organization=organization,
        )
        house.store.connections.create(draft)
        return draft
    if found.status in SETTLED and found.organization == organization:
        return found
    changed = replace(found, organization=organization, updated_at=now)
    if organization.walk is not None:
        changed = replace(changed, due_at=now + SWEEP_AFTER)
    if found.status is ConnectionStatus.DISCONNECTED:
        changed = replace(changed, status=ConnectionStatus.PENDING, receipt=None, reasons=(), created_at=now)
    return house.store.connections.save(changed)


# --- authorise -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Away:
    """The administrator goes to this address, and comes back to the attempt."""

    connection: Connection
    authorization_url: str


def authorize(
    house: House, settings: ConsentSettings, organization: Connection, administrator: Owner, return_to: str
) -> Away | Connection:
    """Begin the consent, or try the key, which makes the organisation active at once. Raises `Problem`."""
    known = _settled(organization)
    api = organizations_of(house.providers(organization.provider))
    away = replace(attempt(house, administrator, organization.provider, return_to), organization=known)
    state = state_of(house, settings, away)
    try:
        begun = api.begin(tenancy_of(known), redirect_uri=settings.callback(away.provider), state=state.text)
    except ConnectFailed as failure:
        raise Problem(409, failure.code, failure.sentence) from None
    if begun is None:
        return _try_key(house, organization, administrator)
    check_return_to(settings, return_to)
    house.store.connections.create(away, flow=begun.flow, state_digest=state.digest)
    return Away(away, begun.authorization_url)


def _settled(organization: Connection) -> Organization:
    if organization.status not in SETTLED or organization.organization is None:
        raise Problem(409, "organization_disconnected", "This organisation is disconnected. Set it up again first.")
    return organization.organization


def _try_key(house: House, organization: Connection, administrator: Owner) -> Connection:
    """Use the key that waits, else the one that is used, for the first enabled person; it counts if the organisation's
    access is not refused, whatever becomes of that person."""
    waiting = house.keys.waiting(organization.id)
    secret = waiting or house.keys.current(organization.id, fresh=True)
    if secret is None:
        raise Problem(409, "key_missing", "There is no key yet. Add the service account's key first.")
    person = first_enabled(house, organization)
    if person is not None:
        try:
            organizations_of(house.providers(organization.provider)).verify(secret, person.mailbox)
        except ConnectionRevoked as error:
            raise Problem(409, error.code, error.sentence) from None
    if waiting is not None:
        house.keys.use_waiting(organization.id)
    known = replace(_settled(organization), has_key=True, new_key=False)
    return _announced(house, house.store.connections.save(_activated(house, organization, known, administrator, None)))


def confirm(house: House, administrator: Owner, connection_id: str, confirmation: str) -> Connection:
    """Move the permission of an attempt over to the organisation, for the administrator who began it. Raises
    `Problem`; if the organisation was changed since, the permission is given back."""
    came, expected = awaiting(house, administrator, connection_id, confirmation)
    for _ in range(ATTEMPTS):
        organization = house.store.connections.load(organization_id(administrator.org, came.provider))
        if organization is None or not _still_meant(organization, came):
            abandon(house, came)
            raise Problem(409, "organization_changed", "The settings were changed meanwhile. Authorise again.")
        known = replace(_settled(organization), has_key=False)
        try:
            organization = _hold_tenant(house, organization, known, came)
            active = _activated(house, organization, known, administrator, came.account)
            house.store.connections.renew(active, came.id, expected)
        except VersionConflict:
            if house.store.connections.confirmation_digest(came.id) != expected:
                break
            continue
        return _announced(house, replace(active, version=active.version + 1))
    raise Problem(409, "not_awaiting_confirmation", "This connection was confirmed already.")


def _hold_tenant(house: House, organization: Connection, known: Organization, came: Connection) -> Connection:
    """The app's own access reaches whatever the tenant let it reach, whoever asks; so a tenant is one organisation's,
    for good. Raises `Problem` (409), `VersionConflict`."""
    if known.access != StaffAccess.APPLICATION:
        return organization
    place = tenant_place(organization.provider, known.tenant)
    holder = house.store.connections.holder_of(place)
    if holder == organization.id:
        return organization
    if holder:
        abandon(house, came)
        sentence = "This tenant belongs to another organisation of this product. Ask the product's operator."
        raise Problem(409, "tenant_taken", sentence)
    return house.store.connections.save_member(organization, takes=place)


def _still_meant(organization: Connection, came: Connection) -> bool:
    if organization.organization is None or came.organization is None or organization.status not in SETTLED:
        return False
    return not _another(tenancy_of(organization.organization), tenancy_of(came.organization))


def _activated(
    house: House, found: Connection, known: Organization, administrator: Owner, account: Account | None
) -> Connection:
    now = house.clock()
    authorized = replace(known, authorized_by=administrator.user_id, authorized_at=now, walk="", warned_days=0)
    return replace(
        found,
        status=ConnectionStatus.ACTIVE,
        account=account,
        organization=authorized,
        reasons=(),
        updated_at=now,
        due_at=now + SWEEP_AFTER,
    )


def _announced(house: House, active: Connection) -> Connection:
    house.tell(connection_notice(active, "active", house.clock()))
    house.jobs.send(ConnectionJob(active.id))
    return active


def check_everybody(house: House, organization: Connection) -> Connection:
    """Have every enabled person verified again, from the first one on. Raises `Problem` (409)."""
    if organization.status not in LIVE or organization.organization is None:
        raise Problem(409, "not_authorized", "This organisation is not authorised yet. Authorise it first.")
    begun = replace(organization.organization, walk="")
    due = house.clock() + SWEEP_AFTER
    saved = house.store.connections.save(replace(organization, organization=begun, due_at=due))
    house.jobs.send(ConnectionJob(saved.id))
    return saved
