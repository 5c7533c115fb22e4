"""A process of the organisation's benchmark: `python -m benchmarks.organization_process '{"mode": "prepare", …}'`.

`prepare` stores an authorised organisation with its list of staff, and its first job; `work` is a worker that takes
batches from the queue until there is nothing left, as Lambda's event source mapping would hand them to it.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.shared_aws import Message, SharedAws
from benchmarks.simulated import CLIENT, Simulated
from benchmarks.worker_process import KEY_ARN, LambdaContext, peak_mb, set_environment

ORG, DOMAIN = "demo", "staff.example"
BATCH = 10
"""As the template has it."""
IDLE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`key`: a Google service account's key file; `tenant`: Microsoft's id of the tenant."""

    mode: str
    simulated: Simulated
    path: str
    mailboxes: tuple[str, ...]
    tenant: str = ""
    key: str = ""
    worker: int = 0

    def text(self) -> str:
        return json.dumps(asdict(self))


def organization_of(provider: str) -> str:
    from shared.keys import organization_id

    return organization_id(ORG, provider)


def secret_of(task: Task) -> bytes:
    if task.simulated.provider == "google":
        from shared.providers.google.delegation import encode_secret, read_key

        return encode_secret(read_key(task.key.encode()), DOMAIN)
    from shared.providers.microsoft.app_grant import encode_application

    return encode_application(task.tenant)


def open_aws(task: Task) -> SharedAws:
    """Every secret is there from the start: the queue's keys, the app's credentials, an organisation's key."""
    identifier = organization_of(task.simulated.provider)
    entries: dict[str, dict[str, str]] = {"client": CLIENT, "notification-keys": {"current": "key"}}
    if task.key:
        entries[f"organization/{identifier}"] = {"current": base64.b64encode(secret_of(task)).decode(), "next": ""}
    aws = SharedAws(Path(task.path), entries)
    aws.install()
    return aws


def prepare(task: Task) -> None:
    from shared.config import SyncWorkerSettings
    from shared.keys import staff_id
    from shared.model import Connection, ConnectionStatus, Organization, Owner, Policy
    from shared.queue import ConnectionJob
    from shared.store.codec import connection_values
    from shared.store.secrets import GrantVault
    from shared.store.tables import ConnectionRow
    from shared.wiring import make_house

    open_aws(task)
    house, now, provider = make_house(SyncWorkerSettings.read()), datetime.now(UTC), task.simulated.provider
    organization = Connection(
        id=organization_of(provider),
        owner=Owner(ORG, ""),
        provider=provider,
        status=ConnectionStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        organization=Organization(
            display_name="Staff",
            place=DOMAIN,
            access="application",
            tenant=task.tenant or DOMAIN,
            show_titles=True,
            has_key=bool(task.key),
            walk="",
        ),
    )
    grant = GrantVault(KEY_ARN).seal(organization.id, secret_of(task))
    ConnectionRow(organization.id, **connection_values(organization), version=0, grant=grant).save()
    for mailbox in task.mailboxes:
        user = mailbox.partition("@")[0]
        person = Connection(
            id=staff_id(organization.id, user),
            owner=Owner(ORG, user),
            provider=provider,
            status=ConnectionStatus.PENDING,
            created_at=now,
            updated_at=now,
            policy=Policy(),
            member_of=organization.id,
            mailbox=mailbox,
        )
        ConnectionRow(person.id, **connection_values(person), version=0).save()
    house.jobs.send(ConnectionJob(organization.id))


def work(task: Task) -> dict[str, Any]:
    """Until the queue is empty. The clock starts when every worker has imported and built what it needs."""
    from functions.sync_worker.handler import lambda_handler

    aws = open_aws(task)
    lambda_handler(
        {"Records": [_record(Message(0, "nobody", '{"connection_id": "nobody"}', 1, 1, 1))]}, LambdaContext()
    )
    aws.mark(f"ready {task.worker}")
    while "go" not in aws.marks():
        time.sleep(IDLE_S)
    began_cpu, aws.cpu = time.process_time(), 0.0
    while (batch := aws.receive(BATCH)) is not None:
        if not batch:
            time.sleep(IDLE_S)
        failed: set[str] = set()
        for message in batch:
            began = time.time()
            if message.group in failed:
                aws.release(message)
                continue
            answer = lambda_handler({"Records": [_record(message)]}, LambdaContext())
            aws.note_job(task.worker, message.group, began, peak_mb())
            if answer["batchItemFailures"]:
                failed.add(message.group)
            else:
                aws.done(message)
    return {"cpu": time.process_time() - began_cpu - aws.cpu, "peak_mb": peak_mb(), "calls": dict(aws.calls)}


def _record(message: Message) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.tries),
        "MessageGroupId": message.group,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateFirstReceiveTimestamp": str(message.first_ms),
    }
    return {
        "messageId": str(message.id),
        "receiptHandle": str(message.id),
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs.fifo",
        "awsRegion": "us-east-1",
    }


def main() -> None:
    given = json.loads(sys.argv[1])
    task = Task(**given | {"simulated": Simulated(**given["simulated"]), "mailboxes": tuple(given["mailboxes"])})
    set_environment(task.simulated)
    os.environ["POWERTOOLS_LOG_LEVEL"] = "ERROR"
    if task.mode == "prepare":
        prepare(task)
    else:
        print(json.dumps(work(task)))


if __name__ == "__main__":
    main()
