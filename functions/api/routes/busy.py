"""/v1/busy: when people are busy, how old that is, and whether it is all."""

from __future__ import annotations

from datetime import timedelta

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.desk import caller, house, instant, queries, trust
from functions.api.views import Json, busy_json, items
from shared.busy import busy_time
from shared.errors import FieldError, invalid

router = Router()

LONGEST_WINDOW = timedelta(days=92)
MOST_USERS = 50


@router.get("/v1/busy")
def listing() -> Json:
    who = caller(router)
    named: list[str | None] = [*queries(router, "user_id")]
    if len(named) > MOST_USERS:
        raise invalid([FieldError("user_id", f"At most {MOST_USERS} users are answered for at once; ask in parts.")])
    owners = list(dict.fromkeys(who.owner(name) for name in named or [None]))
    start, end = instant(router, "from"), instant(router, "to")
    if end <= start:
        raise invalid([FieldError("to", "The end lies before the start; swap them.")])
    if end - start > LONGEST_WINDOW:
        raise invalid([FieldError("to", f"Busy time is given for {LONGEST_WINDOW.days} days at most; ask in parts.")])
    shown = [busy_json(busy_time(house(), trust(), owner, start, end)) for owner in owners]
    return shown[0] if len(shown) == 1 else items(shown)
