"""The lazy trigger index: which bounds a quote broke, and how bounds are set.

After an account was valued, its *room* is how far its equity may fall (and, once a threshold has
fired, rise) before something happens. The room is shared out among the prices and rates that its
equity depends on, and each gets a bound that uses up its share. Only the adverse direction is
bounded, so while every bound holds, the equity is inside the room, whatever the other prices do:

  profit x rate >= p x r  if profit >= p and (rate >= r where p > 0, rate <= r where p < 0).

A broken bound proves nothing: the account is valued exactly and gets new bounds. So the index
decides who is looked at, never what is seen, and the eager path finds the same crossings.

A price gap breaks all bounds of a symbol at once, and setting a bound costs more than an eager
visit. The mode is then PAYING: everything is valued once, ticks are eager, and with each of them
a part of the broken bounds is set anew. When none is left, ticks are lazy again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.kernels.compiling import kernel
from exposure.kernels.thresholds import room_of
from exposure.kernels.tolerances import MONEY_TOLERANCE
from exposure.state import (
    BY_CLOSE,
    BY_MARKET,
    BY_MID,
    SAME,
    BookArrays,
    PairArrays,
    PositionArrays,
    PriceArrays,
    TriggerArrays,
    ZoneArrays,
)
from exposure.triggers import BLOCK, DEBT_FIRST, DEBT_LENGTH, EAGER, LAZY, MODE

_SMALLEST_GAP: Final = 32
_GAP_SHARE: Final = 8
"""A quote is a gap if it breaks more bounds than this, and this part of its symbol's holders."""

_LEAST_MOVE: Final = 1e-4
"""What a price is expected to move at least, as a part of itself."""

_ROUNDING: Final = 1e-9
_NOTIONAL_ROUNDING: Final = 1e-12
"""Room that is given up so that no rounding hides a crossing: parts of an account's money and of
what its positions are worth."""


@kernel
def broken(
    symbol: int, bid: float, ask: float, event: int, book: BookArrays, scratch: NDArray[np.int32]
) -> int:
    """Collect the accounts one of whose bounds a symbol's quote broke; return how many."""
    prices, rates = book.triggers.prices, book.triggers.rates
    touched = _broken_in(prices, 2 * symbol, bid, bid, event, book, scratch, 0)
    touched = _broken_in(prices, 2 * symbol + 1, ask, ask, event, book, scratch, touched)
    begin = book.pairs_of_symbol.start[symbol]
    for k in range(begin, begin + book.pairs_of_symbol.length[symbol]):
        pair = book.pairs_of_symbol.items[k]
        mid, gain, loss = book.pairs.mid[pair], book.pairs.gain[pair], book.pairs.loss[pair]
        touched = _broken_in(rates, 2 * pair, mid, mid, event, book, scratch, touched)
        low, high = min(gain, loss), max(gain, loss)
        touched = _broken_in(rates, 2 * pair + 1, low, high, event, book, scratch, touched)
    return touched


@kernel
def _broken_in(
    zones: ZoneArrays,
    row: int,
    low: float,
    high: float,
    event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    touched: int,
) -> int:
    """Take the broken bounds of one row away and add their accounts to ``scratch``, each once.

    ``low`` and ``high`` are the ends of the series: its one value, or both rates at market.
    Comparisons are such that NaN breaks a bound.
    """
    if low > zones.row_lo[row] and high < zones.row_hi[row]:
        return touched
    lo, hi, slots, blocks = zones.lo, zones.hi, zones.slot, zones.blocks
    block_lo, block_hi = zones.block_lo, zones.block_hi
    account_of, last_event = book.positions.account, book.accounts.touched
    row_lo, row_hi = -np.inf, np.inf
    left = zones.entries[row]
    place = blocks.start[row]
    while left > 0:
        block = blocks.items[place]
        if not (low > block_lo[block] and high < block_hi[block]):
            most, least = -np.inf, np.inf
            first = block * BLOCK
            for entry in range(first, first + min(left, BLOCK)):
                if low > lo[entry] and high < hi[entry]:
                    most, least = max(most, lo[entry]), min(least, hi[entry])
                    continue
                lo[entry], hi[entry] = -np.inf, np.inf
                account = account_of[slots[entry]]
                if last_event[account] != event:
                    last_event[account] = event
                    scratch[touched] = account
                    touched += 1
            block_lo[block], block_hi[block] = most, least
        row_lo, row_hi = max(row_lo, block_lo[block]), min(row_hi, block_hi[block])
        left -= BLOCK
        place += 1
    zones.row_lo[row], zones.row_hi[row] = row_lo, row_hi
    return touched


@kernel
def is_gap(symbol: int, touched: int, triggers: TriggerArrays) -> bool:
    """Whether so many bounds broke that an eager visit of all holders is cheaper."""
    holders = triggers.prices.entries[2 * symbol] + triggers.prices.entries[2 * symbol + 1]
    return touched > _SMALLEST_GAP and touched * _GAP_SHARE > holders


