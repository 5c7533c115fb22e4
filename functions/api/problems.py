"""Refusals as RFC 9457 problem details: a stable code, a sentence for people, and where help is."""

from __future__ import annotations

import json

from aws_lambda_powertools.event_handler import Response

from functions.api.desk import settings
from shared.errors import Problem


def problem_response(problem: Problem) -> Response[str]:
    """`application/problem+json`; `errors` names each field that is wrong."""
    help_url = settings().help_url
    members: dict[str, object] = {
        "type": f"{help_url}#{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status,
        "detail": problem.sentence,
        "code": problem.code,
        "help": f"{help_url}#{problem.code}",
    }
    if problem.errors:
        members["errors"] = [{"field": error.field, "sentence": error.sentence} for error in problem.errors]
    return Response(
        status_code=problem.status,
        content_type="application/problem+json",
        body=json.dumps(members, ensure_ascii=False),
    )
