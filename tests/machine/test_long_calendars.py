"""Calendars of many pages and chunks: a worker whose time runs out between any two of them is gone on from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared import events
from shared.model import Calendar, Content, Series, Span, SyncPhase, ZonedTime
from shared.providers.google import calendar as google
from shared.providers.microsoft import calendar as microsoft
from shared.queue import CalendarJob
from tests.machine.checks import check
from tests.machine.model import OWNER, Model
from tests.machine.test_crash_points import WRITER, book
from tests.machine.world import World, running

MANY, PAGE = 90, 20
CHUNK = 40
"""How many bookings are looked at at once."""
AGES_AGO = datetime(2024, 3, 5, 9)  # noqa: DTZ001


@pytest.fixture(params=["google", "microsoft"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A provider, in pages of twenty."""
    for adapter in (google, microsoft):
        monkeypatch.setattr(adapter, "PAGE_SIZE", PAGE)
    return str(request.param)


@pytest.fixture
def world() -> Iterator[World]:
    with running("long calendars") as world:
        world.microsoft.world.settings.replays = False  # else an item is on two pages, and counted on both
        yield world
        assert world.outcomes.keys() <= {"synced", "collapsed", "continued"}  # an error would be made good unseen


def hour_of(number: int) -> Span:
    start = datetime(2027, 3, 1, 8) + timedelta(hours=number)  # noqa: DTZ001
    return Span(ZonedTime(start, "Europe/Berlin"), ZonedTime(start + timedelta(minutes=30), "Europe/Berlin"))


def fill(world: World, name: str, bookings: int = MANY) -> None:
    """So many bookings here, ninety appointments there."""
    for number in range(bookings):
        book(world, f"b{number:02}", f"Booked {number}")
    for number in range(MANY):
        world.sides[name].add(Series(Content(span=hour_of(number), title=f"Appointment {number}")))


def calendar_of(world: World, name: str) -> Calendar:
    found = world.calendar(name)
    assert found is not None
    return found


def one_step_at_a_time(world: World, name: str) -> list[tuple[str, int, int | None]]:
    """Let each worker's time run out after one step; the checkpoints it left, the same ones once."""
    world.looks, seen = 1, []
    while world.work() is not None:
        point = calendar_of(world, name).checkpoint
        seen += [step for step in [(str(point.phase), point.done, point.total)] if step not in seen[-1:]]
    world.looks = None
    return seen


def in_step(world: World, name: str) -> None:
    world.connect(name)
    world.settle()
    world.drain()


def titles(world: World) -> list[str]:
    return sorted(event.series.content.title for event in world.tables.events.values() if not event.deleted)


def reads(world: World, part: str) -> list[str]:
    """Paths that were read since the list of calls was cleared."""
    return [path for _, method, path, _ in world.calls if method == "GET" and part in path]


def change(world: World, name: str, **fields: Any) -> None:
    calendar = calendar_of(world, name)
    world.store.calendars.change(calendar.id, lambda found: replace(found, **fields))


# --- a first sync --------------------------------------------------------------------------------------------------


def test_a_first_sync_that_is_stopped_at_every_step_counts_on_and_reads_and_writes_nothing_twice(
    world: World, name: str
) -> None:
    fill(world, name)
    world.connect(name)
    world.work()
    world.calls.clear()
    seen = one_step_at_a_time(world, name)
    listed = [step for step in seen if step[0] == "first"]
    assert [done for _, done, _ in listed][-4:] == [PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE]
    exported = [done for phase, done, _ in seen if phase == "export"]
    assert exported == [MANY, MANY + CHUNK, MANY + 2 * CHUNK]
    assert {step for step in seen if step[0] == "delta"} == {("delta", 2 * MANY, 2 * MANY)}
    assert sum(path.endswith("/events") for _, method, path, _ in world.calls if method == "POST") in (0, MANY)
    assert len(world.sides[name].live()) == 2 * MANY
    check(world, Model())


def test_a_first_sync_is_told_of_once_with_the_number_of_events(world: World, name: str) -> None:
    fill(world, name)
    world.connect(name)
    one_step_at_a_time(world, name)
    world.drain()
    told = [kept.message for kept, _ in world.tables.deliveries.values()]
    bodies = [one.body for one in told if one.type == "sync.completed"]
    assert [body["events"] for body in bodies] == [2 * MANY]


# --- what changes --------------------------------------------------------------------------------------------------


def test_of_many_changes_here_those_that_a_worker_had_no_time_for_are_the_next_ones(world: World, name: str) -> None:
    fill(world, name)
    in_step(world, name)
    for number in range(MANY):
        events.patch(world.house, OWNER, f"b{number:02}", {"title": "New"}, if_match=None, writer=WRITER)
    world.looks = 3
    world.work()
    left = len(world.tables.pending[calendar_of(world, name).id])
    assert left == MANY - 2 * CHUNK
    world.looks = None
    world.settle()
    there = [world.sides[name].text(one, "", "title") for one in world.sides[name].live()]
    assert Counter(there)["New"] == MANY
    assert not world.tables.pending[calendar_of(world, name).id]


