"""What people may ask of the desk from elsewhere, such as by a slash command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dealing.alerts.model import Case, Fact


class DeskReading(Protocol):
    """Figures in words, without personal data: logins and client ids, but no names.

    All raise DomainError, with the nearest names, for what nobody knows, and DisconnectedError
    while the figures cannot be had.
    """

    async def exposure(self, symbol: str) -> Sequence[Fact]:
        """Return what the house holds of a symbol and what covers it."""
        ...

    async def client(self, login: str) -> Sequence[Fact]:
        """Return an account of a client: its book, margin level, positions, score."""
        ...

    async def alerts(self) -> Sequence[Case]:
        """Return the cases that are not resolved, the most urgent first."""
        ...

    async def age_s(self) -> float | None:
        """Return how old the engine's figures are, None before the first ones."""
        ...
