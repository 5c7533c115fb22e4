"""The planner against a provider and an app in memory: one calendar, perturbed on both sides, and what must hold after.

Each example begins in step, is edited on one side or both, and is synced by the real plan, apply and record until it
comes to rest. Minutes count the edits, so no two are made at the same time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar.recurrence import is_occurrence, occurrence_content
from shared.model import CANCELLED, Content, Reminder, Series, ShowAs, Visibility
from shared.sync.fingerprint import plain_value
from shared.sync.situation import UNSEEN
from shared.sync.values import values_of
from tests.unit.sync.memory import (
    SECOND,
    THIRD,
    Crashed,
    MemoryCalendar,
    Pair,
    booking,
    both,
    content,
    in_step,
    span,
    weekly,
)

few = settings(max_examples=25, deadline=None, derandomize=True)

Side = Literal["here", "there"]


# --- edits, as values ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """`unit`: "" for the event as a whole, else an occurrence. `change`: fields, "cancel" or "restore"."""

    side: Side
    unit: str
    change: dict[str, Any] | str

    def mirrored(self) -> Edit:
        return replace(self, side="there" if self.side == "here" else "here")


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["Visit", "Call", ""]),
    "description": st.sampled_from(["", "Bring papers"]),
    "location": st.sampled_from(["Room 1", "Room 2"]),
    "show_as": st.sampled_from(list(ShowAs)),
    "visibility": st.sampled_from([Visibility.DEFAULT, Visibility.PUBLIC]),
    "reminders": st.sampled_from([None, (), (Reminder(10),)]),
}
sides = st.sampled_from(["here", "there"])
fields = st.sampled_from(sorted(VALUES)).flatmap(lambda name: VALUES[name].map(lambda value: {name: value}))
whole = st.builds(Edit, sides, st.just(""), fields)
RULES = [{"recurrence": (f"RRULE:FREQ=WEEKLY;COUNT={count}",)} for count in (2, 8)]
MOVES = [{"span": span(10)}, {"span": span(minutes=30)}]
reshaped = st.builds(Edit, sides, st.just(""), st.sampled_from([*MOVES, *RULES]))
starts = st.sampled_from([SECOND, THIRD])
moved = st.sampled_from([{"span": span(11, day=16)}, {"span": span(15, day=8)}])
one = st.builds(Edit, sides, starts, fields | moved | st.just("cancel"))
third = st.builds(Edit, sides, st.just(THIRD), fields | st.just({"span": span(11, day=16)}))
restored = st.builds(Edit, sides, starts, st.just("restore"))
any_edit = whole | one | one | reshaped | restored


def _one_reshapes(edits: list[Edit], side: Side) -> list[Edit]:
    """Only one side moves the series: which exceptions outlive two moves at once is not laid down anywhere."""
    return [replace(edit, side=side) if edit.change in [*MOVES, *RULES] else edit for edit in edits]


edited = st.builds(_one_reshapes, st.lists(any_edit, min_size=1, max_size=5), sides)
rounds = st.lists(edited, min_size=1, max_size=3)
single_or_series = st.sampled_from([Series(content()), weekly(), weekly(**{SECOND: CANCELLED})])


def perform(pair: Pair, edits: list[Edit], minute: int = 1) -> None:
    for number, edit in enumerate(edits):
        _perform(pair, edit, minute + number)


def _perform(pair: Pair, edit: Edit, minute: int) -> None:
    series = pair.event.series if edit.side == "here" and pair.event else pair.there.series
    if edit.unit and not is_occurrence(series, edit.unit):
        return
    if isinstance(edit.change, dict) and "recurrence" in edit.change and not series.recurs:
        return
    pair.api.minute = minute
    match edit.side, edit.unit, edit.change:
        case "here", "", dict(change):
            pair.edit(minute, **change)
        case "here", unit, dict(change):
            pair.edit_occurrence(minute, unit, **change)
        case "here", unit, "cancel":
            pair.cancel_occurrence(minute, unit)
        case "here", unit, "restore":
            pair.restore_occurrence(minute, unit)
        case "there", "", dict(change):
            pair.api.edit(pair.remote_id, **change)
        case "there", unit, dict(change):
            pair.api.edit_occurrence(pair.remote_id, unit, **change)
        case "there", unit, "cancel":
            pair.api.cancel_occurrence(pair.remote_id, unit)
        case "there", unit, "restore":
            pair.api.edit_occurrence(pair.remote_id, unit, **values_of(occurrence_content(series, unit)))


def run(series: Series, perturbed: list[list[Edit]], *, lossy: bool = False) -> Pair:
    pair, minute = in_step(series, lossy=lossy), 1
    for edits in perturbed:
        perform(pair, edits, minute)
        minute += len(edits)
        pair.api.minute = minute
        pair.drain()
    return pair


# --- properties ----------------------------------------------------------------------------------------------------


@few
@given(single_or_series, rounds, st.booleans())
def test_whoever_edits_what_both_sides_end_equal(series: Series, perturbed: list[list[Edit]], lossy: bool) -> None:
    here, there = both(run(series, perturbed, lossy=lossy))
    assert here == there


@few
@given(single_or_series, rounds, st.booleans())
def test_what_is_in_step_is_left_alone(series: Series, perturbed: list[list[Edit]], lossy: bool) -> None:
    pair = run(series, perturbed, lossy=lossy)
    for report in (pair.api.whole(pair.remote_id), UNSEEN):
        plan = pair.plan(report)
        assert (plan.writes, plan.save, plan.history) == ((), None, ())


@few
@given(single_or_series, edited, st.booleans())
def test_our_own_write_coming_back_does_nothing(series: Series, edits: list[Edit], lossy: bool) -> None:
    pair = in_step(series, lossy=lossy)
    perform(pair, [replace(edit, side="here") for edit in edits])
    pair.take(UNSEEN)
    before = pair.event
    echo = pair.api.change_of(pair.remote_id, pair.cursor)
    if echo is not None:
        plan = pair.plan(echo)
        assert (plan.writes, plan.save, plan.history) == ((), None, ())
        pair.take(echo)
    assert pair.event == before


@few
@given(single_or_series, st.lists(whole | one, min_size=1, max_size=5))
def test_mirrored_edits_give_mirrored_results(series: Series, edits: list[Edit]) -> None:
    pair, mirror = run(series, [edits]), run(series, [[edit.mirrored() for edit in edits]])
    assert both(pair) == both(mirror)


@few
@given(st.lists(whole | third | third, min_size=2, max_size=6), st.booleans())
def test_what_only_one_side_edited_survives_and_what_lost_is_in_the_history(edits: list[Edit], lossy: bool) -> None:
    before = weekly()
    pair = in_step(before, lossy=lossy)
    perform(pair, edits)
    assert pair.event is not None
    here, there = _edits(before, pair.event.series), _edits(before, pair.there.series)
    pair.drain()
    result, history = _facts(pair.there.series), [item for entry in pair.history for item in entry.lost.items()]
    for unit in here.keys() | there.keys():
        candidates = [_held(edited[unit], lossy) for edited in (here, there) if unit in edited]
        assert result[unit] in candidates
        for loser in [value for value in candidates if value != result[unit]]:
            assert loser in [_held(value, lossy) for label, value in history if label == ": ".join(filter(None, unit))]


def _facts(series: Series) -> dict[tuple[str, str], Any]:
    """Every field of the event and of its third occurrence."""
    third = series.overrides.get(THIRD) or occurrence_content(series, THIRD)
    assert isinstance(third, Content)
    return {
        (unit, name): plain_value(value)
        for unit, held in (("", series.content), (f"occurrence {THIRD}", third))
        for name, value in values_of(held).items()
    }


def _edits(before: Series, after: Series) -> dict[tuple[str, str], Any]:
    """What was edited, field by field. An occurrence without override follows its series and was not edited."""
    was, now = _facts(before), _facts(after)
    return {unit: now[unit] for unit in now if now[unit] != was[unit] and (not unit[0] or THIRD in after.overrides)}


def _held(value: Any, lossy: bool) -> Any:
    return "busy" if lossy and value == "tentative" else value


@few
@given(
    st.lists(st.tuples(st.integers(0, 2), whole | one), min_size=1, max_size=6),
    st.lists(st.integers(0, 2), min_size=3, max_size=8),
)
def test_neither_the_order_nor_the_number_of_reports_matters(edits: list[tuple[int, Edit]], reports: list[int]) -> None:
    def several() -> list[Pair]:
        pairs = [in_step(weekly()) for _ in range(3)]
        for minute, (number, edit) in enumerate(edits, 1):
            _perform(pairs[number], edit, minute)
        return pairs

    plain, shuffled = several(), several()
    for pair in plain:
        pair.drain()
    for number in reports:
        shuffled[number].take(shuffled[number].api.whole(shuffled[number].remote_id))
    for pair in shuffled:
        pair.drain()
    assert [both(pair) for pair in shuffled] == [both(pair) for pair in plain]


@few
@given(single_or_series, rounds, sides, st.lists(any_edit, max_size=3), st.lists(any_edit, max_size=3))
def test_what_was_deleted_stays_deleted(
    series: Series, perturbed: list[list[Edit]], side: Side, before: list[Edit], after: list[Edit]
) -> None:
    other: Side = "there" if side == "here" else "here"
    pair = run(series, perturbed)
    perform(pair, before, 50)
    if side == "here":
        pair.delete(60)
    else:
        pair.api.remove(pair.remote_id)
    perform(pair, [replace(edit, side=other) for edit in after], 70)
    pair.drain()
    for report in (UNSEEN, pair.api.whole(pair.remote_id), UNSEEN):
        pair.take(report)
    assert pair.event is not None
    assert pair.event.deleted
    assert pair.there.gone
    assert pair.link is None


disjoint = edited.map(lambda edits: [edit for edit in edits if (edit.side == "here") == (edit.unit != SECOND)])


@few
@given(single_or_series, disjoint, st.integers(0, 6), st.sampled_from(["before", "after", "unrecorded"]))
def test_a_crash_after_any_write_ends_where_no_crash_ends(
    series: Series, edits: list[Edit], fatal: int, moment: str
) -> None:
    smooth, broken = in_step(series), in_step(series)
    for pair in (smooth, broken):
        perform(pair, edits)
        pair.api.minute = 90
    smooth.drain()
    _drain_with_crash(broken, fatal, moment)
    assert both(broken) == both(smooth)
    assert both(broken)[0] == both(broken)[1]


@few
@given(
    st.sampled_from([Series(content()), weekly(**{SECOND: content(title="Other", span=span(12, day=8))})]),
    st.integers(0, 3),
    st.sampled_from(["before", "after", "unrecorded"]),
    st.booleans(),
)
def test_a_crash_while_a_copy_is_created_leaves_one_copy(series: Series, fatal: int, moment: str, edited: bool) -> None:
    pair = Pair(MemoryCalendar(), booking(series))
    _drain_with_crash(pair, fatal, moment, lambda: pair.edit(5, title="Edited after the crash") if edited else None)
    here, there = both(pair)
    assert here == there
    assert Counter(record.gone for record in pair.api.records.values()) == {False: 1}


def _drain_with_crash(pair: Pair, fatal: int, moment: str, meanwhile: Any = lambda: None) -> None:
    """Kill the worker before or after the write number `fatal`, or after the plan that it belongs to; then go on."""

    def around(number: int, now: str) -> None:
        if (number, now) == (fatal, moment):
            raise Crashed

    def between() -> None:
        if moment == "unrecorded" and len(pair.api.writes) == fatal:
            raise Crashed

    pair.api.around, pair.between = around, between
    try:
        pair.drain()
    except Crashed:
        meanwhile()
    pair.api.around, pair.between = lambda number, now: None, lambda: None
    pair.drain()


@few
@given(edited, st.lists(whole | one, min_size=1, max_size=3), st.integers(0, 3))
def test_an_edit_between_fetch_and_write_is_neither_lost_nor_overwritten(
    edits: list[Edit], late: list[Edit], number: int
) -> None:
    pair = in_step(weekly())
    perform(pair, edits)
    there = [replace(edit, side="there") for edit in late]

    def around(count: int, moment: str) -> None:
        if (count, moment) == (number, "before"):
            pair.api.around = lambda count, moment: None
            perform(pair, there, 50)

    pair.api.around = around
    pair.drain()
    here, remote = both(pair)
    assert here == remote
