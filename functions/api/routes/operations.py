"""/v1/jobs/dead and /v1/deliveries: what did not work out, and trying it again."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from functions.api.desk import body, caller, house, only, query, settings
from functions.api.views import Json, delivery_json, items
from shared.dead_letters import DeadLetters, replay_deliveries
from shared.errors import FieldError, invalid

router = Router()

PAGE = 100


def _dead() -> DeadLetters:
    return DeadLetters(settings().jobs_dlq_url, settings().jobs_queue_url)


@router.get("/v1/jobs/dead")
def dead() -> Json:
    caller(router).must_operate()
    return items(letter.shown() for letter in _dead().peek(PAGE))


@router.post("/v1/jobs/dead/replay")
def replay_dead() -> Json:
    caller(router).must_operate()
    only(body(router), set())
    return {"replayed": _dead().replay(PAGE)}


@router.get("/v1/deliveries")
def deliveries() -> Json:
    who = caller(router)
    who.must_operate()
    found, after = house().store.deliveries.listing(who.org, limit=PAGE, after=query(router, "after"))
    return items([delivery_json(one) for one in found], f"/v1/deliveries?after={after}" if after else None)


@router.post("/v1/deliveries/replay")
def replay() -> Json:
    """`{"ids": [...]}` sends those again; `{"status": "dead"}` all that were given up on."""
    who, members = caller(router), body(router)
    who.must_operate()
    only(members, {"ids", "status"})
    ids, status = members.get("ids"), members.get("status", "dead" if "ids" not in members else None)
    if ids is not None and not (isinstance(ids, list) and all(isinstance(one, str) for one in ids)):
        raise invalid([FieldError("ids", "Use a list of the ids that GET /v1/deliveries shows.")])
    if status not in (None, "dead", "retrying"):
        raise invalid([FieldError("status", "Use dead or retrying.")])
    return {"replayed": replay_deliveries(house(), who.org, ids, status)}
