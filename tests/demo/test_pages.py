"""The pages as files: what the strict policy would silently block, and what would silently be missing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from demo.front_door import WEB_DIR
from demo.static_files import CONTENT_TYPES, PAGES

HTML = sorted(WEB_DIR.glob("*.html"))
SCRIPTS = sorted((WEB_DIR / "js").glob("*.js"))
IMPORT = re.compile(r'^import\s+(?:\{([^}]*)\}\s+from\s+)?"([^"]+)";', re.MULTILINE)


class Page(HTMLParser):
    """What a page refers to, and what in it is inline."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.ids: set[str] = set()
        self.labelled_by: set[str] = set()
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name in ("src", "href") if (value := given.get(name)) is not None]
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        for name in ("aria-labelledby", "aria-describedby"):
            self.labelled_by |= set((given.get(name) or "").split())


def served(link: str) -> Path:
    return WEB_DIR / PAGES.get(link, link.removeprefix("/"))


@pytest.mark.parametrize("file", HTML, ids=lambda file: file.name)
def test_nothing_in_a_page_is_blocked_by_its_own_policy(file: Path) -> None:
    page = Page(file.read_text())
    assert page.inline == []
    assert [link for link in page.links if "//" in link] == []


@pytest.mark.parametrize("file", HTML, ids=lambda file: file.name)
def test_no_link_of_a_page_leads_nowhere(file: Path) -> None:
    page = Page(file.read_text())
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert served(link).is_file(), link
    assert page.labelled_by <= page.ids


@pytest.mark.parametrize("file", HTML, ids=lambda file: file.name)
def test_a_page_says_its_language_and_fits_a_small_screen(file: Path) -> None:
    source = file.read_text()
    assert '<html lang="en">' in source
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in source
    assert 'name="color-scheme" content="light dark"' in source


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_no_import_names_what_its_module_does_not_give(file: Path) -> None:
    source = file.read_text()
    for names, target in IMPORT.findall(source):
        module = file.parent / target
        assert module.is_file(), target
        given = set(re.findall(r"^export (?:async )?(?:function|const|class) (\w+)", module.read_text(), re.MULTILINE))
        wanted = {name.strip() for name in names.split(",") if name.strip()}
        assert wanted <= given, f"{target}: {wanted - given}"
        rest = source.split(f'"{target}";', 1)[1]
        unused = {name for name in wanted if not re.search(rf"\b{name}\b", rest)}
        assert not unused, f"{target}: imported and unused: {unused}"


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_a_title_from_a_calendar_never_becomes_markup(file: Path) -> None:
    found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", file.read_text())
    assert found == []


def test_no_word_that_a_page_says_is_missing_from_the_texts_or_left_over_in_them() -> None:
    texts = (WEB_DIR / "js" / "text.js").read_text()
    sources = "".join(said_in(file) for file in (*SCRIPTS, *HTML) if file.name != "text.js")
    sections = re.findall(r"\n  (\w+): \{\n(.*?)\n  \},\n", texts, re.DOTALL)
    assert len(sections) > 15
    wrong: dict[str, set[str]] = {}
    for section, block in sections:
        if section in LOOKED_UP:
            continue
        given = set(re.findall(r"^    (\w+)(?::|\()", block, re.MULTILINE))
        used = set(re.findall(rf"text\.{section}\.(\w+)", sources))
        if used != given:
            wrong[section] = used ^ given
    assert wrong == {}


LOOKED_UP = {"problems", "receipt", "providers"}
"""By codes and names that the service says."""


def said_in(file: Path) -> str:
    """A file's source with short names for a section of the texts written out."""
    source = re.sub(r'data-(?:text|label)="', "text.", file.read_text())
    alias = re.search(r"^const words = (text\.\w+);", source, re.MULTILINE)
    return re.sub(r"\bwords\.", f"{alias[1]}.", source) if alias else source


def test_every_kind_of_file_of_the_site_can_be_served() -> None:
    kinds = {file.suffix for file in WEB_DIR.rglob("*") if file.is_file()}
    assert kinds <= set(CONTENT_TYPES)
