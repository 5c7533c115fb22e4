"""Notifications: which are believed, what they cost, and that the last one of a burst is never lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import quote

import pytest

from shared.clock import now, to_text
from shared.notifications import PURPOSE, token_for
from shared.signing import Keyring
from shared.store.tables import CalendarRow, PendingRow
from tests.handlers.people import Person, captured_log, lines, person, rows, shared_world
from tests.world import LambdaContext, World, http_event, times


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


@pytest.fixture
def bert(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


def genuine(calendar_id: str, channel: str = "sub-1", key: str = "notification-key-1") -> dict[str, str]:
    """The headers of a notification as our own subscription would cause it."""
    return {
        "X-Goog-Channel-ID": channel,
        "X-Goog-Resource-State": "exists",
        "X-Goog-Channel-Token": token_for(calendar_id, channel, Keyring([key.encode()], PURPOSE)),
    }


def mine(person: Person, connection_id: str) -> str:
    return str(person.main_calendar(connection_id)["id"])


# --- who is believed -----------------------------------------------------------------------------------------------

TOKEN = "x-goog-channel-token"


def forged(calendar_id: str) -> dict[str, Mapping[str, str]]:
    good = genuine(calendar_id)
    other = {"X-Goog-Channel-Token": good["X-Goog-Channel-Token"].replace(calendar_id, f"{calendar_id[:-1]}x")}
    return {
        "no headers": {},
        "no token": {name: value for name, value in good.items() if name != "X-Goog-Channel-Token"},
        "empty token": {**good, "X-Goog-Channel-Token": ""},
        "no mac": {**good, "X-Goog-Channel-Token": calendar_id},
        "wrong key": genuine(calendar_id, key="another"),
        "another calendar's id": {**good, **other},
        "another channel": {**good, "X-Goog-Channel-ID": "sub-2"},
        "cut short": {**good, "X-Goog-Channel-Token": good["X-Goog-Channel-Token"][:-1]},
        "not ascii": {**good, "X-Goog-Channel-Token": f"{calendar_id}.\u00e4\u20ac"},
        "no calendar": genuine(""),
        "dots": {**good, "X-Goog-Channel-Token": "..."},
    }


@pytest.mark.parametrize("name", forged("con_a.b"))
def test_a_notification_that_does_not_verify_is_refused_and_counted_and_costs_nothing(anna, name):
    headers = forged(mine(anna, anna.connect()))[name]
    anna.forget_calls()
    with captured_log() as log:
        assert anna.world.webhook(headers) == 403
    (line,) = lines(log, "notification refused")
    assert line["refused"] == 1
    assert not [value for value in headers.values() if len(value) > 20 and value in log.getvalue()]
    assert anna.world.waiting_jobs() == 0
    assert anna.world.control("GET", "calls")["total"] == 0


def test_a_refusal_says_nothing_about_what_was_wrong(world):
    from functions.webhook_receiver.handler import lambda_handler

    event = http_event("POST", "/webhooks/google", None, claims={}, headers=forged("con_a.b")["wrong key"])
    answer = lambda_handler({**event, "pathParameters": {"provider": "google"}}, LambdaContext())
    assert (answer["statusCode"], answer["body"]) == (403, "")


@pytest.mark.parametrize("provider", ["yahoo", "", "../google"])
def test_a_provider_that_does_not_exist_has_no_webhook(world, provider):
    assert world.webhook(genuine("con_a.b"), provider=provider) == 404
    assert world.waiting_jobs() == 0


def test_the_first_message_of_a_channel_is_taken_before_anybody_knows_the_channel(world):
    assert world.webhook({"X-Goog-Channel-ID": "sub-9", "X-Goog-Resource-State": "sync"}) == 202
    assert world.waiting_jobs() == 0


def test_a_subscription_made_under_the_previous_key_is_still_believed(world):
    import boto3

    from shared.secret_entries import forget_entries

    secrets = boto3.client("secretsmanager")
    secrets.put_secret_value(
        SecretId="notification-keys", SecretString='{"current": "k2", "previous": "notification-key-1"}'
    )
    forget_entries()
    try:
        assert world.webhook(genuine("con_a.b")) == 202
        assert world.webhook(genuine("con_a.b", key="k2")) == 202
        assert world.webhook(genuine("con_a.b", key="k3")) == 403
    finally:
        secrets.put_secret_value(
            SecretId="notification-keys", SecretString='{"current": "notification-key-1", "previous": ""}'
        )
        forget_entries()
    world.drain()


def test_a_forged_item_beside_a_genuine_one_does_not_spoil_it_and_is_counted(world, monkeypatch):
    from shared.providers.base import Notification, Notifications

    good = genuine("con_a.b")
    items = (Notification("sub-1", good["X-Goog-Channel-Token"]), Notification("sub-1", "con_c.d.forged"))
    monkeypatch.setattr("shared.notifications.parse_notification", lambda *_: Notifications(items))
    with captured_log() as log:
        assert world.webhook({}) == 202
    assert [line["refused"] for line in lines(log, "notification refused")] == [1]
    messages = world.sqs.receive_message(QueueUrl=world.jobs_url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ['{"calendar_id": "con_a.b"}']


def test_the_receiver_reads_no_table_and_asks_no_provider(world, monkeypatch):
    from botocore.client import BaseClient

    asked = []
    call = BaseClient._make_api_call
    monkeypatch.setattr(
        BaseClient, "_make_api_call", lambda self, name, given: asked.append(name) or call(self, name, given)
    )
    for _ in range(3):
        assert world.webhook(genuine("con_a.b")) == 202
    assert set(asked) <= {"SendMessage", "GetSecretValue"}
    assert asked.count("SendMessage") == 3
    assert asked.count("GetSecretValue") <= 1


def test_a_notification_of_a_calendar_that_is_gone_ends_in_nothing(anna):
    assert anna.world.webhook(genuine("con_gone.calendar")) == 202
    anna.forget_calls()
    anna.world.drain()
    assert anna.world.control("GET", "calls")["total"] == 0


# --- what a burst costs (I7) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 25])
def test_a_burst_of_notifications_costs_at_most_two_syncs(anna, count):
    calendar = mine(anna, anna.connect())
    anna.forget_calls()
    for number in range(count):
        if number in (0, count - 1):
            anna.add_there(f"Event {number}")
        assert anna.world.webhook(genuine(calendar)) == 202
    anna.world.pushes.clear()
    anna.world.drain()
    assert anna.calls("events.list") <= 2
    assert anna.here() == sorted(f"Event {number}" for number in {0, count - 1})


def test_a_notification_that_comes_while_the_burst_is_being_worked_on_is_not_dropped(anna, monkeypatch):
    from shared.sync import engine

    calendar = mine(anna, anna.connect())
    fetch, late = engine.fetch_changes, []

    def and_then_something_happens(*arguments: object) -> object:
        page = fetch(*arguments)
        if not late:
            late.append(anna.add_there("Too late for this page"))
            anna.world.webhook(genuine(calendar))
        return page

    monkeypatch.setattr(engine, "fetch_changes", and_then_something_happens)
    anna.forget_calls()
    for _ in range(5):
        anna.world.webhook(genuine(calendar))
    anna.world.pushes.clear()
    while anna.world.work():
        pass
    assert anna.calls("events.list") == 2
    assert anna.here() == ["Too late for this page"]


# --- echoes (I3), and mail (I14) -----------------------------------------------------------------------------------


def test_our_own_write_coming_back_causes_no_write_no_notice_and_no_version(anna):
    calendar = mine(anna, anna.connect())
    guests = [{"email": "guest@example.com"}]
    anna.book("b1", attendees=guests, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
    anna.world.drain()
    anna.ask("PATCH", "/v1/events/b1", {"title": "Moved", **times("2027-03-01T14:00:00", "2027-03-01T15:00:00")})
    anna.ask("DELETE", "/v1/events/b1/occurrences/2027-03-08T13:00:00Z")
    anna.world.drain()
    before, told = anna.ask("GET", "/v1/events/b1"), anna.notices()
    anna.forget_calls()
    for _ in range(3):
        anna.world.webhook(genuine(calendar))
        anna.world.drain()
    assert set(anna.world.control("GET", "calls")["by_method"]) == {"events.list"}
    assert (anna.ask("GET", "/v1/events/b1"), anna.notices()) == (before, told)
    assert anna.world.control("GET", "mails")["count"] == 0


def test_nobody_is_mailed_whatever_happens_to_a_booking(anna):
    connection_id = anna.connect()
    guests = {"attendees": [{"email": "guest@example.com"}, {"email": "other@example.com"}]}
    anna.book("b1", **guests)
    anna.book("b2", day=4, recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **guests)
    anna.world.drain()
    anna.ask("PATCH", "/v1/events/b1", {"title": "Other", "attendees": []})
    anna.ask("DELETE", "/v1/events/b2/occurrences/2027-03-05T08:00:00Z")
    anna.world.drain()
    anna.ask("DELETE", "/v1/events/b1")
    anna.world.drain()
    anna.ask("DELETE", f"/v1/connections/{connection_id}?exported=delete")
    assert anna.there() == []
    assert anna.world.control("GET", "mails") == {"count": 0, "mails": []}


# --- what nobody tells of (I12) ------------------------------------------------------------------------------------


def be_due(calendar_id: str) -> None:
    """As if the time had come to look at the calendar."""
    row = CalendarRow.get(calendar_id.partition(".")[0], calendar_id)
    row.update(actions=[CalendarRow.due_at.set(to_text(now() - timedelta(seconds=1)))])


def test_a_change_of_which_no_notification_ever_came_is_found_by_the_schedule(anna):
    calendar = mine(anna, anna.connect())
    anna.world.control("POST", "push", {"mode": "drop"})
    anna.add_there("Dentist")
    anna.world.drain()
    anna.world.tick()
    anna.world.drain()
    assert anna.here() == [], "it was not due yet"
    be_due(calendar)
    assert anna.world.tick()["polls"] == 1
    anna.world.drain()
    assert anna.here() == ["Dentist"]


def test_a_calendar_is_looked_at_within_a_quarter_of_an_hour_though_it_has_a_subscription(anna):
    calendar = mine(anna, anna.connect())
    (row,) = [row for row in rows("calendars_table") if row["id"] == calendar]
    assert "subscription" in row
    assert to_text(now()) < row["due_at"] < to_text(now() + timedelta(minutes=15))


def test_a_booking_whose_job_was_lost_is_found_by_the_sweep(anna):
    connection_id = anna.connect()
    calendar = mine(anna, connection_id)
    anna.book("b1")
    anna.world.sqs.purge_queue(QueueUrl=anna.world.jobs_url)
    anna.world.tick()
    anna.world.drain()
    assert anna.there() == []
    PendingRow.get(calendar, "b1").update(actions=[PendingRow.due_at.set(to_text(now() - timedelta(seconds=1)))])
    assert anna.world.tick()["marks swept"] == 1
    anna.world.drain()
    assert anna.there() == ["Consultation"]


# --- a grant that the provider no longer takes ---------------------------------------------------------------------


def test_a_withdrawn_consent_is_shown_after_one_job_with_a_reason_and_the_host_is_told_once(anna):
    connection_id = anna.connect()
    calendar = mine(anna, connection_id)
    anna.world.control("POST", "revoke", {"email": anna.account})
    for _ in range(3):
        anna.world.webhook(genuine(calendar))
    anna.world.drain()
    connection = anna.connection(connection_id)
    assert connection["status"] == "reconnect_required"
    assert [reason["code"] for reason in connection["reasons"]] == ["consent_revoked"]
    assert anna.notices().count("connection.reconnect_required") == 1


def test_a_revoked_connection_is_not_asked_again_until_somebody_signs_in(anna):
    calendar = mine(anna, anna.connect())
    anna.world.control("POST", "revoke", {"email": anna.account})
    anna.world.webhook(genuine(calendar))
    anna.world.drain()
    anna.forget_calls()
    be_due(calendar)
    anna.world.tick()
    anna.world.webhook(genuine(calendar))
    anna.book("b1")
    anna.world.drain()
    assert anna.world.control("GET", "calls")["total"] == 0


def test_the_schedule_replaces_a_subscription_that_is_due_before_it_stops_the_old_one(anna):
    calendar = mine(anna, anna.connect())
    (old,) = live_channels(anna)
    row = CalendarRow.get(calendar.partition(".")[0], calendar)
    row.update(actions=[CalendarRow.subscription.set(with_renewal_due(row.subscription))])
    be_due(calendar)
    anna.forget_calls()
    assert anna.world.tick()["renewals"] == 1
    anna.world.drain()
    calls = [call["call"] for call in anna.world.control("GET", "calls")["recent"]]
    (new,) = live_channels(anna)
    assert new != old
    assert calls[:2] == ["events.watch", "channels.stop"]
    anna.world.drain()
    anna.add_there("Told by the new one", day=9)
    anna.world.drain()
    assert anna.here() == ["Told by the new one"]


def with_renewal_due(subscription: str) -> str:
    import json

    members = json.loads(subscription)
    return json.dumps([*members[:3], to_text(now() - timedelta(seconds=1))])


def live_channels(person: Person) -> list[str]:
    channels = person.world.control("GET", "channels")["channels"]
    return [
        channel["id"] for channel in channels if channel["live"] and quote(person.account) in channel["resource_uri"]
    ]
