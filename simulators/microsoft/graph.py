"""Graph v1.0 as a function: `answer` takes a request and gives the response, and never raises.

The way of a call: which call it is, who asks, how many calls already run for that mailbox, faults, quota, rights, the
operation, faults after it. Notifications leave once the lock is free.
"""

import json
import re
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.common.wire import Json, Request, Response, json_response
from simulators.microsoft import access, errors, notifications, routes, subscriptions, tokens, zones
from simulators.microsoft.call import Call
from simulators.microsoft.errors import GraphError
from simulators.microsoft.faults import Fault
from simulators.microsoft.model import AccessToken, Account
from simulators.microsoft.routes import Route
from simulators.microsoft.world import MicrosoftWorld

_PREFERENCE = re.compile(r'([A-Za-z.-]+)\s*=\s*"?([^",;]*)"?')
_SUBSCRIPTION_LIMITS = {
    **dict.fromkeys(("subscriptions.create", "subscriptions.update", "subscriptions.delete"), ("writes", 500)),
    "subscriptions.reauthorize": ("reauthorize", 1000),
    "subscriptions.list": ("list", 25),
}


@dataclass(frozen=True, slots=True)
class Seat:
    """One of the calls that run at a time for an app and a mailbox; `free` is false for one too many."""

    key: str
    free: bool


def take_seat(world: MicrosoftWorld, key: str) -> Seat:
    """Count a call among those that run; it is served only if its seat is free, and given back by `leave_seat`."""
    with world.lock:
        world.running[key] += 1
        world.peaks[key] = max(world.peaks[key], world.running[key])
        app = key.partition(" ")[0]
        world.app_running[app] += 1
        world.app_peaks[app] = max(world.app_peaks[app], world.app_running[app])
        return Seat(key, world.running[key] <= world.settings.concurrent_per_mailbox)


def leave_seat(world: MicrosoftWorld, seat: Seat) -> None:
    with world.lock:
        world.running[seat.key] -= 1
        world.app_running[seat.key.partition(" ")[0]] -= 1


def seat_key(world: MicrosoftWorld, request: Request) -> str | None:
    """Whose seats a call takes; None if it is refused before it comes to that."""
    found = routes.find(request.method, request.path)
    token = tokens.live_access(world, request.headers.get("authorization", ""))
    if found is None or token is None:
        return None
    try:
        mailbox = _mailbox(world, token, found[1].get("user"), found[0])
    except GraphError:
        return None
    return f"{token.client_id} {mailbox.email}"


def answer(world: MicrosoftWorld, request: Request, base_url: str, *, seat: Seat | None = None) -> Response:
    """Serve one call, then let notifications go. A step of a batch comes with its seat."""
    response = _served(world, request, base_url, seat)
    with world.lock:
        notifications.gather(world)
    world.flush_pushes()
    return response


def _served(world: MicrosoftWorld, request: Request, base_url: str, seat: Seat | None) -> Response:
    found = routes.find(request.method, request.path)
    name = found[0].name if found else "unknown"
    token = tokens.live_access(world, request.headers.get("authorization", ""))
    email = token.email if token else None
    request_id = request.headers.get("client-request-id") or str(uuid.uuid4())
    try:
        if token is None:
            raise errors.unauthenticated()
        if found is None:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.path}'.")
        response = _counted(world, request, found, token, base_url, seat)
    except GraphError as refusal:
        response = refusal.response(request_id, f"{world.now():%Y-%m-%dT%H:%M:%S}")
    response.headers |= {"request-id": request_id, "client-request-id": request_id}
    with world.lock:
        world.calls[name] += 1
        if seat is not None:
            world.steps[name] += 1
        world.call_statuses[response.status] += 1
        world.recent_calls.append({"call": name, "path": request.path, "status": response.status, "account": email})
    return response


def _counted(
    world: MicrosoftWorld,
    request: Request,
    found: tuple[Route, dict[str, str]],
    token: AccessToken,
    base_url: str,
    given: Seat | None,
) -> Response:
    """Run the call while it counts among those of its app and mailbox."""
    route, path = found
    mailbox = _mailbox(world, token, path.get("user"), route)
    seat = given or take_seat(world, f"{token.client_id} {mailbox.email}")
    try:
        if not seat.free:
            message = "Application is over its MailboxConcurrency limit."
            raise errors.too_many("ApplicationThrottled", message, 1)
        fault = struck(world, request, route.name, token.email or mailbox.email)
        if world.settings.latency_seconds:
            world.sleep(world.settings.latency_seconds)
        if fault is not None and fault.kind == "cut_before":
            return Response(502, cut=True)
        return afterwards(fault, _run(world, request, route, path, token, mailbox, base_url, seat.key))
    except GraphError as refusal:
        with world.lock:
            world.throttled[seat.key] += refusal.status == 429
        raise
    finally:
        if given is None:
            leave_seat(world, seat)


