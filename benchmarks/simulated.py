"""A simulated provider in a process of its own, with filled calendars; what is Google's or Microsoft's is in a module
of that name (see `provider_of`)."""

from __future__ import annotations

import importlib
import json
import os
import ssl
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from demo.processes import running, wait_until
from shared.providers.base import Provider

ACCOUNT = "anna@example.com"
CLIENT = {"client_id": "11111111-2222-4333-8444-555555555555", "client_secret": "secret"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Simulated:
    """`calendars`: id by name."""

    provider: str
    url: str
    ca_file: str
    tokens: Mapping[str, Any] = field(default_factory=dict)
    calendars: Mapping[str, str] = field(default_factory=dict)

    def control(self, method: str, path: str, body: object = None) -> Any:
        content = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}/control/{path}", method=method, data=json.dumps(body).encode(), headers=content
        )
        trust = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        with urllib.request.urlopen(request, timeout=60, context=trust) as answer:
            return json.loads(answer.read() or b"null")


class BenchmarkProvider(Protocol):
    """What a provider's module in this folder holds."""

    SCHEME: str
    ARGUMENTS: tuple[str, ...]

    def add_account(self, simulated: Simulated, names: list[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Tokens of an account that has these calendars, and the calendars' ids by name."""

    def environment(self, simulated: Simulated) -> Mapping[str, str]: ...

    def secret_of(self, simulated: Simulated) -> bytes: ...

    def open_provider(self) -> Provider: ...

    def pages_of(self, simulated: Simulated, calendar: str) -> Iterator[list[Json]]:
        """Every page of the calendar, asked for as the product does, through its own client; nothing is looked at."""


def provider_of(name: str) -> BenchmarkProvider:
    return cast(BenchmarkProvider, importlib.import_module(f"benchmarks.{name}"))


@contextmanager
def filled(name: str, counts: Mapping[str, int]) -> Iterator[Simulated]:
    """Serve an account whose calendars hold that many events each."""
    provider = provider_of(name)
    with tempfile.TemporaryDirectory() as folder:
        place, authority = Path(folder) / "port", Path(folder) / "ca.pem"
        client = ["--client-id", CLIENT["client_id"], "--client-secret", CLIENT["client_secret"]]
        given = [part.format(ca_file=authority) for part in provider.ARGUMENTS]
        command = [sys.executable, "-m", f"simulators.{name}", "--port-file", str(place), *client, *given]
        command += ["--redirect-uri", "http://localhost/callback"]
        with running(command, os.environ, Path(folder) / "log") as process:
            wait_until(place.exists, f"The simulated {name.title()}", process=process)
            ca_file = str(authority) if authority.exists() else ""
            bare = Simulated(name, f"{provider.SCHEME}:{place.read_text()}", ca_file)
            tokens, calendars = provider.add_account(bare, list(counts))
            whole = Simulated(name, bare.url, ca_file, tokens, calendars)
            for calendar, count in counts.items():
                if count:
                    whole.control("POST", f"calendars/{calendars[calendar]}/fill", {"count": count, "seed": 1})
            yield whole
