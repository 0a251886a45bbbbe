"""The same sums from whole columns of trades: for laboratories, and to check what runs online.

Source: science.md sections 1.1 and 1.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_book import FlowBook
from bookrouting.flow_results import weigh_results, weigh_sized
from bookrouting.flow_settings import HORIZONS, NS_PER_S, SCORED, SCORED_S, FlowSettings
from bookrouting.flow_state import DECISIONS, KNOWN, LEAST_COST
from bookrouting.score import FlowSums, new_sums
from exposure.kernels import kernel
from exposure.model.events import DealExecuted
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Flags = NDArray[np.bool_]


class FlowColumns(NamedTuple):
    """Decisions of clients in order of time, an entry or an exit each.

    ``markout`` from the client's view against the mid he saw, net of what his fill and commission
    differ from ``cost``, so that 1 pays for a round trip; NaN where it is unknown yet or never.
    ``share`` is the part of a horizon that the client's last decision in the symbol did not cover
    already. Horizons are those of the score. ``result`` is what an entry came to, gross like a
    markout, at its close or after an hour, ``held_s`` seconds; NaN as long as it is unknown.

    Shapes: markout, variance, share (m, horizons), all others (m,). Units: ``ts`` ns, markout, swap
    and result in costs of a round trip, variance in squares of it, ``rate`` the same per second
    and without kappa, ``cost`` a share of the price, ``size`` USD of notional, 0 if not known.
    """

    client: Int32s
    ts: Int64s
    is_exit: Flags
    markout: Floats
    variance: Floats
    share: Floats
    cost: Floats
    swap: Floats
    rate: Floats
    size: Floats
    result: Floats
    held_s: Floats


def entries_only(
    client: Int32s,
    ts: Int64s,
    markout: Floats,
    variance: Floats,
    cost: Floats,
    swap: Floats,
) -> FlowColumns:
    """Return columns of trades that are entries of one size and do not overlap, never closed."""
    many = len(ts)
    return FlowColumns(
        client, ts, np.zeros(many, np.bool_), markout, variance, np.ones_like(markout), cost,
        swap, np.zeros(many), np.ones(many), np.full(many, np.nan), np.zeros(many),
    )  # fmt: skip


def flow_of(
    quotes: QuoteColumns,
    deals: Sequence[DealExecuted],
    instruments: Iterable[Instrument],
    settings: FlowSettings | None = None,
) -> FlowBook:
    """Return the flow book after a day in memory.

    Args:
        quotes: In order of time; ``symbol`` counts ``instruments``.
        deals: In order of time.
        instruments: What is traded.
        settings: The constants.
    """
    book = FlowBook(settings)
    for instrument in instruments:
        book.add_instrument(instrument)
    play(book, quotes, deals)
    book.finish()
    return book


def play(book: FlowBook, quotes: QuoteColumns, deals: Sequence[DealExecuted]) -> None:
    """Apply quotes and deals in order of time; at one instant quotes come first."""
    effective = np.maximum.accumulate(quotes.ts_event)
    before = np.searchsorted(effective, [deal.ts_event for deal in deals], side="right")
    done = 0
    for deal, reached in zip(deals, before.tolist(), strict=True):
        if reached > done:
            book.apply_quotes(_part(quotes, done, reached))
            done = reached
        book.apply_deal(deal)
    if done < len(effective):
        book.apply_quotes(_part(quotes, done, len(effective)))


def _part(quotes: QuoteColumns, first: int, last: int) -> QuoteColumns:
    symbol, bid, ask, ts_event = quotes
    return QuoteColumns(symbol[first:last], bid[first:last], ask[first:last], ts_event[first:last])


def columns_of(book: FlowBook, rows: Int64s | None = None) -> FlowColumns:
    """Return decisions that the book remembers, in order of time: all, or the rows named."""
    count, settings = int(book.arrays.counters[DECISIONS]), book.settings
    d = book.arrays.decisions[:count] if rows is None else book.arrays.decisions[rows]
    horizons = np.array(SCORED_S)
    cost = np.maximum(np.maximum(d["paid_lots"], d["floor_lots"]) / d["lots"], LEAST_COST)
    known = d["status"][:, list(SCORED)] == KNOWN
    per_second = d["variance_lots"] / d["lots"] / cost**2
    since = (d["ts"] - d["previous_ts"])[:, None]
    return FlowColumns(
        d["client"].copy(),
        d["ts"].copy(),
        d["is_exit"].copy(),
        np.where(known, d["markout"][:, list(SCORED)], np.nan),
        settings.kappa * per_second[:, None] * horizons + settings.floor_variance,
        np.minimum(1.0, since / (horizons * NS_PER_S)),
        cost / np.maximum(np.abs(d["mid_lots"] / d["lots"]), cost),
        d["swap"].copy(),
        per_second,
        d["size"].copy(),
        np.where(d["settled"], d["result"], np.nan),
        d["held_s"].copy(),
    )


def sum_flow(
    flow: FlowColumns,
    clients: int,
    settings: FlowSettings | None = None,
    *,
    first: int | None = None,
) -> FlowSums:
    """Sum clients' flow as it stands after their last trade (or after their ``first`` trades).

    Args:
        flow: Decisions in order of time.
        clients: How many there are; ``flow.client`` numbers them from 0.
        settings: How fast trades are forgotten, and up to where a markout counts.
        first: Take only so many entries of each client, and the exits up to the last of them.
    """
    settings = settings or FlowSettings()
    number = _entries_before(flow)
    if first is not None:
        kept = number < np.where(flow.is_exit, first + 1, first)
        flow, number = _rows(flow, kept), number[kept]
    decayed = _decay(flow, number, settings)
    entry = ~flow.is_exit
    sums = new_sums(clients)
    weight, moment = sums.weight, sums.moment
    for k in range(2 * HORIZONS):
        rows = np.flatnonzero(entry if k < HORIZONS else ~entry)
        h = k % HORIZONS
        x, v = flow.markout[rows, h], flow.variance[rows, h]
        known = np.isfinite(x) & np.isfinite(v)
        rows, x, v = rows[known], x[known], v[known]
        limit = settings.winsor_sd * np.sqrt(v)
        per_row = decayed[rows] * flow.share[rows, h] / v
        weight[:, k] = np.bincount(flow.client[rows], per_row, clients)
        moment[:, k] = np.bincount(flow.client[rows], per_row * np.clip(x, -limit, limit), clients)
    _weigh_all(
        _results(flow, decayed, clients),
        *_sized(flow, decayed, clients, settings),
        settings.kappa,
        settings.floor_variance,
        sums,
    )
    return FlowSums(
        weight,
        moment,
        np.bincount(flow.client[entry], minlength=clients).astype(np.int64),
        np.bincount(flow.client[entry], decayed[entry], clients).astype(np.float64),
        np.bincount(flow.client, decayed * flow.swap, clients).astype(np.float64),
        np.zeros(clients),
    )


def _results(flow: FlowColumns, decayed: Floats, clients: int) -> Floats:
    """Return sums of what trades came to, in the places of ``bookrouting.flow_state``."""
    rows = np.flatnonzero(~flow.is_exit & np.isfinite(flow.result))
    size, result, ones = flow.size[rows], flow.result[rows], np.ones(len(rows))
    held_s, rate = flow.held_s[rows], flow.rate[rows]
    columns = (ones, result, held_s, rate, size, size * result, size**2, *flow.share[rows].T)
    owner, counts = flow.client[rows], decayed[rows]
    return np.stack([np.bincount(owner, counts * one, clients) for one in columns], axis=1)


def _sized(
    flow: FlowColumns, decayed: Floats, clients: int, settings: FlowSettings
) -> tuple[Floats, Floats, Floats]:
    """Return sums of entries' markouts that weigh by size. Shapes: (clients, horizons)."""
    weight, moment, square = (np.zeros((clients, HORIZONS)) for _ in range(3))
    for h in range(HORIZONS):
        known = np.isfinite(flow.markout[:, h]) & np.isfinite(flow.variance[:, h])
        rows = np.flatnonzero(~flow.is_exit & known)
        x, v, size = flow.markout[rows, h], flow.variance[rows, h], flow.size[rows]
        limit = settings.winsor_sd * np.sqrt(v)
        per_row, owner = decayed[rows] * flow.share[rows, h] * size / v, flow.client[rows]
        weight[:, h] = np.bincount(owner, per_row, clients)
        moment[:, h] = np.bincount(owner, per_row * np.clip(x, -limit, limit), clients)
        square[:, h] = np.bincount(owner, per_row * size, clients)
    return weight, moment, square


