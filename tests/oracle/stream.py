"""The naive desk behind events instead of files: every event becomes a row of its file."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

import msgspec

from exposure.model import events as of
from tests.oracle import book
from tests.oracle.accounts import Crossing
from tests.oracle.book import EVENT_FILES, Row
from tests.oracle.desk import Desk
from tests.oracle.limits import Breach, Limits
from tests.oracle.referee import PRECISION, Figures, verdict
from tests.oracle.refusals import Break

MS = Decimal(1_000_000)

FILE_OF = {
    of.QuoteReceived: "quotes",
    of.BalanceChanged: "balances",
    of.BookAssigned: "books",
    of.DealExecuted: "deals",
    of.HedgeExecuted: "hedges",
}
KIND_OF = {
    of.SwapCharged: "swap",
    of.DividendPaid: "dividend",
    of.PriceAdjusted: "adjustment",
    of.SplitApplied: "split",
    of.SymbolRenamed: "rename",
}
COLUMN_OF = {
    "nights": "value",
    "ratio": "value",
    "new_symbol": "value",
    "long_rate": "long_value",
    "short_rate": "short_value",
    "long_per_unit": "long_value",
    "short_per_unit": "short_value",
}


class StreamReferee:
    """A desk that takes the model's events, one after the other."""

    def __init__(self) -> None:
        with localcontext(Context(prec=PRECISION)):
            self.desk = Desk({}, {})
        self._limits = Limits(self.desk)
        self._reached = Decimal(0)

    @property
    def crossings(self) -> list[Crossing]:
        """Everything that was crossed so far."""
        return self.desk.crossings

    @property
    def breaks(self) -> list[Break]:
        """Everything that did not fit so far."""
        return self.desk.breaks

    @property
    def breaches(self) -> list[Breach]:
        """Every limit that was reached so far."""
        return self._limits.breaches

    def limited_usd(self, scope: str, name: str) -> Decimal | None:
        """Return the absolute USD of what can be limited, None without a price."""
        with localcontext(Context(prec=PRECISION)):
            return self._limits.value(scope, name)

    def verdict(self) -> Figures:
        """Return the object of semantics.md section 9."""
        with localcontext(Context(prec=PRECISION)):
            return verdict(self.desk)

    def figures(self, login: str) -> dict[str, Decimal]:
        """Return balance, floating, equity and margin of one account."""
        with localcontext(Context(prec=PRECISION)):
            account = self.desk.accounts[login]
            now = account.figures(self.desk.market)
            return {
                "balance": account.balance,
                "credit": account.credit,
                "floating": now.floating,
                "equity": now.equity,
                "margin": now.margin,
            }

    def take(self, event: of.InputEvent) -> None:
        """Take the next event."""
        with localcontext(Context(prec=PRECISION)):
            self._take(event)

    def _take(self, event: of.InputEvent) -> None:
        desk, ts_ms = self.desk, event.ts_event / MS
        self._reached = max(self._reached, ts_ms)
        desk.as_of_ms = self._reached or None
        match event:
            case of.ClockTicked():
                self._limits.judge(ts_ms)
            case of.LimitSet(_, scope, name, soft, hard):
                self._limits.set((scope, name), _decimal(soft), _decimal(hard))
            case of.InputRefused():
                self._refuse(event)
            case _ if type(event) in FILE_OF or type(event) in KIND_OF:
                rank = EVENT_FILES.index(FILE_OF.get(type(event), "actions"))
                row = row_of(event)
                known = set(desk.instruments)
                desk.apply(book.Event(self._reached, rank, line=0, ts_ms=ts_ms, row=row))
                for new in desk.instruments.keys() - known:
                    self._limits.rename(row["symbol"], new)
            case _:
                self._define(event)

    def _define(self, event: of.InputEvent) -> None:
        desk, caps = self.desk, self.desk.leverage.caps
        match event:
            case of.InstrumentDefined(_, terms):
                if terms.symbol not in desk.instruments:
                    desk.instruments[terms.symbol] = book.instrument_of(_texts(terms))
            case of.AccountChanged(ts_event, terms):
                changed = book.terms_of(_texts(terms))
                if terms.login in desk.accounts:
                    desk.change_account(changed, ts_event / MS)
                else:
                    desk.add_account(changed)
            case of.PositionRestored():
                desk.restore_position(row_of(event))
            case of.LpPositionRestored():
                desk.restore_lp_position(row_of(event))
            case of.LeverageTierDefined(_, profile, symbol, upper, leverage):
                bracket = book.Bracket(_decimal(upper), Decimal(repr(leverage)))
                desk.define_tier(profile, symbol, bracket, event.ts_event / MS)
            case of.LeverageCapDefined(_, region, category, symbol, leverage):
                caps[region, category, symbol] = Decimal(repr(leverage))
            case _:
                raise TypeError(f"no rule of the referee takes {event}")

    def _refuse(self, event: of.InputRefused) -> None:
        self.desk.counters["quarantined"] += 1
        self.desk.counters[event.source] += 1
        ids = (event.login or None, event.deal_id or None, event.symbol or None)
        self.desk.breaks.append(Break(event.kind, event.ts_event / MS, *ids))


def row_of(event: of.InputEvent) -> Row:
    """Return the row of a file that says what an event says."""
    row = _texts(event)
    kind = KIND_OF.get(type(event))
    if kind is None:
        return row
    renamed = {COLUMN_OF.get(name, name): text for name, text in row.items()}
    # dividends and adjustments say both sides, so their common value is never used
    return {"value": "0"} | renamed | {"kind": kind}


def _texts(struct: Any) -> Row:
    values = msgspec.structs.asdict(struct)
    return {name: text for name, value in values.items() if (text := _text(value)) is not None}


def _text(value: object) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
    return str(value)


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))
