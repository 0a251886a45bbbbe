"""The hot path, compiled: what a quote does to every account that it can change.

An account's floating profit is the sum over its positions in their order, computed anew whenever
one of them is touched. Adding differences instead would be a little faster, but rounding would
then depend on history, and a restarted engine could differ from one that never stopped.

Every quote walks the positions of its symbol, and those whose profit is converted through it, then
settles each touched account once. This is the eager reference path of performance.md.

All functions that call each other stand in this one file: numba's cache on disk is renewed when a
function's own file changes, not when a file that it calls into does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from exposure.crossings import CrossingBuffer
from exposure.model.quotes import QuoteColumns
from exposure.ragged import RaggedArrays
from exposure.state import (
    BY_CLOSE,
    BY_MID,
    SAME,
    BookArrays,
    LeverageArrays,
    PairArrays,
    PriceArrays,
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

_CALL, _OUT, _NEGATIVE = 1, 2, 4
_NET_PLUS_HEDGED, _MT4_AVERAGE, _LARGER_LEG, _SUM, _NET = range(5)


@njit(cache=True)
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

    After a first quote the caller finds the new conversion paths and calls ``touch_symbol``.

    Returns:
        The next quote to apply, the number of crossings found, and why it stopped.

    Shapes: ``verdicts`` (quotes,), ``scratch`` (accounts,).
    """
    crossings = 0
    room = len(found.event) - 3 * len(scratch)
    for i in range(begin, len(quotes.symbol)):
        verdict = _take_quote(quotes, i, book.prices)
        verdicts[i] = verdict
        if verdict != ACCEPTED:
            continue
        symbol = quotes.symbol[i]
        if not book.prices.quoted[symbol]:
            book.prices.quoted[symbol] = True
            return i + 1, crossings, FIRST_QUOTE
        crossings = touch_symbol(symbol, first_event + i, book, scratch, 0, found, crossings)
        if crossings > room:
            return i + 1, crossings, BUFFER_FULL
    return len(quotes.symbol), crossings, END_OF_BATCH


@njit(cache=True)
def touch_symbol(
    symbol: int,
    event: int,
    book: BookArrays,
    scratch: NDArray[np.int32],
    already_touched: int,
    found: CrossingBuffer,
    crossings: int,
) -> int:
    """Revalue what a symbol's new price changes and settle the accounts behind it.

    The first ``already_touched`` entries of ``scratch`` are accounts to settle in any case.
    Returns the number of crossings in the buffer.
    """
    begin = book.pairs_of_symbol.start[symbol]
    end = begin + book.pairs_of_symbol.length[symbol]
    for k in range(begin, end):
        refresh_pair(book.pairs_of_symbol.items[k], book.pairs, book.prices)
    _revalue(symbol, book.of_symbol, book)
    touched = _collect(symbol, book.of_symbol, event, book, scratch, already_touched)
    for k in range(begin, end):
        pair = book.pairs_of_symbol.items[k]
        _revalue(pair, book.of_pair, book)
        touched = _collect(pair, book.of_pair, event, book, scratch, touched)
    return settle(scratch[:touched], event, book, found, crossings)


@njit(cache=True)
def settle_deal(
    account: int,
    event: int,
    book: BookArrays,
    legs: NDArray[np.float64],
    seen: NDArray[np.int32],
    found: CrossingBuffer,
) -> int:
    """Value what a deal or balance operation left behind and settle its account.

    Returns the number of crossings.
    """
    _revalue(account, book.of_account, book)
    book.accounts.margin[account] = account_margin(account, book, legs, seen)
    return settle(np.array([account], np.int32), event, book, found, 0)


@njit(cache=True)
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


@njit(cache=True)
def settle(
    rows: NDArray[np.int32], event: int, book: BookArrays, found: CrossingBuffer, crossings: int
) -> int:
    """Add up the floating profit of accounts and report the thresholds they reached."""
    _sum_floating(rows, book)
    balance, credit, floating = book.accounts.balance, book.accounts.credit, book.accounts.floating
    credit_counts = book.accounts.credit_counts
    margin, fired = book.accounts.margin, book.accounts.fired
    call_level, out_level = book.accounts.margin_call_level, book.accounts.stop_out_level
    for k in range(len(rows)):
        account = rows[k]
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


@njit(cache=True)
def _sum_floating(rows: NDArray[np.int32], book: BookArrays) -> None:
    start, length, items = book.of_account.start, book.of_account.length, book.of_account.items
    value, swap, floating = book.positions.value, book.positions.swap, book.accounts.floating
    for k in range(len(rows)):
        account = rows[k]
        total = 0.0
        begin = start[account]
        for place in range(begin, begin + length[account]):
            slot = items[place]
            if not np.isnan(value[slot]):
                total += value[slot] + swap[slot]
        floating[account] = total


@njit(cache=True)
def _revalue(row: int, lists: RaggedArrays, book: BookArrays) -> None:
    """Compute the floating profit in account currency of a row's positions, NaN if unpriced.

    Columns are taken out of their tables before the loop: inside it, numba would count references.
    """
    positions, prices, pairs = book.positions, book.prices, book.pairs
    symbols, sides, lots, opens = (
        positions.symbol, positions.side, positions.lots, positions.open_price,
    )  # fmt: skip
    conversions, pair_of, values = positions.conversion, positions.pair, positions.value
    bids, asks, quoted, units = prices.bid, prices.ask, prices.quoted, prices.units_per_lot
    mids, gains, losses = pairs.mid, pairs.gain, pairs.loss
    items, begin = lists.items, lists.start[row]
    for k in range(begin, begin + lists.length[row]):
        slot = items[k]
        symbol = symbols[slot]
        side = sides[slot]
        bid, ask = bids[symbol], asks[symbol]
        close = bid if side > 0.0 else ask
        profit = side * (close - opens[slot]) * lots[slot] * units[symbol]
        conversion = conversions[slot]
        if not quoted[symbol]:
            values[slot] = np.nan
        elif conversion == SAME:
            values[slot] = profit
        elif conversion == BY_CLOSE:
            values[slot] = profit / close if close != 0.0 else np.nan
        elif conversion == BY_MID:
            values[slot] = profit * mids[pair_of[slot]]
        else:
            at_market = gains if profit > 0.0 else losses
            values[slot] = profit * at_market[pair_of[slot]]


@njit(cache=True)
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
    items, begin = lists.items, lists.start[row]
    for k in range(begin, begin + lists.length[row]):
        account = account_of[items[k]]
        if last_event[account] != event:
            last_event[account] = event
            scratch[touched] = account
            touched += 1
    return touched


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def margin_level(equity: float, margin: float) -> float:
    """Return 100 x equity / margin in percent, infinity without margin."""
    if margin < MONEY_TOLERANCE:
        return np.inf
    return 100.0 * equity / margin


@njit(cache=True)
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


@njit(cache=True)
def _is_on(has_fired: int, level: float, threshold: float) -> bool:
    if has_fired:
        return bool(level <= threshold + REARM_POINTS + LEVEL_TOLERANCE)
    return bool(level <= threshold + LEVEL_TOLERANCE)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def refresh_margins(
    rows: NDArray[np.int32], book: BookArrays, legs: NDArray[np.float64], seen: NDArray[np.int32]
) -> None:
    """Net the margins of accounts anew."""
    for k in range(len(rows)):
        book.accounts.margin[rows[k]] = account_margin(rows[k], book, legs, seen)


@njit(cache=True)
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
