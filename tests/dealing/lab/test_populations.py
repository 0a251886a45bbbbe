"""Populations: the same again from the same seed, at prices that were quoted, with a true truth."""

import numpy as np
import pytest

from dealing.lab.columns import BENIGN_EDGE, NS, Size, counts_of, part_of
from dealing.lab.detection import NEVER
from dealing.lab.observed import QuoteIndex, observed
from dealing.lab.populations import POPULATIONS
from dealing.lab.populations.grid_clients import NO_SKILL
from dealing.lab.product import product

TINY = {
    "archetypes": Size(clients=40, trades=20, truth_trades=100, days=2.0),
    "transfer": Size(clients=40, trades=20, truth_trades=100, days=2.0),
    "ticktime": Size(clients=40, trades=20, truth_trades=60, days=1.0),
    "slow": Size(clients=30, trades=20, truth_trades=100, days=40.0),
    "simulated": Size(clients=60, trades=20, truth_trades=0, days=0.008),
    "recorded": Size(clients=40, trades=20, truth_trades=0, days=0.0),
}


@pytest.fixture(scope="module")
def drawn():
    return {name: draw(3, TINY[name]) for name, draw in POPULATIONS.items()}


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_same_seed_gives_the_same_clients_and_another_one_others(name, drawn):
    again, other = POPULATIONS[name](3, TINY[name]), POPULATIONS[name](4, TINY[name])

    for kept, renewed in zip(
        (*drawn[name].quotes, *drawn[name].trades, *drawn[name].truth),
        (*again.quotes, *again.trades, *again.truth),
        strict=True,
    ):
        assert np.array_equal(kept, renewed)
    if name != "recorded":  # the one hour of real prices there is
        assert not np.array_equal(drawn[name].quotes.bid[:1_000], other.quotes.bid[:1_000])
    assert not np.array_equal(drawn[name].trades.entry_ns, other.trades.entry_ns)


@pytest.mark.parametrize("name", POPULATIONS)
def test_everybody_trades_at_the_quote_of_the_moment(name, drawn):
    population = drawn[name]
    trades, index = population.trades, QuoteIndex(population.quotes, len(population.terms))
    mid = index.mid(trades.symbol, trades.entry_ns)
    half = 0.5 * index.spread(trades.symbol, trades.entry_ns)

    assert trades.entry_price == pytest.approx(mid + trades.side * half, rel=1e-12)
    assert (trades.exit_ns > trades.entry_ns).all()
    assert (half > 0.0).all()


@pytest.mark.parametrize("name", POPULATIONS)
def test_quotes_come_in_order_and_are_prices(name, drawn):
    quotes = drawn[name].quotes

    assert (np.diff(quotes.ts) >= 0).all()
    assert ((quotes.bid > 0.0) & (quotes.ask > quotes.bid)).all()


@pytest.mark.parametrize("name", POPULATIONS)
def test_every_kind_is_there_and_nobody_has_an_unknown_truth(name, drawn):
    population = drawn[name]

    assert set(population.truth.kind.tolist()) <= set(range(len(population.kinds)))
    for column in population.truth:
        assert np.isfinite(column).all()
    if name != "simulated":  # ten minutes of it are too few trades to know
        assert population.truth.toxic.any()
        assert population.truth.benign.any()


@pytest.mark.parametrize("name", ["archetypes", "transfer"])
def test_who_knows_nothing_loses_what_he_pays(name, drawn):
    population = drawn[name]
    for kind in NO_SKILL - {"swap", "martingale"}:
        edges = population.truth.edge[population.is_kind(kind)]
        # the spread at entry and that at exit, which news may have widened; nights cost a little
        assert edges == pytest.approx(-1.0, abs=0.12)
        assert (edges <= BENIGN_EDGE).all()


def test_who_picks_stale_quotes_gains_what_they_were_late(drawn):
    population = drawn["archetypes"]
    who = population.is_kind("latency")
    seen = observed(population).of(who)

    assert (population.truth.edge[who] > 0.0).all()
    assert np.nanmean(seen.stale) == pytest.approx(population.truth.stale[who].mean(), abs=0.4)
    assert np.nanmean(seen.markout[..., 0]) > 1.0


def test_a_picker_of_real_stale_quotes_is_found_within_six_trades_and_nobody_else():
    population = POPULATIONS["recorded"](1, Size(clients=100, trades=60, truth_trades=0, days=0.0))
    with np.errstate(invalid="ignore"):
        said = product(population, observed(population))
    p = said.verdict.p
    picks = population.is_kind("picker")

    assert np.bincount(population.trades.client)[picks].min() >= 6
    assert population.truth.edge[picks].min() > 0.0
    assert (p[picks, 5] > 0.85).all()
    assert (np.nanmax(p[~picks], axis=1) > 0.85).mean() <= 0.05
    assert (said.alarmed[~picks] == NEVER).all()


def test_a_tick_reaches_the_client_within_half_a_second(drawn):
    population = drawn["ticktime"]
    late = np.sort(population.quotes.ts)[:1_000] - np.sort(population.reference.ts)[:1_000]

    assert (late >= 0).all()
    assert (late <= 0.5 * NS).all()


def test_shares_are_kept_and_rare_kinds_are_not_lost():
    kinds = counts_of({"many": 0.9, "few": 0.1}, 15)

    assert (kinds.count("many"), kinds.count("few")) in {(13, 2), (14, 1)}


def test_a_part_has_some_of_everybody_and_their_first_trades(drawn):
    population = drawn["archetypes"]
    part = part_of(population, 10, 5)

    assert len(part.truth.kind) == 10
    assert np.bincount(part.trades.client).max() == 5
    assert part.truth.edge[1] == population.truth.edge[4]
    first = population.trades.entry_ns[population.trades.client == 4][:5]
    assert np.array_equal(part.trades.entry_ns[part.trades.client == 1], first)
