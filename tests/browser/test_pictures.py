"""Each state of the pages as a picture: by day, at night, narrow. `PICTURES=docs/img make browser` renews the README's.

They are made from the running product, so a state that cannot be reached any more is a failed test.
"""

from __future__ import annotations

import os
import re

from playwright.sync_api import Locator, expect

from demo import organizations
from demo.tools import LOCAL, ROOT
from tests.browser.visit import Visit, Visits, shows

PLACE = ROOT / os.environ["PICTURES"] if os.environ.get("PICTURES") else LOCAL / "browser" / "pictures"
WIDE, NARROW = {"width": 900, "height": 760}, {"width": 360, "height": 760}


def take(visit: Visit, state: str, top: Locator | None = None) -> None:
    """Three pictures of what is on the screen, from `top` on."""
    PLACE.mkdir(parents=True, exist_ok=True)
    page = visit.page
    for name, scheme, size in (("light", "light", WIDE), ("dark", "dark", WIDE), ("narrow", "light", NARROW)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        page.evaluate(
            "(node) => node ? node.scrollIntoView({block: 'start'}) : scrollTo(0, 0)", top and top.element_handle()
        )
        page.screenshot(path=PLACE / f"{state}-{name}.png", animations="disabled", caret="hide")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)


def somebody(visits: Visits, name: str) -> Visit:
    return visits.new(user=name, stem=name, locale="en-GB", viewport=WIDE)


def test_pictures_of_connecting_and_of_everyday_use(visits: Visits) -> None:
    visit = somebody(visits, "maria")
    visit.open()
    take(visit, "start")
    visit.leave_for("google")
    visit.consent("google", allow=False)
    shows(visit.opening(), "consent_denied")
    take(visit, "failed")
    visit.page.get_by_role("button", name="Help").last.click()
    take(visit, "help")
    visit.page.keyboard.press("Escape")
    visit.google.with_new_calendar("Side business")
    appointments = [("09:00", "10:30"), ("14:00", "15:00"), ("11:00", "12:15"), ("08:30", "09:30"), ("15:30", "17:00")]
    for day, (start, end) in enumerate(appointments * 2, start=1):
        at = f"date.setDate(date.getDate() + {day})"
        date = visit.page.evaluate(
            f"(() => {{ const date = new Date(); {at}; return date.toISOString().slice(0, 10) }})()"
        )
        times = {
            name: {"dateTime": f"{date}T{clock}:00", "timeZone": "Australia/Sydney"}
            for name, clock in (("start", start), ("end", end))
        }
        visit.google.call("POST", visit.google.calendar("events"), {"summary": "Appointment", **times})
    visit.sign_in("google")
    visit.book("one", "Haircut", day=3)
    visit.until(lambda: visit.google.shown("Haircut"))
    expect(visit.card("google").get_by_role("row", name=re.compile("Side business"))).to_be_visible()
    take(visit, "connected")
    visit.button("google", "Send a test booking").click()
    shows(visit.card("google"), "It is in your Google calendar")
    take(visit, "test-booking", visit.card("google"))
    visit.card("google").get_by_text("Settings").click()
    take(visit, "settings", visit.card("google").locator(".calendars"))
    visit.sign_in("microsoft")
    expect(visit.card("microsoft").locator(".offer")).to_be_visible()
    take(visit, "switch-offer", visit.card("microsoft"))
    visit.card("microsoft").get_by_role("button", name="Move my bookings here").click()
    shows(visit.page.locator("#news"), "Your future bookings are in")
    take(visit, "switched", visit.card("microsoft"))
    visit.page.locator("#news").get_by_role("button", name="Dismiss").click()
    busy = visit.page.get_by_role("region", name="Busy time")
    busy.get_by_role("button", name="Week after").click()
    expect(busy.locator(".block").nth(3)).to_be_visible()
    take(visit, "busy", busy)
    visit.button("microsoft", "Disconnect from Microsoft").click()
    shows(visit.dialog(), "2 bookings that were written to your Outlook calendar")
    take(visit, "disconnect")
    visit.dialog().get_by_role("button", name="Disconnect", exact=True).click()
    shows(visit.dialog(), "is disconnected")
    take(visit, "receipt")


def test_pictures_of_a_first_sync(visits: Visits) -> None:
    visit = somebody(visits, "tom")
    visit.google.call("POST", f"calendars/{visit.account('google')}/fill", {"count": 3000})
    visit.open()
    visit.leave_for("google")
    visit.consent("google")
    expect(visit.card("google").get_by_role("progressbar")).to_be_visible()
    shows(visit.card("google").locator(".progress"), re.compile("[0-9]+ (of|events)"))
    take(visit, "first-sync")


def test_pictures_of_withdrawn_access(visits: Visits) -> None:
    visit = somebody(visits, "lena")
    connection = visit.connect("google")
    visit.google.call("POST", "revoke", {"email": visit.account("google")})
    visit.google.call("POST", "expire_tokens", {"email": visit.account("google")})
    visit.api.call("POST", f"/v1/connections/{connection}/sync", expect=202)
    visit.until(lambda: visit.state(connection)["status"] == "reconnect_required")
    visit.open()
    shows(visit.opening(), "is out of step")
    take(visit, "reconnect")


