"""People in a world that several tests share: each has a user, a Google account and a calendar of their own.

A world takes seconds to set up and a person milliseconds, so a module sets up one world (`shared_world`) and each test
takes a new person of it. `Person.api` also holds every answer against the OpenAPI document. What a test leaves in the
queues or at the simulator is taken away when its person goes.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from shared.store.tables import TABLES
from tests.handlers.document import check_answer
from tests.world import PAGE, REGION, LambdaContext, World, google_times, http_event, running_world, times

__all__ = ["Person", "captured_log", "google_times", "person", "shared_world", "times"]

_numbers = itertools.count(1)


@dataclass
class Person:
    world: World
    user: str
    account: str
    org: str = "demo"

    def raw(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        claims: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        context: LambdaContext | None = None,
    ) -> dict[str, Any]:
        """The API function's whole answer, checked against the document."""
        from functions.api.handler import lambda_handler

        mine = {"sub": self.user, "org": self.org} if claims is None else claims
        event = http_event(method, path, body, claims=mine, headers=headers or {})
        answer = dict(lambda_handler(event, context or LambdaContext(remaining_ms=29_000)))
        check_answer(method, path, answer)
        return answer

    def api(self, method: str, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        answer = self.raw(method, path, body, **more)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """The body of an answer that has to be a good one."""
        status, members = self.api(method, path, body, **more)
        assert status < 300, members
        return members

    def refused(self, status: int, code: str, method: str, path: str, body: object = None, **more: Any) -> list[str]:
        """The fields that a refusal names."""
        found, problem = self.api(method, path, body, **more)
        assert (found, problem["code"]) == (status, code), problem
        return [error["field"] for error in problem.get("errors", [])]

    # --- connecting

    def begin(self, **more: object) -> tuple[str, str]:
        """A sign-in's connection and its address at the provider."""
        begun = self.ask("POST", "/v1/connections", {"provider": "google", "return_to": PAGE, **more})
        return begun["connection_id"], begun["authorization_url"]

    def come_back(self, url: str, **decision: Any) -> tuple[dict[str, str], str]:
        """Decide at the provider and follow it back to the page: the page's query, and the confirmation."""
        answer = self.world.callback(self.world.consent(url, account=self.account, **decision))
        assert answer["statusCode"] == 302, answer
        parts = urlsplit(answer["headers"]["location"])
        return dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment)).get("confirmation", "")

    def connect(self) -> str:
        connection_id, url = self.begin()
        _, confirmation = self.come_back(url)
        active = self.ask("POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation})
        self.world.drain()
        return str(active["id"])

    def connection(self, connection_id: str) -> Any:
        return self.ask("GET", f"/v1/connections/{connection_id}")

    def main_calendar(self, connection_id: str) -> Any:
        return self.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"][0]

    # --- events

    def book(self, event_id: str, title: str = "Consultation", day: int = 1, **more: object) -> Any:
        body = {"title": title, **times(f"2027-03-{day:02}T09:00:00", f"2027-03-{day:02}T10:00:00"), **more}
        return self.ask("PUT", f"/v1/events/{event_id}", body)

    def here(self) -> list[str]:
        """The titles that the app shows."""
        path = "/v1/events?from=2026-01-01T00:00:00Z&to=2029-01-01T00:00:00Z"
        return sorted(event["title"] for event in self.ask("GET", path)["items"])

    def there(self) -> list[str]:
        """The titles in the person's own calendar."""
        return sorted(item["summary"] for item in self.world.there(self.account))

    def add_there(self, summary: str, day: int = 2, **more: object) -> str:
        when = google_times(f"2027-03-{day:02}T09:00:00", f"2027-03-{day:02}T10:00:00")
        return str(self.world.add_there(self.account, summary=summary, **when, **more)["id"])

    def fault(self, match: str, kind: str, **more: object) -> None:
        """Something goes wrong at this person's account."""
        account = {} if match.startswith("oauth") else {"account": self.account}
        self.world.control("POST", "faults", {"match": match, "kind": kind, **account, **more})

    def calls(self, name: str) -> int:
        """How often a call was made, for anybody, since `forget_calls`."""
        return int(self.world.control("GET", "calls")["by_method"].get(name, 0))

    def forget_calls(self) -> None:
        self.world.control("DELETE", "calls")

    def notices(self) -> list[str]:
        """Types of the notices that tell of this user, in order."""
        return [row["type"] for row in sorted(rows("deliveries_table"), key=lambda row: row["id"]) if self._mine(row)]

    def _mine(self, row: Mapping[str, Any]) -> bool:
        return bool(json.loads(row["body"]).get("user_id") == self.user)


# --- the fixtures' substance ---------------------------------------------------------------------------------------


@contextmanager
def shared_world() -> Iterator[World]:
    with running_world() as world:
        yield world


@contextmanager
def person(world: World) -> Iterator[Person]:
    number = next(_numbers)
    account = f"person{number}@example.com"
    world.google.add_account(account, f"Person {number}", time_zone="Europe/Berlin")
    yield Person(world, f"user{number}", account)
    world.control("DELETE", "faults")
    world.control("POST", "push", {"mode": "none"})
    world.control("DELETE", "mails")
    world.pushes.clear()
    for queue in get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].queues.values():
        queue._messages.clear()
        queue.pending_messages.clear()


