"""What each refusal means for the caller, and that no sentence tells what it should not."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

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
from shared.providers.microsoft.errors import (
    DuplicateTransaction,
    Subject,
    answered,
    is_claims_challenge,
    retry_after,
    token_refused,
)


def refused(status: int, code: str = "", subject: Subject = Subject.EVENT, **headers: str) -> SyncError:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(status, {"error": {"code": code, "message": "Anna's biopsy"}}, sent, subject)


@pytest.mark.parametrize(
    ("status", "code", "subject", "kind"),
    [
        (410, "", Subject.CURSOR, CursorExpired),
        (410, "SyncStateNotFound", Subject.CALENDAR, CursorExpired),
        (400, "syncStateInvalid", Subject.CURSOR, CursorExpired),
        (409, "resyncRequired", Subject.CURSOR, CursorExpired),
        (400, "ErrorInvalidParameter", Subject.CURSOR, CursorExpired),
        (404, "ErrorItemNotFound", Subject.CURSOR, CalendarGone),
        (404, "ErrorItemNotFound", Subject.CALENDAR, CalendarGone),
        (403, "ErrorAccessDenied", Subject.CALENDAR, CalendarGone),
        (403, "ErrorAccessDenied", Subject.NEW_EVENT, CalendarGone),
        (403, "ErrorAccessDenied", Subject.EVENT, EventRejected),
        (403, "ErrorAccessDenied", Subject.SUBSCRIPTION, NotWatchable),
        (403, "ErrorAccessDenied", Subject.ACCOUNT, RetryLater),
        (404, "ErrorItemNotFound", Subject.EVENT, VersionConflict),
        (412, "ErrorIrresolvableConflict", Subject.EVENT, VersionConflict),
        (409, "ErrorIrresolvableConflict", Subject.EVENT, VersionConflict),
        (409, "", Subject.EVENT, RetryLater),
        (409, "ErrorDuplicateTransactionId", Subject.NEW_EVENT, DuplicateTransaction),
        (400, "ErrorDuplicateTransactionId", Subject.NEW_EVENT, DuplicateTransaction),
        (400, "ErrorPropertyValidationFailure", Subject.NEW_EVENT, EventRejected),
        (404, "MailboxNotEnabledForRESTAPI", Subject.ACCOUNT, ConnectionRevoked),
        (429, "ApplicationThrottled", Subject.EVENT, RetryLater),
        (503, "", Subject.CURSOR, RetryLater),
        (500, "SyncStateNotFound", Subject.CURSOR, RetryLater),
    ],
)
def test_each_refusal_is_named_by_what_is_done_next(
    status: int, code: str, subject: Subject, kind: type[SyncError]
) -> None:
    error = refused(status, code, subject)
    assert type(error) is kind
    assert "biopsy" not in error.sentence


def test_the_event_that_was_there_first_is_found_wherever_the_answer_names_it() -> None:
    for body in (
        {"error": {"code": "ErrorDuplicateTransactionId", "@event.existingEventId": "AAk="}},
        {"error": {"code": "ErrorDuplicateTransactionId", "innerError": {"existingEventId": "AAk="}}},
        {"error": {"code": "ErrorDuplicateTransactionId", "details": [{"@event.existingEventId": "AAk="}]}},
    ):
        error = answered(409, body, {}, Subject.NEW_EVENT)
        assert isinstance(error, DuplicateTransaction)
        assert error.existing == "AAk="


def test_retry_after_is_obeyed_to_the_second_and_a_long_one_is_waited_for_elsewhere() -> None:
    for wait, park in ((42, False), (7200, True)):
        error = refused(429, Retry_After=str(wait))
        assert isinstance(error, RetryLater)
        assert (error.delay, error.park) == (wait, park)
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < (retry_after({"Retry-After": at}) or 0) <= 90


def test_an_answer_that_is_no_json_is_judged_by_its_status() -> None:
    for body in (None, [], "x", {"error": "x"}, {"error": {"code": 7}}):
        assert isinstance(answered(502, body, {}, Subject.EVENT), RetryLater)
        assert isinstance(answered(404, body, {}, Subject.EVENT), VersionConflict)


def test_only_a_challenge_for_claims_is_one() -> None:
    assert is_claims_challenge({"WWW-Authenticate": 'Bearer error="insufficient_claims", claims="e30="'})
    assert not is_claims_challenge({"WWW-Authenticate": 'Bearer error="invalid_token"'})
    assert isinstance(refused(401, WWW_Authenticate='Bearer error="insufficient_claims"'), ConnectionRevoked)


@pytest.mark.parametrize(
    ("error", "number", "kind"),
    [
        ("invalid_grant", 50173, ConnectionRevoked),
        ("invalid_grant", 0, ConnectionRevoked),
        ("interaction_required", 50076, ConnectionRevoked),
        ("interaction_required", 53003, ConnectionRevoked),
        ("consent_required", 65001, ConnectionRevoked),
        ("invalid_client", 7000222, RetryLater),
        ("unauthorized_client", 700016, RetryLater),
        ("temporarily_unavailable", 90033, RetryLater),
        ("", 50173, RetryLater),
    ],
)
def test_a_refused_refresh_goes_by_its_error_and_never_by_its_number(
    error: str, number: int, kind: type[SyncError]
) -> None:
    for answer in (
        {"error": error, "error_codes": [number]},
        {"error": error, "error_description": f"AADSTS{number}: biopsy"},
    ):
        found = token_refused(answer)
        assert isinstance(found, kind)
        assert "biopsy" not in found.sentence
