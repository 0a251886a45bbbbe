"""The engine process: events in, journal, engine, frames out.

One loop owns the engine. Every batch is handed to the journal before the engine applies it, so that
what the engine ever knew can be read again. Frames, syncs and saved states happen between batches.
When the platform goes away the numbers stand still, their age grows and says so, and the loop tries
again. A state that cannot be saved is said and tried again: the journal has its events. Everything
else that is unexpected ends the process: it starts again from what is on disk.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, Final, NamedTuple, NoReturn

import polars as pl
import structlog

from bookrouting.flow_export import FlowCopy, stored
from dealing.backoff import Backoff
from dealing.flow.live import LiveFlow, begun
from dealing.flow.ports import ClientsAsked, ClientsFound, ShadowTold
from dealing.garbage import unwatched
from dealing.hedging.desk import HedgeDesk
from dealing.hedging.ports import HedgeAsked
from dealing.hub import SnapshotHubServer
from dealing.large_deals import LargeDeals
from dealing.ports import BookTaken, EngineFrame, PlatformFeed
from dealing.process import run_until
from dealing.revenue.writer import RevenueWriter
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from dealing.storage.upgrades import upgraded
from dealing.vitals import Vitals
from exposure.account_books import AccountBooks
from exposure.account_terms import AccountTerms
from exposure.engine import ExposureEngine
from exposure.errors import DisconnectedError, DomainError, GapError, StorageError
from exposure.export import export_state, restore
from exposure.model.events import Finding
from exposure.risk.book_copy import copy_of
from exposure.settings import EngineSettings
from exposure.snapshot import Snapshot
from exposure.state import EngineState

SWITCH_S: Final = 0.000_5
"""How soon the engine's process should give the loop the interpreter back from a thread that
encodes or saves: Python's own choice, ten times as long, is what a tick would wait."""

SLICE_S: Final = 0.005
"""How long batches may follow each other before frames and questions get a turn."""

RANK_EVERY_S: Final = 2.0
"""How often everybody's flow is scored anew for lists; cards are always of the moment."""

STUDY_EVERY_S: Final = 1.0
"""How often those who have dealt are asked about: their habits, detections and clusters."""

COPY_KEPT_S: Final = 2.0
"""For how long whoever asks for the book gets the copy that was taken last."""


SAVED_AT_THE_END_S: Final = 3.0
"""A state that took longer to save is not saved once more when the process is told to end."""


class Pace(NamedTuple):
    """How often things are done. Units: seconds."""

    frame_s: float
    sync_s: float
    save_s: float


def recovered(
    store: SnapshotStore,
    journal: Journal,
    settings: EngineSettings,
    revenue: RevenueWriter,
    large: LargeDeals | None = None,
) -> ExposureEngine:
    """Return an engine that knows everything that the disk holds up to the first damage.

    Afterwards the journal ends where the engine is, and the platform can go on from there.

    What it earned behind its saved state is told again: it may not be kept yet. So are the large
    deals: nobody may have seen them.

    Raises:
        StorageError: The disk holds what this version cannot read, or is too full to set damage
            aside.
    """
    with unwatched():
        state = store.load_latest(None if journal.is_empty else journal.last_position)
        if state is None and journal.first_position > 1:
            # a state that the journal does not reach is better than none
            state = store.load_latest()
        engine = ExposureEngine(settings) if state is None else restore(upgraded(state), settings)
    begun = engine.position
    revenue.begin(engine.snapshot())
    for batch in journal.recover(begun):
        revenue.recover(engine.apply(batch), engine.snapshot)
        if large is not None:
            large.take(engine, batch)
    store.set_aside_beyond(engine.position)
    structlog.get_logger().info(
        "recovered", snapshot=begun, position=engine.position, torn_bytes=journal.torn_bytes
    )
    return engine


