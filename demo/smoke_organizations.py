"""The smoke test's part about organisations: both ways of Microsoft's and Google's, from authorising to disconnecting.

`OrganizationSmoke(running, checks).run()` does what an administrator does on the page, through the same API, and what
staff do in their calendars. Nothing that the other parts look at is touched.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from demo.client import WEEK, AppClient, Person, PersonAtGoogle, PersonAtOutlook, seconds_until
from demo.leftovers import remaining
from demo.organizations import (
    ADMIN,
    DOMAIN,
    HARBOUR,
    HARBOUR_LIST,
    KEY_FILE,
    MEADOW,
    MEADOW_LIST,
    PRIVATE_TITLE,
    SERVICE_ACCOUNT,
    TENANT,
    Member,
    connect_own,
)
from demo.product import Product

SETTLED = {"active", "paused", "own_connection", "disabled"}
SECONDS = 120
EVER = "from=2026-01-01T00:00:00Z&to=2029-01-01T00:00:00Z"


class Checks(Protocol):
    def that(self, sentence: str, holds: object, detail: object = "") -> None: ...


@dataclass
class OrganizationSmoke:
    running: Product
    checks: Checks
    _clients: dict[str, AppClient] = field(default_factory=dict)

    @cached_property
    def admin(self) -> AppClient:
        return AppClient(self.running.url, user="admin", roles=("admin",))

    def run(self) -> None:
        self.strangers()
        self.application_access()
        self.delegated_access()
        self.google()
        self.manners()

    def strangers(self) -> None:
        for path in ("/v1/organization/microsoft", "/v1/organization/microsoft/staff"):
            refused = self.user("ada").refusal("GET", path)
            self.checks.that(f"{path} is not there for others than admins", refused == (404, "not_found"), refused)

    # --- Microsoft, the app itself

    def application_access(self) -> None:
        settings = {
            "tenant": TENANT,
            "display_name": "Harbour Care",
            "access": "application",
            "service_account": "",
            "show_titles": True,
        }
        set_up = self.admin.call("PUT", "/v1/organization/microsoft", settings)
        self.checks.that(
            "version, service address and cloud are filled in",
            set_up["version"] and set_up["service_address"] and set_up["cloud"] == "worldwide",
            set_up,
        )
        own = connect_own(self.running.url, "microsoft", ca_file=self.running.ca_file)
        self.authorize("microsoft", ADMIN)
        self.import_list("microsoft", HARBOUR_LIST, len(HARBOUR))
        self.first_sync(
            "microsoft",
            HARBOUR,
            {"unlicensed": "not_licensed", "out_of_reach": "out_of_scope", "unknown": "not_found"},
        )
        state = self.user("lena").call("GET", f"/v1/connections/{own}")
        self.checks.that("who has connected the mailbox themselves keeps that", state["status"] == "active", state)
        self.checks.that("each event of theirs is there once", self.titles("lena").count("Team meeting") == 1)
        self.managed("ada", "microsoft", "Harbour Care")
        self.both_ways("microsoft", "ada", self.outlook("ada"))
        self.one_removed("microsoft", "ben", others=("ada", "cleo"))
        self.disconnect("microsoft")

    # --- Microsoft, a service account

    def delegated_access(self) -> None:
        settings = {
            "tenant": TENANT,
            "display_name": "Harbour Care",
            "access": "delegated",
            "service_account": SERVICE_ACCOUNT,
            "show_titles": True,
        }
        self.admin.call("PUT", "/v1/organization/microsoft", settings)
        query, _ = self.leave("microsoft", ADMIN)
        about = self.admin.call("GET", f"/v1/connections/{query['connection_id']}")
        named = any(ADMIN in reason["sentence"] for reason in about["reasons"])
        self.checks.that(
            "another account than the service account is refused, by its name",
            query.get("code") == "wrong_account" and named,
            (query, about["reasons"]),
        )
        self.authorize("microsoft", SERVICE_ACCOUNT)
        for user in ("cleo", "hana", "ivo"):
            self.put("microsoft", user, f"{user}@{TENANT}")
        people = self.settled("microsoft")
        self.checks.that("a calendar that lets the service account in is in step", self.active(people, "cleo"), people)
        self.checks.that(
            "one that does not is paused, with the reason", people["hana"]["status"] == "paused", people["hana"]
        )
        self.checks.that("it says that changes come by regular checks", people["cleo"]["push"] == "polling", people)
        self.outlook("cleo").add("Seen by looking", "15:00:00", "16:00:00")
        self.sync_now("microsoft", "cleo")
        arrived = seconds_until(lambda: "Seen by looking" in self.titles("cleo"))
        self.checks.that("what is added there is seen by looking", arrived is not None)
        self.disconnect("microsoft")

    # --- Google

    def google(self) -> None:
        key = (self.running.stack.state_dir.parent / KEY_FILE).read_text()
        settings = {
            "domain": DOMAIN,
            "display_name": "Meadow Health",
            "service_account_key": key,
            "show_titles": True,
        }
        set_up = self.admin.call("PUT", "/v1/organization/google", settings)
        told = json.dumps(set_up)
        self.checks.that("the key is not read back", "private_key" not in told and key not in told, told)
        connect_own(self.running.url, "google")
        self.import_list("google", MEADOW_LIST, len(MEADOW))
        answer = self.admin.call(
            "POST", "/v1/organization/google/authorize", {"return_to": f"{self.running.url}/organization"}
        )
        self.checks.that("the service account is let in without a sign-in", answer.get("status") == "active", answer)
        self.first_sync("google", MEADOW, {})
        self.managed("mia", "google", "Meadow Health")
        self.both_ways("google", "mia", PersonAtGoogle(self.running.google_url, f"mia@{DOMAIN}"))
        self.one_removed("google", "noa", others=("mia", "otto"))
        self.disconnect("google")

    def manners(self) -> None:
        google = PersonAtGoogle(self.running.google_url, "")
        mails = [person.call("GET", "mails") for person in (google, self.outlook("ada"))]
        self.checks.that("nobody was mailed on an organisation's behalf", not any(one["count"] for one in mails), mails)
        peaks = self.outlook("ada").call("GET", "calls")["peak_concurrency"]
        self.checks.that("no mailbox was asked more than four things at a time", max(peaks.values()) <= 4, peaks)

    # --- what an administrator does

    def leave(self, provider: str, account: str) -> tuple[dict[str, str], dict[str, str]]:
        """Out to the provider's page and back, as this account."""
        return_to = f"{self.running.url}/organization"
        begun = self.admin.call("POST", f"/v1/organization/{provider}/authorize", {"return_to": return_to})
        return self.admin.come_back(begun["authorization_url"], account, ca_file=self.running.ca_file)

    def authorize(self, provider: str, account: str) -> None:
        query, fragment = self.leave(provider, account)
        self.admin.confirm(query, fragment)
        self.checks.that(f"the organisation at {provider} is authorised", self.view(provider)["status"] == "active")

    def import_list(self, provider: str, name: str, people: int) -> None:
        content = (self.running.stack.state_dir.parent / name).read_bytes()
        spoilt = content + b"=cmd,evil@example.com,true\r\n"
        path = f"/v1/organization/{provider}/staff/import"
        preview = self.admin.call("POST", f"{path}?apply=false", data=spoilt)
        self.checks.that(
            f"a preview tells {people} people and one line that is refused, and does nothing",
            preview["totals"]["add"] == people
            and preview["totals"]["errors"] == 1
            and not self.view(provider)["staff"]["total"],
            preview,
        )
        following: int | None = 1
        while following:
            answer = self.admin.call("POST", f"{path}?apply=true&from_line={following}", data=content)
            following = answer["next_line"]
        self.checks.that(f"{people} people are on the list", self.view(provider)["staff"]["total"] == people)

    def first_sync(self, provider: str, staff: Sequence[Member], expected: Mapping[str, str]) -> None:
        begun = time.monotonic()
        people = self.settled(provider)
        usual = [one.user for one in staff if one.what in ("ordinary", "read_only")]
        behind = [user for user in usual if not self.active(people, user)]
        self.checks.that(f"{len(usual)} people of {provider} are in step", not behind, [people[one] for one in behind])
        print(f"  first sync of the organisation at {provider}: {time.monotonic() - begun:.1f} s")
        for what in ("unlicensed", "out_of_reach", "unknown"):
            (member,) = (one for one in staff if one.what == what)
            found = people[member.user]
            code = (found["reason"] or {}).get("code")
            right = found["status"] == "paused" and (code == expected[what] if what in expected else code)
            self.checks.that(f"somebody {what.replace('_', ' ')} is paused, with the reason", right, found)
        (own,) = (one.user for one in staff if one.what == "own")
        self.checks.that(
            "an own connection goes before the organisation's", people[own]["status"] == "own_connection", people[own]
        )
        titles = [title for user in usual for title in self.titles(user)]
        self.checks.that(
            f"everybody's events are in the app: {len(titles)}", len(titles) == 3 * len(usual), sorted(titles)
        )
        self.checks.that("no private title is shown", PRIVATE_TITLE not in titles)

    def managed(self, user: str, provider: str, name: str) -> None:
        items = self.user(user).call("GET", "/v1/integrations")["items"]
        (found,) = next(item["connections"] for item in items if item["provider"] == provider)
        self.checks.that("a person sees who manages their connection", found.get("managed_by") == name, found)
        refused = self.user(user).refusal("DELETE", f"/v1/connections/{found['id']}")
        self.checks.that("and cannot end it themselves", refused == (409, "managed_by_organization"), refused)

    def both_ways(self, provider: str, user: str, person: Person) -> None:
        booked, added = f"Booked for {user}", f"Added by {user}"
        times = {
            name: {"date_time": f"2027-03-01T{at}:00", "time_zone": "Europe/Berlin"}
            for name, at in (("start", "09:00"), ("end", "10:00"))
        }
        path = f"/v1/events/organization-{provider}"
        self.user(user).call("PUT", path, {"title": booked, **times}, expect=201)
        there = seconds_until(lambda: person.shown(booked) == 1)
        self.checks.that(f"a booking arrives in {user}'s calendar", there is not None)
        event = person.add(added, "13:00:00", "14:00:00")
        here = seconds_until(lambda: added in self.titles(user, WEEK))
        self.checks.that(f"what {user} adds arrives in the app, by push", here is not None)
        person.delete(event)
        gone = seconds_until(lambda: added not in self.titles(user, WEEK))
        self.checks.that("and goes again", gone is not None)

    def one_removed(self, provider: str, user: str, *, others: Sequence[str]) -> None:
        self.admin.call("DELETE", f"/v1/organization/{provider}/staff/{user}?imported=delete&exported=keep")
        gone = seconds_until(lambda: user not in self.people(provider) and not self.titles(user), every=0.3)
        left = self.people(provider).get(user), self.titles(user)
        self.checks.that("who is removed is off the list, and their events out of the app", gone is not None, left)
        people = self.people(provider)
        self.checks.that(
            "nobody else is touched", all(self.active(people, one) and len(self.titles(one)) >= 3 for one in others)
        )

    def disconnect(self, provider: str) -> None:
        connection = self.view(provider)["connection_id"]
        staff = [one["connection_id"] for one in self.people(provider).values()]
        self.admin.call("DELETE", f"/v1/organization/{provider}?imported=delete&exported=keep")
        done = seconds_until(lambda: self.view(provider)["status"] == "disconnected", limit=SECONDS, every=0.3)
        view = self.view(provider)
        self.checks.that(
            "disconnecting the organisation comes to its end, with a receipt", done and view["receipt"], view
        )
        left = [line for one in (connection, *staff) for line in remaining(self.running, one)]
        self.checks.that("no table holds a token, link, cursor or subscription of its staff", not left, left[:5])

    # --- looking

    def view(self, provider: str) -> Any:
        return self.admin.call("GET", f"/v1/organization/{provider}")

    def people(self, provider: str) -> dict[str, Any]:
        return {one["user_id"]: one for one in self.admin.listing(f"/v1/organization/{provider}/staff")}

    def put(self, provider: str, user: str, mailbox: str) -> None:
        self.admin.call("PUT", f"/v1/organization/{provider}/staff/{user}", {"mailbox": mailbox, "enabled": True})

    def settled(self, provider: str) -> dict[str, Any]:
        """Everybody, as soon as nobody is being looked at or copied any more."""

        def reached() -> bool:
            return all(one["status"] in SETTLED for one in self.people(provider).values())

        took = seconds_until(reached, limit=SECONDS, every=0.3)
        self.checks.that(f"the staff of {provider} come to rest", took is not None, self.people(provider))
        return self.people(provider)

    def active(self, people: Mapping[str, Any], user: str) -> bool:
        return user in people and people[user]["status"] == "active"

    def sync_now(self, provider: str, user: str) -> None:
        connection = self.people(provider)[user]["connection_id"]
        self.user(user).call("POST", f"/v1/connections/{connection}/sync", expect=202)

    def titles(self, user: str, window: str = EVER) -> list[str]:
        return [one["title"] for one in self.user(user).listing(f"/v1/events?{window}")]

    def user(self, name: str) -> AppClient:
        return self._clients.setdefault(name, AppClient(self.running.url, user=name))

    def outlook(self, user: str) -> PersonAtOutlook:
        return PersonAtOutlook(self.running.microsoft_url, f"{user}@{TENANT}", self.running.ca_file)
