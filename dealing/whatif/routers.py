"""Which share of a new deal a policy hedges. A router knows the past only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from bookrouting.economics import routed
from bookrouting.flow_book import FlowBook
from bookrouting.flow_view import FlowView
from bookrouting.following import Decision
from dealing.whatif.markouts import Edges
from dealing.whatif.policy import EdgeRules, FixedRules, Policy, PolicyKind, ScoreRules

BOOK_A, BOOK_B = 1.0, 0.0


class Router(ABC):
    """Decides about new deals, one after the other in order of time.

    ``decisions`` is what a router decided between deals, for whoever wants to know why.
    """

    decisions: Sequence[Decision] = ()

    @abstractmethod
    def hedge_ratio(self, login: str, symbol: str, ts_ns: int) -> float:
        """Return the share of a login's deal that is hedged, knowing what was before ``ts_ns``."""

    def opening_ratio(self, login: str, symbol: str, ts_ns: int) -> float | None:
        """Return the same of a position from before the day, None to leave it as it was."""
        return self.hedge_ratio(login, symbol, ts_ns)

    @property
    def next_step_ns(self) -> int | None:
        """When it wants to think next, None if deals are enough."""
        return None

    def pass_time(self, now_ns: int) -> None:  # noqa: B027 # most think when a deal comes
        """Think, if it is time; everything before ``now_ns`` has been shown."""


class FixedRouter(Router):
    """Ratios that do not change: a login's own, its client's, the symbol's, or everybody's."""

    def __init__(self, rules: FixedRules, client_of: Mapping[str, str]) -> None:
        self._rules = rules
        self._client_of = client_of

    def hedge_ratio(self, login: str, symbol: str, ts_ns: int) -> float:  # noqa: ARG002 # never changes
        """Return the most particular ratio."""
        rules = self._rules
        own = rules.logins.get(login)
        if own is None:
            own = rules.clients.get(self._client_of.get(login, login))
        return own if own is not None else rules.symbols.get(symbol, rules.default)


class EdgeRouter(Router):
    """Hedges clients who are likely to win; a client is one whatever he trades."""

    def __init__(self, rules: EdgeRules, client_of: Mapping[str, str], edges: Edges) -> None:
        self._rules = rules
        self._client_of = client_of
        self._edges = edges
        self._hedged: dict[str, bool] = {}

    def hedge_ratio(self, login: str, symbol: str, ts_ns: int) -> float:  # noqa: ARG002 # by client
        """Return 1 for a client whose past markouts beat what hedging him costs, else 0."""
        rules, client = self._rules, self._client_of.get(login, login)
        known = self._edges.before(client, ts_ns)
        was = self._hedged.get(client, False)
        if known.fills < rules.least_fills:
            return BOOK_A if was else BOOK_B
        likely = known.probability_above(rules.breakeven, rules.prior_edge, rules.prior_fills)
        is_hedged = routed(likely, was_hedged=was, above=rules.hedge_above, below=rules.keep_below)
        self._hedged[client] = is_hedged
        return BOOK_A if is_hedged else BOOK_B


class ScoreRouter(Router):
    """Hedges whom the flow score says to pass on; the flow book sees the day as it goes by."""

    def __init__(self, rules: ScoreRules, flow: FlowBook) -> None:
        self._rules = rules
        self._flow = flow
        self._view = FlowView(flow)
        self._hedged: dict[int, bool] = {}

    def hedge_ratio(self, login: str, symbol: str, ts_ns: int) -> float:  # noqa: ARG002 # by client
        """Return 1 for a client who earns more in book A, by what was known at the moment."""
        owner = self._flow.logins.get(login)
        if owner is None:
            return BOOK_B
        self._flow.pass_time(ts_ns)
        rules, client = self._rules, int(owner.client)
        row = np.array([client], np.int64)
        was = self._hedged.get(client, False)
        if float(self._view.sums(row).trades[0]) < rules.least_trades:
            return BOOK_A if was else BOOK_B
        likely = float(self._view.scores(row).p_pass_on[0])
        is_hedged = routed(likely, was_hedged=was, above=rules.hedge_above, below=rules.keep_below)
        self._hedged[client] = is_hedged
        return BOOK_A if is_hedged else BOOK_B


def router_of(
    policy: Policy,
    client_of: Mapping[str, str],
    edges: Edges | None = None,
    flow: FlowBook | None = None,
) -> Router | None:
    """Return a policy's router, None where the recorded books decide.

    Args:
        policy: Which one.
        client_of: Client id by login.
        edges: What is known of clients' fills; an edge policy needs it.
        flow: Sees the day as it goes by; a score policy needs it.
    """
    if policy.policy in {PolicyKind.ACTUAL, PolicyKind.MODELLED}:
        return None
    if policy.policy is PolicyKind.EDGE and edges is not None:
        return EdgeRouter(policy.edge or EdgeRules(), client_of, edges)
    if policy.policy is PolicyKind.SCORE and flow is not None:
        return ScoreRouter(policy.score or ScoreRules(), flow)
    rules = policy.fixed or FixedRules(
        default=BOOK_A if policy.policy is PolicyKind.ALL_A else BOOK_B
    )
    return FixedRouter(rules, client_of)
