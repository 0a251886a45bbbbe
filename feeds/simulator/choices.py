"""What each kind of client would trade now, given what it can see.

A chooser looks with all clients of its kind at once and answers with a symbol and a side per
client; most answers are "nothing".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feeds.simulator.kinds import ClientKind
from feeds.simulator.population import FAVOURITES

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Signs = NDArray[np.int8]
Generator = np.random.Generator

_FAVOURITE_SHARES: Final = (0.55, 0.25, 0.12, 0.08)
_TREND_SIGMAS: Final = 0.4
_STALE_SPREADS: Final = 0.9
_EDGE_SPREADS: Final = 1.2
_FORESIGHT_NOISE: Final = 0.6
_SCALP_SPREADS: Final = 1.0
_SCALP_NOISE: Final = 1.0
_HIDING_SHARE: Final = 0.2
_BEFORE_ROLLOVER_S: Final = 1_800.0
_JUMP_FRESH_S: Final = 20.0


class MarketView(NamedTuple):
    """What a client can know at a moment, one row per symbol; NaN where nothing is known.

    Units: ``bid, ask`` the client quote; ``momentum`` in usual moves; ``lead`` how far the
    provider is beyond its usual distance from the client quote, ``ahead`` how far the price will
    have moved in a minute, ``sigma`` the usual move in that minute, all in price;
    ``jump_age_s`` since the last jump; ``usd_per_lot`` notional; ``distance`` the price step in
    which clients think. ``open`` marks what trades now. ``carry_sign`` is the side that earns
    swap, 0 if none, ``carry`` how many spreads it earns in a night; ``to_rollover_s`` until the
    next rollover.
    """

    open: NDArray[np.bool_]
    bid: Floats
    ask: Floats
    momentum: Floats
    lead: Floats
    ahead: Floats
    sigma: Floats
    jump_sign: NDArray[np.int8]
    jump_age_s: Floats
    usd_per_lot: Floats
    distance: Floats
    carry_sign: NDArray[np.int8]
    carry: Floats
    to_rollover_s: float

    @property
    def spread(self) -> Floats:
        """What a client pays for a round trip, in price."""
        return self.ask - self.bid


class Choice(NamedTuple):
    """A symbol and a side (+1 buy, -1 sell, 0 no trade) per client who looked."""

    symbol: Ints
    sign: NDArray[np.int8]


Chooser = Callable[[MarketView, Ints, Generator], Choice]


def choose_at_random(_view: MarketView, favourites: Ints, rng: Generator) -> Choice:
    """Take a favourite and toss a coin."""
    symbol = favourite_of(favourites, rng)
    return Choice(symbol, _coins(len(symbol), rng))


def choose_the_trend(view: MarketView, favourites: Ints, rng: Generator) -> Choice:
    """Follow a favourite whose last minutes' move is clear."""
    symbol = favourite_of(favourites, rng)
    momentum = np.nan_to_num(view.momentum[symbol])
    clear = np.abs(momentum) > _TREND_SIGMAS
    return Choice(symbol, np.where(clear, np.sign(momentum), 0).astype(np.int8))


def choose_the_stale_quote(view: MarketView, favourites: Ints, _rng: Generator) -> Choice:
    """Hit the client quote that the provider has left furthest behind, if it pays the spread."""
    edge = np.abs(view.lead) - _STALE_SPREADS * view.spread
    edge = np.where(view.open & np.isfinite(edge), edge, -np.inf)[favourites]
    symbol = _best(favourites, edge)
    sign = np.where(edge.max(axis=1) > 0.0, np.sign(np.nan_to_num(view.lead[symbol])), 0)
    return Choice(symbol, sign.astype(np.int8))


def choose_the_news(view: MarketView, favourites: Ints, _rng: Generator) -> Choice:
    """Join the newest jump among the favourites while it is fresh."""
    age = np.where(view.open, view.jump_age_s, np.inf)[favourites]
    symbol = _best(favourites, -age)
    fresh = age.min(axis=1) < _JUMP_FRESH_S
    return Choice(symbol, np.where(fresh, view.jump_sign[symbol], 0).astype(np.int8))


