"""What a deal does to its client's flow, compiled: it joins a decision or begins one.

A decision is what a client did on one side of a symbol within two seconds of a first ticket. What
a round trip costs is what was paid over the mid, what closing will cost (the spread of the moment,
or what clients usually pay in the symbol if that is more), and the commission of both ends; from
locked and crossed quotes it cannot become nothing. Source: science.md section 1.1.
"""

from __future__ import annotations

import math
from typing import Any, Final

from bookrouting.flow_results import fade_results, weigh_results, weigh_sized
from bookrouting.flow_settings import HORIZONS, SCORED
from bookrouting.flow_state import (
    CLOCK,
    CURVE,
    DECISIONS,
    DUE,
    ENTRIES,
    NEAR_JUMPS,
    TICKETS,
    Floats,
    FlowArrays,
    FlowTerms,
    Int64s,
    Table,
)
from bookrouting.score import FlowSums
from exposure.kernels import kernel

_LEAST_FILL_WEIGHT: Final = 0.01
"""What a decision weighs at least in what clients usually pay."""

_WORST_FILL: Final = 4.0
_AFTER_JUMP_NS: Final = 60_000_000_000
_TINY: Final = 1e-300
_LEAST_COST: Final = 1e-6
"""Of the price: a hundredth of a pip."""


@kernel
def take_ticket(
    row: int,
    client: int,
    symbol: int,
    sign: float,
    is_exit: bool,  # noqa: FBT001 (kernels take no keywords)
    lots: float,
    price: float,
    commission: float,
    markup: float,
    fast_mid: float,
    previous_ts: int,
    flow: FlowArrays,
    terms: FlowTerms,
) -> int:
    """Add a deal at the clock's time and return its decision's row.

    Args:
        row: The client's last decision on that side, -1 if there is none.
        client: Whose it is.
        symbol: In what.
        sign: +1 buy, -1 sell.
        is_exit: Whether it closes.
        lots: How much, above 0.
        price: At which price.
        commission: Of a round trip, in price units.
        markup: What of the price is the house's, in price units.
        fast_mid: What the fast reference said, NaN if nothing.
        previous_ts: The client's last decision of that kind in the symbol, ns.
        flow: All tables, with room for a ticket and a decision.
        terms: The settings.
    """
    now, m, d = flow.counters[CLOCK], flow.market, flow.decisions
    mid = (m[symbol].bid + m[symbol].ask) / 2.0
    over_mid = sign * (price - mid)
    if row < 0 or now - d[row].ts > terms.merge_ns:
        _see_fill(symbol, over_mid, m)
        row = _begin(client, symbol, sign, is_exit, previous_ts, flow, terms)
    half = max((m[symbol].ask - m[symbol].bid) / 2.0, m[symbol].fill_half)
    widest = max(m[symbol].spread, m[symbol].fill_half)
    d[row].lots += lots
    d[row].mid_lots += lots * mid
    d[row].price_lots += lots * price
    d[row].paid_lots += lots * (over_mid + half + commission)
    d[row].floor_lots += lots * max(terms.cost_floor * widest, _LEAST_COST * abs(mid))
    d[row].commission_lots += lots * commission
    d[row].size += lots * m[symbol].lot_usd
    d[row].earned_lots += lots * (2.0 * markup + commission)
    d[row].variance_lots += lots * m[symbol].variance
    if math.isfinite(fast_mid):
        d[row].fast_lots += lots
        d[row].stale_lots += lots * sign * (fast_mid - mid)
    t, place = flow.tickets, flow.counters[TICKETS]
    t[place].ts, t[place].decision = now, row
    t[place].lots, t[place].reference = lots, mid
    flow.counters[TICKETS] = place + 1
    flow.counters[DUE] = min(flow.counters[DUE], now + terms.horizons[0])
    return row


@kernel
def charge_swap(row: int, amount: float, flow: FlowArrays) -> None:
    """Credit a swap to the entry that it belongs to. Units: ``amount`` price times lots."""
    d, c, client = flow.decisions, flow.clients, flow.decisions[row].client
    swap = amount / max(d[row].paid_lots, d[row].floor_lots, _TINY)
    d[row].swap += swap
    c[client].swap += 2.0 ** (d[row].mark - c[client].mark) * swap
    c[client].fast_swap += 2.0 ** (d[row].fast_mark - c[client].fast_mark) * swap


