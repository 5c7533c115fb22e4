"""A list of staff by the API: a preview that changes nothing, and an import that is bounded by time and goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.handlers.offices import Office, tenant
from tests.handlers.people import rows, shared_world
from tests.world import LambdaContext, World

HEADER = "user_id,mailbox,enabled\n"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def office(world: World) -> Office:
    made = tenant(world, "ada", "bob")
    made.ask("PUT", "", made.wanted())
    return made


class Clock(LambdaContext):
    """Time that is out after so many looks at it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self.looks -= 1
        return 29_000 if self.looks >= 0 else 0


def text(office: Office, *names: str) -> bytes:
    return (HEADER + "".join(f"{name},{office.address(name)}\n" for name in names)).encode()


def test_a_preview_shows_every_line_and_changes_nothing(office):
    office.enable("ada")
    before = rows("connections_table")
    status, shown = office.upload(text(office, "ada", "bob") + b"eve,not an address\n")
    assert status == 200
    assert shown["totals"] == {"add": 1, "change": 0, "remove": 0, "nothing": 1, "errors": 1}
    assert shown["lines"] == 3
    assert [(row["line"], row["user_id"], row["does"]) for row in shown["rows"]] == [
        (2, "ada", "nothing"),
        (3, "bob", "add"),
    ]
    assert [error["line"] for error in shown["errors"]] == [4]
    assert (shown["applied"], shown["next_line"]) == (0, None)
    assert rows("connections_table") == before


def test_a_list_is_taken_over_and_removes_nobody_whom_it_does_not_name(office):
    office.enable("eve", f"eve@{office.host}")
    office.authorize()
    office.world.drain()
    status, done = office.upload(text(office, "ada", "bob"), "?apply=true")
    assert (status, done["applied"], done["next_line"]) == (200, 2, None)
    office.world.drain()
    assert office.statuses() == {"ada": "active", "bob": "active", "eve": "paused"}
    status, again = office.upload(text(office, "ada", "bob"), "?apply=true")
    assert (again["applied"], again["totals"]["nothing"]) == (0, 2)


def test_an_import_that_runs_out_of_time_says_where_to_go_on_and_does(office):
    names = [f"user{number}" for number in range(9)]
    content, following, calls = text(office, *names), 1, 0
    while following is not None:
        status, done = office.upload(content, f"?apply=true&from_line={following}", context=Clock(4))
        assert status == 200
        following, calls = done["next_line"], calls + 1
        assert calls < 9
    assert calls == 3
    assert set(office.staff()) == set(names)


def test_five_thousand_lines_are_previewed_well_within_a_request(office):
    began = time.monotonic()
    status, shown = office.upload(text(office, *(f"user{number}" for number in range(5_000))))
    assert (status, shown["totals"]["add"], len(shown["rows"])) == (200, 5_000, 200)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("user_id,mailbox\njürgen,j@example.com\n".encode("latin-1"), "csv_encoding"),
        (b"name,address\n", "csv_header"),
        (b"", "csv_empty"),
    ],
)
def test_a_file_that_is_no_list_is_refused_and_changes_nothing(office, content, code):
    status, problem = office.upload(content, "?apply=true")
    assert (status, problem["code"]) == (422, code)
    assert office.staff() == {}


def test_a_formula_is_refused_by_its_line_and_is_not_stored(office):
    content = f'{HEADER}"=HYPERLINK(1)",x@{office.host}\nada,{office.address("ada")}\n'.encode()
    _, done = office.upload(content, "?apply=true")
    assert [error["line"] for error in done["errors"]] == [2]
    assert set(office.staff()) == {"ada"}


def test_a_file_that_is_too_large_is_refused(office):
    assert office.upload(HEADER.encode() + b"x" * (2 * 1024 * 1024))[0] == 413


@pytest.mark.parametrize("query", ["?apply=yes", "?from_line=-1", "?from_line=two", "?apply=true&from_line=1e9"])
def test_a_query_that_says_something_else_is_refused(office, query):
    assert office.upload(text(office, "ada"), query)[0] == 422
