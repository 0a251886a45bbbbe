"""The wall clock of the back office: people live in real time, whatever the market does."""

from __future__ import annotations

import time


def now_us() -> int:
    """Return the time. Units: us UTC."""
    return time.time_ns() // 1_000
