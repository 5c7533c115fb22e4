"""`make soak`: many seeds across processes, or one seed told as a story.

    python -m tests.machine.soak --seeds 20000 --from 0 --jobs 2
    python -m tests.machine.soak --seed 1234          tells that seed, shortened if something is wrong with it
    python -m tests.machine.soak --seed 1234 --steps app_books:1:2:3,syncs:0:0:0

The last line is `soak: N seeds, N steps, N faults injected, N violations`; the exit code tells whether any was found.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.machine.story import Step, Story, seed_of, shortened, steps_of, tell

BLOCK = 50
"""Seeds that a process is given at a time."""


@dataclass(frozen=True)
class Found:
    """What came of a block of seeds: `wrong` holds a sentence for each seed that failed."""

    seeds: int
    steps: int
    faults: int
    wrong: tuple[tuple[str, str], ...]


def run(seeds: Sequence[int]) -> Found:
    gc.disable()
    gc.freeze()
    steps = faults = 0
    wrong: list[tuple[str, str]] = []
    for number in seeds:
        seed = seed_of(number)
        story, found = tell(seed, steps_of(seed), snapshot=number % 2 == 0)
        steps += len(story.steps)
        faults += story.faults
        if found is not None:
            wrong.append((seed, _sentence(found)))
    gc.collect()
    return Found(len(seeds), steps, faults, tuple(wrong))


def soak(first: int, count: int, jobs: int) -> int:
    """Run the seeds; how many of them found something."""
    seeds = steps = faults = 0
    wrong: list[tuple[str, str]] = []
    begun = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(run, _blocks(first, count)):
            seeds, steps, faults = seeds + found.seeds, steps + found.steps, faults + found.faults
            for seed, sentence in found.wrong:
                wrong.append((seed, sentence))
                print(f"seed {seed}: {sentence}", flush=True)
            if seeds % 1000 == 0:
                print(f"… {seeds} seeds in {time.monotonic() - begun:.0f} s, next {first + seeds}", flush=True)
    print(f"soak: {seeds} seeds, {steps} steps, {faults} faults injected, {len(wrong)} violations")
    if wrong:
        print(f"Tell one of them with: make soak SEED={wrong[0][0]}")
    return len(wrong)


def _blocks(first: int, count: int) -> Iterator[range]:
    for begin in range(first, first + count, BLOCK):
        yield range(begin, min(begin + BLOCK, first + count))


def tell_one(seed: str, steps: list[Step], *, short: bool) -> int:
    story, wrong = tell(seed, steps)
    if wrong is not None and short:
        story, wrong = tell(seed, shortened(seed, steps, wrong))
    print("\n".join(_lines(seed, story)))
    if wrong is None:
        print("Both sides are equal, and all that must hold holds.")
        return 0
    print(f"→ {_sentence(wrong)}")
    print(f"Exactly this: make soak SEED={seed} STEPS={','.join(map(str, story.steps))}")
    return 1


def _lines(seed: str, story: Story) -> list[str]:
    return [f"The story of seed {seed}:", *(f"  {line}" for line in story.told)]


def _sentence(wrong: BaseException) -> str:
    return str(wrong) if type(wrong).__name__ == "Violation" else f"{type(wrong).__name__}: {wrong}"


def read_steps(text: str) -> list[Step]:
    parts = [one.split(":") for one in text.split(",") if one]
    return [Step(name, int(a), int(b), int(c)) for name, a, b, c in parts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", default="")
    parser.add_argument("--steps", default="", help="these steps instead of those that the seed stands for")
    parser.add_argument("--whole", action="store_true", help="do not shorten the story")
    given = parser.parse_args()
    if given.seed:
        steps = read_steps(given.steps) if given.steps else steps_of(given.seed)
        return tell_one(given.seed, steps, short=not given.whole and not given.steps)
    return 1 if soak(given.first, given.seeds, given.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