@kernel
def _weigh_all(
    results: Floats,
    sized_weight: Floats,
    sized_moment: Floats,
    sized_square: Floats,
    kappa: float,
    floor_variance: float,
    sums: FlowSums,
) -> None:
    for i in range(len(results)):
        weigh_results(results[i], kappa, floor_variance, sums.weight[i], sums.moment[i])
        weigh_sized(
            sized_weight[i], sized_moment[i], sized_square[i], sums.weight[i], sums.moment[i]
        )


def mean_costs(flow: FlowColumns, clients: int, settings: FlowSettings | None = None) -> Floats:
    """Return each client's mean cost of a round trip as a share of the price, 0 without trades.

    An edge in costs, times this, times a million is USD per million USD of notional.
    """
    settings = settings or FlowSettings()
    decayed = _decay(flow, _entries_before(flow), settings) * ~flow.is_exit
    total = np.bincount(flow.client, decayed, clients)
    costs = np.bincount(flow.client, decayed * flow.cost, clients)
    return costs / np.where(total > 0.0, total, 1.0)


def _rows(flow: FlowColumns, kept: Flags) -> FlowColumns:
    columns: list[NDArray[Any]] = [column[kept] for column in flow]
    return FlowColumns(*columns)


class _Ordered(NamedTuple):
    """Rows by client: their order, and where each client's rows begin. Shapes: (m,), (groups,)."""

    order: Int64s
    starts: Int64s

    def spread(self, per_group: NDArray[Any]) -> NDArray[Any]:
        """Give every row its group's value."""
        return np.repeat(per_group, np.diff([*self.starts, len(self.order)]))


