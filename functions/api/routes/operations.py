"""/v1/jobs/dead and /v1/deliveries: what did not work out, and trying it again."""

from __future__ import annotations

import re

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.caller import Caller
from functions.api.desk import body, caller, house, only, query, settings
from functions.api.views import Json, delivery_json, items
from shared.dead_letters import DeadLetter, DeadLetters, owner_org, replay_deliveries
from shared.errors import FieldError, invalid

router = Router()

PAGE = 100
_MESSAGE = re.compile("msg_[a-z0-9_]{0,100}")


def _dead() -> DeadLetters:
    return DeadLetters(settings().jobs_dlq_url, settings().jobs_queue_url)


@router.get("/v1/jobs/dead")
def dead() -> Json:
    who = caller(router)
    who.must_operate()
    return items(letter.shown() for letter in _dead().peek(PAGE) if _concerns(who, letter))


@router.post("/v1/jobs/dead/replay")
def replay_dead() -> Json:
    who = caller(router)
    who.must_operate()
    only(body(router), set())
    return {"replayed": _dead().replay(PAGE, lambda letter: _concerns(who, letter))}


def _concerns(who: Caller, letter: DeadLetter) -> bool:
    """An organisation's own dead jobs; those of no known connection are the host app's backend's to look at."""
    org = owner_org(house(), letter)
    return who.is_host if org is None else org == who.org


@router.get("/v1/deliveries")
def deliveries() -> Json:
    who = caller(router)
    who.must_operate()
    position = query(router, "after")
    if not _MESSAGE.fullmatch(position or "msg_"):
        raise invalid([FieldError("after", "Fetch the path in `next` as it stands, or begin without this.")])
    found, after = house().store.deliveries.listing(who.org, limit=PAGE, after=position)
    return items([delivery_json(one) for one in found], f"/v1/deliveries?after={after}" if after else None)


@router.post("/v1/deliveries/replay")
def replay() -> Json:
    """`{"ids": [...]}` sends those again; `{"status": "dead"}` all that were given up on."""
    who, members = caller(router), body(router)
    who.must_operate()
    only(members, {"ids", "status"})
    ids, status = members.get("ids"), members.get("status", "dead" if "ids" not in members else None)
    if "ids" in members and not (isinstance(ids, list) and all(isinstance(one, str) for one in ids)):
        raise invalid([FieldError("ids", "Use a list of the ids that GET /v1/deliveries shows.")])
    if status not in ("dead", "retrying", *([None] if ids is not None and "status" not in members else [])):
        raise invalid([FieldError("status", "Use dead or retrying.")])
    known = None if ids is None else [one for one in dict.fromkeys(ids) if _MESSAGE.fullmatch(one)]
    return {"replayed": replay_deliveries(house(), who.org, known, status)}
