"""The lazy path looks at few accounts and finds what the eager one finds, on the same event."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure import triggers
from exposure.engine import ExposureEngine
from exposure.export import export_state, restore
from exposure.kernels import crossed, margin_level, room_of
from exposure.model.accounts import HedgedMarginMode, ProfitConversion
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    DealExecuted,
    DividendPaid,
    EventBatch,
    InstrumentDefined,
    MarginLevelCrossed,
    PositionRestored,
    QuoteReceived,
    SplitApplied,
    SwapCharged,
)
from exposure.model.instruments import CalcMode
from exposure.settings import EngineSettings
from tests.exposure.builders import account, instrument
from tests.thorough import examples

PRICES = {
    "EURUSD": 1.1, "GBPUSD": 1.3, "USDJPY": 150.0, "EURJPY": 165.0, "EURGBP": 0.85,
    "USDCHF": 0.9, "XAUUSD": 1_300.0, "GER40": 9_000.0, "OIL": 40.0,
}  # fmt: skip
_TERMS = {
    "XAUUSD": {"asset_class": "metal", "contract_size": 100.0, "digits": 2,
               "calc_mode": CalcMode.CFD_LEVERAGE},
    "GER40": {"asset_class": "index", "base": "EUR", "quote": "EUR", "contract_size": 1.0,
              "digits": 1, "calc_mode": CalcMode.CFD},
    "OIL": {"asset_class": "energy", "base": "USD", "quote": "USD", "contract_size": 1_000.0,
            "digits": 2, "calc_mode": CalcMode.CFD_LEVERAGE, "allow_negative": True},
}  # fmt: skip
_OTHER = {"buy": "sell", "sell": "buy"}


class Twins:
    """A lazy and an eager engine that get the same events."""

    def __init__(self):
        self.engines = [ExposureEngine(EngineSettings(lazy_ticks=lazy)) for lazy in (True, False)]
        self.outputs = [[], []]

    @property
    def lazy(self):
        return self.engines[0]

    def feed(self, events):
        for engine, outputs in zip(self.engines, self.outputs, strict=True):
            batch = EventBatch(engine.position + len(events), 0, list(events))
            outputs.extend(engine.apply(batch))

    def require_same_state(self):
        lazy, eager = (export_state(engine) for engine in self.engines)
        assert msgspec.msgpack.encode(lazy.meta) == msgspec.msgpack.encode(eager.meta)
        for name, columns in lazy.tables.items():
            for key, column in columns.items():
                other = eager.tables[name][key]
                if isinstance(column, np.ndarray):
                    assert column.tobytes() == other.tobytes(), (name, key)
                else:
                    assert column == other, (name, key)

    def crossings(self):
        return [one for one in self.outputs[0] if isinstance(one, MarginLevelCrossed)]


class Market:
    """Random accounts near their thresholds, and what happens to them."""

    def __init__(self, seed, accounts):
        self.random = np.random.default_rng(seed)
        self.price = dict(PRICES)
        self.names = list(PRICES)
        self.logins = [str(k) for k in range(accounts)]
        self.now = self.ids = 0
        self.open = []

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def quote(self, symbol, factor=1.0):
        self.now += 1
        self.price[symbol] *= factor
        half = self.price[symbol] * self.pick((0.0, 1e-4, 1e-4, -5e-5)) / 2
        bid, ask = self.price[symbol] - half, self.price[symbol] + half
        return QuoteReceived(self.now, symbol, bid, ask)

    def opening(self):
        yield from (
            InstrumentDefined(0, instrument(name, **_TERMS.get(name, {}))) for name in PRICES
        )
        default_only = self.random.random() < 0.5
        for login in self.logins:
            conversion = ProfitConversion.CLOSE_PRICE
            if not default_only:
                conversion = self.pick(list(ProfitConversion))
            terms = account(
                login, currency=self.pick(["USD", "EUR", "GBP", "JPY", "CHF"]), balance=0.0,
                leverage=self.pick([30.0, 100.0, 500.0]), profit_conversion=conversion,
                hedged_margin_mode=self.pick(list(HedgedMarginMode)),
            )  # fmt: skip
            yield AccountChanged(0, terms)
        self.unquoted = {name for name in self.names if self.random.random() < 0.2}
        yield from (self.quote(name) for name in self.names if name not in self.unquoted)
        for login in self.logins:
            for _ in range(self.random.integers(0, 8)):
                symbol, side = self.pick(self.names), self.pick(["buy", "sell"])
                lots = float(self.random.integers(1, 100)) / 100
                price = self.price[symbol] * (1 + 0.003 * self.random.standard_normal())
                yield PositionRestored(0, login, self.remember(login, symbol, side, lots), symbol,
                                       side, lots, price, swap=-0.7)  # fmt: skip

    def remember(self, login, symbol, side, lots):
        self.ids += 1
        self.open.append((login, f"P{self.ids}", symbol, side, lots))
        return f"P{self.ids}"

    def money(self, engine):
        """Deposits that put every account at a margin level near, on or beyond a threshold."""
        for login in self.logins:
            figures = engine.account(login)
            level = self.pick([0.4, 0.52, 0.99, 1.0, 1.01, 1.06, 1.5, 3.0])
            yield BalanceChanged(
                self.now, login, "deposit", figures.margin * level - figures.equity
            )

    def events(self, count, volatility):
        """Some events; now and then a weekend passes, and everything opens elsewhere."""
        for _ in range(count):
            if self.random.random() < 0.002:
                self.now += 2 * 86_400 * 10**9
                moves = np.exp(0.02 * self.random.standard_normal(len(self.names)))
                yield from map(self.quote, self.names, moves.tolist())
            yield self.event(volatility)

    def event(self, volatility):
        dice = self.random.random()
        if dice < 0.93:
            return self.tick(volatility)
        if dice < 0.96:
            return self.deal()
        symbol = self.pick(self.names)
        if dice < 0.98:
            amount = 200.0 * self.random.standard_normal()
            return BalanceChanged(self.now, self.pick(self.logins), "deposit", amount)
        if dice < 0.985:
            return SwapCharged(self.now, symbol, 1.0, -3.0, 1.0)
        if dice < 0.99:
            self.price["GER40"] /= 2
            return SplitApplied(self.now, "GER40", 2.0)
        return DividendPaid(self.now, symbol, 0.01, 0.01)

    def tick(self, volatility):
        symbol = self.names[min(int(self.random.exponential(2)), len(self.names) - 1)]
        if symbol in self.unquoted and self.random.random() < 0.99:
            symbol = "EURUSD"
        size = 0.03 if self.random.random() < 0.004 else volatility  # now and then a gap
        if symbol == "OIL" and self.random.random() < 0.02:
            self.price["OIL"] *= -1
        return self.quote(symbol, float(np.exp(size * self.random.standard_normal())))

    def deal(self):
        self.ids += 1
        if self.open and self.random.random() < 0.5:
            login, position_id, symbol, side, lots = self.open.pop(
                int(self.random.integers(len(self.open)))
            )
            side, entry = _OTHER[side], "out"
        else:
            login, symbol = self.pick(self.logins), self.pick(self.names)
            side, entry, lots = self.pick(["buy", "sell"]), "in", 0.3
            position_id = self.remember(login, symbol, side, lots)
        return DealExecuted(self.now, f"D{self.ids}", login, position_id, symbol, side, entry,
                            lots, self.price[symbol])  # fmt: skip


@examples(12, times=30)
@given(
    seed=st.integers(0, 2**32),
    accounts=st.sampled_from((5, 60, 300)),
    volatility=st.sampled_from((1e-5, 1e-4, 1e-3, 5e-3)),
    batch=st.sampled_from((1, 7, 150)),
)
def test_lazy_and_eager_agree_to_the_bit_on_random_days(seed, accounts, volatility, batch):
    market, twins = Market(seed, accounts), Twins()
    twins.feed(list(market.opening()))
    twins.feed(list(market.money(twins.engines[1])))
    for k in range(0, 900, batch):
        twins.feed(list(market.events(batch, volatility)))
        if k % 450 == 0:
            twins.require_same_state()
        if market.random.random() < 0.02:
            twins.engines[0] = restore(export_state(twins.lazy), twins.lazy.settings)
    assert twins.outputs[0] == twins.outputs[1]
    twins.require_same_state()


def crowd(count, symbol="EURUSD"):
    """Many accounts, long, with room for a fall of a thousandth to a hundredth."""
    twins = Twins()
    twins.feed([InstrumentDefined(0, instrument(symbol)), QuoteReceived(1, symbol, 1.1, 1.1001)])
    for k in range(count):
        margin = 1_100.0
        balance = margin + 11.0 + 110_000 * (0.001 + 0.009 * k / count)
        twins.feed([
            AccountChanged(1, account(str(k), balance=balance)),
            DealExecuted(1, f"D{k}", str(k), "P", symbol, "buy", "in", 1.0, 1.1001),
        ])  # fmt: skip
    return twins


def mode(engine):
    return int(engine.book.arrays().triggers.status[triggers.MODE])


def test_a_gap_is_paid_off_by_the_ticks_after_it():
    twins = crowd(400)
    assert mode(twins.lazy) == triggers.LAZY
    twins.feed([QuoteReceived(2, "EURUSD", 1.092, 1.0921)])
    assert mode(twins.lazy) == triggers.PAYING
    assert len(twins.crossings()) > 200
    twins.feed([QuoteReceived(3 + k, "EURUSD", 1.0921, 1.0922) for k in range(12)])
    assert mode(twins.lazy) == triggers.LAZY
    twins.feed([QuoteReceived(20, "EURUSD", 1.0, 1.1)])
    assert twins.outputs[0] == twins.outputs[1]
    assert len(twins.crossings()) >= 800
    twins.require_same_state()


def test_a_quiet_tick_touches_nobody():
    twins = crowd(50)
    twins.feed([QuoteReceived(2 + k, "EURUSD", 1.1 + 1e-6 * k, 1.1001) for k in range(20)])
    kept = twins.lazy.book.accounts.floating[:50].copy()
    assert (kept == twins.lazy.book.accounts.floating[0]).all()
    assert kept[0] != pytest.approx(twins.engines[1].book.accounts.floating[0], abs=1e-9)
    assert twins.lazy.account("0") == twins.engines[1].account("0")
    twins.lazy.refresh()
    assert (
        twins.lazy.book.accounts.floating[:50] == twins.engines[1].book.accounts.floating[:50]
    ).all()


def test_accounts_that_come_while_a_gap_is_paid_are_looked_at_too():
    twins = crowd(200)
    twins.feed([QuoteReceived(2, "EURUSD", 1.095, 1.0951)])
    assert mode(twins.lazy) == triggers.PAYING
    for k in range(200, 420):
        twins.feed([
            AccountChanged(2, account(str(k), balance=1_150.0)),
            DealExecuted(2, f"D{k}", str(k), "P", "EURUSD", "sell", "in", 1.0, 1.095),
        ])  # fmt: skip
    twins.feed(
        [QuoteReceived(3 + k, "EURUSD", 1.095 + 1e-5 * k, 1.0951 + 1e-5 * k) for k in range(90)]
    )
    assert twins.outputs[0] == twins.outputs[1]
    twins.require_same_state()


levels = st.sampled_from((0.0, 20.0, 50.0, 100.0, 120.0))


@examples(300)
@given(
    fired=st.integers(0, 7), equity=st.floats(-1e4, 1e4), margin=st.sampled_from((0.0, 1.0, 997.3)),
    call=levels, out=levels, share=st.floats(0.0, 0.999),
)  # fmt: skip
def test_inside_its_room_an_account_stays_as_it_is(fired, equity, margin, call, out, share):
    fired = crossed(fired, equity, margin_level(equity, margin), call, out)
    down, up = room_of(fired, equity, margin, call, out)
    for moved in (equity - share * min(down, 1e6), equity + share * min(up, 1e6)):
        if abs(moved - equity) < 1e-5:
            continue
        safe = moved + (1e-6 if moved < equity else -1e-6)
        assert crossed(fired, safe, margin_level(safe, margin), call, out) == fired
