"""The simulated Google in a process of its own, with filled calendars."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.processes import running, wait_until

ACCOUNT = "anna@example.com"


@dataclass(frozen=True, slots=True)
class Google:
    url: str
    tokens: Mapping[str, str]

    def control(self, path: str, body: object) -> Any:
        return _post(f"{self.url}/control/{path}", body)


@contextmanager
def filled_google(counts: Mapping[str, int]) -> Iterator[Google]:
    """Serve an account whose calendars hold that many events each (by the calendar's id)."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "port"
        client = ["--client-id", "client", "--client-secret", "secret", "--redirect-uri", "http://localhost/callback"]
        command = [sys.executable, "-m", "simulators.google", "--port-file", str(place), *client]
        with running(command, os.environ, Path(folder) / "log") as process:
            wait_until(place.exists, "The simulated Google", process=process)
            url = f"http://127.0.0.1:{place.read_text()}"
            yield _fill(url, counts)


def _fill(url: str, counts: Mapping[str, int]) -> Google:
    calendars = [{"summary": name, "id": name} for name in counts]
    _post(f"{url}/control/accounts", {"email": ACCOUNT, "timeZone": "Europe/Berlin", "calendars": calendars})
    scopes = ["https://www.googleapis.com/auth/calendar.events"]
    tokens = _post(f"{url}/control/tokens", {"email": ACCOUNT, "client_id": "client", "scopes": scopes})
    for name, count in counts.items():
        _post(f"{url}/control/calendars/{name}/fill", {"count": count, "seed": 1})
    return Google(url, {name: tokens[name] for name in ("refresh_token", "access_token")})


def _post(url: str, body: object) -> Any:
    content = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, method="POST", data=json.dumps(body).encode(), headers=content)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")
