from typing import Any

import pytest

from .conftest import ADA, BOB, TAG, YEAR, Graph, Microsoft, Refused, guest, timed, weekly


def make(graph: Graph, body: Any, **headers: str) -> Any:
    return graph("POST", "/me/events", body, **headers)


def instances(graph: Graph, series: Any) -> list[Any]:
    span = f"startDateTime={YEAR['startDateTime']}&endDateTime={YEAR['endDateTime']}&$top=100"
    found: list[Any] = graph("GET", f"/me/events/{series['id']}/instances?{span}")["value"]
    return found


def test_times_are_read_in_the_written_zone_and_told_in_the_wanted_one(ada: Graph) -> None:
    made = make(ada, timed(zone="AUS Eastern Standard Time"), Prefer='outlook.timezone="Australia/Sydney"')
    assert made["start"] == {"dateTime": "2027-03-01T09:00:00.0000000", "timeZone": "Australia/Sydney"}
    assert made["originalStartTimeZone"] == "AUS Eastern Standard Time"
    instant = timed() | {"start": {"dateTime": "2027-02-28T22:00:00Z", "timeZone": "Australia/Sydney"}}
    assert make(ada, instant)["start"]["dateTime"] == "2027-02-28T22:00:00.0000000"
    plain = ada("GET", f"/me/events/{made['id']}")
    assert plain["start"] == {"dateTime": "2027-02-28T22:00:00.0000000", "timeZone": "UTC"}, "Prefer does not stick"


def test_a_patch_answers_in_utc_whatever_is_preferred(microsoft: Microsoft, ada: Graph) -> None:
    made = make(ada, timed())
    prefer = {"Prefer": 'outlook.timezone="Australia/Sydney"'}
    assert ada("PATCH", f"/me/events/{made['id']}", {"subject": "x"}, **prefer)["start"]["timeZone"] == "UTC"
    microsoft.world.settings.utc_patch_replies = False
    changed = ada("PATCH", f"/me/events/{made['id']}", {"subject": "x"}, **prefer)
    assert changed["start"]["timeZone"] == "Australia/Sydney"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start": {"dateTime": "2027-03-01T09:00:00+11:00", "timeZone": "UTC"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2027-03-01T09:00:00", "timeZone": "Mars"}}, "TimeZoneNotSupportedException"),
        ({"end": {"dateTime": "2027-02-01T09:00:00", "timeZone": "UTC"}}, "ErrorInvalidRequest"),
        ({"isAllDay": True}, "ErrorPropertyValidationFailure"),
        ({"showAs": "away"}, "RequestBodyRead"),
        ({"sensitivity": "secret"}, "RequestBodyRead"),
        ({"summary": "Google's word"}, "RequestBodyRead"),
        ({"iCalUId": "x"}, "RequestBodyRead"),
        ({"singleValueExtendedProperties": [{"id": "Name", "value": "x"}]}, "ErrorInvalidProperty"),
        ({"attendees": [guest(f"{n}@x.example") for n in range(501)]}, "ErrorTooManyAttendees"),
    ],
)
def test_a_bad_event_is_refused(ada: Graph, change: Any, code: str) -> None:
    assert ada.refused("POST", "/me/events", timed() | change) == (400, code)
    assert ada("GET", "/me/events")["value"] == []


def test_an_all_day_event_is_at_midnight_in_one_zone_and_is_told_at_midnight_in_any(ada: Graph) -> None:
    made = make(
        ada, timed("2027-03-01", "00:00", "00:00", isAllDay=True) | {"end": timed("2027-03-02", "00:00")["start"]}
    )
    for zone in ("UTC", "America/New_York"):
        seen = ada("GET", f"/me/events/{made['id']}", Prefer=f'outlook.timezone="{zone}"')
        assert (seen["start"]["dateTime"], seen["end"]["dateTime"]) == (
            "2027-03-01T00:00:00.0000000",
            "2027-03-02T00:00:00.0000000",
        )
    other = {"end": {"dateTime": "2027-03-02T00:00:00", "timeZone": "UTC"}}
    body = timed("2027-03-01", "00:00", "00:00", isAllDay=True)
    assert ada.refused("POST", "/me/events", body | other)[0] == 400
    assert ada.refused("POST", "/me/events", body)[0] == 400, "the end is exclusive"


