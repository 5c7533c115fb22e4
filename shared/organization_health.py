"""Looking after an organisation: the pass over its staff, the permission that it lives by, and when that ends.

`look_after` is the organisation's own job. It sends each enabled person a job of their own, page by page, and goes on
where it stopped; a day later it is called again. What only concerns one mailbox is that person's affair
(`shared.staff`); a refusal of the organisation's own access stops everybody at once, and is tried again by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.connections import ATTEMPTS
from shared.errors import ConnectionRevoked, VersionConflict
from shared.house import House
from shared.model import Connection, ConnectionStatus, Organization, Reason
from shared.notices import connection_notice
from shared.queue import ConnectionJob
from shared.tenancy import organizations_of
from shared.verification import PAGE, first_enabled, members, verified

AGAIN = timedelta(hours=24)
"""How often the permission is looked at."""

TRY_AGAIN = timedelta(hours=1)
"""How often a refused one is tried again: a secret may have been replaced."""

WARNINGS = (30, 7, 1)
"""Days before a secret ends."""


def look_after(house: House, organization: Connection, out_of_time: Callable[[], bool]) -> bool:
    """True when there is nothing left to do; else the job is to be sent again. Raises `RetryLater`,
    `VersionConflict`."""
    if organization.status is ConnectionStatus.RECONNECT_REQUIRED:
        recovered = _tried_again(house, organization)
        if recovered is None:
            return True
        organization = recovered
    known = organization.organization
    if known is not None and known.walk is None:
        _send_overlooked(house, organization)
    while known is not None and known.walk is not None:
        if out_of_time():
            return False
        organization = _next_page(house, organization, known)
        known = organization.organization
    _look_at_the_permission(house, organization)
    return True


def _next_page(house: House, organization: Connection, known: Organization) -> Connection:
    """Each person's job is sent before the place is kept: a crash in between sends some twice, which costs a look."""
    page = house.store.connections.staff(organization.id, limit=PAGE, after=known.walk or "")
    for person in page:
        if person.enabled and not person.leaving:
            house.jobs.send(ConnectionJob(person.id))
    walk = page[-1].owner.user_id if len(page) == PAGE else None
    return house.store.connections.save(replace(organization, organization=replace(known, walk=walk)))


def _send_overlooked(house: House, organization: Connection) -> None:
    """Somebody who was added just as the pass went by: an index that lags may not have shown them."""
    for person in members(house, organization):
        if person.enabled and person.status is ConnectionStatus.PENDING and person.due_at is None:
            house.jobs.send(ConnectionJob(person.id))


def refused(house: House, organization_id: str, error: ConnectionRevoked) -> None:
    """The organisation's own access is refused: said once, and tried again later. Its staff wait as they are. Raises
    `VersionConflict` if it keeps changing meanwhile."""
    for _ in range(ATTEMPTS):
        organization, now = house.store.connections.load(organization_id), house.clock()
        if organization is None or organization.status is not ConnectionStatus.ACTIVE:
            return
        stopped = replace(
            organization,
            status=ConnectionStatus.RECONNECT_REQUIRED,
            reasons=(Reason(error.code, error.sentence),),
            updated_at=now,
            due_at=now + TRY_AGAIN,
        )
        try:
            stopped = house.store.connections.save(stopped)
        except VersionConflict:
            continue
        house.tell(connection_notice(stopped, "reconnect_required", now))
        return
    raise VersionConflict("This organisation keeps changing.")


def _tried_again(house: House, organization: Connection) -> Connection | None:
    """The organisation, active again, if its access works now."""
    person, now = first_enabled(house, organization), house.clock()
    try:
        if person is not None:
            verified(house, organization, person.mailbox)
    except ConnectionRevoked:
        person = None
    known = organization.organization
    if person is None or known is None:
        house.store.connections.save(replace(organization, due_at=now + TRY_AGAIN))
        return None
    active = house.store.connections.save(
        replace(
            organization,
            status=ConnectionStatus.ACTIVE,
            organization=replace(known, walk=""),
            reasons=(),
            updated_at=now,
        )
    )
    house.tell(connection_notice(active, "active", now))
    return active


# --- what the permission lives by ----------------------------------------------------------------------------------


def _look_at_the_permission(house: House, organization: Connection) -> None:
    known, now = organization.organization, house.clock()
    if known is None:
        return
    api = organizations_of(house.providers(organization.provider))
    try:
        secret = house.secret(organization)
    except ConnectionRevoked as error:
        refused(house, organization.id, error)
        return
    ends = api.expires_at(secret)
    enabled = [person for person in members(house, organization) if person.enabled]
    reaches = api.others_reached(secret, [person.mailbox for person in enabled]) if enabled else None
    warning = _warning(ends, now)
    seen = replace(known, secret_ends_at=ends, warned_days=warning, reaches=reaches or ())
    saved = house.store.connections.save(replace(organization, organization=seen, due_at=now + AGAIN))
    reason = expiry_reason(seen, now)
    if reason is not None and warning and (known.warned_days == 0 or warning < known.warned_days):
        house.tell(connection_notice(replace(saved, reasons=(reason,)), "secret_expires", now))


def _warning(ends: datetime | None, now: datetime) -> int:
    """The last of `WARNINGS` that is due, 0 for none."""
    if ends is None:
        return 0
    return min((days for days in WARNINGS if ends - now <= timedelta(days=days)), default=0)


def days_left(ends: datetime, now: datetime) -> int:
    """Whole days; 0 on the last day and ever after."""
    return max(0, (ends - now).days)


def expiry_reason(organization: Organization, now: datetime) -> Reason | None:
    ends = organization.secret_ends_at
    if ends is None or ends - now > timedelta(days=WARNINGS[0]):
        return None
    day = f"{ends:%d %B %Y}"
    if ends <= now:
        sentence = f"The secret that signs for this organisation ended on {day}. Add a new one now."
    else:
        sentence = (
            f"The secret that signs for this organisation ends on {day}. Add a second one before that day; "
            "both work meanwhile, and nobody has to sign in again."
        )
    return Reason("secret_expires", sentence)


def reach_reason(organization: Organization) -> Reason | None:
    if not organization.reaches:
        return None
    named = ", ".join(organization.reaches)
    return Reason(
        "reaches_others",
        f"The access also reaches mailboxes that nobody enabled here, such as {named}. Limit it to the staff you "
        "enable (RBAC for Applications), and remove the permission that reaches everybody.",
    )
