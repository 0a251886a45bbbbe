"""Rules of thumb, on trades that can be counted on fingers."""

import numpy as np
import pytest

from dealing.lab.observed import observed
from dealing.lab.rules import quick_winner, sharpe_t, short_holding, total_profit, win_rate
from tests.dealing.lab.hand_made import population

RISING = 1.1 + 0.0001 * np.arange(400)


@pytest.fixture
def seen():
    """A quick winner, a slow loser and one who does not trade, on a price that rises a pip/s."""
    rows = [(0, 1, 1.0, 10, 40), (0, 1, 1.0, 50, 70), (1, -1, 0.1, 10, 310)]
    return observed(population(RISING, rows, [1.0, -1.0, -1.0]))


def test_profit_is_what_the_client_made_in_dollars(seen):
    # 30 and 20 pips less a spread of 2, a pip of a lot being 10 dollars; then 300 and 2 against him
    assert total_profit(seen) == pytest.approx([280.0 + 180.0, -302.0, 0.0])


def test_rates_and_times_are_means_over_trades(seen):
    assert win_rate(seen) == pytest.approx([1.0, 0.0, 0.0])
    assert short_holding(seen) == pytest.approx([-25.0, -300.0, 0.0])


def test_the_t_statistic_needs_two_trades(seen):
    error = np.std([280.0, 180.0], ddof=1) / np.sqrt(2)

    assert sharpe_t(seen) == pytest.approx([230.0 / error, 0.0, 0.0])


def test_only_who_is_all_three_stands_on_top(seen):
    marks = quick_winner(seen)

    assert marks[0] == 4.0
    assert marks[0] > marks[2] > marks[1]


def test_everything_is_in_units_of_the_cost_paid():
    rows = [(0, 1, 1.0, 10, 40), (0, -1, 1.0, 20, 25)]
    found = observed(population(RISING, rows, [1.0]))

    assert found.markout[0, :, 0] == pytest.approx([0.5, -0.5])
    assert found.pnl[0] == pytest.approx([(30 - 2) / 2, (-5 - 2) / 2])
    assert found.hold_s[0] == pytest.approx([30.0, 5.0])


def test_a_markout_that_the_quotes_do_not_reach_is_not_guessed():
    found = observed(population(RISING, [(0, 1, 1.0, 10, 40)], [1.0]))

    assert np.isfinite(found.markout[0, 0, :4]).all()
    assert np.isnan(found.markout[0, 0, 4])
