"""What clients opened and how it ended: the habits of a client, and who acts like whom.

A row per opening deal, in order of time, kept for weeks where single decisions are kept for days. A
position that was added to has a row for each addition; what a close brings is shared among them by
the lots that are left of each. Positions that were open before the first event are none of ours.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.clusters.fills import STILL_OPEN, FillColumns
from bookrouting.flow_state import Int64s, Table, with_room
from bookrouting.held import NO_DECISION
from exposure.kernels import LOTS_TOLERANCE, kernel

KEPT_TRADES: Final = 1_000_000

TRADE: Final = np.dtype(
    [
        ("opened", np.int64),
        ("closed", np.int64),
        ("client", np.int32),
        ("symbol", np.int32),
        ("side", np.float64),
        ("lots", np.float64),
        ("left_lots", np.float64),
        ("price", np.float64),
        ("cost", np.float64),
        ("worth_usd", np.float64),
        ("cost_usd", np.float64),
        ("profit_usd", np.float64),
        ("swap_usd", np.float64),
        ("earlier", np.int64),
        ("same", np.int64),
    ],
    align=True,
)
"""Units: ns UTC, ``price`` and ``cost`` (of a round trip) in quote currency, ``profit_usd`` without
swap and commission, + for the client. ``earlier`` and ``same`` are one more than the number of the
client's last trade and of the one that was added to, 0 for none.
"""

_START_ROOM: Final = 64


class Opened(NamedTuple):
    """An opening deal. Units: as in TRADE; ``added_to`` is a trade's number or NO_DECISION."""

    client: int
    symbol: int
    side: float
    lots: float
    price: float
    cost: float
    worth_usd: float
    cost_usd: float
    added_to: int = NO_DECISION


class Brought(NamedTuple):
    """What a close brought the client. Units: lots, USD."""

    lots: float
    profit_usd: float
    swap_usd: float


class TradeLog:
    """Opening deals by number, the oldest of which are forgotten."""

    def __init__(self, most: int = KEPT_TRADES) -> None:
        """Keep at most so many trades: the newest."""
        self.table: Table = np.zeros(_START_ROOM, TRADE)
        self.count = self.forgotten = 0
        self.most = most
        self._last: dict[int, int] = {}

    def open(self, ts: int, trade: Opened) -> int:
        """Take an opening deal (ns UTC, never earlier than the last) and return its number."""
        if self.count >= self.most:
            self._drop(self.most // 10 + 1)
        self.table = with_room(self.table, self.count + 1)
        number, row = self.count + self.forgotten, self.table[self.count]
        row["opened"], row["closed"] = ts, STILL_OPEN
        for name in ("client", "symbol", "side", "lots", "price", "cost", "worth_usd", "cost_usd"):
            row[name] = getattr(trade, name)
        row["left_lots"] = trade.lots
        row["profit_usd"] = row["swap_usd"] = 0.0
        row["earlier"] = self._last.get(trade.client, 0)
        row["same"] = trade.added_to + 1
        self._last[trade.client] = number + 1
        self.count += 1
        return number

    def close(self, number: int, held_lots: float, brought: Brought, ts: int) -> None:
        """Take a close of a position.

        Args:
            number: The position's last trade.
            held_lots: What was open of it.
            brought: What was closed of that, and what came of it.
            ts: When, ns UTC.
        """
        gone = brought.lots >= held_lots - LOTS_TOLERANCE
        for row in self._rows_of_position(number):
            trade = self.table[row]
            share = trade["left_lots"] / held_lots
            trade["profit_usd"] += share * brought.profit_usd
            trade["swap_usd"] += share * brought.swap_usd
            trade["left_lots"] -= share * brought.lots
            if gone:
                trade["left_lots"], trade["closed"] = 0.0, ts

    def credit_swap(self, number: int, amount_usd: float) -> None:
        """Take swap that was booked while a position is open."""
        if number >= self.forgotten:
            self.table["swap_usd"][number - self.forgotten] += amount_usd

    def of_client(self, client: int, most: int) -> Table:
        """Return a client's newest trades in order of opening."""
        rows = np.empty(most, np.int64)
        count = walk(self.table, self._last.get(client, 0), self.forgotten, rows)
        return self.table[rows[:count][::-1]]

    def fills(self) -> FillColumns:
        """Return all as columns in which clusters are looked for; later trades change nothing."""
        t = self.table[: self.count]
        return FillColumns(
            t["client"].copy(), t["symbol"].copy(), t["side"].astype(np.int8), t["lots"].copy(),
            t["opened"].copy(), t["closed"].copy(),
        )  # fmt: skip

    def usual_usd(self) -> float:
        """Return the median worth of a trade in USD, 0 without trades."""
        worth = self.table["worth_usd"][: self.count]
        known = worth[np.isfinite(worth)]
        return float(np.median(known)) if len(known) else 0.0

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply the lots and divide the prices of a symbol that was split."""
        mine = self.table["symbol"] == symbol
        for name in ("lots", "left_lots"):
            self.table[name][mine] *= ratio
        for name in ("price", "cost"):
            self.table[name][mine] /= ratio

    def forget(self, before: int) -> None:
        """Drop what was opened before an instant. Units: ns."""
        self._drop(int(np.searchsorted(self.table["opened"][: self.count], before)))

    def export(self) -> Table:
        """Return the rows, which later trades do not change."""
        rows: Table = self.table[: self.count].copy()
        return rows

    def restore(self, columns: dict[str, NDArray[Any]], forgotten: int) -> None:
        """Take back what was exported, column by column."""
        self.count, self.forgotten = len(columns["opened"]), forgotten
        self.table = np.zeros(max(self.count, _START_ROOM), TRADE)
        for name in TRADE.names or ():
            self.table[name][: self.count] = columns[name]
        numbers = range(forgotten + 1, forgotten + self.count + 1)
        self._last = dict(zip(columns["client"].tolist(), numbers, strict=True))

    def _drop(self, count: int) -> None:
        left = self.count - count
        self.table[:left] = self.table[count : self.count].copy()
        self.count, self.forgotten = left, self.forgotten + count

    def _rows_of_position(self, number: int) -> list[int]:
        rows = []
        while number >= self.forgotten:
            rows.append(number - self.forgotten)
            number = int(self.table["same"][rows[-1]]) - 1
        return rows


@kernel
def walk(table: Table, last: int, forgotten: int, rows: Int64s) -> int:
    """Follow ``earlier`` back from a number that is one more than the last; return how many.

    Shapes: rows (most,), filled with the newest first.
    """
    count, number = 0, last
    while number > forgotten and count < len(rows):
        rows[count] = number - 1 - forgotten
        number = table[rows[count]].earlier
        count += 1
    return count
