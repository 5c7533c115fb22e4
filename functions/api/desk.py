"""What every route has at hand: the house, the settings, the caller, and the request's parts in checked form."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Router

from functions.api.caller import LONGEST_USER_ID, Caller, caller_of
from shared.busy import Trust
from shared.config import ApiSettings
from shared.connections import ConsentSettings
from shared.disconnect import Choice, Fate
from shared.errors import FieldError, Problem, invalid
from shared.events import ANY_VERSION
from shared.house import House
from shared.wiring import make_consent, make_house

RESERVE_MS = 8_000
"""Long work in a request stops this long before the function's end, and goes on as a job."""

LARGEST_BODY = 256 * 1024
LARGEST_FILE = 2 * 1024 * 1024

settings = cache(ApiSettings.read)
_house = cache(lambda: make_house(settings()))


def house() -> House:
    return _house()


def consent() -> ConsentSettings:
    return make_consent(settings())


def trust() -> Trust:
    """How old and how far back a calendar's busy time may be: twice the poll interval, and the sync window."""
    minutes, days = settings().poll_minutes, settings().window_back_days
    return Trust(stale_after=2 * timedelta(minutes=minutes), window_back=timedelta(days=days))


def caller(router: Router | APIGatewayHttpResolver) -> Caller:
    authorizer = router.current_event.raw_event.get("requestContext", {}).get("authorizer") or {}
    return caller_of((authorizer.get("jwt") or {}).get("claims") or {})


def query(router: Router, name: str) -> str:
    """A member of the query, or ""."""
    return (router.current_event.query_string_parameters or {}).get(name) or ""


def queries(router: Router, name: str) -> list[str]:
    """All that the query says under a name that may stand there several times; each once, empty ones left out."""
    text = str(router.current_event.raw_event.get("rawQueryString") or "")
    return list(dict.fromkeys(value for each, value in parse_qsl(text) if each == name))


def body(router: Router) -> dict[str, Any]:
    """The request's JSON object. Raises `Problem` (400, 413, 422)."""
    try:
        text = router.current_event.decoded_body or ""
        if len(text) > LARGEST_BODY:
            raise Problem(413, "body_too_large", "The request is larger than 256 kB. Send less at once.")
        members = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise Problem(400, "not_json", "The request's body is not JSON. Send a JSON object.") from None
    if not isinstance(members, dict):
        raise Problem(400, "not_an_object", "The request's body is not a JSON object. Send one.")
    user_id = members.get("user_id", "")
    if not isinstance(user_id, str) or len(user_id) > LONGEST_USER_ID:
        raise invalid([FieldError("user_id", f"Use a text of at most {LONGEST_USER_ID} characters.")])
    return members


def file(router: Router) -> bytes:
    """The request's body as it was sent. Raises `Problem` (400, 413)."""
    event = router.current_event
    try:
        text = event.raw_event.get("body") or ""
        content = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
    except ValueError:
        raise Problem(400, "not_a_file", "The request's body cannot be read. Send the file's bytes.") from None
    if len(content) > LARGEST_FILE:
        raise Problem(413, "body_too_large", "The file is larger than 2 MB. Send it in parts.")
    return content


def only(members: dict[str, Any], known: set[str]) -> None:
    """Refuse members that nobody reads: a misspelt one would be ignored in silence."""
    unknown = sorted(set(members) - known)
    if unknown:
        raise invalid([FieldError(name, "There is no such member; leave it out.") for name in unknown])


def if_match(router: Router) -> int | None:
    """The version that the caller's write is based on, if it said one; `*` is `events.ANY_VERSION`. Raises `Problem`
    (422)."""
    text = (router.current_event.headers or {}).get("if-match") or ""
    text = text.strip().removeprefix("W/").strip('"')
    if text in ("", "*"):
        return ANY_VERSION if text else None
    if not re.fullmatch("[0-9]{1,15}", text):
        raise invalid([FieldError("If-Match", 'Use the event\'s version, as in If-Match: "3".')])
    return int(text)


def instant(router: Router, name: str) -> datetime:
    """A time in the query: RFC 3339 with an offset. Raises `Problem` (422)."""
    text = query(router, name).replace(" ", "+")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1000 <= found.year < 9000:
        raise invalid([FieldError(name, "Use a time with an offset, as in 2027-03-01T09:00:00Z.")])
    return found


def fates(router: Router) -> Choice:
    """What the query says of copies when something is disconnected. Raises `Problem` (422)."""
    return Choice(_fate(router, "imported"), _fate(router, "exported"))


def _fate(router: Router, name: str) -> Fate:
    text = query(router, name) or Fate.KEEP.value
    if text not in list(Fate):
        raise invalid([FieldError(name, "Use keep or delete.")])
    return Fate(text)


def named(text: str) -> str:
    """A path's parameter as the caller meant it."""
    return unquote(text)


def out_of_time(router: Router) -> Callable[[], bool]:
    context = router.lambda_context

    def check() -> bool:
        remaining: int = context.get_remaining_time_in_millis()
        return remaining < RESERVE_MS

    return check
