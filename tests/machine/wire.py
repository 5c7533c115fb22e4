"""The adapters' HTTP clients, led to the simulators in process: the wire's format without a socket.

Within `wired(net)` every request of `httplib2` and of `requests` goes to `Net.answer`, which hands it to the simulator
that its host names. Each is a step of `Io`, as a call to the store is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httplib2
import requests
from requests.structures import CaseInsensitiveDict

from simulators.common.wire import Request, Response

GOOGLE, MICROSOFT = "https://google.test", "https://microsoft.test"

Answer = Callable[[str, Request], Response]
"""(host, request) → response; `cut` says that the connection breaks off instead."""


def request_of(method: str, url: str, headers: Mapping[str, Any], body: bytes | str | None) -> tuple[str, Request]:
    parts = urlsplit(url)
    return parts.netloc, Request(
        method=method,
        path=unquote(parts.path),
        query=parse_qs(parts.query, keep_blank_values=True) if parts.query else {},
        headers={
            name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()
        },
        body=body.encode() if isinstance(body, str) else body or b"",
    )


@contextmanager
def wired(answer: Answer) -> Iterator[None]:
    def by_httplib2(
        self: Any, uri: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> tuple[httplib2.Response, bytes]:
        response = answer(*request_of(method, uri, headers or {}, body))
        if response.cut:
            raise ConnectionResetError("cut")
        named = {name.lower(): value for name, value in response.headers.items()}
        return httplib2.Response({**named, "status": str(response.status)}), response.body

    def by_adapter(self: Any, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        assert request.method is not None
        assert request.url is not None
        given = _given(answer(*request_of(request.method, request.url, request.headers, request.body)), request.url)  # type: ignore[arg-type]
        given.request = request
        return given

    plainly = requests.Session.request

    def by_session(self: Any, method: str, url: str, **options: Any) -> requests.Response:
        """What requests would prepare, for the plain calls that make up nearly all."""
        if set(options) - _PLAIN or options.get("data") is not None:
            return plainly(self, method, url, **options)
        headers, body = dict(options.get("headers") or {}), b""
        if params := options.get("params"):
            url += ("&" if "?" in url else "?") + urlencode(params)
        if (value := options.get("json")) is not None:
            headers["Content-Type"], body = "application/json", json.dumps(value).encode()
        return _given(answer(*request_of(method, url, headers, body)), url)

    with (
        patch.object(httplib2.Http, "request", by_httplib2),
        patch.object(requests.adapters.HTTPAdapter, "send", by_adapter),
        patch.object(requests.Session, "request", by_session),
    ):
        yield


_PLAIN = {"headers", "params", "json", "data", "timeout", "allow_redirects"}


def _given(response: Response, url: str) -> requests.Response:
    if response.cut:
        raise requests.ConnectionError("cut")
    given = requests.Response()
    given.status_code, given.headers = response.status, CaseInsensitiveDict(response.headers)
    given.raw, given._content, given.url, given.encoding = BytesIO(response.body), response.body, url, "utf-8"
    return given
