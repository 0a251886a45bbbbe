"""Clusters: accounts that act as one are shown, limited and routed as one.

A cluster is what pairs connect. Copies and hedges are kept apart: a copy cluster is as dangerous as
the sum of its members, a hedge cluster looks harmless because its members cancel.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from bookrouting.clusters.discovery import Pair, PairKind

_LEADS_CLEARLY: Final = 0.8


class Cluster(NamedTuple):
    """Accounts that act as one.

    ``members`` in rising order; ``leader`` is who decides first, None where nobody clearly does
    (all copy somebody whom we do not see). ``log_p`` is that of the surest pair.
    """

    cluster_id: str
    kind: PairKind
    members: tuple[int, ...]
    leader: int | None
    pairs: tuple[Pair, ...]

    @property
    def log_p(self) -> float:
        """Natural logarithm of the chance of the surest pair."""
        return min(pair.log_p for pair in self.pairs)

    @property
    def sentence(self) -> str:
        """Why these accounts are one, with the numbers of the surest pair."""
        what = "copy one another" if self.kind is PairKind.COPY else "stand against each other"
        best = min(self.pairs, key=lambda pair: pair.log_p)
        return f"{len(self.members)} accounts {what}: the surest two {best.sentence}"


def group(pairs: Iterable[Pair], known: Sequence[Cluster] = ()) -> list[Cluster]:
    """Return the clusters that confirmed pairs connect, the largest first.

    Args:
        pairs: As found; hedges that are not confirmed connect nobody.
        known: The clusters of the last time: whoever goes on under the same members keeps the id.
    """
    clusters = []
    for kind in PairKind:
        mine = [pair for pair in pairs if pair.kind is kind and pair.is_confirmed]
        for members, inside in _connected(mine):
            name = f"{kind.value}-{members[0]}"
            clusters.append(Cluster(name, kind, members, _leader(inside), tuple(inside)))
    clusters.sort(key=lambda one: (-len(one.members), one.kind, one.members))
    return _with_kept_ids(clusters, known)


def cluster_of(clusters: Iterable[Cluster]) -> dict[int, str]:
    """Return the copy cluster of each account, or else its hedge cluster."""
    of: dict[int, str] = {}
    for cluster in sorted(clusters, key=lambda one: one.kind is PairKind.COPY):
        of.update(dict.fromkeys(cluster.members, cluster.cluster_id))
    return of


def summed(cluster: Cluster, amounts: Mapping[int, float]) -> float:
    """Return what the members of a cluster add up to: its one row in a table of accounts."""
    return math.fsum(amounts.get(member, 0.0) for member in cluster.members)


def _connected(pairs: Sequence[Pair]) -> list[tuple[tuple[int, ...], list[Pair]]]:
    parent: dict[int, int] = {}

    def root(account: int) -> int:
        while parent.setdefault(account, account) != account:
            parent[account] = parent[parent[account]]
            account = parent[account]
        return account

    for pair in pairs:
        low, high = sorted((root(pair.leader), root(pair.follower)))
        parent[high] = low
    inside: dict[int, list[Pair]] = defaultdict(list)
    members: dict[int, list[int]] = defaultdict(list)
    for pair in pairs:
        inside[root(pair.leader)].append(pair)
    for account in sorted(parent):
        members[root(account)].append(account)
    return [(tuple(members[first]), inside[first]) for first in sorted(members)]


def _leader(pairs: Sequence[Pair]) -> int | None:
    lags: dict[int, list[float]] = defaultdict(list)
    leads: dict[int, list[float]] = defaultdict(list)
    for pair in pairs:
        lags[pair.leader].append(-pair.lag_s)
        lags[pair.follower].append(pair.lag_s)
        leads[pair.leader].append(pair.leads_ratio)
        leads[pair.follower].append(1.0 - pair.leads_ratio)
    first = min(lags, key=lambda one: (float(np.median(lags[one])), one))
    return first if float(np.median(leads[first])) >= _LEADS_CLEARLY else None


def _with_kept_ids(clusters: Sequence[Cluster], known: Sequence[Cluster]) -> list[Cluster]:
    """Give a cluster the id of the known one with which it shares most, each id once."""
    shared = sorted(
        (-len(set(old.members) & set(new.members)), old.cluster_id, place)
        for place, new in enumerate(clusters)
        for old in known
        if old.kind is new.kind and set(old.members) & set(new.members)
    )
    kept: dict[int, str] = {}
    for _, name, place in shared:
        if place not in kept and name not in kept.values():
            kept[place] = name
    taken = set(kept.values())
    return [
        one._replace(cluster_id=kept.get(place) or _free(one.cluster_id, taken))
        for place, one in enumerate(clusters)
    ]


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    taken.add(free)
    return free
