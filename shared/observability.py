"""Logs without anybody's text: one JSON line an event, redacted before it is written.

`logger` is the only thing that exists at import. What may stand in a log: ids, codes, counts, durations. Titles,
addresses and tokens may not, and keys that could hold them are struck out whoever passes them.
"""

from __future__ import annotations

import logging
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

STRUCK_OUT = frozenset(
    {
        "title", "description", "location", "attendees", "email", "account", "token", "access_token", "refresh_token",
        "authorization", "secret", "grant", "code", "state", "confirmation", "body", "query", "login_hint",
    }
)  # fmt: skip


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Strikes out members by name, at any depth. The place in the code goes by `source`: a `location` is somebody's."""

    def __init__(self, **keys: Any) -> None:
        super().__init__(**{**keys, "location": None})

    def format(self, record: logging.LogRecord) -> str:
        record.source = f"{record.module}:{record.lineno}"
        return super().format(record)

    def serialize(self, log: Any) -> str:
        return super().serialize(redact(log))


def redact(value: Any) -> Any:
    """A copy of `value` in which every member named in `STRUCK_OUT` is a mark."""
    if isinstance(value, dict):
        return {key: "[struck out]" if key in STRUCK_OUT else redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


logger = Logger(logger_formatter=RedactingFormatter(), log_uncaught_exceptions=False)
