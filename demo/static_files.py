"""`page_or_file` answers a browser's GET from the `web/` folder, with the headers a strict page wants."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from werkzeug.wrappers import Request, Response

PAGES: Final = {
    "/": "index.html",
    "/calendar": "calendar.html",
    "/help": "help.html",
    "/organization": "organization.html",
}

CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
"""Written down rather than guessed: machines disagree about `.js`, and a module needs the right type."""

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page_or_file(request: Request, web_dir: Path) -> Response | None:
    """The file for this path, or None if there is none. Nothing outside `web_dir` is ever opened, a link included."""
    relative = PAGES.get(request.path, request.path.removeprefix("/"))
    kind = CONTENT_TYPES.get(Path(relative).suffix)
    if kind is None or "\0" in relative or any(part.startswith(".") for part in relative.split("/")):
        return None
    root = web_dir.resolve()
    file = (root / relative).resolve()
    if not (file.is_relative_to(root) and file.is_file()):
        return None
    return Response(file.read_bytes(), content_type=kind, headers=SECURITY_HEADERS)
