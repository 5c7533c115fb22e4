"""`Visit`: one signed-in person with a browser page, an account at each simulated provider, and the API at hand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from demo.client import AppClient, PersonAtGoogle, PersonAtOutlook, seconds_until
from demo.product import Product

NAMES = {"google": "Google Calendar", "microsoft": "Outlook and Office 365"}
SHORT = {"google": "Google", "microsoft": "Microsoft"}
ZONE, LOCALE = "Australia/Sydney", "en-AU"


@dataclass
class Visits:
    """Everybody in one test; `faults` is what their pages reported as broken in themselves."""

    running: Product
    browser: Browser
    test: str
    faults: list[str] = field(default_factory=list)
    _all: list[Visit] = field(default_factory=list)

    def new(self, *, user: str = "", stem: str = "", org: str = "", role: str = "", **context: Any) -> Visit:
        """A page for a new person with provider accounts of their own, named by `stem`."""
        name = re.sub(r"[^a-z0-9]+", "-", self.test.lower()).strip("-")[5:35]
        user = user or f"{name}-{secrets.token_hex(3)}"
        options = {"locale": LOCALE, "timezone_id": ZONE, "viewport": {"width": 1000, "height": 900}, **context}
        opened = self.browser.new_context(ignore_https_errors=True, **options)
        visit = Visit(self.running, opened, user, stem or user, org, role)
        visit.page.on("pageerror", lambda error: self.faults.append(f"{user}: {error}"))
        self._all.append(visit)
        visit.have_accounts()
        return visit

    def take_pictures(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, visit in enumerate(self._all):
            visit.page.screenshot(path=folder / f"{self.test}-{number}.png".replace("/", "-"), full_page=True)

    def close(self) -> None:
        for visit in self._all:
            visit.context.close()


@dataclass
class Visit:
    running: Product
    context: BrowserContext
    user: str
    stem: str
    org: str = ""
    role: str = ""

    @cached_property
    def page(self) -> Page:
        return self.context.new_page()

    @cached_property
    def api(self) -> AppClient:
        roles = (self.role,) if self.role else ()
        return AppClient(self.running.url, user=self.user, org=self.org or "demo", roles=roles)

    def account(self, provider: str) -> str:
        return f"{self.stem}@{'example.com' if provider == 'google' else 'contoso.example'}"

    @cached_property
    def google(self) -> PersonAtGoogle:
        return PersonAtGoogle(self.running.google_url, self.account("google"))

    @cached_property
    def outlook(self) -> PersonAtOutlook:
        return PersonAtOutlook(self.running.microsoft_url, self.account("microsoft"), self.running.ca_file)

    def person(self, provider: str) -> PersonAtGoogle | PersonAtOutlook:
        return self.google if provider == "google" else self.outlook

    def have_accounts(self) -> None:
        for provider in NAMES:
            body = {"email": self.account(provider), "name": self.stem, "timeZone": ZONE}
            self.person(provider).call("POST", "accounts", body)

    def fault(self, provider: str, match: str, kind: str, **more: object) -> None:
        """Order a fault that only this account meets; at a token endpoint, which knows none, the next caller."""
        whose = {} if match.startswith("oauth.") else {"account": self.account(provider)}
        body = {"match": match, "kind": kind, **whose, **more}
        self.person(provider).call("POST", "faults", body)

    # --- the page

    def url(self, path: str = "/") -> str:
        chosen = {"user": self.user, "org": self.org, "role": self.role}
        return f"{self.running.url}{path}?{urlencode({name: value for name, value in chosen.items() if value})}"

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.url(path))
        if path == "/":
            expect(self.page.locator("#providers")).not_to_have_attribute("aria-busy", "true")
        return self.page

    def card(self, provider: str) -> Locator:
        return self.page.get_by_role("region", name=NAMES[provider])

    def opening(self) -> Locator:
        """What the page says at its top."""
        return self.page.locator("#opening")

    def button(self, provider: str, name: str | re.Pattern[str]) -> Locator:
        return self.card(provider).get_by_role("button", name=name)

    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    # --- connecting

    def leave_for(self, provider: str) -> None:
        """Press the provider's sign-in button and stand on its page."""
        self.button(provider, f"Sign in with {SHORT[provider]}").first.click()
        expect(self.page.get_by_text("Simulated")).to_be_visible()

    def consent(self, provider: str, *, account: str = "", allow: bool = True, untick: str = "") -> None:
        """On the provider's page: choose the account and press a button."""
        self.page.locator(f"input[value='{account or self.account(provider)}']").check()
        if untick:
            self.page.get_by_label(untick).uncheck()
        yes, no = ("Allow", "Deny") if provider == "google" else ("Accept", "Cancel")
        self.page.get_by_role("button", name=yes if allow else no, exact=True).click()

    def sign_in(self, provider: str, **choices: Any) -> None:
        """The whole way out and back; ends when the account is connected and its first sync is over."""
        self.leave_for(provider)
        self.consent(provider, **choices)
        account = choices.get("account") or self.account(provider)
        shows(self.opening(), f"is connected as {account}")
        self.wait_until_synced(provider)

    def wait_until_synced(self, provider: str) -> None:
        expect(self.card(provider).locator(".badge.good", has_text="Connected")).to_be_visible(timeout=60_000)

    def connect(self, provider: str) -> str:
        """The same without the page; the connection's id."""
        ca_file = self.running.ca_file if provider == "microsoft" else ""
        connection = self.api.connect(provider, self.account(provider), ca_file=ca_file)
        self.until(lambda: self.state(connection)["sync"]["state"] == "done")
        return connection

    def state(self, connection: str) -> Any:
        return self.api.call("GET", f"/v1/connections/{connection}")

    def connection(self, provider: str) -> Any:
        """The one live connection with a provider."""
        (found,) = [
            one
            for one in self.api.listing("/v1/connections")
            if one["provider"] == provider and one["status"] not in ("pending", "disconnected")
        ]
        return found

    def book(self, identifier: str, title: str, *, day: int = 2, **more: object) -> Any:
        """A booking of the host app on a day of the test week (March 2027; the 1st is still February in UTC)."""
        times = {
            name: {"date_time": f"2027-03-{day:02}T{at}:00", "time_zone": ZONE}
            for name, at in (("start", "09:00"), ("end", "10:00"))
        }
        body = {"title": title, **times, **more}
        return self.api.call("PUT", f"/v1/events/{self.stem}-{identifier}", body, expect=201)

    def until(self, reached: Callable[[], object], *, seconds: float = 60) -> None:
        """Wait for something that no page shows."""
        assert seconds_until(lambda: bool(reached()), limit=seconds, every=0.1) is not None


def shows(part: Locator, text: str | re.Pattern[str], *, timeout: float | None = None) -> None:
    """Wait until a part of the page shows a text; what is there but hidden does not count."""
    expect(part).to_contain_text(text, use_inner_text=True, timeout=timeout)


def hides(part: Locator, text: str | re.Pattern[str]) -> None:
    expect(part).not_to_contain_text(text, use_inner_text=True)
