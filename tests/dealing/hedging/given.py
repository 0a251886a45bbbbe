"""A small house that hedges: a real engine, real files, and a platform that obeys each key once.

Everything that happens is in the platform's log. A test lets the platform be away, lose answers, or
hold fills back, and lets the engine's process die: the next one begins from log and files.
"""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import msgspec

from bookrouting.hedge_terms import HedgeMode, HedgeRules
from dealing.hedging.book import HedgeBook
from dealing.hedging.desk import HedgeDesk
from dealing.hedging.gateway import PlatformHedgeGateway
from dealing.hedging.keeping import HedgeFiles, remembered
from dealing.hedging.model import Hedges, HedgeSettings, SymbolRules
from dealing.hedging.news import ListedNews, NewsPauses
from dealing.hedging.ports import ListHedging
from dealing.server_day import ServerDay
from exposure.engine import ExposureEngine
from exposure.errors import DisconnectedError, StorageError
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    ClockTicked,
    DealExecuted,
    EventBatch,
    HedgeAnswered,
    HedgeExecuted,
    InstrumentDefined,
    QuoteReceived,
)
from feeds.command_log import CommandLog, CommandTaken
from feeds.platform_commands import SendHedgeOrder, SetBridge, problem_of
from tests.exposure.builders import account, instrument

S = 1_000_000_000
START = 1_768_305_600 * S
EURUSD = "EURUSD"
UTC_DAY = ServerDay(ZoneInfo("UTC"), 0)
RULES = HedgeRules(
    mode=HedgeMode.AUTOMATIC, band_lots=5.0, max_clip_lots=4.0, cool_down_ns=S, stale_after_ns=2 * S
)


def rules_of(hedges=Hedges.HOUSE_NET, rules=RULES, **changes):
    return SymbolRules(rules=rules, lp="LP1", hedges=hedges, stale_after_ns=2 * S, **changes)


class FullDisk:
    """Keeps nothing."""

    async def keep(self, _):
        raise StorageError("the disk is full: make room")


class HedgeHouse:
    """One account of book B (login 1) and one of book A (login 2); EURUSD is hedged."""

    def __init__(self, path, rules=None, news=(), spy=None):
        self.path, self.spy = path, spy
        self.settings = HedgeSettings(
            others=rules_of(rules=HedgeRules(band_lots=0.0)), symbols={EURUSD: rules or rules_of()}
        )
        self.news = news
        self.commands = CommandLog(path / "commands" / "taken.frames")
        self.log = []
        self.position = 0
        self.now = START
        self.on_its_way, self.executed, self.bridges, self.sent = [], [], [], []
        self.away = self.loses_answers = False
        self.is_live = True
        self.deals = 0
        self.names = iter(["first", *"abcdefghijklmnopqrstuvwxyz"])
        self.begin()
        terms = [
            InstrumentDefined(self.now, instrument(EURUSD)),
            AccountChanged(self.now, account("1", book=Book.B, balance=1e9)),
            AccountChanged(self.now, account("2", book=Book.A, balance=1e9)),
        ]
        self.happen(*terms)
        self.pass_time(0.0)

    # The process ------------------------------------------------------------------------------

    def begin(self, known_up_to=None):
        """Be a new process, whose engine knows the log up to a position."""
        self.engine = ExposureEngine()
        for batch in self.log:
            if known_up_to is None or batch.position <= known_up_to:
                self.engine.apply(batch)
        self.files = HedgeFiles(self.path / "hedging")
        memory = remembered(self.files, self.engine.position, lambda: next(self.names))
        news = NewsPauses(ListedNews(self.news))
        self.book = HedgeBook(self.engine, self.settings, memory, news, UTC_DAY)
        self.desk = HedgeDesk(self.book, self.files, PlatformHedgeGateway(self))
        self.desk._feed_is_live = lambda: self.is_live  # what ``run`` is told
        self.desk.recover(self)

    def replay(self, after):
        """Yield the journal's batches behind a position."""
        assert self.engine.position == self.position or not self.log
        return (batch for batch in self.log if batch.position > after)

    def hear(self, after):
        """Let the engine hear again what it has lost."""
        for batch in self.log:
            if batch.position > after:
                self.engine.apply(batch)
                self.desk.take(batch)

    # The market -------------------------------------------------------------------------------

    def happen(self, *events):
        """Let events happen at the platform, in one batch; the engine hears of them."""
        self.position += len(events)
        batch = EventBatch(self.position, 0, list(events))
        self.log.append(batch)
        self.engine.apply(batch)
        self.desk.take(batch)

    def pass_time(self, seconds, bid=1.1, ask=1.1002):
        """Let market time pass; there is a fresh price at its end."""
        self.now += round(seconds * S)
        self.happen(QuoteReceived(self.now, EURUSD, bid, ask), ClockTicked(self.now))

    def trade(self, lots, login="1"):
        """Let a client buy (+) or sell (-) lots."""
        self.deals += 1
        side = Side.BUY if lots > 0 else Side.SELL
        number = f"d{self.deals}"
        self.happen(
            DealExecuted(self.now, number, login, number, EURUSD, side.value, "in", abs(lots), 1.1)
        )

    def fill(self, lots=None, price=1.1002):
        """Let the provider answer the oldest order, filled whole unless ``lots`` says otherwise."""
        order = self.on_its_way.pop(0)
        lots = order.lots if lots is None else lots
        events = []
        if lots:
            assert order.key not in self.executed, "a key was executed twice"
            self.executed.append(order.key)
            events.append(
                HedgeExecuted(
                    self.now, f"{order.key}/1", order.lp, order.symbol, order.side, lots, price
                )
            )
        left = round(order.lots - lots, 8)
        reason = "rejected" if not lots else "filled in part" if left else ""
        self.happen(
            *events,
            HedgeAnswered(
                self.now, order.key, order.lp, order.symbol, order.side, lots, left, reason
            ),
        )

    @property
    def held(self):
        """What the house holds now, whole."""
        row = next(
            row for row in self.engine.snapshot().exposure.to_dicts() if row["symbol"] == EURUSD
        )
        return row["house_net_lots"]

    @property
    def state(self):
        return self.book.of(EURUSD).hedger

    # The platform's commands, a CommandGateway -------------------------------------------------

    async def send(self, commands):
        if self.spy is not None:
            self.spy(self, commands)
        if self.away:
            raise DisconnectedError("nobody answers: is the platform running?")
        answers = [self._taken(command) for command in commands]
        if self.loses_answers:
            raise DisconnectedError("the platform went away")
        return answers

    def _taken(self, command):
        self.sent.append(command)
        held = self.commands.answer_to(command)
        if held is not None:
            return held
        reason = problem_of(command)
        self.commands.take([CommandTaken(self.position, command, reason)])
        if not reason and isinstance(command, SendHedgeOrder):
            self.on_its_way.append(command)
        if not reason and isinstance(command, SetBridge):
            self.bridges.append(command.on)
        return self.commands.answer_to(command)

    # Steps ------------------------------------------------------------------------------------

    async def look(self):
        """Let the desk decide once, and what it sends arrive."""
        await self.desk.look()
        await asyncio.gather(*self.desk._sending.values())

    async def ready(self):
        """Put the bridge off and let its orders come back."""
        await self.look()
        self.pass_time(2.5)
        return self

    async def listed(self):
        rows = (await self.desk.asked(ListHedging()))["symbols"]
        return next(row for row in rows if row["symbol"] == EURUSD)


def with_mode(rules, mode):
    """Return rules with another mode."""
    return msgspec.structs.replace(rules, rules=msgspec.structs.replace(rules.rules, mode=mode))
