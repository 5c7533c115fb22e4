"""`make smoke`: the whole product on free ports, put through its paces by real calendars and by edits on both sides.

Prints each check, a table of latencies, and ends on `smoke: N checks, N failed`; the exit code tells.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from demo.client import AppClient, PersonAtGoogle, seconds_until
from demo.processes import terminated_like_interrupted
from demo.product import Choice, Product, product
from demo.real_calendars import differences, fill
from demo.tools import LOCAL

STATE = LOCAL / "smoke"
ACCOUNT = "anna@example.com"
ROUNDS = 3
FIRST_SYNC_SECONDS = 240
WINDOW_BACK_DAYS = 22_000
"""The shipped calendars reach back to the seventies; the smoke deployment's first sync does, too."""

DAY = "2027-03-0{}T{}"


@dataclass
class Checks:
    """What was looked at, and what came of it."""

    done: int = 0
    failed: list[str] = field(default_factory=list)

    def that(self, sentence: str, holds: object, detail: object = "") -> None:
        self.done += 1
        if holds:
            print(f"  ok      {sentence}", flush=True)
        else:
            self.failed.append(sentence)
            print(f"  FAILED  {sentence} {detail}", flush=True)


@dataclass
class Smoke:
    running: Product
    app: AppClient
    person: PersonAtGoogle
    checks: Checks
    latencies: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    connection: str = ""

    def run(self) -> None:
        self.first_sync()
        for number in range(ROUNDS):
            self.from_app(number)
            self.from_google(number)
        self.one_occurrence_from_app()
        self.one_occurrence_from_google()
        self.health()
        self.host_app()
        self.disconnect()

    # --- the first sync

    def first_sync(self) -> None:
        filled = fill(self.person)
        calendars = len(filled.calendars)
        print(
            f"  {filled.files} calendar files, {filled.imported} events in {calendars} Google calendars; not taken in:"
        )
        for line in filled.refused:
            print(f"    {line}")
        self.checks.that("each file gave events or a reason", filled.imported and filled.files, filled)
        begun = time.monotonic()
        self.connection = self.app.connect(ACCOUNT)
        took = seconds_until(lambda: self.state()["sync"]["state"] == "done", limit=FIRST_SYNC_SECONDS, every=0.5)
        self.checks.that("the first sync comes to its end", took is not None, self.state())
        print(f"  first sync: {time.monotonic() - begun:.1f} s")
        self.sync_all(len(filled.calendars))
        compared, differing = differences(self.app, filled.calendars)
        self.checks.that(f"{compared} occurrences are equal on both sides", not differing, differing[:5])
        self.checks.that("push is active", self.state()["push"] == "active")

    def sync_all(self, expected: int) -> None:
        """The person's further calendars are in step once they are chosen."""
        path = f"/v1/connections/{self.connection}/calendars"
        for calendar in self.app.listing(path):
            if not calendar["sync"]:
                self.app.call("PATCH", f"/v1/calendars/{calendar['id']}", {"sync": True})

        def settled() -> bool:
            synced = [one for one in self.app.listing(path) if one["last_sync_at"]]
            return len(synced) == expected and self.state()["sync"]["state"] == "done"

        self.checks.that(f"{expected} calendars are in step", seconds_until(settled, limit=120, every=0.5) is not None)

    def state(self) -> Any:
        return self.app.call("GET", f"/v1/connections/{self.connection}")

    # --- both directions, operation by operation

    def from_app(self, number: int) -> None:
        name, renamed = f"Booked {number}", f"Booked {number}, moved"
        path = f"/v1/events/smoke-{number}"
        body = {"title": name, **app_times("09:00:00", "10:00:00")}
        self.timed("app", "create", lambda: self.app.call("PUT", path, body, expect=201), lambda: self.there(name))
        change = {"title": renamed, **app_times("11:00:00", "12:00:00")}
        self.timed("app", "change", lambda: self.app.call("PATCH", path, change), lambda: self.there(renamed, "11:00"))
        self.timed("app", "delete", lambda: self.app.call("DELETE", path, expect=204), lambda: not self.there(renamed))

    def from_google(self, number: int) -> None:
        name, renamed = f"Added {number}", f"Added {number}, moved"
        added: list[str] = []
        times = google_times("13:00:00", "14:00:00")
        self.timed(
            "Google", "create", lambda: added.append(self.person.add(summary=name, **times)), lambda: self.here(name)
        )
        moved = google_times("15:00:00", "16:00:00")
        self.timed(
            "Google",
            "change",
            lambda: self.person.change(added[0], summary=renamed, **moved),
            lambda: self.here(renamed, "15:00"),
        )
        self.timed("Google", "delete", lambda: self.person.delete(added[0]), lambda: not self.here(renamed))

    def one_occurrence_from_app(self) -> None:
        path = "/v1/events/smoke-series"
        body = {"title": "App series", **app_times("09:00:00", "10:00:00"), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
        self.app.call("PUT", path, body, expect=201)
        self.checks.that(
            "a series arrives at Google whole",
            seconds_until(lambda: len(self.there("App series")) == 5) is not None,
            self.there("App series"),
        )
        moved = f"{path}/occurrences/2027-03-02T09:00:00+01:00"
        change = {"start": app_time("17:00:00", 2), "end": app_time("18:00:00", 2)}
        self.timed(
            "app", "move one", lambda: self.app.call("PATCH", moved, change), lambda: self.there("App series", "17:00")
        )
        gone = f"{path}/occurrences/2027-03-03T09:00:00+01:00"
        self.timed(
            "app", "cancel one", lambda: self.app.call("DELETE", gone), lambda: len(self.there("App series")) == 4
        )
        self.app.call("DELETE", path, expect=204)
        self.checks.that(
            "a deleted series is gone at Google", seconds_until(lambda: not self.there("App series")) is not None
        )

    def one_occurrence_from_google(self) -> None:
        times = google_times("09:00:00", "10:00:00")
        series = self.person.add(summary="Google series", **times, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
        self.checks.that(
            "a series arrives in the app whole",
            seconds_until(lambda: len(self.here("Google series")) == 5) is not None,
        )
        moved = google_times("17:00:00", "18:00:00", 2)
        self.timed(
            "Google",
            "move one",
            lambda: self.person.change(f"{series}_20270302T080000Z", **moved),
            lambda: self.here("Google series", "17:00"),
        )
        self.timed(
            "Google",
            "cancel one",
            lambda: self.person.delete(f"{series}_20270303T080000Z"),
            lambda: len(self.here("Google series")) == 4,
        )
        self.person.delete(series)
        self.checks.that(
            "a deleted series is gone in the app", seconds_until(lambda: not self.here("Google series")) is not None
        )

    def timed(self, side: str, operation: str, act: Callable[[], object], arrived: Callable[[], object]) -> None:
        """Act on one side and wait until the other has it."""
        begun = time.monotonic()
        act()
        waited = seconds_until(lambda: bool(arrived()))
        self.checks.that(f"{operation} on the {side} side arrives", waited is not None)
        if waited is not None:
            self.latencies.setdefault((side, operation), []).append(time.monotonic() - begun)

    def there(self, title: str, starts: str = "") -> list[dict[str, Any]]:
        found = self.person.events("?expand=1&from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z")
        return [one for one in found if one.get("summary") == title and starts in one["start"].get("dateTime", "")]

    def here(self, title: str, starts: str = "") -> list[dict[str, Any]]:
        found = self.app.listing("/v1/events?from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z&expand=true")
        return [one for one in found if one["title"] == title and starts in one["start"].get("date_time", "")]

    # --- what must hold besides

    def health(self) -> None:
        state = self.state()
        self.checks.that("the connection is healthy", state["status"] == "active" and not state["reasons"], state)
        dead = host_token(self.running.url).call("GET", "/v1/jobs/dead")["items"]
        self.checks.that("no job was given up on", not dead, dead)
        mails = self.person.call("GET", "mails")
        self.checks.that("nobody was mailed", mails["count"] == 0, mails)
        calls = self.person.call("GET", "calls")
        strays = {status: n for status, n in calls["by_status"].items() if int(status) >= 400}
        print(f"  calls to Google: {calls['total']}, refused: {strays or 'none'}")

    def host_app(self) -> None:
        def came() -> dict[str, Any]:
            return dict(requests.get(f"{self.running.host_url}/control/messages", timeout=10).json())

        expected = ROUNDS * 3
        arrived = seconds_until(lambda: len(came()["messages"]) >= expected, limit=30)
        shown = came()
        self.checks.that("the host app is told, with signatures that verify", arrived is not None, shown)

    def disconnect(self) -> None:
        receipt = self.app.call("DELETE", f"/v1/connections/{self.connection}?imported=delete&exported=keep")
        done = seconds_until(lambda: self.state()["status"] == "disconnected", limit=120, every=0.5)
        receipt = self.state()["receipt"]
        self.checks.that("disconnecting comes to its end", done is not None, receipt)
        self.checks.that("the permission was revoked", receipt.get("revoked") is True, receipt)
        grants = self.person.call("GET", "grants")["grants"]
        self.checks.that("Google knows of no grant any more", not any(one["refresh_tokens"] for one in grants), grants)
        left = remaining(self.running, self.connection)
        self.checks.that("no table holds a token, link, cursor or subscription of it", not left, left)
        imported = self.app.listing("/v1/events?from=1970-01-01T00:00:00Z&to=2031-01-01T00:00:00Z")
        self.checks.that("imported events were deleted, as asked", not imported, len(imported))

    def table(self) -> str:
        lines = [f"  {'from':8}{'operation':14}{'n':>3}{'median s':>10}{'worst s':>10}"]
        for (side, operation), seconds in self.latencies.items():
            median, worst = statistics.median(seconds), max(seconds)
            lines.append(f"  {side:8}{operation:14}{len(seconds):3}{median:10.2f}{worst:10.2f}")
        return "\n".join(lines)


def host_token(url: str) -> AppClient:
    """The host app's backend."""
    app = AppClient(url)
    body = {"sub": "host", "org": "demo", "scope": "lockstep.host"}
    token = requests.post(f"{url}/dev/token", json=body, timeout=10).json()["token"]
    app._session.headers["authorization"] = f"Bearer {token}"
    return app


def remaining(running: Product, connection: str) -> list[str]:
    """Rows of any table that still name the connection, but for its receipt and the history."""
    client, found = running.stack.client("dynamodb"), list[str]()
    for name in ("ConnectionsTable", "CalendarsTable", "LinksTable", "PendingTable"):
        for page in client.get_paginator("scan").paginate(TableName=running.stack.outputs[name]):
            for row in page["Items"]:
                if connection not in str(row):
                    continue
                receipt = name == "ConnectionsTable" and not {"grant", "flow", "account_id"} & set(row)
                if not receipt:
                    found.append(f"{name}: {sorted(row)}")
    return found


def app_time(time_of_day: str, day: int = 1) -> dict[str, str]:
    return {"date_time": DAY.format(day, time_of_day), "time_zone": "Europe/Berlin"}


def app_times(start: str, end: str, day: int = 1) -> dict[str, object]:
    return {"start": app_time(start, day), "end": app_time(end, day)}


def google_times(start: str, end: str, day: int = 1) -> dict[str, object]:
    def one(time_of_day: str) -> dict[str, str]:
        return {"dateTime": DAY.format(day, time_of_day), "timeZone": "Europe/Berlin"}

    return {"start": one(start), "end": one(end)}


def main() -> int:
    shutil.rmtree(STATE, ignore_errors=True)
    choice = Choice(
        stage="smoke",
        state_dir=STATE,
        window_back_days=WINDOW_BACK_DAYS,
        environment={},
        tell=lambda sentence: print(sentence, flush=True),
    )
    checks = Checks()
    try:
        with terminated_like_interrupted(), product(choice) as running:
            smoke = Smoke(running, AppClient(running.url), PersonAtGoogle(running.google_url, ACCOUNT), checks)
            try:
                smoke.run()
            except Exception:  # noqa: BLE001 (whatever it is, it is a failed check, and the summary still comes)
                checks.that("the run goes through", False, traceback.format_exc())
            print(smoke.table())
    except KeyboardInterrupt:
        checks.that("the run was not interrupted", False)
    print(f"smoke: {checks.done} checks, {len(checks.failed)} failed")
    return 1 if checks.failed or not checks.done else 0


if __name__ == "__main__":
    sys.exit(main())
