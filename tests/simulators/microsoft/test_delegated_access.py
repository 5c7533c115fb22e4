"""A service account that signs in as a person: what owners let it do in their calendars, and what it is told."""

from datetime import timedelta
from typing import Any

import pytest

from .conftest import ADA, BOB, Graph, Microsoft, guest, timed

SYNC = "sync@contoso.example"
SHARED = ("Calendars.ReadWrite", "Calendars.ReadWrite.Shared", "User.Read")
SPAN = "startDateTime=2027-01-01T00:00:00Z&endDateTime=2028-01-01T00:00:00Z"
WRITERS = ("write", "delegateWithoutPrivateEventAccess", "delegateWithPrivateEventAccess")


@pytest.fixture
def service(microsoft: Microsoft) -> Graph:
    microsoft.world.add_account(BOB, "Bob")
    microsoft.world.add_account(SYNC, "Sync")
    return microsoft.graph(SYNC, SHARED)


def permit(microsoft: Microsoft, role: str, owner: str = BOB) -> None:
    microsoft.control("PUT", f"calendars/{owner}/permissions", {"email": SYNC, "role": role})


def secret(**more: Any) -> Any:
    body = {"contentType": "text", "content": "ward 7"}
    return timed(subject="Doctor", body=body, location={"displayName": "Clinic"}, attendees=[guest(ADA)], **more)


@pytest.mark.parametrize("role", WRITERS)
def test_whoever_may_edit_writes_and_follows_a_calendar_through_its_owner(
    microsoft: Microsoft, service: Graph, role: str
) -> None:
    permit(microsoft, role)
    assert service("GET", f"/users/{BOB}/calendar")["canEdit"] is True
    made = service("POST", f"/users/{BOB}/calendar/events", timed())
    service("PATCH", f"/users/{BOB}/events/{made['id']}", {"subject": "Later"})
    items, link = service.round(f"/users/{BOB}/calendarView/delta?{SPAN}")
    assert [one["subject"] for one in items] == ["Later"]
    service("DELETE", f"/users/{BOB}/calendar/events/{made['id']}")
    assert [one["@removed"]["reason"] for one in service.round(link)[0]] == ["deleted"]
    assert made["organizer"]["emailAddress"]["address"] == BOB


def test_whoever_may_read_does_not_write(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "read")
    made = microsoft.control("POST", f"calendars/{BOB}/events", timed())
    path = f"/users/{BOB}/calendar"
    assert service("GET", path)["canEdit"] is False
    assert service("GET", f"{path}/events")["value"][0]["subject"] == "Visit"
    for verb, where, body in (
        ("POST", f"{path}/events", timed()),
        ("PATCH", f"{path}/events/{made['id']}", {"subject": "x"}),
        ("DELETE", f"{path}/events/{made['id']}", None),
    ):
        assert service.refused(verb, where, body) == (403, "ErrorAccessDenied")


def test_an_author_changes_what_it_added_and_nothing_else(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "custom")
    theirs = microsoft.control("POST", f"calendars/{BOB}/events", timed())
    path = f"/users/{BOB}/calendar"
    assert service("GET", path)["canEdit"] is True, "which does not say: everything in it"
    own = service("POST", f"{path}/events", timed())
    service("PATCH", f"{path}/events/{own['id']}", {"subject": "Later"})
    for verb, body in (("PATCH", {"subject": "x"}), ("DELETE", None)):
        assert service.refused(verb, f"{path}/events/{theirs['id']}", body) == (403, "ErrorAccessDenied")
    assert service("GET", f"{path}/events/{theirs['id']}")["subject"] == "Visit"
    service("DELETE", f"{path}/events/{own['id']}")


@pytest.mark.parametrize(("status", "code"), [(404, "ErrorItemNotFound"), (403, "ErrorAccessDenied")])
def test_a_calendar_that_nobody_opened_is_not_there(
    microsoft: Microsoft, service: Graph, status: int, code: str
) -> None:
    microsoft.control("POST", "settings", {"no_permission_status": status})
    for path in ("calendar", "calendars", "events", f"calendarView/delta?{SPAN}"):
        assert service.refused("GET", f"/users/{BOB}/{path}") == (status, code)


def test_a_permission_without_the_shared_scope_is_worth_nothing(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "write")
    plain = microsoft.graph(SYNC, ("Calendars.ReadWrite",))
    assert plain.refused("GET", f"/users/{BOB}/calendar/events") == (403, "ErrorAccessDenied")
    assert service("GET", f"/users/{BOB}/calendar/events")["value"] == []


