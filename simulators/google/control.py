"""The control interface under `/control`: set the stage, break things, count. Never part of Google's paths.

`control_routes(world)` is the blueprint; what an administrator does is in `control_domains`, what concerns one calendar
in `control_calendar`. The table of calls is in this folder's README.
"""

import re
from dataclasses import asdict, fields

from flask import Blueprint, jsonify, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import BadRequest

from simulators.google import calendars, channels, control_calendar, control_domains, event_store, grants
from simulators.google.errors import ApiError
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld, PushRule, Settings, Spent


def control_routes(world: GoogleWorld) -> Blueprint:
    blueprint = Blueprint("google_control", __name__, url_prefix="/control")
    blueprint.register_error_handler(ApiError, _refused)
    for kind in (ValueError, KeyError, TypeError, BadRequest):
        blueprint.register_error_handler(kind, _bad)

    @blueprint.after_request
    def deliver(response: FlaskResponse) -> FlaskResponse:
        world.flush_pushes()
        return response

    for add in (_stage_routes, _access_routes, _trouble_routes, _expiry_routes, _push_routes, _count_routes):
        add(blueprint, world)
    control_domains.add_routes(blueprint, world)
    control_calendar.add_routes(blueprint, world)
    return blueprint


def _refused(error: ApiError) -> tuple[FlaskResponse, int]:
    return jsonify(error.body()), error.code


def _bad(error: Exception) -> tuple[FlaskResponse, int]:
    return jsonify({"error": f"{type(error).__name__}: {error}"}), 400


def _body() -> Json:
    body = request.get_json(silent=True) if request.data else {}
    if not isinstance(body, dict):
        raise BadRequest("a JSON object is wanted")
    return body


def _stage_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/reset")
    def reset() -> Json:
        world.reset()
        return {"reset": True}

    @blueprint.post("/clients")
    def add_client() -> Json:
        body = _body()
        client = world.add_client(body["id"], body["secret"], body.get("redirect_uris", []))
        return asdict(client)

    @blueprint.post("/accounts")
    def add_account() -> tuple[Json, int]:
        body = _body()
        account = world.add_account(body["email"], body.get("name", ""), time_zone=body.get("timeZone", "UTC"))
        for wanted in body.get("calendars", []):
            _add_calendar(world, account.email, wanted)
        return _account(world, account.email), 201

    @blueprint.get("/accounts")
    def list_accounts() -> Json:
        return {"accounts": [_account(world, email) for email in world.accounts]}

    @blueprint.post("/accounts/<email>/calendars")
    def add_calendar(email: str) -> tuple[Json, int]:
        with world.lock:
            made = _add_calendar(world, email, _body())
            channels.announce_list(world, email)
            return calendars.entry(world.calendars[made], email), 201

    @blueprint.post("/accounts/<email>/unticked")
    def untick(email: str) -> Json:
        world.accounts[email].unticked = list(_body().get("scopes", []))
        return _account(world, email)


def _access_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/tokens")
    def issue_tokens() -> Json:
        """What a consent would have led to, without the page."""
        body = _body()
        with world.lock:
            if body["email"] not in world.accounts or body["client_id"] not in world.clients:
                raise ValueError("unknown account or client")
            scopes = grants.full_names(body["scopes"])
            grant = grants.add_scopes(world, body["client_id"], body["email"], scopes)
            refresh = grants.issue_refresh(world, grant, scopes)
            access = grants.issue_access(world, grant, scopes)
        return {"refresh_token": refresh.value, "access_token": access.value, "scope": " ".join(scopes)}

    @blueprint.route("/settings", methods=["GET", "POST"])
    def settings() -> Json:
        known = {f.name for f in fields(Settings)}
        for name, value in (_body() if request.method == "POST" else {}).items():
            if name not in known:
                raise ValueError(f"unknown setting {name}; known: {', '.join(sorted(known))}")
            setattr(world.settings, name, value)
        return asdict(world.settings)


def _trouble_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
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


