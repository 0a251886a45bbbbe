"""Why money is not moved, in sentences for whoever asked; no personal data is in them."""

from __future__ import annotations

from typing import ClassVar

from exposure.errors import DeskError, DomainError


class TransferRefusedError(DomainError):
    """A transfer breaks a rule of the ledger; nothing of it was kept."""


class OverdraftError(TransferRefusedError):
    """An account that may not go below zero would."""

    def __init__(self, account: str, amount_minor: int, available_minor: int) -> None:
        """Take the account, what was to leave it and what is free in it."""
        self.account, self.amount_minor, self.available_minor = (
            account,
            amount_minor,
            available_minor,
        )
        super().__init__(
            f"account {account} cannot give {amount_minor}: {available_minor} minor units are free"
        )


class MoneyConflictError(DomainError):
    """It was right once, or for somebody else, or with other content; not now."""


class NotSoleSenderError(DeskError):
    """Another process sends to the platform: two senders could pay twice."""

    retryable: ClassVar[bool] = True


class PlatformUnknownError(DeskError):
    """Nobody knows whether the platform did it; ask before trying again."""

    retryable: ClassVar[bool] = True
