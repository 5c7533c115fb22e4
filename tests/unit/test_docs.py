"""What the documents promise: links that lead somewhere, commands that exist, every rule of the decision table."""

import re
from pathlib import Path

import pytest

from shared.sync.actions import Rule

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("simulators/**/*.md")])

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
STEP = re.compile(r"^step (\S+)$", re.MULTILINE)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> list[str]:
    """The targets of the make commands that stand in code, not in prose."""
    return [target for code in CODE.findall(text) for target in COMMAND.findall(code)]


def anchors(document: Path) -> set[str]:
    """The fragments of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_leads_to_a_file_and_to_a_heading_of_it(document: Path) -> None:
    missing = []
    for link in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, fragment = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        if not target.exists() or (fragment and fragment not in anchors(target)):
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_make_command_is_a_target(document: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    assert not set(commands(document.read_text())) - targets


def test_the_test_command_of_the_readme_is_the_one_that_every_change_must_pass() -> None:
    section = (ROOT / "README.md").read_text().partition("\n## Tests\n")[2]
    first = commands(section)[0]
    assert first == "test"
    assert first in STEP.findall((ROOT / ".ci" / "run").read_text())


def test_the_decision_table_names_every_rule_and_no_other() -> None:
    table = (ROOT / "docs" / "sync.md").read_text().partition("## The decision table")[2].partition("\n## ")[0]
    rules = re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)
    assert len(rules) == len(set(rules))
    assert set(rules) == set(Rule.__members__)


def test_decision_records_are_short_and_numbered_without_a_gap() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    assert not [name(record) for record in records if len(record.read_text().splitlines()) > 25]


def test_pictures_are_small_enough_for_a_first_screen() -> None:
    assert not [name(path) for path in (ROOT / "docs" / "img").iterdir() if path.stat().st_size > 250_000]
