"""What a desk may ask a platform to do, and what the platform answers.

The platform is the truth about books and it sends the orders to the providers; so a command goes to
it and comes back as events in its log. Every command has a key: the platform obeys a key once, for
ever, and answers whoever repeats it as it answered the first time.
"""

from __future__ import annotations

import math
import re
from typing import Final, assert_never

import msgspec

from exposure.model.accounts import BalanceKind
from exposure.model.books import Book
from exposure.model.deals import Side

MOST_COMMANDS: Final = 10_000
"""How many commands one message may hold."""

LONGEST_COMMENT: Final = 31
"""Characters of a deal's comment, as many as MetaTrader 5 keeps."""

WITHDRAWN: Final = "it was withdrawn before it arrived"

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{3,95}")


class AssignBook(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Send new deals of a login, or of one symbol of it, to a book.

    Without ``hedge_ratio`` the last one stays. ``move_open`` takes open positions along.
    """

    key: str
    login: str
    book: str
    hedge_ratio: float | None = None
    symbol: str = ""
    move_open: bool = False


class SendHedgeOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Send a market order of the house to a provider; lots are positive."""

    key: str
    lp: str
    symbol: str
    side: str
    lots: float


class SetBridge(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let the platform's bridge hedge a symbol by itself, or leave it to the desk.

    The bridge covers what the books mean to hedge. While it is on, orders of the desk stand beside
    it; when it is put on again, what the desk holds counts as its own.
    """

    key: str
    symbol: str
    on: bool


class ChangeBalance(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Book money into an account, or out of it where ``amount`` is below zero.

    ``comment`` is kept with the deal and is how whoever sent it finds it again; ``kind`` is a
    BalanceKind. Units: account currency.
    """

    key: str
    login: str
    kind: str
    amount: float
    comment: str = ""


class SetTradingMode(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let an account only close what it holds, or trade again."""

    key: str
    login: str
    close_only: bool


class BalanceDeal(msgspec.Struct, frozen=True, kw_only=True):
    """A balance operation that the platform booked for a desk.

    Units: ``at`` market time, ns UTC; ``amount`` signed, account currency.
    """

    deal_id: str
    login: str
    kind: str
    amount: float
    comment: str
    at: int


class WithdrawOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Use up the key of an order that may never have arrived, so that it never will be obeyed.

    The answer is always a refusal: WITHDRAWN where the key was new, another one where the order was
    there first. Then it stands, and sending it again tells what became of it.
    """

    key: str


PlatformCommand = (
    AssignBook | SendHedgeOrder | SetBridge | ChangeBalance | SetTradingMode | WithdrawOrder
)


class CommandAnswer(msgspec.Struct, frozen=True):
    """Whether the platform obeys a key; ``reason`` says why not."""

    key: str
    accepted: bool
    reason: str = ""


def problem_of(command: PlatformCommand) -> str:
    """Return what is wrong with a command whatever the platform, "" if nothing is."""
    if not _KEY.fullmatch(command.key):
        return "a key has 4 to 96 letters, digits or . _ : - and begins with a letter or digit"
    match command:
        case AssignBook():
            return _problem_of_assignment(command)
        case SendHedgeOrder():
            return _problem_of_order(command)
        case ChangeBalance():
            return _problem_of_balance(command)
        case SetBridge() | SetTradingMode():
            return ""
        case WithdrawOrder():
            return WITHDRAWN
        case _:
            assert_never(command)


def _problem_of_assignment(command: AssignBook) -> str:
    ratio = command.hedge_ratio
    if command.book not in set(Book):
        return f"book must be A, B or C, was '{command.book}'"
    if ratio is not None and not 0.0 <= ratio <= 1.0:
        return f"hedge_ratio must be between 0 and 1, was {ratio}"
    return ""


def _problem_of_balance(command: ChangeBalance) -> str:
    if command.kind not in set(BalanceKind):
        return f"'{command.kind}' is no kind of balance operation"
    if not math.isfinite(command.amount) or command.amount == 0.0:
        return f"amount must be a number other than 0, was {command.amount}"
    if len(command.comment) > LONGEST_COMMENT or not command.comment.isascii():
        return f"a comment has at most {LONGEST_COMMENT} ASCII characters"
    return ""


def _problem_of_order(command: SendHedgeOrder) -> str:
    if command.side not in set(Side):
        return f"side must be buy or sell, was '{command.side}'"
    if not (math.isfinite(command.lots) and command.lots > 0.0):
        return f"lots must be a number above 0, was {command.lots}"
    return ""
