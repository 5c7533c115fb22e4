"""The first sync of an organisation: requests, who waits how long, and what runs at a time.

    python -m benchmarks organization [--mailboxes 200] [--events 500] [--workers 4] [--provider microsoft]

Everybody's mailbox holds as many events, but for one that holds twenty times as many. Several workers, each a process
of its own with the worker's real handler, take batches from one FIFO queue; AWS is answered from a file that they
share (`benchmarks.shared_aws`). The simulated provider, another process, takes its time for each call, so that calls
overlap, and counts what it is asked.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from benchmarks.organization_process import DOMAIN, Task
from benchmarks.shared_aws import SharedAws
from benchmarks.simulated import CLIENT, Simulated, filled
from benchmarks.table import Claim, show

LONG = "long"
TIMES = 20
LATENCY_S = 0.02
PAGE = {"microsoft": 250, "google": 250}
AT_ONCE = 4
OVER_LEAST = 5
"""Requests for each mailbox: whether it can be used, its time zone, a look at what changed meanwhile."""
DELAY = 1.5
MANY = 100
"""Fewer mailboxes than this are all done within a turn of the long one."""
GROWTH = 1.2
NAMES = {"microsoft": "Graph", "google": "Google"}


@dataclass(frozen=True, slots=True)
class Size:
    mailboxes: int
    events: int
    workers: int

    @property
    def total(self) -> int:
        return self.mailboxes * self.events + TIMES * self.events


def run(arguments: Sequence[str] = ()) -> list[Claim]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks organization")
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--provider", choices=sorted(NAMES), default="microsoft")
    given = parser.parse_args(arguments)
    return _run(given.provider, Size(given.mailboxes, given.events, given.workers))


def _run(provider: str, size: Size) -> list[Claim]:
    with filled(provider, {}) as simulated, tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "shared.db")
        staff = (LONG, *(f"user{number:04}" for number in range(size.mailboxes)))
        mailboxes = tuple(f"{user}@{DOMAIN}" for user in staff)
        access = _let_in(simulated, mailboxes, size.events)
        task = Task(mode="prepare", simulated=simulated, path=path, mailboxes=mailboxes)
        task = replace(task, tenant=access.get("tenant", ""), key=access.get("key", ""))
        _answer_of(_process(task))
        with _workers(task, size.workers) as workers:
            aws = SharedAws(Path(path), {})
            while sum(name.startswith("ready") for name in aws.marks()) < size.workers:
                if any(process.poll() for process in workers):
                    raise RuntimeError("A worker ended before it began.")
                time.sleep(0.05)
            simulated.control("DELETE", "calls")
            aws.mark("go")
            figures = [json.loads(_answer_of(process).splitlines()[-1]) for process in workers]
        return _report(provider, size, aws, figures, simulated.control("GET", "calls"))


def _let_in(simulated: Simulated, mailboxes: Sequence[str], events: int) -> dict[str, str]:
    """Everybody with a filled calendar, and the app or the service account let in; what signs for it."""
    zone = {"timeZone": "Europe/Berlin"}
    for mailbox in mailboxes:
        simulated.control("POST", "accounts", {"email": mailbox, **zone})
        count = events * (TIMES if mailbox.startswith(f"{LONG}@") else 1)
        simulated.control("POST", f"calendars/{quote(mailbox, safe='')}/fill", {"count": count, "seed": 1})
    if simulated.provider == "google":
        from shared.providers.google.delegation import SCOPES

        body = {"name": "staff", "domain": DOMAIN, "scopes": list(SCOPES)}
        return {"key": json.dumps(simulated.control("POST", "service_accounts", body))}
    app = CLIENT["client_id"]
    simulated.control("PATCH", f"tenants/{DOMAIN}", {"roles": {app: ["Organization.Read.All", "User.Read.All"]}})
    roles = ("Application Calendars.ReadWrite", "Application MailboxSettings.Read")
    assignments = [{"role": role, "mailboxes": list(mailboxes)} for role in roles]
    simulated.control("PUT", f"tenants/{DOMAIN}/assignments/{app}", {"assignments": assignments})
    simulated.control("POST", "settings", {"empty_pages": "never", "latency_seconds": LATENCY_S})
    found = simulated.control("GET", "tenants")["tenants"]
    return {"tenant": next(one["id"] for one in found if DOMAIN in (one.get("domain"), *one.get("domains", [])))}


def _process(task: Task) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.organization_process", task.text()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _answer_of(process: subprocess.Popen[str]) -> str:
    answer, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"A process of the benchmark ended with {process.returncode}.")
    return answer


@contextmanager
def _workers(task: Task, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as started:
        workers = [
            started.enter_context(_process(replace(task, mode="work", worker=number))) for number in range(count)
        ]
        try:
            yield workers
        finally:
            for process in workers:
                process.kill()


def _report(
    provider: str, size: Size, aws: SharedAws, figures: list[dict[str, Any]], calls: dict[str, Any]
) -> list[Claim]:
    from benchmarks.organization_process import organization_of
    from shared.keys import staff_id

    noted, go, name = aws.noted(), aws.marks()["go"], NAMES[provider]
    long_one = staff_id(organization_of(provider), LONG)
    reached = {connection: at - go for connection, at in noted["in_step"]}
    usual = sorted(at for connection, at in reached.items() if connection != long_one)
    if len(usual) < size.mailboxes or long_one not in reached:
        return [Claim(f"{name}: everybody comes to be in step ({len(reached)} of {size.mailboxes + 1})", False)]
    last = usual[-1]
    others, turn = _time_of_others(noted["jobs"], long_one, go + last)
    delay = last / (others / size.workers)
    _show_waits(name, size, usual, reached[long_one], turn)
    asked = {method: count for method, count in calls["by_method"].items() if not method.startswith("oauth.")}
    requests, least = sum(asked.values()), _least(provider, size)
    _show_requests(name, asked, calls["by_status"], least)
    early, late = _memory(noted["jobs"], size)
    peaks = calls.get("peak_concurrency", {})
    at_once = max(peaks.values(), default=0)
    by_app = max(calls.get("peak_by_app", {"": 0}).values(), default=0)
    rows: list[list[object]] = [
        ["peak resident MB of a worker, after a tenth of the jobs", round(early), ""],
        ["at the end", round(late), round(GROWTH * early)],
        ["seconds of CPU of all workers, AWS taken off", round(sum(one["cpu"] for one in figures)), ""],
    ]
    if peaks:
        rows += [
            ["requests at a time, for one mailbox", at_once, AT_ONCE],
            ["requests at a time, for the app", by_app, size.workers * AT_ONCE],
        ]
    show(f"{name}: what ran at a time, and memory", ["", "measured", "at most"], rows)
    above = (requests - least) / (size.mailboxes + 1)
    claims = [
        Claim(
            f"{name}: {requests} requests for {size.mailboxes + 1} mailboxes are {requests / least:.2f} × the least"
            f" possible, {above:.1f} more for each mailbox ({OVER_LEAST} allowed)",
            above <= OVER_LEAST,
        ),
        Claim(
            f"{name}: memory does not grow with the number of mailboxes: {late / early:.2f} ×", late <= GROWTH * early
        ),
    ]
    if size.mailboxes >= MANY:
        claims.append(
            Claim(
                f"{name}: a mailbox of {TIMES * size.events:,} events delays nobody much: the last of the others was in"
                f" step after {delay:.2f} × the time that the workers took for the others alone ({DELAY:g} allowed)",
                delay <= DELAY,
            )
        )
    if peaks:
        claims.append(
            Claim(f"{name}: never more than {AT_ONCE} requests at a time for one mailbox", at_once <= AT_ONCE)
        )
    return claims


def _least(provider: str, size: Size) -> int:
    """For each mailbox the list of its calendars, which also shows that it can be used, and every page of events."""
    pages = size.mailboxes * math.ceil(size.events / PAGE[provider]) + math.ceil(TIMES * size.events / PAGE[provider])
    return size.mailboxes + 1 + pages


def _time_of_others(jobs: list[tuple[Any, ...]], group: str, until: float) -> tuple[float, float]:
    """Seconds that the workers spent on everybody but one mailbox, until a moment; and that one's longest turn."""
    others = sum(min(ended, until) - min(began, until) for _, found, began, ended, _ in jobs if found != group)
    return others, max(ended - began for _, found, began, ended, _ in jobs if found == group)


