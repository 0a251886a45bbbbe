"""Reverse stress: the smallest move that costs the house more than it has.

The loss need not grow with the move: clients' gains and capped losses may cancel and turn. So the
moves are scanned from small to large first, and only the step on which the loss first passes the
capital is cut in half again and again. A loss that passes the capital and comes back within one
step of the scan is not seen.
Source: science.md section 5 (reverse stress).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import house_loss_usd
from exposure.risk.stress_book import StressBook

SCAN_PERCENT: Final = (
    *np.arange(1, 50) / 10, *np.arange(10, 40) / 2, *np.arange(20, 50) / 1,
    *np.arange(25, 50) * 2.0, 99.0,
)  # fmt: skip
"""The sizes of moves that are looked at: tenths up to 5 %, halves to 20, ones to 50, twos to 98."""

TOLERANCE_PERCENT: Final = 1e-6

Progress = Callable[[float], None]


class ReverseMove(NamedTuple):
    """The smallest move of one target in one direction; None where none up to 99 % is enough.

    ``loss_usd`` is what the house loses at the move, or the largest loss that was seen.
    """

    target: str
    direction: str
    move_percent: float | None
    loss_usd: float


def smallest_move(
    book: StressBook, target: str, sign: float, capital_usd: float, limit_percent: float = 99.0
) -> ReverseMove:
    """Return the smallest move of a target in one direction that loses more than the capital.

    Args:
        book: The book at this moment.
        target: A symbol, an underlying or a currency.
        sign: +1 for up, -1 for down.
        capital_usd: What may be lost, above 0.
        limit_percent: No larger moves are looked at.

    Raises:
        UnknownTargetError: The book has no such target.
    """

    def loss(size: float) -> float:
        return house_loss_usd(book, [Shock(target, ShockKind.PERCENT, sign * size)])

    direction = "up" if sign > 0.0 else "down"
    book = book.narrowed([Shock(target, ShockKind.PERCENT, sign)])
    largest, below = 0.0, 0.0
    for size in _scan(limit_percent):
        now = loss(size)
        largest = max(largest, now)
        if now > capital_usd:
            above = _halved(loss, below, size, capital_usd)
            return ReverseMove(target, direction, sign * above, loss(above))
        below = size
    return ReverseMove(target, direction, None, largest)


def reverse_stress(
    book: StressBook,
    capital_usd: float,
    targets: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[ReverseMove]:
    """Return the smallest ruinous move of each target, up and down, smallest first.

    Without targets every symbol and currency of the book is tried, and none is followed further
    than the smallest move found so far; those that need a larger one are left out, unlooked at
    where not even their gross positions could lose so much.

    Args:
        book: The book at this moment.
        capital_usd: What may be lost, above 0.
        targets: Symbols, underlyings and currencies; none for all.
        progress: Told how much is done, in [0, 1].

    Raises:
        UnknownTargetError: The book has no such target.
    """
    everything = not targets
    names = list(targets) or list(all_targets(book))
    limit, moves = 99.0, []
    for k, name in enumerate(names):
        for sign in (1.0, -1.0):
            if everything and not could_lose(book, name, sign * limit, capital_usd):
                continue
            found = smallest_move(book, name, sign, capital_usd, limit)
            if everything and found.move_percent is not None:
                limit = min(limit, abs(found.move_percent))
            if found.move_percent is not None or not everything:
                moves.append(found)
        if progress is not None:
            progress((k + 1) / len(names))
    return sorted(moves, key=_size)


def could_lose(book: StressBook, target: str, percent: float, capital_usd: float) -> bool:
    """Whether a move up to this size may cost the capital: if all positions went against the house.

    Nobody's loss is larger than what all positions change together. Rates change on the way too, so
    twice of that is taken.
    """
    shocks = [Shock(target, ShockKind.PERCENT, percent)]
    after = book.valued(book.shocked(shocks).prices)
    clients = np.abs(after.value_usd - book.now.value_usd).sum()
    return bool(2.0 * (clients + np.abs(after.lp_usd - book.now.lp_usd).sum()) > capital_usd)


def all_targets(book: StressBook) -> Iterable[str]:
    """Yield every currency that moves something, and a quoted symbol of every underlying."""
    targets = book.targets
    for currency in targets.currencies:
        if targets.moved_by(currency):
            yield currency
    seen: set[int] = set()
    for k, instrument in enumerate(book.book.instruments):
        if k not in seen and book.book.prices.quoted[k]:
            seen.update(targets.symbols(instrument.symbol))
            yield instrument.symbol


def _scan(limit_percent: float) -> list[float]:
    sizes = [size for size in SCAN_PERCENT if size < limit_percent]
    return [*map(float, sizes), limit_percent]


def _halved(loss: Callable[[float], float], below: float, above: float, capital: float) -> float:
    """Return a size that loses more than the capital, next to one that does not."""
    while above - below > TOLERANCE_PERCENT:
        middle = (below + above) / 2
        if loss(middle) > capital:
            above = middle
        else:
            below = middle
    return above


def _size(move: ReverseMove) -> float:
    return float("inf") if move.move_percent is None else abs(move.move_percent)
