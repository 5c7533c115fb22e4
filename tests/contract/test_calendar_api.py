"""Reading and writing calendars: each test is a hazard that has cost somebody an event."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.calendar.recurrence import original_start_key
from shared.errors import (
    CalendarGone,
    ConnectionRevoked,
    CursorExpired,
    EventRejected,
    RetryLater,
    SyncError,
    VersionConflict,
)
from shared.model import (
    CANCELLED,
    CONTENT_FIELDS,
    Access,
    Attendee,
    Cancelled,
    Change,
    Complete,
    Content,
    EventStatus,
    Policy,
    Reminder,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers.base import (
    After,
    CalendarApi,
    CopyChange,
    CopyDeletion,
    CopyWrite,
    FromStart,
    NewCopy,
    OccurrenceChange,
    Position,
)
from tests.contract.stage import Stage, Trouble

BERLIN, SYDNEY = "Europe/Berlin", "Australia/Sydney"
START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
WEEKLY = ("RRULE:FREQ=WEEKLY;COUNT=8",)
SECRET = "biopsy"


def hours(day: int, first: int, last: int, *, month: int = 3, zone: str = BERLIN) -> Span:
    return Span(
        ZonedTime(datetime(2027, month, day, first), zone),
        ZonedTime(datetime(2027, month, day, last), zone),
    )


SPAN = hours(1, 9, 10)
DAYS = Span(date(2027, 3, 1), date(2027, 3, 3))
VISIT = Series(Content(span=SPAN, title="Visit"))
SERIES = Series(Content(span=SPAN, title="Yoga"), WEEKLY)
SECOND = "20270308T080000Z"


def listing(api: CalendarApi, calendar: str, position: Position = START) -> tuple[list[Change], str, int]:
    """All changes, the cursor for the next look, and how many pages it took."""
    changes: list[Change] = []
    pages = 0
    while True:
        page = api.fetch_page(calendar, position)
        changes.extend(page.changes)
        pages += 1
        if isinstance(page.next, Complete):
            return changes, page.next.cursor, pages
        position = After(page.next.cursor)


def since(api: CalendarApi, calendar: str, cursor: str) -> list[Change]:
    return listing(api, calendar, After(cursor))[0]


def make(api: CalendarApi, calendar: str, series: Series = VISIT) -> RemoteEvent:
    return api.create(calendar, NewCopy(tag="ev-1", key="key-1", series=api.project(series, Policy())))


def change(remote: RemoteEvent, **fields: object) -> CopyChange:
    return CopyChange(remote_id=remote.remote_id, etag=remote.etag, fields=fields)


def occurrence(remote: RemoteEvent, key: str, to: Any, *, known: str = "", etag: str = "") -> OccurrenceChange:
    return OccurrenceChange(remote_id=remote.remote_id, original_start=key, occurrence_id=known, etag=etag, change=to)


def current(api: CalendarApi, calendar: str, remote: RemoteEvent, *keys: str) -> RemoteEvent:
    found = api.fetch_event(calendar, remote.remote_id, keys)
    assert found is not None
    return found


def content_of(remote: RemoteEvent) -> Content:
    assert remote.content is not None
    return remote.content


def whole(content: Content) -> dict[str, object]:
    return {name: getattr(content, name) for name in CONTENT_FIELDS}


# --- the list of calendars -----------------------------------------------------------------------------------------


def test_calendars_come_with_what_the_account_may_do_in_them(calendars: CalendarApi, stage: Stage) -> None:
    ids = {access: stage.add_calendar(access.value, access=access) for access in Access}
    listed = {one.remote_id: one for one in calendars.list_calendars()}
    for access, remote_id in ids.items() if stage.lists_all else ():
        assert listed[remote_id].access is stage.told_as.get(access, access)
    assert [one.remote_id for one in listed.values() if one.primary] == [stage.main]
    assert listed[stage.main].zone == BERLIN


def test_no_calendar_is_lost_behind_the_first_page_of_the_list(calendars: CalendarApi, stage: Stage) -> None:
    added = {stage.add_calendar(f"Room {number}") for number in range(101)}
    listed = {one.remote_id for one in calendars.list_calendars()}
    assert listed == {stage.main} | (added if stage.lists_all else set())


# --- listing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [False, True])
def test_every_event_comes_once_however_short_or_empty_the_pages(
    calendars: CalendarApi, stage: Stage, empty: bool
) -> None:
    added = {stage.add_event(stage.main, f"Visit {number}", hours(number, 9, 10)) for number in range(1, 6)}
    stage.short_pages(empty=empty)
    changes, _, pages = listing(calendars, stage.main)
    assert sorted(one.remote_id for one in changes) == sorted(added)
    assert pages >= 5 + empty


def test_an_empty_calendar_has_a_cursor_too(calendars: CalendarApi, stage: Stage) -> None:
    changes, cursor, _ = listing(calendars, stage.main)
    stage.add_event(stage.main, "First", SPAN)
    assert (len(changes), len(since(calendars, stage.main, cursor))) == (0, 1)


def test_what_ended_before_the_window_is_left_out_and_what_reaches_into_it_is_not(
    calendars: CalendarApi, stage: Stage
) -> None:
    old = Span(ZonedTime(datetime(2026, 12, 1, 9), BERLIN), ZonedTime(datetime(2026, 12, 1, 10), BERLIN))
    over = Span(date(2026, 12, 28), date(2027, 1, 3))
    stage.add_event(stage.main, "Over", old)
    reaching = {stage.add_event(stage.main, "Holiday", over)}
    reaching.add(stage.add_event(stage.main, "Yoga", old, recurrence=["RRULE:FREQ=WEEKLY"]))
    assert {one.remote_id for one in listing(calendars, stage.main)[0]} == reaching


def test_a_delta_holds_what_changed_since_and_nothing_else(calendars: CalendarApi, stage: Stage) -> None:
    kept, edited, deleted = (stage.add_event(stage.main, title, SPAN) for title in ("Kept", "Edited", "Deleted"))
    _, cursor, _ = listing(calendars, stage.main)
    added = stage.add_event(stage.main, "Added", SPAN)
    stage.retitle(stage.main, edited, "Edited again")
    stage.delete(stage.main, deleted)
    changes = {one.remote_id: one for one in since(calendars, stage.main, cursor)}
    assert set(changes) == {added, edited, deleted}
    assert kept not in changes
    assert changes[deleted] == Removed(deleted)
    assert content_of(changes[edited]).title == "Edited again"  # type: ignore[arg-type]
    _, later, _ = listing(calendars, stage.main, After(cursor))
    assert since(calendars, stage.main, later) == []


def test_what_changes_while_pages_are_being_read_is_in_the_next_delta(calendars: CalendarApi, stage: Stage) -> None:
    first = {stage.add_event(stage.main, f"Visit {number}", SPAN) for number in range(4)}
    stage.short_pages()
    page = calendars.fetch_page(stage.main, START)
    for remote_id in first:
        stage.retitle(stage.main, remote_id, "Changed meanwhile")
    assert not isinstance(page.next, Complete)
    changes, cursor, _ = listing(calendars, stage.main, After(page.next.cursor))
    seen_new = {one.remote_id for one in changes if content_of(one).title == "Changed meanwhile"}  # type: ignore[arg-type]
    assert seen_new | {one.remote_id for one in since(calendars, stage.main, cursor)} == first


def test_a_delta_may_have_pages_of_its_own(calendars: CalendarApi, stage: Stage) -> None:
    _, cursor, _ = listing(calendars, stage.main)
    added = {stage.add_event(stage.main, f"Visit {number}", SPAN) for number in range(3)}
    stage.short_pages(empty=True)
    changes, later, pages = listing(calendars, stage.main, After(cursor))
    assert ({one.remote_id for one in changes}, pages) == (added, 4)
    assert since(calendars, stage.main, later) == []


def test_a_cursor_that_expired_says_so_and_a_fresh_listing_works(calendars: CalendarApi, stage: Stage) -> None:
    _, cursor, _ = listing(calendars, stage.main)
    stage.expire_cursors()
    with pytest.raises(CursorExpired):
        calendars.fetch_page(stage.main, After(cursor))
    assert since(calendars, stage.main, listing(calendars, stage.main)[1]) == []


@pytest.mark.parametrize("cursor", ["", "x", "{}", "[]", "null", '{"p":7}', '{"s":"?"}', '{"p":"?"}', '{"t":"x"}'])
def test_a_cursor_that_nobody_can_read_is_an_expired_one(calendars: CalendarApi, stage: Stage, cursor: str) -> None:
    with pytest.raises(CursorExpired):
        calendars.fetch_page(stage.main, After(cursor))


def test_a_cursor_of_another_calendar_is_an_expired_one(calendars: CalendarApi, stage: Stage) -> None:
    other = stage.add_calendar("Other")
    with pytest.raises(CursorExpired):
        calendars.fetch_page(stage.main, After(listing(calendars, other)[1]))


def test_a_lost_calendar_is_not_an_empty_one(calendars: CalendarApi, stage: Stage) -> None:
    calendar = stage.add_calendar("Practice")
    remote_id = stage.add_event(calendar, "Visit", SPAN)
    _, cursor, _ = listing(calendars, calendar)
    stage.lose_calendar(calendar)
    for position in (START, After(cursor)):
        with pytest.raises(CalendarGone):
            calendars.fetch_page(calendar, position)
    with pytest.raises(CalendarGone):
        calendars.fetch_event(calendar, remote_id)
    with pytest.raises(CalendarGone):
        calendars.find_copy(calendar, "key-1")
    with pytest.raises(CalendarGone):
        make(calendars, calendar)


def test_exceptions_find_their_series_wherever_they_stand_in_the_listing(calendars: CalendarApi, stage: Stage) -> None:
    """Listings have no useful order: with twelve series some exceptions come before their series."""
    ids = [stage.add_event(stage.main, "Yoga", SPAN, recurrence=list(WEEKLY)) for _ in range(12)]
    for remote_id in ids:
        stage.move_occurrence(stage.main, remote_id, SECOND, hours(9, 15, 16))
        stage.cancel_occurrence(stage.main, remote_id, "20270315T080000Z")
    events = {one.remote_id: one for one in listing(calendars, stage.main)[0] if isinstance(one, RemoteEvent)}
    assert set(events) == set(ids)
    for event in events.values():
        assert set(event.overrides) == {SECOND, "20270315T080000Z"}
        moved = event.overrides[SECOND].value
        assert isinstance(moved, Content)
        assert moved.span == hours(9, 15, 16)
        assert event.overrides["20270315T080000Z"].value is CANCELLED


def test_an_occurrence_that_changes_alone_says_of_its_series_nothing_or_what_it_is(
    calendars: CalendarApi, stage: Stage
) -> None:
    remote_id = stage.add_event(stage.main, "Yoga", SPAN, recurrence=list(WEEKLY))
    _, cursor, _ = listing(calendars, stage.main)
    stage.cancel_occurrence(stage.main, remote_id, SECOND)
    (event,) = since(calendars, stage.main, cursor)
    assert isinstance(event, RemoteEvent)
    assert (event.remote_id, list(event.overrides)) == (remote_id, [SECOND])
    series = current(calendars, stage.main, event)
    assert (event.content, event.recurrence) in [(None, ()), (series.content, series.recurrence)]


# --- privacy -------------------------------------------------------------------------------------------------------


def test_the_text_of_a_private_event_reaches_nobody_by_any_way(calendars: CalendarApi, stage: Stage) -> None:
    texts = {"description": SECRET, "location": SECRET, "guests": [f"{SECRET}@example.com"]}
    remote_id = stage.add_event(
        stage.main, SECRET, SPAN, visibility=Visibility.PRIVATE, recurrence=list(WEEKLY), **texts
    )
    stage.move_occurrence(stage.main, remote_id, SECOND, hours(9, 15, 16))
    (listed,) = listing(calendars, stage.main)[0]
    fetched = current(calendars, stage.main, RemoteEvent(remote_id=remote_id), SECOND, "20270315T080000Z")
    updated = calendars.update(stage.main, change(fetched, show_as=ShowAs.FREE))
    moved = calendars.update_occurrence(
        stage.main, occurrence(fetched, SECOND, {"span": hours(9, 16, 17)}, known=f"{remote_id}_{SECOND}")
    )
    assert SECRET not in repr([listed, fetched, updated, moved])
    assert isinstance(listed, RemoteEvent)
    assert listed.withheld
    assert fetched.withheld
    assert content_of(listed).span == SPAN


def test_a_busy_only_connection_sees_when_and_never_what(busy_only: CalendarApi, stage: Stage) -> None:
    remote_id = stage.add_event(stage.main, SECRET, SPAN, description=SECRET)
    (listed,) = listing(busy_only, stage.main)[0]
    fetched = busy_only.fetch_event(stage.main, remote_id)
    assert SECRET not in repr([listed, fetched])
    assert isinstance(listed, RemoteEvent)
    assert (listed.withheld, content_of(listed).span) == (True, SPAN)


def test_an_event_that_becomes_private_is_withheld_from_then_on(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, Series(Content(span=SPAN, title=SECRET)))
    assert not made.withheld
    updated = calendars.update(stage.main, change(made, visibility=Visibility.PRIVATE))
    assert updated.withheld
    assert SECRET not in repr(updated)
    assert [one.visibility for one in stage.events(stage.main)] == [Visibility.PRIVATE]


# --- creating ------------------------------------------------------------------------------------------------------

ROUND_TRIPS = {
    "bare": Series(Content(span=SPAN)),
    "full": Series(
        Content(
            span=SPAN,
            title="Visit",
            description="<p>Bring <b>papers</b> & ink</p>\nÄöü 🦊",
            location="Main Street 1",
            visibility=Visibility.PUBLIC,
            show_as=ShowAs.FREE,
            status=EventStatus.TENTATIVE,
            attendees=(Attendee("b@example.com", "Bo", optional=True), Attendee("a@example.com")),
            reminders=(Reminder(30), Reminder(10, "email")),
        )
    ),
    "no reminder": Series(Content(span=SPAN, reminders=())),
    "whole days": Series(Content(span=DAYS, title="Leave")),
    "whole days again": Series(Content(span=DAYS), ("RRULE:FREQ=YEARLY;COUNT=3",)),
    "two zones": Series(
        Content(span=Span(ZonedTime(datetime(2027, 3, 1, 9), BERLIN), ZonedTime(datetime(2027, 3, 2, 7), SYDNEY)))
    ),
    "rule with exclusions": Series(
        Content(span=SPAN), ("RRULE:FREQ=MONTHLY;BYDAY=1MO;UNTIL=20280301T080000Z", "EXDATE:20270405T070000Z")
    ),
    "over the change of clocks": Series(
        Content(span=hours(28, 1, 4, zone=BERLIN)), ("RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=40",)
    ),
    "far from Greenwich": Series(Content(span=hours(3, 0, 1, month=10, zone="Pacific/Auckland")), WEEKLY),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_a_projected_copy_reads_back_as_it_was_written(calendars: CalendarApi, stage: Stage, name: str) -> None:
    wanted = calendars.project(ROUND_TRIPS[name], Policy())
    made = make(calendars, stage.main, ROUND_TRIPS[name])
    (listed,) = listing(calendars, stage.main, FromStart(datetime(2026, 1, 1, tzinfo=UTC)))[0]
    for remote in (made, listed, current(calendars, stage.main, made)):
        assert isinstance(remote, RemoteEvent)
        assert Series(content_of(remote), remote.recurrence) == wanted
        assert (remote.tag, remote.etag, remote.withheld) == ("ev-1", made.etag, False)


def test_creating_twice_makes_one_copy_and_returns_it_as_it_is(calendars: CalendarApi, stage: Stage) -> None:
    first = make(calendars, stage.main)
    again = make(calendars, stage.main, Series(Content(span=DAYS, title="Meanwhile edited")))
    assert again == first
    assert [one.title for one in stage.events(stage.main)] == ["Visit"]


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "garbage_after"])
def test_a_create_whose_answer_was_lost_is_repeated_without_a_second_copy(
    calendars: CalendarApi, stage: Stage, kind: Trouble
) -> None:
    stage.trouble(kind)
    with suppress(RetryLater):
        make(calendars, stage.main)
    made = make(calendars, stage.main)
    assert [one.remote_id for one in stage.events(stage.main)] == [made.remote_id]


def test_two_bookings_never_share_a_copy(calendars: CalendarApi, stage: Stage) -> None:
    series = Series(Content(span=SPAN))
    one = calendars.create(stage.main, NewCopy(tag="ev-1", key="key-1", series=series))
    two = calendars.create(stage.main, NewCopy(tag="ev-2", key="key-2", series=series))
    assert one.remote_id != two.remote_id
    assert calendars.owns("key-1", one)
    assert not calendars.owns("key-1", two)


def test_a_copy_that_was_deleted_by_hand_can_be_made_again(calendars: CalendarApi, stage: Stage) -> None:
    first = make(calendars, stage.main)
    stage.delete(stage.main, first.remote_id)
    assert calendars.find_copy(stage.main, "key-1") is None
    second = make(calendars, stage.main)
    assert second.remote_id != first.remote_id
    assert calendars.owns("key-1", first)
    assert calendars.owns("key-1", second)
    assert calendars.find_copy(stage.main, "key-1") == second.remote_id
    assert make(calendars, stage.main) == second


def test_a_copy_is_found_by_its_key_alone(calendars: CalendarApi, stage: Stage) -> None:
    assert calendars.find_copy(stage.main, "key-1") is None
    made = make(calendars, stage.main)
    assert calendars.find_copy(stage.main, "key-1") == made.remote_id


def test_somebodys_duplicate_of_a_copy_is_their_own_event(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    duplicate_id = stage.duplicate(stage.main, made.remote_id)
    duplicate = current(calendars, stage.main, RemoteEvent(remote_id=duplicate_id))
    assert duplicate.tag == "ev-1"
    assert not calendars.owns("key-1", duplicate)
    assert not calendars.gave_id("key-1", duplicate_id)


def test_only_a_provider_that_takes_our_ids_is_said_to_have_them(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    stage.delete(stage.main, made.remote_id)
    again = make(calendars, stage.main)
    ours = [calendars.gave_id(key, one.remote_id) for key in ("key-1", "key-2") for one in (made, again)]
    assert ours == [stage.takes_ids, stage.takes_ids, False, False]


def test_an_event_that_the_provider_refuses_is_named_without_its_text(calendars: CalendarApi, stage: Stage) -> None:
    backwards = Series(Content(span=Span(SPAN.end, SPAN.start), title=SECRET))
    with pytest.raises(EventRejected) as caught:
        make(calendars, stage.main, backwards)
    assert SECRET not in repr(caught.value.args)
    assert caught.value.__cause__ is None
    assert stage.events(stage.main) == []


def test_a_calendar_that_may_only_be_read_takes_no_booking(calendars: CalendarApi, stage: Stage) -> None:
    with pytest.raises(CalendarGone):
        make(calendars, stage.add_calendar("Holidays", access=Access.READER))


# --- repeating -----------------------------------------------------------------------------------------------------

RULES = {
    "every 2 hours": (1, "RRULE:FREQ=HOURLY;INTERVAL=2;COUNT=9"),
    "the fifth Monday": (29, "RRULE:FREQ=MONTHLY;BYDAY=5MO;COUNT=3"),
    "two days of the month": (1, "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15;COUNT=5"),
    "the last Friday": (26, "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=5"),
    "every other week": (1, "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=5"),
    "two in a year": (1, "RRULE:FREQ=YEARLY;BYMONTH=3,9;BYMONTHDAY=1;COUNT=4"),
}
"""The day in March on which it begins, and the rule."""


@pytest.mark.parametrize("name", RULES)
def test_a_rule_can_be_held_as_it_is_or_the_provider_says_why_not_and_writes_nothing(
    calendars: CalendarApi, stage: Stage, name: str
) -> None:
    day, rule = RULES[name]
    series = calendars.project(Series(Content(span=hours(day, 9, 10), title=SECRET), (rule,)), Policy())
    why = calendars.cannot_repeat(series)
    with pytest.raises(EventRejected) if why else nullcontext():
        made = make(calendars, stage.main, series)
        assert (made.recurrence, content_of(made)) == (series.recurrence, series.content)
    assert len(stage.events(stage.main)) == (0 if why else 1)
    assert SECRET not in why
    assert why == why.strip().removesuffix(".")


@pytest.mark.parametrize("lines", [(), WEEKLY])
def test_what_happens_once_or_every_week_can_always_be_held(
    calendars: CalendarApi, stage: Stage, lines: tuple[str, ...]
) -> None:
    assert calendars.cannot_repeat(Series(Content(span=SPAN), lines)) == ""


# --- changing ------------------------------------------------------------------------------------------------------


def test_a_change_writes_what_changed_and_leaves_the_rest(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, ROUND_TRIPS["full"])
    updated = calendars.update(stage.main, change(made, title="Later", span=hours(1, 11, 12)))
    assert content_of(updated) == replace(content_of(made), title="Later", span=hours(1, 11, 12))
    assert updated.etag != made.etag
    assert updated == current(calendars, stage.main, made)


def test_a_change_of_a_copy_that_has_changed_writes_nothing(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    stage.retitle(stage.main, made.remote_id, "Theirs")
    for write in (
        lambda: calendars.update(stage.main, change(made, title="Ours")),
        lambda: calendars.update(stage.main, change(made, attendees=(Attendee("a@example.com"),))),
        lambda: calendars.delete(stage.main, made.remote_id, made.etag),
    ):
        with pytest.raises(VersionConflict):
            write()
    assert [one.title for one in stage.events(stage.main)] == ["Theirs"]


def test_a_change_without_a_version_is_written_whatever_is_there(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    stage.retitle(stage.main, made.remote_id, "Theirs")
    updated = calendars.update(stage.main, change(replace(made, etag=""), title="Ours"))
    assert content_of(updated).title == "Ours"


def test_a_copy_that_is_gone_is_not_brought_back_by_a_change(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    stage.delete(stage.main, made.remote_id)
    for etag in (made.etag, ""):
        with pytest.raises(VersionConflict):
            calendars.update(stage.main, change(replace(made, etag=etag), title="Ours"))
    stage.forget_deleted()
    with pytest.raises(VersionConflict):
        calendars.update(stage.main, change(made, title="Ours"))
    assert stage.events(stage.main) == []


@pytest.mark.parametrize(("before", "after"), [(SPAN, DAYS), (DAYS, SPAN), (SPAN, hours(1, 9, 10, zone=SYDNEY))])
@pytest.mark.parametrize("lines", [(), WEEKLY])
def test_whole_days_become_hours_and_the_other_way_round(
    calendars: CalendarApi, stage: Stage, before: Span, after: Span, lines: tuple[str, ...]
) -> None:
    made = make(calendars, stage.main, Series(Content(span=before), lines))
    updated = calendars.update(stage.main, change(made, span=after))
    assert content_of(updated).span == after
    assert [one.span for one in stage.events(stage.main)] == [after]


def test_an_event_becomes_a_series_and_a_series_an_event(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    series = calendars.update(stage.main, change(made, recurrence=WEEKLY))
    assert series.recurrence == WEEKLY
    single = calendars.update(stage.main, change(series, recurrence=()))
    assert single.recurrence == ()
    assert current(calendars, stage.main, made).recurrence == ()


def test_clearing_every_field_leaves_nothing_behind(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, ROUND_TRIPS["full"])
    bare = calendars.project(ROUND_TRIPS["bare"], Policy()).content
    updated = calendars.update(stage.main, change(made, **whole(bare)))
    assert content_of(updated) == bare


def test_a_deletion_is_done_once_and_asked_for_twice(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    calendars.delete(stage.main, made.remote_id, made.etag)
    assert stage.events(stage.main) == []
    calendars.delete(stage.main, made.remote_id, made.etag)
    calendars.delete(stage.main, made.remote_id, "")
    stage.forget_deleted()
    calendars.delete(stage.main, made.remote_id, made.etag)


def test_absence_is_proven_by_id(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main)
    assert calendars.fetch_event(stage.main, made.remote_id) == made
    stage.delete(stage.main, made.remote_id)
    assert calendars.fetch_event(stage.main, made.remote_id) is None
    stage.forget_deleted()
    assert calendars.fetch_event(stage.main, made.remote_id) is None


@pytest.mark.parametrize("kind", ["throttled", "parked", "outage", "cut_before"])
def test_trouble_is_never_taken_for_absence(calendars: CalendarApi, stage: Stage, kind: Trouble) -> None:
    made = make(calendars, stage.main)
    stage.trouble(kind)
    with pytest.raises(RetryLater):
        calendars.fetch_event(stage.main, made.remote_id)
    assert calendars.fetch_event(stage.main, made.remote_id) == made


def test_nobody_is_mailed_whatever_is_written_as_long_as_it_is_projected(calendars: CalendarApi, stage: Stage) -> None:
    guests = (Attendee("a@example.com"), Attendee("b@example.com"))

    def projected(**fields: Any) -> dict[str, object]:
        content = calendars.project(Series(replace(Content(span=SPAN), **fields), WEEKLY), Policy()).content
        return {name: getattr(content, name) for name in fields}

    made = make(calendars, stage.main, Series(Content(span=SPAN, attendees=guests), WEEKLY))
    updated = calendars.update(stage.main, change(made, **projected(attendees=guests[:1], span=hours(1, 8, 9))))
    keys = ("20270308T070000Z", "20270315T070000Z")
    moved = projected(span=hours(8, 10, 11), attendees=guests)
    calendars.update_occurrence(stage.main, occurrence(made, keys[0], moved))
    calendars.update_occurrence(stage.main, occurrence(made, keys[1], CANCELLED))
    calendars.delete(stage.main, updated.remote_id, "")
    assert stage.mails() == 0


# --- several at once -----------------------------------------------------------------------------------------------


def new(number: int, **fields: Any) -> NewCopy:
    return NewCopy(tag=f"ev-{number}", key=f"key-{number}", series=Series(Content(span=SPAN, **fields)))


def written(api: CalendarApi, stage: Stage, writes: list[CopyWrite]) -> list[Any]:
    answers = api.write_all(stage.main, writes)
    assert len(answers) == len(writes)
    return answers


def titles(stage: Stage) -> list[str]:
    return sorted(one.title for one in stage.events(stage.main))


def test_each_of_several_writes_is_answered_at_its_place_and_none_spoils_its_neighbours(
    calendars: CalendarApi, stage: Stage
) -> None:
    edited, taken, gone, doomed, moved = (
        calendars.create(stage.main, new(number, title=f"Old {number}")) for number in range(5)
    )
    stage.retitle(stage.main, taken.remote_id, "Theirs")
    stage.delete(stage.main, gone.remote_id)
    answers = written(
        calendars,
        stage,
        [
            new(10, title="New 10"),
            change(edited, title="Edited"),
            NewCopy(tag="ev-11", key="key-11", series=Series(Content(span=Span(SPAN.end, SPAN.start), title=SECRET))),
            change(taken, title="Ours"),
            CopyDeletion(remote_id=doomed.remote_id, etag=doomed.etag),
            change(gone, title="Ours"),
            change(moved, span=hours(2, 9, 10)),
            new(12, title="New 12"),
        ],
    )
    for place in (0, 1, 6, 7):
        assert isinstance(answers[place], RemoteEvent), answers[place]
    assert [content_of(answers[place]).title for place in (0, 1, 6, 7)] == ["New 10", "Edited", "Old 4", "New 12"]
    assert isinstance(answers[2], EventRejected)
    assert isinstance(answers[3], VersionConflict)
    assert answers[4] is None
    assert isinstance(answers[5], VersionConflict)
    assert SECRET not in repr(answers[2].args)
    assert titles(stage) == ["Edited", "New 10", "New 12", "Old 4", "Theirs"]


def test_several_writes_answer_what_each_alone_would(calendars: CalendarApi, stage: Stage) -> None:
    made = [
        calendars.create(stage.main, NewCopy(tag="t", key=name, series=one))
        for name, one in projected_round_trips(calendars)
    ]
    again = written(
        calendars, stage, [NewCopy(tag="t", key=name, series=one) for name, one in projected_round_trips(calendars)]
    )
    assert again == made
    updated = written(calendars, stage, [change(one, title="Ours") for one in made])
    assert updated == [current(calendars, stage.main, one) for one in made]
    assert [content_of(one) for one in updated] == [replace(content_of(one), title="Ours") for one in made]
    copies = [calendars.find_copy(stage.main, name) for name in ROUND_TRIPS]
    assert copies == [one.remote_id for one in made]
    gone: list[CopyWrite] = [CopyDeletion(remote_id=one.remote_id, etag=one.etag) for one in updated]
    assert written(calendars, stage, gone) == [None] * len(made)
    assert written(calendars, stage, gone) == [None] * len(made)
    assert stage.events(stage.main) == []


def projected_round_trips(api: CalendarApi) -> list[tuple[str, Series]]:
    return [(name, api.project(series, Policy())) for name, series in ROUND_TRIPS.items()]


def test_more_writes_than_one_call_holds_are_all_done_in_their_order(calendars: CalendarApi, stage: Stage) -> None:
    answers = written(calendars, stage, [new(number, title=f"Visit {number:02}") for number in range(45)])
    assert [content_of(one).title for one in answers] == [f"Visit {number:02}" for number in range(45)]
    assert titles(stage) == [f"Visit {number:02}" for number in range(45)]
    assert all(calendars.owns(f"key-{number}", one) for number, one in enumerate(answers))


def test_the_same_key_twice_among_several_writes_makes_one_copy(calendars: CalendarApi, stage: Stage) -> None:
    first, other, again = written(calendars, stage, [new(1, title="Visit"), new(2, title="Other"), new(1, title="x")])
    assert (first.remote_id, first.tag) == (again.remote_id, again.tag)
    assert other.remote_id != first.remote_id
    assert len(stage.events(stage.main)) == 2


def test_no_writes_are_no_call(calendars: CalendarApi, stage: Stage) -> None:
    before = stage.calls()
    assert written(calendars, stage, []) == []
    assert stage.calls() == before


@pytest.mark.parametrize("kind", ["throttled", "outage", "cut_before", "cut_after", "garbage_after"])
def test_several_writes_in_trouble_raise_nothing_and_are_repeated_without_a_second_copy(
    calendars: CalendarApi, stage: Stage, kind: Trouble
) -> None:
    writes: list[CopyWrite] = [new(number, title=f"Visit {number}") for number in range(3)]
    stage.trouble(kind)
    answers = written(calendars, stage, writes)
    assert any(isinstance(one, RetryLater) for one in answers) or kind.startswith(("cut_after", "garbage"))
    assert all(isinstance(one, RemoteEvent | RetryLater) for one in answers)
    assert all(isinstance(one, RemoteEvent) for one in written(calendars, stage, writes))
    assert titles(stage) == ["Visit 0", "Visit 1", "Visit 2"]


def test_several_writes_after_the_consent_was_withdrawn_each_say_so(calendars: CalendarApi, stage: Stage) -> None:
    stage.withdraw_consent()
    answers = written(calendars, stage, [new(1), CopyDeletion(remote_id="abcde", etag="")])
    assert [getattr(one, "code", None) for one in answers] == ["consent_revoked"] * 2
    assert all(isinstance(one, ConnectionRevoked) for one in answers)


def test_several_writes_to_a_lost_calendar_write_nothing_and_delete_nothing(
    calendars: CalendarApi, stage: Stage
) -> None:
    calendar = stage.add_calendar("Practice")
    made = make(calendars, calendar)
    stage.lose_calendar(calendar)
    answers = calendars.write_all(calendar, [new(1), change(made, title="Ours")])
    assert isinstance(answers[0], CalendarGone)
    assert isinstance(answers[1], SyncError)
    assert stage.events(stage.main) == []


# --- occurrences ---------------------------------------------------------------------------------------------------


def test_an_occurrence_is_moved_and_then_cancelled(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, SERIES)
    moved = calendars.update_occurrence(stage.main, occurrence(made, SECOND, {"span": hours(9, 15, 16)}))
    assert isinstance(moved.value, Content)
    assert moved.value == replace(content_of(made), span=hours(9, 15, 16))
    assert current(calendars, stage.main, made, SECOND).overrides == {SECOND: moved}
    cancelled = calendars.update_occurrence(
        stage.main, occurrence(made, SECOND, CANCELLED, known=moved.remote_id, etag=moved.etag)
    )
    assert cancelled.value is CANCELLED
    assert current(calendars, stage.main, made, SECOND).overrides[SECOND].value is CANCELLED


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_cancelled_occurrence_is_brought_back_by_its_original_start_or_refused_in_words(
    calendars: CalendarApi, stage: Stage, by_hand: bool
) -> None:
    made = make(calendars, stage.main, SERIES)
    known = RemoteOverride("", "", CANCELLED)
    if by_hand:
        stage.cancel_occurrence(stage.main, made.remote_id, SECOND)
    else:
        known = calendars.update_occurrence(stage.main, occurrence(made, SECOND, CANCELLED))
    back = replace(content_of(made), span=hours(8, 10, 11), title="Yoga, later")
    wanted = occurrence(made, SECOND, whole(back), known=known.remote_id, etag=known.etag)
    with nullcontext() if stage.brings_back else pytest.raises(EventRejected, match="no way to bring it back"):
        assert calendars.update_occurrence(stage.main, wanted).value == back
    fetched = current(calendars, stage.main, made, SECOND)
    assert fetched.overrides[SECOND].value == (back if stage.brings_back else CANCELLED)
    assert content_of(fetched) == content_of(made)


def test_cancelling_an_occurrence_twice_is_cancelling_it(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, SERIES)
    first = calendars.update_occurrence(stage.main, occurrence(made, SECOND, CANCELLED))
    again = calendars.update_occurrence(stage.main, occurrence(made, SECOND, CANCELLED))
    assert (again.remote_id, again.value) == (first.remote_id, CANCELLED)


def test_a_moved_occurrence_keeps_its_original_start(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, SERIES)
    stage.move_occurrence(stage.main, made.remote_id, SECOND, hours(13, 9, 10))
    again = calendars.update_occurrence(stage.main, occurrence(made, SECOND, {"title": "Moved twice"}))
    assert isinstance(again.value, Content)
    assert (again.value.span, again.value.title) == (hours(13, 9, 10), "Moved twice")


def test_an_occurrence_is_moved_past_its_neighbour_or_stays_and_the_reason_is_told(
    calendars: CalendarApi, stage: Stage
) -> None:
    made = make(calendars, stage.main, SERIES)
    far = hours(20, 9, 10)
    with pytest.raises(EventRejected, match="past the one") if stage.unpassable else nullcontext():
        calendars.update_occurrence(stage.main, occurrence(made, SECOND, {"span": far}))
    there = current(calendars, stage.main, made, SECOND).overrides[SECOND].value
    assert isinstance(there, Content)
    assert there.span == (hours(8, 9, 10) if stage.unpassable else far)


def test_an_occurrence_that_has_changed_is_not_overwritten(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, SERIES)
    moved = calendars.update_occurrence(stage.main, occurrence(made, SECOND, {"title": "Ours"}))
    stage.retitle(stage.main, moved.remote_id, "Theirs")
    attempts: list[object] = [{"title": "Ours again"}, CANCELLED]
    for attempt in attempts:
        with pytest.raises(VersionConflict):
            calendars.update_occurrence(
                stage.main, occurrence(made, SECOND, attempt, known=moved.remote_id, etag=moved.etag)
            )


def test_what_the_rule_does_not_give_cannot_be_changed_and_need_not_be_cancelled(
    calendars: CalendarApi, stage: Stage
) -> None:
    made = make(calendars, stage.main, SERIES)
    with pytest.raises(EventRejected):
        calendars.update_occurrence(stage.main, occurrence(made, "20270309T080000Z", {"title": "x"}))
    gone = calendars.update_occurrence(stage.main, occurrence(made, "20270309T080000Z", CANCELLED))
    assert isinstance(gone.value, Cancelled)
    assert len(stage.events(stage.main)) == 1


@pytest.mark.parametrize(
    ("first", "zone", "nth", "key"),
    [
        (datetime(2027, 3, 22, 9), BERLIN, 1, "20270329T070000Z"),
        (datetime(2027, 10, 25, 9), BERLIN, 1, "20271101T080000Z"),
        (datetime(2027, 9, 27, 9), SYDNEY, 1, "20271003T220000Z"),
        (datetime(2027, 3, 29, 9), SYDNEY, 1, "20270404T230000Z"),
        (datetime(2027, 3, 8, 1), "America/New_York", 1, "20270315T050000Z"),
    ],
)
def test_an_occurrence_behind_a_change_of_clocks_is_found_on_both_hemispheres(
    calendars: CalendarApi, stage: Stage, first: datetime, zone: str, nth: int, key: str
) -> None:
    def span(of: int, hour: int) -> Span:
        days = first.replace(day=1).toordinal() + first.day - 1 + 7 * of
        day = datetime.fromordinal(days)
        return Span(ZonedTime(day.replace(hour=hour), zone), ZonedTime(day.replace(hour=hour + 1), zone))

    made = make(calendars, stage.main, Series(Content(span=span(0, first.hour)), WEEKLY))
    assert original_start_key(span(nth, first.hour).start) == key
    unchanged = current(calendars, stage.main, made, key).overrides[key].value
    assert isinstance(unchanged, Content)
    assert unchanged.span == span(nth, first.hour)
    moved = calendars.update_occurrence(stage.main, occurrence(made, key, {"span": span(nth, 12)}))
    assert isinstance(moved.value, Content)
    assert moved.value.span == span(nth, 12)


def test_an_occurrence_of_whole_days_is_known_by_its_day(calendars: CalendarApi, stage: Stage) -> None:
    made = make(calendars, stage.main, Series(Content(span=DAYS), WEEKLY))
    later = Span(date(2027, 3, 9), date(2027, 3, 10))
    moved = calendars.update_occurrence(stage.main, occurrence(made, "20270308", {"span": later}))
    cancelled = calendars.update_occurrence(stage.main, occurrence(made, "20270315", CANCELLED))
    fetched = current(calendars, stage.main, made, "20270308", "20270315")
    # Which version an occurrence is at after its neighbour was cancelled is the provider's business.
    seen = {key: (one.remote_id, one.value) for key, one in fetched.overrides.items()}
    assert seen == {"20270308": (moved.remote_id, moved.value), "20270315": (cancelled.remote_id, CANCELLED)}
    assert isinstance(moved.value, Content)
    assert moved.value.span == later


# --- trouble -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "park"),
    [("throttled", False), ("throttled_for_seconds", False), ("parked", True), ("outage", False)],
)
def test_each_kind_of_pause_reaches_the_queue(calendars: CalendarApi, stage: Stage, kind: Trouble, park: bool) -> None:
    calls: list[Any] = [
        calendars.list_calendars,
        lambda: calendars.fetch_page(stage.main, START),
        lambda: make(calendars, stage.main),
        lambda: calendars.update(stage.main, CopyChange(remote_id="abcde", etag="", fields={"title": "x"})),
        lambda: calendars.delete(stage.main, "abcde", ""),
    ]
    for call in calls:
        before = stage.calls()
        stage.trouble(kind)
        with pytest.raises(RetryLater) as caught:
            call()
        assert caught.value.park is park
        assert stage.calls() == before + 1, "a client that retries by itself sleeps on our time"
        if kind == "throttled_for_seconds":
            assert caught.value.delay == 42


def test_a_provider_that_hangs_is_given_up(stage: Stage) -> None:
    with stage.hang(), pytest.raises(RetryLater):
        stage.session().calendars.list_calendars()


def test_a_provider_that_cannot_be_reached_is_tried_later(stage: Stage) -> None:
    api = stage.session(reachable=False).calendars
    with pytest.raises(RetryLater):
        api.list_calendars()


def test_an_access_token_that_ends_in_the_middle_is_renewed_and_the_new_one_is_to_be_kept(
    calendars: CalendarApi, stage: Stage
) -> None:
    calendars.list_calendars()
    assert calendars.secret() is None
    stage.expire_access_tokens()
    calendars.fetch_page(stage.main, START)
    renewed = calendars.secret()
    assert (renewed is not None) is stage.keeps_tokens
    again = stage.session(secret=renewed).calendars
    again.list_calendars()
    assert again.secret() is None


def test_a_withdrawn_consent_is_known_at_the_next_call(calendars: CalendarApi, stage: Stage) -> None:
    stage.withdraw_consent()
    with pytest.raises(ConnectionRevoked) as caught:
        calendars.fetch_page(stage.main, START)
    assert caught.value.code == "consent_revoked"


def test_a_token_endpoint_in_trouble_revokes_nothing(calendars: CalendarApi, stage: Stage) -> None:
    stage.expire_access_tokens()
    stage.sign_in_trouble(503)
    with pytest.raises(RetryLater):
        calendars.fetch_page(stage.main, START)
    calendars.fetch_page(stage.main, START)


def test_a_grant_that_lacks_a_permission_says_which_way_out_there_is(stage: Stage) -> None:
    api = stage.session(secret=stage.secret(without_scope=True)).calendars
    error, code = stage.without_scope
    with pytest.raises(error) as caught:
        api.fetch_page(stage.main, START)
    assert caught.value.code == code


def test_no_error_carries_an_address_or_a_text_to_the_log(calendars: CalendarApi, stage: Stage) -> None:
    stage.trouble("outage")
    with pytest.raises(SyncError) as caught:
        make(calendars, stage.main, Series(Content(span=SPAN, title=SECRET)))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert stage.main not in str(caught.value)
