"""What Google's refusals mean: every row of "Handle API errors", and everything else that a call can raise."""

import http.client
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import google.auth.exceptions
import googleapiclient.errors
import httplib2
import pytest
from googleapiclient.errors import HttpError

from shared.errors import (
    CalendarGone,
    ConnectionRevoked,
    CursorExpired,
    EventRejected,
    NotWatchable,
    RetryLater,
    SyncError,
    VersionConflict,
)
from shared.providers.google.errors import CLIENT_ERRORS, Subject, reason_of, retry_after, token_refused, translate

ADDRESS = "anna@example.com"
NO_PUSH = "pushNotSupportedForRequestedResource"


def answered(
    status: int, reason: str = "", headers: dict[str, str] | None = None, body: bytes | None = None
) -> HttpError:
    if body is None:
        detail = {"domain": "calendar", "reason": reason, "message": "Dentist at nine"}
        body = json.dumps({"error": {"code": status, "message": "Dentist at nine", "errors": [detail]}}).encode()
    response = httplib2.Response({"status": str(status), **(headers or {})})
    return HttpError(response, body, uri=f"https://www.googleapis.com/calendar/v3/calendars/{ADDRESS}/events")


ROWS: list[tuple[int, str, Subject, type[SyncError], str]] = [
    (410, "fullSyncRequired", Subject.CURSOR, CursorExpired, "fullSyncRequired"),
    (410, "updatedMinTooLongAgo", Subject.CURSOR, CursorExpired, "updatedMinTooLongAgo"),
    (410, "fullSyncRequired", Subject.CALENDAR, CursorExpired, "fullSyncRequired"),
    (410, "", Subject.CURSOR, CursorExpired, "cursor_expired"),
    (400, "invalid", Subject.CURSOR, CursorExpired, "invalid"),
    (400, "invalid", Subject.CALENDAR, CalendarGone, "invalid"),
    (404, "notFound", Subject.CALENDAR, CalendarGone, "not_found"),
    (404, "notFound", Subject.CURSOR, CalendarGone, "not_found"),
    (403, "forbidden", Subject.CALENDAR, CalendarGone, "forbidden"),
    (403, "requiredAccessLevel", Subject.NEW_EVENT, CalendarGone, "requiredAccessLevel"),
    (403, "requiredAccessLevel", Subject.EVENT, CalendarGone, "requiredAccessLevel"),
    (404, "notFound", Subject.NEW_EVENT, CalendarGone, "notFound"),
    (403, "forbidden", Subject.NEW_EVENT, CalendarGone, "forbidden"),
    (412, "conditionNotMet", Subject.EVENT, VersionConflict, "version_conflict"),
    (404, "notFound", Subject.EVENT, VersionConflict, "event_gone"),
    (410, "deleted", Subject.EVENT, VersionConflict, "event_gone"),
    (409, "duplicate", Subject.NEW_EVENT, EventRejected, "duplicate"),
    (409, "conflict", Subject.NEW_EVENT, RetryLater, "conflict"),
    (400, "timeRangeEmpty", Subject.EVENT, EventRejected, "timeRangeEmpty"),
    (400, "invalid", Subject.NEW_EVENT, EventRejected, "invalid"),
    (403, "forbiddenForNonOrganizer", Subject.EVENT, EventRejected, "forbiddenForNonOrganizer"),
    (403, "forbiddenForNonOrganizer", Subject.NEW_EVENT, EventRejected, "forbiddenForNonOrganizer"),
    (413, "", Subject.EVENT, EventRejected, "refused_413"),
    (400, NO_PUSH, Subject.SUBSCRIPTION, NotWatchable, NO_PUSH),
    (401, "push.webhookUrlUnauthorized", Subject.SUBSCRIPTION, NotWatchable, "push.webhookUrlUnauthorized"),
    (403, "forbidden", Subject.SUBSCRIPTION, NotWatchable, "forbidden"),
    (404, "notFound", Subject.SUBSCRIPTION, NotWatchable, "notFound"),
    (400, "channelIdNotUnique", Subject.SUBSCRIPTION, RetryLater, "channelIdNotUnique"),
    (403, "somethingNew", Subject.ACCOUNT, RetryLater, "somethingNew"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "reason", "subject", "expected", "code"), ROWS)
