"""The populations of the lab by name: each is drawn anew from a seed and a size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from dealing.lab.columns import Population, Size
from dealing.lab.populations.archetypes import RECIPES, grid_population
from dealing.lab.populations.recorded import recorded_population
from dealing.lab.populations.simulated import simulated_population
from dealing.lab.populations.ticktime import tick_population

Draw = Callable[[int, Size], Population]

POPULATIONS: Final[dict[str, Draw]] = {
    "archetypes": partial(grid_population, RECIPES["archetypes"]),
    "transfer": partial(grid_population, RECIPES["transfer"]),
    "ticktime": tick_population,
    "slow": partial(grid_population, RECIPES["slow"]),
    "simulated": simulated_population,
    "recorded": recorded_population,
}

SIZES: Final[dict[str, Size]] = {
    "archetypes": Size(clients=400, trades=120, truth_trades=2_000, days=20.0),
    "transfer": Size(clients=500, trades=120, truth_trades=2_000, days=20.0),
    "ticktime": Size(clients=400, trades=120, truth_trades=2_000, days=8.0),
    "slow": Size(clients=300, trades=120, truth_trades=2_000, days=90.0),
    "simulated": Size(clients=400, trades=120, truth_trades=0, days=1.0),
    "recorded": Size(clients=200, trades=60, truth_trades=0, days=0.0),
}

QUICK: Final[dict[str, Size]] = {
    "archetypes": Size(clients=120, trades=60, truth_trades=400, days=5.0),
    "transfer": Size(clients=160, trades=60, truth_trades=400, days=5.0),
    "ticktime": Size(clients=120, trades=60, truth_trades=240, days=3.0),
    "slow": Size(clients=100, trades=60, truth_trades=400, days=60.0),
    "simulated": Size(clients=100, trades=60, truth_trades=0, days=0.05),
    "recorded": Size(clients=100, trades=60, truth_trades=0, days=0.0),
}
