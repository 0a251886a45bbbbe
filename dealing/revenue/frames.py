"""Facts, controls and totals as frames: one order, one form, one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from dealing.revenue.facts import (
    CONTROL_KEY,
    CONTROL_SCHEMA,
    FACT_KEY,
    FACT_SCHEMA,
    TOTAL_SCHEMA,
    Control,
    Fact,
)
from dealing.revenue.ports import Seal

AMOUNTS: Final = (
    "client_net_micro_usd",
    "lp_net_micro_usd",
    "bonus_micro_usd",
    "adjustments_micro_usd",
)
"""The parts of a control; an event's facts add up to their sum."""

Rows = Sequence[Sequence[Any]]

_HASHED_FACTS: Final = tuple(FACT_SCHEMA)
_HASHED_CONTROLS: Final = tuple(CONTROL_SCHEMA)


def facts_frame(facts: Iterable[Fact]) -> pl.DataFrame:
    """Return facts as a frame (columns FACT_SCHEMA), sorted by their key."""
    return frame_of([[msgspec.structs.astuple(fact) for fact in facts]], FACT_SCHEMA, FACT_KEY)


def controls_frame(controls: Iterable[Control]) -> pl.DataFrame:
    """Return controls as a frame (columns CONTROL_SCHEMA), sorted by their key."""
    rows = [msgspec.structs.astuple(control) for control in controls]
    return frame_of([rows], CONTROL_SCHEMA, CONTROL_KEY)


def totals_frame(rows: Rows) -> pl.DataFrame:
    """Return totals as a frame (columns TOTAL_SCHEMA), sorted; zeros are left out."""
    table = frame_of([rows], TOTAL_SCHEMA, ("dimension", "name", "component"))
    return table.filter(pl.col("amount_micro_usd") != 0)


def frame_of(
    chunks: Iterable[Rows], schema: Mapping[str, Any], order: Sequence[str]
) -> pl.DataFrame:
    """Return chunks of rows as one frame in one order; their times are ns since the epoch."""
    times = [name for name, dtype in schema.items() if isinstance(dtype, pl.Datetime)]
    raw = {name: pl.Int64() if name in times else dtype for name, dtype in schema.items()}
    none = pl.DataFrame(schema=raw)
    table = pl.concat([none, *(pl.DataFrame(rows, raw, orient="row") for rows in chunks)])
    return table.with_columns(pl.col(name).cast(schema[name]) for name in times).sort(order)


def seal_of(facts: pl.DataFrame, controls: pl.DataFrame) -> Seal:
    """Return what a day holds, so that any later change shows."""
    return Seal(
        facts=facts.height,
        controls=controls.height,
        amount_micro_usd=int(facts["amount_micro_usd"].sum()),
        facts_digest=digest(facts.select(_HASHED_FACTS)),
        controls_digest=digest(controls.select(_HASHED_CONTROLS)),
    )


def digest(frame: pl.DataFrame) -> str:
    """Return the SHA-256 of a frame's cells, the same for every way to store them."""
    times = pl.selectors.datetime()
    text = frame.with_columns(times.cast(pl.Int64)).write_csv(quote_style="always")
    return hashlib.sha256(text.encode()).hexdigest()
