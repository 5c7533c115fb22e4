from typing import Any
from urllib.parse import quote

import pytest

from .conftest import ADA, Graph, Microsoft, Refused, timed, weekly

THIN = {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}


def kinds(items: list[Any]) -> dict[str, int]:
    unique = {item["id"]: item.get("type", "@removed") for item in items}
    return {kind: list(unique.values()).count(kind) for kind in sorted(set(unique.values()))}


def test_the_first_round_gives_masters_whole_and_occurrences_thin(ada: Graph) -> None:
    ada("POST", "/me/events", timed())
    series = ada("POST", "/me/events", weekly(3))
    items, _ = ada.first_round()
    assert kinds(items) == {"occurrence": 3, "seriesMaster": 1, "singleInstance": 1}
    for item in items:
        if item["type"] == "occurrence":
            assert set(item) == THIN
            assert item["seriesMasterId"] == series["id"]
        else:
            assert item["subject"] == "Visit"


def test_a_quiet_calendar_gives_an_empty_round_and_a_new_link(ada: Graph) -> None:
    _, link = ada.first_round()
    assert ada.round(link)[0] == []


def test_rounds_have_empty_pages_replays_and_no_order(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 25})
    first = ada("GET", "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2029-01-01")
    assert first["value"] == []
    assert "@odata.deltaLink" not in first
    items, _ = ada.round(first["@odata.nextLink"], size=10)
    ids = [item["id"] for item in items]
    assert len(ids) == 27, "the last item of a page comes again"
    assert len(set(ids)) == 25
    microsoft.control("POST", "settings", {"empty_pages": "never", "replays": False, "shuffled": False})
    plain, _ = ada.first_round(size=7)
    assert len(plain) == len({item["id"] for item in plain})
    made = list(dict.fromkeys(item["id"] for item in plain))
    assert list(dict.fromkeys(ids)) != [event for event in made if event in set(ids)]


def test_the_page_size_is_ten_when_the_wish_is_not_repeated(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 30})
    microsoft.control("POST", "settings", {"empty_pages": "never", "replays": False})
    url = "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2029-01-01"
    page = ada("GET", url, Prefer="odata.maxpagesize=15")
    assert len(page["value"]) == 15
    assert len(ada("GET", page["@odata.nextLink"])["value"]) == 10


def test_what_changes_while_somebody_pages_comes_in_the_next_round(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 10})
    page = ada("GET", "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2029-01-01")
    late = ada("POST", "/me/events", timed(subject="late"))
    items, link = ada.round(page["@odata.nextLink"], size=3)
    assert late["id"] not in {item["id"] for item in items}
    assert [item["id"] for item in ada.round(link)[0]] == [late["id"]]


def test_nothing_is_lost_between_one_round_and_the_next(ada: Graph) -> None:
    _, link = ada.first_round()
    for number in range(4):
        made = ada("POST", "/me/events", timed(subject=f"e{number}"))
        items, link = ada.round(link)
        assert [item["id"] for item in items] == [made["id"]]


def test_a_repeated_page_and_a_repeated_link_give_the_same_again(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 10})
    page = ada("GET", "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2029-01-01")
    again = [ada("GET", page["@odata.nextLink"], Prefer="odata.maxpagesize=4")["value"] for _ in range(2)]
    assert again[0] == again[1]
    _, link = ada.round(page["@odata.nextLink"])
    ada("POST", "/me/events", timed())
    assert ada.round(link)[0] == ada.round(link)[0]


def test_removed_is_told_of_what_was_deleted_of_what_left_and_of_what_never_was_inside(
    microsoft: Microsoft, ada: Graph
) -> None:
    inside, leaver = (ada("POST", "/me/events", timed()) for _ in range(2))
    outside = ada("POST", "/me/events", timed("2031-03-01"))
    _, link = ada.first_round()
    ada("DELETE", f"/me/events/{inside['id']}")
    ada("PATCH", f"/me/events/{leaver['id']}", {k: timed("2031-01-01")[k] for k in ("start", "end")})
    ada("PATCH", f"/me/events/{outside['id']}", {"subject": "still far away"})
    items, _ = ada.round(link)
    assert {i["id"]: i["@removed"]["reason"] for i in items} == {
        event["id"]: "deleted" for event in (inside, leaver, outside)
    }
    assert ada("GET", f"/me/events/{outside['id']}")["subject"] == "still far away"
    microsoft.control("POST", "settings", {"removed_outside_window": False})
    assert {i["id"] for i in ada.round(link)[0]} == {inside["id"]}


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("series", {"occurrence": 2, "seriesMaster": 1}),
        ("removed", {"@removed": 1, "occurrence": 2, "seriesMaster": 1}),
        ("silent", {}),
    ],
)
def test_a_deleted_occurrence_gives_no_signal_of_its_own_unless_the_switch_says_so(
    microsoft: Microsoft, ada: Graph, way: str, expected: Any
) -> None:
    microsoft.control("POST", "settings", {"deleted_occurrence": way})
    series = ada("POST", "/me/events", weekly(3))
    _, link = ada.first_round()
    microsoft.control("DELETE", f"calendars/{ADA}/events/{series['id']}/occurrences/2027-03-08")
    assert kinds(ada.round(link)[0]) == expected


