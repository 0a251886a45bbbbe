"""Second votes that are settled elsewhere: decided on the desk, or lapsed because nobody voted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from dealing.alerts.model import Press
from dealing.alerts.room import CaseRoom
from exposure.errors import DomainError, FeedError

EVERY_S: Final = 5.0
VIA: Final = "desk"

Waiting = Callable[[], Awaitable[set[str]]]
"""Asks the desk for the keys of all commands that wait for a vote."""


async def tend_votes(room: CaseRoom, waiting: Waiting) -> NoReturn:
    """Look after the votes of all cases for ever."""
    while True:
        await asyncio.sleep(EVERY_S)
        await settle_votes(room, waiting)


async def settle_votes(room: CaseRoom, waiting: Waiting) -> None:
    """Take away votes about what does not wait any more; the desk is asked only if there are any.

    A desk that is away is asked again next time.
    """
    asked = [(case.number, vote) for case in room.open_cases() for vote in case.votes]
    if not asked:
        return
    try:
        open_commands = await waiting()
    except (DomainError, FeedError):
        return
    gone = {vote.command: (number, vote) for number, vote in asked}
    for command, (number, vote) in gone.items():
        if command not in open_commands:
            text = f"the vote about client {vote.client_id} is over: see the desk, under Clients"
            await room.note_press(number, Press(text=text, actor="", via=VIA, decided=command))
