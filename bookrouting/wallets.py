"""What is on each account, as far as deals and balance operations tell: for bonuses and leverage.

The engine knows equity to the cent; here it is without the result of open positions, which is
enough to see who bets everything at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from exposure.margin import margin_per_lot
from exposure.model.accounts import BalanceKind
from exposure.model.instruments import Instrument

MOST_USED: Final = 10.0
"""Margin over equity is not told beyond this: there is hardly any equity left then."""

_KEPT_WITHDRAWALS: Final = 20
_PAYMENTS: Final = frozenset({BalanceKind.DEPOSIT, BalanceKind.WITHDRAWAL, BalanceKind.TRANSFER})


class Wallet(NamedTuple):
    """One account.

    Units: account currency; ``paid_in`` net of what was taken out, the first balance included;
    ``margin`` of what is open; ``withdrawn`` the last withdrawals, ns UTC.
    """

    balance: float
    credit: float
    leverage: float
    paid_in: float
    bonuses: int = 0
    margin: float = 0.0
    withdrawn: tuple[int, ...] = ()

    @property
    def equity(self) -> float:
        """What is there, open positions apart."""
        return self.balance + self.credit

    @property
    def used_margin(self) -> float:
        """Which share of the equity is margin."""
        if self.margin <= 0.0:
            return 0.0
        return min(self.margin / self.equity, MOST_USED) if self.equity > 0.0 else MOST_USED


def new_wallet(balance: float, credit: float, leverage: float) -> Wallet:
    """Return an account as it is when it is first heard of."""
    money = [one if math.isfinite(one) else 0.0 for one in (balance, credit)]
    known = math.isfinite(leverage) and leverage > 0.0
    return Wallet(money[0], money[1], leverage if known else 1.0, money[0])


def after_operation(wallet: Wallet, kind: BalanceKind, amount: float, ts: int) -> Wallet:
    """Return an account after a balance operation. Units: ``amount`` signed, ``ts`` ns UTC."""
    if kind.changes_credit:
        given = kind is BalanceKind.BONUS and amount > 0.0
        return wallet._replace(credit=wallet.credit + amount, bonuses=wallet.bonuses + given)
    paid_in = wallet.paid_in + (amount if kind in _PAYMENTS else 0.0)
    withdrawn = wallet.withdrawn
    if kind is BalanceKind.WITHDRAWAL:
        withdrawn = (*withdrawn, ts)[-_KEPT_WITHDRAWALS:]
    return wallet._replace(balance=wallet.balance + amount, paid_in=paid_in, withdrawn=withdrawn)


def margin_of(
    wallet: Wallet,
    currency: str,
    instrument: Instrument,
    lots: float,
    price: float,
    rate: Callable[[str, str], float],
) -> float:
    """Return what an opening deal ties up, NaN without a rate. Units: account currency."""
    most = math.inf if instrument.max_leverage is None else instrument.max_leverage
    one = margin_per_lot(instrument, currency, min(wallet.leverage, most), price)
    factor = rate(one.currency, currency) if one.factor is None else one.factor
    return lots * one.amount * factor
