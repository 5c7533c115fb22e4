"""What only Microsoft has: refusals by number, tenants, links, ids that differ by the case of a letter, handshakes.

Everything goes through MSAL and the simulator; which refusal means what is in `tests/unit/providers/microsoft`.
"""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

from functions.webhook_receiver import handler as receiver
from shared.errors import ConnectFailed, ConnectionRevoked, CursorExpired, RetryLater
from shared.model import Change, Complete, Content, RemoteEvent, Removed, Series, Span, ZonedTime
from shared.notifications import accept, token_for
from shared.providers.base import (
    After,
    Authorizer,
    CalendarApi,
    CopyChange,
    CopyDeletion,
    FromStart,
    Grant,
    GrantIncomplete,
    HttpRequest,
    NewCopy,
    Position,
    PushApi,
)
from shared.signing import Keyring
from simulators.microsoft import PushReply, PushRequest, create_app
from tests.contract.microsoft_stage import CLIENT, MicrosoftStage

BERLIN = "Europe/Berlin"
SPAN = Span(ZonedTime(datetime(2027, 3, 1, 9), BERLIN), ZonedTime(datetime(2027, 3, 1, 10), BERLIN))
START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
KEYRING = Keyring((b"key-1",), "notification")
ADDRESS = "https://hooks.example.com/webhooks/microsoft"
CALENDAR = "con-00000000000000000001.cal-1"


@pytest.fixture
def authorizer(microsoft: MicrosoftStage) -> Authorizer:
    return microsoft.provider().authorizer()


@pytest.fixture
def calendars(microsoft: MicrosoftStage) -> CalendarApi:
    return microsoft.session().calendars


@pytest.fixture
def push(microsoft: MicrosoftStage) -> PushApi:
    api = microsoft.session().push
    assert api is not None
    return api


def connect(authorizer: Authorizer, stage: MicrosoftStage, *, at: Authorizer | None = None, **how: Any) -> Grant:
    """Sign in, and redeem the code, `at` another deployment's if one is given."""
    begun = authorizer.begin(redirect_uri=stage.redirect_uri, state="s", login_hint="")
    return (at or authorizer).complete(begun.flow, stage.consent(begun.authorization_url, **how))


def listing(api: CalendarApi, calendar: str, position: Position = START) -> tuple[dict[str, Change], str]:
    changes: dict[str, Change] = {}
    while True:
        page = api.fetch_page(calendar, position)
        changes |= {one.remote_id: one for one in page.changes}
        position = After(page.next.cursor)
        if isinstance(page.next, Complete):
            return changes, page.next.cursor


def title(change: Change | None) -> str:
    assert isinstance(change, RemoteEvent)
    assert change.content is not None
    return change.content.title


def create(api: CalendarApi, stage: MicrosoftStage, key: str) -> RemoteEvent:
    return api.create(stage.main, NewCopy(tag=f"ev-{key}", key=key, series=Series(Content(span=SPAN, title=key))))


# --- signing in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (50076, "sign_in_blocked", "second factor"),
        (53003, "sign_in_blocked", "Conditional Access"),
        (65004, "consent_denied", "did not allow"),
        (90094, "admin_consent_required", "administrator"),
    ],
)
@pytest.mark.parametrize("match", ["oauth.authorize", "oauth.token"])
def test_a_refusal_says_the_same_on_the_way_back_and_when_the_code_is_redeemed(
    authorizer: Authorizer, microsoft: MicrosoftStage, number: int, code: str, words: str, match: str
) -> None:
    microsoft.fault(kind="aadsts", match=match, number=number)
    with pytest.raises(ConnectFailed, match=words) as caught:
        connect(authorizer, microsoft)
    assert caught.value.code == code


