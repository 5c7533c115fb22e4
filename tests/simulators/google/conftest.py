"""A simulated Google on loopback, driven by Google's own client libraries; the clock stands still until moved."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from werkzeug.serving import make_server

from simulators.google import GoogleWorld, PushRequest, create_app
from simulators.google.discovery import schema_fault
from simulators.serving import QuietHandler

CALENDAR = "https://www.googleapis.com/auth/calendar"
EVENTS = "https://www.googleapis.com/auth/calendar.events"
CALLBACK = "http://127.0.0.1:9/oauth/callback/google"
ADA = "ada@example.com"


@dataclass
class Google:
    """The server, its world, and short ways to what a test does all the time."""

    url: str
    world: GoogleWorld
    pushes: list[PushRequest] = field(default_factory=list)
    push_status: int = 200
    moment: datetime = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)

    def pass_time(self, **span: float) -> None:
        self.moment += timedelta(**span)

    def control(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        answer = requests.request(verb, f"{self.url}/control/{path}", json=body, params=query, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def tokens(self, email: str = ADA, scopes: tuple[str, ...] = (CALENDAR,)) -> dict[str, str]:
        wanted = {"email": email, "client_id": "client", "scopes": list(scopes)}
        tokens: dict[str, str] = self.control("POST", "tokens", wanted)
        return tokens

    def credentials(self, email: str = ADA, scopes: tuple[str, ...] = (CALENDAR,)) -> Credentials:
        return Credentials(
            None,
            refresh_token=self.tokens(email, scopes)["refresh_token"],
            token_uri=f"{self.url}/token",
            client_id="client",
            client_secret="secret",
        )

    def service(self, email: str = ADA, scopes: tuple[str, ...] = (CALENDAR,)) -> Any:
        return build(
            "calendar",
            "v3",
            credentials=self.credentials(email, scopes),
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": f"{self.url}/calendar/v3/"},
        )


def keeps_schema(name: str, value: Any) -> bool:
    """Whether an answer holds nothing that Google's discovery document does not know."""
    fault = schema_fault({"$ref": name}, value, "")
    assert fault is None, fault
    return True


def timed(day: str, begin: str = "09:00", end: str = "10:00", zone: str = "Australia/Sydney", **more: Any) -> Any:
    return {
        "summary": "Visit",
        "start": {"dateTime": f"{day}T{begin}:00", "timeZone": zone},
        "end": {"dateTime": f"{day}T{end}:00", "timeZone": zone},
    } | more


def weekly(count: int = 5, **more: Any) -> Any:
    return timed("2027-03-01", **({"recurrence": [f"RRULE:FREQ=WEEKLY;COUNT={count}"]} | more))


def all_pages(request: Any, **query: Any) -> tuple[list[Any], str]:
    """Every item of a listing, and the sync token of the last page."""
    items, token = [], None
    while True:
        page = request(**query, **({"pageToken": token} if token else {})).execute()
        assert keeps_schema("Events", page)
        items += page["items"]
        token = page.get("nextPageToken")
        assert ("nextSyncToken" in page) == (token is None)
        if token is None:
            return items, page["nextSyncToken"]


@pytest.fixture(scope="session")
def _served() -> Iterator[Any]:
    """One server for all tests; the application behind it is put in place by each of them."""
    slot: dict[str, Any] = {"key": GoogleWorld()}
    slot["key"].signing_key()

    def application(environ: Any, start_response: Any) -> Any:
        return slot["app"](environ, start_response)

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield slot, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def google(_served: Any) -> Google:
    slot, url = _served
    made: Google

    def send(push: PushRequest) -> int:
        made.pushes.append(push)
        return made.push_status

    world = GoogleWorld(now=lambda: made.moment, send_push=send, sleep=lambda _: None, seed="test")
    made = Google(url, world)
    world.signing_key_pem = slot["key"].signing_key_pem
    world.add_client("client", "secret", [CALLBACK])
    world.add_account(ADA, "Ada", time_zone="Australia/Sydney")
    slot["app"] = create_app(world)
    return made


@pytest.fixture
def ada(google: Google) -> Any:
    """Google's client library, signed in as Ada with all calendar rights."""
    return google.service()
