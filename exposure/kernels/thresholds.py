"""When an account reaches a threshold, and how far it is from one.

Source: semantics.md section 5.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from exposure.kernels.compiling import kernel
from exposure.kernels.tolerances import LEVEL_TOLERANCE, MONEY_TOLERANCE

REARM_POINTS: Final = 5.0
_CALL, _OUT, _NEGATIVE = 1, 2, 4


@kernel
def margin_level(equity: float, margin: float) -> float:
    """Return 100 x equity / margin in percent, infinity without margin."""
    if margin < MONEY_TOLERANCE:
        return np.inf
    return 100.0 * equity / margin


@kernel
def crossed(fired: int, equity: float, level: float, call_level: float, out_level: float) -> int:
    """Return the new ``fired`` bits of an account.

    A bit that is new has fired on this event; one that is gone has re-armed.

    Units: equity in account currency, levels in percent.
    """
    bits = 0
    if _is_on(fired & _CALL, level, call_level):
        bits |= _CALL
    if _is_on(fired & _OUT, level, out_level):
        bits |= _OUT
    if equity < -MONEY_TOLERANCE:
        bits |= _NEGATIVE
    return bits


@kernel
def _is_on(has_fired: int, level: float, threshold: float) -> bool:
    if has_fired:
        return bool(level <= threshold + REARM_POINTS + LEVEL_TOLERANCE)
    return bool(level <= threshold + LEVEL_TOLERANCE)


@kernel
def room_of(
    fired: int, equity: float, margin: float, call_level: float, out_level: float
) -> tuple[float, float]:
    """Return how far equity may fall and rise before ``crossed`` says something else.

    Units: account currency. Infinite where no threshold lies in that direction.
    """
    floor, ceiling = -np.inf, np.inf
    if margin >= MONEY_TOLERANCE:
        for kind in range(2):
            threshold = (call_level if kind == 0 else out_level) + LEVEL_TOLERANCE
            if fired & (1 << kind):
                ceiling = min(ceiling, (threshold + REARM_POINTS) / 100.0 * margin)
            else:
                floor = max(floor, threshold / 100.0 * margin)
    if fired & _NEGATIVE:
        ceiling = min(ceiling, -MONEY_TOLERANCE)
    else:
        floor = max(floor, -MONEY_TOLERANCE)
    return equity - floor, ceiling - equity
