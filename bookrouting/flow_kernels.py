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
    NEVER,
    TICKETS,
    DecisionArrays,
    FlowArrays,
    FlowTerms,
    MarketArrays,
)
from exposure.kernels import kernel
from exposure.model.quotes import QuoteColumns

_LEAST_WEIGHT: Final = 1e-3
"""What a quote weighs at least in its symbol's usual spread."""

_LEAST_INTERVAL_WEIGHT: Final = 5e-3
_WORST_MOVE: Final = 25.0
"""A move counts at most so many variances: one bad tick is no volatility."""

_NS: Final = 1e-9
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
        if now < 0 or not _usable(bid, ask, market.allow_negative[symbol]):
            counters[BAD_QUOTES] += 1
            continue
        if market.quoted[symbol] and now < market.last_ts[symbol]:
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
                at = decisions.ts[k] + terms.merge_ns + terms.horizons[h]
                if at < due:
                    due, first = at, h
        if due > now or due == NEVER:
            break
        _decide(flow.next_decision[first], first, due, flow, terms)
        flow.next_decision[first] += 1
    for h in range(CURVE):
        k = flow.next_ticket[h]
        if k < flow.counters[TICKETS]:
            due = min(due, flow.tickets.ts[k] + terms.horizons[h])
    flow.counters[DUE] = due


@kernel
def gap_limit(symbol: int, market: MarketArrays, terms: FlowTerms) -> float:
    """Return the silence of a symbol that means its market is closed. Units: ns."""
    if market.intervals[symbol] == 0.0:
        return math.inf
    return max(terms.gap_ns, terms.gap_intervals * market.interval_ns[symbol])


@kernel
def cost_of(k: int, decisions: DecisionArrays) -> float:
    """Return what a round trip of a decision costs, floored. Units: price."""
    return max(decisions.paid_lots[k], decisions.floor_lots[k]) / decisions.lots[k]


@kernel
def _usable(bid: float, ask: float, allow_negative: bool) -> bool:
    if not (math.isfinite(bid) and math.isfinite(ask)):
        return False
    return bool(allow_negative) or (bid > 0.0 and ask > 0.0)


@kernel
def _take(
    symbol: int, bid: float, ask: float, now: int, flow: FlowArrays, terms: FlowTerms
) -> None:
    market = flow.market
    mid, spread = (bid + ask) / 2.0, max(ask - bid, 0.0)
    if market.quoted[symbol]:
        silence = now - market.last_ts[symbol]
        limit = gap_limit(symbol, market, terms)
        if silence > limit:
            _credit_gap(symbol, mid, now, flow, terms)
            market.gap_end[symbol] = now
            market.sample_mid[symbol], market.sample_ts[symbol] = mid, now
        elif now - market.sample_ts[symbol] >= terms.sample_ns:
            _sample(symbol, mid, now, market, terms)
        if silence > 0:
            market.intervals[symbol] += 1.0
            weight = max(1.0 / market.intervals[symbol], _LEAST_INTERVAL_WEIGHT)
            off = min(float(silence), limit) - market.interval_ns[symbol]
            market.interval_ns[symbol] += weight * off
    else:
        market.quoted[symbol] = True
        market.sample_mid[symbol], market.sample_ts[symbol] = mid, now
    market.spreads[symbol] += 1.0
    weight = max(1.0 / market.spreads[symbol], _LEAST_WEIGHT)
    market.spread[symbol] += weight * (spread - market.spread[symbol])
    market.bid[symbol], market.ask[symbol], market.last_ts[symbol] = bid, ask, now
    if market.observed_ns[symbol] == 0.0:
        usual = max(terms.prior_sd * market.spread[symbol], _TINY * abs(mid))
        market.variance[symbol] = usual * usual


@kernel
def _sample(symbol: int, mid: float, now: int, market: MarketArrays, terms: FlowTerms) -> None:
    """Let the variance see a move: a mean at first, then forgetting by half-life."""
    passed = float(now - market.sample_ts[symbol])
    move, variance = mid - market.sample_mid[symbol], market.variance[symbol]
    seen = min(move * move / (passed * _NS), _WORST_MOVE * variance)
    forgets = 1.0 - 0.5 ** (passed / terms.variance_half_life)
    learns = passed / (market.observed_ns[symbol] + passed + terms.variance_prior)
    floor = _TINY * mid
    variance += max(forgets, learns) * (seen - variance)
    market.variance[symbol] = max(variance, floor * floor)
    market.observed_ns[symbol] += passed
    market.sample_mid[symbol], market.sample_ts[symbol] = mid, now