@kernel
def owe(rows: NDArray[np.int32], triggers: TriggerArrays) -> None:
    """Add accounts whose bounds are broken to the debt."""
    debt, in_debt, status = triggers.debt, triggers.in_debt, triggers.status
    for k in range(len(rows)):
        if not in_debt[rows[k]]:
            in_debt[rows[k]] = True
            debt[(status[DEBT_FIRST] + status[DEBT_LENGTH]) % len(debt)] = rows[k]
            status[DEBT_LENGTH] += 1


@kernel
def pay(accounts: int, book: BookArrays) -> None:
    """Set the bounds of some accounts of the debt anew; without debt, ticks are lazy again."""
    debt, in_debt, status = book.triggers.debt, book.triggers.in_debt, book.triggers.status
    first = status[DEBT_FIRST]
    paid = min(accounts, status[DEBT_LENGTH], len(debt) - first)
    rows = debt[first : first + paid]
    for k in range(paid):
        in_debt[rows[k]] = False
    anchor(rows, book)
    status[DEBT_FIRST] = (status[DEBT_FIRST] + paid) % len(debt)
    status[DEBT_LENGTH] -= paid
    if status[DEBT_LENGTH] == 0:
        status[MODE] = LAZY


@kernel
def anchor(rows: NDArray[np.int32], book: BookArrays) -> None:
    """Give accounts, valued at this moment, bounds that share out their room.

    Shares go by the root of what a series typically moves the equity: equal shares would waste
    room on quiet series, proportional ones on lively ones.
    """
    accounts, triggers = book.accounts, book.triggers
    if triggers.status[MODE] == EAGER:
        return
    for k in range(len(rows)):
        account = rows[k]
        begin = book.of_account.start[account]
        slots = book.of_account.items[begin : begin + book.of_account.length[account]]
        legs = _gather_legs(slots, book.positions, book.prices, book.pairs, triggers)
        weight, doubt = _weigh_legs(legs, book.positions, book.prices, book.pairs, triggers)
        own = accounts.balance[account]
        if accounts.credit_counts[account]:
            own += accounts.credit[account]
        equity = own + accounts.floating[account]
        down, up = room_of(
            accounts.fired[account],
            equity,
            accounts.margin[account],
            accounts.margin_call_level[account],
            accounts.stop_out_level[account],
        )
        doubt += MONEY_TOLERANCE + _ROUNDING * (abs(own) + accounts.margin[account])
        down, up = down - doubt, up - doubt
        for n in range(legs):
            _bound_leg(
                triggers.leg_seen[n], down, up, weight, book.positions, book.prices, book.pairs,
                triggers,
            )  # fmt: skip


@kernel
def _gather_legs(
    slots: NDArray[np.int32],
    positions: PositionArrays,
    prices: PriceArrays,
    pairs: PairArrays,
    triggers: TriggerArrays,
) -> int:
    """Add an account's positions up per side of a symbol; return how many such legs it has.

    A leg's first position will carry its bounds; those of the others are taken away.
    """
    legs = 0
    units, first = triggers.leg_units, triggers.leg_first
    for k in range(len(slots)):
        slot = slots[k]
        symbol, side, value = positions.symbol[slot], positions.side[slot], positions.value[slot]
        leg = 2 * symbol + (side < 0.0)
        entry, converted = triggers.price_entry[slot], triggers.rate_entry[slot]
        triggers.prices.lo[entry], triggers.prices.hi[entry] = -np.inf, np.inf
        if converted >= 0:
            triggers.rates.lo[converted], triggers.rates.hi[converted] = -np.inf, np.inf
        if np.isnan(value):
            # A rate that is quoted but unusable may come back with any tick. Where there is no
            # price or no path yet, a first quote brings it, and that settles all holders.
            has_path = converted < 0 or pairs.leg_1[positions.pair[slot]] >= 0
            if prices.quoted[symbol] and has_path:
                _set_bounds(leg, slot, np.inf, np.inf, np.inf, np.inf, positions, triggers)
            continue
        if units[leg] == 0.0:
            triggers.leg_seen[legs] = leg
            first[leg] = slot
            triggers.leg_profit[leg] = triggers.leg_value[leg] = 0.0
            legs += 1
        close = prices.bid[symbol] if side > 0.0 else prices.ask[symbol]
        amount = positions.lots[slot] * prices.units_per_lot[symbol]
        units[leg] += amount
        triggers.leg_profit[leg] += side * (close - positions.open_price[slot]) * amount
        triggers.leg_value[leg] += value
    return legs


