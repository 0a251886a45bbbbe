"""How a command answers: a bar while it works, and JSON where somebody wants it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dealing.directory import write_whole
from exposure.errors import DataError

STANDARD_OUTPUT: Final = "-"

_NS_PER_MS: Final = 1_000_000

Report = Callable[[float], None]
"""Told from time to time how much is done, in [0, 1]."""


def silently(_: float) -> None:
    """Tell nobody how much is done."""
    return


def nanoseconds(ms: float) -> int:
    """Return a time in nanoseconds, rounded half-even once."""
    return int((Decimal(str(ms)) * _NS_PER_MS).to_integral_value(ROUND_HALF_EVEN))


@contextmanager
def progress_on(console: Console, doing: str) -> Iterator[Report]:
    """Show a bar while the block runs if the console is a terminal, and nothing if it is not.

    Args:
        console: Where a person may look.
        doing: What is done, once its size is known.
    """
    if not console.is_terminal:
        yield silently
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done: bar.update(task, description=doing, total=1.0, completed=done)


def write_json(content: bytes, json_out: str) -> None:
    """Write an answer to where ``--json`` says, ``-`` for standard output.

    Raises:
        DataError: It cannot be written.
    """
    if json_out == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        return
    path = Path(json_out)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # a pipe or a device is written to, never replaced
        else:
            write_whole(path, content)
    except OSError as e:
        raise DataError(f"{json_out} cannot be written: {e.strerror}") from e