@kernel
def _credit_gap(symbol: int, mid: float, now: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Keep what a market's first price after a close did to those who had just dealt."""
    tickets, decisions, clients = flow.tickets, flow.decisions, flow.clients
    closed = flow.market.last_ts[symbol]
    k = flow.counters[TICKETS] - 1
    while k >= 0 and tickets.ts[k] >= closed - terms.horizons[CURVE - 1]:
        own = tickets.decision[k]
        if own >= 0 and decisions.symbol[own] == symbol and not decisions.is_exit[own]:
            moved = decisions.side[own] * (mid - tickets.reference[k])
            share = tickets.lots[k] / decisions.lots[own]
            client = decisions.client[own]
            clients.gap[client] += share * moved / cost_of(own, decisions)
            clients.gaps[client] += 1
        k -= 1


@kernel
def _settle_tickets(h: int, now: int, flow: FlowArrays, terms: FlowTerms) -> None:
    tickets, decisions, market = flow.tickets, flow.decisions, flow.market
    horizon, k, count = terms.horizons[h], flow.next_ticket[h], flow.counters[TICKETS]
    while k < count and tickets.ts[k] + horizon <= now:
        own = tickets.decision[k]
        symbol, due = decisions.symbol[own], tickets.ts[k] + horizon
        silent = due - market.last_ts[symbol] > gap_limit(symbol, market, terms)
        if silent or market.gap_end[symbol] > tickets.ts[k]:
            decisions.status[own, h] = CANCELLED
        else:
            mid = (market.bid[symbol] + market.ask[symbol]) / 2.0
            moved = decisions.side[own] * (mid - tickets.reference[k])
            decisions.markout[own, h] += tickets.lots[k] * moved
        k += 1
    flow.next_ticket[h] = k


@kernel
def _decide(k: int, h: int, at: int, flow: FlowArrays, terms: FlowTerms) -> None:
    """Take a decision's markout into its client's sums, now that all its tickets are due."""
    decisions, clients = flow.decisions, flow.clients
    client = decisions.client[k]
    cost = cost_of(k, decisions)
    counts = 2.0 ** (decisions.mark[k] - clients.mark[client])
    fast = 2.0 ** (decisions.fast_mark[k] - clients.fast_mark[client])
    if h == 0 and not decisions.is_exit[k]:
        _count(k, client, cost, counts, fast, flow)
    if decisions.status[k, h] == CANCELLED:
        decisions.markout[k, h] = 0.0
        return
    paid = decisions.paid_lots[k] / decisions.lots[k]
    variance = variance_of(k, h, cost, decisions, terms)
    most = terms.winsor * math.sqrt(variance)
    x = (decisions.markout[k, h] / decisions.lots[k] - paid) / cost + 1.0
    x = min(max(x, -most), most)
    decisions.markout[k, h], decisions.status[k, h] = x, KNOWN
    share = min(1.0, (decisions.ts[k] - decisions.previous_ts[k]) / terms.horizons[h])
    column = h + CURVE if decisions.is_exit[k] else h
    clients.weight[client, column] += counts * share / variance
    clients.moment[client, column] += counts * share * x / variance
    clients.fast_weight[client, column] += fast * share / variance
    clients.fast_moment[client, column] += fast * share * x / variance
    if terms.scored[h] >= 0:
        _bet(k, h, at, share, (x - 1.0) / math.sqrt(variance), flow, terms)


@kernel
def variance_of(
    k: int, h: int, cost: float, decisions: DecisionArrays, terms: FlowTerms
) -> float:
    """Return the variance of a decision's markout without any skill, in squared costs."""
    per_second = decisions.variance_lots[k] / decisions.lots[k] / (cost * cost)
    return terms.kappa * per_second * terms.horizons[h] * _NS + terms.floor_variance


@kernel
def _count(
    k: int, client: int, cost: float, counts: float, fast: float, flow: FlowArrays
) -> None:
    """Count an entry whose tickets are complete, and what it cost."""
    decisions, clients = flow.decisions, flow.clients
    mid = abs(decisions.mid_lots[k] / decisions.lots[k])
    clients.n_eff[client] += counts
    clients.fast_n_eff[client] += fast
    clients.cost[client] += counts * cost / mid
    clients.cost_pips[client] += counts * cost / flow.pip[decisions.symbol[k]]
    clients.earned[client] += counts * decisions.earned_lots[k] / decisions.lots[k] / cost
    if decisions.fast_lots[k] > 0.0:
        stale = decisions.stale_lots[k] / decisions.fast_lots[k]
        clients.stale[client] += stale / cost
        clients.stale_seen[client] += 1
        clients.stale_hits[client] += stale > cost / 2.0


@kernel
def _bet(
    k: int, h: int, at: int, share: float, gain: float, flow: FlowArrays, terms: FlowTerms
) -> None:
    """Let the client's e-process see a standardised net gain; note the first alarm of a quarter."""
    decisions, clients = flow.decisions, flow.clients
    client, quarter = decisions.client[k], decisions.ts[k] // QUARTER_NS
    if quarter < clients.quarter[client]:
        return
    if quarter > clients.quarter[client]:
        clients.quarter[client], clients.alarmed[client] = quarter, False
        for j in range(2 * HORIZONS):
            clients.e_count[client, j] = clients.e_sum[client, j] = 0.0
            clients.e_channel[client, j] = 0.0
    j = terms.scored[h] + (HORIZONS if decisions.is_exit[k] else 0)
    clients.e_count[client, j] += share
    clients.e_sum[client, j] += share * min(max(gain, -terms.winsor), terms.winsor)
    clients.e_channel[client, j] = log_e_value(
        clients.e_count[client, j], clients.e_sum[client, j], terms.e_prior
    )
    _average(client, flow, terms)
    if clients.e_log[client] >= terms.log_alarm and not clients.alarmed[client]:
        _alarm(client, at, flow)


@kernel
def _average(client: int, flow: FlowArrays, terms: FlowTerms) -> None:
    clients, top = flow.clients, 0.0
    for j in range(2 * HORIZONS):
        top = max(top, clients.e_channel[client, j])
    total = 0.0
    for j in range(2 * HORIZONS):
        total += terms.e_weights[j] * math.exp(clients.e_channel[client, j] - top)
    clients.e_log[client] = top + math.log(total)


@kernel
def _alarm(client: int, at: int, flow: FlowArrays) -> None:
    place, alarms = flow.counters[ALARMS], flow.alarms
    if place == len(alarms.ts):
        return  # the caller makes room; the alarm comes with the next markout then
    alarms.client[place], alarms.ts[place] = client, at
    alarms.trades[place] = flow.clients.trades[client]
    alarms.log_e[place] = flow.clients.e_log[client]
    flow.clients.alarmed[client] = True
    flow.counters[ALARMS] = place + 1
