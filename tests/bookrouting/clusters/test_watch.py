"""A sliding store finds what a single look at the same deals finds, and forgets the rest."""

import numpy as np
import pytest

from bookrouting.clusters.discovery import PairKind, find_pairs
from bookrouting.clusters.fills import decisions
from bookrouting.clusters.watch import ClusterWatch
from tests.bookrouting.clusters.made_fills import DAY_S, SECOND, copying, strangers


@pytest.fixture(scope="module")
def deals():
    rng = np.random.default_rng(1)
    base = copying(strangers(rng, accounts=40), rng, 7, 40, share=0.6)
    base = copying(base, rng, 3, 41, share=0.6, sign=-1, size=1.0)
    order = np.argsort(base.ts, kind="stable")
    return type(base)(*(column[order] for column in base))


def feed(watch, deals, rows):
    for k in rows:
        account, symbol, side, lots, ts, closed = (column[k].item() for column in deals)
        watch.opened(f"p{k}", account, symbol, side, lots, ts)
        watch.closed(f"p{k}", closed)


def test_a_watch_finds_what_one_look_finds(deals):
    watch = ClusterWatch()
    feed(watch, deals, range(len(deals.ts)))
    clusters = watch.look(int(deals.ts[-1]))
    assert watch.pairs == find_pairs(decisions(deals))
    assert {(one.kind, one.members) for one in clusters} == {
        (PairKind.COPY, (7, 40)), (PairKind.HEDGE, (3, 41)),
    }  # fmt: skip


def test_ids_go_on_from_look_to_look(deals):
    watch, half = ClusterWatch(), len(deals.ts) // 2
    feed(watch, deals, range(half))
    before = {one.cluster_id: one.members for one in watch.look(int(deals.ts[half - 1]))}
    feed(watch, deals, range(half, len(deals.ts)))
    after = {one.cluster_id: one.members for one in watch.look(int(deals.ts[-1]))}
    assert before != {}
    assert before.items() <= after.items()


def test_old_deals_are_forgotten_with_their_clusters(deals):
    watch = ClusterWatch(kept_ns=2 * DAY_S * SECOND)
    feed(watch, deals, range(len(deals.ts)))
    end = int(deals.ts[-1])
    watch.look(end)
    assert len(watch) == (deals.ts >= end - 2 * DAY_S * SECOND).sum()
    assert watch.look(end + 3 * DAY_S * SECOND) == []
    assert len(watch) == 0


def test_the_store_is_bounded_by_the_newest_deals(deals):
    watch = ClusterWatch(kept_fills=300)
    feed(watch, deals, range(len(deals.ts)))
    assert len(watch) == 300
    watch.closed("p0", 5)  # forgotten long ago: none of ours
    held = watch._store.ts[watch._begin : watch._end]
    assert held.tolist() == deals.ts[-300:].tolist()
    assert len(watch._row_of) == len(watch._position_of) == 300
