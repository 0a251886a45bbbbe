"""Tolerances of semantics.md section 5, so that binary rounding never fires an alarm."""

from typing import Final

LEVEL_TOLERANCE: Final = 1e-9
LOTS_TOLERANCE: Final = 1e-9
MONEY_TOLERANCE: Final = 1e-6
