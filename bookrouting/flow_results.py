"""What clients' trades came to, compiled: by the trade and by the size of it.

A trade's result counts when he closes it, or as it stands after an hour (the last horizon of the
curve), whichever is first. So every trade counts, and nobody gains by keeping what loses: without
skill a walk that is stopped by any such rule ends where it began on average, and its variance is
that of a second times the mean time (Wald). That is why the variance of a client's results takes
his mean holding time, never the trade's own, which would believe quick winners more than slow
losers. Source: science.md sections 0.1 and 1.1.

Weighing by size finds those whose big trades are the good ones; size is the notional in USD, a lot
of a symbol being worth what it was when the symbol was first traded.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_settings import HORIZONS, RESULT_CHANNEL, SCORED_S, SIZED_CHANNEL
from bookrouting.flow_state import (
    CLOCK,
    COUNT,
    CURVE,
    GAIN,
    HELD,
    KNOWN,
    LEAST_COST,
    RATE,
    SHARES,
    SIZE,
    SIZE_GAIN,
    SIZE_SQUARE,
    FlowArrays,
    FlowTerms,
    Table,
)
from exposure.kernels import LOTS_TOLERANCE, kernel

Floats = NDArray[np.float64]

_S: Final = 1e-9
_TINY: Final = 1e-300
_SECONDS: Final = np.array(SCORED_S)


@kernel
def close_part(
    row: int, lots: float, open_price: float, price: float, flow: FlowArrays, terms: FlowTerms
) -> None:
    """Let a deal close lots of the entry in a row, which settles when nothing of it is open."""
    d = flow.decisions
    if d[row].settled:
        return
    d[row].closed_lots += lots
    d[row].gained_lots += lots * d[row].side * (price - open_price)
    d[row].held_lots += lots * (flow.counters[CLOCK] - d[row].ts) * _S
    if d[row].closed_lots >= d[row].lots - LOTS_TOLERANCE:
        _settle(row, _closed_result(row, d), d[row].held_lots / d[row].closed_lots, flow, terms)


@kernel
def stop_result(row: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Settle an entry that is open after an hour, or after the last horizon its market had."""
    d = flow.decisions
    if d[row].settled:
        return
    h = CURVE - 1
    while h >= 0 and d[row].status[h] != KNOWN:
        h -= 1
    if h < 0:
        d[row].settled, d[row].result = True, math.nan  # its market closed on it at once
        return
    closed = min(d[row].closed_lots / d[row].lots, 1.0)
    result = (1.0 - closed) * d[row].markout[h]
    held = (1.0 - closed) * terms.horizons[h] * _S
    if closed > 0.0:
        result += closed * _closed_result(row, d)
        held += closed * d[row].held_lots / d[row].closed_lots
    _settle(row, result, held, flow, terms)


@kernel
def see_sized(row: int, j: int, share: float, x: float, variance: float, flow: FlowArrays) -> None:
    """Take an entry's markout at a scored horizon into the sums that weigh by size."""
    d, c, client = flow.decisions, flow.clients, flow.decisions[row].client
    size = d[row].size
    weight = share * size / variance
    slow = weight * 2.0 ** (d[row].mark - c[client].mark)
    fast = weight * 2.0 ** (d[row].fast_mark - c[client].fast_mark)
    c[client].sized_weight[j] += slow
    c[client].sized_moment[j] += slow * x
    c[client].sized_square[j] += slow * size
    c[client].fast_sized_weight[j] += fast
    c[client].fast_sized_moment[j] += fast * x
    c[client].fast_sized_square[j] += fast * size


@kernel
def fade_results(client: int, fades: float, fast: float, clients: Table) -> None:
    """Let results and sized markouts fade."""
    c = clients[client]
    for k in range(len(c.results)):
        c.results[k] *= fades
        c.fast_results[k] *= fast
    for j in range(HORIZONS):
        c.sized_weight[j] *= fades
        c.sized_moment[j] *= fades
        c.sized_square[j] *= fades
        c.fast_sized_weight[j] *= fast
        c.fast_sized_moment[j] *= fast
        c.fast_sized_square[j] *= fast


