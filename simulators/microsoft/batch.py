"""`$batch`: up to 20 calls as JSON, each answered on its own.

Steps that depend on each other are run one after the other, and not at all after a failure (424). Steps without order
take their seats (`graph.Seat`) together: how many at a time is a setting. A fault whose `match` is `batch` strikes the
request as a whole; the others strike single steps.
"""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from simulators.common.wire import Json, Request, Response, json_response
from simulators.microsoft import errors, graph, tokens
from simulators.microsoft.errors import GraphError
from simulators.microsoft.world import MicrosoftWorld

MOST = 20
_MEMBERS = frozenset({"id", "method", "url", "headers", "body", "dependsOn"})
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


def answer(world: MicrosoftWorld, request: Request, base_url: str) -> Response:
    try:
        response = _answered(world, request, base_url)
    except GraphError as refusal:
        response = refusal.response("", f"{world.now():%Y-%m-%dT%H:%M:%S}")
    with world.lock:
        world.calls["batch"] += 1
        world.call_statuses[response.status] += 1
    return response


def _answered(world: MicrosoftWorld, request: Request, base_url: str) -> Response:
    token = tokens.live_access(world, request.headers.get("authorization", ""))
    if token is None:
        raise errors.unauthenticated()
    fault = graph.struck(world, request, "batch", token.email or "")
    if fault is not None and fault.kind == "cut_before":
        return Response(502, cut=True)
    steps = _read(world, request)
    chained = any(step.get("dependsOn") for step in steps)
    done: dict[str, Json] = {}
    for group in _groups(world, steps, chained=chained):
        _run_together(world, request, group, done, base_url)
    found = list(done.values())
    responses = {"responses": found if chained else found[::-1]}  # no order is promised
    return graph.afterwards(fault, json_response(200, responses))


def _read(world: MicrosoftWorld, request: Request) -> list[Json]:
    if "json" not in request.headers.get("content-type", ""):
        raise GraphError(400, "BadRequest", "A batch is sent as application/json.")
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error
    steps = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(steps, list) or not steps:
        raise GraphError(400, "BadRequest", "'requests' must hold at least one request.")
    if len(steps) > MOST:
        raise GraphError(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST}.")
    for step in steps:
        _check(step)
    names = [str(step["id"]).casefold() for step in steps]  # ids are not case-sensitive
    if len(set(names)) != len(names):
        raise GraphError(400, "BadRequest", "The ids of the steps must be unique.")
    _check_order(world, steps)
    return steps


def _check(step: object) -> None:
    if not isinstance(step, dict) or set(step) - _MEMBERS or not {"id", "method", "url"} <= set(step):
        raise GraphError(400, "BadRequest", "A step holds id, method and url.")
    headers, before = step.get("headers", {}), step.get("dependsOn", [])
    plain = all(isinstance(step[name], str) for name in ("id", "method", "url"))
    if not plain or not isinstance(headers, dict):
        raise GraphError(400, "BadRequest", "A step's id, method and url are strings, its headers an object.")
    if not isinstance(before, list) or not all(isinstance(one, str) for one in before):
        raise GraphError(400, "BadRequest", "'dependsOn' is a list of ids.")
    if step["method"] not in _METHODS:
        raise GraphError(400, "BadRequest", f"Step {step['id']} has an unknown method.")
    parts = urlsplit(str(step["url"]))
    if parts.scheme or parts.netloc or str(step["url"]).lstrip("/").startswith("v1.0/"):
        raise GraphError(400, "BadRequest", "A step's url is relative to the version.")
    if "body" in step and "content-type" not in {str(name).lower() for name in headers}:
        raise GraphError(400, "BadRequest", f"Step {step['id']} has a body without a Content-Type header.")


def _check_order(world: MicrosoftWorld, steps: list[Json]) -> None:
    """A step depends on earlier ones only; and all do, each on the one before it, or none does."""
    for at, step in enumerate(steps):
        earlier = {str(one["id"]) for one in steps[:at]}
        if set(step.get("dependsOn", ())) - earlier:
            raise GraphError(400, "BadRequest", f"Step {step['id']} depends on one that does not come before it.")
    wanted = [[str(one["id"])] for one in steps[:-1]]
    given = [step.get("dependsOn", []) for step in steps[1:]]
    if world.settings.batch_shapes == "pure" and any(given) and given != wanted:
        raise GraphError(400, "BadRequest", "A batch is either fully sequential or fully parallel.")


def _groups(world: MicrosoftWorld, steps: list[Json], *, chained: bool) -> Iterator[list[Json]]:
    """The steps that run at the same time."""
    size = 1 if chained else len(steps)
    if not chained and world.settings.batch_unordered == "four_at_a_time":
        size = world.settings.concurrent_per_mailbox
    for start in range(0, len(steps), size):
        yield steps[start : start + size]


def _run_together(
    world: MicrosoftWorld, request: Request, group: list[Json], done: dict[str, Json], base_url: str
) -> None:
    wanted = {str(step["id"]): _inner(request, step) for step in group}
    seats = {name: graph.take_seat(world, key) for name, one in wanted.items() if (key := graph.seat_key(world, one))}
    try:
        for step in group:
            name = str(step["id"])
            if any(done[before]["status"] >= 400 for before in step.get("dependsOn", ())):
                failure = GraphError(424, "FailedDependency", "A step this one depends on has failed.")
                done[name] = {"id": name, "status": 424, "headers": {}, "body": failure.body()}
            else:
                seat = seats.get(name, graph.Seat("", free=True))
                done[name] = _shown(name, graph.answer(world, wanted[name], base_url, seat=seat))
    finally:
        for seat in seats.values():
            graph.leave_seat(world, seat)


def _inner(request: Request, step: Json) -> Request:
    split = urlsplit(str(step["url"]))
    headers = {name.lower(): str(value) for name, value in step.get("headers", {}).items()}
    return Request(
        method=step["method"],
        path="/v1.0/" + unquote(split.path).lstrip("/"),
        query=parse_qs(split.query),
        headers={"authorization": request.headers.get("authorization", "")} | headers,
        body=json.dumps(step["body"]).encode() if "body" in step else b"",
    )


def _shown(name: str, response: Response) -> Json:
    if response.cut:
        return {"id": name, "status": 502, "headers": {}}
    found: Json = {"id": name, "status": response.status, "headers": response.headers}
    if response.body.startswith(b"{"):
        found["body"] = json.loads(response.body)
    return found
