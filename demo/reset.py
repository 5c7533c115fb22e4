"""`python -m demo.reset`: forget what the demo stored. Refuses while the demo runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from demo.exclusive import InUse, exclusive
from demo.tools import LOCAL

DEMO_STATE: Final = LOCAL / "demo"
"""Where the demo keeps its stack, its keys and its simulators."""


def forget(state_dir: Path) -> None:
    """Remove the demo's state; raises `InUse` if its stack, in `state_dir/stack`, runs."""
    if state_dir.exists():
        with exclusive(state_dir / "stack" / "lock", wait=False):
            shutil.rmtree(state_dir)


if __name__ == "__main__":
    try:
        forget(DEMO_STATE)
    except InUse:
        sys.exit("The demo is running: stop it first (Ctrl-C), then run make demo-reset again.")
    print("The demo starts afresh next time.")
