"""The gap engine against the engine itself, against identities, and against published figures."""

from __future__ import annotations

import random

import numpy as np
import pytest

from exposure.export import export_state, restore
from exposure.model.books import Book
from exposure.model.events import LpPositionRestored, PositionRestored, QuoteReceived
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import house_loss_usd, stress, stress_line
from exposure.risk.stress_book import StressBook
from tests.exposure.builders import Desk, account, instrument
from tests.exposure.risk.books import given_quotes, random_book

PERCENT = ShockKind.PERCENT
SEEDS = range(12)


def random_shocks(seed):
    rng = random.Random(seed)  # noqa: S311 # repeatable shocks
    names = ["EUR", "GBP", "JPY", "USD", "XAU", "EURUSD", "EURGBP", "AAPL", "GER40"]
    return [Shock(name, PERCENT, rng.uniform(-15.0, 15.0)) for name in rng.sample(names, 3)]


def desk(*events, accounts=(), instruments=("EURCHF", "USDCHF")):
    made = Desk([instrument(one) for one in instruments], accounts)
    quotes = [QuoteReceived(1, "EURCHF", 1.2010, 1.2010), QuoteReceived(1, "USDCHF", 1.02, 1.02)]
    made.feed(*[one for one in quotes if one.symbol in instruments], *events)
    return StressBook(made.engine)


