"""The demo's organisations: what an administrator would import, and whom the simulators know."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from demo.client import PersonAtGoogle, PersonAtOutlook
from demo.organizations import (
    ADMIN,
    DOMAIN,
    GOOGLE_SCOPES,
    HARBOUR,
    MEADOW,
    PRIVATE_TITLE,
    SERVICE_ACCOUNT,
    TENANT,
    harbour_care,
    meadow_health,
    write_lists,
)
from shared.providers.google.delegation import SCOPES
from shared.staff_import import read
from simulators.google import GoogleWorld, create_app
from tests.microsoft_side import MicrosoftSide

APP = "00000000-0000-4000-8000-00000000c0de"


@pytest.fixture
def outlook() -> Iterator[PersonAtOutlook]:
    side = MicrosoftSide()
    side.world.add_app(APP, "secret", [])
    yield PersonAtOutlook(side.url, "", side.ca_file)
    side.close()


@pytest.fixture
def google() -> Iterator[PersonAtGoogle]:
    server = make_server("127.0.0.1", 0, create_app(GoogleWorld(send_push=lambda _: 200)), threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield PersonAtGoogle(f"http://127.0.0.1:{server.server_port}", "")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("staff", [HARBOUR, MEADOW], ids=["harbour", "meadow"])
def test_each_list_has_twelve_people_and_one_of_every_trouble(staff: tuple[Any, ...]) -> None:
    kinds = Counter(one.what for one in staff)
    assert len(staff) == 12
    assert len({one.mailbox for one in staff}) == 12
    assert [kinds[what] for what in ("unlicensed", "out_of_reach", "unknown", "own")] == [1, 1, 1, 1]


def test_the_lists_are_taken_as_they_are_without_a_line_that_is_refused(tmp_path: Path) -> None:
    for path, staff in zip(write_lists(tmp_path), (HARBOUR, MEADOW), strict=True):
        found = read(path.read_bytes())
        assert found.errors == ()
        assert [(line.entry.user_id, line.entry.mailbox) for line in found.lines] == [
            (one.user, one.mailbox) for one in staff
        ]


def test_the_tenant_has_everybody_but_the_unknown_and_each_a_private_event(outlook: PersonAtOutlook) -> None:
    harbour_care(outlook, APP)
    there = {one["email"]: one for one in outlook.call("GET", "accounts")["accounts"]}
    assert set(there) == {one.mailbox for one in HARBOUR if one.exists} | {ADMIN, SERVICE_ACCOUNT}
    for one in HARBOUR:
        if one.exists:
            events = outlook.call("GET", f"calendars/{one.mailbox}/events")["value"]
            assert [event["subject"] for event in events if event["sensitivity"] == "private"] == [PRIVATE_TITLE]
    path = f"tenants/{TENANT}/authorization/{APP}?mailbox="
    reached = [
        one.what for one in HARBOUR if all(row["in_scope"] for row in outlook.call("GET", path + one.mailbox)["roles"])
    ]
    assert "out_of_reach" not in reached
    assert len(reached) == 10


def test_a_second_start_changes_nothing_of_what_people_did(
    outlook: PersonAtOutlook, google: PersonAtGoogle, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    for _ in range(2):
        harbour_care(outlook, APP)
        meadow_health(google, key)
        outlook.call("PATCH", "accounts/gus@harbour.example", {"licensed": True})
    assert len(outlook.call("GET", "calendars/ada@harbour.example/events")["value"]) == 3
    assert len(google.call("GET", f"calendars/mia@{DOMAIN}/events")["items"]) == 3
    (account,) = google.call("GET", "service_accounts")["service_accounts"]
    assert len(account["keys"]) == 1


def test_the_key_is_its_owners_alone_and_may_do_exactly_what_is_asked_for(
    google: PersonAtGoogle, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    meadow_health(google, key)
    assert key.stat().st_mode & 0o077 == 0
    made = json.loads(key.read_text())
    (domain,) = (one for one in google.call("GET", "domains")["domains"] if one["name"] == DOMAIN)
    assert domain["delegations"] == {made["client_id"]: list(GOOGLE_SCOPES)}
    assert set(GOOGLE_SCOPES) == set(SCOPES)


def test_a_key_file_that_was_lost_is_made_anew(google: PersonAtGoogle, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    meadow_health(google, key)
    first = key.read_text()
    key.unlink()
    meadow_health(google, key)
    assert json.loads(key.read_text())["client_id"] == json.loads(first)["client_id"]
    assert key.read_text() != first
