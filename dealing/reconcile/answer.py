"""What three sides came to, for other programs: JSON with everything, CSV with the breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import polars as pl

from crm_sync.reconcile.breaks import age_of, breaks_of
from crm_sync.reconcile.facts import BREAKS
from crm_sync.reconcile.fixes import proposed_fix
from crm_sync.reconcile.reconciling import Reconciliation
from crm_sync.reconcile.schema import BreakClass, Side, Terms
from dealing.reconcile.files import Refused

_FORMULA: Final = r"^([=+\-@\t\r])"
"""How a text begins that a spreadsheet would compute."""


class ClassTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The breaks of one class together; ``unpriced`` ones are not in the sum."""

    break_class: BreakClass
    count: int
    usd_at_risk: float
    unpriced: int
    oldest_us: int


def class_totals(found: Reconciliation) -> list[ClassTotal]:
    """Return the totals of the classes that there are, in the order of the classes."""
    grouped = found.breaks.group_by("class").agg(
        count=pl.len(),
        usd_at_risk=pl.col("usd_at_risk").sum(),
        unpriced=pl.col("usd_at_risk").null_count(),
        oldest_us=pl.col("at_us").min(),
    )
    by_class = {row["class"]: row for row in grouped.iter_rows(named=True)}
    return [_total(word, by_class[word.value]) for word in BreakClass if word.value in by_class]


def answer_json(found: Reconciliation, terms: Terms, refused: Sequence[Refused]) -> bytes:
    """Return everything as one JSON document."""
    breaks = [
        {
            **msgspec.structs.asdict(told),
            "age": age_of(told.at_us, terms.as_of_us),
            "fix": proposed_fix(told),
        }
        for told in breaks_of(found.breaks)
    ]
    answer = {
        "as_of_us": terms.as_of_us,
        "scope": terms.scope,
        "rows": _rows(found),
        "open_breaks": found.open_breaks.height,
        "classes": class_totals(found),
        "set_aside": [one._asdict() for one in refused],
        "breaks": breaks,
    }
    return msgspec.json.encode(answer) + b"\n"


def answer_csv(found: Reconciliation) -> bytes:
    """Return the breaks as a table; what each side says stands in columns of its own."""
    said = [pl.col(side.value).struct.unnest().name.prefix(f"{side.value}_") for side in Side]
    flat = found.breaks.select(*BREAKS[: -len(Side)], *said)
    texts = pl.col(pl.String).str.replace(_FORMULA, "'$1")
    return flat.with_columns(texts).write_csv().encode()


def _rows(found: Reconciliation) -> dict[str, int]:
    """Return how many rows of each side were compared, on whatever leg."""
    counted = found.places.group_by("side").agg(pl.col("row").n_unique())
    return dict(counted.sort("side").iter_rows())


def _total(word: BreakClass, row: dict[str, Any]) -> ClassTotal:
    named = {name: value for name, value in row.items() if name != "class"}
    return ClassTotal(break_class=word, **named)
