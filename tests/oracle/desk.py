"""The naive desk: one event after the other, every touched account recomputed from nothing.

It keeps no running totals and no thresholds ahead of prices. What semantics.md sections 2, 3, 5
and 6 say is written down here once, slowly, in decimal; the engine has to agree with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from tests.oracle.accounts import Account, Crossing, Routing
from tests.oracle.book import (
    LEVERAGED,
    AccountTerms,
    Bracket,
    Caps,
    Event,
    Instrument,
    Row,
    Tiers,
    goes_up,
    number,
)
from tests.oracle.holders import apply_action
from tests.oracle.market import ZERO, Market, Quote
from tests.oracle.providers import LpPosition
from tests.oracle.refusals import Break, Duplicate, Refused
from tests.oracle.revenue import OF_BALANCE_KIND, PROVIDERS_BOOK, Entry, Ledger, Part
from tests.oracle.valuation import (
    LOTS_TOLERANCE,
    Fill,
    Leverage,
    Position,
    margin_path,
    margin_per_lot,
    profit,
    profit_path,
    to_account,
)

BOOKS = ("A", "B", "C")
SIDES = ("buy", "sell")
ENTRIES = ("in", "out", "inout", "out_by")
CREDIT_KINDS = ("credit", "bonus")
BALANCE_KINDS = (
    *CREDIT_KINDS,
    *("deposit", "withdrawal", "correction", "commission", "swap", "dividend"),
    *("stop_out_compensation", "transfer"),
)
PROFIT_TOLERANCE = Decimal("0.01")


class Desk:
    """The whole state of the house, moved by `apply`."""

    def __init__(
        self,
        instruments: dict[str, Instrument],
        accounts: dict[str, AccountTerms],
        tiers: Tiers | None = None,
        caps: Caps | None = None,
    ) -> None:
        self.market = Market(instruments)
        self.instruments = instruments
        self.leverage = Leverage(tiers or {}, caps or {})
        self.accounts: dict[str, Account] = {}
        for terms in accounts.values():
            self.add_account(terms)
        self.ledger = Ledger(self.market)
        self.lp_positions: dict[tuple[str, str], LpPosition] = {}
        self.counters: Counter[str] = Counter()
        self.locked: Counter[str] = Counter()
        self.crossed: Counter[str] = Counter()
        self.crossings: list[Crossing] = []
        self.breaks: list[Break] = []
        self.realised_usd = ZERO
        self.as_of_ms: Decimal | None = None
        self._unconverted_cash: list[tuple[str, Decimal]] = []
        self._applied: set[tuple[str, ...]] = set()

    def add_account(self, terms: AccountTerms) -> None:
        """Take a login that is new."""
        routing = Routing(terms.book, terms.hedge_ratio)
        account = Account(terms, terms.balance, terms.credit, routing, self.leverage)
        self.accounts[terms.login] = account

    def change_account(self, terms: AccountTerms, ts_ms: Decimal) -> None:
        """Take new terms of a login; its money and its book stay."""
        account = self.accounts[terms.login]
        account.terms = terms
        self.watch(account)
        self.look_at(account, ts_ms)

    def restore_position(self, row: Row) -> None:
        """Take a client position that was open before the first event."""
        account = self.accounts[row["login"]]
        instrument = self.instruments[row["symbol"]]
        price = _needed(number(row, "open_price"))
        routing = account.routing
        known_margin = number(row, "margin_per_lot")
        known_ratio = number(row, "hedge_ratio")
        fill = Fill(
            lots=_needed(number(row, "lots")),
            dealt=price,
            hedge_ratio=routing.hedge_ratio if known_ratio is None else known_ratio,
            margin_per_lot=self._margin_per_lot(instrument, price, account)
            if known_margin is None
            else known_margin,
        )
        account.positions[row["position_id"]] = Position(
            instrument, row["side"], routing.book, (fill,), _needed(number(row, "swap", "0"))
        )
        self.watch(account)

    def restore_lp_position(self, row: Row) -> None:
        """Take a provider position that was open before the first event.

        Rows of one symbol net as fills do, but what they close was realised before: no rate is
        needed and nothing is earned.
        """
        self._net_lp(row, _needed(number(row, "lots")), _needed(number(row, "price")))

    def apply(self, event: Event) -> None:
        """Take the next event of the day."""
        self.as_of_ms = event.effective_ms
        self.counters[event.file] += 1
        take = {
            "quotes": self._quote,
            "balances": self._balance,
            "books": self._book,
            "actions": self._action,
            "deals": self._deal,
            "hedges": self._hedge,
        }[event.file]
        try:
            take(event)
        except Refused as refusal:
            self.counters["quarantined"] += 1
            self._report(refusal.kind, event)
        except Duplicate:
            self.counters["duplicates"] += 1

    def define_tier(self, profile: str, symbol: str, bracket: Bracket, ts_ms: Decimal) -> None:
        """Take the next bracket of a profile; margins of open positions follow it."""
        known = self.leverage.tiers.get((profile, symbol), [])
        if bracket in known:
            return
        if not goes_up(known, bracket):
            self.refuse_tier("bad_tier", symbol)
            return
        self.leverage.tiers[profile, symbol] = [*known, bracket]
        for account in self.accounts.values():
            holds = any(one.instrument.symbol == symbol for one in account.positions.values())
            if (
                holds
                and account.terms.leverage_profile == profile
                and self.instruments[symbol].calc_mode in LEVERAGED
            ):
                self.look_at(account, ts_ms)

    def refuse_tier(self, kind: str, symbol: str) -> None:
        """Note a row of `leverage_tiers` that cannot be used."""
        self.counters["quarantined"] += 1
        self.breaks.append(Break(kind, None, None, None, symbol))

    def _report(self, kind: str, event: Event) -> None:
        row = event.row
        self.breaks.append(
            Break(kind, event.ts_ms, row.get("login"), row.get("deal_id"), row.get("symbol"))
        )

    # Quotes

    def _quote(self, event: Event) -> None:
        instrument = self._known_instrument(event.row)
        bid, ask = number(event.row, "bid"), number(event.row, "ask")
        if bid is None or ask is None:
            raise Refused("bad_quote")
        if min(bid, ask) <= ZERO and not instrument.allow_negative:
            raise Refused("bad_quote")
        last = self.market.quotes.get(instrument.symbol)
        if last is not None and event.ts_ms < last.ts_ms:
            self.counters["out_of_order"] += 1
            return
        self.locked[instrument.symbol] += bid == ask
        self.crossed[instrument.symbol] += bid > ask
        self._move_price(instrument.symbol, Quote(event.ts_ms, bid, ask))

    def _move_price(self, symbol: str, quote: Quote) -> None:
        if self.market.update(symbol, quote):
            for account in self.accounts.values():
                self.watch(account)
            self._realise_what_waited()
            self.ledger.settle()
        for account in self.accounts.values():
            if symbol in account.watched:
                self._fix_margins(account)
                self.look_at(account, quote.ts_ms)

    def watch(self, account: Account) -> None:
        """Note which prices an account's figures depend on."""
        watched: set[str] = set()
        for one in account.positions.values():
            watched.add(one.instrument.symbol)
            watched |= profit_path(one.instrument, account.terms, self.market)
            if one.waits_for_margin:
                watched |= margin_path(one.instrument, account.terms, self.market)
        account.watched = watched

    def _fix_margins(self, account: Account) -> None:
        for position_id, position in account.positions.items():
            if position.waits_for_margin:
                fills = tuple(
                    self._with_margin(fill, position.instrument, account) for fill in position.fills
                )
                account.positions[position_id] = replace(position, fills=fills)

    def _with_margin(self, fill: Fill, instrument: Instrument, account: Account) -> Fill:
        if fill.margin_per_lot is not None:
            return fill
        per_lot = self._margin_per_lot(instrument, fill.dealt, account)
        return replace(fill, margin_per_lot=per_lot)

    def _margin_per_lot(
        self, instrument: Instrument, price: Decimal, account: Account
    ) -> Decimal | None:
        return margin_per_lot(instrument, price, account.terms, self.leverage, self.market)

    def look_at(self, account: Account, ts_ms: Decimal) -> None:
        """Note which thresholds an account crosses now."""
        self.crossings.extend(account.crossings(ts_ms, self.market))

    # Balances, books and actions

    def _balance(self, event: Event) -> None:
        amount, kind = number(event.row, "amount"), event.row["kind"]
        if amount is None or kind not in BALANCE_KINDS:
            raise Refused("bad_balance")
        account = self._known_account(event.row)
        if kind in CREDIT_KINDS:
            account.credit += amount
        else:
            account.balance += amount
        if kind in OF_BALANCE_KIND:
            part = Part(OF_BALANCE_KIND[kind], -amount, account.terms.currency)
            self.ledger.book(Entry("", account.routing.book, (part,)))
        self.look_at(account, event.ts_ms)

    def _book(self, event: Event) -> None:
        row = event.row
        account = self._known_account(row)
        ratio = number(row, "hedge_ratio")
        if row["book"] not in BOOKS or (row.get("hedge_ratio") and not _is_share(ratio)):
            raise Refused("bad_book")
        if not row.get("symbol"):
            kept = account.routing.stored_ratio
            account.routing = Routing(row["book"], kept if ratio is None else ratio)
            account.routing_of_symbol.clear()
            return
        symbol = self._known_instrument(row).symbol
        kept = account.route(symbol).stored_ratio
        account.routing_of_symbol[symbol] = Routing(row["book"], kept if ratio is None else ratio)

    def _action(self, event: Event) -> None:
        apply_action(self, event)

    # Deals

    def _deal(self, event: Event) -> None:
        row = event.row
        lots, price = _lots_and_price(row)
        if row["entry"] not in ENTRIES:
            raise Refused("bad_deal")
        identity = ("deal", row.get("server", ""), row["deal_id"])
        if identity in self._applied:
            raise Duplicate
        account, instrument = self._known_account(row), self._known_instrument(row)
        held = account.positions.get(row["position_id"])
        if row["entry"] == "in":
            gain = self._open(account, instrument, row, lots, price)
        else:
            gain = self._close(account, instrument, event, lots, price)
        self._applied.add(identity)
        self._earn(account, row, held, gain)
        cash = gain + _signed(row, "commission") + _signed(row, "swap")
        account.balance += cash
        self.realise(account.terms.currency, -cash)
        self.watch(account)
        self.look_at(account, event.ts_ms)

    def _open(
        self, account: Account, instrument: Instrument, row: Row, lots: Decimal, price: Decimal
    ) -> Decimal:
        routing = account.route(instrument.symbol)
        per_lot = self._margin_per_lot(instrument, price, account)
        fill = Fill(lots, price, routing.hedge_ratio, per_lot)
        position = account.positions.get(row["position_id"])
        if position is None:
            position = Position(instrument, row["side"], routing.book, (fill,))
        elif position.instrument != instrument or position.side != row["side"]:
            raise Refused("overclose")
        else:
            position = position.added(fill, routing.book)
        account.positions[row["position_id"]] = position
        return ZERO

    def _close(
        self, account: Account, instrument: Instrument, event: Event, lots: Decimal, price: Decimal
    ) -> Decimal:
        row = event.row
        position = account.positions.get(row["position_id"])
        if position is None or position.instrument != instrument or position.side == row["side"]:
            raise Refused("overclose")
        rest = lots - position.lots
        if rest > LOTS_TOLERANCE and row["entry"] != "inout":
            raise Refused("overclose")
        closed = min(lots, position.lots)
        amount = profit(position, closed * instrument.units_per_lot, price)
        ours = to_account(amount, instrument, price, account.terms, self.market)
        if ours is None:
            raise Refused("no_rate")
        left = position.reduced(closed)
        del account.positions[row["position_id"]]
        if left is not None:
            account.positions[row["position_id"]] = left
        elif rest > LOTS_TOLERANCE:
            self._open(account, instrument, row, rest, price)
        return self._booked_profit(event, ours)

    def _booked_profit(self, event: Event, ours: Decimal) -> Decimal:
        reported = number(event.row, "profit")
        if reported is None:
            return ours
        if abs(reported - ours) > PROFIT_TOLERANCE:
            self._report("profit_mismatch", event)
        return reported

    def _earn(self, account: Account, row: Row, held: Position | None, gain: Decimal) -> None:
        """Book the revenue of a deal; ``held`` is the position before it.

        A deal has one row per component, in the book of the position that it closes or, if it only
        opens, of that which it opens.
        """
        currency, left = account.terms.currency, account.positions.get(row["position_id"])
        opens = row["entry"] == "in"
        book = left.book if opens and left is not None else held.book if held is not None else ""
        paid = ZERO if opens or held is None else held.rolled_over - _still_accrued(held, left)
        commission, swap = _signed(row, "commission"), _signed(row, "swap")
        parts = (
            *self._markup(row),
            Part("COMMISSION", -commission, currency),
            Part("SWAP_CLIENT", -(swap - paid), currency),
        )
        whole = Part("BBOOK_PNL", -(gain + commission + swap - paid), currency)
        self.ledger.book(Entry(row["symbol"], book, parts, whole))

    def _markup(self, row: Row) -> tuple[Part, ...]:
        raw = number(row, "raw_price")
        if raw is None:
            return ()
        instrument = self.instruments[row["symbol"]]
        worse = _needed(number(row, "price")) - raw
        signed = worse if row["side"] == "buy" else -worse
        units = _needed(number(row, "lots")) * instrument.units_per_lot
        return (Part("MARKUP", signed * units, instrument.quote),)

    # The house

    def _hedge(self, event: Event) -> None:
        row = event.row
        lots, price = _lots_and_price(row)
        identity = ("hedge", row["lp"], row["deal_id"])
        if identity in self._applied:
            raise Duplicate
        self._known_instrument(row)
        gain = self._fill_lp(row, lots, price)
        self._applied.add(identity)
        commission, swap = _signed(row, "commission"), _signed(row, "swap")
        self.realised_usd += gain + commission + swap
        facts = {"LP_PNL": gain, "LP_COMMISSION": commission, "SWAP_LP": swap}
        for component, amount in facts.items():
            part = Part(component, amount, "USD")
            self.ledger.book(Entry(row["symbol"], PROVIDERS_BOOK, (part,)))

    def _fill_lp(self, row: Row, lots: Decimal, price: Decimal) -> Decimal:
        """Net a fill; return the realised profit in USD."""
        instrument = self.instruments[row["symbol"]]
        held = self.lp_positions.get((row["lp"], row["symbol"]), LpPosition())
        signed = lots if row["side"] == "buy" else -lots
        gain = ZERO
        if held.closes(signed):
            rate = self.market.rate(instrument.quote, "USD")
            if rate is None:
                raise Refused("no_rate")
            gain = held.gain(signed, price) * instrument.units_per_lot * rate
        self._net_lp(row, lots, price)
        return gain

    def _net_lp(self, row: Row, lots: Decimal, price: Decimal) -> None:
        key = row["lp"], row["symbol"]
        signed = lots if row["side"] == "buy" else -lots
        self.lp_positions[key] = self.lp_positions.get(key, LpPosition()).filled(signed, price)

    def realise(self, currency: str, amount: Decimal) -> None:
        """Book what the house earned, now or when a rate to USD exists."""
        rate = self.market.rate(currency, "USD")
        if rate is None:
            self._unconverted_cash.append((currency, amount))
        else:
            self.realised_usd += amount * rate

    def _realise_what_waited(self) -> None:
        waiting, self._unconverted_cash = self._unconverted_cash, []
        for currency, amount in waiting:
            self.realise(currency, amount)

    # What an event refers to

    def _known_account(self, row: Row) -> Account:
        account = self.accounts.get(row["login"])
        if account is None:
            raise Refused("unknown_login")
        return account

    def _known_instrument(self, row: Row) -> Instrument:
        instrument = self.instruments.get(row["symbol"])
        if instrument is None:
            raise Refused("unknown_symbol")
        return instrument


def _is_share(ratio: Decimal | None) -> bool:
    return ratio is not None and 0 <= ratio <= 1


def _still_accrued(held: Position, left: Position | None) -> Decimal:
    return left.rolled_over if left is not None and left.side == held.side else ZERO


def _lots_and_price(row: Row) -> tuple[Decimal, Decimal]:
    lots, price = number(row, "lots"), number(row, "price")
    if lots is None or lots <= ZERO or price is None or row["side"] not in SIDES:
        raise Refused("bad_deal")
    names = ("commission", "swap", "profit", "raw_price")
    optional = [number(row, name, "0") for name in names]
    if None in optional:
        raise Refused("bad_deal")
    return lots, price


def _signed(row: Row, column: str) -> Decimal:
    return _needed(number(row, column, "0"))


def _needed(value: Decimal | None) -> Decimal:
    if value is None:
        raise ValueError("a number that the book directory must have is missing")
    return value
