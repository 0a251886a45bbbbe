"""Random days are repeatable and contain what they promise."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.oracle import book
from tests.oracle.days import write_day
from tests.oracle.listings import listings
from tests.oracle.referee import judge


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    directory = tmp_path_factory.mktemp("day")
    write_day(directory, seed=7, size=4_000, eventful=True)
    return directory


@pytest.fixture(scope="module")
def verdict(day):
    return judge(day)


def test_the_same_seed_writes_the_same_bytes(day, tmp_path):
    write_day(tmp_path, seed=7, size=4_000, eventful=True)
    written = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert written == {one.name: one.read_bytes() for one in day.iterdir()}


def test_every_calculation_mode_is_listed():
    modes = {one.calc_mode for one in listings()}
    assert modes == {"forex", "forex_no_leverage", "cfd", "cfd_leverage", "cfd_index", "futures"}


def test_a_day_has_every_kind_of_break(verdict):
    kinds = {one["kind"] for one in verdict["breaks"]}
    assert kinds == {
        "unknown_login",
        "unknown_symbol",
        "overclose",
        "bad_quote",
        "bad_deal",
        "bad_balance",
        "bad_action",
        "bad_tier",
        "no_rate",
        "profit_mismatch",
    }


def test_a_day_has_duplicates_late_quotes_and_odd_spreads(verdict):
    assert verdict["events"]["duplicates"] > 0
    assert verdict["events"]["out_of_order"] > 0
    assert sum(row["locked_quotes"] for row in verdict["exposure"]) > 0
    assert sum(row["crossed_quotes"] for row in verdict["exposure"]) > 0


def test_accounts_cross_every_threshold_and_some_come_back(verdict):
    crossed = Counter((one["login"], one["kind"]) for one in verdict["crossings"])
    assert {kind for _, kind in crossed} == {"margin_call", "stop_out", "negative_equity"}
    assert max(crossed.values()) > 1


def test_a_day_has_every_kind_of_action_for_clients_and_providers(day):
    rows = book.rows(day, "actions")
    kinds = {row["kind"] for row in rows}
    assert {"swap", "dividend", "adjustment", "split", "rename"} <= kinds
    assert {row["kind"] for row in rows if row["lp"]} >= {"swap", "dividend", "adjustment"}
    assert len({row["swap_mode"] for row in book.rows(day, "instruments")}) > 6


def test_leverage_depends_on_lots_for_some_accounts(day):
    known = book.instruments(day)
    tiers, _ = book.leverage_tiers(day, known)
    profiles = {one.leverage_profile for one in book.accounts(day).values()}
    assert profiles >= {profile for profile, _ in tiers}
    assert any(len(brackets) > 1 for brackets in tiers.values())


def test_a_day_earns_in_every_component_that_files_can_cause(verdict):
    earned = {row["component"] for row in verdict["revenue"] if row["amount_usd"]}
    assert earned == {
        "MARKUP", "COMMISSION", "SWAP_CLIENT", "BBOOK_PNL", "DIVIDEND_CLIENT", "CORPORATE_ACTION",
        "LP_PNL", "LP_COMMISSION", "SWAP_LP", "DIVIDEND_LP", "BONUS", "NBP_WRITE_OFF", "ADJUSTMENT",
    }  # fmt: skip


def test_most_deals_are_valid(day, verdict):
    deals = {row["deal_id"] for row in book.rows(day, "deals")}
    refused = {
        one["deal_id"]
        for one in verdict["breaks"]
        if one["deal_id"] in deals and one["kind"] != "profit_mismatch"
    }
    assert len(refused) < 0.3 * len(deals)


def test_some_positions_stay_without_a_price(verdict):
    unpriced = sum(row["unpriced_positions"] for row in verdict["exposure"])
    assert 0 < unpriced < sum(row["positions"] for row in verdict["exposure"]) / 2
