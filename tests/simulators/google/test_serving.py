import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from simulators.google import GoogleWorld, create_app, state_file
from simulators.google.push import PushRequest, https_sender

from .conftest import ADA, CALENDAR, Google, all_pages, timed, weekly


def test_it_can_be_called_in_process_without_a_server(google: Google) -> None:
    client = create_app(google.world).test_client()
    headers = {"Authorization": f"Bearer {google.tokens()['access_token']}"}
    assert client.get("/calendar/v3/calendars/primary/events", headers=headers).get_json()["items"] == []
    google.world.faults.add({"match": "events.insert", "kind": "cut_after"})
    cut = client.post("/calendar/v3/calendars/primary/events", headers=headers, json=timed("2027-03-01"))
    assert (cut.status_code, cut.headers["X-Simulator-Fault"]) == (502, "cut")
    assert len(client.get(f"/control/calendars/{ADA}/events").get_json()["items"]) == 1


def test_the_same_seed_gives_the_same_world() -> None:
    def grown() -> Any:
        world = GoogleWorld(now=lambda: datetime(2027, 1, 4, tzinfo=UTC), send_push=lambda _: 200, seed="same")
        world.add_account(ADA)
        client = create_app(world).test_client()
        client.post(f"/control/calendars/{ADA}/events", json=timed("2027-03-01"))
        client.post(f"/control/calendars/{ADA}/fill", json={"count": 5, "seed": 2})
        return client.get(f"/control/calendars/{ADA}/events").get_json()

    assert grown() == grown()


def test_a_world_goes_on_after_a_restart_where_it_stopped(google: Google, ada: Any, tmp_path: Path) -> None:
    ada.events().insert(calendarId="primary", body=weekly(3, id="series1")).execute()
    ada.events().delete(calendarId="primary", eventId="series1_20270307T220000Z").execute()
    items, token = all_pages(ada.events().list, calendarId="primary")
    refresh = google.tokens()["refresh_token"]
    state_file.save(google.world, tmp_path / "state.json")
    fresh = GoogleWorld(now=google.world.now, send_push=lambda _: 200)
    state_file.load(fresh, tmp_path / "state.json")
    client = create_app(fresh).test_client()
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "client", "client_secret": "secret"}
    headers = {"Authorization": f"Bearer {client.post('/token', data=form).get_json()['access_token']}"}
    url = "/calendar/v3/calendars/primary/events"
    assert client.get(url, headers=headers).get_json()["items"] == items
    client.delete(f"{url}/series1", headers=headers)
    changed = client.get(url, headers=headers, query_string={"syncToken": token}).get_json()["items"]
    assert [(e["id"], e["status"]) for e in changed] == [("series1", "cancelled")]


def test_the_process_serves_on_loopback_and_saves_its_state_when_told_to_stop(tmp_path: Path) -> None:
    port_file, state = tmp_path / "port", tmp_path / "state.json"
    command = [sys.executable, "-m", "simulators.google", "--port", "0", "--port-file", str(port_file)]
    command += ["--state-file", str(state), "--client-id", "client", "--client-secret", "secret"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("simulated Google: http://127.0.0.1:")
        url = f"http://127.0.0.1:{port_file.read_text()}"
        requests.post(f"{url}/control/accounts", json={"email": ADA}, timeout=10).raise_for_status()
        tokens = {"email": ADA, "client_id": "client", "scopes": [CALENDAR]}
        requests.post(f"{url}/control/tokens", json=tokens, timeout=10).raise_for_status()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    saved = json.loads(state.read_text())
    assert [a["email"] for a in saved["accounts"]] == [ADA]
    assert state.stat().st_mode & 0o077 == 0


@pytest.fixture
def hook(tmp_path: Path) -> Any:
    """An HTTPS endpoint with a certificate of a private authority; yields (address, ca file, received headers)."""
    received: list[dict[str, str]] = []
    arrived = threading.Event()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(dict(self.headers.items()))
            self.send_response(503 if len(received) == 1 else 204)
            self.end_headers()
            if len(received) == 2:
                arrived.set()

        def log_message(self, *_: Any) -> None:
            pass

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://localhost:{server.server_port}/hook", str(tmp_path / "ca.pem"), received, arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_test_hook_notifications_leave_over_https_and_a_503_is_tried_again(hook: Any) -> None:
    address, ca_file, received, arrived = hook
    world = GoogleWorld(ca_file=ca_file, push_backoff_seconds=0.01)
    world.add_client("client", "secret", [])
    world.add_account(ADA)
    client = create_app(world).test_client()
    tokens = client.post("/control/tokens", json={"email": ADA, "client_id": "client", "scopes": [CALENDAR]}).get_json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    body = {"id": "c", "type": "web_hook", "address": address, "token": "t"}
    answer = client.post("/calendar/v3/calendars/primary/events/watch", headers=headers, json=body)
    assert answer.status_code == 200
    assert arrived.wait(10)
    assert received[1]["X-Goog-Resource-State"] == "sync"
    assert received[1]["Content-Length"] == "0"
    assert received[1] == received[0]


def test_a_certificate_of_an_unknown_authority_is_a_failure(hook: Any) -> None:
    address, _, received, _ = hook
    assert https_sender(None)(PushRequest(address, {}, "c")) == 503
    assert received == []


def test_a_domain_and_its_service_account_are_the_same_after_a_restart(google: Google, tmp_path: Path) -> None:
    key = google.control("POST", "service_accounts", {"domain": "example.com", "scopes": [CALENDAR]})
    google.control("POST", f"service_accounts/{key['client_email']}/keys")
    google.control("PATCH", f"accounts/{ADA}", {"calendar_service": False})
    state_file.save(google.world, tmp_path / "state.json")
    fresh = GoogleWorld(now=google.world.now)
    state_file.load(fresh, tmp_path / "state.json")
    assert fresh.service_accounts == google.world.service_accounts
    assert (fresh.domains, fresh.accounts) == (google.world.domains, google.world.accounts)
