"""`make mutation`: change the deciding code in many small ways, one at a time, and see which changes no test notices.

    python -m scripts.mutation [name…]      names as mutmut has them: shared.sync.conflict*

What and by which tests is in pyproject ([tool.mutmut]). mutmut keeps its results in mutants/ and goes on where it was
stopped. The table at the end is of all results so far; docs/testing.md says of each survivor why it is left.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

RESULTS: Final = Path("mutants")
CHILDREN: Final = 2
NOTICED: Final = ("killed", "timeout")
OUTCOMES: Final[Mapping[int | None, str]] = {
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    24: "timeout",
    -24: "timeout",
    36: "timeout",
    152: "timeout",
    255: "timeout",
    None: "not run",
}
"""mutmut's exit codes."""


def main(names: list[str]) -> int:
    mutmut = Path(sys.executable).with_name("mutmut")
    ended = subprocess.run([mutmut, "run", "--max-children", str(CHILDREN), *names], check=False)  # noqa: S603
    results = dict(_results())
    sys.stdout.write(table(results))
    sys.stdout.writelines(f"  {name}\n" for found in results.values() for name in _survivors(found))
    return ended.returncode


def _results() -> Iterator[tuple[str, Mapping[str, int | None]]]:
    """Each module with the exit codes of its mutants."""
    for path in sorted(RESULTS.rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        if codes:
            yield str(path.relative_to(RESULTS)).removesuffix(".py.meta"), codes


def table(results: Mapping[str, Mapping[str, int | None]]) -> str:
    """One line for each module, and one for all: mutants, how many were noticed, and the share of those that ran."""
    lines = [f"{'module':34}{'mutants':>8}{'noticed':>8}{'survived':>9}{'no tests':>9}{'not run':>8}{'score':>8}\n"]
    total: Counter[str] = Counter()
    for module, codes in results.items():
        counted = Counter(OUTCOMES.get(code, "killed") for code in codes.values())
        total.update(counted)
        lines.append(_line(module, counted))
    return "".join([*lines, _line("all", total)])


def _line(name: str, counted: Counter[str]) -> str:
    noticed = sum(counted[outcome] for outcome in NOTICED)
    ran = counted.total() - counted["not run"]
    score = f"{noticed / ran:7.1%}" if ran else ""
    numbers = f"{counted.total():8}{noticed:8}{counted['survived']:9}{counted['no tests']:9}{counted['not run']:8}"
    return f"{name:34}{numbers}{score:>8}\n"


def _survivors(codes: Mapping[str, int | None]) -> list[str]:
    return [name for name, code in codes.items() if OUTCOMES.get(code) in ("survived", "no tests")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
