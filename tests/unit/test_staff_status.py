"""One word for how a person fares, from every state that their connection and their organisation can be in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.clock import now
from shared.model import Access, Calendar, Connection, ConnectionStatus, Owner, Reason
from shared.staff_status import StaffStatus, reason_of, status_of, totals

AT = now()
ACTIVE, PENDING = ConnectionStatus.ACTIVE, ConnectionStatus.PENDING
REFUSED, ENDING, OVER = (
    ConnectionStatus.RECONNECT_REQUIRED,
    ConnectionStatus.DISCONNECTING,
    ConnectionStatus.DISCONNECTED,
)
WHY, ACCESS = Reason("no_rights", "No rights."), Reason("consent_revoked", "Refused.")


def connection(status: ConnectionStatus, user_id: str = "", **more: Any) -> Connection:
    made = Connection(
        id=f"con_{user_id}",
        owner=Owner("org", user_id),
        provider="google",
        status=status,
        created_at=AT,
        updated_at=AT,
    )
    return replace(made, **more)


def person(status: ConnectionStatus, **more: Any) -> Connection:
    return connection(status, "ada", member_of="org_1", mailbox="ada@example.com", **more)


def calendar(*reasons: Reason) -> Calendar:
    made = Calendar(
        id="con_ada.c",
        connection_id="con_ada",
        owner=Owner("org", "ada"),
        remote_id="c",
        name="c",
        zone="UTC",
        access=Access.OWNER,
    )
    return replace(made, reasons=reasons)


@pytest.mark.parametrize(
    ("organization", "one", "word"),
    [
        (PENDING, person(PENDING), "waiting"),
        (REFUSED, person(PENDING), "waiting"),
        (ACTIVE, person(PENDING), "checking"),
        (ACTIVE, person(PENDING, reasons=(Reason("own_connection", "Own."),)), "own_connection"),
        (ACTIVE, person(ACTIVE), "first_sync"),
        (ACTIVE, person(ACTIVE, in_step=True), "active"),
        (REFUSED, person(ACTIVE, in_step=True), "paused"),
        (ACTIVE, person(REFUSED, reasons=(WHY,)), "paused"),
        (ACTIVE, person(OVER, enabled=False), "disabled"),
        (ACTIVE, person(ENDING, leaving=True), "removing"),
        (ACTIVE, person(ENDING, enabled=False), "removing"),
        (ACTIVE, person(ENDING), "checking"),
    ],
)
def test_a_person_in_a_state_is_called_by_its_word(organization, one, word):
    assert status_of(one, connection(organization)) is StaffStatus(word)


def test_a_calendar_that_the_brake_holds_is_a_pause():
    held = calendar(Reason("held", "Much would be deleted."))
    assert status_of(person(ACTIVE, in_step=True), connection(ACTIVE), [held]) is StaffStatus.PAUSED
    assert reason_of(person(ACTIVE, in_step=True), connection(ACTIVE), [held]) == held.reasons[0]


def test_the_nearest_cause_is_told_and_polling_is_none():
    refused = connection(REFUSED, reasons=(ACCESS,))
    assert reason_of(person(ACTIVE), refused) == ACCESS
    assert reason_of(person(REFUSED, reasons=(WHY,)), refused) == WHY
    assert reason_of(person(ACTIVE), connection(ACTIVE), [calendar(Reason("not_watchable", "Polled."))]) is None


def test_everybody_who_is_enabled_counts_once():
    people = [
        person(PENDING),
        person(ACTIVE),
        person(ACTIVE, in_step=True),
        person(REFUSED),
        person(OVER, enabled=False),
    ]
    assert totals(people, connection(ACTIVE)) == {
        "total": 5,
        "enabled": 4,
        "disabled": 1,
        "waiting": 1,
        "syncing": 1,
        "in_step": 1,
        "paused": 1,
        "own_connection": 0,
    }
