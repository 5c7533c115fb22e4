"""What Google can hold: projecting twice changes nothing, and what was written reads the same."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar.recurrence import original_start_key, parse_original_start
from shared.model import (
    CANCELLED,
    NO_OVERRIDES,
    Attendee,
    Cancelled,
    Content,
    EventStatus,
    OriginalStart,
    Policy,
    Privacy,
    Reminder,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    When,
    ZonedTime,
)
from shared.providers.google.convert import read_event, write_event, write_fields
from shared.providers.google.projection import project

BERLIN = "Europe/Berlin"
ZONES = ["UTC", BERLIN, "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Asia/Kathmandu", "Etc/GMT+12"]
DAY = Span(date(2027, 3, 1), date(2027, 3, 2))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
walls = st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31))
days = st.dates(date(1971, 1, 1), date(2099, 12, 31))
lengths = st.timedeltas(timedelta(0), timedelta(days=3))
reminders = st.none() | st.lists(
    st.builds(Reminder, st.integers(0, 40320), st.sampled_from(["popup", "email"])), max_size=7
).map(tuple)
attendees = st.lists(
    st.builds(
        Attendee,
        st.sampled_from(["a@example.com", "A@Example.com", "b@example.com", "z+1@example.com"]),
        texts,
        st.sampled_from(Response),
        st.booleans(),
    ),
    max_size=4,
).map(tuple)
policies = st.builds(Policy, default_reminder=st.sampled_from(["provider", None, 0, 30]))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    if draw(st.booleans()):
        day = draw(days)
        return Span(day, day + timedelta(days=draw(st.integers(1, 5))))
    start, length = draw(walls), draw(lengths)
    return Span(ZonedTime(start, draw(st.sampled_from(ZONES))), ZonedTime(start + length, draw(st.sampled_from(ZONES))))


contents = st.builds(
    Content,
    span=spans(),
    title=texts,
    description=texts,
    location=texts,
    visibility=st.sampled_from([Visibility.DEFAULT, Visibility.PUBLIC]),
    show_as=st.sampled_from(ShowAs),
    status=st.sampled_from(EventStatus),
    attendees=attendees,
    reminders=reminders,
)
keys = (days | st.builds(ZonedTime, walls, st.just("UTC"))).map(original_start_key)
serieses = st.builds(
    Series,
    contents,
    st.sampled_from([(), ("RRULE:FREQ=WEEKLY;COUNT=9",), ("RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20270302")]),
    st.dictionaries(keys, st.just(CANCELLED) | contents, max_size=3),
)


def original_start(key: OriginalStart) -> dict[str, str]:
    start = parse_original_start(key)
    return {"dateTime": start.isoformat()} if isinstance(start, datetime) else {"date": start.isoformat()}


def google_holds(series: Series) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What Google has after the series and its overrides were written."""
    master = write_event(series, remote_id="e1", event_id="ev-1")
    exceptions = []
    for key, value in series.overrides.items():
        record = {"id": f"e1_{key}", "recurringEventId": "e1", "originalStartTime": original_start(key)}
        if isinstance(value, Cancelled):
            exceptions.append(record | {"status": "cancelled"})
        else:
            names = (
                "span",
                "title",
                "description",
                "location",
                "visibility",
                "show_as",
                "status",
                "attendees",
                "reminders",
            )
            exceptions.append(record | merged({}, write_fields({name: getattr(value, name) for name in names})))
    return master, exceptions


