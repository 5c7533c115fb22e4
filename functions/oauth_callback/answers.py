"""How the callback answers: back to the page, or a page of its own where nobody can say where "back" is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

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


def page(status: int, failure: ConnectFailed | RetryLater, help_url: str) -> dict[str, Any]:
    """A sentence, a stable code and a way to get help; nothing of the request is shown."""
    text = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign-in not completed</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}</style>
<h1>Sign-in not completed</h1><p>{escape(failure.sentence)}</p>
<p>Nothing was stored. Code: <code>{escape(failure.code)}</code></p>
<p><a href="{escape(help_url)}" rel="noreferrer">Help</a></p></html>"""
    return {"statusCode": status, "headers": {**SAFE, "content-type": "text/html; charset=utf-8"}, "body": text}
