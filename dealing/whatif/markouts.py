"""Each client's markouts over a day, ordered by when they were known.

The simplest evidence that a policy can use without any other part of Plimsoll: what the mid did
after a fill, less what the spread cost, in units of that cost so that symbols pool.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted, EventBatch
from exposure.model.quotes import QuoteColumns
from feeds.book_files import BookDirectory

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

MOST_EDGE: Final = 20.0
"""Edges beyond so many times the cost count as that: one gap is no proof of skill."""

_NS: Final = 1_000_000_000
_LEAST_VARIANCE: Final = 1.0
"""In squared costs: ten lucky fills in a calm minute do not look certain."""


class Known(NamedTuple):
    """What the fills of one client say so far, in units of what each cost him."""

    fills: int
    mean: float
    variance: float

    def probability_above(self, breakeven: float, prior_edge: float, prior_fills: float) -> float:
        """Return how likely the edge is above a breakeven, the prior counting as so many fills."""
        weight = self.fills + prior_fills
        mean = (self.fills * self.mean + prior_fills * prior_edge) / weight
        sd = math.sqrt(max(self.variance, _LEAST_VARIANCE) / weight)
        return NormalDist().cdf((mean - breakeven) / sd)


class _Fills(NamedTuple):
    """A client's fills by the time their markout was known, with running sums."""

    due: Int64s
    sums: Floats
    squares: Floats


class Edges:
    """What is known of each client's fills at any moment."""

    def __init__(self, fills: Mapping[str, tuple[Int64s, Floats]]) -> None:
        """Take each client's due times (ns) and edges, in any order."""
        self._fills: dict[str, _Fills] = {}
        for client, (due, edges) in fills.items():
            order = np.argsort(due, kind="stable")
            sorted_edges = np.clip(edges[order], -MOST_EDGE, MOST_EDGE)
            self._fills[client] = _Fills(
                due[order], np.cumsum(sorted_edges), np.cumsum(sorted_edges**2)
            )

    def before(self, client: str, ts_ns: int) -> Known:
        """Return what was known of a client before an instant."""
        fills = self._fills.get(client)
        n = 0 if fills is None else int(np.searchsorted(fills.due, ts_ns, side="left"))
        if fills is None or n == 0:
            return Known(0, 0.0, 0.0)
        mean = float(fills.sums[n - 1]) / n
        return Known(n, mean, max(float(fills.squares[n - 1]) / n - mean**2, 0.0))


def measured_edges(
    book: BookDirectory, client_of: Mapping[str, str], horizon_s: float, until: int | None
) -> Edges:
    """Measure every opening fill of a day.

    A fill counts from ``horizon_s`` after it on. One without a price, or at no cost, is left out.

    Args:
        book: The day.
        client_of: Client id by login.
        horizon_s: When a fill is judged.
        until: The end of the day, ns UTC.
    """
    quotes, deals = _collected(book, until)
    horizon = round(horizon_s * _NS)
    found: dict[str, list[tuple[int, float]]] = {}
    for symbol, of_symbol in deals.items():
        if symbol not in quotes:
            continue
        ts, mid, spread = quotes[symbol]
        times = np.array([when for when, _ in of_symbol], np.int64)
        sides = np.array([Side(deal.side).sign for _, deal in of_symbol], np.float64)
        at, later = (
            np.searchsorted(ts, when, side="right") - 1 for when in (times, times + horizon)
        )
        usable = (at >= 0) & (spread[at] > 0.0)
        edges = sides * (mid[later] - mid[at]) / np.where(usable, spread[at], 1.0) - 1.0
        for k in np.flatnonzero(usable).tolist():
            login = of_symbol[k][1].login
            fills = found.setdefault(client_of.get(login, login), [])
            fills.append((int(times[k]) + horizon, float(edges[k])))
    return Edges(
        {
            client: (np.array([due for due, _ in fills]), np.array([edge for _, edge in fills]))
            for client, fills in found.items()
        }
    )


_Columns = tuple[Int64s, Floats, Floats]


def _collected(
    book: BookDirectory, until: int | None
) -> tuple[dict[str, _Columns], dict[str, list[tuple[int, DealExecuted]]]]:
    """Return each symbol's usable quotes, and its opening deals with their effective times."""
    parts: dict[str, list[_Columns]] = {}
    deals: dict[str, list[tuple[int, DealExecuted]]] = {}
    now = 0
    for segment in book.segments(until):
        if isinstance(segment, EventBatch):
            for event in segment.events:
                now = max(now, event.ts_event)
                if isinstance(event, DealExecuted) and _opens(event):
                    deals.setdefault(event.symbol, []).append((now, event))
            continue
        times = np.maximum(np.maximum.accumulate(segment.quotes.ts_event), now)
        now = int(times[-1])
        for code in np.unique(segment.quotes.symbol).tolist():
            columns = _of_symbol(segment.quotes, times, code)
            parts.setdefault(book.symbols[code], []).append(columns)
    joined = {
        name: (
            np.concatenate([one[0] for one in found]),
            np.concatenate([one[1] for one in found]),
            np.concatenate([one[2] for one in found]),
        )
        for name, found in parts.items()
    }
    return {name: one for name, one in joined.items() if len(one[0])}, deals


def _opens(deal: DealExecuted) -> bool:
    return deal.entry == Entry.IN and deal.side in set(Side)


def _of_symbol(quotes: QuoteColumns, times: Int64s, code: int) -> _Columns:
    own = quotes.symbol == code
    bid, ask = quotes.bid[own], quotes.ask[own]
    # a late quote moves nothing, as in the engine
    late = quotes.ts_event[own] < np.maximum.accumulate(quotes.ts_event[own])
    usable = np.isfinite(bid) & np.isfinite(ask) & (bid > 0.0) & (ask > 0.0) & ~late
    return times[own][usable], ((bid + ask) / 2)[usable], (ask - bid)[usable]
