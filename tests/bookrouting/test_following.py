"""A policy that is obeyed: its own rules hold, and it remembers what it did."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookrouting.flow_evidence import FlowEvidence
from bookrouting.following import Following
from bookrouting.policy import HOUR_NS, Caps, CoolDown, Override, Policy, place_of
from bookrouting.proposals import Action

OPEN = Caps(daily_ratio=1.0)
QUICK = CoolDown(trades=5, duration_ns=HOUR_NS)
POLICY = Policy("made", 3, caps=OPEN, cool_down=QUICK)


def client(name, edge, n=50.0, ratio=0.0, **more):
    """A client with a certain edge; hedging him earns 5 USD per million."""
    return FlowEvidence(
        client_id=name, n=n, n_eff=n, p_toxic=0.5, client_edge_per_million=edge, client_edge_se=1.0,
        hedged_per_million=5.0, hedge_ratio=ratio, notional_usd_per_month=1e6, **more,
    )  # fmt: skip


def test_who_wins_is_hedged_from_then_on_and_who_loses_stays():
    following = Following(POLICY)
    (decision,) = following.decide([client("wins", 40.0), client("loses", -40.0)], HOUR_NS, 0)
    assert decision.ts_ns == HOUR_NS
    assert decision.proposal.client_ids == ("wins",)
    assert following.ratios == {"wins": 1.0, "loses": 0.0}
    assert following.was_moved("wins")
    assert not following.was_moved("loses")
    # his real place is another: that is not this policy's doing
    assert following.decide([client("wins", 40.0), client("loses", -40.0)], 2 * HOUR_NS, 0) == []


def test_cool_down_needs_trades_and_time_since_its_own_move():
    following = Following(POLICY)
    following.decide([client("c", 40.0, n=50.0)], HOUR_NS, 0)
    assert following.decide([client("c", -40.0, n=54.0)], 9 * HOUR_NS, 1) == []
    assert following.decide([client("c", -40.0, n=55.0)], 2 * HOUR_NS - 1, 1) == []
    assert len(following.decide([client("c", -40.0, n=55.0)], 2 * HOUR_NS, 1)) == 1
    assert following.ratios == {"c": 0.0}


def test_the_days_cap_holds_over_several_steps_and_ends_with_the_day():
    following = Following(POLICY._replace(caps=Caps(daily_ratio=0.0, daily_least=2)))
    five = [client(f"c{k}", 40.0 + k) for k in range(5)]
    moved = [len(following.decide(five, step * HOUR_NS, day)) for step, day in
             [(1, 0), (2, 0), (3, 1), (4, 2), (5, 2)]]  # fmt: skip
    assert moved == [2, 0, 2, 1, 0]
    # the most valuable first
    assert following.ratios["c4"] == following.ratios["c3"] == 1.0


def test_an_override_is_free_of_the_cap_and_moves_whom_nobody_scored():
    override = Override("c0", place_of(1.0), 10 * HOUR_NS, "case 17")
    caps = Caps(daily_ratio=0.0, daily_least=1)
    following = Following(POLICY._replace(overrides=(override,), caps=caps))
    found = following.decide([client("c0", float("nan")), client("c1", 40.0)], HOUR_NS, 0)
    assert {one.proposal.entity for one in found} == {"c0", "c1"}


def test_better_prices_move_nobody_and_are_said_once():
    following = Following(POLICY)
    picker = client("c", 40.0, stale_per_million=60.0, flags=frozenset({"latency"}))
    (decision,) = following.decide([picker], HOUR_NS, 0)
    assert decision.proposal.action is Action.FIX_PRICE
    assert following.decide([picker], 2 * HOUR_NS, 0) == []
    assert following.ratios == {"c": 0.0}


def test_a_cluster_goes_together():
    following = Following(POLICY)
    two = [client("a", 40.0, cluster="ring"), client("b", 40.0, cluster="ring")]
    (decision,) = following.decide(two, HOUR_NS, 0)
    assert decision.proposal.client_ids == ("a", "b")
    assert following.ratios == {"a": 1.0, "b": 1.0}


@given(
    edges=st.lists(
        st.lists(st.floats(-60.0, 60.0), min_size=3, max_size=3), min_size=2, max_size=6
    ),
    saved_after=st.integers(0, 5),
)
def test_saved_and_restored_it_goes_on_as_if_it_had_not_stopped(edges, saved_after):
    whole, other = Following(POLICY), Following(POLICY)
    for step, row in enumerate(edges):
        known = [client(f"c{k}", edge, n=50.0 + 6 * step) for k, edge in enumerate(row)]
        expected = whole.decide(known, (step + 1) * HOUR_NS, step // 3)
        if step == saved_after:
            kept = msgspec.msgpack.decode(msgspec.msgpack.encode(other.export()))
            other = Following.restored(POLICY, kept)
        assert other.decide(known, (step + 1) * HOUR_NS, step // 3) == expected
    assert other.export() == whole.export()


@pytest.mark.parametrize("ratio", [0.0, 0.4, 1.0])
def test_everybody_begins_where_he_is(ratio):
    following = Following(POLICY)
    assert following.placed(client("c", 0.0, ratio=ratio)).hedge_ratio == ratio
    # and stays there, whatever people do with him afterwards
    assert following.placed(client("c", 0.0, ratio=1.0 - ratio)).hedge_ratio == ratio
