"""What a Workspace administrator does, through `/control`: delegation, suspension, the Calendar service; and the keys
of service accounts.

Each call does what a page of the admin console or of the Cloud console does; `docs/organisations.md` names them.
"""

from dataclasses import asdict

from flask import Blueprint, request

from simulators.google import service_accounts
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld


def add_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    _service_account_routes(blueprint, world)
    _domain_routes(blueprint, world)

    @blueprint.patch("/accounts/<email>")
    def change_account(email: str) -> Json:
        """`{suspended?, calendar_service?, name?}`."""
        body = _body()
        with world.lock:
            account = world.accounts[email]
            for name, value in body.items():
                if name not in {"suspended", "calendar_service", "name"}:
                    raise ValueError(f"unknown member {name}")
                setattr(account, name, value)
            return {name: value for name, value in asdict(account).items() if name != "list_change"}


def _body() -> Json:
    body = request.get_json() if request.data else {}
    if not isinstance(body, dict):
        raise ValueError("a JSON object is wanted")
    return body


def _service_account_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/service_accounts")
    def add_service_account() -> tuple[Json, int]:
        """`{name?, domain?, scopes?}`: with the last two the domain's administrator has already let it in."""
        body = _body()
        made = service_accounts.create(world, body.get("name", "sync"), request.host_url.rstrip("/"))
        if "domain" in body:
            service_accounts.delegate(world, body["domain"], made["client_id"], body["scopes"])
        return made, 201

    @blueprint.get("/service_accounts")
    def list_service_accounts() -> Json:
        with world.lock:
            return {"service_accounts": [asdict(one) for one in world.service_accounts.values()]}

    @blueprint.post("/service_accounts/<email>/keys")
    def add_key(email: str) -> tuple[Json, int]:
        return service_accounts.add_key(world, email, request.host_url.rstrip("/")), 201

    @blueprint.patch("/service_accounts/<email>/keys/<key_id>")
    def change_key(email: str, key_id: str) -> Json:
        """`{enabled}`."""
        enabled = bool(_body()["enabled"])
        with world.lock:
            key = next(one for one in world.service_accounts[email].keys if one.id == key_id)
            key.enabled = enabled
            return asdict(key)

    @blueprint.delete("/service_accounts/<email>/keys/<key_id>")
    def drop_key(email: str, key_id: str) -> Json:
        with world.lock:
            service_accounts.drop_key(world, email, key_id)
            return asdict(world.service_accounts[email])


def _domain_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.put("/domains/<domain>/delegations/<client_id>")
    def delegate(domain: str, client_id: str) -> Json:
        """`{scopes}`: the whole list, as the console wants it."""
        service_accounts.delegate(world, domain, client_id, _body()["scopes"])
        return asdict(world.domain(domain))

    @blueprint.delete("/domains/<domain>/delegations/<client_id>")
    def end_delegation(domain: str, client_id: str) -> Json:
        service_accounts.delegate(world, domain, client_id, [])
        return asdict(world.domain(domain))

    @blueprint.get("/domains")
    def list_domains() -> Json:
        with world.lock:
            return {"domains": [asdict(one) for one in world.domains.values()]}
