"""A description as plain text and an event's body as HTML, without churn. Pure.

Outlook keeps bodies as HTML and wraps what it is given into a document of its own, so a body is never compared as it
is: `to_text` takes its text out in one canonical form. Writing a canonical text and reading it gives that text again.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import Final

_BREAKS: Final = frozenset({"br", "hr"})
_BLOCKS: Final = frozenset(
    {
        *("address", "article", "blockquote", "body", "dd", "div", "dl", "dt", "footer", "form", "header", "p", "pre"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "section", "table", "tr", "ul"),
    }
)
_UNSEEN: Final = frozenset({"head", "script", "style", "title", "template"})
_SPACES: Final = re.compile("[ \t\r\n\f]+")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_NBSP: Final = "\u00a0"


def canonical(text: str) -> str:
    """The text as it comes back once it has been a body: one kind of line end and of space, nothing at either edge."""
    text = _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    lines = [line.replace(_NBSP, " ").expandtabs(4).rstrip(" ") for line in text.split("\n")]
    return "\n".join(lines).strip("\n")


def to_html(text: str) -> str:
    """A body that shows the text: line by line, runs of spaces kept."""
    lines = [_keep_spaces(escape(line, quote=False)) for line in canonical(text).split("\n")]
    return "<div>" + "<br>".join(lines) + "</div>" if any(lines) else ""


def to_text(body: str, content_type: str = "html") -> str:
    """The text of a body. Raises nothing: what is no HTML is text."""
    if content_type.lower() != "html":
        return canonical(body)
    reader = _Reader()
    reader.feed(body)
    reader.close()
    return canonical(reader.text())


def _keep_spaces(line: str) -> str:
    line = re.sub(" (?= )", _NBSP, line)
    return _NBSP + line[1:] if line.startswith(" ") else line


class _Reader(HTMLParser):
    """Gathers lines. White space in the source means one space; breaks and blocks end a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [""]
        self._unseen = 0
        self._open = False

    def text(self) -> str:
        return "\n".join(line.strip(" ") for line in self._lines)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BREAKS:
            self._lines.append("")
            self._open = False
        elif tag in _BLOCKS:
            self._end_block()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "p" or tag in _BLOCKS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        piece = _SPACES.sub(" ", data)
        if self._lines[-1].endswith(" ") or not self._lines[-1]:
            piece = piece.removeprefix(" ")
        if piece:
            self._lines[-1] += piece
            self._open = True

    def _end_block(self) -> None:
        if self._open:
            self._lines.append("")
            self._open = False
