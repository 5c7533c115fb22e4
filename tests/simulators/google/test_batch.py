from typing import Any

import pytest
import requests
from googleapiclient.errors import HttpError

from .conftest import ADA, Google, timed

PRIMARY = {"calendarId": "primary"}


def run(google: Google, service: Any, wanted: list[Any]) -> list[tuple[Any, Any]]:
    answers: dict[str, tuple[Any, Any]] = {}
    batch = service.new_batch_http_request(callback=lambda i, body, error: answers.__setitem__(i, (body, error)))
    batch._batch_uri = f"{google.url}/batch/calendar/v3"
    for number, request in enumerate(wanted):
        batch.add(request, request_id=str(number))
    batch.execute()
    return [answers[str(number)] for number in range(len(wanted))]


def test_each_call_of_a_batch_succeeds_or_fails_on_its_own(google: Google, ada: Any) -> None:
    events = ada.events()
    answers = run(
        google,
        ada,
        [
            events.insert(**PRIMARY, body=timed("2027-03-01", id="abcde", summary="Größe ☕")),
            events.insert(**PRIMARY, body=timed("2027-03-01", id="NO")),
            events.list(calendarId=ADA, maxResults=3),
            events.delete(**PRIMARY, eventId="abcde"),
        ],
    )
    assert answers[0][0]["summary"] == "Größe ☕"
    assert isinstance(answers[1][1], HttpError)
    assert answers[1][1].status_code == 400
    assert [e["id"] for e in answers[2][0]["items"]] == ["abcde"]
    assert answers[3][1] is None
    counted = google.control("GET", "calls")["by_method"]
    assert (counted["batch"], counted["events.insert"]) == (1, 2)


def test_more_than_a_thousand_calls_are_refused(google: Google, ada: Any) -> None:
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /calendar/v3/users/me/calendarList HTTP/1.1\r\n\r\n\r\n"
    url = f"{google.url}/batch/calendar/v3"
    assert requests.post(url, data=part * 1001 + "--b--", headers=headers, timeout=20).status_code == 400


@pytest.mark.parametrize(
    "target", ["/users/me/calendarList", "https://www.googleapis.com/calendar/v3/users/me/calendarList"]
)
def test_only_full_inner_paths_are_understood(google: Google, target: str) -> None:
    part = f"--b\r\nContent-Type: application/http\r\nContent-ID: <1>\r\n\r\nGET {target} HTTP/1.1\r\n\r\n\r\n--b--"
    headers = {
        "Content-Type": "multipart/mixed; boundary=b",
        "Authorization": f"Bearer {google.tokens()['access_token']}",
    }
    answer = requests.post(f"{google.url}/batch/calendar/v3", data=part, headers=headers, timeout=10)
    assert "HTTP/1.1 400" in answer.text
