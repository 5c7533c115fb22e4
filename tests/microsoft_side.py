"""The simulated Microsoft beside a `tests.world.World`: over TLS, since MSAL takes no other authority."""

from __future__ import annotations

import ssl
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import trustme
from werkzeug.serving import make_server

from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, create_app, echo
from simulators.serving import QuietHandler, secure


@cache
def _authority() -> tuple[tempfile.TemporaryDirectory[str], str, ssl.SSLContext]:
    """One for all tests of a process; its folder goes with the process."""
    folder = tempfile.TemporaryDirectory()
    authority, ca_file = trustme.CA(), str(Path(folder.name) / "ca.pem")
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return folder, ca_file, context


class MicrosoftSide:
    def __init__(self) -> None:
        _, self.ca_file, context = _authority()
        self._told: list[PushRequest] = []
        self.world = MicrosoftWorld(send_push=self._receive, sleep=lambda _: None)
        app = create_app(self.world)
        self._control = app.test_client()
        self._server = make_server("localhost", 0, app, threaded=True, request_handler=QuietHandler)
        secure(self._server, context)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"https://localhost:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def taken(self) -> list[PushRequest]:
        """The notifications since the last time; those that are due by now are among them."""
        self.world.deliver_due()
        told, self._told = self._told, []
        return told

    def _receive(self, push: PushRequest) -> PushReply:
        if push.kind == "notification":
            self._told.append(push)
        return echo(push)

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._control.open(f"/control/{path}", method=method, json=body)
        assert answer.status_code < 300, answer.text
        return answer.get_json(silent=True)

    def decide(self, url: str, **form: Any) -> str:
        """What the browser's address is after somebody decided on a page of Microsoft's."""
        path = url.removeprefix(self.url)
        answer = self._control.post(path, data=form, base_url=self.url)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"])

    def shown(self, url: str, **form: Any) -> str:
        """The page that Microsoft keeps somebody at who decided so."""
        answer = self._control.post(url.removeprefix(self.url), data=form, base_url=self.url)
        assert answer.status_code != 302, answer.headers["Location"]
        return answer.text
