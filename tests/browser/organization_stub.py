"""The organisation's API for states that a running product reaches only after weeks, or not at will: a secret about to
end, ten thousand on the list, a refusal. `StubbedOrganization` answers in the page's own browser; nothing else runs."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

PAGE_OF_STAFF = 50

MICROSOFT: dict[str, Any] = {
    "provider": "microsoft",
    "tenant": "contoso.example",
    "tenant_id": "7d3c2a10-5f0e-4b7c-9d6a-3f5c1f0c9e11",
    "display_name": "Contoso mailbox",
    "access": "application",
    "service_account": "",
    "show_titles": True,
    "version": "v1.0",
    "service_address": "https://graph.microsoft.com",
    "cloud": "worldwide",
    "status": "draft",
    "reasons": [],
    "connection_id": "org_1",
    "authorized_at": None,
    "authorized_by": None,
    "account": None,
    "secret": None,
    "staff": dict.fromkeys(("total", "enabled", "in_step", "syncing", "paused", "disabled", "waiting"), 0)
    | {"own_connection": 0},
    "sync": {"state": "done", "done": 0, "total": 0},
    "push": "active",
    "receipt": None,
}
GOOGLE = {name: value for name, value in MICROSOFT.items() if name != "tenant"} | {
    "provider": "google",
    "domain": "example.com",
    "service_account": "sync@simulated.iam.gserviceaccount.com",
    "version": "v3",
    "service_address": "https://www.googleapis.com/calendar/v3",
}
EXPIRES = {
    "code": "secret_expires",
    "sentence": "The secret of the app ends on 28 November 2026. Add a new one beside it.",
    "link": None,
}
REACHES = {
    "code": "reaches_others",
    "sentence": "The access also reaches boss@contoso.example, whom nobody enabled here.",
    "link": None,
}
OUT_OF_SCOPE = {
    "code": "out_of_scope",
    "sentence": "Exchange does not let the app use dora@contoso.example. Add the mailbox to the app’s group.",
    "link": None,
}


def person(user: str, status: str = "active", **more: object) -> dict[str, Any]:
    """One of the staff as the API tells it."""
    return {
        "user_id": user,
        "mailbox": f"{user}@contoso.example",
        "enabled": status != "disabled",
        "status": status,
        "reason": None,
        "last_sync_at": "2026-11-21T17:00:00Z" if status == "active" else None,
        "push": "active",
        "sync": {"state": "done", "done": 0, "total": None},
        "connection_id": f"con_{user}",
    } | more


def organization(status: str, people: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Microsoft's, with the staff counted."""
    counted = {name: sum(one["status"] == name for one in people) for name in ("paused", "disabled", "waiting")}
    staff = {
        **counted,
        "total": len(people),
        "enabled": sum(one["enabled"] for one in people),
        "in_step": sum(one["status"] == "active" for one in people),
        "syncing": sum(one["status"] == "first_sync" for one in people),
        "own_connection": sum(one["status"] == "own_connection" for one in people),
    }
    authorized = {} if status == "draft" else {"authorized_at": "2026-11-20T09:00:00Z", "authorized_by": "admin"}
    return deepcopy(MICROSOFT) | authorized | {"status": status, "staff": staff} | more


@dataclass
class StubbedOrganization:
    """`views` by provider, `people` of Microsoft's staff. `asked` is every call with its JSON or bytes; a `refusal` is
    the answer to the next call that is not a GET, an `answer` to a path and method wins over all."""

    url: str
    page: Page
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    people: list[dict[str, Any]] = field(default_factory=list)
    refusal: tuple[int, dict[str, Any]] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    imports: list[dict[str, Any]] = field(default_factory=list)

    def open(self, path: str = "/organization", *, role: str = "admin") -> None:
        query = "?user=ada" + (f"&role={role}" if role else "")
        self.page.goto(f"{self.url}{path}{query}")
        if path == "/organization":
            expect(self.page.locator("#organization")).not_to_have_attribute("aria-busy", "true")

    def row(self, user: str) -> Locator:
        return self.page.locator(".staff tbody tr", has=self.page.get_by_role("rowheader", name=user, exact=True))

    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def answer(self, route: Route) -> None:
        request = route.request
        parts = urlsplit(request.url)
        raw = request.post_data_buffer
        is_json = raw and "json" in request.headers.get("content-type", "")
        body = json.loads(raw) if raw and is_json else raw
        self.asked.append((request.method, f"{parts.path}?{parts.query}".removesuffix("?"), body))
        status, said = self._answer(request.method, parts.path, parse_qs(parts.query), body)
        kind = "application/problem+json" if status >= 400 else "application/json"
        route.fulfill(status=status, body="" if said is None else json.dumps(said), content_type=kind)

    def _answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if f"{method} {path}" in self.answers:
            return 200, self.answers[f"{method} {path}"]
        if method != "GET" and self.refusal:
            refused, self.refusal = self.refusal, None
            return refused
        provider, _, rest = path.removeprefix("/v1/organization/").partition("/")
        if path == "/v1/integrations":
            return 200, {"items": [], "help": {}}
        if rest.startswith("staff/import"):
            return 200, self.imports.pop(0)
        if rest.startswith("staff"):
            return self._staff(method, rest.partition("/")[2], query, body)
        if method == "PUT":
            bare = GOOGLE if provider == "google" else MICROSOFT
            given = {name: value for name, value in body.items() if name != "service_account_key"}
            self.views[provider] = deepcopy(bare) | self.views.get(provider, {}) | given
        if provider not in self.views:
            return 404, {"code": "not_found", "detail": "There is nothing here."}
        return 200, self.views[provider]

    def _staff(self, method: str, user: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if not user:
            after = int(query.get("after", ["0"])[0])
            rest = self.people[after : after + PAGE_OF_STAFF]
            more = after + PAGE_OF_STAFF < len(self.people)
            following = f"/v1/organization/microsoft/staff?after={after + PAGE_OF_STAFF}" if more else None
            return 200, {"items": rest, "next": following}
        known = next((one for one in self.people if one["user_id"] == user), None)
        if method == "PUT":
            if known is None:
                known = person(user, "waiting")
                self.people.append(known)
            known.update(body, status="waiting" if body["enabled"] else "disabled")
        if method == "DELETE":
            self.people = [one for one in self.people if one["user_id"] != user]
            return 200, {"complete": True}
        return (200, known) if known else (404, {"code": "not_found", "detail": "There is nothing here."})

    def sent(self, method: str) -> list[tuple[str, Any]]:
        """Path and body of each call by this method, but for the reading."""
        return [(path, body) for found, path, body in self.asked if found == method]


@dataclass
class Stubs:
    """Everything that one test opens; `faults` is what the pages reported as broken in themselves."""

    url: str
    browser: Browser
    faults: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(self, *, context: dict[str, Any] | None = None, **given: Any) -> StubbedOrganization:
        options = {"locale": "en-GB", "viewport": {"width": 1000, "height": 900}, **(context or {})}
        opened = self.browser.new_context(**options)
        self._contexts.append(opened)
        page = opened.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        stub = StubbedOrganization(self.url, page, **given)
        page.route(re.compile(r"/v1/"), stub.answer)
        return stub

    def take_pictures(self, folder: Path, test: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(page for context in self._contexts for page in context.pages):
            page.screenshot(path=folder / f"{test}-{number}.png".replace("/", "-"), full_page=True)

    def close(self) -> None:
        for context in self._contexts:
            context.close()
