"""A command from the request to its end, as it is kept.

A command says who wants what and why. It may wait for a second person; it is sent to the platform
with a key of its own for every account, and its answers say what was done. What was there before is
kept with it, so that it can be put back.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from exposure.account_books import BookPlace
from feeds.platform_commands import AssignBook

HOUSE: Final = "plimsoll"
"""Who acts where no person does: when an override expires."""


class ReassignBook(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Send new deals of accounts to another book.

    ``logins`` and the logins of ``clients`` are meant, of one ``symbol`` or of all of them.
    ``move_open`` takes their open positions along. An override with ``expires_at_ns`` (wall clock,
    ns UTC) is put back by itself.
    """

    key: str
    actor: str
    reason: str
    book: str
    logins: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    symbol: str = ""
    hedge_ratio: float | None = None
    move_open: bool = False
    expires_at_ns: int | None = None


class UndoCommand(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Put back what was there before a command, unless something newer changed it."""

    key: str
    actor: str
    reason: str
    command: str


Request = ReassignBook | UndoCommand


class CommandState(StrEnum):
    """How far a command has come; the last five are ends."""

    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    PARTLY = "partly"
    REFUSED = "refused"
    REJECTED = "rejected"
    LAPSED = "lapsed"


OBEYED: Final = frozenset({CommandState.DONE, CommandState.PARTLY})


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One account, or one symbol of it, that goes to a book.

    ``before`` is where its deals went: first what the move replaces, then the exceptions by symbol
    that it ends. ``accepted`` is None until the platform has answered.
    """

    login: str
    client_id: str
    book: str
    hedge_ratio: float | None
    symbol: str
    move_open: bool
    before: tuple[BookPlace, ...]
    accepted: bool | None = None
    reason: str = ""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """What a second person decides about; ``decision`` is "" until then.

    Units: times are wall clock, ns UTC.
    """

    payload_hash: str
    requested_by: str
    requested_at_ns: int
    expires_at_ns: int
    decision: str = ""
    decided_by: str = ""
    decided_at_ns: int | None = None
    reason: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request, what it moves, and how far it has come.

    ``clients`` and ``gross_usd`` are its size: how many clients, and the absolute worth of what
    they hold; ``unpriced`` positions are not in the sum. ``expires_at_ns`` ends with the override.
    """

    request: Request
    via: str
    state: CommandState
    created_at_ns: int
    moves: tuple[Move, ...]
    clients: int
    gross_usd: float
    unpriced: int
    expires_at_ns: int | None = None
    answered_at_ns: int | None = None
    approval: Approval | None = None
    undone_by: str = ""

    @property
    def key(self) -> str:
        """What it is known by, for ever."""
        return self.request.key

    @property
    def undo_of(self) -> str:
        """The command that it puts back, "" if it puts back none."""
        return self.request.command if isinstance(self.request, UndoCommand) else ""

    @property
    def due_ns(self) -> int | None:
        """When something has to happen by itself, None if nothing has."""
        if self.state is CommandState.WAITING and self.approval is not None:
            return self.approval.expires_at_ns
        lasting = self.state in OBEYED and not self.undone_by
        return self.expires_at_ns if lasting else None

    @property
    def logins(self) -> list[str]:
        """The accounts that it moves, each once, in order."""
        return list(dict.fromkeys(move.login for move in self.moves))

    def orders(self) -> list[AssignBook]:
        """Return what the platform is asked, each with a key that follows from this one's."""
        return [
            AssignBook(
                key=f"{self.key}:{number}",
                login=move.login,
                book=move.book,
                hedge_ratio=move.hedge_ratio,
                symbol=move.symbol,
                move_open=move.move_open,
            )
            for number, move in enumerate(self.moves, 1)
        ]

    def payload_hash(self) -> str:
        """Return a digest of what would be done: a second person approves this and nothing else."""
        orders = msgspec.to_builtins([self.orders(), self.expires_at_ns])
        return hashlib.sha256(msgspec.json.encode(orders, order="deterministic")).hexdigest()
