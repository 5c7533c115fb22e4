"""The demo's front door: one address for the pages, the API, the sign-in and, over TLS, the providers' notifications.

    with serve(FrontDoorSettings(state_dir=Path(".demo"), port=8400)) as running:
        running.route_api("http://127.0.0.1:4566/_aws/execute-api/abc/$default")
        running.route_simulator("google", "http://127.0.0.1:8411")

It starts before what stands behind it, since the stack needs its addresses (issuer, push) as parameters: until
`route_api` was called the API paths answer 503. Two listeners, both on loopback:

    http   /  /calendar  /help  /organization  files of web/   pages
           /v1/…  /oauth/callback/…  /webhooks/…  /health      passed on to the API
           /.well-known/…  POST /dev/token                     the demo's identity provider
           /sim/{provider}/control/…                           acting as the user, if a simulator runs
    https  /webhooks/…                                         passed on to the API, nothing else
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext, create_default_context
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from demo.certificates import certificate_for_loopback
from demo.problems import problem
from demo.reverse_proxy import forward, raw_target
from demo.static_files import page_or_file
from demo.tokens import Issuer, TokenRefused, parse_claims

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOOPBACK: Final = "127.0.0.1"
WEB_DIR: Final = Path(__file__).resolve().parent.parent / "web"
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""What API Gateway takes."""

_API_PREFIXES: Final = ("/v1/", "/oauth/callback/", "/webhooks/")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoorSettings:
    """Where to listen and what to serve. A port of 0 means a free one.

    `public_url` is how a browser reaches this door (default: its own address); it is the issuer of the tokens.
    `help_url` is where a problem's `help` points (default: the door's own help page).
    """

    state_dir: Path
    port: int = 8400
    push_port: int = 0
    public_url: str = ""
    help_url: str = ""
    web_dir: Path = WEB_DIR


