"""How dangerous a flow is: a mixture over horizons in closed form, with its uncertainty.

A client either has no usable edge, or an edge that shows at one horizon after his entries or his
exits, in what his trades came to, in his bigger trades, or in the swap. Precision-weighted sums of
markouts and results say how well each of these explains him; Bayes' rule does the
rest. Nothing is trained but the last step, which makes the probability keep its word. Source:
science.md section 2.

All figures are from the client's view: an edge above 0 is money that a house loses on the flow it
keeps. Units: costs of a round trip, unless a name says otherwise.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_settings import (
    CHANNELS,
    HORIZONS,
    RESULT_CHANNEL,
    SEEN_CHANNELS,
    SWAP_CHANNEL,
    ScoreSettings,
)
from exposure.kernels import kernel

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]

DECIBANS: Final = 10.0 / math.log(10.0)
"""Decibans per unit of a natural logarithm."""

_LEAST_WEIGHT: Final = 1e-12
"""Less than this is no data."""

_NULL_HORIZON: Final = 3
"""Without an edge, what little there is is looked for at 300 s."""


class FlowSums(NamedTuple):
    """What the score needs to know of clients' flow.

    ``weight`` is the precision of a channel's mean and ``moment`` that mean times it: for markouts
    sums of 1 / variance and of markout / variance. Channels are those of ``CHANNELS`` but the
    swap. ``trades`` counts entries, ``n_eff`` what is left of them after decay, ``swap``
    is the decayed sum of swaps. ``breakeven`` is what the house earns per trade if it passes the
    flow on.

    Shapes: weight, moment (clients, channels - 1), all others (clients,).
    """

    weight: Floats
    moment: Floats
    trades: Int64s
    n_eff: Floats
    swap: Floats
    breakeven: Floats


class Scores(NamedTuple):
    """What the model says of clients.

    ``p_toxic`` is calibrated; ``p_model`` is not. ``edge`` is the expected net edge per trade
    with its interval, ``p_pass_on`` the probability that passing the flow on earns the house more
    than keeping it, ``log_odds`` those of the model. Per channel ``p_channel`` (with the
    probability of no edge they add up to 1), ``log_factor`` the evidence, ``mean`` what was seen
    and ``sd`` its standard error (0 without data).

    Shapes: p_channel, log_factor (clients, channels), mean, sd (clients, channels - 1), all others
    (clients,).
    """

    p_toxic: Floats
    p_model: Floats
    log_odds: Floats
    edge: Floats
    edge_low: Floats
    edge_high: Floats
    p_pass_on: Floats
    p_channel: Floats
    log_factor: Floats
    mean: Floats
    sd: Floats

    @property
    def score(self) -> Floats:
        """From 0 to 100: a hundred times the calibrated probability."""
        return 100.0 * self.p_toxic


class ScoreTerms(NamedTuple):
    """Settings as a kernel takes them; per horizon and per channel where they are arrays."""

    null_variance: Floats
    edge_variance: Floats
    edge_shift: Floats
    log_prior: Floats
    log_prior_none: float
    least_edge: float
    swap_trades: float
    swap_gain: float
    worst: float
    best: float
    z: float
    fewest: int
    prior: float
    intercept: float
    slope: float
    edge_slope: float
    edge_limit: float
    sd_scale: float


@functools.lru_cache(maxsize=16)
def score_terms(settings: ScoreSettings) -> ScoreTerms:
    """Return the settings as arrays."""
    null_sd = _per_channel(settings.null_sd, settings.result_null_sd)
    edge_sd = _per_channel(settings.edge_sd, settings.result_edge_sd)
    weights = channel_weights(settings)
    platt = settings.calibration
    return ScoreTerms(
        null_sd**2,
        edge_sd**2,
        settings.edge_offset * edge_sd,
        np.log(np.maximum(settings.prior_toxic * weights, 1e-300)),
        math.log1p(-settings.prior_toxic),
        settings.least_edge,
        settings.swap_trades,
        settings.swap_gain,
        settings.worst_log_factor,
        settings.best_log_factor,
        NormalDist().inv_cdf(0.5 + settings.interval / 2),
        settings.fewest_trades,
        settings.prior_toxic,
        platt.intercept,
        platt.slope,
        platt.edge,
        platt.edge_limit,
        platt.sd_scale,
    )


def _per_channel(horizons: tuple[float, ...], result: float) -> Floats:
    """Return a setting for every channel but the swap."""
    return np.array([*horizons, *horizons, result, result, *horizons], np.float64)


def channel_weights(settings: ScoreSettings) -> Floats:
    """Return how a toxic client's prior is divided among channels; they add up to 1."""
    entries, exits = np.ones(HORIZONS), np.array(settings.exit_weights)
    results = [settings.result_weight, settings.sized_result_weight]
    sized = np.full(HORIZONS, settings.sized_entry_weight)
    weights = np.concatenate([entries, exits, results, sized, [settings.swap_weight]])
    share: Floats = weights / weights.sum()
    return share


