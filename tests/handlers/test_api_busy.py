"""Busy time over the REST API: what counts, how old it is, and that it never says "free" where it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from botocore.client import BaseClient

from shared.clock import now
from shared.model import Calendar, Reason
from shared.store.calendars import CalendarStore
from shared.store.tables import ConnectionRow
from tests.handlers.people import Person, google_times, person, setting, shared_world, times
from tests.world import World

MARCH = {"from": "2027-03-01T00:00:00Z", "to": "2027-04-01T00:00:00Z"}
HOST = {"sub": "backend", "org": "demo", "scope": "lockstep.host"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared, setting("WINDOW_BACK_DAYS", "30"):
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


@pytest.fixture
def bert(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


def ask(who: Person, **query: str) -> Any:
    return who.ask("GET", f"/v1/busy?{urlencode({**MARCH, **query})}")


def spans(answer: Any) -> list[tuple[str, str]]:
    """The busy times as `02 08:00` pairs (UTC) of the month asked for."""
    return [(one["start"][8:16].replace("T", " "), one["end"][8:16].replace("T", " ")) for one in answer["busy"]]


def change(calendar_id: str, how: Callable[[Calendar], Calendar]) -> None:
    assert CalendarStore().change(calendar_id, how) is not None


# --- what counts ---------------------------------------------------------------------------------------------------


def test_bookings_and_a_persons_own_appointments_are_told_as_one(anna):
    calendar = anna.main_calendar(anna.connect())
    anna.book("b1", day=2)
    anna.world.add_there(anna.account, summary="Dentist", **google_times("2027-03-02T09:30:00", "2027-03-02T11:00:00"))
    anna.world.drain()
    found = ask(anna)
    assert spans(found) == [("02 08:00", "02 10:00")]
    assert (found["user_id"], found["complete"], found["reasons"]) == (anna.user, True, [])
    assert [(one["id"], one["provider"], one["complete"]) for one in found["calendars"]] == [
        (calendar["id"], "google", True)
    ]
    assert (
        found["as_of"]
        == found["calendars"][0]["last_sync_at"]
        == anna.main_calendar(calendar["connection_id"])["last_sync_at"]
    )


def test_what_a_person_marked_as_free_or_declined_leaves_the_time_free_whether_or_not_it_lasts_all_day(anna):
    anna.connect()
    day = {"start": {"date": "2027-03-04"}, "end": {"date": "2027-03-05"}}
    anna.world.add_there(anna.account, summary="Holiday", transparency="transparent", **day)
    anna.add_there("Maybe later", day=6, transparency="transparent")
    declined = [{"email": anna.account, "self": True, "responseStatus": "declined"}]
    anna.add_there("Not me", day=7, attendees=declined)
    anna.world.drain()
    assert spans(ask(anna)) == []
    anna.world.add_there(anna.account, summary="Conference", **day)
    anna.world.drain()
    assert spans(ask(anna)) == [("03 23:00", "04 23:00")]


def test_a_private_appointment_counts_and_nothing_of_it_but_its_time_is_told(anna):
    anna.connect()
    anna.add_there("Surgery", day=2, visibility="private", description="Ward 3", location="Clinic")
    anna.world.drain()
    answer = anna.raw("GET", f"/v1/busy?{urlencode(MARCH)}")
    assert '"2027-03-02T08:00:00.000000Z"' in answer["body"]
    assert not [word for word in ("Surgery", "Ward", "Clinic", "private") if word in answer["body"]]


def test_of_a_series_moved_occurrences_count_at_their_new_place_and_cancelled_ones_not(anna):
    weekly = {**times("2027-03-01T09:00:00", "2027-03-01T10:00:00"), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
    anna.ask("PUT", "/v1/events/s1", weekly)
    anna.ask("DELETE", "/v1/events/s1/occurrences/2027-03-08T08:00:00Z")
    moved = times("2027-03-16T14:00:00", "2027-03-16T15:00:00")
    anna.ask("PATCH", "/v1/events/s1/occurrences/2027-03-15T08:00:00Z", moved)
    assert spans(ask(anna)) == [("01 08:00", "01 09:00"), ("16 13:00", "16 14:00")]


def test_the_same_appointment_in_two_calendars_counts_once_and_one_in_a_calendar_that_is_not_read_not_at_all(anna):
    anna.world.control("POST", f"accounts/{anna.account}/calendars", {"summary": "Second", "id": f"2-{anna.account}"})
    connection_id = anna.connect()
    second = anna.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"][1]
    for calendar in (anna.account, f"2-{anna.account}"):
        anna.world.add_there(calendar, **google_times("2027-03-02T09:00:00", "2027-03-02T10:00:00"))
    anna.world.add_there(f"2-{anna.account}", **google_times("2027-03-09T09:00:00", "2027-03-09T10:00:00"))
    anna.ask("PATCH", f"/v1/calendars/{second['id']}", {"sync": True})
    anna.world.drain()
    assert spans(ask(anna)) == [("02 08:00", "02 09:00")]
    anna.ask("PATCH", f"/v1/calendars/{second['id']}", {"busy": True})
    assert spans(ask(anna)) == [("02 08:00", "02 09:00"), ("09 08:00", "09 09:00")]


def test_what_began_yesterday_and_still_runs_is_not_left_out_in_whatever_zone_its_days_are(anna):
    calendar = anna.main_calendar(anna.connect())
    day = {"start": {"date": "2027-03-02"}, "end": {"date": "2027-03-03"}}
    anna.world.add_there(anna.account, **day)
    anna.world.drain()
    change(calendar["id"], lambda found: replace(found, zone="America/Los_Angeles"))
    window = {"from": "2027-03-03T03:00:00Z", "to": "2027-03-03T05:00:00Z"}
    assert spans(ask(anna, **window)) == [("03 03:00", "03 05:00")]
    change(calendar["id"], lambda found: replace(found, zone="Not/AZone"))
    assert spans(ask(anna, **window)) == []


def test_a_whole_day_booking_lasts_a_day_of_the_main_booking_calendar(anna):
    anna.ask("PUT", "/v1/events/b1", {"start": {"date": "2027-03-02"}, "end": {"date": "2027-03-03"}})
    assert spans(ask(anna)) == [("02 00:00", "03 00:00")]
    anna.connect()
    assert spans(ask(anna)) == [("01 23:00", "02 23:00")]


def test_what_was_kept_of_an_account_that_is_no_longer_connected_does_not_count_since_nobody_keeps_it_right(anna):
    connection_id = anna.connect()
    anna.add_there("Dentist", day=2)
    anna.book("b1", day=3)
    anna.world.drain()
    anna.ask("DELETE", f"/v1/connections/{connection_id}")
    anna.world.drain()
    found = ask(anna)
    assert (spans(found), found["calendars"], found["complete"]) == ([("03 08:00", "03 09:00")], [], True)


# --- it fails closed -----------------------------------------------------------------------------------------------


def test_somebody_who_has_connected_nothing_is_told_of_their_bookings_as_of_now(anna):
    before = now()
    found = ask(anna)
    assert (found["busy"], found["complete"], found["calendars"]) == ([], True, [])
    assert found["as_of"] >= before.strftime("%Y-%m-%dT%H:%M:%S")


def test_an_account_whose_calendars_are_not_yet_listed_or_not_yet_read_is_not_taken_for_free(anna):
    connection_id, url = anna.begin()
    _, confirmation = anna.come_back(url)
    assert ask(anna)["complete"] is True
    anna.ask("POST", f"/v1/connections/{connection_id}/confirm", {"confirmation": confirmation})
    found = ask(anna)
    assert (found["complete"], found["as_of"], [one["code"] for one in found["reasons"]]) == (
        False,
        None,
        ["first_sync"],
    )
    anna.world.work()
    found = ask(anna)
    assert [(one["complete"], one["reason"]["code"]) for one in found["calendars"]] == [(False, "first_sync")]
    assert (found["complete"], found["as_of"]) == (False, None)
    anna.world.drain()
    assert ask(anna)["complete"] is True


OLD = timedelta(minutes=31)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (lambda found: replace(found, last_sync_at=now() - OLD), "stale"),
        (lambda found: replace(found, sync=False), "not_synced"),
        (lambda found: replace(found, reasons=(Reason("calendar_gone", "It is gone."),)), "calendar_gone"),
        (
            lambda found: replace(found, reasons=(Reason("provider_busy", "Wait."),), parked_until=now() + OLD),
            "provider_busy",
        ),
        (lambda found: replace(found, last_sync_at=None), "first_sync"),
    ],
    ids=["stale", "not synced", "gone", "parked", "never read"],
)
def test_a_calendar_that_may_know_more_makes_the_answer_incomplete_and_says_why(anna, how, code):
    calendar = anna.main_calendar(anna.connect())
    anna.book("b1", day=2)
    change(calendar["id"], how)
    found = ask(anna)
    assert (found["complete"], [one["code"] for one in found["reasons"]]) == (False, [code])
    assert [(one["complete"], one["reason"]["code"]) for one in found["calendars"]] == [(False, code)]
    assert spans(found) == [("02 08:00", "02 09:00")]


def test_a_calendar_that_is_polled_since_it_cannot_be_watched_is_trusted_all_the_same(anna):
    calendar = anna.main_calendar(anna.connect())
    reason = Reason("not_watchable", "It cannot be watched.")
    change(calendar["id"], lambda found: replace(found, watchable=False, reasons=(reason,)))
    assert ask(anna)["complete"] is True


def test_how_old_is_too_old_follows_the_poll_interval(anna):
    calendar = anna.main_calendar(anna.connect())
    change(calendar["id"], lambda found: replace(found, last_sync_at=now() - OLD))
    with setting("POLL_MINUTES", "20"):
        anna.world.bind_again()
        assert ask(anna)["complete"] is True
    anna.world.bind_again()
    assert ask(anna)["complete"] is False


def test_an_account_that_has_to_be_signed_in_again_makes_the_answer_incomplete_at_once(anna):
    connection_id = anna.connect()
    ConnectionRow(connection_id).update(actions=[ConnectionRow.status.set("reconnect_required")])
    found = ask(anna)
    assert (found["complete"], [one["code"] for one in found["reasons"]]) == (False, ["reconnect_required"])


def test_a_window_that_begins_before_calendars_are_read_is_not_called_complete(anna):
    anna.connect()
    early = {"from": (now() - timedelta(days=40)).isoformat(), "to": now().isoformat()}
    assert [one["code"] for one in ask(anna, **early)["reasons"]] == ["too_early"]
    recent = {"from": (now() - timedelta(days=20)).isoformat(), "to": now().isoformat()}
    assert ask(anna, **recent)["complete"] is True


def test_a_window_that_reaches_further_than_a_provider_lists_is_not_called_complete(anna, monkeypatch):
    anna.connect()
    monkeypatch.setattr("shared.busy.SEES_AHEAD", {"google": timedelta(days=183)})
    far = {"from": (now() + timedelta(days=150)).isoformat(), "to": (now() + timedelta(days=200)).isoformat()}
    assert [one["code"] for one in ask(anna, **far)["reasons"]] == ["too_late"]
    near = {"from": (now() + timedelta(days=100)).isoformat(), "to": (now() + timedelta(days=182)).isoformat()}
    assert ask(anna, **near)["complete"] is True


def test_the_oldest_of_several_calendars_says_how_old_the_answer_is(anna):
    anna.world.control("POST", f"accounts/{anna.account}/calendars", {"summary": "Second"})
    connection_id = anna.connect()
    second = anna.ask("GET", f"/v1/connections/{connection_id}/calendars")["items"][1]
    anna.ask("PATCH", f"/v1/calendars/{second['id']}", {"busy": True})
    anna.world.drain()
    change(second["id"], lambda found: replace(found, last_sync_at=now() - timedelta(minutes=5)))
    found = ask(anna)
    by_id = {one["id"]: one["last_sync_at"] for one in found["calendars"]}
    assert (found["as_of"], len(by_id), found["complete"]) == (by_id[second["id"]], 2, True)


# --- who and when --------------------------------------------------------------------------------------------------


def test_the_backend_asks_for_several_users_at_once_and_gets_each_in_the_order_asked(anna, bert):
    anna.book("b1", day=2)
    bert.book("b1", day=3)
    query = urlencode([*MARCH.items(), ("user_id", bert.user), ("user_id", anna.user), ("user_id", bert.user)])
    found = anna.ask("GET", f"/v1/busy?{query}", claims=HOST)
    assert [(one["user_id"], spans(one)) for one in found["items"]] == [
        (bert.user, [("03 08:00", "03 09:00")]),
        (anna.user, [("02 08:00", "02 09:00")]),
    ]
    one = anna.ask("GET", f"/v1/busy?{urlencode({**MARCH, 'user_id': anna.user})}", claims=HOST)
    assert one == found["items"][1] | {"as_of": one["as_of"]}


def test_a_users_name_may_hold_what_separates_names_elsewhere(anna):
    for name in ("x,y", "a b", "ä&user_id=z"):
        found = anna.ask("GET", f"/v1/busy?{urlencode({**MARCH, 'user_id': name})}", claims=HOST)
        assert found["user_id"] == name


def test_nobody_is_told_when_somebody_else_is_busy(anna, bert):
    path = f"/v1/busy?{urlencode([*MARCH.items(), ('user_id', bert.user), ('user_id', anna.user)])}"
    anna.refused(404, "not_found", "GET", path)
    anna.refused(404, "not_found", "GET", f"/v1/busy?{urlencode({**MARCH, 'user_id': bert.user})}")
    bert.book("b1", day=2)
    other = {**HOST, "org": "another"}
    assert anna.ask("GET", f"/v1/busy?{urlencode({**MARCH, 'user_id': bert.user})}", claims=other)["busy"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2027-03-01"}, "from"),
        ({"from": "2027-03-01T00:00:00"}, "from"),
        ({"to": ""}, "to"),
        ({"to": "2027-03-01T00:00:00Z"}, "to"),
        ({"to": "2027-06-02T00:00:00Z"}, "to"),
        ({"to": "9999-12-31T23:59:59-14:00"}, "to"),
    ],
    ids=["a date", "no offset", "no end", "no time", "93 days", "the end of time"],
)
def test_a_window_that_makes_no_sense_is_refused_by_name(anna, query, field):
    assert anna.refused(422, "invalid_request", "GET", f"/v1/busy?{urlencode({**MARCH, **query})}") == [field]


def test_a_backend_that_names_nobody_or_far_too_many_is_told_so(anna):
    assert anna.refused(422, "invalid_request", "GET", f"/v1/busy?{urlencode(MARCH)}", claims=HOST) == ["user_id"]
    many = urlencode([*MARCH.items(), *(("user_id", f"u{number}") for number in range(51))])
    assert anna.refused(422, "invalid_request", "GET", f"/v1/busy?{many}", claims=HOST) == ["user_id"]


# --- what it costs -------------------------------------------------------------------------------------------------


@contextmanager
def counted() -> Iterator[Counter[str]]:
    calls: Counter[str] = Counter()
    plainly = BaseClient._make_api_call

    def call(self: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        calls[operation] += 1
        return plainly(self, operation, given)

    with patch.object(BaseClient, "_make_api_call", call):
        yield calls


def test_an_answer_costs_three_reads_for_each_user_however_many_events_there_are(anna, bert):
    for one in (anna, bert):
        one.connect()
        for day in range(1, 6):
            one.book(f"b{day}", day=day)
    anna.world.drain()
    ask(anna)
    with counted() as calls:
        assert len(ask(anna)["busy"]) == 5
    assert calls == {"Query": 3}
    with counted() as calls:
        query = urlencode([*MARCH.items(), ("user_id", anna.user), ("user_id", bert.user)])
        assert [len(one["busy"]) for one in anna.ask("GET", f"/v1/busy?{query}", claims=HOST)["items"]] == [5, 5]
    assert calls == {"Query": 6}
