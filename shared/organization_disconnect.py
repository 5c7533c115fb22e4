"""Disconnecting an organisation: everybody of its staff first, then the permission, then its secret.

Each person is disconnected as by themselves, with what was chosen for copies; the receipt counts over all. It goes on
where it left off when it is run again, first in the request that asked for it and then as the organisation's job. What
remains is the receipt, without the list of people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.connections import revoke
from shared.disconnect import Choice, Fate
from shared.errors import ConnectionRevoked, VersionConflict
from shared.house import House
from shared.model import Connection, ConnectionStatus
from shared.notices import connection_notice
from shared.providers.base import Revocation
from shared.queue import ConnectionJob
from shared.staff import remove
from shared.store.events import SWEEP_AFTER
from shared.tenancy import organizations_of
from shared.verification import PAGE

COUNTED = (
    "subscriptions_stopped",
    "subscriptions_not_stopped",
    "events_deleted_here",
    "events_deleted_there",
    "events_not_deleted_there",
    "links_erased",
)


def disconnect_organization(
    house: House, organization: Connection, choice: Choice, out_of_time: Callable[[], bool]
) -> Connection:
    """Begin, and go as far as time allows; the rest is a job. The receipt is the connection's."""
    if organization.status is ConnectionStatus.DISCONNECTED:
        return organization
    if organization.status is not ConnectionStatus.DISCONNECTING:
        receipt: dict[str, object] = {
            "imported": choice.imported.value,
            "exported": choice.exported.value,
            "revoked": None,
            **dict.fromkeys(COUNTED, 0),
            "complete": False,
            "notes": [],
        }
        organization = house.store.connections.save(
            replace(
                organization,
                status=ConnectionStatus.DISCONNECTING,
                receipt=receipt,
                reasons=(),
                updated_at=house.clock(),
                due_at=house.clock() + SWEEP_AFTER,
            )
        )
    try:
        organization = go_on(house, organization, out_of_time)
    except VersionConflict:  # somebody's own job was at it at this moment
        organization = house.store.connections.load(organization.id) or organization
    house.jobs.send(ConnectionJob(organization.id))
    return organization


def go_on(house: House, organization: Connection, out_of_time: Callable[[], bool]) -> Connection:
    """Everything that is left to do. Raises `VersionConflict`."""
    receipt = dict(organization.receipt or {})
    choice = Choice(Fate(str(receipt["imported"])), Fate(str(receipt["exported"])))
    after, finished = "", True
    while finished and (page := house.store.connections.staff(organization.id, limit=PAGE, after=after)):
        for listed in page:
            if out_of_time():
                finished = False
                break
            organization, gone = _take_off(house, organization, listed, choice, out_of_time)
            finished = finished and gone
        after = page[-1].owner.user_id
    if not finished:
        return house.store.connections.save(replace(organization, due_at=house.clock() + SWEEP_AFTER))
    return _close(house, organization)


def _take_off(
    house: House, organization: Connection, listed: Connection, choice: Choice, out_of_time: Callable[[], bool]
) -> tuple[Connection, bool]:
    """One person; whether they are off the list now. Their part of the receipt is added to the whole one's."""
    person = house.store.connections.load(listed.id)
    if person is None or not person.member_of:
        return organization, True
    gone = remove(house, person, choice, out_of_time)
    if gone.member_of:
        return organization, False
    receipt = dict(organization.receipt or {})
    for name in COUNTED:
        receipt[name] = int(str(receipt.get(name, 0))) + int(str((gone.receipt or {}).get(name, 0)))
    return house.store.connections.save(replace(organization, receipt=receipt)), True


def _close(house: House, organization: Connection) -> Connection:
    receipt = dict(organization.receipt or {})
    if receipt.get("revoked") is None:
        outcome = _revoked(house, organization)
        receipt["revoked"] = {Revocation.REVOKED: True, Revocation.FAILED: False, None: False}.get(
            outcome, Revocation.NOT_SUPPORTED.value
        )
        if outcome is not Revocation.REVOKED:
            sentence = "The permission could not be ended from here; remove it in the provider's admin console."
            receipt["notes"] = [sentence]
        organization = house.store.connections.save(replace(organization, receipt=receipt))
    erase(house, organization)
    notice = connection_notice(organization, "disconnected", house.clock())
    known = organization.organization
    closed = house.store.connections.save(
        replace(
            organization,
            status=ConnectionStatus.DISCONNECTED,
            account=None,
            due_at=None,
            organization=replace(
                known,
                service_account="",
                authorized_by="",
                authorized_at=None,
                has_key=False,
                new_key=False,
                walk=None,
                secret_ends_at=None,
                reaches=(),
            )
            if known
            else None,
            receipt={**receipt, "complete": True},
            updated_at=house.clock(),
        )
    )
    house.tell(notice)
    return closed


def _revoked(house: House, organization: Connection) -> Revocation | None:
    if organization.organization is None or not organization.organization.has_key:
        return revoke(house, organization)
    try:
        secret = house.secret(organization, fresh=True)
    except ConnectionRevoked:
        return Revocation.FAILED
    return organizations_of(house.providers(organization.provider)).revoke(secret)


def erase(house: House, organization: Connection) -> None:
    """The secret part, wherever it is kept."""
    house.keys.erase(organization.id)
    house.store.connections.erase_secret(organization.id)
