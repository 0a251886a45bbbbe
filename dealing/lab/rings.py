"""How well rings are found: precision and recall on the stress market, seed by seed.

A pair of accounts is right when both belong to one true ring; pairs are those of whole clusters, so
one false link that joins two rings costs all pairs between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from bookrouting.clusters.discovery import PairKind, find_pairs
from bookrouting.clusters.fills import decisions
from bookrouting.clusters.groups import Cluster, group
from dealing.lab.ring_market import RingDay, RingTerms, make_rings

Pairs = set[tuple[int, int]]


class RingRow(NamedTuple):
    """What was found of one kind of ring in one market; ratios are None without a pair."""

    seed: int
    kind: PairKind
    true_pairs: int
    found_pairs: int
    precision: float | None
    recall: float | None
    members_recall: float | None


def ring_rows(seeds: Iterable[int], terms: RingTerms | None = None) -> Iterator[RingRow]:
    """Yield a row per seed and kind of ring."""
    for seed in seeds:
        day = make_rings(seed, terms)
        clusters = group(find_pairs(decisions(day.fills)))
        for kind in PairKind:
            yield _row(seed, kind, day, [one for one in clusters if one.kind is kind])


def _row(seed: int, kind: PairKind, day: RingDay, clusters: list[Cluster]) -> RingRow:
    rings = day.rings if kind is PairKind.COPY else day.hedged
    true, found = _pairs(rings), _pairs(one.members for one in clusters)
    members = {account for ring in rings for account in ring}
    seen = {account for one in clusters for account in one.members}
    return RingRow(
        seed, kind, len(true), len(found),
        precision=_ratio(len(true & found), len(found)),
        recall=_ratio(len(true & found), len(true)),
        members_recall=_ratio(len(members & seen), len(members)),
    )  # fmt: skip


def _pairs(groups: Iterable[Iterable[int]]) -> Pairs:
    return {pair for members in groups for pair in combinations(sorted(members), 2)}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
