"""Small aligned tables, and the verdict of a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence that the figures bear out, or do not."""

    sentence: str
    holds: bool


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], notes: Sequence[str] = ()) -> None:
    """Print a table: the first column to the left, numbers to the right, notes beneath."""
    texts = [list(head), *([_text(cell) for cell in row] for row in rows)]
    left = [all(isinstance(row[at], str) for row in rows) for at in range(len(head))]
    widths = [max(len(line[at]) for line in texts) for at in range(len(head))]
    print(f"\n{title}\n")
    for line in texts:
        cells = [
            text.ljust(width) if to_left else text.rjust(width)
            for text, width, to_left in zip(line, widths, left, strict=True)
        ]
        print(f"  {'  '.join(cells)}".rstrip())
    for note in notes:
        print(f"  {note}")


def _text(cell: object) -> str:
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
