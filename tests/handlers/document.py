"""Answers held against the OpenAPI document: whatever the API says in a test has to be what the document promises."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URI = "urn:lockstep"


@cache
def document() -> dict[str, Any]:
    return dict(json.loads(resources.files("functions.api").joinpath("openapi.json").read_text()))


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource(URI, Resource(document(), DRAFT202012))


def operation(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request, or None if it has no such route."""
    found = [
        members[method.lower()]
        for template, members in document()["paths"].items()
        if method.lower() in members and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), urlsplit(path).path)
    ]
    return found[0] if found else None


def check(value: object, pointer: str) -> None:
    """`value` against the schema at a JSON pointer into the document."""
    schema = {"$ref": f"{URI}#{pointer}"}
    errors = list(Draft202012Validator(schema, registry=_registry(), format_checker=FormatChecker()).iter_errors(value))
    assert not errors, "\n".join(f"{error.json_path}: {error.message}" for error in errors)


def check_answer(method: str, path: str, answer: dict[str, Any]) -> None:
    """The status is a documented one and the body fits; a refusal is a problem with code, sentence and help."""
    status, headers = answer["statusCode"], {name.lower(): value for name, value in answer["headers"].items()}
    kind = headers.get("content-type", "").partition(";")[0]
    if status >= 400:
        assert kind == "application/problem+json"
        problem = json.loads(answer["body"])
        check(problem, "/components/schemas/Problem")
        assert problem["status"] == status
        assert problem["detail"].endswith((".", "?"))
    described = operation(method, path)
    if described is None:
        assert status == 404
        return
    assert str(status) in described["responses"] or status == 401, f"{method} {path} answers {status}, undocumented"
    if status >= 400 or status == 204:
        return
    assert kind == "application/json"
    template = next(name for name, each in document()["paths"].items() if described in each.values())
    pointer = (
        f"/paths/{template.replace('/', '~1')}/{method.lower()}/responses/{status}/content/application~1json/schema"
    )
    check(json.loads(answer["body"]), pointer.replace("{", "%7B").replace("}", "%7D"))
