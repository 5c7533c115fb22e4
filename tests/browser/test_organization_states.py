"""The organisation's page in states that a running product is not in at will, before an API that says what we want."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check_for_all
from tests.browser.organization_stub import (
    EXPIRES,
    GOOGLE,
    OUT_OF_SCOPE,
    REACHES,
    StubbedOrganization,
    Stubs,
    organization,
    person,
)
from tests.browser.visit import hides, shows

LOOKS = pytest.mark.parametrize("scheme", ["light", "dark"])
EVERYBODY = [
    person("ada"),
    person("ben", "first_sync", sync={"state": "importing", "done": 120, "total": 500}),
    person("cleo", "waiting"),
    person("dora", "paused", reason=OUT_OF_SCOPE),
    person("emil", "disabled"),
    person("fay", "own_connection"),
    person("gus", "checking"),
    person("hal", "removing"),
]
COPYING = {"state": "running", "done": 1, "total": 6}
REFUSED = {"code": "invalid_request", "detail": "Something is not right."}


def microsoft(stub: Stubs, status: str = "active", people: list | None = None, **more: object) -> StubbedOrganization:
    people = [dict(one) for one in EVERYBODY] if people is None else people
    opened = stub(views={"microsoft": organization(status, people, **more)}, people=people)
    opened.open()
    return opened


# --- for whom it is


def test_who_is_no_administrator_finds_nothing_there_and_no_link_to_it(stub: Stubs) -> None:
    visit = stub(views={"microsoft": organization("active", [])})
    visit.open(role="")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("There is nothing at this address")
    hides(visit.page.locator("main"), "Authentication type")
    for path in ("/", "/help", "/organization"):
        visit.open(path, role="")
        expect(visit.page.get_by_role("link", name="Help").or_(visit.page.locator("#who"))).not_to_have_count(0)
        expect(visit.page.get_by_role("link", name="Organisation")).to_have_count(0)
    assert not [path for _, path, _ in visit.asked if "organization" in path]


def test_an_administrator_is_led_there_and_stays_one(stub: Stubs) -> None:
    visit = stub()
    visit.open("/")
    visit.page.get_by_role("link", name="Organisation").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Organisation")
    assert visit.page.url.endswith("/organization?user=ada&role=admin")


# --- settings


def test_nothing_is_authorised_before_what_was_found_has_been_shown(stub: Stubs) -> None:
    visit = stub()
    visit.open()
    page = visit.page
    authorize = page.get_by_role("button", name="Authorize")
    expect(authorize).to_have_count(0)
    page.get_by_label("Tenant id or domain").fill("contoso.example")
    page.get_by_label("Display name").fill("Contoso")
    page.get_by_role("button", name="Check").click()
    found = page.locator(".found")
    for said in ("7d3c2a10-5f0e-4b7c-9d6a-3f5c1f0c9e11", "v1.0", "https://graph.microsoft.com", "Worldwide"):
        shows(found, said)
    expect(authorize).to_be_visible()
    page.get_by_label("Tenant id or domain").fill("other.example")
    expect(authorize).to_be_hidden()
    ((path, body),) = visit.sent("PUT")
    assert path == "/v1/organization/microsoft"
    assert body == {
        "tenant": "contoso.example",
        "display_name": "Contoso",
        "access": "application",
        "service_account": "",
        "show_titles": True,
    }


def test_without_impersonation_the_expected_account_is_asked_for_and_a_private_window_advised(stub: Stubs) -> None:
    visit = stub()
    visit.open()
    page = visit.page
    page.get_by_label("Tenant id or domain").fill("contoso.example")
    page.get_by_label("Display name").fill("Contoso")
    expect(page.get_by_label("Address of the service account")).to_be_hidden()
    page.get_by_role("switch", name="Service account for impersonation").uncheck()
    shows(page.locator("form.settings-form"), "looked at regularly")
    page.get_by_label("Address of the service account").fill("sync@contoso.example")
    page.get_by_role("button", name="Check").click()
    shows(page.locator(".found"), "private window (incognito)")
    shows(page.locator(".found"), "sign in as sync@contoso.example")
    assert visit.sent("PUT")[0][1]["access"] == "delegated"


def test_a_fault_stands_at_its_field_is_read_with_it_and_has_the_focus(stub: Stubs) -> None:
    sentence = "There is no tenant of this name."
    fault = REFUSED | {"code": "tenant_unknown", "errors": [{"field": "tenant", "sentence": sentence}]}
    visit = stub(refusal=(422, fault))
    visit.open()
    page = visit.page
    page.get_by_label("Tenant id or domain").fill("nobody.example")
    page.get_by_role("button", name="Check").click()
    control = page.get_by_label("Tenant id or domain")
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(control).to_have_accessible_description(re.compile(re.escape(sentence)))
    expect(control).to_be_focused()
    page.get_by_role("button", name="Check").click()
    expect(control).not_to_have_attribute("aria-invalid", "true")


def test_what_says_whose_organisation_it_is_stays_as_it_is_while_it_is_connected(stub: Stubs) -> None:
    visit = microsoft(stub)
    page = visit.page
    for name in ("Tenant id or domain", "Service account for impersonation"):
        expect(page.get_by_label(name)).to_be_disabled()
    shows(page.locator("form.settings-form"), "disconnect the organisation first")
    page.get_by_role("switch", name="Show event titles").uncheck()
    shows(page.locator("form.settings-form"), "Only busy times")
    page.get_by_role("button", name="Save").click()
    shows(page.locator("#news"), "Saved.")
    assert visit.sent("PUT")[0][1]["show_titles"] is False


def test_what_somebody_is_typing_is_not_overwritten_by_the_next_look(stub: Stubs) -> None:
    visit = microsoft(stub, sync=COPYING)
    control = visit.page.get_by_label("Display name")
    control.fill("Half a na")
    with visit.page.expect_response(re.compile("/v1/organization/microsoft$")):
        pass
    with visit.page.expect_response(re.compile("/v1/organization/microsoft$")):
        pass
    expect(control).to_have_value("Half a na")


def test_a_key_is_sent_once_and_is_nowhere_on_the_page_afterwards(stub: Stubs) -> None:
    visit = stub()
    visit.open()
    page = visit.page
    page.get_by_label("Google Workspace").check()
    page.get_by_label("Domain", exact=True).fill("example.com")
    page.get_by_label("Display name").fill("Example")
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN SECRET"})
    page.get_by_label("Key file").set_input_files(
        {"name": "key.json", "mimeType": "application/json", "buffer": key.encode()}
    )
    page.get_by_role("button", name="Check").click()
    shows(page.locator(".found"), "sync@simulated.iam.gserviceaccount.com")
    ((path, body),) = visit.sent("PUT")
    assert path == "/v1/organization/google"
    assert body["service_account_key"] == key
    assert "BEGIN SECRET" not in page.content()
    expect(page.get_by_label("Key file")).to_have_value("")
    shows(page.locator("form.settings-form"), "is stored")
    page.get_by_label("Display name").fill("Another name")
    page.get_by_role("button", name="Save").click()
    shows(page.locator("#news"), "Checked")
    assert "service_account_key" not in visit.sent("PUT")[1][1]


def test_a_key_needs_no_sign_in_page(stub: Stubs) -> None:
    visit = stub(
        views={"google": dict(GOOGLE)}, answers={"POST /v1/organization/google/authorize": {"status": "active"}}
    )
    visit.open()
    visit.page.get_by_role("button", name="Authorize").click()
    shows(visit.page.locator("#opening"), "Authorised.")
    assert visit.sent("POST")[0][1]["return_to"].endswith("/organization?user=ada&role=admin")


def test_an_address_to_go_to_that_is_none_of_the_webs_is_not_gone_to(stub: Stubs) -> None:
    bad = {"authorization_url": "javascript:alert(1)", "connection_id": "con_1"}
    visit = stub(
        views={"microsoft": organization("draft", [])}, answers={"POST /v1/organization/microsoft/authorize": bad}
    )
    visit.open()
    visit.page.get_by_role("button", name="Authorize").click()
    shows(visit.page.locator("#trouble"), "bad_authorization_url")
    assert "/organization" in visit.page.url


# --- coming back


def test_the_wrong_account_is_named_with_what_to_do_about_it(stub: Stubs) -> None:
    sentence = "admin@contoso.example signed in. Authorise again in a private window."
    pending = {
        "id": "con_1",
        "provider": "microsoft",
        "status": "pending",
        "reasons": [{"code": "wrong_account", "sentence": sentence, "link": None}],
    }
    visit = stub(
        views={"microsoft": organization("draft", [], access="delegated", service_account="sync@contoso.example")},
        answers={"GET /v1/connections/con_1": pending},
    )
    visit.page.goto(f"{visit.url}/organization?user=ada&role=admin&connection_id=con_1&status=error&code=wrong_account")
    notice = visit.page.locator("#opening .notice.bad")
    shows(notice, sentence)
    expect(notice.get_by_role("button", name="Try again")).to_be_visible()
    assert visit.page.url.endswith("/organization?user=ada&role=admin")


def test_a_consent_is_confirmed_once_and_leaves_the_address(stub: Stubs) -> None:
    visit = stub(
        views={"microsoft": organization("active", [])},
        answers={"POST /v1/connections/con_1/confirm": {"id": "org_1", "provider": "microsoft", "status": "active"}},
    )
    visit.page.goto(
        f"{visit.url}/organization?user=ada&role=admin&connection_id=con_1&status=confirm#confirmation=once"
    )
    shows(visit.page.locator("#opening"), "Authorised.")
    assert visit.page.url.endswith("/organization?user=ada&role=admin")
    assert visit.sent("POST") == [("/v1/connections/con_1/confirm", {"confirmation": "once"})]


# --- how it fares


def test_warnings_and_progress_stand_in_words(stub: Stubs) -> None:
    secret = {"expires_at": "2026-11-28T10:00:00Z", "days_left": 7}
    visit = microsoft(stub, reasons=[EXPIRES, REACHES], secret=secret, sync=COPYING)
    card = visit.page.get_by_role("region", name="Contoso mailbox")
    for said in (EXPIRES["sentence"], REACHES["sentence"], "in 7 days", "1 of 6 people in step", "8 people: 1 in step"):
        shows(card, said)
    expect(card.get_by_role("progressbar")).to_have_attribute("value", "1")


def test_access_that_was_refused_is_said_and_authorized_again_from_here(stub: Stubs) -> None:
    reason = {"code": "consent_revoked", "sentence": "The consent was withdrawn.", "link": None}
    visit = microsoft(stub, "reconnect_required", reasons=[reason])
    shows(visit.page.get_by_role("region", name="Contoso mailbox"), "The consent was withdrawn.")
    expect(visit.page.get_by_role("button", name="Authorize")).to_be_visible()


def test_polled_calendars_say_that_they_are_and_why(stub: Stubs) -> None:
    visit = microsoft(stub, access="delegated", service_account="sync@contoso.example", push="polling")
    shows(visit.page.get_by_role("region", name="Contoso mailbox"), "lets a service account watch nobody else")


# --- staff


def test_every_state_of_a_person_is_told_in_words_and_the_mailbox_column_has_the_display_name(stub: Stubs) -> None:
    visit = microsoft(stub)
    expect(visit.page.get_by_role("columnheader", name="Contoso mailbox")).to_be_visible()
    for user, said in {
        "ada": "In step",
        "ben": "120 of 500",
        "cleo": "Waiting",
        "dora": OUT_OF_SCOPE["sentence"],
        "emil": "Off",
        "fay": "Connected by themselves",
        "gus": "Checking",
        "hal": "Being removed",
    }.items():
        shows(visit.row(user), said)
    expect(visit.row("emil").get_by_role("checkbox")).not_to_be_checked()
    expect(visit.row("hal").get_by_role("button")).to_have_count(0)


def test_a_list_of_hundreds_is_turned_page_by_page_and_searched(stub: Stubs) -> None:
    visit = microsoft(stub, people=[person(f"user{number:03}") for number in range(120)])
    page = visit.page
    expect(page.get_by_role("rowheader")).to_have_count(50)
    page.get_by_role("button", name="Next").click()
    expect(visit.row("user050")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(visit.row("user119")).to_be_visible()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    shows(page.get_by_role("navigation", name="Pages of the list"), "Page 3")
    page.get_by_label("Find a user").fill("user007")
    page.get_by_role("button", name="Find").click()
    expect(visit.row("user007")).to_be_visible()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    page.get_by_label("Find a user").fill("nobody")
    page.get_by_role("button", name="Find").click()
    shows(page.locator(".staff"), "nobody is not on the list.")


def test_somebody_is_added_and_what_is_wrong_is_said_in_the_dialog(stub: Stubs) -> None:
    visit = microsoft(stub, people=[])
    page = visit.page
    page.get_by_role("button", name="Add a person").click()
    expect(visit.dialog().get_by_label("User")).to_be_focused()
    visit.dialog().get_by_label("User").fill("zoe")
    visit.dialog().get_by_label("Mailbox").fill("zoe@contoso.example")
    visit.refusal = (409, {"code": "mailbox_taken", "detail": "This mailbox belongs to the user ada already."})
    visit.dialog().get_by_role("button", name="Add").click()
    shows(visit.dialog().get_by_role("alert"), "belongs to the user ada")
    visit.dialog().get_by_role("button", name="Add").click()
    expect(visit.dialog()).to_have_count(0)
    expect(visit.row("zoe")).to_be_visible()
    assert visit.sent("PUT")[-1] == (
        "/v1/organization/microsoft/staff/zoe",
        {"mailbox": "zoe@contoso.example", "enabled": True},
    )


def test_adding_somebody_who_is_on_the_list_does_not_change_their_mailbox(stub: Stubs) -> None:
    visit = microsoft(stub)
    visit.page.get_by_role("button", name="Add a person").click()
    visit.dialog().get_by_label("User").fill("ada")
    visit.dialog().get_by_label("Mailbox").fill("other@contoso.example")
    visit.dialog().get_by_role("button", name="Add").click()
    shows(visit.dialog().get_by_role("alert"), "on the list already")
    assert visit.sent("PUT") == []


def test_a_tick_taken_off_asks_first_and_comes_back_when_it_is_called_off(stub: Stubs) -> None:
    visit = microsoft(stub)
    tick = visit.row("ada").get_by_role("checkbox", name="Keep ada in step")
    tick.click()
    shows(visit.dialog(), "Stop keeping ada in step?")
    visit.page.keyboard.press("Escape")
    expect(visit.dialog()).to_have_count(0)
    expect(tick).to_be_checked()
    assert visit.sent("PUT") == []
    tick.click()
    visit.dialog().get_by_role("button", name="Stop").click()
    shows(visit.row("ada"), "Off")
    assert visit.sent("PUT")[0][1] == {"mailbox": "ada@contoso.example", "enabled": False}
    tick.check()
    shows(visit.row("ada"), "Waiting")


def test_another_mailbox_is_given_to_a_person(stub: Stubs) -> None:
    visit = microsoft(stub)
    visit.row("ada").get_by_role("button", name="Change the mailbox of ada").click()
    field = visit.dialog().get_by_label("Mailbox")
    expect(field).to_have_value("ada@contoso.example")
    field.fill("ada.byron@contoso.example")
    visit.dialog().get_by_role("button", name="Save").click()
    shows(visit.row("ada"), "ada.byron@contoso.example")


def test_removing_somebody_asks_what_becomes_of_both_sides_and_keeps_by_itself(stub: Stubs) -> None:
    visit = microsoft(stub)
    visit.row("ada").get_by_role("button", name="Remove ada").click()
    dialog = visit.dialog()
    expect(dialog.get_by_label("Keep them in the app")).to_be_checked()
    expect(dialog.get_by_label("Keep them in the calendar")).to_be_checked()
    dialog.get_by_label("Delete them from the calendar").check()
    dialog.get_by_role("button", name="Remove").click()
    expect(visit.row("ada")).to_have_count(0)
    ((path, _),) = visit.sent("DELETE")
    assert path == "/v1/organization/microsoft/staff/ada?imported=keep&exported=delete"


# --- import

PREVIEW = {
    "lines": 5,
    "totals": {"add": 2, "change": 1, "remove": 0, "nothing": 1, "errors": 1},
    "rows": [
        {"line": 2, "user_id": "zoe", "mailbox": "zoe@contoso.example", "enabled": True, "does": "add"},
        {"line": 3, "user_id": "ada", "mailbox": "ada@contoso.example", "enabled": False, "does": "change"},
    ],
    "errors": [{"line": 4, "sentence": "A mailbox cannot begin with =."}],
    "applied": 0,
    "next_line": None,
}
FILE = {"name": "staff.csv", "mimeType": "text/csv", "buffer": b"user_id,mailbox\nzoe,\xe9\n"}


def test_a_file_is_looked_at_line_by_line_before_anything_is_done(stub: Stubs) -> None:
    steps = [PREVIEW, PREVIEW | {"applied": 3, "next_line": 4}, PREVIEW | {"applied": 2, "next_line": None}]
    visit = stub(views={"microsoft": organization("active", EVERYBODY)}, people=list(EVERYBODY), imports=steps)
    visit.open()
    page = visit.page
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("CSV file").set_input_files(FILE)
    shows(
        page.locator(".import"), "5 lines: 2 to add, 1 to change, 1 as they are, and 1 not taken. Nothing has been done"
    )
    shows(page.get_by_role("region", name="Lines that are not taken"), "A mailbox cannot begin with =.")
    shows(page.get_by_role("region", name="What the others do"), "zoe@contoso.example")
    shows(page.locator(".import"), "2 more lines are not shown.")
    page.get_by_role("button", name="Apply").click()
    shows(page.locator("#news"), "The list is up to date.")
    sent = visit.sent("POST")
    assert [path.partition("?")[2] for path, _ in sent] == [
        "apply=false&from_line=1",
        "apply=true&from_line=1",
        "apply=true&from_line=4",
    ]
    assert {body for _, body in sent} == {FILE["buffer"]}, "the bytes go as they are"
    expect(page.get_by_role("button", name="Import a file")).to_be_focused()


def test_a_file_that_is_refused_says_why_and_can_be_chosen_again(stub: Stubs) -> None:
    refusal = (422, {"code": "csv_encoding", "detail": "This file is not UTF-8. Save it as CSV UTF-8."})
    visit = stub(views={"microsoft": organization("active", [])}, refusal=refusal, imports=[PREVIEW])
    visit.open()
    page = visit.page
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("CSV file").set_input_files(FILE)
    shows(page.locator("#trouble"), "This file is not UTF-8.")
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    page.get_by_label("CSV file").set_input_files(FILE)
    expect(page.get_by_role("button", name="Apply")).to_be_visible()


# --- the end


def test_disconnecting_everybody_says_what_it_means_and_ends_on_a_receipt(stub: Stubs) -> None:
    visit = microsoft(stub)
    page = visit.page
    goes_on = {"complete": False, "revoked": None}
    done = {"complete": True, "revoked": "not_supported", "notes": ["Remove it there."], "events_deleted_here": 12}
    visit.answers["DELETE /v1/organization/microsoft"] = goes_on
    page.get_by_role("button", name="Disconnect the organisation").click()
    shows(visit.dialog(), "The calendars of 7 people are no longer kept in step.")
    shows(visit.dialog(), "stay connected")
    visit.dialog().get_by_label("Delete them from the app").check()
    visit.dialog().get_by_role("button", name="Disconnect everybody").click()
    shows(visit.dialog(), "Contoso mailbox is being disconnected")
    assert visit.sent("DELETE")[0][0] == "/v1/organization/microsoft?imported=delete&exported=keep"
    visit.views["microsoft"] = organization("disconnected", [], receipt=done)
    shows(visit.dialog(), "Contoso mailbox is disconnected")
    shows(visit.dialog(), "12 events deleted from the app.")
    visit.dialog().get_by_role("button", name="Close").click()
    shows(page.get_by_role("region", name="Contoso mailbox"), "12 events deleted from the app.")
    expect(page.get_by_label("Tenant id or domain")).to_be_enabled()


# --- Manage Integrations of one of the staff


def managed(status: str = "active") -> dict[str, object]:
    return {
        "id": "con_1",
        "provider": "microsoft",
        "account": "ada@contoso.example",
        "status": status,
        "managed_by": "Contoso",
        "reasons": [],
        "last_sync_at": "2026-11-21T17:00:00Z",
        "push": "active",
        "sync": {"state": "done", "done": 0, "total": None},
        "default_reminder": "provider",
        "on_external_change": "apply",
        "on_external_delete": "apply",
        "privacy": "full",
    }


def test_one_of_the_staff_sees_who_manages_the_connection_and_nothing_that_they_may_not_do(stub: Stubs) -> None:
    connections = {"items": [{"provider": "microsoft", "connections": [managed()]}], "help": {}}
    visit = stub(
        answers={
            "GET /v1/integrations": connections,
            "GET /v1/connections/con_1/calendars": {"items": [], "next": None},
        }
    )
    visit.open("/", role="")
    card = visit.page.get_by_role("article", name="ada@contoso.example")
    shows(card, "Managed by Contoso")
    expect(card.get_by_role("button", name=re.compile("Disconnect"))).to_have_count(0)
    card.get_by_text("Settings").click()
    expect(card.get_by_label("Reminder of each booking")).to_be_visible()
    expect(card.get_by_label("What the app may read of this calendar")).to_be_hidden()
    check_for_all(visit.page)


def test_staff_are_not_asked_to_sign_in_when_their_administrator_has_to_act(stub: Stubs) -> None:
    connections = {"items": [{"provider": "microsoft", "connections": [managed("reconnect_required")]}], "help": {}}
    visit = stub(
        answers={
            "GET /v1/integrations": connections,
            "GET /v1/connections/con_1/calendars": {"items": [], "next": None},
        }
    )
    visit.open("/", role="")
    card = visit.page.get_by_role("article", name="ada@contoso.example")
    shows(card, "your administrator has to act")
    expect(card.get_by_role("button", name="Sign in with Microsoft")).to_have_count(0)
    expect(visit.page.locator("#opening .notice")).to_have_count(0)


# --- for everybody


@LOOKS
def test_every_state_of_the_page_is_readable_for_all(stub: Stubs, scheme: str) -> None:
    receipt = {"complete": True, "revoked": "not_supported", "notes": [], "links_erased": 300}
    secret = {"expires_at": "2026-11-28T10:00:00Z", "days_left": 7}
    for views, people in (
        ({}, []),
        ({"microsoft": organization("draft", [])}, []),
        ({"google": dict(GOOGLE)}, []),
        ({"microsoft": organization("active", EVERYBODY, reasons=[EXPIRES], secret=secret, sync=COPYING)}, EVERYBODY),
        ({"microsoft": organization("reconnect_required", EVERYBODY, reasons=[EXPIRES])}, EVERYBODY),
        ({"microsoft": organization("disconnecting", EVERYBODY)}, EVERYBODY),
        ({"microsoft": organization("disconnected", [], receipt=receipt)}, []),
    ):
        visit = stub(context={"color_scheme": scheme}, views=views, people=list(people))
        visit.open()
        if people:
            expect(visit.row("ada")).to_be_visible()
        check_for_all(visit.page)
    absent = stub(context={"color_scheme": scheme})
    absent.open(role="")
    check_for_all(absent.page)


@LOOKS
def test_every_dialog_and_the_import_are_readable_for_all(stub: Stubs, scheme: str) -> None:
    visit = stub(
        context={"color_scheme": scheme},
        views={"microsoft": organization("active", EVERYBODY)},
        people=list(EVERYBODY),
        imports=[PREVIEW],
    )
    visit.open()
    page = visit.page
    for opened in (
        page.get_by_role("button", name="Add a person"),
        page.get_by_role("button", name="Disconnect the organisation"),
        visit.row("ada").get_by_role("button", name="Change the mailbox of ada"),
        visit.row("ada").get_by_role("button", name="Remove ada"),
    ):
        opened.click()
        expect(visit.dialog()).to_be_visible()
        check_for_all(page)
        page.keyboard.press("Escape")
        expect(visit.dialog()).to_have_count(0)
        expect(opened).to_be_focused()
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("CSV file").set_input_files(FILE)
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    check_for_all(page)


def test_the_page_can_be_used_with_the_keyboard_alone(stub: Stubs) -> None:
    visit = stub()
    visit.open()
    page = visit.page
    names = "Tenant id or domain", "Display name", "Service account for impersonation", "Show event titles", "Check"
    page.get_by_label("Microsoft 365").focus()
    for name in names:
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        expect(focused).to_have_accessible_name(name)
        assert focused.evaluate("(node) => getComputedStyle(node).outlineStyle") != "none"
        if name in names[:2]:
            page.keyboard.type("contoso.example")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Authorize")).to_be_visible()
