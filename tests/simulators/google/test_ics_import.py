from typing import Any

import pytest
import requests

from .conftest import ADA, Google, keeps_schema

CUSTOM_SYDNEY = """BEGIN:VTIMEZONE
TZID:Office Clock
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+1100
TZOFFSETTO:+1000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+1000
TZOFFSETTO:+1100
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=10
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:Odd Clock
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0117
TZOFFSETTO:+0117
END:STANDARD
END:VTIMEZONE
"""


def import_ics(google: Google, *events: str, head: str = "") -> Any:
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return send(google, f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n".encode())


def send(google: Google, content: bytes) -> Any:
    answer = requests.post(f"{google.url}/control/calendars/{ADA}/import_ics", data=content, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def only_event(google: Google) -> Any:
    items = google.control("GET", f"calendars/{ADA}/events")["items"]
    assert len(items) == 1
    assert keeps_schema("Event", items[0])
    return items[0]


def test_everything_google_can_hold_arrives(google: Google) -> None:
    done = import_ics(
        google,
        """
UID:full
DTSTART;TZID=Europe/Berlin:20270301T090000
DURATION:PT45M
SUMMARY:Größe\\, Gewicht
DESCRIPTION:one\\ntwo
LOCATION:Room 1
CLASS:CONFIDENTIAL
TRANSP:TRANSPARENT
STATUS:TENTATIVE
SEQUENCE:3
ATTENDEE;CN=Bob;PARTSTAT=DECLINED;ROLE=OPT-PARTICIPANT:mailto:Bob@Example.com
ATTENDEE:urn:uuid:nobody
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:PT15M
END:VALARM""",
    )
    event = only_event(google)
    assert event["start"] == {"dateTime": "2027-03-01T19:00:00+11:00", "timeZone": "Europe/Berlin"}
    assert event["end"]["dateTime"] == "2027-03-01T19:45:00+11:00"
    assert (event["summary"], event["description"]) == ("Größe, Gewicht", "one\ntwo")
    assert (event["visibility"], event["transparency"], event["status"]) == ("confidential", "transparent", "tentative")
    assert (event["sequence"], event["iCalUID"]) == (3, "full")
    assert event["attendees"] == [
        {"displayName": "Bob", "email": "bob@example.com", "optional": True, "responseStatus": "declined"}
    ]
    assert event["reminders"]["overrides"] == [{"method": "popup", "minutes": 15}]
    assert len(done["imported"][0]["notes"]) == 2, "what was left out is said"


@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("AUS Eastern Standard Time", "Australia/Sydney"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Office Clock", "Australia/Sydney"),
        ("/freeassociation.sourceforge.net/America/New_York", "America/New_York"),
    ],
)
def test_windows_and_custom_zones_become_zones_google_knows(google: Google, tzid: str, zone: str) -> None:
    import_ics(google, f"UID:z\nDTSTART;TZID={tzid}:20270301T090000\nRRULE:FREQ=WEEKLY;COUNT=2", head=CUSTOM_SYDNEY)
    assert only_event(google)["start"]["timeZone"] == zone


def test_a_zone_nobody_knows_keeps_the_instant_of_a_single_event_and_refuses_a_series(google: Google) -> None:
    done = import_ics(
        google,
        "UID:one\nDTSTART;TZID=Odd Clock:20270301T090000",
        "UID:many\nDTSTART;TZID=Odd Clock:20270301T090000\nRRULE:FREQ=DAILY",
        head=CUSTOM_SYDNEY,
    )
    assert only_event(google)["start"]["dateTime"] == "2027-03-01T18:43:00+11:00"
    assert [r["uid"] for r in done["refused"]] == ["many"]
    assert "Odd Clock" in done["refused"][0]["reason"]


def test_all_day_and_floating_events_keep_their_day_and_clock(google: Google) -> None:
    import_ics(google, "UID:day\nDTSTART;VALUE=DATE:20270301", "UID:float\nDTSTART:20270302T090000")
    day, floating = google.control("GET", f"calendars/{ADA}/events")["items"]
    assert (day["start"], day["end"]) == ({"date": "2027-03-01"}, {"date": "2027-03-02"})
    assert floating["start"] == {"dateTime": "2027-03-02T09:00:00+11:00", "timeZone": "Australia/Sydney"}


def test_a_series_keeps_its_exdates_its_moved_and_its_cancelled_occurrences(google: Google) -> None:
    zone = "TZID=Australia/Sydney"
    done = import_ics(
        google,
        f"UID:s\nRECURRENCE-ID;{zone}:20270315T090000\nDTSTART;{zone}:20270315T110000\nSUMMARY:Moved",
        f"UID:s\nDTSTART;{zone}:20270301T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20270405T090000\n"
        f"EXDATE;{zone}:20270308T090000\nRDATE;{zone}:20270310T090000\nSUMMARY:Weekly",
        f"UID:s\nRECURRENCE-ID;{zone}:20270322T090000\nDTSTART;{zone}:20270322T090000\nSTATUS:CANCELLED",
        f"UID:s\nRECURRENCE-ID;{zone}:20270323T090000\nDTSTART;{zone}:20270323T090000",
    )
    assert len(done["imported"]) == 3
    assert [r["reason"] for r in done["refused"]] == ["RECURRENCE-ID is not an occurrence of its series"]
    window = {"expand": "1", "from": "2027-03-01T00:00:00+11:00", "to": "2027-05-01T00:00:00+10:00"}
    seen = google.control("GET", f"calendars/{ADA}/events", **window)["items"]
    assert [(e["summary"], e["start"]["dateTime"][:16]) for e in seen] == [
        ("Weekly", "2027-03-01T09:00"),
        ("Weekly", "2027-03-10T09:00"),
        ("Moved", "2027-03-15T11:00"),
        ("Weekly", "2027-03-29T09:00"),
        ("Weekly", "2027-04-05T09:00"),
    ]


def test_one_bad_component_stops_nothing_and_every_refusal_has_a_name_and_a_reason(google: Google) -> None:
    todo = "BEGIN:VTODO\nUID:todo\nEND:VTODO\n"
    done = import_ics(
        google,
        "UID:bad-date\nDTSTART:tomorrow",
        "UID:bad-rule\nDTSTART:20270301T090000Z\nRRULE:FREQ=NEVER",
        "UID:no-start\nSUMMARY:x",
        "UID:backwards\nDTSTART:20270301T090000Z\nDTEND:20270301T080000Z",
        "UID:mixed\nDTSTART:20270301T090000Z\nDTEND;VALUE=DATE:20270302",
        "UID:gone\nDTSTART:20270301T090000Z\nSTATUS:CANCELLED",
        "UID:noise\nthis is not a line\nDTSTART:20270301T090000Z",
        "UID:good\nDTSTART:20270301T090000Z\nDTEND:20270301T100000Z",
        "UID:good\nDTSTART:20270301T090000Z\nDTEND:20270301T100000Z",
        head=todo,
    )
    assert [i["uid"] for i in done["imported"]] == ["good"]
    assert sorted(r["uid"] for r in done["refused"]) == sorted(
        ["bad-date", "bad-rule", "no-start", "backwards", "mixed", "gone", "noise", "good", "todo"]
    )
    assert all(r["reason"] for r in done["refused"])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"<html></html>", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR"])
def test_a_file_that_is_no_calendar_is_named_and_not_skipped(google: Google, content: bytes) -> None:
    done = send(google, content)
    assert done["imported"] == []
    assert done["refused"][0]["component"] == "file"


def test_an_event_whose_end_is_missing_from_the_file_does_not_swallow_the_next(google: Google) -> None:
    lost = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:cut\r\nSUMMARY:x\r\n"
    good = b"BEGIN:VEVENT\r\nUID:good\r\nDTSTART:20270301T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    done = send(google, lost + good)
    assert [i["uid"] for i in done["imported"]] == ["good"]
    assert [r["uid"] for r in done["refused"]] == ["cut"]


def test_a_whole_file_is_one_notification(google: Google, ada: Any) -> None:
    body = {"id": "c", "type": "web_hook", "address": "https://hooks.example/x"}
    ada.events().watch(calendarId="primary", body=body).execute()
    google.pushes.clear()
    import_ics(google, *[f"UID:u{n}\nDTSTART:20270301T090000Z" for n in range(5)])
    assert len(google.pushes) == 1
