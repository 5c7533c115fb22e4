"""What Outlook can hold: projecting twice changes nothing, and what was written reads the same."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from datetime import date, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.recurrence import occurrence_content, occurrences
from shared.calendar.timezones import to_utc
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    EventStatus,
    Policy,
    Privacy,
    Reminder,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers.microsoft.convert import read_event
from shared.providers.microsoft.projection import project
from tests.unit.providers.microsoft.held import held

BERLIN = "Europe/Berlin"
ZONES = [
    "UTC",
    BERLIN,
    "Europe/Vienna",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
]
DAY = Span(date(2027, 3, 1), date(2027, 3, 2))
MORNING = Span(ZonedTime(datetime(2027, 3, 1, 9), BERLIN), ZonedTime(datetime(2027, 3, 1, 10), BERLIN))
INVITING = Policy(invite_attendees=True)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
walls = st.datetimes(datetime(1990, 1, 1), datetime(2060, 12, 31)).map(lambda at: at.replace(second=0))
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
lengths = st.integers(0, 3 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
reminders = st.none() | st.lists(
    st.builds(Reminder, st.integers(0, 40320), st.sampled_from(["popup", "email"])), max_size=4
).map(tuple)
attendees = st.lists(
    st.builds(
        Attendee,
        st.sampled_from(["a@example.com", "A@Example.com", "b@example.com", "z+1@example.com"]),
        texts | st.just("A@example.com"),
        st.sampled_from(Response),
        st.booleans(),
    ),
    max_size=4,
).map(tuple)
policies = st.builds(
    Policy, default_reminder=st.sampled_from(["provider", None, 0, 30]), invite_attendees=st.booleans()
)
rules = st.sampled_from(
    [
        (),
        ("RRULE:FREQ=DAILY;COUNT=9",),
        ("RRULE:FREQ=WEEKLY",),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20610101T000000Z",),
        ("RRULE:FREQ=MONTHLY;COUNT=5",),
        ("RRULE:FREQ=YEARLY;COUNT=5",),
        ("RRULE:FREQ=HOURLY;INTERVAL=6;COUNT=5",),
        ("RRULE:FREQ=DAILY;COUNT=5", "RDATE:20300101T120000Z"),
    ]
)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    if draw(st.booleans()):
        day = draw(days)
        return Span(day, day + timedelta(days=draw(st.integers(1, 5))))
    start, length = draw(walls), draw(lengths)
    return Span(ZonedTime(start, draw(st.sampled_from(ZONES))), ZonedTime(start + length, draw(st.sampled_from(ZONES))))


@st.composite
def contents(draw: st.DrawFn, span: Span) -> Content:
    return Content(
        span=span,
        title=draw(texts),
        description=draw(texts),
        location=draw(texts),
        visibility=draw(st.sampled_from([Visibility.DEFAULT, Visibility.PUBLIC])),
        show_as=draw(st.sampled_from(ShowAs)),
        status=draw(st.sampled_from(EventStatus)),
        attendees=draw(attendees),
        reminders=draw(reminders),
    )


@st.composite
def serieses(draw: st.DrawFn) -> Series:
    """Series with overrides of, and excluded dates among, occurrences they really have."""
    span, lines = draw(spans()), draw(rules)
    if lines and "RDATE:20300101T120000Z" in lines and span.all_day:
        lines = ("RRULE:FREQ=DAILY;COUNT=5",)
    series = Series(draw(contents(span)), lines)
    if not lines or "HOURLY" in lines[0]:
        return series
    begin = (
        to_utc(span.start)
        if isinstance(span.start, ZonedTime)
        else to_utc(ZonedTime(datetime.combine(span.start, datetime.min.time()), "UTC"))
    )
    found = islice(occurrences(series, begin - timedelta(days=2), begin + timedelta(days=4000)), 4)
    keys = [one.original_start for one in found]
    overrides = {}
    for key in keys[1:3]:
        match draw(st.integers(0, 2)):
            case 0:
                overrides[key] = CANCELLED
            case 1:
                overrides[key] = draw(contents(occurrence_content(series, key).span))
            case _:
                pass
    if len(keys) > 3 and draw(st.booleans()):
        lines = (*lines, f"EXDATE{';VALUE=DATE' if 'T' not in keys[3] else ''}:{keys[3]}")
    return Series(series.content, lines, overrides)


@given(serieses(), policies)
def test_projecting_twice_changes_nothing(series: Series, policy: Policy) -> None:
    once = project(series, policy)
    assert project(once, policy) == once


@given(serieses(), policies)
def test_what_was_written_reads_as_it_was_projected(series: Series, policy: Policy) -> None:
    projected = project(series, policy)
    if any("HOURLY" in line or "RDATE" in line for line in projected.recurrence):
        return
    if projected.recurrence and ("MONTHLY" in projected.recurrence[0] or "YEARLY" in projected.recurrence[0]):
        start = projected.content.span.start
        if (start.local.day if isinstance(start, ZonedTime) else start.day) > 28:
            return
    read = read_event(held(projected), privacy=Privacy.FULL)
    assert read.content == projected.content
    assert read.recurrence == projected.recurrence
    assert {key: item.value for key, item in read.overrides.items()} == dict(projected.overrides)
    assert read.tag == "ev-1"


def content(**changes: object) -> Content:
    return Content(span=MORNING, **changes)  # type: ignore[arg-type]


def test_guests_stay_here_unless_the_connection_invites_them() -> None:
    guest = Attendee("A@Example.com", "a@example.com", Response.ACCEPTED, optional=True)
    assert project(Series(content(attendees=(guest,))), Policy()).content.attendees == ()
    asked = project(Series(content(attendees=(guest,))), INVITING).content.attendees
    assert asked == (Attendee("a@example.com", "", Response.NEEDS_ACTION, optional=True),)


def test_only_the_soonest_popup_is_a_reminder_there() -> None:
    several = (Reminder(30), Reminder(10), Reminder(5, "email"))
    assert project(Series(content(reminders=several)), Policy()).content.reminders == (Reminder(10),)
    assert project(Series(content(reminders=several[2:])), Policy()).content.reminders == ()


@pytest.mark.parametrize(("chosen", "minutes"), [("provider", 15), (45, 45), (None, None)])
def test_a_booking_that_says_nothing_gets_the_connections_reminder(chosen: object, minutes: int | None) -> None:
    policy = Policy(default_reminder=chosen)  # type: ignore[arg-type]
    expected = () if minutes is None else (Reminder(minutes),)
    assert project(Series(content()), policy).content.reminders == expected


def test_a_private_occurrence_makes_the_whole_series_private() -> None:
    series = Series(
        content(visibility=Visibility.PUBLIC),
        ("RRULE:FREQ=DAILY",),
        {"20270302T080000Z": content(visibility=Visibility.PRIVATE)},
    )
    projected = project(series, Policy())
    assert projected.content.visibility is Visibility.PRIVATE


def test_a_rule_that_outlook_lacks_is_left_for_its_refusal_and_not_bent() -> None:
    lines = ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,1",)
    assert project(Series(content(), lines), Policy()).recurrence == ("RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15",)


def test_a_single_event_where_windows_has_no_clock_keeps_its_instant() -> None:
    troll = Span(ZonedTime(datetime(2027, 1, 1, 9), "Antarctica/Troll"), ZonedTime(datetime(2027, 1, 1, 10), "UTC"))
    projected = project(Series(Content(span=troll)), Policy()).content.span.start
    assert projected == ZonedTime(datetime(2027, 1, 1, 9), "UTC")
