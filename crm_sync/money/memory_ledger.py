"""The ledger in memory: the smallest thing that obeys the rules; tests measure the others by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crm_sync.money.ledger import (
    Account,
    Balance,
    Flow,
    Transfer,
    changes_of,
    check_transfer,
    refuse_other_content,
    refuse_overdraft,
)


class MemoryLedger:
    """Transfers by id, and the balances that follow from them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.transfers: dict[str, Transfer] = {}
        self._balances: dict[Account, Balance] = {}
        self._resolved: set[str] = set()

    def post(self, transfers: Sequence[Transfer]) -> list[Transfer]:
        """Post all of them or none, and return those that were not known before.

        Raises:
            TransferRefusedError: One breaks a rule.
            MoneyConflictError: One has the id of another one that said something else.
        """
        before = dict(self.transfers), dict(self._balances), set(self._resolved)
        done = False
        try:
            fresh = [one for one in transfers if self._post_one(one)]
            done = True
            return fresh
        finally:
            if not done:
                self.transfers, self._balances, self._resolved = before

    def balance(self, account: Account) -> Balance:
        """Return what has gone through an account."""
        return self._balances.get(account, Balance())

    def open_reservations(self) -> Iterable[Transfer]:
        """Return the reservations that nothing has ended."""
        held = self.transfers.values()
        return [one for one in held if one.flow is Flow.PENDING and one.id not in self._resolved]

    def _post_one(self, transfer: Transfer) -> bool:
        held = self.transfers.get(transfer.id)
        if held is not None:
            return refuse_other_content(held, transfer)
        pending = self.transfers.get(transfer.pending_id)
        check_transfer(transfer, pending, resolved=transfer.pending_id in self._resolved)
        debit, credit = changes_of(transfer, pending)
        refuse_overdraft(transfer.debit, self.balance(transfer.debit), debit)
        for account, change in ((transfer.debit, debit), (transfer.credit, credit)):
            self._balances[account] = self.balance(account).plus(change)
        self.transfers[transfer.id] = transfer
        if transfer.pending_id:
            self._resolved.add(transfer.pending_id)
        return True
