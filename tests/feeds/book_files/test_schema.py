"""The table of semantics.md section 9, as the model says it."""

from __future__ import annotations

import pytest

from feeds.book_files.schema import (
    COUNTED_FILES,
    EVENT_FILES,
    FILE_NAMES,
    QUOTES,
    REFERENCE_QUOTES,
    STATIC_FILES,
    Kind,
)

FILES = {file.name: file for file in (*STATIC_FILES, QUOTES, REFERENCE_QUOTES, *EVENT_FILES)}

REQUIRED = {
    "instruments": "symbol asset_class base quote contract_size digits calc_mode",
    "accounts": "login client_id currency balance leverage book",
    "quotes": "ts_ms symbol bid ask",
    "reference_quotes": "ts_ms symbol bid ask",
    "deals": "ts_ms deal_id login position_id symbol side entry lots price",
    "balances": "ts_ms login kind amount",
    "hedges": "ts_ms deal_id lp symbol side lots price",
    "books": "ts_ms login book",
    "positions": "login position_id symbol side lots open_price",
    "lp_positions": "lp symbol side lots price",
    "leverage_tiers": "profile symbol upper_lots leverage",
    "actions": "ts_ms kind symbol value",
}
OPTIONAL = {
    "instruments": "underlying margin_currency margin_rate tick_size tick_value initial_margin "
    "hedged_ratio max_leverage swap_mode swap_long swap_short triple_swap_day markup_points "
    "stale_after_ms limit_usd allow_negative",
    "accounts": "credit hedge_ratio group margin_call_level stop_out_level hedged_margin_mode "
    "profit_conversion credit_mode leverage_profile region category ib_code country",
    "quotes": "source bid_size ask_size",
    "deals": "commission swap profit raw_price reason reference_mid",
    "reference_quotes": "source bid_size ask_size",
    "balances": "",
    "hedges": "commission swap",
    "books": "hedge_ratio symbol",
    "positions": "open_ts_ms swap hedge_ratio margin_per_lot",
    "lp_positions": "",
    "leverage_tiers": "",
    "actions": "long_value short_value lp",
}
DEFAULTS = {
    ("instruments", "margin_rate"): 1.0,
    ("instruments", "hedged_ratio"): 0.5,
    ("accounts", "credit"): 0.0,
    ("accounts", "margin_call_level"): 100.0,
    ("accounts", "stop_out_level"): 50.0,
    ("accounts", "hedged_margin_mode"): "net_plus_hedged",
    ("accounts", "profit_conversion"): "close_price",
    ("deals", "commission"): 0.0,
    ("deals", "swap"): 0.0,
    ("deals", "profit"): None,
    ("hedges", "commission"): 0.0,
    ("positions", "swap"): 0.0,
    ("books", "hedge_ratio"): None,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_exactly_the_columns_of_the_contract(name):
    columns = FILES[name].columns
    assert [c.name for c in columns if c.required] == REQUIRED[name].split()
    optional = {c.name for c in columns if not c.required} | set(FILES[name].unused)
    assert optional == set(OPTIONAL[name].split())


@pytest.mark.parametrize(("name", "column"), DEFAULTS)
def test_an_optional_column_has_the_default_of_the_contract(name, column):
    found = next(c for c in FILES[name].columns if c.name == column)
    assert found.default == DEFAULTS[name, column]


def test_every_file_of_the_table_is_read_or_counted():
    assert sorted(FILE_NAMES) == sorted([*FILES, *(file.name for file in COUNTED_FILES)])


def test_only_what_happens_at_a_moment_has_a_time():
    timed = {name for name, file in FILES.items() if file.columns[0].kind is Kind.TIME}
    assert timed == {
        "quotes", "reference_quotes", "deals", "balances", "hedges", "books", "actions",
    }  # fmt: skip
