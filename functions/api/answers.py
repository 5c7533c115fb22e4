"""Answers that are not a plain 200."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_lambda_powertools.event_handler import Response

from shared.event_json import to_json
from shared.model import Event


def json_response(status: int, members: Mapping[str, object]) -> Response[str]:
    return Response(status_code=status, content_type="application/json", body=json.dumps(members, ensure_ascii=False))


def event_response(status: int, event: Event) -> Response[str]:
    """The event, with its version as the entity tag that If-Match takes."""
    return Response(
        status_code=status,
        content_type="application/json",
        headers={"etag": f'"{event.version}"'},
        body=json.dumps(to_json(event), ensure_ascii=False),
    )
