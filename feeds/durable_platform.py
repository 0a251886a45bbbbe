"""A platform that a crash can neither make forget nor repeat: every step is in a log.

The platform is deterministic and each step's batch ends with the market time it reached. So a
checkpoint need not be recent: what the log holds beyond it is stepped through again, compared byte
for byte with the log, and only then does the market go on. Commands are a part of a step's input:
they are in a log of their own before the step begins, and are obeyed in the same steps again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from exposure.errors import GapError, InvariantError, StorageError
from exposure.model.events import ClockTicked, EventBatch, InputEvent
from feeds.command_log import CommandLog, CommandTaken
from feeds.event_log import EventLog
from feeds.frames import Frame
from feeds.platform_commands import CommandAnswer, PlatformCommand, problem_of
from feeds.ports import SteppedPlatform
from feeds.sealed_files import SealedFiles

OPENING_SLICE: Final = 5_000
"""Events of the opening book in one batch: a big book arrives in portions."""


class DurablePlatform:
    """Steps a platform and keeps its log and its checkpoints in agreement.

    ``ts_recv`` is 0 in the log: nobody has received these events yet.
    """

    def __init__(
        self,
        platform: SteppedPlatform,
        log: EventLog,
        checkpoints: SealedFiles,
        commands: CommandLog,
    ) -> None:
        """Take a platform that is new, and what an earlier process wrote."""
        self.platform = platform
        self._commands = commands
        self._log = log
        self._checkpoints = checkpoints
        self.position = 0

    def resume(self) -> None:
        """Bring the platform to the end of its log, opening it first if it never was.

        Raises:
            InvariantError: The platform does not repeat what the log holds.
            StorageError: Neither a checkpoint nor the beginning of the log is left, or the log is
                damaged: it is the truth, so nobody else could complete it.
        """
        self._checkpoints.set_aside_beyond(self._log.last_position)
        self._commands.postpone_beyond(self._log.last_position)
        newest = next(self._checkpoints.newest_first(), None)
        if newest is None:
            self._open()
        else:
            self.position, state = newest
            self.platform.load(state)
        for held in self._log.read_encoded(self.position):
            self._settle(self._advance(self._duration_of(held)), held)
        self.sync()

    def take(self, commands: Sequence[PlatformCommand]) -> list[CommandAnswer]:
        """Decide about commands for the next step; the disk knows them when this returns.

        Raises:
            StorageError: They could not be written; none of them will be obeyed.
        """
        fresh: dict[str, CommandTaken] = {}
        pending = self._commands.due(self.position)
        for command in commands:
            if self._commands.answer_to(command) is None and command.key not in fresh:
                reason = problem_of(command) or self.platform.refusal(command, pending)
                fresh[command.key] = CommandTaken(self.position, command, reason)
                if not reason:
                    pending.append(command)
        self._commands.take(list(fresh.values()))
        answers = (self._commands.answer_to(command) for command in commands)
        return [answer for answer in answers if answer is not None]

    def step(self, duration_ns: int) -> list[InputEvent]:
        """Let market time pass; what happened is in the log, and on the disk after ``sync``."""
        events = self._advance(duration_ns)
        self._settle(events, None)
        return events

    def sync(self) -> None:
        """Wait until the disk has every step, as is due before others see it."""
        self._log.sync()

    def checkpoint(self, position: int, state: bytes) -> None:
        """Store the state that the platform had at a position, which is on the disk already."""
        self._checkpoints.write(position, [state])

    def keep_log_within(self, total_bytes: int) -> None:
        """Delete the oldest events beyond a size, but none that a checkpoint still needs."""
        kept = self._checkpoints.positions()
        if kept:
            self._log.drop_before(min(self._log.first_position_within(total_bytes), kept[0] + 1))

    def _advance(self, duration_ns: int) -> list[InputEvent]:
        return self.platform.advance(duration_ns, self._commands.due(self.position))

    def _open(self) -> None:
        held = self._held_from_the_start()
        events = self.platform.opening_events()
        for begin in range(0, len(events), OPENING_SLICE):
            self._settle(events[begin : begin + OPENING_SLICE], next(held, None))

    def _held_from_the_start(self) -> Iterator[Frame]:
        try:
            return self._log.read_encoded(0)
        except GapError as e:
            raise StorageError(
                "the platform's checkpoints cannot be read and its log no longer reaches back to "
                "the start: start anew with --fresh"
            ) from e

    def _settle(self, events: list[InputEvent], held: Frame | None) -> None:
        frame = Frame.of(EventBatch(self.position + len(events), 0, events))
        if held is None:
            self._log.append_frame(frame)
        elif frame.data != held.data and frame.data != _as_written_now(held):
            raise InvariantError(
                f"the platform does not repeat its events after position {self.position}, which "
                "its log holds: it was started with other options or another version; start anew "
                "with --fresh"
            )
        self.position = frame.position

    def _duration_of(self, held: Frame) -> int:
        end = held.batch().events[-1]
        duration_ns = end.ts_event - self.platform.now
        if not isinstance(end, ClockTicked) or duration_ns <= 0:
            raise InvariantError(
                f"the step that ends at position {held.position} of the platform's log does not "
                "say how long it took; start anew with --fresh"
            )
        return duration_ns


def _as_written_now(held: Frame) -> bytes:
    # an earlier version wrote fewer fields, or frames of another layout
    return Frame.of(held.batch()).data
