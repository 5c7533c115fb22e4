"""What every store must do with events, links, marks and the history: above all, record them together or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.clock import now
from shared.model import APP, HistoryEntry, Owner, Series
from shared.store.events import Mark, Record
from shared.store.stores import Store
from tests.store.values import NOON, calendar, event, link, notice, record, rich, series

Named = Callable[[str], str]


@pytest.fixture
def owner(named: Named) -> Owner:
    return Owner("org", named("user"))


@pytest.fixture
def home(store: Store, named: Named) -> str:
    """A calendar that is there."""
    one = calendar(named("home"))
    store.calendars.create(one)
    return one.id


# --- recording


def test_an_event_comes_back_as_it_went_in(store: Store, owner: Owner) -> None:
    one = event("e", owner, series=rich())
    assert store.events.record([record(one)]) == []
    assert store.events.load_one(owner, "e") == one
    assert store.events.load(owner, ["e", "e", "unknown"]) == {"e": one}
    assert store.events.load(owner, []) == {}
    assert store.events.load_one(Owner("org", "another"), "e") is None


def test_a_version_is_written_only_over_the_one_before_it(store: Store, owner: Owner) -> None:
    first = event("e", owner)
    second, third = replace(first, version=2), replace(first, version=3)
    assert store.events.record([record(second)]) == [record(second)]
    assert store.events.record([record(first)]) == []
    assert store.events.record([record(first)]) == [record(first)]
    assert store.events.record([record(third)]) == [record(third)]
    assert store.events.record([record(second)]) == []
    assert store.events.load_one(owner, "e") == second


def test_what_meets_a_conflict_is_not_written_and_its_neighbours_are(store: Store, owner: Owner) -> None:
    taken = event("taken", owner)
    store.events.record([record(taken)])
    records = [record(event("one", owner)), record(taken), record(event("two", owner))]
    assert store.events.record(records) == [records[1]]
    assert set(store.events.load(owner, ["one", "taken", "two"])) == {"one", "taken", "two"}


def test_a_record_is_written_whole_or_not_at_all(store: Store, owner: Owner, named: Named) -> None:
    gone = f"con_{named('gone')}.cal"
    entry = HistoryEntry(at=NOON, actor="app", rule="created", sentence="Created.")
    whole = record(
        event("e", owner), calendar_id=gone, link=link(gone, "r", "e"), history=(entry,), notices=(notice(named("n")),),
        marks=(gone,),
    )  # fmt: skip
    assert store.events.record([whole]) == [whole]
    assert store.events.load_one(owner, "e") is None
    assert store.events.links(gone, ["r"]) == {}
    assert store.events.history(owner, "e") == []
    assert store.events.pending(gone, 10) == []
    assert store.deliveries.load(f"org {named('n')}", "msg_0001") is None


def test_more_records_than_fit_into_one_transaction_are_all_written(store: Store, owner: Owner) -> None:
    records = [record(event(f"e{number:03}", owner)) for number in range(130)]
    assert store.events.record(records) == []
    assert len(store.events.load(owner, [one.event_id for one in records])) == 130


# --- listing


def test_events_are_listed_by_their_end_page_by_page(store: Store, owner: Owner) -> None:
    for day in (5, 3, 9, 7):
        store.events.record([record(event(f"e{day}", owner, series=series(day=day)))])
    endless = Series(series(day=1).content, ("RRULE:FREQ=WEEKLY",))
    store.events.record([record(event("endless", owner, series=endless))])
    store.events.record([record(event("imported", owner, origin="con_x.cal", series=series(day=6)))])
    store.events.record([record(event("dead", owner, series=series(day=8), deleted=True))])
    found: list[str] = []
    position, pages = "", 0
    while True:
        events, position = store.events.ending_after(owner, NOON + timedelta(days=3), limit=2, after=position)
        found += [one.id for one in events]
        pages += 1
        assert len(events) <= 2
        if not position:
            break
    assert found == ["e5", "imported", "e7", "e9", "endless"]
    assert pages <= 4
    mine, _ = store.events.ending_after(owner, NOON + timedelta(days=3), limit=10, origin=APP)
    assert [one.id for one in mine] == ["e5", "e7", "e9", "endless"]
    assert store.events.count_ending_after(owner, NOON + timedelta(days=3), origin=APP) == 4


def test_a_listing_goes_on_behind_an_event(store: Store, owner: Owner) -> None:
    for day in (3, 4, 5):
        store.events.record([record(event(f"e{day}", owner, series=series(day=day)))])
    second = store.events.load_one(owner, "e4")
    assert second is not None
    events, _ = store.events.ending_after(owner, NOON, limit=10, after=store.events.position_behind(second))
    assert [one.id for one in events] == ["e5"]


def test_an_event_that_moves_is_listed_where_it_is_now(store: Store, owner: Owner) -> None:
    one = event("e", owner, series=series(day=3))
    store.events.record([record(one)])
    store.events.record([record(replace(one, version=2, series=series(day=9)))])
    events, _ = store.events.ending_after(owner, NOON + timedelta(days=5), limit=10)
    assert [found.version for found in events] == [2]
    store.events.record([record(replace(one, version=3, deleted=True))])
    assert store.events.ending_after(owner, NOON, limit=10) == ([], "")


# --- links


def test_a_link_comes_back_as_it_went_in(store: Store, owner: Owner, home: str) -> None:
    one = link(home, "Remote_1", "e", occurrence="20270301T080000Z", problem="Refused.", seen="run")
    store.events.record([record(event("e", owner), calendar_id=home, link=one)])
    assert store.events.links(home, ["Remote_1", "remote_1"]) == {"Remote_1": one}
    assert store.events.links_of_event(home, "e") == [one]
    assert store.events.problems(home) == [one]
    assert store.events.count_links(home) == 1
    assert store.events.links(home, []) == {}


def test_links_come_in_the_order_of_their_ids_byte_by_byte(store: Store, owner: Owner, home: str) -> None:
    for remote_id in ("b", "A", "a-", "a_", "B"):
        one = link(home, remote_id, f"e{remote_id}")
        store.events.record([Record(owner=owner, event_id=one.event_id, calendar_id=home, link=one)])
    listed = [one.remote_id for one in store.events.links_after(home, "", 10)]
    assert listed == ["A", "B", "a-", "a_", "b"]
    assert [one.remote_id for one in store.events.links_after(home, "B", 2)] == ["a-", "a_"]


def test_a_link_is_replaced_moved_and_dropped(store: Store, owner: Owner, home: str) -> None:
    old = link(home, "refused:e", "e", problem="Refused.")
    store.events.record([Record(owner=owner, event_id="e", calendar_id=home, link=old)])
    new = link(home, "r", "e")
    store.events.record([Record(owner=owner, event_id="e", calendar_id=home, link=new, unlink="refused:e")])
    assert store.events.links_of_event(home, "e") == [new]
    newer = replace(new, etag='"2"')
    store.events.record([Record(owner=owner, event_id="e", calendar_id=home, link=newer, unlink="r")])
    assert store.events.links_of_event(home, "e") == [newer]
    store.events.record([Record(owner=owner, event_id="e", calendar_id=home, unlink="r")])
    assert store.events.links_of_event(home, "e") == []
    store.events.record([Record(owner=owner, event_id="e", calendar_id=home, link=new)])
    store.events.drop_link(home, "r")
    store.events.drop_link(home, "r")
    assert store.events.links(home, ["r"]) == {}


# --- marks


def test_a_mark_is_cleared_only_if_the_event_was_not_marked_again(store: Store, owner: Owner, home: str) -> None:
    one = event("e", owner)
    store.events.record([record(one, marks=(home,))])
    (mark,) = store.events.pending(home, 10)
    assert mark == Mark(home, "e", 1)
    store.events.record([record(replace(one, version=2), marks=(home,))])
    store.events.clear(mark)
    assert store.events.pending(home, 10) == [Mark(home, "e", 2)]
    store.events.clear(Mark(home, "e", 2))
    store.events.clear(Mark(home, "e", 2))
    assert store.events.pending(home, 10) == []


def test_marks_come_in_order_and_not_all_at_once(store: Store, owner: Owner, home: str) -> None:
    for name in ("c", "a", "b"):
        store.events.mark(home, event(name, owner, version=3))
    assert [one.event_id for one in store.events.pending(home, 2)] == ["a", "b"]


def test_a_mark_that_nobody_looks_at_is_found_and_put_off(store: Store, owner: Owner, home: str) -> None:
    store.events.mark(home, event("a", owner))
    store.events.mark(home, event("b", owner))
    assert home not in list(store.events.stale_marks(now()))
    later = now() + timedelta(minutes=3)
    assert list(store.events.stale_marks(later)).count(home) == 1
    store.events.postpone_marks(home, later + timedelta(minutes=1))
    assert home not in list(store.events.stale_marks(later))
    assert home in list(store.events.stale_marks(later + timedelta(minutes=1)))


# --- history


def test_the_history_is_told_newest_first_and_can_forget_texts(store: Store, owner: Owner) -> None:
    entries = [
        HistoryEntry(
            at=NOON + timedelta(minutes=number),
            actor="con_x.cal",
            rule="merge",
            sentence=f"Change {number}.",
            fields=("title",),
            lost={"title": "Lost", "occurrence 20270301: span": ["a", None, 3]},
        )
        for number in range(3)
    ]
    one = event("e", owner)
    store.events.record([record(one, history=tuple(entries[:2]))])
    store.events.record([record(replace(one, version=2), history=(entries[2],))])
    assert store.events.history(owner, "e") == entries[::-1]
    assert store.events.history(owner, "e", limit=1) == [entries[2]]
    store.events.redact_history(owner, "e")
    assert [(entry.sentence, dict(entry.lost)) for entry in store.events.history(owner, "e")] == [
        ("Change 2.", {}),
        ("Change 1.", {}),
        ("Change 0.", {}),
    ]


# --- erasing


def test_an_event_is_erased_with_its_history(store: Store, owner: Owner) -> None:
    entry = HistoryEntry(at=NOON, actor="app", rule="created", sentence="Created.")
    store.events.record([record(event("e", owner), history=(entry,))])
    store.events.erase(owner, "e")
    store.events.erase(owner, "e")
    assert store.events.load_one(owner, "e") is None
    assert store.events.history(owner, "e") == []
    assert store.events.ending_after(owner, NOON, limit=10) == ([], "")
    assert store.events.record([record(event("e", owner))]) == []


def test_a_calendar_is_erased_a_little_at_a_time(store: Store, owner: Owner, home: str) -> None:
    for number in range(5):
        one = link(home, f"r{number}", f"e{number}")
        store.events.record([Record(owner=owner, event_id=one.event_id, calendar_id=home, link=one, marks=(home,))])
    found = []
    while erased := store.events.erase_calendar(home, 3):
        found.append(erased)
    assert sum(found) == 10
    assert max(found) <= 6
    assert (store.events.count_links(home), store.events.pending(home, 10)) == (0, [])


def test_a_worker_that_was_overtaken_records_nothing(store: Store, owner: Owner, home: str) -> None:
    found = store.calendars.load(home)
    assert found is not None
    one = event("e", owner)
    late = replace(record(one), calendar_id=home, link=link(home, "r", "e"), as_of=found.version)
    moved = store.calendars.change(home, lambda calendar: replace(calendar, name="Moved on"))
    assert moved is not None
    assert store.events.record([late]) == [late]
    assert (store.events.load_one(owner, "e"), store.events.count_links(home)) == (None, 0)
    only_history = replace(late, event=None, link=None, unlink="r")
    assert store.events.record([only_history]) == [only_history]
    assert store.events.record([replace(late, as_of=moved.version)]) == []
    assert (store.events.load_one(owner, "e"), store.events.count_links(home)) == (one, 1)
