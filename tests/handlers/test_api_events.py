"""The app's events over the REST API: what is refused and why, versions, pages, occurrences, and who sees what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.handlers.people import Person, person, rows, rows_that_name, shared_world, times
from tests.world import World

BODY = {"title": "Consultation", **times("2027-03-01T09:00:00", "2027-03-01T10:00:00")}
YEARS = "from=2026-01-01T00:00:00Z&to=2027-12-31T00:00:00Z"
WEEKLY = {**BODY, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}


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


def host(org: str = "demo") -> dict[str, object]:
    return {"sub": "backend", "org": org, "scope": "openid lockstep.host"}


# --- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [("{", 400, "not_json"), ("[1]", 400, "not_an_object"), ('"x"', 400, "not_an_object"),
     ("[" * 99_000, 400, "not_json"), ('{"title": "' + "x" * 300_000 + '"}', 413, "body_too_large")],
    ids=["half an object", "a list", "a text", "a hundred thousand brackets", "300 kB"],
)  # fmt: skip
def test_a_body_that_is_no_object_is_refused_and_nothing_is_stored(anna, body, status, code):
    anna.refused(status, code, "PUT", "/v1/events/b1", body)
    assert rows_that_name(anna.user) == {}


def test_a_body_of_bytes_that_are_no_text_is_refused(anna):
    from functions.api.handler import lambda_handler
    from tests.world import LambdaContext, http_event

    event = http_event("PUT", "/v1/events/b1", "/////w==", claims={"sub": anna.user}, headers={})
    answer = lambda_handler({**event, "isBase64Encoded": True}, LambdaContext())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "not_json")


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"titel": "Typo"}, ["titel"]),
        (times("2027-03-01T10:00:00", "2027-03-01T09:00:00"), ["end"]),
        (times("2027-03-01T09:00:00", "2027-03-01T10:00:00", "Mars/Olympus"), ["start.time_zone", "end.time_zone"]),
        ({"recurrence": ["RRULE:FREQ=SOMETIMES"]}, ["recurrence[0]"]),
        ({"start": {"date": "2027-02-30"}, "end": {"date": "2027-03-01"}}, ["start.date"]),
        ({"start": {"date_time": "2027-03-01T09:00:00+01:00", "time_zone": "Europe/Berlin"}}, ["start.date_time"]),
        ({"title": "half \ud800 a character"}, ["title"]),
        ({"attendees": [{"email": "nobody"}]}, ["attendees[0].email"]),
        ({"title": 5, "show_as": "maybe"}, ["title", "show_as"]),
        ({"id": "another"}, ["id"]),
    ],
    ids=["unknown member", "end before start", "no such zone", "no such rule", "no such day", "offset", "surrogate",
         "no address", "two faults", "another id"],
)  # fmt: skip
def test_a_member_that_is_wrong_is_named_and_nothing_is_stored(anna, members, fields):
    assert anna.refused(422, "invalid_request", "PUT", "/v1/events/b1", {**BODY, **members}) == fields
    assert rows_that_name(anna.user) == {}


def test_a_sentence_does_not_repeat_what_the_event_says(anna):
    answer = anna.raw(
        "PUT", "/v1/events/b1", {**BODY, "title": "secret-title" * 200, "attendees": [{"email": "secret"}]}
    )
    assert answer["statusCode"] == 422
    assert "secret" not in answer["body"]


@pytest.mark.parametrize("event_id", ["a b", "ä", "x" * 129, "a.b", "a|b", "%00"])
def test_an_id_that_could_not_stand_in_a_path_is_refused_when_it_is_chosen(anna, event_id):
    assert anna.refused(422, "invalid_request", "PUT", f"/v1/events/{quote(event_id)}", BODY) == ["id"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_id_that_is_too_long_for_any_event_is_simply_unknown(anna, method):
    anna.refused(404, "not_found", method, f"/v1/events/{'x' * 3000}", {"title": "T"} if method == "PATCH" else None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2027-03-01&to=2027-04-01T00:00:00Z", "from"),
        ("from=2027-03-01T00:00:00&to=2027-04-01T00:00:00Z", "from"),
        ("from=2027-03-01T00:00:00Z", "to"),
        ("from=2027-03-01T00:00:00Z&to=2027-03-01T00:00:00Z", "to"),
        ("from=0001-01-01T00:00:00%2B14:00&to=2027-03-01T00:00:00Z", "from"),
        ("from=2027-03-01T00:00:00Z&to=9999-12-31T23:59:59-14:00", "to"),
        ("from=2027-03-01T00:00:00Z&to=2037-03-01T00:00:00Z&expand=true", "to"),
        (f"{YEARS}&after=nonsense", "after"),
        (f"{YEARS}&after=2027-03-01T09:00:00.000000Z%20", "after"),
    ],
)
def test_a_window_or_a_position_that_makes_no_sense_is_refused_by_name(anna, query, field):
    assert anna.refused(422, "invalid_request", "GET", f"/v1/events?{query}") == [field]


# --- writing -------------------------------------------------------------------------------------------------------


def test_writing_the_same_event_twice_changes_nothing_and_says_nothing(anna):
    first = anna.raw("PUT", "/v1/events/b1", BODY)
    assert (first["statusCode"], first["headers"]["etag"]) == (201, '"1"')
    again = anna.raw("PUT", "/v1/events/b1", BODY)
    assert (again["statusCode"], again["headers"]["etag"]) == (200, '"1"')
    assert anna.notices() == ["event.created"]


def test_an_answer_can_be_written_back_as_it_is(anna):
    event = anna.ask("PUT", "/v1/events/b1", {**WEEKLY, "reminders": [{"minutes": 5}], "visibility": "private"})
    assert anna.api("PUT", "/v1/events/b1", event) == (200, event)
    assert anna.api("PATCH", "/v1/events/b1", event) == (200, event)


def test_a_write_that_is_based_on_an_old_version_changes_nothing(anna):
    anna.book("b1")
    anna.ask("PATCH", "/v1/events/b1", {"title": "Newer"}, headers={"If-Match": '"1"'})
    for method, body in (("PUT", BODY), ("PATCH", {"title": "Lost"}), ("DELETE", None)):
        anna.refused(412, "version_conflict", method, "/v1/events/b1", body, headers={"if-match": '"1"'})
    assert anna.ask("GET", "/v1/events/b1")["title"] == "Newer"
    assert anna.api("DELETE", "/v1/events/b1", headers={"if-match": 'W/"2"'})[0] == 204


def test_a_write_to_a_version_of_an_event_that_does_not_exist_makes_none(anna):
    anna.refused(412, "version_conflict", "PUT", "/v1/events/b1", BODY, headers={"if-match": '"1"'})
    assert rows_that_name(anna.user) == {}


@pytest.mark.parametrize("tag", ["abc", "²", "9" * 5000, '"-1"'])
def test_an_if_match_that_is_no_version_is_refused_by_name(anna, tag):
    assert anna.refused(422, "invalid_request", "PUT", "/v1/events/b1", BODY, headers={"if-match": tag}) == ["If-Match"]


def test_a_deleted_event_is_unknown_keeps_its_history_and_may_be_made_anew(anna):
    anna.book("b1")
    assert anna.api("DELETE", "/v1/events/b1")[0] == 204
    for method in ("GET", "DELETE"):
        anna.refused(404, "not_found", method, "/v1/events/b1")
    assert [entry["rule"] for entry in anna.ask("GET", "/v1/events/b1/history")["items"]] == ["deleted", "created"]
    again = anna.raw("PUT", "/v1/events/b1", BODY)
    assert (again["statusCode"], json.loads(again["body"])["version"]) == (201, 3)


def test_the_history_says_who_changed_an_event(anna):
    anna.book("b1")
    anna.ask("PATCH", "/v1/events/b1", {"title": "By the app", "user_id": anna.user}, claims=host())
    entries = anna.ask("GET", "/v1/events/b1/history")["items"]
    assert [(entry["rule"], entry["actor"]) for entry in entries] == [
        ("updated", "host app"),
        ("created", f"user {anna.user}"),
    ]


def test_the_host_app_is_not_told_of_what_it_did_itself(anna):
    anna.ask("PUT", "/v1/events/b1", {**BODY, "user_id": anna.user}, claims=host())
    assert anna.notices() == []
    anna.ask("PATCH", "/v1/events/b1", {"title": "By the person"})
    assert anna.notices() == ["event.updated"]


def test_a_notice_holds_no_text_of_the_event(anna):
    anna.ask("PUT", "/v1/events/b1", {**BODY, "title": "Surgery", "location": "Clinic"})
    found = rows_that_name("Surgery") | rows_that_name("Clinic")
    assert "deliveries_table" not in found


# --- pages ---------------------------------------------------------------------------------------------------------


def test_a_listing_of_many_pages_shows_every_event_once(anna, monkeypatch):
    monkeypatch.setattr("shared.events.PAGE", 3)
    for day in range(1, 11):
        anna.book(f"b{day}", f"Day {day}", day=day)
    found, path = [], f"/v1/events?{YEARS.replace('Z', '%2B00:00')}"
    for _ in range(9):
        page = anna.ask("GET", path)
        found += [event["id"] for event in page["items"]]
        path = page["next"]
        if path is None:
            break
        assert path.startswith("/v1/events?")
    assert path is None
    assert sorted(found) == sorted(f"b{day}" for day in range(1, 11))


def test_the_pages_of_a_backends_listing_stay_with_the_user_it_named(anna, monkeypatch):
    monkeypatch.setattr("shared.events.PAGE", 1)
    anna.book("b1", day=1)
    anna.book("b2", day=2)
    page = anna.ask("GET", f"/v1/events?{YEARS}&user_id={anna.user}", claims=host())
    following = anna.ask("GET", page["next"], claims=host())
    assert [event["id"] for event in page["items"] + following["items"]] == ["b1", "b2"]


def test_an_event_is_listed_where_it_overlaps_the_window_not_only_where_it_starts(anna):
    anna.ask("PUT", "/v1/events/b1", {"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-10"}})
    inside = "from=2027-03-05T00:00:00Z&to=2027-03-06T00:00:00Z"
    after = "from=2027-03-11T00:00:00Z&to=2027-03-12T00:00:00Z"
    assert [event["id"] for event in anna.ask("GET", f"/v1/events?{inside}")["items"]] == ["b1"]
    assert anna.ask("GET", f"/v1/events?{after}")["items"] == []


# --- series --------------------------------------------------------------------------------------------------------


def test_an_expanded_listing_names_each_occurrence_by_what_a_path_takes(anna):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    anna.ask("PUT", "/v1/events/b1", {**BODY, **times("2027-03-02T09:00:00", "2027-03-02T10:00:00")})
    items = anna.ask("GET", f"/v1/events?{YEARS}&expand=true")["items"]
    assert [(item["series_id"], item["original_start"]) for item in items] == [
        ("s1", "2027-03-01T08:00:00Z"),
        (None, "2027-03-02T08:00:00Z"),
        ("s1", "2027-03-08T08:00:00Z"),
        ("s1", "2027-03-15T08:00:00Z"),
        ("s1", "2027-03-22T08:00:00Z"),
    ]
    for item in items:
        if item["series_id"]:
            path = f"/v1/events/{item['series_id']}/occurrences/{item['original_start']}"
            assert anna.api("PATCH", path, {"title": "Named"})[0] == 200


def test_a_moved_occurrence_stands_where_it_was_moved_to_and_keeps_its_name(anna):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    path = "/v1/events/s1/occurrences/2027-03-08T08:00:00Z"
    anna.ask("PATCH", path, times("2027-03-20T11:00:00", "2027-03-20T12:00:00"))
    items = anna.ask("GET", f"/v1/events?{YEARS}&expand=true")["items"]
    assert [(item["original_start"][:10], item["start"]["date_time"][:10]) for item in items] == [
        ("2027-03-01", "2027-03-01"),
        ("2027-03-15", "2027-03-15"),
        ("2027-03-08", "2027-03-20"),
        ("2027-03-22", "2027-03-22"),
    ]


@pytest.mark.parametrize("start", ["2027-03-08T08:00:00Z", "20270308T080000Z", "2027-03-08T09:00:00%2B01:00"])
def test_an_occurrence_is_cancelled_by_any_of_the_names_of_its_start(anna, start):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    event = anna.ask("DELETE", f"/v1/events/s1/occurrences/{start}")
    assert [(item["status"], item["original_start"]["date_time"]) for item in event["overrides"]] == [
        ("cancelled", "2027-03-08T09:00:00")
    ]
    assert len(anna.ask("GET", f"/v1/events?{YEARS}&expand=true")["items"]) == 3


def test_cancelling_an_occurrence_twice_is_the_same_as_once_and_it_can_be_brought_back(anna):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    path = "/v1/events/s1/occurrences/2027-03-08T08:00:00Z"
    assert anna.ask("DELETE", path) == anna.ask("DELETE", path)
    assert anna.refused(422, "invalid_request", "PATCH", path, {"title": "Back?"}) == ["status"]
    assert anna.api("PATCH", path, {"status": "confirmed"})[0] == 200
    assert len(anna.ask("GET", f"/v1/events?{YEARS}&expand=true")["items"]) == 4


@pytest.mark.parametrize("start", ["2027-03-09T08:00:00Z", "nonsense", "2027-03-08", "2027-04-05T08:00:00Z"])
def test_an_occurrence_that_the_series_does_not_have_is_unknown(anna, start):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    anna.refused(404, "not_found", "DELETE", f"/v1/events/s1/occurrences/{start}")
    anna.refused(404, "not_found", "PATCH", f"/v1/events/s1/occurrences/{start}", {"title": "T"})


def test_a_single_event_has_no_occurrences_to_change(anna):
    anna.book("b1")
    anna.refused(404, "not_found", "DELETE", "/v1/events/b1/occurrences/2027-03-01T08:00:00Z")


# --- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/events/b1", None),
        ("PATCH", "/v1/events/b1", {"title": "Mine"}),
        ("DELETE", "/v1/events/b1", None),
        ("GET", "/v1/events/b1/history", None),
        ("DELETE", "/v1/events/b1/occurrences/2027-03-01T08:00:00Z", None),
    ],
)
def test_somebody_elses_event_is_answered_exactly_as_one_that_does_not_exist(anna, bert, method, path, body):
    anna.ask("PUT", "/v1/events/b1", WEEKLY)
    assert bert.raw(method, path, body) == bert.raw(method, path.replace("b1", "b2"), body)
    assert anna.ask("GET", "/v1/events/b1")["version"] == 1


def test_two_users_may_choose_the_same_id_without_meeting(anna, bert):
    anna.book("b1", "Anna's")
    bert.book("b1", "Bert's")
    assert (anna.here(), bert.here()) == (["Anna's"], ["Bert's"])


def test_a_user_who_names_another_one_gets_nowhere(anna, bert):
    anna.book("b1")
    bert.refused(404, "not_found", "GET", f"/v1/events/b1?user_id={anna.user}")
    bert.refused(404, "not_found", "PUT", "/v1/events/b1", {**BODY, "user_id": anna.user, "title": "Taken"})
    assert anna.ask("GET", f"/v1/events/b1?user_id={anna.user}")["title"] == "Consultation"


def test_the_backend_acts_for_any_user_of_its_own_organisation_and_no_other(anna):
    anna.book("b1")
    path = f"/v1/events/b1?user_id={anna.user}"
    assert anna.ask("GET", path, claims=host())["user_id"] == anna.user
    anna.refused(404, "not_found", "GET", path, claims=host("another"))
    assert anna.ask("GET", f"/v1/events?{YEARS}&user_id={anna.user}", claims=host("another"))["items"] == []
    assert anna.api("DELETE", path, claims=host())[0] == 204


@pytest.mark.parametrize("named", [None, "", 7, "x" * 2000, "half \ud800"])
def test_a_backend_that_does_not_say_for_whom_is_told_so(anna, named):
    body = {**BODY} if named is None else {**BODY, "user_id": named}
    assert anna.refused(422, "invalid_request", "PUT", "/v1/events/b1", body, claims=host()) == ["user_id"]
    assert rows("events_table") == [row for row in rows("events_table") if "backend" not in row["owner"]]


@pytest.mark.parametrize("scope", ["lockstep.hostile", "", "lockstep", None, ["lockstep"]])
def test_a_scope_that_only_looks_like_the_backends_gives_no_rights(anna, scope):
    anna.book("b1")
    claims = {"sub": "mallory", "org": "demo", "scope": scope, "roles": "[admin]"}
    anna.refused(404, "not_found", "GET", f"/v1/events/b1?user_id={anna.user}", claims=claims)


def test_an_organisations_name_cannot_be_made_to_look_like_another_ones_user(anna):
    anna.ask("PUT", "/v1/events/b1", {**BODY, "user_id": "x|y"}, claims=host("a"))
    anna.refused(404, "not_found", "GET", "/v1/events/b1?user_id=y", claims=host("a|x"))
    assert anna.ask("GET", "/v1/events/b1?user_id=x%7Cy", claims=host("a"))["user_id"] == "x|y"


# --- versions of one occurrence ------------------------------------------------------------------------------------


OCCURRENCE = "/v1/events/s1/occurrences/2027-03-08T08:00:00Z"


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"title": "Lost"}), ("DELETE", None)])
def test_a_write_to_an_occurrence_that_is_based_on_an_old_version_of_its_series_changes_nothing(anna, method, body):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    anna.ask("PATCH", "/v1/events/s1", {"title": "Newer"})
    before = anna.ask("GET", "/v1/events/s1")
    anna.refused(412, "version_conflict", method, OCCURRENCE, body, headers={"if-match": '"1"'})
    assert anna.refused(422, "invalid_request", method, OCCURRENCE, body, headers={"if-match": "abc"}) == ["If-Match"]
    assert anna.ask("GET", "/v1/events/s1") == before
    for tag in ('"2"', "*"):
        answer = anna.raw(method, OCCURRENCE, body, headers={"if-match": tag})
        assert (answer["statusCode"], answer["headers"]["etag"]) == (200, '"3"')


def test_an_occurrence_that_does_not_exist_is_unknown_whatever_version_is_named(anna):
    anna.ask("PUT", "/v1/events/s1", WEEKLY)
    path = OCCURRENCE.replace("08T", "09T")
    anna.refused(404, "not_found", "DELETE", path, headers={"if-match": '"7"'})
