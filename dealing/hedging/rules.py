"""From the settings to the rules of every symbol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dealing.hedging.model import BandKind, Hedges, HedgeSettings, SymbolRules
from dealing.hedging.settings import NS_PER_MS, HedgingSection, hedger_rules


def rules_in(section: HedgingSection) -> HedgeSettings:
    """Return the rules of every symbol."""
    return HedgeSettings(
        others=_symbol_rules(section.of("")),
        symbols={rule.symbol: _symbol_rules(section.of(rule.symbol)) for rule in section.rules},
        decide_every_s=section.decide_every_ms / 1e3,
    )


def _symbol_rules(chosen: Mapping[str, Any]) -> SymbolRules:
    stale_ms = chosen["stale_after_ms"]
    return SymbolRules(
        rules=hedger_rules(chosen),
        lp=chosen["lp"],
        hedges=Hedges(chosen["hedges"]),
        band=BandKind(chosen["band"]),
        risk_aversion_per_usd=chosen["risk_aversion_per_usd"],
        news_pause_ns=chosen["news_pause_s"] * 1_000 * NS_PER_MS,
        stale_after_ns=None if stale_ms is None else stale_ms * NS_PER_MS,
        most_ticket_lots=chosen["most_ticket_lots"],
    )
