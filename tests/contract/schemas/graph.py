"""Microsoft's wire: what Graph v1.0 documents of calendars and subscriptions, and the identity platform's sign-in.

Written from the methods of events, calendars and subscriptions in the Graph reference, and from the identity platform's
"authorization code flow". A parameter that no page names is a fault. Only the addresses that this product uses are
here; another one is a fault until its facts are written down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

from tests.contract.schemas import graph_shapes as shapes
from tests.contract.schemas import sign_in
from tests.contract.schemas.wire import Exchange, Schema, misfits, misnamed, parsed

# --- addresses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Route:
    """`body`: None for a request without one. `answer`: None for one without content. `parameters` that begin with an
    exclamation mark must be there."""

    method: str
    path: str
    parameters: tuple[str, ...]
    body: Schema | None
    status: int
    answer: Schema | None
    precondition: bool = False


_OF_LIST: Final = ("$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken")
_CAL: Final = "{box}/calendars/{id}"
_ROUTES: Final = (
    _Route("GET", "me", ("$select",), None, 200, shapes.USER),
    _Route("GET", "users/{id}", ("$select",), None, 200, shapes.USER),
    _Route("GET", "users", ("$select", "$top", "$filter", "$skiptoken"), None, 200, shapes.page(shapes.USER)),
    _Route("GET", "organization", ("$select",), None, 200, shapes.page(shapes.ORGANIZATION)),
    _Route("GET", "{box}/calendar", ("$select",), None, 200, shapes.CALENDAR),
    _Route("GET", "{box}/calendars", _OF_LIST, None, 200, shapes.page(shapes.CALENDAR)),
    _Route("GET", _CAL, ("$select",), None, 200, shapes.CALENDAR),
    _Route("GET", "{box}/mailboxSettings", ("$select",), None, 200, shapes.MAILBOX),
    _Route("GET", f"{_CAL}/events", _OF_LIST, None, 200, shapes.page(shapes.EVENT)),
    _Route("POST", f"{_CAL}/events", (), shapes.CREATED, 201, shapes.WHOLE),
    _Route("GET", f"{_CAL}/events/{{id}}", ("$select", "$expand"), None, 200, shapes.EVENT),
    _Route("PATCH", f"{_CAL}/events/{{id}}", (), shapes.PATCHED, 200, shapes.WHOLE, precondition=True),
    _Route("DELETE", f"{_CAL}/events/{{id}}", (), None, 204, None, precondition=True),
    _Route(
        "GET",
        f"{_CAL}/events/{{id}}/instances",
        ("!startDateTime", "!endDateTime", *_OF_LIST),
        None,
        200,
        shapes.page(shapes.EVENT),
    ),
    _Route(
        "GET",
        f"{_CAL}/calendarView/delta",
        ("startDateTime", "endDateTime", "$skiptoken", "$deltatoken"),
        None,
        200,
        shapes.DELTA,
    ),
    _Route("GET", "subscriptions", ("$skiptoken",), None, 200, shapes.page(shapes.SUBSCRIPTION)),
    _Route("POST", "subscriptions", (), shapes.SUBSCRIBE, 201, shapes.SUBSCRIPTION),
    _Route("PATCH", "subscriptions/{id}", (), shapes.RENEW, 200, shapes.SUBSCRIPTION),
    _Route("DELETE", "subscriptions/{id}", (), None, 204, None),
    _Route("POST", "$batch", (), shapes.BATCH, 200, shapes.BATCHED),
)
_PREFERENCES: Final = frozenset(
    {"idtype", "outlook.timezone", "outlook.body-content-type", "odata.maxpagesize", "outlook.allow-unsafe-html"}
)
_PREFERENCE: Final = re.compile(r'\s*([A-Za-z.-]+)\s*=\s*("[^"]*"|[^",;\s]+)\s*(?:[,;]|$)')
_SELECT: Final = frozenset({*shapes.MEMBERS, "exceptionOccurrences"})

# --- the identity platform --------------------------------------------------------------------------------------------

_AUTHORIZE: Final = frozenset(
    {
        *("client_id", "response_type", "redirect_uri", "scope", "response_mode", "state", "prompt", "login_hint"),
        *("domain_hint", "code_challenge", "code_challenge_method", "nonce", "claims", "client_info"),
        "X-AnchorMailbox",
    }
)
"""Page "Microsoft identity platform and OAuth 2.0 authorization code flow"; MSAL adds `client_info`, and to a hint the
mailbox by which the request finds its server."""
_ALSO_SENT: Final = frozenset({"client_info", "claims"})
_TOKEN: Final = sign_in.token_answer(
    ext_expires_in={"type": "integer"}, refresh_in={"type": "integer"}, client_info=shapes.ID
)
_CONFIGURATION: Final[Schema] = {
    "type": "object",
    "required": ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"],
    "properties": dict.fromkeys(("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"), shapes.HTTPS),
}


def faults_of(exchange: Exchange) -> Iterator[str]:
    """See `wire.Judge`."""
    segments = exchange.path.strip("/").split("/", 1)
    if segments[0] == "v1.0":
        yield from _call_faults(exchange)
    elif re.fullmatch(r"/[^/]+/v2\.0/\.well-known/openid-configuration", exchange.path):
        yield from sign_in.answer_faults(exchange, _CONFIGURATION)
    elif re.fullmatch(r"/[^/]+/oauth2/v2\.0/token", exchange.path):
        yield from sign_in.token_faults(exchange, also_sent=_ALSO_SENT, answers=_TOKEN)
    else:
        yield "request is for an address that is none of Microsoft's"


def authorization_faults(query: Mapping[str, str]) -> Iterator[str]:
    """The address a person is sent to."""
    required = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "nonce")
    return misnamed(query.items(), _AUTHORIZE, required)


def admin_consent_faults(query: Mapping[str, str]) -> Iterator[str]:
    """The address an administrator is sent to (page "Admin consent")."""
    required = ("client_id", "redirect_uri", "scope", "state")
    return misnamed(query.items(), required, required)


def notification_faults(headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    """A change or lifecycle notification."""
    wrong: list[str] = []
    value = parsed(
        body, {name.lower(): each for name, each in headers.items()}.get("content-type", ""), "answer", wrong
    )
    yield from wrong
    yield from misfits(Draft202012Validator(shapes.NOTIFICATIONS), value, "answer: the notification at")


# --- a call of Graph --------------------------------------------------------------------------------------------------


def _call_faults(exchange: Exchange, *, batched: bool = False) -> Iterator[str]:
    route = _find(exchange)
    if route is None:
        yield "request is for an address whose facts are not written down here"
        return
    if not batched and not exchange.headers.get("authorization", "").startswith("Bearer "):
        yield "request carries no access token"
    yield from _query_faults(exchange, route)
    yield from _header_faults(exchange, route)
    wrong: list[str] = []
    sent: Any = None
    if route.body is not None:
        sent = parsed(exchange.body, exchange.headers.get("content-type", ""), "request", wrong)
        if not wrong:
            wrong.extend(misfits(_validator(route, "body"), sent, "request"))
    elif exchange.body:
        wrong.append("request has a body, which this method does not know")
    wrong.extend(_answer_faults(exchange, route))
    yield from wrong
    if route.path == "$batch" and not wrong:
        yield from _batch_faults(exchange, sent["requests"])


def _query_faults(exchange: Exchange, route: _Route) -> Iterator[str]:
    required = [name[1:] for name in route.parameters if name.startswith("!")]
    yield from misnamed(exchange.query, [name.lstrip("!") for name in route.parameters], required)
    query = dict(exchange.query)
    if len(query) < len(exchange.query):
        yield "request names a parameter twice"
    for name in ("startDateTime", "endDateTime"):
        if name in query and not re.fullmatch(shapes.INSTANT["pattern"], query[name]):
            yield f"request has {name!r} = {query[name]!r}, which is no instant"
    for name in ("$top", "$skip"):
        if name in query and not query[name].isdecimal():
            yield f"request has {name!r} = {query[name]!r}, which is no number"
    if route.path.endswith("/delta") and set(query) not in _DELTA_QUERIES:
        yield f"request asks delta by {sorted(query)}: a window first, then the token of the link alone"
    if "/events" in route.path:
        for name in sorted(set(filter(None, query.get("$select", "").split(","))) - _SELECT):
            yield f"request selects {name!r}, which no event has"


_DELTA_QUERIES: Final = ({"startDateTime", "endDateTime"}, {"$skiptoken"}, {"$deltatoken"})


def _header_faults(exchange: Exchange, route: _Route) -> Iterator[str]:
    if "if-match" in exchange.headers and not route.precondition:
        yield "request has a precondition, which this method does not know"
    text, place = exchange.headers.get("prefer", ""), 0
    while place < len(text):
        found = _PREFERENCE.match(text, place)
        if found is None or found[1].lower() not in _PREFERENCES:
            yield f"request prefers {text[place:]!r}, which no page names"
            return
        place = found.end()


def _answer_faults(exchange: Exchange, route: _Route) -> Iterator[str]:
    if exchange.status == route.status and route.answer is None:
        if exchange.answer:
            yield "answer has a body, which this method does not have"
        return
    wrong: list[str] = []
    value = parsed(exchange.answer, exchange.answer_headers.get("content-type", ""), "answer", wrong)
    yield from wrong
    if wrong:
        return
    if exchange.status >= 400:
        yield from misfits(Draft202012Validator(shapes.ERROR), value, "answer")
        return
    if exchange.status != route.status:
        yield f"answer has the status {exchange.status} instead of {route.status}"
    yield from misfits(_validator(route, "answer"), value, "answer")
    yield from _selection_faults(exchange, route, value)


def _selection_faults(exchange: Exchange, route: _Route, value: Any) -> Iterator[str]:
    """What `$select` left out stays away, and what it did not leave out comes."""
    if route.method != "GET" or "/events" not in route.path:
        return
    query = dict(exchange.query)
    expanded = set(re.findall(r"(?:^|,)([A-Za-z]+)(?=[,(]|$)", re.sub(r"\([^)]*\)", "", query.get("$expand", ""))))
    selected = set(filter(None, query.get("$select", "").split(",")))
    for event in value.get("value", [value]):
        members = {name for name in event if "@" not in name}
        if selected:
            for name in sorted(members - selected - expanded - {"id"}):
                yield f"answer holds {name!r}, which was not selected"
        else:
            for name in sorted(set(shapes.ALWAYS) - set(event)):
                yield f"answer lacks {name!r}, and nothing was selected"
            if "cancelledOccurrences" in members:
                yield "answer holds 'cancelledOccurrences', which come only when they are selected"
        for name in sorted({"exceptionOccurrences", "instances"} & members - expanded):
            yield f"answer holds {name!r}, which was not expanded"


def _batch_faults(exchange: Exchange, requests: list[dict[str, Any]]) -> Iterator[str]:
    """Every part is a call of its own, and is answered under its own id."""
    answers = (
        {one["id"]: one for one in json.loads(exchange.answer).get("responses", ())} if not exchange.spoilt else {}
    )
    ids = [one["id"] for one in requests]
    if len({one.lower() for one in ids}) < len(ids):
        yield "request names an id twice"
    if exchange.status == 200 and not exchange.spoilt and sorted(answers) != sorted(ids):
        yield f"answer holds {sorted(answers)} for {sorted(ids)}"
    for place, one in enumerate(requests):
        if unknown := set(one.get("dependsOn", ())) - set(ids[:place]):
            yield f"request {one['id']} depends on {sorted(unknown)}, none of which comes before it"
        answer = answers.get(one["id"])
        if answer is None:
            continue
        for fault in _call_faults(_part(exchange, one, answer), batched=True):
            yield f"{fault} (part {one['id']}: {one['method']} {one['url']} → {answer['status']})"


def _part(exchange: Exchange, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Exchange:
    url = urlsplit(request["url"])
    return replace(
        exchange,
        method=request["method"],
        path=f"/v1.0{url.path}",
        query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in (request.get("headers") or {}).items()},
        body=json.dumps(request["body"]).encode() if "body" in request else b"",
        status=answer["status"],
        answer_headers={"content-type": "application/json"}  # the page's own parts do not say it
        | {name.lower(): value for name, value in (answer.get("headers") or {}).items()},
        answer=json.dumps(answer["body"]).encode() if answer.get("body") is not None else b"",
    )


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], _Route], ...]:
    found = []
    for route in _ROUTES:
        path = re.escape(route.path).replace(r"\{box\}", "(?:me|users/[^/]+)").replace(r"\{id\}", "[^/]+")
        found.append((re.compile(f"/v1\\.0/{path}"), route))
    return tuple(found)


def _find(exchange: Exchange) -> _Route | None:
    return next(
        (
            route
            for pattern, route in _patterns()
            if route.method == exchange.method and pattern.fullmatch(exchange.path)
        ),
        None,
    )


_VALIDATORS: Final[dict[tuple[str, str, str], Draft202012Validator]] = {}


def _validator(route: _Route, side: str) -> Draft202012Validator:
    key = (route.method, route.path, side)
    if key not in _VALIDATORS:
        _VALIDATORS[key] = Draft202012Validator(getattr(route, side))
    return _VALIDATORS[key]
