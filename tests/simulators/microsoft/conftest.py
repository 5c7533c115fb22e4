"""A simulated Microsoft on loopback over real TLS, driven by MSAL and requests; the clock stands still until moved."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msal
import pytest
import requests
import trustme
from werkzeug.serving import make_server

from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, create_app, echo
from simulators.serving import QuietHandler, secure

CALLBACK = "https://lockstep.example/oauth/callback/microsoft"
ADA = "ada@contoso.example"
BOB = "bob@contoso.example"
EVE = "eve@outlook.example"
SCOPES = ("Calendars.ReadWrite", "User.Read")
TAG = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Lockstep"
YEAR = {"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2028-01-01T00:00:00Z"}


class Refused(Exception):
    """Graph said no: `.status`, `.code`, `.headers`."""

    def __init__(self, reply: requests.Response) -> None:
        super().__init__(f"{reply.status_code} {reply.text}")
        self.status = reply.status_code
        self.code = reply.json()["error"]["code"] if reply.content else ""
        self.body = reply.json()["error"] if reply.content else {}
        self.headers = reply.headers


@dataclass
class Graph:
    """A signed-in caller of Graph. `ids` is `immutable` for `Prefer: IdType`."""

    url: str
    session: requests.Session
    token: str
    prefer: str = ""

    def reply(self, verb: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        url = path if path.startswith("https://") else f"{self.url}/v1.0{path}"
        sent = {"Authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if self.prefer:
            sent.setdefault("Prefer", self.prefer)
        return self.session.request(verb, url, json=body, headers=sent, timeout=10)

    def __call__(self, verb: str, path: str, body: Any = None, **headers: str) -> Any:
        reply = self.reply(verb, path, body, **headers)
        if reply.status_code >= 400:
            raise Refused(reply)
        return reply.json() if reply.content else None

    def refused(self, verb: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        with pytest.raises(Refused) as caught:
            self(verb, path, body, **headers)
        return caught.value.status, caught.value.code

    def round(self, url: str, size: int = 100) -> tuple[list[Any], str]:
        """Every item of a delta round, and its deltaLink."""
        found: list[Any] = []
        while True:
            page = self("GET", url, Prefer=f"odata.maxpagesize={size}, {self.prefer or 'a=b'}")
            found += page["value"]
            assert ("@odata.deltaLink" in page) != ("@odata.nextLink" in page)
            if "@odata.deltaLink" in page:
                return found, page["@odata.deltaLink"]
            url = page["@odata.nextLink"]

    def first_round(self, path: str = "/me/calendarView/delta", size: int = 100) -> tuple[list[Any], str]:
        return self.round(f"{path}?startDateTime={YEAR['startDateTime']}&endDateTime={YEAR['endDateTime']}", size)


@dataclass
class Microsoft:
    """The server, its world, and short ways to what a test does all the time."""

    url: str
    world: MicrosoftWorld
    session: requests.Session
    pushes: list[PushRequest] = field(default_factory=list)
    push_status: int = 202
    moment: datetime = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)

    def pass_time(self, **span: float) -> None:
        self.moment += timedelta(**span)

    def control(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        answer = self.session.request(verb, f"{self.url}/control/{path}", json=body, params=query, timeout=10)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def graph(self, email: str = ADA, scopes: tuple[str, ...] = SCOPES, **more: str) -> Graph:
        wanted = {"email": email, "client_id": "client", "scopes": list(scopes)}
        return Graph(self.url, self.session, self.control("POST", "tokens", wanted)["access_token"], **more)

    def app(self, tenant: str = "common", client_id: str = "client", secret: str = "secret") -> Any:
        """MSAL as the product builds it; a fresh one for each failure, since MSAL repeats a 400 for a minute."""
        return msal.ConfidentialClientApplication(
            client_id,
            client_credential=secret,
            authority=f"{self.url}/{tenant}",
            instance_discovery=False,
            http_client=self.session,
        )

    def decide(self, flow: Any, email: str = ADA, decision: str = "allow") -> requests.Response:
        form = {"account": email, "decision": decision}
        return self.session.post(flow["auth_uri"], data=form, allow_redirects=False, timeout=10)

    def came_back(self, reply: requests.Response) -> dict[str, str]:
        assert reply.status_code == 302, reply.text
        return {k: v[0] for k, v in parse_qs(urlsplit(reply.headers["Location"]).query).items()}

    def notified(self) -> list[Any]:
        return [item for p in self.pushes if p.kind != "handshake" for item in json.loads(p.body)["value"]]


def timed(
    day: str = "2027-03-01", begin: str = "09:00", end: str = "10:00", zone: str = "Australia/Sydney", **more: Any
) -> Any:
    return {
        "subject": "Visit",
        "start": {"dateTime": f"{day}T{begin}:00", "timeZone": zone},
        "end": {"dateTime": f"{day}T{end}:00", "timeZone": zone},
    } | more


def weekly(count: int = 5, **more: Any) -> Any:
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "monday"}
    span = {"type": "numbered", "startDate": "2027-03-01", "numberOfOccurrences": count}
    return timed(**({"recurrence": {"pattern": pattern, "range": span}} | more))


def guest(address: str) -> Any:
    return {"emailAddress": {"address": address, "name": address}, "type": "required"}


@pytest.fixture(scope="session")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One server for all tests; the application behind it is put in place by each of them."""
    slot: dict[str, Any] = {"key": MicrosoftWorld(send_push=echo)}
    slot["key"].signing_key()

    def application(environ: Any, start_response: Any) -> Any:
        return slot["app"](environ, start_response)

    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    secure(server, context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with requests.Session() as session:
        session.verify = str(ca_file)
        session.trust_env = False
        yield slot, f"https://localhost:{server.server_port}", session
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def microsoft(_served: Any) -> Microsoft:
    slot, url, session = _served
    made: Microsoft

    def send(push: PushRequest) -> PushReply:
        made.pushes.append(push)
        return echo(push) if push.kind == "handshake" or made.push_status == 202 else PushReply(made.push_status)

    world = MicrosoftWorld(now=lambda: made.moment, send_push=send, sleep=lambda _: None, seed="test")
    made = Microsoft(url, world, session)
    world.signing_key_pem = slot["key"].signing_key_pem
    world.add_app("client", "secret", [CALLBACK])
    world.add_tenant("contoso.example", "Contoso")
    world.add_account(ADA, "Ada", time_zone="AUS Eastern Standard Time")
    slot["app"] = create_app(world)
    return made


@pytest.fixture
def ada(microsoft: Microsoft) -> Graph:
    return microsoft.graph()
