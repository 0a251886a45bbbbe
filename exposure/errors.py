"""Everything that can go wrong, as one tree.

DeskError
+-- ConfigError              the configuration cannot be used (exit code 2)
+-- DomainError              a business rule was broken
|   +-- CurrencyMismatchError
+-- InvariantError           our own state is impossible: a bug, stop
+-- FeedError                a source of events failed
|   +-- DisconnectedError    the source is gone; try again
|   +-- GapError             events were lost between two positions
|   +-- MalformedMessageError
|       +-- UnknownVersionError  whole, but of a version that is not ours
+-- DataError                a file of a person cannot be read at all (exit code 1)
+-- StorageError             the journal, a snapshot or the database cannot be written or read
    +-- SchemaError          a database of another version or another run: trying again is no use
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise on bytes that hold something else; adapters translate it at the border."""


class DeskError(Exception):
    """The root: everything we raise on purpose.

    The message is one sentence for a person: what was wrong, where, and what to do.
    """

    retryable: ClassVar[bool] = False


class ConfigError(DeskError):
    """The configuration cannot be used; every problem is listed at once."""

    def __init__(self, problems: list[str]) -> None:
        """Take every problem, each with its key path."""
        self.problems = problems
        super().__init__("\n".join(problems))


class DomainError(DeskError):
    """A business rule was broken."""


class CurrencyMismatchError(DomainError):
    """Two amounts of different currencies were combined."""

    def __init__(self, left: str, right: str) -> None:
        """Take the two currencies that met."""
        self.left, self.right = left, right
        super().__init__(f"cannot combine {left} and {right}: convert one of them first")


class InvariantError(DeskError):
    """Our own state is impossible. Corrupt data is worse than no data: stop."""


class FeedError(DeskError):
    """A source of events failed."""

    retryable: ClassVar[bool] = True


class DisconnectedError(FeedError):
    """The source is gone for now."""


class GapError(FeedError):
    """Events between two positions were lost, so the numbers could be wrong."""

    retryable: ClassVar[bool] = False

    def __init__(self, expected: int, was: int, reason: str = "") -> None:
        """Take the position that was due, the one that came, and why if it is known."""
        self.expected, self.was, self.reason = expected, was, reason
        skipped = f"the feed skipped events: expected position {expected}, was {was}"
        super().__init__(f"{skipped}; {reason}" if reason else skipped)


class MalformedMessageError(FeedError):
    """Bytes that are no message; they are quarantined and the rest goes on."""

    retryable: ClassVar[bool] = False


class UnknownVersionError(MalformedMessageError):
    """Bytes that are whole and that another version of Plimsoll wrote: no damage, never removed."""


class DataError(DeskError):
    """A person's file cannot be read at all."""


class StorageError(DeskError):
    """The journal, a snapshot or the database cannot be written or read."""


class SchemaError(StorageError):
    """The database is of another version or another run: trying again is no use."""
