from typing import Any

import pytest
from googleapiclient.errors import HttpError

from .conftest import ADA, Google, all_pages, timed, weekly

PRIMARY = {"calendarId": "primary"}


def reason_of(request: Any) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


def ids(items: list[Any]) -> list[str]:
    return sorted(item["id"] for item in items)


def fill(google: Google, count: int) -> None:
    google.control("POST", f"calendars/{ADA}/fill", {"count": count, "seed": 1})


def test_only_the_last_page_has_a_sync_token_and_no_event_is_lost_between_pages(google: Google, ada: Any) -> None:
    fill(google, 600)
    items, _ = all_pages(ada.events().list, **PRIMARY)
    assert len(set(ids(items))) == 600
    assert len(ada.events().list(**PRIMARY).execute()["items"]) == 250
    assert len(ada.events().list(**PRIMARY, maxResults=9999).execute()["items"]) == 600


def test_an_empty_page_is_not_the_end(google: Google, ada: Any) -> None:
    fill(google, 5)
    google.control(
        "POST", "faults", [{"match": "events.list", "kind": "empty_page", "times": 1, "skip": n} for n in (0, 1)]
    )
    google.control("POST", "faults", {"match": "events.list", "kind": "page_size_cap", "size": 2, "times": None})
    first = ada.events().list(**PRIMARY).execute()
    assert first["items"] == []
    assert "nextSyncToken" not in first
    assert len(all_pages(ada.events().list, **PRIMARY)[0]) == 5


def test_a_change_made_while_somebody_pages_comes_with_the_next_token(google: Google, ada: Any) -> None:
    fill(google, 10)
    page = ada.events().list(**PRIMARY, maxResults=6).execute()
    seen = page["items"][0]["id"]
    google.control("PATCH", f"calendars/{ADA}/events/{seen}", {"summary": "Changed meanwhile"})
    last = ada.events().list(**PRIMARY, maxResults=6, pageToken=page["nextPageToken"]).execute()
    later, _ = all_pages(ada.events().list, **PRIMARY, maxResults=6, syncToken=last["nextSyncToken"])
    assert [e["summary"] for e in later] == ["Changed meanwhile"]


def test_a_token_brings_what_changed_and_nothing_else(google: Google, ada: Any) -> None:
    fill(google, 3)
    items, token = all_pages(ada.events().list, **PRIMARY)
    assert all_pages(ada.events().list, **PRIMARY, syncToken=token)[0] == []
    kept, changed, gone = ids(items)
    google.control("PATCH", f"calendars/{ADA}/events/{changed}", {"summary": "New"})
    google.control("DELETE", f"calendars/{ADA}/events/{gone}")
    found, token = all_pages(ada.events().list, **PRIMARY, syncToken=token)
    by_id = {e["id"]: e for e in found}
    assert set(by_id) == {changed, gone}
    assert set(by_id[gone]) == {"kind", "etag", "id", "status"}
    assert all_pages(ada.events().list, **PRIMARY, syncToken=token)[0] == []
    assert kept not in by_id


def test_an_incremental_listing_pages_with_the_same_sync_token(google: Google, ada: Any) -> None:
    _, token = all_pages(ada.events().list, **PRIMARY, maxResults=2)
    fill(google, 5)
    first = ada.events().list(**PRIMARY, maxResults=2, syncToken=token).execute()
    assert reason_of(ada.events().list(**PRIMARY, maxResults=2, pageToken=first["nextPageToken"])) == (400, "invalid")
    assert len(all_pages(ada.events().list, **PRIMARY, maxResults=2, syncToken=token)[0]) == 5


@pytest.mark.parametrize(
    "query",
    [
        {"timeMin": "2027-01-01T00:00:00Z"},
        {"timeMax": "2027-01-01T00:00:00Z"},
        {"updatedMin": "2027-01-01T00:00:00Z"},
        {"q": "x"},
        {"orderBy": "updated"},
        {"iCalUID": "x"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"showDeleted": False},
        {"singleEvents": True},
        {"maxAttendees": 1},
        {"eventTypes": ["default"]},
    ],
)
def test_a_token_with_other_parameters_is_refused(ada: Any, query: Any) -> None:
    _, token = all_pages(ada.events().list, **PRIMARY)
    assert reason_of(ada.events().list(**PRIMARY, syncToken=token, **query)) == (400, "badRequest")


