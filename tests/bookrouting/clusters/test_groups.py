"""Pairs become clusters: entities with members, a leader and an id that stays."""

import math

import pytest

from bookrouting.clusters.discovery import Pair, PairKind
from bookrouting.clusters.groups import cluster_of, group, summed


def pair(leader, follower, kind=PairKind.COPY, **ways):
    usual = {
        "coincidences": 9, "expected": 0.1, "log_p": -30.0, "window_s": 10.0, "lag_s": 2.0,
        "leads_ratio": 1.0, "followed_ratio": 0.5, "size_ratio": 1.0, "same_size_ratio": 1.0,
        "same_close_ratio": 1.0,
    }  # fmt: skip
    return Pair(leader, follower, kind, **(usual | ways))


def test_what_pairs_connect_is_one_cluster():
    clusters = group([pair(1, 2), pair(3, 2), pair(8, 9)])
    assert [one.members for one in clusters] == [(1, 2, 3), (8, 9)]
    assert [one.cluster_id for one in clusters] == ["copy-1", "copy-8"]
    assert len(clusters[0].pairs) == 2


def test_the_leader_is_who_decides_first():
    (cluster,) = group([pair(5, 2), pair(5, 9, lag_s=40.0), pair(2, 9, lag_s=38.0)])
    assert cluster.leader == 5


def test_nobody_leads_where_all_copy_somebody_unseen():
    (cluster,) = group([pair(1, 2, lag_s=0.1, leads_ratio=0.55)])
    assert cluster.leader is None


def test_hedges_and_copies_are_kept_apart_and_unconfirmed_hedges_connect_nobody():
    hedge = pair(2, 4, PairKind.HEDGE)
    doubtful = pair(6, 7, PairKind.HEDGE, same_close_ratio=0.1)
    clusters = group([pair(1, 2), hedge, doubtful])
    assert {(one.kind.value, one.members) for one in clusters} == {
        ("copy", (1, 2)), ("hedge", (2, 4)),
    }  # fmt: skip
    assert cluster_of(clusters) == {1: "copy-1", 2: "copy-1", 4: "hedge-2"}


def test_a_cluster_keeps_its_id_when_it_grows_shrinks_or_gets_a_smaller_member():
    first = group([pair(3, 4), pair(4, 5)])
    grown = group([pair(1, 3), pair(3, 4)], first)
    assert (grown[0].members, grown[0].cluster_id) == ((1, 3, 4), "copy-3")


def test_clusters_that_part_or_join_never_share_an_id():
    whole = group([pair(1, 2), pair(2, 3), pair(3, 4)])
    parted = group([pair(1, 2), pair(3, 4)], whole)
    assert [one.cluster_id for one in parted] == ["copy-1", "copy-3"]
    joined = group([pair(1, 2), pair(2, 3), pair(3, 4)], parted)
    assert [one.cluster_id for one in joined] == ["copy-1"]
    taken = group([pair(3, 4), pair(5, 6)], group([pair(3, 5), pair(3, 4)]))
    again = group([pair(3, 9), pair(4, 5)], taken)
    assert len({one.cluster_id for one in again}) == len(again)


def test_a_cluster_is_one_row_of_its_members_sums():
    (cluster,) = group([pair(1, 2), pair(2, 3)])
    assert summed(cluster, {1: 0.1, 2: 0.2, 9: 50.0}) == pytest.approx(0.3)
    assert cluster.log_p == -30.0
    assert math.isfinite(cluster.log_p)
    assert cluster.sentence.startswith("3 accounts copy one another")


def test_no_pairs_are_no_clusters():
    assert group([]) == []
