"""Ten archetypes on a market of one symbol: the reference population, and two relatives.

``archetypes`` is the market of science.md 2.1, ``transfer`` the same people on another one (slower
information, wilder prices, calmer news, more martingale, fewer toxic), and ``slow`` people who
trade a few times a day, hold for hours and, where they know something, know it hours ahead.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import (
    MILLION,
    Floats,
    Ints,
    Population,
    Size,
    Trades,
    Truth,
    counts_of,
    joined,
    weighted_by_client,
)
from dealing.lab.populations.grid_clients import NO_SKILL, Person, Plan, exits, person, plan
from dealing.lab.populations.grid_market import (
    DAY_S,
    EURUSD,
    PIP,
    GridMarket,
    GridTerms,
    client_quotes,
    grid_market,
    provider_quotes,
    times_ns,
)

_SWAP_LONG, _SWAP_SHORT = 2.0, -2.6
"""What a night pays, in usual spreads: a table with a mistake in it, as swap hunters like it."""

_TRUTH_NEWS: Final = 4.0
"""A path to measure on has more news a day: what one of them is worth does not depend on that."""

ARCHETYPES: Final = {
    "noise": 0.42,
    "trend": 0.15,
    "martingale": 0.12,
    "scalper": 0.14,
    "skilled scalper": 0.03,
    "latency": 0.02,
    "news": 0.02,
    "informed": 0.05,
    "evader": 0.04,
    "swap": 0.01,
}
TRANSFER: Final = {
    "noise": 0.42,
    "trend": 0.16,
    "martingale": 0.18,
    "scalper": 0.14,
    "skilled scalper": 0.02,
    "latency": 0.01,
    "news": 0.01,
    "informed": 0.03,
    "evader": 0.02,
    "swap": 0.01,
}
SLOW: Final = {"noise": 0.45, "trend": 0.2, "martingale": 0.1, "informed": 0.25}

_SLOW_TERMS: Final = GridTerms(
    step_s=60.0,
    quote_lag_steps=0,
    slow_half_life_s=5 * 3_600.0,
    slow_total=9.0,
    quick_per_hour=0.0,
    jumps_per_hour=0.5,
    news_half_life_s=120.0,
)
_TRANSFER_TERMS: Final = GridTerms(sigma=0.22, slow_half_life_s=700.0, news_sd=10.0)


class Recipe(NamedTuple):
    """A market, who trades on it, how much slower they live, and how long the informed hold."""

    name: str
    terms: GridTerms
    shares: dict[str, float]
    pace: float = 1.0
    patience: float = 1.0


RECIPES: Final = {
    one.name: one
    for one in (
        Recipe("archetypes", GridTerms(), ARCHETYPES),
        Recipe("transfer", _TRANSFER_TERMS, TRANSFER),
        Recipe("slow", _SLOW_TERMS, SLOW, pace=12.0, patience=5.0),
    )
}


def grid_population(recipe: Recipe, seed: int, size: Size) -> Population:
    """Draw a population: people, a path on which they are watched, and one to measure them on."""
    crowd, path, acts, other_path, other_acts = (np.random.default_rng([seed, k]) for k in range(5))
    kinds = tuple(recipe.shares)
    people = [_person(kind, recipe, crowd) for kind in counts_of(recipe.shares, size.clients)]
    market = grid_market(recipe.terms, size.days, path)
    plans = [plan(one, market, size.trades, acts) for one in people]
    trades = _trades(people, plans, market, list(range(len(people))))
    more_news = recipe.terms._replace(news_per_day=_TRUTH_NEWS * recipe.terms.news_per_day)
    truth = _truth(people, kinds, trades, market, size)
    measured = _measured(people, grid_market(more_news, size.days, other_path), size, other_acts)
    for column, fresh in zip(truth[1:], measured, strict=True):
        known = np.isfinite(fresh)
        column[known] = fresh[known]
    return Population(
        recipe.name,
        seed,
        (EURUSD,),
        client_quotes(market),
        provider_quotes(market) if recipe.terms.quote_lag_steps else None,
        trades,
        truth,
        kinds,
    )


def _person(kind: str, recipe: Recipe, rng: np.random.Generator) -> Person:
    who = person(kind, recipe.pace, rng)
    return who._replace(hold_s=who.hold_s * recipe.patience) if kind == "informed" else who


def _trades(
    people: list[Person], plans: list[Plan], market: GridMarket, codes: list[int]
) -> Trades:
    parts = [
        _round_trips(code, one, steps, market)
        for code, one, steps in zip(codes, people, plans, strict=True)
    ]
    return joined(parts)


def _round_trips(code: int, who: Person, steps: Plan, market: GridMarket) -> Trades:
    at, side, hold, lots = steps
    out = np.empty(len(at), np.int64)
    exits(market.quoted, market.half, at, side, np.array([who.target, who.stop]), hold, out)
    nights = out // int(DAY_S / market.terms.step_s) - at // int(DAY_S / market.terms.step_s)
    rate = np.where(side > 0.0, _SWAP_LONG, _SWAP_SHORT) * market.spread * PIP
    return Trades(
        np.full(len(at), code),
        np.zeros(len(at), np.int64),
        side,
        lots,
        times_ns(market, at),
        (market.quoted[at] + side * market.half[at]) * PIP,
        times_ns(market, out),
        (market.quoted[out] - side * market.half[out]) * PIP,
        np.zeros(len(at)),
        nights * rate,
        _closed(market, at, out, side, hold),
    )


def _closed(market: GridMarket, at: Ints, out: Ints, side: Floats, hold: Ints) -> Ints:
    """Return why positions were closed: before their time only by a target or a stop."""
    early = out < np.minimum(at + hold, len(market.mid) - 1)
    gain = side * (market.quoted[out] - market.quoted[at]) - market.half[out] - market.half[at]
    closed: Ints = np.where(early, np.where(gain > 0.0, 1, 2), 0)
    return closed


def _truth(
    people: list[Person], kinds: tuple[str, ...], trades: Trades, market: GridMarket, size: Size
) -> Truth:
    """Return what follows from costs and swaps alone: the truth of everybody without skill."""
    kind = np.array([kinds.index(one.kind) for one in people])
    at_random = ~np.isin(kind[trades.client], [kinds.index("swap")] if "swap" in kinds else [])
    nights = np.round(np.abs(trades.swap) / _swap_of(trades.side, market))
    fair = 0.5 * (_SWAP_LONG + _SWAP_SHORT) * market.spread * PIP * nights
    swap = np.where(at_random, fair, trades.swap)
    at, out = _places(trades, market)
    gain = -(market.half[at] + market.half[out]) * PIP
    return Truth(kind, *_edges(gain + swap, np.zeros(len(at)), trades, market, size.clients))


def _measured(
    people: list[Person], market: GridMarket, size: Size, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Measure who may know something on another path; NaN for everybody else."""
    codes = [k for k, one in enumerate(people) if one.kind not in NO_SKILL]
    unknown = np.full(size.clients, np.nan)
    if not codes:
        return unknown, unknown.copy(), unknown.copy()
    chosen = [people[k] for k in codes]
    plans = [plan(one, market, size.truth_trades, rng) for one in chosen]
    trades = _trades(chosen, plans, market, codes)
    at, out = _places(trades, market)
    luck = trades.side * (market.martingale[out] - market.martingale[at]) * PIP
    gain = trades.side * (trades.exit_price - trades.entry_price) - luck
    stale = trades.side * (market.mid[at] - market.quoted[at]) * PIP
    edges = _edges(gain + trades.swap, stale, trades, market, size.clients)
    return tuple(np.where(np.isin(np.arange(size.clients), codes), e, np.nan) for e in edges)  # type: ignore[return-value]


def _edges(
    gain: Floats, stale: Floats, trades: Trades, market: GridMarket, clients: int
) -> tuple[Floats, Floats, Floats]:
    at, _ = _places(trades, market)
    cost = 2.0 * market.half[at] * PIP
    million = MILLION * gain / trades.entry_price
    return (
        weighted_by_client(gain / cost, trades.lots, trades.client, clients),
        weighted_by_client(million, trades.lots, trades.client, clients),
        weighted_by_client(stale / cost, trades.lots, trades.client, clients),
    )


def _places(trades: Trades, market: GridMarket) -> tuple[Ints, Ints]:
    first = times_ns(market, np.zeros(1, np.int64))[0]
    step_ns = int(market.terms.step_s * 1e9)
    return (trades.entry_ns - first) // step_ns, (trades.exit_ns - first) // step_ns


def _swap_of(side: Floats, market: GridMarket) -> Floats:
    rate: Floats = np.where(side > 0.0, _SWAP_LONG, -_SWAP_SHORT) * market.spread * PIP
    return rate
