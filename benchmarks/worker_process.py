"""A process of a benchmark with the worker alone in it: `python -m benchmarks.worker_process '{"mode": "list", …}'`.

`list` reads every page with the client that the worker uses and looks at nothing; `store` does that and writes three
rows per event, of the size that the product's have, deciding nothing; `sync` hands the worker a job for a calendar
that has never been synced; `edits` makes, renames and cancels bookings in the app, and hands the worker a job after
each. Prints the figures as JSON.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.aws import LocalAws
from benchmarks.simulated import ACCOUNT, CLIENT, BenchmarkProvider, Simulated, provider_of

if TYPE_CHECKING:
    from pynamodb.models import Model

CONNECTION, USER, ORG = "connection", "anna", "demo"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/benchmark"
EDITS = 200
SERIES, BASE = bytes(150), "x" * 170
"""As long as a plain event and the fingerprints of a link are when stored."""

TABLES = ("connections", "calendars", "events", "links", "pending", "history", "deliveries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    mode: str
    simulated: Simulated
    calendar: str
    profile: str = ""

    @property
    def calendar_id(self) -> str:
        return self.simulated.calendars[self.calendar]

    @property
    def provider(self) -> BenchmarkProvider:
        return provider_of(self.simulated.provider)


@dataclass
class LambdaContext:
    """What Powertools and the worker read of Lambda's context; time never runs out."""

    function_name: str = "sync_worker"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:sync_worker"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def set_environment(simulated: Simulated) -> None:
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
        GOOGLE_CLIENT_SECRET="client",
        MICROSOFT_CLIENT_SECRET="client",
        GRANT_KEY_ARN=KEY_ARN,
        ORGANIZATION_SECRETS_PREFIX="organization/",
    )
    os.environ.update(provider_of(simulated.provider).environment(simulated))


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
    aws = LocalAws(folder / "tables", {"client": CLIENT, "notification-keys": {"current": "key"}})
    aws.install()
    return aws


def pages_of(task: Task) -> Iterator[list[dict[str, Any]]]:
    return task.provider.pages_of(task.simulated, task.calendar_id)


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
        provider=task.simulated.provider,
        status=ConnectionStatus.ACTIVE,
        created_at=now,
        updated_at=now,
        account=Account("1", ACCOUNT),
    )
    grant = GrantVault(KEY_ARN).seal(CONNECTION, task.provider.secret_of(task.simulated))
    ConnectionRow(CONNECTION, **connection_values(connection), version=0, grant=grant).save()
    calendar = Calendar(
        id=f"{CONNECTION}.calendar",
        connection_id=CONNECTION,
        owner=owner,
        remote_id=task.calendar_id,
        name="Calendar",
        zone="Europe/Berlin",
        access=Access.OWNER,
        main=True,
    )
    assert store.calendars.create(calendar)
    return calendar.id


def warm_up(task: Task) -> None:
    """A call to the provider, and the worker with a job for nothing: all is imported, built and connected."""
    from shared.model import Privacy
    from shared.providers.base import FromStart

    secret = task.provider.secret_of(task.simulated)
    session = task.provider.open_provider().open(secret, quota_user="benchmark", privacy=Privacy.FULL)
    session.calendars.fetch_page(task.calendar_id, FromStart(datetime.now(UTC)))
    run_worker({"Records": [job("nobody.nothing")]}, "")


def edit(task: Task, folder: Path) -> dict[str, Any]:
    """The requests that `EDITS` bookings cost when they are made, renamed and cancelled, and what they say of
    themselves when the provider announces them."""
    from shared.config import SyncWorkerSettings
    from shared.event_json import parse_series
    from shared.model import APP, Event, Owner, Series
    from shared.store.events import Record
    from shared.wiring import make_house

    local_aws(folder)
    calendar_id = store_connection(task)
    house, owner = make_house(SyncWorkerSettings.read()), Owner(ORG, USER)
    start, end = ({"date_time": f"2027-03-01T{hour}:00:00", "time_zone": "Europe/Berlin"} for hour in ("09", "10"))

    def write(version: int, series: Series, *, deleted: bool = False) -> None:
        for number in range(EDITS):
            name, now = f"edit{number}", datetime.now(UTC)
            event = Event(
                id=name, owner=owner, series=series, origin=APP, version=version, updated_at=now, deleted=deleted
            )  # fmt: skip
            house.store.events.record([Record(owner=owner, event_id=name, event=event, marks=(calendar_id,))])

    body = {"title": "Consultation", "start": start, "end": end}
    before, after = parse_series(body), parse_series(body | {"title": "Renamed"})
    work(task, calendar_id)
    figures: dict[str, Any] = {}
    write(1, before)
    figures["made"] = work(task, calendar_id)
    figures["announced: made"] = work(task, calendar_id)
    write(2, after)
    figures["renamed"] = work(task, calendar_id)
    figures["announced: renamed"] = work(task, calendar_id)
    write(3, after, deleted=True)
    figures["cancelled"] = work(task, calendar_id)
    figures["announced: cancelled"] = work(task, calendar_id)
    return figures


def work(task: Task, calendar_id: str) -> dict[str, Any]:
    """One job for a calendar, as often as it asks to go on in the next minute of its own pace; what the simulator
    counted meanwhile."""
    from shared.providers.pace import pace_of

    task.simulated.control("DELETE", "calls")
    for _ in range(5):
        pace_of.cache_clear()
        if not run_worker({"Records": [job(calendar_id)]}, "")["batchItemFailures"]:
            break
    else:
        raise AssertionError("the job does not come to an end")
    seen = task.simulated.control("GET", "calls")
    requests = dict(seen["by_method"])
    for name, count in seen.get("steps", {}).items():
        requests[name] -= count
    return {
        "requests": {name: count for name, count in requests.items() if count},
        "steps": seen.get("steps", {}),
        "peak": max(seen.get("peak_concurrency", {}).values(), default=0),
    }


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


def peak_mb() -> float:
    """The most memory this process has held. `ru_maxrss` would do if it did not also count the process that this
    one was started from: Linux carries it over."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    given = json.loads(sys.argv[1])
    task = Task(**given | {"simulated": Simulated(**given["simulated"])})
    set_environment(task.simulated)
    with tempfile.TemporaryDirectory() as folder:
        match task.mode:
            case "list":
                figures = list_all(task)
            case "store":
                figures = store_all(task, Path(folder))
            case "edits":
                figures = edit(task, Path(folder))
            case _:
                figures = first_sync(task, Path(folder))
        print(json.dumps({**figures, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
