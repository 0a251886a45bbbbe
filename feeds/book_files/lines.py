"""Text files as blocks of whole lines, plain or gzipped; damage ends a file, it loses nothing else.

A block is a few megabytes, so a file of any size passes through little memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from exposure.errors import DataError

BLOCK_BYTES: Final = 1 << 23
_COMPRESSED_BYTES: Final = 1 << 18
_GZIP: Final = 31


class LineBlocks:
    """The lines of a file, in blocks that end with a line end.

    ``damage`` says after the last block why compressed data ended early, None if they did not. The
    part of a line before the damage is left out: nobody knows what it would have said.
    """

    def __init__(self, path: Path, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = path
        self.damage: str | None = None
        self._block_bytes = block_bytes

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks in order.

        Raises:
            DataError: The file cannot be opened or read.
        """
        waiting = bytearray()
        try:
            with self.path.open("rb") as file:
                for piece in self._pieces(file):
                    waiting += piece
                    if len(waiting) >= self._block_bytes:
                        cut = waiting.rfind(b"\n") + 1
                        if cut > 0:
                            yield bytes(waiting[:cut])
                            del waiting[:cut]
        except OSError as e:
            raise DataError(f"{self.path} cannot be read: {e.strerror}") from e
        if waiting and self.damage is None and not waiting.endswith(b"\n"):
            waiting += b"\n"
        end = waiting.rfind(b"\n") + 1
        if end > 0:
            yield bytes(waiting[:end])

    def _pieces(self, file: IO[bytes]) -> Iterator[bytes]:
        if self.path.suffix == ".gz":
            yield from self._unpacked(file)
            return
        while piece := file.read(self._block_bytes):
            yield piece

    def _unpacked(self, file: IO[bytes]) -> Iterator[bytes]:
        member = None
        while packed := file.read(_COMPRESSED_BYTES):
            while packed:
                if member is None:
                    packed = packed.lstrip(b"\0")  # what tapes and archives append
                    if not packed:
                        break
                    member = zlib.decompressobj(_GZIP)
                before = member.copy()
                try:
                    yield member.decompress(packed)
                except zlib.error:
                    self.damage = "its compressed data are damaged"
                    yield from _up_to_damage(before.decompress, packed)
                    return
                packed, ended = member.unused_data, member.eof
                member = None if ended else member
        if member is not None:
            self.damage = "its compressed data end too early"


def _up_to_damage(unpack: Callable[[bytes], bytes], packed: bytes) -> Iterator[bytes]:
    for k in range(len(packed)):
        try:
            piece = unpack(packed[k : k + 1])
        except zlib.error:
            return
        yield piece
