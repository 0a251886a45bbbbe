"""How long three sides of a million rows take, and whether exactly what was planted is found.

python -m crm_sync.reconcile.bench --rows 1000000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from crm_sync.reconcile.planting import Planted, planted
from crm_sync.reconcile.reconciling import Reconciliation, reconcile

_GOAL_S = 10.0


def main() -> int:
    """Plant, reconcile, compare and say so; return 1 if something else was found."""
    options = argparse.ArgumentParser(prog="python -m crm_sync.reconcile.bench")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--per-class", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    began = time.perf_counter()
    book = planted(asked.rows, asked.per_class, asked.seed)
    made, worked = time.perf_counter(), time.process_time()
    found = reconcile(*book.frames, book.terms)
    ended, work_s = time.perf_counter(), time.process_time() - worked
    sizes = " + ".join(f"{frame.height:,}" for frame in book.frames)
    _say(f"planted {sizes} rows in {made - began:.1f} s")
    right = _compare(book, found)
    _say(
        f"reconciled in {ended - made:.2f} s (goal {_GOAL_S:.0f} s), "
        f"{work_s:.2f} s of processor time on all cores together"
    )
    return 0 if right and ended - made < _GOAL_S else 1


def _compare(book: Planted, found: Reconciliation) -> bool:
    planted_breaks = Counter(
        (word.value, ref) for word, refs in book.faults.items() for ref in refs
    )
    breaks = Counter(found.breaks.select("class", "ref").iter_rows())
    for word, refs in book.faults.items():
        count = sum(number for (name, _), number in breaks.items() if name == word.value)
        _say(f"{word.value:20} planted {len(refs):6,}   found {count:6,}")
    missed, wrong = planted_breaks - breaks, breaks - planted_breaks
    _say(f"missed {missed.total():,}, and {wrong.total():,} that were not planted")
    return not missed and not wrong


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
