"""The platform's trade server: it executes, closes and books, and every act is an event.

It keeps its accounts in the project's own exposure engine, which is fed with the very events that
are sent out. So margin, free margin and stop-outs are those of the desk, by construction.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.engine import ExposureEngine
from exposure.export import export_state, restore
from exposure.kernels import LEVEL_TOLERANCE, MONEY_TOLERANCE
from exposure.model.accounts import Account, BalanceKind
from exposure.model.deals import Entry, Side
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    BookAssigned,
    DealExecuted,
    EventBatch,
    HedgeAnswered,
    HedgeExecuted,
    InputEvent,
    MarginLevelCrossed,
    OutputEvent,
    QuoteReceived,
    SplitApplied,
    SymbolRenamed,
)
from exposure.model.instruments import AssetClass, Instrument
from exposure.model.quotes import QuoteColumns
from exposure.netting import Fill
from exposure.settings import EngineSettings
from exposure.state import EngineState
from exposure.valuation import realised_profit
from feeds.platform_commands import BalanceDeal, ChangeBalance
from feeds.simulator.population import Population
from feeds.simulator.price_board import PriceBoard
from feeds.simulator.providers import HedgeFill

Floats = NDArray[np.float64]

ENGINE_SETTINGS: Final = EngineSettings(kept_events=0)

_LP_COMMISSION_USD_PER_LOT: Final = 2.5
_PAYS_COMMISSION: Final = (AssetClass.FX, AssetClass.METAL)
_NO_PRICE: Final = "no price"
_STOP_OUT_BIT: Final = 1 << 1


class Closed(NamedTuple):
    """What a close came to, in account currency; ``is_partial`` if something is left open."""

    account: int
    profit: float
    is_partial: bool


class TradeServer:
    """Accounts, positions and prices of the platform, and the events that changed them.

    Accounts, symbols and positions are the engine's rows and slots. ``instruments`` have their
    names of now. ``meant`` is the signed client lots that the house means to hedge; ``by_desk``
    what it holds beside that because its desk ordered it; ``bridged`` which symbols the bridge
    hedges. ``rejected`` counts orders by the reason for which nothing happened.

    Shapes: (symbols,).
    """

    def __init__(
        self,
        instruments: list[Instrument],
        population: Population,
        *,
        max_quote_age_ns: int,
        lp: str,
    ) -> None:
        n = len(instruments)
        self.instruments = list(instruments)
        self.lp = lp
        self.engine = ExposureEngine(ENGINE_SETTINGS)
        self.board = PriceBoard(self.instruments, self.engine.book, max_quote_age_ns)
        self.meant: Floats = np.zeros(n)
        self.by_desk: Floats = np.zeros(n)
        self.bridged: NDArray[np.bool_] = np.ones(n, np.bool_)
        self.rejected: Counter[str] = Counter()
        self._commission, self._banned = population.commission, population.banned
        self._currency = [account.currency for account in population.accounts]
        self._ticket = 10_000_000
        self._for_desks: dict[str, list[BalanceDeal]] = {}
        self._events: list[InputEvent] = []
        self._margin_calls: list[int] = []
        self._closed: list[Closed] = []

    @property
    def book(self) -> ClientBook:
        """The accounts and their positions."""
        return self.engine.book

    # Facts ------------------------------------------------------------------------------------

    def publish(self, events: list[InputEvent]) -> None:
        """Let events happen: the accounts take them and they are sent out."""
        if not events:
            return
        position = self.engine.position + len(events)
        self._notice(self.engine.apply(EventBatch(position, events[-1].ts_event, events)))
        self._events += events

    def quote(self, quotes: QuoteColumns, now: int) -> None:
        """Publish client quotes that have arrived by ``now``, then stop out whom they ruined."""
        self._notice(self.engine.apply_quotes(quotes, self.engine.position + 1))
        names = self.instruments
        columns = (column.tolist() for column in quotes)
        self._events += [
            QuoteReceived(ts, names[symbol].symbol, bid, ask)
            for symbol, bid, ask, ts in zip(*columns, strict=True)
        ]
        self.stop_out(now)

    def take_events(self) -> list[InputEvent]:
        """Return what was published since the last call."""
        events, self._events = self._events, []
        self.engine.trades.deal_ids.clear()  # this server makes the ids: none comes twice
        self.engine.trades.hedge_ids.clear()
        return events

    def take_margin_calls(self) -> list[int]:
        """Return the accounts that were called since the last call."""
        called, self._margin_calls = self._margin_calls, []
        return called

    def take_closed(self) -> list[Closed]:
        """Return what was closed since the last call, stop-outs included."""
        closed, self._closed = self._closed, []
        return closed

    def mean_to_hedge(self) -> None:
        """Add up what is meant to be hedged; deals keep it current from then on."""
        positions, used = self.book.positions, len(self.book.position_ids)
        lots = positions.hedge_ratio[:used] * positions.side[:used] * positions.lots[:used]
        np.add.at(self.meant, positions.symbol[:used], lots)

    def uncovered(self) -> Floats:
        """Return the signed lots that are meant to be hedged and are not."""
        held = [self.engine.coverage.held(self.lp, s).lots for s in range(len(self.instruments))]
        lots: Floats = self.meant + self.by_desk - np.array(held)
        return lots

    def has_holders(self, symbol: int) -> bool:
        """Whether any client holds a symbol."""
        return len(self.book.of_symbol.row(symbol)) > 0

    def is_hedged(self, symbol: int) -> bool:
        """Whether the house holds a symbol at its provider."""
        return self.engine.coverage.held(self.lp, symbol).lots != 0.0

    def fund(self, accounts: list[Account]) -> None:
        """Give the accounts their money, before any event that could depend on it."""
        rows = slice(len(accounts))
        self.book.terms[rows] = accounts
        self.book.accounts.balance[rows] = [account.balance for account in accounts]
        self.book.accounts.credit[rows] = [account.credit for account in accounts]

    # Acts -------------------------------------------------------------------------------------

    def next_ticket(self) -> str:
        """Return a number that no deal, hedge or position has had."""
        self._ticket += 1
        return str(self._ticket)

    def open(self, account: int, symbol: int, side: Side, lots: float, ts: int) -> int | None:
        """Execute a market order at the client quote; return the slot, None if refused."""
        price = self.board.price(symbol, side)
        refusal = self._refusal(account, symbol, side, lots, price, ts)
        if refusal:
            self.rejected[refusal] += 1
            return None
        ticket = self.next_ticket()
        deal = DealExecuted(
            ts, ticket, self.book.terms[account].login, ticket, self.instruments[symbol].symbol,
            side.value, Entry.IN.value, lots, price,
            raw_price=self.board.raw_price(symbol, side), reason="client",
            reference_mid=self.board.reference_mid(symbol),
        )  # fmt: skip
        self.publish([deal])
        slot = self.book.slot_of[account, ticket]
        self.meant[symbol] += self.book.positions.hedge_ratio[slot] * side.sign * lots
        return slot

    def close(self, slot: int, lots: float, ts: int, reason: str) -> Closed | None:
        """Close lots of a position at the client quote; None if it does not trade now."""
        positions = self.book.positions
        account, symbol = int(positions.account[slot]), int(positions.symbol[slot])
        if not self.board.is_open(ts)[symbol]:
            self.rejected[_NO_PRICE] += 1
            return None
        side = Side.SELL if positions.side[slot] > 0.0 else Side.BUY
        instrument, position_id = self.instruments[symbol], self.book.position_ids[slot]
        pays = instrument.asset_class in _PAYS_COMMISSION
        share = lots / float(positions.lots[slot])
        deal = DealExecuted(
            ts, self.next_ticket(), self.book.terms[account].login, position_id,
            instrument.symbol, side.value, Entry.OUT.value, lots, self.board.price(symbol, side),
            commission=to_cents(-self._commission[account] * lots) if pays else 0.0,
            swap=to_cents(positions.swap[slot] * share),
            raw_price=self.board.raw_price(symbol, side), reason=reason,
            reference_mid=self.board.reference_mid(symbol),
        )  # fmt: skip
        booked = to_cents(realised_profit(self.book, deal, account, Fill(lots, 0.0)))
        self.meant[symbol] += positions.hedge_ratio[slot] * side.sign * lots
        self.publish([msgspec.structs.replace(deal, profit=booked)])
        self._forgive_debt(account, ts)
        closed = Closed(account, booked, (account, position_id) in self.book.slot_of)
        self._closed.append(closed)
        return closed

    def move_money(self, account: int, kind: BalanceKind, amount: float, ts: int) -> None:
        """Book a balance operation; the amount is signed."""
        self.publish([BalanceChanged(ts, self.book.terms[account].login, kind.value, amount)])

    def withdrawable(self, login: str) -> float:
        """Return what could be paid out of an account now, in its currency."""
        account = self.book.account_of[login]
        return min(self.free_margin(account), float(self.book.accounts.balance[account]))

    def book_for_desk(self, order: ChangeBalance, ts: int) -> None:
        """Book a balance operation that a desk asked for, and remember it by its comment."""
        deal = BalanceDeal(
            deal_id=self.next_ticket(), login=order.login, kind=order.kind, amount=order.amount,
            comment=order.comment, at=ts,
        )  # fmt: skip
        self._for_desks.setdefault(order.login, []).append(deal)
        self.publish([
            BalanceChanged(ts, order.login, order.kind, order.amount, deal.deal_id, deal.comment)
        ])  # fmt: skip

    def balance_deals(self, login: str) -> list[BalanceDeal]:
        """Return what was booked for desks in an account, or in all for "", oldest first."""
        if login:
            return list(self._for_desks.get(login, ()))
        every = (deal for deals in self._for_desks.values() for deal in deals)
        return sorted(every, key=lambda deal: (deal.at, int(deal.deal_id)))

    def restrict(self, login: str, *, close_only: bool, ts: int) -> None:
        """Let an account only close what it holds, or trade again."""
        terms = self.book.terms[self.book.account_of[login]]
        self.publish([AccountChanged(ts, msgspec.structs.replace(terms, close_only=close_only))])

    def assign(self, event: BookAssigned) -> None:
        """Move an account to a book, with its open positions if the event says so."""
        account = self.book.account_of[event.login]
        before = self._meant_of(account)
        self.publish([event])
        self.meant += self._meant_of(account) - before

    def set_bridge(self, symbol: int, *, on: bool) -> None:
        """Let the bridge hedge a symbol or not; what is held when it goes on is its own."""
        if on and not self.bridged[symbol]:
            self.by_desk[symbol] = 0.0
        self.bridged[symbol] = on

    def book_hedge(self, fill: HedgeFill, ts: int) -> None:
        """Publish what the provider filled; of the desk's orders also what is left of them."""
        if fill.lots > 0.0:
            self._publish_fill(fill, ts)
        order = fill.order
        if not order.key:
            return
        self.by_desk[order.symbol] += order.side.sign * fill.lots
        left = max(0.0, round(order.lots - fill.lots, 8))
        reason = "" if left == 0.0 else "filled in part" if fill.lots > 0.0 else fill.reason
        self.publish([
            HedgeAnswered(
                ts, order.key, self.lp, self.instruments[order.symbol].symbol, order.side.value,
                fill.lots, left, reason,
            )
        ])  # fmt: skip

    def _publish_fill(self, fill: HedgeFill, ts: int) -> None:
        order, instrument = fill.order, self.instruments[fill.order.symbol]
        pays = instrument.asset_class in _PAYS_COMMISSION
        self.publish([
            HedgeExecuted(
                ts, f"{order.key}/1" if order.key else f"H{self.next_ticket()}", self.lp,
                instrument.symbol,
                order.side.value, fill.lots, fill.price,
                commission=to_cents(-_LP_COMMISSION_USD_PER_LOT * fill.lots) if pays else 0.0,
            )
        ])  # fmt: skip

    def split(self, symbol: int, ratio: float, ts: int) -> None:
        """Multiply everybody's lots and divide every price."""
        self.publish([SplitApplied(ts, self.instruments[symbol].symbol, ratio)])
        self.meant[symbol] *= ratio
        self.by_desk[symbol] *= ratio
        self.board.split(symbol, ratio)

    def rename(self, symbol: int, name: str, ts: int) -> None:
        """Let a symbol go on under another name."""
        self.publish([SymbolRenamed(ts, self.instruments[symbol].symbol, name)])
        self.instruments[symbol] = self.book.instruments[symbol]

    def stop_out(self, ts: int) -> None:
        """Close the largest losses, whole, one by one, until each account is above its level.

        Positions that do not trade at the moment are left; they are looked at again later.
        Source: platforms.md A3 (the rule of MetaTrader 5).
        """
        fired = self.book.accounts.fired[: len(self.book.terms)]
        for account in np.flatnonzero(fired & _STOP_OUT_BIT).tolist():
            while self._is_ruined(account):
                slot = self._largest_loss(account, ts)
                if slot is None or self._close_whole(slot, ts) is None:
                    break

    def free_margin(self, account: int) -> float:
        """Return what an account could still use, in its currency."""
        return self._equity(account) - float(self.book.accounts.margin[account])

    def save(self) -> dict[str, Any]:
        """Return the state; events that were not taken yet are not part of it."""
        return {
            "engine": export_state(self.engine),
            "board": self.board.save(),
            "meant": self.meant,
            "by_desk": self.by_desk,
            "bridged": self.bridged,
            "ticket": self._ticket,
            "rejected": dict(self.rejected),
            "for_desks": msgspec.to_builtins(self._for_desks),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``save`` was called."""
        self.engine = restore(EngineState(**state["engine"]), ENGINE_SETTINGS)
        self.instruments[:] = self.book.instruments
        self.board.load(self.engine.book, state["board"])
        self.meant, self._ticket = state["meant"], state["ticket"]
        self.rejected = Counter(state["rejected"])
        # an earlier version knew no desk
        self.by_desk = state.get("by_desk", np.zeros_like(self.meant))
        self.bridged = state.get("bridged", np.ones(len(self.meant), np.bool_))
        held = state.get("for_desks", {})
        self._for_desks = msgspec.convert(held, dict[str, list[BalanceDeal]])

    # Inside -----------------------------------------------------------------------------------

    def _meant_of(self, account: int) -> Floats:
        slots, p = self.book.of_account.row(account), self.book.positions
        lots = p.hedge_ratio[slots] * p.side[slots] * p.lots[slots]
        meant: Floats = np.bincount(p.symbol[slots], lots, len(self.instruments)).astype(np.float64)
        return meant

    def _notice(self, outputs: list[OutputEvent]) -> None:
        self._margin_calls += [
            self.book.account_of[event.login]
            for event in outputs
            if isinstance(event, MarginLevelCrossed) and event.kind == "margin_call"
        ]

    def _refusal(
        self, account: int, symbol: int, side: Side, lots: float, price: float, ts: int
    ) -> str:
        if not self.board.is_open(ts)[symbol]:
            return _NO_PRICE
        if self.book.terms[account].close_only:
            return "close only"
        if not self.board.convertible(self._currency[account])[symbol]:
            return "no conversion rate"
        if self._banned[account, symbol]:
            return "not offered"
        # The whole margin of the new position must be free, even if it would hedge another one.
        margin = self.book.margin_of_order(account, symbol, side, lots, price)
        return "not enough money" if margin > self.free_margin(account) else ""

    def _equity(self, account: int) -> float:
        self.engine.refresh_account(account)
        accounts = self.book.accounts
        counts = bool(accounts.credit_counts[account])
        own = float(accounts.balance[account] + (accounts.credit[account] if counts else 0.0))
        return own + float(accounts.floating[account])

    def _is_ruined(self, account: int) -> bool:
        margin = float(self.book.accounts.margin[account])
        if margin < MONEY_TOLERANCE:
            return False
        level = 100.0 * self._equity(account) / margin
        return level <= float(self.book.accounts.stop_out_level[account]) + LEVEL_TOLERANCE

    def _largest_loss(self, account: int, ts: int) -> int | None:
        slots = self.book.of_account.row(account)
        positions = self.book.positions
        tradable = slots[self.board.is_open(ts)[positions.symbol[slots]]]
        value = positions.value[tradable] + positions.swap[tradable]
        known = np.isfinite(value)
        return int(tradable[known][value[known].argmin()]) if known.any() else None

    def _close_whole(self, slot: int, ts: int) -> Closed | None:
        return self.close(slot, float(self.book.positions.lots[slot]), ts, "stop_out")

    def _forgive_debt(self, account: int, ts: int) -> None:
        # Negative-balance protection: what an account without positions owes is not collected.
        balance = float(self.book.accounts.balance[account])
        if balance < -MONEY_TOLERANCE and len(self.book.of_account.row(account)) == 0:
            # Dividends leave parts of cents: the next whole one makes up for them.
            owed = math.ceil(-balance * 100.0 - MONEY_TOLERANCE) / 100.0
            self.move_money(account, BalanceKind.STOP_OUT_COMPENSATION, owed, ts)


def to_cents(amount: float) -> float:
    """Round money to the account currency's cents; never to a negative zero.

    Every account currency of the simulator has cents.
    """
    return round(float(amount), 2) + 0.0
