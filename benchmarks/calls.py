"""What a change costs in calls, counted: to each provider from its simulator's log, to DynamoDB and SQS at botocore.

The whole product runs, as in `tests/handlers`: real handlers, moto, a simulated provider with its notifications. A
count is exact and does not depend on the machine; `tests/handlers/test_cost.py` holds the important ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.client import BaseClient

from benchmarks.outlook_world import OutlookWorld, running_outlook_world
from benchmarks.table import Claim, show
from shared.providers.pace import pace_of
from tests.world import ACCOUNT, World, running_world, times

MANY = 20
AT_ONCE = 4
"""Requests that Graph runs at a time for one mailbox."""

READS = ("GetItem", "BatchGetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")

WRITE_AND_ECHO = "one write each; one list, since Google announces our own writes without saying what changed"
OCCURRENCE = "instances names the occurrence, one write, one list for its announcement"
LOOK = "one list of the calendars, one of the changes"
ONE_LIST = "a notification says nothing of what changed, so one list"

GRAPH_WRITE = "one request for twenty writes; one list, since Graph announces our own writes too"
GRAPH_LOOK_AND_WRITE = "as before, and one request for twenty looks, since Graph promises no precondition"
GRAPH_OCCURRENCE = "the series, its occurrence, one write, one list for its announcement"
GRAPH_ASK = "one list, and one request for twenty questions: what Graph calls removed may only have left the window"
GRAPH_CALENDARS = "one list of the calendars, the mailbox's zone, one list of the changes"


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests by name and database calls, of everything that followed one act until all was quiet. `steps`: calls
    within a batch, which is one request. `peak`: the most that ran at a time for the mailbox, if it was counted."""

    requests: Counter[str]
    steps: Counter[str]
    peak: int
    aws: Counter[str]

    def of_aws(self, names: tuple[str, ...]) -> int:
        return sum(self.aws[name] for name in names)


@dataclass(frozen=True, slots=True)
class Case:
    """`events` changed by `act`; the `least` requests that can bring them across, and why."""

    name: str
    act: Callable[[], object]
    events: int
    least: int
    reason: str


def cost_of(world: World, act: Callable[[], object]) -> Cost:
    """What the product does because of `act`; calls within `act` (the API's own) are not counted."""
    world.drain()
    pace_of.cache_clear()  # one case does not use up the minute of the next
    act()
    world.control("DELETE", "calls")
    with counted_aws() as aws:
        world.drain()
    seen = world.control("GET", "calls")
    steps = Counter[str](seen.get("steps", {}))
    requests = Counter[str](seen["by_method"])
    requests.subtract(steps)
    return Cost(+requests, steps, max(seen.get("peak_concurrency", {}).values(), default=0), aws)


