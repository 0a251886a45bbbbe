"""The writer: takes facts from the engine as they come and has them on the disk soon after.

The engine's loop only appends to a queue; a thread of the writer's own does the rest. While the
database is away the engine goes on and entries wait in memory, up to a limit at which the engine
waits too. Nothing is lost even if the process dies then: no state is saved before its facts are
kept, so the next process hears them again from the journal, and keeping a fact twice changes
nothing.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Final, NamedTuple, NoReturn

import structlog

from dealing.backoff import Backoff
from dealing.components import ComponentState, ComponentStatus
from dealing.revenue.closing import DayClosing
from dealing.revenue.facts import Booked, Booking, Bookkeeper, DayOpening, Mark
from dealing.revenue.ports import RevenueStore
from exposure.errors import StorageError
from exposure.model.events import CashBooked, OutputEvent, RevenueBooked
from exposure.snapshot import Snapshot

WAITING_LIMIT: Final = 500_000
"""Facts and controls that may wait in memory, about 150 MB; then the engine waits."""

WRITE_EVERY_S: Final = 0.25
MARK_EVERY_S: Final = 1.0
AT_ONCE: Final = 5_000
"""Facts and controls of one transaction."""

FLUSH_WITHIN_S: Final = 10.0

CLOSE_AGAIN_S: Final = 30.0
"""Pause after a day could not be closed: closing reads all of it."""

RECOVERED_AT_ONCE: Final = 20_000


Look = Callable[[], Snapshot]


class _Group(NamedTuple):
    """What one step of the engine booked; its facts and controls are kept together."""

    booked: Sequence[Booked] = ()
    opening: DayOpening | None = None

    @property
    def size(self) -> int:
        """How many facts, controls and openings it is."""
        return len(self.booked) + (self.opening is not None)


class _Marked(NamedTuple):
    """The newest mark; it is kept once everything that was taken before it is."""

    mark: Mark
    taken_before: int
    observed_s: float


class RevenueWriter:
    """Between the engine's outputs and a RevenueStore."""

    def __init__(
        self,
        store: RevenueStore,
        books: Bookkeeper,
        closing: DayClosing,
        clock: Callable[[], float],
        backoff: Backoff,
        limit: int = WAITING_LIMIT,
    ) -> None:
        """Take where facts go, who places them and closes days, and a steady clock in seconds."""
        self._store = store
        self._books = books
        self._closing = closing
        self._clock = clock
        self._backoff = backoff
        self._limit = limit
        self._waiting: deque[_Group] = deque()
        self._taken = self._kept = 0
        self._marked: _Marked | None = None
        self._kept_mark: _Marked | None = None
        self._has_begun = False
        self._now_ns = 0
        self._unkept: str | None = None
        self._unclosed: str | None = None
        self._kept_s: float | None = None
        self._close_again_s = 0.0
        self._thread = ThreadPoolExecutor(1, "revenue")
        self._alone = asyncio.Lock()
        self._roomy = asyncio.Event()
        self._log = structlog.get_logger()

    # What the engine tells, in its own loop ---------------------------------------------------

    def begin(self, restored: Snapshot) -> None:
        """Take the state that the engine goes on from, before it hears of any event."""
        mark = _mark_of(restored)
        self._has_begun = mark.position > 0
        self._marked = _Marked(mark, 0, -math.inf)
        if not self._has_begun:
            self._kept_mark = self._marked  # nothing was worth anything yet
        else:
            # a day whose opening was never seen begins here; one that was seen stays
            self._open(mark.ts_event, mark)

    def recover(self, outputs: Iterable[OutputEvent], look: Look) -> None:
        """Take what a replayed step caused; may write at once, so only before the loop runs.

        Raises:
            StorageError: Too much waits for a database that is away.
        """
        self.take(outputs, look)
        is_full = self._waiting_count >= self._limit
        if is_full or (self._unkept is None and self._waiting_count >= RECOVERED_AT_ONCE):
            try:
                self._keep_now()
            except StorageError as e:
                self._failed(e)
                if is_full:
                    raise

    def take(self, outputs: Iterable[OutputEvent], look: Look) -> None:
        """Take what a step of the engine caused; facts and controls among it will be kept.

        Args:
            outputs: What ``apply`` returned.
            look: The engine's ``snapshot``, asked for once: when the book was just loaded.
        """
        booked = [event for event in outputs if isinstance(event, RevenueBooked | CashBooked)]
        if booked:
            self._begin_with(booked[0])
            self._append(_Group(booked))
        if self._marked is not None and self._marked.mark.position == 0:
            self.observe(look())

    def observe(self, snapshot: Snapshot) -> None:
        """Take what the house is worth now; the last look before a day is that day's opening."""
        if snapshot.as_of == 0:
            return  # before the first event there is no moment
        before, mark = self._marked, _mark_of(snapshot)
        if before is not None and self._has_begun and self._day(before.mark) < self._day(mark):
            self._open(mark.ts_event, before.mark)
        self._marked = _Marked(mark, self._taken, self._clock())

    async def room(self) -> None:
        """Wait while as much waits as memory should hold."""
        while self._waiting_count >= self._limit:
            self._roomy.clear()
            await self._roomy.wait()

    async def flush(self) -> None:
        """Wait until the disk has everything that was taken so far.

        Raises:
            StorageError: It has not within a moment; what was taken waits for the next attempt.
        """
        try:
            async with asyncio.timeout(FLUSH_WITHIN_S):
                await self._keep_until(self._taken)
        except TimeoutError as e:
            raise StorageError(f"revenue is not kept within {FLUSH_WITHIN_S:g} s") from e
        except StorageError as e:
            self._failed(e)
            raise

    def status(self) -> ComponentStatus:
        """Return how it is doing."""
        age_ms = None if self._kept_s is None else (self._clock() - self._kept_s) * 1e3
        waiting = f"{self._waiting_count:,} entries wait in memory"
        if self._unkept is not None:
            full = ", and the engine waits too" if self._waiting_count >= self._limit else ""
            state, detail = ComponentState.DEGRADED, f"{self._unkept}; {waiting}{full}"
        elif self._unclosed is not None:
            state, detail = ComponentState.DEGRADED, f"a day is not closed: {self._unclosed}"
        elif self._kept_s is None:
            state, detail = ComponentState.READY, "nothing kept yet"
        else:
            state, detail = ComponentState.RUNNING, "in the database"
        return ComponentStatus("revenue", state, detail, age_ms)

    # What happens behind it -------------------------------------------------------------------

    async def run(self) -> NoReturn:
        """Keep what comes, and close days that are over, for ever."""
        while True:
            pause_s = WRITE_EVERY_S
            try:
                await self._keep_until(self._taken)
            except StorageError as e:
                self._failed(e)
                pause_s = max(pause_s, self._backoff.next_delay_s())
            else:
                await self._close_days()
            await asyncio.sleep(pause_s)

    def close(self) -> None:
        """Let go of the thread; call ``flush`` before."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _keep_until(self, target: int) -> None:
        async with self._alone:
            while self._kept < target or self._mark_is_due():
                groups, marked = self._next()
                await self._in_thread(partial(self._add, groups, marked))
                self._has_kept(groups, marked)

    def _keep_now(self) -> None:
        while self._kept < self._taken:
            groups, marked = self._next()
            self._add(groups, marked)
            self._has_kept(groups, marked)

    def _next(self) -> tuple[Sequence[_Group], _Marked | None]:
        groups, size = [], 0
        for group in self._waiting:
            if size >= AT_ONCE:
                break
            groups.append(group)
            size += group.size
        marked = self._marked
        if marked is self._kept_mark or marked is None or self._kept + size < marked.taken_before:
            return groups, None
        return groups, marked

    def _mark_is_due(self) -> bool:
        marked, kept = self._marked, self._kept_mark
        if marked is None or marked is kept or self._kept < marked.taken_before:
            return False
        return kept is None or marked.observed_s - kept.observed_s >= MARK_EVERY_S

    def _add(self, groups: Sequence[_Group], marked: _Marked | None) -> None:
        booked = [event for group in groups for event in group.booked]
        times = [event.ts_event for event in booked]
        if marked is not None:
            times.append(marked.mark.ts_event)
        self._now_ns = max(self._now_ns, *times, 0)
        self._store.add(
            Booking(
                now=self._books.day.at(self._now_ns),
                facts=self._books.facts(booked),
                controls=self._books.controls(booked),
                openings=[group.opening for group in groups if group.opening is not None],
                mark=None if marked is None else marked.mark,
            )
        )

    def _has_kept(self, groups: Sequence[_Group], marked: _Marked | None) -> None:
        for group in groups:
            self._waiting.popleft()
            self._kept += group.size
        self._kept_mark = marked or self._kept_mark
        self._kept_s = self._clock()
        self._backoff.reset()
        self._roomy.set()
        if self._unkept is not None:
            self._unkept = None
            self._log.info("revenue is kept again", waiting=self._waiting_count)

    async def _close_days(self) -> None:
        kept, now_s = self._kept_mark, self._clock()
        if kept is None or now_s < self._close_again_s:
            return
        if self._closing.is_due(kept.mark.ts_event):
            try:
                await self._in_thread(partial(self._closing.close, kept.mark.ts_event))
            except StorageError as e:
                self._close_again_s = now_s + CLOSE_AGAIN_S
                self._unclosed = str(e)
                self._log.error("day not closed, tried again", reason=str(e))
            else:
                self._unclosed = None

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _failed(self, reason: StorageError) -> None:
        if self._unkept is None:
            self._log.error("revenue is not kept, tried again", reason=str(reason))
        self._unkept = str(reason)

    def _begin_with(self, event: Booked) -> None:
        """Let a book that was empty open with its first cash: loading it earned nothing."""
        if not self._has_begun and self._marked is not None:
            self._has_begun = True
            self._open(event.ts_event, self._marked.mark)

    def _open(self, ts_event: int, mark: Mark) -> None:
        opening = DayOpening(self._books.day.at(ts_event).day, mark)
        self._append(_Group(opening=opening))

    def _append(self, group: _Group) -> None:
        self._waiting.append(group)
        self._taken += group.size

    @property
    def _waiting_count(self) -> int:
        return self._taken - self._kept

    def _day(self, mark: Mark) -> date:
        return self._books.day.at(mark.ts_event).day


def _mark_of(snapshot: Snapshot) -> Mark:
    return Mark(
        position=snapshot.position,
        ts_event=snapshot.as_of,
        floating_usd=snapshot.house.floating_usd,
        booked_usd=snapshot.booked_usd,
    )
