"""What the books mean to pass on and no provider holds, symbol by symbol."""

from __future__ import annotations

from typing import Final, NamedTuple

from dealing.alerts.model import Action, Offer, Reading
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.small_tables import rows_of
from dealing.alerts.sources.wording import facts, known, lots, usd
from exposure.snapshot import Snapshot

_LEAST: Final = BY_NAME["uncovered_exposure"].least
_COLUMNS: Final = (
    "symbol", "uncovered_lots", "meant_lots", "lp_net_lots", "gross_usd", "client_gross_lots",
    "house_net_usd", "house_net_lots",
)  # fmt: skip


def uncovered_readings(snapshot: Snapshot) -> list[Reading]:
    """Return the symbols whose uncovered lots are worth something."""
    readings = []
    for symbol, uncovered, meant, covered, *worth in rows_of(snapshot.exposure, _COLUMNS):
        if known(uncovered):
            in_usd = abs(uncovered) * _usd_per_lot(*worth)
            if in_usd >= _LEAST:
                one = _Uncovered(symbol, uncovered, in_usd, meant, covered)
                readings.append(_reading(one, snapshot.as_of))
    return readings


def _usd_per_lot(
    gross_usd: float | None,
    gross_lots: float | None,
    net_usd: float | None,
    net_lots: float | None,
) -> float:
    """Return what a lot is worth: by what clients hold, else by what the house does."""
    for worth, held in ((gross_usd, gross_lots), (net_usd, net_lots)):
        if known(worth) and known(held):
            return abs(known(worth) / known(held))
    return 0.0


class _Uncovered(NamedTuple):
    """A symbol; lots are signed, + is bought for the house."""

    symbol: str
    lots: float
    usd: float
    meant: float | None
    covered: float | None


def _reading(one: _Uncovered, as_of: int) -> Reading:
    symbol, worth, needed = one.symbol, usd(one.usd), lots(abs(one.lots))
    meant, covered = lots(one.meant, sign=True), lots(one.covered, sign=True)
    side = "buy" if one.lots > 0.0 else "sell"
    return Reading(
        rule="uncovered_exposure",
        subject=symbol,
        value=one.usd,
        at_stake_usd=one.usd,
        happened_at_ns=as_of,
        headline=f"{symbol}: {needed} ({worth}) are not covered, the books "
        f"mean {meant} and providers hold {covered}",
        advice=f"Hedge about {needed} {symbol} ({side}).",
        facts=facts(
            ("Uncovered", worth),
            ("Meant", meant),
            ("At providers", covered),
        ),
        offers=(Offer(action=Action.HEDGE, symbol=symbol),),
        symbol=symbol,
    )
