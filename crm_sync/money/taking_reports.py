"""What providers report about payments becomes money in the ledger, in the caller's transaction.

State, double entry, audit row and what follows (a credit on the trading platform, a freeze) are
kept together or not at all. A report that comes twice, late or in another order changes nothing
that it should not.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit_log import alone
from crm_sync.events import (
    Direction,
    Outcome,
    PaymentReported,
    PaymentStep,
    SettlementReported,
)
from crm_sync.money.freezes import freeze
from crm_sync.money.ledger import (
    AccountKind,
    Transfer,
    clearing,
    of_house,
    refuse_amount,
    refuse_currency,
    stable_id,
    wallet,
)
from crm_sync.money.ledger_store import balance_of, transfer_of
from crm_sync.money.payment_store import is_known, keep_event, keep_payment, payment_of
from crm_sync.money.payments import (
    Payment,
    check_report,
    disputes,
    fee_of,
    new_payment,
    payment_id,
    postings,
    settled,
    taken,
)
from crm_sync.money.platform_order_store import Booking, Cause, place
from crm_sync.money.ports import Side, TradingAccount, TradingAccounts
from crm_sync.money.recording import Deed, record
from crm_sync.money.withdrawal_store import payout_of
from crm_sync.money.withdrawing import Withdrawals

SOURCE: Final = "payment"
"""The source of the credits that captured deposits ask for."""


class MoneyReports:
    """Takes reports about payments and settlements, each once."""

    def __init__(self, accounts: TradingAccounts, withdrawals: Withdrawals) -> None:
        """Take who knows logins, and who goes on with payouts."""
        self._accounts = accounts
        self._withdrawals = withdrawals

    def apply_payment(
        self, connection: Connection, report: PaymentReported, now_us: int
    ) -> Outcome:
        """Take a report about a deposit or a payout.

        Raises:
            DomainError: It cannot be true as it stands.
        """
        alone(connection)
        if is_known(connection, report.provider, report.event_id):
            return Outcome.DUPLICATE
        check_report(report)
        if self._is_payout(connection, report):
            outcome = self._withdrawals.payout_reported(connection, report, now_us)
        else:
            outcome = self._take(connection, report, now_us)
        if _bear_fee(connection, report, now_us):
            outcome = Outcome.APPLIED
        keep_event(connection, report, outcome, now_us)
        return outcome

    def apply_settlement(
        self, connection: Connection, report: SettlementReported, now_us: int
    ) -> Outcome:
        """Take a report that a provider has sent what it collected.

        Raises:
            DomainError: It cannot be true as it stands.
        """
        alone(connection)
        if is_known(connection, report.provider, report.event_id):
            return Outcome.DUPLICATE
        refuse_currency(report.currency)
        refuse_amount(report.amount_minor, "the amount of the settlement")
        deed = _deed(report, "settlement.arrived", f"settlement {report.provider_ref}", now_us)
        record(connection, deed, _settlement(report, now_us))
        keep_event(connection, report, Outcome.APPLIED, now_us)
        return Outcome.APPLIED

    def _is_payout(self, connection: Connection, report: PaymentReported) -> bool:
        if report.direction is Direction.WITHDRAWAL:
            return True
        refunded = report.step is PaymentStep.REFUNDED
        return refunded and payout_of(connection, report.reference) is not None

    def _take(self, connection: Connection, report: PaymentReported, now_us: int) -> Outcome:
        before = payment_of(connection, report.provider, report.provider_ref)
        was = before or new_payment(report)
        after = self._settled(connection, was, taken(was, report))
        if after == before:
            return Outcome.STALE
        keep_payment(connection, after, now_us)
        known = {one.id for one in postings(was, now_us)}
        moves = [one for one in postings(after, now_us) if one.id not in known]
        deed = _deed(report, f"payment.{report.step}", f"payment {after.id}", now_us)
        record(connection, msgspec.structs.replace(deed, detail=after), moves)
        for part in disputes(after):
            freeze(connection, after.client_id, f"dispute {after.id}/{part.ref}", now_us)
        if after.captured and not was.captured:
            self._credit(connection, after, now_us)
        return Outcome.APPLIED

    def _settled(self, connection: Connection, was: Payment, now: Payment) -> Payment:
        if now.parts == was.parts and now.stage is was.stage:
            return now
        available = 0 if was.captured else now.amount_minor
        if now.client_id:
            held = balance_of(connection, wallet(now.client_id, now.currency))
            available += held.available_minor
        return settled(now, available)

    def _credit(self, connection: Connection, payment: Payment, now_us: int) -> None:
        """Ask for a deposit's credit on the platform, if it names an account that can have it."""
        if not payment.login or not payment.kept_minor:
            return
        account = self._accounts.account(connection, payment.login)
        cause = Cause(source=SOURCE, ext_ref=payment.id, actor=payment.provider, via="webhook")
        if account is None or not _may_have(account, payment):
            _say_that_it_stays(connection, payment, now_us)
            return
        booking = Booking(side=Side.IN, amount_minor=payment.kept_minor)
        place(connection, account, booking, cause, now_us)


def _bear_fee(connection: Connection, report: PaymentReported, now_us: int) -> bool:
    """Let the house bear what a step costs; return whether that is new."""
    of_payout = report.direction is Direction.WITHDRAWAL
    payment = payment_id(report.provider, report.provider_ref)
    fee = fee_of(report, report.reference if of_payout else payment, now_us)
    if fee is None:
        return False
    is_new = transfer_of(connection, fee.id) is None
    deed = _deed(report, "payment.fee", f"payment {payment}", now_us)
    record(connection, deed, [fee])
    return is_new


def _may_have(account: TradingAccount, payment: Payment) -> bool:
    return (account.client_id, account.currency) == (payment.client_id, payment.currency)


def _say_that_it_stays(connection: Connection, payment: Payment, now_us: int) -> None:
    deed = Deed(
        actor=payment.provider,
        via="webhook",
        action="payment.stays",
        entity=f"payment {payment.id}",
        at_us=now_us,
        reason=f"login {payment.login} is not this client's in {payment.currency}: the wallet "
        "keeps the money",
    )
    record(connection, deed)


def _settlement(report: SettlementReported, now_us: int) -> list[Transfer]:
    moves = [
        (AccountKind.BANK, report.amount_minor, "settlement"),
        (AccountKind.PSP_FEES, report.fee_minor, "settlement_fee"),
    ]
    return [
        Transfer(
            debit=of_house(kind, report.currency),
            credit=clearing(report.provider, report.currency),
            amount_minor=amount,
            source="settlement",
            ext_ref=stable_id("settlement", report.provider, report.provider_ref),
            code=code,
            at_us=now_us,
        )
        for kind, amount, code in moves
        if amount
    ]


def _deed(
    report: PaymentReported | SettlementReported, action: str, entity: str, now_us: int
) -> Deed:
    return Deed(
        actor=report.provider,
        via="webhook",
        action=action,
        entity=entity,
        at_us=now_us,
        detail=[report.event_id, report.amount_minor, report.fee_minor, report.currency],
    )
