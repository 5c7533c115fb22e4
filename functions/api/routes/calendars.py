"""Calendars of a connection: which is the main booking calendar, which take bookings, which are read and synced."""

from __future__ import annotations

from collections.abc import Iterable

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.desk import body, caller, house, named, settings
from functions.api.views import Json, calendar_json, items
from shared.calendar_choice import choose
from shared.errors import not_found
from shared.model import Calendar, Link, connection_of

router = Router()


@router.get("/v1/connections/<connection_id>/calendars")
def listing(connection_id: str) -> Json:
    store = house().store
    connection = caller(router).may_use(store.connections.load(named(connection_id)))
    found = store.calendars.of_connection(connection.id)
    return items(
        _view(calendar, store.events.problems(calendar.id))
        for calendar in sorted(found, key=lambda calendar: (not calendar.main, not calendar.sync, calendar.name))
    )


@router.patch("/v1/calendars/<calendar_id>")
def change(calendar_id: str) -> Json:
    members, identifier = body(router), named(calendar_id)
    connection = caller(router).may_use(house().store.connections.load(connection_of(identifier)))
    calendar = house().store.calendars.load(identifier)
    if calendar is None:
        raise not_found()
    return _view(choose(house(), connection, calendar, members))


def _view(calendar: Calendar, problems: Iterable[Link] = ()) -> Json:
    return calendar_json(calendar, house().clock(), can_push=bool(settings().push_url), problems=problems)
