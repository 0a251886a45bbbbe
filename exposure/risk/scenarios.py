"""Scenarios: moves that happened, and moves that somebody should think about.

What happened is data of the catalogue; here is what a scenario is, and the families that are made
up from the names of a book.
Source: science.md section 5 (stress table).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from exposure.risk.shocks import (
    CLASS_PREFIX,
    EVERYTHING,
    Shock,
    ShockKind,
    Targets,
    UnknownTargetError,
)
from exposure.risk.stress_book import StressBook

PARALLEL_PERCENT: Final = (1.0, 3.0, 5.0, 10.0)
NEAR_REFERENCE: Final = 0.03
"""How far a price may stand from that of the event before somebody should be told, as a share."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """Moves with a name.

    ``date`` is empty where nothing happened; ``from_memory`` marks figures that nobody has checked
    against a source.
    """

    name: str
    title: str
    date: str = ""
    shocks: tuple[Shock, ...]
    source: str = ""
    from_memory: bool = False


def parallel_scenarios(targets: Targets) -> Iterator[Scenario]:
    """Yield every currency of a book moving alone, up and down by PARALLEL_PERCENT."""
    for currency in targets.currencies:
        if not targets.moved_by(currency):
            continue
        for size in PARALLEL_PERCENT:
            for percent in (size, -size):
                shock = Shock(currency, ShockKind.PERCENT, percent)
                title = f"{currency} {percent:+g} % against everything else"
                yield Scenario(name=f"{currency}{percent:+g}", title=title, shocks=(shock,))


def applicable(scenario: Scenario, book: StressBook) -> tuple[tuple[Shock, ...], list[str]]:
    """Return the shocks of a scenario that a book can take, and sentences about the others.

    A level that is taken from history only means what it meant then while the price stands near
    that of the day before; otherwise a note says what it comes to and what would be like it.
    """
    shocks, notes = [], []
    for shock in scenario.shocks:
        if not _is_known(shock, book.targets):
            if not shock.target.startswith(CLASS_PREFIX):
                notes.append(f"{scenario.name} moves {shock.target}, which this book does not have")
            continue
        shocks.append(shock)
        notes += _far_from_history(scenario, shock, book)
    return tuple(shocks), notes


def _is_known(shock: Shock, targets: Targets) -> bool:
    if shock.target == EVERYTHING:
        return True
    if shock.target.startswith(CLASS_PREFIX):
        return bool(targets.of_class(shock.target.removeprefix(CLASS_PREFIX)))
    try:
        return bool(targets.moved_by(shock.target))
    except UnknownTargetError:
        return False


def _far_from_history(scenario: Scenario, shock: Shock, book: StressBook) -> Iterator[str]:
    reference = shock.reference
    if shock.kind is not ShockKind.PRICE or reference is None:
        return
    for symbol in book.targets.symbols(shock.target):
        bid, name = float(book.book.prices.bid[symbol]), book.book.instruments[symbol].symbol
        if not book.book.prices.quoted[symbol] or abs(bid / reference - 1.0) <= NEAR_REFERENCE:
            continue
        here, then = (100.0 * (shock.value / price - 1.0) for price in (bid, reference))
        yield (
            f"{name} stands at {bid:g}, not near the {reference:g} of {scenario.name}, which moves "
            f"it by {here:+.2f} % to {shock.value:g}: then it was {then:+.2f} %, for which say "
            f"--shock {name}={then:.2f}"
        )
