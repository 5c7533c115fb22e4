"""The front door: what it passes on must arrive as sent, and what is none of its business must not get through."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from pathlib import Path

import pytest
import requests
from werkzeug.wrappers import Response

from demo.front_door import FrontDoorSettings, Running, serve
from demo.static_files import CONTENT_SECURITY_POLICY
from tests.demo.conftest import Upstream

PREFIX = "/_aws/execute-api/abc123/$default"


def raw_get(port: int, target: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """A GET whose path no client library has tidied up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", target, skip_host=True)
    for name, value in {"Host": f"127.0.0.1:{port}", **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


# --- passing on --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_method_is_turned_into_another_on_the_way(door: Running, upstream: Upstream, method: str) -> None:
    requests.request(method, f"{door.url}/v1/events/e1", timeout=10)
    assert [(got.method, got.target) for got in upstream.received] == [(method, f"{PREFIX}/v1/events/e1")]


def test_a_body_of_raw_bytes_and_its_type_arrive_unchanged(door: Running, upstream: Upstream) -> None:
    sent = bytes(range(256)) * 8
    requests.post(f"{door.url}/v1/connections", data=sent, headers={"Content-Type": "application/x-odd"}, timeout=10)
    (got,) = upstream.received
    assert got.body == sent
    assert got.header("Content-Type") == "application/x-odd"


def test_a_body_sent_in_chunks_is_not_lost(door: Running, upstream: Upstream) -> None:
    requests.put(f"{door.url}/v1/events/e1", data=iter([b'{"title":', b'"Tea"}']), timeout=10)
    assert upstream.received[0].body == b'{"title":"Tea"}'


@pytest.mark.parametrize(
    "target",
    [
        "/v1/events/a%2Fb%20c",
        "/v1/events/e1/occurrences/2027-03-01T09%3A00%3A00%2B11%3A00",
        "/v1/events?from=2027-03-01T00:00:00%2B11:00&to=2027-03-15T00:00:00Z&expand=true",
        "/v1/events?q=%C3%A9&q=%26&empty=",
        "/health",
    ],
)
def test_an_id_with_an_encoded_slash_is_not_taken_apart(door: Running, upstream: Upstream, target: str) -> None:
    raw_get(door.port, target)
    assert upstream.received[0].target == PREFIX + target


def test_a_request_line_with_a_whole_address_reaches_the_same_path(door: Running, upstream: Upstream) -> None:
    raw_get(door.port, f"{door.url}/v1/integrations?x=1")
    assert upstream.received[0].target == f"{PREFIX}/v1/integrations?x=1"


def test_authorization_and_preconditions_reach_the_api(door: Running, upstream: Upstream) -> None:
    headers = {"Authorization": "Bearer a.b.c", "If-Match": '"7"', "X-Goog-Channel-Token": "t"}
    requests.post(f"{door.url}/webhooks/google", headers=headers, timeout=10)
    assert {name: upstream.received[0].header(name) for name in headers} == headers


def test_headers_of_one_connection_do_not_leak_into_the_next(door: Running, upstream: Upstream) -> None:
    requests.get(
        f"{door.url}/v1/integrations",
        headers={"Connection": "keep-alive, X-Private", "X-Private": "1", "TE": "trailers", "Proxy-Authorization": "b"},
        timeout=10,
    )
    names = {name.lower() for name, _ in upstream.received[0].headers}
    assert not names & {"connection", "x-private", "te", "proxy-authorization", "keep-alive"}


def test_headers_of_the_upstream_connection_do_not_reach_the_caller(door: Running, upstream: Upstream) -> None:
    def answer(request: object) -> Response:
        response = Response("ok", headers={"X-Once": "1", "Connection": "X-Once", "Keep-Alive": "timeout=5"})
        response.headers["X-Kept"] = "yes"
        return response

    upstream.answer = answer
    got = requests.get(f"{door.url}/v1/integrations", timeout=10)
    assert got.headers["X-Kept"] == "yes"
    assert "X-Once" not in got.headers
    assert "Keep-Alive" not in got.headers


def test_a_redirect_is_passed_on_and_not_followed_or_rewritten(door: Running, upstream: Upstream) -> None:
    target = "https://app.example/settings?connection_id=c1&status=confirm#confirmation=abc%2B1"
    upstream.answer = lambda request: Response(status=302, headers={"Location": target})
    got = requests.get(f"{door.url}/oauth/callback/google?code=x&state=y", allow_redirects=False, timeout=10)
    assert (got.status_code, got.headers["Location"]) == (302, target)
    assert len(upstream.received) == 1


def test_a_relative_redirect_stays_relative(door: Running, upstream: Upstream) -> None:
    upstream.answer = lambda request: Response(status=302, headers={"Location": "/?status=error&code=denied"})
    got = requests.get(f"{door.url}/oauth/callback/google", allow_redirects=False, timeout=10)
    assert got.headers["Location"] == "/?status=error&code=denied"


@pytest.mark.parametrize("status", [200, 201, 204, 304, 401, 404, 409, 412, 422, 429])
def test_a_status_that_says_something_is_not_replaced(door: Running, upstream: Upstream, status: int) -> None:
    body = "" if status in (204, 304) else '{"code": "as_it_was"}'
    upstream.answer = lambda request: Response(body, status=status, content_type="application/problem+json")
    got = requests.get(f"{door.url}/v1/integrations", timeout=10)
    assert (got.status_code, got.text) == (status, body)


def test_two_cookies_stay_two_headers(door: Running, upstream: Upstream) -> None:
    def answer(request: object) -> Response:
        response = Response("ok")
        response.headers.add("Set-Cookie", "a=1; Path=/")
        response.headers.add("Set-Cookie", "b=2; Path=/")
        return response

    upstream.answer = answer
    got = requests.get(f"{door.url}/v1/integrations", timeout=10)
    assert got.raw.headers.getlist("Set-Cookie") == ["a=1; Path=/", "b=2; Path=/"]


# --- an upstream in trouble ---------------------------------------------------------------------------------------


def assert_problem(got: requests.Response, status: int, code: str) -> None:
    assert got.headers["Content-Type"] == "application/problem+json"
    body = got.json()
    assert (got.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["detail"].endswith(".")
    assert body["help"].endswith(f"#{code}")


def test_an_api_that_is_gone_is_told_in_a_sentence(door: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    door.route_api(f"http://127.0.0.1:{port}")
    assert_problem(requests.get(f"{door.url}/v1/integrations", timeout=10), 502, "upstream_unreachable")


def test_an_api_that_hangs_up_in_the_middle_is_told_in_a_sentence(door: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        door.route_api(f"http://127.0.0.1:{rude.getsockname()[1]}")
        rude.settimeout(10)
        with socket.create_connection(("127.0.0.1", door.port)) as caller:
            caller.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            accepted, _ = rude.accept()
            accepted.close()
            assert caller.recv(65536).startswith(b"HTTP/1.1 502")


def test_a_crash_with_a_stack_trace_shows_no_stack_trace(door: Running, upstream: Upstream) -> None:
    upstream.answer = lambda request: Response("Traceback: token=s3cret", status=502)
    got = requests.get(f"{door.url}/v1/integrations", timeout=10)
    assert_problem(got, 502, "upstream_failed")
    assert "s3cret" not in got.text


def test_a_problem_that_the_api_itself_words_keeps_its_words(door: Running, upstream: Upstream) -> None:
    upstream.answer = lambda request: Response(
        '{"code": "provider_busy"}', status=503, content_type="application/problem+json"
    )
    got = requests.get(f"{door.url}/v1/integrations", timeout=10)
    assert (got.status_code, got.json()) == (503, {"code": "provider_busy"})


def test_a_page_that_the_callback_itself_words_reaches_the_person(door: Running, upstream: Upstream) -> None:
    upstream.answer = lambda request: Response("<h1>Sign-in not completed</h1>", status=503, content_type="text/html")
    got = requests.get(f"{door.url}/oauth/callback/google", timeout=10)
    assert (got.status_code, got.text) == (503, "<h1>Sign-in not completed</h1>")


def test_an_api_that_is_not_there_yet_is_starting_and_not_broken(state_dir: Path, web_dir: Path) -> None:
    with serve(FrontDoorSettings(state_dir=state_dir, port=0, web_dir=web_dir)) as running:
        got = requests.get(f"{running.url}/v1/integrations", timeout=10)
    assert_problem(got, 503, "starting")
    assert got.headers["Retry-After"] == "2"


def test_a_body_without_end_is_refused_before_it_fills_the_memory(door: Running, upstream: Upstream) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as caller:
        caller.sendall(b"PUT /v1/events/e1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
        assert b" 413 " in caller.recv(65536).split(b"\r\n")[0]
    assert upstream.received == []


# --- the push address ---------------------------------------------------------------------------------------------


def test_a_notification_over_tls_reaches_the_api_with_its_headers(door: Running, upstream: Upstream) -> None:
    got = requests.post(
        f"{door.push_url}/webhooks/google",
        headers={"X-Goog-Channel-ID": "c1", "X-Goog-Message-Number": "7"},
        verify=str(door.ca_file),
        timeout=10,
    )
    assert got.status_code == 200
    assert upstream.received[0].target == f"{PREFIX}/webhooks/google"
    assert upstream.received[0].header("X-Goog-Message-Number") == "7"


def test_the_push_address_is_trusted_by_number_as_well_as_by_name(door: Running) -> None:
    url = f"https://127.0.0.1:{door.push_port}/webhooks/google"
    assert requests.post(url, verify=str(door.ca_file), timeout=10).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health",
        "/v1/integrations",
        "/oauth/callback/google",
        "/dev/token",
        "/.well-known/jwks.json",
        "/js/page.js",
    ],
)
def test_the_push_address_opens_nothing_but_webhooks(door: Running, upstream: Upstream, path: str) -> None:
    for method in ("GET", "POST"):
        got = requests.request(method, f"{door.push_url}{path}", verify=str(door.ca_file), timeout=10)
        assert_problem(got, 404, "not_found")
    assert upstream.received == []


@pytest.mark.parametrize(
    "target", ["/webhooks/../v1/events", "/webhooks/%2e%2e/v1/events", "/webhooks%2f..%2fv1/events"]
)
def test_a_climbing_path_does_not_lead_from_the_webhooks_to_the_api(
    door: Running, upstream: Upstream, target: str
) -> None:
    context = ssl.create_default_context(cafile=str(door.ca_file))
    connection = http.client.HTTPSConnection("localhost", door.push_port, context=context, timeout=10)
    connection.request("GET", target)
    assert connection.getresponse().status == 400
    connection.close()
    assert upstream.received == []


def test_a_caller_who_never_shakes_hands_does_not_keep_notifications_out(door: Running) -> None:
    with socket.create_connection(("127.0.0.1", door.push_port)):
        got = requests.post(f"{door.push_url}/webhooks/google", verify=str(door.ca_file), timeout=10)
    assert got.status_code == 200


def test_a_restart_does_not_turn_away_those_who_trust_the_old_certificate(
    state_dir: Path, web_dir: Path, upstream: Upstream
) -> None:
    settings = FrontDoorSettings(state_dir=state_dir, port=0, web_dir=web_dir)
    with serve(settings) as first:
        trusted = first.ca_file.read_bytes()
    with serve(settings) as second:
        assert second.ca_file.read_bytes() == trusted
        second.route_api(upstream.url)
        url = f"{second.push_url}/webhooks/google"
        assert requests.post(url, verify=str(second.ca_file), timeout=10).status_code == 200


def test_the_key_of_the_authority_that_callers_trust_is_not_left_on_disk(door: Running) -> None:
    kept = {file.name: file.read_text() for file in door.ca_file.parent.iterdir() if file.suffix == ".pem"}
    assert "PRIVATE KEY" not in kept["push-ca.pem"]
    assert (door.ca_file.parent / "push-server.pem").stat().st_mode & 0o077 == 0
    assert set(kept) == {"push-ca.pem", "push-server.pem", "issuer-key.pem"}


# --- the simulator's control --------------------------------------------------------------------------------------


def test_without_a_simulator_its_control_is_not_there(door: Running) -> None:
    assert_problem(requests.get(f"{door.url}/sim/google/control/accounts", timeout=10), 404, "no_simulator")


def test_acting_as_the_user_reaches_the_simulator_and_only_its_control(door: Running, simulator: Upstream) -> None:
    door.route_simulator("google", simulator.url)
    requests.post(f"{door.url}/sim/google/control/events?a=%2F", data=b"{}", timeout=10)
    refused = requests.get(f"{door.url}/sim/google/oauth2/v3/certs", timeout=10)
    assert [(got.method, got.target, got.body) for got in simulator.received] == [
        ("POST", "/control/events?a=%2F", b"{}")
    ]
    assert_problem(refused, 404, "not_found")


def test_a_simulator_behind_https_is_reached_only_with_the_authority_that_it_is_trusted_by(door: Running) -> None:
    """The door's own TLS listener stands in for it: it answers every other path with its 404."""
    url = f"{door.url}/sim/microsoft/control/accounts"
    door.route_simulator("microsoft", door.push_url)
    assert_problem(requests.get(url, timeout=10), 502, "upstream_unreachable")
    door.route_simulator("microsoft", door.push_url, str(door.ca_file))
    assert_problem(requests.get(url, timeout=10), 404, "not_found")
    door.route_simulator("microsoft", "")


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "text/html; charset=utf-8", "<!doctype html><title>Manage</title>"),
        ("/?connection_id=c1&status=confirm", "text/html; charset=utf-8", "<!doctype html><title>Manage</title>"),
        ("/calendar", "text/html; charset=utf-8", "<!doctype html><title>Calendar</title>"),
        ("/js/page.js", "text/javascript; charset=utf-8", "export {};"),
    ],
)
def test_a_page_is_served_as_what_it_is_and_never_from_a_cache(door: Running, path: str, kind: str, text: str) -> None:
    got = requests.get(f"{door.url}{path}", timeout=10)
    assert (got.status_code, got.headers["Content-Type"], got.text) == (200, kind, text)
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_no_inline_script_or_style_may_run() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    "target",
    [
        "/secret.js",
        "/../secret.js",
        "/js/../../secret.js",
        "/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "/..%5csecret.js",
        "//../secret.js",
        "/link.js",
        "/.hidden.js",
        "/notes.txt",
        "/js",
        "/js/",
        "/js/page.js%00.html",
        "/v2/events",
        "/unknown",
    ],
)
def test_no_path_leads_to_what_is_not_a_page(door: Running, upstream: Upstream, target: str) -> None:
    status, body = raw_get(door.port, target)
    assert status in (400, 404)
    assert json.loads(body)["code"] in ("bad_path", "not_found")
    assert upstream.received == []


def test_a_page_is_not_posted_to(door: Running) -> None:
    got = requests.post(f"{door.url}/", timeout=10)
    assert_problem(got, 405, "method_not_allowed")
    assert got.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8400", "[", ""])
def test_a_foreign_name_that_points_here_gets_no_page_and_no_token(door: Running, host: str) -> None:
    for target in ("/", "/dev/token", "/v1/integrations"):
        assert raw_get(door.port, target, {"Host": host})[0] == 421


def test_a_taken_port_is_an_error_and_not_a_silent_neighbour(door: Running, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(FrontDoorSettings(state_dir=tmp_path / "state", port=door.port))


def test_after_stop_the_ports_are_free_again(state_dir: Path, web_dir: Path) -> None:
    running = serve(FrontDoorSettings(state_dir=state_dir, port=0, web_dir=web_dir))
    running.stop()
    running.stop()
    with (
        socket.create_server(("127.0.0.1", running.port)),
        socket.create_server(("127.0.0.1", running.push_port)),
    ):
        pass
