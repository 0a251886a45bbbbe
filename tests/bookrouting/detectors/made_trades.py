"""Trades of one client, written down with what matters and usual values for the rest."""

import numpy as np

from bookrouting.detectors.entries import Closes, Entries

SECOND = 1_000_000_000
START = 1_773_144_000 * SECOND


def entries(n, **columns):
    """Buys at 1.1001 around a mid of 1.1000 that no faster feed contradicts."""
    usual = {
        "ts": START + np.arange(n) * 60 * SECOND, "symbol": np.zeros(n, np.int32),
        "side": np.ones(n), "lots": np.ones(n), "price": np.full(n, 1.1001),
        "mid_quoted": np.full(n, 1.1), "mid_fast": np.full(n, 1.1),
        "half_spread": np.full(n, 1e-4), "sigma_1s": np.full(n, 1e-5),
        "markout_1s": np.zeros(n), "markout_60s": np.zeros(n),
    }  # fmt: skip
    return Entries(**(usual | columns))


def closes(n, **columns):
    """Buys of ten minutes, one after the other, that end without profit."""
    opened = START + np.arange(n) * 900 * SECOND
    usual = {
        "opened": opened, "closed": opened + 600 * SECOND, "symbol": np.zeros(n, np.int32),
        "side": np.ones(n), "lots": np.ones(n), "open_price": np.full(n, 1.1),
        "profit": np.zeros(n), "swap": np.zeros(n), "cost": np.ones(n),
        "take_profit": np.full(n, np.inf), "stop_loss": np.full(n, np.inf),
        "cost_distance": np.full(n, 1e-4),
    }  # fmt: skip
    return Closes(**(usual | columns))
