"""`kill -9` at every step: each call to the store, the queues or a provider is cut before and after its effect.

Each flow is run once to list its steps; then once more for every moment at which it can be cut so that it makes a
difference, which is before the first step and after each one that has an effect: a call that only reads leaves nothing
behind, so before it is as after the one before it. Whoever was at work tries again as they would in life (the queue
hands the job out again, the schedule comes round, the person presses the button once more), everything drains, and both
sides must look as they do without the cut. The count is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from shared import connections, events
from shared.calendar.recurrence import occurrences
from shared.model import ConnectionStatus, Content, Series, Span, ZonedTime
from simulators.common.wire import Request
from tests.machine.checks import check
from tests.machine.model import OWNER, Model
from tests.machine.sides import ACCOUNT
from tests.machine.story import quieten
from tests.machine.world import CONSENT, Killed, Process, World, running

LATER = datetime(2027, 3, 5, 9)  # noqa: DTZ001
WRITER = events.Writer("anna", False)


@dataclass(frozen=True)
class Flow:
    """`act` is what is cut; `again` what people do about it. Both are given the world and the provider's name."""

    prepare: Callable[[World, str], None]
    act: Callable[[World, str], None]
    again: Callable[[World, str], None] = lambda world, name: None


# --- what people do ------------------------------------------------------------------------------------------------


def span(day: int = 5, hour: int = 9) -> Span:
    start = datetime(2027, 3, day, hour)  # noqa: DTZ001
    return Span(ZonedTime(start, "Europe/Berlin"), ZonedTime(start + timedelta(hours=1), "Europe/Berlin"))


def book(world: World, event_id: str, title: str, **more: object) -> None:
    times = {name: {"date_time": f"2027-03-05T{hour}:00:00", "time_zone": "Europe/Berlin"} for name, hour in HOURS}
    body = {"title": title, **times, **more}
    events.put(world.house, OWNER, event_id, body, if_match=None, writer=WRITER)


HOURS = (("start", "09"), ("end", "10"))
DAILY = ("RRULE:FREQ=DAILY;COUNT=4",)


def both_hold_something(world: World, name: str) -> None:
    """A booking and a series here; an appointment and a series with a changed and a cancelled occurrence there."""
    book(world, "b1", "Booked")
    book(world, "b2", "Booked series", recurrence=list(DAILY))
    side = world.sides[name]
    side.add(Series(Content(span=span(1), title="Appointment")))
    side.add(Series(Content(span=span(1, 12), title="Course"), DAILY))
    course = side.live()[-1]
    side.edit_occurrence(course, "20270302T110000Z", title="Course, elsewhere")
    side.cancel_occurrence(course, "20270303T110000Z")


def in_step(world: World, name: str) -> None:
    both_hold_something(world, name)
    world.connect(name)
    quieten(world)


def about_to_sync_first(world: World, name: str) -> None:
    both_hold_something(world, name)
    world.connect(name)
    world.work()


def edited_on_both_sides(world: World, name: str) -> None:
    """Something new, changed and deleted on each side, and an occurrence of each series."""
    in_step(world, name)
    side = world.sides[name]
    appointment, course = (one for one in side.live() if side.text(one, "", "title") in ("Appointment", "Course"))
    book(world, "b3", "New here")
    book(world, "b1", "Changed here")
    start = "20270306T080000Z"
    events.patch_occurrence(world.house, OWNER, "b2", start, {"title": "Moved on"}, if_match=None, writer=WRITER)
    events.delete_occurrence(world.house, OWNER, "b2", "20270307T080000Z", if_match=None, writer=WRITER)
    side.add(Series(Content(span=span(9), title="New there")))
    side.edit(course, title="Course, changed there")
    side.delete(appointment)
    world.deliver_pushes()


def both_connected(world: World, name: str) -> None:
    in_step(world, name)
    world.connect(other(name))
    quieten(world)


def about_to_renew(world: World, name: str) -> None:
    in_step(world, name)
    calendar = world.calendar(name)
    assert calendar is not None
    assert calendar.subscription is not None
    world.clock.now = calendar.subscription.renew_at + timedelta(minutes=1)
    world.queue.messages.clear()


def other(name: str) -> str:
    return "microsoft" if name == "google" else "google"


# --- what is cut ---------------------------------------------------------------------------------------------------


def work(world: World, name: str) -> None:
    world.settle()


def signs_in(world: World, name: str) -> None:
    """From the page to the provider's own page and back, confirmed; then the first jobs."""
    page = {"provider": name, "return_to": "https://page.test/", "login_hint": ""}
    _, url = connections.begin(world.house, CONSENT, OWNER, **page)
    came_back = connections.finish(world.house, CONSENT, name, consent(world, name, url))
    assert isinstance(came_back, connections.CameBack), came_back
    connections.confirm(world.house, OWNER, came_back.connection.id, came_back.confirmation)
    world.settle()


