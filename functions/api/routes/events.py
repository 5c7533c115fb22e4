"""/v1/events: the app's events, their occurrences and their history."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.answers import event_response
from functions.api.desk import body, caller, house, if_match, instant, named, query
from functions.api.views import Json, history_json, items
from shared import events
from shared.calendar.recurrence import normalize_original_start
from shared.errors import FieldError, invalid, not_found
from shared.event_json import occurrence_json, to_json
from shared.model import OriginalStart, Owner

router = Router()

LONGEST_EXPANSION = timedelta(days=732)


@router.get("/v1/events")
def listing() -> Json:
    owner = _owner()
    start, end = instant(router, "from"), instant(router, "to")
    if end <= start:
        raise invalid([FieldError("to", "The end lies before the start; swap them.")])
    expand = query(router, "expand").lower() == "true"
    if expand and end - start > LONGEST_EXPANSION:
        raise invalid([FieldError("to", "Occurrences are listed for two years at most; ask for less.")])
    after = query(router, "after")
    if expand:
        pairs, position = events.expanded_listing(house(), owner, start, end, after)
        shown = [occurrence_json(event, item) for event, item in pairs]
    else:
        found, position = events.listing(house(), owner, start, end, after)
        shown = [to_json(event) for event in found]
    kept = {name: query(router, name) for name in ("from", "to", "user_id", "expand")}
    following = {**{name: value for name, value in kept.items() if value}, "after": position}
    return items(shown, f"/v1/events?{urlencode(following)}" if position else None)


@router.put("/v1/events/<event_id>")
def put(event_id: str) -> Response[str]:
    identifier, members = named(event_id), body(router)
    events.check_event_id(identifier)
    if members.pop("id", identifier) != identifier:
        raise invalid([FieldError("id", "The body's id is not the one in the path; leave it out.")])
    owner = caller(router).owner(members.pop("user_id", None))
    event, created = events.put(
        house(), owner, identifier, members, if_match=if_match(router), writer=caller(router).writer
    )
    return event_response(201 if created else 200, event)


@router.get("/v1/events/<event_id>")
def read(event_id: str) -> Response[str]:
    return event_response(200, events.read(house(), _owner(), _known(event_id)))


@router.patch("/v1/events/<event_id>")
def patch(event_id: str) -> Response[str]:
    members = body(router)
    owner = caller(router).owner(members.pop("user_id", None))
    writer = caller(router).writer
    event = events.patch(house(), owner, _known(event_id), members, if_match=if_match(router), writer=writer)
    return event_response(200, event)


@router.delete("/v1/events/<event_id>")
def delete(event_id: str) -> Response[str]:
    events.delete(house(), _owner(), _known(event_id), if_match=if_match(router), writer=caller(router).writer)
    return Response(status_code=204, body="")


@router.patch("/v1/events/<event_id>/occurrences/<original_start>")
def patch_occurrence(event_id: str, original_start: str) -> Response[str]:
    members = body(router)
    owner = caller(router).owner(members.pop("user_id", None))
    start, writer = _start(original_start), caller(router).writer
    event = events.patch_occurrence(
        house(), owner, _known(event_id), start, members, if_match=if_match(router), writer=writer
    )
    return event_response(200, event)


@router.delete("/v1/events/<event_id>/occurrences/<original_start>")
def delete_occurrence(event_id: str, original_start: str) -> Response[str]:
    start, writer = _start(original_start), caller(router).writer
    event = events.delete_occurrence(
        house(), _owner(), _known(event_id), start, if_match=if_match(router), writer=writer
    )
    return event_response(200, event)


@router.get("/v1/events/<event_id>/history")
def history(event_id: str) -> Json:
    return items(history_json(entry) for entry in events.history(house(), _owner(), _known(event_id)))


def _owner() -> Owner:
    return caller(router).owner(query(router, "user_id") or None)


def _known(event_id: str) -> str:
    """The id in a path; one that no event can have is unknown."""
    identifier = named(event_id)
    if not events.is_event_id(identifier):
        raise not_found()
    return identifier


def _start(text: str) -> OriginalStart:
    try:
        return normalize_original_start(named(text).replace(" ", "+"))
    except ValueError:
        raise not_found() from None
