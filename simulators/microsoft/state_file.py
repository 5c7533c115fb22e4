"""The world as a JSON file, so that a demo goes on where it stopped: `save` and `load`.

Delta tokens survive, the skip tokens of a round that was under way do not: those answer with a lost sync state.
"""

import json
from dataclasses import asdict
from pathlib import Path

from simulators.common.wire import Json
from simulators.microsoft import store
from simulators.microsoft.model import (
    AccessToken,
    Account,
    App,
    Assignment,
    Calendar,
    Certificate,
    Changed,
    EventRecord,
    Grant,
    RefreshToken,
    Secret,
    Subscription,
    Tenant,
)
from simulators.microsoft.settings import Settings
from simulators.microsoft.world import MicrosoftWorld

_NUMBERS = ("seed", "change_number", "secret_number", "last_token", "signing_key_pem")


def save(world: MicrosoftWorld, path: Path) -> None:
    """Write the file whole, then put it in place."""
    with world.lock:
        text = json.dumps(dump(world), ensure_ascii=False)
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)


def load(world: MicrosoftWorld, path: Path) -> None:
    with world.lock:
        restore(world, json.loads(path.read_text(encoding="utf-8")))


def dump(world: MicrosoftWorld) -> Json:
    return {
        "version": 1,
        **{name: getattr(world, name) for name in _NUMBERS},
        "settings": asdict(world.settings),
        "apps": [asdict(a) for a in world.apps.values()],
        "tenants": [asdict(t) for t in world.tenants.values()],
        "accounts": [asdict(a) for a in world.accounts.values()],
        "calendars": [_calendar(c) for c in world.calendars.values()],
        "grants": [asdict(g) for g in world.grants.values()],
        "refresh_tokens": [asdict(t) for t in world.refresh_tokens.values()],
        "access_tokens": [asdict(t) for t in world.access_tokens.values()],
        "subscriptions": [asdict(s) for s in world.subscriptions.values()],
        "mails": world.mails,
    }


def restore(world: MicrosoftWorld, saved: Json) -> None:
    if saved.get("version") != 1:
        raise ValueError("the state file is of another version")
    for name in _NUMBERS:
        setattr(world, name, saved[name])
    world.settings = Settings(**saved["settings"])
    world.apps |= {a["id"]: _read_app(a) for a in saved["apps"]}
    world.tenants = {t["id"]: _read_tenant(t) for t in saved["tenants"]}
    world.accounts = {a["email"]: _read_account(a) for a in saved["accounts"]}
    world.calendars = {c["id"]: _read_calendar(c) for c in saved["calendars"]}
    world.grants = {(g["client_id"], g["email"]): Grant(**g) for g in saved["grants"]}
    world.refresh_tokens = {t["value"]: RefreshToken(**t) for t in saved["refresh_tokens"]}
    world.access_tokens = {t["value"]: AccessToken(**t) for t in saved["access_tokens"]}
    world.subscriptions = {s["id"]: Subscription(**s) for s in saved["subscriptions"]}
    world.mails = saved["mails"]
    store.reindex(world)


def _calendar(calendar: Calendar) -> Json:
    plain = {k: getattr(calendar, k) for k in Calendar.__dataclass_fields__ if k != "events"}
    return plain | {"events": [asdict(r) for r in calendar.events.values()]}


def _read_app(saved: Json) -> App:
    secrets = [Secret(**s) for s in saved.pop("secrets", [])]
    certificates = [Certificate(**c) for c in saved.pop("certificates", [])]
    return App(**saved, secrets=secrets, certificates=certificates)


def _read_tenant(saved: Json) -> Tenant:
    given = saved.pop("assignments", {})
    return Tenant(**saved, assignments={app: [Assignment(**one) for one in held] for app, held in given.items()})


def _read_account(saved: Json) -> Account:
    shared = {alias: (calendar, role) for alias, (calendar, role) in saved.pop("shared").items()}
    return Account(**saved, shared=shared)


def _read_calendar(saved: Json) -> Calendar:
    events, changes = saved.pop("events"), saved.pop("changes")
    calendar = Calendar(**saved, changes=[(number, token, day) for number, token, day in changes])
    for event in events:
        exceptions = {day: Changed(**e) for day, e in event.pop("exceptions").items()}
        record = EventRecord(**event, exceptions=exceptions)
        calendar.events[record.token] = record
    return calendar
