"""When each open position is meant to end: its time, its profit target, its stop.

One row per position slot of the exposure engine. Prices are kept multiplied by the position's side,
so that one comparison serves longs and shorts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook

_NEVER: Final = np.iinfo(np.int64).max


class DueExit(NamedTuple):
    """A position that its plan closes; the id tells it from a later one in the same slot."""

    ts: int
    slot: int
    position_id: str
    reason: str


class ExitPlans:
    """The plans of all open positions.

    Shapes: (slots,). Units: ``exit_at`` ns UTC; ``take_profit``, ``stop_loss`` side x price.
    """

    def __init__(self) -> None:
        self.exit_at: NDArray[np.int64] = np.zeros(0, np.int64)
        self.take_profit: NDArray[np.float64] = np.zeros(0)
        self.stop_loss: NDArray[np.float64] = np.zeros(0)

    def plan(
        self,
        slot: int | NDArray[np.int64],
        exit_at: int | NDArray[np.int64],
        take_profit: float | NDArray[np.float64],
        stop_loss: float | NDArray[np.float64],
    ) -> None:
        """Set the plan of one slot or of several."""
        self._make_room(int(np.max(slot, initial=-1)) + 1)
        self.exit_at[slot] = exit_at
        self.take_profit[slot], self.stop_loss[slot] = take_profit, stop_loss

    def split(self, slots: NDArray[np.int32], ratio: float) -> None:
        """Divide the targets of positions whose symbol was split."""
        planned = slots[slots < len(self.exit_at)]
        self.take_profit[planned] /= ratio
        self.stop_loss[planned] /= ratio

    def due(
        self, book: ClientBook, is_open: NDArray[np.bool_], start: int, end: int
    ) -> list[DueExit]:
        """Return what closes in (start, end]: targets at the prices of ``start``, times by then.

        Only symbols that are open are looked at; the others are due later.
        """
        n = min(len(book.position_ids), len(self.exit_at))
        positions = book.positions
        symbol, side = positions.symbol[:n], positions.side[:n]
        closing = np.where(side > 0.0, book.prices.bid[symbol], -book.prices.ask[symbol])
        gained, lost = closing >= self.take_profit[:n], closing <= self.stop_loss[:n]
        ended = self.exit_at[:n] <= end
        due = (gained | lost | ended) & (positions.account[:n] >= 0) & is_open[symbol]
        return [
            DueExit(
                start + 1
                if gained[slot] or lost[slot]
                else max(start + 1, int(self.exit_at[slot])),
                slot,
                book.position_ids[slot],
                "tp" if gained[slot] else "sl" if lost[slot] else "client",
            )
            for slot in np.flatnonzero(due).tolist()
        ]

    def save(self) -> dict[str, Any]:
        """Return all plans."""
        return dict(vars(self))

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``save`` returned."""
        vars(self).update(state)

    def _make_room(self, slots: int) -> None:
        more = max(slots, 2 * len(self.exit_at)) - len(self.exit_at)
        if slots <= len(self.exit_at):
            return
        self.exit_at = np.concatenate([self.exit_at, np.full(more, _NEVER)])
        self.take_profit = np.concatenate([self.take_profit, np.full(more, np.inf)])
        self.stop_loss = np.concatenate([self.stop_loss, np.full(more, -np.inf)])
