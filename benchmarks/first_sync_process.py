"""One process of the first-sync benchmark: `python -m benchmarks.first_sync_process '{"mode": "list", …}'`.

`list` reads every page with the client that the worker uses and looks at nothing; `store` does that and writes three
rows per event, of the size that the product's have, deciding nothing; `sync` hands the worker a job for a calendar
that has never been synced. Prints the figures as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.aws import LocalAws

if TYPE_CHECKING:
    from pynamodb.models import Model

CONNECTION, USER, ORG = "connection", "anna", "demo"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/benchmark"
CLIENT = {"client_id": "client", "client_secret": "secret"}
SERIES, BASE = bytes(150), "x" * 170
"""As long as a plain event and the fingerprints of a link are when stored."""

TABLES = ("connections", "calendars", "events", "links", "pending", "history", "deliveries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    mode: str
    google_url: str
    calendar: str
    tokens: dict[str, str]
    profile: str = ""


@dataclass
class LambdaContext:
    """What Powertools and the worker read of Lambda's context; time never runs out."""

    function_name: str = "sync_worker"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:sync_worker"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def set_environment(google_url: str) -> None:
    os.environ.update(
        {f"{table.upper()}_TABLE": table for table in TABLES},
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="benchmark",
        AWS_SECRET_ACCESS_KEY="benchmark",
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_LOG_LEVEL="ERROR",
        JOBS_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/jobs.fifo",
        NOTICES_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/notices",
        NOTIFICATION_KEYS_SECRET="notification-keys",
        GOOGLE_CLIENT_SECRET="google-client",
        GOOGLE_OAUTH_URL=google_url,
        GOOGLE_API_URL=google_url,
        GRANT_KEY_ARN=KEY_ARN,
    )


def list_all(task: Task) -> dict[str, Any]:
    """The floor: the same pages through the same client, each thrown away."""
    pages = pages_of(task)
    next(pages_of(task))  # the client is built
    began_cpu, began = time.process_time(), time.perf_counter()
    sizes = [len(page) for page in pages]
    return {**spent(began_cpu, began), "events": sum(sizes), "pages": len(sizes)}


def store_all(task: Task, folder: Path) -> dict[str, Any]:
    """The second floor: the same pages, and for each event an item of the three kinds, thirty events a transaction."""
    from pynamodb.connection import Connection
    from pynamodb.transactions import TransactWrite

    from shared.config import SyncWorkerSettings
    from shared.store.tables import bind_tables

    aws = local_aws(folder)
    bind_tables(SyncWorkerSettings.read())
    connection = Connection()
    pages = pages_of(task)
    next(pages_of(task))
    began_cpu, began = time.process_time(), time.perf_counter()
    for page in pages:
        for at in range(0, len(page), 30):
            with TransactWrite(connection=connection) as write:
                for item in page[at : at + 30]:
                    for row in rows_of(item["id"]):
                        write.save(row)
    figures = spent(began_cpu, began)
    return {**figures, "cpu": figures["cpu"] - aws.cpu}


def rows_of(name: str) -> tuple[Model, ...]:
    """What the product stores of an event that it takes over: as many attributes, about as long."""
    from shared.store.tables import EventRow, HistoryRow, LinkRow

    now, owner, calendar = "2027-03-01T09:00:00.000000Z", f"{ORG}|{USER}", f"{CONNECTION}.calendar"
    event = EventRow(
        owner, name, series=SERIES, origin=calendar, ends_at=now, deleted=False, updated_at=now, version=1
    )  # fmt: skip
    link = LinkRow(calendar, name, event_id=name, etag='"3400000003142000"', base=BASE, seen="run")
    history = HistoryRow(
        f"{name}|{owner}",
        now,
        actor=calendar,
        rule="import",
        sentence="Taken over from the connected calendar.",
        fields="[]",
        lost="{}",
        version=1,
        expires_at_s=1,
    )
    return event, link, history


def spent(began_cpu: float, began: float) -> dict[str, float]:
    """Seconds since then: of this process's CPU, and by the clock."""
    return {"cpu": time.process_time() - began_cpu, "wall": time.perf_counter() - began}


def local_aws(folder: Path) -> LocalAws:
    aws = LocalAws(folder / "tables", {"google-client": CLIENT, "notification-keys": {"current": "key"}})
    aws.install()
    return aws


def pages_of(task: Task) -> Iterator[list[dict[str, Any]]]:
    """Every page of the calendar, asked for as `GoogleCalendars.fetch_page` does."""
    from shared.config import GoogleSettings
    from shared.providers.base import ClientSecret
    from shared.providers.google.calendar import _EVENT_TYPES, PAGE_SIZE
    from shared.providers.google.errors import Subject
    from shared.providers.google.grant import Grant
    from shared.providers.google.wire import Wire

    settings = GoogleSettings.read()
    wire = Wire(Grant(secret_of(task), settings, ClientSecret(**CLIENT)), settings, quota_user="benchmark")
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat(timespec="seconds").replace("+00:00", "Z")

    def page(token: str | None) -> dict[str, Any]:
        return wire.events(
            "list",
            Subject.CALENDAR,
            calendarId=task.calendar,
            singleEvents=False,
            maxResults=PAGE_SIZE,
            eventTypes=_EVENT_TYPES,
            timeMin=since,
            pageToken=token,
        )

    answer = page(None)
    yield answer["items"]
    while token := answer.get("nextPageToken"):
        answer = page(token)
        yield answer["items"]


