from typing import Any

import pytest
import requests
from googleapiclient.errors import HttpError

from .conftest import ADA, Google, all_pages, keeps_schema, timed, weekly

PRIMARY = {"calendarId": "primary"}


def refused(request: Any, status: int, reason: str) -> bool:
    with pytest.raises(HttpError) as caught:
        request.execute()
    assert (caught.value.status_code, caught.value.error_details[0]["reason"]) == (status, reason)
    return True


def insert(service: Any, body: Any, **more: Any) -> Any:
    event = service.events().insert(**PRIMARY, body=body, **more).execute()
    assert keeps_schema("Event", event)
    return event


def test_what_google_fills_in_is_there(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01", id="abcde12345"))
    assert event["iCalUID"] == "abcde12345@google.com"
    assert event["start"] == {"dateTime": "2027-03-01T09:00:00+11:00", "timeZone": "Australia/Sydney"}
    assert event["organizer"] == {"email": ADA, "self": True}
    assert event["reminders"] == {"useDefault": True}
    assert event["status"] == "confirmed"
    assert event["sequence"] == 0


def test_times_come_back_on_the_clock_of_the_calendar_not_of_the_event(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01", zone="Europe/Berlin"))
    assert event["start"] == {"dateTime": "2027-03-01T19:00:00+11:00", "timeZone": "Europe/Berlin"}
    shown = ada.events().get(**PRIMARY, eventId=event["id"], timeZone="UTC").execute()
    assert shown["start"]["dateTime"] == "2027-03-01T08:00:00Z"


@pytest.mark.parametrize("event_id", ["abcd", "ABCDE", "abc-de", "wxyz1", "a" * 1025])
def test_an_id_outside_base32hex_is_refused(ada: Any, event_id: str) -> None:
    assert refused(ada.events().insert(**PRIMARY, body=timed("2027-03-01", id=event_id)), 400, "invalid")


def test_the_same_id_twice_is_a_conflict_even_after_deletion_and_applies_nothing(ada: Any) -> None:
    insert(ada, timed("2027-03-01", id="abcde"))
    again = timed("2027-03-01", id="abcde") | {"summary": "Other"}
    assert refused(ada.events().insert(**PRIMARY, body=again), 409, "duplicate")
    assert ada.events().get(**PRIMARY, eventId="abcde").execute()["summary"] == "Visit"
    ada.events().delete(**PRIMARY, eventId="abcde").execute()
    assert refused(ada.events().insert(**PRIMARY, body=again), 409, "duplicate")


BAD_BODIES = {
    "an unknown field": timed("2027-03-01", colour="red"),
    "a wrong type": timed("2027-03-01", summary=7),
    "an unknown zone": timed("2027-03-01", zone="Mars/Base"),
    "a date and a time": {"start": {"date": "2027-03-01"}, "end": {"dateTime": "2027-03-02T09:00:00Z"}},
    "both in one": {"start": {"date": "2027-03-01", "dateTime": "2027-03-01T09:00:00Z"}, "end": {"date": "2027-03-02"}},
    "an unreadable rule": weekly(recurrence=["RRULE:FREQ=OFTEN"]),
    "DTSTART in the recurrence": weekly(recurrence=["DTSTART:20270301T090000", "RRULE:FREQ=DAILY"]),
    "COUNT and UNTIL": weekly(recurrence=["RRULE:FREQ=DAILY;COUNT=2;UNTIL=20270401T000000Z"]),
    "a bad reminder": timed(
        "2027-03-01", reminders={"useDefault": False, "overrides": [{"method": "sms", "minutes": 1}]}
    ),
    "a reminder too early": timed(
        "2027-03-01", reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 40321}]}
    ),
    "six reminders": timed(
        "2027-03-01",
        reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": n} for n in range(6)]},
    ),
    "201 guests": timed("2027-03-01", attendees=[{"email": f"g{n}@example.com"} for n in range(201)]),
    "no guest address": timed("2027-03-01", attendees=[{"email": "nobody"}]),
    "an unknown status": timed("2027-03-01", status="perhaps"),
    "two ids": timed("2027-03-01", id="abcde", iCalUID="other@example.com"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_google_would_refuse_is_refused(ada: Any, name: str) -> None:
    assert refused(ada.events().insert(**PRIMARY, body=BAD_BODIES[name], sendUpdates="none"), 400, "invalid")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"start": {"date": "2027-03-01"}}, "required"),
        ({"start": {"dateTime": "2027-03-01T09:00:00"}, "end": {"dateTime": "2027-03-01T10:00:00"}}, "required"),
        (
            {
                "start": {"dateTime": "2027-03-01T09:00:00Z"},
                "end": {"dateTime": "2027-03-01T10:00:00Z"},
                "recurrence": ["RRULE:FREQ=DAILY"],
            },
            "required",
        ),
        ({"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-01"}}, "timeRangeEmpty"),
        (
            {"start": {"dateTime": "2027-03-01T09:00:00Z"}, "end": {"dateTime": "2027-03-01T08:00:00Z"}},
            "timeRangeEmpty",
        ),
        (
            timed("2027-03-01", reminders={"useDefault": True, "overrides": [{"method": "popup", "minutes": 1}]}),
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
    ],
)
def test_what_is_missing_or_contradictory_is_refused_with_its_own_reason(ada: Any, body: Any, reason: str) -> None:
    assert refused(ada.events().insert(**PRIMARY, body=body), 400, reason)


