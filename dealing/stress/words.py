"""What the words of ``plimsoll stress`` mean, or one sentence about what is wrong with each."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from dealing.stress.asked import StressAsked
from exposure.errors import ConfigError
from exposure.risk.margin_change import MarginChange
from exposure.risk.provider_margin import ANY_CLASS, ProviderTerms
from exposure.risk.scenarios import Scenario
from exposure.risk.shocks import (
    CLASS_PREFIX,
    EVERYTHING,
    Shock,
    ShockKind,
    Targets,
    UnknownTargetError,
)
from exposure.risk.stop_outs import StopOutOrder
from feeds.catalogue.scenarios import load_scenarios

Typed = TypeVar("Typed")
Meant = TypeVar("Meant")

_LP_COLUMNS: Final = ("lp", "asset_class", "margin_ratio", "equity_usd")


class Plan(NamedTuple):
    """What is to be computed, checked as far as that goes without a book."""

    shocks: tuple[Shock, ...]
    scenario: Scenario | None
    order: StopOutOrder
    margin: MarginChange | None
    terms: dict[str, ProviderTerms]


def understood(asked: StressAsked) -> Plan:
    """Return what is meant.

    Raises:
        ConfigError: With every problem, each naming its option.
    """
    problems = [*_contradictions(asked)]
    shocks: list[Shock] = []
    for text in asked.shocks:
        _collect(shocks, problems, parse_shock, text)
    names = [shock.target.upper() for shock in shocks]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [f"--shock {name} is given twice: leave one out" for name in twice]
    scenarios: list[Scenario] = []
    if asked.scenario is not None:
        _collect(scenarios, problems, find_scenario, asked.scenario)
    margins: list[MarginChange] = []
    if asked.margin is not None:
        _collect(margins, problems, parse_margin, asked.margin)
    terms: list[dict[str, ProviderTerms]] = []
    if asked.lp_terms is not None:
        _collect(terms, problems, read_terms, asked.lp_terms)
    if problems:
        raise ConfigError(problems)
    return Plan(
        tuple(shocks),
        scenarios[0] if scenarios else None,
        StopOutOrder(asked.stop_out),
        margins[0] if margins else None,
        terms[0] if terms else {},
    )


def parse_shock(text: str) -> Shock:
    """Return what ``NAME=PCT`` or ``NAME=@PRICE`` means.

    >>> parse_shock("EURUSD=-5%")
    Shock(target='EURUSD', kind=<ShockKind.PERCENT: 'percent'>, value=-5.0, reference=None)

    Raises:
        ValueError: With a sentence about what is wrong.
    """
    name, found, size = (part.strip() for part in text.rpartition("="))
    if not found or not name or not size:
        raise ValueError(
            f"--shock {text}: name what moves and how far, such as EURUSD=-5 (percent) or "
            "EURCHF=@1.02 (to a price)"
        )
    if size.startswith("@"):
        return Shock(name, ShockKind.PRICE, _number(size[1:], f"--shock {text}", "a price"))
    percent = _number(size.removesuffix("%"), f"--shock {text}", "percent such as -5")
    if percent <= -100.0:  # noqa: PLR2004 # percent
        raise ValueError(
            f"--shock {text}: nothing falls by 100 % or more; a price of zero or below is written "
            f"{name}=@PRICE"
        )
    return Shock(name, ShockKind.PERCENT, percent)


def parse_margin(text: str) -> MarginChange:
    """Return what ``NAME=LEVERAGE`` or ``NAME=xTIMES`` means.

    >>> parse_margin("class:fx=x2")
    MarginChange(target='class:fx', leverage=None, times=2.0)

    Raises:
        ValueError: With a sentence about what is wrong.
    """
    name, found, rule = (part.strip() for part in text.rpartition("="))
    if not found or not name or not rule:
        raise ValueError(
            f"--margin {text}: name a symbol and its rule, such as EURUSD=50 (at most 1:50) or "
            "EURUSD=x2 (twice the margin)"
        )
    number = _number(rule.removeprefix("x"), f"--margin {text}", "a leverage or xTIMES")
    if number <= 0.0:
        raise ValueError(f"--margin {text}: must be above 0, was {number:g}")
    return MarginChange(name, times=number) if rule[0] == "x" else MarginChange(name, number)


def find_scenario(name: str) -> Scenario:
    """Return a shipped scenario.

    Raises:
        ValueError: There is none of this name; the sentence lists those that there are.
    """
    scenarios = {one.name: one for one in load_scenarios()}
    if name.lower() in scenarios:
        return scenarios[name.lower()]
    near = difflib.get_close_matches(name.lower(), list(scenarios), n=1, cutoff=0.6)
    meant = f", did you mean {near[0]}?" if near else ""
    raise ValueError(
        f"--scenario {name}: there is no such scenario{meant} (there are {', '.join(scenarios)})"
    )


def read_terms(path: Path) -> dict[str, ProviderTerms]:
    """Read providers' terms, one row per provider and asset class (``*`` for all others).

    Columns are lp, asset_class, margin_ratio and equity_usd; call_level (percent, 100) is optional.

    Raises:
        ValueError: With a sentence about what is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise ValueError(f"--lp-terms {path} cannot be read: {e}") from e
    missing = [name for name in _LP_COLUMNS if rows and name not in rows[0]]
    if missing or not rows:
        wanted = ", ".join(missing or _LP_COLUMNS)
        raise ValueError(f"--lp-terms {path} needs rows with the columns {wanted}")
    terms: dict[str, ProviderTerms] = {}
    for line, row in enumerate(rows, 2):
        where = f"--lp-terms {path} line {line}"
        ratio = _number(row["margin_ratio"], where, "a margin_ratio such as 0.01")
        known = terms.get(row["lp"])
        ratios = {} if known is None else dict(known.margin_ratio)
        equity = _number(row["equity_usd"], where, "an equity_usd")
        level = _number(row.get("call_level") or "100", where, "a call_level in percent")
        ratios[row["asset_class"] or ANY_CLASS] = ratio
        terms[row["lp"]] = ProviderTerms(margin_ratio=ratios, equity_usd=equity, call_level=level)
    return terms


