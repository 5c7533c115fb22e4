"""Every error of the sync, named by what its catcher does next.

    SyncError
    ├── RetryLater            throttled, 5xx, time-out           → back to the queue after `delay`
    │   └── Paced             our own pace below the quota       → the same, however often
    ├── CursorExpired         410, syncStateNotFound             → take a snapshot
    ├── VersionConflict       412, conditional check failed      → fetch and plan again
    ├── ConnectionRevoked     invalid_grant, consent removed     → reconnect_required, drop the job
    ├── EventRejected         4xx on one event                   → recorded on its link, the rest goes on
    ├── CalendarGone          404 / 403 on the calendar          → calendar paused, with the reason
    ├── Held                  more than the brake allows         → held until somebody says yes
    ├── NotWatchable          push refused for this calendar     → remembered, polled instead
    └── NotificationRejected  unknown subscription, bad MAC      → refused without detail

    ConnectFailed             the person's consent did not come about → back to the page with `code`
    Problem                   a request that the API refuses     → RFC 9457 answer

Each provider maps what its client raises to these at one place, its own folder; nothing else is caught on the way.
A sentence in an error never holds a token, an address or an event's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SyncError(Exception):
    """Something of this sync did not come about; `code` is stable, the message is for people."""

    code = "sync_error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.code


class RetryLater(SyncError):
    """Try again after `delay` seconds. `park` is true when the provider asked for hours, not seconds."""

    code = "provider_busy"

    def __init__(self, sentence: str, *, delay: float, park: bool = False, code: str | None = None) -> None:
        super().__init__(sentence, code=code)
        self.delay = delay
        self.park = park


class Paced(RetryLater):
    """Not the provider but we ourselves ask for the pause, to stay below its quota."""


class CursorExpired(SyncError):
    code = "cursor_expired"


class VersionConflict(SyncError):
    code = "version_conflict"


class ConnectionRevoked(SyncError):
    code = "consent_revoked"


class EventRejected(SyncError):
    code = "event_rejected"


class CalendarGone(SyncError):
    code = "calendar_gone"


class Held(SyncError):
    code = "held"


class NotWatchable(SyncError):
    code = "not_watchable"


class NotificationRejected(SyncError):
    code = "notification_rejected"


class ConnectFailed(Exception):
    """Connecting an account failed; `code` goes back to the page (`status=error&code=…`). `link`: an address where
    somebody can do something about it."""

    def __init__(self, code: str, sentence: str, *, link: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.link = link


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a request's body: `field` is a path such as `start.time_zone`."""

    field: str
    sentence: str


class Problem(Exception):
    """A request the API refuses: answered as application/problem+json with this status, code and sentence."""

    def __init__(self, status: int, code: str, sentence: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.errors = tuple(errors)


def not_found() -> Problem:
    """The one answer for unknown ids and for other people's ids."""
    return Problem(
        404, "not_found", "There is no such thing here. Check the id, and that you are signed in as its owner."
    )


def invalid(errors: Sequence[FieldError]) -> Problem:
    """422 naming each field that is wrong."""
    names = ", ".join(dict.fromkeys(error.field for error in errors))
    return Problem(422, "invalid_request", f"Please correct: {names}.", errors)
