"""What people do to pages: two tabs, the back button, a stranger's link, a session that ends, scripts in titles."""

from __future__ import annotations

import re

import requests
from playwright.sync_api import expect

from tests.browser.visit import Visit, Visits, shows


def test_two_tabs_that_connect_at_once_end_with_one_connection(visit: Visit) -> None:
    visit.open()
    second = visit.context.new_page()
    second.goto(visit.url())
    visit.leave_for("google")
    second.get_by_role("region", name="Google Calendar").get_by_role("button", name="Sign in with Google").first.click()
    second.locator(f"input[value='{visit.account('google')}']").check()
    second.get_by_role("button", name="Allow").click()
    visit.consent("google")
    shows(second.locator("#opening"), "is connected as")
    shows(visit.opening(), "is connected as")
    live = [one for one in visit.api.listing("/v1/connections") if one["status"] == "active"]
    assert len(live) == 1
    expect(visit.card("google").get_by_role("article")).to_have_count(1)


def test_the_back_button_after_the_callback_repeats_nothing(visit: Visit) -> None:
    visit.open()
    visit.sign_in("google")
    assert "confirmation" not in visit.page.url
    visit.page.go_back()
    expect(visit.page.get_by_text("Simulated Google")).to_be_visible()
    visit.page.go_forward()
    shows(visit.card("google"), "Connected")
    expect(visit.opening().locator(".notice.bad")).to_have_count(0)
    visit.page.go_back()
    visit.consent("google")
    shows(visit.page.locator("body"), "state_used")
    assert len([one for one in visit.api.listing("/v1/connections") if one["status"] == "active"]) == 1


def test_a_callback_that_somebody_else_opens_connects_nothing(visits: Visits) -> None:
    visit, victim = visits.new(), visits.new()
    return_to = {"provider": "google", "return_to": visit.url()}
    begun = visit.api.call("POST", "/v1/connections", return_to, expect=201)
    form = {"account": visit.account("google"), "decision": "allow", "scopes": "all"}
    consent = requests.post(begun["authorization_url"], data=form, allow_redirects=False, timeout=30)
    back = requests.get(consent.headers["location"], allow_redirects=False, timeout=30)
    lured = back.headers["location"].replace(f"user={visit.user}", f"user={victim.user}")
    assert "confirmation=" in lured
    victim.page.goto(lured)
    notice = victim.opening().locator(".notice.bad")
    shows(notice, "started by somebody else")
    shows(notice, "Code: not_yours")
    shows(victim.card("google"), "Not connected")
    assert victim.api.listing("/v1/connections") == []


def test_a_session_that_ends_is_said_once_and_the_way_back_in_is_one_press(visit: Visit) -> None:
    visit.connect("google")
    visit.open()
    visit.page.route("**/v1/**", lambda route: route.fulfill(status=401, json={"message": "Unauthorized"}))
    visit.button("google", "Sync now").click()
    trouble = visit.page.locator("#trouble")
    shows(trouble, "Your session has ended")
    expect(trouble.locator(".notice")).to_have_count(1)
    shows(visit.card("google"), visit.account("google"))
    visit.page.unroute("**/v1/**")
    trouble.get_by_role("button", name="Sign in again").click()
    expect(trouble.locator(".notice")).to_have_count(0)
    shows(visit.card("google"), "Connected")


def test_a_provider_that_hangs_leaves_the_page_usable(visit: Visit) -> None:
    visit.connect("google")
    visit.fault("google", "events.list", "hang", seconds=8, times=2)
    visit.open()
    visit.button("google", "Sync now").click()
    expect(visit.button("google", re.compile("Looking"))).to_be_visible()
    visit.card("google").get_by_text("Settings").click()
    reminder = visit.card("google").get_by_label("Reminder of each booking")
    reminder.select_option(label="10 minutes before")
    shows(visit.card("google"), "Saved")
    expect(visit.button("google", "Sync now")).to_be_visible(timeout=60_000)


def test_a_script_in_a_title_or_a_calendar_name_is_only_text(visit: Visit) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    visit.google.with_new_calendar(attack)
    visit.connect("google")
    today = visit.page.evaluate("new Date(Date.now() + 3600e3).toISOString().slice(0, 19)")
    later = visit.page.evaluate("new Date(Date.now() + 7200e3).toISOString().slice(0, 19)")
    times = {"start": {"dateTime": today, "timeZone": "UTC"}, "end": {"dateTime": later, "timeZone": "UTC"}}
    visit.google.call("POST", visit.google.calendar("events"), {"summary": attack, **times})
    visit.open()
    shows(visit.card("google"), attack)
    visit.open("/calendar")
    expect(visit.page.locator(".row .title").first).to_have_text(attack)
    expect(visit.page.locator(".row .title")).to_have_count(2)
    assert visit.page.title() != "owned"


def test_an_address_with_a_made_up_code_says_nothing_that_it_was_told_to(visit: Visit) -> None:
    visit.page.goto(visit.url() + "&status=error&code=%3Cb%3EYou+won%3C/b%3E&connection_id=con_none")
    notice = visit.opening().locator(".notice.bad")
    shows(notice, "The account could not be connected.")
    expect(notice.locator("b")).to_have_count(0)
    assert visit.page.url == visit.url()
