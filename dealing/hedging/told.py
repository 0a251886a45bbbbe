"""Hedging as it is told: one row for each symbol, and a ticket, as plain values for JSON."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from bookrouting.hedge_terms import Decision, HedgeMode, HedgeRules
from bookrouting.hedging import HedgerState, decide, wanted_lots
from bookrouting.tickets import HedgeTicket, lots_within
from dealing.hedging.book import HedgeBook
from dealing.hedging.model import Answer, Hedges, SymbolMemory
from dealing.hedging.sight import Sight, SymbolSeen
from exposure.errors import DomainError
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Side

_NS_PER_MS: Final = 1_000_000


def symbol_row(
    book: HedgeBook, sight: Sight, symbol: str, *, feed_is_live: bool
) -> dict[str, Any] | None:
    """Return how a symbol is hedged, None for one that nobody holds, hedges or has rules for."""
    told, held = book.rules_of(symbol), book.memory.symbols.get(symbol)
    seen = sight.of(symbol, told.hedges)
    is_flat = max(abs(seen.held_lots), abs(seen.house_net_lots)) <= LOTS_TOLERANCE
    if is_flat and held is None and symbol not in book.settings.symbols:
        return None
    rules = book.band_of(symbol, seen)
    now = book.situation(symbol, seen, sight.now_ns, feed_is_live=feed_is_live)
    held = held or SymbolMemory(hedger=_nobody(book, symbol))
    decision = decide(held.hedger, rules, now).decision
    return {
        "symbol": symbol,
        "mode": rules.mode.value,
        "configured_mode": told.rules.mode.value,
        "hedges": told.hedges.value,
        "lp": told.lp,
        **_figures(seen, sight),
        "band_lots": rules.band_lots,
        "centre_lots": rules.centre_lots,
        "band": told.band.value,
        "verdict": decision.verdict.value,
        "sentence": _sentence(held, decision),
        "suggestion": _suggestion(seen, rules),
        "pause": held.hedger.pause or None,
        "open": _open(held),
        "bridge": _bridge(held),
        "today": _today(held),
        "answers": [_answer(one) for one in held.answers],
    }


def wanted(book: HedgeBook, sight: Sight, symbol: str) -> tuple[Side, float]:
    """Return side and lots of one order that brings a symbol back into its band.

    Raises:
        DomainError: It is inside, or unknown.
    """
    told = book.rules_of(symbol)
    seen = sight.of(symbol, told.hedges)
    side, lots = _one_order(seen, book.band_of(symbol, seen))
    if lots <= 0.0:
        raise DomainError(f"{symbol} is inside its band: nothing needs to be hedged")
    return side, lots


def wanted_within(
    book: HedgeBook, sight: Sight, symbol: str, limit_usd: float
) -> tuple[Side, float]:
    """Return side and lots that bring what the house holds net to a limit, a ticket's at most.

    Raises:
        DomainError: It is within the limit, has no price, or is unknown; or the hedger would trade
            back at once, because it brings back what is uncovered and not what the house holds.
    """
    told = book.rules_of(symbol)
    if book.mode_of(symbol) is HedgeMode.AUTOMATIC and told.hedges is Hedges.UNCOVERED:
        raise DomainError(
            f"{symbol} is hedged automatically for what is uncovered, which would undo this: let "
            "it be hedged by hand or for its house net first"
        )
    seen = sight.of(symbol, told.hedges)
    lots = lots_within(seen.house_net_lots, seen.usd_per_lot, limit_usd, told.rules.lot_step)
    if lots == 0.0:
        raise DomainError(
            f"{symbol} is within {limit_usd:,.0f} USD again: nothing needs to be hedged"
        )
    if math.isnan(lots):
        raise DomainError(f"{symbol} has no price: what would bring it back is not known")
    return _side(lots), min(abs(lots), _whole(told.most_ticket_lots, told.rules.lot_step))


def ticket_row(ticket: HedgeTicket) -> dict[str, Any]:
    """Return a ticket."""
    return {
        "symbol": ticket.symbol,
        "side": ticket.side.value,
        "lots": ticket.lots,
        "lp": ticket.lp,
        "cost_usd": _known(ticket.cost_usd),
        "var_before_usd": _known(ticket.var_before_usd),
        "var_after_usd": _known(ticket.var_after_usd),
        "var_saved_usd": _known(ticket.saved_usd),
        "sentence": ticket.sentence,
    }


def _figures(seen: SymbolSeen, sight: Sight) -> dict[str, Any]:
    age_ms = (sight.now_ns - seen.price_ts_ns) / _NS_PER_MS if seen.price_ts_ns else None
    return {
        "net_lots": seen.held_lots,
        "house_net_lots": seen.house_net_lots,
        "uncovered_lots": seen.uncovered_lots,
        "lp_net_lots": seen.lp_net_lots,
        "usd_per_lot": _known(seen.usd_per_lot),
        "age_ms": age_ms,
        "stale": age_ms is None or age_ms > seen.instrument.stale_after_ms,
    }


def _one_order(seen: SymbolSeen, rules: HedgeRules) -> tuple[Side, float]:
    lots = wanted_lots(seen.held_lots, rules)
    return _side(lots), _whole(min(abs(lots), rules.max_clip_lots), rules.lot_step)


def _side(lots: float) -> Side:
    return Side.BUY if lots > 0.0 else Side.SELL


def _whole(lots: float, lot_step: float) -> float:
    return round(math.floor(lots / lot_step + 1e-6) * lot_step, 8)


def _suggestion(seen: SymbolSeen, rules: HedgeRules) -> dict[str, Any] | None:
    side, lots = _one_order(seen, rules)
    return {"side": side.value, "lots": lots} if lots > 0.0 else None


def _sentence(held: SymbolMemory, decision: Decision) -> str:
    if held.bridge.key:
        word = "on" if held.bridge.asked_on else "off"
        return f"the platform's bridge is being put {word}"
    return decision.sentence


def _open(held: SymbolMemory) -> dict[str, Any] | None:
    order = held.hedger.open
    if order is None:
        return None
    return {
        "key": order.key,
        "lp": order.lp,
        "side": order.side.value,
        "lots": order.lots,
        "filled_lots": order.filled_lots,
        "enquiries": order.enquiries,
    }


def _bridge(held: SymbolMemory) -> dict[str, Any]:
    return {"on": held.bridge.on, "asked": held.bridge.asked_on if held.bridge.key else None}


def _today(held: SymbolMemory) -> dict[str, Any]:
    tally = msgspec.to_builtins(held.today)
    return {name: tally[name] for name in ("fills", "lots", "cost_usd")}


def _answer(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(answer)
    return {"ts_ms": row.pop("ts_ns") // _NS_PER_MS, **row}


def _nobody(book: HedgeBook, symbol: str) -> HedgerState:
    return HedgerState(symbol=symbol, origin=book.memory.origin)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
