"""/v1/integrations and /v1/connections: what is connected, and connecting and disconnecting it."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.answers import json_response
from functions.api.desk import body, caller, consent, fates, house, named, only, out_of_time, query, settings
from functions.api.views import Json, connection_json, help_json, items
from shared import organizations
from shared.connection_policy import change_policy, renew_reminders
from shared.connections import abandon, begin, confirm
from shared.disconnect import disconnect, preview
from shared.errors import FieldError, Problem, invalid
from shared.holding import discard, release
from shared.model import Connection, ConnectionStatus
from shared.providers import NAMES, PROVIDERS
from shared.providers.base import Revocation
from shared.queue import ConnectionJob
from shared.trial_booking import send_test_event

router = Router()


@router.get("/v1/integrations")
def integrations() -> Json:
    owner = caller(router).owner(query(router, "user_id"))
    found = [one for one in house().store.connections.of_owner(owner) if _is_shown(one)]
    providers = items(
        {
            "provider": provider,
            "name": NAMES[provider],
            "connections": [_view(one) for one in found if one.provider == provider],
        }
        for provider in PROVIDERS
    )
    return {**providers, "help": help_json(settings())}


@router.post("/v1/connections")
def create() -> Response[str]:
    members = body(router)
    only(members, {"provider", "return_to", "login_hint", "user_id"})
    texts = {name: members.get(name, "") for name in ("provider", "return_to", "login_hint")}
    wrong = [FieldError(name, "Use a text.") for name, text in texts.items() if not isinstance(text, str)]
    if wrong:
        raise invalid(wrong)
    connection, url = begin(house(), consent(), caller(router).owner(members.get("user_id")), **texts)
    return json_response(201, {"connection_id": connection.id, "authorization_url": url})


@router.get("/v1/connections")
def listing() -> Json:
    owner = caller(router).owner(query(router, "user_id"))
    return items(_view(connection) for connection in house().store.connections.of_owner(owner))


@router.get("/v1/connections/<connection_id>")
def read(connection_id: str) -> Json:
    return _view(_mine(connection_id))


@router.patch("/v1/connections/<connection_id>")
def change(connection_id: str) -> Json:
    connection, members = _mine(connection_id), body(router)
    return _view(change_policy(house(), connection, members))


@router.post("/v1/connections/<connection_id>/confirm")
def activate(connection_id: str) -> Json:
    members = body(router)
    only(members, {"confirmation", "user_id"})
    confirmation = members.get("confirmation")
    if not isinstance(confirmation, str) or not confirmation or not confirmation.isascii():
        raise invalid([FieldError("confirmation", "Send the confirmation that came back in the address.")])
    who, identifier = caller(router), named(connection_id)
    owner = who.owner(members.get("user_id"))
    begun = who.may_use(house().store.connections.load(identifier))
    if begun.organization is None:
        return _view(confirm(house(), owner, identifier, confirmation))
    who.must_administer()
    return _view(organizations.confirm(house(), owner, identifier, confirmation))


@router.post("/v1/connections/<connection_id>/sync")
def look_now(connection_id: str) -> Response[str]:
    connection = _active(connection_id)
    house().jobs.send(ConnectionJob(connection.id))
    return json_response(202, _view(connection))


@router.post("/v1/connections/<connection_id>/release")
def let_go_on(connection_id: str) -> Response[str]:
    connection = _active(connection_id)
    release(house(), connection)
    return json_response(202, _view(connection))


@router.post("/v1/connections/<connection_id>/discard")
def look_again(connection_id: str) -> Response[str]:
    connection = _active(connection_id)
    discard(house(), connection)
    return json_response(202, _view(connection))


@router.post("/v1/connections/<connection_id>/test-event")
def test_event(connection_id: str) -> Response[str]:
    return json_response(201, send_test_event(house(), _active(connection_id), caller(router).writer))


@router.post("/v1/connections/<connection_id>/reminders")
def remind_as_now(connection_id: str) -> Response[str]:
    only(body(router), {"user_id"})
    return json_response(202, {"bookings": renew_reminders(house(), _active(connection_id))})


@router.get("/v1/connections/<connection_id>/disconnect-preview")
def before_disconnecting(connection_id: str) -> Json:
    return dict(preview(house(), _mine(connection_id)))


@router.delete("/v1/connections/<connection_id>")
def remove(connection_id: str) -> Json:
    connection, choice = _mine(connection_id), fates(router)
    if connection.member_of:
        sentence = "Your organisation has connected this calendar. Ask its administrator to take you off the list."
        raise Problem(409, "managed_by_organization", sentence)
    if connection.status is ConnectionStatus.PENDING:
        revoked = abandon(house(), connection) is Revocation.REVOKED
        return {"id": connection.id, "status": "disconnected", "revoked": revoked, "complete": True, "notes": []}
    if connection.status is not ConnectionStatus.DISCONNECTED:
        connection = disconnect(house(), connection, choice, out_of_time(router))
    return {**(connection.receipt or {}), "id": connection.id, "status": connection.status.value}


def _is_shown(connection: Connection) -> bool:
    """Neither a consent that is under way nor somebody whom their organisation does not keep in step."""
    if connection.member_of and connection.status is ConnectionStatus.DISCONNECTED:
        return False
    return connection.status is not ConnectionStatus.PENDING


def _mine(connection_id: str) -> Connection:
    return caller(router).may_use(house().store.connections.load(named(connection_id)))


def _active(connection_id: str) -> Connection:
    connection = _mine(connection_id)
    if connection.status is not ConnectionStatus.ACTIVE:
        raise Problem(409, "not_active", "This connection is not active. Sign in to the account again.")
    return connection


def _view(connection: Connection) -> Json:
    store = house().store
    by = store.connections.load(connection.member_of) if connection.member_of else None
    managed_by = by.organization.display_name if by is not None and by.organization is not None else None
    return connection_json(connection, store.calendars.of_connection(connection.id), house().clock(), managed_by)
