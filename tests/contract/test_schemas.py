"""That the schemas bite: whatever is misspelt, of a wrong kind or left out in what really passed is seen.

Each test takes exchanges of adapter and simulator and spoils them, one thing at a time.
"""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode

import pytest

from shared.errors import NotWatchable
from shared.model import CANCELLED, Attendee, Content, Reminder, Series, Span, Visibility, ZonedTime
from shared.providers.base import CopyChange, CopyDeletion, FromStart, NewCopy, OccurrenceChange
from tests.contract.conftest import STAGES, WAYS
from tests.contract.schemas.wire import Exchange, Judge, Witness
from tests.contract.stage import Stage

BERLIN: Final = "Europe/Berlin"
SPAN: Final = Span(ZonedTime(datetime(2027, 3, 1, 9), BERLIN), ZonedTime(datetime(2027, 3, 1, 10), BERLIN))
START: Final = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
EVERYTHING: Final = Content(
    span=SPAN,
    title="Visit",
    description="Bring papers",
    location="Main Street 1",
    visibility=Visibility.PRIVATE,
    attendees=(Attendee("a@example.com", "A"),),
    reminders=(Reminder(30),),
)
FREE: Final = re.compile(r"\.(private|shared|workingHours|automaticRepliesSetting|headers|keys\[\d+\])\.|\.metadata\b")
"""What holds names of anybody's choice, or is none of ours."""

LIKE_THE_FIRST: Final = re.compile(r"(responses|requests)\[[1-9]\d*\]\.body\.")
"""Parts of a batch are judged one like the other."""

Side = Literal["request", "answer"]


@dataclass(frozen=True)
class Passed:
    """One exchange of each kind, with as much in it as there may be."""

    judge: Judge
    exchanges: tuple[Exchange, ...]


@pytest.fixture(scope="module", params=sorted(WAYS))
def passed(request: pytest.FixtureRequest, built: Callable[[str], Any]) -> Passed:
    stage: Stage = built(request.param)
    stage.reset()
    if request.param in STAGES:
        _traffic(stage)
    else:
        _staff_traffic(stage)
    kinds = {
        (each.method, _kind(each.path), each.status): each
        for each in stage.witness.kept
        if ".well-known" not in each.path  # asked once per process, and a server may say of itself whatever it likes
    }
    assert stage.wire_faults() == []
    return Passed(stage.witness.judge, tuple(kinds.values()))


def _traffic(stage: Stage) -> None:
    authorizer = stage.provider().authorizer()
    begun = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    grant = authorizer.complete(begun.flow, stage.consent(begun.authorization_url))
    stage.expire_access_tokens()
    session = stage.session(secret=grant.secret)
    api, push, main = session.calendars, session.push, stage.main
    api.list_calendars()
    lines = ("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=8",)
    made = api.create(main, NewCopy(tag="ev-1", key="key-1", series=Series(EVERYTHING, lines)))
    for day, change in ((8, {"title": "Moved"}), (15, CANCELLED)):
        api.update_occurrence(
            main,
            OccurrenceChange(
                remote_id=made.remote_id,
                original_start=f"202703{day:02}T080000Z",
                occurrence_id="",
                etag="",
                change=change,
            ),
        )
    plain = api.create(main, NewCopy(tag="ev-2", key="key-2", series=Series(Content(span=SPAN))))
    api.update(main, CopyChange(remote_id=plain.remote_id, etag=plain.etag, fields={"title": "x", "recurrence": lines}))
    api.fetch_page(main, START)
    api.find_copy(main, "key-1")
    again = NewCopy(tag="ev-3", key="key-3", series=Series(Content(span=SPAN)))
    api.write_all(main, [again, CopyDeletion(remote_id=plain.remote_id, etag="")])
    api.delete(main, plain.remote_id, "")
    assert push is not None
    subscription = push.subscribe(main, subscription_id="s-1", address="https://hooks.example.com/w", token="t")
    push.renew(subscription)
    push.unsubscribe(subscription)
    authorizer.revoke(session.calendars.secret() or grant.secret)


def _staff_traffic(stage: Stage) -> None:
    secret, organizations = stage.secret(), stage.provider().organizations()
    assert organizations is not None
    stage.expire_access_tokens()
    for mailbox in (stage.account_name, "nobody@example.com"):
        organizations.verify(secret, mailbox)
    organizations.others_reached(secret, [])
    session = stage.session(secret=secret)
    api, main = session.calendars, stage.main
    api.list_calendars()
    made = api.create(main, NewCopy(tag="ev-1", key="key-1", series=Series(EVERYTHING)))
    api.update(main, CopyChange(remote_id=made.remote_id, etag=made.etag, fields={"title": "x"}))
    api.fetch_page(main, START)
    api.write_all(main, [NewCopy(tag=f"ev-{n}", key=f"key-{n}", series=Series(EVERYTHING)) for n in (2, 3)])
    api.delete(main, made.remote_id, "")
    assert session.push is not None
    with suppress(NotWatchable):
        session.push.subscribe(main, subscription_id="s-1", address="https://hooks.example.com/w", token="t")


