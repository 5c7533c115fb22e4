"""The rules of the machine: everything that can happen, each as a function of three numbers.

A `Step` is a rule's name and three numbers; what they pick depends on the world as it then is, so that a story can be
shortened and still be told. `Story.perform` does one step and notes it in words; `Story.end` lets everything drain and
checks what must hold. The walker (`walk`) and the Hypothesis machine share all of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any

from shared import events, holding
from shared.calendar.recurrence import occurrence_content, occurrences
from shared.errors import Problem, SyncError
from shared.model import (
    APP,
    WITHHELD,
    Brake,
    Content,
    Event,
    OriginalStart,
    Policy,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.model import ConnectionStatus as Status
from shared.model import OnExternal as External
from shared.queue import CalendarJob, ConnectionJob, encode_job
from tests.machine.checks import check
from tests.machine.model import OWNER, Model, Text
from tests.machine.sides import Refused, Side
from tests.machine.world import Message, Process, Violation, World, running

ZONES = ("Europe/Berlin", "America/New_York", "UTC", "Australia/Sydney")
RULES = (
    "FREQ=WEEKLY;COUNT=4",
    "FREQ=DAILY;COUNT=5",
    "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6",
    "FREQ=DAILY;INTERVAL=2;COUNT=3",
    "FREQ=WEEKLY",
    "FREQ=MONTHLY;BYMONTHDAY=8;COUNT=3",
    "FREQ=MONTHLY;BYDAY=1MO;COUNT=3",
    "FREQ=WEEKLY;COUNT=2",
)
UNREPEATABLE = ("FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=5", "FREQ=DAILY;BYHOUR=9,15;COUNT=4")
"""What Outlook has no pattern for."""
WRITER = events.Writer("anna", False)
GUEST = "guest@example.com"
"""What follows the token of a guest's address."""


@dataclass(frozen=True, slots=True)
class Step:
    rule: str
    a: int
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.rule}:{self.a}:{self.b}:{self.c}"


class Skip(Exception):
    """The rule has nothing to do in the world as it is."""


Rule = Callable[["Story", int, int, int], str]
ALL: dict[str, tuple[int, Rule]] = {}
FAULTS_OF = {
    "google": (
        {"kind": "rate_limit"},
        {"kind": "user_rate_limit"},
        {"kind": "quota_exceeded"},
        {"kind": "too_many_requests", "retry_after": 20},
        {"kind": "server_error"},
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "cut_after", "match": "events.insert"},
        {"kind": "cut_after", "match": "events.patch"},
        {"kind": "garbage_after"},
        {"kind": "unauthorized"},
        {"kind": "conflict"},
        {"kind": "sync_token_gone"},
        {"kind": "empty_page"},
        {"kind": "page_size_cap", "size": 1},
        {"kind": "oauth_error", "status": 503},
        {"kind": "refuse", "status": 412, "reason": "conditionNotMet", "match": "events.patch"},
    ),
    "microsoft": (
        {"kind": "too_many_requests", "retry_after": 20},
        {"kind": "mailbox_concurrency"},
        {"kind": "server_error"},
        {"kind": "server_error", "status": 504},
        {"kind": "cut_before"},
        {"kind": "cut_after"},
        {"kind": "cut_after", "match": "events.create"},
        {"kind": "cut_after", "match": "events.update"},
        {"kind": "garbage_after"},
        {"kind": "unauthorized"},
        {"kind": "claims_challenge"},
        {"kind": "stale", "match": "events.update"},
        {"kind": "sync_state_lost"},
        {"kind": "empty_page"},
    ),
}


def rule(weight: int) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        ALL[function.__name__] = (weight, function)
        return function

    return add


