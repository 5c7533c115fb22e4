"""One cold start under the real `awslambdaric`: a Runtime API on loopback, and a process that asks it for work.

    with RuntimeApi() as api:
        start = cold_start(api, task_root, "functions.x.handler.lambda_handler", environment, event)

See "Using the Lambda runtime API" in AWS's guide: GET …/invocation/next waits for an event, POST …/response ends it.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds from the start of the process to its first question for work, and to its first answer (0 if it was
    given nothing to do); megabytes that were resident when it first asked."""

    init_ms: float
    answered_ms: float
    resident_mb: float


class LoopbackServer(ThreadingHTTPServer):
    """A server whose callers are ended without a goodbye."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*_)


class RuntimeApi:
    """Serves one process at a time."""

    def __init__(self) -> None:
        self._asked, self._answered, self._events = _moments(), _moments(), queue.SimpleQueue[bytes]()
        self._server = LoopbackServer(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def forget(self) -> None:
        self._asked, self._answered, self._events = _moments(), _moments(), queue.SimpleQueue()

    def give(self, event: object) -> None:
        self._events.put(json.dumps(event).encode())

    def asked(self) -> float:
        """When the process next asked for work."""
        return self._asked.get(timeout=PATIENCE_S)[0]

    def answered(self) -> tuple[float, bytes]:
        """When it next answered, and what. Raises `RuntimeError` if its answer is an error."""
        at, path, body = self._answered.get(timeout=PATIENCE_S)
        if not path.endswith("/response"):
            raise RuntimeError(body.decode())
        return at, body

    def next_event(self) -> bytes:
        events = self._events
        self._asked.put((time.perf_counter(), "", b""))
        return events.get()

    def take(self, path: str, body: bytes) -> None:
        self._answered.put((time.perf_counter(), path, body))


def _moments() -> queue.SimpleQueue[tuple[float, str, bytes]]:
    return queue.SimpleQueue()


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            event = api.next_event()
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:benchmark",
            }
            self._answer(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.take(self.path, body)
            self._answer(202, b"", {})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def cold_start(
    api: RuntimeApi, task_root: Path, handler: str, environment: Mapping[str, str], event: object = None
) -> Start:
    """Start a function, let it initialise, give it `event` if there is one, and end it."""
    api.forget()
    lambda_environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(task_root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LAMBDA_TASK_ROOT": str(task_root),
        "_HANDLER": handler,
        **environment,
    }
    command = [sys.executable, "-m", "awslambdaric", handler]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=task_root, env=lambda_environment, stdout=subprocess.DEVNULL) as process:
        try:
            init = api.asked() - began
            resident = _resident_mb(process.pid)
            answered = 0.0
            if event is not None:
                api.give(event)
                answered = api.answered()[0] - began
            return Start(init * 1000, answered * 1000, resident)
        finally:
            process.kill()


def _resident_mb(pid: int) -> float:
    found = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(found.stdout) / 1024
