"""What applying one event leads to: a refusal, or which accounts have to be looked at anew."""

from __future__ import annotations

from typing import Final, NamedTuple

from exposure.refusals import Refusal

NO_SYMBOL: Final = -1


class Touched(NamedTuple):
    """Accounts (by row) and holders of a symbol whose figures an event changed.

    ``margins`` says whether the holders' margins changed too; those of ``accounts`` are always
    netted anew. ``everybody`` is for the rare event that may change any rate.
    """

    accounts: tuple[int, ...] = ()
    symbol: int = NO_SYMBOL
    margins: bool = False
    everybody: bool = False


NOTHING: Final = Touched()

Outcome = Refusal | Touched
