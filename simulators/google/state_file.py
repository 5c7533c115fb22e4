"""The world as a JSON file, so that a demo goes on where it stopped: `save` and `load`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulators.google import event_store
from simulators.google.model import (
    AccessToken,
    Account,
    Calendar,
    Channel,
    Client,
    Domain,
    EventRecord,
    Grant,
    RefreshToken,
    ServiceAccount,
    ServiceAccountKey,
)
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld, Settings

_DERIVED = ("order", "exceptions", "by_uid", "events", "changes")


def save(world: GoogleWorld, path: Path) -> None:
    """Write the file whole, then put it in place."""
    with world.lock:
        text = json.dumps(dump(world), ensure_ascii=False)
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)


def load(world: GoogleWorld, path: Path) -> None:
    with world.lock:
        restore(world, json.loads(path.read_text(encoding="utf-8")))


def dump(world: GoogleWorld) -> Json:
    return {
        "version": 1,
        "seed": world.seed,
        "stamp_number": world.stamp_number,
        "secret_number": world.secret_number,
        "signing_key_pem": world.signing_key_pem,
        "settings": asdict(world.settings),
        "clients": [asdict(c) for c in world.clients.values()],
        "service_accounts": [asdict(a) for a in world.service_accounts.values()],
        "domains": [asdict(d) for d in world.domains.values()],
        "accounts": [asdict(a) for a in world.accounts.values()],
        "calendars": [_calendar(c) for c in world.calendars.values()],
        "grants": [asdict(g) for g in world.grants.values()],
        "refresh_tokens": [asdict(t) for t in world.refresh_tokens.values()],
        "access_tokens": [asdict(t) for t in world.access_tokens.values()],
        "channels": [asdict(c) for c in world.channels.values()],
        "mails": world.mails,
    }


def restore(world: GoogleWorld, saved: Json) -> None:
    if saved.get("version") != 1:
        raise ValueError("the state file is of another version")
    world.seed = saved["seed"]
    world.stamp_number = saved["stamp_number"]
    world.secret_number = saved["secret_number"]
    world.signing_key_pem = saved["signing_key_pem"]
    world.settings = Settings(**saved["settings"])
    world.clients |= {c["id"]: Client(**c) for c in saved["clients"]}
    world.accounts = {a["email"]: Account(**a) for a in saved["accounts"]}
    world.service_accounts = {a["email"]: _read_service_account(a) for a in saved["service_accounts"]}
    world.domains = {d["name"]: Domain(**d) for d in saved.get("domains", [])}
    world.calendars = {c["id"]: _read_calendar(c) for c in saved["calendars"]}
    world.grants = {(g["client_id"], g["email"]): Grant(**g) for g in saved["grants"]}
    world.refresh_tokens = {t["value"]: RefreshToken(**t) for t in saved["refresh_tokens"]}
    world.access_tokens = {t["value"]: AccessToken(**t) for t in saved["access_tokens"]}
    world.channels = {c["id"]: Channel(**c) for c in saved["channels"]}
    world.mails = saved["mails"]


def _read_service_account(saved: Json) -> ServiceAccount:
    keys = [ServiceAccountKey(**key) for key in saved.pop("keys")]
    return ServiceAccount(**saved, keys=keys)


def _calendar(calendar: Calendar) -> Json:
    plain: dict[str, Any] = {
        name: getattr(calendar, name) for name in Calendar.__dataclass_fields__ if name not in _DERIVED
    }
    return plain | {"events": [asdict(r) for r in calendar.events.values()], "changes": calendar.changes}


def _read_calendar(saved: Json) -> Calendar:
    records = [EventRecord(**r) for r in saved.pop("events")]
    changes = [(change, event_id) for change, event_id in saved.pop("changes")]
    calendar = Calendar(**saved)
    calendar.events = {r.id: r for r in records}
    calendar.changes = changes
    event_store.reindex(calendar)
    return calendar
