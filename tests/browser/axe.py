"""axe-core from npm, at the version and with the integrity that `package-lock.json` names.

`violations(page)` gives one line for each rule that the page as it stands now breaks (WCAG 2.2 A and AA, and axe's own
best practices).
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

from demo.exclusive import exclusive
from demo.tools import LOCAL

HERE = Path(__file__).resolve().parent
PLACE = LOCAL / "tools" / "axe"
SCRIPT = PLACE / "node_modules" / "axe-core" / "axe.min.js"

RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
  (each) => `${each.id}: ${each.help} | `
    + each.nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' || '))"""


@cache
def source() -> str:
    """axe-core's own script, installed first where it is missing or another version. `npm ci` checks the integrity."""
    lock = (HERE / "package-lock.json").read_text()
    stamp = PLACE / "installed-from"
    with exclusive(LOCAL / "tools" / "axe.lock"):
        if not stamp.is_file() or stamp.read_text() != lock:
            if not shutil.which("npm"):
                raise RuntimeError("npm is needed to install axe-core (Debian: apt-get install npm).")
            PLACE.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, PLACE / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=PLACE, check=True, stdin=subprocess.DEVNULL)
            stamp.write_text(lock)
    return SCRIPT.read_text()


def violations(page: Page) -> list[str]:
    page.evaluate(source())
    found: list[str] = page.evaluate(RUN)
    return found


def check_for_all(page: Page) -> None:
    """As it stands, and at its narrowest."""
    before = page.viewport_size
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    if before:
        page.set_viewport_size(before)
