"""`python -m benchmarks [calls] [cold_start] [edits] [first_sync] [organization]`: run those named, or all; 1 if a
claim fails. Options are for the last one that is named: `python -m benchmarks organization --mailboxes 20`.
"""

from __future__ import annotations

import importlib
import sys

NAMES = ("calls", "cold_start", "edits", "first_sync", "organization")


def main() -> int:
    given = sys.argv[1:]
    at = next((at for at, word in enumerate(given) if word.startswith("-")), len(given))
    wanted, options = given[:at] or list(NAMES), given[at:]
    if unknown := set(wanted) - set(NAMES):
        print(f"There is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    claims = []
    for name in wanted:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        claims += benchmark.run(options) if options and name == wanted[-1] else benchmark.run()
    print()
    for claim in claims:
        print(f"  {'yes' if claim.holds else 'NO '}  {claim.sentence}")
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
