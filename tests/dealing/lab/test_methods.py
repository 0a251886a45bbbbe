"""The methods that are compared: closed form, alarm, oracle; and how they are judged over time."""

import numpy as np
import pytest

from dealing.lab.alarm import ALARM, evidence
from dealing.lab.closed_form import PRIOR, Sums, judged, trajectory
from dealing.lab.columns import Population, Truth
from dealing.lab.detection import NEVER, first_above, found, threshold
from dealing.lab.metrics import auc
from dealing.lab.observed import Observed
from dealing.lab.oracle import learned, oracle
from dealing.lab.routing import captured_by
from dealing.lab.rules import RULES


def sums(markout, precision=50.0, n=40.0, swap=0.0):
    """Return totals of one client whose markouts at all horizons have these means."""
    mean = np.full((1, 5), 0.0) + np.asarray(markout, float)
    weight = np.full((1, 5), precision)
    return Sums(weight, mean * weight, np.array([swap * n]), np.array([n]))


def made(rng, edges, trades=40):
    """Return clients whose markouts are an edge and noise, one number a trade at all horizons."""
    shape = (len(edges), trades)
    x = (np.asarray(edges) + 1.0)[:, None] + rng.standard_normal(shape)
    markout = np.repeat(x[..., None], 5, axis=2)
    nothing, many = np.zeros(shape), np.ones(shape)
    return Observed(
        np.ones(shape, bool), markout, np.ones_like(markout), nothing, x - 1.0, x - 1.0, many,
        60.0 * many, np.full(shape, np.nan), nothing.astype(int), nothing.astype(int),
    )  # fmt: skip


def population_of(edges):
    edges = np.asarray(edges, float)
    kind = np.zeros(len(edges), int)
    truth = Truth(kind, edges, edges, np.zeros(len(edges)))
    return Population("made", 1, (), None, None, None, truth, ("one",))


def test_nothing_known_leaves_the_prior():
    silent = Sums(np.zeros((1, 5)), np.zeros((1, 5)), np.zeros(1), np.zeros(1))

    assert judged(silent).p == pytest.approx(PRIOR, abs=0.01)


def test_the_closed_form_rises_with_the_markout_and_never_leaves_its_range():
    said = [judged(sums(markout)) for markout in (-2.0, 0.0, 0.5, 1.0, 2.0, 8.0)]
    p, rank = [float(one.p[0]) for one in said], [float(one.rank[0]) for one in said]

    assert p[1] < 0.01
    assert p[-1] > 0.99
    assert np.all(np.diff(rank) >= 0.0)
    assert said[-1].edge[0] == pytest.approx(7.0, abs=0.3)


def test_a_swap_that_pays_the_cost_is_a_reason_of_its_own():
    idle, paid = judged(sums(0.0, swap=0.0)), judged(sums(0.0, swap=3.0))

    assert idle.p[0] < 0.01
    assert paid.p[0] > 0.5
    assert paid.edge[0] == pytest.approx(3.0 * 40 / 43 - 1.0, abs=0.1)


def test_harmless_clients_are_alarmed_at_most_once_in_twenty():
    rng = np.random.default_rng(5)
    values = evidence(made(rng, np.zeros(800), trades=200))

    ever = (values >= ALARM).any(axis=1).mean()
    assert 0.0 < ever <= 0.05


def test_an_alarm_comes_when_there_is_something():
    values = evidence(made(np.random.default_rng(6), np.full(50, 1.0), trades=60))

    assert (first_above(values, ALARM) < NEVER).all()


def test_the_oracle_is_at_least_as_good_as_everything_else():
    rng = np.random.default_rng(7)
    edges = np.repeat([-1.0, -0.8, 0.3, 0.6], 60)
    persons = learned(made(rng, edges), edges > 0, edges, np.zeros(len(edges), int))
    seen = made(rng, edges, trades=15)
    toxic = edges > 0

    best, expected = oracle(persons, seen)

    score = auc(best, toxic, ~toxic)
    plain = auc(trajectory(seen).after(15).rank, toxic, ~toxic)
    others = [auc(rule(seen), toxic, ~toxic) for rule in RULES.values()]
    assert score >= max(plain, *others) - 0.005
    assert score > 0.95
    assert expected[toxic].mean() > 0.2 > expected[~toxic].mean()


def test_a_threshold_is_passed_by_one_harmless_client_in_twenty():
    rng = np.random.default_rng(8)
    score = rng.standard_normal((1_000, 30))
    level = threshold(score, np.ones(1_000, bool))

    assert (first_above(score, level) < NEVER).mean() == pytest.approx(0.05, abs=0.005)


def test_found_counts_trades_until_half_of_a_kind_is_flagged():
    score = np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    said = found(first_above(score, 1.0), population_of([1.0, 1.0, 1.0, -1.0]))

    assert said.share == 1.0
    assert said.false == 0.0
    assert said.after == {"all": 2, "one": 2}


def test_routing_by_the_truth_captures_everything_and_never_moving_nothing():
    population = population_of([1.0, -1.0])
    seen = made(np.random.default_rng(9), [1.0, -1.0], trades=2_000)
    right = np.array([[True], [False]]) & seen.known

    assert captured_by(right, seen, population).share == pytest.approx(1.0, abs=0.01)
    always = captured_by(np.ones_like(seen.known), seen, population)
    assert always.share == pytest.approx(0.0, abs=0.01)
    # keeping both: (-1 + 1) / 2; passing both on .714; the best (.714 + 1) / 2
    assert captured_by(~seen.known, seen, population).regret == pytest.approx(0.857)
