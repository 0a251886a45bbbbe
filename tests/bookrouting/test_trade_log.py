"""What was opened is remembered with how it ended, within bounds."""

import numpy as np
import pytest

from bookrouting.clusters.fills import STILL_OPEN
from bookrouting.trade_log import TRADE, Brought, Opened, TradeLog


def opened(client=0, lots=1.0, **more):
    usual = {
        "symbol": 0, "side": 1.0, "price": 1.1, "cost": 1e-4, "worth_usd": 110_000.0 * lots,
        "cost_usd": 10.0 * lots,
    }  # fmt: skip
    return Opened(client=client, lots=lots, **(usual | more))


def test_what_a_close_brings_is_shared_by_what_is_left_of_each_addition():
    log = TradeLog()
    first = log.open(1, opened(lots=1.0))
    second = log.open(2, opened(lots=3.0, added_to=first))
    log.close(second, 4.0, Brought(2.0, 80.0, -4.0), 3)
    assert log.table["left_lots"][:2].tolist() == [0.5, 1.5]
    assert log.table["closed"][:2].tolist() == [STILL_OPEN] * 2
    log.close(second, 2.0, Brought(2.0, 40.0, 0.0), 4)
    assert log.table["profit_usd"][:2].tolist() == [30.0, 90.0]
    assert log.table["swap_usd"][:2].tolist() == [-1.0, -3.0]
    assert log.table["closed"][:2].tolist() == [4, 4]


def test_the_part_of_a_position_that_nobody_saw_opening_is_in_no_trade():
    log = TradeLog()
    number = log.open(1, opened(lots=1.0))
    log.close(number, 4.0, Brought(4.0, 80.0, 0.0), 2)
    assert log.table["profit_usd"][0] == 20.0


def test_a_clients_newest_trades_come_in_order_of_opening():
    log = TradeLog()
    for k in range(6):
        log.open(k, opened(client=k % 2))
    assert log.of_client(1, 2)["opened"].tolist() == [3, 5]
    assert log.of_client(1, 9)["opened"].tolist() == [1, 3, 5]
    assert len(log.of_client(7, 9)) == 0


def test_a_full_log_keeps_the_newest_and_numbers_go_on():
    log = TradeLog(most=10)
    numbers = [log.open(k, opened(client=k % 3)) for k in range(100)]
    assert numbers == list(range(100))
    assert log.count <= 10
    assert log.table["opened"][log.count - 1] == 99
    log.close(0, 1.0, Brought(1.0, 5.0, 0.0), 100)  # forgotten: nobody's
    assert (log.table["profit_usd"][: log.count] == 0.0).all()
    assert log.of_client(0, 50)["opened"].tolist() == [
        k for k in range(99, -1, -3)[::-1] if k >= log.forgotten
    ]


def test_a_log_that_was_stored_goes_on_unbroken():
    log, again = TradeLog(), TradeLog()
    for k in range(5):
        log.open(k, opened(client=k % 2))
    log.forget(2)
    kept = log.export()
    again.restore({name: kept[name] for name in TRADE.names}, log.forgotten)
    for one in (log, again):
        assert one.open(9, opened(client=1)) == 5
    assert again.export().tolist() == log.export().tolist()
    assert again.of_client(1, 9).tolist() == log.of_client(1, 9).tolist()


def test_columns_for_clusters_do_not_change_with_the_log():
    log = TradeLog()
    number = log.open(1, opened(side=-1.0))
    fills = log.fills()
    log.close(number, 1.0, Brought(1.0, 0.0, 0.0), 2)
    assert (fills.closed[0], fills.side[0], fills.side.dtype) == (STILL_OPEN, -1, np.int8)


@pytest.mark.parametrize(("worth", "usual"), [([], 0.0), ([1.0, 5.0, np.nan, 9.0], 5.0)])
def test_the_usual_size_is_the_median_of_what_is_priced(worth, usual):
    log = TradeLog()
    for one in worth:
        log.open(1, opened(worth_usd=one))
    assert log.usual_usd() == usual
