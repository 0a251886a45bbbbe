"""What moves prices: one random factor per currency and asset, tied together by common drivers.

Every code (EUR, XAU, GER40) has one log price in one currency, so a cross rate is a difference of
two of them and triangles agree by construction. Increments are a mix of independent sources: common
drivers (the dollar, appetite for risk, energies) and the code's own noise. Volatility is random on
two time scales, minutes of a source and hours of the whole market, which gives fat tails and
clusters; a news release adds a jump and a heat that makes codes nervous and then cools down.

Units: log prices, volatilities per day of 24 hours, spans in days.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feeds.simulator.parameters import read_parameters

_Floats = NDArray[np.float64]

_OWN_SPREAD: Final = 0.45
_OWN_MEMORY_DAYS: Final = 20 / 1440
_COMMON_SPREAD: Final = 0.30
_COMMON_MEMORY_DAYS: Final = 5 / 24
_HEAT_MEMORY_DAYS: Final = 4 / 1440
_HEAT_VOLATILITY: Final = 2.0
_NOT_A_DRIVER: Final = {"code", "quoted_in", "start_price", "daily_volatility", "season"}


class Factors(NamedTuple):
    """The fixed part of the model.

    ``seasons`` names the column of the daily season of each code. Shapes: k codes, c drivers;
    ``loadings`` (k, c), ``own`` (k,) completes each row of loadings to a variance of one.
    """

    codes: list[str]
    quoted_in: list[str]
    drivers: list[str]
    seasons: list[str]
    start: _Floats
    volatility: _Floats
    loadings: _Floats
    own: _Floats

    def direction(self, driver: str) -> _Floats:
        """Return how far each code moves, in log price, with one daily volatility of a driver."""
        if driver in self.drivers:
            return self.loadings[:, self.drivers.index(driver)] * self.volatility
        return np.where(np.array(self.codes) == driver, self.volatility, 0.0)


def load_factors() -> Factors:
    """Read the factors that ship with the simulator."""
    rows = read_parameters("factors")
    drivers = [name for name in rows[0] if name not in _NOT_A_DRIVER]
    loadings = np.array([[float(row[name]) for name in drivers] for row in rows])
    return Factors(
        codes=[row["code"] for row in rows],
        quoted_in=[row["quoted_in"] for row in rows],
        drivers=drivers,
        seasons=[row["season"] for row in rows],
        start=np.log([float(row["start_price"]) for row in rows]),
        volatility=np.array([float(row["daily_volatility"]) for row in rows]),
        loadings=loadings,
        own=np.sqrt(1.0 - (loadings**2).sum(axis=1)),
    )


class PricePaths:
    """The moving part: where every code is now, and how nervous.

    Attributes:
        log_price: (k,) in the currency the code is quoted in.
        heat: (k,) nervousness left over from news, 0 when calm.
    """

    def __init__(self, factors: Factors) -> None:
        """Start at the factors' start prices, calm."""
        self._factors = factors
        self._sources = len(factors.drivers) + len(factors.codes)
        self.log_price = factors.start.copy()
        self.heat = np.zeros(len(factors.codes))
        self._own_log_volatility = np.zeros(self._sources)
        self._common_log_volatility = 0.0

    def advance_volatility(self, days: float, random: np.random.Generator) -> None:
        """Let time pass for volatility and heat."""
        own_kept = np.exp(-days / _OWN_MEMORY_DAYS)
        common_kept = np.exp(-days / _COMMON_MEMORY_DAYS)
        noise = random.standard_normal(self._sources + 1)
        self._own_log_volatility *= own_kept
        self._own_log_volatility += _OWN_SPREAD * np.sqrt(1.0 - own_kept**2) * noise[1:]
        self._common_log_volatility *= common_kept
        self._common_log_volatility += _COMMON_SPREAD * np.sqrt(1.0 - common_kept**2) * noise[0]
        self.heat *= np.exp(-days / _HEAT_MEMORY_DAYS)

    def volatility(self) -> _Floats:
        """Return how volatile each code is now, heat included; its mean square is 1 when calm.

        Shapes: -> (k,).
        """
        variance, common = self._source_volatility() ** 2, len(self._factors.drivers)
        result: _Floats = self._factors.loadings**2 @ variance[:common]
        result += self._factors.own**2 * variance[common:]
        return np.sqrt(result) * self._heated()

    def walk(self, gaps: _Floats, season: _Floats, random: np.random.Generator) -> _Floats:
        """Walk through moments that are ``gaps`` apart and stay at the last one.

        Args:
            gaps: Days between one moment and the next, the first from now.
            season: How busy each code is at this time of day.
            random: The only source of chance.

        Returns:
            The log prices at every moment.

        Shapes: gaps (n,), season (k,) -> (n, k).
        """
        noise = random.standard_normal((len(gaps), self._sources))
        noise *= np.sqrt(gaps)[:, None]
        noise *= self._source_volatility()
        common = len(self._factors.drivers)
        path: _Floats = noise[:, common:] * self._factors.own
        # Not a matrix product: its threads would fight with other processes for the same cores.
        path += np.einsum("nc,kc->nk", noise[:, :common], self._factors.loadings)
        path *= season * self._heated() * self._factors.volatility
        np.cumsum(path, axis=0, out=path)
        path += self.log_price
        self.log_price = path[-1].copy()
        return path

    def shock(self, driver: str, size: float, heat: float) -> None:
        """Move everything that follows a driver, at once, and heat it up.

        Units: ``size`` in daily volatilities of the driver, signed; ``heat`` in [0, 1].
        """
        direction = self._factors.direction(driver)
        self.log_price = self.log_price + size * direction
        self.heat = np.maximum(self.heat, heat * self.exposure(driver))

    def reprice(self, code: str, drop: float, ratio: float) -> None:
        """Let an asset cost ``drop`` less and then be divided by ``ratio``, at once.

        Units: ``drop`` in the currency that the code is quoted in.
        """
        if drop == 0.0 and ratio == 1.0:
            return
        index = self._factors.codes.index(code)
        self.log_price[index] = np.log((np.exp(self.log_price[index]) - drop) / ratio)

    def exposure(self, driver: str) -> _Floats:
        """Return how much each code cares about a driver, 0 to 1."""
        return np.abs(self._factors.direction(driver)) / self._factors.volatility

    def export_state(self) -> _Floats:
        """Return everything that moves as one array."""
        return np.concatenate(
            [self.log_price, self.heat, self._own_log_volatility, [self._common_log_volatility]]
        )

    def restore_state(self, state: _Floats) -> None:
        """Go on from an exported state."""
        codes = len(self._factors.codes)
        self.log_price, self.heat = state[:codes].copy(), state[codes : 2 * codes].copy()
        self._own_log_volatility = state[2 * codes : -1].copy()
        self._common_log_volatility = float(state[-1])

    def _source_volatility(self) -> _Floats:
        bias = self._common_log_volatility - _OWN_SPREAD**2 - _COMMON_SPREAD**2
        result: _Floats = np.exp(self._own_log_volatility + bias)
        return result

    def _heated(self) -> _Floats:
        return 1.0 + _HEAT_VOLATILITY * self.heat
