"""`kill -9` of a function between any two of its calls: `watched(Steps(kill_after=3))` kills it after the third.

Every call to AWS and to Google counts. `Steps().with_effect` names those after which something is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httplib2
from botocore.client import BaseClient

EFFECTS = {
    *("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessage"),
    *("ChangeMessageVisibility", "POST", "PUT", "PATCH", "DELETE"),
}


class Killed(BaseException):
    """The process is gone: nothing catches this on the way."""


@dataclass
class Steps:
    """Lists calls, and kills after one of them (0: before the first)."""

    kill_after: int | None = None
    seen: list[str] = field(default_factory=list)
    armed: bool = False

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        if not self.armed:
            return call()
        if self.kill_after == 0:
            raise Killed(name)
        answer = call()
        self.seen.append(name)
        if len(self.seen) == self.kill_after:
            raise Killed(name)
        return answer

    @property
    def with_effect(self) -> list[int]:
        return [number for number, name in enumerate(self.seen, 1) if name.split()[0] in EFFECTS]

    @contextmanager
    def counted(self) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False


@contextmanager
def watched(steps: Steps) -> Iterator[None]:
    """Every call of the worker goes through `steps`."""
    aws, google = BaseClient._make_api_call, httplib2.Http.request

    def call_aws(self: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        return steps.around(operation, lambda: aws(self, operation, arguments))

    def call_google(self: httplib2.Http, uri: str, method: str = "GET", *more: Any, **named: Any) -> Any:
        return steps.around(f"{method} {uri.partition('?')[0]}", lambda: google(self, uri, method, *more, **named))

    with patch.object(BaseClient, "_make_api_call", call_aws), patch.object(httplib2.Http, "request", call_google):
        yield
