"""What every store must do with calendars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import VersionConflict
from shared.model import Access, Calendar, Checkpoint, Reason, Subscription, SyncPhase
from shared.store.stores import Store
from tests.store.values import NOON, calendar

Named = Callable[[str], str]


def test_a_calendar_comes_back_as_it_went_in(store: Store, named: Named) -> None:
    one = calendar(
        named("a"),
        access=Access.READER,
        main=True,
        sync=False,
        subscription=Subscription(id="sub", resource_id="res", expires_at=NOON, renew_at=NOON, key="k"),
        checkpoint=Checkpoint(phase=SyncPhase.MISSING, cursor="c", position="p", run="r", done=3, total=4),
        reasons=(Reason("code", "A sentence."),),
        synced_from_ms=1_800_000_000_123,
        last_sync_at=NOON,
        due_at=NOON,
        parked_until=NOON,
    )
    assert store.calendars.create(one)
    assert store.calendars.load(one.id) == one
    assert store.calendars.load(f"con_{named('x')}.cal") is None


def test_a_calendar_that_is_there_is_not_made_again(store: Store, named: Named) -> None:
    assert store.calendars.create(calendar(named("a")))
    assert not store.calendars.create(calendar(named("a"), name="Other"))
    assert store.calendars.load(f"con_{named('a')}.cal") == calendar(named("a"))


def test_a_change_is_made_to_the_calendar_as_it_now_is(store: Store, named: Named) -> None:
    one = calendar(named("a"))
    store.calendars.create(one)
    seen: list[str] = []

    def change(found: Calendar) -> Calendar:
        seen.append(found.name)
        if len(seen) == 1:  # somebody else gets in between
            store.calendars.change(one.id, lambda other: replace(other, name="Theirs"))
        return replace(found, zone="UTC")

    changed = store.calendars.change(one.id, change)
    assert seen == ["Calendar", "Theirs"]
    assert changed is not None
    assert (changed.name, changed.zone, changed.version) == ("Theirs", "UTC", 2)
    assert store.calendars.load(one.id) == changed


def test_a_change_of_nothing_writes_nothing(store: Store, named: Named) -> None:
    one = calendar(named("a"))
    store.calendars.create(one)
    assert store.calendars.change(one.id, lambda found: replace(found, name=found.name)) == one


def test_a_change_may_refuse_what_it_finds(store: Store, named: Named) -> None:
    one = calendar(named("a"))
    store.calendars.create(one)

    def refuse(found: Calendar) -> Calendar:
        raise VersionConflict("not what was expected")

    with pytest.raises(VersionConflict):
        store.calendars.change(one.id, refuse)


def test_a_calendar_that_is_gone_is_not_changed(store: Store, named: Named) -> None:
    one = calendar(named("a"))
    store.calendars.create(one)
    store.calendars.delete(one)
    assert store.calendars.change(one.id, lambda found: replace(found, name="Back")) is None
    assert store.calendars.load(one.id) is None
    store.calendars.delete(one)


def test_calendars_are_found_by_connection_and_by_due_time(store: Store, named: Named) -> None:
    due, late = calendar(named("a"), due_at=NOON), calendar(named("a"), due_at=NOON + timedelta(seconds=1))
    late = replace(late, id=f"con_{named('a')}.later")
    for one in (due, late, calendar(named("b"))):
        store.calendars.create(one)
    assert {one.id for one in store.calendars.of_connection(f"con_{named('a')}")} == {due.id, late.id}
    found = {one.id for one in store.calendars.due(NOON)}
    assert due.id in found
    assert late.id not in found
    assert f"con_{named('b')}.cal" not in found
