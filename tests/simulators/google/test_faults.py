from typing import Any

import httplib2
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from googleapiclient.errors import HttpError

from .conftest import ADA, Google, timed

PRIMARY = {"calendarId": "primary"}


def reason_of(request: Any) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        ({"kind": "rate_limit"}, 403, "rateLimitExceeded"),
        ({"kind": "user_rate_limit"}, 403, "userRateLimitExceeded"),
        ({"kind": "quota_exceeded"}, 403, "quotaExceeded"),
        ({"kind": "server_error", "status": 503}, 503, "backendError"),
        ({"kind": "conflict"}, 409, "conflict"),
        ({"kind": "refuse", "status": 400, "reason": "odd", "message": "Odd"}, 400, "odd"),
    ],
)
def test_a_fault_strikes_as_often_as_asked_and_applies_nothing(
    google: Google, ada: Any, fault: Any, status: int, reason: str
) -> None:
    google.control("POST", "faults", {"match": "events.insert", "times": 1} | fault)
    request = ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="abcde"))
    assert reason_of(request) == (status, reason)
    assert google.control("GET", f"calendars/{ADA}/events")["items"] == []
    request.execute()


def test_429_says_how_long_to_wait(google: Google) -> None:
    google.control("POST", "faults", {"match": "/calendarList$", "kind": "too_many_requests", "retry_after": 7})
    headers = {"Authorization": f"Bearer {google.tokens()['access_token']}"}
    answer = requests.get(f"{google.url}/calendar/v3/users/me/calendarList", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_write_can_go_through_although_the_connection_dies(google: Google, ada: Any) -> None:
    google.control("POST", "faults", {"match": "events.insert", "kind": "cut_after"})
    request = ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="abcde"))
    with pytest.raises((ConnectionError, httplib2.HttpLib2Error, OSError, HttpError)):
        request.execute()
    assert [e["id"] for e in google.control("GET", f"calendars/{ADA}/events")["items"]] == ["abcde"]
    assert reason_of(request) == (409, "duplicate")


def test_a_502_page_can_hide_a_write_that_was_applied(google: Google, ada: Any) -> None:
    google.control("POST", "faults", {"match": "events.insert", "kind": "garbage_after"})
    with pytest.raises(HttpError) as caught:
        ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="abcde")).execute()
    assert caught.value.status_code == 502
    assert ada.events().get(**PRIMARY, eventId="abcde").execute()["id"] == "abcde"


def test_a_cut_before_the_write_applies_nothing(google: Google, ada: Any) -> None:
    ada.calendarList().list().execute()
    google.control("POST", "faults", {"match": "events.insert", "kind": "cut_before", "times": None})
    with pytest.raises((ConnectionError, httplib2.HttpLib2Error, OSError, HttpError)):
        ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="abcde")).execute()
    assert google.control("GET", f"calendars/{ADA}/events")["items"] == []


def test_a_slow_answer_is_slow_and_then_right(google: Google, ada: Any) -> None:
    slept: list[float] = []
    google.world.sleep = slept.append
    google.control("POST", "faults", {"match": "events.list", "kind": "hang", "seconds": 20})
    assert ada.events().list(**PRIMARY).execute()["items"] == []
    assert slept == [20]


def test_the_next_refresh_can_fail_for_good(google: Google) -> None:
    credentials = google.credentials()
    google.control("POST", "faults", {"match": "oauth.token", "kind": "invalid_grant"})
    with pytest.raises(RefreshError, match="invalid_grant"):
        credentials.refresh(Request())
    credentials.refresh(Request())


def test_the_quota_is_per_user_and_slides_and_a_patch_costs_three(google: Google, ada: Any) -> None:
    google.world.add_account("bob@example.com")
    google.control("POST", "settings", {"calls_per_minute": 5})
    ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="abcde")).execute()
    google.pass_time(seconds=30)
    ada.events().patch(**PRIMARY, eventId="abcde", body={"summary": "x"}).execute()
    ada.events().list(**PRIMARY).execute()
    assert reason_of(ada.events().list(**PRIMARY)) == (403, "userRateLimitExceeded")
    google.service("bob@example.com").events().list(**PRIMARY).execute()
    google.pass_time(seconds=31)
    ada.events().list(**PRIMARY).execute()
    assert google.control("GET", "calls")["quota_units"]["events.patch"] == 3


def test_an_unknown_fault_is_refused_rather_than_ignored(google: Google) -> None:
    for wrong in ({"kind": "earthquake"}, {"kind": "conflict", "tims": 3}):
        assert requests.post(f"{google.url}/control/faults", json=wrong, timeout=10).status_code == 400


def test_calls_are_counted_by_name_whatever_their_outcome(google: Google, ada: Any) -> None:
    ada.events().list(**PRIMARY).execute()
    assert reason_of(ada.events().get(**PRIMARY, eventId="never")) == (404, "notFound")
    counted = google.control("GET", "calls")
    assert counted["by_method"] == {"oauth.token": 1, "events.list": 1, "events.get": 1}
    assert counted["by_status"] == {"200": 2, "404": 1}
    google.control("DELETE", "calls")
    assert google.control("GET", "calls")["total"] == 0
