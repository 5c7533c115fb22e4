"""Two organisations with twelve staff each, at the simulated Microsoft and Google, and what their administrator needs.

    harbour_care(PersonAtOutlook(...), app_id)       # the tenant, ready for both ways of access
    meadow_health(PersonAtGoogle(...), key_file)     # the domain, with a service account that may act for everybody
    write_lists(folder)                              # a CSV for each, to be imported on the page
    connect_own(url, "microsoft", ca_file=...)       # the one person who has connected the mailbox themselves

In each, of twelve: eight ordinary people, one without a licence or service, one out of reach, one whose address does
not exist, and one to whom an own connection belongs. Everybody has a private event. Doing it again changes nothing that
is there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from demo.client import AppClient, PersonAtGoogle, PersonAtOutlook
from demo.tokens import write_private

TENANT: Final = "harbour.example"
DOMAIN: Final = "meadow.example"
ELSEWHERE: Final = "elsewhere.example"
ADMIN: Final = f"admin@{TENANT}"
SERVICE_ACCOUNT: Final = f"sync@{TENANT}"
KEY_FILE: Final = "meadow-key.json"
HARBOUR_LIST: Final = "harbour-staff.csv"
MEADOW_LIST: Final = "meadow-staff.csv"
GOOGLE_SCOPES: Final = (
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
)
APP_ROLES: Final = ("Organization.Read.All", "User.Read.All")
STAFF_ROLES: Final = ("Application Calendars.ReadWrite", "Application MailboxSettings.Read")
"""What Exchange gives the app, for the mailboxes of the list alone."""

PRIVATE_TITLE: Final = "Physiotherapy"
"""Everybody's private event; it must never be seen in the app."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on the list. `what`: `ordinary`, `unlicensed`, `out_of_reach`, `unknown`, `own` (has connected the
    mailbox themselves), `read_only` (a service account may only read the calendar; the app itself may write)."""

    user: str
    mailbox: str
    what: str = "ordinary"

    @property
    def exists(self) -> bool:
        return self.what != "unknown"


def _people(names: str, domain: str, **special: str) -> tuple[Member, ...]:
    return tuple(Member(name, f"{name}@{domain}", special.get(name, "ordinary")) for name in names.split())


HARBOUR: Final = _people(
    "ada ben cleo dora emil fay gus hana ivo jule kim lena",
    TENANT,
    gus="unlicensed",
    hana="out_of_reach",
    ivo="read_only",
    kim="unknown",
    lena="own",
)
MEADOW: Final = (
    *_people("mia noa otto pia quin rosa sami tess uma", DOMAIN, sami="unlicensed"),
    Member("vera", f"vera@{ELSEWHERE}", "out_of_reach"),
    Member("will", f"will@{DOMAIN}", "unknown"),
    Member("yara", f"yara@{DOMAIN}", "own"),
)


def harbour_care(outlook: PersonAtOutlook, app_id: str) -> None:
    """The tenant: people, a service account that calendars are shared with, and the app in a scope of Exchange's."""
    outlook.call("PATCH", f"clients/{app_id}", {"required_roles": list(APP_ROLES)})
    there = {one["email"] for one in outlook.call("GET", "accounts")["accounts"]}
    if ADMIN in there:
        return
    _account(outlook, SERVICE_ACCOUNT, "Lockstep service account")
    for member in HARBOUR:
        if member.exists:
            _account(outlook, member.mailbox, member.user.title())
            _fill_outlook(outlook, member)
            _share(outlook, member)
            outlook.call("PATCH", f"accounts/{member.mailbox}", {"licensed": member.what != "unlicensed"})
    outlook.call("PATCH", f"tenants/{TENANT}", {"name": "Harbour Care"})
    outlook.call("PUT", f"tenants/{TENANT}/principals/{app_id}")
    mailboxes = [one.mailbox for one in HARBOUR if one.exists and one.what != "out_of_reach"]
    assignments = [{"role": role, "mailboxes": mailboxes} for role in STAFF_ROLES]
    outlook.call("PUT", f"tenants/{TENANT}/assignments/{app_id}", {"assignments": assignments})
    _account(outlook, ADMIN, "Administrator", admin=True)