def consent(world: World, name: str, url: str) -> dict[str, str]:
    """What the person does at the provider; no step of ours."""
    parts = urlsplit(url)
    asked = {key: [value] for key, value in parse_qsl(parts.query)}
    form = {"account": ACCOUNT, "decision": "allow"} | ({"scopes": "all"} if name == "google" else {})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = world.sides[name].answer(Request("POST", parts.path, asked, headers, urlencode(form).encode()))
    assert answer.status == 302, answer.body
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def signs_in_again(world: World, name: str) -> None:
    found = world.connection(name)
    if found is None or found.status is not ConnectionStatus.ACTIVE:
        signs_in(world, name)


def leaves(world: World, name: str) -> None:
    world.disconnect(name, imported="delete", exported="delete")
    world.settle()


def leaves_again(world: World, name: str) -> None:
    if world.connection(name) is not None:
        leaves(world, name)


def switches(world: World, name: str) -> None:
    world.choose(other(name), main=True)
    world.settle()


def switches_again(world: World, name: str) -> None:
    mains = [one for one in world.tables.calendars.values() if one.main]
    if [one.remote_id for one in mains] != [world.sides[other(name)].calendar]:
        switches(world, name)


def schedule(world: World, name: str) -> None:
    world.tick()
    world.settle()


FLOWS = {
    "first sync": Flow(about_to_sync_first, work),
    "incremental sync": Flow(edited_on_both_sides, work),
    "connect": Flow(both_hold_something, signs_in, signs_in_again),
    "disconnect": Flow(in_step, leaves, leaves_again),
    "provider switch": Flow(both_connected, switches, switches_again),
    "renewal": Flow(about_to_renew, schedule),
}


# --- the cuts ------------------------------------------------------------------------------------------------------


@contextmanager
def played(flow: Flow, name: str, cut: int | None, seen: list[tuple[str, bool]] | None = None) -> Iterator[World]:
    """The flow with a cut after that many steps (None: uncut), and everything that follows."""
    with running("crash points") as world:
        flow.prepare(world, name)

        def kill() -> None:
            raise Killed

        world.io.seen = seen
        world.io.arm(-1 if cut is None else max(cut - 1, 0), cut != 0, kill)
        try:
            flow.act(world, name)
        except Killed:
            world.process = Process(world.clock)
        finally:
            world.io.disarm()
            world.io.seen = None
        if cut is not None:
            flow.again(world, name)
        quieten(world)
        yield world


def picture(world: World) -> Any:
    """What people see: here, there, and who is connected to what."""
    here = sorted(
        (one.original_start, one.content.title)
        for event in world.tables.events.values()
        if not event.deleted
        for one in occurrences(event.series, datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC))
    )
    there = {name: sorted(side.text(one, "", "title") for one in side.live()) for name, side in world.sides.items()}
    mains = sorted(one.remote_id for one in world.tables.calendars.values() if one.main)
    status = sorted((one.provider, one.status.value) for one in world.tables.connections.values() if one.account)
    found = {name: world.calendar(name) for name in world.sides}
    subscribed = {name: bool(calendar and calendar.subscription) for name, calendar in found.items()}
    return here, there, mains, status, subscribed


def cuts_of(steps: list[tuple[str, bool]]) -> list[int]:
    return [0, *(number for number, (_, effect) in enumerate(steps, 1) if effect)]


_counted: dict[str, tuple[int, int]] = {}


@pytest.mark.parametrize("name", ["google", "microsoft"])
@pytest.mark.parametrize("flow", FLOWS)
def test_a_process_killed_at_any_step_loses_and_doubles_nothing(flow: str, name: str) -> None:
    steps: list[tuple[str, bool]] = []
    with played(FLOWS[flow], name, None, steps) as world:
        expected = picture(world)
        gone = {event_id for (_, event_id), event in world.tables.events.items() if event.deleted}
        check(world, Model(let_go=gone))
    cuts, wrong = cuts_of(steps), []
    assert len(cuts) > 5
    for cut in cuts:
        where = f"after step {cut} of {len(steps)}, {steps[cut - 1][0] if cut else 'before the first'}"
        try:
            with played(FLOWS[flow], name, cut) as world:
                found = picture(world)
                check(world, Model(let_go=gone))
            if found != expected:
                wrong.append(f"{where}: {found}")
        except Exception as problem:  # noqa: BLE001 (all of them are told together)
            wrong.append(f"{where}: {type(problem).__name__} {problem}")
    _counted[f"{flow}, {name}"] = (2 * len(steps), len(cuts))
    assert not wrong, f"{len(wrong)} of {len(cuts)} cuts; without: {expected}\n" + "\n".join(wrong)


def test_the_crash_points_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    points, cuts = (sum(one[at] for one in _counted.values()) for at in (0, 1))
    with capsys.disabled():
        print(f"\ncrash points: {points} in {len(_counted)} flows ({cuts} of them differ), all of them end equal")  # noqa: T201
    assert not _counted or points > len(_counted)
