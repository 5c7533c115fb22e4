"""Serving a simulator on loopback: a threaded server, a file with its port, a clean stop on SIGTERM and SIGINT."""

import signal
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from flask import Flask
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Keeps connections alive and says nothing about each request."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in two writes; with Nagle's algorithm each answer would wait for the peer's delayed ACK.
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a benchmark makes tens of thousands of them."""


def secure(server: BaseWSGIServer, tls: ssl.SSLContext) -> None:
    """Let a server speak TLS. Each connection shakes hands in its own thread, so that a silent one blocks nobody."""
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.ssl_context = tls  # from which the handler takes the scheme of a request's own address


def serve(
    app: Flask,
    name: str,
    port: int,
    port_file: Path | None,
    at_end: Callable[[], None],
    *,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until told to stop; then call `at_end`. With `tls` over HTTPS."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
    if isinstance(server, ThreadedWSGIServer):
        server.daemon_threads = True
    if tls is not None:
        secure(server, tls)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if port_file is not None:
        fresh = port_file.with_suffix(port_file.suffix + ".new")
        fresh.write_text(str(server.server_port), encoding="utf-8")
        fresh.replace(port_file)
    address = f"https://localhost:{server.server_port}" if tls else f"http://127.0.0.1:{server.server_port}"
    sys.stdout.write(f"{name}: {address}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    finally:
        server.server_close()
        at_end()
