"""Every client's flow, online: quotes and deals in, markouts, evidence and scores out.

One clock drives it all: the time of the events (``ts_event``), which never runs back; what comes
late happens when it comes. Deals become decisions: tickets on one side of a symbol within two
seconds of a first one are one, so that splitting a trade changes nothing. A close that the client
chose is a decision too, kept apart from entries: it has its own channels of the score.

Source: science.md sections 1.1 and 2, semantics.md sections 1, 2 and 6.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from bookrouting.flow_kernels import cost_of, settle_until, take_quotes
from bookrouting.flow_results import close_part
from bookrouting.flow_settings import PLATFORM_CLOSES, FlowSettings
from bookrouting.flow_splits import split_arrays
from bookrouting.flow_state import (
    ALARMS,
    CLOCK,
    DECISIONS,
    DUE,
    LATE_QUOTES,
    LONG_AGO,
    TICKETS,
    FlowArrays,
    flow_terms,
    forget_settled,
    new_arrays,
    with_room,
)
from bookrouting.flow_tickets import charge_swap, take_ticket
from bookrouting.held import NO_DECISION, Held, HeldPositions, Parts
from bookrouting.money import NOTHING, Money, Rates, booked, realised_profit, with_swap
from bookrouting.trade_log import Brought, Opened, TradeLog
from bookrouting.wallets import Wallet, after_operation, margin_of, new_wallet
from exposure.applied_ids import AppliedIds
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.accounts import BalanceKind
from exposure.model.deals import Entry, Side
from exposure.model.events import BalanceChanged, DealExecuted, PositionRestored, SplitApplied
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns, is_usable
from exposure.rates import RateBook
from exposure.state import PriceArrays

USD: Final = "USD"
ENTRY, EXIT = False, True

_SIDES: Final = frozenset(Side)
_ENTRIES: Final = frozenset(Entry)
_KINDS: Final = frozenset(BalanceKind)


class Login(NamedTuple):
    """Whose an account is, and in which currency."""

    client: int
    currency: str


class Seen(NamedTuple):
    """A client's last decisions in a symbol, and the commission of an opening and a closing deal.

    Units: ``*_commission`` in price units, None before the first.
    """

    entry_ts: int = LONG_AGO
    exit_ts: int = LONG_AGO
    open_commission: float | None = None
    close_commission: float | None = None

    def split(self, ratio: float) -> Seen:
        """Return the same in a symbol's new units."""
        old = self.open_commission, self.close_commission
        new = (None if one is None else one / ratio for one in old)
        return Seen(self.entry_ts, self.exit_ts, *new)


class Place(NamedTuple):
    """Where a ticket belongs: whose, in what, and whether it closes."""

    client: int
    symbol: int
    is_exit: bool