def merged(held: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Patch semantics: null deletes, objects merge, arrays are replaced."""
    result = dict(held)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = merged(held.get(name, {}), value)
        else:
            result[name] = value
    return result


def read_back(series: Series) -> Series:
    master, exceptions = google_holds(series)
    event = read_event(master, zone="UTC", privacy=Privacy.FULL, exceptions=exceptions)
    assert event.content is not None
    assert event.tag == "ev-1"
    return Series(event.content, event.recurrence, {key: found.value for key, found in event.overrides.items()})


@given(serieses, policies)
def test_what_was_written_reads_the_same(series: Series, policy: Policy) -> None:
    projected = project(series, policy)
    assert read_back(projected) == projected


@given(serieses, policies)
def test_projecting_twice_changes_nothing(series: Series, policy: Policy) -> None:
    projected = project(series, policy)
    assert project(projected, policy) == projected


@given(contents, contents, policies)
def test_a_patch_of_all_fields_leaves_nothing_of_what_was_there(
    before: Content, after: Content, policy: Policy
) -> None:
    was, wanted = (project(Series(one), policy).content for one in (before, after))
    held = write_event(Series(was), remote_id="e1", event_id="ev-1")
    patch = write_fields({name: getattr(wanted, name) for name in Content.__slots__}, held=held)
    result = merged(held, patch)
    assert read_event(result, zone="UTC", privacy=Privacy.FULL).content == wanted
    assert not (result["reminders"]["useDefault"] and result["reminders"]["overrides"]), "refused by Google"
    assert not any({"date", "dateTime"} <= set(result[name]) for name in ("start", "end")), "refused by Google"


@pytest.mark.parametrize(
    ("chosen", "own", "expected"),
    [
        ("provider", None, None),
        (None, None, ()),
        (30, None, (Reminder(30),)),
        (0, None, (Reminder(0),)),
        (30, (), ()),
        (None, (Reminder(5, "email"),), (Reminder(5, "email"),)),
    ],
)
def test_the_default_reminder_fills_in_only_where_nothing_was_said(chosen: Any, own: Any, expected: object) -> None:
    series = Series(Content(span=DAY, reminders=own), overrides={"20270308": Content(span=DAY, reminders=own)})
    projected = project(series, Policy(default_reminder=chosen))
    override = projected.overrides["20270308"]
    assert isinstance(override, Content)
    assert (projected.content.reminders, override.reminders) == (expected, expected)


def test_google_takes_five_reminders_and_the_soonest_ones_stay() -> None:
    many = tuple(Reminder(minutes) for minutes in (60, 10, 50, 20, 40, 30, 10))
    assert project(Series(Content(span=DAY, reminders=many)), Policy()).content.reminders == tuple(
        Reminder(minutes) for minutes in (10, 20, 30, 40, 50)
    )


@pytest.mark.parametrize(
    ("of_series", "of_occurrence", "of_all"),
    [
        (Visibility.DEFAULT, Visibility.PRIVATE, Visibility.PRIVATE),
        (Visibility.PRIVATE, Visibility.PUBLIC, Visibility.PRIVATE),
        (Visibility.PUBLIC, Visibility.DEFAULT, Visibility.DEFAULT),
        (Visibility.PUBLIC, Visibility.CONFIDENTIAL, Visibility.CONFIDENTIAL),
        (Visibility.PUBLIC, Visibility.PUBLIC, Visibility.PUBLIC),
    ],
)
def test_one_private_occurrence_makes_the_series_private_and_none_is_ever_widened(
    of_series: Visibility, of_occurrence: Visibility, of_all: Visibility
) -> None:
    occurrence = Content(span=DAY, visibility=of_occurrence)
    series = Series(Content(span=DAY, visibility=of_series), ("RRULE:FREQ=DAILY",), {"20270308": occurrence})
    projected = project(series, Policy())
    override = projected.overrides["20270308"]
    assert isinstance(override, Content)
    assert (projected.content.visibility, override.visibility) == (of_all, of_all)


@pytest.mark.parametrize(
    ("local", "zone", "expected"),
    [
        (datetime(2027, 3, 28, 2, 30), BERLIN, datetime(2027, 3, 28, 3, 30)),
        (datetime(2027, 10, 3, 2, 30), "Australia/Sydney", datetime(2027, 10, 3, 3, 30)),
        (datetime(2027, 10, 31, 2, 30), BERLIN, datetime(2027, 10, 31, 2, 30)),
        (datetime(2027, 3, 1, 9, 0, 0, 5), BERLIN, datetime(2027, 3, 1, 9)),
        (datetime(2027, 3, 1, 9), "Mars/Olympus", datetime(2027, 3, 1, 9)),
    ],
)
def test_a_time_that_clocks_skip_is_projected_to_the_one_that_google_would_answer(
    local: datetime, zone: str, expected: datetime
) -> None:
    when: When = ZonedTime(local, zone)
    assert project(Series(Content(span=Span(when, when))), Policy()).content.span.start == ZonedTime(expected, zone)


def test_tentative_time_is_busy_since_google_has_no_word_for_it() -> None:
    assert project(Series(Content(span=DAY, show_as=ShowAs.TENTATIVE)), Policy()).content.show_as is ShowAs.BUSY


def test_confidential_stays_and_long_text_is_not_cut() -> None:
    content = Content(span=DAY, visibility=Visibility.CONFIDENTIAL, description="x" * 20_000)
    assert project(Series(content), Policy()) == Series(content, (), NO_OVERRIDES)
