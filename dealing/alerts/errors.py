"""What goes wrong with alerts."""

from __future__ import annotations

from exposure.errors import DeskError, DomainError


class AlertDeliveryError(DeskError):
    """A channel did not take a message.

    ``retry_after_s`` is when the channel wants it again, None where it does not say. ``will_pass``
    is False where trying again is no use before somebody mends the configuration (a wrong token, a
    channel that is gone); the message is kept all the same.
    """

    def __init__(
        self, reason: str, *, will_pass: bool = True, retry_after_s: float | None = None
    ) -> None:
        """Take why, in a sentence without secrets."""
        super().__init__(reason)
        self.will_pass = will_pass
        self.retry_after_s = retry_after_s


class UnknownCaseError(DomainError):
    """There is no case of that number."""

    def __init__(self, number: int) -> None:
        """Take the number that was asked for."""
        super().__init__(f"there is no case A-{number}: check its number")


class ActRefusedError(DomainError):
    """What somebody wants to do to a case cannot be meant, or not now."""
