"""Where the simulated broker's platform takes commands: it checks them, and it obeys them."""

from __future__ import annotations

from typing import Final, assert_never

import numpy as np

from exposure.model.deals import Side
from exposure.model.events import BookAssigned
from feeds.platform_commands import (
    WITHDRAWN,
    AssignBook,
    PlatformCommand,
    SendHedgeOrder,
    SetBridge,
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

    def refusal(self, command: PlatformCommand) -> str:
        """Return why a command cannot be obeyed now, "" if it can."""
        match command:
            case AssignBook(login=login, symbol=symbol):
                if login not in self._server.book.account_of:
                    return f"login {login} is not known here: check its spelling"
                return self._unknown(symbol) if symbol else ""
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

    def _unknown(self, symbol: str) -> str:
        known = symbol in self._server.book.symbol_of
        return "" if known else f"symbol {symbol} is not known here: check its spelling"

    def _symbol_of(self, name: str) -> int:
        return self._server.book.symbol_of[name]
