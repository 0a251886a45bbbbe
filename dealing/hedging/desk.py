"""Hedging in the engine's loop: decided from its exposure, kept on the disk, and only then sent.

Every step is small: deciding takes what the engine knows at one moment, the disk and the platform
are waited for beside the loop, and batches go on meanwhile. One thing is decided at a time.
Source: docs/hedging.md, which has the argument why nothing is hedged twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
import structlog

from bookrouting.hedge_terms import HedgeMode, HedgeOrder, Verdict
from bookrouting.hedging import decide, order_by_hand, resumed
from dealing.commands.errors import ConflictError
from dealing.components import ComponentState, ComponentStatus
from dealing.hedging.book import HedgeBook
from dealing.hedging.gateway import HedgeGateway
from dealing.hedging.keeping import MemoryKeeper
from dealing.hedging.model import KEPT_REQUESTS, Bridge, Taken
from dealing.hedging.ports import (
    HedgeAsked,
    HedgeRequest,
    HedgeSymbol,
    ListHedging,
    ResumeHedging,
    SetHedgeMode,
    SuggestTicket,
)
from dealing.hedging.sight import Sight
from dealing.hedging.told import symbol_row, ticket_row, wanted, wanted_within
from dealing.storage.journal import Journal
from exposure.errors import DomainError, FeedError, GapError, StorageError
from exposure.model.events import EventBatch

NOT_KEPT: Final = "it was not sent: it could not be kept on the disk"
LOST: Final = "the journal no longer has what happened to its orders: ask the provider"
STEP_TOLERANCE: Final = 1e-6


class _Due(NamedTuple):
    """What one look decided."""

    orders: list[HedgeOrder]
    enquiries: list[HedgeOrder]
    bridges: list[tuple[str, Bridge]]

    @property
    def must_be_kept(self) -> bool:
        return bool(self.orders or self.bridges)


class HedgeDesk:
    """Hedges the symbols of a running engine; answers what a desk asks about it."""

    def __init__(self, book: HedgeBook, keeper: MemoryKeeper, gateway: HedgeGateway) -> None:
        """Take what is known, where it is kept, and the way to the platform."""
        self._book = book
        self._keeper = keeper
        self._gateway = gateway
        self._feed_is_live: Callable[[], bool] = lambda: False
        self._turn = asyncio.Lock()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._not_kept = ""
        self._log = structlog.get_logger()

    # With the engine --------------------------------------------------------------------------

    def recover(self, journal: Journal) -> None:
        """Take what the journal holds behind the memory; the engine is there already.

        Where it no longer reaches back, every symbol waits for a person.
        """
        book = self._book
        if book.is_current and book.memory.position < book.engine.position:
            try:
                for batch in journal.replay(book.memory.position):
                    book.take(batch)
            except GapError:
                for symbol in book.memory.symbols:
                    book.pause(symbol, LOST)
                book.memory.position = book.engine.position

    def take(self, batch: EventBatch) -> None:
        """Take a batch that the engine has just applied."""
        self._book.take(batch)

    async def run(self, feed_is_live: Callable[[], bool]) -> NoReturn:
        """Decide again and again.

        Args:
            feed_is_live: Whether the engine knows what the platform knows, as far as one can see.
        """
        self._feed_is_live = feed_is_live
        try:
            while True:
                await asyncio.sleep(self._book.settings.decide_every_s)
                await self.look()
        finally:
            for task in self._sending.values():
                task.cancel()

    async def keep(self) -> None:
        """Keep the memory, so that the journal need not reach back further.

        Raises:
            StorageError: It could not be written.
        """
        async with self._turn:
            if self._book.memory.symbols or self._book.memory.number:
                await self._keeper.keep(self._book.memory)

    async def look(self) -> None:
        """Decide about every symbol at this moment; keep, then send."""
        async with self._turn:
            active = self._book.active()
            if not active or not self._book.is_current:
                return
            due = self._decided(active)
            if due.must_be_kept and not await self._is_kept(due):
                return
            self._dispatch(due)

    def status(self) -> list[ComponentStatus]:
        """Return how hedging is doing, nothing where nobody hedges."""
        book = self._book
        active = book.active()
        if not active:
            return []
        pauses = [name for name in active if book.of(name).hedger.pause]
        counted = {
            mode: sum(book.mode_of(name) is mode for name in active)
            for mode in (HedgeMode.AUTOMATIC, HedgeMode.MANUAL)
        }
        detail = ", ".join(f"{count} {mode}" for mode, count in counted.items() if count)
        unknown = [name for name in active if book.engine.symbol_index(name) < 0]
        if unknown and self._feed_is_live():
            pauses, detail = [*pauses, *unknown], f"{detail}; not known: {', '.join(unknown)}"
        elif pauses:
            detail += f"; paused: {', '.join(pauses)}"
        if self._not_kept:
            detail = f"orders wait: {self._not_kept}"
        ill = bool(pauses or self._not_kept)
        state = ComponentState.DEGRADED if ill else ComponentState.RUNNING
        return [ComponentStatus("hedging", state, detail or "ending", None)]

    # Asked ------------------------------------------------------------------------------------

    async def asked(self, asked: HedgeAsked) -> dict[str, Any]:
        """Answer what a desk asks; requests are done once for each key.

        Raises:
            DomainError: It cannot be done now.
            StorageError: It could not be kept, and was not done.
        """
        match asked:
            case ListHedging():
                return self._listed()
            case SuggestTicket():
                return self._ticket(asked)
            case _:
                async with self._turn:
                    return await self._once(asked)

    def _listed(self) -> dict[str, Any]:
        sight, live = Sight(self._book.engine), self._feed_is_live()
        names = [str(name) for name in sight.columns["symbol"]]
        rows = [symbol_row(self._book, sight, name, feed_is_live=live) for name in names]
        return {
            "as_of_ms": sight.now_ns / 1e6,
            "feed_is_live": live,
            "not_kept": self._not_kept,
            "symbols": [row for row in rows if row is not None],
        }

    def _ticket(self, asked: SuggestTicket) -> dict[str, Any]:
        sight = Sight(self._book.engine)
        side, lots = asked.side, asked.lots
        if asked.within_usd is not None:
            side, lots = wanted_within(self._book, sight, asked.symbol, asked.within_usd)
        elif side is None or lots is None:
            side, lots = wanted(self._book, sight, asked.symbol)
        rules = self._book.rules_of(asked.symbol)
        return ticket_row(sight.ticket(asked.symbol, side, lots, rules))

    async def _once(self, request: HedgeRequest) -> dict[str, Any]:
        said = msgspec.to_builtins(request)
        requests = self._book.memory.requests
        if (held := requests.get(request.key)) is not None:
            if held.request != said:
                raise ConflictError(
                    f"key {request.key} was used for another request: take a new one"
                )
            return held.told
        before = msgspec.structs.replace(self._known(request.symbol))
        told, due = self._done(request)
        requests[request.key] = Taken(said, told)
        for old in list(requests)[:-KEPT_REQUESTS]:
            del requests[old]
        try:
            await self._keeper.keep(self._book.memory)
        except StorageError:
            requests.pop(request.key, None)
            self._undo(request, before)
            raise
        self._dispatch(due)
        return told

    def _known(self, symbol: str) -> Any:
        if self._book.engine.symbol_index(symbol) < 0:
            raise DomainError(f"symbol {symbol[:64]} is not known here: check its spelling")
        return self._book.of(symbol)

    def _undo(self, request: HedgeRequest, before: Any) -> None:
        held = self._book.of(request.symbol)
        match request:
            case SetHedgeMode():
                held.live_mode = before.live_mode
            case HedgeSymbol():
                if held.hedger.open is not None:
                    self._book.refused(request.symbol, held.hedger.open.key, NOT_KEPT)
            case ResumeHedging():
                if before.hedger.pause:
                    self._book.pause(request.symbol, before.hedger.pause)

    def _done(self, request: HedgeRequest) -> tuple[dict[str, Any], _Due]:
        nothing = _Due([], [], [])
        match request:
            case SetHedgeMode(symbol=symbol, mode=mode):
                was = self._book.mode_of(symbol)
                self._book.set_mode(symbol, mode)
                return {"symbol": symbol, "was": was.value, "mode": mode.value}, nothing
            case ResumeHedging(symbol=symbol):
                held = self._book.of(symbol)
                if not held.hedger.pause:
                    raise ConflictError(f"{symbol} is not paused: there is nothing to resume")
                told = {"symbol": symbol, "was_paused": held.hedger.pause}
                held.hedger = resumed(held.hedger)
                return told, nothing
            case HedgeSymbol():
                return self._by_hand(request)

    def _by_hand(self, request: HedgeSymbol) -> tuple[dict[str, Any], _Due]:
        symbol, sight = request.symbol, Sight(self._book.engine)
        told = self._book.rules_of(symbol)
        self._check(request)
        seen = sight.of(symbol, told.hedges)
        ticket = sight.ticket(symbol, request.side, request.lots, told)
        rules = self._book.band_of(symbol, seen)
        now = self._book.situation(symbol, seen, sight.now_ns, feed_is_live=True)
        now = now._replace(lp=request.lp or told.lp)
        step = order_by_hand(self._book.of(symbol).hedger, rules, now, request.side, request.lots)
        order = step.decision.order
        assert order is not None  # noqa: S101 - by hand there always is one
        self._book.ordered(symbol, step.state, order, seen)
        row = {"symbol": symbol, "order": order.key, "side": order.side.value, "lots": order.lots,
               "lp": order.lp, "ticket": ticket_row(ticket)}  # fmt: skip
        return row, _Due([order], [], [])

    def _check(self, request: HedgeSymbol) -> None:
        told = self._book.rules_of(request.symbol)
        if not (self._feed_is_live() and self._book.is_current):
            raise ConflictError("the engine does not know the present exposure: wait for the feed")
        if request.lots > told.most_ticket_lots:
            raise DomainError(f"a ticket has at most {told.most_ticket_lots:g} lots")
        steps = request.lots / told.rules.lot_step
        if not request.lots > 0.0 or abs(steps - round(steps)) > STEP_TOLERANCE:
            raise DomainError(f"lots must be whole steps of {told.rules.lot_step:g} above 0")

    # Decided ----------------------------------------------------------------------------------

    def _decided(self, active: list[str]) -> _Due:
        sight, due = Sight(self._book.engine), _Due([], [], [])
        for symbol in active:
            # one that is not defined yet, was renamed, or is misspelt has no exposure to decide on
            if self._book.engine.symbol_index(symbol) >= 0:
                self._decide(symbol, sight, due)
        return due

    def _decide(self, symbol: str, sight: Sight, due: _Due) -> None:
        book = self._book
        held, told = book.of(symbol), book.rules_of(symbol)
        seen = sight.of(symbol, told.hedges)
        book.see_price(symbol, seen)
        was_asked = bool(held.bridge.key)
        asked = book.bridge_to_ask(symbol)
        if asked is not None and not self._is_sending(asked.key):
            # one that was asked by an earlier process is on the disk already; again does no harm
            due.bridges.append((symbol, asked))
        live = self._feed_is_live()
        now = book.situation(symbol, seen, sight.now_ns, feed_is_live=live)
        if (asked is not None or was_asked) and held.hedger.open is None:
            return
        step = decide(held.hedger, book.band_of(symbol, seen), now)
        order = step.decision.order
        match step.decision.verdict:
            case Verdict.ORDER if order is not None:
                book.ordered(symbol, step.state, order, seen)
                due.orders.append(order)
            case Verdict.ENQUIRY if order is not None:
                held.hedger = step.state
                due.enquiries.append(order)
            case _:
                held.hedger = step.state

    async def _is_kept(self, due: _Due) -> bool:
        try:
            await self._keeper.keep(self._book.memory)
        except StorageError as e:
            if not self._not_kept:
                self._log.error("hedge orders cannot be kept, so none is sent", reason=str(e))
            self._not_kept = str(e)
            for order in due.orders:
                self._book.refused(order.symbol, order.key, NOT_KEPT)
            return False
        self._not_kept = ""
        return True

    # Sent -------------------------------------------------------------------------------------

    def _dispatch(self, due: _Due) -> None:
        for order in due.orders:
            self._log.info("hedge", key=order.key, side=order.side.value, lots=order.lots)
            self._start(order.key, self._send(order))
        for order in due.enquiries:
            self._log.warning("hedge asked about", key=order.key)
            self._start(order.key, self._enquire(order))
        for symbol, asked in due.bridges:
            self._start(asked.key, self._ask_bridge(symbol, asked))

    def _start(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        if self._is_sending(key):
            work.close()  # what is on its way answers, or is given up
            return
        task = asyncio.create_task(work)
        self._sending[key] = task
        task.add_done_callback(lambda _: self._sending.pop(key, None))

    def _is_sending(self, key: str) -> bool:
        return key in self._sending

    async def _send(self, order: HedgeOrder) -> None:
        try:
            answer = await self._gateway.send(order)
        except FeedError as e:
            self._log.warning("hedge has no answer", key=order.key, reason=str(e))
            return
        if not answer.accepted:
            self._book.refused(order.symbol, order.key, answer.reason)

    async def _enquire(self, order: HedgeOrder) -> None:
        try:
            answer = await self._gateway.enquire(order)
        except FeedError as e:
            self._log.warning("hedge has no answer", key=order.key, reason=str(e))
            return
        if not answer.accepted:
            self._book.refused(order.symbol, order.key, answer.reason)

    async def _ask_bridge(self, symbol: str, asked: Bridge) -> None:
        try:
            answer = await self._gateway.set_bridge(symbol, asked.key, on=asked.asked_on)
        except FeedError as e:
            self._log.warning("bridge has no answer", key=asked.key, reason=str(e))
            return
        self._log.info("bridge", symbol=symbol, on=asked.asked_on, refused=answer.reason)
        self._book.bridge_answered(symbol, asked, answer.reason)
