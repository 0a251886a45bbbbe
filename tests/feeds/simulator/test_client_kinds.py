"""Each kind of client leaves its fingerprint in the deals, as the detectors will look for it.

The bounds are generous: the tests say which way a kind differs, not by how much.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from exposure.model.events import DealExecuted, QuoteReceived
from tests.feeds.simulator.small_market import SECOND

BP = 1e4

pytestmark = pytest.mark.slow


class Fingerprint(NamedTuple):
    """Entries (basis points from the client's side) and exits of one kind.

    ``gross`` moves of the mid 1 s and 60 s after an entry, ``net_1s`` from the entry's own price,
    ``before`` the move of the minute before it; ``profit`` per closing deal, ``hold_s`` of
    positions that were opened and closed in the run.
    """

    gross_1s: np.ndarray
    gross_60s: np.ndarray
    net_1s: np.ndarray
    before_60s: np.ndarray
    lots: np.ndarray
    profit: np.ndarray
    hold_s: np.ndarray

    @property
    def win_rate(self):
        return (self.profit > 0.0).mean()


class Mids:
    """The client mids of a run, by symbol and time."""

    def __init__(self, events):
        rows = defaultdict(list)
        for event in events:
            if isinstance(event, QuoteReceived):
                rows[event.symbol].append((event.ts_event, (event.bid + event.ask) / 2))
        self._columns = {symbol: np.array(row).T for symbol, row in rows.items()}

    def at(self, symbol, ts):
        times, mids = self._columns[symbol]
        return mids[max(np.searchsorted(times, ts, side="right") - 1, 0)]


@pytest.fixture(scope="module")
def kinds(half_hour):
    """Fingerprints by kind."""
    truth = half_hour.platform.truth()
    kind_of = dict(zip(truth["login"], truth["kind"], strict=True))
    mids = Mids([*half_hour.opening, *half_hour.events])
    rows = defaultdict(lambda: defaultdict(list))
    opened_at = {}
    for deal in half_hour.events:
        if not isinstance(deal, DealExecuted):
            continue
        row = rows[kind_of[deal.login]]
        if deal.entry == "in":
            opened_at[deal.position_id] = deal.ts_event
            add_entry(row, deal, mids)
        else:
            row["profit"].append(deal.profit)
            if deal.position_id in opened_at:
                row["hold_s"].append((deal.ts_event - opened_at[deal.position_id]) / SECOND)
    return {
        kind: Fingerprint(**{name: np.array(row[name]) for name in Fingerprint._fields})
        for kind, row in rows.items()
    }


def add_entry(row, deal, mids):
    sign = (1 if deal.side == "buy" else -1) * BP / deal.price
    now = mids.at(deal.symbol, deal.ts_event)
    second = mids.at(deal.symbol, deal.ts_event + SECOND)
    row["gross_1s"].append(sign * (second - now))
    row["net_1s"].append(sign * (second - deal.price))
    row["gross_60s"].append(sign * (mids.at(deal.symbol, deal.ts_event + 60 * SECOND) - now))
    row["before_60s"].append(sign * (now - mids.at(deal.symbol, deal.ts_event - 60 * SECOND)))
    row["lots"].append(deal.lots)


def error(sample):
    return sample.std() / np.sqrt(len(sample))


def test_noise_loses_what_it_costs_to_trade(kinds):
    noise = kinds["noise"]
    assert len(noise.net_1s) > 300
    assert noise.net_1s.mean() < -3 * error(noise.net_1s)
    assert abs(noise.gross_1s.mean()) < 3 * error(noise.gross_1s)
    assert abs(noise.gross_60s.mean()) < 3 * error(noise.gross_60s)


def test_a_latency_picker_gains_within_a_second(kinds):
    latency = kinds["latency"]
    assert len(latency.net_1s) > 60
    assert latency.gross_1s.mean() > 3 * error(latency.gross_1s)
    assert latency.net_1s.mean() > 0.3
    assert np.median(latency.hold_s) < 60.0


def test_an_informed_client_gains_within_a_minute_but_not_within_a_second(kinds):
    informed = kinds["informed"]
    assert informed.gross_60s.mean() > 5 * error(informed.gross_60s)
    assert informed.gross_60s.mean() > 10 * abs(informed.gross_1s.mean())
    assert informed.win_rate > 0.6


def test_a_trend_follower_trades_with_the_move_that_was(kinds):
    trend = kinds["trend"]
    assert trend.before_60s.mean() > 2 * error(trend.before_60s)
    assert abs(trend.gross_60s.mean()) < 4 * error(trend.gross_60s)
    assert trend.win_rate < 0.5


def test_a_news_trader_comes_right_after_a_jump(kinds):
    news = kinds["news"]
    assert len(news.before_60s) > 60
    assert (news.before_60s > 5.0).mean() > 0.7
    assert news.before_60s.mean() > 5 * kinds["trend"].before_60s.mean()


def test_a_scalper_holds_shortly_and_loses_slowly(kinds):
    scalper = kinds["scalper"]
    assert np.median(scalper.hold_s) < 60.0
    assert len(scalper.profit) / len(scalper.lots) > 0.9
    assert scalper.profit.mean() < 0.0


def test_a_martingale_player_wins_often_and_little_and_loses_all_of_it_at_once(kinds):
    player = kinds["martingale"]
    assert player.win_rate > 0.65
    wins, losses = player.profit[player.profit > 0.0], player.profit[player.profit < 0.0]
    assert -losses.mean() > 1.5 * wins.mean()
    assert -losses.min() > 10 * wins.mean()


def test_a_skilled_scalper_gains_within_a_minute_where_an_unskilled_one_does_not(kinds):
    skilled, unskilled = kinds["skilled_scalper"], kinds["scalper"]
    assert len(skilled.gross_60s) > 30
    assert skilled.gross_60s.mean() > 4 * error(skilled.gross_60s)
    assert abs(unskilled.gross_60s.mean()) < 3 * error(unskilled.gross_60s)
    assert np.median(skilled.hold_s) < 60.0


def test_an_evader_gains_less_than_an_informed_client_and_more_than_nothing(kinds):
    evader, informed = kinds["evader"], kinds["informed"]
    assert evader.gross_60s.mean() > 3 * error(evader.gross_60s)
    assert evader.gross_60s.mean() < informed.gross_60s.mean()


def test_most_clients_lose_whatever_their_kind(kinds):
    for kind in ("noise", "trend", "scalper", "martingale"):
        assert kinds[kind].net_1s.mean() < 0.0