def test_the_same_status_means_different_things_for_different_subjects(
    status: int, reason: str, subject: Subject, expected: type[SyncError], code: str
) -> None:
    error = translate(answered(status, reason), subject)
    assert (type(error), error.code) == (expected, code)


EVERYWHERE: list[tuple[int, str, type[SyncError], str]] = [
    (403, "rateLimitExceeded", RetryLater, "rate_limit"),
    (403, "userRateLimitExceeded", RetryLater, "rate_limit"),
    (429, "rateLimitExceeded", RetryLater, "provider_busy"),
    (429, "", RetryLater, "provider_busy"),
    (403, "quotaExceeded", RetryLater, "usage_limit"),
    (403, "calendarUsageLimits", RetryLater, "usage_limit"),
    (403, "dailyLimitExceeded", RetryLater, "daily_limit"),
    (403, "accessNotConfigured", RetryLater, "api_disabled"),
    (403, "insufficientPermissions", ConnectionRevoked, "scope_missing"),
    (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", ConnectionRevoked, "scope_missing"),
    (403, "domainPolicy", ConnectionRevoked, "admin_policy"),
    (403, "notACalendarUser", ConnectionRevoked, "no_calendar_service"),
    (408, "", RetryLater, "provider_busy"),
    *((status, "backendError", RetryLater, "provider_busy") for status in (500, 502, 503, 504, 599)),
]


@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize(("status", "reason", "expected", "code"), EVERYWHERE)
def test_throttles_outages_and_lost_consent_mean_the_same_everywhere(
    status: int, reason: str, expected: type[SyncError], code: str, subject: Subject
) -> None:
    error = translate(answered(status, reason), subject)
    assert (type(error), error.code) == (expected, code)
    if isinstance(error, RetryLater):
        assert error.park == (code in ("usage_limit", "daily_limit", "api_disabled"))
        assert error.delay >= 3 * 3600 if error.park else error.delay <= 60


@pytest.mark.parametrize("subject", Subject)
def test_no_status_is_left_without_a_meaning_and_no_sentence_repeats_what_google_said(subject: Subject) -> None:
    for status in range(400, 600):
        error = translate(answered(status, "Dentist at nine"), subject)
        assert isinstance(error, SyncError)
        assert "Dentist" not in error.sentence
        assert ADDRESS not in str(error)


BODIES = [b"", b"<html>Bad Gateway</html>", b"[]", b"null", b'{"error": "x"}', b'{"error": {"errors": ["x"]}}', b"\xff"]


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_not_googles_json_is_judged_by_its_status(body: bytes) -> None:
    error = answered(503, body=body)
    assert reason_of(error) == ""
    assert isinstance(translate(error, Subject.EVENT), RetryLater)


def test_the_newer_form_of_an_error_is_read_too() -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    body = json.dumps({"error": {"code": 403, "status": "PERMISSION_DENIED", "details": [detail]}}).encode()
    assert translate(answered(403, body=body), Subject.CALENDAR).code == "scope_missing"


LOWER = [
    OSError("down"),
    TimeoutError("slow"),
    ConnectionResetError("reset"),
    BrokenPipeError("broken"),
    socket.gaierror(-2, "unknown name"),
    ssl.SSLError("bad"),
    ssl.SSLCertVerificationError("wrong name"),
    http.client.BadStatusLine("?"),
    http.client.IncompleteRead(b""),
    httplib2.ServerNotFoundError("where"),
    httplib2.RelativeURIError("how"),
    httplib2.RedirectLimit("round", {}, b""),
    google.auth.exceptions.TransportError("down"),  # type: ignore[no-untyped-call]
    google.auth.exceptions.RefreshError("no tokens"),  # type: ignore[no-untyped-call]
    googleapiclient.errors.UnknownApiNameOrVersion("v4"),
    googleapiclient.errors.InvalidJsonError("{"),
]


@pytest.mark.parametrize("lower", LOWER, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("subject", Subject)
def test_a_call_that_got_no_answer_is_made_again_later(lower: Exception, subject: Subject) -> None:
    assert isinstance(lower, CLIENT_ERRORS)
    assert isinstance(translate(lower, subject), RetryLater)


@pytest.mark.parametrize("module", [googleapiclient.errors, google.auth.exceptions, httplib2.error])
def test_every_error_class_of_googles_libraries_is_caught(module: object) -> None:
    classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert classes
    assert [one for one in classes if not issubclass(one, CLIENT_ERRORS)] == []


@pytest.mark.parametrize(
    ("text", "expected"), [("7", 7.0), ("0", 0.0), ("999999", 86400.0), ("", None), ("soon", None)]
)
def test_retry_after_in_seconds_is_obeyed_but_not_for_ever(text: str, expected: float | None) -> None:
    assert retry_after({"retry-after": text}) == expected


def test_retry_after_as_a_date_is_obeyed_and_a_past_one_means_now() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": later}) == pytest.approx(90, abs=2)
    assert retry_after({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"}) == 0.0
    assert retry_after({}) is None


def test_a_throttle_waits_as_long_as_google_says_and_a_park_never_less_than_hours() -> None:
    throttled = translate(answered(403, "rateLimitExceeded", {"retry-after": "42"}), Subject.EVENT)
    parked = translate(answered(403, "quotaExceeded", {"retry-after": "42"}), Subject.EVENT)
    assert isinstance(throttled, RetryLater)
    assert isinstance(parked, RetryLater)
    assert (throttled.delay, throttled.park) == (42.0, False)
    assert parked.delay >= 3 * 3600


def test_those_who_were_refused_together_do_not_come_back_together() -> None:
    errors = [translate(answered(503), Subject.EVENT) for _ in range(20)]
    assert len({error.delay for error in errors if isinstance(error, RetryLater)}) > 10


REFRESHES: list[tuple[int, dict[str, object], type[SyncError], str]] = [
    (400, {"error": "invalid_grant"}, ConnectionRevoked, "consent_revoked"),
    (400, {"error": "invalid_grant", "error_description": "Account deleted"}, ConnectionRevoked, "consent_revoked"),
    (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, ConnectionRevoked, "sign_in_again"),
    (400, {"error": "admin_policy_enforced"}, ConnectionRevoked, "admin_policy"),
    (400, {"error": "access_denied", "error_subtype": "admin_policy_enforced"}, ConnectionRevoked, "admin_policy"),
    (401, {"error": "invalid_client"}, RetryLater, "client"),
    (401, {"error": "deleted_client"}, RetryLater, "client"),
    (400, {"error": "invalid_request"}, RetryLater, "token_refused"),
    (400, {"error": ["?"]}, RetryLater, "token_refused"),
    (400, {}, RetryLater, "token_refused"),
    (200, {}, RetryLater, "token_refused"),
    (429, {"error": "invalid_grant"}, RetryLater, "provider_busy"),
    (503, {}, RetryLater, "provider_busy"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expected", "code"), REFRESHES)
def test_only_a_refusal_of_the_grant_itself_asks_the_person_to_reconnect(
    status: int, body: dict[str, object], expected: type[SyncError], code: str
) -> None:
    error = token_refused(status, body, None)
    assert (type(error), error.code) == (expected, code)


def test_a_refusal_that_googles_library_noticed_means_the_same() -> None:
    refused = google.auth.exceptions.RefreshError("gone", {"error": "invalid_grant"})  # type: ignore[no-untyped-call]
    assert isinstance(translate(refused, Subject.EVENT), ConnectionRevoked)
