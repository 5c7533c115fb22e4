"""Microsoft in the benchmarks: see `benchmarks.simulated.BenchmarkProvider`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.simulated import ACCOUNT, CLIENT, Json, Simulated
from shared.providers.base import ClientSecret, Provider

SCHEME = "https://localhost"
ARGUMENTS = ("--ca-file-out", "{ca_file}")


def add_account(simulated: Simulated, names: list[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    from shared.providers.microsoft.grant import SCOPES

    calendars = [{"name": name} for name in names]
    made = simulated.control(
        "POST", "accounts", {"email": ACCOUNT, "timeZone": "W. Europe Standard Time", "calendars": calendars}
    )
    wanted = {"email": ACCOUNT, "client_id": CLIENT["client_id"], "scopes": list(SCOPES)}
    simulated.control("POST", "settings", {"empty_pages": "never"})
    return simulated.control("POST", "tokens", wanted), {one["name"]: one["id"] for one in made["calendars"]}


def environment(simulated: Simulated) -> Mapping[str, str]:
    return {
        "MICROSOFT_LOGIN_URL": simulated.url,
        "MICROSOFT_GRAPH_URL": simulated.url,
        "PROVIDER_CA_FILE": simulated.ca_file,
    }


def secret_of(simulated: Simulated) -> bytes:
    import msal  # type: ignore[import-untyped]

    from shared.providers.microsoft.grant import encode_secret

    cache, tokens = msal.SerializableTokenCache(), dict(simulated.tokens)
    cache.add(
        {
            "client_id": CLIENT["client_id"],
            "scope": tokens["scope"].split(),
            "token_endpoint": f"{simulated.url}/common/oauth2/v2.0/token",
            "response": tokens,
            "params": {},
            "data": {},
        }
    )
    return encode_secret(cache)


def open_provider() -> Provider:
    from shared.config import MicrosoftSettings
    from shared.providers.microsoft import MicrosoftProvider

    return MicrosoftProvider(MicrosoftSettings.read(), ClientSecret(CLIENT["client_id"], CLIENT["client_secret"]))


def pages_of(simulated: Simulated, calendar: str) -> Iterator[list[Json]]:
    from shared.config import MicrosoftSettings
    from shared.providers.microsoft import cursor
    from shared.providers.microsoft.box import OWN
    from shared.providers.microsoft.calendar import PAGE_SIZE
    from shared.providers.microsoft.errors import Subject
    from shared.providers.microsoft.grant import Grant
    from shared.providers.microsoft.wire import Wire

    settings = MicrosoftSettings.read()
    wire = Wire(
        Grant(secret_of(simulated), settings, ClientSecret(CLIENT["client_id"], CLIENT["client_secret"])),
        settings,
        quota_user="benchmark",
    )
    now = datetime.now(UTC)
    window = cursor.first(calendar, now - timedelta(days=30), now)
    path = f"{OWN.path(calendar)}/calendarView/delta"
    answer = wire.get(path, Subject.CALENDAR, page_size=PAGE_SIZE, startDateTime=window.begins, endDateTime=window.ends)
    yield answer["value"]
    while link := answer.get("@odata.nextLink"):
        answer = wire.get(wire.path_of(link), Subject.CURSOR, page_size=PAGE_SIZE)
        yield answer["value"]
