"""Real-world calendars: every .ics file that the `icalendar` package ships with its tests, broken ones included.

`fill` puts them into a person's Google calendar and says of each file what came of it; `differences` compares the
occurrences on both sides, year by year.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from demo.client import AppClient, PersonAtGoogle, Unexpected

YEARS = range(1970, 2032, 2)
WITHHELD = {"private", "confidential"}
MOST_CALENDARS = 12
TAKEN = "already in the calendar"

Shown = tuple[str, str, str]
"""One occurrence: start, end (UTC instants or dates) and title ("" where the text is withheld)."""


@dataclass(frozen=True, slots=True)
class Filled:
    """`refused`: file, component and reason, for everything that Google could not hold or that cannot be read.
    `calendars`: where the events are; a file whose events are in one calendar already went into the next."""

    files: int
    imported: int
    refused: tuple[str, ...]
    calendars: tuple[PersonAtGoogle, ...]


def files() -> list[Path]:
    """The calendars, in a fixed order."""
    return sorted((Path(icalendar.__file__).parent / "tests").rglob("*.ics"))


def fill(person: PersonAtGoogle) -> Filled:
    calendars, imported, refused = [person], 0, list[str]()
    for path in (found := files()):
        for number in range(MOST_CALENDARS):
            if number == len(calendars):
                calendars.append(person.with_new_calendar(f"Calendar {number + 1}"))
            taken, faults = _import(calendars[number], path)
            imported += taken
            refused += [fault for fault in faults if TAKEN not in fault]
            if not any(TAKEN in fault for fault in faults):
                break
    return Filled(len(found), imported, tuple(dict.fromkeys(refused)), tuple(calendars))


def _import(person: PersonAtGoogle, path: Path) -> tuple[int, list[str]]:
    """How many events of a file were taken in, and a line for each that was not."""
    try:
        answer = person.call("POST", person.calendar("import_ics"), data=path.read_bytes())
    except Unexpected as error:
        return 0, [f"{path.name}: {error}"]
    faults = [f"{path.name}: {one.get('uid') or one.get('component')}: {one['reason']}" for one in answer["refused"]]
    if not answer["imported"] and not answer["refused"]:
        faults.append(f"{path.name}: holds no event")
    return len(answer["imported"]), faults


def differences(app: AppClient, people: Sequence[PersonAtGoogle]) -> tuple[int, list[str]]:
    """How many occurrences were compared, and one sentence for each that only one side has."""
    there, here = dict[str, Shown](), dict[str, Shown]()
    for year in YEARS:
        window = (f"{year}-01-01T00:00:00Z", f"{year + 2}-01-01T00:00:00Z")
        for person in people:
            there |= _there(person, *window)
        here |= _here(app, *window)
    only_there, only_here = Counter(there.values()), Counter(here.values())
    only_there.subtract(here.values())
    only_here.subtract(there.values())
    found = [f"only at Google: {one}" for one in only_there.elements()]
    found += [f"only in the app: {one}" for one in only_here.elements()]
    return len(there), found


def _there(person: PersonAtGoogle, start: str, end: str) -> dict[str, Shown]:
    """By occurrence, since one that crosses two windows is listed in both."""
    found: dict[str, Shown] = {}
    for item in person.events(f"?expand=1&from={start}&to={end}"):
        title = "" if item.get("visibility") in WITHHELD else item.get("summary", "")
        found[f"{person.calendar_id} {item['id']}"] = (_google_time(item["start"]), _google_time(item["end"]), title)
    return found


def _here(app: AppClient, start: str, end: str) -> dict[str, Shown]:
    found: dict[str, Shown] = {}
    for item in app.listing(f"/v1/events?from={start}&to={end}&expand=true"):
        title = "" if item["visibility"] in WITHHELD else item["title"]
        found[f"{item['id']} {item['original_start']}"] = (_app_time(item["start"]), _app_time(item["end"]), title)
    return found


def _google_time(value: dict[str, Any]) -> str:
    if "date" in value:
        return str(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(UTC).isoformat()


def _app_time(value: dict[str, str]) -> str:
    if "date" in value:
        return value["date"]
    local = datetime.fromisoformat(value["date_time"]).replace(tzinfo=ZoneInfo(value["time_zone"]))
    return local.astimezone(UTC).isoformat()
