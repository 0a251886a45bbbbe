"""The revenue ledger: what the house earned, as facts that add up to the last millionth.

An event's cash is converted and rounded once, as a whole; its parts are rounded one by one, and the
profit component takes what is left. So facts and control agree exactly for every event, and then
for every sum of events.
Source: semantics.md section 8; docs/revenue.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import msgspec

from exposure.model.accounts import Account, BalanceKind
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import (
    BalanceChanged,
    CashBooked,
    DealExecuted,
    HedgeExecuted,
    OutputEvent,
    RevenueBooked,
)
from exposure.model.instruments import Instrument
from exposure.model.revenue import Component
from exposure.underlyings import underlying_of

MICRO: Final = 1_000_000
_LARGEST: Final = 2**53
"""Nine billion USD: a float still knows its millionths, and a thousand of them fit in a BIGINT."""


class Net(StrEnum):
    """Which of the identity's sums an amount lies in (fields of CashBooked)."""

    CLIENT = "client_net_micro_usd"
    LP = "lp_net_micro_usd"
    BONUS = "bonus_micro_usd"
    ADJUSTMENTS = "adjustments_micro_usd"


OF_BALANCE: Final = {
    BalanceKind.COMMISSION: (Component.COMMISSION, Net.CLIENT),
    BalanceKind.SWAP: (Component.SWAP_CLIENT, Net.CLIENT),
    BalanceKind.DIVIDEND: (Component.DIVIDEND_CLIENT, Net.CLIENT),
    BalanceKind.STOP_OUT_COMPENSATION: (Component.NBP_WRITE_OFF, Net.CLIENT),
    BalanceKind.BONUS: (Component.BONUS, Net.BONUS),
    BalanceKind.CORRECTION: (Component.ADJUSTMENT, Net.ADJUSTMENTS),
}
"""What balance operations are to the house; the others are the client's own money."""


class Dimensions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose and what's a fact is; empty where there is no such thing."""

    client_id: str = ""
    login: str = ""
    symbol: str = ""
    underlying: str = ""
    asset_class: str = ""
    ib: str = ""
    book: str = ""
    region: str = ""
    deal_id: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The cash of one event from the house's view, before it is converted.

    A rate is kept from the first moment that has it: an entry may have to wait for the other one.

    Units: ``amounts`` in ``currency`` by component, ``markup`` (a part of them) in
    ``markup_currency``.
    """

    ts_event: int
    position: int
    net: Net
    residual: Component
    currency: str
    amounts: dict[Component, float]
    of: Dimensions
    markup: float | None = None
    markup_currency: str = ""
    rate_usd: float | None = None
    markup_rate_usd: float | None = None


def of_client(
    account: Account, book: Book, instrument: Instrument | None = None, deal_id: str = ""
) -> Dimensions:
    """Return the dimensions of what a client paid or got."""
    return Dimensions(
        client_id=account.client_id,
        login=account.login,
        symbol="" if instrument is None else instrument.symbol,
        underlying="" if instrument is None else underlying_of(instrument),
        asset_class="" if instrument is None else instrument.asset_class,
        ib=account.ib_code,
        book=book.value,
        region=account.region,
        deal_id=deal_id,
    )


def of_provider(instrument: Instrument, deal_id: str = "") -> Dimensions:
    """Return the dimensions of what a provider paid or took: hedges are book A's."""
    return Dimensions(
        symbol=instrument.symbol,
        underlying=underlying_of(instrument),
        asset_class=instrument.asset_class,
        book=Book.A.value,
        deal_id=deal_id,
    )


def deal_entry(
    deal: DealExecuted, position: int, account: Account, instrument: Instrument, book: Book,
    *, profit: float, swap_booked: float,
) -> Entry:  # fmt: skip
    """Return the cash of a client's deal.

    Args:
        deal: What was executed.
        position: Its place in the source.
        account: Whose it is.
        instrument: What was traded.
        book: The book of the position.
        profit: What was booked as its profit, account currency.
        swap_booked: The part of its swap that rollovers have booked already.
    """
    markup = None
    if deal.raw_price is not None:
        sign = Side(deal.side).sign
        markup = sign * (deal.price - deal.raw_price) * deal.lots * instrument.units_per_lot
    return Entry(
        ts_event=deal.ts_event,
        position=position,
        net=Net.CLIENT,
        residual=Component.BBOOK_PNL,
        currency=account.currency,
        amounts={
            Component.BBOOK_PNL: -profit,
            Component.COMMISSION: -deal.commission,
            Component.SWAP_CLIENT: -(deal.swap - swap_booked),
        },
        of=of_client(account, book, instrument, deal.deal_id),
        markup=markup,
        markup_currency=instrument.quote,
    )


def hedge_entry(
    hedge: HedgeExecuted, position: int, instrument: Instrument, realised_usd: float
) -> Entry:
    """Return the cash of a hedge; all of it is in USD already."""
    return Entry(
        ts_event=hedge.ts_event,
        position=position,
        net=Net.LP,
        residual=Component.LP_PNL,
        currency="USD",
        amounts={
            Component.LP_PNL: realised_usd,
            Component.LP_COMMISSION: hedge.commission,
            Component.SWAP_LP: hedge.swap,
        },
        of=of_provider(instrument, hedge.deal_id),
    )


