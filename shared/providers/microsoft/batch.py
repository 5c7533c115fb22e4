"""Several calls to one mailbox in one request, over Graph's `$batch`: `Batch.in_order` and `Batch.unordered`.

What Microsoft's pages say, and what follows from it here:

* At most 20 steps; ids unique; urls relative; a step with a body has headers with a Content-Type; answers come in any
  order (page "Combine multiple HTTP requests using JSON batching").
* Outlook runs four requests at a time for an app and a mailbox. Of a batch without order Graph itself sends Outlook up
  to four at a time, of one with `dependsOn` one at a time (page "Throttling limits", "Outlook service limits for JSON
  batching"). Before 2023 the fifth step without order was answered 429, and people report it since. So never more than
  four go without order, and twenty only one after the other: right under both readings.
* "Batch should be either fully sequential or fully parallel" (first page): the shapes are not mixed.
* When a step fails, those that depend on it are answered 424 and were not run (first page). So 424 is nobody's own
  error: those steps are sent again, without order. What is likely to fail, such as a question whether an event is
  gone, is sent without order in the first place.
* A step is throttled on its own: 429 and `Retry-After` within an answer of 200 (page "Throttling guidance"). Nothing is
  sent after that; neither is it after an error that holds for all, such as a token that ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared.errors import CalendarGone, ConnectionRevoked, RetryLater, SyncError
from shared.providers.microsoft.errors import is_claims_challenge, retry_after
from shared.providers.microsoft.wire import Call, Json, Wire, incomplete

MOST: Final = 20
AT_ONCE: Final = 4

_FAILED_DEPENDENCY: Final = 424
_THROTTLED: Final = 429
_UNANSWERED: Final[Json] = {"status": 200, "body": "nothing"}

Result = Json | SyncError
"""The body of an answer ({} for none), or the error."""


class Batch:
    """Calls of one piece of work. `over` is an error that holds for whatever was not done yet: once there is one,
    nothing more is sent, and it is the result of every call that has none of its own. Raises nothing."""

    def __init__(self, wire: Wire) -> None:
        self.over: SyncError | None = None
        self._wire = wire

    def in_order(self, calls: Sequence[Call]) -> list[Result]:
        """Calls that are likely to succeed, one after the other, twenty in a request."""
        results: dict[int, Result] = {}
        self._round(calls, results, MOST, chained=True)
        return self._settled(calls, results)

    def unordered(self, calls: Sequence[Call]) -> list[Result]:
        """Calls of which any may fail, four in a request."""
        return self._settled(calls, {})

    def _settled(self, calls: Sequence[Call], results: dict[int, Result]) -> list[Result]:
        """What was not run yet is sent without order; a step that is not run even so was not answered."""
        for _ in range(2):
            self._round(calls, results, AT_ONCE, chained=False)
        return [results[at] if at in results else self.over or incomplete() for at in range(len(calls))]

    def _round(self, calls: Sequence[Call], results: dict[int, Result], size: int, *, chained: bool) -> None:
        places = [at for at in range(len(calls)) if at not in results]
        for start in range(0, len(places), size):
            if self.over is not None:
                return
            asked = {at: calls[at] for at in places[start : start + size]}
            try:
                for at, response in self._answers(asked, chained=chained):
                    result = self._result(asked[at], response)
                    if result is not None:
                        results[at] = result
            except SyncError as error:
                self.over = error

    def _answers(self, asked: Mapping[int, Call], *, chained: bool) -> Iterable[tuple[int, Json]]:
        """The responses to the calls of one request; of those that were not answered there is none."""
        if len(asked) == 1:
            ((at, call),) = asked.items()
            return [(at, self._alone(call))]
        responses = self._wire.batch(_steps(asked, chained=chained))
        expired = {at: call for at, call in asked.items() if _is_expired(responses.get(str(at)))}
        if expired:
            few = dict(list(expired.items())[:AT_ONCE])
            again = self._wire.batch(_steps(few, chained=False), fresh=True)
            if any(_is_expired(one) for one in again.values()):
                self.over = self._wire.refused()
            responses |= again
        return [(at, responses.get(str(at), _UNANSWERED)) for at in asked]

    def _alone(self, call: Call) -> Json:
        """A batch of one would cost as much and say less."""
        try:
            return {"status": 200, "body": self._wire.send(call)}
        except RetryLater:
            raise
        except SyncError as error:
            return {"error": error}

    def _result(self, call: Call, response: Json) -> Result | None:
        """What a step was answered; None if it was not run."""
        error = response.get("error")
        if not isinstance(error, SyncError):
            status, body, headers = _read(response)
            if status == _FAILED_DEPENDENCY or _is_expired(response):
                return None
            if 200 <= status < 300:
                return {} if body is None else body if isinstance(body, dict) else incomplete()
            error = self._wire.judged(status, body, headers, call.subject)
            if status == _THROTTLED or retry_after(headers) is not None:
                self.over = error
        if isinstance(error, ConnectionRevoked | CalendarGone):
            self.over = error
        return error


def _steps(asked: Mapping[int, Call], *, chained: bool) -> list[Json]:
    steps: list[Json] = []
    for at, call in asked.items():
        step: Json = {"id": str(at), "method": call.method, "url": call.path, "headers": call.headers()}
        if call.body is not None:
            step["headers"] |= {"Content-Type": "application/json"}
            step["body"] = call.body
        if chained and steps:
            step["dependsOn"] = [steps[-1]["id"]]
        steps.append(step)
    return steps


def _read(response: Mapping[str, Any]) -> tuple[int, Any, Mapping[str, str]]:
    status, headers = response.get("status"), response.get("headers")
    found = {str(name): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}
    return status if isinstance(status, int) else 502, response.get("body"), found


def _is_expired(response: Mapping[str, Any] | None) -> bool:
    """Whether a step's access token was refused; a fresh one may do."""
    if response is None or "error" in response:
        return False
    status, _, headers = _read(response)
    return status == 401 and not is_claims_challenge(headers)