class EngineQueries:
    """BookQueries for whoever shares the engine's loop."""

    def __init__(
        self,
        engine: ExposureEngine,
        flow: LiveFlow | None = None,
        hedges: HedgeDesk | None = None,
    ) -> None:
        """Take the engine that knows, what knows of clients' flow, and who hedges."""
        self._engine = engine
        self._flow = flow or begun(())
        self._hedges = hedges
        self._taken: BookTaken | None = None
        self._taken_s = -COPY_KEPT_S

    async def positions_of_symbol(self, symbol: str, limit: int) -> pl.DataFrame:
        """Return the symbol's largest open positions (columns POSITION_COLUMNS)."""
        return self._engine.positions_of_symbol(symbol, limit)

    async def positions_of_account(self, login: str) -> pl.DataFrame:
        """Return a login's open positions (columns POSITION_COLUMNS)."""
        return self._engine.positions_of_account(login)

    async def terms_of_account(self, login: str) -> AccountTerms:
        """Return what applies to a login now."""
        return self._engine.terms_of_account(login)

    async def books_of(self, logins: Sequence[str], clients: Sequence[str]) -> list[AccountBooks]:
        """Return where new deals of accounts go, of those that are known, in order of login."""
        return self._engine.books_of(logins, clients)

    async def book_copy(self) -> BookTaken:
        """Return a copy of the book; however many ask, it is taken every few seconds at most."""
        began_s = time.monotonic()
        if self._taken is None or began_s - self._taken_s >= COPY_KEPT_S:
            copy = copy_of(self._engine)
            took_ms = 1_000.0 * (time.monotonic() - began_s)
            self._taken = BookTaken(copy=copy, taken_at=time.time_ns(), took_ms=took_ms)
            self._taken_s = began_s
        return self._taken

    async def clients(self, asked: ClientsAsked) -> ClientsFound:
        """Return clients by their flow."""
        return self._flow.found(asked)

    async def client_card(self, client_id: str) -> dict[str, Any]:
        """Return why a client has his score."""
        return self._flow.card(client_id)

    async def hedging(self, asked: HedgeAsked) -> dict[str, Any]:
        """Return how symbols are hedged, or do something about it."""
        if self._hedges is None:
            raise DomainError("nobody hedges here")
        return await self._hedges.asked(asked)

    async def clusters(self) -> list[dict[str, Any]]:
        """Return clients who act as one."""
        return self._flow.findings.clusters()

    async def shadow(self) -> ShadowTold | None:
        """Return how a second policy's books would have done."""
        shadow = self._flow.shadow
        return None if shadow is None else shadow.told()


class FlowKept(NamedTuple):
    """The flow book of the run and where it is saved."""

    live: LiveFlow
    store: SnapshotStore


