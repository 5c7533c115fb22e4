"""The calendar API's own decisions, on prepared answers: what a simulator that is complete cannot provoke."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from shared.model import Complete, Content, Privacy, RemoteEvent, ZonedTime
from shared.providers.base import After, FromStart
from shared.providers.google.calendar import GoogleCalendars
from shared.providers.google.errors import Subject
from shared.providers.google.wire import Wire

BARE = {
    "id": "e1",
    "start": {"dateTime": "2027-03-01T08:00:00Z"},
    "end": {"dateTime": "2027-03-01T09:00:00Z"},
}


class FakeWire:
    """Answers each method with one prepared answer and remembers the parameters."""

    def __init__(self, **answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def events(self, method: str, subject: Subject, **parameters: Any) -> dict[str, Any]:
        self.asked.append((method, parameters))
        return self.answers[method]


def api(wire: FakeWire) -> GoogleCalendars:
    return GoogleCalendars(cast(Wire, wire), privacy=Privacy.FULL)


def start_of(event: RemoteEvent | None) -> object:
    assert event is not None
    assert isinstance(event.content, Content)
    return event.content.span.start


def test_a_single_record_without_zone_is_read_in_the_calendars_zone_as_a_listing_would() -> None:
    wire = FakeWire(get=BARE, list={"timeZone": "Australia/Sydney"})
    calendars = api(wire)
    local = ZonedTime(datetime(2027, 3, 1, 19), "Australia/Sydney")  # noqa: DTZ001
    assert start_of(calendars.fetch_event("c", "e1")) == local
    assert start_of(calendars.fetch_event("c", "e1")) == local
    assert [method for method, _ in wire.asked] == ["get", "list", "get"], "the zone is asked for once"


def test_a_zone_that_a_listing_named_is_not_asked_for_again() -> None:
    wire = FakeWire(get=BARE, list={"timeZone": "Australia/Sydney", "items": [BARE], "nextSyncToken": "s"})
    calendars = api(wire)
    (listed,) = calendars.fetch_page("c", FromStart(datetime(2027, 1, 1, tzinfo=UTC))).changes
    assert listed == calendars.fetch_event("c", "e1")
    assert [method for method, _ in wire.asked] == ["list", "get"]


def test_the_window_is_repeated_while_the_first_listing_goes_on_and_never_beside_a_sync_token() -> None:
    wire = FakeWire(list={"nextPageToken": "p1"})
    calendars = api(wire)
    first = calendars.fetch_page("c", FromStart(datetime(2027, 1, 1, tzinfo=UTC)))
    assert not isinstance(first.next, Complete)
    wire.answers["list"] = {"nextSyncToken": "s1"}
    last = calendars.fetch_page("c", After(first.next.cursor))
    calendars.fetch_page("c", After(last.next.cursor))
    tokens = [tuple(asked[name] for name in ("timeMin", "pageToken", "syncToken")) for _, asked in wire.asked]
    assert tokens == [
        ("2027-01-01T00:00:00Z", None, None),
        ("2027-01-01T00:00:00Z", "p1", None),
        (None, None, "s1"),
    ]
    others = [
        {k: v for k, v in asked.items() if k not in ("timeMin", "pageToken", "syncToken")} for _, asked in wire.asked
    ]
    assert others[0] == others[1] == others[2], "every other parameter must equal the first call's"
