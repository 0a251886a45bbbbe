"""The rules of the double-entry ledger: what an account and a transfer are, and what is refused.

A transfer moves whole minor units from the account that it debits to the one that it credits. It is
never changed or deleted; an error is put right by another transfer. A pending transfer reserves its
amount; it is posted (all or a part) or voided by one later transfer, once. Both accounts are of one
currency: changing currency takes two transfers through a conversion account in each.

What a transfer is for (its source, the reference there, and a code) decides its id. So the same
thing posted twice is one transfer, for ever.

A balance is credits less debits: what the house owes is positive, what it owns is negative.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

import msgspec

from crm_sync.money.errors import MoneyConflictError, OverdraftError, TransferRefusedError

MOST_MINOR: Final = 10**15
"""The most that one transfer may move: a typing error is larger, a real payment never."""

_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{2,7}")
_HASH_BYTES: Final = 16


class AccountKind(StrEnum):
    """Whose money an account counts, or what it was for."""

    WALLET = "wallet"
    HOLD = "hold"
    PLATFORM = "platform"
    PLATFORM_CREDIT = "platform_credit"
    RECEIVABLE = "receivable"
    CLEARING = "clearing"
    BANK = "bank"
    PSP_FEES = "psp_fees"
    BONUS_COST = "bonus_cost"
    CONVERSION = "conversion"
    SUSPENSE = "suspense"
    WRITE_OFF = "write_off"
    REVENUE = "revenue"


NO_OVERDRAFT: Final = frozenset({AccountKind.WALLET, AccountKind.HOLD})
"""Kinds that may not go below zero; their balances are kept, all others are sums of transfers."""

CLIENT_KINDS: Final = frozenset(
    {*NO_OVERDRAFT, AccountKind.PLATFORM, AccountKind.PLATFORM_CREDIT, AccountKind.RECEIVABLE}
)
"""Kinds that say what the house and a client owe each other."""

HOUSE: Final = "house"
"""The owner of the accounts that belong to nobody else."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account: a kind, an owner (a client, a login, a provider) and a currency."""

    kind: AccountKind
    owner: str
    currency: str

    @property
    def key(self) -> str:
        """What it is known by."""
        return f"{self.kind}:{self.owner}:{self.currency}"

    @property
    def no_overdraft(self) -> bool:
        """Whether it may not go below zero."""
        return self.kind in NO_OVERDRAFT

    @classmethod
    def of_key(cls, key: str) -> Account:
        """Return the account that a key names."""
        kind, _, rest = key.partition(":")
        owner, _, currency = rest.rpartition(":")
        return cls(kind=AccountKind(kind), owner=owner, currency=currency)


class Flow(StrEnum):
    """How a transfer moves money: at once, as a reservation, or by ending a reservation."""

    POSTED = "posted"
    PENDING = "pending"
    POST = "post"
    VOID = "void"


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that goes from one account to another.

    ``source``, ``ext_ref`` and ``code`` say what it is for, and no other transfer says the same.
    ``pending_id`` is the reservation that it ends. A reservation cannot be posted after
    ``timeout_us``.
    """

    debit: Account
    credit: Account
    amount_minor: int
    source: str
    ext_ref: str
    code: str
    at_us: int
    flow: Flow = Flow.POSTED
    pending_id: str = ""
    timeout_us: int | None = None

    @property
    def id(self) -> str:
        """What it is known by: it follows from what it is for."""
        return stable_id(self.source, self.ext_ref, self.code)

    @property
    def currency(self) -> str:
        """The currency of both accounts."""
        return self.debit.currency

    def says_the_same(self, other: Transfer) -> bool:
        """Whether another transfer is this one, whenever it was posted."""
        return msgspec.structs.replace(other, at_us=self.at_us, timeout_us=self.timeout_us) == self


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What has gone through an account; reservations apart."""

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def posted_minor(self) -> int:
        """What is in it."""
        return self.credits_posted - self.debits_posted

    @property
    def available_minor(self) -> int:
        """What may leave it: without what is reserved to leave and what may yet come."""
        return self.posted_minor - self.debits_pending

    def plus(self, change: Change) -> Balance:
        """Return the balance after a change."""
        held = msgspec.structs.asdict(self)
        added = change._asdict()
        return Balance(**{name: held[name] + added[name] for name in held})


class Change(NamedTuple):
    """What one transfer adds to the four sums of an account."""

    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


def stable_id(*parts: str) -> str:
    """Return 128 bits in hex that follow from texts, and from no other texts."""
    content = msgspec.json.encode(parts)
    return hashlib.sha256(content).hexdigest()[: 2 * _HASH_BYTES]


def refuse_amount(amount_minor: int, what: str) -> None:
    """Refuse what is no amount of money.

    Raises:
        TransferRefusedError: It is zero, negative or larger than any real one.
    """
    if not 0 < amount_minor <= MOST_MINOR:
        raise TransferRefusedError(
            f"{what} is {amount_minor} minor units: it must be 1 to {MOST_MINOR}"
        )


def refuse_currency(currency: str) -> None:
    """Refuse what is no currency code; raises TransferRefusedError."""
    if not _CURRENCY.fullmatch(currency):
        raise TransferRefusedError("a currency is three to eight capital letters, like EUR")


