"""Placebos: changes that must destroy a score, and changes that must not touch it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np

from dealing.lab.columns import NS, Floats, Ints, Population, Quotes, part_of, trades_of
from dealing.lab.metrics import auc
from dealing.lab.observed import QuoteIndex, observed
from dealing.lab.scorers import Scorer

_TICKETS: Final = 3
_TICKET_GAP_NS: Final = 1_000_000
_SETTLED_NS: Final = 3_700 * NS
"""The longest markout of the score, and a while for the next quote to come."""
_CLIENTS: Final = 120
_MERGED_NS: Final = 2 * NS
_MOST_AUC: Final = 0.6
"""Chance, and what a population of this size may differ from it. Below chance nothing is known: who
trades when prices jump has wide markouts, and with sides of a coin they speak against him."""
_BASE_RATE: Final = 0.12
_SAME_WITHIN: Final = 5e-3
_SCALE: Final = 100.0


class Placebo(msgspec.Struct, frozen=True, kw_only=True):
    """A figure, what it had to be, and whether it was."""

    population: str
    seed: int
    name: str
    value: float
    goal: str
    passed: bool


def placebos(population: Population, scorer: Scorer, n: int) -> list[Placebo]:
    """Try all of them on the first n trades of some clients of every kind."""
    some = part_of(population, _CLIENTS, n + 10)
    return [*_shuffled(population, scorer, n), *_tried(some, scorer, n)]


def _tried(population: Population, scorer: Scorer, n: int) -> Iterator[Placebo]:
    def scores(changed: Population) -> Floats:
        return _after(changed, scorer, n)

    plain = scores(population)
    yield _unchanged("mirrored prices", population, plain, scores(mirrored(population)))
    yield _unchanged("prices of another currency", population, plain, scores(rescaled(population)))
    yield _causal(population, scorer)
    yield _unchanged("split tickets", population, plain, scores(split(population)))


def shuffled(population: Population, rng: np.random.Generator) -> Population:
    """Return the same trades with sides drawn by a coin, no swaps."""
    trades = population.trades
    side = 2.0 * rng.integers(0, 2, len(trades.side)) - 1.0
    other = side != trades.side
    half = _half_spreads(population)
    shift = np.where(other, side * 2.0 * half, 0.0)
    return population._replace(
        trades=trades._replace(
            side=side.astype(np.float64),
            entry_price=trades.entry_price + shift,
            exit_price=trades.exit_price - shift,
            swap=np.zeros(len(side)),
        )
    )


def mirrored(population: Population) -> Population:
    """Return the world upside down: prices reflected, buyers and sellers exchanged."""
    tops = _tops(population)
    trades = population.trades
    turned = tops[trades.symbol]
    return population._replace(
        quotes=_mirrored(population.quotes, tops),
        reference=population.reference and _mirrored(population.reference, tops),
        trades=trades._replace(
            side=-trades.side,
            entry_price=turned - trades.entry_price,
            exit_price=turned - trades.exit_price,
        ),
    )


def rescaled(population: Population) -> Population:
    """Return the same world with prices a hundred times as high and contracts as much smaller.

    A symbol that is quoted in another currency than USD stays: it is a conversion rate itself.
    """
    trades = population.trades
    scale = np.array([_SCALE if one.quote == "USD" else 1.0 for one in population.terms])
    terms = tuple(
        one._replace(contract_size=one.contract_size / factor)
        for one, factor in zip(population.terms, scale.tolist(), strict=True)
    )
    mine = scale[trades.symbol]
    return population._replace(
        terms=terms,
        quotes=_scaled(population.quotes, scale),
        reference=population.reference and _scaled(population.reference, scale),
        trades=trades._replace(
            entry_price=trades.entry_price * mine,
            exit_price=trades.exit_price * mine,
            commission=trades.commission * mine,
            swap=trades.swap * mine,
        ),
    )


def split(population: Population) -> Population:
    """Return the same decisions as three tickets each, a moment apart, at the first one's price."""
    trades = population.trades
    parts = [
        trades._replace(lots=trades.lots / _TICKETS, entry_ns=trades.entry_ns + k * _TICKET_GAP_NS)
        for k in range(_TICKETS)
    ]
    whole = trades_of(np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((np.tile(trades.entry_ns, _TICKETS), whole.client))
    return population._replace(trades=trades_of(column[order] for column in whole))


def _shuffled(population: Population, scorer: Scorer, n: int) -> Iterator[Placebo]:
    changed = shuffled(population, np.random.default_rng([population.seed, 99]))
    truth = population.truth
    p = _after(changed, scorer, n)
    value = auc(p, truth.toxic, truth.benign) or 0.0
    yield _placebo(
        population, "shuffled sides: AUC", value, "at most 0.6", passed=value <= _MOST_AUC
    )
    mean = float(np.nanmean(p[truth.toxic])) if truth.toxic.any() else 0.0
    yield _placebo(
        population, "shuffled sides: mean p", mean, "at most 0.12", passed=mean <= _BASE_RATE
    )


def _unchanged(name: str, population: Population, before: Floats, after: Floats) -> Placebo:
    value = float(np.max(np.abs(before - after), initial=0.0))
    return _placebo(population, name, value, "p moves at most 0.005", passed=value <= _SAME_WITHIN)


def _placebo(
    population: Population, name: str, value: float, goal: str, *, passed: bool
) -> Placebo:
    return Placebo(
        population=population.name,
        seed=population.seed,
        name=name,
        value=value,
        goal=goal,
        passed=passed,
    )


def _after(population: Population, scorer: Scorer, n: int) -> Floats:
    seen = observed(population)
    return scorer(population, seen).verdict.after(n).p


def _causal(population: Population, scorer: Scorer) -> Placebo:
    """Cut off the second half of the day; what was to be said before it must stay."""
    middle = int(np.median(population.trades.entry_ns))
    cut = population._replace(
        quotes=_until(population.quotes, middle),
        reference=population.reference and _until(population.reference, middle),
    )
    seen = observed(population)
    # a markout needs its time, an exit counts until the next entry, and a scorer may see tickets
    # of two seconds as one decision
    apart = np.diff(seen.entry_ns, axis=1, prepend=-_MERGED_NS) > _MERGED_NS
    settled = (seen.known & apart & (seen.entry_ns < middle - _SETTLED_NS)).sum(axis=1) - 2
    rows = np.flatnonzero(settled >= 0)
    before, after = (
        scorer(one, observed(one)).verdict.p[rows, settled[rows]] for one in (population, cut)
    )
    return _unchanged("future cut off", population, before, after)


def _until(quotes: Quotes, end: int) -> Quotes:
    columns: Iterable[Any] = (column[quotes.ts <= end] for column in quotes)
    return Quotes(*columns)


def _half_spreads(population: Population) -> Floats:
    index = QuoteIndex(population.quotes, len(population.terms))
    half: Floats = 0.5 * index.spread(population.trades.symbol, population.trades.entry_ns)
    return half


def _tops(population: Population) -> Floats:
    """Return per symbol what mirrored prices and prices add up to."""
    quotes = population.quotes
    symbols: Ints = np.arange(len(population.terms))
    return np.array([2.0 * float(quotes.ask[quotes.symbol == s].max()) for s in symbols])


def _mirrored(quotes: Quotes, tops: Floats) -> Quotes:
    turned = tops[quotes.symbol]
    return quotes._replace(bid=turned - quotes.ask, ask=turned - quotes.bid)


def _scaled(quotes: Quotes, scale: Floats) -> Quotes:
    mine = scale[quotes.symbol]
    return quotes._replace(bid=quotes.bid * mine, ask=quotes.ask * mine)
