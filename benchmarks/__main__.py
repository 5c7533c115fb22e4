"""`python -m benchmarks [calls] [cold_start] [edits] [first_sync]`: run those named, or all; 1 if a claim fails."""

from __future__ import annotations

import importlib
import sys

NAMES = ("calls", "cold_start", "edits", "first_sync")


def main() -> int:
    wanted = sys.argv[1:] or list(NAMES)
    if unknown := set(wanted) - set(NAMES):
        print(f"There is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    claims = [claim for name in wanted for claim in importlib.import_module(f"benchmarks.{name}").run()]
    print()
    for claim in claims:
        print(f"  {'yes' if claim.holds else 'NO '}  {claim.sentence}")
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main())
