"""What applies to a login: the terms of its group, and the leverage it really has on what it holds.

Source: semantics.md section 4 (a lower account leverage wins over brackets, a cap over both).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np

from exposure.client_book import ClientBook
from exposure.kernels import LOTS_TOLERANCE, tiered_margin
from exposure.model.accounts import Account


class DecidedBy(StrEnum):
    """What a leverage comes from."""

    ACCOUNT = "account"
    CAP = "cap"
    TIERS = "tiers"


class SymbolLeverage(msgspec.Struct, frozen=True):
    """Leverage on one symbol, 100 for 1:100; with tiers, the mean over the larger leg's lots."""

    symbol: str
    leverage: float
    decided_by: DecidedBy


class AccountTerms(msgspec.Struct, frozen=True):
    """A login's terms, and the leverage on each leveraged symbol that it holds.

    Money in ``account`` is that of its first event, not today's.
    """

    account: Account
    leverages: list[SymbolLeverage]


def account_terms(book: ClientBook, row: int) -> AccountTerms:
    """Return what applies to the account in a row of the book."""
    held = np.unique(book.positions.symbol[book.of_account.row(row)]).tolist()
    leveraged = [symbol for symbol in held if book.instruments[symbol].calc_mode.leveraged]
    return AccountTerms(book.terms[row], [_leverage(book, row, symbol) for symbol in leveraged])


def _leverage(book: ClientBook, row: int, symbol: int) -> SymbolLeverage:
    name, most = str(book.instruments[symbol].symbol), book.leverage_of(row, symbol)
    lots = _larger_leg(book, row, symbol)
    if book.is_tiered(row, symbol) and lots > LOTS_TOLERANCE:
        tables = book.leverage.arrays
        tiers = int(tables.tier_row[book.accounts.profile[row], symbol])
        return SymbolLeverage(
            name, lots / float(tiered_margin(tiers, lots, lots, most, tables)), DecidedBy.TIERS
        )
    capped = most < book.terms[row].leverage
    return SymbolLeverage(name, most, DecidedBy.CAP if capped else DecidedBy.ACCOUNT)


def _larger_leg(book: ClientBook, row: int, symbol: int) -> float:
    slots, p = book.of_account.row(row), book.positions
    of_symbol = slots[p.symbol[slots] == symbol]
    long = p.side[of_symbol] > 0.0
    lots = p.lots[of_symbol]
    return float(max(lots[long].sum(), lots[~long].sum()))
