"""Refusals in Google's JSON envelope: raise one of these anywhere below the API, and the caller gets the body.

The reasons and sentences are those that Google's clients see; a client may only rely on code and reason.
"""

from typing import Any

from simulators.google.wire import Json, Response, json_response


class ApiError(Exception):
    """A refusal with an HTTP code, Google's `reason`, and a sentence."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: str | None = None,
        location_type: str = "parameter",
        status: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.location_type = location_type
        self.status = status
        self.headers = headers or {}

    def body(self) -> Json:
        first: dict[str, Any] = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location:
            first |= {"locationType": self.location_type, "location": self.location}
        error: Json = {"errors": [first], "code": self.code, "message": self.message}
        if self.status:
            error["status"] = self.status
        return {"error": error}

    def response(self) -> Response:
        return json_response(self.code, self.body(), self.headers)


def invalid(message: str, location: str | None = None, *, location_type: str = "parameter") -> ApiError:
    return ApiError(400, "invalid", message, location=location, location_type=location_type)


def required(message: str, location: str | None = None) -> ApiError:
    return ApiError(400, "required", message, location=location)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "badRequest", message)


def time_range_empty() -> ApiError:
    return ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar", location="timeMax")


def unauthenticated() -> ApiError:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential."
    )
    return ApiError(
        401,
        "authError",
        message,
        location="Authorization",
        location_type="header",
        status="UNAUTHENTICATED",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def insufficient_scope() -> ApiError:
    return ApiError(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        status="PERMISSION_DENIED",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'},
    )


def access_level_needed(role: str) -> ApiError:
    message = f"You need to have {role} access to this calendar."
    return ApiError(403, "requiredAccessLevel", message, domain="calendar")


def not_organizer() -> ApiError:
    message = "Shared properties can only be changed by the organizer of the event."
    return ApiError(403, "forbiddenForNonOrganizer", message, domain="calendar")


def user_rate_limit() -> ApiError:
    return ApiError(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")


def rate_limit() -> ApiError:
    return ApiError(403, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")


def no_calendar_user() -> ApiError:
    return ApiError(403, "notACalendarUser", "The user must be signed up for Google Calendar.", domain="calendar")


def service_account_guests() -> ApiError:
    message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
    return ApiError(403, "forbiddenForServiceAccounts", message, domain="calendar")


def not_found() -> ApiError:
    return ApiError(404, "notFound", "Not Found")


def duplicate() -> ApiError:
    return ApiError(409, "duplicate", "The requested identifier already exists.")


def already_deleted() -> ApiError:
    return ApiError(410, "deleted", "Resource has been deleted")


def full_sync_required() -> ApiError:
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "fullSyncRequired", message, domain="calendar", location="syncToken")


def condition_not_met() -> ApiError:
    return ApiError(412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header")
