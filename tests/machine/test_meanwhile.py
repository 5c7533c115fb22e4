"""Somebody edits at every step of a worker's job: each call to the store, the queues or a provider is followed by an
edit of what the worker is just bringing into step.

The job is run once to list its steps, and then once more for every step and every kind of edit. At the end nothing is
overlooked, whichever of both came first: the edit is on both sides, and so is all else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared import events
from shared.model import Cancelled
from tests.machine.checks import check
from tests.machine.model import OWNER, Model
from tests.machine.story import quieten
from tests.machine.test_crash_points import WRITER, edited_on_both_sides
from tests.machine.world import World, running

SECOND, FOURTH = "20270306T080000Z", "20270308T080000Z"
"""Of the booked series: the occurrence that was changed here, and one that nobody has touched."""
OF_COURSE = "20270304T110000Z"


AS_IT_SHOULD = {"synced", "collapsed"}
"""How jobs end where nothing fails: what an error interrupts, the next job makes good, and no end would show it."""


def copy_of(world: World, name: str, event_id: str) -> str:
    """The id there."""
    return next(one for (_, one), known in world.tables.ever_linked.items() if known == event_id)


def course_of(world: World, name: str) -> str:
    side = world.sides[name]
    return next(one for one in side.live() if "Course" in side.text(one, "", "title"))


def app_edits(world: World, name: str) -> None:
    events.patch(world.house, OWNER, "b1", {"description": "Meanwhile"}, if_match=None, writer=WRITER)


def app_edits_the_series(world: World, name: str) -> None:
    events.patch(world.house, OWNER, "b2", {"description": "Meanwhile"}, if_match=None, writer=WRITER)


def app_edits_an_occurrence(world: World, name: str) -> None:
    change = {"description": "Meanwhile"}
    events.patch_occurrence(world.house, OWNER, "b2", SECOND, change, if_match=None, writer=WRITER)


def app_cancels_an_occurrence(world: World, name: str) -> None:
    events.delete_occurrence(world.house, OWNER, "b2", FOURTH, if_match=None, writer=WRITER)


def app_deletes(world: World, name: str) -> None:
    events.delete(world.house, OWNER, "b1", if_match=None, writer=WRITER)


def person_edits(world: World, name: str) -> None:
    world.sides[name].edit(copy_of(world, name, "b1"), description="Meanwhile")


def person_edits_an_occurrence(world: World, name: str) -> None:
    world.sides[name].edit_occurrence(copy_of(world, name, "b2"), FOURTH, description="Meanwhile")


def person_edits_an_own_occurrence(world: World, name: str) -> None:
    world.sides[name].edit_occurrence(course_of(world, name), OF_COURSE, description="Meanwhile")


def person_deletes(world: World, name: str) -> None:
    world.sides[name].delete(copy_of(world, name, "b1"))


def prepare(world: World, name: str) -> None:
    """Both sides have edited the same booking and the same series before the job begins."""
    edited_on_both_sides(world, name)
    for event_id in ("b1", "b2"):
        world.sides[name].edit(copy_of(world, name, event_id), location="Hall")
    world.deliver_pushes()


def here(world: World, event_id: str, start: str = "") -> str:
    event = world.tables.events[OWNER, event_id]
    held = event.series.overrides.get(start, event.series.content)
    return (
        "gone" if event.deleted or isinstance(held, Cancelled) else f"{held.title}: {held.description}, {held.location}"
    )


@dataclass(frozen=True)
class Edit:
    act: Callable[[World, str], None]
    found: Callable[[World, str], str]
    """What is here in the end; that it is the same there is checked for all events."""
    expected: str


def of_course(world: World, name: str) -> str:
    event_id = Model().event_of(world, name, course_of(world, name))
    return here(world, event_id, OF_COURSE)


EDITS = (
    Edit(app_edits, lambda world, _: here(world, "b1"), "Changed here: Meanwhile, Hall"),
    Edit(app_edits_the_series, lambda world, _: here(world, "b2"), "Booked series: Meanwhile, Hall"),
    Edit(app_edits_an_occurrence, lambda world, _: here(world, "b2", SECOND), "Moved on: Meanwhile, Hall"),
    Edit(app_cancels_an_occurrence, lambda world, _: here(world, "b2", FOURTH), "gone"),
    Edit(app_deletes, lambda world, _: here(world, "b1"), "gone"),
    Edit(person_edits, lambda world, _: here(world, "b1"), "Changed here: Meanwhile, Hall"),
    Edit(person_edits_an_occurrence, lambda world, _: here(world, "b2", FOURTH), "Booked series: Meanwhile, Hall"),
    Edit(person_edits_an_own_occurrence, of_course, "Course, changed there: Meanwhile, "),
    Edit(person_deletes, lambda world, _: here(world, "b1"), "gone"),
)


@pytest.mark.parametrize("name", ["google", "microsoft"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.act.__name__)
def test_an_edit_at_any_step_of_a_job_is_on_both_sides_in_the_end(edit: Edit, name: str) -> None:
    steps: list[tuple[str, bool]] = []
    with running("meanwhile") as world:
        prepare(world, name)
        world.io.seen = steps
        world.io.arm(-1, True, None)
        world.settle()
    assert len(steps) > 20
    wrong = []
    for at, (step, _) in enumerate(steps):
        with running("meanwhile") as world:
            prepare(world, name)
            before = {event_id for (_, event_id), event in world.tables.events.items() if event.deleted}

            def strike(world: World = world) -> None:
                world.io.disarm()
                edit.act(world, name)

            world.io.arm(at, True, strike)
            try:
                world.settle()
                world.io.disarm()
                quieten(world)
                found = edit.found(world, name)
                gone = {event_id for (_, event_id), event in world.tables.events.items() if event.deleted}
                check(world, Model(let_go=gone | before), snapshot=False)
                if found != edit.expected:
                    wrong.append(f"after step {at}, {step}: {found!r}")
                if ended := world.outcomes.keys() - AS_IT_SHOULD:
                    wrong.append(f"after step {at}, {step}: a job ended as {ended}")
            except Exception as problem:  # noqa: BLE001 (all of them are told together)
                wrong.append(f"after step {at}, {step}: {type(problem).__name__} {problem}")
    assert not wrong, f"{len(wrong)} of {len(steps)} steps\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", ["google", "microsoft"])
def test_an_event_that_changes_at_every_step_waits_and_its_neighbours_do_not(name: str) -> None:
    with running("meanwhile") as world:
        prepare(world, name)
        count = 0

        def strike() -> None:
            nonlocal count
            count += 1
            world.io.disarm()
            change = {"description": f"Version{count}"}
            events.patch(world.house, OWNER, "b1", change, if_match=None, writer=WRITER)
            world.io.arm(0, False, strike)

        world.io.arm(0, False, strike)
        world.work()
        world.io.disarm()
        there = {world.sides[name].text(one, "", "title") for one in world.sides[name].live()}
        assert {"New here", "New there"} <= there
        calendar = world.calendar(name)
        assert calendar is not None
        links = world.tables.links[calendar.id].values()
        assert [link.event_id for link in links if link.problem.startswith("This event keeps changing")] == ["b1"]
        assert list(world.tables.pending[calendar.id]) == ["b1"]
        quieten(world)
        check(world, Model(let_go={key for (_, key), event in world.tables.events.items() if event.deleted}))
        assert world.sides[name].text(copy_of(world, name, "b1"), "", "description") == f"Version{count}"
        assert not any(link.problem for link in world.tables.links[calendar.id].values())
