"""Starts the processes of a run, starts them again when they die, and ends them in order.

Crash-only: a process that meets the unexpected dies, and comes back from what it had written down.
One that keeps dying is DEGRADED: said aloud and tried again slowly. One that dies before it was
ever ready was started wrongly, so the run ends instead of trying for ever.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec
import structlog

from dealing.components import ComponentState
from dealing.directory import Role
from exposure.errors import DeskError

ONE_HEAP: Final = {"MALLOC_ARENA_MAX": "1"}
"""glibc would give each thread a heap, and what was large once stays in all of them: an engine at
seed size has 400 MB less with one. Other systems do not know the word; a user's own counts."""

WINDOW_S: Final = 60.0
DEATHS_TO_DEGRADE: Final = 5
FIRST_DELAY_S: Final = 0.1
SLOW_DELAY_S: Final = 30.0
ENDS_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.05
_LAST_WORDS_WITHIN_S: Final = 1.0
_READ_BYTES: Final = 4096


class ChildFailedError(DeskError):
    """A process ended before it was ever ready, with this exit code."""

    def __init__(self, role: Role, exit_code: int) -> None:
        """Take who it was and how it ended."""
        self.role, self.exit_code = role, exit_code
        super().__init__(f"the {role} did not start: what it said is above and in its log")


class Restart(NamedTuple):
    """When to start a dead process again, and whether it dies too often."""

    delay_s: float
    degraded: bool


class RestartPolicy:
    """Delays after deaths: doubling, jittered, slow once there are too many in a minute."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """Take a source of numbers in [0, 1)."""
        self._chance = chance
        self._deaths: deque[float] = deque(maxlen=DEATHS_TO_DEGRADE)

    def died(self, now_s: float) -> Restart:
        """Note a death at ``now_s`` (any steady clock) and say when to try again."""
        self._deaths.append(now_s)
        recent = sum(now_s - death_s < WINDOW_S for death_s in self._deaths)
        degraded = recent >= DEATHS_TO_DEGRADE
        delay_s = SLOW_DELAY_S if degraded else FIRST_DELAY_S * 2.0 ** (recent - 1)
        return Restart(delay_s * (1.0 - self._chance() / 2.0), degraded)


class ChildPlan(NamedTuple):
    """How to start one process, and how to know that it is ready for others."""

    role: Role
    command: Sequence[str]
    is_ready: Callable[[], Awaitable[bool]]
    clear: Callable[[], None]
    """Removes what an earlier process left behind and ``is_ready`` could mistake for this one."""


class ChildStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process as the supervisor sees it."""

    role: Role
    state: ComponentState
    pid: int | None
    restarts: int
    detail: str


class Supervisor:
    """Keeps the processes of one run alive."""

    def __init__(
        self,
        plans: Sequence[ChildPlan],
        chance: Callable[[], float],
        changed: Callable[[Sequence[ChildStatus]], None],
    ) -> None:
        """Take the plans in starting order, a source of chance and who wants to know changes."""
        self._children = [_Child(plan, RestartPolicy(chance), self._tell) for plan in plans]
        self._changed = changed

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, keep it alive until ``stop``, and end it in reverse order.

        Raises:
            ChildFailedError: A process ended before it was ever ready.
        """
        keepers = [asyncio.create_task(child.keep(stop)) for child in self._children]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            for child in reversed(self._children):
                await child.end()
            results = await asyncio.gather(*keepers, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def ready(self) -> None:
        """Wait until every process was ready once."""
        for child in self._children:
            await child.was_ready.wait()

    def _tell(self) -> None:
        self._changed([child.status() for child in self._children])


class _Child:
    """One process and its successors."""

    def __init__(self, plan: ChildPlan, policy: RestartPolicy, changed: Callable[[], None]) -> None:
        self._plan = plan
        self._policy = policy
        self._changed = changed
        self._log = structlog.get_logger(role=str(plan.role))
        self._process: Process | None = None
        self._state = ComponentState.READY
        self._detail = "not started"
        self._restarts = 0
        self._said = ""
        self._after = ""
        self.was_ready = asyncio.Event()

    def status(self) -> ChildStatus:
        return ChildStatus(
            role=self._plan.role,
            state=self._state,
            pid=None if self._process is None else self._process.pid,
            restarts=self._restarts,
            detail=self._detail,
        )

    async def keep(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            exit_code = await self._live(stop)
            if stop.is_set():
                break
            if not self.was_ready.is_set():
                self._become(ComponentState.FAULTED, f"did not start, {self._how(exit_code)}")
                raise ChildFailedError(self._plan.role, exit_code)
            await self._wait_to_restart(exit_code, stop)
        self._become(ComponentState.STOPPED, "ended")

    async def end(self) -> None:
        if (process := self._process) is None:
            return
        # one that is still starting would hear a signal late, and may be killed at any moment
        starting = self._state is not ComponentState.RUNNING
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if starting else signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            self._log.warning("does not end by itself: killed")
            with suppress(ProcessLookupError):
                process.kill()

    async def _live(self, stop: asyncio.Event) -> int:
        self._plan.clear()
        process = await asyncio.create_subprocess_exec(
            *self._plan.command,
            stdin=PIPE,
            stderr=PIPE,
            start_new_session=True,
            env=ONE_HEAP | os.environ,
        )
        self._process = process
        hearing = asyncio.create_task(self._hear(process.stderr))
        if stop.is_set():
            await self.end()
        self._become(ComponentState.READY, f"starting{self._after}")
        watch = asyncio.create_task(self._watch_readiness())
        exit_code = await process.wait()
        watch.cancel()
        await asyncio.wait([hearing], timeout=_LAST_WORDS_WITHIN_S)
        hearing.cancel()
        self._process = None
        return exit_code

    async def _hear(self, stream: StreamReader | None) -> None:
        # passed on at once, and the end kept: what a process says last is why it ended
        text = codecs.getincrementaldecoder("utf-8")("replace")
        self._said = ""
        while stream is not None and (data := await stream.read(_READ_BYTES)):
            said = text.decode(data)
            self._said = (self._said + said)[-_READ_BYTES:]
            with suppress(OSError):  # a terminal that went away must not make the process wait
                sys.stderr.write(said)
                sys.stderr.flush()

    def _how(self, exit_code: int) -> str:
        if exit_code < 0:
            return f"killed by signal {-exit_code}"
        last = self._said.strip().rpartition("\n")[2]
        words = last.removeprefix("plimsoll").removeprefix(f" {self._plan.role}").lstrip(": ")
        return f"exit code {exit_code}: {words}" if words else f"exit code {exit_code}"

    async def _watch_readiness(self) -> None:
        while not await self._plan.is_ready():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(_POLL_S)
        self.was_ready.set()
        self._become(ComponentState.RUNNING, "answers")

    async def _wait_to_restart(self, exit_code: int, stop: asyncio.Event) -> None:
        restart = self._policy.died(asyncio.get_running_loop().time())
        self._restarts += 1
        how = self._how(exit_code)
        self._after = f" again after {how}"
        after_s = round(restart.delay_s, 1)
        if restart.degraded:
            self._become(ComponentState.DEGRADED, f"keeps dying ({how}), tried again slowly")
            self._log.error("keeps dying, see its log", how=how, tried_again_after_s=after_s)
        else:
            self._become(ComponentState.READY, f"died ({how}), is started again")
            self._log.warning("died, is started again", how=how, after_s=after_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), restart.delay_s)

    def _become(self, state: ComponentState, detail: str) -> None:
        self._state, self._detail = state, detail
        self._changed()
