"""Python's garbage collector, kept away from a loop that must not wait for it.

Objects die when nobody refers to them any more; the collector is for circles of references. The
engine makes next to none but owns millions of objects, and a collector that looks at all of them
stops everything for most of a second, every few seconds (docs/performance.md).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEVER: Final = 2**31 - 1


@contextmanager
def unwatched() -> Iterator[None]:
    """Let much be made that is there to stay, without looking at it again and again meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def spare_what_is_old() -> None:
    """Collect once, then look only at what is young; what a process holds now is there to stay."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)
