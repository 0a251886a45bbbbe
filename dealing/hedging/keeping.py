"""The memory of live hedging on the disk: whole files, the newest counts, the one before warns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec
import structlog

from bookrouting.hedging import paused, restored
from dealing.hedging.model import MEMORY_VERSION, HedgeMemory
from exposure.errors import UNDECODABLE, StorageError
from feeds.sealed_files import SealedFiles

KEPT: Final = 2
DAMAGED: Final = "the newest record of its orders is damaged: ask the provider what is on its way"

_MEMORY: Final[msgspec.msgpack.Decoder[HedgeMemory]] = msgspec.msgpack.Decoder(HedgeMemory)


class MemoryKeeper(Protocol):
    """Where the memory is kept."""

    async def keep(self, memory: HedgeMemory) -> None:
        """Keep the memory as it is now; the disk has it when this returns.

        Raises StorageError where it could not be kept.
        """
        ...


class Found(NamedTuple):
    """What an earlier process left; an older one where the newest is damaged."""

    memory: HedgeMemory
    is_newest: bool


class HedgeFiles:
    """Keeps the memory in numbered files of one directory."""

    def __init__(self, directory: Path) -> None:
        """Take the directory, made with the first file."""
        self._files = SealedFiles(directory, ".hedging", KEPT)
        self._alone = threading.Lock()

    async def keep(self, memory: HedgeMemory) -> None:
        """Write the memory down as it is now, and wait for the disk in a thread.

        Raises:
            StorageError: It could not be written.
        """
        memory.number += 1
        # packed here: the memory goes on changing while the disk works
        await asyncio.to_thread(self._write, memory.number, msgspec.msgpack.encode(memory))

    def find(self) -> Found | None:
        """Return what was kept last, None if nothing was.

        Raises:
            StorageError: What is there is damaged or another version's: nobody can know which
                orders are on their way.
        """
        numbers = self._files.positions()
        for number, body in self._files.newest_first():
            memory = _decoded(body)
            if memory is not None:
                return Found(memory, number == numbers[-1])
        if numbers:
            raise StorageError(
                "the records of the desk's own hedge orders cannot be read: ask the provider what "
                "is on its way, then move the directory hedging away and start again"
            )
        return None

    def _write(self, number: int, body: bytes) -> None:
        # a write that was under way when the process was told to stop goes on in its thread
        with self._alone:
            self._files.write(number, [body])


def remembered(files: HedgeFiles, position: int, new_origin: Callable[[], str]) -> HedgeMemory:
    """Return the memory of a process that starts: what is kept, with open orders doubtful.

    Args:
        files: Where it is kept.
        position: Where the engine is; a memory that is new begins there.
        new_origin: Makes a name for keys that no other run on the platform has had.

    Raises:
        StorageError: What is kept cannot be read.
    """
    found = files.find()
    if found is None:
        return HedgeMemory(origin=new_origin(), position=position)
    memory = found.memory
    for one in memory.symbols.values():
        one.hedger = restored(one.hedger)
    if not found.is_newest:
        # the keys of orders that the lost record held must not come back
        memory.origin = new_origin()
        for one in memory.symbols.values():
            one.hedger = paused(msgspec.structs.replace(one.hedger, origin=memory.origin), DAMAGED)
    return memory


def _decoded(body: bytes) -> HedgeMemory | None:
    try:
        memory = _MEMORY.decode(body)
    except UNDECODABLE as e:
        structlog.get_logger().warning("record of hedge orders passed over", reason=str(e))
        return None
    return memory if memory.version == MEMORY_VERSION else None
