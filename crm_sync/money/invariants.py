"""What must be true of the money at every moment; what is not is returned, sentence by sentence.

Everything is computed anew from transfers, so a balance that was changed behind the ledger's back
is found, and so is a transfer without a cause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from crm_sync.money.ledger import CLIENT_KINDS, Account, Balance, Change, Flow
from crm_sync.money.ledger_store import POSTED
from crm_sync.money.payments import Stage
from crm_sync.money.platform_orders import CORRECTION, OPEN, OrderState
from crm_sync.money.tables import (
    LEDGER_ACCOUNTS,
    LEDGER_CONVERSIONS,
    LEDGER_TRANSFERS,
    PAYMENTS,
    PAYOUTS,
    PLATFORM_ORDERS,
)
from crm_sync.money.withdrawals import PayoutState
from crm_sync.schema import AUDIT_LOG

SHOWN: Final = 20
"""How many violations of one rule are named; more would not help."""

_T: Final = LEDGER_TRANSFERS.c
_OTHER: Final = aliased(LEDGER_TRANSFERS)
_ENDING: Final = aliased(LEDGER_TRANSFERS)
_OPEN: Final = and_(_T.flow == Flow.PENDING, ~exists().where(_ENDING.c.pending_id == _T.id))


class Books(NamedTuple):
    """What is looked at: all balances as they are kept and as transfers make them, and the time."""

    kept: dict[str, Balance]
    rebuilt: dict[str, Balance]
    now_us: int

    def sums(self, *, of_clients: bool) -> dict[str, int]:
        """Return what clients, or the house, are owed by currency; wallets as they are kept."""
        sums: dict[str, int] = {}
        for key, balance in {**self.rebuilt, **self.kept}.items():
            account = Account.of_key(key)
            if (account.kind in CLIENT_KINDS) == of_clients:
                sums[account.currency] = sums.get(account.currency, 0) + balance.posted_minor
        return sums


Rule = Callable[[Connection, Books], Iterator[str]]


def broken(connection: Connection, now_us: int) -> list[str]:
    """Return a sentence for everything that is wrong; empty if nothing is."""
    books = books_of(connection, now_us)
    return [sentence for rule in RULES for sentence in rule(connection, books)]


def books_of(connection: Connection, now_us: int) -> Books:
    """Return all balances, kept and rebuilt."""
    return Books(_kept(connection), rebuilt(connection), now_us)


def rebuilt(connection: Connection) -> dict[str, Balance]:
    """Return the balance of every account as its transfers make it."""
    found: dict[str, Balance] = {}
    for side in ("debit", "credit"):
        for rule, suffix in ((_T.flow.in_(POSTED), "posted"), (_OPEN, "pending")):
            column = _T[side]
            sums = select(column, func.sum(_T.amount_minor)).where(rule).group_by(column)
            for key, amount in connection.execute(sums):
                change = Change(**{f"{side}s_{suffix}": int(amount)})
                found[key] = found.get(key, Balance()).plus(change)
    return found


def _balances_are_the_sums(_: Connection, books: Books) -> Iterator[str]:
    """Stored balances are what the transfers make them."""
    for key, balance in books.rebuilt.items():
        if Account.of_key(key).no_overdraft and books.kept.get(key) != balance:
            yield f"account {key} has another balance than its transfers make"
    for key, balance in books.kept.items():
        if balance != Balance() and key not in books.rebuilt:
            yield f"account {key} has a balance and no transfers"


def _nothing_is_overdrawn(_: Connection, books: Books) -> Iterator[str]:
    """Wallets and holds are never below zero."""
    for key, balance in books.rebuilt.items():
        if Account.of_key(key).no_overdraft and balance.available_minor < 0:
            yield f"account {key} is overdrawn by {-balance.available_minor}"


def _both_sides_are_equal(_: Connection, books: Books) -> Iterator[str]:
    """What clients are owed is what the house has, in every currency."""
    house, clients = books.sums(of_clients=False), books.sums(of_clients=True)
    for currency in sorted(house.keys() | clients.keys()):
        difference = house.get(currency, 0) + clients.get(currency, 0)
        if difference:
            yield f"clients and house differ by {difference} minor units of {currency}"


def _transfers_stay_in_one_currency(connection: Connection, _: Books) -> Iterator[str]:
    """Both accounts of a transfer exist, in its currency."""
    for side in (_T.debit, _T.credit):
        joined = LEDGER_TRANSFERS.outerjoin(LEDGER_ACCOUNTS, LEDGER_ACCOUNTS.c.key == side)
        wrong = or_(LEDGER_ACCOUNTS.c.key.is_(None), LEDGER_ACCOUNTS.c.currency != _T.currency)
        asked = select(_T.id).select_from(joined).where(wrong)
        yield from _named(connection, asked, "transfer {} has an account of another currency")


def _every_transfer_has_its_audit_row(connection: Connection, _: Books) -> Iterator[str]:
    joined = LEDGER_TRANSFERS.outerjoin(AUDIT_LOG, AUDIT_LOG.c.seq == _T.audit_seq)
    asked = select(_T.id).select_from(joined).where(AUDIT_LOG.c.seq.is_(None))
    yield from _named(connection, asked, "transfer {} has no row in the audit log")


def _reservations_end_as_they_began(connection: Connection, _: Books) -> Iterator[str]:
    joined = LEDGER_TRANSFERS.outerjoin(_OTHER, _OTHER.c.id == _T.pending_id)
    same = and_(
        _OTHER.c.flow == Flow.PENDING,
        _OTHER.c.debit == _T.debit,
        _OTHER.c.credit == _T.credit,
        _OTHER.c.amount_minor >= _T.amount_minor,
    )
    ends = _T.pending_id.is_not(None)
    wrong = and_(ends, or_(_OTHER.c.id.is_(None), ~same))
    asked = select(_T.id).select_from(joined).where(wrong)
    yield from _named(connection, asked, "transfer {} ends a reservation that it does not fit")


def _no_reservation_is_older_than_its_time(connection: Connection, books: Books) -> Iterator[str]:
    asked = select(_T.id).where(_OPEN, _T.timeout_us <= books.now_us)
    yield from _named(connection, asked, "reservation {} has timed out and is still open")


def _every_capture_was_posted_once(connection: Connection, _: Books) -> Iterator[str]:
    capture = and_(
        _T.source == "payment",
        _T.code == "capture",
        _T.ext_ref == PAYMENTS.c.id,
        _T.amount_minor == PAYMENTS.c.amount_minor,
    )
    posted = exists().where(capture)
    captured = PAYMENTS.c.stage == Stage.CAPTURED
    asked = select(PAYMENTS.c.id).where(or_(and_(captured, ~posted), and_(~captured, posted)))
    yield from _named(connection, asked, "payment {} and its transfer differ")
    orphan = and_(_T.code == "capture", ~exists().where(PAYMENTS.c.id == _T.ext_ref))
    yield from _named(connection, select(_T.id).where(orphan), "transfer {} is of no payment")


def _orders_hold_what_they_move(connection: Connection, _: Books) -> Iterator[str]:
    """An order that is under way reserves its money; one that has ended has moved it, or not."""
    orders = PLATFORM_ORDERS.c
    mine = and_(_T.source == "platform", _T.ext_ref == orders.token)
    reserved = exists().where(mine, _OPEN)
    posted = exists().where(mine, _T.flow.in_(POSTED), _T.amount_minor == orders.amount_minor)
    takes = and_(orders.side == "in", orders.what == "balance")
    under_way = orders.state.in_(OPEN)
    wrong = or_(
        and_(under_way, takes, ~reserved),
        and_(~under_way, reserved),
        (orders.state == OrderState.CONFIRMED) != posted,
    )
    moves = orders.source != CORRECTION
    wrong = or_(and_(moves, wrong), and_(~moves, exists().where(mine)))
    yield from _named(connection, select(orders.token).where(wrong), "order {} and ledger differ")


def _payouts_hold_what_they_pay(connection: Connection, _: Books) -> Iterator[str]:
    """A payout that is under way holds its money; a paid one has moved it."""
    payouts = PAYOUTS.c
    mine = and_(_T.source == "payout", _T.ext_ref == payouts.id)
    held = exists().where(mine, _OPEN, _T.amount_minor == payouts.amount_minor)
    posted = exists().where(mine, _T.code == "payout.post")
    under_way = payouts.state.in_((PayoutState.HELD, PayoutState.SENT, PayoutState.PENDING))
    paid = payouts.state.in_((PayoutState.PAID, PayoutState.RETURNED))
    wrong = or_(under_way != held, paid != posted)
    yield from _named(connection, select(payouts.id).where(wrong), "payout {} and ledger differ")


def _conversions_have_two_legs(connection: Connection, _: Books) -> Iterator[str]:
    for leg in (LEDGER_CONVERSIONS.c.sold_id, LEDGER_CONVERSIONS.c.bought_id):
        asked = select(LEDGER_CONVERSIONS.c.id).where(~exists().where(_T.id == leg))
        yield from _named(connection, asked, "conversion {} lacks a leg")
    legs = select(LEDGER_CONVERSIONS.c.sold_id).union(select(LEDGER_CONVERSIONS.c.bought_id))
    alone = and_(_T.code.like("conversion_%"), _T.id.not_in(legs))
    yield from _named(connection, select(_T.id).where(alone), "transfer {} lacks its conversion")


RULES: Final[tuple[Rule, ...]] = (
    _balances_are_the_sums,
    _nothing_is_overdrawn,
    _both_sides_are_equal,
    _transfers_stay_in_one_currency,
    _every_transfer_has_its_audit_row,
    _reservations_end_as_they_began,
    _no_reservation_is_older_than_its_time,
    _every_capture_was_posted_once,
    _orders_hold_what_they_move,
    _payouts_hold_what_they_pay,
    _conversions_have_two_legs,
)


def _kept(connection: Connection) -> dict[str, Balance]:
    columns = LEDGER_ACCOUNTS.c
    names = Balance.__struct_fields__
    asked = select(columns.key, *(columns[name] for name in names))
    kept = connection.execute(asked.where(columns.no_overdraft == 1))
    return {row.key: Balance(**{name: row._asdict()[name] for name in names}) for row in kept}


def _named(connection: Connection, asked: Select[Any], sentence: str) -> Iterator[str]:
    for name in connection.scalars(asked.limit(SHOWN)):
        yield sentence.format(name)
