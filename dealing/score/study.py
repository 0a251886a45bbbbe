"""Who trades how, and with whom: the flow book asked by all detectors, and what is told of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from bookrouting.clusters.discovery import Pair
from bookrouting.clusters.groups import Cluster
from bookrouting.detectors.finding import Detection, Weight
from bookrouting.flow_book import FlowBook
from bookrouting.flow_clusters import AsOne, as_one, companies, look
from bookrouting.flow_findings import ALONE, Findings, findings_of
from bookrouting.flow_habits import Crowd, crowd_of
from dealing.server_day import DAY, ServerDay

ROLLOVER: Final = ServerDay(ZoneInfo("America/New_York"), 17)
"""When positions roll over, whatever day the broker's reports have."""

_MOST_DAYS: Final = 400


class Study(NamedTuple):
    """What was found of clients, by their row in the flow book, and the clusters they form."""

    findings: dict[int, Findings]
    clusters: list[Cluster]


def studied(flow: FlowBook) -> Study:
    """Look for clusters and ask every detector about everybody."""
    clusters = look(flow.trades.fills())
    beside, crowd = companies(clusters), crowd_now(flow)
    everybody = range(len(flow.client_ids))
    found = {row: findings_of(flow, row, crowd, beside.get(row, ALONE)) for row in everybody}
    return Study(found, clusters)


def crowd_now(flow: FlowBook) -> Crowd:
    """Return what is usual among clients, with the rollovers since the oldest trade."""
    opened = flow.trades.table["opened"][: flow.trades.count]
    if not len(opened) or flow.now is None:
        return crowd_of(flow, ())
    return crowd_of(flow, rollovers(int(opened[0]), flow.now))


def rollovers(first: int, last: int) -> list[int]:
    """Return the rollovers from an instant until the first one after another, ns UTC."""
    day, found = ROLLOVER.at(max(first, 0)).day, list[int]()
    while len(found) < _MOST_DAYS and (not found or found[-1] <= last):
        day += DAY
        found.append(ROLLOVER.begin(day))
    return found


def reasons_beside(found: Findings) -> list[str]:
    """Return what detections and company add to the reasons of a score."""
    said = [
        f"{one.name}: {one.sentence}; but {one.pitfall}"
        for one in found.fired
        if one.weight is Weight.EVIDENCE
    ]
    company = found.company
    if company.cluster:
        role = "leads" if company.leads else "is one of"
        said.append(f"acts as one with others: {role} cluster {company.cluster}")
    return said


def habits_in_words(found: Findings) -> list[str]:
    """Return what kind of trader a client is: context, and never evidence by itself."""
    context = [one for one in found.fired if one.weight is Weight.CONTEXT]
    return [
        f"kind of trader: {found.behaviour.sentence}",
        *(f"{one.name}: {one.sentence}; but {one.pitfall}" for one in context),
    ]


def findings_json(found: Findings) -> dict[str, Any]:
    """Return a client's habits, detections that fired, flags and company in plain values."""
    return {
        "behaviour": [tag._asdict() for tag in found.behaviour.tags],
        "behaviour_sentence": found.behaviour.sentence,
        "detections": [_detection(one) for one in found.fired],
        "flags": sorted(found.flags),
        "cluster": found.company.cluster or None,
        "leads_cluster": found.company.leads,
    }


def clusters_json(flow: FlowBook, clusters: Sequence[Cluster]) -> list[dict[str, Any]]:
    """Return clusters, each scored and held as one, in plain values."""
    return [_cluster(flow, one) for one in clusters]


def _cluster(flow: FlowBook, cluster: Cluster) -> dict[str, Any]:
    names, whole = flow.client_ids, as_one(flow, cluster)
    return {
        "id": cluster.cluster_id,
        "kind": cluster.kind.value,
        "members": [names[member] for member in cluster.members],
        "leader": None if cluster.leader is None else names[cluster.leader],
        "evidence": [_pair(flow, pair) for pair in cluster.pairs],
        "sentence": cluster.sentence,
        **_as_one(whole),
    }


def _as_one(whole: AsOne) -> dict[str, Any]:
    return {
        "n": whole.n,
        "score": whole.score,
        "client_edge_usd_per_million": _number(whole.edge),
        "client_edge_low": _number(whole.edge_low),
        "client_edge_high": _number(whole.edge_high),
        "gross_usd": _number(whole.gross_usd),
        "net_usd": _number(whole.net_usd),
    }


def _pair(flow: FlowBook, pair: Pair) -> dict[str, Any]:
    names, said = flow.client_ids, pair._asdict()
    said.pop("kind")
    chance = math.exp(said.pop("log_p"))
    return said | {
        "leader": names[pair.leader], "follower": names[pair.follower], "chance": chance,
    }  # fmt: skip


def _detection(one: Detection) -> dict[str, Any]:
    said = one._asdict()
    said.pop("fired")
    said["statistic"] = float(np.nan_to_num(one.statistic))
    return said | {"weight": one.weight.value}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
