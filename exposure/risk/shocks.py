"""What prices become under a shock: moves of symbols and currencies, carried to every symbol.

A currency's move is the change of its value in USD (USD's own is against everything else), and a
pair moves by the factor of its base over that of its quote, so triangles that closed go on closing.
Shares, indices and energies keep their price in their own currency. A move of a symbol counts for
everything with the same underlying, and what names a symbol wins over what names a currency.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.currencies import ISO_CURRENCIES
from exposure.errors import DomainError
from exposure.model.instruments import AssetClass, Instrument
from exposure.state import PriceArrays
from exposure.underlyings import underlying_of

EVERYTHING: Final = "*"
CLASS_PREFIX: Final = "class:"

_LIKE_CURRENCIES: Final = {AssetClass.FX, AssetClass.METAL, AssetClass.CRYPTO}
_SHOWN_NAMES: Final = 12
_BY_CURRENCY, _BY_ALL, _BY_CLASS, _BY_UNDERLYING, _BY_SYMBOL, _BY_SPREAD = range(6)

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class ShockKind(StrEnum):
    """How a shock's value is meant.

    ``percent`` of the price (of the value in USD for a currency); ``price`` is the new bid, the ask
    keeps its distance; ``change`` is added to both sides, in quote currency; ``against_house`` is
    percent in the direction in which the house loses; ``spread_times`` widens around the mid.
    """

    PERCENT = "percent"
    PRICE = "price"
    CHANGE = "change"
    AGAINST_HOUSE = "against_house"
    SPREAD_TIMES = "spread_times"


class Shock(NamedTuple):
    """One move.

    ``target`` is a symbol, an underlying, a currency, ``class:NAME`` or ``*``. ``reference`` is the
    price before the event that a ``price`` is taken from, None if there is none.
    """

    target: str
    kind: ShockKind
    value: float
    reference: float | None = None


class Shocked(NamedTuple):
    """The prices of every symbol after a shock, and sentences about what could not be done."""

    prices: PriceArrays
    notes: list[str]


class UnknownTargetError(DomainError):
    """A shock names nothing that the book has."""

    def __init__(self, target: str, choices: str) -> None:
        """Take what was named and what there is."""
        self.target, self.choices = target, choices
        super().__init__(f"{target} is no symbol and no currency of this book ({choices})")


class Targets:
    """The names that a shock may have in one book. Capitals do not matter."""

    def __init__(self, book: ClientBook) -> None:
        self.instruments = book.instruments
        self.currencies = sorted(_currencies(book))
        self._currency_of = {name.upper(): name for name in self.currencies}
        self._exact = {str(one.symbol): k for k, one in enumerate(book.instruments)}
        self._symbol = {one.symbol.upper(): k for k, one in enumerate(book.instruments)}
        self._siblings: dict[str, list[int]] = {}
        for k, one in enumerate(book.instruments):
            self._siblings.setdefault(underlying_of(one).upper(), []).append(k)

    def symbols(self, name: str) -> list[int]:
        """Return every symbol that a name stands for: itself and what has its underlying.

        Raises:
            UnknownTargetError: It is no symbol and no underlying.
        """
        symbol = self.symbol(name)
        if symbol is not None:
            return self._siblings[underlying_of(self.instruments[symbol]).upper()]
        if name.upper() in self._siblings:
            return self._siblings[name.upper()]
        raise UnknownTargetError(name, self._choices(name))

    def symbol(self, name: str) -> int | None:
        """Return the symbol of exactly this name, None if there is none."""
        return self._exact.get(name, self._symbol.get(name.upper()))

    def currency(self, name: str) -> str | None:
        """Return the currency of this name, None if it is none or if it is a symbol."""
        return None if self.symbol(name) is not None else self._currency_of.get(name.upper())

    def of_class(self, name: str) -> list[int]:
        """Return the symbols of an asset class, none if it is unknown."""
        return [k for k, one in enumerate(self.instruments) if one.asset_class == name]

    def moved_by(self, name: str) -> list[int]:
        """Return every symbol that a percent shock of this name moves.

        Raises:
            UnknownTargetError: The book has no such name.
        """
        currency = self.currency(name)
        if currency is None:
            return self.symbols(name)
        sides = [
            (k, one.base, one.quote) for k, one in enumerate(self.instruments) if _is_pair(one)
        ]
        return [k for k, base, quote in sides if currency in {base, quote}]

    def _choices(self, name: str) -> str:
        symbols = [str(one.symbol) for one in self.instruments]
        near = difflib.get_close_matches(name.upper(), symbols + self.currencies, n=1, cutoff=0.7)
        meant = f"did you mean {near[0]}? " if near else ""
        return f"{meant}symbols: {_some(symbols)}; currencies: {_some(self.currencies)}"


def shocked_prices(
    book: ClientBook, targets: Targets, shocks: Sequence[Shock], house_net_lots: Floats
) -> Shocked:
    """Return what every symbol's price becomes; the book's own prices stay as they are.

    Where several shocks reach a symbol, the most particular one counts alone: its own name, its
    underlying, its class, everything, its currencies. Spreads are widened after all that. A symbol
    that was never quoted can only be given a price.

    Args:
        book: Instruments and prices of this moment.
        targets: The names of the same book.
        shocks: What moves; equals are taken in their order, the last one counts.
        house_net_lots: Whose sign says which direction is against the house.

    Raises:
        UnknownTargetError: A shock names nothing that the book has.

    Shapes: house_net_lots (symbols,).
    """
    count = len(book.instruments)
    old = book.prices
    new = old._replace(bid=old.bid.copy(), ask=old.ask.copy(), quoted=old.quoted.copy())
    quoted = old.quoted[:count]
    _move_currencies(new, targets, shocks)
    notes: list[str] = []
    particular = [step for shock in shocks for step in _steps(shock, targets)]
    for _, shock, symbols in sorted(particular, key=lambda step: step[0]):
        notes += _unquoted(shock, targets, symbols[~quoted[symbols]])
        places = symbols if shock.kind is ShockKind.PRICE else symbols[quoted[symbols]]
        new.quoted[places] = True
        source = new if shock.kind is ShockKind.SPREAD_TIMES else old
        sides = source.bid[places], source.ask[places]
        new.bid[places], new.ask[places] = _moved(shock, *sides, house_net_lots[places])
    return Shocked(new, list(dict.fromkeys([*notes, *_forbidden(book, new)])))


def _steps(shock: Shock, targets: Targets) -> Iterator[tuple[int, Shock, Places]]:
    """Yield how particular each part of a shock is, and which symbols it moves."""
    name = shock.target
    widens = shock.kind is ShockKind.SPREAD_TIMES
    if name == EVERYTHING:
        every = np.arange(len(targets.instruments))
        yield _BY_SPREAD if widens else _BY_ALL, shock, every
    elif name.startswith(CLASS_PREFIX):
        symbols = targets.of_class(name.removeprefix(CLASS_PREFIX))
        yield _BY_SPREAD if widens else _BY_CLASS, shock, np.array(symbols, np.int64)
    elif targets.currency(name) is None:
        siblings, own = targets.symbols(name), targets.symbol(name)
        yield _BY_SPREAD if widens else _BY_UNDERLYING, shock, np.array(siblings, np.int64)
        if own is not None and not widens:
            yield _BY_SYMBOL, shock, np.array([own], np.int64)


def _moved(shock: Shock, bid: Floats, ask: Floats, house: Floats) -> tuple[Floats, Floats]:
    value = shock.value
    if shock.kind is ShockKind.PRICE:
        return np.full_like(bid, value), value + (ask - bid)
    if shock.kind is ShockKind.CHANGE:
        return bid + value, ask + value
    if shock.kind is ShockKind.SPREAD_TIMES:
        mid, half = (bid + ask) / 2, (ask - bid) / 2
        return mid - half * value, mid + half * value
    percent = -np.sign(house) * value if shock.kind is ShockKind.AGAINST_HOUSE else value
    factor = 1.0 + percent / 100.0
    return bid * factor, ask * factor


def _move_currencies(prices: PriceArrays, targets: Targets, shocks: Sequence[Shock]) -> None:
    factors: dict[str, float] = {}
    for shock in shocks:
        currency = targets.currency(shock.target)
        if currency is not None:
            factors[currency] = 1.0 + shock.value / 100.0
    if not factors:
        return
    for k, one in enumerate(targets.instruments):
        if _is_pair(one):
            factor = factors.get(one.base, 1.0) / factors.get(one.quote, 1.0)
            prices.bid[k] *= factor
            prices.ask[k] *= factor


def _is_pair(one: Instrument) -> bool:
    """Whether the price is an exchange rate: of two currencies, or of a metal or coin in one."""
    like_one = one.base in ISO_CURRENCIES or one.asset_class in _LIKE_CURRENCIES
    return one.base != one.quote and like_one


def _currencies(book: ClientBook) -> set[str]:
    names = {"USD", *book.currency_of, *(str(one.quote) for one in book.instruments)}
    return names | {str(one.base) for one in book.instruments if _is_pair(one)}


def _unquoted(shock: Shock, targets: Targets, symbols: Places) -> Iterator[str]:
    if shock.target == EVERYTHING or shock.target.startswith(CLASS_PREFIX):
        return
    for k in symbols.tolist():
        name = targets.instruments[k].symbol
        if shock.kind is ShockKind.PRICE:
            yield f"{name} had no price: its profit is counted from where its positions opened"
        else:
            yield f"{name} has no price: it does not move, and its positions are in no figure"


def _forbidden(book: ClientBook, new: PriceArrays) -> Iterator[str]:
    count = len(book.instruments)
    low = np.minimum(new.bid, new.ask)[:count] <= 0.0
    wrong = low & new.quoted[:count] & ~new.allow_negative[:count]
    for k in np.flatnonzero(wrong).tolist():
        yield (
            f"{book.instruments[k].symbol} falls to {new.bid[k]:g} although its terms allow no "
            "such price: it is computed all the same"
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES]) or "none"
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
