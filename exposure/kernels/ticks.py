"""What a quote, or any other event, does to the accounts that it can change.

There are two exact ways to do a quote. The eager one, the reference, walks the positions of its
symbol, and those whose profit is converted through it, then judges each touched account once. The
lazy one looks at bounds first (bounds.py) and mostly stops there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exposure.crossings import CrossingBuffer
from exposure.kernels.bounds import anchor, broken, is_gap, owe, pay
from exposure.kernels.compiling import kernel
from exposure.kernels.margins import account_margin
from exposure.kernels.thresholds import crossed, margin_level
from exposure.kernels.values import (
    ACCEPTED,
    refresh_everybody,
    refresh_pairs,
    revalue,
    sum_floating,
    take_quote,
)
from exposure.model.quotes import QuoteColumns
from exposure.ragged import RaggedArrays
from exposure.state import BookArrays
from exposure.triggers import EAGER, LAZY, MODE, PAYING

END_OF_BATCH, FIRST_QUOTE, BUFFER_FULL = 0, 1, 2
"""Why a run of quotes stopped."""

_PAID_PART: Final = 8
"""With every eager tick, one account's bounds are set for so many that were visited."""


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
        verdict = take_quote(quotes, i, book.prices)
        verdicts[i] = verdict
        if verdict != ACCEPTED:
            continue
        if not quoted[symbol]:
            quoted[symbol] = True
            return i + 1, crossings, FIRST_QUOTE
        move = bids[symbol] - before
        variation[symbol] += move * move
        refresh_pairs(symbol, book.pairs_of_symbol, book.pairs, book.prices, book.triggers)
        event, touched = first_event + i, 0
        if status[MODE] != EAGER:
            touched = broken(symbol, bids[symbol], asks[symbol], event, book, scratch)
        if status[MODE] == LAZY:
            if touched == 0:
                continue
            if not is_gap(symbol, touched, book.triggers):
                crossings = settle(scratch[:touched], event, book, found, crossings)
                if crossings > room:
                    return i + 1, crossings, BUFFER_FULL
                continue
            refresh_everybody(book, len(book.of_account.start), len(book.positions.account))
            status[MODE] = PAYING
        owe(scratch[:touched], book.triggers)
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
    revalue(symbol, book.of_symbol, book)
    touched = _collect(symbol, book.of_symbol, event, book, scratch, already_touched)
    for k in range(begin, end):
        pair = book.pairs_of_symbol.items[k]
        revalue(pair, book.of_pair, book)
        touched = _collect(pair, book.of_pair, event, book, scratch, touched)
    crossings = _judge(scratch[:touched], event, book, found, crossings)
    if book.triggers.status[MODE] == PAYING:
        pay(1 + touched // _PAID_PART, book)
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
    refresh_pairs(symbol, book.pairs_of_symbol, book.pairs, book.prices, book.triggers)
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
        revalue(account, book.of_account, book)
        book.accounts.margin[account] = account_margin(account, book, legs, seen)
    sum_floating(rows, book)
    anchor(rows, book)


@kernel
def settle(
    rows: NDArray[np.int32], event: int, book: BookArrays, found: CrossingBuffer, crossings: int
) -> int:
    """Value accounts at today's prices, report the thresholds they reached, set their bounds."""
    for k in range(len(rows)):
        revalue(rows[k], book.of_account, book)
    crossings = _judge(rows, event, book, found, crossings)
    anchor(rows, book)
    return crossings


@kernel
def _judge(
    rows: NDArray[np.int32], event: int, book: BookArrays, found: CrossingBuffer, crossings: int
) -> int:
    """Add up the floating profit of accounts and report the thresholds they reached."""
    sum_floating(rows, book)
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
