"""For everybody: nothing that axe objects to, the keyboard alone, 320 pixels, the dark, one's own way of dates."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check_for_all
from tests.browser.visit import NAMES, Visit, Visits, shows

LOOKS = pytest.mark.parametrize("scheme", ["light", "dark"])


def check(visit: Visit) -> None:
    check_for_all(visit.page)


@LOOKS
def test_every_state_of_the_integrations_page_is_readable_for_all(visits: Visits, scheme: str) -> None:
    visit = visits.new(color_scheme=scheme)
    visit.open()
    check(visit)
    visit.sign_in("google")
    visit.card("google").get_by_text("Settings").click()
    visit.sign_in("microsoft")
    expect(visit.card("microsoft").locator(".offer")).to_be_visible()
    check(visit)
    visit.button("google", "Send a test booking").click()
    shows(visit.card("google"), "It is in your Google calendar")
    check(visit)


@LOOKS
def test_a_failure_and_trouble_are_readable_for_all(visits: Visits, scheme: str) -> None:
    visit = visits.new(color_scheme=scheme)
    visit.open()
    visit.leave_for("google")
    visit.consent("google", allow=False)
    expect(visit.opening().locator(".notice.bad")).to_be_visible()
    check(visit)
    visit.connect("google")
    visit.google.call("POST", "revoke", {"email": visit.account("google")})
    visit.google.call("POST", "expire_tokens", {"email": visit.account("google")})
    visit.book("one", "Booking")
    visit.until(lambda: visit.connection("google")["status"] == "reconnect_required")
    visit.open()
    shows(visit.opening(), "is out of step")
    check(visit)


@LOOKS
def test_every_dialog_is_readable_for_all(visits: Visits, scheme: str) -> None:
    visit = visits.new(color_scheme=scheme)
    visit.google.with_new_calendar("Side business")
    visit.google.add("Dentist", "09:00:00", "10:00:00")
    visit.connect("google")
    visit.open()
    for opened in (
        lambda: visit.page.get_by_role("button", name="Help", exact=True).click(),
        lambda: visit.card("google").get_by_label("Main booking calendar: Side business").click(),
        lambda: visit.button("google", "Disconnect from Google").click(),
    ):
        opened()
        expect(visit.dialog()).to_be_visible()
        check(visit)
        visit.page.keyboard.press("Escape")
        expect(visit.dialog()).to_have_count(0)
    visit.button("google", "Disconnect from Google").click()
    visit.dialog().get_by_role("button", name="Disconnect", exact=True).click()
    shows(visit.dialog(), "is disconnected")
    check(visit)


@LOOKS
@pytest.mark.parametrize("path", ["/calendar", "/help"])
def test_the_other_pages_are_readable_for_all(visits: Visits, scheme: str, path: str) -> None:
    visit = visits.new(color_scheme=scheme)
    visit.connect("google")
    visit.open(path)
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    if path == "/calendar":
        expect(visit.page.get_by_text(visit.account("google"))).to_be_visible()
    check(visit)


def test_everything_can_be_done_with_the_keyboard_alone(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    tab_to(visit, lambda: focused(visit) == "Sign in with Google")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Simulated Google")).to_be_visible()
    page.locator(f"input[value='{visit.account('google')}']").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Allow").press("Enter")
    shows(visit.opening(), "is connected as")
    visit.wait_until_synced("google")
    tab_to(visit, lambda: focused(visit) == "Send a test booking")
    page.keyboard.press("Space")
    shows(visit.card("google"), "It is in your Google calendar")
    assert focused(visit) == "Send a test booking"
    tab_to(visit, lambda: focused(visit) == "Settings")
    page.keyboard.press("Enter")
    tab_to(visit, lambda: page.evaluate("document.activeElement.tagName") == "SELECT")
    page.keyboard.press("End")
    shows(visit.card("google"), "Saved")
    tab_to(visit, lambda: focused(visit) == "Disconnect from Google", back=True)
    page.keyboard.press("Enter")
    expect(visit.dialog()).to_be_visible()
    assert focused(visit) == "Cancel"
    page.keyboard.press("Escape")
    assert focused(visit) == "Disconnect from Google"


def focused(visit: Visit) -> str:
    return str(visit.page.evaluate("document.activeElement.innerText.trim()"))


def tab_to(visit: Visit, reached: Callable[[], bool], *, back: bool = False) -> None:
    for _ in range(60):
        if reached():
            outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "what has the focus is not shown to have it"
            return
        visit.page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError("the focus never got there")


def test_every_control_has_a_name_that_says_what_it_does(visit: Visit) -> None:
    visit.google.with_new_calendar("Side business")
    visit.connect("google")
    visit.open()
    names = [
        "Main booking calendar: Side business",
        "Add bookings to Side business",
        "Read busy time from Side business",
        "Two-way sync with Side business",
    ]
    for name in names:
        expect(visit.card("google").get_by_label(name)).to_have_count(1)
    expect(visit.page.get_by_role("article", name=visit.account("google"))).to_have_count(1)
    for provider in NAMES:
        expect(visit.card(provider)).to_have_count(1)


@pytest.mark.parametrize(
    ("locale", "zone", "words"),
    [
        ("en-US", "America/New_York", r"Monday, March 1, 2027 at 9:00\sAM"),
        ("en-GB", "Europe/London", r"Monday,? 1 March 2027 at 09:00"),
        ("en-AU", "Australia/Sydney", r"Monday,? 1 March 2027 at 9:00\sam"),
    ],
)
def test_dates_are_in_the_readers_own_format_and_zone(visits: Visits, locale: str, zone: str, words: str) -> None:
    visit = visits.new(locale=locale, timezone_id=zone)
    visit.open()
    said = visit.page.evaluate(
        "async () => (await import('/js/time.js')).momentName(new Date('2027-03-01T09:00:00').getTime())"
    )
    assert re.fullmatch(words, said), said


def test_nothing_jumps_while_the_page_is_left_alone_or_looks_again(visit: Visit) -> None:
    visit.connect("google")
    visit.connect("microsoft")
    visit.page.add_init_script(
        "window.jumps = 0; new PerformanceObserver((list) => { for (const each of list.getEntries()) "
        "if (!each.hadRecentInput && window.settled) window.jumps += each.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    visit.open()
    shows(visit.page.get_by_role("region", name="Busy time"), "As of")
    expect(visit.card("microsoft").get_by_role("radio")).to_be_visible()
    visit.page.evaluate("window.settled = true")
    with visit.page.expect_response(re.compile("/v1/integrations")):
        visit.button("google", "Sync now").click()
    shows(visit.page.locator("#news"), "was just looked at")
    assert visit.page.evaluate("window.jumps") < 0.02
