"""One calendar, perturbed on both sides: all is planned, the plans are shuffled and applied, and nothing is left.

The planner decides about each event by itself, so no order of events may matter; nor may the order in which the
occurrences of one series are written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from shared.model import CANCELLED, Policy, RemoteEvent, Removed, Series
from shared.sync.actions import EventPlan, NextLink, UpdateOccurrence
from shared.sync.apply import apply_plan
from shared.sync.plan import plan_event
from shared.sync.recording import record_of
from shared.sync.situation import UNSEEN, Situation, Unseen
from tests.properties.generated import effort
from tests.properties.test_planner import Edit, edited, perform
from tests.unit.sync.memory import CALENDAR, MemoryCalendar, Pair, Record, at, booking, both, content, weekly

Report = RemoteEvent | Removed | Unseen

SERIES = (
    Series(content()),
    weekly(),
    weekly(**{"20270308T080000Z": CANCELLED}),
    weekly(**{"20270315T080000Z": content(title="Other")}),
)


@dataclass(frozen=True)
class Perturbed:
    """What happens to one event: where it was made, whether before the two sides were last in step, what was done to it
    since, and where it was deleted, if it was."""

    series: Series
    made_there: bool
    known: bool
    edits: tuple[Edit, ...]
    deleted: str


perturbed = st.builds(
    Perturbed,
    st.sampled_from(SERIES),
    st.booleans(),
    st.booleans(),
    edited.map(tuple) | st.just(()),
    st.sampled_from(["", "", "", "here", "there", "both"]),
)


def calendar_of(changes: list[Perturbed], *, lossy: bool) -> list[Pair]:
    """All events in one calendar of the provider's, perturbed on both sides since they were in step."""
    api = MemoryCalendar(lossy=lossy)
    pairs = [_made(api, number, one) for number, one in enumerate(changes)]
    for pair, one in zip(pairs, changes, strict=True):
        if one.known:
            pair.drain()
    for pair, one in zip(pairs, changes, strict=True):
        if pair.event is not None and pair.remote_id:
            perform(pair, list(one.edits))
        if one.deleted in ("here", "both") and pair.event is not None:
            pair.delete(50)
        if one.deleted in ("there", "both") and pair.remote_id:
            api.remove(pair.remote_id)
        pair.history.clear()
    return pairs


def _made(api: MemoryCalendar, number: int, one: Perturbed) -> Pair:
    if not one.made_there:
        return Pair(api, booking(one.series, id=f"b{number}"), key=f"k{number}")
    pair = Pair(api, None, key=f"k{number}", pending=False)
    stamp = api._stamp()
    made = Record(f"k{number}", None, one.series.content, one.series.recurrence, f"e{stamp}", stamp, at(0))
    api.records[f"r{number}"] = made
    for key, value in one.series.overrides.items():
        if value is CANCELLED:
            api.cancel_occurrence(f"r{number}", key)
        else:
            api.edit_occurrence(f"r{number}", key, title="Other")
    return pair


def reports(pair: Pair) -> list[Report]:
    """What the worker looks at for one event: what the provider tells, then the app's own mark."""
    told = pair.api.change_of(pair.remote_id, pair.cursor) if pair.remote_id else None
    known = [told] if isinstance(told, RemoteEvent | Removed) else []
    return [*known, *([UNSEEN] if pair.pending and pair.event is not None else [])]


def shuffled(plan: EventPlan, chance: Random) -> EventPlan:
    """The occurrences in any order; the event itself goes first."""
    first = [write for write in plan.writes if not isinstance(write, UpdateOccurrence)]
    occurrences = [write for write in plan.writes if isinstance(write, UpdateOccurrence)]
    chance.shuffle(occurrences)
    return replace(plan, writes=(*first, *occurrences))


