"""Orders of the hedger on their way to the platform: sent once, asked about, withdrawn if late.

An order that a process died with may be minutes old when somebody asks about it. Sent again it
would be executed at a price and for an exposure that are gone. So its key is used up first: if the
platform has never seen the order, it never will obey it, and the desk decides anew.
"""

from __future__ import annotations

from typing import Protocol

from bookrouting.hedge_terms import HedgeOrder
from dealing.commands.ports import CommandGateway
from feeds.platform_commands import (
    WITHDRAWN,
    CommandAnswer,
    SendHedgeOrder,
    SetBridge,
    WithdrawOrder,
)


class HedgeGateway(Protocol):
    """The way of hedge orders. All raise FeedError where no answer comes: ask later."""

    async def send(self, order: HedgeOrder) -> CommandAnswer:
        """Send an order; accepted, its fills and the last word come as events."""
        ...

    async def enquire(self, order: HedgeOrder) -> CommandAnswer:
        """Ask what became of an order: accepted, or refused and never to be executed."""
        ...

    async def set_bridge(self, symbol: str, key: str, *, on: bool) -> CommandAnswer:
        """Let the platform's own bridge hedge a symbol, or leave it to the desk."""
        ...


class PlatformHedgeGateway:
    """HedgeGateway over the platform's commands."""

    def __init__(self, commands: CommandGateway) -> None:
        """Take the way to the platform."""
        self._commands = commands

    async def send(self, order: HedgeOrder) -> CommandAnswer:
        """Send an order.

        Raises:
            FeedError: No answer came; the platform may have taken it.
        """
        (answer,) = await self._commands.send([command_of(order)])
        return answer

    async def enquire(self, order: HedgeOrder) -> CommandAnswer:
        """Withdraw an order that never arrived; of one that did, say whether it was taken.

        Raises:
            FeedError: No answer came.
        """
        (withdrawn,) = await self._commands.send([WithdrawOrder(key=order.key)])
        return withdrawn if withdrawn.reason == WITHDRAWN else await self.send(order)

    async def set_bridge(self, symbol: str, key: str, *, on: bool) -> CommandAnswer:
        """Put the platform's bridge on or off for a symbol.

        Raises:
            FeedError: No answer came; the same key changes nothing a second time.
        """
        (answer,) = await self._commands.send([SetBridge(key=key, symbol=symbol, on=on)])
        return answer


def command_of(order: HedgeOrder) -> SendHedgeOrder:
    """Return an order as the platform takes it."""
    return SendHedgeOrder(
        key=order.key, lp=order.lp, symbol=order.symbol, side=order.side.value, lots=order.lots
    )
