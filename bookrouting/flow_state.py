"""What the flow book remembers: structs of arrays that grow, as compiled kernels take them.

Rows are numbered in order of appearance; tickets and decisions in order of time, which makes the
queue of every horizon one place in a list.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_settings import CURVE_S, HORIZONS, NS_PER_S, SCORED, FlowSettings
from bookrouting.score import channel_weights

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Int32s = NDArray[np.int32]
Int8s = NDArray[np.int8]
Flags = NDArray[np.bool_]
CurveFloats = NDArray[np.float64]
CurveInt8s = NDArray[np.int8]
BothFloats = NDArray[np.float64]
ScoredFloats = NDArray[np.float64]

CURVE: Final = len(CURVE_S)
NEVER: Final = np.iinfo(np.int64).max
LONG_AGO: Final = -(2**62)

PENDING, KNOWN, CANCELLED = 0, 1, 2
"""A markout waits for its time, is known, or never will be because the market closed."""

CLOCK, DUE, TICKETS, DECISIONS, ALARMS, LATE_QUOTES, BAD_QUOTES = range(7)
"""Places of the counters."""


class MarketArrays(NamedTuple):
    """Per symbol. Units: prices in quote currency, ``variance`` their square per second, times ns.

    ``sample_*`` is the last price that the variance saw, ``observed_ns`` for how long it looked.
    ``spread`` and ``interval_ns`` are what is usual, of ``spreads`` and ``intervals`` quotes;
    ``gap_end`` is when the symbol last came back from a silence. ``fill_half`` is what clients
    usually pay over the mid, of ``fills`` deals.
    """

    bid: Floats
    ask: Floats
    last_ts: Int64s
    quoted: Flags
    allow_negative: Flags
    sample_mid: Floats
    sample_ts: Int64s
    variance: Floats
    observed_ns: Floats
    spread: Floats
    spreads: Floats
    interval_ns: Floats
    intervals: Floats
    gap_end: Int64s
    fill_half: Floats
    fills: Floats
    fast_mid: Floats
    fast_ts: Int64s


class TicketArrays(NamedTuple):
    """Per deal, in order of time; ``reference`` is the mid that the client saw."""

    ts: Int64s
    decision: Int64s
    lots: Floats
    reference: Floats


class DecisionArrays(NamedTuple):
    """Per parent trade: tickets on one side of a symbol that belong together, an entry or an exit.

    ``*_lots`` are sums over tickets of a figure times lots: the mid that was seen, what was paid
    per round trip (``paid``), its least (``floor``), what of it a house that passes the trade on
    keeps (``earned``), the variance per second, how far the fast reference stood (``stale``), over
    ``fast_lots`` with one. ``previous_ts`` is the client's last
    decision in the symbol, ``mark`` and ``fast_mark`` his age in half-lives, ``swap`` in costs.
    ``markout`` collects moves times lots while PENDING and is in costs of a round trip once KNOWN.
    """

    ts: Int64s
    client: Int32s
    symbol: Int32s
    side: Floats
    is_exit: Flags
    lots: Floats
    mid_lots: Floats
    price_lots: Floats
    paid_lots: Floats
    floor_lots: Floats
    earned_lots: Floats
    variance_lots: Floats
    stale_lots: Floats
    fast_lots: Floats
    previous_ts: Int64s
    mark: Floats
    fast_mark: Floats
    swap: Floats
    markout: CurveFloats
    status: CurveInt8s


class ClientArrays(NamedTuple):
    """Per client. Sums decay with his entries and with time; those named ``fast`` do so sooner.

    ``weight`` and ``moment`` have a column per horizon of the curve after entries, then after
    exits. ``cost`` (a share of the price), ``cost_pips`` and ``earned`` (in costs) are sums over
    entries. ``e_*`` belong to the e-process of the ``quarter``, per scored horizon, in logarithms;
    ``alarmed`` once it was one. ``stale`` and ``gap`` are sums in costs, ``stale_hits`` counts
    entries whose price stood half a spread behind the reference.
    """

    trades: Int64s
    exits: Int64s
    begun_ts: Int64s
    last_ts: Int64s
    mark: Floats
    fast_mark: Floats
    n_eff: Floats
    fast_n_eff: Floats
    cost: Floats
    cost_pips: Floats
    earned: Floats
    swap: Floats
    fast_swap: Floats
    stale: Floats
    stale_seen: Int64s
    stale_hits: Int64s
    gap: Floats
    gaps: Int64s
    quarter: Int64s
    alarmed: Flags
    e_log: Floats
    weight: BothFloats
    moment: BothFloats
    fast_weight: BothFloats
    fast_moment: BothFloats
    e_count: ScoredFloats
    e_sum: ScoredFloats
    e_channel: ScoredFloats


class AlarmArrays(NamedTuple):
    """Per alarm: who, when it could be known, after how many trades, and its log e-value."""

    client: Int32s
    ts: Int64s
    trades: Int64s
    log_e: Floats


class FlowArrays(NamedTuple):
    """All tables, as kernels take them. ``next_*`` per horizon: the first that is not settled."""

    market: MarketArrays
    tickets: TicketArrays
    decisions: DecisionArrays
    clients: ClientArrays
    alarms: AlarmArrays
    pip: Floats
    next_ticket: Int64s
    next_decision: Int64s
    counters: Int64s


class FlowTerms(NamedTuple):
    """Settings as kernels take them. ``scored`` is a horizon's place in the score, -1 if none."""

    horizons: Int64s
    scored: Int64s
    e_weights: Floats
    merge_ns: int
    kappa: float
    floor_variance: float
    winsor: float
    variance_half_life: float
    variance_prior: float
    prior_sd: float
    sample_ns: int
    gap_ns: float
    gap_intervals: float
    e_prior: float
    log_alarm: float


