"""The one place where cases change: looks come in, people act, time passes, and all of it is kept.

What changed is written in order, before the next look is taken: a look whose cases cannot be kept
is held until they can, so its cursors never run ahead. What people do while the database is away
counts at once and is written with the next that is; were the process to die before that, the case
would call again, which is the safe side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import structlog

from dealing.alerts.casebook import CaseBook
from dealing.alerts.errors import ActRefusedError
from dealing.alerts.model import (
    Act,
    Case,
    CaseChange,
    CaseState,
    Look,
    Mute,
    Press,
)
from dealing.alerts.policy import US_PER_S, AlertPolicy
from dealing.alerts.ports import AlertStore, CasesAsked
from dealing.alerts.routes import with_channels
from dealing.alerts.watching import Watch
from exposure.errors import StorageError

TICK_S: Final = 0.5
REMEMBERED_US: Final = 86_400 * US_PER_S
"""Cases that ended within so long are looked at when a process begins: a state that a person ended
may still hold."""

_MOST_REMEMBERED: Final = 5_000
_TRY_AGAIN_S: Final = 1.0

Pause = Callable[[float], Awaitable[None]]


class CaseRoom:
    """All cases of a run, for everybody who looks at them or does something about them."""

    def __init__(
        self,
        policy: AlertPolicy,
        store: AlertStore,
        channels: Collection[str],
        now_us: Callable[[], int],
        pause: Pause = asyncio.sleep,
    ) -> None:
        """Begin with what was kept.

        Args:
            policy: What decides.
            store: Where everything is kept.
            channels: Those that there are; routes may name others.
            now_us: The wall clock.
            pause: Waits so many seconds.

        Raises:
            StorageError: It cannot be read.
        """
        kept = store.begin()
        ended = CasesAsked(
            states=(CaseState.RESOLVED,),
            since_us=now_us() - REMEMBERED_US,
            limit=_MOST_REMEMBERED,
        )
        self.policy = with_channels(policy, channels)
        self.cursors = dict(kept.cursors)
        self.problem = ""
        self._store = store
        self._now_us = now_us
        self._pause = pause
        self._book = CaseBook(self.policy, kept, store.cases(ended))
        self._watch = Watch(self.policy, self._book.holding())
        self._unkept: list[CaseChange] = []
        self._turn = asyncio.Lock()
        self._news: list[asyncio.Event] = []
        self._log = structlog.get_logger()

    async def see(self, look: Look) -> None:
        """Take what a source saw; returns when what was made of it is kept."""
        async with self._turn:
            found = self._book.take(self._watch.look(look), self._now_us())
            new = {name: at for name, at in look.cursors.items() if self.cursors.get(name) != at}
            if not found and not new:
                return
            self._unkept += found
            self.cursors |= new
        while not await self._keep(new):
            await self._pause(_TRY_AGAIN_S)

    async def pass_time(self) -> None:
        """Do what is due by itself, and write what could not be written."""
        async with self._turn:
            self._unkept += self._book.tick(self._now_us())
        if self._unkept:
            await self._keep({})

    async def act(self, act: Act) -> Case:
        """Do something to a case and return it.

        Raises:
            DomainError: There is no such case, or it cannot be done to it.
            StorageError: It ended long ago and cannot be read.
        """
        kept = None
        if not self._book.holds(act.number):
            kept = await asyncio.to_thread(self._store.case, act.number)
        async with self._turn:
            change = self._book.act(act, self._now_us(), kept)
            self._unkept.append(change)
        await self._keep({})
        return change.case

    async def note_press(self, number: int, press: Press) -> None:
        """Write what came of a button into a case; one that ended long ago takes no more.

        Raises:
            DomainError: There is no such case.
        """
        if not self._book.holds(number):
            return
        async with self._turn:
            self._unkept.append(self._book.record(number, press, self._now_us()))
        await self._keep({})

    async def mute(self, mute: Mute) -> None:
        """Mute a rule or a subject of it.

        Raises:
            ActRefusedError: There is no such rule.
            StorageError: It cannot be kept, and is not in force.
        """
        await asyncio.to_thread(self._store.set_mute, mute)
        async with self._turn:
            self._unkept += self._book.set_mute(mute, self._now_us())
        await self._keep({})

    async def unmute(self, mute_id: str) -> None:
        """End a mute.

        Raises:
            ActRefusedError: There is none, or it has ended.
            StorageError: It cannot be kept, and goes on.
        """
        held = [mute for mute in self.mutes() if mute.mute_id == mute_id]
        if not held:
            raise ActRefusedError("there is no such mute: it may have ended by itself")
        (mute,) = held
        ended = Mute(
            mute_id=mute.mute_id, rule=mute.rule, subject=mute.subject, actor=mute.actor,
            reason=mute.reason, since_us=mute.since_us, until_us=self._now_us(),
        )  # fmt: skip
        await self.mute(ended)

    async def remember(self, name: str, value: str) -> None:
        """Keep a word under a name, as cursors are kept.

        Raises:
            StorageError: It cannot be kept.
        """
        await asyncio.to_thread(self._store.keep, [], {name: value}, [])
        self.cursors[name] = value

    def open_cases(self) -> list[Case]:
        """Return the cases that are not resolved."""
        return self._book.open_cases()

    def mutes(self) -> list[Mute]:
        """Return the mutes that have not expired."""
        return self._book.mutes(self._now_us())

    def news(self) -> asyncio.Event:
        """Return an event that is set whenever something was kept; whoever waits clears it."""
        event = asyncio.Event()
        self._news.append(event)
        return event

    async def _keep(self, cursors: dict[str, str]) -> bool:
        """Write everything that is not written yet; return whether that worked."""
        async with self._turn:
            changes = list(self._unkept)
            try:
                channels = [self._book.channels(change) for change in changes]
                await asyncio.to_thread(self._store.keep, changes, cursors, channels)
            except StorageError as e:
                if not self.problem:
                    self._log.error("alerts cannot be kept, tried again", reason=str(e))
                self.problem = f"alerts cannot be kept and reach no channel now: {e}"
                return False
            if self.problem:
                self._log.info("alerts are kept again", changes=len(changes))
            self.problem = ""
            del self._unkept[: len(changes)]
            for event in self._news:
                event.set()
            return True