@kernel
def gather(
    rows: Int64s,
    fast: bool,  # noqa: FBT001 (kernels take no keywords)
    clients: Table,
    terms: FlowTerms,
    out: FlowSums,
) -> None:
    """Copy what the score needs of some clients; the fast twin knows no break-even."""
    for place in range(len(rows)):
        row = rows[place]
        n_eff = clients[row].fast_n_eff if fast else clients[row].n_eff
        out.trades[place], out.n_eff[place] = clients[row].trades, n_eff
        out.swap[place] = clients[row].fast_swap if fast else clients[row].swap
        for k in range(2 * HORIZONS):
            column = SCORED[k % HORIZONS] + (CURVE if k >= HORIZONS else 0)
            if fast:
                out.weight[place, k] = clients[row].fast_weight[column]
                out.moment[place, k] = clients[row].fast_moment[column]
            else:
                out.weight[place, k] = clients[row].weight[column]
                out.moment[place, k] = clients[row].moment[column]
        _gather_results(clients[row], fast, terms, out.weight[place], out.moment[place])
        stale = clients[row].stale / (clients[row].stale_seen + 5.0)
        out.breakeven[place] = clients[row].earned / max(n_eff, 1.0) - stale


@kernel
def _gather_results(
    client: Any,
    fast: bool,  # noqa: FBT001 (kernels take no keywords)
    terms: FlowTerms,
    weight: Floats,
    moment: Floats,
) -> None:
    c, kappa, floor = client, terms.kappa, terms.floor_variance
    if fast:
        weigh_results(c.fast_results, kappa, floor, weight, moment)
        weigh_sized(c.fast_sized_weight, c.fast_sized_moment, c.fast_sized_square, weight, moment)
    else:
        weigh_results(c.results, kappa, floor, weight, moment)
        weigh_sized(c.sized_weight, c.sized_moment, c.sized_square, weight, moment)


@kernel
def _see_fill(symbol: int, over_mid: float, market: Table) -> None:
    """Learn what clients usually pay over the mid; one absurd fill teaches little."""
    fills, before = market[symbol].fills + 1.0, market[symbol].fill_half
    seen = max(over_mid, 0.0)
    if fills > 1.0:
        seen = min(seen, _WORST_FILL * max(before, market[symbol].spread))
    market[symbol].fill_half += max(1.0 / fills, _LEAST_FILL_WEIGHT) * (seen - before)
    market[symbol].fills = fills


@kernel
def _begin(
    client: int,
    symbol: int,
    sign: float,
    is_exit: bool,  # noqa: FBT001 (kernels take no keywords)
    previous_ts: int,
    flow: FlowArrays,
    terms: FlowTerms,
) -> int:
    row: int = flow.counters[DECISIONS]
    now = flow.counters[CLOCK]
    d, c = flow.decisions, flow.clients
    if c[client].trades + c[client].exits == 0:
        c[client].begun_ts = now
    if is_exit:
        c[client].exits += 1
    else:
        c[client].trades += 1
        _age(client, now, c, terms)
        jumped = flow.market[symbol].jump_ts
        d[row].near_jump = jumped > 0 and now - jumped <= _AFTER_JUMP_NS
        flow.counters[ENTRIES] += 1
        flow.counters[NEAR_JUMPS] += d[row].near_jump
    d[row].ts, d[row].client, d[row].symbol = now, client, symbol
    d[row].side, d[row].is_exit, d[row].previous_ts = sign, is_exit, previous_ts
    d[row].mark, d[row].fast_mark = c[client].mark, c[client].fast_mark
    flow.counters[DECISIONS] = row + 1
    return row


@kernel
def _age(client: int, now: int, clients: Table, terms: FlowTerms) -> None:
    """Let what came before an entry fade."""
    c = clients[client]
    since = (now - c.begun_ts) / terms.half_life
    mark = c.trades / terms.half_life_trades + since
    fast_mark = c.trades / terms.fast_half_life_trades + since
    fades, fast = 2.0 ** (c.mark - mark), 2.0 ** (c.fast_mark - fast_mark)
    c.n_eff *= fades
    c.cost *= fades
    c.cost_pips *= fades
    c.earned *= fades
    c.swap *= fades
    c.fast_n_eff *= fast
    c.fast_swap *= fast
    for k in range(2 * CURVE):
        c.weight[k] *= fades
        c.moment[k] *= fades
        c.fast_weight[k] *= fast
        c.fast_moment[k] *= fast
    fade_results(client, fades, fast, clients)
    c.last_ts, c.mark, c.fast_mark = now, mark, fast_mark
