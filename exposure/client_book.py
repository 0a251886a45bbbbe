"""The clients' side: symbols, accounts and open positions, and the indexes between them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.kernels import LOTS_TOLERANCE, account_margin, tiered_margin
from exposure.leverage import LeverageBook
from exposure.margin import HEDGED_MODES, margin_per_lot
from exposure.model.accounts import Account, CreditMode, ProfitConversion
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import LeverageCapDefined, LeverageTierDefined
from exposure.model.instruments import Instrument
from exposure.netting import Held
from exposure.ragged import Ragged
from exposure.rates import RateBook
from exposure.state import (
    BY_CLOSE,
    BY_MARKET,
    BY_MID,
    SAME,
    AccountArrays,
    BookArrays,
    PositionArrays,
    PriceArrays,
    new_table,
    with_room,
)
from exposure.triggers import TriggerIndex

BOOKS: Final = tuple(Book)
_FREE: Final = -1


class FillMargin(NamedTuple):
    """Margin per lot in account currency, NaN while its rate is not known.

    Brackets work on what is ``before_leverage``.
    """

    per_lot: float
    before_leverage: float


class Fillable(NamedTuple):
    """What a fill adds to a position."""

    lots: float
    price: float
    margin: FillMargin
    hedge_ratio: float
    book: Book


class ClientBook:
    """Open positions of all clients, in arrays for the kernels and in dicts for the rules.

    Methods change what is held; the engine then runs the kernels that value it.
    """

    def __init__(
        self,
        pivots: tuple[str, ...],
        caps: tuple[LeverageCapDefined, ...] = (),
        *,
        lazy_ticks: bool = True,
    ) -> None:
        self.rates = RateBook(pivots)
        self.leverage = LeverageBook(caps)
        self.instruments: list[Instrument] = []
        self.symbol_of: dict[str, int] = {}
        self.terms: list[Account] = []
        self.terms_version = 0
        self.names_version = 0
        self.account_of: dict[str, int] = {}
        self.client_of: dict[str, int] = {}
        self.currency_of: dict[str, int] = {}
        self.prices: PriceArrays = new_table(PriceArrays, 64)
        self.accounts: AccountArrays = new_table(AccountArrays, 64)
        self.positions: PositionArrays = new_table(PositionArrays, 256)
        self.of_symbol, self.of_pair, self.of_account = Ragged(), Ragged(), Ragged()
        self.of_client = Ragged()
        self.triggers = TriggerIndex(lazy=lazy_ticks)
        self.everybody: NDArray[np.int32] = np.arange(64, dtype=np.int32)
        self.position_ids: list[str] = []
        self.slot_of: dict[tuple[int, str], int] = {}
        self.free: list[int] = []
        self.without_margin: dict[tuple[str, str], dict[int, None]] = {}
        self.legs: NDArray[np.float64] = np.zeros((1, 4))
        self.seen: NDArray[np.int32] = np.zeros(1, np.int32)

    def arrays(self) -> BookArrays:
        """Return all tables as kernels take them."""
        return BookArrays(
            self.prices,
            self.rates.pairs,
            self.rates.pairs_of_symbol.arrays,
            self.accounts,
            self.positions,
            self.of_symbol.arrays,
            self.of_pair.arrays,
            self.of_account.arrays,
            self.leverage.arrays,
            self.triggers.arrays,
            self.everybody,
        )

    def add_symbol(self, instrument: Instrument) -> int:
        """Add a symbol and return its index."""
        symbol = len(self.instruments)
        self.instruments.append(instrument)
        self.symbol_of[instrument.symbol] = symbol
        self.prices = with_room(self.prices, symbol + 1)
        self.prices.allow_negative[symbol] = instrument.allow_negative
        self.prices.units_per_lot[symbol] = instrument.units_per_lot
        self.prices.hedged_ratio[symbol] = instrument.hedged_ratio
        self.rates.define(symbol, instrument)
        self.leverage.add_symbol(instrument)
        self.of_symbol.add_row()
        self.triggers.make_room(symbols=symbol + 1)
        self.legs, self.seen = np.zeros((symbol + 1, 4)), np.zeros(symbol + 1, np.int32)
        return symbol

    def add_account(self, account: Account) -> int:
        """Add a login with its opening balance and return its index."""
        row = len(self.terms)
        self.terms.append(account)
        self.account_of[account.login] = row
        self.accounts = with_room(self.accounts, row + 1)
        if len(self.everybody) < len(self.accounts.balance):
            self.everybody = np.arange(len(self.accounts.balance), dtype=np.int32)
        self.accounts.balance[row] = account.balance
        self.accounts.credit[row] = account.credit
        currency = self.currency_of.setdefault(account.currency, len(self.currency_of))
        self.accounts.currency[row] = currency
        self._take_terms(row, account)
        self.of_account.add_row()
        self.triggers.make_room(accounts=row + 1)
        client = self.client_of.setdefault(account.client_id, len(self.client_of))
        if client == self.of_client.rows:
            self.of_client.add_row()
        self.of_client.append(client, row)
        return row

    def restore_accounts(self, terms: list[Account], arrays: AccountArrays) -> None:
        """Take all accounts of a stored state at once; what they hold is restored apart."""
        self.terms, self.accounts = terms, arrays
        self.terms_version += 1
        self.account_of = {one.login: row for row, one in enumerate(terms)}
        # by first appearance, as adding them one by one numbered them
        self.currency_of = _numbered(one.currency for one in terms)
        self.client_of = _numbered(one.client_id for one in terms)
        self.everybody = np.arange(len(arrays.balance), dtype=np.int32)
        self.triggers.make_room(accounts=len(terms))

    def change_account(self, row: int, account: Account) -> None:
        """Take an account's new terms; money, currency, client and open margins stay."""
        old = self.terms[row]
        account = msgspec.structs.replace(account, currency=old.currency, client_id=old.client_id)
        slots = self.of_account.row(row)
        self.terms[row] = account
        self._take_terms(row, account)
        for slot in slots:
            self._unlink_pair(int(slot))
            self._link_pair(int(slot))

    def add_bracket(self, event: LeverageTierDefined) -> list[int]:
        """Take a leverage bracket and return the accounts whose margin it may change."""
        symbol = self.symbol_of[event.symbol]
        profile = self.leverage.profile_of.get(event.profile, -1)
        slots = self.of_symbol.row(symbol)
        concerned = slots[self.accounts.profile[self.positions.account[slots]] == profile]
        if not self.leverage.add_bracket(event, symbol):
            return []
        return [int(row) for row in np.unique(self.positions.account[concerned])]

    def leverage_of(self, account: int, symbol: int) -> float:
        """Return what an account gets on a symbol where no brackets decide."""
        regime = int(self.accounts.regime[account])
        return min(self.terms[account].leverage, self.leverage.cap(regime, symbol))

    def is_tiered(self, account: int, symbol: int) -> bool:
        """Whether brackets decide about an account's leverage on a symbol."""
        return self.leverage.is_tiered(int(self.accounts.profile[account]), symbol)

    def held(self, account: int, position_id: str) -> Held | None:
        """Return what is open under a position id, None if nothing is."""
        slot = self.slot_of.get((account, position_id))
        if slot is None:
            return None
        side = Side.BUY if self.positions.side[slot] > 0.0 else Side.SELL
        symbol = self.instruments[int(self.positions.symbol[slot])].symbol
        return Held(symbol, side, float(self.positions.lots[slot]))

    def open(self, account: int, position_id: str, symbol: int, side: Side, fill: Fillable) -> int:
        """Open a position and return its slot."""
        slot = self._take_slot(position_id)
        positions = self.positions
        positions.account[slot], positions.symbol[slot] = account, symbol
        positions.side[slot], positions.lots[slot] = side.sign, fill.lots
        positions.open_price[slot] = fill.price
        positions.swap[slot] = positions.swap_booked[slot] = 0.0
        positions.margin_per_lot[slot] = positions.margin_before_leverage[slot] = 0.0
        positions.margined_lots[slot] = 0.0
        positions.waiting_value[slot] = 0.0
        positions.hedge_ratio[slot] = fill.hedge_ratio
        positions.book[slot] = BOOKS.index(fill.book)
        self.slot_of[account, position_id] = slot
        self.of_account.append(account, slot)
        positions.place_in_symbol[slot] = self.of_symbol.append(symbol, slot)
        self.triggers.add_price(slot, symbol, side.sign)
        self._link_pair(slot)
        self._take_margin(slot, fill)
        return slot

    def add(self, slot: int, fill: Fillable) -> None:
        """Average a fill into an open position, by lots; its book is the latest fill's."""
        positions = self.positions
        old = float(positions.lots[slot])
        total = old + fill.lots
        for column, new in (
            (positions.open_price, fill.price),
            (positions.hedge_ratio, fill.hedge_ratio),
        ):
            column[slot] = (float(column[slot]) * old + new * fill.lots) / total
        positions.lots[slot] = total
        positions.book[slot] = BOOKS.index(fill.book)
        self._take_margin(slot, fill)

    def reduce(self, slot: int, lots: float) -> None:
        """Close part of a position, or all of it; accrued swap leaves in proportion."""
        positions = self.positions
        old = float(positions.lots[slot])
        left = old - lots
        if left <= LOTS_TOLERANCE:
            self._remove(slot)
            return
        positions.lots[slot] = left
        for column in (
            positions.swap, positions.swap_booked, positions.margined_lots, positions.waiting_value,
        ):  # fmt: skip
            column[slot] *= left / old

    def refresh_margin(self, account: int) -> None:
        """Net an account's margin anew after its positions changed."""
        margin = account_margin(account, self.arrays(), self.legs, self.seen)
        self.accounts.margin[account] = margin

    def margin_of_fill(self, account: int, symbol: int, price: float) -> FillMargin:
        """Return what one lot ties up at this moment."""
        terms, instrument = self.terms[account], self.instruments[symbol]
        per_lot = margin_per_lot(instrument, terms.currency, 1.0, price)
        factor = per_lot.factor
        if factor is None:
            factor = self.rates.mid(self.prices, per_lot.currency, terms.currency)
        before = per_lot.amount * factor
        return FillMargin(before / self._divisor(account, symbol), before)

    def given_margin(self, account: int, symbol: int, per_lot: float) -> FillMargin:
        """Return a margin per lot that the platform told, before leverage if brackets decide."""
        divisor = self._divisor(account, symbol)
        if self.is_tiered(account, symbol):
            return FillMargin(per_lot / divisor, per_lot)
        return FillMargin(per_lot, per_lot * divisor)

    def margin_of_order(
        self, account: int, symbol: int, side: Side, lots: float, price: float
    ) -> float:
        """Return the full margin that an order adds; with brackets, on top of its side's lots."""
        margin = self.margin_of_fill(account, symbol, price)
        row = int(self.leverage.arrays.tier_row[self.accounts.profile[account], symbol])
        if row < 0:
            return lots * margin.per_lot
        slots, p = self.of_account.row(account), self.positions
        same = (p.symbol[slots] == symbol) & (p.side[slots] == side.sign)
        held = float(p.margined_lots[slots[same]].sum())
        most, tables = self.leverage_of(account, symbol), self.leverage.arrays
        shares = tiered_margin(row, held + lots, held + lots, most, tables)
        return margin.before_leverage * (shares - tiered_margin(row, held, held, most, tables))

    def fix_margins(self) -> list[int]:
        """Fix the margins whose rate exists by now; return the accounts that changed."""
        changed: dict[int, None] = {}
        for (source, target), slots in list(self.without_margin.items()):
            if math.isnan(self.rates.mid(self.prices, source, target)):
                continue
            for slot in slots:
                self._fix_margin(slot)
                changed[int(self.positions.account[slot])] = None
            del self.without_margin[source, target]
        for account in changed:
            self.refresh_margin(account)
        return list(changed)

    def index_waiting_margins(self) -> None:
        """Rebuild the list of positions whose margin is not known, after a restore."""
        self.without_margin.clear()
        positions, used = self.positions, len(self.position_ids)
        waiting = positions.lots[:used] - positions.margined_lots[:used] > LOTS_TOLERANCE
        holders = positions.account[:used][waiting]
        for row in np.unique(holders[holders != _FREE]).tolist():
            for slot in self.of_account.row(row):
                if self._waiting_lots(int(slot)) > 0.0:
                    self._await_margin(int(slot))

    def index_triggers(self) -> None:
        """Rebuild the trigger index after a restore, still without bounds."""
        self.triggers.make_room(pairs=len(self.rates.pair_names))
        positions = self.positions
        slots = np.flatnonzero(positions.account[: len(self.position_ids)] != _FREE)
        sides = positions.side[slots]
        price_rows = 2 * positions.symbol[slots].astype(np.int64) + (sides < 0.0)
        pairs, at_market = positions.pair[slots].astype(np.int64), positions.conversion[slots]
        rate_rows = np.where(pairs < 0, -1, 2 * pairs + (at_market == BY_MARKET))
        self.triggers.rebuild(slots, price_rows, rate_rows)

    def _take_margin(self, slot: int, fill: Fillable) -> None:
        if math.isnan(fill.margin.per_lot):
            self.positions.waiting_value[slot] += fill.lots * abs(fill.price)
            self._await_margin(slot)
        else:
            self._add_margin(slot, fill.lots, fill.margin)

    def _fix_margin(self, slot: int) -> None:
        positions, lots = self.positions, self._waiting_lots(slot)
        if lots == 0.0:
            return
        account, symbol = int(positions.account[slot]), int(positions.symbol[slot])
        margin = self.margin_of_fill(account, symbol, float(positions.waiting_value[slot]) / lots)
        positions.waiting_value[slot] = 0.0
        self._add_margin(slot, lots, margin)

    def _add_margin(self, slot: int, lots: float, margin: FillMargin) -> None:
        positions = self.positions
        known = float(positions.margined_lots[slot])
        positions.margined_lots[slot] = known + lots
        for column, new in (
            (positions.margin_per_lot, margin.per_lot),
            (positions.margin_before_leverage, margin.before_leverage),
        ):
            column[slot] = (known * float(column[slot]) + lots * new) / (known + lots)

    def _divisor(self, account: int, symbol: int) -> float:
        """Return the leverage that is in a plain margin per lot."""
        leveraged = self.instruments[symbol].calc_mode.leveraged
        return self.leverage_of(account, symbol) if leveraged else 1.0

    def _waiting_lots(self, slot: int) -> float:
        lots = float(self.positions.lots[slot] - self.positions.margined_lots[slot])
        return lots if lots > LOTS_TOLERANCE else 0.0

    def _await_margin(self, slot: int) -> None:
        instrument = self.instruments[int(self.positions.symbol[slot])]
        terms = self.terms[int(self.positions.account[slot])]
        price = float(self.positions.open_price[slot])
        source = margin_per_lot(instrument, terms.currency, 1.0, price).currency
        self.without_margin.setdefault((source, terms.currency), {})[slot] = None

    def _take_terms(self, row: int, account: Account) -> None:
        self.terms_version += 1
        self.accounts.credit_counts[row] = account.credit_mode is CreditMode.IN_EQUITY
        self.accounts.leverage[row] = account.leverage
        self.accounts.profile[row] = self.leverage.profile(account)
        self.accounts.regime[row] = self.leverage.regime(account)
        self.accounts.margin_call_level[row] = account.margin_call_level
        self.accounts.stop_out_level[row] = account.stop_out_level
        self.accounts.hedged_mode[row] = HEDGED_MODES.index(account.hedged_margin_mode)

    def _take_slot(self, position_id: str) -> int:
        if self.free:
            slot = self.free.pop()
            self.position_ids[slot] = position_id
            return slot
        self.position_ids.append(position_id)
        self.positions = with_room(self.positions, len(self.position_ids))
        return len(self.position_ids) - 1

    def _link_pair(self, slot: int) -> None:
        positions = self.positions
        instrument = self.instruments[int(positions.symbol[slot])]
        terms = self.terms[int(positions.account[slot])]
        code = conversion_code(instrument, terms.currency, terms.profit_conversion)
        positions.conversion[slot], positions.pair[slot] = code, -1
        if code in {SAME, BY_CLOSE}:
            return
        pair = self.rates.pair(self.prices, instrument.quote, terms.currency)
        while self.of_pair.rows <= pair:
            self.of_pair.add_row()
            self.triggers.make_room(pairs=self.of_pair.rows)
        positions.pair[slot] = pair
        positions.place_in_pair[slot] = self.of_pair.append(pair, slot)
        self.triggers.add_rate(slot, pair, at_market=code == BY_MARKET)

    def _unlink_pair(self, slot: int) -> None:
        pair = int(self.positions.pair[slot])
        if pair < 0:
            return
        place = int(self.positions.place_in_pair[slot])
        moved = self.of_pair.remove_swapping(pair, place)
        if moved >= 0:
            self.positions.place_in_pair[moved] = place
        at_market = bool(self.positions.conversion[slot] == BY_MARKET)
        self.triggers.remove_rate(slot, pair, at_market=at_market)

    def _remove(self, slot: int) -> None:
        positions = self.positions
        account, symbol = int(positions.account[slot]), int(positions.symbol[slot])
        self._unlink_pair(slot)
        self.triggers.remove_price(slot, symbol, float(positions.side[slot]))
        place = int(positions.place_in_symbol[slot])
        moved = self.of_symbol.remove_swapping(symbol, place)
        if moved >= 0:
            positions.place_in_symbol[moved] = place
        self.of_account.remove_keeping_order(account, slot)
        for waiting in self.without_margin.values():
            waiting.pop(slot, None)
        del self.slot_of[account, self.position_ids[slot]]
        # what a closed position was worth when somebody last looked must not tell
        positions.account[slot], positions.value[slot] = _FREE, 0.0
        self.free.append(slot)


def conversion_code(instrument: Instrument, currency: str, mode: ProfitConversion) -> int:
    """Return how profit in the instrument's quote becomes account currency.

    Source: semantics.md section 3.
    """
    if instrument.quote == currency:
        return SAME
    if mode is ProfitConversion.MARKET:
        return BY_MARKET
    if mode is ProfitConversion.CLOSE_PRICE and instrument.base == currency:
        return BY_CLOSE
    return BY_MID


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}
