from typing import Any

import pytest
from googleapiclient.errors import HttpError

from .conftest import ADA, Google, keeps_schema, timed

PRIMARY = {"calendarId": "primary"}
ADDRESS = "https://hooks.example/webhooks/google"


def watch(service: Any, channel: str = "channel-1", **more: Any) -> Any:
    body = {"id": channel, "type": "web_hook", "address": ADDRESS, "token": "calendar.mac"} | more
    reply = service.events().watch(**PRIMARY, body=body).execute()
    assert keeps_schema("Channel", reply)
    return reply


def reason_of(request: Any) -> tuple[int, str]:
    with pytest.raises(HttpError) as caught:
        request.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


def test_sync_comes_first_and_then_every_change_with_a_rising_number(google: Google, ada: Any) -> None:
    reply = watch(ada)
    event = ada.events().insert(**PRIMARY, body=timed("2027-03-01")).execute()
    google.control("PATCH", f"calendars/{ADA}/events/{event['id']}", {"summary": "By the user"})
    ada.events().delete(**PRIMARY, eventId=event["id"]).execute()
    states = [p.headers["X-Goog-Resource-State"] for p in google.pushes]
    numbers = [int(p.headers["X-Goog-Message-Number"]) for p in google.pushes]
    assert states == ["sync", "exists", "exists", "exists"]
    assert numbers[0] == 1
    assert numbers == sorted(set(numbers))
    assert numbers != list(range(1, 5)), "real numbers are not contiguous"
    headers = google.pushes[1].headers
    assert headers["X-Goog-Channel-ID"] == "channel-1"
    assert headers["X-Goog-Channel-Token"] == "calendar.mac"
    assert headers["X-Goog-Resource-ID"] == reply["resourceId"]
    assert headers["X-Goog-Resource-URI"] == reply["resourceUri"]
    assert headers["X-Goog-Channel-Expiration"] == "Mon, 11 Jan 2027 08:00:00 GMT"
    assert google.pushes[1].url == ADDRESS


def test_a_read_or_a_refused_write_notifies_nobody(google: Google, ada: Any) -> None:
    watch(ada)
    ada.events().list(**PRIMARY).execute()
    assert reason_of(ada.events().delete(**PRIMARY, eventId="never")) == (404, "notFound")
    assert len(google.pushes) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"address": "http://hooks.example/x"}, "push.webhookUrlNotHttps"),
        ({"id": "x" * 65}, "invalid"),
        ({"id": "sp ace"}, "invalid"),
        ({"token": "x" * 257}, "invalid"),
        ({"type": "email"}, "invalid"),
        ({"expiration": 1}, "invalid"),
    ],
)
def test_a_bad_channel_is_refused(ada: Any, body: Any, reason: str) -> None:
    whole = {"id": "channel-1", "type": "web_hook", "address": ADDRESS} | body
    assert reason_of(ada.events().watch(**PRIMARY, body=whole)) == (400, reason)


def test_an_id_is_used_once_in_the_life_of_the_project(ada: Any) -> None:
    reply = watch(ada)
    ada.channels().stop(body={"id": reply["id"], "resourceId": reply["resourceId"]}).execute()
    whole = {"id": "channel-1", "type": "web_hook", "address": ADDRESS}
    assert reason_of(ada.events().watch(**PRIMARY, body=whole)) == (400, "channelIdNotUnique")


def test_the_granted_life_may_be_shorter_than_asked(google: Google, ada: Any) -> None:
    now_ms = int(google.moment.timestamp() * 1000)
    week = 604_800_000
    assert int(watch(ada, "a")["expiration"]) == now_ms + week
    assert int(watch(ada, "b", params={"ttl": "3600"})["expiration"]) == now_ms + 3_600_000
    assert int(watch(ada, "c", expiration=now_ms + 30 * week)["expiration"]) == now_ms + week
    google.control("POST", "settings", {"max_channel_seconds": 60})
    assert int(watch(ada, "d", params={"ttl": "3600"})["expiration"]) == now_ms + 60_000


def test_an_expired_or_stopped_channel_is_silent(google: Google, ada: Any) -> None:
    first, second = watch(ada, "a", params={"ttl": "60"}), watch(ada, "b")
    assert first["resourceId"] == second["resourceId"], "the id of the resource is stable"
    google.pass_time(seconds=61)
    ada.channels().stop(body={"id": "b", "resourceId": second["resourceId"]}).execute()
    google.pushes.clear()
    ada.events().insert(**PRIMARY, body=timed("2027-03-01")).execute()
    assert google.pushes == []


def test_only_the_creator_with_the_right_resource_id_may_stop(google: Google, ada: Any) -> None:
    google.world.add_account("bob@example.com")
    reply = watch(ada)
    bob = google.service("bob@example.com")
    right = {"id": reply["id"], "resourceId": reply["resourceId"]}
    assert reason_of(bob.channels().stop(body=right)) == (404, "notFound")
    assert reason_of(ada.channels().stop(body=right | {"resourceId": "other"})) == (404, "notFound")
    ada.channels().stop(body=right).execute()
    assert reason_of(ada.channels().stop(body=right)) == (404, "notFound")


def test_a_holiday_calendar_cannot_be_watched(google: Google, ada: Any) -> None:
    holidays = google.world.add_calendar(ADA, summary="Holidays", kind="holiday")
    body = {"id": "channel-1", "type": "web_hook", "address": ADDRESS}
    refused = (400, "pushNotSupportedForRequestedResource")
    assert reason_of(ada.events().watch(calendarId=holidays.id, body=body)) == refused


def test_the_calendar_list_has_channels_of_its_own(google: Google, ada: Any) -> None:
    ada.calendarList().watch(body={"id": "list", "type": "web_hook", "address": ADDRESS}).execute()
    google.pushes.clear()
    ada.events().insert(**PRIMARY, body=timed("2027-03-01")).execute()
    assert google.pushes == []
    ada.calendars().insert(body={"summary": "New"}).execute()
    assert [p.channel_id for p in google.pushes] == ["list"]


@pytest.mark.parametrize(("status", "attempts"), [(503, 2), (500, 2), (400, 1), (410, 1), (302, 1)])
def test_a_5xx_is_tried_again_and_anything_else_is_lost(google: Google, ada: Any, status: int, attempts: int) -> None:
    watch(ada)
    google.pushes.clear()
    google.push_status = status
    ada.events().insert(**PRIMARY, body=timed("2027-03-01")).execute()
    google.push_status = 204
    google.pass_time(seconds=2)
    google.world.deliver_due()
    assert len(google.pushes) == attempts


@pytest.mark.parametrize(("mode", "at_once", "later"), [("drop", 0, 0), ("double", 2, 2), ("delay", 0, 1)])
def test_a_notification_can_be_dropped_doubled_or_late(
    google: Google, ada: Any, mode: str, at_once: int, later: int
) -> None:
    watch(ada)
    google.pushes.clear()
    google.control("POST", "push", {"mode": mode, "times": 1, "seconds": 30})
    ada.events().insert(**PRIMARY, body=timed("2027-03-01")).execute()
    assert len(google.pushes) == at_once
    google.pass_time(seconds=31)
    google.world.deliver_due()
    assert len(google.pushes) == later


def test_the_sync_message_can_arrive_before_the_answer_to_watch(google: Google, ada: Any) -> None:
    watch(ada)
    assert [p.headers["X-Goog-Resource-State"] for p in google.pushes] == ["sync"]
    channels = google.control("GET", "channels")
    assert channels["channels"][0]["live"]
    assert channels["deliveries"]["accepted"] == 1
