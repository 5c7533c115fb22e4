"""`calendarView/delta`: the first round shows a window whole, later rounds what has changed in it since.

A round is put together when it begins and read page by page; the deltaLink stands on its last page only, and remembers
the change number at which the round began. What is shown of a thing is how it stands when its page is read.
"""

import base64
import binascii
import bisect
import hashlib
import json
import zlib
from dataclasses import asdict, dataclass

from simulators.common.wire import Json
from simulators.microsoft import errors, event_list, items, odata, render
from simulators.microsoft.call import Call
from simulators.microsoft.model import Calendar, EventRecord

MAX_ROUNDS = 200
Entry = tuple[str, str, str]
"""(event token, original day or empty, `shown` or `removed`)."""


@dataclass(frozen=True)
class Point:
    """What a deltaLink remembers."""

    calendar: str
    begins: float
    ends: float
    change: int
    epoch: int
    issued_at: float


@dataclass
class Round:
    point: Point
    """The one that the round's deltaLink will carry."""
    entries: list[Entry]
    blanks: int
    """Empty pages still to be given before the first item."""


def delta(call: Call) -> Json:
    calendar = call.calendar()
    if calendar.kind != "default" and not call.world.settings.secondary_delta:
        raise errors.bad_request("Change tracking is not supported against this calendar.")
    query = {name.lower(): value for name, value in call.query.items()}
    for name in ("$select", "$expand", "$filter", "$orderby", "$search", "$top"):
        if name in query:
            raise errors.bad_query(f"The query parameter '{name}' is not supported with change tracking.")
    odata.check(query, ("startdatetime", "enddatetime", "$skiptoken", "$deltatoken"))
    if ("$skiptoken" in query or "$deltatoken" in query) and len(query) > 1:
        raise errors.bad_query("A token cannot be combined with other parameters.")
    if "$skiptoken" in query:
        return _next_page(call, calendar, query["$skiptoken"])
    if "$deltatoken" in query:
        return _later_round(call, calendar, query["$deltatoken"])
    return _first_round(call, calendar)


def _first_round(call: Call, calendar: Calendar) -> Json:
    begins, ends = event_list.window(call)
    world = call.world
    point = Point(calendar.id, begins, ends, world.change_number, calendar.epoch, world.seconds())
    entries: list[Entry] = []
    for record in calendar.events.values():
        if not record.gone:
            entries += _shown(call, record, point)
    blanks = 0 if world.settings.empty_pages == "never" else 1
    return _begin(call, calendar, Round(point, _shuffled(call, entries), blanks))


def _later_round(call: Call, calendar: Calendar, token: str) -> Json:
    world = call.world
    point = _read(calendar, token)
    fault = world.faults.take(call.name, call.url_path, call.actor, group="sync_state")
    old = (world.seconds() - point.issued_at) / items.DAY > world.settings.delta_token_days
    if fault is not None or old or point.epoch != calendar.epoch:
        raise lost(call)
    fresh = Point(calendar.id, point.begins, point.ends, world.change_number, calendar.epoch, world.seconds())
    place = bisect.bisect_right(calendar.changes, (point.change, "\U0010ffff", ""))
    touched: dict[str, set[str]] = {}
    for _, event_token, day in calendar.changes[place:]:
        touched.setdefault(event_token, set()).add(day)
    entries: list[Entry] = []
    for event_token, touched_days in touched.items():
        entries += _changed(call, calendar.events[event_token], touched_days, fresh)
    blanks = 1 if world.settings.empty_pages == "always" else 0
    return _begin(call, calendar, Round(fresh, _shuffled(call, entries), blanks))


def _shown(call: Call, record: EventRecord, point: Point) -> list[Entry]:
    """A single event, or a series with all its occurrences, as far as it reaches into the window."""
    found = items.in_window(call.world, record, point.begins, point.ends)
    if not found:
        return []
    if record.recurrence is None:
        return [(record.token, "", "shown")]
    return [(record.token, "", "shown"), *((record.token, item.day, "shown") for item in found)]


