"""What the page says of a connection that is not well, how soon, and what it takes to mend it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit, shows

MANY = 120


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_withdrawn_access_is_said_within_a_minute_with_the_reason_and_one_button(visit: Visit, provider: str) -> None:
    visit.connect(provider)
    visit.open()
    shows(visit.card(provider), "Connected")
    visit.person(provider).call("POST", "revoke", {"email": visit.account(provider)})
    visit.person(provider).call("POST", "expire_tokens", {"email": visit.account(provider)})
    visit.book("one", "Booking")  # the next use of the token, which is refused
    banner = visit.opening().locator(".notice.bad")
    shows(banner, f"({visit.account(provider)}) is out of step", timeout=60_000)
    shows(banner, "Code: ")
    shows(visit.card(provider), "Reconnect needed")
    shows(visit.card(provider), "nothing is lost")
    banner.get_by_role("button", name="Sign in again").click()
    visit.consent(provider)
    shows(visit.opening(), "is connected as")
    visit.wait_until_synced(provider)
    expect(banner).to_be_hidden()
    visit.until(lambda: visit.person(provider).shown("Booking") == 1)


def test_a_wave_of_deletions_waits_for_a_yes_and_explains_itself(visit: Visit) -> None:
    held(visit)
    card = visit.card("google")
    shows(card, "Waiting for your yes")
    shows(card, re.compile(r"\d+ of 120 events were deleted in the connected calendar at once"))
    shows(card, "Decide above")
    assert events(visit) == MANY
    card.get_by_role("button", name="Go on, it was meant").click()
    shows(visit.page.locator("#news"), "It goes on now.")
    visit.wait_until_synced("google")
    visit.until(lambda: events(visit) == 0)


def test_looking_again_at_a_wave_of_deletions_asks_again_and_stays_below_the_brake(visit: Visit) -> None:
    connection = held(visit)
    visit.button("google", "Look at the calendar again").click()
    shows(visit.page.locator("#news"), "The whole calendar is looked at again")
    visit.until(lambda: any(one["code"] == "held" for one in visit.state(connection)["reasons"]), seconds=90)
    expect(visit.card("google").locator(".panel.warn")).to_be_visible()
    assert events(visit) >= MANY - MANY // 3


def held(visit: Visit) -> str:
    """Most of a calendar vanishes at once."""
    visit.google.call("POST", f"calendars/{visit.account('google')}/fill", {"count": MANY})
    connection = visit.connect("google")
    assert events(visit) == MANY
    visit.google.call("POST", "push", {"mode": "drop", "times": MANY * 2})
    for one in visit.google.events():
        visit.google.delete(one["id"])
    visit.google.call("POST", "push", {"mode": "none"})
    visit.api.call("POST", f"/v1/connections/{connection}/sync", expect=202)
    visit.until(lambda: any(one["code"] == "held" for one in visit.state(connection)["reasons"]), seconds=90)
    visit.open()
    return connection


def events(visit: Visit) -> int:
    return len(visit.api.listing("/v1/events?from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z"))


def test_a_calendar_that_is_gone_at_the_provider_says_so_in_its_open_row(visit: Visit) -> None:
    side = visit.google.with_new_calendar("Side business")
    connection = visit.connect("google")
    visit.open()
    row = visit.card("google").get_by_role("row", name="Side business")
    row.get_by_label("Two-way sync with Side business").check()
    visit.google.call("DELETE", f"calendars/{side.calendar_id}")
    visit.button("google", "Sync now").click()
    shows(row, re.compile("Code: (calendar_gone|not_found)"))
    row.get_by_label("Read busy time from Side business").click()
    shows(row, re.compile("no longer (in|has)"))
    shows(visit.card("google"), "Needs attention")
    assert visit.state(connection)["status"] == "active"
