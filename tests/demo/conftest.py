"""A front door on free ports before a stub API, both real loopback servers in threads."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from demo.front_door import FrontDoorSettings, Running, serve


@dataclass(frozen=True)
class Received:
    """One request as the stub saw it; `target` is the raw path with its query."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Upstream:
    """Answers with what `answer` returns and keeps what it received."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Request], Response] = field(default=lambda request: Response("ok"))

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.received.append(
            Received(request.method, environ["RAW_URI"], list(request.headers.items()), request.get_data())
        )
        return self.answer(request)(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log(self, type, message, *args):
        pass


@contextmanager
def upstream_server(prefix: str = "") -> Iterator[Upstream]:
    upstream = Upstream()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = ThreadedWSGIServer("127.0.0.1", bound.getsockname()[1], upstream, _Quiet, fd=bound.fileno())
    upstream.url = f"http://127.0.0.1:{server.port}{prefix}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def stub_api() -> Iterator[Upstream]:
    with upstream_server("/_aws/execute-api/abc123/$default") as running:
        yield running


@pytest.fixture
def upstream(stub_api: Upstream) -> Upstream:
    """The stub API as if fresh: it has received nothing and answers `ok`."""
    stub_api.received.clear()
    stub_api.answer = lambda request: Response("ok")
    return stub_api


@pytest.fixture
def simulator() -> Iterator[Upstream]:
    with upstream_server() as running:
        yield running


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the whole run: a key takes a while to make."""
    return tmp_path_factory.mktemp("front-door-state")


@pytest.fixture(scope="session")
def web_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small site with files beside it, and in it, that nobody may get."""
    around = tmp_path_factory.mktemp("site")
    folder = around / "web"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Manage</title>")
    (folder / "calendar.html").write_text("<!doctype html><title>Calendar</title>")
    (folder / "js" / "page.js").write_text("export {};")
    (folder / "notes.txt").write_text("not for the web")
    (folder / ".hidden.js").write_text("not for the web")
    (around / "secret.js").write_text("outside")
    (folder / "link.js").symlink_to(around / "secret.js")
    return folder


@pytest.fixture(scope="session")
def listening(state_dir: Path, web_dir: Path) -> Iterator[Running]:
    with serve(FrontDoorSettings(state_dir=state_dir, port=0, web_dir=web_dir)) as running:
        yield running


@pytest.fixture
def door(listening: Running, upstream: Upstream) -> Iterator[Running]:
    """A front door before the stub API, without any simulator."""
    listening.route_api(upstream.url)
    yield listening
    listening.route_simulator("google", "")
