"""What a policy decided by itself, in plain values: who, when, where to, and why."""

from __future__ import annotations

import math
from typing import Any

from bookrouting.following import Decision
from dealing.snapshot_json import milliseconds


def decision_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as docs/whatif.md describes it."""
    told = decision.proposal
    return {
        "ts_ms": milliseconds(decision.ts_ns),
        "entity": told.entity,
        "client_ids": list(told.client_ids),
        "action": told.action.value,
        "from_book": told.now.book.value,
        "from_ratio": told.now.hedge_ratio,
        "to_book": told.to.book.value,
        "to_ratio": told.to.hedge_ratio,
        "probability": _finite(told.probability),
        "expected_usd_per_month": _finite(told.expected_usd_per_month),
        "low_usd_per_month": _finite(told.low_usd_per_month),
        "high_usd_per_month": _finite(told.high_usd_per_month),
        "reasons": list(told.reasons),
        "segment": told.segment,
        "policy": told.policy,
    }


def _finite(value: float) -> float | None:
    return value + 0.0 if math.isfinite(value) else None