def balance_entry(
    event: BalanceChanged, position: int, account: Account, book: Book
) -> Entry | None:
    """Return the house's side of a balance operation, None if it is the client's own money."""
    kind = BalanceKind(event.kind)
    if kind not in OF_BALANCE:
        return None
    component, net = OF_BALANCE[kind]
    return Entry(
        ts_event=event.ts_event,
        position=position,
        net=net,
        residual=component,
        currency=account.currency,
        amounts={component: -event.amount},
        of=of_client(account, book),
    )


class RevenueRow(msgspec.Struct, frozen=True):
    """What a symbol earned in one book by one component, in USD."""

    symbol: str | None
    book: str | None
    component: str
    amount_usd: float


Rate = Callable[[str], float]
"""rate(currency->USD) of this moment, NaN without a path."""


class RevenueLedger:
    """Turns entries into facts; those without a rate wait for one.

    ``booked_usd`` is the sum of everything that was booked, in floats and from whole events: the
    independent side of the P&L explanation.
    """

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str, Component], int] = {}
        self.waiting: list[Entry] = []
        self.booked_usd = 0.0
        self._facts: list[OutputEvent] = []
        self._controls: dict[tuple[int, int, str], dict[Net, int]] = {}

    def post(self, entry: Entry, rate_usd: Rate) -> None:
        """Book an entry, or keep it until its currency, and that of its markup, has a rate."""
        rate = _rate(entry.rate_usd, entry.currency, rate_usd)
        markup_rate = 0.0
        if entry.markup is not None:
            markup_rate = _rate(entry.markup_rate_usd, entry.markup_currency, rate_usd)
        if math.isnan(rate) or math.isnan(markup_rate):
            self.waiting.append(
                msgspec.structs.replace(
                    entry, rate_usd=_known(rate), markup_rate_usd=_known(markup_rate)
                )
            )
            return
        cash_usd = sum(entry.amounts.values()) * rate
        if not all(_bookable(amount * rate) for amount in entry.amounts.values()):
            return
        self.booked_usd += float(cash_usd)
        total = micro(cash_usd)
        parts = {
            component: micro(amount * rate)
            for component, amount in entry.amounts.items()
            if component is not entry.residual
        }
        if entry.markup is not None:
            markup_usd = entry.markup * markup_rate
            if _bookable(markup_usd):
                parts[Component.MARKUP] = micro(markup_usd)
        parts[entry.residual] = total - sum(parts.values())
        self._emit(entry, parts)
        if total or any(parts.values()):
            self._control(entry, total)

    def convert_waiting(self, rate_usd: Rate) -> None:
        """Book what waits for a rate that exists by now."""
        waiting, self.waiting = self.waiting, []
        for entry in waiting:
            self.post(entry, rate_usd)

    def take(self) -> list[OutputEvent]:
        """Hand out facts and controls that nobody has taken yet."""
        controls = [
            CashBooked(
                ts_event,
                position,
                currency=currency,
                **{net.value: usd for net, usd in sums.items()},
            )
            for (ts_event, position, currency), sums in self._controls.items()
        ]
        taken = [*self._facts, *controls]
        self._facts.clear()
        self._controls.clear()
        return taken

    def rows(self) -> list[RevenueRow]:
        """Return everything that was booked, by symbol, book and component."""
        return [
            RevenueRow(symbol or None, book or None, component.value, amount / MICRO)
            for (symbol, book, component), amount in sorted(self.totals.items())
        ]

    def export(self) -> dict[str, Any]:
        """Return everything as plain values; nothing may be left to take."""
        return {
            "totals": [[*key, amount] for key, amount in self.totals.items()],
            "waiting": msgspec.to_builtins(self.waiting, enc_hook=float),
            "booked_usd": self.booked_usd,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``export`` returned."""
        self.totals = {
            (symbol, book, Component(component)): amount
            for symbol, book, component, amount in state["totals"]
        }
        self.waiting = msgspec.convert(state["waiting"], list[Entry])
        self.booked_usd = state["booked_usd"]

    def _emit(self, entry: Entry, parts: dict[Component, int]) -> None:
        of = entry.of
        for component, amount in parts.items():
            if amount == 0:
                continue
            key = (of.symbol, of.book, component)
            self.totals[key] = self.totals.get(key, 0) + amount
            self._facts.append(
                RevenueBooked(
                    entry.ts_event, entry.position, component.value, amount, of.client_id, of.login,
                    of.symbol, of.underlying, of.asset_class, of.ib, of.book, of.region, of.deal_id,
                )
            )  # fmt: skip

    def _control(self, entry: Entry, total: int) -> None:
        key = entry.ts_event, entry.position, entry.currency
        sums = self._controls.setdefault(key, {})
        sums[entry.net] = sums.get(entry.net, 0) + total


def micro(amount_usd: float) -> int:
    """Return whole millionths, rounded half-even.

    >>> micro(12.7000005), micro(-0.0000015)
    (12700000, -2)
    """
    return round(amount_usd * MICRO)


def _rate(known: float | None, currency: str, rate_usd: Rate) -> float:
    return rate_usd(currency) if known is None else known


def _known(rate: float) -> float | None:
    return None if math.isnan(rate) else rate


def _bookable(amount_usd: float) -> bool:
    # a price of 1e300 is a number, but no money: NaN fails the comparison too
    return abs(amount_usd) * MICRO < _LARGEST
