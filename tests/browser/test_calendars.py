"""The calendars of a connection and what is chosen for them: roles, reminder, rules, privacy, switching."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visit import Visit, hides, shows


def row(visit: Visit, provider: str, name: str) -> Locator:
    return visit.card(provider).get_by_role("row", name=re.compile(re.escape(name)))


def test_the_default_calendar_is_the_main_one_at_first_and_each_is_named_for_what_it_is(visit: Visit) -> None:
    visit.google.with_new_calendar("Side business")
    visit.google.call(
        "POST",
        f"accounts/{visit.account('google')}/calendars",
        {"summary": "Team holidays", "kind": "holiday", "role": "reader", "watchable": False},
    )
    visit.connect("google")
    visit.open()
    table = visit.card("google").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(4)
    default = row(visit, "google", visit.account("google"))
    shows(default, "Your default calendar")
    expect(default.get_by_role("radio", name=re.compile("Main booking calendar"))).to_be_checked()
    side = row(visit, "google", "Side business")
    shows(side, "Yours")
    expect(side.get_by_role("radio")).not_to_be_checked()
    shared = row(visit, "google", "Team holidays")
    shows(shared, "Shared with you · read only")
    expect(shared.get_by_role("radio")).to_be_disabled()
    shared.get_by_label("Two-way sync with Team holidays").check()
    shows(shared, "looked at regularly, since the provider does not report its changes")


def test_another_calendar_takes_bookings_as_soon_as_it_is_ticked(visit: Visit) -> None:
    side = visit.google.with_new_calendar("Side business")
    visit.connect("google")
    visit.book("one", "Booking")
    visit.open()
    row(visit, "google", "Side business").get_by_label("Two-way sync with Side business").check()
    row(visit, "google", "Side business").get_by_label("Add bookings to Side business").check()
    visit.until(lambda: side.shown("Booking") == 1)
    row(visit, "google", "Side business").get_by_label("Add bookings to Side business").uncheck()
    visit.until(lambda: side.shown("Booking") == 0)
    assert visit.google.shown("Booking") == 1


def test_a_choice_that_is_refused_goes_back_and_says_why(visit: Visit) -> None:
    visit.google.with_new_calendar("Side business")
    visit.connect("google")
    visit.open()
    side = row(visit, "google", "Side business")
    busy = side.get_by_label("Read busy time from Side business")
    sync = side.get_by_label("Two-way sync with Side business")
    busy.check()
    expect(sync).to_be_checked()
    visit.page.route(
        "**/v1/calendars/*", lambda route: route.fulfill(**problem(409, "read_only_calendar", "Only read."))
    )
    busy.click()
    shows(visit.page.locator("#trouble"), "Only read.")
    expect(busy).to_be_checked()


@pytest.mark.parametrize(
    ("choice", "minutes"),
    [("No reminder", []), ("At time of event", [0]), ("2 hours before", [120]), ("2 days before", [2880])],
)
def test_the_reminder_that_is_chosen_is_on_each_booking_written_afterwards(
    visit: Visit, choice: str, minutes: list[int]
) -> None:
    visit.connect("google")
    visit.book("before", "Before")
    visit.until(lambda: visit.google.shown("Before"))
    open_settings(visit, "google")
    reminder = visit.card("google").get_by_label("Reminder of each booking")
    expect(reminder).to_have_value("provider")
    reminder.select_option(label=choice)
    shows(visit.card("google"), "Saved")
    visit.book("after", "After", day=3)
    visit.until(lambda: visit.google.shown("After"))
    assert reminders(visit, "After") == minutes
    assert reminders(visit, "Before") is None
    visit.card("google").get_by_role("button", name="Put it on existing bookings too").click()
    shows(visit.card("google"), re.compile(r"\d future bookings get it now."))
    visit.until(lambda: reminders(visit, "Before") == minutes)


def reminders(visit: Visit, title: str) -> list[int] | None:
    """What is on a booking at Google: None is the calendar's own default."""
    (found,) = [one for one in visit.google.events() if one.get("summary") == title]
    if found["reminders"]["useDefault"]:
        return None
    return [each["minutes"] for each in found["reminders"].get("overrides", [])]


def test_a_deleted_booking_is_put_back_where_that_is_the_rule(visit: Visit) -> None:
    visit.connect("google")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    open_settings(visit, "google")
    choose(visit, "When somebody deletes a booking in their own calendar", "Put it back")
    choose(visit, "When somebody changes or moves a booking in their own calendar", "Put it back as it was")
    (event,) = [one for one in visit.google.events() if one.get("summary") == "Booking"]
    visit.google.delete(event["id"])
    visit.until(lambda: not visit.google.shown("Booking"))
    visit.until(lambda: visit.google.shown("Booking") == 1)
    (event,) = [one for one in visit.google.events() if one.get("summary") == "Booking"]
    visit.google.change(event["id"], "Renamed", "11:00:00", "12:00:00")
    visit.until(lambda: visit.google.shown("Booking") == 1 and not visit.google.shown("Renamed"))
    assert visit.api.call("GET", f"/v1/events/{visit.stem}-one")["title"] == "Booking"


def test_a_deleted_booking_is_cancelled_here_where_that_is_the_rule(visit: Visit) -> None:
    visit.connect("google")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    (event,) = [one for one in visit.google.events() if one.get("summary") == "Booking"]
    visit.google.delete(event["id"])
    visit.until(lambda: not visit.api.listing("/v1/events?from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z"))


