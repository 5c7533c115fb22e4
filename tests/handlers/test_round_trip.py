"""Both ways through the whole product, one operation at a time."""

from tests.world import ACCOUNT, World, google_times, times


def test_what_the_person_creates_changes_and_deletes_reaches_the_app(world: World) -> None:
    world.connect()
    made = world.add_there(summary="Dentist")
    world.drain()
    assert [event["title"] for event in world.here()] == ["Dentist"]

    world.control("PATCH", f"calendars/{ACCOUNT}/events/{made['id']}", {"summary": "Dentist, moved"})
    world.drain()
    assert [event["title"] for event in world.here()] == ["Dentist, moved"]

    world.control("DELETE", f"calendars/{ACCOUNT}/events/{made['id']}")
    world.drain()
    assert world.here() == []


def test_what_the_app_creates_changes_and_deletes_reaches_the_person(world: World) -> None:
    world.connect()
    body = {"title": "Consultation", **times("2027-03-01T09:00:00", "2027-03-01T10:00:00")}
    assert world.api("PUT", "/v1/events/b1", body)[0] == 201
    world.drain()
    assert [item["summary"] for item in world.there()] == ["Consultation"]

    assert world.api("PATCH", "/v1/events/b1", {"title": "Consultation 2"})[0] == 200
    world.drain()
    assert [item["summary"] for item in world.there()] == ["Consultation 2"]

    assert world.api("DELETE", "/v1/events/b1")[0] == 204
    world.drain()
    assert world.there() == []


def test_events_that_exist_before_connecting_meet_in_both_places(world: World) -> None:
    body = {"title": "Booked before", **times("2027-03-02T09:00:00", "2027-03-02T10:00:00")}
    world.api("PUT", "/v1/events/b1", body)
    world.add_there(summary="There before", **google_times("2027-03-03T09:00:00", "2027-03-03T10:00:00"))
    world.connect()
    assert sorted(event["title"] for event in world.here()) == ["Booked before", "There before"]
    assert sorted(item["summary"] for item in world.there()) == ["Booked before", "There before"]
