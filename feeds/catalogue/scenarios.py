"""Stress scenarios that ship with Plimsoll, a table beside this module: events and what they moved.

``from_memory`` rows hold figures that were not checked against a source.
"""

from __future__ import annotations

from functools import cache

from exposure.risk.scenarios import Scenario
from exposure.risk.shocks import Shock, ShockKind
from feeds.catalogue import read_rows

TABLE = "stress_scenarios"


@cache
def load_scenarios() -> tuple[Scenario, ...]:
    """Return every scenario in file order; the rows of one are its shocks."""
    rows_of: dict[str, list[dict[str, str]]] = {}
    for row in read_rows(TABLE):
        rows_of.setdefault(row["scenario"], []).append(row)
    return tuple(_scenario(name, rows) for name, rows in rows_of.items())


def _scenario(name: str, rows: list[dict[str, str]]) -> Scenario:
    return Scenario(
        name=name,
        title=rows[0]["title"],
        date=rows[0]["date"],
        shocks=tuple(_shock(row) for row in rows),
        source="; ".join(dict.fromkeys(row["source"] for row in rows)),
        from_memory=any(row["from_memory"] == "yes" for row in rows),
    )


def _shock(row: dict[str, str]) -> Shock:
    reference = float(row["reference"]) if row["reference"] else None
    return Shock(row["target"], ShockKind(row["kind"]), float(row["value"]), reference)
