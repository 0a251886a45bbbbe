"""What money needs from its surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec
from sqlalchemy import Connection


class Side(StrEnum):
    """Whether money goes into a trading account or comes out of it."""

    IN = "in"
    OUT = "out"


class What(StrEnum):
    """What kind of money a platform is to book."""

    BALANCE = "balance"
    CREDIT = "credit"
    BONUS = "bonus"


class BalanceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One booking that a platform is asked for; ``comment`` is how it is found again."""

    login: str
    side: Side
    what: What
    amount_minor: int
    currency: str
    comment: str


class BalanceTicket(msgspec.Struct, frozen=True, kw_only=True):
    """The platform's own number of a booking that it made."""

    ticket: str


class NotBooked(msgspec.Struct, frozen=True, kw_only=True):
    """No ticket: the booking certainly was not made, or it may have been, or may be soon."""

    reason: str
    is_certain: bool


Booked = BalanceTicket | NotBooked
"""What became of a booking that was asked for."""


class BalanceDeal(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as the platform lists it."""

    ticket: str
    login: str
    side: Side
    what: What
    amount_minor: int
    currency: str
    comment: str
    at_us: int


class BalancePlatform(Protocol):
    """A trading platform's way to change balances. It does what it is told as often as told."""

    def change_balances(self, orders: Sequence[BalanceOrder]) -> list[Booked]:
        """Book each once more, and return what became of each, in the same order.

        No two are of one account. What cannot be told within a few seconds is not told any more.
        """
        ...

    def balance_deals(self, login: str, since_us: int, until_us: int) -> list[BalanceDeal]:
        """Return the bookings of an account between two times by the platform's clock.

        Raises PlatformUnknownError while nobody can say.
        """
        ...


class TradingAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a login is, on which platform, and in which currency."""

    login: str
    platform: str
    client_id: str
    currency: str


class TradingAccounts(Protocol):
    """Who knows trading accounts."""

    def account(self, connection: Connection, login: str) -> TradingAccount | None:
        """Return the account of a login, None where nobody knows it."""
        ...


class WithdrawalGate(Protocol):
    """Who knows whether a client may take money out: his identification, alerts about him."""

    def refusal(self, connection: Connection, client_id: str) -> str:
        """Return why he may not, "" if he may."""
        ...


class PayoutInstruction(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A provider is to pay a client; ``reference`` is ours, and the same however often it is told.

    ``payment_ref`` is the provider's id of the deposit that is returned, "" for a new destination.
    """

    reference: str
    provider: str
    client_id: str
    amount_minor: int
    currency: str
    method: str
    instrument: str
    payment_ref: str


class Tell(Protocol):
    """The outbox: what is put there in a transaction goes out if the transaction is kept."""

    def __call__(self, connection: Connection, message: PayoutInstruction) -> None:
        """Keep a message that has to go out."""
        ...
