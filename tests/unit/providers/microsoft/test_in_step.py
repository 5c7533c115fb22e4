"""With the core's own merge: what was written to Outlook comes back as nothing new, and edits meet in the middle."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shared.model import (
    APP,
    CANCELLED,
    Attendee,
    Complete,
    Content,
    Event,
    EventStatus,
    Link,
    Owner,
    Policy,
    Reminder,
    RemoteEvent,
    Removed,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers.base import After, CalendarApi, FromStart
from shared.sync.actions import Rule
from shared.sync.apply import apply_plan
from shared.sync.links import advance_link
from shared.sync.plan import plan_event
from shared.sync.situation import UNSEEN, Situation, Unseen
from tests.contract.microsoft_stage import MicrosoftStage

BERLIN = "Europe/Berlin"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
WEEKLY = ("RRULE:FREQ=WEEKLY;COUNT=8",)


def hours(day: int, first: int, last: int, zone: str = BERLIN) -> Span:
    return Span(ZonedTime(datetime(2027, 3, day, first), zone), ZonedTime(datetime(2027, 3, day, last), zone))


FULL = Content(
    span=hours(1, 9, 10, "Europe/Vienna"),
    title="Visit",
    description="<b>Bring</b>  papers\r\n\n",
    location="Main Street 1",
    visibility=Visibility.PUBLIC,
    show_as=ShowAs.TENTATIVE,
    status=EventStatus.TENTATIVE,
    attendees=(Attendee("B@example.com", "Bo"),),
    reminders=(Reminder(30), Reminder(10), Reminder(5, "email")),
)
PLAIN = Content(span=hours(1, 9, 10), title="Yoga")
SERIES = {
    "bare": Series(Content(span=hours(1, 9, 10))),
    "full": Series(FULL),
    "whole days": Series(Content(span=Span(date(2027, 3, 1), date(2027, 3, 3)))),
    "weekly": Series(PLAIN, WEEKLY),
    "explicit": Series(PLAIN, ("RRULE:FREQ=WEEKLY;COUNT=8;BYDAY=MO",)),
    "until": Series(PLAIN, ("RRULE:FREQ=DAILY;UNTIL=20270310T080000Z",)),
    "excluded": Series(PLAIN, (*WEEKLY, "EXDATE:20270308T080000Z")),
    "overrides": Series(
        PLAIN,
        WEEKLY,
        {"20270308T080000Z": replace(PLAIN, span=hours(9, 15, 16)), "20270315T080000Z": CANCELLED},
    ),
    "both": Series(
        replace(PLAIN, visibility=Visibility.PRIVATE),
        (*WEEKLY, "EXDATE:20270308T080000Z"),
        {"20270315T080000Z": CANCELLED, "20270322T080000Z": replace(PLAIN, title="Other", span=hours(22, 9, 10))},
    ),
}


class Side:
    """The app's side of one booking: enough of a store for one event and one link."""

    def __init__(self, stage: MicrosoftStage, series: Series) -> None:
        self.stage = stage
        self.api: CalendarApi = stage.session().calendars
        self.event = Event(id="ev-1", owner=Owner("o", "u"), series=series, origin=APP, version=1, updated_at=NOW)
        self.link: Link | None = None
        self.cursor = ""

    def settle(self, remote: RemoteEvent | Removed | Unseen = UNSEEN) -> Rule:
        at = Situation(
            calendar_id="cal",
            owner=self.event.owner,
            key="key-1",
            import_id="imp",
            now=NOW,
            local=self.event,
            projected=self.api.project(self.event.series, Policy()),
            remote=remote,
            link=self.link,
            held=True,
            writable=True,
        )
        plan = plan_event(at, Policy())
        outcomes = apply_plan(plan, self.api, self.stage.main)
        self.event = plan.save or self.event
        self.link = advance_link(at, self.event, outcomes)
        assert self.link.problem == ""
        return plan.rule

    def listed(self) -> list[RemoteEvent]:
        api = self.api = self.stage.session().calendars
        position: FromStart | After = After(self.cursor) if self.cursor else FromStart(NOW)
        found: list[RemoteEvent] = []
        while True:
            page = api.fetch_page(self.stage.main, position)
            found += [one for one in page.changes if isinstance(one, RemoteEvent)]
            if isinstance(page.next, Complete):
                self.cursor = page.next.cursor
                return list({one.remote_id: one for one in found}.values())
            position = After(page.next.cursor)


@pytest.mark.parametrize("name", SERIES)
def test_our_own_write_coming_back_is_no_change(microsoft: MicrosoftStage, name: str) -> None:
    side = Side(microsoft, SERIES[name])
    assert side.settle() is Rule.EXPORT
    before = side.event
    (echo,) = side.listed()
    assert side.settle(echo) is Rule.ECHO
    assert side.event == before
    assert side.listed() == []
    assert side.settle() is Rule.NOTHING
    assert side.listed() == []


def test_an_edit_on_each_side_meets_in_the_middle_and_comes_to_rest(microsoft: MicrosoftStage) -> None:
    side = Side(microsoft, SERIES["overrides"])
    side.settle()
    (copy,) = side.listed()
    side.settle(copy)
    microsoft.edit(microsoft.main, copy.remote_id, location={"displayName": "Room 1"})
    changed = replace(side.event.series.content, title="Yoga, later")
    side.event = replace(side.event, series=replace(side.event.series, content=changed))
    for _ in range(3):
        for remote in side.listed():
            side.settle(remote)
    content = side.event.series.content
    assert (content.title, content.location) == ("Yoga, later", "Room 1")
    (seen,) = microsoft.events(microsoft.main)
    assert (seen.title, seen.record["location"]["displayName"]) == ("Yoga, later", "Room 1")
    assert side.listed() == []
    assert side.settle() is Rule.NOTHING


def test_a_longer_rule_and_a_new_exclusion_reach_outlook_and_keep_what_was_there(microsoft: MicrosoftStage) -> None:
    side = Side(microsoft, SERIES["both"])
    side.settle()
    side.settle(side.listed()[0])
    lines = ("RRULE:FREQ=WEEKLY;COUNT=12", "EXDATE:20270308T080000Z,20270329T070000Z")
    side.event = replace(side.event, series=replace(side.event.series, recurrence=lines))
    side.settle()
    for remote in side.listed():
        assert side.settle(remote) in (Rule.ECHO, Rule.MERGE)
    assert side.event.series.recurrence == lines
    assert set(side.event.series.overrides) == {"20270315T080000Z", "20270322T080000Z"}
    found = side.api.fetch_event(microsoft.main, side.link.remote_id if side.link else "")
    assert found is not None
    assert found.recurrence == lines
    assert {key: item.value for key, item in found.overrides.items()}["20270315T080000Z"] is CANCELLED
    assert side.listed() == []
