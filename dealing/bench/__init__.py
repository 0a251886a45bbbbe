"""``plimsoll bench``: figures that a stranger can print, as ratios of one interleaved run.

Absolute times depend on the machine; the ratios compare the same work on the same ticks, turn by
turn, and the results are asserted equal before anything is printed. What is measured and why:
docs/performance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import msgspec
import orjson
from rich.console import Console

from dealing.answers import progress_on, write_json
from dealing.bench.flow_rows import flow_rows
from dealing.bench.goals import Row
from dealing.bench.keeping_rows import keeping_rows
from dealing.bench.latency import latency_rows
from dealing.bench.machine import Machine, this_machine
from dealing.bench.markout_rows import markout_rows
from dealing.bench.peer_rows import bound_rows, peer_tick_rows, refresh_rows, touched_row
from dealing.bench.table import show
from dealing.bench.ticks import long_rows, opened, tick_rows
from dealing.bench.workload import Levels, Size, open_book

Step = Callable[[], list[Row]]


class Request(NamedTuple):
    """What to measure: ``long`` adds the run of two million ticks, ``peers`` other tools."""

    sizes: tuple[Size, ...]
    quick: bool
    peers: bool
    long: bool


def run_bench(
    *, size: str | None, quick: bool, peers: bool, long: bool, json_out: str | None
) -> int:
    """Measure, print a table (or JSON), and return the exit code.

    Args:
        size: One of ``small``, ``seed``, ``big``; None for small and seed, or small when quick.
        quick: Few rounds and ticks: it shows that everything works, and rough figures.
        peers: Other tools on the same work too.
        long: The run of two million ticks too.
        json_out: A path, ``-`` for standard output, or None for a table.
    """
    machine, errors = this_machine(), Console(stderr=True)
    usual = (Size.SMALL,) if quick else (Size.SMALL, Size.SEED)
    request = Request((Size(size),) if size else usual, quick, peers, long)
    rows = []
    with progress_on(errors, "measuring") as progress:
        planned = list(steps(request))
        for k, step in enumerate(planned):
            rows += step()
            progress((k + 1) / len(planned))
    if json_out is None:
        show(rows, machine, Console())
    else:
        write_json(to_json(rows, machine), json_out)
    return 0


def to_json(rows: list[Row], machine: Machine) -> bytes:
    """Return the object of semantics.md section 10, and the machine."""
    answer = {"machine": msgspec.to_builtins(machine), "rows": msgspec.to_builtins(rows)}
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2) + b"\n"


def steps(request: Request) -> Iterator[Step]:
    """Yield what is measured, one after another: nothing runs beside anything else."""
    for size in request.sizes:
        for levels in Levels:
            yield partial(_ticks, size, levels, request)
        yield partial(_book, size, request)
    yield partial(latency_rows, request.sizes[-1], quick=request.quick)
    yield partial(markout_rows, quick=request.quick)
    yield partial(flow_rows, quick=request.quick)


def _ticks(size: Size, levels: Levels, request: Request) -> list[Row]:
    opening = opened(open_book(size, levels))
    rows = tick_rows(size, levels, opening, quick=request.quick)
    return rows + (long_rows(size, levels, opening) if request.long else [])


def _book(size: Size, request: Request) -> list[Row]:
    opening = opened(open_book(size, Levels.CALM))
    rows = [touched_row(size, opening), *bound_rows(size, opening, quick=request.quick)]
    if request.peers:
        rows += peer_tick_rows(size, opening, quick=request.quick)
        rows += refresh_rows(size, opening, quick=request.quick)
    return rows + keeping_rows(size, opening, quick=request.quick)