def new_sums(clients: int) -> FlowSums:
    """Return the sums of so many clients who have not traded."""
    wide = (clients, SEEN_CHANNELS)
    return FlowSums(
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(clients, np.int64),
        np.zeros(clients),
        np.zeros(clients),
        np.zeros(clients),
    )


def new_scores(clients: int) -> Scores:
    """Return room for the scores of so many clients."""
    shapes = {"p_channel": CHANNELS, "log_factor": CHANNELS}
    shapes |= {"mean": SEEN_CHANNELS, "sd": SEEN_CHANNELS}
    widths = [shapes.get(name, 0) for name in Scores._fields]
    return Scores(*(np.zeros((clients, width) if width else clients) for width in widths))


def score_clients(sums: FlowSums, settings: ScoreSettings | None = None) -> Scores:
    """Score all clients."""
    out = new_scores(len(sums.trades))
    score_rows(sums, np.arange(len(sums.trades)), score_terms(settings or ScoreSettings()), out)
    return out


def chance_of_loss(edge: float, edge_sd: float, trade_sd: float, trades: int) -> float:
    """Return the probability that a house loses on the next so many trades it keeps.

    This is mostly noise, so show it beside the same of a client who just pays his costs (edge -1).

    Args:
        edge: The client's expected net edge per trade.
        edge_sd: How unsure that is.
        trade_sd: Standard deviation of one trade's result.
        trades: How many; all in costs of a round trip.
    """
    sd = math.sqrt(trade_sd**2 / trades + edge_sd**2)
    return NormalDist().cdf(edge / sd) if sd > 0.0 else float(edge > 0.0)


@kernel
def score_rows(sums: FlowSums, rows: Int64s, terms: ScoreTerms, out: Scores) -> None:
    """Score some clients; row ``i`` of the answer is the client ``rows[i]``."""
    for place in range(len(rows)):
        client = rows[place]
        shrunk = sums.n_eff[client] + terms.swap_trades
        swap = sums.swap[client] / shrunk
        _weigh(client, swap, sums, terms, place, out)
        swap_factor = terms.swap_gain * min(max(swap - 1.0, -1.5), 3.0)
        out.log_factor[place, SWAP_CHANNEL] = sums.n_eff[client] / shrunk * swap_factor
        _share(place, terms, out)
        _expect(client, swap, sums, terms, place, out)
        _calibrate(client, sums, terms, place, out)


