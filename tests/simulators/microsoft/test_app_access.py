"""An app without a person: which mailboxes it reaches, by what, and what it is told of the others."""

from datetime import timedelta
from typing import Any

import pytest

from .conftest import ADA, BOB, Graph, Microsoft, timed

EVE = "eve@fabrikam.example"
SPAN = "startDateTime=2027-01-01T00:00:00Z&endDateTime=2028-01-01T00:00:00Z"
HOOK = "https://hooks.example/webhooks/microsoft"
READ_WRITE = "Application Calendars.ReadWrite"


@pytest.fixture(autouse=True)
def _staff(microsoft: Microsoft) -> None:
    microsoft.world.add_account(BOB, "Bob Builder")
    microsoft.world.add_account(EVE)
    microsoft.control("PUT", "tenants/contoso.example/principals/client")


def app(microsoft: Microsoft, *roles: str) -> Graph:
    """The app with these application permissions."""
    wanted = {"tenant": "contoso.example", "client_id": "client", "scopes": list(roles)}
    return Graph(microsoft.url, microsoft.session, microsoft.control("POST", "tokens", wanted)["access_token"])


def assign(microsoft: Microsoft, *boxes: str, role: str = READ_WRITE) -> None:
    """RBAC for Applications: the role on these mailboxes; without any it is taken back."""
    given = [{"role": role, "mailboxes": list(boxes)}] if boxes else []
    microsoft.control("PUT", "tenants/contoso.example/assignments/client", {"assignments": given})


def status(graph: Graph, mailbox: str, path: str = "events") -> tuple[int, str]:
    reply = graph.reply("GET", f"/users/{mailbox}/{path}")
    return reply.status_code, reply.json().get("error", {}).get("code", "")


def wish(microsoft: Microsoft, mailbox: str) -> Any:
    ends = microsoft.moment + timedelta(days=6)
    return {
        "changeType": "created,updated,deleted",
        "notificationUrl": HOOK,
        "lifecycleNotificationUrl": f"{HOOK}/lifecycle",
        "resource": f"/users/{mailbox}/events",
        "expirationDateTime": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        "clientState": "calendar.mac",
    }


def test_an_application_permission_reaches_every_mailbox_of_its_tenant_and_no_other(microsoft: Microsoft) -> None:
    graph = app(microsoft, "Calendars.ReadWrite")
    oid = microsoft.world.accounts[BOB].oid
    made = graph("POST", f"/users/{ADA}/events", timed())
    graph("PATCH", f"/users/{ADA}/events/{made['id']}", {"subject": "Moved"})
    items, link = graph.round(f"/users/{ADA}/calendarView/delta?{SPAN}")
    assert [one["subject"] for one in items] == ["Moved"]
    graph("DELETE", f"/users/{ADA}/events/{made['id']}")
    assert [one["@removed"]["reason"] for one in graph.round(link)[0]] == ["deleted"]
    main = graph("GET", f"/users/{oid}/calendars")["value"][0]
    assert graph("GET", f"/users/{BOB}/calendars/{main['id']}/events")["value"] == []
    assert status(graph, EVE) == (404, "ErrorInvalidUser")
    assert status(graph, "nobody@contoso.example") == (404, "ErrorInvalidUser")
    assert graph.refused("GET", "/me/events") == (400, "BadRequest")
    assert graph.refused("GET", "/me") == (400, "BadRequest")


def test_reading_and_writing_are_two_permissions(microsoft: Microsoft) -> None:
    graph = app(microsoft, "Calendars.Read")
    assert status(graph, ADA) == (200, "")
    assert graph.refused("POST", f"/users/{ADA}/events", timed()) == (403, "ErrorAccessDenied")
    assert graph.refused("GET", f"/users/{ADA}/mailboxSettings") == (403, "ErrorAccessDenied")


def test_an_assignment_opens_its_mailboxes_to_an_app_without_any_application_permission(microsoft: Microsoft) -> None:
    graph = app(microsoft)
    assert status(graph, ADA) == (403, "ErrorAccessDenied")
    assign(microsoft, ADA)
    assert status(graph, ADA) == (200, ""), "what is assigned is not in the token: the old one will do"
    graph("POST", f"/users/{ADA}/events", timed())
    assert status(graph, BOB) == (403, "ErrorAccessDenied")
    assign(microsoft, ADA, role="Application Calendars.Read")
    assert graph.refused("POST", f"/users/{ADA}/events", timed()) == (403, "ErrorAccessDenied")


def test_an_assignment_with_a_scope_narrows_nothing_while_the_application_permission_is_there(
    microsoft: Microsoft,
) -> None:
    graph = app(microsoft, "Calendars.ReadWrite")
    assign(microsoft, ADA)
    assert status(graph, BOB) == (200, ""), "the two add up"
    microsoft.control("PATCH", "tenants/contoso.example", {"roles": {"client": []}})
    assert status(graph, BOB) == (200, ""), "roles of a token that is out live to its end"
    assert status(app(microsoft), BOB) == (403, "ErrorAccessDenied")


