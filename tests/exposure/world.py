"""A small market whose prices never contradict each other, and who trades on it.

Every price follows from what each asset is worth in USD, so all triangles of currencies close.
"""

from __future__ import annotations

from exposure.model.accounts import Account, HedgedMarginMode, ProfitConversion
from exposure.model.books import Book
from exposure.model.events import LeverageCapDefined, LeverageTierDefined, QuoteReceived
from exposure.model.instruments import CalcMode, Instrument
from tests.exposure.builders import instrument

_SHARE = {"asset_class": "share", "underlying": "AAPL", "base": "USD", "quote": "USD", "digits": 2}
_INDEX = {"asset_class": "index", "underlying": "GER40", "digits": 1}

INSTRUMENTS = (
    instrument("EURUSD", swap_long=-7.2, swap_short=2.4, limit_usd=2e6),
    instrument("GBPUSD", swap_mode="deposit_currency", swap_long=-3.0, max_leverage=80.0),
    instrument("EURGBP", calc_mode=CalcMode.FOREX_NO_LEVERAGE, margin_rate=0.02, hedged_ratio=0.0),
    instrument("USDJPY", digits=3, swap_mode="base_currency", swap_short=-4.5),
    instrument("EURJPY", digits=3, swap_mode="interest_current", swap_long=-2.5, swap_short=1.5),
    instrument("XAUUSD", asset_class="metal", calc_mode=CalcMode.CFD_LEVERAGE, contract_size=100.0,
               digits=2, swap_mode="interest_open", swap_long=-3.0, swap_short=-1.0),
    instrument("AAPL", calc_mode=CalcMode.CFD, contract_size=100.0, margin_rate=0.2,
               hedged_ratio=1.0, swap_mode="reopen_current", swap_long=-9.0, **_SHARE),
    instrument("US500.f", asset_class="index", underlying="US500", base="USD", quote="USD",
               digits=2,
               calc_mode=CalcMode.FUTURES, contract_size=50.0, tick_size=0.25, tick_value=12.5,
               initial_margin=4_510.0, swap_mode="margin_currency", swap_short=6.0),
    instrument("GER40", base="EUR", quote="EUR", calc_mode=CalcMode.CFD_INDEX, contract_size=1.0,
               tick_size=0.5, tick_value=5.0, margin_rate=0.05, swap_mode="profit_currency",
               swap_long=-11.3195, **_INDEX),
)  # fmt: skip

WORTH_USD = {
    "USD": 1.0, "EUR": 1.25, "GBP": 1.6, "JPY": 0.01, "XAU": 1_300.0, "AAPL": 588.0,
    "US500.f": 1_870.0, "GER40": 9_600.0 * 1.25,
}  # fmt: skip
"""What one unit of each currency or asset is worth at the start."""

ACCOUNTS = (
    Account(login="1", client_id="C1", currency="USD", balance=5_000.0, leverage=100.0,
            book=Book.B),
    Account(login="2", client_id="C1", currency="EUR", balance=8_000.0, leverage=500.0,
            book=Book.A, leverage_profile="fx", hedged_margin_mode=HedgedMarginMode.LARGER_LEG),
    Account(login="3", client_id="C2", currency="GBP", balance=2_000.0, leverage=200.0,
            book=Book.C, hedge_ratio=0.4, profit_conversion=ProfitConversion.MARKET,
            hedged_margin_mode=HedgedMarginMode.SUM, region="eu", category="retail"),
    Account(login="4", client_id="C3", currency="JPY", balance=900_000.0, leverage=1_000.0,
            book=Book.B, leverage_profile="fx", hedged_margin_mode=HedgedMarginMode.MT4_AVERAGE,
            profit_conversion=ProfitConversion.MID),
    Account(login="5", client_id="C4", currency="USD", balance=300.0, credit=200.0,
            leverage=500.0, book=Book.C, hedge_ratio=0.9, credit_mode="excluded",
            hedged_margin_mode=HedgedMarginMode.NET, ib_code="IB7"),
)  # fmt: skip

LEVERAGE = (
    LeverageTierDefined(0, "fx", "EURUSD", 0.5, 500.0),
    LeverageTierDefined(0, "fx", "EURUSD", 2.0, 200.0),
    LeverageTierDefined(0, "fx", "EURUSD", None, 50.0),
    LeverageTierDefined(0, "fx", "XAUUSD", 1.0, 300.0),
    LeverageTierDefined(0, "fx", "XAUUSD", 5.0, 20.0),
    LeverageTierDefined(0, "fx", "AAPL", 1.0, 5.0),
    LeverageCapDefined(0, "eu", "retail", "EURUSD", 30.0),
    LeverageCapDefined(0, "eu", "retail", "XAUUSD", 20.0),
)

PROVIDERS = ("LP1", "LP2")


class World:
    """What everything is worth now, and under which names and in which units it is quoted."""

    def __init__(self) -> None:
        self.worth = dict(WORTH_USD)
        self.terms = {one.symbol: one for one in INSTRUMENTS}
        self.names = {one.symbol: one.symbol for one in INSTRUMENTS}
        self.units = {one.symbol: 1.0 for one in INSTRUMENTS}
        self.quoted: list[str] = []

    @property
    def symbols(self) -> list[str]:
        """Today's names of all symbols."""
        return list(self.names.values())

    def add(self, first: str, terms: Instrument) -> None:
        """Take another symbol, to be known under a first name that nobody else has."""
        self.terms[first], self.names[first], self.units[first] = terms, terms.symbol, 1.0

    def original(self, name: str) -> str:
        """Return the first name of a symbol."""
        return next(first for first, today in self.names.items() if today == name)

    def mid(self, name: str) -> float:
        """Return the price of a symbol that follows from what its assets are worth."""
        first = self.original(name)
        terms = self.terms[first]
        asset = terms.base if terms.base != terms.quote else first
        return self.worth[asset] / self.worth[terms.quote] / self.units[first]

    def quote(self, ts: int, name: str, spread: float = 1e-4) -> QuoteReceived:
        """Return a quote around the mid; a spread of 0 is locked, a negative one crossed."""
        mid = self.mid(name)
        half = mid * spread / 2
        return QuoteReceived(ts, name, mid - half, mid + half)
