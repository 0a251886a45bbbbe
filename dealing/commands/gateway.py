"""The way to the platform: its own socket, straight from the desk (docs/adr/0012)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exposure.errors import DisconnectedError
from feeds.platform_commands import CommandAnswer, PlatformCommand
from feeds.socket_feed import send_commands

ANSWERS_WITHIN_S: Final = 10.0


class SocketCommandGateway:
    """CommandGateway over the platform's Unix socket, a connection for every message."""

    def __init__(self, path: Path, within_s: float = ANSWERS_WITHIN_S) -> None:
        """Take the platform's socket, and for how long an answer is waited for."""
        self._path = path
        self._within_s = within_s

    async def send(self, commands: Sequence[PlatformCommand]) -> list[CommandAnswer]:
        """Let the platform obey commands, each key once, and return its answers in order.

        Raises:
            FeedError: No answer came: send the same again.
        """
        try:
            async with asyncio.timeout(self._within_s):
                return await send_commands(self._path, commands)
        except TimeoutError as e:
            raise DisconnectedError(
                f"the platform on {self._path} does not answer: is it running?"
            ) from e
