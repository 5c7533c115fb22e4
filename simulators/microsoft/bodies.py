"""What Exchange makes of an event's body: HTML inside a page of its own, with other white space than was sent.

So a client that compares what it wrote with what it reads finds a difference each time.
"""

import html
import re

from simulators.common.wire import Json

MEETING_MARK = '<div class="me-email-text">Microsoft Teams meeting'
_BODY = re.compile(r"<body[^>]*>(.*)</body>", re.IGNORECASE | re.DOTALL)
_HEAD = (
    '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n<body>\r\n'
)
_FOOT = "\r\n</body>\r\n</html>\r\n"
_BREAKS = re.compile(r"(?i)\s*(<br\s*/?>|</p>|</div>|</li>)\s*")


def stored(content: str, kind: str, *, normalise: bool) -> str:
    """The HTML that is kept for a body as it was written."""
    if kind == "text":
        if not content:
            return ""
        lines = html.escape(content, quote=False).replace("\r\n", "\n").split("\n")
        inner = '<div class="PlainText">' + "<br>\r\n".join(lines) + "</div>"
        return _HEAD + inner + _FOOT
    if not normalise or not content:
        return content
    found = _BODY.search(content)
    inner = (found.group(1) if found else content).strip()
    inner = re.sub(r"[ \t]*\r?\n[ \t]*", "\r\n", inner)
    inner = re.sub(r"<br\s*/>", "<br>", inner)
    return _HEAD + inner + _FOOT


def as_text(content: str) -> str:
    found = _BODY.search(content)
    inner = (found.group(1) if found else content).strip()
    inner = re.sub(r"\s*\r?\n\s*", " ", inner) if "<" in inner else inner
    inner = _BREAKS.sub("\r\n", inner)
    return html.unescape(re.sub(r"<[^>]*>", "", inner))


def shown(content: str, *, text: bool) -> Json:
    if text:
        plain = as_text(content)
        return {"contentType": "text", "content": plain + ("\r\n" if plain and not plain.endswith("\r\n") else "")}
    return {"contentType": "html", "content": content}


def preview(content: str) -> str:
    return as_text(content)[:255].rstrip("\r\n") if content else ""