def test_an_exception_comes_whole_and_with_its_series_unless_the_switch_says_alone(
    microsoft: Microsoft, ada: Graph
) -> None:
    series = ada("POST", "/me/events", weekly(3))
    _, link = ada.first_round()
    microsoft.control("PATCH", f"calendars/{ADA}/events/{series['id']}/occurrences/2027-03-08", {"subject": "by hand"})
    items, _ = ada.round(link)
    assert kinds(items) == {"exception": 1, "occurrence": 2, "seriesMaster": 1}
    assert [i["subject"] for i in items if i["type"] == "exception"] == ["by hand"]
    microsoft.control("POST", "settings", {"exception_brings_series": False})
    assert kinds(ada.round(link)[0]) == {"exception": 1}


@pytest.mark.parametrize(("way", "count"), [("master", 1), ("all", 4)])
def test_a_deleted_series_is_removed_by_its_master(microsoft: Microsoft, ada: Graph, way: str, count: int) -> None:
    microsoft.control("POST", "settings", {"removed_series": way})
    series = ada("POST", "/me/events", weekly(3))
    _, link = ada.first_round()
    ada("DELETE", f"/me/events/{series['id']}")
    assert kinds(ada.round(link)[0]) == {"@removed": count}


def test_only_the_part_of_a_series_in_the_window_is_told(ada: Graph) -> None:
    ada("POST", "/me/events", weekly(5))
    items, _ = ada.round("/me/calendarView/delta?startDateTime=2027-03-10&endDateTime=2027-03-20")
    assert kinds(items) == {"occurrence": 1, "seriesMaster": 1}


@pytest.mark.parametrize("query", ["$select=subject", "$expand=x", "$filter=x", "$orderby=x", "$search=x", "$top=5"])
def test_delta_refuses_every_query_option(ada: Graph, query: str) -> None:
    window = "startDateTime=2027-01-01&endDateTime=2028-01-01"
    assert ada.refused("GET", f"/me/calendarView/delta?{window}&{query}") == (400, "ErrorInvalidUrlQuery")
    assert ada.refused("GET", "/me/calendarView/delta")[0] == 400


def test_a_link_is_good_for_either_form_of_id(ada: Graph) -> None:
    _, link = ada.first_round()
    made = ada("POST", "/me/events", timed())
    immutable = Graph(ada.url, ada.session, ada.token, 'IdType="ImmutableId"')
    seen = immutable.round(link)[0][0]
    assert seen["id"] != made["id"]
    assert ada.round(link)[0][0]["id"] == made["id"]


@pytest.mark.parametrize(
    ("settings", "status", "code", "location"),
    [
        ({}, 410, "SyncStateNotFound", True),
        ({"sync_lost_location": False}, 410, "SyncStateNotFound", False),
        ({"sync_lost_status": 400, "sync_lost_code": "syncStateNotFound"}, 400, "syncStateNotFound", True),
        ({"sync_lost_code": "resyncRequired"}, 410, "resyncRequired", True),
    ],
)
def test_a_lost_sync_state_is_told_in_the_chosen_way(
    microsoft: Microsoft, ada: Graph, settings: Any, status: int, code: str, location: bool
) -> None:
    ada("POST", "/me/events", timed())
    _, link = ada.first_round()
    microsoft.control("POST", "settings", settings)
    microsoft.control("POST", "expire_delta", {"calendar": ADA})
    with pytest.raises(Refused) as caught:
        ada("GET", link)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert ("Location" in caught.value.headers) == location
    assert kinds(ada.first_round()[0]) == {"singleInstance": 1}


def test_links_die_of_age_and_by_a_fault_and_are_never_another_calendars(microsoft: Microsoft, ada: Graph) -> None:
    other = ada("POST", "/me/calendars", {"name": "Other"})["id"]
    path = f"/me/calendars/{other}/calendarView/delta"
    _, link = ada.first_round(path)
    ada("POST", f"/me/calendars/{other}/events", timed())
    assert len(ada.round(link)[0]) == 1
    assert ada.refused("GET", link.replace(f"/calendars/{quote(other)}", ""))[0] == 400
    assert ada.refused("GET", link[:-4])[0] == 400
    microsoft.control("POST", "faults", {"match": "calendarView.delta", "kind": "sync_state_lost"})
    assert ada.refused("GET", link)[0] == 410
    assert len(ada.round(link)[0]) == 1
    page = ada("GET", "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2028-01-01")
    assert "@odata.deltaLink" in page
    microsoft.control("POST", f"calendars/{ADA}/fill", {"count": 2})
    page = ada("GET", "/me/calendarView/delta?startDateTime=2027-01-01&endDateTime=2029-01-01")
    microsoft.control("POST", "expire_delta")
    assert ada.refused("GET", page["@odata.nextLink"])[0] == 410
    microsoft.pass_time(days=31)
    assert microsoft.graph().refused("GET", link)[0] == 410
    microsoft.control("POST", "settings", {"secondary_delta": False})
    assert microsoft.graph().refused("GET", f"{path}?startDateTime=2027-01-01&endDateTime=2028-01-01")[0] == 400
