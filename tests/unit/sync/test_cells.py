"""Every situation that the planner can be in: the table in docs/sync.md is true, and leaves nothing to do."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from shared.model import APP, Cancelled, Content, Event, RemoteEvent, RemoteOverride, Removed, Series
from shared.sync.actions import (
    CreateCopy,
    DeleteCopy,
    DeleteStray,
    EventPlan,
    Rule,
    UpdateCopy,
    UpdateOccurrence,
    Write,
)
from shared.sync.links import Outcome, Written
from shared.sync.plan import goes_next, plan_event
from shared.sync.recording import record_of
from shared.sync.situation import UNSEEN, Situation, Unseen
from shared.sync.values import with_values
from tests.unit.sync import cells
from tests.unit.sync.cells import Cell, Leaf, Setting, decide, rows, situation_of
from tests.unit.sync.situations import NOW

ROWS = list(rows().items())
every_row = pytest.mark.parametrize(("columns", "leaves"), ROWS, ids=[" | ".join(key[:4]) for key, _ in ROWS])


def test_the_table_in_the_documents_is_what_the_planner_decides() -> None:
    document = cells.DOCUMENT.read_text(encoding="utf-8")
    assert document == cells.written(document), "docs/sync.md is not of now: run make docs, and read what changed"


def test_the_table_shows_every_rule_at_work() -> None:
    assert {decide(leaf.cell, leaf.settings[0]).rule for leaf in cells.leaves()} == set(Rule)


# --- what holds in every cell --------------------------------------------------------------------------------------


@every_row
def test_a_cell_writes_nowhere_it_may_not_gives_its_reasons_and_loses_nothing(
    columns: tuple[str, ...], leaves: list[Leaf]
) -> None:
    for leaf in leaves:
        assert leaf.columns[4:] == columns[4:]
        for setting in leaf.settings:
            plan = decide(leaf.cell, setting)
            assert setting.writable or not plan.writes
            assert setting.held or not any(isinstance(write, CreateCopy) for write in plan.writes)
        at, plan = situation_of(leaf.cell, leaf.settings[0]), decide(leaf.cell, leaf.settings[0])
        _names_its_event(at, plan)
        _says_who_when_why_and_what(at, plan)
        _keeps_what_it_overrules(at, plan)


def _names_its_event(at: Situation, plan: EventPlan) -> None:
    known = at.local.id if at.local else at.link.event_id if at.link and plan.rule is Rule.FORGET else at.import_id
    assert plan.event_id == known
    if plan.save is not None:
        assert (plan.save.id, plan.save.owner) == (known, at.owner)
        assert plan.save.version == (at.local.version + 1 if at.local else 1)
        assert plan.save.updated_at <= NOW


def _says_who_when_why_and_what(at: Situation, plan: EventPlan) -> None:
    assert plan.save is None or len(plan.history) == 1, "a change without a reason"
    for entry in plan.history:
        assert (entry.actor, entry.at, entry.rule) == (at.calendar_id, at.now, plan.rule)
        assert entry.sentence[0].isupper()
        assert entry.sentence.endswith(".")
        if at.local is not None and plan.save is not None and not plan.save.deleted and not at.local.deleted:
            assert set(entry.fields) == _differing(at.local.series, plan.save.series)


def _keeps_what_it_overrules(at: Situation, plan: EventPlan) -> None:
    """Whatever one side alone had when the two were last in step and since, and which does not stand now."""
    if not isinstance(at.remote, RemoteEvent) or at.link is None or at.local is None or at.local.deleted:
        return
    before, after = cells.BASE, plan.save.series if plan.save else at.local.series
    here, there = _differing(before, at.local.series), _differing(before, _reported(at.remote, before))
    kept = {name: value for entry in plan.history for name, value in entry.lost.items()}
    for name in there:
        theirs, mine = _value(_reported(at.remote, before), name), _value(at.local.series, name)
        if _value(after, name) != theirs:
            assert name in kept, f"what they had of {name} is gone"
            assert kept[name] == theirs or name.startswith("occurrence")
        elif name in here and mine != theirs:
            assert kept[name] == mine


@every_row
def test_what_was_planned_and_applied_leaves_nothing_to_do(columns: tuple[str, ...], leaves: list[Leaf]) -> None:
    for leaf in leaves:
        for setting in leaf.settings:
            at, plan = situation_of(leaf.cell, setting), decide(leaf.cell, setting)
            after, remote = _applied(at, plan)
            for report in (remote, UNSEEN):
                again = plan_event(replace(after, remote=report), setting.policy)
                if after.local is None:
                    assert not again.writes
                elif goes_next(plan):  # the edit is recorded, and then the copy goes
                    gone = [DeleteCopy] if after.link or report is not UNSEEN else []
                    assert [type(write) for write in again.writes] == gone
                    assert again.save is None
                elif after.local.deleted:
                    assert again.save is None or again.rule is Rule.REVIVE
                elif not setting.held or not setting.writable:
                    assert not again.writes
                else:
                    assert (again.writes, again.save, again.history) == ((), None, ())


DROPPED = [
    (leaf.cell, setting)
    for leaf in cells.leaves()
    for setting in leaf.settings[:1]
    if decide(leaf.cell, setting).rule is Rule.DELETE_REMOTE and decide(leaf.cell, setting).history
]


@pytest.mark.parametrize(("cell", "setting"), DROPPED, ids=[f"{cell.here} | {cell.report}" for cell, _ in DROPPED])
def test_an_edit_that_a_deletion_here_outweighs_is_kept_in_the_history(cell: Cell, setting: Setting) -> None:
    at, plan = situation_of(cell, setting), decide(cell, setting)
    assert isinstance(at.remote, RemoteEvent)
    (entry,) = plan.history
    assert set(entry.lost) == _differing(cells.BASE, _reported(at.remote, cells.BASE))


# --- a provider that answers as it was written to --------------------------------------------------------------------


def _applied(at: Situation, plan: EventPlan) -> tuple[Situation, RemoteEvent | Removed | Unseen]:
    """The situation once the plan is applied and recorded, and what the provider would report then."""
    remote, outcomes = at.remote, list[Outcome]()
    if isinstance(remote, Unseen) and at.link is not None:
        remote = replace(_held_there(), content=cells.BASE.content, recurrence=cells.BASE.recurrence)
    for write in plan.writes:
        remote, answer = _answered(remote, write)
        outcomes.append(Written(write, answer))
    record = record_of(at, plan, outcomes, run="", quiet=False, others=(), stored=at.link)
    event = plan.save or at.local
    link = at.link if record is None or (record.link is None and not record.unlink) else record.link
    live = event is not None and not event.deleted
    return replace(
        at, local=event, projected=event.series if event and live else None, link=link, owned=link is None and at.owned
    ), remote


def _held_there() -> RemoteEvent:
    held = cells.REPORTS["the event, nothing edited"]
    assert isinstance(held, RemoteEvent)
    return held


def _answered(remote: Any, write: Write) -> tuple[Any, RemoteEvent | RemoteOverride | None]:
    match write:
        case CreateCopy(series=series):
            made = replace(_held_there(), remote_id="r2", content=series.content, recurrence=series.recurrence)
            return made, made
        case UpdateCopy(fields=fields):
            held = with_values(Series(remote.content or cells.BASE.content, cells.BASE.recurrence), fields)
            written = replace(remote, etag="e2", content=held.content, recurrence=held.recurrence)
            return written, written
        case UpdateOccurrence(original_start=start, change=change):
            value = change if isinstance(change, Cancelled) else Content(**change)  # type: ignore[arg-type]
            answer = RemoteOverride(f"r1_{start}", "o2", value)
            return replace(remote, overrides=MappingProxyType({**remote.overrides, start: answer})), answer
        case DeleteCopy() | DeleteStray():
            return Removed(write.remote_id if isinstance(write, DeleteCopy) else "r1"), None


# --- what differs --------------------------------------------------------------------------------------------------


def _reported(remote: RemoteEvent, before: Series) -> Series:
    overrides = {key: item.value for key, item in remote.overrides.items()}
    content, recurrence = (remote.content, remote.recurrence) if remote.content else (before.content, before.recurrence)
    return Series(content, recurrence, overrides)


def _differing(before: Series, after: Series) -> set[str]:
    names = {name for name in Content.__slots__ if getattr(before.content, name) != getattr(after.content, name)}
    starts = {*before.overrides, *after.overrides}
    return names | {
        f"occurrence {start}" for start in starts if before.overrides.get(start) != after.overrides.get(start)
    }


def _value(series: Series, name: str) -> object:
    if name.startswith("occurrence "):
        return series.overrides.get(name.removeprefix("occurrence "))
    return getattr(series.content, name)


def test_a_booking_and_an_event_made_there_are_two_rows_and_not_one() -> None:
    made_here, made_there = cells.HERE["a booking"], cells.HERE["an event made there"]
    assert isinstance(made_here, Event)
    assert isinstance(made_there, Event)
    assert made_here.origin == APP != made_there.origin
