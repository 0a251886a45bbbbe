"""A small house for tests of commands: a real engine, a platform that can be away, a clock in hand.

The platform obeys as the real one does: by the real rules, each key once, and its events reach the
engine, unless a test holds them back.
"""

from dealing.commands.memory_store import MemoryCommandStore
from dealing.commands.model import ReassignBook, UndoCommand
from dealing.commands.reassigning import Decision, Reassignments
from dealing.commands.rules import ApprovalRule
from exposure.errors import DisconnectedError
from exposure.model.books import Book
from exposure.model.events import BookAssigned, DealExecuted, QuoteReceived
from feeds.platform_commands import CommandAnswer
from tests.exposure.builders import Desk, account, instrument

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_768_305_600 * SECOND
RULE = ApprovalRule(above_usd=1_000_000.0, above_clients=2, within_ns=30 * MINUTE)


def reassign(key="move-1", logins=("1",), **changes):
    """Move logins to book A, unless ``changes`` say otherwise."""
    fields = {"actor": "dealer", "reason": "picks stale quotes", "book": "A", **changes}
    return ReassignBook(key=key, logins=tuple(logins), **fields)


def undo(command="move-1", key="undo-1", **changes):
    fields = {"actor": "dealer", "reason": "it was a mistake", **changes}
    return UndoCommand(key=key, command=command, **fields)


def approve(actor="second", reason="seen it"):
    return Decision(actor, approve=True, reason=reason)


def reject(actor="second", reason="not proven"):
    return Decision(actor, approve=False, reason=reason)


class SmallHouse:
    """Six accounts of four clients: 1, 2 (C1), 3 (C2), 4 (C3, large), 5 (C4), 6 (C5)."""

    def __init__(self, store=None):
        self.now = START
        self.store = MemoryCommandStore() if store is None else store
        self.obeyed = {}
        self.sent = []
        self.away = self.lost_answers = self.slow = False
        self.refusals = {}
        accounts = [
            account("1", client_id="C1", book=Book.B),
            account("2", client_id="C1", book=Book.C, hedge_ratio=0.4),
            account("3", client_id="C2", book=Book.A),
            account("4", client_id="C3", book=Book.B, balance=1e6),
            account("5", client_id="C4", book=Book.B),
            account("6", client_id="C5", book=Book.B),
        ]
        self.engine = Desk([instrument("EURUSD"), instrument("GBPUSD")], accounts)
        self.engine.feed(QuoteReceived(1, "EURUSD", 1.1, 1.1))
        self.trade("1", 1.0)
        self.trade("4", 20.0)
        self.commands = self.started()

    def started(self):
        """The use case of a process that starts now."""
        return Reassignments(self.store, self, self, RULE, lambda: self.now, self._pause)

    def trade(self, login, lots, symbol="EURUSD"):
        number = f"d{self.engine.engine.position}"
        self.engine.feed(DealExecuted(2, number, login, number, symbol, "buy", "in", lots, 1.1))

    def place(self, login="1", symbol=""):
        (books,) = self.engine.engine.books_of([login], [])
        place = books.of_symbol(symbol)
        return place.book, place.partial

    def actions(self):
        return [row.entry.action for row in self.store.audit_rows()]

    async def books_of(self, logins, clients):
        return self.engine.engine.books_of(logins, clients)

    async def send(self, commands):
        if self.away:
            raise DisconnectedError("nobody answers: is the platform running?")
        answers = [self._answer(command) for command in commands]
        if self.lost_answers:
            raise DisconnectedError("the platform went away")
        return answers

    def _answer(self, command):
        self.sent.append(command.key)
        if command.key not in self.obeyed:
            reason = self.refusals.get(command.login, "")
            self.obeyed[command.key] = CommandAnswer(command.key, not reason, reason)
            if not reason:
                self._happen(command)
        return self.obeyed[command.key]

    def _happen(self, command):
        event = BookAssigned(
            self.now, command.login, command.book, command.hedge_ratio, command.symbol,
            command.move_open,
        )  # fmt: skip
        if self.slow:
            self.late = event
        else:
            self.engine.feed(event)

    async def _pause(self, _):
        if self.slow:  # the engine catches up while it is waited for
            self.slow = False
            self.engine.feed(self.late)
