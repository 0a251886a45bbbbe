"""The hybrid tick beside the eager one: ordinary ticks, price gaps, and a run of two million.

A round: the hybrid does its long list of ticks; the eager engine is brought to the same state by
restoring what the hybrid exports, bit for bit; then both do the same further ticks. There they must
report the same crossings on the same ticks and come to the same equity, and the eager engine is
timed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.bench.goals import Row, over_rounds, row
from dealing.bench.session import BATCH, Session
from dealing.bench.workload import SHAPES, Levels, Size, make_ticks, part, settings
from exposure.engine import ExposureEngine
from exposure.errors import InvariantError
from exposure.export import export_state, restore
from exposure.model.quotes import QuoteColumns
from exposure.state import EngineState

LONG_RUN: Final = 2_000_000
_TENTHS: Final = 10
_GAP: Final = 0.97
_GAP_SYMBOL: Final = 0
"""EURUSD, the most popular symbol."""

_AFTER_GAP: Final = 100
_BETWEEN_GAPS: Final = 20_000


class Plan(NamedTuple):
    """How many ticks each part gets; ``shared`` ticks of a round are done by both engines."""

    warm_up: int
    rounds: int
    per_round: int
    shared: int
    gaps: int


def plan(size: Size, *, quick: bool) -> Plan:
    """Return 50 k ticks to warm up and 200 k in rounds, or a hundredth of that when quick."""
    if quick:
        return Plan(2_000, 2, 3_000, 300, 1)
    shared = {Size.SMALL: 4_000, Size.SEED: 1_000, Size.BIG: 200}[size]
    return Plan(50_000, 5, 40_000, shared, 3)


class Pair(NamedTuple):
    """Per round, seconds per tick of the hybrid and of the eager engine."""

    hybrid: list[float]
    eager: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times faster the hybrid was in each round."""
        return [e / h for e, h in zip(self.eager, self.hybrid, strict=True)]


class Rounds:
    """A hybrid engine on its way, and eager ones that join it."""

    def __init__(self, opening: EngineState, size: Size, volatility: float, plan: Plan) -> None:
        """Take the state at the opening prices."""
        self._plan, self._at = plan, 0
        count = plan.warm_up + plan.rounds * (plan.per_round + plan.shared)
        count += plan.gaps * (_BETWEEN_GAPS + _AFTER_GAP + 1)
        self._ticks = make_ticks(SHAPES[size].symbols, count, volatility=volatility)
        self._session = Session(restore(opening, settings(lazy=True)))

    @property
    def session(self) -> Session:
        """The hybrid's."""
        return self._session

    def ordinary(self) -> Pair:
        """Warm up and do the rounds."""
        plan, pair = self._plan, Pair([], [])
        self._session.run(self._next(plan.warm_up))
        for k in range(plan.rounds):
            pair.hybrid.append(self._session.run(self._next(plan.per_round)) / plan.per_round)
            _, eager = self._shared(self._next(plan.shared), seed=k)
            pair.eager.append(eager / plan.shared)
        return pair

    def gaps(self) -> Pair:
        """Let EURUSD lose 3 % several times; a pair is of seconds per gap with its ticks after."""
        pair = Pair([], [])
        for k in range(self._plan.gaps):
            self._session.run(self._next(_BETWEEN_GAPS))
            self._drop_price()
            hybrid, eager = self._shared(self._next(_AFTER_GAP + 1), seed=k)
            pair.hybrid.append(hybrid)
            pair.eager.append(eager)
        return pair

    def _next(self, count: int) -> QuoteColumns:
        self._at += count
        return part(self._ticks, slice(self._at - count, self._at))

    def _drop_price(self) -> None:
        """Begin what is left with a quote of the symbol, and let all its quotes be lower."""
        ticks, at = self._ticks, self._at
        first = at + int(np.flatnonzero(ticks.symbol[at:] == _GAP_SYMBOL)[0])
        for column in (ticks.symbol, ticks.bid, ticks.ask):
            column[[at, first]] = column[[first, at]]
        rest = at + np.flatnonzero(ticks.symbol[at:] == _GAP_SYMBOL)
        ticks.bid[rest] *= _GAP
        ticks.ask[rest] *= _GAP

    def _shared(self, ticks: QuoteColumns, seed: int) -> tuple[float, float]:
        """Let both engines do the same ticks; return the seconds of the hybrid and the eager."""
        engine = self._session.engine
        eager = Session(restore(export_state(engine), settings(lazy=False)), seed)
        hybrid = Session(engine, seed)
        seconds = hybrid.run(ticks), eager.run(ticks)
        require_identical(hybrid, eager)
        self._session.stopped_out += hybrid.stopped_out
        self._session.crossings += hybrid.crossings
        return seconds


