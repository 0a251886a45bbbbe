"""The kinds of clients and their habits: the simulator's truth, never sent in an event.

Detectors are measured against it later, so a kind is defined by what its clients do, not by how
they end.
Source: science.md sections 1.6, 1.9 and 2.1 (archetypes and base rates).
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class ClientKind(StrEnum):
    """What a client trades on."""

    NOISE = "noise"
    """Nothing: random sides, held until bored. Loses the spread."""
    TREND = "trend"
    """Follows the last minutes' move."""
    MARTINGALE = "martingale"
    """Small profits, far stops, the stake doubled after every loss. Wins often, then is ruined."""
    SCALPER = "scalper"
    """Many short trades without skill."""
    LATENCY = "latency"
    """Trades when the provider has moved and the client quote has not yet."""
    NEWS = "news"
    """Waits for a jump and joins it within seconds."""
    INFORMED = "informed"
    """Knows, with noise, where the price will be in a minute."""
    SKILLED_SCALPER = "skilled_scalper"
    """Sees the next seconds' move, dimly, and is out before the minute is over."""
    SWAP_HUNTER = "swap_hunter"
    """Opens shortly before rollover what earns swap, and closes after it."""
    COPY = "copy"
    """Copies somebody else's trades a little later and in his own size; trades little himself."""
    HEDGED_PAIR = "hedged_pair"
    """One person behind two clients who stand against each other, one of them with a bonus."""
    EVADER = "evader"
    """Informed, and hides it among trades on nothing."""
    BONUS_ABUSE = "bonus_abuse"
    """Bets a deposit and its bonus at once, takes a win out, and comes back after a loss."""


KINDS: Final = tuple(ClientKind)
"""The code of a kind is its place here."""


class Habit(NamedTuple):
    """How one kind behaves.

    Units: ``share`` of all clients; ``looks_per_hour`` moments at which a client may trade (for
    LATENCY and NEWS, who watch all the time: the longest rate); ``hold_s`` median seconds, spread
    by ``hold_sigma`` (log); targets from the fill in the symbol's distances (a spread, or a usual
    second's move), inf for none, used in ``guarded_share`` of orders; ``holding_share`` of clients
    with open positions at the start; ``hedged_share`` of clients already in book A.
    """

    share: float
    looks_per_hour: float
    hold_s: float
    hold_sigma: float
    take_profit: float
    stop_loss: float
    guarded_share: float
    holding_share: float
    hedged_share: float


HABITS: Final[dict[ClientKind, Habit]] = {
    # share, looks an hour, hold s, sigma, take profit, stop loss, guarded, holding, hedged
    ClientKind.NOISE: Habit(0.45, 3.0, 2_400.0, 1.3, 45.0, 90.0, 0.5, 0.95, 0.08),
    ClientKind.TREND: Habit(0.15, 4.0, 2_400.0, 1.2, 75.0, 30.0, 0.6, 0.90, 0.08),
    ClientKind.MARTINGALE: Habit(0.11, 4.0, 14_400.0, 0.6, 8.0, 96.0, 1.0, 0.20, 0.03),
    ClientKind.SCALPER: Habit(0.11, 8.0, 70.0, 0.8, 5.0, 5.0, 1.0, 0.04, 0.15),
    ClientKind.LATENCY: Habit(0.02, 20.0, 20.0, 0.5, math.inf, math.inf, 0.0, 0.02, 0.45),
    ClientKind.NEWS: Habit(0.04, 12.0, 90.0, 0.7, math.inf, math.inf, 0.0, 0.05, 0.30),
    ClientKind.INFORMED: Habit(0.03, 12.0, 75.0, 0.4, math.inf, math.inf, 0.0, 0.05, 0.35),
    ClientKind.SKILLED_SCALPER: Habit(0.01, 20.0, 30.0, 0.4, math.inf, math.inf, 0.0, 0.03, 0.30),
    ClientKind.SWAP_HUNTER: Habit(0.01, 12.0, 2_400.0, 0.3, math.inf, math.inf, 0.0, 0.02, 0.10),
    ClientKind.COPY: Habit(0.04, 0.5, 1_800.0, 1.0, 45.0, 45.0, 0.3, 0.30, 0.08),
    ClientKind.HEDGED_PAIR: Habit(0.01, 2.0, 1_800.0, 0.6, math.inf, math.inf, 0.0, 0.0, 0.0),
    ClientKind.EVADER: Habit(0.01, 12.0, 75.0, 0.4, math.inf, math.inf, 0.0, 0.05, 0.20),
    ClientKind.BONUS_ABUSE: Habit(0.01, 2.0, 900.0, 0.8, 20.0, 20.0, 1.0, 0.0, 0.0),
}


def habit_column(name: str) -> NDArray[np.float64]:
    """Return one habit of all kinds, by the kind's code.

    Shapes: (kinds,).
    """
    return np.array([getattr(HABITS[kind], name) for kind in KINDS], np.float64)
