"""What knowing the flow costs: a deal taken, its markouts, and its client's score.

The clients are those of the lab's ``ticktime`` population: several symbols, sizes, exits. An update
of a client is what one decision of his costs after it was taken: the markouts of nine horizons,
their sums, results and alarms, and his score.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import numpy as np

from bookrouting.flow_book import FlowBook
from bookrouting.flow_state import DECISIONS
from bookrouting.flow_view import FlowView
from dealing.bench.goals import Row, over_rounds
from dealing.bench.timing import seconds
from dealing.lab.columns import Size
from dealing.lab.populations import POPULATIONS
from dealing.lab.product import deals, instruments
from exposure.model.events import DealExecuted
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns

_POPULATION: Final = "ticktime"
_ROUNDS: Final = 3
_AT_ONCE: Final = 100


class Day(NamedTuple):
    """A population's day, in order of time."""

    quotes: QuoteColumns
    deals: list[DealExecuted]


class Costs(NamedTuple):
    """What one run took. Units: seconds; ``alone_s`` the quotes without any deal."""

    deals_s: float
    quotes_s: float
    alone_s: float
    score_s: float
    decisions: int
    clients: int

    @property
    def deal_us(self) -> float:
        """What taking a deal costs, of which there are as many as decisions or a few more."""
        return 1e6 * self.deals_s / self.decisions

    @property
    def markouts_us(self) -> float:
        """What settling all horizons of one decision costs."""
        return 1e6 * max(self.quotes_s - self.alone_s, 0.0) / self.decisions

    @property
    def one_score_us(self) -> float:
        """What a client's score costs where as many are scored as a frame touches."""
        return 1e6 * self.score_s / self.clients


def flow_rows(*, quick: bool) -> list[Row]:
    """Play the population's day a few times."""
    size = Size(clients=60 if quick else 300, trades=60, truth_trades=60, days=2.0)
    population = POPULATIONS[_POPULATION](1, size)
    q = population.quotes
    day = Day(QuoteColumns(q.symbol.astype(np.int32), q.bid, q.ask, q.ts), deals(population))
    listed = instruments(population)
    _run(day, [_book(listed), _book(listed)])  # compiles and warms
    runs = [_run(day, [_book(listed), _book(listed)]) for _ in range(_ROUNDS)]
    words = f"{runs[0].clients} clients, {runs[0].decisions:,} decisions"
    figures = {
        "flow, a deal taken": [one.deal_us for one in runs],
        "flow, a decision's nine markouts": [one.markouts_us for one in runs],
        "flow, a client's score": [one.one_score_us for one in runs],
        "flow, a client's update": [one.markouts_us + one.one_score_us for one in runs],
    }
    return [over_rounds(name, words, values, "us") for name, values in figures.items()]


def _book(listed: list[Instrument]) -> FlowBook:
    book = FlowBook()
    for instrument in listed:
        book.add_instrument(instrument)
    return book


def _run(day: Day, books: list[FlowBook]) -> Costs:
    book, empty = books
    before = np.searchsorted(day.quotes.ts_event, [d.ts_event for d in day.deals], side="right")
    alone_s = _quotes_s(empty, day.quotes, before.tolist())
    deals_s = quotes_s = 0.0
    done = 0
    for deal, reached in zip(day.deals, before.tolist(), strict=True):
        began = time.perf_counter()
        book.apply_quotes(_part(day.quotes, done, reached))
        done = reached
        between = time.perf_counter()
        book.apply_deal(deal)
        quotes_s += between - began
        deals_s += time.perf_counter() - between
    view, clients = FlowView(book), len(book.client_ids)
    score_s = sum(
        seconds(view.scores, np.arange(first, min(first + _AT_ONCE, clients)))
        for first in range(0, clients, _AT_ONCE)
    )
    decisions = int(book.arrays.counters[DECISIONS])
    return Costs(deals_s, quotes_s, alone_s, score_s, decisions, clients)


def _quotes_s(book: FlowBook, quotes: QuoteColumns, before: list[int]) -> float:
    """Return what the same quotes take in the same portions where nobody trades."""
    total, done = 0.0, 0
    for reached in before:
        total += seconds(book.apply_quotes, _part(quotes, done, reached))
        done = reached
    return total


def _part(quotes: QuoteColumns, first: int, last: int) -> QuoteColumns:
    rows = slice(first, last)
    return QuoteColumns(
        quotes.symbol[rows], quotes.bid[rows], quotes.ask[rows], quotes.ts_event[rows]
    )
