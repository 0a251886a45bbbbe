"""The product's own flow score, put to the test through its front door: quotes and deals in."""

from __future__ import annotations

from typing import Final

import numpy as np

from bookrouting.flow_batch import FlowColumns, columns_of, flow_of, sum_flow
from bookrouting.flow_book import FlowBook
from bookrouting.flow_view import FlowView
from bookrouting.score import Scores, score_clients
from dealing.lab.closed_form import Verdict
from dealing.lab.columns import CLOSED, Floats, Ints, Population
from dealing.lab.detection import NEVER
from dealing.lab.export import client_id
from dealing.lab.observed import Observed
from dealing.lab.scorers import Said
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted
from exposure.model.ids import Currency, Symbol
from exposure.model.instruments import CalcMode, Instrument
from exposure.model.quotes import QuoteColumns

_EVERY_ONE: Final = 30
_STRIDE: Final = 5


def product(population: Population, seen: Observed) -> Said:
    """Return what the product says after each trade: after every one at first, then every five."""
    book = played(population)
    flow = columns_of(book)
    clients, trades = seen.known.shape
    verdict = Verdict(*(np.full((clients, trades), np.nan) for _ in Verdict._fields))
    numbers = _numbers(trades)
    for n in numbers:
        said = scored(book, flow, clients, n)
        for column, values in zip(verdict, said, strict=True):
            column[:, n - 1] = values
    return Said(_held(verdict, numbers, trades), _alarmed(book, clients))


def played(population: Population) -> FlowBook:
    """Return the product's book after a population's day."""
    quotes = population.quotes
    columns = QuoteColumns(quotes.symbol.astype(np.int32), quotes.bid, quotes.ask, quotes.ts)
    return flow_of(columns, deals(population), instruments(population))


def scored(book: FlowBook, flow: FlowColumns, clients: int, n: int) -> Verdict:
    """Return what the product says of everybody's first n decisions, by the lab's numbers."""
    known = len(book.client_ids)
    scores: Scores = score_clients(sum_flow(flow, known, book.settings, first=n))
    p, rank, edge = (np.full(clients, np.nan) for _ in range(3))
    place = _places(book)
    p[place], rank[place], edge[place] = scores.p_toxic, scores.log_odds, scores.edge
    return Verdict(p, rank, edge)


def instruments(population: Population) -> list[Instrument]:
    """Return a population's symbols as the product knows them."""
    return [
        Instrument(
            symbol=Symbol(one.name),
            asset_class=one.asset_class,
            base=Currency(one.base),
            quote=Currency(one.quote),
            contract_size=one.contract_size,
            digits=one.digits,
            calc_mode=CalcMode.FOREX if one.asset_class == "fx" else CalcMode.CFD,
        )
        for one in population.terms
    ]


def deals(population: Population) -> list[DealExecuted]:
    """Return a population's deals up to its last quote, in order of time, entries first."""
    trades = population.trades
    many = len(trades.client)
    per_lot = np.array([one.contract_size * one.usd_per_quote for one in population.terms])
    money = trades.lots * per_lot[trades.symbol]
    ts = np.concatenate([trades.entry_ns, trades.exit_ns])
    price = np.concatenate([trades.entry_price, trades.exit_price])
    nothing = np.zeros(many)
    commission = np.concatenate([nothing, -trades.commission * money])
    swap = np.concatenate([nothing, trades.swap * money])
    order = np.argsort(ts, kind="stable")
    order = order[ts[order] <= population.quotes.ts[-1]]  # what comes later is not known yet
    columns = (ts[order], order, price[order], commission[order], swap[order])
    names = [one.name for one in population.terms]
    sides, lots = trades.side.tolist(), trades.lots.tolist()
    owners, symbols, closed = (
        column.tolist() for column in (trades.client, trades.symbol, trades.closed)
    )
    return [
        _deal(when, row, row % many, row < many, at, paid, night, names, symbols, sides, lots,
              owners, closed)
        for when, row, at, paid, night in zip(*(c.tolist() for c in columns), strict=True)
    ]  # fmt: skip


def _deal(
    when: int,
    row: int,
    trade: int,
    opens: bool,  # noqa: FBT001
    price: float,
    commission: float,
    swap: float,
    names: list[str],
    symbols: list[int],
    sides: list[float],
    lots: list[float],
    owners: list[int],
    closed: list[int],
) -> DealExecuted:
    buys = (sides[trade] > 0.0) == opens
    return DealExecuted(
        when,
        str(row),
        client_id(owners[trade]),
        str(trade),
        names[symbols[trade]],
        (Side.BUY if buys else Side.SELL).value,
        (Entry.IN if opens else Entry.OUT).value,
        lots[trade],
        price,
        commission,
        swap,
        reason="" if opens else CLOSED[closed[trade]],
    )


def _places(book: FlowBook) -> Ints:
    """Return the lab's number of each of the product's clients."""
    return np.array([int(name[1:]) for name in book.client_ids], np.int64)


def _alarmed(book: FlowBook, clients: int) -> Ints:
    after = np.full(clients, NEVER)
    for alarm in FlowView(book).alarms():
        who = int(alarm.client_id[1:])
        after[who] = min(after[who], alarm.n)
    return after


def _numbers(trades: int) -> list[int]:
    first = list(range(1, min(_EVERY_ONE, trades) + 1))
    return sorted({*first, *range(_STRIDE, trades + 1, _STRIDE), trades})


def _held(verdict: Verdict, numbers: list[int], trades: int) -> Verdict:
    """Fill what was not asked with what was said last."""
    last = np.searchsorted(numbers, np.arange(1, trades + 1), side="right") - 1
    chosen = np.array(numbers)[last] - 1
    filled: list[Floats] = [column[:, chosen] for column in verdict]
    return Verdict(*filled)
