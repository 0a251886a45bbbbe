"""What puts the platform right where the ledger is right already: orders that a break proposes.

They go the way of every order to a platform, with a token and a quarantine, and move nothing in the
ledger. Where the platform refuses one, its break is open again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from crm_sync.money.after_orders import AfterOrders
from crm_sync.money.platform_order_store import Booking, Cause, place
from crm_sync.money.platform_orders import CORRECTION, OrderState, PlatformOrder
from crm_sync.money.ports import Side, TradingAccounts, What
from crm_sync.reconcile.fixes import PlatformOrder as Wanted
from crm_sync.reconcile.kept import Proposal
from crm_sync.reconcile.resolving import reopen
from crm_sync.reconcile.schema import Kind
from exposure.errors import DomainError

_WHAT: Final = {Kind.CREDIT: What.CREDIT, Kind.BONUS: What.BONUS}


class CorrectionOrders:
    """Order: what a resolution asks of the platform is kept in the transaction that resolves."""

    def __init__(self, accounts: TradingAccounts, now_us: Callable[[], int]) -> None:
        """Take who knows logins, and the wall clock."""
        self._accounts = accounts
        self._now_us = now_us

    def __call__(
        self, connection: Connection, made: Proposal, actor: str, orders: Sequence[Wanted]
    ) -> None:
        """Keep all orders, or raise DomainError and keep none."""
        for number, wanted in enumerate((one for one in orders if one.amount_minor), 1):
            account = self._accounts.account(connection, wanted.login)
            if account is None or account.currency != wanted.currency:
                raise DomainError(
                    f"login {wanted.login} is no account in {wanted.currency} that is known here: "
                    "book it on the platform by hand"
                )
            booking = Booking(
                side=Side.IN if wanted.amount_minor > 0 else Side.OUT,
                amount_minor=abs(wanted.amount_minor),
                what=_WHAT.get(wanted.kind, What.BALANCE),
            )
            cause = Cause(
                source=CORRECTION,
                ext_ref=f"{made.break_id}/{made.key}/{number}",
                actor=actor,
                via="desk",
                reason=made.reason,
            )
            place(connection, account, booking, cause, self._now_us())


class WhenOrdersEnd:
    """OrderEnded: withdrawals and moves go on; a break whose correction failed is open again."""

    def __init__(self, after: AfterOrders) -> None:
        """Take who goes on with money."""
        self._after = after

    def __call__(self, connection: Connection, order: PlatformOrder, now_us: int) -> None:
        """Go on with what waited for an order."""
        self._after(connection, order, now_us)
        if order.source == CORRECTION and order.state is OrderState.REJECTED:
            break_id = order.ext_ref.partition("/")[0]
            reopen(connection, break_id, f"the platform refused it: {order.reason}", now_us)
