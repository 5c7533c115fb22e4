"""The stores under contract: the one in memory, and DynamoDB: moto's, or that at AWS_ENDPOINT_URL_DYNAMODB."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from shared.clock import now
from shared.store.calendars import CalendarStore
from shared.store.connections import ConnectionStore
from shared.store.deliveries import DeliveryStore
from shared.store.events import EventStore
from shared.store.secrets import GrantVault
from shared.store.stores import Store
from shared.store.tables import TABLES, bind_table, forget_tables
from tests.machine.memory_store import Io, memory_store


@contextmanager
def in_dynamodb() -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in {
            "DEFAULT_REGION": "us-east-1",
            "ACCESS_KEY_ID": "test",
            "SECRET_ACCESS_KEY": "test",
        }.items():
            patch.setitem(os.environ, f"AWS_{name}", os.environ.get(f"AWS_{name}", value))
        forget_tables()
        run = uuid.uuid4().hex[:8]
        for setting, model in TABLES.items():
            bind_table(model, f"contract-{run}-{setting}")
            model.create_table(billing_mode="PAY_PER_REQUEST", wait=True)
        key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        yield Store(ConnectionStore(GrantVault(key)), CalendarStore(), EventStore(), DeliveryStore())
        for model in TABLES.values():
            model.delete_table()
        forget_tables()


@contextmanager
def in_memory() -> Iterator[Store]:
    yield memory_store(Io(), now)


@pytest.fixture(scope="module", params=[in_memory, in_dynamodb], ids=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with request.param() as opened:
        yield opened


_numbers = itertools.count(1)


@pytest.fixture
def named() -> Callable[[str], str]:
    """Names of this test's own, since all tests of a store share its tables."""
    number = next(_numbers)
    return lambda name: f"{name}{number}"
