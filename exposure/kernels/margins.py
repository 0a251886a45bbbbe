"""Margin of an account: legs, brackets and hedged lots.

Source: semantics.md section 4; science.md section 6 (brackets).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exposure.kernels.compiling import kernel
from exposure.kernels.tolerances import LOTS_TOLERANCE, MONEY_TOLERANCE
from exposure.state import BookArrays, LeverageArrays

_NET_PLUS_HEDGED, _MT4_AVERAGE, _LARGER_LEG, _SUM, _NET = range(5)


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
