"""Withdrawals: asked for, held, approved, told to providers, paid or given back to the wallet.

Each step happens in the caller's transaction, with its audit row, and taking it again changes
nothing. Money that lies in a trading account comes out of it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from crm_sync.audit_log import alone
from crm_sync.events import Outcome, PaymentReported
from crm_sync.money import approvals, freezes
from crm_sync.money.approvals import Decision, Matter
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.ledger import Transfer, refuse_amount, refuse_currency
from crm_sync.money.platform_order_store import Booking, Cause, place
from crm_sync.money.platform_orders import OrderState, PlatformOrder
from crm_sync.money.ports import (
    PayoutInstruction,
    Side,
    Tell,
    TradingAccount,
    TradingAccounts,
    WithdrawalGate,
)
from crm_sync.money.recording import Deed, record
from crm_sync.money.withdrawal_store import (
    keep_payouts,
    keep_withdrawal,
    payout_of,
    payouts_of_withdrawal,
    sources_of,
    withdrawal_of,
)
from crm_sync.money.withdrawals import (
    Payout,
    PayoutState,
    Withdrawal,
    WithdrawalRequest,
    WithdrawalState,
    asks_the_same,
    hold_of,
    moves_of,
    new_withdrawal,
    payout_after,
    payouts_of,
    state_after,
)

KIND: Final = "withdrawal"
"""The source of what withdrawals ask of others, and the kind of their approvals."""

_HOUSE: Final = "plimsoll"


class WithdrawalRule(msgspec.Struct, frozen=True, kw_only=True):
    """Above which amount, in minor units by currency, a second person decides, and within what.

    A currency that is not named always takes a second person.
    """

    alone_up_to_minor: Mapping[str, int]
    decide_within_us: int = 24 * 3_600 * 1_000_000

    def asks_for(self, withdrawal: Withdrawal) -> bool:
        """Whether a second person has to decide."""
        return withdrawal.amount_minor > self.alone_up_to_minor.get(withdrawal.currency, 0)


class Withdrawals:
    """The use case behind every screen and program that pays clients out."""

    def __init__(
        self, accounts: TradingAccounts, gate: WithdrawalGate, tell: Tell, rule: WithdrawalRule
    ) -> None:
        """Take everything that it connects."""
        self._accounts = accounts
        self._gate = gate
        self._tell = tell
        self._rule = rule

    def request(
        self, connection: Connection, request: WithdrawalRequest, now_us: int
    ) -> Withdrawal:
        """Take a request and return how far it came; the same key again returns the same.

        Raises:
            MoneyConflictError: The client may take nothing out, or the key is another request's.
            TransferRefusedError: The amount cannot be meant, or is not there.
        """
        alone(connection)
        held = withdrawal_of(connection, request.key)
        if held is not None:
            return _same(held, request)
        refuse_currency(request.currency)
        refuse_amount(request.amount_minor, "the amount of the withdrawal")
        self._refuse(connection, request.client_id)
        withdrawal = new_withdrawal(request, now_us)
        if not request.login:
            return self._hold(connection, withdrawal, now_us, request.via)
        keep_withdrawal(connection, withdrawal)
        booking = Booking(side=Side.OUT, amount_minor=request.amount_minor)
        cause = Cause(source=KIND, ext_ref=request.key, actor=request.requested_by, via=request.via)
        place(connection, self._account(connection, request), booking, cause, now_us)
        return withdrawal

    def decide(
        self, connection: Connection, withdrawal_id: str, decision: Decision, now_us: int
    ) -> Withdrawal:
        """Approve or reject a withdrawal that waits for a second person.

        Raises:
            MoneyConflictError: It does not wait, it is the same person's, it is not what was asked
                for any more, or the client may take nothing out now.
        """
        alone(connection)
        withdrawal = withdrawal_of(connection, withdrawal_id)
        if withdrawal is None or withdrawal.state is not WithdrawalState.WAITING:
            raise MoneyConflictError(f"withdrawal {withdrawal_id} does not wait for a decision")
        payouts = payouts_of_withdrawal(connection, withdrawal_id)
        approvals.decide(connection, _matter(withdrawal, payouts), decision, now_us)
        if not decision.approve:
            return self._give_up(connection, withdrawal, payouts, now_us, decision.reason)
        self._refuse(connection, withdrawal.client_id)
        return self._instruct(connection, withdrawal, payouts, now_us)

    def lapse(self, connection: Connection, now_us: int, limit: int = 100) -> int:
        """Give up withdrawals that nobody decided about in time, and return how many."""
        alone(connection)
        late = approvals.lapsing(connection, KIND, now_us, limit)
        for withdrawal_id in late:
            withdrawal = withdrawal_of(connection, withdrawal_id)
            payouts = payouts_of_withdrawal(connection, withdrawal_id)
            if withdrawal is None:
                continue
            approvals.lapse(connection, _matter(withdrawal, payouts), now_us)
            self._give_up(connection, withdrawal, payouts, now_us, "nobody decided in time")
        return len(late)

    def order_ended(self, connection: Connection, order: PlatformOrder, now_us: int) -> None:
        """Go on with a withdrawal whose money has come out of its trading account, or has not."""
        if order.source != KIND:
            return
        withdrawal = withdrawal_of(connection, order.ext_ref)
        if withdrawal is None or withdrawal.state is not WithdrawalState.TAKING:
            return
        if order.state is OrderState.REJECTED:
            _keep(connection, withdrawal, WithdrawalState.FAILED, now_us, order.reason)
        elif order.state is OrderState.CONFIRMED:
            reason = self._reason_against(connection, withdrawal.client_id)
            if reason:
                _keep(connection, withdrawal, WithdrawalState.REFUSED, now_us, reason)
            else:
                self._hold(connection, withdrawal, now_us, "platform")

    def payout_reported(
        self, connection: Connection, report: PaymentReported, now_us: int
    ) -> Outcome:
        """Take a provider's report about a payout; call ``alone`` earlier in the transaction.

        Raises:
            MoneyConflictError: It is about no payout of ours, or contradicts what was asked for.
        """
        before = payout_of(connection, report.reference)
        if before is None:
            raise MoneyConflictError(
                f"payment {report.provider_ref} of {report.provider} is no payout that was asked "
                "for: find out who paid it"
            )
        after = payout_after(before, report)
        if after == before:
            return Outcome.STALE
        keep_payouts(connection, [after])
        moves = _new(moves_of(before, now_us), moves_of(after, now_us))
        _note(connection, f"payout {after.id}", after.state, now_us, after, transfers=moves)
        self._look_at_whole(connection, after, now_us)
        return Outcome.APPLIED

    def _hold(
        self, connection: Connection, withdrawal: Withdrawal, now_us: int, via: str
    ) -> Withdrawal:
        """Take a withdrawal's money out of the client's reach."""
        sources = sources_of(connection, withdrawal.client_id, withdrawal.currency)
        payouts = payouts_of(withdrawal, sources)
        holds = [hold_of(payout, now_us) for payout in payouts]
        held = _at(withdrawal, WithdrawalState.WAITING, now_us)
        detail = [withdrawal, payouts]
        _note(
            connection, f"{KIND} {held.id}", "held", now_us, detail, actor=held.requested_by,
            via=via, transfers=holds,
        )  # fmt: skip
        keep_withdrawal(connection, held)
        keep_payouts(connection, payouts)
        if not self._rule.asks_for(held):
            return self._instruct(connection, held, payouts, now_us)
        approvals.ask(
            connection,
            _matter(held, payouts_of_withdrawal(connection, held.id)),
            held.requested_by,
            now_us,
            self._rule.decide_within_us,
        )
        return held

    def _instruct(
        self,
        connection: Connection,
        withdrawal: Withdrawal,
        payouts: Sequence[Payout],
        now_us: int,
    ) -> Withdrawal:
        sent = [_with_state(payout, PayoutState.SENT) for payout in payouts]
        keep_payouts(connection, sent)
        for payout in sent:
            self._tell(connection, _instruction(payout))
        return _keep(connection, withdrawal, WithdrawalState.PAYING, now_us)

    def _give_up(
        self,
        connection: Connection,
        withdrawal: Withdrawal,
        payouts: Sequence[Payout],
        now_us: int,
        reason: str,
    ) -> Withdrawal:
        void = [_with_state(payout, PayoutState.VOID) for payout in payouts]
        keep_payouts(connection, void)
        moves = [move for payout in void for move in moves_of(payout, now_us)]
        return _keep(connection, withdrawal, WithdrawalState.REFUSED, now_us, reason, moves)

    def _look_at_whole(self, connection: Connection, payout: Payout, now_us: int) -> None:
        withdrawal = withdrawal_of(connection, payout.withdrawal_id)
        state = state_after(payouts_of_withdrawal(connection, payout.withdrawal_id))
        if withdrawal is not None and withdrawal.state is not state:
            _keep(connection, withdrawal, state, now_us)

    def _refuse(self, connection: Connection, client_id: str) -> None:
        reason = self._reason_against(connection, client_id)
        if reason:
            raise MoneyConflictError(f"client {client_id} may take nothing out: {reason}")

    def _reason_against(self, connection: Connection, client_id: str) -> str:
        frozen = freezes.causes(connection, client_id)
        return f"frozen by {frozen[0]}" if frozen else self._gate.refusal(connection, client_id)

    def _account(self, connection: Connection, request: WithdrawalRequest) -> TradingAccount:
        account = self._accounts.account(connection, request.login)
        if account is None or account.client_id != request.client_id:
            raise MoneyConflictError(f"login {request.login} is no account of this client")
        if account.currency != request.currency:
            raise MoneyConflictError(
                f"login {request.login} is in {account.currency}: ask for {account.currency}"
            )
        return account


def _matter(withdrawal: Withdrawal, payouts: Sequence[Payout]) -> Matter:
    asked = [withdrawal.client_id, withdrawal.amount_minor, withdrawal.currency]
    parts = [
        [one.id, one.amount_minor, one.currency, one.provider, one.method, one.instrument]
        for one in payouts
    ]
    return Matter(KIND, withdrawal.id, [asked, parts])


def _instruction(payout: Payout) -> PayoutInstruction:
    shared = set(PayoutInstruction.__struct_fields__) & set(Payout.__struct_fields__)
    return PayoutInstruction(
        reference=payout.id, **{name: getattr(payout, name) for name in shared}
    )


def _same(held: Withdrawal, request: WithdrawalRequest) -> Withdrawal:
    if not asks_the_same(held, request):
        raise MoneyConflictError(f"key {request.key} was used for another withdrawal")
    return held


def _at(
    withdrawal: Withdrawal, state: WithdrawalState, now_us: int, reason: str = ""
) -> Withdrawal:
    return msgspec.structs.replace(withdrawal, state=state, updated_at_us=now_us, reason=reason)


def _with_state(payout: Payout, state: PayoutState) -> Payout:
    return msgspec.structs.replace(payout, state=state)


def _keep(
    connection: Connection,
    withdrawal: Withdrawal,
    state: WithdrawalState,
    now_us: int,
    reason: str = "",
    transfers: Sequence[Transfer] = (),
) -> Withdrawal:
    """Keep a withdrawal in its next state, with the audit row about it."""
    now = _at(withdrawal, state, now_us, reason)
    keep_withdrawal(connection, now)
    _note(connection, f"{KIND} {now.id}", state, now_us, now, reason=reason, transfers=transfers)
    return now


def _note(
    connection: Connection,
    entity: str,
    action: str,
    now_us: int,
    detail: Any,
    *,
    actor: str = _HOUSE,
    via: str = "sync",
    reason: str = "",
    transfers: Sequence[Transfer] = (),
) -> None:
    kind = entity.partition(" ")[0]
    deed = Deed(
        actor=actor, via=via, action=f"{kind}.{action}", entity=entity, at_us=now_us,
        reason=reason, detail=detail,
    )  # fmt: skip
    record(connection, deed, transfers)


def _new(before: Sequence[Transfer], after: Sequence[Transfer]) -> list[Transfer]:
    known = {one.id for one in before}
    return [one for one in after if one.id not in known]
