"""The control interface under `/control`: set the stage, break things, count. Never part of Microsoft's paths.

`control_routes(world)` is the blueprint; what an administrator does is in `control_tenants`, what a person does in a
calendar in `control_events`, what is counted in `control_counts`. The table of calls is in this folder's README.
"""

import re
from dataclasses import asdict, fields

from flask import Blueprint, jsonify, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import BadRequest

from simulators.common.wire import Json
from simulators.microsoft import control_counts, control_events, control_tenants, notifications, tokens
from simulators.microsoft.errors import AadError, GraphError
from simulators.microsoft.model import Calendar, Tenant
from simulators.microsoft.settings import PushRule, Settings
from simulators.microsoft.world import MicrosoftWorld


def control_routes(world: MicrosoftWorld) -> Blueprint:
    blueprint = Blueprint("microsoft_control", __name__, url_prefix="/control")
    blueprint.register_error_handler(GraphError, _refused)
    for kind in (ValueError, KeyError, TypeError, BadRequest, AadError):
        blueprint.register_error_handler(kind, _bad)

    @blueprint.after_request
    def deliver(response: FlaskResponse) -> FlaskResponse:
        with world.lock:
            notifications.gather(world)
        world.flush_pushes()
        return response

    for add in (_stage_routes, _people_routes, _access_routes, _trouble_routes, _expiry_routes, _push_routes):
        add(blueprint, world)
    control_tenants.add_routes(blueprint, world)
    control_counts.add_routes(blueprint, world)
    control_events.add_routes(blueprint, world)
    return blueprint


def _refused(error: GraphError) -> tuple[FlaskResponse, int]:
    return jsonify(error.body()), error.status


def _bad(error: Exception) -> tuple[FlaskResponse, int]:
    return jsonify({"error": f"{type(error).__name__}: {error}"}), 400


def body_of() -> Json:
    body = request.get_json(silent=True) if request.data else {}
    if not isinstance(body, dict):
        raise BadRequest("a JSON object is wanted")
    return body


def _stage_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/reset")
    def reset() -> Json:
        world.reset()
        return {"reset": True}


def _people_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/accounts")
    def add_account() -> tuple[Json, int]:
        body = body_of()
        account = world.add_account(
            body["email"],
            body.get("name", ""),
            kind=body.get("kind", "work"),
            time_zone=body.get("timeZone", "UTC"),
            admin=body.get("admin", False),
            licensed=body.get("licensed", True),
            enabled=body.get("enabled", True),
        )
        for wanted in body.get("calendars", []):
            _add_calendar(world, account.email, wanted)
        return _account(world, account.email), 201

    @blueprint.get("/accounts")
    def list_accounts() -> Json:
        return {"accounts": [_account(world, email) for email in world.accounts]}

    @blueprint.patch("/accounts/<email>")
    def change_account(email: str) -> Json:
        """`{name?, admin?, licensed?, enabled?}`."""
        body = body_of()
        with world.lock:
            account = world.accounts[email]
            for name, value in body.items():
                if name not in {"name", "admin", "licensed", "enabled"}:
                    raise ValueError(f"unknown member {name}")
                setattr(account, name, value)
            return _account(world, email)

    @blueprint.post("/accounts/<email>/calendars")
    def add_calendar(email: str) -> tuple[Json, int]:
        with world.lock:
            return _calendar(_add_calendar(world, email, body_of())), 201

    @blueprint.post("/calendars/<calendar_id>/share")
    def share(calendar_id: str) -> tuple[Json, int]:
        """`{email, role: read|write}`: it appears in that person's list, under an id of its own."""
        body = body_of()
        calendar = control_events.find(world, calendar_id)
        return {"id": world.share_calendar(calendar.id, body["email"], body.get("role", "write"))}, 201

    @blueprint.put("/calendars/<calendar_id>/permissions")
    def permit(calendar_id: str) -> Json:
        """`{email, role}`, a calendarRoleType: the person may go there, listed or not. `none` ends it."""
        body = body_of()
        with world.lock:
            calendar = control_events.find(world, calendar_id)
            world.permit(calendar.id, body["email"], body["role"])
            return {"calendar": calendar.id, "permissions": calendar.permissions}


def _access_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/tokens")
    def issue_tokens() -> Json:
        """What a consent would have led to, without the page. Without `email`: the app itself, `scopes` its roles."""
        body = body_of()
        with world.lock:
            if body["client_id"] not in world.apps:
                raise ValueError("unknown client")
            if "email" not in body:
                tenant = world.tenant(body["tenant"])
                if tenant is None:
                    raise ValueError("unknown tenant")
                return {"access_token": _app_token(world, tenant, body["client_id"], body["scopes"])}
            account = world.accounts[body["email"]]
            scopes = [*body["scopes"], "openid", "profile", "offline_access"]
            tokens.sign_in(world, body["client_id"], account, scopes)
            issuer = f"{request.host_url}{account.tenant}/v2.0"
            return tokens.reply(world, body["client_id"], account, scopes, issuer, None)

    @blueprint.route("/settings", methods=["GET", "POST"])
    def settings() -> Json:
        known = {f.name for f in fields(Settings)}
        for name, value in (body_of() if request.method == "POST" else {}).items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; known: {', '.join(sorted(known))}")
            setattr(world.settings, name, value)
        return asdict(world.settings)


