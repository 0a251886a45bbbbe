"""Conversion rates that a recording lacks, as instruments with one price for the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from exposure.model.ids import Currency
from exposure.model.instruments import AssetClass, Instrument
from feeds.reference_rates import ReferenceRates

_DOLLAR: Final = Currency("USD")
_NEVER_STALE_MS: Final = 7 * 86_400_000


class FixedRates(NamedTuple):
    """Instruments that only convert, each with its price, and the currencies nobody can convert."""

    prices: dict[Instrument, float]
    missing: list[Currency]

    def notes(self, day: date, published: date | None) -> list[str]:
        """Return one sentence about every rate and every missing one."""
        fixed = [
            f"{one.symbol} stands at {price:.{one.digits}f}, the ECB reference rate of "
            f"{published}: nobody recorded it, so it converts but does not move or trade"
            for one, price in self.prices.items()
        ]
        missing = [
            f"{currency} has no rate to {_DOLLAR} in the recording and none of {day} in an ECB "
            f"file: accounts in {currency} cannot trade"
            for currency in self.missing
        ]
        return fixed + missing


def fixed_rates(
    recorded: Sequence[Instrument],
    known: Iterable[Instrument],
    account_currencies: Sequence[Currency],
    rates: ReferenceRates | None,
) -> FixedRates:
    """Return what has to be added so that every currency converts through the dollar.

    Args:
        recorded: The instruments with recorded quotes.
        known: Contract terms to take missing pairs from.
        account_currencies: Currencies of accounts; those of the recorded instruments are added.
        rates: The reference rates of the day, None if there are none.
    """
    pairs = list(known)
    prices: dict[Instrument, float] = {}
    missing: list[Currency] = []
    for currency in _currencies(recorded, account_currencies):
        if currency == _DOLLAR or _dollar_pair(recorded, currency) is not None:
            continue
        pair = _dollar_pair(pairs, currency)
        price = None if pair is None or rates is None else rates.rate(pair.base, pair.quote)
        if pair is None or price is None:
            missing.append(currency)
        else:
            fixed = msgspec.structs.replace(pair, stale_after_ms=_NEVER_STALE_MS, limit_usd=None)
            prices[fixed] = round(price, pair.digits)
    return FixedRates(prices, missing)


def _currencies(
    recorded: Sequence[Instrument], account_currencies: Sequence[Currency]
) -> list[Currency]:
    quotes = [one.quote for one in recorded]
    bases = [one.base for one in recorded if one.asset_class == AssetClass.FX]
    return list(dict.fromkeys([*account_currencies, *quotes, *bases]))


def _dollar_pair(instruments: Iterable[Instrument], currency: Currency) -> Instrument | None:
    pairs = ((currency, _DOLLAR), (_DOLLAR, currency))
    return next((one for one in instruments if (one.base, one.quote) in pairs), None)