@kernel
def _weigh(
    client: int, swap: float, sums: FlowSums, terms: ScoreTerms, place: int, out: Scores
) -> None:
    """Say how much better an edge in each channel explains what was seen than none."""
    needed = max(1.0 - swap, terms.least_edge)
    for k in range(SEEN_CHANNELS):
        weight = sums.weight[client, k]
        if weight > _LEAST_WEIGHT:
            variance = 1.0 / weight
            mean = sums.moment[client, k] * variance
            seen = max(mean, -0.5 * math.sqrt(variance))  # worse than no edge is no less of one
            edge = _log_normal(
                seen - needed - terms.edge_shift[k], terms.edge_variance[k] + variance
            )
            factor = edge - _log_normal(seen, terms.null_variance[k] + variance)
            out.log_factor[place, k] = min(max(factor, terms.worst), terms.best)
            out.mean[place, k] = mean
            out.sd[place, k] = math.sqrt(variance)
        else:
            out.log_factor[place, k] = 0.0
            out.mean[place, k] = 0.0
            out.sd[place, k] = 0.0


@kernel
def _share(place: int, terms: ScoreTerms, out: Scores) -> None:
    """Turn the evidence into probabilities of channels."""
    best = terms.log_prior_none
    for k in range(CHANNELS):
        best = max(best, terms.log_prior[k] + out.log_factor[place, k])
    total = 0.0
    for k in range(CHANNELS):
        odds = math.exp(terms.log_prior[k] + out.log_factor[place, k] - best)
        out.p_channel[place, k] = odds
        total += odds
    none = math.exp(terms.log_prior_none - best)
    for k in range(CHANNELS):
        out.p_channel[place, k] /= total + none
    out.p_model[place] = total / (total + none)
    out.log_odds[place] = math.log(total) + best - terms.log_prior_none


@kernel
def _expect(
    client: int, swap: float, sums: FlowSums, terms: ScoreTerms, place: int, out: Scores
) -> None:
    """Find the expected edge, its interval, and whether passing the flow on earns more."""
    little, little_variance = _posterior(
        sums, client, _NULL_HORIZON, 0.0, terms.null_variance[_NULL_HORIZON]
    )
    needed, base = max(1.0 - swap, terms.least_edge), swap - 1.0
    first = second = above = 0.0
    for k in range(CHANNELS + 1):
        p = 1.0 - out.p_model[place]
        mean, variance = little, little_variance
        if k < CHANNELS:
            p = out.p_channel[place, k]
        if k < SWAP_CHANNEL:
            found, spread = _posterior(
                sums, client, k, needed + terms.edge_shift[k], terms.edge_variance[k]
            )
            if k < HORIZONS or k >= RESULT_CHANNEL:
                mean, variance = found, spread
            else:
                mean, variance = little + found, little_variance + spread
        mean += base
        first += p * mean
        second += p * (variance + mean * mean)
        sd = terms.sd_scale * math.sqrt(variance)
        above += p * _phi((mean + sums.breakeven[client]) / sd)
    half = terms.z * terms.sd_scale * math.sqrt(max(second - first * first, 0.0))
    out.edge[place], out.p_pass_on[place] = first, min(max(above, 0.0), 1.0)
    out.edge_low[place], out.edge_high[place] = first - half, first + half


@kernel
def _posterior(
    sums: FlowSums, client: int, k: int, prior: float, prior_variance: float
) -> tuple[float, float]:
    """Return the mean and variance of a channel's mean after what was seen of it."""
    precision = 1.0 / prior_variance + sums.weight[client, k]
    return (prior / prior_variance + sums.moment[client, k]) / precision, 1.0 / precision


@kernel
def _calibrate(client: int, sums: FlowSums, terms: ScoreTerms, place: int, out: Scores) -> None:
    if sums.trades[client] < terms.fewest:
        out.p_toxic[place] = terms.prior
        return
    edge = min(max(out.edge[place], -terms.edge_limit), terms.edge_limit)
    odds = terms.intercept + terms.slope * out.log_odds[place] + terms.edge_slope * edge
    out.p_toxic[place] = 1.0 / (1.0 + math.exp(-min(max(odds, -500.0), 500.0)))


@kernel
def _log_normal(distance: float, variance: float) -> float:
    """Return the log density of a normal distribution, without the constant."""
    return -0.5 * (distance * distance / variance + math.log(variance))


@kernel
def _phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))
