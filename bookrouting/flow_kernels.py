"""Markouts online, compiled: what a quote does, what falls due, and what it says of a client.

The markout of a ticket at a horizon is the move of the mid from the fill to that instant, in the
client's favour. A decision's is the mean over its tickets by lots, known when the last ticket that
may belong to it is due. Both come in order of time per horizon, so no queue needs sorting; across
horizons decisions are taken in order of the time at which they become known, which makes every
alarm independent of how quotes were batched. Source: science.md sections 1.1 and 1.8.
"""

from __future__ import annotations

import math
from typing import Final

from bookrouting.evidence import log_e_value
from bookrouting.flow_results import see_sized, stop_result
from bookrouting.flow_settings import HORIZONS, QUARTER_NS
from bookrouting.flow_state import (
    ALARMS,
    BAD_QUOTES,
    CANCELLED,
    CLOCK,
    CURVE,
    DECISIONS,
    DUE,
    KNOWN,
    LATE_QUOTES,
    LEAST_COST,
    NEAR_JUMPS,
    NEVER,
    TICKETS,
    FlowArrays,
    FlowTerms,
    Table,
)
from exposure.kernels import kernel
from exposure.model.quotes import QuoteColumns

_LEAST_WEIGHT: Final = 1e-3
"""What a quote weighs at least in its symbol's usual spread."""

_LEAST_INTERVAL_WEIGHT: Final = 5e-3
_WORST_MOVE: Final = 25.0
"""A move counts at most so many variances: one bad tick is no volatility."""

_NS: Final = 1e-9
_JUMP_PAUSE_NS: Final = 60_000_000_000
_BEFORE_JUMP_NS: Final = 5_000_000_000
_TINY: Final = 1e-7
"""No spread and no root of a variance is smaller than this share of the price."""


@kernel
def take_quotes(quotes: QuoteColumns, flow: FlowArrays, terms: FlowTerms) -> None:
    """Apply quotes, having settled what was due before each of them.

    What is due at the very time of a quote waits: another quote of that instant may follow. Late
    and unusable quotes are counted and move nothing.
    """
    market, counters = flow.market, flow.counters
    for i in range(len(quotes.ts_event)):
        symbol, now = quotes.symbol[i], quotes.ts_event[i]
        if symbol < 0:
            continue
        bid, ask = quotes.bid[i], quotes.ask[i]
        if now < 0 or not _usable(bid, ask, market[symbol].allow_negative):
            counters[BAD_QUOTES] += 1
            continue
        if market[symbol].quoted and now < market[symbol].last_ts:
            counters[LATE_QUOTES] += 1
            continue
        if now > counters[CLOCK]:
            if counters[DUE] < now:
                settle_until(now - 1, flow, terms)
            counters[CLOCK] = now
        _take(symbol, bid, ask, now, flow, terms)


