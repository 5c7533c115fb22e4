"""Graph's JSON and our values: each quirk by name."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.errors import EventRejected
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    Privacy,
    Reminder,
    RemoteEvent,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers.microsoft.convert import (
    COPY,
    TAG,
    UNREADABLE,
    Mark,
    copy_name,
    read_event,
    read_mark,
    transaction_ids,
    write_event,
    write_fields,
)

BERLIN = "Europe/Berlin"
SECRET = ("Dentist", "root canal", "Main Street 1", "dr@example.com", "Dr. Who")


def at(hour: int, zone: str = BERLIN, day: int = 1) -> ZonedTime:
    return ZonedTime(datetime(2027, 3, day, hour), zone)


SPAN = Span(at(9), at(10))


def utc(text: str) -> dict[str, str]:
    return {"dateTime": f"{text}.0000000", "timeZone": "UTC"}


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "id": "e1",
        "@odata.etag": 'W/"1"',
        "type": "singleInstance",
        "lastModifiedDateTime": "2027-02-01T08:00:00.1234567Z",
        "subject": "Dentist",
        "body": {"contentType": "html", "content": "<html><body><b>root canal</b></body></html>"},
        "location": {"displayName": "Main Street 1"},
        "start": utc("2027-03-01T08:00:00"),
        "end": utc("2027-03-01T09:00:00"),
        "originalStartTimeZone": "W. Europe Standard Time",
        "originalEndTimeZone": "W. Europe Standard Time",
        "isAllDay": False,
        "sensitivity": "normal",
        "showAs": "busy",
        "isReminderOn": True,
        "reminderMinutesBeforeStart": 15,
        "attendees": [
            {
                "emailAddress": {"address": "Dr@example.com", "name": "Dr. Who"},
                "type": "optional",
                "status": {"response": "tentativelyAccepted"},
            }
        ],
    } | changes


def weekly(**changes: Any) -> dict[str, Any]:
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"], "firstDayOfWeek": "sunday"}
    span = {"type": "noEnd", "startDate": "2027-03-01", "recurrenceTimeZone": "W. Europe Standard Time"}
    return raw(**{"type": "seriesMaster", "recurrence": {"pattern": pattern, "range": span}} | changes)


def exception(**changes: Any) -> dict[str, Any]:
    ids = {"id": "e1-2", "type": "exception", "seriesMasterId": "e1", "originalStart": "2027-03-08T08:00:00Z"}
    return raw(**ids | changes)


def read(record: dict[str, Any], privacy: Privacy = Privacy.FULL) -> RemoteEvent:
    return read_event(record, privacy=privacy)


def content(record: dict[str, Any]) -> Content:
    found = read(record).content
    assert found is not None
    return found


# --- times ---------------------------------------------------------------------------------------------------------


def test_a_time_is_read_on_the_clocks_it_was_written_by() -> None:
    found = read(raw())
    assert found.content is not None
    assert found.content.span == SPAN
    assert found.updated_at == datetime(2027, 2, 1, 8, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("text", "zone", "local"),
    [
        ("2027-03-28T00:59:00", "W. Europe Standard Time", datetime(2027, 3, 28, 1, 59)),
        ("2027-03-28T01:00:00", "W. Europe Standard Time", datetime(2027, 3, 28, 3, 0)),
        ("2027-07-01T09:00:00", "AUS Eastern Standard Time", datetime(2027, 7, 1, 19, 0)),
        ("2027-01-01T09:00:00", "AUS Eastern Standard Time", datetime(2027, 1, 1, 20, 0)),
        ("2027-03-01T09:00:00", "Nepal Standard Time", datetime(2027, 3, 1, 14, 45)),
        ("2027-03-01T09:00:00", "Asia/Kathmandu", datetime(2027, 3, 1, 14, 45)),
        ("2027-03-01T09:00:00", "tzone://Microsoft/Custom", datetime(2027, 3, 1, 9, 0)),
        ("2027-03-01T09:00:00", None, datetime(2027, 3, 1, 9, 0)),
    ],
)
def test_a_summer_and_a_winter_time_get_their_own_offset_whatever_the_zone_is_called(
    text: str, zone: str | None, local: datetime
) -> None:
    span = content(raw(start=utc(text), end=utc(text), originalStartTimeZone=zone)).span
    assert isinstance(span.start, ZonedTime)
    assert span.start.local == local


def test_a_time_that_comes_in_another_zone_than_was_asked_for_is_still_that_time() -> None:
    """Whatever Prefer says: an answer names its zone."""
    here = {"dateTime": "2027-03-01T09:00:00.0000000", "timeZone": "W. Europe Standard Time"}
    assert content(raw(start=here)).span.start == at(9)


def test_a_whole_day_stays_that_day_whatever_its_zone() -> None:
    days = {"start": utc("2027-03-01T00:00:00"), "end": utc("2027-03-03T00:00:00"), "isAllDay": True}
    for zone in ("UTC", "AUS Eastern Standard Time", "Hawaiian Standard Time"):
        assert content(raw(**days, originalStartTimeZone=zone)).span == Span(date(2027, 3, 1), date(2027, 3, 3))


def test_a_whole_day_is_written_from_midnight_to_midnight() -> None:
    body = write_fields({"span": Span(date(2027, 3, 1), date(2027, 3, 2))}, held=raw())
    assert body["start"] == {"dateTime": "2027-03-01T00:00:00", "timeZone": "UTC"}
    assert (body["end"]["dateTime"], body["isAllDay"]) == ("2027-03-02T00:00:00", True)


def test_a_time_is_written_on_its_own_clocks_by_windows_name() -> None:
    body = write_event(Series(Content(span=SPAN)), tag="e", key="k", transaction_id="t")
    assert body["start"] == {"dateTime": "2027-03-01T09:00:00", "timeZone": "W. Europe Standard Time"}


@pytest.mark.parametrize("zone", ["Antarctica/Troll", "Nowhere/Land"])
def test_a_zone_that_windows_lacks_is_refused_and_not_guessed(zone: str) -> None:
    with pytest.raises(EventRejected) as caught:
        write_event(Series(Content(span=Span(at(9, zone), at(10, zone)))), tag="e", key="k", transaction_id="t")
    assert caught.value.code == "unknown_time_zone"


# --- content -------------------------------------------------------------------------------------------------------


def test_every_field_is_read() -> None:
    assert content(raw()) == Content(
        span=SPAN,
        title="Dentist",
        description="root canal",
        location="Main Street 1",
        attendees=(Attendee("dr@example.com", "Dr. Who", Response.TENTATIVE, optional=True),),
        reminders=(Reminder(15),),
    )


@pytest.mark.parametrize(
    ("shown", "ours"),
    [
        ("free", ShowAs.FREE),
        ("tentative", ShowAs.TENTATIVE),
        ("busy", ShowAs.BUSY),
        ("oof", ShowAs.BUSY),
        ("workingElsewhere", ShowAs.BUSY),
        ("unknown", ShowAs.BUSY),
        ("brand new", ShowAs.BUSY),
    ],
)
def test_a_time_that_is_not_known_to_be_free_is_taken(shown: str, ours: ShowAs) -> None:
    assert content(raw(showAs=shown)).show_as is ours


def test_an_invitation_that_was_declined_leaves_the_time_free() -> None:
    assert content(raw(responseStatus={"response": "declined"})).show_as is ShowAs.FREE


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("personal", Visibility.PRIVATE),
        ("private", Visibility.PRIVATE),
        ("confidential", Visibility.CONFIDENTIAL),
        ("brand new", Visibility.PRIVATE),
    ],
)
def test_the_text_of_an_event_that_is_not_for_everybody_is_left_out(word: str, ours: Visibility) -> None:
    found = read(raw(sensitivity=word))
    assert found.withheld
    assert found.content == Content(span=SPAN, visibility=ours, reminders=(Reminder(15),))
    assert not [text for text in SECRET if text in repr(found)]


def test_one_private_occurrence_withholds_the_whole_series() -> None:
    found = read(weekly(exceptionOccurrences=[exception(sensitivity="private")]))
    assert not [text for text in SECRET if text in repr(found)]


def test_with_busy_only_nothing_is_read_but_times() -> None:
    found = read(raw(), Privacy.BUSY_ONLY)
    assert found.withheld
    assert not [text for text in SECRET if text in repr(found)]


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"isReminderOn": False}, ()),
        ({"reminderMinutesBeforeStart": None}, (Reminder(15),)),
        ({"reminderMinutesBeforeStart": -5}, (Reminder(0),)),
        ({"reminderMinutesBeforeStart": 10**6}, (Reminder(40_320),)),
    ],
)
def test_there_is_one_reminder_or_none(fields: dict[str, Any], ours: tuple[Reminder, ...]) -> None:
    assert content(raw(**fields)).reminders == ours


def test_a_room_stays_a_room_and_an_answer_an_answer_when_guests_are_written() -> None:
    room = {"emailAddress": {"address": "room@example.com", "name": "Room"}, "type": "resource", "status": {"x": 1}}
    wanted = (Attendee("Room@example.com"), Attendee("new@example.com", "New"))
    body = write_fields({"attendees": wanted}, held=raw(attendees=[room]))
    assert body["attendees"][0]["type"] == "resource"
    assert body["attendees"][0]["status"] == {"x": 1}
    assert body["attendees"][1] == {"emailAddress": {"address": "new@example.com", "name": "New"}, "type": "required"}


def test_only_what_changed_is_written_and_nothing_where_nothing_can_be() -> None:
    assert write_fields({"title": "x"}, held=raw()) == {"subject": "x"}
    assert write_fields({"status": "tentative", "attendees": ()}, held=raw()) == {}
    assert write_fields({"description": "x"}, held=raw(isOnlineMeeting=True)) == {}
    with pytest.raises(ValueError, match="colour"):
        write_fields({"colour": "red"}, held=raw())


# --- series --------------------------------------------------------------------------------------------------------


def test_exceptions_and_deleted_occurrences_are_known_by_original_start() -> None:
    found = read(
        weekly(
            exceptionOccurrences=[exception(subject="Moved")],
            cancelledOccurrences=["OID.e1.2027-03-15", "OID.e.1.2027-03-29"],
        )
    )
    assert found.recurrence == ("RRULE:FREQ=WEEKLY",)
    assert set(found.overrides) == {"20270308T080000Z", "20270315T080000Z", "20270329T070000Z"}
    assert found.overrides["20270315T080000Z"].value is CANCELLED
    assert found.overrides["20270308T080000Z"].remote_id == "e1-2"


def test_a_deleted_occurrence_near_midnight_is_the_one_of_its_own_day() -> None:
    late = weekly(
        start=utc("2027-03-01T22:30:00"), end=utc("2027-03-01T22:45:00"), cancelledOccurrences=["OID.e1.2027-03-08"]
    )
    assert set(read(late).overrides) == {"20270308T223000Z"}


def test_a_cancelled_exception_does_not_take_place() -> None:
    found = read(weekly(exceptionOccurrences=[exception(isCancelled=True)]))
    assert found.overrides["20270308T080000Z"].value is CANCELLED


def test_a_series_begins_where_its_pattern_first_hits() -> None:
    tuesday = weekly()
    tuesday["recurrence"]["pattern"]["daysOfWeek"] = ["tuesday"]
    assert content(tuesday).span == Span(at(9, day=2), at(10, day=2))


def test_a_moved_series_names_its_new_weekday_and_a_single_event_loses_its_rule() -> None:
    moved = write_fields({"span": Span(at(9, day=3), at(10, day=3))}, held=weekly())
    assert moved["recurrence"]["pattern"]["daysOfWeek"] == ["wednesday"]
    assert moved["recurrence"]["range"]["startDate"] == "2027-03-03"
    assert write_fields({"recurrence": ()}, held=weekly()) == {"recurrence": None}


@pytest.mark.parametrize(
    "broken",
    [
        {"start": None},
        {"start": {}},
        {"end": utc("yesterday")},
        {"recurrence": {"pattern": {"type": "lunar"}}},
        {"lastModifiedDateTime": "yesterday"},
        {"attendees": 7},
        {"id": None, "start": "x"},
    ],
)
def test_a_record_that_cannot_be_understood_is_an_error_of_a_known_kind(broken: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        read(raw(**broken))


# --- our mark ------------------------------------------------------------------------------------------------------


def test_the_mark_names_the_event_the_zones_and_what_is_excluded() -> None:
    lines = ("RRULE:FREQ=WEEKLY", "EXDATE:20270308T080000Z")
    body = write_event(Series(Content(span=SPAN), lines), tag="ev-1", key="key-1", transaction_id="t")
    assert read_mark(body) == Mark("ev-1", (BERLIN, BERLIN), ("20270308T080000Z",))
    assert body["singleValueExtendedProperties"][1] == {"id": COPY, "value": copy_name("key-1")}


@pytest.mark.parametrize("value", ["", "{}", "null", "[]", '{"event": "e", "zones": "x", "without": 1}', None])
def test_a_mark_that_somebody_spoiled_is_none(value: str | None) -> None:
    assert read_mark({"singleValueExtendedProperties": [{"id": TAG, "value": value}]}) == Mark()


def test_a_key_gives_the_same_transactions_each_time_and_no_other_keys() -> None:
    assert list(transaction_ids("key-1")) == list(transaction_ids("key-1"))
    assert not set(transaction_ids("key-1")) & set(transaction_ids("key-2"))
    assert all(len(one) < 64 for one in transaction_ids("key-1"))