def test_an_unknown_query_parameter_is_refused(google: Google) -> None:
    headers = {"Authorization": f"Bearer {google.tokens()['access_token']}"}
    url = f"{google.url}/calendar/v3/calendars/primary/events"
    for query in ({"singleEvent": "true"}, {"singleEvents": "yes"}, {"maxResults": "many"}, {"timeMin": "2027-01-01"}):
        assert requests.get(url, params=query, headers=headers, timeout=10).status_code == 400


def test_extended_properties_overflow_in_silence(ada: Any) -> None:
    long_key, long_value = "k" * 45, "v" * 1100
    body = timed("2027-03-01", extendedProperties={"private": {long_key: "x", "kept": long_value}})
    assert insert(ada, body)["extendedProperties"]["private"] == {"kept": "v" * 1024}


def test_a_put_without_a_field_clears_it_and_a_patch_keeps_it(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01", location="Room 1", description="Notes"))
    kept = ada.events().patch(**PRIMARY, eventId=event["id"], body={"summary": "New", "description": None}).execute()
    assert (kept["location"], kept["summary"]) == ("Room 1", "New")
    assert "description" not in kept
    cleared = ada.events().update(**PRIMARY, eventId=event["id"], body=timed("2027-03-01")).execute()
    assert "location" not in cleared


def test_a_patch_replaces_arrays_whole_and_merges_objects(ada: Any) -> None:
    guests = [{"email": "a@example.com"}, {"email": "b@example.com"}]
    event = insert(
        ada, timed("2027-03-01", attendees=guests, extendedProperties={"private": {"a": "1"}}), sendUpdates="none"
    )
    patch = {"attendees": [{"email": "c@example.com"}], "extendedProperties": {"private": {"b": "2"}}}
    after = ada.events().patch(**PRIMARY, eventId=event["id"], body=patch, sendUpdates="none").execute()
    assert [a["email"] for a in after["attendees"]] == ["c@example.com"]
    assert after["extendedProperties"]["private"] == {"a": "1", "b": "2"}


def test_an_old_etag_is_refused_and_every_write_makes_a_new_one(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01"))
    request = ada.events().patch(**PRIMARY, eventId=event["id"], body={"summary": "One"})
    request.headers["If-Match"] = event["etag"]
    assert request.execute()["etag"] != event["etag"]
    for call in (
        ada.events().patch(**PRIMARY, eventId=event["id"], body={"summary": "Two"}),
        ada.events().update(**PRIMARY, eventId=event["id"], body=timed("2027-03-01")),
        ada.events().delete(**PRIMARY, eventId=event["id"]),
    ):
        call.headers["If-Match"] = event["etag"]
        assert refused(call, 412, "conditionNotMet")


def test_a_reminder_alone_changes_the_etag_but_not_updated(google: Google, ada: Any) -> None:
    event = insert(ada, timed("2027-03-01"))
    google.pass_time(minutes=5)
    reminders = {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]}
    after = ada.events().patch(**PRIMARY, eventId=event["id"], body={"reminders": reminders}).execute()
    assert after["updated"] == event["updated"]
    assert after["etag"] != event["etag"]


def test_deleting_twice_says_deleted_and_a_deleted_event_can_still_be_read_and_revived(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01"))
    ada.events().delete(**PRIMARY, eventId=event["id"]).execute()
    assert refused(ada.events().delete(**PRIMARY, eventId=event["id"]), 410, "deleted")
    assert ada.events().get(**PRIMARY, eventId=event["id"]).execute()["status"] == "cancelled"
    ada.events().patch(**PRIMARY, eventId=event["id"], body={"status": "confirmed"}).execute()
    assert [e["id"] for e in all_pages(ada.events().list, **PRIMARY)[0]] == [event["id"]]


def test_what_never_existed_is_not_found(ada: Any) -> None:
    assert refused(ada.events().get(**PRIMARY, eventId="never"), 404, "notFound")
    assert refused(ada.events().list(calendarId="nobody@example.com"), 404, "notFound")


def test_the_event_type_cannot_change(ada: Any) -> None:
    event = insert(ada, timed("2027-03-01"))
    assert refused(ada.events().patch(**PRIMARY, eventId=event["id"], body={"eventType": "focusTime"}), 400, "invalid")


def test_instances_carry_the_series_and_an_immutable_original_start(ada: Any) -> None:
    series = insert(ada, weekly(3, id="series1"))
    page = ada.events().instances(**PRIMARY, eventId=series["id"]).execute()
    assert keeps_schema("Events", page)
    assert [i["id"] for i in page["items"]] == [
        "series1_20270228T220000Z",
        "series1_20270307T220000Z",
        "series1_20270314T220000Z",
    ]
    second = page["items"][1]["id"]
    body = {"start": {"dateTime": "2027-03-09T12:00:00+11:00"}, "end": {"dateTime": "2027-03-09T13:00:00+11:00"}}
    moved = ada.events().patch(**PRIMARY, eventId=second, body=body).execute()
    assert moved["recurringEventId"] == "series1"
    assert moved["originalStartTime"]["dateTime"] == "2027-03-08T09:00:00+11:00"
    stolen = {"originalStartTime": {"dateTime": "2027-03-09T12:00:00+11:00"}}
    assert refused(ada.events().patch(**PRIMARY, eventId=second, body=stolen), 400, "invalid")
    found = ada.events().instances(**PRIMARY, eventId="series1", originalStart="2027-03-08T09:00:00+11:00").execute()
    assert [i["id"] for i in found["items"]] == [second]


def test_an_all_day_series_names_its_instances_by_date(ada: Any) -> None:
    body = {"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-02"}, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}
    event = insert(ada, body | {"id": "oneda"})
    ids = [i["id"] for i in ada.events().instances(**PRIMARY, eventId=event["id"]).execute()["items"]]
    assert ids == ["oneda_20270301", "oneda_20270302"]


def test_a_series_keeps_its_wall_clock_over_a_change_of_daylight_saving(ada: Any) -> None:
    body = timed("2027-03-29", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"], id="dstdst")
    insert(ada, body)
    starts = [i["start"]["dateTime"] for i in ada.events().instances(**PRIMARY, eventId="dstdst").execute()["items"]]
    assert starts == ["2027-03-29T09:00:00+11:00", "2027-04-05T09:00:00+10:00"]


def test_a_cancelled_occurrence_stays_cancelled_and_its_neighbours_stay(ada: Any) -> None:
    insert(ada, weekly(3, id="series1"))
    gone = "series1_20270307T220000Z"
    ada.events().delete(**PRIMARY, eventId=gone).execute()
    assert refused(ada.events().delete(**PRIMARY, eventId=gone), 410, "deleted")
    left = ada.events().instances(**PRIMARY, eventId="series1").execute()["items"]
    assert [i["id"][-16:] for i in left] == ["20270228T220000Z", "20270314T220000Z"]
    shown = ada.events().instances(**PRIMARY, eventId="series1", showDeleted=True).execute()["items"]
    assert [i["status"] for i in shown] == ["confirmed", "cancelled", "confirmed"]


def test_a_moved_series_drops_the_exceptions_it_no_longer_holds(ada: Any) -> None:
    insert(ada, weekly(3, id="series1"))
    old = "series1_20270307T220000Z"
    ada.events().patch(**PRIMARY, eventId=old, body={"summary": "Special"}).execute()
    later = {k: v for k, v in timed("2027-03-01", "11:00", "12:00").items() if k != "summary"}
    ada.events().patch(**PRIMARY, eventId="series1", body=later).execute()
    assert [e["id"] for e in all_pages(ada.events().list, **PRIMARY)[0]] == ["series1"]
    assert refused(ada.events().get(**PRIMARY, eventId=old), 404, "notFound")
    names = [i["summary"] for i in ada.events().instances(**PRIMARY, eventId="series1").execute()["items"]]
    assert names == ["Visit"] * 3


def test_a_stricter_visibility_on_one_occurrence_hits_the_series_and_a_looser_one_is_ignored(ada: Any) -> None:
    insert(ada, weekly(3, id="series1"))
    first = "series1_20270228T220000Z"
    ada.events().patch(**PRIMARY, eventId=first, body={"visibility": "private"}).execute()
    assert ada.events().get(**PRIMARY, eventId="series1").execute()["visibility"] == "private"
    after = ada.events().patch(**PRIMARY, eventId=first, body={"visibility": "public"}).execute()
    assert after["visibility"] == "private"


def test_a_guest_cannot_change_what_is_shared_but_can_answer(google: Google, ada: Any) -> None:
    invitation = timed(
        "2027-03-01",
        organizer={"email": "boss@example.com"},
        attendees=[{"email": "boss@example.com", "responseStatus": "accepted"}, {"email": ADA}],
    )
    event = google.control("POST", f"calendars/{ADA}/events", invitation)
    assert refused(
        ada.events().patch(**PRIMARY, eventId=event["id"], body={"summary": "Mine"}), 403, "forbiddenForNonOrganizer"
    )
    answer = [event["attendees"][0], {"email": ADA, "responseStatus": "accepted"}]
    patch = {"attendees": answer, "transparency": "transparent", "reminders": {"useDefault": False}}
    after = ada.events().patch(**PRIMARY, eventId=event["id"], body=patch, sendUpdates="none").execute()
    assert [a["responseStatus"] for a in after["attendees"]] == ["accepted", "accepted"]
    assert after["transparency"] == "transparent"


def test_a_readers_calendar_refuses_writes_and_hides_what_is_private(google: Google, ada: Any) -> None:
    google.world.add_account("bob@example.com")
    shared = google.world.add_calendar("bob@example.com", summary="Team")
    secret = google.control("POST", f"calendars/{shared.id}/events", timed("2027-03-01", visibility="private"))
    google.control("POST", "acl_change", {"calendar": shared.id, "email": ADA, "role": "reader"})
    assert refused(ada.events().insert(calendarId=shared.id, body=timed("2027-03-01")), 403, "requiredAccessLevel")
    assert "summary" not in ada.events().get(calendarId=shared.id, eventId=secret["id"]).execute()


def test_mail_is_counted_and_a_write_with_guests_that_says_nothing_is_a_warning(google: Google, ada: Any) -> None:
    google.world.add_account("bob@example.com")
    guests = [{"email": "bob@example.com"}, {"email": "eve@outside.example"}]
    insert(ada, timed("2027-03-01", id="quiet1", attendees=guests), sendUpdates="none")
    assert google.control("GET", "mails")["count"] == 0
    insert(ada, timed("2027-03-01", id="unsaid", attendees=guests))
    assert google.control("GET", "calls")["warnings"] == {"sendUpdates missing on an event with guests": 1}
    insert(ada, timed("2027-03-01", id="outers", attendees=guests), sendUpdates="externalOnly")
    ada.events().delete(**PRIMARY, eventId="quiet1", sendUpdates="all").execute()
    mails = google.control("GET", "mails")["mails"]
    assert [(m["to"], m["kind"]) for m in mails] == [
        ("eve@outside.example", "invitation"),
        ("bob@example.com", "cancellation"),
        ("eve@outside.example", "cancellation"),
    ]


def test_import_needs_an_icaluid_and_finds_its_event_again(ada: Any) -> None:
    assert refused(ada.events().import_(**PRIMARY, body=timed("2027-03-01")), 400, "required")
    body = timed("2027-03-01", iCalUID="x@other", organizer={"email": "boss@example.com"})
    one = ada.events().import_(**PRIMARY, body=body).execute()
    two = ada.events().import_(**PRIMARY, body=body | {"summary": "Again"}).execute()
    assert one["id"] == two["id"]
    assert two["summary"] == "Again"


def test_a_moved_event_leaves_an_id_only_stub(google: Google, ada: Any) -> None:
    other = ada.calendars().insert(body={"summary": "Second"}).execute()
    assert keeps_schema("Calendar", other)
    event = insert(ada, timed("2027-03-01"))
    _, token = all_pages(ada.events().list, **PRIMARY)
    moved = ada.events().move(**PRIMARY, eventId=event["id"], destination=other["id"]).execute()
    assert moved["organizer"]["email"] == other["id"]
    stub = all_pages(ada.events().list, **PRIMARY, syncToken=token)[0][0]
    assert set(stub) == {"kind", "etag", "id", "status"}
    assert stub["status"] == "cancelled"


def test_busy_time_skips_free_and_declined_events_and_merges_the_rest(google: Google, ada: Any) -> None:
    insert(ada, timed("2027-03-01", "09:00", "10:00"))
    insert(ada, timed("2027-03-01", "09:30", "11:00"))
    insert(ada, timed("2027-03-01", "12:00", "13:00", transparency="transparent"))
    insert(ada, {"start": {"date": "2027-03-02"}, "end": {"date": "2027-03-03"}})
    declined = {"attendees": [{"email": ADA, "responseStatus": "declined"}], "organizer": {"email": "b@example.com"}}
    google.control("POST", f"calendars/{ADA}/events", timed("2027-03-01", "15:00", "16:00", **declined))
    body = {
        "timeMin": "2027-02-28T00:00:00Z",
        "timeMax": "2027-03-05T00:00:00Z",
        "items": [{"id": ADA}, {"id": "nope"}],
    }
    found = ada.freebusy().query(body=body).execute()
    assert keeps_schema("FreeBusyResponse", found)
    assert found["calendars"][ADA]["busy"] == [
        {"start": "2027-02-28T22:00:00Z", "end": "2027-03-01T00:00:00Z"},
        {"start": "2027-03-01T13:00:00Z", "end": "2027-03-02T13:00:00Z"},
    ]
    assert found["calendars"]["nope"]["errors"][0]["reason"] == "notFound"


def test_calendars_settings_and_partial_answers(google: Google, ada: Any) -> None:
    google.control("POST", f"accounts/{ADA}/calendars", {"summary": "Holidays", "kind": "holiday"})
    listed = ada.calendarList().list().execute()
    assert keeps_schema("CalendarList", listed)
    assert [(c["summary"], c["accessRole"], c.get("primary", False)) for c in listed["items"]] == [
        (ADA, "owner", True),
        ("Holidays", "reader", False),
    ]
    ada.calendars().insert(body={"summary": "Second"}).execute()
    changed = ada.calendarList().list(syncToken=listed["nextSyncToken"]).execute()["items"]
    assert [c["summary"] for c in changed] == ["Second"]
    assert refused(ada.calendars().delete(calendarId="primary"), 403, "forbidden")
    ada.calendars().delete(calendarId=changed[0]["id"]).execute()
    assert ada.calendarList().list(syncToken=listed["nextSyncToken"]).execute()["items"][0]["deleted"]
    assert ada.settings().get(setting="timezone").execute()["value"] == "Australia/Sydney"
    assert keeps_schema("Settings", ada.settings().list().execute())
    insert(ada, timed("2027-03-01"))
    partial = ada.events().list(**PRIMARY, fields="items(summary,start/timeZone),nextSyncToken").execute()
    assert partial["items"] == [{"summary": "Visit", "start": {"timeZone": "Australia/Sydney"}}]
    assert "etag" not in partial
