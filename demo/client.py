"""Speaking to a running product as the page does, and to the simulated Google as the person at the other end does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests

TIMEOUT = 60


class Unexpected(Exception):
    """Something answered otherwise than it should; the message holds the call and the answer."""


@dataclass
class AppClient:
    """A signed-in user of the host app, at the product's front door."""

    url: str
    user: str = "demo-user"
    org: str = "demo"
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.trust_env = False
        body = {"sub": self.user, "org": self.org}
        token = self._session.post(f"{self.url}/dev/token", json=body, timeout=TIMEOUT).json()["token"]
        self._session.headers["authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: object = None, *, expect: int = 200) -> Any:
        """One call; its JSON. Raises `Unexpected` for any other status than expected."""
        answer = self._session.request(method, f"{self.url}{path}", json=body, timeout=TIMEOUT, allow_redirects=False)
        if answer.status_code != expect:
            raise Unexpected(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def listing(self, path: str) -> list[dict[str, Any]]:
        """All items of a listing, page by page."""
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            page = self.call("GET", following)
            found += page["items"]
            following = page["next"]
        return found

    def connect(self, account: str) -> str:
        """Sign in with Google as `account`, consent, come back, confirm; the connection's id."""
        begun = self.call("POST", "/v1/connections", {"provider": "google", "return_to": f"{self.url}/"}, expect=201)
        form = {"account": account, "decision": "allow", "scopes": "all"}
        consent = requests.post(begun["authorization_url"], data=form, allow_redirects=False, timeout=TIMEOUT)
        back = requests.get(consent.headers["location"], allow_redirects=False, timeout=TIMEOUT)
        parts = urlsplit(back.headers["location"])
        query, fragment = dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment))
        path = f"/v1/connections/{query['connection_id']}/confirm"
        return str(self.call("POST", path, {"confirmation": fragment["confirmation"]})["id"])


@dataclass
class PersonAtGoogle:
    """Somebody with a calendar at the simulated Google: the account's own, or another of theirs."""

    url: str
    account: str
    calendar_id: str = ""

    def call(self, method: str, path: str, body: object = None, *, data: bytes | None = None) -> Any:
        """One call of the control interface; its JSON."""
        answer = requests.request(method, f"{self.url}/control/{path}", json=body, data=data, timeout=TIMEOUT)
        if answer.status_code >= 300:
            raise Unexpected(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def calendar(self, rest: str) -> str:
        return f"calendars/{quote(self.calendar_id or self.account, safe='')}/{rest}"

    def with_new_calendar(self, name: str) -> PersonAtGoogle:
        """The same person, at a further calendar of theirs."""
        made = self.call("POST", f"accounts/{quote(self.account, safe='')}/calendars", {"summary": name})
        return replace(self, calendar_id=str(made["id"]))

    def events(self, query: str = "") -> list[dict[str, Any]]:
        """What the person sees; cancelled ones left out."""
        items = self.call("GET", self.calendar(f"events{query}"))["items"]
        return [item for item in items if item.get("status") != "cancelled"]

    def add(self, **members: object) -> str:
        return str(self.call("POST", self.calendar("events"), members)["id"])

    def change(self, event_id: str, **members: object) -> None:
        self.call("PATCH", self.calendar(f"events/{quote(event_id, safe='')}"), members)

    def delete(self, event_id: str) -> None:
        self.call("DELETE", self.calendar(f"events/{quote(event_id, safe='')}"))


def seconds_until(reached: Callable[[], bool], *, limit: float = 60, every: float = 0.03) -> float | None:
    """How long it takes until `reached()`; None if it does not within `limit` seconds."""
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > limit:
            return None
        time.sleep(every)
    return time.monotonic() - begun
