"""Proposals: sure enough, not too often, not too many, and never to and fro."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookrouting.flow_evidence import FlowEvidence, as_one
from bookrouting.policy import (
    HOUR_NS,
    Caps,
    CoolDown,
    Evidence,
    Override,
    Place,
    Policy,
    Risk,
    place_of,
)
from bookrouting.proposals import P90, Action, probability_of_more, propose, wanted_ratio
from bookrouting.segments import Segment, Span, segment_of
from exposure.model.books import Book

NOW = 1_768_305_600 * 10**9
NEVER = Caps(daily_ratio=1.0, client_ratio=1.0, new_client_usd=math.inf)
POLICY = Policy("standard", 3, caps=NEVER)
A, B = Place(Book.A, 1.0), Place(Book.B, 0.0)


def client(client_id="C1", **changes):
    """A client of book B who is proven to win 40 USD per million where hedging him earns 10."""
    fields = {
        "n": 60.0, "n_eff": 50.0, "p_toxic": 0.9, "client_edge_per_million": 40.0,
        "client_edge_se": 20.0, "hedged_per_million": 10.0, "hedge_ratio": 0.0,
        "notional_usd_per_month": 30e6, "gross_usd": 100_000.0, "gross_ratio": 0.01, **changes,
    }  # fmt: skip
    return FlowEvidence(client_id, **fields)


def one(policy=POLICY, moved_today=0, **changes):
    found = propose(policy, [client(**changes)], NOW, moved_today)
    return found[0] if found else None


# Thresholds --------------------------------------------------------------------------------------


def test_a_proven_winner_is_hedged_and_the_proposal_says_what_it_is_worth():
    found = one()
    probability = NormalDist().cdf(50.0 / 20.0)
    assert (found.action, found.now, found.to, found.held_back) == (Action.MOVE, B, A, "")
    assert found.probability == pytest.approx(probability)
    assert found.expected_usd_per_month == pytest.approx(50.0 * 30.0)
    assert found.low_usd_per_month == pytest.approx((50.0 - P90 * 20.0) * 30.0)
    assert found.high_usd_per_month == pytest.approx((50.0 + P90 * 20.0) * 30.0)
    assert found.policy == "standard v3"
    assert found.reasons == (
        "hedging earns 10, keeping -40 USD per million",
        "hedging more is better with probability 0.99 (n 50), the rule asks for more than 0.80",
    )


@pytest.mark.parametrize(
    ("probability", "ratio", "to"),
    [(0.79, 0.0, None), (0.81, 0.0, A), (0.41, 1.0, None), (0.39, 1.0, B), (0.6, 1.0, None),
     (0.6, 0.0, None), (0.1, 0.0, None), (0.99, 1.0, None)],
)  # fmt: skip
def test_between_the_thresholds_a_client_stays_where_he_is(probability, ratio, to):
    edge = 20.0 * NormalDist().inv_cdf(probability) - 10.0
    found = one(client_edge_per_million=edge, hedge_ratio=ratio)
    assert (found.to if found else None) == to


def test_the_flip_is_the_edge_at_which_the_rule_is_just_met():
    for ratio, edge in ((0.0, 40.0), (1.0, -60.0)):
        found = one(hedge_ratio=ratio, client_edge_per_million=edge)
        at, step = found.flip.client_edge_per_million, 1e-6 * (1 if ratio == 0.0 else -1)
        assert one(hedge_ratio=ratio, client_edge_per_million=at + step) is not None
        assert one(hedge_ratio=ratio, client_edge_per_million=at - step) is None
        assert found.flip.now == edge


@pytest.mark.parametrize(
    ("changes", "proposed"),
    [
        ({"n_eff": 9.9}, False),
        ({"n_eff": 10.0}, True),
        ({"n_eff": 5.0, "flags": frozenset({"latency"}), "e_value": 20.0}, True),
        ({"n_eff": 4.9, "flags": frozenset({"latency"}), "e_value": 20.0}, False),
        ({"n_eff": 5.0, "flags": frozenset({"latency"}), "e_value": 19.0}, False),
        ({"n_eff": 5.0, "flags": frozenset({"news"}), "e_value": 99.0}, False),
    ],
)
def test_nothing_is_decided_on_too_little_evidence(changes, proposed):
    assert (one(**changes) is not None) is proposed


@pytest.mark.parametrize("name", ["client_edge_per_million", "client_edge_se", "gross_ratio"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_cannot_be_computed_with_is_no_evidence(name, value):
    assert one(**{name: value}) is None


# Book C ------------------------------------------------------------------------------------------

WORTH = {"client_edge_per_million": -1.4, "hedged_per_million": 1.0, "client_edge_se": 0.1}


@pytest.mark.parametrize(("covariance", "kept"), [(0.0, 0.4), (-0.2, 0.6)])
def test_the_share_that_is_kept_is_the_worked_value(covariance, kept):
    policy = POLICY._replace(risk=Risk(risk_aversion=1.0))
    flow = client(**WORTH, flow_variance=1.0, book_covariance=covariance)
    assert wanted_ratio(policy, flow) == pytest.approx(1.0 - kept)


def test_a_good_but_restless_flow_is_kept_in_part():
    policy = POLICY._replace(risk=Risk(risk_aversion=1.0))
    found = propose(policy, [client(**WORTH, flow_variance=1.0)], NOW)[0]
    assert (found.to.book, found.to.hedge_ratio) == (Book.C, pytest.approx(0.6))
    assert propose(POLICY, [client(**WORTH, flow_variance=1.0)], NOW) == []


def test_a_small_change_of_the_ratio_is_not_worth_a_move():
    policy = POLICY._replace(risk=Risk(risk_aversion=1.0, least_change=0.2))
    flow = client(**WORTH, flow_variance=1.0, hedge_ratio=0.5)
    assert propose(policy, [flow], NOW) == []


# Better prices -----------------------------------------------------------------------------------


def picker(**changes):
    return {
        "flags": frozenset({"latency"}), "stale_per_million": 150.0, "hedged_per_million": 10.0,
        "client_edge_per_million": 170.0, **changes,
    }  # fmt: skip


def test_who_picks_stale_quotes_needs_better_prices_and_no_other_book():
    found = one(**picker(), changed_ns=NOW)
    assert (found.action, found.now, found.to) == (Action.FIX_PRICE, B, B)
    assert (found.expected_usd_per_month, found.held_back) == (150.0 * 30.0, "")
    assert "no book helps" in found.reasons[1]


def test_a_picker_who_earns_something_in_one_book_is_moved_there():
    assert one(**picker(stale_per_million=2.0)).action is Action.MOVE
    assert one(**picker(flags=frozenset({"news"}))).action is Action.MOVE
    assert one(**picker(n_eff=4.0)) is None


# Limits of size ----------------------------------------------------------------------------------

LOSER = {"client_edge_per_million": -60.0}


def test_who_is_too_much_of_the_book_is_kept_in_part():
    policy = POLICY._replace(caps=NEVER._replace(client_ratio=0.10))
    found = one(policy, **LOSER, gross_ratio=0.25)
    assert (found.to.book, found.to.hedge_ratio) == (Book.C, pytest.approx(0.6))
    assert found.reasons == ("would be 25% of everything the house keeps, the limit is 10%",)
    assert found.flip is None
    assert one(policy, **LOSER, gross_ratio=0.25, hedge_ratio=0.6) is None
    assert one(policy, **LOSER, gross_ratio=0.25, hedge_ratio=1.0).to.hedge_ratio == 0.6


def test_a_new_client_is_kept_up_to_a_limit():
    policy = POLICY._replace(caps=NEVER._replace(new_client_usd=500_000.0))
    found = one(policy, n=4.0, n_eff=4.0, gross_usd=2_000_000.0)
    assert (found.to.book, found.to.hedge_ratio) == (Book.C, pytest.approx(0.8))
    assert "is new (n 4) and holds 2,000,000 USD" in found.reasons[0]
    assert one(policy, n=5.0, n_eff=5.0, gross_usd=2_000_000.0) is None


def test_of_evidence_and_size_the_one_counts_that_hedges_more():
    policy = POLICY._replace(caps=NEVER._replace(client_ratio=0.10))
    assert one(policy, gross_ratio=0.25).to == A


# Segments and overrides --------------------------------------------------------------------------


def test_the_first_segment_that_fits_decides():
    policy = POLICY._replace(
        segments=(
            Segment("partners", ibs=("IB7",), hedge_ratio=1.0),
            Segment("careful", countries=("CY",), hedge_above=0.995),
            Segment("friends", groups=("staff",), watched=True),
        )
    )
    assert one(policy, **LOSER, ib="IB7").to == A
    assert one(policy, **LOSER, ib="IB7").segment == "partners"
    assert one(policy, country="CY") is None
    assert one(policy, group="staff") is None
    assert one(policy).to == A


@pytest.mark.parametrize(
    ("segment", "fits"),
    [
        (Segment("s"), True),
        (Segment("s", flags=("news", "latency")), True),
        (Segment("s", flags=("news",)), False),
        (Segment("s", in_cluster=True), False),
        (Segment("s", in_cluster=False), True),
        (Segment("s", n=Span(60.0, 61.0)), True),
        (Segment("s", n=Span(61.0)), False),
        (Segment("s", score=Span(85.0)), True),
        (Segment("s", score=Span(60.0, 90.0)), False),
        (Segment("s", symbol_classes=("metal",)), True),
        (Segment("s", symbol_classes=("fx",), countries=("CY",)), False),
    ],
)
def test_a_segment_means_whoever_fits_all_of_it(segment, fits):
    someone = client(flags=frozenset({"latency"}), symbol_class="metal")
    assert (segment_of(someone, [segment]) is segment) is fits


def test_an_override_wins_until_it_expires():
    policy = POLICY._replace(overrides=(Override("C1", B, NOW + 1, "the boss knows him"),))
    assert propose(policy, [client()], NOW) == []
    assert propose(policy, [client()], NOW + 1)[0].to == A
    hedged = propose(policy, [client(hedge_ratio=1.0, changed_ns=NOW)], NOW, moved_today=99)[0]
    assert (hedged.to, hedged.reasons, hedged.held_back) == (
        B, ("override: the boss knows him",), "",
    )  # fmt: skip


# Speed limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trades", "hours", "held"), [(19, 48.0, True), (20, 23.9, True), (20, 24.0, False)]
)
def test_a_client_stays_for_so_many_trades_and_so_long(trades, hours, held):
    found = one(changed_ns=NOW - round(hours * HOUR_NS), trades_since=trades)
    assert found.held_back.startswith("cool-down") is held


def test_the_most_valuable_come_first_and_the_rest_is_held_back_by_the_cap():
    policy = POLICY._replace(caps=NEVER._replace(daily_ratio=0.5))
    clients = [client(f"C{k}", notional_usd_per_month=k * 1e6) for k in range(1, 7)]
    found = propose(policy, clients, NOW, moved_today=1)
    assert [(one.entity, bool(one.held_back)) for one in found] == [
        ("C6", False), ("C5", False), ("C4", True), ("C3", True), ("C2", True), ("C1", True),
    ]  # fmt: skip
    assert "cap" in found[-1].held_back


# Clusters ----------------------------------------------------------------------------------------


def ring(**changes):
    return [client(f"C{k}", cluster="ring-1", **changes) for k in (1, 2, 3)]


def test_a_cluster_is_one_client():
    (found,) = propose(POLICY, [*ring(), client("C9", **LOSER)], NOW)
    assert (found.entity, found.client_ids) == ("ring-1", ("C1", "C2", "C3"))
    assert found.expected_usd_per_month == pytest.approx(3 * 50.0 * 30.0)


def test_members_of_a_cluster_prove_no_more_than_one_of_them():
    alone, together = client(cluster="ring-1"), as_one(ring(n_eff=4.0, e_value=30.0))
    assert together.client_edge_se == pytest.approx(alone.client_edge_se)
    assert (together.n_eff, together.e_value) == (12.0, pytest.approx(30.0))
    assert together.gross_usd == 300_000.0


def test_a_member_that_cannot_be_computed_with_leaves_its_cluster_where_it_is():
    members = ring()
    for value in (math.nan, math.inf):
        spoilt = members[1]._replace(client_edge_per_million=value)
        opposite = members[2]._replace(client_edge_per_million=-value)
        assert propose(POLICY, [members[0], spoilt, opposite], NOW) == []


def test_the_last_change_of_a_member_is_that_of_the_cluster():
    first, second, third = ring()
    moved = second._replace(changed_ns=NOW, trades_since=3)
    assert as_one([first, moved, third]).changed_ns == NOW
    assert as_one([first, moved, third]).trades_since == 3


# Properties --------------------------------------------------------------------------------------

_small = st.floats(-200.0, 200.0)
_clients = st.lists(
    st.builds(
        FlowEvidence,
        client_id=st.integers(0, 40).map("C{}".format),
        n=st.floats(0, 100),
        n_eff=st.floats(0, 100),
        p_toxic=st.floats(0, 1),
        client_edge_per_million=_small,
        client_edge_se=st.floats(0.1, 50.0),
        hedged_per_million=_small,
        hedge_ratio=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        hedged_se=st.floats(0.0, 20.0),
        **dict.fromkeys(("country", "group", "ib", "symbol_class"), st.just("")),
        stale_per_million=st.floats(0.0, 100.0),
        e_value=st.floats(0.0, 1e6),
        flags=st.sets(st.sampled_from(["latency", "news"])).map(frozenset),
        flow_variance=st.floats(0.0, 100.0),
        book_covariance=st.floats(-10.0, 10.0),
        notional_usd_per_month=st.floats(0.0, 1e8),
        gross_usd=st.floats(0.0, 1e7),
        gross_ratio=st.floats(0.0, 1.0),
        changed_ns=st.none() | st.integers(NOW - 72 * HOUR_NS, NOW),
        trades_since=st.integers(0, 60),
        cluster=st.sampled_from(["", "", "", "r1", "r2"]),
    ),
    max_size=12,
    unique_by=lambda one: one.client_id,
)


def _policy(above, below, trades, ratio, least, gamma):
    return Policy("p", 1, Evidence(above, below), CoolDown(trades), Caps(ratio, least), Risk(gamma))


_policies = st.builds(
    _policy,
    above=st.floats(0.6, 0.95),
    below=st.floats(0.1, 0.5),
    trades=st.integers(0, 40),
    ratio=st.floats(0.0, 1.0),
    least=st.integers(0, 3),
    gamma=st.sampled_from([0.0, 0.1, 1.0]),
)


@settings(max_examples=40)
@given(_policies, _clients, st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_clients_changes_nothing(policy, clients, chance, moved):
    shuffled = list(clients)
    chance.shuffle(shuffled)
    assert propose(policy, shuffled, NOW, moved) == propose(policy, clients, NOW, moved)


@settings(max_examples=40)
@given(_policies, _clients, st.integers(0, 5))
def test_never_more_than_the_cap_and_never_within_the_cool_down(policy, clients, moved):
    entities = len({one.cluster or one.client_id for one in clients})
    cap = max(policy.caps.daily_least, math.floor(policy.caps.daily_ratio * entities))
    found = propose(policy, clients, NOW, moved)
    moves = [one for one in found if one.action is Action.MOVE and not one.held_back]
    assert len(moves) <= max(0, cap - moved)
    by_id = {one.client_id: one for one in clients}
    for move in moves:
        for member in (by_id[name] for name in move.client_ids):
            if member.changed_ns is not None:
                assert member.trades_since >= policy.cool_down.trades
                assert NOW - member.changed_ns >= policy.cool_down.duration_ns


@settings(max_examples=40)
@given(_policies, _clients)
def test_every_number_of_a_proposal_is_one(policy, clients):
    for found in propose(policy, clients, NOW):
        numbers = (
            found.probability, found.expected_usd_per_month, found.low_usd_per_month,
            found.high_usd_per_month, found.to.hedge_ratio,
        )  # fmt: skip
        assert all(map(math.isfinite, numbers))
        assert found.low_usd_per_month <= found.expected_usd_per_month <= found.high_usd_per_month
        assert 0.0 <= found.to.hedge_ratio <= 1.0
        assert found.to == place_of(found.to.hedge_ratio)


@settings(max_examples=40)
@given(_policies, _clients)
def test_who_was_moved_stays_there_on_the_same_evidence(policy, clients):
    free = policy._replace(cool_down=CoolDown(0, 0), caps=Caps(daily_ratio=1.0))
    moved = {}
    for found in propose(free, clients, NOW):
        if found.action is Action.MOVE:
            moved |= dict.fromkeys(found.client_ids, found.to.hedge_ratio)
    after = [
        one._replace(hedge_ratio=moved.get(one.client_id, one.hedge_ratio), changed_ns=NOW)
        for one in clients
    ]
    again = propose(free, after, NOW)
    assert [one for one in again if one.action is Action.MOVE and set(one.client_ids) & set(moved)
            ] == []  # fmt: skip


@settings(max_examples=20)
@given(_clients)
def test_without_risk_aversion_it_is_the_probability_that_hedging_earns_more(clients):
    for one_client in clients:
        advantage = one_client.hedged - one_client.kept
        se = math.hypot(one_client.client_edge_se, one_client.hedged_se)
        expected = NormalDist().cdf(advantage / se)
        assert probability_of_more(POLICY, one_client) == pytest.approx(expected)
