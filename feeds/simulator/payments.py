"""Money in and out: deposits, some of them after a margin call, withdrawals, a few bonuses.

Who abuses bonuses takes out what he wins, and pays in for the next bonus when he has lost.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from exposure.model.accounts import BalanceKind
from feeds.simulator.clients import activity
from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.population import Population

Generator = np.random.Generator

_NS: Final = 1_000_000_000
_PER_ACCOUNT_AND_HOUR: Final = 0.04
_WITHDRAWAL_SHARE: Final = 0.4
_TOP_UP_SHARE: Final = 0.25
_TOP_UP_DELAY_S: Final = 240.0
_BONUS_SHARE: Final = 0.05
_BONUS_RATIO: Final = 0.2
_ABUSED_BONUS_RATIO: Final = 0.5
_ABUSED_DEPOSIT: Final = (0.05, 0.15)
_ABUSE_DELAY_S: Final = 900.0
_TAKEN_OUT: Final = 0.9
_STEP: Final = 10.0
_SMALLEST: Final = 50.0


class Payment(NamedTuple):
    """Somebody at the cash desk; how much it will be is decided when it is paid."""

    ts: int
    account: int
    kind: BalanceKind


class Payments:
    """Who pays in or out next, besides chance: those who answer a margin call."""

    def __init__(self, population: Population) -> None:
        self._stake_usd = population.stake_usd
        self._abuses = population.kind == KINDS.index(ClientKind.BONUS_ABUSE)
        self._top_ups: list[Payment] = []

    def answer_calls(self, accounts: list[int], now: int, rng: Generator) -> None:
        """Let some of the accounts that were called decide to pay in a little later."""
        for account in accounts:
            answers, delay_s = rng.random() < _TOP_UP_SHARE, rng.exponential(_TOP_UP_DELAY_S)
            if answers:
                due = now + int(delay_s * _NS)
                self._top_ups.append(Payment(due, account, BalanceKind.DEPOSIT))

    def position_closed(self, account: int, profit: float, now: int, rng: Generator) -> None:
        """Let somebody who abuses bonuses go to the cash desk a little later."""
        if self._abuses[account]:
            due = now + int(rng.exponential(_ABUSE_DELAY_S) * _NS)
            kind = BalanceKind.WITHDRAWAL if profit > 0.0 else BalanceKind.DEPOSIT
            self._top_ups.append(Payment(due, account, kind))

    def due(self, start: int, end: int, rng: Generator) -> list[Payment]:
        """Return the payments of (start, end]."""
        n = len(self._stake_usd)
        hours = (end - start) / _NS / 3_600.0
        count = int(rng.poisson(n * _PER_ACCOUNT_AND_HOUR * hours * activity(start)))
        payments = [payment for payment in self._top_ups if payment.ts <= end]
        self._top_ups = [payment for payment in self._top_ups if payment.ts > end]
        for _ in range(count):
            withdraws = rng.random() < _WITHDRAWAL_SHARE
            kind = BalanceKind.WITHDRAWAL if withdraws else BalanceKind.DEPOSIT
            ts = start + 1 + int(rng.random() * (end - start - 1))
            payments.append(Payment(ts, int(rng.integers(n)), kind))
        return [payment._replace(ts=max(payment.ts, start + 1)) for payment in payments]

    def amounts(
        self, payment: Payment, free_margin: float, balance: float, rng: Generator
    ) -> list[tuple[BalanceKind, float]]:
        """Return the operations a payment comes to, none if there is nothing to take out.

        Units: account currency, withdrawals negative.
        """
        if payment.kind is BalanceKind.WITHDRAWAL:
            share = rng.uniform(0.1, 0.4)
            share = _TAKEN_OUT if self._abuses[payment.account] else share
            amount = _rounded(share * min(free_margin, balance))
            return [(BalanceKind.WITHDRAWAL, -amount)] if amount >= _SMALLEST else []
        abuses = bool(self._abuses[payment.account])
        shares = _ABUSED_DEPOSIT if abuses else (0.01, 0.06)
        amount = max(_rounded(rng.uniform(*shares) * self._stake_usd[payment.account]), _SMALLEST)
        deposit = (BalanceKind.DEPOSIT, amount)
        if rng.random() < _BONUS_SHARE or abuses:
            ratio = _ABUSED_BONUS_RATIO if abuses else _BONUS_RATIO
            return [deposit, (BalanceKind.BONUS, _rounded(ratio * amount))]
        return [deposit]

    def save(self) -> list[Any]:
        """Return the payments that are decided but not made."""
        return [[p.ts, p.account, p.kind.value] for p in self._top_ups]

    def load(self, state: list[Any]) -> None:
        """Take back what ``save`` returned."""
        self._top_ups = [Payment(ts, account, BalanceKind(kind)) for ts, account, kind in state]


def _rounded(amount: float) -> float:
    return float(amount // _STEP * _STEP)
