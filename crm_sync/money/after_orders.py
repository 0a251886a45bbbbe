"""What goes on when a platform has obeyed or refused: withdrawals, and moves between accounts."""

from __future__ import annotations

from sqlalchemy import Connection

from crm_sync.money import freezes
from crm_sync.money.operations import MOVE
from crm_sync.money.platform_order_store import Booking, Cause, note, place
from crm_sync.money.platform_orders import OrderState, PlatformOrder
from crm_sync.money.ports import Side, TradingAccounts
from crm_sync.money.withdrawing import Withdrawals


class AfterOrders:
    """Called where an order has ended, in the transaction that keeps its end."""

    def __init__(self, accounts: TradingAccounts, withdrawals: Withdrawals) -> None:
        """Take who knows logins, and who goes on with withdrawals."""
        self._accounts = accounts
        self._withdrawals = withdrawals

    def __call__(self, connection: Connection, order: PlatformOrder, now_us: int) -> None:
        """Go on with what waited for an order."""
        self._withdrawals.order_ended(connection, order, now_us)
        came_out = order.side is Side.OUT and order.state is OrderState.CONFIRMED
        if order.source == MOVE and came_out:
            self._send_on(connection, order, now_us)

    def _send_on(self, connection: Connection, order: PlatformOrder, now_us: int) -> None:
        """Send money on to its next account; where that is not possible the wallet keeps it."""
        taker = self._accounts.account(connection, order.then_login)
        stays = (
            taker is None
            or (taker.client_id, taker.currency) != (order.client_id, order.currency)
            or bool(freezes.causes(connection, order.client_id))
        )
        if taker is None or stays:
            note(connection, order, "stays_in_wallet", now_us, [])
            return
        booking = Booking(side=Side.IN, amount_minor=order.amount_minor)
        cause = Cause(source=MOVE, ext_ref=order.ext_ref, actor="plimsoll", via="platform")
        place(connection, taker, booking, cause, now_us)
