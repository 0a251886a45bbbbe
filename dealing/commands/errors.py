"""Why a command is not taken, in sentences for whoever gave it."""

from __future__ import annotations

from exposure.errors import DomainError


class BadRequestError(DomainError):
    """A request cannot be understood or meant; every problem is listed at once."""

    def __init__(self, problems: list[str]) -> None:
        """Take every problem, each a sentence."""
        self.problems = problems
        super().__init__("; ".join(problems))


class UnknownCommandError(DomainError):
    """There is no command of that key."""

    def __init__(self, key: str) -> None:
        """Take the key that was asked for."""
        super().__init__(f"there is no command {key}: check its key")


class ConflictError(DomainError):
    """It was right once, or for somebody else; not now."""
