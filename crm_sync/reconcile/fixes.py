"""What would put a break right: postings in the ledger, orders for the platform, or a question.

A fix is a proposal. A person decides about it, and the ledger is corrected by new postings only.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from crm_sync.reconcile.breaks import Break, Facts
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.schema import BreakClass, Kind, Side, Status

SUSPENSE: Final = "suspense"
FEES: Final = "fees_psp"


class FixAction(StrEnum):
    """What has to happen beside the postings, if anything."""

    WAIT = "wait"
    ASK_PROVIDER = "ask_provider"
    RETURN_AT_PROVIDER = "return_at_provider"
    POST = "post"
    ORDER_PLATFORM = "order_platform"
    EXPLAIN = "explain"


class PlatformOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A balance operation on the platform; the amount has the client's sign."""

    login: str
    kind: Kind
    amount_minor: int
    currency: str


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """What would put a break right."""

    action: FixAction
    postings: tuple[Posting, ...] = ()
    orders: tuple[PlatformOrder, ...] = ()


def proposed_fix(told: Break) -> Fix:
    """Return what would put a break right."""
    return _FIXES[told.break_class](told)


def _wait(_: Break) -> Fix:
    return Fix(action=FixAction.WAIT)


def _ask_provider(_: Break) -> Fix:
    return Fix(action=FixAction.ASK_PROVIDER)


def _missing_ledger(told: Break) -> Fix:
    return _posted(_booking(told.provider) or _transfer(told.platform))


def _duplicate_ledger(told: Break) -> Fix:
    return _posted(_booking(told.ledger, -1))


def _missing_platform(told: Break) -> Fix:
    return _ordered(_order(told.ledger, 1))


def _duplicate_platform(told: Break) -> Fix:
    return _ordered(_order(told.platform, -1))


def _orphan(told: Break) -> Fix:
    return Fix(action=FixAction.EXPLAIN, postings=_transfer(told.platform, SUSPENSE))


def _posted(postings: tuple[Posting, ...]) -> Fix:
    return Fix(action=FixAction.POST, postings=postings)


def _ordered(*orders: PlatformOrder | None) -> Fix:
    wanted = tuple(order for order in orders if order is not None)
    return Fix(action=FixAction.ORDER_PLATFORM, orders=wanted)


def _missing_psp(told: Break) -> Fix:
    """Keep what the provider does not confirm apart from what it owes, until it has answered."""
    return Fix(action=FixAction.ASK_PROVIDER, postings=_set_apart(told.ledger, -1))


def _duplicate_psp(told: Break) -> Fix:
    """Keep what the provider took twice apart from what it owes, until it has gone back."""
    return Fix(action=FixAction.RETURN_AT_PROVIDER, postings=_set_apart(told.provider, 1))


def _set_apart(said: Facts | None, times: int) -> tuple[Posting, ...]:
    if said is None:
        return ()
    amount = times * said.amount_minor
    return _flow(_clearing(said), SUSPENSE, amount, said.currency, said.kind.value)


def _booked_anew(told: Break) -> Fix:
    """Take back what is wrong and book what is right, at the side where the fault is."""
    if told.side is Side.PLATFORM:
        if told.break_class is BreakClass.FX_RATE and _platform_agrees(told):
            return Fix(action=FixAction.EXPLAIN)
        return _ordered(_order(told.platform, -1), _order(told.ledger, 1))
    if told.provider is None:
        return Fix(action=FixAction.EXPLAIN)
    return _posted((*_booking(told.ledger, -1), *_booking(told.provider)))


def _platform_agrees(told: Break) -> bool:
    ours, theirs = told.ledger, told.platform
    if ours is None or theirs is None or ours.credit_minor is None:
        return False
    return abs(ours.credit_minor - theirs.amount_minor) <= 1


def _mirrored(told: Break) -> Fix:
    """Book what the provider did and the ledger did not."""
    if told.ledger is None or told.ledger.status is Status.FAILED:
        return _posted(_booking(told.provider))
    return _posted(_booking(told.ledger, -1))


def _fee(told: Break) -> Fix:
    ours, theirs = told.ledger, told.provider
    if ours is None or theirs is None:
        return Fix(action=FixAction.EXPLAIN)
    net_of = abs(ours.amount_minor) - abs(theirs.amount_minor)
    taken = net_of or theirs.fee_minor or 0
    more = taken - (ours.fee_minor or 0)
    return _posted(_flow(FEES, _clearing(ours), more, ours.currency, "psp_fee"))


def _booking(said: Facts | None, times: int = 1) -> tuple[Posting, ...]:
    """Return the posting of a payment between provider and wallet, -1 takes it back."""
    if said is None:
        return ()
    amount = times * said.amount_minor
    wallet = f"client_wallet:{said.client_id}:{said.currency}"
    return _flow(_clearing(said), wallet, amount, said.currency, said.kind.value)


def _transfer(said: Facts | None, source: str = "") -> tuple[Posting, ...]:
    """Return the posting that mirrors what the platform booked."""
    if said is None:
        return ()
    wallet = source or f"client_wallet:{said.client_id}:{said.currency}"
    mirror = f"trading_account_mirror:{said.login}"
    return _flow(wallet, mirror, said.amount_minor, said.currency, said.kind.value)


def _order(said: Facts | None, times: int) -> PlatformOrder | None:
    """Return what the platform has to book, -1 takes back what it booked."""
    if said is None:
        return None
    amount = said.amount_minor if said.credit_minor is None else said.credit_minor
    return PlatformOrder(
        login=said.login,
        kind=said.kind,
        amount_minor=times * amount,
        currency=said.credit_currency or said.currency,
    )


def _clearing(said: Facts) -> str:
    return f"psp_clearing:{said.provider or 'unnamed'}:{said.currency}"


def _flow(
    debit: str, credit: str, amount_minor: int, currency: str, code: str
) -> tuple[Posting, ...]:
    """Return one posting above 0: a negative amount goes the other way, 0 goes nowhere."""
    if amount_minor == 0:
        return ()
    if amount_minor < 0:
        debit, credit, amount_minor = credit, debit, -amount_minor
    return (
        Posting(
            debit=debit, credit=credit, amount_minor=amount_minor, currency=currency, code=code
        ),
    )


_FIXES: Final[dict[BreakClass, Callable[[Break], Fix]]] = {
    BreakClass.MISSING_PSP: _missing_psp,
    BreakClass.MISSING_LEDGER: _missing_ledger,
    BreakClass.MISSING_PLATFORM: _missing_platform,
    BreakClass.DUPLICATE_PSP: _duplicate_psp,
    BreakClass.DUPLICATE_LEDGER: _duplicate_ledger,
    BreakClass.DUPLICATE_PLATFORM: _duplicate_platform,
    BreakClass.AMOUNT: _booked_anew,
    BreakClass.CURRENCY: _booked_anew,
    BreakClass.WRONG_ACCOUNT: _booked_anew,
    BreakClass.WRONG_TYPE: _booked_anew,
    BreakClass.TIMING: _wait,
    BreakClass.FEE: _fee,
    BreakClass.FX_RATE: _booked_anew,
    BreakClass.STATUS: _mirrored,
    BreakClass.ORPHAN_MANUAL: _orphan,
    BreakClass.STALE_PENDING: _ask_provider,
}
