"""Cost is counted: no change may ask Google, or the database, more often than it does today (benchmarks/calls.py)."""

from benchmarks.calls import (
    MANY,
    READS,
    WRITES,
    book,
    book_series,
    cancel,
    cost_of,
    move_occurrence,
    remove_there,
    rename,
    rename_there,
)
from tests.world import World

NAMES = [f"booking{number}" for number in range(MANY)]


def test_a_change_of_one_booking_never_asks_google_more_than_three_times(world: World) -> None:
    """A list, the write, and a list for the announcement of our own write."""
    world.connect()
    assert cost_of(world, lambda: book(world, "one")).requests == {"events.list": 2, "events.insert": 1}
    assert cost_of(world, lambda: rename(world, "one")).requests == {"events.list": 2, "events.patch": 1}
    assert cost_of(world, lambda: cancel(world, "one")).requests == {"events.list": 2, "events.delete": 1}


def test_twenty_bookings_written_at_once_do_not_list_twenty_times(world: World) -> None:
    world.connect()
    assert cost_of(world, lambda: book(world, *NAMES)).requests == {"events.list": 2, "events.insert": MANY}
    assert cost_of(world, lambda: rename(world, *NAMES)).requests == {"events.list": 2, "events.patch": MANY}
    assert cost_of(world, lambda: cancel(world, *NAMES)).requests == {"events.list": 2, "events.delete": MANY}


def test_moving_an_occurrence_does_not_read_twice_what_it_has_just_read(world: World) -> None:
    world.connect()
    book_series(world, "series")
    cost = cost_of(world, lambda: move_occurrence(world, "series"))
    assert cost.requests == {"events.list": 2, "events.instances": 1, "events.patch": 1}


def test_a_burst_of_notifications_costs_at_most_two_lists(world: World) -> None:
    world.connect()
    ids: list[str] = []
    created = cost_of(world, lambda: ids.extend(world.add_there()["id"] for _ in range(MANY)))
    for cost in (
        created,
        cost_of(world, lambda: rename_there(world, *ids)),
        cost_of(world, lambda: remove_there(world, *ids)),
    ):
        assert set(cost.requests) == {"events.list"}
        assert cost.requests.total() <= 2


def test_a_doubled_notification_costs_one_read_and_asks_google_nothing(world: World) -> None:
    world.connect()
    single = cost_of(world, world.add_there)

    def doubled() -> None:
        world.control("POST", "push", {"mode": "double"})
        world.add_there()

    double = cost_of(world, doubled)
    assert double.requests == single.requests == {"events.list": 1}
    assert double.of_aws(READS) == single.of_aws(READS) + 1
    assert double.of_aws(WRITES) == single.of_aws(WRITES)


def test_one_change_does_not_wear_out_the_database(world: World) -> None:
    world.connect()
    inward = cost_of(world, world.add_there)
    assert inward.of_aws(READS) <= 7
    assert inward.of_aws(WRITES) <= 2
    outward = cost_of(world, lambda: book(world, "one"))
    assert outward.of_aws(READS) <= 16
    assert outward.of_aws(WRITES) <= 4
