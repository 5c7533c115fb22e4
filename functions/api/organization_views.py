"""What the API shows of an organisation and its staff: the contract's JSON, read-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from functions.api.views import Json, connection_json, reason_json, reasons_json
from shared.clock import to_text
from shared.model import Calendar, Connection, ConnectionStatus, Organization, Reason
from shared.organization_health import days_left, expiry_reason, reach_reason
from shared.providers.organizations import StaffAccess
from shared.staff_import import Applied, Compared, Does
from shared.staff_status import reason_of, status_of

SHOWN = 200
"""Lines of a file that a preview shows at most."""

STATUS = {ConnectionStatus.PENDING: "draft"}

NEW_KEY = Reason("new_key", "A new key waits to be tried. Authorise to use it; the one before signs until then.")

PLACE = {"google": "domain", "microsoft": "tenant"}
"""How a provider calls what an organisation is known by."""


def organization_json(connection: Connection, staff: dict[str, int], now: datetime, *, can_push: bool) -> Json:
    """`staff`: see `shared.staff_status.totals`. `can_push`: whether this deployment has an address that providers can
    notify."""
    known = connection.organization or Organization(display_name="", place="", access="")
    return {
        "provider": connection.provider,
        PLACE[connection.provider]: known.place,
        "tenant_id": known.tenant or None,
        "display_name": known.display_name,
        "access": known.access,
        "service_account": known.service_account or None,
        "show_titles": known.show_titles,
        "version": known.version,
        "service_address": known.service_address,
        "cloud": known.cloud,
        "status": STATUS.get(connection.status, connection.status.value),
        "reasons": reasons_json(_reasons(connection, known, now)),
        "connection_id": connection.id,
        "authorized_at": to_text(known.authorized_at) if known.authorized_at else None,
        "authorized_by": known.authorized_by or None,
        "account": {"id": connection.account.id, "name": connection.account.name} if connection.account else None,
        "secret": _secret(known.secret_ends_at, now),
        "staff": staff,
        "sync": _progress(connection, staff),
        "push": "active" if can_push and known.access == StaffAccess.APPLICATION else "polling",
        "receipt": dict(connection.receipt) if connection.receipt is not None else None,
    }


def _reasons(connection: Connection, known: Organization, now: datetime) -> list[Reason]:
    more = [expiry_reason(known, now), reach_reason(known), NEW_KEY if known.new_key and known.has_key else None]
    return [*connection.reasons, *(reason for reason in more if reason is not None)]


def _secret(ends: datetime | None, now: datetime) -> Json | None:
    return {"expires_at": to_text(ends), "days_left": days_left(ends, now)} if ends else None


def _progress(connection: Connection, staff: dict[str, int]) -> Json:
    """In people: how many are in step of those that are to be kept in step here."""
    total = staff["enabled"] - staff["own_connection"]
    if connection.status is not ConnectionStatus.ACTIVE or not total:
        return {"state": "waiting", "done": 0, "total": total}
    state = "running" if staff["syncing"] or staff["waiting"] else "done"
    return {"state": state, "done": staff["in_step"], "total": total}


def staff_json(person: Connection, organization: Connection, calendars: Sequence[Calendar], now: datetime) -> Json:
    shown = connection_json(person, calendars, now)
    return {
        "user_id": person.owner.user_id,
        "mailbox": person.mailbox,
        "enabled": person.enabled,
        "status": status_of(person, organization, calendars).value,
        "reason": reason_json(reason_of(person, organization, calendars)),
        "last_sync_at": shown["last_sync_at"],
        "push": shown["push"],
        "sync": shown["sync"],
        "connection_id": person.id,
    }


def import_json(compared: Compared, applied: Applied | None) -> Json:
    errors = sorted([*compared.errors, *(applied.errors if applied else ())], key=lambda error: error.number)
    return {
        "lines": len(compared.does) + len(compared.errors),
        "totals": {
            "add": compared.count(Does.ADD),
            "change": compared.count(Does.CHANGE),
            "remove": 0,
            "nothing": compared.count(Does.NOTHING),
            "errors": len(errors),
        },
        "rows": [
            {
                "line": line.number,
                "user_id": line.entry.user_id,
                "mailbox": line.entry.mailbox,
                "enabled": line.entry.enabled,
                "does": does.value,
            }
            for line, does in compared.does[:SHOWN]
        ],
        "errors": [{"line": error.number, "sentence": error.sentence} for error in errors[:SHOWN]],
        "applied": applied.done if applied else 0,
        "next_line": applied.next_line if applied else None,
    }