@kernel
def settle_until(now: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Settle what is due at or before an instant after which no quote of it will come."""
    for h in range(CURVE):
        _settle_tickets(h, now, flow, terms)
    decisions, due = flow.decisions, NEVER
    while True:
        due, first = NEVER, 0
        for h in range(CURVE):
            k = flow.next_decision[h]
            if k < flow.counters[DECISIONS]:
                at = decisions[k].ts + terms.merge_ns + terms.horizons[h]
                if at < due:
                    due, first = at, h
        if due > now or due == NEVER:
            break
        _decide(flow.next_decision[first], first, due, flow, terms)
        flow.next_decision[first] += 1
    for h in range(CURVE):
        k = flow.next_ticket[h]
        if k < flow.counters[TICKETS]:
            due = min(due, flow.tickets[k].ts + terms.horizons[h])
    flow.counters[DUE] = due


@kernel
def gap_limit(symbol: int, market: Table, terms: FlowTerms) -> float:
    """Return the silence of a symbol that means its market is closed. Units: ns."""
    if market[symbol].intervals == 0.0:
        return math.inf
    limit: float = max(terms.gap_ns, terms.gap_intervals * market[symbol].interval_ns)
    return limit


@kernel
def cost_of(k: int, decisions: Table) -> float:
    """Return what a round trip of a decision costs, floored. Units: price."""
    cost: float = max(decisions[k].paid_lots, decisions[k].floor_lots) / decisions[k].lots
    return max(cost, LEAST_COST)


@kernel
def _usable(bid: float, ask: float, allow_negative: bool) -> bool:  # noqa: FBT001 (a kernel)
    if not (math.isfinite(bid) and math.isfinite(ask)):
        return False
    return bool(allow_negative) or (bid > 0.0 and ask > 0.0)


@kernel
def _take(
    symbol: int, bid: float, ask: float, now: int, flow: FlowArrays, terms: FlowTerms
) -> None:
    market = flow.market
    mid, spread = (bid + ask) / 2.0, max(ask - bid, 0.0)
    if market[symbol].quoted:
        silence = now - market[symbol].last_ts
        limit = gap_limit(symbol, market, terms)
        if silence > limit:
            _credit_gap(symbol, mid, flow, terms)
            market[symbol].gap_end = now
            market[symbol].sample_mid, market[symbol].sample_ts = mid, now
        else:
            _notice_jump(symbol, mid, now, silence, flow, terms)
            if now - market[symbol].sample_ts >= terms.sample_ns:
                _sample(symbol, mid, now, market, terms)
        if silence > 0:
            market[symbol].intervals += 1.0
            weight = max(1.0 / market[symbol].intervals, _LEAST_INTERVAL_WEIGHT)
            off = min(float(silence), limit) - market[symbol].interval_ns
            market[symbol].interval_ns += weight * off
    else:
        market[symbol].quoted = True
        market[symbol].sample_mid, market[symbol].sample_ts = mid, now
    market[symbol].spreads += 1.0
    weight = max(1.0 / market[symbol].spreads, _LEAST_WEIGHT)
    market[symbol].spread += weight * (spread - market[symbol].spread)
    market[symbol].bid, market[symbol].ask, market[symbol].last_ts = bid, ask, now
    if market[symbol].observed_ns == 0.0:
        usual = max(terms.prior_sd * market[symbol].spread, _TINY * abs(mid))
        market[symbol].variance = usual * usual


@kernel
def _notice_jump(
    symbol: int, mid: float, now: int, silence: int, flow: FlowArrays, terms: FlowTerms
) -> None:
    """See whether the price jumps, as it does on news, and mark the entries right before it."""
    market, decisions = flow.market, flow.decisions
    if market[symbol].observed_ns < terms.variance_prior:
        return
    moved = abs(mid - (market[symbol].bid + market[symbol].ask) / 2.0)
    usual = math.sqrt(market[symbol].variance * max(silence * _NS, 1.0))
    if moved <= max(terms.jump_sd * usual, market[symbol].spread):
        return
    if market[symbol].jump_ts > 0 and now - market[symbol].jump_ts < _JUMP_PAUSE_NS:
        return
    market[symbol].jump_ts = now
    k = flow.counters[DECISIONS] - 1
    while k >= 0 and decisions[k].ts >= now - _BEFORE_JUMP_NS:
        if decisions[k].symbol == symbol and not decisions[k].is_exit:
            flow.counters[NEAR_JUMPS] += not decisions[k].near_jump
            decisions[k].near_jump = True
        k -= 1


@kernel
def _sample(symbol: int, mid: float, now: int, market: Table, terms: FlowTerms) -> None:
    """Let the variance see a move: a mean at first, then forgetting by half-life."""
    passed = float(now - market[symbol].sample_ts)
    move, variance = mid - market[symbol].sample_mid, market[symbol].variance
    seen = min(move * move / (passed * _NS), _WORST_MOVE * variance)
    forgets = 1.0 - 0.5 ** (passed / terms.variance_half_life)
    learns = passed / (market[symbol].observed_ns + passed + terms.variance_prior)
    floor = _TINY * mid
    variance += max(forgets, learns) * (seen - variance)
    market[symbol].variance = max(variance, floor * floor)
    market[symbol].observed_ns += passed
    market[symbol].sample_mid, market[symbol].sample_ts = mid, now


@kernel
def _credit_gap(symbol: int, mid: float, flow: FlowArrays, terms: FlowTerms) -> None:
    """Keep what a market's first price after a close did to those who had just dealt."""
    tickets, decisions, clients = flow.tickets, flow.decisions, flow.clients
    closed = flow.market[symbol].last_ts
    k = flow.counters[TICKETS] - 1
    while k >= 0 and tickets[k].ts >= closed - terms.horizons[CURVE - 1]:
        own = tickets[k].decision
        if own >= 0 and decisions[own].symbol == symbol and not decisions[own].is_exit:
            moved = decisions[own].side * (mid - tickets[k].reference)
            share = tickets[k].lots / decisions[own].lots
            client = decisions[own].client
            clients[client].gap += share * moved / cost_of(own, decisions)
            clients[client].gaps += 1
        k -= 1


@kernel
def _settle_tickets(h: int, now: int, flow: FlowArrays, terms: FlowTerms) -> None:
    tickets, decisions, market = flow.tickets, flow.decisions, flow.market
    horizon, k, count = terms.horizons[h], flow.next_ticket[h], flow.counters[TICKETS]
    while k < count and tickets[k].ts + horizon <= now:
        own = tickets[k].decision
        symbol, due = decisions[own].symbol, tickets[k].ts + horizon
        silent = due - market[symbol].last_ts > gap_limit(symbol, market, terms)
        if silent or market[symbol].gap_end > tickets[k].ts:
            decisions[own].status[h] = CANCELLED
        else:
            mid = (market[symbol].bid + market[symbol].ask) / 2.0
            moved = decisions[own].side * (mid - tickets[k].reference)
            decisions[own].markout[h] += tickets[k].lots * moved
        k += 1
    flow.next_ticket[h] = k


@kernel
def _decide(k: int, h: int, at: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Take a decision's markout into its client's sums, now that all its tickets are due."""
    decisions, clients = flow.decisions, flow.clients
    client = decisions[k].client
    cost = cost_of(k, decisions)
    counts = 2.0 ** (decisions[k].mark - clients[client].mark)
    fast = 2.0 ** (decisions[k].fast_mark - clients[client].fast_mark)
    if h == 0 and not decisions[k].is_exit:
        _count(k, client, cost, counts, fast, flow)
    if decisions[k].status[h] == CANCELLED:
        decisions[k].markout[h] = 0.0
        _stop_at_last(k, h, flow, terms)
        return
    paid = decisions[k].paid_lots / decisions[k].lots
    variance = variance_of(k, h, cost, decisions, terms)
    most = terms.winsor * math.sqrt(variance)
    x = (decisions[k].markout[h] / decisions[k].lots - paid) / cost + 1.0
    x = min(max(x, -most), most)
    decisions[k].markout[h], decisions[k].status[h] = x, KNOWN
    share = min(1.0, (decisions[k].ts - decisions[k].previous_ts) / terms.horizons[h])
    column = h + CURVE if decisions[k].is_exit else h
    clients[client].weight[column] += counts * share / variance
    clients[client].moment[column] += counts * share * x / variance
    clients[client].fast_weight[column] += fast * share / variance
    clients[client].fast_moment[column] += fast * share * x / variance
    if terms.scored[h] >= 0:
        _bet(k, h, at, share, (x - 1.0) / math.sqrt(variance), flow, terms)
        if not decisions[k].is_exit:
            see_sized(k, terms.scored[h], share, x, variance, flow)
    _stop_at_last(k, h, flow, terms)


@kernel
def _stop_at_last(k: int, h: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Settle an entry's result once the last horizon is past."""
    if h == CURVE - 1 and not flow.decisions[k].is_exit:
        stop_result(k, flow, terms)


@kernel
def variance_of(k: int, h: int, cost: float, decisions: Table, terms: FlowTerms) -> float:
    """Return the variance of a decision's markout without any skill, in squared costs."""
    per_second = decisions[k].variance_lots / decisions[k].lots / (cost * cost)
    variance: float = terms.kappa * per_second * terms.horizons[h] * _NS + terms.floor_variance
    return variance


@kernel
def _count(k: int, client: int, cost: float, counts: float, fast: float, flow: FlowArrays) -> None:
    """Count an entry whose tickets are complete, and what it cost."""
    decisions, clients = flow.decisions, flow.clients
    mid = abs(decisions[k].mid_lots / decisions[k].lots)
    clients[client].n_eff += counts
    clients[client].fast_n_eff += fast
    clients[client].cost += counts * cost / max(mid, cost)  # some prices are zero
    clients[client].cost_pips += counts * cost / flow.pip[decisions[k].symbol]
    clients[client].earned += counts * decisions[k].earned_lots / decisions[k].lots / cost
    if decisions[k].fast_lots > 0.0:
        stale = decisions[k].stale_lots / decisions[k].fast_lots
        clients[client].stale += stale / cost
        clients[client].stale_seen += 1
        clients[client].stale_hits += stale > cost / 2.0


@kernel
def _bet(
    k: int, h: int, at: int, share: float, gain: float, flow: FlowArrays, terms: FlowTerms
) -> None:
    """Let the client's e-process see a standardised net gain; note the first alarm of a quarter."""
    decisions, clients = flow.decisions, flow.clients
    client, quarter = decisions[k].client, decisions[k].ts // QUARTER_NS
    if quarter < clients[client].quarter:
        return
    if quarter > clients[client].quarter:
        clients[client].quarter, clients[client].alarmed = quarter, False
        for j in range(2 * HORIZONS):
            clients[client].e_count[j] = clients[client].e_sum[j] = 0.0
            clients[client].e_channel[j] = 0.0
    j = terms.scored[h] + (HORIZONS if decisions[k].is_exit else 0)
    clients[client].e_count[j] += share
    clients[client].e_sum[j] += share * min(max(gain, -terms.winsor), terms.winsor)
    clients[client].e_channel[j] = log_e_value(
        clients[client].e_count[j], clients[client].e_sum[j], terms.e_prior
    )
    _average(client, flow, terms)
    if clients[client].e_log >= terms.log_alarm and not clients[client].alarmed:
        _alarm(client, at, flow)


@kernel
def _average(client: int, flow: FlowArrays, terms: FlowTerms) -> None:
    clients, top = flow.clients, 0.0
    for j in range(2 * HORIZONS):
        top = max(top, clients[client].e_channel[j])
    total = 0.0
    for j in range(2 * HORIZONS):
        total += terms.e_weights[j] * math.exp(clients[client].e_channel[j] - top)
    clients[client].e_log = top + math.log(total)


@kernel
def _alarm(client: int, at: int, flow: FlowArrays) -> None:
    place, alarms = flow.counters[ALARMS], flow.alarms
    if place == len(alarms):
        return  # the caller makes room; the alarm comes with the next markout then
    alarms[place].client, alarms[place].ts = client, at
    alarms[place].trades = flow.clients[client].trades
    alarms[place].log_e = flow.clients[client].e_log
    flow.clients[client].alarmed = True
    flow.counters[ALARMS] = place + 1
