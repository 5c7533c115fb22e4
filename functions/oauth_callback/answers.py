"""How the callback answers: back to the page, or a page of its own where nobody can say where "back" is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from shared.config import OauthCallbackSettings
from shared.errors import ConnectFailed, RetryLater
from shared.model import Connection

SAFE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def redirect(connection: Connection, members: Mapping[str, str], fragment: str) -> dict[str, Any]:
    """302 to the connection's `return_to`, whose own query is kept."""
    parts = urlsplit(connection.return_to)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("connection_id", connection.id), *members.items()]
    location = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), fragment))
    return {"statusCode": 302, "headers": {**SAFE, "location": location}, "body": ""}


def onward(address: str) -> dict[str, Any]:
    """302 to the provider's next page."""
    return {"statusCode": 302, "headers": {**SAFE, "location": address}, "body": ""}


def failure_page(failure: ConnectFailed | RetryLater, settings: OauthCallbackSettings) -> dict[str, Any]:
    """A sentence, a stable code, a way to try again and one to get help; nothing of the request is shown. After trouble
    at the provider the same address works once more; else people begin anew, at the page of the first origin."""
    trouble = isinstance(failure, RetryLater)
    origin = settings.allowed_origins.partition(",")[0].strip()
    links = [("Try again", "" if trouble else f"{origin}/")] if trouble or origin else []
    next_step = "Try again, or reload this page in a minute." if trouble else "Nothing was stored."
    told = f"<p>Code: <code>{escape(failure.code)}</code></p>"
    return _page(
        503 if trouble else 400,
        "Sign-in not completed",
        f"<p>{escape(failure.sentence)} {next_step}</p>{told}",
        [*links, ("Help", settings.help_url)],
    )


def thanks_page(sentence: str, settings: OauthCallbackSettings) -> dict[str, Any]:
    return _page(200, "Thank you", f"<p>{escape(sentence)}</p>", [("Help", settings.help_url)])


def _page(status: int, title: str, told: str, links: list[tuple[str, str]]) -> dict[str, Any]:
    shown = " · ".join(f'<a href="{escape(address)}" rel="noreferrer">{name}</a>' for name, address in links)
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}</style>
<h1>{title}</h1>{told}
<p>{shown}</p></html>"""
    return {"statusCode": status, "headers": {**SAFE, "content-type": "text/html; charset=utf-8"}, "body": text}