def test_a_body_comes_back_as_other_html_than_was_sent(ada: Graph) -> None:
    made = make(ada, timed(body={"contentType": "html", "content": "<p>Bring  the\n keys</p>"}))
    content = made["body"]["content"]
    assert content != "<p>Bring  the\n keys</p>"
    assert content.startswith("<html>")
    again = ada("PATCH", f"/me/events/{made['id']}", {"body": {"contentType": "html", "content": content}})
    assert again["body"]["content"] == content
    text = ada("GET", f"/me/events/{made['id']}", Prefer='outlook.body-content-type="text"')
    assert text["body"]["contentType"] == "text"
    plain = make(ada, timed(body={"contentType": "text", "content": "a < b\nc"}))
    assert (plain["body"]["contentType"], plain["bodyPreview"]) == ("html", "a < b\r\nc")


@pytest.mark.parametrize(("status", "named"), [(409, False), (400, True)])
def test_the_same_transaction_twice_makes_one_event(microsoft: Microsoft, ada: Graph, status: int, named: bool) -> None:
    wishes = {"duplicate_transaction_status": status, "duplicate_transaction_names_event": named}
    microsoft.control("POST", "settings", wishes)
    made = make(ada, timed(transactionId="t-1"))
    assert made["transactionId"] == "t-1"
    with pytest.raises(Refused) as caught:
        make(ada, timed(transactionId="t-1"))
    assert (caught.value.status, caught.value.code) == (status, "ErrorDuplicateTransactionId")
    assert caught.value.body.get("@event.existingEventId") == (made["id"] if named else None)
    assert len(ada("GET", "/me/events")["value"]) == 1
    assert ada.refused("PATCH", f"/me/events/{made['id']}", {"transactionId": "t-2"})[0] == 400


def test_a_tag_is_not_echoed_but_found_again_whatever_the_case_of_its_value(ada: Graph) -> None:
    made = make(ada, timed(singleValueExtendedProperties=[{"id": TAG, "value": "Ours-1"}]))
    make(ada, timed())
    assert "singleValueExtendedProperties" not in made
    expand = f"$expand=singleValueExtendedProperties($filter=id eq '{TAG}')"
    assert ada("GET", f"/me/events/{made['id']}?{expand}")["singleValueExtendedProperties"][0]["value"] == "Ours-1"
    question = "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq '{}')"
    found = ada("GET", f"/me/events?$filter={question.format(TAG, 'OURS-1')}")["value"]
    assert [e["id"] for e in found] == [made["id"]]
    assert "singleValueExtendedProperties" not in found[0]
    assert ada("GET", f"/me/events?$filter={question.format(TAG.replace('Lock', 'lock'), 'ours-1')}")["value"] == []
    assert ada.refused("GET", f"/me/events/{made['id']}?$expand=singleValueExtendedProperties")[0] == 400


def test_a_stale_write_is_refused_unless_the_switch_says_that_nobody_looks(microsoft: Microsoft, ada: Graph) -> None:
    made = make(ada, timed())
    path = f"/me/events/{made['id']}"
    ada("PATCH", path, {"subject": "newer"}, If_Match=made["@odata.etag"])
    assert ada.refused("PATCH", path, {"subject": "old"}, If_Match=made["@odata.etag"])[0] == 412
    assert ada.refused("DELETE", path, If_Match=made["@odata.etag"]) == (412, "ErrorIrresolvableConflict")
    microsoft.control("POST", "settings", {"if_match": "ignored"})
    assert ada("PATCH", path, {"subject": "old"}, If_Match=made["@odata.etag"])["subject"] == "old"


def test_ids_that_differ_only_by_case_are_two_events(ada: Graph) -> None:
    for graph in (ada, Graph(ada.url, ada.session, ada.token, 'IdType="ImmutableId"')):
        first, second = (make(graph, timed(subject=name)) for name in "ab")
        assert first["id"] != second["id"]
        assert first["id"].lower() == second["id"].lower()
        assert graph("GET", f"/me/events/{second['id']}")["subject"] == "b"
        graph("DELETE", f"/me/events/{first['id']}")
        assert graph("GET", f"/me/events/{second['id']}")["subject"] == "b"
        assert graph.refused("GET", f"/me/events/{first['id']}") == (404, "ErrorItemNotFound")


