"""What only Graph has: a window cut into occurrences, links to follow, versions nobody vouches for, mails."""

# ruff: noqa: DTZ001 (a wall-clock time is naive by definition)

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from shared.errors import ConnectionRevoked, CursorExpired, EventRejected, NotWatchable, RetryLater, VersionConflict
from shared.model import (
    CANCELLED,
    CONTENT_FIELDS,
    Attendee,
    Change,
    Complete,
    Content,
    Policy,
    Reminder,
    RemoteEvent,
    Removed,
    Series,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.providers.base import After, CalendarApi, CopyChange, FromStart, NewCopy, OccurrenceChange
from shared.providers.microsoft import convert, cursor
from tests.contract.microsoft_stage import MicrosoftStage

BERLIN = "Europe/Berlin"
START = FromStart(datetime(2027, 1, 1, tzinfo=UTC))
WEEKLY = ("RRULE:FREQ=WEEKLY;COUNT=8",)
SECOND, THIRD, FOURTH = "20270308T080000Z", "20270315T080000Z", "20270322T080000Z"


def hours(day: int, first: int, last: int, *, zone: str = BERLIN) -> Span:
    return Span(ZonedTime(datetime(2027, 3, day, first), zone), ZonedTime(datetime(2027, 3, day, last), zone))


SPAN = hours(1, 9, 10)
SERIES = Series(Content(span=SPAN, title="Yoga"), WEEKLY)


def listing(api: CalendarApi, calendar: str, cursor_text: str = "") -> tuple[list[Change], str]:
    changes: list[Change] = []
    page = api.fetch_page(calendar, After(cursor_text) if cursor_text else START)
    while True:
        changes.extend(page.changes)
        if isinstance(page.next, Complete):
            return changes, page.next.cursor
        page = api.fetch_page(calendar, After(page.next.cursor))


def make(api: CalendarApi, stage: MicrosoftStage, series: Series, policy: Policy = Policy()) -> RemoteEvent:  # noqa: B008
    return api.create(stage.main, NewCopy(tag="ev-1", key="key-1", series=api.project(series, policy)))


def update(api: CalendarApi, stage: MicrosoftStage, remote: RemoteEvent, **fields: object) -> RemoteEvent:
    return api.update(stage.main, CopyChange(remote_id=remote.remote_id, etag="", fields=fields))


def occurrence(api: CalendarApi, stage: MicrosoftStage, remote: RemoteEvent, key: str, to: Any) -> Any:
    return api.update_occurrence(
        stage.main,
        OccurrenceChange(remote_id=remote.remote_id, original_start=key, occurrence_id="", etag="", change=to),
    )


def overrides(api: CalendarApi, stage: MicrosoftStage, remote: RemoteEvent) -> dict[str, Any]:
    found = api.fetch_event(stage.main, remote.remote_id)
    assert found is not None
    return {key: item.value for key, item in found.overrides.items()}


# --- the window and its cursor -------------------------------------------------------------------------------------


def test_a_window_whose_end_is_near_expires_before_anything_is_missed(
    calendars: CalendarApi, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, after = listing(calendars, microsoft.main)
    now = datetime.now(UTC)
    monkeypatch.setattr("shared.providers.microsoft.calendar.utc_now", lambda: now + timedelta(days=300))
    listing(calendars, microsoft.main, after)
    monkeypatch.setattr("shared.providers.microsoft.calendar.utc_now", lambda: now + timedelta(days=450))
    before = microsoft.calls()
    with pytest.raises(CursorExpired) as caught:
        calendars.fetch_page(microsoft.main, After(after))
    assert (caught.value.code, microsoft.calls()) == ("window_ends", before)
    rolled = json.loads(listing(calendars, microsoft.main)[1])
    assert datetime.fromisoformat(rolled["e"]) > now + timedelta(days=900)


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/x", "http://graph.microsoft.com/v1.0/x", "/beta/x", "x"])
def test_a_link_to_a_foreign_host_is_never_followed(
    calendars: CalendarApi, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    answer = requests.Response()
    answer.status_code = 200
    answer._content = json.dumps({"value": [], "@odata.nextLink": link}).encode()
    asked: list[str] = []
    monkeypatch.setattr("requests.Session.request", lambda self, method, url, **_: asked.append(url) or answer)
    with pytest.raises(CursorExpired):
        calendars.fetch_page(microsoft.main, START)
    assert all(url.startswith(microsoft.url) for url in asked)


def test_a_cursor_never_leads_to_another_address(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    _, after = listing(calendars, microsoft.main)
    forged = json.loads(after)
    for link in ("https://evil.example/calendarView/delta", "@evil.example/calendarView/delta", "/me", ""):
        with pytest.raises(CursorExpired):
            calendars.fetch_page(microsoft.main, After(json.dumps(forged | {"l": link})))


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "SyncStateNotFound"), (404, "syncStateNotFound"), (400, "syncStateInvalid"), (410, "resyncRequired")],
)
def test_a_lost_sync_state_asks_for_a_snapshot_whatever_its_status(
    calendars: CalendarApi, microsoft: MicrosoftStage, status: int, code: str
) -> None:
    microsoft.world.settings.sync_lost_status, microsoft.world.settings.sync_lost_code = status, code
    _, after = listing(calendars, microsoft.main)
    microsoft.expire_cursors()
    with pytest.raises(CursorExpired):
        calendars.fetch_page(microsoft.main, After(after))


def test_an_answer_that_broke_off_is_not_taken_for_an_empty_calendar(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="fields_missing", match="calendarView.delta")
    with pytest.raises(RetryLater):
        calendars.fetch_page(microsoft.main, START)
    microsoft.fault(kind="fields_missing", match="calendars.list")
    with pytest.raises(RetryLater):
        calendars.list_calendars()


# --- series out of occurrences --------------------------------------------------------------------------------------


@pytest.mark.parametrize("brings_series", [True, False])
@pytest.mark.parametrize("told", ["series", "removed"])
def test_a_series_comes_whole_however_delta_cuts_it(
    calendars: CalendarApi, microsoft: MicrosoftStage, told: Any, brings_series: bool
) -> None:
    microsoft.world.settings.deleted_occurrence = told
    microsoft.world.settings.exception_brings_series = brings_series
    remote_id = microsoft.add_event(microsoft.main, "Yoga", SPAN, recurrence=list(WEEKLY))
    listed, after = listing(calendars, microsoft.main)
    assert [one.remote_id for one in listed] == [remote_id]
    microsoft.move_occurrence(microsoft.main, remote_id, SECOND, hours(9, 15, 16))
    changed, after = listing(calendars, microsoft.main, after)
    events = [one for one in changed if isinstance(one, RemoteEvent)]
    assert {one.remote_id for one in events} == {remote_id}
    moved = events[-1].overrides[SECOND].value
    assert isinstance(moved, Content)
    assert moved.span == hours(9, 15, 16)
    microsoft.cancel_occurrence(microsoft.main, remote_id, THIRD)
    changed, _ = listing(calendars, microsoft.main, after)
    events = [one for one in changed if isinstance(one, RemoteEvent)]
    assert events[-1].overrides[THIRD].value is CANCELLED
    assert events[-1].recurrence == WEEKLY
    assert not any(isinstance(one, Removed) and one.remote_id == remote_id for one in changed)


@pytest.mark.parametrize("removed", ["master", "all"])
def test_a_deleted_series_is_proven_gone(calendars: CalendarApi, microsoft: MicrosoftStage, removed: Any) -> None:
    microsoft.world.settings.removed_series = removed
    remote_id = microsoft.add_event(microsoft.main, "Yoga", SPAN, recurrence=list(WEEKLY))
    _, after = listing(calendars, microsoft.main)
    microsoft.delete(microsoft.main, remote_id)
    changed, _ = listing(calendars, microsoft.main, after)
    assert Removed(remote_id) in changed
    assert all(isinstance(one, Removed) for one in changed)


def test_what_only_left_the_window_is_not_deleted(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    remote_id = microsoft.add_event(microsoft.main, "Later", SPAN)
    _, after = listing(calendars, microsoft.main)
    far = {"dateTime": "2033-01-01T09:00:00", "timeZone": "UTC"}
    microsoft.edit(microsoft.main, remote_id, start=far, end=far)
    (change,) = listing(calendars, microsoft.main, after)[0]
    assert isinstance(change, RemoteEvent)
    assert change.content is not None
    assert change.content.span.start == ZonedTime(datetime(2033, 1, 1, 9), "UTC")


def test_where_deleted_occurrences_are_not_told_the_rule_is_compared_with_what_is_there(
    calendars: CalendarApi, microsoft: MicrosoftStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote_id = microsoft.add_event(microsoft.main, "Yoga", SPAN, recurrence=list(WEEKLY))
    microsoft.cancel_occurrence(microsoft.main, remote_id, THIRD)
    microsoft.move_occurrence(microsoft.main, remote_id, SECOND, hours(9, 15, 16))
    expected = calendars.fetch_event(microsoft.main, remote_id)
    without = {"_expand": f"singleValueExtendedProperties($filter=id eq '{convert.TAG}')"}
    monkeypatch.setattr("shared.providers.microsoft.records._WHOLE", without)
    assert calendars.fetch_event(microsoft.main, remote_id) == expected
    assert expected is not None
    assert set(expected.overrides) == {SECOND, THIRD}


def test_excluded_dates_are_deleted_occurrences_there_and_excluded_dates_again_here(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    lines = (*WEEKLY, f"EXDATE:{SECOND},{THIRD}")
    made = make(calendars, microsoft, Series(SERIES.content, lines))
    assert made.recurrence == lines
    assert made.overrides == {}
    shorter = update(calendars, microsoft, made, recurrence=(*WEEKLY, f"EXDATE:{SECOND},{THIRD},{FOURTH}"))
    assert shorter.recurrence == (*WEEKLY, f"EXDATE:{SECOND},{THIRD},{FOURTH}")
    assert overrides(calendars, microsoft, made) == {}


def test_a_changed_rule_costs_no_exception_and_no_deletion(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    """Exchange forgets both when a rule is written."""
    made = make(calendars, microsoft, SERIES)
    occurrence(calendars, microsoft, made, SECOND, {"title": "Moved", "span": hours(9, 15, 16)})
    occurrence(calendars, microsoft, made, THIRD, CANCELLED)
    before = overrides(calendars, microsoft, made)
    longer = update(calendars, microsoft, made, recurrence=("RRULE:FREQ=WEEKLY;COUNT=12",))
    assert longer.recurrence == ("RRULE:FREQ=WEEKLY;COUNT=12",)
    assert overrides(calendars, microsoft, made) == before
    assert {key: item.value for key, item in longer.overrides.items()} == before


def test_a_series_that_moves_takes_its_weekday_along(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    made = make(calendars, microsoft, SERIES)
    moved = update(calendars, microsoft, made, span=hours(2, 11, 12))
    assert (moved.recurrence, moved.content and moved.content.span) == (WEEKLY, hours(2, 11, 12))
    (seen,) = microsoft.events(microsoft.main)
    assert seen.record["recurrence"]["pattern"]["daysOfWeek"] == ["tuesday"]
    assert seen.record["recurrence"]["range"]["startDate"] == "2027-03-02"


def test_a_rule_that_outlook_lacks_is_refused_in_plain_words_and_nothing_is_written(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    with pytest.raises(EventRejected) as caught:
        make(calendars, microsoft, Series(SERIES.content, ("RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15",)))
    assert caught.value.code == "unsupported_recurrence"
    assert "several days of the month" in caught.value.sentence
    assert microsoft.events(microsoft.main) == []


def test_an_occurrence_cannot_pass_its_neighbour_and_the_reason_is_told(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = make(calendars, microsoft, SERIES)
    with pytest.raises(EventRejected, match="past the one before or after"):
        occurrence(calendars, microsoft, made, SECOND, {"span": hours(20, 9, 10)})


def test_a_deleted_occurrence_cannot_be_brought_back_and_deleting_it_again_is_fine(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = make(calendars, microsoft, SERIES)
    first = occurrence(calendars, microsoft, made, SECOND, CANCELLED)
    assert occurrence(calendars, microsoft, made, SECOND, CANCELLED) == first
    with pytest.raises(EventRejected) as caught:
        occurrence(calendars, microsoft, made, SECOND, {"title": "Back"})
    assert caught.value.code == "occurrence_gone"


def test_an_occurrence_of_whole_days_is_known_by_its_day_in_its_own_zone(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    sydney = {"timeZone": "AUS Eastern Standard Time"}
    pattern = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "noEnd", "startDate": "2027-03-01"},
    }
    remote_id = microsoft.control(
        f"{microsoft._path(microsoft.main)}/events?ids=immutable",
        subject="Leave",
        isAllDay=True,
        start=sydney | {"dateTime": "2027-03-01T00:00:00"},
        end=sydney | {"dateTime": "2027-03-02T00:00:00"},
        recurrence=pattern,
    )["id"]
    microsoft.control(f"{microsoft._path(microsoft.main, remote_id)}/occurrences/2027-03-08", method="DELETE")
    microsoft.control(
        f"{microsoft._path(microsoft.main, remote_id)}/occurrences/2027-03-15", method="PATCH", subject="Other"
    )
    found = calendars.fetch_event(microsoft.main, remote_id, ("20270322",))
    assert found is not None
    assert found.content is not None
    assert found.content.span == Span(date(2027, 3, 1), date(2027, 3, 2))
    assert set(found.overrides) == {"20270308", "20270315", "20270322"}


# --- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("named", [True, False])
def test_a_repeated_transaction_finds_the_first_copy_however_it_is_refused(
    calendars: CalendarApi, microsoft: MicrosoftStage, status: int, named: bool
) -> None:
    microsoft.world.settings.duplicate_transaction_status = status
    microsoft.world.settings.duplicate_transaction_names_event = named
    first = make(calendars, microsoft, SERIES)
    assert make(microsoft.session().calendars, microsoft, SERIES) == first
    microsoft.delete(microsoft.main, first.remote_id)
    second = make(calendars, microsoft, SERIES)
    assert second.remote_id != first.remote_id
    assert make(microsoft.session().calendars, microsoft, SERIES) == second
    assert len(microsoft.events(microsoft.main)) == 1


def test_a_copy_that_was_moved_to_another_calendar_is_not_found_in_the_old_one(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = make(calendars, microsoft, SERIES)
    other = microsoft.add_calendar("Other")
    microsoft.control(f"{microsoft._path(microsoft.main, made.remote_id)}/move", destination=other)
    assert calendars.find_copy(microsoft.main, "key-1") is None
    assert calendars.fetch_event(microsoft.main, made.remote_id) is None


def test_our_own_copy_is_known_in_a_listing_by_a_session_that_never_met_it(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    vienna = Series(Content(span=hours(1, 9, 10, zone="Europe/Vienna")))
    made = make(calendars, microsoft, vienna)
    fresh = microsoft.session().calendars
    (listed,) = listing(fresh, microsoft.main)[0]
    assert isinstance(listed, RemoteEvent)
    assert listed.tag == "ev-1"
    assert fresh.owns("key-1", listed)
    assert (
        listed.content
        == made.content
        == vienna.content.__class__(span=hours(1, 9, 10, zone="Europe/Vienna"), reminders=(Reminder(15),))
    )


def test_a_body_that_outlook_wraps_is_no_change_and_a_text_that_did_not_change_is_not_written(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = make(calendars, microsoft, Series(Content(span=SPAN, description="One\n\n  Two <b>&amp;</b>")))
    found = calendars.fetch_event(microsoft.main, made.remote_id)
    assert found is not None
    assert found.content == made.content
    (before,) = microsoft.events(microsoft.main)
    update(calendars, microsoft, made, title="x")
    (after,) = microsoft.events(microsoft.main)
    assert after.record["body"] == before.record["body"]


def test_an_online_meeting_survives_a_changed_description(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    remote_id = microsoft.add_event(microsoft.main, "Call", SPAN)
    microsoft.edit(microsoft.main, remote_id, isOnlineMeeting=True)
    update(calendars, microsoft, RemoteEvent(remote_id=remote_id), description="Ours", title="Ours")
    (seen,) = microsoft.events(microsoft.main)
    assert (seen.title, seen.record["isOnlineMeeting"]) == ("Ours", True)


# --- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("if_match", ["honoured", "ignored"])
def test_a_version_counts_whether_the_server_honours_it_or_not(
    calendars: CalendarApi, microsoft: MicrosoftStage, if_match: Any
) -> None:
    microsoft.world.settings.if_match = if_match
    made = make(calendars, microsoft, SERIES)
    held = occurrence(calendars, microsoft, made, SECOND, {"title": "Ours"})
    microsoft.retitle(microsoft.main, made.remote_id, "Theirs")
    microsoft.retitle(microsoft.main, held.remote_id, "Theirs too")
    writes: list[Callable[[], object]] = [
        lambda: calendars.update(
            microsoft.main, CopyChange(remote_id=made.remote_id, etag=made.etag, fields={"title": "x"})
        ),
        lambda: calendars.delete(microsoft.main, made.remote_id, made.etag),
    ]
    changes: list[Any] = [{"title": "x"}, CANCELLED]
    for change in changes:
        wanted = OccurrenceChange(
            remote_id=made.remote_id,
            original_start=SECOND,
            occurrence_id=held.remote_id,
            etag=held.etag,
            change=change,
        )
        writes.append(lambda wanted=wanted: calendars.update_occurrence(microsoft.main, wanted))  # type: ignore[misc]
    for write in writes:
        with pytest.raises(VersionConflict):
            write()
    assert [one.title for one in microsoft.events(microsoft.main)] == ["Theirs"]


def test_a_version_that_moves_between_our_look_and_our_write_is_a_conflict(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    made = make(calendars, microsoft, SERIES)
    microsoft.fault(kind="stale", match="events.update")
    with pytest.raises(VersionConflict):
        update(calendars, microsoft, made, title="x")


# --- people --------------------------------------------------------------------------------------------------------


def test_nobody_is_mailed_as_long_as_the_connection_invites_nobody(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    guests = (Attendee("a@example.com"), Attendee("b@example.com"))
    made = make(calendars, microsoft, Series(Content(span=SPAN, attendees=guests), WEEKLY))
    projected = calendars.project(Series(Content(span=hours(1, 8, 9), attendees=guests[:1]), WEEKLY), Policy())
    whole = {name: getattr(projected.content, name) for name in CONTENT_FIELDS}
    moved = update(calendars, microsoft, made, **whole)
    occurrence(calendars, microsoft, moved, "20270308T070000Z", {"span": hours(9, 8, 9), "attendees": ()})
    occurrence(calendars, microsoft, moved, "20270315T070000Z", CANCELLED)
    calendars.delete(microsoft.main, made.remote_id, "")
    assert microsoft.mails() == 0


def test_guests_whom_somebody_invited_there_are_not_sent_away_by_our_empty_list(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    remote_id = microsoft.add_event(microsoft.main, "Team", SPAN, guests=["a@example.com"])
    microsoft.control("mails", method="DELETE")
    update(calendars, microsoft, RemoteEvent(remote_id=remote_id), attendees=())
    (seen,) = microsoft.events(microsoft.main)
    assert len(seen.record["attendees"]) == 1
    assert microsoft.mails() == 0


def test_a_connection_that_invites_sends_its_guests(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    guests = (Attendee("a@example.com", "Anna"), Attendee("b@example.com", optional=True))
    policy = Policy(invite_attendees=True)
    made = make(calendars, microsoft, Series(Content(span=SPAN, attendees=guests)), policy)
    assert made.content is not None
    assert made.content.attendees == guests
    assert microsoft.mails() == 2


def test_a_shared_calendar_without_the_right_to_it_is_gone_and_not_empty(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    push = microsoft.session().push
    assert push is not None
    owner = microsoft.world.add_account("boss@example.com")
    alias = microsoft.world.share_calendar(microsoft.world.default_calendar(owner.email).id, microsoft.account_name)
    with pytest.raises(NotWatchable):
        push.subscribe(alias, subscription_id="s", address="https://hooks.example.com/x", token="t")


def test_a_cancelled_meeting_does_not_take_place(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    remote_id = microsoft.add_event(microsoft.main, "Team", SPAN)
    token = microsoft.world.immutable_index[remote_id.removesuffix("EQAA")[-24:]]
    calendar = microsoft.world.calendars[microsoft.world.event_index[token]]
    calendar.events[token].cancelled = True
    assert listing(calendars, microsoft.main)[0] == [Removed(remote_id)]
    assert calendars.fetch_event(microsoft.main, remote_id) is None


# --- sign-in while working -----------------------------------------------------------------------------------------


def test_a_claims_challenge_asks_for_a_sign_in_and_is_not_tried_again(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="claims_challenge", match="calendarView.delta")
    before = microsoft.calls()
    with pytest.raises(ConnectionRevoked) as caught:
        calendars.fetch_page(microsoft.main, START)
    assert (caught.value.code, microsoft.calls() - before) == ("sign_in_again", 1)


def test_a_token_that_graph_refuses_although_it_is_fresh_is_graph_in_trouble(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    microsoft.fault(kind="unauthorized", match="calendarView.delta", times=2)
    with pytest.raises(RetryLater) as caught:
        calendars.fetch_page(microsoft.main, START)
    assert caught.value.code == "token_refused"
    secret = calendars.secret() or b""
    since = json.loads(secret)["refused_since"]
    calendars.fetch_page(microsoft.main, START)
    assert "refused_since" not in json.loads(calendars.secret() or b"")
    microsoft.fault(kind="unauthorized", match="calendarView.delta", times=2)
    an_hour_ago = secret.replace(since.encode(), b"2026-01-01T00:00:00+00:00")
    with pytest.raises(ConnectionRevoked):
        microsoft.session(secret=an_hour_ago).calendars.fetch_page(microsoft.main, START)


@pytest.mark.parametrize(("number", "words"), [(50173, "sessions"), (65001, "withdrawn"), (700082, "90 days")])
def test_a_refused_refresh_token_is_thrown_away_and_the_reason_told(
    calendars: CalendarApi, microsoft: MicrosoftStage, number: int, words: str
) -> None:
    microsoft.expire_access_tokens()
    microsoft.fault(kind="aadsts", match="oauth.token", number=number, error="invalid_grant")
    with pytest.raises(ConnectionRevoked, match=words):
        calendars.fetch_page(microsoft.main, START)
    kept = json.loads(calendars.secret() or b"")["msal"]
    assert not kept.get("RefreshToken")


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
def test_an_expired_client_secret_revokes_nobody(calendars: CalendarApi, microsoft: MicrosoftStage, error: str) -> None:
    microsoft.expire_access_tokens()
    microsoft.fault(kind="aadsts", match="oauth.token", number=7000222, error=error)
    with pytest.raises(RetryLater) as caught:
        calendars.fetch_page(microsoft.main, START)
    assert (caught.value.park, caught.value.code) == (True, "client")
    calendars.fetch_page(microsoft.main, START)


def test_scopes_that_come_back_with_their_resource_are_the_scopes_that_were_asked_for(
    microsoft: MicrosoftStage,
) -> None:
    microsoft.world.settings.scope_form = "url"
    api = microsoft.session().calendars
    api.list_calendars()
    before = microsoft.world.calls["oauth.token"]
    api.list_calendars()
    assert microsoft.world.calls["oauth.token"] == before


def test_each_operation_costs_no_more_calls_than_it_must(calendars: CalendarApi, microsoft: MicrosoftStage) -> None:
    microsoft.world.settings.empty_pages = "never"
    made = make(calendars, microsoft, SERIES)
    held = replace(made, etag="")
    page = calendars.fetch_page(microsoft.main, START)
    single = NewCopy(tag="b", key="b", series=Series(Content(span=SPAN)))
    costs: list[tuple[int, Callable[[], object]]] = [
        (1, lambda: calendars.create(microsoft.main, single)),
        (2, lambda: calendars.fetch_page(microsoft.main, After(page.next.cursor))),
        (1, lambda: calendars.fetch_event(microsoft.main, made.remote_id)),
        (2, lambda: calendars.fetch_event(microsoft.main, made.remote_id, (SECOND,))),
        (2, lambda: update(calendars, microsoft, held, title="x", show_as=ShowAs.FREE)),
        (3, lambda: occurrence(calendars, microsoft, made, SECOND, {"title": "x"})),
        (1, lambda: calendars.delete(microsoft.main, made.remote_id, "")),
        (2, calendars.list_calendars),
    ]
    for number, (cost, call) in enumerate(costs):
        before = microsoft.calls()
        call()
        assert (number, microsoft.calls() - before) == (number, cost)


def test_the_window_reaches_eighteen_months_ahead() -> None:
    now = datetime(2027, 1, 31, tzinfo=UTC)
    at = cursor.first("c", datetime(2027, 1, 1, tzinfo=UTC), now)
    assert (at.begins, at.ends) == ("2027-01-01T00:00:00Z", "2028-08-01T00:00:00Z")


def test_a_private_event_stays_private_when_somebody_edits_it_here(
    calendars: CalendarApi, microsoft: MicrosoftStage
) -> None:
    remote_id = microsoft.add_event(microsoft.main, "biopsy", SPAN)
    microsoft.edit(microsoft.main, remote_id, sensitivity="personal")
    found = calendars.fetch_event(microsoft.main, remote_id)
    assert found is not None
    assert (found.withheld, found.content and found.content.visibility) == (True, Visibility.PRIVATE)
    update(calendars, microsoft, found, span=hours(2, 9, 10))
    (seen,) = microsoft.events(microsoft.main)
    assert (seen.record["sensitivity"], seen.title) == ("personal", "biopsy")
