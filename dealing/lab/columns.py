"""A labelled population: quotes, what clients did, and the truth that only its generator knows.

Truth is a client's mean net result per unit of notional, in units of his cost: what the house loses
per trade if it keeps the other side. It is measured without the market's noise. A generator knows
the martingale part of its prices, on which nobody can gain on average, whatever his exits are; that
part of every result is left out, so a few thousand trades tell the mean to a few hundredths.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NS: Final = 1_000_000_000
MILLION: Final = 1e6
CLOSED: Final = ("client", "tp", "sl")
"""Why a position was closed, as a deal says it."""
BENIGN_EDGE: Final = -0.7
"""A client at or below this edge is benign, one above zero is toxic; the rest is grey."""


class Terms(NamedTuple):
    """What a symbol is. Units: ``usd_per_quote`` USD for one unit of its quote currency."""

    name: str
    asset_class: str
    base: str
    quote: str
    contract_size: float
    digits: int
    usd_per_quote: float


class Quotes(NamedTuple):
    """Quotes of all symbols in order of time. Shapes: (n,). Units: ``ts`` ns UTC."""

    symbol: Ints
    ts: Ints
    bid: Floats
    ask: Floats


class Trades(NamedTuple):
    """Round trips, ordered by client and time of entry.

    Shapes: (m,). Units: ``side`` +1 client buy, -1 client sell; times ns UTC; ``commission`` (a
    cost, both ways) and ``swap`` (client sign) in price per unit; ``closed`` is a place in CLOSED.
    """

    client: Ints
    symbol: Ints
    side: Floats
    lots: Floats
    entry_ns: Ints
    entry_price: Floats
    exit_ns: Ints
    exit_price: Floats
    commission: Floats
    swap: Floats
    closed: Ints


class Truth(NamedTuple):
    """What only the generator knows, per client.

    Shapes: (clients,). Units: ``edge`` mean net result and ``stale`` mean distance of the true mid
    from the quoted one at the fill, client sign, both in costs; ``usd_per_million`` client sign.
    """

    kind: Ints
    edge: Floats
    usd_per_million: Floats
    stale: Floats

    @property
    def toxic(self) -> Flags:
        """Who wins after costs."""
        won: Flags = self.edge > 0.0
        return won

    @property
    def benign(self) -> Flags:
        """Who clearly loses."""
        lost: Flags = self.edge <= BENIGN_EDGE
        return lost


class Population(NamedTuple):
    """One draw of a generator. ``kinds`` names the codes of ``truth.kind``."""

    name: str
    seed: int
    terms: tuple[Terms, ...]
    quotes: Quotes
    reference: Quotes | None
    trades: Trades
    truth: Truth
    kinds: tuple[str, ...]

    def is_kind(self, name: str) -> Flags:
        """Return which clients are of a kind; none if the population has no such kind."""
        code = self.kinds.index(name) if name in self.kinds else -1
        are: Flags = self.truth.kind == code
        return are


def part_of(population: Population, clients: int, trades: int) -> Population:
    """Return a smaller population: some clients of every kind, each with his first trades."""
    truth, all_trades = population.truth, population.trades
    step = max(1, len(truth.kind) // clients)
    chosen = np.arange(0, len(truth.kind), step)
    number = np.full(len(truth.kind), -1)
    number[chosen] = np.arange(len(chosen))
    kept = (number[all_trades.client] >= 0) & (place_of(all_trades) < trades)
    columns: list[Any] = [column[kept] for column in all_trades]
    fewer = trades_of(columns)
    return population._replace(
        trades=fewer._replace(client=number[fewer.client]),
        truth=Truth(truth.kind[chosen], *(column[chosen] for column in truth[1:])),
    )


def place_of(trades: Trades) -> Ints:
    """Return each trade's number among its client's, from 0."""
    many = np.bincount(trades.client)
    places: Ints = np.arange(len(trades.client)) - np.repeat(np.cumsum(many) - many, many)
    return places


class Size(NamedTuple):
    """How big a draw is. ``truth_trades`` per client whose truth has to be measured."""

    clients: int
    trades: int
    truth_trades: int
    days: float


class Edges(NamedTuple):
    """The truth of some clients, in the order of ``client``: see ``Truth`` for the units."""

    edge: Floats
    usd_per_million: Floats
    stale: Floats


def weighted_by_client(value: Floats, weight: Floats, client: Ints, clients: int) -> Floats:
    """Return each client's weighted mean, 0 for one without trades.

    Shapes: (m,) three times -> (clients,).
    """
    total = np.bincount(client, weight, clients)
    sums = np.bincount(client, weight * value, clients)
    means: Floats = np.divide(sums, total, out=np.zeros(clients), where=total > 0.0)
    return means


def joined(parts: list[Trades]) -> Trades:
    """Return trades of several clients as one, ordered by client and time of entry."""
    whole = trades_of(np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((whole.entry_ns, whole.client))
    return trades_of(column[order] for column in whole)


def trades_of(columns: Iterable[Any]) -> Trades:
    """Return trades from their columns, in order."""
    return Trades(*columns)


def counts_of(shares: dict[str, float], clients: int) -> list[str]:
    """Return a kind per client so that shares are kept to one client, rarer kinds not lost."""
    exact = np.array(list(shares.values())) / sum(shares.values()) * clients
    whole = np.floor(exact).astype(int)
    for k in np.argsort(whole - exact)[: clients - int(whole.sum())]:
        whole[k] += 1
    return [kind for kind, many in zip(shares, whole, strict=True) for _ in range(many)]