def sync(pairs: list[Pair], chance: Random) -> None:
    """One round: first all plans, then all writes, in any order of events."""
    until = pairs[0].api.now if pairs else 0
    planned: list[tuple[Pair, Situation, EventPlan]] = []
    for pair in pairs:
        for report in reports(pair)[:1]:
            situation = pair.situation(report)
            planned.append((pair, situation, plan_event(situation, pair.policy)))
    chance.shuffle(planned)
    for pair, situation, plan in planned:
        outcomes = apply_plan(shuffled(plan, chance), pair.api, "cal")  # type: ignore[arg-type]
        record = record_of(situation, plan, outcomes, run="", quiet=False, others=(), stored=pair.link)
        if record is not None:
            pair.event = record.event or pair.event
            pair.link = record.link if record.link or record.unlink else pair.link
            pair.history.extend(record.history)
        if isinstance(situation.remote, Unseen):
            pair.pending = False
        pair.cursor = until


def quiet(pair: Pair, report: Report) -> None:
    plan = plan_event(pair.situation(report), pair.policy)
    assert (plan.writes, plan.save, plan.history) == ((), None, ())


@effort(40, repeatable=True)
@given(st.lists(perturbed, min_size=1, max_size=5), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_order_the_plans_are_applied_in_nothing_is_left_to_plan(
    changes: list[Perturbed], lossy: bool, chance: Random
) -> None:
    pairs = calendar_of(changes, lossy=lossy)
    for _ in range(4):  # what the provider told, the app's mark, and twice what the writes of a round brought about
        sync(pairs, chance)
    for pair in pairs:
        if pair.event is None:
            continue
        if pair.event.deleted:
            assert pair.link is None
            assert not pair.remote_id or pair.there.gone
            continue
        quiet(pair, pair.api.whole(pair.remote_id))  # type: ignore[arg-type]
        quiet(pair, UNSEEN)
        here, there = both(pair)
        assert here == there


@effort(40, repeatable=True)
@given(
    st.lists(perturbed, min_size=2, max_size=5), st.randoms(use_true_random=False), st.randoms(use_true_random=False)
)
def test_two_orders_of_the_same_work_end_in_the_same_calendar(
    changes: list[Perturbed], one: Random, other: Random
) -> None:
    ends = []
    for chance in (one, other):
        pairs = calendar_of(changes, lossy=False)
        for _ in range(4):
            sync(pairs, chance)
        ends.append([_shown(pair) for pair in pairs])
    assert ends[0] == ends[1]


def _shown(pair: Pair) -> object:
    if pair.event is None or pair.event.deleted:
        return None
    return both(pair)


@effort(40, repeatable=True)
@given(st.lists(perturbed, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_each_event_is_held_once_on_each_side(changes: list[Perturbed], chance: Random) -> None:
    pairs = calendar_of(changes, lossy=False)
    for _ in range(4):
        sync(pairs, chance)
    api = pairs[0].api
    for pair in pairs:
        alive = [name for name, record in api.records.items() if record.key == pair.key and not record.gone]
        wanted = pair.event is not None and not pair.event.deleted
        assert len(alive) == wanted
        assert [pair.link.remote_id] == alive if pair.link else not alive


@effort(40, repeatable=True)
@given(st.lists(perturbed, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_round_that_follows_a_round_takes_no_edit_back(changes: list[Perturbed], chance: Random) -> None:
    """Once a side's edit has been taken over, no later round on its own says otherwise."""
    pairs = calendar_of(changes, lossy=False)
    for _ in range(4):
        sync(pairs, chance)
    before = [(pair.event, pair.link, dict(pair.api.records)) for pair in pairs]
    for _ in range(2):
        sync(pairs, chance)
    assert [(pair.event, pair.link, dict(pair.api.records)) for pair in pairs] == before


def test_what_is_in_step_and_untouched_has_no_work() -> None:
    changes = [Perturbed(series, made_there, True, (), "") for series in SERIES for made_there in (True, False)]
    pairs = calendar_of(changes, lossy=False)
    for pair in pairs:
        assert reports(pair) == []
        assert plan_event(pair.situation(UNSEEN), Policy()).link is NextLink.KEEP
    assert {pair.event.origin for pair in pairs if pair.event} == {"app", CALENDAR}
    assert all(isinstance(pair.there.series.overrides, MappingProxyType) for pair in pairs)
