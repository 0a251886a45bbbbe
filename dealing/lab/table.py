"""The answer for people: one line per population, seed and number of trades, then the promises."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from dealing.lab.evaluation import Course, Row
from dealing.lab.placebos import Placebo
from dealing.lab.targets import Target

_HEADINGS = (
    "population", "seed", "trades", "clients", "toxic",
    "AUC", "oracle", "closed form", "best rule", "precision", "ECE", "Brier skill",
)  # fmt: skip


def show(
    rows: list[Row],
    courses: list[Course],
    placebos: list[Placebo],
    targets: list[Target],
    console: Console,
) -> None:
    """Print everything that was measured."""
    console.print(_rows_table(rows))
    console.print(_courses_table(courses))
    if placebos:
        console.print(_placebo_table(placebos))
    console.print(_targets_table(targets))
    reached = sum(one.reached is True for one in targets)
    console.print(f"{reached} of {len(targets)} promises kept")


def _rows_table(rows: list[Row]) -> Table:
    table = Table(caption="toxic (edge above 0) against benign (edge below -0.7 costs)")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "population" else "right")
    for row in rows:
        name, best = _best(row.auc_rules)
        table.add_row(
            row.population,
            *(str(n) for n in (row.seed, row.n, row.clients, row.toxic)),
            *(_figure(x) for x in (row.auc, row.auc_oracle, row.auc_closed_form)),
            f"{_figure(best)} {name}",
            *(_figure(x) for x in (row.precision_at_k, row.ece, row.brier_skill)),
        )
    return table


def _courses_table(courses: list[Course]) -> Table:
    table = Table(caption="median trades until found, at 5 % of harmless clients ever flagged")
    for heading in ("population", "seed", "found", "after", "false", "alarmed", "null", "captured"):
        table.add_column(heading, justify="left" if heading in {"population", "after"} else "right")
    for one in courses:
        after = (f"{kind} {'never' if n is None else n}" for kind, n in one.found_after.items())
        table.add_row(
            one.population,
            str(one.seed),
            _figure(one.found),
            ", ".join(after),
            *(_figure(x) for x in (one.ever_false, one.alarmed, one.alarm_null, one.captured)),
        )
    return table


def _placebo_table(placebos: list[Placebo]) -> Table:
    table = Table(caption="what must not matter, and what must")
    for heading in ("placebo", "population", "seed", "value", "goal", ""):
        table.add_column(heading, justify="right" if heading in {"seed", "value"} else "left")
    for one in placebos:
        table.add_row(
            one.name,
            one.population,
            str(one.seed),
            f"{one.value:.3g}",
            one.goal,
            "passed" if one.passed else "FAILED",
        )
    return table


def _targets_table(targets: list[Target]) -> Table:
    table = Table(caption="promises: median of the seeds (worst seed)")
    for heading in ("population", "promise", "median", "goal", "worst", "goal", ""):
        is_text = heading in {"population", "promise", ""}
        table.add_column(heading, justify="left" if is_text else "right")
    for one in targets:
        table.add_row(
            one.population,
            one.name,
            _figure(one.median),
            _figure(one.median_goal),
            _figure(one.worst),
            "" if one.worst_goal is None else _figure(one.worst_goal),
            "reached" if one.reached else "NOT reached",
        )
    return table


def _best(rules: dict[str, float | None]) -> tuple[str, float | None]:
    known = {name: value for name, value in rules.items() if value is not None}
    if not known:
        return "", None
    name = max(known, key=known.__getitem__)
    return name, known[name]


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10.0 else f"{value:,.0f}"  # noqa: PLR2004
