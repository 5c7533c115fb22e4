"""What must hold once all is quiet, each by the name that `design.md` gives it; a `Violation` says what does not.

Both sides are compared field by field, up to what each can hold (`project`), and occurrence by occurrence, so that it
does not matter how a series is written down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.calendar.recurrence import last_end, occurrences
from shared.model import (
    APP,
    WITHHELD,
    Calendar,
    Cancelled,
    Content,
    Event,
    Link,
    RemoteEvent,
    Removed,
    Series,
    Unreadable,
)
from shared.providers.base import After, CalendarApi, FromStart, Position
from shared.queue import CalendarJob
from shared.sync.fingerprint import plain_value
from shared.sync.recording import REFUSED
from shared.sync.singles import as_single
from shared.sync.values import series_of, values_of
from tests.machine.model import OWNER, Model
from tests.machine.world import Violation, World

NEAR, FAR = datetime(2027, 1, 15, tzinfo=UTC), datetime(2027, 9, 1, tzinfo=UTC)
"""What is compared of a series without end."""


def check(world: World, model: Model, *, snapshot: bool = True) -> None:
    """All of them. The world must be quiet: no fault left, everything drained. Whether a `snapshot` finds nothing to do
    is looked at last, since it takes longest."""
    for name in world.sides:
        calendar = world.calendar(name)
        if calendar is not None and calendar.sync:
            _both_sides_equal(world, model, name, calendar)
    _deleted_stays_deleted(world, model)
    _nothing_vanished(world, model)
    _texts_survive(world, model)
    _nothing_private(world, model)
    _nobody_mailed(world, model)
    _patience(world)
    _no_token_in_clear(world)
    _disconnected_is_erased(world)
    _nothing_left_over(world)
    _in_step_is_left_alone(world, ("look", "snapshot") if snapshot else ("look",))


def always(world: World, model: Model) -> None:
    """What holds at any moment, quiet or not."""
    _nobody_mailed(world, model)
    for calendar_id, rows in world.tables.links.items():
        seen: set[tuple[str, str]] = set()
        for link in rows.values():
            if link.event_id and (link.event_id, link.occurrence) in seen:
                raise Violation(f"I2: {link.event_id} has two links in {calendar_id}")
            seen.add((link.event_id, link.occurrence))


# --- I1, I2 --------------------------------------------------------------------------------------------------------


def listed(api: CalendarApi, calendar: str, since: datetime) -> dict[str, RemoteEvent]:
    """What is in a provider's calendar, as a first sync would read it."""
    found: dict[str, RemoteEvent] = {}
    at: Position | None = FromStart(since)
    while at is not None:
        page = api.fetch_page(calendar, at)
        for change in page.changes:
            if isinstance(change, RemoteEvent):
                old = found.get(change.remote_id)
                overrides = {**(old.overrides if old else {}), **change.overrides}
                whole = change if change.content is not None or old is None else old
                found[change.remote_id] = replace(whole, overrides=overrides)
            elif isinstance(change, Removed):
                found.pop(change.remote_id, None)
            elif isinstance(change, Unreadable):
                raise Violation(f"I1: the record {change.remote_id} cannot be read: {change.reason}")
        at = After(page.next.cursor) if type(page.next).__name__ == "More" else None
    return found


