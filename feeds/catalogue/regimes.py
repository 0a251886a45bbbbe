"""Leverage that the law or the broker sets: caps of regulators, brackets of dynamic profiles.

Both are tables beside this module. A regime names classes of underlyings (a major currency pair,
gold, a minor index); which class an instrument is in is read off its terms. Caps bind in the modes
that have leverage; where a mode has none, the instrument's own margin rate has to keep to them.
Source: science.md section 6; the column ``source`` of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from exposure.errors import DomainError
from exposure.model.events import LeverageCapDefined, LeverageTierDefined
from exposure.model.instruments import AssetClass, Instrument
from feeds.catalogue import read_rows

NOT_OFFERED: Final = 1.0
"""The cap of what a regime forbids: no event says "not at all", and 1 is the least leverage.

A platform has to refuse the order itself (``is_offered``).
"""

_GOLD: Final = "XAU"


class Regime(StrEnum):
    """Whose rules bind a broker's retail clients."""

    ESMA = "esma"
    FCA = "fca"
    ASIC = "asic"
    OFFSHORE = "offshore"


class CapClass(StrEnum):
    """What regulators tell apart; ``SHARE`` is also everything that no other class names."""

    MAJOR_FX = "major_fx"
    MINOR_FX = "minor_fx"
    GOLD = "gold"
    MAJOR_INDEX = "major_index"
    OTHER_COMMODITY = "other_commodity"
    MINOR_INDEX = "minor_index"
    SHARE = "share"
    CRYPTO = "crypto"


class LeverageCap(NamedTuple):
    """One row of the table: what a regime allows its retail clients in one class.

    ``members`` are the currencies of a major pair or the major indices. Units: ``leverage`` 30 for
    1:30, None where the class may not be offered; ``close_out_level`` in percent of the margin.
    """

    regime: Regime
    category: str
    cap_class: CapClass
    leverage: float | None
    members: frozenset[str]
    close_out_level: float
    negative_balance_protection: bool
    source: str


class RegimeRule(NamedTuple):
    """Accounts of this region and category are under this regime."""

    region: str
    category: str
    regime: Regime


@cache
def load_caps() -> tuple[LeverageCap, ...]:
    """Return the whole table, in file order."""
    return tuple(
        LeverageCap(
            regime=Regime(row["regime"]),
            category=row["category"],
            cap_class=CapClass(row["class"]),
            leverage=float(row["leverage"]) if row["leverage"] else None,
            members=frozenset(row["members"].split()),
            close_out_level=float(row["close_out_level"]),
            negative_balance_protection=row["negative_balance_protection"] == "true",
            source=row["source"],
        )
        for row in read_rows("leverage_caps")
    )


def cap_of(regime: Regime, cap_class: CapClass) -> LeverageCap:
    """Return what a regime allows in a class."""
    return next(cap for cap in load_caps() if cap.regime is regime and cap.cap_class is cap_class)


def class_of(instrument: Instrument, regime: Regime) -> CapClass:
    """Return the class that a regime puts an instrument in.

    >>> from feeds.catalogue import load_catalogue
    >>> terms = {one.symbol: one for one in load_catalogue()}
    >>> str(class_of(terms["AUDUSD"], Regime.ESMA)), str(class_of(terms["AUDUSD"], Regime.ASIC))
    ('minor_fx', 'major_fx')
    """
    match instrument.asset_class:
        case AssetClass.FX:
            major = cap_of(regime, CapClass.MAJOR_FX).members
            is_major = {instrument.base, instrument.quote} <= major
            return CapClass.MAJOR_FX if is_major else CapClass.MINOR_FX
        case AssetClass.METAL | AssetClass.ENERGY:
            is_gold = instrument.base.upper() == _GOLD
            return CapClass.GOLD if is_gold else CapClass.OTHER_COMMODITY
        case AssetClass.INDEX:
            major = cap_of(regime, CapClass.MAJOR_INDEX).members
            return CapClass.MAJOR_INDEX if _index(instrument) in major else CapClass.MINOR_INDEX
        case AssetClass.CRYPTO:
            return CapClass.CRYPTO
    return CapClass.SHARE


def is_offered(instrument: Instrument, regime: Regime) -> bool:
    """Whether a retail client of a regime may trade an instrument at all."""
    return cap_of(regime, class_of(instrument, regime)).leverage is not None


def caps_of(
    regime: Regime,
    region: str,
    category: str,
    instruments: Iterable[Instrument],
    ts_event: int = 0,
) -> list[LeverageCapDefined]:
    """Return the caps of accounts that a regime protects as retail clients.

    Professional clients have no caps: they are left out by not asking for them.

    Args:
        regime: Whose rules.
        region: As the accounts have it.
        category: As the accounts have it; brokers also call retail clients otherwise.
        instruments: Those that the accounts may trade; modes without leverage have no caps.
        ts_event: When the caps are announced, ns UTC.
    """
    return [
        LeverageCapDefined(ts_event, region, category, instrument.symbol, _leverage(cap))
        for instrument in instruments
        if instrument.calc_mode.leveraged
        for cap in (cap_of(regime, class_of(instrument, regime)),)
    ]


def caps_of_rules(
    rules: Sequence[RegimeRule], instruments: Sequence[Instrument], ts_event: int = 0
) -> list[LeverageCapDefined]:
    """Return the caps of several regions and categories, in order."""
    return [
        event
        for rule in rules
        for event in caps_of(rule.regime, rule.region, rule.category, instruments, ts_event)
    ]


def parse_rule(text: str) -> RegimeRule:
    """Read ``REGION/CATEGORY=REGIME``, such as ``EU/retail=esma``.

    Raises:
        DomainError: The text is something else, or the regime is unknown.
    """
    accounts, equals, regime = (part.strip() for part in text.partition("="))
    region, slash, category = (part.strip() for part in accounts.partition("/"))
    if not (equals and slash and region and category):
        raise DomainError(
            f"'{text}' must be REGION/CATEGORY=REGIME, such as EU/retail=esma, with region and "
            "category as the accounts have them"
        )
    if regime not in set(Regime):
        raise DomainError(f"'{regime}' is no regime: use {', '.join(Regime)}")
    return RegimeRule(region, category, Regime(regime))


def tiers_of(
    profile: str, instruments: Iterable[Instrument], ts_event: int = 0
) -> list[LeverageTierDefined]:
    """Return the brackets of a dynamic leverage profile for the classes that it covers.

    Raises:
        DomainError: No profile of the table has this name.
    """
    rows = [row for row in read_rows("leverage_tiers") if row["profile"] == profile]
    if not rows:
        known = sorted({row["profile"] for row in read_rows("leverage_tiers")})
        raise DomainError(f"'{profile}' is no leverage profile: use {', '.join(known)}")
    return [
        LeverageTierDefined(
            ts_event,
            profile,
            instrument.symbol,
            float(row["upper_lots"]) if row["upper_lots"] else None,
            float(row["leverage"]),
        )
        for instrument in instruments
        if instrument.calc_mode.leveraged
        for row in rows
        if row["asset_class"] == instrument.asset_class
    ]


def _leverage(cap: LeverageCap) -> float:
    return NOT_OFFERED if cap.leverage is None else cap.leverage


def _index(instrument: Instrument) -> str:
    names = (instrument.underlying, instrument.base, instrument.symbol)
    return next((known for name in names if (known := _index_names().get(name.upper()))), "")


@cache
def _index_names() -> dict[str, str]:
    return {
        name.upper(): row["index"]
        for row in read_rows("index_names")
        for name in (row["index"], *row["also_called"].split())
    }
