from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from shared.connection_policy import LONGEST_REMINDER, change_policy
from shared.errors import Problem
from shared.model import Connection, ConnectionStatus, OnExternal, Owner, Policy, Privacy

NOW = datetime(2027, 3, 1, tzinfo=UTC)
CONNECTION = Connection(
    id="con_a",
    owner=Owner("demo", "anna"),
    provider="google",
    status=ConnectionStatus.ACTIVE,
    created_at=NOW,
    updated_at=NOW,
)


def changed(members: dict[str, Any], saved: list[Connection] | None = None) -> Connection:
    kept = [] if saved is None else saved
    store = SimpleNamespace(
        connections=SimpleNamespace(save=lambda one: kept.append(one) or one),
        calendars=SimpleNamespace(of_connection=lambda _: []),
    )
    house = SimpleNamespace(store=store, clock=lambda: NOW + timedelta(hours=1))
    return change_policy(house, CONNECTION, members)  # type: ignore[arg-type]


def test_everything_that_can_be_chosen_is_taken_over():
    members = {
        "default_reminder": 15,
        "invite_attendees": True,
        "on_external_change": "restore",
        "on_external_delete": "restore",
        "privacy": "busy_only",
        "user_id": "anna",
    }
    assert changed(members).policy == Policy(
        default_reminder=15,
        invite_attendees=True,
        on_external_change=OnExternal.RESTORE,
        on_external_delete=OnExternal.RESTORE,
        privacy=Privacy.BUSY_ONLY,
    )


def test_no_reminder_and_the_providers_own_are_two_things():
    assert changed({"default_reminder": None}).policy.default_reminder is None
    assert changed({"default_reminder": "provider"}).policy.default_reminder == "provider"


def test_what_is_not_mentioned_stays_and_a_choice_that_changes_nothing_is_not_stored():
    saved: list[Connection] = []
    assert changed({}, saved) is CONNECTION
    assert changed({"privacy": "full", "default_reminder": "provider"}, saved) is CONNECTION
    assert saved == []


@pytest.mark.parametrize("value", [True, False, -1, LONGEST_REMINDER + 1, 1.0, "10", "Provider", [], {}])
def test_a_reminder_that_is_none_is_refused(value):
    with pytest.raises(Problem) as refused:
        changed({"default_reminder": value})
    assert [error.field for error in refused.value.errors] == ["default_reminder"]


def test_every_fault_is_named_at_once_and_none_of_the_rest_is_stored():
    saved: list[Connection] = []
    with pytest.raises(Problem) as refused:
        changed(
            {"privacy": "none", "invite_attendees": 1, "on_external_change": "x", "color": 1, "default_reminder": 5},
            saved,
        )
    assert {error.field for error in refused.value.errors} == {
        "privacy",
        "invite_attendees",
        "on_external_change",
        "color",
    }
    assert saved == []