def test_busy_times_only_keeps_titles_away(visit: Visit) -> None:
    visit.connect("google")
    open_settings(visit, "google")
    choose(visit, "What the app may read of this calendar", "Busy times only, no titles")
    visit.google.add("Surgery", "09:00:00", "10:00:00")
    week = "/v1/events?from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z"
    visit.until(lambda: visit.api.listing(week))
    assert [one["title"] for one in visit.api.listing(week)] == [""]


def test_a_newly_connected_provider_is_offered_the_bookings_and_gets_each_once(visit: Visit) -> None:
    visit.connect("google")
    for number in range(6):
        visit.book(f"n{number}", f"Booking {number}", day=2 + number)
    visit.until(lambda: all(visit.google.shown(f"Booking {number}") for number in range(6)))
    visit.open()
    visit.sign_in("microsoft")
    offer = visit.card("microsoft").locator(".offer")
    shows(offer, f"Your bookings go to {visit.account('google')} now")
    shows(visit.card("microsoft"), "Choose where your bookings go")
    offer.get_by_role("button", name="Move my bookings here").click()
    shows(visit.page.locator("#news"), re.compile("are moving to|are in .* now"))
    shows(visit.page.locator("#news"), f"Your future bookings are in Calendar ({visit.account('microsoft')}) now")
    visit.until(lambda: all(visit.outlook.shown(f"Booking {number}") == 1 for number in range(6)))
    visit.until(lambda: not any(visit.google.shown(f"Booking {number}") for number in range(6)))
    expect(visit.card("microsoft").get_by_role("radio")).to_be_checked()
    expect(visit.card("google").get_by_role("radio")).not_to_be_checked()
    expect(visit.card("google").locator(".offer")).to_be_hidden()
    for person in (visit.google, visit.outlook):
        mails = [one for one in person.call("GET", "mails")["mails"] if visit.stem in str(one)]
        assert mails == []


def test_a_move_that_the_provider_interrupts_goes_on_and_doubles_nothing(visit: Visit) -> None:
    visit.connect("google")
    for number in range(6):
        visit.book(f"n{number}", f"Booking {number}", day=2 + number)
    visit.until(lambda: all(visit.google.shown(f"Booking {number}") for number in range(6)))
    visit.connect("microsoft")
    visit.fault("microsoft", "events.create", "cut_after", skip=2)
    visit.outlook.call("POST", "settings", {"latency_seconds": 2})
    visit.open()
    try:
        visit.card("microsoft").locator(".offer").get_by_role("button", name="Move my bookings here").click()
        expect(visit.card("microsoft").get_by_role("progressbar")).to_be_visible()
        shows(visit.card("microsoft"), "Moving your future bookings to this calendar")
        shows(visit.card("microsoft"), re.compile(r"\d of \d events|just starting"))
    finally:
        visit.outlook.call("POST", "settings", {"latency_seconds": 0})
    visit.until(lambda: all(visit.outlook.shown(f"Booking {number}") == 1 for number in range(6)), seconds=150)
    visit.until(lambda: not any(visit.google.shown(f"Booking {number}") for number in range(6)), seconds=150)


def test_another_calendar_in_the_table_is_asked_about_before_the_bookings_move(visit: Visit) -> None:
    side = visit.google.with_new_calendar("Side business")
    visit.connect("google")
    visit.book("one", "Booking")
    visit.until(lambda: visit.google.shown("Booking"))
    visit.open()
    main = row(visit, "google", "Side business").get_by_role("radio")
    main.click()
    shows(visit.dialog(), "Make Side business")
    visit.dialog().get_by_role("button", name="Cancel").click()
    expect(main).not_to_be_checked()
    expect(row(visit, "google", visit.account("google")).get_by_role("radio")).to_be_checked()
    main.click()
    visit.dialog().get_by_role("button", name="Move my bookings").click()
    expect(visit.dialog()).to_be_hidden()
    expect(main).to_be_checked()
    visit.until(lambda: side.shown("Booking") == 1 and visit.google.shown("Booking") == 0)


def test_the_week_of_busy_time_is_drawn_without_titles_and_says_how_old_it_is(visit: Visit) -> None:
    visit.connect("google")
    visit.page.clock.install(time="2027-03-03T01:00:00Z")
    visit.google.add("Secret meeting", "09:00:00", "10:30:00")
    visit.until(lambda: visit.api.listing("/v1/events?from=2027-03-01T00:00:00Z&to=2027-03-08T00:00:00Z"))
    visit.page.clock.resume()
    visit.open()
    busy = visit.page.get_by_role("region", name="Busy time")
    expect(busy.get_by_role("listitem").filter(has_text=re.compile("0?7:00.*8:30"))).to_be_visible()
    shows(busy, "As of")
    hides(busy, "Secret")
    busy.get_by_role("button", name="Week after").click()
    shows(busy, "8 March")


def open_settings(visit: Visit, provider: str) -> None:
    visit.open()
    visit.card(provider).get_by_text("Settings").click()


def choose(visit: Visit, label: str, option: str) -> None:
    with visit.page.expect_response(lambda answer: answer.request.method == "PATCH") as answer:
        visit.card("google").get_by_label(label).select_option(label=option)
    assert answer.value.ok
    shows(visit.card("google").locator(".chooser", has_text=label), "Saved")


def problem(status: int, code: str, detail: str) -> dict[str, object]:
    body = f'{{"code": "{code}", "detail": "{detail}", "status": {status}}}'
    return {"status": status, "content_type": "application/problem+json", "body": body}