def _memory(jobs: list[tuple[Any, ...]], size: Size) -> tuple[float, float]:
    """Peak resident MB of the largest worker: after its first tenth of jobs, or its first five, and at the end."""
    early, late = list[float](), list[float]()
    for worker in range(size.workers):
        peaks = [resident for found, _, _, _, resident in jobs if found == worker]
        if peaks:
            early.append(peaks[min(len(peaks) - 1, max(5, len(peaks) // 10))])
            late.append(peaks[-1])
    return max(early), max(late)


def _show_waits(name: str, size: Size, usual: list[float], long_one: float, turn: float) -> None:
    after = {
        "the first person": usual[0],
        "half of them": median(usual),
        "nine in ten": usual[math.floor(0.9 * (len(usual) - 1))],
        "the last person": usual[-1],
        f"the one with {TIMES * size.events:,} events": long_one,
    }
    show(
        f"{name}: first sync of {size.mailboxes} mailboxes × {size.events} events and one of {TIMES * size.events:,},"
        f" {size.workers} workers",
        ["in step", "after s", "to the last"],
        [[who, seconds, seconds / usual[-1]] for who, seconds in after.items()],
        ["", f"The longest turn of the one with many took {turn:.1f} s."],
    )


def _show_requests(name: str, asked: dict[str, int], by_status: dict[str, int], least: int) -> None:
    rows: list[list[object]] = [[method, count] for method, count in sorted(asked.items(), key=lambda one: -one[1])]
    rows += [["all", sum(asked.values())], ["least possible", least]]
    refused = {status: count for status, count in by_status.items() if int(status) >= 400}
    show(f"{name}: requests", ["", "requests"], rows, ["", f"Refused: {refused or 'none'}."])
