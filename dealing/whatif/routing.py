"""A routing policy through a day: asked at fixed steps of market time, and obeyed.

At each step it sees what the flow book has learnt from everything before, decides, and its moves
count for new deals from then on. Steps in which nothing happened are passed over: there was nothing
new to decide from, and no deal to decide about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from bookrouting.following import Decision, Following
from bookrouting.holdings import gross_of, with_holdings
from dealing.flow.routing import evidence_of
from dealing.flow.terms import RoutingTerms
from dealing.score.reader import FlowReader
from dealing.whatif.routers import BOOK_B, Router

DAY_NS: Final = 86_400 * 10**9
MINUTE_NS: Final = 60 * 10**9


class RoutingRouter(Router):
    """Follows a routing policy; everybody begins in his recorded book."""

    def __init__(
        self,
        terms: RoutingTerms,
        reader: FlowReader,
        client_of: Mapping[str, str],
        recorded: Mapping[str, float],
        every_ns: int,
    ) -> None:
        """Take who decides and what he knows.

        Args:
            terms: Who decides, and what he expects providers to charge.
            reader: Is shown the day as it goes by.
            client_of: Client id by login.
            recorded: Hedge ratio by login when the day begins.
            every_ns: How often the policy is asked, market time.
        """
        self._terms, self._following = terms, Following(terms.policy)
        self._reader, self._client_of, self._recorded = reader, client_of, recorded
        self._every_ns, self._next_ns = every_ns, 0
        self._first = _by_client(client_of, recorded)
        self.decisions: list[Decision] = []

    def hedge_ratio(self, login: str, symbol: str, ts_ns: int) -> float:  # noqa: ARG002 # by client
        """Return the ratio of the client's book, his login's recorded one until he is moved."""
        client = self._client_of.get(login, login)
        if self._following.was_moved(client):
            return self._following.ratios[client]
        return self._recorded.get(login, BOOK_B)

    def opening_ratio(self, login: str, symbol: str, ts_ns: int) -> float | None:  # noqa: ARG002
        """Return None: a policy that moves clients leaves what is open where it is."""
        return None

    @property
    def next_step_ns(self) -> int | None:
        """The next step, once the day has begun."""
        return self._next_ns or None

    def pass_time(self, now_ns: int) -> None:
        """Ask the policy at the last step that has come."""
        if now_ns < self._next_ns:
            return
        step = now_ns // self._every_ns * self._every_ns
        is_begun, self._next_ns = self._next_ns > 0, step + self._every_ns
        if is_begun:
            self._decide(step)

    def _decide(self, step_ns: int) -> None:
        flow = self._reader.flow
        flow.pass_time(step_ns)
        traded = np.flatnonzero(flow.arrays.clients["trades"][: len(flow.client_ids)] > 0)
        known = [
            # what people did with him that day is not this policy's doing
            one._replace(hedge_ratio=self._first.get(one.client_id, BOOK_B))
            for one in evidence_of(self._reader, traded, self._terms.provider_usd_per_million)
        ]
        placed = [self._following.placed(one) for one in known]
        clients = with_holdings(placed, gross_of(flow))
        self.decisions += self._following.decide(clients, step_ns, step_ns // DAY_NS)


def _by_client(client_of: Mapping[str, str], recorded: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of each client's logins: one client, one decision."""
    found: dict[str, list[float]] = {}
    for login, ratio in recorded.items():
        found.setdefault(client_of.get(login, login), []).append(ratio)
    return {client: sum(ratios) / len(ratios) for client, ratios in found.items()}