class EngineRuntime:
    """Drives one engine between its feed, its journal and its hub."""

    def __init__(
        self,
        engine: ExposureEngine,
        feed: PlatformFeed,
        journal: Journal,
        store: SnapshotStore,
        hub: SnapshotHubServer,
        pace: Pace,
        backoff: Backoff,
        revenue: RevenueWriter,
        flow: FlowKept,
        hedges: HedgeDesk | None = None,
        large: LargeDeals | None = None,
    ) -> None:
        """Take everything that it connects; engine, flow and hedges are recovered already."""
        self._engine = engine
        self._feed = feed
        self._journal = journal
        self._store = store
        self._hub = hub
        self._pace = pace
        self._backoff = backoff
        self._revenue = revenue
        self._flow = flow
        self._hedges = hedges
        self._large = large or LargeDeals()
        self._vitals = Vitals(time.monotonic)
        self._saving = threading.Lock()
        self._saved_position = 0
        self._save_took_s = 0.0
        self._log = structlog.get_logger()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then put everything on the disk."""
        hedging = [] if self._hedges is None else [self._hedges.run(self._is_live)]
        parts = (
            *hedging,
            self._follow(),
            self._publish(),
            self._sync(),
            self._save(),
            self._rank(),
            self._study(),
            self._revenue.run(),
        )
        async with self._hub.serving():
            await run_until(stop, *parts)
        # a big book that takes long was saved lately, and the journal has the rest
        if self._save_took_s <= SAVED_AT_THE_END_S:
            await self._save_now()
        self._revenue.close()

    async def _follow(self) -> NoReturn:
        while True:
            try:
                await self._take_in()
            except DisconnectedError as e:
                if self._vitals.lost(str(e)):
                    self._log.warning("platform away, tried again for ever", reason=str(e))
            except GapError as e:
                raise StorageError(
                    f"the engine has every event up to {self._engine.position:,} and cannot get "
                    f"the next ones ({e}): restore a copy of the data directory, or start anew "
                    "with --fresh"
                ) from e
            await asyncio.sleep(self._backoff.next_delay_s())

    async def _take_in(self) -> None:
        turn_ends_s = time.monotonic() + SLICE_S
        async with aclosing(self._feed.frames(self._engine.position)) as frames:
            async for frame in frames:
                self._journal.append_frame(frame)
                batch = frame.batch()
                outputs = self._engine.apply(batch)
                findings = [output for output in outputs if isinstance(output, Finding)]
                if findings:
                    self._hub.announce(findings)
                self._revenue.take(outputs, self._engine.snapshot)
                self._flow.live.take(batch)
                self._large.take(self._engine, batch)
                if self._hedges is not None:
                    self._hedges.take(batch)
                self._vitals.delayed((time.time_ns() - frame.header.ts_recv) / 1e6)
                await self._revenue.room()
                if self._vitals.applied():
                    self._log.info("platform reached", position=frame.position)
                self._backoff.reset()
                if time.monotonic() >= turn_ends_s:
                    await asyncio.sleep(0)
                    turn_ends_s = time.monotonic() + SLICE_S

    async def _publish(self) -> NoReturn:
        snapshot: Snapshot | None = None
        while True:
            began_s = time.monotonic()
            # before the first event there is no moment to show
            if self._engine.as_of > 0:
                if snapshot is None or snapshot.position != self._engine.position:
                    snapshot = self._engine.snapshot()
                    self._revenue.observe(snapshot)
                await self._hub.publish(self._frame(snapshot))
            took_s = time.monotonic() - began_s
            # at most half of the time goes into frames, however big the book is
            await asyncio.sleep(max(self._pace.frame_s - took_s, took_s))

    async def _sync(self) -> NoReturn:
        # a thread of its own: the disk must not wait behind a state that is being saved
        with ThreadPoolExecutor(1, "journal") as disk:
            while True:
                if not self._journal.is_synced:
                    wait = self._journal.syncing()
                    await asyncio.get_running_loop().run_in_executor(disk, wait)
                self._vitals.synced()
                await asyncio.sleep(self._pace.sync_s)

    async def _save(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._pace.save_s)
            await self._save_now()

    async def _rank(self) -> NoReturn:
        ranked = -1
        while True:
            began_s = time.monotonic()
            if self._flow.live.position != ranked:
                ranked = self._flow.live.position
                await self._flow.live.rank()
            took_s = time.monotonic() - began_s
            await asyncio.sleep(max(RANK_EVERY_S, 10.0 * took_s))

    async def _study(self) -> NoReturn:
        while True:
            await self._flow.live.findings.refresh()
            await asyncio.sleep(STUDY_EVERY_S)

    async def _save_now(self) -> None:
        if self._engine.position == self._saved_position:
            return
        # the journal first: a saved state must never be ahead of it
        self._journal.sync()
        state = export_state(self._engine)
        self._flow.live.forget_old()
        flow = self._flow.live.copy()
        try:
            # what it earned before that: a replay tells again only what comes behind a saved state
            await self._revenue.flush()
            await asyncio.to_thread(self._store_alone, state, flow)
            if self._hedges is not None:
                await self._hedges.keep()
        except StorageError as e:
            # the journal has taken everything, so nothing is lost: the next start takes longer
            if self._vitals.not_saved(str(e)):
                self._log.error("state not saved, tried again", reason=str(e))
            return
        self._saved_position = state.meta["position"]
        self._journal.keep_after(self._store.positions())
        if self._vitals.saved():
            self._log.info("state saved again", position=self._saved_position)

    def _is_live(self) -> bool:
        self._vitals.told(self._feed.status)
        return self._vitals.is_live(self._engine.position)

    def _store_alone(self, state: EngineState, flow: FlowCopy) -> None:
        # a save that was under way when the process was told to stop goes on in its thread
        with self._saving:
            began_s = time.monotonic()
            # the flow first: the journal is kept as far back as the engine's states need it
            self._flow.store.save(stored(flow))
            self._store.save(state)
            self._save_took_s = time.monotonic() - began_s

    def _frame(self, snapshot: Snapshot) -> EngineFrame:
        rates, status = self._vitals.rates(snapshot.counters), self._feed.status
        self._vitals.told(status)
        return EngineFrame(
            sent_at=time.time_ns(),
            snapshot=snapshot,
            market="" if status is None else status.label,
            speed=0.0 if status is None else status.speed,
            quotes_per_s=rates.quotes_per_s,
            deals_per_s=rates.deals_per_s,
            delays=self._vitals.delays(),
            large_deals=self._large.newest(),
            components=[
                *self._vitals.components(snapshot.position),
                self._revenue.status(),
                *([] if self._hedges is None else self._hedges.status()),
            ],
        )