def test_many_changes_there_arrive_page_by_page_and_only_the_last_one_leaves_the_calendar_in_step(
    world: World, name: str
) -> None:
    in_step(world, name)
    fill(world, name, bookings=0)
    world.deliver_pushes()
    world.looks, before = 1, calendar_of(world, name).last_sync_at
    arrived = []
    while world.work() == "continued":
        arrived.append(sum(event.origin != "app" for event in world.tables.events.values()))
        assert calendar_of(world, name).last_sync_at == before
    assert arrived[:2] == [PAGE, 2 * PAGE]
    assert calendar_of(world, name).last_sync_at != before
    assert len(titles(world)) == MANY


# --- the listing once a week ---------------------------------------------------------------------------------------


def test_a_calendar_is_listed_whole_once_a_week_and_not_before(world: World, name: str) -> None:
    in_step(world, name)
    runs = [calendar_of(world, name).checkpoint.listed_s]
    for _ in range(15):
        world.clock.forward(24 * 3600)
        world.tick()
        world.settle()
        listed = calendar_of(world, name).checkpoint.listed_s
        runs += [listed] if listed != runs[-1] else []
    days = [(later - earlier) / 86400 for earlier, later in pairwise(runs)]
    assert len(days) == 2
    assert all(6 <= one < 8 for one in days)


def test_what_a_listing_does_not_name_is_asked_for_and_a_deletion_that_nobody_told_of_is_found(
    world: World, name: str
) -> None:
    fill(world, name)
    in_step(world, name)
    gone = world.sides[name].live()[0]
    world.sides[name].lose(gone)
    world.calls.clear()
    listed_by(world, name)
    assert "Appointment 0" not in titles(world)
    assert len(titles(world)) == 2 * MANY - 1
    assert [path.rpartition("/")[2] for path in reads(world, "/events/")] == [gone]
    assert not [call for call in world.calls if call[1] in ("POST", "PATCH", "DELETE") and "/events" in call[2]]


def test_a_booking_that_has_no_copy_any_more_and_no_link_gets_one_with_the_next_listing(
    world: World, name: str
) -> None:
    fill(world, name)
    in_step(world, name)
    links = world.tables.links[calendar_of(world, name).id]
    lost = next(remote_id for remote_id, link in links.items() if link.event_id == "b00")
    world.sides[name].lose(lost)
    del links[lost]
    listed_by(world, name)
    check(world, Model())


def test_a_listing_leaves_alone_what_ended_before_its_window(world: World, name: str) -> None:
    span = Span(ZonedTime(AGES_AGO, "UTC"), ZonedTime(AGES_AGO + timedelta(hours=1), "UTC"))
    in_step(world, name)
    old = world.sides[name].add(Series(Content(span=hour_of(0), title="Moved into the past")))
    world.settle()
    world.sides[name].edit(old, span=span)
    world.settle()
    world.calls.clear()
    listed_by(world, name)
    assert titles(world) == ["Moved into the past"]
    assert not [path for _, _, path, _ in world.calls if old in path]


def test_a_listing_that_is_stopped_at_every_step_goes_on_there(world: World, name: str) -> None:
    fill(world, name)
    in_step(world, name)
    world.sides[name].expire_cursors()
    world.calls.clear()
    world.queue.send(CalendarJob(calendar_of(world, name).id))
    seen = one_step_at_a_time(world, name)
    phases = [phase for phase, _, _ in seen]
    assert list(dict.fromkeys(phases)) == ["snapshot", "missing", "export", "delta"]
    lists = reads(world, "/events" if name == "google" else "/delta")
    empty = {"google": 0, "microsoft": 1}[name]  # Graph begins a round with a page of nothing
    assert len(lists) == 1 + empty + 2 * MANY // PAGE + 1 + 1  # the expired cursor, the pages, what is new, the end
    snapshots = [done for phase, done, _ in seen if phase == "snapshot"]
    assert snapshots[0] == 0
    assert snapshots == sorted(snapshots)
    assert not [call for call in world.calls if call[1] in ("POST", "PATCH", "DELETE") and "/events" in call[2]]
    check(world, Model())


# --- a subscription that keeps silent ------------------------------------------------------------------------------


def test_a_subscription_that_kept_silent_about_a_change_is_replaced_and_others_are_not(world: World, name: str) -> None:
    in_step(world, name)
    point = calendar_of(world, name)
    assert point.subscription is not None
    world.clock.forward(300)
    world.sides[name].add(Series(Content(span=hour_of(1), title="Told of at once")))
    world.settle()
    assert calendar_of(world, name).subscription == point.subscription
    world.clock.forward(300)
    world.sides[name].push_rule("drop", 1)
    world.sides[name].add(Series(Content(span=hour_of(2), title="Kept quiet")))
    world.clock.forward(300)
    world.queue.send(CalendarJob(calendar_of(world, name).id))
    world.settle()
    found = calendar_of(world, name)
    assert found.subscription is not None
    assert found.subscription.renew_at == found.last_sync_at == found.due_at
    world.tick()
    world.settle()
    renewed = calendar_of(world, name).subscription
    assert renewed is not None
    assert renewed.renew_at > world.clock.now


# --- helpers -------------------------------------------------------------------------------------------------------


def listed_by(world: World, name: str) -> None:
    """The listing falls due, and is done."""
    calendar = calendar_of(world, name)
    week_ago = int((world.clock.now - timedelta(days=7)).timestamp())
    change(world, name, checkpoint=replace(calendar.checkpoint, listed_s=week_ago))
    world.queue.send(CalendarJob(calendar_of(world, name).id))
    world.settle()
    assert calendar_of(world, name).checkpoint.phase is SyncPhase.DELTA