def test_only_the_immutable_id_survives_a_move_to_another_calendar(microsoft: Microsoft, ada: Graph) -> None:
    made = make(ada, timed())
    immutable = ada("GET", f"/me/events/{made['id']}", Prefer='IdType="ImmutableId"')["id"]
    assert immutable != made["id"]
    other = ada("POST", "/me/calendars", {"name": "Other"})["id"]
    microsoft.control("POST", f"calendars/{ADA}/events/{made['id']}/move", {"destination": other})
    assert ada.refused("GET", f"/me/events/{made['id']}")[0] == 404
    assert ada("GET", f"/me/calendars/{other}/events/{immutable}")["subject"] == "Visit"
    assert ada.refused("GET", "/me/events/not-an-id") == (400, "ErrorInvalidIdMalformed")


def test_every_write_with_guests_mails_them_and_a_series_once_more_for_each_exception(
    microsoft: Microsoft, ada: Graph
) -> None:
    def mailed() -> list[tuple[str, str]]:
        found = microsoft.control("GET", "mails")["mails"]
        microsoft.control("DELETE", "mails")
        return [(m["to"], m["kind"]) for m in found]

    x, y = "x@far.example", "y@far.example"
    make(ada, timed())
    assert mailed() == []
    series = make(ada, weekly(attendees=[guest(x)]))
    assert mailed() == [(x, "invitation")]
    ada("PATCH", f"/me/events/{series['id']}", {"attendees": [guest(x), guest(y)]})
    assert mailed() == [(y, "invitation")], "only guests changed: only the new one hears of it"
    ada("PATCH", f"/me/events/{instances(ada, series)[1]['id']}", {"subject": "once"})
    assert mailed() == [(x, "update"), (y, "update")]
    ada("PATCH", f"/me/events/{series['id']}", {"categories": ["Blue"]})
    assert len(mailed()) == 4
    microsoft.control("POST", "settings", {"any_write_mails": False})
    ada("PATCH", f"/me/events/{series['id']}", {"categories": ["Red"]})
    assert mailed() == []
    ada("DELETE", f"/me/events/{series['id']}")
    assert mailed() == [(x, "cancellation"), (y, "cancellation")]


def test_only_the_organizer_cancels_but_anybody_deletes(microsoft: Microsoft, ada: Graph) -> None:
    body = timed(attendees=[guest(ADA)], organizer={"emailAddress": {"address": BOB, "name": "Bob"}})
    invitation = microsoft.control("POST", f"calendars/{ADA}/events", body)
    path = f"/me/events/{invitation['id']}"
    assert ada("GET", path)["isOrganizer"] is False
    assert ada.refused("POST", f"{path}/cancel", {"comment": "no"})[0] == 400
    assert ada.reply("DELETE", path).status_code == 204
    own = make(ada, timed(attendees=[guest(BOB)]))
    assert ada.reply("POST", f"/me/events/{own['id']}/cancel", {"comment": "ill"}).status_code == 202
    assert ada.refused("GET", f"/me/events/{own['id']}")[0] == 404
    assert [m["kind"] for m in microsoft.world.mails] == ["invitation", "cancellation"]


def test_occurrences_keep_the_wall_clock_over_the_change_to_winter_time(ada: Graph) -> None:
    seen = instances(ada, make(ada, weekly(8)))
    assert [e["start"]["dateTime"][11:16] for e in seen] == ["22:00"] * 5 + ["23:00"] * 3
    assert len({e["iCalUId"] for e in seen}) == 8
    assert {e["type"] for e in seen} == {"occurrence"}


def test_an_occurrence_may_not_reach_its_neighbours_day(ada: Graph) -> None:
    first, second, third = instances(ada, make(ada, weekly(3)))

    def moved(day: str) -> Any:
        return {k: v for k, v in timed(day).items() if k != "subject"}

    for day in ("2027-03-01", "2027-03-15", "2027-03-20"):
        assert ada.refused("PATCH", f"/me/events/{second['id']}", moved(day)) == (
            400,
            "ErrorOccurrenceCrossingBoundary",
        )
    changed = ada("PATCH", f"/me/events/{second['id']}", moved("2027-03-14"))
    assert (changed["type"], changed["id"]) == ("exception", second["id"])
    assert changed["originalStart"] == "2027-03-07T22:00:00Z"
    assert ada.refused("PATCH", f"/me/events/{third['id']}", moved("2027-03-14"))[0] == 400
    ada("DELETE", f"/me/events/{second['id']}")
    assert ada("PATCH", f"/me/events/{third['id']}", moved("2027-03-14"))["type"] == "exception"
    assert first["type"] == "occurrence"


