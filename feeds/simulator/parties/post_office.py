"""Delivers the parties' letters over HTTP until they are heard, with the faults that nets have.

Some letters go out twice, some late, so that others overtake them. Whoever does not answer with a
success gets the letter again, after longer and longer pauses.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import httpx2

from feeds.simulator.parties.letters import Letter, PartySecrets, signed
from feeds.simulator.parties.store import Outgoing, PartyStore

AT_ONCE: Final = 20
_S: Final = 1_000_000
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_LATE_S: Final = 4.0
_WITHIN_S: Final = 5.0


class Faults(NamedTuple):
    """Shares of letters that go out twice, and that go out late."""

    twice: float = 0.05
    late: float = 0.05


class PostOffice:
    """Takes letters from the store and delivers them."""

    def __init__(
        self,
        store: PartyStore,
        secrets: PartySecrets,
        address: Callable[[], str | None],
        faults: Faults,
    ) -> None:
        """Take the store, the secrets, who knows where the desk listens, and the faults."""
        self._store = store
        self._secrets = secrets
        self._address = address
        self._faults = faults

    async def deliver(self, client: httpx2.AsyncClient, now_us: int) -> int:
        """Send the letters that are due once each, and return how many arrived."""
        address = self._address()
        if address is None:
            return 0
        arrived = 0
        for out in self._store.outgoing(now_us, AT_ONCE):
            chance = random.Random(f"{out.letter.number}:{out.attempts}")  # noqa: S311 (faults)
            if out.attempts == 0 and chance.random() < self._faults.late:
                self._store.again(out.letter, now_us + round(_LATE_S * _S))
                continue
            heard = await self._send(client, address, out.letter, now_us)
            if heard and chance.random() < self._faults.twice:
                await self._send(client, address, out.letter, now_us)
            self._note(out, heard=heard, now_us=now_us)
            arrived += heard
        return arrived

    def _note(self, out: Outgoing, *, heard: bool, now_us: int) -> None:
        if heard:
            self._store.arrived(out.letter)
            return
        pause_s = min(_FIRST_PAUSE_S * 2.0**out.attempts, _LONGEST_PAUSE_S)
        self._store.again(out.letter, now_us + round(pause_s * _S))

    async def _send(
        self, client: httpx2.AsyncClient, address: str, letter: Letter, now_us: int
    ) -> bool:
        headers = {"content-type": "application/json", **signed(letter, self._secrets, now_us)}
        with suppress(httpx2.HTTPError):
            answer = await client.post(
                f"{address}/webhooks/{letter.provider}",
                content=letter.body,
                headers=headers,
                timeout=_WITHIN_S,
            )
            return answer.is_success
        return False
