"""Opening deals written down by hand or drawn, and slow answers to check the quick ones."""

import numpy as np

from bookrouting.clusters.fills import STILL_OPEN, FillColumns

SECOND = 1_000_000_000
DAY_S = 86_400


def fills(*rows):
    """Rows of (account, symbol, side, second[, lots]) that are all still open."""
    full = [row if len(row) > 4 else (*row, 1.0) for row in rows]
    account, symbol, side, at, lots = (np.array(column) for column in zip(*full, strict=True))
    return FillColumns(
        account.astype(np.int32), symbol.astype(np.int32), side.astype(np.int8),
        lots.astype(float), np.rint(at * SECOND).astype(np.int64),
        np.full(len(full), STILL_OPEN, np.int64),
    )  # fmt: skip


def strangers(rng, accounts=60, trades=40, symbols=4, days=10):
    """Independent traders."""
    n = accounts * trades
    ts = (rng.random(n) * days * DAY_S * SECOND).astype(np.int64)
    return FillColumns(
        np.repeat(np.arange(accounts), trades).astype(np.int32),
        rng.choice(symbols, n).astype(np.int32), rng.choice([-1, 1], n).astype(np.int8),
        np.exp(rng.normal(0.0, 1.0, n)), ts, ts + rng.integers(SECOND, 3_600 * SECOND, n),
    )  # fmt: skip


def copying(base, rng, leader, follower, *, share=0.5, delay_s=5.0, sign=1, size=0.5, close=True):
    """The same deals with those of a follower added, who copies a share of the leader's."""
    led = np.flatnonzero((base.account == leader) & (rng.random(len(base.ts)) < share))
    delay = (rng.random(len(led)) * delay_s * SECOND).astype(np.int64) + 1
    drift = rng.integers(0, 20 * SECOND if close else 90_000 * SECOND, len(led))
    return joined(base, FillColumns(
        np.full(len(led), follower, np.int32), base.symbol[led],
        (sign * base.side[led]).astype(np.int8), size * base.lots[led], base.ts[led] + delay,
        base.closed[led] + drift,
    ))  # fmt: skip


def joined(*many):
    return FillColumns(*(np.concatenate(columns) for columns in zip(*many, strict=True)))


def shuffled(base, rng):
    order = rng.permutation(len(base.ts))
    return FillColumns(*(column[order] for column in base))
