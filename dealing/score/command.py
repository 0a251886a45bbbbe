"""Do what ``plimsoll score`` does: read a day, score every client, say why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from dealing.answers import nanoseconds, progress_on, write_json
from dealing.score.answer import ScoreAnswer, answer_json, score_answer
from dealing.score.reader import FlowReader, read_flow
from dealing.score.summary import show_answer


def run_score(
    directory: Path,
    *,
    clients: Sequence[str],
    until_ms: float | None,
    json_out: str | None,
    pivots: Sequence[str],
) -> int:
    """Answer and return the exit code.

    Args:
        directory: A book directory with instruments, quotes and deals.
        clients: Those whose decision card is wanted.
        until_ms: Stop after the events of this instant.
        json_out: Where the JSON object goes, "-" for standard output; None for the screen.
        pivots: Currencies through which conversions go.

    Raises:
        DataError: The directory cannot be used, or the JSON file cannot be written.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    found = scored_directory(directory, clients, until_ms, pivots, errors)
    for note in found.notes:
        errors.print(f"note: {note}")
    if json_out is None:
        show_answer(found, Console(highlight=False, markup=False))
    else:
        write_json(answer_json(found) + b"\n", json_out)
    return 0


def scored_directory(
    directory: Path,
    clients: Sequence[str],
    until_ms: float | None,
    pivots: Sequence[str],
    errors: Console,
) -> ScoreAnswer:
    """Return what a day of files says of its clients. Takes and raises what ``run_score`` does."""
    notes: list[str] = []
    reader = FlowReader(pivots=pivots)
    until = None if until_ms is None else nanoseconds(until_ms)
    with np.errstate(over="ignore", invalid="ignore"), progress_on(errors, "scoring") as progress:
        read_flow(directory, reader, notes, until, progress)
        return score_answer(reader, clients, notes)
