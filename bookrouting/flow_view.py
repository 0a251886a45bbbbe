"""What the flow book says of clients: their scores, drift, evidence, costs and money.

Reading changes nothing; rows are clients in order of appearance, all of them unless named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.evidence import MOST_LOG_E
from bookrouting.flow_book import USD, FlowBook
from bookrouting.flow_state import ALARM, ALARMS
from bookrouting.flow_tickets import gather
from bookrouting.held import Held
from bookrouting.money import Money, floating_usd, with_floating
from bookrouting.score import FlowSums, Scores, new_scores, new_sums, score_rows, score_terms

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]


class Alarm(NamedTuple):
    """From this moment on a client's edge was beyond reasonable doubt. Units: ``ts`` ns."""

    client_id: str
    ts: int
    n: int
    e_value: float


class FlowView:
    """A flow book, read."""

    def __init__(self, book: FlowBook) -> None:
        self.book = book

    def sums(self, rows: Int64s | None = None, *, fast: bool = False) -> FlowSums:
        """Return what the score needs of some clients, by the twin that forgets sooner if fast."""
        rows = self._all() if rows is None else rows
        out = new_sums(len(rows))
        gather(rows, fast, self.book.arrays.clients, self.book.terms, out)
        return out

    def scores(self, rows: Int64s | None = None) -> Scores:
        """Score some clients, all without ``rows``."""
        return self._scored(self.sums(rows))

    def drift(self, rows: Int64s | None = None) -> Floats:
        """Return by how much recent trades are stronger evidence than all. Units: log odds."""
        fast, slow = self._scored(self.sums(rows, fast=True)), self.scores(rows)
        return fast.log_odds - slow.log_odds

    def e_values(self, rows: Int64s | None = None) -> Floats:
        """Return each client's e-value of the running quarter. Shapes: (clients,)."""
        rows = self._all() if rows is None else rows
        logs = self.book.arrays.clients["e_log"][rows]
        values: Floats = np.exp(np.minimum(logs, MOST_LOG_E))
        return values

    def alarms(self) -> list[Alarm]:
        """Return every alarm so far, in the order in which they came."""
        count, alarms = int(self.book.arrays.counters[ALARMS]), self.book.arrays.alarms
        return [
            Alarm(self.book.client_ids[client], ts, n, math.exp(min(log_e, MOST_LOG_E)))
            for client, ts, n, log_e in zip(
                *(alarms[name][:count].tolist() for name in ALARM.names or ()), strict=True
            )
        ]

    def usd_per_million(self, rows: Int64s | None = None) -> Floats:
        """Return what a cost is on a million USD of each client's notional; NaN before a trade."""
        c = self.book.arrays.clients
        rows = self._all() if rows is None else rows
        with np.errstate(invalid="ignore", divide="ignore"):
            worth: Floats = 1e6 * c["cost"][rows] / c["n_eff"][rows]
        return worth

    def mean_cost_pips(self, rows: Int64s | None = None) -> Floats:
        """Return each client's mean cost of a round trip in pips; NaN before a trade."""
        c = self.book.arrays.clients
        rows = self._all() if rows is None else rows
        with np.errstate(invalid="ignore", divide="ignore"):
            pips: Floats = c["cost_pips"][rows] / c["n_eff"][rows]
        return pips

    def money(self, rows: Int64s | None = None) -> dict[str, Money]:
        """Return clients' money with what their open positions are worth, all without ``rows``."""
        book = self.book
        if rows is None:
            kept: Mapping[str, Money] = book.money
            held: Iterable[Held] = book.positions.open.values()
        else:
            wanted = rows.tolist()
            names = (book.client_ids[row] for row in wanted)
            kept = {name: book.money[name] for name in names if name in book.money}
            logins = (login for row in wanted for login in book.logins_of.get(row, ()))
            held = (one for login in logins for one in book.positions.of_login(login))
        results: dict[str, list[float]] = {}
        for one in held:
            client = book.logins[one.login].client
            results.setdefault(book.client_ids[client], []).append(self._floating_usd(one))
        return with_floating(kept, results)

    def _floating_usd(self, held: Held) -> float:
        book, market = self.book, self.book.arrays.market
        price = market["bid" if held.side > 0.0 else "ask"][held.symbol]
        instrument = book.instruments[held.symbol]
        quoted = market["quoted"][held.symbol]
        rate = book.rate(instrument.quote, USD) if quoted else math.nan
        return floating_usd(held, float(price), instrument, rate)

    def _scored(self, sums: FlowSums) -> Scores:
        out = new_scores(len(sums.trades))
        terms = score_terms(self.book.settings.score)
        score_rows(sums, np.arange(len(sums.trades)), terms, out)
        return out

    def _all(self) -> Int64s:
        return np.arange(len(self.book.client_ids))
