"""The OpenAPI document says what is there: a route it leaves out, or an answer it does not allow, is a lie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from tests.handlers.document import check, document
from tests.handlers.people import Person, person, shared_world
from tests.infra.template import ROOT, resources
from tests.world import World

ELSEWHERE = {"GET /oauth/callback/{}", "POST /webhooks/{}", "POST /webhooks/{}/lifecycle"}
"""Served by functions of their own."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


def documented() -> dict[str, dict[str, object]]:
    """`GET /v1/things/{}` → the operation."""
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}": operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }


def in_the_template() -> dict[str, str]:
    """`GET /v1/things/{}` → how it is authorized."""
    routes = resources("AWS::ApiGatewayV2::Route").values()
    return {re.sub(r"{[^}]*}", "{}", route["RouteKey"]): route["AuthorizationType"] for route in routes}


def test_the_document_is_valid_openapi():
    validate(document())


def test_a_route_of_the_function_is_documented_and_none_else_is(world):
    from functions.api.handler import app

    routes = [*app._static_routes, *app._dynamic_routes]
    served = {f"{route.method} {re.sub(r'<[^>]*>', '{}', route.path)}" for route in routes}
    assert served == set(documented()) - ELSEWHERE


def test_a_route_that_the_gateway_lets_through_is_documented_and_none_else_is():
    assert set(in_the_template()) == set(documented())


def test_a_route_is_documented_as_open_only_if_the_gateway_asks_for_no_token():
    open_routes = {name for name, operation in documented().items() if operation.get("security") == []}
    assert open_routes == {name for name, kind in in_the_template().items() if kind == "NONE"}


def test_a_code_that_callers_may_meet_is_in_the_document():
    sources = [path.read_text() for folder in ("shared", "functions") for path in Path(ROOT, folder).rglob("*.py")]
    codes = {code for text in sources for code in re.findall(r'Problem\(\s*[0-9]{3},\s*"(\w+)"', text)}
    described = document()["components"]["schemas"]["Problem"]["description"]
    assert len(codes) > 10
    assert {code for code in codes if f"`{code}`" not in described} == set()


@pytest.mark.parametrize("name", document()["components"]["schemas"])
def test_an_example_is_an_instance_of_its_schema(name):
    for example in document()["components"]["schemas"][name].get("examples", []):
        check(example, f"/components/schemas/{name}")


def test_an_example_of_a_request_or_an_answer_is_an_instance_of_its_schema():
    def walk(value: object, pointer: str) -> Iterator[tuple[object, str]]:
        if isinstance(value, dict):
            if "example" in value and "schema" in value:
                yield value["example"], f"{pointer}/schema"
            for name, member in value.items():
                yield from walk(member, f"{pointer}/{name.replace('/', '~1').replace('{', '%7B').replace('}', '%7D')}")

    found = list(walk(document()["paths"], "/paths"))
    assert len(found) > 25
    for example, pointer in found:
        check(example, pointer)


def test_anybody_reads_the_document_and_the_health_without_a_token(anna):
    assert anna.ask("GET", "/health", claims={}) == {"status": "ok"}
    assert anna.ask("GET", "/v1/openapi.json", claims={}) == document()


def test_a_token_that_names_nobody_is_refused_with_a_code_and_help(anna):
    answer = anna.raw("GET", "/v1/connections", claims={"org": "demo"})
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (401, "no_subject")
    assert problem["help"] == "https://help.example.com/#no_subject"


@pytest.mark.parametrize("path", ["/v1/nothing", "/", "/v1/events/e1/occurrences", "/v1/jobs"])
def test_a_path_that_does_not_exist_is_the_same_404_as_anything_unknown(anna, path):
    anna.refused(404, "not_found", "GET", path)