def test_a_deleted_occurrence_is_gone_and_named_by_its_master_only_on_request(ada: Graph) -> None:
    series = make(ada, weekly(3))
    second = instances(ada, series)[1]
    ada("DELETE", f"/me/events/{second['id']}")
    assert [e["start"]["dateTime"][:10] for e in instances(ada, series)] == ["2027-02-28", "2027-03-14"]
    assert ada.refused("GET", f"/me/events/{second['id']}")[0] == 404
    assert "cancelledOccurrences" not in ada("GET", f"/me/events/{series['id']}")
    named = ada("GET", f"/me/events/{series['id']}?$select=cancelledOccurrences,subject")
    assert named["cancelledOccurrences"] == [f"OID.{series['id']}.2027-03-08"]
    ada("PATCH", f"/me/events/{instances(ada, series)[1]['id']}", {"subject": "last"})
    opened = ada("GET", f"/me/events/{series['id']}?$expand=exceptionOccurrences")
    assert [e["subject"] for e in opened["exceptionOccurrences"]] == ["last"]


def test_new_times_of_a_series_forget_its_exceptions(ada: Graph) -> None:
    series = make(ada, weekly(3))
    ada("PATCH", f"/me/events/{instances(ada, series)[1]['id']}", {"subject": "once"})
    ada("PATCH", f"/me/events/{series['id']}", {"location": {"displayName": "Room 1"}})
    assert [e["subject"] for e in instances(ada, series)] == ["Visit", "once", "Visit"]
    ada("PATCH", f"/me/events/{series['id']}", {k: timed(begin="11:00", end="12:00")[k] for k in ("start", "end")})
    assert [e["subject"] for e in instances(ada, series)] == ["Visit"] * 3


@pytest.mark.parametrize(
    ("pattern", "days"),
    [
        ({"type": "daily", "interval": 2}, ["03-01", "03-03", "03-05"]),
        ({"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "sunday"]}, ["03-01", "03-14", "03-15"]),
        (
            {"type": "weekly", "interval": 2, "daysOfWeek": ["monday", "sunday"], "firstDayOfWeek": "monday"},
            ["03-01", "03-07", "03-15"],
        ),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}, ["03-31", "04-30", "05-31"]),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "second"},
            ["03-09", "04-13", "05-11"],
        ),
        ({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["thursday", "friday"]}, ["03-04", "04-01", "05-06"]),
        (
            {"type": "relativeMonthly", "interval": 3, "daysOfWeek": ["friday"], "index": "last"},
            ["03-26", "06-25", "09-24"],
        ),
        ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 5, "month": 4}, ["04-05", "04-05", "04-05"]),
        (
            {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "month": 5, "index": "first"},
            ["05-03", "05-01", "05-07"],
        ),
    ],
)
def test_each_pattern_falls_where_outlook_puts_it(ada: Graph, pattern: Any, days: list[str]) -> None:
    span = {"type": "numbered", "startDate": "2027-03-01", "numberOfOccurrences": 3}
    series = make(ada, timed(begin="12:00", end="13:00", zone="UTC", recurrence={"pattern": pattern, "range": span}))
    path = f"/me/events/{series['id']}/instances?startDateTime=2027-01-01&endDateTime=2030-01-01"
    assert [e["start"]["dateTime"][5:10] for e in ada("GET", path)["value"]] == days


def test_a_short_month_is_skipped_when_the_switch_says_so(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", "settings", {"clamp_month_end": False})
    pattern = {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}
    span = {"type": "endDate", "startDate": "2027-03-01", "endDate": "2027-06-30"}
    series = make(ada, timed(zone="UTC", recurrence={"pattern": pattern, "range": span}))
    assert [e["start"]["dateTime"][5:10] for e in instances(ada, series)] == ["03-31", "05-31"]


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ({"type": "hourly"}, {}),
        ({"daysOfWeek": []}, {}),
        ({"daysOfWeek": ["MO"]}, {}),
        ({"interval": 0}, {}),
        ({"type": "absoluteMonthly"}, {}),
        ({"type": "absoluteYearly", "dayOfMonth": 3}, {}),
        ({"type": "relativeMonthly", "daysOfWeek": ["monday"], "index": "fifth"}, {}),
        ({}, {"startDate": "2027-03-02"}),
        ({}, {"type": "endDate", "endDate": "2027-02-01"}),
        ({}, {"numberOfOccurrences": 0}),
        ({}, {"recurrenceTimeZone": "America/New_York"}),
    ],
)
def test_a_bad_recurrence_is_refused(ada: Graph, pattern: Any, span: Any) -> None:
    good = weekly()["recurrence"]
    bad = {"pattern": good["pattern"] | pattern, "range": good["range"] | span}
    assert ada.refused("POST", "/me/events", timed(recurrence=bad)) == (400, "ErrorInvalidRecurrencePattern")