def first_sync(task: Task, folder: Path) -> dict[str, Any]:
    """The worker's own handler with one job, AWS answered from a file."""
    from shared.store.calendars import CalendarStore

    aws = local_aws(folder)
    calendar_id = store_connection(task)
    warm_up(task)
    event = {"Records": [job(calendar_id)]}
    aws.forget_counts()
    began_cpu, began = time.process_time(), time.perf_counter()
    answer = run_worker(event, task.profile)
    measured, cost = spent(began_cpu, began), aws.cpu
    figures = {**measured, "cpu": measured["cpu"] - cost, "calls": dict(aws.calls), "items": dict(aws.items)}
    assert not answer["batchItemFailures"], answer
    calendar = CalendarStore().load(calendar_id)
    assert calendar is not None
    assert calendar.checkpoint.first_completed
    return figures


def run_worker(event: dict[str, Any], profile: str) -> Any:
    from functions.sync_worker.handler import lambda_handler

    if not profile:
        return lambda_handler(event, LambdaContext())
    import cProfile

    with cProfile.Profile() as measured:
        answer = lambda_handler(event, LambdaContext())
    measured.dump_stats(profile)
    return answer


def store_connection(task: Task) -> str:
    """A connection as it is just after its confirmation, with one calendar; the calendar's id."""
    from shared.config import SyncWorkerSettings
    from shared.model import Access, Account, Calendar, Connection, ConnectionStatus, Owner
    from shared.store.codec import connection_values
    from shared.store.secrets import GrantVault
    from shared.store.tables import ConnectionRow
    from shared.wiring import make_house

    store = make_house(SyncWorkerSettings.read()).store
    now, owner = datetime.now(UTC), Owner(ORG, USER)
    connection = Connection(
        id=CONNECTION,
        owner=owner,
        provider="google",
        status=ConnectionStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        account=Account("1", task.calendar),
    )
    grant = GrantVault(KEY_ARN).seal(CONNECTION, secret_of(task))
    ConnectionRow(CONNECTION, **connection_values(connection), version=0, grant=grant).save()
    calendar = Calendar(
        id=f"{CONNECTION}.calendar",
        connection_id=CONNECTION,
        owner=owner,
        remote_id=task.calendar,
        name="Calendar",
        zone="Europe/Berlin",
        access=Access.OWNER,
        main=True,
    )
    assert store.calendars.create(calendar)
    return calendar.id


def warm_up(task: Task) -> None:
    """A call to Google, and the worker with a job for nothing: all is imported, built and connected."""
    from shared.config import GoogleSettings
    from shared.model import Privacy
    from shared.providers.base import ClientSecret, FromStart
    from shared.providers.google import GoogleProvider

    provider = GoogleProvider(GoogleSettings.read(), ClientSecret(**CLIENT))
    session = provider.open(secret_of(task), quota_user="benchmark", privacy=Privacy.FULL)
    session.calendars.fetch_page(task.calendar, FromStart(datetime.now(UTC)))
    run_worker({"Records": [job("nobody.nothing")]}, "")


def job(calendar_id: str) -> dict[str, Any]:
    from shared.queue import CalendarJob, encode_job

    now_ms = str(int(time.time() * 1000))
    times = ("SentTimestamp", "ApproximateFirstReceiveTimestamp")
    return {
        "messageId": calendar_id,
        "receiptHandle": "receipt",
        "body": encode_job(CalendarJob(calendar_id)),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": calendar_id,
            **dict.fromkeys(times, now_ms),
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs.fifo",
        "awsRegion": "us-east-1",
    }


def secret_of(task: Task) -> bytes:
    from shared.providers.google.auth import EVENTS_SCOPE
    from shared.providers.google.grant import encode_secret

    expiry = (datetime.now(UTC) + timedelta(minutes=50)).replace(tzinfo=None)
    tokens = task.tokens
    return encode_secret(
        refresh_token=tokens["refresh_token"], token=tokens["access_token"], expiry=expiry, scopes=[EVENTS_SCOPE]
    )


def peak_mb() -> float:
    """The most memory this process has held. `ru_maxrss` would do if it did not also count the process that this
    one was started from: Linux carries it over."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    task = Task(**json.loads(sys.argv[1]))
    set_environment(task.google_url)
    with tempfile.TemporaryDirectory() as folder:
        match task.mode:
            case "list":
                figures = list_all(task)
            case "store":
                figures = store_all(task, Path(folder))
            case _:
                figures = first_sync(task, Path(folder))
        print(json.dumps({**figures, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
