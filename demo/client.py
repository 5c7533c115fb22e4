"""Speaking to a running product as the page does, and to the simulated Google as the person at the other end does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests

TIMEOUT = 60

DAY = "2027-03-0{}"
"""The days of the test week, 1 to 7."""

WEEK = "from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z"


class Unexpected(Exception):
    """Something answered otherwise than it should; the message holds the call and the answer."""


@dataclass
class AppClient:
    """A signed-in user of the host app, at the product's front door."""

    url: str
    user: str = "demo-user"
    org: str = "demo"
    roles: tuple[str, ...] = ()
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.trust_env = False
        body = {"sub": self.user, "org": self.org, "roles": list(self.roles)}
        token = self._session.post(f"{self.url}/dev/token", json=body, timeout=TIMEOUT).json()["token"]
        self._session.headers["authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: object = None, *, data: bytes | None = None, expect: int = 200) -> Any:
        """One call; its JSON. Raises `Unexpected` for any other status than expected."""
        headers = {"content-type": "application/octet-stream"} if data is not None else {}
        answer = self._session.request(
            method,
            f"{self.url}{path}",
            json=body,
            data=data,
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if answer.status_code != expect:
            raise Unexpected(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str) -> tuple[int, str]:
        """Status and code of a call that is to be refused; an empty code for one that was not."""
        answer = self._session.request(method, f"{self.url}{path}", timeout=TIMEOUT, allow_redirects=False)
        return answer.status_code, str(answer.json().get("code", "")) if answer.status_code >= 400 else ""

    def listing(self, path: str) -> list[dict[str, Any]]:
        """All items of a listing, page by page."""
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            page = self.call("GET", following)
            found += page["items"]
            following = page["next"]
        return found

    def connect(self, provider: str, account: str, *, ca_file: str = "") -> str:
        """Sign in with a simulated provider as `account`, consent, come back, confirm; the connection's id."""
        begun = self.call("POST", "/v1/connections", {"provider": provider, "return_to": f"{self.url}/"}, expect=201)
        query, fragment = self.come_back(begun["authorization_url"], account, ca_file=ca_file)
        return str(self.confirm(query, fragment)["id"])

    def come_back(
        self, authorization_url: str, account: str, *, ca_file: str = ""
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Allow everything on the provider's pages as `account`; the query and the fragment that our own
        page gets."""
        form = {"account": account, "decision": "allow", "scopes": "all"}
        following = authorization_url
        while not following.startswith(self.url):
            with requests.Session() as session:
                session.trust_env = False
                session.verify = ca_file or True
                consent = session.post(following, data=form, allow_redirects=False, timeout=TIMEOUT)
            back = requests.get(consent.headers["location"], allow_redirects=False, timeout=TIMEOUT)
            following = back.headers["location"]
        parts = urlsplit(following)
        return dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment))

    def confirm(self, query: dict[str, str], fragment: dict[str, str]) -> Any:
        path = f"/v1/connections/{query['connection_id']}/confirm"
        return self.call("POST", path, {"confirmation": fragment["confirmation"]})


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

    def shown(self, title: str, starts: str = "") -> int:
        """How many of the test week's occurrences have this title, and begin at this time of day."""
        found = self.events(f"?expand=1&{WEEK}")
        return sum(one.get("summary") == title and starts in one["start"].get("dateTime", "") for one in found)

    def add(self, title: str, start: str, end: str, *, daily: int = 0) -> str:
        """An event on the first day of the test week; `daily`: that many days running."""
        times = {"start": _wall_time(start), "end": _wall_time(end)}
        recurrence = {"recurrence": [f"RRULE:FREQ=DAILY;COUNT={daily}"]} if daily else {}
        body = {"summary": title, **times, **recurrence}
        return str(self.call("POST", self.calendar("events"), body)["id"])

    def change(self, event_id: str, title: str, start: str, end: str) -> None:
        body = {"summary": title, "start": _wall_time(start), "end": _wall_time(end)}
        self.call("PATCH", self.calendar(f"events/{quote(event_id, safe='')}"), body)

    def delete(self, event_id: str) -> None:
        self.call("DELETE", self.calendar(f"events/{quote(event_id, safe='')}"))

    def move_occurrence(self, event_id: str, day: int, start: str, end: str) -> None:
        """Move the occurrence of a series that began at nine o'clock on that day."""
        body = {"start": _wall_time(start, day), "end": _wall_time(end, day)}
        self.call("PATCH", self.calendar(f"events/{event_id}_2027030{day}T080000Z"), body)

    def cancel_occurrence(self, event_id: str, day: int) -> None:
        self.delete(f"{event_id}_2027030{day}T080000Z")

    def lasting_grants(self) -> int:
        return sum(one["refresh_tokens"] for one in self.call("GET", "grants")["grants"])


@dataclass
class PersonAtOutlook:
    """Somebody with a calendar at the simulated Microsoft, which is trusted by `ca_file`."""

    url: str
    account: str
    ca_file: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call of the control interface; its JSON."""
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self.ca_file
            answer = session.request(method, f"{self.url}/control/{path}", json=body, timeout=TIMEOUT)
        if answer.status_code >= 300:
            raise Unexpected(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def _events(self, rest: str = "") -> str:
        return f"calendars/{quote(self.account, safe='')}/events{rest}"

    def shown(self, title: str, starts: str = "") -> int:
        """As at Google."""
        return len(self._seen(title, starts))

    def named(self, title: str, starts: str) -> str:
        """The id of the first event of the test week that has this title and begins at this time of day."""
        return str(min(self._seen(title, starts), key=lambda one: str(one["start"]["dateTime"]))["id"])

    def _seen(self, title: str, starts: str) -> list[dict[str, Any]]:
        found = self.call("GET", self._events(f"?expand=1&zone=Europe/Berlin&{WEEK}"))["value"]
        return [one for one in found if one["subject"] == title and starts in one["start"]["dateTime"]]

    def add(self, title: str, start: str, end: str, *, daily: int = 0) -> str:
        body: dict[str, object] = {"subject": title, "start": _wall_time(start), "end": _wall_time(end)}
        if daily:
            pattern = {"type": "daily", "interval": 1}
            window = {"type": "numbered", "startDate": DAY.format(1), "numberOfOccurrences": daily}
            body["recurrence"] = {"pattern": pattern, "range": {**window, "recurrenceTimeZone": "Europe/Berlin"}}
        return str(self.call("POST", self._events(), body)["id"])

    def change(self, event_id: str, title: str, start: str, end: str) -> None:
        body = {"subject": title, "start": _wall_time(start), "end": _wall_time(end)}
        self.call("PATCH", self._events(f"/{quote(event_id, safe='')}"), body)

    def delete(self, event_id: str) -> None:
        self.call("DELETE", self._events(f"/{quote(event_id, safe='')}"))

    def move_occurrence(self, event_id: str, day: int, start: str, end: str) -> None:
        body = {"start": _wall_time(start, day), "end": _wall_time(end, day)}
        self.call("PATCH", self._events(f"/{quote(event_id, safe='')}/occurrences/{DAY.format(day)}"), body)

    def cancel_occurrence(self, event_id: str, day: int) -> None:
        self.call("DELETE", self._events(f"/{quote(event_id, safe='')}/occurrences/{DAY.format(day)}"))


Person = PersonAtGoogle | PersonAtOutlook


def _wall_time(time_of_day: str, day: int = 1) -> dict[str, str]:
    return {"dateTime": f"{DAY.format(day)}T{time_of_day}", "timeZone": "Europe/Berlin"}


def seconds_until(reached: Callable[[], bool], *, limit: float = 60, every: float = 0.03) -> float | None:
    """How long it takes until `reached()`; None if it does not within `limit` seconds."""
    begun = time.monotonic()
    while not reached():
        if time.monotonic() - begun > limit:
            return None
        time.sleep(every)
    return time.monotonic() - begun
