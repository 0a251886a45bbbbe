"""One step of the simulated broker: everything that happens between two moments.

The clients decide on what they see at the beginning. Their orders, the exits of open positions,
payments, the orders of those who follow them, the provider's looks and answers, rollover and
corporate actions are then merged by time with the quotes, and each happens at the price of its
moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.deals import Side
from feeds.platform_commands import PlatformCommand
from feeds.simulator.back_office import BackOffice
from feeds.simulator.calendar import rollovers
from feeds.simulator.choices import MarketView
from feeds.simulator.clients import Clients, Orders, hold_seconds, whole_lots
from feeds.simulator.command_desk import CommandDesk
from feeds.simulator.financing import carries
from feeds.simulator.kinds import KINDS, ClientKind
from feeds.simulator.packing import generator_state, set_generator_state
from feeds.simulator.payments import Payment, Payments
from feeds.simulator.plans import DueExit, ExitPlans
from feeds.simulator.population import Population
from feeds.simulator.providers import HEDGE_STEP_LOTS, REJECTED, HedgeOrder, LiquidityProvider
from feeds.simulator.rings import Echo, Followers
from feeds.simulator.signals import Signals
from feeds.simulator.tape import Arrivals, QuoteTape
from feeds.simulator.trade_server import TradeServer

Floats = NDArray[np.float64]

_NS: Final = 1_000_000_000
_MOST_OPEN_POSITIONS: Final = 40
_PARTIAL_CLOSE_SHARE: Final = 0.08
_ALL_IN: Final = 0.85
_TWO_DAYS: Final = 2 * 86_400 * _NS


class Action(NamedTuple):
    """Something that is done at a moment of the step (ns UTC)."""

    ts: int
    act: Callable[[int], None]


class TradingFloor:
    """Clients, trade server and provider at work on one market."""

    def __init__(
        self,
        tape: QuoteTape,
        server: TradeServer,
        population: Population,
        *,
        rng: np.random.Generator,
        foresight_s: float,
        looks_per_step: int,
        orders_per_s_cap: float,
    ) -> None:
        instruments = tape.market.instruments
        self.tape, self.server = tape, server
        self.plans = ExitPlans()
        self._population = population
        self._rng = rng
        self._foresight_s, self._looks = foresight_s, looks_per_step
        self._clients = Clients(population, orders_per_s_cap, tape.now, rng)
        self._payments = Payments(population)
        self._followers = Followers(population.rings, population.stake_usd)
        self._bets_all = population.kind == KINDS.index(ClientKind.BONUS_ABUSE)
        self._next_rollover = 0
        self._signals = Signals(instruments)
        self._provider = LiquidityProvider(len(instruments))
        self.commands = CommandDesk(server, self._provider, rng)
        self._back_office = BackOffice(
            server, [self._provider, self._followers], self.plans, self._signals
        )

    def step(self, end: int, commands: Sequence[PlatformCommand] = ()) -> None:
        """Let time pass until ``end`` and publish what happens; commands come first."""
        start = self.tape.now
        view = self._look(start, (end - start) / _NS)
        client, provider = self.tape.advance(end)
        stream = QuoteStream(client, provider, self.server, self._looks)
        obeyed = [Action(start + 1, partial(self.commands.obey, one)) for one in commands]
        actions = [*obeyed, *self._actions(view, start, end)]
        for ts, act in sorted(actions, key=lambda action: action.ts):
            stream.play(ts)
            act(ts)
        stream.play(end)
        self.server.stop_out(end)
        for closed in self.server.take_closed():
            self._clients.position_closed(closed.account, closed.profit)
            self._payments.position_closed(closed.account, closed.profit, end, self._rng)
        self._payments.answer_calls(self.server.take_margin_calls(), end, self._rng)
        self._hedge(end)

    def save(self) -> dict[str, Any]:
        """Return the state of everybody on the floor."""
        return {
            "random": generator_state(self._rng),
            "tape": self.tape.save(),
            "server": self.server.save(),
            "plans": self.plans.save(),
            "clients": self._clients.save(),
            "payments": self._payments.save(),
            "followers": self._followers.save(),
            "signals": self._signals.save(),
            "provider": self._provider.save(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``save`` was called."""
        set_generator_state(self._rng, state["random"])
        self.tape.load(state["tape"])
        self.server.load(state["server"])
        self.plans.load(state["plans"])
        self._clients.load(state["clients"])
        self._payments.load(state["payments"])
        self._followers.load(state["followers"])
        self._signals.load(state["signals"])
        self._provider.load(state["provider"])

    def _look(self, now: int, seconds: float) -> MarketView:
        board, signals = self.server.board, self._signals
        mid, lead = board.mid, board.lead_mid
        signals.update(now, seconds, mid, lead)
        n, prices = len(mid), self.server.book.prices
        carry_sign, earned = carries(self.server.instruments, mid)
        spread = prices.ask[:n] - prices.bid[:n]
        return MarketView(
            open=board.is_open(now),
            bid=prices.bid[:n],
            ask=prices.ask[:n],
            momentum=signals.momentum,
            lead=lead - mid - signals.gap,
            ahead=self.tape.ahead - lead,
            sigma=signals.sigma * np.sqrt(self._foresight_s),
            jump_sign=signals.jump_sign,
            jump_age_s=(now - signals.jump_ts) / _NS,
            usd_per_lot=board.usd_per_lot(),
            distance=board.distance(),
            carry_sign=carry_sign,
            carry=np.divide(earned, spread, out=np.zeros(n), where=spread > 0.0),
            to_rollover_s=self._to_rollover_s(now),
        )

    def _to_rollover_s(self, now: int) -> float:
        if self._next_rollover <= now:
            self._next_rollover = rollovers(now, now + _TWO_DAYS)[0].ts
        return (self._next_rollover - now) / _NS

    def _actions(self, view: MarketView, start: int, end: int) -> Iterator[Action]:
        for order in self._provider.arriving(end):
            yield Action(max(order.arrives, start + 1), partial(self._let_look, order))
        for order in self._provider.due(end):
            yield Action(max(order.due, start + 1), partial(self._take_answer, order))
        for echo in self._followers.due(end):
            yield Action(max(echo.due, start + 1), partial(self._follow, echo))
        for rollover in rollovers(start, end):
            yield Action(rollover.ts, partial(self._back_office.roll_over, rollover.day))
        for action in self.tape.take_actions():
            yield Action(max(action.ts, start + 1), partial(self._back_office.act, action))
        for payment in self._payments.due(start, end, self._rng):
            yield Action(payment.ts, partial(self._pay, payment))
        for due in self.plans.due(self.server.book, view.open, start, end):
            yield Action(due.ts, partial(self._exit, due))
        orders = self._clients.decide(view, start, end, self._rng)
        for k, ts in enumerate(orders.ts.tolist()):
            yield Action(ts, partial(self._place, orders, k))

    # What clients do --------------------------------------------------------------------------

    def _place(self, orders: Orders, k: int, ts: int) -> None:
        account, symbol = int(orders.account[k]), int(orders.symbol[k])
        sign, lots = int(orders.sign[k]), float(orders.lots[k])
        if self._bets_all[account]:
            lots = self._everything(account, symbol, sign)
        self._open(
            Echo(
                ts, account, symbol, sign, lots, ts + int(orders.hold_ns[k]),
                float(orders.take_profit[k]), float(orders.stop_loss[k]),
            ),
            ts,
        )  # fmt: skip

    def _follow(self, echo: Echo, ts: int) -> None:
        lots = float(whole_lots(np.array([echo.lots]))[0])
        self._open(echo._replace(lots=lots, exit_at=max(echo.exit_at, ts + _NS)), ts)

    def _open(self, order: Echo, ts: int) -> None:
        held = len(self.server.book.of_account.row(order.account))
        if held >= _MOST_OPEN_POSITIONS or order.lots <= 0.0:
            return
        side = Side.BUY if order.sign > 0 else Side.SELL
        slot = self.server.open(order.account, order.symbol, side, order.lots, ts)
        if slot is None:
            return
        filled = side.sign * float(self.server.book.positions.open_price[slot])
        self.plans.plan(slot, order.exit_at, filled + order.take_profit, filled - order.stop_loss)
        self._followers.hear(order, self._rng)

    def _everything(self, account: int, symbol: int, sign: int) -> float:
        """Return the lots that take nearly all the money of an account, 0 if it holds any."""
        side = Side.BUY if sign > 0 else Side.SELL
        book, price = self.server.book, self.server.board.price(symbol, side)
        margin = book.margin_of_order(account, symbol, side, 1.0, price)
        free = self.server.free_margin(account)
        if len(book.of_account.row(account)) > 0 or not margin > 0.0 or free <= 0.0:
            return 0.0
        return float(whole_lots(np.array([_ALL_IN * free / margin]))[0])

    def _exit(self, due: DueExit, ts: int) -> None:
        book = self.server.book
        if book.position_ids[due.slot] != due.position_id or book.positions.account[due.slot] < 0:
            return  # stopped out a moment ago
        lots = float(book.positions.lots[due.slot])
        half = round(lots / 2, 2)
        in_part = due.reason == "client" and self._rng.random() < _PARTIAL_CLOSE_SHARE
        closed = self.server.close(
            due.slot, half if in_part and 0.0 < half < lots else lots, ts, due.reason
        )
        if closed is not None and closed.is_partial:
            kind = self._population.kind[[closed.account]]
            self.plans.exit_at[due.slot] = ts + int(hold_seconds(kind, self._rng)[0] * _NS)

    def _pay(self, payment: Payment, ts: int) -> None:
        account = payment.account
        balance = float(self.server.book.accounts.balance[account])
        free = self.server.free_margin(account)
        for kind, amount in self._payments.amounts(payment, free, balance, self._rng):
            self.server.move_money(account, kind, amount, ts)

    # What the house does ----------------------------------------------------------------------

    def _hedge(self, now: int) -> None:
        wanted = self.server.uncovered() - self._provider.in_flight
        wanted[~(self.server.board.is_open(now) & self.server.bridged)] = 0.0
        for symbol in np.flatnonzero(np.abs(wanted) >= HEDGE_STEP_LOTS).tolist():
            self._provider.order(now, symbol, round(float(wanted[symbol]), 2), self._rng)

    def _let_look(self, order: HedgeOrder, _ts: int) -> None:
        board = self.server.board
        bid, ask = board.lead_bid[order.symbol], board.lead_ask[order.symbol]
        self._provider.see(order, float(bid), float(ask))

    def _take_answer(self, order: HedgeOrder, ts: int) -> None:
        board = self.server.board
        bid, ask = board.lead_bid[order.symbol], board.lead_ask[order.symbol]
        digits = self.server.instruments[order.symbol].digits
        fill = self._provider.answer(order, float(bid), float(ask), digits, self._rng)
        if order.key and not board.is_open(ts)[order.symbol]:
            # the bridge asks in open markets only
            fill = fill._replace(lots=0.0, reason=REJECTED)
        self.server.book_hedge(fill, ts)


class QuoteStream:
    """The quotes of a step, played to the server in order of arrival.

    Client quotes go in runs, at most ``looks`` of them between actions; after each the server
    looks for stop-outs. With as many looks as quotes, every stop-out is executed on its quote.
    """

    def __init__(
        self, client: Arrivals, provider: Arrivals, server: TradeServer, looks: int
    ) -> None:
        self._client, self._provider = client, provider
        self._server = server
        self._played = self._led = 0
        self._run = max(1, -(-len(client.due) // looks))

    def play(self, until: int) -> None:
        """Play everything up to and including ``until``."""
        end = int(np.searchsorted(self._client.due, until, side="right"))
        while self._played < end:
            run = self._client.rows(slice(self._played, min(end, self._played + self._run)))
            now = int(run.due[-1])
            self._lead(now)
            self._server.quote(run.quotes, now)
            self._played += len(run.due)
        self._lead(until)

    def _lead(self, until: int) -> None:
        end = int(np.searchsorted(self._provider.due, until, side="right"))
        if end > self._led:
            self._server.board.lead(self._provider.rows(slice(self._led, end)).quotes)
            self._led = end
