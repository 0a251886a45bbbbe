"""A house in which buttons can be pressed: a store, somebody who works, and an audit log."""

import asyncio
import threading

from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import Action, Offer
from dealing.alerts.ports import Nonce
from dealing.alerts.pressing import DeskUser, Presser, Pressing, token_hash
from exposure.errors import StorageError

NOW_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000

USERS = {
    "U0ANNA": DeskUser("anna", frozenset({"dealer"})),
    "U0BO": DeskUser("bo", frozenset({"compliance"})),
    "U0CARL": DeskUser("carl", frozenset({"dealer", "risk"})),
}
ANNA, BO, CARL = (Presser(f"slack:{ident}", user) for ident, user in USERS.items())
STRANGER = Presser("slack:U0STRANGER", None)

BUTTONS = {
    "ack": Offer(action=Action.ACKNOWLEDGE),
    "snooze": Offer(action=Action.SNOOZE),
    "move": Offer(action=Action.MOVE_TO_A, client_id="C100023"),
    "hedge": Offer(action=Action.HEDGE, symbol="XAUUSD", within_usd=1e6),
    "approve": Offer(
        action=Action.APPROVE, client_id="C100023", command="alert-9", asked_by="Anna"
    ),
    "reject": Offer(action=Action.REJECT, client_id="C100023", command="alert-9", asked_by="Anna"),
}


class Work:
    """Deskwork that writes down what it did, or fails.

    Attributes:
        done: What was asked for.
        fails: Raised by whatever is asked for next.
        holds: An event that an acknowledgement waits for.
    """

    def __init__(self):
        self.done = []
        self.fails = None
        self.holds = None

    async def acknowledge(self, number, actor, note):
        if self.holds is not None:
            await asyncio.to_thread(self.holds.wait, 20)
        return self._do("A-17 is yours", "acknowledge", number, actor, note)

    async def snooze(self, number, actor, minutes):
        return self._do("A-17 rests for 30 min", "snooze", number, actor, minutes)

    async def move_to_a(self, _number, client_id, actor, reason, key):
        said = f"{client_id} waits for a second person"
        return self._do(said, "move_to_a", client_id, actor, reason, key)

    async def hedge(self, _number, offer, actor, reason, key):
        return self._do("buy 18 lots XAUUSD are ordered", "hedge", offer, actor, reason, key)

    async def decide(self, number, offer, actor, reason):
        return self._do("approved", "decide", number, offer, actor, reason)

    def _do(self, said, *what):
        if self.fails is not None:
            raise self.fails
        self.done.append(what)
        return said


class Audit:
    """An audit log in memory; it fails when it is told to, or after some rows."""

    def __init__(self):
        self.rows = []
        self.fails = False
        self.fails_after = None
        self._lock = threading.Lock()

    def record(self, actor, action, entity, reason, detail):
        with self._lock:
            if self.fails or self.fails_after == len(self.rows):
                raise StorageError("the audit log is away")
            self.rows.append((actor, action, entity, reason, dict(detail)))


class PressHouse:
    """Case A-17 with a button of each kind that last a quarter of an hour."""

    def __init__(self, store=None):
        self.now_us = NOW_US
        self.store = MemoryAlertStore() if store is None else store
        self.work = Work()
        self.audit = Audit()
        self.pressing = Pressing(self.store, self.work, self.audit, lambda: self.now_us)
        self.store.issue(
            [
                Nonce(
                    token_hash=token_hash(token),
                    number=17,
                    offer=offer,
                    channel="slack",
                    issued_us=self.now_us,
                    expires_us=self.now_us + 15 * MINUTE_US,
                )
                for token, offer in BUTTONS.items()
            ]
        )

    def press(self, token, who):
        return asyncio.run(self.pressing.press(token, who))
