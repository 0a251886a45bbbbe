"""``plimsoll revenue``: what the commands say and how they end."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
from rich.console import Console

from dealing.answers import progress_on, write_json
from dealing.revenue.check import Files, check, show
from dealing.revenue.export import export
from dealing.revenue.ports import RevenueStore


def run_check(store: RevenueStore, files: Files, *, json_out: str | None) -> int:
    """Prove what is kept, tell it, and return 1 if a law is broken, else 0.

    Args:
        store: What is kept.
        files: The closed days' files.
        json_out: Where the report goes as JSON, "-" for standard output; None for a table.

    Raises:
        DeskError: The store cannot be read, or the JSON file cannot be written.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with progress_on(errors, "checking") as progress:
        report = check(store, files, progress)
    if json_out is None:
        show(report, Console(highlight=False, markup=False, soft_wrap=True))
    else:
        write_json(msgspec.json.encode(report) + b"\n", json_out)
    return 0 if report.ok else 1


def run_export(store: RevenueStore, first: date | None, last: date | None, out: Path) -> int:
    """Write the facts of a period into a file, say how many they are, and return 0.

    Raises:
        DeskError: The store cannot be read, or the file cannot be written.
    """
    count = export(store, (first, last), out)
    Console(highlight=False, markup=False, soft_wrap=True).print(f"{count:,} facts in {out}.")
    return 0