@kernel
def _weigh_legs(
    legs: int,
    positions: PositionArrays,
    prices: PriceArrays,
    pairs: PairArrays,
    triggers: TriggerArrays,
) -> tuple[float, float]:
    """Weigh the series behind each leg; return the sum of weights, and how far rounding may go."""
    total, doubt = 0.0, 0.0
    for n in range(legs):
        leg = triggers.leg_seen[n]
        slot, symbol = triggers.leg_first[leg], leg >> 1
        close = prices.bid[symbol] if leg & 1 == 0 else prices.ask[symbol]
        conversion, pair, rate, rate_weight = positions.conversion[slot], 0, 1.0, 0.0
        if conversion == BY_CLOSE:
            rate = 1.0 / close
        elif conversion != SAME:
            pair = positions.pair[slot]
            rate = pairs.mid[pair]
            likely = np.sqrt(triggers.rate_variation[pair]) + _LEAST_MOVE * rate
            rate_weight = np.sqrt(abs(triggers.leg_profit[leg]) * likely)
        likely = np.sqrt(triggers.price_variation[symbol]) + _LEAST_MOVE * abs(close)
        worth = triggers.leg_units[leg] * abs(rate)
        triggers.leg_weight[leg] = np.sqrt(worth * likely)
        triggers.leg_rate_weight[leg] = rate_weight
        total += triggers.leg_weight[leg] + rate_weight
        doubt += _ROUNDING * abs(triggers.leg_value[leg])
        doubt += _NOTIONAL_ROUNDING * worth * abs(close)
    return total, doubt


@kernel
def _bound_leg(
    leg: int,
    down: float,
    up: float,
    weight: float,
    positions: PositionArrays,
    prices: PriceArrays,
    pairs: PairArrays,
    triggers: TriggerArrays,
) -> None:
    """Bound a leg's price and rate by its share of the room in both directions of equity."""
    slot = triggers.leg_first[leg]
    lo, hi, rate_lo, rate_hi = -np.inf, np.inf, -np.inf, np.inf
    for sign in (1, -1):
        room = down if sign > 0 else up
        if room == np.inf:
            continue
        if not (room > 0.0 and weight > 0.0):
            lo = rate_lo = np.inf  # at the edge: every tick looks at the account
            continue
        own_share = room * triggers.leg_weight[leg] / weight
        target = sign * triggers.leg_value[leg] - own_share
        conversion, pair = positions.conversion[slot], positions.pair[slot]
        rises = (leg & 1 == 0) == (sign < 0)  # whether it is a rise of the price that hurts
        if conversion == BY_CLOSE:
            bound = _bound_by_close(leg, sign, target, prices, triggers)
        else:
            rate = 1.0
            if conversion == BY_MID:
                rate = pairs.mid[pair]
            elif conversion == BY_MARKET:
                rate = pairs.gain[pair] if sign * target > 0.0 else pairs.loss[pair]
            least = target / rate
            symbol = leg >> 1
            close = prices.ask[symbol] if leg & 1 else prices.bid[symbol]
            distance = (sign * triggers.leg_profit[leg] - least) / triggers.leg_units[leg]
            bound = close + distance if rises else close - distance
            if conversion != SAME and least != 0.0:
                slack = room * triggers.leg_rate_weight[leg] / weight / abs(least)
                if least > 0.0:
                    rate_lo = max(rate_lo, rate - slack)
                else:
                    rate_hi = min(rate_hi, rate + slack)
        if rises:
            hi = min(hi, bound)
        else:
            lo = max(lo, bound)
    triggers.leg_units[leg] = 0.0
    _set_bounds(leg, slot, lo, hi, rate_lo, rate_hi, positions, triggers)


@kernel
def _bound_by_close(
    leg: int, sign: int, target: float, prices: PriceArrays, triggers: TriggerArrays
) -> float:
    """Return the closing price at which a leg converted at that price is worth ``target``.

    Its worth is side x (units - opened / close), opened = sum of units x open price.
    """
    side = 1 - 2 * (leg & 1)
    symbol = leg >> 1
    close = prices.bid[symbol] if side > 0 else prices.ask[symbol]
    units, profit = triggers.leg_units[leg], triggers.leg_profit[leg]
    opened = units * close - side * profit
    falls = side * sign > 0
    if opened <= 0.0 or close <= 0.0:
        return np.inf if falls else -np.inf
    rest = units - side * sign * target
    return float(opened / rest) if rest > 0.0 else np.inf


@kernel
def _set_bounds(
    leg: int,
    slot: int,
    lo: float,
    hi: float,
    rate_lo: float,
    rate_hi: float,
    positions: PositionArrays,
    triggers: TriggerArrays,
) -> None:
    _bound(triggers.prices, leg, triggers.price_entry[slot], lo, hi)
    if triggers.rate_entry[slot] >= 0:
        row = 2 * positions.pair[slot] + (positions.conversion[slot] == BY_MARKET)
        _bound(triggers.rates, row, triggers.rate_entry[slot], rate_lo, rate_hi)


@kernel
def _bound(zones: ZoneArrays, row: int, entry: int, lo: float, hi: float) -> None:
    zones.lo[entry], zones.hi[entry] = lo, hi
    block = entry // BLOCK
    zones.block_lo[block] = max(zones.block_lo[block], lo)
    zones.block_hi[block] = min(zones.block_hi[block], hi)
    zones.row_lo[row] = max(zones.row_lo[row], lo)
    zones.row_hi[row] = min(zones.row_hi[row], hi)
