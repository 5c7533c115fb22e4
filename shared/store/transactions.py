"""DynamoDB's conditional writes, with its errors turned into ours.

`write_all` performs a list of writes in one transaction. A condition that fails is a `VersionConflict`; contention and
throttling are tried again a few times and then become `RetryLater`. Nothing else is caught.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pynamodb.exceptions import (
    DeleteError,
    PutError,
    TransactWriteError,
    UpdateError,
)
from pynamodb.transactions import TransactWrite

from shared.errors import RetryLater, VersionConflict
from shared.store.tables import shared_connection

Write = Callable[[TransactWrite], None]
"""One item of a transaction: adds itself to it."""

LIMIT = 100
"""Items in one transaction, DynamoDB's bound (TransactWriteItems reference)."""

_CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "TransactionInProgress"}
_BUSY = {"ThrottlingException", "ProvisionedThroughputExceededException", "TransactionInProgressException"}
_ATTEMPTS = 5


def write_all(writes: Sequence[Write]) -> None:
    """All of `writes`, or none. Raises `VersionConflict` if a condition fails, `RetryLater` under contention."""
    for attempt in range(_ATTEMPTS):
        try:
            with TransactWrite(connection=shared_connection()) as transaction:
                for write in writes:
                    write(transaction)
            return
        except TransactWriteError as error:
            codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if "ConditionalCheckFailed" in codes:
                raise VersionConflict("The record changed meanwhile.") from error
            if not codes & _CONTENTION and error.cause_response_code not in _BUSY:
                raise
            time.sleep(random.uniform(0.02, 0.08) * (attempt + 1))  # noqa: S311 (jitter, not a secret)
    raise RetryLater("The database is busy.", delay=5, code="store_busy")


@contextmanager
def conditional() -> Iterator[None]:
    """Around a single conditional write: a failed condition becomes `VersionConflict`."""
    try:
        yield
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code == "ConditionalCheckFailedException":
            raise VersionConflict("The record changed meanwhile.") from error
        raise