def test_exchange_obeys_a_new_assignment_late_and_the_test_command_knows_it_at_once(microsoft: Microsoft) -> None:
    microsoft.control("POST", "settings", {"rbac_delay_seconds": 7200})
    graph = app(microsoft)
    assign(microsoft, ADA)
    told = microsoft.control("GET", "tenants/contoso.example/authorization/client", mailbox=ADA)
    assert told == {"roles": [{"role": READ_WRITE, "in_scope": True}]}
    assert status(graph, ADA) == (403, "ErrorAccessDenied")
    microsoft.pass_time(hours=2)
    graph = app(microsoft)
    assert status(graph, ADA) == (200, "")
    assign(microsoft, BOB)
    assert (status(graph, ADA)[0], status(graph, BOB)[0]) == (200, 403)
    microsoft.pass_time(minutes=30)
    assign(microsoft, BOB)  # saying it again does not start the wait anew
    microsoft.pass_time(minutes=90)
    graph = app(microsoft)
    assert (status(graph, ADA)[0], status(graph, BOB)[0]) == (403, 200)


def test_an_access_policy_narrows_application_permissions_but_not_assignments(microsoft: Microsoft) -> None:
    graph = app(microsoft, "Calendars.ReadWrite")
    microsoft.control("PATCH", "tenants/contoso.example", {"mailboxes": {"client": [ADA]}})
    assert status(graph, ADA) == (200, "")
    refused = graph.reply("GET", f"/users/{BOB}/events").json()["error"]
    assert (refused["code"], refused["message"]) == ("ErrorAccessDenied", "Access to OData is disabled.")
    assign(microsoft, BOB)
    assert status(graph, BOB) == (200, "")


@pytest.mark.parametrize("code", ["MailboxNotEnabledForRESTAPI", "ResourceNotFound"])
def test_a_user_without_a_licence_exists_and_has_no_mailbox(microsoft: Microsoft, code: str) -> None:
    microsoft.control("POST", "settings", {"no_mailbox_code": code})
    graph = app(microsoft, "Calendars.ReadWrite", "User.Read.All")
    microsoft.control("PATCH", f"accounts/{BOB}", {"licensed": False})
    for path in ("events", "calendar", "calendars", f"calendarView/delta?{SPAN}"):
        assert status(graph, BOB, path) == (404, code)
    assert graph.refused("POST", "/subscriptions", wish(microsoft, BOB)) == (404, code)
    assert graph("GET", f"/users/{BOB}")["mail"] is None
    microsoft.control("PATCH", f"accounts/{BOB}", {"licensed": True})
    assert status(graph, BOB) == (200, "")


def test_a_disabled_user_keeps_a_mailbox_that_the_app_reaches(microsoft: Microsoft) -> None:
    microsoft.control("PATCH", f"accounts/{BOB}", {"enabled": False})
    assert status(app(microsoft, "Calendars.ReadWrite"), BOB) == (200, "")


def test_staff_are_listed_page_by_page_to_an_app_that_may_read_them(microsoft: Microsoft) -> None:
    for number in range(5):
        microsoft.world.add_account(f"user{number}@contoso.example", licensed=number != 3)
    assert app(microsoft, "Calendars.ReadWrite").refused("GET", "/users") == (403, "Authorization_RequestDenied")
    graph = app(microsoft, "User.Read.All")
    seen: list[Any] = []
    url = "/users?$select=id,mail,userPrincipalName,accountEnabled&$top=3"
    while url:
        page = graph("GET", url)
        assert len(page["value"]) <= 3
        seen += page["value"]
        url = page.get("@odata.nextLink")
    assert len({one["id"] for one in seen}) == len(seen) == 7
    assert EVE not in {one["userPrincipalName"] for one in seen}
    assert [one["userPrincipalName"] for one in seen if one["mail"] is None] == ["user3@contoso.example"]
    assert set(seen[0]) == {"id", "mail", "userPrincipalName", "accountEnabled"}
    assert "accountEnabled" not in graph("GET", "/users")["value"][0], "it comes only when it is asked for"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"mail eq '{BOB.upper()}'", [BOB]),
        ("startswith(displayName,'bob')", [BOB]),
        ("accountEnabled eq false", [BOB]),
        ("accountEnabled eq true and startswith(mail,'b')", []),
    ],
)
def test_staff_can_be_filtered(microsoft: Microsoft, query: str, found: list[str]) -> None:
    microsoft.control("PATCH", f"accounts/{BOB}", {"enabled": False})
    listed = app(microsoft, "User.Read.All")("GET", f"/users?$filter={query}")["value"]
    assert [one["mail"] for one in listed] == found


