"""The book by currency and asset: what the house is long and short, whatever it was traded as.

Source: semantics.md section 7 (currency view).
"""

from __future__ import annotations

import math
from typing import Any, Final

from exposure.client_book import ClientBook
from exposure.model.instruments import Instrument
from exposure.snapshot import CurrencyRow

ISO_CURRENCIES: Final = frozenset({
    "AED", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "KWD", "MXN", "MYR",
    "NOK", "NZD", "OMR", "PEN", "PHP", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB",
    "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
})  # fmt: skip
"""Currencies, as opposed to metals, shares and coins that are quoted like one (ISO 4217)."""


def currency_view(book: ClientBook, exposure: dict[str, Any]) -> list[CurrencyRow]:
    """Return one row per currency and asset, by name.

    The USD equivalents of all rows sum to zero, up to the inconsistency of the quoted triangles.
    Symbols without a price are left out.

    Args:
        book: Prices, rates and instruments.
        exposure: Columns ``house_net_units`` and ``mid``, one entry per instrument.
    """
    net: dict[str, float] = {}
    usd: dict[str, float] = {}
    for instrument, units, mid in zip(
        book.instruments,
        exposure["house_net_units"].tolist(),
        exposure["mid"].tolist(),
        strict=True,
    ):
        if math.isnan(mid):
            continue
        quote_usd = book.rates.mid(book.prices, instrument.quote, "USD")
        asset, owed = _asset(instrument), -units * mid
        is_currency = asset in ISO_CURRENCIES
        unit_usd = book.rates.mid(book.prices, asset, "USD") if is_currency else mid * quote_usd
        _add(net, usd, asset, (units, units * unit_usd))
        _add(net, usd, instrument.quote, (owed, owed * quote_usd))
    return [
        CurrencyRow(name, net[name], None if math.isnan(usd[name]) else usd[name])
        for name in sorted(net)
    ]


def _asset(instrument: Instrument) -> str:
    if instrument.base != instrument.quote:
        return instrument.base
    return instrument.underlying or instrument.symbol


def _add(
    net: dict[str, float], usd: dict[str, float], name: str, amounts: tuple[float, float]
) -> None:
    net[name] = net.get(name, 0.0) + amounts[0]
    usd[name] = usd.get(name, 0.0) + amounts[1]