@dataclass
class Story:
    world: World
    model: Model = field(default_factory=Model)
    steps: list[Step] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    faults: int = 0
    depth: int = 0

    def perform(self, step: Step) -> None:
        self.steps.append(step)
        self.world.clock.forward(7)
        try:
            said = ALL[step.rule][1](self, step.a, step.b, step.c)
        except Skip:
            return
        self.told.append(f"{self.world.clock.now:%d %H:%M:%S}  {said}   [{step}]")

    def end(self, *, snapshot: bool = True) -> None:
        """All is repaired, everything drains; then what must hold is checked."""
        self.told.append("… everything works again, and drains …")
        self.repair()
        if self.world.chance.random() < 0.5:
            self.told.append("… but every notification is lost from now on (I12) …")
            for side in self.world.sides.values():
                side.push_rule("drop", None)
        self.quieten()
        check(self.world, self.model, snapshot=snapshot)

    def repair(self) -> None:
        world = self.world
        for side in world.sides.values():
            side.end_faults()
            side.set_writable(True)
        for name in world.sides:
            connection = world.connection(name)
            if world.refused(name):
                world.connect(name)
            elif connection is not None and connection.status is Status.ACTIVE:
                world.queue.send(ConnectionJob(connection.id))

    def quieten(self) -> None:
        quieten(self.world)

    # --- picking

    def event(self, pick: int) -> Event:
        """One that is about to be edited in the app."""
        alive = sorted(
            (one for one in self.world.tables.events.values() if not one.deleted),
            key=lambda one: (one.updated_at, one.id),
        )
        if not alive:
            raise Skip
        found = alive[pick % len(alive)]
        self.model.edited.add((APP, found.id))
        return found

    def side(self, pick: int) -> Side:
        return list(self.world.sides.values())[pick % 2]

    def side_with_events(self, pick: int) -> Side:
        """The one that is picked, or the other if there is nothing in its calendar."""
        side = self.side(pick)
        return side if side.live() else self.side(pick + 1)

    def remote(self, side: Side, pick: int) -> str:
        """One that is about to be edited at the provider."""
        live = side.live()
        if not live:
            raise Skip
        found = live[pick % len(live)]
        self.model.edited.add((side.name, found))
        return found

    def shape(self, side: Side, remote_id: str) -> Series:
        """A provider's event as it is there, without its exceptions."""
        with self.world.looking():
            found = self.world.api_of(side.name).fetch_event(side.calendar, remote_id)
        if found is None or found.content is None:
            raise Skip
        return Series(found.content, found.recurrence)

    def start_of(self, series: Series, pick: int) -> OriginalStart:
        if not series.recurs:
            raise Skip
        plain = replace(series, overrides=MappingProxyType({}))
        found = [
            one.original_start
            for one in islice(occurrences(plain, datetime(2027, 2, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)), 6)
        ]
        if not found:
            raise Skip
        return found[pick % len(found)]

    def app_text(self, event: Event, start: OriginalStart, name: str) -> str:
        held = event.series.overrides.get(start) if start else event.series.content
        content = held if isinstance(held, Content) else event.series.content
        return str(getattr(content, name))

    def app_texts(self, event: Event, start: OriginalStart) -> str:
        held = event.series.overrides.get(start)
        content = held if isinstance(held, Content) else event.series.content
        return " ".join([content.title, content.description, *(one.email for one in content.attendees)])

    # --- writing

    def app_writes(self, event_id: str, unit: str, name: str, before: str) -> str:
        event = self.world.tables.events.get((OWNER, event_id))
        if event is not None and event.origin != APP and event.series.content.visibility in WITHHELD:
            self._replaces_unseen(event_id, unit, name)
        token = self.model.token()
        self.model.wrote(Text(token, APP, event_id, "", unit, name), before)
        return f"{token}."

    def _replaces_unseen(self, event_id: str, unit: str, name: str) -> None:
        """Whoever writes into a private event of a provider's replaces what is withheld, and knows it."""
        for text in self.model.texts.values():
            known = text.event_id or self.model.event_of(self.world, text.side, text.remote_id)
            if (known, text.unit, text.field) == (event_id, unit, name):
                text.overwritten = True

    def side_writes(self, side: Side, remote_id: str, unit: str, name: str, before: str) -> str:
        token = self.model.token()
        self.model.wrote(Text(token, side.name, "", remote_id, unit or _single_of(self, side, remote_id), name), before)
        return f"{token}."

    def patch(self, event: Event, body: dict[str, Any]) -> None:
        try:
            events.patch(self.world.house, OWNER, event.id, body, if_match=None, writer=WRITER)
        except Problem as problem:
            for name in ("title", "description"):
                _unwrite(self, name, body.get(name))
            raise Skip from problem

    def interrupt(self, a: int, b: int, c: int) -> Callable[[], None]:
        """Something that happens in the middle of a worker's job."""
        names = (
            "app_edits",
            "person_edits",
            "app_edits_occurrence",
            "person_edits_occurrence",
            "app_deletes",
            "person_deletes",
        )

        def happen() -> None:
            self.world.io.armed = False
            self.perform(Step(names[a % len(names)], b, c, a))

        return happen


def quieten(world: World) -> None:
    """Let everything drain; whatever waits for a person is decided, whatever waits for its time is waited for."""
    for _ in range(12):
        world.drain()
        if _signs_in_again(world) or _decides(world):
            continue
        waiting = [one.parked_until for one in world.tables.calendars.values()]
        waiting.append(world.queue.next_visible())
        later = max((one for one in waiting if one is not None and one > world.clock.now), default=None)
        if later is None:
            return
        world.clock.now = later
    raise Violation("rest: a calendar stays parked though nothing is wrong any more")


def _signs_in_again(world: World) -> bool:
    """Where a permission was taken away."""
    ended = [name for name in world.sides if world.refused(name)]
    for name in ended:
        world.connect(name)
    return bool(ended)


def _decides(world: World) -> bool:
    """What the brake holds is let go on."""
    held = [one for one in world.tables.calendars.values() if one.checkpoint.brake is Brake.HELD]
    for calendar in held:
        connection = world.tables.connections[calendar.connection_id]
        if connection.status is Status.ACTIVE:
            holding.release(world.house, connection)
    return bool(held)


