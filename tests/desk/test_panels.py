"""What each panel says about a frame, without a browser."""

from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from dealing.desk import formats
from dealing.desk.columns import EXPOSURE_COLUMNS, MARGIN_COLUMNS, column_defs
from dealing.desk.history import History
from dealing.desk.panels import crossings, margin, pnl, strip, system, tiles
from dealing.desk.rows import View
from exposure.crossings import KINDS as ENGINE_KINDS
from exposure.model.events import BreakFound, MarginLevelCrossed
from tests.desk.scripted_book import START

DAY = formats.ServerDay(ZoneInfo("America/New_York"), 17)


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
    row = crossings.view([MarginLevelCrossed(START, 77, "10001", "stop_out", 48.5)], DAY)[0]
    assert row["id"] == "77/10001/stop_out"
    assert (row["time"], row["label"], row["level"]) == ("14:00:00", "Stop-out", 48.5)
    assert "hedge" in row["action"]


def test_every_kind_of_crossing_the_engine_knows_has_words():
    assert set(ENGINE_KINDS) == set(crossings.KINDS)


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
