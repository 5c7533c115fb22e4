"""Google's JSON and our values: each quirk by name, and the round trip for every series."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.errors import EventRejected
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    EventStatus,
    Privacy,
    Reminder,
    RemoteEvent,
    RemoteOverride,
    Removed,
    Response,
    Series,
    ShowAs,
    Span,
    Unreadable,
    Visibility,
    ZonedTime,
)
from shared.providers.google.convert import needs_zone, read_event, read_override, read_page, write_event, write_fields

BERLIN = "Europe/Berlin"
SECRET = ("Dentist", "root canal", "Main Street 1", "dr@example.com", "Dr. Who")


def at(hour: int, zone: str = BERLIN, day: int = 1) -> ZonedTime:
    return ZonedTime(datetime(2027, 3, day, hour), zone)


def raw(**changes: Any) -> dict[str, Any]:
    record = {
        "kind": "calendar#event",
        "id": "e1",
        "etag": '"1"',
        "status": "confirmed",
        "updated": "2027-02-01T08:00:00.000Z",
        "summary": "Dentist",
        "description": "<b>root canal</b>",
        "location": "Main Street 1",
        "start": {"dateTime": "2027-03-01T09:00:00+01:00", "timeZone": BERLIN},
        "end": {"dateTime": "2027-03-01T10:00:00+01:00", "timeZone": BERLIN},
        "attendees": [{"email": "dr@example.com", "displayName": "Dr. Who", "responseStatus": "accepted"}],
        "reminders": {"useDefault": True},
        "eventType": "default",
    }
    return {name: value for name, value in (record | changes).items() if value is not None}


def exception(**changes: Any) -> dict[str, Any]:
    start = {"dateTime": "2027-03-08T09:00:00+01:00", "timeZone": BERLIN}
    return raw(**{"id": "e1_20270308T080000Z", "recurringEventId": "e1", "originalStartTime": start} | changes)


def stub(**changes: Any) -> dict[str, Any]:
    start = {"dateTime": "2027-03-08T09:00:00+01:00", "timeZone": BERLIN}
    ids = {"id": "e1_20270308T080000Z", "recurringEventId": "e1", "originalStartTime": start}
    return {"kind": "calendar#event", "etag": '"2"', "status": "cancelled"} | ids | changes


def read(record: dict[str, Any], *, zone: str = "UTC", privacy: Privacy = Privacy.FULL) -> RemoteEvent:
    return read_event(record, zone=zone, privacy=privacy)


def content(record: dict[str, Any], *, zone: str = "UTC") -> Content:
    found = read(record, zone=zone).content
    assert found is not None
    return found


def page(*items: Any, privacy: Privacy = Privacy.FULL) -> tuple[Any, ...]:
    return read_page(items, zone="UTC", privacy=privacy)


# --- times ---------------------------------------------------------------------------------------------------------


def test_a_time_is_read_on_the_wall_clock_of_its_zone() -> None:
    assert content(raw()).span == Span(at(9), at(10))


@pytest.mark.parametrize(
    ("text", "zone", "local"),
    [
        ("2027-03-28T00:59:00Z", BERLIN, datetime(2027, 3, 28, 1, 59)),
        ("2027-03-28T01:00:00Z", BERLIN, datetime(2027, 3, 28, 3, 0)),
        ("2027-10-31T00:30:00Z", BERLIN, datetime(2027, 10, 31, 2, 30)),
        ("2027-07-01T09:00:00Z", "Australia/Sydney", datetime(2027, 7, 1, 19, 0)),
        ("2027-01-01T09:00:00Z", "Australia/Sydney", datetime(2027, 1, 1, 20, 0)),
        ("2027-10-02T16:00:00Z", "Australia/Sydney", datetime(2027, 10, 3, 3, 0)),
        ("2027-07-01T09:00:00Z", "Australia/Lord_Howe", datetime(2027, 7, 1, 19, 30)),
        ("2027-03-01T09:00:00Z", "Asia/Kathmandu", datetime(2027, 3, 1, 14, 45)),
    ],
)
def test_a_summer_and_a_winter_time_of_both_hemispheres_get_their_own_offset(
    text: str, zone: str, local: datetime
) -> None:
    when = {"dateTime": text, "timeZone": zone}
    assert content(raw(start=when, end=when)).span.start == ZonedTime(local, zone)


def test_a_time_without_zone_is_in_the_calendars_zone() -> None:
    when = {"dateTime": "2027-03-01T08:00:00Z"}
    assert content(raw(start=when, end=when), zone="Australia/Sydney").span.start == at(19, "Australia/Sydney")
    assert needs_zone(raw(start=when))
    assert not needs_zone(raw())
    assert not needs_zone(raw(start={"date": "2027-03-01"}, end={"date": "2027-03-02"}))


def test_a_zone_that_nobody_knows_keeps_its_instant() -> None:
    when = {"dateTime": "2027-03-01T09:00:00+05:00", "timeZone": "Customized Time Zone 1"}
    assert content(raw(start=when, end=when)).span.start == at(4, "UTC")


@pytest.mark.parametrize("zone", ["Europe", "../../etc/passwd", "", "europe/berlin", "\x00"])
def test_a_zone_that_names_a_folder_or_a_file_is_no_zone(zone: str) -> None:
    when = {"dateTime": "2027-03-01T09:00:00+01:00", "timeZone": zone}
    assert content(raw(start=when, end=when)).span.start == at(8, "UTC")


def test_a_whole_day_stays_that_day_whatever_its_zone() -> None:
    days = {"start": {"date": "2027-03-01", "timeZone": "Pacific/Auckland"}, "end": {"date": "2027-03-02"}}
    span = content(raw(**days), zone="America/Los_Angeles").span
    assert span == Span(date(2027, 3, 1), date(2027, 3, 2))
    assert span.all_day


def test_fractions_of_a_second_do_not_make_two_equal_times_differ() -> None:
    when = {"dateTime": "2027-03-01T09:00:00.123+01:00", "timeZone": BERLIN}
    assert content(raw(start=when)).span.start == at(9)


def test_a_time_is_written_with_offset_and_zone_and_without_the_other_forms_leftovers() -> None:
    whole = Span(date(2027, 3, 1), date(2027, 3, 2))
    assert write_fields({"span": Span(at(9), at(10))})["start"] == {
        "dateTime": "2027-03-01T09:00:00+01:00",
        "timeZone": BERLIN,
        "date": None,
    }
    assert write_fields({"span": whole})["end"] == {"date": "2027-03-02", "dateTime": None, "timeZone": None}
    body = write_event(Series(Content(span=whole)), remote_id="x", event_id="e")
    assert body["start"] == {"date": "2027-03-01"}


def test_a_zone_that_google_cannot_know_is_refused_before_it_is_sent() -> None:
    with pytest.raises(EventRejected, match="time zone"):
        write_fields({"span": Span(at(9, "Mars/Olympus"), at(10, "Mars/Olympus"))})


# --- fields --------------------------------------------------------------------------------------------------------


def test_every_field_is_read() -> None:
    event = read(raw(visibility="public", transparency="transparent", status="tentative"))
    assert event == RemoteEvent(
        remote_id="e1",
        etag='"1"',
        updated_at=datetime(2027, 2, 1, 8, tzinfo=UTC),
        content=Content(
            span=Span(at(9), at(10)),
            title="Dentist",
            description="<b>root canal</b>",
            location="Main Street 1",
            visibility=Visibility.PUBLIC,
            show_as=ShowAs.FREE,
            status=EventStatus.TENTATIVE,
            attendees=(Attendee("dr@example.com", "Dr. Who", Response.ACCEPTED),),
        ),
    )


def test_a_record_with_nothing_but_its_times_is_an_event_without_text() -> None:
    bare = {name: raw()[name] for name in ("id", "start", "end")}
    assert read(bare) == RemoteEvent(remote_id="e1", content=Content(span=Span(at(9), at(10))))


def test_google_promises_no_order_so_guests_and_reminders_are_put_in_one() -> None:
    guests = [{"email": "Zoe@example.com"}, {"email": "adam@example.com", "optional": True}, {"displayName": "nobody"}]
    reminders = [
        {"method": "popup", "minutes": 30},
        {"method": "email", "minutes": 10},
        {"method": "sms", "minutes": 5},
        {"method": "popup", "minutes": 10},
    ]
    one = content(raw(attendees=guests, reminders={"useDefault": False, "overrides": reminders}))
    other = content(raw(attendees=guests[::-1], reminders={"useDefault": False, "overrides": reminders[::-1]}))
    assert one == other
    assert [guest.email for guest in one.attendees] == ["adam@example.com", "zoe@example.com"]
    assert one.reminders == (Reminder(10, "email"), Reminder(10), Reminder(30))


@pytest.mark.parametrize(
    ("reminders", "expected"),
    [
        (None, None),
        ({"useDefault": True}, None),
        ({"useDefault": False}, ()),
        ({"useDefault": False, "overrides": []}, ()),
        ({"useDefault": False, "overrides": [{"method": "popup", "minutes": 0}]}, (Reminder(0),)),
    ],
)
def test_no_reminder_is_not_the_calendars_default(reminders: object, expected: object) -> None:
    assert content(raw(reminders=reminders)).reminders == expected


def test_an_invitation_that_the_person_declined_does_not_block_their_time() -> None:
    declined = [{"email": "me@example.com", "self": True, "responseStatus": "declined"}]
    somebody_else = [{"email": "you@example.com", "responseStatus": "declined"}]
    assert content(raw(attendees=declined)).show_as is ShowAs.FREE
    assert content(raw(attendees=somebody_else)).show_as is ShowAs.BUSY


def test_the_mark_of_our_copy_is_found_and_a_strange_one_ignored() -> None:
    assert read(raw(extendedProperties={"private": {"lockstepEvent": "ev-1", "other": "x"}})).tag == "ev-1"
    assert read(raw(extendedProperties={"shared": {"lockstepEvent": "ev-1"}})).tag is None
    assert read(raw()).tag is None


def test_clearing_a_value_is_said_since_a_patch_keeps_what_is_not_mentioned() -> None:
    fields = {"title": "", "description": "", "location": "", "attendees": (), "recurrence": (), "reminders": None}
    assert write_fields(fields) == {
        "summary": None,
        "description": None,
        "location": None,
        "attendees": [],
        "recurrence": [],
        "reminders": {"useDefault": True, "overrides": []},
    }


def test_a_patch_names_only_what_changed() -> None:
    assert write_fields({"title": "New"}) == {"summary": "New"}
    assert write_fields({"show_as": ShowAs.TENTATIVE, "visibility": Visibility.CONFIDENTIAL}) == {
        "transparency": "opaque",
        "visibility": "confidential",
    }
    with pytest.raises(ValueError, match="colour"):
        write_fields({"colour": "red"})


def test_a_guests_comment_outlives_our_edit_of_the_list() -> None:
    held = {
        "attendees": [
            {"email": "Anna@example.com", "comment": "late", "additionalGuests": 2, "organizer": True, "self": True},
            {"email": "gone@example.com", "responseStatus": "accepted"},
        ]
    }
    wanted = (Attendee("anna@example.com", "Anna", Response.ACCEPTED), Attendee("new@example.com", optional=True))
    assert write_fields({"attendees": wanted}, held=held)["attendees"] == [
        {
            "email": "anna@example.com",
            "displayName": "Anna",
            "responseStatus": "accepted",
            "comment": "late",
            "additionalGuests": 2,
        },
        {"email": "new@example.com", "responseStatus": "needsAction", "optional": True},
    ]


# --- private text --------------------------------------------------------------------------------------------------


def assert_no_text(change: object) -> None:
    assert isinstance(change, RemoteEvent)
    assert change.withheld
    assert not any(word in repr(change) for word in SECRET)


@pytest.mark.parametrize("visibility", ["private", "confidential", "a_stricter_one_of_next_year"])
def test_the_text_of_a_private_event_goes_no_further(visibility: str) -> None:
    assert_no_text(read(raw(visibility=visibility)))
    assert read(raw(visibility=visibility)).content is not None


def test_a_busy_only_connection_reads_no_text_at_all() -> None:
    changes = page(raw(recurrence=["RRULE:FREQ=WEEKLY"]), exception(), privacy=Privacy.BUSY_ONLY)
    assert_no_text(changes[0])
    assert_no_text(page(exception(), privacy=Privacy.BUSY_ONLY)[0])


@pytest.mark.parametrize(("of_series", "of_occurrence"), [("private", "default"), ("default", "private")])
def test_an_occurrence_is_as_private_as_its_series_and_the_other_way_round(of_series: str, of_occurrence: str) -> None:
    series = raw(recurrence=["RRULE:FREQ=WEEKLY"], visibility=of_series)
    for items in ([series, exception(visibility=of_occurrence)], [exception(visibility=of_occurrence), series]):
        assert_no_text(page(*items)[0])


def test_a_private_occurrence_that_comes_alone_is_withheld() -> None:
    assert_no_text(page(exception(visibility="private"))[0])
    _, override = read_override(exception(visibility="private"), zone="UTC", withhold=False)
    assert not any(word in repr(override) for word in SECRET)


def test_a_public_events_text_is_read() -> None:
    assert not read(raw(visibility="public")).withheld
    assert content(raw(visibility="default")).title == "Dentist"


# --- pages ---------------------------------------------------------------------------------------------------------


def test_exceptions_find_their_series_whichever_comes_first() -> None:
    series = raw(recurrence=["RRULE:FREQ=WEEKLY"])
    moved = exception(start={"dateTime": "2027-03-08T15:00:00+01:00", "timeZone": BERLIN})
    other = raw(id="e2")
    first = page(moved, other, series)
    assert {change.remote_id: change for change in first} == {
        change.remote_id: change for change in page(series, other, moved)
    }
    event = next(change for change in first if change.remote_id == "e1")
    assert event.recurrence == ("RRULE:FREQ=WEEKLY",)
    assert list(event.overrides) == ["20270308T080000Z"]
    assert event.overrides["20270308T080000Z"].value.span.start == at(15, day=8)


def test_an_exception_whose_series_is_on_another_page_says_nothing_of_the_series() -> None:
    (event,) = page(stub())
    assert event.remote_id == "e1"
    assert event.content is None
    assert event.overrides == {"20270308T080000Z": RemoteOverride("e1_20270308T080000Z", '"2"', CANCELLED)}


def test_a_cancelled_exception_of_whole_days_is_known_by_its_day() -> None:
    (event,) = page(stub(id="e1_20270308", originalStartTime={"date": "2027-03-08"}))
    assert list(event.overrides) == ["20270308"]


def test_a_deleted_event_is_removed_although_nothing_but_its_id_is_known() -> None:
    assert page({"id": "e1", "status": "cancelled"}) == (Removed("e1"),)


def test_a_deleted_series_takes_its_exceptions_along() -> None:
    assert page(stub(), {"id": "e1", "status": "cancelled"}, exception()) == (Removed("e1"),)


@pytest.mark.parametrize(
    "broken",
    [
        raw(id="bad", start=None),
        raw(id="bad", end={}),
        raw(id="bad", start={"dateTime": "yesterday"}),
        raw(id="bad", start={"date": "2027-02-30"}),
        raw(id="bad", start="2027-03-01"),
        raw(id="bad", recurrence=["RRULE:FREQ=SOMETIMES"]),
        raw(id="bad", recurrence="RRULE"),
        raw(id="bad", reminders={"useDefault": False, "overrides": [{"method": "popup"}]}),
        raw(id="bad", attendees=["anna"]),
        raw(id="bad", extendedProperties=["x"]),
        raw(id="bad", updated="yesterday"),
        raw(id="bad", start={"dateTime": "0001-01-01T00:00:00+14:00", "timeZone": "Pacific/Kiritimati"}),
    ],
)
def test_one_bad_record_never_stops_its_neighbours(broken: dict[str, Any]) -> None:
    changes = page(raw(id="before"), broken, raw(id="after"))
    assert [change.remote_id for change in changes] == ["before", "bad", "after"]
    if isinstance(changes[1], Unreadable):
        assert not any(word in changes[1].reason for word in SECRET)
    assert isinstance(changes[0], RemoteEvent)
    assert isinstance(changes[2], RemoteEvent)


@pytest.mark.parametrize("item", [None, "x", 7, [], {}, {"id": 7}])
def test_what_is_no_record_at_all_is_reported_too(item: object) -> None:
    changes = page(item, raw())
    assert isinstance(changes[0], Unreadable)
    assert isinstance(changes[1], RemoteEvent)


def test_an_unreadable_occurrence_is_told_of_by_its_series_and_does_not_hide_the_series() -> None:
    changes = page(raw(recurrence=["RRULE:FREQ=WEEKLY"]), exception(originalStartTime=None), stub())
    assert [(type(change), change.remote_id) for change in changes] == [(RemoteEvent, "e1"), (Unreadable, "e1")]
    assert list(changes[0].overrides) == ["20270308T080000Z"]


def test_an_empty_page_is_a_page() -> None:
    assert page() == ()


def test_the_latest_change_of_its_occurrences_dates_a_series_that_was_not_reported() -> None:
    late = (datetime(2027, 2, 1, 8, tzinfo=UTC) + timedelta(days=1)).isoformat()
    (event,) = page(exception(), exception(id="e1_2", updated=late))
    assert event.updated_at == datetime(2027, 2, 2, 8, tzinfo=UTC)
