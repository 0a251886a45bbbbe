"""The bench measures equal work and prints what it measured."""

import orjson
import pytest

from dealing.bench import _feed, _require_equal, peers, run_bench
from dealing.bench.workload import Size, build
from exposure.errors import InvariantError


def test_quick_bench_answers_with_rows(tmp_path):
    out = tmp_path / "bench.json"
    assert run_bench(size=None, quick=True, json_out=str(out)) == 0
    rows = {row["name"]: row for row in orjson.loads(out.read_bytes())["rows"]}
    assert {"eager tick", "eager per touched account", "numpy / eager", "pandas / eager"} <= set(
        rows
    )
    assert all(row["value"] > 0.0 for row in rows.values())


def test_the_workload_follows_from_its_seed():
    one, same, other = (build(Size.SMALL, 50, seed=seed).ticks for seed in (1, 1, 2))
    assert one.bid.tolist() == same.bid.tolist()
    assert one.bid.tolist() != other.bid.tolist()


@pytest.mark.parametrize("kind", [peers.NumpyPeer, peers.PandasPeer])
def test_peers_agree_with_the_engine(kind):
    workload = build(Size.SMALL, 60)
    peer = kind(workload.engine)
    peers.run(peer, workload.ticks, 0, 60)
    _feed(workload, 0, 60)
    _require_equal(workload, {"peer": peer})
    peer.floating[7] += 1.0
    with pytest.raises(InvariantError, match="peer and the engine disagree"):
        _require_equal(workload, {"peer": peer})
