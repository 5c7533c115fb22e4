"""`kill -9` of the worker between any two steps: nothing lost, nothing doubled.

Each scenario is run once to list its steps: every call to AWS and to Google that the worker makes. Then it is run again
for each step that has an effect, and the worker is killed right after it (and once before the first); between two
effects there is nothing to tell two moments apart. The job comes back, everything drains, and however it was cut, both
sides end as they do without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httplib2
import pytest
from botocore.client import BaseClient

from tests.world import ACCOUNT, World, google_times, running_world, times

EFFECTS = {
    *("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessage"),
    *("ChangeMessageVisibility", "POST", "PUT", "PATCH", "DELETE"),
}


class Killed(BaseException):
    """The process is gone: nothing catches this on the way."""


@dataclass
class Steps:
    """Lists calls, and kills after one of them (0: before the first)."""

    kill_after: int | None = None
    seen: list[str] = field(default_factory=list)
    armed: bool = False

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        if not self.armed:
            return call()
        if self.kill_after == 0:
            raise Killed(name)
        answer = call()
        self.seen.append(name)
        if len(self.seen) == self.kill_after:
            raise Killed(name)
        return answer

    @property
    def with_effect(self) -> list[int]:
        return [number for number, name in enumerate(self.seen, 1) if name.split()[0] in EFFECTS]

    @contextmanager
    def counted(self) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False


@contextmanager
def watched(steps: Steps) -> Iterator[None]:
    """Every call of the worker goes through `steps`."""
    aws, google = BaseClient._make_api_call, httplib2.Http.request

    def call_aws(self: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        return steps.around(operation, lambda: aws(self, operation, arguments))

    def call_google(self: httplib2.Http, uri: str, method: str = "GET", *more: Any, **named: Any) -> Any:
        return steps.around(f"{method} {uri.partition('?')[0]}", lambda: google(self, uri, method, *more, **named))

    with patch.object(BaseClient, "_make_api_call", call_aws), patch.object(httplib2.Http, "request", call_google):
        yield


def worker_runs(world: World, steps: Steps) -> None:
    """The worker takes up its jobs, is killed where `steps` says, and is started again until all is quiet."""
    world.around_worker = steps.counted
    with suppress(Killed):
        world.work()
    world.around_worker = nullcontext
    world.drain()


def from_both_sides(world: World) -> None:
    """A booking to be written, one to be changed, one to be deleted; the same three at Google; a series on each."""
    put = lambda name, title: world.api("PUT", f"/v1/events/{name}", {"title": title, **LATER})  # noqa: E731
    put("changes", "Changes"), put("goes", "Goes")
    there = {name: world.add_there(summary=name)["id"] for name in ("there changes", "there goes")}
    series = {"title": "Series", **LATER, "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]}
    world.api("PUT", "/v1/events/series", series)
    world.drain()
    put("new", "New"), put("changes", "Changed")
    world.api("DELETE", "/v1/events/goes")
    world.api("PATCH", "/v1/events/series/occurrences/2027-03-06T09:00:00+01:00", {"title": "Other title"})
    world.api("DELETE", "/v1/events/series/occurrences/2027-03-07T09:00:00+01:00")
    world.add_there(summary="there new")
    world.control("PATCH", f"calendars/{ACCOUNT}/events/{there['there changes']}", {"summary": "there changed"})
    world.control("DELETE", f"calendars/{ACCOUNT}/events/{there['there goes']}")


LATER = times("2027-03-05T09:00:00", "2027-03-05T10:00:00")

EXPECTED_THERE = [
    ("Changed", "2027-03-05"),
    ("New", "2027-03-05"),
    ("Other title", "2027-03-06"),
    ("Series", "2027-03-05"),
    ("Series", "2027-03-08"),
    ("there changed", "2027-03-01"),
    ("there new", "2027-03-01"),
]


def seen_there(world: World) -> list[tuple[str, str]]:
    path = f"calendars/{ACCOUNT}/events?expand=1&from=2027-01-01T00:00:00Z&to=2027-12-01T00:00:00Z"
    items = world.control("GET", path)["items"]
    live = [item for item in items if item.get("status") != "cancelled"]
    return sorted((item["summary"], item["start"]["dateTime"][:10]) for item in live)


def seen_here(world: World) -> list[tuple[str, str]]:
    return sorted((item["title"], item["start"]["date_time"][:10]) for item in world.here(expand=True))


def steps_of(prepare: Callable[[World], None]) -> Steps:
    with running_world() as world, watched(steps := Steps()):
        prepare(world)
        worker_runs(world, steps)
        return steps


def incremental(world: World) -> None:
    world.connect()
    from_both_sides(world)


def first_sync(world: World) -> None:
    """Both sides hold something before they first meet; the connection's own job has run."""
    for name, title in (("b1", "Booked"), ("b2", "Booked too")):
        world.api("PUT", f"/v1/events/{name}", {"title": title, **LATER})
    world.add_there(summary="Appointment")
    series = world.add_there(
        summary="Course",
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
        **google_times("2027-03-01T12:00:00", "2027-03-01T13:00:00"),
    )
    world.control("DELETE", f"calendars/{ACCOUNT}/events/{series['id']}_20270302T110000Z")
    world.connect(drain=False)
    world.work()


FIRST_EXPECTED = [
    ("Appointment", "2027-03-01"),
    ("Booked", "2027-03-05"),
    ("Booked too", "2027-03-05"),
    ("Course", "2027-03-01"),
    ("Course", "2027-03-03"),
]


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [(incremental, EXPECTED_THERE), (first_sync, FIRST_EXPECTED)],
    ids=["incremental sync", "first sync"],
)
def test_a_worker_killed_at_any_step_of_a_sync_loses_and_doubles_nothing(
    prepare: Callable[[World], None], expected: list[tuple[str, str]]
) -> None:
    steps = steps_of(prepare)
    cuts = [0, *steps.with_effect]
    assert len(cuts) > 10
    wrong: list[str] = []
    for cut in cuts:
        with running_world() as world, watched(killed := Steps(cut)):
            prepare(world)
            worker_runs(world, killed)
            if seen_there(world) != expected or seen_here(world) != expected:
                where = f"after step {cut} ({killed.seen[-1:]})"
                wrong.append(f"{where}: there {seen_there(world)}, here {seen_here(world)}")
    assert not wrong, f"{len(wrong)} of {len(cuts)} cuts among {len(steps.seen)} steps:\n" + "\n".join(wrong)
