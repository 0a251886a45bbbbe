"""What the routing policy proposes for the flow as it is now.

The policy is a pure function of evidence; here the flow book's figures become that evidence, and
what was proposed last is kept for lists and cards. Times are market time, so that cool-downs and
daily caps mean the same at every speed.
"""

from __future__ import annotations

import asyncio
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_book import FlowBook
from bookrouting.flow_evidence import FlowEvidence
from bookrouting.flow_view import FlowView
from bookrouting.money import NOTHING
from bookrouting.proposals import RoutingProposal, propose
from dealing.flow.terms import RoutingTerms
from dealing.score.reader import FlowReader

DAY_NS: Final = 86_400 * 10**9
DAYS_PER_MONTH: Final = 30.0
STALE_SHARE: Final = 0.3
"""From this share of fills behind the reference feed on, a client counts as one who picks them."""

LATENCY: Final = "latency"
_FAST_CHANNEL: Final = 0
_SURE: Final = 0.9

Int64s = NDArray[np.int64]


def evidence_of(
    reader: FlowReader, rows: Int64s, provider_usd_per_million: float
) -> list[FlowEvidence]:
    """Return what a policy needs to know of some clients of the flow book, who all have traded.

    Args:
        reader: The flow book, and who is in which book.
        rows: Which clients.
        provider_usd_per_million: What a provider charges beyond its spread for a round trip.
    """
    flow, view = reader.flow, FlowView(reader.flow)
    scores, sums = view.scores(rows), view.sums(rows)
    worth = view.usd_per_million(rows)
    e_values = view.e_values(rows)
    z = NormalDist().inv_cdf(0.5 + flow.settings.score.interval / 2.0)
    se = (scores.edge_high - scores.edge_low) / (2.0 * z)
    clients = flow.arrays.clients[rows]
    stale = clients["stale"] / (clients["stale_seen"] + 5.0)
    columns = zip(
        rows.tolist(),
        clients["trades"].tolist(),
        sums.n_eff.tolist(),
        scores.p_toxic.tolist(),
        (scores.edge * worth).tolist(),
        (se * worth).tolist(),
        ((sums.breakeven + stale) * worth - provider_usd_per_million).tolist(),
        (stale * worth).tolist(),
        e_values.tolist(),
        (scores.p_channel[:, _FAST_CHANNEL] > _SURE).tolist(),
        strict=True,
    )
    found = []
    for row, n, n_eff, p_toxic, edge, edge_se, passed, cost, e_value, is_fast in columns:
        client_id = flow.client_ids[row]
        moved = reader.moved.get(client_id)
        found.append(
            FlowEvidence(
                client_id=client_id,
                n=n,
                n_eff=n_eff,
                p_toxic=p_toxic,
                client_edge_per_million=edge,
                client_edge_se=edge_se,
                hedged_per_million=passed,
                hedge_ratio=reader.hedge_ratio_of.get(client_id, 0.0),
                stale_per_million=cost,
                e_value=e_value,
                flags=_flags(flow, row, is_fast=is_fast),
                notional_usd_per_month=_forecast(flow, row),
                changed_ns=None if moved is None else moved.ts,
                trades_since=0 if moved is None else n - moved.trades,
            )
        )
    return found


def _flags(flow: FlowBook, row: int, *, is_fast: bool) -> frozenset[str]:
    """Say whether he lives on late quotes: by the reference feed, else by his first second."""
    client = flow.arrays.clients[row]
    seen = int(client["stale_seen"])
    picks = int(client["stale_hits"]) > STALE_SHARE * seen if seen else is_fast
    return frozenset({LATENCY}) if picks else frozenset()


def _forecast(flow: FlowBook, row: int) -> float:
    """Return a month's notional of round trips at his pace so far, of a day at least."""
    money = flow.money.get(flow.client_ids[row], NOTHING)
    begun = int(flow.arrays.clients[row]["begun_ts"])
    days = max(1.0, ((flow.now or begun) - begun) / DAY_NS)
    return money.volume_usd / 2.0 / days * DAYS_PER_MONTH


class LiveRouting:
    """The policy of a run, and what it proposed when everybody was last looked at."""

    def __init__(self, terms: RoutingTerms) -> None:
        """Take the policy, and what it has to expect of providers."""
        self.terms = terms
        self.proposals: dict[str, RoutingProposal] = {}

    async def consider(self, evidence: list[FlowEvidence], reader: FlowReader) -> None:
        """Let the policy look at everybody's evidence, in a thread."""
        now = reader.flow.now or 0
        moved_today = sum(moved.ts > now - DAY_NS for moved in reader.moved.values())
        found = await asyncio.to_thread(propose, self.terms.policy, evidence, now, moved_today)
        self.proposals = {
            client_id: proposal for proposal in found for client_id in proposal.client_ids
        }

    def told(self, client_id: str) -> dict[str, Any]:
        """Return a client's proposal in plain values, and the book that it suggests."""
        proposal = self.proposals.get(client_id)
        if proposal is None:
            return {"proposal": None}
        return {
            "suggested_book": str(proposal.to.book),
            "proposal": {
                "action": str(proposal.action),
                "book": str(proposal.to.book),
                "hedge_ratio": proposal.to.hedge_ratio,
                "probability": proposal.probability,
                "expected_usd_per_month": proposal.expected_usd_per_month,
                "low_usd_per_month": proposal.low_usd_per_month,
                "high_usd_per_month": proposal.high_usd_per_month,
                "reasons": list(proposal.reasons),
                "flip": None if proposal.flip is None else proposal.flip._asdict(),
                "held_back": proposal.held_back,
                "segment": proposal.segment,
                "policy": proposal.policy,
                "clients": list(proposal.client_ids),
            },
        }
