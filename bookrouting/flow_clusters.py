"""Clusters in the flow book: found in its trades, scored as one client, held as one position.

What copiers do within the window in which they follow is one decision, the first one's: copied ten
times, one lucky trade would look like ten. Those who stand against each other decide on both sides,
so all their decisions count, and cancel.
Source: science.md section 1.7.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from bookrouting.clusters.discovery import PairKind, find_pairs
from bookrouting.clusters.fills import FillColumns, Int64s, decisions
from bookrouting.clusters.groups import Cluster, cluster_of, group
from bookrouting.flow_batch import columns_of, mean_costs, sum_flow
from bookrouting.flow_book import USD, FlowBook
from bookrouting.flow_findings import Company
from bookrouting.flow_habits import RECENT, decisions_of
from bookrouting.score import score_clients

_MILLION: Final = 1e6
_NS: Final = 1e9


class AsOne(NamedTuple):
    """A cluster as one client.

    ``n`` decisions, ``score`` 0 to 100. Units: edges USD per million USD of notional, + is the
    cluster's gain, NaN before a trade; ``gross_usd`` and ``net_usd`` of what is held, NaN without
    a price.
    """

    n: int
    score: float
    edge: float
    edge_low: float
    edge_high: float
    gross_usd: float
    net_usd: float


class _Running(NamedTuple):
    """A decision that others may still join. Units: ``began`` ns UTC."""

    began: int
    members: set[int]


def look(fills: FillColumns, known: Sequence[Cluster] = ()) -> list[Cluster]:
    """Return the clusters of opening deals; whoever was known goes on under the same id."""
    return group(find_pairs(decisions(fills)), known)


def companies(clusters: Sequence[Cluster]) -> dict[int, Company]:
    """Return with whom each member of a cluster acts as one."""
    by_id = {one.cluster_id: one for one in clusters}
    against: dict[int, tuple[int, ...]] = {}
    for one in clusters:
        if one.kind is PairKind.HEDGE:
            for member in one.members:
                others = (other for other in one.members if other != member)
                against[member] = (*against.get(member, ()), *others)
    return {
        member: Company(
            name, by_id[name].kind.value, by_id[name].leader == member, against.get(member, ())
        )
        for member, name in cluster_of(clusters).items()
    }


def as_one(book: FlowBook, cluster: Cluster) -> AsOne:
    """Score a cluster by its members' last decisions, and add up what they hold."""
    of_members = [decisions_of(book, member, 2 * RECENT) for member in cluster.members]
    rows = np.sort(np.concatenate(of_members))
    if cluster.kind is PairKind.COPY:
        rows = _first_ones(book, rows, max(pair.window_s for pair in cluster.pairs))
    flow = columns_of(book, rows)
    flow = flow._replace(client=np.zeros(len(rows), np.int32))
    sums = sum_flow(flow, 1, book.settings)
    scores = score_clients(sums, book.settings.score)
    worth = _MILLION * float(mean_costs(flow, 1, book.settings)[0]) if len(rows) else math.nan
    gross, net = _held_usd(book, cluster.members)
    return AsOne(
        n=int(sums.trades[0]),
        score=float(scores.score[0]),
        edge=float(scores.edge[0]) * worth,
        edge_low=float(scores.edge_low[0]) * worth,
        edge_high=float(scores.edge_high[0]) * worth,
        gross_usd=gross,
        net_usd=net,
    )


def _first_ones(book: FlowBook, rows: Int64s, window_s: float) -> Int64s:
    """Return the first decision of each that belongs together. Shapes: rows (n,), by time.

    What a member does twice is two decisions, however near: it joins the oldest one within the
    window that he has not joined yet.
    """
    d = book.arrays.decisions[rows]
    running: defaultdict[tuple[int, float, bool], list[_Running]] = defaultdict(list)
    first = np.zeros(len(rows), np.bool_)
    keys = zip(d["symbol"].tolist(), d["side"].tolist(), d["is_exit"].tolist(), strict=True)
    whose = zip(keys, d["ts"].tolist(), d["client"].tolist(), strict=True)
    for k, (key, ts, member) in enumerate(whose):
        running[key] = [one for one in running[key] if ts - one.began <= window_s * _NS]
        joined = next((one for one in running[key] if member not in one.members), None)
        if joined is None:
            running[key].append(_Running(ts, {member}))
            first[k] = True
        else:
            joined.members.add(member)
    return rows[first]


def _held_usd(book: FlowBook, members: Iterable[int]) -> tuple[float, float]:
    gross = net = 0.0
    market = book.arrays.market
    for member in members:
        for login in book.logins_of.get(member, ()):
            for held in book.positions.of_login(login):
                instrument = book.instruments[held.symbol]
                mid = float(market["bid"][held.symbol] + market["ask"][held.symbol]) / 2.0
                worth = held.lots * instrument.units_per_lot * book.rate(instrument.quote, USD)
                gross += worth * mid
                net += held.side * worth * mid
    return gross, net
