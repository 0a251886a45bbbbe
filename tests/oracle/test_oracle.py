"""The referee itself, against numbers published by platforms or computed by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracle.referee import judge

FOREX = "symbol,asset_class,base,quote,contract_size,digits,calc_mode,hedged_ratio"
ACCOUNT = "login,client_id,currency,balance,leverage,book,hedged_margin_mode,profit_conversion"
QUOTE = "ts_ms,symbol,bid,ask"
POSITION = "login,position_id,symbol,side,lots,open_price"
DEAL = "ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price,commission,swap,profit"
EURUSD = "EURUSD,fx,EUR,USD,100000,5,forex,0.5"
USD_ACCOUNT = "1,C1,USD,10000,100,B,,"


@pytest.fixture
def judged(tmp_path: Path):
    """Judge a book directory given as tables: a header and rows for each file."""

    def judge_tables(until_ms: Decimal | None = None, **tables: tuple[str, ...]):
        for name, lines in tables.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
        return judge(tmp_path, until_ms)

    return judge_tables


def money(value: Decimal) -> str:
    return f"{value:.2f}"


def test_mt4_hedged_margin_of_alpari_is_reproduced(judged):
    verdict = judged(
        instruments=(FOREX, "GBPUSD,fx,GBP,USD,100000,5,forex,1"),
        accounts=(ACCOUNT, "1,C1,USD,10000,500,B,mt4_average,"),
        quotes=(QUOTE, "1,GBPUSD,1.70400,1.70410"),
        positions=(
            POSITION,
            "1,a,GBPUSD,buy,0.5,1.70450",
            "1,b,GBPUSD,sell,0.8,1.70200",
            "1,c,GBPUSD,buy,1.4,1.70610",
        ),
    )
    published = Decimal("647.7442")  # with the average price rounded to 1.70459
    assert verdict["accounts"][0]["margin"] == pytest.approx(published, abs=Decimal("0.0005"))


def test_a_real_statement_of_audusd_gives_its_margin_and_floating_profit(judged):
    verdict = judged(
        instruments=(FOREX, "AUDUSD,fx,AUD,USD,100000,5,forex,0.5"),
        accounts=(ACCOUNT, "1,C1,USD,20000,20,B,,"),
        quotes=(QUOTE, "1,AUDUSD,0.65826,0.65836"),
        positions=(POSITION, "1,a,AUDUSD,sell,4.95,0.65877"),
    )
    account = verdict["accounts"][0]
    assert (money(account["margin"]), money(account["floating"])) == ("16304.56", "202.95")


def test_a_real_statement_of_usdcad_is_converted_at_the_closing_price(judged):
    verdict = judged(
        instruments=(FOREX, "USDCAD,fx,USD,CAD,100000,5,forex,0.5"),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,USDCAD,1.40000,1.40010"),
        positions=(POSITION, "1,a,USDCAD,sell,0.10,1.32428"),
        deals=(DEAL, "2,d1,1,a,USDCAD,buy,out,0.10,1.32506,,,"),
    )
    assert money(verdict["accounts"][0]["balance"] - 10_000) == "-5.89"


def test_a_closed_position_of_fxcm_earns_its_published_profit(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.12979,1.12980"),
        positions=(POSITION, "1,a,EURUSD,buy,0.1,1.06572"),
        deals=(DEAL, "2,d1,1,a,EURUSD,sell,out,0.1,1.12979,-0.8,-6.08,"),
    )
    assert money(verdict["accounts"][0]["balance"]) == "10633.82"
    assert money(Decimal("640.7") - Decimal("6.88")) == "633.82"
    assert money(verdict["house"]["realised_usd"]) == "-633.82"


def test_the_golden_trade_leaves_the_client_with_77_80(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.10000,1.10002", "3,EURUSD,1.10100,1.10102"),
        deals=(
            DEAL,
            "2,d1,1,a,EURUSD,buy,in,1,1.10006,-6,,",
            "4,d2,1,a,EURUSD,sell,out,1,1.10097,,-7.20,",
        ),
    )
    assert verdict["accounts"][0]["balance"] == Decimal("10077.80")


@pytest.mark.parametrize(
    ("mode", "margin"),
    [
        ("net_plus_hedged", 1 * 1300 + 2 * 0.25 * 1260),
        ("mt4_average", (1 + 2 * 0.25) * 1260),
        ("larger_leg", 3 * 1300),
        ("sum", 3 * 1300 + 2 * 1200),
        ("net", 1 * 1300),
    ],
)
def test_each_hedged_margin_mode_charges_its_own_way(judged, mode, margin):
    verdict = judged(
        instruments=(FOREX, "EURUSD,fx,EUR,USD,100000,5,forex,0.25"),
        accounts=(ACCOUNT, f"1,C1,USD,10000,100,B,{mode},"),
        quotes=(QUOTE, "1,EURUSD,1.2,1.2"),
        positions=(POSITION, "1,a,EURUSD,buy,3,1.3", "1,b,EURUSD,sell,2,1.2"),
    )
    assert verdict["accounts"][0]["margin"] == Decimal(str(margin))


@pytest.mark.parametrize(
    ("conversion", "currency", "floating"),
    [
        ("close_price", "EUR", Decimal(200) / Decimal("1.302")),
        ("market", "EUR", Decimal(200) / Decimal("1.304")),
        ("mid", "EUR", Decimal(200) / Decimal("1.303")),
        ("close_price", "GBP", Decimal(200) / Decimal("1.61")),
        ("market", "GBP", Decimal(200) / Decimal("1.62")),
        ("market", "CHF", Decimal(200) * Decimal("0.88")),
        ("mid", "CHF", Decimal(200) * Decimal("0.89")),
    ],
)
def test_each_conversion_mode_reads_its_own_side_of_the_rate(
    judged, conversion, currency, floating
):
    verdict = judged(
        instruments=(
            FOREX,
            "EURUSD.pro,fx,EUR,USD,100000,5,forex,0.5",
            EURUSD,
            "GBPUSD.a,fx,GBP,USD,100000,5,forex,0.5",
            "GBPUSD.b,fx,GBP,USD,100000,5,forex,0.5",
            "USDCHF,fx,USD,CHF,100000,5,forex,0.5",
        ),
        accounts=(ACCOUNT, f"1,C1,{currency},10000,100,B,,{conversion}"),
        quotes=(
            QUOTE,
            "1,EURUSD.pro,1.2,1.3",
            "1,EURUSD,1.302,1.304",
            "1,GBPUSD.b,1.5,1.5",
            "1,GBPUSD.a,1.60,1.62",
            "1,USDCHF,0.88,0.90",
        ),
        positions=(POSITION, "1,a,EURUSD,buy,1,1.300"),
    )
    assert verdict["accounts"][0]["floating"] == pytest.approx(floating, rel=Decimal("1e-30"))


@pytest.mark.parametrize(
    ("terms", "open_price", "currency", "margin"),
    [
        ("X,fx,EUR,USD,100000,5,forex,,,,,0.5,", "1.3", "USD", "650"),
        ("X,fx,EUR,USD,100000,5,forex,,,,,0.5,", "1.3", "EUR", "500"),
        ("X,fx,EUR,USD,100000,5,forex,,,,,0.5,40", "1.3", "EUR", "1250"),
        ("X,fx,EUR,USD,100000,5,forex_no_leverage,,,,,0.01,", "1.3", "EUR", "1000"),
        ("X,share,USD,USD,100,2,cfd,,,,,0.2,", "500", "USD", "10000"),
        ("X,metal,XAU,USD,100,2,cfd_leverage,,,,,1,", "1300", "USD", "1300"),
        ("X,fx,EUR,USD,100000,5,cfd_leverage,,,,,1,", "1.3", "EUR", "1000"),
        ("X,energy,XTI,USD,1000,2,cfd_leverage,,,,,1,", "-20", "USD", "200"),
        ("X,index,USD,USD,10,2,cfd_index,,0.25,2.5,,0.01,", "2000", "USD", "2000"),
        ("X,index,USD,USD,50,2,futures,,0.25,12.5,4500,0.5,", "2000", "USD", "2250"),
        ("X,index,JPY,JPY,50,2,futures,USD,0.25,12.5,4500,0.5,", "2000", "USD", "2250"),
        ("X,index,USD,USD,50,2,futures,,0.25,12.5,4500,1,", "2000", "GBP", "2250"),
    ],
)
def test_each_calculation_mode_has_its_margin(judged, terms, open_price, currency, margin):
    header = (
        "symbol,asset_class,base,quote,contract_size,digits,calc_mode,"
        "margin_currency,tick_size,tick_value,initial_margin,margin_rate,max_leverage"
    )
    verdict = judged(
        instruments=(header, terms, "GBPUSD,fx,GBP,USD,100000,5,forex,,,,,,"),
        accounts=(ACCOUNT, f"1,C1,{currency},10000,100,B,,"),
        quotes=(QUOTE, "1,GBPUSD,2,2"),
        positions=(POSITION, f"1,a,X,sell,1,{open_price}"),
    )
    assert verdict["accounts"][0]["margin"] == Decimal(margin)


def test_a_crossing_fires_once_and_again_only_after_five_points(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, "1,C1,USD,1300,100,B,,"),
        quotes=(
            QUOTE,
            "1,EURUSD,1.3,1.3",
            "2,EURUSD,1.3005,1.3005",
            "3,EURUSD,1.3,1.3",
            "4,EURUSD,1.30066,1.30066",
            "5,EURUSD,1.2935,1.2935",
            "6,EURUSD,1.2,1.2",
        ),
        positions=(POSITION, "1,a,EURUSD,buy,1,1.3"),
    )
    assert [(one["ts_ms"], one["kind"]) for one in verdict["crossings"]] == [
        (1, "margin_call"),
        (5, "margin_call"),
        (5, "stop_out"),
        (6, "negative_equity"),
    ]


def test_events_of_one_instant_happen_in_the_order_of_the_contract(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, "1,C1,USD,10000,100,B,,"),
        quotes=(QUOTE, "5,EURUSD,1.3,1.3"),
        books=("ts_ms,login,book,hedge_ratio", "5,1,C,0.25"),
        deals=(DEAL, "5,d1,1,a,EURUSD,buy,in,1,1.3,,,", "4,d2,1,b,EURUSD,buy,in,1,1.3,,,"),
        hedges=("ts_ms,deal_id,lp,symbol,side,lots,price", "5,h1,LP,EURUSD,buy,0.5,1.3"),
    )
    row = verdict["exposure"][0]
    assert row["client_long_lots_c"] == 2
    assert (row["coverage_ratio"], row["uncovered_lots"]) == (1, 0)
    assert verdict["as_of_ms"] == 5


def test_a_refused_deal_may_come_again_and_an_applied_one_is_a_duplicate(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.3,1.3"),
        deals=(
            DEAL,
            "2,d1,1,a,EURUSD,sell,out,1,1.3,,,",
            "3,d1,1,a,EURUSD,buy,in,1,1.3,,,",
            "4,d1,1,a,EURUSD,buy,in,1,1.3,,,",
            "5,d2,1,a,EURUSD,sell,out,1,1.31,,,999",
        ),
    )
    assert [(one["kind"], one["ts_ms"]) for one in verdict["breaks"]] == [
        ("overclose", 2),
        ("profit_mismatch", 5),
    ]
    assert verdict["accounts"][0]["balance"] == 10_999
    assert (verdict["events"]["duplicates"], verdict["events"]["quarantined"]) == (1, 1)


def test_a_margin_without_a_rate_is_fixed_by_the_first_quote_that_gives_one(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD, "GBPUSD,fx,GBP,USD,100000,5,forex,0.5"),
        accounts=(ACCOUNT, "1,C1,GBP,100,100,B,,"),
        quotes=(QUOTE, "1,EURUSD,1.3,1.3", "2,GBPUSD,1.6,1.6", "3,GBPUSD,1.3,1.3"),
        positions=(POSITION, "1,a,EURUSD,buy,1,1.3"),
    )
    assert verdict["accounts"][0]["margin"] == Decimal("812.5")
    assert [(one["ts_ms"], one["kind"]) for one in verdict["crossings"]] == [
        (2, "margin_call"),
        (2, "stop_out"),
    ]


def test_the_currency_view_sums_to_zero_in_usd(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD, "XAUUSD,metal,XAU,USD,100,2,cfd_leverage,0.5"),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.3,1.3", "2,XAUUSD,1300,1302"),
        positions=(POSITION, "1,a,EURUSD,buy,1,1.2", "1,b,XAUUSD,sell,2,1290"),
    )
    rows = {one["currency"]: one for one in verdict["currencies"]}
    assert rows["EUR"]["house_net"] == -100_000
    assert rows["XAU"]["house_net_usd"] == 200 * 1301
    assert sum(one["house_net_usd"] for one in rows.values()) == 0


def test_a_provider_position_is_netted_at_average_cost_and_flips(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.3,1.4"),
        lp_positions=("lp,symbol,side,lots,price", "LP,EURUSD,buy,1,1.2"),
        hedges=(
            "ts_ms,deal_id,lp,symbol,side,lots,price,commission",
            "2,h1,LP,EURUSD,buy,1,1.3,-1",
            "3,h2,LP,EURUSD,sell,3,1.35,",
        ),
    )
    assert verdict["house"]["realised_usd"] == Decimal("0.10") * 200_000 - 1
    assert verdict["house"]["lp_floating_usd"] == Decimal("-0.05") * 100_000
    assert verdict["exposure"][0]["lp_net_lots"] == -1


def test_until_stops_after_the_events_of_that_instant(judged):
    verdict = judged(
        Decimal(2),
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.1,1.2", "2,EURUSD,1.2,1.3", "3,EURUSD,1.3,1.4"),
    )
    assert (verdict["exposure"][0]["bid"], verdict["as_of_ms"]) == (Decimal("1.2"), 2)


TIERS = "profile,symbol,upper_lots,leverage"
TIERED = f"{ACCOUNT},leverage_profile,credit_mode,credit"
QUALITY_FX = tuple(
    f"P,GBPUSD,{upper},{leverage}"
    for upper, leverage in zip(
        ("5", "10", "20", "50", "100", ""), (2000, 1000, 500, 200, 100, 50), strict=True
    )
)


@pytest.mark.parametrize(
    ("lots", "margin"),
    [(5, "344.04"), (10, "1032.11"), (20, "3784.41"), (50, "24426.66"), (100, "93234.16"),
     (110, "120757.16")],
)  # fmt: skip
def test_the_published_example_of_dynamic_leverage_is_reproduced(judged, lots, margin):
    verdict = judged(
        instruments=(FOREX, "GBPUSD,fx,GBP,USD,100000,5,forex,0.5"),
        accounts=(TIERED, "1,C1,USD,1000000,2000,B,,,P,,"),
        leverage_tiers=(TIERS, *QUALITY_FX),
        quotes=(QUOTE, "1,GBPUSD,1.37615,1.37615"),
        positions=(POSITION, f"1,a,GBPUSD,buy,{lots},1.37615"),
    )
    assert abs(verdict["accounts"][0]["margin"] - Decimal(margin)) <= Decimal("0.01")


def test_a_lower_account_leverage_wins_in_every_bracket(judged):
    verdict = judged(
        instruments=(FOREX, "GBPUSD,fx,GBP,USD,100000,5,forex,0.5"),
        accounts=(TIERED, "1,C1,USD,1000000,100,B,,,P,,"),
        leverage_tiers=(TIERS, "P,GBPUSD,1,500", "P,GBPUSD,2,50", "P,GBPUSD,0.5,1"),
        quotes=(QUOTE, "1,GBPUSD,2,2"),
        positions=(POSITION, "1,a,GBPUSD,buy,3,2"),
    )
    expected = 200_000 * (Decimal(1) / 100 + Decimal(2) / 50)
    assert verdict["accounts"][0]["margin"] == pytest.approx(expected, rel=Decimal("1e-30"))
    assert [one["kind"] for one in verdict["breaks"]] == ["bad_tier"]


@pytest.mark.parametrize(
    ("mode", "margin"),
    [
        ("sum", 1500 + 500), ("larger_leg", 1500), ("net", 1500 / 2),
        ("net_plus_hedged", 1500 / 2 + 0.5 * 2000 / 3), ("mt4_average", 1.5 * 2000 / 3),
    ],
)  # fmt: skip
def test_legs_with_brackets_are_netted_by_the_hedged_margin_mode(judged, mode, margin):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(TIERED, f"1,C1,EUR,1000000,500,B,{mode},,P,,"),
        leverage_tiers=(TIERS, "P,EURUSD,1,200", "P,EURUSD,,100"),
        quotes=(QUOTE, "1,EURUSD,1.3,1.3"),
        positions=(POSITION, "1,a,EURUSD,buy,2,1.3", "1,b,EURUSD,sell,1,1.3"),
    )
    assert float(verdict["accounts"][0]["margin"]) == pytest.approx(margin, rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "equity"), [("in_equity", 10_300), ("excluded", 10_000), ("", 10_300)]
)
def test_excluded_credit_is_shown_and_carries_nothing(judged, mode, equity):
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(TIERED, f"1,C1,USD,10000,100,B,,,,{mode},300"),
        quotes=(QUOTE, "1,EURUSD,1.3,1.3"),
    )
    account = verdict["accounts"][0]
    assert (account["credit"], account["equity"]) == (300, equity)


SWAPPED = f"{FOREX},swap_mode,swap_long,swap_short"
ACTION = "ts_ms,kind,symbol,value,long_value,short_value,lp"
ONE_LOT = (POSITION, "1,a,EURUSD,buy,1,1.25", "1,b,EURUSD,sell,2,1.25")
YEAR = Decimal(360)


@pytest.mark.parametrize(
    ("mode", "long", "short", "swap"),
    [
        ("points", "-13.472", "0", "-13.472"),
        ("points", "0", "2.5", "5"),
        ("profit_currency", "-11.3195", "0", "-11.3195"),
        ("deposit_currency", "-3", "1", "-1"),
        ("base_currency", "-3", "1", "-1.3"),
        ("margin_currency", "-3", "1", "-1.3"),
        ("interest_open", "-3.6", "0", "-12.5"),
        ("interest_current", "-3.6", "0", "-12.9"),
        ("interest_current", "0", "3.6", "26.2"),
        ("disabled", "-3", "1", "0"),
    ],
)  # fmt: skip
def test_each_swap_mode_accrues_in_its_own_unit(judged, mode, long, short, swap):
    before, after = (
        judged(
            instruments=(SWAPPED, f"{EURUSD},{mode},{long},{short}"),
            accounts=(ACCOUNT, USD_ACCOUNT),
            quotes=(QUOTE, "1,EURUSD,1.29,1.31"),
            positions=ONE_LOT,
            actions=(ACTION, *rows),
        )
        for rows in ((), ("2,swap,EURUSD,1,,,",))
    )
    figures = [one["accounts"][0]["floating"] for one in (before, after)]
    assert figures[1] - figures[0] == Decimal(swap)
    earned = {one["component"]: one["amount_usd"] for one in after["revenue"]}
    assert earned.get("SWAP_CLIENT", 0) == -Decimal(swap)


@pytest.mark.parametrize("mode", ["reopen_current", "reopen_bid"])
def test_a_reopened_position_pays_in_its_open_price(judged, mode):
    verdict = judged(
        instruments=(SWAPPED, f"{EURUSD},{mode},-7.2,2.4"),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.25,1.25"),
        positions=ONE_LOT,
        actions=(ACTION, "2,swap,EURUSD,3,,,"),
    )
    row = verdict["exposure"][0]
    assert (row["vwap_long"], row["vwap_short"]) == (Decimal("1.250216"), Decimal("1.250072"))
    assert verdict["accounts"][0]["floating"] == Decimal("-7.2") * 3 + 2 * Decimal("2.4") * 3


def test_a_deal_pays_what_a_rollover_accrued_and_only_the_rest_is_new(judged):
    verdict = judged(
        instruments=(SWAPPED, f"{EURUSD},points,-7.2,0"),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.25,1.25"),
        positions=(POSITION, "1,a,EURUSD,buy,2,1.25"),
        actions=(ACTION, "2,swap,EURUSD,1,,,"),
        deals=(DEAL, "3,d1,1,a,EURUSD,sell,out,1,1.25,,-7.50,"),
    )
    account = verdict["accounts"][0]
    assert (account["balance"], account["floating"]) == (Decimal("9992.50"), Decimal("-7.2"))
    (swap,) = [one for one in verdict["revenue"] if one["component"] == "SWAP_CLIENT"]
    assert swap["amount_usd"] == Decimal("14.4") + Decimal("0.3")


def test_a_dividend_pays_longs_their_net_and_charges_shorts_in_full(judged):
    verdict = judged(
        instruments=(FOREX, "AAPL,share,USD,USD,1,2,cfd,0"),
        accounts=(ACCOUNT, USD_ACCOUNT, "2,C2,USD,10000,100,A,,"),
        quotes=(QUOTE, "1,AAPL,500,500"),
        positions=(POSITION, "1,a,AAPL,buy,100,500", "2,b,AAPL,sell,100,500"),
        lp_positions=("lp,symbol,side,lots,price", "LP,AAPL,sell,40,500"),
        actions=(ACTION, "2,dividend,AAPL,0.25,0.2125,,", "2,dividend,AAPL,0.25,,,LP"),
    )
    balances = [one["balance"] - 10_000 for one in verdict["accounts"]]
    assert balances == [Decimal("21.25"), Decimal("-25.00")]
    earned = {(one["component"], one["book"]): one["amount_usd"] for one in verdict["revenue"]}
    assert earned == {
        ("DIVIDEND_CLIENT", "B"): Decimal("-21.25"),
        ("DIVIDEND_CLIENT", "A"): 25,
        ("DIVIDEND_LP", "A"): -10,
    }
    assert verdict["house"]["realised_usd"] == Decimal("-6.25")


def test_a_split_changes_units_and_nothing_else(judged):
    tables = {
        "instruments": (FOREX, "AAPL,share,USD,USD,1,2,cfd,0"),
        "accounts": (ACCOUNT, USD_ACCOUNT),
        "quotes": (QUOTE, "1,AAPL,520,521"),
        "positions": (POSITION, "1,a,AAPL,buy,100,500"),
        "lp_positions": ("lp,symbol,side,lots,price", "LP,AAPL,buy,40,505"),
    }
    before = judged(**tables)
    after = judged(**tables, actions=(ACTION, "2,split,AAPL,4,,,"))
    assert after["accounts"] == before["accounts"]
    assert after["house"] == before["house"]
    row = after["exposure"][0]
    assert (row["bid"], row["client_long_lots"], row["lp_net_lots"]) == (130, 400, 160)
    assert (row["vwap_long"], row["house_net_usd"]) == (125, before["exposure"][0]["house_net_usd"])


def test_a_renamed_symbol_goes_on_under_its_new_name_only(judged):
    verdict = judged(
        instruments=(FOREX, EURUSD, "GBPUSD,fx,GBP,USD,100000,5,forex,0.5"),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.25,1.25", "3,EURUSD,1.3,1.3", "3,EURUSD.new,1.26,1.26"),
        positions=(POSITION, "1,a,EURUSD,buy,1,1.25"),
        actions=(
            ACTION,
            "2,rename,EURUSD,GBPUSD,,,",
            "2,rename,EURUSD,EURUSD.new,,,",
            "2,rename,EURUSD,EURUSD.newer,,,",
        ),
        deals=(DEAL, "3,d1,1,a,EURUSD.new,sell,out,1,1.26,,,"),
    )
    assert [one["symbol"] for one in verdict["exposure"]] == ["EURUSD.new", "GBPUSD"]
    kinds = ["bad_action", "unknown_symbol", "unknown_symbol"]
    assert [one["kind"] for one in verdict["breaks"]] == kinds
    assert verdict["accounts"][0]["balance"] == 11_000


RAW = f"{DEAL},raw_price"


@pytest.mark.parametrize(("hedged", "total"), [("0", "-77.80"), ("1", "12.70"), ("0.4", "-41.60")])
def test_the_golden_trade_earns_its_published_revenue(judged, hedged, total):
    part = Decimal(hedged)
    hedges = (
        "ts_ms,deal_id,lp,symbol,side,lots,price,commission,swap",
        f"2,h1,LP,EURUSD,buy,{part},1.10002,,",
        f"4,h2,LP,EURUSD,sell,{part},1.10100,{-part * Decimal('2.5')},{-part * 5}",
    )
    verdict = judged(
        instruments=(FOREX, EURUSD),
        accounts=(ACCOUNT, USD_ACCOUNT),
        quotes=(QUOTE, "1,EURUSD,1.10000,1.10002", "3,EURUSD,1.10100,1.10102"),
        deals=(
            RAW,
            "2,d1,1,a,EURUSD,buy,in,1,1.10006,,,,1.10002",
            "4,d2,1,a,EURUSD,sell,out,1,1.10097,-6,-7.20,,1.10100",
        ),
        hedges=hedges if part else hedges[:1],
    )
    amounts = {one["component"]: one["amount_usd"] for one in verdict["revenue"]}
    assert sum(amounts.values()) == Decimal(total)
    clients = {name: amounts[name] for name in ("MARKUP", "COMMISSION", "SWAP_CLIENT", "BBOOK_PNL")}
    assert list(clients.values()) == [7, 6, Decimal("7.2"), -98]


def test_facts_wait_for_a_rate_and_are_booked_when_it_comes(judged):
    tables = {
        "instruments": (FOREX, EURUSD, "GBPUSD,fx,GBP,USD,100000,5,forex,0.5"),
        "accounts": (ACCOUNT, "1,C1,GBP,10000,100,B,,"),
        "balances": ("ts_ms,login,kind,amount", "2,1,bonus,100"),
    }
    waiting = judged(**tables, quotes=(QUOTE, "1,EURUSD,1.3,1.3"))
    assert waiting["revenue"] == []
    booked = judged(**tables, quotes=(QUOTE, "1,EURUSD,1.3,1.3", "3,GBPUSD,1.6,1.6"))
    (row,) = booked["revenue"]
    assert (row["component"], row["symbol"], row["amount_usd"]) == ("BONUS", "", -160)