class FrontDoor:
    """The WSGI applications of both listeners. `api_url` and `simulators` may change while they serve."""

    def __init__(self, *, issuer: Issuer, public_url: str, web_dir: Path, help_url: str) -> None:
        self.issuer = issuer
        self.public_url = public_url
        self.web_dir = web_dir
        self.help_url = help_url
        self.api_url = ""
        self.simulators: dict[str, tuple[str, SSLContext | None]] = {}
        self.hosts = {"localhost", LOOPBACK, "::1", urlsplit(public_url).hostname or LOOPBACK}

    def page_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What answers on the http listener."""
        return self._guarded(self._answer, environ, start_response)

    def push_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What answers on the TLS listener."""
        return self._guarded(self._answer_push, environ, start_response)

    def _guarded(
        self, answer: Callable[[Request], Response], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY_BYTES
        try:
            response = self._refusal(request) or answer(request)
        except RequestEntityTooLarge:
            response = self._problem(413, "too_large", "That is more than 10 MB. Send less at once.")
        return response(environ, start_response)

    def _refusal(self, request: Request) -> Response | None:
        """What no path may have: dots that climb, and a name that is not this machine's (a page elsewhere whose name
        was pointed at loopback could else ask for a token)."""
        if any(part in (".", "..") for part in request.path.replace("\\", "/").split("/")):
            return self._problem(400, "bad_path", "A path may not hold . or .. as a part.")
        if _host_name(request) not in self.hosts:
            return self._problem(421, "wrong_host", f"Open the demo at {self.public_url}.")
        return None

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path == "/health" or path.startswith(_API_PREFIXES):
            return self._to_api(request)
        if path == "/dev/token":
            return self._token(request)
        if path.startswith("/sim/"):
            return self._to_simulator(request)
        if path in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
            found = self.issuer.jwks() if path.endswith("jwks.json") else self.issuer.discovery()
            return self._only(request, ("GET", "HEAD")) or _json(found)
        page = page_or_file(request, self.web_dir)
        if page is None:
            return self._not_found()
        return self._only(request, ("GET", "HEAD")) or page

    def _answer_push(self, request: Request) -> Response:
        return self._to_api(request) if request.path.startswith("/webhooks/") else self._not_found()

    def _to_api(self, request: Request) -> Response:
        if not self.api_url:
            return self._problem(
                503, "starting", "The demo is still starting. Please wait a moment.", headers={"Retry-After": "2"}
            )
        return forward(request, self.api_url, help_url=self.help_url)

    def _to_simulator(self, request: Request) -> Response:
        provider, _, rest = request.path.removeprefix("/sim/").partition("/")
        simulator, trust = self.simulators.get(provider, ("", None))
        if not simulator:
            return self._problem(404, "no_simulator", "No simulator of that provider runs here.")
        if not rest.startswith("control/"):
            return self._not_found()
        target = raw_target(request).removeprefix(f"/sim/{provider}")
        return forward(request, simulator, target=target, help_url=self.help_url, trust=trust)

    def _token(self, request: Request) -> Response:
        if refused := self._only(request, ("POST",)):
            return refused
        try:
            claims = parse_claims(request.get_data())
        except TokenRefused as refusal:
            errors = [{"field": name, "sentence": sentence} for name, sentence in refusal.errors.items()]
            return self._problem(422, "invalid_request", " ".join(refusal.errors.values()), errors=errors)
        return _json({"token": self.issuer.issue(claims)})

    def _only(self, request: Request, methods: tuple[str, ...]) -> Response | None:
        if request.method in methods:
            return None
        allowed = ", ".join(methods)
        return self._problem(405, "method_not_allowed", f"Use {allowed} here.", headers={"Allow": allowed})

    def _not_found(self) -> Response:
        return self._problem(404, "not_found", "There is nothing at this address.")

    def _problem(
        self,
        status: int,
        code: str,
        sentence: str,
        *,
        errors: Iterable[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> Response:
        return problem(status, code, sentence, errors=list(errors), help_url=self.help_url, headers=headers)


class Running:
    """A front door that listens. Use it in a `with`, or call `stop`."""

    def __init__(self, front: FrontDoor, pages: BaseWSGIServer, push: BaseWSGIServer, ca_file: Path) -> None:
        self._front = front
        self._servers = (pages, push)
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True)
            for server, name in ((pages, "front-door"), (push, "front-door-push"))
        ]
        self.port: Final = pages.port
        self.push_port: Final = push.port
        self.url: Final = front.public_url
        """Where a browser goes; also the issuer of the tokens."""
        self.push_url: Final = f"https://localhost:{push.port}"
        """Where providers deliver: `{push_url}/webhooks/{provider}`."""
        self.ca_file: Final = ca_file
        """Who calls `push_url` trusts this authority (PEM)."""
        for thread in self._threads:
            thread.start()

    def route_api(self, url: str) -> None:
        """From now on pass API paths on to `url`, whose path is a prefix (the emulator's execute-api address)."""
        self._front.api_url = url

    def route_simulator(self, provider: str, url: str, ca_file: str = "") -> None:
        """From now on pass `/sim/{provider}/control/…` on to `{url}/control/…`; an empty `url`: there is none.
        `ca_file` is what an https simulator is trusted by."""
        trust = create_default_context(cafile=ca_file) if ca_file else None
        self._front.simulators[provider] = (url, trust)

    def stop(self) -> None:
        """Stop listening; requests in progress are not waited for. Stopping twice is fine."""
        for server, thread in zip(self._servers, self._threads, strict=True):
            if thread.is_alive():
                server.shutdown()
                thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(settings: FrontDoorSettings) -> Running:
    """Listen on both addresses and answer from threads; returns at once. Raises OSError when a port is taken."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    certificate = certificate_for_loopback(settings.state_dir)
    with (
        socket.create_server((LOOPBACK, settings.port)) as page_socket,
        socket.create_server((LOOPBACK, settings.push_port)) as push_socket,
    ):
        own_url = f"http://{LOOPBACK}:{page_socket.getsockname()[1]}"
        public_url = settings.public_url.rstrip("/") or own_url
        front = FrontDoor(
            issuer=Issuer(public_url, settings.state_dir),
            public_url=public_url,
            web_dir=settings.web_dir,
            help_url=settings.help_url or f"{public_url}/help",
        )
        pages = _listen(page_socket, front.page_app)
        push = _listen(push_socket, front.push_app, certificate.context)
        return Running(front, pages, push, certificate.ca_file)


class _QuietHandler(WSGIRequestHandler):
    """No line per request (the pages ask twice a second), no waiting for more bytes to send, no connection for ever."""

    disable_nagle_algorithm = True
    timeout = 60
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def _listen(bound: socket.socket, app: WSGIApplication, context: SSLContext | None = None) -> BaseWSGIServer:
    """A threaded server on a copy of `bound`. The TLS handshake is left to the request's own thread: a caller that
    connects and says nothing must not keep the others out."""
    server = ThreadedWSGIServer(LOOPBACK, bound.getsockname()[1], app, _QuietHandler, fd=bound.fileno())
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.ssl_context = context
    return server


def _host_name(request: Request) -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def _json(body: dict[str, object]) -> Response:
    return Response(json.dumps(body), content_type="application/json", headers={"Cache-Control": "no-store"})


def main() -> None:
    """Run the front door alone, before an API and simulators that are already there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="where the signing key and the certificate are kept"
    )
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--push-port", type=int, default=0)
    parser.add_argument("--api", required=True, help="address of the API")
    parser.add_argument("--google-simulator", help="address of the Google simulator")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with serve(FrontDoorSettings(state_dir=given.state_dir, port=given.port, push_port=given.push_port)) as running:
        running.route_api(given.api)
        if given.google_simulator:
            running.route_simulator("google", given.google_simulator)
        print(f"pages {running.url}  push {running.push_url}  trust {running.ca_file}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
