"""What commands need without anybody asking: sent again, lapsed, expired."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

import structlog

from dealing.commands.reassigning import Reassignments
from exposure.errors import FeedError, StorageError

EVERY_S: Final = 2.0


async def keep_commands(commands: Reassignments, every_s: float = EVERY_S) -> NoReturn:
    """Go on for ever; what is away is said once and tried again."""
    log, said = structlog.get_logger(), ""
    while True:
        try:
            await commands.go_on()
            said = ""
        except (FeedError, StorageError) as e:
            if str(e) != said:
                said = str(e)
                log.warning("commands wait", reason=said)
        await asyncio.sleep(every_s)