def _by_client(flow: FlowColumns) -> _Ordered:
    order = np.argsort(flow.client, kind="stable")
    return _Ordered(order, np.flatnonzero(np.diff(flow.client[order], prepend=-1)))


def _entries_before(flow: FlowColumns) -> Int64s:
    """Return how many entries of the same client stand before each row."""
    rows = _by_client(flow)
    entry = (~flow.is_exit[rows.order]).astype(np.int64)
    running = np.cumsum(entry) - entry
    out = np.empty(len(entry), np.int64)
    out[rows.order] = running - rows.spread(running[rows.starts])
    return out


def _decay(flow: FlowColumns, number: Int64s, settings: FlowSettings) -> Floats:
    """Return what each row counts after its client's last entry; an exit ages with entries."""
    if not len(flow.ts):
        return np.zeros(0)
    rows = _by_client(flow)
    begun = rows.spread(flow.ts[rows.order][rows.starts])
    entry, places = ~flow.is_exit[rows.order], np.arange(len(flow.ts))
    last = np.maximum.accumulate(np.where(entry, places, -1))
    known = last >= rows.spread(rows.starts)
    since = (flow.ts[rows.order][np.maximum(last, 0)] - begun) / settings.half_life_ns
    entries = (number[rows.order] + entry) / settings.half_life_trades
    age = np.where(known, since, 0.0) + entries
    ends = np.append(rows.starts[1:], len(flow.ts)) - 1
    weights = np.empty(len(age))
    weights[rows.order] = np.exp2(age - rows.spread(age[ends]))
    return weights
