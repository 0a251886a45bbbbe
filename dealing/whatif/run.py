"""One day under one policy: the engine itself, with other books and other hedges.

Everything but books and hedges is given to the engine as it happened, so what a policy comes to is
computed by the same code as what happened. The client's side is the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bookrouting.following import Decision
from dealing.answers import Report
from dealing.replay import apply_quote_run, symbol_index
from dealing.score.reader import FlowReader
from dealing.whatif.hedges import Hedges
from dealing.whatif.ledger import ClientLedger
from dealing.whatif.provider import HedgeTape, ProviderModel
from dealing.whatif.routers import Router
from exposure.engine import ExposureEngine
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    DealExecuted,
    DividendPaid,
    EventBatch,
    HedgeExecuted,
    InputEvent,
    PositionRestored,
    PriceAdjusted,
    SplitApplied,
    SwapCharged,
)
from exposure.model.quotes import QuoteColumns
from exposure.settings import EngineSettings
from exposure.snapshot import Snapshot
from feeds.book_files import BookDirectory, QuoteRun

_REPORTS: Final = 100
_NOWHERE: Final = np.zeros(0, np.int64)


class Plan(NamedTuple):
    """What is changed: ``router`` decides the books (None: the recorded ones), ``model`` hedges.

    ``reader`` is shown everything after the router has decided about it, None if nobody looks.

    ``moves_open`` lets the router decide about positions that were open before the day too, and
    trades what the house held then to what it means to hold.
    """

    router: Router | None
    model: ProviderModel
    moves_open: bool
    delay_ns: int
    reader: FlowReader | None = None


class Sample(NamedTuple):
    """The house at the end of a block. Units: ``block`` counts from 1970, money USD."""

    block: int
    pnl_usd: float
    var_usd: float


class Outcome(NamedTuple):
    """What a day came to.

    ``client_usd`` and ``hedge_usd`` are by login, open positions included: what the client gained,
    and what the hedges made for him did. ``lp_realised_usd`` is the providers' side in all.
    """

    snapshot: Snapshot
    samples: list[Sample]
    ledger: ClientLedger
    tape: HedgeTape
    client_usd: dict[str, float]
    hedge_usd: dict[str, float]
    lp_realised_usd: float
    refused_hedges: int
    decisions: Sequence[Decision] = ()

    @property
    def pnl_usd(self) -> float:
        """The house's result: realised and floating, as ``plimsoll replay`` says it."""
        return self.snapshot.house.realised_usd + self.snapshot.house.floating_usd

    @property
    def a_usd(self) -> float:
        """What was hedged: minus the clients' shares of it, plus everything at providers."""
        floating_usd = self.snapshot.house.floating_a_usd
        return -self.ledger.client_a_usd + self.lp_realised_usd + floating_usd

    @property
    def b_usd(self) -> float:
        """What was kept."""
        return -self.ledger.client_b_usd + self.snapshot.house.floating_b_usd

    @property
    def lp_usd(self) -> float:
        """What the providers brought, open positions included."""
        return self.lp_realised_usd + self.snapshot.house.lp_floating_usd

    @property
    def client_realised_usd(self) -> float:
        """What clients realised, cash whose rate was not known at its moment included."""
        return self.lp_realised_usd - self.snapshot.house.realised_usd


def run_day(
    book: BookDirectory,
    settings: EngineSettings,
    plan: Plan | None,
    block_ns: int,
    until: int | None,
    progress: Report,
) -> Outcome:
    """Compute a day under a plan, None for what happened."""
    return _Day(book, settings, plan, block_ns).run(until, progress)


