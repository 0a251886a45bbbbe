"""How many random examples a test draws: few by default, many in the long profile."""

from __future__ import annotations

import os

from hypothesis import settings

LONG = os.environ.get("PLIMSOLL_LONG_TESTS") == "1"


def examples(quick: int, times: int = 10, **more) -> settings:
    """Return settings with ``quick`` examples, or ``times`` as many in the long profile."""
    return settings(max_examples=quick * times if LONG else quick, deadline=None, **more)
