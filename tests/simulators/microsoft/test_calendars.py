from .conftest import ADA, BOB, Graph, Microsoft, timed


def test_a_shared_calendar_needs_the_shared_scope_and_hides_private_text(microsoft: Microsoft, ada: Graph) -> None:
    microsoft.world.add_account(BOB, "Bob")
    secret = timed(subject="Doctor", sensitivity="private", body={"contentType": "text", "content": "ward 7"})
    made = microsoft.control("POST", f"calendars/{BOB}/events", secret)
    path = f"/users/{BOB}/events"
    assert ada.refused("GET", path) == (403, "ErrorAccessDenied")
    alias = microsoft.control("POST", f"calendars/{BOB}/share", {"email": ADA, "role": "read"})["id"]
    assert ada.refused("GET", path) == (403, "ErrorAccessDenied")
    shared = microsoft.graph(scopes=("Calendars.ReadWrite", "Calendars.ReadWrite.Shared"))
    seen = shared("GET", path)["value"][0]
    assert (seen["subject"], seen["bodyPreview"], seen["id"]) == ("Private Appointment", "", made["id"])
    listed = {c["id"]: c for c in shared("GET", "/me/calendars")["value"]}
    assert (listed[alias]["canEdit"], listed[alias]["owner"]["address"]) == (False, BOB)
    assert [c["canEdit"] for c in shared("GET", f"/users/{BOB}/calendars")["value"]] == [False]
    assert ada.refused("GET", f"/users/{BOB}/calendars")[0] == 403
    assert shared.refused("POST", path, timed())[0] == 403
    microsoft.control("POST", f"calendars/{BOB}/share", {"email": ADA, "role": "write"})
    assert shared("POST", path, timed())["organizer"]["emailAddress"]["address"] == BOB
    assert shared.refused("GET", "/users/nobody@contoso.example/events") == (404, "ErrorInvalidUser")


def test_calendars_come_in_pages_and_holidays_cannot_be_written(microsoft: Microsoft, ada: Graph) -> None:
    holiday = microsoft.control("POST", f"accounts/{ADA}/calendars", {"name": "Holidays", "kind": "holiday"})["id"]
    seen, url = [], "/me/calendars?$top=1"
    while url:
        page = ada("GET", url)
        seen += page["value"]
        url = page.get("@odata.nextLink")
    assert [(c["name"], c["isDefaultCalendar"], c["canEdit"]) for c in seen] == [
        ("Calendar", True, True),
        ("Holidays", False, False),
    ]
    assert ada.refused("POST", f"/me/calendars/{holiday}/events", timed())[0] == 403
    assert ada.refused("DELETE", f"/me/calendars/{seen[0]['id']}")[0] == 400


def test_schedules_tell_free_and_busy_in_slots(ada: Graph) -> None:
    ada("POST", "/me/events", timed("2027-03-01", "09:00", "09:30", "UTC", showAs="oof"))
    ada("POST", "/me/events", timed("2027-03-01", "10:00", "11:00", "UTC", showAs="free"))
    span = {"startTime": timed(zone="UTC")["start"], "endTime": timed(end="11:00", zone="UTC")["end"]}
    answer = ada("POST", "/me/calendar/getSchedule", {"schedules": [ADA, "x@y.example"], **span})["value"]
    assert answer[0]["availabilityView"] == "3000"
    assert answer[1]["error"]["responseCode"] == "5009"