def _account(outlook: PersonAtOutlook, email: str, name: str, *, admin: bool = False) -> None:
    outlook.call("POST", "accounts", {"email": email, "name": name, "timeZone": "Europe/Berlin", "admin": admin})


def _share(outlook: PersonAtOutlook, member: Member) -> None:
    """Let the service account into the calendar, as `Add-MailboxFolderPermission` does."""
    role = {"out_of_reach": "", "read_only": "read"}.get(member.what, "write")
    if role:
        path = f"calendars/{quote(member.mailbox, safe='')}/permissions"
        outlook.call("PUT", path, {"email": SERVICE_ACCOUNT, "role": role})


def meadow_health(google: PersonAtGoogle, key_file: Path) -> None:
    """The domain, a service account that may act for it, and its key in a file that only its owner may read."""
    there = {one["email"] for one in google.call("GET", "accounts")["accounts"]}
    for member in MEADOW:
        if member.exists and member.mailbox not in there:
            named = {"email": member.mailbox, "name": member.user.title(), "timeZone": "Europe/Berlin"}
            google.call("POST", "accounts", named)
            _fill_google(google, member)
            if member.what == "unlicensed":
                google.call("PATCH", f"accounts/{member.mailbox}", {"calendar_service": False})
    known = google.call("GET", "service_accounts")["service_accounts"]
    if not known:
        body = {"name": "lockstep", "domain": DOMAIN, "scopes": list(GOOGLE_SCOPES)}
        write_private(key_file, json.dumps(google.call("POST", "service_accounts", body), indent=2).encode())
    elif not key_file.exists():
        made = google.call("POST", f"service_accounts/{known[0]['email']}/keys")
        write_private(key_file, json.dumps(made, indent=2).encode())


def connect_own(url: str, provider: str, *, ca_file: str = "") -> str:
    """Have the one person of the list whose connection is their own sign in, unless that was done; its id."""
    (member,) = (one for one in (MEADOW if provider == "google" else HARBOUR) if one.what == "own")
    person = AppClient(url, user=member.user)
    known = [one["id"] for one in person.listing("/v1/connections") if one["provider"] == provider]
    return str(known[0]) if known else person.connect(provider, member.mailbox, ca_file=ca_file)


def write_lists(folder: Path) -> tuple[Path, Path]:
    """The CSV files of both, as an admin would import them: Harbour Care's and Meadow Health's."""
    return _write_list(folder / HARBOUR_LIST, HARBOUR), _write_list(folder / MEADOW_LIST, MEADOW)


def _write_list(path: Path, people: Sequence[Member]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("user_id", "mailbox", "enabled"))
        rows.writerows((one.user, one.mailbox, "true") for one in people)
    return path


def _days(member: Member) -> Iterator[tuple[str, str, str, bool]]:
    """Title, start, end and whether it is private of what somebody has in the coming days."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    wanted = (
        ("Team meeting", 0, 9, False),
        (f"{member.user.title()} and Jo", 1, 11, False),
        (PRIVATE_TITLE, 2, 14, True),
    )
    for title, day, hour, private in wanted:
        date = (tomorrow + timedelta(days=day)).isoformat()
        yield title, f"{date}T{hour:02}:00:00", f"{date}T{hour + 1:02}:00:00", private


def _fill_outlook(outlook: PersonAtOutlook, member: Member) -> None:
    for title, start, end, private in _days(member):
        body: dict[str, Any] = {"subject": title, "start": _berlin(start), "end": _berlin(end)}
        if private:
            body["sensitivity"] = "private"
        outlook.call("POST", f"calendars/{quote(member.mailbox, safe='')}/events", body)


def _fill_google(google: PersonAtGoogle, member: Member) -> None:
    for title, start, end, private in _days(member):
        body: dict[str, Any] = {"summary": title, "start": _berlin(start), "end": _berlin(end)}
        if private:
            body["visibility"] = "private"
        google.call("POST", f"calendars/{quote(member.mailbox, safe='')}/events", body)


def _berlin(local: str) -> dict[str, str]:
    return {"dateTime": local, "timeZone": "Europe/Berlin"}