def check_transfer(transfer: Transfer, pending: Transfer | None, *, resolved: bool) -> None:
    """Refuse a transfer that breaks a rule, whatever the balances.

    Args:
        transfer: What is to be posted.
        pending: The reservation that it ends, if it ends one and the ledger has it.
        resolved: Whether that reservation was ended already.

    Raises:
        TransferRefusedError: A rule is broken.
    """
    refuse_amount(transfer.amount_minor, f"the amount of transfer {transfer.code}")
    refuse_currency(transfer.currency)
    if transfer.debit.currency != transfer.credit.currency:
        raise TransferRefusedError(
            f"a transfer stays in one currency: {transfer.debit.currency} is not "
            f"{transfer.credit.currency}; convert with two transfers"
        )
    if transfer.debit == transfer.credit:
        raise TransferRefusedError(f"account {transfer.debit.key} cannot pay itself")
    if transfer.flow in {Flow.POST, Flow.VOID}:
        _check_resolution(transfer, pending, resolved=resolved)
    elif transfer.pending_id:
        raise TransferRefusedError("only a post or a void names a reservation")


def _check_resolution(transfer: Transfer, pending: Transfer | None, *, resolved: bool) -> None:
    name = f"reservation {transfer.pending_id}"
    if pending is None or pending.flow is not Flow.PENDING:
        raise TransferRefusedError(f"there is no {name}")
    if resolved:
        raise TransferRefusedError(f"{name} was posted or voided before")
    if (transfer.debit, transfer.credit) != (pending.debit, pending.credit):
        raise TransferRefusedError(f"{name} is between other accounts")
    if transfer.amount_minor > pending.amount_minor:
        raise TransferRefusedError(
            f"{name} is of {pending.amount_minor}: {transfer.amount_minor} cannot be posted"
        )
    late = pending.timeout_us is not None and transfer.at_us >= pending.timeout_us
    if transfer.flow is Flow.POST and late:
        raise TransferRefusedError(f"{name} has timed out: it can only be voided")


def changes_of(transfer: Transfer, pending: Transfer | None) -> tuple[Change, Change]:
    """Return what a transfer adds to the account that it debits, and to the other one."""
    amount = transfer.amount_minor
    reserved = 0 if pending is None else pending.amount_minor
    match transfer.flow:
        case Flow.POSTED:
            return Change(debits_posted=amount), Change(credits_posted=amount)
        case Flow.PENDING:
            return Change(debits_pending=amount), Change(credits_pending=amount)
        case Flow.POST:
            return (
                Change(debits_posted=amount, debits_pending=-reserved),
                Change(credits_posted=amount, credits_pending=-reserved),
            )
        case Flow.VOID:
            return Change(debits_pending=-reserved), Change(credits_pending=-reserved)
        case _ as never:
            assert_never(never)


def refuse_overdraft(account: Account, before: Balance, change: Change) -> None:
    """Refuse a change that takes more than is free; raises OverdraftError."""
    leaving = change.debits_posted + change.debits_pending
    if account.no_overdraft and leaving > 0 and before.plus(change).available_minor < 0:
        raise OverdraftError(account.key, leaving, before.available_minor)


def refuse_other_content(held: Transfer, transfer: Transfer) -> bool:
    """Return False for a transfer that is known; raises MoneyConflictError if it says otherwise."""
    if not held.says_the_same(transfer):
        raise MoneyConflictError(
            f"transfer {transfer.code} of {transfer.source} {transfer.ext_ref} was posted before "
            "with other content"
        )
    return False


def post_of(pending: Transfer, at_us: int, amount_minor: int | None = None) -> Transfer:
    """Return the transfer that posts a reservation; what is not posted is free again."""
    amount = pending.amount_minor if amount_minor is None else amount_minor
    return _resolution(pending, Flow.POST, at_us, amount)


def void_of(pending: Transfer, at_us: int) -> Transfer:
    """Return the transfer that gives a reservation up."""
    return _resolution(pending, Flow.VOID, at_us, pending.amount_minor)


def _resolution(pending: Transfer, flow: Flow, at_us: int, amount_minor: int) -> Transfer:
    return msgspec.structs.replace(
        pending,
        amount_minor=amount_minor,
        code=f"{pending.code}.{flow}",
        at_us=at_us,
        flow=flow,
        pending_id=pending.id,
        timeout_us=None,
    )


def wallet(client_id: str, currency: str) -> Account:
    """Return where a client's own money is."""
    return Account(kind=AccountKind.WALLET, owner=client_id, currency=currency)


def receivable(client_id: str, currency: str) -> Account:
    """Return where it is counted what a client owes."""
    return Account(kind=AccountKind.RECEIVABLE, owner=client_id, currency=currency)


def clearing(provider: str, currency: str) -> Account:
    """Return what a payment provider has collected and not sent yet."""
    return Account(kind=AccountKind.CLEARING, owner=provider, currency=currency)


def on_platform(login: str, currency: str) -> Account:
    """Return what was paid into a trading account; its profits are the platform's to count."""
    return Account(kind=AccountKind.PLATFORM, owner=login, currency=currency)


def of_house(kind: AccountKind, currency: str) -> Account:
    """Return an account that belongs to the house itself."""
    return Account(kind=kind, owner=HOUSE, currency=currency)
