"""A policy that is obeyed: what it proposes at one moment are the books of the next.

Nobody has to agree here, so this is what a policy would have done, never what was done. Cool-down,
hysteresis and caps hold all the same, and look at the books that this policy has made, not at the
real ones.
Source: science.md section 3 (counterfactual replay).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bookrouting.flow_evidence import FlowEvidence
from bookrouting.policy import Policy
from bookrouting.proposals import Action, RoutingProposal, propose


class Decision(NamedTuple):
    """A proposal that was taken up at a moment. Units: ns UTC."""

    ts_ns: int
    proposal: RoutingProposal


class _Changed(NamedTuple):
    """When a client was moved, and after how many trades."""

    ts_ns: int
    trades: float


class Following:
    """The books that a policy alone would have made; whom it never saw is nowhere yet.

    ``ratios`` is the hedge ratio of new deals by client. A client begins where he really is when he
    is first seen.
    """

    def __init__(self, policy: Policy) -> None:
        """Take who decides."""
        self.policy = policy
        self.ratios: dict[str, float] = {}
        self._changed: dict[str, _Changed] = {}
        self._told_better_prices: set[str] = set()
        self._day: int | None = None
        self._moved_today = 0

    def was_moved(self, client_id: str) -> bool:
        """Return whether the policy ever decided about a client."""
        return client_id in self._changed

    def placed(self, client: FlowEvidence) -> FlowEvidence:
        """Return what is known of a client as if the policy's books were the real ones."""
        ratio = self.ratios.setdefault(client.client_id, client.hedge_ratio)
        changed = self._changed.get(client.client_id)
        if changed is None:
            return client._replace(hedge_ratio=ratio, changed_ns=None, trades_since=0)
        return client._replace(
            hedge_ratio=ratio,
            changed_ns=changed.ts_ns,
            trades_since=max(int(client.n - changed.trades), 0),
        )

    def decide(self, clients: Iterable[FlowEvidence], now_ns: int, day: int) -> list[Decision]:
        """Move whom the policy wants to move now, and return what it decided.

        Args:
            clients: Everybody, each once, with his real place.
            now_ns: The moment, ns UTC.
            day: Which day it belongs to; the cap of moves is a day's.
        """
        placed = [self.placed(client) for client in clients]
        found = propose(self.policy, placed, now_ns, self.moved_on(day))
        return self.take(found, placed, now_ns)

    def moved_on(self, day: int) -> int:
        """Return how many clients were moved on a day that has begun."""
        if day != self._day:
            self._day, self._moved_today = day, 0
        return self._moved_today

    def take(
        self, proposals: Iterable[RoutingProposal], clients: Iterable[FlowEvidence], now_ns: int
    ) -> list[Decision]:
        """Obey proposals that nothing holds back, and return them.

        Better prices move nobody; that a client needs them is said once.

        Args:
            proposals: What the policy wants.
            clients: Those about whom it was asked.
            now_ns: The moment, ns UTC.
        """
        trades = {client.client_id: client.n for client in clients}
        taken = [proposal for proposal in proposals if self._takes(proposal, trades, now_ns)]
        return [Decision(now_ns, proposal) for proposal in taken]

    def export(self) -> dict[str, Any]:
        """Return everything but the policy as plain values."""
        return {
            "ratios": dict(self.ratios),
            "changed": {client: list(changed) for client, changed in self._changed.items()},
            "told_better_prices": sorted(self._told_better_prices),
            "day": self._day,
            "moved_today": self._moved_today,
        }

    @classmethod
    def restored(cls, policy: Policy, state: dict[str, Any]) -> Following:
        """Return what ``export`` was called on."""
        following = cls(policy)
        following.ratios = dict(state["ratios"])
        following._changed = {
            client: _Changed(*changed) for client, changed in state["changed"].items()
        }
        following._told_better_prices = set(state["told_better_prices"])
        following._day, following._moved_today = state["day"], state["moved_today"]
        return following

    def _takes(self, proposal: RoutingProposal, trades: dict[str, float], now_ns: int) -> bool:
        if proposal.held_back:
            return False
        if proposal.action is Action.FIX_PRICE:
            is_new = proposal.entity not in self._told_better_prices
            self._told_better_prices.add(proposal.entity)
            return is_new
        for client_id in proposal.client_ids:
            self.ratios[client_id] = proposal.to.hedge_ratio
            self._changed[client_id] = _Changed(now_ns, trades[client_id])
        self._moved_today += not self._is_overridden(proposal.client_ids, now_ns)
        return True

    def _is_overridden(self, client_ids: Sequence[str], now_ns: int) -> bool:
        """Return whether a person decided, which no cap counts."""
        named = {one.client_id for one in self.policy.overrides if one.expires_ns > now_ns}
        return not named.isdisjoint(client_ids)