def test_a_token_that_is_not_one_is_refused(google: Google, ada: Any) -> None:
    other = google.world.add_calendar(ADA, summary="Other")
    _, token = all_pages(ada.events().list, calendarId=other.id)
    for wrong in (token, "nonsense", token[:-4]):
        assert reason_of(ada.events().list(**PRIMARY, syncToken=wrong)) == (400, "invalid")


@pytest.mark.parametrize("how", ["expire_sync_tokens", "acl_change", "age", "fault"])
def test_a_dead_token_wants_a_full_sync(google: Google, ada: Any, how: str) -> None:
    _, token = all_pages(ada.events().list, **PRIMARY)
    if how == "age":
        google.pass_time(days=31)
    elif how == "fault":
        google.control("POST", "faults", {"match": "events.list", "kind": "sync_token_gone"})
        assert ada.events().list(**PRIMARY).execute()["nextSyncToken"], "a full listing is never refused so"
    else:
        google.control("POST", how, {"calendar": ADA})
    assert reason_of(ada.events().list(**PRIMARY, syncToken=token)) == (410, "fullSyncRequired")


def test_a_series_comes_with_its_exceptions_and_cancelled_ones_even_without_show_deleted(ada: Any) -> None:
    ada.events().insert(**PRIMARY, body=weekly(4, id="series1")).execute()
    moved, gone = "series1_20270307T220000Z", "series1_20270314T220000Z"
    ada.events().patch(**PRIMARY, eventId=moved, body={"summary": "Moved"}).execute()
    ada.events().delete(**PRIMARY, eventId=gone).execute()
    items = {e["id"]: e for e in all_pages(ada.events().list, **PRIMARY)[0]}
    assert set(items) == {"series1", moved, gone}
    assert {"id", "recurringEventId", "originalStartTime", "status"} <= set(items[gone])
    assert "start" not in items[gone]


def test_an_exception_may_come_before_its_series(ada: Any) -> None:
    for number in range(6):
        ada.events().insert(**PRIMARY, body=weekly(2, id=f"series{number}")).execute()
        ada.events().patch(**PRIMARY, eventId=f"series{number}_20270307T220000Z", body={"summary": "x"}).execute()
    order = [e["id"] for e in all_pages(ada.events().list, **PRIMARY)[0]]
    early = [i for i in order if "_" in i and order.index(i) < order.index(i.split("_")[0])]
    assert 0 < len(early) < 6


def test_a_cancelled_series_hides_its_exceptions(ada: Any) -> None:
    ada.events().insert(**PRIMARY, body=weekly(3, id="series1")).execute()
    ada.events().patch(**PRIMARY, eventId="series1_20270307T220000Z", body={"summary": "x"}).execute()
    _, token = all_pages(ada.events().list, **PRIMARY)
    ada.events().delete(**PRIMARY, eventId="series1").execute()
    assert ids(all_pages(ada.events().list, **PRIMARY, syncToken=token)[0]) == ["series1"]
    assert all_pages(ada.events().list, **PRIMARY)[0] == []


def test_single_events_hide_the_series_and_show_moved_and_cancelled_occurrences(ada: Any) -> None:
    ada.events().insert(**PRIMARY, body=weekly(4, id="series1")).execute()
    _, token = all_pages(ada.events().list, **PRIMARY, singleEvents=True)
    ada.events().patch(**PRIMARY, eventId="series1_20270307T220000Z", body={"summary": "Moved"}).execute()
    ada.events().delete(**PRIMARY, eventId="series1_20270314T220000Z").execute()
    found = all_pages(ada.events().list, **PRIMARY, singleEvents=True, syncToken=token)[0]
    assert {e["id"][-16:]: e["status"] for e in found} == {
        "20270307T220000Z": "confirmed",
        "20270314T220000Z": "cancelled",
    }
    ordered = ada.events().list(**PRIMARY, singleEvents=True, orderBy="startTime").execute()
    assert [e["summary"] for e in ordered["items"]] == ["Visit", "Moved", "Visit"]
    assert "nextSyncToken" not in ordered
    assert reason_of(ada.events().list(**PRIMARY, orderBy="startTime")) == (400, "badRequest")


