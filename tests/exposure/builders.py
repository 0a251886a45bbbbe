"""Short ways to say what a test means: instruments, accounts, and a desk that numbers events."""

from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import AccountChanged, EventBatch, InstrumentDefined
from exposure.model.instruments import CalcMode, Instrument

SECOND = 1_000_000_000


def instrument(symbol, **terms):
    """An FX pair named by its two currencies, unless ``terms`` say otherwise."""
    defaults = {
        "asset_class": "fx",
        "base": symbol[:3],
        "quote": symbol[3:6],
        "contract_size": 100_000.0,
        "digits": 5,
        "calc_mode": CalcMode.FOREX,
    }
    return Instrument(symbol=symbol, **(defaults | terms))


def account(login="1", **terms):
    """A USD account of book B with 1:100 and 10,000."""
    defaults = {
        "client_id": f"c{login}",
        "currency": "USD",
        "balance": 10_000.0,
        "leverage": 100.0,
        "book": Book.B,
    }
    return Account(login=login, **(defaults | terms))


class Desk:
    """An engine that is fed one event after another, in order."""

    def __init__(self, instruments=(), accounts=(), settings=None):
        self.engine = ExposureEngine(settings)
        self.feed(
            *[InstrumentDefined(0, terms) for terms in instruments],
            *[AccountChanged(0, terms) for terms in accounts],
        )

    def feed(self, *events):
        """Apply events as one batch and return what came out."""
        return self.engine.apply(EventBatch(self.engine.position + len(events), 0, list(events)))

    def account(self, login="1"):
        """One account's figures."""
        return self.engine.account(login)

    def exposure(self, symbol):
        """One symbol's exposure row as a dict."""
        rows = self.engine.snapshot().exposure.to_dicts()
        return next(row for row in rows if row["symbol"] == symbol)