def _changed(call: Call, record: EventRecord, touched: set[str], point: Point) -> list[Entry]:
    settings = call.world.settings
    if record.gone:
        removed: list[Entry] = [(record.token, "", "removed")]
        if settings.removed_series == "all" and record.recurrence is not None:
            seen = items.in_window(call.world, record, point.begins, point.ends)
            removed += [(record.token, item.day, "removed") for item in seen]
        return removed
    shown = _shown(call, record, point)
    if not shown:
        return [(record.token, "", "removed")] if settings.removed_outside_window else []
    if "" in touched:
        return shown
    dropped = {day for day in touched if day in record.dropped}
    entries: list[Entry] = []
    if (dropped and settings.deleted_occurrence != "silent") or (
        touched - dropped and settings.exception_brings_series
    ):
        entries = shown
    else:
        entries = [entry for entry in shown if entry[1] in touched]
    if settings.deleted_occurrence == "removed":
        entries = [*entries, *((record.token, day, "removed") for day in sorted(dropped))]
    known = {entry[1] for entry in entries}
    # An exception that was moved out of the window.
    return [*entries, *((record.token, day, "removed") for day in sorted(touched - dropped - known))]


def _shuffled(call: Call, entries: list[Entry]) -> list[Entry]:
    if not call.world.settings.shuffled:
        return entries
    return sorted(entries, key=lambda entry: hashlib.md5(repr(entry).encode(), usedforsecurity=False).digest())


def _begin(call: Call, calendar: Calendar, made: Round) -> Json:
    world = call.world
    name = world.secret("", 24)
    world.rounds[name] = made
    while len(world.rounds) > MAX_ROUNDS:
        world.rounds.popitem(last=False)
    if made.blanks and (made.entries or world.settings.empty_pages == "always"):
        return _page_of(call, [], f"{name}.0")
    return _page(call, calendar, name, 0)


def _next_page(call: Call, calendar: Calendar, token: str) -> Json:
    name, _, place = token.rpartition(".")
    made = call.world.rounds.get(name)
    if made is None or not place.isdigit():
        raise lost(call)
    if made.point.calendar != calendar.id or made.point.epoch != calendar.epoch:
        raise lost(call)
    if call.world.faults.take(call.name, call.url_path, call.actor, group="empty_page") is not None:
        return _page_of(call, [], token)
    return _page(call, calendar, name, int(place))


def _page(call: Call, calendar: Calendar, name: str, place: int) -> Json:
    made: Round = call.world.rounds[name]
    size = call.page_size or call.world.settings.default_page_size
    first = place - 1 if place and call.world.settings.replays else place
    entries = made.entries[first : place + size]
    shown = [seen for entry in entries if (seen := _seen(call, calendar, entry)) is not None]
    if place + size < len(made.entries):
        return _page_of(call, shown, f"{name}.{place + size}")
    page = _page_of(call, shown, None)
    page["@odata.deltaLink"] = event_list.link(call, {"$deltatoken": write(made.point)})
    return page


def _page_of(call: Call, shown: list[Json], skip_token: str | None) -> Json:
    page: Json = {"@odata.context": f"{call.base_url}/v1.0/$metadata#Collection(event)", "value": shown}
    if skip_token is not None:
        page["@odata.nextLink"] = event_list.link(call, {"$skiptoken": skip_token})
    return page


def _seen(call: Call, calendar: Calendar, entry: Entry) -> Json | None:
    token, day, what = entry
    record = calendar.events[token]
    gone = record.gone or (day != "" and not items.exists(call.world, record, day))
    if what == "removed" or gone:
        if what != "removed" and day:
            return None
        return {
            "@odata.type": "#microsoft.graph.event",
            "id": call.id_of(calendar, record, day),
            "@removed": {"reason": "deleted"},
        }
    item = items.occurrence(record, day) if day else items.whole(record)
    if item.kind == "occurrence":
        return render.thin(call, calendar, item)
    return {"@odata.type": "#microsoft.graph.event"} | render.full(call, calendar, item)


def write(point: Point) -> str:
    text = json.dumps(asdict(point), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(zlib.crc32(text).to_bytes(4, "big") + zlib.compress(text)).decode().rstrip("=")


def _read(calendar: Calendar, token: str) -> Point:
    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        text = zlib.decompress(sealed[4:])
        point = Point(**json.loads(text))
    except (binascii.Error, zlib.error, ValueError, TypeError) as error:
        raise errors.GraphError(400, "ErrorInvalidParameter", "The delta token is malformed.") from error
    if zlib.crc32(text).to_bytes(4, "big") != sealed[:4] or point.calendar != calendar.id:
        raise errors.GraphError(400, "ErrorInvalidParameter", "The delta token belongs to another calendar.")
    return point


def lost(call: Call) -> errors.GraphError:
    settings = call.world.settings
    number = call.world.change_number
    message = f"The sync state generation is not found; generation={number - 1};[highest={number}][{number}]."
    again = {"Location": f"{call.base_url}{call.url_path}"} if settings.sync_lost_location else {}
    return errors.GraphError(settings.sync_lost_status, settings.sync_lost_code, message, headers=again)