def _both_sides_equal(world: World, model: Model, name: str, calendar: Calendar) -> None:
    connection = world.connection(name)
    assert connection is not None
    with world.looking():
        api = world.api_of(name)
        there = listed(api, calendar.remote_id, world.clock.now - world.ways.window_back)
    links = world.tables.links.get(calendar.id, {})
    live = {remote_id: link for remote_id, link in links.items() if remote_id in there}
    model.problems.update(link.problem for link in links.values() if link.problem)
    for remote_id, remote in there.items():
        link = links.get(remote_id)
        if link is None:
            raise Violation(f"I1: {name} has {_named(remote)}, which is unknown here")
        if link.event_id and _event(world, link).deleted and not link.problem:
            raise Violation(f"I4: {name} still has {_named(remote)}, which was deleted here ({link.event_id})")
    for event in world.tables.events.values():
        if event.deleted:
            continue
        own = [link for link in live.values() if link.event_id == event.id]
        refused = [link for link in links.values() if link.event_id == event.id and link.problem]
        if len({link.occurrence for link in own}) < len(own):
            raise Violation(f"I2: {name} has {len(own)} copies of {_title(event)}: {[link.remote_id for link in own]}")
        holds = event.origin == calendar.id or (event.origin == APP and calendar.takes_bookings)
        if not holds:
            if own and not refused:
                raise Violation(f"I1: {name} still has a copy of {_title(event)}, which does not belong there")
            continue
        if refused or _over(event, world.clock.now) or not taking_place(event.series):
            continue
        if not own:
            raise Violation(f"I1: {name} has no copy of {_title(event)} ({event.id})")
        if any(link.occurrence for link in own):
            _singles_equal(world, api, name, event, own, there, connection.policy)
            continue
        remote = there[own[0].remote_id]
        _same(name, event, api.project(event.series, connection.policy), remote)


def _singles_equal(
    world: World,
    api: CalendarApi,
    name: str,
    event: Event,
    own: list[Link],
    there: Mapping[str, RemoteEvent],
    policy: Any,
) -> None:
    wanted = {one.original_start for one in occurrences(event.series, world.clock.now, FAR)}
    held = {link.occurrence for link in own}
    if wanted - held:
        raise Violation(f"I1: {name} lacks occurrences of {_title(event)}: {sorted(wanted - held)[:3]}")
    for link in own:
        single = as_single(event, link.occurrence)
        if there[link.remote_id].recurrence:  # that somebody made a single repeat is not taken over
            continue
        if single.deleted:
            raise Violation(f"I1: {name} has the occurrence {link.occurrence} of {_title(event)}, which is cancelled")
        _same(name, single, api.project(single.series, policy), there[link.remote_id])


def _same(name: str, event: Event, projected: Series, remote: RemoteEvent) -> None:
    here, theirs, kept = taking_place(projected), taking_place(series_of(remote)), taking_place(event.series)
    if here.keys() != theirs.keys():
        only = (
            f"only here {sorted(here.keys() - theirs.keys())[:3]}, only there {sorted(theirs.keys() - here.keys())[:3]}"
        )
        raise Violation(f"I1: {name} differs in the occurrences of {_title(event)}: {only}")
    for start in here:
        mine, others = shown(here[start]), shown(theirs[start])
        withheld = remote.withheld or theirs[start].visibility in WITHHELD
        for field in mine:
            if field == "attendees" and not mine[field]:
                continue  # a provider that is not told of guests may know others: `_texts_survive` looks for those here
            if withheld and field in ("title", "description", "location", "attendees"):
                continue
            if field == "visibility" and theirs[start].visibility == kept[start].visibility:
                continue  # what a projection makes of the strictest part is written with that part, not everywhere
            if field == "visibility" and start and _stricter(others[field], mine[field]):
                continue  # an exception that is stricter already cannot be widened at Google
            if mine[field] != others[field]:
                where = f"{start or 'the event'} of {_title(event)} ({event.id})"
                raise Violation(
                    f"I1: {name} differs in {field} of {where}: here {mine[field]!r}, there {others[field]!r}"
                )


def _stricter(one: str, other: str) -> bool:
    order = ("public", "default", "private", "confidential")
    return order.index(one) > order.index(other)


def shown(content: Content) -> dict[str, Any]:
    return {name: plain_value(value) for name, value in values_of(content).items()}


def taking_place(series: Series) -> Mapping[str, Content]:
    """What happens and when, whichever way it is written down."""
    if not series.recurs:
        return {"": series.content}
    return {one.original_start: one.content for one in occurrences(series, NEAR, FAR)}


def _over(event: Event, now: datetime) -> bool:
    end = last_end(event.series)
    return end is not None and end <= now


