"""Google in the benchmarks: see `benchmarks.simulated.BenchmarkProvider`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.simulated import ACCOUNT, CLIENT, Json, Simulated
from shared.providers.base import ClientSecret, Provider

SCHEME = "http://127.0.0.1"
ARGUMENTS: tuple[str, ...] = ()


def add_account(simulated: Simulated, names: list[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    calendars = [{"summary": name, "id": name} for name in names]
    simulated.control("POST", "accounts", {"email": ACCOUNT, "timeZone": "Europe/Berlin", "calendars": calendars})
    scopes = ["https://www.googleapis.com/auth/calendar.events"]
    wanted = {"email": ACCOUNT, "client_id": CLIENT["client_id"], "scopes": scopes}
    tokens = simulated.control("POST", "tokens", wanted)
    return {name: tokens[name] for name in ("refresh_token", "access_token")}, {name: name for name in names}


def environment(simulated: Simulated) -> Mapping[str, str]:
    return {"GOOGLE_OAUTH_URL": simulated.url, "GOOGLE_API_URL": simulated.url}


def secret_of(simulated: Simulated) -> bytes:
    from shared.providers.google.auth import EVENTS_SCOPE
    from shared.providers.google.grant import encode_secret

    expiry = (datetime.now(UTC) + timedelta(minutes=50)).replace(tzinfo=None)
    tokens = simulated.tokens
    return encode_secret(
        refresh_token=tokens["refresh_token"], token=tokens["access_token"], expiry=expiry, scopes=[EVENTS_SCOPE]
    )


def open_provider() -> Provider:
    from shared.config import GoogleSettings
    from shared.providers.google import GoogleProvider

    return GoogleProvider(GoogleSettings.read(), ClientSecret(CLIENT["client_id"], CLIENT["client_secret"]))


def pages_of(simulated: Simulated, calendar: str) -> Iterator[list[Json]]:
    from shared.config import GoogleSettings
    from shared.providers.google.calendar import _EVENT_TYPES, PAGE_SIZE
    from shared.providers.google.errors import Subject
    from shared.providers.google.grant import Grant
    from shared.providers.google.wire import Wire

    settings = GoogleSettings.read()
    wire = Wire(
        Grant(secret_of(simulated), settings, ClientSecret(CLIENT["client_id"], CLIENT["client_secret"])),
        settings,
        quota_user="benchmark",
    )
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat(timespec="seconds").replace("+00:00", "Z")

    def page(token: str | None) -> dict[str, Any]:
        return wire.events(
            "list",
            Subject.CALENDAR,
            calendarId=calendar,
            singleEvents=False,
            maxResults=PAGE_SIZE,
            eventTypes=_EVENT_TYPES,
            timeMin=since,
            pageToken=token,
        )

    answer = page(None)
    yield answer["items"]
    while token := answer.get("nextPageToken"):
        answer = page(token)
        yield answer["items"]
