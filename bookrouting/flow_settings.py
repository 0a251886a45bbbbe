"""Every constant of the flow score in one place, with its unit and where it comes from.

Prices of different symbols become one scale by dividing through the cost of a round trip: a markout
of 1 pays for the trade, more than 1 is money from the house. Source: science.md sections 1.1, 1.8
and 2; the calibration's own page is ``bookrouting.calibration``.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

NS_PER_S: Final = 1_000_000_000

CURVE_S: Final = (0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0)
"""Horizons of the markout curve, seconds."""

SCORED_S: Final = (1.0, 10.0, 60.0, 300.0, 1_800.0)
"""Those of them that the score looks at."""

SCORED: Final = tuple(CURVE_S.index(seconds) for seconds in SCORED_S)
"""Places of the scored horizons in the curve."""

HORIZONS: Final = len(SCORED_S)
CHANNELS: Final = 3 * HORIZONS + 3
"""One channel per horizon after an entry, one per horizon after an exit, trades' results, the same
weighed by size, entries weighed by size per horizon, and last the swap."""

RESULT_CHANNEL: Final = 2 * HORIZONS
SIZED_CHANNEL: Final = 2 * HORIZONS + 2
SWAP_CHANNEL: Final = CHANNELS - 1
SEEN_CHANNELS: Final = SWAP_CHANNEL
"""All but the swap are a mean that was seen, with a precision."""

QUARTER_NS: Final = 7_889_400 * NS_PER_S
"""A fresh e-process begins with each quarter of a mean year (365.2425 days)."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What turns the model's log odds into a probability that keeps its word (Platt).

    ``logit(calibrated) = intercept + slope x logit(model) + edge x expected edge``, the edge in
    units of cost and clipped at +-``edge_limit``. ``sd_scale`` multiplies the standard deviation of
    the expected edge, so that an interval holds the truth as often as it says.

    The numbers were fitted (``fit_calibration``) to 2,800 clients of the laboratory's populations
    "archetypes" (seeds 101 to 104) and "ticktime" (101 to 103), after 10 to 100 trades: see
    ``docs/flow.md``. The edge earned no slope: with it, other populations were calibrated worse.
    """

    intercept: float = -0.43
    slope: float = 0.81
    edge: float = 0.0
    edge_limit: float = 3.0
    sd_scale: float = 1.3


class ScoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The mixture that says how dangerous a flow is. Units: costs of a round trip.

    Without an edge a mean markout is within ``null_sd`` of zero; with one at a horizon it is
    around what pays for the trade (``least_edge`` at least) plus ``edge_offset x edge_sd``.
    ``*_weight`` are prior odds between channels, those of an entry's horizon being 1; exits count
    at one horizon only: others are noise that drowns what entries say, and results see more.
    ``result_*`` are of what trades came to, at their close or after an hour; ``sized_*`` weigh
    trades by their notional.
    ``fewest_trades`` is the number below which the answer is the prior.
    """

    prior_toxic: float = 0.12
    null_sd: tuple[float, ...] = (0.08, 0.10, 0.13, 0.18, 0.25)
    edge_sd: tuple[float, ...] = (0.57, 0.71, 0.86, 1.14, 1.57)
    edge_offset: float = 0.2
    least_edge: float = 0.21
    exit_weights: tuple[float, ...] = (0.0, 0.0, 0.1, 0.0, 0.0)
    swap_weight: float = 1.0
    result_null_sd: float = 0.18
    result_edge_sd: float = 1.14
    result_weight: float = 0.6
    sized_result_weight: float = 1.0
    sized_entry_weight: float = 0.15
    swap_trades: float = 3.0
    swap_gain: float = 8.0
    worst_log_factor: float = -12.0
    best_log_factor: float = 40.0
    interval: float = 0.90
    fewest_trades: int = 5
    drift_log_factor: float = 3.0
    calibration: Calibration = Calibration()


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How trades become markouts with a variance, and how long they count.

    Attributes:
        merge_ns: Tickets of a client on one side of a symbol that follow a first one within this
            time are one decision.
        exits: Whether what follows a close is looked at ("client": unless the platform closed).
        kappa: Fat tails and drift widen the variance of a random walk by this factor.
        floor_variance: Added to it, in squared units of cost.
        winsor_sd: Markouts count up to so many standard deviations.
        cost_floor: The least cost, as a share of the symbol's typical spread.
        half_life_trades: After so many trades a trade counts half.
        fast_half_life_trades: The same of the twin that notices drift.
        half_life_ns: After so long a trade counts half.
        variance_half_life_ns: How fast the price variance forgets.
        variance_prior_ns: How long it takes until it is believed more than the spread is.
        prior_sd_of_spread: Standard deviation per root second before that, in typical spreads.
        variance_sample_ns: Prices closer to each other are noise of the quoting.
        gap_ns: A symbol's silence is no market close below this, ...
        gap_intervals: ... nor below so many of its usual intervals between quotes.
        reference_age_ns: A fast quote that is older than this says nothing.
        commission_ways: How often the commission of an opening deal is paid for a round trip.
        jump_sd: A price that moves so many usual moves from one quote to the next jumped on news.
        e_prior: The mixing constant r of the e-process.
        e_alpha: The probability of a false alarm in a year; each quarter may use a fourth of it.
    """

    merge_ns: int = 2 * NS_PER_S
    exits: Literal["client", "all", "none"] = "client"
    kappa: float = 2.1
    floor_variance: float = 0.15
    winsor_sd: float = 5.0
    cost_floor: float = 0.25
    half_life_trades: float = 200.0
    fast_half_life_trades: float = 40.0
    half_life_ns: int = 90 * 86_400 * NS_PER_S
    variance_half_life_ns: int = 600 * NS_PER_S
    variance_prior_ns: int = 60 * NS_PER_S
    prior_sd_of_spread: float = 0.15
    variance_sample_ns: int = NS_PER_S
    gap_ns: int = 120 * NS_PER_S
    gap_intervals: float = 50.0
    reference_age_ns: int = 10 * NS_PER_S
    commission_ways: float = 2.0
    jump_sd: float = 8.0
    e_prior: float = 5.0
    e_alpha: float = 0.05
    score: ScoreSettings = ScoreSettings()

    @property
    def alarm_at(self) -> float:
        """The e-value that is an alarm: four quarters of it make a false one as rare as alpha."""
        return 4.0 / self.e_alpha


PLATFORM_CLOSES: Final = frozenset(
    {"sl", "tp", "so", "stop_loss", "take_profit", "stop_out", "stopout", "rollover", "vmargin",
     "split", "corporate_action", "dealer", "liquidation", "margin_call"}
)  # fmt: skip
"""Reasons of a deal that was no decision of the client at that moment."""
