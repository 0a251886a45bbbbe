"""Every client's flow, online: quotes and deals in, markouts, evidence and scores out.

One clock drives it all: the time of the events (``ts_event``), which never runs back; what comes
late happens when it comes. Deals become decisions: tickets on one side of a symbol within two
seconds of a first one are one, so that splitting a trade changes nothing. A close that the client
chose is a decision too, kept apart from entries: it has its own channels of the score.

Source: science.md sections 1.1 and 2, semantics.md sections 1, 2 and 6.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from bookrouting.flow_kernels import cost_of, settle_until, take_quotes
from bookrouting.flow_settings import PLATFORM_CLOSES, FlowSettings
from bookrouting.flow_state import (
    ALARMS,
    CLOCK,
    DECISIONS,
    DUE,
    LONG_AGO,
    TICKETS,
    FlowArrays,
    drop_rows,
    flow_terms,
    new_arrays,
    with_room,
)
from bookrouting.held import NO_DECISION, Held, HeldPositions, Parts
from bookrouting.money import NOTHING, Money, Rates, booked
from exposure.applied_ids import AppliedIds
from exposure.kernels import LOTS_TOLERANCE
from exposure.model.deals import Entry, Side
from exposure.model.events import DealExecuted, PositionRestored
from exposure.model.instruments import Instrument
from exposure.model.quotes import QuoteColumns, is_usable
from exposure.rates import RateBook
from exposure.state import PriceArrays

USD: Final = "USD"
ENTRY, EXIT = False, True

_LEAST_FILL_WEIGHT: Final = 0.01
_WORST_FILL: Final = 4.0
_LEAST_COST: Final = 1e-6
"""Of the price: a hundredth of a pip."""

_SIDES: Final = frozenset(Side)
_ENTRIES: Final = frozenset(Entry)


class Login(NamedTuple):
    """Whose an account is, and in which currency."""

    client: int
    currency: str


class Seen(NamedTuple):
    """A client's last decisions in a symbol, and what commission an opening and a closing deal cost.

    Units: ``*_commission`` in price units, None before the first.
    """

    entry_ts: int = LONG_AGO
    exit_ts: int = LONG_AGO
    open_commission: float | None = None
    close_commission: float | None = None


class Fill(NamedTuple):
    """A deal's figures in price units.

    The mid, what its round trip costs, the least that is believed of it, and what of it the house
    earns if it passes the trade on.
    """

    mid: float
    paid: float
    floor: float
    earned: float


class FlowBook:
    """What is known of all clients' flow. Symbols, logins and clients are added as they come."""

    def __init__(
        self, settings: FlowSettings | None = None, pivots: tuple[str, ...] = (USD, "EUR")
    ) -> None:
        """Take the constants, and the currencies through which conversions go."""
        self.settings = settings or FlowSettings()
        self.arrays: FlowArrays = new_arrays()
        self.terms = flow_terms(self.settings)
        self.instruments: list[Instrument] = []
        self.symbol_of: dict[str, int] = {}
        self.client_ids: list[str] = []
        self.client_of: dict[str, int] = {}
        self.logins: dict[str, Login] = {}
        self.positions = HeldPositions()
        self.applied = AppliedIds()
        self.ignored: Counter[str] = Counter()
        self.money: dict[str, Money] = {}
        self.forgotten = 0
        self.open_decisions: dict[tuple[int, int, float, bool], int] = {}
        self.seen: dict[tuple[int, int], Seen] = {}
        self.pivots = pivots
        self.rates = RateBook(pivots)
        self.see_prices()

    # what there is

    def add_instrument(self, instrument: Instrument) -> int:
        """Make a symbol known and return its index; one that is known keeps its terms."""
        known = self.symbol_of.get(instrument.symbol)
        if known is not None:
            return known
        symbol = self.symbol_of[instrument.symbol] = len(self.instruments)
        self.instruments.append(instrument)
        market = with_room(self.arrays.market, symbol + 1)
        pip = np.resize(self.arrays.pip, len(market.bid))
        self.arrays = self.arrays._replace(market=market, pip=pip)
        market.allow_negative[symbol] = instrument.allow_negative
        pip[symbol] = instrument.pip
        self.see_prices()
        self.rates.define(symbol, instrument)
        return symbol

    def add_login(self, login: str, client_id: str = "", currency: str = USD) -> Login:
        """Say whose a login is: without a client it is one of its own; it can be told once."""
        known = self.logins.get(login)
        if known is None:
            client = self._client(client_id or login)
            known = self.logins[login] = Login(client, currency or USD)
        return known

    def restore_position(self, event: PositionRestored) -> None:
        """Take a position that was open before the first event."""
        symbol = self.symbol_of.get(event.symbol)
        if symbol is None or event.side not in _SIDES or not event.lots > 0.0:
            self.ignored["bad_position"] += 1
            return
        side = float(Side(event.side).sign)
        held = Held(event.login, symbol, side, event.lots, event.open_price)
        self.positions.open[event.login, event.position_id] = held
        self.add_login(event.login)

    def see_prices(self) -> None:
        """Let conversions see the market's prices, after its table became another one."""
        m = self.arrays.market
        zeros, none = np.zeros_like(m.bid), np.zeros_like(m.last_ts)
        self.prices = PriceArrays(
            m.bid, m.ask, m.last_ts, m.quoted, m.allow_negative, zeros, zeros, none, none
        )

    # what happens

    def apply_quotes(self, quotes: QuoteColumns) -> None:
        """Apply quotes in their order; ``symbol`` is this book's index, -1 for one it lacks."""
        self._make_room()
        take_quotes(quotes, self.arrays, self.terms)

    def apply_fast_quote(self, symbol: int, bid: float, ask: float, ts: int) -> None:
        """Take a price of the fast reference feed, which moves nothing but the reference."""
        market = self.arrays.market
        if is_usable(bid, ask) and ts >= market.fast_ts[symbol]:
            market.fast_mid[symbol], market.fast_ts[symbol] = (bid + ask) / 2.0, ts

    def pass_time(self, now: int) -> None:
        """Settle what was due before an instant. Units: ns."""
        counters = self.arrays.counters
        if now > counters[CLOCK]:
            if counters[DUE] < now:
                self._make_room()
                settle_until(now - 1, self.arrays, self.terms)
            counters[CLOCK] = now

    def finish(self) -> None:
        """Settle what is due at the very last instant: nothing more of it will come."""
        self._make_room()
        settle_until(int(self.arrays.counters[CLOCK]), self.arrays, self.terms)

    def apply_deal(self, deal: DealExecuted) -> str | None:
        """Apply a deal; return why it was ignored, None if it counted."""
        reason = self._apply_deal(deal)
        if reason is not None:
            self.ignored[reason] += 1
        return reason

    def _apply_deal(self, deal: DealExecuted) -> str | None:
        symbol = self.symbol_of.get(deal.symbol)
        if symbol is None:
            return "unknown_symbol"
        if not _is_sound(deal):
            return "bad_deal"
        if (deal.server, deal.deal_id) in self.applied:
            return "duplicate"
        parts = self.positions.apply(deal, symbol)
        if parts is None:
            return "contradiction"
        self.applied.add(deal.server, deal.deal_id)
        self.pass_time(deal.ts_event)
        owner = self.add_login(deal.login)
        quote = self.rate(owner.currency, self.instruments[symbol].quote)
        self._book(deal, parts, symbol, owner)
        if not self.arrays.market.quoted[symbol]:
            return "no_quote_yet"
        self._decide(deal, parts, symbol, owner.client, quote)
        return None

    def _decide(
        self, deal: DealExecuted, parts: Parts, symbol: int, client: int, rate: float
    ) -> None:
        per_lot = rate / self.instruments[symbol].units_per_lot if math.isfinite(rate) else 0.0
        commission = -deal.commission * per_lot / deal.lots
        if parts.closed_lots > LOTS_TOLERANCE:
            trip = self._round_trip(client, symbol, commission, EXIT)
            self._charge_swap(deal, parts, client, per_lot)
            if deal.entry != Entry.OUT_BY and self._was_chosen(deal):
                fill = self._fill(deal, symbol, trip)
                self._add_ticket(deal, symbol, client, parts.closed_lots, fill, EXIT)
        if parts.opened_lots > LOTS_TOLERANCE:
            fill = self._fill(
                deal, symbol, self._round_trip(client, symbol, commission, ENTRY)
            )
            row = self._add_ticket(deal, symbol, client, parts.opened_lots, fill, ENTRY)
            self.positions.opened_by(deal, row + self.forgotten)

    def _round_trip(self, client: int, symbol: int, commission: float, is_exit: bool) -> float:
        """Return the commission of a round trip, some platforms charging at one end only."""
        seen = self.seen.get((client, symbol), Seen())
        seen = (
            seen._replace(close_commission=commission)
            if is_exit
            else seen._replace(open_commission=commission)
        )
        self.seen[client, symbol] = seen
        other = seen.open_commission if is_exit else seen.close_commission
        return commission * self.settings.commission_ways if other is None else commission + other

    def _was_chosen(self, deal: DealExecuted) -> bool:
        """Whether a close counts as the client's decision."""
        if self.settings.exits == "client":
            return deal.reason.lower() not in PLATFORM_CLOSES
        return self.settings.exits == "all"

    def _charge_swap(self, deal: DealExecuted, parts: Parts, client: int, per_lot: float) -> None:
        """Credit a swap, paid at the close, to the entry that it belongs to."""
        if deal.swap == 0.0 or parts.held is None:
            return
        row = parts.held.decision - self.forgotten
        if parts.held.decision == NO_DECISION or row < 0:
            return
        decisions, clients = self.arrays.decisions, self.arrays.clients
        swap = deal.swap * per_lot / float(decisions.lots[row]) / cost_of(row, decisions)
        decisions.swap[row] += swap
        counts = 2.0 ** float(decisions.mark[row] - clients.mark[client])
        fast = 2.0 ** float(decisions.fast_mark[row] - clients.fast_mark[client])
        clients.swap[client] += counts * swap
        clients.fast_swap[client] += fast * swap

    def _fill(self, deal: DealExecuted, symbol: int, commission: float) -> Fill:
        """Say what a deal cost against the mid, and what its round trip costs."""
        market = self.arrays.market
        bid, ask = float(market.bid[symbol]), float(market.ask[symbol])
        mid, sign = (bid + ask) / 2.0, 1.0 if deal.side == Side.BUY else -1.0
        over_mid = sign * (deal.price - mid)
        usual = self._usual_fill(symbol, over_mid)
        paid = over_mid + max((ask - bid) / 2.0, usual) + commission
        widest = max(float(market.spread[symbol]), usual)
        floor = max(self.settings.cost_floor * widest, _LEAST_COST * abs(mid))
        markup = 0.0 if deal.raw_price is None else sign * (deal.price - deal.raw_price)
        return Fill(mid, paid, floor, 2.0 * markup + commission)

    def _usual_fill(self, symbol: int, over_mid: float) -> float:
        """Return what clients usually pay over the mid in a symbol, this fill included."""
        market = self.arrays.market
        before, fills = float(market.fill_half[symbol]), float(market.fills[symbol]) + 1.0
        seen = max(over_mid, 0.0)
        if fills > 1.0:
            seen = min(seen, _WORST_FILL * max(before, float(market.spread[symbol])))
        usual = before + max(1.0 / fills, _LEAST_FILL_WEIGHT) * (seen - before)
        market.fill_half[symbol], market.fills[symbol] = usual, fills
        return usual

    def _add_ticket(
        self, deal: DealExecuted, symbol: int, client: int, lots: float, fill: Fill, is_exit: bool
    ) -> int:
        """Add a ticket to the client's running decision, or to a new one; return its row."""
        self._reserve()
        now = int(self.arrays.counters[CLOCK])
        sign = 1.0 if deal.side == Side.BUY else -1.0
        key = (client, symbol, sign, is_exit)
        row = self.open_decisions.get(key, NO_DECISION) - self.forgotten
        if row < 0 or now - self.arrays.decisions.ts[row] > self.settings.merge_ns:
            row = self._new_decision(key, now)
        d, t = self.arrays.decisions, self.arrays.tickets
        d.lots[row] += lots
        d.mid_lots[row] += lots * fill.mid
        d.price_lots[row] += lots * deal.price
        d.paid_lots[row] += lots * fill.paid
        d.floor_lots[row] += lots * fill.floor
        d.earned_lots[row] += lots * fill.earned
        d.variance_lots[row] += lots * self.arrays.market.variance[symbol]
        fast = self._fast_mid(deal, symbol)
        if fast is not None:
            d.fast_lots[row] += lots
            d.stale_lots[row] += lots * sign * (fast - fill.mid)
        place = int(self.arrays.counters[TICKETS])
        t.ts[place], t.decision[place], t.lots[place] = now, row, lots
        t.reference[place] = fill.mid
        self.arrays.counters[TICKETS] = place + 1
        due = now + int(self.terms.horizons[0])
        self.arrays.counters[DUE] = min(int(self.arrays.counters[DUE]), due)
        return row

    def _fast_mid(self, deal: DealExecuted, symbol: int) -> float | None:
        """Return the fast reference at a deal: what the deal says, else what the feed said."""
        if deal.reference_mid is not None:
            return deal.reference_mid if math.isfinite(deal.reference_mid) else None
        market = self.arrays.market
        seen = int(market.fast_ts[symbol])
        age = int(self.arrays.counters[CLOCK]) - seen
        if seen == 0 or not 0 <= age <= self.settings.reference_age_ns:
            return None
        return float(market.fast_mid[symbol])

    def _new_decision(self, key: tuple[int, int, float, bool], now: int) -> int:
        client, symbol, sign, is_exit = key
        row = int(self.arrays.counters[DECISIONS])
        d, c = self.arrays.decisions, self.arrays.clients
        last = self.seen.get((client, symbol), Seen())
        if c.trades[client] == c.exits[client] == 0:
            c.begun_ts[client] = c.last_ts[client] = now
        if is_exit:
            self.seen[client, symbol] = last._replace(exit_ts=now)
            c.exits[client] += 1
        else:
            self.seen[client, symbol] = last._replace(entry_ts=now)
            self._age(client, now)
        d.ts[row], d.client[row], d.symbol[row] = now, client, symbol
        d.side[row], d.is_exit[row] = sign, is_exit
        d.previous_ts[row] = last.exit_ts if is_exit else last.entry_ts
        d.mark[row], d.fast_mark[row] = c.mark[client], c.fast_mark[client]
        self.open_decisions[key] = row + self.forgotten
        self.arrays.counters[DECISIONS] = row + 1
        return row

    def _age(self, client: int, now: int) -> None:
        """Count an entry and let what came before it fade."""
        c, s = self.arrays.clients, self.settings
        c.trades[client] += 1
        trades, since = int(c.trades[client]), (now - int(c.begun_ts[client])) / s.half_life_ns
        c.last_ts[client] = now
        slow, fast = trades / s.half_life_trades + since, trades / s.fast_half_life_trades + since
        fades = 2.0 ** float(c.mark[client] - slow)
        for column in (c.n_eff, c.cost, c.cost_pips, c.earned, c.swap, c.weight, c.moment):
            column[client] *= fades
        fades = 2.0 ** float(c.fast_mark[client] - fast)
        for column in (c.fast_n_eff, c.fast_swap, c.fast_weight, c.fast_moment):
            column[client] *= fades
        c.mark[client], c.fast_mark[client] = slow, fast

    def _book(self, deal: DealExecuted, parts: Parts, symbol: int, owner: Login) -> None:
        instrument = self.instruments[symbol]
        rates = Rates(self.rate(owner.currency, USD), self.rate(instrument.quote, USD))
        client_id = self.client_ids[owner.client]
        before = self.money.get(client_id, NOTHING)
        self.money[client_id] = booked(before, deal, parts, instrument, rates)

    @property
    def now(self) -> int | None:
        """The time of the last event, ns UTC; None before the first."""
        clock = int(self.arrays.counters[CLOCK])
        return None if clock == LONG_AGO else clock

    def forget(self, before: int) -> None:
        """Drop decisions from before an instant that are settled; their sums stay. Units: ns."""
        a = self.arrays
        drop = int(np.searchsorted(a.decisions.ts[: a.counters[DECISIONS]], before))
        drop = min(drop, int(a.next_decision.min()))
        tickets = int(np.searchsorted(a.tickets.ts[: a.counters[TICKETS]], before))
        tickets = min(tickets, int(a.next_ticket.min()))
        drop_rows(a.decisions, drop, a.counters, DECISIONS)
        drop_rows(a.tickets, tickets, a.counters, TICKETS)
        a.tickets.decision[: a.counters[TICKETS]] -= drop
        a.next_decision[:] -= drop
        a.next_ticket[:] -= tickets
        self.forgotten += drop
        self.open_decisions = {k: n for k, n in self.open_decisions.items() if n >= self.forgotten}

    def rate(self, source: str, target: str) -> float:
        """Return the conversion rate at mid prices, NaN without a path."""
        return self.rates.mid(self.prices, source, target)

    def _client(self, client_id: str) -> int:
        known = self.client_of.get(client_id)
        if known is None:
            known = self.client_of[client_id] = len(self.client_ids)
            self.client_ids.append(client_id)
            clients = with_room(self.arrays.clients, known + 1)
            self.arrays = self.arrays._replace(clients=clients)
        return known

    def _reserve(self) -> None:
        """Make room for a ticket and a decision."""
        a = self.arrays
        tickets = with_room(a.tickets, int(a.counters[TICKETS]) + 1)
        decisions = with_room(a.decisions, int(a.counters[DECISIONS]) + 1)
        if tickets is not a.tickets or decisions is not a.decisions:
            self.arrays = a._replace(tickets=tickets, decisions=decisions)

    def _make_room(self) -> None:
        """Make room for an alarm of every client."""
        needed = int(self.arrays.counters[ALARMS]) + len(self.client_ids)
        if len(self.arrays.alarms.ts) < needed:
            self.arrays = self.arrays._replace(alarms=with_room(self.arrays.alarms, needed))


def _is_sound(deal: DealExecuted) -> bool:
    numbers = (deal.lots, deal.price, deal.commission, deal.swap)
    known = deal.side in _SIDES and deal.entry in _ENTRIES
    return known and all(map(math.isfinite, numbers)) and deal.lots > 0.0