Table = TypeVar("Table", MarketArrays, TicketArrays, DecisionArrays, ClientArrays, AlarmArrays)

_COLUMNS: Final[dict[str, tuple[type, int]]] = {
    "Floats": (np.float64, 0),
    "Int64s": (np.int64, 0),
    "Int32s": (np.int32, 0),
    "Flags": (np.bool_, 0),
    "CurveFloats": (np.float64, CURVE),
    "CurveInt8s": (np.int8, CURVE),
    "BothFloats": (np.float64, 2 * CURVE),
    "ScoredFloats": (np.float64, 2 * HORIZONS),
}


def new_table(kind: type[Table], rows: int) -> Table:
    """Return a table of zeros with room for ``rows``."""
    columns: dict[str, Any] = {}
    for name, hint in kind.__annotations__.items():
        dtype, width = _COLUMNS[getattr(hint, "__forward_arg__", hint)]
        columns[name] = np.zeros((rows, width) if width else rows, dtype)
    return kind(**columns)


def with_room(table: Table, rows: int) -> Table:
    """Return the table itself if it has ``rows``, else a copy at least twice as long."""
    have = len(table[0])
    if have >= rows:
        return table
    longer = new_table(type(table), max(rows, 2 * have))
    columns: list[tuple[NDArray[Any], NDArray[Any]]] = list(zip(longer, table, strict=True))
    for new, old in columns:
        new[:have] = old
    return longer


def drop_rows(table: Table, count: int, counters: Int64s, place: int) -> None:
    """Drop the first rows; the others move up."""
    left = int(counters[place]) - count
    columns: list[NDArray[Any]] = list(table)
    for column in columns:
        column[:left] = column[count : count + left].copy()
        column[left : left + count] = 0
    counters[place] = left


def new_arrays() -> FlowArrays:
    """Return the state before the first event."""
    counters = np.zeros(7, np.int64)
    counters[CLOCK], counters[DUE] = LONG_AGO, NEVER
    return FlowArrays(
        new_table(MarketArrays, 16),
        new_table(TicketArrays, 64),
        new_table(DecisionArrays, 64),
        new_table(ClientArrays, 16),
        new_table(AlarmArrays, 64),
        np.zeros(16),
        np.zeros(CURVE, np.int64),
        np.zeros(CURVE, np.int64),
        counters,
    )


def flow_terms(settings: FlowSettings) -> FlowTerms:
    """Return the settings as arrays and plain numbers."""
    weights = channel_weights(settings.score)[: 2 * HORIZONS]
    scored = np.full(CURVE, -1, np.int64)
    scored[list(SCORED)] = np.arange(HORIZONS)
    return FlowTerms(
        np.array([round(seconds * NS_PER_S) for seconds in CURVE_S], np.int64),
        scored,
        weights / weights.sum(),
        settings.merge_ns,
        settings.kappa,
        settings.floor_variance,
        settings.winsor_sd,
        float(settings.variance_half_life_ns),
        float(settings.variance_prior_ns),
        settings.prior_sd_of_spread,
        settings.variance_sample_ns,
        float(settings.gap_ns),
        settings.gap_intervals,
        settings.e_prior,
        float(np.log(settings.alarm_at)),
    )
