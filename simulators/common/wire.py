"""One request and one reply without a web framework, so that a batch can run the same code as a socket does.

Header names in a `Request` are lower case. A `Response` carries bytes; `json_response` makes one from a value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    """True when the connection is to be closed without an answer."""


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    sent = {"Content-Type": "application/json; charset=UTF-8", "Cache-Control": "private, max-age=0"}
    return Response(status, sent | dict(headers or {}), json.dumps(value, ensure_ascii=False).encode())
