"""What alerts do beyond cases: hand over a shift, grade rules, say how alerting itself does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from crm_sync.audit import AuditEntry, canonical
from dealing.alerts.delivering import Deliverer
from dealing.alerts.delivery_health import DeliveryHealth
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.handover import HandOver, HouseFacts, Temporary
from dealing.alerts.model import Act, Case, Fact, Mute
from dealing.alerts.policy import AlertPolicy
from dealing.alerts.ports import AlertSink, AlertStore
from dealing.alerts.room import CaseRoom
from dealing.alerts.service import Health
from dealing.alerts.sources.wording import facts, lots, usd
from dealing.commands.model import Command
from dealing.commands.ports import CommandStore
from dealing.components import ComponentState
from dealing.ports import SnapshotSource
from exposure.errors import StorageError

HANDED_OVER: Final = "handover"
NO_CHANNEL: Final = "no channel is set up: alerts are on this desk only"

_TOP: Final = 5
_MOST_COMMANDS: Final = 500
_NS_PER_US: Final = 1_000


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A sink and who brings it level."""

    sink: AlertSink
    deliverer: Deliverer


class DeskActs:
    """CaseActs of a running desk (service.py)."""

    def __init__(
        self,
        room: CaseRoom,
        store: AlertStore,
        commands: CommandStore,
        frames: SnapshotSource,
        channels: Sequence[Channel],
        problems: Callable[[], Sequence[str]],
        now_us: Callable[[], int],
    ) -> None:
        """Take everything that it connects; ``problems`` are those of sources."""
        self._room = room
        self._store = store
        self._commands = commands
        self._frames = frames
        self._channels = channels
        self._problems = problems
        self._now_us = now_us
        self._health: list[DeliveryHealth] = []

    def open_cases(self) -> Sequence[Case]:
        """Return all cases that are not resolved."""
        return self._room.open_cases()

    def mutes(self) -> Sequence[Mute]:
        """Return the mutes that have not expired."""
        return self._room.mutes()

    def policy(self) -> AlertPolicy:
        """Return the policy in force."""
        return self._room.policy

    def health(self) -> Health:
        """Return how channels and sources did when that was looked at last."""
        problems = [self._room.problem, *self._problems()]
        if not self._channels:
            problems.append(NO_CHANNEL)
        return Health(
            channels=tuple(self._health),
            problems=tuple(problem for problem in problems if problem),
        )

    async def look_after_channels(self) -> None:
        """Find out how channels do; while the store is away they are as they were."""
        try:
            self._health = [await one.deliverer.health() for one in self._channels]
        except StorageError:
            return

    async def act(self, act: Act) -> Case:
        """Do something to a case and return it; raises DomainError."""
        return await self._room.act(act)

    async def mute(self, mute: Mute) -> None:
        """Mute a rule or a subject of it; raises DomainError, StorageError."""
        subject = f" about {mute.subject}" if mute.subject else ""
        await self._record(
            mute.actor, "alert.mute", f"rule {mute.rule}{subject}", mute.reason, mute
        )
        await self._room.mute(mute)

    async def unmute(self, mute_id: str, actor: str) -> None:
        """End a mute; raises DomainError, StorageError."""
        await self._room.unmute(mute_id)
        await self._record(actor, "alert.unmute", f"mute {mute_id}", "", {"mute_id": mute_id})

    async def house(self) -> HouseFacts:
        """Return exposure, P&L, health and overrides, as a hand-over note says them."""
        commands = await asyncio.to_thread(self._commands.newest, _MOST_COMMANDS)
        now_ns = self._now_us() * _NS_PER_US
        temporary = [
            Temporary(what=_words(one), actor=one.request.actor, until_us=due // _NS_PER_US)
            for one in commands
            if (due := one.due_ns) is not None and due > now_ns
        ]
        frame = self._frames.latest()
        if frame is None:
            away = facts(("Engine", "away: no figures"))
            return HouseFacts(health=away, temporary=tuple(temporary))
        snapshot = frame.snapshot
        table = snapshot.exposure.filter(snapshot.exposure["house_net_usd"].is_not_null())
        top = table.sort(table["house_net_usd"].abs(), descending=True).head(_TOP)
        rows = top.select("symbol", "house_net_lots", "house_net_usd").iter_rows()
        house = snapshot.house
        return HouseFacts(
            exposure=tuple(
                Fact(str(symbol), f"{lots(held, sign=True)}, {usd(worth, sign=True)}")
                for symbol, held, worth in rows
            ),
            pnl=facts(
                ("Floating", usd(house.floating_usd, sign=True)),
                ("Floating, book A", usd(house.floating_a_usd, sign=True)),
                ("Floating, book B", usd(house.floating_b_usd, sign=True)),
                ("VaR of a day, 99 %", usd(snapshot.risk.var_usd)),
            ),
            health=tuple(
                Fact(part.name, f"{part.state.value}: {part.detail}")
                for part in frame.components
                if part.state is not ComponentState.RUNNING
            ),
            temporary=tuple(temporary),
        )

    def handed_over_us(self) -> int | None:
        """Return when the last note was handed over."""
        at = self._room.cursors.get(HANDED_OVER, "")
        return int(at) if at.isdecimal() else None

    async def hand_over(self, note: HandOver, text: str, actor: str) -> Sequence[str]:
        """Record a note, say it on the channels, and return the names of those that have it.

        Raises:
            StorageError: It cannot be recorded; nothing was said.
        """
        await self._record(actor, "alert.handover", "shift", note.words, {"text": text})
        await self._room.remember(HANDED_OVER, str(note.until_us))
        said = []
        for channel in self._channels:
            try:
                await channel.sink.say(text)
            except AlertDeliveryError:
                continue  # how the channel does is on the screen, and the note is on the desk
            said.append(channel.sink.name)
        return said

    async def _record(
        self, actor: str, action: str, entity: str, reason: str, detail: object
    ) -> None:
        entry = AuditEntry(
            at_ns=time.time_ns(),
            actor=actor,
            via="desk",
            action=action,
            entity=entity,
            reason=reason,
            detail=canonical(msgspec.to_builtins(detail)),
        )
        await asyncio.to_thread(self._commands.record, entry)


def _words(command: Command) -> str:
    book = getattr(command.request, "book", "")
    whom = ", ".join(command.logins[:3]) + (" ..." if len(command.logins) > 3 else "")  # noqa: PLR2004
    return f"{whom} to book {book}" if book else f"command {command.key}"
