"""What an administrator does, through `/control`: tenants and their clouds, apps with secrets and certificates,
consent, the mailboxes that an app reaches, licences.

Each call does what a portal page or a PowerShell command does in truth; `docs/organisations.md` names them.
"""

from dataclasses import asdict

from flask import Blueprint, request

from simulators.common.wire import Json
from simulators.microsoft import access, credentials, tokens
from simulators.microsoft.clouds import CLOUDS
from simulators.microsoft.model import App, Tenant
from simulators.microsoft.world import MicrosoftWorld

_APP = frozenset({"secret", "secret_expired", "redirect_uris", "audience", "name", "required_scopes", "required_roles"})
_TENANT = frozenset({"users_may_consent", "consents", "roles", "mailboxes", "name", "cloud", "domains"})
_BY_APP = ("consents", "roles", "mailboxes")


def add_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    for add in (_app_routes, _credential_routes, _tenant_routes, _principal_routes):
        add(blueprint, world)


def tenant_of(world: MicrosoftWorld, id_or_domain: str) -> Tenant:
    found = world.tenant(id_or_domain)
    if found is None:
        raise ValueError(f"unknown tenant {id_or_domain}")
    return found


def _body() -> Json:
    body = request.get_json() if request.data else {}
    if not isinstance(body, dict):
        raise ValueError("a JSON object is wanted")
    return body


def _change(thing: App | Tenant, allowed: frozenset[str], body: Json) -> Json:
    if unknown := set(body) - allowed:
        raise ValueError(f"unknown member {', '.join(sorted(unknown))}")
    if body.get("cloud", "worldwide") not in CLOUDS:
        raise ValueError(f"unknown cloud; known: {', '.join(CLOUDS)}")
    for name, value in body.items():
        setattr(thing, name, value)
    return asdict(thing)


def _app_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/clients")
    def add_app() -> Json:
        body = _body()
        app = world.add_app(body["id"], body["secret"], body.get("redirect_uris", []), body.get("audience", "multi"))
        return asdict(app)

    @blueprint.get("/clients")
    def list_apps() -> Json:
        return {"clients": [asdict(app) for app in world.apps.values()]}

    @blueprint.patch("/clients/<client_id>")
    def change_app(client_id: str) -> Json:
        with world.lock:
            return _change(world.apps[client_id], _APP, _body())


def _credential_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/clients/<client_id>/secrets")
    def add_secret(client_id: str) -> tuple[Json, int]:
        """`{value?, days?, name?}`: one more, good for 180 days; the others stay."""
        body = _body()
        with world.lock:
            app = world.apps[client_id]
            made = credentials.add_secret(world, app, body.get("value"), body.get("days", 180), body.get("name", ""))
            return asdict(made), 201

    @blueprint.post("/clients/<client_id>/certificates")
    def add_certificate(client_id: str) -> tuple[Json, int]:
        """`{certificate}`, the PEM text of its public part; `days` may end it before its own time."""
        body = _body()
        with world.lock:
            ends = world.seconds() + body["days"] * 86_400 if "days" in body else None
            made = credentials.add_certificate(world, world.apps[client_id], body["certificate"], ends)
            return asdict(made), 201

    @blueprint.delete("/clients/<client_id>/<kind>/<credential_id>")
    def drop_credential(client_id: str, kind: str, credential_id: str) -> Json:
        with world.lock:
            app = world.apps[client_id]
            app.secrets = [one for one in app.secrets if (kind, one.id) != ("secrets", credential_id)]
            app.certificates = [one for one in app.certificates if (kind, one.id) != ("certificates", credential_id)]
            return asdict(app)


def _tenant_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/tenants")
    def add_tenant() -> tuple[Json, int]:
        """`{domain, id?, name?, users_may_consent?, cloud?, domains?}`."""
        body = _body()
        with world.lock:
            tenant = world.add_tenant(body.pop("domain"), body.pop("name", ""), tenant_id=body.pop("id", None))
            return _change(tenant, _TENANT, body), 201

    @blueprint.get("/tenants")
    def list_tenants() -> Json:
        return {"tenants": [asdict(t) for t in world.tenants.values()]}

    @blueprint.patch("/tenants/<tenant>")
    def change_tenant(tenant: str) -> Json:
        """`{users_may_consent?, consents?, roles?, mailboxes?, name?, cloud?, domains?}`."""
        body = _body()
        with world.lock:
            found = tenant_of(world, tenant)
            named = {app for part in _BY_APP for app in body.get(part, {})}
            found.principals = sorted({*found.principals, *named})
            return _change(found, _TENANT, body)


def _principal_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.put("/tenants/<tenant>/principals/<client_id>")
    def add_principal(tenant: str, client_id: str) -> Json:
        """The enterprise application, without any permission; answers its object id."""
        with world.lock:
            found = tenant_of(world, tenant)
            found.principals = sorted({*found.principals, client_id})
            return {"app_id": client_id, "object_id": tokens.principal_id(world.apps[client_id], found)}

    @blueprint.delete("/tenants/<tenant>/principals/<client_id>")
    def drop_principal(tenant: str, client_id: str) -> Json:
        """The administrator deletes the enterprise application; tokens that are out live to their end."""
        with world.lock:
            found = tenant_of(world, tenant)
            found.principals = [one for one in found.principals if one != client_id]
            for part in (found.consents, found.roles, found.mailboxes, found.assignments):
                part.pop(client_id, None)
            for grant in world.grants.values():
                if grant.client_id == client_id and world.accounts[grant.email].tenant == found.id:
                    grant.scopes = []
            return asdict(found)

    @blueprint.put("/tenants/<tenant>/assignments/<client_id>")
    def assign(tenant: str, client_id: str) -> Json:
        """`{assignments: [{role, mailboxes?}]}`: New-ManagementRoleAssignment; these replace what was there."""
        given = [(one["role"], one.get("mailboxes")) for one in _body()["assignments"]]
        with world.lock:
            found = tenant_of(world, tenant)
            if client_id not in found.principals and world.apps[client_id].audience != found.id:
                raise ValueError("the app has no service principal in this tenant")
            return {"assignments": [asdict(one) for one in access.assign(world, found, client_id, given)]}

    @blueprint.get("/tenants/<tenant>/authorization/<client_id>")
    def authorization(tenant: str, client_id: str) -> Json:
        """`?mailbox=`: Test-ServicePrincipalAuthorization, which knows the newest state before Exchange obeys it."""
        wanted = request.args["mailbox"]
        with world.lock:
            held = tenant_of(world, tenant).assignments.get(client_id, [])
            rows = [
                {"role": one.role, "in_scope": one.mailboxes is None or wanted in one.mailboxes}
                for one in held
                if one.until is None
            ]
        return {"roles": rows}