def _kind(path: str) -> str:
    return re.sub(r"(calendars|events|subscriptions|users)/[^/]+", r"\1/*", path)


def members(value: Any, where: str = "$") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every member of every object: its place, the object, its name."""
    if isinstance(value, dict):
        for name in list(value):
            yield f"{where}.{name}", value, name
            yield from members(value[name], f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from members(item, f"{where}[{number}]")


def bodies(each: Exchange, side: Side) -> Iterator[tuple[Any, bytes]]:
    """The JSON body as a value, of an exchange that has one."""
    raw, headers = (each.body, each.headers) if side == "request" else (each.answer, each.answer_headers)
    if raw and "json" in headers.get("content-type", ""):
        yield json.loads(raw), raw


def with_body(each: Exchange, side: Side, value: Any) -> Exchange:
    raw = json.dumps(value).encode()
    return replace(each, body=raw) if side == "request" else replace(each, answer=raw)


def unseen(judge: Judge, each: Exchange, side: Side, spoil: Any) -> list[str]:
    """The places at which nobody notices when `spoil` has been there."""
    found = []
    for value, raw in bodies(each, side):
        for place in [place for place, _, _ in members(value)]:
            fresh = json.loads(raw)
            holder, name = next((holder, name) for other, holder, name in members(fresh) if other == place)
            if FREE.search(f"{place}.") or LIKE_THE_FIRST.search(place) or not spoil(holder, name):
                continue
            if not any(fault.startswith(side) for fault in judge(with_body(each, side, fresh))):
                found.append(f"{each.method} {_kind(each.path)} {each.status} {side} {place}")
    return found


def misspell(holder: dict[str, Any], name: str) -> bool:
    holder[f"{name}s"] = holder.pop(name)
    return True


def mistake(holder: dict[str, Any], name: str) -> bool:
    if isinstance(holder[name], dict | list):
        return False
    holder[name] = {"of": "another kind"}
    return True


@pytest.mark.parametrize("side", ["request", "answer"])
@pytest.mark.parametrize("spoil", [misspell, mistake])
def test_no_member_is_misspelt_or_of_another_kind_unseen(passed: Passed, side: Side, spoil: Any) -> None:
    assert sum(1 for each in passed.exchanges for _ in bodies(each, side)) >= 3
    assert [place for each in passed.exchanges for place in unseen(passed.judge, each, side, spoil)] == []


def test_no_parameter_is_made_up_unseen_and_no_precondition_where_none_is_known(passed: Passed) -> None:
    for each in passed.exchanges:
        if "authorization" not in each.headers:
            continue
        assert list(passed.judge(replace(each, query=(*each.query, ("colour", "red")))))
        assert list(passed.judge(replace(each, headers={**each.headers, "authorization": ""})))
        if each.method in ("GET", "POST"):
            assert list(passed.judge(replace(each, headers={**each.headers, "if-match": "x"})))


def test_no_field_of_a_sign_in_is_missing_or_made_up_unseen(passed: Passed) -> None:
    forms = [each for each in passed.exchanges if "form-urlencoded" in each.headers.get("content-type", "")]
    assert forms
    for each in forms:
        fields = dict(parse_qsl(each.body.decode()))
        needed = set(fields) - {"scope", "client_info"}
        spoilt = [{n: v for n, v in fields.items() if n != name} for name in needed] + [fields | {"colour": "red"}]
        for form in spoilt:
            assert list(passed.judge(replace(each, body=urlencode(form).encode())))


def test_an_address_that_no_document_names_is_seen(passed: Passed) -> None:
    for each in passed.exchanges:
        assert list(passed.judge(replace(each, path=f"{each.path}/no/such/thing")))


def test_an_answer_that_is_no_json_passes_only_where_it_was_ordered(passed: Passed) -> None:
    witness = Witness(None, passed.judge, lambda: 0)
    for each in passed.exchanges:
        if each.answer:
            garbage = replace(each, answer=b"<html>", answer_headers={"content-type": "text/html"})
            witness.kept = [garbage]
            assert witness.faults()
            witness.kept = [replace(garbage, spoilt=True)]
            assert witness.faults() == []


@pytest.mark.parametrize(
    ("method", "path", "spoilt"),
    [
        ("POST", "/calendar/v3/calendars/a/events", {"id": "with-a-hyphen"}),
        ("POST", "/calendar/v3/calendars/a/events", {"extendedProperties": {"private": {"n" * 45: "v"}}}),
        ("POST", "/calendar/v3/calendars/a/events", {"extendedProperties": {"private": {"n": "v" * 1025}}}),
        ("POST", "/calendar/v3/calendars/a/events", {"reminders": {"overrides": [{"method": "sms", "minutes": 1}]}}),
        ("POST", "/calendar/v3/calendars/a/events", {"reminders": {"overrides": [{"minutes": 40321}]}}),
        ("POST", "/calendar/v3/calendars/a/events", {"end": None}),
        ("POST", "/calendar/v3/calendars/a/events/watch", {"id": "c" * 65}),
        ("POST", "/calendar/v3/calendars/a/events/watch", {"token": "t" * 257}),
        ("POST", "/v1.0/me/calendars/a/events", {"end": None}),
        ("POST", "/v1.0/me/calendars/a/events", {"id": "of our own"}),
        (
            "POST",
            "/v1.0/me/calendars/a/events",
            {"start": {"dateTime": "2027-03-01T09:00:00+01:00", "timeZone": "UTC"}},
        ),
        ("PATCH", "/v1.0/me/calendars/a/events/b", {"transactionId": "t"}),
        ("PATCH", "/v1.0/me/calendars/a/events/b", {"sensitivity": "secret"}),
        ("POST", "/v1.0/subscriptions", {"clientState": "s" * 129}),
        ("POST", "/v1.0/subscriptions", {"changeType": "created;deleted"}),
    ],
)
def test_what_a_document_says_in_words_only_is_not_passed_over(
    built: Callable[[str], Any], method: str, path: str, spoilt: dict[str, Any]
) -> None:
    google, graph = path.startswith("/calendar"), path.startswith("/v1.0")
    judge: Judge = built("google" if google else "microsoft").witness.judge
    time = {"dateTime": "2027-03-01T09:00:00", "timeZone": "UTC"}
    bodies_by_end: dict[str, dict[str, Any]] = {
        "watch": {"id": "c", "type": "web_hook", "address": "https://x.example", "token": "t"},
        "events": {"start": time, "end": time} | ({"subject": "x"} if graph else {}),
        "subscriptions": {
            **{"changeType": "created", "notificationUrl": "https://x.example", "resource": "me/events"},
            **{"expirationDateTime": "2027-03-01T09:00:00Z", "clientState": "s"},
        },
        "b": {"subject": "x"},
    }
    plain = bodies_by_end[path.rpartition("/")[2]]
    error = {"error": {"code": 400 if google else "BadRequest", "message": "No."}}
    sent = Exchange(
        method=method,
        path=path,
        query=(),
        headers={"authorization": "Bearer t", "content-type": "application/json"},
        body=json.dumps(plain).encode(),
        status=400,
        answer_headers={"content-type": "application/json"},
        answer=json.dumps(error).encode(),
    )
    assert list(judge(sent)) == []
    assert list(judge(replace(sent, body=json.dumps(plain | spoilt).encode())))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/calendar/v3/calendars/a/events", {"syncToken": "s", "timeMin": "2027-03-01T09:00:00Z"}),
        ("/calendar/v3/calendars/a/events", {"timeMin": "2027-03-01T09:00:00"}),
        ("/calendar/v3/calendars/a/events", {"maxResults": "many"}),
        ("/calendar/v3/calendars/a/events", {"quotaUser": "m" * 41}),
        ("/v1.0/me/calendars/a/calendarView/delta", {"$deltatoken": "d", "startDateTime": "2027-03-01T09:00:00Z"}),
        ("/v1.0/me/calendars/a/calendarView/delta", {"$deltatoken": "d", "$select": "id"}),
        ("/v1.0/me/calendars/a/calendarView/delta", {}),
        ("/v1.0/me/calendars/a/events/b", {"$select": "id,title"}),
        ("/v1.0/me/calendars/a/events/b/instances", {"startDateTime": "2027-03-01T09:00:00Z"}),
    ],
)
def test_parameters_that_no_document_allows_together_are_seen(
    built: Callable[[str], Any], path: str, query: dict[str, str]
) -> None:
    google = path.startswith("/calendar")
    error = {"error": {"code": 400 if google else "BadRequest", "message": "No."}}
    sent = Exchange(
        method="GET",
        path=path,
        query=tuple(query.items()),
        headers={"authorization": "Bearer t"},
        body=b"",
        status=400,
        answer_headers={"content-type": "application/json"},
        answer=json.dumps(error).encode(),
    )
    assert list(built("google" if google else "microsoft").witness.judge(sent))
