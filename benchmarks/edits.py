"""What many edits in the app cost at Graph, which takes several writes in one request.

The worker's own handler runs in a process by itself, with AWS answered from a file; the requests are counted by the
simulated provider in another process, and so is how many ran at a time for the mailbox.
"""

from __future__ import annotations

from typing import Any

from benchmarks.first_sync import measure
from benchmarks.simulated import filled
from benchmarks.table import Claim, show
from benchmarks.worker_process import EDITS

AT_ONCE = 4
"""Requests that Graph runs at a time for one mailbox (page "Throttling limits")."""

ROUNDS = EDITS // 20
LEAST = {"made": ROUNDS, "renamed": 2 * ROUNDS, "cancelled": 2 * ROUNDS}
"""Requests of twenty: the writes, and before a change or a deletion a look, since Graph promises no precondition."""
GROUPS = 1.5
"""The worker writes in groups of fifty, which take three requests where two and a half would do."""


def run() -> list[Claim]:
    with filled("microsoft", {"empty": 0}) as simulated:
        graph = measure(simulated, "edits", "empty")
    _show(graph)
    batches = {act: graph[act]["requests"].get("batch", 0) for act in LEAST}
    peak = max(figures["peak"] for figures in graph.values() if isinstance(figures, dict))
    text = ", ".join(f"{act} {count}" for act, count in batches.items())
    return [
        Claim(
            f"Graph: {EDITS} edits take at most {GROUPS:g} × the fewest requests of twenty: {text}",
            all(count <= GROUPS * LEAST[act] for act, count in batches.items()),
        ),
        Claim(f"Graph: never more than {AT_ONCE} at a time for a mailbox (found {peak})", 0 < peak <= AT_ONCE),
    ]


def _show(figures: dict[str, Any]) -> None:
    rows: list[list[object]] = []
    for act in (f"{prefix}{act}" for act in LEAST for prefix in ("", "announced: ")):
        requests, steps = figures[act]["requests"], figures[act]["steps"]
        batches, every = requests.get("batch", 0), sum(requests.values())
        rows.append(
            [
                f"{EDITS} {act}",
                batches,
                str(LEAST.get(act, "")),
                every,
                every - batches + sum(steps.values()),
                figures[act]["peak"],
                " ".join(f"{name.removeprefix('events.')} {count}" for name, count in sorted(steps.items())),
            ]
        )
    show(
        f"{EDITS} edits in the app, brought to Graph in one job",
        ["", "$batch", "fewest", "requests", "without $batch", "at a time", "within $batch"],
        rows,
        ["", "announced: the job that follows when Graph tells of our own writes."],
    )