# --- values --------------------------------------------------------------------------------------------------------


def span_of(pick: int) -> Span:
    day = 1 + pick % 14
    if pick % 7 == 6:
        return Span(date(2027, 3, day), date(2027, 3, day + 1))
    start = datetime(2027, 3, day, 8 + pick % 5)  # noqa: DTZ001
    zone = ZONES[pick // 7 % len(ZONES)]
    return Span(ZonedTime(start, zone), ZonedTime(start + timedelta(minutes=30 * (1 + pick % 3)), zone))


def moved(span: Span, hours: int) -> Span:
    if isinstance(span.start, ZonedTime) and isinstance(span.end, ZonedTime):
        by = timedelta(hours=hours)
        return Span(ZonedTime(span.start.local + by, span.start.zone), ZonedTime(span.end.local + by, span.end.zone))
    raise Skip


def when_json(when: Any) -> dict[str, str]:
    if isinstance(when, ZonedTime):
        return {"date_time": when.local.isoformat(), "time_zone": when.zone}
    return {"date": when.isoformat()}


def span_json(span: Span) -> dict[str, Any]:
    return {"start": when_json(span.start), "end": when_json(span.end)}


def rule_of(pick: int, span: Span, *, any_rule: bool) -> tuple[str, ...]:
    known = (*RULES, *UNREPEATABLE[: 1 if span.all_day else 2]) if any_rule else RULES
    return (f"RRULE:{known[pick % len(known)]}",)


# --- the app's side ------------------------------------------------------------------------------------------------


@rule(8)
def app_books(story: Story, a: int, b: int, c: int) -> str:
    """A booking, single or repeating; sometimes under the id of one that was deleted."""
    gone = sorted(story.model.made - {one.id for one in story.world.tables.events.values() if not one.deleted})
    event_id = gone[0] if gone and c % 10 == 0 else f"b{len(story.model.made) + 1}"
    title = story.app_writes(event_id, "", "title", "")
    body: dict[str, Any] = {"title": title, **span_json(span_of(a))}
    if b % 2:
        body["recurrence"] = list(rule_of(b // 2, span_of(a), any_rule=True))
    if c % 4 == 1:
        body["attendees"] = [{"email": "guest@example.com"}]
    if c % 5 == 2:
        body["reminders"] = [{"minutes": 10}]
    if c % 11 == 3:
        body["show_as"] = "tentative"
    try:
        events.put(story.world.house, OWNER, event_id, body, if_match=None, writer=WRITER)
    except Problem:
        del story.model.texts[title.rstrip(".")]
        raise Skip from None
    story.model.made.add(event_id)
    if event_id in story.model.deleted:
        story.model.deleted.discard(event_id)
        story.model.let_go.add(event_id)
    return f"app: books {event_id}, {title!r} at {_when(span_of(a))}{' ' + body['recurrence'][0] if b % 2 else ''}"


@rule(10)
def app_edits(story: Story, a: int, b: int, c: int) -> str:
    event = story.event(a)
    name = ("title", "description", "span", "show_as", "visibility", "location")[b % 6]
    match name:
        case "title" | "description":
            before = story.app_text(event, "", name)
            value: Any = story.app_writes(event.id, "", name, before)
            body: dict[str, Any] = {name: value}
        case "span":
            value = moved(event.series.content.span, 1 + c % 3)
            if c % 5 == 4:
                value = _rezoned(event.series.content.span, c)
            story_drop(story, event)
            body = span_json(value)
        case "show_as":
            value = ("busy", "free", "tentative")[c % 3]
            body = {name: value}
        case "visibility":
            value = ("private", "default", "public")[c % 3]
            body = {name: value}
        case _:
            value = f"Room {c % 3}"
            body = {name: value}
    story.patch(event, body)
    return f"app: {name} of {event.id} becomes {_when(value) if isinstance(value, Span) else value!r}"


@rule(3)
def app_reshapes(story: Story, a: int, b: int, c: int) -> str:
    """Another rule, or an end, for a series; or a single event that begins to repeat."""
    event = story.event(a)
    lines = rule_of(b, event.series.content.span, any_rule=c % 3 == 0)
    story_drop(story, event)
    story.patch(event, {"recurrence": list(lines)})
    return f"app: {event.id} repeats by {lines[0]}"


@rule(6)
def app_edits_occurrence(story: Story, a: int, b: int, c: int) -> str:
    event = story.event(a)
    start = story.start_of(event.series, b)
    what = ("title", "span", "description")[c % 3]
    if what == "span":
        value: Any = moved(occurrence_content(event.series, start).span, 1 + c % 4)
        body = span_json(value)
    else:
        value = story.app_writes(event.id, start, what, story.app_text(event, start, what))
        body = {what: value}
    try:
        events.patch_occurrence(story.world.house, OWNER, event.id, start, body, if_match=None, writer=WRITER)
    except Problem:
        if what != "span":
            del story.model.texts[value.rstrip(".")]
        raise Skip from None
    return f"app: {what} of {event.id} on {start} becomes {_when(value) if isinstance(value, Span) else value!r}"


@rule(3)
def app_cancels_occurrence(story: Story, a: int, b: int, c: int) -> str:
    event = story.event(a)
    start = story.start_of(event.series, b)
    story.model.dropped(story.app_texts(event, start))
    try:
        events.delete_occurrence(story.world.house, OWNER, event.id, start, if_match=None, writer=WRITER)
    except Problem:
        raise Skip from None
    return f"app: cancels {event.id} on {start}"


@rule(2)
def app_invites(story: Story, a: int, b: int, c: int) -> str:
    """One guest more, or none any more."""
    event = story.event(a)
    known = [one.email for one in event.series.content.attendees]
    invited = [*known, f"{story.app_writes(event.id, '', 'guests', '')}{GUEST}"] if b % 4 else []
    body = {"attendees": [{"email": address} for address in invited]}
    try:
        events.patch(story.world.house, OWNER, event.id, body, if_match=None, writer=WRITER)
    except Problem:
        for address in invited[len(known) :]:
            _unwrite(story, "guests", address.removesuffix(GUEST))
        raise Skip from None
    if not invited:
        story.model.saw(" ".join(known), "")
    return f"app: the guests of {event.id} are {invited or 'nobody'}"


@rule(3)
def app_deletes(story: Story, a: int, b: int, c: int) -> str:
    event = story.event(a)
    try:
        events.delete(story.world.house, OWNER, event.id, if_match=None, writer=WRITER)
    except Problem:
        raise Skip from None
    if event.origin == APP:
        story.model.deleted.add(event.id)
    story.model.let_go.add(event.id)
    return f"app: deletes {event.id}"


def story_drop(story: Story, event: Event) -> None:
    """The app is about to reshape a series, which may do away with changed occurrences that it knows."""
    for start in event.series.overrides:
        story.model.dropped(story.app_texts(event, start))


def _rezoned(span: Span, pick: int) -> Span:
    if not isinstance(span.start, ZonedTime) or not isinstance(span.end, ZonedTime):
        raise Skip
    zone = ZONES[pick % len(ZONES)]
    return Span(ZonedTime(span.start.local, zone), ZonedTime(span.end.local, zone))


# --- the provider's side -------------------------------------------------------------------------------------------


@rule(7)
def person_adds(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(c)
    token = story.model.token()
    visibility = Visibility.PRIVATE if c % 13 == 5 else Visibility.DEFAULT
    series = Series(Content(span=span_of(a), title=f"{token}.", visibility=visibility))
    if b % 2:
        series = replace(series, recurrence=rule_of(b // 2, span_of(a), any_rule=False))
    try:
        side.add(series)
    except Refused:
        raise Skip from None
    remote_id = side.live()[-1]
    story.model.wrote(Text(token, side.name, "", remote_id, "", "title", excused=bool(visibility == "private")), "")
    lines = f" {series.recurrence[0]}" if series.recurrence else ""
    private = ", private," if visibility == "private" else ""
    return f"{side.name}: the person adds {token}{private} at {_when(series.content.span)}{lines} ({remote_id[:12]})"


@rule(10)
def person_edits(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    name = ("title", "description", "span", "show_as", "visibility", "location")[b % 6]
    match name:
        case "title" | "description":
            value: Any = story.side_writes(side, remote_id, "", name, side.text(remote_id, "", name))
        case "span":
            shape = story.shape(side, remote_id)
            value = moved(shape.content.span, 1 + c % 3)
            if c % 5 == 4:
                value = _rezoned(shape.content.span, c // 2)
            if side.has_dropped(remote_id):
                raise Skip
            _person_drops(story, side, remote_id)
        case "show_as":
            value = (ShowAs.BUSY, ShowAs.FREE)[c // 2 % 2]
        case "visibility":
            value = (Visibility.PRIVATE, Visibility.DEFAULT)[c // 2 % 2]
        case _:
            value = f"Hall {c % 3}"
    try:
        side.edit(remote_id, **{name: value})
    except Refused:
        _unwrite(story, name, value)
        raise Skip from None
    if side.is_private(remote_id):
        _excuse(story, side, remote_id)
    return f"{side.name}: {name} of {remote_id[:12]} becomes {_when(value) if isinstance(value, Span) else value!r}"


@rule(2)
def person_invites(story: Story, a: int, b: int, c: int) -> str:
    """One guest more, or none any more."""
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    known = side.guests(remote_id)
    invited = [*known, f"{story.side_writes(side, remote_id, '', 'guests', '')}{GUEST}"] if b % 4 else []
    try:
        side.edit(remote_id, guests=invited)
    except Refused:
        for address in invited[len(known) :]:
            _unwrite(story, "guests", address.removesuffix(GUEST))
        raise Skip from None
    if not invited:
        story.model.saw(" ".join(known), _single_of(story, side, remote_id))
    if side.is_private(remote_id):
        _excuse(story, side, remote_id)
    return f"{side.name}: the guests of {remote_id[:12]} are {invited or 'nobody'}"


@rule(3)
def person_reshapes(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    shape = story.shape(side, remote_id)
    lines = rule_of(b, shape.content.span, any_rule=False)
    if side.has_dropped(remote_id):
        raise Skip
    _person_drops(story, side, remote_id)
    try:
        if side.name == "microsoft":
            side.edit(remote_id, recurrence=lines, span=shape.content.span)
        else:
            side.edit(remote_id, recurrence=lines)
    except Refused:
        raise Skip from None
    return f"{side.name}: {remote_id[:12]} repeats by {lines[0]}"


@rule(6)
def person_edits_occurrence(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    shape = story.shape(side, remote_id)
    start = story.start_of(shape, b)
    what = ("title", "span", "description")[c // 2 % 3]
    if side.is_cancelled(remote_id, start):
        raise Skip
    value: Any
    if what == "span":
        value = moved(occurrence_content(shape, start).span, 1 + c % 4)
    else:
        value = story.side_writes(side, remote_id, start, what, side.text(remote_id, start, what))
    try:
        side.edit_occurrence(remote_id, start, **{what: value})
    except Refused:
        _unwrite(story, what, value)
        raise Skip from None
    if side.is_private(remote_id) or _single_of(story, side, remote_id):  # a series within a series is not taken over
        _excuse(story, side, remote_id, unit=start)
    shown = _when(value) if isinstance(value, Span) else repr(value)
    return f"{side.name}: {what} of {remote_id[:12]} on {start} becomes {shown}"


@rule(3)
def person_cancels_occurrence(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    start = story.start_of(story.shape(side, remote_id), b)
    texts = [side.text(remote_id, start, name) for name in ("title", "description")]
    try:
        side.cancel_occurrence(remote_id, start)
    except Refused:
        raise Skip from None
    for text in texts:
        story.model.dropped(text)
    return f"{side.name}: the person cancels {remote_id[:12]} on {start}"


@rule(3)
def person_deletes(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    texts = side.texts(remote_id)
    side.delete(remote_id)
    story.model.let_go_there.add((side.name, remote_id))
    story.model.let_go.update(re.findall(r"\bb[0-9]+\b", side.marks(remote_id)))  # also before it was ever linked
    single = _single_of(story, side, remote_id)
    if single:  # the copy of one occurrence: that one is cancelled
        for _, text in texts:
            story.model.dropped(text, remote_id)
        story.model.let_go_there.discard((side.name, remote_id))
    return f"{side.name}: the person deletes {remote_id[:12]}"


@rule(1)
def person_restores(story: Story, a: int, b: int, c: int) -> str:
    """Out of the bin again."""
    side = story.world.google
    gone = side.deleted()
    if not gone:
        raise Skip
    remote_id = gone[a % len(gone)]
    try:
        side.restore(remote_id)
    except Refused:
        raise Skip from None
    event_id = story.model.event_of(story.world, side.name, remote_id)
    story.model.let_go.add(event_id)
    story.model.deleted.discard(event_id)
    return f"{side.name}: the person takes {remote_id[:12]} out of the bin again"


@rule(2)
def person_splits(story: Story, a: int, b: int, c: int) -> str:
    side = story.side_with_events(c)
    remote_id = story.remote(side, a)
    shape = story.shape(side, remote_id)
    start = story.start_of(shape, 1 + b)
    texts = side.texts(remote_id)
    token = story.model.token()
    before = set(side.live())
    try:
        side.split(remote_id, start, f"{token}.")
    except Refused:
        raise Skip from None
    for unit, text in texts:
        if unit:
            story.model.dropped(text)
    fresh = [one for one in side.live() if one not in before]
    private = bool(fresh) and side.is_private(fresh[0])
    if fresh:
        story.model.wrote(Text(token, side.name, "", fresh[0], "", "title", excused=private), "")
        if private:
            _excuse(story, side, fresh[0])
    return f"{side.name}: the person splits {remote_id[:12]} at {start}; the rest is {token}"


def _single_of(story: Story, side: Side, remote_id: str) -> OriginalStart:
    """The occurrence that a copy stands for by itself, "" for any other."""
    calendar = story.world.calendar(side.name)
    link = story.world.tables.links.get(calendar.id, {}).get(remote_id) if calendar else None
    return link.occurrence if link else ""


def _person_drops(story: Story, side: Side, remote_id: str) -> None:
    """The person is about to reshape a series, which may do away with changed occurrences seen there."""
    for unit, text in side.texts(remote_id):
        if unit:
            story.model.dropped(text)


def _excuse(story: Story, side: Side, remote_id: str, unit: str = "") -> None:
    """Text of an event (or of one occurrence) need not be here: it is private at its provider's, for one."""
    for text in story.model.texts.values():
        if text.side == side.name and text.remote_id == remote_id and unit in ("", text.unit):
            text.excused = True


def _unwrite(story: Story, name: str, value: Any) -> None:
    """The text was not taken."""
    if name in ("title", "description", "guests") and value:
        del story.model.texts[value.rstrip(".")]


# --- what runs -----------------------------------------------------------------------------------------------------


@rule(14)
def syncs(story: Story, a: int, b: int, c: int) -> str:
    jobs = story.world.settle()
    return f"… {jobs} jobs run"


@rule(6)
def one_job(story: Story, a: int, b: int, c: int) -> str:
    rule = story.world.work()
    if rule is None:
        raise Skip
    return f"worker: one job, {rule}"


@rule(4)
def job_again(story: Story, a: int, b: int, c: int) -> str:
    rule = story.world.work(twice=True)
    if rule is None:
        raise Skip
    story.faults += 1
    return f"worker: one job, {rule}; the queue hands it out again"


@rule(3)
def time_runs_out(story: Story, a: int, b: int, c: int) -> str:
    """A worker stops between two pages or chunks; the next one goes on there."""
    story.world.looks = a % 5
    try:
        rule = story.world.work()
    finally:
        story.world.looks = None
    if rule is None:
        raise Skip
    return f"worker: one job, {rule}; its time was out after {a % 5} looks at its watch"


@rule(5)
def time_passes(story: Story, a: int, b: int, c: int) -> str:
    minutes = (1, 3, 10, 20, 65)[a % 5]
    story.world.clock.forward(60 * minutes)
    for side in story.world.sides.values():
        side.deliver_due()
    counts = story.world.tick()
    return f"{minutes} minutes pass; the schedule: {counts or 'nothing'}"


def _received(story: Story) -> Message:
    """What a worker is about to work on."""
    story.world.deliver_pushes()
    message = story.world.queue.receive()
    if message is None:
        raise Skip
    return message


@rule(7)
def worker_killed(story: Story, a: int, b: int, c: int) -> str:
    """The worker dies before or after one of its steps."""
    world, message = story.world, _received(story)
    world.io.seen = []
    with world.killing(a % 45, bool(b % 2)):
        ended = world.run(message)
    seen, world.io.seen = world.io.seen, None
    if ended != "killed":
        return f"worker: one job, {ended}"
    story.faults += 1
    message.visible_at = world.clock.now
    world.quiet_until.clear()  # what it was told went with it; a real queue holds its message back for longer
    return f"worker: KILLED {'after' if b % 2 else 'before'} step {a % 45}, {seen[-1][0]}"


@rule(6)
def meanwhile(story: Story, a: int, b: int, c: int) -> str:
    """Somebody edits while the worker is in the middle of its job."""
    if story.depth:
        raise Skip
    world, message = story.world, _received(story)
    story.depth += 1
    world.io.arm(a % 40, True, story.interrupt(b, c, a))
    try:
        ended = world.run(message)
    finally:
        world.io.disarm()
        story.depth -= 1
    story.faults += 1
    return f"worker: one job, {ended}; the line above happened after step {a % 40} of it (if there was one)"


@rule(4)
def two_workers(story: Story, a: int, b: int, c: int) -> str:
    """The worker stalls until its message is handed out again; the second one runs, then the first goes on."""
    if story.depth:
        raise Skip
    world, message = story.world, _received(story)
    ends: list[str] = []

    def second() -> None:
        world.io.armed = False
        world.clock.now = max(world.clock.now, message.visible_at)
        again = world.queue.receive()
        if again is not None:
            first, world.process = world.process, Process(world.clock)
            ends.append(world.run(again))
            world.process = first
        if b % 2:
            story.perform(Step(("app_edits", "person_edits")[c % 2], c, b, a))
        world.clock.forward(60)

    story.depth += 1
    world.io.arm(a % 40, True, second)
    try:
        ended = world.run(message)
    finally:
        world.io.disarm()
        story.depth -= 1
    story.faults += bool(ends)
    return f"worker: one job, {ended}; stalled after step {a % 40}, meanwhile another worker: {ends or 'none'}"


# --- notifications -------------------------------------------------------------------------------------------------


@rule(3)
def pushes_delivered(story: Story, a: int, b: int, c: int) -> str:
    return f"{story.world.deliver_pushes()} notifications arrive"


@rule(3)
def pushes_troubled(story: Story, a: int, b: int, c: int) -> str:
    """Those under way are dropped, doubled, turned round; or the next ones are, at the provider."""
    pushes = story.world.pushes
    story.faults += 1
    match a % 4:
        case 0:
            count = len(pushes)
            pushes.clear()
            return f"{count} notifications are lost"
        case 1:
            pushes.extend(list(pushes))
            return "the notifications under way come twice"
        case 2:
            pushes.reverse()
            return "the notifications under way overtake each other"
        case _:
            side, mode = story.side(b), ("drop", "double", "delay")[c % 3]
            side.push_rule(mode, 2)
            return f"{side.name}: the next two notifications: {mode}"


@rule(1)
def push_forged(story: Story, a: int, b: int, c: int) -> str:
    calendar = story.world.calendar(story.side(a).name)
    if calendar is None:
        raise Skip
    before = len(story.world.queue.messages)
    headers = {
        "x-goog-channel-id": "forged",
        "x-goog-resource-state": "exists",
        "x-goog-channel-token": f"{calendar.id}.{'A' * 43}",
    }
    story.world.notify(("google", headers, {}, b""))
    if len(story.world.queue.messages) != before:
        raise Violation("I7: a forged notification was believed")
    story.faults += 1
    return "a forged notification arrives"


@rule(2)
def burst(story: Story, a: int, b: int, c: int) -> str:
    """Many notifications for one calendar in the same moment cost at most two syncs."""
    world = story.world
    calendar = world.calendar(story.side(a).name)
    connection = world.connection(story.side(a).name)
    if calendar is None or connection is None or connection.status is not Status.ACTIVE:
        raise Skip
    if world.queue.messages or world.pushes:
        raise Skip
    job = CalendarJob(calendar.id)
    before = world.synced[encode_job(job)]
    for _ in range(10):
        world.queue.send(job)
    world.settle()
    cost = world.synced[encode_job(job)] - before
    if cost > 2:
        raise Violation(f"I7: a burst of ten notifications cost {cost} syncs")
    return f"ten notifications for {story.side(a).name} at once: {cost} syncs"


# --- trouble -------------------------------------------------------------------------------------------------------


@rule(9)
def provider_fails(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    kinds = FAULTS_OF[side.name]
    fault = dict(kinds[b % len(kinds)])
    fault |= {"times": 1 + c % 2, "skip": c // 2 % 4}
    side.fault(**fault)
    story.faults += 1
    return f"{side.name}: {fault}"


@rule(2)
def faults_end(story: Story, a: int, b: int, c: int) -> str:
    story.side(a).end_faults()
    return f"{story.side(a).name} works again"


@rule(4)
def something_expires(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    story.faults += 1
    match b % 3:
        case 0:
            side.expire_cursors()
            return f"{side.name}: the cursors expire"
        case 1:
            side.expire_tokens()
            return f"{side.name}: the access tokens expire"
        case _:
            side.expire_subscriptions()
            return f"{side.name}: the subscriptions are gone"


@rule(2)
def consent_withdrawn(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    if story.world.connection(side.name) is None:
        raise Skip
    side.revoke()
    story.faults += 1
    return f"{side.name}: the person takes the permission away"


@rule(3)
def reconnects(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    connection = story.world.connection(side.name)
    if connection is not None and not story.world.refused(side.name) and c % 4:
        raise Skip
    if connection is None and story.world.has_organization and b % 2:
        story.world.organized ^= {side.name}  # the other way to the same calendar
    story.world.connect(side.name)
    return f"{side.name}: the person connects {'again' if connection else 'the account'}"


@rule(2)
def access_changes(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    if story.world.connection(side.name) is None:
        raise Skip
    writable = not side.writable
    side.set_writable(writable)
    story.faults += 1
    connection = story.world.connection(side.name)
    if connection is not None and connection.status is Status.ACTIVE and b % 2:
        story.world.queue.send(ConnectionJob(connection.id))
    return f"{side.name}: the calendar is {'writable again' if writable else 'read-only now'}{', and listed' * (b % 2)}"


@rule(3)
def main_switches(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    calendar = story.world.calendar(side.name)
    if calendar is None:
        raise Skip
    flags = {"main": True} if b % 2 else {"bookings": not calendar.bookings}
    try:
        story.world.choose(side.name, **flags)
    except Problem:
        raise Skip from None
    return f"person: {side.name} gets {flags}"


@rule(1)
def person_clears(story: Story, a: int, b: int, c: int) -> str:
    """Thirty appointments are made and, once they are here, deleted at a stroke: nobody wanted that, as a rule."""
    side, world = story.side(a), story.world
    calendar = world.calendar(side.name)
    if calendar is None or b % 3:
        raise Skip
    made = []
    for number in range(30):
        side.add(Series(Content(span=span_of(7 * number), title="Filled")))
        made.append(side.live()[-1])
    world.settle()
    linked = len(world.tables.links.get(calendar.id, {}))
    before = sum(not event.deleted for event in world.tables.events.values())
    for remote_id in made:
        side.delete(remote_id)
        story.model.let_go_there.add((side.name, remote_id))
    world.settle()
    gone = before - sum(not event.deleted for event in world.tables.events.values())
    released = calendar.checkpoint.brake is Brake.RELEASED
    if gone > 25 and 3 * gone > linked and not released:
        raise Violation(f"I10: {gone} of {linked} events were deleted at once, and nobody was asked")
    return f"{side.name}: thirty appointments are made, and later deleted; {gone} are gone here"


@rule(2)
def brake_decided(story: Story, a: int, b: int, c: int) -> str:
    connection = story.world.connection(story.side(a).name)
    if connection is None:
        raise Skip
    try:
        (holding.release if b % 2 else holding.discard)(story.world.house, connection)
    except Problem:
        raise Skip from None
    return f"person: what was held at {story.side(a).name} is {'let go on' if b % 2 else 'looked at again'}"


@rule(1)
def policy_changes(story: Story, a: int, b: int, c: int) -> str:
    side = story.side(a)
    connection = story.world.connection(side.name)
    if connection is None:
        raise Skip
    value = (External.APPLY, External.RESTORE)[b % 2]
    story.model.restores |= value is External.RESTORE
    policy: Policy = replace(connection.policy, on_external_change=value)
    story.world.store.connections.save(replace(connection, policy=policy))
    return f"person: external changes of {side.name} are to {value}"


@rule(1)
def disconnects(story: Story, a: int, b: int, c: int) -> str:
    side, world = story.side(a), story.world
    connection = world.connection(side.name)
    if connection is None:
        raise Skip
    imported, exported = ("keep", "delete")[b % 2], ("keep", "delete")[c % 2]
    for calendar in world.tables.calendars.values():
        if calendar.connection_id == connection.id:
            for link in world.tables.links.get(calendar.id, {}).values():
                event = world.tables.events.get((OWNER, link.event_id))
                if event is not None and event.origin == calendar.id and imported == "delete":
                    story.model.let_go.add(event.id)
                if event is not None and event.origin == APP and exported == "delete":
                    _excuse(story, side, link.remote_id)
    patience = list(world.impatient)
    try:
        world.disconnect(side.name, imported=imported, exported=exported)
    except SyncError:
        raise Skip from None
    finally:
        world.impatient = patience  # a person who leaves is not made to wait
    return f"{side.name}: disconnected (imported: {imported}, exported: {exported})"


# --- a story from a seed -------------------------------------------------------------------------------------------


def _when(value: Any) -> str:
    if isinstance(value, Span):
        start = value.start
        return f"{start.local:%d.%m. %H:%M} {start.zone}" if isinstance(start, ZonedTime) else f"{start:%d.%m.}"
    return str(value)


@contextmanager
def telling(seed: str) -> Iterator[Story]:
    """A story that has only begun: one or both accounts are connected; where the seed ends in `o`, one or both through
    an organisation."""
    chance = random.Random(f"begin:{seed}")
    organized = random.Random(f"organized:{seed}").choice(ORGANIZED) if seed.endswith("o") else frozenset[str]()
    skew = {name: chance.choice([0.0, 0.0, 40.0, -40.0]) for name in ("google", "microsoft")}
    with running(seed, skew=skew, organized=organized) as world:
        story = Story(world)
        first = chance.choice(["google", "microsoft"])
        for name in [first, *(["microsoft" if first == "google" else "google"] * chance.choice([0, 1, 1]))]:
            world.connect(name)
            how = " through an organisation" if name in organized else ""
            story.told.append(f"{name} is connected{how} (its clock is {skew[name]:+.0f} s)")
        if chance.random() < 0.8:
            world.settle()
        yield story


ORGANIZED = (frozenset({"google"}), frozenset({"microsoft"}), frozenset({"google", "microsoft"}))

FIRST = ("app_books", "person_adds", "app_books", "person_adds", "syncs")
"""How most stories begin, so that there is something to change."""


def seed_of(number: int) -> str:
    """One story in six has an organisation in it."""
    return f"{number}o" if number % 6 == 5 else str(number)


def steps_of(seed: str, length: int = 25) -> list[Step]:
    """The steps that a seed stands for."""
    chance = random.Random(f"steps:{seed}")
    names, weights = list(ALL), [weight for weight, _ in ALL.values()]
    first = FIRST if chance.random() < 0.8 else ()
    picked = [*first, *chance.choices(names, weights, k=length - len(first))]
    return [Step(name, chance.randrange(1000), chance.randrange(1000), chance.randrange(1000)) for name in picked]


def tell(seed: str, steps: list[Step], *, snapshot: bool = True) -> tuple[Story, BaseException | None]:
    """Tell a story to its end; with what is wrong about it, if anything is."""
    with telling(seed) as story:
        try:
            for step in steps:
                story.perform(step)
            story.end(snapshot=snapshot)
        except Exception as wrong:  # noqa: BLE001 (whatever it is, it is what the story is about)
            return story, wrong
        return story, None


def kind_of(wrong: BaseException) -> str:
    """What makes two faults the same while a story is shortened."""
    name = type(wrong).__name__
    return f"{name} {str(wrong).partition(':')[0]}" if isinstance(wrong, Violation) else name


def shortened(seed: str, steps: list[Step], wrong: BaseException) -> list[Step]:
    """The story without the steps that its end does not need."""
    wanted, size = kind_of(wrong), max(1, len(steps) // 2)
    while True:
        at, before = 0, len(steps)
        while at < len(steps):
            fewer = steps[:at] + steps[at + size :]
            _, found = tell(seed, fewer)
            if found is not None and kind_of(found) == wanted:
                steps = fewer
            else:
                at += size
        if size == 1 and len(steps) == before:
            return steps
        size = max(1, size // 2)
