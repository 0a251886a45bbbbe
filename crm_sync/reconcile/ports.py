"""What this room needs of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy import Connection


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """Money that goes from one account of the ledger to another; ``amount_minor`` is above 0.

    ``key`` is unique: a ledger that has it already posts nothing.
    """

    debit: str
    credit: str
    amount_minor: int
    currency: str
    code: str
    key: str = ""


class Post(Protocol):
    """Who writes postings into the ledger, inside a transaction that is not theirs."""

    def __call__(self, connection: Connection, postings: Sequence[Posting]) -> None:
        """Post all of them once, or raise DomainError and post none."""
        ...