def test_time_min_bounds_the_end_and_time_max_the_start_both_exclusive(ada: Any) -> None:
    ada.events().insert(**PRIMARY, body=timed("2027-03-01", "09:00", "10:00", zone="UTC", id="nineten")).execute()

    def found(**window: str) -> bool:
        return bool(ada.events().list(**PRIMARY, **window).execute()["items"])

    assert not found(timeMin="2027-03-01T10:00:00Z")
    assert found(timeMin="2027-03-01T09:59:59Z")
    assert not found(timeMax="2027-03-01T09:00:00Z")
    assert found(timeMax="2027-03-01T20:00:01+11:00")
    assert reason_of(ada.events().list(**PRIMARY, timeMin="2027-03-02T00:00:00Z", timeMax="2027-03-01T00:00:00Z")) == (
        400,
        "timeRangeEmpty",
    )


def test_an_endless_series_that_began_long_ago_is_inside_every_later_window(ada: Any) -> None:
    body = timed("2019-03-04", id="endless", recurrence=["RRULE:FREQ=WEEKLY"])
    ada.events().insert(**PRIMARY, body=body).execute()
    assert ids(all_pages(ada.events().list, **PRIMARY, timeMin="2040-01-01T00:00:00Z")[0]) == ["endless"]


@pytest.mark.parametrize(("bounded", "expected"), [(False, ["ancient"]), (True, [])])
def test_whether_a_token_stays_bounded_by_time_min_is_a_switch(
    google: Google, ada: Any, bounded: bool, expected: list[str]
) -> None:
    google.control("POST", "settings", {"bounded_sync_tokens": bounded})
    _, token = all_pages(ada.events().list, **PRIMARY, timeMin="2027-01-01T00:00:00Z")
    ada.events().insert(**PRIMARY, body=timed("2020-03-01", id="ancient")).execute()
    assert ids(all_pages(ada.events().list, **PRIMARY, syncToken=token)[0]) == expected


def test_the_search_for_a_tag_finds_exactly_what_carries_it(ada: Any) -> None:
    tagged = timed("2027-03-01", id="tagge", extendedProperties={"private": {"lockstep": "e1"}})
    ada.events().insert(**PRIMARY, body=tagged).execute()
    ada.events().insert(**PRIMARY, body=timed("2027-03-02")).execute()
    found = ada.events().list(**PRIMARY, privateExtendedProperty="lockstep=e1").execute()["items"]
    assert ids(found) == ["tagge"]


def test_event_types_filter_and_the_series_a_person_splits_gets_a_new_id(google: Google, ada: Any) -> None:
    birthday = {"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-02"}, "eventType": "workingLocation"}
    birthday["workingLocationProperties"] = {"type": "homeOffice", "homeOffice": {}}
    google.control("POST", f"calendars/{ADA}/events", birthday)
    ada.events().insert(**PRIMARY, body=weekly(5, id="series1")).execute()
    items, token = all_pages(ada.events().list, **PRIMARY, eventTypes=["default"])
    assert ids(items) == ["series1"]
    split = {"from": "2027-03-15T09:00:00+11:00", "changes": {"summary": "Later"}}
    done = google.control("POST", f"calendars/{ADA}/events/series1/split", split)
    assert done["trimmed"]["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20270314T215959Z"]
    assert done["following"]["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=3"]
    found = all_pages(ada.events().list, **PRIMARY, eventTypes=["default"], syncToken=token)[0]
    assert ids(found) == ["series1", "series1_R20270314T220000"]
    following = ada.events().instances(**PRIMARY, eventId="series1_R20270314T220000").execute()["items"]
    assert [i["summary"] for i in following] == ["Later"] * 3


def test_a_deleted_event_vanishes_for_good_after_a_while(google: Google, ada: Any) -> None:
    _, token = all_pages(ada.events().list, **PRIMARY)
    ada.events().insert(**PRIMARY, body=timed("2027-03-01", id="gone1")).execute()
    ada.events().delete(**PRIMARY, eventId="gone1").execute()
    assert ids(all_pages(ada.events().list, **PRIMARY, showDeleted=True)[0]) == ["gone1"]
    google.control("POST", "forget_deleted")
    assert all_pages(ada.events().list, **PRIMARY, syncToken=token)[0] == []
    assert reason_of(ada.events().get(**PRIMARY, eventId="gone1")) == (404, "notFound")
