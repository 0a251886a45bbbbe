"""Why a client has his score: curve, evidence, the trades behind it, and what would change it.

Every figure here comes from sums and decisions that the flow book keeps; nothing is estimated
anew. Signs are the client's: a markout above 0 is the client's gain.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_batch import FlowColumns, columns_of, sum_flow
from bookrouting.flow_book import FlowBook
from bookrouting.flow_settings import (
    CURVE_S,
    HORIZONS,
    RESULT_CHANNEL,
    SCORED,
    SCORED_S,
    SEEN_CHANNELS,
    SIZED_CHANNEL,
    ScoreSettings,
)
from bookrouting.flow_state import CURVE, DECISIONS, KNOWN
from bookrouting.flow_view import FlowView
from bookrouting.score import DECIBANS, FlowSums, Scores, chance_of_loss, score_clients, score_terms

Floats = NDArray[np.float64]

NEXT_TRADES: Final = 50
LIKE_THE_LAST: Final = 20
MOST_MORE: Final = 500

_EDGE_AT_300_S: Final = SCORED_S.index(300.0)


class CurvePoint(NamedTuple):
    """The mean markout at a horizon, weighted by precision. Units: pips, ``known`` decisions."""

    horizon_s: float
    markout_pips: float
    se_pips: float
    known: int
    cancelled: int


class ChannelEvidence(NamedTuple):
    """What one channel says. ``p`` is its posterior probability; ``se`` is None without data.

    ``horizon_s`` is 0 for what trades came to and for the swap.

    Units: pips mean little over several symbols; ``*_costs`` are multiples of a round trip's cost.
    """

    horizon_s: float
    markout_pips: float | None
    se_pips: float | None
    p: float
    decibans: float
    markout_costs: float | None = None
    se_costs: float | None = None


class DrivingTrade(NamedTuple):
    """A decision that moved the score most.

    ``gain`` is its markout less what pays for it, in standard deviations; ``ts`` ns.
    """

    ts: int
    symbol: str
    side: str
    is_exit: bool
    lots: float
    horizon_s: float
    markout_pips: float
    cost_pips: float
    gain: float


class Flip(NamedTuple):
    """How many more trades like the last ones would turn the suggestion; None if none would."""

    to_book: str
    like_the_last: int
    more_trades: int | None


class DecisionCard(NamedTuple):
    """All of it for one client.

    ``loss_chance`` is that of a house that keeps his next trades, ``usual_loss_chance`` the same
    of a client who just pays his costs.
    """

    client_id: str
    entry_curve: list[CurvePoint]
    exit_curve: list[CurvePoint]
    trades: list[DrivingTrade]
    flip: Flip | None
    next_trades: int
    loss_chance: float | None
    usual_loss_chance: float | None


class Rule(NamedTuple):
    """When the suggestion turns: to A above ``to_a`` after ``fewest`` trades, to B below.

    ``to_b``: one who is in book A stays there above it.
    """

    to_a: float = 0.8
    to_b: float = 0.4
    fewest: float = 10.0

    def suggested(self, p_pass_on: float, n_eff: float, present: str | None) -> str:
        """Return book A or B; between the two limits the present book stays."""
        if p_pass_on > self.to_a and n_eff >= self.fewest:
            return "A"
        if present == "A" and p_pass_on >= self.to_b:
            return "A"
        return "B"


def decision_card(book: FlowBook, row: int, rule: Rule, present: str | None) -> DecisionCard:
    """Return why a client has his score."""
    view = FlowView(book)
    rows = np.array([row])
    sums, scores = view.sums(rows), view.scores(rows)
    mine = np.flatnonzero(book.arrays.decisions["client"][: book.arrays.counters[DECISIONS]] == row)
    loss = _loss_chances(sums, scores, book.settings.score)
    return DecisionCard(
        book.client_ids[row],
        _curve(book, row, mine, is_exit=False),
        _curve(book, row, mine, is_exit=True),
        _driving(book, mine, scores),
        _flip(book, row, mine, rule, present),
        NEXT_TRADES,
        *loss,
    )


def channel_evidence(scores: Scores, place: int, cost_pips: float) -> list[ChannelEvidence]:
    """Return what the channels say, in their order.

    Args:
        scores: Of some clients.
        place: Which of them.
        cost_pips: What a round trip costs him, NaN if he never traded.
    """
    p, decibans = scores.p_channel[place].tolist(), (scores.log_factor[place] * DECIBANS).tolist()
    mean, sd = scores.mean[place].tolist(), scores.sd[place].tolist()
    is_priced = math.isfinite(cost_pips)
    seen = [
        ChannelEvidence(
            channel_horizon_s(k),
            mean[k] * cost_pips if is_priced and sd[k] > 0.0 else None,
            sd[k] * cost_pips if is_priced and sd[k] > 0.0 else None,
            p[k],
            decibans[k],
            mean[k] if is_priced and sd[k] > 0.0 else None,
            sd[k] if is_priced and sd[k] > 0.0 else None,
        )
        for k in range(SEEN_CHANNELS)
    ]
    return [*seen, ChannelEvidence(0.0, None, None, p[-1], decibans[-1])]


def channel_horizon_s(channel: int) -> float:
    """Return after how many seconds a channel looks, 0 if it looks at results or the swap."""
    if channel < RESULT_CHANNEL:
        return SCORED_S[channel % HORIZONS]
    return SCORED_S[channel - SIZED_CHANNEL] if SIZED_CHANNEL <= channel < SEEN_CHANNELS else 0.0


def _curve(book: FlowBook, row: int, mine: NDArray[np.int64], *, is_exit: bool) -> list[CurvePoint]:
    clients, decisions = book.arrays.clients, book.arrays.decisions
    cost = float(FlowView(book).mean_cost_pips(np.array([row]))[0])
    status = decisions["status"][mine[decisions["is_exit"][mine] == is_exit]]
    points = []
    for h, horizon in enumerate(CURVE_S):
        column = h + CURVE if is_exit else h
        weight = float(clients["weight"][row, column])
        if weight > 0.0 and math.isfinite(cost):
            mean, error = float(clients["moment"][row, column]) / weight, weight**-0.5
            known = int((status[:, h] == KNOWN).sum())
            points.append(
                CurvePoint(horizon, mean * cost, error * cost, known, len(status) - known)
            )
    return points


def _driving(book: FlowBook, mine: NDArray[np.int64], scores: Scores) -> list[DrivingTrade]:
    """Return the five decisions that say most at the horizon that explains the client best."""
    best = int(np.argmax(scores.p_channel[0, : 2 * HORIZONS]))
    is_exit, h = best >= HORIZONS, best % HORIZONS
    columns = columns_of(book, mine)
    kept = np.flatnonzero((columns.is_exit == is_exit) & np.isfinite(columns.markout[:, h]))
    gains = (columns.markout[kept, h] - 1.0) / np.sqrt(columns.variance[kept, h])
    order = np.argsort(-np.abs(gains) if len(gains) else gains, kind="stable")[:5]
    return [_trade(book, int(mine[kept[i]]), h, float(gains[i])) for i in order.tolist()]


def _trade(book: FlowBook, k: int, h: int, gain: float) -> DrivingTrade:
    d = book.arrays.decisions
    instrument = book.instruments[d["symbol"][k]]
    cost_pips = max(d["paid_lots"][k], d["floor_lots"][k]) / d["lots"][k] / instrument.pip
    return DrivingTrade(
        int(d["ts"][k]),
        instrument.symbol,
        "buy" if d["side"][k] > 0.0 else "sell",
        bool(d["is_exit"][k]),
        float(d["lots"][k]),
        SCORED_S[h],
        float(d["markout"][k, SCORED[h]] * cost_pips),
        float(cost_pips),
        gain,
    )


def _flip(
    book: FlowBook, row: int, mine: NDArray[np.int64], rule: Rule, present: str | None
) -> Flip | None:
    """Add more trades like the client's last ones until the suggestion turns."""
    flow = columns_of(book, mine)
    entries = np.flatnonzero(~flow.is_exit)[-LIKE_THE_LAST:]
    known = np.isfinite(flow.markout[entries])
    if not len(entries) or not known.any():
        return None
    columns: list[NDArray[Any]] = [column[entries] for column in flow]
    last = FlowColumns(*columns)
    unfading = msgspec.structs.replace(book.settings, half_life_trades=math.inf, half_life_ns=2**62)
    like = sum_flow(last._replace(client=np.zeros_like(last.client)), 1, unfading)
    more = np.arange(MOST_MORE + 1)
    sums = _grown(FlowView(book).sums(np.array([row])), more, like, len(entries))
    scores = score_clients(sums, book.settings.score)
    books = [
        rule.suggested(p, n, present)
        for p, n in zip(scores.p_pass_on.tolist(), sums.n_eff.tolist(), strict=True)
    ]
    turned = next((k for k, name in enumerate(books) if name != books[0]), None)
    return Flip("B" if books[0] == "A" else "A", len(entries), turned)


def _grown(sums: FlowSums, more: NDArray[np.int64], like: FlowSums, count: int) -> FlowSums:
    """Return the client's sums after each number of more trades, each a mean one of ``like``."""
    share = more / count
    return FlowSums(
        sums.weight + share[:, None] * like.weight,
        sums.moment + share[:, None] * like.moment,
        sums.trades + more,
        sums.n_eff + more,
        sums.swap + share * like.swap,
        np.repeat(sums.breakeven, len(more)),
    )


def _loss_chances(
    sums: FlowSums, scores: Scores, settings: ScoreSettings
) -> tuple[float | None, float | None]:
    """Return how likely the house loses on the client's next trades, and on anybody's."""
    weight, n = float(sums.weight[0, _EDGE_AT_300_S]), float(sums.n_eff[0])
    if weight <= 0.0 or n <= 0.0:
        return None, None
    trade_sd = math.sqrt(n / weight)
    z = float(scores.edge_high[0] - scores.edge[0]) / score_terms(settings).z
    loses = chance_of_loss(float(scores.edge[0]), z, trade_sd, NEXT_TRADES)
    return loses, chance_of_loss(-1.0, 0.0, trade_sd, NEXT_TRADES)
