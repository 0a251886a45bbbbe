"""Days for the flow book: a walk of prices and clients who deal on it."""

from __future__ import annotations

import math

import numpy as np

from bookrouting.flow_batch import play
from bookrouting.flow_book import FlowBook
from exposure.model.events import DealExecuted
from exposure.model.instruments import CalcMode, Instrument
from exposure.model.quotes import QuoteColumns

NS = 1_000_000_000
START = 1_700_000_000 * NS
HALF = 5e-5


def instrument(symbol="EURUSD", **terms):
    base, quote = symbol[:3], symbol[3:6]
    values = {"contract_size": 100_000.0, "digits": 5, "calc_mode": CalcMode.FOREX, **terms}
    return Instrument(symbol=symbol, asset_class="fx", base=base, quote=quote, **values)


def quotes_of(mids, times_s, half=HALF, symbol=0):
    mids = np.asarray(mids, np.float64)
    return QuoteColumns(
        np.full(len(mids), symbol, np.int32),
        mids - half,
        mids + half,
        START + np.round(np.asarray(times_s) * NS).astype(np.int64),
    )


def walk(random, seconds=5_000, sd=1e-4):
    """Return a quote each second."""
    mids = 1.1 + (random.standard_normal(seconds) * sd).cumsum()
    return quotes_of(mids, np.arange(seconds))


def deal(at_s, deal_id, login="1", side="buy", entry="in", lots=1.0, price=None, mid=1.1, **more):
    sign = 1.0 if side == "buy" else -1.0
    price = float(mid + sign * HALF if price is None else price)
    position = more.pop("position_id", str(deal_id))
    symbol = more.pop("symbol", "EURUSD")
    return DealExecuted(
        START + round(at_s * NS), str(deal_id), login, position, symbol, side, entry, lots, price,
        **more,
    )  # fmt: skip


def made_day(seed, clients=6, trades=20, seconds=5_000):
    """Return quotes and round trips of clients; the first knows the next ten seconds."""
    random = np.random.default_rng(seed)
    quotes = walk(random, seconds)
    mids, deals = (quotes.bid + quotes.ask) / 2.0, []
    for number in range(clients * trades):
        client, at = number % clients, int(random.integers(10, seconds - 2_000))
        buys = bool(random.random() < 0.5)
        if client == 0:
            moments = random.integers(10, seconds - 2_000, 20)
            at = int(moments[np.abs(mids[moments + 10] - mids[moments]).argmax()])
            buys = bool(mids[at + 10] > mids[at])
        for when, entry, buying in (
            (at, "in", buys), (at + int(random.integers(5, 600)), "out", not buys)
        ):  # fmt: skip
            deals.append(
                deal(
                    when + 0.5, f"{number}{entry}", f"L{client}", "buy" if buying else "sell",
                    entry, mid=mids[when], position_id=f"P{number}", commission=-3.0,
                    swap=-0.7 if entry == "out" and number % 5 == 0 else 0.0,
                )
            )  # fmt: skip
    return quotes, sorted(deals, key=lambda one: one.ts_event)


def played(quotes, deals, instruments=(), **settings):
    book = FlowBook(**settings)
    for one in instruments or [instrument()]:
        book.add_instrument(one)
    play(book, quotes, deals)
    book.finish()
    return book


def near(a, b, tolerance=1e-9):
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
