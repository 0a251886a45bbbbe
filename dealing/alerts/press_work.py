"""What a press of a button does, and where it is written down: cases here, commands on the desk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from crm_sync.audit import AuditEntry, canonical
from dealing.alerts.desk_commands import DeskCommands
from dealing.alerts.model import Act, Action, ActKind, Offer, Press
from dealing.alerts.policy import US_PER_S
from dealing.alerts.room import CaseRoom
from dealing.commands.ports import CommandStore
from exposure.errors import DomainError

VIA: Final = "slack"


class PressWork:
    """Deskwork (pressing.py)."""

    def __init__(self, room: CaseRoom, commands: DeskCommands, now_us: Callable[[], int]) -> None:
        """Take the cases, who asks the desk, and the wall clock."""
        self._room = room
        self._commands = commands
        self._now_us = now_us

    async def acknowledge(self, number: int, actor: str, note: str) -> str:
        """Acknowledge a case."""
        act = Act(number=number, kind=ActKind.ACKNOWLEDGE, actor=actor, via=VIA, note=note)
        case = await self._room.act(act)
        return f"{case.name} is yours: acknowledged."

    async def snooze(self, number: int, actor: str, minutes: int) -> str:
        """Let a case rest."""
        until_us = self._now_us() + minutes * 60 * US_PER_S
        act = Act(number=number, kind=ActKind.SNOOZE, actor=actor, via=VIA, until_us=until_us)
        case = await self._room.act(act)
        return f"{case.name} rests for {minutes} minutes, unless it gets worse."

    async def move_to_a(
        self, number: int, client_id: str, actor: str, reason: str, key: str
    ) -> str:
        """Send a client's new deals to book A, or ask a second person whether to."""
        asked = await self._commands.move_to_a(client_id, actor, reason, key)
        votes = _votes(client_id, key, actor) if asked.waits else ()
        return await self._noted(number, asked.sentence, actor, votes=votes)

    async def hedge(self, number: int, offer: Offer, actor: str, reason: str, key: str) -> str:
        """Order the hedge that was offered."""
        said = await self._commands.hedge(offer, actor, reason, key)
        return await self._noted(number, said, actor)

    async def decide(self, number: int, offer: Offer, actor: str, reason: str) -> str:
        """Vote about what another person asked for; what waits no more is settled, voted or not."""
        approve = offer.action is Action.APPROVE
        try:
            said = await self._commands.decide(offer.command, actor, reason, approve=approve)
        except DomainError as e:
            text = f"the vote about client {offer.client_id} came to nothing: {e}"
            is_open = offer.command in await self._commands.waiting()
            await self._noted(number, text, actor, decided="" if is_open else offer.command)
            raise
        text = f"client {offer.client_id}: {said}"
        return await self._noted(number, text, actor, decided=offer.command)

    async def _noted(
        self,
        number: int,
        said: str,
        actor: str,
        *,
        votes: tuple[Offer, ...] = (),
        decided: str = "",
    ) -> str:
        press = Press(text=said, actor=actor, via=VIA, votes=votes, decided=decided)
        await self._room.note_press(number, press)
        return said


def _votes(client_id: str, command: str, asked_by: str) -> tuple[Offer, ...]:
    """Return the buttons of a second person."""
    return tuple(
        Offer(action=action, client_id=client_id, command=command, asked_by=asked_by)
        for action in (Action.APPROVE, Action.REJECT)
    )


class PressLog:
    """PressAudit (pressing.py) in the house's audit log."""

    def __init__(self, commands: CommandStore) -> None:
        """Take the store that has the log."""
        self._commands = commands

    def record(
        self, actor: str, action: str, entity: str, reason: str, detail: Mapping[str, str]
    ) -> None:
        """Write a row; raises StorageError."""
        entry = AuditEntry(
            at_ns=time.time_ns(),
            actor=actor,
            via=VIA,
            action=action,
            entity=entity,
            reason=reason,
            detail=canonical(dict(detail)),
        )
        self._commands.record(entry)
