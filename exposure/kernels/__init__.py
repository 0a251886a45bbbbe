"""The hot path, compiled: quotes, values, margins, thresholds and the bounds that save the rest.

compiling   how, and what renews what is kept on disk
values      prices, rates, and what positions are worth
margins     what accounts tie up
thresholds  margin call, stop-out, negative equity
bounds      the lazy trigger index
ticks       what a quote or another event does
"""

from exposure.kernels.bounds import anchor
from exposure.kernels.compiling import background_kernel, kernel
from exposure.kernels.margins import (
    account_margin,
    hedged_margin,
    refresh_margins,
    tiered_margin,
)
from exposure.kernels.thresholds import REARM_POINTS, crossed, margin_level, room_of
from exposure.kernels.ticks import (
    BUFFER_FULL,
    END_OF_BATCH,
    FIRST_QUOTE,
    apply_quotes,
    settle,
    settle_deal,
    settle_symbol,
    touch_symbol,
    value_accounts,
)
from exposure.kernels.tolerances import LEVEL_TOLERANCE, LOTS_TOLERANCE, MONEY_TOLERANCE
from exposure.kernels.values import (
    ACCEPTED,
    BAD_QUOTE,
    OUT_OF_ORDER,
    UNKNOWN_SYMBOL,
    refresh_account,
    refresh_everybody,
    refresh_pair,
)

__all__ = [
    "ACCEPTED", "BAD_QUOTE", "BUFFER_FULL", "END_OF_BATCH", "FIRST_QUOTE", "LEVEL_TOLERANCE",
    "LOTS_TOLERANCE", "MONEY_TOLERANCE", "OUT_OF_ORDER", "REARM_POINTS", "UNKNOWN_SYMBOL",
    "account_margin", "anchor", "apply_quotes", "background_kernel", "crossed", "hedged_margin",
    "kernel", "margin_level", "refresh_account", "refresh_everybody", "refresh_margins",
    "refresh_pair", "room_of", "settle", "settle_deal", "settle_symbol", "tiered_margin",
    "touch_symbol", "value_accounts",
]  # fmt: skip