@pytest.mark.parametrize(
    ("role", "sensitivity", "subject", "place", "text"),
    [
        ("freeBusyRead", "normal", "Busy", "", ""),
        ("limitedRead", "normal", "Doctor", "Clinic", ""),
        ("limitedRead", "private", "Private Appointment", "", ""),
        ("read", "normal", "Doctor", "Clinic", "ward 7"),
        ("read", "private", "Private Appointment", "", ""),
        ("write", "private", "Private Appointment", "", ""),
        ("delegateWithoutPrivateEventAccess", "private", "Private Appointment", "", ""),
        ("delegateWithPrivateEventAccess", "private", "Doctor", "Clinic", "ward 7"),
    ],
)
def test_each_permission_shows_no_more_of_an_event_than_it_says(
    microsoft: Microsoft, service: Graph, role: str, sensitivity: str, subject: str, place: str, text: str
) -> None:
    microsoft.control("POST", f"calendars/{BOB}/events", secret(sensitivity=sensitivity))
    permit(microsoft, role)
    listed = service("GET", f"/users/{BOB}/calendar/events")["value"]
    followed, _ = service.round(f"/users/{BOB}/calendarView/delta?{SPAN}")
    for seen in (*listed, *followed):
        assert (seen["subject"], seen["location"]["displayName"]) == (subject, place)
        assert seen["bodyPreview"].strip() == text
        assert bool(seen["attendees"]) == bool(text)
        assert ("ward 7" in seen["body"]["content"]) == bool(text)


def test_free_and_busy_alone_may_show_no_events_at_all(microsoft: Microsoft, service: Graph) -> None:
    microsoft.control("POST", "settings", {"free_busy_events": "refused"})
    permit(microsoft, "freeBusyRead")
    assert service("GET", f"/users/{BOB}/calendar")["canEdit"] is False
    assert service.refused("GET", f"/users/{BOB}/calendar/events") == (403, "ErrorAccessDenied")
    permit(microsoft, "read")
    assert service("GET", f"/users/{BOB}/calendar/events")["value"] == []


def test_a_right_that_was_taken_back_ends_in_the_middle_of_things(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "write")
    made = service("POST", f"/users/{BOB}/calendar/events", timed())
    _, link = service.first_round(f"/users/{BOB}/calendarView/delta")
    permit(microsoft, "read")
    refused = service.refused("PATCH", f"/users/{BOB}/events/{made['id']}", {"subject": "x"})
    assert refused == (403, "ErrorAccessDenied")
    assert service("GET", link)["@odata.deltaLink"]
    permit(microsoft, "none")
    assert service.refused("GET", link) == (404, "ErrorItemNotFound")
    assert service.refused("GET", f"/users/{BOB}/events/{made['id']}") == (404, "ErrorItemNotFound")


def test_a_permission_is_in_no_list_of_the_service_accounts_and_a_share_is(
    microsoft: Microsoft, service: Graph
) -> None:
    permit(microsoft, "write")
    assert [one["owner"]["address"] for one in service("GET", "/me/calendars")["value"]] == [SYNC]
    assert [one["canEdit"] for one in service("GET", f"/users/{BOB}/calendars")["value"]] == [True]
    microsoft.control("POST", f"calendars/{BOB}/share", {"email": SYNC, "role": "read"})
    listed = {one["owner"]["address"]: one["canEdit"] for one in service("GET", "/me/calendars")["value"]}
    assert listed == {SYNC: True, BOB: True}, "the greater of the two counts"
    permit(microsoft, "none")
    assert len(service("GET", "/me/calendars")["value"]) == 1


def test_only_the_owner_can_read_who_may_do_what(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "write")
    path = f"/users/{BOB}/calendar/calendarPermissions"
    assert service("GET", path)["value"] == [], "a sharee is told nothing, not even of itself"
    rows = microsoft.graph(BOB)("GET", "/me/calendar/calendarPermissions")["value"]
    assert [(one["emailAddress"].get("address"), one["role"]) for one in rows] == [
        (SYNC, "write"),
        (None, "freeBusyRead"),
    ]


def test_a_service_account_cannot_watch_a_mailbox_that_it_may_write(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "delegateWithPrivateEventAccess")
    ends = microsoft.moment + timedelta(days=6)
    wish = {
        "changeType": "created,updated,deleted",
        "notificationUrl": "https://hooks.example/webhooks/microsoft",
        "resource": f"/users/{BOB}/events",
        "expirationDateTime": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert service.refused("POST", "/subscriptions", wish) == (403, "ErrorAccessDenied")
    assert microsoft.pushes == []
    service("POST", "/subscriptions", wish | {"resource": "/me/events"})


def test_an_owner_without_a_mailbox_and_one_of_another_tenant_are_told_apart(
    microsoft: Microsoft, service: Graph
) -> None:
    permit(microsoft, "write")
    microsoft.control("PATCH", f"accounts/{BOB}", {"licensed": False})
    assert service.refused("GET", f"/users/{BOB}/events") == (404, "MailboxNotEnabledForRESTAPI")
    microsoft.world.add_account("eve@fabrikam.example")
    assert service.refused("GET", "/users/eve@fabrikam.example/events") == (404, "ErrorInvalidUser")


def test_somebody_without_a_mailbox_uses_nobodys_calendar(microsoft: Microsoft, service: Graph) -> None:
    permit(microsoft, "write")
    microsoft.control("PATCH", f"accounts/{SYNC}", {"licensed": False})
    for path in (f"/users/{BOB}/calendar", "/me/calendar"):
        assert service.refused("GET", path) == (404, "MailboxNotEnabledForRESTAPI")
    assert service("GET", "/me")["userPrincipalName"] == SYNC
