"""`make mutation`: change the deciding code in many small ways, one at a time, and see which changes no test notices.

    python -m scripts.mutation [part…]      all parts, if none is named

Each part has the tests that are to notice, and a copy of the sources under .local/mutation in which mutmut works; what
it has found stays there, and it goes on where it was stopped. Where tests have changed, what survived is tried again.
The table is of all results so far; docs/testing.md says of each survivor why it is left.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

PLACE: Final = Path(".local/mutation")
SOURCES: Final = ("shared", "functions", "simulators", "tests", "docs")
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


@dataclass(frozen=True, slots=True)
class Part:
    """Modules that are changed, and the tests that are to notice."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()

    @property
    def place(self) -> Path:
        return PLACE / self.name


LOOP: Final = ("shared/sync/engine.py", "shared/sync/settle.py")
PARTS: Final = (
    Part("decisions", ("shared/sync/*",), ("tests/unit/sync",), without=LOOP),
    Part("calendar", ("shared/calendar/*",), ("tests/unit/calendar",)),
    Part(
        "loop",
        LOOP,
        (
            "tests/machine/test_regressions.py",
            "tests/machine/test_left_behind.py",
            "tests/machine/test_long_calendars.py",
        ),
    ),
)


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - {part.name for part in PARTS})
    if unknown:
        sys.stderr.write(f"There is no part {unknown[0]}. Parts: {', '.join(part.name for part in PARTS)}.\n")
        return 2
    ended = [run(part) for part in PARTS if part.name in names or not names]
    results = dict(_results())
    sys.stdout.write(table(results))
    sys.stdout.writelines(f"  {name}\n" for found in results.values() for name in _survivors(found))
    return max(ended)


def run(part: Part) -> int:
    """mutmut's exit code, after it has tried what is not tried yet of the part as the sources are now."""
    for source in SOURCES:
        shutil.copytree(source, part.place / source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2("pyproject.toml", part.place)
    (part.place / "setup.cfg").write_text(_settings(part), encoding="utf-8")
    _try_survivors_again(part)
    mutmut = Path(sys.executable).with_name("mutmut").absolute()
    return subprocess.run([mutmut, "run", "--max-children", str(CHILDREN)], cwd=part.place, check=False).returncode  # noqa: S603


def _try_survivors_again(part: Part) -> None:
    """Forget that they survived, if the tests have changed since the last run."""
    now = sha256()
    for test in sorted((part.place / "tests").rglob("*.py")):
        now.update(test.read_bytes())
    known = part.place / "tests.sha256"
    if known.exists() and known.read_text(encoding="ascii") == now.hexdigest():
        return
    (part.place / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # which tests touch which function
    for path, found in _found(part):
        codes = {name: None if _survived(code) else code for name, code in found["exit_code_by_key"].items()}
        path.write_text(json.dumps({**found, "exit_code_by_key": codes}), encoding="utf-8")
    known.write_text(now.hexdigest(), encoding="ascii")


def _settings(part: Part) -> str:
    """mutmut's own. A mutant may take a good deal longer than the code as it is, where a whole story is told to it."""
    lists = {
        "only_mutate": part.modules,
        "do_not_mutate": part.without,
        "also_copy": [source for source in SOURCES if source not in ("shared", "tests")],
        "pytest_add_cli_args_test_selection": part.tests,
    }
    lines = ["[mutmut]", "source_paths = shared", "timeout_constant = 5.0", "timeout_multiplier = 3.0"]
    for name, values in lists.items():
        lines += [f"{name} =", *(f"  {value}" for value in values)] if values else []
    return "\n".join([*lines, ""])


def _results() -> Iterator[tuple[str, Mapping[str, int | None]]]:
    """Each module with the exit codes of its mutants."""
    for part in PARTS:
        for path, found in _found(part):
            if found["exit_code_by_key"]:
                yield str(path.relative_to(part.place / "mutants")).removesuffix(".py.meta"), found["exit_code_by_key"]


def _found(part: Part) -> Iterator[tuple[Path, dict[str, Any]]]:
    """What mutmut keeps of each module."""
    for path in sorted((part.place / "mutants").rglob("*.py.meta")):
        yield path, json.loads(path.read_text(encoding="utf-8"))


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
    return [name for name, code in codes.items() if _survived(code)]


def _survived(code: int | None) -> bool:
    return OUTCOMES.get(code) in ("survived", "no tests")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