class FlowBook:
    """What is known of all clients' flow. Symbols, logins and clients are added as they come."""

    def __init__(
        self, settings: FlowSettings | None = None, pivots: tuple[str, ...] = (USD, "EUR")
    ) -> None:
        """Take the constants, and the currencies through which conversions go."""
        self.settings = settings or FlowSettings()
        self.arrays: FlowArrays = new_arrays()
        self.terms = flow_terms(self.settings)
        self.instruments: list[Instrument] = []
        self.symbol_of: dict[str, int] = {}
        self.names_version = 0
        self.client_ids: list[str] = []
        self.client_of: dict[str, int] = {}
        self.logins: dict[str, Login] = {}
        self.logins_of: dict[int, list[str]] = {}
        self.wallets: dict[str, Wallet] = {}
        self.positions = HeldPositions()
        self.trades = TradeLog()
        self.touched: set[int] = set()
        self.applied = AppliedIds()
        self.ignored: Counter[str] = Counter()
        self.money: dict[str, Money] = {}
        self.forgotten = 0
        self.open_decisions: dict[tuple[Place, float], int] = {}
        self.seen: dict[tuple[int, int], Seen] = {}
        self.pivots = pivots
        self.rates = RateBook(pivots)
        self.see_prices()

    # what there is

    def add_instrument(self, instrument: Instrument) -> int:
        """Make a symbol known and return its index; one that is known keeps its terms."""
        known = self.symbol_of.get(instrument.symbol)
        if known is not None:
            return known
        symbol = self.symbol_of[instrument.symbol] = len(self.instruments)
        self.instruments.append(instrument)
        self.names_version += 1
        market = with_room(self.arrays.market, symbol + 1)
        pip = np.resize(self.arrays.pip, len(market))
        self.arrays = self.arrays._replace(market=market, pip=pip)
        market["allow_negative"][symbol] = instrument.allow_negative
        pip[symbol] = instrument.pip
        self.see_prices()
        self.rates.define(symbol, instrument)
        return symbol

    def rename_symbol(self, symbol: str, new_symbol: str) -> None:
        """Let a symbol go on under a new name that nothing else has."""
        if symbol in self.symbol_of and new_symbol not in self.symbol_of:
            self.symbol_of[new_symbol] = self.symbol_of.pop(symbol)
            self.names_version += 1

    def add_login(self, login: str, client_id: str = "", currency: str = USD) -> Login:
        """Say whose a login is: without a client it is one of its own; it can be told once."""
        known = self.logins.get(login)
        if known is None:
            client = self._client(client_id or login)
            known = self.logins[login] = Login(client, currency or USD)
            self.logins_of.setdefault(client, []).append(login)
        return known

    def open_wallet(self, login: str, balance: float, credit: float, leverage: float) -> None:
        """Say what is on an account at first; later only its leverage is taken."""
        wallet, known = new_wallet(balance, credit, leverage), self.wallets.get(login)
        self.wallets[login] = wallet if known is None else known._replace(leverage=wallet.leverage)

    def restore_position(self, event: PositionRestored) -> None:
        """Take a position that was open before the first event."""
        symbol = self.symbol_of.get(event.symbol)
        if symbol is None or event.side not in _SIDES or not event.lots > 0.0:
            self.ignored["bad_position"] += 1
            return
        side = float(Side(event.side).sign)
        held = Held(event.login, symbol, side, event.lots, event.open_price)
        self.positions.put((event.login, event.position_id), held)
        self.add_login(event.login)

    def see_prices(self) -> None:
        """Let conversions see the market's prices, after its table became another one."""
        m = self.arrays.market
        zeros, none = np.zeros(len(m)), np.zeros(len(m), np.int64)
        self.prices = PriceArrays(
            m["bid"], m["ask"], m["last_ts"], m["quoted"], m["allow_negative"], zeros, zeros, none,
            none,
        )  # fmt: skip

    # what happens

    def apply_quotes(self, quotes: QuoteColumns) -> None:
        """Apply quotes in their order; ``symbol`` is this book's index, -1 for one it lacks."""
        self._make_room()
        take_quotes(quotes, self.arrays, self.terms)

    def apply_fast_quote(self, symbol: int, bid: float, ask: float, ts: int) -> None:
        """Take a price of the fast reference feed, which moves nothing but the reference."""
        market = self.arrays.market
        if is_usable(bid, ask) and ts >= market["fast_ts"][symbol]:
            market["fast_mid"][symbol], market["fast_ts"][symbol] = (bid + ask) / 2.0, ts

    def pass_time(self, now: int) -> None:
        """Settle what was due before an instant. Units: ns."""
        counters = self.arrays.counters
        if now > counters[CLOCK]:
            if counters[DUE] < now:
                self._make_room()
                settle_until(now - 1, self.arrays, self.terms)
            counters[CLOCK] = now

    def finish(self) -> None:
        """Settle what is due at the very last instant: nothing more of it will come."""
        self._make_room()
        settle_until(int(self.arrays.counters[CLOCK]), self.arrays, self.terms)

    def apply_balance(self, event: BalanceChanged) -> None:
        """Let money move into or out of an account that is known; swap belongs to what is held."""
        wallet = self.wallets.get(event.login)
        if wallet is None or event.kind not in _KINDS or not math.isfinite(event.amount):
            return
        self.pass_time(event.ts_event)
        kind, now = BalanceKind(event.kind), int(self.arrays.counters[CLOCK])
        self.wallets[event.login] = after_operation(wallet, kind, event.amount, now)
        if kind is BalanceKind.SWAP:
            self._spread_swap(event.login, event.amount)

    def apply_split(self, event: SplitApplied) -> None:
        """Put everything of a symbol into its new units: nobody gains or loses by a split."""
        symbol, ratio = self.symbol_of.get(event.symbol), event.ratio
        if symbol is None or not (math.isfinite(ratio) and ratio > 0.0):
            return
        self.pass_time(event.ts_event)
        split_arrays(symbol, ratio, self.arrays)
        self.positions.split(symbol, ratio)
        self.trades.split(symbol, ratio)
        for (client, of), seen in self.seen.items():
            if of == symbol:
                self.seen[client, of] = seen.split(ratio)

    def apply_deal(self, deal: DealExecuted) -> str | None:
        """Apply a deal; return why it was ignored, None if it counted."""
        reason = self._apply_deal(deal)
        if reason is not None:
            self.ignored[reason] += 1
        return reason

    def _apply_deal(self, deal: DealExecuted) -> str | None:
        symbol = self.symbol_of.get(deal.symbol)
        if symbol is None:
            return "unknown_symbol"
        if not _is_sound(deal):
            return "bad_deal"
        if (deal.server, deal.deal_id) in self.applied:
            return "duplicate"
        parts = self.positions.apply(deal, symbol)
        if parts is None:
            return "contradiction"
        self.applied.add(deal.server, deal.deal_id)
        self.pass_time(deal.ts_event)
        owner = self.add_login(deal.login)
        quote = self.rate(owner.currency, self.instruments[symbol].quote)
        self._book(deal, parts, symbol, owner)
        self.touched.add(owner.client)
        if not self.arrays.market["quoted"][symbol]:
            return "no_quote_yet"
        self._decide(deal, parts, symbol, owner, quote)
        return None

    def _decide(
        self, deal: DealExecuted, parts: Parts, symbol: int, owner: Login, rate: float
    ) -> None:
        client = owner.client
        per_lot = rate / self.instruments[symbol].units_per_lot if math.isfinite(rate) else 0.0
        commission = -deal.commission * per_lot / deal.lots
        if parts.closed_lots > LOTS_TOLERANCE:
            trip = self._round_trip(client, symbol, close=commission)
            self._charge_swap(deal, parts, per_lot)
            self._close_entry(deal, parts)
            if deal.entry != Entry.OUT_BY and self._was_chosen(deal):
                self._add_ticket(deal, Place(client, symbol, EXIT), parts.closed_lots, trip)
        if parts.opened_lots > LOTS_TOLERANCE:
            trip = self._round_trip(client, symbol, enter=commission)
            row = self._add_ticket(deal, Place(client, symbol, ENTRY), parts.opened_lots, trip)
            trade = self._log_opening(deal, parts, row)
            margin = self._tie_up(deal, parts, symbol, owner)
            self.arrays.decisions["used_margin"][row] = self._used_margin(deal.login)
            self.positions.opened_by(deal, row + self.forgotten, trade, margin)

    def _log_opening(self, deal: DealExecuted, parts: Parts, row: int) -> int:
        decision = self.arrays.decisions[row]
        client, symbol = int(decision["client"]), int(decision["symbol"])
        instrument, lots = self.instruments[symbol], parts.opened_lots
        cost = cost_of(row, self.arrays.decisions)
        in_usd = lots * instrument.units_per_lot * self.rate(instrument.quote, USD)
        held = self.positions.open[deal.login, deal.position_id]
        opened = Opened(
            client, symbol, float(decision["side"]), lots, deal.price, cost,
            abs(deal.price) * in_usd, cost * in_usd, held.trade,
        )  # fmt: skip
        return self.trades.open(int(self.arrays.counters[CLOCK]), opened)

    def _tie_up(self, deal: DealExecuted, parts: Parts, symbol: int, owner: Login) -> float:
        """Return what an opening ties up on an account that is known, which keeps it in mind."""
        wallet = self.wallets.get(deal.login)
        if wallet is None:
            return 0.0
        margin = margin_of(
            wallet, owner.currency, self.instruments[symbol], parts.opened_lots, deal.price,
            self.rate,
        )  # fmt: skip
        margin = margin if math.isfinite(margin) else 0.0
        self.wallets[deal.login] = wallet._replace(margin=wallet.margin + margin)
        return margin

    def _used_margin(self, login: str) -> float:
        wallet = self.wallets.get(login)
        return math.nan if wallet is None else wallet.used_margin

    def _round_trip(
        self, client: int, symbol: int, *, enter: float | None = None, close: float | None = None
    ) -> float:
        """Return the commission of a round trip, some platforms charging at one end only."""
        seen = self.seen.get((client, symbol), Seen())
        opening = seen.open_commission if enter is None else enter
        closing = seen.close_commission if close is None else close
        self.seen[client, symbol] = Seen(seen.entry_ts, seen.exit_ts, opening, closing)
        if opening is None or closing is None:
            return self.settings.commission_ways * ((opening or 0.0) + (closing or 0.0))
        return opening + closing

    def _was_chosen(self, deal: DealExecuted) -> bool:
        """Whether a close counts as the client's decision."""
        if self.settings.exits == "client":
            return deal.reason.lower() not in PLATFORM_CLOSES
        return self.settings.exits == "all"

    def _charge_swap(self, deal: DealExecuted, parts: Parts, per_lot: float) -> None:
        """Credit a swap, paid at the close, to the entry that it belongs to."""
        if deal.swap != 0.0 and parts.held is not None and parts.held.decision >= self.forgotten:
            charge_swap(parts.held.decision - self.forgotten, deal.swap * per_lot, self.arrays)

    def _close_entry(self, deal: DealExecuted, parts: Parts) -> None:
        """Tell the entry what it came to; one closed by another position is not closed to it."""
        held = parts.held
        if held is not None and held.decision >= self.forgotten and deal.entry != Entry.OUT_BY:
            row = held.decision - self.forgotten
            close_part(row, parts.closed_lots, held.open_price, deal.price, self.arrays, self.terms)

    def _see_worth(self, symbol: int) -> None:
        """Remember what a lot is worth when a symbol is first traded."""
        market, instrument = self.arrays.market, self.instruments[symbol]
        if market["lot_usd"][symbol] == 0.0:
            mid = (market["bid"][symbol] + market["ask"][symbol]) / 2.0
            worth = abs(mid) * instrument.units_per_lot * self.rate(instrument.quote, USD)
            market["lot_usd"][symbol] = worth if math.isfinite(worth) else 0.0

    def _add_ticket(self, deal: DealExecuted, place: Place, lots: float, commission: float) -> int:
        """Add a ticket to the client's running decision, or to a new one; return its row."""
        self._reserve()
        client, symbol, is_exit = place
        self._see_worth(symbol)
        sign = 1.0 if deal.side == Side.BUY else -1.0
        running, before = (place, sign), int(self.arrays.counters[DECISIONS])
        seen = self.seen[client, symbol]
        markup = 0.0 if deal.raw_price is None else sign * (deal.price - deal.raw_price)
        row = take_ticket(
            max(self.open_decisions.get(running, NO_DECISION) - self.forgotten, -1),
            client, symbol, sign, is_exit, lots, deal.price, commission, markup,
            self._fast_mid(deal, symbol), seen.exit_ts if is_exit else seen.entry_ts,
            self.arrays, self.terms,
        )  # fmt: skip
        if row == before:
            now = int(self.arrays.counters[CLOCK])
            clients = self.arrays.clients
            self.arrays.decisions["earlier"][row] = clients["last_decision"][client]
            clients["last_decision"][client] = row + self.forgotten + 1
            self.open_decisions[running] = row + self.forgotten
            entry_ts, exit_ts, *commissions = seen
            times = (entry_ts, now) if is_exit else (now, exit_ts)
            self.seen[client, symbol] = Seen(*times, *commissions)
        return row

    def _fast_mid(self, deal: DealExecuted, symbol: int) -> float:
        """Return the fast reference at a deal: what the deal says, else the feed, else NaN."""
        if deal.reference_mid is not None:
            return deal.reference_mid
        feed = self.arrays.market[symbol]
        seen = int(feed["fast_ts"])
        age = int(self.arrays.counters[CLOCK]) - seen
        if seen == 0 or not 0 <= age <= self.settings.reference_age_ns:
            return math.nan
        return float(feed["fast_mid"])

    def _book(self, deal: DealExecuted, parts: Parts, symbol: int, owner: Login) -> None:
        instrument = self.instruments[symbol]
        rates = Rates(self.rate(owner.currency, USD), self.rate(instrument.quote, USD))
        client_id = self.client_ids[owner.client]
        before = self.money.get(client_id, NOTHING)
        self.money[client_id] = booked(before, deal, parts, instrument, rates)
        if parts.held is not None:
            profit = realised_profit(deal, parts, instrument, rates)
            brought = Brought(parts.closed_lots, profit, deal.swap * rates.account)
            now = int(self.arrays.counters[CLOCK])
            self.trades.close(parts.held.trade, parts.held.lots, brought, now)
        self._pay(deal, parts, instrument, owner.currency)

    def _pay(self, deal: DealExecuted, parts: Parts, instrument: Instrument, currency: str) -> None:
        """Book a deal's cash on an account that is known, and free what a close frees."""
        wallet = self.wallets.get(deal.login)
        if wallet is None:
            return
        own = Rates(1.0, self.rate(instrument.quote, currency))
        cash = realised_profit(deal, parts, instrument, own) + deal.commission + deal.swap
        held = parts.held
        freed = 0.0 if held is None else held.margin * parts.closed_lots / held.lots
        self.wallets[deal.login] = wallet._replace(
            balance=wallet.balance + (cash if math.isfinite(cash) else 0.0),
            margin=max(wallet.margin - freed, 0.0),
        )

    def _spread_swap(self, login: str, amount: float) -> None:
        """Credit swap that is booked by itself to the entries of what the login holds.

        Where a platform accrues swap instead, the closing deal carries it.
        """
        owner, held = self.logins[login], list(self.positions.of_login(login))
        amount_usd = amount * self.rate(owner.currency, USD)
        client_id = self.client_ids[owner.client]
        self.money[client_id] = with_swap(self.money.get(client_id, NOTHING), amount_usd)
        worth = [abs(one.open_price) * one.lots * self._usd_per_price(one.symbol) for one in held]
        total = sum(worth)
        for one, part in zip(held, worth, strict=True):
            share = part / total if total > 0.0 else math.nan
            in_price = share * amount_usd / self._usd_per_price(one.symbol)
            if math.isfinite(in_price):
                self.trades.credit_swap(one.trade, share * amount_usd)
                if one.decision >= self.forgotten:
                    charge_swap(one.decision - self.forgotten, in_price, self.arrays)

    def _usd_per_price(self, symbol: int) -> float:
        """Return what a lot gains in USD when its price rises by 1."""
        instrument = self.instruments[symbol]
        return instrument.units_per_lot * self.rate(instrument.quote, USD)

    @property
    def now(self) -> int | None:
        """The time of the last event, ns UTC; None before the first."""
        clock = int(self.arrays.counters[CLOCK])
        return None if clock == LONG_AGO else clock

    @property
    def late_quotes(self) -> int:
        """How many quotes were older than the last one of their symbol."""
        return int(self.arrays.counters[LATE_QUOTES])

    def forget(self, before: int, most: int) -> None:
        """Drop decisions that are settled; their sums stay.

        Args:
            before: Those from before this instant, ns.
            most: And those that are older than the last so many.
        """
        drop = forget_settled(self.arrays, before, most)
        self.forgotten += drop
        self.open_decisions = {k: n for k, n in self.open_decisions.items() if n >= self.forgotten}

    def rate(self, source: str, target: str) -> float:
        """Return the conversion rate at mid prices, NaN without a path."""
        return self.rates.mid(self.prices, source, target)

    def _client(self, client_id: str) -> int:
        known = self.client_of.get(client_id)
        if known is None:
            known = self.client_of[client_id] = len(self.client_ids)
            self.client_ids.append(client_id)
            clients = with_room(self.arrays.clients, known + 1)
            self.arrays = self.arrays._replace(clients=clients)
        return known

    def _reserve(self) -> None:
        """Make room for a ticket and a decision."""
        a = self.arrays
        tickets = with_room(a.tickets, int(a.counters[TICKETS]) + 1)
        decisions = with_room(a.decisions, int(a.counters[DECISIONS]) + 1)
        if tickets is not a.tickets or decisions is not a.decisions:
            self.arrays = a._replace(tickets=tickets, decisions=decisions)

    def _make_room(self) -> None:
        """Make room for an alarm of every client."""
        needed = int(self.arrays.counters[ALARMS]) + len(self.client_ids)
        if len(self.arrays.alarms) < needed:
            self.arrays = self.arrays._replace(alarms=with_room(self.arrays.alarms, needed))


def _is_sound(deal: DealExecuted) -> bool:
    numbers = (deal.lots, deal.price, deal.commission, deal.swap)
    known = deal.side in _SIDES and deal.entry in _ENTRIES
    return known and all(map(math.isfinite, numbers)) and deal.lots > 0.0
