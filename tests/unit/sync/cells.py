"""Every situation that the planner can be in, and what it decides: the table in docs/sync.md is made from this.

    python -m tests.unit.sync.cells        (make docs) writes the table between its two marks in docs/sync.md

A `Cell` is what the app holds, what the provider reported and how the two are linked; a `Setting` is what the calendar
and the connection are like. `leaves` runs the real planner over all settings of a cell and gives one row for each that
makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

from shared.model import (
    APP,
    CONTENT_FIELDS,
    Cancelled,
    Content,
    Event,
    OnExternal,
    Policy,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Series,
)
from shared.sync.actions import CreateCopy, DeleteCopy, DeleteStray, EventPlan, NextLink, UpdateCopy, UpdateOccurrence
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN, Situation, Unseen
from tests.unit.sync.memory import CALENDAR, SECOND, at, booking, content, weekly
from tests.unit.sync.situations import EARLIER, LATER, changed, link_of, report, situation

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "sync.md"
BEGIN: Final = "<!-- every situation: begin (make docs) -->\n"
END: Final = "<!-- every situation: end -->\n"

# --- what there is -------------------------------------------------------------------------------------------------

BASE: Final = weekly()
MADE_HERE: Final = booking(BASE)
MADE_THERE: Final = booking(BASE, id="evt_1", origin=CALENDAR)


def _renamed(event: Event) -> Event:
    return replace(event, series=changed(event.series, title="Renamed here"), updated_at=at(0))


HERE: Final[Mapping[str, Event | None]] = {
    "nothing": None,
    "a booking": MADE_HERE,
    "a booking, title edited": _renamed(MADE_HERE),
    "an event made there": MADE_THERE,
    "an event made there, title edited": _renamed(MADE_THERE),
    "a booking, deleted": replace(MADE_HERE, deleted=True),
    "an event made there, deleted": replace(MADE_THERE, deleted=True),
}

_OCCURRENCE: Final = {SECOND: RemoteOverride(f"r1_{SECOND}", "o1", content(title="One renamed there"))}
REPORTS: Final[Mapping[str, RemoteEvent | Removed | Unseen]] = {
    "nothing": UNSEEN,
    "the event, nothing edited": report(BASE),
    "the event, location edited": report(changed(BASE, location="Room 9")),
    "the event, title edited, later": report(changed(BASE, title="Renamed there"), updated_at=LATER),
    "the event, title edited, earlier": report(changed(BASE, title="Renamed there"), updated_at=EARLIER),
    "one occurrence, title edited": report(BASE, content=None, recurrence=(), etag="", overrides=_OCCURRENCE),
    "removed": Removed("r1"),
}

LINKS: Final = ("linked", "no link, but a copy of ours", "no link")


@dataclass(frozen=True, slots=True)
class Cell:
    here: str
    report: str
    link: str


@dataclass(frozen=True, slots=True)
class Setting:
    writable: bool = True
    held: bool = True
    changes: OnExternal = OnExternal.APPLY
    deletions: OnExternal = OnExternal.APPLY

    @property
    def policy(self) -> Policy:
        return Policy(on_external_change=self.changes, on_external_delete=self.deletions)


QUESTIONS: Final[Mapping[str, tuple[object, ...]]] = {
    "writable": (True, False),
    "held": (True, False),
    "changes": (OnExternal.APPLY, OnExternal.RESTORE),
    "deletions": (OnExternal.APPLY, OnExternal.RESTORE),
}
ANSWERS: Final[Mapping[tuple[str, object], str]] = {
    ("held", True): "to be held here",
    ("held", False): "not to be held here",
    ("writable", True): "may be written",
    ("writable", False): "may only be read",
    ("changes", OnExternal.APPLY): "changes: apply",
    ("changes", OnExternal.RESTORE): "changes: restore",
    ("deletions", OnExternal.APPLY): "deletions: apply",
    ("deletions", OnExternal.RESTORE): "deletions: restore",
}


def cells() -> Iterator[Cell]:
    """Those that the engine can meet. What is unlinked and reported is either ours (a copy without link, or an event
    that was kept at a disconnect) or new; without a link nobody can say what was edited; an unlinked removal concerns
    only copies of ours; and an occurrence without its series is only ever planned with a link."""
    for here, link, reported in product(HERE, LINKS, REPORTS):
        event, remote = HERE[here], REPORTS[reported]
        if link == "linked":
            yield Cell(here, reported, link)
        elif (event is not None and event.series != BASE) or remote == REPORTS["one occurrence, title edited"]:
            continue
        elif link == "no link, but a copy of ours":
            ours = event is not None and event.origin == APP
            kept = event is not None and event.origin != APP and not event.deleted and isinstance(remote, RemoteEvent)
            if (ours and remote is not UNSEEN) or kept:
                yield Cell(here, reported, link)
        else:
            ours_or_alive = event is not None and (event.origin == APP or not event.deleted)
            if event is not None if remote is UNSEEN else isinstance(remote, RemoteEvent) and not ours_or_alive:
                yield Cell(here, reported, link)


def settings(cell: Cell) -> Iterator[Setting]:
    """Those that a cell can have: what was made there, or is not here at all, is always to be held."""
    event = HERE[cell.here]
    for setting in (Setting(*values) for values in product(*QUESTIONS.values())):  # type: ignore[arg-type]
        if setting.held or (event is not None and event.origin == APP):
            yield setting


def situation_of(cell: Cell, setting: Setting) -> Situation:
    event = HERE[cell.here]
    base = MADE_HERE if event is None or event.origin == APP else MADE_THERE
    return situation(
        event,
        REPORTS[cell.report],
        link=link_of(base, report(BASE)) if cell.link == "linked" else None,
        owned=cell.link == "no link, but a copy of ours",
        held=setting.held,
        writable=setting.writable,
    )


def decide(cell: Cell, setting: Setting) -> EventPlan:
    return plan_event(situation_of(cell, setting), setting.policy)


# --- rows ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """One row: a cell, the answers that matter for it, and every setting that it stands for."""

    cell: Cell
    answers: tuple[tuple[str, object], ...]
    settings: tuple[Setting, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        here, reported, link = self.cell.here, self.cell.report, self.cell.link
        return (here, reported, link, ", ".join(ANSWERS[answer] for answer in self.answers), *told(self))


@cache
def leaves() -> tuple[Leaf, ...]:
    return tuple(leaf for cell in cells() for leaf in _split(cell, tuple(settings(cell)), ()))


def _split(cell: Cell, those: tuple[Setting, ...], answers: tuple[tuple[str, object], ...]) -> Iterator[Leaf]:
    """One leaf if all settings lead to the same plan; else the first question that tells them apart is asked."""
    plans = [decide(cell, setting) for setting in those]
    if all(plan == plans[0] for plan in plans):
        yield Leaf(cell, answers, those)
        return
    for name, values in QUESTIONS.items():
        parts = [tuple(one for one in those if getattr(one, name) == value) for value in values]
        if all(parts) and not _same(cell, parts, name):
            for value, part in zip(values, parts, strict=True):
                yield from _split(cell, part, (*answers, (name, value)))
            return
    raise AssertionError("two plans in one setting")


def _same(cell: Cell, parts: list[tuple[Setting, ...]], name: str) -> bool:
    """Whether the answer to a question makes no difference."""
    value = getattr(parts[0][0], name)
    return all(decide(cell, one) == decide(cell, replace(one, **{name: value})) for part in parts for one in part)


def told(leaf: Leaf) -> tuple[str, ...]:
    """Rule, what the provider gets, what the app gets, the link, the history."""
    at_, plan = situation_of(leaf.cell, leaf.settings[0]), decide(leaf.cell, leaf.settings[0])
    return (
        f"`{plan.rule.name}`",
        "; ".join(_write_in_words(write) for write in plan.writes),
        _save_in_words(at_.local, plan.save),
        "" if plan.link is NextLink.KEEP else plan.link.value,
        " ".join(
            f"“{one.sentence}”"
            + (f" fields: {', '.join(one.fields)}." if one.fields else "")
            + (f" lost: {_values(one.lost)}." if one.lost else "")
            for one in plan.history
        ),
    )


def _write_in_words(write: object) -> str:
    match write:
        case CreateCopy():
            return "create the copy"
        case UpdateCopy(fields=fields):
            return "write " + _values(fields)
        case UpdateOccurrence(change=Cancelled()):
            return "cancel the occurrence"
        case UpdateOccurrence(change=dict(change)) if set(change) == set(CONTENT_FIELDS):
            return "write the occurrence as it is here"
        case UpdateOccurrence(change=dict(change)):
            return "write the occurrence's " + _values(change)
        case DeleteCopy(etag=etag):
            return "delete the copy" + ("" if etag else ", whatever its version")
        case DeleteStray():
            return "ask by key for a copy, delete it"
    raise AssertionError(write)


def _values(fields: Mapping[str, object]) -> str:
    return ", ".join(f"{name} “{value}”" if isinstance(value, str) else name for name, value in fields.items())


def _save_in_words(before: Event | None, after: Event | None) -> str:
    if after is None:
        return ""
    if before is None:
        return "a new event, made there"
    words = ["deleted"] if after.deleted else ["alive again"] if before.deleted else []
    words += [_values(_differing(before.series, after.series))]
    words += [f"occurrence {_values(_differing(before.series, Series(item)))}" for item in _contents(after, before)]
    return "; ".join(filter(None, words))


def _differing(before: Series, after: Series) -> Mapping[str, object]:
    values = {name: getattr(after.content, name) for name in CONTENT_FIELDS}
    return {name: value for name, value in values.items() if value != getattr(before.content, name) and name != "span"}


def _contents(after: Event, before: Event) -> list[Content]:
    found = [item for key, item in after.series.overrides.items() if before.series.overrides.get(key) != item]
    return [item for item in found if isinstance(item, Content)]


EVERY: Final = tuple(name for name, remote in REPORTS.items() if isinstance(remote, RemoteEvent) and remote.content)
SHORTER: Final[Mapping[str, tuple[str, ...]]] = {
    "the event, whatever was edited": EVERY,
    "the event, title edited": ("the event, title edited, later", "the event, title edited, earlier"),
}
HEADINGS: Final = ("here", "the report", "link", "if", "rule", "at the provider", "in the app", "link then", "history")


def rows() -> dict[tuple[str, ...], list[Leaf]]:
    """The table's rows with what each stands for: reports that make no difference share one."""
    same: dict[tuple[str, ...], list[Leaf]] = {}
    for leaf in leaves():
        here, _, *others = leaf.columns
        same.setdefault((here, *others), []).append(leaf)
    return {(key[0], _reports(found), *key[1:]): found for key, found in same.items()}


def _reports(found: list[Leaf]) -> str:
    names = [leaf.cell.report for leaf in found]
    for shorter, longer in SHORTER.items():
        if set(longer) <= set(names):
            names = [shorter, *(name for name in names if name not in longer)]
    return " / ".join(names)


def table() -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(document: str) -> str:
    """The document with the table of now between its marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT} lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