# --- I1: nothing is lost; I4 ---------------------------------------------------------------------------------------


def _deleted_stays_deleted(world: World, model: Model) -> None:
    for event_id in model.deleted:
        event = world.tables.events.get((OWNER, event_id))
        if event is not None and not event.deleted:
            raise Violation(f"I4: {_title(event)} ({event_id}) was deleted and is there again")


def _nothing_vanished(world: World, model: Model) -> None:
    for (owner, event_id), event in world.tables.events.items():
        if owner == OWNER and event.deleted and event_id not in model.may_be_gone(world):
            raise Violation(f"I1: {_title(event)} ({event_id}) is gone, and nobody deleted it")
    for event_id in model.made:
        if (OWNER, event_id) not in world.tables.events and event_id not in model.may_be_gone(world):
            raise Violation(f"I1: {event_id} has vanished")


def _texts_survive(world: World, model: Model) -> None:
    known = "\n".join(_texts(world))
    gone = model.may_be_gone(world)
    for text in model.texts.values():
        if text.overwritten or f"{text.token}." in known:
            continue
        event_id = text.event_id or model.event_of(world, text.side, text.remote_id)
        event = world.tables.events.get((OWNER, event_id)) if event_id else None
        if text.excused or event_id in gone or event is None or event.deleted:
            continue
        if text.side in world.sides and world.connection(text.side) is None:
            continue  # an account that is no longer connected
        if event.origin not in (APP, *world.tables.calendars):
            continue  # nor is the one that the event is in
        contents = [event.series.content, *(event.series.overrides.values() if event.origin != APP else ())]
        withheld = any(isinstance(one, Content) and one.visibility in WITHHELD for one in contents)
        if withheld and (event.origin != APP or text.side != APP):
            continue  # text of such an event is not read there, and of one that was made there not kept at all (I11)
        unit = f"occurrence {text.unit}" if text.unit else "the event"
        raise Violation(f"I1: {text.token}, written by {text.side} as {text.field} of {unit} ({event_id}), is nowhere")


def _texts(world: World) -> Iterator[str]:
    """Every text in the app's events and in their histories."""
    for event in world.tables.events.values():
        if not event.deleted:
            for content in (event.series.content, *event.series.overrides.values()):
                if not isinstance(content, Cancelled):
                    yield from (content.title, content.description, *(one.email for one in content.attendees))
    for rows in world.tables.history.values():
        for entry in rows.values():
            if entry.lost:
                yield json.dumps(dict(entry.lost), default=str)


# --- the others ----------------------------------------------------------------------------------------------------


def _nothing_private(world: World, model: Model) -> None:
    """I11, for events that were written in a provider's calendar and are private there."""
    for name, side in world.sides.items():
        if world.calendar(name) is None:
            continue
        for remote_id in side.live():
            if not side.is_private(remote_id):
                continue
            event_id = model.event_of(world, name, remote_id)
            event = world.tables.events.get((OWNER, event_id)) if event_id else None
            if event is None or event.origin == APP:
                continue
            stored = repr(event) + repr(world.tables.history.get((OWNER, event_id), {}))
            for text in model.texts.values():
                own = text.side == name and text.remote_id == remote_id
                if own and re.search(rf"\b{text.token}\.", stored):
                    raise Violation(f"I11: {text.token}, the text of a private event of {name}, is stored")


def _nobody_mailed(world: World, model: Model) -> None:
    """Google is told to mail nobody. Exchange mails the guests of whatever is written: those that somebody invited in
    Outlook may hear of an edit that was made elsewhere, and that a copy is gone; of nothing that we do by ourselves."""
    for mail in world.google.mails:
        raise Violation(f"I14: google mails: {mail}")
    for mail in world.microsoft.mails:
        event_id = model.event_of(world, "microsoft", mail["event"])
        event = world.tables.events.get((OWNER, event_id))
        withdrawn = mail["kind"] == "cancellation" and event is not None and event.origin == APP
        asked = withdrawn or model.restores or model.edited_elsewhere(world, "microsoft", event_id)
        if mail["kind"] == "invitation" or not asked:
            raise Violation(f"I14: microsoft mails: {mail}")


