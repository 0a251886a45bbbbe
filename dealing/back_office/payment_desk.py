"""Money that waits for people: withdrawals with the risk beside them, holds, deposits, orders."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection

from crm_sync.clients.accounts import accounts_of
from crm_sync.money import operations, overview, unclear_orders
from crm_sync.money.approvals import APPROVED, REJECTED, Decision
from crm_sync.money.ledger import Transfer
from crm_sync.money.operations import Operation, Sum
from crm_sync.money.overview import Waiting
from crm_sync.money.platform_order_store import open_orders
from crm_sync.money.platform_orders import PlatformOrder
from crm_sync.money.unclear_orders import Said
from crm_sync.money.withdrawal_store import payouts_of_withdrawal, withdrawal_of
from crm_sync.money.withdrawals import Destination, Payout, Withdrawal, WithdrawalRequest
from crm_sync.people import same_person
from crm_sync.reconcile.kept import checked_name, checked_reason
from dealing.back_office.live import LiveAccount, LiveAccounts
from dealing.back_office.rooms import PLATFORM, Rooms
from exposure.errors import DisconnectedError, DomainError
from exposure.model.ids import Currency
from exposure.model.money import Money, minor_digits

VIA: Final = "desk"
LISTED: Final = 100
RECENT: Final = 30
LONGEST_KEY: Final = 100
_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?", re.ASCII)

Made = TypeVar("Made")


class Who(NamedTuple):
    """Who asks for something, under which key of the page's own, and why."""

    key: str
    actor: str
    reason: str

    def checked(self) -> Who:
        """Return it with clean texts.

        Raises:
            DomainError: A name or a reason says nothing, or there is no key.
        """
        if not 0 < len(self.key) <= LONGEST_KEY or not self.key.isprintable():
            raise DomainError(f"a key has to have 1 to {LONGEST_KEY} visible characters")
        return Who(self.key, checked_name(self.actor), checked_reason(self.reason))


class Asked(NamedTuple):
    """A sum that somebody names; ``amount`` is a decimal text in whole units."""

    client_id: str
    amount: str
    currency: str

    def sum(self) -> Sum:
        """Return it in minor units; raises DomainError for what is no amount."""
        minor = minor_of(self.amount, self.currency)
        return Sum(client_id=self.client_id, amount_minor=minor, currency=self.currency)


