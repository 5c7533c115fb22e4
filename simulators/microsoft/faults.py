"""Things that go wrong on purpose, a given number of times, for calls that match.

A fault's `match` is a call's name (`events.create`, `oauth.token`), `*`, or a regular expression on the path when it
begins with `/`. `take` hands out the next fault for a call and counts it down; `kinds` lists what can go wrong.
"""

import re
from dataclasses import dataclass
from typing import Any

from simulators.common.wire import Json
from simulators.microsoft import errors
from simulators.microsoft.errors import GraphError

KINDS: dict[str, str] = {
    "too_many_requests": "429 ApplicationThrottled with Retry-After (`retry_after` seconds)",
    "mailbox_concurrency": "429 MailboxConcurrency with Retry-After",
    "server_error": "`status` (default 503) with Retry-After, nothing applied",
    "unauthorized": "401 InvalidAuthenticationToken",
    "claims_challenge": "401 with insufficient_claims",
    "not_found": "404 ErrorItemNotFound",
    "access_denied": "403 ErrorAccessDenied",
    "stale": "412 ErrorIrresolvableConflict",
    "refuse": "any `status`, `code`, `message`",
    "cut_before": "the connection closes, nothing applied",
    "cut_after": "the call is applied, then the connection closes",
    "garbage_after": "the call is applied, then 502 with an HTML page",
    "fields_missing": "the call is applied, then 200 with an empty object",
    "hang": "waits `seconds` (default 30), then serves the call",
    "sync_state_lost": "the delta token is refused as the settings say",
    "empty_page": "a delta page without items and with a nextLink",
    "aadsts": "the token endpoint answers with AADSTS `number` (`error` overrides the word)",
}
_GROUPS = {"sync_state_lost": "sync_state", "empty_page": "empty_page", "aadsts": "oauth"}
_CLAIMS = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ=="


@dataclass
class Fault:
    match: str
    kind: str
    times: int | None = 1
    """None: until deleted."""
    skip: int = 0
    account: str | None = None
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "The service is unavailable."
    number: int = 50173
    error: str | None = None
    retry_after: int = 1
    seconds: float = 30.0
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

    def fits(self, name: str, path: str, account: str | None) -> bool:
        if (self.times is not None and self.times <= 0) or self.account not in {None, account}:
            return False
        if self.match.startswith("/"):
            return re.search(self.match, path) is not None
        return self.match in {"*", name}

    def refusal(self) -> GraphError | None:
        """What the caller is told instead of an answer, for the kinds that answer at all."""
        wait = {"Retry-After": str(self.retry_after)}
        match self.kind:
            case "too_many_requests":
                return errors.too_many("ApplicationThrottled", "Too many requests.", self.retry_after)
            case "mailbox_concurrency":
                message = "Application is over its MailboxConcurrency limit."
                return errors.too_many("MailboxConcurrency", message, self.retry_after)
            case "server_error":
                return GraphError(self.status, self.code, self.message, headers=wait)
            case "unauthorized":
                return errors.unauthenticated()
            case "claims_challenge":
                header = f'Bearer realm="", error="insufficient_claims", claims="{_CLAIMS}"'
                message = "Continuous access evaluation resulted in challenge."
                return GraphError(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": header})
            case "not_found":
                return errors.not_found()
            case "access_denied":
                return errors.access_denied()
            case "stale":
                return errors.stale()
            case "refuse":
                return GraphError(self.status, self.code, self.message)
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

    def take(self, name: str, path: str, account: str | None, *, group: str = "call") -> Fault | None:
        """The first fault that fits, counted down. `group` names the moment at which such a fault strikes."""
        for fault in self.waiting:
            if _GROUPS.get(fault.kind, "call") != group or not fault.fits(name, path, account):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