def test_a_refusal_without_a_number_is_not_called_a_block_of_the_organisation(
    authorizer: Authorizer, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    microsoft.fault(kind="aadsts", match="oauth.token", number=70000)
    monkeypatch.setattr("simulators.microsoft.errors.AadError.body", lambda *_: {"error": "invalid_grant"})
    with pytest.raises(ConnectFailed) as caught:
        connect(authorizer, microsoft)
    assert caught.value.code == "code_refused"


def test_the_link_for_an_administrator_opens_the_door_for_everybody_and_says_so_on_the_way_back(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    tenant = microsoft.world.tenant("example.com")
    assert tenant is not None
    tenant.users_may_consent = False
    microsoft.world.add_account("boss@example.com", admin=True)
    with pytest.raises(ConnectFailed) as caught:
        connect(authorizer, microsoft)
    link = urlsplit(caught.value.link)
    for decision, words in [("deny", "did not record"), ("allow", "can connect")]:
        form = {"account": "boss@example.com", "decision": decision}
        answer = create_app(microsoft.world).test_client().post(f"{link.path}?{link.query}", data=form)
        assert answer.status_code == 302, answer.text
        assert words in authorizer.aside(dict(parse_qsl(urlsplit(answer.headers["Location"]).query)))
    assert connect(authorizer, microsoft).account.id == microsoft.account_id


def test_a_code_of_another_organisation_is_the_wrong_account_and_not_a_late_one(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    microsoft.world.add_tenant("other.example")
    with pytest.raises(ConnectFailed) as caught:
        connect(authorizer, microsoft, at=microsoft.provider(tenant="other.example").authorizer())
    assert caught.value.code == "wrong_tenant"


def test_an_app_of_one_organisation_on_common_is_its_operators_fault_and_the_way_out_is_named(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    begun = authorizer.begin(redirect_uri=microsoft.redirect_uri, state="s", login_hint="")
    query = microsoft.consent(begun.authorization_url)
    microsoft.control(f"clients/{CLIENT.client_id}", method="PATCH", audience=_tenant_id(microsoft))
    with pytest.raises(ConnectFailed, match="MICROSOFT_TENANT") as caught:
        authorizer.complete(begun.flow, query)
    assert caught.value.code == "provider_error"
    own = microsoft.provider(tenant="example.com").authorizer()
    assert connect(own, microsoft).account.id == microsoft.account_id


def test_an_app_that_was_narrowed_to_one_organisation_revokes_nobody(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.control(f"clients/{CLIENT.client_id}", method="PATCH", audience=_tenant_id(microsoft))
    microsoft.expire_access_tokens()
    with pytest.raises(RetryLater) as caught:
        calendars.fetch_page(microsoft.main, START)
    assert (caught.value.park, caught.value.code) == (True, "client")
    microsoft.control(f"clients/{CLIENT.client_id}", method="PATCH", audience="multi")
    calendars.fetch_page(microsoft.main, START)


def _tenant_id(microsoft: MicrosoftStage) -> str:
    return microsoft.account_id.partition(".")[2]


def test_a_grant_without_a_permission_that_nothing_hangs_on_works(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    """A personal account's token lacks what exists for work accounts only."""
    grant = connect(authorizer, microsoft, leave_out=("Calendars.ReadWrite.Shared", "User.Read"))
    session = microsoft.session(secret=grant.secret)
    session.calendars.list_calendars()
    microsoft.expire_access_tokens()
    session.calendars.list_calendars()
    renewed = session.calendars.secret()
    assert renewed is not None
    microsoft.session(secret=renewed).calendars.list_calendars()


def test_a_grant_for_the_visit_alone_is_handed_over_with_its_account(
    authorizer: Authorizer, microsoft: MicrosoftStage
) -> None:
    with pytest.raises(GrantIncomplete) as caught:
        connect(authorizer, microsoft, lasting=False)
    assert caught.value.grant.account.id == microsoft.account_id


# --- the end of a grant --------------------------------------------------------------------------------------------


def _idle(stage: MicrosoftStage) -> None:
    stage.world.settings.refresh_token_idle_days = 0.0


def _sessions_ended(stage: MicrosoftStage) -> None:
    stage.control("revoke", email=stage.account_name)


def _consent_withdrawn(stage: MicrosoftStage) -> None:
    stage.control("revoke", email=stage.account_name, code=65001)


def _refused(number: int) -> Callable[[MicrosoftStage], None]:
    return lambda stage: stage.fault(kind="aadsts", match="oauth.token", number=number)


@pytest.mark.parametrize(
    ("happen", "words"),
    [
        (_idle, "90 days"),
        (_sessions_ended, "sessions"),
        (_consent_withdrawn, "withdrawn"),
        (_refused(50076), "second factor"),
        (_refused(50079), "second factor"),
        (_refused(53003), "Conditional Access"),
        (_refused(70043), "from time to time"),
        (_refused(54005), "no longer accepts"),
    ],
    ids=["700082", "50173", "65001", "50076", "50079", "53003", "70043", "54005"],
)
def test_each_end_of_a_grant_is_told_in_its_own_words_and_a_new_sign_in_mends_it(
    authorizer: Authorizer, microsoft: MicrosoftStage, happen: Callable[[MicrosoftStage], None], words: str
) -> None:
    calendars = microsoft.session(secret=connect(authorizer, microsoft).secret).calendars
    calendars.list_calendars()
    microsoft.expire_access_tokens()
    happen(microsoft)
    with pytest.raises(ConnectionRevoked, match=words) as caught:
        calendars.list_calendars()
    assert caught.value.code == "consent_revoked"
    asked = microsoft.world.calls["oauth.token"]
    with pytest.raises(ConnectionRevoked):
        microsoft.session(secret=calendars.secret()).calendars.list_calendars()
    assert microsoft.world.calls["oauth.token"] == asked, "a dead token is not tried again"
    microsoft.world.settings.refresh_token_idle_days = 90.0
    microsoft.session(secret=connect(authorizer, microsoft).secret).calendars.list_calendars()


def test_an_account_that_the_deployments_organisation_does_not_know_is_to_sign_in_again(
    microsoft: MicrosoftStage,
) -> None:
    microsoft.world.add_tenant("other.example")
    secret = microsoft.secret()
    microsoft.expire_access_tokens()
    elsewhere = microsoft.provider(tenant="other.example")
    with pytest.raises(ConnectionRevoked):
        elsewhere.open(secret, quota_user="m", privacy=None).calendars.list_calendars()  # type: ignore[arg-type]


# --- links ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a request went to."""
    found: list[str] = []
    send = requests.Session.send

    def noted(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        found.append(str(request.url))
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", noted)
    return found


@pytest.mark.parametrize("host", ["https://evil.example", "https://graph.microsoft.com.evil.example"])
def test_a_link_to_a_foreign_host_is_shown_no_token_whatever_it_was_to_lead_to(
    calendars: CalendarApi,
    microsoft: MicrosoftStage,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    host: str,
) -> None:
    for number in range(101):
        microsoft.add_calendar(f"Room {number}")
    monkeypatch.setattr("simulators.microsoft.app._base", lambda: host)
    microsoft.world.settings.empty_pages = "never"
    for call in (lambda: calendars.fetch_page(microsoft.main, START), calendars.list_calendars):
        with pytest.raises(CursorExpired) as caught:
            call()
        assert caught.value.code == "foreign_link"
    assert asked
    assert all(url.startswith(f"{microsoft.url}/") for url in asked)


def test_a_link_to_graph_itself_is_followed_at_the_address_that_is_set(
    calendars: CalendarApi, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    added = {microsoft.add_event(microsoft.main, f"Visit {number}", SPAN) for number in range(3)}
    microsoft.short_pages()
    monkeypatch.setattr("simulators.microsoft.app._base", lambda: "https://graph.microsoft.com")
    assert set(listing(calendars, microsoft.main)[0]) == added
    assert all(url.startswith(f"{microsoft.url}/") for url in asked)


# --- ids -----------------------------------------------------------------------------------------------------------


def test_events_whose_ids_differ_by_the_case_of_a_letter_are_two(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    one, two = create(calendars, microsoft, "one"), create(calendars, microsoft, "two")
    assert one.remote_id != two.remote_id
    assert one.remote_id.lower() == two.remote_id.lower()
    changes, cursor = listing(calendars, microsoft.main)
    assert {remote_id: title(change) for remote_id, change in changes.items()} == {
        one.remote_id: "one",
        two.remote_id: "two",
    }
    assert (calendars.owns("one", one), calendars.owns("one", two)) == (True, False)
    assert [calendars.find_copy(microsoft.main, key) for key in ("one", "two")] == [one.remote_id, two.remote_id]
    answers = calendars.write_all(
        microsoft.main,
        [
            CopyChange(remote_id=two.remote_id, etag=two.etag, fields={"title": "changed"}),
            CopyDeletion(remote_id=one.remote_id, etag=one.etag),
        ],
    )
    assert (title(answers[0]), answers[1]) == ("changed", None)  # type: ignore[arg-type]
    changes, _ = listing(calendars, microsoft.main, After(cursor))
    assert changes[one.remote_id] == Removed(one.remote_id)
    assert title(changes[two.remote_id]) == "changed"
    assert calendars.fetch_event(microsoft.main, one.remote_id) is None


def test_calendars_whose_ids_differ_by_the_case_of_a_letter_are_two(
    calendars: CalendarApi, push: PushApi, microsoft: MicrosoftStage
) -> None:
    one, two = (
        "AAMkADWpJ4Q5NB3D1mBGAAAAACxxxxxxxxxxxxxxxxxxxxxxxxAAA=",
        "AAMkADWpJ4Q5NB3D1mBGAAAAACxxxxxxxxxxxxxxxxxxxxxxxXAAA=",
    )
    for calendar in (one, two):
        microsoft.control(f"accounts/{microsoft.account_name}/calendars", name=calendar[-5], id=calendar)
    assert {one, two} <= {listed.remote_id for listed in calendars.list_calendars()}
    microsoft.add_event(one, "Here", SPAN)
    here, cursor = listing(calendars, one)
    assert (len(here), listing(calendars, two)[0]) == (1, {})
    with pytest.raises(CursorExpired):
        calendars.fetch_page(two, After(cursor))
    for calendar in (one, two):
        push.subscribe(calendar, subscription_id=f"sub {calendar[-5]}", address=ADDRESS, token="t")
    assert len(microsoft.world.subscriptions) == 2


# --- notifications, through the real receiver -------------------------------------------------------------------------


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What the receiver answers to a POST; `sent` on it holds the calendars for which it queued a job."""
    sent: list[str] = []
    monkeypatch.setattr(receiver, "read_keyring", lambda *_: KEYRING)
    monkeypatch.setattr(receiver, "_settings", lambda: SimpleNamespace(notification_keys_secret="keys"))
    queue = SimpleNamespace(send=lambda job: sent.append(job.calendar_id))
    monkeypatch.setattr(receiver, "_queue", lambda: queue)

    def post(
        query: Mapping[str, str], body: str = "", *, provider: str = "microsoft", headers: Mapping[str, str] = {}
    ) -> dict[str, Any]:
        event = {"pathParameters": {"provider": provider}, "headers": dict(headers)}
        return receiver.lambda_handler(event | {"queryStringParameters": dict(query) or None, "body": body}, None)

    post.sent = sent  # type: ignore[attr-defined]
    return post


MARKUP = [
    "<script>alert(document.domain)</script>",
    '"><img src=x onerror=alert(1)>',
    "Validation: Testing client application reachability for subscription Request-Id: 1 +%2B",
    "a\r\nSet-Cookie: b=c",
    "ä 🦊",
]


@pytest.mark.parametrize("token", MARKUP)
def test_a_validation_token_with_markup_comes_back_as_text_and_nothing_else(
    received: Callable[..., dict[str, Any]], token: str
) -> None:
    answer = received({"validationToken": token})
    assert (answer["statusCode"], answer["body"]) == (200, token)
    assert answer["headers"]["content-type"].partition(";")[0] == "text/plain"
    assert token not in json.dumps(answer["headers"])


@pytest.mark.parametrize("token", MARKUP)
def test_nobody_elses_address_echoes_a_validation_token(received: Callable[..., dict[str, Any]], token: str) -> None:
    answer = received({"validationToken": token}, provider="google")
    assert (answer["statusCode"], answer["body"]) == (403, "")


def test_the_handshake_and_each_notification_pass_the_real_receiver(
    push: PushApi,
    microsoft: MicrosoftStage,
    received: Callable[..., dict[str, Any]],
) -> None:
    def deliver(request: PushRequest) -> PushReply:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        answer = received(query, request.body.decode(), headers=request.headers)
        kind = answer.get("headers", {}).get("content-type", "")
        return PushReply(answer["statusCode"], str(answer["body"]).encode(), kind)

    microsoft.endpoint = deliver
    push.subscribe(
        microsoft.main, subscription_id="sub-1", address=ADDRESS, token=token_for(CALENDAR, "sub-1", KEYRING)
    )
    microsoft.add_event(microsoft.main, "Dentist", SPAN)
    microsoft.control("lifecycle", event="missed")
    assert received.sent == [CALENDAR, CALENDAR]  # type: ignore[attr-defined]


def test_a_notification_for_a_subscription_that_is_gone_says_look_and_vouches_for_no_other(
    push: PushApi, microsoft: MicrosoftStage
) -> None:
    old = push.subscribe(
        microsoft.main, subscription_id="sub-1", address=ADDRESS, token=token_for(CALENDAR, "sub-1", KEYRING)
    )
    microsoft.add_event(microsoft.main, "Dentist", SPAN)
    microsoft.control("expire_subscriptions", told=True)
    late, removed = microsoft.notifications()
    for request in (late, removed):
        assert accept("microsoft", request, KEYRING).calendar_ids == (CALENDAR,)
        moved = HttpRequest(request.headers, {"subscription": "sub-2"}, request.body)
        assert accept("microsoft", moved, KEYRING).refused == 1
    assert (push.renew(old), push.unsubscribe(old)) == (None, False)
    push.subscribe(
        microsoft.main, subscription_id="sub-2", address=ADDRESS, token=token_for(CALENDAR, "sub-2", KEYRING)
    )
    microsoft.add_event(microsoft.main, "Dentist", SPAN)
    (request,) = microsoft.notifications()
    assert accept("microsoft", request, KEYRING).calendar_ids == (CALENDAR,)
