"""What ends a break is posted into the ledger: corrections, in the ledger's own accounts.

Reconciliation names accounts in words of its own, because it compares books of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from crm_sync.money.ledger import HOUSE, Account, AccountKind, Transfer
from crm_sync.money.recording import Deed, record
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.store import HOUSE as HOUSE_ACTS
from exposure.errors import DomainError

SOURCE: Final = "reconcile"

_OWNED: Final = {
    "client_wallet": AccountKind.WALLET,
    "psp_clearing": AccountKind.CLEARING,
    "trading_account_mirror": AccountKind.PLATFORM,
}
_OF_HOUSE: Final = {"suspense": AccountKind.SUSPENSE, "fees_psp": AccountKind.PSP_FEES}


class LedgerPosts:
    """Post: the ledger takes postings of reconciliation, each key once."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        """Take the wall clock."""
        self._now_us = now_us

    def __call__(self, connection: Connection, postings: Sequence[Posting]) -> None:
        """Post all, or raise DomainError and post none."""
        at_us = self._now_us()
        transfers = [transfer_of(posting, at_us) for posting in postings]
        if not transfers:
            return
        # who resolved the break, and why, is the row of the audit log before this one
        deed = Deed(
            actor=HOUSE_ACTS,
            via="desk",
            action="recon.corrected",
            entity=f"postings {postings[0].key}",
            at_us=at_us,
        )
        record(connection, deed, transfers)


def transfer_of(posting: Posting, at_us: int) -> Transfer:
    """Return a posting as a transfer of the ledger.

    Raises:
        DomainError: The ledger has no such account.
    """
    return Transfer(
        debit=_account(posting.debit, posting.currency),
        credit=_account(posting.credit, posting.currency),
        amount_minor=posting.amount_minor,
        source=SOURCE,
        ext_ref=posting.key,
        code=f"correction_{posting.code}",
        at_us=at_us,
    )


def _account(name: str, currency: str) -> Account:
    kind, _, owner = name.partition(":")
    if kind in _OF_HOUSE and not owner:
        return Account(kind=_OF_HOUSE[kind], owner=HOUSE, currency=currency)
    owner = owner.removesuffix(f":{currency}")
    if kind not in _OWNED or not owner:
        raise DomainError(f"the ledger has no account {name}: post it by hand")
    return Account(kind=_OWNED[kind], owner=owner, currency=currency)
