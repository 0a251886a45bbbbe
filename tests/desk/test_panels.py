"""What each panel says about a frame, without a browser."""

from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace as replaced

from dealing.desk import formats
from dealing.desk.columns import EXPOSURE_COLUMNS, LIMIT_COLUMNS, MARGIN_COLUMNS, column_defs
from dealing.desk.history import History
from dealing.desk.panels import crossings, limits, margin, pnl, strip, system, tiles
from dealing.desk.rows import Display, View
from exposure.crossings import KINDS as ENGINE_KINDS
from exposure.limits import Scope, Severity
from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from tests.desk.scripted_book import START

DAY = formats.ServerDay(ZoneInfo("America/New_York"), 17)
USD = Display("USD", 1.0)


def accounts(*levels):
    return pl.DataFrame(
        {
            "login": [str(k) for k in range(len(levels))],
            "client_id": "C1",
            "book": "B",
            "currency": "USD",
            "equity": [-1.0 if level is not None and level < 0 else 1.0 for level in levels],
            "floating": 0.0,
            "margin": 1.0,
            "free_margin": 0.0,
            "margin_level": pl.Series(levels, dtype=pl.Float64),
        }
    )


def test_tiles_reconcile_with_the_total_row(snapshot, rows):
    figures = tiles.view(snapshot, rows, day_start=0)
    assert figures["net_house_all"] == pytest.approx(snapshot.exposure["house_net_usd"].sum())
    assert figures["gross_all"] == rows.total.columns["gross_value_all"][0]
    assert figures["house_floating"] == pytest.approx(rows.total.columns["house_floating_all"][0])


def test_every_figure_a_tile_can_ask_for_exists(snapshot, rows):
    figures = tiles.view(snapshot, rows, day_start=0)
    for tile in tiles.TILES:
        for side in ("house", "client"):
            for book in ("all", "a", "b", "c"):
                assert tile.figure.format(side=side, book=book) in figures
        assert {key for _, key in tile.parts} <= set(figures)