def require_identical(one: Session, other: Session) -> None:
    """Demand the same crossings on the same ticks, and the same equity of every account.

    Raises:
        InvariantError: They differ.
    """
    if one.crossings != other.crossings:
        raise InvariantError("the bench is wrong: hybrid and eager report different crossings")
    for session in (one, other):
        session.engine.refresh()
    count = len(one.engine.book.terms)
    a, b = one.engine.book.accounts, other.engine.book.accounts
    for x, y in ((a.balance, b.balance), (a.floating, b.floating), (a.margin, b.margin)):
        if not np.array_equal(x[:count], y[:count]):
            raise InvariantError("the bench is wrong: hybrid and eager disagree about equity")


def tick_rows(size: Size, levels: Levels, opening: EngineState, *, quick: bool) -> list[Row]:
    """Time ordinary ticks, ticks at five times the volatility, and gaps."""
    chosen = plan(size, quick=quick)
    rounds = Rounds(opening, size, 1.0, chosen)
    rows = _ordinary_rows(size, levels.value, rounds.ordinary())
    rows.append(row(f"crossings in the run, {levels}", size, len(rounds.session.crossings), ""))
    rows.append(row(f"stop-outs executed, {levels}", size, rounds.session.stopped_out, ""))
    gaps = rounds.gaps()
    rows += [
        over_rounds(f"gap and {_AFTER_GAP} ticks, hybrid, {levels}", size, _ms(gaps.hybrid), "ms"),
        over_rounds(f"gap and {_AFTER_GAP} ticks, eager, {levels}", size, _ms(gaps.eager), "ms"),
        over_rounds(f"gap, hybrid / eager, {levels}", size, [1 / r for r in gaps.ratios], "x"),
    ]
    if not quick:
        wild = Rounds(opening, size, 5.0, chosen._replace(rounds=2, gaps=0)).ordinary()
        rows += _ordinary_rows(size, f"{levels} at x5 volatility", wild)
    return rows


def long_rows(size: Size, levels: Levels, opening: EngineState) -> list[Row]:
    """Let the hybrid do two million ticks; its cost per tick must not grow.

    Growth is judged by the median batches of the tenths: whoever else uses the machine falls on
    some batches and not on others.
    """
    ticks = make_ticks(SHAPES[size].symbols, LONG_RUN)
    session = Session(restore(opening, settings(lazy=True)))
    tenth = LONG_RUN // _TENTHS
    costs, medians = [], []
    for k in range(_TENTHS):
        first = len(session.batch_seconds)
        costs.append(session.run(part(ticks, slice(k * tenth, (k + 1) * tenth))) / tenth * 1e9)
        medians.append(float(np.median(session.batch_seconds[first:])))
    rows = [
        row(f"long run, tenth {k + 1}, {levels}", size, cost, "ns") for k, cost in enumerate(costs)
    ]
    growth = float(np.median(medians[-3:]) / np.median(medians[:3]))
    return [*rows, row(f"last / first tenths of the long run, {levels}", size, growth, "x")]


def opened(engine: ExposureEngine) -> EngineState:
    """Return a state to begin several runs with."""
    return export_state(engine)


def _ordinary_rows(size: Size, named: str, pair: Pair) -> list[Row]:
    batches = f"batches of {BATCH:,}"
    return [
        over_rounds(f"hybrid tick, {named}", size, [s * 1e9 for s in pair.hybrid], "ns", batches),
        over_rounds(f"eager tick, {named}", size, [s * 1e6 for s in pair.eager], "us"),
        over_rounds(f"eager / hybrid, {named}", size, pair.ratios, "x"),
    ]


def _ms(seconds: list[float]) -> list[float]:
    return [s * 1e3 for s in seconds]