def _trouble_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/faults")
    def add_faults() -> tuple[Json, int]:
        given = request.get_json()
        with world.lock:
            added = [world.faults.add(value) for value in (given if isinstance(given, list) else [given])]
            for fault in added:
                if fault.match.startswith("/"):
                    re.compile(fault.match)
        return {"faults": [asdict(fault) for fault in added]}, 201

    @blueprint.get("/faults")
    def list_faults() -> Json:
        return {"faults": [asdict(fault) for fault in world.faults.waiting]}

    @blueprint.delete("/faults")
    def clear_faults() -> Json:
        with world.lock:
            world.faults.waiting.clear()
            world.push_rules.clear()
        return {"faults": []}


def _expiry_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/revoke")
    def revoke() -> Json:
        """`{email, code?}`: 50173 as after an admin's reset, 65001 when consent was taken away."""
        body = body_of()
        with world.lock:
            hit = [g for (_, email), g in world.grants.items() if email == body["email"]]
            for grant in hit:
                tokens.revoke(world, grant, int(body.get("code", 50173)))
        return {"revoked_clients": [g.client_id for g in hit]}

    @blueprint.post("/expire_tokens")
    def expire_tokens() -> Json:
        email = body_of().get("email")
        with world.lock:
            hit = [t for t in world.access_tokens.values() if email in {None, t.email}]
            for token in hit:
                token.expires_at = world.seconds()
        return {"expired": len(hit)}

    @blueprint.post("/expire_delta")
    def expire_delta() -> Json:
        """All delta and skip tokens of the calendar are dead."""
        wanted = body_of().get("calendar")
        with world.lock:
            hit = list(world.calendars.values()) if wanted is None else [control_events.find(world, wanted)]
            for calendar in hit:
                calendar.epoch += 1
        return {"calendars": [c.id for c in hit]}

    @blueprint.post("/expire_subscriptions")
    def expire_subscriptions() -> Json:
        """`{subscription?, told?}`: they are gone; `told` sends subscriptionRemoved."""
        body = body_of()
        with world.lock:
            hit = [s for s in list(world.subscriptions.values()) if body.get("subscription") in {None, s.id}]
            for subscription in hit:
                world.removed_subscriptions[subscription.id] = world.subscriptions.pop(subscription.id)
                if body.get("told"):
                    notifications.lifecycle(world, subscription, "subscriptionRemoved")
        return {"removed": [s.id for s in hit]}


def _push_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.post("/push")
    def push_rule() -> Json:
        body = body_of()
        if body.get("mode") not in {"drop", "double", "delay", "none"}:
            raise ValueError("mode is drop, double, delay or none")
        with world.lock:
            if body["mode"] == "none":
                world.push_rules.clear()
            else:
                world.push_rules.append(PushRule(**body))
        return {"rules": [asdict(rule) for rule in world.push_rules]}

    @blueprint.post("/push/deliver")
    def deliver_due() -> Json:
        return {"sent": world.deliver_due()}

    @blueprint.post("/lifecycle")
    def lifecycle() -> Json:
        """`{event, subscription?}`: reauthorizationRequired, missed, or subscriptionRemoved (which removes it)."""
        body = body_of()
        if body.get("event") not in {"reauthorizationRequired", "missed", "subscriptionRemoved"}:
            raise ValueError("event is reauthorizationRequired, missed or subscriptionRemoved")
        with world.lock:
            hit = [s for s in notifications.live(world) if body.get("subscription") in {None, s.id}]
            told = [s.id for s in hit if notifications.lifecycle(world, s, body["event"])]
            if body["event"] == "subscriptionRemoved":
                for s in hit:
                    world.removed_subscriptions[s.id] = world.subscriptions.pop(s.id)
        return {"told": told}


def _app_token(world: MicrosoftWorld, tenant: Tenant, client_id: str, roles: list[str]) -> str:
    """An app's token with these roles, as after an administrator's consent to them."""
    tenant.principals = sorted({*tenant.principals, client_id})
    tenant.roles[client_id] = sorted({*tenant.roles.get(client_id, []), *roles})
    return tokens.issue_app_access(world, world.apps[client_id], tenant, roles).value


def _add_calendar(world: MicrosoftWorld, email: str, wanted: Json) -> Calendar:
    """`{name, id?, kind?: secondary|holiday, can_edit?}`."""
    given = {{"id": "calendar_id"}.get(name, name): value for name, value in wanted.items()}
    return world.add_calendar(email, given.pop("name", "Calendar"), **given)


def _account(world: MicrosoftWorld, email: str) -> Json:
    account = world.accounts[email]
    own = [_calendar(c) for c in world.calendars.values() if c.owner == email and not c.deleted]
    return {
        "email": account.email,
        "name": account.name,
        "oid": account.oid,
        "tenant": account.tenant,
        "kind": "personal" if account.personal else "work",
        "admin": account.admin,
        "licensed": account.licensed,
        "enabled": account.enabled,
        "timeZone": account.time_zone,
        "calendars": own,
        "shared": [{"id": a, "calendar": c, "role": r} for a, (c, r) in account.shared.items()],
    }


def _calendar(calendar: Calendar) -> Json:
    return {
        "id": calendar.id,
        "name": calendar.name,
        "kind": calendar.kind,
        "canEdit": calendar.can_edit,
        "owner": calendar.owner,
        "permissions": calendar.permissions,
    }