def test_only_crossings_of_the_server_day_count_as_today(snapshot, rows):
    today = DAY.start(START)
    crossed = [
        MarginLevelCrossed(ts, position, "1", kind, 40.0)
        for position, (ts, kind) in enumerate(
            [(today - 1, "stop_out"), (today, "stop_out"), (today + 5, "margin_call")]
        )
    ]
    told = type(snapshot)(
        **{name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
        | {"crossings": crossed}
    )
    figures = tiles.view(told, rows, today)
    assert (figures["stop_outs"], figures["margin_calls"]) == (1.0, 1.0)


def test_breaches_of_the_server_day_and_limits_over_are_counted(snapshot, rows):
    yesterday = LimitBreached(DAY.start(START) - 1, 1, "symbol", "X", "hard", 2.0, 1.0)
    over = snapshot.limits.with_columns(pl.lit("hard").alias("severity"))
    told = replaced(snapshot, breaches=[yesterday, breach()], limits=over)
    figures = tiles.view(told, rows, DAY.start(START))
    assert figures["breaches"] == 1.0
    assert figures["limits_over"] == snapshot.limits.height


def test_the_margin_list_is_worst_first_and_leaves_out_accounts_without_margin():
    seen = margin.view(accounts(180.0, None, 20.0, 99.0))
    assert seen["columns"]["margin_level"] == [20.0, 99.0, 180.0]
    assert (seen["with_margin"], seen["accounts"]) == (3, 4)


def test_the_margin_list_has_an_end():
    seen = margin.view(accounts(*(float(k) for k in range(200))))
    assert seen["columns"]["margin_level"] == [float(k) for k in range(margin.SHOWN)]


def test_an_account_on_the_edge_of_a_band_belongs_to_the_calmer_one():
    bands = margin.view(accounts(49.9, 50.0, 80.0, 100.0, 120.0, 200.0, -3.0))["bands"]
    assert bands == [2, 1, 1, 1, 1, 1]


def test_the_distance_to_half_is_the_share_of_equity_that_may_be_lost():
    shown = margin.view(accounts(200.0, 50.0, 30.0))["columns"]
    assert shown["to_50"] == [None, None, 0.75]


def test_no_account_with_margin_is_an_empty_list_and_no_error():
    seen = margin.view(accounts(None, None))
    assert seen["columns"]["login"] == []
    assert seen["bands"] == [0] * 6


def test_a_crossing_keeps_its_id_and_says_what_to_do():
    row = crossings.view([MarginLevelCrossed(START, 77, "10001", "stop_out", 48.5)], DAY, USD)[0]
    assert row["id"] == "77/10001/stop_out"
    assert (row["subject"], row["opens"]) == ("10001", {"scope": "login", "key": "10001"})
    assert (row["time"], row["label"], row["level"]) == ("14:00:00", "Stop-out", 48.5)
    assert "hedge" in row["action"]


def test_every_kind_of_crossing_the_engine_knows_has_words():
    assert set(ENGINE_KINDS) == set(crossings.KINDS)


def breach(scope="symbol", name="EURUSD", severity="hard", value=9.6e6, limit=8e6):
    return LimitBreached(START, 78, scope, name, severity, value, limit)


def test_a_breach_says_how_much_is_held_of_which_limit_in_the_desks_currency():
    row = crossings.view([breach()], DAY, Display("EUR", 0.5))[0]
    assert row["id"] == "78/symbol/EURUSD/hard"
    assert (row["kind"], row["label"], row["level"]) == ("limit_hard", "Hard limit", 120.0)
    assert row["action"].startswith("4.80M of 4.00M EUR: hedge back")


def test_a_soft_and_a_hard_breach_of_one_event_are_two_rows():
    rows = crossings.view([breach(severity="soft"), breach()], DAY, USD)
    assert len({row["id"] for row in rows}) == 2


@pytest.mark.parametrize(
    ("scope", "name", "subject", "opens"),
    [
        ("asset_class", "metal", "Metal", {"scope": "asset_class", "key": "metal"}),
        ("asset_class", "bonds", "bonds", {"scope": "asset_class", "key": "bonds"}),
        ("currency", "JPY", "JPY", {"scope": "currency", "key": "JPY"}),
        ("client", "C1", "C1", {"scope": "client", "key": "C1"}),
    ],
)
def test_a_breach_opens_what_it_is_about(scope, name, subject, opens):
    row = crossings.view([breach(scope, name)], DAY, USD)[0]
    assert (row["subject"], row["opens"]) == (subject, opens)


def test_a_limit_of_nothing_has_no_share():
    assert crossings.view([breach(limit=0.0)], DAY, USD)[0]["level"] is None


def test_every_scope_and_severity_of_the_engine_has_words():
    assert set(limits.SCOPE_NAMES) == set(Scope)
    assert set(crossings.LIMIT_KINDS) == set(Severity) - {Severity.OK}


def test_limits_come_as_the_engine_ranks_them_with_their_counts(snapshot):
    seen = limits.view(snapshot.limits, per_usd=2.0)
    columns = seen["columns"]
    assert columns["key"] == snapshot.limits["name"].to_list()[: limits.SHOWN]
    assert columns["used"] == sorted(columns["used"], reverse=True)
    assert columns["value"][0] == pytest.approx(snapshot.limits["value_usd"][0] * 2, abs=0.01)
    assert seen["limits"] == snapshot.limits.height
    for severity in ("soft", "hard"):
        assert seen[severity] == snapshot.limits["severity"].to_list().count(severity)


def test_the_list_of_limits_shows_only_what_its_view_returns(snapshot):
    columns = limits.view(snapshot.limits, 1.0)["columns"]
    assert {column.field for column in LIMIT_COLUMNS} <= set(columns)
    assert {len(column) for column in columns.values()} == {limits.SHOWN}


def test_a_limit_on_something_without_a_price_is_not_said_to_be_kept(snapshot):
    blind = snapshot.limits.with_columns(
        pl.lit(None, pl.Float64).alias("value_usd"), pl.lit(None, pl.Float64).alias("used_ratio")
    )
    columns = limits.view(blind, 1.0)["columns"]
    assert set(columns["severity"]) == {limits.UNKNOWN}
    assert set(columns["used"]) == {None}


def test_no_limit_is_an_empty_list_and_no_error(snapshot):
    seen = limits.view(snapshot.limits.clear(), 1.0)
    assert (seen["columns"]["key"], seen["limits"], seen["hard"]) == ([], 0, 0)


def test_breaks_are_counted_by_kind_most_frequent_first():
    kinds = ["overclose", "bad_deal", "overclose"]
    breaks = [BreakFound(START, k, kind, "why") for k, kind in enumerate(kinds)]
    assert system.kinds(breaks) == [("overclose", 2), ("bad_deal", 1)]
    assert system.kinds([]) == []


def test_a_break_without_a_readable_time_is_shown_without_one():
    row = system.view([BreakFound(-1, 5, "bad_deal", "lots are no number", deal_id="D1")], DAY)[0]
    assert (row["time"], row["deal"]) == (formats.NOTHING, "D1")


def test_the_strip_says_plainly_which_market_this_is(frame):
    seen = strip.view(frame, DAY)
    assert (seen["market"], seen["recorded"]) == ("SIMULATED", False)
    assert (seen["clock"], seen["utc"]) == ("14:00:00", "12:00:00")
    assert seen["components"][0]["state"] == "RUNNING"


def test_a_point_of_the_chart_is_total_a_and_b(snapshot):
    point = pnl.view(snapshot.house, 5, per_usd=2.0)
    assert point[0] == 5.0
    assert point[1] == pytest.approx(point[2] + point[3], abs=0.02)
    assert point[1] == pytest.approx(snapshot.house.floating_usd * 2, abs=0.01)


def test_columns_hide_where_they_have_no_meaning():
    by_field = {column.field: column for column in EXPOSURE_COLUMNS}
    assert View.CURRENCY not in by_field["bid"].views
    assert View.CURRENCY in by_field["net_value"].views
    assert len(by_field) == len(EXPOSURE_COLUMNS)


def test_flashing_cells_are_few():
    flashing = [c["field"] for c in column_defs(EXPOSURE_COLUMNS) if "enableCellChangeFlash" in c]
    assert flashing == ["bid", "ask", "net_value"]


def test_the_margin_list_shows_only_what_its_view_returns():
    assert {column.field for column in MARGIN_COLUMNS} == set(margin.view(accounts(1.0))["columns"])


def sample(history, at_ms, value=1.0):
    return history.observe(at_ms, (at_ms, value), {"gross": value}, (["EURUSD"], _array(value)))


def _array(value):
    return np.array([value])


def test_history_takes_a_point_a_second_and_a_trend_every_five():
    history = History()
    taken = [sample(history, at) for at in range(0, 10_000, 200)]
    assert sum(len(one.points) for one in taken) == 10
    assert taken[-1].trend == 2
    assert history.figures() == {"gross": [1.0, 1.0]}
    assert history.mids()["EURUSD"].tolist() == [1.0, 1.0]


def test_a_silent_engine_leaves_a_gap_in_the_line():
    history = History()
    sample(history, 0)
    points = sample(history, 60_000, 2.0).points
    assert points == [(60_000, None), (60_000, 2.0)]


def test_history_forgets_after_ten_minutes():
    history = History()
    for second in range(2_000):
        sample(history, second * 1_000)
    assert len(history.points()) == 600
    assert len(history.figures()["gross"]) == 120


def test_other_instruments_start_new_trends():
    history = History()
    sample(history, 0)
    history.observe(5_000, (5_000, 1.0), {}, (["GBPUSD"], _array(2.0)))
    assert list(history.mids()) == ["GBPUSD"]
    assert history.mids()["GBPUSD"].tolist() == [2.0]
