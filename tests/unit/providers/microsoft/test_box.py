"""Whose mailbox: every path begins with it, and its refusals are its own."""

import pytest

from shared.errors import CalendarGone, ConnectionRevoked, CursorExpired, EventRejected, RetryLater, SyncError
from shared.providers.microsoft.box import OWN, Reach, of_staff
from shared.providers.microsoft.errors import Subject, answered
from shared.providers.organizations import MailboxRefused, MailboxState

DELEGATED = of_staff("ada@example.com", Reach.DELEGATED)
APPLICATION = of_staff("ada@example.com", Reach.APPLICATION)


def judged(reach: Reach, status: int, code: str, subject: Subject) -> SyncError:
    box = OWN if reach is Reach.OWN else of_staff("ada@example.com", reach)
    body = {"error": {"code": code}}
    return box.judged(answered(status, body, {}, subject), status, code, subject)


@pytest.mark.parametrize(
    ("mailbox", "root"),
    [
        ("ada@example.com", "/users/ada@example.com"),
        ("ada_contoso.com#EXT#@example.com", "/users/ada_contoso.com%23EXT%23@example.com"),
        ("../me?x=", "/users/..%2Fme%3Fx%3D"),
    ],
)
def test_an_address_stays_one_segment_of_the_path_whatever_it_holds(mailbox: str, root: str) -> None:
    assert of_staff(mailbox, Reach.APPLICATION).root == root


def test_ids_are_quoted_below_it() -> None:
    assert APPLICATION.path("a/b=", "c+d") == "/users/ada@example.com/calendars/a%2Fb%3D/events/c%2Bd"
    assert OWN.path("c1") == "/me/calendars/c1"


@pytest.mark.parametrize(
    ("reach", "status", "code", "subject", "state"),
    [
        (Reach.APPLICATION, 403, "ErrorAccessDenied", Subject.ACCOUNT, MailboxState.OUT_OF_SCOPE),
        (Reach.APPLICATION, 403, "ErrorAccessDenied", Subject.CURSOR, MailboxState.OUT_OF_SCOPE),
        (Reach.DELEGATED, 403, "ErrorAccessDenied", Subject.CALENDAR, MailboxState.NO_RIGHTS),
        (Reach.DELEGATED, 404, "ErrorItemNotFound", Subject.CALENDAR, MailboxState.NO_RIGHTS),
        (Reach.DELEGATED, 404, "ErrorItemNotFound", Subject.ACCOUNT, MailboxState.NO_RIGHTS),
        (Reach.APPLICATION, 404, "MailboxNotEnabledForRESTAPI", Subject.EVENT, MailboxState.NOT_LICENSED),
        (Reach.APPLICATION, 404, "ResourceNotFound", Subject.NEW_EVENT, MailboxState.NOT_LICENSED),
        (Reach.DELEGATED, 404, "ErrorInvalidUser", Subject.CURSOR, MailboxState.NOT_FOUND),
        (Reach.APPLICATION, 404, "Request_ResourceNotFound", Subject.EVENT, MailboxState.NOT_FOUND),
    ],
)
def test_a_refusal_that_speaks_of_one_mailbox_ends_that_mailbox_alone(
    reach: Reach, status: int, code: str, subject: Subject, state: MailboxState
) -> None:
    error = judged(reach, status, code, subject)
    assert isinstance(error, MailboxRefused)
    assert (error.state, error.code) == (state, state.value)
    assert "ada" not in error.sentence


@pytest.mark.parametrize(
    ("reach", "status", "code", "subject", "kind"),
    [
        (Reach.OWN, 404, "MailboxNotEnabledForRESTAPI", Subject.EVENT, ConnectionRevoked),
        (Reach.APPLICATION, 404, "ErrorItemNotFound", Subject.CALENDAR, CalendarGone),
        (Reach.APPLICATION, 403, "ErrorAccessDenied", Subject.EVENT, EventRejected),
        (Reach.DELEGATED, 403, "ErrorAccessDenied", Subject.EVENT, EventRejected),
        (Reach.DELEGATED, 404, "SyncStateNotFound", Subject.CURSOR, CursorExpired),
        (Reach.DELEGATED, 429, "ApplicationThrottled", Subject.CALENDAR, RetryLater),
        (Reach.APPLICATION, 503, "ServiceUnavailable", Subject.ACCOUNT, RetryLater),
        (Reach.APPLICATION, 403, "Forbidden", Subject.BATCH, RetryLater),
    ],
)
def test_any_other_refusal_means_what_it_means_for_everybody(
    reach: Reach, status: int, code: str, subject: Subject, kind: type[SyncError]
) -> None:
    error = judged(reach, status, code, subject)
    assert isinstance(error, kind)
    assert not isinstance(error, MailboxRefused)
