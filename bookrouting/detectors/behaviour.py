"""What kind of trader a client is, in plain words: never evidence of toxicity by itself.

A tag has a strength from 0 to 1, the share of occasions on which the client did it (where chance
does it too: how far beyond chance). Several tags are usual; none is too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from bookrouting.detectors.entries import Closes, Int64s

LEAST_STRENGTH: Final = 0.3
FEWEST_TRADES: Final = 5

_SHORT_S, _LONG_S = 120.0, 86_400.0
_DOUBLES: Final = 1.7
_FEWEST_LOSSES: Final = 3
_REGULAR_CHANCE: Final = 1e-3
_MINUTE_NS: Final = 60_000_000_000
_ROLLOVER_S: Final = 1_800.0


class Tag(NamedTuple):
    """One habit: ``strength`` from 0 to 1, ``sentence`` with its numbers."""

    name: str
    strength: float
    sentence: str


class Behaviour(NamedTuple):
    """A client's habits, the strongest first; ``n`` trades were looked at."""

    tags: tuple[Tag, ...]
    n: int

    @property
    def sentence(self) -> str:
        """What kind of trader this is."""
        if self.n < FEWEST_TRADES:
            return f"too few trades to say ({self.n})"
        if not self.tags:
            return f"no habit stands out in {self.n} trades"
        return "; ".join(f"{tag.name}: {tag.sentence}" for tag in self.tags)


class Known(NamedTuple):
    """What others have found out: shares of entries near releases and soon before rollover.

    ``cluster`` is the name of a copy cluster the client belongs to, "" for none, and ``leads``
    whether he decides first in it; ``against`` the name of a cluster in which he hedges others.
    """

    news_ratio: float = 0.0
    before_rollover_ratio: float = 0.0
    cluster: str = ""
    leads: bool = False
    against: str = ""


NOTHING_KNOWN: Final = Known()


def behaviour(closes: Closes, known: Known = NOTHING_KNOWN) -> Behaviour:
    """Describe a client by his closed trades, in order of opening, and by what is known."""
    n = len(closes.opened)
    if n < FEWEST_TRADES:
        return Behaviour((), n)
    tags = [*_by_holding(closes), _martingale(closes), *_by_position(closes), _robot(closes.opened)]
    strong = [tag for tag in [*tags, *_known(known)] if tag.strength >= LEAST_STRENGTH]
    return Behaviour(tuple(sorted(strong, key=lambda tag: (-tag.strength, tag.name))), n)


def _by_holding(closes: Closes) -> Iterable[Tag]:
    short, long = float((closes.hold_s < _SHORT_S).mean()), float((closes.hold_s > _LONG_S).mean())
    yield Tag("scalper", short, f"{short:.0%} of trades are closed within two minutes")
    yield Tag("swing trader", long, f"{long:.0%} of trades are held for more than a day")


def _martingale(closes: Closes) -> Tag:
    """Compare how often the next stake is about doubled after a loss and after a gain."""
    order = np.argsort(closes.closed, kind="stable")
    raised: dict[bool, list[bool]] = {True: [], False: []}
    for k in order.tolist():
        following = np.searchsorted(closes.opened, closes.closed[k])
        if following < len(closes.opened):
            larger = closes.lots[following] >= _DOUBLES * closes.lots[k]
            raised[bool(closes.profit[k] < 0.0)].append(bool(larger))
    losses = len(raised[True])
    if losses < _FEWEST_LOSSES:
        return Tag("martingale", 0.0, "")
    after_loss = float(np.mean(raised[True]))
    after_gain = float(np.mean(raised[False])) if raised[False] else 0.0
    sentence = f"the next stake is doubled after {after_loss:.0%} of {losses} losses"
    return Tag("martingale", max(0.0, after_loss - after_gain), sentence)


def _by_position(closes: Closes) -> Iterable[Tag]:
    """Look at what was open in the same symbol when a trade was opened."""
    held: dict[int, list[int]] = defaultdict(list)
    added = against = with_open = 0
    for k in range(len(closes.opened)):
        of_symbol = held[int(closes.symbol[k])]
        of_symbol[:] = [one for one in of_symbol if closes.closed[one] > closes.opened[k]]
        same = [one for one in of_symbol if closes.side[one] == closes.side[k]]
        with_open += bool(of_symbol)
        against += len(same) < len(of_symbol)
        added += bool(same) and _is_worse(closes, same[-1], k)
        of_symbol.append(k)
    n = len(closes.opened)
    yield Tag("averages down", added / n, f"{added} of {n} trades add to a losing position")
    yield Tag("hedger", against / n, f"{against} of {n} trades stand against an open one")


def _is_worse(closes: Closes, before: int, k: int) -> bool:
    moved = closes.side[k] * (closes.open_price[k] - closes.open_price[before])
    return bool(moved < 0.0)


def _robot(opened: Int64s) -> Tag:
    """Ask whether entries come at the same second of the minute (Rayleigh's test)."""
    phase = 2.0 * math.pi * (opened % _MINUTE_NS) / _MINUTE_NS
    n = len(opened)
    length = float(np.hypot(np.cos(phase).mean(), np.sin(phase).mean()))
    chance = math.exp(-n * length * length)
    strength = length if chance < _REGULAR_CHANCE else 0.0
    return Tag("robot", strength, "entries come at the same second of the minute")


def _known(known: Known) -> Iterable[Tag]:
    yield Tag("news trader", known.news_ratio, f"{known.news_ratio:.0%} of entries are at releases")
    share = known.before_rollover_ratio
    yield Tag(
        "swap hunter", share, f"{share:.0%} of trades are opened {_ROLLOVER_S / 60:.0f} minutes or "
        "less before rollover",
    )  # fmt: skip
    if known.cluster:
        role = "leads" if known.leads else "follows in"
        yield Tag("copies", 1.0, f"{role} {known.cluster}")
    if known.against:
        yield Tag("hedged pair", 1.0, f"stands against others in {known.against}")
