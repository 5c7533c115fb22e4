"""What nobody recorded: copies that a worker made before it was killed, events that outlived their connection, an event
that never rests. Where a story's end shows only that no text is lost, these say whose text stands, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from shared import events
from shared.model import APP, Content, Event, HistoryEntry, OnExternal, Policy, Series, Visibility
from shared.sync import settle
from tests.machine.checks import check
from tests.machine.model import OWNER, Model
from tests.machine.story import quieten
from tests.machine.test_crash_points import DAILY, WRITER, book, other, span
from tests.machine.world import Killed, Process, World, running

PROVIDERS = ("google", "microsoft")
NO_ERROR = {"synced", "collapsed", "killed"}
MOVED_ON = {
    "google": {"kind": "refuse", "status": 412, "reason": "conditionNotMet", "match": "events.patch", "times": 1},
    "microsoft": {"kind": "stale", "match": "events.update", "times": 1},
}
"""A write of an event that somebody has just changed."""
TOO_LARGE = "This event is too large to be held here: it has too many changed occurrences."


@pytest.fixture
def world() -> Iterator[World]:
    with running("left behind") as world:
        yield world
        assert world.outcomes.keys() <= NO_ERROR  # an error would be made good unseen


def dies_behind(world: World, step: str) -> None:
    """Let one job run, whose worker is killed right after the call that is named so."""
    world.io.seen = seen = []

    def look() -> None:
        if step in seen[-1][0]:
            world.io.disarm()
            raise Killed
        world.io.arm(0, True, look)

    world.io.arm(0, True, look)
    assert world.work() == "killed"


def stalls_before(world: World, step: str, meanwhile: Callable[[], None]) -> None:
    """Let the next job stall before the call that is named so."""
    world.io.seen = seen = []

    def look() -> None:
        if step in seen[-1][0]:
            world.io.disarm()
            meanwhile()
        else:
            world.io.arm(0, False, look)

    world.io.arm(0, False, look)


def patch(world: World, event_id: str, **fields: object) -> None:
    events.patch(world.house, OWNER, event_id, dict(fields), if_match=None, writer=WRITER)


def here(world: World, event_id: str = "b1") -> Event:
    return world.tables.events[OWNER, event_id]


def overruled(world: World, event_id: str = "b1") -> list[HistoryEntry]:
    rows = world.tables.history.get((OWNER, event_id), {})
    return [entry for entry in rows.values() if entry.lost]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_copy_that_was_never_recorded_is_merged_by_what_was_written_into_it(world: World, name: str) -> None:
    """The app has renamed the booking since and the person moved its copy: no conflict, though the person was later."""
    world.connect(name)
    quieten(world)
    book(world, "b1", "Booked")
    dies_behind(world, f"{name} POST")
    (copy,) = world.sides[name].live()
    patch(world, "b1", title="Renamed")
    world.sides[name].edit(copy, location="Hall")
    quieten(world)
    content = here(world).series.content
    assert (content.title, content.location) == ("Renamed", "Hall")
    assert overruled(world) == []
    assert world.sides[name].live() == [copy]
    check(world, Model())


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_copy_that_was_never_recorded_goes_when_bookings_go_elsewhere_and_its_edit_stays(
    world: World, name: str
) -> None:
    world.connect(name)
    world.connect(other(name))
    quieten(world)
    world.choose(name, main=True)
    quieten(world)
    book(world, "b1", "Booked")
    dies_behind(world, f"{name} POST")
    (copy,) = world.sides[name].live()
    patch(world, "b1", title="Renamed")
    world.sides[name].edit(copy, location="Hall")
    world.choose(other(name), main=True)
    quieten(world)
    content = here(world).series.content
    assert (content.title, content.location) == ("Renamed", "Hall")
    assert overruled(world) == []
    assert world.sides[name].live() == []
    check(world, Model())


@pytest.mark.parametrize(("name", "there"), [("google", 0), ("microsoft", 1)])
def test_a_copy_that_was_never_recorded_and_is_deleted_by_hand_takes_its_booking_along_where_its_id_is_known(
    world: World, name: str, there: int
) -> None:
    """Of what is deleted Graph tells the id alone, and gives ids itself: there the booking gets another copy."""
    world.connect(name)
    quieten(world)
    book(world, "b1", "Booked")
    dies_behind(world, f"{name} POST")
    (copy,) = world.sides[name].live()
    world.sides[name].delete(copy)
    quieten(world)
    assert len(world.sides[name].live()) == there
    assert here(world).deleted is (there == 0)
    check(world, Model(let_go=set() if there else {"b1"}))


@pytest.mark.parametrize("title", ["Booked", "Renamed"])
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_copy_that_is_made_again_although_somebody_has_changed_it_is_merged_by_what_was_written_into_it(
    world: World, name: str, title: str
) -> None:
    """A worker stalls before it makes the copy; the next one makes it and dies, and then the first one goes on."""
    world.connect(name)
    quieten(world)
    book(world, "b1", "Booked")
    message = world.queue.receive()
    assert message is not None

    def meanwhile() -> None:
        world.clock.now = max(world.clock.now, message.visible_at)
        first, world.process = world.process, Process(world.clock)
        dies_behind(world, f"{name} POST")
        world.process = first
        (copy,) = world.sides[name].live()
        if title != "Booked":
            patch(world, "b1", title=title)
        world.sides[name].edit(copy, location="Hall")

    stalls_before(world, f"{name} POST", meanwhile)
    assert world.run(message) == "synced"
    content = here(world).series.content
    assert (content.title, content.location) == (title, "Hall")
    quieten(world)
    assert overruled(world) == []
    assert len(world.sides[name].live()) == 1
    check(world, Model())


def test_an_edit_just_before_a_copy_goes_elsewhere_is_kept_and_the_copy_goes_all_the_same(world: World) -> None:
    world.connect("google")
    world.connect("microsoft")
    quieten(world)
    world.choose("google", main=True)
    book(world, "b1", "Booked")
    quieten(world)
    side = world.sides["google"]
    (copy,) = side.live()
    world.choose("microsoft", main=True)
    stalls_before(world, "google DELETE", lambda: side.edit(copy, location="Hall"))
    world.settle()
    world.io.disarm()
    assert side.live() == []
    assert here(world).series.content.location == "Hall"
    assert overruled(world) == []
    quieten(world)
    check(world, Model())


def test_a_single_that_was_never_recorded_is_merged_as_the_occurrence_that_it_stands_for(world: World) -> None:
    world.connect("microsoft")
    quieten(world)
    book(world, "b1", "Booked", recurrence=["RRULE:FREQ=HOURLY;INTERVAL=6;COUNT=3"])
    dies_behind(world, "$batch")
    side = world.sides["microsoft"]
    copy = min(side.live(), key=lambda one: side.text(one, "", "start"))
    patch(world, "b1", title="Renamed")
    side.edit(copy, location="Hall")
    quieten(world)
    event = here(world)
    (changed,) = event.series.overrides.values()
    assert isinstance(changed, Content)
    assert (event.series.content.title, changed.title, changed.location) == ("Renamed", "Renamed", "Hall")
    assert overruled(world) == []
    assert len(side.live()) == 3
    check(world, Model())


def test_an_old_copy_out_of_the_bin_goes_again_while_its_booking_has_a_new_one(world: World) -> None:
    world.connect("google", Policy(on_external_delete=OnExternal.RESTORE))
    book(world, "b1", "Booked", recurrence=list(DAILY))
    quieten(world)
    side = world.sides["google"]
    (old,) = side.live()
    side.delete(old)
    quieten(world)
    (new,) = side.live()
    side.restore(old)
    side.edit(old, title="Changed in the bin")
    quieten(world)
    assert side.live() == [new] != [old]
    assert [key for _, key in world.tables.events] == ["b1"]
    assert here(world).series.content.title == "Booked"
    assert [entry.lost for entry in overruled(world)] == [{"title": "Changed in the bin"}]
    check(world, Model())


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_new_copy_whose_occurrence_somebody_is_changing_is_found_again_by_its_key(world: World, name: str) -> None:
    world.connect(name)
    quieten(world)
    book(world, "b1", "Booked", recurrence=list(DAILY))
    start = "20270306T080000Z"
    change = {"title": "Moved on"}
    events.patch_occurrence(world.house, OWNER, "b1", start, change, if_match=None, writer=WRITER)
    side = world.sides[name]
    side.fault(**MOVED_ON[name])
    quieten(world)
    (copy,) = side.live()
    assert side.text(copy, start, "title") == "Moved on"
    assert overruled(world) == []
    check(world, Model())


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_event_that_was_kept_is_its_calendars_again_and_nobody_elses(world: World, name: str) -> None:
    side = world.sides[name]
    remote_id = side.add(Series(Content(span=span(1), title="Theirs")))
    world.connect(name)
    quieten(world)
    world.disconnect(name, imported="keep", exported="keep")
    quieten(world)
    (event_id,) = (key for _, key in world.tables.events)
    world.connect(name)
    quieten(world)
    calendar = world.calendar(name)
    assert calendar is not None
    assert side.live() == [remote_id]
    assert here(world, event_id).origin == calendar.id
    assert [key for _, key in world.tables.events] == [event_id]
    side.edit(remote_id, title="Renamed there")
    quieten(world)
    assert here(world, event_id).series.content.title == "Renamed there"
    side.delete(remote_id)
    quieten(world)
    assert here(world, event_id).deleted


def edits_at_every_step(world: World, name: str, copy: str) -> Callable[[], int]:
    """Somebody at the provider, from now on; what is returned ends it and says how often they did."""
    count = 0

    def strike() -> None:
        nonlocal count
        count += 1
        world.io.disarm()
        world.sides[name].edit(copy, description=f"Version{count}")
        world.io.arm(0, False, strike)

    def end() -> int:
        world.io.disarm()
        return count

    world.io.arm(0, False, strike)
    return end


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_copy_that_never_rests_before_it_is_recorded_is_tried_again_soon(name: str) -> None:
    with running("left behind") as world:
        world.connect(name)
        quieten(world)
        book(world, "b1", "Booked")
        dies_behind(world, f"{name} POST")
        (copy,) = world.sides[name].live()
        patch(world, "b1", title="Renamed")
        world.clock.now += timedelta(hours=1)
        end = edits_at_every_step(world, name, copy)
        assert world.work() == "again"
        edits = end()
        assert world.queue.next_visible() == world.clock.now + timedelta(seconds=20)  # the second time, so twice ten
        quieten(world)
        content = here(world).series.content
        assert (content.title, content.description) == ("Renamed", f"Version{edits}")
        assert world.sides[name].live() == [copy]
        check(world, Model())


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_to_be_written_into_a_copy_that_never_rests_waits_and_is_not_forgotten(world: World, name: str) -> None:
    world.connect(name)
    book(world, "b1", "Booked")
    quieten(world)
    (copy,) = world.sides[name].live()
    patch(world, "b1", title="Renamed")
    end = edits_at_every_step(world, name, copy)
    world.work()
    edits = end()
    calendar = world.calendar(name)
    assert calendar is not None
    assert list(world.tables.pending[calendar.id]) == ["b1"]
    quieten(world)
    content = here(world).series.content
    assert (content.title, content.description) == ("Renamed", f"Version{edits}")
    assert world.sides[name].text(copy, "", "title") == "Renamed"
    check(world, Model())


def test_exceptions_of_a_series_that_is_opened_here_have_their_text_again(world: World) -> None:
    """In Outlook; Google keeps an occurrence private that has been so."""
    name = "microsoft"
    side = world.sides[name]
    remote_id = side.add(Series(Content(span=span(1), title="Course"), DAILY))
    side.edit_occurrence(remote_id, "20270302T080000Z", title="Course, elsewhere")
    world.connect(name)
    quieten(world)
    (event_id,) = (key for _, key in world.tables.events)
    patch(world, event_id, visibility="private")
    quieten(world)
    assert here(world, event_id).series.content.title == ""
    patch(world, event_id, visibility="public")
    quieten(world)
    series = here(world, event_id).series
    titles = {series.content.title, *(one.title for one in series.overrides.values() if isinstance(one, Content))}
    opened = series.content.visibility is Visibility.PUBLIC
    assert (titles, opened) == ({"Course", "Course, elsewhere"}, True)
    assert here(world, event_id).origin != APP
    check(world, Model())


def test_an_exception_last_read_while_its_series_was_private_is_read_again_once_we_have_opened_it(world: World) -> None:
    world.connect("google", Policy(on_external_change=OnExternal.RESTORE))
    book(world, "b1", "Booked", recurrence=list(DAILY))
    quieten(world)
    side = world.sides["google"]
    (copy,) = side.live()
    side.edit_occurrence(copy, "20270306T080000Z", title="Moved on, there")
    side.edit(copy, visibility=Visibility.PRIVATE)
    quieten(world)
    lost = [text for entry in overruled(world) for text in entry.lost.values()]
    assert [text["title"] for text in lost if isinstance(text, dict)] == ["Moved on, there"]
    assert here(world).series.overrides == {}
    assert not side.is_private(copy)
    check(world, Model())


@pytest.mark.parametrize(("few", "largest", "held"), [(2, 600, False), (3, 600, True), (2, 100_000, True)])
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_event_that_is_too_large_to_be_held_is_named_and_its_neighbours_arrive(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, few: int, largest: int, held: bool
) -> None:
    """Only many changed occurrences are weighed."""
    monkeypatch.setattr(settle, "FEW", few)
    monkeypatch.setattr(settle, "LARGEST_EVENT", largest)
    side = world.sides[name]
    large = side.add(Series(Content(span=span(1), title="Course"), DAILY))
    for day in (2, 3, 4):
        side.edit_occurrence(large, f"2027030{day}T080000Z", description=hex(world.chance.getrandbits(4000)))
    side.add(Series(Content(span=span(9), title="Neighbour")))
    world.connect(name)
    quieten(world)
    calendar = world.calendar(name)
    assert calendar is not None
    titles = {event.series.content.title for event in world.tables.events.values()}
    assert titles == ({"Course", "Neighbour"} if held else {"Neighbour"})
    problems = [link.problem for link in world.tables.links[calendar.id].values() if link.problem]
    assert problems == ([] if held else [TOO_LARGE])
