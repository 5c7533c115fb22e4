"""The control interface under `/control`: set the stage, break things, count. Never part of Microsoft's paths.

`control_routes(world)` is the blueprint; what a person does in a calendar is in `control_events`, what is counted in
`control_counts`. The table of calls is in this folder's README.
"""

import re
from dataclasses import asdict, fields

from flask import Blueprint, jsonify, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import BadRequest

from simulators.common.wire import Json
from simulators.microsoft import control_counts, control_events, notifications, tokens
from simulators.microsoft.errors import AadError, GraphError
from simulators.microsoft.model import Calendar
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

    @blueprint.post("/clients")
    def add_app() -> Json:
        body = body_of()
        app = world.add_app(body["id"], body["secret"], body.get("redirect_uris", []), body.get("audience", "multi"))
        return asdict(app)

    @blueprint.patch("/clients/<client_id>")
    def change_app(client_id: str) -> Json:
        app = world.apps[client_id]
        for name, value in body_of().items():
            if name not in {"secret", "secret_expired", "redirect_uris", "audience", "name"}:
                raise ValueError(f"unknown member {name}")
            setattr(app, name, value)
        return asdict(app)

    @blueprint.post("/tenants")
    def add_tenant() -> tuple[Json, int]:
        body = body_of()
        tenant = world.add_tenant(
            body["domain"],
            body.get("name", ""),
            tenant_id=body.get("id"),
            users_may_consent=body.get("users_may_consent", True),
        )
        return asdict(tenant), 201

    @blueprint.get("/tenants")
    def list_tenants() -> Json:
        return {"tenants": [asdict(t) for t in world.tenants.values()]}

    @blueprint.patch("/tenants/<tenant>")
    def change_tenant(tenant: str) -> Json:
        """`{users_may_consent?, consents?, roles?, mailboxes?}`: what an administrator sets."""
        found = world.tenant(tenant)
        if found is None:
            raise ValueError(f"unknown tenant {tenant}")
        for name, value in body_of().items():
            if name not in {"users_may_consent", "consents", "roles", "mailboxes", "name"}:
                raise ValueError(f"unknown member {name}")
            setattr(found, name, value)
        return asdict(found)


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
        )
        for wanted in body.get("calendars", []):
            _add_calendar(world, account.email, wanted)
        return _account(world, account.email), 201

    @blueprint.get("/accounts")
    def list_accounts() -> Json:
        return {"accounts": [_account(world, email) for email in world.accounts]}

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
                access = tokens.issue_access(world, body["client_id"], None, tenant.id, body["scopes"])
                return {"access_token": access.value}
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
    }
