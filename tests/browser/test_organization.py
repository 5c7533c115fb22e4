"""An administrator connects a whole organisation on the page: the tenant in both of its ways, the domain with a key."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import Locator, expect

from demo import organizations
from demo.client import PersonAtGoogle, PersonAtOutlook
from demo.organizations import DOMAIN, HARBOUR_LIST, KEY_FILE, MEADOW_LIST, PRIVATE_TITLE, SERVICE_ACCOUNT, TENANT
from tests.browser.visit import Visit, Visits, hides, shows

LONG_MS = 120_000


@pytest.fixture
def admin(visits: Visits) -> Visit:
    """An administrator of an organisation that no other test has."""
    return visits.new(org=f"org-{secrets.token_hex(3)}", role="admin")


def one_of_the_staff(visits: Visits, admin: Visit, user: str) -> Visit:
    return visits.new(user=user, stem=f"{user}-{secrets.token_hex(3)}", org=admin.org)


def row(visit: Visit, user: str) -> Locator:
    return visit.page.locator(".staff tbody tr", has=visit.page.get_by_role("rowheader", name=user, exact=True))


def open_page(visit: Visit) -> None:
    visit.page.goto(visit.url("/organization"))
    expect(visit.page.locator("#organization")).not_to_have_attribute("aria-busy", "true")


def fill_in_the_tenant(visit: Visit, *, service_account: str = "") -> None:
    page = visit.page
    page.get_by_label("Tenant id or domain").fill(TENANT)
    page.get_by_label("Display name").fill("Harbour Care")
    if service_account:
        page.get_by_role("switch", name="Service account for impersonation").uncheck()
        page.get_by_label("Address of the service account").fill(service_account)
    page.get_by_role("button", name="Check").click()
    shows(page.locator(".found"), "Worldwide")


def answer_as(visit: Visit, account: str, *, allow: bool = True) -> None:
    """On the provider's page."""
    visit.page.locator(f"input[value='{account}']").check()
    visit.page.get_by_role("button", name="Accept" if allow else "Cancel", exact=True).click()


def take_in(visit: Visit, name: str) -> None:
    page = visit.page
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("CSV file").set_input_files(visit.running.stack.state_dir.parent / name)
    shows(page.locator(".import"), "12 lines: 12 to add")
    page.get_by_role("button", name="Apply").click()
    shows(page.locator("#news"), "The list is up to date.")


def test_a_tenant_is_connected_with_its_staff_one_is_removed_and_all_are_disconnected(
    visits: Visits, admin: Visit
) -> None:
    page = admin.page
    open_page(admin)
    fill_in_the_tenant(admin)
    page.get_by_role("button", name="Authorize").click()
    shows(page.locator("body"), "review for your organization")
    answer_as(admin, organizations.ADMIN)
    answer_as(admin, organizations.ADMIN)
    shows(admin.opening(), "Authorised.")
    take_in(admin, HARBOUR_LIST)
    for user, said in {
        "gus": "licen",
        "hana": "Code: out_of_scope",
        "kim": "Code: not_found",
        "ada": "In step",
    }.items():
        expect(row(admin, user)).to_contain_text(said, use_inner_text=True, timeout=LONG_MS)
    expect(page.locator(".staff .badge.good")).to_have_count(9, timeout=LONG_MS)
    shows(page.get_by_role("region", name="Harbour Care"), "12 people: 9 in step and 3 paused")

    ada = one_of_the_staff(visits, admin, "ada")
    ada.open()
    shows(ada.card("microsoft"), "Managed by Harbour Care")
    expect(ada.button("microsoft", re.compile("Disconnect"))).to_have_count(0)
    titles = [one["title"] for one in ada.api.listing("/v1/events?from=2026-01-01T00:00:00Z&to=2029-01-01T00:00:00Z")]
    assert "Team meeting" in titles
    assert PRIVATE_TITLE not in titles
    ada.book("one", "Haircut")
    outlook = PersonAtOutlook(admin.running.microsoft_url, f"ada@{TENANT}", admin.running.ca_file)
    ada.until(lambda: outlook.shown("Haircut") == 1)

    row(admin, "ben").get_by_role("button", name="Remove ben").click()
    admin.dialog().get_by_role("button", name="Remove").click()
    expect(row(admin, "ben")).to_have_count(0)
    shows(row(admin, "ada"), "In step")
    page.get_by_role("button", name="Disconnect the organisation").click()
    admin.dialog().get_by_role("button", name="Disconnect everybody").click()
    shows(admin.dialog(), "Harbour Care is disconnected", timeout=LONG_MS)
    admin.dialog().get_by_role("button", name="Close").click()
    shows(page.get_by_role("region", name="Harbour Care"), "Disconnected")
    ada.open()
    shows(ada.card("microsoft"), "Not connected")


