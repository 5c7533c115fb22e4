"""/v1/organization/{provider}/staff: whose calendars an organisation has kept in step; for its admins."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.desk import body, caller, fates, file, house, named, only, out_of_time, query
from functions.api.organization_views import import_json, staff_json
from functions.api.views import Json, items
from shared import organizations, staff, staff_import
from shared.errors import FieldError, Problem, invalid, not_found
from shared.model import Connection
from shared.staff import Entry

router = Router()

PAGE = 50


@router.get("/v1/organization/<provider>/staff")
def listing(provider: str) -> Json:
    organization = _organization(provider)
    after = query(router, "after")
    if len(after) > staff_import.LONGEST_USER_ID:
        raise invalid([FieldError("after", "Fetch the path in `next` as it stands, or begin without this.")])
    page = house().store.connections.staff(organization.id, limit=PAGE, after=after)
    following = f"{_path(provider)}?{urlencode({'after': page[-1].owner.user_id})}" if len(page) == PAGE else None
    return items((_view(person, organization) for person in page), following)


@router.get("/v1/organization/<provider>/staff/<user_id>")
def read(provider: str, user_id: str) -> Json:
    organization = _organization(provider)
    return _view(staff.find(house(), organization, named(user_id)), organization)


@router.put("/v1/organization/<provider>/staff/<user_id>")
def put(provider: str, user_id: str) -> Json:
    organization, members, who = _organization(provider), body(router), named(user_id)
    only(members, {"mailbox", "enabled"})
    mailbox, enabled = members.get("mailbox"), members.get("enabled", True)
    errors = [] if isinstance(enabled, bool) else [FieldError("enabled", "Use true or false.")]
    if not isinstance(mailbox, str) or staff_import.wrong_with_mailbox(mailbox):
        errors.append(FieldError("mailbox", "Use an address, such as ada@example.com."))
    if errors:
        raise invalid(errors)
    if staff_import.wrong_with(who, str(mailbox)):
        raise not_found()
    entry = Entry(who, str(mailbox), enabled)
    return _view(staff.put(house(), organization, entry, fates(router), out_of_time(router)), organization)


@router.delete("/v1/organization/<provider>/staff/<user_id>")
def remove(provider: str, user_id: str) -> Json:
    person = staff.find(house(), _organization(provider), named(user_id))
    gone = staff.remove(house(), person, fates(router), out_of_time(router))
    return {**(gone.receipt or {}), "id": gone.id, "status": gone.status.value}


@router.post("/v1/organization/<provider>/staff/import")
def take_in(provider: str) -> Json:
    organization = _organization(provider)
    apply, from_line = query(router, "apply") or "false", query(router, "from_line") or "1"
    if apply not in ("true", "false"):
        raise invalid([FieldError("apply", "Use true or false.")])
    if not (from_line.isascii() and from_line.isdecimal() and len(from_line) < 10):
        raise invalid([FieldError("from_line", "Use the number of a line, as `next_line` gave it.")])
    found = staff_import.read(file(router))
    compared = staff_import.compare(found, staff_import.listed(house(), organization))
    if apply == "false":
        return import_json(compared, None)
    applied = staff_import.apply(house(), organization, compared, int(from_line), out_of_time(router))
    return import_json(compared, applied)


def _organization(provider: str) -> Connection:
    who = caller(router)
    who.must_administer()
    return organizations.find(house(), who.org, named(provider))


def _path(provider: str) -> str:
    return f"/v1/organization/{quote(named(provider))}/staff"


def _view(person: Connection, organization: Connection) -> Json:
    if not person.member_of:
        raise Problem(409, "changed_meanwhile", "This person was taken off the list meanwhile.")
    calendars = house().store.calendars.of_connection(person.id)
    return staff_json(person, organization, calendars, house().clock())
