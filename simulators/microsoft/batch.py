"""`$batch`: up to 20 calls as JSON, each answered on its own. `dependsOn` is refused unless the settings allow it."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

from simulators.common.wire import Json, Request, Response, json_response
from simulators.microsoft import errors, graph, tokens
from simulators.microsoft.errors import GraphError
from simulators.microsoft.world import MicrosoftWorld

MOST = 20
_MEMBERS = frozenset({"id", "method", "url", "headers", "body", "dependsOn"})


def answer(world: MicrosoftWorld, request: Request, base_url: str) -> Response:
    with world.lock:
        world.calls["batch"] += 1
    try:
        if tokens.live_access(world, request.headers.get("authorization", "")) is None:
            raise errors.unauthenticated()
        calls = _read(world, request)
    except GraphError as refusal:
        return refusal.response("", f"{world.now():%Y-%m-%dT%H:%M:%S}")
    done: dict[str, Json] = {}
    for call in calls:
        done[call["id"]] = _run(world, request, call, done, base_url)
    return json_response(200, {"responses": list(done.values())})


def _read(world: MicrosoftWorld, request: Request) -> list[Json]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error
    calls = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(calls, list) or not calls:
        raise GraphError(400, "BadRequest", "'requests' must hold at least one request.")
    if len(calls) > MOST:
        raise GraphError(400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {MOST}.")
    for call in calls:
        if not isinstance(call, dict) or set(call) - _MEMBERS or not {"id", "method", "url"} <= set(call):
            raise GraphError(400, "BadRequest", "A step holds id, method and url.")
        plain = all(isinstance(call[name], str) for name in ("id", "method", "url"))
        if (
            not plain
            or not isinstance(call.get("headers", {}), dict)
            or not isinstance(call.get("dependsOn", []), list)
        ):
            raise GraphError(400, "BadRequest", "A step's id, method and url are strings, its headers an object.")
        if str(call["url"]).startswith(("http://", "https://")):
            raise GraphError(400, "BadRequest", "A step's url is relative.")
        if "body" in call and "content-type" not in {name.lower() for name in call.get("headers", {})}:
            raise GraphError(400, "BadRequest", f"Step {call['id']} has a body without a Content-Type header.")
        if call.get("dependsOn") and not world.settings.batch_depends_on:
            raise GraphError(400, "BadRequest", "dependsOn is refused by the simulator.")
    if len({call["id"] for call in calls}) != len(calls):
        raise GraphError(400, "BadRequest", "The ids of the steps must be unique.")
    return calls


def _run(world: MicrosoftWorld, request: Request, call: Json, done: dict[str, Json], base_url: str) -> Json:
    if any(done.get(name, {"status": 424})["status"] >= 400 for name in call.get("dependsOn", [])):
        failure = GraphError(424, "FailedDependency", "A step this one depends on has failed.")
        return {"id": call["id"], "status": 424, "headers": {}, "body": failure.body()}
    split = urlsplit(str(call["url"]))
    headers = {name.lower(): str(value) for name, value in call.get("headers", {}).items()}
    inner = Request(
        method=call["method"],
        path="/v1.0/" + unquote(split.path).lstrip("/"),
        query=parse_qs(split.query),
        headers={"authorization": request.headers.get("authorization", "")} | headers,
        body=json.dumps(call["body"]).encode() if "body" in call else b"",
    )
    response = graph.answer(world, inner, base_url)
    if response.cut:
        return {"id": call["id"], "status": 502, "headers": {}}
    found: Json = {"id": call["id"], "status": response.status, "headers": response.headers}
    if response.body.startswith(b"{"):
        found["body"] = json.loads(response.body)
    return found
