"""A market with clients of known flow, for the clients screen: a picker, a coin, a novice, a whale.

The book is the scripted broker's, the scores are those of the real flow book, and what is ordered
is obeyed as a platform does it: each key once, and the engine hears of it as an event.
"""

import asyncio
import time

from bookrouting.policy import Caps, Policy
from dealing.commands.memory_store import MemoryCommandStore
from dealing.commands.reassigning import Reassignments
from dealing.commands.rules import ApprovalRule
from dealing.flow.live import begun
from dealing.flow.terms import RoutingTerms
from exposure.errors import DisconnectedError
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    EventBatch,
    QuoteReceived,
)
from feeds.platform_commands import CommandAnswer
from tests.desk.scripted_book import EngineQueries, ScriptedBook

SECOND = 1_000_000_000
ROUNDS = 41
MOVE = 0.0004
HALF_SPREAD = 0.00005
PICKER, COIN, NOVICE, WHALE = "PICKER", "COIN", "NOVICE", "WHALE"
LOGINS = {PICKER: "90001", COIN: "90002", NOVICE: "90003", WHALE: "90004"}
ROOMY = RoutingTerms(Policy("roomy", 1, caps=Caps(client_ratio=1.0)))
"""Nobody is too large a part of so small a book."""

RULE = ApprovalRule(above_usd=1e6, above_clients=5, within_ns=30 * 60 * SECOND)


class FlowMarket(ScriptedBook):
    """A scripted broker whose clients' flow is followed, and who obeys commands."""

    def __init__(self, accounts=30, positions=20, shadow=None):
        self.flow, self._quiet = begun(("USD", "EUR"), ROOMY, shadow), False
        super().__init__(accounts, positions)
        self.queries = FlowQueries(self)
        self.store = MemoryCommandStore()
        self.platform = ObedientPlatform(self)
        self.commands = Reassignments(
            self.store, self.platform, self.queries, RULE, time.time_ns, asyncio.sleep
        )
        self.apply(*(AccountChanged(self.now, known(name)) for name in LOGINS))
        for number in range(ROUNDS):
            self._round(number)
        self.apply(self._deal("whale", WHALE, "buy", 20.0))
        self._quiet = True

    def trade(self, count):
        """Let the others trade until the test begins: afterwards counts stand still."""
        if not self._quiet:
            super().trade(count)

    def next_deal(self, client):
        """Return one more deal of a client, to see to which book it goes."""
        return self._deal(f"next-{client}", client, "buy", 0.1)

    def _round(self, number):
        """The picker buys before each rise, the coin whatever comes, the novice twice in all."""
        rises = number % 2 == 0
        side = "buy" if number % 4 < 2 else "sell"
        self._euro(0.0)
        deals = [self._deal(f"coin-{number}", COIN, side, 0.1)]
        if rises:
            deals.append(self._deal(f"picker-{number}", PICKER, "buy", 0.1))
        if number < 2:
            deals.append(self._deal(f"novice-{number}", NOVICE, side, 0.1))
        self.apply(*deals)
        self._euro(0.5, MOVE if rises else -MOVE)
        for seconds in (1.5, 30.0, 28.0):
            self._euro(seconds)

    def _euro(self, seconds, change=0.0):
        self.now += int(seconds * SECOND)
        self.values["EUR"] += change
        mid = self.values["EUR"]
        self.apply(
            QuoteReceived(self.now, "EURUSD", mid - HALF_SPREAD, mid + HALF_SPREAD),
            ClockTicked(self.now),
        )

    def _deal(self, number, client, side, lots):
        price = self.values["EUR"] + (HALF_SPREAD if side == "buy" else -HALF_SPREAD)
        return DealExecuted(
            self.now, number, LOGINS[client], number, "EURUSD", side, "in", lots, price
        )

    def _apply(self, events):
        before = self.engine.position
        super()._apply(events)
        if events:
            self.flow.take(EventBatch(before + len(events), self.now, events))


class FlowQueries(EngineQueries):
    """What the desk asks, with the answers of a real flow book."""

    async def clients(self, asked):
        self._require()
        await self.book.flow.rank()
        return self.book.flow.found(asked)

    async def shadow(self):
        self._require()
        return self.book.flow.shadow and self.book.flow.shadow.told()

    async def client_card(self, client_id):
        self._require()
        return self.book.flow.card(client_id)


class ObedientPlatform:
    """A CommandGateway that obeys each key once, refuses what it is told to, or is away."""

    def __init__(self, market):
        self._market = market
        self._obeyed = {}
        self.refusals = {}
        self.away = False

    async def send(self, commands):
        if self.away:
            raise DisconnectedError("the platform does not answer: is it running?")
        return [self._answer(command) for command in commands]

    def _answer(self, command):
        if command.key not in self._obeyed:
            reason = self.refusals.get(command.login, "")
            self._obeyed[command.key] = CommandAnswer(command.key, not reason, reason)
            if not reason:
                self._market.apply(
                    BookAssigned(
                        self._market.now, command.login, command.book, command.hedge_ratio,
                        command.symbol, command.move_open,
                    )
                )  # fmt: skip
        return self._obeyed[command.key]


def known(client):
    return Account(
        login=LOGINS[client], client_id=client, currency="USD", balance=1e6, leverage=100.0,
        book=Book.B,
    )  # fmt: skip
