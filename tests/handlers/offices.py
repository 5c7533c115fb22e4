"""Organisations in a world that several tests share: an administrator, a tenant or a domain, and staff.

`tenant(world)` and `domain(world)` make an office with people who have a mailbox each; nothing of it is set up in the
product yet. `Office.authorized()` does what an administrator does on the page and at the provider.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from shared.clock import now
from shared.providers.google import delegation
from shared.providers.microsoft import app_grant
from shared.store.calendars import CalendarStore
from shared.store.connections import ConnectionStore
from shared.store.secrets import GrantVault
from shared.store.tables import CalendarRow, ConnectionRow
from tests.handlers.document import check_answer
from tests.handlers.people import Person, google_times, rows
from tests.world import APP_ID, LambdaContext, World, http_event

__all__ = ["Office", "domain", "forget_tokens", "tenant"]

BACK = "http://localhost:8400/organization"
ROLES = ["Calendars.ReadWrite", "MailboxSettings.Read", "User.Read.All", "Organization.Read.All"]
_numbers = itertools.count(1)


def forget_tokens() -> None:
    """What a process keeps of tokens: another world gives out others."""
    app_grant._held.cache_clear()
    delegation._held.cache_clear()


@dataclass
class Office:
    """`host`: the domain of everybody's address. `admin` and `staff` are users of the host app."""

    world: World
    provider: str
    org: str
    host: str
    access: str = "application"
    tenant_id: str = ""
    key: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/organization/{self.provider}"

    @property
    def service_account(self) -> str:
        return f"sync@{self.host}"

    def claims(self, user: str = "admin", *, roles: str = "[admin]") -> dict[str, object]:
        return {"sub": user, "org": self.org, "roles": roles}

    def person(self, name: str) -> Person:
        return Person(self.world, name, self.address(name), self.org)

    def address(self, name: str) -> str:
        return f"{name}@{self.host}"

    # --- the API, as the administrator

    def api(self, method: str, path: str = "", body: object = None, **more: Any) -> tuple[int, Any]:
        """Relative to the organisation's path, unless `path` begins with /v1."""
        whole = path if path.startswith("/v1") else f"{self.path}{path}"
        with self.world.inside("api"):
            return self.person("admin").api(method, whole, body, **{"claims": self.claims(), **more})

    def ask(self, method: str, path: str = "", body: object = None, **more: Any) -> Any:
        status, members = self.api(method, path, body, **more)
        assert status < 300, members
        return members

    def refused(self, status: int, code: str, method: str, path: str = "", body: object = None, **more: Any) -> Any:
        found, problem = self.api(method, path, body, **more)
        assert (found, problem["code"]) == (status, code), problem
        return problem

    def upload(self, content: bytes, query: str = "", **more: Any) -> tuple[int, Any]:
        """The import of a file, as API Gateway hands it over."""
        from functions.api.handler import lambda_handler

        path = f"{self.path}/staff/import{query}"
        event = http_event("POST", path, base64.b64encode(content).decode(), claims=self.claims(), headers={})
        with self.world.inside("api"):
            context = more.get("context") or LambdaContext(remaining_ms=29_000)
            answer = dict(lambda_handler({**event, "isBase64Encoded": True}, context))
        check_answer("POST", path, answer)
        return answer["statusCode"], json.loads(answer["body"])

    # --- setting up

    def wanted(self, **more: object) -> dict[str, object]:
        if self.provider == "google":
            given: dict[str, object] = {"domain": self.host, "display_name": "Office", "service_account_key": self.key}
        else:
            named = self.service_account if self.access == "delegated" else None
            given = {"tenant": self.host, "display_name": "Office", "access": self.access, "service_account": named}
        return {**given, "show_titles": True, **more}

    def authorized(self, *names: str, **more: object) -> Office:
        """Set up, the named people enabled, authorised, and everything done that follows."""
        self.ask("PUT", "", self.wanted(**more))
        for name in names:
            self.enable(name)
        self.authorize()
        self.world.drain()
        return self

    def enable(self, name: str, mailbox: str = "", **more: object) -> Any:
        return self.ask("PUT", f"/staff/{quote(name, safe='')}", {"mailbox": mailbox or self.address(name), **more})

    def authorize(self) -> Any:
        begun = self.ask("POST", "/authorize", {"return_to": BACK})
        if "status" in begun:
            return begun
        query, confirmation = self.come_back(begun["authorization_url"])
        assert query["status"] == "confirm", query
        return self.ask("POST", f"/v1/connections/{query['connection_id']}/confirm", {"confirmation": confirmation})

    def come_back(self, url: str, account: str = "", **decision: Any) -> tuple[dict[str, str], str]:
        """Through the provider's pages, one or two, and back at the page: its query, and the confirmation."""
        who = account or (self.service_account if self.access == "delegated" else f"boss@{self.host}")
        while url.startswith(self.world.microsoft.url):
            location = self.world.microsoft.decide(url, account=who, **{"decision": "allow", **decision})
            answer = self.world.callback(dict(parse_qsl(urlsplit(location).query)), "microsoft")
            assert answer["statusCode"] == 302, answer
            url = answer["headers"]["location"]
        parts = urlsplit(url)
        return dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment)).get("confirmation", "")

    def look(self) -> None:
        """Have this office's calendars looked at, as the schedule does, and drain."""
        for row in CalendarRow.scan(CalendarRow.org == self.org):
            CalendarStore().change(row.id, lambda calendar: replace(calendar, due_at=now(), parked_until=None))
        self.world.tick()
        self.world.drain()

    def notices(self, name: str) -> list[str]:
        """Types of the notices that tell of a person, in order; "" for the organisation itself."""
        mine = [row for row in rows("deliveries_table") if row["org"] == self.org]
        told = sorted(mine, key=lambda row: str(row["id"]))
        return [row["type"] for row in told if json.loads(row["body"]).get("user_id") == name]

    def much_later(self) -> None:
        """The schedule, when everything that waits for it is due."""
        past = now() - timedelta(minutes=1)
        store = ConnectionStore(GrantVault("unused"))
        for row in ConnectionRow.scan(ConnectionRow.due_at.exists()):
            connection = store.load(row.id)
            if connection is not None and connection.owner.org == self.org:
                store.save(replace(connection, due_at=past))
        self.world.tick()
        self.world.drain()

    # --- looking

    def view(self) -> Any:
        return self.ask("GET")

    def staff(self) -> dict[str, Any]:
        """By user id, over all pages."""
        found: dict[str, Any] = {}
        following: str | None = f"{self.path}/staff"
        while following:
            page = self.ask("GET", following)
            found |= {one["user_id"]: one for one in page["items"]}
            following = page["next"]
        return found

    def statuses(self) -> dict[str, str]:
        return {name: one["status"] for name, one in self.staff().items()}

    def here(self, name: str) -> list[str]:
        """The titles that the app shows of a person's events."""
        return self.person(name).here()

    # --- at the provider

    def control(self, method: str, path: str, body: object = None) -> Any:
        side = self.world.microsoft if self.provider == "microsoft" else self.world
        return side.control(method, path, body)

    def hire(self, *names: str, **more: object) -> None:
        """People with a mailbox, who are not on any list yet."""
        for name in names:
            self.control("POST", "accounts", {"email": self.address(name), "name": name.title(), **more})

    def add_there(self, name: str, title: str, day: int = 2, **more: object) -> str:
        start, end = f"2027-03-{day:02}T09:00:00", f"2027-03-{day:02}T10:00:00"
        if self.provider == "google":
            event: dict[str, object] = {"summary": title, **google_times(start, end), **more}
        else:
            times = {side: {"dateTime": at, "timeZone": "UTC"} for side, at in (("start", start), ("end", end))}
            event = {"subject": title, **times, **more}
        return str(self.control("POST", f"calendars/{self.address(name)}/events", event)["id"])

    def there(self, name: str) -> list[str]:
        """The titles in a person's own calendar."""
        listed = self.control("GET", f"calendars/{self.address(name)}/events")
        items = listed["items"] if self.provider == "google" else listed["value"]
        title = "summary" if self.provider == "google" else "subject"
        return sorted(one.get(title, "") for one in items if one.get("status") != "cancelled")


def tenant(world: World, *names: str, access: str = "application") -> Office:
    """A Microsoft 365 tenant with an administrator, a service account, and these people."""
    number = next(_numbers)
    forget_tokens()
    office = Office(world, "microsoft", f"org{number}", f"office{number}.example", access)
    office.hire(*names)
    office.hire("boss", admin=True)
    office.hire("sync")
    world.microsoft.control("PATCH", f"clients/{APP_ID}", {"required_roles": ROLES})
    office.tenant_id = world.microsoft.world.accounts[office.address("boss")].tenant
    if access == "delegated":
        for name in names:
            office.control(
                "PUT",
                f"calendars/{office.address(name)}/permissions",
                {"email": office.service_account, "role": "write"},
            )
    return office


def domain(world: World, *names: str) -> Office:
    """A Google Workspace domain with a service account that is delegated for it, and these people."""
    number = next(_numbers)
    forget_tokens()
    office = Office(world, "google", f"org{number}", f"office{number}.example")
    wanted = {"name": f"sync{number}", "domain": office.host, "scopes": list(delegation.SCOPES)}
    office.key = office.control("POST", "service_accounts", wanted)
    office.hire(*names)
    return office
