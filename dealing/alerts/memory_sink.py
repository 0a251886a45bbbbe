"""A channel in memory, for tests and for runs that tell nobody."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.ports import CaseMessage


class Shown(NamedTuple):
    """A version of a case as a channel showed it."""

    ref: str
    message: CaseMessage


class MemorySink:
    """Keeps what it is told, and fails when it is told to.

    Attributes:
        showing: The newest message by its ref.
        told: Every message in order.
        said: What was said besides.
        failures: Raised one by one by what is told or said next, before anything is kept.
    """

    def __init__(self, name: str = "memory", *, has_buttons: bool = True) -> None:
        """Take its name."""
        self.name = name
        self.has_buttons = has_buttons
        self.showing: dict[str, CaseMessage] = {}
        self.told: list[Shown] = []
        self.said: list[str] = []
        self.failures: deque[AlertDeliveryError] = deque()

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Show a case."""
        self._fail()
        ref = ref or f"{self.name}:{len(self.showing) + 1}"
        self.showing[ref] = message
        self.told.append(Shown(ref, message))
        return ref

    async def say(self, text: str) -> None:
        """Keep what is said."""
        self._fail()
        self.said.append(text)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()
