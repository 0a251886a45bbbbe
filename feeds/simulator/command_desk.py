"""Where the simulated broker's platform takes commands: it checks them, and it obeys them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

import numpy as np

from exposure.kernels import MONEY_TOLERANCE
from exposure.model.accounts import BalanceKind
from exposure.model.deals import Side
from exposure.model.events import BookAssigned
from feeds.platform_commands import (
    WITHDRAWN,
    AssignBook,
    ChangeBalance,
    PlatformCommand,
    SendHedgeOrder,
    SetBridge,
    SetTradingMode,
    WithdrawOrder,
)
from feeds.simulator.providers import HEDGE_STEP_LOTS, LiquidityProvider
from feeds.simulator.trade_server import TradeServer

MOST_LOTS: Final = 10_000.0
"""What the provider takes in one order."""


class CommandDesk:
    """Obeys what a dealing desk asks for; what it asks for by name has to exist."""

    def __init__(
        self, server: TradeServer, provider: LiquidityProvider, rng: np.random.Generator
    ) -> None:
        self._server, self._provider, self._rng = server, provider, rng

    def refusal(self, command: PlatformCommand, pending: Sequence[PlatformCommand] = ()) -> str:
        """Return why a command cannot be obeyed now, "" if it can.

        Args:
            command: What is asked for.
            pending: What was accepted and is obeyed before it.
        """
        match command:
            case AssignBook(login=login, symbol=symbol):
                unknown = self._unknown_login(login)
                return unknown or (self._unknown(symbol) if symbol else "")
            case ChangeBalance():
                return self._unknown_login(command.login) or self._beyond(command, pending)
            case SetTradingMode(login=login):
                return self._unknown_login(login)
            case SendHedgeOrder():
                return self._unknown(command.symbol) or self._refusal_of_order(command)
            case SetBridge(symbol=symbol):
                return self._unknown(symbol)
            case WithdrawOrder():
                return WITHDRAWN
            case _:
                assert_never(command)

    def obey(self, command: PlatformCommand, ts: int) -> None:
        """Do what an accepted command says."""
        match command:
            case AssignBook():
                self._server.assign(
                    BookAssigned(
                        ts, command.login, command.book, command.hedge_ratio, command.symbol,
                        command.move_open,
                    )
                )  # fmt: skip
            case SendHedgeOrder():
                signed = Side(command.side).sign * command.lots
                symbol = self._symbol_of(command.symbol)
                self._provider.order(ts, symbol, signed, self._rng, command.key)
            case SetBridge():
                self._server.set_bridge(self._symbol_of(command.symbol), on=command.on)
            case ChangeBalance():
                self._server.book_for_desk(command, ts)
            case SetTradingMode():
                self._server.restrict(command.login, close_only=command.close_only, ts=ts)
            case WithdrawOrder():
                pass  # it never is accepted
            case _:
                assert_never(command)

    def _refusal_of_order(self, command: SendHedgeOrder) -> str:
        if command.lp != self._server.lp:
            return f"provider {command.lp} is not known here: there is {self._server.lp}"
        steps = command.lots / HEDGE_STEP_LOTS
        if command.lots > MOST_LOTS or abs(steps - round(steps)) > 1e-6 or round(steps) < 1:  # noqa: PLR2004
            return (
                f"lots must be whole steps of {HEDGE_STEP_LOTS} up to {MOST_LOTS:,.0f}, was "
                f"{command.lots}"
            )
        return ""

    def _unknown_login(self, login: str) -> str:
        known = login in self._server.book.account_of
        return "" if known else f"login {login} is not known here: check its spelling"

    def _beyond(self, command: ChangeBalance, pending: Sequence[PlatformCommand]) -> str:
        if command.amount > 0.0 or BalanceKind(command.kind).changes_credit:
            return ""
        before = sum(
            one.amount
            for one in pending
            if isinstance(one, ChangeBalance) and one.login == command.login
        )
        free = self._server.withdrawable(command.login) + before
        if -command.amount <= free + MONEY_TOLERANCE:
            return ""
        return f"login {command.login} has {max(free, 0.0):.2f} that it does not need as margin"

    def _unknown(self, symbol: str) -> str:
        known = symbol in self._server.book.symbol_of
        return "" if known else f"symbol {symbol} is not known here: check its spelling"

    def _symbol_of(self, name: str) -> int:
        return self._server.book.symbol_of[name]
