import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, create_app, echo
from simulators.microsoft.push import Courier

from .conftest import ADA, BOB, Graph, Microsoft, timed, weekly

HOOK = "https://hooks.example/webhooks/microsoft"


def wish(microsoft: Microsoft, minutes: int = 10_080, **more: Any) -> Any:
    ends = microsoft.moment + timedelta(minutes=minutes)
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": HOOK,
        "lifecycleNotificationUrl": f"{HOOK}/lifecycle",
        "resource": "/me/events",
        "expirationDateTime": f"{ends:%Y-%m-%dT%H:%M:%S.0000000Z}",
        "clientState": "calendar.mac",
    } | more


def test_both_addresses_are_asked_before_the_subscription_exists(microsoft: Microsoft, ada: Graph) -> None:
    made = ada("POST", "/subscriptions", wish(microsoft))
    assert [p.kind for p in microsoft.pushes] == ["handshake", "handshake"]
    assert [urlsplit(p.url).path for p in microsoft.pushes] == ["/webhooks/microsoft", "/webhooks/microsoft/lifecycle"]
    assert "%3A" in microsoft.pushes[0].url, "the token must be decoded to be right"
    assert made["expirationDateTime"] == "2027-01-11T08:00:00Z"
    assert ada("GET", f"/subscriptions/{made['id']}")["clientState"] == "calendar.mac"
    assert len(ada("GET", "/subscriptions")["value"]) == 1


def _raw(push: PushRequest) -> PushReply:
    return PushReply(200, push.url.split("validationToken=")[1].encode())


@pytest.mark.parametrize(
    "endpoint",
    [
        lambda _: PushReply(404),
        lambda push: PushReply(202, echo(push).body),
        lambda push: PushReply(200, echo(push).body, "text/html"),
        lambda push: PushReply(200, b'"' + echo(push).body + b'"'),
        lambda push: PushReply(200, echo(push).body, seconds=10.5),
        lambda push: echo(push) if "lifecycle" not in push.url else PushReply(500),
        _raw,
    ],
)
def test_a_handshake_that_is_not_exact_makes_no_subscription(microsoft: Microsoft, ada: Graph, endpoint: Any) -> None:
    microsoft.world.send_push = endpoint
    assert ada.refused("POST", "/subscriptions", wish(microsoft)) == (400, "ValidationError")
    assert ada("GET", "/subscriptions")["value"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"clientState": "x" * 129}, 400),
        ({"notificationUrl": "http://hooks.example/x"}, 400),
        ({"lifecycleNotificationUrl": "http://hooks.example/x"}, 400),
        ({"changeType": "created,moved"}, 400),
        ({"resource": "/me/messages"}, 400),
        ({"resource": "/users/bob@contoso.example/events"}, 403),
        ({"expirationDateTime": "2027-01-01T00:00:00Z"}, 400),
        ({"expirationDateTime": "2027-01-05T00:00:00"}, 400),
        ({"unknown": 1}, 400),
    ],
)
def test_a_bad_subscription_is_refused_before_anybody_is_asked(
    microsoft: Microsoft, ada: Graph, change: Any, status: int
) -> None:
    microsoft.world.add_account(BOB)
    assert ada.refused("POST", "/subscriptions", wish(microsoft) | change)[0] == status
    assert microsoft.pushes == []


def test_the_granted_life_is_raised_cut_or_refused_as_the_settings_say(microsoft: Microsoft, ada: Graph) -> None:
    short = ada("POST", "/subscriptions", wish(microsoft, 5))
    assert short["expirationDateTime"] == "2027-01-04T08:45:00Z"
    path = f"/subscriptions/{short['id']}"
    microsoft.control("POST", "settings", {"subscription_max_minutes": 4230})
    assert ada.refused("PATCH", path, {"expirationDateTime": "2027-01-10T08:00:00Z"})[0] == 400
    microsoft.control("POST", "settings", {"long_subscriptions": "cap"})
    renewed = ada("PATCH", path, {"expirationDateTime": "2027-01-10T08:00:00Z"})
    assert renewed["expirationDateTime"] == "2027-01-07T06:30:00Z"


def test_a_second_subscription_for_the_same_is_refused(microsoft: Microsoft, ada: Graph) -> None:
    made = ada("POST", "/subscriptions", wish(microsoft))
    assert ada.refused("POST", "/subscriptions", wish(microsoft, resource="me/events"))[0] == 409
    microsoft.control("POST", "settings", {"duplicate_subscriptions": "allow"})
    second = ada("POST", "/subscriptions", wish(microsoft))
    microsoft.control("POST", "settings", {"duplicate_subscriptions": "refuse"})
    ada("DELETE", f"/subscriptions/{second['id']}")
    ada("DELETE", f"/subscriptions/{made['id']}")
    assert ada("POST", "/subscriptions", wish(microsoft))["id"] != made["id"]