def require_known(targets: Targets, asked: StressAsked, plan: Plan) -> None:
    """Check every name against the book.

    Raises:
        ConfigError: With every name that the book does not have, or that cannot be meant.
    """
    named = [("--shock", shock.target) for shock in plan.shocks]
    named += [("--target", name) for name in asked.targets]
    named += [("--ladder", asked.ladder)] if asked.ladder is not None else []
    named += [("--margin", plan.margin.target)] if plan.margin is not None else []
    problems = [*_unknown(targets, named), *_without_price(targets, plan.shocks)]
    if problems:
        raise ConfigError(problems)


def _without_price(targets: Targets, shocks: Iterable[Shock]) -> Iterable[str]:
    for shock in shocks:
        if shock.kind is ShockKind.PRICE and targets.currency(shock.target) is not None:
            yield (
                f"--shock {shock.target}=@{shock.value:g}: {shock.target} is a currency and has no "
                f"price of its own; use percent, such as {shock.target}=-5"
            )


def _unknown(targets: Targets, named: Iterable[tuple[str, str]]) -> Iterable[str]:
    for option, name in named:
        many = name == EVERYTHING or name.startswith(CLASS_PREFIX)
        if many and option in {"--shock", "--margin"}:
            if name != EVERYTHING and not targets.of_class(name.removeprefix(CLASS_PREFIX)):
                classes = sorted({str(one.asset_class) for one in targets.instruments})
                yield f"{option} {name}: this book has no such class (it has {', '.join(classes)})"
            continue
        try:
            if option == "--margin":
                targets.symbols(name)
            else:
                targets.moved_by(name)
        except UnknownTargetError as e:
            yield f"{option} {e}"


def _contradictions(asked: StressAsked) -> Iterable[str]:
    if asked.directory is None and not asked.listing:
        yield "stress needs a directory: plimsoll stress DIR (or --list for the scenarios)"
    capital = asked.capital_usd
    if asked.reverse and capital is None:
        yield "--reverse needs --capital USD: how much may be lost"
    if not asked.reverse and capital is not None:
        yield "--capital belongs to --reverse: add it, or leave --capital out"
    if not asked.reverse and asked.targets:
        yield "--target belongs to --reverse: add it, or move something with --shock"
    if capital is not None and not (math.isfinite(capital) and capital > 0.0):
        yield f"--capital must be USD above 0, was {capital:g}"
    if asked.reverse and (asked.shocks or asked.scenario is not None):
        yield "--reverse looks for the move itself: use --target, not --shock or --scenario"
    if not (math.isfinite(asked.impact_bps) and asked.impact_bps >= 0.0):
        yield f"--impact must be basis points of 0 or more, was {asked.impact_bps:g}"


def _collect(
    found: list[Meant], problems: list[str], parse: Callable[[Typed], Meant], text: Typed
) -> None:
    try:
        found.append(parse(text))
    except ValueError as e:
        problems.append(str(e))


def _number(text: str, where: str, wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: '{text}' is no number; {wanted} is expected")
    return number
