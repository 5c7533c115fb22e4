"""The demo's own refusals, in the shape of the API's: `problem(...)` makes an RFC 9457 answer for a person to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from werkzeug.wrappers import Response


def problem(
    status: int,
    code: str,
    sentence: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    help_url: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """application/problem+json with a stable `code`, the sentence as `detail`, and `help` as `{help_url}#{code}`."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": sentence,
    }
    if help_url:
        body["help"] = f"{help_url}#{code}"
    if errors:
        body["errors"] = [dict(error) for error in errors]
    response = Response(json.dumps(body), status=status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response