def test_every_change_is_told_with_state_and_the_right_form_of_id(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    immutable = Graph(ada.url, ada.session, ada.token, 'IdType="ImmutableId"')
    calendar = ada("GET", "/me/calendar")["id"]
    immutable("POST", "/subscriptions", wish(microsoft, resource=f"/me/calendars/{calendar}/events"))
    made = microsoft.control("POST", f"calendars/{ADA}/events", timed())
    ada("PATCH", f"/me/events/{made['id']}", {"subject": "x"})
    kept = immutable("GET", f"/me/events/{made['id']}")["id"]
    microsoft.control("DELETE", f"calendars/{ADA}/events/{made['id']}")
    items = microsoft.notified()
    assert [i["changeType"] for i in items] == ["created"] * 2 + ["updated"] * 2 + ["deleted"] * 2
    assert [i["resourceData"]["id"] for i in items] == [made["id"], kept] * 3
    assert {i["clientState"] for i in items} == {"calendar.mac"}
    assert {i["tenantId"] for i in items} == {microsoft.world.accounts[ADA].tenant}
    posts = [p for p in microsoft.pushes if p.kind == "notification"]
    assert [len(json.loads(p.body)["value"]) for p in posts] == [2, 2, 2], (
        "one POST for all subscriptions of an address"
    )


def test_a_read_or_a_refused_write_notifies_nobody(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    ada("GET", "/me/events")
    ada.refused("POST", "/me/events", {"subject": "no times"})
    assert microsoft.notified() == []


def test_an_occurrence_is_told_and_only_wanted_kinds_are(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft, changeType="updated"))
    series = ada("POST", "/me/events", weekly(3))
    microsoft.control("DELETE", f"calendars/{ADA}/events/{series['id']}/occurrences/2027-03-08")
    assert [(i["changeType"], i["resourceData"]["id"]) for i in microsoft.notified()] == [("updated", series["id"])]


def test_a_secondary_calendar_is_silent_for_the_mailbox_subscription(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    other = ada("POST", "/me/calendars", {"name": "Other"})["id"]
    ada("POST", f"/me/calendars/{other}/events", timed())
    assert microsoft.notified() == []
    microsoft.control("POST", "settings", {"mailbox_events_cover": "all"})
    ada("POST", f"/me/calendars/{other}/events", timed())
    assert len(microsoft.notified()) == 1
    microsoft.control("POST", "settings", {"calendar_subscriptions": "refuse"})
    wanted = wish(microsoft, resource=f"/me/calendars/{other}/events")
    assert ada.refused("POST", "/subscriptions", wanted)[0] == 400
    microsoft.control("POST", "settings", {"calendar_subscriptions": "silent", "mailbox_events_cover": "default"})
    ada("POST", "/subscriptions", wanted)
    ada("POST", f"/me/calendars/{other}/events", timed())
    assert len(microsoft.notified()) == 1


def test_holidays_and_shared_calendars_cannot_be_watched_by_a_person(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.world.add_account(BOB)
    alias = microsoft.control("POST", f"calendars/{BOB}/share", {"email": ADA})["id"]
    holiday = microsoft.control("POST", f"accounts/{ADA}/calendars", {"name": "Holidays", "kind": "holiday"})["id"]
    shared = microsoft.graph(scopes=("Calendars.ReadWrite.Shared",))
    assert shared.refused("POST", "/subscriptions", wish(microsoft, resource=f"me/calendars/{alias}/events"))[0] == 403
    assert ada.refused("POST", "/subscriptions", wish(microsoft, resource=f"me/calendars/{holiday}/events"))[0] == 400
    tenant = {"tenant": "contoso.example", "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    app = Graph(microsoft.url, microsoft.session, microsoft.control("POST", "tokens", tenant)["access_token"])
    app("POST", "/subscriptions", wish(microsoft, resource=f"/users/{BOB}/events"))
    microsoft.control("POST", f"calendars/{BOB}/events", timed())
    assert len(microsoft.notified()) == 1


def test_notifications_are_dropped_doubled_and_delayed_on_demand(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    for mode, seen in (("drop", 0), ("double", 2), ("delay", 2)):
        microsoft.control("POST", "push", {"mode": mode, "times": 1, "seconds": 30})
        ada("POST", "/me/events", timed())
        assert len(microsoft.notified()) == seen
    microsoft.pass_time(seconds=31)
    microsoft.control("POST", "push/deliver")
    assert len(microsoft.notified()) == 3


def test_a_refused_notification_is_tried_again_for_four_hours(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    microsoft.push_status = 500
    ada("POST", "/me/events", timed())
    for _ in range(30):
        microsoft.pass_time(minutes=30)
        microsoft.control("POST", "push/deliver")
    delivered = microsoft.control("GET", "subscriptions")["deliveries"]
    assert (delivered["accepted"], delivered["given_up"]) == (0, 1)
    assert delivered["retried"] >= 5
    microsoft.push_status = 202
    ada.token = microsoft.graph().token
    ada("POST", "/me/events", timed())
    assert microsoft.control("GET", "subscriptions")["deliveries"]["accepted"] == 1


def test_a_slow_endpoint_is_counted_and_if_wanted_punished(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))

    def slow(push: PushRequest) -> PushReply:
        microsoft.pushes.append(push)
        return PushReply(202, seconds=11.0)

    now = microsoft.world.now
    microsoft.world.courier = Courier(slow, now, threaded=False, backoff_seconds=1)
    microsoft.control("POST", "settings", {"punish_slow_endpoints": True})
    ada("POST", "/me/events", timed())
    ada("POST", "/me/events", timed())
    state = microsoft.control("GET", "subscriptions")
    assert state["endpoints"]["hooks.example"] == {"posts": 1, "over_3_s": 1, "over_10_s": 1, "state": "drop"}
    assert state["deliveries"]["dropped"] == 1
    assert len(microsoft.notified()) == 1


def test_renewing_and_reauthorising_within_ten_minutes_is_refused(microsoft: Microsoft, ada: Graph) -> None:
    made = ada("POST", "/subscriptions", wish(microsoft, 600))
    path = f"/subscriptions/{made['id']}"
    assert ada.reply("POST", f"{path}/reauthorize").status_code == 204
    renewal = {"expirationDateTime": "2027-01-08T00:00:00Z"}
    assert ada.refused("PATCH", path, renewal)[0] == 409
    microsoft.pass_time(minutes=11)
    assert ada("PATCH", path, renewal)["expirationDateTime"] == "2027-01-08T00:00:00Z"
    assert ada.refused("POST", f"{path}/reauthorize")[0] == 409
    assert ada.refused("PATCH", path, {"lifecycleNotificationUrl": HOOK})[0] == 400


def test_what_has_expired_is_not_found_and_silent(microsoft: Microsoft, ada: Graph) -> None:
    made = ada("POST", "/subscriptions", wish(microsoft, 45))
    microsoft.pass_time(minutes=46)
    assert (
        ada.refused("PATCH", f"/subscriptions/{made['id']}", {"expirationDateTime": "2027-01-08T00:00:00Z"})[0] == 404
    )
    microsoft.control("POST", f"calendars/{ADA}/events", timed())
    assert microsoft.notified() == []


@pytest.mark.parametrize("event", ["reauthorizationRequired", "missed", "subscriptionRemoved"])
def test_lifecycle_events_go_to_their_own_address(microsoft: Microsoft, ada: Graph, event: str) -> None:
    made = ada("POST", "/subscriptions", wish(microsoft))
    microsoft.control("POST", "lifecycle", {"event": event})
    push = microsoft.pushes[-1]
    assert (push.url, push.kind) == (f"{HOOK}/lifecycle", "lifecycle")
    item = microsoft.notified()[0]
    assert (item["lifecycleEvent"], item["subscriptionId"]) == (event, made["id"])
    assert item["clientState"] == "calendar.mac"
    assert "changeType" not in item
    gone = event == "subscriptionRemoved"
    assert ada.reply("GET", f"/subscriptions/{made['id']}").status_code == (404 if gone else 200)


def test_delivery_stops_when_the_user_takes_the_rights_away(microsoft: Microsoft, ada: Graph) -> None:
    ada("POST", "/subscriptions", wish(microsoft))
    microsoft.control("POST", "revoke", {"email": ADA})
    microsoft.control("POST", f"calendars/{ADA}/events", timed())
    assert microsoft.notified() == []


def test_a_subscription_belongs_to_its_maker(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.world.add_account(BOB)
    made = ada("POST", "/subscriptions", wish(microsoft))
    bob = microsoft.graph(BOB)
    assert bob("GET", "/subscriptions")["value"] == []
    assert bob.refused("DELETE", f"/subscriptions/{made['id']}") == (404, "ResourceNotFound")


def test_the_endpoint_may_call_back_while_it_is_being_told(microsoft: Microsoft) -> None:
    seen: list[int] = []

    def nosy(push: PushRequest) -> PushReply:
        listed = client.get("/v1.0/me/events", headers=headers)
        seen.append(len(listed.get_json()["value"]))
        return (
            PushReply(200, parse_qs(urlsplit(push.url).query)["validationToken"][0].encode())
            if "?" in push.url
            else PushReply(202)
        )

    world = MicrosoftWorld(now=lambda: microsoft.moment, send_push=nosy, seed="x")
    world.add_app("client", "secret", [])
    world.add_account(ADA)
    client = create_app(world).test_client()
    wanted = {"email": ADA, "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    token = client.post("/control/tokens", json=wanted).get_json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post("/v1.0/subscriptions", headers=headers, json=wish(microsoft)).status_code == 201
    assert client.post("/v1.0/me/events", headers=headers, json=timed()).status_code == 201
    assert seen == [0, 0, 1]
