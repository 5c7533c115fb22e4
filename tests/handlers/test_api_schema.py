"""The document's promises under requests nobody thought of: schemathesis makes them up from the document that the API
itself serves, some as it allows and some as it does not, and holds every answer to it.

Requests go through a small WSGI front that hands them to the function as API Gateway would. The seed is fixed.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from functions.api.handler import lambda_handler
from tests.handlers.people import Person, person, shared_world
from tests.world import LambdaContext, World

EXAMPLES = 8
"""Requests of each kind for each operation; together some hundred times that."""

load_all_checks()
HELD_TO = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
REFUSES = CHECKS.get_by_names(["negative_data_rejection"])

ELSEWHERE = ("/oauth/", "/webhooks/")


class Gateway:
    """What API Gateway's HTTP API does: the token's claims, and the request as an event of payload version 2.0."""

    def __init__(self) -> None:
        self.claims: dict[str, object] = {}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, query = environ["RAW_URI"].partition("?")[0], environ["QUERY_STRING"]
        members: dict[str, list[str]] = {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            members.setdefault(unquote_plus(name), []).append(unquote_plus(value))
        raw = environ["wsgi.input"].read()
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "queryStringParameters": {name: ",".join(values) for name, values in members.items()},
            "pathParameters": {},
            "requestContext": {
                "http": {"method": environ["REQUEST_METHOD"], "path": path, "sourceIp": "127.0.0.1"},
                "stage": "$default",
                "requestId": "request",
                "authorizer": {"jwt": {"claims": self.claims, "scopes": None}},
            },
            "body": base64.b64encode(raw).decode() if raw else None,
            "isBase64Encoded": bool(raw),
        }
        answer = lambda_handler(event, LambdaContext(remaining_ms=29_000))
        start(f"{answer['statusCode']} Answer", list(answer["headers"].items()))
        return io.BytesIO(answer["body"].encode())


gateway = Gateway()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture(scope="module")
def anna(world: World) -> Iterator[Person]:
    """Somebody with an account, a booking and a series."""
    with person(world) as one:
        one.connect()
        one.book("b1", day=2)
        one.book("s1", day=1, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
        admin = {"sub": "admin", "org": one.org, "roles": "[admin]"}
        one.ask("PUT", "/v1/organization/google", {"domain": "example.com", "display_name": "Example"}, claims=admin)
        one.ask("PUT", "/v1/organization/google/staff/ada", {"mailbox": "ada@example.com"}, claims=admin)
        world.drain()
        yield one


def described() -> dict[str, Any]:
    """Every operation that this function serves, from the document as it serves it."""
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", gateway)
    operations = [found.ok() for found in schema.get_all_operations()]
    return {one.label: one for one in operations if not one.path.startswith(ELSEWHERE)}


def kinds() -> Iterator[tuple[str, GenerationMode]]:
    """A request that has nothing to fill in cannot be made up wrongly."""
    for label, operation in OPERATIONS.items():
        yield label, GenerationMode.POSITIVE
        if operation.body or any((operation.path_parameters, operation.query, operation.headers)):
            yield label, GenerationMode.NEGATIVE


OPERATIONS = described()


def known_ids(anna: Person, label: str) -> list[str]:
    """Ids of the kind that an operation takes, so that not every request ends at a 404."""
    if "/events/" in label:
        return ["b1", "s1"]
    connections = [one["id"] for one in anna.ask("GET", "/v1/connections")["items"] if one["status"] == "active"]
    if "/calendars/" in label:
        return [anna.main_calendar(one)["id"] for one in connections]
    return [] if label.startswith("DELETE") else connections


def must_be_refused(case: schemathesis.Case, wrong: set[ParameterLocation]) -> bool:
    """The function never sees a request whose token is wrong, and it reads past names that a query should not hold."""
    known = {parameter.name for parameter in case.operation.query}
    query = ParameterLocation.QUERY in wrong and set(case.query) <= known
    return query or bool(wrong & {ParameterLocation.BODY, ParameterLocation.PATH})


def as_text(value: object) -> str:
    return value if isinstance(value, str) else quote(str(value), safe="")


@pytest.mark.parametrize(("label", "mode"), list(kinds()), ids=lambda value: getattr(value, "value", value))
def test_a_request_made_up_from_the_document_is_answered_as_the_document_says(anna, monkeypatch, label, mode):
    monkeypatch.setattr("shared.dead_letters.AFTER_A_LOOK", 0)  # nobody has looked; moto would wait by the clock
    monkeypatch.setattr("shared.dead_letters.ALL_SERVERS", 0)
    operation = OPERATIONS[label]
    ids = known_ids(anna, label)
    callers = [
        {"sub": anna.user, "org": anna.org},
        {"sub": anna.user, "org": anna.org, "roles": "[admin]"},
        {"sub": "backend", "org": anna.org, "scope": "lockstep.host"},
    ]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        wrong = {
            place for place, component in case.meta.components.items() if component.mode is GenerationMode.NEGATIVE
        }
        if ParameterLocation.PATH in wrong:  # a client would have to write these as text, too
            case.path_parameters = {name: as_text(value) for name, value in case.path_parameters.items()}
        if "user_id" in (case.path_parameters or ()) and ParameterLocation.PATH not in wrong:
            case.path_parameters["user_id"] = data.draw(st.sampled_from([case.path_parameters["user_id"], "ada"]))
        if ids and "id" in (case.path_parameters or ()) and ParameterLocation.PATH not in wrong:
            case.path_parameters["id"] = data.draw(st.sampled_from([case.path_parameters["id"], *ids]))
        gateway.claims = data.draw(st.sampled_from(callers))
        answer = case.call()
        case.validate_response(answer, checks=[*HELD_TO, *(REFUSES if must_be_refused(case, wrong) else [])])
        if answer.status_code >= 400:
            problem = json.loads(answer.content)
            assert answer.headers["content-type"] == ["application/problem+json"]
            assert problem["status"] == answer.status_code
            assert problem["detail"].endswith((".", "?"))

    ask()
