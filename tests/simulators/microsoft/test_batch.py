"""`$batch` as strict as Graph: shapes, seats, single steps that fail."""

from typing import Any

import pytest
import requests

from .conftest import ADA, BOB, Graph, Microsoft, timed
from .test_faults import batch, count, fault

CREATE = {"method": "POST", "url": "/me/events", "body": timed()}
READ = {"method": "GET", "url": "/me/calendars"}


def answers(graph: Graph, *calls: Any) -> list[Any]:
    """In the order of the calls, whatever the order of the answers."""
    found = {one["id"]: one for one in graph("POST", "/$batch", batch(*calls))["responses"]}
    return [found[str(number)] for number in range(len(calls))]


def statuses(graph: Graph, *calls: Any) -> list[int]:
    return [one["status"] for one in answers(graph, *calls)]


def chained(*calls: Any) -> list[Any]:
    return [call | ({"dependsOn": [str(number - 1)]} if number else {}) for number, call in enumerate(calls)]


def peak(microsoft: Microsoft, email: str = ADA) -> int:
    return int(microsoft.control("GET", "calls")["peak_concurrency"].get(f"client {email}", 0))


def test_a_batch_answers_each_call_on_its_own(microsoft: Microsoft, ada: Graph) -> None:
    fault(microsoft, "too_many_requests", "events.create", skip=1)
    read = {"method": "GET", "url": "/me/events?$select=subject&$top=1"}
    created, throttled, seen = answers(ada, CREATE, CREATE, read)
    assert [created["status"], throttled["status"], seen["status"]] == [201, 429, 200]
    assert throttled["headers"]["Retry-After"] == "1"
    assert [one["subject"] for one in seen["body"]["value"]] == ["Visit"]
    gone = {"method": "DELETE", "url": f"/me/events/{created['body']['id']}"}
    assert statuses(ada, gone) == [204]
    assert count(ada) == 0


def test_answers_come_in_no_order_to_be_relied_upon(ada: Graph) -> None:
    found = ada("POST", "/$batch", batch(READ, CREATE, READ))["responses"]
    assert [one["id"] for one in found] != ["0", "1", "2"]
    assert {one["id"]: one["status"] for one in found} == {"0": 200, "1": 201, "2": 200}


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests": []},
        batch(*[READ] * 21),
        batch(READ | {"url": "https://graph.microsoft.com/v1.0/me"}),
        batch(READ | {"url": "//graph.microsoft.com/v1.0/me"}),
        batch(READ | {"url": "/v1.0/me"}),
        batch(READ | {"method": "get"}),
        {"requests": [{"id": "1", "method": "GET", "url": "/me"}] * 2},
        {"requests": [{"id": name, "method": "GET", "url": "/me"} for name in "aA"]},
        {"requests": [{"id": 1, "method": "GET", "url": "/me"}]},
        {"requests": [{"id": "1", "method": "POST", "url": "/me/events", "body": {}}]},
        {"requests": [{"id": "1", "method": "POST", "url": "/me/events", "body": {}, "headers": {"Prefer": "x"}}]},
        batch(READ | {"dependsOn": ["0"]}),
        batch(READ | {"dependsOn": ["1"]}, READ),
        batch(READ, READ | {"dependsOn": ["nobody"]}),
        batch(READ, READ | {"dependsOn": "0"}),
        batch(READ, READ, READ | {"dependsOn": ["1"]}),
        batch(READ, READ | {"dependsOn": ["0"]}, READ | {"dependsOn": ["0"]}),
    ],
)
def test_a_bad_batch_is_refused_whole(microsoft: Microsoft, ada: Graph, wrong: Any) -> None:
    assert ada.refused("POST", "/$batch", wrong)[0] == 400
    assert microsoft.control("GET", "calls")["steps"] == {}


def test_other_shapes_than_the_two_that_are_advised_can_be_allowed(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", "settings", {"batch_shapes": "any"})
    assert statuses(ada, READ, READ, READ | {"dependsOn": ["0", "1"]}) == [200, 200, 200]


def test_a_step_whose_dependency_failed_is_not_run_nor_are_those_that_follow(microsoft: Microsoft, ada: Graph) -> None:
    fault(microsoft, "too_many_requests", "events.create", skip=1)
    assert statuses(ada, *chained(*[CREATE] * 5)) == [201, 429, 424, 424, 424]
    assert count(ada) == 1


def test_the_fifth_step_without_order_is_one_too_many_for_the_mailbox(microsoft: Microsoft, ada: Graph) -> None:
    found = answers(ada, *[CREATE] * 6)
    assert [one["status"] for one in found] == [201, 201, 201, 201, 429, 429]
    assert all("Retry-After" in one["headers"] for one in found[4:])
    assert (count(ada), peak(microsoft)) == (4, 6)
    assert microsoft.world.running[f"client {ADA}"] == 0


def test_steps_for_several_mailboxes_do_not_take_each_others_seats(microsoft: Microsoft) -> None:
    ada = microsoft.graph(scopes=("Calendars.ReadWrite", "Calendars.ReadWrite.Shared"))
    microsoft.world.add_account(BOB)
    microsoft.world.share_calendar(microsoft.world.default_calendar(BOB).id, ADA)
    his = {"method": "GET", "url": f"/users/{BOB}/calendars"}
    assert statuses(ada, *[READ] * 4, *[his] * 4) == [200] * 8
    assert (peak(microsoft), peak(microsoft, BOB)) == (4, 4)


def test_graph_may_hand_over_four_at_a_time_by_itself(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", "settings", {"batch_unordered": "four_at_a_time"})
    assert statuses(ada, *[CREATE] * 20) == [201] * 20
    assert peak(microsoft) == 4


def test_twenty_one_after_the_other_take_one_seat(microsoft: Microsoft, ada: Graph) -> None:
    assert statuses(ada, *chained(*[CREATE] * 20)) == [201] * 20
    assert peak(microsoft) == 1


def test_a_batch_is_one_request_and_its_steps_are_counted_apart(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("DELETE", "calls")
    statuses(ada, CREATE, READ, READ)
    ada("GET", "/me/calendars")
    found = microsoft.control("GET", "calls")
    assert found["graph"] == 2
    assert found["by_method"] == {"batch": 1, "events.create": 1, "calendars.list": 3}
    assert found["steps"] == {"events.create": 1, "calendars.list": 2}


@pytest.mark.parametrize(("kind", "made"), [("cut_before", 0), ("cut_after", 2)])
def test_a_cut_batch_says_nothing_of_what_was_applied(microsoft: Microsoft, ada: Graph, kind: str, made: int) -> None:
    fault(microsoft, kind, "batch")
    with pytest.raises(requests.ConnectionError):
        ada("POST", "/$batch", batch(CREATE, CREATE))
    assert count(ada) == made


@pytest.mark.parametrize(("kind", "status"), [("too_many_requests", 429), ("server_error", 503), ("unauthorized", 401)])
def test_a_batch_can_be_refused_as_a_whole(microsoft: Microsoft, ada: Graph, kind: str, status: int) -> None:
    fault(microsoft, kind, "batch")
    assert ada.refused("POST", "/$batch", batch(CREATE))[0] == status
    assert count(ada) == 0


def test_a_dead_token_runs_no_step(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", "expire_tokens", {"email": ADA})
    assert ada.refused("POST", "/$batch", batch(CREATE))[0] == 401
