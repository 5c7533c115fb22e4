import copy
import threading
from typing import Any

import pytest
import requests

from simulators.microsoft import create_app

from .conftest import ADA, BOB, Graph, Microsoft, Refused, guest, timed, weekly


def fault(microsoft: Microsoft, kind: str, match: str = "*", **more: Any) -> None:
    microsoft.control("POST", "faults", {"kind": kind, "match": match, **more})


def count(ada: Graph) -> int:
    return len(ada("GET", "/me/events")["value"])


@pytest.mark.parametrize(
    ("kind", "more", "status", "code"),
    [
        ("too_many_requests", {"retry_after": 7}, 429, "ApplicationThrottled"),
        ("mailbox_concurrency", {"retry_after": 7}, 429, "MailboxConcurrency"),
        ("server_error", {"retry_after": 7}, 503, "ServiceUnavailable"),
        ("server_error", {"status": 504, "code": "UnknownError", "retry_after": 7}, 504, "UnknownError"),
        ("unauthorized", {}, 401, "InvalidAuthenticationToken"),
        ("not_found", {}, 404, "ErrorItemNotFound"),
        ("access_denied", {}, 403, "ErrorAccessDenied"),
        ("stale", {}, 412, "ErrorIrresolvableConflict"),
        ("refuse", {"status": 507, "code": "QuotaExceeded"}, 507, "QuotaExceeded"),
    ],
)
def test_a_refusal_strikes_once_and_applies_nothing(
    microsoft: Microsoft, ada: Graph, kind: str, more: Any, status: int, code: str
) -> None:
    fault(microsoft, kind, "events.create", **more)
    assert count(ada) == 0, "another call is not struck"
    with pytest.raises(Refused) as caught:
        ada("POST", "/me/events", timed())
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.headers.get("Retry-After") == ("7" if "retry_after" in more else None)
    assert count(ada) == 0
    ada("POST", "/me/events", timed())
    assert count(ada) == 1