@kernel
def weigh_results(
    results: Floats, kappa: float, floor_variance: float, weight: Floats, moment: Floats
) -> None:
    """Turn a client's results into precisions and moments of their two channels.

    Shapes: results (RESULTS,), weight and moment (channels without the swap,).
    """
    many = results[COUNT]
    if many <= _TINY:
        return
    held_s = results[HELD] / many
    variance = kappa * results[RATE] / many * held_s + floor_variance
    apart = _apart(results, held_s)
    weight[RESULT_CHANNEL] = apart * many / variance
    moment[RESULT_CHANNEL] = weight[RESULT_CHANNEL] * results[GAIN] / many
    if results[SIZE] > _TINY:
        many = results[SIZE] * (results[SIZE] / results[SIZE_SQUARE])
        weight[RESULT_CHANNEL + 1] = apart * many / variance
        mean = results[SIZE_GAIN] / results[SIZE]
        moment[RESULT_CHANNEL + 1] = weight[RESULT_CHANNEL + 1] * mean


@kernel
def weigh_sized(
    sized_weight: Floats, sized_moment: Floats, sized_square: Floats, weight: Floats, moment: Floats
) -> None:
    """Turn a client's sized markouts into precisions and moments of their channels.

    Shapes: the first three (horizons,), weight and moment (channels without the swap,).
    """
    for j in range(HORIZONS):
        if sized_weight[j] > _TINY:
            per_size = sized_weight[j] / sized_square[j]
            weight[SIZED_CHANNEL + j] = sized_weight[j] * per_size
            moment[SIZED_CHANNEL + j] = sized_moment[j] * per_size


@kernel
def _apart(results: Floats, held_s: float) -> float:
    """Return how much of a mean holding time trades do not share with the one before."""
    many, below = results[COUNT], 0
    while below < HORIZONS - 1 and _SECONDS[below + 1] <= held_s:
        below += 1
    first: float = results[SHARES + below] / many
    if below == HORIZONS - 1 or held_s <= _SECONDS[0]:
        return first
    way = (held_s - _SECONDS[below]) / (_SECONDS[below + 1] - _SECONDS[below])
    between: float = first + way * (results[SHARES + below + 1] / many - first)
    return between


@kernel
def _closed_result(row: int, decisions: Table) -> float:
    """Return what was closed of an entry, gross of its cost, so that 1 pays for the trade."""
    d = decisions[row]
    net = d.gained_lots / d.closed_lots - d.commission_lots / d.lots
    result: float = net * d.lots / max(d.paid_lots, d.floor_lots, _TINY) + 1.0
    return result


@kernel
def _settle(row: int, result: float, held_s: float, flow: FlowArrays, terms: FlowTerms) -> None:
    d, c, client = flow.decisions, flow.clients, flow.decisions[row].client
    cost = max(max(d[row].paid_lots, d[row].floor_lots) / d[row].lots, LEAST_COST)
    rate = d[row].variance_lots / d[row].lots / (cost * cost)
    last_s = terms.horizons[CURVE - 1] * _S
    most = terms.winsor * math.sqrt(terms.kappa * rate * last_s + terms.floor_variance)
    d[row].settled, d[row].held_s = True, held_s
    d[row].result = min(max(result, -most), most)
    slow = 2.0 ** (d[row].mark - c[client].mark)
    fast = 2.0 ** (d[row].fast_mark - c[client].fast_mark)
    _add(row, rate, slow, d, terms, c[client].results)
    _add(row, rate, fast, d, terms, c[client].fast_results)


@kernel
def _add(
    row: int, rate: float, counts: float, decisions: Table, terms: FlowTerms, results: Floats
) -> None:
    d = decisions[row]
    results[COUNT] += counts
    results[GAIN] += counts * d.result
    results[HELD] += counts * d.held_s
    results[RATE] += counts * rate
    results[SIZE] += counts * d.size
    results[SIZE_GAIN] += counts * d.size * d.result
    results[SIZE_SQUARE] += counts * d.size * d.size
    for h in range(CURVE):
        if terms.scored[h] >= 0:
            share = min(1.0, (d.ts - d.previous_ts) / terms.horizons[h])
            results[SHARES + terms.scored[h]] += counts * share
