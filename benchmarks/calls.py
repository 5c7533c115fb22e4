"""What a change costs in calls, counted: to Google from the simulator's log, to DynamoDB and SQS at botocore.

The whole product runs, as in `tests/handlers`: real handlers, moto, the simulated Google with its notifications. A
count is exact and does not depend on the machine; `tests/handlers/test_cost.py` holds the important ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.client import BaseClient

from benchmarks.table import Claim, show
from tests.world import ACCOUNT, World, running_world, times

MANY = 20

READS = ("GetItem", "BatchGetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")

WRITE_AND_ECHO = "one write each; one list, since Google announces our own writes without saying what changed"
OCCURRENCE = "instances names the occurrence, one write, one list for its announcement"
LOOK = "one list of the calendars, one of the changes"
ONE_LIST = "a notification says nothing of what changed, so one list"


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls by name, of everything that followed one act until all was quiet."""

    google: Counter[str]
    aws: Counter[str]

    def of_aws(self, names: tuple[str, ...]) -> int:
        return sum(self.aws[name] for name in names)


@dataclass(frozen=True, slots=True)
class Case:
    """`events` changed by `act`; the `least` calls to Google that can bring them across, and why."""

    name: str
    act: Callable[[], object]
    events: int
    least: int
    reason: str


def cost_of(world: World, act: Callable[[], object]) -> Cost:
    """What the product does because of `act`; calls within `act` (the API's own) are not counted."""
    world.drain()
    act()
    world.control("DELETE", "calls")
    with counted_aws() as aws:
        world.drain()
    return Cost(Counter(world.control("GET", "calls")["by_method"]), aws)


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


def rename_there(world: World, *ids: str) -> None:
    for event_id in ids:
        world.control("PATCH", f"calendars/{ACCOUNT}/events/{event_id}", {"summary": "Renamed there"})


def remove_there(world: World, *ids: str) -> None:
    for event_id in ids:
        world.control("DELETE", f"calendars/{ACCOUNT}/events/{event_id}")


# --- the table


def run() -> list[Claim]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running_world() as world:
        connection = world.connect()
        measured = [(case, cost_of(world, case.act)) for case in [*_outward(world), *_inward(world, connection)]]
    _show(measured)
    outward = [cost.google.total() - case.least for case, cost in measured if case.name.startswith("app")]
    inward = [cost.google.total() - case.least for case, cost in measured if not case.name.startswith("app")]
    return [
        Claim(f"app → Google: at most one call above the least (found {max(outward)})", max(outward) <= 1),
        Claim(f"Google → app: the least possible (found {max(inward)} above)", max(inward) == 0),
    ]


def _outward(world: World) -> list[Case]:
    many = [f"many{number}" for number in range(MANY)]
    alone, together = "app → Google, one event", f"app → Google, {MANY} in one job"
    return [
        Case(f"{alone}: create", lambda: book(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: update", lambda: rename(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: delete", lambda: cancel(world, "one"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: create series", lambda: book_series(world, "series"), 1, 2, WRITE_AND_ECHO),
        Case(f"{alone}: move occurrence", lambda: move_occurrence(world, "series"), 1, 3, OCCURRENCE),
        Case(f"{together}: create", lambda: book(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
        Case(f"{together}: update", lambda: rename(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
        Case(f"{together}: delete", lambda: cancel(world, *many), MANY, MANY + 1, WRITE_AND_ECHO),
    ]


def _inward(world: World, connection: str) -> list[Case]:
    ids: list[str] = []

    def add(count: int) -> None:
        ids[:] = [world.add_there()["id"] for _ in range(count)]

    def look() -> None:
        assert world.api("POST", f"/v1/connections/{connection}/sync")[0] < 300

    alone, together = "Google → app, one event", f"Google → app, burst of {MANY}"
    return [
        Case(f"{alone}: create", lambda: add(1), 1, 1, ONE_LIST),
        Case(f"{alone}: update", lambda: rename_there(world, *ids), 1, 1, ONE_LIST),
        Case(f"{alone}: delete", lambda: remove_there(world, *ids), 1, 1, ONE_LIST),
        Case(f"{together}: create", lambda: add(MANY), MANY, 1, ONE_LIST),
        Case(f"{together}: update", lambda: rename_there(world, *ids), MANY, 1, ONE_LIST),
        Case(f"{together}: delete", lambda: remove_there(world, *ids), MANY, 1, ONE_LIST),
        Case("asked to look, nothing to find", look, 1, 2, LOOK),
    ]


def _show(measured: list[tuple[Case, Cost]]) -> None:
    reasons = list(dict.fromkeys(case.reason for case, _ in measured))
    marks = {reason: "abcd"[at] for at, reason in enumerate(reasons)}
    rows = [
        [
            case.name,
            cost.google.total(),
            f"{case.least} {marks[case.reason]}",
            cost.google.total() / case.least,
            cost.google.total() / case.events,
            cost.of_aws(READS),
            cost.of_aws(WRITES),
            " ".join(f"{name.removeprefix('events.')} {count}" for name, count in sorted(cost.google.items())),
        ]
        for case, cost in measured
    ]
    show(
        "Calls until all is quiet, the announcement of our own writes included",
        ["change", "Google", "least", "ratio", "per event", "DynamoDB reads", "writes", "Google by method"],
        rows,
        ["", *(f"{mark}: {reason}" for reason, mark in marks.items())],
    )