def test_a_day_that_moves_needs_its_recurrence_along(ada: Graph) -> None:
    series = make(ada, weekly())
    tuesday = {k: timed("2027-03-02")[k] for k in ("start", "end")}
    assert ada.refused("PATCH", f"/me/events/{series['id']}", tuesday) == (400, "ErrorInvalidRecurrencePattern")
    rule = weekly()["recurrence"]
    rule = {
        "pattern": rule["pattern"] | {"daysOfWeek": ["tuesday"]},
        "range": rule["range"] | {"startDate": "2027-03-02"},
    }
    assert ada("PATCH", f"/me/events/{series['id']}", tuesday | {"recurrence": rule})["type"] == "seriesMaster"
    assert ada("PATCH", f"/me/events/{series['id']}", {"recurrence": None})["type"] == "singleInstance"


def test_the_view_gives_what_overlaps_and_reads_bounds_without_offset_as_utc(ada: Graph) -> None:
    make(ada, weekly())
    make(ada, timed("2027-03-05", "09:00", "17:00", "UTC", subject="long"))
    path = "/me/calendarView?startDateTime=2027-03-05T16:00:00&endDateTime=2027-03-08T00:00:00&$select=subject,start"
    seen = ada("GET", path, Prefer='outlook.timezone="Australia/Sydney"')["value"]
    assert [e["subject"] for e in seen] == ["long", "Visit"]
    assert seen[1]["start"]["dateTime"] == "2027-03-08T09:00:00.0000000"
    assert "body" not in seen[0]
    assert ada.refused("GET", "/me/calendarView") == (400, "ErrorInvalidParameter")
    assert ada.refused("GET", f"{path}&$top=1001")[0] == 400


def test_pages_of_a_listing_follow_their_next_link(ada: Graph) -> None:
    for number in range(5):
        make(ada, timed(subject=f"e{number}"))
    seen, url = [], "/me/events?$top=2&$orderby=subject desc&$select=subject"
    while url:
        page = ada("GET", url)
        assert len(page["value"]) <= 2
        seen += [e["subject"] for e in page["value"]]
        url = page.get("@odata.nextLink")
    assert seen == ["e4", "e3", "e2", "e1", "e0"]
    assert ada.refused("GET", "/me/events?$search=x")[0] == 400
    assert "@odata.nextLink" not in ada("GET", "/me/events?$top=5")
    later = ada("GET", "/me/events?$filter=subject ge 'e3' and start/dateTime ge '2027-01-01T00:00:00Z'")
    assert len(later["value"]) == 2


def test_an_online_meeting_goes_only_with_its_blob(ada: Graph) -> None:
    made = make(ada, timed(isOnlineMeeting=True, body={"contentType": "html", "content": "<p>Agenda</p>"}))
    path = f"/me/events/{made['id']}"
    assert made["onlineMeeting"]["joinUrl"]
    assert ada("PATCH", path, {"isOnlineMeeting": False})["isOnlineMeeting"] is True
    careless = ada("PATCH", path, {"body": {"contentType": "html", "content": "<p>New agenda</p>"}})
    assert (careless["isOnlineMeeting"], careless["onlineMeeting"]) == (False, None)


def test_private_matters_of_the_user_are_the_users_in_outlook(microsoft: Microsoft, ada: Graph) -> None:
    series = microsoft.control("POST", f"calendars/{ADA}/events", weekly(4))
    at = f"calendars/{ADA}/events/{series['id']}"
    microsoft.control("PATCH", f"{at}/occurrences/2027-03-08", {"subject": "moved"})
    microsoft.control("DELETE", f"{at}/occurrences/2027-03-15")
    fresh = microsoft.control("POST", f"{at}/split", {"from": "2027-03-22", "changes": {"subject": "new"}})
    assert [e["subject"] for e in instances(ada, series)] == ["Visit", "moved"]
    assert [e["start"]["dateTime"][:10] for e in instances(ada, fresh)] == ["2027-03-21"]
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 20, "seed": 3})
    assert len(microsoft.control("GET", f"calendars/{ADA}/events", expand="1")["value"]) == 23
