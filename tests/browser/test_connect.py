"""Connecting an account: out to the provider, back, confirmed by itself; and every way in which it fails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visit import NAMES, Visit, Visits, shows

BOTH = pytest.mark.parametrize("provider", ["google", "microsoft"])


@BOTH
def test_two_clicks_connect_an_account_and_the_card_says_how_it_fares(visit: Visit, provider: str) -> None:
    visit.open()
    shows(visit.card(provider), "Not connected")
    visit.sign_in(provider)
    card = visit.card(provider)
    shows(card, visit.account(provider))
    shows(card, re.compile(r"Last sync\s*(just now|\d+ seconds? ago)"))
    shows(card, "At once, by push")
    shows(card, "Next step")
    assert visit.page.url == visit.url()


def test_the_first_sync_shows_a_bar_and_counts_until_it_is_done(visit: Visit) -> None:
    visit.google.call("POST", f"calendars/{visit.account('google')}/fill", {"count": 900})
    visit.open()
    visit.leave_for("google")
    visit.consent("google")
    card = visit.card("google")
    expect(card.get_by_role("progressbar")).to_be_visible()
    shows(card, re.compile(r"just starting|\d[\d,]* (of [\d,]+ )?events"))
    shows(card, "it goes on by itself")
    visit.wait_until_synced("google")
    expect(card.get_by_role("progressbar")).to_be_hidden()


@BOTH
def test_somebody_who_says_no_is_told_that_nothing_was_connected(visit: Visit, provider: str) -> None:
    visit.open()
    visit.leave_for(provider)
    visit.consent(provider, allow=False)
    failed(visit, "consent_denied", "did not allow the access")
    try_again(visit, provider)


def test_a_permission_left_unticked_is_named_and_the_way_on_is_one_press(visit: Visit) -> None:
    visit.open()
    visit.leave_for("google")
    visit.consent("google", untick="View and edit events")
    failed(visit, "scope_missing", "ticked")
    try_again(visit, "google")


def test_an_organisation_that_asks_its_administrator_gives_a_link_to_send_on(visit: Visit) -> None:
    tenant = f"{visit.stem}.example"
    account = f"clerk@{tenant}"
    visit.outlook.call("POST", "tenants", {"domain": tenant, "users_may_consent": False})
    visit.outlook.call("POST", "accounts", {"email": account, "name": "Clerk"})
    visit.open()
    visit.leave_for("microsoft")
    visit.consent("microsoft", account=account)
    failed(visit, "admin_consent_required", "administrator")
    link = visit.opening().get_by_label("Send this to your administrator")
    expect(link).to_have_value(re.compile(r"^https://.*/adminconsent\?"))
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.opening().get_by_role("button", name="Copy").click()
    shows(visit.opening(), "Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == link.input_value()


def test_an_account_of_an_organisation_that_may_not_sign_in_is_told_to_choose_another(visit: Visit) -> None:
    visit.fault("microsoft", "oauth.token", "aadsts", number=50020)
    visit.open()
    visit.leave_for("microsoft")
    visit.consent("microsoft")
    shows(visit.opening().locator(".notice.bad"), re.compile("organisation"))
    shows(visit.opening(), "Code: wrong_tenant")
    try_again(visit, "microsoft")


def test_signing_in_again_with_another_account_says_which_one_still_needs_you(visits: Visits) -> None:
    visit = visits.new()
    other = visits.new()
    visit.connect("google")
    visit.google.call("POST", "revoke", {"email": visit.account("google")})
    visit.api.call("POST", f"/v1/connections/{visit.connection('google')['id']}/sync", expect=202)
    visit.open()
    shows(visit.card("google"), "Reconnect needed")
    visit.card("google").get_by_role("button", name="Sign in with Google").first.click()
    expect(visit.page.locator(f"input[value='{visit.account('google')}']")).to_be_checked()
    visit.consent("google", account=other.account("google"))
    failed(visit, "wrong_account", visit.account("google"))


def test_a_sign_in_that_took_too_long_says_so(visit: Visit) -> None:
    visit.open()
    visit.leave_for("google")
    consent = visit.page.url
    expired = consent.replace("state=", "state=expired-")
    visit.page.goto(expired)
    visit.consent("google")
    expect(visit.page.get_by_role("heading")).to_have_text(re.compile("Sign-in not completed|Manage integrations"))
    shows(visit.page.locator("body"), "state_invalid")


@BOTH
def test_a_provider_that_is_down_while_one_comes_back_is_said_with_its_code(visit: Visit, provider: str) -> None:
    visit.fault(provider, "oauth.token", "server_error", times=6)
    visit.open()
    visit.leave_for(provider)
    visit.consent(provider)
    expect(visit.page.get_by_role("heading")).to_have_text("Sign-in not completed")
    expect(visit.page.locator("code")).to_have_text(re.compile("unreachable|provider_busy"))
    expect(visit.page.get_by_role("link", name="Help")).to_be_visible()
    visit.person(provider).call("DELETE", "faults")
    visit.page.reload()
    shows(visit.opening(), f"is connected as {visit.account(provider)}")


def test_a_code_that_was_used_or_has_lapsed_says_to_start_again(visit: Visit) -> None:
    visit.fault("google", "oauth.token", "invalid_grant")
    visit.open()
    visit.leave_for("google")
    visit.consent("google")
    failed(visit, "code_refused", "took too long or was used twice")


def test_the_help_button_gives_a_contact_and_a_text_without_secrets(visit: Visit) -> None:
    visit.open()
    visit.leave_for("google")
    visit.consent("google", allow=False)
    failed(visit, "consent_denied", "")
    visit.opening().get_by_role("button", name="Help").click()
    dialog = visit.dialog()
    shows(dialog, "help@lockstep.example")
    said = dialog.get_by_label("Diagnostic text").input_value()
    assert "consent_denied" in said
    for secret in ("@", "confirmation", "token", "state="):
        assert secret not in said
    visit.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(visit.page.get_by_role("button", name="Help", exact=True).last).to_be_visible()


def failed(visit: Visit, code: str, sentence: str) -> None:
    """The page says what came of it, with the code, Try again and Help, and its address can be reloaded."""
    notice = visit.opening().locator(".notice.bad", has_text=f"Code: {code}")
    shows(notice, sentence)
    expect(notice.get_by_role("button", name="Try again")).to_be_visible()
    expect(notice.get_by_role("button", name="Help")).to_be_visible()
    assert visit.page.url == visit.url()


def try_again(visit: Visit, provider: str) -> None:
    """One press, and it works."""
    visit.opening().get_by_role("button", name="Try again").click()
    visit.consent(provider)
    shows(visit.opening(), f"{NAMES[provider]} is connected as {visit.account(provider)}")
