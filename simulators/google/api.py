"""The Calendar API as a function: `answer` takes a request and gives the response, and never raises.

The way of a call: which call it is, faults, who asks, scopes, quota, parameters and body by the discovery document, the
operation, faults after it. Notifications leave once the lock is free.
"""

import json
from collections.abc import Callable
from typing import Any

from simulators.google import (
    calendars,
    channels,
    discovery,
    errors,
    event_listing,
    events,
    fields,
    freebusy,
    oauth,
    quota,
)
from simulators.google.call import Call
from simulators.google.discovery import Method
from simulators.google.errors import ApiError
from simulators.google.faults import Fault
from simulators.google.model import AccessToken
from simulators.google.wire import Json, Request, Response, json_response
from simulators.google.world import GoogleWorld

OPERATIONS: dict[str, Callable[[Call], Json | None]] = {
    "calendarList.list": calendars.list_calendars,
    "calendarList.get": calendars.get_entry,
    "calendarList.watch": channels.watch_calendar_list,
    "calendars.get": calendars.get_calendar,
    "calendars.insert": calendars.insert_calendar,
    "calendars.delete": calendars.delete_calendar,
    "channels.stop": channels.stop,
    "events.list": event_listing.list_events,
    "events.instances": event_listing.instances,
    "events.get": events.get,
    "events.insert": events.insert,
    "events.import": events.import_event,
    "events.update": events.update,
    "events.patch": events.patch,
    "events.delete": events.delete,
    "events.move": events.move,
    "events.watch": channels.watch_events,
    "freebusy.query": freebusy.query,
    "settings.list": calendars.list_settings,
    "settings.get": calendars.get_setting,
    "settings.watch": channels.watch_settings,
}


def answer(world: GoogleWorld, request: Request) -> Response:
    """Serve one call, then let notifications go."""
    response = _served(world, request)
    world.flush_pushes()
    return response


def _served(world: GoogleWorld, request: Request) -> Response:
    found = discovery.find_method(request.method, request.path)
    name = found[0].name if found else "unknown"
    token = oauth.bearer(world, request)
    email = token.email if token else None
    try:
        if found is None or name not in OPERATIONS:
            raise errors.not_found()
        method, path = found
        fault = _struck(world, request, name, email, path.get("calendarId"))
        if fault is not None and fault.kind == "cut_before":
            response = Response(502, cut=True)
        else:
            with world.lock:
                response = _called(world, request, method, path)
            response = _afterwards(fault, response)
    except ApiError as refusal:
        response = refusal.response()
    with world.lock:
        world.calls[name] += 1
        world.call_statuses[response.status] += 1
        world.recent_calls.append({"call": name, "path": request.path, "status": response.status, "account": email})
    return response


def _struck(
    world: GoogleWorld, request: Request, name: str, email: str | None, calendar_id: str | None
) -> Fault | None:
    """The fault for this call, if any: raises its refusal, or waits for its time."""
    calendar_id = email if calendar_id == "primary" else calendar_id
    with world.lock:
        fault = world.faults.take(name, request.path, email, calendar_id)
    if fault is None:
        return None
    refusal = fault.refusal()
    if refusal is not None:
        raise refusal
    if fault.kind == "hang":
        world.sleep(fault.seconds)
    return fault


def _afterwards(fault: Fault | None, response: Response) -> Response:
    """Faults that hide from the caller that the call went through."""
    match fault.kind if fault else "":
        case "cut_after":
            return Response(502, cut=True)
        case "garbage_after":
            return Response(502, {"Content-Type": "text/html; charset=UTF-8"}, b"<html><title>Error 502</title></html>")
        case "fields_missing":
            return json_response(200, {})
    return response


def _called(world: GoogleWorld, request: Request, method: Method, path: dict[str, str]) -> Response:
    token = oauth.bearer(world, request)
    if token is None:
        raise errors.unauthenticated()
    if not method.scopes & set(token.scopes):
        raise errors.insufficient_scope()
    query = discovery.check_query(method, request.query)
    quota.spend(world, token, query.get("quotaUser") or request.headers.get("x-goog-quota-user"), method.name)
    call = _call_of(world, request, method, path, token, query)
    _check_person(call)
    result = OPERATIONS[method.name](call)
    if result is None:
        return Response(204)
    if query.get("fields"):
        result = fields.apply(fields.read_mask(query["fields"]), result)
    headers = {"ETag": str(result["etag"])} if "etag" in result else {}
    return json_response(200, result, headers)


def _check_person(call: Call) -> None:
    """Refuse somebody without the Calendar service, and a service account for itself that invites people."""
    if not call.account.calendar_service:
        raise errors.no_calendar_user()
    if call.account.service and call.body.get("attendees"):
        raise errors.service_account_guests()


def _call_of(
    world: GoogleWorld,
    request: Request,
    method: Method,
    path: dict[str, str],
    token: AccessToken,
    query: dict[str, Any],
) -> Call:
    body: Json = {}
    if method.request_schema is not None:
        try:
            parsed = json.loads(request.body or b"{}")
        except ValueError as error:
            raise discovery.parse_error() from error
        body = discovery.check_body(method.request_schema, parsed)
    elif request.body.strip():
        raise errors.bad_request("This call takes no body.")
    return Call(
        world=world,
        name=method.name,
        email=token.email,
        client_id=token.client_id,
        path=path,
        query=query,
        body=body,
        if_match=request.headers.get("if-match"),
        url_path=request.path,
    )
