"""Disconnecting: what it is about beforehand, what was done and what could not be afterwards."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visit import Visit, hides, shows

WEEK = "from=2027-03-01T00:00:00Z&to=2027-03-15T00:00:00Z"


def ask(visit: Visit, provider: str, name: str) -> Locator:
    visit.open()
    visit.button(provider, f"Disconnect from {name}").click()
    shows(visit.dialog(), f"Disconnect from {name}?")
    return visit.dialog()


def test_google_is_kept_on_both_sides_and_the_receipt_says_that_it_was_revoked(visit: Visit) -> None:
    visit.google.add("Dentist", "09:00:00", "10:00:00")
    visit.connect("google")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    dialog = ask(visit, "google", "Google")
    shows(dialog, "1 event from your calendar that was copied into the app")
    shows(dialog, "1 booking that was written to your Google calendar")
    expect(dialog.get_by_label("Keep them in the app")).to_be_checked()
    expect(dialog.get_by_label("Keep them in the calendar")).to_be_checked()
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    shows(dialog, f"{visit.account('google')} is disconnected")
    shows(dialog, "Google has withdrawn Lockstep’s access.")
    shows(dialog, "1 push subscription at Google stopped.")
    shows(dialog, "Every token, link, sync position and permission kept here was erased.")
    hides(dialog, "Not possible from here")
    assert visit.google.shown("Booking") == 1
    assert {one["title"] for one in visit.api.listing(f"/v1/events?{WEEK}")} == {"Booking", "Dentist"}
    dialog.get_by_role("button", name="Close").click()
    shows(visit.card("google"), "Not connected")


def test_google_is_deleted_on_both_sides_when_that_is_chosen(visit: Visit) -> None:
    visit.google.add("Dentist", "09:00:00", "10:00:00")
    visit.connect("google")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    dialog = ask(visit, "google", "Google")
    dialog.get_by_label("Delete them from the app").check()
    dialog.get_by_label("Delete them from the calendar").check()
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    shows(dialog, "1 event deleted from the app.")
    shows(dialog, "1 booking deleted from your Google calendar.")
    shows(dialog, "is disconnected")
    assert visit.google.shown("Booking") == 0
    assert visit.google.shown("Dentist") == 1
    assert [one["title"] for one in visit.api.listing(f"/v1/events?{WEEK}")] == ["Booking"]


@pytest.mark.parametrize("fate", ["Keep", "Delete"])
def test_microsoft_says_what_it_cannot_do_and_where_it_is_finished(visit: Visit, fate: str) -> None:
    visit.connect("microsoft")
    visit.book("one", "Booking")
    visit.until(lambda: visit.outlook.shown("Booking"))
    dialog = ask(visit, "microsoft", "Microsoft")
    shows(dialog, "No event from your calendar was copied into the app.")
    dialog.get_by_label("them in the calendar" if fate == "Keep" else "them from the calendar").check()
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    shows(dialog, "is disconnected")
    expect(dialog.get_by_role("heading", name="Not possible from here")).to_be_visible()
    finish = dialog.get_by_role("link", name="Finish in your Microsoft account")
    expect(finish.first).to_have_attribute("href", re.compile("^https://.*microsoft"))
    visit.until(lambda: visit.outlook.shown("Booking") == (1 if fate == "Keep" else 0))


def test_without_the_main_calendar_the_other_account_is_offered_the_bookings(visit: Visit) -> None:
    visit.connect("google")
    visit.connect("microsoft")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    dialog = ask(visit, "google", "Google")
    dialog.get_by_role("button", name="Disconnect", exact=True).click()
    shows(dialog, "is disconnected")
    dialog.get_by_role("button", name="Close").click()
    offer = visit.card("microsoft").locator(".offer")
    shows(offer, "Your bookings have no calendar at the moment")
    offer.get_by_role("button", name="Move my bookings here").click()
    expect(offer).to_be_hidden()
    visit.until(lambda: visit.outlook.shown("Booking") == 1)


def test_escape_leaves_everything_as_it_is(visit: Visit) -> None:
    visit.connect("google")
    ask(visit, "google", "Google")
    visit.page.keyboard.press("Escape")
    expect(visit.dialog()).to_be_hidden()
    expect(visit.button("google", "Disconnect from Google")).to_be_focused()
    assert visit.connection("google")["status"] == "active"
