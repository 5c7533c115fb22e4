"""Holds every call that a function makes in a test to the role that the template gives it: moto itself allows all.

with held_to_roles() as inside:
    with inside("sync_worker"):
        lambda_handler(...)        # AccessDenied, as an assertion, for what the role leaves out
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.infra.template import listed, statements, text

TRANSACTION = {
    "Put": "PutItem",
    "Delete": "DeleteItem",
    "Update": "UpdateItem",
    "ConditionCheck": "ConditionCheckItem",
}  # fmt: skip
SECRETS = {"notification-keys", "state-keys", "google-client", "microsoft-client", "host-webhook"}
ORGANIZATIONS = "organizations/"
Call = tuple[str, str]


@cache
def granted(function: str) -> frozenset[Call]:
    """(action, resource) pairs, in the words that `needed` uses."""
    return frozenset(
        (action, _resource(text(resource)))
        for statement in statements(function)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    )


def _resource(name: str) -> str:
    """`ConnectionsTable.Arn` and `${ConnectionsTable.Arn}/index/by-owner` in the test's own table names."""
    for secret in SECRETS:
        if f"/{secret}-" in name:
            return secret
    if name.endswith(f"/{ORGANIZATIONS}*"):
        return ORGANIZATIONS
    plain = name.replace("${", "").replace("}", "").replace(".Arn", "")
    table, _, index = plain.partition("/index/")
    own = table[: -len("Table")].lower() + "_table" if table.endswith("Table") else table
    return f"{own}/{index}" if index else own


def needed(operation: str, given: Mapping[str, Any]) -> Iterator[Call]:
    """What IAM asks for when this call is made."""
    match operation:
        case "TransactWriteItems":
            for item in given["TransactItems"]:
                ((kind, write),) = item.items()
                yield f"dynamodb:{TRANSACTION[kind]}", write["TableName"]
        case "BatchGetItem" | "BatchWriteItem":
            for table in given["RequestItems"]:
                yield f"dynamodb:{operation}", table
        case "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem":
            yield f"dynamodb:{operation}", given["TableName"]
        case "Query":
            index = given.get("IndexName")
            yield "dynamodb:Query", f"{given['TableName']}/{index}" if index else given["TableName"]
        case "GetSecretValue" | "PutSecretValue" | "DeleteSecret":
            yield f"secretsmanager:{operation}", _secret(given["SecretId"])
        case "CreateSecret":
            yield "secretsmanager:CreateSecret", _secret(given["Name"])
        case "GenerateDataKey" | "Decrypt":
            yield f"kms:{operation}", "GrantKey"
        case "SendMessage" | "ChangeMessageVisibility" | "ReceiveMessage" | "DeleteMessage":
            yield f"sqs:{operation}", _queue(given["QueueUrl"])
        case _:
            raise AssertionError(f"No function is known to call {operation}: say in tests/roles.py what it needs.")


def _secret(name: str) -> str:
    return ORGANIZATIONS if name.startswith(ORGANIZATIONS) else name


def _queue(url: str) -> str:
    name = url.rpartition("/")[2].removesuffix(".fifo")
    return {"jobs": "Jobs", "jobs-dead": "JobsDlq", "notices": "Notices", "notices-dead": "NoticesDlq"}[name]


@contextmanager
def held_to_roles() -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    running: list[str] = []
    plainly = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        if running:
            missing = set(needed(operation, given)) - granted(running[-1])
            assert not missing, f"AccessDenied: the role of {running[-1]} does not allow {sorted(missing)}"
        return plainly(self, operation, given)

    @contextmanager
    def inside(function: str) -> Iterator[None]:
        running.append(function)
        try:
            yield
        finally:
            running.pop()

    with patch.object(BaseClient, "_make_api_call", call):
        yield inside
