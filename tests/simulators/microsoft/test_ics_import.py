from typing import Any

from .conftest import ADA, YEAR, Graph, Microsoft

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n"


def event(uid: str, *lines: str, zone: str = "Australia/Sydney") -> str:
    usual = [f"UID:{uid}", f"SUMMARY:{uid}"]
    if not any(line.startswith("DTSTART") for line in lines):
        usual += [f"DTSTART;TZID={zone}:20270301T090000", f"DTEND;TZID={zone}:20270301T100000"]
    return "\r\n".join(["BEGIN:VEVENT", *usual, *lines, "END:VEVENT"]) + "\r\n"


def take(microsoft: Microsoft, *events: str) -> Any:
    url = f"{microsoft.url}/control/calendars/{ADA}/import_ics"
    return microsoft.session.post(url, data=(HEAD + "".join(events) + "END:VCALENDAR\r\n").encode(), timeout=10).json()


def starts(ada: Graph, event_id: str) -> list[str]:
    window = "&".join(f"{name}={value}" for name, value in YEAR.items())
    sydney = ada(
        "GET", f"/me/events/{event_id}/instances?{window}&$top=50", Prefer='outlook.timezone="Australia/Sydney"'
    )["value"]
    return [f"{e['start']['dateTime'][5:16]} {e['subject']}" for e in sydney]


def test_a_series_keeps_its_exceptions_its_gaps_and_its_end(microsoft: Microsoft, ada: Graph) -> None:
    moved = event(
        "s",
        "RECURRENCE-ID;TZID=Australia/Sydney:20270308T090000",
        "DTSTART;TZID=Australia/Sydney:20270309T110000",
        "DTEND;TZID=Australia/Sydney:20270309T120000",
    )
    series = event("s", "RRULE:FREQ=WEEKLY;UNTIL=20270328T220000Z", "EXDATE;TZID=Australia/Sydney:20270315T090000")
    done = take(microsoft, moved, series)
    assert done["refused"] == []
    master = done["imported"][0]["id"]
    assert starts(ada, master) == ["03-01T09:00 s", "03-09T11:00 s", "03-22T09:00 s", "03-29T09:00 s"]


def test_what_outlook_cannot_hold_is_refused_by_name_and_harms_no_neighbour(microsoft: Microsoft, ada: Graph) -> None:
    done = take(
        microsoft,
        event("hourly", "RRULE:FREQ=HOURLY"),
        event("fifth", "RRULE:FREQ=MONTHLY;BYDAY=5MO"),
        event("negative", "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"),
        event("two", "RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO"),
        event("extra", "RRULE:FREQ=WEEKLY;COUNT=2", "RDATE;TZID=Australia/Sydney:20270303T090000"),
        event("monthly", "RRULE:FREQ=YEARLY;BYMONTHDAY=5"),
        event("alone", "RECURRENCE-ID;TZID=Australia/Sydney:20270308T090000"),
        event("fine", "RRULE:FREQ=MONTHLY;BYDAY=-1MO;COUNT=2"),
    )
    assert [r["uid"] for r in done["refused"]] == ["hourly", "fifth", "negative", "two", "extra", "monthly", "alone"]
    assert all(r["reason"] for r in done["refused"])
    assert starts(ada, done["imported"][0]["id"]) == ["03-29T09:00 fine", "04-26T09:00 fine"]


def test_a_first_date_outside_the_rule_is_left_out_but_not_in_silence(microsoft: Microsoft, ada: Graph) -> None:
    done = take(microsoft, event("odd", "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=1"))["imported"][0]
    assert starts(ada, done["id"]) == ["03-02T09:00 odd"]
    assert any("first date" in note for note in done["notes"])


def test_whole_days_privacy_and_busy_time_come_along(microsoft: Microsoft, ada: Graph) -> None:
    whole = ("DTSTART;VALUE=DATE:20270301", "DTEND;VALUE=DATE:20270303", "CLASS:PRIVATE", "TRANSP:TRANSPARENT")
    done = take(microsoft, event("days", *whole))
    seen = ada("GET", f"/me/events/{done['imported'][0]['id']}")
    assert (seen["isAllDay"], seen["sensitivity"], seen["showAs"], seen["isReminderOn"]) == (
        True,
        "private",
        "free",
        False,
    )
    assert (seen["start"]["dateTime"][:10], seen["end"]["dateTime"][:10]) == ("2027-03-01", "2027-03-03")
