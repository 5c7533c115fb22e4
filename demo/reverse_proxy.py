"""`forward` passes one request on to another server and its answer back, changing as little as a proxy may.

Method, path, query, body, status and headers (redirects with their Location included) arrive as they were sent; only
the headers that belong to a single connection are dropped. What the upstream cannot answer properly becomes a problem
with a sentence: a crash on the other side should read like one, not like a proxy's stack trace.
"""

from __future__ import annotations

import http.client
import logging
from collections.abc import Iterable
from ssl import SSLContext
from typing import Final
from urllib.parse import SplitResult, urlsplit

from werkzeug.wrappers import Request, Response

from demo.problems import problem

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 section 7.6.1 with its usual companions; what a `Connection` header names comes on top."""

_SET_HERE: Final = frozenset(
    {"host", "content-length", "expect", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
)
_WORDED: Final = ("application/problem+json", "text/html")
"""An error of these types was written for people (the callback answers with a page); others are a crash's remains."""

TIMEOUT_SECONDS: Final = 35.0
"""Longer than the 30 seconds after which API Gateway itself gives up."""

log = logging.getLogger("lockstep.front_door")


def raw_target(request: Request) -> str:
    """Path and query as they were sent, percent-encoding untouched: an id may hold an encoded slash."""
    target = str(request.environ.get("RAW_URI") or request.full_path.rstrip("?"))
    if target.startswith("/"):
        return target
    parts = urlsplit(target)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def forward(
    request: Request, upstream: str, *, target: str | None = None, help_url: str = "", trust: SSLContext | None = None
) -> Response:
    """Send `request` to `upstream` (an address whose path is a prefix) and return the answer.

    `target` replaces path and query; `trust` says which authorities an https upstream may have. A connection that
    fails, a time-out, and a 5xx that nobody has worded come back as 502.
    """
    base = urlsplit(upstream)
    path = base.path.rstrip("/") + (raw_target(request) if target is None else target)
    try:
        answer = _exchange(base, request, path, trust)
    except TimeoutError:
        log.warning("%s %s: no answer in %.0f s", request.method, request.path, TIMEOUT_SECONDS)
        return problem(
            502, "upstream_slow", "The service took too long to answer. Please try again.", help_url=help_url
        )
    except (OSError, http.client.HTTPException) as error:
        log.warning("%s %s: %s", request.method, request.path, type(error).__name__)
        return problem(
            502, "upstream_unreachable", "The service cannot be reached right now. Please try again.", help_url=help_url
        )
    if answer.status_code >= 500 and answer.mimetype not in _WORDED:
        said = answer.get_data(as_text=True)[:2000]
        log.error("%s %s: upstream said %d %s", request.method, request.path, answer.status_code, said)
        return problem(
            502, "upstream_failed", "The service failed on this request. The demo's log says why.", help_url=help_url
        )
    return answer


def _exchange(base: SplitResult, request: Request, path: str, trust: SSLContext | None) -> Response:
    """One request over one fresh connection: nothing stale to be reused, and loopback makes it cheap."""
    body = request.get_data()
    connection = _connection(base, trust)
    try:
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", base.netloc.rpartition("@")[2])
        for name, value in _end_to_end(request.headers.items()):
            if name.lower() not in _SET_HERE:
                connection.putheader(name, value.encode("latin-1"))
        connection.putheader("X-Forwarded-For", request.remote_addr or "")
        connection.putheader("X-Forwarded-Proto", request.scheme)
        connection.putheader("X-Forwarded-Host", request.host)
        if body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        received = connection.getresponse()
        response = Response(received.read(), status=f"{received.status} {received.reason}")
        _copy_headers(response, received, head=request.method == "HEAD")
        return response
    finally:
        connection.close()


def _connection(base: SplitResult, trust: SSLContext | None) -> http.client.HTTPConnection:
    if base.scheme == "https":
        return http.client.HTTPSConnection(base.hostname or "", base.port, timeout=TIMEOUT_SECONDS, context=trust)
    return http.client.HTTPConnection(base.hostname or "", base.port, timeout=TIMEOUT_SECONDS)


def _copy_headers(response: Response, received: http.client.HTTPResponse, *, head: bool) -> None:
    """The answer's own headers instead of the defaults, each as often as it was sent."""
    response.headers.clear()
    for name, value in _end_to_end(received.getheaders()):
        if name.lower() != "content-length":
            response.headers.add(name, value)
    length = received.getheader("Content-Length")
    if head and length is not None:
        response.headers["Content-Length"] = length
    elif received.status not in (204, 304):
        response.headers["Content-Length"] = str(len(response.get_data()))


def _end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers without those meant for one connection only."""
    pairs = list(headers)
    named = {word.strip().lower() for name, value in pairs if name.lower() == "connection" for word in value.split(",")}
    return [(name, value) for name, value in pairs if name.lower() not in HOP_BY_HOP | named]
