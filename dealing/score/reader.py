"""A day of files as the flow book sees it: events and runs of quotes, with who belongs to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_book import FlowBook
from bookrouting.flow_settings import FlowSettings
from dealing.answers import Report, silently
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    EventBatch,
    InputEvent,
    InstrumentDefined,
    PositionRestored,
    SymbolRenamed,
)
from exposure.quote_runs import columns_of, quote_run
from feeds.book_files import QuoteRun, read_book_directory

MUST_EXIST: Final = ("instruments", "quotes", "deals")

_BOOKS: Final = frozenset(Book)
_REPORTS: Final = 200


class Moved(NamedTuple):
    """When a client last went to another book (ns UTC), and how often he had traded by then."""

    ts: int
    trades: int


class FlowReader:
    """Feeds a flow book and keeps which book each client's new deals go to.

    Once an account is known, deals of logins that are not are left out; without accounts every
    login is a client of its own with a USD account.
    """

    def __init__(
        self, settings: FlowSettings | None = None, pivots: Iterable[str] = ("USD", "EUR")
    ) -> None:
        """Take the constants of the score and the pivots of conversions."""
        self.flow = FlowBook(settings, tuple(pivots))
        self.book_of: dict[str, str] = {}
        self.hedge_ratio_of: dict[str, float] = {}
        self.moved: dict[str, Moved] = {}
        self.unknown_logins: Counter[str] = Counter()
        self._index: NDArray[np.int32] = np.zeros(0, np.int32)
        self._names = -1

    def events(self, events: Sequence[InputEvent]) -> None:
        """Apply events in their order; those that say nothing of a flow change nothing."""
        k = 0
        while k < len(events):
            run = quote_run(events, k)
            if run:
                self.flow.apply_quotes(columns_of(run, self.flow.symbol_of))
                k += len(run)
            else:
                self._event(events[k])
                k += 1

    def quotes(self, run: QuoteRun, symbols: list[str]) -> None:
        """Apply quotes whose ``symbol`` is a place in ``symbols``."""
        self.flow.apply_quotes(
            run.quotes._replace(symbol=self._indices(symbols)[run.quotes.symbol])
        )

    def take(self, segment: QuoteRun | EventBatch, symbols: list[str]) -> None:
        """Apply a segment of a book directory."""
        if isinstance(segment, EventBatch):
            self.events(segment.events)
        else:
            self.quotes(segment, symbols)

    def _event(self, event: InputEvent) -> None:
        match event:
            case DealExecuted():
                self._deal(event)
            case ClockTicked():
                self.flow.pass_time(event.ts_event)
            case InstrumentDefined():
                if event.instrument.problem() is None:
                    self.flow.add_instrument(event.instrument)
            case AccountChanged(account=account):
                owner = self.flow.add_login(account.login, account.client_id, account.currency)
                client_id = self.flow.client_ids[owner.client]
                if client_id not in self.book_of:
                    self._place(client_id, account.book, account.hedge_ratio)
            case BookAssigned():
                self._assign(event)
            case PositionRestored():
                self.flow.restore_position(event)
            case SymbolRenamed():
                self.flow.rename_symbol(event.symbol, event.new_symbol)
            case _:
                return

    def _assign(self, event: BookAssigned) -> None:
        owner = self.flow.logins.get(event.login)
        if owner is None or event.book not in _BOOKS or event.symbol:
            return
        client_id = self.flow.client_ids[owner.client]
        before = self.hedge_ratio_of.get(client_id)
        self._place(client_id, event.book, event.hedge_ratio)
        if self.hedge_ratio_of[client_id] != before:
            trades = int(self.flow.arrays.clients["trades"][owner.client])
            self.moved[client_id] = Moved(event.ts_event, trades)

    def _place(self, client_id: str, book: str, hedge_ratio: float | None) -> None:
        """Remember a client's book; without a ratio book C keeps the one he had."""
        partial = self.hedge_ratio_of.get(client_id, 0.0) if hedge_ratio is None else hedge_ratio
        self.book_of[client_id] = str(book)
        self.hedge_ratio_of[client_id] = Book(book).hedge_ratio(partial)

    def _deal(self, deal: DealExecuted) -> None:
        if self.book_of and deal.login not in self.flow.logins:
            self.unknown_logins[deal.login] += 1
        else:
            self.flow.apply_deal(deal)

    def _indices(self, symbols: list[str]) -> NDArray[np.int32]:
        if self._names != self.flow.names_version:
            known = self.flow.symbol_of
            self._index = np.array([known.get(name, -1) for name in symbols], np.int32)
            self._names = self.flow.names_version
        return self._index


def read_flow(
    directory: Path,
    reader: FlowReader,
    notes: list[str],
    until: int | None = None,
    progress: Report = silently,
) -> None:
    """Let a flow book see a day of files.

    Args:
        directory: A book directory with instruments, quotes and deals.
        reader: Takes the day.
        notes: Takes sentences about what was left out.
        until: Stop after the events of this instant, ns UTC.
        progress: Told from time to time how much is done.

    Raises:
        DataError: The directory or a file of it cannot be used at all.
    """
    book = read_book_directory(directory, notes, MUST_EXIST)
    for batch in book.opening():
        reader.events(batch.events)
    done, last, next_report = 0, max(book.rows_until(until), 1), 0.0
    for segment in book.segments(until):
        reader.take(segment, book.symbols)
        if isinstance(segment, EventBatch):
            done = segment.position
        else:
            done = segment.first_position + len(segment.quotes.ts_event)
        if done >= next_report:
            progress(min(done / last, 1.0))
            next_report = done + last / _REPORTS
    reader.flow.finish()
    progress(1.0)
