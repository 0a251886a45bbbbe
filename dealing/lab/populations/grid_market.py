"""A market of one symbol on a fixed grid of time, with moves that are known before they happen.

The mid is a martingale plus hidden moves. A hidden move is a remainder that is released little by
little, so whoever sees it knows, on average, where the price goes: a slow one that everyday
information leaves behind, a quick one of order flow, and what is left after a release of news. The
broker quotes one second late and doubles his spread after news.
Source: science.md section 2.1.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import NS, Floats, Ints, Quotes, Terms
from exposure.kernels import kernel

DAY_S: Final = 86_400
OPENS_NS: Final = 1_704_067_200 * NS
"""2024-01-01, 00:00 UTC."""

PIP: Final = 1e-4
EURUSD: Final = Terms("EURUSD", "fx", "EUR", "USD", 100_000.0, 5, 1.0)

_BASE_PIPS: Final = 11_000.0
_NEWS_AT_ONCE: Final = 0.5
_NEWS_WIDE_S: Final = 60.0
_LP_HALF_PIPS: Final = 0.2
_SEASON_DEPTH: Final = 0.45
_FAT_TAIL: Final = 4.0
_MIN_STEPS: Final = 10


class GridTerms(NamedTuple):
    """What kind of market it is.

    Units: pips and seconds; ``sigma`` per square root of a second; ``slow_total`` the standard
    deviation of the slow remainder; jumps and quick moves per hour, news per day.
    """

    step_s: float = 1.0
    sigma: float = 0.16
    half_spread: float = 0.7
    quote_lag_steps: int = 1
    slow_half_life_s: float = 240.0
    slow_total: float = 1.5
    quick_half_life_s: float = 18.0
    quick_sd: float = 2.3
    quick_per_hour: float = 6.0
    news_sd: float = 14.0
    news_half_life_s: float = 12.0
    news_per_day: float = 5.0
    jump_sd: float = 2.5
    jumps_per_hour: float = 4.0
    day_vol_sd: float = 0.25


class GridMarket(NamedTuple):
    """One path. Shapes: (steps,), events (k,). Units: pips; ``*_at`` are places on the grid.

    ``martingale`` is the part of ``mid`` on which nobody can gain; ``slow``, ``quick`` and ``news``
    are what is still to come; ``quoted`` is the mid that clients see.
    """

    terms: GridTerms
    mid: Floats
    martingale: Floats
    quoted: Floats
    half: Floats
    slow: Floats
    quick: Floats
    news: Floats
    quick_at: Ints
    news_at: Ints

    @property
    def spread(self) -> float:
        """What a round trip usually costs."""
        return 2.0 * self.terms.half_spread


def grid_market(terms: GridTerms, days: float, rng: np.random.Generator) -> GridMarket:
    """Draw a path."""
    steps = int(days * DAY_S / terms.step_s)
    slow, slow_moves = _hidden(_slow_news(terms, steps, rng), terms.slow_half_life_s, terms)
    quick_at, impulses = _sparse(steps, terms.quick_per_hour * 24, terms.quick_sd, terms, rng)
    quick, quick_moves = _hidden(impulses, terms.quick_half_life_s, terms)
    news_at, impulses = _sparse(steps, terms.news_per_day, terms.news_sd, terms, rng)
    news, news_moves = _hidden(impulses * (1.0 - _NEWS_AT_ONCE), terms.news_half_life_s, terms)
    martingale = np.cumsum(_noise(terms, steps, rng) + _NEWS_AT_ONCE * impulses) + _BASE_PIPS
    mid = martingale + slow_moves + quick_moves + news_moves
    quoted = np.concatenate([np.full(terms.quote_lag_steps, mid[0]), mid])[:steps]
    half = _half_spread(terms, steps, news_at)
    return GridMarket(terms, mid, martingale, quoted, half, slow, quick, news, quick_at, news_at)


def client_quotes(market: GridMarket) -> Quotes:
    """Return what clients are quoted."""
    return _quotes(market, market.quoted, market.half)


def provider_quotes(market: GridMarket) -> Quotes:
    """Return what a quicker provider quotes."""
    return _quotes(market, market.mid, np.full(len(market.mid), _LP_HALF_PIPS))


def times_ns(market: GridMarket, at: Ints) -> Ints:
    """Return the moments of places on the grid."""
    return OPENS_NS + at * int(market.terms.step_s * NS)


@kernel
def released(impulses: Floats, kept: float, remainder: Floats, moved: Floats) -> None:
    """Let impulses decay: ``remainder`` is still to come, ``moved`` has come so far."""
    left, total = 0.0, 0.0
    for t in range(len(impulses)):
        total += left * (1.0 - kept)
        left = left * kept + impulses[t]
        remainder[t], moved[t] = left, total


def _quotes(market: GridMarket, mid: Floats, half: Floats) -> Quotes:
    at = np.arange(len(mid))
    return Quotes(
        np.zeros(len(mid), np.int64),
        times_ns(market, at),
        (mid - half) * PIP,
        (mid + half) * PIP,
    )


def _hidden(impulses: Floats, half_life_s: float, terms: GridTerms) -> tuple[Floats, Floats]:
    remainder, moved = np.empty(len(impulses)), np.empty(len(impulses))
    released(impulses, 0.5 ** (terms.step_s / half_life_s), remainder, moved)
    return remainder, moved


def _slow_news(terms: GridTerms, steps: int, rng: np.random.Generator) -> Floats:
    kept = 0.5 ** (terms.step_s / terms.slow_half_life_s)
    impulses: Floats = rng.standard_normal(steps) * terms.slow_total * np.sqrt(1.0 - kept * kept)
    return impulses


def _sparse(
    steps: int, per_day: float, sd: float, terms: GridTerms, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return where something happens and an impulse there, zero elsewhere."""
    many = int(np.ceil(per_day * steps * terms.step_s / DAY_S))
    at = np.unique(rng.integers(_MIN_STEPS, steps, many))
    impulses = np.zeros(steps)
    impulses[at] = rng.standard_normal(len(at)) * sd
    return at, impulses


def _noise(terms: GridTerms, steps: int, rng: np.random.Generator) -> Floats:
    """Return the martingale's steps: fat tails, restless days, a daily season, and jumps."""
    seconds = np.arange(steps) * terms.step_s
    days = int(seconds[-1] // DAY_S) + 1
    log_vol = np.empty(days)
    released(rng.standard_normal(days) * terms.day_vol_sd, 0.7, log_vol, np.empty(days))
    season = 1.0 + _SEASON_DEPTH * np.sin(2.0 * np.pi * (seconds / DAY_S - 0.3))
    shocks = rng.standard_t(_FAT_TAIL, steps) / np.sqrt(_FAT_TAIL / (_FAT_TAIL - 2.0))
    day = (seconds // DAY_S).astype(np.int64)
    scale = terms.sigma * np.sqrt(terms.step_s) * season * np.exp(log_vol)[day]
    _, jumps = _sparse(steps, terms.jumps_per_hour * 24, terms.jump_sd, terms, rng)
    noise: Floats = shocks * scale + jumps
    return noise


def _half_spread(terms: GridTerms, steps: int, news_at: Ints) -> Floats:
    half = np.full(steps, terms.half_spread)
    for at in news_at:
        half[at : at + max(1, int(_NEWS_WIDE_S / terms.step_s))] = 2.0 * terms.half_spread
    return half
