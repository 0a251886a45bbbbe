"""A tiny population whose every number can be worked out on paper."""

import numpy as np

from dealing.lab.columns import NS, Population, Quotes, Terms, Trades, Truth

START = 1_700_000_000 * NS
EURUSD = Terms("EURUSD", "fx", "EUR", "USD", 100_000.0, 5, 1.0)
SPREAD = 0.0002


def quotes(mids, step_s=1.0):
    """Return quotes of one symbol on a grid, 2 pips wide."""
    mid = np.asarray(mids, float)
    ts = START + (np.arange(len(mid)) * step_s * NS).astype(np.int64)
    return Quotes(np.zeros(len(mid), np.int64), ts, mid - SPREAD / 2, mid + SPREAD / 2)


def trades(rows, prices):
    """Return trades from rows (client, side, lots, entry second, exit second)."""
    client, side, lots, first, last = (np.array(column) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(client))
    buys = side > 0
    return Trades(
        client,
        np.zeros(len(client), np.int64),
        side.astype(float),
        lots.astype(float),
        prices.ts[first],
        np.where(buys, prices.ask[first], prices.bid[first]),
        prices.ts[last],
        np.where(buys, prices.bid[last], prices.ask[last]),
        nothing,
        nothing,
        np.zeros(len(client), np.int64),
    )


def population(mids, rows, edges):
    """Return a population of as many clients as there are edges."""
    edge = np.array(edges, float)
    prices = quotes(mids)
    truth = Truth(np.zeros(len(edge), np.int64), edge, edge, np.zeros(len(edge)))
    return Population(
        "hand made", 1, (EURUSD,), prices, None, trades(rows, prices), truth, ("noise",)
    )