@pytest.mark.parametrize(
    "query", ["$skip=1", "$orderby=mail", "$select=shoeSize", "$filter=mail like 'b'", "$top=1000"]
)
def test_the_list_of_users_refuses_what_graph_refuses(microsoft: Microsoft, query: str) -> None:
    assert app(microsoft, "User.Read.All").refused("GET", f"/users?{query}")[0] == 400


def test_a_user_of_another_tenant_is_unknown(microsoft: Microsoft) -> None:
    graph = app(microsoft, "User.Read.All")
    assert graph.refused("GET", f"/users/{EVE}") == (404, "Request_ResourceNotFound")
    assert graph.refused("GET", "/users/nobody@contoso.example") == (404, "Request_ResourceNotFound")


def test_a_person_with_user_read_sees_the_organisation_and_nobody_else(microsoft: Microsoft) -> None:
    ada = microsoft.graph(scopes=("User.Read",))
    assert ada("GET", "/organization")["value"][0]["verifiedDomains"][0]["name"] == "contoso.example"
    assert ada.refused("GET", f"/users/{BOB}") == (403, "Authorization_RequestDenied")
    assert ada.refused("GET", "/users") == (403, "Authorization_RequestDenied")
    refused = app(microsoft, "User.Read.All").refused("GET", "/organization")
    assert refused == (403, "Authorization_RequestDenied"), "an app needs Organization.Read.All"


def test_an_app_subscribes_to_mailboxes_that_it_reaches_and_hears_of_each(microsoft: Microsoft) -> None:
    graph = app(microsoft, "Calendars.ReadWrite")
    microsoft.control("PATCH", "tenants/contoso.example", {"mailboxes": {"client": [ADA]}})
    made = graph("POST", "/subscriptions", wish(microsoft, ADA))
    assert graph.refused("POST", "/subscriptions", wish(microsoft, BOB)) == (403, "ErrorAccessDenied")
    assert graph.refused("POST", "/subscriptions", wish(microsoft, EVE)) == (403, "ErrorAccessDenied")
    own = wish(microsoft, ADA) | {"resource": "/me/events"}
    assert graph.refused("POST", "/subscriptions", own) == (400, "BadRequest")
    microsoft.control("POST", f"calendars/{ADA}/events", timed())
    assert [one["subscriptionId"] for one in microsoft.notified()] == [made["id"]]
    assert microsoft.notified()[0]["tenantId"] == microsoft.world.accounts[ADA].tenant


def test_delivery_stops_when_the_app_no_longer_reaches_the_mailbox(microsoft: Microsoft) -> None:
    graph = app(microsoft)
    assign(microsoft, ADA, BOB)
    for one in (ADA, BOB):
        graph("POST", "/subscriptions", wish(microsoft, one))
    assign(microsoft, BOB)
    for one in (ADA, BOB):
        microsoft.control("POST", f"calendars/{one}/events", timed())
    assert len(microsoft.notified()) == 1
    microsoft.control("DELETE", "tenants/contoso.example/principals/client")
    microsoft.control("POST", f"calendars/{BOB}/events", timed())
    assert len(microsoft.notified()) == 1


def test_an_assignment_alone_may_be_too_little_to_subscribe(microsoft: Microsoft) -> None:
    microsoft.control("POST", "settings", {"rbac_subscriptions": "refused"})
    assign(microsoft, ADA)
    graph = app(microsoft)
    assert status(graph, ADA) == (200, "")
    assert graph.refused("POST", "/subscriptions", wish(microsoft, ADA)) == (403, "ErrorAccessDenied")


def test_the_peak_of_an_app_is_counted_over_all_its_mailboxes(microsoft: Microsoft) -> None:
    graph = app(microsoft, "Calendars.ReadWrite")
    steps = [
        {"id": f"{number}{box}", "method": "GET", "url": f"/users/{box}/events"}
        for number in range(5)
        for box in (ADA, BOB)
    ]
    graph("POST", "/$batch", {"requests": steps})
    calls = microsoft.control("GET", "calls")
    assert calls["peak_by_app"] == {"client": 10}
    assert calls["peak_concurrency"] == {f"client {ADA}": 5, f"client {BOB}": 5}
    assert calls["throttled"] == {f"client {ADA}": 1, f"client {BOB}": 1}


def test_an_app_has_a_limit_of_its_own_over_all_mailboxes(microsoft: Microsoft) -> None:
    microsoft.control("POST", "settings", {"app_requests_per_ten_seconds": 2})
    graph = app(microsoft, "Calendars.ReadWrite")
    assert [status(graph, box)[0] for box in (ADA, BOB, ADA)] == [200, 200, 429]
    microsoft.pass_time(seconds=10)
    assert status(graph, ADA)[0] == 200
