"""What a routing decision knows of a client, and of clients that act as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple


class FlowEvidence(NamedTuple):
    """One client's flow, or a cluster's, at one moment.

    Units: ``*_per_million`` is USD per million USD of notional and round trip. ``client_edge`` is
    what he gains net of his costs, + is his gain; ``hedged`` what the house would earn by hedging
    him before what stale fills cost; ``stale`` that cost, shrunk (economics.shrunk_stale). ``*_se``
    are posterior standard deviations. ``flow_variance`` and ``book_covariance`` are of a kept
    million's result, alone and with the rest of the book. ``notional_usd_per_month`` is a forecast,
    ``gross_usd`` the worth of all he holds now, hedged or not, and ``gross_ratio`` what that would
    be of everything the house keeps (risk or worth, as the desk counts it). ``changed_ns`` is None
    if he was never moved; ``trades_since`` counts from then.
    """

    client_id: str
    n: float
    n_eff: float
    p_toxic: float
    client_edge_per_million: float
    client_edge_se: float
    hedged_per_million: float
    hedge_ratio: float
    hedged_se: float = 0.0
    stale_per_million: float = 0.0
    e_value: float = 1.0
    flags: frozenset[str] = frozenset()
    flow_variance: float = 0.0
    book_covariance: float = 0.0
    notional_usd_per_month: float = 0.0
    gross_usd: float = 0.0
    gross_ratio: float = 0.0
    changed_ns: int | None = None
    trades_since: int = 0
    cluster: str = ""
    country: str = ""
    group: str = ""
    ib: str = ""
    symbol_class: str = ""

    @property
    def hedged(self) -> float:
        """E[A], what hedging him earns in all; a stale fill is met again at the provider."""
        return self.hedged_per_million - self.stale_per_million

    @property
    def kept(self) -> float:
        """E[B], what keeping him earns."""
        return -self.client_edge_per_million

    @property
    def is_known(self) -> bool:
        """Whether every number can be computed with."""
        return all(math.isfinite(getattr(self, name)) for name in _NUMBERS) and (
            self.client_edge_se >= 0.0 and self.hedged_se >= 0.0
        )


_NUMBERS: Final = (
    "n", "n_eff", "p_toxic", "client_edge_per_million", "client_edge_se", "hedged_per_million",
    "hedge_ratio", "hedged_se", "stale_per_million", "e_value", "flow_variance",
    "book_covariance", "notional_usd_per_month", "gross_usd", "gross_ratio",
)  # fmt: skip

_MEANS: Final = (
    "p_toxic", "client_edge_per_million", "client_edge_se", "hedged_per_million", "hedge_ratio",
    "hedged_se", "stale_per_million", "e_value", "flow_variance", "book_covariance",
)  # fmt: skip

_SUMS: Final = ("n", "n_eff", "notional_usd_per_month", "gross_usd", "gross_ratio")

_SHARED: Final = ("country", "group", "ib", "symbol_class")


def as_one(members: Sequence[FlowEvidence]) -> FlowEvidence:
    """Return clients that act as one as one client.

    What they trade is the same decision, so their errors are taken as the same error: means are
    weighted by notional, standard deviations too, and the mean of e-values is an e-value whatever
    they have in common. The last change of any of them counts for all.
    """
    ordered = sorted(members, key=lambda one: one.client_id)
    first = ordered[0]
    if len(ordered) == 1:
        return first
    weights = [max(one.notional_usd_per_month, 0.0) for one in ordered]
    if not sum(weights) > 0.0:
        weights = [1.0] * len(ordered)
    changes = [one.changed_ns for one in ordered if one.changed_ns is not None]
    moved = [one.trades_since for one in ordered if one.changed_ns is not None]
    pooled: dict[str, Any] = {name: _mean(name, ordered, weights) for name in _MEANS}
    pooled |= {name: sum(getattr(one, name) for one in ordered) for name in _SUMS}
    pooled |= {name: _common(name, ordered) for name in _SHARED}
    return first._replace(
        client_id=first.cluster,
        flags=frozenset[str]().union(*(one.flags for one in ordered)),
        changed_ns=max(changes, default=None),
        trades_since=min(moved, default=0),
        **pooled,
    )


def _mean(name: str, members: Sequence[FlowEvidence], weights: Sequence[float]) -> float:
    total = sum(weights)
    parts = zip(members, weights, strict=True)
    return float(sum(getattr(one, name) * weight / total for one, weight in parts))


def _common(name: str, members: Sequence[FlowEvidence]) -> str:
    values = {getattr(one, name) for one in members}
    return values.pop() if len(values) == 1 else ""