def _expiry_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/revoke")
    def revoke() -> Json:
        email = _body()["email"]
        with world.lock:
            gone = [c for c, e in list(world.grants) if e == email and grants.revoke_grant(world, c, e)]
        return {"revoked_clients": gone}

    @blueprint.post("/expire_tokens")
    def expire_tokens() -> Json:
        email = _body().get("email")
        with world.lock:
            tokens = [t for t in world.access_tokens.values() if email in {None, t.email}]
            for token in tokens:
                token.expires_at = world.seconds()
        return {"expired": len(tokens)}

    @blueprint.post("/expire_sync_tokens")
    def expire_sync_tokens() -> Json:
        wanted = _body().get("calendar")
        with world.lock:
            hit = [c for c in world.calendars.values() if wanted in {None, c.id}]
            for calendar in hit:
                calendar.token_epoch += 1
        return {"calendars": [c.id for c in hit]}

    @blueprint.post("/acl_change")
    def acl_change() -> Json:
        """Somebody's access changes: all sync tokens of the calendar die."""
        body = _body()
        with world.lock:
            calendar = world.calendars[body["calendar"]]
            calendar.token_epoch += 1
            if body.get("email"):
                calendar.roles[body["email"]] = body["role"]
                calendar.list_change = world.next_stamp()
                channels.announce_list(world, body["email"])
        return {"calendar": calendar.id, "roles": calendar.roles}

    @blueprint.post("/forget_deleted")
    def forget_deleted() -> Json:
        with world.lock:
            return {c.id: event_store.forget_deleted(c) for c in world.calendars.values()}


def _push_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.post("/push")
    def push_rule() -> Json:
        body = _body()
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


def _count_routes(blueprint: Blueprint, world: GoogleWorld) -> None:
    @blueprint.get("/calls")
    def calls() -> Json:
        with world.lock:
            return {
                "total": sum(world.calls.values()),
                "by_method": dict(world.calls),
                "by_status": {str(k): v for k, v in world.call_statuses.items()},
                "quota_units": dict(world.units),
                "peak_units_by_user": {name: account.peak for name, account in world.spent.items()},
                "peak_units": world.project_spent.peak,
                "warnings": dict(world.warnings),
                "recent": list(world.recent_calls)[-50:],
            }

    @blueprint.delete("/calls")
    def clear_calls() -> Json:
        with world.lock:
            for counter in (world.calls, world.units, world.warnings):
                counter.clear()
            world.call_statuses.clear()
            world.recent_calls.clear()
            world.spent.clear()
            world.project_spent = Spent()
        return {"total": 0}

    @blueprint.get("/mails")
    def mails() -> Json:
        return {"count": len(world.mails), "mails": world.mails}

    @blueprint.delete("/mails")
    def clear_mails() -> Json:
        world.mails.clear()
        return {"count": 0}

    @blueprint.get("/channels")
    def list_channels() -> Json:
        with world.lock:
            live = {c.id for c in channels.live_channels(world)}
            shown = [asdict(c) | {"live": c.id in live} for c in world.channels.values()]
        return {"channels": shown, "deliveries": asdict(world.courier.delivered), "waiting": world.courier.waiting}

    @blueprint.get("/grants")
    def list_grants() -> Json:
        with world.lock:
            shown = [
                {
                    "client_id": g.client_id,
                    "email": g.email,
                    "scopes": g.scopes,
                    "refresh_tokens": len(g.refresh_tokens),
                }
                for g in world.grants.values()
            ]
        return {"grants": shown}


def _add_calendar(world: GoogleWorld, email: str, wanted: Json) -> str:
    """`{summary, id?, kind?, role?, timeZone?, watchable?, description?}`."""
    names = {"id": "calendar_id", "timeZone": "time_zone"}
    given = {names.get(name, name): value for name, value in wanted.items()}
    return world.add_calendar(email, **({"summary": given.get("calendar_id", "Calendar")} | given)).id


def _account(world: GoogleWorld, email: str) -> Json:
    account = world.accounts[email]
    listed = [c for c in world.calendars.values() if c.roles.get(email, "none") != "none" and not c.deleted]
    return {
        "email": account.email,
        "name": account.name,
        "sub": account.sub,
        "timeZone": account.time_zone,
        "unticked": account.unticked,
        "suspended": account.suspended,
        "calendar_service": account.calendar_service,
        "calendars": [calendars.entry(c, email) | {"watchable": c.watchable} for c in listed],
    }
