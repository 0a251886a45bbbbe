"""A second policy beside the real books: it sees the same clients, is obeyed, and moves nobody.

What it would have earned comes from the same results as what was earned. Marks are taken when
everybody is ranked: a copy of what changes with events at one moment, then sums in slices, so that
batches go on in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from bookrouting.flow_evidence import FlowEvidence
from bookrouting.following import Following
from bookrouting.holdings import Holdings, with_holdings
from bookrouting.money import NOTHING
from bookrouting.paired import PairedDifference, paired_difference
from bookrouting.policy import place_of
from bookrouting.proposals import Action, RoutingProposal, propose
from bookrouting.shadow import Brought, ShadowBook, hourly_sd, whole_hours
from dealing.flow.decisions import decision_json
from dealing.flow.moment import Moment, gross_at
from dealing.flow.ports import ShadowClient, ShadowTold
from dealing.flow.terms import RoutingTerms

DAY_NS: Final = 86_400 * 10**9
STEP_NS: Final = 900 * 10**9
"""How often the policy is asked, market time: as ``plimsoll whatif`` asks it."""

REPETITIONS: Final = 2_000
CLIENTS_TOLD: Final = 200
DECISIONS_KEPT: Final = 200
SLICE: Final = 1_024
_SAME: Final = 1e-9
_WAYS: Final = 2.0

Floats = NDArray[np.float64]


class LiveShadow:
    """What another policy would have done and earned since it was begun."""

    def __init__(self, terms: RoutingTerms) -> None:
        """Begin; the first mark says where everybody is."""
        self._terms = terms
        self._following = Following(terms.policy)
        self._book = ShadowBook()
        self._decided_ns = 0
        self._moves = 0
        self._decisions: deque[dict[str, Any]] = deque(maxlen=DECISIONS_KEPT)
        self._client_ids: list[str] = []
        self._actual: Floats = np.zeros(0)
        self._shadow: Floats = np.zeros(0)

    async def mark(self, taken: Moment, held: Holdings, evidence: Sequence[FlowEvidence]) -> None:
        """Book what everybody brought since the last mark, and ask the policy if it is time.

        Args:
            taken: What a flow book knew, which goes on while this waits.
            held: What everybody held then.
            evidence: Everybody who traded, as the real policy is given it.
        """
        cost = self._costs(taken.client_ids, evidence)
        brought = await _brought(taken, held.floating_usd, cost)
        self._client_ids = taken.client_ids
        self._actual = _ratios(taken.client_ids, taken.hedge_ratio_of, {})
        self._shadow = _ratios(taken.client_ids, self._following.ratios, taken.hedge_ratio_of)
        self._book.mark(taken.now, brought, self._actual, self._shadow)
        await self._decide(taken, held, evidence)

    def told(self) -> ShadowTold | None:
        """Return how the two compare, None before the first mark."""
        book = self._book
        if book.begun_ns is None:
            return None
        paired, whole = self._paired(), whole_hours(book.hours)
        before_usd = book.difference_usd - paired.total  # hours that are no longer kept one by one
        band = paired.band
        return ShadowTold(
            policy=self._terms.policy.label,
            begun_at=book.begun_ns,
            as_of=book.marked_ns,
            actual_usd=book.actual_usd,
            shadow_usd=book.shadow_usd,
            difference_usd=book.difference_usd,
            difference_low_usd=None if band is None else before_usd + band.low,
            difference_high_usd=None if band is None else before_usd + band.high,
            is_proven=paired.is_proven,
            hours=paired.blocks,
            actual_hourly_sd_usd=hourly_sd([one.actual_usd for one in whole]),
            shadow_hourly_sd_usd=hourly_sd([one.shadow_usd for one in whole]),
            clients=len(self._client_ids),
            elsewhere=int(self._elsewhere().sum()),
            moves=self._moves,
            rows=self._rows(),
            decisions=list(self._decisions),
        )

    def export(self) -> dict[str, Any]:
        """Return everything that a restart needs, as plain values and bytes."""
        return {
            "policy": repr(self._terms),
            "following": self._following.export(),
            "book": self._book.export(),
            "decided_ns": self._decided_ns,
            "moves": self._moves,
            "decisions": list(self._decisions),
        }

    @classmethod
    def restored(cls, terms: RoutingTerms, state: dict[str, Any] | None) -> LiveShadow:
        """Return what ``export`` was called on, or a new one for another policy or other costs."""
        shadow = cls(terms)
        if state is None:
            return shadow
        if state["policy"] != repr(terms):
            log = structlog.get_logger()
            log.warning("shadow begins anew: its policy changed", policy=terms.policy.label)
            return shadow
        shadow._following = Following.restored(terms.policy, state["following"])
        shadow._book = ShadowBook.restored(state["book"])
        shadow._decided_ns, shadow._moves = state["decided_ns"], state["moves"]
        shadow._decisions.extend(state["decisions"])
        return shadow

    async def _decide(
        self, taken: Moment, held: Holdings, evidence: Sequence[FlowEvidence]
    ) -> None:
        step = taken.now // STEP_NS * STEP_NS
        is_first, is_due = self._decided_ns == 0, step > self._decided_ns
        self._decided_ns = max(step, self._decided_ns)
        if is_first or not is_due:
            return
        gross = gross_at(taken, held)
        following, moved = self._following, self._following.moved_on(step // DAY_NS)

        def asked() -> tuple[list[FlowEvidence], list[RoutingProposal]]:
            clients = with_holdings([following.placed(one) for one in evidence], gross)
            return clients, propose(following.policy, clients, step, moved)

        clients, found = await asyncio.to_thread(asked)
        decided = following.take(found, clients, step)
        self._decisions.extend(decision_json(one) for one in decided)
        self._moves += sum(one.proposal.action is Action.MOVE for one in decided)

    def _costs(self, client_ids: Sequence[str], evidence: Sequence[FlowEvidence]) -> Floats:
        """Return what hedging a million of each client's volume costs; a round trip is two."""
        stale = {one.client_id: one.stale_per_million for one in evidence}
        found = np.array([stale.get(client_id, 0.0) for client_id in client_ids], np.float64)
        known = np.where(np.isfinite(found), found, 0.0)
        return np.asarray((self._terms.provider_usd_per_million + known) / _WAYS, np.float64)

    def _paired(self) -> PairedDifference:
        differences = np.array([hour.difference_usd for hour in self._book.hours], np.float64)
        n = max(len(differences), 1)
        draws = np.random.default_rng(1).integers(0, n, (REPETITIONS, n))
        return paired_difference(differences, draws)

    def _elsewhere(self) -> NDArray[np.bool_]:
        return np.asarray(np.abs(self._shadow - self._actual) > _SAME, np.bool_)

    def _rows(self) -> list[ShadowClient]:
        """Return who is or was elsewhere, those whom it changed most first."""
        difference = self._book.difference_by_client
        chosen = np.flatnonzero(self._elsewhere() | (difference != 0.0))
        order = np.argsort(-np.abs(difference[chosen]), kind="stable")[:CLIENTS_TOLD]
        return [
            ShadowClient(
                client_id=self._client_ids[row],
                book=place_of(self._actual[row]).book.value,
                hedge_ratio=float(self._actual[row]),
                shadow_book=place_of(self._shadow[row]).book.value,
                shadow_hedge_ratio=float(self._shadow[row]),
                difference_usd=float(difference[row]),
            )
            for row in chosen[order].tolist()
        ]


async def _brought(taken: Moment, floating_usd: Floats, cost: Floats) -> Brought:
    rows = len(taken.client_ids)
    kept, passed, volume = floating_usd.copy(), np.zeros(rows), np.zeros(rows)
    for begin in range(0, rows, SLICE):
        part = taken.client_ids[begin : begin + SLICE]
        money = [taken.money.get(client_id, NOTHING) for client_id in part]
        end = begin + len(part)
        kept[begin:end] += [one.kept_usd for one in money]
        passed[begin:end] = [one.passed_usd for one in money]
        volume[begin:end] = [one.volume_usd for one in money]
        await asyncio.sleep(0)
    return Brought(kept, passed, volume, cost)


def _ratios(
    client_ids: Sequence[str], ratios: Mapping[str, float], otherwise: Mapping[str, float]
) -> Floats:
    return np.array([ratios.get(one, otherwise.get(one, 0.0)) for one in client_ids], np.float64)
