"""The answer of ``plimsoll stress``: computed once, for the JSON and for the screen alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
import polars as pl

from dealing.answers import Report
from dealing.snapshot_json import milliseconds
from dealing.stress.asked import StressAsked
from dealing.stress.words import Plan
from exposure.risk.cascade import Rung, cascade_ladder
from exposure.risk.margin_change import MarginDemand, margin_demand
from exposure.risk.provider_margin import ProviderMargin, provider_margins
from exposure.risk.reverse import ReverseMove, reverse_stress
from exposure.risk.scenarios import Scenario, applicable, parallel_scenarios
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import HouseStress, StressLine, StressResult, stress, stress_line
from exposure.risk.stress_book import StressBook
from feeds.catalogue.scenarios import load_scenarios

TOP_ACCOUNTS: Final = 10


class Line(NamedTuple):
    """One scenario of the table, and the names that this book does not have."""

    scenario: Scenario
    line: StressLine
    notes: list[str]


class Answer(NamedTuple):
    """Everything that was asked for; parts that were not are empty.

    ``shocks`` is what ``result`` was computed with: the given ones, or the smallest reverse move.
    """

    as_of: int
    asked: StressAsked
    plan: Plan
    shocks: tuple[Shock, ...]
    result: StressResult
    table: list[Line]
    reverse: list[ReverseMove]
    ladder: list[Rung]
    margin: MarginDemand | None
    providers: list[ProviderMargin]
    notes: list[str]


def answer(book: StressBook, asked: StressAsked, plan: Plan, progress: Report) -> Answer:
    """Compute what was asked.

    Raises:
        UnknownTargetError: The book lacks a name (``require_known`` says so before).
    """
    reverse: list[ReverseMove] = []
    shocks, notes = _shocks(book, plan)
    if asked.capital_usd is not None:
        reverse = reverse_stress(book, asked.capital_usd, asked.targets, progress)
        found = [move for move in reverse if move.move_percent is not None]
        shocks = tuple(_as_shock(move) for move in found[:1])
    result = stress(book, shocks, plan.order)
    providers = provider_margins(book, plan.terms, result.after)
    notes += result.notes + [row.note for row in providers if row.note and plan.terms]
    nothing = not (shocks or asked.scenario or asked.reverse or asked.ladder or plan.margin)
    return Answer(
        book.engine.as_of,
        asked,
        plan,
        shocks,
        result,
        stress_table(book) if nothing else [],
        reverse,
        []
        if asked.ladder is None
        else cascade_ladder(
            book, asked.ladder, impact_bps_per_musd=asked.impact_bps, order=plan.order
        ),
        None if plan.margin is None else margin_demand(book, plan.margin),
        providers,
        notes,
    )


def stress_table(book: StressBook) -> list[Line]:
    """Return every scenario that moves something of this book, and every currency alone."""
    lines = []
    for scenario in (*load_scenarios(), *parallel_scenarios(book.targets)):
        shocks, notes = applicable(scenario, book)
        if shocks:
            lines.append(Line(scenario, stress_line(book, shocks), notes))
    return lines


def top_accounts(result: StressResult) -> pl.DataFrame:
    """Return the accounts that cost the house most, as far as they cost anything."""
    costly = result.accounts.filter(pl.col("cost_usd") > 0.0)
    return costly.sort("cost_usd", descending=True, maintain_order=True).head(TOP_ACCOUNTS)


def answer_json(answer: Answer) -> bytes:
    """Return the answer as one JSON object (semantics.md section 10 and docs/risk.md).

    Units: money of an account in its currency unless ``_usd``, moves and levels in percent.
    """
    result, plan = answer.result, answer.plan
    deficits = result.accounts["deficit_usd"].sum()
    found = {
        "as_of_ms": None if answer.as_of == 0 else milliseconds(answer.as_of),
        "scenario": None if plan.scenario is None else plan.scenario.name,
        "shocks": [_shock(shock) for shock in answer.shocks],
        "stop_out_order": plan.order,
        "accounts": result.accounts.to_dicts(),
        "house": _house(result.house),
        "total_usd": result.house.total_usd,
        "deficits_usd": deficits,
        "negative_balance_cost": {
            "a_usd": result.house.deficit_a_usd,
            "b_usd": result.house.deficit_b_usd,
        },
        "stopped_out": int(result.accounts["stopped_out"].sum()),
        "top_accounts": top_accounts(result).to_dicts(),
        "symbols": result.symbols.to_dicts(),
        "providers": [row._asdict() for row in answer.providers],
        "scenarios": [_line(line) for line in answer.table],
        "reverse": _reverse(answer),
        "ladder": [_rung(rung) for rung in answer.ladder],
        "margin": None if answer.margin is None else _margin(answer.margin),
        "notes": answer.notes,
    }
    return orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)


def scenario_rows(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """Return scenarios as plain values."""
    return [
        {
            "name": one.name,
            "date": one.date or None,
            "title": one.title,
            "shocks": [_shock(shock) for shock in one.shocks],
            "source": one.source,
            "from_memory": one.from_memory,
        }
        for one in scenarios
    ]


def _shocks(book: StressBook, plan: Plan) -> tuple[tuple[Shock, ...], list[str]]:
    """Return the scenario's shocks and the given ones; what is given replaces its namesake."""
    if plan.scenario is None:
        return plan.shocks, []
    given = {shock.target.upper() for shock in plan.shocks}
    shocks, notes = applicable(plan.scenario, book)
    kept = tuple(shock for shock in shocks if shock.target.upper() not in given)
    return kept + plan.shocks, notes


def _as_shock(move: ReverseMove) -> Shock:
    return Shock(move.target, ShockKind.PERCENT, move.move_percent or 0.0)


def _house(house: HouseStress) -> dict[str, float]:
    return {**house._asdict(), "total_usd": house.total_usd}


def _shock(shock: Shock) -> dict[str, Any]:
    return {"target": shock.target, "kind": shock.kind, "value": shock.value}


def _line(line: Line) -> dict[str, Any]:
    return {
        "scenario": line.scenario.name,
        "title": line.scenario.title,
        "from_memory": line.scenario.from_memory,
        "house": _house(line.line.house),
        "stopped_out": line.line.stopped_out,
        "deficits_usd": line.line.deficits_usd,
        "notes": line.notes,
    }


def _reverse(answer: Answer) -> dict[str, Any] | None:
    if not answer.asked.reverse:
        return None
    moves = [move._asdict() for move in answer.reverse]
    found = [move for move in moves if move["move_percent"] is not None]
    smallest = found[0] if found else None
    return {"capital_usd": answer.asked.capital_usd, "smallest": smallest, "moves": moves}


def _rung(rung: Rung) -> dict[str, Any]:
    return {**rung._asdict(), "stopped_out": len(rung.logins), "house": _house(rung.house)}


def _margin(demand: MarginDemand) -> dict[str, Any]:
    return {**demand._asdict(), "accounts": demand.accounts.to_dicts()}