class PaymentDesk:
    """The use cases behind the tab of payments."""

    def __init__(self, rooms: Rooms, live: LiveAccounts) -> None:
        """Take the rooms and who knows accounts as they stand."""
        self._rooms = rooms
        self._live = live

    async def queue(self) -> dict[str, Any]:
        """Return everything that waits, each withdrawal with its accounts as they stand.

        Raises:
            StorageError: The database cannot be used.
        """
        held = await asyncio.to_thread(self._held)
        wanted = sorted({login for one in held.logins.values() for login in one})
        known, engine = await self._known(wanted)
        return {
            "waiting": [_waiting_told(one, held, known) for one in held.waiting],
            "holds": [_hold_told(one) for one in held.holds],
            "deposits": [_deposit_told(one) for one in held.deposits],
            "orders": [order_told(one, held.said.get(one.token)) for one in held.orders],
            "frozen": [_freeze_told(one) for one in held.freezes],
            "engine": engine,
        }

    async def request(
        self, who: Who, asked: Asked, login: str = "", destination: Destination | None = None
    ) -> dict[str, Any]:
        """Ask for a withdrawal; the same key again returns the same.

        Raises:
            DomainError: It cannot be meant, or may not be.
            StorageError: It cannot be kept.
        """
        clean, wanted = who.checked(), asked.sum()

        def act(connection: Connection, now_us: int) -> Withdrawal:
            request = WithdrawalRequest(
                key=clean.key,
                client_id=wanted.client_id,
                amount_minor=wanted.amount_minor,
                currency=wanted.currency,
                destination=destination or _usual(connection, wanted),
                requested_by=clean.actor,
                via=VIA,
                login=login,
            )
            return self._rooms.withdrawals.request(connection, request, now_us)

        return withdrawal_told(await self._write(act))

    async def decide(self, withdrawal_id: str, who: Who, *, approve: bool) -> dict[str, Any]:
        """Approve or reject as a second person; the same answer again changes nothing.

        Raises as ``request``.
        """
        clean = who.checked()
        decision = Decision(actor=clean.actor, via=VIA, approve=approve, reason=clean.reason)

        def act(connection: Connection, now_us: int) -> Withdrawal:
            held = withdrawal_of(connection, withdrawal_id)
            if held is not None and _was_said(connection, withdrawal_id, decision):
                return held
            return self._rooms.withdrawals.decide(connection, withdrawal_id, decision, now_us)

        return withdrawal_told(await self._write(act))

    async def hold(self, who: Who, asked: Asked) -> dict[str, Any]:
        """Keep money of a client's wallet out of his reach; raises as ``request``."""
        wanted, operation = asked.sum(), _operation(who)
        placed = await self._write(
            lambda connection, now_us: operations.hold(connection, wanted, operation, now_us)
        )
        return _hold_told(placed)

    async def release(self, who: Who, hold_id: str) -> dict[str, Any]:
        """Give a hold back to the wallet; raises as ``request``."""
        operation = _operation(who)
        await self._write(
            lambda connection, now_us: operations.release(connection, hold_id, operation, now_us)
        )
        return {"hold": hold_id, "state": "released"}

    async def _write(self, act: Callable[[Connection, int], Made]) -> Made:
        return await asyncio.to_thread(self._written, act)

    def _written(self, act: Callable[[Connection, int], Made]) -> Made:
        with self._rooms.database.writing() as connection:
            return act(connection, self._rooms.now_us())

    async def _known(self, logins: Sequence[str]) -> tuple[Mapping[str, LiveAccount], str]:
        try:
            return await self._live.accounts(logins), ""
        except DisconnectedError as e:
            return {}, str(e)

    def _held(self) -> _Held:
        with self._rooms.database.reading() as connection:
            waiting = overview.waiting_withdrawals(connection, LISTED)
            clients = sorted({one.withdrawal.client_id for one in waiting})
            accounts = accounts_of(connection, clients)
            return _Held(
                waiting=waiting,
                payouts={
                    one.withdrawal.id: payouts_of_withdrawal(connection, one.withdrawal.id)
                    for one in waiting
                },
                logins={
                    one.withdrawal.id: [one.withdrawal.login]
                    if one.withdrawal.login
                    else [account.login for account in accounts[one.withdrawal.client_id]]
                    for one in waiting
                },
                holds=overview.holds(connection, LISTED),
                deposits=overview.deposits(connection, RECENT),
                orders=open_orders(connection, PLATFORM)[:LISTED],
                said={
                    one.token: one
                    for one in unclear_orders.waiting(connection, self._rooms.now_us(), LISTED)
                },
                freezes=overview.freezes(connection, LISTED),
            )


class _Held(NamedTuple):
    """What the database says at one moment; payouts and logins by withdrawal, words by order."""

    waiting: list[Waiting]
    payouts: dict[str, tuple[Payout, ...]]
    logins: dict[str, list[str]]
    holds: list[Transfer]
    deposits: list[overview.Deposit]
    orders: list[PlatformOrder]
    said: dict[str, Said]
    freezes: list[overview.Freeze]


def minor_of(amount: str, currency: str) -> int:
    """Return a decimal text in minor units.

    Raises:
        DomainError: It is no number, or has more decimals than the currency.
    """
    if not _AMOUNT.fullmatch(amount.strip()):
        raise DomainError("the amount has to be a number above 0, like 250.00")
    money = Money.of(amount.strip(), Currency(currency))
    if money.amount != Decimal(amount.strip()):
        digits = minor_digits(Currency(currency))
        raise DomainError(f"an amount of {currency} has at most {digits} decimals")
    return money.minor