class _Day:
    """A day on its way through an engine."""

    def __init__(
        self, book: BookDirectory, settings: EngineSettings, plan: Plan | None, block_ns: int
    ) -> None:
        self._book, self._plan, self._block_ns = book, plan, block_ns
        self.engine = ExposureEngine(settings)
        self.ledger = ClientLedger(self.engine)
        self.tape = HedgeTape()
        self._hedges = None if plan is None else Hedges(self.engine, plan.model, self.ledger)
        self._assigned: dict[tuple[str, str], float] = {}
        self._recorded: dict[str, float] = {}
        self._reader = None if plan is None else plan.reader
        self._router = None if plan is None else plan.router
        self._index: NDArray[np.int32] | None = None
        self._indexed_at = -1
        self._block: int | None = None
        self._samples: list[Sample] = []

    def run(self, until: int | None, progress: Report) -> Outcome:
        for batch in self._book.opening():
            for event in batch.events:
                self._show(event)
                self._apply(self._opening(event))
        if self._hedges is not None and self._plan is not None and self._plan.moves_open:
            self._hedges.align()
        rows, done, next_report = self._book.rows_until(until), 0, 0.0
        for segment in self._book.segments(until):
            for size in self._play(segment):
                done += size
                if done >= next_report:
                    progress(min(done / max(rows, 1), 1.0))
                    next_report = done + rows / _REPORTS
        if self._hedges is not None:
            self._hedges.finish()
        self._sample()
        return self._outcome()

    def _outcome(self) -> Outcome:
        house, hedges = self.engine.house, self._hedges
        return Outcome(
            self.engine.snapshot(),
            self._samples,
            self.ledger,
            self.tape,
            self.ledger.clients_by_login(),
            self.ledger.hedges_by_login(),
            house.lp_realised_usd + house.lp_cash_usd,
            0 if hedges is None else hedges.refused,
            () if self._router is None else self._router.decisions,
        )

    def _play(self, segment: QuoteRun | EventBatch) -> Iterator[int]:
        if isinstance(segment, EventBatch):
            for event in segment.events:
                self._pass_time(max(event.ts_event, self.engine.as_of))
                self._event(event)
                self._show(event)
            yield len(segment.events)
        else:
            for part in self._parts(segment):
                yield self._quotes(part)

    # Quotes -----------------------------------------------------------------------------------

    def _parts(self, run: QuoteRun) -> Iterator[QuoteRun]:
        """Yield a run cut where a block ends, a hedge falls due, or a waiting symbol is quoted."""
        times = np.maximum(np.maximum.accumulate(run.quotes.ts_event), self.engine.as_of)
        cuts = self._block_ends(times)
        waiting = self._hedges is not None and self._hedges.waits_for_prices
        if waiting:
            _, firsts = np.unique(run.quotes.symbol, return_index=True)
            cuts = np.union1d(cuts, firsts + 1)
        begin, stops = 0, iter([*cuts[cuts < len(times)].tolist(), len(times)])
        for stop in stops:
            while begin < stop:
                self._pass_time(int(times[begin]))
                due = None if self._hedges is None else self._hedges.next_due
                end = self._until_thought(times, begin, stop)
                if due is not None:
                    # what is quoted at the very moment is what the hedge meets
                    end = min(end, int(np.searchsorted(times, due, side="right")))
                end = max(end, begin + 1)
                yield run if end - begin == len(times) else _part(run, begin, end)
                begin = end

    def _block_ends(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where new blocks begin in times that never go back; most runs lie in one."""
        if times[0] // self._block_ns == times[-1] // self._block_ns:
            return _NOWHERE
        return np.flatnonzero(np.diff(times // self._block_ns)) + 1

    def _until_thought(self, times: NDArray[np.int64], begin: int, stop: int) -> int:
        """Return where the quotes end that come before the router thinks again."""
        step = None if self._router is None else self._router.next_step_ns
        if step is None or step > times[stop - 1]:
            return stop
        return max(int(np.searchsorted(times, step)), begin + 1)

    def _quotes(self, part: QuoteRun) -> int:
        engine, version = self.engine, self.engine.book.names_version
        if self._index is None or version != self._indexed_at:
            self._index, self._indexed_at = symbol_index(self._book, engine), version
        run = QuoteRun(engine.position + 1, part.quotes)
        apply_quote_run(run, engine, self._index, self._book.symbols)
        if self._reader is not None:
            self._reader.quotes(part, self._book.symbols)
        if self._hedges is not None and self._hedges.waits_for_prices:
            self._hedges.align_priced(engine.as_of)
        return len(part.quotes.symbol)

    def _pass_time(self, now: int) -> None:
        if self._router is not None:
            self._router.pass_time(now)
        if self._hedges is not None:
            self._hedges.execute_due(now)
        block = now // self._block_ns
        if self._block is not None and block > self._block:
            self._sample()
        self._block = block if self._block is None else max(block, self._block)

    def _sample(self) -> None:
        if self._block is None:
            return
        taken = self.engine.snapshot()
        pnl_usd = taken.house.realised_usd + taken.house.floating_usd
        self._samples.append(Sample(self._block, pnl_usd, taken.risk.var_usd))

    # Events -----------------------------------------------------------------------------------

    def _show(self, event: InputEvent) -> None:
        if self._reader is not None:
            self._reader.events([event])

    def _apply(self, event: InputEvent | None) -> None:
        if event is not None:
            engine = self.engine
            engine.apply(EventBatch(engine.position + 1, event.ts_event, [event]))

    def _opening(self, event: InputEvent) -> InputEvent:
        plan = self._plan
        if plan is None or plan.router is None:
            return event
        if isinstance(event, AccountChanged):
            account = event.account
            self._recorded[account.login] = account.book.hedge_ratio(account.hedge_ratio or 0.0)
            return event
        if isinstance(event, PositionRestored):
            ratio = None
            if plan.moves_open:
                ratio = plan.router.opening_ratio(event.login, event.symbol, self.engine.as_of)
            if ratio is not None:
                self._apply(self._assignment(event.login, event.symbol, ratio, event.ts_event))
                return msgspec.structs.replace(event, hedge_ratio=ratio)
            if event.hedge_ratio is None:
                ratio = self._recorded.get(event.login, 0.0)
                return msgspec.structs.replace(event, hedge_ratio=ratio)
        return event

    def _event(self, event: InputEvent) -> None:
        plan = self._plan
        match event:
            case HedgeExecuted():
                self._recorded_hedge(event)
            case BookAssigned() if plan is not None and plan.router is not None:
                return
            case DealExecuted():
                self._deal(event)
            case SwapCharged() | DividendPaid() | PriceAdjusted() if event.lp:
                self.tape.has_lp_swaps |= isinstance(event, SwapCharged)
                with self.ledger.provider_action(event.symbol, event.lp):
                    self._apply(event)
            case DividendPaid() | PriceAdjusted():
                with self.ledger.client_action(event):
                    self._apply(event)
            case SplitApplied():
                self._apply(event)
                self.ledger.split(event.symbol, event.ratio)
                if self._hedges is not None:
                    self._hedges.split(event.symbol, event.ratio)
            case _:
                self._apply(event)

    def _recorded_hedge(self, event: HedgeExecuted) -> None:
        if self._plan is None:
            self.tape.take(event, self.engine)
            with self.ledger.recorded_hedge(event):
                self._apply(event)

    def _deal(self, event: DealExecuted) -> None:
        plan = self._plan
        if plan is not None and plan.router is not None:
            ratio = plan.router.hedge_ratio(event.login, event.symbol, event.ts_event)
            self._apply(self._assignment(event.login, event.symbol, ratio, event.ts_event))
        with self.ledger.deal(event) as change:
            self._apply(event)
        self.tape.client_swap_usd += change.hedged_swap_usd
        if plan is None or self._hedges is None or change.meant_lots == 0.0:
            return
        self._hedges.order(event, change, self.engine.as_of, plan.delay_ns)

    def _assignment(
        self, login: str, symbol: str, ratio: float, ts_event: int
    ) -> BookAssigned | None:
        if self._assigned.get((login, symbol)) == ratio:
            return None
        book = self.engine.book
        if login not in book.account_of or symbol not in book.symbol_of:
            return None  # the deal is refused too, and says so
        self._assigned[login, symbol] = ratio
        name = "A" if ratio == 1.0 else "B" if ratio == 0.0 else "C"
        return BookAssigned(ts_event, login, name, ratio, symbol)


def _part(run: QuoteRun, begin: int, end: int) -> QuoteRun:
    symbol, bid, ask, ts = run.quotes
    columns = QuoteColumns(symbol[begin:end], bid[begin:end], ask[begin:end], ts[begin:end])
    return QuoteRun(run.first_position + begin, columns)
