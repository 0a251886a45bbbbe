"""The hot path, compiled: what a quote does to every account that it can change.

An account's floating profit is the sum over its positions in their order, computed anew whenever
one of them is touched. Adding differences instead would be a little faster, but rounding would
then depend on history, and a restarted engine could differ from one that never stopped.

There are two exact ways to do a quote. The eager one, the reference, walks the positions of its
symbol, and those whose profit is converted through it, then judges each touched account once. The
lazy one looks at bounds first (see "The lazy trigger index" below) and mostly stops there.

All functions that call each other stand in this one file: numba's cache on disk is renewed when a
function's own file changes, not when a file that it calls into does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.crossings import CrossingBuffer
from exposure.model.quotes import QuoteColumns
from exposure.ragged import RaggedArrays
from exposure.state import (
    BY_CLOSE,
    BY_MARKET,
    BY_MID,
    SAME,
    BookArrays,
    LeverageArrays,
    PairArrays,
    PositionArrays,
    PriceArrays,
    TriggerArrays,
    ZoneArrays,
)
from exposure.triggers import (
    BLOCK,
    DEBT_FIRST,
    DEBT_LENGTH,
    EAGER,
    LAZY,
    MODE,
    PAYING,
)

ACCEPTED, UNKNOWN_SYMBOL, BAD_QUOTE, OUT_OF_ORDER = 0, 1, 2, 3
"""What became of a quote."""

END_OF_BATCH, FIRST_QUOTE, BUFFER_FULL = 0, 1, 2
"""Why a run of quotes stopped."""

REARM_POINTS: Final = 5.0
LEVEL_TOLERANCE: Final = 1e-9
LOTS_TOLERANCE: Final = 1e-9
MONEY_TOLERANCE: Final = 1e-6
"""Tolerances of semantics.md section 5, so that binary rounding never fires an alarm."""

_SMALLEST_GAP: Final = 32
_GAP_SHARE: Final = 8
"""A quote is a gap if it breaks more bounds than this, and this part of its symbol's holders."""
_PAID_PART: Final = 8
"""With every eager tick, one account's bounds are set for so many that were visited."""
_LEAST_MOVE: Final = 1e-4
"""What a price is expected to move at least, as a part of itself."""
_ROUNDING: Final = 1e-9
_NOTIONAL_ROUNDING: Final = 1e-12
"""Room that is given up so that no rounding hides a crossing: parts of an account's money and of
what its positions are worth."""

_CALL, _OUT, _NEGATIVE = 1, 2, 4
_NET_PLUS_HEDGED, _MT4_AVERAGE, _LARGER_LEG, _SUM, _NET = range(5)


Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that allocates nothing.

    Without numba's run time no reference is counted. Counting would cost more than the work: every
    call that hands on a table touches the counters of all its columns, about 1 us a time.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    compiled: Function = njit(**options)(function)
    return compiled


@kernel
def apply_quotes(
    quotes: QuoteColumns,
    begin: int,
    first_event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    found: CrossingBuffer,
    verdicts: NDArray[np.int8],
) -> tuple[int, int, int]:
    """Apply quotes from ``begin`` until the end, a symbol's first quote, or a full buffer.

    After a first quote the caller finds the new conversion paths and calls ``settle_symbol``.

    Returns:
        The next quote to apply, the number of crossings found, and why it stopped.

    Shapes: ``verdicts`` (quotes,), ``scratch`` (accounts,).
    """
    crossings = 0
    room = len(found.event) - 3 * len(scratch)
    bids, asks, quoted = book.prices.bid, book.prices.ask, book.prices.quoted
    variation, status = book.triggers.price_variation, book.triggers.status
    for i in range(begin, len(quotes.symbol)):
        symbol = quotes.symbol[i]
        before = bids[symbol] if symbol >= 0 else 0.0
        verdict = _take_quote(quotes, i, book.prices)
        verdicts[i] = verdict
        if verdict != ACCEPTED:
            continue
        if not quoted[symbol]:
            quoted[symbol] = True
            return i + 1, crossings, FIRST_QUOTE
        move = bids[symbol] - before
        variation[symbol] += move * move
        _refresh_pairs(symbol, book.pairs_of_symbol, book.pairs, book.prices, book.triggers)
        event, touched = first_event + i, 0
        if status[MODE] != EAGER:
            touched = _broken(symbol, bids[symbol], asks[symbol], event, book, scratch)
        if status[MODE] == LAZY:
            if touched == 0:
                continue
            if not _is_gap(symbol, touched, book.triggers):
                crossings = settle(scratch[:touched], event, book, found, crossings)
                if crossings > room:
                    return i + 1, crossings, BUFFER_FULL
                continue
            _sum_everybody(book)
            status[MODE] = PAYING
        _owe(scratch[:touched], book.triggers)
        crossings = touch_symbol(symbol, event, book, scratch, touched, found, crossings)
        if crossings > room:
            return i + 1, crossings, BUFFER_FULL
    return len(quotes.symbol), crossings, END_OF_BATCH


