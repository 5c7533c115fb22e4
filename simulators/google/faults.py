"""Things that go wrong on purpose, a given number of times, for calls that match.

A fault's `match` is a call's name (`events.insert`, `oauth.token`), `*`, or a regular expression on the path when it
begins with `/`. `take` hands out the next fault for a call and counts it down; `kinds` lists what can go wrong.
"""

import re
from dataclasses import dataclass
from typing import Any

from simulators.google.errors import ApiError
from simulators.google.wire import Json

KINDS: dict[str, str] = {
    "rate_limit": "403 rateLimitExceeded",
    "user_rate_limit": "403 userRateLimitExceeded",
    "quota_exceeded": "403 quotaExceeded (Calendar usage limits exceeded)",
    "too_many_requests": "429 with Retry-After (`retry_after` seconds)",
    "server_error": "`status` (default 503), nothing applied",
    "conflict": "409 conflict, nothing applied",
    "unauthorized": "401 authError",
    "not_found": "404 notFound",
    "refuse": "any `status`, `reason`, `message`",
    "cut_before": "the connection closes, nothing applied",
    "cut_after": "the call is applied, then the connection closes",
    "garbage_after": "the call is applied, then 502 with an HTML page",
    "hang": "waits `seconds` (default 30), then serves the call",
    "fields_missing": "200 with an empty object",
    "sync_token_gone": "410 fullSyncRequired for a listing",
    "empty_page": "a listing's page without items and with nextPageToken",
    "page_size_cap": "a listing's pages hold at most `size` items",
    "invalid_grant": "400 invalid_grant at the token endpoint",
    "oauth_error": "`status`, `error`, `description` at the token endpoint",
}
_GROUPS = {
    "sync_token_gone": "sync_token",
    "empty_page": "empty_page",
    "page_size_cap": "page_size",
    "invalid_grant": "oauth",
    "oauth_error": "oauth",
}


@dataclass
class Fault:
    match: str
    kind: str
    times: int | None = 1
    """None: until deleted."""
    skip: int = 0
    account: str | None = None
    calendar: str | None = None
    status: int = 503
    reason: str = "backendError"
    message: str = "Backend Error"
    error: str = "server_error"
    description: str = ""
    retry_after: int = 1
    seconds: float = 30.0
    size: int = 1
    hits: int = 0

    @classmethod
    def from_json(cls, value: Json) -> "Fault":
        if value.get("kind") not in KINDS:
            raise ValueError(f"unknown kind {value.get('kind')!r}; known: {', '.join(sorted(KINDS))}")
        known: dict[str, Any] = {k: v for k, v in value.items() if k in cls.__dataclass_fields__ and k != "hits"}
        unknown = set(value) - set(known)
        if unknown:
            raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
        return cls(**({"match": "*"} | known))

    def fits(self, name: str, path: str, account: str | None, calendar: str | None) -> bool:
        if self.times is not None and self.times <= 0:
            return False
        if self.account not in {None, account} or self.calendar not in {None, calendar}:
            return False
        if self.match.startswith("/"):
            return re.search(self.match, path) is not None
        return self.match in {"*", name}

    def refusal(self) -> ApiError | None:
        """What the caller is told instead of an answer, for the kinds that answer at all."""
        match self.kind:
            case "rate_limit":
                return ApiError(403, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")
            case "user_rate_limit":
                return ApiError(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")
            case "quota_exceeded":
                return ApiError(403, "quotaExceeded", "Calendar usage limits exceeded.", domain="usageLimits")
            case "too_many_requests":
                wait = {"Retry-After": str(self.retry_after)}
                return ApiError(429, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits", headers=wait)
            case "server_error":
                return ApiError(self.status, "backendError", "Backend Error")
            case "conflict":
                return ApiError(409, "conflict", "Conflict")
            case "unauthorized":
                return ApiError(401, "authError", "Invalid Credentials", status="UNAUTHENTICATED")
            case "not_found":
                return ApiError(404, "notFound", "Not Found")
            case "refuse":
                return ApiError(self.status, self.reason, self.message)
            case _:
                return None


class Faults:
    """The faults that are waiting for a call."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, value: Json) -> Fault:
        fault = Fault.from_json(value)
        self.waiting.append(fault)
        return fault

    def take(
        self, name: str, path: str, account: str | None, calendar: str | None, *, group: str = "call"
    ) -> Fault | None:
        """The first fault that fits, counted down. `group` names the moment at which such a fault strikes."""
        for fault in self.waiting:
            if _GROUPS.get(fault.kind, "call") != group or not fault.fits(name, path, account, calendar):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
