"""What went wrong elsewhere, played through the whole product."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3

from tests.world import ACCOUNT, World, google_times, times

EVENTS = f"calendars/{ACCOUNT}/events"
MORNING = times("2027-03-01T09:00:00", "2027-03-01T10:00:00")


def fault(world: World, match: str, kind: str, **more: object) -> None:
    world.control("POST", "faults", {"match": match, "kind": kind, **more})


def titles_there(world: World) -> list[str]:
    return sorted(item["summary"] for item in world.there())


def titles_here(world: World) -> list[str]:
    return sorted(event["title"] for event in world.here())


def book(world: World, name: str, **members: object) -> None:
    status, answer = world.api("PUT", f"/v1/events/{name}", {"title": name, **MORNING, **members})
    assert status in (200, 201), answer


def every_row() -> str:
    """All that stands in any table, decompressed, as one text."""
    from shared.event_storage import decode_series
    from shared.store.tables import TABLES

    client, rows = boto3.client("dynamodb"), list[str]()
    for name in TABLES:
        for row in client.scan(TableName=name)["Items"]:
            rows.append(str({key: value for key, value in row.items() if key != "series"}))
            if "series" in row:
                rows.append(str(decode_series(row["series"]["B"])))
    return "\n".join(rows)


# --- cursors -------------------------------------------------------------------------------------------------------


def test_a_cursor_that_died_loses_no_change_that_was_made_meanwhile(world: World) -> None:
    world.connect()
    ids = {name: world.add_there(summary=name)["id"] for name in ("stays", "changes", "goes")}
    book(world, "booking")
    world.drain()
    world.control("POST", "push", {"mode": "drop", "times": 100})
    world.control("PATCH", f"{EVENTS}/{ids['changes']}", {"summary": "changed"})
    world.control("DELETE", f"{EVENTS}/{ids['goes']}")
    world.add_there(summary="new")
    world.control("POST", "expire_sync_tokens", {})
    world.look()
    assert titles_here(world) == ["booking", "changed", "new", "stays"]
    assert titles_there(world) == ["booking", "changed", "new", "stays"]


def test_a_snapshot_that_lists_nothing_deletes_nothing_that_still_exists(world: World) -> None:
    world.connect()
    world.add_there(summary="one")
    book(world, "booking")
    world.drain()
    world.control("POST", "expire_sync_tokens", {})
    unlisted = world.google_lists_nothing()
    with unlisted:
        world.look()
    assert titles_here(world) == ["booking", "one"]
    world.look()
    assert titles_here(world) == titles_there(world) == ["booking", "one"]


def test_a_first_sync_that_runs_out_of_time_goes_on_where_it_was(world: World) -> None:
    world.control("POST", f"calendars/{ACCOUNT}/fill", {"count": 600})
    connection = world.connect(drain=False)
    world.work()
    world.remaining_ms = 30_050
    batches = 0
    while world.work() and batches < 40:
        batches += 1
        world.remaining_ms = 30_000 if batches % 2 else 300_000
    world.remaining_ms = 300_000
    world.drain()
    assert len(world.here()) == 600
    assert world.api("GET", f"/v1/connections/{connection}")[1]["sync"] == {"state": "done", "done": 600, "total": 600}


# --- series --------------------------------------------------------------------------------------------------------


def test_a_moved_and_a_cancelled_occurrence_arrive_whichever_page_their_series_is_on(world: World) -> None:
    fault(world, "events.list", "page_size_cap", size=1, times=None)
    for number in range(4):
        series = world.add_there(
            summary=f"course {number}",
            recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
            **google_times(f"2027-03-0{number + 1}T09:00:00", f"2027-03-0{number + 1}T10:00:00"),
        )["id"]
        world.control("DELETE", f"{EVENTS}/{series}_2027030{number + 1}T080000Z")
        moved = google_times("2027-03-20T09:00:00", "2027-03-20T10:00:00")
        world.control("PATCH", f"{EVENTS}/{series}_2027030{number + 2}T080000Z", moved)
    world.connect()
    assert len(world.here(expand=True)) == 8
    assert sum(item["start"]["date_time"].startswith("2027-03-20") for item in world.here(expand=True)) == 4


def test_a_series_that_the_app_moves_keeps_its_cancelled_occurrence_cancelled(world: World) -> None:
    world.connect()
    book(world, "course", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    world.drain()
    world.api("DELETE", "/v1/events/course/occurrences/2027-03-02T09:00:00+01:00")
    world.drain()
    world.api("PATCH", "/v1/events/course", times("2027-03-01T11:00:00", "2027-03-01T12:00:00"))
    world.drain()
    expanded = world.control("GET", f"{EVENTS}?expand=1&from=2027-01-01T00:00:00Z&to=2027-12-01T00:00:00Z")["items"]
    starts = sorted(item["start"]["dateTime"] for item in expanded if item["status"] != "cancelled")
    assert starts == ["2027-03-01T11:00:00+01:00", "2027-03-03T11:00:00+01:00"]
    assert len(world.here(expand=True)) == 2


# --- both sides at once --------------------------------------------------------------------------------------------


def test_different_fields_edited_on_both_sides_both_survive(world: World) -> None:
    world.connect()
    book(world, "b1")
    world.drain()
    world.control("PATCH", f"{EVENTS}/{world.there()[0]['id']}", {"location": "Room 5"})
    world.api("PATCH", "/v1/events/b1", {"title": "Renamed"})
    world.drain()
    (here,), (there,) = world.here(), world.there()
    assert (here["title"], here["location"]) == ("Renamed", "Room 5")
    assert (there["summary"], there["location"]) == ("Renamed", "Room 5")


def test_of_two_edits_of_one_field_the_later_stands_and_the_history_keeps_the_other(world: World) -> None:
    world.connect()
    book(world, "b1")
    world.drain()
    world.control("PATCH", f"{EVENTS}/{world.there()[0]['id']}", {"summary": "Earlier, there"})
    world.api("PATCH", "/v1/events/b1", {"title": "Later, here"})
    world.drain()
    assert titles_here(world) == titles_there(world) == ["Later, here"]
    _, history = world.api("GET", "/v1/events/b1/history")
    assert any(entry["lost"].get("title") == "Earlier, there" for entry in history["items"])


def test_a_booking_deleted_by_the_person_stays_deleted_although_it_was_edited_here(world: World) -> None:
    world.connect()
    book(world, "b1")
    world.drain()
    world.control("DELETE", f"{EVENTS}/{world.there()[0]['id']}")
    world.api("PATCH", "/v1/events/b1", {"title": "Edited"})
    world.drain()
    assert world.there() == []
    assert world.here() == []


def test_a_booking_deleted_by_the_person_is_put_back_once_where_the_connection_asks_for_it(world: World) -> None:
    connection = world.connect()
    world.api("PATCH", f"/v1/connections/{connection}", {"on_external_delete": "restore"})
    book(world, "b1")
    world.drain()
    for _ in range(2):
        world.control("DELETE", f"{EVENTS}/{world.there()[0]['id']}")
        world.drain()
        assert titles_there(world) == titles_here(world) == ["b1"]


def test_an_old_copy_taken_out_of_the_bin_goes_again_and_what_was_changed_in_it_is_kept_in_the_history(
    world: World,
) -> None:
    connection = world.connect()
    world.api("PATCH", f"/v1/connections/{connection}", {"on_external_delete": "restore"})
    book(world, "b1")
    world.drain()
    old = world.there()[0]["id"]
    world.control("DELETE", f"{EVENTS}/{old}")
    world.drain()
    new = world.there()[0]["id"]
    world.control("PATCH", f"{EVENTS}/{old}", {"status": "confirmed", "summary": "Changed in the bin"})
    world.drain()
    assert [item["id"] for item in world.there()] == [new] != [old]
    assert titles_there(world) == titles_here(world) == ["b1"]
    _, history = world.api("GET", "/v1/events/b1/history")
    assert [entry["lost"] for entry in history["items"] if entry["lost"]] == [{"title": "Changed in the bin"}]


def test_a_booking_moved_by_the_person_is_put_back_where_the_connection_asks_for_it(world: World) -> None:
    connection = world.connect()
    world.api("PATCH", f"/v1/connections/{connection}", {"on_external_change": "restore"})
    book(world, "b1")
    world.drain()
    moved = google_times("2027-03-01T15:00:00", "2027-03-01T16:00:00")
    world.control("PATCH", f"{EVENTS}/{world.there()[0]['id']}", moved)
    world.drain()
    assert world.there()[0]["start"]["dateTime"] == "2027-03-01T09:00:00+01:00"
    assert world.here()[0]["start"]["date_time"] == "2027-03-01T09:00:00"


# --- trouble at the provider ---------------------------------------------------------------------------------------


def test_an_event_that_the_provider_refuses_is_recorded_and_its_neighbours_arrive(world: World) -> None:
    connection = world.connect()
    fault(world, "events.insert", "refuse", status=400, reason="invalid", message="no", times=1)
    for name in ("b1", "b2", "b3"):
        book(world, name)
    world.drain()
    assert len(world.there()) == 2
    _, calendars = world.api("GET", f"/v1/connections/{connection}/calendars")
    (problem,) = calendars["items"][0]["problems"]
    assert problem["event_id"] in ("b1", "b2", "b3")
    assert problem["sentence"]
    book(world, problem["event_id"], location="now it fits")
    world.drain()
    assert len(world.there()) == 3
    assert world.api("GET", f"/v1/connections/{connection}/calendars")[1]["items"][0]["problems"] == []


def test_an_answer_that_got_lost_after_the_write_makes_no_second_copy(world: World) -> None:
    world.connect()
    fault(world, "events.insert", "garbage_after")
    book(world, "b1")
    world.drain()
    assert titles_there(world) == ["b1"]


def test_throttling_delays_and_loses_nothing(world: World) -> None:
    world.connect()
    fault(world, "events.insert", "user_rate_limit", times=2)
    fault(world, "events.list", "too_many_requests", retry_after=1, times=2)
    book(world, "b1")
    world.add_there(summary="there")
    world.drain()
    assert titles_here(world) == titles_there(world) == ["b1", "there"]


def test_a_quota_that_is_used_up_parks_the_calendar_and_says_so(world: World) -> None:
    connection = world.connect()
    fault(world, "events.list", "quota_exceeded", times=1)
    world.look()
    _, shown = world.api("GET", f"/v1/connections/{connection}")
    assert shown["status"] == "active"
    assert shown["reasons"]
    book(world, "b1")
    world.drain()
    assert world.there() == []
    world.look()
    assert titles_there(world) == ["b1"]
    assert world.api("GET", f"/v1/connections/{connection}")[1]["reasons"] == []


# --- privacy -------------------------------------------------------------------------------------------------------


def test_the_text_of_a_private_event_is_in_no_table_even_after_it_was_public(world: World) -> None:
    world.connect()
    private = {"description": "Oncology-4711", "location": "Oncology-4711", "visibility": "private"}
    world.add_there(summary="Oncology-4711", **private)
    public = world.add_there(summary="Harmless-4712")["id"]
    world.drain()
    assert "Oncology-4711" not in every_row()
    world.api("PATCH", f"/v1/events/{event_id_of(world, 'Harmless-4712')}", {"title": "Both-4713"})
    world.control("PATCH", f"{EVENTS}/{public}", {"summary": "Both-4714"})
    world.drain()
    world.control("PATCH", f"{EVENTS}/{public}", {"visibility": "private"})
    world.drain()
    rows = every_row()
    assert not [word for word in ("4711", "4712", "4713", "4714") if f"-{word}" in rows]
    assert [event["title"] for event in world.here()] == ["", ""]
    assert sorted(item["summary"] for item in world.there()) == ["Both-4714", "Oncology-4711"]


def test_a_busy_only_connection_takes_no_text_at_all(world: World) -> None:
    connection = world.connect()
    world.api("PATCH", f"/v1/connections/{connection}", {"privacy": "busy_only"})
    world.add_there(summary="Anything-4715")
    world.drain()
    assert "Anything-4715" not in every_row()
    assert [event["title"] for event in world.here()] == [""]


def event_id_of(world: World, title: str) -> str:
    return next(str(event["id"]) for event in world.here() if event["title"] == title)


# --- whose event it is ---------------------------------------------------------------------------------------------


def test_what_came_from_one_calendar_is_not_copied_into_another(world: World) -> None:
    second = world.control("POST", f"accounts/{ACCOUNT}/calendars", {"summary": "Second"})["id"]
    connection = world.connect()
    calendars = {one["name"]: one for one in world.api("GET", f"/v1/connections/{connection}/calendars")[1]["items"]}
    world.api("PATCH", f"/v1/calendars/{calendars['Second']['id']}", {"bookings": True})
    world.add_there(summary="private life")
    book(world, "b1")
    world.drain()
    assert titles_there(world) == ["b1", "private life"]
    assert [item["summary"] for item in world.there(second)] == ["b1"]
    world.control("PATCH", f"calendars/{second}/events/{world.there(second)[0]['id']}", {"summary": "b1, renamed"})
    world.drain()
    assert titles_there(world) == ["b1, renamed", "private life"]


def test_another_main_booking_calendar_takes_the_bookings_along(world: World) -> None:
    second = world.control("POST", f"accounts/{ACCOUNT}/calendars", {"summary": "Second"})["id"]
    connection = world.connect()
    book(world, "b1")
    world.drain()
    calendars = {one["name"]: one for one in world.api("GET", f"/v1/connections/{connection}/calendars")[1]["items"]}
    world.api("PATCH", f"/v1/calendars/{calendars['Second']['id']}", {"main": True})
    world.drain()
    assert world.there() == []
    assert [item["summary"] for item in world.there(second)] == ["b1"]
    assert titles_here(world) == ["b1"]


def test_what_is_kept_after_a_disconnect_is_not_doubled_by_connecting_again(world: World) -> None:
    connection = world.connect()
    world.add_there(summary="theirs")
    book(world, "ours")
    world.drain()
    world.api("DELETE", f"/v1/connections/{connection}?imported=keep&exported=keep")
    world.drain()
    world.connect()
    assert titles_here(world) == titles_there(world) == ["ours", "theirs"]
    world.api("PATCH", f"/v1/events/{event_id_of(world, 'theirs')}", {"title": "theirs, renamed"})
    world.api("PATCH", "/v1/events/ours", {"title": "ours, renamed"})
    world.drain()
    assert titles_here(world) == titles_there(world) == ["ours, renamed", "theirs, renamed"]


def notices(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := world.sqs.receive_message(QueueUrl=world.notices_url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def test_a_first_sync_tells_the_host_app_once_and_not_event_by_event(world: World) -> None:
    world.control("POST", f"calendars/{ACCOUNT}/fill", {"count": 20})
    world.connect()
    assert len(notices(world)) == 2  # connection.active, sync.completed


def test_a_private_booking_left_behind_by_an_interrupted_attempt_gets_what_was_changed_since(world: World) -> None:
    world.connect()
    fault(world, "events.insert", "garbage_after")
    book(world, "b1", visibility="private", description="first text")
    world.work()
    book(
        world,
        "b1",
        visibility="private",
        description="second text",
        **times("2027-03-01T15:00:00", "2027-03-01T16:00:00"),
    )
    world.drain()
    (copy,) = world.there()
    assert (copy["description"], copy["start"]["dateTime"]) == ("second text", "2027-03-01T15:00:00+01:00")


def test_an_edit_of_another_occurrence_survives_a_write_that_met_a_newer_version(world: World) -> None:
    world.connect()
    book(world, "course", recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    world.drain()
    series = world.there()[0]["id"]
    for day in (2, 3):
        world.control("PATCH", f"{EVENTS}/{series}_2027030{day}T080000Z", {"location": f"Room {day}"})
    world.drain()
    world.control("PATCH", f"{EVENTS}/{series}_20270302T080000Z", {"summary": "theirs"})
    world.api("PATCH", "/v1/events/course/occurrences/2027-03-03T09:00:00+01:00", {"title": "ours"})
    fault(world, "events.patch", "refuse", status=412, reason="conditionNotMet", message="moved on", times=1)
    world.drain()
    assert sorted(event["title"] for event in world.here(expand=True)) == ["course", "course", "ours", "theirs"]


# --- what nobody told of -------------------------------------------------------------------------------------------


def test_what_neither_push_nor_delta_told_of_is_found_within_a_week(world: World, monkeypatch: Any) -> None:
    from shared.store.calendars import CalendarStore
    from shared.sync import engine
    from shared.sync.fetch import fetch_changes

    connection_id = world.connect()
    world.add_there(summary="overheard")
    monkeypatch.setattr(engine, "fetch_changes", lambda *given: replace(fetch_changes(*given), changes=()))
    world.drain()
    monkeypatch.setattr(engine, "fetch_changes", fetch_changes)
    world.look()
    assert titles_here(world) == []
    (calendar,) = (one for one in CalendarStore().of_connection(connection_id) if one.sync)
    week_ago = calendar.checkpoint.listed_s - int(timedelta(days=7).total_seconds())
    CalendarStore().change(
        calendar.id, lambda found: replace(found, checkpoint=replace(found.checkpoint, listed_s=week_ago))
    )
    world.look()
    assert titles_here(world) == ["overheard"]
