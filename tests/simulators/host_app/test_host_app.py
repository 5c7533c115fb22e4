import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from simulators.host_app import Inbox, create_app

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1ob3N0LWFwcA=="


@pytest.fixture
def host() -> Any:
    return create_app(Inbox(SECRET)).test_client()


def send(host: Any, message_id: str = "m1", *, secret: str = SECRET, age: int = 0, body: Any = None) -> int:
    moment = datetime.now(UTC) - timedelta(seconds=age)
    payload = json.dumps(body or {"type": "event.created"})
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, payload),
    }
    return host.post("/lockstep", data=payload, headers=headers).status_code


def test_a_signed_message_is_kept_in_order(host: Any) -> None:
    assert [send(host, f"m{n}", body={"n": n}) for n in range(3)] == [204] * 3
    shown = host.get("/control/messages").get_json()
    assert [m["body"]["n"] for m in shown["messages"]] == [0, 1, 2]


def test_a_message_sent_again_is_accepted_and_kept_once(host: Any) -> None:
    assert [send(host), send(host)] == [204, 204]
    shown = host.get("/control/messages").get_json()
    assert (shown["count"], shown["duplicates"]) == (1, 1)


def test_a_forged_message_is_refused(host: Any) -> None:
    assert send(host, secret="whsec_" + "b3RoZXI=") == 401
    assert host.post("/lockstep", data=b"{}").status_code == 401
    assert host.get("/control/messages").get_json()["bad_signatures"] == 2


def test_a_replayed_old_message_is_refused(host: Any) -> None:
    assert send(host, age=6 * 60) == 401


def test_a_message_that_met_a_failure_is_taken_when_it_comes_again(host: Any) -> None:
    host.post("/control/fail", json={"times": 2, "status": 503})
    assert [send(host), send(host), send(host)] == [503, 503, 204]
    shown = host.get("/control/messages").get_json()
    assert (shown["count"], shown["duplicates"], shown["failed_on_purpose"]) == (1, 0, 2)
    assert host.delete("/control/messages").get_json()["count"] == 0
