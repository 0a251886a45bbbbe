"""Providers that refuse hedges, and symbols whose hedging waits for a person.

Hedging remembers the last few answers of each symbol, so a count of rejects is the least that there
were. An order that had to be asked about counts as one: its provider does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dealing.alerts.model import Action, Look, Offer, Reading
from dealing.alerts.sources.health import DEGRADED, DOWN, HEDGING, component_reading
from dealing.alerts.sources.wording import counted, facts, known, lots, usd

SOURCE: Final = "hedging"
WITHIN_MS: Final = 600_000.0
"""Answers count for ten minutes of market time."""

Row = Mapping[str, Any]


class _Reject(NamedTuple):
    at_ms: float
    symbol: str
    left_lots: float
    reason: str


def hedging_look(told: Row, now_us: int) -> Look:
    """Return what hedging says of its providers and of itself."""
    now_ms, symbols = float(told["as_of_ms"]), list(told["symbols"])
    by_provider: dict[str, list[_Reject]] = {}
    for row in symbols:
        by_provider.setdefault(row["lp"], []).extend(_rejects(row, now_ms))
    at_ns = round(now_ms * 1e6)
    rejects = [
        _provider(name, found, [row for row in symbols if row["lp"] == name], at_ns)
        for name, found in by_provider.items()
        if found
    ]
    paused = [_paused(row, at_ns) for row in symbols if row.get("pause")]
    return Look(
        source=SOURCE,
        at_us=now_us,
        readings=(*rejects, *paused, *_not_kept(told, at_ns)),
        measured=frozenset({"provider_rejects", "component_down"}),
    )


def _rejects(row: Row, now_ms: float) -> list[_Reject]:
    found = [
        _Reject(answer["ts_ms"], row["symbol"], known(answer["left_lots"]), answer["reason"])
        for answer in row.get("answers", ())
        if answer["reason"] and known(answer["left_lots"]) > 0.0
    ]
    waits = row.get("open") or {}
    if waits.get("enquiries", 0) > 0:
        left = known(waits["lots"]) - known(waits["filled_lots"])
        found.append(_Reject(now_ms, row["symbol"], left, "it does not answer"))
    return [one for one in found if one.at_ms >= now_ms - WITHIN_MS]


def _provider(name: str, found: Sequence[_Reject], rows: Sequence[Row], at_ns: int) -> Reading:
    last = max(found, key=lambda one: one.at_ms)
    hit = sorted({one.symbol for one in found})
    at_stake_usd = sum(_waiting_usd(row) for row in rows if row["symbol"] in hit)
    return Reading(
        rule="provider_rejects",
        subject=name,
        value=float(len(found)),
        at_stake_usd=at_stake_usd,
        happened_at_ns=at_ns,
        headline=f"{name} refused {counted(len(found), 'hedge')} of {', '.join(hit)} within ten "
        f"minutes, the last one ({lots(last.left_lots)} {last.symbol}) because {last.reason}; "
        f"{usd(at_stake_usd)} wait",
        advice=f"Call {name}, or hedge {last.symbol} at another provider.",
        facts=facts(
            ("Rejects", f"{len(found):,}"),
            ("Last reason", last.reason),
            ("To be hedged", usd(at_stake_usd)),
        ),
        offers=(Offer(action=Action.HEDGE, symbol=last.symbol),),
    )


def _paused(row: Row, at_ns: int) -> Reading:
    symbol, at_stake_usd = row["symbol"], _waiting_usd(row)
    name = f"{HEDGING} of {symbol}"
    reading = component_reading(name, DOWN, f"paused, {row['pause']}", at_ns, at_stake_usd)
    return msgspec.structs.replace(
        reading,
        headline=f"Hedging of {symbol} is paused: {row['pause']}; {usd(at_stake_usd)} wait to be "
        "hedged",
        advice=f"Look into it, hedge {symbol} by hand, then resume.",
        offers=(Offer(action=Action.HEDGE, symbol=symbol),),
        symbol=symbol,
    )


def _not_kept(told: Row, at_ns: int) -> list[Reading]:
    reason = told.get("not_kept")
    if not reason:
        return []
    return [component_reading(HEDGING, DEGRADED, f"orders wait, {reason}", at_ns)]


def _waiting_usd(row: Row) -> float:
    """Return what a symbol holds beyond the band that hedging keeps it in."""
    held = known(row.get("net_lots")) - known(row.get("centre_lots"))
    beyond = max(0.0, abs(held) - known(row.get("band_lots")))
    return beyond * abs(known(row.get("usd_per_lot")))