def test_pictures_of_an_administrator_who_is_needed(visits: Visits) -> None:
    visit = somebody(visits, "ines")
    visit.outlook.call("POST", "tenants", {"domain": "clinic.example", "users_may_consent": False})
    visit.outlook.call("POST", "accounts", {"email": "ines@clinic.example", "name": "Ines"})
    visit.open()
    visit.leave_for("microsoft")
    visit.consent("microsoft", account="ines@clinic.example")
    shows(visit.opening(), "admin_consent_required")
    take(visit, "administrator")


def test_pictures_of_a_wave_of_deletions(visits: Visits) -> None:
    visit = somebody(visits, "omar")
    visit.google.call("POST", f"calendars/{visit.account('google')}/fill", {"count": 60})
    connection = visit.connect("google")
    for one in visit.google.events():
        visit.google.delete(one["id"])
    visit.until(lambda: any(one["code"] == "held" for one in visit.state(connection)["reasons"]), seconds=90)
    visit.open()
    expect(visit.card("google").locator(".panel.warn")).to_be_visible()
    expect(visit.card("google").get_by_role("radio")).to_be_visible()
    take(visit, "held")


def free_the_tenant(visit: Visit) -> None:
    """As an operator does for the people of a tenant that another organisation authorised before."""
    client, table = visit.running.stack.client("dynamodb"), visit.running.stack.outputs["ConnectionsTable"]
    for row in client.scan(TableName=table)["Items"]:
        if row["id"]["S"].startswith("ten_"):
            client.delete_item(TableName=table, Key={"id": row["id"]})


def test_pictures_of_an_organisation(visits: Visits) -> None:
    visit = visits.new(user="admin", org="pictures", role="admin", locale="en-GB", viewport=WIDE)
    free_the_tenant(visit)
    page = visit.page
    page.goto(visit.url("/organization"))
    page.get_by_label("Tenant id or domain").fill(organizations.TENANT)
    page.get_by_label("Display name").fill("Harbour Care")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("button", name="Authorize")).to_be_visible()
    page.locator("#news").get_by_role("button", name="Dismiss").click()
    take(visit, "organization-settings", page.get_by_role("region", name="Settings"))
    page.get_by_role("button", name="Authorize").click()
    asked = page.locator(f"input[value='{organizations.ADMIN}']")
    done = visit.opening().get_by_text("Authorised.")
    expect(asked).to_be_visible()
    while asked.is_visible():  # for the consent, unless the app was let in before, and for who it is
        asked.check()
        page.get_by_role("button", name="Accept").click()
        expect(asked.or_(done).first).to_be_visible()
    shows(visit.opening(), "Authorised.")
    visit.opening().get_by_role("button", name="Dismiss").click()
    page.get_by_role("button", name="Import a file").click()
    staff = (visit.running.stack.state_dir.parent / organizations.HARBOUR_LIST).read_bytes()
    content = staff + b"=cmd,mallory@harbour.example,true\r\nnora,no address,true\r\n"
    page.get_by_label("CSV file").set_input_files({"name": "staff.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    take(visit, "staff-import", page.locator(".staff"))
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".staff .badge.good")).to_have_count(9, timeout=120_000)
    expect(page.locator("#news .notice")).not_to_have_count(0)
    page.locator("#news").get_by_role("button", name="Dismiss").click()
    take(visit, "organization")
    take(visit, "staff", page.locator(".staff"))
    page.get_by_role("button", name="Disconnect the organisation").click()
    take(visit, "organization-end")
    ada = visits.new(user="ada", stem="ada-pictures", org="pictures", locale="en-GB", viewport=WIDE)
    ada.open()
    shows(ada.card("microsoft"), "Managed by Harbour Care")
    expect(ada.card("microsoft").get_by_role("radio")).to_be_visible()
    take(ada, "managed", ada.card("microsoft"))


def test_pictures_of_the_live_calendar(visits: Visits) -> None:
    visit = somebody(visits, "noah")
    visit.connect("google")
    visit.connect("microsoft")
    visit.page.set_viewport_size({"width": 1400, "height": 900})
    visit.open("/calendar")
    for name, title in (("Google", "Coffee with Sam"), ("Outlook", "Team lunch"), ("Your app", "Haircut")):
        side = visit.page.get_by_role("region", name=name, exact=True)
        side.get_by_label("Title").fill(title)
        side.get_by_role("button", name="Add").click()
        expect(visit.page.locator(".row.arrived", has_text=title)).to_be_visible()
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("light", "dark"):
        visit.page.emulate_media(color_scheme=name)
        visit.page.screenshot(path=PLACE / f"calendar-{name}.png", animations="disabled")
    visit.page.emulate_media(color_scheme="light")
    visit.page.set_viewport_size(NARROW)
    visit.page.screenshot(path=PLACE / "calendar-narrow.png", animations="disabled")
