"""Who and where: a user, the users of a tenant, the organisation.

Microsoft's reference: `user-get`, `user-list`, `organization-list`. The list comes in no particular order, in pages by
`$skiptoken`, and with the few properties that Graph gives unasked.
"""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from simulators.common.wire import Json
from simulators.microsoft import odata
from simulators.microsoft.call import Call
from simulators.microsoft.errors import GraphError
from simulators.microsoft.model import Account

_USUAL = (
    *("businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation"),
    *("preferredLanguage", "surname", "userPrincipalName"),
)
_EQUAL = re.compile(r"^(\w+) eq (true|false|'(?:[^']|'')*')$")
_STARTS = re.compile(r"^startswith\((\w+),\s*'((?:[^']|'')*)'\)$", re.IGNORECASE)


def get_user(call: Call) -> Json:
    odata.check(call.query, ("$select",))
    found = _selected(_user(call.mailbox), call.query.get("$select"))
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#users/$entity"} | found


def list_users(call: Call) -> Json:
    """Everybody of the tenant, with and without a mailbox; at most 999 a page, 100 unasked."""
    for name in call.query:
        if name not in {"$select", "$top", "$filter", "$skiptoken"}:
            raise GraphError(400, "Request_UnsupportedQuery", f"'{name}' is not supported for users.")
    top = odata.number(call.query, "$top", 100, 999)
    fits = _filter(call.query.get("$filter"))
    people = sorted((a for a in call.world.accounts.values() if a.tenant == call.tenant), key=lambda a: a.oid)
    rest = [a for a in people if fits(_user(a)) and a.oid > call.query.get("$skiptoken", "")]
    page: Json = {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#users",
        "value": [_selected(_user(a), call.query.get("$select")) for a in rest[:top]],
    }
    if len(rest) > top:
        query = {**call.query, "$skiptoken": rest[top - 1].oid}
        page["@odata.nextLink"] = f"{call.base_url}{call.url_path}?{urlencode(query)}"
    return page


def organization(call: Call) -> Json:
    tenant = call.world.tenants[call.tenant]
    names = [tenant.domain, *tenant.domains]
    domains = [
        {"name": name, "isDefault": name == tenant.domain, "isInitial": name.endswith(".onmicrosoft.com")}
        for name in names
    ]
    row = {"id": tenant.id, "displayName": tenant.name, "verifiedDomains": domains}
    return {"@odata.context": f"{call.base_url}/v1.0/$metadata#organization", "value": [row]}


def _user(account: Account) -> Json:
    first, _, last = account.name.partition(" ")
    plans = [{"service": "exchange", "capabilityStatus": "Enabled"}] if account.licensed else []
    return {
        "businessPhones": [],
        "displayName": account.name,
        "givenName": first,
        "id": account.oid,
        "jobTitle": None,
        "mail": account.email if account.licensed else None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": last or None,
        "userPrincipalName": account.email,
        "accountEnabled": account.enabled,
        "assignedPlans": plans,
        "mailNickname": account.email.split("@", maxsplit=1)[0],
        "userType": "Member",
    }


def _selected(user: Json, asked: str | None) -> Json:
    wanted = odata.names(asked) or list(_USUAL)
    for name in wanted:
        if name not in user:
            raise _unknown(name)
    return {name: user[name] for name in wanted}


def _filter(text: str | None) -> Callable[[Json], bool]:
    """Comparisons with `eq` and `startswith`, joined by `and`."""
    tests = [_clause(part.strip()) for part in text.split(" and ")] if text else []
    return lambda user: all(test(user) for test in tests)


def _clause(part: str) -> Callable[[Json], bool]:
    equal, starts = _EQUAL.match(part), _STARTS.match(part)
    found = equal or starts
    if found is None:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {part}")
    name = found.group(1)
    if name not in _user(Account("a@b", "", "", "", "UTC")):
        raise _unknown(name)
    wanted = found.group(2).removeprefix("'").removesuffix("'").replace("''", "'").lower()
    if equal:
        return lambda user: str(user[name]).lower() == wanted
    return lambda user: str(user[name] or "").lower().startswith(wanted)


def _unknown(name: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Could not find a property named '{name}' on type 'microsoft.graph.user'.")
