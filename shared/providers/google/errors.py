"""What a refusal by Google means for the caller: the one place where Google's errors become `shared.errors`.

`translate` takes whatever Google's client raised and says what it was about (`Subject`), since the same 404 is a
lost calendar for a listing and a lost event for an update. Reasons are those of Google's page "Handle API errors";
no sentence holds an event's text, an address or a token.

    410 fullSyncRequired, updatedMinTooLongAgo; 400 on a cursor    → CursorExpired
    412; 404, 410 on an event that was to be changed               → VersionConflict
    401 after a refresh; 403 insufficientPermissions, domainPolicy → ConnectionRevoked (a 401: see `grant`)
    403 rate limits, 408, 409 conflict, 429, 5xx, no connection    → RetryLater
    403 quotaExceeded, calendarUsageLimits, dailyLimitExceeded     → RetryLater with park
    404, 403 on a calendar                                         → CalendarGone
    other 4xx on one event                                         → EventRejected
    other 4xx on a watch                                           → NotWatchable
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http.client import HTTPException
from secrets import SystemRandom
from typing import Final

from google.auth.exceptions import GoogleAuthError, RefreshError
from googleapiclient.errors import Error as ClientError
from googleapiclient.errors import HttpError
from httplib2 import HttpLib2Error

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

CLIENT_ERRORS: Final = (ClientError, GoogleAuthError, HttpLib2Error, HTTPException, OSError)
"""Everything that a call through Google's client can raise; time-outs and TLS failures are `OSError`."""


class Subject(Enum):
    """What a call was about."""

    ACCOUNT = "account"
    CALENDAR = "calendar"
    CURSOR = "cursor"
    NEW_EVENT = "new event"
    EVENT = "event"
    SUBSCRIPTION = "subscription"


DUPLICATE: Final = "duplicate"
EVENT_GONE: Final = "event_gone"

_SOON: Final = (5.0, 20.0)
_MINUTES: Final = (240.0, 360.0)
_HOURS: Final = (3 * 3600.0, 4 * 3600.0)
_LONGEST: Final = 24 * 3600.0

_RATE_LIMITS: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "concurrentLimitExceeded"})
_PARKED: Final = {
    "quotaExceeded": "usage_limit",
    "calendarUsageLimits": "usage_limit",
    "calendarUsageLimitExceeded": "usage_limit",
    "dailyLimitExceeded": "daily_limit",
    "accessNotConfigured": "api_disabled",
    "SERVICE_DISABLED": "api_disabled",
}
_SCOPE_MISSING: Final = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_ACCOUNT_CLOSED: Final = {
    "domainPolicy": ("admin_policy", "The administrator of this Google account no longer allows access to Calendar."),
    "notACalendarUser": ("no_calendar_service", "Google Calendar is switched off for this account."),
}
_CALENDAR_RIGHTS: Final = frozenset({"requiredAccessLevel", "calendarNotFound"})


def translate(error: Exception, subject: Subject) -> SyncError:
    """The error of ours that `error` amounts to. `error` is one of `CLIENT_ERRORS`."""
    match error:
        case HttpError():
            status = int(error.resp.status)
            return _answered(status, reason_of(error), retry_after(error.resp), subject)
        case RefreshError():
            body = error.args[1] if len(error.args) > 1 else None
            return token_refused(400, body if isinstance(body, Mapping) else {}, None)
        case _:
            return RetryLater("Google cannot be reached at the moment.", delay=jitter(_SOON), code="unreachable")


