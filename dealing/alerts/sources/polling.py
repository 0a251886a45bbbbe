"""Who asks: frames as they come, everything else every few seconds, and silence told as such.

A source that cannot be asked is no look: what it measured stays as it was, and ``problem`` says why
nobody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import structlog

from crm_sync.database import Database
from dealing.alerts.model import Look
from dealing.alerts.sources.flow import all_in_a, flow_look, members_of
from dealing.alerts.sources.frame import FrameSource
from dealing.alerts.sources.hedging import hedging_look
from dealing.alerts.sources.office import OfficeSeen, OfficeSource, Wish, read_office
from dealing.alerts.sources.system import SystemSource, read_status
from dealing.flow.ports import ClientsAsked, FlowQueries, Only, Sort
from dealing.hedging.ports import HedgingQueries, ListHedging
from dealing.ports import BookQueries, SnapshotSource
from exposure.errors import DeskError, DomainError

Give = Callable[[Look], Awaitable[None]]
"""Who takes a look; it is taken when this returns."""

Clock = Callable[[], int]

SILENT_S: Final = 1.0
"""Without a frame for so long, the age of the last one is told."""

MOST_CLIENTS: Final = 200
"""Of each list: a client is a tenth of a millisecond's work for the engine."""

OUTSIDE_A: Final = ((Only.TO_MOVE, ""), (Only.ALARMED, "B"), (Only.ALARMED, "C"))
"""Whom to ask for, and in which book: who is alarmed in book A is where he should be."""

ASKED_AT_ONCE: Final = 10
"""Of so few clients it is asked how much they traded: each answer is work for the engine."""

TRADED_FOR_US: Final = 300_000_000
"""For how long such an answer is believed."""


async def follow_frames(
    frames: SnapshotSource,
    source: FrameSource,
    give: Give,
    now_us: Clock,
    silent_s: float = SILENT_S,
) -> NoReturn:
    """Look at every frame that comes, and say how old the last one is while none does."""
    frame = None
    while True:
        try:
            async with asyncio.timeout(silent_s):
                frame = await frames.next(frame)
        except TimeoutError:
            look = source.alone(now_us())
        else:
            look = source.look(frame, now_us())
        await give(look)


class Poll:
    """Asks one source again and again."""

    def __init__(
        self, name: str, every_s: float, ask: Callable[[], Awaitable[Look]], give: Give
    ) -> None:
        """Take what it is called, how often it is asked, how, and who takes its looks."""
        self.name = name
        self.problem = ""
        self._every_s = every_s
        self._ask = ask
        self._give = give
        self._log = structlog.get_logger(source=name)

    async def run(self) -> NoReturn:
        """Ask for ever."""
        while True:
            await self.once()
            await asyncio.sleep(self._every_s)

    async def once(self) -> None:
        """Ask once; who does not answer is a problem that is told, and asked again."""
        try:
            look = await self._ask()
        except DeskError as e:
            if not self.problem:
                self._log.warning("a source of alerts does not answer", reason=str(e))
            self.problem = f"{self.name} cannot be looked at: {e}"
            return
        self.problem = ""
        await self._give(look)


async def ask_flow(
    queries: BookQueries, now_us: Clock, cluster_limit_usd: float | None = None
) -> Look:
    """Ask the flow book for those to move, alarmed clients outside book A, and clusters."""
    lists = [
        await queries.clients(
            ClientsAsked(sort=Sort.EDGE, only=only, book=book, limit=MOST_CLIENTS)
        )
        for only, book in OUTSIDE_A
    ]
    clusters = await queries.clusters()
    members = members_of(clusters)
    books = await queries.books_of([], members) if members else []
    return flow_look(lists, clusters, now_us(), all_in_a(books), cluster_limit_usd)


async def ask_hedging(queries: HedgingQueries, now_us: Clock) -> Look:
    """Ask how symbols are hedged."""
    return hedging_look(await queries.hedging(ListHedging()), now_us())


async def ask_system(file: Path, source: SystemSource, now_us: Clock) -> Look:
    """Read what the supervisor wrote."""
    status = await asyncio.to_thread(read_status, file)
    return source.look(status, now_us())


class OfficePoll:
    """Asks the back office, and the engine for what its payments are to be compared with."""

    def __init__(
        self,
        database: Database,
        source: OfficeSource,
        frames: FrameSource,
        flow: FlowQueries,
        now_us: Clock,
    ) -> None:
        """Take the database that is read, who looks, who knows rates and who knows trading."""
        self._database = database
        self._source = source
        self._frames = frames
        self._flow = flow
        self._now_us = now_us
        self._traded: dict[str, tuple[int, float]] = {}

    async def ask(self) -> Look:
        """Read what is new, however much that is, and look at it.

        Raises:
            StorageError: The database cannot be used.
        """
        await self._read()
        while self._source.is_behind:
            await self._read()
        rates, now_us = self._frames.usd_rates(), self._now_us()
        traded = await self._traded_by(self._source.asks_about(rates), now_us)
        return self._source.look(now_us, rates, self._frames.equity_by_client(), traded)

    async def _read(self) -> None:
        wish = self._source.wish(self._now_us())
        self._source.take(await asyncio.to_thread(self._seen, wish), wish.now_us)

    def _seen(self, wish: Wish) -> OfficeSeen:
        with self._database.reading() as connection:
            return read_office(connection, wish)

    async def _traded_by(self, clients: Sequence[str], now_us: int) -> Mapping[str, float]:
        """Return what clients have traded in USD, of those whom the engine can tell of now."""
        held = {name: at for name, at in self._traded.items() if now_us - at[0] < TRADED_FOR_US}
        unknown = [name for name in clients if name not in held][:ASKED_AT_ONCE]
        for name in unknown:
            traded = await self._volume(name)
            if traded is not None:
                held[name] = (now_us, traded)
        self._traded = held
        return {name: traded for name, (_, traded) in held.items()}

    async def _volume(self, client_id: str) -> float | None:
        try:
            card = await self._flow.client_card(client_id)
        except DomainError:
            return 0.0  # who is not in the flow book has never traded
        except DeskError:
            return None
        volume: float = card["client"]["money"]["volume_usd"]
        return volume
