"""Trading accounts: money, leverage and the rules of their group."""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from exposure.model.books import Book
from exposure.model.ids import ClientId, Currency, Login


class HedgedMarginMode(StrEnum):
    """What opposite positions of one symbol cost (semantics.md section 4)."""

    NET_PLUS_HEDGED = "net_plus_hedged"
    MT4_AVERAGE = "mt4_average"
    LARGER_LEG = "larger_leg"
    SUM = "sum"
    NET = "net"


class ProfitConversion(StrEnum):
    """At which rate profit becomes account currency (semantics.md section 3)."""

    CLOSE_PRICE = "close_price"
    MARKET = "market"
    MID = "mid"


class CreditMode(StrEnum):
    """Whether credit carries losses: part of the equity (MetaTrader's rule), or shown apart."""

    IN_EQUITY = "in_equity"
    EXCLUDED = "excluded"


class BalanceKind(StrEnum):
    """Why an account's money changed."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CREDIT = "credit"
    BONUS = "bonus"
    CORRECTION = "correction"
    COMMISSION = "commission"
    SWAP = "swap"
    DIVIDEND = "dividend"
    STOP_OUT_COMPENSATION = "stop_out_compensation"
    TRANSFER = "transfer"

    @property
    def changes_credit(self) -> bool:
        """Whether the operation moves the credit instead of the balance."""
        return self in {BalanceKind.CREDIT, BalanceKind.BONUS}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One login as the platform knows it before its first event.

    Units: money in ``currency``, ``leverage`` as 100 for 1:100, levels in percent,
    ``hedge_ratio`` in [0, 1] and used by book C. A ``close_only`` account may open nothing; the
    platform sees to that, and it is kept here for whoever looks at the account.
    """

    login: Login
    client_id: ClientId
    currency: Currency
    balance: float
    leverage: float
    book: Book
    credit: float = 0.0
    hedge_ratio: float | None = None
    group: str = ""
    margin_call_level: float = 100.0
    stop_out_level: float = 50.0
    hedged_margin_mode: HedgedMarginMode = HedgedMarginMode.NET_PLUS_HEDGED
    profit_conversion: ProfitConversion = ProfitConversion.CLOSE_PRICE
    credit_mode: CreditMode = CreditMode.IN_EQUITY
    leverage_profile: str = ""
    region: str = ""
    category: str = ""
    ib_code: str = ""
    country: str = ""
    close_only: bool = False

    def problem(self) -> str | None:
        """Return why the terms cannot be used, None if they can."""
        if not (math.isfinite(self.leverage) and self.leverage > 0.0):
            return f"leverage of login {self.login} must be above 0, was {self.leverage}"
        numbers = (self.balance, self.credit, self.margin_call_level, self.stop_out_level)
        if not all(map(math.isfinite, numbers)):
            return f"balance, credit and levels of login {self.login} must be finite numbers"
        if self.hedge_ratio is not None and not 0.0 <= self.hedge_ratio <= 1.0:
            return f"hedge_ratio of login {self.login} must be in [0, 1], was {self.hedge_ratio}"
        return None