@pytest.mark.parametrize(("kind", "applied"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_says_nothing_of_what_was_applied(
    microsoft: Microsoft, ada: Graph, kind: str, applied: int
) -> None:
    fault(microsoft, kind, "events.create")
    with pytest.raises(requests.ConnectionError):
        ada("POST", "/me/events", timed())
    assert count(ada) == applied


def test_garbage_and_empty_answers_hide_a_write_that_went_through(microsoft: Microsoft, ada: Graph) -> None:
    fault(microsoft, "garbage_after", "events.create")
    reply = ada.reply("POST", "/me/events", timed())
    assert (reply.status_code, reply.headers["Content-Type"]) == (502, "text/html")
    fault(microsoft, "fields_missing", "events.create")
    assert ada("POST", "/me/events", timed()) == {}
    assert count(ada) == 2


def test_a_fault_can_wait_for_one_mailbox_one_path_and_the_third_call(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.world.add_account(BOB)
    fault(microsoft, "server_error", "/calendarView/delta$", account=ADA, skip=2, times=None)
    assert microsoft.graph(BOB).first_round()[0] == []
    ada.first_round()
    ada.first_round()
    url = "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2028-01-01"
    assert ada.refused("GET", url)[0] == 503
    assert ada.refused("GET", url)[0] == 503
    microsoft.control("DELETE", "faults")
    ada.first_round()


def test_a_claims_challenge_names_its_claims(microsoft: Microsoft, ada: Graph) -> None:
    fault(microsoft, "claims_challenge")
    header = ada.reply("GET", "/me/events").headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in header
    assert 'claims="ey' in header


def test_the_fifth_call_at_once_to_one_mailbox_is_refused_and_the_peak_is_counted(
    microsoft: Microsoft, ada: Graph
) -> None:
    microsoft.world.add_account(BOB)
    bob = microsoft.graph(BOB)
    gate, inside = threading.Event(), threading.Semaphore(0)

    def wait(_seconds: float) -> None:
        inside.release()
        gate.wait(10)

    microsoft.world.sleep = wait
    fault(microsoft, "hang", "events.list", times=4)
    threads = [threading.Thread(target=ada.reply, args=("GET", "/me/events")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=10)
    with pytest.raises(Refused) as caught:
        ada("GET", "/me/calendars")
    assert (caught.value.status, "MailboxConcurrency" in caught.value.body["message"]) == (429, True)
    assert "Retry-After" in caught.value.headers
    assert bob("GET", "/me/calendars")["value"], "another mailbox has its own four"
    gate.set()
    for thread in threads:
        thread.join()
    peaks = microsoft.control("GET", "calls")["peak_concurrency"]
    assert peaks[f"client {ADA}"] == 5
    assert ada("GET", "/me/calendars")["value"]


def test_ten_thousand_calls_in_ten_minutes_are_enough(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", "settings", {"requests_per_ten_minutes": 3})
    for _ in range(3):
        ada("GET", "/me/calendars")
    with pytest.raises(Refused) as caught:
        ada("GET", "/me/calendars")
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) == 601
    microsoft.pass_time(minutes=10, seconds=1)
    assert ada("GET", "/me/calendars")["value"]


def test_subscriptions_are_listed_at_most_25_times_in_20_seconds(microsoft: Microsoft, ada: Graph) -> None:
    for _ in range(25):
        ada("GET", "/subscriptions")
    assert ada.refused("GET", "/subscriptions")[0] == 429
    microsoft.pass_time(seconds=21)
    ada("GET", "/subscriptions")


def test_a_dead_token_a_missing_right_and_an_unknown_path_are_refused(microsoft: Microsoft, ada: Graph) -> None:
    reader = microsoft.graph(scopes=("Calendars.Read",))
    assert reader("GET", "/me/events")["value"] == []
    assert reader.refused("POST", "/me/events", timed()) == (403, "ErrorAccessDenied")
    assert reader.refused("GET", "/me") == (403, "Authorization_RequestDenied")
    assert ada.refused("GET", "/me/messages") == (400, "BadRequest")
    microsoft.control("POST", "expire_tokens", {"email": ADA})
    assert ada.refused("GET", "/me/events") == (401, "InvalidAuthenticationToken")
    calls = microsoft.control("GET", "calls")
    assert calls["by_method"]["events.list"] == 2
    assert calls["by_status"]["403"] == 2


def batch(*calls: Any) -> Any:
    usual = {"headers": {"Content-Type": "application/json"}}
    return {"requests": [{"id": str(n), **usual, **call} for n, call in enumerate(calls)]}


def _places(value: Any, here: tuple[Any, ...] = ()) -> Any:
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inside:
        yield from _places(member, (*here, name))


def _with(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    changed = copy.copy(value)
    changed[place[0]] = _with(value[place[0]], place[1:], other)
    return changed


def test_a_malformed_body_is_the_callers_fault_never_the_servers(microsoft: Microsoft, ada: Graph) -> None:
    client = create_app(microsoft.world).test_client()
    headers = {"Authorization": f"Bearer {ada.token}"}
    event = weekly(3, attendees=[guest("x@y.example")], body={"contentType": "text", "content": "x"}, categories=["a"])
    steps = batch({"method": "GET", "url": "/me", "body": {}})
    odd: list[Any] = [None, -1, "x", [], {}, [1], {"a": 1}, True, 1.5, "2027-13-45T00:00:00"]
    made = ada("POST", "/me/events", timed())["id"]
    for verb, path, body in (
        ("POST", "/v1.0/me/events", event),
        ("PATCH", f"/v1.0/me/events/{made}", timed(location={"displayName": "x"})),
        ("POST", "/v1.0/$batch", steps),
    ):
        for place in _places(body):
            for other in odd:
                wrong = _with(body, place, other)
                reply = client.open(path, method=verb, json=wrong, headers=headers)
                assert reply.status_code < 500, (verb, path, place, other)
