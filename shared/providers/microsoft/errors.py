"""What a refusal by Microsoft means for the caller: the one place where its errors become `shared.errors`.

`answered` judges an answer of Graph by what the call was about (`Subject`), since the same 404 is a lost calendar for a
listing and a lost event for an update. Statuses and codes are those of Graph's pages "Error responses and resource
types", "Use delta query" and "Throttling"; codes that no page of Microsoft's lists are compared without case.

    410, syncStateNotFound, syncStateInvalid, resyncRequired; 400 on a cursor → CursorExpired
    412, ErrorIrresolvableConflict; 404, 410 on an event to be changed        → VersionConflict
    401 insufficient_claims; a scope that was not granted; no mailbox         → ConnectionRevoked (other 401: `grant`)
    408, 409, 429, 5xx, no connection                                         → RetryLater, with park if for long
    404, 403 on a calendar                                                    → CalendarGone
    other 4xx on one event                                                    → EventRejected
    other 4xx on a subscription                                               → NotWatchable

`token_refused` judges a refused refresh. It goes by `error`; the AADSTS numbers choose the words only, as Microsoft's
page "Microsoft Entra authentication and authorization error codes" asks. No sentence holds an event's text, an address
or a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from secrets import SystemRandom
from typing import Any, Final

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


class Subject(Enum):
    """What a call was about."""

    ACCOUNT = "account"
    CALENDAR = "calendar"
    CURSOR = "cursor"
    NEW_EVENT = "new event"
    EVENT = "event"
    SUBSCRIPTION = "subscription"
    BATCH = "batch"


EVENT_GONE: Final = "event_gone"
GONE_SUBSCRIPTION: Final = "subscription_gone"
DUPLICATE_SUBSCRIPTION: Final = "subscription_exists"

PARK_AFTER: Final = 1800.0
"""Who is asked to wait longer than this (seconds) waits at the calendar and not in the queue."""

_SOON: Final = (5.0, 20.0)
_MINUTES: Final = (240.0, 360.0)
_HOURS: Final = (3 * 3600.0, 4 * 3600.0)
_LONGEST: Final = 24 * 3600.0

_SYNC_LOST: Final = frozenset(
    {"syncstatenotfound", "syncstateinvalid", "resyncrequired", "errorinvalidsyncstatedata", "errorsyncstatenotfound"}
)
_DUPLICATE: Final = "errorduplicatetransactionid"
_CONFLICT: Final = "errorirresolvableconflict"
NO_MAILBOX: Final = frozenset(
    {"mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "errornonexistentmailbox"}
)
_SENTENCES: Final = {
    "erroroccurrencecrossingboundary": "Outlook does not let an occurrence move past the one before or after it.",
    "erroroccurrencetimespantoobig": "The event is longer than the time until it repeats, which Outlook does not take.",
    "errorcalendaroccurrenceisdeletedfromrecurrence": "This occurrence is deleted in Outlook and cannot be brought "
    "back.",
}
_AADSTS: Final = re.compile(r"AADSTS(\d+)")


class DuplicateTransaction(EventRejected):
    """An event with this `transactionId` was created before; `existing` is its id if the answer says so."""

    code = "duplicate_transaction"

    def __init__(self, existing: str) -> None:
        super().__init__("The calendar has an event of this transaction already.")
        self.existing = existing


# --- Graph ---------------------------------------------------------------------------------------------------------


def answered(status: int, body: Any, headers: Mapping[str, str], subject: Subject) -> SyncError:
    """The error of ours that an answer of Graph amounts to; `status` is none of 2xx."""
    code = code_of(body)
    known = code.lower()
    wait = retry_after(headers)
    if status == 401 and is_claims_challenge(headers):
        return ConnectionRevoked(
            "The administrator of this Microsoft account asks for a fresh sign-in. Connect the account again.",
            code="sign_in_again",
        )
    if status == 429 or status >= 500 or status in (408, 423):
        return busy(wait)
    if known in _SYNC_LOST or (status == 410 and subject is Subject.CURSOR):
        return CursorExpired("Microsoft no longer knows where the last look left off.", code=code or None)
    if known in NO_MAILBOX:
        return ConnectionRevoked("This Microsoft account has no Outlook calendar.", code="no_calendar_service")
    if known == _DUPLICATE:
        return DuplicateTransaction(_existing(body))
    if status == 412 or known == _CONFLICT:
        return VersionConflict("The event has changed in Outlook in the meantime.")
    if status == 409 and subject is not Subject.SUBSCRIPTION:
        return busy(wait, code="conflict")
    return _BY_SUBJECT[subject](status, code)


def unreachable() -> RetryLater:
    return RetryLater("Microsoft cannot be reached at the moment.", delay=jitter(_SOON), code="unreachable")


def busy(wait: float | None, code: str | None = None) -> RetryLater:
    """A pause as long as `Retry-After` says; one of more than half an hour is not waited for in the queue."""
    delay = jitter(_SOON) if wait is None else wait
    return RetryLater("Microsoft asks for a pause.", delay=delay, park=delay > PARK_AFTER, code=code)


def code_of(body: Any) -> str:
    """Graph's stable word for a refusal, e.g. `ErrorItemNotFound`; "" if the answer does not say."""
    error = body.get("error") if isinstance(body, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a `Retry-After` header asks for, given as seconds or as an HTTP date."""
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    try:
        seconds = float(text) if text.isdecimal() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST)


def is_claims_challenge(headers: Mapping[str, str]) -> bool:
    """Whether a 401 asks for claims that no refresh can give (page "Claims challenges")."""
    challenge = headers.get("WWW-Authenticate") or headers.get("www-authenticate") or ""
    return "insufficient_claims" in challenge


def scope_missing() -> ConnectionRevoked:
    return ConnectionRevoked(
        "The permission to read and write calendars was not given. Connect the account again and accept it.",
        code="scope_missing",
    )


def jitter(bounds: tuple[float, float]) -> float:
    """A delay between the bounds, so that those who were refused together do not come back together."""
    return SystemRandom().uniform(*bounds)


def _existing(body: Any) -> str:
    """The id that some answers name as `@event.existingEventId`, at no documented place."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            if str(name).lower().endswith("existingeventid") and isinstance(value, str):
                return value
            if found := _existing(value):
                return found
    if isinstance(body, list):
        return next((found for item in body if (found := _existing(item))), "")
    return ""


def _for_account(status: int, code: str) -> SyncError:
    return RetryLater("Microsoft refused to list the calendars.", delay=jitter(_MINUTES), code=code or _refused(status))


def _for_calendar(status: int, code: str) -> SyncError:
    if status == 410:
        return CursorExpired("Microsoft no longer knows where the last look left off.", code=code or None)
    if status in (400, 404):  # an id of a calendar that is gone may be called malformed
        return CalendarGone("Outlook no longer has this calendar, or the account lost access to it.", code="not_found")
    return CalendarGone("Outlook does not let this account read the calendar.", code=code or _refused(status))


def _for_cursor(status: int, code: str) -> SyncError:
    if status == 400:
        return CursorExpired("Microsoft does not accept the place where the last look left off.", code=code or None)
    return _for_calendar(status, code)


def _for_new_event(status: int, code: str) -> SyncError:
    if status in (403, 404, 410):
        return CalendarGone(
            "The calendar is gone, or the account may no longer add events to it.", code=code or _refused(status)
        )
    return _for_event(status, code)


def _for_event(status: int, code: str) -> SyncError:
    if status in (404, 410):
        return VersionConflict("The event is no longer there.", code=EVENT_GONE)
    why = f" ({code})" if code.isalnum() else ""
    sentence = _SENTENCES.get(code.lower(), f"Outlook refused to take the event{why}.")
    return EventRejected(sentence, code=code or _refused(status))


def _for_subscription(status: int, code: str) -> SyncError:
    match status:
        case 404:
            return NotWatchable("Microsoft no longer knows this subscription.", code=GONE_SUBSCRIPTION)
        case 409:
            return NotWatchable("Microsoft has such a subscription already.", code=DUPLICATE_SUBSCRIPTION)
        case _:
            return NotWatchable("Microsoft does not report changes of this calendar.", code=code or _refused(status))


def _for_batch(status: int, code: str) -> SyncError:
    return RetryLater("Microsoft refused several calls at once.", delay=jitter(_MINUTES), code=code or _refused(status))


def _refused(status: int) -> str:
    return f"refused_{status}"


_BY_SUBJECT: Final[Mapping[Subject, Callable[[int, str], SyncError]]] = {
    Subject.ACCOUNT: _for_account,
    Subject.CALENDAR: _for_calendar,
    Subject.CURSOR: _for_cursor,
    Subject.NEW_EVENT: _for_new_event,
    Subject.EVENT: _for_event,
    Subject.SUBSCRIPTION: _for_subscription,
    Subject.BATCH: _for_batch,
}

# --- sign-in -------------------------------------------------------------------------------------------------------

NEEDS_ADMIN: Final = frozenset({65001, 90093, 90094, 90095, 900941})
DECLINED: Final = 65004
WRONG_TENANT: Final = frozenset({50020, 50034, 50177, 50178, 500011, 90002, 700016})
SINGLE_TENANT: Final = 50194

_AGAIN: Final = "Connect the account again."
_WHY_REVOKED: Final = {
    50076: f"The organisation of this Microsoft account asks for a second factor. {_AGAIN}",
    50079: f"The organisation of this Microsoft account asks to set up a second factor. {_AGAIN}",
    50173: f"All sessions of this Microsoft account were ended, or its password was reset. {_AGAIN}",
    53003: "The organisation of this Microsoft account has a rule (Conditional Access) that blocks this app. Ask its "
    "administrator.",
    65001: "The permission for this app was withdrawn, by the account's owner or an administrator. " + _AGAIN,
    70008: f"The permission was not used for too long and has expired. {_AGAIN}",
    70043: f"The organisation of this Microsoft account asks for a sign-in from time to time. {_AGAIN}",
    700082: f"The permission was not used for 90 days and has expired. {_AGAIN}",
}
_SIGN_IN_AGAIN: Final = frozenset(
    {"interaction_required", "login_required", "consent_required", "account_selection_required"}
)
_OWN_FAULT: Final = frozenset({"invalid_client", "unauthorized_client", "invalid_request", "invalid_scope"})


def aadsts(description: str, codes: Iterable[object] = ()) -> int:
    """The AADSTS number of a refusal, 0 if it has none; for wording only."""
    for code in codes:
        if isinstance(code, int):
            return code
    found = _AADSTS.search(description)
    return int(found[1]) if found else 0


def token_refused(answer: Mapping[str, Any]) -> SyncError:
    """What a refused refresh means; `answer` is that of the token endpoint."""
    number = aadsts(str(answer.get("error_description") or ""), answer.get("error_codes") or ())
    error = answer.get("error")
    if error == "invalid_grant" or error in _SIGN_IN_AGAIN:
        return ConnectionRevoked(
            _WHY_REVOKED.get(
                number,
                f"Microsoft no longer accepts the permission that was given: it was withdrawn or has expired. {_AGAIN}",
            )
        )
    if error in _OWN_FAULT:
        return RetryLater(
            "Microsoft does not accept this product's own credentials.", delay=jitter(_HOURS), park=True, code="client"
        )
    return RetryLater("Microsoft did not renew the access token.", delay=jitter(_MINUTES), code="token_refused")


def no_token() -> ConnectionRevoked:
    """Nothing is left to sign in with: the refresh token was thrown away when it was refused."""
    return ConnectionRevoked(f"The permission for this Microsoft account has ended. {_AGAIN}")


_KEPT_OUT: Final = frozenset({"unauthorized_client", "invalid_tenant", "invalid_grant", "access_denied"})


def app_token_refused(answer: Mapping[str, Any]) -> SyncError:
    """What it means that the app gets no token of its own for a tenant: the tenant does not know it (AADSTS7000229,
    700016), is gone itself (90002), or blocks it (53003). A secret that is refused is the operator's to replace."""
    if answer.get("error") in _KEPT_OUT | _SIGN_IN_AGAIN:
        return ConnectionRevoked(
            "Microsoft no longer lets this app into the organisation: the consent was withdrawn, or the app blocked. "
            "Authorise it again."
        )
    return token_refused(answer)
