import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msal
import pytest
import requests
import trustme

from simulators.microsoft import MicrosoftWorld, PushRequest, create_app, echo, state_file
from simulators.microsoft.push import https_sender

from .conftest import ADA, Graph, Microsoft, timed, weekly


def test_it_can_be_called_in_process_without_a_server(microsoft: Microsoft) -> None:
    client = create_app(microsoft.world).test_client()
    headers = {"Authorization": f"Bearer {microsoft.graph().token}"}
    assert client.get("/v1.0/me/events", headers=headers).get_json()["value"] == []
    microsoft.world.faults.add({"match": "events.create", "kind": "cut_after"})
    cut = client.post("/v1.0/me/events", headers=headers, json=timed())
    assert (cut.status_code, cut.headers["X-Simulator-Fault"]) == (502, "cut")
    assert len(client.get(f"/control/calendars/{ADA}/events").get_json()["value"]) == 1


def test_the_same_seed_gives_the_same_world() -> None:
    def grown() -> Any:
        world = MicrosoftWorld(now=lambda: datetime(2027, 1, 4, tzinfo=UTC), send_push=echo, seed="same")
        world.add_account(ADA)
        client = create_app(world).test_client()
        client.post(f"/control/calendars/{ADA}/events", json=timed())
        client.post(f"/control/calendars/{ADA}/fill", json={"count": 5, "seed": 2})
        return client.get(f"/control/calendars/{ADA}/events").get_json()

    assert grown() == grown()


def test_a_world_goes_on_after_a_restart_where_it_stopped(microsoft: Microsoft, ada: Graph, tmp_path: Path) -> None:
    series = ada("POST", "/me/events", weekly(3, transactionId="t"))
    at = f"calendars/{ADA}/events/{series['id']}/occurrences"
    microsoft.control("PATCH", f"{at}/2027-03-08", {"subject": "once"})
    microsoft.control("DELETE", f"{at}/2027-03-15")
    _, link = ada.first_round()
    before = ada("GET", "/me/events")
    state_file.save(microsoft.world, tmp_path / "state.json")
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
    fresh = MicrosoftWorld(now=microsoft.world.now, send_push=echo)
    state_file.load(fresh, tmp_path / "state.json")
    client = create_app(fresh).test_client()
    headers = {"Authorization": f"Bearer {ada.token}"}
    assert client.get("/v1.0/me/events", headers=headers, base_url=microsoft.url).get_json() == before
    assert client.post("/v1.0/me/events", headers=headers, json=timed(transactionId="t")).status_code == 409
    client.patch(f"/v1.0/me/events/{series['id']}", headers=headers, json={"subject": "after"})
    page = client.get(link, headers=headers).get_json()
    assert sorted(e.get("subject", "-") for e in page["value"]) == ["-", "after", "once"]


def test_a_client_that_never_shakes_hands_keeps_nobody_waiting(microsoft: Microsoft, ada: Graph) -> None:
    target = urlsplit(microsoft.url)
    with socket.create_connection(("127.0.0.1", target.port or 0)):
        answer = requests.get(f"{microsoft.url}/v1.0/me", verify=ada.session.verify, timeout=5)
    assert answer.status_code == 401


def test_the_process_serves_https_for_msal_and_saves_its_state_when_told_to_stop(tmp_path: Path) -> None:
    port_file, state, ca_file = tmp_path / "port", tmp_path / "state.json", tmp_path / "ca.pem"
    command = [sys.executable, "-m", "simulators.microsoft", "--port", "0", "--port-file", str(port_file)]
    command += ["--state-file", str(state), "--ca-file-out", str(ca_file)]
    command += ["--client-id", "client", "--client-secret", "secret", "--redirect-uri", "https://x.example/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("simulated Microsoft: https://localhost:")
        url = f"https://localhost:{port_file.read_text()}"
        with requests.Session() as session:
            session.verify, session.trust_env = str(ca_file), False
            session.post(f"{url}/control/accounts", json={"email": ADA}, timeout=10).raise_for_status()
            principal = f"{url}/control/tenants/contoso.example/principals/client"
            session.put(principal, timeout=10).raise_for_status()
            app = msal.ConfidentialClientApplication(
                "client",
                client_credential="secret",
                authority=f"{url}/contoso.example",
                instance_discovery=False,
                http_client=session,
            )
            assert "access_token" in app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert [a["email"] for a in json.loads(state.read_text())["accounts"]] == [ADA]


@pytest.fixture
def hook(tmp_path: Path) -> Any:
    """An HTTPS endpoint with a certificate of a private authority; yields (address, ca file, bodies, arrived)."""
    received: list[Any] = []
    arrived = threading.Event()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = parse_qs(urlsplit(self.path).query).get("validationToken")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if given is None:
                received.append(json.loads(body))
            self.send_response(200 if given else 503 if len(received) == 1 else 202)
            self.send_header("Content-Type", "text/plain")
            answer = given[0].encode() if given else b""
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
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
    world = MicrosoftWorld(ca_file=ca_file, push_backoff_seconds=0.01)
    world.add_app("client", "secret", [])
    world.add_account(ADA)
    client = create_app(world).test_client()
    wanted = {"email": ADA, "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    headers = {"Authorization": f"Bearer {client.post('/control/tokens', json=wanted).get_json()['access_token']}"}
    body = {"changeType": "created", "notificationUrl": address, "resource": "/me/events", "clientState": "s"}
    body["expirationDateTime"] = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    made = client.post("/v1.0/subscriptions", headers=headers, json=body)
    assert made.status_code == 201, made.text
    assert client.post("/v1.0/me/events", headers=headers, json=timed()).status_code == 201
    assert arrived.wait(10)
    assert received[0] == received[1]
    assert received[0]["value"][0]["subscriptionId"] == made.get_json()["id"]


def test_a_certificate_of_an_unknown_authority_is_a_failure(hook: Any) -> None:
    address, _, received, _ = hook
    assert https_sender(None)(PushRequest(address, "notification", body=b"{}")).status == 504
    assert received == []


def test_an_organisation_is_the_same_after_a_restart(microsoft: Microsoft, tmp_path: Path) -> None:
    microsoft.world.add_account("bob@contoso.example", licensed=False)
    secret = microsoft.control("POST", "clients/client/secrets")["value"]
    microsoft.control("PUT", "tenants/contoso.example/principals/client")
    given = {"assignments": [{"role": "Application Calendars.Read", "mailboxes": [ADA]}]}
    microsoft.control("PUT", "tenants/contoso.example/assignments/client", given)
    microsoft.control("PUT", f"calendars/{ADA}/permissions", {"email": "bob@contoso.example", "role": "limitedRead"})
    microsoft.control("PATCH", "tenants/contoso.example", {"domains": ["contoso.onmicrosoft.com"], "cloud": "china"})
    state_file.save(microsoft.world, tmp_path / "state.json")
    fresh = MicrosoftWorld(now=microsoft.world.now, send_push=echo)
    state_file.load(fresh, tmp_path / "state.json")
    assert fresh.tenants == microsoft.world.tenants
    assert (fresh.accounts, fresh.calendars) == (microsoft.world.accounts, microsoft.world.calendars)
    assert fresh.apps["client"].secrets[0].value == secret
