"""What a trading platform is to book, kept before it is told, and found there again by a token.

A platform does what it is told as often as it is told: its calls have no key that makes them once.
So an order is on the disk before it is sent, its comment carries a token, and an order whose answer
was lost is looked for under that token, after a time in which the platform would have obeyed,
before it is sent again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, assert_never

import msgspec

from crm_sync.money.ledger import (
    Account,
    AccountKind,
    Flow,
    Transfer,
    of_house,
    on_platform,
    post_of,
    void_of,
    wallet,
)
from crm_sync.money.ports import BalanceDeal, BalanceOrder, Side, What

MARK: Final = "CRM"
CORRECTION: Final = "correction"
"""The source of an order that puts the platform right: it moves nothing in the ledger."""
_TOKEN_BYTES: Final = 10
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_CHECKS: Final = f"{_LETTERS}0189$"
_MODULUS: Final = 37
_MOST_WAITS: Final = 10


class OrderState(StrEnum):
    """How far an order has come; the last three are ends, the last of them for a person to end."""

    WAITING = "waiting"
    INTENT = "intent"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    UNCLEAR = "unclear"


class PlatformOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One booking from its cause (``source``, ``ext_ref``) to the platform's ticket.

    ``then_login`` is where the money goes on to when it has come out. ``fence`` is the number of
    the sender that sent it last; ``due_us`` is when something has to be done about it.
    """

    token: str
    platform: str
    client_id: str
    login: str
    side: Side
    what: What
    amount_minor: int
    currency: str
    source: str
    ext_ref: str
    created_at_us: int
    then_login: str = ""
    state: OrderState = OrderState.INTENT
    reason: str = ""
    ticket: str = ""
    fence: int = 0
    attempts: int = 0
    first_sent_at_us: int | None = None
    sent_at_us: int | None = None
    due_us: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the platform may still obey it."""
        return self.state in OPEN


OPEN: Final = frozenset(
    {OrderState.WAITING, OrderState.INTENT, OrderState.SENT, OrderState.UNCLEAR}
)


def token_of(source: str, ext_ref: str, side: Side) -> str:
    """Return the token of an order: 20 ASCII characters that follow from its cause.

    >>> token_of("payment", "4f1c", Side.IN)
    'CRMQ2NYPIZ5X6Z2Z5MEP'
    """
    content = msgspec.json.encode((source, ext_ref, side))
    body = base64.b32encode(hashlib.sha256(content).digest()[:_TOKEN_BYTES]).decode()
    return f"{MARK}{body}{_check_of(body)}"


def is_token(comment: str) -> bool:
    """Whether a comment is a token of ours, and was not mistyped."""
    body, check = comment[len(MARK) : -1], comment[-1:]
    whole = len(body) * 5 == _TOKEN_BYTES * 8 and set(body) <= set(_LETTERS)
    return comment.startswith(MARK) and whole and check == _check_of(body)


def asked(order: PlatformOrder) -> BalanceOrder:
    """Return what the platform is told."""
    return BalanceOrder(
        login=order.login,
        side=order.side,
        what=order.what,
        amount_minor=order.amount_minor,
        currency=order.currency,
        comment=order.token,
    )


def sending(order: PlatformOrder, now_us: int, fence: int, quarantine_us: int) -> PlatformOrder:
    """Return an order that is sent now, and looked for after the quarantine."""
    waits = min(order.attempts + 1, _MOST_WAITS)
    return msgspec.structs.replace(
        order,
        state=OrderState.SENT,
        fence=fence,
        attempts=order.attempts + 1,
        first_sent_at_us=order.first_sent_at_us or now_us,
        sent_at_us=now_us,
        due_us=now_us + waits * quarantine_us,
    )


def confirmed(order: PlatformOrder, ticket: str) -> PlatformOrder:
    """Return an order that the platform has obeyed."""
    return msgspec.structs.replace(
        order, state=OrderState.CONFIRMED, ticket=ticket, due_us=None, reason=""
    )


def rejected(order: PlatformOrder, reason: str) -> PlatformOrder:
    """Return an order that the platform will never obey."""
    return msgspec.structs.replace(order, state=OrderState.REJECTED, reason=reason, due_us=None)


def found_among(order: PlatformOrder, deals: Sequence[BalanceDeal]) -> PlatformOrder | None:
    """Return how an order ended according to the platform's bookings, None if it is not there."""
    ours = [deal for deal in deals if deal.comment == order.token]
    if not ours:
        return None
    odd = [deal for deal in ours if not _is_of(deal, order)]
    if odd:
        return msgspec.structs.replace(
            order,
            state=OrderState.UNCLEAR,
            due_us=None,
            ticket=odd[0].ticket,
            reason=f"deal {odd[0].ticket} of the platform has this token and is something else",
        )
    first = min(ours, key=lambda deal: (deal.at_us, deal.ticket))
    return confirmed(order, first.ticket)


def reservation(order: PlatformOrder) -> Transfer | None:
    """Return what is reserved while an order is under way: the money that is to go in."""
    if order.side is Side.IN and order.what is What.BALANCE and order.source != CORRECTION:
        return _transfer(order, order.created_at_us, Flow.PENDING)
    return None


def ending(order: PlatformOrder, at_us: int) -> list[Transfer]:
    """Return what the end of an order moves."""
    reserved = reservation(order)
    if order.source == CORRECTION:
        return []
    match order.state:
        case OrderState.CONFIRMED if reserved is not None:
            return [post_of(reserved, at_us)]
        case OrderState.CONFIRMED:
            return [_transfer(order, at_us, Flow.POSTED)]
        case OrderState.REJECTED if reserved is not None:
            return [void_of(reserved, at_us)]
        case OrderState.REJECTED:
            return []
        case OrderState.WAITING | OrderState.INTENT | OrderState.SENT | OrderState.UNCLEAR:
            return []
        case _ as never:
            assert_never(never)


def _transfer(order: PlatformOrder, at_us: int, flow: Flow) -> Transfer:
    giver, taker = _accounts(order)
    debit, credit = (giver, taker) if order.side is Side.IN else (taker, giver)
    return Transfer(
        debit=debit,
        credit=credit,
        amount_minor=order.amount_minor,
        source="platform",
        ext_ref=order.token,
        code=f"{order.what}_{order.side}",
        at_us=at_us,
        flow=flow,
    )


def _accounts(order: PlatformOrder) -> tuple[Account, Account]:
    if order.what is What.BALANCE:
        return wallet(order.client_id, order.currency), on_platform(order.login, order.currency)
    lent = Account(kind=AccountKind.PLATFORM_CREDIT, owner=order.login, currency=order.currency)
    return of_house(AccountKind.BONUS_COST, order.currency), lent


def _is_of(deal: BalanceDeal, order: PlatformOrder) -> bool:
    names = ("login", "side", "what", "amount_minor", "currency")
    return all(getattr(deal, name) == getattr(order, name) for name in names)


def _check_of(body: str) -> str:
    number = 0
    for letter in body:
        number = number * len(_LETTERS) + _LETTERS.find(letter)
    return _CHECKS[number % _MODULUS]
