"""The live calendar: app, Google and Outlook beside each other, what follows what, and how fast."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visit import Visit, shows

LATENCY = re.compile(r"\d+\.\d s · median")


@pytest.fixture
def live(visit: Visit) -> Iterator[Visit]:
    """Both accounts connected, with bookings going to Google."""
    visit.connect("google")
    visit.connect("microsoft")
    visit.open("/calendar")
    shows(side(visit, "Outlook"), visit.account("microsoft"))
    shows(side(visit, "Google"), visit.account("google"))
    return visit


def side(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("region", name=name, exact=True)


def column(visit: Visit, name: str) -> Locator:
    return visit.page.get_by_role("list", name=name, exact=True).get_by_role("listitem")


def add(visit: Visit, name: str, title: str) -> None:
    side(visit, name).get_by_label("Title").fill(title)
    side(visit, name).get_by_role("button", name="Add").click()


def latency(visit: Visit, way: str, kind: int) -> Locator:
    return visit.page.get_by_role("row", name=re.compile(re.escape(way))).get_by_role("cell").nth(kind)


@pytest.mark.parametrize(("name", "way"), [("Google", "Google → Your app"), ("Outlook", "Outlook → Your app")])
def test_what_somebody_adds_moves_and_deletes_at_a_provider_follows_in_the_app(
    live: Visit, name: str, way: str
) -> None:
    add(live, name, "Coffee")
    expect(column(live, "Your app").filter(has_text="Coffee")).to_have_count(1)
    shows(latency(live, way, 0), LATENCY)
    there = column(live, name).filter(has_text="Coffee")
    before = there.locator(".time").inner_text()
    there.get_by_role("button", name="one hour later").click()
    expect(there.locator(".time")).not_to_have_text(before)
    shows(latency(live, way, 1), LATENCY)
    assert column(live, "Your app").filter(has_text="Coffee").locator(".time").inner_text() != before
    there.get_by_role("button", name="Delete").click()
    shows(latency(live, way, 2), LATENCY)
    expect(column(live, "Your app").filter(has_text="Coffee").locator(".tool")).to_have_count(0)


def test_a_booking_follows_to_the_main_calendar_and_is_not_copied_to_the_other(live: Visit) -> None:
    add(live, "Your app", "Haircut")
    shows(column(live, "Google").filter(has_text="Haircut"), "arrived after")
    shows(latency(live, "Your app → Google", 0), LATENCY)
    expect(column(live, "Outlook").filter(has_text="Haircut")).to_have_count(0)


def test_after_a_switch_the_bookings_are_seen_to_change_columns(live: Visit) -> None:
    add(live, "Your app", "Haircut")
    expect(column(live, "Google").filter(has_text="Haircut")).to_have_count(1)
    (calendar,) = live.api.listing(f"/v1/connections/{live.connection('microsoft')['id']}/calendars")
    live.api.call("PATCH", f"/v1/calendars/{calendar['id']}", {"main": True})
    expect(column(live, "Outlook").filter(has_text="Haircut")).to_have_count(1)
    expect(column(live, "Google").filter(has_text="Haircut")).to_have_count(0)


def test_a_series_of_outlook_stands_there_day_by_day_and_one_can_be_cancelled(live: Visit) -> None:
    side(live, "Outlook").get_by_label("Repeat").select_option(label="Daily")
    add(live, "Outlook", "Standup")
    expect(column(live, "Outlook").filter(has_text="Standup")).to_have_count(5)
    expect(column(live, "Your app").filter(has_text="Standup")).to_have_count(5)
    column(live, "Outlook").filter(has_text="Standup").nth(1).get_by_role("button", name="Cancel only this").click()
    expect(column(live, "Your app").filter(has_text="Standup").filter(has_not_text="removed")).to_have_count(4)


def test_without_a_connection_each_column_says_where_to_begin(visit: Visit) -> None:
    visit.open("/calendar")
    for name in ("Google", "Outlook"):
        shows(side(visit, name), f"{name} is not connected yet.")
        expect(side(visit, name).get_by_role("link", name="Connect it")).to_be_visible()
