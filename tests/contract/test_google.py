"""What only Google has: quotas by user, types of events, guests' own remarks, invitations, what each call costs."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

import json
import re
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import trustme

from shared.config import GoogleSettings
from shared.errors import ConnectionRevoked, EventRejected, RetryLater
from shared.model import (
    CANCELLED,
    Attendee,
    Content,
    Privacy,
    RemoteEvent,
    Response,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers import open_provider
from shared.providers.base import After, CalendarApi, CopyChange, FromStart, NewCopy, OccurrenceChange, Provider
from tests.contract.google_stage import CLIENT, GoogleStage

BERLIN = "Europe/Berlin"
SPAN = Span(ZonedTime(datetime(2027, 3, 1, 9), BERLIN), ZonedTime(datetime(2027, 3, 1, 10), BERLIN))
START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
SECOND = "20270308T080000Z"


@pytest.fixture
def calendars(google: GoogleStage) -> CalendarApi:
    return google.session().calendars


def make(api: CalendarApi, google: GoogleStage, content: Content, lines: tuple[str, ...] = ()) -> RemoteEvent:
    return api.create(google.main, NewCopy(tag="ev-1", key="key-1", series=Series(content, lines)))


def read(api: CalendarApi, google: GoogleStage, remote_id: str) -> Content:
    found = api.fetch_event(google.main, remote_id)
    assert found is not None
    assert found.content is not None
    return found.content


def test_the_consent_asks_for_two_rights_and_for_no_earlier_ones_along_with_them(google: GoogleStage) -> None:
    begun = google.provider().authorizer().begin(redirect_uri=google.redirect_uri, state="s", login_hint="")
    asked = dict(parse_qsl(urlsplit(begun.authorization_url).query))
    assert asked["scope"].split() == [
        "openid",
        "email",
        "https://www.googleapis.com/auth/calendar.events",
        "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
    ]
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent select_account")
    assert not {"include_granted_scopes", "login_hint"} & set(asked)


def test_a_server_that_does_not_say_who_signed_in_is_asked_for_the_main_calendar(google: GoogleStage) -> None:
    authorizer = google.provider().authorizer()
    begun = authorizer.begin(redirect_uri=google.redirect_uri, state="s", login_hint="")
    scopes = parse_qs(urlsplit(begun.authorization_url).query)["scope"][0].split()
    without_sign_in = " ".join(scope for scope in scopes if "/" in scope)
    query = google.consent(begun.authorization_url, changes={"scope": without_sign_in})
    assert authorizer.complete(begun.flow, query).account.id == google.main


@pytest.mark.parametrize("quota_user", ["mailbox-7", "m" * 40, "m" * 41])
def test_every_call_is_counted_for_its_mailbox_and_not_for_the_product(google: GoogleStage, quota_user: str) -> None:
    session = google.provider().open(google.secret(), quota_user=quota_user, privacy=Privacy.FULL)
    api = session.calendars
    made = make(api, google, Content(span=SPAN), ("RRULE:FREQ=WEEKLY",))
    api.list_calendars()
    api.fetch_page(google.main, START)
    api.fetch_event(google.main, made.remote_id, (SECOND,))
    api.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields={"title": "x"}))
    api.delete(google.main, made.remote_id, "")
    assert session.push is not None
    channel = session.push.subscribe(google.main, subscription_id="s1", address="https://x.example", token="t")
    session.push.unsubscribe(channel)
    (user,) = google.world.spent
    assert len(user) <= 40
    assert user == quota_user or len(quota_user) > 40


def test_a_user_over_the_limit_waits_although_the_client_could_go_on(google: GoogleStage) -> None:
    google.world.settings.calls_per_minute = 2
    api = google.session().calendars
    api.list_calendars()
    api.list_calendars()
    with pytest.raises(RetryLater) as caught:
        api.list_calendars()
    assert not caught.value.park


def test_birthdays_and_working_places_are_no_appointments_and_never_turn_up(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    whole: dict[str, Any] = {"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-02"}}
    place = {"type": "homeOffice", "homeOffice": {}}
    away = google.control(f"calendars/{google.main}/events", eventType="outOfOffice", **_times(), summary="Away")["id"]
    google.control(
        f"calendars/{google.main}/events", eventType="workingLocation", workingLocationProperties=place, **whole
    )
    page = calendars.fetch_page(google.main, START)
    assert [one.remote_id for one in page.changes] == [away]
    later = calendars.fetch_page(google.main, After(page.next.cursor))
    assert later.changes == ()


def _times() -> dict[str, Any]:
    return {
        "start": {"dateTime": "2027-03-01T09:00:00+01:00", "timeZone": BERLIN},
        "end": {"dateTime": "2027-03-01T10:00:00+01:00", "timeZone": BERLIN},
    }


def test_an_id_is_what_google_takes_and_the_mark_lies_on_our_calendars_copy_alone(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    made = make(calendars, google, Content(span=SPAN))
    assert re.fullmatch(r"[a-v0-9]{52}", made.remote_id)
    (seen,) = google.events(google.main)
    assert seen.record["extendedProperties"] == {"private": {"lockstepEvent": "ev-1"}}


def test_a_copy_that_was_deleted_too_often_is_given_up_and_said_so(calendars: CalendarApi, google: GoogleStage) -> None:
    for _ in range(8):
        google.delete(google.main, make(calendars, google, Content(span=SPAN)).remote_id)
    with pytest.raises(EventRejected) as caught:
        make(calendars, google, Content(span=SPAN))
    assert caught.value.code == "deleted_too_often"
    assert calendars.find_copy(google.main, "key-1") is None


def test_contention_at_an_insert_is_not_taken_for_a_copy_that_exists(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    google.fault(kind="conflict", match="events.insert")
    with pytest.raises(RetryLater):
        make(calendars, google, Content(span=SPAN))
    assert google.events(google.main) == []


def test_a_refused_event_is_sent_once_and_not_as_another_copy(calendars: CalendarApi, google: GoogleStage) -> None:
    before = google.calls()
    with pytest.raises(EventRejected) as caught:
        make(calendars, google, Content(span=Span(SPAN.end, SPAN.start)))
    assert (caught.value.code, google.calls() - before) == ("timeRangeEmpty", 1)


def test_a_guests_remark_outlives_our_edit_of_the_guests(calendars: CalendarApi, google: GoogleStage) -> None:
    made = make(calendars, google, Content(span=SPAN, attendees=(Attendee("a@example.com"),)))
    remark = {"email": "a@example.com", "responseStatus": "accepted", "comment": "late", "additionalGuests": 1}
    google.edit(google.main, made.remote_id, attendees=[remark])
    guests = (Attendee("a@example.com", response=Response.ACCEPTED), Attendee("b@example.com"))
    updated = calendars.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields={"attendees": guests}))
    assert updated.content is not None
    assert updated.content.attendees == guests
    (seen,) = google.events(google.main)
    assert seen.record["attendees"][0] == remark


def test_what_we_do_not_know_of_an_event_outlives_our_edit(calendars: CalendarApi, google: GoogleStage) -> None:
    made = make(calendars, google, Content(span=SPAN))
    google.edit(google.main, made.remote_id, colorId="7", guestsCanModify=True, source={"url": "https://x.example"})
    fields = {"title": "x", "span": Span(SPAN.start, SPAN.start), "show_as": ShowAs.FREE}
    calendars.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields=fields))
    (seen,) = google.events(google.main)
    assert (seen.record["colorId"], seen.record["guestsCanModify"]) == ("7", True)
    assert seen.record["source"] == {"url": "https://x.example"}


def test_a_guest_may_not_move_somebody_elses_event_and_is_told_so(calendars: CalendarApi, google: GoogleStage) -> None:
    invitation = google.control(
        f"calendars/{google.main}/events",
        **_times(),
        organizer={"email": "boss@example.com"},
        attendees=[{"email": google.main}, {"email": "boss@example.com"}],
    )["id"]
    with pytest.raises(EventRejected) as caught:
        calendars.update(google.main, CopyChange(remote_id=invitation, etag="", fields={"title": "Ours"}))
    assert caught.value.code == "forbiddenForNonOrganizer"


def test_an_invitation_that_was_declined_leaves_the_time_free(calendars: CalendarApi, google: GoogleStage) -> None:
    invitation = google.control(
        f"calendars/{google.main}/events",
        **_times(),
        organizer={"email": "boss@example.com"},
        attendees=[{"email": google.main, "responseStatus": "declined"}, {"email": "boss@example.com"}],
    )["id"]
    assert read(calendars, google, invitation).show_as is ShowAs.FREE


def test_going_back_to_the_default_reminder_is_taken(calendars: CalendarApi, google: GoogleStage) -> None:
    made = make(calendars, google, Content(span=SPAN, reminders=()))
    google.edit(google.main, made.remote_id, reminders={"useDefault": False, "overrides": [_popup(5), _popup(9)]})
    calendars.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields={"reminders": None}))
    assert read(calendars, google, made.remote_id).reminders is None


def _popup(minutes: int) -> dict[str, object]:
    return {"method": "popup", "minutes": minutes}


def test_a_stricter_occurrence_makes_the_whole_series_private_and_is_withheld(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    made = make(calendars, google, Content(span=SPAN, title="biopsy"), ("RRULE:FREQ=WEEKLY;COUNT=4",))
    google.edit(google.main, f"{made.remote_id}_{SECOND}", visibility="private")
    for change in calendars.fetch_page(google.main, START).changes:
        assert "biopsy" not in repr(change)
    assert read(calendars, google, made.remote_id).visibility is Visibility.PRIVATE


def test_a_token_that_google_refuses_although_it_is_fresh_is_google_in_trouble(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    google.fault(kind="unauthorized", match="events.list", times=2)
    with pytest.raises(RetryLater) as caught:
        calendars.fetch_page(google.main, START)
    assert caught.value.code == "token_refused"
    assert caught.value.__cause__ is None
    secret = calendars.secret() or b""
    since = json.loads(secret)["refused_since"]
    calendars.fetch_page(google.main, START)
    assert "refused_since" not in json.loads(calendars.secret() or b"")
    google.fault(kind="unauthorized", match="events.list", times=2)
    an_hour_ago = secret.replace(since.encode(), b"2026-01-01T00:00:00+00:00")
    with pytest.raises(ConnectionRevoked):
        google.session(secret=an_hour_ago).calendars.fetch_page(google.main, START)


def test_an_answer_that_broke_off_is_not_taken_for_an_empty_calendar(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    google.fault(kind="fields_missing", match="events.list")
    with pytest.raises(RetryLater):
        calendars.fetch_page(google.main, START)


def test_an_answer_without_fields_is_not_taken_for_a_copy(calendars: CalendarApi, google: GoogleStage) -> None:
    made = make(calendars, google, Content(span=SPAN))
    for method in ("events.get", "events.patch"):
        google.fault(kind="fields_missing", match=method)
    with pytest.raises(EventRejected):
        calendars.fetch_event(google.main, made.remote_id)
    with pytest.raises(EventRejected):
        calendars.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields={"title": "x"}))


def test_an_occurrence_that_changes_alone_costs_no_look_at_its_series(
    calendars: CalendarApi, google: GoogleStage
) -> None:
    made = make(calendars, google, Content(span=SPAN), ("RRULE:FREQ=WEEKLY;COUNT=4",))
    page = calendars.fetch_page(google.main, START)
    google.cancel_occurrence(google.main, made.remote_id, SECOND)
    before = google.calls()
    (event,) = calendars.fetch_page(google.main, After(page.next.cursor)).changes
    assert isinstance(event, RemoteEvent)
    assert (event.content, google.calls() - before) == (None, 1)


def test_an_id_of_a_channel_that_is_in_use_is_tried_again_with_another(google: GoogleStage) -> None:
    push = google.session().push
    assert push is not None
    for error in (nullcontext(), pytest.raises(RetryLater)):
        with error:
            push.subscribe(google.main, subscription_id="sub-1", address="https://x.example", token="t")


def test_each_operation_costs_no_more_calls_than_it_must(calendars: CalendarApi, google: GoogleStage) -> None:
    made = make(calendars, google, Content(span=SPAN), ("RRULE:FREQ=WEEKLY;COUNT=4",))
    page = calendars.fetch_page(google.main, START)
    occurrence_id = f"{made.remote_id}_{SECOND}"

    def update(**fields: object) -> None:
        calendars.update(google.main, CopyChange(remote_id=made.remote_id, etag="", fields=fields))

    def update_occurrence(change: object, known: str) -> None:
        calendars.update_occurrence(
            google.main,
            OccurrenceChange(
                remote_id=made.remote_id,
                original_start=SECOND,
                occurrence_id=known,
                etag="",
                change=change,  # type: ignore[arg-type]
            ),
        )

    costs: list[tuple[int, Callable[[], object]]] = [
        (1, lambda: calendars.create(google.main, NewCopy(tag="b", key="b", series=Series(Content(span=SPAN))))),
        (1, lambda: calendars.fetch_page(google.main, After(page.next.cursor))),
        (1, lambda: calendars.fetch_event(google.main, made.remote_id)),
        (2, lambda: calendars.fetch_event(google.main, made.remote_id, (SECOND,))),
        (1, lambda: update(title="x", span=SPAN)),
        (2, lambda: update(attendees=(Attendee("a@example.com"),))),
        (1, lambda: update_occurrence({"title": "x"}, occurrence_id)),
        (2, lambda: update_occurrence(CANCELLED, "")),
        (1, lambda: calendars.delete(google.main, made.remote_id, "")),
        (1, calendars.list_calendars),
    ]
    for cost, call in costs:
        before = google.calls()
        call()
        assert google.calls() - before == cost


def test_a_simulator_behind_tls_is_trusted_by_its_own_authority_and_by_no_other(
    google: GoogleStage, tmp_path: Path
) -> None:
    authorities = [trustme.CA() for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authorities[0].issue_cert("localhost").configure_cert(context)
    with google.behind_tls(context) as url:
        outcomes = []
        for number, authority in enumerate(authorities):
            authority.cert_pem.write_to_path(str(tmp_path / f"{number}.pem"))
            settings = GoogleSettings(
                google_client_secret="unused",
                google_accounts_url=f"{url}/",
                google_oauth_url=f"{url}/",
                google_api_url=f"{url}/",
                provider_ca_file=str(tmp_path / f"{number}.pem"),
            )
            provider = open_provider("google", settings, CLIENT)
            outcomes.append(_reached(google, provider))
    assert outcomes == [("connected", "listed", "revoked"), ("RetryLater", "RetryLater", "failed")]


def _reached(google: GoogleStage, provider: Provider) -> tuple[str, str, str]:
    authorizer = provider.authorizer()
    begun = authorizer.begin(redirect_uri=google.redirect_uri, state="s", login_hint="")
    query = google.consent(begun.authorization_url)
    secret = google.secret()
    try:
        secret = authorizer.complete(begun.flow, query).secret
        consent = "connected"
    except RetryLater:
        consent = "RetryLater"
    google.expire_access_tokens()
    try:
        provider.open(secret, quota_user="m", privacy=Privacy.FULL).calendars.list_calendars()
        listed = "listed"
    except RetryLater:
        listed = "RetryLater"
    return consent, listed, authorizer.revoke(secret).value
