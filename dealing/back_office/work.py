"""What the back office does by itself, again and again: take, send, tell the platform, tidy up.

Each part is a step that blocks, in a thread of its own; a database or platform that is away makes
the step fail, which is said once, and it is tried again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from dealing.backoff import Backoff
from exposure.errors import DeskError

Step = Callable[[], float]
"""Does what is due, and returns in how many seconds it wants to be called again."""

SOON_S: Final = 0.0
IDLE_S: Final = 0.25


async def repeat(name: str, step: Step, backoff: Backoff, stop: asyncio.Event) -> None:
    """Take steps until told to stop; DeskErrors are said and waited out, others end the process."""
    log, failing = structlog.get_logger(part=name), ""
    while not stop.is_set():
        try:
            wait_s = await asyncio.to_thread(step)
        except DeskError as e:
            if str(e) != failing:
                log.warning("cannot go on now, tried again", reason=str(e))
            failing, wait_s = str(e), backoff.next_delay_s()
        else:
            if failing:
                log.info("goes on again")
            failing = ""
            backoff.reset()
        if wait_s > 0.0:
            await _rest(stop, wait_s)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds if math.isfinite(seconds) else None):
            await stop.wait()