@contextmanager
def counted_aws() -> Iterator[Counter[str]]:
    """Count the operations of every botocore client, PynamoDB's included."""
    calls, original = Counter[str](), BaseClient._make_api_call  # type: ignore[attr-defined]

    def counting(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        calls[operation] += 1
        return original(client, operation, arguments)

    BaseClient._make_api_call = counting  # type: ignore[attr-defined]
    try:
        yield calls
    finally:
        BaseClient._make_api_call = original  # type: ignore[attr-defined]


# --- what happens on either side


def book(world: World, *names: str) -> None:
    for name in names:
        body = {"title": "Consultation", **times("2027-03-01T09:00:00", "2027-03-01T10:00:00")}
        assert world.api("PUT", f"/v1/events/{name}", body)[0] == 201


def book_series(world: World, name: str) -> None:
    span = times("2027-03-01T09:00:00", "2027-03-01T10:00:00")
    body = {"title": "Every week", **span, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=10"]}
    assert world.api("PUT", f"/v1/events/{name}", body)[0] == 201


def rename(world: World, *names: str) -> None:
    for name in names:
        assert world.api("PATCH", f"/v1/events/{name}", {"title": "Renamed"})[0] == 200


def cancel(world: World, *names: str) -> None:
    for name in names:
        assert world.api("DELETE", f"/v1/events/{name}")[0] == 204


def move_occurrence(world: World, name: str) -> None:
    path = f"/v1/events/{name}/occurrences/20270308T080000Z"
    assert world.api("PATCH", path, times("2027-03-08T11:00:00", "2027-03-08T12:00:00"))[0] == 200


def look(world: World, connection: str) -> None:
    assert world.api("POST", f"/v1/connections/{connection}/sync")[0] < 300


def rename_there(world: World, *ids: str) -> None:
    title = "subject" if isinstance(world, OutlookWorld) else "summary"
    for event_id in ids:
        world.control("PATCH", f"calendars/{ACCOUNT}/events/{event_id}", {title: "Renamed there"})


def remove_there(world: World, *ids: str) -> None:
    for event_id in ids:
        world.control("DELETE", f"calendars/{ACCOUNT}/events/{event_id}")


# --- the tables


def run() -> list[Claim]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running_world() as world:
        connection = world.connect()
        google = [(case, cost_of(world, case.act)) for case in _google(world, connection)]
    _show("Google", google)
    with running_outlook_world() as world:
        connection = world.connect()
        graph = [(case, cost_of(world, case.act)) for case in _graph(world, connection)]
    _show("Graph", graph)
    peak = max(cost.peak for _, cost in graph)
    return [
        _claim("app → Google", google, 1),
        _claim("Google → app", google, 0),
        _claim("app → Graph, one event", graph, 2),
        _claim(f"app → Graph, {MANY} in one job", graph, 6),
        _claim("Graph → app, one event", graph, 0),
        _claim(f"Graph → app, burst of {MANY}", graph, 4),
        Claim(f"no moment has more than {AT_ONCE} requests in flight for a mailbox (found {peak})", peak <= AT_ONCE),
    ]


def _claim(direction: str, measured: Measured, most: int) -> Claim:
    above = max(_above(case, cost) for case, cost in measured if case.name.startswith(direction))
    what = f"at most {most} above the least (found {above})" if most else f"the least possible (found {above} above)"
    return Claim(f"{direction}: {what}", above <= most)


def _above(case: Case, cost: Cost) -> int:
    return cost.requests.total() - case.least


def _google(world: World, connection: str) -> list[Case]:
    many = [f"many{number}" for number in range(MANY)]
    alone, together = "app → Google, one event", f"app → Google, {MANY} in one job"
    outward = [
        Case(f"{alone}: create", lambda: book(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: update", lambda: rename(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: delete", lambda: cancel(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: create series", lambda: book_series(world, "series"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: move occurrence", lambda: move_occurrence(world, "series"), 1, 3, OCCURRENCE),
        Case(f"{together}: create", lambda: book(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
        Case(f"{together}: update", lambda: rename(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
        Case(f"{together}: delete", lambda: cancel(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
    ]
    gone = (1, ONE_LIST)
    return [
        *outward,
        *_inward(world, "Google", gone, gone),
        Case("asked to look, nothing to find", lambda: look(world, connection), 1, 2, LOOK),
    ]


def _graph(world: World, connection: str) -> list[Case]:
    many = [f"many{number}" for number in range(MANY)]
    alone, together = "app → Graph, one event", f"app → Graph, {MANY} in one job"
    outward = [
        Case(f"{alone}: create", lambda: book(world, "one"), 1, 2, GRAPH_WRITE),
        Case(f"{alone}: update", lambda: rename(world, "one"), 1, 3, GRAPH_LOOK_AND_WRITE),
        Case(f"{alone}: delete", lambda: cancel(world, "one"), 1, 3, GRAPH_LOOK_AND_WRITE),
        Case(f"{alone}: create series", lambda: book_series(world, "series"), 1, 2, GRAPH_WRITE),
        Case(f"{alone}: move occurrence", lambda: move_occurrence(world, "series"), 1, 4, GRAPH_OCCURRENCE),
        Case(f"{together}: create", lambda: book(world, *many), MANY, 2, GRAPH_WRITE),
        Case(f"{together}: update", lambda: rename(world, *many), MANY, 3, GRAPH_LOOK_AND_WRITE),
        Case(f"{together}: delete", lambda: cancel(world, *many), MANY, 3, GRAPH_LOOK_AND_WRITE),
    ]
    gone = (2, GRAPH_ASK)
    return [
        *outward,
        *_inward(world, "Graph", gone, gone),
        Case("asked to look, nothing to find", lambda: look(world, connection), 1, 3, GRAPH_CALENDARS),
    ]


def _inward(world: World, there: str, alone_gone: tuple[int, str], many_gone: tuple[int, str]) -> list[Case]:
    ids: list[str] = []

    def add(count: int) -> None:
        ids[:] = [world.add_there()["id"] for _ in range(count)]

    alone, together = f"{there} → app, one event", f"{there} → app, burst of {MANY}"
    return [
        Case(f"{alone}: create", lambda: add(1), 1, 1, ONE_LIST),
        Case(f"{alone}: update", lambda: rename_there(world, *ids), 1, 1, ONE_LIST),
        Case(f"{alone}: delete", lambda: remove_there(world, *ids), 1, *alone_gone),
        Case(f"{together}: create", lambda: add(MANY), MANY, 1, ONE_LIST),
        Case(f"{together}: update", lambda: rename_there(world, *ids), MANY, 1, ONE_LIST),
        Case(f"{together}: delete", lambda: remove_there(world, *ids), MANY, *many_gone),
    ]


def _show(provider: str, measured: Measured) -> None:
    reasons = list(dict.fromkeys(case.reason for case, _ in measured))
    marks = {reason: "abcdef"[at] for at, reason in enumerate(reasons)}
    rows = [
        [
            case.name,
            cost.requests.total(),
            f"{case.least} {marks[case.reason]}",
            cost.requests.total() / case.least,
            cost.requests.total() / case.events,
            cost.of_aws(READS),
            cost.of_aws(WRITES),
            _by_name(cost.requests) + (f" of {_by_name(cost.steps)}" if cost.steps else ""),
        ]
        for case, cost in measured
    ]
    show(
        "Requests until all is quiet, the announcement of our own writes included",
        ["change", provider, "least", "ratio", "per event", "DynamoDB reads", "writes", f"{provider} by method"],
        rows,
        ["", *(f"{mark}: {reason}" for reason, mark in marks.items())],
    )


def _by_name(counts: Counter[str]) -> str:
    return " ".join(f"{name.removeprefix('events.')} {count}" for name, count in sorted(counts.items()))


Measured = Sequence[tuple[Case, Cost]]