def withdrawal_told(one: Withdrawal) -> dict[str, Any]:
    """Return a withdrawal for a page: times in epoch ms, amounts in minor units."""
    return {
        "id": one.id,
        "client_id": one.client_id,
        "login": one.login,
        **_money(one.amount_minor, one.currency),
        "provider": one.provider,
        "method": one.method,
        "requested_by": one.requested_by,
        "requested_at_ms": _ms(one.requested_at_us),
        "state": one.state.value,
        "reason": one.reason,
    }


def _usual(connection: Connection, wanted: Sum) -> Destination:
    """Return where a client's money came from last: what is left over goes there."""
    for one in overview.deposits(connection, RECENT, wanted.client_id):
        if one.currency == wanted.currency and one.stage.value == "captured":
            return Destination(one.provider, one.method, one.instrument)
    raise DomainError(
        f"client {wanted.client_id} has deposited no {wanted.currency}: say to which provider "
        "and by which method the money goes"
    )


def _was_said(connection: Connection, withdrawal_id: str, decision: Decision) -> bool:
    """Whether this very answer was taken before; its own answer was lost then."""
    by, word = overview.last_decision(connection, withdrawal_id)
    meant = APPROVED if decision.approve else REJECTED
    return word == meant and same_person(by, decision.actor)


def _operation(who: Who) -> Operation:
    clean = who.checked()
    return Operation(key=clean.key, actor=clean.actor, via=VIA, reason=clean.reason)


def _waiting_told(one: Waiting, held: _Held, known: Mapping[str, LiveAccount]) -> dict[str, Any]:
    mine = [known[login] for login in held.logins[one.withdrawal.id] if login in known]
    mine.sort(key=_riskiest_first)
    return {
        **withdrawal_told(one.withdrawal),
        "expires_at_ms": _ms(one.expires_at_us),
        "payouts": [
            {**_money(part.amount_minor, part.currency), "provider": part.provider,
             "method": part.method, "returns": bool(part.payment_ref)}
            for part in held.payouts[one.withdrawal.id]
        ],
        "accounts": msgspec.to_builtins(mine),
    }  # fmt: skip


def _riskiest_first(account: LiveAccount) -> float:
    level = account.level_percent
    return float("inf") if level is None else level


def _hold_told(one: Transfer) -> dict[str, Any]:
    return {
        "id": one.id,
        "client_id": one.debit.owner,
        **_money(one.amount_minor, one.currency),
        "at_ms": _ms(one.at_us),
        "until_ms": None if one.timeout_us is None else _ms(one.timeout_us),
    }


def _deposit_told(one: overview.Deposit) -> dict[str, Any]:
    return {
        "id": one.id,
        "client_id": one.client_id,
        "login": one.login,
        **_money(one.amount_minor, one.currency),
        "provider": one.provider,
        "method": one.method,
        "state": one.stage.value,
        "at_ms": _ms(one.updated_at_us),
    }


def order_told(one: PlatformOrder, said: Said | None = None) -> dict[str, Any]:
    """Return an order for a page, with what somebody said of it and another one decides about."""
    return {
        "token": one.token,
        "client_id": one.client_id,
        "login": one.login,
        "side": one.side.value,
        **_money(one.amount_minor, one.currency),
        "state": one.state.value,
        "reason": one.reason,
        "attempts": one.attempts,
        "at_ms": _ms(one.created_at_us),
        "said": None if said is None else {
            "verdict": said.verdict.value, "by": said.by, "expires_at_ms": _ms(said.expires_at_us),
        },
    }  # fmt: skip


def _freeze_told(one: overview.Freeze) -> dict[str, Any]:
    return {"client_id": one.client_id, "cause": one.cause, "at_ms": _ms(one.placed_at_us)}


def _money(amount_minor: int, currency: str) -> dict[str, Any]:
    digits = minor_digits(Currency(currency))
    return {"amount_minor": amount_minor, "digits": digits, "currency": currency}


def _ms(at_us: int) -> int:
    return at_us // 1_000