def choose_the_future(view: MarketView, favourites: Ints, rng: Generator) -> Choice:
    """Trade where the coming move, seen through noise, is worth more than the spread."""
    return _foreseen(view, favourites, rng, _FORESIGHT_NOISE, _EDGE_SPREADS)


def choose_the_next_seconds(view: MarketView, favourites: Ints, rng: Generator) -> Choice:
    """Trade on a dimmer view of the coming move, as soon as it is worth the spread."""
    return _foreseen(view, favourites, rng, _SCALP_NOISE, _SCALP_SPREADS)


def choose_and_hide(view: MarketView, favourites: Ints, rng: Generator) -> Choice:
    """Know the future and now and then trade on a coin instead.

    The informed find something worth a trade in few of their looks, so a small share of looks is
    30 to 60 % of the trades.
    """
    known = choose_the_future(view, favourites, rng)
    tossed = choose_at_random(view, favourites, rng)
    hides = rng.random(len(favourites)) < _HIDING_SHARE
    return Choice(
        np.where(hides, tossed.symbol, known.symbol), np.where(hides, tossed.sign, known.sign)
    )


def choose_the_swap(view: MarketView, favourites: Ints, _rng: Generator) -> Choice:
    """Take the favourite whose night earns most for its spread, shortly before rollover."""
    earned = np.where(view.open & np.isfinite(view.carry), view.carry, -np.inf)[favourites]
    symbol = _best(favourites, earned)
    is_time = view.to_rollover_s <= _BEFORE_ROLLOVER_S
    return Choice(symbol, np.where(is_time, view.carry_sign[symbol], 0).astype(np.int8))


CHOOSERS: Final[dict[ClientKind, Chooser]] = {
    ClientKind.NOISE: choose_at_random,
    ClientKind.TREND: choose_the_trend,
    ClientKind.MARTINGALE: choose_at_random,
    ClientKind.SCALPER: choose_at_random,
    ClientKind.LATENCY: choose_the_stale_quote,
    ClientKind.NEWS: choose_the_news,
    ClientKind.INFORMED: choose_the_future,
    ClientKind.SKILLED_SCALPER: choose_the_next_seconds,
    ClientKind.SWAP_HUNTER: choose_the_swap,
    ClientKind.COPY: choose_at_random,
    ClientKind.HEDGED_PAIR: choose_at_random,
    ClientKind.EVADER: choose_and_hide,
    ClientKind.BONUS_ABUSE: choose_at_random,
}


def favourite_of(favourites: Ints, rng: Generator) -> Ints:
    """Draw one favourite per client, the first most often.

    Shapes: (n, FAVOURITES) -> (n,).
    """
    place = rng.choice(FAVOURITES, len(favourites), p=_FAVOURITE_SHARES)
    chosen: Ints = favourites[np.arange(len(favourites)), place]
    return chosen


def _foreseen(
    view: MarketView, favourites: Ints, rng: Generator, noise_sigmas: float, edge_spreads: float
) -> Choice:
    symbol = favourite_of(favourites, rng)
    noise = rng.standard_normal(len(symbol)) * noise_sigmas * view.sigma[symbol]
    expected = np.nan_to_num(view.ahead[symbol] + noise)
    worth_it = np.abs(expected) > edge_spreads * view.spread[symbol]
    return Choice(symbol, np.where(worth_it, np.sign(expected), 0).astype(np.int8))


def _best(favourites: Ints, score: Floats) -> Ints:
    best: Ints = favourites[np.arange(len(favourites)), score.argmax(axis=1)]
    return best


def _coins(n: int, rng: Generator) -> NDArray[np.int8]:
    return (2 * rng.integers(0, 2, n) - 1).astype(np.int8)
