"""What the flow book remembers: structs of arrays that grow, as compiled kernels take them.

Rows are numbered in order of appearance; tickets and decisions in order of time, which makes the
queue of every horizon one place in a list.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bookrouting.flow_settings import CURVE_S, HORIZONS, NS_PER_S, SCORED, FlowSettings
from bookrouting.score import channel_weights

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Table = NDArray[np.void]
"""A structured array: one row per thing, with named columns."""

CURVE: Final = len(CURVE_S)
NEVER: Final = np.iinfo(np.int64).max
LONG_AGO: Final = -(2**62)
LEAST_COST: Final = 1e-100
"""What a round trip costs at least, in price: where a price is zero its share of it is no floor."""
_WORTH_MOVING: Final = 8
"""Rows are dropped once they are an eighth of all."""

PENDING, KNOWN, CANCELLED = 0, 1, 2
"""A markout waits for its time, is known, or never will be because the market closed."""

COUNT, GAIN, HELD, RATE, SIZE, SIZE_GAIN, SIZE_SQUARE, SHARES = range(8)
RESULTS: Final = SHARES + HORIZONS
"""Places in the sums of trades' results: how many, what they came to, how long they were held,
their price's variance rate, the same by size, and per horizon what is not shared with the trade
before.
"""

CLOCK, DUE, TICKETS, DECISIONS, ALARMS, LATE_QUOTES, BAD_QUOTES, ENTRIES, NEAR_JUMPS = range(9)
"""Places of the counters."""


MARKET: Final = np.dtype(
    [
        ("bid", np.float64),
        ("ask", np.float64),
        ("last_ts", np.int64),
        ("quoted", np.bool_),
        ("allow_negative", np.bool_),
        ("sample_mid", np.float64),
        ("sample_ts", np.int64),
        ("variance", np.float64),
        ("observed_ns", np.float64),
        ("spread", np.float64),
        ("spreads", np.float64),
        ("interval_ns", np.float64),
        ("intervals", np.float64),
        ("gap_end", np.int64),
        ("fill_half", np.float64),
        ("fills", np.float64),
        ("fast_mid", np.float64),
        ("fast_ts", np.int64),
        ("jump_ts", np.int64),
        ("lot_usd", np.float64),
    ],
    align=True,
)
"""Per symbol. Units: prices in quote currency, ``variance`` their square per second, times ns.

``sample_*`` is the last price that the variance saw, ``observed_ns`` for how long it looked.
``spread`` and ``interval_ns`` are what is usual, of ``spreads`` and ``intervals`` quotes;
``gap_end`` is when the symbol last came back from a silence, ``jump_ts`` when it last jumped as it
does on news. ``fill_half`` is what clients usually pay over the mid, of ``fills`` deals.
``lot_usd`` is what a lot was worth when the symbol was first traded, 0 before that is known.
"""


TICKET: Final = np.dtype(
    [
        ("ts", np.int64),
        ("decision", np.int64),
        ("lots", np.float64),
        ("reference", np.float64),
    ],
    align=True,
)
"""Per deal, in order of time; ``reference`` is the mid that the client saw."""


DECISION: Final = np.dtype(
    [
        ("ts", np.int64),
        ("client", np.int32),
        ("symbol", np.int32),
        ("side", np.float64),
        ("is_exit", np.bool_),
        ("lots", np.float64),
        ("mid_lots", np.float64),
        ("price_lots", np.float64),
        ("paid_lots", np.float64),
        ("floor_lots", np.float64),
        ("earned_lots", np.float64),
        ("variance_lots", np.float64),
        ("stale_lots", np.float64),
        ("fast_lots", np.float64),
        ("previous_ts", np.int64),
        ("earlier", np.int64),
        ("used_margin", np.float64),
        ("near_jump", np.bool_),
        ("mark", np.float64),
        ("fast_mark", np.float64),
        ("swap", np.float64),
        ("size", np.float64),
        ("commission_lots", np.float64),
        ("closed_lots", np.float64),
        ("gained_lots", np.float64),
        ("held_lots", np.float64),
        ("settled", np.bool_),
        ("held_s", np.float64),
        ("result", np.float64),
        ("markout", np.float64, (CURVE,)),
        ("status", np.int8, (CURVE,)),
    ],
    align=True,
)
"""Per parent trade: tickets on one side of a symbol that belong together, an entry or an exit.