# --- looking behind the scenes -------------------------------------------------------------------------------------


def rows(setting: str) -> list[dict[str, Any]]:
    """Every row of a table, as text where it is text; ciphertext stays bytes."""
    found: list[dict[str, Any]] = []
    for page in boto3.client("dynamodb").get_paginator("scan").paginate(TableName=setting):
        found += [{name: next(iter(value.values())) for name, value in item.items()} for item in page["Items"]]
    return found


def everything() -> dict[str, list[dict[str, Any]]]:
    return {setting: rows(setting) for setting in TABLES}


def rows_that_name(text: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of any table in which the text occurs, in clear."""
    found = {table: [row for row in its if text.encode() in _bytes(row)] for table, its in everything().items()}
    return {table: its for table, its in found.items() if its}


def _bytes(row: Mapping[str, Any]) -> bytes:
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for pair in row.items() for value in pair
    )


def stored_bytes() -> bytes:
    """All that stands in any table."""
    return b"\n".join(_bytes(row) for its in everything().values() for row in its)


def secrets_of(world: World) -> list[str]:
    """Every token and code that the simulated Google has ever given out, and the product's own keys."""
    google = world.google
    return [*google.refresh_tokens, *google.access_tokens, *google.codes, "client-secret", "notification-key-1"]


@contextmanager
def captured_log(level: str = "INFO") -> Iterator[io.StringIO]:
    """What the functions log, ours as it is written and the libraries' too."""
    from shared.observability import logger

    written = io.StringIO()
    ours, others = logging.StreamHandler(written), logging.StreamHandler(written)
    ours.setFormatter(logger.registered_formatter)
    others.addFilter(lambda record: record.name != "werkzeug")  # the simulator's own
    root, before, root_before = logging.getLogger(), logger.log_level, logging.getLogger().level
    logger.addHandler(ours)
    root.addHandler(others)
    logger.setLevel(level)
    root.setLevel(level)
    try:
        yield written
    finally:
        logger.removeHandler(ours)
        root.removeHandler(others)
        logger.setLevel(before)
        root.setLevel(root_before)


def lines(log: io.StringIO, message: str) -> list[dict[str, Any]]:
    """The entries of our own log with that message."""
    entries = [json.loads(line) for line in log.getvalue().splitlines() if line.startswith("{")]
    return [entry for entry in entries if entry["message"] == message]


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """Another setting for the functions, which are made cold for it."""
    from tests.world import forget_functions

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, name, value)
        forget_functions()
        yield
    forget_functions()