@pytest.mark.parametrize("seed", SEEDS)
def test_equity_after_a_shock_is_that_of_an_engine_that_received_the_quotes(seed):
    engine = random_book(seed)
    book = StressBook(engine)
    result = stress(book, random_shocks(seed))
    really = given_quotes(restore(export_state(engine)), result.after.prices)
    for row in result.accounts.iter_rows(named=True):
        assert row["equity_after"] == pytest.approx(
            really.account(row["login"]).equity, rel=0, abs=1e-6
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_house_before_caps_is_that_of_an_engine_that_received_the_quotes(seed):
    engine = random_book(seed)
    before = engine.snapshot().house
    result = stress(StressBook(engine), random_shocks(seed))
    after = given_quotes(restore(export_state(engine)), result.after.prices).snapshot().house
    house = result.house
    floating_a = after.floating_a_usd - before.floating_a_usd
    assert house.a_usd + house.deficit_a_usd + house.hedge_usd == pytest.approx(floating_a)
    assert house.b_usd + house.deficit_b_usd == pytest.approx(
        after.floating_b_usd - before.floating_b_usd
    )
    assert house.hedge_usd == pytest.approx(after.lp_floating_usd - before.lp_floating_usd)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_zero_shock_changes_nothing_and_the_engine_is_never_changed(seed):
    engine = random_book(seed)
    stored = export_state(engine)
    book = StressBook(engine)
    nothing = [Shock("EUR", PERCENT, 0.0), Shock("GBPUSD", ShockKind.CHANGE, 0.0)]
    result = stress(book, nothing)
    assert result.house == (0.0, 0.0, 0.0, 0.0, 0.0)
    assert result.accounts["equity_after"].equals(result.accounts["equity_before"])
    assert result.symbols["bid"].equals(result.symbols["bid_before"])
    stress(book, random_shocks(seed))
    for name, table in export_state(engine).tables.items():
        for column, values in table.items():
            np.testing.assert_array_equal(values, stored.tables[name][column])


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_add_up_and_no_deficit_is_negative(seed):
    book = StressBook(random_book(seed))
    shocks = random_shocks(seed)
    result = stress(book, shocks)
    house, accounts = result.house, result.accounts
    assert house.total_usd == house.a_usd + house.b_usd + house.hedge_usd
    assert accounts["house_a_usd"].sum() == pytest.approx(house.a_usd)
    assert accounts["house_b_usd"].sum() == pytest.approx(house.b_usd)
    assert (accounts["deficit"] >= 0.0).all()
    owed = np.maximum(-accounts["equity_after"].to_numpy(), 0.0)
    np.testing.assert_allclose(accounts["deficit"].to_numpy(), owed, atol=1e-6)
    assert house_loss_usd(book, shocks) == pytest.approx(-house.total_usd)
    line = stress_line(book, shocks)
    assert line.house == house
    assert line.stopped_out == accounts["stopped_out"].sum()
    assert line.deficits_usd == pytest.approx(accounts["deficit_usd"].sum())


def test_a_hedged_a_book_with_perfect_coverage_loses_deficits_only():
    accounts = [
        account(str(k), currency="CHF", balance=300.0 * k, leverage=500.0, book=Book.A)
        for k in range(1, 6)
    ]
    opened = [PositionRestored(1, one.login, "P", "EURCHF", "buy", 0.5, 1.2010) for one in accounts]
    book = desk(
        *opened, LpPositionRestored(1, "LP", "EURCHF", "buy", 2.5, 1.2010), accounts=accounts
    )
    for percent in (-20.0, -2.0, -0.4, 3.0):
        result = stress(book, [Shock("EURCHF", PERCENT, percent)])
        assert result.house.total_usd == pytest.approx(
            -result.accounts["deficit_usd"].sum(), abs=1e-9
        )


def test_against_a_client_the_house_gains_its_equity_at_most_and_loses_without_end():
    book = desk(
        PositionRestored(1, "1", "P", "USDCHF", "buy", 1.0, 1.02),
        accounts=[account("1", balance=2_000.0, leverage=200.0)],
    )
    gains = [stress(book, [Shock("USDCHF", PERCENT, size)]).house for size in (-1.0, -5.0, -9.0)]
    assert [round(one.b_usd, 6) for one in gains] == [round(1000.0 / 0.99, 6), 2000.0, 2000.0]
    assert gains[1].deficit_b_usd == pytest.approx(5000.0 / 0.95 - 2000.0)
    assert stress(book, [Shock("USDCHF", PERCENT, 25.0)]).house.b_usd == pytest.approx(-20_000.0)


def test_a_partly_hedged_client_s_deficit_is_shared_as_its_losses_are():
    # h = 0.4 of a loss of 18,100 CHF at 1.02 with equity 6,005 CHF: 12,095 are missing
    partly = account(
        "1", currency="CHF", balance=6_005.0, leverage=30.0, book=Book.C, hedge_ratio=0.4
    )
    book = desk(PositionRestored(1, "1", "P", "EURCHF", "buy", 1.0, 1.2010), accounts=[partly])
    house = stress(book, [Shock("EURCHF", ShockKind.PRICE, 1.02)]).house
    assert house.deficit_a_usd == pytest.approx(0.4 * 12_095.0 / 1.02)
    assert house.deficit_b_usd == pytest.approx(0.6 * 12_095.0 / 1.02)
    assert house.a_usd == pytest.approx(0.4 * 6_005.0 / 1.02)
    assert house.b_usd == pytest.approx(0.6 * 6_005.0 / 1.02)


def test_what_was_owed_before_the_shock_is_no_loss_of_the_shock():
    book = desk(
        PositionRestored(1, "1", "P", "USDCHF", "buy", 1.0, 1.02),
        accounts=[account("1", balance=-500.0)],
    )
    worse = stress(book, [Shock("USDCHF", PERCENT, -1.0)])
    assert worse.house.total_usd == pytest.approx(0.0, abs=1e-9)
    assert worse.accounts["deficit"].to_list() == [pytest.approx(500.0 + 1000.0 / 0.99)]
    better = stress(book, [Shock("USDCHF", PERCENT, 1.0)])
    # the client gains 990.10, of which 500 only pay what nobody would have paid
    assert better.house.total_usd == pytest.approx(-(1000.0 / 1.01 - 500.0))


@pytest.mark.parametrize(
    ("leverage", "deficit"), [(30.0, 12_095.00), (100.0, 16_298.50), (500.0, 17_739.70)]
)
def test_the_worked_figures_of_the_swiss_franc(leverage, deficit):
    equity = 1.5 * 120_100.0 / leverage
    client = account("1", currency="CHF", balance=equity, leverage=leverage)
    book = desk(PositionRestored(1, "1", "P", "EURCHF", "buy", 1.0, 1.2010), accounts=[client])
    (row,) = stress(book, [Shock("EURCHF", ShockKind.PRICE, 1.02)]).accounts.to_dicts()
    assert row["equity_before"] - row["equity_after"] == pytest.approx(18_100.0)
    assert row["deficit"] == pytest.approx(deficit, abs=1e-6)
    assert row["stopped_out"]
    assert row["margin_left"] == 0.0


def test_what_has_no_rate_is_named_and_not_hidden():
    client = account("1", currency="CHF", balance=100.0)
    opened = PositionRestored(1, "1", "P", "EURCHF", "buy", 1.0, 1.2010)
    book = desk(opened, accounts=[client], instruments=("EURCHF",))
    result = stress(book, [Shock("EURCHF", ShockKind.PRICE, 1.02)])
    assert result.notes == [
        "no rate to USD: EURCHF is in no USD figure",
        "no rate to USD: deficits of accounts (1) are in no USD figure",
    ]
    assert result.accounts["deficit"].to_list() == [pytest.approx(18_000.0)]
    assert result.accounts["deficit_usd"].to_list() == [None]


def test_positions_without_a_price_are_left_out_and_named():
    book = desk(
        PositionRestored(1, "1", "P", "EURUSD", "buy", 1.0, 1.1),
        accounts=[account("1")],
        instruments=("EURCHF", "USDCHF", "EURUSD"),
    )
    result = stress(book, [Shock("EURUSD", PERCENT, -5.0)])
    assert result.notes == [
        "EURUSD has no price: it does not move, and its positions are in no figure",
        "positions without a price or rate are left out (1): EURUSD",
    ]
    assert result.accounts["unpriced_positions"].to_list() == [1]
    assert result.accounts["equity_after"].to_list() == [10_000.0]
    priced = stress(book, [Shock("EURUSD", ShockKind.PRICE, 1.0)])
    assert priced.accounts["equity_after"].to_list() == [pytest.approx(0.0, abs=1e-6)]


def test_a_provider_s_position_without_a_price_is_named():
    held = LpPositionRestored(1, "LP", "EURUSD", "buy", 1.0, 1.1)
    book = desk(held, instruments=("EURCHF", "USDCHF", "EURUSD"))
    result = stress(book, [Shock("CHF", PERCENT, 5.0)])
    assert result.notes == ["providers' positions without a price are left out: EURUSD"]
    assert result.house.hedge_usd == 0.0


def test_an_empty_book_is_left_as_it_is():
    result = stress(StressBook(Desk().engine), [Shock("USD", PERCENT, 5.0)])
    assert result.house.total_usd == 0.0
    assert result.accounts.is_empty()
