"""Rows of every view add up to one total, and mean what they say."""

import numpy as np
import polars as pl
import pytest

from dealing.desk.rows import FILTERS, View, book, display_in, net_open_position
from exposure.snapshot import CurrencyRow

ADDED = [f"{what}_{chosen}" for what in ("client_value", "house_value", "gross_value")
         for chosen in FILTERS]  # fmt: skip
VIEWS = (View.SYMBOL, View.UNDERLYING, View.ASSET_CLASS)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("column", [*ADDED, "house_floating_all", "positions", "lp_lots"])
def test_every_view_adds_up_to_the_same_total(rows, view, column):
    total = rows.total.columns[column][0]
    assert np.nansum(rows.views[view].columns[column]) == pytest.approx(total, rel=1e-12, abs=1e-6)


@pytest.mark.parametrize("view", VIEWS)
def test_parts_of_the_var_add_up_to_it_in_every_view(rows, snapshot, view):
    assert snapshot.risk.var_usd > 0.0
    parts = rows.views[view].columns["var_value"]
    assert np.nansum(parts) == pytest.approx(snapshot.risk.var_usd)
    assert rows.total.columns["var_value"][0] == pytest.approx(snapshot.risk.var_usd)


def test_parts_of_the_var_are_in_the_desks_currency(snapshot):
    in_euro = book(snapshot, "EUR")
    whole = snapshot.risk.var_usd * in_euro.display.per_usd
    assert in_euro.total.columns["var_value"][0] == pytest.approx(whole)


def test_the_symbol_view_says_what_the_engine_said(rows, snapshot):
    columns, exposure = rows.views[View.SYMBOL].columns, snapshot.exposure
    assert rows.views[View.SYMBOL].names == exposure["symbol"].to_list()
    for ours, theirs in [
        ("house_value_all", "house_net_usd"),
        ("gross_value_all", "gross_usd"),
        ("house_lots_all", "house_net_lots"),
        ("client_floating_all", "client_floating_usd"),
        ("var_value", "var_contribution_usd"),
    ]:
        expected = exposure[theirs].fill_null(np.nan).to_numpy()
        assert np.allclose(columns[ours], expected, equal_nan=True, rtol=1e-12, atol=1e-6)


def test_the_house_is_the_other_side_of_its_clients_and_its_providers(rows):
    columns = rows.total.columns
    assert columns["house_lots_all"] == pytest.approx(
        -columns["client_lots_all"] + columns["lp_lots"]
    )


def test_books_add_up_to_the_whole(rows):
    columns = rows.total.columns
    for what in ("client_value", "house_value", "gross_value", "long_lots"):
        parts = sum(columns[f"{what}_{b}"][0] for b in "abc")
        assert parts == pytest.approx(columns[f"{what}_all"][0])


def test_floating_profit_of_a_and_b_adds_up_to_the_house(rows):
    columns = rows.total.columns
    both = columns["house_floating_a"] + columns["house_floating_b"]
    assert both == pytest.approx(columns["house_floating_all"], abs=1e-6)


def test_an_underlying_nets_its_symbols(snapshot):
    twin = snapshot.exposure.filter(pl.col("symbol") == "EURUSD").with_columns(
        pl.lit("AAAA").alias("symbol"), (-pl.col("meant_lots")).alias("meant_lots"),
        pl.lit(0.0).alias("lp_net_lots"), (-pl.col("meant_lots")).alias("uncovered_lots"),
    )  # fmt: skip
    only = pl.concat([twin, snapshot.exposure.filter(pl.col("symbol") == "EURUSD")])
    views = book(type(snapshot)(**_fields(snapshot) | {"exposure": only}), "USD").views
    symbols, underlyings = views[View.SYMBOL].columns, views[View.UNDERLYING].columns
    assert views[View.UNDERLYING].members == [["EURUSD", "AAAA"]]
    assert underlyings["bid"][0] == symbols["bid"][1]
    # the twins are meant to cancel out: what is left uncovered is what the provider holds
    assert underlyings["uncovered_value"][0] == pytest.approx(abs(symbols["lp_value"][1]))
    assert np.isnan(underlyings["top_share"][0])


def test_a_long_in_one_underlying_never_hides_a_hole_in_another(rows):
    underlyings, total = rows.views[View.UNDERLYING].columns, rows.total.columns
    assert total["uncovered_value"][0] == pytest.approx(np.nansum(underlyings["uncovered_value"]))
    assert total["limit_used"][0] == np.nanmax(underlyings["limit_used"])


def test_currencies_add_up_to_nothing_but_the_triangles(rows):
    held = rows.views[View.CURRENCY].columns["house_value_all"]
    assert abs(np.nansum(held)) < 1e-3 * np.nansum(np.abs(held))


def test_a_row_without_a_price_is_unknown_and_in_no_sum(snapshot):
    blind = snapshot.exposure.with_columns(
        [
            pl.when(pl.col("symbol") == "EURUSD").then(None).otherwise(pl.col(name)).alias(name)
            for name in ("bid", "ask", "mid", "gross_usd", "house_net_usd", "client_floating_usd")
        ]
    )
    seen = book(type(snapshot)(**_fields(snapshot) | {"exposure": blind}), "USD")
    at = seen.views[View.SYMBOL].names.index("EURUSD")
    assert np.isnan(seen.views[View.SYMBOL].columns["house_value_all"][at])
    rest = snapshot.exposure.filter(pl.col("symbol") != "EURUSD")["gross_usd"].sum()
    assert seen.total.columns["gross_value_all"][0] == pytest.approx(rest)


def test_money_is_shown_in_the_reporting_currency(snapshot):
    mid = snapshot.exposure.filter(pl.col("symbol") == "EURUSD")["mid"][0]
    usd, eur = book(snapshot, "USD"), book(snapshot, "EUR")
    assert eur.display == ("EUR", pytest.approx(1 / mid))
    ratio = eur.total.columns["gross_value_all"] / usd.total.columns["gross_value_all"]
    assert ratio == pytest.approx(1 / mid)
    assert eur.nop == pytest.approx(usd.nop / mid)


def test_a_currency_quoted_per_dollar_is_not_inverted(snapshot):
    mid = snapshot.exposure.filter(pl.col("symbol") == "USDJPY")["mid"][0]
    assert display_in("JPY", snapshot.exposure) == ("JPY", mid)


def test_a_reporting_currency_without_a_price_stays_in_dollars(snapshot):
    assert display_in("XYZ", snapshot.exposure) == ("USD", 1.0)


def test_the_net_open_position_is_the_larger_side_without_the_dollar():
    held = [("EUR", 100.0), ("JPY", -140.0), ("GBP", 30.0), ("USD", 10.0), ("XAU", None)]
    assert net_open_position([CurrencyRow(c, 0.0, usd) for c, usd in held]) == 140.0


def test_a_desk_without_instruments_has_empty_views(snapshot):
    nothing = book(type(snapshot)(**_fields(snapshot) | {"exposure": snapshot.exposure.clear(),
                                                         "currencies": []}), "USD")  # fmt: skip
    assert all(rows.names == [] for rows in nothing.views.values())
    assert nothing.nop == 0.0


def _fields(snapshot):
    return {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