@kernel
def touch_symbol(
    symbol: int,
    event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    already_touched: int,
    found: CrossingBuffer,
    crossings: int,
) -> int:
    """Revalue what a symbol's new price changes and judge the accounts behind it: the eager way.

    It takes for granted that all other values are current. The first ``already_touched`` entries
    of ``scratch`` are accounts to judge in any case. Returns the crossings in the buffer.
    """
    begin = book.pairs_of_symbol.start[symbol]
    end = begin + book.pairs_of_symbol.length[symbol]
    _revalue(symbol, book.of_symbol, book)
    touched = _collect(symbol, book.of_symbol, event, book, scratch, already_touched)
    for k in range(begin, end):
        pair = book.pairs_of_symbol.items[k]
        _revalue(pair, book.of_pair, book)
        touched = _collect(pair, book.of_pair, event, book, scratch, touched)
    crossings = _judge(scratch[:touched], event, book, found, crossings)
    if book.triggers.status[MODE] == PAYING:
        _pay(1 + touched // _PAID_PART, book)
    return crossings


@kernel
def settle_symbol(
    symbol: int,
    event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    already_touched: int,
    found: CrossingBuffer,
) -> int:
    """Settle everybody whom a symbol's price concerns, from any state; see ``touch_symbol``."""
    _refresh_pairs(symbol, book.pairs_of_symbol, book.pairs, book.prices, book.triggers)
    begin = book.pairs_of_symbol.start[symbol]
    touched = _collect(symbol, book.of_symbol, event, book, scratch, already_touched)
    for k in range(begin, begin + book.pairs_of_symbol.length[symbol]):
        pair = book.pairs_of_symbol.items[k]
        touched = _collect(pair, book.of_pair, event, book, scratch, touched)
    return settle(scratch[:touched], event, book, found, 0)


@kernel
def settle_deal(
    account: int,
    event: int,
    book: BookArrays,
    legs: NDArray[np.float64],
    seen: NDArray[np.int32],
    scratch: NDArray[np.int32],
    found: CrossingBuffer,
) -> int:
    """Value what a deal or balance operation left behind and settle its account.

    Returns the number of crossings.
    """
    book.accounts.margin[account] = account_margin(account, book, legs, seen)
    scratch[0] = account
    return settle(scratch[:1], event, book, found, 0)


@kernel
def value_accounts(
    rows: NDArray[np.int32],
    book: BookArrays,
    legs: NDArray[np.float64],
    seen: NDArray[np.int32],
) -> None:
    """Value accounts and their positions without looking at thresholds: state, not an event."""
    for k in range(len(rows)):
        account = rows[k]
        _revalue(account, book.of_account, book)
        book.accounts.margin[account] = account_margin(account, book, legs, seen)
    _sum_floating(rows, book)
    anchor(rows, book)


@kernel
def settle(
    rows: NDArray[np.int32], event: int, book: BookArrays, found: CrossingBuffer, crossings: int
) -> int:
    """Value accounts at today's prices, report the thresholds they reached, set their bounds."""
    for k in range(len(rows)):
        _revalue(rows[k], book.of_account, book)
    crossings = _judge(rows, event, book, found, crossings)
    anchor(rows, book)
    return crossings


@kernel
def refresh_values(book: BookArrays, rows: NDArray[np.int32]) -> None:
    """Make accounts' floating profits and their positions' values those of this moment."""
    for k in range(len(rows)):
        _revalue(rows[k], book.of_account, book)
    _sum_floating(rows, book)


@kernel
def _judge(
    rows: NDArray[np.int32], event: int, book: BookArrays, found: CrossingBuffer, crossings: int
) -> int:
    """Add up the floating profit of accounts and report the thresholds they reached."""
    _sum_floating(rows, book)
    balance, credit, floating = book.accounts.balance, book.accounts.credit, book.accounts.floating
    credit_counts = book.accounts.credit_counts
    margin, fired = book.accounts.margin, book.accounts.fired
    call_level, out_level = book.accounts.margin_call_level, book.accounts.stop_out_level
    for k in range(len(rows)):
        account = np.uint32(rows[k])
        own = balance[account] + credit[account] if credit_counts[account] else balance[account]
        equity = own + floating[account]
        level = margin_level(equity, margin[account])
        before = fired[account]
        after = crossed(before, equity, level, call_level[account], out_level[account])
        if after == before:
            continue
        fired[account] = after
        for kind in range(3):
            if (after & ~before) & (1 << kind):
                found.event[crossings] = event
                found.account[crossings] = account
                found.kind[crossings] = kind
                found.level[crossings] = level
                crossings += 1
    return crossings


@kernel
def _sum_floating(rows: NDArray[np.int32], book: BookArrays) -> None:
    start, length, items = book.of_account.start, book.of_account.length, book.of_account.items
    values, swaps, floating = book.positions.value, book.positions.swap, book.accounts.floating
    for k in range(len(rows)):
        account = np.uint32(rows[k])
        total, begin = 0.0, np.uint64(start[account])
        for place in range(begin, begin + np.uint64(length[account])):
            slot = np.uint32(items[place])
            value = values[slot]
            total += value + swaps[slot] if not np.isnan(value) else 0.0
        floating[account] = total


@kernel
def _sum_everybody(book: BookArrays) -> None:
    rows = book.everybody[: len(book.of_account.start)]
    for account in range(len(rows)):
        _revalue(account, book.of_account, book)
    _sum_floating(rows, book)


# The lazy trigger index -------------------------------------------------------------------------
#
# After an account was valued, its *room* is how far its equity may fall (and, once a threshold has
# fired, rise) before something happens. The room is shared out among the prices and rates that its
# equity depends on, and each gets a bound that uses up its share. Only the adverse direction is
# bounded, so while every bound holds, the equity is inside the room, whatever the other prices do:
#
#   profit x rate >= p x r  if profit >= p and (rate >= r where p > 0, rate <= r where p < 0).
#
# A broken bound proves nothing: the account is valued exactly and gets new bounds. So the index
# decides who is looked at, never what is seen, and the eager path finds the same crossings.
#
# A price gap breaks all bounds of a symbol at once, and setting a bound costs more than an eager
# visit. The mode is then PAYING: everything is valued once, ticks are eager, and with each of them
# a part of the broken bounds is set anew. When none is left, ticks are lazy again.


@kernel
def _refresh_pairs(
    symbol: int,
    pairs_of_symbol: RaggedArrays,
    pairs: PairArrays,
    prices: PriceArrays,
    triggers: TriggerArrays,
) -> None:
    begin = pairs_of_symbol.start[symbol]
    for k in range(begin, begin + pairs_of_symbol.length[symbol]):
        pair = pairs_of_symbol.items[k]
        before = pairs.mid[pair]
        refresh_pair(pair, pairs, prices)
        move = pairs.mid[pair] - before
        if np.isfinite(move):
            triggers.rate_variation[pair] += move * move


@kernel
def _broken(
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
def _is_gap(symbol: int, touched: int, triggers: TriggerArrays) -> bool:
    """Whether so many bounds broke that an eager visit of all holders is cheaper."""
    holders = triggers.prices.entries[2 * symbol] + triggers.prices.entries[2 * symbol + 1]
    return touched > _SMALLEST_GAP and touched * _GAP_SHARE > holders


@kernel
def _owe(rows: NDArray[np.int32], triggers: TriggerArrays) -> None:
    """Add accounts whose bounds are broken to the debt."""
    debt, in_debt, status = triggers.debt, triggers.in_debt, triggers.status
    for k in range(len(rows)):
        if not in_debt[rows[k]]:
            in_debt[rows[k]] = True
            debt[(status[DEBT_FIRST] + status[DEBT_LENGTH]) % len(debt)] = rows[k]
            status[DEBT_LENGTH] += 1


@kernel
def _pay(accounts: int, book: BookArrays) -> None:
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
def room_of(
    fired: int, equity: float, margin: float, call_level: float, out_level: float
) -> tuple[float, float]:
    """Return how far equity may fall and rise before ``crossed`` says something else.

    Units: account currency. Infinite where no threshold lies in that direction.
    """
    floor, ceiling = -np.inf, np.inf
    if margin >= MONEY_TOLERANCE:
        for kind in range(2):
            threshold = (call_level if kind == 0 else out_level) + LEVEL_TOLERANCE
            if fired & (1 << kind):
                ceiling = min(ceiling, (threshold + REARM_POINTS) / 100.0 * margin)
            else:
                floor = max(floor, threshold / 100.0 * margin)
    if fired & _NEGATIVE:
        ceiling = min(ceiling, -MONEY_TOLERANCE)
    else:
        floor = max(floor, -MONEY_TOLERANCE)
    return equity - floor, ceiling - equity


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


@kernel
def _revalue(row: int, lists: RaggedArrays, book: BookArrays) -> None:
    """Compute the floating profit in account currency of a row's positions, NaN if unpriced.

    Sides and conversions follow no order that a processor could guess, so every way is computed and
    one is selected. Columns are taken out of their tables before the loop: inside it, numba would
    count references. Unsigned indices spare the check for negative ones.
    """
    positions, prices, pairs = book.positions, book.prices, book.pairs
    symbols, sides, lots, opens = (
        positions.symbol, positions.side, positions.lots, positions.open_price,
    )  # fmt: skip
    conversions, pair_of, values = positions.conversion, positions.pair, positions.value
    bids, asks, quoted, units = prices.bid, prices.ask, prices.quoted, prices.units_per_lot
    mids, gains, losses = pairs.mid, pairs.gain, pairs.loss
    items, begin = lists.items, np.uint64(lists.start[row])
    for k in range(begin, begin + np.uint64(lists.length[row])):
        slot = np.uint32(items[k])
        symbol, pair = np.uint32(symbols[slot]), np.uint32(max(pair_of[slot], 0))
        side, conversion = sides[slot], conversions[slot]
        bid, ask = bids[symbol], asks[symbol]
        close = bid if side > 0.0 else ask
        profit = side * (close - opens[slot]) * lots[slot] * units[symbol]
        mid, gain, loss = mids[pair], gains[pair], losses[pair]
        value = profit * mid if conversion == BY_MID else profit * (gain if profit > 0.0 else loss)
        at_close = profit / (close if close != 0.0 else np.nan)
        value = at_close if conversion == BY_CLOSE else value
        value = profit if conversion == SAME else value
        values[slot] = value if quoted[symbol] else np.nan


@kernel
def _collect(
    row: int,
    lists: RaggedArrays,
    event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    touched: int,
) -> int:
    """Add the accounts of a row's positions to ``scratch``, each once per event."""
    account_of, last_event = book.positions.account, book.accounts.touched
    items, begin = lists.items, np.uint64(lists.start[row])
    for k in range(begin, begin + np.uint64(lists.length[row])):
        account = np.uint32(account_of[np.uint32(items[k])])
        if last_event[account] != event:
            last_event[account] = event
            scratch[touched] = account
            touched += 1
    return touched


@kernel
def refresh_pair(pair: int, pairs: PairArrays, prices: PriceArrays) -> None:
    """Bring one conversion's rates up to date with the prices of its legs."""
    mid, gain, loss = 1.0, 1.0, 1.0
    for which in range(2):
        symbol = pairs.leg_1[pair] if which == 0 else pairs.leg_2[pair]
        inverted = pairs.inverted_1[pair] if which == 0 else pairs.inverted_2[pair]
        if symbol < 0:
            break
        bid, ask = prices.bid[symbol], prices.ask[symbol]
        leg_mid = (bid + ask) / 2
        if bid <= 0.0 or ask <= 0.0:
            mid = gain = loss = np.nan
        elif inverted:
            mid, gain, loss = mid / leg_mid, gain / ask, loss / bid
        else:
            mid, gain, loss = mid * leg_mid, gain * bid, loss * ask
    pairs.mid[pair], pairs.gain[pair], pairs.loss[pair] = mid, gain, loss


@kernel
def _take_quote(quotes: QuoteColumns, i: int, prices: PriceArrays) -> int:
    symbol, bid, ask = quotes.symbol[i], quotes.bid[i], quotes.ask[i]
    if symbol < 0:
        return UNKNOWN_SYMBOL
    if not (np.isfinite(bid) and np.isfinite(ask)):
        return BAD_QUOTE
    if not prices.allow_negative[symbol] and (bid <= 0.0 or ask <= 0.0):
        return BAD_QUOTE
    if prices.quoted[symbol] and quotes.ts_event[i] < prices.last_ts[symbol]:
        return OUT_OF_ORDER
    prices.bid[symbol], prices.ask[symbol] = bid, ask
    prices.last_ts[symbol] = quotes.ts_event[i]
    prices.locked[symbol] += bid == ask
    prices.crossed[symbol] += bid > ask
    return ACCEPTED


@kernel
def margin_level(equity: float, margin: float) -> float:
    """Return 100 x equity / margin in percent, infinity without margin."""
    if margin < MONEY_TOLERANCE:
        return np.inf
    return 100.0 * equity / margin


@kernel
def crossed(fired: int, equity: float, level: float, call_level: float, out_level: float) -> int:
    """Return the new ``fired`` bits of an account.

    A bit that is new has fired on this event; one that is gone has re-armed.

    Units: equity in account currency, levels in percent.
    """
    bits = 0
    if _is_on(fired & _CALL, level, call_level):
        bits |= _CALL
    if _is_on(fired & _OUT, level, out_level):
        bits |= _OUT
    if equity < -MONEY_TOLERANCE:
        bits |= _NEGATIVE
    return bits


@kernel
def _is_on(has_fired: int, level: float, threshold: float) -> bool:
    if has_fired:
        return bool(level <= threshold + REARM_POINTS + LEVEL_TOLERANCE)
    return bool(level <= threshold + LEVEL_TOLERANCE)


@kernel
def hedged_margin(
    mode: int,
    long_lots: float,
    long_margin: float,
    short_lots: float,
    short_margin: float,
    hedged_ratio: float,
) -> float:
    """Return the margin of one symbol of one account.

    Args:
        mode: Place in HEDGED_MODES.
        long_lots: Lots of the long leg.
        long_margin: The long leg's margin in full, sum of lots x margin per lot.
        short_lots: Lots of the short leg.
        short_margin: The short leg's margin in full.
        hedged_ratio: What a covered pair costs, as a share of one lot (0: free).

    Units: lots, account currency.
    """
    lots = long_lots + short_lots
    if lots < LOTS_TOLERANCE:
        return 0.0
    if mode == _SUM:
        return long_margin + short_margin
    if mode == _LARGER_LEG:
        return max(long_margin, short_margin)
    covered = min(long_lots, short_lots)
    uncovered = abs(long_lots - short_lots)
    if uncovered < LOTS_TOLERANCE:
        uncovered = 0.0
    mean_of_both = (long_margin + short_margin) / lots
    if mode == _MT4_AVERAGE:
        return (uncovered + covered * hedged_ratio) * mean_of_both
    surviving = 0.0
    if uncovered > 0.0:
        is_long = long_lots > short_lots
        surviving = long_margin / long_lots if is_long else short_margin / short_lots
    if mode == _NET:
        return uncovered * surviving
    return uncovered * surviving + covered * hedged_ratio * mean_of_both


@kernel
def tiered_margin(
    row: int, lots: float, margin: float, most: float, leverage: LeverageArrays
) -> float:
    """Return the margin of a leg whose lots pay bracket by bracket.

    Args:
        row: The leg's brackets in ``leverage``.
        lots: Lots of the leg.
        margin: Its margin before leverage, sum of lots x margin per lot.
        most: The account's leverage or cap, which wins where it is lower.
        leverage: All brackets.

    Source: science.md section 6 (marginal brackets per leg).
    """
    if lots < LOTS_TOLERANCE:
        return 0.0
    begin, count = leverage.tier_start[row], leverage.tier_length[row]
    lower, shares = 0.0, 0.0
    for k in range(begin, begin + count):
        upper = leverage.tier_upper[k] if k < begin + count - 1 else np.inf
        part = min(lots, upper) - lower
        if part <= 0.0:
            break
        shares += part / min(leverage.tier_leverage[k], most)
        lower = upper
    return margin / lots * shares


@kernel
def refresh_margins(
    rows: NDArray[np.int32], book: BookArrays, legs: NDArray[np.float64], seen: NDArray[np.int32]
) -> None:
    """Net the margins of accounts anew."""
    for k in range(len(rows)):
        book.accounts.margin[rows[k]] = account_margin(rows[k], book, legs, seen)


@kernel
def account_margin(
    account: int, book: BookArrays, legs: NDArray[np.float64], seen: NDArray[np.int32]
) -> float:
    """Return an account's margin: symbol by symbol, in the order of its positions.

    Lots whose margin rate does not exist yet are left out.

    Shapes: ``legs`` (symbols, 4) all zero before and after, ``seen`` (symbols,).
    """
    positions = book.positions
    profile, regime = book.accounts.profile[account], book.accounts.regime[account]
    own_leverage, tier_row = book.accounts.leverage[account], book.leverage.tier_row
    symbols = 0
    begin = book.of_account.start[account]
    for k in range(begin, begin + book.of_account.length[account]):
        slot = book.of_account.items[k]
        lots = positions.margined_lots[slot]
        if lots == 0.0:
            continue
        symbol = positions.symbol[slot]
        leg = legs[symbol]
        if leg[0] + leg[2] == 0.0:
            seen[symbols] = symbol
            symbols += 1
        side = 0 if positions.side[slot] > 0.0 else 2
        leg[side] += lots
        if tier_row[profile, symbol] < 0:
            leg[side + 1] += lots * positions.margin_per_lot[slot]
        else:
            leg[side + 1] += lots * positions.margin_before_leverage[slot]
    mode = book.accounts.hedged_mode[account]
    total = 0.0
    for k in range(symbols):
        leg = legs[seen[k]]
        ratio = book.prices.hedged_ratio[seen[k]]
        row = tier_row[profile, seen[k]]
        if row >= 0:
            most = min(own_leverage, book.leverage.cap[regime, seen[k]])
            leg[1] = tiered_margin(row, leg[0], leg[1], most, book.leverage)
            leg[3] = tiered_margin(row, leg[2], leg[3], most, book.leverage)
        total += hedged_margin(mode, leg[0], leg[1], leg[2], leg[3], ratio)
        leg[:] = 0.0
    return total if total >= MONEY_TOLERANCE else 0.0
