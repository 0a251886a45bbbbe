"""Every command that a platform was given, on the disk before anybody hears the answer.

A record says behind which position of the platform's own log the command takes effect: it is a part
of the input of the step that follows. So a platform that repeats its steps after a crash repeats
its commands at the same moments. All records stay: they are what makes a key unique for ever.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from exposure.errors import UNDECODABLE, MalformedMessageError, StorageError
from feeds.frames import MAGIC, Frame, FrameKind, parse_frame
from feeds.platform_commands import CommandAnswer, PlatformCommand
from feeds.sealed_files import private_directory
from feeds.set_aside import sync_directory

USED_OTHERWISE: Final = "this key was used for another command: take a new one"


class CommandTaken(msgspec.Struct, frozen=True):
    """A command, what it was answered, and behind which position it takes effect.

    ``reason`` is why it was refused; "" means that it was accepted.
    """

    after: int
    command: PlatformCommand
    reason: str = ""

    @property
    def answer(self) -> CommandAnswer:
        """What whoever sends the key is told."""
        return CommandAnswer(self.command.key, not self.reason, self.reason)


_TAKEN: Final[msgspec.msgpack.Decoder[CommandTaken]] = msgspec.msgpack.Decoder(CommandTaken)


class CommandLog:
    """The records in one file; its platform's process alone writes it."""

    def __init__(self, path: Path) -> None:
        """Read what earlier processes wrote; a record that was cut off was never answered.

        Raises:
            StorageError: The file cannot be used, or is damaged before its end.
        """
        self._path = path
        self._by_key: dict[str, CommandTaken] = {}
        self._due: dict[int, list[str]] = {}
        private_directory(path.parent)
        try:
            content = path.read_bytes() if path.exists() else b""
            end = self._read(content)
            if end < len(content):
                os.truncate(path, end)
        except OSError as e:
            raise self._failed("cannot be opened", e) from e
        self._size = end

    def answer_to(self, command: PlatformCommand) -> CommandAnswer | None:
        """Return what a command with this key was answered, None if the key is new."""
        taken = self._by_key.get(command.key)
        if taken is None:
            return None
        if taken.command != command:
            return CommandAnswer(command.key, accepted=False, reason=USED_OTHERWISE)
        return taken.answer

    def due(self, after: int) -> list[PlatformCommand]:
        """Return the accepted commands of the step behind a position, in order."""
        keys = dict.fromkeys(self._due.get(after, ()))
        taken = (self._by_key[key] for key in keys)
        return [one.command for one in taken if one.after == after and not one.reason]

    def take(self, records: Sequence[CommandTaken]) -> None:
        """Keep records, on the disk when this returns; the last one of a key counts.

        Raises:
            StorageError: They could not be written; none of them counts.
        """
        if not records:
            return
        content = b"".join(
            Frame.of_message(msgspec.msgpack.encode(record)).data for record in records
        )
        try:
            self._append(content)
        except OSError as e:
            raise self._failed("takes no more commands", e) from e
        self._size += len(content)
        for record in records:
            self._remember(record)

    def postpone_beyond(self, position: int) -> None:
        """Let what was due behind a position that the platform's log lost follow its end.

        Raises:
            StorageError: It could not be written.
        """
        late = [one for one in self._by_key.values() if one.after > position]
        self.take([msgspec.structs.replace(one, after=position) for one in late])

    def _append(self, content: bytes) -> None:
        is_new = not self._path.exists()
        with self._path.open("ab") as file:
            # what a full disk cut off must not stand before the next record
            file.truncate(self._size)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            self._path.chmod(0o600)
            sync_directory(self._path.parent)

    def _remember(self, record: CommandTaken) -> None:
        self._by_key[record.command.key] = record
        self._due.setdefault(record.after, []).append(record.command.key)

    def _read(self, content: bytes) -> int:
        offset = 0
        while offset < len(content):
            try:
                frame = parse_frame(content, offset)
                if frame is None:
                    break
                self._remember(_record_in(frame))
            except MalformedMessageError as e:
                if _follows(content, offset + 1):
                    raise StorageError(
                        f"{self._path} is damaged at byte {offset} ({e}): restore it from a copy, "
                        "or start anew with --fresh"
                    ) from e
                break
            offset += len(frame.data)
        return offset

    def _failed(self, what: str, e: OSError) -> StorageError:
        return StorageError(
            f"{self._path} {what}: {e.strerror}; make room or repair the disk, then start again"
        )


def _record_in(frame: Frame) -> CommandTaken:
    if frame.header.kind is not FrameKind.MESSAGE:
        raise MalformedMessageError("the frame holds events instead of a command")
    try:
        return _TAKEN.decode(frame.payload)
    except UNDECODABLE as e:
        raise MalformedMessageError(f"the frame holds no command: {e}") from e


def _follows(content: bytes, offset: int) -> bool:
    """Whether a whole frame begins anywhere behind an offset."""
    while (offset := content.find(MAGIC, offset)) >= 0:
        try:
            if parse_frame(content, offset) is not None:
                return True
        except MalformedMessageError:
            pass
        offset += 1
    return False
