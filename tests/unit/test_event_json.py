# ruff: noqa: DTZ001  (wall-clock times are naive on purpose)
"""The Event JSON, both ways, and the stored form."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar.recurrence import is_occurrence, normalize_original_start, occurrences
from shared.errors import Problem
from shared.event_json import occurrence_json, parse_occurrence_patch, parse_patch, parse_series, to_json
from shared.event_storage import decode_series, encode_series
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    Event,
    EventStatus,
    Owner,
    Reminder,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)

SYDNEY = "Australia/Sydney"
SECOND = "20270307T220000Z"
THIRD = "20270314T220000Z"


def time(text: str, zone: str = SYDNEY) -> dict[str, str]:
    return {"date_time": text, "time_zone": zone}


def body(**members: Any) -> dict[str, Any]:
    return {"start": time("2027-03-01T09:00:00"), "end": time("2027-03-01T10:00:00"), **members}


def weekly(**members: Any) -> dict[str, Any]:
    """Mondays at nine in Sydney."""
    return body(title="Visit", recurrence=["RRULE:FREQ=WEEKLY"], **members)


def event(series: Series, **members: Any) -> Event:
    at = datetime(2027, 2, 1, 9, 30, tzinfo=UTC)
    given = {"id": "e1", "owner": Owner("org", "ada"), "origin": "app", "version": 3, "updated_at": at, **members}
    return Event(series=series, **given)


def faults(read: Any, *arguments: Any) -> dict[str, str]:
    with pytest.raises(Problem) as refused:
        read(*arguments)
    assert refused.value.status == 422
    for fault in refused.value.errors:
        assert fault.sentence.endswith(".")
        assert len(fault.sentence) < 300
        assert len(fault.field) < 80
    return {fault.field: fault.sentence for fault in refused.value.errors}


# --- out -----------------------------------------------------------------------------------------------------------


def test_an_event_is_shown_with_every_member_of_the_contract() -> None:
    series = parse_series(
        weekly(
            overrides=[{"original_start": time("2027-03-08T09:00:00"), "status": "cancelled"}],
            attendees=[{"email": "grace@example.com", "name": "Grace"}],
            reminders=[{"minutes": 10}],
        )
    )
    assert to_json(event(series)) == {
        "id": "e1",
        "user_id": "ada",
        "title": "Visit",
        "description": "",
        "location": "",
        "start": time("2027-03-01T09:00:00"),
        "end": time("2027-03-01T10:00:00"),
        "recurrence": ["RRULE:FREQ=WEEKLY"],
        "overrides": [{"original_start": time("2027-03-08T09:00:00"), "status": "cancelled"}],
        "visibility": "default",
        "show_as": "busy",
        "status": "confirmed",
        "attendees": [{"email": "grace@example.com", "name": "Grace", "response": "needs_action", "optional": False}],
        "reminders": [{"minutes": 10, "method": "popup"}],
        "origin": "app",
        "version": 3,
        "updated_at": "2027-02-01T09:30:00.000000Z",
    }
    assert type(json.loads(json.dumps(to_json(event(series))))) is dict
    assert to_json(event(series, deleted=True))["status"] == "cancelled"


def test_no_reminder_is_not_the_calendars_default_reminder() -> None:
    assert to_json(event(parse_series(body(reminders=[]))))["reminders"] == []
    assert to_json(event(parse_series(body())))["reminders"] == "default"
    assert parse_series(body(reminders="default")).content.reminders is None


def test_overrides_are_listed_by_original_start_with_their_whole_content() -> None:
    moved = {"original_start": time("2027-04-12T09:00:00"), "start": time("2027-04-13T15:00:00"), "title": "Later"}
    series = parse_series(
        weekly(overrides=[moved, {"original_start": time("2027-03-08T09:00:00"), "status": "cancelled"}])
    )
    shown: Any = to_json(event(series))["overrides"]
    assert [each["original_start"]["date_time"] for each in shown] == ["2027-03-08T09:00:00", "2027-04-12T09:00:00"]
    assert shown[1]["end"] == time("2027-04-13T16:00:00")
    assert (shown[1]["title"], shown[1]["status"], shown[1]["reminders"]) == ("Later", "confirmed", "default")


def test_an_occurrence_names_its_series_and_an_original_start_that_can_stand_in_a_path() -> None:
    series = parse_series(weekly(overrides=[{"original_start": time("2027-03-08T09:00:00"), "title": "Moved"}]))
    found = list(occurrences(series, datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 10, tzinfo=UTC)))
    shown = occurrence_json(event(series), found[0])
    assert shown["series_id"] == shown["id"] == "e1"
    assert shown["original_start"] == "2027-03-07T22:00:00Z"
    assert shown["title"] == "Moved"
    assert is_occurrence(series, normalize_original_start(str(shown["original_start"])))
    assert not {"recurrence", "overrides"} & set(shown)


def test_a_single_event_is_its_own_occurrence_without_a_series() -> None:
    series = parse_series({"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-02"}})
    (found,) = occurrences(series, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    shown = occurrence_json(event(series), found)
    assert (shown["series_id"], shown["original_start"]) == (None, "2027-03-01")


# --- in: a whole event ---------------------------------------------------------------------------------------------


def test_what_an_answer_held_can_be_sent_back_as_it_is() -> None:
    series = parse_series(
        weekly(overrides=[{"original_start": time("2027-03-08T09:00:00"), "status": "cancelled"}], description="a\r\nb")
    )
    shown = to_json(event(series))
    assert parse_series(shown) == series
    assert parse_patch(shown, series) == series
    found = next(occurrences(series, datetime(2027, 3, 10, tzinfo=UTC), datetime(2027, 4, 1, tzinfo=UTC)))
    content = parse_occurrence_patch(occurrence_json(event(series), found), series, found.original_start)
    assert content == found.content


def test_null_is_the_default_of_each_member() -> None:
    names = ("title", "description", "location", "visibility", "show_as", "status", "attendees", "reminders")
    nothing = dict.fromkeys((*names, "recurrence", "overrides"))
    assert parse_series(body(**nothing)) == parse_series(body())


@pytest.mark.parametrize(
    ("members", "path", "words"),
    [
        ({"start": None}, "start", "object"),
        ({"start": "2027-03-01T09:00:00"}, "start", "object"),
        ({"start": {"time_zone": SYDNEY}}, "start.date_time", "wall-clock"),
        ({"start": {"date_time": "2027-03-01T09:00:00"}}, "start.time_zone", "is missing"),
        ({"start": {"date_time": 9, "time_zone": SYDNEY}}, "start.date_time", "wall-clock"),
        ({"start": time("2027-03-01T09:00:00Z")}, "start.date_time", "offset"),
        ({"start": time("2027-03-01T09:00:00+11:00")}, "start.date_time", "offset"),
        ({"start": time("2027-03-01T09:00+1100")}, "start.date_time", "offset"),
        ({"start": time("2027-03-01 09:00:00")}, "start.date_time", "whole seconds"),
        ({"start": time("2027-03-01T09:00:00.5")}, "start.date_time", "whole seconds"),
        ({"start": time("2027-03-01")}, "start.date_time", "whole seconds"),
        ({"start": time("2027-02-30T09:00:00")}, "start.date_time", "no such day"),
        ({"start": time("2027-03-01T25:00:00")}, "start.date_time", "no such day"),
        ({"start": time("0001-03-01T09:00:00")}, "start.date_time", "no such day"),
        ({"start": time("２０27-03-01T09:00:00")}, "start.date_time", "whole seconds"),
        ({"start": time("2027-03-01T09:00:00", "Mars/Olympus")}, "start.time_zone", "does not exist"),
        ({"start": time("2027-03-01T09:00:00", "../UTC")}, "start.time_zone", "does not exist"),
        ({"start": time("2027-03-01T09:00:00", "AUS Eastern Standard Time")}, "start.time_zone", "does not exist"),
        ({"start": {"date": "2027-03-01", "time_zone": SYDNEY}}, "start", "mixes"),
        ({"start": {"date": "2027-3-1"}}, "start.date", "2027-03-01"),
        ({"start": {"date": "2027-02-29"}}, "start.date", "no such day"),
        ({"start": {"date": 20270301}}, "start.date", "2027-03-01"),
        ({"start": {"date": "2027-03-01"}}, "end", "different kinds"),
        ({"start": {"dateTime": "2027-03-01T09:00:00"}}, "start.dateTime", "not known"),
        ({"end": time("2027-03-01T08:59:59")}, "end", "before the start"),
        (
            {"end": time("2027-03-01T10:00:00", "Asia/Tokyo"), "start": time("2027-03-01T09:00:00", "UTC")},
            "end",
            "zone",
        ),
        ({"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-01"}}, "end", "first day after"),
        ({"end": time("2047-03-01T10:00:00")}, "end", "3660 days"),
        ({"title": 7}, "title", "text"),
        ({"title": "x" * 1025}, "title", "at most 1024"),
        ({"description": "x" * 8193}, "description", "at most 8192"),
        ({"location": "x" * 1025}, "location", "at most 1024"),
        ({"title": "a\x00b"}, "title", "control character"),
        ({"title": "a\ud800b"}, "title", "control character"),
        ({"visibility": "secret"}, "visibility", "default, public, private, confidential"),
        ({"visibility": ["public"]}, "visibility", "default, public"),
        ({"show_as": "oof"}, "show_as", "busy, free, tentative"),
        ({"status": "cancelled"}, "status", "confirmed, tentative"),
        ({"attendees": {"email": "a@example.com"}}, "attendees", "list"),
        ({"attendees": ["a@example.com"]}, "attendees[0]", "object"),
        ({"attendees": [{"email": "a@example.com"}, {}]}, "attendees[1].email", "no e-mail"),
        ({"attendees": [{"email": "a@example.com"}, {"email": "A@example.com"}]}, "attendees[1].email", "twice"),
        ({"attendees": [{"email": "a@example.com", "name": "x" * 257}]}, "attendees[0].name", "at most 256"),
        ({"attendees": [{"email": "a@example.com", "optional": "no"}]}, "attendees[0].optional", "true or false"),
        ({"attendees": [{"email": "a@example.com", "response": "maybe"}]}, "attendees[0].response", "accepted"),
        ({"attendees": [{"email": "a@example.com", "role": "x"}]}, "attendees[0].role", "not known"),
        ({"attendees": [{"email": f"a{i}@example.com"} for i in range(201)]}, "attendees", "at most 200"),
        ({"reminders": "none"}, "reminders", "default"),
        ({"reminders": [{"minutes": -1}]}, "reminders[0].minutes", "0 to 40320"),
        ({"reminders": [{"minutes": 40321}]}, "reminders[0].minutes", "0 to 40320"),
        ({"reminders": [{"minutes": True}]}, "reminders[0].minutes", "0 to 40320"),
        ({"reminders": [{"minutes": 1.5}]}, "reminders[0].minutes", "0 to 40320"),
        ({"reminders": [{"minutes": 5, "method": "sms"}]}, "reminders[0].method", "popup or email"),
        ({"reminders": [{"minutes": 5}] * 6}, "reminders", "at most 5"),
        ({"recurrence": "RRULE:FREQ=DAILY"}, "recurrence", "list"),
        ({"recurrence": ["RRULE:FREQ=DAILY", "EXDATE:x"]}, "recurrence[1]", "no date"),
        ({"recurrence": [7]}, "recurrence[0]", "text"),
        ({"recurrence": ["RRULE:FREQ=SECONDLY"]}, "recurrence[0]", "96 times"),
        ({"recurrence": ["EXDATE:20270301T090000Z"]}, "recurrence", "Exceptions alone"),
        ({"recurrence": ["RRULE:FREQ=DAILY"] * 101}, "recurrence", "at most 100"),
        ({"recurrence": ["RRULE:FREQ=DAILY"], "end": time("2029-03-01T10:00:00")}, "end", "366 days"),
        ({"overrides": [{"original_start": "20270308T090000Z"}]}, "overrides", "with recurrence"),
        ({"colour": "red"}, "colour", "not known"),
        ({"series_id": "e1"}, "series_id", "not known"),
        ({"x" * 500: 1}, "x" * 40, "not known"),
    ],
)
def test_a_member_that_is_wrong_is_named_with_what_to_do(members: dict[str, Any], path: str, words: str) -> None:
    found = faults(parse_series, body(**members))
    assert list(found) == [path]
    assert words in found[path]


@pytest.mark.parametrize("whole", [None, [], "x", 7])
def test_a_body_that_is_no_object_is_refused(whole: object) -> None:
    for read in (parse_series, lambda sent: parse_patch(sent, parse_series(body()))):
        assert list(faults(read, whole)) == ["body"]


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            "x",
            "x@",
            "@example.com",
            "a b@example.com",
            "a@b@example.com",
            "a@example..com",
            "a@.com",
            "a@exa mple",
        ),
        *("<a@example.com>", "a@example.com\n", "Ada <a@example.com>", "a,b@example.com", "a@" + "x" * 260, 7, None),
    ],
)
def test_what_is_no_address_is_refused(email: object) -> None:
    assert list(faults(parse_series, body(attendees=[{"email": email}]))) == ["attendees[0].email"]


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@sub.example.com", "o'hara@example.com", "用户@例子.广告"])
def test_an_unusual_address_is_an_address(email: str) -> None:
    assert parse_series(body(attendees=[{"email": email}])).content.attendees[0].email == email


def test_every_fault_is_told_at_once() -> None:
    sent = {
        "start": time("2027-03-01T09:00:00", "Nowhere"),
        "title": 7,
        "attendees": [{"email": "a@example.com"}, {"email": "b"}],
        "recurrence": ["RRULE:FREQ=NEVER", "RRULE:FREQ=DAILY;COUNT=0"],
        "overrides": [{"original_start": "x"}, {"title": 7}],
        "colour": "red",
    }
    assert set(faults(parse_series, sent)) == {
        *("start.time_zone", "end", "title", "attendees[1].email", "recurrence[0]", "recurrence[1]"),
        *("overrides[0].original_start", "overrides[1].original_start", "colour"),
    }


def test_a_flood_of_faults_is_answered_with_a_hundred() -> None:
    assert len(faults(parse_series, {f"x{number}": 1 for number in range(5000)})) == 100


def test_a_missing_start_is_told_once() -> None:
    assert list(faults(parse_series, {})) == ["start", "end"]
    assert list(faults(parse_series, {"end": {"date": "2027-03-01"}})) == ["start"]


def test_an_end_in_another_zone_is_compared_as_an_instant() -> None:
    flight = body(start=time("2027-03-01T09:00:00"), end=time("2027-03-01T05:00:00", "America/Los_Angeles"))
    assert isinstance(parse_series(flight).content.span.end, ZonedTime)
    assert list(
        faults(
            parse_series,
            body(end=time("2027-03-01T01:00:00", "Europe/Berlin")) | {"start": time("2027-03-01T11:30:00")},
        )
    ) == ["end"]


def test_an_event_without_length_and_one_in_the_skipped_hour_are_welcome() -> None:
    assert parse_series(body(end=time("2027-03-01T09:00")))
    assert parse_series(body(start=time("2027-10-03T02:30:00.000"), end=time("2027-10-03T03:30:00")))


def test_recurrence_is_stored_in_canonical_form() -> None:
    assert parse_series(body(recurrence=["rrule:byday=mo;freq=weekly"])).recurrence == ("RRULE:FREQ=WEEKLY;BYDAY=MO",)


@pytest.mark.parametrize(
    "original", [time("2027-03-08T09:00:00"), time("2027-03-07T22:00:00", "UTC"), SECOND, "2027-03-08T09:00:00+11:00"]
)
def test_an_override_may_name_its_occurrence_in_any_zone(original: Any) -> None:
    series = parse_series(weekly(overrides=[{"original_start": original, "status": "cancelled"}]))
    assert dict(series.overrides) == {SECOND: CANCELLED}


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"original_start": time("2027-03-09T09:00:00"), "status": "cancelled"}, "overrides[0].original_start"),
        ({"original_start": {"date": "2027-03-08"}, "status": "cancelled"}, "overrides[0].original_start"),
        ({"original_start": time("2027-03-08T09:00:00", "X")}, "overrides[0].original_start.time_zone"),
        ({"status": "cancelled"}, "overrides[0].original_start"),
        ({"original_start": SECOND, "end": time("2027-03-08T08:00:00")}, "overrides[0].end"),
        ({"original_start": SECOND, "start": {"date": "2027-03-08"}}, "overrides[0].end"),
        ({"original_start": SECOND, "recurrence": []}, "overrides[0].recurrence"),
        ({"original_start": SECOND, "attendees": [{}]}, "overrides[0].attendees[0].email"),
        ("cancelled", "overrides[0]"),
    ],
)
def test_an_override_that_fits_no_occurrence_or_is_wrong_itself_is_named(item: Any, path: str) -> None:
    assert path in faults(parse_series, weekly(overrides=[item]))


def test_two_overrides_of_one_occurrence_are_refused() -> None:
    twice = [{"original_start": SECOND, "status": "cancelled"}, {"original_start": time("2027-03-08T09:00:00")}]
    assert list(faults(parse_series, weekly(overrides=twice))) == ["overrides[1].original_start"]


@pytest.mark.parametrize("size", [100, 20_000])
def test_hostile_text_costs_no_more_than_its_length(size: int) -> None:
    hostile = ["-" * size + "!", "0" * size, "2027-03-01T09:00:00." + "0" * size + "1", "a@" + "a." * size + "!"]
    for text in hostile:
        sent = body(attendees=[{"email": text}], recurrence=[f"RRULE:FREQ=DAILY;UNTIL={text}"], start=time(text))
        assert len(faults(parse_series, sent)) == 3


# --- in: a part of an event ----------------------------------------------------------------------------------------


def test_a_patch_changes_what_it_names_and_nothing_else() -> None:
    series = parse_series(weekly(location="Room 1", reminders=[{"minutes": 5}]))
    after = parse_patch({"title": "Check-up"}, series)
    assert after == replace(series, content=replace(series.content, title="Check-up"))
    assert parse_patch({"location": None, "reminders": None}, series).content == replace(
        series.content, location="", reminders=None
    )
    assert parse_patch({}, series) == series


@pytest.mark.parametrize("sent", [{"start": None}, {"end": None}, {"owner": "x"}, {"overrides": [{}]}, {"title": 7}])
def test_a_patch_that_is_wrong_is_refused(sent: dict[str, Any]) -> None:
    assert next(iter(faults(parse_patch, sent, parse_series(weekly())))).startswith(next(iter(sent)))


def test_a_start_alone_moves_the_event_and_an_end_alone_lengthens_it() -> None:
    series = parse_series(body())
    new_york = "America/New_York"
    moved = parse_patch({"start": time("2027-03-02T14:00:00", new_york)}, series).content.span
    assert moved.end == ZonedTime(datetime(2027, 3, 2, 15), new_york)
    longer = parse_patch({"end": time("2027-03-01T12:00:00")}, series).content.span
    assert longer.start == series.content.span.start
    assert list(faults(parse_patch, {"start": {"date": "2027-03-01"}}, series)) == ["end"]
    assert list(faults(parse_patch, {"end": time("2027-03-01T08:00:00")}, series)) == ["end"]


def renamed_and_moved() -> Series:
    """The second Monday is cancelled, the third moved to Tuesday afternoon and given a place of its own."""
    return parse_series(
        weekly(
            overrides=[
                {"original_start": SECOND, "status": "cancelled"},
                {"original_start": THIRD, "start": time("2027-03-16T15:00:00"), "location": "Room 9"},
            ]
        )
    )


def test_renaming_a_series_renames_its_moved_occurrence_too() -> None:
    after = parse_patch({"title": "Check-up", "location": "Room 1"}, renamed_and_moved()).overrides[THIRD]
    assert isinstance(after, Content)
    assert (after.title, after.location) == ("Check-up", "Room 9")
    assert after.span.start == ZonedTime(datetime(2027, 3, 16, 15), SYDNEY)


def test_moving_a_series_keeps_its_cancelled_occurrence_cancelled_and_its_moved_one_where_it_is() -> None:
    series = renamed_and_moved()
    after = parse_patch({"start": time("2027-03-01T11:00:00")}, series)
    assert set(after.overrides) == {"20270308T000000Z", "20270315T000000Z"}
    assert after.overrides["20270308T000000Z"] == CANCELLED
    assert after.overrides["20270315T000000Z"] == series.overrides[THIRD]


def test_a_longer_series_makes_an_occurrence_longer_that_only_had_another_title() -> None:
    series = parse_series(weekly(overrides=[{"original_start": SECOND, "title": "Special"}]))
    after = parse_patch({"end": time("2027-03-01T12:00:00")}, series).overrides[SECOND]
    assert isinstance(after, Content)
    assert (after.title, after.span.end) == ("Special", ZonedTime(datetime(2027, 3, 8, 12), SYDNEY))


def test_a_shorter_rule_drops_the_overrides_it_no_longer_reaches() -> None:
    after = parse_patch({"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"]}, renamed_and_moved())
    assert dict(after.overrides) == {SECOND: CANCELLED}
    assert dict(parse_patch({"recurrence": None}, renamed_and_moved()).overrides) == {}


def test_given_overrides_replace_all_of_them() -> None:
    sent = {
        "overrides": [{"original_start": "20270301T000000Z", "title": "First"}],
        "start": time("2027-03-01T11:00:00"),
    }
    after = parse_patch(sent, renamed_and_moved())
    assert list(after.overrides) == ["20270301T000000Z"]
    assert dict(parse_patch({"overrides": None}, renamed_and_moved()).overrides) == {}


# --- in: one occurrence --------------------------------------------------------------------------------------------


def test_a_patch_of_an_occurrence_begins_with_what_it_was() -> None:
    series = renamed_and_moved()
    fourth = parse_occurrence_patch({"start": time("2027-03-22T10:00:00")}, series, "20270321T220000Z")
    assert fourth.title == "Visit"
    assert fourth.span.end == ZonedTime(datetime(2027, 3, 22, 11), SYDNEY)
    third = parse_occurrence_patch({"title": "Longer"}, series, THIRD)
    assert (third.location, third.title) == ("Room 9", "Longer")


def test_a_cancelled_occurrence_does_not_come_back_by_accident() -> None:
    series = renamed_and_moved()
    assert list(faults(parse_occurrence_patch, {"title": "x"}, series, SECOND)) == ["status"]
    back = parse_occurrence_patch({"status": "confirmed"}, series, SECOND)
    assert back.span.start == ZonedTime(datetime(2027, 3, 8, 9), SYDNEY)


@pytest.mark.parametrize(
    "sent", [{"recurrence": []}, {"overrides": []}, {"end": time("2027-03-15T01:00:00")}, {"x": 1}]
)
def test_a_patch_of_an_occurrence_that_is_wrong_is_refused(sent: dict[str, Any]) -> None:
    assert list(faults(parse_occurrence_patch, sent, parse_series(weekly()), THIRD)) == list(sent)


# --- the stored form -----------------------------------------------------------------------------------------------

texts = st.text(st.characters(), max_size=20)
zones = st.sampled_from(["Australia/Sydney", "America/New_York", "UTC"])
zoned = st.builds(ZonedTime, st.datetimes(), zones)
spans = st.builds(Span, st.dates(), st.dates()) | st.builds(Span, zoned, zoned)
attendees = st.builds(Attendee, texts, texts, st.sampled_from(Response), st.booleans())
reminders = st.builds(Reminder, st.integers(0, 40320), st.sampled_from(["popup", "email"]))
contents = st.builds(
    Content,
    span=spans,
    title=texts,
    description=texts,
    location=texts,
    visibility=st.sampled_from(Visibility),
    show_as=st.sampled_from(ShowAs),
    status=st.sampled_from(EventStatus),
    attendees=st.lists(attendees, max_size=3).map(tuple),
    reminders=st.none() | st.lists(reminders, max_size=3).map(tuple),
)
stored_series = st.builds(
    Series,
    contents,
    st.lists(texts, max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["20270301", SECOND, THIRD]), st.just(CANCELLED) | contents).map(MappingProxyType),
)


@settings(deadline=None, max_examples=200)
@given(series=stored_series)
def test_what_is_stored_is_what_is_read(series: Series) -> None:
    stored = encode_series(series)
    read = decode_series(stored)
    assert read == series
    assert encode_series(read) == stored
    kinds = (type(read.content.visibility), type(read.content.status), type(read.overrides))
    assert kinds == (Visibility, EventStatus, MappingProxyType)


def test_half_a_character_from_a_provider_survives_the_store() -> None:
    span = Span(date(2027, 3, 1), date(2027, 3, 2))
    for title in ("\ud83d", "\ud83d\ude00", "\U0001f600", "\x00"):
        assert decode_series(encode_series(Series(Content(span=span, title=title)))).content.title == title


def test_equal_events_are_stored_equally_whatever_the_order_of_their_overrides() -> None:
    series = renamed_and_moved()
    turned = replace(series, overrides=dict(reversed(list(series.overrides.items()))))
    assert encode_series(turned) == encode_series(series)


@pytest.mark.parametrize("stored", [b"", b"\x02abc", b"{}"])
def test_a_stored_form_of_another_version_is_not_guessed_at(stored: bytes) -> None:
    with pytest.raises(ValueError, match="format"):
        decode_series(stored)


def test_a_year_of_moved_occurrences_stays_far_below_the_stores_limit() -> None:
    series = parse_series(weekly(description="x" * 2000))
    found = occurrences(series, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    overrides = {each.original_start: replace(each.content, title="Other") for each in found}
    assert len(encode_series(replace(series, overrides=overrides))) < 10_000


api_texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
api_attendees = st.lists(
    st.builds(Attendee, st.sampled_from(["a@example.com", "b@example.com"]), api_texts, st.sampled_from(Response)),
    max_size=2,
    unique_by=lambda each: each.email,
).map(tuple)


@settings(deadline=None, max_examples=100)
@given(
    content=contents,
    title=api_texts,
    people=api_attendees,
    wall=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),
    zone=zones,
    minutes=st.integers(0, 6000),
    recurs=st.booleans(),
)
def test_what_is_shown_can_be_put_back(
    content: Content,
    title: str,
    people: tuple[Attendee, ...],
    wall: datetime,
    zone: str,
    minutes: int,
    recurs: bool,
) -> None:
    local = wall.replace(microsecond=0, hour=12)
    span = Span(ZonedTime(local, zone), ZonedTime(local + timedelta(minutes=minutes), zone))
    plain = replace(content, span=span, title=title, description=title, location=title, attendees=people)
    series = Series(plain, ("RRULE:FREQ=DAILY",) if recurs else ())
    if recurs:
        key = next(iter(occurrences(series, datetime(2041, 1, 1, tzinfo=UTC), datetime(2042, 1, 1, tzinfo=UTC))))
        series = replace(series, overrides={key.original_start: CANCELLED})
    assert parse_series(json.loads(json.dumps(to_json(event(series))))) == series