def test_a_service_account_is_signed_in_to_and_no_other(visits: Visits, admin: Visit) -> None:
    page = admin.page
    open_page(admin)
    fill_in_the_tenant(admin, service_account=SERVICE_ACCOUNT)
    shows(page.locator(".found"), "private window (incognito) first: in a usual one the browser may sign you in")
    page.get_by_role("button", name="Authorize").click()
    answer_as(admin, organizations.ADMIN)
    notice = admin.opening().locator(".notice.bad")
    shows(notice, organizations.ADMIN)
    shows(notice, "private window")
    shows(notice, "Code: wrong_account")
    shows(page.get_by_role("region", name="Harbour Care"), "Not authorised yet")
    notice.get_by_role("button", name="Try again").click()
    answer_as(admin, SERVICE_ACCOUNT, allow=False)
    shows(admin.opening(), "Code: consent_denied")
    admin.opening().get_by_role("button", name="Try again").click()
    answer_as(admin, SERVICE_ACCOUNT)
    shows(admin.opening(), "Authorised.")
    shows(page.get_by_role("region", name="Harbour Care"), "lets a service account watch nobody else")
    for user in ("cleo", "hana", "ivo"):
        page.get_by_role("button", name="Add a person").click()
        admin.dialog().get_by_label("User").fill(user)
        admin.dialog().get_by_label("Mailbox").fill(f"{user}@{TENANT}")
        admin.dialog().get_by_role("button", name="Add").click()
        expect(admin.dialog()).to_have_count(0)
    expect(row(admin, "cleo")).to_contain_text("In step", timeout=LONG_MS)
    shows(row(admin, "cleo"), "by regular checks")
    shows(row(admin, "hana"), "Paused")
    shows(row(admin, "ivo"), re.compile("read"))


def test_a_domain_is_connected_by_a_key_alone(visits: Visits, admin: Visit) -> None:
    page = admin.page
    open_page(admin)
    page.get_by_label("Google Workspace").check()
    page.get_by_label("Domain", exact=True).fill(DOMAIN)
    page.get_by_label("Display name").fill("Meadow Health")
    page.get_by_label("Key file").set_input_files(admin.running.stack.state_dir.parent / KEY_FILE)
    page.get_by_role("button", name="Check").click()
    shows(page.locator(".found"), "lockstep@simulated.iam.gserviceaccount.com")
    take_in(admin, MEADOW_LIST)
    page.get_by_role("button", name="Authorize").click()
    shows(admin.opening(), "Authorised.")
    expect(row(admin, "mia")).to_contain_text("In step", timeout=LONG_MS)
    shows(row(admin, "vera"), "Paused")
    google = PersonAtGoogle(admin.running.google_url, f"mia@{DOMAIN}")
    mia = one_of_the_staff(visits, admin, "mia")
    mia.book("one", "Haircut")
    mia.until(lambda: google.shown("Haircut") == 1)
    row(admin, "mia").get_by_role("checkbox").click()
    admin.dialog().get_by_role("button", name="Stop").click()
    expect(row(admin, "mia")).to_contain_text("Off", timeout=LONG_MS)
    row(admin, "mia").get_by_role("checkbox").click()
    expect(row(admin, "mia")).to_contain_text("In step", timeout=LONG_MS)


def test_a_tenant_that_does_not_exist_is_said_at_its_field(admin: Visit) -> None:
    open_page(admin)
    admin.page.get_by_label("Tenant id or domain").fill("nobody-has-this.example")
    admin.page.get_by_label("Display name").fill("Nobody")
    admin.page.get_by_role("button", name="Check").click()
    control = admin.page.get_by_label("Tenant id or domain")
    expect(control).to_have_attribute("aria-invalid", "true")
    expect(admin.page.get_by_role("button", name="Authorize")).to_have_count(0)


def test_a_link_to_the_page_gives_somebody_else_nothing(visits: Visits, admin: Visit) -> None:
    open_page(admin)
    fill_in_the_tenant(admin)
    stranger = visits.new(org=admin.org)
    open_page(stranger)
    shows(stranger.page.locator("main"), "There is nothing at this address")
    hides(stranger.page.locator("main"), TENANT)
    assert stranger.api.refusal("GET", "/v1/organization/microsoft") == (404, "not_found")
