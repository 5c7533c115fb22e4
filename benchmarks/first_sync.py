"""The first sync of a large calendar, against only reading it, and its memory.

Three ways through the same pages, each in a process of its own, taking turns: listing and nothing else; listing and
writing three rows per event; the real worker with one job. AWS is answered from a file (`benchmarks.aws`) and what
that costs is taken off, since no emulator's time is the product's; so is the simulated Google, another process.
Counted is CPU time: this machine's network is none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.simulated import Simulated, filled
from benchmarks.table import Claim, show

SMALL, LARGE, ROUNDS = 1_000, 10_000, 3
PROVIDERS = {"google": "Google", "microsoft": "Graph"}
OVER_WRITING = 3.0
"""More than this times the bare writing, and deciding costs more than it should."""
GROWTH = 1.20
"""More than this between the two sizes, and memory grows with the calendar."""


def run() -> list[Claim]:
    return [claim for provider in PROVIDERS for claim in _run(provider)]


def _run(provider: str) -> list[Claim]:
    runs: dict[str, list[dict[str, Any]]] = {"list": [], "store": [], "sync": []}
    with filled(provider, {"small": SMALL, "large": LARGE}) as simulated:
        for _ in range(ROUNDS):
            for mode, figures in runs.items():
                figures.append(measure(simulated, mode, "large"))
        small = measure(simulated, "sync", "small")
    cpu = {mode: median(figures["cpu"] for figures in found) for mode, found in runs.items()}
    wall = {mode: median(figures["wall"] for figures in found) for mode, found in runs.items()}
    name = PROVIDERS[provider]
    _show_time(name, cpu, wall, runs["list"][0]["pages"])
    _show_calls(name, runs["sync"][0])
    return [
        Claim(
            f"{name}: a first sync costs {cpu['sync'] / cpu['store']:.1f} × listing and writing as many rows"
            f" ({OVER_WRITING:g} allowed)",
            cpu["sync"] <= OVER_WRITING * cpu["store"],
        ),
        _memory(
            name, small["peak_mb"], max(figures["peak_mb"] for figures in runs["sync"]), runs["list"][0]["peak_mb"]
        ),
    ]


def measure(simulated: Simulated, mode: str, calendar: str, profile: str = "") -> dict[str, Any]:
    """What a process that does `mode` (see `benchmarks.worker_process`) counted."""
    task = {"mode": mode, "simulated": asdict(simulated), "calendar": calendar, "profile": profile}
    command = [sys.executable, "-m", "benchmarks.worker_process", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _show_time(provider: str, cpu: dict[str, float], wall: dict[str, float], pages: int) -> None:
    names = {
        "list": "list every page, with the worker's client",
        "store": "list, and write three rows per event",
        "sync": "first sync, by the worker",
    }
    rows = [
        [
            name,
            cpu[mode],
            cpu[mode] / cpu["list"],
            cpu[mode] / cpu["store"],
            round(LARGE / cpu[mode]),
            wall[mode],
            wall[mode] / wall["list"],
        ]
        for mode, name in names.items()
    ]
    show(
        f"{provider}: first sync of {LARGE:,} events in {pages} pages, seconds of this process, median of {ROUNDS}",
        ["", "CPU s", "to listing", "to writing", "events/s", "wall s", "to listing"],
        rows,
        ["", "AWS answers from a file, at no cost: neither DynamoDB's latency nor an emulator's is in these figures."],
    )


def _show_calls(provider: str, sync: dict[str, Any]) -> None:
    rows = [[name, count, count * 1000 / LARGE] for name, count in sorted(sync["calls"].items())]
    items = ", ".join(f"{name} {count / LARGE:.1f}" for name, count in sorted(sync["items"].items()))
    show(
        f"{provider}: calls to AWS during that first sync",
        ["operation", "calls", "per 1,000 events"],
        rows,
        ["", f"DynamoDB items per event: {items}"],
    )


def _memory(provider: str, small: float, large: float, listing: float) -> Claim:
    ratio = large / small
    rows = [
        [f"list {LARGE:,} events", round(listing), listing / small],
        [f"first sync of {SMALL:,} events", round(small), 1.0],
        [f"first sync of {LARGE:,} events", round(large), ratio],
    ]
    show(f"{provider}: peak resident memory of the worker's process", ["", "MB", "ratio"], rows)
    return Claim(
        f"{provider}: memory does not grow with the calendar: {ratio:.2f} × at ten times the events", ratio <= GROWTH
    )
