"""/v1/organization: one account, or the app itself, that acts for all staff of an organisation; for its admins."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.answers import json_response
from functions.api.caller import Caller
from functions.api.desk import body, caller, consent, fates, house, named, only, out_of_time, settings
from functions.api.organization_views import PLACE, organization_json
from functions.api.views import Json
from shared import organizations
from shared.errors import FieldError, invalid, not_found
from shared.model import Connection
from shared.organization_disconnect import disconnect_organization
from shared.organizations import Away, Wanted
from shared.providers.organizations import StaffAccess
from shared.staff_status import totals
from shared.verification import members as people

router = Router()

LONGEST = {"tenant": 253, "domain": 253, "display_name": 100, "service_account": 254}
MEMBERS = {
    "microsoft": {"tenant", "display_name", "access", "service_account", "show_titles"},
    "google": {"domain", "display_name", "service_account_key", "show_titles"},
}


@router.get("/v1/organization/<provider>")
def read(provider: str) -> Json:
    return _view(_found(provider))


@router.put("/v1/organization/<provider>")
def put(provider: str) -> Json:
    who, name, members = _administrator(), named(provider), body(router)
    if name not in MEMBERS:
        raise not_found()
    only(members, MEMBERS[name])
    return _view(organizations.set_up(house(), who.org, name, _wanted(name, members)))


@router.post("/v1/organization/<provider>/authorize")
def authorize(provider: str) -> Json:
    organization, members = _found(provider), body(router)
    only(members, {"return_to", "user_id"})
    return_to = members.get("return_to", "")
    if not isinstance(return_to, str):
        raise invalid([FieldError("return_to", "Use a text.")])
    administrator = caller(router).owner(members.get("user_id"))
    begun = organizations.authorize(house(), consent(), organization, administrator, return_to)
    if isinstance(begun, Away):
        return {"authorization_url": begun.authorization_url, "connection_id": begun.connection.id}
    return {"status": begun.status.value}


@router.post("/v1/organization/<provider>/check")
def check(provider: str) -> Response[str]:
    organization = _found(provider)
    only(body(router), set())
    return json_response(202, _view(organizations.check_everybody(house(), organization)))


@router.delete("/v1/organization/<provider>")
def remove(provider: str) -> Json:
    organization = disconnect_organization(house(), _found(provider), fates(router), out_of_time(router))
    return {**(organization.receipt or {}), "id": organization.id, "status": organization.status.value}


def _administrator() -> Caller:
    who = caller(router)
    who.must_administer()
    return who


def _found(provider: str) -> Connection:
    return organizations.find(house(), _administrator().org, named(provider))


def _view(organization: Connection) -> Json:
    counted = totals(people(house(), organization), organization)
    return organization_json(organization, counted, house().clock(), can_push=bool(settings().push_url))


# --- the body of a PUT ---------------------------------------------------------------------------------------------


def _wanted(provider: str, members: dict[str, Any]) -> Wanted:
    place = PLACE[provider]
    errors = [_wrong_text(name, members.get(name), needed=True) for name in (place, "display_name")]
    titles = members.get("show_titles", False)
    if not isinstance(titles, bool):
        errors.append(FieldError("show_titles", "Use true or false."))
    access, service_account, key = StaffAccess.APPLICATION, "", b""
    if provider == "microsoft":
        service_account = members.get("service_account") or ""
        errors.append(_wrong_text("service_account", service_account, needed=False))
        if members.get("access") not in list(StaffAccess):
            errors.append(FieldError("access", "Use delegated or application."))
        else:
            access = StaffAccess(members["access"])
            if access is StaffAccess.DELEGATED and not service_account:
                errors.append(FieldError("service_account", "Name the account that is to sign in."))
    else:
        key, wrong = _key(members.get("service_account_key"))
        errors.append(wrong)
    if found := [error for error in errors if error is not None]:
        raise invalid(found)
    return Wanted(
        place=members[place].strip(),
        place_name=place,
        display_name=members["display_name"].strip(),
        access=access,
        service_account=service_account.strip(),
        show_titles=titles,
        key=key,
    )


def _wrong_text(name: str, value: object, *, needed: bool) -> FieldError | None:
    if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST[name]:
        return FieldError(name, f"Use a text of at most {LONGEST[name]} printable characters.")
    return FieldError(name, "This is needed.") if needed and not value.strip() else None


def _key(value: object) -> tuple[bytes, FieldError | None]:
    """The key file, as an object or as its text; b"" if it is left out."""
    match value:
        case None:
            return b"", None
        case str() if value.strip():
            return value.encode("utf-8", "surrogatepass"), None
        case dict() if value:
            return json.dumps(value).encode(), None
        case _:
            return b"", FieldError("service_account_key", "Send the key file that Google made, as it is.")
