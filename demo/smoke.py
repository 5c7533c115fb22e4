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

from demo.client import DAY, WEEK, AppClient, Person, PersonAtGoogle, PersonAtOutlook, seconds_until
from demo.leftovers import remaining
from demo.processes import terminated_like_interrupted
from demo.product import Choice, Product, product
from demo.real_calendars import differences, fill
from demo.smoke_organizations import OrganizationSmoke
from demo.tools import LOCAL

STATE = LOCAL / "smoke"
ACCOUNT, OUTLOOK_ACCOUNT = "anna@example.com", "anna@contoso.example"
ROUNDS = 3
FIRST_SYNC_SECONDS = 240
WINDOW_BACK_DAYS = 22_000
"""The shipped calendars reach back to the seventies; the smoke deployment's first sync does, too."""


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
    google: PersonAtGoogle
    outlook: PersonAtOutlook
    checks: Checks
    latencies: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    connections: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        self.first_sync()
        self.both_ways("Google", self.google)
        self.connect_outlook()
        self.two_providers()
        self.both_ways("Outlook", self.outlook)
        self.written_singly()
        self.health()
        self.host_app()
        self.disconnect_google()
        self.disconnect_outlook()
        OrganizationSmoke(self.running, self.checks).run()
        self.given_up()

    # --- first syncs

    def first_sync(self) -> None:
        filled = fill(self.google)
        calendars = len(filled.calendars)
        print(
            f"  {filled.files} calendar files, {filled.imported} events in {calendars} Google calendars; not taken in:"
        )
        for line in filled.refused:
            print(f"    {line}")
        self.checks.that("each file gave events or a reason", filled.imported and filled.files, filled)
        self.connect("Google", lambda: self.app.connect("google", ACCOUNT))
        self.sync_all(len(filled.calendars))
        compared, differing = differences(self.app, filled.calendars)
        self.checks.that(f"{compared} occurrences are equal on both sides", not differing, differing[:5])

    def connect_outlook(self) -> None:
        self.outlook.add("There before", "07:00:00", "08:00:00")
        account, ca_file = self.outlook.account, self.outlook.ca_file
        self.connect("Outlook", lambda: self.app.connect("microsoft", account, ca_file=ca_file))
        self.checks.that("what was in Outlook before is in the app", self.here("There before") == 1)

    def connect(self, name: str, sign_in: Callable[[], str]) -> None:
        begun = time.monotonic()
        self.connections[name] = sign_in()
        took = seconds_until(lambda: self.state(name)["sync"]["state"] == "done", limit=FIRST_SYNC_SECONDS, every=0.5)
        self.checks.that(f"the first sync with {name} comes to its end", took is not None, self.state(name))
        print(f"  first sync with {name}: {time.monotonic() - begun:.1f} s")
        self.checks.that(f"push from {name} is active", self.state(name)["push"] == "active")

    def sync_all(self, expected: int) -> None:
        """The person's further calendars are in step once they are chosen."""
        path = f"/v1/connections/{self.connections['Google']}/calendars"
        for calendar in self.app.listing(path):
            if not calendar["sync"]:
                self.app.call("PATCH", f"/v1/calendars/{calendar['id']}", {"sync": True})

        def settled() -> bool:
            synced = [one for one in self.app.listing(path) if one["last_sync_at"]]
            return len(synced) == expected and self.state("Google")["sync"]["state"] == "done"

        self.checks.that(f"{expected} calendars are in step", seconds_until(settled, limit=120, every=0.5) is not None)

    def state(self, name: str) -> Any:
        return self.app.call("GET", f"/v1/connections/{self.connections[name]}")

    # --- both directions, operation by operation

    def both_ways(self, name: str, person: Person) -> None:
        for number in range(ROUNDS):
            self.from_app(name, person, number)
            self.from_person(name, person, number)
        self.one_occurrence_from_app(name, person)
        self.one_occurrence_from_person(name, person)

    def from_app(self, name: str, person: Person, number: int) -> None:
        title, renamed = f"Booked {number}", f"Booked {number}, moved"
        path, way = f"/v1/events/{name}-{number}", f"app → {name}"
        body = {"title": title, **app_times("09:00:00", "10:00:00")}
        self.timed(way, "create", lambda: self.app.call("PUT", path, body, expect=201), lambda: person.shown(title))
        change = {"title": renamed, **app_times("11:00:00", "12:00:00")}
        self.timed(way, "change", lambda: self.app.call("PATCH", path, change), lambda: person.shown(renamed, "11:00"))
        self.timed(way, "delete", lambda: self.app.call("DELETE", path, expect=204), lambda: not person.shown(renamed))

    def from_person(self, name: str, person: Person, number: int) -> None:
        title, renamed = f"Added {number}", f"Added {number}, moved"
        added: list[str] = []
        way = f"{name} → app"
        add = lambda: added.append(person.add(title, "13:00:00", "14:00:00"))  # noqa: E731
        self.timed(way, "create", add, lambda: self.here(title))
        change = lambda: person.change(added[0], renamed, "15:00:00", "16:00:00")  # noqa: E731
        self.timed(way, "change", change, lambda: self.here(renamed, "15:00"))
        self.timed(way, "delete", lambda: person.delete(added[0]), lambda: not self.here(renamed))

    def one_occurrence_from_app(self, name: str, person: Person) -> None:
        path, title, way = f"/v1/events/{name}-series", f"App series, {name}", f"app → {name}"
        body = {"title": title, **app_times("09:00:00", "10:00:00"), "recurrence": ["RRULE:FREQ=DAILY;COUNT=5"]}
        self.app.call("PUT", path, body, expect=201)
        arrived = seconds_until(lambda: person.shown(title) == 5)
        self.checks.that(f"a series arrives at {name} whole", arrived is not None, person.shown(title))
        moved = f"{path}/occurrences/2027-03-02T09:00:00+01:00"
        change = app_times("17:00:00", "18:00:00", 2)
        self.timed(way, "move one", lambda: self.app.call("PATCH", moved, change), lambda: person.shown(title, "17:00"))
        gone = f"{path}/occurrences/2027-03-03T09:00:00+01:00"
        self.timed(way, "cancel one", lambda: self.app.call("DELETE", gone), lambda: person.shown(title) == 4)
        self.app.call("DELETE", path, expect=204)
        left = seconds_until(lambda: not person.shown(title))
        self.checks.that(f"a deleted series is gone at {name}", left is not None)

    def one_occurrence_from_person(self, name: str, person: Person) -> None:
        title, way = f"{name} series", f"{name} → app"
        series = person.add(title, "09:00:00", "10:00:00", daily=5)
        arrived = seconds_until(lambda: self.here(title) == 5)
        self.checks.that(f"a series of {name} arrives in the app whole", arrived is not None, self.here(title))
        move = lambda: person.move_occurrence(series, 2, "17:00:00", "18:00:00")  # noqa: E731
        self.timed(way, "move one", move, lambda: self.here(title, "17:00"))
        self.timed(way, "cancel one", lambda: person.cancel_occurrence(series, 3), lambda: self.here(title) == 4)
        person.delete(series)
        left = seconds_until(lambda: not self.here(title))
        self.checks.that(f"a deleted series of {name} is gone in the app", left is not None)

    def timed(self, way: str, operation: str, act: Callable[[], object], arrived: Callable[[], object]) -> None:
        """Act on one side and wait until the other has it."""
        begun = time.monotonic()
        act()
        waited = seconds_until(lambda: bool(arrived()))
        self.checks.that(f"{way}: {operation} arrives", waited is not None)
        if waited is not None:
            self.latencies.setdefault((way, operation), []).append(time.monotonic() - begun)

    def here(self, title: str, starts: str = "") -> int:
        found = self.app.listing(f"/v1/events?{WEEK}&expand=true")
        return sum(one["title"] == title and starts in one["start"].get("date_time", "") for one in found)

    # --- two providers side by side

    def two_providers(self) -> None:
        """Bookings go to the main calendar; what came from one provider is not copied into the other."""
        self.outlook.add("From Outlook", "10:00:00", "11:00:00")
        self.google.add("From Google", "10:00:00", "11:00:00")
        self.app.call("PUT", "/v1/events/main", {"title": "For main", **app_times("12:00:00", "13:00:00")}, expect=201)

        def come() -> bool:
            return bool(self.here("From Outlook") and self.here("From Google") and self.google.shown("For main"))

        self.checks.that("both providers' events are in the app", seconds_until(come) is not None)
        copied = self.google.shown("From Outlook") + self.outlook.shown("From Google") + self.outlook.shown("For main")
        self.checks.that("nothing is copied from one provider into the other", not copied)
        (calendar,) = self.app.listing(f"/v1/connections/{self.connections['Outlook']}/calendars")
        self.app.call("PATCH", f"/v1/calendars/{calendar['id']}", {"main": True})
        moved = lambda: self.outlook.shown("For main") == 1 and not self.google.shown("For main")  # noqa: E731
        self.checks.that("another main calendar takes the bookings along", seconds_until(moved) is not None)

    def written_singly(self) -> None:
        """Outlook has no pattern for two times a day: each occurrence is an event of its own there."""
        path, title, moved = "/v1/events/rounds", "Rounds", f"{DAY.format(2)}T15:00:00+01:00"
        rule = {"recurrence": ["RRULE:FREQ=DAILY;BYHOUR=9,15;COUNT=8"]}
        self.app.call("PUT", path, {"title": title, **app_times("09:00:00", "10:00:00"), **rule}, expect=201)
        arrived = seconds_until(lambda: self.outlook.shown(title) == 8)
        self.checks.that("what Outlook cannot repeat arrives as single events", arrived is not None)
        self.app.call("PATCH", f"{path}/occurrences/{moved}", app_times("17:00:00", "18:00:00", 2))
        there = seconds_until(lambda: self.outlook.shown(title, "17:00") == 1 and self.outlook.shown(title) == 8)
        self.checks.that("one of them moved here is moved there", there is not None)
        single = self.outlook.named(title, "09:00")
        self.outlook.change(single, "Rounds, first", "08:00:00", "09:00:00")
        here = seconds_until(lambda: self.here("Rounds, first", "08:00") == 1 and self.here(title) == 7)
        self.checks.that("one of them changed there is that occurrence of the series here", here is not None)
        self.app.call("DELETE", path, expect=204)
        left = seconds_until(lambda: not self.outlook.shown(title) and not self.outlook.shown("Rounds, first"))
        self.checks.that("and all go with their series", left is not None)

    # --- what must hold besides

    def health(self) -> None:
        for name in self.connections:
            state = self.state(name)
            self.checks.that(f"{name} is healthy", state["status"] == "active" and not state["reasons"], state)
        self.given_up()
        for name, person in (("Google", self.google), ("Outlook", self.outlook)):
            mails = person.call("GET", "mails")
            self.checks.that(f"nobody was mailed by {name}", mails["count"] == 0, mails)
            calls = person.call("GET", "calls")
            strays = {status: n for status, n in calls["by_status"].items() if int(status) >= 400}
            print(f"  calls to {name}: {calls['total']}, refused: {strays or 'none'}")

    def given_up(self) -> None:
        dead = host_token(self.running.url).call("GET", "/v1/jobs/dead")["items"]
        self.checks.that("no job was given up on", not dead, dead)

    def host_app(self) -> None:
        def came() -> dict[str, Any]:
            return dict(requests.get(f"{self.running.host_url}/control/messages", timeout=10).json())

        expected = ROUNDS * 3
        arrived = seconds_until(lambda: len(came()["messages"]) >= expected, limit=30)
        shown = came()
        self.checks.that("the host app is told, with signatures that verify", arrived is not None, shown)

    def disconnect_google(self) -> None:
        receipt = self.disconnect("Google", "imported=delete&exported=keep")
        self.checks.that("the permission was revoked", receipt.get("revoked") is True, receipt)
        self.checks.that("Google knows of no grant any more", not self.google.lasting_grants())
        kept = self.here("From Outlook")
        imported = self.app.listing("/v1/events?from=1970-01-01T00:00:00Z&to=2031-01-01T00:00:00Z")
        theirs = [one for one in imported if self.connections["Google"] in one["origin"]]
        self.checks.that(
            "Google's events were deleted, as asked, and Outlook's were not", kept and not theirs, theirs[:3]
        )

    def disconnect_outlook(self) -> None:
        receipt = self.disconnect("Outlook", "imported=keep&exported=delete")
        honest = receipt.get("revoked") == "not_supported" and receipt.get("notes")
        self.checks.that("the receipt says that Microsoft offers no revocation", honest, receipt)
        self.checks.that("bookings were taken out of Outlook, as asked", not self.outlook.shown("For main"))
        self.checks.that("what came from Outlook was kept, as asked", self.here("From Outlook"))

    def disconnect(self, name: str, choice: str) -> dict[str, Any]:
        self.app.call("DELETE", f"/v1/connections/{self.connections[name]}?{choice}")
        done = seconds_until(lambda: self.state(name)["status"] == "disconnected", limit=120, every=0.5)
        receipt: dict[str, Any] = self.state(name)["receipt"]
        self.checks.that(f"disconnecting from {name} comes to its end", done is not None, receipt)
        left = remaining(self.running, self.connections[name])
        self.checks.that(f"no table holds a token, link, cursor or subscription of {name}", not left, left)
        return receipt

    def table(self) -> str:
        lines = [f"  {'way':16}{'operation':14}{'n':>3}{'median s':>10}{'worst s':>10}"]
        for (way, operation), seconds in self.latencies.items():
            median, worst = statistics.median(seconds), max(seconds)
            lines.append(f"  {way:16}{operation:14}{len(seconds):3}{median:10.2f}{worst:10.2f}")
        return "\n".join(lines)


def host_token(url: str) -> AppClient:
    """The host app's backend."""
    app = AppClient(url)
    body = {"sub": "host", "org": "demo", "scope": "lockstep.host"}
    token = requests.post(f"{url}/dev/token", json=body, timeout=10).json()["token"]
    app._session.headers["authorization"] = f"Bearer {token}"
    return app


def app_times(start: str, end: str, day: int = 1) -> dict[str, object]:
    def one(time_of_day: str) -> dict[str, str]:
        return {"date_time": f"{DAY.format(day)}T{time_of_day}", "time_zone": "Europe/Berlin"}

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
            google = PersonAtGoogle(running.google_url, ACCOUNT)
            outlook = PersonAtOutlook(running.microsoft_url, OUTLOOK_ACCOUNT, running.ca_file)
            smoke = Smoke(running, AppClient(running.url), google, outlook, checks)
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
