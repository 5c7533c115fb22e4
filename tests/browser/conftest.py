"""One running product and one browser for the session; for each test a person who shares nothing with another.

    def test_a_hazard(visit):
        visit.open()
        visit.sign_in("google")
        shows(visit.card("google"), "Connected")

The browser is Debian's Chromium or a relative of it; PLAYWRIGHT_CHROMIUM names another. Nothing sleeps: every wait is
for something to be seen. An error of a page's own fails the test that saw it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from demo.front_door import FrontDoorSettings, serve
from demo.product import Choice, Product, product
from demo.tools import LOCAL
from tests.browser.organization_stub import Stubs
from tests.browser.visit import Visit, Visits

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 30_000
FAILED = LOCAL / "browser" / "failed"

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


OUTCOME = pytest.StashKey[bool]()


def chromium() -> str:
    """Where the browser is. Ends the run with a sentence if there is none."""
    named = os.environ.get("PLAYWRIGHT_CHROMIUM", "")
    found = next((path for name in ((named,) if named else CHROMIUM) if (path := shutil.which(name))), None)
    if found is None:
        looked = f"PLAYWRIGHT_CHROMIUM={named}" if named else ", ".join(CHROMIUM)
        pytest.exit(
            f"There is no browser ({looked}). Install one (Debian: apt-get install chromium), or name it in "
            "PLAYWRIGHT_CHROMIUM.",
            returncode=1,
        )
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=path, args=options, headless=not os.environ.get("HEADED"))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def running(browser: Browser) -> Iterator[Product]:
    """The whole product on free ports. After the browser: without one there is no need to start it."""
    state = LOCAL / "browser" / "state"
    shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(FAILED, ignore_errors=True)
    settings = {"HELP_ADDRESS": "help@lockstep.example"}
    with product(Choice(stage="browser", state_dir=state, environment=settings, tell=print)) as started:
        yield started


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages alone, with tokens and without an API: the address."""
    with serve(FrontDoorSettings(state_dir=tmp_path_factory.mktemp("pages"), port=0)) as door:
        yield door.url


@pytest.fixture
def stub(pages: str, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Stubs]:
    """Opens pages before an organisation's API that says what the test wants."""
    stubs = Stubs(pages, browser)
    yield stubs
    if request.node.stash.get(OUTCOME, False):
        stubs.take_pictures(FAILED, request.node.name)
    stubs.close()
    if not request.node.stash.get(OUTCOME, False):
        assert stubs.faults == []


@pytest.fixture
def visits(running: Product, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Opens a page for a new person as often as it is asked."""
    people = Visits(running, browser, request.node.name)
    yield people
    if request.node.stash.get(OUTCOME, False):
        people.take_pictures(FAILED)
    people.close()
    if not request.node.stash.get(OUTCOME, False):
        assert people.faults == []


@pytest.fixture
def visit(visits: Visits) -> Visit:
    return visits.new()
