"""The cash clock: how far prices may move before a provider calls the house for margin.

A provider's margin is a share of what is held there, by asset class, at today's prices. Without the
house's terms with a provider nothing can be said, and nothing is.
Source: desk.md (LP margin and cash clock).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.risk.stress_book import StressBook, Valuation

ANY_CLASS: Final = "*"

Floats = NDArray[np.float64]


class ProviderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the house agreed with a provider.

    ``margin_ratio`` is margin per notional (0.01 for 1:100) by asset class, ``*`` for all others.
    ``equity_usd`` is what the account there is worth now, floating profit included. The provider
    calls when equity falls to ``call_level`` percent of the margin.
    """

    margin_ratio: Mapping[str, float]
    equity_usd: float
    call_level: float = 100.0


class ProviderAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What the house agreed with a provider, and ``cash_usd`` there before the first event.

    Cash is without the profit of open positions.
    """

    margin_ratio: Mapping[str, float]
    cash_usd: float
    call_level: float = 100.0


class ProviderMargin(NamedTuple):
    """One provider's account; None where terms or a price are missing.

    ``move_to_call_percent`` is how far every position may go against the house at once;
    ``nearest_symbol`` is the one that needs the smallest move alone, ``nearest_percent``. Margin is
    taken to stay what it is on the way. ``*_after`` is the account after the shock.
    """

    lp: str
    gross_usd: float
    equity_usd: float | None
    margin_usd: float | None
    level: float | None
    move_to_call_percent: float | None
    nearest_symbol: str | None
    nearest_percent: float | None
    equity_after_usd: float | None
    level_after: float | None
    note: str


def terms_now(book: StressBook, lp: str, account: ProviderAccount) -> ProviderTerms:
    """Return the terms with the equity of this moment: cash, what was realised, what floats."""
    floats = sum(
        float(profit)
        for name, profit in zip(book.providers.lp, book.now.lp_usd, strict=True)
        if name == lp
    )
    return ProviderTerms(
        margin_ratio=account.margin_ratio,
        equity_usd=account.cash_usd + book.engine.house.lp_own_usd.get(lp, 0.0) + floats,
        call_level=account.call_level,
    )


def provider_margins(
    book: StressBook, terms: Mapping[str, ProviderTerms], after: Valuation | None = None
) -> list[ProviderMargin]:
    """Return every provider that holds something, by name.

    Args:
        book: The book at this moment.
        terms: By provider; those that are missing are said to be.
        after: Values after a shock, None for today's.
    """
    return [
        _margin(book, lp, terms.get(lp), after or book.now)
        for lp in dict.fromkeys(book.providers.lp)
    ]


def _margin(
    book: StressBook, lp: str, terms: ProviderTerms | None, after: Valuation
) -> ProviderMargin:
    places = [k for k, name in enumerate(book.providers.lp) if name == lp]
    symbols = book.providers.symbol[places]
    notional = np.abs(book.providers.lots[places] * book.usd_per_lot(book.now.prices)[symbols])
    gross = float(np.nansum(notional))
    nothing = ProviderMargin(lp, gross, None, None, None, None, None, None, None, None, "")
    note = _why_not(book, lp, terms, symbols, notional)
    if terms is None or note:
        return nothing._replace(note=note)
    ratios = np.array([_ratio(book, terms, symbol) for symbol in symbols.tolist()], np.float64)
    margin = float((notional * ratios).sum())
    moved = float((after.lp_usd - book.now.lp_usd)[places].sum())
    later = np.abs(book.providers.lots[places] * book.usd_per_lot(after.prices)[symbols])
    room = terms.equity_usd - margin * terms.call_level / 100.0
    equity_after = terms.equity_usd + moved
    largest = int(np.argmax(notional))
    return nothing._replace(
        equity_usd=terms.equity_usd,
        margin_usd=margin,
        level=_level(terms.equity_usd, margin),
        move_to_call_percent=_percent(room, gross),
        nearest_symbol=book.book.instruments[int(symbols[largest])].symbol,
        nearest_percent=_percent(room, float(notional[largest])),
        equity_after_usd=equity_after,
        level_after=_level(equity_after, float((later * ratios).sum())),
    )


def _why_not(
    book: StressBook, lp: str, terms: ProviderTerms | None, symbols: NDArray[np.int64], usd: Floats
) -> str:
    if terms is None:
        return f"no terms with {lp} are known: its margin and what calls it cannot be said"
    names = [book.book.instruments[symbol].symbol for symbol in symbols.tolist()]
    unpriced = [name for name, known in zip(names, ~np.isnan(usd), strict=True) if not known]
    if unpriced:
        return f"{', '.join(unpriced)} at {lp} has no price or no rate to USD"
    without = [
        name
        for name, symbol in zip(names, symbols.tolist(), strict=True)
        if _ratio(book, terms, symbol) is None
    ]
    return f"the terms with {lp} say nothing about {', '.join(without)}" if without else ""


def _ratio(book: StressBook, terms: ProviderTerms, symbol: int) -> float | None:
    default = terms.margin_ratio.get(ANY_CLASS)
    return terms.margin_ratio.get(book.book.instruments[symbol].asset_class, default)


def _level(equity: float, margin: float) -> float | None:
    return 100.0 * equity / margin if margin > 0.0 else None


def _percent(room: float, notional: float) -> float | None:
    return max(100.0 * room / notional, 0.0) if notional > 0.0 else None
