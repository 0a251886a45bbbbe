"""A small alerts process: cases in memory, acts as the case book does them, and what it is told."""

import asyncio
import socket
import threading
from contextlib import contextmanager

import msgspec
import uvicorn

from dealing.alerts.acts import do
from dealing.alerts.api import alerts_app, case_routes
from dealing.alerts.delivery_health import DeliveryHealth
from dealing.alerts.drafts import Draft
from dealing.alerts.errors import UnknownCaseError
from dealing.alerts.handover import HouseFacts, Temporary
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import (
    Action,
    Case,
    CaseChange,
    CaseState,
    Entry,
    EntryKind,
    Fact,
    Member,
    Offer,
    Severity,
)
from dealing.alerts.policy import AlertPolicy, RulePolicy
from dealing.alerts.service import AlertService, Health
from dealing.alerts.sources.registry import RULES
from exposure.errors import DomainError

START_US = 1_790_000_000_000_000
MINUTE_US = 60_000_000


def a_case(number=1, **fields):
    """Return a case of a hard limit, opened at the start, unless fields say otherwise."""
    subject = fields.pop("subject", "XAUUSD")
    given = {
        "number": number, "rule": "limit_hard", "dedupe_key": f"limit_hard|{subject}|{number}",
        "title": "Hard limit", "severity": Severity.CRITICAL, "state": CaseState.OPEN,
        "team": "risk", "opened_us": START_US, "last_us": START_US,
        "happened_at_ns": START_US * 1_000, "at_stake_usd": 1_250_000.0, "worst_usd": 1_400_000.0,
        "headline": f"{subject} house net is 32.1 M USD of 25 M", "advice": "Hedge 12.5 lots",
        "symbol": subject, "facts": (Fact("House net", "32.1 M USD"),),
        "offers": (Offer(action=Action.HEDGE, symbol=subject),),
    } | fields  # fmt: skip
    member = Member(
        subject=subject, severity=given["severity"], value=1.28,
        at_stake_usd=given["at_stake_usd"], headline=given["headline"], first_us=given["opened_us"],
        last_us=given["last_us"], active=True,
    )  # fmt: skip
    return Case(**({"members": (member,)} | given))


class FakeActs:
    """What the alerts process knows and does, in memory; ``failing`` is what it raises."""

    def __init__(self, store, now_us):
        self.store, self.now_us = store, now_us
        self.open = {}
        self.held_mutes = {}
        self.channels = [working("slack")]
        self.troubles = []
        self.noted = []
        self.failing = None
        self.done = 0
        self.facts = HouseFacts(
            exposure=(Fact("House net", "12.4 M USD"), Fact("XAUUSD", "32.1 M of 25 M USD")),
            pnl=(Fact("Today", "+184 k USD"),),
            health=(Fact("LP1", "rejects 3 of 40"),),
        )
        figures = {"fires_at": 1.0, "clears_at": 0.9, "warning_usd": 1e5, "critical_usd": 1e6}
        self.in_force = AlertPolicy(
            name="standard",
            version=3,
            rules={words.name: RulePolicy(name=words.name, **figures) for words in RULES},
        )

    def add(self, *cases):
        """Let cases begin."""
        for case in cases:
            entry = Entry(
                number=case.number, at_us=case.opened_us, kind=EntryKind.OPENED, text=case.headline
            )
            self._take(CaseChange(case=case, entries=(entry,), tell=True))

    def open_cases(self):
        return list(self.open.values())

    def mutes(self):
        return [mute for mute in self.held_mutes.values() if mute.until_us > self.now_us()]

    def health(self):
        return Health(channels=tuple(self.channels), problems=tuple(self.troubles))

    def policy(self):
        return self.in_force

    async def act(self, act):
        self._check()
        case = self.open.get(act.number) or self.store.case(act.number)
        if case is None:
            raise UnknownCaseError(act.number)
        draft = Draft(case, self.now_us())
        do(draft, act)
        self.done += 1
        draft.set(version=case.version + 1, last_us=self.now_us())
        self._take(draft.change(tell=True))
        return draft.case

    async def mute(self, mute):
        self._check()
        self.held_mutes[mute.mute_id] = mute

    async def unmute(self, mute_id, actor):
        self._check()
        if mute_id not in self.held_mutes:
            raise DomainError("there is no such mute: it may have ended")
        self.held_mutes.pop(mute_id)

    async def house(self):
        ends = self.now_us() + 600 * MINUTE_US
        override = Temporary(what="client C9 to book A", actor="Ben", until_us=ends)
        return msgspec.structs.replace(self.facts, temporary=(override,))

    def handed_over_us(self):
        return self.noted[-1][0].until_us if self.noted else None

    async def hand_over(self, note, text, actor):
        self._check()
        self.noted.append((note, text, actor))
        return [channel.channel for channel in self.channels]

    def _take(self, change):
        self.store.keep([change], {}, [["slack"]])
        self.open[change.case.number] = change.case
        if change.case.state is CaseState.RESOLVED:
            del self.open[change.case.number]

    def _check(self):
        if self.failing is not None:
            raise self.failing


def working(name, **fields):
    """Return how a channel does that works, unless fields say otherwise."""
    given = {
        "channel": name, "waiting": 0, "oldest_s": None, "failing_since_us": None, "failures": 0,
        "needs_mending": False, "last_error": "", "last_told_us": START_US, "messages": 5,
        "summaries": 0, "event_delays": None, "wait_delays": None,
    }  # fmt: skip
    return DeliveryHealth(**given | fields)


class SmallAlerts:
    """The service over a fake process, and its HTTP interface."""

    def __init__(self, now_us=None):
        self.at_us = START_US
        self.store = MemoryAlertStore()
        self.now_us = now_us or (lambda: self.at_us)
        self.acts = FakeActs(self.store, self.now_us)
        names = iter(f"mute-{number}" for number in range(1, 1_000))
        self.service = AlertService(self.store, self.acts, self.now_us, lambda: next(names))
        self.routes = case_routes(self.service)
        self.app = alerts_app(self.service)

    def later(self, minutes):
        """Let time pass."""
        self.at_us += minutes * MINUTE_US


@contextmanager
def listening(app, path):
    """Serve an application on a Unix socket while the block runs."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        path.unlink()
