"""What can go wrong between us and another system."""

from __future__ import annotations

from typing import ClassVar

from exposure.errors import DeskError, StorageError


class DeliveryError(DeskError):
    """A target could not be reached or gave no whole answer; try again."""

    retryable: ClassVar[bool] = True


class ForbiddenAddressError(DeliveryError):
    """A target's address is not one that we may call."""


class UnreadableError(StorageError):
    """A message that is kept sealed does not open: its key is not here, or it was changed."""