``*_lots`` are sums over tickets of a figure times lots: the mid that was seen, what was paid
per round trip (``paid``), its least (``floor``), what of it a house that passes the trade on
keeps (``earned``), the variance per second, how far the fast reference stood (``stale``), over
``fast_lots`` with one. ``previous_ts`` is the client's last
decision in the symbol, ``earlier`` the number after that of his last decision in any (0 for none).
``used_margin`` is the share of his equity that was margin after an entry, ``near_jump`` marks
entries from 5 s before to 60 s after a jump of the price. ``mark`` and ``fast_mark`` are his age in
half-lives, ``swap`` is in costs. ``size`` is the notional in USD. ``closed_lots`` of an entry
gained ``gained_lots`` over ``held_lots`` seconds times lots; once nothing is open, or an hour has
passed, it is ``settled``: ``result`` in costs, gross of one, after ``held_s`` (NaN if its market
closed at once).
``markout`` collects moves times lots while PENDING and is in costs of a round trip once KNOWN.
"""


CLIENT: Final = np.dtype(
    [
        ("trades", np.int64),
        ("exits", np.int64),
        ("begun_ts", np.int64),
        ("last_ts", np.int64),
        ("last_decision", np.int64),
        ("mark", np.float64),
        ("fast_mark", np.float64),
        ("n_eff", np.float64),
        ("fast_n_eff", np.float64),
        ("cost", np.float64),
        ("cost_pips", np.float64),
        ("earned", np.float64),
        ("swap", np.float64),
        ("fast_swap", np.float64),
        ("stale", np.float64),
        ("stale_seen", np.int64),
        ("stale_hits", np.int64),
        ("gap", np.float64),
        ("gaps", np.int64),
        ("quarter", np.int64),
        ("alarmed", np.bool_),
        ("e_log", np.float64),
        ("weight", np.float64, (2 * CURVE,)),
        ("moment", np.float64, (2 * CURVE,)),
        ("fast_weight", np.float64, (2 * CURVE,)),
        ("fast_moment", np.float64, (2 * CURVE,)),
        ("results", np.float64, (RESULTS,)),
        ("fast_results", np.float64, (RESULTS,)),
        ("sized_weight", np.float64, (HORIZONS,)),
        ("sized_moment", np.float64, (HORIZONS,)),
        ("sized_square", np.float64, (HORIZONS,)),
        ("fast_sized_weight", np.float64, (HORIZONS,)),
        ("fast_sized_moment", np.float64, (HORIZONS,)),
        ("fast_sized_square", np.float64, (HORIZONS,)),
        ("e_count", np.float64, (2 * HORIZONS,)),
        ("e_sum", np.float64, (2 * HORIZONS,)),
        ("e_channel", np.float64, (2 * HORIZONS,)),
    ],
    align=True,
)
"""Per client. Sums decay with his entries and with time; those named ``fast`` do so sooner.

``weight`` and ``moment`` have a column per horizon of the curve after entries, then after
exits. ``cost`` (a share of the price), ``cost_pips`` and ``earned`` (in costs) are sums over
entries. ``results`` has the places named above; ``sized_*`` weigh entries' markouts by size, the
square being the sum of weights times size. ``e_*`` belong to the e-process of the ``quarter``, per
scored horizon, in logarithms; ``alarmed`` once it was one. ``last_decision`` is the number after
that of his last one. ``stale`` and ``gap`` are sums in costs, ``stale_hits`` counts entries whose
price stood half a spread behind the reference.
"""


ALARM: Final = np.dtype(
    [
        ("client", np.int32),
        ("ts", np.int64),
        ("trades", np.int64),
        ("log_e", np.float64),
    ],
    align=True,
)
"""Per alarm: who, when it could be known, after how many trades, and its log e-value."""


class FlowArrays(NamedTuple):
    """All tables, as kernels take them: structured arrays, so that handing them on is cheap.

    ``next_*`` per horizon: the first that is not settled.
    """

    market: Table
    tickets: Table
    decisions: Table
    clients: Table
    alarms: Table
    pip: Floats
    next_ticket: Int64s
    next_decision: Int64s
    counters: Int64s


class FlowTerms(NamedTuple):
    """Settings as kernels take them, times in ns.

    ``scored`` is a horizon's place in the score, -1 if it has none.
    """

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
    cost_floor: float
    half_life_trades: float
    fast_half_life_trades: float
    half_life: float
    jump_sd: float


def with_room(table: Table, rows: int) -> Table:
    """Return the table itself if it has ``rows``, else a copy at least twice as long."""
    have = len(table)
    if have >= rows:
        return table
    longer = np.zeros(max(rows, 2 * have), table.dtype)
    longer[:have] = table
    return longer


def drop_rows(table: Table, count: int, counters: Int64s, place: int) -> None:
    """Drop the first rows; the others move up."""
    left = int(counters[place]) - count
    table[:left] = table[count : count + left].copy()
    table[left : left + count] = np.zeros(1, table.dtype)
    counters[place] = left


def forget_settled(arrays: FlowArrays, before: int, most: int) -> int:
    """Drop settled decisions and their tickets; return how many decisions went.

    Args:
        arrays: The state, which is changed.
        before: Those from before this instant, ns.
        most: And those that are older than the last so many.
    """
    a, count = arrays, int(arrays.counters[DECISIONS])
    if count > most:
        before = max(before, int(a.decisions["ts"][count - most]))
    drop = int(np.searchsorted(a.decisions["ts"][:count], before))
    drop = min(drop, int(a.next_decision.min()))
    if drop * _WORTH_MOVING < count:  # the others would have to move up
        return 0
    tickets = int(np.searchsorted(a.tickets["ts"][: a.counters[TICKETS]], before))
    tickets = min(tickets, int(a.next_ticket.min()))
    drop_rows(a.decisions, drop, a.counters, DECISIONS)
    drop_rows(a.tickets, tickets, a.counters, TICKETS)
    a.tickets["decision"][: a.counters[TICKETS]] -= drop
    a.next_decision[:] -= drop
    a.next_ticket[:] -= tickets
    return drop


def new_arrays() -> FlowArrays:
    """Return the state before the first event."""
    counters = np.zeros(9, np.int64)
    counters[CLOCK], counters[DUE] = LONG_AGO, NEVER
    return FlowArrays(
        np.zeros(16, MARKET),
        np.zeros(64, TICKET),
        np.zeros(64, DECISION),
        np.zeros(16, CLIENT),
        np.zeros(64, ALARM),
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
        settings.cost_floor,
        settings.half_life_trades,
        settings.fast_half_life_trades,
        float(settings.half_life_ns),
        settings.jump_sd,
    )