def reason_of(error: HttpError) -> str:
    """Google's stable word for a refusal, e.g. `fullSyncRequired`; "" if the answer does not say."""
    try:
        body = json.loads(error.content)["error"]
        for detail in (*body.get("errors", ()), *body.get("details", ())):
            if isinstance(detail.get("reason"), str):
                return str(detail["reason"])
        return str(body.get("status", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a `Retry-After` header asks for, given as seconds or as an HTTP date."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text) if text.isdecimal() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST)


def jitter(bounds: tuple[float, float]) -> float:
    """A delay between the bounds, so that those who were refused together do not come back together."""
    return SystemRandom().uniform(*bounds)


def token_refused(status: int, body: Mapping[str, object], wait: float | None) -> SyncError:
    """What a refused refresh means (page "Using OAuth 2.0 to access Google APIs", "Refresh token expiration").

    The texts beside `invalid_grant` do not reliably tell one cause from another, so they are not looked at.
    """
    if status == 429 or status >= 500:
        return _busy(wait)
    words = {str(body.get(name, "")) for name in ("error", "error_subtype", "error_description")}
    if words & {"admin_policy_enforced", "org_internal"}:
        return ConnectionRevoked(
            "The administrator of this Google account does not allow this app. Ask for it to be allowed, then connect "
            "the account again.",
            code="admin_policy",
        )
    if words & {"invalid_rapt", "rapt_required"}:
        return ConnectionRevoked(
            "The administrator of this Google account asks for a fresh sign-in. Connect the account again.",
            code="sign_in_again",
        )
    match body.get("error"):
        case "invalid_grant" | "access_denied":
            return ConnectionRevoked(
                "Google no longer accepts the permission that was given: it was withdrawn or has expired. Connect the "
                "account again."
            )
        case "invalid_client" | "unauthorized_client" | "deleted_client" | "disabled_client":
            return RetryLater(
                "Google does not accept this product's own credentials.", delay=jitter(_HOURS), park=True, code="client"
            )
        case _:
            return RetryLater("Google did not renew the access token.", delay=jitter(_MINUTES), code="token_refused")


def _answered(status: int, reason: str, wait: float | None, subject: Subject) -> SyncError:
    if status in (401, 403) and (known := _forbidden(reason, wait)):
        return known
    if status == 429 or status >= 500:
        return _busy(wait)
    if status == 409 and reason == DUPLICATE:
        return EventRejected("The calendar has an event of this id already.", code=DUPLICATE)
    if status in (408, 409):
        return _busy(wait, code="conflict" if status == 409 else None)
    if status == 412:
        return VersionConflict("The event has changed at Google in the meantime.")
    return _BY_SUBJECT[subject](status, reason)


def _busy(wait: float | None, code: str | None = None) -> RetryLater:
    return RetryLater("Google asks for a pause.", delay=jitter(_SOON) if wait is None else wait, code=code)


def _forbidden(reason: str, wait: float | None) -> SyncError | None:
    if reason in _RATE_LIMITS:
        return _busy(wait, code="rate_limit")
    if reason in _PARKED:
        delay = jitter(_HOURS) if wait is None else max(wait, _HOURS[0])
        return RetryLater("Google asks for a pause of hours.", delay=delay, park=True, code=_PARKED[reason])
    if reason in _SCOPE_MISSING:
        return ConnectionRevoked(
            "A permission that this app needs was not given. Connect the account again and leave every box ticked.",
            code="scope_missing",
        )
    if reason in _ACCOUNT_CLOSED:
        code, sentence = _ACCOUNT_CLOSED[reason]
        return ConnectionRevoked(sentence, code=code)
    return None


def _for_account(status: int, reason: str) -> SyncError:
    return RetryLater(
        "Google refused to list the calendars.", delay=jitter(_MINUTES), code=reason or f"refused_{status}"
    )


def _for_calendar(status: int, reason: str) -> SyncError:
    if status == 410:
        return CursorExpired("Google no longer knows where the last look left off.", code=reason or None)
    if status == 404:
        return CalendarGone("Google no longer has this calendar, or the account lost access to it.", code="not_found")
    return CalendarGone("Google does not let this account read the calendar.", code=reason or f"refused_{status}")


def _for_cursor(status: int, reason: str) -> SyncError:
    if status == 400:
        return CursorExpired("Google does not accept the place where the last look left off.", code=reason or None)
    return _for_calendar(status, reason)


def _for_new_event(status: int, reason: str) -> SyncError:
    if status in (403, 404, 410) and reason != "forbiddenForNonOrganizer":
        return CalendarGone(
            "The calendar is gone, or the account may no longer add events to it.", code=reason or f"refused_{status}"
        )
    return _for_event(status, reason)


def _for_event(status: int, reason: str) -> SyncError:
    if status in (404, 410):
        return VersionConflict("The event is no longer there.", code=EVENT_GONE)
    if reason in _CALENDAR_RIGHTS:
        return CalendarGone("The account may no longer change events in this calendar.", code=reason)
    why = f" ({reason})" if reason.isalnum() else ""
    return EventRejected(f"Google refused to take the event{why}.", code=reason or f"refused_{status}")


def _for_subscription(status: int, reason: str) -> SyncError:
    if reason == "channelIdNotUnique":
        return RetryLater("Google knows a subscription of this id already.", delay=jitter(_SOON), code=reason)
    return NotWatchable("Google does not report changes of this calendar.", code=reason or f"refused_{status}")


_BY_SUBJECT: Final[Mapping[Subject, Callable[[int, str], SyncError]]] = {
    Subject.ACCOUNT: _for_account,
    Subject.CALENDAR: _for_calendar,
    Subject.CURSOR: _for_cursor,
    Subject.NEW_EVENT: _for_new_event,
    Subject.EVENT: _for_event,
    Subject.SUBSCRIPTION: _for_subscription,
}