def _run(
    world: MicrosoftWorld,
    request: Request,
    route: Route,
    path: dict[str, str],
    token: AccessToken,
    mailbox: Account,
    base_url: str,
    key: str,
) -> Response:
    with world.lock:
        _spend(world, token.client_id, world.settings.app_requests_per_ten_seconds, 10.0)
        _spend(world, key, world.settings.requests_per_ten_minutes, 600.0)
        if route.name in _SUBSCRIPTION_LIMITS:
            kind, most = _SUBSCRIPTION_LIMITS[route.name]
            _spend(world, f"{token.client_id} {token.tenant} {kind}", most, 20.0)
        access.check(world, route.right, token, mailbox)
        call = _call_of(world, request, route, path, token, mailbox, base_url)
        if route.name != "subscriptions.create":
            return _reply(route, call, route.operation(call))
        made = subscriptions.prepare(call)
    subscriptions.shake_hands(world, made)
    with world.lock:
        return _reply(route, call, subscriptions.finish(call, made))


def _reply(route: Route, call: Call, result: Json | None) -> Response:
    if result is None:
        return Response(route.status)
    applied = [f'outlook.timezone="{call.zone}"'] if call.zone != "UTC" else []
    applied += ['IdType="ImmutableId"'] if call.immutable else []
    headers = {"Preference-Applied": ", ".join(applied)} if applied else {}
    if "@odata.etag" in result:
        headers["ETag"] = result["@odata.etag"]
    return json_response(route.status, result, headers)


def _mailbox(world: MicrosoftWorld, token: AccessToken, user: str | None, route: Route) -> Account:
    if user is not None:
        found = world.account_of(user)
        if found is None or found.tenant != token.tenant:
            if route.right == "user":
                message = f"Resource '{user}' does not exist or one of its queried reference-property objects are not "
                raise GraphError(404, "Request_ResourceNotFound", message + "present.")
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{user}' is invalid.")
        return found
    if token.email is not None:
        return world.accounts[token.email]
    if route.in_mailbox:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return Account(f"app:{token.client_id}", "", token.client_id, token.tenant, "UTC")


def _call_of(
    world: MicrosoftWorld,
    request: Request,
    route: Route,
    path: dict[str, str],
    token: AccessToken,
    mailbox: Account,
    base_url: str,
) -> Call:
    wishes = {k.lower(): v for k, v in _PREFERENCE.findall(request.headers.get("prefer", ""))}
    zone = wishes.get("outlook.timezone", "UTC")
    if not zones.is_zone(zone):
        raise GraphError(400, "TimeZoneNotSupportedException", f"The time zone '{zone}' is not supported.")
    size = wishes.get("odata.maxpagesize", "")
    return Call(
        world=world,
        name=route.name,
        mailbox=mailbox,
        client_id=token.client_id,
        actor=token.email,
        tenant=token.tenant,
        scopes=token.scopes,
        path=path,
        query={name: values[0] for name, values in request.query.items()},
        body=_body(request, route),
        zone=zone,
        immutable=wishes.get("idtype", "").lower() == "immutableid",
        text_bodies=wishes.get("outlook.body-content-type", "").lower() == "text",
        page_size=min(max(int(size), 1), 1000) if size.isdigit() else None,
        if_match=request.headers.get("if-match"),
        base_url=base_url,
        url_path=request.path,
    )


def _body(request: Request, route: Route) -> object:
    if not route.body:
        return None
    if not request.body:
        return {}
    kind = request.headers.get("content-type", "")
    if "json" not in kind:
        raise GraphError(400, "BadRequest", f"Content type '{kind}' is not supported: application/json is wanted.")
    try:
        found: object = json.loads(request.body)
    except ValueError as error:
        raise errors.GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error
    return found


def struck(world: MicrosoftWorld, request: Request, name: str, email: str) -> Fault | None:
    """The fault for this call, if any: raises its refusal, or waits for its time."""
    with world.lock:
        fault = world.faults.take(name, request.path, email)
    if fault is None:
        return None
    refusal = fault.refusal()
    if refusal is not None:
        raise refusal
    if fault.kind == "hang":
        world.sleep(fault.seconds)
    return fault


_AFTER: dict[str, Callable[[], Response]] = {
    "cut_after": lambda: Response(502, cut=True),
    "garbage_after": lambda: Response(
        502, {"Content-Type": "text/html"}, b"<html><title>502 Bad Gateway</title></html>"
    ),
    "fields_missing": lambda: json_response(200, {}),
}


def afterwards(fault: Fault | None, response: Response) -> Response:
    """Faults that hide from the caller that the call went through."""
    return _AFTER[fault.kind]() if fault is not None and fault.kind in _AFTER else response


def _spend(world: MicrosoftWorld, key: str, most: int, seconds: float) -> None:
    """At most so many in a sliding span."""
    now = world.seconds()
    spent = world.spent.setdefault(f"{key} {seconds}", deque())
    while spent and spent[0] <= now - seconds:
        spent.popleft()
    if len(spent) >= most:
        wait = max(int(spent[0] + seconds - now) + 1, 1)
        raise errors.too_many("ApplicationThrottled", "Application is over its request limit.", wait)
    spent.append(now)
