"""Limits as a frame has them: how much of each is used, and what brings the house back.

A limit's case is about what is above it: that is at stake. Below the limit nothing is, but the
reading goes on down to half of it, so that whoever reads knows when it is well below again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import polars as pl

from dealing.alerts.model import Action, Offer, Reading
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.small_tables import rows_of
from dealing.alerts.sources.wording import facts, known, lots, percent, usd
from exposure.limits import NOTHING_ALLOWED, Scope
from exposure.snapshot import Snapshot

_LEAST: Final = BY_NAME["limit_hard"].least
_MONEY: Final = ("soft_usd", "hard_usd", "value_usd")


class Held(NamedTuple):
    """What the house holds in a symbol; lots and USD are signed, + is long."""

    lots: float
    usd: float

    @property
    def words(self) -> str:
        """It in a few words."""
        side = "long" if self.lots > 0.0 else "short"
        return f"house {side} {lots(abs(self.lots))} ({usd(self.usd)})"


class Used(NamedTuple):
    """One limit, and what stands against it. Units: USD."""

    scope: str
    name: str
    word: str
    limit_usd: float
    value_usd: float

    @property
    def ratio(self) -> float:
        """How much of it is used; 1 is all of it."""
        if self.limit_usd > 0.0:
            return self.value_usd / self.limit_usd
        return NOTHING_ALLOWED if self.value_usd > 0.0 else 0.0

    @property
    def subject(self) -> str:
        """What is limited, in words."""
        if self.scope == Scope.SYMBOL:
            return self.name
        return f"{self.scope.replace('_', ' ')} {self.name}"


def limit_readings(snapshot: Snapshot) -> list[Reading]:
    """Return the limits that are used by half and more, soft and hard ones apart."""
    used = list(_used(snapshot.limits))
    if not used:
        return []
    held = held_by_symbol(snapshot.exposure, {one.name for one in used if _is_symbol(one)})
    return [_reading(one, held, snapshot.as_of) for one in used]


def held_by_symbol(exposure: pl.DataFrame, names: set[str]) -> dict[str, Held]:
    """Return what the house holds in some symbols, those that have a price."""
    if not names:
        return {}
    rows = rows_of(exposure, ("symbol", "house_net_lots", "house_net_usd"))
    return {
        symbol: Held(net, worth)
        for symbol, net, worth in rows
        if symbol in names and known(net) and known(worth)
    }


def _used(limits: pl.DataFrame) -> Iterator[Used]:
    for scope, name, soft, hard, value in rows_of(limits, ("scope", "name", *_MONEY)):
        if known(value) > 0.0:
            for word, limit in (("soft", soft), ("hard", hard)):
                # beside a limit of infinity nothing is much
                one = Used(scope, name, word, known(limit, math.inf), value)
                if one.ratio >= _LEAST:
                    yield one


def _is_symbol(one: Used) -> bool:
    return one.scope == Scope.SYMBOL


def _reading(one: Used, held: Mapping[str, Held], as_of: int) -> Reading:
    over_usd = max(0.0, one.value_usd - one.limit_usd)
    mine = held.get(one.name) if _is_symbol(one) else None
    share = f"{percent(one.ratio)} of the {one.word} limit {usd(one.limit_usd)}"
    return Reading(
        rule=f"limit_{one.word}",
        subject=one.subject,
        value=one.ratio,
        at_stake_usd=over_usd,
        happened_at_ns=as_of,
        headline=f"{one.subject}: {_what(one, mine)}, {share}",
        advice=_advice(one, mine, over_usd),
        facts=facts(
            ("Held", usd(one.value_usd)),
            (f"{one.word.capitalize()} limit", usd(one.limit_usd)),
            ("Used", percent(one.ratio)),
            ("Above it", usd(over_usd) if over_usd else ""),
            ("House net", lots(mine.lots, sign=True) if mine else ""),
        ),
        offers=_offers(one),
        symbol=one.name if _is_symbol(one) else "",
    )


def _what(one: Used, mine: Held | None) -> str:
    if mine is not None:
        return mine.words
    holder = "holds positions of" if one.scope == Scope.CLIENT else "the house holds"
    return f"{holder} {usd(one.value_usd)}"


def _advice(one: Used, mine: Held | None, over_usd: float) -> str:
    if not over_usd:
        return f"Watch it: {usd(one.limit_usd - one.value_usd)} are left."
    if mine is not None:
        needed = abs(mine.lots) * over_usd / abs(mine.usd)
        side = "buy" if mine.lots < 0.0 else "sell"
        return f"Hedge about {lots(needed)} {one.name} ({side}) to get back to the limit."
    if one.scope == Scope.CLIENT:
        return f"Move client {one.name} to book A, or let the limit be set anew."
    return f"Hedge about {usd(over_usd)} of {one.subject} to get back to the limit."


def _offers(one: Used) -> tuple[Offer, ...]:
    match one.scope:
        case Scope.SYMBOL:
            return (Offer(action=Action.HEDGE, symbol=one.name, within_usd=one.limit_usd),)
        case Scope.CLIENT:
            return (Offer(action=Action.MOVE_TO_A, client_id=one.name),)
        case _:
            return ()