def _patience(world: World) -> None:
    if world.impatient:
        raise Violation(f"I13: Retry-After was not obeyed: {world.impatient[0]}")


def _no_token_in_clear(world: World) -> None:
    tables = world.tables
    stored = repr((tables.connections, tables.calendars, tables.deliveries, world.queue.messages, tables.history))
    for name, side in world.sides.items():
        for secret in side.secrets():
            if secret in stored:
                raise Violation(f"I8: a token of {name} is stored in clear")


def _disconnected_is_erased(world: World) -> None:
    """I9."""
    live = {one.id for one in world.tables.connections.values() if one.status.value != "disconnected"}
    for calendar in world.tables.calendars.values():
        if calendar.connection_id not in live:
            raise Violation(f"I9: the calendar {calendar.id} of a disconnected account is still there")
    known = set(world.tables.calendars)
    for name, rows in (("links", world.tables.links), ("marks", world.tables.pending)):
        for calendar_id, held in rows.items():
            if held and calendar_id not in known:
                raise Violation(f"I9: {len(held)} {name} of the calendar {calendar_id} outlived it")
    for connection_id, kept in world.tables.secrets.items():
        if kept.grant and connection_id not in live:
            raise Violation(f"I9: the permission of {connection_id} outlived it")


def _nothing_left_over(world: World) -> None:
    if world.queue.dead:
        raise Violation(f"rest: a job went to the dead letters: {world.queue.dead[0].body}")
    for calendar_id, rows in world.tables.pending.items():
        calendar = world.tables.calendars.get(calendar_id)
        connection = world.tables.connections.get(calendar.connection_id) if calendar else None
        if rows and calendar and calendar.sync and connection and connection.status.value == "active":
            raise Violation(f"rest: {len(rows)} marks of {calendar_id} were never looked at")


def _in_step_is_left_alone(world: World, kinds: tuple[str, ...]) -> None:
    """I3: a further look at each calendar, and then a snapshot, write nothing on either side."""
    for kind in kinds:
        if kind == "snapshot":
            for side in world.sides.values():
                side.expire_cursors()
        before = (
            dict(world.tables.events),
            _links(world),
            {key: len(rows) for key, rows in world.tables.history.items()},
        )
        world.clock.forward(1)
        world.calls.clear()
        for name in world.sides:
            calendar = world.calendar(name)
            if calendar is not None and calendar.sync:
                world.queue.send(CalendarJob(calendar.id))
        world.settle()
        writes = [
            call for call in world.calls if call[1] != "GET" and "/token" not in call[2] and "$batch" not in call[2]
        ]
        if writes:
            raise Violation(f"I3: after all was quiet, another {kind} wrote: {writes[0]}")
        after = (
            dict(world.tables.events),
            _links(world),
            {key: len(rows) for key, rows in world.tables.history.items()},
        )
        for what, was, now in zip(("the app's events", "the links", "the history"), before, after, strict=True):
            if was != now:
                changed = [key for key in now if was.get(key) != now[key]]  # type: ignore[attr-defined]
                raise Violation(f"I3: after all was quiet, another {kind} changed {what}: {changed[:2]}")


def _links(world: World) -> dict[tuple[str, str], tuple[str, str, str]]:
    """What is linked to what. A newer version of a copy may be noted at any look."""
    return {
        (calendar_id, remote_id): (link.event_id, link.occurrence, link.problem)
        for calendar_id, rows in world.tables.links.items()
        for remote_id, link in rows.items()
        if not remote_id.startswith(REFUSED)
    }


def _event(world: World, link: Link) -> Event:
    return world.tables.events[OWNER, link.event_id]


def _title(event: Event) -> str:
    return repr(event.series.content.title)


def _named(remote: RemoteEvent) -> str:
    return repr(remote.content.title if remote.content else remote.remote_id)
