"""A test booking: seen arriving with its reminder, removed on a press."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visit import Visit, shows


@pytest.mark.parametrize(("provider", "calendar"), [("google", "Google"), ("microsoft", "Outlook")])
def test_it_is_created_seen_arriving_with_its_reminder_and_removed(visit: Visit, provider: str, calendar: str) -> None:
    connection = visit.connect(provider)
    visit.api.call("PATCH", f"/v1/connections/{connection}", {"default_reminder": 30})
    visit.open()
    card = visit.card(provider)
    visit.button(provider, "Send a test booking").click()
    shows(card, "Written in the app, for")
    arrived = re.compile(rf"It is in your {calendar} calendar, after \d+\.\d s, with a reminder 30 minutes before")
    shows(card, arrived)
    (there,) = [one for one in titles(visit, provider) if one == "Test booking"]
    assert there
    visit.button(provider, "Remove the test booking").click()
    shows(card, f"It is removed again, here and from your {calendar} calendar.")
    assert "Test booking" not in titles(visit, provider)
    expect(visit.button(provider, "Remove the test booking")).to_be_hidden()


def titles(visit: Visit, provider: str) -> list[str]:
    if provider == "google":
        return [str(one.get("summary")) for one in visit.google.events()]
    items = visit.outlook.call("GET", f"calendars/{visit.account('microsoft')}/events")["value"]
    return [str(one["subject"]) for one in items]


def test_a_booking_that_the_provider_refuses_says_why(visit: Visit) -> None:
    visit.connect("google")
    visit.fault(
        "google", "events.insert", "refuse", status=403, reason="forbiddenForNonOrganizer", message="No.", times=None
    )
    visit.open()
    visit.button("google", "Send a test booking").click()
    shows(visit.card("google"), "The calendar did not take it")
    visit.button("google", "Remove the test booking").click()
    shows(visit.card("google"), "It is removed again")


def test_removing_what_is_gone_already_says_so(visit: Visit) -> None:
    visit.connect("google")
    visit.open()
    with visit.page.expect_response(re.compile("/test-event$")) as answer:
        visit.button("google", "Send a test booking").click()
    shows(visit.card("google"), "It is in your Google calendar")
    visit.api.call("DELETE", f"/v1/events/{answer.value.json()['id']}", expect=204)
    visit.button("google", "Remove the test booking").click()
    shows(visit.card("google"), "It was removed already.")
